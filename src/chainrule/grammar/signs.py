"""The words of a text: which characters make a name, and what each mathematical sign is in Python."""

from __future__ import annotations

import keyword
import re
import unicodedata

OPERATORS = {
    "+": "+", "-": "-", "−": "-", "*": "*", "⊙": "*", "·": "*", "\u0387": "*", "⋅": "*", "×": "*", "∗": "*", "/": "/",
    "÷": "/", "//": "//", "**": "**", "@": "@", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "≤": "<=", "≥": ">=",
    "≠": "!=", "&": "&", "∧": "and", "∨": "or",
}  # fmt: skip
"""Signs between two quantities. Python's `and` and `or` bind as ∧ and ∨ do, more loosely than < does."""

PREFIXES = {"+": "+", "-": "-", "−": "-", "~": "~", "¬": "~"}

NO_OPERATORS = {
    "==": "write equal(a, b) for a comparison entry by entry",
    "!=": "write a ≠ b or ~equal(a, b) for a comparison entry by entry",
    "=": "`=` gives a value its name; write equal(a, b) for a comparison entry by entry",
    ":=": "a statement gives one value a name, as in h = tanh(z)",
    "+=": "write h = h + x", "-=": "write h = h - x", "*=": "write h = h * x", "/=": "write h = h / x",
    "@=": "write h = h @ W", "**=": "write h = h**2",
    "^": "write x**2 or x² for a power, xᵀ or x.T for a transpose",
    "%": "there is no remainder; write x / 100 for a percentage",
    "!": "write ~ or ¬ for the opposite of a condition",
    "{": "use parentheses ( ) instead of braces", "}": "use parentheses ( ) instead of braces",
    "→": "write y = f(x)", "->": "write y = f(x)", "←": "give the new value a name of its own, as in w_next = …",
    "<<": "there is no shift", ">>": "there is no shift",
    "'": "this quotation mark is never closed; write xᵀ or x.T for a transpose",
    '"': "this quotation mark is never closed",
    ".": "a point stands in numbers and in x.T, x.shape[0]",
    "⌈": "round up with ⌊(n + 1)/2⌋", "∂": "write a derivative's name as ∂L/∂x",
    "||": "write ·‖…‖ or norm(…) for a length, `|` for or",
    "∇": "write a derivative's name as ∂L/∂x",
}  # fmt: skip
"""Signs that mean nothing here, and what to write."""

KEYWORDS = {
    "lambda": "functions are not defined here; write the expression itself",
    "and": "write `&` or ∧ between conditions",
    "or": "write `|` or ∨ between conditions",
    "not": "write `~` or ¬ before a condition",
    "if": "a graph does not branch; write where(condition, a, b)",
    "else": "a graph does not branch; write where(condition, a, b)",
    "for": "write out what is repeated, or take sum, mean or einsum over an axis",
    "while": "write out what is repeated",
    "in": "write what is repeated out",
    "is": "write equal(a, b) for a comparison entry by entry",
    "import": "nothing is imported here; the operations are known by their names, as in sigmoid(z)",
    "from": "nothing is imported here; the operations are known by their names, as in sigmoid(z)",
    "def": "write what the function computes, one statement a line",
    "return": "`return` begins the last statement",
}

CLOSING = {"(": ")", "[": "]", "⌊": "⌋", "‖": "‖", "|": "|"}
OPENED = {"⌊": "floor_(", "‖": "norm_(", "|": "abs_("}
"""What Python reads for a bracket of mathematics; names of ours end in an underscore, and a text's become v0, v1, …"""

NUMBER = re.compile(r"(?:[0-9]+(?:_[0-9]+)*(?:\.(?:[0-9]+(?:_[0-9]+)*)?)?|\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+)?")
STRING = re.compile(r"\"[^\"\n\\]*\"|'[^'\n\\]*'")
SUPERSCRIPT = re.compile("([⁺⁻]?)([⁰¹²³⁴-⁹]+)")
BLANK = re.compile(r"(?:[^\S\n]|\\\n|#[^\n]*)+")
SIGN = re.compile(r"\*\*=|\.\.\.|\*\*|//|<=|>=|==|!=|:=|->|<<|>>|[-+*/@]=|\|\||(?s:.)")
LENGTH = re.compile(r"(?:‖|\|\|)(?:₂|_[2F](?![A-Za-z0-9_]))?")  # of a vector, of a matrix: after the bars

DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_ASCII = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_LETTERS = frozenset("·\u0387ᵀ")
_SUBSCRIPTS = frozenset("₀₁₂₃₄₅₆₇₈₉")
_RESERVED = frozenset({"True", "False", "None", "inf", "nan"})


def name_end(text: str, start: int) -> int:
    """Where the name that begins at `start` ends; `start` itself where none does."""
    found = _ASCII.match(text, start)
    end = found.end() if found else start
    while end < len(text) and _continues(text[end], end == start):
        end += 1
    return end


def _continues(c: str, first: bool) -> bool:
    """Whether a character goes on, or begins, a name. Superscripts are powers; subscript digits are digits."""
    if c < "\x80":
        return c.isidentifier() or (not first and c.isdecimal())
    if c in _NO_LETTERS or unicodedata.decomposition(c).startswith("<super>"):
        return False
    return c.isidentifier() if first else c in _SUBSCRIPTS or f"_{c}".isidentifier()


def normal(name: str) -> str:
    """A name as Python reads it: W₁ is W1."""
    return name if name.isascii() else unicodedata.normalize("NFKC", name)


def derivative_end(text: str, start: int) -> tuple[str, int] | None:
    """The name ∂L/∂x that begins at `start`, and where it ends."""
    names, at = [], start
    for signs in ("∂", "/∂"):
        for sign in signs:
            at = _after_blanks(text, at)
            if not text.startswith(sign, at):
                return None
            at += 1
        begin = _after_blanks(text, at)
        at = name_end(text, begin)
        if at == begin:
            return None
        names.append(normal(text[begin:at]))
    return f"∂{names[0]}/∂{names[1]}", at


def _after_blanks(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t"):
        at += 1
    return at


def fraction(sign: str) -> str:
    """What to write for ½, ⅓, …; empty for any other sign.

    >>> fraction("½"), fraction("⅓")
    ('0.5', '(1/3)')
    """
    if not unicodedata.decomposition(sign[0]).startswith("<fraction>"):
        return ""
    value = unicodedata.numeric(sign)
    return f"{value:g}" if (8 * value).is_integer() else f"({unicodedata.normalize('NFKC', sign).replace('⁄', '/')})"


def reserved(name: str) -> bool:
    """Whether a name is a number's or nothing's, never a quantity's."""
    return name in _RESERVED


def is_keyword(name: str) -> bool:
    return keyword.iskeyword(name) and name not in _RESERVED
