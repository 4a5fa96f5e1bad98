"""Elementwise expressions as rational functions, the normal form of tidying.

A region of +, −, ·, / and whole powers becomes  coefficient · Π factorᵢ^kᵢ / Π factorⱼ^kⱼ, where a factor is an atom (a
named quantity, σ(a), exp(a), a sum, a size, … : opaque) or a polynomial with several terms and no common factor.
Sums are brought to the common denominator and expanded; what all terms share is taken out again. So
−y/ŷ + (1 − y)/(1 − ŷ) becomes (ŷ − y)/(ŷ(1 − ŷ)), and times ŷ(1 − ŷ) it becomes ŷ − y.

A factor is cancelled only if it is provably nonzero: x/x stays as it is unless x is a σ, a softmax, an exp, a size.
But x/x² is 1/x: neither is defined at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import gcd
from typing import TypeAlias

Atom: TypeAlias = int  # its place among the atoms met so far, so that every order is that of the first meeting
Monomial: TypeAlias = tuple[tuple[Atom, int], ...]  # sorted atoms with their powers
Number: TypeAlias = int | Fraction | float


class Poly:
    """Σ coefficient · monomial over atoms. Terms keep the order in which they came."""

    __slots__ = ("_key", "terms")

    def __init__(self, terms: dict[Monomial, Number]):
        self.terms = {m: c for m, c in terms.items() if c != 0}
        self._key = frozenset(self.terms.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Poly) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __add__(self, other: Poly) -> Poly:
        out = dict(self.terms)
        for m, c in other.terms.items():
            out[m] = out.get(m, 0) + c
        return Poly(out)

    def __mul__(self, other: Poly) -> Poly:
        out: dict[Monomial, Number] = {}
        for m, c in self.terms.items():
            for n, d in other.terms.items():
                mn = times(m, n)
                out[mn] = out.get(mn, 0) + c * d
        return Poly(out)

    def scaled(self, k: Number) -> Poly:
        return Poly({m: c * k for m, c in self.terms.items()})


def times(m: Monomial, n: Monomial) -> Monomial:
    """The product of two monomials."""
    if not m or not n:
        return m or n
    powers = dict(m)
    for atom, k in n:
        powers[atom] = powers.get(atom, 0) + k
    return tuple(sorted(((a, k) for a, k in powers.items() if k)))


Factor: TypeAlias = "Atom | Poly"


class Rational:
    """coefficient · Π above^k / Π below^k"""

    __slots__ = ("above", "below", "coefficient")

    def __init__(self, coefficient: Number, above: dict[Factor, int], below: dict[Factor, int]):
        self.coefficient, self.above, self.below = coefficient, above, below

    def negated(self) -> Rational:
        return Rational(-self.coefficient, self.above, self.below)

    def without(self, above: Mapping[Factor, int], below: Mapping[Factor, int]) -> Rational:
        """With these factors taken away, all of which it has."""
        up = {f: k - above.get(f, 0) for f, k in self.above.items()}
        down = {f: k - below.get(f, 0) for f, k in self.below.items()}
        return Rational(self.coefficient, {f: k for f, k in up.items() if k}, {f: k for f, k in down.items() if k})


class Algebra:
    """Arithmetic on rationals; `can_cancel(factor)` says which factors are provably nonzero."""

    def __init__(self, can_cancel: Callable[[Factor], bool]):
        self.can_cancel = can_cancel
        self._met: set[Poly] = set()  # a − b and b − a are one factor, with the sign in which it was met first

    def multiply(self, x: Rational, y: Rational) -> Rational:
        return self._reduced(x.coefficient * y.coefficient, _joined(x.above, y.above), _joined(x.below, y.below))

    def divide(self, x: Rational, y: Rational) -> Rational | None:
        """x / y; None where y is the number 0."""
        if y.coefficient == 0:
            return None
        return self._reduced(_ratio(x.coefficient, y.coefficient), _joined(x.above, y.below), _joined(x.below, y.above))

    def power(self, x: Rational, k: int) -> Rational:
        above, below = ({f: p * k for f, p in part.items()} for part in (x.above, x.below))
        return Rational(x.coefficient**k, above, below)

    def add(self, x: Rational, y: Rational) -> Rational:
        if x.coefficient == 0:
            return y
        if y.coefficient == 0:
            return x
        below = dict(x.below)  # the common denominator
        for f, k in y.below.items():
            below[f] = max(below.get(f, 0), k)
        lacking_x = {f: k - x.below.get(f, 0) for f, k in below.items() if k > x.below.get(f, 0)}
        lacking_y = {f: k - y.below.get(f, 0) for f, k in below.items() if k > y.below.get(f, 0)}
        above_x, above_y = _joined(x.above, lacking_x), _joined(y.above, lacking_y)
        shared = {f: min(k, above_y[f]) for f, k in above_x.items() if f in above_y}
        rest = _expanded(x.coefficient, above_x, shared) + _expanded(y.coefficient, above_y, shared)
        return self._with_poly(rest, shared, below)

    def _with_poly(self, poly: Poly, above: dict[Factor, int], below: dict[Factor, int]) -> Rational:
        if not poly.terms:
            return Rational(0, {}, {})
        coefficient, monomial, primitive = _content(poly)
        above = _joined(above, dict(monomial))
        if primitive is not None:
            mirrored = primitive.scaled(-1)
            if mirrored in self._met:
                coefficient, primitive = -coefficient, mirrored
            self._met.add(primitive)
            for f in list(below):  # a sum may hold a factor of the denominator: (1 − ŷ²)/(1 − ŷ)
                while isinstance(f, Poly) and below.get(f) and self.can_cancel(f):
                    quotient = _divided(primitive, f)
                    if quotient is None:
                        break
                    below = {g: k - (g == f) for g, k in below.items() if k > (g == f)}
                    return self._with_poly(quotient.scaled(coefficient), above, below)
            above = _joined(above, {primitive: 1})
        return self._reduced(coefficient, above, below)

    def _reduced(self, coefficient: Number, above: dict[Factor, int], below: dict[Factor, int]) -> Rational:
        if coefficient == 0:
            return Rational(0, {}, {})
        common = [f for f in above if f in below and (above[f] < below[f] or self.can_cancel(f))]
        if common:
            above, below = dict(above), dict(below)
            for f in common:
                k = min(above[f], below[f])
                above[f] -= k
                below[f] -= k
            above, below = ({f: k for f, k in part.items() if k} for part in (above, below))
        return Rational(coefficient, above, below)


def shared(parts: Sequence[dict[Factor, int]]) -> dict[Factor, int]:
    """The factors that all have, each as often as all have it."""
    return {f: min(p[f] for p in parts) for f in parts[0] if all(f in p for p in parts)}


def _joined(a: dict[Factor, int], b: dict[Factor, int]) -> dict[Factor, int]:
    out = dict(a)
    for f, k in b.items():
        out[f] = out.get(f, 0) + k
    return out


def _ratio(a: Number, b: Number) -> Number:
    if isinstance(a, float) or isinstance(b, float):
        return a / b
    q = Fraction(a) / Fraction(b)
    return q.numerator if q.denominator == 1 else q


def _expanded(coefficient: Number, factors: dict[Factor, int], without: dict[Factor, int]) -> Poly:
    out = Poly({(): coefficient})
    for f, k in factors.items():
        for _ in range(k - without.get(f, 0)):
            out = out * (f if isinstance(f, Poly) else Poly({((f, 1),): 1}))
    return out


def _content(poly: Poly) -> tuple[Number, Monomial, Poly | None]:
    """poly = coefficient · monomial · primitive, the primitive's first term positive; None for a single term."""
    monomials = list(poly.terms)
    shared = dict(monomials[0])
    for m in monomials[1:]:
        powers = dict(m)
        shared = {a: min(k, powers[a]) for a, k in shared.items() if a in powers}
    common = tuple(sorted(shared.items()))
    coefficients = list(poly.terms.values())
    if len(coefficients) == 1:
        return coefficients[0], monomials[0], None
    scale: Number = 1
    if all(isinstance(c, (int, Fraction)) for c in coefficients):
        fractions = [Fraction(c) for c in coefficients]
        top, bottom = 0, 1
        for f in fractions:
            top = gcd(top, f.numerator)
            bottom = bottom * f.denominator // gcd(bottom, f.denominator)
        scale = _ratio(top, bottom)
    elif all(abs(c) == abs(coefficients[0]) for c in coefficients):
        scale = abs(coefficients[0])
    if all(c < 0 for c in coefficients) or (any(c < 0 for c in coefficients) and _leading(poly) < 0):
        scale = -scale
    inverse = tuple((a, -k) for a, k in common)
    primitive = Poly({times(m, inverse): _ratio(c, scale) for m, c in poly.terms.items()})
    return scale, common, primitive


def _leading(poly: Poly) -> Number:
    """The sign convention of a sum with mixed signs: that of its constant term if it has one, else as it stands."""
    return poly.terms.get((), 1)


def _divided(p: Poly, q: Poly) -> Poly | None:
    """p / q where that is a polynomial, else None: division by the leading monomial in a fixed order."""
    places = {a: k for k, a in enumerate(dict.fromkeys(a for poly in (p, q) for m in poly.terms for a, _ in m))}

    def lex(m: Monomial) -> tuple[int, ...]:
        powers = {places[a]: k for a, k in m}
        return (sum(powers.values()), *(powers.get(i, 0) for i in range(len(places))))

    lead = max(q.terms, key=lex)
    inverse = tuple((a, -k) for a, k in lead)
    quotient: dict[Monomial, Number] = {}
    rest = p
    for _ in range(100):
        if not rest.terms:
            return Poly(quotient)
        top = max(rest.terms, key=lex)
        m = times(top, inverse)
        if any(k < 0 for _, k in m):
            return None
        c = _ratio(rest.terms[top], q.terms[lead])
        quotient[m] = quotient.get(m, 0) + c
        rest = rest + (Poly({m: -c}) * q)
    return None
