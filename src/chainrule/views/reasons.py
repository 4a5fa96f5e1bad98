"""Why an adjoint is what it is: one sentence for each operation that a cotangent passes, in the field's words.

A rule answers the sentence for the argument in place `k` of the node `y`: ``reason[OP] = lambda y, k: "…"``, or ``""``
where there is nothing to say. Of an operation without a rule the sentence is made from its `vjp` or its `meaning`.
In these sentences y is the result, ȳ its adjoint, and what goes in is x, or a and b.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..calculus.reverse import pull
from ..graph.dims import shape_text
from ..graph.node import LEAF, REAL, Node, number, walk
from ..graph.table import Table
from ..ops import arithmetic as A
from ..ops import convolution as C
from ..ops import elementary as E
from ..ops import indexing as I
from ..ops import linear as L
from ..ops import movement as M
from ..ops import reduce as R
from ..ops.memory import AGAIN
from .notation import plain
from .text import TEXT

Reason = Callable[[Node, int], str]

reason = Table("reason")
"""Op -> Reason."""

kink = Table("kink")
"""Op -> what its derivative is where it has none, ``relu′(0) = 0``, or a function of the node that says it."""

_LONGEST = 90  # characters of a derivative that is still read as a reason


def reasons(y: Node, k: int, shown: Callable[[Node], str]) -> Iterable[str]:
    """The sentences for the step from y's adjoint to that of its argument in place `k`; `shown` writes a quantity."""
    said = reason[y.op](y, k) if y.op in reason else derived(y, k)
    if said:
        yield said
    a = y.args[k]
    if y.op.elementwise and a.shape != y.shape:
        yield _broadcast(a, y, shown(a))


def _broadcast(a: Node, y: Node, name: str) -> str:
    lead = y.ndim - a.ndim
    axes = [i for i in range(y.ndim) if i < lead or (a.shape[i - lead] == 1 and y.shape[i] != 1)]
    if not a.ndim:
        over = f"all {shape_text(y.shape)} entries" if y.ndim > 1 else f"all {y.shape[0]} entries"
        return f"{name} stands in {over}, so its adjoint sums over them"
    if y.ndim == 2 and len(axes) == 1:
        over = f"{y.shape[axes[0]]} {('rows', 'columns')[axes[0]]}"
        return f"{name} was broadcast over {over}, so its adjoint sums over them"
    sizes = ", ".join(f"{i} (size {y.shape[i]})" for i in axes)
    return f"{name} was broadcast along {'axis' if len(axes) == 1 else 'the axes'} {sizes}, so its adjoint sums there"


def derived(y: Node, k: int) -> str:
    """The sentence for an operation that has none filed, from its own derivative, or from its meaning."""
    letters = ["x"] if len(y.args) == 1 else [*"abcdef"] if len(y.args) < 7 else [f"x{j}" for j in range(len(y.args))]
    args = [LEAF(name=f" {c}", shape=a.shape, kind=a.kind) for c, a in zip(letters, y.args)]
    labels = dict(zip(args, letters))
    result = y.op(*args, **dict(y.attrs))
    definition = f"y = {TEXT.write(result, labels)}"
    if y.op.vjp is None:
        if y.op.meaning is None:
            return ""
        meaning = TEXT.write(y.op.meaning(*args, **dict(y.attrs)), labels)
        return f"{definition} means {meaning}, which is derived" if len(meaning) <= _LONGEST else ""
    cotangent = LEAF(name=" y", shape=y.shape, kind=REAL)
    found = [h for a, h in pull(result, cotangent, {args[k]}) if a is args[k]]
    if not found:
        return ""
    shown = TEXT.write(found[0], labels | {cotangent: "ȳ", result: "y"})
    return f"{definition}, so the adjoint of {letters[k]} is {shown}" if len(shown) <= _LONGEST else ""


def always(sentence: str) -> Reason:
    """The same sentence for every argument."""
    return lambda y, k: sentence


def of(first: str, second: str) -> Reason:
    """One sentence for the first argument, one for the second."""
    return lambda y, k: (first, second)[k]


for _op, _said in {
    A.NEG: "", A.STOP: "", AGAIN: "",
    A.LOG: "(log x)′ = 1/x", E.EXP: "(eˣ)′ = eˣ", E.EXPM1: "(eˣ − 1)′ = eˣ", E.LOG1P: "log(1 + x)′ = 1/(1 + x)",
    E.SQRT: "(√x)′ = 1/(2√x)", E.ABS: "|x|′ = sign x", E.SIN: "sin′ = cos", E.COS: "cos′ = −sin",
    E.TANH: "tanh′ = 1 − tanh²", E.ERF: "erf′(x) = 2/√π e^(−x²)", E.SIGMOID: "σ′ = σ(1 − σ)",
    E.SOFTPLUS: "softplus′ = σ", E.RELU: "relu′(x) is 1 where x > 0, else 0",
    E.SILU: "silu(x) = x σ(x), a product", E.GELU: "gelu(x) = x Φ(x), with Φ the normal distribution",
    M.SUM: "a sum hands its adjoint to every summand",
    M.BROADCAST: "what was repeated sums the adjoints of its copies",
    M.EXPAND: "", M.SQUEEZE: "", M.RESHAPE: "a reshape moves entries, and their adjoints back",
    M.FLIP: "entries take their adjoints along", I.PAD: "what stands around x has no part in its adjoint",
    I.SLICE: "entries that were left out get 0",
    I.TAKE: "an entry adds up the adjoints of all places that took it, and gets 0 if none did",
    I.GATHER: "an entry adds up the adjoints of all places that picked it, and gets 0 if none did",
    I.PUT: "each entry reads the adjoint of its place",
    I.SCATTER: "each entry reads the adjoint of its place",
    I.CONCATENATE: "each part gets its piece of the adjoint", I.STACK: "each part gets its piece of the adjoint",
    R.MAX: "the adjoint of a maximum goes to the entry that attains it",
    R.MIN: "the adjoint of a minimum goes to the entry that attains it",
    A.MAXIMUM: "the adjoint goes to the larger one", A.MINIMUM: "the adjoint goes to the smaller one",
    A.CLIP: "the adjoint passes where nothing was clipped",
    R.NORM: "∂‖x‖/∂x = x/‖x‖", R.LOGSUMEXP: "y = log Σ eˣ, so the adjoint of x is softmax(x) ȳ",
    R.SOFTMAX: "p = softmax(x) has ∂pᵢ/∂xⱼ = pᵢ([i = j] − pⱼ), so the adjoint of x is p ⊙ (p̄ − Σ p ⊙ p̄)",
    R.LOG_SOFTMAX: "y = x − log Σ eˣ, so the adjoint of x is ȳ − softmax(x) Σ ȳ",
    L.TRACE: "tr X = ⟨I, X⟩, so the adjoint of X is ȳ I", L.DIAG: "off the diagonal the adjoint is not read",
    A.WHERE: "the branch that is taken gets the adjoint, the other exactly 0",
}.items():  # fmt: skip
    reason[_op] = always(_said)

TRIVIAL = frozenset(
    {"a sum passes its adjoint on to each term", "a difference passes its adjoint on", "a constant factor stays"}
)
"""Said only where there is nothing else to say."""

reason[A.ADD] = always("a sum passes its adjoint on to each term")
reason[A.SUB] = of("a difference passes its adjoint on", "what is subtracted gets the adjoint with a minus sign")
reason[C.CONV] = of(
    "a pixel enters y wherever the kernel w covers it, so its adjoint sums ȳ w over those places",
    "one kernel serves every position of every image x, so its adjoint sums x ȳ over them",
)
reason[L.OUTER] = of("Y = a bᵀ, so the adjoint of a is Ȳ b", "Y = a bᵀ, so the adjoint of b is Ȳᵀ a")


@reason(A.MUL)
def product(y: Node, k: int) -> str:
    other = y.args[1 - k]
    if y.args[0] is y.args[1]:
        return "y = x ⊙ x, and each factor adds ȳ ⊙ x"
    if plain(other):
        return "a constant factor stays"
    sign = " ⊙ " if y.args[0].shape and y.args[1].shape else "·"
    mine, others = ("a", "b") if k == 0 else ("b", "a")
    return f"y = a{sign}b, so the adjoint of {mine} is ȳ{' ⊙ ' if other.shape else '·'}{others}"


@reason(A.DIV)
def quotient(y: Node, k: int) -> str:
    if k == 0:
        return "a constant factor stays" if plain(y.args[1]) else "y = a/b, so the adjoint of a is ȳ/b"
    return "(1/b)′ = −1/b²"


@reason(A.POW)
def power(y: Node, k: int) -> str:
    if k == 1:
        return "∂aᵇ/∂b = aᵇ log a"
    exponent = number(y.args[1])
    if exponent == 2:
        return "(x²)′ = 2x"
    if type(exponent) is int and 2 < exponent < 10:
        return f"(x{_RAISED[exponent]})′ = {exponent}x{_RAISED[exponent - 1]}"
    return "(xᵏ)′ = k xᵏ⁻¹"


_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"


@reason(L.MATMUL)
def matrix_product(y: Node, k: int) -> str:
    a, b = y.args
    ranks = (a.ndim, b.ndim)
    if ranks == (1, 1):
        return f"y = aᵀ b, so the adjoint of {'ab'[k]} is ȳ·{'ba'[k]}"
    if ranks == (2, 1):
        return ("y = A x, so the adjoint of A is ȳ xᵀ", "y = A x, so the adjoint of x is Aᵀ ȳ")[k]
    if ranks == (1, 2):
        return ("y = Aᵀ x, so the adjoint of x is A ȳ", "y = Aᵀ x, so the adjoint of A is x ȳᵀ")[k]
    if b.ndim == 1:
        mine = ("A is ȳ xᵀ, for each matrix of the batch", "x is Aᵀ ȳ, summed over the batch")[k]
        return f"y = A x, so the adjoint of {mine}"
    if a.ndim == 1:
        mine = ("x is A ȳ, summed over the batch", "A is x ȳᵀ, for each matrix of the batch")[k]
        return f"y = Aᵀ x, so the adjoint of {mine}"
    said = ("Y = A B, so the adjoint of A is Ȳ Bᵀ", "Y = A B, so the adjoint of B is Aᵀ Ȳ")[k]
    if y.ndim == 2:
        return said
    shared = y.args[k].shape[:-2] != y.shape[:-2]
    return said + (", summed over the batch" if shared else ", for each matrix of the batch")


@reason(R.MEAN)
def mean(y: Node, k: int) -> str:
    x = y.args[0]
    count = "·".join(str(x.shape[a]) for a in y.attr("axis"))
    return f"a mean of {count} entries hands each of them 1/{f'({count})' if '·' in count else count} of its adjoint"


@reason(M.TRANSPOSE)
def transpose(y: Node, k: int) -> str:
    return "Y = Aᵀ, so the adjoint of A is Ȳᵀ" if y.ndim == 2 else "the axes of the adjoint are put back in order"


@reason(E.LEAKY_RELU)
def leaky_relu(y: Node, k: int) -> str:
    return f"leaky_relu′(x) is 1 where x > 0, else {y.attr('slope'):g}"


@reason(E.ELU)
def elu(y: Node, k: int) -> str:
    alpha = y.attr("alpha")
    return "elu′(x) is 1 where x > 0, else " + ("eˣ = elu(x) + 1" if alpha == 1 else f"{alpha:g}·eˣ")


@reason(L.EINSUM)
def einsum(y: Node, k: int) -> str:
    if len(y.args) == 1:
        return "the adjoint takes the place of the result, under the same indices"
    return "the adjoint takes the argument's place in the sum, and its indices become the result's"


@reason(R.VAR)
def variance(y: Node, k: int) -> str:
    return "var x = mean (x − mean x)², and the part through the mean vanishes since Σ (x − mean x) = 0"


def kinks(y: Node) -> list[str]:
    """What is said of the kinks of an operation, or of those in its meaning."""
    if y.op in kink:
        said = kink[y.op]
        return [said] if isinstance(said, str) else [s for s in [said(y)] if s]
    if y.op.vjp is not None or y.op.meaning is None:
        return []
    args = [LEAF(name=f" {k}", shape=a.shape, kind=a.kind) for k, a in enumerate(y.args)]
    inner = walk(y.op.meaning(*args, **dict(y.attrs)))
    return list(dict.fromkeys(said for m in inner if m.args for said in kinks(m)))


_TIES = "share the adjoint equally among ties"
for _op, _said in {
    E.RELU: "relu′(0) = 0", E.ABS: "|·|′(0) = 0", R.NORM: "norm′(0) = 0, so x/‖x‖ is read as 0 there",
    R.MAX: f"max: {_TIES}", R.MIN: f"min: {_TIES}",
    A.MAXIMUM: f"maximum: {_TIES}", A.MINIMUM: f"minimum: {_TIES}", A.CLIP: "clip: ½ on a bound",
    E.LEAKY_RELU: "leaky_relu′(0) is its slope", E.ELU: "elu′(0) = α",
    A.WHERE: "where: the branch not taken contributes exactly 0",
}.items():  # fmt: skip
    kink[_op] = _said
kink[A.POW] = lambda y: "" if number(y.args[1]) is not None else "∂(xᵏ)/∂k = xᵏ log x is 0 at x = 0"

__all__ = ["TRIVIAL", "Reason", "always", "derived", "kink", "kinks", "of", "reason", "reasons"]
