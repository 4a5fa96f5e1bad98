"""The backward pass of a graph as written, each adjoint tidied in named quantities before it is passed on."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..graph.node import LEAF, Node, constant, walk
from ..rewrite.engine import rewrite
from ..rewrite.exponentials import recognise
from ..rewrite.fast import hasten
from ..rewrite.stacks import stacked
from ..rewrite.tidy import reading_weight, tidy
from .reverse import adjoints, zeros_like

_READABLE = 5_000  # nodes: nobody reads a larger derivation line by line, so it is made fast and not tidied
_FAR = 60  # nodes: how far back an adjoint is written out when the short form is looked for


@dataclass(frozen=True)
class Contribution:
    """What the adjoint of a quantity n receives from a quantity m computed from it: m̄ · ∂m/∂n.

    cotangent   a leaf that stands for m̄; the number 1 where m is the loss itself
    value       what n receives, tidied, in terms of that leaf and of named quantities
    through     the operations from m down to n, each with the place of the argument that leads to n
    """

    consumer: Node
    cotangent: Node
    value: Node
    through: tuple[tuple[Node, int], ...]


class Backward:
    """The backward pass of the scalar `output` in the inputs `wrt`, as it is written in the quantities in `names`.

    A softmax or a sigmoid spelled out in exponentials is derived as what it is, unless its parts have names.
    """

    def __init__(self, output: Node, wrt: Sequence[Node], names: Mapping[Node, str]):
        self.output, self.wrt = output, list(wrt)
        self._readable = len(walk(output)) <= _READABLE
        self._became = recognise([output, *wrt], names) if self._readable else {}
        self._named = frozenset(self._now(n) for n in (*names, output, *wrt))
        self._written = {self._now(n): n for n in names if self._now(n) is not n}

    def _now(self, n: Node) -> Node:
        return self._became.get(n, n)

    def _as_written(self, nodes: Sequence[Node]) -> dict[Node, Node]:
        return rewrite(nodes, self._written.get) if self._written else {n: n for n in nodes}

    @cached_property
    def adjoints(self) -> dict[Node, Node]:
        """Every node on a path from `wrt` to the output, with its adjoint."""
        targets = [self._now(w) for w in self.wrt]
        settle = _Settling(self._named, frozenset(targets)) if self._readable else None
        found = adjoints(self._now(self.output), constant(1.0), targets, settle)
        found |= {t: zeros_like(t) for t in targets if t not in found}
        if settle is None:
            fast = hasten(found.values())
            return {n: fast[adjoint] for n, adjoint in found.items()}
        back = self._as_written(list(found.values()))
        return {self._written.get(n, n): back[adjoint] for n, adjoint in found.items()}

    @cached_property
    def contributions(self) -> dict[Node, list[Contribution]]:
        """For each named quantity on the way and each input asked for: what its adjoint is the sum of."""
        output = self._now(self.output)
        active = {self._now(n) for n in self.adjoints}
        found: dict[Node, list[Contribution]] = {n: [] for n in self.adjoints if self._now(n) in self._named}
        for place, m in enumerate(reversed(walk(output))):
            if m not in self._named or m not in active or not m.args:
                continue
            # no input's name has a space
            seed = constant(1.0) if m is output else LEAF(name=f" adjoint {place}", shape=m.shape, kind=m.kind)
            below = _AllBut(self._named, m)
            order = walk(m, stop=below)
            targets = [n for n in order if n in below and n in active]
            received = adjoints(m, seed, targets, stop=below)
            for n in reversed(targets):
                if n not in received:
                    continue
                value = tidy(received[n], self._named) if self._readable else received[n]
                through = _path(order, n, received, below)
                back = self._as_written([value, *(y for y, _ in through)])
                steps = tuple([(back[y], k) for y, k in through])
                found[self._written.get(n, n)].append(
                    Contribution(self._written.get(m, m), seed, back[value], steps)
                )
        return found


def _path(
    order: Sequence[Node], n: Node, reached: Container[Node], below: Container[Node]
) -> tuple[tuple[Node, int], ...]:
    """The operations in `order` through which n is reached, from the last one down, each with the argument's place."""
    depends = {n}
    found = []
    for y in order:
        if y in below or y not in reached:
            continue
        for k, a in enumerate(y.args):
            if a in depends:
                depends.add(y)
                found.append((y, k))
    return tuple(reversed(found))


class _AllBut:
    """Membership in a collection, but for one node; nothing is copied."""

    def __init__(self, nodes: Container[object], but: Node):
        self.nodes, self.but = nodes, but

    def __contains__(self, n: object) -> bool:
        return n is not self.but and n in self.nodes


class _Settling:
    """Each adjoint in those found before, or written out, whichever is shorter: ∂L/∂u ⊙ u ⊙ (1 − u), but ŷ − y."""

    def __init__(self, named: frozenset[Node], wanted: frozenset[Node]):
        self.named, self.wanted = named, named | wanted
        self.settled: dict[Node, None] = {}

    def __call__(self, n: Node, adjoint: Node) -> Node:
        if n not in self.wanted:
            return adjoint
        if adjoint in self.settled:
            return adjoint
        whole = stacked(adjoint, self.settled) if n.op is LEAF else None
        adjoint = adjoint if whole is None else whole
        shown = _Either(self.named, self.settled)
        short = tidy(adjoint, shown)
        near = self._near(adjoint)
        if near and short not in self.settled:
            written_out = tidy(adjoint, _Either(self.named, self.settled, near))
            if reading_weight(written_out, shown) <= reading_weight(short, shown):
                short = written_out
        if short.args:
            self.settled[short] = None
        return short

    def _near(self, adjoint: Node) -> set[Node]:
        """The settled adjoints that are met within a short walk."""
        near: set[Node] = set()
        seen, queue = {adjoint}, [adjoint]
        for n in queue:
            if len(queue) > _FAR:
                break
            if n in self.settled:
                near.add(n)
            for a in n.args:
                if a not in seen and a not in self.named:
                    seen.add(a)
                    queue.append(a)
        return near


class _Either:
    """Membership in one of two collections, apart from some exceptions; nothing is copied."""

    def __init__(self, a: Collection[Node], b: Collection[Node], but_not: Collection[Node] = ()):
        self.a, self.b, self.but_not = a, b, but_not

    def __contains__(self, n: object) -> bool:
        return n in self.a or (n in self.b and n not in self.but_not)
