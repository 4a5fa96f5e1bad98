"""What is done to features before training, from the training rows alone, and how to do and undo it to new rows.

Everywhere  X = (raw - mean) / divisor,  feature by feature, where both are of the shape of one row, the divisor may
also be one number, and either may be None for "not done". Sums are taken in float64, block by block, so that a pass
needs no second array of X's size, and what is subtracted is subtracted in float64 before it is rounded to X's type.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.errors import DataError
from .rows import blocks


def mean_of(X: NDArray[Any], taken: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean of the rows `taken` of X, in float64, of the shape of a row; of whole numbers the sum is exact.

    >>> mean_of(np.array([[0, 4], [255, 5], [9, 9]], np.uint8), np.array([0, 1]))
    array([127.5,   4.5])
    """
    total = np.zeros(X.shape[1:])
    for rows in blocks(len(taken)):
        total += X[taken[rows]].sum(axis=0, dtype=np.float64)
    return total / len(taken)


def moments(X: NDArray[Any], taken: NDArray[np.int64], name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation (divided by the number of rows, as in scikit-learn's StandardScaler) of the rows
    `taken` of X. A feature that is the same in all of them gets the deviation 1, so that it becomes 0, not NaN.

    A second pass over the centred rows corrects the mean and sums their squares, in units of the largest of them:
    no digits cancel when the mean is far above the spread, and nothing overflows. `DataError` if even the sum does.

    >>> mean, std = moments(np.array([[1.0, 7.0], [3.0, 7.0]]), np.array([0, 1]), "data")
    >>> mean.tolist(), std.tolist()
    ([2.0, 7.0], [1.0, 1.0])
    """
    count, each = len(taken), list(blocks(len(taken)))
    low = np.min([X[taken[rows]].min(axis=0) for rows in each], axis=0).astype(np.float64)
    high = np.max([X[taken[rows]].max(axis=0) for rows in each], axis=0).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = mean_of(X, taken)
        largest = np.maximum(high - mean, mean - low)
    if not np.isfinite(largest).all():
        raise DataError(f"{name}: X holds values too large to be averaged in float64; scale them")
    same = low == high
    unit = np.where(same | (largest == 0), 1.0, largest)
    first, second = np.zeros_like(mean), np.zeros_like(mean)
    for rows in each:
        centred = (X[taken[rows]] - mean) / unit
        first += centred.sum(axis=0)
        second += np.square(centred).sum(axis=0)
    first /= count
    std = unit * np.sqrt(second / count - first**2)
    mean = np.where(same, low, mean + unit * first)
    return mean, np.where(same | (std == 0), 1.0, std)


def prepare(
    into: NDArray[Any],
    raw: NDArray[Any],
    taken: NDArray[np.int64] | None,
    mean: NDArray[np.float64] | None,
    divisor: float | NDArray[np.float64] | None,
) -> None:
    """Fill `into`, float32 or float64, with (raw - mean) / divisor of the rows `taken` (None: all) of `raw`."""
    for rows in blocks(len(into)):
        block = raw[rows if taken is None else taken[rows]]
        if mean is None:
            into[rows] = block
        else:
            np.subtract(block, mean, out=into[rows], dtype=np.float64, casting="same_kind")
        if divisor is not None:
            np.divide(into[rows], divisor, out=into[rows], casting="same_kind")
