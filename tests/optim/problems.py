"""Two problems to train on, each written once for Chainrule, NumPy's namesakes and PyTorch alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.face.graph import Graph

STEPS = 50


@dataclass(frozen=True)
class Problem:
    """`loss(tanh, mean, data, parameters)`, what it starts from, and the examples of each step."""

    graph: Graph
    loss: Callable[..., Any]
    parameters: dict[str, Any]
    data: dict[str, Any]
    order: Any

    def run(self, rule: Any, engine: str, lr: float, dtype: str = "float64") -> tuple[dict[str, Any], dict[str, Any]]:
        """The state after all steps, and what was recorded."""
        first = {k: v.astype(dtype) for k, v in self.parameters.items()}
        data = {k: v.astype(dtype) for k, v in self.data.items()}
        step = rule.step(self.graph, gradient_norms=True)
        state, records = cr.compile(step, engine).steps(first | rule.state(first), data, self.order, lr=lr)
        return {k: np.asarray(v) for k, v in state.items()}, records


def two_layers(X: "n p", Y: "n c", W1: "p h", b1: "h", W2: "h c", b2: "c"):
    L = cr.mean((cr.tanh(X @ W1 + b1) @ W2 + b2 - Y) ** 2)
    return L


def bowl(C: "n p", x: "n p", W: "p q", b: "q"):
    """The curvature of W's rows spans eight orders of magnitude."""
    L = cr.mean((C * x) @ (W - 1.0) ** 2 + (b + 2.0) ** 2)
    return L


def network() -> Problem:
    rng = np.random.default_rng(3)
    sizes = {"W1": (5, 4), "b1": (4,), "W2": (4, 3), "b2": (3,)}
    return Problem(
        cr.trace(two_layers),
        lambda tanh, d, w: ((tanh(d["X"] @ w["W1"] + w["b1"]) @ w["W2"] + w["b2"] - d["Y"]) ** 2).mean(),
        {k: 0.7 * rng.normal(size=s) for k, s in sizes.items()},
        {"X": rng.normal(size=(23, 5)), "Y": rng.normal(size=(23, 3))},
        rng.integers(0, 23, size=(STEPS, 7)),
    )


def quadratic() -> Problem:
    rng = np.random.default_rng(4)
    data = {"C": np.tile(np.logspace(-6, 2, 6), (9, 1)), "x": rng.uniform(0.5, 1.5, size=(9, 6))}
    return Problem(
        cr.trace(bowl),
        lambda tanh, d, w: ((d["C"] * d["x"]) @ (w["W"] - 1.0) ** 2 + (w["b"] + 2.0) ** 2).mean(),
        {"W": rng.normal(size=(6, 2)), "b": rng.normal(size=2)},
        data,
        rng.integers(0, 9, size=(STEPS, 4)),
    )


PROBLEMS = {"network": network(), "quadratic": quadratic()}
