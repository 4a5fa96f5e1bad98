"""The way from a written graph to the nodes of its program, which `cr.compile` prints and `cr.cost` counts.

Stable laws on the graph as written → reverse mode → what has no kernel opened to its meaning → fast laws.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..calculus.checkpoints import Passes
from ..calculus.differentiate import Differentiated, differentiate, stable_form
from ..graph.node import Node, Op
from ..rewrite.expand import expand
from ..rewrite.fast import hasten

if TYPE_CHECKING:
    from .graph import Graph


@dataclass(frozen=True)
class Lowered:
    """The nodes of a program, and where the written ones went: first `became`, then `final`."""

    outputs: list[Node]  # what the program answers: outputs and updates, or the value and its gradients
    became: dict[Node, Node]  # written node -> its stable form
    final: dict[Node, Node]  # stable node -> the node in the program
    made: Differentiated | None  # with gradients only


def lower(graph: Graph, wrt: Sequence[str] | None, known: Container[Op], where: str) -> Lowered:
    """The program of `graph`, or of its value and the gradients in `wrt`, in the operations that are `known`."""
    if wrt is not None:
        made = differentiate(graph.output, [graph[w] for w in wrt])
        roots, became = [made.value, *made.gradients], made.became
    else:
        made = None
        written = [*graph.outputs, *graph.updates.values()]
        became = stable_form(written)
        roots = [became[n] for n in written]
    opened = expand(roots, known, where)
    fast = hasten(opened.values())
    final = {n: fast[m] for n, m in opened.items()}
    return Lowered([final[r] for r in roots], became, final, made)


def passes_of(graph: Graph, program: Lowered) -> Passes:
    """A program with gradients as its two passes."""
    assert program.made is not None
    now = {n: program.final.get(program.became.get(n, n)) for n in graph.labels}
    cotangents = (program.final.get(n) for n in program.made.adjoint.values())
    return Passes(
        program.outputs[0],
        program.outputs[1:],
        {name: now[n] for n, name in graph.labels.items()},
        frozenset(n for n in cotangents if n is not None),
    )
