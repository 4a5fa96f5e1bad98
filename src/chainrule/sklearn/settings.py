"""An estimator's parameters, checked when it is fitted, and what they mean to the library."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

from ..face.compiled import ENGINES
from ..graph.errors import InputError
from ..nn.activations import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh
from ..nn.module import Module
from ..optim.adaptive import AdaGrad, Adam, AdamW, RMSProp
from ..optim.rule import Rule
from ..optim.schedules import Schedule
from ..optim.sgd import SGD

ACTIVATIONS: dict[str, Module | None] = {
    "identity": None, "logistic": Sigmoid(), "tanh": Tanh(), "relu": ReLU(), "leaky_relu": LeakyReLU(), "elu": ELU(),
    "gelu": GELU(), "silu": SiLU(), "softplus": Softplus(),
}  # fmt: skip
SOLVERS = ("sgd", "adam", "adamw", "rmsprop", "adagrad")
LEARNING_RATES = ("constant", "invscaling", "adaptive")
SMALLEST_RATE = 1e-6  # below it an adaptive rate is not lowered any more


@dataclass
class Rate:
    """The learning rate of an estimator as training goes on: `now`, or what a schedule says."""

    now: float
    schedule: Schedule | None = None

    def of_steps(self, epoch: int, first: int, count: int) -> list[float]:
        """α of the steps `first`, … of an epoch, both counted from 0."""
        if self.schedule is None:
            return [self.now] * count
        per_epoch = self.schedule.per == "epoch"
        return [self.schedule(epoch if per_epoch else k) for k in range(first, first + count)]


def hidden_sizes(given: Any) -> tuple[int, ...]:
    """hidden_layer_sizes as a tuple; one number is one layer. Raises InputError."""
    found = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    for size in found:
        if isinstance(size, bool) or not isinstance(size, Integral) or size < 1:
            raise InputError(f"hidden_layer_sizes is {given!r}; it must hold integers of at least 1, as in (100, 50)")
    return tuple(int(size) for size in found)


def rule_of(estimator: Any) -> Rule:
    """The update rule that `solver` means; its learning rate is an input of the program, and not this one's."""
    solver = estimator.solver
    if isinstance(solver, Rule):
        return replace(solver, lr=1.0)
    one_of("solver", solver, SOLVERS, "or a rule such as cr.optim.RMSProp(rho=0.95)")
    if solver == "sgd":
        momentum = float(estimator.momentum)
        return SGD(momentum=momentum, nesterov=bool(estimator.nesterovs_momentum) and momentum > 0)
    if solver in ("adam", "adamw"):
        betas, eps = (float(estimator.beta_1), float(estimator.beta_2)), float(estimator.epsilon)
        if solver == "adam":
            return Adam(betas=betas, eps=eps)
        return AdamW(betas=betas, eps=eps, weight_decay=float(estimator.alpha))
    return RMSProp(eps=float(estimator.epsilon)) if solver == "rmsprop" else AdaGrad(eps=float(estimator.epsilon))


def first_rate(estimator: Any) -> Rate:
    """The learning rate that training starts with."""
    if isinstance(estimator.solver, Rule):
        return Rate(estimator.solver.schedule(0), estimator.solver.schedule)
    return Rate(float(estimator.learning_rate_init))


def check(estimator: Any) -> None:
    """Raises InputError for a parameter that cannot be meant."""
    e = estimator
    hidden_sizes(e.hidden_layer_sizes)
    one_of("activation", e.activation, tuple(ACTIVATIONS))
    one_of("learning_rate", e.learning_rate, LEARNING_RATES)
    one_of("engine", e.engine, ENGINES)
    for name in ("alpha", "power_t", "tol"):
        number(name, getattr(e, name), 0, math.inf)
    for name in ("learning_rate_init", "epsilon"):
        number(name, getattr(e, name), 0, math.inf, above=True)
    for name in ("momentum", "validation_fraction", "beta_1", "beta_2", "dropout"):
        number(name, getattr(e, name), 0, 1)
    number("max_iter", e.max_iter, 1, math.inf, whole=True)
    if e.n_iter_no_change != math.inf:
        number("n_iter_no_change", e.n_iter_no_change, 1, math.inf, whole=True)
    if not (isinstance(e.batch_size, str) and e.batch_size == "auto"):
        number("batch_size", e.batch_size, 1, math.inf, whole=True, other="'auto'")


def one_of(name: str, value: Any, known: tuple[str, ...], other: str = "") -> None:
    if not isinstance(value, str) or value not in known:
        choice = ", ".join(repr(k) for k in known)
        raise InputError(f"{name} is {value!r}; it must be one of {choice}{', ' * bool(other)}{other}")


def number(
    name: str, value: Any, low: float, end: float, whole: bool = False, above: bool = False, other: str = ""
) -> None:
    """Raises InputError unless low ≤ value < end, or low < value < end with `above`."""
    counts = isinstance(value, (Integral if whole else Real)) and not isinstance(value, bool)
    if counts and low <= float(value) < end and not (above and value == low):
        return
    what = "an integer" if whole else "a number"
    bounds = f"above {low}" if above else f"of at least {low}" + ("" if end == math.inf else f" and below {end}")
    raise InputError(f"{name} is {value!r}; it must be {what} {bounds}{' or ' * bool(other)}{other}")


__all__ = ["ACTIVATIONS", "SMALLEST_RATE", "Rate", "check", "first_rate", "hidden_sizes", "rule_of"]
