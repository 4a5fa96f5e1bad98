"""Viterbi's algorithm: the likeliest path through a trellis, exactly."""

from __future__ import annotations

import math
import os
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import cast

import numpy as np

from .asked import whole, word
from .chain import Trellis
from .errors import NoSequence, NotMarkov
from .exhaustive import LIMIT
from .model import Model, noun
from .search import TrellisSearch
from .sequence import Sequence

BLOCK = 1 << 19  # bytes: sums that stay in the processor's cache until their maxima are taken
THREADED = 400  # states from which two threads are worth their meeting at each step


def viterbi(model: Model, length: int, *, eos: Hashable | None = None, end: Hashable | None = None) -> Sequence:
    """The likeliest sequence of a Markov model, exactly, in O(T N²) time and O(T N) space.

    δ_1(j) = log p(w_1 = j | w_0),  δ_t(j) = max_i δ_{t−1}(i) + log p(w_t = j | w_{t−1} = i), and a_t(j) is the i that
    attains it; the path is read backwards from argmax_j δ_T(j) (Viterbi 1967; Rabiner 1989, §III.B). Each step adds to
    the whole matrix and takes a maximum; pointers are found along the path only, from δ.

    model    one with ``trellis(length)``: a Markov chain, a bigram model, the hidden states of an HMM given what it
             emitted, or a tree whose p(w_t | w_0 … w_{t−1}) happens to depend on w_{t−1} alone
    length   T, at least 1; with `eos` the largest length
    eos      the word that ends a sequence
    end      the word that w_T must be

    Ties: the smaller last word, then the smaller predecessor; where prefixes of unequal log-likelihoods become equal by
    rounding alone, `exhaustive` and `k_best` may put another path of the same log-likelihood first. Raises NotMarkov,
    NoSequence where no sequence has a positive probability, InputError.

    >>> from chainrule.decode import MarkovChain, viterbi
    >>> best = viterbi(MarkovChain([[0.6, 0.4], [0.1, 0.9]], start=0), length=3)
    >>> best.words, best.search.back_pointers.tolist()
    ((1, 1, 1), [[0, 1], [0, 1]])
    """
    trellis = markov_trellis(model, length, eos, "viterbi")
    end_number = word(model, end)
    delta = recursion(trellis)
    last = reachable_end(delta[-1], trellis, end, end_number)
    path = traced(trellis, delta, int(last.argmax()))
    total = float(last.max())
    search = TrellisSearch(
        "viterbi", model, trellis.length, trellis.length, scored(trellis, delta), True,
        "δ_t(j) is the maximum over all prefixes that end in j, by induction over t", total, trellis, delta, (path,),
    )  # fmt: skip
    return sequence(search, path, total, None if eos is None else model.vocabulary.number(eos))


def markov_trellis(model: Model, length: int, eos: Hashable | None, decoder: str) -> Trellis:
    """The model's trellis, in which nothing follows `eos`. Raises NotMarkov with the reason and what can serve."""
    length, eos_number = whole("length", length), word(model, eos)
    make = getattr(model, "trellis", None)
    try:
        if make is None:
            raise NotMarkov(f"{noun(model)} answers for whole prefixes and need not depend on w_{{t-1}} alone")
        trellis = cast(Trellis, make(length))
    except NotMarkov as why:
        n, all_of_them = len(model.vocabulary), ""
        if length * math.log10(n) <= math.log10(LIMIT):
            all_of_them = f", and exhaustive(model, {length}), which scores {n}^{length} = {n**length:,} sequences"
        raise NotMarkov(
            f"{decoder} needs a model in which p(w_t | w_0..t-1) depends on w_{{t-1}} alone, and {why}. What can "
            f"serve: beam_search(model, {length}, width), which need not find the maximum{all_of_them}. A model of "
            "yours that does depend on the last word alone becomes MarkovChain(P, start)"
        ) from None
    return trellis if eos_number is None else trellis.absorbing(eos_number)


def recursion(trellis: Trellis) -> np.ndarray:
    """δ, (T, N)."""
    delta = np.empty((trellis.length, len(trellis.vocabulary)))
    delta[0] = trellis.first if trellis.local is None else trellis.first + trellis.local[0]
    with MaxPlus(trellis) as largest:
        for t in range(2, trellis.length + 1):
            largest(delta[t - 2], t, delta[t - 1])
            if trellis.local is not None:
                delta[t - 1] += trellis.local[t - 1]
    return delta


class MaxPlus:
    """The product of a row vector and a matrix in which ⊕ is max and ⊗ is +: out_j = max_i d_i + A_ij.

    In blocks of columns j: a whole N × N sum would be written to memory and read again. A large matrix is shared among
    two threads, for NumPy lets others run while it computes.
    """

    def __init__(self, trellis: Trellis):
        self.trellis, n = trellis, len(trellis.vocabulary)
        self.fixed = np.ascontiguousarray(trellis.steps.T) if trellis.steps.ndim == 2 else None
        self.all, self.best = np.arange(n), np.empty(n, np.intp)
        threads = 2 if n >= THREADED and processors() > 1 else 1
        self.parts = list(pairwise(n * k // threads for k in range(threads + 1)))
        self.sums = [np.empty((max(1, BLOCK // (8 * n)), n)) for _ in self.parts]
        self.pool = ThreadPoolExecutor(1) if threads > 1 else None

    def __enter__(self) -> MaxPlus:
        return self

    def __exit__(self, *why: object) -> None:
        if self.pool is not None:
            self.pool.shutdown()

    def __call__(self, d: np.ndarray, t: int, out: np.ndarray) -> None:
        """`d` and what leads to w_t, into `out`."""
        columns = self.fixed if self.fixed is not None else self.trellis.step(t).T
        other = self.pool.submit(self._part, 1, d, columns) if self.pool is not None else None
        self._part(0, d, columns)
        if other is not None:
            other.result()
        np.add(d[self.best], columns[self.all, self.best], out=out)

    def _part(self, k: int, d: np.ndarray, columns: np.ndarray) -> None:
        (begin, end), room = self.parts[k], self.sums[k]
        for j in range(begin, end, len(room)):
            block = columns[j : min(j + len(room), end)]
            sums = np.add(block, d, out=room[: len(block)])
            sums.argmax(axis=1, out=self.best[j : j + len(block)])  # in NumPy faster than max along an axis


def processors() -> int:
    """How many processors this process may use."""
    mine = getattr(os, "sched_getaffinity", None)
    return len(mine(0)) if mine is not None else os.cpu_count() or 1


def reachable_end(last: np.ndarray, trellis: Trellis, end: Hashable | None, number: int | None) -> np.ndarray:
    """δ_T, of the word that it must end in alone. Raises NoSequence where nothing leads there."""
    if number is not None:
        if last[number] == -np.inf:
            reached = trellis.vocabulary.words(np.flatnonzero(last > -np.inf)[:6])
            can = f"; w_{trellis.length} can be {', '.join(map(repr, reached))}" if reached else ""
            raise NoSequence(f"no sequence of length {trellis.length} with a positive probability ends in {end!r}{can}")
        last = np.where(np.arange(len(last)) == number, last, -np.inf)
    if last.max() == -np.inf:
        raise NoSequence(f"no sequence of length {trellis.length} has a positive probability")
    return last


def traced(trellis: Trellis, delta: np.ndarray, last: int) -> np.ndarray:
    """The path that ends in w_T = last, by the pointers along it."""
    path = np.empty(trellis.length, np.int64)
    path[-1] = last
    for t in range(trellis.length, 1, -1):
        path[t - 2] = (delta[t - 2] + trellis.step(t)[:, path[t - 1]]).argmax()
    return path


def scored(trellis: Trellis, delta: np.ndarray) -> int:
    """How many (i, j) of positive probability the recursion looked at, of those i that can be reached."""
    reached = delta > -np.inf
    count = int(np.count_nonzero(trellis.first > -np.inf))
    if trellis.steps.ndim == 2:
        return count + int(reached[:-1].sum(axis=0) @ np.count_nonzero(trellis.steps > -np.inf, axis=1))
    for t in range(2, trellis.length + 1):
        count += int(np.count_nonzero(trellis.step(t)[reached[t - 2]] > -np.inf))
    return count


def sequence(search: TrellisSearch, path: np.ndarray, total: float, eos: int | None) -> Sequence:
    """A path as a sequence, up to `eos`."""
    finished = eos is not None and eos in path
    words = path[: int(np.flatnonzero(path == eos)[0]) + 1] if finished else path
    return Sequence(search.vocabulary.words(words), total, None, finished, search)


__all__ = [
    "MaxPlus", "markov_trellis", "processors", "reachable_end", "recursion", "scored", "sequence", "traced", "viterbi",
]  # fmt: skip
