r"""LaTeX as tokens. Spacing, sizes of brackets and environments of equations mean nothing and are left out.

Plain bars | and \| open and close alike: one closes if a bar of its kind is the innermost bracket that is open. A run
of letters is several letters, as in TeX, unless it is the name of a quantity.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import NamedTuple

from .source import Source

_SCAN = re.compile(
    r"""(?P<space>\s+|~|%[^\n]*|\$+|\\[ ,;:!>()\[\]])
      | (?P<row>\\\\\*?(?:\s*\[[^\]]*\])?)
      | (?P<command>\\(?:[A-Za-z]+|.))
      | (?P<number>\d{1,3}(?:\{,\}\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)
      | (?P<letter>[^\W\d_][\u0300-\u036f]*)
      | (?P<sign>:=|->|.)""",
    re.X | re.S,
)
_SIGNS = {
    "+": "PLUS", "-": "MINUS", "−": "MINUS", "⊙": "ODOT", "·": "CDOT", "/": "SLASH", "=": "EQ", ":=": "EQ",
    "<": "INEQ", ">": "INEQ", "≤": "INEQ", "≥": "INEQ", "_": "SUB", "^": "SUP", "{": "LBRACE", "}": "RBRACE",
    ",": "COMMA", ";": "SEMI", ":": "COLON", "->": "TO", "'": "PRIME", "&": "AMP", "∂": "PARTIAL", "(": "LPAR",
    ")": "RPAR", "[": "LBRACK", "]": "RBRACK", "⟨": "LANGLE", "⟩": "RANGLE",
}  # fmt: skip
_COMMANDS = {
    "odot": "ODOT", "circ": "ODOT", "cdot": "CDOT", "times": "TIMES", "star": "STAR", "coloneqq": "EQ", "equiv": "EQ",
    "triangleq": "EQ", "le": "INEQ", "leq": "INEQ", "leqslant": "INEQ", "ge": "INEQ", "geq": "INEQ",
    "geqslant": "INEQ", "lt": "INEQ", "gt": "INEQ", "wedge": "AND", "land": "AND", "vee": "OR", "lor": "OR",
    "neg": "NOT", "lnot": "NOT", "to": "TO", "rightarrow": "TO", "prime": "PRIME", "partial": "PARTIAL",
    "frac": "FRAC", "tfrac": "FRAC", "dfrac": "FRAC", "cfrac": "FRAC", "sqrt": "SQRT", "cr": "NEWROW",
    "{": "LPAR", "}": "RPAR", "lbrace": "LPAR", "rbrace": "RPAR", "lbrack": "LBRACK", "rbrack": "RBRACK",
    "lparen": "LPAR", "rparen": "RPAR", "lfloor": "LFLOOR", "rfloor": "RFLOOR", "lvert": "LBAR", "rvert": "RBAR",
    "lVert": "LNORM", "rVert": "RNORM", "langle": "LANGLE", "rangle": "RANGLE", "|": "NORM", "Vert": "NORM",
    "vert": "BAR", "dots": "DOTS", "ldots": "DOTS", "cdots": "DOTS",
}  # fmt: skip
_NOTHING = frozenset(
    ("quad", "qquad", "displaystyle", "textstyle", "limits", "nolimits", "nonumber", "notag", "left", "right", "middle",
     "thinspace", "enspace", "hfill", "mathstrut", "strut",
     *(f"{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")))
)  # fmt: skip
_WORDS = frozenset(("mathrm", "operatorname", "text", "textrm", "textit", "mathit", "mathsf", "mathtt", "mbox"))
_STYLES = frozenset(("mathbf", "boldsymbol", "bm", "vec", "mathbb", "mathcal", "textbf", "mathds", "mathbbm", "bf"))
_ACCENTS = frozenset(("hat", "widehat", "bar", "overline", "tilde", "widetilde"))
_EQUATIONS = frozenset(("aligned", "align", "align*", "alignedat", "split", "gathered", "gather", "gather*", "equation",
                        "equation*", "multline", "eqnarray", "eqnarray*", "displaymath", "math"))  # fmt: skip
_MATRICES = frozenset(("matrix", "pmatrix", "bmatrix", "smallmatrix"))
_PAIRS = {
    "LPAR": "RPAR", "LBRACK": "RBRACK", "LBRACE": "RBRACE", "LBAR": "RBAR", "LNORM": "RNORM", "LANGLE": "RANGLE",
    "LEVAL": "REVAL",
}  # fmt: skip
_CLOSING = frozenset(_PAIRS.values())
_OPERATORS = frozenset(("PLUS", "MINUS", "ODOT", "CDOT", "TIMES", "SLASH", "STAR", "EQ", "INEQ", "COMMA", "AMP"))


class Piece(NamedTuple):
    """A token: its kind, what it says, and where it begins and ends."""

    kind: str
    value: str
    start: int
    end: int


def pieces(source: Source, names: Collection[str] = ()) -> list[Piece]:
    r"""The tokens of a text; `names` are the words that stand for one quantity.

    >>> [p.kind for p in pieces(Source(r"z &= W_1 \, x \\"))]
    ['LETTER', 'EQ', 'LETTER', 'SUB', 'NUMBER', 'LETTER', 'NEWROW']
    """
    found = list(_words_joined(list(_scanned(source)), names))
    return _punctuated(_bars(_environments(found, source)))


def _scanned(source: Source) -> Iterator[Piece]:
    text = source.text
    at = digits = 0
    while at < len(text):
        m = _SCAN.match(text, at)
        assert m is not None and m.lastgroup is not None
        kind, value, end = m.lastgroup, m[0], m.end()
        if kind == "number" and digits:  # \frac12 is one half
            value, end = value[0], at + 1
        if kind != "space":
            digits = max(digits - 1, 0) if kind == "number" else 0
        if kind == "row":
            yield Piece("NEWROW", value, at, end)
        elif kind == "command":
            name = value[1:]
            if name in _WORDS:
                inside, end = _group(source, end)
                yield Piece("WORD", inside, at, end)
            elif name in ("begin", "end"):
                inside, end = _group(source, end)
                yield Piece(name.upper(), inside, at, end)
            elif name in ("label", "tag"):
                end = _group(source, end)[1]
            elif name not in _NOTHING:
                digits = 2 if _COMMANDS.get(name) == "FRAC" else 0
                accent = "ACCENT" if name in _ACCENTS else "STYLE" if name in _STYLES else "COMMAND"
                yield Piece(_COMMANDS.get(name, accent), value, at, end)
            elif name == "left" and text[end : end + 1] == ".":
                yield Piece("LEVAL", ".", at, end := end + 1)
            elif name == "right" and text[end : end + 1] == ".":
                yield Piece("REVAL", ".", at, end := end + 1)
        elif kind == "number":
            yield Piece("NUMBER", value.replace("{,}", ""), at, end)
        elif kind == "letter":
            yield Piece("LETTER", unicodedata.normalize("NFKC", value), at, end)
        elif kind == "sign" and value == "|":
            double = text[end : end + 1] == "|"
            end += double
            yield Piece("NORM" if double else "BAR", text[at:end], at, end)
        elif kind == "sign":
            yield Piece(_SIGNS.get(value, "OTHER"), value, at, end)
        at = end


def _group(source: Source, at: int) -> tuple[str, int]:
    r"""What stands in the braces after \mathrm, and where they end; a single sign needs none."""
    text = source.text
    while text[at : at + 1].isspace() or text[at : at + 1] == "*":
        at += 1
    if text[at : at + 1] != "{":
        return text[at : at + 1], at + 1
    depth, end = 0, at
    while end < len(text):
        depth += {"{": 1, "}": -1}.get(text[end], 0) if text[end - 1] != "\\" else 0
        end += 1
        if not depth:
            return text[at + 1 : end - 1], end
    raise source.error(at, "this brace is never closed")


def _words_joined(found: list[Piece], names: Collection[str]) -> Iterator[Piece]:
    at = 0
    while at < len(found):
        end = at
        while end < len(found) and found[end].kind == "LETTER" and end in (at, _after(found, end)):
            end += 1
        run = "".join(p.value for p in found[at:end])
        if len(run) > 1 and run in names:
            yield Piece("WORD", run, found[at].start, found[end - 1].end)
            at = end
            continue
        yield found[at]
        at += 1


def _after(found: list[Piece], k: int) -> int:
    """k if piece k stands right behind the one before."""
    return k if k and found[k - 1].end == found[k].start else -1


def _environments(found: list[Piece], source: Source) -> Iterator[Piece]:
    """Signs & mean something in matrices and choices alone."""
    open_: list[Piece] = []
    for p in found:
        if p.kind == "BEGIN":
            if p.value not in _EQUATIONS | _MATRICES | {"cases"}:
                raise source.error(p.start, f"the environment {p.value} is not known here; equations stand in aligned")
            open_.append(p)
        elif p.kind == "END":
            if not open_ or open_[-1].value != p.value:
                raise source.error(p.start, rf"\end{{{p.value}}} closes no \begin{{{p.value}}}")
            open_.pop()
        inside = p if p.kind in ("BEGIN", "END") else open_[-1] if open_ else None
        equations = inside is None or inside.value in _EQUATIONS
        if equations and p.kind in ("BEGIN", "END", "AMP"):
            continue
        in_cases = inside is not None and inside.value == "cases"
        if p.kind == "WORD" and in_cases and p.value.strip() in ("if", "for", "when", "where"):
            continue
        if p.kind in ("BEGIN", "END"):
            yield p._replace(kind=p.kind + ("_CASES" if p.value == "cases" else "_MATRIX"))
        else:
            yield p
    if open_:
        raise source.error(open_[-1].start, rf"\begin{{{open_[-1].value}}} has no \end{{{open_[-1].value}}}")


def _bars(found: Iterator[Piece]) -> Iterator[Piece]:
    """Which bars open and which close."""
    open_: list[str] = []
    before = "EQ"
    for p in found:
        kind = p.kind
        if kind == "NORM" and p.value == "||" and open_[-2:] == ["LBAR", "LBAR"]:  # | x - |y||
            del open_[-2:]
            yield p._replace(kind="RBAR", end=p.end - 1)
            yield p._replace(kind="RBAR", start=p.start + 1)
            before = "RBAR"
            continue
        if kind in ("BAR", "NORM"):
            closes = "REVAL" if open_[-1:] == ["LEVAL"] and kind == "BAR" else f"R{kind}"
            ended = before not in _OPERATORS and before not in _PAIRS
            kind = closes if ended and open_ and _PAIRS[open_[-1]] == closes else f"L{kind}"
        if kind in _PAIRS:
            open_.append(kind)
        elif kind in _CLOSING and open_:
            open_.pop()
        before = kind
        yield p._replace(kind=kind)


def _punctuated(found: Iterator[Piece]) -> list[Piece]:
    """Without the comma or full stop that ends an equation in a sentence."""
    kept = list(found)
    out = []
    for p, after in zip(kept, [*kept[1:], None]):
        last = after is None or after.kind == "NEWROW" or (after.kind == "AMP" and p.kind == "COMMA")
        if not (last and (p.kind == "COMMA" or p.value == ".")):
            out.append(p)
    return out


__all__ = ["Piece", "pieces"]
