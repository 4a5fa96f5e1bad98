"""Rewriting a graph from the leaves up, each node until no rule applies. Never recursive."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence

from ..graph.errors import InternalError
from ..graph.node import Node, Op, describe, walk
from .pattern import Law

Rule = Callable[[Node], "Node | None"]
"""Answers what a node is to be replaced by, or None."""

FiledRule = tuple[Iterable[Op], Rule, "Collection[Op] | None"]


Fits = Callable[[Sequence[Op]], bool]
"""Whether a rule can apply to a node whose arguments are these operations."""

_REMEMBERED = 10_000


def _fits(law: Law) -> Fits:
    """By the operations that the left side wants its root's arguments to be."""
    wanted = [a.op for a in law.left.args]

    def in_order(ops: Sequence[Op]) -> bool:
        return len(ops) == len(wanted) and all(w is None or w is op for w, op in zip(wanted, ops))

    return (lambda ops: in_order(ops) or in_order(ops[::-1])) if law.left.op.commutes else in_order


def _among(needed: Collection[Op] | None) -> Fits:
    return lambda ops: needed is None or any(op in needed for op in ops)


class Rules:
    """Rules filed by the operation at the root of their left side; `self(node)` tries them in order.

    laws   equations
    rules  (operations at the root, rule, operations of which one must be among the arguments, or None)

    Which of them can apply at all is settled by the operations of a node and its arguments, once for each combination.
    """

    def __init__(self, laws: Iterable[Law] = (), rules: Iterable[FiledRule] = ()):
        self.laws = list(laws)
        self._by_op: dict[Op, list[tuple[Fits, Rule]]] = {}
        self._plans: dict[tuple[Op, ...], list[Rule]] = {}
        for law in self.laws:
            self._by_op.setdefault(law.left.op, []).append((_fits(law), law.apply))
        for ops, rule, among in rules:
            for op in ops:
                self._by_op.setdefault(op, []).append((_among(among), rule))

    def __call__(self, n: Node) -> Node | None:
        key = (n.op, *[a.op for a in n.args])
        plan = self._plans.get(key)
        if plan is None:
            plan = [rule for fits, rule in self._by_op.get(n.op, ()) if fits(key[1:])]
            if len(self._plans) < _REMEMBERED:
                self._plans[key] = plan
        for rule in plan:
            new = rule(n)
            if new is not None and new is not n:
                return new
        return None


def rewrite(roots: Iterable[Node], rules: Rule, replaced: Mapping[Node, Node] | None = None) -> dict[Node, Node]:
    """What every node below `roots` becomes; those in `replaced` become what is given there. Shapes and kinds stay."""
    done = dict(replaced or {})
    for n in walk(*roots):
        if n in done:
            continue
        for a in n.args:
            if done[a] is not a:
                break
        else:  # most nodes: nothing below has changed, and no rule applies
            if rules(n) is None:
                done[n] = n
                continue
        _settle(n, rules, done)
    return done


def substitute(root: Node, instead: Mapping[Node, Node], known: Container[Node] = ()) -> Node:
    """`root` with the nodes in `instead` replaced, once; what is in `known` stays as it is, with all below it."""
    return substituted([root], instead, known)[root]


def substituted(
    roots: Iterable[Node], instead: Mapping[Node, Node], known: Container[Node] = ()
) -> dict[Node, Node]:
    """What each node down to `known` becomes, in one walk for all roots."""
    done: dict[Node, Node] = {}
    for n in walk(*roots, stop=known):
        if n in instead:
            done[n] = instead[n]
        else:
            done[n] = n if n in known else n.rebuilt([done[a] for a in n.args])
    return done


def _settle(root: Node, rules: Rule, done: dict[Node, Node]) -> None:
    """Find what `root` becomes, and first what the nodes become that rules bring in."""
    stack, pending = [root], set()
    while stack:
        n = stack[-1]
        if n in done:
            stack.pop()
            continue
        changed = False
        for a in n.args:
            new = done.get(a)
            if new is None:
                stack.append(a)
                changed = None
            elif new is not a and changed is not None:
                changed = True
        if changed is None:
            continue
        m = n.rebuilt([done[a] for a in n.args]) if changed else n
        if m is not n and m in done:
            done[n] = done[m]
            continue
        new = rules(m)
        if new is None:
            done[n] = done[m] = m
            continue
        _check(m, new)
        if new in done:
            done[n] = done[m] = done[new]
            continue
        if n in pending:
            raise InternalError(f"the rewriting of {describe(n)} goes round in a circle")
        pending.add(n)
        stack.append(new)


def _check(old: Node, new: Node) -> None:
    if old.shape != new.shape or old.kind != new.kind:
        raise InternalError(f"a law turned {old!r} into {new!r}")
