"""The order in which a program is made: composites opened, stable laws, reverse mode. Fast laws come after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..graph.errors import NoDerivative
from ..graph.node import OPS, REAL, Node, constant, describe
from ..rewrite.expand import expand
from ..rewrite.stable import stabilise
from .reverse import adjoints, gradients, zeros_like


@dataclass(frozen=True)
class Differentiated:
    """A loss and its gradients as one graph; `became` and `adjoint` tell where the written nodes went."""

    value: Node
    gradients: list[Node]
    became: dict[Node, Node]  # written node -> its stable form
    adjoint: dict[Node, Node]  # stable node -> its adjoint


def differentiate(output: Node, wrt: Sequence[Node]) -> Differentiated:
    """Value and gradients of the scalar `output` as written, made safe before they are derived."""
    gradients(output, [])  # the checks on the output, in terms of what was written
    for w in wrt:
        if w.kind != REAL:
            raise NoDerivative(f"{describe(w)} is {w.kind}; derivatives are taken in real quantities")
    became = stable_form([output, *wrt])
    value, targets = became[output], [became[w] for w in wrt]
    found = adjoints(value, constant(1.0), targets)
    return Differentiated(value, [found[t] if t in found else zeros_like(t) for t in targets], became, found)


def stable_form(roots: Sequence[Node]) -> dict[Node, Node]:
    """Written node -> the node that computes it safely."""
    simple = {op for op in OPS.values() if op.vjp is not None or op.meaning is None}
    opened = expand(roots, simple, "differentiating")
    stable = stabilise([opened[r] for r in roots])
    return {n: stable[m] for n, m in opened.items() if m in stable}
