"""A `Dataset` made of arrays: which row goes to which split, in what type, centred and scaled or not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..graph.errors import DataError
from .arrays import as_array, check_classification, check_regression
from .dataset import Dataset, Split, float_type
from .rows import blocks, empty, order
from .scaling import moments, prepare


def from_arrays(
    X: ArrayLike,
    y: ArrayLike,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
    *,
    name: str = "data",
    regression: bool = False,
    classes: int | None = None,
    class_names: Sequence[str] | None = None,
    image_shape: tuple[int, ...] | None = None,
    standardize: bool = False,
    source: str = "arrays in memory",
    dtype: DTypeLike = np.float32,
    ndim: int | None = 2,
) -> Dataset:
    """A `Dataset` of the rows of X and y in an order drawn from ``numpy.random.default_rng(seed)``.

    X, y               as in `check_classification`; X is copied once, as `dtype` (float32 or float64)
    validation, test   a fraction of the rows in [0, 1), rounded, at least one row if not 0; or, an int, that many rows.
                       Train gets the rest, at least one row
    regression         y holds values to predict, not classes, as in `check_regression`: y is kept as `dtype`, of shape
                       (rows, outputs), and the data set has 0 classes. It has to be said, because numbers such as 1.0
                       and 2.0 may mean either
    classes            by default as many as class_names, or else the largest label + 1
    class_names        by default "0", "1", …
    image_shape        the shape of one row as an image, if it is one
    standardize        from each feature, subtract its mean over the training split and divide by its standard deviation
                       there; by 1 where that is 0. They are kept as the data set's `mean` and `divisor`; its
                       `transform` treats new rows alike. Without it X is not scaled; y never is

    Raises `DataError`.

    >>> data = from_arrays([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1], validation=1, test=0.25)
    >>> data
    Dataset('data': 2 train, 1 validation, 1 test; 1 features as float32; 2 classes)
    >>> X, y = data.train
    >>> from_arrays([[0.0], [1.0], [2.0], [3.0]], [0.5, 1.5, 2.5, 3.5], validation=1, test=1, regression=True)
    Dataset('data': 2 train, 1 validation, 1 test; 1 features as float32; 1 value to predict)
    """
    if regression:
        if classes is not None or class_names is not None:
            raise DataError(f"{name}: classes and class_names are of no use with regression=True; leave them out")
        features, targets = check_regression(X, y, name, ndim=ndim)
        classes, names = 0, ()
    else:
        if classes is None and class_names is not None:
            classes = len(class_names)
        features, targets = _classified(X, y, classes, name, ndim)
        classes, names = _named(targets, classes, class_names, name)
    rows = len(features)
    return assembled(
        name, features, targets, order(rows, seed), shares(rows, validation, test, name), classes=classes,
        class_names=names, image_shape=image_shape, standardize=standardize, source=source, dtype=dtype,
    )  # fmt: skip


def shares(rows: int, validation: float, test: float, name: str) -> tuple[int, int, int]:
    """How many of `rows` rows train, validate and test, asked for as in `from_arrays`. Raises `DataError`.

    >>> shares(40, 0.15, 5, "data")
    (29, 6, 5)
    """
    n_validation, n_test = _count(validation, rows, "validation", name), _count(test, rows, "test", name)
    n_train = rows - n_validation - n_test
    if n_train < 1:
        raise DataError(
            f"{name}: validation takes {n_validation:,} and test {n_test:,} of {rows:,} rows; none is left to train on"
        )
    return n_train, n_validation, n_test


def assembled(
    name: str,
    X: NDArray[Any],
    y: NDArray[Any],
    taken: NDArray[np.int64],
    counts: tuple[int, int, int],
    *,
    classes: int,
    class_names: tuple[str, ...],
    image_shape: tuple[int, ...] | None,
    standardize: bool,
    source: str,
    dtype: DTypeLike,
    feature_names: tuple[str, ...] = (),
) -> Dataset:
    """The data set of X and y, already checked, in the order `taken`: the first counts[0] rows of it train, and so on.

    One copy of X is made, and the splits are views of it.
    """
    kept = float_type(dtype)
    wide = math.prod(X.shape[1:])
    if image_shape is not None and math.prod(image_shape) != wide:
        raise DataError(
            f"{name}: an image of shape {tuple(image_shape)} does not hold the {wide} features of a row of X"
        )
    a, b, c = np.cumsum(counts).tolist()
    mean, std = moments(X, taken[:a], name) if standardize else (None, None)
    features = empty(X.shape, kept)
    with np.errstate(over="ignore"):
        prepare(features, X, taken, mean, std)
        targets = y[taken].astype(np.int64) if classes else y[taken].reshape(len(y), -1).astype(kept)
    _check_fits(features, "X", name)
    _check_fits(targets, "y", name)
    train, held_out, unseen = (Split(features[i:j], targets[i:j]) for i, j in ((0, a), (a, b), (b, c)))
    return Dataset(
        name, train, held_out, unseen, classes, class_names, image_shape and tuple(image_shape), source,
        mean, std, feature_names,
    )  # fmt: skip


def _classified(
    X: ArrayLike, y: ArrayLike, classes: int | None, name: str, ndim: int | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    labels = as_array(y, "y", name)
    try:
        return check_classification(X, labels, classes, name, ndim=ndim)
    except DataError as why:
        if labels.dtype.kind == "f":
            raise DataError(f"{why}; or, if y are values to predict, say regression=True") from None
        raise


def _named(
    labels: NDArray[Any], classes: int | None, class_names: Sequence[str] | None, name: str
) -> tuple[int, tuple[str, ...]]:
    """How many classes there are, and the name of each."""
    if classes is None:
        classes = int(labels.max()) + 1
        if classes > len(labels):
            raise DataError(
                f"{name}: y[{int(labels.argmax())}] is {classes - 1}, yet there are only {len(labels):,} rows; "
                "number the classes from 0, `labels, y = np.unique(y, return_inverse=True)`, or say classes="
            )
    names = tuple(map(str, range(classes) if class_names is None else class_names))
    if len(names) != classes:
        raise DataError(f"{name}: class_names holds {len(names)} names for {classes} classes; each class needs one")
    return classes, names


def _check_fits(values: NDArray[Any], what: str, name: str) -> None:
    """Finite numbers became `values`; did they stay finite?"""
    for rows in blocks(len(values)):
        if not np.isfinite(values[rows]).all():
            advice = "scale them" + (", or write dtype='float64'" if values.dtype == np.float32 else "")
            raise DataError(f"{name}: {what} holds values too large for {values.dtype}; {advice}")


def _count(part: float, rows: int, what: str, name: str) -> int:
    """How many rows a fraction, or a number of rows, means."""
    if isinstance(part, int | np.integer) and not isinstance(part, bool):
        if 0 <= part <= rows:
            return int(part)
        raise DataError(f"{name}: {what}={part} rows cannot be taken from {rows:,}")
    if isinstance(part, float | np.floating) and 0 <= part < 1:
        return max(1, round(part * rows)) if part else 0
    raise DataError(f"{name}: {what}={part!r} is neither a fraction in [0, 1) nor a number of rows")
