"""Means and deviations of the training rows, accurate where float32 sums are not; new rows, and the way back."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from chainrule.data import digits, from_arrays
from chainrule.data.rows import BLOCK
from chainrule.data.scaling import mean_of, moments, prepare
from chainrule.graph.errors import DataError


def parts(data):
    return data.train, data.validation, data.test


def test_standardizing_agrees_with_scikit_learn_on_the_training_rows_alone():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(2 * BLOCK + 57, 5)) * [1, 1e-6, 40, 1e5, 3] + [0, 5, -1e3, 1e7, 1]
    X[:, 4] = 0.1  # constant
    y = np.arange(len(X)) % 3
    data = from_arrays(X, y, seed=8, dtype="float64", standardize=True)
    order = np.random.default_rng(8).permutation(len(X))
    n, m = data.train.rows, data.validation.rows
    scaler = StandardScaler().fit(X[order[:n]])
    assert np.allclose(data.mean, scaler.mean_, rtol=1e-13) and np.allclose(data.divisor, scaler.scale_, rtol=1e-9)
    for split, rows in zip(parts(data), np.split(order, [n, n + m])):
        assert np.allclose(split.X, scaler.transform(X[rows]), rtol=1e-7, atol=1e-7)
        assert np.array_equal(split.y, y[rows])
    assert (data.train.X[:, 4] == 0).all() and data.mean[4] == 0.1 and data.divisor[4] == 1
    assert abs(data.train.X.mean(axis=0)).max() < 1e-9 and np.allclose(data.train.X[:, :4].std(axis=0), 1)


def test_moments_far_from_zero_and_near_the_ends_of_float64():
    """A mean of 2^40 with a spread of 1 leaves the squares no digit to cancel; 1e300 and 1e-320 have none to square."""
    X = np.array([[2.0**40, 1e300, 1e-320], [2.0**40 + 1, -1e300, 3e-320], [2.0**40 + 2, 1e300, 5e-320]])
    mean, std = moments(X, np.arange(3), "data")
    for j in range(3):
        exact = [Fraction(v) for v in X[:, j]]
        centre = sum(exact) / 3
        variance = sum((v - centre) ** 2 for v in exact) / 3
        assert mean[j] == pytest.approx(float(centre), rel=1e-3 if j == 2 else 1e-15)  # subnormals have few digits
        if j < 2:
            spread = max(abs(v - centre) for v in exact)
            assert std[j] == pytest.approx(float(spread) * float(variance / spread**2) ** 0.5, rel=1e-14)
    assert std[2] > 0
    with pytest.raises(DataError, match="mine: X holds values too large to be averaged in float64; scale them"):
        moments(np.full((4, 1), 1.7e308), np.arange(4), "mine")


def test_the_mean_is_summed_in_float64():
    """Summed in float32, 200,000 times 16,777,217 / 3 would be wrong in the third digit or so."""
    X = np.full((200_000, 2), 1 / 3, np.float32)
    X[::2, 1] = 255
    exact = float(X[0, 0]), (255 + float(X[1, 1])) / 2
    assert mean_of(X, np.arange(len(X))) == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.uint64, np.float16, np.float32, np.float64, np.longdouble])
def test_every_type_of_numbers_is_prepared(dtype):
    raw = np.arange(24).reshape(6, 4).astype(dtype)
    taken, mean = np.array([5, 0, 2]), np.array([0.1, 1, 2, 3])
    for divisor in (None, 255.0, np.array([1.0, 2, 3, 4])):
        for kept in (np.float32, np.float64):
            out = np.empty((3, 4), kept)
            prepare(out, raw, taken, mean, divisor)
            right = (raw.astype(float)[taken] - mean) / (1 if divisor is None else divisor)
            assert np.allclose(out, right, rtol=2 * np.finfo(kept).eps, atol=0)


def test_new_rows_are_treated_alike_and_come_back():
    rng = np.random.default_rng(1)
    X = (rng.normal(size=(50, 3)) * 7 + 100).astype(np.float32)
    data = from_arrays(X, np.arange(50) % 2, seed=2, standardize=True)
    order = np.random.default_rng(2).permutation(50)
    assert np.array_equal(data.transform(X[order[: data.train.rows]]), data.train.X)
    assert data.transform(X.tolist()).dtype == np.float32
    assert np.allclose(data.inverse_transform(data.test.X), X[order[-data.test.rows :]], rtol=1e-6)
    plain = from_arrays(X, np.arange(50) % 2)
    assert plain.mean is None and plain.divisor is None
    assert np.array_equal(plain.transform(X), X) and np.array_equal(plain.inverse_transform(X), X)
    assert plain.transform(X) is not X
    assert digits().inverse_transform(digits().train.X).max() == 16


@pytest.mark.parametrize(
    "rows, message",
    [
        ([1.0, 2.0, 3.0], "raw has shape (3,), where (rows, 3) is needed; for one row, write it in brackets"),
        ([[1.0, 2.0]], "raw has shape (1, 2), where (rows, 3) is needed"),
        (3.0, "raw has shape (), where (rows, 3) is needed"),
        ([["a", "b", "c"]], "raw holds <U1, not real numbers"),
        ([[1], [1, 2]], "raw is no array; its rows differ in length, perhaps"),
    ],
)
def test_what_is_wrong_with_new_rows_is_told(rows, message: str):
    data = from_arrays(np.arange(12.0).reshape(4, 3), [0, 1, 0, 1], name="mine")
    with pytest.raises(DataError) as told:
        data.transform(rows)
    assert str(told.value).startswith(f"mine: {message}")


def test_one_copy_is_made_and_the_callers_array_is_left():
    X = np.arange(40.0).reshape(20, 2)
    before = X.copy()
    data = from_arrays(X, np.zeros(20, int), standardize=True, dtype="float64")
    assert np.array_equal(X, before)
    assert data.train.X.base is data.validation.X.base is data.test.X.base is not None
