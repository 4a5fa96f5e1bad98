"""Gradient norms against derivations and closed forms, and the verdict on deep nets."""

from __future__ import annotations

import json

import numpy as np
import pytest

import chainrule as cr
from chainrule.diagnose.norms import norm
from chainrule.graph.errors import GraphError, InputError, NamingError


def deep(activation, depth, scale=None, width=6):
    hidden = [m for _ in range(depth) for m in (cr.nn.Linear(width, width), activation())]
    net = cr.nn.Sequential(cr.nn.Linear(5, width), activation(), *hidden, cr.nn.Linear(width, 3))
    rng = np.random.default_rng(0)
    point = net.initial(1)
    if scale is not None:
        point = {k: scale * a if a.ndim > 1 else a for k, a in point.items()}
    return net.loss_graph(), point | {"X": rng.standard_normal((7, 5)), "y": rng.integers(0, 3, 7)}


def test_the_norms_are_those_of_the_derivation():
    graph, point = deep(cr.nn.Tanh, 2)
    report = cr.diagnose.gradient_norms(graph, point)
    at = cr.derive(graph, list(graph.parameters)).at(point)
    assert set(report.quantities) == {*graph.parameters, "Z1", "Z2", "Z3", "Z4", "H1", "H2", "H3", "P"}
    for k, q in report.quantities.items():
        assert q.norm == pytest.approx(np.linalg.norm(at[k]), rel=1e-12)
        assert q.gradient == pytest.approx(np.linalg.norm(at.adjoint(k)), rel=1e-9)
        assert q.shape == at[k].shape
    _, grads = cr.compile(cr.derive(graph, list(graph.parameters)))(**point)
    for k, g in grads.items():
        assert report.quantities[k].gradient == pytest.approx(np.linalg.norm(g))
    assert report.layers == ("H1", "H2", "H3")
    assert report.factors["H1"] == pytest.approx(
        np.linalg.norm(at.adjoint("H1")) / np.linalg.norm(at.adjoint("H2")), rel=1e-9
    )
    assert np.prod(list(report.factors.values())) == pytest.approx(report.ratio)
    assert report.mean_factor**2 == pytest.approx(report.ratio)


def test_a_deep_sigmoid_net_vanishes():
    report = cr.diagnose.gradient_norms(*deep(cr.nn.Sigmoid, 12))
    assert report.verdict == "vanishing" and report.mean_factor < 0.5
    assert all(f < 1 for f in report.factors.values())
    assert "vanishing" in report.text() and "mean factor" in report.text()


def test_large_weights_explode_and_he_weights_are_steady():
    report = cr.diagnose.gradient_norms(*deep(cr.nn.ReLU, 12, scale=3))
    assert report.verdict == "exploding" and report.mean_factor > 2
    assert cr.diagnose.gradient_norms(*deep(cr.nn.ReLU, 12)).verdict == "steady"


def chain(x: "n", W1: "n n", W2: "n n", W3: "n n", W4: "n n"):
    h1 = W1 @ x
    h2 = W2 @ h1
    h3 = W3 @ h2
    return cr.sum(W4 @ h3)


@pytest.mark.parametrize("factor", [1e-3, 0.05, 0.2, 1.0, 5.0, 20.0, 1e150])
def test_factors_of_a_linear_chain_in_closed_form(factor):
    W = factor * np.eye(2)
    point = {"x": np.ones(2), "W1": W, "W2": W, "W3": W, "W4": W}
    report = cr.diagnose.gradient_norms(cr.trace(chain), point)
    if factor == 1e150:
        assert report.verdict == "not finite"
        return
    assert report.layers == ("h1", "h2", "h3")
    assert list(report.factors.values()) == pytest.approx([factor, factor])
    verdict = "vanishing" if factor**2 < 0.01 else "exploding" if factor**2 > 100 else "steady"
    assert report.verdict == verdict


def test_zero_gradients_and_too_few_layers_have_words_of_their_own():
    Z, W = np.zeros((2, 2)), np.eye(2)
    point = {"x": np.ones(2), "W1": W, "W2": W, "W3": W, "W4": Z}
    assert cr.diagnose.gradient_norms(cr.trace(chain), point).verdict == "zero"
    dead = cr.diagnose.gradient_norms(cr.trace(chain), point | {"W4": W, "W2": Z})
    assert dead.verdict == "vanishing" and dead.factors["h1"] == 0 and dead.ratio == 0
    shallow = cr.nn.Sequential(cr.nn.Linear(2, 3), cr.nn.Tanh(), cr.nn.Linear(3, 2))
    report = cr.diagnose.gradient_norms(shallow.loss_graph("squared_error"),
                                        shallow.initial() | {"X": np.ones((4, 2)), "y": np.ones((4, 2))})  # fmt: skip
    assert report.verdict == "too few layers" and "layers=[...]" in report.text()


def test_layers_without_names_residuals_and_transposes():
    def f(x: "n m", W1: "n n", W2: "n n", W3: "k n"):
        h = cr.tanh(W1 @ x)
        r = h + cr.tanh(W2 @ h)
        return cr.sum(cr.tanh(r.T @ W3.T))

    rng = np.random.default_rng(0)
    sizes = {"x": (3, 4), "W1": (3, 3), "W2": (3, 3), "W3": (2, 3)}
    point = {k: rng.standard_normal(s) for k, s in sizes.items()}
    assert cr.diagnose.gradient_norms(f, point).layers == ("h", "r")

    def g(x: "n", W1: "n n", W2: "n n", W3: "n n"):
        return cr.sum(W3 @ cr.tanh(W2 @ cr.tanh(W1 @ x)))

    report = cr.diagnose.gradient_norms(g, {k: rng.standard_normal((3, 3)) for k in sizes} | {"x": np.ones(3)})
    assert report.layers[0] == "tanh(W1 @ x)" and len(report.layers) == 2


def test_layers_can_be_named():
    graph, point = deep(cr.nn.Tanh, 2)
    report = cr.diagnose.gradient_norms(graph, point, layers=["Z1", "Z4"])
    assert report.layers == ("Z1", "Z4") and len(report.factors) == 1
    with pytest.raises(GraphError, match="not computed from"):
        cr.diagnose.gradient_norms(graph, point, layers=["Z4", "Z1"])
    with pytest.raises(GraphError, match="two or more"):
        cr.diagnose.gradient_norms(graph, point, layers=["Z1"])
    with pytest.raises(GraphError, match="two or more"):
        cr.diagnose.gradient_norms(graph, point, layers="Z1")
    with pytest.raises(NamingError, match="W1 is no hidden"):
        cr.diagnose.gradient_norms(graph, point, layers=["W1", "Z1"])
    with pytest.raises(NamingError, match="Z9"):
        cr.diagnose.gradient_norms(graph, point, layers=["Z1", "Z9"])


def test_arrays_that_do_not_fit_are_told():
    graph, point = deep(cr.nn.Tanh, 1)
    with pytest.raises(InputError, match="missing: X"):
        cr.diagnose.gradient_norms(graph, {k: a for k, a in point.items() if k != "X"})
    with pytest.raises(InputError, match="W1"):
        cr.diagnose.gradient_norms(graph, point | {"W1": np.ones((2, 2))})


def test_the_report_prints_everywhere():
    report = cr.diagnose.gradient_norms(*deep(cr.nn.Sigmoid, 3))
    assert "<table" in report._repr_html_()
    found = json.loads(json.dumps(report.as_dict()))
    assert found["verdict"] == report.verdict and found["layers"] == ["H1", "H2", "H3", "H4"]


@pytest.mark.parametrize("a", [[], [0.0], [3e-300, 4e-300], [np.inf, 1], [[1.0, 2.0], [3.0, 4.0]]])
def test_norm(a):
    with np.errstate(all="ignore"):
        expected = np.linalg.norm(np.array(a, np.longdouble).ravel().astype(np.longdouble))
    assert norm(a) == pytest.approx(5e-300 if np.size(a) and np.max(a) == 4e-300 else float(expected))
    assert np.isnan(norm([np.nan, 1.0]))


def test_a_parameter_that_the_loss_does_not_read_has_gradient_zero():
    def f(x: "n", W1: "n n", W2: "n n", b: "k"):
        h1 = cr.tanh(W1 @ x)
        h2 = cr.tanh(W2 @ h1)
        return cr.sum(h2)

    point = {"x": np.ones(2), "W1": np.eye(2), "W2": np.eye(2), "b": np.ones(3)}
    report = cr.diagnose.gradient_norms(f, point)
    assert report.quantities["b"].gradient == 0 and report.quantities["b"].norm == pytest.approx(3**0.5)


def test_a_loss_in_single_precision_and_with_a_penalty():
    net = cr.nn.Sequential(cr.nn.Linear(3, 4), cr.nn.BatchNorm(4), cr.nn.Tanh(), cr.nn.Linear(4, 4), cr.nn.Tanh(),
                           cr.nn.Dropout(0.5), cr.nn.Linear(4, 2))  # fmt: skip
    graph = net.loss_graph(penalty=cr.optim.L2(0.1))
    point = net.initial(dtype="float32") | net.initial_state("float32") | net.draw_noise(6)
    point |= {"X": np.ones((6, 3), np.float32) * np.arange(6, dtype=np.float32)[:, None], "y": np.arange(6) % 2}
    report = cr.diagnose.gradient_norms(graph, point)
    assert report.verdict in {"steady", "vanishing"} and len(report.layers) == 2
    read = graph.returning(graph.output)
    _, grads = cr.compile(cr.derive(read, list(read.parameters)))(**{k: point[k] for k in read.inputs})
    for k, g in grads.items():
        assert report.quantities[k].gradient == pytest.approx(float(np.linalg.norm(g)), rel=1e-4, abs=1e-6)
