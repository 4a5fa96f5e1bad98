"""`cr.cost`: what the program of a graph costs, and what its gradients add."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..graph.dims import Size, sum_of
from ..graph.errors import GraphError
from ..graph.node import LEAF, Node, Op, entries, walk
from ..rewrite.stacks import entries as parts_of_inputs
from ..views.adjoints import PARTIAL, AdjointNotation
from ..views.cost import Tally
from ..views.cost import cost as rules
from ..views.counts import Cost
from ..views.derivation_cost import DerivationCost
from ..views.memory import saved
from ..views.order import backward_order
from ..views.shares import Quantity, step_costs
from ..views.text import TEXT
from .graph import Graph, trace
from .pipeline import Lowered, lower, passes_of


class _Counted:
    """The operations counted as they stand: those with a rule, and those whose lack of one is to be reported."""

    def __contains__(self, op: object) -> bool:
        return op in rules or (isinstance(op, Op) and op.meaning is None)


def cost(target: Graph | Callable[..., Any], **shapes: Any) -> Cost:
    """What one run of ``cr.compile(target)`` costs, as polynomials in the sizes; `.at(n=100, ...)` gives numbers.

    Counted apart are multiplications, additions, comparisons and special functions (division, exp, σ, ...: one each);
    `.macs` are the multiplications in matrix products, `.flops` = 2·MACs; `chainrule.views.cost` states conventions.
    `.steps` and `.table()` divide it among the named quantities; `.conventions()` tells how others count the same.
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
    1 MAC = 1 multiplication + 1 addition; FLOPs = 2·MACs, those of matrix products and convolutions alone
    """
    if hasattr(target, "wrt"):
        raise GraphError("cr.cost counts a graph; what a derivation costs is d.cost, with .forward and .backward")
    if isinstance(target, Graph) and shapes:
        raise GraphError(f"{target.name} has its sizes; give numbers as in cr.cost(g).at({next(iter(shapes))}=3)")
    graph = target if isinstance(target, Graph) else trace(target, **shapes)
    program = lower(graph, None, _Counted(), "cost")
    order = walk(*program.outputs)
    tally = Tally(order, graph.parameters.values())
    named = [*_named(graph, program), *_updated(graph, program)]
    steps = step_costs(tally, order, named, graph.symbols)
    return tally(order).of_graph(graph.symbols, _entries(graph.parameters.values()), steps)


def derivation_cost(graph: Graph, wrt: Sequence[str], notation: AdjointNotation = PARTIAL) -> DerivationCost:
    """What one run of the loss and its gradients in `wrt` costs: the loss alone, and what comes on top of it."""
    program = lower(graph, wrt, _Counted(), "cost")
    order, ahead = walk(*program.outputs), walk(program.outputs[0])
    forward = frozenset(ahead)
    rest = [n for n in order if n not in forward]
    asked = dict.fromkeys(wrt)
    parameters = [graph[w] for w in asked if w in graph.parameters] or [graph[w] for w in asked]
    tally = Tally(order, {*graph.parameters.values(), *parameters})
    steps = step_costs(tally, ahead, _named(graph, program, graph.loss_name), graph.symbols)
    back = step_costs(tally, rest, _adjoints(graph, wrt, program, notation), graph.symbols, done=forward)
    return DerivationCost(
        tally(ahead).of_graph(graph.symbols, _entries(parameters), steps),
        tally(rest).of_graph(graph.symbols, 0, back),
        saved(order, forward),
        passes_of(graph, program),
    )


def _named(graph: Graph, program: Lowered, loss: str | None = None) -> list[Quantity]:
    """The graph's quantities, in order of computation, but not its inputs; the output is called `loss`."""
    labels = graph.labels | ({graph.output: loss} if loss is not None else {})
    found = []
    for n in walk(*graph.outputs, *graph.updates.values()):
        if n in labels and n.op is not LEAF:
            node = program.final.get(program.became.get(n, n))
            found.append(Quantity(labels[n], labels[n], "forward", n.shape, node))
    return found


def _updated(graph: Graph, program: Lowered) -> list[Quantity]:
    """What replaces a state after the step: w ← …"""
    return [
        Quantity(name, f"{name} ←", "forward", n.shape, program.final.get(program.became.get(n, n)))
        for name, n in graph.updates.items()
    ]


def _adjoints(graph: Graph, wrt: Sequence[str], program: Lowered, notation: AdjointNotation) -> list[Quantity]:
    """The adjoints of the derivation's steps, in their order."""
    made = program.made
    assert made is not None
    targets = dict(zip((graph[w] for w in wrt), made.gradients))
    names = graph.names | parts_of_inputs([graph.output], graph.names)
    loss = TEXT.name(graph.loss_name)
    found = []
    for n in backward_order(graph.output, list(targets), names):
        adjoint = targets[n] if n in targets else made.adjoint.get(program.became.get(n, n))
        written = notation.label(loss, TEXT.name(names[n]), TEXT)
        node = program.final.get(adjoint) if adjoint is not None else None
        found.append(Quantity(names[n], written, "backward", n.shape, node))
    return found


def _entries(nodes: Iterable[Node]) -> Size:
    return sum_of(map(entries, nodes))


__all__ = ["Cost", "DerivationCost", "cost", "derivation_cost"]
