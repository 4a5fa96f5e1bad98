"""Axes and NumPy's broadcasting rule, over symbolic sizes."""

from __future__ import annotations

import operator
from collections.abc import Sequence

from ..graph.dims import Shape
from ..graph.errors import KindError, ShapeError


def axis_of(axis: object, rank: int) -> int:
    """One axis, counted from the front.

    >>> axis_of(-1, 3)
    2
    """
    try:
        k = operator.index(axis)  # type: ignore[arg-type]
    except TypeError:
        raise KindError(f"an axis is an integer, not {axis!r}") from None
    if not -rank <= k < rank:
        raise ShapeError(
            f"axis {k} does not exist: there {'is 1 axis' if rank == 1 else f'are {rank} axes'}"
            if rank
            else f"axis {k}: a scalar has no axes"
        )
    return k % rank


def axes_of(axis: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """The axes a reduction runs over, sorted; None is all of them."""
    if axis is None:
        return tuple(range(rank))
    found = [axis_of(a, rank) for a in (axis if isinstance(axis, (tuple, list)) else (axis,))]
    if len(set(found)) < len(found):
        raise ShapeError(f"axis {axis} names an axis twice")
    return tuple(sorted(found))


def broadcast(*shapes: Shape) -> Shape:
    """NumPy's rule: sizes meet from the right, and only a literal 1 stretches; n against m is an error."""
    first = shapes[0]
    if len(shapes) == 2 and shapes[1] == first:  # by far the usual case
        return first
    if all(s == first for s in shapes):
        return first
    rank = max(map(len, shapes))
    out = []
    for place in range(-rank, 0):
        meet = {s[place] for s in shapes if len(s) >= -place} - {1}
        if len(meet) > 1:
            a, b = sorted(map(str, meet))[:2]
            raise ShapeError(f"the sizes {a} and {b} meet on axis {place} and differ (only a literal 1 stretches)")
        out.append(meet.pop() if meet else 1)
    return tuple(out)


def elementwise(*shapes: Shape, **attrs: object) -> Shape:
    """The shape rule of every elementwise operation."""
    return broadcast(*shapes)


def without(shape: Shape, axes: Sequence[int]) -> Shape:
    """`shape` without the reduced axes."""
    return tuple(s for k, s in enumerate(shape) if k not in axes)


def kept(shape: Shape, axes: Sequence[int]) -> Shape:
    """`shape` with size 1 on the reduced axes."""
    return tuple(1 if k in axes else s for k, s in enumerate(shape))
