"""How the cost of a program divides among the quantities that have names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ..graph.dims import Shape
from ..graph.node import LEAF, Node, walk
from .cost import Tally
from .counts import Part, StepCost


class Quantity(NamedTuple):
    """What a step is about: the name z, what is computed, z or ∂L/∂z, and the program's node for it, if it has one."""

    name: str
    quantity: str
    part: Part
    shape: Shape
    node: Node | None


def step_costs(
    tally: Tally,
    order: Sequence[Node],
    quantities: Iterable[Quantity],
    sizes: frozenset[str],
    done: Collection[Node] = (),
) -> list[StepCost]:
    """What each quantity adds to the program that computes `order`, when what is `done` is paid for.

    Each node counts for the first quantity, in order of computation, that cannot do without it; a node that two names
    stand for, for the first of them.
    """
    quantities = list(quantities)
    place = {n: k for k, n in enumerate(order)}
    first: dict[Node, int] = {}
    for k, q in enumerate(quantities):
        if q.node is not None and q.node in place:
            first.setdefault(q.node, k)
    mine: dict[int, list[Node]] = {}
    paid = _Paid(done)
    for n in sorted(first, key=place.__getitem__):
        new = [m for m in walk(n, stop=paid) if m not in paid]
        paid.add(new)
        mine[first[n]] = new
    found = []
    for k, q in enumerate(quantities):
        there = q.node is not None and (q.node in place or q.node in done or q.node.op is LEAF)
        mine_alone = tally(mine.get(k, ())).of_graph(sizes)
        found.append(StepCost(q.name, q.quantity, q.part, q.shape, mine_alone, there))
    return found


class _Paid:
    """Membership in what was done before, or was counted since; nothing is copied."""

    def __init__(self, done: Collection[Node]):
        self.done, self.counted = done, set[Node]()

    def add(self, nodes: Iterable[Node]) -> None:
        self.counted.update(nodes)

    def __contains__(self, n: object) -> bool:
        return n in self.done or n in self.counted


__all__ = ["Quantity", "step_costs"]
