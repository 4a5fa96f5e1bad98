"""The k largest of many, by selection and not by sorting, and what happens to ties.

Ties, here and in every decoder: log-likelihoods that are equal as floats are ordered by the number of the last word,
smaller first, then by that of the word before it, and so on. It is the order in which Viterbi's recursion meets them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

CHUNK = 512  # columns whose maximum is taken together


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
    """
    parts, tail = _chunks(scores)
    maxima = [parts.max(axis=2, initial=-np.inf), tail.max(axis=1, initial=-np.inf, keepdims=True)]
    sums = np.concatenate(maxima, axis=1) + totals[:, None]
    least = kth_largest(sums.ravel(), k + 1) if sums.size > k else -np.inf  # one more, for `rest`
    row, chunk = np.nonzero((sums >= least) & (sums > -np.inf))
    last = chunk == parts.shape[1]
    found = [
        _above(parts[row[~last], chunk[~last]], row[~last], chunk[~last] * CHUNK, totals, least),
        _above(tail[row[last]], row[last], chunk[last] * CHUNK, totals, least),
    ]
    values, rows, columns = (np.concatenate(pair) for pair in zip(*found))
    first = in_order(values, columns, ranks[rows], k + 1)
    rest = float(values[first[k]]) if len(first) > k else -np.inf
    first = first[:k]
    return Extensions(rows[first], columns[first], values[first], rest)


def _chunks(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(B, ⌊N / CHUNK⌋, CHUNK), whole chunks of words, and (B, N mod CHUNK), the rest."""
    whole = scores.shape[1] // CHUNK
    return scores[:, : whole * CHUNK].reshape(len(scores), whole, CHUNK), scores[:, whole * CHUNK :]


def _above(
    chunks: np.ndarray, rows: np.ndarray, begins: np.ndarray, totals: np.ndarray, least: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The totals from `least` on in (M, width) scores of some rows, with their rows and columns."""
    values = (chunks + totals[rows, None]).ravel()
    at = np.flatnonzero((values >= least) & (values > -np.inf))
    chunk, column = np.divmod(at, max(chunks.shape[1], 1))
    return values[at], rows[chunk], begins[chunk] + column


def in_order(totals: np.ndarray, words: np.ndarray, ranks: np.ndarray, k: int) -> np.ndarray:
    """Where the k first of the order stand: larger total, then smaller word, then smaller rank of the prefix."""
    if len(totals) > 4 * k:
        least = kth_largest(totals, k)
        above, ties = np.flatnonzero(totals > least), np.flatnonzero(totals == least)
        spare = len(above) + len(ties) - k
        if spare > 0:
            places = words[ties].astype(np.int64) * (int(ranks.max()) + 1) + ranks[ties]
            ties = ties[np.argpartition(places, len(ties) - spare - 1)[: len(ties) - spare]]
        chosen = np.concatenate([above, ties])
        return chosen[np.lexsort((ranks[chosen], words[chosen], -totals[chosen]))]
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


__all__ = ["Extensions", "best_extensions", "in_order", "kth_largest", "tie_ranks"]
