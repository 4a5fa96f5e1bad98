"""Rational functions back to nodes, as they are written: numbers and sizes first, then scalars, then arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache, reduce
from typing import Any

from ..graph.dims import Dim, Size, divide_exactly, symbol
from ..graph.errors import ShapeError
from ..graph.node import SIZE, Node, constant, node, size_node
from ..ops.elementary import SQRT
from .rational import Factor, Number, Poly, Rational


class Composer:
    """Writes rationals over `atoms`; `law(node)` simplifies a sum that became a factor."""

    def __init__(self, atoms: Sequence[Node], law: Callable[[Node], Node]):
        self.atoms, self.law = atoms, law

    def node(self, x: Rational) -> Node:
        if x.coefficient == 0:
            return constant(0.0)
        if not x.above and not x.below and isinstance(x.coefficient, int):
            return constant(float(x.coefficient))
        c, above = x.coefficient, dict(x.above)
        if c < 0:  # −(a − b) → b − a
            for f in above:
                signs = {k < 0 for k in f.terms.values()} if isinstance(f, Poly) else set()
                if isinstance(f, Poly) and above[f] == 1 and len(signs) == 2:
                    del above[f]
                    above[f.scaled(-1)] = 1
                    c = -c
                    break
        negative, c = c < 0, abs(c)
        top, bottom = _fraction(c)
        up = self._product(top, above)
        down = self._product(bottom, x.below)
        if down is None:
            return -up if negative else up  # type: ignore[operator]
        return -((1 if up is None else up) / down) if negative else (1 if up is None else up) / down

    def _product(self, c: Number, factors: dict[Factor, int]) -> Node | None:
        count: Size = c if isinstance(c, int) else 1  # 2 · N is a size, 2N
        others: list[tuple[Node, int]] = []
        for f, k in factors.items():
            n = self._factor(f)
            if n.op is SIZE and k > 0 and isinstance(c, int):
                count = count * n.attr("of") ** k
            else:
                others.append((n, k))
        others.sort(key=lambda part: bool(part[0].shape))  # scalars first
        parts = [] if isinstance(c, int) or c == 1 else [node(c)]
        parts += [] if count == 1 else [size_node(count)]
        parts += [f if k == 1 else f.args[0] if f.op is SQRT and k == 2 else f**k for f, k in others]
        return reduce(lambda p, q: p * q, parts) if parts else None

    def _factor(self, f: Factor) -> Node:
        if isinstance(f, int):
            return self.atoms[f]
        terms = sorted(f.terms.items(), key=lambda term: term[1] < 0)  # what is added first, then what is subtracted
        total: Any = None
        for m, c in terms:
            top, bottom = _fraction(abs(c))
            term = self._product(top, {i: k for i, k in m})
            term = constant(1) if term is None else term
            term = term if bottom == 1 else term / bottom
            total = (term if c > 0 else -term) if total is None else total + term if c > 0 else total - term
        return self.law(total)


def _fraction(c: Number) -> tuple[Number, int]:
    return (c.numerator, c.denominator) if isinstance(c, Fraction) else (c, 1)


@lru_cache(maxsize=1024)
def size_factors(of: Size) -> tuple[int, dict[Dim, int]]:
    """(2, {n: 2, h: 1}) for 2n²h; what is no product of symbols stays whole."""
    if isinstance(of, int):
        return of, {}
    powers: dict[Dim, int] = {}
    rest: Size = of
    for name in sorted(of.symbols):
        s = symbol(name)
        while isinstance(rest, Dim) and name in rest.symbols:
            try:
                rest = divide_exactly(rest, s)
            except ShapeError:
                break
            powers[s] = powers.get(s, 0) + 1
    if isinstance(rest, Dim):
        return 1, {of: 1}
    return rest, powers


__all__ = ["Composer", "size_factors"]
