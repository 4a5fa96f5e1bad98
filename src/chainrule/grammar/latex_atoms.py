r"""The atoms of formulas that are no names: numbers, brackets, fractions, roots, norms, matrices, choices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ..graph.errors import GraphError
from ..graph.node import CONST, Node, constant, size_node, value_of
from ..ops import arithmetic as A
from ..ops import elementary as E
from ..ops import indexing as I
from ..ops import linear as L
from ..ops import movement as M
from ..ops import reduce as R
from .latex_indices import Indices
from .latex_names import written
from .latex_trees import alone, below, head, items, kind, number, others, shape, size, word
from .latex_values import Value, divided, elementwise, ordered, times
from .latex_values import number as scalar

_CONSTANTS = {r"\pi": math.pi, r"\infty": math.inf, "true": True, "false": False, "nan": math.nan}


class Atoms(Indices):
    """Values of atoms with their scripts."""

    def factor(self, tree: Any) -> Value:
        """An atom with its indices, transposes and powers."""
        with self.at(tree):
            if kind(tree) == "complement":
                return self.factor(tree.children[0]).applied(A.NOT)
            found = self.quantity(tree)
            if found is not None:
                return self.raised(*found)
            base, scripts = head(tree)
            rule = self._RULES.get(kind(base), Atoms._named)
            return rule(self, base, scripts)

    def _named(self, base: Any, scripts: list[Any]) -> Value:
        """What a name means that is no quantity: a size, a constant, or nothing."""
        symbol = self.names.size(written(base, below(scripts)) or "")
        if symbol is not None:
            return self.raised(Value(size_node(symbol)), others(scripts))
        if kind(base) == "LETTER" and str(base) == "e" and scripts and kind(scripts[0]) == "sup":
            return self.raised(self.value(alone(scripts[0].children[0])).applied(E.EXP), scripts[1:])
        if kind(base) == "styled" and alone(base.children[1]) == "1":
            return self._ones(scripts)
        if kind(base) == "styled" and alone(base.children[1]) == "I":
            if not below(scripts):
                raise self.error(base, r"the identity matrix needs its size: \mathbf{I}_{n}")
            return self.raised(Value(L.eye(*shape(items(below(scripts)[0]), self.names.sizes))), others(scripts))
        if kind(base) in ("WORD", "COMMAND") and str(base) in _CONSTANTS:
            return self.raised(scalar(_CONSTANTS[str(base)]), scripts)
        raise self.unknown(base)

    def _ones(self, scripts: list[Any]) -> Value:
        if not below(scripts):
            return self.raised(Value(constant([1.0]), ones=True), scripts)
        sizes = shape(items(below(scripts)[0]), self.names.sizes)
        low = below(scripts)[1:]
        return self.raised(Value(M.filled(1.0, sizes)), [*low, *others(scripts)])

    def _number(self, base: Any, scripts: list[Any]) -> Value:
        exponent = number(scripts[0].children[0]) if len(scripts) == 1 and kind(scripts[0]) == "sup" else None
        if base == "10" and isinstance(exponent, int):  # which may be too large for an integer
            return scalar(10**exponent if 0 <= exponent < 16 else float(f"1e{exponent}"))
        return self.raised(scalar(number(base)), scripts)

    def _paren(self, base: Any, scripts: list[Any]) -> Value:
        inside, *more = items(base)
        if more or inside is None or kind(inside) in ("slice", "arrow", "entrywise"):
            raise self.error(base, "these brackets hold one expression; only functions take several arguments")
        low = below(scripts)
        bounds = [t for t in items(low[0]) if kind(t) == "relation"] if len(low) == 1 else []
        for t in bounds:  # (…)_{a<3}: how far a goes
            self.expected[self.letters(t.children[0], strict=True)[0]] = size(t.children[2], self.names.sizes)
        return self._indexed_whole(self.value(inside), scripts, kind(base) == "bracket")

    def _indexed_whole(self, v: Value, scripts: list[Any], square: bool = False) -> Value:
        """[A B]_{ij} is an entry, and so is [a_{ij}]_{ij}; (a_{ij})_{ij} the array of these entries."""
        low = below(scripts)
        if len(low) == 1 and v.letters and not v.rank:
            order = [i for t in items(low[0]) for i in self.letters(t.children[0] if kind(t) == "relation" else t)]
            if sorted(order) == sorted(v.letters):
                v = v if square else Value(ordered(v, order))
                return self.raised(v, others(scripts))
        return self.raised(v, [*low, *others(scripts)])

    def _fraction(self, base: Any, scripts: list[Any]) -> Value:
        _, above, under = base.children
        return self.raised(divided(self.value(alone(above)), self.value(alone(under))), scripts)

    def _root(self, base: Any, scripts: list[Any]) -> Value:
        _, degree, inside = base.children
        v = self.value(alone(inside))
        k = 2 if degree is None else number(degree)
        if not k:
            raise self.error(degree, "the degree of a root is a number")
        return self.raised(v.applied(E.SQRT if k == 2 else lambda x: A.POW(x, 1 / k)), scripts)

    def _bars(self, base: Any, scripts: list[Any]) -> Value:
        return self.raised(self.value(base.children[0]).applied(E.ABS), scripts)

    def _norm(self, base: Any, scripts: list[Any]) -> Value:
        r"""\|x\|, \|x\|_2, \|A\|_F are roots of sums of squares, whose square has no root."""
        v = replace(self.value(base.children[0]), row=False)
        low, powers = below(scripts), others(scripts)
        which = str(alone(low[0].children[0])) if low else "F"
        axes = tuple(range(len(v.letters), v.node.ndim))
        if which == "F" or (which == "2" and v.rank < 2):
            if powers and kind(powers[0]) == "sup" and number(powers[0].children[0]) == 2:
                return self.raised(v.applied(lambda x: M.sum(A.POW(x, 2), axes)), powers[1:])
            v = v.applied(lambda x: R.norm(x, axis=axes))
        elif which == "1" and v.rank < 2:
            v = v.applied(lambda x: M.sum(E.ABS(x), axes))
        elif which == r"\infty" and v.rank < 2:
            v = v.applied(lambda x: R.max(E.ABS(x), axes))
        else:
            raise self.error(base, r"this norm is not known here; of a matrix there is \|A\|_F")
        return self.raised(v, powers)

    def _inner(self, base: Any, scripts: list[Any]) -> Value:
        r"""\langle x, y \rangle is x^\top y, and of arrays the sum of the products of their entries."""
        given = items(base)
        if len(given) != 2 or None in given:
            raise self.error(base, r"a scalar product is of two: \langle x, y \rangle")
        a, b = (replace(self.value(t), row=False) for t in given)
        if a.rank != b.rank or not a.rank:
            raise self.error(base, r"\langle x, y \rangle takes two vectors, or two arrays of the same shape")
        if a.rank == 1:
            return self.raised(times(replace(a, row=True), b), scripts)
        v = elementwise(A.MUL, a, b)
        return self.raised(v.applied(lambda x: M.sum(x, tuple(range(len(v.letters), x.ndim)))), scripts)

    def _floor(self, base: Any, scripts: list[Any]) -> Value:
        return self.raised(Value(size_node(size(base, self.names.sizes))), scripts)

    def _matrix(self, base: Any, scripts: list[Any]) -> Value:
        """One column is a vector."""
        rows = [[self._cell(c, base) for c in cells.children] for cells in base.children[0].children]
        if any(len(r) != len(rows[0]) for r in rows):
            raise self.error(base, "the rows of this matrix differ in length")
        lines = [r[0] for r in rows] if len(rows[0]) == 1 else [_stacked(r) for r in rows]
        return self.raised(Value(_stacked(lines)), scripts)

    def _cell(self, tree: Any, base: Any) -> Node:
        v = None if tree is None else self.value(tree)
        if v is None or v.node.ndim:
            raise self.error(base if tree is None else tree, "the entries of a matrix are scalars")
        return v.node

    def _cases(self, base: Any, scripts: list[Any]) -> Value:
        rows = [cells.children for cells in base.children[0].children if cells.children != [None]]
        *choices, last = rows or [[None]]
        if None in last or (len(last) == 2 and word(alone(last[1])) not in ("otherwise", "else")) or len(last) > 2:
            raise self.error(base, r"the last row says what holds otherwise: x & \text{otherwise}")
        out = self.value(last[0])
        for row in reversed(choices):
            if len(row) != 2 or None in row:
                raise self.error(base, r"a row holds a value and its condition: x & \text{if } x > 0")
            out = elementwise(A.WHERE, self.value(row[1]), self.value(row[0]), out)
        return self.raised(out, scripts)

    def _dots(self, base: Any, scripts: list[Any]) -> Value:
        raise self.error(base, "dots leave something out: write it all, as d.latex(unfold=True) does")

    def _evaluated(self, base: Any, scripts: list[Any]) -> Value:
        raise self.error(base, "a derivative at fixed quantities has no value here")

    _RULES: ClassVar[dict[str, Callable[[Atoms, Any, list[Any]], Value]]] = {
        "NUMBER": _number, "paren": _paren, "bracket": _paren, "fraction": _fraction, "root": _root, "bars": _bars,
        "group": lambda self, base, scripts: self._indexed_whole(self.value(base.children[0]), scripts),
        "norm": _norm, "inner": _inner, "floor": _floor, "matrix": _matrix, "cases": _cases, "DOTS": _dots,
        "evaluated": _evaluated,
    }  # fmt: skip


def _stacked(nodes: Sequence[Node]) -> Node:
    if all(n.op is CONST for n in nodes):
        return constant([value_of(n) for n in nodes])
    return I.stack(nodes)


def nested(tree: Any) -> Any:
    r"""\left[1, \left[2, 3\right]\right] as a list."""
    tree = alone(tree)
    if kind(tree) == "bracket":
        return [nested(t) for t in items(tree)]
    value = {"true": True, "false": False}.get(str(tree), number(tree))
    if value is None:
        raise GraphError("an array holds numbers")
    return value


__all__ = ["Atoms", "nested"]
