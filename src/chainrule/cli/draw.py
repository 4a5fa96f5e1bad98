"""`chainrule draw`: a picture of the computational graph."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ..face.derivation import Derivation
from .options import At, Forward, Json, Out, SizesOption, Target, Wrt
from .output import Output
from .sizes import read_sizes
from .target import differentiable, load, select_inputs
from .values import fit, read_values

EXAMPLES = """
Draw the computational graph of a loss and its backward pass: a box for each operation, sizes on the arrows, dashed
arrows where gradients flow back. As SVG, which browsers and editors show, or as DOT for Graphviz.

\b
  chainrule draw net.py:loss --wrt W1,W2 --out graph.svg
  chainrule draw net.py:loss --at values.json --out numbers.svg    # values and gradients on the boxes
  chainrule draw net.py:model --forward --out graph.dot            # without the backward pass

A function whose result is no real scalar has no gradients; its forward pass is drawn.
"""


def command(
    target: Target,
    wrt: Wrt = None,
    sizes: SizesOption = None,
    at: At = None,
    forward: Forward = False,
    fold: Annotated[
        bool | None,
        typer.Option(
            "--fold/--unfold",
            help="One box for each named quantity, or for each operation.  [default: --fold above 60 boxes]",
            show_default=False,
        ),
    ] = None,
    format: Annotated[
        Literal["svg", "dot"] | None,
        typer.Option("--format", help="How it is written.  [default: as FILE of --out ends, or svg]"),
    ] = None,
    out: Out = None,
    json: Json = False,
) -> None:
    output = Output(out, json)
    kind = output.kind(format, ("svg", "dot"))
    values = read_values(at)
    graph = load(target, read_sizes(sizes), values)
    names = select_inputs(graph, wrt)
    drawn = Derivation(graph, names) if differentiable(graph, names, forward) else graph
    point = fit(values, graph, at) if at else None
    picture = drawn.svg(fold, point) if kind == "svg" else drawn.dot(fold, point)
    gradients = drawn.wrt if isinstance(drawn, Derivation) else []
    shown = {} if output.path is not None else {"picture": picture}
    output.write(picture, {"name": graph.name, "format": kind, "gradients": gradients} | shown)


__all__ = ["EXAMPLES", "command"]
