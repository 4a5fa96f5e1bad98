"""The order in which a program is made: composites opened, stable laws, reverse mode. Fast laws come after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..graph.node import LEAF, REAL, Node, constant
from ..rewrite.engine import rewrite
from ..rewrite.expand import expand, primitives
from ..rewrite.stable import stabilise
from .reverse import adjoints, check_differentiable, zeros_like


@dataclass(frozen=True)
class Differentiated:
    """A loss and its gradients as one graph; `became` and `adjoint` tell where the written nodes went."""

    value: Node
    gradients: list[Node]
    became: dict[Node, Node]  # written node -> its stable form
    adjoint: dict[Node, Node]  # stable node -> its adjoint


def differentiate(output: Node, wrt: Sequence[Node]) -> Differentiated:
    """Value and gradients of the scalar `output` as written, made safe before they are derived."""
    check_differentiable(output, wrt)
    inputs = [w for w in wrt if w.op is LEAF]
    became = stable_form([output, *wrt])
    found = adjoints(became[output], constant(1.0), inputs)
    inside = {w: _gradient_inside(output, w) for w in wrt if w.op is not LEAF}
    made = [inside[w] if w in inside else found[w] if w in found else zeros_like(w) for w in wrt]
    return Differentiated(became[output], made, became, found)


def _gradient_inside(output: Node, w: Node) -> Node:
    """∂output/∂w for a quantity inside, which the stable laws might pass by: log(softmax(z)) never forms P."""
    (opened,), back = cut([output], [w])
    (leaf,) = back
    found = adjoints(stable_form([opened])[opened], constant(1.0), [leaf])
    return rejoin([found[leaf]], back)[0] if leaf in found else zeros_like(w)


def cut(roots: Sequence[Node], inside: Sequence[Node]) -> tuple[list[Node], dict[Node, Node]]:
    """`roots` with each quantity of `inside` replaced by a leaf, and {leaf: quantity}."""
    # no input's name has a space
    back = {LEAF(name=f" cut {k}", shape=w.shape, kind=REAL): w for k, w in enumerate(inside)}
    done = rewrite(roots, lambda n: None, {w: leaf for leaf, w in back.items()})
    return [done[r] for r in roots], back


def rejoin(roots: Sequence[Node], back: Mapping[Node, Node]) -> list[Node]:
    """`roots` with each leaf of `back` replaced by the stable form of the quantity it stands for."""
    safe = stable_form(list(back.values()))
    done = rewrite(roots, lambda n: None, {leaf: safe[w] for leaf, w in back.items()})
    return [done[r] for r in roots]


def stable_form(roots: Sequence[Node]) -> dict[Node, Node]:
    """Written node -> the node that computes it safely."""
    opened = expand(roots, primitives(), "differentiating")
    stable = stabilise([opened[r] for r in roots])
    return {n: stable[m] for n, m in opened.items() if m in stable}
