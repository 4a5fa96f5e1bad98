"""The graph as text for terminals: Python, apart from six signs.

    a ⊙ b     a * b, entry by entry         Aᵀ        A.T
    2·a       2 * a, a scalar's product     ⌊n/2⌋     n // 2, in sizes
    x²        x ** 2                        ∂L/∂x     the name of a derivative

Everything else is Python with NumPy's and Chainrule's functions, and Python's precedence: put these signs back,
evaluate where `n` is the size n, and the result is the identical node. What NumPy has no words for is written so:

    array(2)              the number 2 as a quantity, where Python would compute with it (2 < x, 2 + 3), or an array
    size(n)               a size as a quantity, likewise
    put(g, i, axis=0, size=n), scatter(g, i, j, shape=(n, k)), xdivy(a, p)    operations that only derivatives build
    conv2d_kernel(x, g), conv2d_input(g, w, size=(h, w), stride=2)    the gradients of conv2d in kernel and image
    op.transpose(x, axes=(0, 1))    an operation as it stands, where the public function would build something simpler
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ..graph.dims import Dim
from ..graph.errors import ChainruleError
from ..graph.node import CONST, LEAF, REAL, SIZE, Node, number, value_of
from ..graph.table import Table
from ..ops import arithmetic as A
from ..ops import convolution as C
from ..ops import elementary as E
from ..ops import indexing as I
from ..ops import linear as L
from ..ops import movement as M
from ..ops import reduce as R
from ..ops.memory import AGAIN
from . import convolution
from .notation import (
    AND,
    ATOM,
    COMPARISON,
    LABEL,
    MATRIX_PRODUCT,
    MINUS,
    OR,
    POWER,
    PRODUCT,
    QUOTIENT,
    SUM,
    TIGHT,
    TRANSPOSED,
    Equation,
    Form,
    Notation,
    Rule,
    Slot,
    comma,
    form,
    plain,
)

text = Table("text")

_PUBLIC_ONLY = frozenset({"array", "dot", "inf", "nan", "op", "size", "square", "swapaxes"})  # no operations' names


def default(n: Node) -> Form:
    """Any operation as a call, attributes by name."""
    return _call(f"op.{n.op.name}" if n.op.name in _PUBLIC_ONLY else n.op.name, n)


def raw(n: Node) -> Form:
    """The operation as it stands, where the public function of its name would build something else."""
    return _call(f"op.{n.op.name}", n)


def _call(name: str, n: Node) -> Form:
    settings = [f"{k}={setting(v)}" for k, v in n.attrs]
    commas = [", "] if n.args and settings else []
    return form(ATOM, f"{name}(", *comma(n.args), *commas, ", ".join(settings), ")")


def unless_other(public: Callable[[Node], Any], rule: Rule) -> Rule:
    """`rule` where `public`, the function that it prints, builds this very node; as it stands elsewhere."""
    return lambda n: rule(n) if builds(public, n) else raw(n)


def builds(public: Callable[[Node], Any], n: Node) -> bool:
    try:
        return public(n) is n
    except ChainruleError:  # such as an empty slice, which only an operation called directly makes
        return False


def call(name: str, *keywords: str) -> Rule:
    """``name(arguments, key=value)``"""
    return lambda n: form(ATOM, f"{name}(", *comma(n.args), *[f", {k}={setting(n.attr(k))}" for k in keywords], ")")


def setting(value: object) -> str:
    """An attribute: a size as it prints, a tuple of them, anything else as Python writes it."""
    if isinstance(value, tuple):
        return "(" + ", ".join(map(setting, value)) + ("," if len(value) == 1 else "") + ")"
    return str(value) if isinstance(value, Dim) else repr(value)


def lifted(n: Node, least: int = SUM, also: tuple[int, ...] = ()) -> Slot | str:
    """A place where Python needs a quantity: numbers and sizes say that they are one."""
    if not plain(n):
        return Slot(n, least, also)
    return f"size({n.attr('of')})" if n.op is SIZE else f"array({_number(value_of(n))})"


def infix(sign: str, strength: int, least: int = SUM, also: tuple[int, ...] = (), right: int | None = None) -> Rule:
    """A chain from the left: a + b + c is (a + b) + c, and a + (b + c) keeps its parentheses.

    Of two numbers or sizes the first is lifted, so that Python builds a node and does not compute.
    """

    def rule(n: Node) -> Form:
        a, b = n.args
        computed = plain(a) and (strength < SUM or (plain(b) and not (n.op is A.DIV and SIZE in (a.op, b.op))))
        first = lifted(a) if computed else Slot(a, least, also)
        return form(strength, first, sign, Slot(b, least + 1 if right is None else right, unsigned=strength == SUM))

    return rule


def reduction(name: str) -> Rule:
    def rule(n: Node) -> Form:
        axis, attrs = n.attr("axis"), dict(n.attrs)
        settings = [] if len(axis) == n.args[0].ndim else [f", axis={axis[0] if len(axis) == 1 else axis}"]
        settings += [", keepdims=True"] * bool(attrs.get("keepdims")) + [f", ddof={attrs.get('ddof')}"] * bool(
            attrs.get("ddof")
        )
        return form(ATOM, f"{name}(", Slot(n.args[0]), *settings, ")")

    return rule


def along(name: str) -> Rule:
    """Softmax and its kin, along the last axis unless said."""

    def rule(n: Node) -> Form:
        axis = n.attr("axis")
        last = axis == (n.ndim - 1,)
        return form(
            ATOM, f"{name}(", Slot(n.args[0]), *[] if last else [f", axis={axis[0] if len(axis) == 1 else axis}"], ")"
        )

    return rule


for _op, _sign in {A.LESS: " < ", A.LESS_EQUAL: " <= ", A.GREATER: " > ", A.GREATER_EQUAL: " >= "}.items():
    text[_op] = infix(_sign, COMPARISON, right=SUM)
for _op, _sign, _strength in ((A.AND, " & ", AND), (A.OR, " | ", OR)):
    text[_op] = infix(_sign, _strength, MINUS, (_strength,), MINUS)
for _op, _sign in {A.ADD: " + ", A.SUB: " - "}.items():
    text[_op] = infix(_sign, SUM)
text[A.DIV] = infix(" / ", QUOTIENT, MINUS, (PRODUCT,), LABEL + 1)
text[L.MATMUL] = infix(" @ ", MATRIX_PRODUCT, MINUS, (MATRIX_PRODUCT,))
text[A.MUL] = lambda n: infix(" ⊙ " if n.args[0].ndim and n.args[1].ndim else "·", PRODUCT, MINUS, (PRODUCT,))(n)
for _op in (
    A.EQUAL,
    A.MAXIMUM,
    A.MINIMUM,
    A.WHERE,
    A.CLIP,
    A.STOP,
    A.LOG,
    A.XLOGY,
    A.XDIVY,
    E.EXP,
    E.EXPM1,
    E.LOG1P,
    E.SQRT,
    E.ABS,
    E.SIGN,
    E.SIN,
    E.COS,
    E.TANH,
    E.ERF,
    E.SIGMOID,
    E.SOFTPLUS,
    E.RELU,
    E.SILU,
    E.GELU,
    L.OUTER,
    L.TRACE,
    L.DIAG,
    AGAIN,
):
    text[_op] = call(_op.name)
for _op in (M.SUM, R.MEAN, R.VAR, R.MAX, R.MIN, R.NORM, R.LOGSUMEXP):
    text[_op] = reduction(_op.name)
for _op in (R.SOFTMAX, R.LOG_SOFTMAX):
    text[_op] = along(_op.name)
for _op in (I.PUT, I.SCATTER):
    text[_op] = default


@text(CONST)
def const(n: Node) -> Form:
    value = number(n)
    if value is None:
        return form(ATOM, f"array({_number(value_of(n))})")
    shown = _number(value)
    return form(MINUS if shown.startswith("-") else ATOM, shown)


def _number(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_number, value))}]"
    return "-nan" if value != value and math.copysign(1, value) < 0 else repr(value)


@text(SIZE)
def size(n: Node) -> Form:
    shown = str(n.attr("of"))
    if shown in n.attr("of").symbols or (shown.count("⌊") == 1 and shown[0] == "⌊" and shown[-1] == "⌋"):
        return form(ATOM, shown)
    return form(SUM if " " in shown or shown[0] == "-" else PRODUCT, shown)


@text(A.NEG)
def negative(n: Node) -> Form:
    return form(MINUS, "-", lifted(n.args[0], MINUS + 1))


@text(A.NOT)
def complement(n: Node) -> Form:
    return form(MINUS, "~", lifted(n.args[0], MINUS + 1))


@text(A.POW)
def power(n: Node) -> Form:
    base, exponent = n.args
    k = number(exponent)
    first = lifted(base) if plain(base) and plain(exponent) else Slot(base, TIGHT)
    if type(k) is int and k >= 2:
        return form(POWER, first, str(k).translate(_RAISED))
    if base.kind != REAL and type(k) is int and k < 0:  # Python's would be 1 / x^−k
        return form(POWER, first, "**", lifted(exponent))
    return form(POWER, first, "**", Slot(exponent, TIGHT, (MINUS,)))


_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@text(M.TRANSPOSE)
def transpose(n: Node) -> Form:
    axes = n.attr("axes")
    if axes == (1, 0):
        return form(TRANSPOSED, Slot(n.args[0], TRANSPOSED), "ᵀ")
    if axes == tuple(range(n.ndim)):
        return raw(n)
    if n.ndim > 2 and axes == (*range(n.ndim - 2), n.ndim - 1, n.ndim - 2):
        return form(ATOM, "swapaxes(", Slot(n.args[0]), ", -1, -2)")
    return form(ATOM, "transpose(", Slot(n.args[0]), f", axes={setting(axes)})")


def _bracketed(n: Node, x: Node, index: list[str | Slot]) -> Form:
    """``x[…]``"""
    parts: list[str | Slot] = []
    for i in index:
        parts += [", ", i] if parts else [i]
    return form(ATOM, lifted(x, TRANSPOSED), "[", *parts, "]")


def _ranges(n: Node) -> list[str]:
    """The brackets of a slice, without whole axes at the end."""
    found = []
    for a, b, s, whole in zip(n.attr("start"), n.attr("stop"), n.attr("step"), n.args[0].shape):
        found.append(f"{'' if a == 0 else a}:{'' if b == whole else b}" + (f":{s}" if s != 1 else ""))
    while len(found) > 1 and found[-1] == ":":
        found.pop()
    return found


def _sliced(n: Node) -> Node:
    return I.getitem(
        n.args[0], tuple(slice(*bounds) for bounds in zip(n.attr("start"), n.attr("stop"), n.attr("step")))
    )


text[I.SLICE] = unless_other(_sliced, lambda n: _bracketed(n, n.args[0], [*_ranges(n)]))


@text(M.SQUEEZE)
def squeeze(n: Node) -> Form:
    """x[0] is a slice of length 1 without its axis; otherwise a call."""
    (x,), axes = n.args, n.attr("axes")
    plainly = unless_other(
        lambda n: M.squeeze(x, axes), lambda n: form(ATOM, "squeeze(", Slot(x), f", axis={_axes(axes)})")
    )
    if x.op is not I.SLICE or not axes:
        return plainly(n)
    bounds = list(zip(x.attr("start"), x.attr("stop"), x.attr("step")))
    index = tuple(a if k in axes else slice(a, *rest) for k, (a, *rest) in enumerate(bounds))
    if not builds(lambda n: I.getitem(x.args[0], index), n):
        return plainly(n)
    shown = _ranges(x)
    shown += [":"] * (axes[-1] + 1 - len(shown))
    parts = [str(index[k]) if k in axes else shown[k] for k in range(len(shown))]
    return form(ATOM, Slot(x.args[0], TRANSPOSED), f"[{', '.join(parts)}]", through=(x,), otherwise=lambda: plainly(n))


def _axes(axes: tuple[int, ...]) -> str:
    return str(axes[0] if len(axes) == 1 else axes)


@text(M.EXPAND)
def new_axes(n: Node) -> Form:
    axes = n.attr("axes")
    if not axes:
        return raw(n)
    return _bracketed(n, n.args[0], ["None" if k in axes else ":" for k in range(n.ndim)])


text[I.GATHER] = unless_other(
    lambda n: I.getitem(n.args[0], n.args[1:]), lambda n: _bracketed(n, n.args[0], [lifted(i, AND) for i in n.args[1:]])
)


@text(I.TAKE)
def take(n: Node) -> Form:
    x, i = n.args
    if not builds(lambda n: I.take(x, i, n.attr("axis")), n):
        return raw(n)
    if n.attr("axis") == 0 and i.ndim:
        return _bracketed(n, x, [Slot(i)])
    return form(ATOM, "take(", Slot(x), ", ", Slot(i), f", axis={n.attr('axis')})")


@text(I.PAD)
def pad(n: Node) -> Form:
    before, after = n.attr("before"), n.attr("after")
    if any(n.attr("gap")) or any(isinstance(s, int) and s < 0 for s in before + after):
        return raw(n)
    return form(ATOM, "pad(", Slot(n.args[0]), f", [{', '.join(f'({a}, {b})' for a, b in zip(before, after))}])")


def listed(name: str) -> Rule:
    return lambda n: form(ATOM, f"{name}([", *comma(n.args), f"], axis={n.attr('axis')})")


def _to_shape(name: str) -> Rule:
    return lambda n: form(ATOM, f"{name}(", Slot(n.args[0]), f", {setting(n.shape)})")


text[LEAF] = lambda n: form(ATOM, n.attr("name"))
text[E.LEAKY_RELU] = call("leaky_relu", "slope")
text[E.ELU] = lambda n: call("elu")(n) if n.attr("alpha") == 1 else call("elu", "alpha")(n)
text[E.GELU_TANH] = lambda n: form(ATOM, "gelu(", Slot(n.args[0]), ", approximate=True)")
text[M.BROADCAST] = unless_other(lambda n: M.broadcast_to(n.args[0], n.shape), _to_shape("broadcast_to"))
text[M.RESHAPE] = unless_other(lambda n: M.reshape(n.args[0], n.shape), _to_shape("reshape"))
text[M.FLIP] = unless_other(
    lambda n: M.flip(n.args[0], n.attr("axes")),
    lambda n: form(ATOM, "flip(", Slot(n.args[0]), f", axis={_axes(n.attr('axes'))})"),
)
text[R.ARGMAX] = call("argmax", "axis")
text[L.EYE] = lambda n: form(ATOM, f"eye({n.attr('of')})")
text[L.EINSUM] = lambda n: form(ATOM, f'einsum("{n.attr("spec")}", ', *comma(n.args), ")")
text[I.ARANGE] = lambda n: form(ATOM, f"arange({n.attr('of')})")
text[I.ONE_HOT] = lambda n: form(ATOM, "one_hot(", Slot(n.args[0]), f", {n.attr('classes')})")
text[I.CONCATENATE] = lambda n: listed("concatenate")(n) if len(n.args) > 1 else raw(n)
text[I.STACK] = listed("stack")
text[C.CONV] = convolution.call
text[C.CONV_KERNEL] = convolution.kernel_call
text[C.CONV_INPUT] = convolution.input_call

TEXT = Notation(text, default, lambda name: name, ("(", ")"), lambda symbol: symbol, lambda s: f"size({s})")


def to_text(root: Node, labels: Mapping[Node, str] | None = None) -> str:
    """`root` as one line of text, or as several equations where it is long.

    >>> from chainrule.graph.node import leaf
    >>> W, x, b = leaf("W", ("h", "n")), leaf("x", ("n",)), leaf("b", ("h",))
    >>> print(to_text(-2 * (W @ x + b) ** 2))
    -2·(W @ x + b)²
    """
    return join(TEXT.equations({root: "result"}, labels or {}))


def join(equations: list[Equation]) -> str:
    return equations[0].expression if len(equations) == 1 else "\n".join(map(str, equations))
