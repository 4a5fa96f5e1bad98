"""The prefixes that a search held at each step, each once, and which of them a picture shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..selection import in_order
from .columns import Span

if TYPE_CHECKING:
    from ..search import PrefixSearch, Step


class Level(NamedTuple):
    """The distinct prefixes that a step holds, (U,) each; level 0 is w_0.

    row       where the prefix stands in the step's arrays, first
    of        (K,), which of the U each row of the step is
    parent    which of the level before it extends
    carried   whether it had ended before
    last      the last level that holds it, or something that begins with it
    """

    row: np.ndarray
    of: np.ndarray
    parent: np.ndarray
    word: np.ndarray
    total: np.ndarray
    ended: np.ndarray
    carried: np.ndarray
    times: np.ndarray
    last: np.ndarray


def levels_of(search: PrefixSearch) -> list[Level]:
    one = np.zeros(1, np.int64)
    levels = [Level(one, one, one, one, np.zeros(1), one > 0, one > 0, one + 1, one.copy())]
    for step in search.steps:
        different = search.decoder == "exhaustive"
        levels.append(_level(step, levels[-1], len(search.vocabulary), different))
    for t in range(len(levels) - 1, 0, -1):
        level = levels[t]
        np.maximum(level.last, t, out=level.last)
        np.maximum.at(levels[t - 1].last, level.parent, level.last)
    return levels


def _level(step: Step, before: Level, n: int, different: bool) -> Level:
    """The level of a step; `different` says that no two of its prefixes are the same."""
    parent = before.of[step.parent].astype(np.int64)
    row = of = np.arange(len(step))
    times = np.ones(len(step), np.int64)
    if not different:
        _, first, which, times = np.unique(
            parent * n + step.word, return_index=True, return_inverse=True, return_counts=True
        )
        order = np.argsort(first)  # as they stand in the step
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        row, of, times = first[order], place[which.ravel()], times[order]
    parent = parent[row]
    return Level(
        row, of, parent, step.word[row], step.total[row], step.ended[row], before.ended[parent], times,
        np.zeros(len(row), np.int64),
    )  # fmt: skip


def answers_of(search: PrefixSearch, last: Level) -> list[int]:
    """Which of the last level were answered, best first; what was drawn several times once."""
    return list(dict.fromkeys(last.of[np.array(search.answers, np.int64)].tolist()))


def chosen_of(
    levels: list[Level], shown: tuple[Span, ...], answers: list[int], most: int, drawn: bool
) -> list[np.ndarray]:
    """For each level those that are shown, or that something shown begins with: answers first, then the best."""
    open_steps = {span.first for span in shown if not span.folded}
    need = np.array(answers[:most], np.int64)
    chosen: list[np.ndarray] = []
    for t in range(len(levels) - 1, 0, -1):
        level = levels[t]
        if t in open_steps and len(need) < most:
            keys = -level.times if drawn else np.zeros(len(level.row))
            order = np.lexsort((-level.total, keys))[: most + len(need)] if drawn else _best(level, most + len(need))
            need = np.concatenate([need, order[~np.isin(order, need)][: most - len(need)]])
        chosen.append(np.sort(need))
        need = np.unique(level.parent[need])
    return [np.zeros(1, np.int64), *reversed(chosen)]


def _best(level: Level, k: int) -> np.ndarray:
    places = np.arange(len(level.row))
    return in_order(level.total, places, places, k)


__all__ = ["Level", "answers_of", "chosen_of", "levels_of"]
