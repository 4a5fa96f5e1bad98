"""Trees of log-probabilities as they are written: dictionaries, JSON, or a branch a line, its depth in the indentation.

Dictionaries and text are read in one pass without recursion, so that a tree may be as deep as it likes. What the
numbers are worth is judged by `Tree`, the same way for all.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..graph.errors import ChainruleError, DataError, InputError
from ..graph.spelling import visible

ENDS_OF_LINES = re.compile(r"\r\n|\r|\n")
_SHOWN = 6  # words of a path in a message


class Row(NamedTuple):
    """A branch of a tree, in the order of writing: each before the branches below it.

    depth   1 at the root
    log_p   as it was written, a number or not
    line    where it stands in a text
    """

    depth: int
    word: Hashable
    log_p: Any
    line: int | None = None


class Source(NamedTuple):
    """Where a tree comes from, and so what its faults are called: DataError in a file, else InputError."""

    path: Path | None = None

    def fault(self, what: str, line: int | None = None) -> ChainruleError:
        where = ([f"{self.path}"] if self.path else []) + ([f"line {line}"] if line else [])
        return (DataError if self.path else InputError)(": ".join([*where, what]))


def rows_of_file(path: Path) -> list[Row]:
    """The branches in a file: of JSON if it is called so, else of indented text. Raises DataError."""
    source = Source(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; a tree was expected, as JSON or indented text") from None
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder; give the path of one tree in it") from None
    except (OSError, ValueError) as why:  # ValueError: a NUL in the name
        raise DataError(f"{path}: cannot be read ({getattr(why, 'strerror', None) or why})") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as why:
        line = len(ENDS_OF_LINES.findall(raw[: why.start].decode("latin-1"))) + 1
        raise source.fault(f"is not text in UTF-8 ({why.reason}); save the tree in UTF-8", line) from None
    return list((rows_of_json if path.suffix.lower() == ".json" else rows_of_text)(text, source))


def rows_of_mapping(branches: Any, source: Source) -> Iterator[Row]:
    """The branches of nested dictionaries {word: log p, word: (log p, {…})}, or of what JSON has for them."""
    if not isinstance(branches, Mapping | Pairs):
        file = "; Tree.load reads a file, Tree.parse a text" if isinstance(branches, str | os.PathLike) else ""
        raise source.fault(f"a tree is a dictionary such as {{'the': -1.2}}, and not {type(branches).__name__}{file}")
    path: list[Any] = []
    fault = lambda word, what: source.fault(f'{below(path)}"{called(word)}" {what}')
    waiting, opened = [(id(branches), iter(branches.items()))], {id(branches)}
    while waiting:
        for word, value in waiting[-1][1]:
            if isinstance(value, Mapping | Pairs):
                raise fault(word, "has branches and no log-probability; write a pair, (log p, {…})")
            if not isinstance(value, tuple | list):
                yield Row(len(path) + 1, word, value)
                continue
            if len(value) != 2 or not isinstance(value[1], Mapping | Pairs):
                raise fault(word, f"has {short(value)}; a branch is a number, or a pair (log p, {{…}})")
            if id(value[1]) in opened:
                raise fault(word, "leads back to a dictionary that it lies in; a tree has an end")
            yield Row(len(path) + 1, word, value[0])
            path.append(word)
            opened.add(id(value[1]))
            waiting.append((id(value[1]), iter(value[1].items())))
            break
        else:
            opened.remove(waiting.pop()[0])
            del path[-1:]


# Indented text


def rows_of_text(text: str, source: Source) -> Iterator[Row]:
    """The branches of indented text, "word number" a line."""
    indents = _Indents(source)
    path: list[str] = []
    for number, line in enumerate(ENDS_OF_LINES.split(text), 1):
        branch = line.strip()
        if not branch or branch.startswith("#"):
            continue
        depth = indents.depth(line[: len(line) - len(line.lstrip())], number)
        del path[depth - 1 :]
        *word, last = branch.rsplit(None, 1)
        value = parsed(last)
        if value is None:
            raise source.fault(f"{below(path)}`{visible(branch)}` {_no_number(last, branch)}", number)
        if not word:
            raise source.fault(
                f"{below(path)}{last} is a number without a word; a branch has both, such as `the {last}`", number
            )
        path.append(word[0])
        yield Row(depth, word[0], value, number)


class _Indents:
    """How far the branches from the root to the last line are indented."""

    def __init__(self, source: Source):
        self.source = source
        self.widths: list[int] = []
        self.unit, self.first = "", 0  # space or tab, and the line that is indented first

    def depth(self, indent: str, line: int) -> int:
        """The depth of a branch that is indented so."""
        self._check(indent, line)
        width, widths, left = len(indent), self.widths, 0
        while widths and widths[-1] > width:
            left = widths.pop()
        if left and not widths:
            raise self.source.fault(f"is indented by {self._many(width)}, the first branch by {left}", line)
        if left and widths[-1] < width:
            raise self.source.fault(
                f"is indented by {self._many(width)}, between branches above it that are by {widths[-1]} and by "
                f"{left}; indent it as far as one of them",
                line,
            )
        if not widths or widths[-1] < width:
            widths.append(width)
        return len(widths)

    def _check(self, indent: str, line: int) -> None:
        """That it is made of spaces alone or of tabs alone, and of the same as all before."""
        if odd := indent.strip(" \t"):
            raise self.source.fault(f"is indented by {odd[0]!r}; indent by spaces, or by tabs", line)
        unit = "tab" if "\t" in indent else "space"
        if len(set(indent)) > 1:
            raise self.source.fault("is indented by spaces and tabs; indent by one of them alone", line)
        if indent and self.unit and unit != self.unit:
            raise self.source.fault(
                f"is indented by {unit}s, and line {self.first} by {self.unit}s; indent by one of them alone", line
            )
        if indent and not self.unit:
            self.unit, self.first = unit, line

    def _many(self, n: int) -> str:
        return f"{n} {self.unit}{'' if n == 1 else 's'}"


def parsed(text: str) -> float | None:
    """The number that is written, with − or - as its sign, else None. Python's `1_000` is none."""
    try:
        return None if "_" in text else float(text.replace("−", "-"))
    except ValueError:
        return None


def _no_number(last: str, branch: str) -> str:
    if re.fullmatch(r"[-−+]?[0-9]+,[0-9]+", last):
        return f"ends in {last!r}, where a point is needed; write {last.replace(',', '.')}"
    if branch[0] in "{[":
        return "does not end in a number; JSON is read from a file that ends in .json"
    if " #" in branch:
        return "does not end in a number; a comment needs a line of its own"
    return "does not end in a number; a branch is a word and its log-probability, such as `the -1.2`"


def text_of(rows: Iterable[tuple[int, Hashable, float]]) -> str:
    """Indented text of (depth, word, log p): what `rows_of_text` reads. Raises InputError for a word it would not."""
    lines = []
    for depth, word, log_p in rows:
        name = str(word)
        if not name or name != name.strip() or name.startswith(("#", "\ufeff")) or ENDS_OF_LINES.search(name):
            raise InputError(
                f"the word {word!r} cannot be written in indented text: a word there is not empty, has no space or "
                "line's end at its ends nor a line's end within, and does not begin with # or a byte order mark"
            )
        lines.append(f"{'  ' * (depth - 1)}{name} {log_p!r}\n")
    return "".join(lines)


# JSON


class Pairs(list[tuple[str, Any]]):
    """The pairs of a JSON object, as they are written: a word that comes twice is there twice."""

    def items(self) -> Pairs:
        return self


def rows_of_json(text: str, source: Source) -> Iterator[Row]:
    """The branches of a JSON object {"word": -1.2, "word": [-1.0, {…}]}."""
    try:
        value = json.loads(text, object_pairs_hook=Pairs, parse_int=float)  # int() refuses more than 4300 digits
    except json.JSONDecodeError as why:
        other = "; indented text is read from a file of another ending, such as .txt" if text[:1].isalpha() else ""
        said = f"{why.msg[0].lower()}{why.msg[1:]}".removesuffix(" at")
        raise source.fault(f"column {why.colno}: is not JSON ({said}){other}", why.lineno) from None
    except RecursionError:
        raise source.fault("goes too deep for JSON; write it as indented text, a branch a line") from None
    return rows_of_mapping(value, source)


# Words in messages


def called(word: Hashable) -> str:
    """A word as it is written in a message: as it is, where that can be read."""
    text = str(word)
    return text if text and text.isprintable() and text.strip() == text else repr(word)


def joined(words: list[Any]) -> str:
    """Words as a prefix; the last of them where there are many."""
    names = list(map(called, words[-_SHOWN:]))
    return " ".join(names if len(names) == len(words) else ["…", *names])


def below(words: list[Any]) -> str:
    """`below "the red", `, the place of a fault; nothing at the root."""
    return f'below "{joined(words)}", ' if words else ""


def short(value: Any) -> str:
    """A value as it is written in a message."""
    try:
        text = visible(repr(value.item() if getattr(value, "shape", None) == () else value))
    except (RecursionError, ValueError):  # lists in lists, or a whole number of more than 4300 digits
        return f"{type(value).__name__} too long to show"
    return text if len(text) <= 60 else text[:57] + "…"


def path_of(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"a tree is read from a file, given by its path, and not from {type(path).__name__}")
    return Path(path)


__all__ = [
    "Row", "Source", "below", "called", "joined", "parsed", "path_of", "rows_of_file", "rows_of_json",
    "rows_of_mapping", "rows_of_text", "short", "text_of",
]  # fmt: skip
