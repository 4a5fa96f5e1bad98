"""How large gradients are from layer to layer, and whether they vanish or explode on the way back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..calculus.intermediate import every_adjoint
from ..calculus.reverse import active_nodes
from ..face.graph import Graph, trace
from ..face.point import evaluate
from ..face.shown import rounded
from ..graph.errors import GraphError, NamingError
from ..graph.node import LEAF, Node, walk
from ..views.grid import Grid
from .quantities import Target, arrays_of, called, layers_of, loss_of
from .report import Report

FAR_APART = 100.0
"""From this ratio on between the gradients of the first and the last layer they count as vanishing or exploding.

One learning rate serves all layers. With gradients a factor of 100 apart, a rate that suits one end moves the other
by less than 1 % of what it would need, or by 100 times too much.
"""


@dataclass(frozen=True)
class Quantity:
    """A parameter or a hidden quantity.

    norm       its Frobenius norm ‖v‖
    gradient   ‖∂L/∂v‖
    role       "parameter", or "hidden"
    """

    name: str
    role: str
    shape: tuple[int, ...]
    norm: float
    gradient: float


@dataclass(frozen=True)
class GradientNorms(Report):
    """Gradient norms at a point, and the verdict on them; made by `cr.diagnose.gradient_norms`.

    quantities   name -> Quantity, in order of computation
    layers       the names of the layers h₁, …, h_K in forward order
    factors      ‖∂L/∂h₍k₋₁₎‖ / ‖∂L/∂h_k‖ by the name of h₍k₋₁₎, the layer that the gradient arrives at
    """

    quantities: Mapping[str, Quantity]
    layers: tuple[str, ...]
    factors: Mapping[str, float]
    loss: float
    name: str = "the loss"

    @property
    def ratio(self) -> float:
        """‖∂L/∂h₁‖ / ‖∂L/∂h_K‖, the product of the factors; NaN where there are fewer than two layers."""
        if not self.factors:
            return math.nan
        return _over(self.quantities[self.layers[0]].gradient, self.quantities[self.layers[-1]].gradient)

    @property
    def mean_factor(self) -> float:
        """The geometric mean of the factors: the ratio's root of degree K − 1."""
        return self.ratio ** (1 / len(self.factors)) if self.factors else math.nan

    @property
    def verdict(self) -> str:
        """What becomes of the gradient on its way back through the layers, in a word or two.

        vanishing   the ratio is below 1/100, so the geometric mean of the K − 1 factors below 100^(−1/(K−1))
        exploding   the ratio is above 100
        steady      it lies between
        zero        no gradient arrives at any of the layers: a stationary point, or units that are all dead
        not finite  a gradient is infinite or NaN
        too few layers   there are fewer than two
        """
        gradients = [q.gradient for q in self.quantities.values() if q.role == "parameter" or q.name in self.layers]
        if not all(map(math.isfinite, gradients)):
            return "not finite"
        if not self.factors:
            return "too few layers"
        if not any(self.quantities[k].gradient for k in self.layers):
            return "zero"
        if self.ratio < 1 / FAR_APART:
            return "vanishing"
        return "exploding" if self.ratio > FAR_APART else "steady"

    @property
    def title(self) -> str:
        """The verdict and the numbers that it rests on."""
        start = f"Gradients of {self.name}: {self.verdict}"
        if not self.factors:
            return start
        first, last = self.layers[0], self.layers[-1]
        return (
            f"{start}; from {last} back to {first} the norm changes by {rounded(self.ratio)}, "
            f"by {rounded(self.mean_factor)} a layer"
        )

    @property
    def grid(self) -> Grid:
        """A row for each quantity; the factor stands where the gradient arrives."""
        rows = []
        for k, q in self.quantities.items():
            factor = rounded(self.factors[k]) if k in self.factors else ""
            shape = "×".join(map(str, q.shape)) or "scalar"
            rows.append((k, q.role, shape, rounded(q.norm), rounded(q.gradient), factor))
        notes = ["‖·‖ is the Frobenius norm; the factor of a layer is ‖∂L/∂h‖ over that of the next layer"]
        if self.factors:
            root = "" if len(self.factors) == 1 else f", so the mean factor {rounded(self._edge)}"
            notes.append(f"vanishing below a ratio of 1/{FAR_APART:g}{root}; exploding above {FAR_APART:g}")
        else:
            notes.append("a verdict needs two layers or more; name them in forward order: layers=[...]")
        return Grid(("quantity", "role", "shape", "‖v‖", "‖∂L/∂v‖", "factor"), tuple(rows), tuple(notes))

    @property
    def _edge(self) -> float:
        return FAR_APART ** (-1 / len(self.factors))

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the verdict, the ratio, the factors and every norm."""
        return {
            "name": self.name, "loss": self.loss, "verdict": self.verdict, "ratio": self.ratio,
            "mean_factor": self.mean_factor, "threshold": FAR_APART, "layers": list(self.layers),
            "factors": dict(self.factors), "quantities": [vars(q) for q in self.quantities.values()],
        }  # fmt: skip


def gradient_norms(target: Target, point: Mapping[str, Any], layers: Sequence[str] | None = None) -> GradientNorms:
    """‖v‖ and ‖∂L/∂v‖ for each parameter and named hidden quantity, and how gradients change from layer to layer.

    target   a loss: a Graph such as ``net.loss_graph(...)``, or a function as `cr.trace` takes it
    point    name -> array for the inputs of the graph, the noise too
    layers   the names of two or more hidden quantities in forward order; by default those that enter a product with
             a parameter, as h does in h @ W: the longest chain of them, where there are branches

    With layers h₁, …, h_K the measured factors are ‖∂L/∂h₍k₋₁₎‖ / ‖∂L/∂h_k‖. Their product is the ratio
    ‖∂L/∂h₁‖ / ‖∂L/∂h_K‖ and their geometric mean q is its root of degree K − 1. Gradients are called vanishing below
    the ratio 1/100 and exploding above 100: one learning rate then suits only one end of the net. Norms are Frobenius
    norms over the whole batch, of any size without overflow. Computed on NumPy, in the precision of the point.

    Hochreiter 1991; Bengio, Simard and Frasconi, Learning long-term dependencies with gradient descent is difficult,
    1994; Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, ICML 2013, section 2.1.
    PyTorch and JAX show the gradients of parameters only; those of hidden quantities need hooks.

    Raises GraphError for a graph without parameters, NamingError for unknown layers, NoDerivative where the output is
    no real scalar, InputError for arrays that do not fit.

    >>> import chainrule as cr, numpy as np
    >>> def deep(x: "n", W1: "n n", W2: "n n", W3: "n n"):
    ...     h1 = cr.tanh(W1 @ x)
    ...     h2 = cr.tanh(W2 @ h1)
    ...     return cr.sum(W3 @ h2)
    >>> W = 0.002 * np.eye(2)
    >>> report = cr.diagnose.gradient_norms(cr.trace(deep), dict(x=[1., 1.], W1=W, W2=W, W3=W))
    >>> report.verdict, round(report.factors["h1"], 6), report.layers
    ('vanishing', 0.002, ('h1', 'h2'))
    """
    whole = trace(target)
    graph, parameters = loss_of(whole, None)
    arrays = arrays_of(whole, graph, point)
    chain = layers_of(graph) if layers is None else _named(graph, layers)
    leaves = [graph[k] for k in parameters]
    passed = set(active_nodes(graph.output, leaves))
    hidden = [n for n in walk(graph.output) if n in passed and n.op is not LEAF and n is not graph.output]
    shown = [*leaves, *(n for n in hidden if n in graph.names or n in chain)]
    chain = [n for n in chain if n in shown]
    adjoints = every_adjoint(graph.output, shown)
    with np.errstate(all="ignore"):
        found = evaluate(graph, [graph.output, *shown, *adjoints.values()], arrays)
    names = distinct(graph, shown)
    quantities = {
        names[n]: Quantity(
            names[n], "parameter" if n.op is LEAF else "hidden", found[n].shape,
            norm(found[n]), norm(found[adjoints[n]]),
        )
        for n in shown
    }  # fmt: skip
    order = tuple(names[n] for n in chain)
    factors = {a: _over(quantities[a].gradient, quantities[b].gradient) for a, b in pairwise(order)}
    return GradientNorms(quantities, order, factors, float(found[graph.output]), graph.name)


def norm(a: Any) -> float:
    """The Frobenius norm, which neither overflows nor underflows in between.

    >>> norm([3e300, 4e300]), norm([3e-200, 4e-200])
    (5e+300, 5e-200)
    """
    a = np.asarray(a, np.float64)
    largest = float(np.max(np.abs(a), initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm((a / largest).ravel()))


def _over(a: float, b: float) -> float:
    if b == 0:
        return math.nan if a == 0 or math.isnan(a) else math.inf
    return a / b


def _named(graph: Graph, layers: Sequence[str]) -> list[Node]:
    if isinstance(layers, str) or len(layers) < 2 or len(set(layers)) < len(layers):
        raise GraphError(f"layers= takes the names of two or more hidden quantities in forward order, not {layers!r}")
    nodes = [graph[k] for k in layers]
    place = {n: k for k, n in enumerate(walk(graph.output))}
    for name, n in zip(layers, nodes):
        if n.op is LEAF or n not in place:
            raise NamingError(f"layers: {name} is no hidden quantity that the loss is computed from")
    for (a, low), (b, high) in pairwise(zip(layers, nodes)):
        if low not in walk(high):
            raise GraphError(f"layers go forward, and {b} is not computed from {a}")
    return nodes


def distinct(graph: Graph, nodes: Sequence[Node]) -> dict[Node, str]:
    """What each node is called, with a number where two long expressions read alike."""
    found: dict[Node, str] = {}
    for n in nodes:
        name, k = called(graph, n), 1
        while (label := name if k == 1 else f"{name} ({k})") in found.values():
            k += 1
        found[n] = label
    return found


__all__ = ["FAR_APART", "GradientNorms", "Quantity", "distinct", "gradient_norms", "norm"]
