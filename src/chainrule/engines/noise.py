"""Random numbers that are a function of (seed, step, position): the same bits from NumPy and from XLA.

Threefry-2x32 with 20 rounds: a block cipher on two words of 32 bits, whose key is a seed and whose plain text a
counter. It needs sums, shifts and exclusive ors of unsigned 32-bit integers, which every array library computes alike,
so a program draws the same noise on each engine, in one call or in a loop, and any step can be drawn again by itself.

Source: Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011; JAX's own generator is the
same cipher, but its stream is spread over an array in another order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

_ROTATIONS = tuple(
    tuple((np.uint32(turn), np.uint32(32 - turn)) for turn in turns) for turns in ((13, 15, 26, 6), (17, 29, 16, 24))
)
_PARITY = np.uint32(0x1BD11BDA)
_BLOCK = 2**15  # booleans that are drawn together: words that fit a processor's cache


def threefry(xp: Any, key: Sequence[Any], words: Sequence[Any]) -> tuple[Any, Any]:
    """Two words of 32 bits for each counter: arrays of unsigned 32-bit integers in, the same out.

    xp      NumPy, or a module that stands in for it, such as jax.numpy
    key     two words; words: two arrays of one shape; they broadcast with each other
    """
    keys = [_words(xp, k) for k in key]
    keys.append(keys[0] ^ keys[1] ^ _PARITY)
    a, b = _words(xp, words[0]) + keys[0], _words(xp, words[1]) + keys[1]
    for block in range(5):
        for left, right in _ROTATIONS[block % 2]:
            a += b  # in the memory of the sums above
            low = b >> right
            b <<= left
            b |= low
            b ^= a
        a += keys[(block + 1) % 3]
        b += keys[(block + 2) % 3] + np.uint32(block + 1)
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
    return _of_steps(xp, seed, _words(xp, step), position, shape, probability)[0]


def _of_steps(xp: Any, seed: Any, steps: Any, position: int, shape: Sequence[int], probability: float) -> Any:
    """`bernoulli` for several steps, an array of words: (steps, …)."""
    count = prod(shape)
    half = (count + 1) // 2
    own = threefry(xp, (seed, position), (steps, xp.zeros_like(steps)))
    counters = xp.arange(half, dtype=np.uint32)
    words = threefry(xp, [k[:, None] for k in own], (counters, xp.zeros_like(counters)))
    bits = xp.concatenate(words, axis=1)[:, :count]
    threshold = round(probability * 2**32)
    drawn = bits < _words(xp, threshold) if threshold < 2**32 else xp.ones(bits.shape, bool)
    return drawn.reshape(len(steps), *shape)


@dataclass(frozen=True)
class Noise:
    """An input that a loop draws anew at each step: booleans of `shape`, each true with `probability`."""

    name: str
    position: int  # among the graph's noise leaves, in the order of its inputs
    shape: tuple[int, ...]
    probability: float

    def at(self, xp: Any, seed: Any, step: Any) -> Any:
        """The booleans of one step."""
        return bernoulli(xp, seed, step, self.position, self.shape, self.probability)

    def stream(self, seed: int, first: int, steps: int) -> Iterator[Any]:
        """The booleans of one step after another, from NumPy, which draws many in the time of a few: in blocks."""
        block = max(1, _BLOCK // max(1, prod(self.shape)))
        for start in range(0, steps, block):
            numbers = np.uint32(first + start) + np.arange(min(block, steps - start), dtype=np.uint32)
            yield from _of_steps(np, seed, numbers, self.position, self.shape, self.probability)


def _words(xp: Any, value: Any) -> Any:
    """An array of unsigned words. It has an axis: NumPy warns of a lone number that runs over, of an array's not."""
    return xp.atleast_1d(xp.asarray(value, dtype=np.uint32))


__all__ = ["Noise", "bernoulli", "threefry"]
