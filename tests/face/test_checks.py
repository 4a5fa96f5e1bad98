"""Gradient checks: right gradients pass, a wrong entry is found and named, kinks are told from errors."""

from __future__ import annotations

import time

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings
from networks import two_layer

import chainrule as cr
from chainrule.face.compare import compare
from chainrule.graph.errors import ChainruleError, InputError, NoDerivative, ShapeError
from chainrule.graph.node import OPS, Op


def classifier(X: "n d", W: "d k", b: "k", y: "int[n]"):
    Z = X @ W + b
    return cr.mean(cr.logsumexp(Z, axis=1) - cr.sum(Z * cr.one_hot(y, Z.shape[1]), axis=1))


def rectified(X: "n d", W: "d h", V: "h k", Y: "n k"):
    return cr.mean((cr.relu(X @ W) @ V - Y) ** 2)


def of_x(f, shape: str = "n"):
    return cr.trace(lambda x: f(x), x=shape)


@pytest.fixture
def operation():
    """Operations of a test's own, forgotten afterwards."""
    made = []

    def make(name, **parts):
        made.append(name)
        return Op(name, shape=lambda *shapes, **attrs: shapes[0], elementwise=True, **parts)

    yield make
    for name in made:
        OPS.pop(name, None)


# Right gradients ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_the_example_of_the_readme(engine):
    report = cr.check_gradients(two_layer, sizes=dict(n=3, h=4, m=2), engine=engine)
    assert report and report.ok and report.max_relative_error < 1e-7
    assert {k: r.shape for k, r in report.inputs.items()} == {"x": (3,), "y": (2,), "W1": (4, 3), "W2": (2, 4)}
    assert all(r.ok and r.entries == np.prod(r.shape) and not r.directions for r in report.inputs.values())
    assert {k: a.shape for k, a in report.point.items()} == {k: r.shape for k, r in report.inputs.items()}
    assert not report.kinks


def test_functions_graphs_and_derivations_are_alike():
    g, sizes = cr.trace(two_layer), dict(n=3, h=4, m=2)
    a, b, c = (cr.check_gradients(t, sizes=sizes, wrt="W1") for t in (two_layer, g, cr.derive(g)))
    assert str(a) == str(b) == str(c) and list(a.inputs) == ["W1"]
    assert list(cr.check_gradients(cr.derive(g, wrt=["W2", "x"])).inputs) == ["W2", "x"]
    assert (
        str(cr.check_gradients(g, seed=1)) == str(cr.check_gradients(g, seed=1)) != str(cr.check_gradients(g, seed=2))
    )


def test_integers_index_and_booleans_choose():
    report = cr.check_gradients(classifier, sizes=dict(n=40, k=3))
    assert report.ok and list(report.inputs) == ["X", "W", "b"]
    assert set(report.point["y"]) == {0, 1, 2}

    def masked(x: "n", keep: "bool[n]", table: "k d", i: "int[n]"):
        return cr.sum(cr.where(keep, x, 0.0) ** 2) + cr.sum(cr.tanh(cr.take(table, i, axis=0)))

    report = cr.check_gradients(masked, sizes=dict(n=30, k=4))
    assert report.ok and report.point["keep"].dtype == bool and report.point["i"].max() == 3


def test_sizes_left_open_are_small_all_different_and_reported():
    report = cr.check_gradients(two_layer, sizes=dict(h=3))
    sizes = {*report.point["x"].shape, *report.point["y"].shape, *report.point["W1"].shape}
    assert len(sizes) == 3 and sizes == {2, 3, 4}
    assert "n = 2, m = 4, h = 3" in str(report) and "sizes chosen here: n, m;" in str(report)
    report = cr.check_gradients(two_layer, at={"W1": np.ones((7, 5))}, sizes=dict(m=2))
    assert report.point["x"].shape == (5,) and (report.point["W1"] == 1).all() and "chosen" not in str(report)
    assert cr.check_gradients(two_layer, at={"x": [1, 2]}).point["x"].dtype == np.float64


def test_sizes_are_searched_until_they_fit():
    def windowed(x: "n", k: "w"):
        return cr.sum(x[: x.shape[0] - k.shape[0]] ** 2) * cr.sum(k)  # n must be above w

    report = cr.check_gradients(windowed)
    assert report.ok and report.point["x"].size > report.point["k"].size


smooth = st.sampled_from([cr.tanh, cr.sigmoid, cr.exp, cr.softplus, cr.sin, cr.square, cr.gelu, lambda a: a, cr.silu])
kinked = st.sampled_from([cr.relu, cr.abs, lambda a: cr.leaky_relu(a, 0.1), lambda a: cr.clip(a, -0.5, 0.5), cr.elu])
ends = st.sampled_from([cr.sum, cr.mean, cr.logsumexp, cr.norm, cr.max, lambda a: cr.sum(a * cr.softmax(a))])


@settings(max_examples=40, deadline=None)
@given(st.lists(smooth | kinked, min_size=1, max_size=3), ends, st.integers(0, 10**6))
def test_random_graphs_pass(functions, end, seed):
    def loss(x, W, b):
        a = W @ x + b
        for f in functions:
            a = f(a) + b
        return end(a)

    g = cr.trace(loss, x="n", W="h n", b="h")
    try:
        report = cr.check_gradients(g, seed=seed)
    except InputError as error:  # exp(exp(exp(…))) is soon infinite
        assert "the loss is inf" in str(error)
        assume(False)
        return
    assert report.ok and report.max_relative_error <= 1e-6, str(report)
    assert not report.kinks, str(report)


@pytest.mark.parametrize(
    "f, at",
    [
        (lambda x: cr.sum(cr.log(x)), [1e-12, 1e-7, 1.0, 1e12]),  # far apart in scale
        (lambda x: cr.sum(cr.sin(1e4 * x)), [0.1, -0.7]),  # large curvature
        (lambda x: cr.sum(cr.sigmoid(1e6 * x)), [0.0, 1e-7]),
        (lambda x: cr.sum(cr.exp(x)), [-60.0, -700.0, 20.0]),  # tiny slopes beside a large loss
        (lambda x: cr.sum(cr.sigmoid(x)) + 1e6, [-40.0, 5.0]),
        (lambda x: cr.sum(x**2), [0.0, 0.0, 0.0]),  # the gradient is 0
        (lambda x: cr.sum(x**4), [1e-9, 1e-3]),
        (lambda x: cr.sum(cr.softmax(x)), [1.0, 2.0, 3.0]),  # 0 but for rounding
        (lambda x: (cr.sum(x) + 1e8) - cr.sum(x**2) - 1e8, [1.0, 2.0]),  # noise that the loss does not show
        (lambda x: cr.sum(x**3) ** 3, [10.0, -7.0, 1e-3]),
        (lambda x: cr.sum(x) * 0.0, [1.0, 2.0]),
    ],
)
def test_right_gradients_that_are_hard_to_confirm(f, at):
    report = cr.check_gradients(of_x(f), at={"x": at})
    assert report.ok and report.max_relative_error <= 1e-6 and not report.kinks, str(report)


def test_deep_networks_pass():
    def deep(x: "n", W: "n n"):
        h = x
        for _ in range(30):
            h = cr.tanh(W @ h)
        return cr.sum(h**2)

    assert cr.check_gradients(deep, sizes=dict(n=9))
    assert cr.check_gradients(deep, at={"W": np.full((6, 6), 1e-2)})  # the gradients vanish


def test_what_is_stopped_is_held_still_in_the_differences_too():
    report = cr.check_gradients(of_x(lambda x: cr.sum(x * cr.stop_gradient(x**2))), at={"x": [3.0]})
    assert report.ok and report.inputs["x"].numeric == pytest.approx(9)  # and not 27
    nested = cr.trace(
        lambda x, W: cr.sum(x * cr.stop_gradient(cr.exp(x) * cr.stop_gradient(cr.sum(x)))) / x.shape[0]
        + cr.sum(cr.stop_gradient(W @ x) ** 2 * cr.sum(W)),
        x="n", W="m n",
    )  # fmt: skip
    assert cr.check_gradients(nested)


# Wrong gradients ----------------------------------------------------------------------------------------------------


def test_a_wrong_derivative_of_an_operation_is_found(operation):
    cube = operation("bad_cube", vjp=lambda g, y, x: [g * 2.999 * x**2], meaning=lambda x: x**3)
    report = cr.check_gradients(cr.trace(lambda x, w: cr.sum(cube(x) + w**2), x="n", w="n"), sizes=dict(n=4))
    assert not report and not report.ok and not report.kinks
    assert not report.inputs["x"].ok and report.inputs["w"].ok
    assert len(report.inputs["x"].wrong) == 4 and report.max_relative_error == pytest.approx(0.001 / 5.999, rel=1e-3)
    text = str(report)
    assert "WRONG in x\n" in text and "x has 4 wrong entries:" in text and "differences say" in text


def test_a_derivative_that_is_wrong_in_one_region_is_named(operation):
    f = operation("bad_tanh", vjp=lambda g, y, x: [cr.where(x > 2, g, g * (1 - y**2))], meaning=cr.tanh)
    at = np.linspace(-1, 1, 12).reshape(3, 4)
    assert cr.check_gradients(of_x(lambda x: cr.sum(f(x)), "n m"), at={"x": at})
    at[1, 2] = 2.5
    report = cr.check_gradients(of_x(lambda x: cr.sum(f(x)), "n m"), at={"x": at})
    (wrong,) = report.inputs["x"].wrong
    assert wrong.entry == report.inputs["x"].entry == (1, 2) and wrong.analytic == 1
    assert wrong.numeric == pytest.approx(1 - np.tanh(2.5) ** 2, rel=1e-6)
    assert "x[1, 2]: the gradient says 1, differences say 0.0265922" in str(report)


def corrupted(shape, entry, factor, seed=0):
    """A loss with its right gradient, one entry off."""
    rng = np.random.default_rng(seed)
    A, x = rng.standard_normal(shape), rng.standard_normal(shape)
    right = np.cos(x) * A + x / 10
    wrong = right.copy()
    wrong[entry] = right[entry] * factor + (factor - 1) * 0.1
    return lambda x: (np.sin(x) * A).sum() + (x**2).sum() / 20, right, wrong, x


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_corrupted_entry_is_found_and_named(data):
    shape = data.draw(st.sampled_from([(3,), (4, 5), (2, 3, 4), (30, 40), (501,)]))
    entry = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    factor = data.draw(st.sampled_from([-1.0, 0.0, 0.9, 1.01, 2.0, 1e3]))
    f, right, wrong, x = corrupted(shape, entry, factor, data.draw(st.integers(0, 99)))
    assert compare(f, {"x": right}, {"x": x}).ok
    assume(abs(wrong - right).max() > 1e-5 * np.linalg.norm(right))
    report = compare(f, {"x": wrong}, {"x": x})
    assert not report.ok and report.inputs["x"].entry == entry and len(report.inputs["x"].wrong) == 1
    assert report.inputs["x"].numeric == pytest.approx(right[entry], rel=1e-5, abs=1e-6)


def test_an_entry_among_half_a_million_is_found():
    rng = np.random.default_rng(0)
    A, x = rng.standard_normal((2, 1000, 500))
    f, right = lambda x: np.vdot(A, x) + np.vdot(x, x) / 20, A + x / 10
    wrong = right.copy()
    wrong[617, 42] *= 1.5
    assert compare(f, {"x": right}, {"x": x}).ok
    report = compare(f, {"x": wrong}, {"x": x})
    assert report.inputs["x"].entry == (617, 42) and not report.ok
    assert "x has at least 1 wrong entry:\n    x[617, 42]: the gradient says" in str(report)
    wrong[3, 7] += 1
    assert {m.entry for m in compare(f, {"x": wrong}, {"x": x}).inputs["x"].wrong} == {(617, 42), (3, 7)}


def test_gradients_that_are_wrong_all_over():
    f, right, _, x = corrupted((60, 50), (0, 0), 1.0)
    for wrong in (right * 1.001, -right, np.zeros_like(right), right + 1e-3):
        report = compare(f, {"x": wrong}, {"x": x})
        assert not report.ok and report.max_relative_error > 1e-4 and not report.kinks


def test_transposed_and_summed_gradients_are_found():
    X, W = np.random.default_rng(0).standard_normal((2, 5, 5))
    right = X.T @ (X @ W)
    f = lambda W: ((X @ W) ** 2).sum() / 2
    assert compare(f, {"W": right}, {"W": W}).ok
    assert len(compare(f, {"W": right.T}, {"W": W}).inputs["W"].wrong) == 20  # its diagonal is right


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(3, 2), (40, 30)])
def test_gradients_that_are_not_finite_are_wrong(value, shape):
    x = np.ones(shape)
    g = 2 * x
    g[2, 1] = value
    report = compare(lambda x: (x**2).sum(), {"x": g}, {"x": x})
    assert not report.ok and report.inputs["x"].wrong[0].entry == (2, 1)
    assert not report.max_relative_error <= 1e-6 and f"x[2, 1]: the gradient says {value}" in str(report)


def test_rounding_is_no_excuse_where_it_can_be_told():
    x = np.array([1.0, 2.0])
    f = lambda x: 1e3 + 1e-6 * (x**2).sum()
    assert compare(f, {"x": 2e-6 * x}, {"x": x}).ok
    report = compare(f, {"x": 2e-6 * x * [1, 1.5]}, {"x": x})
    assert not report.ok and [m.entry for m in report.inputs["x"].wrong] == [(1,)]


# Kinks --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f, at, entries",
    [
        (cr.relu, [0.0, 1.0, -1.0], [0]),
        (cr.abs, [0.0, 1.0, 0.0], [0, 2]),
        (lambda x: cr.leaky_relu(x, 0.1), [0.0, 2.0], [0]),
        (lambda x: cr.clip(x, -1, 1), [1.0, -1.0, 0.5, 3.0], [0, 1]),
        (lambda x: cr.maximum(x, 0.0), [0.0, 1.0], [0]),
        (lambda x: cr.maximum(0.0, 1 - x), [1.0, 0.5, 2.0], [0]),  # hinge
        (lambda x: cr.minimum(x, 2 * x), [0.0, -1.0], [0]),
        (lambda x: cr.max(x), [3.0, 1.0, 3.0, 3.0], [0, 2, 3]),
        (lambda x: cr.min(x), [3.0, 1.0, 1.0], [1, 2]),
        (lambda x: cr.norm(x), [0.0, 0.0], [0, 1]),
        (lambda x: 1e3 * cr.relu(x - 5.0), [5.0, 4.0], [0]),
    ],
)
@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_kinks_are_listed_and_not_failed(f, at, entries, engine):
    report = cr.check_gradients(of_x(lambda x: cr.sum(f(x))), at={"x": at}, engine=engine)
    assert report.ok and report.max_relative_error <= 1e-6, str(report)
    assert [(k.input, k.entry, k.kind, k.ok) for k in report.kinks] == [("x", (e,), "kink", True) for e in entries]
    for k in report.kinks:
        assert min(k.left, k.right) - 1e-6 <= k.analytic <= max(k.left, k.right) + 1e-6 and k.left != k.right
    assert f"{len(entries)} place" in str(report) and "slope" in str(report)


def test_the_slopes_of_a_kink():
    (kink,) = cr.check_gradients(of_x(lambda x: cr.sum(cr.relu(x))), at={"x": [0.0, 5.0]}).kinks
    assert (kink.left, kink.right, kink.analytic) == (0, 1, 0)
    assert str(kink) == "x[0]: slope 0 on the left, 1 on the right, the gradient says 0"


def test_a_tie_between_two_inputs_at_once():
    g = cr.trace(lambda x, y: cr.sum(cr.maximum(x, y) * 2), x="n", y="n")
    same = np.array([0.3, -1.0, 2.0])
    report = cr.check_gradients(g, at={"x": same, "y": same})
    assert report.ok and [(k.input, k.entry) for k in report.kinks] == [(i, (k,)) for i in "xy" for k in range(3)]
    assert all(k.analytic == 1 and k.left == pytest.approx(0) and k.right == pytest.approx(2) for k in report.kinks)


@pytest.mark.parametrize("distance", [3e-6, 1e-7, -1e-8, 3e-9])
def test_a_kink_close_by_is_none(distance):
    for f in (cr.relu, cr.abs, lambda x: cr.maximum(x, 3 * x)):
        report = cr.check_gradients(of_x(lambda x, f=f: cr.sum(f(x)) + cr.sum(x**2)), at={"x": [distance, 1.0]})
        assert report.ok and not report.kinks and report.max_relative_error <= 1e-6, str(report)


def test_a_slope_beyond_those_of_a_kink_is_wrong(operation):
    relu = operation("bad_relu", vjp=lambda g, y, x: [g * cr.where(x >= 0, 1.5, 0.0) / 1.5], meaning=cr.relu)
    assert cr.check_gradients(of_x(lambda x: cr.sum(relu(x))), at={"x": [0.0, 1.0]}).kinks[0].analytic == 1
    relu = operation(
        "worse_relu", vjp=lambda g, y, x: [g * cr.where(x > 0, 1.0, cr.where(x < 0, 0.0, 5.0))], meaning=cr.relu
    )
    report = cr.check_gradients(of_x(lambda x: cr.sum(relu(x))), at={"x": [1.0, 0.0]})
    assert not report.ok and not report.kinks[0].ok and report.inputs["x"].entry == (1,)
    assert "x[1]: slope 0 on the left, 1 on the right, the gradient says 5  WRONG" in str(report)


def test_several_kinks_that_meet():
    def net(x: "n", W1: "h n", W2: "m h", y: "m"):
        return cr.sum((W2 @ cr.relu(W1 @ x) - y) ** 2)

    texts = ""
    for seed in range(4):
        report = cr.check_gradients(net, at={"x": np.zeros(3)}, sizes=dict(h=5, m=2), seed=seed)
        assert report.ok and {k.input for k in report.kinks} == {"x"} and report.max_relative_error <= 1e-6
        texts += str(report)
    assert "several kinks meet" in texts  # the gradient 0 does not always lie between the slopes on either side
    report = cr.check_gradients(rectified, at={"W": np.zeros((30, 20))}, sizes=dict(n=7, k=3))
    assert report.ok and report.kinks and report.inputs["W"].directions


@pytest.mark.parametrize("seed", range(3))
def test_errors_beside_kinks_are_found(operation, seed):
    f = operation(f"bad_swish_{seed}", vjp=lambda g, y, x: [g * 1.01], meaning=lambda x: x * cr.sigmoid(9 * x))
    g = cr.trace(lambda x, W1, W2, v: cr.sum((v @ f(W2 @ cr.relu(W1 @ x))) ** 2), x="n", W1="h n", W2="k h", v="k")
    W1 = np.vstack([np.zeros((2, 3)), np.ones((3, 3))])
    report = cr.check_gradients(g, at={"W1": W1, "x": [1.0, 2.0, 3.0]}, seed=seed)
    assert not report.inputs["W2"].ok and not report.inputs["x"].ok and report.inputs["v"].ok


def test_a_jump_is_no_kink():
    for f in (lambda x: cr.where(x > 0, x + 1, x), lambda x: x + cr.sign(x), lambda x: cr.where(x >= 0, x, x - 2)):
        report = cr.check_gradients(of_x(lambda x, f=f: cr.sum(f(x))), at={"x": [1.0, 0.0]})
        assert not report.ok and [(k.entry, k.kind, k.ok) for k in report.kinks] == [((1,), "jump", False)]
        assert "x[1]: jump, slope" in str(report)
        assert cr.check_gradients(of_x(lambda x, f=f: cr.sum(f(x))), at={"x": [1.0, 2e-6, -1e-8]}).ok


def test_infinite_slopes_and_ends_of_the_domain():
    root = of_x(lambda x: cr.sum(cr.sqrt(cr.abs(x))))
    assert not cr.check_gradients(root, at={"x": [1.0, 0.0]}).ok  # 0 · ∞
    assert cr.check_gradients(root, at={"x": [1.0, 1e-6, -1e-9]}).ok
    report = compare(lambda x: float(np.sqrt(x) ** 3 + 2 * x) if x >= 0 else np.nan, {"x": 2.0}, {"x": 0.0})
    assert report.ok and report.kinks[0].kind == "edge" and "edge of the domain" in str(report)
    assert not compare(lambda x: float(2 * x) if x >= 0 else np.nan, {"x": 3.0}, {"x": 0.0}).ok
    assert compare(lambda x: np.sqrt(abs(float(x))), {"x": 0.0}, {"x": 0.0}).kinks[0].kind == "cusp"


# The report, and what is refused ------------------------------------------------------------------------------------


def test_the_table():
    text = str(cr.check_gradients(two_layer, sizes=dict(n=3, h=4, m=2)))
    lines = text.splitlines()
    assert lines[0] == "Gradients of two_layer: right"
    assert lines[1].startswith("  loss 2.87780") and lines[1].endswith(
        "the point drawn with seed 0; n = 3, m = 2, h = 4"
    )
    assert lines[2].split("  ")[1:3] == ["input", "shape"] and "relative error" in lines[2]
    start = lines[2].index("shape")
    assert [line[start : start + 6].strip() for line in lines[3:]] == ["(3,)", "(2,)", "(4, 3)", "(2, 4)"]


def test_the_point_is_a_copy_and_what_was_given_stays():
    x = np.array([1.0, 2.0])
    report = cr.check_gradients(of_x(lambda x: cr.sum(x**2)), at={"x": x})
    assert (x == [1, 2]).all() and (report.point["x"] == x).all() and not np.shares_memory(report.point["x"], x)
    # x ⊙ w differentiates to w itself: the gradient may share memory with what is moved
    assert cr.check_gradients(cr.trace(lambda x, w: cr.sum(x * w), x="n", w="n"))


@pytest.mark.parametrize(
    "call, error, words",
    [
        (
            lambda: cr.check_gradients(of_x(lambda x: cr.sum(cr.log(x))), at={"x": [1.0, -1.0]}),
            InputError,
            "nan at this point.*give x where it is finite",
        ),
        (
            lambda: cr.check_gradients(of_x(lambda x: cr.sum(cr.log(x)), "n"), at={"x": [0.0]}),
            InputError,
            "-inf at this",
        ),
        (lambda: cr.check_gradients(two_layer, at={"z": [1.0]}), InputError, "no input called z; it has x, y, W1, W2"),
        (lambda: cr.check_gradients(two_layer, at={"x": [[1.0]]}), InputError, r"x has shape \(1, 1\); .* x as \(n,\)"),
        (lambda: cr.check_gradients(two_layer, at={"x": ["a"]}), InputError, "x must be an array of numbers"),
        (lambda: cr.check_gradients(two_layer, at={"x": [1j]}), InputError, "of complex128"),
        (lambda: cr.check_gradients(two_layer, at={"x": [1.0]}, sizes=dict(n=3)), InputError, "n is 3 in x"),
        (lambda: cr.check_gradients(two_layer, sizes=dict(q=3)), InputError, "no size called q; it has n, m, h"),
        (lambda: cr.check_gradients(two_layer, sizes=dict(n=0)), InputError, "n must be an integer, at least 1, not 0"),
        (lambda: cr.check_gradients(two_layer, sizes=dict(n=2.0)), InputError, "not 2.0"),
        (lambda: cr.check_gradients(two_layer, wrt="z"), InputError, "z is computed from other quantities"),
        (lambda: cr.check_gradients(two_layer, wrt="q"), ChainruleError, "no quantity called 'q'"),
        (lambda: cr.check_gradients(classifier, wrt="y"), NoDerivative, "y is integer"),
        (lambda: cr.check_gradients(classifier, at={"y": [0, 9]}, sizes=dict(k=3)), InputError, r"y\[1\] is 9"),
        (lambda: cr.check_gradients(of_x(lambda x: x * 2)), NoDerivative, "real scalar"),
        (lambda: cr.check_gradients(cr.trace(lambda i: cr.sum(i), i="int[n]")), ChainruleError, "real"),
        (lambda: cr.check_gradients(lambda x: x), ShapeError, "sizes of x are not known"),
        (lambda: cr.check_gradients(two_layer, engine="abacus"), ChainruleError, "no engine 'abacus'"),
        (lambda: compare(lambda x: 0.0, {"w": 1.0}, {"x": 1.0}), InputError, "gradient of w, and the point has no w"),
        (lambda: compare(lambda x: 0.0, {"x": [1.0]}, {"x": 1.0}), InputError, r"shape \(1,\), and x has shape \(\)"),
    ],
)
def test_what_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_large_inputs_are_quick():
    start = time.perf_counter()
    report = cr.check_gradients(rectified, sizes=dict(n=6, d=300, h=200, k=5))
    assert report.ok and report.inputs["W"].shape == (300, 200) and not report.kinks, str(report)
    assert report.inputs["W"].directions >= 10 and report.inputs["W"].entries == 20
    assert time.perf_counter() - start < 20  # a fraction of a second on an idle machine


def test_sizes_come_from_the_point():
    report = cr.check_gradients(lambda x, w: cr.sum(cr.tanh(w @ x)), at=dict(x=[0.1, 0.2, 0.3], w=np.ones((2, 3))))
    assert report.ok and report.inputs["w"].shape == (2, 3)


# The error that is printed ------------------------------------------------------------------------------------------


def test_the_relative_error_is_that_of_the_two_values_whatever_the_tolerance():
    g, at = of_x(lambda x: cr.sum(cr.sin(x) * x)), {"x": [0.3, -1.2, 2.5]}
    errors = set()
    for tolerance in (1e-3, 1e-6, 1e-8):
        report = cr.check_gradients(g, at=at, tolerance=tolerance)
        r = report.inputs["x"]
        assert report.ok and r.relative_error == cr.relative_error(r.analytic, r.numeric)
        errors.add(r.relative_error)
    assert len(errors) == 1 and 0 < errors.pop() < 1e-8


def test_rounding_that_exceeds_the_tolerance_is_said():
    loud = of_x(lambda x: cr.sum(cr.sin(x)) + 1e4 * cr.sin(cr.sum(x) * 0 + 1))  # beside the loss its slopes are small
    report = cr.check_gradients(loud, at={"x": [0.5]}, tolerance=1e-10)
    error = report.max_relative_error
    assert report.ok and (error <= 1e-10 or "within rounding" in str(report))
    assert "within rounding" not in str(cr.check_gradients(loud, at={"x": [0.5]}))


@pytest.mark.parametrize("tolerance", [1e-14, 1e-30, 0.0, -1.0, 1.0, float("nan")])
def test_a_tolerance_that_differences_cannot_tell_is_refused(tolerance):
    with pytest.raises(InputError, match="not between 4e-11 and 1: central differences in float64"):
        cr.check_gradients(two_layer, tolerance=tolerance)


def test_sizes_that_do_not_fit_are_told_from_sizes_that_are_missing():
    def windowed(x: "n", k: "w"):
        return cr.sum(x[: x.shape[0] - 1000]) + cr.sum(k)

    with pytest.raises(InputError, match="the sizes given, n = 2, do not fit, whatever w is: with n = 2"):
        cr.check_gradients(windowed, sizes={"n": 2})
    with pytest.raises(InputError, match="no small sizes for n, w fit, so give them"):
        cr.check_gradients(windowed)
