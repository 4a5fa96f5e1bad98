"""`g.at`, `d.at`: the value and the adjoint of every quantity, named or not, against finite differences and JAX."""

from __future__ import annotations

import warnings

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from networks import two_layer
from rewrite.evaluate import SIZES, evaluated
from rewrite.graphs import LEAVES, graphs

import chainrule as cr
from chainrule.calculus.differentiate import differentiate
from chainrule.calculus.intermediate import every_adjoint, passes_back
from chainrule.graph.errors import GraphError, InputError, NamingError, NoDerivative
from chainrule.graph.node import LEAF, OPS, REAL, Node, Op, leaf, walk
from chainrule.rewrite.engine import rewrite
from chainrule.views.html import mathml


def neuron(w0: "", x0: "", w1: "", x1: "", w2: ""):
    f = cr.sigmoid(w0 * x0 + w1 * x1 + w2)
    return f


NEURON = dict(w0=2.0, x0=-1.0, w1=-3.0, x1=-2.0, w2=-3.0)


def classify(S: "n k", Y: "n k"):
    P = cr.softmax(S)
    return -cr.sum(Y * cr.log(P)) / S.shape[0]


def by_differences(point, n: Node) -> np.ndarray:
    """∂loss/∂n from the graph cut at n, evaluated as it stands."""
    g = point.graph
    free = n if n.op is LEAF else leaf("free", n.shape)
    loss = rewrite([g.output], lambda n: None, {n: free})[g.output]
    values = {k: np.asarray(v, float) for k, v in point.values.items() if k in g.inputs}
    at = np.array(point[n], float)

    leaves = [free, *g.inputs.values()]  # all of them, for the sizes

    def f(x):
        return float(evaluated([loss, *leaves], values | {free.attr("name"): x})[0])

    return cr.numerical_gradient(f, at, h=1e-6)


# Numbers ------------------------------------------------------------------------------------------------------------


def test_a_neuron_as_it_is_done_by_hand():
    p = cr.derive(neuron).at(NEURON)
    assert p["f"] == pytest.approx(0.7310585786300049)
    assert p.adjoint("f") == 1.0
    expected = dict(w0=-0.19661, x0=0.39322, w1=-0.39322, x1=-0.58984, w2=0.19661)
    assert {k: round(float(p.adjoint(k)), 5) for k in expected} == expected
    assert [r.formula for r in p.rows if r.name is None] == [
        "w0·x0", "w1·x1", "w0·x0 + w1·x1", "w0·x0 + w1·x1 + w2"
    ]  # fmt: skip
    assert [round(float(r.adjoint), 5) for r in p.rows if r.name is None] == [0.19661] * 4
    assert [float(r.value) for r in p.rows if r.name is None] == [-2.0, 6.0, 4.0, 1.0]


def test_every_adjoint_agrees_with_finite_differences():
    rng = np.random.default_rng(3)
    shapes = dict(x=(3,), y=(2,), W1=(4, 3), W2=(2, 4))
    p = cr.derive(two_layer).at({k: rng.normal(size=s) for k, s in shapes.items()})
    assert len(p.rows) == 10
    for row in p.rows:
        assert row.adjoint.shape == row.value.shape
        np.testing.assert_allclose(row.adjoint, by_differences(p, row.node), rtol=1e-5, atol=1e-7)


def test_the_gradients_are_those_of_the_compiled_program():
    rng = np.random.default_rng(4)
    arrays = dict(S=rng.normal(size=(5, 3)), Y=rng.dirichlet(np.ones(3), size=5))
    d = cr.derive(classify)
    value, grads = cr.compile(d)(**arrays)
    p = d.at(arrays)
    np.testing.assert_allclose(p.values["output" if "output" in p.values else "L"], value)
    for k, g in grads.items():
        np.testing.assert_allclose(p.adjoint(k), g, rtol=1e-13)


def test_what_stable_laws_pass_by_has_its_own_adjoint():
    """log(softmax(S)) is computed without P, and ∂L/∂P is still −Y/(N P)."""
    arrays = dict(S=np.array([[1.0, -0.5, 2.0], [0.3, 0.2, 0.1]]), Y=np.array([[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]]))
    p = cr.derive(classify).at(arrays)
    P = jax.nn.softmax(arrays["S"])
    np.testing.assert_allclose(p["P"], P, rtol=1e-6)
    np.testing.assert_allclose(p.adjoint("P"), -arrays["Y"] / 2 / p["P"], rtol=1e-12)
    np.testing.assert_allclose(p.adjoint("S"), (p["P"] - arrays["Y"]) / 2, rtol=1e-12)
    log = next(r for r in p.rows if r.formula == "log(P)")
    np.testing.assert_allclose(log.adjoint, -arrays["Y"] / 2, rtol=1e-12)
    for row in p.rows:
        np.testing.assert_allclose(row.adjoint, by_differences(p, row.node), rtol=1e-5, atol=1e-8)


def test_adjoints_stay_finite_at_large_numbers():
    p = cr.derive(classify, wrt="S").at(S=[[1e4, 0.0, -1e4]], Y=[[0.0, 1.0, 0.0]])
    np.testing.assert_array_equal(p.adjoint("S"), [[1.0, -1.0, 0.0]])
    log = next(r for r in p.rows if r.formula == "log(P)")
    np.testing.assert_array_equal(log.value, [[0.0, -1e4, -2e4]])


def test_a_quantity_that_is_used_beside_its_logarithm():
    """Half of what uses P is passed by and half is not: the adjoint is the sum of both."""

    def mixed(s: "k", y: "k"):
        P = cr.softmax(s)
        return cr.sum(P**2) - cr.sum(y * cr.log(P))

    s, y = np.array([0.3, -1.0, 2.0, 0.1]), np.array([0.1, 0.2, 0.3, 0.4])
    p = cr.derive(mixed).at(s=s, y=y)
    np.testing.assert_allclose(p.adjoint("P"), 2 * p["P"] - y / p["P"], rtol=1e-12)

    def loss(s):
        P = jax.nn.softmax(s)
        return jnp.sum(P**2) - jnp.sum(y * jnp.log(P))

    np.testing.assert_allclose(p.adjoint("s"), jax.grad(loss)(s), rtol=1e-4)


def test_composites_and_what_stands_inside_their_meaning():
    outside = Op("twice_and_tanh", shape=lambda x: x, meaning=lambda x: 2 * cr.tanh(x), elementwise=True)
    try:
        g = cr.trace(lambda x: cr.sum(outside(x) * 3 + cr.tanh(x) * x), x="n")
        x = np.array([0.3, -0.7, 1.1])
        p = cr.derive(g).at(x=x)
        tanh = next(r for r in p.rows if r.formula == "tanh(x)")
        np.testing.assert_allclose(tanh.adjoint, x, rtol=1e-12)  # that inside the meaning is another
    finally:
        OPS.pop("twice_and_tanh")


@settings(max_examples=40, deadline=None)
@given(graphs(), st.integers(0, 99))
def test_each_adjoint_is_that_of_a_loss_cut_there(made: list[Node], seed: int):
    root = made[-1]
    assume(root.op is not LEAF and root.kind == REAL)
    loss = cr.sum(root)
    leaves = [n for n in walk(loss) if n.op is LEAF]
    wanted = list(passes_back(loss, leaves))
    found = every_adjoint(loss, wanted)
    alone = [differentiate(loss, [n]).gradients[0] for n in wanted]
    rng = np.random.default_rng(seed)
    values = {n.attr("name"): rng.uniform(0.2, 0.9, [SIZES.get(str(s), s) for s in n.shape]) for n in LEAVES}
    numbers = evaluated([*found.values(), *alone, *LEAVES], values)  # with all leaves, for the sizes
    for a, b in zip(numbers[: len(wanted)], numbers[len(wanted) : 2 * len(wanted)]):
        if np.isfinite(b).all() and abs(b).max() < 1e6:
            np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_kinks_are_what_the_library_says():
    p = cr.derive(lambda x: cr.sum(cr.relu(x)), x="n").at(x=[-1.0, 0.0, 2.0])
    np.testing.assert_array_equal(p.adjoint("x"), [0.0, 0.0, 1.0])


def test_infinities_come_without_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p = cr.derive(lambda x: cr.sum(cr.log(x)), x="n").at(x=[0.0, np.nan])
    assert p.adjoint("x")[0] == np.inf and "nan" in p.text()
    p.svg()


# Asking -------------------------------------------------------------------------------------------------------------


def test_values_and_adjoints_by_name_and_by_node():
    d = cr.derive(neuron, wrt=["w0"])
    p = d.at(NEURON)
    assert set(p.values) == {*NEURON, "f"} and set(p.adjoints) == {"w0", "f"}
    assert p[d.graph["f"]] == p["f"]
    with pytest.raises(NoDerivative, match="no adjoint of x0"):
        p.adjoint("x0")
    with pytest.raises(NamingError, match="no quantity called 'v'"):
        p["v"]
    with pytest.raises(GraphError, match="no quantity of neuron"):
        p[d.graph["f"] + 1]


def test_a_graph_has_values_alone():
    p = cr.trace(two_layer).at(x=[1.0, 2.0], y=[0.0], W1=[[1.0, 1.0]], W2=[[2.0]])
    assert p["z"] == 3.0 and "adjoint" not in p.text()
    with pytest.raises(NoDerivative, match=r"cr\.derive\(two_layer\)\.at"):
        p.adjoint("z")


def test_inputs_named_like_parameters_of_the_method():
    g = cr.trace(lambda self, point: self * point, self="", point="")
    assert g.at({"self": 2, "point": 3})["output"] == g.at(self=2, point=3)["output"] == 6
    assert cr.derive(g).at({"self": 2}, point=3).adjoint("self") == 3


def test_inputs_that_nothing_uses_are_asked_for_and_listed():
    d = cr.derive(lambda x, t: cr.sum(x * x), x="n", t="n")
    p = d.at(x=[1.0, 2.0], t=[5.0, 6.0])
    np.testing.assert_array_equal(p.adjoint("t"), [0.0, 0.0])
    assert p["t"].tolist() == [5.0, 6.0]
    with pytest.raises(InputError, match="missing: t"):
        d.at(x=[1.0, 2.0])


@pytest.mark.parametrize(
    "arrays, message",
    [
        (dict(x=[1.0], y=[0.0], W1=[[1.0]]), "missing: W2"),
        (dict(x=[1.0], y=[0.0], W1=[[1.0]], W2=[[1.0]], w=1), "unknown: w"),
        (dict(x=[1.0, 2.0], y=[0.0], W1=[[1.0]], W2=[[1.0]]), "the size n is 2 in x"),
        (dict(x="a", y=[0.0], W1=[[1.0]], W2=[[1.0]]), "x must be an array of numbers"),
    ],
)
def test_arrays_that_do_not_fit(arrays, message):
    with pytest.raises(InputError, match=message):
        cr.derive(two_layer).at(arrays)
    with pytest.raises(InputError, match=message):
        cr.trace(two_layer).at(arrays)


def test_a_point_is_given_by_name():
    with pytest.raises(GraphError, match="given by name"):
        cr.trace(two_layer).at([1.0])


def test_the_arrays_given_stay_as_they_are():
    x = np.array([1.0, 2.0])
    p = cr.derive(lambda x: cr.sum(x * 2), x="n").at(x=x)
    p["x"][0] = 9.0
    assert x.tolist() == [1.0, 2.0]


def test_integers_and_booleans_have_values_and_no_adjoint():
    p = cr.derive(lambda x, i: cr.sum(cr.where(x > 0, x, 0)) + x[i], x="n", i="int[]").at(x=[1.0, -1.0], i=0)
    assert p["i"] == 0 and p.adjoints.keys() >= {"x"} and "i" not in p.adjoints
    p.text(), p.svg(), p.latex()


# Writing ------------------------------------------------------------------------------------------------------------


def test_text_is_a_table_in_columns():
    lines = cr.derive(neuron, wrt="w0").at(NEURON).text().splitlines()
    assert lines[0].split() == ["quantity", "formula", "value", "adjoint"]
    at = lines[0].index("value")
    assert all(line[at - 2 : at] == "  " for line in lines)
    assert lines[1].split() == ["w0", "2", "∂f/∂w0", "=", "-0.1966"] and lines[2].split() == ["x0", "-1"]


def test_long_expressions_get_names():
    rows = cr.derive(cr.trace(lambda x: _sum(x), x="")).at(x=0.5).rows
    assert any(r.name and r.name.startswith("t") for r in rows)
    assert max(len(r.formula) for r in rows) < 200


def _sum(x):
    made = [x]
    for _ in range(30):
        made.append(cr.tanh(made[-1]) + cr.sin(made[-1]))
    return made[-1]


def test_latex_and_html_show_the_same_numbers():
    p = cr.derive(two_layer).at(x=[1.0, 2.0], y=[0.5], W1=[[1.0, 1.0], [0.25, 4.0]], W2=[[2.0, 3.0]])
    latex = p.latex()
    assert r"\begin{pmatrix} 1 & 1 \\ 0.25 & 4 \end{pmatrix}" in latex and r"\frac{\partial L}{\partial W_{1}}" in latex
    assert latex.count("\n") == 1 + len(p.rows) and latex.count(" &= ") == len(p.rows)
    assert mathml(latex).startswith("<math")
    page = p._repr_html_()
    assert page.count("<tr>") == 1 + len(p.rows) and "<script" not in page
    assert p._repr_latex_() == f"$$\n{latex}\n$$" and p._repr_svg_() == p.svg()


def test_points_are_drawn_to_files(tmp_path):
    p = cr.derive(neuron).at(NEURON)
    assert p.draw(tmp_path / "p.svg").read_text("utf-8") == p.svg() == cr.derive(neuron).svg(at=NEURON)
    assert p.draw(tmp_path / "p.dot").read_text("utf-8") == p.dot()
