"""The laws of tidying: what a reader wants to see in the place of what reverse mode writes."""

from __future__ import annotations

from ..graph.node import CONST, REAL, Node, constant, number
from ..ops.arithmetic import (
    ADD,
    DIV,
    EQUAL,
    GREATER,
    GREATER_EQUAL,
    LESS,
    LESS_EQUAL,
    MAXIMUM,
    MUL,
    NOT,
    SUB,
    WHERE,
    XDIVY,
)
from ..ops.elementary import EXP
from ..ops.indexing import ONE_HOT
from ..ops.movement import BROADCAST, EXPAND, SQUEEZE, SUM, TRANSPOSE, filled, stretch
from ..ops.reduce import LOG_SOFTMAX, MEAN, SOFTMAX
from .engine import Rules
from .exponentials import exp_of_log_softmax, softmax
from .fast import neutral
from .matrices import MATRIX_RULES
from .pattern import Bindings, Law, attribute, unknown
from .signs import positive
from .spreads import SPREAD_RULES, narrow

a, b, c, axis = unknown("a"), unknown("b"), unknown("c"), attribute("axis")


def _number_first(found: Bindings) -> bool:
    return number(found[b]) is not None and number(found[a]) is None


def _bounds_in_order(found: Bindings) -> bool:
    low, high = number(found[b]), number(found[c])
    return low is not None and high is not None and low < high


LAWS = [
    Law("exp of a log-softmax", EXP(LOG_SOFTMAX(a, axis=axis)), SOFTMAX(a, axis=axis), at={"axis": (1,)}),
    Law("sum, axis kept", EXPAND(SUM(a, axis=axis, keepdims=False), axes=axis), SUM(a, axis=axis, keepdims=True),
        at={"axis": (1,)}),
    Law("mean, axis kept", EXPAND(MEAN(a, axis=axis, keepdims=False), axes=axis), MEAN(a, axis=axis, keepdims=True),
        at={"axis": (1,)}),
    Law("slope of a quadratic form, by rows", a @ b + b @ a, (b + TRANSPOSE(b, axes=(1, 0))) @ a,
        when=lambda found: found[a].ndim == 1 and found[b].ndim == 2),
    Law("slope of a quadratic form", TRANSPOSE(b, axes=(1, 0)) @ a + b @ a, (b + TRANSPOSE(b, axes=(1, 0))) @ a,
        when=lambda found: found[a].ndim == 1 and found[b].ndim == 2),
    Law("slope of a quadratic form, mirrored", b @ a + TRANSPOSE(b, axes=(1, 0)) @ a,
        (b + TRANSPOSE(b, axes=(1, 0))) @ a, when=lambda found: found[a].ndim == 1 and found[b].ndim == 2),
    Law("sum, axis dropped", SQUEEZE(SUM(a, axis=axis, keepdims=True), axes=axis), SUM(a, axis=axis, keepdims=False),
        at={"axis": (1,)}),
    Law("plus minus", a + -b, a - b),
    Law("minus minus", a - -b, a + b),
    Law("minus, out of a product", -a * b, -(a * b)),
    Law("minus, out of a quotient", -a / b, -(a / b)),
    Law("number < a", GREATER(b, a), LESS(a, b), when=_number_first),
    Law("number ≤ a", GREATER_EQUAL(b, a), LESS_EQUAL(a, b), when=_number_first),
    Law("number > a", LESS(b, a), GREATER(a, b), when=_number_first),
    Law("number ≥ a", LESS_EQUAL(b, a), GREATER_EQUAL(a, b), when=_number_first),
    Law("number = a", EQUAL(b, a), EQUAL(a, b), when=_number_first),
    Law("below a bound that cuts lower", MAXIMUM(a, b) < c, a < c, when=_bounds_in_order),
    Law("at a bound that cuts lower", EQUAL(MAXIMUM(a, b), c), EQUAL(a, c), when=_bounds_in_order),
    Law("a choice in two halves", WHERE(c, a, 0) + WHERE(NOT(c), b, 0), WHERE(c, a, b)),
    Law("a guarded quotient", XDIVY(a, b), a / b),
]  # fmt: skip


def _probabilities(n: Node) -> Node | None:
    """The entries of a softmax, of a one-hot row, and of e / Σ e with positive e, add up to 1."""
    (x,), over = n.args, n.attr("axis")
    sums_to_one = (x.op is SOFTMAX and x.attr("axis") == over) or (x.op is ONE_HOT and over == (x.ndim - 1,))
    if not sums_to_one and not (x.op is DIV and _is_total(x.args[1], x.args[0], over)):
        return None
    return filled(1.0, n.shape)


def _is_total(total: Node, of: Node, over: tuple[int, ...]) -> bool:
    """Whether `total` is the sum of `of` over these axes, which is not 0, in a shape that divides it."""
    everything = over == tuple(range(of.ndim))
    if total.op is EXPAND and total.attr("axes") == over:
        total = total.args[0]
    elif total.op is SUM and not total.attr("keepdims") and not everything:
        return False
    return total.op is SUM and total.args[0] is of and total.attr("axis") == over and positive(of)


def _either_way(n: Node) -> Node | None:
    """The same number in both branches"""
    value = number(narrow(n.args[1]))
    if value is None or isinstance(value, bool) or value != number(narrow(n.args[2])):
        return None
    return filled(float(value), n.shape) if n.kind == REAL else None


def _centred(n: Node) -> Node | None:
    """Σ (x − mean x) = 0"""
    (d,), axis = n.args, n.attr("axis")
    for x, mean in (d.args, d.args[::-1]):
        if mean.op is EXPAND and mean.attr("axes") == axis:
            mean, meets = mean.args[0], True
        else:
            meets = mean.op is MEAN and (mean.attr("keepdims") or axis == tuple(range(len(axis))))
        if meets and mean.op is MEAN and mean.args[0] is x and mean.attr("axis") == axis:
            return filled(0.0, n.shape)
    return None


def _sum_beside_spread(n: Node) -> Node | None:
    """Σ over axes along which nothing was repeated: summed first, then repeated"""
    (x,), axis = n.args, n.attr("axis")
    inner = narrow(x)
    lead = x.ndim - inner.ndim
    if inner is x or any(k < lead or inner.shape[k - lead] != x.shape[k] for k in axis):
        return None
    return stretch(SUM(inner, axis=tuple(k - lead for k in axis), keepdims=n.attr("keepdims")), n.shape)


def _whole(n: Node) -> Node | None:
    """2.0 · a → 2 · a: beside a real quantity a whole number needs no point"""
    for k, x in enumerate(n.args):
        value = number(x)
        if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 and n.args[1 - k].kind == REAL:
            whole = constant(int(value))
            return n.rebuilt([whole if j == k else y for j, y in enumerate(n.args)])
    return None


TIDY = Rules(LAWS, [
    ((DIV,), softmax, None),
    ((EXP,), exp_of_log_softmax, (SUB,)),
    ((SUM,), _probabilities, (SOFTMAX, ONE_HOT, DIV)),
    ((WHERE,), _either_way, None),
    ((SUM,), _centred, (SUB,)),
    ((ADD, SUB, MUL, DIV), neutral, (CONST,)),
    ((ADD, SUB, MUL, DIV), _whole, (CONST,)),
    ((SUM,), _sum_beside_spread, (BROADCAST, EXPAND)),
    *MATRIX_RULES,
    *SPREAD_RULES,
])  # fmt: skip

__all__ = ["LAWS", "TIDY"]
