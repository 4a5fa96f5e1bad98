"""MNIST and Fashion-MNIST from a folder: where they are looked for, how they are split, what can be wrong with them."""

from __future__ import annotations

import gc
import hashlib
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from chainrule.data import check_dataset, facts, fashion_mnist, mnist, read_idx
from chainrule.data.facts import FASHION_MNIST, NAMES
from chainrule.graph.errors import DataError

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES


def same(a, b) -> bool:
    return all(np.array_equal(p, q) for s, t in zip((a.train, a.test), (b.train, b.test)) for p, q in zip(s, t))


def test_the_split_is_the_documented_one(small_folder: Path, small_set):
    data = mnist(small_folder, validation=7, seed=3)
    order = np.random.default_rng(3).permutation(37)
    scaled = small_set[TRAIN_IMAGES].reshape(37, 784).astype(np.float32) / 255
    assert np.array_equal(data.train.X, scaled[order[:30]])
    assert np.array_equal(data.validation.X, scaled[order[30:]])
    assert np.array_equal(data.train.y, small_set[TRAIN_LABELS][order[:30]])
    assert np.array_equal(data.validation.y, small_set[TRAIN_LABELS][order[30:]])
    assert np.array_equal(data.test.X, small_set[TEST_IMAGES].reshape(11, 784).astype(np.float32) / 255)
    assert np.array_equal(data.test.y, small_set[TEST_LABELS])
    assert data.train.X.dtype == np.float32 and data.train.y.dtype == data.test.y.dtype == np.int64
    assert (data.name, data.classes, data.class_names, data.image_shape) == ("mnist", 10, tuple("0123456789"), (28, 28))
    assert str(small_folder) in data.source and "LeCun" in data.source


def test_train_and_validation_are_slices_of_one_array(small_folder: Path):
    data = mnist(small_folder, validation=7)
    assert data.train.X.base is data.validation.X.base is not None
    assert data.train.X.flags.c_contiguous and data.validation.X.flags.c_contiguous
    assert data.train.X.base.nbytes == 37 * 784 * 4 + 64
    assert data.train.X.ctypes.data % 64 == 0  # XLA on a CPU works where it lies, without a copy


def test_float64_and_no_validation(small_folder: Path, small_set):
    data = mnist(small_folder, validation=0, dtype=np.float64)
    assert data.validation.X.shape == (0, 784) and data.train.rows == 37
    assert data.test.X.dtype == np.float64
    assert np.array_equal(data.test.X, small_set[TEST_IMAGES].reshape(11, 784) / 255)


def test_raw_pixels_and_the_mean_image(small_folder: Path, small_set):
    order = np.random.default_rng(3).permutation(37)
    raw, unseen = (small_set[name].reshape(-1, 784).astype(float) for name in (TRAIN_IMAGES, TEST_IMAGES))
    mean = raw[order[:30]].mean(axis=0)
    for scale, divisor in (("raw", 1), ("unit", 255)):
        for dtype, tolerance in ((np.float32, 2e-7), (np.float64, 1e-15)):
            plain = mnist(small_folder, validation=7, seed=3, scale=scale, dtype=dtype)
            assert plain.mean is None and plain.divisor == (None if divisor == 1 else 255)
            assert np.allclose(plain.train.X, raw[order[:30]] / divisor, rtol=tolerance, atol=0)
            data = mnist(small_folder, validation=7, seed=3, scale=scale, center=True, dtype=dtype)
            assert data.mean.dtype == np.float64 and np.allclose(data.mean, mean, rtol=1e-15)
            for split, rows in zip((data.train, data.validation), (order[:30], order[30:])):
                assert np.allclose(split.X, (raw[rows] - mean) / divisor, rtol=tolerance, atol=1e-12)
            assert np.allclose(data.test.X, (unseen - mean) / divisor, rtol=tolerance, atol=1e-12)
            assert data.train.X.dtype == data.test.X.dtype == dtype
            assert np.array_equal(data.transform(small_set[TEST_IMAGES].reshape(-1, 784)), data.test.X)
            assert np.array_equal(np.rint(data.inverse_transform(data.test.X)), unseen)


@pytest.mark.parametrize("center", [False, True])
def test_the_course_splits_both_files_together(small_folder: Path, small_set, center: bool):
    X = np.concatenate([small_set[TRAIN_IMAGES], small_set[TEST_IMAGES]]).reshape(48, 784).astype(float)
    y = np.concatenate([small_set[TRAIN_LABELS], small_set[TEST_LABELS]])
    before = np.random.get_state()[1].copy()
    data = mnist(small_folder, split="course", validation=9, scale="raw", center=center, dtype=np.float64)
    assert np.array_equal(np.random.get_state()[1], before)  # the global generator is the caller's
    order = np.random.RandomState(0).permutation(48)
    mean = X[order[:28]].mean(axis=0) if center else 0
    for split, rows in zip((data.train, data.validation, data.test), np.split(order, [28, 37])):
        assert np.allclose(split.X, X[rows] - mean, rtol=1e-15, atol=1e-12) and np.array_equal(split.y, y[rows])
        assert split.X.flags.c_contiguous and split.X.base is data.train.X.base and split.y.dtype == np.int64
    other = mnist(small_folder, split="course", validation=9, seed=1)
    assert np.array_equal(other.test.y, y[np.random.RandomState(1).permutation(48)[37:]])


def test_the_course_order_is_that_of_the_global_generator():
    state = np.random.get_state()
    try:
        np.random.seed(0)
        order = np.random.permutation(70_000)
    finally:
        np.random.set_state(state)
    assert np.array_equal(order, np.random.RandomState(0).permutation(70_000))


def test_where_the_files_may_lie(small_folder: Path, no_place: Path, monkeypatch: pytest.MonkeyPatch):
    plain = mnist(small_folder, validation=7)
    parent = small_folder.parent
    small_folder.rename(parent / "mnist")
    assert same(mnist(str(parent), validation=7), plain)  # in a sub-folder
    monkeypatch.setenv("CHAINRULE_DATA", str(parent))
    assert same(mnist(validation=7), plain)  # by the variable
    with pytest.raises(DataError, match="data_dir="):
        mnist(parent / "elsewhere")  # the argument goes before the variable
    monkeypatch.setenv("CHAINRULE_DATA", "")
    no_place.parent.mkdir(parents=True)
    (parent / "mnist").rename(no_place)
    assert same(mnist(validation=7), plain)  # in the cache
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(parent / "home"))
    (parent / "home" / ".cache" / "chainrule").mkdir(parents=True)
    no_place.rename(parent / "home" / ".cache" / "chainrule" / "mnist")
    assert same(mnist(validation=7), plain)
    assert same(mnist("~/.cache/chainrule", validation=7), plain)


def test_the_sub_folder_goes_first(small_folder: Path, small_set, write_idx):
    (small_folder / "fashion-mnist").mkdir()
    for name, array in small_set.items():
        write_idx(small_folder / "fashion-mnist" / name, array[::-1])
    assert np.array_equal(fashion_mnist(small_folder, validation=7).test.y, small_set[TEST_LABELS][::-1])
    assert np.array_equal(mnist(small_folder, validation=7).test.y, small_set[TEST_LABELS])


@pytest.mark.parametrize("spelling", ["train-images-idx3-ubyte", "train-images.idx3-ubyte"])
def test_uncompressed_names(small_folder: Path, small_set, write_idx, spelling: str):
    plain = mnist(small_folder, validation=7)
    (small_folder / TRAIN_IMAGES).unlink()
    write_idx(small_folder / spelling, small_set[TRAIN_IMAGES])
    assert same(mnist(small_folder, validation=7), plain)


def test_what_is_missing_is_named(small_folder: Path, monkeypatch: pytest.MonkeyPatch):
    (small_folder / TEST_LABELS).unlink()
    with pytest.raises(DataError) as told:
        mnist(small_folder)
    text = str(told.value)
    assert text.startswith(f"MNIST was not found.\nmissing: {TEST_LABELS}\n")
    assert f"looked in: {small_folder / 'mnist'} (not there); {small_folder}\n" in text
    assert f"data_dir={str(small_folder)!r} was asked for, so nothing was downloaded." in text
    monkeypatch.setenv("CHAINRULE_DATA", str(small_folder / TRAIN_LABELS))
    with pytest.raises(DataError, match=r"ubyte.gz \(not a folder\)\nCHAINRULE_DATA='.*' was asked for"):
        fashion_mnist()


@pytest.mark.parametrize(
    "name, array, message",
    [
        (TRAIN_LABELS, np.zeros(36, np.uint8), "37 images, but {folder}/train-labels-idx1-ubyte.gz holds 36 labels"),
        (TEST_LABELS, np.array([3, 9, 10, 200] + [0] * 7, np.uint8), "label of row 2 is 10; MNIST's labels are 0 … 9"),
        (TEST_LABELS, np.zeros(11, np.int16), "holds int16 of shape (11,); MNIST's labels are uint8 of shape (rows,)"),
        (TEST_LABELS, np.zeros((11, 28, 28), np.uint8), "shape (11, 28, 28); these look like images; MNIST's"),
        (TRAIN_LABELS, np.zeros(0, np.uint8), "holds uint8 of shape (0,); MNIST's labels are"),
        (TEST_IMAGES, np.zeros(11, np.uint8), "holds uint8 of shape (11,); these look like labels; MNIST's images"),
        (TEST_IMAGES, np.zeros((11, 28, 27), np.uint8), "(11, 28, 27); MNIST's images are uint8 of shape (rows, 28"),
        (TEST_IMAGES, np.zeros((11, 28, 28), np.float32), "holds float32 of shape (11, 28, 28); MNIST's images"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_files_is_told(
    small_folder: Path, write_idx, name: str, array: np.ndarray, message: str
):
    write_idx(small_folder / name, array)
    with pytest.raises(DataError) as told:
        mnist(small_folder, validation=7)
    assert message.format(folder=small_folder) in str(told.value)
    assert str(small_folder) in str(told.value) and "delete" not in str(told.value)


def test_the_other_set_is_known_by_its_labels(small_folder: Path, small_set, monkeypatch: pytest.MonkeyPatch):
    known = hashlib.sha256(small_set[TEST_LABELS].tobytes()).hexdigest()
    monkeypatch.setitem(facts.TEST_LABELS, known, FASHION_MNIST)
    assert fashion_mnist(small_folder, validation=7).name == "fashion-mnist"
    with pytest.raises(DataError, match=r"labels of Fashion-MNIST, .*; put MNIST's in a sub-folder called mnist"):
        mnist(small_folder, validation=7)


def test_a_corrupt_file_is_told(small_folder: Path):
    (small_folder / TEST_IMAGES).write_bytes(b"no gzip, no idx")
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz: is not an idx file"):
        mnist(small_folder, validation=7)


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "MNIST: validation=10000 is not a number of the training file's 37 rows; write an int from 0 to 36"),
        ({"validation": 37}, "validation=37 is not"),
        ({"validation": -1}, "validation=-1 is not"),
        ({"validation": 0.1}, "validation=0.1 is not"),
        ({"validation": 7, "dtype": int}, "float32 or float64, not as <class 'int'>"),
        ({"validation": 7, "seed": "1"}, "seed='1' does not fix an order"),
        ({"validation": 7, "seed": -1, "split": "course"}, "seed=-1 does not fix an order of the rows"),
        ({"validation": 7, "seed": 2**32, "split": "course"}, "write an int from 0 to 2**32 - 1"),
        ({"validation": 37, "split": "course"}, "validation=37 is not"),
        ({"split": "random"}, "MNIST: split='random' is unknown; write 'published' or 'course'"),
        ({"scale": "0-1"}, "MNIST: scale='0-1' is unknown; write 'unit' or 'raw'"),
    ],
)
def test_what_is_wrong_with_the_options_is_told(small_folder: Path, options, message: str):
    with pytest.raises(DataError) as told:
        mnist(small_folder, **options)
    assert message in str(told.value)


# The real files.


@pytest.mark.parametrize("load, mean, first", [(mnist, 0.13251, 7), (fashion_mnist, 0.28685, 9)])
def test_real_data(real_data: Path, load, mean: float, first: int):
    """The mean of the test images is a known constant of each set; memory is the raw bytes and one float copy."""
    gc.collect()
    tracemalloc.start()
    data = load(real_data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000 * 784 * (1 + 4) + (8 << 20)
    assert [s.rows for s in (data.train, data.validation, data.test)] == [50_000, 10_000, 10_000]
    assert data.train.X.shape == (50_000, 784) and data.test.y[0] == first
    assert data.test.X.min() == 0 and data.test.X.max() == 1
    assert data.test.X.mean(dtype=np.float64) == pytest.approx(mean, abs=1e-5)
    y = np.concatenate([data.train.y, data.validation.y])
    counts = np.bincount(y)
    assert counts.sum() == 60_000 and len(counts) == 10
    if load is fashion_mnist:
        assert (counts == 6_000).all() and data.class_names == FASHION_MNIST.class_names


def test_the_published_exercise(real_data: Path):
    """Raw pixels less the mean image; memory is the raw bytes and one float copy, no more."""
    gc.collect()
    tracemalloc.start()
    data = mnist(real_data, split="course", scale="raw", center=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 70_000 * 784 * (1 + 4) + (8 << 20)
    parts = data.train, data.validation, data.test
    assert [s.rows for s in parts] == [50_000, 10_000, 10_000]
    assert np.bincount(np.concatenate([s.y for s in parts])).tolist() == [
        6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958,
    ]  # fmt: skip  # of all 70,000
    raw, labels = read_idx(real_data / "mnist" / TRAIN_IMAGES), read_idx(real_data / "mnist" / TRAIN_LABELS)
    order = np.random.RandomState(0).permutation(70_000)
    first = int(np.flatnonzero(order < 60_000)[0])
    assert data.train.y[first] == labels[order[first]]
    shown = data.inverse_transform(data.train.X[first : first + 1])
    assert np.array_equal(np.rint(shown)[0], raw[order[first]].ravel())
    assert abs(data.train.X.mean(axis=0, dtype=np.float64)).max() < 1e-4 < abs(data.test.X.mean(axis=0)).max()
    assert data.mean.shape == (784,) and 30 < data.mean.mean() < 36
    check_dataset(data)


def test_one_set_is_not_taken_for_the_other(real_data: Path):
    with pytest.raises(
        DataError, match="these are the labels of MNIST, whose files have the same names; put Fashion-MNIST's"
    ):
        fashion_mnist(real_data / "mnist")
    with pytest.raises(DataError, match="these are the labels of Fashion-MNIST"):
        mnist(real_data / "fashion-mnist")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_published_sizes_and_checksums(real_data: Path, name: str):
    for file in facts.FILES[name]:
        content = (real_data / name / file.name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size, file.sha256)
