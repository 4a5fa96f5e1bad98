"""`chainrule lab mlp`: a network with one hidden layer on real images, from the equations to the test accuracy.

    result = run(Settings(data="digits", hidden=64))
    save(result, "out/mlp")

Gradients are checked before training starts; `cr.fit` trains.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset, check_dataset, digits, fashion_mnist, mnist
from ..face.check_report import GradientReport
from ..face.checks import check_gradients
from ..face.derivation import Derivation
from ..graph.errors import DataError, InternalError
from ..train import Run, fit
from ..train.saved import metadata, packed
from .course import PUBLISHED
from .files import OutputFolder
from .listener import Listener
from .network import PARAMETERS, network, rule
from .report import html_page
from .result import Result, Score, facts
from .settings import SettingError, Settings

FILES = ("report.html", "history.csv", "params.safetensors")
CHECKED_ROWS = 16
SHOWN = 30  # mistakes kept for the report


def load(settings: Settings, listener: Listener | None = None) -> Dataset:
    """The data set that the settings name. Raises DataError."""
    if settings.data == "digits":
        return digits(settings.seed)
    published = mnist if settings.data == "mnist" else fashion_mnist
    options: dict[str, Any] = {"seed": settings.seed}
    if settings.recipe.raw:  # the course's own permutation, whatever the seed of the weights
        options = {"split": "course", "seed": 0, "scale": "raw", "center": True}
    return published(settings.data_dir, progress=(listener or Listener()).download, **options)


def run(settings: Settings, data: Dataset | None = None, listener: Listener | None = None) -> Result:
    """Load, derive, check, train and evaluate. Nothing is written.

    data       instead of the data set that the settings name
    listener   is told how it goes

    Raises SettingError, DataError for data that cannot be right, `cr.train.Diverged` where training leaves the finite
    numbers.
    """
    listener, clock, recipe = listener or Listener(), _Clock(), settings.recipe
    with clock("load"):
        if data is None:
            listener.stage(f"reading {settings.data}")
            data = load(settings, listener)
        _check_data(settings, data)
    sizes = {"n": recipe.batch_size, "d": data.train.X.shape[1], "h": recipe.hidden, "c": data.classes}
    net, update = network(recipe, sizes["d"], sizes["h"], sizes["c"]), rule(recipe)
    derivation = network(recipe).derive(penalty=update.penalties)
    with clock("check"):
        listener.stage("checking the gradients")
        params = net.initial(settings.seed)
        check = check_first(derivation, settings, data, params)
    listener.stage(f"training on {data.train.rows:,} images with {recipe.engine}")
    with clock("train"):
        trained = fit(
            net, data, loss="cross_entropy", optimizer=update, epochs=recipe.epochs, batch_size=recipe.batch_size,
            seed=settings.seed, engine=recipe.engine, callbacks=[listener], progress=False,
        )  # fmt: skip
    clock.seconds["step"] = float(np.median(trained.history.epoch("seconds"))) / trained.steps_per_epoch
    with clock("evaluate"):
        scores, confusion, mistakes = _judged(trained, data)
    return Result(settings, trained, data, derivation, sizes, check, scores, confusion, mistakes, clock.seconds)


def run_all(settings: Settings, data: Dataset | None = None, listener: Listener | None = None) -> list[Result]:
    """As `run`, one after the other, of the networks that are asked for: the preset without an activation asks for all
    of its networks, the one that is shown first last. Otherwise there is one."""
    if settings.preset is None or settings.activation is not None:
        return [run(settings, data, listener)]
    if data is None:
        (listener or Listener()).stage(f"reading {settings.data}")
        data = load(settings, listener)
    return [run(replace(settings, activation=name), data, listener) for name in PUBLISHED]


def files(settings: Settings) -> tuple[str, ...]:
    """The names of the files that `save` writes."""
    if settings.preset is None or settings.activation is not None:
        return FILES
    *others, _ = PUBLISHED
    return (*FILES, *(_named(file, name) for name in others for file in FILES))


def save(results: Result | list[Result], out: str | Path | OutputFolder) -> dict[str, Path]:
    """Write report.html, history.csv and params.safetensors into the folder `out`, all or none: {name: path}.

    Of several results the last has these names, and of the others the activation is in the name: report-sigmoid.html.

    history.csv has a row for each step: see `cr.train.History`. With pandas, ``h = pd.read_csv(...)``,
    ``h.groupby("epoch").loss.mean()`` are the epochs' means. ``cr.load("params.safetensors")`` answers the network.
    """
    found = results if isinstance(results, list) else [results]
    *others, last = found
    names = (*FILES, *(_named(file, r.settings.recipe.activation) for r in others for file in FILES))
    if not isinstance(out, OutputFolder):
        with OutputFolder(out, names) as folder:
            return save(found, folder)
    contents = [
        content
        for r in (last, *others)
        for content in (html_page(r, found), r.run.history.csv(), packed(r.run.params, metadata(r.run.net, r.run.loss)))
    ]
    return out.write(dict(zip(names, contents)))


def _named(file: str, activation: str) -> str:
    stem, _, ending = file.partition(".")
    return f"{stem}-{activation}.{ending}"


def check_first(
    derivation: Derivation, settings: Settings, data: Dataset, params: dict[str, NDArray[Any]]
) -> GradientReport:
    """The gradients in float64 at the first parameters and at the first rows of the data, before they are trusted.

    Raw pixels are divided by 255: at 0 … 255 nearly every sigmoid is flat, and a gradient of 0 is easily right.
    """
    rows, scale = slice(0, CHECKED_ROWS), 255.0 if settings.recipe.raw else 1.0
    at = {"X": data.train.X[rows].astype(np.float64) / scale, "y": data.train.y[rows], **params}
    report = check_gradients(derivation, at=at, seed=settings.seed)
    if not report.ok:
        raise InternalError(f"the gradients disagree with finite differences, so nothing was trained.\n{report}")
    return report


def _check_data(settings: Settings, data: Dataset) -> None:
    check_dataset(data)
    if data.classes < 2:
        raise DataError(f"{data.name} has one class; there is nothing to tell apart")
    if settings.recipe.batch_size > data.train.rows:
        raise SettingError(
            "batch_size", f"is {settings.recipe.batch_size:,}, and there are {data.train.rows:,} rows to train on"
        )


def _judged(trained: Run, data: Dataset) -> tuple[dict[str, Score], NDArray[np.int64], tuple[Any, Any, Any]]:
    """The score on each split; of the test rows the confusion matrix, and those that are wrong, the surest first."""
    scores = {}
    for name in ("train", "validation", "test"):
        split = getattr(data, name)
        found = trained.evaluate(split)
        scores[name] = Score(found["loss"], found["accuracy"], split.rows)
    X, y = data.test
    S = trained.scores(X)
    predicted, two = S.argmax(axis=1), np.partition(S, -2, axis=1)[:, -2:]
    confusion = np.zeros((data.classes, data.classes), np.int64)
    np.add.at(confusion, (y, predicted), 1)
    wrong = np.flatnonzero(predicted != y)
    wrong = wrong[np.argsort(-(two[:, 1] - two[:, 0])[wrong], kind="stable")][:SHOWN]
    return scores, confusion, (X[wrong], y[wrong], predicted[wrong])


class _Clock:
    """Seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._begun = time.perf_counter()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        now = time.perf_counter()
        self.seconds |= {name: now - begun, "total": now - self._begun}


__all__ = ["FILES", "PARAMETERS", "Result", "Score", "SettingError", "Settings", "facts", "files", "load", "run",
           "run_all", "save"]  # fmt: skip
