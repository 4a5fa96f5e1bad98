"""Text in: the graph of the Python function, and every text that the text view prints back to its own nodes."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import two_layer
from ops.batch import few
from ops.cases import CASES, Case
from views.printing import LEAVES, K, M, N, grown, op, read_lines

import chainrule as cr
from chainrule.calculus.reverse import gradients
from chainrule.face.graph import Graph
from chainrule.grammar.functions import FUNCTIONS
from chainrule.grammar.text import read_text
from chainrule.graph.dims import Dim
from chainrule.graph.node import LEAF, OPS, REAL, Node, Op, constant, leaf, node, size_node, walk
from chainrule.views.text import to_text

s, r, x, y, z, A, B, C, W1, X, V, i, l, c, q = LEAVES
NAMES = {n.attr("name"): n for n in LEAVES}


def read(text: str, quantities: Mapping[str, Node] = NAMES, sizes: Any = ("n", "m", "k")) -> Node:
    return node(read_text(text, quantities, sizes).result)


# The same graph as from Python --------------------------------------------------------------------------------------


def same(a: Graph, b: Graph) -> bool:
    return (
        a.outputs == b.outputs
        and list(a.inputs.items()) == list(b.inputs.items())
        and a.names == b.names
        and a.written == b.written
        and a.roles == b.roles
        and {n for n in a.origins if n.args} == {n for n in b.origins if n.args}
    )


def sizes_of(g: Graph) -> dict[str, str]:
    """The inputs' sizes as `cr.parse` takes them."""
    kinds = {"real": "{}", "integer": "int[{}]", "boolean": "bool[{}]"}
    return {name: kinds[n.kind].format(" ".join(map(str, n.shape))) for name, n in g.inputs.items()}


def loop(h: "n", W: "n n"):
    for _ in range(3):
        h = cr.tanh(W @ h)
    return cr.sum(h)


def again(x: "n"):
    h = cr.tanh(x)
    h = cr.exp(h)
    h = cr.sin(h)
    return h


def taken(x: "n"):
    h_1 = cr.cos(x)
    h = cr.tanh(h_1)
    h = cr.exp(h)
    return h


def aliased(x: "n"):
    first = cr.exp(x)
    second = first
    return second * 2


def unused(x: "n", b: "m"):
    z = x * 2
    w = cr.exp(z)  # noqa: F841
    return z


def several(x: "n"):
    y = x * 2
    return y, x, cr.sum(y)


def numbers(X: "N d", gamma: "d"):
    eps = 1e-5
    N = X.shape[0]
    k = 2 * 3
    mu = cr.sum(X, axis=0) / N
    v = cr.mean((X - mu) ** k, axis=0)
    out = gamma * (X - mu) / cr.sqrt(v + eps)
    return out


PYTHON = [
    (two_layer, "z = W1 @ x; u = sigmoid(z); yhat = W2 @ u; L = sum((yhat - y)**2)"),
    (
        two_layer,
        "# a network\nz = W1 @ x\nu = cr.sigmoid(z)  # h\n\n  yhat = W2 @ u\nL = ‖yhat − y‖²;\nreturn L",
    ),
    (again, "h = tanh(x); h = exp(h); h = sin(h)"),
    (again, "h = tanh(x)\nh = exp(h)\nh = sin(h)\nh"),
    (taken, "h_1 = cos(x); h = tanh(h_1); h = exp(h)"),
    (aliased, "first = exp(x); second = first; return second * 2"),
    (unused, "z = x·2; w = exp(z); z"),
    (several, "y = x * 2\nreturn y, x, sum(y)"),
    (
        numbers,
        "eps = 1e-5; N = X.shape[0]; k = 2 * 3\nmu = sum(X, axis=0) / N\nv = mean((X - mu)**k, axis=0)\n"
        "out = (\n    gamma * (X - mu)\n    / sqrt(v + eps)\n)",
    ),
]


@pytest.mark.parametrize("f, text", PYTHON, ids=lambda a: getattr(a, "__name__", None))
def test_the_graph_is_that_of_the_python_function(f: Any, text: str):
    g = cr.trace(f)
    assert same(cr.parse(text, sizes=sizes_of(g)), g)


def test_it_derives_and_runs_like_any_graph():
    text = "z = W1 @ x; u = σ(z); yhat = W2 @ u; L = sum((yhat - y)²)"
    g = cr.parse(text, sizes="x: n, y: m, W1: h n, W2: m h")
    assert cr.derive(g).text() == cr.derive(two_layer).text()
    given = {"x": [1.0, 2.0], "y": [0.0], "W1": [[1.0, 0.0]] * 3, "W2": [[1.0, 1.0, 1.0]]}
    assert cr.compile(g)(**given) == cr.compile(cr.trace(two_layer))(**given)
    assert list(g.parameters) == ["W1", "W2"] and g.name == "f"
    assert {origin.line for origin in g.origins.values()} == {1}


@pytest.mark.parametrize("text, printed", [("L = t", "L = t"), ("b = t; L = b", "L = t"), ("t", "output = t")])
def test_an_input_that_is_the_output_reads_back(text: str, printed: str):
    g = cr.parse(text, sizes="t: , u: ")
    again = cr.parse(g.text(), sizes="t: , u: ")
    assert g.text() == again.text() == printed and again.outputs == g.outputs and again.names == g.names
    assert g.latex().count(" &= t") == 1


def test_values_are_assigned_three_times_as_in_a_loop():
    text = "\n".join(["h1 = h"] + ["h1 = tanh(W @ h1)"] * 3 + ["sum(h1)"])
    g, traced = cr.parse(text, sizes="h: n, W: n n"), cr.trace(loop)
    assert g.output is traced.output and set(g.names.values()) == {"h", "W", "h1_1", "h1_2", "h1_3"}


# Back from the text view --------------------------------------------------------------------------------------------

steps = st.lists(st.tuples(*[st.integers(0, 200), *[st.integers(0, 50)] * 3]), min_size=1, max_size=12)


@settings(max_examples=600, deadline=None)
@given(steps)
def test_every_text_reads_back_to_the_identical_node(way: Any):
    n = grown(way)
    text = to_text(n)
    assert read(text) is n
    assert read_lines(text) is n  # and so does Python, with the signs put back


def _known(*roots: Node) -> tuple[dict[str, Node], set[str]]:
    order = walk(*roots)
    parts = [part for n in order for part in (n.shape, *(v for _, v in n.attrs))]
    found = [p for part in parts for p in (part if isinstance(part, tuple) else (part,)) if isinstance(p, Dim)]
    return {n.attr("name"): n for n in order if n.op is LEAF}, set().union(*(d.symbols for d in found))


@pytest.mark.parametrize("k", few(3), ids=lambda k: f"{CASES[k].op}-{k}")
def test_every_operation_and_its_derivative_read_back(k: int):
    case: Case = CASES[k]
    n = case.build(**case.leaves())
    assert read(to_text(n), *_known(n)) is n
    if n.kind == REAL and n.args and case.real:
        wanted = [a for a in walk(n) if a.op is LEAF and a.kind == REAL]
        for g in gradients(cr.sum(cr.sin(n)), wanted):
            assert read(to_text(g), *_known(g)) is g


@pytest.mark.parametrize("f", [two_layer, loop, again, taken, aliased, numbers], ids=lambda f: f.__name__)
def test_the_text_of_a_graph_reads_back(f: Any):
    g = cr.trace(f)
    back = cr.parse(g.text(), sizes=sizes_of(g))
    assert back.output is g.output and list(back.inputs.items()) == list(g.inputs.items())
    assert back.text() == g.text()


@pytest.mark.parametrize("k", [k for k in few(3) if CASES[k].inputs], ids=lambda k: f"{CASES[k].op}-{k}")
def test_a_traced_operation_reads_back(k: int):
    leaves = CASES[k].leaves()
    n = CASES[k].build(**leaves)
    g = Graph("f", leaves, (n,))
    if n.op is not LEAF:
        assert cr.parse(g.text(), sizes=CASES[k].inputs).output is n


def test_long_parts_with_names_of_their_own_read_back():
    def long(x: "n", t1: "n"):
        v = x
        for k in range(150):
            v = cr.sin(v + k) * t1
        return v

    g = cr.trace(long)
    assert len(g.text().splitlines()) > 4
    assert cr.parse(g.text(), sizes=sizes_of(g)).output is g.output


def test_a_derivation_reads_back():
    d = cr.derive(two_layer)
    text = "\n".join(map(str, [*d.forward, *d.equations()]))
    values = read_text(text, d.graph.inputs, "nmh").values
    assert all(values[f"∂L/∂{name}"] is d[name] for name in ("W1", "W2", "z", "u", "x"))
    g = cr.parse(text, sizes=sizes_of(d.graph))
    assert g["dL_dz"] is d["z"] and "dL_dyhat" in cr.compile(g).source


def test_a_label_is_a_name_in_every_notation():
    given = {"∂L/∂Z": C, "z̄": x, "δ_z": y, "W̄1": A, "ŷ": y, "µ": x}
    shown = {
        "(∂L/∂Z)ᵀ @ ∂L/∂Z": C.T @ C,
        "∂L/∂Zᵀ": C.T,
        "∂L / ∂Z + 1": C + 1,
        "d / (∂L/∂Z)": s / C,
        "∂L/∂Z / d": C / s,
        "z̄ ⊙ δ_z": x * y,
        "W̄1ᵀ": A.T,
        "ŷ + y\u0302": y + y,
        "μ": x,
    }
    for text, n in shown.items():
        assert read(text, given | {"d": s}) is n


# Signs --------------------------------------------------------------------------------------------------------------

SIGNS = [
    ("x ⊙ y · x × y ⋅ x ∗ y", x * y * x * y * x * y),
    ("x − y ÷ s", x - y / s),
    ("−x² + +y", -(x**2) + y),
    ("2·x² ⊙ y¹⁰", 2 * x**2 * y**10),
    ("x⁻² + s⁻¹", x**-2 + s**-1),
    ("Aᵀ² @ y²ᵀ", (A.T) ** 2 @ y**2),
    ("2**x²", 2 ** (x**2)),
    ("x²**y", (x**2) ** y),
    ("x**y**2", x ** (y**2)),
    ("√x ⊙ y + √(x ⊙ y)", cr.sqrt(x) * y + cr.sqrt(x * y)),
    ("√(x²) + √((x)²) + (√x)²", cr.sqrt(x**2) + cr.sqrt(x**2) + cr.sqrt(x) ** 2),
    ("√Aᵀ + √B", cr.sqrt(A.T) + cr.sqrt(B)),
    ("2**√s", 2 ** cr.sqrt(s)),
    ("‖x − y‖² / n", cr.sum((x - y) ** 2) / size_node(N)),
    ("‖x‖**2 + ‖x‖ + 2·‖x‖·‖y‖", cr.sum(x**2) + cr.norm(x) + 2 * cr.norm(x) * cr.norm(y)),
    ("‖A‖_F² + ‖x‖₂² + ||y||_2", cr.sum(A**2) + cr.sum(x**2) + cr.norm(y)),
    ("‖‖x‖·y‖³", cr.norm(cr.norm(x) * y) ** 3),
    ("|x| ⊙ |x − |y||", cr.abs(x) * cr.abs(x - cr.abs(y))),
    ("(|x| < 1) | c | (|x| > 2)", ((cr.abs(x) < 1) | c) | (cr.abs(x) > 2)),
    ("x < 1 ∨ c ∧ ¬(x ≥ y) ∧ y ≤ 2", (x < 1) | (c & ~(x >= y) & (y <= 2))),
    ("x ≠ y", ~cr.equal(x, y)),
    ("maximum(−∞, x) + ∞", cr.maximum(-math.inf, x) + math.inf),
    ("σ(x) + ln(y) ⊙ tanh(x)", cr.sigmoid(x) + cr.log(y) * cr.tanh(x)),
    ("∑(x) + Σ(A, axis=0)[0] + trace(C)", cr.sum(x) + cr.sum(A, axis=0)[0] + cr.tr(C)),
    ("W₁[0] @ z", W1[0] @ z),
    ("reshape(A, (n·m,)) + 0", cr.reshape(A, -1) + 0),
    ("x / ⌊n/2⌋ + ⌊(n − 1)/2⌋·2", x / size_node(N // 2) + (N - 1) // 2 * 2),
    ("x[⌊n/2⌋:n // 1]", x[N // 2 :]),
    ("3·n·x", 3 * N * x),
    ("eye(n² // n) @ x", cr.eye(N) @ x),
    ("x.T.shape[0] * A.T.shape[-1] + s", N * N + s),
    ("cr.sum(x, keepdims=True)", cr.sum(x, keepdims=True)),
    ("A[..., 0] + A[:, None, 1][:, 0]", A[..., 0] + A[:, None, 1][:, 0]),
    ("V[[0, 2]] + V[:2]", V[[0, 2]] + V[:2]),
    ("concatenate([x, y,], axis=0)", cr.concatenate([x, y])),
    ("reshape(s, ())", s),
    ("array([[1, 2.5]]) + 1_000", constant([[1, 2.5]]) + 1000),
    ("einsum('ij,jk', A, B)", cr.einsum("ij,jk", A, B)),
    ("True + s", True + s),
]


@pytest.mark.parametrize("text, n", SIGNS, ids=[text for text, _ in SIGNS])
def test_mathematical_signs(text: str, n: Node):
    assert read(text) is n


def test_a_line_may_go_on_in_brackets_and_after_a_backslash():
    assert read("a = (x  # one\n     + y)\nb = a \\\n  + 1\n\n;; b") is x + y + 1
    assert read("a = x;\r\nb = a + 1\r\n") is x + 1


# Sizes --------------------------------------------------------------------------------------------------------------


def test_sizes_are_given_as_text_or_as_a_dictionary():
    text = "x: n, y: int[m], s: , W: 3 n\n mask: bool[n, 4]; ŷ : n d_1 ; v₁: d₁"
    g = cr.parse("s·x", sizes=text)
    shapes = {"x": "n", "y": "int[m]", "s": "", "W": (3, "n"), "mask": "bool[n 4]", "ŷ": "n d_1", "v1": ["d1"]}
    assert g.inputs == cr.parse("s·x", sizes=shapes).inputs
    assert list(g.inputs) == ["x", "y", "s", "W", "mask", "ŷ", "v1"]
    assert [n.kind for n in g.inputs.values()][:5] == ["real", "integer", "real", "real", "boolean"]
    assert str(g.inputs["W"].shape) == "(3, Dim(n))" and g.inputs["s"].shape == ()
    assert cr.parse("x", sizes={"x": 3}).output.shape == (3,)
    assert cr.parse("L = 2.0").output is constant(2.0)


def test_words_of_python_are_names_where_they_are_declared():
    g = cr.parse("W @ x + lambda·sum(x)/in", sizes="W: out in, x: in, lambda: ")
    assert g.output is g["W"] @ g["x"] + g["lambda"] * cr.sum(g["x"]) / size_node("in")
    assert cr.parse(g.text(), sizes=sizes_of(g)).output is g.output
    assert cr.compile(g)(W=[[2.0]], x=[1.0], **{"lambda": 3.0}) == 5.0


def test_a_quantity_and_a_size_of_one_name():
    n = leaf("n")
    given = NAMES | {"n": n}
    assert read("x / size(n) + n", given) is x / size_node(N) + n
    assert read("reshape(x, (n, 1)) + n", given) is cr.reshape(x, (N, 1)) + n
    assert read("x[n - 1] + x[1:n - 1][0] + n", given) is x[N - 1] + x[1 : N - 1][0] + n
    assert read("arange(n) + n·⌊n/2⌋", given) is cr.arange(N) + n * (N // 2)
    k = leaf("k", ("m",), "integer")
    assert read("one_hot(k, k)", NAMES | {"k": k}) is cr.one_hot(k, K)
    assert (
        read("x[k] + put(x[k], k, axis=0, size=k)[0]", NAMES | {"k": k})
        is x[k] + OPS["put"](x[k], k, axis=0, size=K)[0]
    )
    assert read("n = x.shape[0]\nbroadcast_to(s, (n, m))") is cr.broadcast_to(s, (N, M))
    assert read("m = 2; broadcast_to(s, (m,))") is cr.broadcast_to(s, (2,))
    g = cr.trace(lambda x, n: cr.reshape(x, (x.shape[0], 1)) * n / x.shape[0], x="n", n="")
    assert cr.parse(g.text(), sizes="x: n, n: ").output is g.output


def test_names_of_functions_are_free_for_quantities():
    assert read("sum = x + 1; norm = sum(sum); σ = norm; σ(x)·σ") is cr.sigmoid(x) * cr.sum(x + 1)
    given = {"op": A, "size": s, "array": x}
    assert read("opᵀ @ array + op.shape[0]·size + size(n)", given) is A.T @ x + N * s + size_node(N)


# Functions ----------------------------------------------------------------------------------------------------------

OPERATIONS = [name for name in dir(cr) if inspect.isfunction(f := getattr(cr, name)) and ".ops." in f.__module__]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_public_operation_can_be_called(name: str):
    assert FUNCTIONS[name].call is getattr(cr, name)


SIZE_ARGUMENTS = {"n", "shape", "num_classes", "pad_width", "padding", "size"}


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if inspect.isfunction(FUNCTIONS[name].call)])
def test_arguments_that_are_sizes_are_read_as_sizes(name: str):
    f = FUNCTIONS[name]
    for place, argument in enumerate(inspect.signature(f.call).parameters):
        assert f.takes_sizes(argument) == f.takes_sizes(place) == (argument in SIZE_ARGUMENTS), argument


def test_operations_of_ones_own():
    swish = Op("swish_of_text", shape=lambda x, **_: x, meaning=lambda x, *, beta: x * cr.sigmoid(beta * x))
    n = swish(x, beta=2.0) + 1
    assert to_text(n) == "swish_of_text(x, beta=2.0) + 1" and read(to_text(n)) is n
    sized = Op("sized_of_text", shape=lambda x, *, to, mode: (to,), vjp=lambda g, y, x, *, to, mode: [g])
    n = sized(x, to=N + 1, mode="same")
    assert to_text(n) == "sized_of_text(x, mode='same', to=n + 1)" and read(to_text(n), NAMES | {"n": s}) is n
    with pytest.raises(cr.ParseError, match=r"sized_of_text\(…\): it takes 1 argument, and has 2"):
        read("sized_of_text(x, y, to=n)")
    with pytest.raises(cr.ParseError, match="missing 2 required keyword-only arguments"):
        read("sized_of_text(x)")


def test_an_operation_as_it_stands():
    assert read("op.transpose(A, axes=(0, 1))") is op("transpose")(A, axes=(0, 1))
    assert read("xdivy(x, y) + op.gather(x, i)") is OPS["xdivy"](x, y) + OPS["gather"](x, i)
    assert read("scatter(x, i, i, shape=(n, k))") is OPS["scatter"](x, i, i, shape=(N, K))
