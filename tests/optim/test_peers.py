"""Every rule makes the steps of its PyTorch and its optax counterpart, 50 of them, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.optim import SGD, AdaGrad, Adam, AdamW, RMSProp

from .problems import PROBLEMS, Problem

jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")


def weights(tree: Any) -> Any:
    """optax's mask: what has two axes."""
    return jax.tree.map(lambda w: w.ndim > 1, tree)


def decayed(λ: float, rule: Any) -> Any:
    return optax.chain(optax.add_decayed_weights(λ, mask=weights), rule)


@dataclass(frozen=True)
class Case:
    rule: Any
    torch: Callable[[Any, list[Any]], Any]  # torch, parameter groups -> optimiser
    optax: Any
    lr: float
    clip: Callable[[Any, list[Any]], Any] | None = None
    exact: float = 1e-6  # what PyTorch's differ from ours by where its definition does


CASES = {
    "SGD": Case(SGD(), lambda t, w: t.optim.SGD(w, lr=0.01), optax.sgd(0.01), 0.01),
    "SGD, decay": Case(
        SGD(weight_decay=0.3), lambda t, w: t.optim.SGD(w, lr=0.01), decayed(0.3, optax.sgd(0.01)), 0.01
    ),
    "momentum": Case(
        SGD(momentum=0.9), lambda t, w: t.optim.SGD(w, lr=0.002, momentum=0.9), optax.sgd(0.002, 0.9), 0.002
    ),
    "momentum, decay": Case(
        SGD(momentum=0.8, weight_decay=0.1),
        lambda t, w: t.optim.SGD(w, lr=0.002, momentum=0.8),
        decayed(0.1, optax.sgd(0.002, 0.8)),
        0.002,
    ),
    "Nesterov": Case(
        SGD(momentum=0.9, nesterov=True, weight_decay=0.1),
        lambda t, w: t.optim.SGD(w, lr=0.002, momentum=0.9, nesterov=True),
        decayed(0.1, optax.sgd(0.002, 0.9, nesterov=True)),
        0.002,
    ),
    "AdaGrad": Case(
        AdaGrad(weight_decay=0.05),
        lambda t, w: t.optim.Adagrad(w, lr=0.1),
        decayed(0.05, optax.adagrad(0.1, initial_accumulator_value=0.0, eps=0.0)),
        0.1,
    ),
    "RMSProp": Case(
        RMSProp(),
        lambda t, w: t.optim.RMSprop(w, lr=0.01, alpha=0.9),
        optax.rmsprop(0.01, decay=0.9, eps=1e-8, eps_in_sqrt=False),
        0.01,
    ),
    "Adam": Case(Adam(), lambda t, w: t.optim.Adam(w, lr=0.01), optax.adam(0.01), 0.01),
    "Adam with L2": Case(
        Adam(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2),
        lambda t, w: t.optim.Adam(w, lr=0.01, betas=(0.8, 0.95), eps=1e-3),
        decayed(0.2, optax.adam(0.01, 0.8, 0.95, 1e-3)),
        0.01,
    ),
    "AdamW": Case(
        AdamW(weight_decay=0.2),
        lambda t, w: t.optim.AdamW(w, lr=0.01),
        optax.adamw(0.01, weight_decay=0.2, mask=weights),
        0.01,
    ),
    "clipped by norm": Case(  # PyTorch divides by the norm + 1e-6
        SGD(momentum=0.9, clip_norm=0.5),
        lambda t, w: t.optim.SGD(w, lr=0.05, momentum=0.9),
        optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(0.05, 0.9)),
        0.05,
        lambda t, w: t.nn.utils.clip_grad_norm_(w, 0.5),
        exact=1e-5,
    ),
    "clipped, then decayed": Case(
        AdamW(clip_value=0.1, weight_decay=0.1),
        lambda t, w: t.optim.AdamW(w, lr=0.01),
        optax.chain(optax.clip(0.1), optax.adamw(0.01, weight_decay=0.1, mask=weights)),
        0.01,
        lambda t, w: t.nn.utils.clip_grad_value_(w, 0.1),
    ),
}


@cache
def ours(name: str, problem: str, engine: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return PROBLEMS[problem].run(CASES[name].rule, engine, CASES[name].lr)


def with_torch(case: Case, problem: Problem) -> tuple[dict[str, Any], list[float]]:
    torch = pytest.importorskip("torch")
    w = {k: torch.tensor(v, requires_grad=True) for k, v in problem.parameters.items()}
    decay = [p for p in w.values() if p.ndim > 1]
    groups = [
        {"params": decay, "weight_decay": case.rule.weight_decay},
        {"params": [p for p in w.values() if p.ndim < 2], "weight_decay": 0.0},
    ]
    rule, losses = case.torch(torch, groups), []
    for rows in problem.order:
        rule.zero_grad()
        loss = problem.loss(torch.tanh, {k: torch.tensor(v[rows]) for k, v in problem.data.items()}, w)
        loss.backward()
        if case.clip is not None:
            case.clip(torch, list(w.values()))
        rule.step()
        losses.append(loss.item())
    return {k: p.detach().numpy() for k, p in w.items()}, losses


@cache
def gradient_by_jax(problem: str) -> Callable[..., Any]:
    found = PROBLEMS[problem]

    def loss(w: Any, rows: Any) -> Any:
        return found.loss(jax.numpy.tanh, {k: jax.numpy.array(v)[rows] for k, v in found.data.items()}, w)

    return jax.jit(jax.value_and_grad(loss))


def with_optax(rule: Any, problem: str) -> tuple[dict[str, Any], list[float]]:
    with jax.enable_x64(True):
        w, losses = {k: jax.numpy.array(v) for k, v in PROBLEMS[problem].parameters.items()}, []
        state, update = rule.init(w), jax.jit(rule.update)
        for rows in PROBLEMS[problem].order:
            value, g = gradient_by_jax(problem)(w, rows)
            change, state = update(g, state, w)
            w = {k: w[k] + change[k] for k in w}
            losses.append(float(value))
        return {k: np.asarray(v) for k, v in w.items()}, losses


def assert_agree(mine: tuple[Any, Any], theirs: tuple[Any, Any], rtol: float) -> None:
    for k, w in theirs[0].items():
        np.testing.assert_allclose(mine[0][k], w, rtol=rtol, atol=rtol, err_msg=k)
        assert np.isfinite(w).all()
    np.testing.assert_allclose(mine[1]["L"], theirs[1], rtol=rtol, atol=rtol)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", CASES)
def test_as_optax(name: str, problem: str):
    theirs = with_optax(CASES[name].optax, problem)
    for engine in ("numpy", "xla"):
        assert_agree(ours(name, problem, engine), theirs, 1e-6)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", CASES)
def test_as_pytorch(name: str, problem: str):
    theirs = with_torch(CASES[name], PROBLEMS[problem])
    for engine in ("numpy", "xla"):
        assert_agree(ours(name, problem, engine), theirs, CASES[name].exact)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_engines_agree(problem: str):
    for name in CASES:
        mine, theirs = ours(name, problem, "numpy"), ours(name, problem, "xla")
        assert mine[0].keys() == theirs[0].keys()
        for k in mine[0]:
            np.testing.assert_allclose(mine[0][k], theirs[0][k], rtol=1e-9, atol=1e-12, err_msg=f"{name}: {k}")


# Where the definitions differ -----------------------------------------------------------------------------------------


def test_clipping_in_pytorch_divides_by_a_little_more():
    torch = pytest.importorskip("torch")
    g = np.array([3.0, 4.0]) * 1e-6  # there 10⁻⁶ in the denominator counts
    p = torch.zeros(2, requires_grad=True, dtype=torch.float64)
    p.grad = torch.tensor(g)
    torch.nn.utils.clip_grad_norm_([p], 1e-6)
    np.testing.assert_allclose(p.grad.numpy(), g * 1e-6 / (5e-6 + 1e-6))
    np.testing.assert_allclose(moved(SGD(clip_norm=1e-6), g), g * 1e-6 / 5e-6)


def test_pytorch_decays_biases_too():
    torch = pytest.importorskip("torch")
    problem = PROBLEMS["network"]
    case = Case(AdamW(weight_decay=0.2, decay=list(problem.parameters)), lambda t, w: None, None, 0.01)
    w = {k: torch.tensor(v, requires_grad=True) for k, v in problem.parameters.items()}
    theirs = torch.optim.AdamW(w.values(), lr=0.01, weight_decay=0.2)
    for rows in problem.order:
        theirs.zero_grad()
        problem.loss(torch.tanh, {k: torch.tensor(v[rows]) for k, v in problem.data.items()}, w).backward()
        theirs.step()
    mine, _ = problem.run(case.rule, "numpy", 0.01)
    for k in w:
        np.testing.assert_allclose(mine[k], w[k].detach().numpy(), rtol=1e-6)
    assert abs(mine["b1"] - ours("AdamW", "network", "numpy")[0]["b1"]).max() > 1e-4


def test_momentum_when_the_rate_falls():
    """v holds gradients, as PyTorch's: the old ones go on at the new rate. Keras's v ← ρ v − α g holds old steps."""
    mine = moved(SGD(momentum=0.5), np.array([8.0]), rates=(1.0, 0.1))
    np.testing.assert_allclose(mine, 1.0 * 8 + 0.1 * (0.5 * 8 + 8))
    keras = 1.0 * 8 + (0.5 * 1.0 * 8 + 0.1 * 8)
    assert abs(mine[0] - keras) > 1


def test_epsilon_stands_outside_the_root():
    g, eps = np.array([1e-3]), 1e-2
    np.testing.assert_allclose(moved(RMSProp(rho=0.0, eps=eps), g), g / (g + eps))
    inside = g / np.sqrt(g**2 + eps)  # Keras; optax unless eps_in_sqrt=False
    assert abs(moved(RMSProp(rho=0.0, eps=eps), g) - inside)[0] > 0.05


def test_epsilon_of_adam_stands_beside_the_corrected_root():
    g, eps = np.array([1e-3]), 1e-2
    np.testing.assert_allclose(moved(Adam(eps=eps), g), g / (g + eps))
    keras = g * np.sqrt(1 - 0.999) / (np.sqrt((1 - 0.999) * g**2) + eps)  # the paper's last remark
    assert abs(moved(Adam(eps=eps), g) - keras)[0] > 0.05


def test_adagrad_begins_at_zero():
    np.testing.assert_allclose(moved(AdaGrad(), np.array([0.5])), 1.0)  # optax and Keras: 0.5 / √(0.1 + 0.25)


def moved(rule: Any, g: Any, rates: tuple[float, ...] = (1.0,)) -> Any:
    """How far w comes from 0, downwards, under a gradient that is always `g`."""
    run = cr.compile(rule.step(cr.trace(lambda w, a: cr.sum(w * a), w="n", a="n")))
    state = {"w": np.zeros_like(g)}
    state |= rule.state(state)
    for lr in rates:
        state, _ = run.steps(state, {}, np.zeros((1, 0), int), a=g, lr=lr)
    return -state["w"]
