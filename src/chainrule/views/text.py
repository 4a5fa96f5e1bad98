"""The graph as text for terminals: Python's precedence, with ⊙ for the elementwise product and @ for the matrix product."""

from __future__ import annotations

from collections.abc import Mapping

from ..graph.dims import Size, python
from ..graph.node import CONST, LEAF, SIZE, Node, number, value_of
from ..graph.table import Table
from ..ops import arithmetic as A
from ..ops import elementary as E
from ..ops import indexing as I
from ..ops import linear as L
from ..ops import movement as M
from ..ops import reduce as R
from .notation import ATOM, CHOICE, MATRIX_PRODUCT, MINUS, POWER, PRODUCT, SUM, Equation, Form, Notation, Slot, comma, form, infix

text = Table("text")


def call(name: str, *keywords: str):
    """``name(arguments, key=value)``"""

    def rule(n: Node) -> Form:
        return form(ATOM, f"{name}(", *comma(n.args), *[f", {k}={setting(n.attr(k))}" for k in keywords], ")")

    return rule


def default(n: Node) -> Form:
    """Any operation as a call, attributes by name."""
    return form(ATOM, f"{n.op.name}(", *comma(n.args), *[f", {k}={setting(v)}" for k, v in n.attrs], ")")


def setting(value: object) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(map(setting, value)) + ("," if len(value) == 1 else "") + ")"
    return repr(value) if isinstance(value, (float, str, bool)) else python(value)  # type: ignore[arg-type]


def reduction(name: str):
    def rule(n: Node) -> Form:
        axis, rank = n.attr("axis"), n.args[0].ndim
        settings = [] if len(axis) == rank else [f", axis={axis[0] if len(axis) == 1 else axis}"]
        attrs = dict(n.attrs)
        settings += [", keepdims=True"] * bool(attrs.get("keepdims")) + [f", ddof={attrs.get('ddof')}"] * bool(attrs.get("ddof"))
        return form(ATOM, f"{name}(", Slot(n.args[0]), *settings, ")")

    return rule


def along(name: str):
    """Softmax and its kin, along the last axis unless said."""

    def rule(n: Node) -> Form:
        axis = n.attr("axis")
        last = axis == (n.ndim - 1,)
        return form(ATOM, f"{name}(", Slot(n.args[0]), *[] if last else [f", axis={axis[0] if len(axis) == 1 else axis}"], ")")

    return rule


def spread(sizes: tuple[Size, ...]) -> str:
    return "(" + ", ".join(map(python, sizes)) + ("," if len(sizes) == 1 else "") + ")"


for _op, _sign, _strength in (
    (A.ADD, " + ", SUM), (A.SUB, " - ", SUM), (A.DIV, " / ", PRODUCT), (L.MATMUL, " @ ", MATRIX_PRODUCT),
    (A.LESS, " < ", CHOICE), (A.LESS_EQUAL, " <= ", CHOICE), (A.GREATER, " > ", CHOICE), (A.GREATER_EQUAL, " >= ", CHOICE),
):  # fmt: skip
    text[_op] = infix(_sign, _strength)
for _op in (
    A.EQUAL, A.MAXIMUM, A.MINIMUM, A.WHERE, A.CLIP, A.STOP, A.LOG, A.XLOGY, A.XDIVY, A.AND, A.OR, A.NOT, E.EXP, E.EXPM1,
    E.LOG1P, E.SQRT, E.ABS, E.SIGN, E.SIN, E.COS, E.TANH, E.ERF, E.SIGMOID, E.SOFTPLUS, E.RELU, E.SILU, E.GELU, L.OUTER,
    L.TRACE, L.DIAG,
):  # fmt: skip
    text[_op] = call(_op.name)
for _op in (M.SUM, R.MEAN, R.VAR, R.MAX, R.MIN, R.NORM, R.LOGSUMEXP):
    text[_op] = reduction(_op.name)
for _op in (R.SOFTMAX, R.LOG_SOFTMAX):
    text[_op] = along(_op.name)
for _op in (I.PUT, I.SCATTER):
    text[_op] = default


@text(CONST)
def constant(n: Node) -> Form:
    value = number(n)
    if value is None:
        return form(ATOM, f"array({value_of(n)!r})")
    return form(MINUS if value < 0 or str(value).startswith("-") else ATOM, repr(value))


@text(A.MUL)
def product(n: Node) -> Form:
    a, b = n.args
    sign = " ⊙ " if a.ndim and b.ndim else "·"
    return form(PRODUCT, Slot(a, MINUS, PRODUCT), sign, Slot(b, MINUS + 1))


@text(A.POW)
def power(n: Node) -> Form:
    base, k = Slot(n.args[0], POWER + 1), number(n.args[1])
    if type(k) is int and 2 <= k <= 9:
        return form(POWER, base, "²³⁴⁵⁶⁷⁸⁹"[k - 2])
    return form(POWER, base, "**", Slot(n.args[1], MINUS))


@text(M.TRANSPOSE)
def transpose(n: Node) -> Form:
    if n.ndim == 2:
        return form(ATOM, Slot(n.args[0], POWER + 1), "ᵀ")
    return form(ATOM, "transpose(", Slot(n.args[0]), f", axes={setting(n.attr('axes'))})")


@text(M.EXPAND)
def new_axes(n: Node) -> Form:
    index = ["None" if k in n.attr("axes") else ":" for k in range(n.ndim)]
    return form(ATOM, Slot(n.args[0], POWER + 1), f"[{', '.join(index)}]")


@text(I.SLICE)
def part(n: Node) -> Form:
    index = []
    for a, b, s, size in zip(n.attr("start"), n.attr("stop"), n.attr("step"), n.args[0].shape):
        index.append(f"{'' if a == 0 else python(a)}:{'' if b == size else python(b)}" + (f":{s}" if s != 1 else ""))
    return form(ATOM, Slot(n.args[0], POWER + 1), f"[{', '.join(index)}]")


@text(I.GATHER)
def entries(n: Node) -> Form:
    return form(ATOM, Slot(n.args[0], POWER + 1), "[", *comma(n.args[1:]), "]")


@text(I.PAD)
def pad(n: Node) -> Form:
    if any(n.attr("gap")):
        return default(n)
    width = ", ".join(f"({python(a)}, {python(b)})" for a, b in zip(n.attr("before"), n.attr("after")))
    return form(ATOM, "pad(", Slot(n.args[0]), f", [{width}])")


def _listed(name: str):
    return lambda n: form(ATOM, f"{name}([", *comma(n.args), f"], axis={n.attr('axis')})")


text[LEAF] = lambda n: form(ATOM, n.attr("name"))
text[SIZE] = lambda n: form(ATOM if python(n.attr("of")).isidentifier() else SUM, python(n.attr("of")))
text[A.NEG] = lambda n: form(MINUS, "-", Slot(n.args[0], MINUS + 1))
text[E.LEAKY_RELU] = call("leaky_relu", "slope")
text[E.ELU] = lambda n: call("elu")(n) if n.attr("alpha") == 1 else call("elu", "alpha")(n)
text[E.GELU_TANH] = lambda n: form(ATOM, "gelu(", Slot(n.args[0]), ", approximate=True)")
text[M.BROADCAST] = lambda n: form(ATOM, "broadcast_to(", Slot(n.args[0]), f", {spread(n.shape)})")
text[M.RESHAPE] = lambda n: form(ATOM, "reshape(", Slot(n.args[0]), f", {spread(n.shape)})")
text[M.SQUEEZE] = lambda n: form(ATOM, "squeeze(", Slot(n.args[0]), f", axis={setting(n.attr('axes'))})")
text[M.FLIP] = lambda n: form(ATOM, "flip(", Slot(n.args[0]), f", axis={setting(n.attr('axes'))})")
text[R.ARGMAX] = call("argmax", "axis")
text[L.EYE] = lambda n: form(ATOM, f"eye({python(n.attr('of'))})")
text[L.EINSUM] = lambda n: form(ATOM, f'einsum("{n.attr("spec")}", ', *comma(n.args), ")")
text[I.ARANGE] = lambda n: form(ATOM, f"arange({python(n.attr('of'))})")
text[I.ONE_HOT] = lambda n: form(ATOM, "one_hot(", Slot(n.args[0]), f", {python(n.attr('classes'))})")
text[I.TAKE] = call("take", "axis")
text[I.CONCATENATE] = _listed("concatenate")
text[I.STACK] = _listed("stack")

TEXT = Notation(text, default, lambda name: name, ("(", ")"))


def to_text(root: Node, labels: Mapping[Node, str] | None = None) -> str:
    """`root` as one line of text, or as several equations where it is long."""
    return join(TEXT.equations({root: "result"}, labels or {}))


def join(equations: list[Equation]) -> str:
    return equations[0].expression if len(equations) == 1 else "\n".join(map(str, equations))
