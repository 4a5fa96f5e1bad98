"""MNIST and Fashion-MNIST: 60,000 + 10,000 grey images of 28x28 pixels in ten classes, as published in idx files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..graph.errors import DataError
from . import facts
from .dataset import Dataset, Split, float_type
from .download import Progress, fetch
from .facts import CLASSES, FASHION_MNIST, MNIST, NAMES, SIDE, TEST_LABELS, About
from .idx import read_idx
from .places import VARIABLE, cache, find, named_place
from .rows import empty, order
from .scaling import mean_of, prepare


def mnist(
    data_dir: str | os.PathLike[str] | None = None,
    *,
    split: Literal["published", "course"] = "published",
    validation: int = 10_000,
    seed: int = 0,
    scale: Literal["unit", "raw"] = "unit",
    center: bool = False,
    dtype: DTypeLike = np.float32,
    download: bool = True,
    timeout: float = 30.0,
    progress: Progress | None = None,
) -> Dataset:
    """MNIST's handwritten digits: each X is (rows, 784), by default in [0, 1], each y (rows,) of 0 … 9.

    One float copy of the images is kept, in `dtype` (float32 or float64); the splits cut from it are slices.

    split      "published": the 60,000 training images are put in an order drawn from
               ``numpy.random.default_rng(seed)``; the last `validation` of them become the validation split, the others
               (50,000) train. Test is the published test file in its own order.
               "course": all 70,000 images, the training file's and then the test file's, in the order of
               ``numpy.random.seed(seed); numpy.random.permutation(70000)`` (NumPy's own generator is left alone); the
               first 50,000 train, the next `validation` validate, the last 10,000 test. So a published course exercise
               has it, with seed 0; its test images are not those of other publications on MNIST
    scale      "unit": pixels in [0, 1]; "raw": pixels as they are, 0 … 255
    center     subtract the mean image of the training split from the images of all three. It is kept as ``data.mean``,
               in pixels of 0 … 255; ``data.transform(images)`` treats new images alike and
               ``data.inverse_transform(X)`` gives back pixels of 0 … 255 to be shown
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
    >>> exercise = mnist(split="course", scale="raw", center=True)      # doctest: +SKIP
    """
    wanted = _Wanted(MNIST, split, validation, seed, scale, center, float_type(dtype))
    return _load(wanted, data_dir, download, timeout, progress)


def fashion_mnist(
    data_dir: str | os.PathLike[str] | None = None,
    *,
    split: Literal["published", "course"] = "published",
    validation: int = 10_000,
    seed: int = 0,
    scale: Literal["unit", "raw"] = "unit",
    center: bool = False,
    dtype: DTypeLike = np.float32,
    download: bool = True,
    timeout: float = 30.0,
    progress: Progress | None = None,
) -> Dataset:
    """Fashion-MNIST's photographs of clothes, of MNIST's shape and splits; everything else as in `mnist`.

    The sub-folder is called ``fashion-mnist``; the download is 31 MB.

    Source: https://github.com/zalandoresearch/fashion-mnist (MIT licence).

    >>> fashion_mnist().class_names[9]                      # doctest: +SKIP
    'Ankle boot'
    """
    wanted = _Wanted(FASHION_MNIST, split, validation, seed, scale, center, float_type(dtype))
    return _load(wanted, data_dir, download, timeout, progress)


class _Wanted(NamedTuple):
    """What was asked for, as in `mnist`."""

    about: About
    split: str
    validation: int
    seed: int
    scale: str
    center: bool
    dtype: np.dtype[Any]


def _load(
    wanted: _Wanted, data_dir: str | os.PathLike[str] | None, download: bool, timeout: float, progress: Progress | None
) -> Dataset:
    about, course = wanted.about, _one_of(wanted, "split", "published", "course") == "course"
    divisor = 255.0 if _one_of(wanted, "scale", "unit", "raw") == "unit" else None
    paths, again = _paths(about, data_dir, download, timeout, progress)
    train_images, train_labels, test_images, test_labels = (paths[name] for name in NAMES)
    with _advice(again):
        unseen_y = _labels(about, test_labels)
        _is(about, test_labels, unseen_y)
        y = _labels(about, train_labels)
    n_train = _train_rows(wanted, len(y))
    n_held_out = n_train + wanted.validation
    if course:
        y = np.concatenate([y, unseen_y])
    taken = _course_order(wanted, len(y)) if course else order(len(y), wanted.seed)
    with _advice(again):
        raw = _images(about, train_images, train_labels, n_held_out)
        if course:
            raw = np.concatenate([raw, _images(about, test_images, test_labels, len(unseen_y))])
        mean = mean_of(raw, taken[:n_train]) if wanted.center else None
        X = empty(raw.shape, wanted.dtype)
        prepare(X, raw, taken, mean, divisor)
        del raw  # before the next file is read: one set of raw images at a time
        y = y[taken].astype(np.int64)
        if course:
            unseen = Split(X[n_held_out:], y[n_held_out:])
        else:
            raw = _images(about, test_images, test_labels, len(unseen_y))
            unseen = Split(empty(raw.shape, wanted.dtype), unseen_y.astype(np.int64))
            prepare(unseen.X, raw, None, mean, divisor)
    return Dataset(
        name=about.name,
        train=Split(X[:n_train], y[:n_train]),
        validation=Split(X[n_train:n_held_out], y[n_train:n_held_out]),
        test=unseen,
        classes=CLASSES,
        class_names=about.class_names,
        image_shape=(SIDE, SIDE),
        source=f"{about.title} ({about.origin}), read from {train_images.parent}",
        mean=mean,
        divisor=divisor,
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


def _train_rows(wanted: _Wanted, rows: int) -> int:
    """How many rows train, when the training file has `rows`."""
    n = wanted.validation
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 0 <= n < rows:
        raise DataError(
            f"{wanted.about.title}: validation={n!r} is not a number of the training file's {rows:,} rows; "
            f"write an int from 0 to {rows - 1:,}"
        )
    return rows - int(n)


def _one_of(wanted: _Wanted, option: str, *allowed: str) -> str:
    value = getattr(wanted, option)
    if value not in allowed:
        choices = " or ".join(map(repr, allowed))
        raise DataError(f"{wanted.about.title}: {option}={value!r} is unknown; write {choices}")
    return value


def _course_order(wanted: _Wanted, rows: int) -> NDArray[np.int64]:
    """What np.random.permutation(rows) answers after np.random.seed(seed), from a generator of our own."""
    seed = wanted.seed
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise DataError(f"seed={seed!r} does not fix an order of the rows; write an int from 0 to 2**32 - 1")
    return np.random.RandomState(int(seed)).permutation(rows)
