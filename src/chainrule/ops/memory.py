"""Operations as memory sees them: which results look into their argument's array, and what is computed again."""

from __future__ import annotations

from ..graph.node import Node, Op
from .arithmetic import STOP
from .indexing import SLICE
from .movement import BROADCAST, EXPAND, FLIP, RESHAPE, SQUEEZE, TRANSPOSE

AGAIN = Op(  # x, from which something is computed a second time: not before `after` has been
    "again",
    shape=lambda x, after: x,
    kind=lambda x, after: x,
    vjp=lambda g, y, x, after: [g, None],
    meaning=lambda x, after: x,
)

VIEWS = frozenset({TRANSPOSE, EXPAND, SQUEEZE, RESHAPE, BROADCAST, FLIP, SLICE, STOP, AGAIN})
"""Operations whose result may share the memory of its first argument."""


def array_of(n: Node) -> Node:
    """The array that a view looks into."""
    while n.op in VIEWS:
        n = n.args[0]
    return n
