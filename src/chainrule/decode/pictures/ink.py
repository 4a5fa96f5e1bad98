"""What the pictures of a search are drawn with: texts, lines and boxes of SVG, in the look of the pictures of graphs.

One self-contained picture without scripts, style sheets, fonts or identifiers; it brings its own white ground. What is
told by colour is told by form too: boxes, dashes, strokes and signs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...views.runs import SMALL, Run, shortened, width
from ...views.svg_pieces import ACCENT, INK, LINE, QUIET, framed, safe
from ...views.svg_pieces import coordinate as n
from .words import loose, tied

PALE, BEST, OTHER = "#a3abb6", ACCENT, "#1f6aa5"
MARGIN = 18.0
LEGEND = 13.0
_FORMULA = re.compile(r"log p\([^()]*\)|\b[wxz]_\d+ = |δ_t\(j\)")
Entry = tuple[Sequence[str], str]
"""Of a legend: a sign, drawn around (0, 0) and 30 wide, and what it stands for."""


def wide(text: str, size: float) -> float:
    """How wide a text comes out, on the safe side; a bold one too."""
    return width([Run(text)], size)


def cut(text: str, room: float, size: float) -> str:
    """As much of the text as fits, with … where something is missing."""
    few = text if len(text) <= 400 else f"{text[:400]}…"  # more than fits anywhere
    return "".join(run.text for run in shortened((Run(few),), room, size))


def at(*coordinates: float) -> str:
    """Coordinates in a path."""
    return " ".join(map(n, coordinates))


def text(
    words: str, x: float, y: float, size: float, colour: str = INK, anchor: str = "start", bold: bool = False,
    struck: bool = False, italic: bool = False,
) -> str:  # fmt: skip
    """One line of text, its baseline at y."""
    style = "" if anchor == "start" else f' text-anchor="{anchor}"'
    style += ' font-weight="bold"' if bold else ""
    style += ' font-style="italic"' if italic else ""
    style += ' text-decoration="line-through"' if struck else ""
    return f'<text x="{n(x)}" y="{n(y)}" font-size="{n(size)}" fill="{colour}"{style}>{_set(words, size)}</text>'


def _set(words: str, size: float) -> str:
    """The words, with the t of w_t lowered where that stands in a formula, and not in a word of a vocabulary."""
    marked = _FORMULA.sub(lambda found: re.sub(r"_(t−1|t|\d+)", "\0\\1\0", found[0]), words)
    first, *rest = map(safe, marked.split("\0"))
    down, small = n(0.25 * size), n(SMALL * size)
    for low, back in zip(rest[::2], rest[1::2]):
        first += f'<tspan font-size="{small}" dy="{down}">{low}</tspan><tspan dy="-{down}">{back}</tspan>'
    return first


def path(d: str, colour: str, thick: float, dashes: str = "") -> str:
    """A line that is not filled."""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{n(thick)}"{dashed}/>'


def box(
    x: float, y: float, w: float, h: float, stroke: str, thick: float = 1.2, fill: str = "#ffffff", dashes: str = "",
    double: bool = False, corner: float = 7.0,
) -> str:  # fmt: skip
    """A box with round corners, its upper left corner at (x, y); its border double where something ends there."""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    border = f'stroke="{stroke}" stroke-width="{n(thick)}"{dashed}'
    out = f'<rect x="{n(x)}" y="{n(y)}" width="{n(w)}" height="{n(h)}" rx="{n(corner)}" fill="{fill}" {border}/>'
    if double:
        inner = f'x="{n(x + 3)}" y="{n(y + 3)}" width="{n(w - 6)}" height="{n(h - 6)}" rx="{n(max(corner - 3, 1))}"'
        out += f'<rect {inner} fill="none" stroke="{stroke}" stroke-width="1"/>'
    return out


def cross(x: float, y: float, colour: str = QUIET) -> str:
    """× on a line."""
    return path(f"M{n(x - 3.5)} {n(y - 3.5)}l7 7m0 -7l-7 7", colour, 1.3)


def star(x: float, y: float, r: float = 6.5, colour: str = BEST) -> str:
    """A filled star, drawn: few fonts have one."""
    corners = [(0, -1), (0.24, -0.32), (0.95, -0.31), (0.38, 0.12), (0.59, 0.81), (0, 0.4)]
    corners += [(-a, b) for a, b in corners[-2:0:-1]]
    return f'<path d="M{"L".join(f"{n(x + r * a)} {n(y + r * b)}" for a, b in corners)}Z" fill="{colour}"/>'


def wrapped(words: str, room: float, size: float) -> list[str]:
    """The text on lines that are at most so wide, broken at spaces but in formulas; one word that is wider is cut."""
    lines, line = [], ""
    for word in tied(words).split(" "):
        longer = f"{line} {word}" if line else word
        if line and wide(longer, size) > room:
            lines.append(line)
            longer = word
        line = longer
    return [cut(loose(line), room, size) for line in [*lines, line]]


def legend(entries: Iterable[Entry], room: float, top: float) -> tuple[list[str], float, float]:
    """Signs and what they stand for, in rows; how wide and how high they come out."""
    out: list[str] = []
    x, y, widest = 0.0, top + 14.0, 0.0
    for signs, words in entries:
        taken = 38 + wide(words, LEGEND)
        if x and x + taken > room:
            x, y = 0.0, y + 21.0
        out += [f'<g transform="translate({n(MARGIN + x + 15)} {n(y)})">', *signs, "</g>"]
        out.append(text(words, MARGIN + x + 36, y + 4.5, LEGEND, QUIET))
        x += taken + 16
        widest = max(widest, x - 16)
    return out, widest, (y - top + 12 if out else 0.0)


class Below(NamedTuple):
    """What stands below a picture: sentences and a legend; and those of the last step, so that each step takes as much
    room.
    """

    notes: Sequence[str]
    entries: Sequence[Entry]
    last_notes: Sequence[str]
    last_entries: Sequence[Entry]


def document(body: Iterable[str], w: float, h: float, title: str, told: str, below: Below) -> str:
    """The whole picture: what was drawn in w × h from the left upper corner, and what stands below."""
    room = max(w, 420.0) - MARGIN
    lines = [line for note in below.notes for line in wrapped(note, room, 14)]
    reserved = max(len(lines), sum(len(wrapped(note, room, 14)) for note in below.last_notes))
    out = [*body, *(text(line, MARGIN, h + MARGIN + 18 * k, 14) for k, line in enumerate(lines, 1))]
    y = h + MARGIN + 18 * reserved + 8
    signs, legend_w, legend_h = legend(below.entries, room, y)
    _, last_w, last_h = legend(below.last_entries, room, y)
    full_w, full_h = max(room, legend_w, last_w) + 2 * MARGIN, y + max(legend_h, last_h) + 8
    return framed([*out, *signs], full_w, full_h, title, told)


__all__ = [
    "BEST", "INK", "LINE", "MARGIN", "OTHER", "PALE", "QUIET", "Below", "Entry", "at", "box", "cross", "cut",
    "document", "n", "path", "star", "text", "wide", "wrapped",
]  # fmt: skip
