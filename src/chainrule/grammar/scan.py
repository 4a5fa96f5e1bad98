"""From a text to statements, each an expression in Python's signs that `ast` can read.

The scanner knows at each word whether a quantity has just ended or is still awaited. So it tells a bar that opens from
one that closes, and says in a person's terms what is missing where Python would say "invalid syntax". Of what it hands
on, every name and string is its own (v0, v1, …), every sign is ASCII, and every column leads back into the text.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ..graph.errors import ParseError
from . import signs
from .functions import function
from .source import Source

_DEEPEST = 100  # brackets in brackets; Python's own parser ends at 200
_LONGEST = 400  # digits of a number


class Word(NamedTuple):
    """A word of the text: what it is, how it is written, where it begins and ends."""

    kind: str  # name, number, string, operator, prefix, open, close, power, attribute, comma, colon, equals
    text: str
    start: int
    end: int


@dataclass
class Statement:
    """One statement: ``target = expression``, ``return expression`` or an expression alone."""

    start: int
    target: Word | None = None
    returns: bool = False
    python: str = ""
    spelling: dict[str, str] = field(default_factory=dict)  # v0 -> the name or the string that it stands for
    roots: set[int] = field(default_factory=set)  # the columns where + means √
    _columns: list[int] = field(default_factory=list)
    _offsets: list[int] = field(default_factory=list)
    _pieces: list[str] = field(default_factory=list)
    _length: int = 0

    def put(self, piece: str, offset: int) -> None:
        """One more word for Python, and where in the text it comes from."""
        self._columns.append(self._length)
        self._offsets.append(offset)
        self._pieces.append(piece)
        self._length += len(piece) + 1

    def named(self, spelling: str, letter: str = "v") -> str:
        """A name of ours for one of the text's."""
        name = f"{letter}{len(self.spelling)}"
        self.spelling[name] = spelling
        return name

    def restart(self, target: Word) -> None:
        """What was read so far was the name that the value gets."""
        self.target, self._length = target, 0
        for kept in (self._columns, self._offsets, self._pieces, self.spelling):
            kept.clear()

    def end(self) -> None:
        self.python = " ".join(self._pieces)

    def offset(self, column: int) -> int:
        """The place in the text of a column of `python`."""
        return self._offsets[max(bisect_right(self._columns, column) - 1, 0)] if self._columns else self.start


class Scanner:
    """Reads statement after statement. `declared` names are names even where Python has a keyword: lambda."""

    def __init__(self, source: Source, declared: Collection[str]):
        self.source, self.text, self.declared = source, source.text, declared

    def statements(self) -> Iterator[Statement]:
        self.at = 0
        while True:
            self._skip(" \t\n;")
            if self.at >= len(self.text):
                return
            yield self._statement()

    def _skip(self, more: str = "") -> None:
        """Past blanks and comments."""
        while True:
            found = signs.BLANK.match(self.text, self.at)
            if found:
                self.at = found.end()
            elif self.at < len(self.text) and self.text[self.at] in more:
                self.at += 1
            else:
                return

    def _statement(self) -> Statement:
        self.made = Statement(self.at)
        self.words: list[Word] = []
        self.open: list[Word] = []
        self.operand = False  # has a quantity just ended?
        self.broken = False  # has a line ended since the last word?
        while self.at < len(self.text):
            c = self.text[self.at]
            if c == "\n" and self.open:
                self.broken = True
                self._skip("\n")
            elif c in "\n;":
                break
            else:
                self._word()
                self.broken = False
            self._skip()
        if self.open:
            raise self._never_closed()
        if not self.words and (self.made.target or self.made.returns):
            raise self._error(self.at, "a value is missing here")
        if self.words and not self.operand and self.words[-1].kind != "comma":
            raise self._error(self.words[-1].start, f"`{self.words[-1].text}` has nothing on its right")
        self.made.end()
        return self.made

    def _word(self) -> None:
        text, at = self.text, self.at
        end = signs.name_end(text, at)
        if end > at:
            return self._name(signs.normal(text[at:end]), end)
        if found := signs.NUMBER.match(text, at):
            return self._number(found.end())
        if found := signs.STRING.match(text, at):
            return self._string(found.end())
        if text[at] == "∂" and (derivative := signs.derivative_end(text, at)):
            return self._name(*derivative)
        if found := signs.SUPERSCRIPT.match(text, at):
            return self._power(found)
        found = signs.SIGN.match(text, at)
        assert found is not None
        self._sign(found[0], found.end())

    # Quantities -----------------------------------------------------------------------------------------------------

    def _name(self, name: str, end: int) -> None:
        start = self.at
        if signs.is_keyword(name) and name not in self.declared:
            if name == "return" and not self.words and self.made.target is None and not self.made.returns:
                self.made.returns, self.at = True, end
                return
            why = signs.KEYWORDS.get(name, "it is a word of Python's")
            raise self._error(start, f"`{name}` has no meaning here: {why}")
        if name in ("True", "False", "None"):
            return self._operand("number", name, end, name)
        self._operand("name", name, end, self.made.named(name))

    def _number(self, end: int) -> None:
        number, after = self.text[self.at : end], signs.name_end(self.text, end)
        if len(number) > _LONGEST:
            raise self._error(self.at, "this number has too many digits")
        if math.isinf(float(number)):
            raise self._error(self.at, "this number is too large: numbers end near 1.8e308")
        if after > end:
            name = self.text[end:after]
            write = f"write {number}·{name} or {number}*{name}"
            raise self._error(end, f"no sign stands between {number} and {name}: {write}")
        self._operand("number", number, end, number)

    def _string(self, end: int) -> None:
        if self.operand and self.text[self.at] == "'":
            raise self._error(self.at, "write xᵀ or x.T for a transpose")
        inside = self.text[self.at + 1 : end - 1]
        self._operand("string", self.text[self.at : end], end, self.made.named(inside, "s"))

    def _operand(self, kind: str, shown: str, end: int, python: str) -> None:
        self._awaited(shown)
        self._put(kind, shown, end, python)
        self.operand = True

    def _awaited(self, shown: str) -> None:
        """A quantity begins: no other may have ended just before."""
        if not self.operand:
            return
        if self.open and self.broken:
            raise self._never_closed()
        before = self.words[-1]
        if before.kind == "name" and before.text[0] in "Σ∑" and before.text not in self.declared:
            raise self._error(self.at, "a sum has no index here: write sum(…) or Σ(…), as in sum(x²)")
        if before.kind == "name" and before.text not in self.declared and function(before.text):
            raise self._error(self.at, f"`{before.text}` is a function: write {before.text}(…)")
        if before.kind == "number":
            write = f"write {before.text}·{shown}…"
            raise self._error(self.at, f"no sign stands between {before.text} and {shown}: {write}")
        if before.kind == "power" and shown == "(":
            raise self._error(self.at, "write f(x)² for a power of what a function gives")
        between = f"between {before.text} and {shown}" if before.kind == "name" else f"before {shown}"
        raise self._error(
            self.at,
            f"no sign stands {between}: write `@` for a matrix product, `*`, · or ⊙ for one entry by entry",
        )

    # Signs ----------------------------------------------------------------------------------------------------------

    def _sign(self, sign: str, end: int) -> None:
        innermost = self.open[-1].text if self.open else ""
        if sign == "||" and self.operand and innermost == "|":  # the first of |a − |b||
            sign, end = "|", self.at + 1
        elif sign == "||" and (not self.operand or innermost == "‖"):  # as a keyboard has it
            sign = "‖"
        if sign in ("‖", "|") and self.operand and innermost == sign:
            self._close(sign, end)
        elif sign in "([⌊‖" or (sign == "|" and not self.operand):
            self._open(sign, end)
        elif sign in ")]⌋":
            self._close(sign, end)
        elif sign == "ᵀ":
            self._postfix("power", sign, end, ".T")
        elif sign == ".":
            self._attribute(end)
        elif sign == "√":
            self._awaited(sign)
            self.made.roots.add(self.made._length)
            self._put("prefix", sign, end, "+")
        elif sign == "∞":
            self._operand("number", sign, end, "inf_")
        elif sign == "∑":
            self._operand("name", sign, end, self.made.named(sign))
        elif sign == "...":
            self._operand("number", sign, end, sign)
        elif sign == ",":
            self._comma(end)
        elif sign == ":":
            self._colon(end)
        elif sign == "=":
            self._equals(end)
        elif self.operand and (sign in signs.OPERATORS or sign == "|"):
            self._put("operator", sign, end, signs.OPERATORS.get(sign, sign))
            self.operand = False
        elif sign in signs.PREFIXES:
            self._awaited(sign)
            self._put("prefix", sign, end, signs.PREFIXES[sign])
        elif sign in signs.OPERATORS:
            raise self._nothing_before(sign)
        else:
            raise self._unknown(sign)

    def _open(self, sign: str, end: int) -> None:
        called = self.operand and sign == "(" and self.words[-1].kind in ("name", "attribute")
        if not called and not (sign == "[" and self.operand):
            self._awaited(sign)
        if len(self.open) == _DEEPEST:
            raise self._error(
                self.at, f"more than {_DEEPEST} brackets are open here: give an inner part a name of its own"
            )
        kind = "call" if called else "index" if self.operand else "open"
        self._put(kind, sign, end, signs.OPENED.get(sign, sign))
        self.open.append(self.words[-1])
        self.operand = False

    def _close(self, sign: str, end: int) -> None:
        if not self.open:
            raise self._error(self.at, f"`{sign}` closes a bracket that was never opened")
        if signs.CLOSING[self.open[-1].text] != sign:
            raise self._never_closed(f"; `{sign}` stands in its place")
        last = self.words[-1]
        empty = last is self.open[-1] and last.kind in ("call", "open") and last.text in "(["
        if not self.operand and not empty and last.kind not in ("comma", "colon"):
            raise self._error(last.start, f"`{last.text}` has nothing on its right")
        if sign == "‖" and (found := signs.LENGTH.match(self.text, self.at)):
            end = found.end()
        self.open.pop()
        self._put("close", sign, end, "]" if sign == "]" else ")")
        self.operand = True

    def _power(self, found: re.Match[str]) -> None:
        exponent = found[2].translate(signs.DIGITS)
        if len(exponent) > 18:
            raise self._error(self.at, "this exponent is too large")
        self._postfix("power", found[0], found.end(), f".{'m' if found[1] == '⁻' else 'p'}{exponent}")

    def _attribute(self, end: int) -> None:
        after = signs.name_end(self.text, end)
        if not self.operand or after == end or self.words[-1].kind == "number":
            raise self._unknown(".")
        name = signs.normal(self.text[end:after])
        self._postfix("attribute", f".{name}", after, f".{self.made.named(name)}")

    def _postfix(self, kind: str, shown: str, end: int, python: str) -> None:
        if not self.operand:
            raise self._nothing_before(shown)
        self._put(kind, shown, end, python)

    def _comma(self, end: int) -> None:
        if not self.operand and not (self.words and self.words[-1].kind == "colon"):
            raise self._nothing_before(",")
        self._put("comma", ",", end, ",")
        self.operand = False

    def _colon(self, end: int) -> None:
        if not self.open or self.open[-1].kind != "index":
            raise self._error(self.at, "`:` stands between the bounds of a slice, as in x[1:n], and nowhere else")
        self._put("colon", ":", end, ":")
        self.operand = False

    def _equals(self, end: int) -> None:
        """At the beginning a value gets its name; in a call a setting does; elsewhere nothing does."""
        words = self.words
        if self.open:
            named = self.operand and words[-1].kind == "name" and words[-2].kind in ("call", "comma")
            if named and self.open[-1].kind == "call":
                self._put("equals", "=", end, "=")
                self.operand = False
                return
            if self.source.place(self.open[-1].start)[0] < self.source.place(self.at)[0]:
                raise self._never_closed()
        elif self.made.target is None and not self.made.returns:
            if len(words) == 1 and words[0].kind == "name" and words[0].text != "∑":
                self.made.restart(words.pop())
                self.operand, self.at = False, end
                return
            if not words:
                raise self._error(self.at, "`=` has no name on its left")
            start = words[0].start
            raise self._error(start, "on the left of `=` stands one name, which the value on the right gets")
        raise self._error(self.at, signs.NO_OPERATORS["="])

    # ----------------------------------------------------------------------------------------------------------------

    def _put(self, kind: str, shown: str, end: int, python: str) -> None:
        self.words.append(Word(kind, shown, self.at, end))
        self.made.put(python, self.at)
        self.at = end

    def _error(self, at: int, what: str) -> ParseError:
        return self.source.error(at, what)

    def _never_closed(self, more: str = "") -> ParseError:
        return self._error(self.open[-1].start, f"`{self.open[-1].text}` is never closed{more}")

    def _nothing_before(self, sign: str) -> ParseError:
        before = self.words[-1].kind if self.words else ""
        if sign in ("*", "**") and before in ("call", "comma"):
            return self._error(self.at, "a call takes its arguments one by one: nothing is unpacked with `*` or `**`")
        return self._error(self.at, f"`{sign}` has nothing on its left")

    def _unknown(self, sign: str) -> ParseError:
        told = signs.NO_OPERATORS.get(sign) or (f"write {number}" if (number := signs.fraction(sign)) else None)
        return self._error(self.at, f"`{sign}` has no meaning here" + (f": {told}" if told else ""))
