"""`cr.cost`: what the program of a graph costs, and what its gradients add."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..graph.dims import Size, sum_of, symbols_of
from ..graph.errors import GraphError
from ..graph.node import Node, Op, entries, walk
from ..views.cost import Cost, DerivationCost, count, saved
from ..views.cost import cost as rules
from .graph import Graph, trace
from .pipeline import lower


class _Counted:
    """The operations counted as they stand: those with a rule, and those whose lack of one is to be reported."""

    def __contains__(self, op: object) -> bool:
        return op in rules or (isinstance(op, Op) and op.meaning is None)


def cost(target: Graph | Callable[..., Any], **shapes: Any) -> Cost:
    """What one run of ``cr.compile(target)`` costs, as polynomials in the sizes; `.at(n=100, ...)` gives numbers.

    Counted apart are multiplications, additions, comparisons and special functions (division, exp, σ, ...: one each);
    `.macs` are the multiplications in matrix products, `.flops` = 2·MACs; `chainrule.views.cost` states conventions.
    `target` is a Graph, or a function as `cr.trace` takes it; for a derivation ask `d.cost`.

    An operation of your own is counted by its meaning, or by the rule that you file in `chainrule.views.cost.cost`.

    A convolution of X (48, 64, 10) with W (3, 3, 10, 20), as the product of its 46·62 patches with the kernels. Other
    counters answer 5,133,600, 5,190,640, 10,267,200 or 10,324,240 for it:

    >>> import chainrule as cr
    >>> print(cr.cost(lambda X, W, b: X @ W + b, X=(46 * 62, 90), W=(90, 20), b=20))
    multiplications    5,133,600
    additions          5,133,600
    comparisons        0
    special functions  0
    MACs               5,133,600
    FLOPs              10,267,200
    parameters         1,820
    1 MAC = 1 multiplication + 1 addition; FLOPs = 2·MACs, those of matrix products alone
    """
    if hasattr(target, "wrt"):
        raise GraphError("cr.cost counts a graph; what a derivation costs is d.cost, with .forward and .backward")
    if isinstance(target, Graph) and shapes:
        raise GraphError(f"{target.name} has its sizes; give numbers as in cr.cost(g).at({next(iter(shapes))}=3)")
    graph = target if isinstance(target, Graph) else trace(target, **shapes)
    program = lower(graph, None, _Counted(), "cost")
    counted = count(walk(*program.outputs))
    return replace(counted, parameters=_entries(graph.parameters.values()), sizes=_sizes(graph))


def derivation_cost(graph: Graph, wrt: Sequence[str]) -> DerivationCost:
    """What one run of the loss and its gradients in `wrt` costs: the loss alone, and what comes on top of it."""
    program = lower(graph, wrt, _Counted(), "cost")
    order, ahead = walk(*program.outputs), walk(program.outputs[0])
    forward = frozenset(ahead)
    asked = dict.fromkeys(wrt)
    parameters = [graph[w] for w in asked if w in graph.parameters] or [graph[w] for w in asked]
    return DerivationCost(
        replace(count(ahead), parameters=_entries(parameters), sizes=_sizes(graph)),
        replace(count(order, without=forward), sizes=_sizes(graph)),
        saved(order, forward),
    )


def _entries(nodes: Iterable[Node]) -> Size:
    return sum_of(map(entries, nodes))


def _sizes(graph: Graph) -> frozenset[str]:
    return frozenset().union(*(symbols_of(n.shape) for n in graph.inputs.values()))


__all__ = ["Cost", "cost", "derivation_cost"]
