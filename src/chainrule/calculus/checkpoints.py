"""Memory against time: a backward pass that computes the forward pass's results again, instead of keeping them.

The forward pass keeps checkpoints, which divide it into segments. The backward pass goes through the segments from
the last one back: it computes a segment's results again from the checkpoints before it, uses them, and lets them go.
With no checkpoint at all there is one segment, the whole forward pass, and nothing is kept between the passes but
inputs. With √L of them in a chain of L layers, about 2√L layers are held at once, and each is computed at most twice:
Chen, Xu, Zhang, Guestrin 2016, "Training Deep Nets with Sublinear Memory Cost".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..graph.errors import NamingError
from ..graph.node import LEAF, Node, varying, walk
from ..ops.memory import AGAIN, array_of
from .membership import Either


@dataclass(frozen=True)
class Passes:
    """A program of a loss and its gradients, as nodes."""

    value: Node
    gradients: Sequence[Node]
    quantities: Mapping[str, Node | None]  # the graph's named quantities as the program has them, if it does
    cotangents: Collection[Node] = ()  # which nodes of the backward pass are adjoints

    @property
    def outputs(self) -> list[Node]:
        """What the program answers."""
        return [self.value, *self.gradients]

    def checkpoints(self, names: Iterable[str]) -> list[Node]:
        """The forward pass's results by name; raises NamingError for one that it does not compute."""
        ahead = frozenset(walk(self.value))
        there = {name: n for name, n in self.quantities.items() if n is not None and n in ahead and n.op is not LEAF}
        for name in names:
            if name not in there:
                computed = ", ".join(there)
                raise NamingError(
                    f"keep: {name!r} is not computed in the forward pass, {self._why_not(name)}; it computes {computed}"
                )
        return [there[name] for name in names]

    def _why_not(self, name: str) -> str:
        if name not in self.quantities:
            return "the graph has no such quantity"
        n = self.quantities[name]
        return "the program gets round it" if n is None or n.op is not LEAF else "it is an input, which is there anyway"


@dataclass(frozen=True)
class Checkpointed:
    """The program that keeps some results and computes the others again.

    order   every node, in an order in which little is held at a time: a program should follow it
    kept    what the forward pass leaves to the backward pass, without inputs
    again   what it computed and let go -> the same computed again
    now     node of the backward pass -> what it became
    """

    passes: Passes
    order: list[Node]
    kept: list[Node]
    again: dict[Node, Node]
    now: dict[Node, Node] = field(repr=False)


def checkpointed(passes: Passes, keep: Iterable[Node]) -> Checkpointed:
    """The program that keeps the results in `keep`, and those that a later segment reads past a checkpoint."""
    return _Checkpoints(passes, keep).program()


class _Checkpoints:
    def __init__(self, passes: Passes, keep: Iterable[Node]):
        self.passes = passes
        self.forward = walk(passes.value)
        self.ahead = frozenset(self.forward)
        self.back = [n for n in walk(*passes.outputs) if n not in self.ahead]
        self.computed = varying(self.forward)
        self.kept = {array_of(n) for n in keep if n in self.computed} & self.ahead
        self._divide()
        self.needed = self._needed()
        self.order = list(self.forward)
        self.now: dict[Node, Node] = {}
        self.again: dict[Node, Node] = {}
        self.started: set[int] = set()
        self.moving = varying(walk(*passes.outputs))
        self.last = passes.value  # what has been computed before anything else now

    # Segments --------------------------------------------------------------------------------------------------

    def _divide(self) -> None:
        """Into segments: how many checkpoints lie before a node on the longest path; as late as its users allow."""
        segment: dict[Node, int] = {}
        for n in self.forward:
            after = [segment[a] + (a in self.kept) for a in n.args]
            segment[n] = max(after, default=0)
        latest: dict[Node, int] = {}
        for n in reversed(self.forward):
            if n not in latest or n in self.kept:
                latest[n] = segment[n]
            for a in n.args:
                latest[a] = min(latest.get(a, latest[n]), latest[n])
        self.segment = latest
        for n in self.forward:
            self.kept |= {array_of(a) for a in n.args if not self._held(a) and latest[a] < latest[n]}

    def _held(self, n: Node) -> bool:
        """Is n there when the backward pass comes: an input, a checkpoint, a view of one?"""
        array = array_of(n)
        return array in self.kept or array.op is LEAF or n not in self.computed

    def _needed(self) -> list[Node]:
        """What is to be computed again, in order of computation."""
        needed = {a for n in self.back for a in n.args if a in self.ahead and not self._held(a)}
        for n in reversed(self.forward):
            if n in needed:
                needed |= {a for a in n.args if not self._held(a)}
        return [n for n in self.forward if n in needed]

    # The program -----------------------------------------------------------------------------------------------

    def program(self) -> Checkpointed:
        for n in self._backward_order():
            self._add(n)
        outputs = [self.now.get(g, g) for g in self.passes.gradients]
        cotangents = [self.now.get(n, n) for n in self.passes.cotangents]
        quantities = dict(self.passes.quantities)
        made = Passes(self.passes.value, outputs, quantities, cotangents)
        reached = set(walk(*made.outputs))
        order = [n for n in dict.fromkeys(self.order) if n in reached]
        read = {a for n in order if n not in self.ahead for a in (n.args[:1] if n.op is AGAIN else n.args)}
        kept = dict.fromkeys(array_of(a) for a in self.forward if a in read and a in self.computed)
        return Checkpointed(made, order, [n for n in kept if n.op is not LEAF], self.again, self.now)

    def _backward_order(self) -> list[Node]:
        """Cotangents and what is made of them, by their distance from the loss: each gradient as soon as it can be."""
        known = frozenset(self.passes.cotangents)
        level: dict[Node, int] = {}
        for n in self.back:
            before = [level[a] for a in n.args if a in level]
            if before or n in known:
                level[n] = max(before, default=-1) + 1
        return [*sorted(level, key=level.__getitem__), *(n for n in self.back if n not in level)]

    def _add(self, last: Node) -> None:
        """`last` to the program, and before it what it needs: its own helpers, and the segment that it reads."""
        for n in walk(last, stop=Either(self.now, self.ahead)):
            if n in self.now or n in self.ahead:
                continue
            for a in n.args:
                if a in self.ahead and not self._held(a) and self.segment[a] not in self.started:
                    self._repeat(self.segment[a])
            self.now[n] = n.rebuilt([self.now[a] if a in self.now else self.again.get(a, a) for a in n.args])
            self.order.append(self.now[n])
            if n in self.moving:
                self.last = self.now[n]

    def _repeat(self, segment: int) -> None:
        """Compute a segment again, now that everything in the program so far has been computed."""
        self.started.add(segment)
        after = self.last
        for n in self.needed:
            if self.segment[n] != segment:
                continue
            args = []
            for a in n.args:
                if a not in self.computed:
                    args.append(a)
                elif a in self.again and self.segment[a] == segment:
                    args.append(self.again[a])
                else:
                    args.append(AGAIN(a, after))
                    self.order.append(args[-1])
            self.again[n] = n.rebuilt(args)
            self.order.append(self.again[n])
