"""LaTeX: it converts, it balances, names are one to one, and what it says has the value of the graph."""

from __future__ import annotations

import re
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from latex2mathml.converter import convert
from networks import two_layer
from ops.cases import CASES, Case
from rewrite.evaluate import evaluated
from views.latex_reader import value
from views.printing import LEAVES, K, M, N, grown, op

import chainrule as cr
from chainrule.graph.node import Node, constant, leaf, size_node
from chainrule.views.latex import LATEX, to_latex
from chainrule.views.names import name_latex

s, r, x, y, z, A, B, C, W1, X, V, i, l, c, q = LEAVES
steps = st.lists(st.tuples(*[st.integers(0, 200), *[st.integers(0, 50)] * 3]), min_size=1, max_size=10)
_SCRIPT = re.compile(r"[\^_]")


def sound(text: str) -> None:
    """It converts; groups and \\left \\right balance; nothing has two exponents or two indices."""
    convert(text)
    assert len(re.findall(r"\\left(?![a-z])", text)) == len(re.findall(r"\\right(?![a-z])", text))
    depth, opened, closed = 0, {}, ""
    for k, char in enumerate(text):
        if char in "{}" and text[k - 1] != "\\":
            if char == "{":
                depth += 1
                opened[depth] = text[k - 1] if _SCRIPT.match(text[k - 1]) and text[k - 2 : k - 1] != "\\" else ""
            else:
                assert depth
                closed = opened.pop(depth)
                depth -= 1
                assert not closed or text[k + 1 : k + 2] != closed, f"double {closed} in {text}"
    assert not depth and "NaN" not in text and "Dim(" not in text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.op)
def test_every_operation_is_sound(case: Case):
    sound(to_latex(case.build(**case.leaves())))


@settings(max_examples=150, deadline=None)
@given(steps)
def test_random_graphs_are_sound(way):
    sound(to_latex(grown(way)))


# Names --------------------------------------------------------------------------------------------------------------

PARTS = [
    "W",
    "x",
    "y",
    "hat",
    "yhat",
    "alpha",
    "sigma",
    "logits",
    "1",
    "11",
    "2",
    "_",
    "__",
    "ŷ",
    "bar",
    "in",
    "t",
    "T",
    "prime",
    "α",
    "e",
]
identifiers = st.one_of(
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=5).map("".join),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True),
).filter(str.isidentifier)


@settings(max_examples=200, deadline=None)
@given(st.lists(identifiers, min_size=2, max_size=12, unique=True))
def test_names_are_one_to_one(names):
    assert len({name_latex(name) for name in names}) == len(names)


def test_names_that_come_close():
    names = """W1 W_1 W11 W_11 W1_1 W_1_1 W1_ W_ W _W __W W__1 W__ yhat y_hat ŷ yhat1 yhat_1 ŷ1 y1hat
        xt x_t x_t1 x_t_1 x1_t x_1_t alpha α alpha1 alpha_1 alphahat hat bar x_hat xbar x̄ xhathat x_alpha xalpha
        x_in xin b_1a b1a b_1a_2 b_1a2""".split()  # noqa: SIM905
    shown = [name_latex(name) for name in names]
    assert len(set(shown)) == len(names)
    for text in shown:
        sound(text)


@settings(max_examples=60, deadline=None)
@given(identifiers)
def test_every_name_is_sound(name):
    sound(name_latex(name) + "^{2}")


# Exactly this -------------------------------------------------------------------------------------------------------

yhat, w, P, lam = leaf("yhat", ("n",)), leaf("w", ("n",)), leaf("P", ("n", "k")), leaf("lam")
SAMPLES = [
    (2 * (yhat - y), r"2 \, \left(\hat{y} - y\right)"),
    (cr.sum((yhat - y) ** 2), r"\left\| \hat{y} - y \right\|^{2}"),
    (cr.sum(A**2), r"\left\| A \right\|_F^{2}"),
    (cr.norm(A) ** 2, r"\left(\left\| A \right\|_F\right)^{2}"),
    (-cr.sum(P * cr.log(P)) / size_node(N), r"-\frac{1}{n} \, \sum_{i,j} \left[P \odot \log\left(P\right)\right]_{ij}"),
    (cr.sum(A, axis=0), r"\sum_{i} \left[A\right]_{i,:}"),
    (cr.sum(A, axis=1, keepdims=True), r"\sum_{j} \left[A\right]_{:,j \to 1}"),
    (cr.sum(x) * s, r"\left(\sum_{i} \left[x\right]_{i}\right) \cdot s"),
    (s * cr.sum(x), r"s \cdot \sum_{i} \left[x\right]_{i}"),
    (cr.max(A), r"\max_{i,j} \left[A\right]_{ij}"),
    (cr.maximum(x, y), r"\max\left(x, y\right)"),
    (cr.logsumexp(A, axis=1), r"\log \sum_{j} \exp \left[A\right]_{:,j}"),
    (C @ x + y, r"C \, x + y"),
    (x @ C @ y, r"x^{\top} \, C \, y"),
    (x @ C, r"C^{\top} \, x"),
    (x @ C.T, r"C \, x"),
    (x @ y, r"x^{\top} \, y"),
    (cr.outer(x, z), r"x \, z^{\top}"),
    (C @ (A @ B), r"C \, \left(A \, B\right)"),
    ((A @ B) * C, r"\left(A \, B\right) \odot C"),
    ((A + A).T, r"\left(A + A\right)^{\top}"),
    ((A.T) ** 2, r"\left(A^{\top}\right)^{\odot 2}"),
    (cr.swapaxes(W1, -1, -2), r"\left[W_{1}\right]_{ilj}"),
    (x**2, r"x^{\odot 2}"),
    (s**2, r"s^{2}"),
    (-(s**2), r"-s^{2}"),
    ((-s) ** 2, r"\left(-s\right)^{2}"),
    (x - (y - x), r"x - \left(y - x\right)"),
    (x + op("neg")(y), r"x + \left(-y\right)"),
    (lam * w, r"\mathrm{lam} \cdot w"),
    (2 * (3 * x), r"2 \, \left(3 \, x\right)"),
    (x * 2, r"x \cdot 2"),
    (size_node(N) * x, r"n \cdot x"),
    (2 / size_node(N) * x, r"\frac{2}{n} \, x"),
    (x / s / r, r"\frac{x}{s} \,/\, r"),
    (-x / s, r"-\frac{x}{s}"),
    (x + 1e-5, r"x + 10^{-5}"),
    (x + 1.5e-5, r"x + 1.5 \cdot 10^{-5}"),
    (2.0 * x, r"2 \, x"),
    (cr.where(x > 0, y, 0), r"y \odot \mathbb{1}\left[x > 0\right]"),
    (cr.where(x > 0, 1, 0), r"\mathbb{1}\left[x > 0\right]"),
    (cr.where(cr.equal(x, y), 1, 0), r"\mathbb{1}\left[x = y\right]"),
    (cr.equal(x, y), r"\left(x = y\right)"),
    (
        cr.where(x > 0, x, s) + y,
        r"\left(\begin{cases} x & \text{if } x > 0 \\ s & \text{otherwise} \end{cases}\right) + y",
    ),
    (P[cr.arange(N), i], r"\left[P\right]_{i,\,i_{i}}"),
    (A[:, 0], r"A\left[:, 0\right]"),
    (x[1:], r"x\left[1:\right]"),
    (x[:, None], r"x\left[:, \ast\right]"),
    (cr.broadcast_to(s, ("n", "m")), r"s \cdot \mathbf{1}_{n \times m}"),
    (cr.broadcast_to(1.0, ("n",)), r"\mathbf{1}_{n}"),
    (cr.reshape(A, (1, -1)), r"\operatorname{reshape}_{1 \times nm}\left(A\right)"),
    (cr.broadcast_to(X, (N + 1, N)), r"\operatorname{broadcast}_{(n + 1) \times n}\left(X\right)"),
    (cr.softmax(A), r"\operatorname{softmax}\left(A\right)"),
    (cr.eye("n"), r"\mathbf{I}_{n}"),
    (cr.one_hot(i, K), r"\operatorname{one\,hot}_{k}\left(i\right)"),
    (constant([1.0, -2.0]) * s, r"\begin{pmatrix} 1 \\ -2 \end{pmatrix} \cdot s"),
    (x / size_node(N * M), r"\frac{x}{nm}"),
    (size_node(2 * N) * x, r"2n \cdot x"),
]


@pytest.mark.parametrize("n, expected", SAMPLES, ids=[expected for _, expected in SAMPLES])
def test_exactly_this_latex(n: Node, expected: str):
    assert to_latex(n) == expected
    sound(expected)


def test_the_label_of_a_derivative_is_a_fraction():
    z = r"\frac{\partial L}{\partial Z}"
    shown = {
        C.T: rf"\left({z}\right)^{{\top}}",
        C**2: rf"\left({z}\right)^{{\odot 2}}",
        C @ A: rf"{z} \, A",
        -C: f"-{z}",
        C / s: rf"{z} \,/\, s",
        C * C: rf"{z} \odot {z}",
        cr.sum(C, axis=0): rf"\sum_{{i}} \left[{z}\right]_{{i,:}}",
    }
    for n, expected in shown.items():
        assert LATEX.write(n, {C: z}) == expected
        sound(expected)


def test_a_form_that_opens_an_argument_respects_its_name():
    square = (yhat - y) ** 2
    total = cr.sum(square)
    assert to_latex(total, {square: "e"}) == r"\sum_{i} \left[e\right]_{i}"
    assert to_latex(total, {square.args[0]: "d"}) == r"\left\| d \right\|^{2}"
    minus = -x
    assert to_latex(minus / s, {minus: "m"}) == r"\frac{m}{s}"


def array_only(n: Node) -> Node:
    if not n.ndim:
        raise TypeError
    return n


# Values: read back by a parser of its own ---------------------------------------------------------------------------

START = [s, r, x, y, z, A, B, C, leaf("W1", ("n", "m")), leaf("yhat", ("n",)), *map(constant, (2.0, 3, -1.5, 0.5))] + [
    size_node(N)
]
WAYS: list[Any] = [
    *[lambda a, b, c, f=f: f(a, b) for f in map(op, ["add", "sub", "mul", "div", "matmul"] * 3)],
    *[lambda a, b, c, f=f: f(a) for f in map(op, ("neg", "neg", "sigmoid", "tanh", "exp"))],
    lambda a, b, c: a.T,
    lambda a, b, c: a.T,
    lambda a, b, c: cr.outer(a, b),
    lambda a, b, c: a**2,
    lambda a, b, c: a**3,
    lambda a, b, c: cr.log(cr.exp(a)),
    lambda a, b, c: cr.sum(array_only(a * b + c)),
    lambda a, b, c: cr.sum(array_only(a - b) ** 2),
    lambda a, b, c: cr.norm(array_only(a)),
    lambda a, b, c: cr.sum(a) if a.ndim else a,
    lambda a, b, c: cr.sum(a, axis=0),
    lambda a, b, c: cr.sum(a, axis=1, keepdims=True),
    lambda a, b, c: cr.where(a > b, a, 0),
]
SIZES = {"n": 3, "m": 4}


@settings(max_examples=120, deadline=None)
@given(steps)
def test_printed_latex_has_the_value_of_the_graph(way):
    n = grown(way, START, WAYS)
    assume(n.args)
    rng = np.random.default_rng(0)
    arrays = {
        v.attr("name"): rng.uniform(0.3, 1.2, [SIZES[str(size)] for size in v.shape])
        for v in START
        if v.op.name == "leaf"
    }
    expected = evaluated([n, x], arrays)[0]
    assume(np.all(np.isfinite(expected)) and np.all(np.abs(expected) < 1e9))
    names = {name_latex(name): array for name, array in arrays.items()} | {
        size: np.array(k) for size, k in SIZES.items()
    }
    found = value(LATEX.write(n, {}), names)
    scale = 1e-9 + np.max(np.abs(expected))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-6, err_msg=LATEX.write(n, {}))


# Equations ----------------------------------------------------------------------------------------------------------


def by(v: str, m: str) -> str:
    """∂L/∂v = ∂L/∂m · ∂m/∂v"""
    return (
        rf"\frac{{\partial L}}{{\partial {v}}} &= \frac{{\partial L}}{{\partial {m}}} \cdot "
        rf"\frac{{\partial {m}}}{{\partial {v}}} \\"
    )


YHAT = r"\hat{y}"


def test_the_textbook_derivation():
    d = cr.derive(two_layer, wrt=["W1", "W2"])
    assert d.latex().splitlines() == [
        r"\begin{aligned}",
        r"z &= W_{1} \, x \\",
        r"u &= \sigma\left(z\right) \\",
        r"\hat{y} &= W_{2} \, u \\",
        r"L &= \left\| \hat{y} - y \right\|^{2} \\",
        r"\frac{\partial L}{\partial \hat{y}} &= 2 \, \left(\hat{y} - y\right) \\",
        by("W_{2}", YHAT),
        r" &= \frac{\partial L}{\partial \hat{y}} \, u^{\top} \\",
        by("u", YHAT),
        r" &= W_{2}^{\top} \, \frac{\partial L}{\partial \hat{y}} \\",
        by("z", "u"),
        r" &= \frac{\partial L}{\partial u} \odot u \odot \left(1 - u\right) \\",
        by("W_{1}", "z"),
        r" &= \frac{\partial L}{\partial z} \, x^{\top}",
        r"\end{aligned}",
    ]
    assert d._repr_latex_() == f"$$\n{d.latex()}\n$$"
    sound(d.latex())


def attention(Q: "n d", K: "m d", V: "m e"):
    S = Q @ K.T / cr.sqrt(Q.shape[1])
    A = cr.softmax(S)
    L = cr.mean((A @ V) ** 2)
    return L


def normalised(x: "n d", gamma: "d", beta: "d", y: "int[n]"):
    mu = cr.mean(x, axis=1, keepdims=True)
    xhat = (x - mu) / cr.sqrt(cr.var(x, axis=1, keepdims=True) + 1e-5)
    P = cr.softmax(gamma * xhat + beta)
    L = -cr.mean(cr.log(P[cr.arange(x.shape[0]), y])) + cr.sum(cr.maximum(0, x)) + cr.norm(gamma)
    return L


@pytest.mark.parametrize("f", [two_layer, attention, normalised])
def test_whole_derivations_are_sound(f):
    d = cr.derive(f)
    for e in [*d.graph.equations(LATEX), *d.equations(LATEX)]:
        sound(e.name)
        sound(e.expression)
    sound(d.latex())
    sound(d.graph.latex())
    assert d.graph._repr_latex_().startswith("$$\n\\begin{aligned}")


def test_a_quantity_may_have_the_name_of_a_size():
    n = leaf("n")
    assert to_latex(x / size_node(N) + n) == r"\frac{x}{\operatorname{size}\left(n\right)} + n"


def test_deep_and_shared_graphs_print_in_linear_time():
    start = time.perf_counter()
    deep, shared, right = x, x, x
    for k in range(10_000):
        deep = cr.sin(deep + k)
        right = x - right
    for _ in range(100):
        shared = shared * shared
    assert len(to_latex(shared)) < 5000 and len(to_latex(deep)) < 3_000_000 and len(to_latex(right)) < 3_000_000
    assert to_latex(deep).startswith("\\begin{aligned}\nt_{1} &= ")
    assert time.perf_counter() - start < 20
