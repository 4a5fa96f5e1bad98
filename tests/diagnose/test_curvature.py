"""The largest Hessian eigenvalue, against dense Hessians and known spectra."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.diagnose.lanczos import largest
from chainrule.graph.errors import GraphError, InputError, NamingError, NoDerivative


def quadratic(w: "n", A: "n n"):
    return w @ A @ w / 2


QUADRATIC = cr.trace(quadratic, roles={"w": "parameter", "A": "data"})


def matrix(spectrum, seed=0):
    Q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(spectrum), len(spectrum))))
    return (Q * spectrum) @ Q.T


def of(spectrum, **options):
    n = len(spectrum)
    return cr.diagnose.largest_eigenvalue(QUADRATIC, {"w": np.ones(n), "A": matrix(spectrum)}, **options)


def dense(graph, point, names):
    blocks = cr.hessian(graph, names)
    hessian = graph.returning(*blocks.values())
    found = cr.compile(hessian)(**{k: point[k] for k in hessian.inputs})
    sizes = [np.size(point[k]) for k in names]
    by_pair = dict(zip(blocks, found if isinstance(found, tuple) else (found,)))
    return np.block([[by_pair[a, b].reshape(m, k) for b, k in zip(names, sizes)] for a, m in zip(names, sizes)])


@pytest.mark.parametrize(
    "spectrum",
    [
        [3.0],
        [1.0, 4.0],
        [2.0, 2.0, 2.0],  # the identity doubled: one product is enough
        [5.0, 5.0, 1.0, 0.0],
        [1.0, -9.0],  # the power iteration would answer −9
        [4.0, -4.0, 1.0],  # and here none at all
        [1e-3, -1e3, 0.5],
        [*np.linspace(0, 1, 80), 1.001],  # more than are kept in memory at once
        [1e200, 3e200],
        [1e-200, 3e-200],
    ],
)
def test_known_spectra(spectrum):
    report = of(spectrum)
    assert report.converged
    assert report.value == pytest.approx(max(spectrum), rel=1e-8, abs=1e-12 * max(map(abs, spectrum)))
    assert report.largest_step == pytest.approx(2 / max(spectrum), rel=1e-8)
    assert report.negative_dominates is bool(-min(spectrum) > max(spectrum))
    x = report.vector["w"]
    assert np.linalg.norm(x) == pytest.approx(1)
    assert report.residual == pytest.approx(np.linalg.norm((matrix(spectrum) @ x - report.value * x) / max(spectrum))
                                            * max(spectrum), rel=1e-3, abs=1e-12 * max(map(abs, spectrum)))  # fmt: skip


@pytest.mark.parametrize("spectrum, value", [([-3.0, -1.0], -1.0), ([-2.0], -2.0), ([0.0, 0.0], 0.0), ([0.0, -7.0], 0)])
def test_no_positive_curvature_limits_no_step(spectrum, value):
    report = of(spectrum)
    assert report.converged and report.value == pytest.approx(value, abs=1e-12)
    assert report.largest_step == math.inf
    assert "limits no step" in report.text()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=1, max_size=7), st.integers(0, 2**32 - 1))
def test_any_spectrum(spectrum, seed):
    report = of(spectrum, seed=seed)
    top, scale = max(spectrum), max(map(abs, spectrum))
    assert report.converged
    assert report.value == pytest.approx(top, rel=1e-5, abs=1e-9 * scale + 1e-300)
    assert report.smallest >= min(spectrum) - 1e-9 * scale - 1e-300


def test_one_negative_dominant_eigenvalue_is_told():
    assert "negative eigenvalue, -9 or less" in of([1.0, -9.0]).text()
    assert "negative" not in of([1.0, 9.0]).text()


@pytest.mark.parametrize("engine", ["numpy", "xla"])
@pytest.mark.parametrize("activation", [cr.nn.Tanh, cr.nn.ReLU])
def test_a_network_agrees_with_its_dense_hessian(engine, activation):
    net = cr.nn.Sequential(cr.nn.Linear(3, 5), activation(), cr.nn.Linear(5, 4))
    graph = net.loss_graph(penalty=cr.optim.L2(0.1))
    rng = np.random.default_rng(1)
    point = net.initial(2) | {"X": rng.standard_normal((7, 3)), "y": rng.integers(0, 4, 7)}
    spectrum = np.linalg.eigvalsh(dense(graph, point, list(graph.parameters)))
    report = cr.diagnose.largest_eigenvalue(graph, point, engine=engine)
    assert report.converged and report.parameters == 44
    assert report.value == pytest.approx(spectrum[-1], rel=1e-8)
    assert report.residual <= 2e-6 * report.value
    some = cr.diagnose.largest_eigenvalue(graph, point, wrt="W2", engine=engine)
    block = np.linalg.eigvalsh(dense(graph, point, ["W2"]))
    assert some.value == pytest.approx(block[-1], rel=1e-8) and set(some.vector) == {"W2"}
    assert some.vector["W2"].shape == (5, 4)


def test_steps_below_the_limit_converge_and_above_diverge():
    A = matrix([0.5, 2.0, 8.0])
    step = of([0.5, 2.0, 8.0]).largest_step
    for factor, shrinks in ((0.98, True), (1.02, False)):
        w = np.ones(3)
        for _ in range(600):
            w = w - factor * step * A @ w
        assert bool(np.linalg.norm(w) < 1e-2) is shrinks


def test_batch_normalisation_and_dropout_are_ordinary_inputs():
    net = cr.nn.Sequential(cr.nn.Linear(3, 4), cr.nn.BatchNorm(4), cr.nn.Tanh(), cr.nn.Dropout(0.5), cr.nn.Linear(4, 2))
    graph = net.loss_graph()
    rng = np.random.default_rng(0)
    point = net.initial() | net.initial_state() | net.draw_noise(6)
    point |= {"X": rng.standard_normal((6, 3)), "y": rng.integers(0, 2, 6)}
    read = graph.returning(graph.output)
    names = list(read.parameters)
    expected = np.linalg.eigvalsh(dense(read, point, names))[-1]
    assert cr.diagnose.largest_eigenvalue(graph, point).value == pytest.approx(expected, rel=1e-7)


def test_single_precision_stops_where_rounding_allows_no_less():
    A = matrix([1.0, 2.0, 30.0]).astype(np.float32)
    report = cr.diagnose.largest_eigenvalue(QUADRATIC, {"w": np.ones(3, np.float32), "A": A}, tolerance=1e-12)
    assert report.converged and report.value == pytest.approx(30, rel=1e-5)
    assert "rounding allows" in report.text()


def test_too_few_products_give_a_lower_bound_and_say_so():
    spectrum = list(np.linspace(0, 1, 60))
    report = of(spectrum, products=4)
    assert not report.converged and report.products == 4
    assert report.value < 1 and "lower bound" in report.text() and "≥" in report.title


def test_no_positive_curvature_is_claimed_only_when_it_converged():
    report = of([*np.linspace(-5, -1, 60)], products=3)
    assert not report.converged and "limits no step" not in report.title and "was met" in report.title


def test_what_the_loss_reads_linearly_or_not_at_all_has_no_curvature():
    def f(w: "n", b: "n", x: "n"):
        return w @ x

    point = {"w": np.ones(3), "b": np.ones(3), "x": np.ones(3)}
    report = cr.diagnose.largest_eigenvalue(f, point)
    assert report.value == 0 and report.converged and report.parameters == 6


def test_names_that_are_taken_are_left_alone():
    def f(w: "n", v_w: "n"):
        return cr.sum(v_w * w**2)

    report = cr.diagnose.largest_eigenvalue(f, {"w": np.ones(2), "v_w": np.array([1.0, 3.0])}, wrt="w")
    assert report.value == pytest.approx(6)


def test_the_same_seed_gives_the_same_numbers():
    assert of([1.0, 2.0, 5.0], seed=3).as_dict() == of([1.0, 2.0, 5.0], seed=3).as_dict()


def test_errors_are_in_the_users_names():
    point = {"w": np.ones(2), "A": np.eye(2)}
    run = cr.diagnose.largest_eigenvalue
    with pytest.raises(InputError, match="missing: A"):
        run(QUADRATIC, {"w": np.ones(2)})
    with pytest.raises(InputError, match="unknown: B"):
        run(QUADRATIC, point | {"B": 1})
    with pytest.raises(InputError, match="n is 2 in w"):
        run(QUADRATIC, point | {"A": np.eye(3)})
    with pytest.raises(InputError, match="not finite"):
        run(QUADRATIC, point | {"A": np.full((2, 2), np.nan)})
    with pytest.raises(InputError, match="by name"):
        run(QUADRATIC, [1, 2])
    with pytest.raises(NamingError, match="'q'"):
        run(QUADRATIC, point, wrt="q")
    with pytest.raises(GraphError, match="no parameters"):
        run(cr.trace(quadratic, roles={"w": "data"}).returning(QUADRATIC.output), {})
    with pytest.raises(NoDerivative):
        run(cr.trace(lambda w: w * 2, w="n"), {"w": [1.0]})
    for wrong in ({"tolerance": 0}, {"products": 1}, {"products": True}, {"tolerance": "small"}):
        with pytest.raises(GraphError):
            run(QUADRATIC, point, **wrong)


def test_the_report_prints_everywhere():
    report = of([1.0, 4.0])
    assert report.title.endswith("λmax = 4, largest stable step 2/λmax = 0.5")
    assert "<table" in report._repr_html_() and "λmax" in report._repr_html_()
    assert json.loads(json.dumps(report.as_dict()))["largest_step"] == pytest.approx(0.5)
    assert str(report) == report.text()


def test_lanczos_counts_its_products():
    calls = []
    H = matrix([1.0, 2.0, 3.0, -4.0])

    def product(v):
        calls.append(1)
        return H @ v

    found = largest(product, np.ones(4), 1e-9, 50, 1e-15)
    assert found.products == len(calls) == 5
