"""Every sequence, scored."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from .asked import whole, word
from .errors import NoSequence, TooMany
from .model import Model, noun
from .prefixes import Frontier, named, sequences, whole_step
from .search import PrefixSearch, Step
from .selection import BadScore, check_scores, in_order
from .sequence import Sequence

LIMIT = 10_000_000


@dataclass(frozen=True, eq=False)
class ExhaustiveSearch(PrefixSearch):
    """Every sequence of positive probability with its log-likelihood: the last of the steps holds them all.

    end   the number of the word w_T must be; None: any
    """

    end: int | None

    @property
    def sequences(self) -> int:
        """How many sequences of positive probability there are."""
        return len(self._rows)

    def best(self, k: int) -> list[Sequence]:
        """The k likeliest, best first; fewer where there are fewer."""
        rows, last = self._rows, self.steps[-1]
        ranks = last.ranks[rows]
        return sequences(self, rows[in_order(last.total[rows], ranks, ranks, whole("k", k))])

    @property
    def _rows(self) -> np.ndarray:
        last = self.steps[-1]
        return np.arange(len(last)) if self.end is None else np.flatnonzero(last.word == self.end)


def exhaustive(
    model: Model, length: int, *, eos: Hashable | None = None, end: Hashable | None = None, limit: int = LIMIT
) -> Sequence:
    """The likeliest of all N^T sequences, by scoring each: O(N^T) time and space. ``.search.best(k)`` gives the k best.

    length   T, at least 1; with `eos` the largest length
    eos      the word that ends a sequence
    end      the word that w_T must be
    limit    how many sequences may be scored; above it TooMany is raised, before anything starts

    Branches of probability 0 are not followed. Ties as everywhere: the smaller last word, then the smaller word before
    it, and so on. Raises InputError for what cannot be asked and for log-probabilities that are none, NoSequence where
    no sequence has a positive probability.

    >>> from chainrule.decode import MarkovChain, exhaustive
    >>> found = exhaustive(MarkovChain([[0.6, 0.4], [0.1, 0.9]]), length=3)
    >>> print(found, "of", found.search.sequences)
    1 1 1    log p = -1.127 of 8
    """
    length, eos_number, end_number = whole("length", length), word(model, eos), word(model, end)
    check_number(model, length, whole("limit", limit))
    frontier, steps = Frontier.beginning(), []
    for _ in range(length):
        step, frontier = _advance(model, frontier, steps[-1] if steps else None, eos_number)
        steps.append(step)
        if not len(step):
            what = f"no sequence of length {length} has a positive probability in {noun(model)}"
            raise NoSequence(f"{what}: none goes beyond w_{len(steps) - 1}")
    calls = sum(1 for s in steps if s.extensions)
    why, total = "every sequence was scored", sum(s.extensions for s in steps)
    last = steps[-1]
    bound = float(last.total.max() if end is None else last.total[last.word == end_number].max(initial=-np.inf))
    if bound == -np.inf:
        raise NoSequence(f"no sequence of length {length} with a positive probability ends in {end!r}")
    search = ExhaustiveSearch(
        "exhaustive", model, length, calls, total, True, why, bound, tuple(steps), eos_number, end_number
    )
    return search.best(1)[0]


def check_number(model: Model, length: int, limit: int) -> None:
    """Raises TooMany where more than `limit` sequences would be scored; a model may know how few it has."""
    n = len(model.vocabulary)
    own = getattr(model, "sequences", None)
    count = own(length) if own is not None else n**length
    if count > limit:
        number = f"{count:,}" if count < 10**15 else f"about 10^{len(str(count)) - 1}"
        of = f"{n}^{length} = " if own is None else ""
        raise TooMany(
            f"exhaustive search would score {of}{number} sequences, and the limit is {limit:,}. beam_search looks at a "
            "few of them; where the model is Markov, viterbi finds the likeliest in T·N²; a larger limit allows it"
        )


def _advance(model: Model, now: Frontier, before: Step | None, eos: int | None) -> tuple[Step, Frontier]:
    """All extensions of all prefixes, and what has ended, carried along."""
    n = len(model.vocabulary)
    scores, state = now.ask(model) if len(now) else (np.zeros((0, n)), None)
    try:
        check_scores(scores)
    except BadScore as why:
        raise named(model, now.prefixes, why) from None
    rows, words = np.nonzero(scores > -np.inf)
    step = whole_step(now, rows, words, scores, before, eos)
    growing = np.flatnonzero(~step.ended[: len(words)])
    return step, now.grown(model, step, rows[growing], growing, state)


__all__ = ["LIMIT", "ExhaustiveSearch", "exhaustive"]
