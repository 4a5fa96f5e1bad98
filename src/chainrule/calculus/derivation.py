"""The backward pass of a graph as written, each adjoint tidied in named quantities before it is passed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..graph.node import Node, constant
from ..rewrite.tidy import reading_weight, tidy
from .reverse import adjoints, gradients, zeros_like


def adjoints_as_written(output: Node, wrt: Sequence[Node], names: Mapping[Node, str]) -> dict[Node, Node]:
    """The tidied adjoint of every node on a path from `wrt` to `output`, in the graph that was written."""
    gradients(output, wrt)
    named = frozenset(names)
    wanted = named | frozenset(wrt)
    settled: set[Node] = set()

    def settle(n: Node, adjoint: Node) -> Node:
        """The adjoint in the adjoints found before, or substituted, whichever is shorter: ∂L/∂u ⊙ u ⊙ (1 − u), but ŷ − y."""
        if n not in wanted:
            return adjoint
        shown = named | settled
        new = tidy(adjoint, named)
        if settled:
            by_name = adjoint if adjoint in settled else tidy(adjoint, shown)
            if by_name in settled or reading_weight(by_name, shown) < reading_weight(new, shown):
                new = by_name
        if new.args:
            settled.add(new)
        return new

    found = adjoints(output, constant(1.0), wrt, settle)
    return found | {w: zeros_like(w) for w in wrt if w not in found}
