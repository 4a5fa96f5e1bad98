"""Every sequence, scored."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from .asked import asked, whole, word
from .errors import NoSequence, TooMany
from .model import Model, noun
from .prefixes import Frontier, sequences, whole_step
from .search import PrefixSearch, Step
from .selection import in_order
from .sequence import Sequence

LIMIT = 10_000_000


@dataclass(frozen=True, eq=False)
class ExhaustiveSearch(PrefixSearch):
    """Every sequence of positive probability with its log-likelihood: the last of the steps holds them all."""

    @property
    def sequences(self) -> int:
        """How many sequences of positive probability there are."""
        return len(_ending(self.steps[-1], self.end))

    def best(self, k: int) -> list[Sequence]:
        """The k likeliest, best first; fewer where there are fewer."""
        last = self.steps[-1]
        rows = _ending(last, self.end)
        ranks = last.ranks[rows]
        return sequences(self, rows[in_order(last.total[rows], ranks, ranks, whole("k", k))])


def exhaustive(
    model: Model, length: int, *, eos: Hashable | None = None, end: Hashable | None = None, limit: int = LIMIT
) -> Sequence:
    """The likeliest of all N^T sequences, by scoring each, in O(T N^T) time and space; ``.search.best(k)`` gives k.

    length   T, at least 1; with `eos` the largest length
    eos      the word that ends a sequence
    end      the word that a sequence must end in
    limit    how many sequences may be scored; above it TooMany is raised, before anything starts

    Branches of probability 0 are not followed. Ties as everywhere: the smaller last word, then the smaller word before
    it, and so on. Raises InputError for what cannot be asked and for log-probabilities that are none, NoSequence where
    no sequence has a positive probability.

    >>> from chainrule.decode import MarkovChain, exhaustive
    >>> found = exhaustive(MarkovChain([[0.6, 0.4], [0.1, 0.9]]), length=3)
    >>> print(found, "of", found.search.sequences)
    1 1 1    log p = -1.127 of 8
    """
    length, eos_number = asked(model, length, eos)
    end_number = word(model, end)
    check_number(model, length, eos is not None, whole("limit", limit))
    frontier, steps = Frontier.beginning(), list[Step]()
    while len(steps) < length and len(frontier):
        scores, state = frontier.ask(model)
        rows, words = np.nonzero(scores > -np.inf)
        step = whole_step(frontier, rows, words, scores, steps[-1] if steps else None, eos_number)
        steps.append(step)
        growing = np.flatnonzero(~step.ended[: len(words)])
        if len(steps) < length:
            frontier = frontier.grown(model, step, rows[growing], growing, state)
    why, total, last = "every sequence was scored", sum(s.extensions for s in steps), steps[-1]
    if not len(last):
        what = f"no sequence of length {length} has a positive probability in {noun(model)}"
        raise NoSequence(f"{what}: none goes beyond w_{len(steps) - 1}")
    rows = _ending(last, end_number)
    if not len(rows):
        raise NoSequence(f"no sequence of length {length} with a positive probability ends in {end!r}")
    best = rows[in_order(last.total[rows], last.ranks[rows], last.ranks[rows], 1)]
    search = ExhaustiveSearch(
        "exhaustive", model, length, len(steps), total, True, why, float(last.total[best[0]]), end_number, tuple(steps),
        eos_number, None, (int(best[0]),),
    )  # fmt: skip
    return sequences(search, search.answers)[0]


def _ending(last: Step, end: int | None) -> np.ndarray:
    return np.arange(len(last)) if end is None else np.flatnonzero(last.word == end)


def check_number(model: Model, length: int, early: bool, limit: int) -> None:
    """Raises TooMany where more than `limit` sequences would be scored; a model may know how few it has.

    early   sequences may end before T words
    """
    n, own = len(model.vocabulary), getattr(model, "sequences", None)
    if own is not None:
        count = own(length)
        for t in range(1, length if early else 1):
            if not (some := own(t)):
                break
            count += some
        few, number = count <= limit, f"{count:,}"
    else:
        digits = min(length, 10**300) * math.log10(n)
        few = digits < 20 and n**length <= limit
        number = f"{n}^{length} = " + (f"{n**length:,}" if digits < 15 else f"about 10^{digits:.0f}")
    if not few:
        raise TooMany(
            f"exhaustive search would score {number} sequences, and the limit is {limit:,}. beam_search looks at a "
            "few of them; where the model is Markov, viterbi finds the likeliest in T·N²; a larger limit allows it"
        )


__all__ = ["LIMIT", "ExhaustiveSearch", "exhaustive"]
