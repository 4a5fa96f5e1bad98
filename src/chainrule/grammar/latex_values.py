r"""What a part of a formula stands for: an array some of whose axes are written as indices.

The axes with letters come first, the array's own after them: [X]_{i,:} is a row of X for each i. So every operation
on arrays works for each value of the indices, and entries are scalars that depend on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..graph.dims import Size
from ..graph.errors import ShapeError
from ..graph.node import Node, constant
from ..graph.node import number as number_of
from ..ops import arithmetic as A
from ..ops import linear as L
from ..ops import movement as M


@dataclass(frozen=True)
class Value:
    """node     the array; its first axes are those of `letters`
    row      a vector that was transposed
    ones     𝟏 without a size: a vector of ones as long as its neighbour asks
    local    [P]_{i, y_i} beside arrays: an array itself, whose letter is its own
    kept     letters that leave an axis of size 1 behind when they are summed, with its place: [A]_{:,j→1}
    """

    node: Node
    letters: tuple[str, ...] = ()
    row: bool = False
    ones: bool = False
    local: bool = False
    kept: tuple[tuple[str, int], ...] = ()

    @property
    def rank(self) -> int:
        """Of the array, without the indices."""
        return self.node.ndim - len(self.letters)

    @property
    def shape(self) -> tuple[Size, ...]:
        return self.node.shape[len(self.letters) :]

    @property
    def sizes(self) -> dict[str, Size]:
        return dict(zip(self.letters, self.node.shape))

    def axis(self, letter: str) -> int:
        return self.letters.index(letter)

    def applied(self, f: Callable[[Node], Any]) -> Value:
        """A function of each entry."""
        return replace(self, node=f(self.node), ones=False)


def number(x: Any) -> Value:
    return Value(constant(x))


def letters_of(values: Iterable[Value]) -> dict[str, Size]:
    """The letters of several values with their sizes, which must agree."""
    found: dict[str, Size] = {}
    for v in values:
        for letter, size in v.sizes.items():
            if found.setdefault(letter, size) != size:
                raise ShapeError(
                    f"the index {letter} runs over {found[letter]} in one place and over {size} in another"
                )
    return found


def whole(v: Value) -> Value:
    """[P]_{i, y_i} as the vector that it is for all i."""
    return Value(v.node) if v.local else v


def _together(values: Sequence[Value]) -> tuple[Value, ...]:
    """A letter of its own is one only beside others that have it."""
    arrays = any(v.rank and not v.ones for v in values)
    others = [set(v.letters) for v in values if v.letters]

    def apart(v: Value) -> bool:
        return v.local and (arrays or any(o.isdisjoint(v.letters) for o in others))

    return tuple(whole(v) if apart(v) else v for v in values)


def elementwise(op: Callable[..., Any], *values: Value) -> Value:
    """An operation entry by entry: letters meet letters, and arrays are broadcast."""
    values = _together(values)
    if any(v.letters and not v.rank for v in values):  # an array of size 1 needs no index
        values = tuple(entries(v, ()) if not v.letters and set(v.shape) == {1} else v for v in values)
    values = tuple(_settled(v, values) for v in values)
    columns = {v.row for v in values if v.rank == 1}
    if len(columns) > 1:
        raise ShapeError("a row and a column meet: vectors are columns, and ᵀ makes rows of them")
    rank = max(v.rank for v in values)
    letters = tuple(letters_of(values))
    nodes = [_spread(v, letters, rank) for v in values]
    kept = {place: None for v in values for place in v.kept}
    local = any(v.local for v in values) and all(v.local or not v.letters for v in values)
    return Value(op(*nodes), letters, row=rank == 1 and True in columns, local=local, kept=tuple(kept))


def _settled(v: Value, others: Sequence[Value]) -> Value:
    """𝟏 beside a vector is a vector, row or column as that is."""
    if not v.ones:
        return v
    row = next((o.row for o in others if o.rank == 1 and not o.ones), v.row)
    return replace(v, row=row)


def _spread(v: Value, letters: tuple[str, ...], rank: int) -> Node:
    """The node with an axis for each letter and `rank` more, those that it lacks of size 1."""
    if not v.letters:
        return v.node  # broadcasting puts the letters in front
    held = [i for i in letters if i in v.letters]
    own = range(len(v.letters), v.node.ndim)
    x = M.transpose(v.node, [*(v.axis(i) for i in held), *own])
    new = [k for k, i in enumerate(letters) if i not in v.letters]
    new += [len(letters) + k for k in range(rank - v.rank)]
    return M.expand_dims(x, new) if new else x


def ordered(v: Value, letters: Sequence[str]) -> Node:
    """The array with its indices in this order, before its own axes."""
    return M.transpose(v.node, [*map(v.axis, letters), *range(len(v.letters), v.node.ndim)])


def transposed(v: Value, axes: Sequence[int] | None = None) -> Value:
    """A column becomes a row; of matrices the last two axes are exchanged, or all are put in the order `axes`."""
    v = whole(v)
    first = len(v.letters)
    if v.rank == 0:
        return v
    if v.rank == 1:
        return replace(v, row=not v.row)
    order = list(axes) if axes is not None else [*range(v.rank - 2), v.rank - 1, v.rank - 2]
    return replace(v, node=M.transpose(v.node, [*range(first), *(first + k for k in order)]))


def times(a: Value, b: Value) -> Value:
    """Two arrays side by side: the matrix product, of which aᵀ b and a bᵀ are cases."""
    a, b = _together((a, b))
    if a.rank == 0 or b.rank == 0:
        return elementwise(A.MUL, a, b)
    if a.ones or b.ones:
        return _with_ones(a, b)
    if a.rank == b.rank == 1:
        if a.row == b.row:
            raise ShapeError(
                f"two {'rows' if a.row else 'columns'} stand side by side: their scalar product is aᵀ b, their outer "
                f"product a bᵀ, and a ⊙ b multiplies entry by entry"
            )
        return _contracted(a, b, "k,k->") if a.row else _contracted(a, b, "i,j->ij")
    if a.rank == 1 and not a.row:
        raise ShapeError("a column stands before a matrix; aᵀ B is a row")
    if b.rank == 1 and b.row:
        raise ShapeError("a row stands after a matrix; A b is a column, without ᵀ")
    if not a.letters and not b.letters:
        return Value(L.matmul(a.node, b.node), row=a.rank == 1)
    if max(a.rank, b.rank) > 2:
        raise ShapeError("batches of matrices are multiplied entry by entry here: write all their indices")
    left, right = ("k" if a.rank == 1 else "ik"), ("k" if b.rank == 1 else "kj")
    return replace(_contracted(a, b, f"{left},{right}->{(left + right).replace('k', '')}"), row=a.rank == 1)


def _with_ones(a: Value, b: Value) -> Value:
    """𝟏ᵀ sums over the first axis of what follows it, 𝟏 over the last of what stands before it."""
    if a.ones and b.ones:
        raise ShapeError(r"nothing tells how long these 𝟏 are: write \mathbf{1}_{n}")
    if a.ones:
        if a.row and not b.row:
            return replace(_summed_axis(b, -min(b.rank, 2)), row=b.rank == 2)
        if b.rank == 1 and b.row and not a.row:  # 𝟏 bᵀ: the same row again and again
            return replace(b, node=M.expand_dims(b.node, b.node.ndim - 1), row=False)
    elif not b.row and (a.rank > 1 or a.row):
        return _summed_axis(a, -1)
    elif b.row and a.rank == 1 and not a.row:
        return replace(a, node=M.expand_dims(a.node, a.node.ndim))
    raise ShapeError("𝟏ᵀ stands before what it sums, 𝟏 after it; a 𝟏ᵀ and 𝟏 bᵀ repeat a column and a row")


def _summed_axis(v: Value, axis: int) -> Value:
    return replace(v, node=M.sum(v.node, axis), row=False)


def _contracted(a: Value, b: Value, spec: str) -> Value:
    """An Einstein sum over the arrays' own axes, for each value of the letters."""
    letters = letters_of((a, b))
    if not letters:
        if spec == "k,k->":
            return Value(L.matmul(a.node, b.node))
        return Value(L.outer(a.node, b.node) if spec == "i,j->ij" else L.einsum(spec, a.node, b.node))
    if spec == "k,k->" and not (a.letters and b.letters):  # wᵀ x_i for each i is X w
        many, one = (a, b) if a.letters else (b, a)
        return Value(L.matmul(many.node, one.node), tuple(letters))
    fresh = dict(zip(letters, (c for c in L.LETTERS if c not in "ijk")))
    ins, out = spec.split("->")
    left, right = ("".join(fresh[i] for i in v.letters) + own for v, own in zip((a, b), ins.split(",")))
    return Value(L.einsum(f"{left},{right}->{''.join(fresh.values())}{out}", a.node, b.node), tuple(letters))


def divided(a: Value, b: Value) -> Value:
    """a / b entry by entry; of two numbers, the number."""
    above, below = number_of(a.node), number_of(b.node)
    if above is not None and below and not a.letters and not b.letters:
        return number(above / below)
    return elementwise(A.DIV, a, b)


def reduced(f: Callable[[Node, tuple[int, ...]], Node], v: Value, over: Sequence[str]) -> Value:
    """A reduction over the axes of some letters."""
    letters = tuple(i for i in v.letters if i not in over)
    node = f(v.node, tuple(v.axis(i) for i in over))
    for letter, place in v.kept:
        if letter in over:
            node = M.expand_dims(node, len(letters) + place)
    return Value(node, letters, kept=tuple(p for p in v.kept if p[0] not in over))


def entries(v: Value, at: Sequence[str | None]) -> Value:
    """Letters for the axes of an array; those with None stay. A letter that stands twice runs along the diagonal.

    Where there are fewer letters than axes, those of size 1 have none, or else the last.
    """
    ones = [k for k, s in enumerate(v.shape, len(v.letters)) if s == 1]
    if ones and len(at) == v.rank - len(ones):
        v = replace(v, node=M.squeeze(v.node, ones), row=False)
    at = [*at, *[None] * (v.rank - len(at))]  # x_i of a matrix is a row
    if len(at) != v.rank:
        raise ShapeError(f"{len(at)} indices for {v.rank} axes")
    front = len(v.letters)
    named = [i for i in at if i is not None]
    twice = {i for i in named if named.count(i) > 1 or i in v.letters}
    if twice:
        return _diagonal(v, at)
    order = [*range(front), *(front + k for k, i in enumerate(at) if i is not None)]
    order += [front + k for k, i in enumerate(at) if i is None]
    return replace(v, node=M.transpose(v.node, order), letters=(*v.letters, *named), row=False)


def _diagonal(v: Value, at: Sequence[str | None]) -> Value:
    letters = list(dict.fromkeys([*v.letters, *(i for i in at if i is not None)]))
    if v.node.ndim == 2 and len(letters) == 1:  # A_{ii}
        return Value(L.diag(v.node), tuple(letters))
    free = iter(L.LETTERS)
    mine = {i: next(free) for i in letters}
    axes = [mine[i] if i is not None else next(free) for i in (*v.letters, *at)]
    out = [mine[i] for i in letters] + [c for c, i in zip(axes, (*v.letters, *at)) if i is None]
    return Value(L.einsum(f"{''.join(axes)}->{''.join(out)}", v.node), tuple(letters))


def fitted(v: Value, sizes: Mapping[str, Size], order: Sequence[str]) -> Node:
    """The array of the entries, an axis for each letter in `order`; along those that v lacks it is repeated."""
    missing = [i for i in order if i not in v.letters]
    node = ordered(v, [i for i in order if i in v.letters])
    if not missing:
        return node
    node = M.expand_dims(node, [k for k, i in enumerate(order) if i in missing])
    return M.broadcast_to(node, tuple(sizes[i] if i in missing else s for i, s in zip(order, node.shape)))


__all__ = [
    "Value", "divided", "elementwise", "entries", "fitted", "letters_of", "number", "ordered", "reduced", "times",
    "transposed", "whole",
]  # fmt: skip
