"""Vectorising: the same graph for many inputs at once, which lie along extra axes in front.

Where an input of shape T is replaced by one of shape B + T, a result of shape S becomes one of shape B + S. What does
not depend on a replaced input stays as it is, without the axes B. A rule of the table says how an operation acts then:

    @batching(SUM)
    def rule(n, prefix, x): ...       # n as it was; B; the arguments, with B in front where they have it

Operations that work entry by entry need no rule. One without a rule is replaced by its meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..graph.dims import Shape, shape_text, total
from ..graph.errors import InternalError, MissingRule, ShapeError
from ..graph.node import REAL, Node, constant
from ..graph.table import Table
from ..ops.arithmetic import EQUAL, WHERE
from ..ops.convolution import CONV, CONV_INPUT, CONV_KERNEL
from ..ops.indexing import ARANGE, CONCATENATE, GATHER, ONE_HOT, PAD, PUT, SCATTER, SLICE, STACK, TAKE
from ..ops.linear import DIAG, EINSUM, EYE, LETTERS, MATMUL, OUTER, TRACE
from ..ops.movement import (
    BROADCAST,
    EXPAND,
    FLIP,
    RESHAPE,
    SQUEEZE,
    SUM,
    TRANSPOSE,
    expand_axes,
    squeeze_axes,
    swapaxes,
    transpose,
)
from ..ops.reduce import ARGMAX, LOG_SOFTMAX, LOGSUMEXP, MAX, MEAN, MIN, NORM, SOFTMAX, VAR

Rule = Callable[..., Node]
"""(node, prefix, *arguments) -> the node of shape prefix + node.shape"""

batching = Table("batching")


def batch(roots: Iterable[Node], given: Mapping[Node, Node], prefix: Shape) -> list[Node]:
    """`roots` with each node of `given` replaced by one whose shape has `prefix` in front.

    result[i, …] is the root computed with given[i, …]; every answer has the shape prefix + root.shape.
    Raises MissingRule for an operation with neither a rule nor a meaning, ShapeError for a replacement that does not
    fit.

    >>> from chainrule.graph.node import leaf
    >>> x, many, W = leaf("x", ("n",)), leaf("X", ("k", "n")), leaf("W", ("m", "n"))
    >>> [y] = batch([W @ x], {x: many}, many.shape[:1])
    >>> y.shape
    (Dim(k), Dim(m))
    """
    roots = list(roots)
    for old, new in given.items():
        if new.shape != prefix + old.shape:
            raise ShapeError(f"{new!r} cannot stand for {old!r}: it must be {shape_text(prefix + old.shape)}")
    done = _batched(roots, given, prefix)
    return [_full(done[r], r, prefix) for r in roots]


def _batched(roots: list[Node], given: Mapping[Node, Node], prefix: Shape) -> dict[Node, Node]:
    """What every node below `roots` becomes; itself where it does not depend on `given`."""
    done = dict(given)
    stack = list(roots)
    while stack:
        n = stack[-1]
        if n in done:
            stack.pop()
            continue
        todo = [a for a in n.args if a not in done]
        if todo:
            stack.extend(todo)
            continue
        xs = [done[a] for a in n.args]
        if all(x is a for x, a in zip(xs, n.args)):
            done[n] = n
        elif not prefix:
            done[n] = n.rebuilt(xs)
        elif n.op in batching or n.op.elementwise:
            done[n] = batching.get(n.op, entry_by_entry)(n, prefix, *xs)
            if done[n].shape != prefix + n.shape:
                raise InternalError(f"batching `{n.op}` gave {done[n]!r} for {n!r} and {shape_text(prefix)} in front")
        else:
            through = _meaning(n)
            if through in done:
                done[n] = done[through]
            else:
                stack.append(through)
    return done


def _meaning(n: Node) -> Node:
    if n.op.meaning is None:
        raise MissingRule(
            f"the operation `{n.op.name}` cannot be computed for many inputs at once (a Jacobian needs that): it has "
            f"no meaning in simpler operations; give it one, or a rule: batching[{n.op.name.upper()}] = ..."
        )
    return n.op.meaning(*n.args, **dict(n.attrs))


# What rules are written with ---------------------------------------------------------------------------------------


def again(n: Node, *xs: Node, **changed: Any) -> Node:
    """The operation of `n` on other arguments, with some attributes changed."""
    return n.op(*xs, **(dict(n.attrs) | changed))


def _carries(x: Node, a: Node) -> bool:
    """Whether `x`, which stands for `a`, has the prefix."""
    return x.ndim > a.ndim


def _aligned(x: Node, a: Node, rank: int, prefix: Shape) -> Node:
    """`x` with axes of size 1 after its prefix, up to `rank` axes of its own: then NumPy's rule aligns it."""
    start = len(prefix)
    return expand_axes(x, tuple(range(start, start + rank - a.ndim))) if _carries(x, a) else x


def _full(x: Node, a: Node, prefix: Shape) -> Node:
    """`x` with the prefix, repeated along it if it had none."""
    return x if _carries(x, a) or not prefix else BROADCAST(x, shape=prefix + a.shape)


def entry_by_entry(n: Node, prefix: Shape, *xs: Node) -> Node:
    """Arguments of fewer axes than the result meet it from the right, behind the prefix."""
    return again(n, *[_aligned(x, a, n.ndim, prefix) for x, a in zip(xs, n.args)])


def _shifted(axes: Iterable[int], prefix: Shape) -> tuple[int, ...]:
    return tuple(a + len(prefix) for a in axes)


def _to_back(x: Node, count: int) -> Node:
    """The first `count` axes last."""
    return transpose(x, (*range(count, x.ndim), *range(count)))


def _to_front(x: Node, count: int, at: int | None = None) -> Node:
    """The `count` axes at `at` (the last ones by default) first."""
    at = x.ndim - count if at is None else at
    moved = range(at, at + count)
    return transpose(x, (*moved, *(a for a in range(x.ndim) if a not in moved)))


def _moved(x: Node, source: int, target: int, count: int = 1) -> Node:
    """The `count` axes at `source`, in front of what was at `target` once they are taken out."""
    moved = list(range(source, source + count))
    rest = [a for a in range(x.ndim) if a not in moved]
    return transpose(x, rest[:target] + moved + rest[target:])


def _places(prefix: Shape, rank: int) -> list[Node]:
    """The position along each axis of the prefix, to index together with arrays of shape prefix + `rank` axes."""
    last = len(prefix) + rank
    found = []
    for k, s in enumerate(prefix):
        found.append(expand_axes(ARANGE(of=s), tuple(a for a in range(last) if a != k)))
    return found


# Axes and shapes ---------------------------------------------------------------------------------------------------


@batching(SUM, MEAN, VAR, MAX, MIN, NORM, LOGSUMEXP, SOFTMAX, LOG_SOFTMAX)
def _along_axes(n: Node, prefix: Shape, x: Node) -> Node:
    return again(n, x, axis=_shifted(n.attr("axis"), prefix))


@batching(EXPAND, SQUEEZE, FLIP)
def _on_axes(n: Node, prefix: Shape, x: Node) -> Node:
    return again(n, x, axes=_shifted(n.attr("axes"), prefix))


@batching(TRANSPOSE)
def _transpose(n: Node, prefix: Shape, x: Node) -> Node:
    return TRANSPOSE(x, axes=(*range(len(prefix)), *_shifted(n.attr("axes"), prefix)))


@batching(RESHAPE)
def _reshape(n: Node, prefix: Shape, x: Node) -> Node:
    return RESHAPE(x, shape=prefix + n.shape)


@batching(BROADCAST)
def _broadcast(n: Node, prefix: Shape, x: Node) -> Node:
    return BROADCAST(_aligned(x, n.args[0], n.ndim, prefix), shape=prefix + n.shape)


@batching(ARGMAX)
def _argmax(n: Node, prefix: Shape, x: Node) -> Node:
    return again(n, x, axis=n.attr("axis") + len(prefix))


@batching(ONE_HOT)
def _one_hot(n: Node, prefix: Shape, labels: Node) -> Node:
    return again(n, labels)


@batching(SLICE)
def _slice(n: Node, prefix: Shape, x: Node) -> Node:
    zeros, ones = (0,) * len(prefix), (1,) * len(prefix)
    return SLICE(x, start=zeros + n.attr("start"), stop=prefix + n.attr("stop"), step=ones + n.attr("step"))


@batching(PAD)
def _pad(n: Node, prefix: Shape, x: Node) -> Node:
    zeros = (0,) * len(prefix)
    return PAD(x, **{k: zeros + n.attr(k) for k in ("before", "after", "gap")})


@batching(CONCATENATE, STACK)
def _join(n: Node, prefix: Shape, *xs: Node) -> Node:
    return again(n, *[_full(x, a, prefix) for x, a in zip(xs, n.args)], axis=n.attr("axis") + len(prefix))


# Contractions ------------------------------------------------------------------------------------------------------


@batching(MATMUL)
def _matmul(n: Node, prefix: Shape, a: Node, b: Node) -> Node:
    left, right = n.args
    one_a, one_b = not _carries(a, left), not _carries(b, right)
    if right.ndim == 1 and one_b:  # many A, one x
        return MATMUL(a, b)
    if left.ndim == 1 and one_a:  # one x, many A
        return MATMUL(b, a) if right.ndim == 1 else MATMUL(a, b)
    if left.ndim == right.ndim == 1:
        return SUM(a * b, axis=(len(prefix),), keepdims=False)
    if right.ndim == 1 and left.ndim == 2 and one_a:  # one A, many x: they are the rows of a matrix, X Aᵀ
        return MATMUL(b, transpose(a))
    if left.ndim == 1 and right.ndim == 2 and one_b:  # X A
        return MATMUL(a, b)
    rank = max(left.ndim, right.ndim, 2)
    drop = []
    if left.ndim == 1:  # a vector on the left is a row
        a = EXPAND(a, axes=(a.ndim - 1,))
        drop.append(-2)
    if right.ndim == 1:  # on the right, a column
        b = EXPAND(b, axes=(b.ndim,))
        drop.append(-1)
    a, b = (
        expand_axes(x, tuple(range(len(prefix), len(prefix) + rank - max(old.ndim, 2)))) if _carries(x, old) else x
        for x, old in ((a, left), (b, right))
    )
    y = MATMUL(a, b)
    return squeeze_axes(y, tuple(y.ndim + k for k in drop))


@batching(OUTER)
def _outer(n: Node, prefix: Shape, a: Node, b: Node) -> Node:
    return EXPAND(a, axes=(a.ndim,)) * EXPAND(b, axes=(b.ndim - 1,))


@batching(TRACE)
def _trace(n: Node, prefix: Shape, x: Node) -> Node:
    front = LETTERS[1 : 1 + len(prefix)]
    return EINSUM(x, spec=f"{front}aa->{front}")


@batching(DIAG)
def _diag(n: Node, prefix: Shape, x: Node) -> Node:
    if n.ndim == 1:  # the diagonal of a matrix
        front = LETTERS[1 : 1 + len(prefix)]
        return EINSUM(x, spec=f"{front}aa->{front}a")
    at = ARANGE(of=n.shape[0])  # a choice, for 0 · ∞ would be no zero
    return WHERE(EQUAL(EXPAND(at, axes=(1,)), at), EXPAND(x, axes=(x.ndim,)), 0.0 if n.kind == REAL else constant(0))


@batching(EINSUM)
def _einsum(n: Node, prefix: Shape, *xs: Node) -> Node:
    """The prefix gets letters of its own."""
    spec = n.attr("spec")
    free = [c for c in LETTERS if c not in spec]
    if len(free) < len(prefix):
        raise ShapeError(f"there are no letters left for {len(prefix)} more axes in einsum({spec!r})")
    front = "".join(free[: len(prefix)])
    ins, out = spec.split("->")
    parts = [front + p if _carries(x, a) else p for p, x, a in zip(ins.split(","), xs, n.args)]
    return EINSUM(*xs, spec=f"{','.join(parts)}->{front}{out}")


# Convolutions: the leading axes of images are a batch already; a prefix of the other argument joins its channels. Where
# both have it, what the kernel sees is written out, by a kernel that copies each entry to a channel of its own


@batching(CONV, CONV_INPUT)
def _conv(n: Node, prefix: Shape, x: Node, w: Node) -> Node:
    old_x, old_w = n.args
    if not _carries(w, old_w):
        return again(n, x, w)
    if not _carries(x, old_x):
        channels = 2 if n.op is CONV_INPUT else 3  # those of the result
        return _apart(again(n, x, _joined(w, channels, prefix)), n.ndim - 1, n, prefix)
    kernel = RESHAPE(w, shape=(*prefix, total(old_w.shape[:3]), old_w.shape[3]))
    if n.op is CONV:
        return RESHAPE(MATMUL(_patches(n, x, old_w.shape, prefix), kernel), shape=prefix + n.shape)
    start = len(prefix)
    rows = MATMUL(x, expand_axes(swapaxes(kernel, -1, -2), tuple(range(start, start + old_x.ndim - 2))))
    return again(n, rows, _copying(old_w.shape))


@batching(CONV_KERNEL)
def _conv_kernel(n: Node, prefix: Shape, x: Node, g: Node) -> Node:
    old_x, old_g = n.args
    if not _carries(g, old_g):
        return _apart(again(n, _joined(x, old_x.ndim - 1, prefix), g), 2, n, prefix)
    if not _carries(x, old_x):
        return _apart(again(n, x, _joined(g, old_g.ndim - 1, prefix)), 3, n, prefix)
    slopes = RESHAPE(g, shape=(*prefix, total(old_g.shape[:-1]), old_g.shape[-1]))
    return RESHAPE(MATMUL(swapaxes(_patches(n, x, n.shape, prefix), -1, -2), slopes), shape=prefix + n.shape)


def _joined(x: Node, axis: int, prefix: Shape) -> Node:
    """The prefix made part of the axis in place `axis` behind it."""
    rest = x.shape[len(prefix) :]
    shape = *rest[:axis], total(prefix) * rest[axis], *rest[axis + 1 :]
    return RESHAPE(_moved(x, 0, axis, len(prefix)), shape=shape)


def _apart(y: Node, axis: int, n: Node, prefix: Shape) -> Node:
    """The prefix taken out of an axis again, of what has the shape of `n` otherwise."""
    return _moved(RESHAPE(y, shape=(*n.shape[:axis], *prefix, *n.shape[axis:])), axis, 0, len(prefix))


def _copying(kernel: Shape) -> Node:
    """A kernel that gives each entry under it a channel of its own."""
    many = total(kernel[:3])
    return RESHAPE(EYE(of=many), shape=(*kernel[:3], many))


def _patches(n: Node, x: Node, kernel: Shape, prefix: Shape) -> Node:
    """What a kernel sees, a row for each position in each image."""
    seen = CONV(x, _copying(kernel), stride=n.attr("stride"))
    return RESHAPE(seen, shape=(*prefix, total(seen.shape[len(prefix) : -1]), seen.shape[-1]))


# Selections: where the positions differ too, the place along the prefix is one more coordinate ---------------------


@batching(TAKE)
def _take(n: Node, prefix: Shape, x: Node, i: Node) -> Node:
    old, positions = n.args
    axis, many = n.attr("axis"), len(prefix)
    if not _carries(i, positions):
        return TAKE(x, i, axis=axis + many)
    if not _carries(x, old):
        return _to_front(TAKE(x, i, axis=axis), many, at=axis)
    y = GATHER(_moved(x, axis + many, many), *_places(prefix, positions.ndim), i)  # prefix, positions, the rest
    return _moved(y, many, many + axis, positions.ndim)


@batching(PUT)
def _put(n: Node, prefix: Shape, g: Node, i: Node) -> Node:
    old, positions = n.args
    axis, many = n.attr("axis"), len(prefix)
    if not _carries(i, positions):
        return again(n, g, i, axis=axis + many)
    g = _moved(_full(g, old, prefix), axis + many, many, positions.ndim)  # prefix, positions, the rest
    rest = n.shape[:axis] + n.shape[axis + 1 :]
    y = SCATTER(g, *_places(prefix, positions.ndim), i, shape=(*prefix, n.shape[axis], *rest))
    return _moved(y, many, many + axis)


@batching(GATHER)
def _gather(n: Node, prefix: Shape, x: Node, *i: Node) -> Node:
    old, *positions = n.args
    if not any(map(_carries, i, positions)):
        return _to_front(GATHER(_to_back(x, len(prefix)), *i), len(prefix))
    rank = max(p.ndim for p in positions)
    i = tuple(_aligned(k, p, rank, prefix) for k, p in zip(i, positions))
    return GATHER(x, *_places(prefix, rank), *i) if _carries(x, old) else GATHER(x, *i)


@batching(SCATTER)
def _scatter(n: Node, prefix: Shape, g: Node, *i: Node) -> Node:
    old, *positions = n.args
    if not any(map(_carries, i, positions)):
        return _to_front(SCATTER(_to_back(g, len(prefix)), *i, shape=n.shape + prefix), len(prefix))
    rank = max(p.ndim for p in positions)
    i = tuple(_aligned(k, p, rank, prefix) for k, p in zip(i, positions))
    return SCATTER(_full(g, old, prefix), *_places(prefix, rank), *i, shape=prefix + n.shape)


__all__ = ["Rule", "again", "batch", "batching", "entry_by_entry"]
