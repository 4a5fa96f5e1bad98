"""Rows of data: their order, and passing over them a block at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..graph.errors import DataError

BLOCK = 4096  # rows looked at together: then a pass over X needs no second array of X's size


def blocks(rows: int) -> Iterator[slice]:
    """Slices of at most `BLOCK` rows that cover all of them in turn."""
    return (slice(start, min(start + BLOCK, rows)) for start in range(0, rows, BLOCK))


def order(rows: int, seed: int) -> NDArray[np.int64]:
    """0 … rows - 1 in an order that depends on `seed` alone: (rows,). `DataError` if the seed is not an int ≥ 0."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise DataError(f"seed={seed!r} does not fix an order of the rows; write an int of 0 or more")
    return np.random.default_rng(int(seed)).permutation(rows)


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array to be filled, at a multiple of 64 bytes: XLA on a CPU then works where it lies, without a copy."""
    kind = np.dtype(dtype)
    count = math.prod(shape) * kind.itemsize
    raw = np.empty(count + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + count].view(kind).reshape(shape)
