"""Text for pictures: runs of characters that stand on the line, raised or lowered, and how wide they come out.

Names are set as in print: W1 is W with a lowered 1, yhat is ŷ, sigma is σ; single letters are italic.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from .names import numbered

SMALL = 0.72
"""The size of a raised or lowered run, in that of its line."""


class Run(NamedTuple):
    """Characters in one style; `level` is 1 raised, −1 lowered, 0 on the line."""

    text: str
    level: int = 0
    italic: bool = False


Runs = tuple[Run, ...]

_GREEK = dict(
    alpha="α", beta="β", gamma="γ", delta="δ", epsilon="ε", zeta="ζ", eta="η", theta="θ", iota="ι", kappa="κ", mu="μ",
    nu="ν", xi="ξ", pi="π", rho="ρ", sigma="σ", tau="τ", upsilon="υ", phi="φ", chi="χ", psi="ψ", omega="ω", Gamma="Γ",
    Delta="Δ", Theta="Θ", Lambda="Λ", Xi="Ξ", Pi="Π", Sigma="Σ", Upsilon="Υ", Phi="Φ", Psi="Ψ", Omega="Ω",
) | {"lambda": "λ"}  # fmt: skip
_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303"}


def name_runs(name: str, others: Container[str] = ()) -> Runs:
    """A quantity's name as it is printed; W_1 has its number in parentheses if there is a W1 among the `others`.

    >>> plain(name_runs("W1")), plain(name_runs("W_1", {"W1"})), plain(name_runs("yhat")), plain(name_runs("W_hh"))
    ('W₁', 'W_(1)', 'ŷ', 'W_hh')
    """
    if name.endswith("]"):  # an entry of an array
        array, _, place = name.partition("[")
        return joined([*name_runs(array, others), Run(f"[{place}")])
    stem, *parts = name.split("_")
    if not stem:
        return (Run(name),)
    base, digits = numbered(stem)
    below = [digits] if digits else []
    enclosed = "{}" if name.replace("_", "") not in others else "({})"
    below += [enclosed.format(part) if part.isdecimal() else "".join(_word(part)) or "_" for part in parts]
    shown = _letters(base)
    runs = [Run(shown, italic=_single(shown))]
    if below:
        runs.append(Run(",".join(below), -1, len(below) == 1 and _single(below[0])))
    return tuple(runs)


def _word(part: str) -> tuple[str, str]:
    base, digits = numbered(part)
    return _letters(base) if base else "", digits


def _letters(base: str) -> str:
    for word, accent in _ACCENTS.items():
        if base.endswith(word) and len(base) > len(word):
            return accented(_letters(base[: -len(word)]), accent)
    return _GREEK.get(base, base)


def accented(text: str, marks: str) -> str:
    """`marks` on the first letter of `text`, after any that it has."""
    at = 1
    while at < len(text) and unicodedata.combining(text[at]):
        at += 1
    return unicodedata.normalize("NFC", f"{text[:at]}{marks}{text[at:]}")


def _single(text: str) -> bool:
    return sum(not unicodedata.combining(c) for c in text) == 1 and text[0].isalpha()


class Names:
    """Stand-ins for names, a private character each, so that names can be found again in a written expression."""

    def __init__(self) -> None:
        self._characters: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """The character that stands for `name`."""
        if name not in self._characters:
            character = chr(0xF0000 + len(self._names))
            self._characters[name], self._names[character] = character, name
        return self._characters[name]

    def spelled(self, expression: str) -> str:
        """`expression` with every name as the program has it."""
        return "".join([self._names.get(c, c) for c in expression])

    def runs(self, expression: str) -> Runs:
        """`expression` as it is printed. Accents after a name stand on its first letter; δ_z has z lowered."""
        return joined(_typeset(expression, self._names))


_PIECE = re.compile(
    r"(?P<name>[\U000F0000-\U000FFFFD])(?P<marks>[\u0300-\u036F]*)"
    r"|δ_(?P<below>[\U000F0000-\U000FFFFD]|\([^()]*\))"
    r"|\*\*(?P<power>-?[\w.]+)"
    r"|(?P<number>\d+\.\d*(?:e[+-]?\d+)?)"
)


_LIFTED = re.compile(r"\b(?:size|array)\(([^()\[\]]+)\)")  # as text says that a number stands for a quantity


def _typeset(expression: str, names: Mapping[str, str]) -> Iterable[Run]:
    expression = _LIFTED.sub(r"\1", expression)
    at = 0
    for found in _PIECE.finditer(expression):
        yield from _signs(expression[at : found.start()])
        at = found.end()
        if found["name"]:
            first, *rest = name_runs(names.get(found["name"], "?"), names.values())
            yield first._replace(text=accented(first.text, found["marks"])) if found["marks"] else first
            yield from rest
        elif found["below"]:
            lowered = "".join(run.text for run in _typeset(found["below"], names))
            yield from (Run("δ", italic=True), Run(lowered, -1, _single(lowered)))
        elif found["power"]:
            yield Run(_number(found["power"]), 1)
        else:
            yield Run(_number(found["number"]))
    yield from _signs(expression[at:])


def _signs(text: str) -> Iterable[Run]:
    """A raised T for ᵀ, which few fonts have; minus signs; sizes in italics."""
    for k, part in enumerate(text.replace("-", "−").split("ᵀ")):
        if k:
            yield Run("T", 1)
        for j, piece in enumerate(_LETTER.split(part)):
            yield Run(piece, italic=j % 2 == 1)


_LETTER = re.compile(r"(?<![\w.])([A-Za-z])(?![\w(])")  # a size


def _number(text: str) -> str:
    return re.sub(r"\.0*$", "", text).replace("-", "−")


def joined(runs: Iterable[Run]) -> Runs:
    """Neighbours of one style as one run, and none without characters."""
    out: list[Run] = []
    for run in runs:
        if out and out[-1][1:] == run[1:]:
            out[-1] = out[-1]._replace(text=out[-1].text + run.text)
        elif run.text:
            out.append(run)
    return tuple(out)


_LOWERED, _RAISED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"), str.maketrans("0123456789−T", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ")


def plain(runs: Iterable[Run]) -> str:
    """The runs as one string, numbers below and above as Unicode has them."""
    out = []
    for text, level, _ in runs:
        shifted = text.translate(_LOWERED if level < 0 else _RAISED)
        mark = "_" if level < 0 else "^"
        out.append(text if not level else f"{mark}{text}" if set(text) & set(shifted) else shifted)
    return "".join(out)


# Widths of Times, the font that is asked for, in hundredths of its size. Other fonts that a reader may have in its
# place are wider: hence a tenth more, and boxes with a margin.
_WIDTHS = {
    25: " ,.·'|",
    30: "ijlt/:;\\I²³¹J°",
    35: "()[]fr-‖s⌊⌋",
    45: "acegkvxyz*∂?",
    52: 'bdhnopqu0123456789$_{}`"^αβγδεζηθικλμνξπρστυφχψ#₀₁₂',
    62: "FPSTLEZΓΣΞ∇",
    70: "+−=<>×~÷⊙ABCDGHKNOQRUVXYw∈ΔΘΛΠΥΦΨΩω≤≥≈&",
    80: "m%√",
    96: "WM@□…",
}
_WIDTH = {c: w / 100 for w, characters in _WIDTHS.items() for c in characters}


def width(runs: Iterable[Run], size: float) -> float:
    """How wide the runs come out at the font size `size`, on the safe side."""
    total = 0.0
    for text, level, italic in runs:
        letters = sum(_width(c) for c in text)
        total += (letters + 0.1 * italic) * (SMALL if level else 1)
    return 1.1 * size * total


def _width(c: str) -> float:
    found = _WIDTH.get(c)
    if found is not None:
        return found
    if unicodedata.combining(c):
        return 0.0
    base = unicodedata.normalize("NFD", c)[0]
    if base != c:
        return _width(base)
    return 1.0 if unicodedata.east_asian_width(c) in "WF" else 0.8


def shortened(runs: Runs, limit: float, size: float) -> Runs:
    """As much of the runs as fits into `limit`, with … where something is missing."""
    if width(runs, size) <= limit:
        return runs
    room = limit - width([Run("…")], size)
    kept: list[Run] = []
    for run in runs:
        text = run.text
        while text and width([*kept, run._replace(text=text)], size) > room:
            text = text[:-1]
        if text:
            kept.append(run._replace(text=text))
        if text != run.text:
            break
    return (*kept, Run("…"))


__all__ = ["SMALL", "Names", "Run", "Runs", "accented", "joined", "name_runs", "plain", "shortened", "width"]
