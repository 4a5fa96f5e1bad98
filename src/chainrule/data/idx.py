"""The idx format of the MNIST family: a header, then one array.

    byte 0-1    0
    byte 2      the type of an item: 08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64
    byte 3      the rank r
    4 r bytes   the dimensions, unsigned 32-bit
    the rest    the items, row by row

Numbers are big-endian. The format: http://yann.lecun.com/exdb/mnist/ (foot of the page). Files are read as numbers
only; nothing in them is executed, and a header's word takes no memory before the file is known to hold as much.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..graph.errors import DataError
from .files import size_of

TYPES = {0x08: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}

_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20  # bytes decoded at a time, so that decoding needs no second copy
_RATIO = 32  # MNIST compresses about 5 to 1; a header that claims more than this is believed only after counting
_RANKS = 32  # as many dimensions as every NumPy can hold


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """The array in an idx file, raw or gzip-compressed (told apart by content, not by name), in native byte order.

    The items are decoded straight into the array that is returned, so the peak is that one array.

    Raises `DataError`, which names the file, what is wrong and what would be right: the file is missing, a folder,
    empty, unreadable, not idx, compressed but cut short or corrupt, shorter or longer than its header says.

    >>> images = read_idx("train-images-idx3-ubyte.gz")     # doctest: +SKIP
    >>> images.shape, images.dtype                          # doctest: +SKIP
    ((60000, 28, 28), dtype('uint8'))
    """
    path = Path(path)
    size = size_of(path, "an idx file", "starts with a header of 4 bytes and more")
    with _told(path, size), _opened(path) as (stream, compressed):
        dtype, shape = _header(path, stream)
        payload = math.prod(shape) * dtype.itemsize
        claim = f"its header announces {_by(shape)} of {dtype.name} = {payload:,} bytes"
        _room(path, size, compressed, 4 + 4 * len(shape), payload, claim)
        try:
            flat = np.empty(math.prod(shape), dtype)
            array = flat.reshape(shape)
        except (ValueError, MemoryError) as why:
            raise DataError(f"{path}: {claim}, an array which cannot be held ({why})") from None
        got = _fill(stream, flat.view(np.uint8).data)
        if got < payload:
            raise DataError(f"{path}: {claim}, but only {got:,} follow; the file is not complete")
        if stream.read(1):  # at the end this also makes gzip verify its checksum
            raise DataError(f"{path}: {claim}, but more bytes follow; an idx file holds one array and ends there")
    if sys.byteorder == "little" and dtype.itemsize > 1:
        flat.byteswap(inplace=True)
    return array


@contextmanager
def _told(path: Path, size: int) -> Iterator[None]:
    """Errors of reading and of decompressing, told as `DataError` about this file."""
    try:
        yield
    except EOFError:
        raise DataError(
            f"{path}: the compressed file is cut short: it stops after {size:,} bytes, before gzip's end mark; "
            "copy or download it again"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as why:
        raise DataError(f"{path}: the compressed file is corrupt ({why}); copy or download it again") from None
    except OSError as why:
        raise DataError(f"{path}: cannot be read ({why.strerror or why})") from None


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], bool]]:
    """The file's content, decompressed when it is gzip, and whether it is."""
    with path.open("rb") as file:
        compressed = file.peek(2)[:2] == _GZIP
        with gzip.GzipFile(fileobj=file, mode="rb") if compressed else nullcontext(file) as stream:
            yield stream, compressed  # type: ignore[misc]  # GzipFile reads like IO[bytes]


def _header(path: Path, stream: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = stream.read(4)
    known = ", ".join(f"{code:02X} {name}" for code, name in TYPES.items())
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
        seen = f"it starts with the bytes {magic.hex(' ')}" if magic else "there is nothing in it"
        web = "; it looks like a web page" if magic.lstrip()[:1] == b"<" else ""
        raise DataError(f"{path}: is not an idx file: {seen}{web}; idx starts with 00 00, a type ({known}) and a rank")
    rank = magic[3]
    if rank > _RANKS:
        raise DataError(f"{path}: its header announces {rank} dimensions; up to {_RANKS} can be held, images have 3")
    dims = stream.read(4 * rank)
    if len(dims) < 4 * rank:
        raise DataError(f"{path}: ends within its header: {rank} dimensions of 4 bytes each should be there")
    return np.dtype(TYPES[magic[2]]), struct.unpack(f">{rank}I", dims)


def _room(path: Path, size: int, compressed: bool, header: int, payload: int, claim: str) -> None:
    """Refuse a header that claims more than the file holds, before memory is taken for it.

    A raw file's size says what it holds. A compressed file is counted, by decompressing it once into nothing,
    when the claim is out of proportion to its size.
    """
    if not compressed:
        held = size - header
    elif payload <= _RATIO * size:
        return
    else:
        with _opened(path) as (stream, _):
            held, scratch = -header, bytearray(_CHUNK)
            while held < payload and (n := stream.readinto(scratch)):  # type: ignore[attr-defined]
                held += n
    if held < payload:
        raise DataError(f"{path}: {claim}, but only {held:,} follow; the file is not complete, or its header is wrong")
    if not compressed and held > payload:
        raise DataError(
            f"{path}: {claim}, but {held:,} follow, {held - payload:,} more; an idx file holds one array and ends there"
        )


def _fill(stream: IO[bytes], into: memoryview) -> int:
    """Read until `into` is full or the stream ends; the number of bytes read."""
    got = 0
    while got < len(into) and (n := stream.readinto(into[got : got + _CHUNK])):  # type: ignore[attr-defined]
        got += n
    return got


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{d:,}" for d in shape) or "one item"
