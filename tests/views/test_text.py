"""What text prints is Python with six signs of its own, and evaluates to the identical node."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ops.batch import few
from ops.cases import CASES, Case
from views.printing import LEAVES, NAMES, K, M, N, grown, op, python, read, read_lines

import chainrule as cr
from chainrule.calculus.reverse import gradients
from chainrule.graph.dims import symbol
from chainrule.graph.node import LEAF, REAL, Node, constant, leaf, size_node, walk
from chainrule.views.text import TEXT, to_text

s, r, x, y, z, A, B, C, W1, X, V, i, l, c, q = LEAVES
steps = st.lists(st.tuples(*[st.integers(0, 200), *[st.integers(0, 50)] * 3]), min_size=1, max_size=12)


def text(n: Node) -> str:
    return TEXT.write(n, {})


@settings(max_examples=400, deadline=None)
@given(steps)
def test_random_graphs_round_trip(way):
    n = grown(way)
    assert read_lines(to_text(n)) is n


def _names(*roots: Node) -> dict[str, Any]:
    """What the text of these nodes may refer to."""
    order = walk(*roots)
    sizes = {name for n in order for part in (n.shape, *(v for _, v in n.attrs)) for name in _symbols(part)}
    return NAMES | {name: symbol(name) for name in sizes} | {n.attr("name"): n for n in order if n.op is LEAF}


def _symbols(value: Any) -> set[str]:
    if isinstance(value, tuple):
        return set().union(*map(_symbols, value)) if value else set()
    return set(getattr(value, "symbols", ()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.op)
def test_every_operation_round_trips(case: Case):
    n = case.build(**case.leaves())
    assert read_lines(to_text(n), _names(n)) is n


@pytest.mark.parametrize("k", [k for k in few(4) if CASES[k].real], ids=str)
def test_every_derivative_round_trips(k: int):
    n = CASES[k].build(**CASES[k].leaves())
    if n.kind == REAL and n.args:
        wanted = [a for a in walk(n) if a.op is LEAF and a.kind == REAL]
        for g in gradients(cr.sum(cr.sin(n)), wanted):
            assert read_lines(to_text(g), _names(g)) is g


# Exactly this text --------------------------------------------------------------------------------------------------

SAMPLES = [
    (C @ x + y, "C @ x + y"),
    (2 * (x - y) ** 2, "2·(x - y)²"),
    (-(x**2), "-x²"),
    ((-x) ** 2, "(-x)²"),
    (-2 * x, "-2·x"),
    (-(2 * x), "-(2·x)"),
    (op("pow")(constant(-2), x), "(-2)**x"),
    (op("neg")(constant(2)), "-array(2)"),
    (op("pow")(constant(2), constant(3)), "array(2)³"),
    (x ** (y**2), "x**(y²)"),
    (x**-1.0, "x**-1.0"),
    (x**10, "x¹⁰"),
    (op("add")(x, op("neg")(op("mul")(x, y))), "x + (-(x ⊙ y))"),
    (op("add")(x, op("mul")(op("neg")(x), y)), "x + (-x ⊙ y)"),
    (x - (y - x), "x - (y - x)"),
    (x - y - x, "x - y - x"),
    (x * (y * x), "x ⊙ (y ⊙ x)"),
    (x / s * r, "(x / s)·r"),
    (x / (s * r), "x / (s·r)"),
    (x * s / r, "x·s / r"),
    (x / s / r, "(x / s) / r"),
    (2 / size_node(N) * x, "(2 / n)·x"),
    (A @ B @ C, "A @ B @ C"),
    (A @ (B @ C), "A @ (B @ C)"),
    (2 * (A @ B), "2·(A @ B)"),
    ((2 * A) @ B, "(2·A) @ B"),
    ((A + A).T, "(A + A)ᵀ"),
    ((A.T) ** 2, "(Aᵀ)²"),
    (A.T[0], "Aᵀ[0]"),
    (cr.swapaxes(W1, -1, -2), "swapaxes(W1, -1, -2)"),
    (W1.T, "transpose(W1, axes=(2, 1, 0))"),
    (op("less")(op("less")(x, y), c), "(x < y) < c"),
    (op("greater")(constant(0), x), "array(0) > x"),
    ((x < y) & ~c | c, "((x < y) & ~c) | c"),
    (~(x < y), "~(x < y)"),
    (op("logical_and")(constant(True), c), "array(True) & c"),
    (cr.sum(x) / size_node(N), "sum(x) / n"),
    (x / size_node(N * M), "x / (n·m)"),
    (x / size_node(2 * N + 1), "x / (2·n + 1)"),
    (x / size_node(N // 2), "x / ⌊n/2⌋"),
    (op("add")(size_node(N), constant(1)), "size(n) + 1"),
    (op("mul")(constant(2), size_node(N)), "array(2)·n"),
    (cr.sum(A, axis=0), "sum(A, axis=0)"),
    (cr.sum(A, axis=1, keepdims=True), "sum(A, axis=1, keepdims=True)"),
    (cr.var(A, ddof=1), "var(A, ddof=1)"),
    (cr.sum(W1, axis=(0, 2)), "sum(W1, axis=(0, 2))"),
    (cr.softmax(A), "softmax(A)"),
    (cr.softmax(A, axis=0), "softmax(A, axis=0)"),
    (cr.broadcast_to(x, (3, "n")), "broadcast_to(x, (3, n))"),
    (cr.reshape(A, -1), "reshape(A, (n·m,))"),
    (A[:, 0], "A[:, 0]"),
    (x[-1], "x[n - 1]"),
    (A[1:, ::2], "A[1:, ::2]"),
    (x[:, None], "x[:, None]"),
    (A[cr.arange(N), i], "A[arange(n), i]"),
    (A[i], "A[i]"),
    (cr.take(A, i, axis=1), "take(A, i, axis=1)"),
    (cr.one_hot(i, K), "one_hot(i, k)"),
    (cr.pad(x, (0, 2)), "pad(x, [(0, 2)])"),
    (cr.flip(x), "flip(x, axis=0)"),
    (cr.concatenate([x, y]), "concatenate([x, y], axis=0)"),
    (cr.stack([x, y], axis=1), "stack([x, y], axis=1)"),
    (cr.einsum("ij,jk", A, B), 'einsum("ij,jk->ik", A, B)'),
    (cr.gelu(x, approximate=True), "gelu(x, approximate=True)"),
    (cr.elu(x, 0.5), "elu(x, alpha=0.5)"),
    (cr.leaky_relu(x), "leaky_relu(x, slope=0.01)"),
    (cr.where(x > 0, x, 0), "where(x > 0, x, 0)"),
    (constant([1.0, -2.0]) + s, "array([1.0, -2.0]) + s"),
    (cr.maximum(math.inf, x), "maximum(inf, x)"),
    (op("put")(x, i, axis=0, size=N), "put(x, i, axis=0, size=n)"),
    (op("scatter")(x, i, i, shape=(N, K)), "scatter(x, i, i, shape=(n, k))"),
    (op("xdivy")(x, y), "xdivy(x, y)"),
    (op("transpose")(A, axes=(0, 1)), "op.transpose(A, axes=(0, 1))"),
]


@pytest.mark.parametrize("n, expected", SAMPLES, ids=[expected for _, expected in SAMPLES])
def test_exactly_this_text(n: Node, expected: str):
    assert text(n) == expected
    assert read(expected) is n


@pytest.mark.parametrize(
    "value", [2, 2.0, True, False, 0.0, -0.0, -3, 1e-5, 1e22, math.inf, -math.inf, math.nan, -math.nan]
)
def test_numbers_keep_their_kind(value: Any):
    for n in (constant(value), constant([value]), op("add")(constant(value), x), op("maximum")(x, constant(value))):
        assert read(text(n)) is n


def test_the_sign_of_nan():
    assert text(constant(-math.nan)) == "-nan" and text(constant(math.nan)) == "nan"


# Equations ----------------------------------------------------------------------------------------------------------


def _values(lines: list[Any], names: dict[str, Any]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for e in lines:
        found[e.name] = read(e.expression, names | {python(k): n for k, n in found.items()})
        assert found[e.name] is e.node, str(e)
    return found


def network(X: "N d", Y: "N k", W1: "d h", b1: "h", W2: "h k", b2: "k"):
    Z = X @ W1 + b1
    H = cr.relu(Z)
    S = H @ W2 + b2
    P = cr.softmax(S)
    L = -cr.sum(Y * cr.log(P)) / X.shape[0]
    return L


def test_a_graph_is_its_equations():
    g = cr.trace(network)
    assert g.text() == ("Z = X @ W1 + b1\nH = relu(Z)\nS = H @ W2 + b2\nP = softmax(S)\nL = -sum(Y ⊙ log(P)) / N")
    _values(g.equations(), _names(*g.outputs))


def test_a_derivation_is_its_equations():
    d = cr.derive(network)
    names = _names(d.graph.output, *d.adjoints.values())
    found = _values([*d.forward, *d.equations()], names)
    assert all(found[f"∂L/∂{name}"] is d[name] for name in d.wrt)
    assert "∂L/∂W2 = Hᵀ @ ∂L/∂S" in map(str, d.equations())


def test_the_label_of_a_derivative_is_a_fraction():
    d = leaf("d")
    labels = {C: "∂L/∂Z"}
    shown = {
        C.T: "(∂L/∂Z)ᵀ",
        C**2: "(∂L/∂Z)²",
        -C: "-∂L/∂Z",
        C @ A: "∂L/∂Z @ A",
        d / C: "d / (∂L/∂Z)",
        C / d: "∂L/∂Z / d",
        C[0:2]: "(∂L/∂Z)[0:2]",
        d**C: "d**(∂L/∂Z)",
    }
    for n, expected in shown.items():
        expected = expected.replace("[0:2]", "[:2]")
        assert TEXT.write(n, labels) == expected
        assert read(expected, NAMES | {"d_L_Z": C, "d": d}) is n


def test_outputs_that_are_inputs_constants_or_several():
    assert cr.trace(lambda x: (x, x + 1, x + 1), x="n").text() == "output_2 = x + 1"
    assert cr.trace(lambda x: 2.0, x="n").text() == "output = 2.0"
    assert cr.trace(lambda x: x.shape[0], x="n").text() == "output = n"

    def f(x: "n"):
        y = x * 2
        return y, x, cr.sum(y)

    assert cr.trace(f).text() == "y = x·2\noutput_3 = sum(y)"


def test_an_unnamed_loss_is_called_L_forward_and_backward():
    d = cr.derive(lambda x: cr.sum(cr.exp(x)), x="n")
    assert d.text().startswith("L = sum(exp(x))\n\n∂L/∂x = exp(x)\n")
    assert "\\mathrm{output}" not in d.latex()
    taken = cr.derive(lambda x, L: cr.sum(cr.exp(x) * L), x="n", L="n")
    assert taken.text().startswith("output = sum(exp(x) ⊙ L)\n\n∂output/∂")


def long_part(v: Node, k: int = 40) -> Node:
    for j in range(k):
        v = cr.sin(v + j)
    return v


def test_long_and_shared_parts_get_names_that_are_free():
    t1 = leaf("t1", ("n",))
    n = long_part(t1, 80) * long_part(t1, 20) + long_part(t1, 20)
    lines = to_text(n).splitlines()
    assert [line.partition(" = ")[0] for line in lines] == ["t2", "t3", "t4", "t5", "result"]
    assert read_lines(to_text(n), NAMES | {"t1": t1}) is n
    assert to_text(n, {t1: "t2"}).splitlines()[0].startswith("t3 = ")


def test_names_for_long_parts_go_on_from_forward_to_backward():
    d = cr.derive(lambda x, y: cr.sum(long_part(x) * long_part(y)), x="n", y="n")
    lines = [*d.forward, *d.equations()]
    assert len({e.name for e in lines}) == len(lines) > 4
    _values(lines, _names(d.graph.output))


def test_a_quantity_may_have_the_name_of_a_size():
    n = leaf("n")
    assert to_text(x / size_node(N) + n) == "x / size(n) + n"
    assert to_text(x / size_node(N)) == "x / n"
    assert to_text(x / size_node(N) + s, {s: "n"}) == "x / size(n) + n"
    assert read("x / size(n)") is x / size_node(N)


def test_a_form_that_opens_an_argument_respects_its_name():
    part = A[0:1]
    row = cr.squeeze(part, 0)
    assert text(row) == "A[0]"
    assert TEXT.write(row, {part: "first"}) == "squeeze(first, axis=0)"


# Size ---------------------------------------------------------------------------------------------------------------


def test_deep_and_shared_graphs_print_in_linear_time():
    start = time.perf_counter()
    deep = long_part(x, 15_000)
    lines = to_text(deep).splitlines()
    assert 300 < len(lines) < 5000 and max(map(len, lines)) < 600
    h = x
    for _ in range(100):
        h = h * h
    assert len(to_text(h)) < 3000
    assert read_lines(to_text(h)) is h
    right = x
    for _ in range(20_000):
        right = x - right
    assert len(to_text(right)) < 1_000_000
    assert time.perf_counter() - start < 6


def test_nested_signs_take_linear_time():
    n = x
    for k in range(3000):
        n = y + (-n if k % 2 else n * 2)
    assert len(TEXT.write(n, {})) < 100_000
