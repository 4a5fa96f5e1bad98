"""Weights of the examples, what is recorded beside the loss, and what scores say about classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.metrics import accuracy_score, log_loss

import chainrule as cr
from chainrule.graph.errors import GraphError, InputError, ShapeError
from chainrule.graph.node import leaf

nn = cr.nn
rng = np.random.default_rng(0)
N, C = 7, 4
S, LABELS, TIMES = 3 * rng.normal(size=(N, C)), rng.integers(0, C, N), np.array([2, 1, 3, 0, 1, 5, 1])
ROWS, REAL, BINARY = rng.dirichlet(np.ones(C), N), 2 * rng.normal(size=(N, C)), rng.integers(0, 2, (N, C)).astype(float)
CASES: list[tuple[Any, Any]] = [
    ("cross_entropy", LABELS),
    (nn.CrossEntropy((0.5, 2.0, 0.25, 1.5)), LABELS),
    (nn.CrossEntropy((0.5, 2.0, 0.25, 1.5), 0.2), LABELS),
    (nn.CrossEntropy(smoothing=0.1), LABELS),
    (nn.CrossEntropy(probabilities=True), ROWS),
    (nn.CrossEntropy((0.5, 2.0, 0.25, 1.5), 0.2, probabilities=True), ROWS),
    ("binary_cross_entropy", BINARY),
    ("squared_error", REAL),
    ("absolute_error", REAL),
    ("huber", REAL),
    (nn.Huber(2.5), REAL),
]
AS_IS = nn.Function(lambda x: 1.0 * x, takes=C)  # the scores are the network's input


def run(loss: Any, scores: Any, y: Any, sample_weight: Any = None, engine: str = "numpy") -> tuple[Any, Any]:
    """The loss and its gradient in the scores, with weights of the examples if there are any."""
    given = {} if sample_weight is None else {"sample_weight": np.asarray(sample_weight, float)}
    graph = AS_IS.loss_graph(loss, weighted=bool(given))
    value, found = cr.compile(cr.derive(graph, wrt="X"), engine=engine)(X=scores, y=y, **given)
    return value, np.asarray(found["X"])


def recorded(loss: Any, scores: Any, y: Any, sample_weight: Any = None) -> float:
    given = {} if sample_weight is None else {"sample_weight": np.asarray(sample_weight, float)}
    graph = AS_IS.loss_graph(loss, weighted=bool(given), metrics=True)
    return float(cr.compile(graph.returning(graph["accuracy"]))(X=scores, y=y, **given))


@pytest.mark.parametrize(("loss", "y"), CASES)
def test_a_weight_is_a_number_of_repetitions(loss: Any, y: Any):
    again = np.repeat(np.arange(N), TIMES)
    wanted, each = run(loss, S[again], y[again])
    value, found = run(loss, S, y, TIMES)
    np.testing.assert_allclose(value, wanted, rtol=1e-13)
    np.testing.assert_allclose(found, [each[again == i].sum(axis=0) for i in range(N)], rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize(("loss", "y"), CASES)
def test_equal_weights_are_none(loss: Any, y: Any):
    wanted, each = run(loss, S, y)
    value, found = run(loss, S, y, np.full(N, 0.3))
    np.testing.assert_allclose(value, wanted, rtol=1e-13)
    np.testing.assert_allclose(found, each, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize(("loss", "y"), CASES)
@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_weighted_losses_of_huge_scores(loss: Any, y: Any, engine: str):
    value, found = run(loss, 1e4 * np.sign(S), y, TIMES, engine)
    assert np.isfinite(value) and np.isfinite(found).all()


def test_weighted_losses_are_those_of_scikit_learn():
    weights = rng.uniform(0.1, 3, N)
    wanted = log_loss(LABELS, softmax(S, axis=1), sample_weight=weights, labels=range(C))
    np.testing.assert_allclose(run("cross_entropy", S, LABELS, weights)[0], wanted, rtol=1e-12)
    wanted = accuracy_score(LABELS, S.argmax(axis=1), sample_weight=weights)
    np.testing.assert_allclose(recorded("cross_entropy", S, LABELS, weights), wanted, rtol=1e-14)


def test_accuracy_by_hand():
    scores = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 2.0, 2.0, 0.0], [0.0, 0.0, 0.0, 3.0]])
    y = np.array([0, 2, 3])  # of equal scores the first counts: the second row says class 1
    assert recorded("cross_entropy", scores, y) == pytest.approx(2 / 3)
    assert recorded("cross_entropy", scores, y, [1, 5, 2]) == pytest.approx(3 / 8)
    rows = np.array([[0.4, 0.4, 0.1, 0.1], [0.0, 0.3, 0.7, 0.0], [0.1, 0.1, 0.1, 0.7]])
    assert recorded(nn.CrossEntropy(probabilities=True), scores, rows) == pytest.approx(2 / 3)
    signs = np.array([[1.0, -1.0, 0.0, 2.0], [-3.0, 1.0, 1.0, 1.0]])
    y = np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.9]])  # three of four are right, two of four
    assert recorded("binary_cross_entropy", signs, y) == 5 / 8
    assert recorded("binary_cross_entropy", signs, y, [3, 1]) == pytest.approx((3 * 3 / 4 + 2 / 4) / 4)


def test_a_graph_without_metrics_and_weights_is_as_it_was():
    plain, known = AS_IS.loss_graph(), AS_IS.loss_graph(metrics=True)
    assert known.outputs == plain.outputs and known.text() == plain.text() and known.latex() == plain.latex()
    assert "accuracy" in known and "accuracy" not in plain
    assert "accuracy" not in AS_IS.loss_graph("squared_error", metrics=True)
    y, P = leaf("y", ("n",), "integer"), cr.softmax(leaf("S", ("n", C)))
    assert nn.cross_entropy(leaf("S", ("n", C)), y) is -cr.sum(cr.one_hot(y, C) * cr.log(P)) / y.shape[0]


def test_metrics_come_out_of_a_step():
    net = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm(6), nn.ReLU(), nn.Linear(6, 3))
    graph = net.loss_graph(weighted=True, metrics=True, penalty=cr.optim.L2(0.1))
    assert list(graph.inputs)[:3] == ["X", "y", "sample_weight"] and graph.roles["sample_weight"] == "data"
    step = cr.optim.SGD().step(graph)
    assert step["accuracy"] is graph["accuracy"] and len(step.outputs) == 1
    returned = graph.returning(graph["L"], graph["accuracy"])
    X, y = rng.normal(size=(8, 5)), rng.integers(0, 3, 8)
    params, weights = net.initial() | net.initial_state(), rng.uniform(size=8)
    given = {k: v for k, v in params.items() if k in returned.inputs}
    value, accuracy = cr.compile(returned)(X=X, y=y, sample_weight=weights, **given)
    (scores,) = cr.compile(graph.returning(graph["Z2"]))(X=X, **given)[None]
    assert accuracy == pytest.approx(accuracy_score(y, scores.argmax(axis=1), sample_weight=weights))
    assert value == pytest.approx(log_loss(y, softmax(scores, axis=1), sample_weight=weights, labels=range(3)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_scores_say(dtype: str):
    scores = S.astype(dtype)
    assert nn.CrossEntropy().predict(scores).tolist() == scores.argmax(axis=1).tolist()
    assert nn.BinaryCrossEntropy().predict([[0.0, 0.1, -1.0]]).tolist() == [[0, 1, 0]]
    for loss, wanted in ((nn.CrossEntropy(), softmax(scores, axis=1)), (nn.BinaryCrossEntropy(), expit(scores))):
        found = loss.predict_probabilities(scores)
        assert found.dtype == dtype and loss.predict(scores).dtype == np.int64
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert nn.Huber().predict(scores) is scores
    with pytest.raises(InputError, match=r"Huber\(delta=2.0\) gives no probabilities; CrossEntropy and"):
        nn.Huber(2.0).predict_probabilities(scores)


def test_functions_of_ones_own_and_weights():
    def fourth(S: Any, y: Any, sample_weight: Any = None) -> Any:
        each = cr.mean((S - y) ** 4, axis=1)
        return cr.mean(each) if sample_weight is None else cr.sum(sample_weight * each) / cr.sum(sample_weight)

    value, _ = run(fourth, S, REAL, TIMES)
    assert value == pytest.approx(np.average(((S - REAL) ** 4).mean(axis=1), weights=TIMES))
    with pytest.raises(GraphError, match="has no weights for the examples: give it a third parameter, sample_weight"):
        AS_IS.loss_graph(lambda S, y: cr.mean((S - y) ** 4), weighted=True)
    for wrong in (nn.squared_error, nn.cross_entropy):
        with pytest.raises(ShapeError, match=r"a weight for each example, \(n,\); sample_weight is \(4,\)"):
            wrong(leaf("S", ("n", C)), leaf("y", ("n", C)), sample_weight=leaf("w", (C,)))
