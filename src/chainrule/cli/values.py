"""`--at values.json`: numbers for the inputs, read with care."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import typer

from ..face.graph import Graph
from ..graph.dims import shape_text
from ..graph.errors import DataError
from .suggest import suggestion

HINT = "'--at'"


def read_values(path: Path | None) -> dict[str, Any]:
    """name -> array, of a file with one JSON object: numbers, true and false, and lists of these.

    Raises DataError, which names the file, the quantity and what is wrong with it.
    """
    if path is None:
        return {}
    if path.is_dir() or not path.exists():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise typer.BadParameter(f"{path} {what}; it should hold values as JSON", param_hint=HINT)
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise DataError(f"{path}, {where}: this is no JSON: {error.msg[0].lower()}{error.msg[1:]}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: this is no UTF-8 text, at byte {error.start}") from None
    except RecursionError:
        raise DataError(f"{path}: lists stand in lists without end") from None
    except _Refused as error:
        raise DataError(f"{path}: {error}") from None
    if not isinstance(found, _Object):
        raise DataError(f'{path}: values are one JSON object, such as {{"x": [1, 2], "t": 0.5}}, not {_what(found)}')
    try:
        return {unicodedata.normalize("NFKC", name): _array(name, value) for name, value in found.items()}
    except _Refused as error:
        raise DataError(f"{path}: {error}") from None


def fit(values: Mapping[str, Any], graph: Graph, path: Path | None, all_of_them: bool = True) -> dict[str, Any]:
    """The values as the graph's inputs, real ones as real numbers. Raises DataError for wrong names and ranks."""
    unknown = [k for k in values if k not in graph.inputs]
    if unknown:
        close, there = suggestion(unknown[0], graph.inputs), ", ".join(graph.inputs)
        raise DataError(f"{path}: {graph.name} has no input called {unknown[0]}{close}; it has {there}")
    missing = [k for k in graph.inputs if k not in values]
    if missing and all_of_them:
        raise DataError(f"{path}: there is no value for {', '.join(missing)}")
    found = {}
    for name, a in values.items():
        n = graph.inputs[name]
        if a.ndim != n.ndim:
            raise DataError(f"{path}: {name} has shape {a.shape}, and {graph.name} takes it as {shape_text(n.shape)}")
        found[name] = a.astype("float64") if n.kind == "real" else a
    return found


class _Refused(Exception):
    """What is wrong with the values."""


class _Object(dict):
    """A JSON object, none of whose names comes twice."""


def _once(pairs: list[tuple[str, Any]]) -> _Object:
    names = [name for name, _ in pairs]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise _Refused(f"{twice[0]} is given twice")
    return _Object(pairs)


def _no_number(word: str) -> None:
    raise _Refused(f"{word} is no number in JSON")


def _array(name: str, value: Any) -> Any:
    _shape(name, value)
    try:
        found = np.array(value)
        found = found if found.dtype.kind in "bif" else found.astype("float64")
    except (OverflowError, ValueError, TypeError):
        raise _Refused(f"{name} holds a number that is too large") from None
    return found


def _shape(name: str, value: Any) -> tuple[int, ...]:
    """The shape of nested lists, all of which must be alike."""
    if not isinstance(value, list):
        if isinstance(value, (_Object, str)) or value is None:
            raise _Refused(f"{name} holds {_what(value)}, where a number or a list of numbers belongs")
        if isinstance(value, float) and not math.isfinite(value):
            raise _Refused(f"{name} holds a number that is too large")
        return ()
    shapes = [_shape(f"{name}[{k}]", v) for k, v in enumerate(value)]
    for k, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise _Refused(f"{name} is ragged: {name}[0] is {_of_shape(shapes[0])}, {name}[{k}] is {_of_shape(shape)}")
    return (len(value), *(shapes[0] if shapes else ()))


def _of_shape(shape: tuple[int, ...]) -> str:
    return f"of shape {shape}" if shape else "a number"


def _what(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {value!r}"
    words = {_Object: "an object", list: "a list", bool: "true or false", type(None): "null"}
    return words.get(type(value), "a number")


__all__ = ["fit", "read_values"]
