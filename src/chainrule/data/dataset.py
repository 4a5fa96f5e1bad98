"""What a data set is here: three splits, and what the labels and the features mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..graph.errors import DataError


class Split(NamedTuple):
    """Examples and their labels: ``X, y = split``.

    X   float32 or float64, one example a row: (rows, features)
    y   int64, the class of each row, 0 … classes - 1: (rows,)

    A split may hold no rows (``validation=0``). Being a tuple of two, ``len(split)`` is 2; the rows are ``split.rows``.
    """

    X: NDArray[Any]
    y: NDArray[np.int64]

    @property
    def rows(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        return f"Split(X: {self.X.dtype} {self.X.shape}, y: {self.y.dtype} {self.y.shape})"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples to learn from, to choose by, and to judge by, with no row in two of them.

    train, validation, test   each a `Split`; those cut from one file are views of one array, not copies
    classes, class_names      how many classes there are, and the name of each label
    image_shape               (height, width) or (height, width, channels) when a row of X is an image, else None:
                              ``X[0].reshape(data.image_shape)``
    source                    where the data came from, to be quoted in a report
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    source: str

    def __repr__(self) -> str:
        rows = f"{self.train.rows:,} train, {self.validation.rows:,} validation, {self.test.rows:,} test"
        each = "x".join(map(str, self.train.X.shape[1:])) + f" features as {self.train.X.dtype}"
        return f"Dataset({self.name!r}: {rows}; {each}; {self.classes} classes)"


def float_type(dtype: DTypeLike) -> np.dtype[Any]:
    """float32 or float64, from whatever names it; `DataError` for anything else."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found is None or dtype is None or found not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise DataError(f"features can be kept as float32 or float64, not as {dtype!r}: write dtype='float32'")
    return found
