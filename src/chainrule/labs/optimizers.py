"""`chainrule lab optimizers`: SGD, momentum and Nesterov on one small deep network, and the gradients of a deep one.

    result = run(Settings(lr=0.005))
    save(result, "out/optimizers")

All three start from the same weights and see the same minibatches in the same order.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Dataset, check_classification, csv, from_arrays, npz
from ..diagnose import largest_eigenvalue
from ..graph.errors import ChainruleError, DataError
from ..train import Callback, Diverged, Run, fit
from .deep_elu import CLASSES, DEEP, FEATURES, LAYERS, SEED, network, output
from .files import OutputFolder
from .layer_gradients import layer_gradients
from .listener import Listener
from .optimizers_report import html_page
from .optimizers_result import RULES, Result, Settings, Training, facts, gradients_csv, rule
from .settings import SettingError

FILES = ("report.html", *(f"history-{key}.csv" for key in RULES), "gradients.csv")
MADE_ROWS, MADE_TEST = 1500, 450


def load(settings: Settings) -> Dataset:
    """The data in float64, each feature with mean 0 and variance 1 on the training rows; no validation rows.

    Without a file of one's own: 1,500 rows of 5 features in 3 classes, 1,050 to train on and 450 to test with, always
    the same, from scikit-learn's make_classification with seed 42. Of a file 30 % are test rows, unless an .npz has
    its own.

    Raises DataError for data that cannot be right, SettingError for minibatches larger than they are.
    """
    data = _made() if settings.data is None else _read(settings.data, settings.seed)
    check(settings, data)
    return data


def _read(path: str, seed: int) -> Dataset:
    options: dict[str, Any] = {
        "regression": False, "validation": 0, "test": 0.3, "seed": seed, "standardize": True, "dtype": np.float64,
    }  # fmt: skip
    return (csv if path.lower().endswith(".csv") else npz)(path, **options)


def _made() -> Dataset:
    from sklearn.datasets import make_classification

    X, y = make_classification(
        MADE_ROWS, n_features=FEATURES, n_informative=FEATURES, n_redundant=0, n_classes=CLASSES,
        n_clusters_per_class=2, class_sep=1.5, flip_y=0.0, random_state=SEED,
    )  # fmt: skip
    source = (
        "made by sklearn.datasets.make_classification(1500, n_features=5, n_informative=5, n_redundant=0, n_classes=3, "
        "n_clusters_per_class=2, class_sep=1.5, flip_y=0.0, random_state=42)"
    )
    return from_arrays(
        X, np.asarray(y, np.int64), validation=0, test=MADE_TEST, name="made data", classes=CLASSES, standardize=True,
        source=source, dtype=np.float64,
    )  # fmt: skip


def check(settings: Settings, data: Dataset) -> None:
    """Raises DataError, SettingError: as `load`."""
    for name in ("train", "test"):
        X, y = getattr(data, name)
        check_classification(X, y, data.classes, f"{data.name}, {name}")
    if data.classes < 2:
        raise DataError(f"{data.name} has one class; there is nothing to tell apart")
    if settings.batch_size > data.train.rows:
        raise SettingError(
            "batch_size", f"is {settings.batch_size:,}, and there are {data.train.rows:,} rows to train on"
        )


def run(settings: Settings, data: Dataset | None = None, listener: Listener | None = None) -> Result:
    """Train with each rule, L = 5 and L = 30, and measure. Nothing is written.

    data       as `load` answers it; loaded where it is not given
    listener   is told how it goes

    Raises DataError and SettingError as `load`, ChainruleError where a training leaves the finite numbers.
    """
    begun = time.perf_counter()
    listener = listener or Listener()
    data = load(settings) if data is None else data
    check(settings, data)
    trainings = {key: _train(settings, LAYERS, key, data, listener) for key in RULES}
    deep = {key: _train(settings, DEEP, key, data, listener) for key in RULES}
    listener.stage(f"measuring the gradients of {DEEP} layers")
    net = network(DEEP, data.train.X.shape[1], data.classes, settings.seed)
    at_start = layer_gradients(net, deep["sgd"].start, *data.train)
    after = {key: layer_gradients(net, t.params, *data.train) for key, t in deep.items()}
    x5, x6 = output(LAYERS, settings.seed), output(LAYERS + 1, settings.seed)
    return Result(settings, data, x5, x6, trainings, deep, at_start, after, time.perf_counter() - begun)


def _train(settings: Settings, layers: int, key: str, data: Dataset, listener: Listener) -> Training:
    net = network(layers, data.train.X.shape[1], data.classes, settings.seed)
    start, title = net.initial(), RULES[key]
    listener.stage(f"L = {layers}, {title}: {settings.epochs} epochs")
    watch = _Watch(data, listener)
    begun = time.perf_counter()
    try:
        run = fit(
            net, data.train, loss="cross_entropy", optimizer=rule(key, settings.lr), epochs=settings.epochs,
            batch_size=settings.batch_size, seed=settings.seed, engine=settings.engine, dtype="float64", params=start,
            norms_every=1 if layers == LAYERS else 10, callbacks=[watch], progress=False,
        )  # fmt: skip
    except Diverged as why:
        raise ChainruleError(
            f"L = {layers}, {title}: training left the finite numbers at step {why.step:,} (epoch {why.epoch}), first "
            f"in {why.layer}. All three rules have the learning rate {settings.lr:g}; try --lr {settings.lr / 10:g}"
        ) from why
    params = {k: np.asarray(a, np.float64) for k, a in run.params.items()}
    X, y = data.train
    curvature = largest_eigenvalue(net.loss_graph(), {**params, "X": X, "y": y}, tolerance=1e-3, products=100).value
    return Training(
        key, title, settings.lr, layers, run.history, start, params, watch.epochs, curvature,
        time.perf_counter() - begun,
    )  # fmt: skip


class _Watch(Callback):
    """Evaluates train and test rows before the first epoch and after each."""

    def __init__(self, data: Dataset, listener: Listener):
        self.data, self.listener = data, listener
        self.epochs: list[dict[str, float]] = []

    def begin(self, run: Run) -> None:
        self.listener.begin(run)
        self._score(run)

    def advance(self, run: Run, steps: int) -> None:
        self.listener.advance(run, steps)

    def epoch(self, run: Run) -> None:
        self._score(run)

    def _score(self, run: Run) -> None:
        row: dict[str, float] = {"epoch": len(self.epochs)}
        for name in ("train", "test"):
            found = run.evaluate(getattr(self.data, name))
            row |= {f"{name}_{k}": float(found[k]) for k in ("loss", "accuracy")}
        self.epochs.append(row)


def save(result: Result, out: str | Path | OutputFolder) -> dict[str, Path]:
    """Write report.html, history-sgd.csv, history-momentum.csv, history-nesterov.csv and gradients.csv into the folder
    `out`, all or none: {name: path}.

    The histories are those of L = 5, a row for each step, with the norms of each parameter, its gradient and its
    change; gradients.csv has ‖∇_{W_l} ℓ‖ for each layer of L = 30, at the start and after each training.
    """
    if not isinstance(out, OutputFolder):
        with OutputFolder(out, FILES) as folder:
            return save(result, folder)
    histories = [t.history.csv() for t in result.trainings.values()]
    return out.write(dict(zip(FILES, [html_page(result), *histories, gradients_csv(result)])))


__all__ = ["FILES", "Result", "SettingError", "Settings", "Training", "facts", "load", "run", "save"]
