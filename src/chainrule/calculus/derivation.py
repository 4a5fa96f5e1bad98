"""The backward pass of a graph as written, each adjoint tidied in named quantities before it is passed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..graph.node import Node, constant
from ..rewrite.tidy import tidy
from .reverse import adjoints, gradients, zeros_like


def adjoints_as_written(output: Node, wrt: Sequence[Node], names: Mapping[Node, str]) -> dict[Node, Node]:
    """The tidied adjoint of every node on a path from `wrt` to `output`, in the graph that was written."""
    gradients(output, wrt)
    named = frozenset(names)

    def settle(n: Node, adjoint: Node) -> Node:
        return tidy(adjoint, named) if n in named or n in wanted else adjoint

    wanted = frozenset(wrt)
    found = adjoints(output, constant(1.0), wrt, settle)
    return found | {w: zeros_like(w) for w in wrt if w not in found}
