"""A long picture in columns side by side, as in a newspaper.

An arrow from one column to the next leaves below, runs up between them and arrives from above. Such arrows are nested,
so that none of them crosses another on the way.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from .layout import Layout

_LANE = 8.0  # between arrows that run side by side
_GUTTER = 34.0
_WIDER = 1.5  # the breadth of a page, in its height

Point = tuple[float, float]


@dataclass(frozen=True)
class Column:
    """The part of a layout from `first` to `last` along, `least` to `most` across; its corner stands at x."""

    first: float
    last: float
    least: float
    most: float
    x: float = 0.0


@dataclass(frozen=True)
class Wire:
    """A line of the picture: its places across where it leaves one rank and enters the next."""

    key: tuple[int, int, bool]
    leaves: Point  # (along, across)
    enters: Point


class Columns:
    """Where things of a layout stand on the page; `wires` are the lines between neighbouring ranks."""

    def __init__(self, layout: Layout, height: float, wires: Sequence[Wire]):
        self.columns = self._cut(layout, height, wires)
        self._starts = [c.first for c in self.columns]
        between: list[list[Wire]] = [[] for _ in self.columns]
        for wire in wires:
            at = self._column(wire.leaves[0])
            if self._column(wire.enters[0]) != at:
                between[at].append(wire)
        self._above = self._below = max(map(len, between)) * _LANE + 12 if len(self.columns) > 1 else 0.0
        x = 0.0
        placed = []
        for k, column in enumerate(self.columns):
            placed.append(Column(column.first, column.last, column.least, column.most, x))
            x += column.most - column.least + _GUTTER + len(between[k]) * _LANE
        self.columns = placed
        last = placed[-1]
        self.width = last.x + last.most - last.least
        self.height = max(c.last - c.first for c in placed) + self._above + self._below
        self._lane: dict[tuple[int, int, bool], tuple[int, int]] = {}
        for crossing in between:
            crossing.sort(key=lambda w: (w.leaves[1], w.enters[1]))
            for k, wire in enumerate(crossing):
                self._lane[wire.key] = (k, len(crossing))

    def _cut(self, layout: Layout, height: float, wires: Sequence[Wire]) -> list[Column]:
        """Columns of about equal height, cut where few arrows pass."""
        ranks, sides = layout.ranks, layout.sides
        pages = 1
        if layout.length > height:
            height = max(height, math.sqrt(layout.length * (layout.breadth + _GUTTER) / _WIDER))
            pages = math.ceil(layout.length / height)
        passing = [0] * len(ranks)  # how many arrows enter each rank from the one before
        starts = [begin for begin, _ in ranks]
        for wire in wires:
            passing[bisect_right(starts, wire.enters[0]) - 1] += 1
        firsts = [0]
        for page in range(1, pages):
            ideal = layout.length * page / pages
            reach = 0.2 * layout.length / pages
            near = [r for r in range(firsts[-1] + 1, len(ranks)) if abs(starts[r] - ideal) < reach]
            if near:
                firsts.append(min(near, key=lambda r: (passing[r], abs(starts[r] - ideal))))
        found = []
        for first, after in zip(firsts, [*firsts[1:], len(ranks)]):
            least, most = min(a for a, _ in sides[first:after]), max(b for _, b in sides[first:after])
            found.append(Column(ranks[first][0], ranks[after - 1][1], least, most))
        return found

    def _column(self, along: float) -> int:
        return max(0, bisect_right(self._starts, along + 1e-6) - 1)

    def point(self, along: float, across: float) -> Point:
        """(x, y) of a place in the layout."""
        column = self.columns[self._column(along)]
        return column.x + across - column.least, self._above + along - column.first

    def detour(self, key: tuple[int, int, bool], leaves: Point, enters: Point) -> list[Point]:
        """The corners of a wire on its way to the next column, its ends included; empty if it stays in its own."""
        if key not in self._lane:
            return []
        lane, count = self._lane[key]
        column = self.columns[self._column(leaves[0])]
        a, b = self.point(*leaves), self.point(*enters)
        low = self._above + column.last - column.first + 16 + (count - 1 - lane) * _LANE
        low = max(low, a[1] + 4)
        up = column.x + column.most - column.least + _GUTTER / 2 + (count - 1 - lane) * _LANE
        high = self._above - 8 - lane * _LANE - 8
        return [a, (a[0], low), (up, low), (up, high), (b[0], high), b]


__all__ = ["Columns", "Wire"]
