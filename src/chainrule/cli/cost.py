"""`chainrule cost`: what a loss and its gradients cost."""

from __future__ import annotations

from collections.abc import Sequence

from ..face.cost import cost as cost_of
from ..face.cost import derivation_cost
from ..face.graph import select
from ..views.grid import Grid
from .options import Format, Forward, Json, Out, SizesOption, Target, Wrt
from .output import DOCUMENTS, Output
from .sections import written
from .sizes import check_known, read_sizes
from .target import differentiable, load, select_inputs

EXAMPLES = """
Count what a loss and its gradients cost, in the program that computes them: multiplications, additions, comparisons
and special functions as polynomials in the sizes, for each quantity and in total; and what other counters would say.

\b
  chainrule cost net.py:loss --wrt W1,W2
  chainrule cost net.py:loss --sizes n=784,h=64,m=10     # numbers beside the polynomials
  chainrule cost "Y = X @ W + b" --sizes "X: n d, W: d k, b: k"
  chainrule cost net.py:model --forward --json

A function whose result is no real scalar has no gradients; its forward pass is counted.
"""


def command(
    target: Target,
    wrt: Wrt = None,
    sizes: SizesOption = None,
    forward: Forward = False,
    format: Format = None,
    out: Out = None,
    json: Json = False,
) -> None:
    output = Output(out, json)
    kind = output.kind(format, DOCUMENTS)
    known = read_sizes(sizes)
    graph = load(target, known, symbols=True)
    check_known(known.numbers, graph.symbols)
    names = select_inputs(graph, wrt)
    if differentiable(graph, names, forward):
        both = derivation_cost(graph, select(graph, names))
        found = both.at(**known.numbers) if known.numbers else both
    else:
        alone = cost_of(graph)
        found = alone.at(**known.numbers) if known.numbers else alone
    sections: Sequence[tuple[str, Grid]] = [
        ("In total", found.grid), ("Each quantity", found.table()), ("As others count", found.conventions().grid)
    ]  # fmt: skip
    title = f"The cost of {graph.name}"
    content = written(title, sections, kind, whole=output.path is not None) if output.wants_content else ""
    output.write(content, {"name": graph.name} | found.as_dict() if json else None)


__all__ = ["EXAMPLES", "command"]
