"""Layers with weights, embeddings, dropout, flattening, and a layer from a plain function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

from ..graph.dims import Dim, shape_text, size
from ..graph.dims import total as entries
from ..graph.errors import GraphError, InputError, ShapeError
from ..graph.node import Node, node
from ..ops.arithmetic import equal, where
from ..ops.indexing import arange
from ..ops.movement import reshape
from ..ops.reduce import norm
from .builder import BATCH, Builder
from .initialisers import ColumnNorms, He, Initialiser, Normal, Zeros, initialiser
from .module import Module


def sizes(name: str, *given: Any) -> tuple[Any, ...]:
    """Sizes of features: integers of at least 1, or symbols such as "h". Raises ShapeError."""
    found = []
    for s in given:
        if isinstance(s, bool) or not isinstance(s, (Integral, str, Dim)):
            raise ShapeError(f"{name}: a size is an integer or a symbol such as 'h', not {s!r}")
        if isinstance(s, Integral) and s < 1:
            raise ShapeError(f"{name}: a size must be at least 1, and {s} is not")
        if s == BATCH:
            raise ShapeError(f"{name}: {BATCH} is the size of a batch; choose another letter")
        found.append(size(s if isinstance(s, (str, Dim)) else int(s)))
    return tuple(found)


@dataclass(frozen=True, repr=False)
class Linear(Module):
    """Z = X W + b: X (n, inputs), W (inputs, outputs), b (outputs,), Z (n, outputs).

    inputs        an integer; or a symbol such as "d", to derive and count for any size; so with outputs
    bias          False leaves b out; an initialiser or an array is what b starts from, in place of zeros
    init          an initialiser, or an array (inputs, outputs), that W starts from
    weight_norm   W = g V/‖V‖: each column of W is a direction V, of any length, times a length g (outputs,), and V and
                  g are the parameters. They start with W = V.

    PyTorch's Linear holds the transpose, (out, in), and starts from a narrower uniform distribution; see `He`.
    Source of weight norm: Salimans and Kingma, Weight normalization, NIPS 2016, equation 2. PyTorch's
    ``weight_norm(Linear)`` calls V weight_v or ``original1``, and g ``original0``.

    >>> import chainrule as cr
    >>> print(cr.nn.Linear("d", "h", weight_norm=True).graph().text())
    W1 = g1 ⊙ (V1 / norm(V1, axis=0))
    Z1 = X @ W1 + b1
    """

    inputs: Any
    outputs: Any
    bias: Any = True
    init: Any = field(default=He())
    weight_norm: bool = False

    def __post_init__(self) -> None:
        sizes("Linear", self.inputs, self.outputs)
        object.__setattr__(self, "init", initialiser(self.init))
        if not isinstance(self.bias, bool):
            object.__setattr__(self, "bias", initialiser(self.bias))

    @property
    def takes(self) -> tuple[Any, ...]:
        return sizes("Linear", self.inputs)

    def build(self, x: Node, here: Builder) -> Node:
        Z = x @ self._weights(here)
        if self.bias is not False:
            Z = Z + here.parameter("b", (self.outputs,), Zeros() if self.bias is True else self.bias)
        return here.named("Z", Z)

    def _weights(self, here: Builder) -> Node:
        if not self.weight_norm:
            return here.parameter("W", (self.inputs, self.outputs), self.init)
        V = here.parameter("V", (self.inputs, self.outputs), self.init)
        g = here.parameter("g", (self.outputs,), ColumnNorms(V.attr("name")))
        return here.weight("W", g * (V / norm(V, axis=0)))


@dataclass(frozen=True, repr=False)
class Embedding(Module):
    """V[i, t] = E[X[i, t]], a row of E for each word: X (n, length), E (words, features), V (n, length, features).

    words      N, the numbers 0 … N − 1 that words have
    features   of a word's vector
    length     how many words make an example; ``Flatten(length, features)`` lays their vectors side by side
    init       an initialiser, or an array (words, features), that E starts from

    X holds whole numbers. They are data like any other and become float32 in `cr.fit`, where each is exact up to 2²⁴. V
    jumps where they change: there is no derivative in X.

    A row is picked by a product: V = O E, where O holds 1 where a number is a row's and 0 elsewhere, so that
    ∂L/∂E = Oᵀ ∂L/∂V, the sum of what comes back from every place where a word stands. That is N times the work of a
    look-up: right for characters, wasteful beyond some thousand words. A number that no row has, such as −1, gives 0
    throughout and trains nothing; PyTorch's Embedding refuses it, and has ``padding_idx`` for this. Its rows start from
    N(0, 1) too.

    Source: Bengio, Ducharme, Vincent and Janvin, A neural probabilistic language model, JMLR 2003, section 2, where E
    is called C.

    >>> import chainrule as cr
    >>> import numpy as np
    >>> net = cr.nn.Embedding(4, 2, length=3, init=np.arange(8).reshape(4, 2))
    >>> print(net.graph().text())
    O1 = where(equal(reshape(X, (3·n,))[:, None], arange(4)), 1.0, 0.0)
    V1 = reshape(O1 @ E1, (n, 3, 2))
    >>> cr.compile(net.graph())(X=[[3, 0, 0]], **net.initial())[0]
    array([[6., 7.],
           [0., 1.],
           [0., 1.]])
    """

    words: Any
    features: Any
    length: Any
    init: Any = field(default=Normal(1.0))

    def __post_init__(self) -> None:
        sizes("Embedding", self.words, self.features, self.length)
        object.__setattr__(self, "init", initialiser(self.init))

    @property
    def takes(self) -> tuple[Any, ...]:
        return sizes("Embedding", self.length)

    def build(self, x: Node, here: Builder) -> Node:
        E = here.parameter("E", (self.words, self.features), self.init)
        codes = reshape(x, (-1,))  # one product of two matrices: on XLA twice as fast as one with a batch in front
        O = here.named("O", where(equal(codes[:, None], arange(E.shape[0])), 1.0, 0.0))
        return here.named("V", reshape(O @ E, (*x.shape, E.shape[1])))


@dataclass(frozen=True, repr=False, init=False)
class Flatten(Module):
    """Each example (*shape) as one row: (n, *shape) becomes (n, Πshape), the last axis fastest.

    The shape is that of one example: ``Flatten(28, 28)``. PyTorch's takes what comes; here sizes are known when a
    network is put together.

    >>> import chainrule as cr
    >>> cr.nn.Sequential(cr.nn.Flatten(28, 28), cr.nn.Linear(784, 10)).graph().inputs["X"]
    <X (n, 28, 28)>
    """

    shape: tuple[Any, ...]

    def __init__(self, *shape: Any):
        if not shape:
            raise ShapeError("Flatten takes the shape of one example, as in Flatten(28, 28)")
        object.__setattr__(self, "shape", sizes("Flatten", *shape))

    @property
    def takes(self) -> tuple[Any, ...]:
        return self.shape

    def build(self, x: Node, here: Builder) -> Node:
        return x if len(self.shape) == 1 else here.named("F", reshape(x, (x.shape[0], entries(self.shape))))

    def __repr__(self) -> str:
        return f"Flatten({', '.join(map(str, self.shape))})"


@dataclass(frozen=True, repr=False)
class Dropout(Module):
    """D = M ⊙ X / (1 − p) in training, where an entry of M is 1 with probability 1 − p and else 0; X in evaluation.

    p   the probability to drop an entry, from 0 up to but not 1

    The division keeps the mean: E[D] = X ("inverted" dropout, as in PyTorch and Keras). The source keeps X in training
    and multiplies weights by 1 − p afterwards; its p, and TensorFlow 1's ``keep_prob``, is the probability to keep.
    The mask M is an input of the training graph, in the role noise: a gradient check holds it still, and a run repeats.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, Dropout, JMLR 2014, sections 4 and 10.

    >>> import chainrule as cr
    >>> net = cr.nn.Sequential(cr.nn.Linear(5, 4), cr.nn.ReLU(), cr.nn.Dropout(0.5), cr.nn.Linear(4, 3))
    >>> print(net.graph(training=True).text())
    Z1 = X @ W1 + b1
    H1 = relu(Z1)
    D1 = M1 ⊙ H1 / 0.5
    Z2 = D1 @ W2 + b2
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.p, bool) or not isinstance(self.p, (int, float)) or not 0 <= self.p < 1:
            raise InputError(f"Dropout: p is {self.p!r}, the probability to drop; it must be at least 0 and below 1")

    def build(self, x: Node, here: Builder) -> Node:
        if not here.training or not self.p:
            return x
        M = here.noise("M", x.shape, 1 - self.p)
        return here.named("D", M * x / (1 - self.p))


class Function(Module):
    """A layer from a plain function of nodes: `f(x, W=…, b=…)`, with a parameter for each keyword given here.

    f            takes x (n, …), then each parameter under its name; its variables' names are kept, as by `cr.trace`
    takes        the shape of one example, needed where the function comes first in a network
    parameters   name -> shape; or (shape, initialiser); or an array to start from. A shape alone starts from `He` with
                 two axes or more, from zeros with fewer. In the network they are numbered: W1, W2, …

    Raises GraphError where names and the function's own do not agree.

    >>> import chainrule as cr
    >>> def highway(x, W, b):
    ...     T = cr.sigmoid(x @ W + b)
    ...     return T * cr.tanh(x) + (1 - T) * x
    >>> gate = cr.nn.Function(highway, takes=(4,), W=(4, 4), b=((4,), cr.nn.Constant(-2.0)))
    >>> print(cr.nn.Sequential(gate, cr.nn.Linear(4, 3)).graph().text())
    T = sigmoid(X @ W1 + b1)
    H1 = T ⊙ tanh(X) + (1 - T) ⊙ X
    Z1 = H1 @ W2 + b2
    """

    def __init__(self, f: Callable[..., Node], takes: Any = None, **parameters: Any):
        if not callable(f) or isinstance(f, Module):
            raise GraphError(f"Function takes a function of nodes, not {f!r}")
        self._check_names(f, parameters)
        self.f: Callable[..., Node] = f
        self._takes = None if takes is None else sizes("Function", *(takes if isinstance(takes, tuple) else (takes,)))
        self._parameters = {k: _declared(k, spec) for k, spec in parameters.items()}

    @property
    def takes(self) -> tuple[Any, ...] | None:
        return self._takes

    def build(self, x: Node, here: Builder) -> Node:
        leaves = {k: here.parameter(k, shape, start) for k, (shape, start) in self._parameters.items()}
        return here.named("H", node(self.f(x, **leaves)))

    def __repr__(self) -> str:
        shapes = [f"{k}={shape_text(shape)}" for k, (shape, _) in self._parameters.items()]
        return f"Function({', '.join([getattr(self.f, '__name__', 'f'), *shapes])})"

    @staticmethod
    def _check_names(f: Callable[..., Node], parameters: Mapping[str, Any]) -> None:
        name = getattr(f, "__name__", "the function")
        try:
            bound = inspect.signature(f).bind(None, **dict.fromkeys(parameters))
        except TypeError as error:
            raise GraphError(
                f"{name}{inspect.signature(f)} is called with x and {', '.join(parameters) or 'no parameters'}: {error}"
            ) from None
        if any(k not in inspect.signature(f).parameters for k in parameters):
            raise GraphError(f"{name} must name its parameters {', '.join(parameters)}: {bound.signature}")


def _declared(name: str, spec: Any) -> tuple[tuple[Any, ...], Initialiser]:
    """Shape and start of a parameter of a function."""
    if hasattr(spec, "shape"):
        return tuple(spec.shape), initialiser(spec)
    start: Any = None
    if isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[1], Initialiser):
        spec, start = spec
    shape = sizes(f"the parameter {name}", *(spec if isinstance(spec, (tuple, list)) else (spec,)))
    return shape, initialiser(start if start is not None else He() if len(shape) > 1 else Zeros())


__all__ = ["Dropout", "Embedding", "Flatten", "Function", "Linear"]
