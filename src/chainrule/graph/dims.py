"""Sizes: integers, or integer polynomials in named symbols, in normal form, so that `==` decides equality.

>>> n, h = symbol("n"), symbol("h")
>>> print(2 * n * h + 3)
2·n·h + 3
>>> (n + h) ** 2 - n**2 == h * (h + 2 * n), n - n
(True, 0)

A size that turns out to be a number is a plain `int`. Division by a number rounds down, and is normal too,
so a convolution's output has one size however it is written; division by a size has to be exact.

>>> (h - 3) // 2 + 1 == (h - 1) // 2, 6 * n * h // (2 * h)
(True, Dim(3·n))
"""

from __future__ import annotations

import operator
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, total_ordering
from math import gcd, prod
from numbers import Integral
from typing import SupportsIndex, TypeAlias

from .errors import ShapeError
from .terms import LATEX, PYTHON, TEXT, Floor, Monomial, Style, Terms, rank, written


@total_ordering
class Dim:
    """A size that is not a number: a polynomial in symbols and floors. Made by `symbol` and arithmetic only.

    >>> n = symbol("n")
    >>> n * (n - 1), (n + 1) // 2, (n + 1).symbols
    (Dim(n² - n), Dim(⌊(n + 1)/2⌋), frozenset({'n'}))
    """

    __slots__ = ("_hash", "_terms")
    _terms: Terms
    _hash: int | None
    __array_ufunc__ = None  # NumPy's integers leave `np.int64(2) * n` to us

    def __init__(self, terms: Terms):
        self._terms, self._hash = terms, None  # the hash waits: most sums are intermediate

    @property
    def symbols(self) -> frozenset[str]:
        """The names this size is made of, those inside floors too."""
        atoms = {atom for monomial in self._terms for atom in monomial}
        return frozenset().union(*(Dim(a.inner).symbols if isinstance(a, Floor) else {a} for a in atoms))

    def __eq__(self, other: object) -> bool:
        return self is other or (self._terms == other._terms if isinstance(other, Dim) else NotImplemented)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._terms.items()))
        return self._hash

    def __deepcopy__(self, memo: object = None) -> Dim:
        return self

    __copy__ = __deepcopy__

    def __reduce__(self):  # without the hash, which is another one in another process
        return Dim, (self._terms,)

    def __add__(self, other: Size) -> Size:
        return _size(_add_to(dict(self._terms), _terms(other))) if isinstance(other, _SIZE) else NotImplemented

    def __sub__(self, other: Size) -> Size:
        return _size(_add_to(dict(self._terms), _terms(other), -1)) if isinstance(other, _SIZE) else NotImplemented

    def __rsub__(self, other: int) -> Size:
        return _size(_add_to(_terms(other), self._terms, -1)) if isinstance(other, _SIZE) else NotImplemented

    def __mul__(self, other: Size) -> Size:
        if not isinstance(other, _SIZE):
            return NotImplemented
        product: Terms = {}
        for m, c in self._terms.items():
            _add_to(product, _terms(other), c, m)
        return _size(product)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Dim:
        return Dim({m: -c for m, c in self._terms.items()})

    def __pow__(self, exponent: int) -> Size:
        if not isinstance(exponent, int):
            return NotImplemented
        if exponent < 0:
            raise ShapeError(f"a size has no negative powers: ({self}) ** {exponent}")
        power: Size = 1
        for bit in f"{exponent:b}":
            power = power * power * (self if bit == "1" else 1)
        return power

    def __floordiv__(self, other: Size) -> Size:
        if isinstance(other, Dim):
            return divide_exactly(self, other)
        if not isinstance(other, _SIZE):
            return NotImplemented
        if other == 0:
            raise ShapeError(f"cannot divide the size {self} by 0")
        return _floor(self._terms, int(other)) if other > 0 else -self // -other

    def __rfloordiv__(self, other: int) -> Size:
        return divide_exactly(other, self) if isinstance(other, _SIZE) else NotImplemented

    def __mod__(self, other: Size) -> Size:
        return self - other * (self // other) if isinstance(other, _SIZE) else NotImplemented

    def __lt__(self, other: Size) -> bool:
        if not isinstance(other, _SIZE):
            return NotImplemented
        if isinstance(difference := self - other, Dim):
            raise ShapeError(
                f"cannot order the sizes {self} and {other}: which is larger depends on "
                f"{', '.join(sorted(difference.symbols))}. Give these as integers to compare"
            )
        return difference < 0

    def __index__(self) -> int:
        raise ShapeError(
            f"the size {self} is symbolic: it is an integer only once arrays are given. "
            f"Use it in arithmetic and in shapes, or trace with integer sizes"
        )

    __int__ = __index__

    def __str__(self) -> str:
        return written(self._terms, TEXT)[0]

    def __repr__(self) -> str:
        return f"Dim({self})"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


Size: TypeAlias = int | Dim
Shape: TypeAlias = tuple[Size, ...]
_SIZE = (Dim, int, Integral)  # NumPy's integers are Integral


# Making sizes


def symbol(name: str) -> Dim:
    """The size called `name`.

    >>> symbol("n")
    Dim(n)
    """
    # Python reads µ (micro) and μ (mu) as one identifier, so we do. It also allows · in names; it is our product sign.
    normal = unicodedata.normalize("NFKC", name) if isinstance(name, str) else ""
    if not normal.isidentifier() or "·" in normal:
        raise ShapeError(f"the name of a size has to be an identifier such as n, hid or d_1, not {name!r}")
    return _called(normal)


@lru_cache(maxsize=4096)
def _called(name: str) -> Dim:
    """One object for a name, so that comparing shapes mostly ends at identity."""
    return Dim({(name,): 1})


def size(x: SupportsIndex | str) -> Size:
    """A size from an integer (NumPy's too), a name or a size.

    >>> size(3), size("n")
    (3, Dim(n))
    """
    if isinstance(x, Dim):
        return x
    if isinstance(x, str):
        return symbol(x)
    try:
        return int(operator.index(x))
    except TypeError:
        raise ShapeError(f'a size is an integer, a name such as "n" or a sum or product of these, not {x!r}') from None


def sum_of(sizes: Iterable[Size]) -> Size:
    """The sum, in time linear in all the terms; `sum` would copy what it has so far at each step.

    >>> sum_of(symbol("n") * k for k in range(4))
    Dim(6·n)
    """
    terms: Terms = {}
    for x in sizes:
        _add_to(terms, _terms(x))
    return _size(terms)


def total(shape: Iterable[Size]) -> Size:
    """How many elements an array of this shape has.

    >>> total((symbol("n"), 3)), total(())
    (Dim(3·n), 1)
    """
    return prod(shape)


def _size(terms: Terms) -> Size:
    """Into normal form: no zeros, and numbers are plain integers."""
    if 0 in terms.values():
        terms = {m: c for m, c in terms.items() if c}
    if not terms:
        return 0
    return terms[()] if len(terms) == 1 and () in terms else Dim(terms)


def _terms(x: Size) -> Terms:
    return x._terms if isinstance(x, Dim) else {(): operator.index(x)}


def _add_to(terms: Terms, more: Terms, c: int = 1, m: Monomial = ()) -> Terms:
    """terms += c · m · more, in place."""
    for monomial, coefficient in more.items():
        key = tuple(sorted(m + monomial)) if m and monomial else m or monomial
        terms[key] = terms.get(key, 0) + c * coefficient
    return terms


# Division


def divide_exactly(p: Size, q: Size) -> Size:
    """The size s with p = q·s; a `ShapeError` if there is none.

    >>> n, h = symbol("n"), symbol("h")
    >>> divide_exactly(n * n - h * h, n + h)
    Dim(n - h)
    """
    if q == 0:
        raise ShapeError(f"cannot divide the size {p} by 0")
    found = quotient(p, q)
    if found is None:
        raise ShapeError(f"the size {p} is not divisible by {q}")
    return found


def quotient(p: Size, q: Size) -> Size | None:
    """The size s with p = q·s, if there is one; q is not 0."""
    rest, divisor = dict(_terms(p)), _terms(q)
    lead = min(divisor, key=rank)
    found: Terms = {}
    # Long division. `rank` is a graded lexicographic order, which products respect, so if p = q·s then the leading
    # term of q divides the leading term of what is left at every step; once it does not, there is no such s.
    while rest := {m: c for m, c in rest.items() if c}:
        first = min(rest, key=rank)
        m, (c, remainder) = _without(first, lead), divmod(rest[first], divisor[lead])
        if m is None or remainder:
            return None
        found[m] = c
        _add_to(rest, divisor, -c, m)
    return _size(found)


def _without(m: Monomial, divisor: Monomial) -> Monomial | None:
    """m/divisor, if that is a monomial."""
    left = list(m)
    for atom in divisor:
        if atom not in left:
            return None
        left.remove(atom)
    return tuple(left)


def _floor(terms: Terms, k: int) -> Size:
    """⌊terms/k⌋ for k > 0, in normal form. Each rule holds for all integers."""
    # ⌊(k·q + r)/k⌋ = q + ⌊r/k⌋
    whole = _size({m: c // k for m, c in terms.items()})
    rest = {m: c % k for m, c in terms.items() if c % k}
    if not any(rest):  # the rest is a constant below k
        return whole
    # ⌊(g·m + c)/(g·k)⌋ = ⌊(m + ⌊c/g⌋)/k⌋
    g = gcd(k, *(c for m, c in rest.items() if m))
    rest, k = {m: c // g for m, c in rest.items() if c // g}, k // g
    # ⌊(⌊p/a⌋ + q)/k⌋ = ⌊(p + a·q)/(a·k)⌋. Of two inner floors neither is the one to open, so both stay.
    inner = [m for m, c in rest.items() if c == 1 and len(m) == 1 and isinstance(m[0], Floor)]
    if len(inner) == 1 and isinstance(f := inner[0][0], Floor):
        del rest[inner[0]]
        return whole + _floor(_add_to(dict(f.inner), rest, f.by), f.by * k)
    return whole + Dim({(Floor(rest, k),): 1})


# Reading sizes


def symbols_of(shape: Iterable[Size]) -> frozenset[str]:
    """The names that a shape is made of.

    >>> sorted(symbols_of((symbol("n"), 3, symbol("n") + symbol("h"))))
    ['h', 'n']
    """
    return frozenset().union(*(d.symbols for d in shape if isinstance(d, Dim)))


def always_positive(size: Size) -> bool:
    """Whether a size is at least 1 whatever its symbols are, which are at least 1 themselves; False where in doubt.

    >>> n = symbol("n")
    >>> always_positive(2 * n * n + 1), always_positive(n - 1), always_positive(n // 2)
    (True, False, False)
    """
    terms = _terms(size).items()
    return size != 0 and all(c > 0 and not any(isinstance(atom, Floor) for atom in m) for m, c in terms)


def evaluate(size: Size, sizes: Mapping[str, int]) -> int:
    """The integer that a size is once its symbols are.

    >>> evaluate((symbol("n") - 1) // 2, {"n": 8})
    3
    """
    if not isinstance(size, Dim):
        return size

    def value(name: str) -> int:
        if name not in sizes:
            given = ", ".join(f"{k} = {v}" for k, v in sizes.items()) or "no sizes"
            raise ShapeError(f"the size {size} needs a value for {name}; given: {given}")
        try:
            return int(operator.index(sizes[name]))  # not NumPy's integers, which overflow
        except TypeError:
            raise ShapeError(f"the size {name} has to be an integer, not {sizes[name]!r}") from None

    return operator.index(_with(size, value))


def substitute(size: Size, mapping: Mapping[str, Size]) -> Size:
    """The size with some of its symbols replaced, all at once.

    >>> n, h = symbol("n"), symbol("h")
    >>> substitute(n * h // 2, {"n": h, "h": 2 * n})
    Dim(n·h)
    """
    return _with(size, lambda name: mapping[name] if name in mapping else symbol(name))


def _with(size: Size, value: Callable[[str], Size]) -> Size:
    if not isinstance(size, Dim):
        return size

    def atom(a: str) -> Size:
        return _with(Dim(a.inner), value) // a.by if isinstance(a, Floor) else value(a)

    return sum_of(c * total(map(atom, m)) for m, c in size._terms.items())


# Printing


def shape_text(shape: Iterable[Size]) -> str:
    """A shape as Python prints tuples.

    >>> shape_text((symbol("n"), 3)), shape_text((symbol("n"),)), shape_text(())
    ('(n, 3)', '(n,)', '()')
    """
    sizes = [str(d) for d in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def python(d: Size) -> str:
    """A size as a Python expression in variables called like its symbols; `substitute` other names for keywords first.

    >>> python((symbol("H") - 1) // 2 * 3)
    '3*((H + 1)//2) - 3'
    """
    return _written(d, PYTHON)


def latex(d: Size) -> str:
    r"""A size as LaTeX.

    >>> print(latex((symbol("n") + symbol("hid") ** 2) // 2))
    \left\lfloor \frac{\mathrm{hid}^{2} + n}{2} \right\rfloor
    """
    return _written(d, LATEX)


def _written(d: Size, style: Style) -> str:
    return written(d._terms, style)[0] if isinstance(d, Dim) else str(d)
