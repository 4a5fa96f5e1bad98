r"""Indices that are sums, as convolutions have them: x_{2i+a}, and sums over \sum_{2i+a=p}.

Such an index is one letter until the sizes of its parts are known; then a factor 𝟙[2i + a = p] ties them together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..graph.dims import Size
from ..graph.errors import ShapeError
from ..graph.node import Node
from ..ops import indexing as I
from ..ops import movement as M
from .latex_trees import alone, factors_of, kind, number
from .latex_values import Value


class Sum(str):
    """An index such as 2i+a, with its terms ((2, "i"), (1, "a"))."""

    terms: tuple[tuple[int, str], ...]


def index_sum(tree: Any) -> Sum | None:
    """The tree as a sum of indices, each with a whole number before it; None if it is none."""
    tree = alone(tree)
    parts = tree.children if kind(tree) == "sum" else [tree]
    terms = []
    for part in parts:
        if kind(part) == "PLUS":
            continue
        *scale, letter = factors_of(alone(part))
        times = 1 if not scale else number(scale[0])
        if len(scale) > 1 or kind(letter) != "LETTER" or not isinstance(times, int):
            return None
        terms.append((times, str(letter)))
    if len(terms) == 1 and terms[0][0] == 1:
        return None
    found = Sum("+".join(f"{'' if k == 1 else k}{i}" for k, i in terms))
    found.terms = tuple(terms)
    return found


def resolved(
    factors: Sequence[Value], equations: Sequence[tuple[Sum, str]], expected: Mapping[str, Size]
) -> tuple[list[Value], list[str]]:
    """The factors with one more for each sum of indices, and these sums, to be summed over."""
    sizes: dict[str, Size] = dict(expected)
    for v in factors:
        sizes |= v.sizes
    ties, over = [], []
    for v in factors:
        for i in v.letters:
            if isinstance(i, Sum) and i not in over:
                _fit(i, sizes)
                ties.append(_tie(i, i, sizes))
                over.append(str(i))
    for left, right in equations:
        missing = [i for _, i in left.terms if i not in sizes]
        if missing:
            raise ShapeError(f"nothing that is summed has the index {missing[0]}")
        if right not in sizes:
            sizes[right] = _largest(left, sizes) + 1
        ties.append(_tie(left, right, sizes))
    return [*factors, *ties], over


def _largest(index: Sum, sizes: Mapping[str, Size]) -> Size:
    out: Size = 0
    for k, i in index.terms:
        if i in sizes:
            out = out + k * (sizes[i] - 1)
    return out


def _fit(index: Sum, sizes: dict[str, Size]) -> None:
    """One index of the sum may be of unknown size: it goes as far as the axis does."""
    unknown = [(k, i) for k, i in index.terms if i not in sizes]
    if len(unknown) > 1:
        raise ShapeError(f"nothing says how far {' and '.join(i for _, i in unknown)} go in the index {index}")
    for k, i in unknown:
        sizes[i] = (sizes[index] - 1 - _largest(index, sizes)) // k + 1


def _tie(index: Sum, whole: str, sizes: Mapping[str, Size]) -> Value:
    """𝟙[2i + a = p] as an array with an axis for each of i, a and p."""
    rank = len(index.terms)
    place: Node | None = None
    for axis, (k, i) in enumerate(index.terms):
        steps = M.expand_dims(k * I.arange(sizes[i]), [a for a in range(rank) if a != axis])
        place = steps if place is None else place + steps
    return Value(I.one_hot(place, sizes[whole]), (*(i for _, i in index.terms), str(whole)))


__all__ = ["Sum", "index_sum", "resolved"]
