"""`chainrule check`: the gradients held against differences of the loss."""

from __future__ import annotations

from typing import Annotated

import typer

from ..face.checks import check_gradients
from ..face.slopes import check_tolerance
from ..graph.errors import InputError
from .options import At, Engine, Format, Json, Out, SizesOption, Target, Wrt
from .output import DOCUMENTS, Output
from .root import FAILED
from .sections import written
from .sizes import check_known, read_sizes
from .target import load, select_inputs
from .values import fit, read_values

EXAMPLES = """
Check the gradients of a loss against central differences, in float64, at a point that is drawn or given. The exit code
is 0 if they are right and 1 if they are wrong. Kinks, such as relu at 0, are listed and do not fail.

\b
  chainrule check net.py:loss
  chainrule check net.py:loss --sizes n=784,h=64 --wrt W1
  chainrule check net.py:loss --at values.json           # inputs that are not in the file are drawn
"""


_HOW = "Against central differences"


def command(
    target: Target,
    wrt: Wrt = None,
    sizes: SizesOption = None,
    at: At = None,
    seed: Annotated[int, typer.Option(help="Decides what is drawn.", metavar="N", min=0)] = 0,
    tolerance: Annotated[float, typer.Option(help="The largest relative error that is right.", metavar="F")] = 1e-6,
    engine: Engine = "numpy",
    format: Format = None,
    out: Out = None,
    json: Json = False,
) -> None:
    output = Output(out, json)
    kind = output.kind(format, DOCUMENTS)
    try:
        check_tolerance(tolerance)
    except InputError as error:
        raise typer.BadParameter(str(error), param_hint="'--tolerance'") from None
    values, known = read_values(at), read_sizes(sizes)
    graph = load(target, known, values, symbols=True)
    check_known(known.numbers, graph.symbols)
    point = fit(values, graph, at, all_of_them=False)
    whole = output.path is not None
    report = check_gradients(graph, select_inputs(graph, wrt), point, known.numbers, seed, tolerance, engine)
    content = str(report) if kind == "text" else written(report.title, [(_HOW, report.grid)], kind, whole)
    output.write(content, report.as_dict() if json else None)
    if not report.ok:
        raise typer.Exit(FAILED)


__all__ = ["EXAMPLES", "command"]
