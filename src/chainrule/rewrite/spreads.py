"""What holds of spreads and moves whatever is moved: one that changes nothing goes, two that follow each other are one.

The seed 1 of the backward pass arrives spread to a shape; only when the spread is gone can 1 · a = a be seen.
"""

from __future__ import annotations

from ..graph.dims import total
from ..graph.errors import ShapeError
from ..graph.node import Node, Op, size_node
from ..ops.arithmetic import (
    ADD,
    AND,
    CLIP,
    DIV,
    EQUAL,
    GREATER,
    GREATER_EQUAL,
    LESS,
    LESS_EQUAL,
    MAXIMUM,
    MINIMUM,
    MUL,
    OR,
    POW,
    SUB,
    WHERE,
    XDIVY,
    XLOGY,
)
from ..ops.axes import broadcast
from ..ops.indexing import ARANGE, PUT, SCATTER
from ..ops.movement import BROADCAST, EXPAND, FLIP, RESHAPE, SQUEEZE, SUM, TRANSPOSE, stretch
from .engine import FiledRule

JOINS: tuple[Op, ...] = (
    ADD, SUB, MUL, DIV, POW, MAXIMUM, MINIMUM, WHERE, CLIP, XLOGY, XDIVY, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL,
    EQUAL, AND, OR,
)  # fmt: skip


def unspread_arguments(n: Node) -> Node | None:
    """f(spread(a), b) → f(a, b) where b has the full shape anyway; f(spread(a), spread(b)) → spread(f(a, b))."""
    if all(narrow(a) is not a or not a.shape for a in n.args):  # only spreads meet: compute once, then spread
        inner = n.rebuilt([narrow(a) for a in n.args])
        return stretch(inner, n.shape)
    args = list(n.args)
    for k, a in enumerate(args):
        inner = narrow(a)
        if inner is not a:
            try:
                met = broadcast(*[inner.shape if j == k else b.shape for j, b in enumerate(args)])
            except ShapeError:
                continue
            if met == n.shape:
                args[k] = inner
    return n.rebuilt(args)


def narrow(a: Node) -> Node:
    """`a` without a spread, and without new axes in front, both of which broadcasting supplies."""
    while True:
        if a.op is BROADCAST or (a.op is EXPAND and a.attr("axes") == tuple(range(len(a.attr("axes"))))):
            a = a.args[0]
        else:
            return a


def spread_of_spread(n: Node) -> Node | None:
    """spread(spread(x)) → spread(x)"""
    inner = narrow(n.args[0])
    if inner is n.args[0]:
        return None
    return stretch(inner, n.shape)


def move_of_spread_scalar(n: Node) -> Node | None:
    """move(spread(c)) → spread(c) for a scalar c"""
    x = narrow(n.args[0])
    if x.shape or n.args[0].op is not BROADCAST:
        return None
    return stretch(x, n.shape)


def sum_of_spread(n: Node) -> Node | None:
    """Σ over the axes along which x was repeated → (number of repeats) · x"""
    (x,), axis = n.args, n.attr("axis")
    if not axis:
        return x
    if x.op is not BROADCAST:
        return None
    inner = x.args[0]
    lead = x.ndim - inner.ndim
    repeated = [a for a in axis if a < lead or (inner.shape[a - lead] == 1 and x.shape[a] != 1)]
    if len(repeated) < len(axis):
        return None
    dropped = tuple(a - lead for a in axis if a >= lead)
    y = SQUEEZE(inner, axes=dropped) if dropped else inner
    y = y * size_node(total(tuple(x.shape[a] for a in axis)))
    shape = tuple(s for a, s in enumerate(x.shape) if a not in axis)
    y = stretch(y, shape)
    return EXPAND(y, axes=axis) if n.attr("keepdims") else y


def sum_of_put(n: Node) -> Node | None:
    """Σ over the axis along which entries were put back into zeros → the sum of what was put there"""
    (x,), axis, keepdims = n.args, n.attr("axis"), n.attr("keepdims")
    g, *positions = x.args
    if x.op is PUT and axis == (x.attr("axis"),):
        found = SUM(g, axis=tuple(range(axis[0], axis[0] + positions[0].ndim)), keepdims=False)
    elif x.op is SCATTER and axis == (1,) and x.ndim == 2 and _every_row(x):
        found = g
    else:
        return None
    return EXPAND(found, axes=axis) if keepdims else found


def _every_row(x: Node) -> bool:
    """One entry was put into each row: at [0, y₀], [1, y₁], …"""
    rows = x.args[1]
    return len(x.args) == 3 and rows.op is ARANGE and rows.shape == x.shape[:1] and x.args[2].shape == rows.shape


def transpose_of_transpose(n: Node) -> Node | None:
    """(Aᵀ)ᵀ → A"""
    (x,), axes = n.args, n.attr("axes")
    if x.op is not TRANSPOSE:
        return None
    inner = x.attr("axes")
    both = tuple(inner[a] for a in axes)
    return x.args[0] if both == tuple(range(len(both))) else TRANSPOSE(x.args[0], axes=both)


def reshape_of_reshape(n: Node) -> Node | None:
    """Of two reshapes only the last counts."""
    (x,) = n.args
    if x.op is not RESHAPE:
        return None
    return x.args[0] if x.args[0].shape == n.shape else RESHAPE(x.args[0], shape=n.shape)


def undo(op: Op):
    """`op` after its inverse, on the same axes, is nothing."""

    def rule(n: Node) -> Node | None:
        (x,) = n.args
        return x.args[0] if x.op is op and x.attr("axes") == n.attr("axes") else None

    return rule


SPREAD_RULES: list[FiledRule] = [
    (JOINS, unspread_arguments, (BROADCAST, EXPAND)),
    ((BROADCAST,), spread_of_spread, (BROADCAST, EXPAND)),
    ((EXPAND, SQUEEZE, RESHAPE, TRANSPOSE, FLIP), move_of_spread_scalar, (BROADCAST,)),
    ((SUM,), sum_of_spread, None),
    ((SUM,), sum_of_put, (PUT, SCATTER)),
    ((TRANSPOSE,), transpose_of_transpose, (TRANSPOSE,)),
    ((RESHAPE,), reshape_of_reshape, (RESHAPE,)),
    ((EXPAND,), undo(SQUEEZE), (SQUEEZE,)),
    ((SQUEEZE,), undo(EXPAND), (EXPAND,)),
    ((FLIP,), undo(FLIP), (FLIP,)),
]
