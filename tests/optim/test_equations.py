"""A step of an optimiser prints as the update rule that a book gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.calculus.differentiate import differentiate
from chainrule.face.graph import Graph
from chainrule.graph.node import Node
from chainrule.optim import SGD


def ridge(X: "N d", w: "d", y: "N", lam: ""):
    d = cr.mean((X @ w - y) ** 2)
    L = d + lam * cr.sum(w**2)
    return L


def ridge_in_one_line(X: "N d", w: "d", y: "N", lam: ""):
    return cr.mean((X @ w - y) ** 2) + lam * cr.norm(w) ** 2


def lasso(X: "N d", w: "d", y: "N", lam: ""):
    fit = cr.mean((X @ w - y) ** 2)
    L = fit + lam * cr.sum(cr.abs(w))
    return L


def no_penalty(X: "N d", w: "d", b: "", y: "N"):
    return cr.mean((X @ w + b - y) ** 2)


def two_weights(X: "n p", Y: "n c", W1: "p h", b1: "h", W2: "h c"):
    S = cr.relu(X @ W1 + b1) @ W2
    L = 0.01 * (cr.sum(W1**2) + cr.sum(W2**2)) - cr.mean(cr.sum(Y * cr.log_softmax(S), axis=1))
    return L


def d_is_taken(X: "N d", w: "d", y: "N", d: ""):
    return cr.sum((X @ w - y) ** 2) + d * cr.sum(w**2)


CASES: list[tuple[Callable[..., Any], str]] = [
    (ridge, "d = mean((X @ w - y)²)\nL = d + lam·sum(w²)\nw ← (1 - 2·lr·lam)·w - lr·∂d/∂w"),
    (ridge_in_one_line, "d = mean((X @ w - y)²)\nL = d + lam·norm(w)²\nw ← (1 - 2·lr·lam)·w - lr·∂d/∂w"),
    (lasso, "fit = mean((X @ w - y)²)\nL = fit + lam·sum(abs(w))\nw ← w - lr·(∂fit/∂w + lam·sign(w))"),
    (no_penalty, "L = mean((X @ w + b - y)²)\nw ← w - lr·∂L/∂w\nb ← b - lr·∂L/∂b"),
    (
        two_weights,
        "S = relu(X @ W1 + b1) @ W2\n"
        "L = 0.01·(sum(W1²) + sum(W2²)) - mean(sum(Y ⊙ log_softmax(S), axis=1))\n"
        "d = -mean(sum(Y ⊙ log_softmax(S), axis=1))\n"
        "W1 ← (1 - 0.02·lr)·W1 - lr·∂d/∂W1\nb1 ← b1 - lr·∂d/∂b1\nW2 ← (1 - 0.02·lr)·W2 - lr·∂d/∂W2",
    ),
    (d_is_taken, "data = sum((X @ w - y)²)\nL = data + d·sum(w²)\nw ← (1 - 2·lr·d)·w - lr·∂data/∂w"),
]


@pytest.mark.parametrize(("f", "wanted"), CASES, ids=[f.__name__ for f, _ in CASES])
def test_a_step_of_gradient_descent(f: Callable[..., Any], wanted: str):
    assert SGD().step(cr.trace(f)).text() == wanted


def test_in_latex():
    lines = SGD().step(cr.trace(ridge)).latex().splitlines()
    assert r"\leftarrow" in lines[3] and r"\frac{\partial d}{\partial w}" in lines[3]
    assert all(r"\leftarrow" not in line for line in lines[:3])


def test_weight_decay_and_the_norms_of_gradients():
    text = SGD(weight_decay=0.5).step(cr.trace(two_weights), gradient_norms=True).text()
    assert "norm_dW1 = norm(∂L/∂W1)" in text
    assert "W1 ← (1 - 0.52·lr)·W1 - lr·∂d/∂W1" in text and "b1 ← b1 - lr·∂d/∂b1" in text


def test_what_is_printed_is_what_is_computed():
    g = SGD().step(cr.trace(ridge))
    rng = np.random.default_rng(0)
    point = {"X": rng.normal(size=(5, 3)), "w": rng.normal(size=3), "y": rng.normal(size=5), "lam": 0.3, "lr": 0.1}
    _, new = cr.compile(g)(**point)
    d = 2 * point["X"].T @ (point["X"] @ point["w"] - point["y"]) / 5
    np.testing.assert_allclose(new["w"], (1 - 2 * 0.1 * 0.3) * point["w"] - 0.1 * d, rtol=1e-12)


# Rules with a state ---------------------------------------------------------------------------------------------------


def stepped(update: Callable[..., dict[str, Node]]) -> str:
    """The updates' lines of Σ(w − x)² under `update(gradient, **inputs)`."""

    def loss(w: "d", x: "d", v: "d", m: "d", rho: "", lr: "", eps: ""):
        L = cr.sum((w - x) ** 2)
        return L

    g: Graph = cr.trace(loss, roles={"v": "state", "m": "state"})
    [gradient] = differentiate(g.output, [g["w"]]).gradients
    made = replace(g, updates=update(gradient, **g.inputs), gradients={"w": gradient})
    return "\n".join(line for line in made.text().splitlines() if "←" in line)


def momentum(g: Node, *, w: Node, v: Node, rho: Node, lr: Node, **_: Node) -> dict[str, Node]:
    new = rho * v - lr * g
    return {"v": new, "w": w + new}


def weights_first(g: Node, *, w: Node, v: Node, rho: Node, lr: Node, **_: Node) -> dict[str, Node]:
    new = rho * v - lr * g
    return {"w": w + new, "v": new}


def old_state_read_later(g: Node, *, w: Node, v: Node, rho: Node, **_: Node) -> dict[str, Node]:
    new = rho * v - g
    return {"v": new, "w": w + new - v}


def adam(g: Node, *, w: Node, m: Node, v: Node, rho: Node, lr: Node, eps: Node, **_: Node) -> dict[str, Node]:
    first, second = m + (1 - rho) * (g - m), rho * v + (1 - rho) * g**2
    return {"m": first, "v": second, "w": w - lr * (first / (cr.sqrt(second) + eps) + 0.01 * w)}


RULES = [
    (momentum, "v ← rho·v - lr·∂L/∂w\nw ← w + v"),
    (weights_first, "w ← w + rho·v - lr·∂L/∂w\nv ← rho·v - lr·∂L/∂w"),
    (old_state_read_later, "v ← rho·v - ∂L/∂w\nw ← w + (rho - 1)·v - ∂L/∂w"),
    (
        adam,
        "m ← rho·m + (1 - rho)·∂L/∂w\nv ← rho·v + (1 - rho)·(∂L/∂w)²\nw ← (1 - 0.01·lr)·w - lr·(m / (sqrt(v) + eps))",
    ),
]


@pytest.mark.parametrize(("rule", "wanted"), RULES, ids=[rule.__name__ for rule, _ in RULES])
def test_rules_with_a_state(rule: Callable[..., dict[str, Node]], wanted: str):
    assert stepped(rule) == wanted


def test_updates_that_need_no_gradient():
    def running(x: "n d", mu: "d"):
        return x - mu

    g = cr.trace(running)
    made = replace(g, updates={"mu": 0.9 * g["mu"] + 0.1 * cr.mean(g["x"], axis=0)})
    assert made.text().splitlines()[-1] == "mu ← 0.9·mu + 0.1·mean(x, axis=0)"
