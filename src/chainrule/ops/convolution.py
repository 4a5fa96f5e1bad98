"""Convolution as deep learning has it, a cross-correlation: three operations of one trilinear form

    T(x, w, g) = Σ x[n, s·i + a, s·j + b, c] · w[a, b, c, o] · g[n, i, j, o]

Each operation is ∂T in one slot, g, w or x, and so the derivatives of each are the other two. Images are (…, height,
width, channels), any number of leading axes being a batch; kernels are (height, width, channels in, channels out);
i and j count the positions at which the kernel fits into the image, s pixels apart. Padding is `pad`'s work.

Where the last positions leave rows over, (h − kh) mod s of them, neither y nor ∂T/∂w tells how many: the gradients in
the image and in the kernel keep the height and the width of what they are the gradient of.
"""

from __future__ import annotations

import operator
from typing import Any

from ..graph.dims import Dim, Shape, Size
from ..graph.errors import ShapeError
from ..graph.node import Node, Op, located, node, promote
from .indexing import pad

IMAGE = "(…, height, width, channels)"
KERNEL = "(height, width, channels in, channels out)"
Pair = tuple[Any, ...]  # of height and width


# Shapes --------------------------------------------------------------------------------------------------------------


def positions(size: Size, kernel: Size, stride: int) -> Size:
    """At how many places the kernel fits along an axis of the image.

    >>> positions(7, 3, 2), positions(8, 3, 2)
    (3, 3)
    """
    return (size - kernel) // stride + 1


def _check_image(x: Shape, what: str = "the image", layout: str = IMAGE) -> None:
    if len(x) < 3:
        raise ShapeError(f"{what} needs at least 3 axes, {layout}, and has {len(x)}; channels come last")


def _check_kernel(w: Shape) -> None:
    if len(w) != 4:
        raise ShapeError(f"the kernel needs 4 axes, {KERNEL}, and has {len(w)}")


def _check_layout(x: Shape, w: Shape) -> None:
    _check_image(x)
    _check_kernel(w)
    if x[-1] == w[2]:
        return
    why = f"the channels differ: {x[-1]} in the image {IMAGE} and {w[2]} in the kernel {KERNEL}"
    if x[-3] == w[2]:
        axes = tuple(range(len(x)))
        why += f"; an image with its channels in front needs cr.transpose(x, {(*axes[:-3], *axes[-2:], axes[-3])})"
    elif x[-1] == w[1] or x[-3] == w[1]:
        why += "; a kernel (channels out, channels in, height, width) needs cr.transpose(w, (2, 3, 1, 0))"
    raise ShapeError(why)


def _fit(size: Pair, kernel: Pair, stride: Pair) -> Pair:
    """The positions along height and width. Symbolic sizes are checked when arrays are given."""
    for whole, part in zip(size, kernel):
        room = whole - part
        if not isinstance(room, Dim) and room < 0:
            raise ShapeError(
                f"the kernel, {kernel[0]} × {kernel[1]}, is larger than the image, {size[0]} × {size[1]}; "
                f'pad the image, as in padding="same"'
            )
    return positions(size[0], kernel[0], stride[0]), positions(size[1], kernel[1], stride[1])


def _conv_shape(x: Shape, w: Shape, *, stride: Pair) -> Shape:
    _check_layout(x, w)
    return (*x[:-3], *_fit(x[-3:-1], w[:2], stride), w[3])


def _check_output(g: Shape, size: Pair, kernel: Pair, stride: Pair) -> None:
    found = _fit(size, kernel, stride)
    if found != g[-3:-1]:
        raise ShapeError(
            f"the kernel, {kernel[0]} × {kernel[1]}, has {found[0]} × {found[1]} positions in the image, "
            f"{size[0]} × {size[1]}, with stride {stride[0]} × {stride[1]}, and the cotangent of the output has "
            f"{g[-3]} × {g[-2]}"
        )


def _kernel_shape(x: Shape, g: Shape, *, size: Pair, stride: Pair) -> Shape:
    _check_image(x)
    _check_image(g, "the cotangent of the output")
    if x[:-3] != g[:-3]:
        raise ShapeError("the leading axes, those of the batch, differ")
    _check_output(g, x[-3:-1], size, stride)
    return (*size, x[-1], g[-1])


def _input_shape(g: Shape, w: Shape, *, size: Pair, stride: Pair) -> Shape:
    _check_image(g, "the cotangent of the output")
    _check_kernel(w)
    if g[-1] != w[3]:
        raise ShapeError(f"the channels differ: {g[-1]} in the output's cotangent and {w[3]} in the kernel {KERNEL}")
    _check_output(g, size, w[:2], stride)
    return (*g[:-3], *size, w[2])


# The operations ------------------------------------------------------------------------------------------------------

CONV = Op(  # y = ∂T/∂g
    "conv2d", shape=_conv_shape, kind=promote,
    vjp=lambda g, y, x, w, *, stride: [
        CONV_INPUT(g, w, size=x.shape[-3:-1], stride=stride),
        CONV_KERNEL(x, g, size=w.shape[:2], stride=stride),
    ],
)  # fmt: skip
CONV_KERNEL = Op(  # ∂T/∂w
    "conv2d_kernel", shape=_kernel_shape, kind=promote,
    vjp=lambda h, y, x, g, *, size, stride: [
        CONV_INPUT(g, h, size=x.shape[-3:-1], stride=stride),
        CONV(x, h, stride=stride),
    ],
)  # fmt: skip
CONV_INPUT = Op(  # ∂T/∂x
    "conv2d_input", shape=_input_shape, kind=promote,
    vjp=lambda h, y, g, w, *, size, stride: [
        CONV(h, w, stride=stride),
        CONV_KERNEL(h, g, size=w.shape[:2], stride=stride),
    ],
)  # fmt: skip


# The functions -------------------------------------------------------------------------------------------------------


def conv2d(x: Any, w: Any, stride: Any = 1, padding: Any = 0) -> Node:
    """The convolution of images with a kernel: y[n,i,j,o] = Σ x[n, s·i + a, s·j + b, c] w[a,b,c,o], over a, b and c.

    x         (…, height, width, channels): a batch, or one image; channels last
    w         (height, width, channels in, channels out)
    stride    s: an integer, or one for height and one for width
    padding   zeros around the image: an integer; (height, width); ((top, bottom), (left, right)); "valid", which is
              none; or "same": as few as make the output ⌈h/s⌉ × ⌈w/s⌉, an odd one below and to the right

    Shapes: (…, h, w, c), (kh, kw, c, o) → (…, ⌊(h − kh)/s⌋ + 1, ⌊(w − kw)/s⌋ + 1, o), where h and w are the padded
    image's. ∂w[a,b,c,o] = Σ x[n, s·i + a, s·j + b, c] g[n,i,j,o], over n, i and j;
    ∂x[n,p,q,c] = Σ g[n,i,j,o] w[a,b,c,o], over all i, j, a, b with s·i + a = p and s·j + b = q, and over o.

    A cross-correlation, as in PyTorch, JAX and TensorFlow: the kernel is not flipped (``scipy.signal.convolve2d``
    flips it). PyTorch puts channels first, in images and kernels. "same" is that of TensorFlow and JAX; with a stride
    above 1 it depends on the image's size, and PyTorch, whose padding is the same on both sides, has none.

    Raises ShapeError where the layouts do not fit or the kernel is larger than the padded image, and for "same" where
    the size of the image is a symbol and the stride exceeds the kernel.

    >>> import chainrule as cr
    >>> g = cr.trace(lambda X, K: cr.conv2d(X, K, stride=2, padding=1), X="n h w 3", K="3 3 3 o")
    >>> print(*g.output.shape)
    n ⌊(h + 1)/2⌋ ⌊(w + 1)/2⌋ o
    >>> blur = cr.compile(cr.trace(lambda x: cr.conv2d(x, [[[[0.5]], [[0.5]]]]), x="h w 1"))
    >>> blur(x=[[[1.], [3.], [5.]]])[..., 0]
    array([[2., 4.]])
    """
    x, w, stride = node(x), node(w), _stride(stride)
    try:
        _check_layout(x.shape, w.shape)
    except ShapeError as error:
        raise located(ShapeError, CONV, (x, w), str(error)) from None
    around = _padding(padding, x.shape[-3:-1], w.shape[:2], stride)
    if any(side != 0 for pair in around for side in pair):
        x = pad(x, [(0, 0)] * (x.ndim - 3) + [*around, (0, 0)])
    return CONV(x, w, stride=stride)


def conv2d_kernel(x: Any, g: Any, size: Any = None, stride: Any = 1) -> Node:
    """∂L/∂w of y = conv2d(x, w), from g = ∂L/∂y: Σ x[n, s·i + a, s·j + b, c] g[n,i,j,o], over n, i and j.

    `size` is the kernel's height and width: by default the largest for which the output has the size of g.
    """
    x, g, stride = node(x), node(g), _stride(stride)
    if size is None and x.ndim > 2 and g.ndim > 2:
        size = largest_kernel(x, g, stride)
    return CONV_KERNEL(x, g, size=_size(size), stride=stride)


def conv2d_input(g: Any, w: Any, size: Any = None, stride: Any = 1) -> Node:
    """∂L/∂x of y = conv2d(x, w), from g = ∂L/∂y: Σ g[n,i,j,o] w[a,b,c,o], where s·i + a = p and s·j + b = q.

    `size` is the image's height and width: by default the smallest for which the output has the size of g.
    """
    g, w, stride = node(g), node(w), _stride(stride)
    if size is None and g.ndim > 2 and w.ndim == 4:
        size = smallest_image(g, w, stride)
    return CONV_INPUT(g, w, size=_size(size), stride=stride)


def largest_kernel(x: Node, g: Node, stride: Pair) -> Pair:
    """The height and width of a kernel whose last position ends where the image `x` does, if g is the output's."""
    (h, w), (i, j) = x.shape[-3:-1], g.shape[-3:-1]
    return h - (i - 1) * stride[0], w - (j - 1) * stride[1]


def smallest_image(g: Node, w: Node, stride: Pair) -> Pair:
    """The height and width of an image that ends where the last position of the kernel does."""
    (i, j), (a, b) = g.shape[-3:-1], w.shape[:2]
    return (i - 1) * stride[0] + a, (j - 1) * stride[1] + b


def _stride(stride: Any) -> Pair:
    try:
        pair = tuple(map(operator.index, stride if isinstance(stride, (tuple, list)) else (stride, stride)))
    except TypeError:
        pair = ()
    if len(pair) != 2 or min(pair) < 1:
        raise ShapeError(
            f"a stride is an integer of at least 1, or one for height and one for width, as in (2, 1); not {stride!r}"
        )
    return pair


def _size(size: Any) -> Pair:
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ShapeError(f"size is the height and the width, as in (3, 3), not {size!r}")
    return tuple(_whole(s) for s in size)  # type: ignore[return-value]


def _whole(s: Any) -> Size:
    return s if isinstance(s, Dim) else operator.index(s)


def _padding(padding: Any, size: Pair, kernel: Pair, stride: Pair) -> tuple[Pair, Pair]:
    """((top, bottom), (left, right))"""
    if isinstance(padding, str):
        if padding == "valid":
            return (0, 0), (0, 0)
        if padding == "same":
            return _same(size[0], kernel[0], stride[0]), _same(size[1], kernel[1], stride[1])
        raise ShapeError(f'padding can be "same" or "valid", not {padding!r}')
    height, width = padding if isinstance(padding, (tuple, list)) and len(padding) == 2 else (padding, padding)
    return _sides(height, padding), _sides(width, padding)


def _sides(side: Any, padding: Any) -> Pair:
    before, after = side if isinstance(side, (tuple, list)) and len(side) == 2 else (side, side)
    try:
        pair = _whole(before), _whole(after)
    except TypeError:
        raise ShapeError(
            f'padding is an integer, (height, width), ((top, bottom), (left, right)), "same" or "valid", '
            f"not {padding!r}"
        ) from None
    if any(isinstance(s, int) and s < 0 for s in pair):
        raise ShapeError(f"padding cannot be negative: {padding!r}; slice the image to cut pixels off")
    return pair


def _same(size: Size, kernel: Size, stride: int) -> Pair:
    """So many zeros that the output has ⌈size/stride⌉ positions; an odd one goes to the end."""
    total = ((size + stride - 1) // stride - 1) * stride + kernel - size  # what the last position lacks
    if isinstance(total, int):
        total = max(total, 0)
    elif stride > 1 and not (isinstance(kernel, int) and kernel >= stride):
        raise ShapeError(
            f'padding="same" with stride {stride} and a kernel of {kernel} depends on whether the size {size} leaves '
            f"a rest: give the sizes as integers, or the padding as numbers"
        )
    return total // 2, total - total // 2


__all__ = ["conv2d"]
