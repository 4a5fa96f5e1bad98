"""The printed program: self-contained, safe against any name, never writing into what it was given."""

from __future__ import annotations

import gc
import linecache
import subprocess
import sys
import traceback
import weakref
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ops.batch import arrays, computed, program

import chainrule as cr
from chainrule.calculus.reverse import gradients
from chainrule.engines.numpy import DIALECT, ENGINE
from chainrule.face.graph import Graph
from chainrule.graph.errors import GraphError
from chainrule.graph.node import Node, leaf, walk
from chainrule.rewrite.expand import expand
from chainrule.views.source import print_program


def mlp(X: "n d", W: "d k", y: "int[n]"):
    H = cr.gelu(X @ W)
    P = cr.softmax(H)
    return -cr.mean(cr.log(P)[cr.arange(X.shape[0]), y]) + cr.norm(W) * 0.1


POINT = {
    "X": np.linspace(-1, 1, 12).reshape(4, 3),
    "W": np.linspace(-2, 2, 6).reshape(3, 2),
    "y": np.array([0, 1, 1, 0]),
}


def test_the_text_alone_computes_the_same():
    run = program("numpy")
    scope: dict[str, Any] = {}
    exec(run.source, scope)  # type: ignore[attr-defined]
    with np.errstate(all="ignore"):
        answers = scope[run.program.function](*arrays().values())  # type: ignore[attr-defined]
    wanted = [n for r in computed("numpy") for n in (r.value, *r.first.values(), *r.second.values())]
    for a, b in zip(answers, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_the_text_alone_runs_in_another_process(engine: str):
    run = cr.compile(cr.derive(mlp), engine=engine)
    assert "chainrule" not in run.source
    point = ", ".join(f"np.array({a.tolist()})" for a in POINT.values())
    if engine == "xla":
        point = point.replace("np.", "jnp.")
    script = f"{run.source}\nprint([float(r.sum()) for r in {run.program.function}({point})])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    value, slopes = run(**POINT)
    wanted = [float(value), *(float(np.asarray(g).sum()) for g in slopes.values())]
    assert eval(done.stdout) == pytest.approx(
        wanted, rel=1e-12 if engine == "numpy" else 1e-4, abs=1e-12 if engine == "numpy" else 1e-5
    )


def test_inputs_are_never_written_and_results_are_nobodys_views():
    run = program("numpy")
    given = {name: a.copy() for name, a in arrays().items()}
    answers = [a for a in run(**given) if isinstance(a, np.ndarray)]
    for name, a in arrays().items():
        np.testing.assert_array_equal(given[name], a)
    for a in answers:
        a.setflags(write=True)
        a.fill(1)  # whoever owns a result may write into it
    for name, a in arrays().items():
        np.testing.assert_array_equal(given[name], a)
    again = [a for a in run(**given) if isinstance(a, np.ndarray)]
    wanted = [n for r in computed("numpy") for n in (r.value, *r.first.values(), *r.second.values())]
    for a, b in zip(again, [b for b in wanted if isinstance(b, np.ndarray)]):
        np.testing.assert_array_equal(a, b)


def test_results_share_no_memory():
    run = cr.compile(
        cr.trace(lambda x: (x, x, x.T, x[0], cr.einsum("ij->ji", x), cr.diag(x), x * 2, x * 2, x[0, 0]), x=(2, 2))
    )
    x = np.ones((2, 2))
    results = [x, *run(x=x)]
    for k, a in enumerate(results):
        assert not any(np.shares_memory(a, b) for b in results[:k]), k
    both = cr.compile(cr.derive(lambda a, b: cr.sum((a + b) ** 2), a="n", b="n"))(a=[1.0], b=[2.0])[1]
    assert not np.shares_memory(both["a"], both["b"])


HOSTILE = [
    "lambda",
    "class",
    "None",
    "True",
    "np",
    "jnp",
    "jax",
    "math",
    "dtype",
    "float",
    "int",
    "softmax",
    "expit",
    "xdivy",
    "put",
    "erf",
    "zip",
    "slice",
    "len",
    "list",
    "sum",
    "t1",
    "n",
    "size_n",
    "f",
    "f_",
    "ŷ",
    "ﬁ",
    "_",
    "__name__",
    "__debug__",
    "print",
    "self",
    "x_1",
]


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_any_identifier_may_be_a_name(engine: str):
    """All hostile names at once: as inputs, as sizes, as intermediate quantities, as the program's own name."""
    inputs = {normalize("NFKC", name): leaf(name, ("n",)) for name in HOSTILE}  # as Python reads names
    inputs["lambda_matrix"] = leaf("lambda_matrix", ("n", "lambda"))
    total: Node = cr.sum(inputs["lambda_matrix"], axis=1) / inputs["lambda_matrix"].shape[1]
    for x in inputs.values():
        if x.ndim == 1:
            total = total + cr.softmax(x) * cr.sigmoid(x) + cr.xlogy(x, x) * cr.erf(x)
    quantities = {n: name for n, name in zip([n for n in walk(total) if n.args], HOSTILE)}
    point = {name: np.linspace(0.1, 0.9, 3) * (k + 1) / 30 for k, name in enumerate(inputs)}
    point["lambda_matrix"] = np.arange(6.0).reshape(3, 2)
    found = cr.compile(Graph("f", inputs, (total,), quantities), engine=engine)(**point)
    renamed = {name: leaf(f"q{k}", n.shape) for k, (name, n) in enumerate(inputs.items())}
    plain = cr.sum(renamed["lambda_matrix"], axis=1) / 2
    for name in HOSTILE:
        x = renamed[normalize("NFKC", name)]
        plain = plain + cr.softmax(x) * cr.sigmoid(x) + cr.xlogy(x, x) * cr.erf(x)
    wanted = cr.compile(Graph("g", {n.attr("name"): n for n in renamed.values()}, (plain,)))
    np.testing.assert_allclose(found, wanted(**{renamed[k].attr("name"): v for k, v in point.items()}), rtol=1e-12)


def test_any_identifier_may_be_the_programs_name():
    x, i = leaf("x", ("n",)), leaf("i", ("k",), "integer")
    outputs = (cr.softmax(x), cr.take(x, i), cr.sum(cr.pad(x, 1)[::2]))
    for name in [*HOSTILE, "x", "os; import os", "<lambda>", ""]:
        g = Graph(name, {"x": x, "i": i}, (*gradients(cr.sum(outputs[1]), [x]), *outputs))
        run = cr.compile(g)
        assert run.program.function.isidentifier()
        assert run(x=[1.0, 2.0], i=[1, 1])[0].tolist() == [0, 2]


@pytest.mark.parametrize("name", ["x; import os", "x y", "1x", "", "x\n", "x=1", "x)", "x.y", "x#", 3, None])
def test_what_is_no_identifier_never_becomes_an_input(name):
    with pytest.raises(GraphError, match="identifier"):
        leaf(name, ("n",))


def test_a_traceback_shows_the_programs_line():
    run = cr.compile(cr.trace(lambda x: cr.exp(x) * 2, x="n"))
    try:
        run._function("no array")
    except Exception as error:
        text = "".join(traceback.format_exception(error))
    assert "np.exp(x)" in text and "<chainrule" in text


SIZES = ["n", "m"]


@st.composite
def graphs(draw) -> Node:
    """A random graph over x (n,), A (n, m), v (m,) and a scalar s."""
    pool = [leaf("x", ("n",)), leaf("A", ("n", "m")), leaf("v", ("m",)), leaf("s", ())]
    for _ in range(draw(st.integers(2, 9))):
        a = draw(st.sampled_from(pool))
        kind = draw(st.integers(0, 8))
        if kind == 0:
            new = draw(
                st.sampled_from(
                    [cr.tanh, cr.sigmoid, cr.relu, cr.exp, cr.abs, lambda z: -z, lambda z: z**2, cr.softplus]
                )
            )(cr.tanh(a))
        elif kind <= 3:
            others = [b for b in pool if b.shape == a.shape or not b.shape or not a.shape]
            f = draw(
                st.sampled_from(
                    [
                        lambda p, q: p + q,
                        lambda p, q: p - q,
                        lambda p, q: p * q,
                        lambda p, q: p / (1 + q**2),
                        cr.maximum,
                    ]
                )
            )
            new = f(a, draw(st.sampled_from(others)))
        elif kind == 4 and a.ndim:
            new = draw(st.sampled_from([cr.sum, cr.mean, cr.max, cr.norm]))(
                a, axis=draw(st.integers(-1, a.ndim - 1)), keepdims=True
            )
            new = cr.broadcast_to(new, a.shape)
        elif kind == 5 and a.ndim:
            new = draw(st.sampled_from([cr.softmax, cr.log_softmax, cr.flip]))(a)
        elif kind == 6:
            new = draw(st.sampled_from([pool[1] @ pool[2], pool[0] @ pool[1], cr.outer(pool[0], pool[2]), a.T.T]))
        elif kind == 7:
            new = cr.where(a > draw(st.sampled_from([0, 0.5])), a, draw(st.sampled_from([0.0, 1.0])))
        else:
            new = a * draw(st.sampled_from([2, -1.0, 0.5, 0, 1])) + draw(st.sampled_from([0, 1, -0.5]))
        pool.append(new)
    return pool[-1] if draw(st.booleans()) else pool[-1] * pool[-2] if pool[-1].shape == pool[-2].shape else pool[-1]


def random_program(z: Node) -> tuple[Graph, dict[str, np.ndarray]]:
    inputs = {"x": leaf("x", ("n",)), "A": leaf("A", ("n", "m")), "v": leaf("v", ("m",)), "s": leaf("s", ())}
    rng = np.random.default_rng(0)
    point = {"x": rng.normal(size=3), "A": rng.normal(size=(3, 2)), "v": rng.normal(size=2), "s": rng.normal(size=())}
    return Graph("random", inputs, (z, *gradients(cr.sum(z), list(inputs.values())))), point


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_laws_and_memory_reuse_change_nothing(z: Node):
    g, point = random_program(z)
    became = expand(g.outputs, DIALECT.kernel, "numpy")
    plain = ENGINE.load(print_program("plain", list(g.inputs.values()), [became[n] for n in g.outputs], DIALECT))
    before = {k: v.copy() for k, v in point.items()}
    wanted, found = plain(*point.values()), cr.compile(g)(**point)
    for a, b in zip(found, wanted):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8 * (1 + np.abs(b).max()))
    for k, v in point.items():
        np.testing.assert_array_equal(v, before[k])
    value, slopes = (
        cr.compile(Graph("loss", g.inputs, (cr.sum(z),))),
        cr.compile(cr.derive(Graph("loss", g.inputs, (cr.sum(z),)))),
    )
    answer = slopes(**point)
    np.testing.assert_allclose(answer[0], value(**point), rtol=1e-10, atol=1e-10)
    for a, b in zip(answer[1].values(), found[1:]):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-7 * (1 + np.abs(b).max()))


def test_random_graphs_agree_on_xla():
    found: list[Node] = []

    @settings(max_examples=12, deadline=None, database=None, derandomize=True)
    @given(graphs())
    def collect(z: Node) -> None:
        found.append(z)

    collect()
    outputs = [n for z in found for n in random_program(z)[0].outputs]
    g, point = random_program(found[0])
    both = [cr.compile(Graph("many", g.inputs, tuple(outputs)), engine=e)(**point) for e in ("numpy", "xla")]
    for a, b in zip(*both):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8 * (1 + np.abs(a).max()))


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_a_program_that_nobody_holds_is_forgotten(engine: str):
    def step() -> tuple[weakref.ref[Any], str]:
        g = cr.trace(lambda w, x: cr.sum((w - x) ** 2), w="n", x="n")
        run = cr.compile(cr.optim.SGD().step(g), engine)
        run(w=[1.0], x=[2.0], lr=0.1)
        run.steps({"w": np.zeros(2)}, {}, np.zeros((3, 0), int), x=np.ones(2), lr=0.25)
        return weakref.ref(run._function), next(k for k in reversed(linecache.cache) if k.startswith("<chainrule"))

    function, file = step()
    gc.collect()
    assert function() is None
    assert file not in linecache.cache


def test_arrays_go_by_name():
    run = cr.compile(cr.trace(lambda x: x * 2, x="n"))
    with pytest.raises(cr.InputError, match=r"by name: run\(x=x\)"):
        run([1.0, 2.0])


def test_a_precision_can_be_a_type():
    run = cr.compile(cr.trace(lambda x: x * 2, x="n"), dtype=np.float32)
    assert run(x=[1.0]).dtype == np.float32
