"""Sizes as text: those of one quantity, "h n" or "int[n]", and a list of them, "x: n, W: h n, n=100"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..graph.errors import GraphError, ParseError, ShapeError
from ..graph.node import BOOLEAN, INTEGER, REAL, Kind, Node, leaf
from .signs import name_end, reserved
from .source import Source

_DIGITS = 18  # of a size
_KINDS: dict[str, Kind] = {"int": INTEGER, "bool": BOOLEAN, "real": REAL, "float": REAL}
_SIGN = re.compile("[:=]")


def parse_sizes(spec: str, name: str) -> tuple[tuple[int | str, ...], Kind]:
    """``"n d"``, ``"3 n"``, ``"int[n]"``, ``"bool[n k]"`` as sizes and a kind. Raises ShapeError.

    >>> parse_sizes("int[n 3]", "y")
    (('n', 3), 'integer')
    """
    text = spec.strip()
    # quoted again by `from __future__ import annotations`
    if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]:
        text = text[1:-1]
    kind = REAL
    found = re.fullmatch(rf"({'|'.join(_KINDS)})\s*\[(.*)\]", text.strip())
    if found:
        kind, text = _KINDS[found[1]], found[2]
    sizes: list[int | str] = []
    for word in text.replace(",", " ").split():
        if not (word.isidentifier() or (word.isdecimal() and len(word) <= _DIGITS)):
            raise ShapeError(f"{spec!r} gives no sizes for {name}: {_instead(spec)}")
        sizes.append(int(word) if word.isdecimal() else word)
    return tuple(sizes), kind


def _instead(spec: str) -> str:
    """What to write where no sizes can be read."""
    if found := re.fullmatch(r"\s*(\w+)\s*\[.*\]\s*", spec):
        return f'the kinds are real, int and bool, as in "int[n]", and not {found[1]}'
    if re.search(r"(^|[\s,])-\s*\d", spec):
        return "every size must be at least 1"
    if re.search(rf"\d{{{_DIGITS + 1}}}", spec):
        return f"a size has at most {_DIGITS} digits"
    words = re.findall(r"\w+", spec) if re.fullmatch(r"[\w\s(),×]+", spec) else []
    example = f'here "{" ".join(words)}"' if words else 'as in "n d" or "3 n"'
    return f'write them with spaces between, {example}; "int[n]" and "bool[n]" for integers and booleans'


@dataclass(frozen=True)
class Sizes:
    """What a list says: name -> input of these sizes, and symbol -> its number."""

    inputs: dict[str, Node] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)


def read_sizes(source: Source, numbers: bool = False) -> Sizes:
    """A list of sizes, separated by commas, semicolons or ends of lines; with `numbers` also n=100, for a symbol.

    Raises ParseError and ShapeError, which point at the place.

    >>> found = read_sizes(Source("x: n, y: int[n], n=3"), numbers=True)
    >>> found.inputs["y"].kind, found.numbers
    ('integer', {'n': 3})
    """
    found = Sizes()
    for start, entry in _entries(source.text):
        sign = _SIGN.search(entry)
        written = entry[: sign.start()] if sign else entry
        name, at = input_name(written), start + len(written) - len(written.lstrip())
        if sign is None:
            hint = "" if name is None else f': "{name}: n" gives it the size n, "{name}: " makes it a scalar'
            more = ", and numbers for sizes are written n=100" if numbers else ""
            what = f"`{entry.strip()}` has no colon{hint}; sizes are separated by blanks, as in W: h n{more}"
            raise source.error(at, what)
        if name is None:
            raise source.error(at, f"`{written.strip()}` is no name for an input: write one such as x, W1 or yhat")
        value = entry[sign.end() :].strip()
        if name in (found.inputs if sign[0] == ":" else found.numbers):
            raise source.error(at, f"`{name}` is there twice")
        if sign[0] == ":":
            try:
                found.inputs[name] = leaf(name, *parse_sizes(unicodedata.normalize("NFKC", value), name))
            except ParseError:
                raise
            except GraphError as error:
                raise source.pointing(at + len(entry.strip()) - len(value), error) from None
        elif not numbers:
            raise source.error(at, f'a shape is written "{name}: {value}", and numbers stand in it, as in "{name}: 3"')
        else:
            found.numbers[name] = _number(source, at, name, value)
    return found


def _number(source: Source, at: int, name: str, value: str) -> int:
    digits = value.replace("_", "")
    if digits.isdecimal() and len(digits) <= _DIGITS and int(digits) >= 1:
        return int(digits)
    hint = f'; a shape is written "{name}: {value}"' if re.match(r"[^\W\d]", value) else ""
    if re.fullmatch(r"\d{1,9}(\.\d{0,9})?([eE]\+?\d{1,2})?", value) and (whole := float(value)).is_integer():
        hint = f"; write {name}={whole:.0f}" if 1 <= whole < 10**_DIGITS else ""
    raise source.error(at, f"{name}={value}: a size is a whole number, at least 1{hint}")


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """The parts between commas, semicolons and ends of lines, each with its place; ``int[n, k]`` is one."""
    start, depth = 0, 0
    for k, c in enumerate(f"{text}\n"):
        depth += (c in "[(") - (c in ")]")
        if c == "\n" or (c in ",;" and depth <= 0):
            if text[start:k].strip():
                yield start, text[start:k]
            start, depth = k + 1, 0


def input_name(written: str) -> str | None:
    """The name of an input, as it is read in a text too; None if that would not be a name."""
    stripped = written.strip()
    name = unicodedata.normalize("NFKC", stripped)
    good = stripped and name_end(stripped, 0) == len(stripped) and name.isidentifier() and not reserved(name)
    return name if good else None


__all__ = ["Sizes", "input_name", "parse_sizes", "read_sizes"]
