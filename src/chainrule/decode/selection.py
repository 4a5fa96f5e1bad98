"""The k largest of many, by selection and not by sorting, and what happens to ties.

Ties, here and in every decoder: equal log-likelihoods are ordered by the number of the last word, smaller first, then
by that of the word before it, and so on. It is the order in which Viterbi's pointers choose.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..graph.errors import InputError

CHUNK = 512  # columns whose maximum is taken together
ABOVE_ONE = 1e-4  # how far a float32's log-probability of a sure word may lie above 0


class Extensions(NamedTuple):
    """The best of all (prefix, word), best first.

    rows, columns   the prefix and the word of each
    totals          their log-likelihoods, float64
    rest            the best total among the others; −inf where there is none
    """

    rows: np.ndarray
    columns: np.ndarray
    totals: np.ndarray
    rest: float


def best_extensions(scores: np.ndarray, totals: np.ndarray, ranks: np.ndarray, k: int) -> Extensions:
    """The k largest totals[b] + scores[b, n]; fewer where fewer are possible.

    scores   (B, N), log p(word | prefix)
    totals   (B,), log p(prefix)
    ranks    (B,), the place of each prefix among all in the order of ties

    The time of one pass over the scores for their maxima over chunks of words, and O(B N / CHUNK + k CHUNK) on top: the
    k-th largest maximum is at most the k-th largest total, so that no chunk whose maximum lies below it holds a winner.

    Raises InputError for NaN and for a log-probability above 0, which the maxima show.
    """
    maxima = _maxima(scores)
    _check(scores, maxima)
    sums = maxima + totals[:, None]
    threshold = kth_largest(sums.ravel(), k + 1) if sums.size > k else -np.inf  # one more, for `rest`
    b, chunk = np.nonzero((sums >= threshold) & (sums > -np.inf))
    columns = chunk[:, None] * CHUNK + np.arange(CHUNK)
    inside = columns < scores.shape[1]
    values = np.where(inside, scores[b[:, None], np.minimum(columns, scores.shape[1] - 1)], -np.inf) + totals[b, None]
    keep = (values >= threshold) & (values > -np.inf)
    rows, columns, values = np.broadcast_to(b[:, None], keep.shape)[keep], columns[keep], values[keep]
    first = in_order(values, columns, ranks[rows], k + 1)
    rest = float(values[first[k]]) if len(first) > k else -np.inf
    first = first[:k]
    return Extensions(rows[first], columns[first], values[first], rest)


def in_order(totals: np.ndarray, words: np.ndarray, ranks: np.ndarray, k: int) -> np.ndarray:
    """Where the k first of the order stand: larger total, then smaller word, then smaller rank of the prefix."""
    if len(totals) > 4 * k:
        candidates = np.flatnonzero(totals >= kth_largest(totals, k))
        return candidates[in_order(totals[candidates], words[candidates], ranks[candidates], len(candidates))][:k]
    return np.lexsort((ranks, words, -totals))[:k]


def tie_ranks(words: np.ndarray, parents_ranks: np.ndarray) -> np.ndarray:
    """The place of each prefix in the order of ties: by its last word, then by the place of what came before."""
    order = np.lexsort((parents_ranks, words))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def kth_largest(values: np.ndarray, k: int) -> float:
    """The k-th largest value; the smallest where there are fewer."""
    if not len(values):
        return -np.inf
    place = max(len(values) - k, 0)
    return float(np.partition(values, place)[place])


def _maxima(scores: np.ndarray) -> np.ndarray:
    """(B, ⌈N / CHUNK⌉): the largest score of each chunk of words; NaN where one is."""
    n = scores.shape[1]
    whole = n // CHUNK
    parts = scores[:, : whole * CHUNK].reshape(len(scores), whole, CHUNK).max(axis=2, initial=-np.inf)
    rest = scores[:, whole * CHUNK :].max(axis=1, initial=-np.inf, keepdims=True)
    return np.concatenate([parts, rest], axis=1).astype(float) if n % CHUNK else parts.astype(float)


def check_scores(scores: np.ndarray) -> None:
    """Raises BadScore for NaN and for a log-probability above 0."""
    _check(scores, scores.max(axis=1, initial=-np.inf))


def _check(scores: np.ndarray, maxima: np.ndarray) -> None:
    wrong = ~(maxima <= ABOVE_ONE)
    if not wrong.any():
        return
    b, n = np.argwhere(~(scores <= ABOVE_ONE))[0]
    value = scores[b, n]
    p = f": a probability of {np.exp(np.float64(value)):.3g}" if np.isfinite(value) and value < 50 else ""
    raise BadScore(f"a log-probability is a number of at most 0, and it is {value:g}{p}", int(b), int(n))


class BadScore(InputError):
    """What a model answered for a prefix and a word is no log-probability; the decoder says which those are."""

    def __init__(self, what: str, row: int, column: int):
        super().__init__(what)
        self.what, self.row, self.column = what, row, column


__all__ = ["BadScore", "Extensions", "best_extensions", "check_scores", "in_order", "kth_largest", "tie_ranks"]
