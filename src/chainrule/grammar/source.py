"""The text that is read, and the pointing at a place in it."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from typing import NamedTuple

from ..graph.errors import GraphError, ParseError
from ..graph.spelling import visible

FILE = "<text>"
"""Where the nodes of a text come from, in place of a file's name."""

_WIDTH = 100


class Source:
    """A text, its lines, and errors that point into it with a caret."""

    def __init__(self, text: str):
        self.text = text.replace("\r\n", "\n").replace("\r", "\n")
        self._ends = [k for k, c in enumerate(self.text) if c == "\n"]

    def place(self, offset: int) -> tuple[int, int]:
        """The line and the column of a character, each counted from 1."""
        line = bisect_left(self._ends, offset)
        return line + 1, offset - (self._ends[line - 1] if line else -1)

    def begins_line(self, offset: int) -> bool:
        """Whether nothing but blanks stands before a character on its line."""
        return not self.text[offset - self.place(offset)[1] + 1 : offset].strip()

    def error(self, offset: int, what: str) -> ParseError:
        """`what`, with the line that it is about and a caret below the character."""
        return ParseError(f"{visible(what)}{self.pointer(offset)}", *self.place(offset))

    def pointing(self, offset: int, error: GraphError) -> GraphError:
        """The error that an operation raised, with the place in the text instead of the line that asked for reading."""
        return type(error)(visible(str(error).partition("\n  in ")[0]) + self.pointer(offset))

    def origin(self, offset: int) -> TextOrigin:
        """Where a node comes from that the text asks for here."""
        return TextOrigin(FILE, self.place(offset)[0], self, offset)

    def pointer(self, offset: int) -> str:
        """The line of a character, with a caret below it; of several lines, also which one it is."""
        line, column = self.place(offset)
        start = offset - column + 1
        shown = self.text[start:].split("\n", 1)[0]
        before, after = shown[: column - 1], shown[column - 1 :]
        if len(shown) > _WIDTH:
            before = before if len(before) <= _WIDTH // 2 else f"… {before[-_WIDTH // 2 :]}"
            after = after if len(after) <= _WIDTH // 2 else f"{after[: _WIDTH // 2]} …"
        where = f"  (line {line}, column {column})" if "\n" in self.text.strip() else ""
        before, after = visible(before), visible(after)
        return f"\n  {before}{after}\n  {_blank(before)}^{where}"


class TextOrigin(NamedTuple):
    """A place in a text, at which a node was built."""

    file: str
    line: int
    source: Source
    offset: int

    def __str__(self) -> str:
        """The line, and a caret below the place."""
        return self.source.pointer(self.offset)


def _blank(text: str) -> str:
    """Spaces as wide as a terminal shows `text`: an accent of its own takes no place, an ideograph two."""
    return "".join("\t" if c == "\t" else " " * _width(c) for c in text)


def _width(c: str) -> int:
    return 0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1


__all__ = ["FILE", "Source", "TextOrigin"]
