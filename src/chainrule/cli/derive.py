"""`chainrule derive`: the gradients of a loss, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ..face.derivation import Derivation
from ..graph.errors import NamingError
from ..views.adjoints import adjoint_notation
from .options import At, Format, Json, Out, SizesOption, Target, Wrt
from .output import DOCUMENTS, Output
from .sizes import read_sizes
from .target import load, select_inputs
from .values import fit, read_values

EXAMPLES = """
Derive the gradients of a loss, step by step, as a person would hand them in: the forward equations, the chain rule
from the loss back to the inputs with a reason for each step, and the conventions.

\b
  chainrule derive net.py:loss --wrt W1,W2
  chainrule derive "z = W @ x; L = sum(z**2)" --sizes "x: n, W: h n"
  chainrule derive net.py:loss --out steps.html          # one page, complete in itself; .md and .tex likewise
  chainrule derive net.py:loss --at values.json          # with the numbers that flow at a point

The function is an ordinary Python function of named quantities, with sizes in its annotations (W: "h n") or in --sizes.
Its result must be a scalar. In LaTeX, stdout gets an aligned environment, and a file a document that compiles.
"""


def command(
    target: Target,
    wrt: Wrt = None,
    sizes: SizesOption = None,
    format: Format = None,
    notation: Annotated[
        str, typer.Option(help="How adjoints are written: partial (∂L/∂z), bar (z̄) or delta (δ_z).", metavar="NAME")
    ] = "partial",
    at: At = None,
    unfold: Annotated[bool, typer.Option("--unfold", help="Repeated layers one by one, not as one.")] = False,
    out: Out = None,
    json: Json = False,
) -> None:
    output = Output(out, json)
    kind = output.kind(format, DOCUMENTS)
    try:
        adjoint_notation(notation)
    except NamingError as error:
        raise typer.BadParameter(str(error), param_hint="'--notation'") from None
    values = read_values(at)
    graph = load(target, read_sizes(sizes), values)
    d = Derivation(graph, select_inputs(graph, wrt), notation)
    point = fit(values, graph, at) if at else None
    content = written(d, kind, unfold, point, whole=output.path is not None) if output.wants_content else ""
    output.write(content, facts(d, point) if json else None)


def written(d: Derivation, kind: str, unfold: bool, at: Mapping[str, Any] | None, whole: bool) -> str:
    """The derivation in one of the formats; `whole` makes a document of LaTeX."""
    if kind == "latex" and not whole:
        return d.latex(unfold) if at is None else f"{d.latex(unfold)}\n\n{d.at(at).latex()}"
    return {"text": d.text, "html": d.html, "md": d.markdown, "latex": d.tex}[kind](unfold, at)


def facts(d: Derivation, at: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What `--json` prints."""
    g = d.graph
    found = {
        "name": g.name,
        "wrt": d.wrt,
        "notation": d.notation.name,
        "inputs": {k: {"shape": n.shape, "kind": n.kind, "role": g.roles[k]} for k, n in g.inputs.items()},
        "forward": [{"name": e.name, "expression": e.expression, "shape": e.node.shape} for e in d.forward],
        "steps": [
            {
                "name": s.name, "shape": s.node.shape, "text": s.text, "latex": s.latex, "reason": s.reason,
                "given": s.given,
            }
            for s in d.steps
        ],
        "conventions": d.conventions,
    }  # fmt: skip
    if at is None:
        return found
    point = d.at(at)
    return found | {"at": {"values": point.values, "adjoints": point.adjoints}}


__all__ = ["EXAMPLES", "command", "facts"]
