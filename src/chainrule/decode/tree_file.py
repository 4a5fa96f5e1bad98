"""Trees of log-probabilities as they are written: dictionaries, JSON, or a branch a line, its depth in the indentation.

Dictionaries and text are read in one pass without recursion, so that a tree may be as deep as it likes. What the
numbers are worth is judged by `Tree`, the same way for all.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
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


def fault(what: str, line: int | None = None) -> InputError:
    """What is wrong with a tree, and in which line of its text."""
    return InputError(f"line {line}: {what}" if line else what)


def model_in(path: str | os.PathLike[str], of_json: Callable[[Any], Any], of_text: Callable[[str], Any]) -> Any:
    """The model in a file, made of the JSON in it if it is called so, else of its text.

    Raises DataError, which names the file, where it cannot be read or one of these two functions complains.
    """
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"a model is read from a file, given by its path, and not from {type(path).__name__}")
    file = Path(path)
    try:
        raw = file.read_bytes()
    except (OSError, ValueError) as why:  # ValueError: a NUL in the name
        wanted = "a model was expected, as JSON or indented text"
        raise DataError(f"{file}: cannot be read ({getattr(why, 'strerror', None) or why}); {wanted}") from None
    try:
        text = raw.decode("utf-8-sig")
        return of_json(value_of_json(text)) if file.suffix.lower() == ".json" else of_text(text)
    except UnicodeDecodeError as why:
        line = len(ENDS_OF_LINES.findall(raw[: why.start].decode("latin-1"))) + 1
        raise DataError(f"{file}: line {line}: is not text in UTF-8 ({why.reason}); save it in UTF-8") from None
    except ChainruleError as why:
        raise DataError(f"{file}: {why}") from None


def rows_of_mapping(branches: Any) -> Iterator[Row]:
    """The branches of nested dictionaries {word: log p, word: (log p, {…})}, or of what JSON has for them."""
    if not isinstance(branches, Mapping | Pairs):
        file = "; Tree.load reads a file, Tree.parse a text" if isinstance(branches, str | os.PathLike) else ""
        raise fault(f"a tree is a dictionary such as {{'the': -1.2}}, and not {type(branches).__name__}{file}")
    path: list[Any] = []
    wrong = lambda word, what: fault(f'{below(path)}"{called(word)}" {what}')
    waiting, opened = [(id(branches), iter(branches.items()))], {id(branches)}
    while waiting:
        for word, value in waiting[-1][1]:
            if isinstance(value, Mapping | Pairs):
                raise wrong(word, "has branches and no log-probability; write a pair, (log p, {…})")
            if not isinstance(value, tuple | list):
                yield Row(len(path) + 1, word, value)
                continue
            if len(value) != 2 or not isinstance(value[1], Mapping | Pairs):
                raise wrong(word, f"has {short(value)}; a branch is a number, or a pair (log p, {{…}})")
            if id(value[1]) in opened:
                raise wrong(word, "leads back to a dictionary that it lies in; a tree has an end")
            yield Row(len(path) + 1, word, value[0])
            path.append(word)
            opened.add(id(value[1]))
            waiting.append((id(value[1]), iter(value[1].items())))
            break
        else:
            opened.remove(waiting.pop()[0])
            del path[-1:]


# Indented text


def rows_of_text(text: str) -> Iterator[Row]:
    """The branches of indented text, "word number" a line."""
    indents: list[str] = []  # of the branches from the root to the last one
    path: list[str] = []
    for number, line in enumerate(ENDS_OF_LINES.split(text), 1):
        branch = line.strip()
        if not branch or branch.startswith("#"):
            continue
        indent, before = line[: len(line) - len(line.lstrip())], indents[-1:]
        while indents and not indent.startswith(indents[-1]):
            indents.pop()
        if indents[-1:] != [indent]:
            if indents[-1:] != before:
                raise fault(
                    f"is indented by {_width(indent)}, and the branch above it by {_width(*before)}; indent it "
                    "further, or exactly as far as one above it, by spaces alone or by tabs alone",
                    number,
                )
            indents.append(indent)
        del path[len(indents) - 1 :]
        *word, last = branch.rsplit(None, 1)
        value = parsed(last)
        if value is None:
            raise fault(f"{below(path)}`{visible(branch)}` {_no_number(last, branch)}", number)
        if not word:
            what = f"{last} is a number without a word; a branch has both, such as `the {last}`"
            raise fault(below(path) + what, number)
        path.append(word[0])
        yield Row(len(indents), word[0], value, number)


def _width(indent: str) -> str:
    """2 spaces, or 1 tab; white space of several kinds as Python writes it."""
    for sign, name in ((" ", "space"), ("\t", "tab")):
        if set(indent) <= {sign}:
            return f"{len(indent)} {name}{'' if len(indent) == 1 else 's'}"
    return repr(indent)


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

    def __repr__(self) -> str:
        return repr(dict(self))


def value_of_json(text: str) -> Any:
    """What JSON says, objects as `Pairs`. Raises InputError."""
    try:
        whole = lambda digits: int(digits) if len(digits) < 300 else float(digits)  # int() refuses more than 4300
        return json.loads(text, object_pairs_hook=Pairs, parse_int=whole)
    except json.JSONDecodeError as why:
        other = "; indented text is read from a file of another ending, such as .txt" if text[:1].isalpha() else ""
        said = f"{why.msg[0].lower()}{why.msg[1:]}".removesuffix(" at")
        raise InputError(f"line {why.lineno}, column {why.colno}: is not JSON ({said}){other}") from None
    except RecursionError:
        raise InputError("goes too deep for JSON; write a tree as indented text, a branch a line") from None


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


__all__ = [
    "Pairs", "Row", "below", "called", "fault", "joined", "model_in", "rows_of_mapping", "rows_of_text", "short",
    "text_of",
]  # fmt: skip
