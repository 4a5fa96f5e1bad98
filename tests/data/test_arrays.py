"""Arrays of one's own: each thing that can be wrong is told, and a data set holds each row once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from chainrule.data import check_classification, from_arrays
from chainrule.data.rows import BLOCK
from chainrule.graph.errors import DataError

X = np.arange(12.0).reshape(4, 3)
Y = np.array([0, 2, 1, 0])


def hole(value: float, row: int = 2) -> np.ndarray:
    found = X.copy()
    found[row, 1] = value
    return found


def test_what_is_right_comes_back_unchanged():
    for x in (X, X.astype(np.float32), X.astype(np.uint8)):
        for y in (Y, Y.astype(np.uint8), Y.astype(np.uint64)):
            found = check_classification(x, y, classes=3)
            assert found[0] is x and found[1] is y
    x, y = check_classification(X.tolist(), Y.tolist())
    assert np.array_equal(x, X) and np.array_equal(y, Y)
    images = X.reshape(4, 3, 1, 1)
    assert check_classification(images, Y, ndim=4)[0] is images
    assert check_classification(images, Y, ndim=None)[0] is images


WRONG = [
    (X[0], Y, {}, "X has shape (3,), where (rows, features) is needed; write X.reshape(-1, 1)"),
    (X.reshape(2, 2, 3), Y, {}, "X has shape (2, 2, 3), where (rows, features) is needed; write X.reshape(len(X), -1)"),
    (np.float64(3), Y, {}, "X has shape (), where (rows, features) is needed; reshape it"),
    (X, Y, {"ndim": 4}, "X has shape (4, 3), where 4 dimensions is needed"),
    (X[0], Y, {"ndim": None}, "X has shape (3,), where 2 dimensions or more is needed"),
    (X[:0], Y, {}, "X is empty, of shape (0, 3)"),
    (X[:, :0], Y, {}, "X is empty, of shape (4, 0)"),
    (X > 1, Y, {}, "X holds bool, not real numbers; write X.astype(np.float32)"),
    (X.astype(str), Y, {}, "not real numbers; if the text is numbers, write X.astype(np.float32)"),
    (X + 1j, Y, {}, "X holds complex128, not real numbers; split it into real features"),
    ([[1, None]], [0], {}, "X holds object, not real numbers; write np.asarray(X, dtype=np.float32)"),
    (X.astype("datetime64[s]"), Y, {}, "X holds datetime64[s], not real numbers; numbers are needed"),
    ([[1, 2], [3]], [0, 1], {}, "X is not an array: its rows differ in length, perhaps"),
    (sparse.csr_matrix(X), Y, {}, "X is a sparse matrix; write X.toarray()"),
    (np.ma.masked_less(X, 2), Y, {}, "X has masked entries; drop those rows"),
    (hole(np.nan), Y, {}, "X holds 1 NaN of 12 values; the first is X[2, 1] = nan. Drop those rows or fill them in"),
    (hole(-np.inf), Y, {}, "X holds 1 infinite of 12 values; the first is X[2, 1] = -inf"),
    (hole(np.nan) + hole(np.inf, 3), Y, {}, "X holds 1 NaN and 1 infinite of 12 values; the first is X[2, 1] = nan"),
    (X, Y[:3], {}, "X has 4 rows but y has 3 labels; each row needs one label"),
    (X, Y[:0], {}, "y is empty"),
    (X, Y[:, None], {}, "y has shape (4, 1), where (rows,) is needed; write y.ravel()"),
    (X, np.eye(3, dtype=int)[Y], {}, "(4, 3), where (rows,) is needed; if it is one-hot, write y.argmax(axis=1)"),
    (X, 3, {}, "y has shape (), where (rows,) is needed; give one label a row"),
    (X, Y.astype(float), {}, "y holds float64; labels are integers: write y.astype(int)"),
    (X, Y + 0.5, {}, "y[0] is 0.5, which is no class; labels are integers"),
    (X, [0.0, 1.0, np.nan, 1.0], {}, "y[2] is nan, which is no class"),
    (X, Y > 0, {}, "y holds booleans; labels are integers: write y.astype(int)"),
    (X, ["cat", "dog", "cat", "cow"], {}, "y holds text or objects, y[0] is 'cat'; labels are integers"),
    (X, np.array(["cat", None, 1, 2.0], object), {}, "y[0] is 'cat'; labels are integers: write `class_names, y ="),
    (X, Y + 0j, {}, "y holds complex128; labels are integers"),
    (X, Y, {"classes": 2}, "y[1] is 2; with 2 classes a label is one of 0 … 1"),
    (X, Y - 1, {"classes": 3}, "y[0] is -1; with 3 classes a label is one of 0 … 2"),
    (X, Y - 1, {}, "y[0] is -1; a label is one of 0, 1, 2, …"),
    (X, Y, {"classes": 0}, "classes=0 is not a number of classes"),
    (X, Y, {"classes": 3.0}, "classes=3.0 is not a number of classes"),
    (X, Y, {"classes": True}, "classes=True is not a number of classes"),
]  # fmt: skip


@pytest.mark.parametrize("x, y, options, message", WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_told(x, y, options, message: str):
    with pytest.raises(DataError) as told:
        check_classification(x, y, name="mine", **options)
    assert str(told.value).startswith("mine: ") and message in str(told.value)


def test_the_first_place_is_found_far_down():
    x = np.zeros((BLOCK + 9, 2), np.float32)
    x[BLOCK + 3, 1] = x[BLOCK + 5, 0] = np.nan
    with pytest.raises(DataError, match=rf"2 NaN of .* the first is X\[{BLOCK + 3}, 1\] = nan"):
        check_classification(x, np.zeros(len(x), int))


def test_each_row_is_in_one_split_with_its_label():
    x = np.arange(2.0 * 101).reshape(101, 2)
    data = from_arrays(x, np.arange(101) % 7, name="count", source="counting")
    assert [s.rows for s in (data.train, data.validation, data.test)] == [71, 15, 15]
    rows = np.concatenate([split.X[:, 0] / 2 for split in (data.train, data.validation, data.test)])
    assert sorted(rows) == list(range(101))
    for features, labels in (data.train, data.validation, data.test):
        assert features.dtype == np.float32 and labels.dtype == np.int64
        assert np.array_equal(features[:, 0] // 2 % 7, labels)
    assert (data.classes, data.class_names, data.image_shape) == (7, tuple("0123456"), None)
    assert (data.name, data.source) == ("count", "counting")
    assert repr(data) == "Dataset('count': 71 train, 15 validation, 15 test; 2 features as float32; 7 classes)"
    assert repr(data.test) == "Split(X: float32 (15, 2), y: int64 (15,))"


def test_the_order_is_the_seeds():
    x, y = np.arange(40.0)[:, None], np.arange(40) % 3
    first, again, other = (from_arrays(x, y, seed=seed).train.X for seed in (3, 3, 4))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert np.array_equal(first, np.random.default_rng(3).permutation(40)[:28, None])


def test_splits_share_one_array_and_not_the_callers():
    x = np.ones((20, 2), np.float32)
    data = from_arrays(x, np.zeros(20, int))
    assert data.train.X.base is data.validation.X.base is data.test.X.base is not None
    data.train.X[:] = 5
    assert (x == 1).all() and (data.test.X == 1).all()


def test_counts_names_shapes_and_types():
    data = from_arrays(
        X, Y, validation=1, test=0, class_names=["a", "b", "c", "d"], image_shape=[3, 1], dtype="float64"
    )
    assert [s.rows for s in (data.train, data.validation, data.test)] == [3, 1, 0]
    assert data.test.X.shape == (0, 3) and data.train.X.dtype == np.float64
    assert (data.classes, data.class_names, data.image_shape) == (4, ("a", "b", "c", "d"), (3, 1))
    assert from_arrays(X, Y, validation=0.01, test=0.0).validation.rows == 1  # not 0: some were asked for
    images = from_arrays(np.zeros((5, 4, 3, 2)), np.zeros(5, int), ndim=4, image_shape=(4, 3, 2))
    assert images.train.X.shape == (3, 4, 3, 2) and "4x3x2 features" in repr(images)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"validation": 1.0}, "validation=1.0 is neither a fraction in [0, 1) nor a number of rows"),
        ({"test": -0.1}, "test=-0.1 is neither a fraction"),
        ({"test": "half"}, "test='half' is neither a fraction"),
        ({"test": True}, "test=True is neither a fraction"),
        ({"validation": 5}, "validation=5 rows cannot be taken from 4"),
        ({"validation": 2, "test": 0.5}, "validation takes 2 and test 2 of 4 rows; none is left to train on"),
        ({"class_names": ["a", "b"]}, "y[1] is 2; with 2 classes a label is one of 0 … 1"),
        ({"class_names": ["a"], "classes": 3}, "class_names holds 1 names for 3 classes"),
        ({"image_shape": (2, 2)}, "an image of shape (2, 2) does not hold the 3 features of a row of X"),
        ({"dtype": "float16"}, "features can be kept as float32 or float64, not as 'float16'"),
        ({"dtype": None}, "not as None"),
        ({"dtype": "no type"}, "not as 'no type'"),
        ({"seed": -1}, "seed=-1 does not fix an order of the rows"),
        ({"seed": None}, "seed=None does not fix an order of the rows"),
    ],
)
def test_what_is_wrong_with_a_split_is_told(options, message: str):
    with pytest.raises(DataError) as told:
        from_arrays(X, Y, **options)
    assert message in str(told.value)


def test_a_stray_label_makes_no_million_classes():
    with pytest.raises(DataError, match=r"y\[1\] is 1000000000, yet there are only 4 rows; number the classes from 0"):
        from_arrays(X, [0, 10**9, 1, 2])


def test_numbers_too_large_for_float32_are_told():
    with pytest.raises(DataError, match="too large for float32; scale them, or write dtype='float64'"):
        from_arrays(X * 1e300, Y)
    assert np.isfinite(from_arrays(X * 1e300, Y, dtype="float64").train.X).all()
