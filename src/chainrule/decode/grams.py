"""The distinct n-grams of a text, of each length, in sorted arrays: counted, then smoothed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .smoothing import Counts, Smoothing


class Grams(NamedTuple):
    """The G distinct n-grams of one length k, in the order of their contexts (their first k − 1 words), then of their
    last words.

    keys     (G,), context · (N + 1) + last word. The context is the number of its first k − 1 words among the
             (k−1)-grams; a word by itself has its own number, and <BOS> the number N
    counts   (G,), how often each came
    opens    (G,), whether it begins with <BOS>
    tails    (G,), the number of the (k−1)-gram that is left without its first word
    """

    keys: np.ndarray
    counts: np.ndarray
    opens: np.ndarray
    tails: np.ndarray


class Smoothed(NamedTuple):
    """The same n-grams with what each has of the probability.

    keys     (G,), as in `Grams`
    words    (G,), the last words
    begins   (R + 1,), where the n-grams of each of the R contexts begin
    shares   (G,), share(h w) of `smoothing`
    rest     (R,), rest(h); 1 where nothing came after the context
    radix    N + 1
    """

    keys: np.ndarray
    words: np.ndarray
    begins: np.ndarray
    shares: np.ndarray
    rest: np.ndarray
    radix: int

    def find(self, contexts: np.ndarray, words: np.ndarray) -> np.ndarray:
        """The numbers of the n-grams, −1 where one is not here; a context of −1 has none."""
        keys = contexts * self.radix + words
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[place] == keys, place, -1)

    def followers(self, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The n-grams of these contexts: for each, the place of its context among the given, and its number."""
        begin = self.begins[contexts]
        lengths = self.begins[contexts + 1] - begin
        place = np.repeat(np.arange(len(contexts)), lengths)
        return place, np.arange(len(place)) + np.repeat(begin - np.cumsum(lengths) + lengths, lengths)


def grams(numbers: np.ndarray, starts: np.ndarray, order: int, N: int) -> Iterator[Grams]:
    """The n-grams of lengths 1 … order of one running text, and those that begin with <BOS>.

    numbers   (T,), the text, of words 0 … N − 1
    starts    where something begins: <BOS> stands before each of these places, in n-grams of its own

    >>> one, two = grams(np.array([0, 1, 0, 1, 0, 2]), np.array([0]), 2, N=3)
    >>> two.keys // 4, two.keys % 4, two.counts     # ab, ac, ba, <BOS>a
    (array([0, 0, 1, 3]), array([1, 2, 0, 0]), array([2, 1, 2, 1]))
    """
    T = len(numbers)
    yield Grams(np.arange(N), np.bincount(numbers, minlength=N), np.zeros(N, bool), np.zeros(N, np.int64))
    # An n-gram begins at each token, then, in these arrays, one place before each start, with <BOS>.
    at = np.concatenate([np.arange(T), starts - 1])
    opens = np.arange(len(at)) >= T
    found = np.concatenate([numbers, np.full(len(starts), N)])  # the number of the (k−1)-gram that begins there
    for k in range(2, order + 1):
        tail, inside = found, at <= T - k
        at, opens, found = at[inside], opens[inside], found[inside]
        keys = found * (N + 1) + numbers[at + k - 1]
        distinct, first, found, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
        yield Grams(distinct, counts, opens[first], tail[at[first] + 1])


def smoothed(found: Sequence[Grams], smoothing: Smoothing, N: int) -> tuple[np.ndarray, tuple[Smoothed, ...]]:
    """p(w) without a context, (N,), and the n-grams of lengths 2, 3, … with their shares."""
    counted = [_counts(one, after, smoothing) for one, after in zip(found, [*found[1:], None])]
    seen = np.flatnonzero(counted[0])
    shares, rest = smoothing.shared(Counts(counted[0][seen], np.zeros(len(seen), np.int64), N))
    unigram = np.full(N, rest[0] / N)
    unigram[seen] += shares
    return unigram, tuple(
        _smoothed(one, counts, smoothing, N, N + 1 if k == 0 else len(found[k].keys))
        for k, (one, counts) in enumerate(zip(found[1:], counted[1:]))
    )


def _counts(one: Grams, after: Grams | None, smoothing: Smoothing) -> np.ndarray:
    """The counts that a smoothing wants; `after` are the n-grams of one word more."""
    if after is None or not smoothing.continuation:
        return one.counts
    return np.where(one.opens, one.counts, np.bincount(after.tails, minlength=len(one.keys)))


def _smoothed(one: Grams, counts: np.ndarray, smoothing: Smoothing, N: int, contexts: int) -> Smoothed:
    context = one.keys // (N + 1)
    lengths = np.bincount(context, minlength=contexts)
    shares, left = smoothing.shared(Counts(counts, context, N))
    rest = np.ones(contexts)
    np.copyto(rest[: len(left)], left, where=lengths[: len(left)] > 0)
    words = (one.keys % (N + 1)).astype(np.int32)
    return Smoothed(one.keys, words, np.concatenate([[0], np.cumsum(lengths)]), shares, rest, N + 1)


__all__ = ["Grams", "Smoothed", "grams", "smoothed"]
