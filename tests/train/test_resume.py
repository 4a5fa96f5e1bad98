"""A run that was stopped, at any moment and in any way, goes on as if it had not been."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learnable import blobs, everything

import chainrule as cr
from chainrule.face import files
from chainrule.face.compiled import Compiled
from chainrule.graph.errors import DataError, InputError, OutputError
from chainrule.train import CheckpointWarning

X, y = blobs()
HELD = blobs(rows=31, seed=1)
ENGINES = ["numpy", "xla"]


def train(out: Path | None = None, net=None, data=(X, y), **options):
    usual = dict(
        optimizer=cr.optim.Adam(lr=cr.optim.Exponential(0.02)), epochs=4, batch_size=10, seed=2, validation=HELD,
        checkpoint_every=4 if out else None, out=out,
    )  # fmt: skip
    return cr.fit(net or everything(), data, **usual | options)


def assert_same(a, b):
    for mine, other in ((a.params, b.params), (a.state, b.state), (a.optimizer_state, b.optimizer_state),
                        (a.best.params, b.best.params)):  # fmt: skip
        assert mine.keys() == other.keys()
        for k in mine:
            assert mine[k].dtype == other[k].dtype
            np.testing.assert_array_equal(mine[k], other[k], err_msg=k)
    assert a.history.csv() == b.history.csv()
    rows = [[{k: v for k, v in row.items() if k != "seconds"} for row in run.history.epochs] for run in (a, b)]
    assert rows[0] == rows[1]


class StopAt(cr.train.Callback):
    """Ctrl-C after so many calls."""

    def __init__(self, calls: int):
        self.left = calls

    def advance(self, run, steps):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    "engine, calls", [("numpy", 1), ("numpy", 2), ("numpy", 4), ("numpy", 7), ("numpy", 11), ("xla", 6)]
)
def test_resumed_is_undisturbed(tmp_path: Path, engine: str, calls: int):
    whole = train(engine=engine, checkpoint_every=4, out=tmp_path / "whole")
    with pytest.raises(cr.train.Interrupted, match=r"interrupted in epoch") as caught:
        train(tmp_path / "cut", engine=engine, callbacks=[StopAt(calls)])
    if calls > 1:
        assert f"{tmp_path / 'cut'} holds step" in str(caught.value) and "resume=True" in str(caught.value)
    assert len(caught.value.run.history) > 0
    resumed = train(tmp_path / "cut", engine=engine, resume=True)
    assert_same(whole, resumed)
    assert (tmp_path / "cut/history.csv").read_text() == whole.history.csv()


def test_checkpoints_change_nothing_but_where_calls_are_cut(tmp_path: Path):
    assert_same(train(), train(tmp_path / "a", checkpoint_every=None))


def test_a_finished_run_goes_on_for_more_epochs(tmp_path: Path):
    train(tmp_path / "a")
    assert_same(train(tmp_path / "b", epochs=7), train(tmp_path / "a", epochs=7, resume=True))
    again = train(tmp_path / "a", epochs=7, resume=True)
    assert again.epoch == 7


def test_a_stopped_run_stays_stopped(tmp_path: Path):
    options = dict(epochs=60, optimizer=cr.optim.SGD(lr=0.5), callbacks=[cr.train.EarlyStopping(patience=2)])
    first = train(tmp_path, **options)
    assert first.epoch < 60
    assert_same(first, train(tmp_path, resume=True, **options))
    assert_same(first, train(tmp_path, resume=True, **options | {"epochs": 100}))
    assert train(tmp_path, resume=True, **options | {"epochs": 65, "callbacks": []}).epoch == 65


CHILD = """
import sys
sys.path[:0] = [{tests!r}]
from learnable import blobs, everything
import chainrule as cr
cr.fit(everything(), blobs(), optimizer=cr.optim.Adam(lr=cr.optim.Exponential(0.02)), epochs={epochs}, batch_size=10,
       seed=2, validation=blobs(rows=31, seed=1), checkpoint_every=4, out={out!r}, resume=True, engine={engine!r})
"""


@pytest.mark.parametrize("engine, epochs, kills", [("numpy", 40, 4), ("xla", 12, 1)])
def test_kill_9_at_any_moment(tmp_path: Path, engine: str, epochs: int, kills: int):
    out, dice = tmp_path / "cut", random.Random(7)
    child = CHILD.format(tests=str(Path(__file__).parents[1]), out=str(out), engine=engine, epochs=epochs)
    checkpoints = lambda: len(list(out.glob("history-*")))
    for _ in range(kills):
        before = checkpoints()
        process = subprocess.Popen([sys.executable, "-c", child])
        while process.poll() is None and checkpoints() < before + 2:
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.03))
        os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
    resumed = train(out, epochs=epochs, engine=engine, resume=True)
    assert_same(train(tmp_path / "whole", epochs=epochs, engine=engine), resumed)
    assert not list(out.glob(".*.part"))


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize(
    "pattern, cut", [("step-*.safetensors", 0), ("step-*.json", 0), ("step-*.json", 20), ("history-*", 0)]
)
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path: Path, pattern: str, cut: int):
    whole = train(tmp_path / "whole")
    with pytest.raises(cr.train.Interrupted):
        train(tmp_path / "cut", callbacks=[StopAt(9)])
    last = sorted((tmp_path / "cut").glob(pattern))[-1]
    if cut:
        last.write_bytes(last.read_bytes()[:cut])
    else:
        damage(last)
    with pytest.warns(CheckpointWarning, match=rf"{last.name} is damaged.*going back to step"):
        resumed = train(tmp_path / "cut", resume=True)
    assert_same(whole, resumed)


def test_without_a_whole_checkpoint_it_is_said(tmp_path: Path):
    train(tmp_path)
    for path in tmp_path.glob("step-*.safetensors"):
        path.unlink()
    with pytest.raises(DataError, match=r"no checkpoint in .* is whole: .*step-00000040.safetensors cannot be read"):
        train(tmp_path, resume=True)


def test_resume_without_checkpoints_begins(tmp_path: Path):
    assert_same(train(tmp_path / "a", resume=True), train(tmp_path / "b"))


def test_a_run_is_not_overwritten(tmp_path: Path):
    train(tmp_path)
    with pytest.raises(OutputError, match=r"holds a run of 40 steps: resume=True"):
        train(tmp_path)


@pytest.mark.parametrize(
    "options, text",
    [
        (dict(net=cr.nn.Linear(5, 3)), "the network: .*BatchNorm.* there, .*Linear.* now"),
        (dict(seed=3), "seed: 2 there, 3 now"),
        (dict(batch_size=11), "batch_size: 10 there, 11 now"),
        (dict(optimizer=cr.optim.SGD(lr=0.02)), "optimizer: Adam.* there, SGD"),
        (dict(data=(X + 1e-9, y)), "the rows to train on: "),
        (dict(loss=cr.nn.CrossEntropy(smoothing=0.1)), "loss: "),
        (dict(validation=None), "the rows to validate on: .* there, None now"),
        (dict(validation=(X[:9], y[:9])), "the rows to validate on: "),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, options, text: str):
    train(tmp_path, epochs=1)
    with pytest.raises(InputError, match=rf"is a checkpoint of another run. {text}"):
        train(tmp_path, resume=True, **options)


def test_another_machine_is_warned_of(tmp_path: Path):
    train(tmp_path, epochs=1)
    path = sorted(tmp_path.glob("step-*.json"))[-1]
    facts = json.loads(path.read_text())["checkpoint"]
    facts["environment"]["versions"]["numpy"] = "1.0"
    facts["environment"]["threads"] = 64
    from chainrule.train.checkpoint import _sealed

    path.write_text(_sealed(facts))
    with pytest.warns(
        CheckpointWarning, match=r"the numbers may differ in their last bits: numpy 1.0, now .*threads 64"
    ):
        train(tmp_path, epochs=2, resume=True)


def test_a_full_disk_costs_no_epoch(tmp_path: Path, monkeypatch):
    """The disk fills up in the second epoch and is free again in the third."""
    real, left = files.os.fsync, {"calls": 0}

    def fsync(fd):
        left["calls"] += 1
        if 12 < left["calls"] < 24:
            raise OSError(28, "No space left on device")
        return real(fd)

    monkeypatch.setattr(files.os, "fsync", fsync)
    with pytest.warns(
        CheckpointWarning, match=r"cannot write the checkpoint of step .*No space left on device; training goes on"
    ):
        run = train(tmp_path / "a")
    monkeypatch.undo()
    assert_same(train(tmp_path / "b"), run)
    assert_same(run, train(tmp_path / "a", resume=True))


def test_a_folder_that_cannot_be_is_said_first(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot make the folder"):
        train(tmp_path / "file")


def test_no_more_is_kept_than_needed(tmp_path: Path):
    train(tmp_path)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert sum(n.startswith("step-") for n in names) == 4
    assert sum(n.startswith("best-") for n in names) <= 2
    assert not [n for n in names if n.endswith(".part")]


class Fails(cr.train.Callback):
    def epoch(self, run):
        if run.epoch == 3:
            raise RuntimeError


def test_a_callback_that_fails_costs_no_epoch(tmp_path: Path):
    with pytest.raises(RuntimeError):
        train(tmp_path / "a", callbacks=[Fails()])
    assert sorted(tmp_path.glob("a/step-*.json"))[-1].name == "step-00000030.json"
    assert_same(train(tmp_path / "b"), train(tmp_path / "a", resume=True))


@pytest.mark.parametrize("engine", ENGINES)
def test_what_ctrl_c_leaves_can_be_used(monkeypatch, engine: str):
    """It comes when XLA has the old values' memory already, and nobody has the new ones."""
    real, calls = Compiled.steps, []

    def steps(self, *args, **options):
        found = real(self, *args, **options)
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(Compiled, "steps", steps)
    with pytest.raises(cr.train.Interrupted) as caught:
        train(engine=engine)
    run = caught.value.run
    monkeypatch.undo()
    assert len(run.history) == 19
    before = cr.fit(everything(), (X, y), optimizer=run.optimizer, epochs=1, batch_size=10, seed=2, engine=engine)
    assert not np.array_equal(run.params["W1"], before.params["W1"]) and np.isfinite(run.scores(X)).all()


def test_files_of_others_stay(tmp_path: Path):
    names = ["best-model.safetensors", "step-by-step.json", "step-5.json", "history-old.safetensors", ".mine.part"]
    for name in names:
        (tmp_path / name).write_text("mine")
    (tmp_path / "best-00000001.safetensors").mkdir()
    train(tmp_path, resume=True)
    assert all((tmp_path / name).read_text() == "mine" for name in names)


def test_a_best_epoch_that_could_not_be_written_is_written_later(tmp_path: Path, monkeypatch):
    """The disk is full just when the best epoch ends."""
    held = [X[:9], (y[:9] + 1) % 3]  # labels that grow worse the more is learnt: the first epoch is the best
    real, left = files.os.fsync, {"calls": 0}

    def fsync(fd):
        left["calls"] += 1
        if left["calls"] <= 1:
            raise OSError(28, "No space left on device")
        return real(fd)

    monkeypatch.setattr(files.os, "fsync", fsync)
    with pytest.warns(CheckpointWarning, match=r"cannot write the checkpoint of step 10"):
        run = train(tmp_path, validation=held, checkpoint_every=None, optimizer=cr.optim.SGD(lr=0.5))
    assert run.history.epoch("val_loss").argmin() == 0
    again = train(tmp_path, validation=held, checkpoint_every=None, optimizer=cr.optim.SGD(lr=0.5), resume=True)
    np.testing.assert_array_equal(again.best.params["W1"], run.best.params["W1"])


def test_a_table_that_was_not_written_is_written_by_the_next_run(tmp_path: Path):
    run = train(tmp_path)
    table = tmp_path / "history.csv"
    table.write_text(table.read_text()[:100])
    train(tmp_path, resume=True)
    assert table.read_text() == run.history.csv()


class Steady(cr.optim.Schedule):
    per = "step"

    def rate(self, k):
        return 0.01

    def formula(self):
        return "0.01"


def test_a_thing_of_ones_own_is_known_again(tmp_path: Path):
    train(tmp_path, optimizer=cr.optim.SGD(lr=Steady()), epochs=1)
    train(tmp_path, optimizer=cr.optim.SGD(lr=Steady()), epochs=2, resume=True)  # another object, at another place


def test_what_stands_behind_a_module_of_ones_own_is_compared(tmp_path: Path):
    def net(width: int):
        return cr.nn.Sequential(Applied(lambda x: x / 2), cr.nn.Linear(5, width), cr.nn.Tanh(), cr.nn.Linear(width, 3))

    train(tmp_path, net=net(4), epochs=1)
    with pytest.raises(InputError, match=r"the network: "):
        train(tmp_path, net=net(6), epochs=2, resume=True)


@dataclass(frozen=True, repr=False)
class Applied(cr.nn.Module):
    """Its repr says where in memory the function is."""

    f: Any
    takes = (5,)

    def build(self, x, here):
        return here.named("H", self.f(x))
