"""What can be differentiated: one real scalar, in real quantities, through operations that have derivatives."""

from __future__ import annotations

from collections.abc import Sequence

from ..calculus.reverse import active_nodes
from ..graph.dims import shape_text
from ..graph.errors import NoDerivative
from ..graph.node import REAL, Node
from ..views.notation import names_below
from ..views.text import TEXT
from .graph import Graph

_LONG, _MANY = 40, 12  # signs and quantities of an expression that stands in for a name


def check_loss(graph: Graph, wrt: Sequence[str]) -> None:
    """Raises NoDerivative, in the graph's names and with the user's line, unless the output has gradients in `wrt`."""
    text = graph.called != graph.name
    gives = f"{graph.called} {'gives' if text else 'returns'}"
    if len(graph.outputs) != 1:
        only = "end with the loss alone" if text else "return the loss alone"
        raise NoDerivative(
            f"{gives} {len(graph.outputs)} quantities, and a gradient is that of one real scalar: {only}"
        )
    loss = graph.output
    name = _expression(graph, loss)
    if loss.kind != REAL:
        raise NoDerivative(
            f"{gives} {name}, which is {loss.kind}; a gradient is that of a real scalar" + _origin(graph, loss)
        )
    if loss.shape:
        called = graph.names.get(loss, "…")
        instead = (
            f"write sum({called}) or mean({called})" if text
            else f"return cr.sum({called}) or cr.mean({called}), or ask for cr.jacobian"
        )  # fmt: skip
        raise NoDerivative(
            f"{gives} {name}, which has the shape {shape_text(loss.shape)}; a gradient is that of a real scalar: "
            f"{instead}" + _origin(graph, loss)
        )
    for k in wrt:
        if graph[k].kind != REAL:
            raise NoDerivative(f"{k} is {graph[k].kind}; derivatives are taken in real quantities")
    for n in active_nodes(loss, [graph[k] for k in wrt]):
        if n.op.vjp is None and n.op.meaning is None and n.args:
            stop = "stop_gradient" if text else "cr.stop_gradient"
            raise NoDerivative(
                f"the operation `{n.op.name}` has no derivative, and one is needed through {_expression(graph, n)}; "
                f"give it a vjp or a meaning, or stop there with {stop}" + _origin(graph, n)
            )


def _expression(graph: Graph, n: Node) -> str:
    """A quantity by its name, or as it is computed from those that have one."""
    if n in graph.names:
        return graph.names[n]
    many = len(names_below(n, graph.names.get)) > _MANY
    written = f"{n.op.name}(…)" if many else TEXT.write(n, graph.names)
    return written if len(written) <= _LONG else f"{written[: _LONG - 1]}…"


def _origin(graph: Graph, n: Node) -> str:
    """The user's line that built `n`, on a line of its own."""
    return str(graph.origins.get(n, ""))


__all__ = ["check_loss"]
