"""What can be differentiated: one real scalar, in real quantities, through operations that have derivatives."""

from __future__ import annotations

from collections.abc import Sequence

from ..calculus.reverse import active_nodes
from ..graph.dims import shape_text
from ..graph.errors import NoDerivative
from ..graph.node import REAL, Node
from ..graph.origin import line_text
from .graph import Graph


def check_loss(graph: Graph, wrt: Sequence[str]) -> None:
    """Raises NoDerivative, in the graph's names and with the user's line, unless the output has gradients in `wrt`."""
    if len(graph.outputs) != 1:
        raise NoDerivative(
            f"{graph.name} returns {len(graph.outputs)} quantities, and a gradient is that of one real scalar: "
            f"return the loss alone"
        )
    loss = graph.output
    if loss.kind != REAL:
        raise NoDerivative(
            f"{graph.name} returns {_name(graph, loss)}, which is {loss.kind}; a gradient is that of a real scalar"
            + _line(graph, loss)
        )
    if loss.shape:
        name = _name(graph, loss)
        raise NoDerivative(
            f"{graph.name} returns {name}, which has the shape {shape_text(loss.shape)}; a gradient is that of a real "
            f"scalar: return cr.sum({name}) or cr.mean({name}), or ask for cr.jacobian" + _line(graph, loss)
        )
    for k in wrt:
        if graph[k].kind != REAL:
            raise NoDerivative(f"{k} is {graph[k].kind}; derivatives are taken in real quantities")
    for n in active_nodes(loss, [graph[k] for k in wrt]):
        if n.op.vjp is None and n.op.meaning is None and n.args:
            raise NoDerivative(
                f"the operation `{n.op.name}` has no derivative, and one is needed through {_name(graph, n)}; give it "
                f"a vjp or a meaning, or stop there with cr.stop_gradient" + _line(graph, n)
            )


def _name(graph: Graph, n: Node) -> str:
    return graph.names.get(n) or f"{n.op.name}(…)"


def _line(graph: Graph, n: Node) -> str:
    """The user's line that built `n`, on a line of its own."""
    return f"\n  in {line_text(*graph.origins[n])}" if n in graph.origins else ""


__all__ = ["check_loss"]
