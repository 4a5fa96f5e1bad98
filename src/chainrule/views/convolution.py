r"""Convolutions in LaTeX and in text.

In index notation the three of them are sums; i, j, … and all other letters count from 0. For a stride s:

    Y_{ijkl} = \sum_{m,n,p} X_{i,sj+m,sk+n,p} \, W_{mnpl}                       the output
    \frac{\partial L}{\partial W_{ijkl}} = \sum_{m,n,p} X_{m,sn+i,sp+j,k} \, G_{mnpl}   the gradient in the kernel
    \frac{\partial L}{\partial X_{ijkl}} = \sum_{sm+p=j,\,sn+q=k,\,r} G_{imnr} \, W_{pqlr}   in the image: whatever met

The last sum runs over all letters below it that are not on the left, as far as the equations hold. Inside another
convolution, and wherever whole arrays stand, the output is X ⋆ W, the sign of a cross-correlation, with the stride
below where it is not 1; a gradient is the array of its entries, in parentheses with their indices below, as (aᵢⱼ)ᵢⱼ is
a matrix:

    X \star_{s} W
    \left(\sum_{n,i,j} \left[X\right]_{n,\,si+a,\,sj+b,\,c} \cdot \left[G\right]_{n,i,j,o}\right)_{a,b,c,o}
    \left(\sum_{o,\,si+a=p,\,sj+b=q} \left[G\right]_{n,i,j,o} \cdot \left[W\right]_{a,b,c,o}\right)_{n,p,q,c}

An image without a batch has no index n there, one with several leading axes has n₁, n₂, …. With a stride above 1,
a < 3 or p < h says how far an index goes that the shapes of the factors do not tell.
"""

from __future__ import annotations

from ..graph.dims import Dim, Size
from ..graph.dims import latex as size_latex
from ..graph.node import Node
from ..ops import convolution as C
from ..ops.indexing import PAD
from ..ops.movement import BROADCAST
from .entries import Entry, Term, entries
from .notation import ATOM, BIG, FRACTION, PRODUCT, QUOTIENT, TIGHT, Form, Slot, form

# LaTeX, entry by entry -----------------------------------------------------------------------------------------------

Letter = str | None  # of an index; None on an axis of size 1


@entries(C.CONV)
def output(e: Entry) -> Form | None:
    if _inside_another(e):
        return None
    x, w = e.node.args
    (*batch, i, j, o), (s, t) = e.at, e.node.attr("stride")
    term = Term(set(e.used))
    a, b, c = (term.fresh(size) for size in w.shape[:3])
    return _sum([*term.sums], term.entry(x, [*batch, _pixel(s, i, a), _pixel(t, j, b), c]), term.entry(w, [a, b, c, o]))


@entries(C.CONV_KERNEL)
def kernel_gradient(e: Entry) -> Form | None:
    if _inside_another(e):
        return None
    x, g = e.node.args
    (a, b, c, o), (s, t) = e.at, e.node.attr("stride")
    term = Term(set(e.used))
    *batch, i, j = (term.fresh(size) for size in g.shape[:-1])
    seen = [*batch, _pixel(s, i, a), _pixel(t, j, b), c]
    return _sum([*term.sums], term.entry(x, seen), term.entry(g, [*batch, i, j, o]))


@entries(C.CONV_INPUT)
def image_gradient(e: Entry) -> Form | None:
    if _inside_another(e):
        return None
    g, w = e.node.args
    (*batch, p, q, c), (s, t) = e.at, e.node.attr("stride")
    term = Term(set(e.used))
    i, a, rows = _meeting(term, p, g.shape[-3], w.shape[0], s)
    j, b, columns = _meeting(term, q, g.shape[-2], w.shape[1], t)
    o = term.fresh(w.shape[3])
    below = [*rows, *columns, *([o] if o else [])]
    return _sum(below, term.entry(g, [*batch, i, j, o]), term.entry(w, [a, b, c, o]))


def _inside_another(e: Entry) -> bool:
    """Whether the indices are sums already; those of sums of sums nobody can follow."""
    return any("+" in i or i[0].isdigit() for i in e.letters)


def _pixel(stride: int, position: Letter, offset: Letter) -> str:
    """2i+a"""
    scaled = position and f"{'' if stride == 1 else stride}{position}"
    return "+".join(filter(None, (scaled, offset))) or "0"


def _meeting(term: Term, pixel: Letter, positions: Size, kernel: Size, stride: int) -> tuple[Letter, Letter, list[str]]:
    """Letters for the position and the offset, and the equation that makes them meet in the pixel."""
    if pixel is None or (kernel == 1 and stride == 1):
        return pixel, None, []
    i, a = term.fresh(positions), term.fresh(kernel)
    return i, a, [f"{_pixel(stride, i, a)}={pixel}"]


def _sum(below: list[str], first: Entry, second: Entry) -> Form:
    factors = (*_factor(first), r" \, ", *_factor(second))
    return form(BIG, rf"\sum_{{{_joined(below)}}} ", *factors) if below else form(PRODUCT, *factors)


def _factor(e: Entry) -> tuple[str | Slot, ...]:
    """An entry that shows every letter of its own: of what is broadcast, that of the whole array."""
    below = [i for i in e.at if i is not None]
    if len(_differing(e.node)) == len(below):
        return (Slot(e, FRACTION),)
    return r"\left[", Slot(e.node), rf"\right]_{{{_joined(below)}}}"


def _differing(n: Node) -> set[int]:
    """The axes, counted from the last, along which the entries of `n` differ as they are written."""
    axes: set[int] = set()
    stack, met = [n], {n}
    while stack:
        m = stack.pop()
        if m.op is BROADCAST or m.op.elementwise:
            stack += [a for a in m.args if a not in met]
            met.update(m.args)
        else:
            axes |= {k for k in range(-m.ndim, 0) if m.shape[k] != 1}
    return axes


# LaTeX, of whole arrays ----------------------------------------------------------------------------------------------

STAR = QUOTIENT - 1  # binds more than a sum, and in any product it stands in parentheses
_POSITION, _OFFSET, _PIXEL = ("i", "j"), ("a", "b"), ("p", "q")


def star(n: Node) -> Form:
    """X ⋆ W"""
    x, w = n.args
    return form(STAR, Slot(x, FRACTION), _sign(n), Slot(w, FRACTION))


def _sign(n: Node) -> str:
    s, t = n.attr("stride")
    return r" \star " if s == t == 1 else rf" \star_{{{s if s == t else f'{s},{t}'}}} "


def kernel_family(n: Node) -> Form:
    """Σ over all images and positions."""
    x, g = n.args
    batch = _batch(x)
    free = [*_bounded(_OFFSET, n), "c", "o"]
    return _array([*batch, *_POSITION], _entry(x, _seen(n, batch)), _entry(g, [*batch, *_POSITION, "o"]), free)


def image_family(n: Node) -> Form:
    """Σ over the positions and offsets that meet in a pixel."""
    g, w = n.args
    batch = _batch(g)
    meet = [f"{at}={pixel}" for at, pixel in zip(_places(n), _PIXEL)]
    free = [*batch, *_bounded(_PIXEL, n), "c"]
    return _array(["o", *meet], _entry(g, [*batch, *_POSITION, "o"]), _entry(w, [*_OFFSET, "c", "o"]), free)


def _array(summed: list[str], first: tuple[str | Slot, ...], second: tuple[str | Slot, ...], free: list[str]) -> Form:
    opened = rf"\left(\sum_{{{_joined(summed)}}} "
    return form(TIGHT, opened, *first, r" \cdot ", *second, rf"\right)_{{{_joined(free)}}}")


def _entry(x: Node, below: list[str]) -> tuple[str | Slot, ...]:
    return r"\left[", Slot(x), rf"\right]_{{{_joined(below)}}}"


def _joined(letters: list[str]) -> str:
    return (r",\," if any(set(x) & set("+=<") for x in letters) else ",").join(letters)


def _batch(x: Node) -> list[str]:
    """An index for each leading axis."""
    many = x.ndim - 3
    return ["n"] if many == 1 else [f"n_{{{k}}}" for k in range(1, many + 1)]


def _places(n: Node) -> list[str]:
    """The pixel under each offset of the kernel: i + a, or 2i + a."""
    return [f"{'' if s == 1 else s}{i}+{a}" for s, i, a in zip(n.attr("stride"), _POSITION, _OFFSET)]


def _seen(n: Node, batch: list[str]) -> list[str]:
    return [*batch, *_places(n), "c"]


def _bounded(letters: tuple[str, str], n: Node) -> list[str]:
    """With a stride of 1 the other sizes tell this one."""
    return [x if s == 1 else f"{x}<{size_latex(size)}" for x, s, size in zip(letters, n.attr("stride"), n.attr("size"))]


# Text ----------------------------------------------------------------------------------------------------------------


def call(n: Node) -> Form:
    """``conv2d(x, w, stride=2, padding=1)``; the padding is told where its result has no name."""
    x, w = n.args
    settings = _stride(n)
    plain = form(ATOM, "conv2d(", Slot(x), ", ", Slot(w), *settings, ")")
    around = _around(n)
    if around is None:
        return plain
    padded = (Slot(x.args[0]), ", ", Slot(w), *settings, f", padding={around}")
    return form(ATOM, "conv2d(", *padded, ")", through=(x,), otherwise=lambda: plain)


def kernel_call(n: Node) -> Form:
    """``conv2d_kernel(x, g)``, with the kernel's size where a larger kernel would have as many positions."""
    x, g = n.args
    return _gradient(n, C.largest_kernel(x, g, n.attr("stride")))


def input_call(n: Node) -> Form:
    """``conv2d_input(g, w)``, with the image's size where a smaller image would have as many positions."""
    g, w = n.args
    return _gradient(n, C.smallest_image(g, w, n.attr("stride")))


def _gradient(n: Node, usual: C.Pair) -> Form:
    size = n.attr("size")
    settings = [] if size == usual else [f", size=({size[0]}, {size[1]})"]
    return form(ATOM, f"{n.op.name}(", Slot(n.args[0]), ", ", Slot(n.args[1]), *settings, *_stride(n), ")")


def _stride(n: Node) -> list[str]:
    s, t = n.attr("stride")
    return [] if s == t == 1 else [f", stride={s if s == t else (s, t)}"]


def _around(n: Node) -> str | None:
    """The padding as `conv2d` takes it, where the image is one that `conv2d` would have padded."""
    x, w = n.args
    if x.op is not PAD or any(x.attr("gap")):
        return None
    before, after = x.attr("before"), x.attr("after")
    if any(s != 0 for k in (*range(x.ndim - 3), -1) for s in (before[k], after[k])):
        return None
    (top, left), (bottom, right) = before[-3:-1], after[-3:-1]
    ways: list[object] = [top] if top == bottom == left == right else []
    ways += [(top, left)] if (top, left) == (bottom, right) else []
    known = not any(isinstance(s, Dim) for s in (top, left, bottom, right))
    ways = [*ways, ((top, bottom), (left, right))] if known else ["same", *ways, ((top, bottom), (left, right))]
    for padding in ways:
        if C.conv2d(x.args[0], w, n.attr("stride"), padding) is n:
            return _shown(padding)
    return None


def _shown(padding: object) -> str:
    if isinstance(padding, tuple):
        return f"({', '.join(map(_shown, padding))})"
    return f'"{padding}"' if isinstance(padding, str) else str(padding)
