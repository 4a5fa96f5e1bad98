"""The graph that is looked at, its parameters, its layers, and what they are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..calculus.reverse import MOVES
from ..face.graph import Graph, trace
from ..face.loss import check_loss
from ..graph.errors import GraphError, InputError
from ..graph.node import LEAF, REAL, Node, Op, walk
from ..ops.convolution import CONV
from ..ops.linear import EINSUM, MATMUL
from ..optim.checks import listed
from ..views.notation import names_below
from ..views.text import TEXT

Target = Graph | Callable[..., Any]

_PRODUCTS: frozenset[Op] = frozenset({MATMUL, EINSUM, CONV})
_LONG, _MANY = 40, 12  # signs and quantities of an expression that stands in for a name


def loss_of(target: Target, wrt: Sequence[str] | str | None) -> tuple[Graph, list[str]]:
    """The graph of the loss alone, without updates, and the inputs to differentiate in: by default the parameters.

    Raises GraphError where there is none, NamingError for a name that is no real input, NoDerivative for what is no
    real scalar.
    """
    graph = trace(target)
    if wrt is None:
        names = list(graph.parameters)
    else:
        names = listed("wrt", wrt, [k for k, n in graph.inputs.items() if n.kind == REAL])
    if not names:
        example = next((k for k, n in graph.inputs.items() if n.kind == REAL), "w")
        raise GraphError(
            f'{graph.name} has no parameters; say which are: cr.trace(f, roles={{"{example}": "parameter"}})'
        )
    check_loss(graph, names)
    used = graph.returning(graph.output)
    unread = {k: graph[k] for k in names if k not in used.inputs}  # their gradient is 0
    return replace(used, inputs=used.inputs | unread, roles=used.roles | {k: graph.roles[k] for k in unread}), names


def arrays_of(target: Graph, used: Graph, point: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays that `used` reads; those for inputs of `target` that do not reach the loss are left out."""
    if not isinstance(point, Mapping):
        raise InputError(f'a point is given by name, as in {{"x": x}}, not as {type(point).__name__}')
    unread = set(target.inputs) - set(used.inputs)
    return {k: v for k, v in point.items() if k not in unread}


def called(graph: Graph, n: Node) -> str:
    """A quantity by its name, or as it is computed from those that have one."""
    if n in graph.names:
        return graph.names[n]
    many = len(names_below(n, graph.names.get)) > _MANY
    written = f"{n.op.name}(…)" if many else TEXT.write(n, graph.names)
    return written if len(written) <= _LONG else f"{written[: _LONG - 1]}…"


def layers_of(graph: Graph) -> list[Node]:
    """The longest chain of hidden quantities that enter a product with parameters, in forward order.

    A quantity is hidden if it is computed from parameters and from other inputs too. Where branches run side by side
    the chain takes one of them.
    """
    parameters = set(graph.parameters.values())
    entering: set[Node] = set()
    trained: set[Node] = set()  # computed from a parameter
    others: set[Node] = set()  # computed from another input
    order = walk(graph.output)
    for n in order:
        if n.op is LEAF:
            (trained if n in parameters else others).add(n)
            continue
        trained |= {n} if any(a in trained for a in n.args) else set()
        others |= {n} if any(a in others for a in n.args) else set()
        if n.op in _PRODUCTS and any(a in trained and a not in others for a in n.args):
            hidden = [_unmoved(a, graph) for a in n.args if a in trained and a in others]
            entering.update(h for h in hidden if h.op is not LEAF)
    longest: dict[Node, tuple[Node, ...]] = {}
    for n in order:
        chain = max((longest[a] for a in n.args), key=len, default=())
        longest[n] = (*chain, n) if n in entering else chain
    return list(longest[graph.output])


def _unmoved(n: Node, graph: Graph) -> Node:
    """What a transpose or a reshape without a name was made of."""
    while n not in graph.names and n.op in MOVES:
        n = n.args[0]
    return n


__all__ = ["Target", "arrays_of", "called", "layers_of", "loss_of"]
