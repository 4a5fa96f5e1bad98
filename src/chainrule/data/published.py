"""MNIST and Fashion-MNIST: 60,000 + 10,000 grey images of 28x28 pixels in ten classes, as published in idx files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..graph.errors import DataError
from . import facts
from .dataset import Dataset, Split, float_type
from .download import Progress, fetch
from .facts import CLASSES, FASHION_MNIST, MNIST, NAMES, SIDE, TEST_LABELS, About
from .idx import read_idx
from .places import VARIABLE, cache, find, named_place
from .rows import blocks, empty, order


def mnist(
    data_dir: str | os.PathLike[str] | None = None,
    *,
    validation: int = 10_000,
    seed: int = 0,
    dtype: DTypeLike = np.float32,
    download: bool = True,
    timeout: float = 30.0,
    progress: Progress | None = None,
) -> Dataset:
    """MNIST's handwritten digits: each X is (rows, 784) in [0, 1], each y (rows,) of 0 … 9.

    The 60,000 training images are put in an order drawn from ``numpy.random.default_rng(seed)``; the last `validation`
    of them become the validation split, the others (50,000) train. Test is the published test file in its own order.
    Train and validation are slices of one array: one float copy of the images is kept, in `dtype` (float32 or float64).

    data_dir   a folder with the four files, or with a sub-folder ``mnist`` that has them, compressed or not. Without it
               the folder that the environment variable CHAINRULE_DATA names; without that the user's cache
               (``~/.cache/chainrule/mnist``), into which the files are downloaded (12 MB) unless ``download=False``
    timeout    seconds, for each wait on the network
    progress   called as progress(file name, bytes so far, bytes in all) while downloading

    Raises `DataError`: the files are not there and cannot be had, or are not what they should be.

    Source: http://yann.lecun.com/exdb/mnist/, by mirrors.

    >>> data = mnist()                                      # doctest: +SKIP
    >>> data                                                # doctest: +SKIP
    Dataset('mnist': 50,000 train, 10,000 validation, 10,000 test; 784 features as float32; 10 classes)
    >>> X, y = data.train                                   # doctest: +SKIP
    """
    return _load(MNIST, data_dir, validation, seed, dtype, download, timeout, progress)


def fashion_mnist(
    data_dir: str | os.PathLike[str] | None = None,
    *,
    validation: int = 10_000,
    seed: int = 0,
    dtype: DTypeLike = np.float32,
    download: bool = True,
    timeout: float = 30.0,
    progress: Progress | None = None,
) -> Dataset:
    """Fashion-MNIST's photographs of clothes, of MNIST's shape and split; everything else as in `mnist`.

    The sub-folder is called ``fashion-mnist``; the download is 31 MB.

    Source: https://github.com/zalandoresearch/fashion-mnist (MIT licence).

    >>> fashion_mnist().class_names[9]                      # doctest: +SKIP
    'Ankle boot'
    """
    return _load(FASHION_MNIST, data_dir, validation, seed, dtype, download, timeout, progress)


def _load(
    about: About,
    data_dir: str | os.PathLike[str] | None,
    validation: int,
    seed: int,
    dtype: DTypeLike,
    download: bool,
    timeout: float,
    progress: Progress | None,
) -> Dataset:
    kept = float_type(dtype)
    paths, again = _paths(about, data_dir, download, timeout, progress)
    train_images, train_labels, test_images, test_labels = (paths[name] for name in NAMES)
    with _advice(again):
        unseen_y = _labels(about, test_labels)
        _is(about, test_labels, unseen_y)
        y = _labels(about, train_labels)
    taken = _order(about, validation, seed, len(y))
    with _advice(again):
        X = _scaled(_images(about, train_images, train_labels, len(y)), taken, kept)
        unseen_X = _scaled(_images(about, test_images, test_labels, len(unseen_y)), None, kept)
    y, cut = y[taken].astype(np.int64), len(y) - validation
    return Dataset(
        name=about.name,
        train=Split(X[:cut], y[:cut]),
        validation=Split(X[cut:], y[cut:]),
        test=Split(unseen_X, unseen_y.astype(np.int64)),
        classes=CLASSES,
        class_names=about.class_names,
        image_shape=(SIDE, SIDE),
        source=f"{about.title} ({about.origin}), read from {train_images.parent}",
    )


def _paths(
    about: About, data_dir: str | os.PathLike[str] | None, download: bool, timeout: float, progress: Progress | None
) -> tuple[Mapping[str, Path], str]:
    """The path of each file by its published name, and what to do when one of them turns out bad."""
    place = named_place(data_dir)
    if place:
        folder, how = place
        found, missing = find(NAMES, folders := (folder / about.name, folder))
        if missing:
            raise _not_found(about, missing, folders, f"{how} was asked for, so nothing was downloaded.")
        return found, ""
    folder = cache(about.name)
    found, missing = find(NAMES, (folder,))
    if missing:
        if not download:
            raise _not_found(about, missing, (folder,), "download=False was asked for, so nothing was downloaded.")
        try:
            wanted = [file for file in facts.FILES[about.name] if file.name in missing]
            fetch(wanted, facts.MIRRORS[about.name], folder, timeout=timeout, progress=progress)
        except DataError as why:
            raise _not_found(about, find(NAMES, (folder,))[1], (folder,), str(why)) from None
        found, _ = find(NAMES, (folder,))
    return found, f"; delete {folder} and it will be downloaded again"


@contextmanager
def _advice(what_to_do: str) -> Iterator[None]:
    """Add to an error about a file's content what to do about it."""
    try:
        yield
    except DataError as why:
        raise DataError(f"{why}{what_to_do}") from None


def _not_found(about: About, missing: Sequence[str], folders: Sequence[Path], why: str) -> DataError:
    looked = (f"{f}" if f.is_dir() else f"{f} (not a folder)" if f.exists() else f"{f} (not there)" for f in folders)
    return DataError(
        f"{about.title} was not found.\n"
        f"missing: {', '.join(missing)}\n"
        f"looked in: {'; '.join(looked)}\n"
        f"{why}\n"
        f"What to do: put the four files {', '.join(NAMES)} (or the same without .gz) in a folder, "
        f"and pass it as data_dir= or set the environment variable {VARIABLE} to it."
    )


def _labels(about: About, path: Path) -> NDArray[np.uint8]:
    y = read_idx(path)
    if y.dtype != np.uint8 or y.ndim != 1 or not len(y):
        like = "; these look like images" if y.ndim == 3 else ""
        raise DataError(
            f"{path}: holds {y.dtype} of shape {y.shape}{like}; {about.title}'s labels are uint8 of shape (rows,)"
        )
    if (high := y >= CLASSES).any():
        row = int(high.argmax())
        raise DataError(f"{path}: the label of row {row:,} is {y[row]}; {about.title}'s labels are 0 … {CLASSES - 1}")
    return y


def _is(about: About, path: Path, y: NDArray[np.uint8]) -> None:
    """Refuse the other data set, whose files have the same names."""
    found = hashlib.sha256(y.tobytes()).hexdigest()
    if (other := TEST_LABELS.get(found, about)) is not about:
        raise DataError(
            f"{path}: these are the labels of {other.title}, whose files have the same names; "
            f"put {about.title}'s in a sub-folder called {about.name}"
        )


def _images(about: About, path: Path, labels: Path, rows: int) -> NDArray[np.uint8]:
    images = read_idx(path)
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
        like = "; these look like labels" if images.ndim == 1 else ""
        raise DataError(
            f"{path}: holds {images.dtype} of shape {images.shape}{like}; "
            f"{about.title}'s images are uint8 of shape (rows, {SIDE}, {SIDE})"
        )
    if len(images) != rows:
        raise DataError(
            f"{path}: holds {len(images):,} images, but {labels} holds {rows:,} labels; each image needs one"
        )
    return images.reshape(rows, SIDE * SIDE)


def _order(about: About, validation: int, seed: int, rows: int) -> NDArray[np.int64]:
    """The order of the training file's rows; the last `validation` of them are the validation split."""
    if isinstance(validation, bool) or not isinstance(validation, int | np.integer) or not 0 <= validation < rows:
        raise DataError(
            f"{about.title}: validation={validation!r} is not a number of the training file's {rows:,} rows; "
            f"write an int from 0 to {rows - 1:,}"
        )
    return order(rows, seed)


def _scaled(raw: NDArray[np.uint8], taken: NDArray[np.int64] | None, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The rows of `raw`, as `taken`, as numbers in [0, 1]: one array, filled and divided in place block by block."""
    X = empty(raw.shape, dtype)
    for rows in blocks(len(raw)):
        X[rows] = raw[rows if taken is None else taken[rows]]
        X[rows] /= 255
    return X
