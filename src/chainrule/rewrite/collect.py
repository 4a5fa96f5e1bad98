"""Collecting: a sum of multiples of the same quantities with one factor each, as update rules are written.

w − α (g + 2 λ w)  →  (1 − 2 α λ) w − α g
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from typing import Any

from ..graph.node import Node, constant, number
from ..ops.arithmetic import ADD, DIV, MUL, NEG, SUB
from ..ops.movement import filled, stretch
from .spreads import narrow
from .tidy import reading_weight, tidy

_LONG = 400  # signs and symbols: nobody counts further


def collect(root: Node, named: Container[Node], quantities: Collection[Node]) -> Node:
    """`root` as Σ coefficient · quantity, a coefficient being a scalar that depends on none of the `quantities`.

    Where nothing is met twice there is nothing to collect, and `root` is only tidied: w − α (g + λ sign(w)) stays.
    What is `named` stays whole.
    """
    found = _Combination(named, quantities)
    found.add(root)
    collected = _sum(found.factors, named, root)
    if any(len(factors) > 1 for factors in found.factors.values()):
        return collected
    return min(tidy(root, named), collected, key=lambda n: (_met(n, quantities), reading_weight(n, named)))


def _met(root: Node, quantities: Collection[Node]) -> int:
    """How often a reader meets one of the quantities."""
    count, seen, stack = 0, 0, [root]
    while stack and seen < _LONG:
        n = stack.pop()
        seen += 1
        if n in quantities:
            count += 1
        else:
            stack.extend(n.args)
    return count


def _sum(factors_of: Mapping[Node, list[Node]], named: Container[Node], root: Node) -> Node:
    total: Any = None
    for quantity, factors in factors_of.items():
        factor = factors[0]
        for more in factors[1:]:
            factor = factor + more
        factor = tidy(factor, named)
        c = number(factor)
        if c == 0:
            continue
        negative = factor.op is NEG or (c is not None and c < 0)
        if c is not None:
            factor = constant(int(abs(c)) if c == int(c) else abs(c))
        elif negative:
            factor = factor.args[0]
        term = quantity if number(factor) == 1 else factor * quantity
        total = (-term if negative else term) if total is None else total - term if negative else total + term
    return filled(0.0, root.shape) if total is None else stretch(total, root.shape)


class _Combination:
    """A sum taken apart: each quantity with the factors it was met with."""

    def __init__(self, named: Container[Node], quantities: Collection[Node]):
        self.named, self.quantities = named, quantities
        self.factors: dict[Node, list[Node]] = {}
        self._varies: dict[Node, bool] = {}

    def add(self, root: Node) -> None:
        stack = [(constant(1.0), root, False)]
        while stack:
            c, n, tidied = stack.pop()
            n = narrow(n)
            if n in self.named and n is not root:
                self._met(n, c)
            elif n.op in (ADD, SUB):
                stack.append((-c if n.op is SUB else c, n.args[1], tidied))
                stack.append((c, n.args[0], tidied))
            elif n.op is NEG:
                stack.append((-c, n.args[0], tidied))
            elif n.op is MUL and self._factor(n.args[0]):
                stack.append((c * narrow(n.args[0]), n.args[1], tidied))
            elif n.op is MUL and self._factor(n.args[1]):
                stack.append((c * narrow(n.args[1]), n.args[0], tidied))
            elif n.op is DIV and self._factor(n.args[1]):
                stack.append((c / narrow(n.args[1]), n.args[0], tidied))
            elif not tidied and (short := tidy(n, self.named)) is not n:
                stack.append((c, short, True))
            else:
                self._met(n, c)

    def _met(self, n: Node, c: Node) -> None:
        self.factors.setdefault(n, []).append(c)

    def _factor(self, n: Node) -> bool:
        """Whether `n` is a scalar that none of the quantities enters."""
        n = narrow(n)
        return not n.shape and not self._depends(n)

    def _depends(self, root: Node) -> bool:
        stack = [root]
        while stack:
            n = stack[-1]
            if n in self._varies:
                stack.pop()
            elif n in self.quantities:
                self._varies[n] = True
            elif todo := [a for a in n.args if a not in self._varies]:
                stack.extend(todo)
            else:
                self._varies[n] = any(self._varies[a] for a in n.args)
        return self._varies[root]


__all__ = ["collect"]
