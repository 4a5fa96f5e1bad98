"""Event files, read back with TensorBoard's own reader."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import chainrule as cr
from chainrule.train.tensorboard import MissingPackage, TensorBoard, tags

pytest.importorskip("tensorboardX")
reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

rng = np.random.default_rng(0)
X, y = rng.normal(size=(47, 5)), rng.integers(0, 3, 47)
VALIDATION = X[:11], y[:11]
NET = cr.nn.Sequential(cr.nn.Linear(5, 7), cr.nn.Tanh(), cr.nn.Linear(7, 3))


def train(folder, **options):
    options = {"epochs": 3, "batch_size": 10, "norms_every": 4, "validation": VALIDATION} | options
    return cr.fit(NET, (X, y), optimizer=cr.optim.SGD(lr=0.1), callbacks=[TensorBoard(folder)], **options)


def scalars(folder) -> dict[str, dict[int, float]]:
    """tag -> {step: value} as TensorBoard shows them; a step that is there twice fails."""
    found = reader.EventAccumulator(str(folder), size_guidance={reader.SCALARS: 0})
    found.Reload()
    events = {tag: found.Scalars(tag) for tag in found.Tags()["scalars"]}
    for tag, values in events.items():
        steps = [e.step for e in values]
        assert steps == sorted(set(steps)), tag
    return {tag: {e.step: e.value for e in values} for tag, values in events.items()}


def check(folder, run) -> None:
    """Everything that the history holds is in the files, at its step."""
    found = scalars(folder)
    for column, tag in tags(run.history.parameters).items():
        if column not in run.history:
            assert tag not in found
            continue
        values = run.history[column]
        expected = {k + 1: np.float32(v) for k, v in enumerate(values.tolist()) if not np.isnan(v)}
        assert found[tag] == pytest.approx(expected), tag
    for row in run.history.epochs:
        for key, tag in (("val_loss", "validation/loss"), ("val_accuracy", "validation/accuracy")):
            assert found[tag][row["step"]] == np.float32(row[key])
    assert len(found["validation/loss"]) == len(run.history.epochs)


def test_every_number_of_the_history_is_there(tmp_path):
    run = train(tmp_path / "board")
    check(tmp_path / "board", run)
    found = scalars(tmp_path / "board")
    assert sorted(found["gradient norm/W1"]) == run.history.measured("norm_dW1")[0].tolist()
    assert len(found["train/loss"]) == 15 > len(found["gradient norm/W1"])
    assert "train/objective" not in found


def test_wall_times_rise(tmp_path):
    train(tmp_path)
    found = reader.EventAccumulator(str(tmp_path), size_guidance={reader.SCALARS: 0})
    found.Reload()
    times = [e.wall_time for e in found.Scalars("train/loss")]
    assert times == sorted(times)


@pytest.mark.parametrize("killed_after", [3, 7])
def test_resume_goes_on_without_duplicates_or_holes(tmp_path, killed_after):
    class Stop(cr.train.Callback):
        """Ends the process' work between two checkpoints, after the event files were written."""

        def advance(self, run, steps):
            if len(run.history) >= killed_after:
                raise ZeroDivisionError

    options = {"out": tmp_path / "run", "checkpoint_every": 2}
    with pytest.raises(ZeroDivisionError):
        cr.fit(
            NET, (X, y), optimizer=cr.optim.SGD(lr=0.1), epochs=3, batch_size=10, norms_every=4, validation=VALIDATION,
            callbacks=[TensorBoard(tmp_path / "board"), Stop()], **options,
        )  # fmt: skip
    before = scalars(tmp_path / "board")
    run = train(tmp_path / "board", resume=True, **options)
    assert max(before["train/loss"]) >= killed_after and len(run.history) == 15
    check(tmp_path / "board", run)


def test_more_epochs_go_on_in_the_same_folder(tmp_path):
    train(tmp_path / "board", out=tmp_path / "run", epochs=2)
    run = train(tmp_path / "board", out=tmp_path / "run", epochs=4, resume=True)
    check(tmp_path / "board", run)
    assert max(scalars(tmp_path / "board")["train/loss"]) == 20


def test_a_new_run_takes_the_place_of_an_old_one(tmp_path):
    train(tmp_path, seed=1, epochs=4)
    check(tmp_path, train(tmp_path, seed=2, epochs=2))


def test_regression_without_validation(tmp_path):
    rule = cr.optim.SGD(lr=0.01, penalty=cr.optim.L2(0.1))
    board = TensorBoard(tmp_path)
    cr.fit(cr.nn.Linear(5, 1), (X, X[:, :1]), "squared_error", rule, epochs=1, callbacks=[board])
    found = scalars(tmp_path)
    assert set(found) == {
        "train/loss", "train/objective", "learning rate", "epoch", *(f"{k}/{w}" for w in ("W1", "b1") for k in
        ("gradient norm", "weight norm", "update to weight")),
    }  # fmt: skip


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(cr.OutputError, match="event files"):
        train(tmp_path / "file" / "board")


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingPackage, match=r"pip install 'chainrule\[tensorboard\]'") as raised:
        TensorBoard(tmp_path)
    assert isinstance(raised.value, cr.ChainruleError) and isinstance(raised.value, ImportError)
