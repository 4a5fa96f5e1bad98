"""The columns of a table, and what its cells may hold."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..graph.errors import DataError

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
"""Cells that say that there is no value, in lower case."""


class Columns(NamedTuple):
    """Which columns there are."""

    width: int
    names: tuple[str, ...]  # () without a header
    target: int
    features: tuple[int, ...]

    def called(self, i: int) -> str:
        return f"column {i + 1}" + (f" ({self.names[i]!r})" if self.names else "")


def columns_of(
    path: Path,
    first: tuple[int, list[str]],
    target: str | int,
    drop: Sequence[str | int],
    header: bool | None,
    delimiter: str,
) -> tuple[Columns, bool]:
    """The columns, from the first line, and whether that is a header."""
    line, cells = first
    width = len(cells)
    if width < 2:
        other = next((mark for mark in ";\t,| " if mark != delimiter and mark in cells[0].strip()), None)
        advice = f"; if columns are parted by {other!r}, say delimiter={other!r}" if other else ""
        raise DataError(f"{path}: has one column, where a target and a feature are needed{advice}")
    if isinstance(drop, str):
        raise DataError(f"{path}: drop={drop!r} is one text; write a list of columns, drop=[{drop!r}]")
    by_name = [c for c in (target, *drop) if isinstance(c, str)]
    names = tuple(cell.strip() for cell in cells)
    if header is False and by_name:
        raise DataError(f"{path}: header=False, so no column is named {by_name[0]!r}; give an index")
    named = bool(by_name) if header is None else header
    out = [_index(path, what, names if named else (), width) for what in (target, *drop)]
    features = tuple(i for i in range(width) if i not in out)
    if len(set(out)) < len(out):
        raise DataError(f"{path}: target={target!r} and drop={list(drop)!r} name one column twice")
    if not features:
        raise DataError(f"{path}: no feature is left of {width} columns")
    if header is None and not named:
        named = _looks_named(path, line, cells, features)
    if named:
        _check_names(path, line, names, set(out[1:]))
    return Columns(width, names if named else (), out[0], features), named


def _index(path: Path, column: str | int, names: tuple[str, ...], width: int) -> int:
    if isinstance(column, str):
        if column not in names:
            raise DataError(f"{path}: no column is named {column!r}; there are {', '.join(map(repr, names))}")
        return names.index(column)
    if isinstance(column, bool) or not isinstance(column, int | np.integer) or not -width <= column < width:
        raise DataError(
            f"{path}: {column!r} is no column; with {width} columns it is a name, or an index from 0 to {width - 1}, "
            "-1 being the last"
        )
    return int(column) % width


def _looks_named(path: Path, line: int, cells: list[str], features: tuple[int, ...]) -> bool:
    """Is a first line one of names? It is if none of its features is a number, and not if all are."""
    numbers = [i for i in features if parsed(cells[i]) is not None]
    if numbers and len(numbers) < len(features):
        odd = next(i for i in features if i not in numbers)
        raise DataError(
            f"{path}: line {line} may be names or numbers: column {odd + 1} is {cells[odd]!r}, column {numbers[0] + 1} "
            f"is {cells[numbers[0]]!r}; say header=True, or header=False and mend the cell"
        )
    gap = next((i for i in features if cells[i].strip() and cells[i].strip().lower() in MISSING), None)
    if gap is not None and not numbers:
        raise DataError(
            f"{path}: line {line} may be names or lack a value: column {gap + 1} is {cells[gap]!r}; "
            "say header=True, or header=False and drop the row or fill it in"
        )
    return not numbers


def _check_names(path: Path, line: int, names: tuple[str, ...], dropped: set[int]) -> None:
    seen: dict[str, int] = {}
    for i, name in enumerate(names):
        if i in dropped:
            continue
        if not name:
            raise DataError(
                f"{path}: line {line}, column {i + 1} has no name; name it, or leave it out with drop=[{i}] "
                "(pandas writes the rows' numbers so, unless told index=False)"
            )
        if name in seen:
            raise DataError(
                f"{path}: line {line}: columns {seen[name] + 1} and {i + 1} are both named {name!r}; rename one"
            )
        seen[name] = i


def parsed(cell: str) -> float | None:
    """The number in a cell, else None. Python's `1_000` is none."""
    try:
        return None if "_" in cell or cell.strip().lower() in MISSING else float(cell)
    except ValueError:
        return None


def number_of(path: Path, line: int, columns: Columns, i: int, cells: list[str]) -> float:
    cell = present(path, line, columns, i, cells)
    number = parsed(cell)
    if number is not None and math.isfinite(number):
        return number
    where = f"{path}: line {line}, {columns.called(i)}: {cell!r}"
    if number is not None:
        raise DataError(f"{where} is not finite")
    advice = (
        f"write {cell.replace(',', '.')}" if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", cell)
        else "features are numbers; encode categories as numbers, or leave the column out with drop="
    )  # fmt: skip
    raise DataError(f"{where} is not a number; {advice}")


def present(path: Path, line: int, columns: Columns, i: int, cells: list[str]) -> str:
    cell = cells[i].strip()
    if cell.lower() in MISSING:
        shown = f"{cell!r} is a missing value" if cell else "the cell is empty"
        raise DataError(f"{path}: line {line}, {columns.called(i)}: {shown}; drop the row or fill it in")
    return cell
