"""`cr.fit`: a network, data, a loss and an update rule; a run that can be trusted, watched and resumed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..data.dataset import Dataset, Split
from ..graph.errors import GraphError, InputError
from ..graph.spelling import plural
from ..nn.criteria import loss_named
from ..nn.module import Module
from ..optim.rule import Rule
from ..optim.sgd import SGD
from .callbacks import Callback
from .environment import blas_threads, limited
from .errors import Interrupted
from .given import check_batches, checked, hidden_entries, precision, splits, weights_of
from .keeper import Keeper
from .nonfinite import diverged
from .progress import Bar, shown
from .run import Run
from .settings import Settings
from .training import NotFinite, Training

USUAL = SGD(lr=0.1)


def fit(
    net: Module, data: Dataset | tuple[Any, Any], loss: Any = "cross_entropy", optimizer: Rule = USUAL, *,
    epochs: int = 10, batch_size: int = 32, seed: int = 0, engine: str = "numpy", dtype: str | None = None,
    validation: tuple[Any, Any] | None = None, sample_weight: Any = None, drop_last: bool = False,
    norms_every: int = 10, callbacks: Sequence[Callback] = (), out: str | os.PathLike[str] | None = None,
    resume: bool = False, checkpoint_every: int | None = None, params: Mapping[str, Any] | None = None,
    progress: bool | None = None,
) -> Run:  # fmt: skip
    """Train a network: minibatches of a new order in each epoch, and one compiled program for a step.

    net               layers, `cr.nn`
    data              a Dataset of `cr.data`, of which train and validation are used; or (X, y), X (rows, …)
    loss              as in `Module.loss_graph`: "cross_entropy", "squared_error", …, a `Loss`, or a function of nodes
    optimizer         an update rule of `cr.optim`, with its schedule, penalties and clipping
    epochs            passes over the rows
    batch_size        rows of a minibatch; the last one of an epoch holds what is left, or is left out with `drop_last`
    seed              decides first parameters, order of rows, and dropout's noise: permutation = f(seed, epoch)
    engine, dtype     "numpy" or "xla"; "float32" or "float64", by default that of X (integers: float32)
    validation        (X, y) to judge by after each epoch, where `data` is a pair
    sample_weight     (rows,): the loss is Σ wᵢ ℓᵢ / Σ wᵢ over a minibatch; rows of weight 0 are left out
    norms_every       norms of gradients, weights and updates are recorded at the first step of each call of many steps,
                      and from there so many steps apart; 1: at each step, which costs about 15 % of a small network's
                      time
    callbacks         of `cr.train.Callback`: `EarlyStopping`, `TensorBoard`, one's own
    out               a folder for checkpoints, after each epoch, and for history.csv
    resume            go on from the last checkpoint in `out`; if there is none, begin. `epochs` may be others than
                      before; where as many are done already, nothing is trained
    checkpoint_every  checkpoints after so many steps within each epoch, too
    params            parameters to start from, in place of ``net.initial(seed)``
    progress          a bar on stderr; by default if that is a terminal

    The same seed on the same engine and machine gives the same run, bit for bit, also when it was killed at any moment
    and resumed (parameters, state of the update rule and of batch normalisation, order, noise and history). What makes
    the bits differ, other versions, another machine or number of threads, is warned of.

    Accuracies and losses of training are means over the minibatches as they came, each before its update; PyTorch
    Lightning's and Keras' too. `val_loss` and `val_accuracy` are computed after the epoch in evaluation mode.

    Raises DataError, InputError, GraphError, before the first step, for what does not fit; `cr.train.Diverged` where a
    number is not finite, with the step, the layer and the operation; OutputError where `out` cannot be written to at
    the start. A checkpoint that cannot be written later (a full disk) is warned of, and training goes on: the one
    before stays. Ctrl-C raises `cr.train.Interrupted`, with the run so far.

    >>> import chainrule as cr
    >>> net = cr.nn.Sequential(cr.nn.Linear(64, 32), cr.nn.ReLU(), cr.nn.Linear(32, 10))
    >>> run = cr.fit(net, cr.data.digits(), optimizer=cr.optim.SGD(lr=0.1, momentum=0.9), epochs=5)
    >>> run.evaluate(cr.data.digits().test)["accuracy"] > 0.9
    True
    >>> sorted(run.history.epochs[-1])
    ['accuracy', 'epoch', 'loss', 'lr', 'seconds', 'step', 'val_accuracy', 'val_loss']
    """
    chosen = loss_named(loss)
    _check_callbacks(callbacks)
    if not isinstance(net, Module):
        raise GraphError(f"cr.fit trains a network of cr.nn, such as cr.nn.Sequential(…), not {net!r}")
    dataset = data if isinstance(data, Dataset) else None
    given = splits(data, validation)
    kind = precision(given["train"].X, dtype)
    if out is not None and not isinstance(out, (str, os.PathLike)):
        raise InputError(f"out is the path of a folder, not {out!r}")
    folder = None if out is None else Path(out)
    settings = Settings(
        optimizer, epochs, batch_size, seed, engine, kind, drop_last, norms_every, folder, checkpoint_every
    )
    graph = net.graph()
    ready = {name: checked(net, graph.output, chosen, split, kind, name) for name, split in given.items()}
    train = ready["train"]
    weights = None if sample_weight is None else weights_of(sample_weight, train.rows, kind)
    if weights is not None and not weights.all():
        train, weights = Split(train.X[weights > 0], train.y[weights > 0]), weights[weights > 0]
    if settings.batch_size > train.rows:
        raise InputError(f"batch_size is {batch_size:,}, and there are {plural(train.rows, 'row')} to train on")
    check_batches(net, batch_size, train.rows, drop_last)
    threads = blas_threads(engine, hidden_entries(graph, batch_size))
    with limited(threads):
        training = Training(net, chosen, train, ready.get("validation"), settings, params, weights)
        run = Run(training, dataset)
        keeper = None if folder is None else Keeper(folder, run, training, train, weights, threads)
        if keeper is not None:
            keeper.begin(resume, callbacks)
        elif resume:
            raise InputError("resume goes on from the checkpoints in a folder: say which, out=…")
        _train(run, training, keeper, [*callbacks, *([Bar()] if shown(progress) else [])])
    return run


def _check_callbacks(callbacks: Any) -> None:
    if not isinstance(callbacks, (list, tuple)):
        raise GraphError(f"callbacks is a list of them, not {callbacks!r}")
    for c in callbacks:
        if not isinstance(c, Callback):
            raise GraphError(f"a callback is of cr.train.Callback, such as cr.train.EarlyStopping(), not {c!r}")


def _train(run: Run, training: Training, keeper: Keeper | None, callbacks: Sequence[Callback]) -> None:
    with ExitStack() as ending:  # each that has begun is ended, whatever another one raises
        try:
            for c in callbacks:
                c.begin(run)
                ending.callback(c.end, run)
            while run.epoch < run.epochs and run.stopped is None:
                _epoch(run, training, keeper, callbacks)
        except NotFinite as found:
            raise diverged(run, training, found) from None
        except KeyboardInterrupt:
            raise Interrupted(_interrupted(run, keeper), run) from None


def _epoch(run: Run, training: Training, keeper: Keeper | None, callbacks: Sequence[Callback]) -> None:
    for call in training.calls():
        training.run(call)
        for c in callbacks:
            c.advance(run, call.stop - call.start)
        if keeper is not None and call.checkpoint and call.stop < run.steps_per_epoch:
            keeper.save()
    training.end_epoch()
    try:
        stops = [c for c in callbacks if c.epoch(run)]
        if stops:
            run.stopped = f"{stops[0]!r} after epoch {run.epoch}"
    finally:  # with what they decided; and where one fails, the epoch is not lost
        if keeper is not None:
            keeper.save()


def _interrupted(run: Run, keeper: Keeper | None) -> str:
    where = f"interrupted in epoch {min(run.epoch + 1, run.epochs)}, after {plural(len(run.history), 'step')}"
    if keeper is None:
        return f"{where}; without out= nothing was kept on disk, and the run so far is in the exception's .run"
    steps = keeper.checkpoints.steps()
    if not steps:
        return f"{where}, before the first checkpoint"
    return f"{where}; {keeper.checkpoints.folder} holds step {steps[0]:,}: resume=True goes on from there"


__all__ = ["fit"]
