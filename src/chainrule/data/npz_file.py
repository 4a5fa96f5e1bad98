"""Arrays of one's own in a file of NumPy's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import DTypeLike, NDArray

from ..graph.errors import DataError
from .arrays import check_classification, check_features, check_regression
from .dataset import Dataset, Split, float_type
from .files import size_of
from .rows import order
from .splits import assembled, shares
from .targets import targets

ENDINGS = {
    "": "rows", "_train": "train", "_validation": "validation", "_valid": "validation", "_val": "validation",
    "_test": "test",
}  # fmt: skip
"""How an array's name ends, after X or y, and the split that it belongs to: "rows" are yet to be split."""

_WANTED = "X and y, or X_train and y_train, and maybe X_validation, y_validation, X_test, y_test, are needed"


def npz(
    path: str | os.PathLike[str],
    *,
    regression: bool | None = None,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
    standardize: bool = False,
    dtype: DTypeLike = np.float32,
) -> Dataset:
    """A `Dataset` of a file that ``numpy.savez`` wrote: arrays X and y; or X_train and y_train, and, if there are any,
    X_validation (X_val, X_valid) and X_test with their y. Capital or small letters are alike; other arrays are left.

    X                  (rows, features), or rows of more dimensions, as they are
    y                  (rows,), or, values to predict, (rows, outputs)
    regression         None: text and whole numbers are classes, other floats are values to predict; to be said where
                       the targets may be either. Classes are sorted, and named as in the file
    validation, test   as in `from_arrays`, drawn from the rows of X, or of X_train; not used for a split that the file
                       has itself, which is left in its order
    seed, standardize, dtype   as in `from_arrays`

    Nothing in the file is executed: arrays of Python objects are refused. Raises `DataError`.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "mine.npz")
    ...     np.savez(file, X_train=np.eye(8, 3), y_train=np.arange(8) % 2, X_test=np.eye(2, 3), y_test=[1, 0])
    ...     data = npz(file, validation=0.25)
    >>> data
    Dataset('mine': 6 train, 2 validation, 2 test; 3 features as float32; 2 classes)
    """
    path = Path(path)
    kept = float_type(dtype)
    name = path.stem
    parts = _parts(path)
    _check_parts(path, parts)
    X, y = (arrays[0] if len(arrays) == 1 else np.concatenate(arrays) for arrays in zip(*parts.values()))
    rows = {split: len(part.X) for split, part in parts.items()}
    y, class_names = targets(y, regression, f"{path}", lambda row: _place(path, rows, row))
    if class_names is None:
        check_regression(X, y, name, ndim=None)
    else:
        check_classification(X, y, len(class_names) or None, name, ndim=None)
    taken, counts = _shared_out(rows, validation, test, seed, name)
    return assembled(
        name, X, y, taken, counts, classes=len(class_names or ()), class_names=class_names or (), image_shape=None,
        standardize=standardize, source=f"read from {path}", dtype=kept,
    )  # fmt: skip


def _parts(path: Path) -> dict[str, Split]:
    """X and y of each split in the file: "rows" alone, or "train" and, if there are any, "validation" and "test"."""
    found: dict[tuple[str, str], tuple[str, NDArray[Any]]] = {}  # by letter and split, the name and the array
    size_of(path, "an npz file", "is a zip archive of arrays")
    with _told(path), path.open("rb") as stream:
        file = np.load(stream, allow_pickle=False)
        if not isinstance(file, NpzFile):
            raise DataError(f"{path}: holds one array; np.savez(path, X=X, y=y) writes the two that are needed")
        for key in file.files:
            letter, split = key[:1].lower(), ENDINGS.get(key[1:].lower())
            if letter not in ("x", "y") or split is None:
                if key[:2].lower() in ("x_", "y_"):
                    raise DataError(f"{path}: holds an array {key!r}; {_WANTED}")
                continue
            if (letter, split) in found:
                raise DataError(f"{path}: holds both {found[letter, split][0]!r} and {key!r}; keep one")
            found[letter, split] = key, np.asarray(file[key])
        held = ", ".join(file.files) or "nothing"
    splits = [split for split in dict.fromkeys(ENDINGS.values()) if {("x", split), ("y", split)} & found.keys()]
    if splits[:1] not in (["rows"], ["train"]) or ("rows" in splits and len(splits) > 1):
        raise DataError(f"{path}: holds {held}; {_WANTED}")
    for split in splits:
        for letter, other in ("xy", "yx"):
            if (letter, split) not in found:
                raise DataError(f"{path}: holds {found[other, split][0]} but no {letter} to go with it")
    return {split: Split(found["x", split][1], found["y", split][1]) for split in splits}


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Errors of reading and of unpacking, told as `DataError` about this file."""
    try:
        yield
    except DataError:
        raise
    except Exception as why:  # zipfile, zlib and NumPy raise a dozen kinds at a file that is damaged
        if isinstance(why, ValueError) and "allow_pickle" in str(why):
            raise DataError(
                f"{path}: holds Python objects, which are not read, or is no npz file; write X.astype(float), "
                "y.astype(int) and np.savez(path, X=X, y=y)"
            ) from None
        raise DataError(f"{path}: cannot be read as npz ({why}); np.savez(path, X=X, y=y) writes such a file") from None


def _check_parts(path: Path, parts: dict[str, Split]) -> None:
    """Each split by itself, so that a message has its row numbers, and all against the first."""
    first, (X0, y0) = next(iter(parts.items()))
    for split, (X, y) in parts.items():
        name = f"{path}" if split == "rows" else f"{path}, {split}"
        check_features(X, name, ndim=None)
        if X.shape[1:] != X0.shape[1:] or y.shape[1:] != y0.shape[1:] or y.dtype.kind != y0.dtype.kind:
            raise DataError(
                f"{name}: X has shape {X.shape}, y {y.shape} of {y.dtype}; these do not go with {first}'s, "
                f"X of {X0.shape}, y of {y0.shape} of {y0.dtype}"
            )
        if y.shape[:1] != X.shape[:1]:
            raise DataError(f"{name}: X has shape {X.shape} and y {y.shape}; each row of X needs its row of y")


def _place(path: Path, rows: dict[str, int], row: int) -> str:
    """Where the target of a row of all splits together stands."""
    for split, count in rows.items():
        if row < count:
            return f"{path}: y[{row}]" if split == "rows" else f"{path}: y_{split}[{row}]"
        row -= count
    raise IndexError(row)


def _shared_out(
    rows: dict[str, int], validation: float, test: float, seed: int, name: str
) -> tuple[NDArray[np.int64], tuple[int, int, int]]:
    """The order of the rows, and how many go to each split: those of the file as they are, the others drawn."""
    first, *_ = rows.values()
    n_validation, n_test = rows.get("validation"), rows.get("test")
    drawn = shares(first, 0 if n_validation is not None else validation, 0 if n_test is not None else test, name)
    train, held_out, unseen = np.split(
        np.arange(first) if drawn[0] == first and len(rows) > 1 else order(first, seed), np.cumsum(drawn)[:2]
    )
    if n_validation is not None:
        held_out = first + np.arange(n_validation)
    if n_test is not None:
        unseen = first + (n_validation or 0) + np.arange(n_test)
    return np.concatenate([train, held_out, unseen]), (len(train), len(held_out), len(unseen))
