"""Words and numbers as a picture shows them: every sign visible, every width known."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Hashable, Iterable, Sequence

from ...graph.spelling import visible

LONGEST = 24  # cells of a terminal that a word takes
_SIGNS = str.maketrans({" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"})


def spelled(word: Hashable) -> str:
    r"""A word with what cannot be seen written out: ␣ for a space, ↵ for the end of a line.

    >>> print(*map(spelled, [" New York", "a\n\tb", "", 7, "\x1b[31m", "\u0301", "<b>"]))
    ␣New␣York a↵⇥b "" 7 \x1b[31m ◌́ <b>
    """
    text = visible(str(word).translate(_SIGNS))
    text = "".join(f"U+{ord(c):04X}" if unicodedata.category(c) in ("Zs", "Cn", "Co") else c for c in text)
    if not text:
        return '""'
    return f"◌{text}" if unicodedata.category(text[0]).startswith("M") else text


def listed(words: Sequence[Hashable], characters: bool = False, most: int = 80) -> str:
    """Words in a row: with spaces between them, or as one text where each is a character; so many of them at most.

    >>> listed("abcdefgh", most=4), listed("ab d", characters=True)
    ('a b … g h', 'ab␣d')
    """
    if len(words) > most:
        half = most // 2
        shown = [*map(spelled, words[:half]), " … " if characters else "…", *map(spelled, words[-half:])]
    else:
        shown = [spelled(word) for word in words]
    return ("" if characters else " ").join(shown)


def cells(text: str) -> int:
    """How many columns of a terminal the text takes.

    >>> cells("red"), cells("赤い"), cells("e\u0301")
    (3, 4, 1)
    """
    return sum(map(_cells, text))


def _cells(c: str) -> int:
    if unicodedata.category(c) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1


def clipped(text: str, room: int = LONGEST) -> str:
    """As much of the text as fits into so many columns, with … where something is missing."""
    if cells(text) <= room:
        return text
    text = text[: 8 * room]  # of a very long one
    while cells(text) > room - 1:
        text = text[:-1]
    return f"{text}…"


def padded(text: str, room: int) -> str:
    """The text with spaces after it, to so many columns of a terminal."""
    return text + " " * (room - cells(text))


class Numbers:
    """Numbers of one picture, all with one decimal where that says everything, else with two.

    >>> Numbers([-1.0, -2.5])(-1.0), Numbers([-1.0, -2.25])(-1.0), Numbers([-0.5])(-0.0003), Numbers([])(-math.inf)
    ('−1.0', '−1.00', '−0.0003', '−∞')
    """

    def __init__(self, values: Iterable[float]):
        short = all(abs(v - round(v, 1)) <= 1e-7 for v in values if math.isfinite(v))
        self.decimals = 1 if short else 2

    def __call__(self, value: float) -> str:
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"
        text = f"{value:.{self.decimals}f}"
        if float(text) == 0:
            text = f"{value:.1g}" if abs(value) > 1e-12 else f"{0:.{self.decimals}f}"
        return text.replace("-", "−")


def tied(words: str) -> str:
    """A sentence with spaces that do not break in its formulas; `loose` has them as they were.

    >>> tied("a log p(w_1 … w_t) = −1 b").split(" ")
    ['a', 'log\\xa0p(w_1\\xa0…\\xa0w_t)\\xa0=\\xa0−1', 'b']
    """
    return re.sub(r"log p(\([^()]*\)| / T\^α)?( = \S+)?", lambda found: found[0].replace(" ", "\xa0"), words)


def loose(words: str) -> str:
    """What `tied` has tied, as it was; words of a vocabulary hold no such space, see `spelled`."""
    return words.replace("\xa0", " ")


def short(value: float) -> str:
    """A number to four digits, however small.

    >>> short(-1.1), short(-2e-7)
    ('−1.100', '−2.000e−07')
    """
    return f"{value:#.4g}".rstrip(".").replace("-", "−")


__all__ = ["LONGEST", "Numbers", "cells", "clipped", "listed", "loose", "padded", "short", "spelled", "tied"]
