"""The experiment, without the command: what it trains, checks and answers."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import Dataset, Split
from chainrule.graph.errors import DataError, InternalError
from chainrule.labs import course, mlp
from chainrule.labs.listener import Listener
from chainrule.labs.settings import RECIPES, SettingError, Settings

REAL = Path(__file__).parents[3] / "shared" / "data"
SHORT = Settings(hidden=16, epochs=4, engine="numpy")


@pytest.fixture(scope="module")
def result():
    return mlp.run(SHORT)


def scores_of(params, X):
    Z = X.astype(np.float64) @ params["W1"] + params["b1"]
    return np.maximum(Z, 0) @ params["W2"] + params["b2"]


def test_it_learns_and_says_how_well(result):
    test = cr.data.digits(0).test
    right = np.mean(scores_of(result.run.params, test.X).argmax(axis=1) == test.y)
    assert result.scores["test"].accuracy == pytest.approx(right) and right > 0.9
    assert result.confusion.sum() == len(test.y)
    assert np.trace(result.confusion) == round(right * len(test.y))
    X, true, said = result.mistakes
    assert (true != said).all() and (scores_of(result.run.params, X).argmax(axis=1) == said).all()


def test_the_gradients_were_checked_on_the_data(result):
    assert result.check.ok and list(result.check.inputs) == ["W1", "b1", "W2", "b2"]
    assert result.check.point["X"].dtype == np.float64
    np.testing.assert_array_equal(result.check.point["X"], cr.data.digits(0).train.X[: mlp.CHECKED_ROWS])


def test_wrong_gradients_stop_the_run(monkeypatch, result):
    broken = {k: replace(r, ok=False) for k, r in result.check.inputs.items()}
    monkeypatch.setattr(mlp, "check_gradients", lambda *args, **kwargs: replace(result.check, inputs=broken))
    with pytest.raises(InternalError, match="nothing was trained"):
        mlp.run(SHORT)


def test_each_step_is_one_of_gradient_descent():
    """Two epochs of three steps, the last smaller, repeated by hand with the derivation's gradients in float64."""
    data = cr.data.digits(0)
    few = Dataset("few", Split(data.train.X[:75], data.train.y[:75]), data.validation, data.test, 10,
                  data.class_names, (8, 8), "")  # fmt: skip
    s = Settings(hidden=7, activation="tanh", epochs=2, batch_size=30, lr=0.2, lr_decay=0.5, reg=0.01, seed=3)
    result = mlp.run(s, few)
    params = result.run.net.initial(3)
    assert params["W1"].std() == pytest.approx(np.sqrt(2 / 64), rel=0.1) and not params["b1"].any()
    run = cr.compile(result.derivation)
    step = 0
    for epoch in (1, 2):
        order = np.random.default_rng((3, epoch)).permutation(75)
        for rows in (order[:30], order[30:60], order[60:]):
            objective, grads = run(X=few.train.X[rows], y=few.train.y[rows], **params)
            penalty = 0.005 * sum((params[w] ** 2).sum() for w in ("W1", "W2"))
            assert result.run.history["objective"][step] == pytest.approx(float(objective), rel=1e-5)
            assert result.run.history["loss"][step] == pytest.approx(float(objective) - penalty, rel=1e-5)
            params = {w: params[w] - 0.2 * 0.5 ** (epoch - 1) * grads[w] for w in params}
            step += 1
    for w in params:
        np.testing.assert_allclose(result.run.params[w], params[w], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_a_seed_fixes_every_bit(engine, result):
    s = replace(SHORT, engine=engine)
    once = mlp.run(s)
    again = result if engine == "numpy" else mlp.run(s)
    for k in once.run.params:
        assert once.run.params[k].tobytes() == again.run.params[k].tobytes()
        np.testing.assert_allclose(once.run.params[k], result.run.params[k], atol=2e-3)
    assert once.run.history.csv() == again.run.history.csv()
    assert mlp.run(replace(SHORT, seed=1)).run.params["W1"].tobytes() != once.run.params["W1"].tobytes()


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "elu"])
def test_every_activation_learns(activation):
    result = mlp.run(replace(SHORT, activation=activation))
    assert result.scores["test"].accuracy > 0.8 and result.check.ok


def test_history_has_a_row_for_each_step(result):
    rows = list(csv.DictReader(io.StringIO(result.run.history.csv())))
    steps = 38
    assert len(rows) == len(result.run.history) == 4 * steps
    assert {"epoch", "step", "lr", "loss", "objective", "accuracy", "norm_dW1", "norm_b2", "val_loss",
            "val_accuracy"} < set(rows[0])  # fmt: skip
    ends = [row for row in rows if row["val_loss"]]
    assert [int(r["step"]) for r in ends] == [steps, 2 * steps, 3 * steps, 4 * steps]
    assert float(ends[-1]["val_accuracy"]) == pytest.approx(result.scores["validation"].accuracy)
    assert [float(r["lr"]) for r in ends] == pytest.approx([0.5 * 0.95**k for k in range(4)])


def test_files(result, tmp_path):
    paths = mlp.save(result, tmp_path / "new" / "folder")
    assert sorted(p.name for p in (tmp_path / "new" / "folder").iterdir()) == sorted(mlp.FILES)
    again = cr.load(paths["params.safetensors"])
    assert {k: v.shape for k, v in again.params.items()} == {"W1": (64, 16), "b1": (16,), "W2": (16, 10), "b2": (10,)}
    assert all(v.dtype == np.float32 for v in again.params.values()) and again.net == result.run.net
    assert again.evaluate(result.data.test)["accuracy"] == result.scores["test"].accuracy


def test_a_listener_hears_everything():
    heard: list[str] = []

    class Ear(Listener):
        stage = lambda self, text: heard.append(text)
        begin = lambda self, run: heard.append(f"begin {run.epochs * run.steps_per_epoch}")
        advance = lambda self, run, steps: heard.append(f"advance {steps}")
        epoch = lambda self, run: heard.append(f"epoch {run.epoch}/{run.epochs}")
        end = lambda self, run: heard.append("end")

    mlp.run(replace(SHORT, epochs=2), listener=Ear())
    assert heard == ["reading digits", "checking the gradients", "training on 1,197 images with numpy", "begin 76",
                     "advance 37", "advance 1", "epoch 1/2", "advance 37", "advance 1", "epoch 2/2",
                     "end"]  # fmt: skip


def test_without_a_penalty():
    result = mlp.run(replace(SHORT, epochs=1, reg=0.0))
    assert "objective" not in result.run.history and result.derivation.graph.loss_name == "L"
    assert "J" not in result.derivation.graph


@pytest.mark.parametrize(
    "setting, value",
    [("data", "cifar"), ("activation", "gelu"), ("engine", "torch"), ("hidden", 0), ("epochs", 0), ("batch_size", -1),
     ("lr", 0.0), ("lr", float("nan")), ("lr", float("inf")), ("lr", -1.0), ("lr", 1e39), ("reg", -1e-9), ("reg", 1e39),
     ("reg", float("nan")), ("lr_decay", 0.0), ("lr_decay", 1.5), ("seed", -1), ("seed", 2**32), ("hidden", True),
     ("epochs", 1.5)],
)  # fmt: skip
def test_wrong_settings(setting, value):
    with pytest.raises(SettingError, match=f"^{setting} must be") as caught:
        Settings(**{setting: value})
    assert caught.value.setting == setting


def test_more_rows_in_a_batch_than_there_are():
    with pytest.raises(SettingError, match="batch_size is 2,000, and there are 1,197"):
        mlp.run(replace(SHORT, batch_size=2000))


def test_the_command_repeats_the_run():
    s = Settings("mnist", hidden=32, lr=0.1, data_dir="my data")
    assert s.command() == "chainrule lab mlp --data mnist --hidden 32 --lr 0.1 --data-dir 'my data'"
    assert Settings().command() == Settings("digits", hidden=64, lr=0.5).command() == "chainrule lab mlp"
    assert Settings(preset="course", activation="relu").command() == "chainrule lab mlp --data mnist --preset course"
    assert Settings(preset="course", activation="sigmoid", epochs=2).command() == (
        "chainrule lab mlp --data mnist --preset course --activation sigmoid --epochs 2"
    )


def broken_data(**change):
    data = cr.data.digits(0)
    parts = {k: Split(getattr(data, k).X.copy(), getattr(data, k).y.copy()) for k in ("train", "validation", "test")}
    for split, (array, index, value) in change.items():
        getattr(parts[split], array)[index] = value
    return replace(data, **parts)


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(train=("X", (5, 3), np.nan)), r"digits, train: X holds 1 NaN .* X\[5, 3\]"),
        (dict(test=("X", (0, 0), np.inf)), "digits, test: X holds 1 infinite"),
        (dict(validation=("y", 7, 10)), r"digits, validation: y\[7\] is 10; with 10 classes"),
        (dict(train=("y", 0, -1)), r"digits, train: y\[0\] is -1"),
    ],
)
def test_data_that_cannot_be_right(change, message):
    with pytest.raises(DataError, match=message):
        mlp.run(SHORT, broken_data(**change))


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_divergence_names_the_step_the_layer_and_the_operation(engine):
    with pytest.raises(cr.train.Diverged, match=r"became (inf|nan) at step \d+ \(epoch 1\)") as caught:
        mlp.run(replace(SHORT, lr=1e30, engine=engine))
    assert 1 <= caught.value.step <= 37 and caught.value.layer and caught.value.operation


# The published exercise -----------------------------------------------------------------------------------------------


def test_the_course_has_the_numbers_of_the_exercise():
    s = Settings(preset="course")
    r = s.recipe
    assert s.data == "mnist" and not s.changed
    assert (r.hidden, r.batch_size, r.epochs, r.lr, r.lr_decay, r.reg, r.std) == (64, 100, 20, 1e-3, 0.95, 0.5, 0.1)
    assert Settings(preset="course", activation="sigmoid", epochs=2).changed == ["epochs", "activation"]
    with pytest.raises(SettingError, match="an exercise on mnist, and the data are digits"):
        Settings("digits", preset="course")
    with pytest.raises(SettingError, match="preset must be one of course"):
        Settings(preset="exam")


@pytest.fixture(scope="module")
def exercise():
    """The preset on other images than MNIST's, and few."""
    data = cr.data.digits(0)
    raw = {k: Split(16 * getattr(data, k).X - 5, getattr(data, k).y) for k in ("train", "validation", "test")}
    return mlp.run_all(Settings(preset="course", epochs=2, engine="numpy"), replace(data, **raw))


def test_the_course_trains_both_networks_with_its_penalty_and_its_weights(exercise):
    assert [r.settings.recipe.activation for r in exercise] == ["sigmoid", "relu"]
    assert mlp.files(Settings(preset="course")) == (
        *mlp.FILES, "report-sigmoid.html", "history-sigmoid.csv", "params-sigmoid.safetensors",
    )  # fmt: skip
    assert mlp.files(Settings(preset="course", activation="relu")) == mlp.FILES
    for r in exercise:
        (penalty,) = r.run.optimizer.penalties
        assert penalty.lam == 0.25 and r.check.ok
        first = r.run.net.initial(0)
        assert first["W1"].std() == pytest.approx(0.1, rel=0.05) and first["W2"].std() == pytest.approx(0.1, rel=0.1)


def test_published_numbers_beside_ours(exercise):
    lines = course.comparison(exercise)
    assert [(x.activation, x.split) for x in lines[:3]] == [(("sigmoid"), k) for k in course.SPLITS]
    assert [x.published for x in lines] == [0.877, 0.872, 0.874, 0.973, 0.966, 0.964]
    assert [x.ours for x in lines[3:]] == [exercise[1].scores[k].accuracy for k in course.SPLITS]
    found = course.course_facts(exercise)
    assert found["relu"]["published"]["test"] == 0.964 and "epochs was asked for otherwise" in found["relu"]["verdict"]


@pytest.mark.parametrize(
    "ours, words",
    [(0.964, "reaches the published test accuracy: 0.9640"), (0.9637, "ends 0.0003 below .* 0.2 standard errors")],
)
def test_a_verdict_says_why_it_falls_short(exercise, ours, words):
    r = exercise[1]
    scores = r.scores | {"test": mlp.Score(0.1, ours, 10_000)}
    settings = Settings(preset="course", activation="relu")
    assert re.search(words, course.verdict(replace(r, settings=settings, scores=scores)))


needs_mnist = pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason="the real files are not there")


@needs_mnist
def test_one_epoch_of_real_mnist():
    result = mlp.run(Settings("mnist", epochs=1, engine="xla", data_dir=str(REAL / "mnist")))
    assert result.scores["test"].accuracy > 0.95 and result.scores["test"].rows == 10_000
    assert RECIPES["mnist"].batch_size == result.sizes["n"] == 32


@needs_mnist
def test_the_published_exercise_is_reached():
    """About three seconds: 20 epochs of 500 steps."""
    result = mlp.run(Settings(preset="course", activation="relu", data_dir=str(REAL / "mnist")))
    assert result.scores["test"].accuracy >= 0.964
    for k, published in zip(course.SPLITS, course.PUBLISHED["relu"]):
        assert result.scores[k].accuracy == pytest.approx(published, abs=0.004)
