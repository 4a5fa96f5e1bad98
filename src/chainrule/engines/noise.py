"""Random numbers that are a function of (seed, step, position): the same bits from NumPy and from XLA.

Threefry-2x32 with 20 rounds: a block cipher on two words of 32 bits, whose key is a seed and whose plain text a
counter. It needs sums, shifts and exclusive ors of unsigned 32-bit integers, which every array library computes alike,
so a program draws the same noise on each engine, in one call or in a loop, and any step can be drawn again by itself.

Source: Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011; JAX's own generator is the
same cipher, but its stream is spread over an array in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def threefry(xp: Any, key: Sequence[Any], words: Sequence[Any]) -> tuple[Any, Any]:
    """Two words of 32 bits for each counter: arrays of unsigned 32-bit integers in, the same out.

    xp      NumPy, or a module that stands in for it, such as jax.numpy
    key     two words; words: two arrays of one shape
    """
    keys = [_words(xp, k) for k in key]
    keys.append(keys[0] ^ keys[1] ^ _words(xp, _PARITY))
    a, b = _words(xp, words[0]) + keys[0], _words(xp, words[1]) + keys[1]
    for block in range(5):
        for turn in _ROTATIONS[block % 2]:
            a = a + b
            b = a ^ ((b << _words(xp, turn)) | (b >> _words(xp, 32 - turn)))
        a = a + keys[(block + 1) % 3]
        b = b + keys[(block + 2) % 3] + _words(xp, block + 1)
    return a, b


def bernoulli(xp: Any, seed: Any, step: Any, position: int, shape: Sequence[int], probability: float) -> Any:
    """Booleans of `shape`, each true with `probability`: those of the noise at `position` in step `step`.

    seed, step   integers from 0 to 2³² − 1; on xla they may be computed on the device
    position     which of a graph's noise leaves it is, counted from 0

    The probability is kept as a fraction of 2³².

    >>> bernoulli(np, 0, 3, 0, (2, 4), 0.5)
    array([[False, False, False, False],
           [ True,  True, False, False]])
    """
    count = prod(shape)
    half = (count + 1) // 2
    own = threefry(xp, (seed, position), (step, 0))
    counters = xp.arange(half, dtype=np.uint32)
    bits = xp.concatenate(threefry(xp, own, (counters, xp.zeros(half, np.uint32))))[:count]
    threshold = round(probability * 2**32)
    drawn = bits < _words(xp, threshold) if threshold < 2**32 else xp.ones(count, bool)
    return drawn.reshape(tuple(shape))


def _words(xp: Any, value: Any) -> Any:
    """An array of unsigned words. It has an axis: NumPy warns of a lone number that runs over, of an array's not."""
    return xp.asarray(value, dtype=np.uint32).reshape(-1)


__all__ = ["bernoulli", "threefry"]
