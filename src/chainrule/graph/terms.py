"""The terms of a size, and how they are written: as text, in Python and in LaTeX. `graph.dims` makes sizes of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby
from typing import NamedTuple, TypeAlias

Monomial: TypeAlias = tuple[str, ...]  # a sorted product of atoms: n²·h is ("h", "n", "n"), 1 is ()
Terms: TypeAlias = dict[Monomial, int]  # the coefficients, none of them 0


class Floor(str):
    """⌊inner/by⌋ as an atom. An atom is a string, its own text, so that atoms hash and sort alike, and fast."""

    __slots__ = ("by", "inner")
    inner: Terms
    by: int

    def __new__(cls, inner: Terms, by: int) -> Floor:
        atom = super().__new__(cls, TEXT.floor(*written(inner, TEXT), by))
        atom.inner, atom.by = inner, by
        return atom

    def __reduce__(self):
        return Floor, (self.inner, self.by)


class Style(NamedTuple):
    """A way of writing terms."""

    join: Callable[[list[str]], str]  # factors to a product
    symbol: Callable[[str], str]
    power: Callable[[str, int], str]
    floor: Callable[[str, bool, int], str]  # of the numerator's text, whether that is a sum, and the divisor
    closed: bool  # whether a floor may stand in a product without parentheses


def enclosed(text: str, needed: bool) -> str:
    """The text, in parentheses where these are needed."""
    return f"({text})" if needed else text


def _latex_symbol(name: str) -> str:
    if numbered := re.fullmatch(r"([^\W\d_])(\d+)", name):
        return f"{numbered[1]}_{{{numbered[2]}}}"
    escaped = name.replace("_", r"\_")
    return name if name.isalpha() and len(name) == 1 else rf"\mathrm{{{escaped}}}"


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
TEXT = Style(
    join="·".join,
    symbol=str,
    power=lambda base, k: base + str(k).translate(_SUPERSCRIPTS),
    floor=lambda text, is_sum, k: f"⌊{enclosed(text, is_sum)}/{k}⌋",
    closed=True,
)
PYTHON = Style(
    join="*".join,
    symbol=str,
    power=lambda base, k: f"{base}**{k}",
    floor=lambda text, is_sum, k: f"{enclosed(text, is_sum)}//{k}",
    closed=False,
)
LATEX = Style(
    join=lambda factors: (r"\," if any(r"\mathrm" in f for f in factors) else "").join(factors),
    symbol=_latex_symbol,
    power=lambda base, k: f"{base}^{{{k}}}",
    floor=lambda text, _, k: rf"\left\lfloor \frac{{{text}}}{{{k}}} \right\rfloor",
    closed=True,
)


def rank(monomial: Monomial) -> tuple[int, Monomial]:
    """Sorts by degree, the highest first, then by name."""
    return -len(monomial), monomial


def written(terms: Terms, style: Style) -> tuple[str, bool]:
    """The terms as text, and whether that is a sum."""
    ordered, text = _readable(terms), ""
    for m, c in ordered:
        minus = ("- " if text else "-") if c < 0 else "+ " if text else ""
        bare = style.closed or (len(m) == 1 and (c == 1 or (c == -1 and bool(text))))
        factors = [str(abs(c))] if abs(c) != 1 or not m else []
        # n, the number of examples, leads a product as it leads a shape: n·d, not d·n.
        for atom, same in groupby(sorted(m, key=lambda a: (a not in ("n", "N"), a))):
            if isinstance(atom, Floor):
                base = enclosed(style.floor(*written(atom.inner, style), atom.by), not bare)
            else:
                base = style.symbol(atom)
            k = len(list(same))
            factors.append(style.power(base, k) if k > 1 else base)
        text += (" " if text else "") + minus + style.join(factors)
    return text, len(ordered) > 1


def _readable(terms: Terms) -> list[tuple[Monomial, int]]:
    """The terms in the order people write: by degree, then by name, but not with a minus in front if one is without."""
    terms = dict(terms)
    # The normal form of ⌊(H - 1)/2⌋ is ⌊(H + 1)/2⌋ - 1: take the constant back in.
    for m, c in sorted(terms.items()) if terms.get((), 0) < 0 else ():
        if c == 1 and len(m) == 1 and isinstance(f := m[0], Floor) and () in f.inner:
            shifted = {**f.inner, (): f.inner[()] + f.by * terms.pop(())}
            terms[(Floor(shifted, f.by),)] = terms.pop(m)
            break
    ordered = sorted(terms.items(), key=lambda term: rank(term[0]))
    lead = next((i for i, (_, c) in enumerate(ordered) if c > 0), 0)
    return [ordered.pop(lead), *ordered]


__all__ = ["LATEX", "PYTHON", "TEXT", "Floor", "Monomial", "Style", "Terms", "enclosed", "rank", "written"]
