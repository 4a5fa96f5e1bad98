"""Every operation an engine has no kernel for, replaced by its meaning."""

from __future__ import annotations

from collections.abc import Container, Iterable

from ..graph.errors import MissingRule
from ..graph.node import CONST, LEAF, OPS, SIZE, Node, Op, walk
from .engine import rewrite

_LEAVES = (LEAF, CONST, SIZE)


def primitives() -> set[Op]:
    """The operations with a derivative of their own, and those with no meaning in simpler ones."""
    return {op for op in OPS.values() if op.vjp is not None or op.meaning is None}


def expand(roots: Iterable[Node], known: Container[Op], where: str) -> dict[Node, Node]:
    """What every node below `roots` becomes when only the operations in `known` may stay.

    Raises MissingRule for an operation with neither a kernel nor a meaning.
    """

    def meaning(n: Node) -> Node | None:
        if n.op in known or n.op in _LEAVES:
            return None
        if n.op.meaning is None:
            raise MissingRule(
                f"the {where} engine has no kernel for the operation `{n.op.name}`, which has no meaning in simpler "
                f"operations either; give it one of the two"
            )
        return n.op.meaning(*n.args, **dict(n.attrs))

    roots = list(roots)
    order = walk(*roots)
    if all(n.op in known or n.op in _LEAVES for n in order):  # the usual case: nothing to open
        return {n: n for n in order}
    return rewrite(roots, meaning)
