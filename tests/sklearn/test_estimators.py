"""The estimators among scikit-learn's tools, what is theirs alone, and what they refuse."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainrule as cr
from chainrule.sklearn import MLPClassifier, MLPRegressor
from chainrule.sklearn.programs import _kept, network_program

IRIS, KINDS = load_iris(return_X_y=True)
NAMES = load_iris().target_names[KINDS]
calm = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def small(**settings: Any) -> MLPClassifier:
    return MLPClassifier(**({"hidden_layer_sizes": (8,), "learning_rate_init": 0.05, "random_state": 0} | settings))


def same(one: Any, other: Any) -> bool:
    return all((a == b).all() for a, b in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_))


# Among scikit-learn's tools ------------------------------------------------------------------------------------------


@calm
def test_a_pipeline_with_names_in_a_grid_search():
    before = _kept.cache_info().misses
    grid = {
        "mlpclassifier__hidden_layer_sizes": [(5,), (9,)],
        "mlpclassifier__alpha": [1e-4, 1.0],
        "mlpclassifier__learning_rate_init": [0.01, 0.1],
    }
    model = make_pipeline(StandardScaler(), small(max_iter=30, dropout=0.125))
    search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(IRIS, NAMES)
    assert search.best_score_ > 0.93 and search.best_params_["mlpclassifier__learning_rate_init"] == 0.1
    assert set(search.predict(IRIS)) == set(NAMES) and search.classes_.tolist() == sorted(set(NAMES))
    assert _kept.cache_info().misses - before == 1  # one program for 25 fits


@calm
def test_cross_validation_clones_and_pickles():
    model = small(max_iter=40)
    assert cross_val_score(model, IRIS, NAMES, cv=3, error_score="raise").mean() > 0.8
    model.fit(IRIS, NAMES).partial_fit(IRIS, NAMES)
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict_proba(IRIS) == model.predict_proba(IRIS)).all()
    assert same(again.partial_fit(IRIS, NAMES), model.partial_fit(IRIS, NAMES))  # the rule's state is kept too
    assert not hasattr(clone(model), "coefs_") and clone(model).get_params() == model.get_params()
    assert same(clone(model).fit(IRIS, NAMES), clone(model).fit(IRIS, NAMES))


@calm
@pytest.mark.parametrize("labels", [["b", "a"], [True, False], [-7, 3], [0.0, 1.0], ["x", "yy", "z"], [10, -1, 5, 0]])
def test_labels_of_any_kind(labels: list[Any]):
    y = np.array(labels)[np.arange(len(IRIS)) % len(labels)]
    model = small(max_iter=2).fit(IRIS, y)
    assert model.classes_.tolist() == sorted(labels) and model.predict(IRIS).dtype == y.dtype
    P = model.predict_proba(IRIS)
    assert P.shape == (len(IRIS), len(labels)) and np.allclose(P.sum(axis=1), 1)
    assert (model.classes_[P.argmax(axis=1)] == model.predict(IRIS)).all()
    np.testing.assert_allclose(np.exp(model.predict_log_proba(IRIS)), P, rtol=1e-12)


@calm
def test_several_labels_at_once():
    X, Y = make_multilabel_classification(150, 8, n_classes=5, random_state=0)
    for given in (Y, sparse.csr_matrix(Y)):
        model = small(max_iter=100).fit(StandardScaler().fit_transform(X), given)
        found = model.predict(StandardScaler().fit_transform(X))
        assert found.shape == Y.shape and (found == Y).mean() > 0.8 and model.out_activation_ == "logistic"
    model = small().partial_fit(X, Y)
    assert model.n_outputs_ == 5 and model.predict_proba(X).shape == (150, 5)


def test_early_stopping_keeps_the_best():
    X, y = load_digits(return_X_y=True)
    model = MLPClassifier(
        (20,), early_stopping=True, n_iter_no_change=3, learning_rate_init=0.02, validation_fraction=0.25,
        random_state=1,
    )  # fmt: skip
    model.fit(X / 16, y)
    assert model.best_validation_score_ == max(model.validation_scores_) > 0.9 and model.best_loss_ is None
    assert len(model.validation_scores_) == len(model.loss_curve_) == model.n_iter_ < 200
    chance = np.random.RandomState(1)
    for shape in ((64, 20), 20, (20, 10), 10):
        chance.uniform(size=shape)  # the first weights are drawn before the split
    _, held, _, labels = train_test_split(X / 16, y, random_state=chance, test_size=0.25)
    assert model.score(held, labels) == pytest.approx(model.best_validation_score_)


@calm
def test_sparse_rows_are_dense_ones():
    X, y = load_digits(return_X_y=True)
    X, y = X[:157] / 16, y[:157]
    for kind in (sparse.csr_matrix, sparse.csc_array):
        dense, rows = small(max_iter=3, batch_size=20), small(max_iter=3, batch_size=20)
        assert same(dense.fit(X, y), rows.fit(kind(X), y))
        assert (rows.predict_proba(kind(X)) == dense.predict_proba(X)).all()


@calm
@pytest.mark.parametrize("model", [small(max_iter=4, batch_size=16), MLPRegressor((5,), max_iter=4, random_state=0)])
def test_a_weight_of_nothing_is_an_absent_example(model: Any):
    y = NAMES if isinstance(model, MLPClassifier) else KINDS
    weights = np.random.default_rng(0).integers(0, 3, len(y))
    there = weights > 0
    some = clone(model).fit(IRIS[there], y[there], weights[there])
    assert same(clone(model).fit(IRIS, y, weights), some)
    assert not same(clone(model).fit(IRIS[there], y[there]), some)
    assert model.fit(IRIS, y).score(IRIS, y, weights) == pytest.approx(
        model.score(np.repeat(IRIS, weights, axis=0), np.repeat(y, weights)), rel=1e-12
    )


# What is theirs alone ------------------------------------------------------------------------------------------------


@calm
def test_dropout():
    X = StandardScaler().fit_transform(IRIS)
    dropped = small(dropout=0.5, max_iter=30, hidden_layer_sizes=(30, 20)).fit(X, NAMES)
    assert (dropped.predict_proba(X) == dropped.predict_proba(X)).all()  # none in prediction
    assert dropped.score(X, NAMES) > 0.9
    assert dropped.loss_curve_[0] != small(max_iter=30, hidden_layer_sizes=(30, 20)).fit(X, NAMES).loss_curve_[0]
    assert same(clone(dropped).fit(X, NAMES), dropped)
    masks = dropped.network_.graph(training=True).inputs
    assert "M2" in masks and dropped.network_.parameters == {k: v.shape for k, v in dropped._parameters.items()}


@calm
def test_the_network_is_that_of_the_library():
    model = small(max_iter=5, activation="gelu", hidden_layer_sizes=(6, 5)).fit(IRIS, NAMES)
    given = {"W1": model.coefs_[0], "b1": model.intercepts_[0], "W2": model.coefs_[1], "b2": model.intercepts_[1]}
    given |= {"W3": model.coefs_[2], "b3": model.intercepts_[2]}
    S = cr.compile(model.network_.graph())(X=IRIS, **given)
    np.testing.assert_allclose(cr.nn.CrossEntropy().predict_probabilities(S), model.predict_proba(IRIS), rtol=1e-12)
    assert "gelu" in model.network_.derive().graph.text()


@calm
def test_solvers():
    X = StandardScaler().fit_transform(IRIS)
    rule = cr.optim.SGD(lr=0.05, momentum=0.9, nesterov=True)
    assert same(small(solver=rule, max_iter=5).fit(X, NAMES), small(solver="sgd", max_iter=5).fit(X, NAMES))
    assert clone(small(solver=rule)).solver == rule
    for solver in ("adamw", "rmsprop", "adagrad", cr.optim.RMSProp(lr=0.02, decay=["W1"])):  # a list has no hash
        model = small(solver=solver, max_iter=40).fit(X, NAMES)
        assert model.score(X, NAMES) > 0.9 and model.loss_curve_[-1] < model.loss_curve_[0]
    decay = cr.optim.Exponential(0.05, gamma=0.5)
    slower, steady = (small(solver=cr.optim.SGD(lr=lr), max_iter=2, batch_size=50) for lr in (decay, 0.05))
    start = steady.partial_fit(X, NAMES, classes=np.unique(NAMES)).coefs_[0]
    assert (slower.partial_fit(X, NAMES, classes=np.unique(NAMES)).coefs_[0] == start).all()  # the first epoch is alike
    for _ in range(8):
        steady, slower = steady.partial_fit(X, NAMES), slower.partial_fit(X, NAMES)
    assert np.abs(slower.coefs_[0] - start).max() < 0.5 * np.abs(steady.coefs_[0] - start).max()


def test_adamw_shrinks_by_alpha():
    X, y = np.zeros((3, 2)), [0.0, 0.0, 0.0]
    settings: dict[str, Any] = {"alpha": 0.5, "learning_rate_init": 0.1, "random_state": 0, "hidden_layer_sizes": (4,)}
    model = MLPRegressor(solver="adamw", **settings).partial_fit(X, y)
    first = np.random.RandomState(0).uniform(-1, 1, (2, 4))  # √(6/(2 + 4)) = 1
    np.testing.assert_allclose(model.coefs_[0], (1 - 0.1 * 0.5) * first, rtol=1e-14)  # W1 has no gradient here


def test_scores_of_any_size():
    model = small(hidden_layer_sizes=()).partial_fit(IRIS, KINDS, classes=[0, 1, 2])
    model.coefs_ = [1e5 * np.eye(4, 3)]
    assert np.isfinite(model.predict_log_proba(IRIS)).all() and model.predict_proba(IRIS).min() == 0
    assert np.isfinite(model.partial_fit(IRIS, KINDS).loss_)


def test_ctrl_c_keeps_whole_epochs(monkeypatch: pytest.MonkeyPatch):
    run, done = MLPClassifier._keep, []

    def interrupted(self: Any, *args: Any) -> None:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(1)
        run(self, *args)

    monkeypatch.setattr(MLPClassifier, "_keep", interrupted)
    with pytest.warns(UserWarning, match="training was interrupted; 3 whole epochs are kept"):
        model = small().fit(IRIS, NAMES)
    assert model.n_iter_ == len(model.loss_curve_) == 3
    monkeypatch.undo()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert same(small(max_iter=3).fit(IRIS, NAMES), model)


def test_what_is_printed(capsys: pytest.CaptureFixture[str]):
    small(verbose=True, max_iter=400, tol=1e-2, n_iter_no_change=2).fit(IRIS, NAMES)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Iteration 1, loss = ")
    assert lines[-1] == "The training loss did not improve by tol=0.01 for 2 epochs in a row. Stopping."


# What they refuse ----------------------------------------------------------------------------------------------------

WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: small(hidden_layer_sizes=(3, 0)), r"hidden_layer_sizes is \(3, 0\); it must hold integers of at least 1"),
    (lambda: small(hidden_layer_sizes="100"), "hidden_layer_sizes is '100'"),
    (lambda: small(activation="swish"), "activation is 'swish'; it must be one of 'identity', 'logistic', 'tanh'"),
    (lambda: small(solver="lbfgs"), "solver is 'lbfgs'; it must be one of 'sgd', .*, or a rule such as cr.optim"),
    (lambda: small(alpha=-1), "alpha is -1; it must be a number of at least 0"),
    (lambda: small(momentum=1.0), "momentum is 1.0; it must be a number of at least 0 and below 1"),
    (lambda: small(learning_rate_init=0), "learning_rate_init is 0; it must be a number above 0"),
    (lambda: small(dropout=1), "dropout is 1; it must be a number of at least 0 and below 1"),
    (lambda: small(max_iter=2.5), "max_iter is 2.5; it must be an integer of at least 1"),
    (lambda: small(batch_size=0), "batch_size is 0; it must be an integer of at least 1 or 'auto'"),
    (lambda: small(learning_rate="cosine"), "learning_rate is 'cosine'; it must be one of 'constant', 'invscaling'"),
    (lambda: small(engine="tpu"), "engine is 'tpu'; it must be one of 'numpy', 'xla'"),
    (lambda: small(early_stopping=True, validation_fraction=0.003), "of 150 examples leaves 1 to validate with"),
]


@pytest.mark.parametrize(("model", "text"), WRONG)
def test_parameters_that_cannot_be_meant(model: Callable[[], Any], text: str):
    with pytest.raises(cr.InputError, match=text):
        model().fit(IRIS, KINDS)


@calm
def test_data_that_cannot_be_meant():
    with pytest.raises(NotFittedError):
        small().predict(IRIS)
    with pytest.raises(NotFittedError):
        _ = small().network_
    with pytest.raises(cr.InputError, match="classes must be given in the first call of partial_fit"):
        small().partial_fit(IRIS, NAMES)
    known = small().partial_fit(IRIS, NAMES, classes=[*set(NAMES)])
    with pytest.raises(cr.InputError, match=r"y holds the classes \['iris'\], and the network knows \['setosa'"):
        known.partial_fit(IRIS, ["iris"] * 150)
    with pytest.raises(cr.InputError, match=r"classes is \['a', 'b'\]; it was"):
        known.partial_fit(IRIS, NAMES, classes=["a", "b"])
    with pytest.raises(ValueError, match="X has 3 features, but MLPClassifier is expecting 4"):
        known.predict(IRIS[:, 1:])
    with pytest.raises(cr.InputError, match=r"started with layers of \(4, 8, 3\) units, and hidden_layer_sizes is now"):
        known.set_params(hidden_layer_sizes=(7,)).partial_fit(IRIS, NAMES)
    with pytest.raises(cr.InputError, match="early_stopping=True has no meaning there"):
        small(early_stopping=True).partial_fit(IRIS, NAMES, classes=[*set(NAMES)])
    for weights, text in ((np.zeros(150), "is zero"), (np.eye(150), "has shape"), (-np.arange(150), "149. is -149")):
        with pytest.raises(cr.InputError, match=f"sample_weight.*{text}"):
            small().fit(IRIS, NAMES, weights)
    two = MLPRegressor((4,)).partial_fit(IRIS, IRIS[:, :2])
    with pytest.raises(cr.InputError, match="y has 1 columns, and the network was started with 2"):
        two.partial_fit(IRIS, KINDS)
    with pytest.warns(UserWarning, match="batch_size = 400 is more than the 150 examples, which are taken"):
        small(batch_size=400, max_iter=1).fit(IRIS, NAMES)
    with pytest.warns(ConvergenceWarning, match="the loss had not settled after max_iter = 1 epochs"):
        small(max_iter=1).fit(IRIS, NAMES)


def test_a_training_that_diverges():
    model = MLPRegressor((5,), activation="identity", solver="sgd", learning_rate_init=1.0, random_state=0)
    with pytest.raises(cr.InputError, match=r"left the finite numbers in epoch \d+: W1 holds infinities or NaN. Scale"):
        model.fit(100 * IRIS, 1e6 * KINDS)
    assert all(np.isfinite(w).all() for w in model.coefs_)  # of the epoch before


def test_programs_for_prediction_are_shared():
    before = network_program.cache_info().misses
    for hidden, dropout in ((3, 0.0), (4, 0.5), (5, 0.1)):
        model = small(hidden_layer_sizes=(hidden,) * 3, dropout=dropout)
        model.partial_fit(IRIS, KINDS, classes=range(3)).predict(IRIS)
    assert network_program.cache_info().misses - before <= 1
