"""The same random_state leads to the network that scikit-learn's own estimators learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as theirs
from sklearn.datasets import make_classification, make_multilabel_classification, make_regression

from chainrule.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N, D = 53, 7
WEIGHTS = np.random.default_rng(0).uniform(0.1, 3, N)


def _data() -> dict[str, tuple[type, np.ndarray, Any]]:
    X, y = make_classification(N, D, n_informative=5, n_classes=3, random_state=1)
    many = make_multilabel_classification(N, D, n_classes=4, random_state=0)
    line = make_regression(N, D, noise=1, random_state=0)
    lines = make_regression(N, D, n_targets=3, random_state=0)
    return {
        "multiclass": (MLPClassifier, X, np.array(["ox", "cat", "dog"])[y]),
        "binary": (MLPClassifier, X, y > 0),
        "multilabel": (MLPClassifier, many[0] / many[0].std(), many[1]),
        "one output": (MLPRegressor, line[0], line[1] / line[1].std()),
        "three outputs": (MLPRegressor, lines[0], lines[1] / lines[1].std()),
    }


DATA = _data()
SOLVERS = [
    {"solver": "sgd", "momentum": 0.0},
    {"solver": "sgd", "nesterovs_momentum": False},
    {"solver": "sgd"},
    {"solver": "sgd", "momentum": 0.0, "learning_rate": "invscaling"},
    {"solver": "adam", "epsilon": 1e-30},  # ε, which stands elsewhere, too small to count
    {"solver": "adam", "epsilon": 1e-30, "early_stopping": True, "validation_fraction": 0.2},
    {"solver": "sgd", "shuffle": False, "batch_size": "auto"},
]


def pair(kind: str, **settings: Any) -> tuple[Any, Any]:
    ours: Any = DATA[kind][0]
    settings = {"hidden_layer_sizes": (6, 5), "random_state": 3, "batch_size": 10, "alpha": 0.1} | settings
    return ours(**settings), getattr(theirs, ours.__name__)(**settings)


def assert_same(ours: Any, other: Any, rtol: float = 1e-10) -> None:
    assert ours.n_iter_ == other.n_iter_ and ours.t_ == other.t_ and ours.out_activation_ == other.out_activation_
    for mine, wanted in zip(ours.coefs_ + ours.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        assert mine.dtype == wanted.dtype
        np.testing.assert_allclose(mine, wanted, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_same_network(kind: str, solver: dict[str, Any], weighted: bool):
    _, X, y = DATA[kind]
    for activation in ("tanh", "relu"):
        ours, other = pair(kind, **solver, activation=activation, max_iter=8, learning_rate_init=0.02)
        for estimator in (ours, other):
            estimator.fit(X, y, sample_weight=WEIGHTS if weighted else None)
        assert_same(ours, other)
        if kind != "three outputs":  # there the loss is a mean over outputs, and here a sum
            np.testing.assert_allclose(ours.loss_curve_, other.loss_curve_, rtol=1e-10)
        if ours.validation_scores_ is not None:
            np.testing.assert_allclose(ours.validation_scores_, other.validation_scores_, rtol=1e-9)
        np.testing.assert_allclose(ours.score(X, y, WEIGHTS), other.score(X, y, WEIGHTS), rtol=1e-9)
        if kind in ("multiclass", "binary", "multilabel"):
            np.testing.assert_allclose(ours.predict_proba(X), other.predict_proba(X), rtol=1e-9)
            np.testing.assert_allclose(ours.predict_log_proba(X), other.predict_log_proba(X), rtol=1e-9)
            assert (ours.predict(X) == other.predict(X)).all() and ours.predict(X).dtype == other.predict(X).dtype
        else:
            np.testing.assert_allclose(ours.predict(X), other.predict(X), rtol=1e-9)


@pytest.mark.parametrize("activation", ["identity", "logistic"])
def test_other_activations(activation: str):
    _, X, y = DATA["multiclass"]
    ours, other = pair("multiclass", activation=activation, max_iter=5, solver="sgd")
    assert_same(ours.fit(X, y), other.fit(X, y))


def test_an_adaptive_rate_and_the_end_of_training():
    _, X, y = DATA["binary"]
    settings = {"solver": "sgd", "momentum": 0.0, "learning_rate": "adaptive", "learning_rate_init": 0.3}
    ours, other = pair("binary", **settings, tol=0.05, n_iter_no_change=2, max_iter=200)
    assert_same(ours.fit(X, y), other.fit(X, y))
    assert ours.n_iter_ < 200 and ours._optimizer.rate.now < 1e-6
    assert ours.best_loss_ == pytest.approx(other.best_loss_, rel=1e-10)
    ours, other = pair("binary", learning_rate_init=0.05, tol=0.02, n_iter_no_change=3, epsilon=1e-30)
    assert_same(ours.fit(X, y), other.fit(X, y))
    assert ours.n_iter_ < 200


@pytest.mark.parametrize("solver", [SOLVERS[1], SOLVERS[2], SOLVERS[4]])
def test_partial_fits_go_on(solver: dict[str, Any]):
    _, X, y = DATA["multiclass"]
    ours, other = pair("multiclass", **solver)
    for k in range(4):
        rows = slice(10 * k, 10 * k + 23)
        given = {"classes": np.unique(y)} if k == 0 else {}
        weights = WEIGHTS[rows] if k % 2 else None
        for estimator in (ours, other):
            estimator.partial_fit(X[rows], y[rows], weights, **given)
        assert_same(ours, other)
    assert len(ours.loss_curve_) == 4


def test_weights_given_to_both_and_one_step():
    _, X, y = DATA["multiclass"]
    ours, other = pair("multiclass", solver="sgd", momentum=0.0, shuffle=False, batch_size=N)
    start = np.random.default_rng(1)
    for estimator in (ours, other):
        estimator.partial_fit(X, y, classes=np.unique(y))
    coefs = [start.normal(size=w.shape) for w in other.coefs_]
    for estimator in (ours, other):
        estimator.coefs_ = [w.copy() for w in coefs]
        estimator.intercepts_ = [b * 0 + 0.5 for b in estimator.intercepts_]
    # scikit-learn's rule holds on to the arrays that it was started with
    other._optimizer = type(other._optimizer)(other.coefs_ + other.intercepts_, 0.001, "constant", 0.0, True, 0.5)
    assert_same(ours.partial_fit(X, y), other.partial_fit(X, y))


def test_a_warm_start_goes_on():
    _, X, y = DATA["multiclass"]
    ours, other = pair("multiclass", warm_start=True, max_iter=3, epsilon=1e-30)
    for _ in range(3):
        assert_same(ours.fit(X, y), other.fit(X, y))
    assert len(ours.loss_curve_) == 9


@pytest.mark.parametrize("kind", ["multiclass", "three outputs"])
def test_single_precision_stays(kind: str):
    _, X, y = DATA[kind]
    ours, other = pair(kind, max_iter=3, solver="sgd")
    X = X.astype(np.float32)
    assert_same(ours.fit(X, y), other.fit(X, y), rtol=1e-4)
    assert ours.coefs_[0].dtype == np.float32
    if kind == "multiclass":
        assert ours.predict_proba(X).dtype == ours.predict_log_proba(X).dtype == np.float32
    else:
        assert ours.predict(X).dtype == np.float32


def test_one_training_on_both_engines():
    _, X, y = DATA["multiclass"]
    settings: dict[str, Any] = {"max_iter": 3, "dropout": 0.3, "batch_size": 10, "random_state": 3}
    ours, other = (MLPClassifier((6,), engine=e, **settings).fit(X, y, WEIGHTS) for e in ("numpy", "xla"))
    assert_same(ours, other)  # dropout's noise is the same, bit for bit
    np.testing.assert_allclose(ours.predict_proba(X), other.predict_proba(X), rtol=1e-9)
