"""Reverse mode: a graph in, a graph out, so that derivatives of any order are graphs like any other.

A cotangent masked by a choice, where(c, g, 0), is pulled back as where(c, pulled-back g, 0): the branch not taken
contributes exactly 0, also where the derivative inside it is infinite. So are a sum of such cotangents, and moved ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable
from functools import reduce

from ..graph.dims import shape_text
from ..graph.errors import InternalError, NoDerivative
from ..graph.node import CONST, REAL, Node, constant, describe, number, walk
from ..ops.arithmetic import ADD, AND, DIV, LOG, NOT, OR, POW, STOP, WHERE, XDIVY, XLOGY
from ..ops.elementary import LOG1P, SQRT
from ..ops.indexing import PAD, SLICE
from ..ops.movement import (
    BROADCAST,
    EXPAND,
    FLIP,
    RESHAPE,
    SQUEEZE,
    SUM,
    TRANSPOSE,
    filled,
    spread,
    stretch,
    unbroadcast,
)
from ..ops.reduce import LOGSUMEXP, MAX, MEAN, MIN, NORM

MOVES = frozenset({BROADCAST, EXPAND, SQUEEZE, RESHAPE, TRANSPOSE, FLIP, SLICE, PAD})
REDUCTIONS = frozenset({MEAN, MAX, MIN, NORM, LOGSUMEXP})  # that of `sum` is a move
POLES = frozenset({LOG, LOG1P, SQRT, DIV, POW, XLOGY, XDIVY})  # whose derivatives can be infinite


def gradients(output: Node, wrt: Iterable[Node]) -> list[Node]:
    """∂output/∂w for each w, of w's shape; `output` must be a real scalar.

    Raises NoDerivative for an output that is no real scalar, and for a w that is not real.
    """
    wrt = list(wrt)
    check_differentiable(output, wrt)
    found = adjoints(output, constant(1.0), wrt)
    return [found[w] if w in found else zeros_like(w) for w in wrt]


def check_differentiable(output: Node, wrt: Iterable[Node] = ()) -> None:
    """Raises NoDerivative unless `output` is a real scalar and every w of `wrt` is real."""
    if output.shape or output.kind != REAL:
        raise NoDerivative(
            f"a gradient is that of a real scalar, and {describe(output)} is {shape_text(output.shape)} {output.kind}; "
            f"sum it, or ask for cr.jacobian"
        )
    for w in wrt:
        if w.kind != REAL:
            raise NoDerivative(f"{describe(w)} is {w.kind}; derivatives are taken in real quantities")


def adjoints(
    output: Node,
    seed: Node,
    wrt: Collection[Node],
    settle: Callable[[Node, Node], Node] | None = None,
    stop: Container[Node] = (),
) -> dict[Node, Node]:
    """The cotangent of every node on a path from `wrt` to `output`, given that of `output`; none below `stop`.

    `settle(node, cotangent)` may put a completed cotangent into another form before it is passed on.
    """
    order, active = _paths(output, wrt, stop)
    found: dict[Node, Node] = {output: seed} if output in active else {}
    for y in reversed(order):
        if y not in found:
            continue
        if settle is not None:
            found[y] = settle(y, found[y])
        if y in stop:
            continue
        for a, g in pull(y, found[y], active):
            found[a] = found[a] + g if a in found else g
    return found


def pull(y: Node, g: Node, active: Collection[Node]) -> list[tuple[Node, Node]]:
    """The cotangents that y's arguments get from y's; those in `active` only."""
    if not any(a in active for a in y.args):
        return []
    masked = _split_mask(g) if y.op.elementwise or y.op in REDUCTIONS else None
    if masked is None and y.op in POLES:
        masked = _split_total(g)
    condition, inner = masked or (None, g)
    pulled = []
    for a, h in zip(y.args, _rule(y, inner), strict=True):
        if h is None or a not in active:
            continue
        if condition is not None:
            h = g if h is inner else _masked(_seen_by(a, y, condition), h)
        if y.op.elementwise:
            h = unbroadcast(stretch(h, y.shape), a.shape)
        if h.shape != a.shape:
            raise InternalError(
                f"the vjp of `{y.op}` answers {shape_text(h.shape)} for an argument {shape_text(a.shape)}"
            )
        pulled.append((a, h))
    return pulled


def _seen_by(a: Node, y: Node, condition: Node) -> Node:
    """The condition on y's entries as one on those of its argument."""
    if y.op.elementwise:
        return condition
    whole = stretch(condition, y.shape)
    return spread(whole, a.shape, **dict(y.attrs))


def zeros_like(n: Node) -> Node:
    """The cotangent of what the output does not depend on."""
    return filled(0.0, n.shape)


def _rule(y: Node, g: Node) -> list[Node | None]:
    op, attrs = y.op, dict(y.attrs)
    if op.vjp is not None:
        return list(op.vjp(g, y, *y.args, **attrs))
    if op.meaning is None:
        raise NoDerivative(
            f"the operation `{op.name}` has no derivative, and one is needed through {describe(y)}; "
            f"give it a vjp or a meaning, or stop there with cr.stop_gradient"
        )
    through = op.meaning(*y.args, **attrs)
    found = adjoints(through, stretch(g, y.shape), y.args, stop=frozenset(y.args))
    # an argument that stands in two slots gets its whole cotangent in the first
    first = {a: k for k, a in reversed(list(enumerate(y.args)))}
    return [found.get(a) if first[a] == k else None for k, a in enumerate(y.args)]


def _paths(output: Node, wrt: Collection[Node], stop: Container[Node]) -> tuple[list[Node], set[Node]]:
    """The nodes below `output` in order of computation, and those of them that depend on `wrt`; none below `stop`."""
    active = {w for w in wrt if w.kind == REAL}
    order = walk(output, stop=stop)
    for n in order:
        if n.kind == REAL and any(a in active for a in n.args):
            active.add(n)
    return order, active


def active_nodes(output: Node, wrt: Collection[Node]) -> list[Node]:
    """The nodes through which a cotangent passes from `output` to one of `wrt`, in order of computation."""
    order, depends = walk(output), {w for w in wrt if w.kind == REAL}
    for n in order:
        if n.kind == REAL and n.op is not STOP and any(a in depends for a in n.args):
            depends.add(n)
    passed = {output} & depends
    for n in reversed(order):
        if n in passed:
            passed.update(a for a in n.args if a in depends)
    return [n for n in order if n in passed and any(a in depends for a in n.args)]


def _split_mask(g: Node) -> tuple[Node, Node] | None:
    """(c, h) where g is where(c, h, 0), perhaps moved, or a sum of such; the moves apply to both."""
    moves = []
    while g.op in MOVES:
        moves.append(g)
        g = g.args[0]
    found = _split_sum(g) if g.op is ADD else _split_choice(g)
    if found is None or not moves:
        return found
    condition, kept = (stretch(n, g.shape) for n in found)
    for move in reversed(moves):
        condition, kept = move.rebuilt([condition]), move.rebuilt([kept])
    return condition, kept


def _split_choice(g: Node) -> tuple[Node, Node] | None:
    if g.op is not WHERE:
        return None
    condition, a, b = g.args
    if _is_zero(b):
        return condition, a
    return (NOT(condition), b) if _is_zero(a) else None


def _split_sum(g: Node) -> tuple[Node, Node] | None:
    """A quantity that several choices use: (c₁ or c₂ or …, the sum)."""
    conditions: dict[Node, None] = {}
    terms = [g]
    while terms:
        term = terms.pop()
        if term.op is ADD:
            terms += term.args
            continue
        found = _split_mask(term)
        if found is None:
            return None
        conditions[found[0]] = None
    return reduce(OR, conditions), g


def _split_total(g: Node) -> tuple[Node, Node] | None:
    """Where what a choice uses was broadcast into it: (c holds anywhere, Σ where(c, h, 0))."""
    total = g.args[0] if g.op is EXPAND else g
    found = _split_mask(total.args[0]) if total.op is SUM else None
    if found is None:
        return None
    x = total.args[0]
    condition = stretch(found[0], x.shape)
    anywhere = total.rebuilt([condition]) > 0
    return (anywhere if total is g else g.rebuilt([anywhere])), g


def _masked(condition: Node, h: Node) -> Node:
    if h.op is WHERE and _is_zero(h.args[2]):
        return WHERE(AND(condition, h.args[0]), h.args[1], 0)
    return WHERE(condition, h, 0)


def _is_zero(n: Node) -> bool:
    return n.op is CONST and number(n) == 0
