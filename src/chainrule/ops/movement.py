"""Operations that move entries without changing them, and the sums that undo a broadcast.

`broadcast_to` and `sum` are each other's adjoint, as are `expand_dims` and `squeeze`; a transpose undoes itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph.dims import Shape, divide_exactly, shape_text, size, total
from ..graph.errors import KindError, ShapeError
from ..graph.node import OPERATORS, REAL, Kind, Node, Op, constant, node
from .axes import axes_of, axis_of, broadcast, kept, without


def same(*kinds: Kind, **attrs: object) -> Kind:
    """The kind of the first argument: moving changes no entry."""
    return kinds[0]


def reduced(x: Shape, *, axis: tuple[int, ...], keepdims: bool) -> Shape:
    """The shape rule of a reduction."""
    return kept(x, axis) if keepdims else without(x, axis)


def _sum_kind(x: Kind, **attrs: object) -> Kind:
    return REAL if x == REAL else "integer"


def _broadcast_shape(x: Shape, *, shape: Shape) -> Shape:
    if len(x) > len(shape) or broadcast(x, shape) != shape:
        raise ShapeError(f"cannot be broadcast to {shape_text(shape)}")
    return shape


def _expand_shape(x: Shape, *, axes: tuple[int, ...]) -> Shape:
    rest = iter(x)
    return tuple(1 if k in axes else next(rest) for k in range(len(x) + len(axes)))


def _transpose_shape(x: Shape, *, axes: tuple[int, ...]) -> Shape:
    if len(axes) != len(x):
        raise ShapeError(f"has {len(x)} axes, and the order {axes} names {len(axes)}")
    return tuple(x[a] for a in axes)


def _squeeze_shape(x: Shape, *, axes: tuple[int, ...]) -> Shape:
    for a in axes:
        if a >= len(x):
            raise ShapeError(f"there is no axis {a} among {len(x)}")
        if x[a] != 1:
            raise ShapeError(f"axis {a} has size {x[a]}; only axes of size 1 can be dropped")
    return without(x, axes)


def _reshape_shape(x: Shape, *, shape: Shape) -> Shape:
    if total(x) != total(shape):
        raise ShapeError(
            f"has {total(x)} entries and {shape_text(shape)} has {total(shape)}: a reshape keeps their number"
        )
    return shape


SUM = Op(
    "sum", shape=reduced, kind=_sum_kind,
    vjp=lambda g, y, x, *, axis, keepdims: [spread(g, x.shape, axis, keepdims)],
)  # fmt: skip
BROADCAST = Op(
    "broadcast_to", shape=_broadcast_shape, kind=same, vjp=lambda g, y, x, *, shape: [unbroadcast(g, x.shape)]
)
EXPAND = Op("expand_dims", shape=_expand_shape, kind=same, vjp=lambda g, y, x, *, axes: [squeeze_axes(g, axes)])
SQUEEZE = Op("squeeze", shape=_squeeze_shape, kind=same, vjp=lambda g, y, x, *, axes: [expand_axes(g, axes)])
RESHAPE = Op("reshape", shape=_reshape_shape, kind=same, vjp=lambda g, y, x, *, shape: [RESHAPE(g, shape=x.shape)])
TRANSPOSE = Op(
    "transpose", shape=_transpose_shape, kind=same,
    vjp=lambda g, y, x, *, axes: [TRANSPOSE(g, axes=inverse(axes))],
)  # fmt: skip
FLIP = Op("flip", shape=lambda x, *, axes: x, kind=same, vjp=lambda g, y, x, *, axes: [FLIP(g, axes=axes)])


def inverse(axes: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes `axes`."""
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


def expand_axes(x: Node, axes: tuple[int, ...]) -> Node:
    """`x` with new axes of size 1 where the result has `axes`."""
    return EXPAND(x, axes=axes) if axes else x


def squeeze_axes(x: Node, axes: tuple[int, ...]) -> Node:
    """`x` without `axes`, each of size 1."""
    return SQUEEZE(x, axes=axes) if axes else x


def stretch(x: Node, shape: Shape) -> Node:
    """`x` repeated to `shape`, to which it must broadcast; `x` itself where that is its shape."""
    return x if x.shape == shape else BROADCAST(x, shape=shape)


def filled(value: float, shape: Shape) -> Node:
    """A number in every place of `shape`."""
    return stretch(constant(value), shape)


def spread(g: Node, shape: Shape, axis: tuple[int, ...], keepdims: bool) -> Node:
    """A reduction's cotangent, repeated along the axes it reduced."""
    g = g if keepdims else expand_axes(g, axis)
    return stretch(g, shape)


def unbroadcast(g: Node, shape: Shape) -> Node:
    """The adjoint of broadcasting an array of `shape` to g's: sum over every axis along which it was repeated."""
    if g.shape == shape:
        return g
    lead = g.ndim - len(shape)
    ones = tuple(k + lead for k, s in enumerate(shape) if s == 1 and g.shape[k + lead] != 1)
    summed = SUM(g, axis=tuple(range(lead)) + ones, keepdims=False)
    return expand_axes(summed, tuple(k - lead for k in ones))


# The public functions ----------------------------------------------------------------------------------------------


def sum(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Node:
    """The sum over `axis` (all axes by default), as ``numpy.sum``.

    Shapes: (…) → without the summed axes, or with size 1 there if `keepdims`. ∂: the cotangent, repeated.

    >>> import chainrule as cr
    >>> f = cr.compile(cr.trace(lambda x: cr.sum(x, axis=0), x=(2, 3)))
    >>> f(x=[[1., 2., 3.], [10., 20., 30.]])
    array([11., 22., 33.])
    """
    x = node(x)
    return SUM(x, axis=axes_of(axis, x.ndim), keepdims=bool(keepdims))


def broadcast_to(x: Any, shape: Any) -> Node:
    """`x` repeated to `shape`, as ``numpy.broadcast_to``; a size may be a number, a symbol's name or ``X.shape[0]``.

    ∂: the sum over what was repeated. Raises ShapeError if a size other than a literal 1 would have to stretch.
    """
    return stretch(node(x), _shape(shape))


def reshape(x: Any, shape: Any) -> Node:
    """The same entries in another shape, row by row, as ``numpy.reshape``. One size may be -1: the exact quotient.

    ∂: the cotangent in the old shape.
    Raises ShapeError if the number of entries differs, or if -1 would have to stand for a fraction.

    >>> import chainrule as cr
    >>> cr.reshape(cr.trace(lambda x: x * 2, x="n 28 28").output, ("n", -1)).shape
    (Dim(n), 784)
    """
    x, shape = node(x), _shape(shape)
    if shape.count(-1) > 1:
        raise ShapeError("only one size of a reshape can be -1")
    if -1 in shape:
        rest = total(tuple(s for s in shape if s != -1))
        shape = tuple(divide_exactly(total(x.shape), rest) if s == -1 else s for s in shape)
    return x if x.shape == shape else RESHAPE(x, shape=shape)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Node:
    """The axes in another order, reversed by default, as ``numpy.transpose``. A vector is its own transpose.

    ∂: the cotangent, its axes put back.
    """
    x = node(x)
    order = tuple(range(x.ndim))[::-1] if axes is None else tuple(axis_of(a, x.ndim) for a in axes)
    if sorted(order) != list(range(x.ndim)):
        raise ShapeError(f"axes={axes} is no order of the {x.ndim} axes of {shape_text(x.shape)}: name each once")
    return x if order == tuple(range(x.ndim)) else TRANSPOSE(x, axes=order)


def swapaxes(x: Any, a: int, b: int) -> Node:
    """Two axes exchanged, as ``numpy.swapaxes``: ``cr.swapaxes(K, -1, -2)`` transposes each matrix of a batch.

    ∂: the cotangent, exchanged back.
    """
    x = node(x)
    order = list(range(x.ndim))
    i, j = axis_of(a, x.ndim), axis_of(b, x.ndim)
    order[i], order[j] = j, i
    return transpose(x, order)


def expand_dims(x: Any, axis: int | Sequence[int]) -> Node:
    """New axes of size 1 at `axis`, as ``numpy.expand_dims``; ``x[:, None]`` writes the same.

    ∂: the cotangent without them.
    """
    x = node(x)
    new: Any = axis if isinstance(axis, (tuple, list)) else (axis,)
    return expand_axes(x, axes_of(new, x.ndim + len(new)))


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Node:
    """Without the axes of size 1 (or those named), as ``numpy.squeeze``. ∂: the cotangent, with these axes again."""
    x = node(x)
    axes = tuple(k for k, s in enumerate(x.shape) if s == 1) if axis is None else axes_of(axis, x.ndim)
    return squeeze_axes(x, axes)


def flip(x: Any, axis: int | Sequence[int] | None = None) -> Node:
    """The entries in reverse order along `axis`, as ``numpy.flip``. ∂: the cotangent, turned back."""
    x = node(x)
    axes = axes_of(axis, x.ndim)
    return FLIP(x, axes=axes) if axes else x


def _shape(shape: Any) -> Shape:
    if isinstance(shape, str):
        shape = shape.split()
    elif not isinstance(shape, (tuple, list)):
        shape = (shape,)
    if any(isinstance(s, Node) for s in shape):
        raise KindError("a shape is made of sizes, such as 3, 'n' or X.shape[0], not of computed quantities")
    sizes = tuple(size(s) for s in shape)
    for s in sizes:
        if isinstance(s, int) and (s == 0 or s < -1):
            raise ShapeError(f"the shape {shape_text(sizes)} has a size {s}; every size must be at least 1")
    return sizes


OPERATORS["T"] = transpose
