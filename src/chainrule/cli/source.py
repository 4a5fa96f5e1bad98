"""`chainrule source`: the readable program that computes a loss and its gradients."""

from __future__ import annotations

from ..face.compiled import Compiled
from ..face.derivation import Derivation
from .options import Engine, Forward, Json, Out, SizesOption, Target, Wrt
from .output import Output
from .sizes import read_sizes
from .target import differentiable, load, select_inputs

EXAMPLES = """
Print the Python program that computes a loss and its gradients: one statement for each quantity, complete with its
imports, and exactly what Chainrule runs.

\b
  chainrule source net.py:loss --wrt W1,W2
  chainrule source net.py:loss --engine xla --out loss.py
  chainrule source net.py:model --forward                # the function alone

A function whose result is no real scalar has no gradients; its forward pass is printed.
"""


def command(
    target: Target,
    wrt: Wrt = None,
    sizes: SizesOption = None,
    engine: Engine = "numpy",
    forward: Forward = False,
    out: Out = None,
    json: Json = False,
) -> None:
    output = Output(out, json)
    output.kind(None, ("python",))
    graph = load(target, read_sizes(sizes))
    names = select_inputs(graph, wrt)
    derivation = Derivation(graph, names) if differentiable(graph, names, forward) else None
    program = Compiled(graph, engine, None, derivation.wrt if derivation else None)
    gradients = derivation.wrt if derivation else []
    output.write(
        program.source,
        {
            "function": program.program.function, "engine": engine, "inputs": list(graph.inputs),
            "outputs": program.output_names, "gradients": gradients, "source": program.source,
        },
    )  # fmt: skip


__all__ = ["EXAMPLES", "command"]
