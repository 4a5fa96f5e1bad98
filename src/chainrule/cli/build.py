"""What the settings of `chainrule train` stand for: data, network, loss and update rule."""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import Any

from .. import nn, optim
from ..data import Dataset, csv, digits, fashion_mnist, mnist, npz
from ..graph.errors import DataError
from ..labs.listener import Listener
from .config import Config, flagged, wrong

_LAYERS: dict[str, nn.Activation] = {
    "relu": nn.ReLU(), "leaky_relu": nn.LeakyReLU(), "elu": nn.ELU(), "gelu": nn.GELU(), "silu": nn.SiLU(),
    "softplus": nn.Softplus(), "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(),
}  # fmt: skip
_RULES: dict[str, type[optim.Rule]] = {
    "sgd": optim.SGD, "adagrad": optim.AdaGrad, "rmsprop": optim.RMSProp, "adam": optim.Adam, "adamw": optim.AdamW,
}  # fmt: skip
_OF_VALUES = ("squared_error", "absolute_error", "huber")


_IN_OPTIONS = {
    "regression=True": "--regression", "regression=False": "--classes", "data_dir= ": "--data-dir ",
    "data_dir=": "--data-dir ",
}


def dataset(c: Config, listener: Listener) -> Dataset:
    """The data, split by the seed. Raises DataError, and BadParameter for a loss that it does not go with."""
    try:
        data = _read(c, listener)
    except DataError as error:
        text = str(error)
        for python, option in _IN_OPTIONS.items():
            text = text.replace(python, option)
        raise DataError(text) from None
    _check_loss(c, data)
    if c.batch_size > data.train.rows:
        raise wrong(
            flagged("batch_size"), f"it is {c.batch_size:,}, and {data.name} has {data.train.rows:,} rows to train on"
        )
    return data


def _read(c: Config, listener: Listener) -> Dataset:
    if c.data == "digits":
        return digits(c.seed, dtype=c.dtype)
    if not c.is_file:
        published = mnist if c.data == "mnist" else fashion_mnist
        return published(c.data_dir, seed=c.seed, dtype=c.dtype, progress=listener.download)
    regression = True if c.regression is None and c.loss in _OF_VALUES else c.regression
    options: dict[str, Any] = {
        "regression": regression, "seed": c.seed, "standardize": bool(c.standardize), "dtype": c.dtype,
    }  # fmt: skip
    if c.data.lower().endswith(".csv"):
        return csv(c.data, -1 if c.target is None else c.target, **options)
    return npz(c.data, **options)


def _check_loss(c: Config, data: Dataset) -> None:
    if c.loss in _OF_VALUES and not data.regression:
        raise wrong(flagged("loss"), f"{c.loss} is of values, and {data.name} has {data.classes} classes")
    if c.loss not in (None, *_OF_VALUES) and data.regression:
        raise wrong(flagged("loss"), f"{c.loss} is of classes, and {data.name} has values to predict")
    if c.loss == "binary_cross_entropy" and data.classes != 2:
        raise wrong(flagged("loss"), f"{c.loss} tells two classes apart, and {data.name} has {data.classes}")


def loss_of(c: Config, data: Dataset) -> str:
    """The loss, or the one that is usual for such data."""
    return c.loss or ("squared_error" if data.regression else "cross_entropy")


def network(c: Config, data: Dataset, own: Any = None) -> nn.Module:
    """The layers that were asked for, or one's own network: a module, or a function that answers one."""
    if c.net is not None:
        return _own(c.net, own)
    shape = data.train.X.shape[1:]
    outputs = data.train.y.shape[-1] if data.regression else 1 if c.loss == "binary_cross_entropy" else data.classes
    layers: list[nn.Module] = [nn.Flatten(*shape)] if len(shape) > 1 else []
    width = math.prod(shape)
    for size in c.hidden or ():
        layers += [nn.Linear(width, size), _LAYERS[c.activation or "relu"]]
        layers += [nn.Dropout(c.dropout)] if c.dropout else []
        width = size
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def _own(target: str, found: Any) -> nn.Module:
    if isinstance(found, type) and issubclass(found, nn.Module):
        raise wrong(flagged("net"), f"{target} is a class; name a network made of it, or a function that answers one")
    if not isinstance(found, nn.Module) and callable(found):
        parameters = inspect.signature(found).parameters.values()
        free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        needed = [p.name for p in parameters if p.default is p.empty and p.kind not in free]
        if needed:
            raise wrong(
                flagged("net"),
                f"{target} is called without arguments, and it needs {', '.join(needed)}: give them defaults",
            )
        found = found()
    if not isinstance(found, nn.Module):
        raise wrong(
            flagged("net"), f"{target} answers {type(found).__name__}; a network is of cr.nn, such as cr.nn.Sequential"
        )
    return found


def optimizer(c: Config, rows: int) -> optim.Rule:
    """The update rule, with its schedule, penalties and clipping."""
    steps = rows // c.batch_size if c.drop_last else math.ceil(rows / c.batch_size)
    lr: float | optim.Schedule = c.lr
    if c.schedule == "exponential":
        lr = optim.Exponential(c.lr, gamma=c.lr_decay or 0.95)
    elif c.schedule == "cosine":
        lr = optim.Cosine(c.lr, steps=c.epochs * steps)
    options: dict[str, Any] = {"momentum": c.momentum, "nesterov": c.nesterov} if c.optimizer == "sgd" else {}
    options |= {"weight_decay": c.weight_decay, "clip_norm": c.clip_norm}
    penalties = [kind(lam) for kind, lam in ((optim.L1, c.l1), (optim.L2, c.l2)) if lam]
    given = {k: v for k, v in options.items() if v is not None}
    return _RULES[c.optimizer](lr=lr, penalty=penalties[0] if len(penalties) == 1 else penalties, **given)


def reading(c: Config) -> str:
    """In Python, how the features of a file are made of new rows."""
    kind = "csv" if c.data.lower().endswith(".csv") else "npz"
    options = {"target": c.target, "regression": c.regression, "seed": c.seed, "standardize": True}
    shown = ", ".join(f"{k}={v!r}" for k, v in options.items() if v is not None)
    return f"cr.data.{kind}({str(Path(c.data))!r}, {shown}).transform(rows)"


__all__ = ["dataset", "loss_of", "network", "optimizer", "reading"]
