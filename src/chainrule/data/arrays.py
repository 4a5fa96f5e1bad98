"""Arrays of one's own: are they fit to train a classifier on, and a `Dataset` made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..graph.errors import DataError
from .dataset import Dataset, Split, float_type
from .rows import blocks, empty, order


def check_classification(
    X: ArrayLike, y: ArrayLike, classes: int | None = None, name: str = "data", *, ndim: int | None = 2
) -> tuple[NDArray[Any], NDArray[Any]]:
    """X and y as arrays, once they are known to be examples and their classes. Nothing is converted or copied.

    X   numbers, finite, one example a row: (rows, features); `ndim` is the rank it must have, None for 2 or more
        (images as (rows, height, width, channels))
    y   integers 0 … classes - 1, one a row: (rows,); without `classes` there is no upper end

    Raises `DataError` that starts with `name` and says the first place that is wrong and what to write instead.

    >>> X, y = check_classification([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], [1, 0, 1], classes=2)
    >>> X.shape, y.tolist()
    ((3, 2), [1, 0, 1])
    >>> check_classification([[0.0, 1.0], [2.0, 3.0]], [0, 2], classes=2, name="train")
    Traceback (most recent call last):
    chainrule.graph.errors.DataError: train: y[1] is 2; with 2 classes a label is one of 0 … 1
    """
    features = _array(X, "X", name)
    labels = _array(y, "y", name)
    _check_numbers(features, name, ndim)
    _check_labels(labels, name)
    if len(features) != len(labels):
        raise DataError(
            f"{name}: X has {len(features):,} rows but y has {len(labels):,} labels; each row needs one label"
        )
    _check_range(labels, classes, name)
    _check_finite(features, name)
    return features, labels


def check_features(X: ArrayLike, name: str = "data", *, ndim: int | None = 2) -> NDArray[Any]:
    """X alone as an array, checked as in `check_classification`. Raises `DataError`.

    >>> check_features([[0, 1], [2, 3]]).shape
    (2, 2)
    """
    features = _array(X, "X", name)
    _check_numbers(features, name, ndim)
    _check_finite(features, name)
    return features


def from_arrays(
    X: ArrayLike,
    y: ArrayLike,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
    *,
    name: str = "data",
    classes: int | None = None,
    class_names: Sequence[str] | None = None,
    image_shape: tuple[int, ...] | None = None,
    source: str = "arrays in memory",
    dtype: DTypeLike = np.float32,
    ndim: int | None = 2,
) -> Dataset:
    """A `Dataset` of the rows of X and y in an order drawn from ``numpy.random.default_rng(seed)``.

    X, y               as in `check_classification`; X is copied once, as `dtype` (float32 or float64), and not scaled
    validation, test   a fraction of the rows in [0, 1), rounded, at least one row if not 0; or, an int, that many rows.
                       Train gets the rest, at least one row
    classes            by default as many as class_names, or else the largest label + 1
    class_names        by default "0", "1", …
    image_shape        the shape of one row as an image, if it is one

    Raises `DataError`.

    >>> data = from_arrays([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1], validation=1, test=0.25)
    >>> data
    Dataset('data': 2 train, 1 validation, 1 test; 1 features as float32; 2 classes)
    >>> X, y = data.train
    """
    kept = float_type(dtype)
    if classes is None and class_names is not None:
        classes = len(class_names)
    features, labels = check_classification(X, y, classes, name, ndim=ndim)
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
    wide = math.prod(features.shape[1:])
    if image_shape is not None and math.prod(image_shape) != wide:
        raise DataError(
            f"{name}: an image of shape {tuple(image_shape)} does not hold the {wide} features of a row of X"
        )

    rows = len(features)
    n_validation, n_test = _count(validation, rows, "validation", name), _count(test, rows, "test", name)
    n_train = rows - n_validation - n_test
    if n_train < 1:
        raise DataError(
            f"{name}: validation takes {n_validation:,} and test {n_test:,} of {rows:,} rows; none is left to train on"
        )
    taken = order(rows, seed)
    shuffled_X, shuffled_y = _cast(features, taken, kept, name), labels[taken].astype(np.int64)
    train, held_out, unseen = (
        Split(shuffled_X[a:b], shuffled_y[a:b])
        for a, b in ((0, n_train), (n_train, n_train + n_validation), (n_train + n_validation, rows))
    )
    return Dataset(name, train, held_out, unseen, classes, names, image_shape and tuple(image_shape), source)


def _array(values: ArrayLike, what: str, name: str) -> NDArray[Any]:
    if hasattr(values, "toarray"):
        raise DataError(f"{name}: {what} is a sparse matrix; write {what}.toarray()")
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise DataError(f"{name}: {what} has masked entries; drop those rows, or write {what}.filled(…)")
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as why:
        raise DataError(f"{name}: {what} is not an array: its rows differ in length, perhaps ({why})") from None


def _check_numbers(X: NDArray[Any], name: str, ndim: int | None) -> None:
    if X.dtype.kind not in "iuf":
        advice = {
            "b": "write X.astype(np.float32)",
            "U": "if the text is numbers, write X.astype(np.float32); if it is categories, encode them first",
            "O": "write np.asarray(X, dtype=np.float32), which will show what in it is no number",
            "c": "split it into real features, X.real and X.imag",
        }.get(X.dtype.kind, "numbers are needed")
        raise DataError(f"{name}: X holds {X.dtype}, not real numbers; {advice}")
    if X.ndim < 2 if ndim is None else X.ndim != ndim:
        wanted = "(rows, features)" if ndim == 2 else f"{ndim} dimensions" if ndim else "2 dimensions or more"
        advice = (
            "write X.reshape(len(X), -1)" if X.ndim > 2 and ndim == 2
            else "write X.reshape(-1, 1) for one feature a row, X.reshape(1, -1) for one row" if X.ndim == 1
            else "reshape it"
        )  # fmt: skip
        raise DataError(f"{name}: X has shape {X.shape}, where {wanted} is needed; {advice}")
    if not X.size:
        raise DataError(f"{name}: X is empty, of shape {X.shape}; at least one row and one feature are needed")


def _check_labels(y: NDArray[Any], name: str) -> None:
    if y.ndim != 1:
        advice = (
            "write y.ravel()" if y.ndim == 2 and y.shape[1] == 1
            else "if it is one-hot, write y.argmax(axis=1)" if y.ndim == 2
            else "give one label a row"
        )  # fmt: skip
        raise DataError(f"{name}: y has shape {y.shape}, where (rows,) is needed; {advice}")
    if not len(y):
        raise DataError(f"{name}: y is empty; at least one label is needed")
    kind = y.dtype.kind
    if kind in "iu":
        return
    if kind == "f":
        whole = np.isfinite(y) & (y == np.floor(y))
        if whole.all():
            raise DataError(f"{name}: y holds {y.dtype}; labels are integers: write y.astype(int)")
        at = int(np.argmin(whole))
        raise DataError(f"{name}: y[{at}] is {y[at]}, which is no class; labels are integers 0, 1, 2, …")
    if kind == "b":
        raise DataError(f"{name}: y holds booleans; labels are integers: write y.astype(int)")
    if kind in "USO":
        raise DataError(
            f"{name}: y holds text or objects, y[0] is {y[:1].tolist()[0]!r}; labels are integers: "
            "write `class_names, y = np.unique(y, return_inverse=True)`"
        )
    raise DataError(f"{name}: y holds {y.dtype}; labels are integers 0, 1, 2, …")


def _check_range(y: NDArray[Any], classes: int | None, name: str) -> None:
    if classes is not None and (isinstance(classes, bool) or not isinstance(classes, int | np.integer) or classes < 1):
        raise DataError(f"{name}: classes={classes!r} is not a number of classes, an int of at least 1")
    wrong = y < 0
    if classes is not None:
        wrong |= y >= classes
    if wrong.any():
        at = int(wrong.argmax())
        allowed = "a label is one of 0, 1, 2, …"
        if classes is not None:
            allowed = f"with {classes} classes a label is one of 0 … {classes - 1}"
        raise DataError(f"{name}: y[{at}] is {y[at]}; {allowed}")


def _check_finite(X: NDArray[Any], name: str) -> None:
    if X.dtype.kind != "f":
        return
    nans = infinities = 0
    first: tuple[int, ...] | None = None
    for rows in blocks(len(X)):
        block = X[rows]
        finite = np.isfinite(block)
        if not finite.all():
            if first is None:
                row, *rest = np.unravel_index(int(finite.argmin()), block.shape)
                first = (rows.start + int(row), *map(int, rest))
            nans += int(np.isnan(block).sum())
            infinities += int(np.isinf(block).sum())
    if first is not None:
        bad = " and ".join(f"{n:,} {what}" for n, what in ((nans, "NaN"), (infinities, "infinite")) if n)
        raise DataError(
            f"{name}: X holds {bad} of {X.size:,} values; the first is X[{', '.join(map(str, first))}] = {X[first]}. "
            "Drop those rows or fill them in"
        )


def _cast(X: NDArray[Any], taken: NDArray[np.int64], dtype: np.dtype[Any], name: str) -> NDArray[Any]:
    """The rows of X as `taken`, as `dtype`, with no other array of X's size in between."""
    out = empty(X.shape, dtype)
    with np.errstate(over="ignore"):
        for rows in blocks(len(X)):
            out[rows] = X[taken[rows]]
            if not np.isfinite(out[rows]).all():
                raise DataError(f"{name}: X holds values too large for {dtype}; scale them, or write dtype='float64'")
    return out


def _count(part: float, rows: int, what: str, name: str) -> int:
    """How many rows a fraction, or a number of rows, means."""
    if isinstance(part, int | np.integer) and not isinstance(part, bool):
        if 0 <= part <= rows:
            return int(part)
        raise DataError(f"{name}: {what}={part} rows cannot be taken from {rows:,}")
    if isinstance(part, float | np.floating) and 0 <= part < 1:
        return max(1, round(part * rows)) if part else 0
    raise DataError(f"{name}: {what}={part!r} is neither a fraction in [0, 1) nor a number of rows")
