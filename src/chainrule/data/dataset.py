"""What a data set is here: three splits, and what the labels and the features mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..graph.errors import DataError
from .rows import empty
from .scaling import prepare


class Split(NamedTuple):
    """Examples and their labels or values: ``X, y = split``.

    X   float32 or float64, one example a row: (rows, features)
    y   classification: int64, the class of each row, 0 … classes - 1: (rows,)
        regression: of X's type, the values to predict: (rows, outputs)

    A split may hold no rows (``validation=0``). Being a tuple of two, ``len(split)`` is 2; the rows are ``split.rows``.
    """

    X: NDArray[Any]
    y: NDArray[Any]

    @property
    def rows(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        return f"Split(X: {self.X.dtype} {self.X.shape}, y: {self.y.dtype} {self.y.shape})"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples to learn from, to choose by, and to judge by, with no row in two of them.

    train, validation, test   each a `Split`; those cut from one file are views of one array, not copies
    classes, class_names      how many classes there are, and the name of each label; 0 and () for a regression
    image_shape               (height, width) or (height, width, channels) when a row of X is an image, else None:
                              ``X[0].reshape(data.image_shape)``
    source                    where the data came from, to be quoted in a report
    mean, divisor             what was done to the features: X = (raw - mean) / divisor, in the units of the source.
                              mean: float64, of the shape of a row, of the training split alone; divisor: a number, or
                              float64 of the shape of a row. None: nothing was subtracted, or divided by
    feature_names             the name of each feature where the source has one (a CSV file's header), else ()
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    source: str
    mean: NDArray[np.float64] | None = None
    divisor: float | NDArray[np.float64] | None = None
    feature_names: tuple[str, ...] = ()

    @property
    def regression(self) -> bool:
        """Are the y values to predict, not classes?"""
        return self.classes == 0

    def transform(self, raw: ArrayLike) -> NDArray[Any]:
        """New rows in the source's units treated like the data's, ready to predict from: (raw - mean) / divisor.

        raw is (rows, features); the answer is a new array of the type of the data's X. `DataError` if they are not
        numbers with the data's features. As scikit-learn's method of that name; nothing is fitted anew.

        >>> from chainrule.data import from_arrays
        >>> data = from_arrays([[1.0], [3.0], [5.0]], [0, 1, 0], validation=0, test=0, standardize=True)
        >>> data.transform([[3.0]]).tolist()
        [[0.0]]
        """
        rows = self._rows(raw, "raw")
        out = empty(rows.shape, self.train.X.dtype)
        prepare(out, rows, None, self.mean, self.divisor)
        return out

    def inverse_transform(self, X: ArrayLike) -> NDArray[Any]:
        """Rows of X back in the source's units, to be shown: X · divisor + mean, in the type of the data's X.

        >>> from chainrule.data import digits
        >>> data = digits()
        >>> data.inverse_transform(data.train.X[:1]).max()      # the scanner's 0 … 16
        np.float32(16.0)
        """
        rows = self._rows(X, "X").astype(np.float64)
        if self.divisor is not None:
            rows *= self.divisor
        if self.mean is not None:
            rows += self.mean
        return rows.astype(self.train.X.dtype)

    def _rows(self, values: ArrayLike, what: str) -> NDArray[Any]:
        try:
            rows = np.asarray(values)
        except (ValueError, TypeError) as why:
            raise DataError(f"{self.name}: {what} is no array; its rows differ in length, perhaps ({why})") from None
        if rows.dtype.kind not in "iuf":
            raise DataError(f"{self.name}: {what} holds {rows.dtype}, not real numbers")
        each = self.train.X.shape[1:]
        if not rows.ndim or rows.shape[1:] != each:
            raise DataError(
                f"{self.name}: {what} has shape {rows.shape}, where {_with('rows', each)} is needed"
                + ("; for one row, write it in brackets of its own" if rows.shape == each else "")
            )
        return rows

    def __repr__(self) -> str:
        rows = f"{self.train.rows:,} train, {self.validation.rows:,} validation, {self.test.rows:,} test"
        each = "x".join(map(str, self.train.X.shape[1:])) + f" features as {self.train.X.dtype}"
        outputs = self.train.y.shape[-1]
        target = f"{self.classes} classes" if self.classes else f"{outputs} value{'s' * (outputs != 1)} to predict"
        return f"Dataset({self.name!r}: {rows}; {each}; {target})"


def float_type(dtype: DTypeLike) -> np.dtype[Any]:
    """float32 or float64, from whatever names it; `DataError` for anything else."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found is None or dtype is None or found not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise DataError(f"features can be kept as float32 or float64, not as {dtype!r}: write dtype='float32'")
    return found


def _with(first: str, sizes: tuple[int, ...]) -> str:
    return f"({', '.join((first, *map(str, sizes)))})"
