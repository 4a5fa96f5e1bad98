"""Constants as kind, shape and bytes, so that equal bytes of one kind are one constant and nothing else is."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

from .errors import GraphError, KindError

_CODE = {"real": "d", "integer": "q", "boolean": "?"}
_REAL_FORMATS, _INTEGER_FORMATS = frozenset("efdg"), frozenset("bBhHiIlLqQ")
LARGEST = 1000
"""Larger arrays are inputs, not constants: a program prints its constants."""


def encode(value: Any) -> tuple[str, tuple[int, ...], bytes]:
    """(kind, shape, bytes) of a number, a nested list of numbers, or anything with the buffer protocol."""
    if isinstance(value, bool):
        return "boolean", (), struct.pack("<?", value)
    if isinstance(value, int):
        return "integer", (), _integer(value)
    if isinstance(value, float):
        return "real", (), struct.pack("<d", value)
    if isinstance(value, range):
        value = list(value)
    if isinstance(value, (list, tuple)):
        return _encode_list(value)
    try:
        if isinstance(value, (bytes, bytearray)) or getattr(getattr(value, "dtype", None), "kind", "") in ("m", "M"):
            raise TypeError  # text and dates, which memory knows as whole numbers
        view = memoryview(value)
    except (TypeError, ValueError):
        raise KindError(
            f"cannot use {type(value).__name__} {short(value)} in a graph: numbers, lists of numbers and arrays can be"
        ) from None
    form = view.format.lstrip("@=<>!")
    if form not in _REAL_FORMATS | _INTEGER_FORMATS | {"?"}:
        raise KindError(
            f"cannot use an array of {getattr(value, 'dtype', form)} in a graph: real, integer or boolean can be"
        )
    try:
        return _flat(view.tolist(), view.shape or ())
    except NotImplementedError:  # half and extended precision, the other byte order: Python's memory cannot read them
        return _flat((value.astype("d") if form == "g" else value).tolist(), view.shape or ())


@lru_cache(maxsize=4096)
def scalar(kind: str, data: bytes) -> int | float | bool:
    """The one number that `data` holds; laws ask for the same few again and again."""
    return decode(kind, (), data)


def decode(kind: str, shape: tuple[int, ...], data: bytes) -> Any:
    """The number, or the nested list of numbers, that `encode` was given."""
    code = _CODE[kind]
    flat = list(struct.unpack(f"<{len(data) // struct.calcsize('<' + code)}{code}", data))
    for n in reversed(shape):
        flat = [flat[i : i + n] for i in range(0, len(flat), n)]
    return flat[0]


def _encode_list(value: list[Any] | tuple[Any, ...]) -> tuple[str, tuple[int, ...], bytes]:
    shape, level = [], value
    while isinstance(level, (list, tuple)):
        shape.append(len(level))
        level = level[0] if level else 0
    return _flat(value, tuple(shape))


def _flat(value: Any, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...], bytes]:
    flat = [value]
    for n in shape:
        if not all(isinstance(part, (list, tuple)) and len(part) == n for part in flat):
            raise KindError(f"the rows of {short(value)} differ in length, so it is no array")
        flat = [entry for part in flat for entry in part]
    if not flat:
        raise KindError("an empty list has no entries to compute with")
    if len(flat) > LARGEST:
        raise GraphError(
            f"an array of shape {shape} is too large for a constant of the graph (at most {LARGEST} entries): "
            f"make it an input of the function"
        )
    if not all(isinstance(entry, (bool, int, float)) for entry in flat):
        raise KindError(f"{short(value)} holds more than numbers; a constant is a number or an array of numbers")
    kinds = {type(entry) for entry in flat}
    if kinds == {bool}:
        return "boolean", shape, struct.pack(f"<{len(flat)}?", *flat)
    if float in kinds:
        return "real", shape, struct.pack(f"<{len(flat)}d", *flat)
    return "integer", shape, b"".join(map(_integer, flat))


def _integer(value: int) -> bytes:
    try:
        return struct.pack("<q", value)
    except struct.error:
        raise KindError(f"the integer {value} does not fit into 64 bits; write it as a float: {value}.0") from None


def short(value: Any) -> str:
    """`value` as Python writes it, cut to fit into a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
