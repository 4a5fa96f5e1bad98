"""Paths read backwards through a trellis whose totals are known, with ties in the order that every decoder keeps.

Pointers from each word to its best predecessor would not do. A path's total is a sum of floats from the left, and two
prefixes of unequal totals may end in equal ones, as rounding takes off the difference; then the one that was smaller,
and lost, may come first in the order of ties. So the way back asks not which prefix was the best, but which are good
enough: from what total on does a prefix reach, with all that follows it, the total that was found?
"""

from __future__ import annotations

import numpy as np

from .chain import Trellis
from .selection import kth_largest


def read_back(trellis: Trellis, best: np.ndarray, last: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k first paths in the order of totals and ties, (≤ k, T), best first, and their totals, in O(T N k) time.

    best   (T, N), δ_t(j): the largest total of a path that ends in w_t = j
    last   (N, K), the largest totals of w_1 … w_T with each w_T, the k largest of all among them; −inf where there are
           none, or where w_T must not end

    With V the k-th largest total, wanted are all paths above V, and of those that attain V the first in the order of
    ties. Suffixes w_t … w_T grow backwards, in that order, each with the least totals of w_1 … w_t that take it above
    V, and to V at least. δ shows whether there are such prefixes; so each suffix that is kept ends a path above V, or
    else one that attains V, and of the latter the first `ties` are enough. At most k are kept.

    >>> from chainrule.decode.chain import MarkovChain
    >>> from chainrule.decode.viterbi import recursion
    >>> trellis = MarkovChain([[0.6, 0.4], [0.1, 0.9]], start=0).trellis(3)
    >>> delta = recursion(trellis)
    >>> paths, totals = read_back(trellis, delta, delta[-1][:, None], 1)
    >>> paths.tolist(), bool(totals[0] == delta[-1].max())
    ([[1, 1, 1]], True)
    """
    possible = last[last > -np.inf]
    bound = kth_largest(possible, k)
    most = min(k, len(possible))
    ties = most - int(np.count_nonzero(possible > bound))
    needs = np.array([[np.nextafter(bound, np.inf)], [bound]])  # (2, M): one suffix, w_{T+1} … w_T, and no word
    which, words = _chosen(last[None, :, 0], needs, ties)
    needs = needs[:, which]
    grown = np.zeros((2, trellis.length, most), np.int32)  # of each w_t: which suffix it stands before, and itself
    grown[:, -1, : len(words)] = which, words
    for t in range(trellis.length, 1, -1):
        step = trellis.step(t)[:, words].T  # (M, N)
        reach = best[t - 2] + step
        local = None if trellis.local is None else trellis.local[t - 1, words]
        if local is not None:
            reach += local[:, None]
        which, words = _chosen(reach, needs, ties)
        needs = needs[:, which]
        if local is not None:
            needs = _least(needs, local[which])
        needs = _least(needs, step[which, words])
        grown[:, t - 2, : len(words)] = which, words
    paths = np.empty((len(words), trellis.length), np.int64)
    rows = np.arange(len(words))
    for t in range(trellis.length):
        paths[:, t] = grown[1, t, rows]
        rows = grown[0, t, rows]
    totals = _totals(trellis, paths)
    order = np.argsort(-totals, kind="stable")
    return paths[order], totals[order]


def _chosen(reach: np.ndarray, needs: np.ndarray, ties: int) -> tuple[np.ndarray, np.ndarray]:
    """Which suffixes are extended, and by which words, in the order of ties.

    reach   (M, N), the largest total that there is with each word before each suffix
    needs   (2, M), to be above V, and to attain it
    """
    which, words = np.nonzero(reach >= needs[1][:, None])
    attains = reach[which, words] < needs[0, which]
    keep = ~attains | (np.cumsum(attains) <= ties)
    return which[keep], words[keep]


def _least(bounds: np.ndarray, added: np.ndarray) -> np.ndarray:
    """The least x, as a float, with x + added ≥ bounds once that sum is rounded. By bisection: (2, M) from (M,)."""
    away = 4 * np.spacing(np.maximum(np.abs(bounds), np.abs(added)))  # rounding moves x by less
    low, high = bounds - added - away, bounds - added + away
    while True:
        middle = low + (high - low) / 2
        between = (low < middle) & (middle < high)
        if not between.any():
            return high
        enough = middle + added >= bounds
        low, high = np.where(between & ~enough, middle, low), np.where(between & enough, middle, high)


def _totals(trellis: Trellis, paths: np.ndarray) -> np.ndarray:
    """The log-likelihoods of paths, added up from the left as in the recursion."""
    columns = np.ascontiguousarray(paths.T)
    totals = trellis.first[columns[0]]
    for t in range(1, trellis.length + 1):
        if t > 1:
            totals = totals + trellis.step(t)[columns[t - 2], columns[t - 1]]
        if trellis.local is not None:
            totals = totals + trellis.local[t - 1, columns[t - 1]]
    return totals


__all__ = ["read_back"]
