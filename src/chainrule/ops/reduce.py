"""Reductions, and the softmax family that is built on them. Axes are stored, never target shapes."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ..graph.dims import Shape, total
from ..graph.errors import ShapeError
from ..graph.node import INTEGER, Node, Op, node, promote, size_node
from .arithmetic import EQUAL, WHERE, XDIVY
from .axes import axes_of, axis_of, without
from .elementary import EXP
from .movement import SUM, reduced, spread

Axis = int | Sequence[int] | None


def _unchanged(x: Shape, *, axis: tuple[int, ...]) -> Shape:
    if not x:
        raise ShapeError("a scalar has no axis to run over")
    return x


def _count(x: Node, axis: tuple[int, ...]) -> Node:
    return size_node(total(tuple(x.shape[a] for a in axis)))


def _extreme_vjp(g: Node, y: Node, x: Node, *, axis: tuple[int, ...], keepdims: bool) -> list[Node]:
    """To the entries that attain the extreme, in equal shares."""
    hit = EQUAL(x, spread(y, x.shape, axis, keepdims))
    ties = SUM(WHERE(hit, 1.0, 0.0), axis=axis, keepdims=keepdims)
    return [WHERE(hit, spread(g / ties, x.shape, axis, keepdims), 0)]


def _variance(x: Node, *, axis: tuple[int, ...], keepdims: bool, ddof: int) -> Node:
    centred = x - MEAN(x, axis=axis, keepdims=True)
    if not ddof:
        return MEAN(centred**2, axis=axis, keepdims=keepdims)
    return SUM(centred**2, axis=axis, keepdims=keepdims) / (_count(x, axis) - ddof)


MEAN = Op(
    "mean", shape=reduced,
    vjp=lambda g, y, x, *, axis, keepdims: [spread(g / _count(x, axis), x.shape, axis, keepdims)],
    meaning=lambda x, *, axis, keepdims: SUM(x, axis=axis, keepdims=keepdims) / _count(x, axis),
)  # fmt: skip
VAR = Op("var", shape=lambda x, *, axis, keepdims, ddof: reduced(x, axis=axis, keepdims=keepdims), meaning=_variance)
MAX = Op("max", shape=reduced, kind=promote, vjp=_extreme_vjp)
MIN = Op("min", shape=reduced, kind=promote, vjp=_extreme_vjp)
ARGMAX = Op("argmax", shape=lambda x, *, axis: without(x, (axis,)), kind=INTEGER)

# ‖x‖ = √Σx²; its adjoint g x/‖x‖ is 0 where x is 0, hence also at the kink x = 0
NORM = Op(
    "norm", shape=reduced,
    vjp=lambda g, y, x, *, axis, keepdims: [
        spread(g, x.shape, axis, keepdims) * XDIVY(x, spread(y, x.shape, axis, keepdims))
    ],
)  # fmt: skip

# y = log Σ e^x  ⇒  ∂y/∂x = e^(x − y), the softmax
LOGSUMEXP = Op(
    "logsumexp", shape=reduced,
    vjp=lambda g, y, x, *, axis, keepdims: [
        spread(g, x.shape, axis, keepdims) * EXP(x - spread(y, x.shape, axis, keepdims))
    ],
)  # fmt: skip

# p = softmax(x)  ⇒  dp = p ⊙ (dx − Σ p dx)
SOFTMAX = Op(
    "softmax", shape=_unchanged,
    vjp=lambda g, p, x, *, axis: [p * (g - SUM(g * p, axis=axis, keepdims=True))],
    meaning=lambda x, *, axis: EXP(x) / SUM(EXP(x), axis=axis, keepdims=True),
)  # fmt: skip
LOG_SOFTMAX = Op(
    "log_softmax", shape=_unchanged,
    vjp=lambda g, y, x, *, axis: [g - EXP(y) * SUM(g, axis=axis, keepdims=True)],
    meaning=lambda x, *, axis: x - LOGSUMEXP(x, axis=axis, keepdims=True),
)  # fmt: skip


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The mean over `axis` (all axes by default), as ``numpy.mean``. ∂: the cotangent / N, repeated."""
    x = node(x)
    return MEAN(x, axis=axes_of(axis, x.ndim), keepdims=bool(keepdims))


def var(x: Any, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Node:
    """The mean of (x − mean x)² over `axis`, as ``numpy.var``: divided by N − `ddof`.

    PyTorch's ``var`` divides by N − 1 (ddof=1) unless told otherwise.
    ∂: that of its meaning, 2(x − mean x)/(N − `ddof`).

    >>> import chainrule as cr
    >>> float(cr.compile(cr.trace(lambda x: cr.var(x), x="n"))(x=[1.0, 2.0, 3.0, 6.0]))
    3.5
    """
    x = node(x)
    return VAR(x, axis=axes_of(axis, x.ndim), keepdims=bool(keepdims), ddof=operator.index(ddof))


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The largest entry over `axis`, as ``numpy.max``. ∂: to the entries that attain it, in equal shares.

    (PyTorch's ``max(dim=…)`` gives all to one of them.) For the larger of two arrays write `maximum`.
    """
    return _extreme(MAX, "maximum", x, axis, keepdims)


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The smallest entry over `axis`, as ``numpy.min``. ∂: to the entries that attain it, in equal shares."""
    return _extreme(MIN, "minimum", x, axis, keepdims)


def _extreme(op: Op, of_two: str, x: Any, axis: Axis, keepdims: bool) -> Node:
    if isinstance(axis, Node):
        raise ShapeError(
            f"cr.{op.name}(x, axis) reduces one array; for two arrays entry by entry write cr.{of_two}(a, b)"
        )
    x = node(x)
    return op(x, axis=axes_of(axis, x.ndim), keepdims=bool(keepdims))


def argmax(x: Any, axis: int = -1) -> Node:
    """The position of the largest entry along `axis`, the first of ties: integers. Has no derivative."""
    x = node(x)
    return ARGMAX(x, axis=axis_of(axis, x.ndim))


def norm(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Node:
    """√Σx² over `axis`: the length of a vector, the Frobenius norm of a matrix. ∂: x/‖x‖, and 0 at x = 0.

    (``numpy.linalg.norm`` takes an order second, which there is none of here: name the axis.)
    """
    x = node(x)
    return NORM(x, axis=axes_of(axis, x.ndim), keepdims=bool(keepdims))


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """log Σ e^x over `axis`, computed without overflow. ∂: the softmax."""
    x = node(x)
    return LOGSUMEXP(x, axis=axes_of(axis, x.ndim), keepdims=bool(keepdims))


def softmax(x: Any, axis: int | Sequence[int] = -1) -> Node:
    """e^x / Σ e^x along `axis` (the last by default), computed without overflow. ∂: p ⊙ (g − Σ g p).

    >>> import chainrule as cr
    >>> cr.compile(cr.trace(lambda x: cr.softmax(x), x="n"))(x=[1000.0, 1000.0])
    array([0.5, 0.5])
    """
    x = node(x)
    return SOFTMAX(x, axis=axes_of(axis, x.ndim))


def log_softmax(x: Any, axis: int | Sequence[int] = -1) -> Node:
    """x − log Σ e^x along `axis` (the last by default), computed without overflow. ∂: g − p Σ g."""
    x = node(x)
    return LOG_SOFTMAX(x, axis=axes_of(axis, x.ndim))


__all__ = ["argmax", "log_softmax", "logsumexp", "max", "mean", "min", "norm", "softmax", "var"]
