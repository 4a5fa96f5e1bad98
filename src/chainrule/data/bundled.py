"""Data that comes with an installed library, so that it is there offline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import DTypeLike

from .dataset import Dataset
from .splits import from_arrays


def digits(seed: int = 0, *, dtype: DTypeLike = np.float32) -> Dataset:
    """scikit-learn's handwritten digits: 1,797 images of 8x8 pixels, scaled from 0 … 16 to [0, 1].

    Each X is (rows, 64), each y (rows,); 1,197 rows to train, 300 to validate, 300 to test, drawn by `seed` without
    regard to class. `dtype` is float32 or float64.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998
    (its test file), as bundled with scikit-learn; nothing is downloaded.

    >>> X, y = digits().train
    >>> X.shape, y.shape
    ((1197, 64), (1197,))
    """
    from sklearn.datasets import load_digits  # takes a second to import: only when asked for

    X, y = load_digits(return_X_y=True)
    data = from_arrays(
        X / 16.0, y, validation=300, test=300, seed=seed, name="digits", classes=10, image_shape=(8, 8), dtype=dtype,
        source="Alpaydin & Kaynak, Optical Recognition of Handwritten Digits (UCI, 1998), bundled with scikit-learn",
    )  # fmt: skip
    return replace(data, divisor=16.0)
