"""Schedules: their values beside PyTorch's and optax's, their formulas, and a step graph that takes any of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.graph.errors import GraphError
from chainrule.optim import SGD, Constant, Cosine, Exponential, Power, Schedule, StepDecay, WarmUp

ALL: list[Schedule] = [
    Constant(0.1),
    Exponential(0.1, gamma=0.95),
    StepDecay(0.1, step_size=3, gamma=0.5),
    Cosine(0.1, steps=8, end=0.01),
    Power(0.1, p=0.6),
    WarmUp(Cosine(0.1, steps=8), steps=4),
]
NAMED = pytest.mark.parametrize("schedule", ALL, ids=lambda s: type(s).__name__)


def with_torch(make: Any, steps: int) -> list[float]:
    torch = pytest.importorskip("torch")
    rule = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule, found = make(torch.optim.lr_scheduler, rule), []
    for _ in range(steps):
        found.append(rule.param_groups[0]["lr"])
        rule.step()
        schedule.step()
    return found


@pytest.mark.parametrize(
    ("schedule", "make", "steps"),
    [
        (Exponential(0.1, gamma=0.95), lambda t, r: t.ExponentialLR(r, 0.95), 20),
        (StepDecay(0.1, step_size=3, gamma=0.5), lambda t, r: t.StepLR(r, 3, 0.5), 20),
        (Cosine(0.1, steps=8, end=0.01), lambda t, r: t.CosineAnnealingLR(r, 8, 0.01), 9),
    ],
    ids=lambda s: type(s).__name__,
)
def test_as_pytorch(schedule: Schedule, make: Any, steps: int):
    np.testing.assert_allclose([schedule(k) for k in range(steps)], with_torch(make, steps), rtol=1e-12)


def test_as_optax():
    optax = pytest.importorskip("optax")
    theirs = optax.cosine_decay_schedule(0.1, 8, alpha=0.1)
    np.testing.assert_allclose(
        [Cosine(0.1, steps=8, end=0.01)(k) for k in range(20)], [theirs(k) for k in range(20)], rtol=1e-5
    )
    stairs = optax.exponential_decay(0.1, 3, 0.5, staircase=True)
    np.testing.assert_allclose(
        [StepDecay(0.1, step_size=3, gamma=0.5)(k) for k in range(9)], [stairs(k) for k in range(9)], rtol=1e-5
    )


@NAMED
def test_values_are_python_numbers_so_that_nothing_is_promoted(schedule: Schedule):
    assert all(type(schedule(k)) is float and schedule(np.int64(k)) == schedule(k) for k in range(20))
    assert min(map(schedule, range(20))) >= 0 and max(map(schedule, range(20))) == pytest.approx(0.1)


@given(p=st.floats(0.55, 1.0))
def test_the_conditions_of_robbins_and_monro(p: float):
    """Σ α_k grows beyond every bound and Σ α_k² does not: by the integrals of k^−p and k^−2p."""
    rates = [Power(1.0, p=p)(k) for k in range(2000)]
    assert math.fsum(rates) >= (2001 ** (1 - p) - 1) / (1 - p) - 1e-9 if p < 1 else math.fsum(rates) > math.log(2000)
    assert math.fsum(a * a for a in rates) <= 1 + 1 / (2 * p - 1)


def test_warm_up_meets_what_follows():
    after = Exponential(0.2, gamma=0.5)
    found = [WarmUp(after, steps=3)(k) for k in range(6)]
    np.testing.assert_allclose(found, [0.05, 0.1, 0.15, 0.2, 0.1, 0.05])
    assert WarmUp(after, steps=3).per == "epoch" and WarmUp(Cosine(0.1, steps=3), steps=3).per == "step"


@NAMED
def test_latex(schedule: Schedule):
    text = schedule.latex()
    assert text.startswith(r"\alpha_{k} = ") and text.isascii() and text.count("{") == text.count("}")
    assert text in schedule._repr_latex_()


def test_formulas():
    assert Power(0.1, p=0.5).latex() == r"\alpha_{k} = 0.1 \, (k + 1)^{-0.5}"
    assert r"0.5^{\left\lfloor k / 3 \right\rfloor}" in StepDecay(0.1, step_size=3, gamma=0.5).latex()
    assert r"\left(10^{-5}\right)^{k}" in Exponential(0.1, gamma=1e-5).latex()


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_one_program_for_all_rates(engine: str):
    rule = SGD(Exponential(0.5, gamma=0.5))
    run = cr.compile(rule.step(cr.trace(lambda w: cr.sum(w), w="n")), engine)
    state = {"w": np.zeros(2, "float32")}
    for k in range(3):
        state, _ = run.steps(state, {}, np.zeros((1, 0), int), lr=rule.schedule(k))
    assert np.asarray(state["w"]).tolist() == [-0.875, -0.875] and str(state["w"].dtype) == "float32"


WRONG: list[tuple[Any, str]] = [
    (lambda: Constant(0.0), "lr must be a positive number"),
    (lambda: Exponential(0.1, gamma=0.0), "gamma must be a positive number"),
    (lambda: StepDecay(0.1, step_size=0), "step_size must be an integer, 1 or above"),
    (lambda: Cosine(0.1, steps=2.5), "steps must be an integer"),  # type: ignore[arg-type]
    (lambda: Cosine(0.1, steps=5, end=-1.0), "end must be a number and not negative"),
    (lambda: Power(0.1, p=-1.0), "p must be a number and not negative"),
    (lambda: WarmUp(0.1, steps=5), "WarmUp leads to a schedule"),  # type: ignore[arg-type]
    (lambda: WarmUp(Constant(0.1), steps=0), "steps must be an integer"),
    (lambda: Constant(0.1, per="minute"), 'each "step" or each "epoch"'),  # type: ignore[arg-type]
    (lambda: Constant(0.1)(-1), "counts steps from 0; it was asked for -1"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=[message for _, message in WRONG])
def test_errors(wrong: Any, message: str):
    with pytest.raises(GraphError, match=message):
        wrong()
