r"""Sums of products over indices, in matrices where a person would: Σⱼ Aᵢⱼ xⱼ is A x, Σᵢⱼ Aᵢⱼ Bᵢⱼ is sum(A ⊙ B).

Factors with the same indices are multiplied entry by entry. Then one index after the other is summed: along an axis if
one factor has it, as a matrix product if two vectors or matrices do. Where three matrices share an index, or arrays of
rank 3 meet, the sum stays an Einstein sum.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..graph.node import Node
from ..ops import arithmetic as A
from ..ops import linear as L
from ..ops import movement as M
from .latex_values import Value, elementwise, letters_of, reduced


class _Term(NamedTuple):
    """An array with a letter for each axis; `joins` says that it is a product xᵀ A or A x that goes on: xᵀ A y."""

    node: Node
    letters: tuple[str, ...]
    joins: bool = False


def summed(factors: Sequence[Value], over: Sequence[str]) -> Value:
    """Σ over letters of a product of scalars, whatever letters they have, and at most one array."""
    arrays = [v for v in factors if v.rank]
    plain = len(arrays) < 2 and not any(v.ones or v.kept or (v.rank and set(v.shape) == {1}) for v in factors)
    if not plain:
        product = factors[0] if len(factors) == 1 else elementwise(_times, *factors)
        return reduced(lambda x, axes: M.sum(x, axes), product, over)
    letters_of(factors)  # which must agree
    own = [f" {k}" for v in arrays for k in range(v.rank)]  # no index has a space
    terms = [_Term(v.node, (*v.letters, *(own if v.rank else ()))) for v in factors]
    outside = [t for t in terms if not set(t.letters) & set(over)]
    inside = [t for t in terms if set(t.letters) & set(over)]
    made = _multiplied([*outside, *(_contracted(inside, over) or [_einsum(inside, over)])])
    if not arrays:
        return made
    letters = tuple(i for i in made.letters if i not in own)
    order = [made.axis(i) for i in (*letters, *own)]
    return Value(M.transpose(made.node, order), letters, row=arrays[0].row)


def multiplied(factors: Sequence[Value]) -> Value:
    """A product of scalars with letters: xᵢ yⱼ is the outer product of x and y."""
    plain = not any(v.rank or v.kept or v.local for v in factors)
    if len(factors) > 1 and plain and any(v.letters for v in factors):
        letters_of(factors)
        return _multiplied([_Term(v.node, v.letters) for v in factors])
    return factors[0] if len(factors) == 1 else elementwise(_times, *factors)


def _times(*xs: Node) -> Node:
    out = xs[0]
    for x in xs[1:]:
        out = out * x
    return out


def turned(v: Value, order: Sequence[str], known: Collection[Node]) -> Value:
    """v with its letters in this order where it is a product of vectors or matrices without a name: (A B)ᵀ = Bᵀ Aᵀ."""
    if len(order) != 2 or v.letters != (order[1], order[0]) or v.rank or v.node in known:
        return v
    a, b = v.node.args if len(v.node.args) == 2 else (v.node, v.node)
    if v.node.op is A.MUL and not a.shape:
        inner = turned(replace(v, node=b), order, known)
        return v if inner.letters == v.letters else inner.applied(lambda x: a * x)
    if v.node.op not in (L.OUTER, L.MATMUL):
        return v
    node = L.outer(b, a) if v.node.op is L.OUTER else L.matmul(_flipped(b), _flipped(a))
    return replace(v, node=node, letters=tuple(order))


# Terms ----------------------------------------------------------------------------------------------------------------


def _multiplied(terms: Sequence[_Term]) -> Value:
    """The product without sums, in the order in which it is written."""
    vectors = _merged([t for t in terms if t.letters])
    scalars = [Value(t.node) for t in terms if not t.letters]
    if len(vectors) == 2 and all(len(t.letters) == 1 for t in vectors):
        a, b = vectors
        return elementwise(_times, *scalars, Value(L.outer(a.node, b.node), (*a.letters, *b.letters)))
    return elementwise(_times, *(Value(t.node, t.letters) for t in terms))


def _contracted(terms: Sequence[_Term], over: Sequence[str]) -> list[_Term] | None:
    """The terms without the letters in `over`; None where only an Einstein sum says it."""
    left = list(over)
    terms = list(terms)
    while left:
        terms = _merged(terms)
        once = next((k for k, t in enumerate(terms) if _only(terms, t, left)), None)
        if once is not None:
            gone = _only(terms, terms[once], left)
            terms[once] = _summed_axes(terms[once], gone)
            left = [i for i in left if i not in gone]
            continue
        for i in left:
            found = _joined(terms, i, [k for k in left if k != i])
            if found is not None:
                terms = found
                left.remove(i)
                break
        else:
            if not any(t.joins for t in terms):
                return None
            terms = [t._replace(joins=False) for t in terms]
    return terms


def _merged(terms: Sequence[_Term]) -> list[_Term]:
    """Those with the same letters as one, which is their product entry by entry."""
    found: dict[frozenset[str], int] = {}
    out: list[_Term] = []
    for t in terms:
        k = None if t.joins else found.setdefault(frozenset(t.letters), len(out))
        if k is None or k == len(out):
            out.append(t)
        else:
            out[k] = _product(out[k], t)
    return out


def _product(a: _Term, b: _Term) -> _Term:
    """Entry by entry; the letters of one are among those of the other."""
    if a.node is b.node and a.letters == b.letters:
        return _Term(a.node**2, a.letters)
    v = elementwise(A.MUL, Value(a.node, a.letters), Value(b.node, b.letters))
    return _Term(v.node, v.letters)


def _only(terms: Sequence[_Term], t: _Term, left: Sequence[str]) -> list[str]:
    """The letters that are to be summed and no other term has."""
    return [i for i in left if i in t.letters and not any(i in other.letters for other in terms if other is not t)]


def _summed_axes(t: _Term, gone: Sequence[str]) -> _Term:
    if t.node.op is L.DIAG and t.letters == tuple(gone):  # Σᵢ Aᵢᵢ
        return _Term(L.tr(t.node.args[0]), ())
    axes = tuple(t.letters.index(i) for i in t.letters if i in gone)
    return _Term(M.sum(t.node, axes), tuple(i for i in t.letters if i not in gone))


def _joined(terms: Sequence[_Term], i: str, later: Collection[str]) -> list[_Term] | None:
    """The sum over i of two vectors or matrices that share no other letter; a vector beside both scales one of them."""
    mine = [k for k, t in enumerate(terms) if i in t.letters]
    if any(len(terms[k].letters) > 2 for k in mine):
        return None
    if len(mine) == 3:
        vectors = [k for k in mine if len(terms[k].letters) == 1]
        matrices = [k for k in mine if k not in vectors]
        if len(vectors) != 1:
            return None
        by = next((k for k in matrices if terms[k].letters[1] == i), matrices[0])
        scaled = _product(terms[by], terms[vectors[0]])
        kept = [scaled if k == by else t for k, t in enumerate(terms) if k != vectors[0]]
        return _joined(kept, i, later)
    if len(mine) != 2:
        return None
    a, b = (terms[k] for k in mine)
    if set(a.letters) & set(b.letters) != {i}:
        return None
    made = _matmul(a, b, i, later)
    return [made if k == mine[0] else t for k, t in enumerate(terms) if k != mine[1]]


def _matmul(a: _Term, b: _Term, i: str, later: Collection[str]) -> _Term:
    """The product with the fewest transposes: Aᵀ x where a vector remains, xᵀ A where it is to be multiplied on."""
    if len(a.letters) == len(b.letters) == 1:
        return _Term(L.matmul(a.node, b.node), ())
    if len(a.letters) == 1 or len(b.letters) == 1:
        v, m = (a, b) if len(a.letters) == 1 else (b, a)
        (k,) = (c for c in m.letters if c != i)
        if m.letters == (i, k) and k in later:
            return _Term(L.matmul(v.node, m.node), (k,), joins=True)
        return _Term(L.matmul(_with_last(m, i), v.node), (k,), joins=k in later)
    if (a.letters[1] != i) + (b.letters[0] != i) > (b.letters[1] != i) + (a.letters[0] != i):
        a, b = b, a
    (row,), (column,) = ([c for c in t.letters if c != i] for t in (a, b))
    return _Term(L.matmul(_with_last(a, i), _with_last(b, column)), (row, column))


def _with_last(t: _Term, i: str) -> Node:
    """The matrix whose last axis has the letter."""
    return t.node if t.letters[1] == i else _flipped(t.node)


def _flipped(x: Node) -> Node:
    return x.args[0] if x.op is M.TRANSPOSE and x.ndim == 2 else M.transpose(x) if x.ndim == 2 else x


def _einsum(terms: Sequence[_Term], over: Sequence[str]) -> _Term:
    letters = list(dict.fromkeys(i for t in terms for i in t.letters))
    fresh = dict(zip(letters, L.LETTERS))
    kept = tuple(i for i in letters if i not in over)
    ins = ",".join("".join(fresh[i] for i in t.letters) for t in terms)
    return _Term(L.einsum(f"{ins}->{''.join(fresh[i] for i in kept)}", *[t.node for t in terms]), kept)


__all__ = ["multiplied", "summed", "turned"]
