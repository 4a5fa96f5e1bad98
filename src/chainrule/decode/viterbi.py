"""Viterbi's algorithm: the likeliest path through a trellis, exactly."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import cast

import numpy as np

from ..graph.errors import InputError
from .asked import asked, word
from .backwards import read_back
from .chain import Trellis
from .errors import NoSequence, NotMarkov
from .exhaustive import LIMIT
from .max_plus import MaxPlus
from .model import Model, noun
from .search import TrellisSearch
from .sequence import Sequence


def viterbi(model: Model, length: int, *, eos: Hashable | None = None, end: Hashable | None = None) -> Sequence:
    """The likeliest sequence of a Markov model, exactly, in O(T N²) time and O(T N) space.

    δ_1(j) = log p(w_1 = j | w_0),  δ_t(j) = max_i δ_{t−1}(i) + log p(w_t = j | w_{t−1} = i), and a_t(j) is the i that
    attains it; the path is read backwards from argmax_j δ_T(j) (Viterbi 1967; Rabiner 1989, §III.B). Only the path's
    own predecessors are looked for, from δ. A call of the model is counted for each step: what follows each of N words.

    model    one with ``trellis(length)``: a Markov chain, a bigram model, the hidden states of an HMM given what it
             emitted, or a tree whose p(w_t | w_0 … w_{t−1}) happens to depend on w_{t−1} alone
    length   T, at least 1; with `eos` the largest length
    eos      the word that ends a sequence
    end      the word that the sequence must end in

    Ties as everywhere: the smaller last word, then the smaller word before it, and so on. So the path may part from the
    pointers a_t where prefixes of unequal log-likelihoods have become equal by rounding. Raises NotMarkov, NoSequence
    where no sequence has a positive probability, InputError.

    >>> from chainrule.decode import MarkovChain, viterbi
    >>> best = viterbi(MarkovChain([[0.6, 0.4], [0.1, 0.9]], start=0), length=3)
    >>> best.words, best.search.back_pointers.tolist()
    ((1, 1, 1), [[0, 1], [0, 1]])
    """
    trellis = markov_trellis(model, length, eos, "viterbi")
    eos_number, end_number = word(model, eos), word(model, end)
    delta = recursion(trellis)
    last = reachable_end(delta[-1], trellis, end, end_number)
    path, total = traced(trellis, delta, last), float(last.max())
    if path is None:
        path = read_back(trellis, delta, last[:, None], 1)[0][0]
    search = TrellisSearch(
        "viterbi", model, trellis.length, trellis.length, scored(trellis, delta, eos_number), True,
        "δ_t(j) is the maximum over all prefixes that end in j, by induction over t", total, end_number, trellis, delta,
        (path,), eos_number,
    )  # fmt: skip
    return sequence(search, path, total, eos_number)


def markov_trellis(model: Model, length: int, eos: Hashable | None, decoder: str) -> Trellis:
    """The model's trellis, in which nothing follows `eos`. Raises NotMarkov with the reason and what can serve."""
    length, eos_number = asked(model, length, eos)
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
    try:
        delta = np.empty((trellis.length, len(trellis.vocabulary)))
    except (MemoryError, ValueError):
        n = len(trellis.vocabulary)
        raise InputError(f"T·N = {trellis.length:,} · {n:,} numbers are more than the memory holds") from None
    delta[0] = trellis.first if trellis.local is None else trellis.first + trellis.local[0]
    largest = MaxPlus(trellis)
    for t in range(2, trellis.length + 1):
        largest(delta[t - 2], t, delta[t - 1])
        if trellis.local is not None:
            delta[t - 1] += trellis.local[t - 1]
    return delta


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


def traced(trellis: Trellis, delta: np.ndarray, last: np.ndarray) -> np.ndarray | None:
    """The likeliest path by its pointers; None where another may be as likely, once rounded.

    Another path leaves this one at some step, where it falls short by the difference to the second best; the same sums
    then follow in both, and each is rounded by half a unit of the total's last place at most.
    """
    slack = 4 * trellis.length * np.spacing(abs(float(last.max())))
    path = np.empty(trellis.length, np.int64)
    sums = last
    for t in range(trellis.length, 0, -1):
        if t < trellis.length:
            sums = delta[t - 1] + trellis.step(t + 1)[:, path[t]]
        path[t - 1] = sums.argmax()
        if np.count_nonzero(sums >= sums[path[t - 1]] - slack) > 1:
            return None
    return path


def scored(trellis: Trellis, delta: np.ndarray, eos: int | None) -> int:
    """How many (i, j) of positive probability the recursion looked at, of those i that can be reached and go on."""
    reached = delta > -np.inf
    if eos is not None:
        reached[:, eos] = False
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


__all__ = ["markov_trellis", "reachable_end", "recursion", "scored", "sequence", "traced", "viterbi"]
