"""How much a sequence repeats itself."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def repeated(tokens: Sequence[Hashable], n: int) -> float:
    """The share of the n-grams of a sequence that came in it before: 1 − distinct-n (Li et al. 2016, arXiv:1510.03055).

    0 for a sequence without n-grams.

    >>> repeated("ababa", 2), repeated("abcde", 2), repeated("aaaaa", 2)
    (0.5, 0.0, 0.75)
    """
    grams = [tuple(tokens[k : k + n]) for k in range(len(tokens) - n + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def longest_repeated(tokens: Sequence[Hashable]) -> int:
    """The length of the longest stretch that comes twice; the two may overlap.

    >>> longest_repeated("abcabd"), longest_repeated("aaaa"), longest_repeated("abc")
    (2, 3, 0)
    """
    low, high = 0, max(len(tokens) - 1, 0)
    while low < high:  # with a stretch of n, each part of it comes twice as well
        n = (low + high + 1) // 2
        low, high = (n, high) if repeated(tokens, n) > 0 else (low, n - 1)
    return low


__all__ = ["longest_repeated", "repeated"]
