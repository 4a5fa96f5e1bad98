"""Many updates in one call: both engines do what a loop in NumPy does, and leave what they were given alone."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.calculus.reverse import gradients
from chainrule.face.graph import Graph
from chainrule.graph.errors import GraphError, InputError
from chainrule.graph.node import leaf

X, y = np.linspace(-1, 1, 24).reshape(8, 3), np.array([0, 1, 1, 0, 1, 0, 0, 1])
ORDER = np.array([[0, 1], [2, 3], [7, 6], [5, 5]])


def descent() -> Graph:
    inputs = {
        "X": leaf("X", ("n", "d")),
        "y": leaf("y", ("n",), "integer"),
        "W": leaf("W", ("d", "k")),
        "b": leaf("b", ("k",)),
        "lr": leaf("lr"),
    }
    logits = inputs["X"] @ inputs["W"] + inputs["b"]
    L = -cr.mean(cr.log_softmax(logits)[cr.arange(inputs["X"].shape[0]), inputs["y"]])
    dW, db = gradients(L, [inputs["W"], inputs["b"]])
    updates = {"W": inputs["W"] - inputs["lr"] * dW, "b": inputs["b"] - inputs["lr"] * db}
    return Graph("descent", inputs, (L,), {L: "L"}, {}, updates)


def by_hand(W: np.ndarray, b: np.ndarray, lr: float) -> tuple[np.ndarray, np.ndarray, list[float]]:
    losses = []
    for rows in ORDER:
        logits = X[rows] @ W + b
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        losses.append(-np.log(p[np.arange(2), y[rows]]).mean())
        delta = (p - np.eye(2)[y[rows]]) / 2
        W, b = W - lr * X[rows].T @ delta, b - lr * delta.sum(0)
    return W, b, losses


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_steps_are_those_of_a_loop(engine: str, dtype: str):
    run = cr.compile(descent(), engine=engine)
    state = {"b": np.zeros(2, dtype), "W": np.linspace(-1, 1, 6).reshape(3, 2).astype(dtype)}
    kept = {k: v.copy() for k, v in state.items()}
    data = {"X": X.astype(dtype), "y": y}
    now, record = run.steps(state, data, ORDER, lr=0.5)
    W, b, losses = by_hand(kept["W"], kept["b"], 0.5)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(now["W"], W, tolerance)
    np.testing.assert_allclose(now["b"], b, tolerance, tolerance)
    np.testing.assert_allclose(record["L"], losses, tolerance)
    assert {str(a.dtype) for a in (now["W"], now["b"], record["L"])} == {dtype}
    for k, v in state.items():
        np.testing.assert_array_equal(v, kept[k])
    np.testing.assert_array_equal(data["X"], X.astype(dtype))
    again, _ = run.steps(now, data, ORDER, lr=0.5)  # goes on from what it answered
    np.testing.assert_allclose(again["W"], by_hand(W, b, 0.5)[0], tolerance, tolerance)


def test_what_does_not_fit_is_refused():
    run = cr.compile(descent())
    state, data = {"W": np.zeros((3, 2)), "b": np.zeros(2)}, {"X": X, "y": y}
    for wrong, text in [
        (lambda: run.steps({"W": state["W"]}, data, ORDER, lr=0.1), "the state must hold W, b"),
        (lambda: run.steps(state, data | {"y": y[:5]}, ORDER, lr=0.1), "differ in length"),
        (lambda: run.steps(state, data, ORDER + 5, lr=0.1), "the order names row 12"),
        (lambda: run.steps(state, data | {"y": y + 1}, ORDER, lr=0.1), "must lie in 0 … 1"),
        (lambda: run.steps(state, data, ORDER), "missing: lr"),
    ]:
        with pytest.raises(InputError, match=text):
            wrong()
    with pytest.raises(GraphError, match="no updates"):
        cr.compile(cr.trace(lambda x: x, x="n")).steps({}, {}, ORDER)
