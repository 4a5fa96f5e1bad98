"""Stochastic gradient descent, with momentum and Nesterov's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..graph.errors import GraphError
from ..graph.node import Node
from .checks import share
from .rule import Rule


@dataclass(frozen=True)
class SGD(Rule):
    """w ← w − α ∂L/∂w; with momentum v ← ρ v + ∂L/∂w, w ← w − α v; Nesterov's: w ← w − α (∂L/∂w + ρ v).

    lr            α, the learning rate, or a schedule
    momentum      ρ in [0, 1)
    nesterov      take the step from where the momentum leads
    weight_decay  λ, of which λw is added to the gradient of weights, not of biases: w ← (1 − αλ) w − α ∂L/∂w. It is the
                  gradient of λ/2 · ‖w‖²; `penalty=L2(λ)` is λ‖w‖² and gives 1 − 2αλ. PyTorch's decays biases as well.

    and decay, penalty, clip_norm, clip_value as every `Rule`.

    With momentum PyTorch (its dampening being 0) and optax keep this v, a sum of gradients. Keras and Sutskever et al.
    keep v ← ρ v − α ∂L/∂w, w ← w + v: the same steps while α stays the same; when a schedule lowers α, that v still
    holds steps of the old length. Nesterov's is the form of Sutskever et al., which takes the gradient at w itself, in
    PyTorch, optax and Keras alike.

    Robbins and Monro 1951; Bottou, Curtis and Nocedal 2018, section 4. Momentum: Polyak 1964; Nesterov 1983 as in
    Sutskever, Martens, Dahl and Hinton, On the importance of initialization and momentum, ICML 2013, equations 1 to 4.

    >>> import chainrule as cr
    >>> print(cr.optim.SGD(momentum=0.9, nesterov=True).text())
    v ← ρ·v + ∂L/∂w
    w ← w - α·(∂L/∂w + ρ·v)
    """

    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        share("momentum", self.momentum)
        if self.nesterov and not self.momentum:
            raise GraphError("nesterov=True looks ahead along the momentum, which is 0: give momentum=0.9 too")

    @property
    def kept(self) -> tuple[str, ...]:
        """v with momentum, else nothing."""
        return ("v",) if self.momentum else ()

    @property
    def numbers(self) -> dict[str, float]:
        """ρ with momentum."""
        return {"ρ": self.momentum} if self.momentum else {}

    def update(self, w: Node, g: Node, α: Node, v: Any = 0, ρ: Any = 0) -> dict[str, Node]:
        """v ← ρ v + g, w ← w − α v"""
        if not self.momentum:
            return {"w": w - α * g}
        v = ρ * v + g
        return {"v": v, "w": w - α * (g + ρ * v if self.nesterov else v)}


__all__ = ["SGD"]
