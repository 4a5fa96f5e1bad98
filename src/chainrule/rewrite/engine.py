"""Rewriting a graph from the leaves up, each node until no rule applies. Never recursive."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..graph.errors import InternalError
from ..graph.node import Node, Op, describe
from .pattern import Law

Rule = Callable[[Node], "Node | None"]
"""Answers what a node is to be replaced by, or None."""


class Rules:
    """Rules filed by the operation at the root of their left side; `self(node)` tries them in order."""

    def __init__(self, laws: Iterable[Law] = (), rules: Iterable[tuple[Iterable[Op], Rule]] = ()):
        self.laws = list(laws)
        self._by_op: dict[Op, list[Rule]] = {}
        for law in self.laws:
            self._by_op.setdefault(law.left.op, []).append(law.apply)
        for ops, rule in rules:
            for op in ops:
                self._by_op.setdefault(op, []).append(rule)

    def __call__(self, n: Node) -> Node | None:
        for rule in self._by_op.get(n.op, ()):
            new = rule(n)
            if new is not None and new is not n:
                return new
        return None


def rewrite(roots: Iterable[Node], rules: Any, done: dict[Node, Node] | None = None) -> dict[Node, Node]:
    """What every node below `roots` becomes. Shapes and kinds stay; pass `done` to go on from an earlier rewriting."""
    done = {} if done is None else done
    for root in roots:
        stack, pending = [root], set()
        while stack:
            n = stack[-1]
            if n in done:
                stack.pop()
                continue
            todo = [a for a in n.args if a not in done]
            if todo:
                stack.extend(reversed(todo))
                continue
            m = n.rebuilt([done[a] for a in n.args]) if n.args else n
            if m is not n and m in done:
                done[n] = done[m]
                continue
            new = rules(m)
            if new is None:
                done[n] = done[m] = m
            elif new in done:
                _check(m, new)
                done[n] = done[m] = done[new]
            else:
                _check(m, new)
                if n in pending:
                    raise InternalError(f"the rewriting of {describe(n)} goes round in a circle")
                pending.add(n)
                stack.append(new)
    return done


def _check(old: Node, new: Node) -> None:
    if old.shape != new.shape or old.kind != new.kind:
        raise InternalError(f"a law turned {old!r} into {new!r}")
