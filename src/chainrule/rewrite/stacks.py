"""The adjoint of an array that was read entry by entry, W[0], W[1], …: the stack of their adjoints.

Reverse mode gives  Σ_k pad(ḡ_k)  with each ḡ_k put at its place among zeros, which is  stack(ḡ_0, ḡ_1, …).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from ..graph.node import LEAF, Node, walk
from ..ops.arithmetic import ADD
from ..ops.indexing import PAD, SLICE, STACK
from ..ops.movement import BROADCAST, EXPAND, SQUEEZE, filled


def entries(roots: Iterable[Node], names: Mapping[Node, str]) -> dict[Node, str]:
    """The parts W[0], W[1], … of inputs that have no other name, with that name."""
    found = {}
    for n in walk(*roots):
        place = entry(n)
        if place is not None and n not in names:
            leaf, k = place
            if leaf in names:
                found[n] = f"{names[leaf]}[{k}]"
    return found


def entry(n: Node) -> tuple[Node, int] | None:
    """(W, k) where n is W[k] of an input W."""
    if n.op is not SQUEEZE or n.attr("axes") != (0,) or n.args[0].op is not SLICE:
        return None
    part = n.args[0]
    leaf, start, stop = part.args[0], part.attr("start"), part.attr("stop")
    whole = start[1:] == (0,) * (leaf.ndim - 1) and stop[1:] == leaf.shape[1:]
    if leaf.op is not LEAF or not whole or set(part.attr("step")) != {1} or not isinstance(start[0], int):
        return None
    return leaf, start[0]


def stacked(adjoint: Node, keep: Container[Node]) -> Node | None:
    """Σ_k pad(ḡ_k) → stack(ḡ_0, ḡ_1, …), where most of the places are taken; None for anything else."""
    size = adjoint.shape[0] if adjoint.ndim else None
    if not isinstance(size, int):
        return None
    found: dict[int, Node] = {}
    terms = [adjoint]
    while terms:
        term = terms.pop()
        if term.op is ADD and term not in keep:
            terms += term.args
            continue
        place = _placed(term)
        if place is None or place[0] in found:
            return None
        found[place[0]] = place[1]
    if 2 * len(found) < size:
        return None
    return STACK(*[found[k] if k in found else filled(0.0, adjoint.shape[1:]) for k in range(size)], axis=0)


def _placed(term: Node) -> tuple[int, Node] | None:
    """(k, g) where `term` is g at place k of zeros."""
    if term.op is not PAD or any(term.attr("gap")):
        return None
    part, before, after = term.args[0], term.attr("before"), term.attr("after")
    if any(before[1:]) or any(after[1:]) or not isinstance(before[0], int):
        return None
    expanded = part.op is EXPAND and part.attr("axes") == (0,)
    repeated = part.op is BROADCAST and part.shape == (1, *part.args[0].shape)
    return (before[0], part.args[0]) if expanded or repeated else None
