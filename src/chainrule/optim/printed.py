"""An update rule as it stands in a book: its own equations, for a weight w and with symbols instead of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from ..calculus.differentiate import differentiate
from ..graph.node import Node, leaf, walk
from ..ops.reduce import norm
from ..rewrite.collect import collect
from ..views.adjoints import derivative
from ..views.latex import LATEX
from ..views.notation import Equation, Notation
from .clipping import by_norm, by_value

if TYPE_CHECKING:
    from .rule import Rule

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta", "θ": "theta", "κ": "kappa",
    "λ": "lambda", "μ": "mu", "ν": "nu", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "ω": "omega",
}  # fmt: skip


def equations(rule: Rule, notation: Notation) -> list[Equation]:
    """J = … where there is a penalty, g = … where the gradient is changed and read more than once, and the rule."""
    w, g, α = leaf("w", ("n", "m")), leaf("g", ("n", "m")), leaf("α")
    θ, c, t = leaf("θ", ("p",)), leaf("c"), leaf("t")  # θ: all parameters; ‖∂L/∂θ‖ is the norm of all gradients
    loss, gradient = leaf("L"), g
    count = len(rule.penalties) + bool(rule.weight_decay)
    factors = [leaf("λ")] if count == 1 else [leaf(f"λ{k}") for k in range(1, count + 1)]
    old = {k: leaf(k, w.shape) for k in rule.kept}
    numbers = {k: leaf(k) for k in rule.numbers}
    symbols = [w, α, c, t, loss, *factors, *old.values(), *numbers.values()]
    labels = {n: _said(n.attr("name"), notation) for n in symbols}
    clips = rule.clip_norm is not None or rule.clip_value is not None
    for n, name in ((g, "w"), (θ, "θ")):  # what is clipped is the gradient of J as one
        of = "J" if rule.penalties and clips else "L"
        labels[n] = derivative(_said(of, notation), _said(name, notation), notation)

    lines: dict[str, Node] = {}
    if rule.penalties:
        terms = [λ * p.of(w) for λ, p in zip(factors, rule.penalties)]
        lines["J"] = reduce(add, terms, loss)
        if not clips:
            gradient = gradient + differentiate(reduce(add, terms), [w]).gradients[0]
    if rule.counts:
        lines["t"] = t + 1
    if rule.clip_norm is not None:
        gradient = by_norm(gradient, norm(θ), c)
    elif rule.clip_value is not None:
        gradient = by_value(gradient, c)
    shrunk = w
    if rule.weight_decay:
        shrunk, gradient = rule.with_decay(w, gradient, α, factors[-1])
    if gradient is not g and (rule.kept or clips):
        lines["g"] = gradient
    counted = {"t": lines["t"]} if rule.counts else {}
    lines |= rule.update(shrunk, gradient, α, **old, **counted, **numbers)
    return _written(lines, old | {"w": w, "t": t}, {g, w, *old.values()}, labels, notation)


def _written(
    lines: Mapping[str, Node],
    old: Mapping[str, Node],
    quantities: set[Node],
    labels: dict[Node, str],
    notation: Notation,
) -> list[Equation]:
    """An equation for each of `lines`, in what those above it made, with an arrow where it replaces an old value."""
    found: list[Equation] = []
    made: dict[Node, str] = {}
    rest = list(lines.values())
    for k, n in lines.items():
        rest.remove(n)
        right = n if k == "J" else collect(n, labels, quantities)
        *parts, last = notation.equations({right: _said(k, notation)}, labels, made)
        found += [*parts, replace(last, assigns=k in old)]
        before = old.get(k)
        if before is None or before not in walk(*rest, stop={*labels, n}):  # else one name would mean both
            labels[n] = _said(k, notation)
            quantities.add(n)
    return found


def _said(name: str, notation: Notation) -> str:
    """How a symbol of an equation is written: mhat as m̂."""
    if notation is LATEX:
        return notation.name(_GREEK.get(name[0], name[0]) + name[1:])
    return notation.name(f"{name.removesuffix('hat')}\u0302" if name.endswith("hat") else name)


__all__ = ["equations"]
