"""Arrays of one's own in an npz file: with splits of its own or without, and nothing in it executed."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from chainrule.data import check_dataset, from_arrays, npz
from chainrule.graph.errors import DataError

rng = np.random.default_rng(9)
X, Y = rng.normal(size=(23, 4)), np.arange(23) % 3


@pytest.fixture
def save(tmp_path: Path):
    def saver(**arrays) -> Path:
        np.savez_compressed(tmp_path / "mine.npz", **arrays)
        return tmp_path / "mine.npz"

    return saver


def rows(data):
    return [split.rows for split in (data.train, data.validation, data.test)]


def test_two_arrays_are_split_as_arrays_in_memory_are(save):
    for names in (("X", "y"), ("x", "Y")):
        path = save(**dict(zip(names, (X, Y))), notes=np.array(["left alone"]))
        data = npz(path, validation=5, test=0.1, seed=4, standardize=True)
        right = from_arrays(X, Y, validation=5, test=0.1, seed=4, standardize=True)
        check_dataset(data)
        for a, b in zip((data.train, data.validation, data.test), (right.train, right.validation, right.test)):
            assert np.array_equal(a.X, b.X) and np.array_equal(a.y, b.y)
        assert (data.name, data.source, data.class_names) == ("mine", f"read from {path}", ("0", "1", "2"))


@pytest.mark.parametrize("validation", ["validation", "val", "valid"])
def test_splits_of_the_file_are_kept_in_order(save, validation: str):
    path = save(
        X_train=X[:10], y_train=Y[:10], X_test=X[10:13], y_test=Y[10:13],
        **{f"X_{validation}": X[13:], f"y_{validation}": Y[13:]},
    )  # fmt: skip
    data = npz(path, dtype="float64", seed=3)
    check_dataset(data)
    for split, part in zip((data.train, data.validation, data.test), (slice(10), slice(13, 23), slice(10, 13))):
        assert np.array_equal(split.X, X[part]) and np.array_equal(split.y, Y[part])


def test_a_split_that_is_not_there_is_drawn_from_training(save):
    order = np.random.default_rng(3).permutation(20)
    data = npz(save(x_train=X[:20], y_train=Y[:20], x_test=X[20:], y_test=Y[20:]), validation=0.25, seed=3, dtype=float)
    assert rows(data) == [15, 5, 3]
    assert np.array_equal(data.train.X, X[order[:15]]) and np.array_equal(data.validation.y, Y[order[15:]])
    assert np.array_equal(data.test.X, X[20:])
    data = npz(save(X_train=X[:20], y_train=Y[:20], X_val=X[20:], y_val=Y[20:]), test=4, seed=3, dtype=float)
    assert rows(data) == [16, 3, 4]
    assert np.array_equal(data.validation.X, X[20:]) and np.array_equal(data.test.X, X[order[16:]])
    assert rows(npz(save(X_train=X, y_train=Y), validation=3, test=2)) == [18, 3, 2]
    assert rows(npz(save(X_train=X[:20], y_train=Y[:20], X_test=X[20:], y_test=Y[20:]), validation=0)) == [20, 0, 3]


def test_only_the_training_rows_are_measured(save):
    data = npz(save(X_train=X[:15], y_train=Y[:15], X_test=X[15:] + 100, y_test=Y[15:]), validation=0, standardize=True)
    assert np.allclose(data.mean, X[:15].mean(axis=0)) and data.test.X.mean() > 50


def test_classes_are_those_of_all_splits(save):
    data = npz(save(X_train=X[:3], y_train=["b", "c", "b"], X_test=X[3:5], y_test=["a", "b"]), validation=0)
    assert data.class_names == ("a", "b", "c")
    assert data.train.y.tolist() == [1, 2, 1] and data.test.y.tolist() == [0, 1]


def test_values(save):
    y = rng.normal(size=(23, 2))
    for targets, outputs in ((y, 2), (y[:, 0], 1), (y[:, :1], 1)):
        data = npz(save(X=X, y=targets))
        assert data.regression and data.train.y.shape == (17, outputs) and data.train.y.dtype == np.float32
    assert npz(save(X=X, y=Y), regression=True).train.y.shape == (17, 1)
    assert npz(save(X=X, y=Y.astype(float)), regression=True).regression
    assert npz(save(X=X, y=Y.astype(float)), regression=False).classes == 3


def test_images_stay_images(save):
    data = npz(save(X=rng.integers(0, 256, (23, 5, 4), dtype=np.uint8), y=Y.astype(np.uint8)))
    assert data.train.X.shape == (17, 5, 4) and data.train.X.max() > 200


OBJECTS = np.array([1, "a", None], dtype=object)
WRONG = [
    ({}, {}, "holds nothing; X and y, or X_train and y_train"),
    ({"a": X, "b": Y}, {}, "holds a, b; X and y, or X_train and y_train"),
    ({"X_test": X, "y_test": Y}, {}, "holds X_test, y_test; X and y"),
    ({"X": X, "y": Y, "X_test": X, "y_test": Y}, {}, "holds X, y, X_test, y_test; X and y, or X_train"),
    ({"X": X}, {}, "holds X but no y to go with it"),
    ({"X_train": X, "y_train": Y, "y_test": Y}, {}, "holds y_test but no x to go with it"),
    ({"X": X, "x": X, "y": Y}, {}, "holds both 'X' and 'x'; keep one"),
    ({"X_train": X, "y_train": Y, "X_val": X, "X_valid": X}, {}, "holds both 'X_val' and 'X_valid'"),
    ({"X_train": X, "y_train": Y, "X_tset": X, "y_tset": Y}, {}, "holds an array 'X_tset'; X and y, or"),
    ({"X": X, "y": Y[:5]}, {}, "X has shape (23, 4) and y (5,); each row of X needs its row of y"),
    ({"X": X, "y": 3}, {}, "X has shape (23, 4) and y ()"),
    ({"X": X[0], "y": Y[:4]}, {}, "X has shape (4,), where 2 dimensions or more is needed"),
    ({"X": X[:0], "y": Y[:0]}, {}, "X is empty"),
    ({"X_train": X, "y_train": Y, "X_test": X[:, :3], "y_test": Y}, {}, ", test: X has shape (23, 3), y (23,) of"),
    ({"X_train": X, "y_train": Y, "X_test": X, "y_test": Y + 0.5}, {}, "do not go with train's, X of (23, 4), y"),
    ({"X_train": X, "y_train": Y, "X_test": np.where(X[2, 1] == X, np.nan, X), "y_test": Y}, {},
     ", test: X holds 1 NaN of 92 values; the first is X[2, 1] = nan"),
    ({"X": X, "y": np.where(Y == 1, np.nan, Y)}, {}, "mine: y holds 8 NaN of 23 values; the first is y[1] = nan"),
    ({"X": X, "y": Y > 0}, {}, "mine: y holds booleans; labels are integers: write y.astype(int)"),
    ({"X": X, "y": np.eye(3, dtype=int)[Y]}, {}, "if it is one-hot, write y.argmax(axis=1)"),
    ({"X": X, "y": np.eye(3)[Y]}, {}, "whole numbers written as floats; say regression=True"),
    ({"X": X, "y": np.eye(3)[Y]}, {"regression": False}, "if it is one-hot, write y.argmax(axis=1)"),
    ({"X": X, "y": Y + 0.5}, {"regression": False}, "y[0]: 0.5 is no class; say regression=True if it is a value"),
    ({"X_train": X, "y_train": Y * 1.0, "X_test": X, "y_test": np.r_[0, 1e300, Y[2:]]}, {"regression": False},
     "y_test[1]: 1e+300 is no class"),
    ({"X": X, "y": ["a"] * 23}, {"regression": True}, "mine: y holds text or objects, y[0] is 'a'; values to predict"),
    ({"X": X, "y": np.arange(23)}, {}, "whole numbers, 23 different ones in 23 rows; say regression=True"),
    ({"X": X, "y": Y}, {"validation": 20, "test": 3}, "mine: validation takes 20 and test 3 of 23 rows; none is left"),
    ({"X": X, "y": Y}, {"dtype": int}, "float32 or float64"),
]  # fmt: skip


@pytest.mark.parametrize("arrays, options, message", WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_told(save, arrays, options, message: str):
    with pytest.raises(DataError) as told:
        npz(save(**arrays), **options)
    assert message in str(told.value)


def test_python_objects_are_never_made(tmp_path: Path, save):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    for content in (np.array([Trap(), 1], dtype=object), OBJECTS):
        with pytest.raises(DataError, match=r"mine.npz: holds Python objects, which are not read"):
            npz(save(X=X, y=content))
    (tmp_path / "bare.npz").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match=r"bare.npz: holds Python objects, which are not read, or is no npz file"):
        npz(tmp_path / "bare.npz")
    assert not (tmp_path / "sprung").exists()


def test_what_is_no_npz_file_is_told(tmp_path: Path, save):
    with pytest.raises(DataError, match="there is no such file; an npz file was expected"):
        npz(tmp_path / "none.npz")
    with pytest.raises(DataError, match="is a folder"):
        npz(tmp_path)
    np.save(tmp_path / "one.npy", X)
    with pytest.raises(DataError, match=r"holds one array; np\.savez"):
        npz(tmp_path / "one.npy")
    (tmp_path / "empty.npz").touch()
    with pytest.raises(DataError, match="is empty"):
        npz(tmp_path / "empty.npz")


def test_a_damaged_file_is_told(save, tmp_path: Path):
    """Cut anywhere, or with any byte turned over: a DataError, or, where it does not matter, the data."""
    path = save(X=X, y=Y)
    good = path.read_bytes()
    right = npz(path).train.X
    bad = tmp_path / "bad.npz"
    for cut in range(0, len(good), 37):
        bad.write_bytes(good[:cut])
        with pytest.raises(DataError, match=r"bad\.npz: "):
            npz(bad)
    refused = 0
    for at in range(0, len(good), 3):
        bad.write_bytes(good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :])
        try:
            found = npz(bad).train.X
        except DataError as why:
            assert "bad.npz: " in str(why)
            refused += 1
        else:
            assert np.array_equal(found, right)
    assert refused > len(good) / 6
