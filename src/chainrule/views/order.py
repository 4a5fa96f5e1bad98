"""In which order a derivation goes through its quantities: its steps, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..calculus.intermediate import passes_back
from ..graph.node import LEAF, Node, walk
from ..rewrite.stacks import entry


def backward_order(output: Node, wrt: Sequence[Node], names: Mapping[Node, str]) -> list[Node]:
    """The quantities that get a step: from the loss down, and each input right after the last quantity it feeds.

    The part W[3] of an input counts as one; an input that was read part by part comes last.
    """
    way = passes_back(output, wrt)
    order = walk(output)
    place = {n: k for k, n in enumerate(reversed(order))}
    feeds: dict[Node, set[Node]] = {n: set() for n in way}  # the nearest quantities that are computed from each
    for y in reversed(order):
        for a in way.get(y, ()):
            feeds[a] |= {y} if y in names or y is output else feeds[y]

    def key(n: Node) -> tuple[int, int]:
        if n.op is not LEAF and not entry(n):
            return place[n], -1
        if any(entry(m) for m in feeds[n]):
            return len(place), inputs[n]
        return max((place[m] for m in feeds[n]), default=-1), inputs[n]

    quantities = [n for n in names if n in way and (n is not output or n.op is LEAF)]
    inputs = {n: k for k, n in enumerate(quantities)}
    return sorted(quantities, key=key)


__all__ = ["backward_order"]
