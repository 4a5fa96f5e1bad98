"""The backward pass of a graph as written, each adjoint tidied in named quantities before it is passed on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..graph.node import Node, constant, walk
from ..rewrite.engine import rewrite
from ..rewrite.exponentials import recognise
from ..rewrite.fast import hasten
from ..rewrite.tidy import reading_weight, tidy
from .reverse import adjoints, zeros_like

_READABLE = 5_000  # nodes: nobody reads a larger derivation line by line, so it is made fast and not tidied
_FAR = 200  # nodes: how far back an adjoint is written out when the short form is looked for


def adjoints_as_written(output: Node, wrt: Sequence[Node], names: Mapping[Node, str]) -> dict[Node, Node]:
    """The tidied adjoint of every node on a path from `wrt` to `output`, in the graph that was written.

    A softmax or a sigmoid spelled out in exponentials is derived as what it is, unless its parts have names.
    """
    if len(walk(output)) > _READABLE:
        found = adjoints(output, constant(1.0), wrt)
        fast = hasten(found.values())
        return {n: fast[adjoint] for n, adjoint in found.items()} | {w: zeros_like(w) for w in wrt if w not in found}
    became = recognise([output, *wrt], names)
    written = {became[n]: n for n in names if became.get(n, n) is not n}
    targets = [became[w] for w in wrt]
    settle = _Settling(frozenset(became.get(n, n) for n in names), frozenset(targets))
    found = adjoints(became[output], constant(1.0), targets, settle)
    found |= {t: zeros_like(t) for t in targets if t not in found}
    if not written:
        return found
    back = rewrite(found.values(), written.get)
    return {written.get(n, n): back[adjoint] for n, adjoint in found.items()}


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
