"""Greedy search: one word at a time."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from .asked import asked
from .errors import NoSequence
from .model import Model
from .prefixes import Frontier, none_at_all, possible, search_of, sequences, step_of, verdict
from .search import Step
from .selection import best_extensions
from .sequence import Sequence


def greedy(model: Model, length: int, *, eos: Hashable | None = None) -> Sequence:
    """The likeliest next word, again and again. It need not find the likeliest sequence.

    O(T (N + T)) time beside the model's own, T² for the prefixes that it is given.

    length   T, at least 1; with `eos` the largest length
    eos      the word that ends a sequence, once it is the likeliest

    Ties: the word with the smaller number. Raises InputError for what cannot be asked and for log-probabilities that
    are none, NoSequence where the words chosen lead nowhere.

    >>> from chainrule.decode import Tree, greedy
    >>> tree = Tree({"the": [-1.0, {"cat": -3.0}], "a": [-1.2, {"cat": -2.0, "dog": -2.5}]})
    >>> print(greedy(tree, length=2))
    the cat    log p = -4
    """
    length, end = asked(model, length, eos)
    frontier, steps = Frontier.beginning(), list[Step]()
    while len(steps) < length and len(frontier):
        scores, state = frontier.ask(model)
        best = best_extensions(scores, frontier.totals, frontier.ranks, 1)
        if not len(best.columns):
            dropped = [step.pruned for step in steps] + [-np.inf]
            raise NoSequence(none_at_all(model, length, dropped, end) or _lost(length, len(dropped)))
        log_prob = scores[best.rows, best.columns].astype(float)
        ended, group = np.array([best.columns[0] == end]), np.zeros(1, np.int8)
        parent, ranks = frontier.where[best.rows], frontier.ranks[best.rows]
        steps.append(
            step_of(parent, best.columns, log_prob, best.totals, ended, ranks, group, best.rest, possible(scores))
        )
        growing = np.flatnonzero(~ended)
        if len(steps) < length:
            frontier = frontier.grown(model, steps[-1], best.rows[growing], growing, state)
    proof = verdict(float(steps[-1].total[0]), [step.pruned for step in steps], length)
    search = search_of("greedy", model, length, steps, proof, end, (0,))
    return sequences(search, search.answers)[0]


def _lost(length: int, t: int) -> str:
    return (
        f"what greedy search chose ends before w_{t}, and the length is {length}; beam_search keeps more of what it "
        "dropped"
    )


__all__ = ["greedy"]
