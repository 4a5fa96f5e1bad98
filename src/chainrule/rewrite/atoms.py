"""The nodes of an expression as rationals over atoms: what tidying knows while it walks."""

from __future__ import annotations

from collections.abc import Callable, Container

from ..graph.node import Node
from .compose import Composer
from .rational import Algebra, Factor, Rational
from .signs import below_one, not_negative, positive


class Atoms:
    """Atoms in the order in which they were met, and the rational of each node so far.

    named   the nodes that stay as they are
    law     simplifies a node that was composed
    """

    def __init__(self, named: Container[Node], law: Callable[[Node], Node]):
        self.named = named
        self.atoms: list[Node] = []
        self.place: dict[Node, int] = {}
        self.form: dict[Node, Rational] = {}
        self.algebra = Algebra(self._can_cancel)
        self.composer = Composer(self.atoms, law)

    def atom(self, n: Node) -> Rational:
        return Rational(1, {self.index(n): 1}, {})

    def index(self, n: Node) -> int:
        if n not in self.place:
            self.place[n] = len(self.atoms)
            self.atoms.append(n)
        return self.place[n]

    def _can_cancel(self, f: Factor) -> bool:
        if isinstance(f, int):
            return positive(self.atoms[f])
        terms = f.terms
        if terms.get(()) == 1 and len(terms) == 2:  # 1 − σ
            (m, c) = next((m, c) for m, c in terms.items() if m)
            if c == -1 and len(m) == 1 and m[0][1] == 1 and below_one(self.atoms[m[0][0]]):
                return True
        certain = False
        for m, c in terms.items():
            if c < 0 or not all(k % 2 == 0 or not_negative(self.atoms[i]) for i, k in m):
                return False
            certain = certain or all(positive(self.atoms[i]) for i, _ in m)
        return certain
