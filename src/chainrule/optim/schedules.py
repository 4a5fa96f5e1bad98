"""Schedules: the learning rate at each step or epoch, counted from 0.

The learning rate is an input of a step's graph, so a schedule needs no new program. A schedule stands in the place of
a number: ``SGD(lr=Exponential(0.1, gamma=0.95))``; `per` says what it counts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import cos, pi
from typing import Any, Literal, get_args

from ..graph.errors import GraphError
from ..views.forms import number_latex
from .checks import at_least_one, not_negative, positive

Unit = Literal["step", "epoch"]


class Schedule(ABC):
    """k → α_k. One's own is a subclass with `rate` and `formula`. `per` is what k counts: "step" or "epoch"."""

    per: Unit

    def __call__(self, k: int) -> float:
        """α_k. Raises GraphError for a k below 0."""
        if k < 0:
            raise GraphError(f"a schedule counts {self.per}s from 0; it was asked for {k}")
        return float(self.rate(int(k)))

    @abstractmethod
    def rate(self, k: int) -> float:
        """α_k for k ≥ 0."""

    @abstractmethod
    def formula(self) -> str:
        """The right side of α_k = … in LaTeX."""

    def latex(self) -> str:
        r"""α_k = … in LaTeX.

        >>> print(Exponential(0.1, gamma=0.95).latex())
        \alpha_{k} = 0.1 \cdot 0.95^{k}
        """
        return rf"\alpha_{{k}} = {self.formula()}"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


@dataclass(frozen=True)
class Constant(Schedule):
    """α_k = α"""

    lr: float
    per: Unit = "step"

    def __post_init__(self) -> None:
        positive("lr", self.lr)
        _check_unit(self.per)

    def rate(self, k: int) -> float:
        """α"""
        return self.lr

    def formula(self) -> str:
        """α"""
        return number_latex(self.lr)


@dataclass(frozen=True)
class Exponential(Schedule):
    """α_k = α γ^k, for each epoch unless `per` says otherwise. As PyTorch's ExponentialLR.

    >>> [round(Exponential(0.1, gamma=0.5)(k), 4) for k in range(4)]
    [0.1, 0.05, 0.025, 0.0125]
    """

    lr: float
    gamma: float = 0.95
    per: Unit = "epoch"

    def __post_init__(self) -> None:
        positive("lr", self.lr)
        positive("gamma", self.gamma)
        _check_unit(self.per)

    def rate(self, k: int) -> float:
        """α γ^k"""
        return self.lr * self.gamma**k

    def formula(self) -> str:
        """α γ^k"""
        return rf"{number_latex(self.lr)} \cdot {_base(self.gamma)}^{{k}}"


@dataclass(frozen=True)
class StepDecay(Schedule):
    """α_k = α γ^⌊k / n⌋: a stair of n = `step_size` epochs each. As PyTorch's StepLR.

    >>> [round(StepDecay(0.1, step_size=2)(k), 4) for k in range(5)]
    [0.1, 0.1, 0.01, 0.01, 0.001]
    """

    lr: float
    step_size: int
    gamma: float = 0.1
    per: Unit = "epoch"

    def __post_init__(self) -> None:
        positive("lr", self.lr)
        at_least_one("step_size", self.step_size)
        positive("gamma", self.gamma)
        _check_unit(self.per)

    def rate(self, k: int) -> float:
        """α γ^⌊k / n⌋"""
        return self.lr * self.gamma ** (k // self.step_size)

    def formula(self) -> str:
        """α γ^⌊k / n⌋"""
        power = rf"\left\lfloor k / {self.step_size} \right\rfloor"
        return rf"{number_latex(self.lr)} \cdot {_base(self.gamma)}^{{{power}}}"


@dataclass(frozen=True)
class Cosine(Schedule):
    """α_k = α_end + (α − α_end)(1 + cos(π k/n))/2 up to k = n = `steps`, and α_end from there on.

    Loshchilov and Hutter, SGDR, ICLR 2017, equation 5, without restarts. optax's cosine_decay_schedule stays at the end
    too (its `alpha` is α_end/α); PyTorch's CosineAnnealingLR rises again.

    >>> [round(Cosine(1.0, steps=4)(k), 4) for k in range(6)]
    [1.0, 0.8536, 0.5, 0.1464, 0.0, 0.0]
    """

    lr: float
    steps: int
    end: float = 0.0
    per: Unit = "step"

    def __post_init__(self) -> None:
        positive("lr", self.lr)
        at_least_one("steps", self.steps)
        not_negative("end", self.end)
        _check_unit(self.per)

    def rate(self, k: int) -> float:
        """α_end + (α − α_end)(1 + cos(π k/n))/2"""
        return self.end + (self.lr - self.end) * (1 + cos(pi * min(k, self.steps) / self.steps)) / 2

    def formula(self) -> str:
        """α_end + (α − α_end)(1 + cos(π k/n))/2"""
        wave = rf"\frac{{1}}{{2}} \left(1 + \cos\left(\pi \, \min(k, {self.steps}) / {self.steps}\right)\right)"
        first, end = number_latex(self.lr), number_latex(self.end)
        return rf"{end} + ({first} - {end}) \, {wave}" if self.end else rf"{first} \, {wave}"


@dataclass(frozen=True)
class Power(Schedule):
    """α_k = α (k + 1)^−p. With ½ < p ≤ 1 Σ α_k is infinite and Σ α_k² is not, as stochastic approximation asks.

    Robbins and Monro, A stochastic approximation method, 1951, equation 6; Bottou, Curtis and Nocedal 2018, equation
    4.19.

    >>> [round(Power(1.0, p=1.0)(k), 4) for k in range(4)]
    [1.0, 0.5, 0.3333, 0.25]
    """

    lr: float
    p: float = 1.0
    per: Unit = "step"

    def __post_init__(self) -> None:
        positive("lr", self.lr)
        not_negative("p", self.p)
        _check_unit(self.per)

    def rate(self, k: int) -> float:
        """α (k + 1)^−p"""
        return self.lr * (k + 1.0) ** -self.p

    def formula(self) -> str:
        """α (k + 1)^−p"""
        return rf"{number_latex(self.lr)} \, (k + 1)^{{-{number_latex(self.p)}}}"


@dataclass(frozen=True)
class WarmUp(Schedule):
    """n = `steps` rates that rise evenly to the first rate of the schedule β, which then follows from k = n on.

    α_k = β_0 (k + 1)/(n + 1) for k < n, and β_{k−n} from there; it counts what β counts. Goyal et al., Accurate, large
    minibatch SGD, 2017, section 2.2. optax's warmup_… schedules begin with a step of length 0, and this one does not.

    >>> [round(WarmUp(Cosine(1.0, steps=2), steps=3)(k), 4) for k in range(6)]
    [0.25, 0.5, 0.75, 1.0, 0.5, 0.0]
    """

    after: Schedule
    steps: int

    def __post_init__(self) -> None:
        if not isinstance(self.after, Schedule):
            raise GraphError(f"WarmUp leads to a schedule, such as Constant(0.1); it was given {self.after!r}")
        at_least_one("steps", self.steps)

    @property
    def per(self) -> Unit:  # type: ignore[override]
        """What β counts."""
        return self.after.per

    def rate(self, k: int) -> float:
        """β_0 (k + 1)/(n + 1) for k < n, then β_{k−n}"""
        return self.after(k - self.steps) if k >= self.steps else self.after(0) * (k + 1) / (self.steps + 1)

    def formula(self) -> str:
        """The two cases, and β."""
        rising = rf"\frac{{k + 1}}{{{self.steps + 1}}} \, \beta_{{0}} & k < {self.steps}"
        after = rf"\beta_{{k - {self.steps}}} & k \ge {self.steps}"
        return rf"\begin{{cases}} {rising} \\ {after} \end{{cases}} \qquad \beta_{{k}} = {self.after.formula()}"


def _check_unit(per: Any) -> None:
    if per not in get_args(Unit):
        raise GraphError(f'a schedule counts each "step" or each "epoch", not {per!r}')


def _base(x: float) -> str:
    """A number that a power is set on."""
    return number_latex(x) if "e" not in repr(x) else rf"\left({number_latex(x)}\right)"


__all__ = ["Constant", "Cosine", "Exponential", "Power", "Schedule", "StepDecay", "WarmUp"]
