"""`chainrule lab mlp`: a network with one hidden layer on real images, from the equations to the test accuracy.

    result = run(Settings(data="digits", hidden=64))
    save(result, "out/mlp")

Gradients are checked before training starts; training runs many steps in each call of the compiled program.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset, Split, check_classification, digits, fashion_mnist, mnist
from ..face.check_report import GradientReport
from ..face.checks import check_gradients
from ..face.compiled import Compiled, compile
from ..face.derivation import Derivation, derive
from ..face.graph import Graph
from ..graph.errors import ChainruleError, DataError, InternalError
from .files import OutputFolder
from .history import History, params_file
from .listener import EpochReport, Listener
from .network import PARAMETERS, evaluation_graph, first_parameters, loss_graph, step_graph
from .report import html_page
from .result import Result, Score, facts
from .settings import RECIPES, SettingError, Settings

FILES = ("report.html", "history.csv", "params.safetensors")
CHECKED_ROWS = 16
EVALUATED_ROWS = 10_000
CALL_STEPS = 100  # about so many steps run in one call, between two moves of the progress bar
SMALL_PRODUCT = 100_000  # entries of a hidden layer's minibatch
SHOWN = 30  # examples and mistakes kept for the report


class Diverged(ChainruleError):
    """Training left the finite numbers."""

    def __init__(self, step: int, epoch: int, loss: float, lr: float, smaller: float):
        super().__init__(
            f"the loss became {loss:g} at step {step:,} (epoch {epoch}): training diverges with a learning rate of "
            f"{lr:g}. Try a smaller one, for example --lr {smaller:g}"
        )
        self.step, self.epoch, self.lr = step, epoch, lr


def load(settings: Settings, listener: Listener) -> Dataset:
    """The data set that the settings name."""
    if settings.data == "digits":
        return digits(settings.seed)
    published = mnist if settings.data == "mnist" else fashion_mnist
    return published(settings.data_dir, seed=settings.seed, progress=listener.download)


def run(settings: Settings, data: Dataset | None = None, listener: Listener | None = None) -> Result:
    """Load, derive, check, train and evaluate. Nothing is written.

    data       instead of the data set that the settings name
    listener   is told how it goes

    Raises SettingError, DataError for data that cannot be right, Diverged where training leaves the finite numbers.
    """
    with threads_for(settings):
        return _run(settings, data, listener or Listener())


def _run(settings: Settings, data: Dataset | None, listener: Listener) -> Result:
    clock = _Clock()
    with clock("load"):
        listener.stage(f"reading {settings.data if data is None else data.name}")
        data = load(settings, listener) if data is None else data
        _check_data(settings, data)
    about = {
        "name": data.name, "source": data.source, "classes": data.classes, "class_names": data.class_names,
        "image_shape": data.image_shape, "features": data.train.X.shape[1],
        "rows": {"train": data.train.rows, "validation": data.validation.rows, "test": data.test.rows},
    }  # fmt: skip
    examples, y, sizes = Split(*(a[:SHOWN].copy() for a in data.train)), data.test.y, sizes_of(settings, data)
    graph = loss_graph(settings.activation)
    derivation = derive(graph, wrt=PARAMETERS)
    params = first_parameters(settings, sizes["d"], sizes["c"])
    with clock("check"):
        listener.stage("checking the gradients")
        check = check_first(derivation, settings, data, params)
    listener.stage(f"training on {data.train.rows:,} images with {settings.engine}")
    training = _Training(settings, graph, data, params, listener, clock)
    del data  # the images are where the engine computes, and one copy is enough
    with clock("train"):
        training.run()
    with clock("evaluate"):
        scores, predicted, lead = training.final()
    wrong = np.flatnonzero(predicted != y)
    wrong = wrong[np.argsort(-lead[wrong], kind="stable")][:SHOWN]
    confusion = np.zeros((sizes["c"], sizes["c"]), np.int64)
    np.add.at(confusion, (y, predicted), 1)
    return Result(
        settings=settings, data=about, graph=graph, derivation=derivation, step=training.graph,
        source=training.program.source, sizes=sizes, check=check, history=training.history,
        params={k: np.ascontiguousarray(training.params[k], np.float32) for k in PARAMETERS},
        scores=scores, confusion=confusion, examples=examples, seconds=clock.seconds,
        mistakes=(np.asarray(training.splits["test"].X)[wrong], y[wrong], predicted[wrong]),
    )  # fmt: skip


@contextmanager
def threads_for(settings: Settings) -> Iterator[None]:
    """One thread for NumPy's matrix products where they are small, as here by default.

    Measured on two cores: a step 784-64-10 on 64 images takes 0.58 ms with one thread, and 2.6 to 6 ms with two when
    another program runs, because they wait for each other. XLA has threads of its own.
    """
    from threadpoolctl import threadpool_limits

    assert settings.batch_size is not None
    small = settings.batch_size * settings.hidden < SMALL_PRODUCT
    with threadpool_limits(1 if small else None, user_api="blas"):
        yield


def save(result: Result, out: str | Path | OutputFolder) -> dict[str, Path]:
    """Write report.html, history.csv and params.safetensors into the folder `out`, all or none: {name: path}.

    history.csv has a row for each step: epoch, step, lr, loss and accuracy on the minibatch before its update, the norm
    of each gradient, and, in an epoch's last row, val_loss and val_accuracy. With pandas,
    ``h = pd.read_csv(...); h.groupby("epoch").loss.mean()`` are the epochs' means, and ``h.dropna()`` the epochs' ends.
    """
    if not isinstance(out, OutputFolder):
        with OutputFolder(out, FILES) as folder:
            return save(result, folder)
    contents = (html_page(result), result.history.csv(), params_file(result.params, facts(result)))
    return out.write(dict(zip(FILES, contents)))


def sizes_of(settings: Settings, data: Dataset) -> dict[str, int]:
    assert settings.batch_size is not None
    return {"n": settings.batch_size, "d": data.train.X.shape[1], "h": settings.hidden, "c": data.classes}


def check_first(
    derivation: Derivation, settings: Settings, data: Dataset, params: dict[str, NDArray[Any]]
) -> GradientReport:
    """The gradients in float64 at the first parameters and at the first rows of the data, before they are trusted."""
    rows = slice(0, CHECKED_ROWS)
    at = {"X": data.train.X[rows], "y": data.train.y[rows], **params, "reg": settings.reg}
    report = check_gradients(derivation, at=at, seed=settings.seed % 2**32)
    if not report.ok:
        raise InternalError(f"the gradients disagree with finite differences, so nothing was trained.\n{report}")
    return report


def _check_data(settings: Settings, data: Dataset) -> None:
    for name in ("train", "validation", "test"):
        X, y = getattr(data, name)
        check_classification(X, y, data.classes, f"{data.name}, {name}")
    if data.classes < 2:
        raise DataError(f"{data.name} has one class; there is nothing to tell apart")
    assert settings.batch_size is not None
    if settings.batch_size > data.train.rows:
        raise SettingError(
            "batch_size", f"is {settings.batch_size:,}, and there are {data.train.rows:,} rows to train on"
        )


class _Training:
    """The loop: an epoch is a permutation of the rows in minibatches; rows that do not fill one are left out."""

    def __init__(
        self, settings: Settings, graph: Graph, data: Dataset, params: dict[str, Any], listener: Listener, clock: _Clock
    ):
        assert settings.engine and settings.batch_size and settings.epochs and settings.lr
        self.settings, self.listener, self.clock, self.params = settings, listener, clock, params
        self.epochs, self.batch, self.lr = settings.epochs, settings.batch_size, settings.lr
        self.graph = step_graph(graph)
        self.program: Compiled = compile(self.graph, settings.engine, "float32")
        self.evaluate: Compiled = compile(evaluation_graph(graph), settings.engine, "float32")
        self.reg = np.float32(settings.reg)
        self.splits = {k: Split(*map(self.program.place, getattr(data, k))) for k in ("train", "validation", "test")}
        self.steps = data.train.rows // self.batch
        self.history = History(self.program.output_names)

    def run(self) -> None:
        self.listener.begin(self.epochs * self.steps)
        for epoch in range(1, self.epochs + 1):
            self._epoch(epoch)

    def _epoch(self, epoch: int) -> None:
        begun = time.perf_counter()
        lr = self.lr * self.settings.lr_decay ** (epoch - 1)
        X, y = self.splits["train"]
        order = np.random.default_rng((self.settings.seed, epoch)).permutation(len(y))[: self.steps * self.batch]
        for rows in np.array_split(order.reshape(self.steps, self.batch), _calls(self.steps)):
            called = time.perf_counter()
            self.params, records = self.program.steps(
                self.params, {"X": X, "y": y}, rows, reg=self.reg, lr=np.float32(lr)
            )
            self.clock.call(len(rows), time.perf_counter() - called)
            before = len(self.history)
            loss = records["L"]
            if not np.isfinite(loss).all():
                bad = int(np.argmin(np.isfinite(loss)))
                raise self._diverged(before + bad + 1, epoch, float(loss[bad]), lr)
            self.history.add(epoch, lr, records)
            self.listener.advance(len(rows), float(loss[-1]))
        val_loss, val_accuracy, *_ = self._score("validation")
        if not math.isfinite(val_loss):
            raise self._diverged(len(self.history), epoch, val_loss, lr)
        self.history.end_epoch(val_loss, val_accuracy)
        last = self.history.epochs[-1]
        self.listener.epoch(
            EpochReport(
                epoch,
                self.epochs,
                lr,
                last["loss"],
                last["accuracy"],
                val_loss,
                val_accuracy,
                time.perf_counter() - begun,
            )
        )

    def _diverged(self, step: int, epoch: int, loss: float, lr: float) -> Diverged:
        usual, asked = RECIPES[self.settings.data].lr, self.lr
        return Diverged(step, epoch, loss, lr, min(asked / 10, usual))

    def final(self) -> tuple[dict[str, Score], NDArray[np.int64], NDArray[Any]]:
        """The score on each split; for the test rows the classes predicted, and by how much the logit leads."""
        scores, predicted, lead = {}, np.zeros(0, np.int64), np.zeros(0)
        for name, split in self.splits.items():
            loss, accuracy, predicted, lead = self._score(name)
            scores[name] = Score(loss, accuracy, len(split.y))
        return scores, predicted, lead

    def _score(self, name: str) -> tuple[float, float, NDArray[np.int64], NDArray[Any]]:
        X, y = self.splits[name]
        losses, predicted, lead = [], [], []
        for start in range(0, len(y), EVALUATED_ROWS):
            rows = slice(start, start + EVALUATED_ROWS)
            part_y = y[rows]
            loss, S = self.evaluate(X=X[rows], y=part_y, **self.params, reg=self.reg)
            S = np.asarray(S)
            losses.append((float(loss), len(part_y)))
            predicted.append(S.argmax(axis=1))
            two = np.partition(S, -2, axis=1)[:, -2:]
            lead.append(two[:, 1] - two[:, 0])
        found = np.concatenate(predicted)
        loss = sum(value * count for value, count in losses) / len(found)
        return loss, float(np.mean(found == np.asarray(y))), found, np.concatenate(lead)


def _calls(steps: int) -> int:
    """How many calls an epoch is cut into: near steps/100, and a divisor of `steps` if there is one near, for then all
    calls have one shape and XLA compiles once."""
    about = max(1, round(steps / CALL_STEPS))
    near = [k for k in range(max(1, about // 2), 2 * about + 1) if steps % k == 0]
    return min(near, key=lambda k: abs(k - about), default=about)


class _Clock:
    """Seconds by name; `step` is the time of one step once everything is compiled."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._calls: list[tuple[int, float]] = []
        self._begun = time.perf_counter()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        now = time.perf_counter()
        self.seconds |= {name: now - begun, "total": now - self._begun}

    def call(self, steps: int, seconds: float) -> None:
        self._calls.append((steps, seconds))
        per_step = [s / n for n, s in self._calls]
        self.seconds["step"] = float(np.median(per_step))


__all__ = ["FILES", "Diverged", "Result", "Score", "SettingError", "Settings", "facts", "run", "save"]
