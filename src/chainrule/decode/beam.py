"""Beam search: the best few prefixes, and never all of them.

At each step every kept prefix is extended by every word, and the `width` best extensions are kept: O(T B N) time with
selection, O(B N + B T) space (Lowerre 1976, The HARPY speech recognition system); and O(B T²) time for the prefixes
that the model is given. Ended by `eos`, a sequence leaves the beam (Sutskever, Vinyals and Le 2014, arXiv:1409.3215,
§3.2) and waits among at most `width` finished ones, so that short and long ones compete at the end only.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from ..graph.errors import InputError
from .asked import asked, real, whole
from .errors import NoSequence
from .model import Model
from .prefixes import Frontier, at_most, carried, none_at_all, possible, search_of, sequences, step_of, verdict
from .search import Step, traced
from .selection import best_extensions, in_order
from .sequence import Sequence


def beam_search(
    model: Model,
    length: int,
    width: int,
    *,
    length_penalty: float | None = None,
    eos: Hashable | None = None,
    groups: int = 1,
    diversity: float | None = None,
) -> list[Sequence]:
    """The `width` best that can be found while keeping `width` prefixes, best first; fewer where fewer are possible.

    length           T, at least 1; with `eos` the largest length
    width            B, prefixes kept at each step; with B ≥ N^(T−1), or so many in each group, nothing is lost and the
                     result is the maximum
    length_penalty   α, −10 to 10: sequences are ranked by log p / T^α, and the search ends when none that still grows
                     can rank among the best. None: by log p. Wu et al. 2016 (arXiv:1609.08144, eq. 14) divide by
                     ((5 + T) / 6)^α; transformers divides as we do
    eos              the word that ends a sequence
    groups           diverse beam search (Vijayakumar et al. 2018, arXiv:1610.02424, §4): the beam in so many groups of
                     width / groups, where each pays `diversity` for a word that earlier groups chose at the same step
    diversity        λ, the price; by default 0.5 with several groups. It decides what is kept and is in no
                     log-likelihood; transformers lets it add up in the scores. What several groups find comes once

    Ties as everywhere: the smaller last word, then the smaller word before it, and so on. The result's search tells
    whether the maximum is proved: where nothing that was dropped was likelier than what was found, for each further
    word can only cost. Raises InputError for what cannot be asked and for log-probabilities that are none, NoSequence
    where all kept prefixes lead nowhere.

    >>> from chainrule.decode import Tree, beam_search
    >>> tree = Tree({"the": [-1.0, {"cat": -3.0}], "a": [-1.2, {"cat": -2.0, "dog": -2.5}]})
    >>> for found in beam_search(tree, length=2, width=2):
    ...     print(found)
    a cat    log p = -3.2
    a dog    log p = -3.7
    """
    width, groups = whole("width", width), whole("groups", groups)
    if width % groups:
        raise InputError(f"width must be a multiple of groups: {width} prefixes do not make {groups} equal groups")
    if diversity is not None and groups == 1:
        raise InputError("diversity is the price between groups, and there is one group; give groups=2 or more")
    price = 0.0 if groups == 1 else 0.5 if diversity is None else real("diversity", diversity, 0)
    if length_penalty is not None:
        length_penalty = real("length_penalty", length_penalty, -10, 10)
    return _search(model, length, width, length_penalty, eos, groups, price)


def _search(
    model: Model,
    length: int,
    width: int,
    penalty: float | None,
    eos: Hashable | None,
    groups: int,
    price: float,
) -> list[Sequence]:
    length, end = asked(model, length, eos)
    beam = _Beam(model, length, width // groups, penalty, end, groups, price)
    while len(beam.steps) < length and len(beam.frontier):
        beam.advance()
    last = beam.steps[-1]
    final = np.flatnonzero(last.ended) if len(beam.steps) < length else np.arange(len(last))
    if not len(final):
        raise NoSequence(beam.lost())
    order = final[in_order(beam.scores()[final], last.ranks[final], last.ranks[final], len(final))]
    distinct = {traced(beam.steps, int(k), end): int(k) for k in reversed(order)}  # several groups may find the same
    answers = tuple(reversed(distinct.values()))[:width]
    proved, why, bound = verdict(float(last.total[final].max()), beam.dropped, length)
    if proved and last.total[answers[0]] < bound:
        proved, why = False, f"sequences were ranked by log p / T^{penalty:g}, and a likelier one ranks below"
    search = search_of("beam", model, length, beam.steps, (proved, why, bound), end, answers, penalty)
    return sequences(search, answers, penalty)


class _Beam:
    """A search under way: the steps so far, and the prefixes that still grow.

    width     of each group
    lengths   of what stands in the last step
    dropped   the largest total that was given up at each step
    """

    def __init__(
        self, model: Model, length: int, width: int, penalty: float | None, eos: int | None, groups: int, price: float
    ):
        self.model, self.length, self.width, self.penalty, self.eos = model, length, width, penalty, eos
        self.groups, self.price = groups, price
        self.frontier, self.group = Frontier.beginning(groups), np.arange(groups)
        self.steps: list[Step] = []
        self.lengths = np.zeros(0, np.int64)
        self.dropped: list[float] = []

    def advance(self) -> None:
        """One more word."""
        now, t = self.frontier, len(self.steps) + 1
        scores, state = now.ask(self.model)
        kept, pruned = self._kept(scores)
        rows, words = np.concatenate(kept, axis=1)
        log_prob = scores[rows, words].astype(float)
        growing = [now.where[rows], words, log_prob, now.totals[rows] + log_prob, now.ranks[rows], self.group[rows]]
        lengths = np.full(len(rows), t)
        pool, pool_lengths, lost = self._pool(scores, t)
        columns = [np.concatenate(pair) for pair in zip(growing, pool)]
        ended = np.arange(len(columns[0])) >= len(rows)
        parent, word, log_prob, total, parent_ranks, group = columns
        pruned = max(pruned, lost)
        step = step_of(parent, word, log_prob, total, ended, parent_ranks, group, pruned, possible(scores))
        self.steps.append(step)
        self.lengths = np.concatenate([lengths, pool_lengths])
        self.dropped.append(pruned)
        if t < self.length:
            alive = self._alive(step)
            self.dropped[-1] = float(max(pruned, total[: len(rows)][~alive].max(initial=-np.inf)))
            self.frontier = now.grown(self.model, step, rows[alive], np.flatnonzero(alive), state)
            self.group = group[: len(rows)][alive]

    def _kept(self, scores: np.ndarray) -> tuple[list[np.ndarray], float]:
        """For each group the rows and words, (2, ≤ width), of the extensions that it keeps; the best of the rest."""
        now, kept, pruned = self.frontier, [], -np.inf
        price: np.ndarray | float = 0.0  # of each word, as earlier groups chose it
        for g in range(self.groups):
            rows = np.flatnonzero(self.group == g)
            if not len(rows):
                continue
            own, totals = (scores if len(rows) == len(now) else scores[rows]), now.totals[rows]
            paid = own - price if g and self.price else own
            spare = len(rows) if self.eos is not None else 0
            found = best_extensions(paid, totals, now.ranks[rows], self.width + spare)
            growing = np.flatnonzero(found.columns != self.eos) if spare else np.arange(len(found.columns))
            take, leave = growing[: self.width], growing[self.width :]
            kept.append(np.stack([rows[found.rows[take]], found.columns[take]]))
            if paid is own:
                pruned = max(pruned, found.totals[leave].max(initial=-np.inf), found.rest)
            else:  # what has paid most is not what was likeliest
                left = own + totals[:, None]
                left[found.rows[take], found.columns[take]] = -np.inf
                left[:, [] if self.eos is None else self.eos] = -np.inf
                pruned = max(pruned, left.max())
            if self.groups > 1:
                price = price + self.price * np.bincount(found.columns[take], minlength=scores.shape[1])
        return kept, float(pruned)

    def _pool(self, scores: np.ndarray, t: int) -> tuple[list[np.ndarray], np.ndarray, float]:
        """What has ended, by now or before: the best `width` of each group, as columns of a step; their lengths; and
        the largest total among the others.
        """
        now = self.frontier
        if self.eos is None:
            nothing = np.zeros(0, np.int64)
            return [nothing, nothing, nothing.astype(float), nothing.astype(float), nothing, nothing], nothing, -np.inf
        log_prob = scores[:, self.eos].astype(float)
        new = np.flatnonzero(log_prob > -np.inf)
        columns = [now.where[new], np.full(len(new), self.eos), log_prob[new], now.totals[new] + log_prob[new],
                   now.ranks[new], self.group[new]]  # fmt: skip
        lengths = np.full(len(new), t)
        if self.steps:
            old = carried(self.steps[-1], self.eos)
            columns = [np.concatenate(pair) for pair in zip(old, columns)]
            lengths = np.concatenate([self.lengths[old[0]], lengths])
        scores_of = self._ranked(columns[3], lengths)
        best = []
        for g in range(self.groups):
            mine = np.flatnonzero(columns[5] == g)
            best.append(mine[in_order(scores_of[mine], columns[4][mine], columns[4][mine], self.width)])
        take = np.concatenate(best)
        lost = np.delete(columns[3], take).max(initial=-np.inf)
        return [column[take] for column in columns], lengths[take], float(lost)

    def _alive(self, step: Step) -> np.ndarray:
        """Which of the growing prefixes can still lead to something that ranks among the best."""
        t, scores = len(self.steps), self.scores()
        alive = ~step.ended
        for g in range(self.groups):
            pool = scores[step.ended & (step.group == g)]
            growing = np.flatnonzero(~step.ended & (step.group == g))
            if len(pool) < self.width or not len(growing):
                continue
            hope = at_most(float(step.total[growing].max()), t, self.length, self.penalty)
            alive[growing] &= hope >= pool.min()
        return alive[: int((~step.ended).sum())]

    def scores(self) -> np.ndarray:
        """What the last step's are ranked by."""
        return self._ranked(self.steps[-1].total, self.lengths)

    def _ranked(self, totals: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        return totals if self.penalty is None else totals / lengths**self.penalty

    def lost(self) -> str:
        """Why nothing was found."""
        if nothing := none_at_all(self.model, self.length, self.dropped, self.eos):
            return nothing
        return (
            f"all that a beam of {self.width * self.groups} kept ends before w_{len(self.steps)}, and the length is "
            f"{self.length}; a larger width keeps more of what it dropped"
        )


__all__ = ["beam_search"]
