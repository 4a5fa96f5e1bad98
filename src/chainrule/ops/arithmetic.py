"""Arithmetic, comparison and choice: two arguments, entry by entry. Reverse mode undoes the broadcasting."""

from __future__ import annotations

from typing import Any

from ..graph.errors import KindError
from ..graph.node import BOOLEAN, OPERATORS, REAL, SIZE, Kind, Node, Op, node, number, promote
from .axes import elementwise
from .movement import same


def _truths(*kinds: Kind) -> Kind:
    if any(k != BOOLEAN for k in kinds):
        raise KindError("`&`, `|` and `~` join conditions; compare first, as in (a > 0) & (b > 0)")
    return BOOLEAN


def _ordered(*kinds: Kind) -> Kind:
    return BOOLEAN


def _choice(c: Kind, a: Kind, b: Kind) -> Kind:
    if c != BOOLEAN:
        raise KindError("the condition must be boolean; compare first, as in cr.where(x > 0, a, b)")
    return a if a == b else promote(a, b)


def _power_vjp(g: Node, y: Node, a: Node, b: Node) -> list[Node | None]:
    k = number(b)
    if k is not None:  # d(a^k) = k a^(k−1), and 0 rather than 0 · a^−1 for k = 0
        return [None if k == 0 else g if k == 1 else g * (b * a) if k == 2 else g * (b * a ** (k - 1)), None]
    # a^0 is 1 for every a; at a = 0 the logarithm's pole meets a^b = 0
    base = a if (number(a) or 0) > 0 else WHERE(EQUAL(a, 0), 1.0, a)
    return [WHERE(EQUAL(b, 0), 0.0, g * b * a ** (b - 1)), g * y * LOG(base)]


ADD = Op("add", shape=elementwise, kind=promote, elementwise=True, commutes=True, vjp=lambda g, y, a, b: [g, g])
SUB = Op("sub", shape=elementwise, kind=promote, elementwise=True, vjp=lambda g, y, a, b: [g, -g])
MUL = Op("mul", shape=elementwise, kind=promote, elementwise=True, commutes=True, vjp=lambda g, y, a, b: [g * b, g * a])
DIV = Op("div", shape=elementwise, kind=REAL, elementwise=True, vjp=lambda g, y, a, b: [g / b, -(g * y / b)])
NEG = Op("neg", shape=elementwise, kind=promote, elementwise=True, vjp=lambda g, y, x: [-g])
POW = Op("pow", shape=elementwise, kind=promote, elementwise=True, vjp=_power_vjp)

LESS = Op("less", shape=elementwise, kind=_ordered, elementwise=True)
LESS_EQUAL = Op("less_equal", shape=elementwise, kind=_ordered, elementwise=True)
GREATER = Op("greater", shape=elementwise, kind=_ordered, elementwise=True)
GREATER_EQUAL = Op("greater_equal", shape=elementwise, kind=_ordered, elementwise=True)
EQUAL = Op("equal", shape=elementwise, kind=_ordered, elementwise=True, commutes=True)
AND = Op("logical_and", shape=elementwise, kind=_truths, elementwise=True, commutes=True)
OR = Op("logical_or", shape=elementwise, kind=_truths, elementwise=True, commutes=True)
NOT = Op("logical_not", shape=elementwise, kind=_truths, elementwise=True)

WHERE = Op(
    "where", shape=elementwise, kind=_choice, elementwise=True,
    vjp=lambda g, y, c, a, b: [None, WHERE(c, g, 0), WHERE(c, 0, g)],
)  # fmt: skip


def _winner(g: Node, a: Node, b: Node) -> Node:
    """The cotangent of `a` where it wins against `b` strictly, half of it at a tie."""
    return WHERE(a > b, g, WHERE(EQUAL(a, b), g / 2, 0))


MAXIMUM = Op(
    "maximum", shape=elementwise, kind=promote, elementwise=True, commutes=True,
    vjp=lambda g, y, a, b: [_winner(g, a, b), _winner(g, b, a)],
)  # fmt: skip
MINIMUM = Op(
    "minimum", shape=elementwise, kind=promote, elementwise=True, commutes=True,
    vjp=lambda g, y, a, b: [_winner(g, b, a), _winner(g, a, b)],
)  # fmt: skip
CLIP = Op("clip", shape=elementwise, kind=promote, elementwise=True, meaning=lambda x, a, b: MINIMUM(MAXIMUM(x, a), b))
STOP = Op("stop_gradient", shape=elementwise, kind=same, elementwise=True, vjp=lambda g, y, x: [None])

LOG = Op("log", shape=elementwise, elementwise=True, vjp=lambda g, y, x: [g / x])
XLOGY = Op(
    "xlogy", shape=elementwise, elementwise=True,
    vjp=lambda g, y, a, p: [g * LOG(p), XDIVY(g * a, p)],
)  # fmt: skip
XDIVY = Op(
    "xdivy", shape=elementwise, elementwise=True,
    vjp=lambda g, y, a, p: [XDIVY(g, p), -XDIVY(g * a, p**2)],
)  # fmt: skip


def _power(a: Any, b: Any) -> Node:
    """a^b; a whole number to a power that is, or may be, negative is real: 1 / a^−b, and (1.0 · a)^b."""
    a, b = node(a), node(b)
    if not isinstance(a, Node) or not isinstance(b, Node) or REAL in (a.kind, b.kind):
        return POW(a, b)
    k = number(b)
    if k is None:
        return POW(a, b) if b.op is SIZE else POW(MUL(1.0, a), b)
    return DIV(1, POW(a, -k)) if k < 0 else POW(a, b)


OPERATORS |= {
    "add": ADD, "sub": SUB, "mul": MUL, "div": DIV, "neg": NEG, "pow": _power, "less": LESS, "less_equal": LESS_EQUAL,
    "greater": GREATER, "greater_equal": GREATER_EQUAL, "and": AND, "or": OR, "not": NOT,
}  # fmt: skip


def equal(a: Any, b: Any) -> Node:
    """Entry by entry, whether a = b: a boolean node. (``a == b`` asks whether two nodes are the same quantity.)"""
    return EQUAL(a, b)


def where(condition: Any, a: Any, b: Any) -> Node:
    """`a` where `condition` holds and `b` elsewhere, as ``numpy.where`` with three arguments.

    ∂: the cotangent goes to the branch taken. The other gets exactly 0, even where its own derivative is infinite or
    undefined: the gradient of ``where(x > 0, log(x), 0)`` at 0 is 0. (PyTorch and JAX answer NaN there.)
    Raises KindError unless the condition is boolean.
    """
    return WHERE(condition, a, b)


def maximum(a: Any, b: Any) -> Node:
    """The larger of two, entry by entry, as ``numpy.maximum``. ∂: to the larger; a tie shares it half and half."""
    return MAXIMUM(a, b)


def minimum(a: Any, b: Any) -> Node:
    """The smaller of two, entry by entry, as ``numpy.minimum``. ∂: to the smaller; a tie shares it half and half."""
    return MINIMUM(a, b)


def clip(x: Any, min: Any = None, max: Any = None) -> Node:
    """min(max(x, `min`), `max`), as ``numpy.clip``. A bound may be None.

    ∂: 1 inside, 0 outside, ½ on a bound (a tie is shared). PyTorch answers 1 there.
    """
    if min is None:
        return node(x) if max is None else MINIMUM(x, max)
    return MAXIMUM(x, min) if max is None else CLIP(x, min, max)


def stop_gradient(x: Any) -> Node:
    """`x` itself, with derivative 0 (``jax.lax.stop_gradient``, ``tensor.detach()``)."""
    return STOP(x)


def xlogy(a: Any, p: Any) -> Node:
    """a log(p), and 0 where a = 0, also at p = 0: the term of a cross-entropy. ∂p = a/p, and 0 where a = 0."""
    return XLOGY(a, p)


def log(x: Any) -> Node:
    """The natural logarithm. ∂: 1/x. That of a softmax or a sigmoid is never formed (see rewrite.stable)."""
    return LOG(x)
