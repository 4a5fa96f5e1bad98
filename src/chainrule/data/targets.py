"""What the targets of a file mean: classes, or values to predict?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.errors import DataError

FEW = 20  # rows; among fewer, many classes are no sign of a mistake


def targets(
    y: NDArray[Any], regression: bool | None, name: str, place: Callable[[int], str]
) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    """The values to predict, as they are, and None; or the class of each row, (rows,), and the classes' names.

    regression   True: values; False: classes; None: whole numbers and text are classes, other numbers are values.
                 What may well be either is asked about: whole numbers written as floats (1.0), and, with more than 20
                 rows, classes of fewer than two rows on average
    place        where the target of a row stands, for a message

    Classes are the different labels, sorted (numbers by size, text by code point); their names are the labels. What is
    neither number nor text, or not of one dimension, is answered as it is, for the checks of arrays to refuse.

    >>> targets(np.array(["oak", "elm", "oak"]), None, "trees", str)
    (array([1, 0, 1]), ('elm', 'oak'))
    >>> targets(np.array([0.5, 1.5, 2.0]), None, "trees", str)
    (array([0.5, 1.5, 2. ]), None)
    """
    if regression:
        return y, None
    if y.dtype.kind == "f" and y.size:
        whole = (y == np.floor(y)) & (np.abs(y) < 2.0**53)
        if regression is None:
            if not whole.all():
                return y, None
            raise DataError(
                f"{name}: the targets are whole numbers written as floats; say regression=True if they are values to "
                "predict, regression=False if they are classes"
            )
        if not whole.all():
            at = int(np.argmin(whole.reshape(len(y), -1).all(axis=1)))
            raise DataError(f"{place(at)}: {y[at]} is no class; say regression=True if it is a value to predict")
        y = y.astype(np.int64)
    if y.dtype.kind not in "iuU" or y.ndim != 1:
        return y, ()
    names, labels = np.unique(y, return_inverse=True)
    if regression is None and len(y) > FEW and 2 * len(names) > len(y):
        kind = "text" if y.dtype.kind == "U" else "whole numbers"
        advice = "" if kind == "text" else "regression=True if they are values to predict, "
        raise DataError(
            f"{name}: the targets are {kind}, {len(names):,} different ones in {len(y):,} rows; say {advice}"
            f"regression=False if they are classes{', or name another target' if kind == 'text' else ''}"
        )
    return labels, tuple(map(str, names.tolist()))
