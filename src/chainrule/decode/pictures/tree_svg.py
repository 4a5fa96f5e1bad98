"""The tree of a search as SVG: from left to right, a column for each step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...graph.spelling import plural
from ...views.svg_pieces import safe
from . import ink
from .branches import Branch, Branches, by_column
from .columns import at_step, factor, name, origin, product, seen, units, verdict, work
from .growing import branches
from .words import Numbers, short

if TYPE_CHECKING:
    from ..search import PrefixSearch

ROW, BOX = 27.0, 21.0
_WORD, _EDGE, _TOTAL, _HEAD = 15.0, 12.0, 13.0, 13.0
_ASIDE = 11.0
_WIDEST = 150.0  # of a word
_CURVE, _TOP = 40.0, 84.0


def tree_svg(search: PrefixSearch, step: int | None = None) -> str:
    """The picture of a search over prefixes, an ``<svg>`` element: `Search.svg`."""
    return _Picture(search, branches(search, step)).text()


class _Picture:
    """Columns have a place for the log-probability of a word, the word, and the total; curves run between columns."""

    def __init__(self, search: PrefixSearch, tree: Branches):
        self.search, self.tree, self.decoder = search, tree, search.decoder
        self.every = nodes = list(tree.root.walk())
        self.number = Numbers(v for b in nodes for v in (b.log_prob, b.total))
        self.columns = by_column(nodes)
        self.y: dict[Branch, float] = {}
        self.rest_y: dict[Branch, float] = {}
        self.rows = 0
        self._place(tree.root)
        self.lefts, self.labels, self.words, self.ends = [ink.MARGIN], [0.0], [self._widest(0)], []
        self.ends.append(ink.MARGIN + self.words[0])
        for k in range(1, len(tree.columns) + 1):
            self._measure(k)

    # Places

    def _place(self, branch: Branch) -> float:
        """Leaves in rows, from the top; a parent in the middle of its children."""
        places = [self._place(child) for child in branch.children]
        if branch.rest or not places:
            place = _TOP + ROW * self.rows
            self.rows += 1
            places.append(place)
            if branch.rest:
                self.rest_y[branch] = place
        self.y[branch] = (places[0] + places[-1]) / 2
        return self.y[branch]

    def _widest(self, k: int) -> float:
        return max([ink.wide(self._word(b), _WORD) + 14 for b in self.columns.get(k, [])], default=30.0)

    def _measure(self, k: int) -> None:
        here = self.columns.get(k, [])
        above = [b for b in self.columns.get(k - 1, []) if b.rest]
        left = self.ends[-1] + _CURVE
        label = max([ink.wide(self.number(b.log_prob), _EDGE) for b in here], default=20.0) + 12
        word = max(self._widest(k), 30.0)
        total = max([ink.wide(self._total(b), _TOTAL) for b in here], default=0.0)
        aside = max([ink.wide(a, _ASIDE) + 6 for b in here if (a := self._aside(b, True))], default=0.0)
        content = label + word + 8 + total + (24 if any(b.rank for b in here) else 4) + aside
        head = max(ink.wide(line, _HEAD) for line in self._head(k)) + 8
        self.lefts.append(left)
        self.labels.append(label)
        self.words.append(word)
        rests = [self._most_at(b) + ink.wide(self._most(b), _TOTAL) + 4 for b in above]
        self.ends.append(max([left + content, left + head, *rests]))

    def _word(self, branch: Branch) -> str:
        return ink.cut(branch.word, _WIDEST, _WORD)

    def _total(self, branch: Branch) -> str:
        times = f" ×{branch.times}" if self.decoder == "sample" and branch.times > 1 else ""
        ranked = "" if branch.ranked is None else f" ({short(branch.ranked)})"
        return self.number(branch.total) + times + ranked

    def _aside(self, branch: Branch, at_end: bool = False) -> str:
        """What more is to be known of a node; at the end of the search there is most."""
        words = [f"g{g}" for g in branch.groups]
        if self.tree.gone(branch, at_end):
            words.append(f"× {branch.lost}")
        if self.tree.given_up(branch):
            words.append("given up")
        return " ".join(words)

    def _most(self, branch: Branch) -> str:
        """The best total among those that are counted only."""
        best = branch.hidden[2]
        return f"≤ {self.number(best)}" if best > -math.inf else ""

    def _most_at(self, parent: Branch) -> float:
        """Where that stands: below the totals, or after what is written before it."""
        k = parent.column + 1
        after = 14 + ink.wide(self.tree.rest(parent), _EDGE)
        return self.lefts[k] + max(after, self.labels[k] + self.words[k]) + 8

    # The picture

    def text(self) -> str:
        shown = [b for b in self.tree.shown() if b.t]
        body = [*self._heads(), *self._lines(shown), *self._nodes([self.tree.root, *shown])]
        over = self.tree.over
        legend, last_legend = self._legend(shown, over), self._legend(self.every, True)
        below = ink.Below(self._notes(over), legend, self._notes(True), last_legend)
        height = _TOP + ROW * (self.rows - 0.5)
        return ink.document(body, self.ends[-1], height, name(self.search), self._told(), below)

    def _head(self, k: int) -> list[str]:
        column = self.tree.columns[k - 1]
        lines = [at_step(self.search, column.span), column.told(self.decoder)]
        if column.span.folded:
            lines[1] = f"{plural(column.span.last - column.span.first + 1, 'step')} left out"
        if column.dropped > -math.inf:
            best = "dropped ≤" if column.bounded else "best dropped"
            lines.append(f"{best} {self.number(column.dropped)}")
        return lines

    def _heads(self) -> list[str]:
        out = [ink.text("t = 0", ink.MARGIN, 26, _HEAD, ink.INK, bold=True)]
        for k, column in enumerate(self.tree.columns, 1):
            if column.span.first > self.tree.step:
                break
            for line, words in enumerate(self._head(k)):
                colour = ink.QUIET if line else ink.INK
                out.append(ink.text(words, self.lefts[k], 26 + 16 * line, _HEAD, colour, bold=not line))
        return out

    def _lines(self, shown: Sequence[Branch]) -> list[str]:
        """Pale ones first, the way to the best answer last and above all."""
        lines = [(False, False, 0, self._rest(b)) for b in self.tree.shown() if b.rest and b.t < self.tree.step]
        for parent in self.tree.shown():
            for b in parent.children:
                if b.t <= self.tree.step:
                    lines.append((b.kept, self.tree.on(b) > 0, -self.tree.on(b), self._line(parent, b)))
        return [line for *_, line in sorted(lines, key=lambda line: line[:3])]

    def _rest(self, parent: Branch) -> str:
        """How many of its extensions are not shown, and the largest total that these have."""
        k, y = parent.column + 1, self.rest_y[parent]
        out = ink.path(self._curve(parent, k, y, self.lefts[k] + 12), ink.PALE, 1, "2 3")
        out += ink.text(self.tree.rest(parent), self.lefts[k] + 14, y + 4, _EDGE, ink.QUIET, italic=True)
        if most := self._most(parent):
            out += ink.text(most, self._most_at(parent), y + 4, _TOTAL, ink.QUIET, italic=True)
        return out

    def _line(self, parent: Branch, branch: Branch) -> str:
        k, y, on = branch.column, self.y[branch], self.tree.on(branch)
        to = self.lefts[k] + self.labels[k]
        d = self._curve(parent, parent.column + 1, y, to)
        colour = ink.BEST if on == 1 else ink.INK
        if branch.out:
            colour = ink.QUIET
            out = ink.path(d, ink.PALE, 1, "4 3") + ink.cross(to - 1, y)
        else:
            out = ink.path(d, *((ink.BEST, 3) if on == 1 else (ink.OTHER, 2) if on else (ink.LINE, 1.3)))
        if k > parent.column + 1:  # over steps that are folded
            folded = f"M{ink.at(self.lefts[parent.column + 1] + 8, y)}H{ink.n(self.lefts[k] - 6)}"
            out += ink.path(folded, "#ffffff", 4)
            out += ink.path(folded, ink.BEST if on == 1 else ink.LINE, 2, "1.5 5")
        return out + ink.text(self.number(branch.log_prob), self.lefts[k] + 4, y - 4, _EDGE, colour)

    def _curve(self, parent: Branch, k: int, y: float, to: float) -> str:
        """From the end of the parent's column to a row, and along it."""
        x0, y0, x1 = self._right(parent), self.y[parent], self.lefts[k]
        start = max(x0 + 2, self.ends[parent.column] - 4)
        middle = (start + x1) / 2
        return f"M{ink.at(x0, y0)}H{ink.n(start)}C{ink.at(middle, y0, middle, y, x1, y)}H{ink.n(to)}"

    def _right(self, branch: Branch) -> float:
        """Where the lines from a node begin: after its total."""
        k = branch.column
        if not k:
            return ink.MARGIN + self.words[0]
        return self._after(branch) + (ink.wide(aside, _ASIDE) + 6 if (aside := self._aside(branch)) else 0)

    def _after(self, branch: Branch) -> float:
        """Behind its total, and its rank."""
        k, total = branch.column, ink.wide(self._total(branch), _TOTAL)
        return self.lefts[k] + self.labels[k] + self.words[k] + 11 + total + (20 if self.tree.rank(branch) else 0)

    def _nodes(self, shown: Sequence[Branch]) -> list[str]:
        return [f"<g><title>{safe(self._told_of(b))}</title>{self._node(b)}</g>" for b in shown]

    def _node(self, branch: Branch) -> str:
        k, y = branch.column, self.y[branch]
        x = self.lefts[k] + self.labels[k] if k else ink.MARGIN
        wide_box, word = self.words[k], self._word(branch)
        if branch.out:
            out = ink.text(word, x + 7, y + 5, _WORD, ink.QUIET, struck=True)
            return out + ink.text(self._total(branch), x + wide_box + 8, y + 4.5, _TOTAL, ink.QUIET)
        on, rank = self.tree.on(branch), self.tree.rank(branch)
        best = on == 1
        stroke = ink.BEST if best else ink.OTHER if on else ink.LINE
        out = ink.box(x, y - BOX / 2, wide_box, BOX, stroke, 2.2 if best else 1.2, double=branch.ended)
        out += ink.text(word, x + wide_box / 2, y + 5, _WORD, ink.INK, "middle", bold=best)
        if k:
            colour = ink.BEST if best else ink.INK
            out += ink.text(self._total(branch), x + wide_box + 8, y + 4.5, _TOTAL, colour, bold=best)
        if aside := self._aside(branch):
            out += ink.text(aside, self._after(branch) + 2, y + 4, _ASIDE, ink.QUIET)
        if rank == 1:
            out += ink.star(self._after(branch) - 12, y)
        elif rank:
            out += ink.text(str(rank), self._after(branch) - 12, y + 5, _TOTAL, ink.OTHER, "middle", bold=True)
        return out

    # Words

    def _told_of(self, branch: Branch) -> str:
        if not branch.t:
            return f"{branch.word}, the beginning"
        given = f"{self.tree.root.word}{' ' if branch.prefix else ''}{branch.prefix}"
        word = ", ".join(filter(None, [branch.word, seen(self.search, branch.t)]))
        out = (
            f"{branch.whole}: log p({word} | {given}) = {self.number(branch.log_prob)}, "
            f"in all {self.number(branch.total)}"
        )
        return f"{out}; {fate}" if (fate := self.tree.fate(branch)) else out

    def _notes(self, over: bool) -> list[str]:
        title = name(self.search)
        title = title[0].upper() + title[1:]
        if not over:
            return [f"{title}, up to t = {self.tree.step} of {len(self.search.steps)}.", self._numbers()]
        result = ""
        if self.tree.best:
            result = f": {self.tree.best[0]}, {self.tree.answer(self.number)}"
        told = [f"{title}{result}.", f"{verdict(self.search, self.number)} {work(self.search)}."]
        return [*told, self._numbers()]

    def _numbers(self) -> str:
        """What the numbers are."""
        one, penalty = units(self.search)[0], self.search.length_penalty
        by = "" if penalty is None else f" (and, by which whole sequences rank, log p / T^α, α = {penalty:g})"
        return f"Before a {one}: {factor(self.search)}; behind it: {product(self.search)}{by}. {origin(self.search)}."

    def _told(self) -> str:
        """For those who cannot see it."""
        out = self._notes(self.tree.over)[:-1]
        for k, column in enumerate(self.tree.columns, 1):
            if column.span.first <= self.tree.step:
                out.append(", ".join(self._head(k)) + ".")
        return " ".join(out)

    def _legend(self, shown: Sequence[Branch], over: bool) -> list[ink.Entry]:
        out: list[ink.Entry] = []
        if over and self.decoder != "sample":
            out.append(((ink.path("M-15 0H2", ink.BEST, 3), ink.star(9, 0)), "the best"))
        if over and any(b.on > 1 for b in shown):
            sign = ink.text("2", 9, 5, 13, ink.OTHER, "middle", bold=True)
            out.append(((ink.path("M-15 0H2", ink.OTHER, 2), sign), "another answer, and its place"))
        if any(not b.out and not (over and b.on) for b in shown):
            sign = ink.box(-7, -7, 22, 14, ink.LINE, corner=5)
            out.append(((ink.path("M-15 0h8", ink.LINE, 1.3), sign), self.tree.held))
        if any(b.out for b in shown):
            out.append(((ink.path("M-15 0H8", ink.PALE, 1, "4 3"), ink.cross(9, 0)), self.tree.lost))
        if any(b.ended and not b.out for b in shown):
            out.append(((ink.box(-11, -8, 24, 16, ink.LINE, double=True, corner=5),), "ended"))
        for ended, what in ((True, "ended, and dropped"), (False, "nothing left of it")):
            gone = [b for b in shown if b.ended == ended and self.tree.gone(b, over)]
            for b in gone[:1]:
                sign = ink.text(f"× {b.lost}", 0, 4, _ASIDE, ink.QUIET, "middle")
                out.append(((sign,), f"{what} at t = {b.lost}"))
        if any(b.groups for b in shown):
            out.append(((ink.text("g1 g2", 0, 4, _ASIDE, ink.QUIET, "middle"),), "the groups of the beam that kept it"))
        return out


__all__ = ["tree_svg"]
