"""How the tree of a picture is grown from a search.

A search remembers what it kept. What it dropped is asked of the model again, for the prefixes that are shown. Prefixes
that several groups or samples hold stand there once. Where there is too much, the answers come first, then what was
best at each step, and the rest is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..model import ask, select
from ..selection import in_order
from .branches import Branch, Branches, Column
from .columns import Span, asked_end, asked_step, beginning, ranked, spans
from .levels import Level, answers_of, chosen_of, levels_of
from .words import listed, spelled

if TYPE_CHECKING:
    from ..search import PrefixSearch

_TRIES = [(60, 40), (16, 40), (16, 6), (16, 3), (12, 2), (10, 1), (6, 1), (6, 0), (4, 1), (4, 0), (2, 0), (1, 0)]
"""How many prefixes at a step, and how many dropped words after each: the first that fits is shown."""


def branches(search: PrefixSearch, step: int | None = None, columns: int = 8, rows: int = 48) -> Branches:
    """The tree of the search up to `step`, in at most so many columns and about so many rows.

    The tree is chosen for the whole search, so that the pictures of its steps show the same things in the same places;
    only a search so long that steps are folded is chosen anew, for its last steps to be seen.
    """
    at = asked_step(step, len(search.steps))
    columns -= search.length_penalty is not None  # for each is wider
    until = len(search.steps) if len(search.steps) <= columns else at
    levels = levels_of(search)
    answers = answers_of(search, levels[-1]) if until == len(search.steps) else []
    shown = spans(until, columns)
    asker = _Asker(search, levels)
    ordered = answers if search.decoder != "sample" else []
    for most, dropped in _TRIES:
        chosen = chosen_of(levels[: until + 1], shown, answers, most, search.decoder == "sample")
        root = _Grower(search, levels, shown, chosen, asker, dropped, ordered).root
        if _rows(root) <= rows:
            break
    best = None
    if ordered:
        row = int(levels[-1].row[ordered[0]])
        words = search.vocabulary.words(search.prefix(len(search.steps), row))
        total = float(search.steps[-1].total[row])
        best = listed(words, search.vocabulary.characters), total, ranked(search, total, len(words))
    heads = tuple(_column(search, levels, span) for span in shown)
    early = len(search.steps) < search.length
    return Branches(root, heads, at, len(search.steps), early, search.decoder, best, asked_end(search))


def _rows(branch: Branch) -> int:
    """Leaves, and lines that count what is not shown."""
    below = sum(map(_rows, branch.children)) + branch.rest
    return max(below, 1)


def _column(search: PrefixSearch, levels: list[Level], span: Span) -> Column:
    of, kept, ended, dropped, distinct = 0, 0, 0, -np.inf, 0
    for t in range(span.first, span.last + 1):
        step, level = search.steps[t - 1], levels[t]
        fresh = ~level.carried[level.of]
        kept, ended = int((fresh & ~step.ended).sum()), ended + int((fresh & step.ended).sum())
        of, dropped, distinct = of + step.extensions, max(dropped, step.pruned), int((~level.carried).sum())
    bounded = any(step.group.any() for step in search.steps[span.first - 1 : span.last])
    return Column(span, kept, ended, distinct, of, dropped, bounded)


# What was dropped


class _Fan(NamedTuple):
    """The extensions of a prefix that were not kept: the best of them, best first, and how many there are."""

    words: np.ndarray
    log_probs: np.ndarray
    count: int


class _Asker:
    """Asks the model for the extensions of prefixes, all of a step at a time, and remembers the answers."""

    def __init__(self, search: PrefixSearch, levels: list[Level]):
        self.search, self.levels = search, levels
        self.fans: dict[tuple[int, int], _Fan] = {}
        self.before: tuple[int, np.ndarray, Any] = (-1, np.zeros(0, np.int64), None)

    def ask(self, t: int, prefixes: np.ndarray) -> list[_Fan]:
        """For prefixes of level t − 1, as numbers in it."""
        if any((t, int(u)) not in self.fans for u in prefixes):
            numbers = np.array([self.search.prefix(t - 1, int(self.levels[t - 1].row[u])) for u in prefixes], np.int64)
            scores, state = ask(self.search.model, numbers.reshape(len(prefixes), t - 1), self._state(t, prefixes))
            self.before = (t, prefixes, state)
            level = self.levels[t]
            for u, row in zip(prefixes, scores):
                kept = level.word[(level.parent == u) & ~level.carried]
                self.fans[t, int(u)] = _fan(row.astype(float), kept)
        return [self.fans[t, int(u)] for u in prefixes]

    def _state(self, t: int, prefixes: np.ndarray) -> Any:
        """The model's state for the prefixes without their last words, where it was just asked for these."""
        last, asked, state = self.before
        if last != t - 1 or not len(asked):
            return None
        parents = self.levels[t - 1].parent[prefixes]
        rows = np.minimum(np.searchsorted(asked, parents), len(asked) - 1)
        return select(self.search.model, state, rows) if (asked[rows] == parents).all() else None


def _fan(row: np.ndarray, kept: np.ndarray) -> _Fan:
    row[kept] = -np.inf
    words = np.flatnonzero(row > -np.inf)
    best = words[in_order(row[words], words, words, max(d for _, d in _TRIES))]
    return _Fan(best, row[best], len(words))


# The tree


class _Grower:
    """Grows the tree of what was chosen."""

    def __init__(
        self, search: PrefixSearch, levels: list[Level], shown: tuple[Span, ...], chosen: list[np.ndarray],
        asker: _Asker, dropped: int, answers: list[int],
    ):  # fmt: skip
        self.search, self.levels, self.chosen, self.asker, self.dropped = search, levels, chosen, asker, dropped
        self.nodes: dict[tuple[int, int], Branch] = {}
        self.root = self.nodes[0, 0] = Branch(0, 0, beginning(search), "", 0.0, 0.0)
        self.ranks = self._ranks(answers)
        before_open = True
        for column, span in enumerate(shown, 1):
            for t in range(span.first, span.last + 1):
                self._kept(t, column, span.folded)
            if not span.folded and before_open:
                self._dropped(span.first, column)
            before_open = not span.folded
            if span.folded:
                self._behind(span)
        for node in self.root.walk():
            node.children.sort(key=lambda b: (-b.log_prob, b.t))

    def _ranks(self, answers: list[int]) -> dict[tuple[int, int], tuple[int, int]]:
        """(rank, on) of each prefix that an answer begins with."""
        found: dict[tuple[int, int], tuple[int, int]] = {}
        for rank, u in enumerate(answers, 1):
            t = len(self.levels) - 1
            while self.levels[t].carried[u]:
                t, u = t - 1, int(self.levels[t].parent[u])
            own = rank
            while t and (t, u) not in found:  # once met, the rest belongs to a better answer already
                found[t, u] = (own, rank)
                t, u, own = t - 1, int(self.levels[t].parent[u]), 0
        return found

    def _kept(self, t: int, column: int, folded: bool) -> None:
        """The nodes of what was kept at step t; in a fold those alone that end there."""
        level, step, final = self.levels[t], self.search.steps[t - 1], len(self.levels) - 1
        for u in map(int, self.chosen[t]):
            if level.carried[u] or (folded and not level.ended[u]):
                continue
            row = int(level.row[u])
            words = self.search.vocabulary.words(self.search.prefix(t, row))
            rank, on = self.ranks.get((t, u), (0, 0))
            lost = int(level.last[u]) + 1
            groups = np.unique(step.group[level.of == u]) if step.group.any() else np.zeros(0)
            parent = self._above(t - 1, int(level.parent[u]))
            self.nodes[t, u] = node = Branch(
                t, column, spelled(words[-1]), listed(words[:-1], most=20), float(step.log_prob[row]),
                float(step.total[row]), True, bool(level.ended[u]), lost if lost <= final else None, rank, on,
                int(level.times[u]), tuple(int(g) + 1 for g in groups), t - 1 - parent.t,
            )  # fmt: skip
            self._whole(node, int(level.word[u]))
            parent.children.append(node)

    def _whole(self, node: Branch, word: int) -> None:
        """What whole sequences alone have."""
        if node.ended or node.t == self.search.length:
            node.ranked = ranked(self.search, node.total, node.t)
            node.excluded = self.search.end is not None and word != self.search.end

    def _above(self, t: int, u: int) -> Branch:
        """The nearest beginning that is shown."""
        while (t, u) not in self.nodes:
            t, u = t - 1, int(self.levels[t].parent[u])
        return self.nodes[t, u]

    def _dropped(self, t: int, column: int) -> None:
        """What was not kept of the extensions of those that are shown at step t − 1."""
        before, now = self.levels[t - 1], self.levels[t]
        grown = np.array([u for u in self.chosen[t - 1] if self._grew(t, int(u))], np.int64)
        if not len(grown):
            return
        nothing = _Fan(np.zeros(0, np.int64), np.zeros(0), 0)
        all_kept = self.search.decoder == "exhaustive"
        fans = [nothing] * len(grown) if all_kept else self.asker.ask(t, grown)
        for u, fan in zip(map(int, grown), fans):
            parent = self.nodes[t - 1, u]
            prefix = parent.whole if parent.t else ""
            most = fan.count if fan.count <= self.dropped + 1 else self.dropped  # "1 more" would take a line as well
            for word, log_prob in zip(fan.words[:most], fan.log_probs):
                total = float(before.total[u] + log_prob)
                shown = spelled(self.search.vocabulary[int(word)])
                ended = self.search.eos is not None and word == self.search.eos
                parent.children.append(Branch(t, column, shown, prefix, float(log_prob), total, False, ended))
                self._whole(parent.children[-1], int(word))
            kept = int(((now.parent == u) & ~now.carried).sum()) - sum(c.kept for c in parent.children)
            best = float(before.total[u] + fan.log_probs[most]) if most < len(fan.words) else -np.inf
            parent.hidden = (kept, fan.count - most, best)

    def _behind(self, span: Span) -> None:
        """Counts at each prefix before a fold what begins with it, was kept behind the fold, and is not shown."""
        first, last = span.first - 1, span.last + 1
        at = np.arange(len(self.levels[last].row))
        for t in range(last, first, -1):
            at = self.levels[t].parent[at]
        before = self.levels[first]
        hidden = np.bincount(at, minlength=len(before.row))
        hidden -= np.bincount(at[self.chosen[last]], minlength=len(before.row))
        for u in map(int, self.chosen[first]):
            if not before.ended[u]:
                self.nodes[first, u].hidden = (int(hidden[u]), 0, -np.inf)

    def _grew(self, t: int, u: int) -> bool:
        """Whether step t extended it: neither ended nor given up, with the whole of its group."""
        before, step = self.levels[t - 1], self.search.steps[t - 1]
        if before.ended[u] or (t - 1, u) not in self.nodes:
            return False
        if t == 1 or not step.group.any():
            return True
        now = self.levels[t]
        growing = set(step.group[~now.carried[now.of]].tolist())
        return bool(growing & set(self.search.steps[t - 2].group[before.of == u].tolist()))


__all__ = ["branches"]
