"""The product of a row vector and a matrix in which ⊕ is max and ⊗ is +: out_j = max_i d_i + A_ij.

It is a step of Viterbi's recursion, and all of its time.
"""

from __future__ import annotations

import math

import numpy as np

from .chain import Trellis

BLOCK = 1 << 19  # bytes: sums that stay in the processor's cache until their maxima are taken
LARGE, LONG = 400, 256  # states and steps from which a search for each state's likeliest predecessors is paid back
PATIENCE = 20  # steps in which those decide too little, before they are given up


class MaxPlus:
    """max_i d_i + A_ij for the steps of a trellis, one after the other.

    In blocks of columns j: a whole N × N sum would be written to memory and read again. Where A stays the same over
    many steps, most columns are settled by a few of their entries, see `_Likeliest`.
    """

    def __init__(self, trellis: Trellis):
        self.trellis, n = trellis, len(trellis.vocabulary)
        self.fixed = np.ascontiguousarray(trellis.steps.T) if trellis.steps.ndim == 2 else None
        self.sums = np.empty((max(1, BLOCK // (8 * n)), n))
        few = self.fixed is not None and n >= LARGE and trellis.length >= LONG
        self.likeliest = _Likeliest(self.fixed) if self.fixed is not None and few else None
        self.patience = PATIENCE

    def __call__(self, d: np.ndarray, t: int, out: np.ndarray) -> None:
        """`d` and what leads to w_t, into `out`."""
        columns = self.fixed if self.fixed is not None else self.trellis.step(t).T
        if self.likeliest is None:
            self._all(columns, d, out)
            return
        unsettled = self.likeliest(d, out)
        if len(unsettled) <= len(d) // 2:
            rest = np.empty(len(unsettled))
            self._all(columns[unsettled], d, rest)
            out[unsettled] = rest
        else:
            self._all(columns, d, out)
            self.patience -= 1
            self.likeliest = self.likeliest if self.patience else None

    def _all(self, columns: np.ndarray, d: np.ndarray, out: np.ndarray) -> None:
        best = np.empty(len(columns), np.intp)
        for j in range(0, len(columns), len(self.sums)):
            block = columns[j : j + len(self.sums)]
            sums = np.add(block, d, out=self.sums[: len(block)])
            sums.argmax(axis=1, out=best[j : j + len(block)])  # in NumPy faster than max along an axis
        np.add(d[best], columns[np.arange(len(columns)), best], out=out)


class _Likeliest:
    """Most maxima from the m largest entries of each column, exactly.

    Whatever i is not among them adds at most d_max + (the column's entry m + 1); where the maximum over the m is as
    large as that, it is the maximum over all (the bound of Fagin, Lotem and Naor's threshold algorithm, 2003).
    """

    def __init__(self, columns: np.ndarray):
        m = min(3 * math.isqrt(len(columns)), len(columns) - 1)
        order = np.argpartition(-columns, m, axis=1)[:, : m + 1]
        values = np.take_along_axis(columns, order, axis=1)
        self.where, self.values, self.next = order[:, :m].copy(), values[:, :m].copy(), values[:, m].copy()
        self.sums = np.empty(self.where.shape)

    def __call__(self, d: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Maxima into `out`; answers the columns in which they may be larger."""
        np.take(d, self.where, out=self.sums, mode="clip")
        np.add(self.sums, self.values, out=self.sums)
        self.sums.max(axis=1, out=out)
        return np.flatnonzero(self.next + d.max() > out)


__all__ = ["MaxPlus"]
