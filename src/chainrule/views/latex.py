r"""The graph as mathematics. Elementwise products always show ⊙; juxtaposition is always the matrix product.

Vectors are columns: ``outer(a, b)`` is a bᵀ and ``a @ b`` of two vectors is aᵀ b.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from ..graph.dims import latex as size_latex
from ..graph.node import CONST, LEAF, SIZE, Node, number, value_of
from ..graph.table import Table
from ..ops import arithmetic as A
from ..ops import elementary as E
from ..ops import indexing as I
from ..ops import linear as L
from ..ops import movement as M
from ..ops import reduce as R
from .notation import ATOM, CHOICE, MATRIX_PRODUCT, MINUS, POWER, PRODUCT, SUM, Form, Notation, Slot, comma, form, infix

latex = Table("latex")

_GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)
_ACCENTS = {"hat": r"\hat", "bar": r"\bar", "tilde": r"\tilde"}
_COMBINING = {"\u0302": r"\widehat", "\u0304": r"\overline", "\u0303": r"\widetilde"}


def name_latex(name: str) -> str:
    r"""A quantity's name as mathematics, one to one: W1 → W_{1}, W_1 → W_{(1)}, yhat → \hat{y}, x_t → x_{t}.

    >>> name_latex("W1"), name_latex("W_1"), name_latex("yhat2"), name_latex("logits")
    ('W_{1}', 'W_{(1)}', '\\hat{y}_{2}', '\\mathrm{logits}')
    """
    stem, _, rest = name.partition("_")
    if not stem:
        return r"\mathrm{" + name.replace("_", r"\_") + "}"
    found = re.fullmatch(r"(.*?)(\d*)", stem)
    base, digits = (found[1], found[2]) if found and found[1] else (stem, "")
    below = [digits] if digits else []
    if rest:
        below.append(f"({rest})" if rest.isdecimal() else rest.replace("_", r"\_"))
    return _stem(base) + (f"_{{{','.join(below)}}}" if below else "")


def _stem(base: str) -> str:
    for word, accent in _ACCENTS.items():
        if base.endswith(word) and len(base) > len(word):
            return f"{accent}{{{_stem(base[: -len(word)])}}}"
    parts = unicodedata.normalize("NFD", base)
    if len(parts) == 2 and parts[1] in _COMBINING:
        return f"{_COMBINING[parts[1]]}{{{parts[0]}}}"
    if base in _GREEK:
        return f"\\{base}"
    return base if len(base) == 1 else rf"\mathrm{{{base}}}"


def call(name: str):
    """``name(arguments)``; brackets grow with what they hold."""
    return lambda n: form(ATOM, rf"{name}\left(", *comma(n.args), r"\right)")


def default(n: Node) -> Form:
    attrs = ", ".join(f"{k}={v}" for k, v in n.attrs)
    head = rf"\operatorname{{{n.op.name.replace('_', chr(92) + '_')}}}" + (rf"_{{\text{{{attrs}}}}}" if attrs else "")
    return form(ATOM, rf"{head}\left(", *comma(n.args), r"\right)")


def operator(name: str):
    return call(rf"\operatorname{{{name}}}")


def indices(rank: int) -> list[str]:
    return ["i", "j", "k", "l", "m"][:rank] if rank <= 5 else [f"i_{{{k}}}" for k in range(rank)]


def over(sign: str):
    """A sum, mean, maximum, … over some of the indices, which are written out: Σ_i [x]_{i j}."""

    def rule(n: Node) -> Form:
        (x,), axis = n.args, n.attr("axis")
        letters = indices(x.ndim)
        below = ",".join(letters[a] for a in axis)
        kept = r"_{\text{keep}}" if dict(n.attrs).get("keepdims") else ""
        ddof = dict(n.attrs).get("ddof")
        note = rf"^{{(\mathrm{{ddof}}={ddof})}}" if ddof else ""
        entry = "".join(letters[k] if k in axis else r"\cdot" if x.ndim > 1 else "" for k in range(x.ndim))
        return form(PRODUCT, rf"{sign}{note}_{{{below}}}{kept} \left[", Slot(x), rf"\right]_{{{entry}}}")

    return rule


def softened(name: str):
    def rule(n: Node) -> Form:
        axis = n.attr("axis")
        below = "" if axis == (n.ndim - 1,) else rf"_{{{','.join(indices(n.ndim)[a] for a in axis)}}}"
        return form(ATOM, rf"\operatorname{{{name}}}{below}\left(", Slot(n.args[0]), r"\right)")

    return rule


def shaped(name: str):
    """A change of shape, with the new shape below."""


    def rule(n: Node) -> Form:
        below = r" \times ".join(map(size_latex, n.shape)) or "1"
        return form(ATOM, rf"\operatorname{{{name}}}_{{{below}}}\left(", Slot(n.args[0]), r"\right)")

    return rule


for _op, _sign, _strength in (
    (A.ADD, " + ", SUM), (A.SUB, " - ", SUM), (A.LESS, " < ", CHOICE), (A.LESS_EQUAL, r" \le ", CHOICE),
    (A.GREATER, " > ", CHOICE), (A.GREATER_EQUAL, r" \ge ", CHOICE), (A.EQUAL, " = ", CHOICE),
    (A.AND, r" \wedge ", CHOICE), (A.OR, r" \vee ", CHOICE),
):  # fmt: skip
    latex[_op] = infix(_sign, _strength)
for _op, _sign in {A.LOG: r"\log", E.EXP: r"\exp", E.SIN: r"\sin", E.COS: r"\cos", E.TANH: r"\tanh", E.SIGMOID: r"\sigma",
                   L.TRACE: r"\operatorname{tr}", A.MAXIMUM: r"\max", A.MINIMUM: r"\min"}.items():  # fmt: skip
    latex[_op] = call(_sign)
for _op in (A.CLIP, A.XLOGY, A.XDIVY, E.EXPM1, E.LOG1P, E.SIGN, E.ERF, E.SOFTPLUS, E.RELU, E.SILU, E.GELU, L.DIAG):
    latex[_op] = operator(_op.name)
for _op, _name in {R.SOFTMAX: "softmax", R.LOG_SOFTMAX: "log\\,softmax"}.items():
    latex[_op] = softened(_name)
for _op, _sign in {R.MEAN: r"\operatorname{mean}", R.VAR: r"\operatorname{var}", R.MAX: r"\max", R.MIN: r"\min",
                   R.LOGSUMEXP: r"\operatorname{logsumexp}"}.items():  # fmt: skip
    latex[_op] = over(_sign)
for _op in (M.FLIP, I.SLICE, I.PAD, I.PUT, I.SCATTER, R.ARGMAX, A.STOP):
    latex[_op] = default


@latex(CONST)
def constant(n: Node) -> Form:
    value = number(n)
    if value is None:
        rows = value_of(n) if n.ndim > 1 else [[v] for v in value_of(n)]
        if n.ndim > 2:
            return form(ATOM, rf"\text{{{value_of(n)}}}")
        body = r" \\ ".join(" & ".join(map(_number, row)) for row in rows)
        return form(ATOM, rf"\begin{{pmatrix}} {body} \end{{pmatrix}}")
    return form(SUM if str(value).startswith("-") else ATOM, _number(value))


def _number(value: float | int | bool) -> str:
    if isinstance(value, bool):
        return rf"\mathrm{{{str(value).lower()}}}"
    text = repr(value)
    if text in ("inf", "-inf"):
        return text.replace("inf", r"\infty")
    if text == "nan":
        return r"\mathrm{nan}"
    digits, e, exponent = text.partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if e else digits


@latex(A.MUL)
def product(n: Node) -> Form:
    a, b = n.args
    scaled = not a.ndim or not b.ndim
    if scaled and a.op is CONST and (number(a) or 0) >= 0:  # 2 (ŷ − y)
        sign = r" \cdot " if b.op in (CONST, SIZE) or b.op is A.MUL and b.args[0].op is CONST else r" \, "
    else:
        sign = r" \cdot " if scaled else r" \odot "
    second = Slot(b, MINUS, MATRIX_PRODUCT if scaled else -1)
    return form(PRODUCT, Slot(a, MINUS, PRODUCT), sign, second)


@latex(A.DIV)
def quotient(n: Node) -> Form:
    return form(MINUS, r"\frac{", Slot(n.args[0]), "}{", Slot(n.args[1]), "}")


@latex(A.POW)
def power(n: Node) -> Form:
    elementwise = r"\odot " if n.args[0].ndim else ""
    return form(POWER, Slot(n.args[0], POWER + 1), f"^{{{elementwise}", Slot(n.args[1]), "}")


@latex(A.WHERE)
def choice(n: Node) -> Form:
    c, a, b = n.args
    if number(b) == 0:  # an indicator
        mask = (r"\mathbb{1}\left[", Slot(c), r"\right]")
        if number(a) == 1:
            return form(ATOM, *mask)
        return form(PRODUCT, Slot(a, MINUS, PRODUCT), r" \odot " if n.ndim else r" \cdot ", *mask)
    cases = (Slot(a), r" & \text{if } ", Slot(c), r" \\ ", Slot(b), r" & \text{otherwise}")
    return form(ATOM, r"\begin{cases} ", *cases, r" \end{cases}")


@latex(M.SUM)
def total(n: Node) -> Form:
    x = n.args[0]
    if x.op is A.POW and number(x.args[1]) == 2 and len(n.attr("axis")) == x.ndim and not n.attr("keepdims") and x.ndim <= 2:
        frobenius = "_F" if x.ndim == 2 else ""
        return form(POWER, r"\left\lVert ", Slot(x.args[0]), rf" \right\rVert{frobenius}^2")
    return over(r"\sum")(n)


@latex(R.NORM)
def length(n: Node) -> Form:
    x = n.args[0]
    if len(n.attr("axis")) == x.ndim and not n.attr("keepdims") and x.ndim <= 2:
        return form(ATOM, r"\left\lVert ", Slot(x), r" \right\rVert" + ("_F" if x.ndim == 2 else ""))
    return over(r"\operatorname{norm}")(n)


@latex(L.MATMUL)
def matrix_product(n: Node) -> Form:
    a, b = n.args
    if a.ndim == 1:  # a row from the left: aᵀ b, and Bᵀ a, which is the same vector as aᵀ B
        a, b = (a, b) if b.ndim == 1 else (b, a)
        if a.op is M.TRANSPOSE and a.ndim == 2:
            return form(MATRIX_PRODUCT, Slot(a.args[0], POWER + 1), r" \, ", Slot(b, MINUS))
        return form(MATRIX_PRODUCT, Slot(a, POWER + 1), r"^{\top} \, ", Slot(b, MINUS))
    return form(MATRIX_PRODUCT, Slot(a, MINUS, MATRIX_PRODUCT), r" \, ", Slot(b, MINUS))


@latex(M.TRANSPOSE)
def transpose(n: Node) -> Form:
    if n.ndim == 2:
        return form(POWER + 1, Slot(n.args[0], POWER + 1), r"^{\top}")
    order = "".join(indices(n.ndim)[a] for a in n.attr("axes"))
    return form(POWER + 1, Slot(n.args[0], POWER + 1), rf"^{{\top({order})}}")


@latex(I.GATHER)
def entries(n: Node) -> Form:
    x, *positions = n.args
    letters = indices(n.ndim)
    below: list[str | Slot] = []
    for k, i in enumerate(positions):
        below += [", "] * bool(k) + ([letters[0]] if i.op is I.ARANGE and letters else [Slot(i, ATOM), f"_{letters[0]}" if i.ndim == 1 else ""])
    return form(POWER, r"\left[", Slot(x), r"\right]_{", *below, "}")


@latex(M.EXPAND)
def new_axes(n: Node) -> Form:
    index = ",".join("*" if k in n.attr("axes") else ":" for k in range(n.ndim))
    return form(POWER, r"\left[", Slot(n.args[0]), rf"\right]_{{{index}}}")


latex[LEAF] = lambda n: form(ATOM, name_latex(n.attr("name")))
latex[SIZE] = lambda n: form(ATOM if str(n.attr("of")).isidentifier() else SUM, size_latex(n.attr("of")))
latex[A.NEG] = lambda n: form(SUM, "-", Slot(n.args[0], PRODUCT))
latex[A.NOT] = lambda n: form(MINUS, r"\neg ", Slot(n.args[0], POWER))
latex[E.ABS] = lambda n: form(ATOM, r"\left\lvert ", Slot(n.args[0]), r" \right\rvert")
latex[E.SQRT] = lambda n: form(ATOM, r"\sqrt{", Slot(n.args[0]), "}")
latex[E.LEAKY_RELU] = lambda n: call(rf"\operatorname{{leaky\,relu}}_{{{_number(n.attr('slope'))}}}")(n)
latex[E.ELU] = lambda n: operator("elu")(n) if n.attr("alpha") == 1 else call(rf"\operatorname{{elu}}_{{{_number(n.attr('alpha'))}}}")(n)
latex[E.GELU_TANH] = operator(r"gelu_{\tanh}")
latex[M.BROADCAST] = shaped("broadcast")
latex[M.RESHAPE] = shaped("reshape")
latex[M.SQUEEZE] = shaped("squeeze")
latex[L.OUTER] = lambda n: form(MATRIX_PRODUCT, Slot(n.args[0], MINUS), r" \, ", Slot(n.args[1], POWER + 1), r"^{\top}")
latex[L.EYE] = lambda n: form(ATOM, f"I_{{{size_latex(n.attr('of'))}}}")
latex[L.EINSUM] = lambda n: call(r"\operatorname{einsum}_{" + n.attr("spec").replace("->", r" \to ") + "}")(n)
latex[I.ARANGE] = lambda n: form(ATOM, rf"\operatorname{{arange}}\left({size_latex(n.attr('of'))}\right)")
latex[I.ONE_HOT] = lambda n: form(
    ATOM, rf"\operatorname{{one\,hot}}_{{{size_latex(n.attr('classes'))}}}\left(", Slot(n.args[0]), r"\right)"
)
latex[I.TAKE] = lambda n: form(
    ATOM, rf"\operatorname{{take}}_{{{indices(n.args[0].ndim)[n.attr('axis')]}}}\left(", *comma(n.args), r"\right)"
)
latex[I.CONCATENATE] = lambda n: form(ATOM, rf"\operatorname{{concat}}_{{{n.attr('axis')}}}\left(", *comma(n.args), r"\right)")
latex[I.STACK] = lambda n: form(ATOM, rf"\operatorname{{stack}}_{{{n.attr('axis')}}}\left(", *comma(n.args), r"\right)")

LATEX = Notation(latex, default, name_latex, (r"\left(", r"\right)"))


def to_latex(root: Node, labels: Mapping[Node, str] | None = None) -> str:
    """`root` as one formula, or as aligned equations where it is long."""
    equations = LATEX.equations({root: r"\mathrm{result}"}, labels or {})
    return equations[0].expression if len(equations) == 1 else aligned(equations)


def aligned(equations) -> str:
    lines = (rf"{e.name} &= {e.expression}" for e in equations)
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"
