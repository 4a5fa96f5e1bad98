"""The prefixes that a search holds at one step, and how they grow: what beam, sampling and exhaustive search share."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any

import numpy as np

from .model import Model, ask, noun, select
from .search import PrefixSearch, Step
from .selection import tie_ranks
from .sequence import Sequence


@dataclass(eq=False)
class Frontier:
    """The prefixes that still grow after step t.

    where      (R,), where each stands in the arrays of step t
    prefixes   (R, t), their words
    totals     (R,), their log-likelihoods
    ranks      (R,), their places in the order of ties
    state      the model's, for them
    """

    where: np.ndarray
    prefixes: np.ndarray
    totals: np.ndarray
    ranks: np.ndarray
    state: Any = None

    @classmethod
    def beginning(cls, copies: int = 1) -> Frontier:
        """Nothing but w_0, so many times."""
        zeros = np.zeros(copies, np.int64)
        return cls(zeros, np.zeros((copies, 0), np.int64), np.zeros(copies), zeros)

    def __len__(self) -> int:
        return len(self.where)

    def ask(self, model: Model) -> tuple[np.ndarray, Any]:
        """(R, N) log-probabilities of the next word, and the model's new state."""
        return ask(model, self.prefixes, self.state)

    def grown(self, model: Model, step: Step, rows: np.ndarray, kept: np.ndarray, state: Any) -> Frontier:
        """The extensions that live on: those at `kept` in `step`, made from the prefixes at `rows` of this one."""
        words = step.word[kept].astype(np.int64)
        prefixes = np.concatenate([self.prefixes[rows], words[:, None]], axis=1)
        return Frontier(kept, prefixes, step.total[kept], step.ranks[kept], select(model, state, rows))


def possible(scores: np.ndarray) -> int:
    """How many of the scores belong to words that can come. Mostly all, which the smallest score tells faster."""
    return scores.size if scores.min(initial=0) > -np.inf else int(np.count_nonzero(scores > -np.inf))


def verdict(found: float, dropped: Many[float], length: int) -> tuple[bool, str, float]:
    """Whether what was found is proved to be the maximum, why, and a log-likelihood that nothing exceeds.

    dropped   the best total that was given up at each step. What such a prefix leads to is no likelier than it is
    """
    best = max(dropped, default=-math.inf)
    if max(dropped[: length - 1], default=-math.inf) == -math.inf and best <= found:
        return True, "nothing was dropped on the way", found
    if best <= found:
        why = "nothing that was dropped was likelier than what was found, and each further word can only cost"
        return True, why, found
    t = list(dropped).index(best) + 1
    why = f"a prefix of log-likelihood {best:.4g} was dropped at step {t}, and what it leads to may be likelier"
    return False, why, best


def none_at_all(model: Model, length: int, dropped: Many[float], eos: int | None) -> str:
    """That no sequence is so long, where that is why a search found none; else nothing.

    dropped   the best total that was given up at each of the steps, in the last of which nothing was left
    """
    longest = len(dropped) - 1
    own = getattr(model, "sequences", None)
    if own is not None and eos is None and not own(length):
        longest = bisect_left(range(1, length), True, key=lambda t: not own(t))
    elif max(dropped, default=-math.inf) > -math.inf:
        return ""
    nothing = f"no sequence of length {length} has a positive probability in {noun(model)}"
    return f"{nothing}: none goes beyond w_{longest}"


def step_of(
    parent: np.ndarray,
    word: np.ndarray,
    log_prob: np.ndarray,
    total: np.ndarray,
    ended: np.ndarray,
    parent_ranks: np.ndarray,
    group: np.ndarray,
    pruned: float,
    extensions: int,
) -> Step:
    """A step, with the order of ties found from that of its parents."""
    ranks = tie_ranks(word, parent_ranks)
    return Step(
        parent.astype(np.int32), word.astype(np.int32), log_prob, total, ended, ranks, group, pruned, extensions
    )


def carried(before: Step, eos: int | None) -> list[np.ndarray]:
    """What had ended before, unchanged: its place, `eos`, log 1, its total, its rank and its group."""
    old = np.flatnonzero(before.ended)
    return [old, np.full(len(old), eos), np.zeros(len(old)), before.total[old], before.ranks[old], before.group[old]]


def whole_step(
    now: Frontier, rows: np.ndarray, words: np.ndarray, scores: np.ndarray, before: Step | None, eos: int | None
) -> Step:
    """A step that keeps all of these extensions, and behind them what had ended before."""
    log_prob = scores[rows, words].astype(float)
    columns = [now.where[rows], words, log_prob, now.totals[rows] + log_prob, now.ranks[rows]]
    ended = words == eos if eos is not None else np.zeros(len(words), bool)
    if before is not None and before.ended.any():
        old = carried(before, eos)
        columns = [np.concatenate(pair) for pair in zip(columns, old)]
        ended = np.append(ended, np.ones(len(old[0]), bool))
    parent, words, log_prob, total, ranks = columns
    group = np.zeros(len(words), np.int8)
    return step_of(parent, words, log_prob, total, ended, ranks, group, -np.inf, possible(scores))


def normalised(total: float, length: int, penalty: float | None) -> float | None:
    """log p / T^penalty, where there is a penalty."""
    return None if penalty is None else total / length**penalty


def search_of(
    decoder: str, model: Model, length: int, steps: Many[Step], proof: tuple[bool, str, float], eos: int | None,
    answers: tuple[int, ...], penalty: float | None = None,
) -> PrefixSearch:  # fmt: skip
    """The search as data; `proof` is what `verdict` answers. The model was asked once a step."""
    exact, why, bound = proof
    return PrefixSearch(
        decoder, model, length, len(steps), sum(step.extensions for step in steps), exact, why, bound, None,
        tuple(steps), eos, penalty, answers,
    )  # fmt: skip


def sequences(search: PrefixSearch, rows: Iterable[int], penalty: float | None = None) -> list[Sequence]:
    """What stands at `rows` of the last step, as sequences."""
    found, last = [], search.steps[-1]
    for k in map(int, rows):
        numbers, total = search.prefix(len(search.steps), k), float(last.total[k])
        value = normalised(total, len(numbers), penalty)
        found.append(Sequence(search.vocabulary.words(numbers), total, value, bool(last.ended[k]), search))
    return found


def at_most(total: float, t: int, length: int, penalty: float | None) -> float:
    """No sequence that begins with w_1 … w_t of this log-likelihood scores more: each further word can only cost."""
    if penalty is None:
        return total
    return total / (length if (penalty > 0) == (total < 0) else t + 1) ** penalty if total > -math.inf else total


__all__ = [
    "Frontier", "at_most", "carried", "none_at_all", "normalised", "possible", "search_of", "sequences", "step_of",
    "verdict", "whole_step",
]  # fmt: skip
