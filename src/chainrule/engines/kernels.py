"""What NumPy and jax.numpy write alike: most operations. Each rule gives the expression for one statement."""

from __future__ import annotations

from collections.abc import Callable

from ..graph.node import CONST, REAL, Node, number, value_of
from ..graph.table import Table
from ..ops import arithmetic as A
from ..ops import convolution as C
from ..ops import elementary as E
from ..ops import indexing as I
from ..ops import linear as L
from ..ops import movement as M
from ..ops import reduce as R
from ..views.source import Rule


def infix(sign: str) -> Rule:
    """``a + b``"""
    return lambda p, n, a, b: f"{a} {sign} {b}"


def call(function: str) -> Rule:
    """``np.exp(x)``"""
    return lambda p, n, *xs: f"{function}({', '.join(xs)})"


def over(axis: tuple[int, ...], rank: int, keepdims: bool = False) -> str:
    """The axis argument of a reduction, left out where it is the default."""
    parts = [] if len(axis) == rank else [f"axis={axis[0] if len(axis) == 1 else axis}"]
    return ", ".join(parts + ["keepdims=True"] * keepdims)


def reduction(method: str) -> Rule:
    """``x.sum(axis=0)``"""
    return lambda p, n, x: f"{x}.{method}({over(n.attr('axis'), n.args[0].ndim, n.attr('keepdims'))})"


def along(n: Node) -> str:
    """The axis, or the axes, that `n` runs over."""
    axis = n.attr("axis")
    return str(axis[0] if len(axis) == 1 else axis)


def new_axes(p: object, n: Node, x: str) -> str:
    """``x[:, None]``"""
    axes = n.attr("axes")
    index = ["None" if k in axes else ":" for k in range(n.ndim)]
    while len(index) > 1 and index[-1] == ":":
        index.pop()
    return f"{x}[{', '.join(index)}]"


def brackets(p, n: Node, x: str) -> str:
    """``x[1:, :3]``"""
    index = []
    for a, b, s, size in zip(n.attr("start"), n.attr("stop"), n.attr("step"), n.args[0].shape):
        step = f":{s}" if s != 1 else ""
        index.append(f"{'' if a == 0 else p.size(a)}:{'' if b == size else p.size(b)}{step}")
    while len(index) > 1 and index[-1] == ":":
        index.pop()
    return f"{x}[{', '.join(index)}]"


def array_rules(
    kernel: Table, np: str, xdivy: Callable[..., object], pad_between: Callable[..., object]
) -> None:
    """File the rules that differ only in the library's name, `np`, and in these two helpers of its own."""
    for op, sign in {
        A.ADD: "+", A.SUB: "-", A.MUL: "*", A.DIV: "/", A.POW: "**", A.LESS: "<", A.LESS_EQUAL: "<=", A.GREATER: ">",
        A.GREATER_EQUAL: ">=", A.EQUAL: "==", A.AND: "&", A.OR: "|", L.MATMUL: "@",
    }.items():  # fmt: skip
        kernel[op] = infix(sign)
    for op, function in {
        A.MAXIMUM: "maximum", A.MINIMUM: "minimum", A.CLIP: "clip", A.LOG: "log", E.EXP: "exp", E.EXPM1: "expm1",
        E.LOG1P: "log1p", E.SQRT: "sqrt", E.ABS: "abs", E.SIGN: "sign", E.SIN: "sin", E.COS: "cos", E.TANH: "tanh",
        L.OUTER: "outer", L.DIAG: "diag", L.TRACE: "trace",
    }.items():  # fmt: skip
        kernel[op] = call(f"{np}.{function}")
    for op, method in {M.SUM: "sum", R.MAX: "max", R.MIN: "min"}.items():
        kernel[op] = reduction(method)

    @kernel(R.MEAN)
    def mean(p, n: Node, x: str) -> str:
        axis = over(n.attr("axis"), n.args[0].ndim, n.attr("keepdims"))
        real = "" if n.args[0].kind == REAL else f"dtype={p.dtype}"
        return f"{x}.mean({', '.join(filter(None, (axis, real)))})"

    @kernel(CONST)
    def const(p, n: Node) -> str:
        entries = repr(value_of(n)).replace("nan", f"{np}.nan").replace("inf", f"{np}.inf")
        return f"{np}.array({entries}" + (f", dtype={p.dtype})" if n.kind == REAL else ")")

    @kernel(A.WHERE)
    def where(p, n: Node, c: str, a: str, b: str) -> str:
        if n.kind != REAL or not all(x in p.known for x in n.args[1:]):
            return f"{np}.where({c}, {a}, {b})"
        if (number(n.args[1]), number(n.args[2])) == (1, 0) and n.args[0].shape == n.shape:
            return f"{c}.astype({p.dtype})"
        return f"{np}.where({c}, {a}, {b}).astype({p.dtype})"

    @kernel(M.BROADCAST)
    def broadcast(p, n: Node, x: str) -> str:
        if n.args[0] in p.known:
            return (
                f"{np}.full({p.shape(n.shape)}, {x}, {p.dtype})"
                if n.kind == REAL
                else f"{np}.full({p.shape(n.shape)}, {x})"
            )
        return f"{np}.broadcast_to({x}, {p.shape(n.shape)})"

    @kernel(I.PAD)
    def pad(p, n: Node, x: str) -> str:
        before, after, gap = (n.attr(k) for k in ("before", "after", "gap"))
        if any(gap):
            return f"{p.helper(pad_between)}({x}, {p.shape(before)}, {p.shape(after)}, {gap})"
        return f"{np}.pad({x}, [{', '.join(p.shape(pair) for pair in zip(before, after))}])"

    kernel[A.NEG] = lambda p, n, x: f"-{x}"
    kernel[A.NOT] = lambda p, n, x: f"~{x}"
    kernel[A.STOP] = lambda p, n, x: x
    kernel[E.RELU] = lambda p, n, x: f"{np}.maximum({x}, 0)"
    kernel[E.LEAKY_RELU] = lambda p, n, x: f"{np}.where({x} > 0, {x}, {n.attr('slope')!r} * {x})"
    kernel[E.ELU] = lambda p, n, x: (
        f"{np}.where({x} > 0, {x}, {n.attr('alpha')!r} * {np}.expm1({np}.minimum({x}, 0)))"
    )
    kernel[A.XDIVY] = lambda p, n, a, b: f"{p.helper(xdivy)}({a}, {b})"
    kernel[E.SOFTPLUS] = lambda p, n, x: f"{np}.logaddexp({x}, 0)"
    kernel[M.EXPAND] = new_axes
    kernel[M.SQUEEZE] = lambda p, n, x: f"{x}.squeeze({along_axes(n)})"
    kernel[M.RESHAPE] = lambda p, n, x: f"{x}.reshape({', '.join(map(p.size, n.shape)) or '()'})"
    kernel[M.FLIP] = lambda p, n, x: f"{np}.flip({x}, {along_axes(n)})"
    kernel[M.TRANSPOSE] = lambda p, n, x: (
        f"{x}.T" if n.attr("axes") == tuple(range(n.ndim))[::-1] else f"{x}.transpose{n.attr('axes')}"
    )
    kernel[R.NORM] = lambda p, n, x: (
        f"{np}.sqrt(({x} * {x}).sum({over(n.attr('axis'), n.args[0].ndim, n.attr('keepdims'))}))"
    )
    kernel[R.ARGMAX] = lambda p, n, x: f"{x}.argmax(axis={n.attr('axis')})"
    kernel[L.EYE] = lambda p, n: f"{np}.eye({p.size(n.attr('of'))}, dtype={p.dtype})"
    kernel[L.EINSUM] = lambda p, n, *xs: (
        f'{np}.einsum("{n.attr("spec")}", {", ".join(xs)}' + (", optimize=True)" if len(xs) > 2 else ")")
    )
    kernel[I.ARANGE] = lambda p, n: f"{np}.arange({p.size(n.attr('of'))})"
    kernel[I.SLICE] = brackets
    kernel[I.TAKE] = lambda p, n, x, i: f"{np}.take({x}, {i}, axis={n.attr('axis')})"
    kernel[I.GATHER] = lambda p, n, x, *i: f"{x}[{', '.join(i)}]"
    kernel[I.CONCATENATE] = lambda p, n, *xs: f"{np}.concatenate([{', '.join(xs)}], axis={n.attr('axis')})"
    kernel[I.STACK] = lambda p, n, *xs: f"{np}.stack([{', '.join(xs)}], axis={n.attr('axis')})"


def convolution_rules(
    kernel: Table, conv2d: Callable[..., object], of_kernel: Callable[..., object], of_input: Callable[..., object],
    patches: Callable[..., object] | None = None, library: str | None = None,
) -> None:  # fmt: skip
    """File the three convolutions as calls of helpers; the first two may use `patches`, and all of them `library`."""

    def named(p, helper: Callable[..., object]) -> str:
        if library is not None:
            p.imported(library)
        if patches is not None and helper is not of_input:
            p.helper(patches)
        return p.helper(helper)

    def gradient(helper: Callable[..., object]) -> Rule:
        return lambda p, n, a, b: f"{named(p, helper)}({a}, {b}, {p.shape(n.attr('size'))}, {n.attr('stride')})"

    kernel[C.CONV] = lambda p, n, x, w: f"{named(p, conv2d)}({x}, {w}, {n.attr('stride')})"
    kernel[C.CONV_KERNEL] = gradient(of_kernel)
    kernel[C.CONV_INPUT] = gradient(of_input)


def along_axes(n: Node) -> str:
    """The axis argument of an operation that moves or drops axes."""
    axes = n.attr("axes")
    return f"axis={axes[0] if len(axes) == 1 else axes}"
