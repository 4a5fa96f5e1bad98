"""Selecting entries, and putting them back: each pair is one operation and its adjoint.

`slice` and `pad` (zeros around and between), `take` and `put` (by position along an axis), `gather` and `scatter`
(by coordinates). Positions are integers and have no derivative.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ..graph.dims import Shape, shape_text, size
from ..graph.errors import KindError, ShapeError
from ..graph.node import BOOLEAN, INTEGER, OPERATORS, REAL, Kind, Node, Op, node, promote
from .axes import axis_of, broadcast
from .movement import expand_axes, flip, reshape, same, squeeze_axes


def _slice_shape(x: Shape, *, start: Shape, stop: Shape, step: tuple[int, ...]) -> Shape:
    sizes = tuple((b - a + s - 1) // s for a, b, s in zip(start, stop, step))
    for axis, n in enumerate(sizes):
        if isinstance(n, int) and n < 1:  # of a symbolic size it is seen when arrays are given
            raise ShapeError(f"the slice {start[axis]}:{stop[axis]} of axis {axis} is empty")
    return sizes


def _pad_shape(x: Shape, *, before: Shape, after: Shape, gap: tuple[int, ...]) -> Shape:
    return tuple(b + n + (n - 1) * k + a for n, b, a, k in zip(x, before, after, gap))


def _slice_vjp(g: Node, y: Node, x: Node, *, start: Shape, stop: Shape, step: tuple[int, ...]) -> list[Node]:
    after = tuple(n - (a + (m - 1) * s + 1) for n, m, a, s in zip(x.shape, y.shape, start, step))
    return [PAD(g, before=start, after=after, gap=tuple(s - 1 for s in step))]


def _pad_vjp(g: Node, y: Node, x: Node, *, before: Shape, after: Shape, gap: tuple[int, ...]) -> list[Node]:
    stop = tuple(n - a for n, a in zip(y.shape, after))
    return [SLICE(g, start=before, stop=stop, step=tuple(k + 1 for k in gap))]


def _positions(*kinds: Kind, **attrs: object) -> Kind:
    if any(k != INTEGER for k in kinds[1:]):
        raise KindError('positions must be integers; declare such an input as "int[n]"')
    return kinds[0]


def _labels(i: Kind, **attrs: object) -> Kind:
    if i != INTEGER:
        raise KindError('labels must be integers; declare such an input as "int[n]"')
    return REAL


def _common(*kinds: Kind, **attrs: object) -> Kind:
    return kinds[0] if len(set(kinds)) == 1 else promote(*kinds)


def _concat_shape(*shapes: Shape, axis: int) -> Shape:
    rest = {s[:axis] + s[axis + 1 :] for s in shapes}
    if len(rest) > 1:
        raise ShapeError(f"apart from axis {axis} the shapes must agree")
    along = shapes[0][axis]
    for s in shapes[1:]:
        along = along + s[axis]
    return shapes[0][:axis] + (along,) + shapes[0][axis + 1 :]


def _concat_vjp(g: Node, y: Node, *xs: Node, axis: int) -> list[Node]:
    parts: list[Node] = []
    at: Any = 0
    for x in xs:
        start: list[Any] = [0] * g.ndim
        stop: list[Any] = list(g.shape)
        start[axis], stop[axis] = at, at + x.shape[axis]
        parts.append(SLICE(g, start=tuple(start), stop=tuple(stop), step=(1,) * g.ndim))
        at = stop[axis]
    return parts


SLICE = Op("slice", shape=_slice_shape, kind=same, vjp=_slice_vjp)
PAD = Op("pad", shape=_pad_shape, kind=same, vjp=_pad_vjp)
TAKE = Op(
    "take", shape=lambda x, i, *, axis: x[:axis] + i + x[axis + 1 :], kind=_positions,
    vjp=lambda g, y, x, i, *, axis: [PUT(g, i, axis=axis, size=x.shape[axis]), None],
)  # fmt: skip
PUT = Op(
    "put", shape=lambda g, i, *, axis, size: g[:axis] + (size,) + g[axis + len(i) :], kind=_positions,
    vjp=lambda h, y, g, i, *, axis, size: [TAKE(h, i, axis=axis), None],
)  # fmt: skip
GATHER = Op(
    "gather", shape=lambda x, *i: broadcast(*i) + x[len(i) :], kind=_positions,
    vjp=lambda g, y, x, *i: [SCATTER(g, *i, shape=x.shape), *[None] * len(i)],
)  # fmt: skip
SCATTER = Op(
    "scatter", shape=lambda g, *i, shape: shape, kind=_positions,
    vjp=lambda h, y, g, *i, shape: [GATHER(h, *i), *[None] * len(i)],
)  # fmt: skip
CONCATENATE = Op("concatenate", shape=_concat_shape, kind=_common, vjp=_concat_vjp)
STACK = Op(
    "stack",
    shape=lambda *shapes, axis: _concat_shape(*[s[:axis] + (1,) + s[axis:] for s in shapes], axis=axis),
    kind=_common,
    meaning=lambda *xs, axis: CONCATENATE(*[expand_axes(x, (axis,)) for x in xs], axis=axis),
)
ONE_HOT = Op("one_hot", shape=lambda i, *, classes: (*i, classes), kind=_labels, vjp=lambda g, y, i, *, classes: [None])
ARANGE = Op("arange", shape=lambda *, of: (of,), kind=INTEGER)


def take(x: Any, indices: Any, axis: int | None = None) -> Node:
    """The entries of `x` at integer positions along `axis`, as ``numpy.take``; without an axis, of the flat `x`.

    ∂: each cotangent back to its position, summed where a position is taken twice.
    """
    x = node(x)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    return TAKE(x, indices, axis=axis_of(axis, x.ndim))


def one_hot(labels: Any, num_classes: Any) -> Node:
    """1 at each label, 0 elsewhere: int[n] → (n, `num_classes`). Labels must lie in 0 … num_classes − 1.

    Labels are integers and have no derivative.

    >>> import chainrule as cr
    >>> cr.compile(cr.trace(lambda y: cr.one_hot(y, 3), y="int[n]"))(y=[2, 0])
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    classes = size(num_classes)
    if isinstance(classes, int) and classes < 1:
        raise ShapeError(f"one_hot needs at least one class, not {classes}")
    return ONE_HOT(labels, classes=classes)


def arange(n: Any) -> Node:
    """0, 1, …, n − 1; `n` is a number, a symbol's name or a size: ``P[cr.arange(P.shape[0]), y]`` picks by row.

    Integers: no derivative.
    """
    return ARANGE(of=size(n))


def concatenate(arrays: Sequence[Any], axis: int = 0) -> Node:
    """Arrays joined along an axis they have, as ``numpy.concatenate``. ∂: the cotangent, cut apart again."""
    nodes = [node(a) for a in arrays]
    if not nodes:
        raise ShapeError("concatenate needs at least one array")
    ranks = {n.ndim for n in nodes}
    if len(ranks) > 1:
        raise ShapeError(
            f"concatenate: the arrays have {' and '.join(map(str, sorted(ranks)))} axes; stack makes a new axis"
        )
    return nodes[0] if len(nodes) == 1 else CONCATENATE(*nodes, axis=axis_of(axis, ranks.pop()))


def stack(arrays: Sequence[Any], axis: int = 0) -> Node:
    """Arrays of one shape joined along a new axis, as ``numpy.stack``. ∂: the cotangent, cut apart again."""
    nodes = [node(a) for a in arrays]
    if not nodes:
        raise ShapeError("stack needs at least one array")
    return STACK(*nodes, axis=axis_of(axis, nodes[0].ndim + 1))


def pad(x: Any, pad_width: Any) -> Node:
    """Zeros before and after each axis, as ``numpy.pad``: an integer, (before, after), or one such pair per axis.

    ∂: the cotangent without what was added.

    >>> import chainrule as cr
    >>> cr.compile(cr.trace(lambda x: cr.pad(x, (1, 2)), x="n"))(x=[5.0, 6.0])
    array([0., 5., 6., 0., 0.])
    """
    x = node(x)
    if not isinstance(pad_width, (tuple, list)):
        pad_width = (pad_width, pad_width)
    if pad_width and not isinstance(pad_width[0], (tuple, list)):
        pad_width = [pad_width] * x.ndim
    if len(pad_width) != x.ndim or any(len(pair) != 2 for pair in pad_width):
        raise ShapeError(f"pad_width must give (before, after) for each of the {x.ndim} axes of {shape_text(x.shape)}")
    before, after = (tuple(size(pair[k]) for pair in pad_width) for k in (0, 1))
    if any(isinstance(s, int) and s < 0 for s in before + after):
        raise ShapeError("cannot pad by a negative number; slice to cut entries off")
    return PAD(x, before=before, after=after, gap=(0,) * x.ndim)


# x[...] ------------------------------------------------------------------------------------------------------------


def getitem(x: Node, index: Any) -> Node:
    """NumPy's basic indexing (integers, slices, None, ...), and integer nodes as positions.

    One integer node selects along its axis (`take`); several, on the first axes, select by coordinates: ``P[rows, y]``.
    """
    index = list(index) if isinstance(index, tuple) else [index]
    index = [i if i is None or i is ... or isinstance(i, slice) else _position(i) for i in index]
    used = sum(i is not None and i is not ... for i in index)
    if used > x.ndim or sum(i is ... for i in index) > 1:
        indices = "1 index" if used == 1 else f"{used} indices"
        axes = f"{x.ndim} {'axis' if x.ndim == 1 else 'axes'}, {shape_text(x.shape)}"
        raise ShapeError(f"{indices} for {f'an array with {axes}' if x.ndim else 'a scalar, which has no entries'}")
    at = next((k for k, i in enumerate(index) if i is ...), len(index))
    index[at : at + 1] = [slice(None)] * (x.ndim - used)

    start, stop, step, flips, drop, new, positions = [], [], [], [], [], [], []
    axis = 0
    for i in index:
        if i is None:
            new.append(axis - len(drop) + len(new))
            continue
        n = x.shape[axis]
        if isinstance(i, slice):
            a, b, s, back = _range(i, n, axis)
            if back:
                flips.append(axis)
        elif isinstance(i, Node):
            a, b, s = 0, n, 1
            positions.append((axis, i))
        else:
            a, b, s = _at(i, n, axis), _at(i, n, axis) + 1, 1
            drop.append(axis)
        start.append(a)
        stop.append(b)
        step.append(s)
        axis += 1
    if positions and (new or drop):
        raise ShapeError("an index mixes integer nodes with None or fixed integers; index in two steps: x[i][rows]")
    y = flip(x, flips) if flips else x
    if (tuple(start), tuple(stop)) != ((0,) * x.ndim, x.shape) or set(step) - {1}:
        y = SLICE(y, start=tuple(start), stop=tuple(stop), step=tuple(step))
    if len(positions) > 1:
        if [a for a, _ in positions] != list(range(len(positions))):
            raise ShapeError("several integer nodes must index the first axes; transpose first")
        return GATHER(y, *[i for _, i in positions])
    if positions:
        return TAKE(y, positions[0][1], axis=positions[0][0])
    return expand_axes(squeeze_axes(y, tuple(drop)), tuple(new))


def _position(i: Any) -> Any:
    """An index as an int, a size, or an integer node."""
    if hasattr(i, "symbols"):
        return i
    if isinstance(i, bool):
        raise KindError(
            "True and False cannot be indices; write x[None] for a new axis, cr.where(c, x, 0) for a choice"
        )
    if not isinstance(i, (Node, list, range)) and not getattr(i, "shape", ()):
        try:
            return operator.index(i)
        except TypeError:
            raise KindError(f"{i!r} cannot be an index; integers, slices, None, ... and integer nodes can") from None
    i = node(i)
    if i.kind == BOOLEAN:
        raise KindError("a mask would give a result of unknown size; keep the shape with cr.where(mask, x, 0)")
    return i


def _at(i: Any, n: Any, axis: int) -> Any:
    if isinstance(i, int) and isinstance(n, int) and not -n <= i < n:
        raise ShapeError(f"index {i} is out of range for axis {axis} of size {n}")
    return n + i if isinstance(i, int) and i < 0 else i


def _range(i: slice, n: Any, axis: int) -> tuple[Any, Any, int, bool]:
    """start, stop, step > 0, and whether the axis is to be reversed first."""
    step = 1 if i.step is None else operator.index(i.step)
    if step == 0:
        raise ShapeError("a slice's step cannot be 0")
    if isinstance(n, int) and all(e is None or isinstance(e, int) for e in (i.start, i.stop)):
        a, b, _ = i.indices(n)
        if len(range(a, b, step)) == 0:
            raise ShapeError(f"the slice {_slice_text(i)} of axis {axis}, of size {n}, is empty")
        return (a, b, step, False) if step > 0 else (n - 1 - a, n - 1 - b, -step, True)
    if step < 0:
        if i.start is not None or i.stop is not None:
            raise ShapeError(f"on an axis of symbolic size {n} only [::{step}] can run backwards")
        return 0, n, -step, True
    a, b = (e if e is None or not isinstance(e, int) or e >= 0 else n + e for e in (i.start, i.stop))
    return size(0 if a is None else a), size(n if b is None else b), step, False


def _slice_text(i: slice) -> str:
    return ":".join(
        "" if e is None else str(e) for e in ((i.start, i.stop) if i.step is None else (i.start, i.stop, i.step))
    )


OPERATORS["getitem"] = getitem
