"""What a program computes anyway serves again, so that it is neither computed nor kept twice."""

from __future__ import annotations

from collections.abc import Iterable

from ..graph.node import Node, number, walk
from ..ops.arithmetic import GREATER
from ..ops.elementary import EXP, RELU
from ..ops.reduce import LOG_SOFTMAX, SOFTMAX
from .engine import rewrite

SOURCES = frozenset({LOG_SOFTMAX, RELU})
"""Operations whose results serve again: without one of them there is nothing to share."""


def share(roots: Iterable[Node]) -> dict[Node, Node]:
    """softmax(a) → exp(log_softmax(a)) and [a > 0] → [relu(a) > 0], where the program holds log_softmax(a) and relu(a).

    The second frees a relu's argument: the backward pass reads the result, which is kept for the next layer anyway.
    """
    order = walk(*roots)
    held = {(n.op, n.args[0], n.attrs): n for n in order if n.op in SOURCES}
    def from_what_is_held(n: Node) -> Node | None:
        if n.op is SOFTMAX and (found := held.get((LOG_SOFTMAX, n.args[0], n.attrs))) is not None:
            return EXP(found)
        if n.op is GREATER and number(n.args[1]) == 0 and (found := held.get((RELU, n.args[0], ()))) is not None:
            return found > n.args[1]
        return None

    return rewrite(roots, from_what_is_held)
