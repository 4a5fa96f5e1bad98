"""Stable laws: the same function, computed without overflow or cancellation. Applied before differentiation.

Deriving first and stabilising afterwards is too late: the adjoint of log(softmax(z)) divides by a softmax that may have
become 0. Every equation holds exactly wherever its left side is finite, kinks included, and so do the gradients.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..graph.node import CONST, REAL, Node, number
from ..ops.arithmetic import DIV, LOG, MUL, SUB, XLOGY
from ..ops.elementary import EXP, EXPM1, LOG1P, SIGMOID, SOFTPLUS, SQRT, TANH
from ..ops.indexing import ARANGE, GATHER, ONE_HOT, SLICE, TAKE
from ..ops.linear import MATMUL
from ..ops.movement import BROADCAST, EXPAND, FLIP, RESHAPE, SQUEEZE, SUM, TRANSPOSE
from ..ops.reduce import LOG_SOFTMAX, LOGSUMEXP, MAX, NORM, SOFTMAX
from .engine import Rules, rewrite
from .pattern import Bindings, Law, attribute, unknown

a, b = unknown("a"), unknown("b")
axis, keepdims, shape = attribute("axis"), attribute("keepdims"), attribute("shape")

_MOVES = frozenset({BROADCAST, EXPAND, SQUEEZE, RESHAPE, TRANSPOSE, FLIP, SLICE, TAKE, GATHER})
_OVER_ROWS = {"axis": (1,)}


def _real(*unknowns: object):
    return lambda found: all(found[u].kind == REAL for u in unknowns)


def _whole(found: Bindings) -> bool:
    """The sum runs over every axis, so that its scalar result meets every entry."""
    return len(found[axis]) == found[a].ndim


LAWS = [
    # exponentials that meet again
    Law("softmax", EXP(a) / SUM(EXP(a), axis=axis, keepdims=True), SOFTMAX(a, axis=axis), at=_OVER_ROWS, domain=(-50, 50)),
    Law("softmax, new axis", EXP(a) / EXPAND(SUM(EXP(a), axis=axis, keepdims=False), axes=axis), SOFTMAX(a, axis=axis),
        at=_OVER_ROWS, domain=(-50, 50)),
    Law("softmax of all", EXP(a) / SUM(EXP(a), axis=axis, keepdims=False), SOFTMAX(a, axis=axis), when=_whole,
        at={"axis": (0, 1)}, domain=(-50, 50)),
    Law("softmax, shifted", SOFTMAX(a - MAX(b, axis=axis, keepdims=True), axis=axis), SOFTMAX(a, axis=axis), at=_OVER_ROWS),
    Law("softmax, shifted by the maximum of all", SOFTMAX(a - MAX(b, axis=attribute("other"), keepdims=False), axis=axis),
        SOFTMAX(a, axis=axis), when=lambda found: not found[b].shape or len(found[attribute("other")]) == found[b].ndim,
        at={"axis": (1,), "other": (0, 1)}),
    Law("sigmoid", 1 / (1 + EXP(-a)), SIGMOID(a), domain=(-50, 50)),
    Law("sigmoid, mirrored", 1 / (1 + EXP(a)), SIGMOID(-a), domain=(-50, 50)),
    Law("sigmoid as odds", EXP(a) / (1 + EXP(a)), SIGMOID(a), domain=(-50, 50)),
    Law("tanh", (EXP(a) - EXP(-a)) / (EXP(a) + EXP(-a)), TANH(a), domain=(-50, 50)),
    Law("logsumexp", LOG(SUM(EXP(a), axis=axis, keepdims=keepdims)), LOGSUMEXP(a, axis=axis, keepdims=keepdims),
        at={"axis": (1,), "keepdims": False}, domain=(-50, 50)),
    Law("log-softmax", a - LOGSUMEXP(a, axis=axis, keepdims=True), LOG_SOFTMAX(a, axis=axis), at=_OVER_ROWS),
    Law("log-softmax of all", a - LOGSUMEXP(a, axis=axis, keepdims=False), LOG_SOFTMAX(a, axis=axis), when=_whole,
        at={"axis": (0, 1)}),
    # the logarithm goes inward
    Law("log of a softmax", LOG(SOFTMAX(a, axis=axis)), LOG_SOFTMAX(a, axis=axis), at=_OVER_ROWS, domain=(-50, 50)),
    Law("log of a sigmoid", LOG(SIGMOID(a)), -SOFTPLUS(-a), domain=(-50, 50)),
    Law("log of the other probability", LOG(1 - SIGMOID(a)), -SOFTPLUS(a), domain=(-10, 10)),
    Law("log of the other probability, as log1p", LOG1P(-SIGMOID(a)), -SOFTPLUS(a), domain=(-10, 10)),
    Law("softplus", LOG(1 + EXP(a)), SOFTPLUS(a), domain=(-10, 50)),
    Law("softplus, as log1p", LOG1P(EXP(a)), SOFTPLUS(a), domain=(-50, 50)),
    Law("log undoes exp", LOG(EXP(a)), a, when=_real(a), domain=(-50, 50)),
    Law("log of a ratio with exp", LOG(EXP(a) / b), a - LOG(b), when=_real(a), domain=(1e-3, 50)),
    Law("log of a reciprocal", LOG(1 / a), -LOG(a), domain=(1e-3, 1e4)),
    Law("log1p", LOG(1 + a), LOG1P(a), domain=(-0.9, 1e4)),
    Law("expm1", EXP(a) - 1, EXPM1(a), domain=(-50, 50)),
    # a minus sign must not hide a logarithm
    Law("minus, outward", a * -b, -(a * b)),
    Law("double minus", -(-a), a),
    # lengths, whose derivative at 0 is 0
    Law("norm", SQRT(SUM(a**2, axis=axis, keepdims=keepdims)), NORM(a, axis=axis, keepdims=keepdims), when=_real(a),
        at={"axis": (1,), "keepdims": False}),
    Law("norm, by products", SQRT(SUM(a * a, axis=axis, keepdims=keepdims)), NORM(a, axis=axis, keepdims=keepdims),
        when=_real(a), at={"axis": (1,), "keepdims": False}),
    Law("norm, as a dot product", SQRT(MATMUL(a, a)), NORM(a, axis=(0,), keepdims=False),
        when=lambda found: found[a].ndim == 1 and found[a].kind == REAL),
    # 0 log 0 = 0
    Law("a log b", a * LOG(b), XLOGY(a, b), when=lambda found: found[a].op is not CONST, domain=(1e-3, 1e4)),
    Law("Σ a log b", MATMUL(a, LOG(b)), SUM(XLOGY(a, b), axis=(0,), keepdims=False),
        when=lambda found: found[a].ndim == found[b].ndim == 1, domain=(1e-3, 1e4)),
    Law("Σ log b a", MATMUL(LOG(b), a), SUM(XLOGY(a, b), axis=(0,), keepdims=False),
        when=lambda found: found[a].ndim == found[b].ndim == 1, domain=(1e-3, 1e4)),
]  # fmt: skip


def log_inward(n: Node) -> Node | None:
    """log(move(x)) → move(log(x)), where x is something whose logarithm has a stable form."""
    moves, x = _unmoved(n.args[0])
    if moves and x.op in (SOFTMAX, SIGMOID, EXP, DIV):
        return _moved(moves, LOG(x))
    if x.op is SUB and x.args[0].op is CONST and not x.args[0].shape:  # log(1 − move(σ(a)))
        inner, p = _unmoved(x.args[1])
        if inner and p.op is SIGMOID and number(x.args[0]) == 1:
            return _moved(moves, _moved(inner, LOG(1 - p)))
    return None


def pick(n: Node) -> Node | None:
    """Σₖ one_hot(y)ₖ aₖ → a[y]: what is not picked contributes 0, even an infinity."""
    (product,) = n.args
    for hot, x in (product.args, product.args[::-1]):
        rank = hot.ndim
        if hot.op is ONE_HOT and x.shape == hot.shape and n.attr("axis") == (rank - 1,) and not n.attr("keepdims"):
            rows = [ARANGE(of=s) for s in x.shape[:-1]]
            if rank <= 2 and x.kind == REAL:
                return GATHER(x, *rows, hot.args[0])
    return None


def _pick_of_product(n: Node) -> Node | None:
    return pick(n) if n.args[0].op is MUL else None


def _unmoved(x: Node) -> tuple[list[Node], Node]:
    moves = []
    while x.op in _MOVES:
        moves.append(x)
        x = x.args[0]
    return moves, x


def _moved(moves: list[Node], x: Node) -> Node:
    for move in reversed(moves):
        x = move.rebuilt([x, *move.args[1:]])
    return x


STABLE = Rules(LAWS, [((LOG,), log_inward), ((SUM,), _pick_of_product)])


def stabilise(roots: Iterable[Node]) -> dict[Node, Node]:
    """What every node below `roots` becomes: the same functions, computed safely."""
    return rewrite(roots, STABLE)
