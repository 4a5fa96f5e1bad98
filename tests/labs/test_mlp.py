"""The experiment, without the command: what it trains, checks and answers."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import chainrule as cr
from chainrule.data import Dataset, Split
from chainrule.graph.errors import DataError, InternalError
from chainrule.labs import mlp
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
    right = np.mean(scores_of(result.params, test.X).argmax(axis=1) == test.y)
    assert result.scores["test"].accuracy == pytest.approx(right) and right > 0.9
    assert result.confusion.sum() == len(test.y)
    assert np.trace(result.confusion) == round(right * len(test.y))
    X, true, said = result.mistakes
    assert (true != said).all() and (scores_of(result.params, X).argmax(axis=1) == said).all()


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
    """One epoch of two steps, repeated by hand with the public gradients in float64."""
    data = cr.data.digits(0)
    few = Dataset("few", Split(data.train.X[:60], data.train.y[:60]), data.validation, data.test, 10,
                  data.class_names, (8, 8), "")  # fmt: skip
    s = Settings(hidden=7, activation="tanh", epochs=1, batch_size=30, lr=0.2, reg=0.01, seed=3, engine="numpy")
    result = mlp.run(s, few)
    rng = np.random.default_rng(3)
    W1 = np.sqrt(2 / 64) * rng.standard_normal((64, 7))
    params = {"W1": W1, "b1": np.zeros(7), "W2": np.sqrt(2 / 7) * rng.standard_normal((7, 10)), "b2": np.zeros(10)}
    run = cr.compile(result.derivation)
    for k, rows in enumerate(np.random.default_rng((3, 1)).permutation(60).reshape(2, 30)):
        loss, grads = run(X=few.train.X[rows], y=few.train.y[rows], reg=0.01, **params)
        assert result.history.column("loss")[k] == pytest.approx(float(loss), rel=1e-5)
        assert result.history.column("norm_dW1")[k] == pytest.approx(np.linalg.norm(grads["W1"]), rel=1e-4)
        params = {w: params[w] - 0.2 * grads[w] for w in params}
    for w in params:
        np.testing.assert_allclose(result.params[w], params[w], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_a_seed_fixes_every_bit(engine, result):
    s = replace(SHORT, engine=engine)
    once = mlp.run(s)
    again = result if engine == "numpy" else mlp.run(s)
    for k in once.params:
        assert once.params[k].tobytes() == again.params[k].tobytes()
        np.testing.assert_allclose(once.params[k], result.params[k], atol=2e-3)
    assert once.history.csv() == again.history.csv()
    assert mlp.run(replace(SHORT, seed=1)).params["W1"].tobytes() != once.params["W1"].tobytes()


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "elu"])
def test_every_activation_learns(activation):
    result = mlp.run(replace(SHORT, activation=activation))
    assert result.scores["test"].accuracy > 0.8 and result.check.ok


def test_history_has_a_row_for_each_step(result):
    rows = list(csv.DictReader(io.StringIO(result.history.csv())))
    steps = 1197 // 32
    assert len(rows) == len(result.history) == 4 * steps
    assert list(rows[0]) == ["epoch", "step", "lr", "loss", "accuracy", "norm_dW1", "norm_db1", "norm_dW2", "norm_db2",
                             "val_loss", "val_accuracy"]  # fmt: skip
    ends = [row for row in rows if row["val_loss"]]
    assert [int(r["step"]) for r in ends] == [steps, 2 * steps, 3 * steps, 4 * steps]
    assert float(ends[-1]["val_accuracy"]) == pytest.approx(result.scores["validation"].accuracy)
    first = [float(r["loss"]) for r in rows[:steps]]
    assert result.history.epochs[0]["loss"] == pytest.approx(np.mean(first), rel=1e-5)
    assert [float(r["lr"]) for r in ends] == pytest.approx([0.5 * 0.95**k for k in range(4)])


def test_files(result, tmp_path):
    paths = mlp.save(result, tmp_path / "new" / "folder")
    assert sorted(p.name for p in (tmp_path / "new" / "folder").iterdir()) == sorted(mlp.FILES)
    params = load_file(paths["params.safetensors"])
    assert {k: v.shape for k, v in params.items()} == {"W1": (64, 16), "b1": (16,), "W2": (16, 10), "b2": (10,)}
    assert all(v.dtype == np.float32 for v in params.values())


def test_a_listener_hears_everything():
    heard: list[str] = []

    class Ear(Listener):
        stage = lambda self, text: heard.append(text)
        begin = lambda self, steps: heard.append(f"begin {steps}")
        advance = lambda self, steps, loss: heard.append(f"advance {steps}")
        epoch = lambda self, report: heard.append(f"epoch {report.epoch}/{report.epochs}")

    mlp.run(replace(SHORT, epochs=2), listener=Ear())
    assert heard == ["reading digits", "checking the gradients", "training on 1,197 images with numpy", "begin 74",
                     "advance 37", "epoch 1/2", "advance 37", "epoch 2/2"]  # fmt: skip


@pytest.mark.parametrize("steps, calls", [(1, 1), (37, 1), (150, 2), (500, 5), (781, 11), (50_000, 500)])
def test_calls_of_one_shape(steps, calls):
    assert mlp._calls(steps) == calls and steps % calls == 0


@pytest.mark.parametrize(
    "setting, value",
    [("data", "cifar"), ("activation", "gelu"), ("engine", "torch"), ("hidden", 0), ("epochs", 0), ("batch_size", -1),
     ("lr", 0.0), ("lr", float("nan")), ("lr", float("inf")), ("lr", -1.0), ("lr", 1e39), ("reg", -1e-9), ("reg", 1e39),
     ("reg", float("nan")), ("lr_decay", 0.0), ("lr_decay", 1.5), ("seed", -1), ("seed", 2**63), ("hidden", True),
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
    assert Settings().command() == "chainrule lab mlp"


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
def test_divergence_names_the_step_and_a_smaller_rate(engine):
    with pytest.raises(mlp.Diverged, match=r"the loss became (inf|nan) at step \d+ \(epoch 1\).*--lr 0\.5") as caught:
        mlp.run(replace(SHORT, lr=1e30, engine=engine))
    assert 1 <= caught.value.step <= 37


def test_no_second_thread_where_products_are_small():
    from threadpoolctl import threadpool_info

    with mlp.threads_for(SHORT):
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} <= {1}


@pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason="the real files are not there")
def test_one_epoch_of_real_mnist():
    result = mlp.run(Settings("mnist", epochs=1, engine="xla", data_dir=str(REAL / "mnist")))
    assert result.scores["test"].accuracy > 0.9 and result.scores["test"].rows == 10_000
    assert RECIPES["mnist"].batch_size == result.sizes["n"] == 64
    assert len(result.history) == 781
