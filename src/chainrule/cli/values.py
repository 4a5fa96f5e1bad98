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

from ..engines.binding import Signature
from ..face.graph import Graph
from ..graph.errors import DataError, InputError
from ..graph.node import BOOLEAN, INTEGER, REAL
from ..graph.spelling import meant

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
    """The values as the graph's inputs, real ones as real numbers.

    Raises DataError, which names the file, for names, shapes and kinds that do not fit.
    """
    unknown = [k for k in values if k not in graph.inputs]
    if unknown:
        there = f"it has {', '.join(graph.inputs)}{meant(unknown[0], graph.inputs)}"
        raise DataError(f"{path}: {graph.called} has no input called {unknown[0]}; {there}")
    missing = [k for k in graph.inputs if k not in values]
    if missing and all_of_them:
        raise DataError(f"{path}: there is no value for {', '.join(missing)}")
    given = [graph.inputs[name] for name in values]
    signature = Signature(graph.called, given, graph.outputs if len(given) == len(graph.inputs) else ())
    try:
        sizes = signature.sizes({name: a.shape for name, a in values.items()})
        found = {n.attr("name"): _of_kind(n.attr("name"), values[n.attr("name")], n.kind) for n in given}
        signature.check_positions(found, sizes)
    except (InputError, _Refused) as error:
        raise DataError(f"{path}: {error}") from None
    return found


def _of_kind(name: str, a: Any, kind: str) -> Any:
    """The array as the kind that the input is of; a list without a decimal point may be real numbers too."""
    if kind == REAL:
        return a.astype("float64")
    if kind == INTEGER and a.dtype.kind not in "iu":
        raise _Refused(f"{name} must hold integers, written without a decimal point")
    if kind == BOOLEAN and a.dtype.kind != "b":
        raise _Refused(f"{name} must hold true and false")
    return a


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
