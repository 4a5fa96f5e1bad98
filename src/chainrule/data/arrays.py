"""Arrays of one's own, or a whole `Dataset`: are they fit to train on?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..graph.errors import DataError
from .dataset import Dataset, Split
from .rows import blocks


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
    features = as_array(X, "X", name)
    labels = as_array(y, "y", name)
    _check_numbers(features, name, ndim)
    _check_labels(labels, name)
    if len(features) != len(labels):
        raise DataError(
            f"{name}: X has {len(features):,} rows but y has {len(labels):,} labels; each row needs one label"
        )
    _check_range(labels, classes, name)
    _check_finite(features, "X", name)
    return features, labels


def check_regression(
    X: ArrayLike, y: ArrayLike, name: str = "data", *, ndim: int | None = 2
) -> tuple[NDArray[Any], NDArray[Any]]:
    """X and y as arrays, once they are known to be examples and the values to predict. Nothing is converted or copied.

    X   as in `check_classification`
    y   numbers, finite, a row of values, or one value, for each row of X: (rows, outputs) or (rows,)

    Raises `DataError` that starts with `name` and says the first place that is wrong and what to write instead.

    >>> X, y = check_regression([[0.0, 1.0], [2.0, 3.0]], [0.5, 1.5])
    >>> y.tolist()
    [0.5, 1.5]
    >>> check_regression([[0.0, 1.0], [2.0, 3.0]], [0.5, float("nan")], name="train")
    Traceback (most recent call last):
    chainrule.graph.errors.DataError: train: y holds 1 NaN of 2 values; the first is y[1] = nan. ...
    """
    features = as_array(X, "X", name)
    values = as_array(y, "y", name)
    _check_numbers(features, name, ndim)
    _check_values(values, name)
    if len(features) != len(values):
        raise DataError(
            f"{name}: X has {len(features):,} rows but y has {len(values):,}; each row of X needs its value in y"
        )
    _check_finite(values, "y", name)
    _check_finite(features, "X", name)
    return features, values


def check_features(X: ArrayLike, name: str = "data", *, ndim: int | None = 2) -> NDArray[Any]:
    """X alone as an array, checked as in `check_classification`. Raises `DataError`.

    >>> check_features([[0, 1], [2, 3]]).shape
    (2, 2)
    """
    features = as_array(X, "X", name)
    _check_numbers(features, name, ndim)
    _check_finite(features, "X", name)
    return features


def check_dataset(data: Dataset) -> None:
    """Nothing, if each split of `data` can be trained on or measured on: the one check before a training.

    Each split is held against `check_classification`, or `check_regression` where ``data.classes`` is 0, under its own
    name; all must have the features, and the outputs, of the training split, which must have rows; the others may have
    none. It looks at every number once: 70,000 images of MNIST take some hundredths of a second. Raises `DataError`.

    >>> from chainrule.data import digits
    >>> data = digits()
    >>> check_dataset(data)
    >>> data.test.y[3] = 12
    >>> check_dataset(data)
    Traceback (most recent call last):
    chainrule.graph.errors.DataError: digits, test: y[3] is 12; with 10 classes a label is one of 0 … 9
    """
    if not isinstance(data, Dataset):
        raise DataError(
            f"the data are of type {type(data).__name__}, not a Dataset; write chainrule.data.from_arrays(X, y)"
        )
    if data.classes and len(data.class_names) != data.classes:
        raise DataError(
            f"{data.name}: there are {len(data.class_names)} class_names for {data.classes} classes; each needs one"
        )
    for split in ("train", "validation", "test"):
        _check_split(data, getattr(data, split), f"{data.name}, {split}", split == "train")


def _check_split(data: Dataset, split: Split, name: str, is_train: bool) -> None:
    if not isinstance(split, Split):
        raise DataError(f"{name}: is of type {type(split).__name__}, not a Split; write Split(X, y)")
    for what, array in zip("Xy", split):
        if not isinstance(array, np.ndarray):
            raise DataError(
                f"{name}: {what} is of type {type(array).__name__}, not an array of NumPy's; write np.asarray({what})"
            )
    X, y = split
    if not is_train and X.shape[1:] != data.train.X.shape[1:]:
        raise DataError(
            f"{name}: X has shape {X.shape}, but the training split's is {data.train.X.shape}; "
            "all splits have the same features"
        )
    if data.regression:
        if y.ndim != 2 or y.dtype.kind != "f":
            raise DataError(
                f"{name}: y holds {y.dtype} of shape {y.shape}; with classes=0, a regression, it is float of shape "
                "(rows, outputs); if y are labels, say how many classes there are"
            )
        if y.shape[1:] != data.train.y.shape[1:]:
            raise DataError(f"{name}: y has {y.shape[1]} outputs, but the training split has {data.train.y.shape[1]}")
    if not is_train and not len(X) and not len(y):
        return
    if data.regression:
        check_regression(X, y, name, ndim=None)
    else:
        check_classification(X, y, data.classes, name, ndim=None)


def check_labels(y: ArrayLike, classes: int | None = None, name: str = "data") -> NDArray[Any]:
    """y alone as an array, checked as in `check_classification`. Raises `DataError`.

    >>> check_labels([2, 0, 1], classes=3).shape
    (3,)
    """
    labels = as_array(y, "y", name)
    _check_labels(labels, name)
    _check_range(labels, classes, name)
    return labels


def as_array(values: ArrayLike, what: str, name: str) -> NDArray[Any]:
    """`values` as an array, whatever they hold; `DataError` if they make none. `what` is X or y."""
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


def _check_values(y: NDArray[Any], name: str) -> None:
    if y.ndim not in (1, 2):
        advice = "write y.reshape(len(y), -1)" if y.ndim else "give one value a row"
        raise DataError(f"{name}: y has shape {y.shape}, where (rows,) or (rows, outputs) is needed; {advice}")
    if not y.size:
        raise DataError(f"{name}: y is empty, of shape {y.shape}; at least one value is needed")
    if y.dtype.kind in "iuf":
        return
    if y.dtype.kind in "USO":
        raise DataError(
            f"{name}: y holds text or objects, y[0] is {y.ravel()[:1].tolist()[0]!r}; values to predict are numbers: "
            "write np.asarray(y, dtype=float), which will show what in it is no number"
        )
    raise DataError(f"{name}: y holds {y.dtype}; values to predict are real numbers: write y.astype(float)")


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


def _check_finite(values: NDArray[Any], what: str, name: str) -> None:
    if values.dtype.kind != "f":
        return
    nans = infinities = 0
    first: tuple[int, ...] | None = None
    for rows in blocks(len(values)):
        block = values[rows]
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(block.sum()):  # then every number in it is; the reverse does not hold, as sums overflow
                continue
        finite = np.isfinite(block)
        if not finite.all():
            if first is None:
                row, *rest = np.unravel_index(int(finite.argmin()), block.shape)
                first = (rows.start + int(row), *map(int, rest))
            nans += int(np.isnan(block).sum())
            infinities += int(np.isinf(block).sum())
    if first is not None:
        bad = " and ".join(f"{n:,} {kind}" for n, kind in ((nans, "NaN"), (infinities, "infinite")) if n)
        raise DataError(
            f"{name}: {what} holds {bad} of {values.size:,} values; "
            f"the first is {what}[{', '.join(map(str, first))}] = {values[first]}. "
            + ("Drop those rows or fill them in" if what == "X" else "Drop those rows")
        )
