"""Update rules that divide each entry's step by the size of its past gradients: AdaGrad, RMSProp, Adam and AdamW."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from ..graph.errors import GraphError
from ..graph.node import Node, constant, number
from ..ops.elementary import sqrt
from .checks import not_negative, share
from .rule import Rule
from .schedules import Schedule


def rest(β: Node) -> Node:
    """1 − β; for a number as it is written in decimals, 0.1 where 1 − 0.9 would be 0.09999999999999998."""
    known = number(β)
    return 1 - β if known is None else constant(float(1 - Decimal(repr(known))))


@dataclass(frozen=True)
class AdaGrad(Rule):
    """s ← s + g², w ← w − α g/(√s + ε)

    lr    α
    eps   ε, outside the root, as PyTorch's Adagrad has it

    and weight_decay, decay, penalty, clip_norm, clip_value as every `Rule`; weight_decay adds λw to the gradient.
    s begins at 0, as in PyTorch; optax and Keras begin at 0.1 and put ε = 10⁻⁷ inside the root.

    Duchi, Hazan and Singer, Adaptive subgradient methods, JMLR 2011, figure 1, with diagonal matrices and δ = ε.

    >>> import chainrule as cr
    >>> print(cr.optim.AdaGrad().text())
    s ← s + (∂L/∂w)²
    w ← w - α·∂L/∂w / (sqrt(s) + ε)
    """

    lr: float | Schedule = 0.01
    eps: float = 1e-10

    def __post_init__(self) -> None:
        super().__post_init__()
        not_negative("eps", self.eps)

    @property
    def kept(self) -> tuple[str, ...]:
        """s, the sum of squares."""
        return ("s",)

    @property
    def numbers(self) -> dict[str, float]:
        """ε"""
        return {"ε": self.eps}

    def update(self, w: Node, g: Node, α: Node, s: Node, ε: Node) -> dict[str, Node]:
        """s ← s + g², w ← w − α g/(√s + ε)"""
        s = s + g**2
        return {"s": s, "w": w - α * g / (sqrt(s) + ε)}


@dataclass(frozen=True)
class RMSProp(Rule):
    """s ← ρ s + (1 − ρ) g², w ← w − α g/(√s + ε)

    lr    α
    rho   ρ, the share of the past in the mean of squares: 0.9 as in the lecture, Keras (rho) and optax (decay);
          PyTorch calls it alpha, which is the learning rate's letter, and takes 0.99
    eps   ε, outside the root, as in PyTorch and with optax's eps_in_sqrt=False; Keras has it inside

    and weight_decay, decay, penalty, clip_norm, clip_value as every `Rule`; weight_decay adds λw to the gradient.
    It has no momentum and is not centred.

    Tieleman and Hinton, Neural networks for machine learning, lecture 6e, 2012.

    >>> import chainrule as cr
    >>> print(cr.optim.RMSProp().text())
    s ← ρ·s + (1 - ρ)·(∂L/∂w)²
    w ← w - α·∂L/∂w / (sqrt(s) + ε)
    """

    lr: float | Schedule = 0.001
    rho: float = 0.9
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        share("rho", self.rho)
        not_negative("eps", self.eps)

    @property
    def kept(self) -> tuple[str, ...]:
        """s, the mean of squares."""
        return ("s",)

    @property
    def numbers(self) -> dict[str, float]:
        """ρ and ε"""
        return {"ρ": self.rho, "ε": self.eps}

    def update(self, w: Node, g: Node, α: Node, s: Node, ρ: Node, ε: Node) -> dict[str, Node]:
        """s ← ρ s + (1 − ρ) g², w ← w − α g/(√s + ε)"""
        s = ρ * s + rest(ρ) * g**2
        return {"s": s, "w": w - α * g / (sqrt(s) + ε)}


@dataclass(frozen=True)
class Adam(Rule):
    """m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², w ← w − α m̂/(√v̂ + ε), m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ)

    lr            α
    betas         (β₁, β₂), each in [0, 1)
    eps           ε, outside the root and beside √v̂
    weight_decay  λ, of which λw is added to the gradient: Adam with L2, where the decay is divided by √v̂ as well. For
                  the other kind see `AdamW`

    and decay, penalty, clip_norm, clip_value as every `Rule`.

    This is algorithm 1 of the paper, PyTorch's Adam and optax's adam. Keras computes the paper's last remark, with
    √(1 − β₂ᵗ) in the learning rate: its ε counts 1/√(1 − β₂ᵗ) times as much, most at the first steps. PyTorch corrects
    the bias in float64 always, and the program here in the precision of the parameters, as optax.

    Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1.

    >>> import chainrule as cr
    >>> print(cr.optim.Adam(weight_decay=0.01).text())
    t ← t + 1
    g = ∂L/∂w + λ·w
    m ← β1·m + (1 - β1)·g
    v ← β2·v + (1 - β2)·g²
    m̂ = m / (1 - β1**t)
    v̂ = v / (1 - β2**t)
    w ← w - α·m̂ / (sqrt(v̂) + ε)
    """

    lr: float | Schedule = 0.001
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.betas, (tuple, list)) or len(self.betas) != 2:
            raise GraphError(f"betas are two numbers, as in betas=(0.9, 0.999), not {self.betas!r}")
        for k, beta in enumerate(self.betas):
            share(f"betas[{k}]", beta)
        not_negative("eps", self.eps)

    @property
    def kept(self) -> tuple[str, ...]:
        """m and v, the means of the gradient and of its square."""
        return ("m", "v")

    @property
    def counts(self) -> bool:
        """For the correction of the bias."""
        return True

    @property
    def numbers(self) -> dict[str, float]:
        """β₁, β₂ and ε"""
        return {"β1": self.betas[0], "β2": self.betas[1], "ε": self.eps}

    def update(
        self, w: Node, g: Node, α: Node, m: Node, v: Node, t: Node, β1: Node, β2: Node, ε: Node
    ) -> dict[str, Node]:
        """m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², w ← w − α m̂/(√v̂ + ε)"""
        m = β1 * m + rest(β1) * g
        v = β2 * v + rest(β2) * g**2
        mhat = m / (1 - β1**t)
        vhat = v / (1 - β2**t)
        return {"m": m, "v": v, "mhat": mhat, "vhat": vhat, "w": w - α * mhat / (sqrt(vhat) + ε)}


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: w ← (1 − αλ) w − α m̂/(√v̂ + ε), where m and v see the bare gradient.

    lr, betas, eps   as `Adam`
    weight_decay     λ; 0.01 as in PyTorch (optax 0.0001, Keras 0.004). Biases are not decayed, but by PyTorch's and
                     optax's they are unless told otherwise: see `decay`

    As in PyTorch, optax and Keras α multiplies λ. In the paper only the schedule does, not the rate itself.

    Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019, algorithm 2.

    >>> import chainrule as cr
    >>> print(cr.optim.AdamW().text().splitlines()[-1])
    w ← (1 - α·λ)·w - α·m̂ / (sqrt(v̂) + ε)
    """

    weight_decay: float = field(default=0.01, kw_only=True)

    decoupled: ClassVar[bool] = True


__all__ = ["AdaGrad", "Adam", "AdamW", "RMSProp"]
