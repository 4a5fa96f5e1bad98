"""The k likeliest paths through a trellis, exactly."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from ..graph.errors import InputError
from .asked import whole, word
from .backwards import read_back
from .chain import Trellis
from .model import Model
from .search import TrellisSearch
from .sequence import Sequence
from .viterbi import markov_trellis, reachable_end, scored, sequence

BLOCK = 2**16  # numbers that are looked at together: they stay in the processor's cache


def k_best(
    model: Model, length: int, k: int, *, eos: Hashable | None = None, end: Hashable | None = None
) -> list[Sequence]:
    """The k likeliest sequences of a Markov model, exactly, best first; fewer where fewer have a positive probability.

    δ_t^(1)(j) ≥ … ≥ δ_t^(k)(j) are the k largest log-likelihoods of prefixes that end in w_t = j. Those of step t are
    the k largest δ_{t−1}^(r)(i) + log p(w_t = j | w_{t−1} = i), of all i and r: the parallel list Viterbi algorithm
    (Seshadri and Sundberg, List Viterbi decoding algorithms with applications, IEEE Transactions on Communications
    42(2/3/4), 1994). Found by selection, in O(T (N² + N k²)) time, with a sort of what was kept, and O(T N k) space.
    The paths are then read backwards, k at once.

    model    one with ``trellis(length)``, as for `viterbi`
    length   T, at least 1; with `eos` the largest length
    k        how many, at least 1
    eos      the word that ends a sequence
    end      the word that the sequences must end in

    Ties as everywhere: of log-likelihoods that are equal as floats, the smaller last word first, then the smaller word
    before it, and so on; a sequence ended by `eos` counts as filled up with `eos` to T words. It holds as well where
    prefixes of unequal totals become equal because rounding takes off the difference. A recursion that hands down the k
    best paths, and not their totals alone, may have lost the one that is first.

    Raises NotMarkov, NoSequence where no sequence has a positive probability, InputError.

    >>> from chainrule.decode import MarkovChain, k_best
    >>> for found in k_best(MarkovChain([[0.7, 0.3], [0.2, 0.8]], start=0), length=3, k=3):
    ...     print(found)
    0 0 0    log p = -1.07
    1 1 1    log p = -1.65
    0 1 1    log p = -1.784
    """
    k, trellis = whole("k", k), markov_trellis(model, length, eos, "k_best")
    eos_number, end_number = word(model, eos), word(model, end)
    delta, more = _lists(trellis, k, eos_number)
    reachable_end(delta[-1, :, 0], trellis, end, end_number)
    last = delta[-1]
    if end_number is not None:
        last = np.where(np.arange(len(last))[:, None] == end_number, last, -np.inf)
    paths, totals = read_back(trellis, delta[:, :, 0], last, k)
    search = TrellisSearch(
        "k-best", model, trellis.length, trellis.length, scored(trellis, delta[:, :, 0], eos_number) + more, True,
        "the k largest totals of all prefixes that end in j are kept, by induction over t", float(totals[0]),
        end_number, trellis, delta, tuple(paths), eos_number,
    )  # fmt: skip
    return [sequence(search, path, float(total), eos_number) for path, total in zip(paths, totals)]


def _lists(trellis: Trellis, k: int, eos: int | None) -> tuple[np.ndarray, int]:
    """δ, (T, N, K): the K largest totals of the prefixes that end in each word at each step, the largest first.

    K is k, or N^(T−1) where no more prefixes than that can end in one word; −inf where there are fewer. Also answers
    how many sums of rank 2 or more were looked at, where `eos` goes nowhere.
    """
    n = len(trellis.vocabulary)
    most = min(k, n ** min(trellis.length - 1, k.bit_length()))  # 2^bit_length is above k
    try:
        delta = np.full((trellis.length, n, most), -np.inf)
    except (MemoryError, ValueError):
        raise InputError(
            f"the {k:,} best need T·N·k = {trellis.length} · {n} · {most:,} numbers, more than the memory holds; ask "
            "for a smaller k"
        ) from None
    delta[0, :, 0] = trellis.first if trellis.local is None else trellis.first + trellis.local[0]
    fixed = np.ascontiguousarray(trellis.steps.T) if trellis.steps.ndim == 2 else None
    room, more = 1, 0  # room: for the prefixes of t − 1 words that end in one word
    for t in range(2, trellis.length + 1):
        columns = fixed if fixed is not None else np.ascontiguousarray(trellis.step(t).T)
        more += _step(delta[t - 2, :, :room], columns, delta[t - 1], eos)
        room = min(most, room * n)
        if trellis.local is not None:
            delta[t - 1] += trellis.local[t - 1][:, None]
    return delta, more


def _step(before: np.ndarray, columns: np.ndarray, out: np.ndarray, eos: int | None) -> int:
    """The largest before[i, r] + columns[j, i] of each j, in order, to out[j].

    Only those k predecessors i matter for j whose best, δ^(1)(i) + log p(j | i), is among the k largest of all i. For
    any other i, these k bests are as large as its own best or larger, and that is as large as all else it has, so that
    the k largest values are complete without it. Sums are rounded, but never out of order: a ≤ b gives a + c ≤ b + c.

    Where values are equal, which prefixes they belong to is left open here; `read_back` decides.
    """
    n, ranks = before.shape
    most, near = out.shape[1], min(out.shape[1], n)
    block, more = max(1, BLOCK // max(n, near * ranks)), 0
    for j in range(0, n, block):
        part = columns[j : j + block]
        which = np.broadcast_to(np.arange(n), part.shape)
        if near < n:
            which = np.argpartition(part + before[:, 0], n - near, axis=1)[:, n - near :]
        sums = before[which] + np.take_along_axis(part, which, axis=1)[:, :, None]  # (block, near, ranks)
        counted = sums[:, :, 1:] > -np.inf
        more += int(np.count_nonzero(counted if eos is None else counted[which != eos]))
        sums = sums.reshape(len(part), -1)
        if (spare := sums.shape[1] - most) > 0:
            sums = np.partition(sums, spare, axis=1)[:, spare:]
        out[j : j + block, : sums.shape[1]] = np.sort(sums, axis=1)[:, ::-1]
    return more


__all__ = ["k_best"]
