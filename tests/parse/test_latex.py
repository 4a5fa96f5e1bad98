"""`cr.parse_latex`: what is printed has the value of the graph, what people write has the value they mean, and errors
point at the place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import two_layer
from ops.cases import CASES
from rewrite.evaluate import evaluated
from views import printing
from views.test_indexed import attention, layer_norm, multi_head, sequence_model
from views.test_latex import START, WAYS, normalised

import chainrule as cr
from chainrule.grammar import latex_functions
from chainrule.graph.errors import ParseError
from chainrule.graph.node import LEAF, OPS, Node
from chainrule.views.latex import LATEX, aligned, to_latex
from chainrule.views.names import name_latex

SIZES = {"n": 3, "m": 4, "k": 2}
steps = st.lists(st.tuples(*[st.integers(0, 300), *[st.integers(0, 50)] * 3]), min_size=1, max_size=8)


def declared(leaves: list[Node]) -> dict[str, str]:
    kinds = {"real": "{}", "integer": "int[{}]", "boolean": "bool[{}]"}
    return {v.attr("name"): kinds[v.kind].format(" ".join(map(str, v.shape))) for v in leaves}


def drawn(leaves: list[Node], sizes: Mapping[str, int]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    draw = {
        "real": lambda shape: rng.uniform(0.3, 1.2, shape),
        "integer": lambda shape: rng.integers(0, 2, shape),
        "boolean": lambda shape: rng.integers(0, 2, shape) > 0,
    }
    return {v.attr("name"): draw[v.kind]([sizes.get(str(s), s) for s in v.shape]) for v in leaves}


def same(found: Any, expected: Any) -> bool:
    """Equal, apart from axes of size 1: in index notation they have no index."""
    found, expected = np.squeeze(found), np.squeeze(expected)
    scale = np.max(np.abs(expected[np.isfinite(expected)]), initial=1e-9)
    return found.shape == expected.shape and np.allclose(found / scale, expected / scale, 1e-6, 1e-7, equal_nan=True)


# What is printed ------------------------------------------------------------------------------------------------------

# Of a gradient without a name the formula does not tell the size where positions leave pixels over.
OPERATIONS = sorted({c.op for c in CASES} - {"conv2d_kernel", "conv2d_input"})


@pytest.mark.parametrize("op", OPERATIONS)
def test_every_operation_is_read_as_it_is_printed(op: str):
    cases = [c for c in CASES if c.op == op and c.inputs]
    for case in cases[:: max(len(cases) // 4, 1)]:
        leaves, arrays = case.leaves(), case.arrays()
        n = case.build(**leaves)
        g = cr.parse_latex(to_latex(n), dict(case.inputs))
        expected = evaluated([n, *leaves.values()], arrays)[0]
        assert same(evaluated([g.output, *leaves.values()], arrays)[0], expected), to_latex(n)


def read_back(n: Node, leaves: list[Node]) -> None:
    arrays = drawn(leaves, SIZES)
    expected = np.asarray(evaluated([n, *leaves], arrays)[0], dtype=float)
    assume(np.all(np.isfinite(expected)))
    text = to_latex(n, {v: name_latex(v.attr("name")) for v in leaves})
    g = cr.parse_latex(text, declared(leaves))
    assert same(np.asarray(evaluated([g.output, *leaves], arrays)[0], dtype=float), expected), text


@settings(max_examples=60, deadline=None)
@given(steps)
def test_arithmetic_is_read_as_it_is_printed(way):
    n = printing.grown(way, START, WAYS)
    assume(n.args)
    read_back(n, [v for v in START if v.op is LEAF])


@settings(max_examples=80, deadline=None)
@given(steps)
def test_random_graphs_are_read_as_they_are_printed(way):
    n = printing.grown(way)
    assume(n.args)
    try:
        evaluated([n, *printing.LEAVES], drawn(printing.LEAVES, SIZES))
    except Exception:  # such as a position out of range
        assume(False)
    read_back(n, printing.LEAVES)


def convolutional(X: "b 8 7 3", W1: "3 2 3 4", b1: "4", W2: "2 2 4 5", y: "b 5"):
    Z = cr.conv2d(X, W1, stride=2) + b1
    H = cr.relu(Z)
    O = cr.conv2d(H, W2)
    s = cr.mean(O, axis=(1, 2))
    L = cr.sum((s - y) ** 2)
    return L


def assorted(x: "n 1", A: "n m k", i: "int[n]", g: "1 k"):
    z = A[cr.arange(x.shape[0]), i] * g
    q = cr.swapaxes(A, 0, 2) * x[:, 0]
    w = cr.sum(q, axis=0) + 1
    h = A[1:] - A[:-1]
    P = cr.log_softmax(A, axis=1)
    spread = cr.sum(cr.var(A, axis=0)) + cr.sum(cr.max(A, axis=1)) + cr.norm(A)
    L = cr.sum(z) + cr.sum(w**2) + cr.sum(h**2) + cr.mean(P * A) + spread
    return L


@pytest.mark.parametrize("as_steps", [False, True], ids=["results", "steps"])
@pytest.mark.parametrize(
    "f", [two_layer, normalised, attention, layer_norm, multi_head, sequence_model, convolutional, assorted]
)
def test_whole_derivations_are_read_as_they_are_printed(f, as_steps):
    d = cr.derive(f)
    results = aligned([*d.graph.equations(LATEX), *d.equations(LATEX)])
    text = d.latex(unfold=True) if as_steps else results
    leaves = list(d.graph.inputs.values())
    g = cr.parse_latex(text, declared(leaves))
    assert [n.shape for n in g.outputs] == [(), *(d[k].shape for k in d.wrt)]
    arrays = drawn(leaves, {"b": 2, "h": 2, "t": 3, "s": 5, "d": 4, "e": 6, "n": 3, "m": 5, "k": 2})
    expected = evaluated([d.graph.output, *(d[k] for k in d.wrt), *leaves], arrays)
    for found, wanted in zip(evaluated([*g.outputs, *leaves], arrays), expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)


def test_other_signs_for_adjoints_are_read_too():
    for sign in ("bar", "delta"):
        d = cr.derive(two_layer, wrt="W1", notation=sign)
        g = cr.parse_latex(d.latex(unfold=True), declared(list(d.graph.inputs.values())))
        assert g.output.shape == d["W1"].shape


def test_a_user_s_operation_is_read_by_its_name():
    op = cr.Op("parse_latex_swish", shape=lambda x, *, beta: x, meaning=lambda x, *, beta: x * cr.sigmoid(beta * x))
    try:
        x = cr.trace(lambda x: x + 1, x="n").inputs["x"]
        n = op(x, beta=1.5)
        assert cr.parse_latex(to_latex(n), "x: n").output is n
    finally:
        del OPS["parse_latex_swish"]


# What people write ----------------------------------------------------------------------------------------------------

INPUTS = """x: n, y: n, z: m, A: n m, C: n n, W1: h n, s: , t: , theta: n, Q: k n h, K: k m h, yhat: n, lam: , b: m,
    c: int[n]"""
_rng = np.random.default_rng(0)
x, y, theta = _rng.normal(size=(3, 3))
z, b = _rng.normal(size=(2, 4))
A, C, W1 = _rng.normal(size=(3, 4)), _rng.normal(size=(3, 3)), _rng.normal(size=(5, 3))
Q, K, yhat = _rng.normal(size=(2, 3, 5)), _rng.normal(size=(2, 4, 5)), _rng.uniform(0.1, 0.9, 3)
s, t, lam, c = 1.3, 0.7, 0.3, np.array([2, 0, 1])
VALUES = dict(x=x, y=y, z=z, A=A, C=C, W1=W1, s=s, t=t, theta=theta, Q=Q, K=K, yhat=yhat, lam=lam, b=b, c=c)


def sigma(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def softmax(a: Any) -> Any:
    return np.exp(a) / np.exp(a).sum(-1, keepdims=True)


WRITTEN = [
    *[(f"x{sign} y", x @ y) for sign in (r"^\top", "^T", "^{T}", r"^\intercal", r"^{\mathsf T}", r"^\mathsf{T}")],
    (r"\mathbf{x}^{\top}\mathbf y", x @ y),
    (r"x \cdot y", x @ y),
    (r"x y^\top", np.outer(x, y)),
    (r"x z^\top b", x * (z @ b)),
    (r"x^\top A z", x @ A @ z),
    (r"A^\top C A", A.T @ C @ A),
    (r"C x + y", C @ x + y),
    (r"x \odot y", x * y),
    (r"x \circ y", x * y),
    ("2x", 2 * x),
    (r"s x", s * x),
    (r"3 \times s", 3 * s),
    (r"x \cdot -2", -2 * x),
    *[(norm, x @ x) for norm in (r"\lVert x \rVert_2^2", r"\|x\|^2", "||x||^2", r"\left\Vert x \right\Vert^2")],
    (r"\|A\|_F^2", (A**2).sum()),
    (r"\Vert x\Vert_1", abs(x).sum()),
    (r"\|x\|_\infty", abs(x).max()),
    (r"\|x\|", np.linalg.norm(x)),
    (r"|s - |t||", abs(s - abs(t))),
    *[(f"{frac}12 s", s / 2) for frac in (r"\frac", r"\tfrac", r"\dfrac")],
    (r"\frac{s}{t}", s / t),
    ("s/t", s / t),
    (r"\sqrt{s}", s**0.5),
    (r"\sqrt[3]{s}", s ** (1 / 3)),
    (r"\ln s", np.log(s)),
    (r"e^{-x}", np.exp(-x)),
    (r"\frac{1}{1+e^{-s}}", sigma(s)),
    (r"\sigma(x)", sigma(x)),
    (r"\log \sigma(s)", np.log(sigma(s))),
    (r"\tanh^2(s)", np.tanh(s) ** 2),
    *[(rf"\{name}{{softmax}}\bigl(x\bigr)", softmax(x)) for name in ("operatorname", "mathrm", "text")],
    (r"\max(0, x)", np.maximum(x, 0)),
    (r"\max\{s, t\}", max(s, t)),
    (r"\operatorname{ReLU}(x)", np.maximum(x, 0)),
    (r"\hat y - y", yhat - y),
    (r"\hat{\mathbf{y}} - \mathbf{y}", yhat - y),
    *[(f"{name} x", W1 @ x) for name in ("W_1", "W_{1}", "W^{(1)}", r"\mathbf{W}_1", r"\boldsymbol{W_1}")],
    (r"\boldsymbol{\theta}^\top x", theta @ x),
    (r"\vartheta", theta),
    (r"\lambda \|x\|^2", lam * (x @ x)),
    (r"\sum_{i=1}^{n} x_i y_i", x @ y),
    (r"\sum\limits_{i=0}^{n-1} x_i", x.sum()),
    (r"\sum_i [C]_{i,:}", C.sum(0)),
    (r"\sum_{i} \sum_{j} A_{ij}^2", (A**2).sum()),
    (r"\sum_{i,j} x_i A_{ij} z_j", x @ A @ z),
    (r"\frac{1}{n}\sum_{i=1}^n (x_i - y_i)^2", ((x - y) ** 2).mean()),
    (r"\sum_{i=1}^n s", 3 * s),
    (r"\sum_i C_{ii}", np.trace(C)),
    (r"\sum_j (A A^\top)_{ij} x_j", A @ A.T @ x),
    (r"\sum_i \|A_i\|", np.linalg.norm(A, axis=1).sum()),
    (r"A_{ij} x_i", A * x[:, None]),
    (r"C_{ji}", C.T),
    (r"A_{i,c_i}", A[np.arange(3), c]),
    (r"\sum_i x_{c_i} y_i", x[c] @ y),
    (r"\max_{j} A_{ij}", A.max(1)),
    (r"\log\sum_j e^{A_{ij}}", np.log(np.exp(A).sum(1))),
    (r"\frac{e^{x_i}}{\sum_j e^{x_j}}", softmax(x)),
    (r"(x_i y_j)_{ji}", np.outer(y, x)),
    (r"\sum_l Q_{ijl} K_{ikl}", np.einsum("ijl,ikl->ijk", Q, K)),
    (r"P_{ijk} = \operatorname{softmax}_k\left(\sum_l Q_{ijl}K_{ikl}\right)", softmax(Q @ K.swapaxes(1, 2))),
    (r"v_j = \sum_i C_{ij} x_i", C.T @ x),
    (r"\mathbf{1}^\top x", x.sum()),
    (r"\mathbf 1^\top A", A.sum(0)),
    (r"A \mathbf{1}", A.sum(1)),
    (r"\mathbf{1}_n^\top x", x.sum()),
    (r"A + \mathbf{1} b^\top", A + b),
    (r"\mathbf{I}_{n} x", x),
    (r"\mathbb{1}[x > 0]", x > 0),
    (r"\mathbb{I}(x \geq y) \odot x", np.where(x >= y, x, 0)),
    (r"\begin{bmatrix} 1 & 2 \\ 3 & 4\end{bmatrix}", np.array([[1, 2], [3, 4]])),
    (r"\begin{pmatrix} s \\ t \end{pmatrix}", np.array([s, t])),
    (r"\begin{cases} x, & x > 0 \\ 0.1x, & \text{otherwise}\end{cases}", np.where(x > 0, x, 0.1 * x)),
    (r"\begin{cases} x & \text{if } x > 0 \\ e^x - 1 & \text{else}\end{cases}", np.where(x > 0, x, np.exp(x) - 1)),
    (
        r"-\frac{1}{n}\sum_{i=1}^{n}\left[ \hat y_i \ln \hat y_i + (1-\hat y_i)\ln(1-\hat y_i)\right]",
        -np.mean(yhat * np.log(yhat) + (1 - yhat) * np.log(1 - yhat)),
    ),
    (r"x^2", x**2),
    (r"A^{\circ 2}", A**2),
    (r"s^{-1}", 1 / s),
    (r"\operatorname{Tr}(C^\top C)", np.trace(C.T @ C)),
    (r"2[x - y]", 2 * (x - y)),
    (r"\langle x, y \rangle", x @ y),
    (r"⟨A, |A|⟩^2", (A * abs(A)).sum() ** 2),
    (r"\sum_i \left\langle x, C_i \right\rangle", (C @ x).sum()),
    (r"1{,}234{,}000.5 s", 1234000.5 * s),
    (r"L = \sum_i x_i - y_i + s", (x - y).sum() + s),
    (r"L = \frac1n \sum_i 2 x_i + y_i", (2 * x + y).mean()),
    (r"v_i = \sum_j C_{ij} x_j + y_i", C @ x + y),
    (r"v_i = \sum_i x_i + y_i", x.sum() + y),
    (r"x_i \sum_i y_i", x * y.sum()),
    (r"\sum_i (\theta^\top C_i - y_i) C_i", C.T @ (C @ theta - y)),
    (r"\pi s^2", np.pi * s**2),
    (r"$x^\top\! y \quad$.", x @ y),
    (r"\varphi := s \\ 2\varphi", 2 * s),
    (r"v^{(1)} = A^\top x \\ \tanh(v^{(1)})", np.tanh(A.T @ x)),
    ("\\begin{align*}\n a &= C x % so far\n \\\\ &= C x, \\\\[2pt] L &= a^\\top a \\end{align*}", (C @ x) @ (C @ x)),
]


@pytest.mark.parametrize("latex, expected", WRITTEN, ids=[latex for latex, _ in WRITTEN])
def test_what_people_write(latex: str, expected: Any):
    found = cr.compile(cr.parse_latex(latex, INPUTS))(**VALUES)
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


AS_ARRAYS = [
    (r"\sum_i x_i y_i", "sum(x ⊙ y)"),
    (r"\sum_i x_i^2", "sum(x²)"),
    (r"\sum_i x_i x_i", "sum(x²)"),
    (r"\sum_{ij} A_{ij}^2", "sum(A²)"),
    (r"\sum_{i=1}^n \sum_{j=1}^m A_{ij} \log |A_{ij}|", "sum(A ⊙ log(abs(A)))"),
    (r"\frac1n \sum_i \sum_j s A_{ij}", "(1 / n)·s·sum(A)"),
    (r"\sum_j A_{ij}", "sum(A, axis=1)"),
    (r"\sum_j A_{ij} z_j", "A @ z"),
    (r"\sum_i A_{ij} x_i", "Aᵀ @ x"),
    (r"\sum_i A_{ij} x_i y_i", "Aᵀ @ (x ⊙ y)"),
    (r"\sum_k C_{ik} A_{kj}", "C @ A"),
    (r"v_{kj} = \sum_i A_{ij} C_{ki}", "v = C @ A"),
    (r"v_{ij} = \sum_k A_{kj} C_{ki}", "v = Cᵀ @ A"),
    (r"\sum_j A_{ij} A_{kj}", "A @ Aᵀ"),
    (r"\sum_{kl} C_{ik} C_{kl} A_{lj}", "C @ C @ A"),
    (r"\sum_j A_{ij} z_j A_{kj}", "(A ⊙ z[None, :]) @ Aᵀ"),
    (r"\sum_{ij} x_i A_{ij} z_j", "x @ A @ z"),
    (r"\sum_i x_i \sum_j A_{ij} z_j", "x @ A @ z"),
    (r"\sum_{ij} x_i y_j", "sum(x)·sum(y)"),
    (r"\sum_i x_i \sum_i y_i", "sum(y)·sum(x)"),
    (r"\sum_i C_{ii}", "tr(C)"),
    (r"x_i z_j", "outer(x, z)"),
    (r"v_{ij} = s z_j x_i", "v = s·outer(x, z)"),
    (r"v_{ij} = z_j x_i", "v = outer(x, z)"),
    (r"A_{ij} x_i", "A ⊙ x[:, None]"),
    (r"\sum_i \sum_j C_{ij} (x_i - x_j)^2", "sum(C ⊙ (x[:, None] - x[None, :])²)"),
    (r"r_i = \sum_j A_{ij} \\ L = \sum_i r_i", "r = sum(A, axis=1)\nL = sum(r)"),
    (r"\sum_l Q_{ijl} K_{ikl}", 'einsum("abc,adc->abd", Q, K)'),
    (r"\frac12 \|C x - y\|^2", "0.5·sum((C @ x - y)²)"),
    (r"L = -\sum_i y_i \log x_i + (1-y_i) \log(1-x_i)", "L = -sum(y ⊙ log(x) + (1 - y) ⊙ log(1 - x))"),
]


@pytest.mark.parametrize("latex, text", AS_ARRAYS, ids=[latex for latex, _ in AS_ARRAYS])
def test_indices_become_what_one_would_write_without(latex: str, text: str):
    assert cr.parse_latex(latex, INPUTS).text().removeprefix("output = ") == text


SUBSCRIPTED = {
    "a": "i",
    "b": "i",
    "c": "j",
    "d": "k",
    "A": "ij",
    "B": "ij",
    "C": "jk",
    "D": "kj",
    "E": "jl",
    "T": "ijk",
}
EXTENT = {"i": 2, "j": 3, "k": 4, "l": 5}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(SUBSCRIPTED)), min_size=1, max_size=5),
    st.sets(st.sampled_from("ijkl")),
    st.booleans(),
)
def test_sums_of_products_have_the_value_that_numpy_finds(names: list[str], over: set[str], nested: bool):
    used = sorted({i for name in names for i in SUBSCRIPTED[name]})
    summed, kept = [i for i in used if i in over], [i for i in used if i not in over]
    sums = "".join(rf"\sum_{i} " for i in summed) if nested else rf"\sum_{{{''.join(summed)}}} " * bool(summed)
    product = " ".join(f"{name}_{{{SUBSCRIPTED[name]}}}" for name in names)
    left = f"v_{{{''.join(reversed(kept))}}}" if kept else "v"
    g = cr.parse_latex(f"{left} = {sums}{product}", {n: tuple(EXTENT[i] for i in s) for n, s in SUBSCRIPTED.items()})
    rng = np.random.default_rng(0)
    arrays = {n: rng.normal(size=[EXTENT[i] for i in s]) for n, s in SUBSCRIPTED.items()}
    spec = ",".join(SUBSCRIPTED[name] for name in names) + "->" + "".join(reversed(kept))
    expected = np.einsum(spec, *(arrays[name] for name in names))
    np.testing.assert_allclose(cr.compile(g)(**arrays), expected, rtol=1e-9, atol=1e-9)


LOSSES = [  # in indices and without, the inputs, one of them, and a form in its gradient
    (
        r"z_i = \sum_k W_{ik} x_k \\ L = \sum_i (z_i - y_i)^2", "z = W @ x; L = sum((z - y)**2)",
        "x: n, y: m, W: m n", "W", "outer(∂L/∂z, x)",
    ),
    (
        r"L = \frac1n \sum_{i=1}^n \Bigl(\sum_j X_{ij} w_j - y_i\Bigr)^2 + \lambda \sum_j w_j^2",
        "L = sum((X @ w - y)**2) / n + λ * sum(w**2)", "X: n d, y: n, w: d, λ: ", "w", "Xᵀ @ (X @ w - y)",
    ),
    (
        r"q = \operatorname{softmax}(W x) \\ L = -\sum_i y_i \log q_i", "q = softmax(W @ x); L = -sum(y * log(q))",
        "x: n, y: m, W: m n", "W", "= outer(q - y, x)",
    ),
    (
        r"Z = X W \\ P = \operatorname{softmax}(Z) \\ L = -\frac1N \sum_{i=1}^N \sum_{k} Y_{ik} \log P_{ik}",
        "Z = X @ W; P = softmax(Z); L = -sum(Y * log(P)) / N", "X: N d, W: d K, Y: N K", "Z", "= (P - Y) / N",
    ),
    (
        r"p = \sigma(X w) \\ L = -\sum_i y_i \log p_i + (1 - y_i) \log(1 - p_i)",
        "p = σ(X @ w); L = -sum(y * log(p) + (1 - y) * log(1 - p))", "X: n d, w: d, y: n", "w", "Xᵀ @ (p - y)",
    ),
    (
        r"L = \sum_{i=1}^n \log(1 + e^{-y_i w^\top X_i})", "L = sum(log(1 + exp(-(y * (X @ w)))))",
        "X: n d, y: n, w: d", "w", "-(Xᵀ @ (y ⊙ sigmoid(-(y ⊙ (X @ w)))))",
    ),
    (
        r"L = \sum_{ij} \alpha_i \alpha_j K_{ij}", "L = α @ K @ α", "α: n, K: n n", "α", "= (K + Kᵀ) @ α",
    ),
    (
        r"L = \sum_i \alpha_i - \frac12 \sum_i \sum_j \alpha_i \alpha_j y_i y_j K_{ij}",
        "L = sum(α) - 0.5 * ((α * y) @ K @ (α * y))", "α: n, y: n, K: n n", "α", "(K + Kᵀ) @ (α ⊙ y)",
    ),
]  # fmt: skip


@pytest.mark.parametrize("latex, text, sizes, of, form", LOSSES, ids=[latex for latex, *_ in LOSSES])
def test_losses_in_indices_derive_as_those_without(latex: str, text: str, sizes: str, of: str, form: str):
    d = cr.derive(cr.parse_latex(latex, sizes))
    assert form in d.text()
    assert d[of] is cr.derive(cr.parse(text, sizes))[of]


def test_a_mistake_of_ours_is_not_the_reader_s(monkeypatch: pytest.MonkeyPatch):
    def broken(*_: Any) -> Any:
        raise KeyError("ours")

    monkeypatch.setitem(latex_functions.ENTRYWISE, "tanh", broken)
    with pytest.raises(KeyError, match="ours"):
        cr.parse_latex(r"\tanh(s)", INPUTS)


def test_names_and_gradients():
    g = cr.parse_latex(
        r"\hat{z} = W_1 x \\ L = \|\hat z\|^2 \\ \frac{\partial L}{\partial \hat z} = 2 \hat z \\"
        r"\frac{\partial L}{\partial W_1} = \frac{\partial L}{\partial \hat z} x^\top",
        "x: n, W1: h n",
    )
    assert [g.names[n] for n in g.outputs] == ["L", "dL_dW1"]
    assert g["zhat"] is g.inputs["W1"] @ g.inputs["x"]
    assert cr.derive(g.returning(g.outputs[0]), "W1")["W1"] is g["dL_dW1"]


def test_the_graph_of_a_function_comes_back():
    g = cr.trace(two_layer)
    assert cr.parse_latex(g.latex(), declared(list(g.inputs.values()))).output is g.output


def test_names_that_could_be_two_quantities():
    sizes = "x: n, W1: h n, W_1: h n"
    assert cr.parse_latex(r"W_{1} x", sizes).output.args[0].attr("name") == "W1"
    assert cr.parse_latex(r"W_{(1)} x", sizes).output.args[0].attr("name") == "W_1"
    for name in ("W_1", "W^{(1)}"):
        with pytest.raises(cr.NamingError, match=r"may mean W1 \(W_\{1\}\) and W_1 \(W_\{\(1\)\}\)"):
            cr.parse_latex(f"{name} x", sizes)


def test_a_subscript_is_a_name_before_it_is_an_index():
    assert cr.parse_latex("x_t + 1", "x: n, x_t: ").output.shape == ()
    assert cr.parse_latex("x_t + 1", "x: n").output.shape == cr.trace(lambda x: x, x="n").output.shape


# Errors ---------------------------------------------------------------------------------------------------------------

WRONG = [  # the text, the kind of error, the line and column of the caret, what is said
    (r"v = C ( x + y", ParseError, (1, 7), "`(` is never closed"),
    (r"v = x + y)", ParseError, (1, 10), "closes no bracket"),
    (r"v = x +", ParseError, (1, 8), "breaks off"),
    (r"v = x \odot + y", ParseError, (1, 13), "cannot stand here"),
    ("v = x \\\\\nL = v^\\top w", ParseError, (2, 12), "no quantity called `w`"),
    (r"L = \|\hat{y} - yhta\|^2", ParseError, (1, 20), "did you mean `yhat`"),
    (r"\foo x", ParseError, (1, 1), r"the command `\foo` is not known"),
    (r"\operatorname{sofmax}(x)", ParseError, (1, 1), "no function and no quantity called `sofmax`"),
    (r"x y", cr.ShapeError, (1, 3), "two columns stand side by side"),
    (r"x^\top z", cr.ShapeError, (1, 8), "differ"),
    (r"s + C z", cr.ShapeError, (1, 7), "inner sizes differ"),
    (r"x^\top C + y", cr.ShapeError, (1, 10), "a row and a column"),
    (r"C^2", ParseError, (1, 2), r"A \, A"),
    (r"\log s \, t", ParseError, (1, 11), "around what it takes"),
    (r"s/t x", ParseError, (1, 2), "two ways"),
    (r"x_1", ParseError, (1, 3), "0 or 1"),
    (r"\sum_i s", ParseError, (1, 1), "has the index i"),
    (r"v = -\sum_i x_i - y_i", ParseError, (1, 19), r"put brackets around what \sum_i sums"),
    (r"v = \sum_i x_i + s + y_i", ParseError, (1, 22), r"put brackets around what \sum_i sums"),
    (r"\sum_i x_i + s + y_i", ParseError, (1, 18), "put brackets"),
    (r"v = \sum_{ij} A_{ij} + y_i", ParseError, (1, 24), "put brackets"),
    (r"v = s y_i", ParseError, (1, 9), r"write v_i = … or \sum_i …"),
    (r"\sum_{i=1}^{m} x_i", cr.ShapeError, (1, 1), "runs over"),
    (r"\sum_{i=2}^{n} x_i", ParseError, (1, 7), "whole axis"),
    (r"x_i z_i", cr.ShapeError, None, "the index i runs over"),
    (r"\mathbf{1} \mathbf{1}^\top", cr.ShapeError, (1, 12), "how long"),
    (r"x = 2 y", ParseError, (1, 1), "x is an input"),
    (r"x + y \\ 2 x", ParseError, (1, 1), "no name"),
    (r"\begin{aligned} x", ParseError, (1, 1), "has no"),
    (r"\begin{tikzpicture} x \end{tikzpicture}", ParseError, (1, 1), "not known"),
    (r"x \& y", ParseError, None, "not known"),
    (r"x_1 + \dots + x_n", ParseError, None, "0 or 1"),
    (r"s + \dots + t", ParseError, (1, 5), "write it all"),
    ("", ParseError, (1, 1), "empty"),
    (r"f' + s", ParseError, (1, 1), "no quantity called `f`"),
    (r"\begin{pmatrix} 1 & 2 \\ 3 \end{pmatrix}", ParseError, (1, 1), "differ in length"),
    (r"a < b < c", ParseError, None, "joined by"),
    (r"\operatorname{reshape}_{q}(x)", ParseError, (1, 1), "the sizes are"),
    (r"c \wedge s", cr.KindError, None, "join conditions"),
    (r"\operatorname*{argmax} x", ParseError, (1, 1), r"\operatorname{argmax}_{i} x_{i}"),
    (r"\operatorname{transpose}_{\mathrm{axes}=(0,7)}(A)", ParseError, (1, 1), "do not fit"),
    (r"\exp(x, y)", cr.GraphError, (1, 1), "takes 1 argument, and has 2"),
    (r"a = 2x; b = a", ParseError, (1, 7), r"equations are separated by `\\`"),
    (r"\kappa x", ParseError, (1, 1), 'give its sizes if it is an input, as in "kappa: n"'),
    (r"\sum_i r_i", ParseError, (1, 8), 'no quantity called `r`; give its sizes if it is an input, as in "r: n"'),
    (r"A x", cr.ShapeError, (1, 3), r"`A` is n × m and `x` is n × 1; A^\top x would fit"),
    (r"C A^\top", cr.ShapeError, (1, 3), "C A would fit"),
    (r"C x A", cr.ShapeError, None, "a column stands before a matrix"),
    (r"\langle x \rangle", ParseError, (1, 1), r"\langle x, y \rangle"),
    (r"\langle x, C \rangle", ParseError, (1, 1), "two vectors"),
]


@pytest.mark.parametrize("latex, kind, place, said", WRONG, ids=[w[0] for w in WRONG])
def test_what_is_wrong(latex: str, kind: Any, place: tuple[int, int] | None, said: str):
    with pytest.raises(kind) as caught:
        cr.parse_latex(latex, INPUTS)
    message = str(caught.value)
    assert said in message
    *_, caret = message.splitlines()
    assert caret.strip().startswith("^")
    if place is not None:
        assert caret.index("^") - 2 == place[1] - 1, message
        assert kind is not ParseError or (caught.value.line, caught.value.column) == place


def test_nothing_deep_overflows():
    deep = "(" * 3000 + "s" + ")" * 3000
    with pytest.raises(ParseError, match="nested too deeply"):
        cr.parse_latex(deep, "s: ")
    long = " + ".join(["s"] * 3000)
    assert cr.parse_latex(long, "s: ").output.shape == ()


PIECES = [
    r"x", r"y", r"A", r"C", r"s", r"_", r"^", r"{", r"}", r"(", r")", r"[", r"]", r"|", r"\|", r"\\", r"&", r"=",
    r"+", r"-", r"\cdot", r"\odot", r"\sum", r"_i", r"_{ij}", r"\top", r"\frac", r"\sqrt", r"\exp", r"\log",
    r"\left(", r"\right)", r",", r":", r"2", r"10", r"\mathbf{1}", r"\mathbb{1}", r"\begin{cases}", r"\end{cases}",
    r"\operatorname{softmax}", r"\hat", r"\partial", r"\to", r"<", r"\text{if}", r"e", r"'", r"\star",
]  # fmt: skip


def test_an_empty_choice_is_refused():
    with pytest.raises(cr.ParseError, match=r"the last row says what holds otherwise"):
        cr.parse_latex(r"\begin{cases} \end{cases}", INPUTS)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
def test_any_text_is_read_or_refused(latex: str):
    try:
        cr.parse_latex(latex, INPUTS)
    except cr.ChainruleError as error:
        assert "bug" not in str(error)
