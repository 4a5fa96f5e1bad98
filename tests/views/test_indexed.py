"""Index notation: which indices, which sums; matrices stay as they are."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from views import printing
from views.test_latex import sound

import chainrule as cr
from chainrule.graph.node import Node, leaf, walk
from chainrule.views.entries import entries
from chainrule.views.indexed import entry_name
from chainrule.views.latex import LATEX, latex, to_latex
from chainrule.views.notation import ATOM, BIG, Slot, form
from chainrule.views.text import TEXT


def attention(Q: "b h t d", K: "b h s d", V: "b h s e", Y: "b h t e"):
    S = Q @ cr.swapaxes(K, -1, -2) / cr.sqrt(Q.shape[-1])
    P = cr.softmax(S)
    O = P @ V
    L = cr.sum((O - Y) ** 2)
    return L


def layer_norm(x: "b t d", gamma: "d", beta: "d", y: "b t d"):
    mu = cr.mean(x, axis=-1, keepdims=True)
    v = cr.var(x, axis=-1, keepdims=True)
    xhat = (x - mu) / cr.sqrt(v + 1e-5)
    z = gamma * xhat + beta
    L = cr.mean((z - y) ** 2)
    return L


def multi_head(X: "b t d", Wq: "d h e", Wk: "d h e", Wv: "d d", Wo: "d d", Y: "b t d"):
    b, t, d = X.shape
    Q = cr.einsum("btd,dhe->bhte", X, Wq)
    K = cr.einsum("btd,dhe->bhte", X, Wk)
    S = cr.einsum("bhte,bhse->bts", Q, K)
    P = cr.softmax(S / cr.sqrt(d))
    O = cr.reshape(cr.reshape(P @ (X @ Wv), (b * t, d)) @ Wo, (b, t, d))
    L = cr.sum((O - Y) ** 2)
    return L


def sequence_model(X: "b t d", W1: "d h", b1: "h", W2: "h d", y: "int[b t]", E: "n d"):
    Z = X @ W1 + b1
    H = cr.relu(Z)
    O = X + H @ W2 + E[y]
    m = cr.max(O, axis=1)
    L = cr.sum(cr.logsumexp(O, axis=-1)) - cr.norm(m)
    return L


def lines(f) -> list[str]:
    d = cr.derive(f)
    return [str(e) for e in [*d.graph.equations(LATEX), *d.equations(LATEX)]]


def test_attention():
    assert lines(attention) == [
        r"S_{ijkl} = \frac{1}{\sqrt{d}} \, \sum_{m} Q_{ijkm} \, K_{ijlm}",
        r"P_{ijkl} = \operatorname{softmax}_{l}\left(S_{ijkl}\right)",
        r"O_{ijkl} = \sum_{m} P_{ijkm} \, V_{ijml}",
        r"L = \sum_{i,j,k,l} \left(O_{ijkl} - Y_{ijkl}\right)^{2}",
        r"\frac{\partial L}{\partial Y_{ijkl}} = 2 \, \left(Y_{ijkl} - O_{ijkl}\right)",
        r"\frac{\partial L}{\partial O_{ijkl}} = 2 \, \left(O_{ijkl} - Y_{ijkl}\right)",
        r"\frac{\partial L}{\partial V_{ijkl}} = \sum_{m} P_{ijmk} \, \frac{\partial L}{\partial O_{ijml}}",
        r"\frac{\partial L}{\partial P_{ijkl}} = \sum_{m} \frac{\partial L}{\partial O_{ijkm}} \, V_{ijlm}",
        r"\frac{\partial L}{\partial S_{ijkl}} = P_{ijkl} \, \left(\frac{\partial L}{\partial P_{ijkl}} "
        r"- \sum_{m} \frac{\partial L}{\partial P_{ijkm}} \, P_{ijkm}\right)",
        r"\frac{\partial L}{\partial Q_{ijkl}} = \frac{1}{\sqrt{d}} \, "
        r"\sum_{m} \frac{\partial L}{\partial S_{ijkm}} \, K_{ijml}",
        r"\frac{\partial L}{\partial K_{ijkl}} = \frac{1}{\sqrt{d}} \, "
        r"\sum_{m} \frac{\partial L}{\partial S_{ijmk}} \, Q_{ijml}",
    ]


def test_layer_norm():
    assert lines(layer_norm)[:5] == [
        r"\mu_{ij} = \frac{1}{d} \, \sum_{k} x_{ijk}",
        r"v_{ij} = \operatorname{var}_{k} x_{ijk}",
        r"\hat{x}_{ijk} = \frac{x_{ijk} - \mu_{ij}}{\sqrt{v_{ij} + 10^{-5}}}",
        r"z_{ijk} = \gamma_{k} \, \hat{x}_{ijk} + \beta_{k}",
        r"L = \frac{1}{bdt} \, \sum_{i,j,k} \left(z_{ijk} - y_{ijk}\right)^{2}",
    ]


# Exactly this -------------------------------------------------------------------------------------------------------

A, B, X = leaf("A", ("b", "t", "s")), leaf("B", ("b", "s", "e")), leaf("X", ("b", "t", "e"))
W1, w, M, c = leaf("W1", ("s", "e")), leaf("w", ("s",)), leaf("M", ("t", "s")), leaf("c")
U, F, rows = leaf("U", ("b", 1, "s")), leaf("F", ("n", "p", "q", "r")), leaf("y", ("b", "t"), "integer")
z_i = leaf("z_i", ("b", "t", "s"))
SAMPLES = [
    (A @ B, r"\sum_{l} A_{ijl} \, B_{ilk}"),
    (A @ W1, r"\sum_{l} A_{ijl} \, \left[W_{1}\right]_{lk}"),
    (A @ w, r"\sum_{k} A_{ijk} \, w_{k}"),
    (A @ B @ cr.swapaxes(X, 1, 2), r"\sum_{l,m} A_{ijm} \, B_{iml} \, X_{ikl}"),
    (cr.swapaxes(A, 1, 2), r"A_{ikj}"),
    (cr.transpose(A, (1, 2, 0)), r"A_{kij}"),
    (cr.einsum("bts,bse->be", A, B), r"\sum_{k,l} A_{ikl} \, B_{ilj}"),
    (cr.einsum("bts->s", A), r"\sum_{j,k} A_{jki}"),
    (cr.sigmoid(A), r"\sigma\left(A_{ijk}\right)"),
    (A + w, r"A_{ijk} + w_{k}"),
    (A - U, r"A_{ijk} - U_{ik}"),
    (A * M * 2, r"2 \, A_{ijk} \, M_{jk}"),
    (-A, r"-A_{ijk}"),
    (-3 * A / c, r"-\frac{3 \, A_{ijk}}{c}"),
    (A / M, r"\frac{A_{ijk}}{M_{jk}}"),
    (A**2, r"A_{ijk}^{2}"),
    ((A + 1) ** 2, r"\left(A_{ijk} + 1\right)^{2}"),
    (cr.exp(A) - cr.abs(A), r"\exp\left(A_{ijk}\right) - \left| A_{ijk} \right|"),
    (cr.maximum(0, A), r"\max\left(0, A_{ijk}\right)"),
    (cr.where(A > 0, A, 0) * M, r"A_{ijk} \, \mathbb{1}\left[A_{ijk} > 0\right] \, M_{jk}"),
    (cr.sum(A, axis=1), r"\sum_{k} A_{ikj}"),
    (cr.sum(A, axis=1, keepdims=True), r"\sum_{k} A_{ikj}"),
    (cr.sum(A), r"\sum_{i,j,k} A_{ijk}"),
    (cr.sum(A * A) * cr.sum(M), r"\left(\sum_{i,j,k} A_{ijk} \, A_{ijk}\right) \, \sum_{l,m} M_{lm}"),
    (cr.mean(A, axis=-1), r"\frac{1}{s} \, \sum_{k} A_{ijk}"),
    (cr.max(A, axis=0), r"\max_{k} A_{kij}"),
    (cr.argmax(A, axis=2), r"\operatorname{argmax}_{k} A_{ijk}"),
    (cr.var(A, axis=2, ddof=1), r"\operatorname{var}_{k;\,\mathrm{ddof}=1} A_{ijk}"),
    (cr.norm(A, axis=2), r"\sqrt{\sum_{k} A_{ijk}^{2}}"),
    (cr.logsumexp(A, axis=2), r"\log \sum_{k} \exp\left(A_{ijk}\right)"),
    (cr.softmax(A, axis=1), r"\operatorname{softmax}_{j}\left(A_{ijk}\right)"),
    (cr.log_softmax(A), r"\operatorname{log\,softmax}_{k}\left(A_{ijk}\right)"),
    (cr.softmax(A) @ B, r"\sum_{l} \operatorname{softmax}_{l}\left(A_{ijl}\right) \, B_{ilk}"),
    (A * cr.sum(B, axis=(1, 2), keepdims=True), r"A_{ijk} \, \sum_{l,m} B_{ilm}"),
    (F * F, r"F_{ijkl} \, F_{ijkl}"),
    (cr.reshape(A, ("b", -1)), r"\operatorname{reshape}_{b \times st}\left(A\right)"),
    (cr.reshape(A, ("b", -1)) + 1, r"\left[\operatorname{reshape}_{b \times st}\left(A\right)\right]_{ij} + 1"),
    (A[:, 0] * 2, r"2 \, \left[A\left[:, 0, :\right]\right]_{ij}"),
    (cr.concatenate([A, A]) / c, r"\frac{\left[\operatorname{concat}_{0}\left(A, A\right)\right]_{ijk}}{c}"),
    (M[None] * A, r"M_{jk} \, A_{ijk}"),
    (leaf("E", ("n", "d"))[rows] * 2, r"2 \, \left[E\right]_{y_{ij},\,k}"),
    (z_i * A, r"\left[z_{i}\right]_{jkl} \, A_{jkl}"),
    (A + cr.sum(cr.broadcast_to(c, ("b", "t", "s")), axis=0), r"A_{ijk} + b \, c"),
]


@pytest.mark.parametrize("n, expected", SAMPLES, ids=[e for _, e in SAMPLES])
def test_exactly_this(n: Node, expected: str):
    assert to_latex(n) == expected
    sound(expected)


def test_letters_are_none_that_mean_something():
    n = cr.einsum("ijk,jkl->il", leaf("i", ("j", "k", "l")), leaf("P", ("k", "l", "m")))
    assert to_latex(n) == r"\sum_{q,r} i_{nqr} \, P_{qrp}"


def test_matrices_stay_as_they_are():
    X, W, b = leaf("X", ("n", "d")), leaf("W", ("d", "h")), leaf("b", ("h",))
    assert to_latex(cr.softmax(X @ W + b)) == r"\operatorname{softmax}\left(X \, W + b\right)"
    g = cr.trace(lambda X, W, T: (X @ W, T + 1), X="n d", W="d h", T="n d h")
    first, second = g.latex().splitlines()[1:3]
    assert first == r"\mathrm{output}_{(1)} &= X \, W \\"
    assert second == r"\left[\mathrm{output}_{(2)}\right]_{ijk} &= T_{ijk} + 1"


def test_text_has_no_indices():
    d = cr.derive(attention)
    assert str(d.graph.equations(TEXT)[0]) == "S = (Q @ swapaxes(K, -1, -2)) / sqrt(d)"


def test_what_moves_whole_arrays_works_on_named_ones():
    def f(X: "b t d", W: "d e"):
        Y = cr.reshape(X @ W, ("b", -1))
        return cr.reshape(-X, ("b", -1)), Y

    assert cr.trace(f).latex().splitlines()[1:-1] == [
        r"\mathrm{output}_{(1)} &= \operatorname{reshape}_{b \times dt}\left(-X\right) \\",
        r"\left[t_{1}\right]_{ijk} &= \sum_{l} X_{ijl} \, W_{lk} \\",
        r"Y &= \operatorname{reshape}_{b \times et}\left(t_{1}\right)",
    ]


def test_ranges_are_written_where_nothing_else_tells_them():
    x, s = leaf("x", ("n",)), leaf("s")
    spread = cr.broadcast_to(x + s, ("b", "t", "n"))
    e = LATEX.equations({spread: "Y"}, {})[0]
    assert str(e) == r"Y_{ijk} = \left(x_{k} + s\right) \, \left[\mathbf{1}_{b \times t}\right]_{ij}"
    total = cr.sum(cr.exp(cr.broadcast_to(x, ("b", "t", "n"))) + leaf("A", ("t", "n")), axis=0)
    assert to_latex(total) == r"\sum_{k=1}^{b} \left(\exp\left(x_{j}\right) + A_{ij}\right)"


def test_a_gradient_shows_what_it_depends_on_alone():
    d = cr.derive(lambda X: cr.mean(X), X="b t d")
    assert str(d.equations(LATEX)[0]) == r"\frac{\partial L}{\partial X_{ijk}} = \frac{1}{bdt}"


def test_names_with_indices():
    assert entry_name("Q", "ijk") == "Q_{ijk}"
    assert entry_name(r"\mathrm{scores}", "ij") == r"\mathrm{scores}_{ij}"
    assert entry_name("W_{(1)}", "ij") == r"\left[W_{(1)}\right]_{ij}"
    assert entry_name(r"\frac{\partial L}{\partial W_{1}}", "ij") == (
        r"\frac{\partial L}{\partial \left[W_{1}\right]_{ij}}"
    )
    assert entry_name("L", "") == "L"
    assert entry_name("A", ["i", "i_{1}"]) == "A_{i,i_{1}}"


def test_more_axes_than_letters():
    T = leaf("T", tuple(f"n{k}" for k in range(30)))
    shown = to_latex(T + 1)
    sound(shown)
    assert len(set(re.findall(r"[a-z](?:_\{\d+\})?", shown.split("_{", 1)[1]))) == 30


# A user's own operation -----------------------------------------------------------------------------------------------


def test_an_operation_of_a_user():
    op = cr.Op("indexed_roll", shape=lambda x: x)
    swish = cr.Op("indexed_swish", shape=lambda x: x, elementwise=True)
    assert to_latex(op(A) + 1) == r"\left[\operatorname{indexed\_roll}\left(A\right)\right]_{ijk} + 1"
    assert to_latex(op(A)) == r"\operatorname{indexed\_roll}\left(A\right)"
    assert to_latex(swish(A)) == r"\operatorname{indexed\_swish}\left(A_{ijk}\right)"
    latex[swish] = lambda n: form(ATOM, r"\psi\left(", Slot(n.args[0]), r"\right)")
    assert to_latex(swish(A + w)) == r"\psi\left(A_{ijk} + w_{k}\right)"
    entries[op] = lambda e: form(BIG, r"\circlearrowleft ", Slot(e._replace(node=e.node.args[0])))
    assert to_latex(op(A) + 1) == r"\circlearrowleft A_{ijk} + 1"


# Any graph ------------------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 300), *[st.integers(0, 50)] * 3]), min_size=1, max_size=10))
def test_random_graphs_are_sound(way):
    n = printing.grown(way, [leaf("T", ("n", "m", "k")), leaf("S", (1, "m", "k")), *printing.START])
    if any(m.ndim >= 3 for m in walk(n)):
        sound(to_latex(n))


def test_deep_graphs_print_in_linear_time():
    start = time.perf_counter()
    deep, wide = A, A
    for k in range(3000):
        deep = cr.sin(deep + k)
    for _ in range(300):
        wide = wide * A
    assert to_latex(deep).count("&=") > 10
    assert to_latex(wide).count("A_{ijk}") >= 300
    assert LATEX.write(deep, {}).count(r"\sin") == 3000
    assert time.perf_counter() - start < 10
