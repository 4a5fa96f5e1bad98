"""A diagram as SVG: one self-contained picture without scripts, style sheets or fonts of its own.

Nothing in it needs an identifier, so several pictures can stand in one page; it brings its own white ground, for dark
pages. Forward is solid and dark, backward is dashed, and what can be told by colour can be told by form too: inputs
have sharp corners, operations round ones, the loss a double border, adjoints stand below a line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from .columns import Columns, Wire
from .diagram import Box, Diagram, Line
from .layout import Arrow, Extent, place
from .runs import SMALL, Run, Runs, shortened, width
from .svg_pieces import ACCENT, INK, LINE, QUIET, framed, safe
from .svg_pieces import coordinate as n

_SIZES = {"name": 17, "sign": 15, "formula": 13, "parameter": 13, "value": 13, "adjoint": 13, "size": 12, "legend": 13}
_LEADING = 1.28
_VALUE = "#00694b"
_COLOURS = {"value": _VALUE, "adjoint": ACCENT, "parameter": "#7a5200", "size": QUIET}
_FILLS = {  # fill, border
    "data": ("#e4eff9", "#1f6aa5"),
    "parameter": ("#fcefd5", "#9a6a00"),
    "state": ("#ececf4", "#5b5b8c"),
    "noise": ("#f3f3f3", "#777777"),
    "constant": ("#f3f3f3", "#999999"),
    "product": ("#efeaf8", "#6a4fa0"),
    "activation": ("#e3f4ed", "#1b7f5c"),
    "operation": ("#ffffff", "#4a5360"),
}
_TITLES = {"product": "matrix product", "operation": "operation"}
_WIDEST = {"sign": 190.0, "formula": 230.0}
_MARGIN, _PAD, _HALF = 18.0, 9.0, 3.5
_ACROSS_PAGE = 1150.0
"""A picture that would be wider runs downwards."""
_DOWN_PAGE = 1500.0
"""A picture that would be higher continues in a further column."""


def svg(drawn: Diagram) -> str:
    """The picture as text, an ``<svg>`` element."""
    return _Picture(drawn).text()


class _Picture:
    def __init__(self, drawn: Diagram):
        self.drawn = drawn
        self.lines = [_fitted(box) for box in drawn.boxes]
        self.sizes = [_measure(lines) for lines in self.lines]
        self.labels = [width(box.size, _SIZES["size"]) for box in drawn.boxes]
        sends = {e.source for e in drawn.edges}
        self.labels = [w if k in sends else 0.0 for k, w in enumerate(self.labels)]
        arrows = [Arrow(e.source, e.target, drawn.boxes[e.target].ordered) for e in drawn.edges]
        self.flat = True
        rightwards = [Extent(w, h, label + 8 if label else 0.0) for (w, h), label in zip(self.sizes, self.labels)]
        self.layout = place(rightwards, arrows)
        if self.layout.length > _ACROSS_PAGE:
            self.flat = False
            downwards = [
                Extent(h, max(w, 2 * (label + 10)), 15.0 if label else 0.0)
                for (w, h), label in zip(self.sizes, self.labels)
            ]
            self.layout = place(downwards, arrows)

        height = math.inf if self.flat else _DOWN_PAGE
        self.page = Columns(self.layout, height, [wire for k in range(len(arrows)) for wire in self._wires(k)])

    def text(self) -> str:
        inner = (self.page.height, self.page.width) if self.flat else (self.page.width, self.page.height)
        legend, legend_width, legend_height = self._legend(inner[0], inner[1] + _MARGIN)
        wide = max(inner[0], legend_width, 60.0) + 2 * _MARGIN
        high = inner[1] + legend_height + _MARGIN + 10
        shift = (wide - 2 * _MARGIN - inner[0]) / 2 + _MARGIN
        body = [*self._arrows(), *(self._box(k) for k in range(len(self.drawn.boxes)))]
        content = [
            f'<g transform="translate({n(shift)} {n(_MARGIN)})">', *body, "</g>",
            f'<g transform="translate({n(_MARGIN)} 0)">', *legend, "</g>",
        ]  # fmt: skip
        return framed(content, wide, high, self.drawn.title, self.drawn.described)

    # Boxes -----------------------------------------------------------------------------------------------------------

    def _centre(self, k: int) -> tuple[float, float]:
        return self._xy(*self.layout.places[k])

    def _xy(self, along: float, across: float) -> tuple[float, float]:
        x, y = self.page.point(along, across)
        return (y, x) if self.flat else (x, y)

    def _box(self, k: int) -> str:
        box, (w, h), (x, y) = self.drawn.boxes[k], self.sizes[k], self._centre(k)
        out = [f"<g><title>{safe(box.told)}</title>"]
        out += _frame(box, x - w / 2, y - h / 2, w, h)
        top = y - h / 2 + _PAD * 0.55
        ruled = False
        for line in self.lines[k]:
            size = _SIZES[line.style]
            if line.style in ("value", "adjoint") and not ruled and top > y - h / 2 + _PAD:
                ruled = True
                out.append(f'<path d="M{n(x - w / 2 + 4)} {n(top + 1)}h{n(w - 8)}" stroke="#c9ced6" fill="none"/>')
                top += 3
            out.append(_words(line.runs, x, top + size * 0.98, size, _COLOURS.get(line.style, INK)))
            top += size * _LEADING
        return "".join([*out, "</g>"])

    # Arrows ----------------------------------------------------------------------------------------------------------

    def _arrows(self) -> list[str]:
        forward, backward, heads, labels = [], [], [], []
        for k, (edge, route) in enumerate(zip(self.drawn.edges, self.layout.routes)):
            shift = _HALF if edge.back else 0.0
            forward.append(self._curve(k, -shift, False))
            heads.append(self._head(route[-1][1], route[-1][2] - shift, 1))
            if edge.back:
                backward.append(self._curve(k, shift, True))
                heads.append(self._head(route[0][0], route[0][2] + shift, -1))
        sends = {e.source: e.back for e in sorted(self.drawn.edges, key=lambda e: e.back)}
        for k, label in enumerate(self.labels):
            if label:
                labels.append(self._size_label(k, sends[k]))
        return [
            f'<g fill="none" stroke="{LINE}" stroke-width="1.3">', *forward, "</g>",
            f'<g fill="none" stroke="{ACCENT}" stroke-width="1.4" stroke-dasharray="5 3">', *backward, "</g>",
            *heads, *labels,
        ]  # fmt: skip

    def _wires(self, k: int) -> list[Wire]:
        """The lines of arrow k between the ranks that it passes."""
        route, back = self.layout.routes[k], self.drawn.edges[k].back
        sides = ((_HALF, True), (-_HALF, False)) if back else ((0.0, False),)
        return [
            Wire((k, j, backward), (a[1], a[2] + shift), (b[0], b[2] + shift))
            for j, (a, b) in enumerate(pairwise(route))
            for shift, backward in sides
        ]

    def _point(self, along: float, across: float) -> str:
        x, y = self._xy(along, across)
        return f"{n(x)} {n(y)}"

    def _curve(self, arrow: int, shift: float, back: bool) -> str:
        """Straight through the ranks, curved between them; short of the head at its end."""
        route = self.layout.routes[arrow]
        start, at, side = route[0]
        out = [f"M{self._point(start + 5.0 * back, side + shift)}L{self._point(at, side + shift)}"]
        for k, (enters, leaves, across) in enumerate(route[1:]):
            a, b = (at, side + shift), (enters, across + shift)
            corners = self.page.detour((arrow, k, back), a, b)
            if corners:
                out.append(_rounded(corners))
            elif abs(across - side) < 0.05:
                out.append(f"L{self._point(*b)}")
            else:
                middle = (at + enters) / 2
                out.append(f"C{self._point(middle, a[1])} {self._point(middle, b[1])} {self._point(*b)}")
            last = k == len(route) - 2
            if leaves > enters:
                out.append(f"L{self._point(max(enters, leaves - 5.0 * (last and not back)), b[1])}")
            at, side = leaves, across
        return f'<path d="{"".join(out)}"/>'

    def _head(self, along: float, across: float, direction: int) -> str:
        """A filled head for what is computed, an open one for what comes back."""
        x, y = self._xy(along, across)
        flat = [(-7.0 * direction, -3.4), (0.0, 0.0), (-7.0 * direction, 3.4)]
        corners = [f"{n(x + (a if self.flat else c))} {n(y + (c if self.flat else a))}" for a, c in flat]
        if direction > 0:
            return f'<path d="M{"L".join(corners)}Z" fill="{LINE}"/>'
        return f'<path d="M{"L".join(corners)}" fill="none" stroke="{ACCENT}" stroke-width="1.4"/>'

    def _size_label(self, k: int, back: bool) -> str:
        """On the common beginning of the arrows from box k."""
        (x, y), (w, h) = self._centre(k), self.sizes[k]
        aside = 5 + _HALF * back
        at = (x + w / 2 + 4 + 4 * back, y - aside) if self.flat else (x + aside, y + h / 2 + 13)
        return _words(self.drawn.boxes[k].size, *at, _SIZES["size"], QUIET, "start")

    # Legend ----------------------------------------------------------------------------------------------------------

    def _legend(self, room: float, top: float) -> tuple[list[str], float, float]:
        """What colours and lines stand for, in rows as wide as the picture; its width and height."""
        shown = {box.role for box in self.drawn.boxes}
        entries: list[tuple[str, str]] = [(r, _TITLES.get(r, r)) for r in _FILLS if r in shown and r != "operation"]
        entries += [("output", o) for o in dict.fromkeys(b.output for b in self.drawn.boxes) if o]
        if self.drawn.numbers:
            entries.append(("value", "value"))
        if self.drawn.backward:
            entries += [("forward", "forward"), ("backward", "adjoint, backward")]
        size, gap = _SIZES["legend"], 16.0
        room = max(room, 240.0)
        out: list[str] = []
        x, y, widest = 0.0, top + 24.0, 0.0
        for kind, title in entries:
            taken = 24 + width([Run(title)], size)
            if x and x + taken > room:
                x, y = 0.0, y + 20.0
            out += _swatch(kind, x, y)
            out.append(_words((Run(title),), x + 24, y + 4.5, size, QUIET, "start"))
            x += taken + gap
            widest = max(widest, x - gap)
        return out, widest, y - top + 8 if entries else 8.0


def _rounded(corners: Sequence[tuple[float, float]]) -> str:
    """Straight lines through the corners after the first, which the path has reached."""
    out = []
    for (x0, y0), (x, y), (x1, y1) in zip(corners, corners[1:], corners[2:]):
        near, far = max(abs(x - x0), abs(y - y0)), max(abs(x1 - x), abs(y1 - y))
        r = min(7.0, near / 2, far / 2)
        before = (x + r * _towards(x, x0), y + r * _towards(y, y0))
        after = (x + r * _towards(x, x1), y + r * _towards(y, y1))
        out.append(f"L{n(before[0])} {n(before[1])}Q{n(x)} {n(y)} {n(after[0])} {n(after[1])}")
    return "".join([*out, f"L{n(corners[-1][0])} {n(corners[-1][1])}"])


def _towards(a: float, b: float) -> int:
    return (b > a) - (b < a)


def _swatch(kind: str, x: float, y: float) -> list[str]:
    if kind in ("forward", "backward"):
        colour, dashes = (LINE, "") if kind == "forward" else (ACCENT, ' stroke-dasharray="5 3"')
        return [f'<path d="M{n(x)} {n(y)}h19" fill="none" stroke="{colour}" stroke-width="1.4"{dashes}/>']
    if kind == "value":
        return [_words((Run("= 1"),), x + 9, y + 4.5, 12, _VALUE)]
    rounded = 0 if kind in ("data", "parameter", "state", "noise", "constant") else 5
    if kind == "output":
        return [
            f'<rect x="{n(x)}" y="{n(y - 6)}" width="18" height="12" rx="{rounded}" fill="#ffffff" stroke="{INK}"/>',
            f'<rect x="{n(x + 2)}" y="{n(y - 4)}" width="14" height="8" rx="3" fill="none" stroke="{INK}"/>',
        ]
    fill, stroke = _FILLS[kind]
    return [
        f'<rect x="{n(x)}" y="{n(y - 6)}" width="18" height="12" rx="{rounded}" fill="{fill}" stroke="{stroke}"/>'
    ]


def _frame(box: Box, x: float, y: float, w: float, h: float) -> list[str]:
    fill, stroke = _FILLS.get(box.role, _FILLS["operation"])
    rounded = 1.5 if box.node.op.name == "leaf" or box.role == "constant" else min(11.0, h / 2)
    dashes = ' stroke-dasharray="2 2"' if box.role == "noise" else ' stroke-dasharray="5 3"' if box.again else ""
    out = [
        f'<rect x="{n(x)}" y="{n(y)}" width="{n(w)}" height="{n(h)}" rx="{n(rounded)}" fill="{fill}" '
        f'stroke="{stroke}" stroke-width="1.2"{dashes}/>'
    ]
    if box.output:
        out.append(
            f'<rect x="{n(x - 3)}" y="{n(y - 3)}" width="{n(w + 6)}" height="{n(h + 6)}" rx="{n(rounded + 3)}" '
            f'fill="none" stroke="{INK}" stroke-width="1.2"/>'
        )
    return out


def _fitted(box: Box) -> list[Line]:
    """The lines as they are set: a long equation on two lines, and cut where that does not suffice."""
    out: list[Line] = []
    for line in box.lines:
        limit = _WIDEST.get(line.style, 320.0)
        rows = _wrapped(line.runs, limit, _SIZES[line.style]) if line.style == "formula" else [line.runs]
        out += [Line(shortened(row, limit, _SIZES[line.style]), line.style) for row in rows]
    return out


def _wrapped(runs: Runs, limit: float, size: float) -> list[Runs]:
    """The runs on at most two lines, broken at a space."""
    if width(runs, size) <= limit:
        return [runs]
    words: list[Run] = []
    for run in runs:
        words += [run._replace(text=part) for part in re.findall(r"\s*\S+\s*?|\s+", run.text)]
    first = 1
    for k in range(1, len(words) + 1):
        if width(words[:k], size) > limit:
            break
        if k < len(words) and words[k].text.startswith(" "):
            first = k
    second = words[first:]
    if not second:
        return [tuple(words)]
    return [tuple(words[:first]), (second[0]._replace(text=second[0].text.lstrip()), *second[1:])]


def _measure(lines: Sequence[Line]) -> tuple[float, float]:
    wide = max([width(line.runs, _SIZES[line.style]) for line in lines], default=0.0)
    high = sum(_SIZES[line.style] * _LEADING for line in lines)
    ruled = any(line.style in ("value", "adjoint") for line in lines[1:])
    return max(wide + 2 * _PAD, 30.0), max(high + _PAD + 4 * ruled, 26.0)


def _words(runs: Iterable[Run], x: float, y: float, size: float, colour: str, anchor: str = "middle") -> str:
    """A line of text. Raised and lowered runs are shifted one by one, which every viewer understands."""
    parts: list[str] = []
    level = 0
    for text, to, italic in runs:
        moved = (level - to) * 0.3 * size
        style = ' font-style="italic"' if italic else ""
        style += f' font-size="{n(size * SMALL)}"' if to else ""
        style += f' dy="{n(moved)}"' if moved else ""
        parts.append(f"<tspan{style}>{safe(text)}</tspan>" if style else safe(text))
        level = to
    anchored = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return (
        f'<text x="{n(x)}" y="{n(y)}" font-size="{n(size)}" fill="{colour}"{anchored} xml:space="preserve">'
        f"{''.join(parts)}</text>"
    )


__all__ = ["svg"]
