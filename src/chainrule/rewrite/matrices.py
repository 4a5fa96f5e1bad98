"""Matrix products, transposes and diagonals as linear algebra writes them: A I = A, (A B)ᵀ = Bᵀ Aᵀ, A 1 = row sums.

`MATRIX_RULES` hold in every tidied expression. `AsMatrices` goes further, for Jacobians and Hessians: a product entry
by entry with the identity is a diagonal matrix, a column times a row is an outer product, and rows or columns scaled by
a vector are a product with a diagonal matrix, so that p ⊙ (I − p as a column) reads diag(p) − p pᵀ.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from functools import reduce

from ..graph.node import Node, number
from ..ops.arithmetic import ADD, DIV, MUL, NEG, SUB
from ..ops.linear import DIAG, EINSUM, EYE, MATMUL, OUTER
from ..ops.movement import (
    BROADCAST,
    EXPAND,
    SUM,
    TRANSPOSE,
    filled,
    squeeze_axes,
    stretch,
    swapaxes,
    transpose,
)
from .engine import FiledRule
from .spreads import narrow

_FLIP = (1, 0)


def _transposed(n: Node) -> Node | None:
    """(A B)ᵀ → Bᵀ Aᵀ, (a bᵀ)ᵀ → b aᵀ, (Aᵀ + a bᵀ)ᵀ → A + b aᵀ; a diagonal matrix is its own transpose."""
    (x,) = n.args
    if n.ndim > 2:
        return _each_transposed(n)
    if n.ndim != 2 or n.attr("axes") != _FLIP:
        return None
    if x.op in (ADD, SUB) and x.args[0].shape == x.args[1].shape and any(a.op in (TRANSPOSE, OUTER) for a in x.args):
        return x.op(*[transpose(a) for a in x.args])
    if x.op in (EYE, DIAG):
        return x
    if x.op is OUTER:
        return OUTER(*x.args[::-1])
    if x.op is MATMUL and x.args[0].ndim == x.args[1].ndim == 2:
        return MATMUL(TRANSPOSE(x.args[1], axes=_FLIP), TRANSPOSE(x.args[0], axes=_FLIP))
    return None


def _each_transposed(n: Node) -> Node | None:
    """The same for each matrix of a batch: (A B)ᵀ → Bᵀ Aᵀ"""
    (x,), last = n.args, (n.ndim - 1, n.ndim - 2)
    if x.op is not MATMUL or n.attr("axes") != (*range(n.ndim - 2), *last) or any(a.ndim < 2 for a in x.args):
        return None
    return MATMUL(*[swapaxes(a, -1, -2) for a in x.args[::-1]])


def _product(n: Node) -> Node | None:
    """I A → A, A I → A, xᵀ A → Aᵀ x, A 1 → row sums, 1ᵀ A → column sums"""
    a, b = n.args
    if a.op is EYE and b.shape == n.shape:
        return b
    if b.op is EYE and a.shape == n.shape:
        return a
    if a.ndim == 1 and b.op is TRANSPOSE and b.ndim == 2:
        return MATMUL(b.args[0], a)
    if _ones(b) and (b.ndim == 1 or a.ndim == b.ndim == 2):
        sums = SUM(a, axis=(a.ndim - 1,), keepdims=b.ndim == 2)
        return stretch(sums, n.shape)
    if _ones(a) and (a.ndim == 1 or a.ndim == b.ndim == 2):
        return stretch(SUM(b, axis=(max(b.ndim - 2, 0),), keepdims=False), n.shape)
    return MATMUL(TRANSPOSE(b, axes=_FLIP), a) if a.ndim == 1 and b.ndim == 2 else None


def _ones(x: Node) -> bool:
    return x.op is BROADCAST and number(narrow(x)) == 1 and not narrow(x).shape


def _outer(n: Node) -> Node | None:
    """1 bᵀ and a 1ᵀ repeat a row, a column."""
    a, b = n.args
    if _ones(a):
        return stretch(b, n.shape)
    return BROADCAST(EXPAND(a, axes=(1,)), shape=n.shape) if _ones(b) else None


def _diagonal(n: Node) -> Node | None:
    """diag(1, …, 1) → I; the diagonal of diag(v) → v"""
    (x,) = n.args
    if n.ndim == 2 and _ones(x):
        return EYE(of=x.shape[0])
    return x.args[0] if n.ndim == 1 and x.op is DIAG else None


def _sum_of_outer(n: Node) -> Node | None:
    """Σⱼ aᵢ bⱼ → aᵢ Σⱼ bⱼ"""
    (x,), axis = n.args, n.attr("axis")
    a, b = x.args
    if axis == (1,):
        sums = a * SUM(b, axis=(0,), keepdims=False)
    elif axis == (0,):
        sums = SUM(a, axis=(0,), keepdims=False) * b
    else:
        return None
    return EXPAND(sums, axes=axis) if n.attr("keepdims") else sums


def _sum_of_diagonal(n: Node) -> Node | None:
    """Σⱼ diag(v)ᵢⱼ → vᵢ"""
    (x,), axis = n.args, n.attr("axis")
    if x.ndim != 2 or len(axis) != 1:
        return None
    entries = x.args[0] if x.op is DIAG else filled(1.0, x.shape[:1])
    return EXPAND(entries, axes=axis) if n.attr("keepdims") else entries


def _sum_of_transposed(n: Node) -> Node | None:
    """Σⱼ (Aᵀ)ᵢⱼ → Σⱼ Aⱼᵢ"""
    (x,), axis = n.args, n.attr("axis")
    if x.ndim != 2 or len(axis) != 1:
        return None
    sums = SUM(x.args[0], axis=(1 - axis[0],), keepdims=False)
    return EXPAND(sums, axes=axis) if n.attr("keepdims") else sums


def contraction(n: Node) -> Node | None:
    """einsum("ij,kj->ik", A, B) → A Bᵀ, and every other sum over one index that two vectors or matrices share."""
    spec = n.attr("spec")
    ins, out = spec.split("->")
    parts = ins.split(",")
    if any(len(set(p)) < len(p) or not 1 <= len(p) <= 2 for p in parts):
        return None
    if len(parts) == 1:
        return _one_array(n.args[0], parts[0], out)
    if len(parts) != 2:
        return None
    (a, b), (p, q) = n.args, parts
    shared = [c for c in p if c in q]
    if not shared and len(p) == len(q) == 1:
        return OUTER(a, b) if out == p + q else OUTER(b, a)
    if len(shared) != 1 or shared[0] in out or len(out) != len(p) + len(q) - 2:
        return None
    j = shared[0]
    if out != (p + q).replace(j, ""):
        a, b, p, q = b, a, q, p
    a = TRANSPOSE(a, axes=_FLIP) if len(p) == 2 and p[1] != j else a
    b = TRANSPOSE(b, axes=_FLIP) if len(q) == 2 and q[0] != j else b
    return MATMUL(a, b)


def _one_array(x: Node, p: str, out: str) -> Node | None:
    if out == p:
        return x
    if len(out) == 2:
        return TRANSPOSE(x, axes=_FLIP)
    return SUM(x, axis=tuple(k for k, c in enumerate(p) if c not in out), keepdims=False)


MATRIX_RULES: list[FiledRule] = [
    ((TRANSPOSE,), _transposed, (MATMUL, OUTER, EYE, DIAG, ADD, SUB)),
    ((MATMUL,), _product, None),
    ((OUTER,), _outer, (BROADCAST,)),
    ((SUM,), _sum_of_outer, (OUTER,)),
    ((SUM,), _sum_of_transposed, (TRANSPOSE,)),
    ((SUM,), _sum_of_diagonal, (EYE, DIAG)),
    ((DIAG,), _diagonal, (BROADCAST, DIAG)),
    ((EINSUM,), contraction, None),
]


# Products entry by entry -------------------------------------------------------------------------------------------


@dataclass
class _Quotient:
    """What multiplies and what divides."""

    above: list[Node] = field(default_factory=list)
    below: list[Node] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.above or self.below)

    def node(self) -> Node:
        top = reduce(lambda x, y: x * y, self.above) if self.above else None
        if not self.below:
            assert top is not None
            return top
        return (1 if top is None else top) / reduce(lambda x, y: x * y, self.below)


@dataclass(frozen=True)
class AsMatrices:
    """A matrix that is a product entry by entry, as a sum of products of matrices; None where it is none of these.

    v as a column times A → diag(v) A, A times v as a row → A diag(v), a as a column times b as a row → a bᵀ,
    I ⊙ v → diag(v), diag(u) ⊙ v → diag(u ⊙ v). What is in `known` has a name and stays whole.
    """

    known: Container[Node]

    def __call__(self, n: Node) -> Node | None:
        if n.ndim != 2 or n.op not in (MUL, DIV) or 1 in n.shape:
            return None
        factors = self._factors(n)
        parts = {kind: _Quotient() for kind in ("scalar", "row", "column", "matrix")}
        for side in ("above", "below"):
            for f in getattr(factors, side):
                kind, f = _read(f)
                getattr(parts[kind], side).append(f)
        scalar, row, column, matrix = parts.values()
        if matrix.below or not (row or column):
            return None
        first = matrix.above[0] if len(matrix.above) == 1 else None
        if first is not None and first.op in (ADD, SUB) and first not in self.known:
            found = self._distributed(first, row, column)
        else:
            found = self._product(matrix.above, row, column)
        if found is None:
            return None
        return MUL(scalar.node(), found) if scalar else found

    def _factors(self, n: Node) -> _Quotient:
        factors = _Quotient()
        stack = [(n, factors.above, factors.below)]
        while stack:
            x, up, down = stack.pop()
            if x.op is MUL and (x is n or x not in self.known):
                stack += [(x.args[1], up, down), (x.args[0], up, down)]
            elif x.op is DIV and (x is n or x not in self.known):
                stack += [(x.args[1], down, up), (x.args[0], up, down)]
            else:
                up.append(x)
        return factors

    def _product(self, matrices: list[Node], row: _Quotient, column: _Quotient) -> Node | None:
        diagonals = [m for m in matrices if m.op is EYE or m.op is DIAG]
        rest = [m for m in matrices if m not in diagonals]
        if diagonals:
            vectors = [m.args[0] for m in diagonals if m.op is DIAG] + [DIAG(m) for m in rest]
            return DIAG(_Quotient(vectors + column.above + row.above, column.below + row.below).node())
        if not rest:
            return OUTER(column.node(), row.node()) if row and column else None
        A = reduce(lambda x, y: x * y, rest)
        if row:
            A, row = self._scaled(A, 1, row)
            A = MATMUL(A, DIAG(row.node()))
        if column:
            A, column = self._scaled(A, 0, column)
            A = MATMUL(DIAG(column.node()), A)
        return A

    def _scaled(self, A: Node, side: int, by: _Quotient) -> tuple[Node, _Quotient]:
        """A = B diag(v) scaled once more by u is B scaled by v ⊙ u."""
        if A.op is MATMUL and A not in self.known and A.args[side].op is DIAG and A.args[side] not in self.known:
            return A.args[1 - side], _Quotient([A.args[side].args[0], *by.above], by.below)
        return A, by

    def _distributed(self, total: Node, row: _Quotient, column: _Quotient) -> Node | None:
        """v ⊙ (I − A) → diag(v) − v ⊙ A, where a term is a diagonal matrix and every term is read as a matrix."""
        found: Node | None = None
        diagonal = False
        for sign, term in self._terms(total):
            diagonal = diagonal or any(f.op in (EYE, DIAG) for f in self._factors(term).above)
            above = [term, *_as_columns(column.above), *row.above]
            new = self(_Quotient(above, [*_as_columns(column.below), *row.below]).node())
            if new is None:
                return None
            found = (new if sign > 0 else -new) if found is None else found + new if sign > 0 else found - new
        return found if diagonal else None

    def _terms(self, total: Node) -> Iterator[tuple[int, Node]]:
        stack = [(1, total)]
        while stack:
            sign, x = stack.pop()
            if x in self.known or x.op not in (ADD, SUB, NEG):
                yield sign, x
            elif x.op is NEG:
                stack.append((-sign, x.args[0]))
            else:
                stack += [(-sign if x.op is SUB else sign, x.args[1]), (sign, x.args[0])]


def _read(f: Node) -> tuple[str, Node]:
    """How a factor of a matrix acts, and the scalar, vector or matrix it is."""
    x = narrow(f)
    if not x.shape:
        return "scalar", x
    if x.ndim == 1:
        return "row", x
    if x.shape[0] == 1:
        return "row", squeeze_axes(x, (0,))
    if x.shape[1] == 1:
        return "column", x.args[0] if x.op is EXPAND else squeeze_axes(x, (1,))
    return "matrix", x


def _as_columns(vectors: Iterable[Node]) -> list[Node]:
    return [EXPAND(v, axes=(1,)) for v in vectors]
