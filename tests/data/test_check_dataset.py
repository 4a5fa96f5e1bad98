"""The one check before a training: every split, by its name, and each against the training split."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest

from chainrule.data import Split, check_dataset, check_features, digits, from_arrays
from chainrule.graph.errors import DataError

X = np.arange(60.0).reshape(20, 3)


def classes(**changes):
    return replace(from_arrays(X, np.arange(20) % 4, name="mine"), **changes)


def values(**changes):
    y = np.linspace(0, 1, 40).reshape(20, 2)
    return replace(from_arrays(X, y, name="mine", regression=True), **changes)


def test_what_is_right_passes():
    for data in (
        digits(), classes(), values(),
        from_arrays(X, np.arange(20) % 4, validation=0, test=0),
        from_arrays(X, X, validation=0, test=0, regression=True),
        from_arrays(X.reshape(20, 3, 1, 1), np.arange(20) % 4, ndim=4),
        classes(train=Split(X.astype(np.uint8), np.arange(20, dtype=np.uint8) % 4)),
    ):  # fmt: skip
        assert check_dataset(data) is None


def one(row: int, value: float, x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x[row] = value
    return x


GOOD, REAL = classes(), values()
WRONG = [
    (classes(validation=Split(one(1, np.nan, GOOD.validation.X), GOOD.validation.y)),
     "mine, validation: X holds 3 NaN of 9 values; the first is X[1, 0] = nan"),
    (classes(train=Split(GOOD.train.X, one(5, 4, GOOD.train.y))),
     "mine, train: y[5] is 4; with 4 classes a label is one of 0 … 3"),
    (classes(test=Split(GOOD.test.X, one(2, -1, GOOD.test.y))), "mine, test: y[2] is -1; with 4 classes"),
    (classes(test=Split(GOOD.test.X[:, :2], GOOD.test.y)),
     "mine, test: X has shape (3, 2), but the training split's is (14, 3); all splits have the same features"),
    (classes(validation=Split(GOOD.test.X[:0, :2], GOOD.test.y[:0])), "mine, validation: X has shape (0, 2), but"),
    (classes(test=Split(GOOD.test.X, GOOD.test.y[:2])), "mine, test: X has 3 rows but y has 2 labels"),
    (classes(test=Split(GOOD.test.X[:0], GOOD.test.y)), "mine, test: X is empty, of shape (0, 3)"),
    (classes(train=Split(GOOD.train.X[:0], GOOD.train.y[:0])), "mine, train: X is empty, of shape (0, 3)"),
    (classes(train=Split(GOOD.train.X, GOOD.train.y.astype(float))), "mine, train: y holds float64; labels are"),
    (classes(train=Split(GOOD.train.X, np.array(list("abcdabcdabcdab")))), "mine, train: y holds text or objects"),
    (classes(train=Split(GOOD.train.X.tolist(), GOOD.train.y)), "mine, train: X is of type list, not an array"),
    (classes(test=Split(GOOD.test.X, [0, 1, 2])), "mine, test: y is of type list, not an array of NumPy's"),
    (classes(test=(X, X)), "mine, test: is of type tuple, not a Split; write Split(X, y)"),
    (classes(class_names=("a", "b")), "mine: there are 2 class_names for 4 classes; each needs one"),
    (classes(classes=-1, class_names=()), "mine: there are 0 class_names for -1 classes"),
    (classes(classes=0, class_names=()), "mine, train: y holds int64 of shape (14,); with classes=0, a regression"),
    (values(test=Split(REAL.test.X, REAL.test.y[:, :1])), "mine, test: y has 1 outputs, but the training split has 2"),
    (values(test=Split(REAL.test.X, REAL.test.y[:, 0])), "mine, test: y holds float32 of shape (3,); with classes=0"),
    (values(test=Split(REAL.test.X, one(1, np.inf, REAL.test.y))), "mine, test: y holds 2 infinite of 6 values"),
    ((X, X), "the data are of type tuple, not a Dataset; write chainrule.data.from_arrays(X, y)"),
    (None, "the data are of type NoneType, not a Dataset"),
]  # fmt: skip


@pytest.mark.parametrize("data, message", WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_told_with_the_splits_name(data, message: str):
    with pytest.raises(DataError) as told:
        check_dataset(data)
    assert str(told.value).startswith(message)


def test_finite_numbers_whose_sum_is_not_finite_pass():
    for big in (np.full((9, 2), 3e38, np.float32), np.array([[1e308, -1e308]] * 9) * 1.7):
        assert check_features(big) is big
    check_features(np.array([[1e308], [1e308], [-1e308]]))


def test_it_is_quick():
    rng = np.random.default_rng(0)
    data = from_arrays(rng.random((20_000, 784), np.float32), np.arange(20_000) % 10)
    seconds = []
    for _ in range(3):
        start = perf_counter()
        check_dataset(data)
        seconds.append(perf_counter() - start)
    assert min(seconds) < 0.5  # a tenth of it or less on a machine at rest
