"""Values to predict instead of classes: said outright, checked, and kept as X's type."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.data import check_regression, from_arrays
from chainrule.graph.errors import DataError

X = np.arange(21.0).reshape(7, 3)
Y = np.linspace(-1, 2, 7)


def test_what_is_right_comes_back_unchanged():
    for y in (Y, Y.astype(np.float32), np.arange(7), np.outer(Y, [1, 2])):
        x, found = check_regression(X, y)
        assert x is X and found is y


WRONG = [
    (X, Y[:6], "X has 7 rows but y has 6; each row of X needs its value in y"),
    (X, Y[:0], "y is empty, of shape (0,)"),
    (X, np.zeros((7, 0)), "y is empty, of shape (7, 0)"),
    (X, 3.0, "y has shape (), where (rows,) or (rows, outputs) is needed; give one value a row"),
    (X, np.zeros((7, 2, 2)), "y has shape (7, 2, 2), where (rows,) or (rows, outputs) is needed; write y.reshape"),
    (X, Y > 0, "y holds bool; values to predict are real numbers: write y.astype(float)"),
    (X, Y + 1j, "y holds complex128; values to predict are real numbers"),
    (X, Y.astype(str), "y holds text or objects, y[0] is '-1.0'; values to predict are numbers"),
    (X, np.array([[1.0, None]] * 7), "y holds text or objects, y[0] is 1.0; values to predict are numbers"),
    (X, np.where(Y > 1, np.nan, Y), "y holds 2 NaN of 7 values; the first is y[5] = nan. Drop those rows"),
    (X, np.array([[1, np.inf]] * 7), "y holds 7 infinite of 14 values; the first is y[0, 1] = inf"),
    (np.where(X == 4, np.nan, X), Y, "X holds 1 NaN of 21 values; the first is X[1, 1] = nan"),
    (X[0], Y, "X has shape (3,), where (rows, features) is needed"),
]


@pytest.mark.parametrize("x, y, message", WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_told(x, y, message: str):
    for call in (lambda: check_regression(x, y, "mine"), lambda: from_arrays(x, y, name="mine", regression=True)):
        with pytest.raises(DataError) as told:
            call()
        assert str(told.value).startswith(f"mine: {message}")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_keep_their_rows_and_become_columns(dtype):
    for y, outputs in ((Y, 1), (np.outer(Y, [1, 10]), 2), (np.arange(7), 1)):
        data = from_arrays(X, y, validation=2, test=1, seed=5, regression=True, dtype=dtype)
        order = np.random.default_rng(5).permutation(7)
        right = np.asarray(y).reshape(7, outputs).astype(dtype)
        for split, rows in zip((data.train, data.validation, data.test), np.split(order, [4, 6])):
            assert split.y.dtype == split.X.dtype == dtype
            assert np.array_equal(split.y, right[rows]) and np.array_equal(split.X, X[rows])
        assert data.regression and data.classes == 0 and data.class_names == ()
        assert repr(data).endswith("; 1 value to predict)" if outputs == 1 else "; 2 values to predict)")
    assert not from_arrays(X, np.arange(7) % 2).regression


def test_floats_are_no_classes_and_the_way_out_is_told():
    for y in (Y, Y.tolist(), np.arange(7.0)):
        with pytest.raises(DataError, match=r"integers.*; or, if y are values to predict, say regression=True$"):
            from_arrays(X, y)
    with pytest.raises(DataError, match=r"write `class_names, y = np\.unique\(y, return_inverse=True\)`$"):
        from_arrays(X, list("abcabca"))


@pytest.mark.parametrize("options", [{"classes": 3}, {"class_names": ["a"]}])
def test_a_regression_has_no_classes(options):
    with pytest.raises(DataError, match="classes and class_names are of no use with regression=True"):
        from_arrays(X, Y, regression=True, **options)


def test_values_too_large_for_float32_are_told():
    with pytest.raises(DataError, match="y holds values too large for float32; scale them, or write dtype='float64'"):
        from_arrays(X, Y * 1e300, regression=True)


def test_only_the_features_are_standardized():
    data = from_arrays(X, Y, regression=True, standardize=True, validation=0, test=0)
    assert np.allclose(data.train.X.std(axis=0), 1) and sorted(data.train.y[:, 0]) == pytest.approx(sorted(Y))
