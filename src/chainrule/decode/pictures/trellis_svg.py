"""The trellis of Viterbi's algorithm as SVG: a column for each step, a row for each word, δ in every node."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...graph.spelling import plural
from . import ink
from .columns import asked_end, beginning, factor, name, product, seen, units, verdict, work
from .trellis import ALL_SCORES, ALL_WAYS, TrellisPicture, Way
from .words import Numbers, spelled

if TYPE_CHECKING:
    from ..search import TrellisSearch

_WORD, _DELTA, _SCORE, _HEAD = 14.0, 13.0, 11.5, 13.0
_WIDEST, _BOX, _TOP = 110.0, 38.0, 52.0
STROKES = [
    (ink.BEST, 3.4, ""), (ink.OTHER, 2.6, "9 4"), ("#00694b", 2.6, "2 3"), ("#6a4fa0", 2.4, "9 3 2 3"),
    (ink.INK, 2.0, "16 4"),
]  # fmt: skip
"""Of the paths, best first: colour, width and dashes."""
_ASIDE = (0.0, 5.0, -5.0, 10.0, -10.0)  # so that paths that take one way stand beside each other


def trellis_svg(search: TrellisSearch, step: int | None = None) -> str:
    """The picture of a search over a trellis, an ``<svg>`` element: `Search.svg`."""
    return _Picture(search, TrellisPicture(search, step)).text()


class _Picture:
    def __init__(self, search: TrellisSearch, trellis: TrellisPicture):
        self.search, self.trellis = search, trellis
        rows = len(trellis.words)
        self.scored = trellis.n <= ALL_SCORES
        self.names = {j: ink.cut(spelled(search.vocabulary[j]), _WIDEST, _WORD) for j in trellis.words}
        self.start = ink.cut(beginning(search), _WIDEST, _WORD)
        ways = [w for t in trellis.open for w in trellis.ways(t) if w.i != search.eos]
        self.number = Numbers([
            *(float(trellis.delta[t - 1, j]) for t in trellis.open for j in trellis.words),
            *(w.score for w in ways if self.scored or w.paths),
        ])  # fmt: skip
        self.ways = {t: [w for w in ways if w.t == t] for t in trellis.open}
        self.row = max(58.0, 17.0 * (rows + 1)) if self.scored else 52.0
        deltas = [ink.wide(self._delta(t, j), _DELTA) for t in trellis.open for j in trellis.words]
        self.seen = {t: ink.cut(f"x_{t} = {x}", _WIDEST, _HEAD) for t in trellis.open if (x := seen(search, t))}
        heads = [ink.wide(x, _HEAD) for x in self.seen.values()]
        self.node = max([34.0, *(ink.wide(w, _WORD) for w in self.names.values()), *deltas, *heads]) + 16
        longest = max([ink.wide(self.number(w.score), _SCORE) for w in ways], default=0.0)
        self.gap = (longest + 24) * 2 + 16 * rows if self.scored else 100.0 + longest / 2
        self.height = _TOP + self.row * (rows - 1) + _BOX
        self.lefts: dict[int, float] = {}
        self.folds: list[tuple[float, float]] = []
        self.start_w = ink.wide(self.start, _WORD) + 16
        x = ink.MARGIN + self.start_w
        for span in trellis.columns:
            if span.folded:
                folded = ink.wide(str(span), _HEAD)
                self.folds.append((x + 20, x + 20 + folded))
                x += folded + 20 - self.gap * 0.3
            else:
                self.lefts[span.first] = x + self.gap * (0.7 if span.first == 1 else 1.0)
                x = self.lefts[span.first] + self.node
        self.right = x + 12

    def _delta(self, t: int, j: int) -> str:
        return self.number(float(self.trellis.delta[t - 1, j]))

    # Places

    def _y(self, j: int) -> float:
        if j < 0:
            return _TOP + (self.row * (len(self.trellis.words) - 1) + _BOX) / 2
        return _TOP + _BOX / 2 + self.row * self.trellis.words.index(j)

    def _out(self, t: int) -> float:
        """Where ways leave step t."""
        return self.lefts[t] + self.node if t else ink.MARGIN + self.start_w

    # The picture

    def text(self) -> str:
        steps = [t for t in self.trellis.open if t <= self.trellis.step]
        body = [*self._heads(), *self._lines(steps), *self._nodes(steps)]
        notes, last = self._notes(self.trellis.over), self._notes(True)
        below = ink.Below(notes, self._legend(steps, self.trellis.over), last, self._legend(self.trellis.open, True))
        return ink.document(body, self.right, self.height, name(self.search), " ".join(notes), below)

    def _heads(self) -> list[str]:
        out = [ink.text("t = 0", ink.MARGIN + self.start_w / 2, 26, _HEAD, ink.INK, "middle", bold=True)]
        folds = iter(self.folds)
        for span in self.trellis.columns:
            at = next(folds) if span.folded else (self.lefts[span.first], self.lefts[span.first] + self.node)
            if not self.trellis.hidden(span):
                out.append(ink.text(str(span), sum(at) / 2, 26, _HEAD, ink.INK, "middle", bold=True))
                if observed := self.seen.get(span.first):
                    out.append(ink.text(observed, sum(at) / 2, 42, _HEAD, ink.QUIET, "middle"))
        return out

    def _lines(self, steps: Sequence[int]) -> list[str]:
        faint, thin, thick, labels = [], [], [], []
        for t in steps:
            for way in self.ways[t] if t == 1 or t - 1 in self.lefts else []:
                ends = (self._out(t - 1), self._y(way.i), self.lefts[t], self._y(way.j))
                if way.pointer:
                    thin.append(_arrow(*ends))
                elif self.trellis.n <= ALL_WAYS and not way.paths:
                    faint.append(ink.path(f"M{ink.at(*ends[:2])}L{ink.at(*ends[2:])}", ink.PALE, 1, "1.5 4"))
                thick += [self._stroke(rank, *ends) for rank in way.paths]
                if self.scored or 1 in way.paths:
                    labels.append(self._score(way, *ends))
            labels += [self._stub(t, j) for j in self.trellis.words if self.trellis.pointer(t, j) is not None]
        return [*faint, *thin, *thick, *self._folded(steps), *labels]

    def _stroke(self, rank: int, x0: float, y0: float, x1: float, y1: float) -> str:
        colour, thick, dashes = STROKES[rank - 1]
        aside = _ASIDE[rank - 1]
        return ink.path(f"M{ink.at(x0, y0 + aside)}L{ink.at(x1, y1 + aside)}", colour, thick, dashes)

    def _score(self, way: Way, x0: float, y0: float, x1: float, y1: float) -> str:
        """On the line, on white. At 1 / (N + 1) of the way from i to j the N² lines are equally far apart."""
        part = 1 / (len(self.trellis.words) + 1) if self.scored and way.t > 1 else 0.5
        words = self.number(way.score)
        w, x, y = ink.wide(words, _SCORE) + 4, x0 + part * (x1 - x0), y0 + part * (y1 - y0)
        ground = f'<rect x="{ink.n(x - w / 2)}" y="{ink.n(y - 7)}" width="{ink.n(w)}" height="14" fill="#ffffff"/>'
        best = 1 in way.paths
        colour = ink.BEST if best else ink.INK if way.pointer or way.paths else ink.QUIET
        return ground + ink.text(words, x, y + 4, _SCORE, colour, "middle", bold=best)

    def _stub(self, t: int, j: int) -> str:
        """The back-pointer to a word that is not shown, or at a step that is not: with its name."""
        before = self.trellis.pointer(t, j)
        if before in (None, self.search.eos) or (before in self.names and t - 1 in self.lefts):
            return ""
        x, y = self.lefts[t], self._y(j)
        words = ink.cut(spelled(self.search.vocabulary[before]), 48, _SCORE)
        w = ink.wide(words, _SCORE)
        ground = f'<rect x="{ink.n(x - 20 - w)}" y="{ink.n(y - 7)}" width="{ink.n(w + 3)}" height="14" fill="#ffffff"/>'
        return _arrow(x - 16, y, x, y) + ground + ink.text(words, x - 19, y + 4, _SCORE, ink.QUIET, "end")

    def _folded(self, steps: Sequence[int]) -> list[str]:
        """The paths through the steps that are not shown."""
        out = []
        for t in steps:
            if t == 1 or t - 1 in self.lefts or not self.trellis.over:
                continue
            before = max(s for s in self.lefts if s < t)
            for rank in range(len(self.trellis.paths), 0, -1):
                found = self.trellis.paths[rank - 1]
                if t > self.trellis.ends[rank - 1]:
                    continue
                x0, y0 = self._out(before), self._y(int(found[before - 1])) + _ASIDE[rank - 1]
                x1, y1 = self.lefts[t], self._y(int(found[t - 1])) + _ASIDE[rank - 1]
                colour, thick, _ = STROKES[rank - 1]
                out.append(ink.path(f"M{ink.at(x0, y0)}L{ink.at(x1, y1)}", colour, thick, "1.5 6"))
        return out

    def _nodes(self, steps: Sequence[int]) -> list[str]:
        y = self._y(-1)
        out = [ink.box(ink.MARGIN, y - 13, self.start_w, 26, ink.LINE)]
        out.append(ink.text(self.start, ink.MARGIN + self.start_w / 2, y + 5, _WORD, ink.INK, "middle"))
        ends = {j for j in self.trellis.words if self.trellis.absorbing(j)}
        for t in steps:
            out += [self._node(t, j, j in ends) for j in self.trellis.words]
        return out

    def _node(self, t: int, j: int, end: bool) -> str:
        x, y, on = self.lefts[t], self._y(j), self.trellis.on(t, j)
        reached, excluded = self.trellis.delta[t - 1, j] > -math.inf, self.trellis.excluded(t, j)
        best, pale = 1 in on, excluded or not reached
        stroke = ink.BEST if best else ink.OTHER if on else ink.PALE if pale else ink.LINE
        out = ink.box(
            x, y - _BOX / 2, self.node, _BOX, stroke, 2.4 if best else 1.6 if on else 1.1,
            dashes="" if reached else "3 3", double=end and reached,
        )  # fmt: skip
        middle, colour = x + self.node / 2, ink.QUIET if pale else ink.INK
        out += ink.text(self.names[j], middle, y - 3, _WORD, colour, "middle", bold=best, struck=excluded)
        out += ink.text(self._delta(t, j), middle, y + 12.5, _DELTA, ink.BEST if best else colour, "middle", bold=best)
        if best and t == self.trellis.ends[0]:
            out += ink.star(x + self.node + 10, y)
        return out

    # Words

    def _notes(self, over: bool) -> list[str]:
        title = name(self.search)
        title = title[0].upper() + title[1:]
        out = []
        if over:
            found = self.trellis.paths[0]
            total = float(self.trellis.delta[-1, found[-1]])
            out.append(f"{title}: {self.trellis.listed(found)}, log p = {self.number(total)}.")
            out.append(f"{verdict(self.search, self.number)} {work(self.search)}.")
        else:
            out.append(f"{title}, up to t = {self.trellis.step} of {self.trellis.trellis.length}.")
        one, largest = units(self.search)[0], product(self.search)
        in_nodes = f"In each node: the {one}, and δ, the largest {largest} of the paths that end there."
        out.append(f"{in_nodes} {self._beside()}")
        out += self._left_out()
        return out

    def _beside(self) -> str:
        """What the numbers between the nodes are."""
        ways = "a way" if self.scored else "a way of the best path"
        return f"Beside {ways}: {factor(self.search)}."

    def _left_out(self) -> list[str]:
        out = []
        if self.trellis.more_words:
            shown = plural(len(self.trellis.words), "is", "are")
            which = "those on the paths, and others with the best δ or the most back-pointers"
            out.append(f"Of {self.trellis.n:,} {units(self.search)[1]} {shown} shown: {which}.")
        if self.trellis.more_paths:
            out.append(f"{plural(self.trellis.more_paths, 'further path')} not shown.")
        return out

    def _legend(self, steps: Sequence[int], over: bool) -> list[ink.Entry]:
        out: list[ink.Entry] = []
        if over:
            for rank, found in enumerate(self.trellis.paths, 1):
                colour, thick, dashes = STROKES[rank - 1]
                words = "the best path"
                if len(self.trellis.paths) > 1:
                    words = f"{rank}: {ink.cut(self.trellis.listed(found), 260, 13)}"
                    words += f", {self.number(self.trellis.total(found))}"
                out.append(((ink.path("M-15 0H15", colour, thick, dashes),), words))
        out.append(((_arrow(-15, 0, 15, 0),), "back-pointer: the best way there"))
        shown = [w for t in steps for w in self.ways[t]]
        if self.trellis.n <= ALL_WAYS and not all(w.pointer or w.paths for w in shown):
            out.append(((ink.path("M-15 0H15", ink.PALE, 1, "1.5 4"),), "possible, and not the best way there"))
        if any(self.trellis.delta[t - 1, j] == -math.inf for t in steps for j in self.trellis.words):
            out.append(((ink.box(-13, -8, 26, 16, ink.PALE, dashes="3 3", corner=5),), "cannot be reached"))
        if over and any(self.trellis.excluded(self.trellis.trellis.length, j) for j in self.trellis.words):
            sign = ink.text("word", 0, 3.5, 10, ink.QUIET, "middle", struck=True)
            words = f"excluded, for it does not end in {asked_end(self.search)}"
            out.append(((ink.box(-15, -8, 30, 16, ink.PALE, corner=5), sign), words))
        if any(self.trellis.absorbing(j) for j in self.trellis.words):
            follows = "nothing else follows" if self.search.eos is None else "the best that has ended stays"
            out.append(((ink.box(-13, -8, 26, 16, ink.LINE, double=True, corner=5),), f"an end: {follows}"))
        return out


def _arrow(x0: float, y0: float, x1: float, y1: float) -> str:
    """From the right end to an open head at the left one: it points back."""
    along = math.hypot(x1 - x0, y1 - y0) or 1.0
    u, v = (x1 - x0) / along, (y1 - y0) / along
    one = ink.at(x0 + 7 * u - 3.2 * v, y0 + 7 * v + 3.2 * u)
    other = ink.at(x0 + 7 * u + 3.2 * v, y0 + 7 * v - 3.2 * u)
    tip = ink.at(x0, y0)
    return ink.path(f"M{ink.at(x1, y1)}L{tip}M{one}L{tip}L{other}", ink.LINE, 1.1)


__all__ = ["STROKES", "trellis_svg"]
