"""The backward pass of a graph as written, each adjoint tidied in named quantities before it is passed on."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce

from ..graph.node import LEAF, REAL, Node, constant, number, walk
from ..ops.arithmetic import DIV, NEG
from ..ops.elementary import EXP, SIGMOID, TANH
from ..ops.movement import BROADCAST, stretch
from ..ops.reduce import LOG_SOFTMAX, SOFTMAX
from ..rewrite.engine import substitute, substituted
from ..rewrite.exponentials import recognise
from ..rewrite.fast import hasten
from ..rewrite.spreads import narrow
from ..rewrite.stacks import stacked
from ..rewrite.tidy import reading_weight, tidy
from .membership import AllBut, Either
from .reverse import active_nodes, adjoints, zeros_like

_READABLE = 5_000  # nodes: nobody reads a larger derivation line by line, so it is made fast and not tidied
_COMPOSITES = frozenset({SIGMOID, TANH, SOFTMAX, LOG_SOFTMAX})
_FAR = 40  # nodes: how far back an adjoint is written out when the short form is looked for


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
        order = walk(output)
        self._readable = len(order) <= _READABLE
        self._became = recognise([output, *wrt], names) if self._readable else {}
        self._named = frozenset(self._now(n) for n in (*names, output, *wrt))
        self._written = {self._now(n): n for n in names if self._now(n) is not n}
        there = set(order)
        new = {now: n for n, now in self._became.items() if now not in there and now.op in _COMPOSITES}
        self.recognised = {now: self._written.get(now, n) for now, n in new.items()}
        """What was recognised, such as a sigmoid -> how it was written."""

    def _now(self, n: Node) -> Node:
        return self._became.get(n, n)

    def written(self, n: Node) -> Node:
        """The quantity as the graph has it."""
        return self._written.get(n, n)

    @cached_property
    def _regions(self) -> list[tuple[Node, list[Node], AllBut]]:
        """Each named quantity m, from the loss down, with what it is computed from down to the next named ones."""
        found = []
        for m in reversed(walk(self._now(self.output))):
            if m in self._named and m.args:
                below = AllBut(self._named, m)
                found.append((m, walk(m, stop=below), below))
        return found

    @cached_property
    def _received(self) -> dict[Node, list[Contribution]]:
        """For each named quantity: what it receives from those computed from it, each in terms of a stand-in for m̄."""
        output, wrt = self._now(self.output), [self._now(w) for w in self.wrt]
        active = {*active_nodes(output, wrt), *(w for w in wrt if w.kind == REAL)}
        found: dict[Node, list[Contribution]] = {}
        for place, (m, order, below) in enumerate(self._regions):
            if m not in active:
                continue
            # no input's name has a space
            seed = constant(1.0) if m is output else LEAF(name=f" adjoint {place}", shape=m.shape, kind=m.kind)
            targets = [n for n in order if n in below and n in active]
            received = adjoints(m, seed, targets, stop=below)
            for n in reversed(targets):
                if n in received:
                    value = tidy(received[n], self._named) if self._readable else received[n]
                    through = tuple(_path(order, n, received, below))
                    found.setdefault(n, []).append(Contribution(m, seed, value, through))
        return found

    @cached_property
    def _found(self) -> dict[Node, Node]:
        """Each named quantity on the way, and each input asked for, with its adjoint."""
        output = self._now(self.output)
        targets = [self._now(w) for w in self.wrt]
        if not self._readable:
            found = adjoints(output, constant(1.0), targets)
            fast = hasten(found.values())
            found = {n: fast[adjoint] for n, adjoint in found.items() if n in self._named}
        else:
            settling = _Settling(self._named)
            for m in reversed(walk(output)):
                if m is output and (m in targets or self._received):
                    settling.found[m] = constant(1.0)
                elif m in self._received:
                    settling.settle(m, self._received[m])
            found = settling.found
        return found | {t: zeros_like(t) for t in targets if t not in found}

    @cached_property
    def adjoints(self) -> dict[Node, Node]:
        """Each named quantity on the way from `wrt` to the output, and each of `wrt`, with its adjoint."""
        if not self._written:
            return self._found
        back = substituted(self._found.values(), self._written, self._named)
        return {self.written(n): back[adjoint] for n, adjoint in self._found.items()}

    @cached_property
    def contributions(self) -> dict[Node, list[Contribution]]:
        """For each named quantity on the way and each input asked for: what its adjoint is the sum of."""

        def as_written(c: Contribution) -> Contribution:
            return replace(c, consumer=self.written(c.consumer), value=substitute(c.value, self._written, self._named))

        return {self.written(n): [as_written(c) for c in parts] for n, parts in self._received.items()}


def _path(
    order: Sequence[Node], n: Node, reached: Container[Node], below: Container[Node]
) -> list[tuple[Node, int]]:
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
    return found[::-1]


class _Settling:
    """Each adjoint in those of its readers, or written out, whichever is shorter: ∂L/∂u ⊙ u ⊙ (1 − u), but ŷ − y."""

    def __init__(self, named: frozenset[Node]):
        self.named = named
        self.found: dict[Node, Node] = {}  # named quantity -> its adjoint
        self.formulas: dict[Node, None] = {}  # the adjoints that are no bare names or numbers

    def settle(self, n: Node, parts: Sequence[Contribution]) -> None:
        """Find the adjoint of n from what its readers hand back."""
        put_in = {c.cotangent: self.found[c.consumer] for c in parts if c.cotangent.op is LEAF}
        received = [substitute(c.value, put_in, self.named) for c in parts]
        read = {a for a in put_in.values() if a in self.formulas}
        adjoint = received[0] if len(received) == 1 and received[0] in read else self._shortest(n, received, read)
        self.found[n] = adjoint
        if adjoint.args and adjoint not in self.named:
            self.formulas[adjoint] = None

    def _shortest(self, n: Node, received: Sequence[Node], read: set[Node]) -> Node:
        shown = Either(self.named, read)
        total = reduce(lambda a, b: a + b, received)
        whole = stacked(total, read) if n.op is LEAF else None
        total = total if whole is None else whole
        if total in read:
            return total
        found = [tidy(total, shown)]
        near, quotients = self._near(total)
        if near and found[0] not in read:
            found.insert(0, tidy(total, Either(self.named, self.formulas, near)))
            if quotients:  # where p = e / s has a name, e is p s
                shares = {p.args[0]: p * p.args[1] for p in quotients}
                found.insert(0, tidy(substitute(total, shares, self.named), Either(self.named, self.formulas, near)))
        if len(received) > 1:  # a sum may be longer expanded than term by term
            terms = (r if r in read else tidy(r, shown) for r in received)
            found.insert(0, reduce(added, (t for t in terms if number(narrow(t)) != 0), constant(0.0)))
        best = min(found, key=lambda adjoint: reading_weight(adjoint, shown))
        if near:  # where half of what is put in cancels, the result is worth more than a shorter line
            opened = reading_weight(total, Either(self.named, self.formulas, near))
            plain = [a for a in found if not self._mentions_adjoints(a) and 2 * reading_weight(a, self.named) <= opened]
            best = min(plain, key=lambda adjoint: reading_weight(adjoint, shown), default=best)
        return stretch(best, n.shape) if best.shape != n.shape else best

    def _mentions_adjoints(self, adjoint: Node) -> bool:
        return any(n in self.formulas for n in walk(adjoint, stop=Either(self.named, self.formulas)))

    def _near(self, adjoint: Node) -> tuple[set[Node], set[Node]]:
        """The adjoints found before that are met within a short walk, and the named shares e / s of exponentials."""
        near: set[Node] = set()
        quotients: set[Node] = set()
        seen, queue = {adjoint}, [adjoint]
        for n in queue:
            if len(queue) > _FAR:
                break
            if n in self.formulas:
                near.add(n)
            for a in n.args:
                if a in self.named:
                    if a.op is DIV and a.args[0] in self.named and a.args[0].op is EXP:
                        quotients.add(a)
                elif a not in seen:
                    seen.add(a)
                    queue.append(a)
        return near, quotients


def added(a: Node, b: Node) -> Node:
    """a + b as a person writes it: no 0, and a term that was repeated to the shape of the other is not spelled out."""
    if number(a) == 0:
        return b
    if b.op is BROADCAST:
        b = b.args[0]
    elif a.op is BROADCAST:
        a = a.args[0]
    return a - b.args[0] if b.op is NEG else a + b
