"""What a textbook takes for granted of the data: that the rows of Y, the targets of a softmax, sum to 1."""

from __future__ import annotations

from collections.abc import Container, Mapping

from ..graph.node import REAL, Node, walk
from ..ops.movement import SUM, filled
from ..ops.reduce import LOG_SOFTMAX, SOFTMAX
from ..rewrite.engine import substitute
from ..rewrite.tidy import reading_weight, tidy


def assumed(adjoint: Node, names: Mapping[Node, str], known: Container[Node]) -> tuple[Node | None, str]:
    """The shorter form of `adjoint` if the targets sum to 1, and the condition in words; (None, "") if there is none.

    A quantity Y with a name is taken for such targets where its sum over an axis stands beside a softmax over that
    axis. What is in `known` is a name to the reader, and stays as it is.
    """
    totals = [n for n in walk(adjoint, stop=known) if _total_of_targets(n, adjoint, names)]
    if not totals:
        return None, ""
    put_in = {n: filled(1.0, n.shape) for n in totals}
    under = tidy(substitute(adjoint, put_in, known), known)
    if reading_weight(under, known) >= reading_weight(adjoint, known):
        return None, ""
    said = dict.fromkeys(_condition(n, names) for n in totals)
    return under, " and ".join(said)


def _total_of_targets(n: Node, root: Node, names: Container[Node]) -> bool:
    if n.op is not SUM or n.args[0] not in names or n.args[0].kind != REAL or len(n.attr("axis")) != 1:
        return False
    Y, axis = n.args[0], n.attr("axis")
    return any(
        m.op in (SOFTMAX, LOG_SOFTMAX) and m.attr("axis") == axis and m.shape == Y.shape for m in walk(root)
    )


def _condition(n: Node, names: Mapping[Node, str]) -> str:
    Y, (axis,) = n.args[0], n.attr("axis")
    name = names[Y]
    if Y.ndim == 1:
        return f"if the entries of {name} sum to 1"
    if Y.ndim == 2:
        return f"if each {('column', 'row')[axis]} of {name} sums to 1"
    return f"if {name} sums to 1 along axis {axis}"
