r"""The network of the exercise: L layers with weights, 10 wide, ELU between them and a softmax at the end.

    h₀ = x,   z_l = W_l h_{l−1} + b_l,   h_l = ELU(z_l) for l < L,   p = softmax(z_L)

L counts the matrices W₁, …, W_L, by whose numbers the gradients ∇_{W_l} ℓ are asked for. So L = 5 has four hidden
layers and a fifth that answers the classes.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..face.compiled import compile
from ..nn import ELU, Linear, Sequential, Softmax

WIDTH, LAYERS, DEEP = 10, 5, 30
FEATURES, CLASSES = 5, 3
SEED = 42
INPUT = (1.0, 2.0, 3.0, 4.0, 5.0)

Array = NDArray[np.float64]

PROGRAM = """\
import numpy as np

np.random.seed({seed})
sizes = [{sizes}]
h = np.array([{x}])
for l, (n_in, n_out) in enumerate(zip(sizes, sizes[1:]), 1):
    W = np.random.randn(n_out, n_in) * np.sqrt(2 / n_in)
    z = W @ h                                     # the biases are 0
    h = np.where(z > 0, z, np.exp(z) - 1) if l < {layers} else np.exp(z) / np.exp(z).sum()
print(h)
"""
"""The exercise in plain NumPy, for `str.format`: see `program`."""


def sizes(layers: int, features: int = FEATURES, classes: int = CLASSES) -> list[int]:
    """
    >>> sizes(5)
    [5, 10, 10, 10, 10, 3]
    """
    return [features, *[WIDTH] * (layers - 1), classes]


def first_weights(layers: int, features: int = FEATURES, classes: int = CLASSES, seed: int = SEED) -> list[Array]:
    """W₁, …, W_L, each (out, in): randn(out, in) · √(2/in), one after the other from ``numpy.random.seed(seed)``.

    He, Zhang, Ren and Sun, Delving deep into rectifiers, ICCV 2015, equation 10. NumPy promises that `RandomState`
    goes on drawing these numbers.
    """
    rng = np.random.RandomState(seed)
    return [rng.randn(out, into) * np.sqrt(2 / into) for into, out in pairwise(sizes(layers, features, classes))]


def network(layers: int, features: int = FEATURES, classes: int = CLASSES, seed: int = SEED) -> Sequential:
    """The network up to z_L, as it is trained: the loss "cross_entropy" puts the softmax behind it.

    A layer here takes rows, Z = H W + b, so that it holds the transpose of the matrix that is drawn.

    >>> network(2)
    Sequential(Linear(5, 10, init=an array (5, 10)), ELU(), Linear(10, 3, init=an array (10, 3)))
    """
    modules: list[Any] = []
    for W in first_weights(layers, features, classes, seed):
        modules += [Linear(W.shape[1], W.shape[0], init=np.ascontiguousarray(W.T)), ELU()]
    return Sequential(*modules[:-1])


def values(layers: int, seed: int = SEED, x: tuple[float, ...] = INPUT) -> dict[str, Array]:
    """z₁, h₁, …, z_L and p of the untrained network for one input x: {"Z1": …, "H1": …, …, "Z5": …, "P": …}.

    >>> values(5)["P"].round(4).tolist()
    [0.1836, 0.4039, 0.4125]
    """
    whole = Sequential(*network(layers, seed=seed), Softmax())
    graph = whole.graph()
    steps = {"P" if e.node is graph.output else e.name: e.node for e in graph.equations()}
    found = compile(graph.returning(*steps.values()))(X=np.array([x]), **whole.initial())
    return {name: np.asarray(a)[0] for name, a in zip(steps, found)}


def output(layers: int, seed: int = SEED, x: tuple[float, ...] = INPUT) -> Array:
    """The untrained network's probabilities for one input x."""
    return values(layers, seed, x)["P"]


def program(layers: int, seed: int = SEED, x: tuple[float, ...] = INPUT) -> str:
    """The same in plain NumPy, to be pasted and run."""
    return PROGRAM.format(
        seed=seed, sizes=", ".join(map(str, sizes(layers))), x=", ".join(f"{a:g}" for a in x), layers=layers
    )


__all__ = [
    "CLASSES", "DEEP", "FEATURES", "INPUT", "LAYERS", "SEED", "WIDTH", "first_weights", "network", "output", "program",
    "sizes", "values",
]  # fmt: skip
