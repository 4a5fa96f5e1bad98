r"""The graph as mathematics. Elementwise products of arrays always show ⊙; juxtaposition is the matrix product.

Vectors are columns: ``outer(a, b)`` is a bᵀ and ``a @ b`` of two vectors is aᵀ b. A number stands before what it
scales, 2 (ŷ − y); any other scalar factor shows a dot. Besides what every textbook has:

    Σ_i [X]_{i,:}       over the first axis of X; [X]_{:,j→1} keeps the summed axis, with size 1. So do max, mean, …
    x^{⊙2}              entry by entry;  a fraction of arrays, σ(Z), exp(Z) and |Z| are too
    X[1:3, t]           entries, counted from 0 as Python does;  x[:, ∗] has a new axis of size 1
    X_{i, y_i}          for each row i its entry number y_i
    𝟙[Z > 0]            1 where the condition holds, else 0; a ⊙ 𝟙[…] is exactly 0 elsewhere
    X \star_{s} W       the convolution, with stride s; its gradients as sums (see `views.convolution`)
    𝟏_{n×m}             ones

Equations with arrays of rank 3 and more are written entry by entry, their sums with indices (see `views.indexed`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..graph.dims import latex as size_latex
from ..graph.dims import symbol
from ..graph.node import CONST, LEAF, SIZE, Node, number, value_of
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
from .forms import (
    bracketed,
    call,
    default,
    entry,
    indices,
    infix,
    many_rows,
    number_latex,
    operator,
    over,
    shaped,
    sizes,
    softened,
)
from .indexed import IndexedNotation
from .names import name_latex
from .notation import (
    AND,
    ATOM,
    BIG,
    CHOICE,
    COMPARISON,
    CONDITION,
    FRACTION,
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
    Rule,
    Slot,
    comma,
    form,
    plain,
)

latex = Table("latex")

for _op, _sign in {A.ADD: " + ", A.SUB: " - "}.items():
    latex[_op] = infix(_sign, SUM, SUM)
for _op, _sign in {A.LESS: " < ", A.LESS_EQUAL: r" \le ", A.GREATER: " > ", A.GREATER_EQUAL: r" \ge "}.items():
    latex[_op] = infix(_sign, COMPARISON, SUM, right=SUM)
latex[A.EQUAL] = infix(" = ", CONDITION, SUM, right=SUM)
latex[A.AND] = infix(r" \wedge ", AND, MINUS, (AND,), MINUS)
latex[A.OR] = infix(r" \vee ", OR, MINUS, (OR,), MINUS)
for _op, _sign in {
    A.LOG: r"\log",
    E.EXP: r"\exp",
    E.SIN: r"\sin",
    E.COS: r"\cos",
    E.TANH: r"\tanh",
    E.SIGMOID: r"\sigma",
    L.TRACE: r"\operatorname{tr}",
    A.MAXIMUM: r"\max",
    A.MINIMUM: r"\min",
}.items():
    latex[_op] = call(_sign)
for _op in (A.CLIP, A.XLOGY, A.XDIVY, E.EXPM1, E.LOG1P, E.SIGN, E.ERF, E.SOFTPLUS, L.DIAG):
    latex[_op] = operator(_op.name)
for _op, _name in {E.RELU: "ReLU", E.SILU: "SiLU", E.GELU: "GELU", E.GELU_TANH: r"GELU_{\tanh}"}.items():
    latex[_op] = operator(_name)
for _op, _name in {R.SOFTMAX: "softmax", R.LOG_SOFTMAX: r"log\,softmax"}.items():
    latex[_op] = softened(_name)
for _op, _sign in {
    R.MEAN: r"\operatorname{mean}",
    R.VAR: r"\operatorname{var}",
    R.MAX: r"\max",
    R.MIN: r"\min",
    R.ARGMAX: r"\operatorname{argmax}",
}.items():
    latex[_op] = over(_sign)
for _op in (M.FLIP, I.PUT, I.SCATTER, A.STOP, AGAIN):
    latex[_op] = default


@latex(CONST)
def constant(n: Node) -> Form:
    value = number(n)
    if value is not None:
        shown = number_latex(value)
        unsigned = PRODUCT if "cdot" in shown else POWER if "^" in shown else ATOM
        return form(MINUS if shown.startswith("-") else unsigned, shown)
    if n.ndim > 2:
        return form(ATOM, rf"\mathrm{{array}}\left({_nested(value_of(n))}\right)")
    rows = value_of(n) if n.ndim == 2 else [[v] for v in value_of(n)]
    body = r" \\ ".join(" & ".join(map(number_latex, row)) for row in rows)
    return form(ATOM, rf"\begin{{pmatrix}} {body} \end{{pmatrix}}")


def _nested(value: object) -> str:
    return rf"\left[{', '.join(map(_nested, value))}\right]" if isinstance(value, list) else number_latex(value)  # type: ignore[arg-type]


@latex(A.MUL)
def product(n: Node) -> Form:
    a, b = n.args
    first = Slot(a, MINUS, (PRODUCT,), closed=True)
    if a.ndim and b.ndim:
        return form(PRODUCT, first, r" \odot ", Slot(b, MINUS + 1, (BIG,)))
    numbers = b.op in (CONST, SIZE) or (b.op in (A.POW, A.DIV) and plain(b.args[0]))
    sign = r" \, " if _is_factor(a) and not numbers else r" \cdot "
    return form(PRODUCT, first, sign, Slot(b, MINUS + 1, (BIG,) if b.ndim == 0 else (BIG, MATRIX_PRODUCT)))


def _is_factor(a: Node) -> bool:
    """A number, or a fraction of numbers and sizes: what may stand before anything without a sign."""
    if a.op is A.DIV:
        return all(plain(x) for x in a.args)
    return a.op is CONST and not a.shape


@latex(A.DIV)
def quotient(n: Node) -> Form:
    a, b = n.args

    def on_a_line() -> Form:
        return form(QUOTIENT, Slot(a, FRACTION), r" \,/\, ", Slot(b, TRANSPOSED))

    stacked = form(FRACTION, r"\frac{", Slot(a), "}{", Slot(b), "}", through=(a,), only=LABEL, otherwise=on_a_line)
    if a.op is A.DIV:
        return form(QUOTIENT, *on_a_line().parts, through=(a,), otherwise=lambda: stacked)
    fraction = stacked
    if a.op is A.NEG:
        minus = form(MINUS, r"-\frac{", Slot(a.args[0]), "}{", Slot(b), "}", through=(a,), otherwise=lambda: fraction)
        return minus if a.args[0].op not in _LARGE else _averaged(a.args[0], b, (a, a.args[0]), minus, "-")
    return _averaged(a, b, (a,), fraction) if a.op in _LARGE else fraction


def _averaged(total: Node, b: Node, through: tuple[Node, ...], otherwise: Form, sign: str = "") -> Form:
    r"""\frac{1}{N} \sum, where what is divided by is a number or a size"""
    if not plain(b):
        return otherwise
    strength = SUM if sign else PRODUCT
    first = rf"{sign}\frac{{1}}{{"
    return form(strength, first, Slot(b), r"} \, ", Slot(total, PRODUCT), through=through, otherwise=lambda: otherwise)


_LARGE = frozenset({M.SUM, R.MAX, R.MIN})
_LOOSE = frozenset(
    {
        A.MUL,
        A.DIV,
        A.NEG,
        L.MATMUL,
        L.OUTER,
        M.SUM,
        R.MEAN,
        R.VAR,
        R.MAX,
        R.MIN,
        R.LOGSUMEXP,
        R.NORM,
        A.WHERE,
        M.BROADCAST,
    }
)


@latex(A.NEG)
def negative(n: Node) -> Form:
    """−a ⊙ b is −(a ⊙ b), the same as (−a) ⊙ b; what could be torn apart by a product binds no more than a sum."""
    loose = n.args[0].op in _LOOSE
    return form(SUM if loose else MINUS, "-", Slot(n.args[0], PRODUCT, unsigned=True))


@latex(A.POW)
def power(n: Node) -> Form:
    return form(POWER, Slot(n.args[0], TIGHT), r"^{\odot " if n.ndim else "^{", Slot(n.args[1]), "}")


@latex(A.WHERE)
def choice(n: Node) -> Form:
    c, a, b = n.args
    if number(b) == 0 and not isinstance(number(b), bool):
        mask = (r"\mathbb{1}\left[", Slot(c, CONDITION), r"\right]")
        if number(a) == 1 and c.shape == n.shape:
            return form(ATOM, *mask)
        return form(
            PRODUCT, Slot(a, MINUS, (PRODUCT,), closed=True), r" \odot " if a.ndim and c.ndim else r" \cdot ", *mask
        )
    cases = (Slot(a), r" & \text{if } ", Slot(c, CONDITION), r" \\ ", Slot(b), r" & \text{otherwise}")
    return form(CHOICE, r"\begin{cases} ", *cases, r" \end{cases}")


@latex(M.SUM)
def total(n: Node) -> Form:
    """Σ x², over everything, is ‖x‖²."""
    x = n.args[0]
    summed = over(r"\sum")
    if x.op is A.POW and number(x.args[1]) == 2 and x.args[0].ndim == x.ndim and many_rows(n):
        inside = (r"\left\| ", Slot(x.args[0]), r" \right\|" + ("_F" if x.ndim == 2 else "") + "^{2}")
        return form(POWER, *inside, through=(x,), otherwise=lambda: summed(n))
    return summed(n)


@latex(R.NORM)
def length(n: Node) -> Form:
    x = n.args[0]
    if many_rows(n):
        return form(
            TRANSPOSED if x.ndim == 2 else ATOM, r"\left\| ", Slot(x), r" \right\|" + ("_F" if x.ndim == 2 else "")
        )
    return over(r"\operatorname{norm}")(n)


@latex(R.LOGSUMEXP)
def log_sum_exp(n: Node) -> Form:
    x, axis = n.args[0], n.attr("axis")
    if not axis:
        return default(n)
    below = ",".join(indices(x.ndim)[a] for a in axis)
    return form(BIG, rf"\log \sum_{{{below}}} \exp ", *entry(x, axis, n.attr("keepdims")))


@latex(L.MATMUL)
def matrix_product(n: Node) -> Form:
    a, b = n.args
    if a.ndim == 1 and b.ndim > 2:
        return operator("matmul")(n)
    if a.ndim == 1 and b.ndim == 2:  # aᵀ B as a column: Bᵀ a
        if b.op is M.TRANSPOSE:
            turned = form(MATRIX_PRODUCT, Slot(b, TIGHT), r"^{\top} \, ", Slot(a, MINUS + 1))
            whole = (Slot(b.args[0], MINUS, (MATRIX_PRODUCT,)), r" \, ", Slot(a, MINUS + 1))
            return form(MATRIX_PRODUCT, *whole, through=(b,), otherwise=lambda: turned)
        return form(MATRIX_PRODUCT, Slot(b, TIGHT), r"^{\top} \, ", Slot(a, MINUS + 1))
    if a.ndim == 1 and a.op is L.MATMUL and a.args[0].ndim == 1 and a.args[1].ndim == 2:  # xᵀ A y
        row = (Slot(a.args[0], TIGHT), r"^{\top} \, ", Slot(a.args[1], MINUS + 1), r" \, ", Slot(b, MINUS + 1))
        return form(MATRIX_PRODUCT, *row, through=(a,), otherwise=lambda: _scalar_product(a, b))
    if a.ndim == 1:
        return _scalar_product(a, b)
    return form(MATRIX_PRODUCT, Slot(a, MINUS, (MATRIX_PRODUCT,)), r" \, ", Slot(b, MINUS + 1))


def _scalar_product(a: Node, b: Node) -> Form:
    return form(MATRIX_PRODUCT, Slot(a, TIGHT), r"^{\top} \, ", Slot(b, MINUS + 1))


@latex(L.OUTER)
def outer(n: Node) -> Form:
    a, b = n.args
    return form(MATRIX_PRODUCT, Slot(a, MINUS, (MATRIX_PRODUCT,)), r" \, ", Slot(b, TIGHT), r"^{\top}")


@latex(M.TRANSPOSE)
def transpose(n: Node) -> Form:
    axes = n.attr("axes")
    matrices = n.ndim > 1 and axes == (*range(n.ndim - 2), n.ndim - 1, n.ndim - 2)
    order = "" if matrices else f"({','.join(map(str, axes))})"
    return form(TRANSPOSED, Slot(n.args[0], TIGHT), rf"^{{\top{order}}}")


@latex(M.BROADCAST)
def spread(n: Node) -> Form:
    x = n.args[0]
    if x.ndim or not n.ndim:
        return shaped("broadcast")(n)
    ones = rf"\mathbf{{1}}_{{{sizes(n.shape)}}}"
    k = None if isinstance(number(x), bool) else number(x)
    if k in (1, -1):
        return form(ATOM, ones) if k == 1 else form(MINUS, f"-{ones}")
    return form(PRODUCT, Slot(x, MINUS, (PRODUCT,), closed=True), r" \, " if _is_factor(x) else r" \cdot ", ones)


@latex(I.SLICE)
def part(n: Node) -> Form:
    return bracketed(n, _ranges(n))


def _ranges(n: Node) -> list[str]:
    index = []
    for a, b, s, whole in zip(n.attr("start"), n.attr("stop"), n.attr("step"), n.args[0].shape):
        start, stop = "" if a == 0 else size_latex(a), "" if b == whole else size_latex(b)
        index.append(f"{start}:{stop}" + (f":{s}" if s != 1 else ""))
    return index


@latex(M.SQUEEZE)
def squeeze(n: Node) -> Form:
    """x[0] is a slice of length 1 without its axis."""
    (x,), axes = n.args, n.attr("axes")
    if x.op is not I.SLICE or not axes:
        return shaped("squeeze")(n)
    index = _ranges(x)
    for k in axes:
        index[k] = size_latex(x.attr("start")[k])
    return bracketed(x, index, through=(x,), otherwise=lambda: shaped("squeeze")(n))


@latex(I.PAD)
def pad(n: Node) -> Form:
    before, after = n.attr("before"), n.attr("after")
    if any(n.attr("gap")) or not n.ndim:
        return default(n)
    widths = ",".join(rf"({size_latex(a)},{size_latex(b)})" for a, b in zip(before, after))
    return form(ATOM, rf"\operatorname{{pad}}_{{{widths}}}\left(", Slot(n.args[0]), r"\right)")


@latex(I.GATHER)
def entries(n: Node) -> Form:
    """P_{i, y_i} where each row i gives its entry number y_i; otherwise x[i, j]."""
    x, *positions = n.args
    row = positions[0]
    if (
        len(positions) == 2
        and row.op is I.ARANGE
        and row.shape[0] == x.shape[0]
        and positions[1].ndim == 1
        and x.ndim == 2
    ):
        return form(TRANSPOSED, r"\left[", Slot(x), r"\right]_{i,\,", Slot(positions[1], ATOM), "_{i}}")
    return bracketed(n, [Slot(i) for i in positions])


@latex(I.TAKE)
def taken(n: Node) -> Form:
    x, i = n.args
    k = n.attr("axis")
    return bracketed(n, [":"] * k + [Slot(i)] + [":"] * (x.ndim - k - 1))


@latex(M.EXPAND)
def new_axes(n: Node) -> Form:
    return bracketed(n, [r"\ast" if k in n.attr("axes") else ":" for k in range(n.ndim)])


@latex(SIZE)
def as_value(n: Node) -> Form:
    shown = size_latex(n.attr("of"))
    if " " in shown or shown.startswith("-"):
        return form(SUM, shown)
    return form(ATOM if str(n.attr("of")) in n.attr("of").symbols else PRODUCT, shown)


def _listed(name: str) -> Rule:
    return lambda n: form(ATOM, rf"\operatorname{{{name}}}_{{{n.attr('axis')}}}\left(", *comma(n.args), r"\right)")


def _elu(alpha: float) -> str:
    return rf"\operatorname{{ELU}}_{{{number_latex(alpha)}}}"


def _of_size(name: str, key: str) -> Rule:
    return lambda n: form(ATOM, rf"\operatorname{{{name}}}_{{{size_latex(n.attr(key))}}}", *_arguments(n))


def _arguments(n: Node) -> list[str | Slot]:
    return [r"\left(", *comma(n.args), r"\right)"] if n.args else []


latex[LEAF] = lambda n: form(ATOM, name_latex(n.attr("name")))
latex[A.NOT] = lambda n: form(MINUS, r"\neg ", Slot(n.args[0], MINUS + 1))
latex[E.ABS] = lambda n: form(ATOM, r"\left| ", Slot(n.args[0]), r" \right|")
latex[E.SQRT] = lambda n: form(TRANSPOSED, r"\sqrt{", Slot(n.args[0]), "}")
latex[E.LEAKY_RELU] = lambda n: call(rf"\operatorname{{leaky\,ReLU}}_{{{number_latex(n.attr('slope'))}}}")(n)
latex[E.ELU] = lambda n: operator("ELU")(n) if n.attr("alpha") == 1 else call(_elu(n.attr("alpha")))(n)
latex[M.RESHAPE] = shaped("reshape")
latex[L.EYE] = lambda n: form(ATOM, rf"\mathbf{{I}}_{{{size_latex(n.attr('of'))}}}")
latex[L.EINSUM] = lambda n: call(r"\operatorname{einsum}_{" + n.attr("spec").replace("->", r" \to ") + "}")(n)
latex[I.ARANGE] = _of_size("arange", "of")
latex[I.ONE_HOT] = _of_size(r"one\,hot", "classes")
latex[I.CONCATENATE] = _listed("concat")
latex[I.STACK] = _listed("stack")
latex[C.CONV] = convolution.star
latex[C.CONV_KERNEL] = convolution.kernel_family
latex[C.CONV_INPUT] = convolution.image_family

LATEX = IndexedNotation(
    latex,
    default,
    name_latex,
    (r"\left(", r"\right)"),
    lambda name: size_latex(symbol(name)),
    lambda s: rf"\operatorname{{size}}\left({size_latex(s)}\right)",
)


def to_latex(root: Node, labels: Mapping[Node, str] | None = None) -> str:
    r"""`root` as one formula, or as aligned equations where it is long.

    >>> from chainrule.graph.node import leaf
    >>> W, x, b = leaf("W1", ("h", "n")), leaf("x", ("n",)), leaf("b", ("h",))
    >>> print(to_latex(-2 * (W @ x + b) ** 2))
    -2 \, \left(W_{1} \, x + b\right)^{\odot 2}
    """
    equations = LATEX.equations({root: r"\mathrm{result}"}, labels or {})
    return equations[0].expression if len(equations) == 1 else aligned(equations)


def aligned(equations: Iterable[Equation]) -> str:
    """Equations below each other, their signs in line."""
    signs = {False: "=", True: r"\leftarrow"}
    lines = (rf"{e.name} &{signs[e.assigns]} {e.expression}" for e in equations)
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"
