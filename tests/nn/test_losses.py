"""Losses against PyTorch's and JAX's definitions, at scores up to ±10⁴, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import chainrule as cr
from chainrule.graph.errors import GraphError, InputError, KindError, ShapeError
from chainrule.graph.node import leaf
from chainrule.optim.penalty import L1, L2

nn = cr.nn
rng = np.random.default_rng(0)
N, C = 6, 4
S, LABELS = 3 * rng.normal(size=(N, C)), rng.integers(0, C, N)
PROBABILITIES = rng.dirichlet(np.ones(C), N)
REAL, BINARY = S + rng.normal(size=(N, C)) * np.array([0.3, 2.0, 1.0, 4.0]), rng.integers(0, 2, (N, C)).astype(float)
WEIGHTS = (0.5, 2.0, 0.0, 1.5)

# loss, y, the same in PyTorch
CASES: list[tuple[Any, Any, Callable[[Any, Any, Any], Any]]] = [
    ("cross_entropy", LABELS, lambda F, s, y: F.cross_entropy(s, y)),
    (nn.CrossEntropy(smoothing=0.1), LABELS, lambda F, s, y: F.cross_entropy(s, y, label_smoothing=0.1)),
    (nn.CrossEntropy(WEIGHTS), LABELS, lambda F, s, y: F.cross_entropy(s, y, weight=s.new_tensor(WEIGHTS))),
    (
        nn.CrossEntropy(WEIGHTS, 0.2), LABELS,
        lambda F, s, y: F.cross_entropy(s, y, weight=s.new_tensor(WEIGHTS), label_smoothing=0.2),
    ),
    (nn.CrossEntropy(probabilities=True), PROBABILITIES, lambda F, s, y: F.cross_entropy(s, y)),
    (nn.CrossEntropy(probabilities=True), np.eye(C)[LABELS], lambda F, s, y: F.cross_entropy(s, y)),
    (
        nn.CrossEntropy(WEIGHTS, 0.2, probabilities=True), PROBABILITIES,
        lambda F, s, y: F.cross_entropy(s, y, weight=s.new_tensor(WEIGHTS), label_smoothing=0.2),
    ),
    ("binary_cross_entropy", BINARY, lambda F, s, y: C * F.binary_cross_entropy_with_logits(s, y)),
    ("binary_cross_entropy", PROBABILITIES, lambda F, s, y: C * F.binary_cross_entropy_with_logits(s, y)),
    ("squared_error", REAL, lambda F, s, y: C * F.mse_loss(s, y)),
    ("absolute_error", REAL, lambda F, s, y: C * F.l1_loss(s, y)),
    ("huber", REAL, lambda F, s, y: C * F.huber_loss(s, y)),
    (nn.Huber(2.5), REAL, lambda F, s, y: C * F.huber_loss(s, y, delta=2.5)),
    (nn.Huber(2.5), REAL, lambda F, s, y: C * 2.5 * F.smooth_l1_loss(s, y, beta=2.5)),
]  # fmt: skip


def of_scores(loss: Any, classes: int = C) -> Any:
    """The loss of scores S as they are, differentiated in them."""
    return nn.Function(lambda x: 1.0 * x, takes=classes).derive(loss, wrt="X")


@pytest.mark.parametrize(("loss", "y", "theirs"), CASES)
def test_losses_are_those_of_pytorch(loss: Any, y: Any, theirs: Callable[[Any, Any, Any], Any]):
    torch = pytest.importorskip("torch")
    scores = torch.tensor(S, requires_grad=True)
    wanted = theirs(torch.nn.functional, scores, torch.tensor(y))
    wanted.backward()
    value, found = cr.compile(of_scores(loss))(X=S, y=y)
    np.testing.assert_allclose(value, wanted.item(), rtol=1e-12)
    np.testing.assert_allclose(found["X"], scores.grad, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize(("loss", "y"), [(loss, y) for loss, y, _ in CASES])
def test_gradients_are_those_of_differences(loss: Any, y: Any):
    assert cr.check_gradients(of_scores(loss), at={"X": S, "y": y}).ok


HUGE = np.array([[1e4, -1e4, 0.0, 30.0], [-1e4, -1e4, 1e4, -1e4], [1e4, 1e4, 1e4, 1e4], [0.0, 1e4, 0.0, 0.0]])
OF_HUGE = [  # loss, y, −log p by hand
    ("cross_entropy", np.array([0, 0, 1, 0]), np.mean([0, 2e4, np.log(4), 1e4])),
    (nn.CrossEntropy(smoothing=0.5), np.array([0, 2, 1, 1]), None),
    (nn.CrossEntropy((1.0, 2.0, 3.0, 4.0), 0.5), np.array([1, 2, 1, 0]), None),
    (nn.CrossEntropy(probabilities=True), np.eye(4), None),
    ("binary_cross_entropy", np.eye(4), None),
    ("binary_cross_entropy", 1 - np.eye(4), None),
    ("squared_error", np.eye(4), None),
    ("huber", np.eye(4), None),
    ("absolute_error", np.eye(4), None),
]


@pytest.mark.parametrize("engine", ["numpy", "xla"])
@pytest.mark.parametrize(("loss", "y", "wanted"), OF_HUGE)
def test_scores_of_any_size(loss: Any, y: Any, wanted: float | None, engine: str):
    value, found = cr.compile(of_scores(loss), engine=engine)(X=HUGE, y=y)
    assert np.isfinite(value) and np.isfinite(found["X"]).all()
    if wanted is not None:
        np.testing.assert_allclose(value, wanted, rtol=1e-14)


def test_binary_cross_entropy_of_huge_scores_by_hand():
    y = np.eye(4)
    value, found = cr.compile(of_scores("binary_cross_entropy"))(X=HUGE, y=y)
    with jax.enable_x64(True):
        wanted = np.asarray(jax.nn.softplus(jnp.asarray(HUGE)) - y * HUGE).sum() / 4
        np.testing.assert_allclose(value, wanted, rtol=1e-14)
        np.testing.assert_allclose(found["X"], (jax.nn.sigmoid(jnp.asarray(HUGE)) - y) / 4, atol=1e-16)


def test_labels_and_one_hot_rows_are_one_loss():
    with_labels, found = cr.compile(of_scores("cross_entropy"))(X=S, y=LABELS)
    with_rows, again = cr.compile(of_scores(nn.CrossEntropy(probabilities=True)))(X=S, y=np.eye(C)[LABELS])
    np.testing.assert_allclose(with_labels, with_rows, rtol=1e-14)
    np.testing.assert_allclose(found["X"], again["X"], atol=1e-15)


def test_a_loss_of_ones_own_and_losses_by_their_function():
    net = nn.Linear(3, 2)
    assert net.loss_graph(nn.squared_error).output is net.loss_graph("squared_error").output
    own = net.loss_graph(lambda S, y: cr.mean((S - y) ** 4))
    assert own.text().splitlines()[-1] == "L = mean((Z1 - y)⁴)" and own.inputs["y"].shape == own["Z1"].shape
    weighted = cr.trace(lambda S, y, w: nn.cross_entropy(S, y, w), S="n c", y="int[n]", w="c")
    fixed = cr.trace(lambda S, y: nn.cross_entropy(S, y, WEIGHTS), S="n 4", y="int[n]")
    np.testing.assert_allclose(
        cr.compile(weighted)(S=S, y=LABELS, w=np.array(WEIGHTS)), cr.compile(fixed)(S=S, y=LABELS), rtol=1e-14
    )


def test_a_penalty_is_added():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm(4), nn.Linear(4, 2))
    text = net.loss_graph(penalty=[L2(0.5), L1(0.1, ["b2"])]).text()
    assert "L = -sum(Y ⊙ log(P)) / n\nJ = L + 0.5·(sum(W1²) + sum(W2²)) + 0.1·sum(abs(b2))" in text
    params, X, y = net.initial() | {"b2": np.array([3.0, -2.0])}, rng.normal(size=(5, 3)), np.array([0, 1, 1, 0, 1])
    value, plain = cr.compile(net.derive())(X=X, y=y, **params)
    more, found = cr.compile(net.derive(penalty=L2(0.5)))(X=X, y=y, **params)
    np.testing.assert_allclose(more, value + 0.5 * ((params["W1"] ** 2).sum() + (params["W2"] ** 2).sum()))
    for k, gradient in plain.items():
        np.testing.assert_allclose(found[k], gradient + (params[k] if k[0] == "W" else 0), rtol=1e-12, atol=1e-15)


WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: nn.Linear(3, 2).loss_graph("mse"), GraphError, "there is no loss 'mse'; there are cross_entropy, "),
    (lambda: nn.Linear(3, 2).loss_graph(nn.Huber), GraphError, r"Huber is a class; make one: Huber\(\)"),
    (
        lambda: nn.Sequential(nn.Linear(3, 2), nn.Softmax()).derive(), GraphError,
        "cross_entropy applies the softmax itself, and the network ends in softmax: leave its last layer out",
    ),
    (
        lambda: nn.Sequential(nn.Linear(3, 2), nn.Sigmoid()).derive("binary_cross_entropy"), GraphError,
        "binary_cross_entropy applies the sigmoid itself",
    ),
    (lambda: nn.Linear(3, 2).loss_graph(lambda S, y: S - y), GraphError, r"real of shape \(n, 2\); it must be a real"),
    (lambda: nn.CrossEntropy(smoothing=1.5), InputError, "smoothing is 1.5; it must be a number from 0 to 1"),
    (lambda: nn.CrossEntropy(weights=(1.0, -1.0)), InputError, "at least 0, and not all 0"),
    (lambda: nn.CrossEntropy(weights="ab"), InputError, "they must be numbers, one for each class"),
    (
        lambda: nn.Linear(3, 2).loss_graph(nn.CrossEntropy((1.0, 2.0, 3.0))), ShapeError,
        r"a weight for each class, \(2,\); the weights are \(3,\)",
    ),
    (lambda: nn.Huber(0), InputError, "delta is 0; it must be a number above 0"),
    (
        lambda: nn.squared_error(leaf("S", ("n", 2)), leaf("y", ("n",))), ShapeError,
        r"the first is \(n, 2\), the second \(n,\)",
    ),
    (lambda: nn.cross_entropy(leaf("S", ("n",)), leaf("y", ("n",))), ShapeError, r"a row for each example"),
    (
        lambda: nn.cross_entropy(leaf("S", ("n", 2)), leaf("y", ("n",))), ShapeError,
        r"takes labels, integers \(n,\), or probabilities \(n, 2\); y is real \(n,\)",
    ),
    (
        lambda: nn.cross_entropy(leaf("S", ("n", 2)), leaf("y", ("n", 2), "boolean")), KindError, "y is boolean",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "error", "text"), WRONG)
def test_what_cannot_be_is_refused(wrong: Callable[[], Any], error: type[Exception], text: str):
    with pytest.raises(error, match=text):
        wrong()
