"""A table of one's own in a CSV file."""

from __future__ import annotations

import math
import os
import re
from array import array
from collections.abc import Iterator, Sequence
from csv import Error as CsvError
from csv import reader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..graph.errors import DataError
from .arrays import check_classification, check_regression
from .columns import Columns, columns_of, number_of, parsed, present
from .dataset import Dataset, float_type
from .files import size_of
from .rows import order
from .splits import assembled, shares
from .targets import targets

_WHOLE = re.compile(r"[+-]?[0-9]+")


def csv(
    path: str | os.PathLike[str],
    target: str | int = -1,
    *,
    drop: Sequence[str | int] = (),
    header: bool | None = None,
    delimiter: str = ",",
    regression: bool | None = None,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
    standardize: bool = False,
    dtype: DTypeLike = np.float32,
) -> Dataset:
    """A `Dataset` of a CSV file: one example a row, in a column each its features and its target.

    target             the column of what is to be learned, by its name in the header or by its index: 0 is the first,
                       -1 the last. All other columns are features: X is (rows, columns - 1 - dropped)
    drop               columns to leave out, such as a row's number: names or indices
    header             is the first line one of names? None: it is if none of its features is a number
    regression         None: text and whole numbers are classes, other numbers are values to predict; to be said where
                       the targets may be either. Classes are sorted, numbers by size, and named as in the file;
                       values are kept as y of (rows, 1)
    validation, test, seed, standardize, dtype   as in `from_arrays`

    The text is UTF-8, quoted as in RFC 4180; blank lines and spaces around a cell do not count. Memory: 8 bytes a
    feature while reading, and the data set.

    Raises `DataError`, which names the line and the column (both counted from 1): a cell that is missing (empty, NA,
    N/A, NaN, null, None, ?), infinite or not a number, a row of another length, two columns of one name, or of none.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "trees.csv")
    ...     _ = file.write_text("height,girth,kind\\n20,1.5,oak\\n30,0.9,elm\\n21,1.4,oak\\n")
    ...     data = csv(file, target="kind", validation=0, test=1)
    >>> data
    Dataset('trees': 2 train, 0 validation, 1 test; 2 features as float32; 2 classes)
    >>> data.feature_names, data.class_names
    (('height', 'girth'), ('elm', 'oak'))
    """
    path = Path(path)
    kept = float_type(dtype)
    table = _read(path, target, drop, header, delimiter)
    name = path.stem
    y, class_names = targets(_typed(table, regression), regression, f"{path}", table.place)
    if class_names is None:
        check_regression(table.X, y, name)
    else:
        check_classification(table.X, y, len(class_names), name)
    rows = len(y)
    return assembled(
        name, table.X, y, order(rows, seed), shares(rows, validation, test, name), classes=len(class_names or ()),
        class_names=class_names or (), image_shape=None, standardize=standardize, source=f"read from {path}",
        dtype=kept, feature_names=table.feature_names,
    )  # fmt: skip


class _Table(NamedTuple):
    """What was read: numbers, the texts of the target column, and where each row began."""

    path: Path
    X: NDArray[np.float64]  # (rows, features)
    target: list[str]
    lines: array[int]
    columns: Columns

    @property
    def feature_names(self) -> tuple[str, ...]:
        names = self.columns.names
        return tuple(names[i] for i in self.columns.features) if names else ()

    def place(self, row: int) -> str:
        """Where the target of a row stands."""
        return f"{self.path}: line {self.lines[row]}, {self.columns.called(self.columns.target)}"


def _read(path: Path, target: str | int, drop: Sequence[str | int], header: bool | None, delimiter: str) -> _Table:
    lines = _lines(path, delimiter)
    first = next(lines, None)
    if first is None:
        raise DataError(f"{path}: holds no row; a CSV file has one for each example")
    columns, has_header = columns_of(path, first, target, drop, header, delimiter)
    values, texts, starts = array("d"), [], array("q")
    leave_out = sorted(set(range(columns.width)) - set(columns.features), reverse=True)
    for start, cells in lines if has_header else _again(first, lines):
        if len(cells) != columns.width:
            raise DataError(
                f"{path}: line {start} has {len(cells)} cells, but line {first[0]} has {columns.width}; "
                "each row needs one cell for each column"
            )
        texts.append(present(path, start, columns, columns.target, cells))
        starts.append(start)
        features = list(cells)
        for i in leave_out:
            del features[i]
        values.extend(_fast(features) or [number_of(path, start, columns, i, cells) for i in columns.features])
    if not texts:
        raise DataError(f"{path}: holds a header and no row; an example is a row of its own")
    X = np.frombuffer(values, np.float64).reshape(len(texts), len(columns.features))
    return _Table(path, X, texts, starts, columns)


def _lines(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, and the line on which each begins."""
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '\r\n"':
        raise DataError(f"{path}: delimiter={delimiter!r} cannot be; write one character, such as ';' or '\\t'")
    size_of(path, "a CSV file", "has a row for each example")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows, start = reader(file, delimiter=delimiter, strict=True), 1
            try:
                for cells in rows:
                    if cells and (len(cells) > 1 or cells[0].strip()):
                        yield start, cells
                    start = rows.line_num + 1
            except CsvError as why:
                raise DataError(f"{path}: line {start} is not CSV ({why}); is a quotation mark left open?") from None
    except UnicodeDecodeError as why:
        raise DataError(f"{path}: is not text in UTF-8 ({why}); save it as CSV in UTF-8") from None
    except OSError as why:
        raise DataError(f"{path}: cannot be read ({why.strerror or why})") from None


def _again(first: tuple[int, list[str]], rest: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    yield first
    yield from rest


def _fast(cells: list[str]) -> list[float] | None:
    """The numbers in the cells, if all are finite numbers beyond doubt."""
    try:
        found = list(map(float, cells))
    except ValueError:
        return None
    return found if math.isfinite(sum(found)) and "_" not in "".join(cells) else None


def _typed(table: _Table, regression: bool | None) -> NDArray[Any]:
    """The target column as whole numbers if all are, else as floats if all are numbers, else as text."""
    texts = table.target
    if all(map(_WHOLE.fullmatch, texts)):
        try:
            return np.array(list(map(int, texts)), np.int64)
        except OverflowError:
            pass
    numbers = list(map(parsed, texts))
    odd = next((i for i, number in enumerate(numbers) if number is None), None)
    if odd is None:
        y = np.array(numbers, np.float64)
        if not (finite := np.isfinite(y)).all():
            at = int(finite.argmin())
            raise DataError(f"{table.place(at)}: {texts[at]!r} is not finite")
        return y
    fraction = next((i for i, text in enumerate(texts) if numbers[i] is not None and not _WHOLE.fullmatch(text)), None)
    if regression:
        raise DataError(f"{table.place(odd)}: {texts[odd]!r} is not a number")
    if regression is None and fraction is not None:
        raise DataError(
            f"{table.place(odd)}: {texts[odd]!r} is not a number, but line {table.lines[fraction]} has "
            f"{texts[fraction]!r}; say regression=False if they are classes"
        )
    return np.array(texts)
