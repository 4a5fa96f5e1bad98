"""What `fit` is given to learn from, checked, and as arrays in the precision of the run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.arrays import check_features
from ..data.dataset import Dataset, Split
from ..face.graph import Graph
from ..graph.dims import evaluate
from ..graph.errors import DataError, InputError
from ..graph.node import Node
from ..graph.spelling import plural
from ..nn.builder import BATCH
from ..nn.criteria import Loss
from ..nn.module import Module
from .targets import targets_for

Array = NDArray[Any]


def splits(data: Any, validation: Any) -> dict[str, Split]:
    """train and, where there are any, validation rows. Raises DataError, InputError."""
    if isinstance(data, Dataset):
        if validation is not None:
            raise InputError("the data set has validation rows of its own; validation= goes with a pair (X, y)")
        return {"train": data.train} | ({"validation": data.validation} if data.validation.rows else {})
    pairs = {"data": data} if validation is None else {"data": data, "validation": validation}
    for name, pair in pairs.items():
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise DataError(f"{name} is a Dataset or a pair (X, y), not {type(pair).__name__}")
    return {name.replace("data", "train"): Split(*map(_array, pair)) for name, pair in pairs.items()}


def _array(values: Any) -> Any:
    return values if hasattr(values, "dtype") else np.asarray(values)


def precision(X: Any, asked: Any) -> str:
    """That of X, or the nearest one to it; or the one asked for. Raises InputError."""
    if asked is None:
        found = getattr(X.dtype, "name", str(X.dtype).removeprefix("torch."))  # also of big-endian numbers
        return "float64" if found in ("float64", "float96", "float128") else "float32"
    try:
        found = asked if isinstance(asked, str) else np.dtype(asked).name
    except TypeError:
        found = repr(asked)
    if found not in ("float64", "float32"):
        raise InputError(f"cr.fit computes in float64, float32, not in {found}")
    return found


def checked(net: Module, output: Node, loss: Loss, split: Split, dtype: str, name: str) -> Split:
    """X and y as the network, whose output is `output`, and the loss take them, in `dtype`. Raises DataError."""
    X = check_features(split.X, name, ndim=None)
    takes = net.takes
    if takes is not None and tuple(X.shape[1:]) != tuple(takes):
        row = " x ".join(map(str, X.shape[1:]))
        raise DataError(f"{name}: a row of X has shape {row}, and {net!r} takes {' x '.join(map(str, takes))}")
    with np.errstate(over="ignore"):
        features = X.astype(dtype, copy=False)
    if X.dtype.kind == "f" and X.dtype.itemsize > features.dtype.itemsize and not np.isfinite(features).all():
        raise DataError(
            f"{name}: X holds numbers beyond {np.finfo(dtype).max:.3g}, the largest of {dtype}: scale it, or choose "
            f"dtype='float64'"
        )
    return Split(features, targets_for(output, loss, split.y, len(X), dtype, name))


def check_batches(net: Module, batch_size: int, rows: int, drop_last: bool) -> None:
    """Raises InputError where a minibatch, the last one of an epoch too, is smaller than a layer needs."""
    left, needs = rows % batch_size, net.graph(training=True).needs
    for batch in {batch_size, *([left] if left and not drop_last else [])}:
        for needed, why in needs:
            if evaluate(needed, {BATCH: batch}) < 1:
                last = "the last minibatch of an epoch" if batch == left else "a minibatch"
                raise InputError(
                    f"{last} has {plural(batch, 'row')}, and {why}: choose another batch_size"
                    + (", or drop_last=True" if batch == left else "")
                )


def weights_of(given: Any, rows: int, dtype: str) -> Array:
    """A weight for each row, in `dtype`. Raises DataError."""
    weights = np.asarray(given)
    if weights.shape != (rows,) or weights.dtype.kind not in "biuf":
        raise DataError(f"sample_weight has shape {weights.shape}; it must hold a number for each of the {rows:,} rows")
    weights = weights.astype(dtype)
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise DataError("sample_weight must be finite and at least 0, and not 0 for all rows")
    return weights


def hidden_entries(graph: Graph, batch: int) -> int:
    """Entries of the largest hidden layer's minibatch."""
    wide = [n.shape[-1] for n in graph.parameters.values() if n.ndim > 1 and isinstance(n.shape[-1], int)]
    return batch * max(wide, default=1)


__all__ = ["check_batches", "checked", "hidden_entries", "precision", "splits", "weights_of"]
