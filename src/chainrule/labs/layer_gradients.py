r"""How the gradient goes back through a chain of layers, and what W and the activation do to it in each.

    ∂ℓ/∂z_l = ∂ℓ/∂h_l ⊙ ELU′(z_l),   ∂ℓ/∂h_{l−1} = ∂ℓ/∂z_l W_l (its rows),   ∇_{W_l} ℓ = Σ over rows of ∂ℓ/∂z_l h_{l−1}ᵀ

so that on the way back each layer multiplies the norm by a factor that is a product of two, one of each equation:

    ‖∂ℓ/∂h_{l−1}‖ / ‖∂ℓ/∂h_l‖  =  ‖∂ℓ/∂z_l‖ / ‖∂ℓ/∂h_l‖  ·  ‖∂ℓ/∂h_{l−1}‖ / ‖∂ℓ/∂z_l‖
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnose import GradientNorms, gradient_norms
from ..nn import Module

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LayerGradients:
    """The Frobenius norms of a network's gradients at a point, layer by layer; L layers.

    report       cr.diagnose.gradient_norms at the point: its verdict, ratio and factors
    weights      ‖∇_{W_l} ℓ‖ for l = 1 … L
    received     ‖∂ℓ/∂z_l‖ for l = 1 … L
    forward      ‖h_l‖ for l = 0 … L − 1, with h₀ = x
    activation   ‖∂ℓ/∂z_l‖ / ‖∂ℓ/∂h_l‖ for l = 2 … L − 1: what ELU′ does
    matrix       ‖∂ℓ/∂h_{l−1}‖ / ‖∂ℓ/∂z_l‖ for l = 2 … L − 1: what W_l does
    """

    report: GradientNorms
    weights: Array
    received: Array
    forward: Array
    activation: Array
    matrix: Array

    @property
    def layers(self) -> int:
        """L."""
        return len(self.weights)

    @property
    def factors(self) -> Array:
        """‖∂ℓ/∂h_{l−1}‖ / ‖∂ℓ/∂h_l‖ for l = 2 … L − 1, the products of `activation` and `matrix`."""
        return np.array([self.report.factors[f"H{l}"] for l in range(1, self.layers - 1)])

    @property
    def ratio(self) -> float:
        """‖∂ℓ/∂h₁‖ / ‖∂ℓ/∂h_{L−1}‖, the product of all factors."""
        return self.report.ratio

    @property
    def mean_factor(self) -> float:
        """The geometric mean of the factors."""
        return self.report.mean_factor

    @property
    def mean_activation(self) -> float:
        """The geometric mean of `activation`."""
        return _mean(self.activation)

    @property
    def mean_matrix(self) -> float:
        """The geometric mean of `matrix`; with `mean_activation` its product is `mean_factor`."""
        return _mean(self.matrix)

    @property
    def alignment(self) -> Array:
        """c_l = ‖∇_{W_l} ℓ‖ / (‖∂ℓ/∂z_l‖ ‖h_{l−1}‖) in [0, 1]: how far the rows' contributions point the same way."""
        return self.weights / (self.received * self.forward)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "verdict": self.report.verdict, "ratio": self.ratio, "mean_factor": self.mean_factor,
            "mean_factor_of_elu": self.mean_activation, "mean_factor_of_W": self.mean_matrix,
            "norm_dW": self.weights.tolist(), "factors": self.factors.tolist(),
            "factors_of_elu": self.activation.tolist(), "factors_of_W": self.matrix.tolist(),
        }  # fmt: skip


def layer_gradients(net: Module, params: Mapping[str, Array], X: Array, y: NDArray[Any]) -> LayerGradients:
    """The gradients of ℓ, the mean cross-entropy of the rows X and y, in a chain of Linear layers and activations.

    >>> from .deep_elu import network
    >>> net = network(6)
    >>> rng = np.random.default_rng(0)
    >>> found = layer_gradients(net, net.initial(), rng.normal(size=(40, 5)), rng.integers(0, 3, 40))
    >>> len(found.weights), len(found.factors)
    (6, 4)
    >>> bool(np.allclose(found.factors, found.activation * found.matrix))
    True
    """
    report = gradient_norms(net.loss_graph(), {**params, "X": X, "y": y})
    of = report.quantities
    layers = sum(name.startswith("W") for name in of)
    hidden = np.array([of[f"H{l}"].gradient for l in range(1, layers)])
    received = np.array([of[f"Z{l}"].gradient for l in range(1, layers + 1)])
    with np.errstate(divide="ignore", invalid="ignore"):
        return LayerGradients(
            report,
            weights=np.array([of[f"W{l}"].gradient for l in range(1, layers + 1)]),
            received=received,
            forward=np.array([np.linalg.norm(X), *(of[f"H{l}"].norm for l in range(1, layers))]),
            activation=received[1:-1] / hidden[1:],
            matrix=hidden[:-1] / received[1:-1],
        )


def _mean(factors: Array) -> float:
    with np.errstate(divide="ignore"):
        return float(np.exp(np.log(factors).mean())) if len(factors) else np.nan


__all__ = ["LayerGradients", "layer_gradients"]
