"""What was spelled out in exponentials: softmax, log-softmax, sigmoid and tanh, however they were written."""

from __future__ import annotations

from collections.abc import Container, Iterable

from ..graph.node import Node, Op
from ..ops.arithmetic import DIV, SUB
from ..ops.elementary import EXP, EXPM1, SIGMOID, TANH
from ..ops.movement import BROADCAST, EXPAND, RESHAPE, SQUEEZE, SUM, TRANSPOSE
from ..ops.reduce import LOG_SOFTMAX, LOGSUMEXP, SOFTMAX
from .engine import FiledRule, Rules, rewrite
from .pattern import Bindings, Law, attribute, unknown

a, b, axis = unknown("a"), unknown("b"), attribute("axis")

_RANGE = (-50, 50)


def _shift(found: Bindings) -> bool:
    """b is the same for all that the softmax compares."""
    missing = found[a].ndim - found[b].ndim
    return missing >= 0 and all(k < missing or found[b].shape[k - missing] == 1 for k in found[axis])


LAWS = [
    Law("sigmoid", 1 / (1 + EXP(-a)), SIGMOID(a), domain=_RANGE),
    Law("sigmoid, mirrored", 1 / (1 + EXP(a)), SIGMOID(-a), domain=_RANGE),
    Law("sigmoid as odds", EXP(a) / (1 + EXP(a)), SIGMOID(a), domain=_RANGE),
    Law("sigmoid of a difference", EXP(a) / (EXP(a) + EXP(b)), SIGMOID(a - b), domain=_RANGE),
    Law("slope of a sigmoid", EXP(a) / (1 + EXP(a)) ** 2, SIGMOID(a) * SIGMOID(-a), domain=_RANGE),
    Law("tanh", (EXP(a) - EXP(-a)) / (EXP(a) + EXP(-a)), TANH(a), domain=_RANGE),
    Law("tanh of a half", (EXP(a) - 1) / (1 + EXP(a)), TANH(a / 2), domain=_RANGE),
    Law("tanh of a half, as expm1", EXPM1(a) / (1 + EXP(a)), TANH(a / 2), domain=_RANGE),
    Law("tanh of a half, mirrored", (1 - EXP(a)) / (1 + EXP(a)), -TANH(a / 2), domain=_RANGE),
    Law("a share", b / (1 + EXP(-a)), b * SIGMOID(a), domain=_RANGE),
    Law("a share, mirrored", b / (1 + EXP(a)), b * SIGMOID(-a), domain=_RANGE),
    Law("softmax, shifted", SOFTMAX(a - b, axis=axis), SOFTMAX(a, axis=axis), when=_shift, at={"axis": (1,)}),
]  # fmt: skip

_MOVES = frozenset({TRANSPOSE, EXPAND, SQUEEZE, RESHAPE, BROADCAST})


def softmax(n: Node) -> Node | None:
    """e^a / Σ e^a → softmax(a), with the sum in any shape that broadcasting gives back to its entries."""
    found = _normalised(n, SUM) if n.op is DIV else None
    if found is None or found[0].op is not EXP:
        return None
    exponential, moves, axes = found
    return moved(moves, SOFTMAX(exponential.args[0], axis=axes))


def log_softmax(n: Node) -> Node | None:
    """a − log Σ e^a → log_softmax(a), likewise."""
    found = _normalised(n, LOGSUMEXP) if n.op is SUB else None
    return moved(found[1], LOG_SOFTMAX(found[0], axis=found[2])) if found else None


def exp_of_log_softmax(n: Node) -> Node | None:
    """e^(a − log Σ e^a) → softmax(a), likewise."""
    (x,) = n.args
    found = _normalised(x, LOGSUMEXP) if x.op is SUB else None
    return moved(found[1], SOFTMAX(found[0], axis=found[2])) if found else None


SPELLED_OUT: list[FiledRule] = [((DIV,), softmax, None), ((SUB,), log_softmax, None)]


def unmoved(x: Node, moves: frozenset[Op] = _MOVES) -> tuple[list[Node], Node]:
    """(the moves that lead to `x`, the last one first; what they move)"""
    path = []
    while x.op in moves:
        path.append(x)
        x = x.args[0]
    return path, x


def moved(moves: list[Node], x: Node) -> Node:
    """The `moves`, as `unmoved` found them, done to `x`."""
    for move in reversed(moves):
        x = move.rebuilt([x, *move.args[1:]])
    return x


def _normalised(n: Node, reduction: Op) -> tuple[Node, list[Node], tuple[int, ...]] | None:
    """(a, moves, axes) if `n` joins a, moved, to its reduction over `axes`, which meets the entries it came from."""
    x, y = n.args
    after, reduced = unmoved(y)
    if reduced.op is not reduction:
        return None
    before, origin = unmoved(reduced.args[0])
    moves, same = unmoved(x)
    if same is not origin or len(y.shape) > len(x.shape):
        return None
    there: list[int | None] = [None if s == 1 else k for k, s in enumerate(origin.shape)]
    mine, its = _followed(there, moves), _followed(there, [*after, reduced, *before])
    if mine is None or its is None:
        return None
    axes = tuple(k for k in there if k is not None and k not in its)
    its = [None] * (len(mine) - len(its)) + its
    if not axes or [None if k in axes else k for k in mine] != its:
        return None
    return origin, moves, axes


def _followed(there: list[int | None], path: list[Node]) -> list[int | None] | None:
    """For each axis at the end of the path, the axis of its origin along which it runs; None where all is equal."""
    for n in reversed(path):
        if n.op is TRANSPOSE:
            there = [there[k] for k in n.attr("axes")]
        elif n.op is EXPAND:
            rest = iter(there)
            there = [None if k in n.attr("axes") else next(rest) for k in range(n.ndim)]
        elif n.op is BROADCAST:
            there = [None] * (n.ndim - len(there)) + there
        elif n.op is RESHAPE:
            old = [(k, s) for k, s in zip(there, n.args[0].shape) if s != 1]
            if [s for _, s in old] != [s for s in n.shape if s != 1]:
                return None
            rest = iter(old)
            there = [None if s == 1 else next(rest)[0] for s in n.shape]
        elif n.op is SQUEEZE:
            there = [k for i, k in enumerate(there) if i not in n.attr("axes")]
        elif n.attr("keepdims"):
            there = [None if i in n.attr("axis") else k for i, k in enumerate(there)]
        else:
            there = [k for i, k in enumerate(there) if i not in n.attr("axis")]
    return there


def recognise(roots: Iterable[Node], named: Container[Node]) -> dict[Node, Node]:
    """What every node below `roots` becomes when what was spelled out is recognised, unless that hides a named part."""

    def rule(n: Node) -> Node | None:
        new = RECOGNISED(n)
        return None if new is None or new is n or _hides(n, new, named) else new

    return rewrite(roots, rule)


def _hides(old: Node, new: Node, named: Container[Node]) -> bool:
    """Whether a named node that `old` is computed from does not occur in `new`."""
    kept, level = {new}, [new]
    for _ in range(4):
        level = [a for n in level for a in n.args]
        kept.update(level)
    seen, stack = set(kept), list(old.args)
    while stack:
        n = stack.pop()
        if n not in seen:
            if n in named:
                return True
            seen.add(n)
            stack.extend(n.args)
    return False


RECOGNISED = Rules(LAWS, SPELLED_OUT)
