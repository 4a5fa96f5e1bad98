"""Sizes as products: what a convolution costs is 9·N·C·F·(H - 2)·(W - 2), and not the sum of four terms.

A sum p = Σ c_k·v^k, in powers of an atom v, has each factor without v in every coefficient c_k. So the coefficient with
the fewest terms tells: most often it is a single term, and there is no such factor; else it is tried as a divisor. What
then is left has every atom in each of its factors. Of these, squares such as (H - 2)² and differences of squares are
found by the formula for quadratic equations; other sums stay as they are.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterator
from functools import reduce
from math import gcd, isqrt

from .dims import Dim, Size, quotient
from .terms import LATEX, TEXT, Style, Terms, enclosed, rank, written

_FEW = 10  # terms: as many as a product of two sums in three atoms, each atom to the first power, can have


def factored(d: Size, in_latex: bool = False) -> str:
    """A size as text, or as LaTeX: a product where it is one, else a sum, with products of sums among its terms.

    >>> from chainrule.graph.dims import symbol
    >>> n, h = symbol("n"), symbol("h")
    >>> factored(4 * n * h * h + 2 * n * h), factored((n * n - 4) * (h - 1))
    ('2·n·h·(2·h + 1)', '(h - 1)·(n + 2)·(n - 2)')
    >>> factored(n * (h - 2) * (symbol("w") - 2) - 1)
    'n·(h - 2)·(w - 2) - 1'
    """
    return _product(d, LATEX if in_latex else TEXT)[0] if isinstance(d, Dim) else str(d)


def factors(d: Dim) -> tuple[Size, list[Dim]]:
    """A single term, and the sums that make `d` when multiplied by it.

    >>> from chainrule.graph.dims import symbol
    >>> n, h = symbol("n"), symbol("h")
    >>> factors(6 * n * (h - 2) * (n - 1))
    (Dim(6·n), [Dim(n - 1), Dim(h - 2)])
    """
    common, rest = _content(d._terms)
    found = list(_sums(rest)) if isinstance(rest, Dim) else []
    if len(found) < 2:
        return common, found
    signs = [_sign(s._terms) for s in found]
    return common * reduce(operator.mul, signs), [s if sign > 0 else -s for s, sign in zip(found, signs)]


# Finding ----------------------------------------------------------------------------------------------------------


def _content(terms: Terms) -> tuple[Size, Size]:
    """What all terms share, and what that leaves."""
    shared = tuple(sorted(reduce(operator.and_, map(Counter, terms)).elements()))
    number = gcd(*terms.values()) * (-1 if all(c < 0 for c in terms.values()) else 1)
    common = Dim({shared: number}) if shared else number
    rest = quotient(Dim(terms), common)
    assert rest is not None
    return common, rest


def _sign(terms: Terms) -> int:
    """That of most terms, or else of the first: H - 2 and H - a + 1 are as people write them."""
    signs = [1 if terms[m] > 0 else -1 for m in sorted(terms, key=rank)]
    return 1 if (sum(signs) or signs[0]) > 0 else -1


def _sums(p: Dim) -> Iterator[Dim]:
    """The factors of a sum whose terms share nothing."""
    for divisor in _divisors(p):
        rest = quotient(p, divisor)
        if isinstance(rest, Dim):
            yield from _sums(divisor)
            yield from _sums(rest)
            return
    yield p


def _divisors(p: Dim) -> Iterator[Dim]:
    """Sums that may divide p."""
    powers = {v: _in_powers(p._terms, v) for v in _atoms(p._terms)}
    for coefficients in powers.values():
        smallest = min(coefficients.values(), key=len)
        if len(smallest) > 1:
            yield from _primitive(Dim(smallest))
    if len(p._terms) <= _FEW:
        for v, coefficients in powers.items():
            if max(coefficients) == 2:
                yield from _roots(v, *(_size(coefficients.get(k, {})) for k in (2, 1, 0)))


def _roots(v: str, a: Size, b: Size, c: Size) -> Iterator[Dim]:
    """a·v² + b·v + c = (2a·v + b - s)·(2a·v + b + s)/4a  where  s² = b² - 4a·c"""
    square = b * b - 4 * a * c
    if isinstance(square, int) and square >= 0 and isqrt(square) ** 2 == square:
        yield from _primitive(2 * a * Dim({(v,): 1}) + b - isqrt(square))


def _primitive(s: Size) -> Iterator[Dim]:
    """The sum without what its terms share."""
    rest = _content(s._terms)[1] if isinstance(s, Dim) else s
    if isinstance(rest, Dim):
        yield rest


def _in_powers(terms: Terms, v: str) -> dict[int, Terms]:
    """The coefficients of 1, v, v², …"""
    found: dict[int, Terms] = {}
    for m, c in terms.items():
        found.setdefault(m.count(v), {})[tuple(a for a in m if a != v)] = c
    return found


def _atoms(terms: Terms) -> list[str]:
    return sorted({v for m in terms for v in m})


def _size(terms: Terms) -> Size:
    return terms[()] if terms.keys() == {()} else Dim(terms) if terms else 0


# Writing ----------------------------------------------------------------------------------------------------------


def _product(d: Dim, style: Style) -> tuple[str, bool]:
    """The size as text, and whether that is a sum."""
    common, sums = factors(d)
    if not sums:
        return written(d._terms, style)
    if common == 1 and len(sums) == 1:
        return _sum(sums[0], style)
    texts = [] if common in (1, -1) else [written(_terms(common), style)[0]]
    for s, k in sorted(Counter(sums).items(), key=lambda item: str(item[0])):
        text = enclosed(*_sum(s, style))
        texts.append(text if k == 1 else style.power(text, k))
    return ("-" if common == -1 else "") + style.join(texts), False


def _sum(s: Dim, style: Style) -> tuple[str, bool]:
    """A sum that is no product: multiplied out, unless a part of it is a product of sums."""
    parts = _parts(s._terms)
    if all(len(factors(part)[1]) < 2 for part in parts if isinstance(part, Dim)):
        return written(s._terms, style)
    text, *more = [_product(part, style)[0] if isinstance(part, Dim) else str(part) for part in parts]
    return text + "".join(f" - {t[1:]}" if t.startswith("-") else f" + {t}" for t in more), True


def _parts(terms: Terms) -> list[Size]:
    """The terms, gathered by what multiplies H and W in sums of products of H - 2, W - 2 and the like.

    Of these atoms v it is known that most terms t·v come with another term in t.
    """
    shifted = set()
    for v in _atoms(terms):
        there = [m for m in terms if v in m]
        alone = [m for m in there if _without(m, v) in terms]
        if 2 * len(alone) > len(there):
            shifted.add(v)
    found: dict[tuple[str, ...], Terms] = {}
    for m, c in sorted(terms.items(), key=lambda term: rank(term[0])):
        found.setdefault(tuple(a for a in m if a not in shifted), {})[m] = c
    parts = [_size(part) for part in found.values()]
    return sorted(parts, key=lambda part: all(c < 0 for c in _terms(part).values()))


def _without(m: tuple[str, ...], v: str) -> tuple[str, ...]:
    k = m.index(v)
    return m[:k] + m[k + 1 :]


def _terms(s: Size) -> Terms:
    return s._terms if isinstance(s, Dim) else {(): s}


__all__ = ["factored", "factors"]
