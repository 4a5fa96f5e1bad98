"""Jacobians and Hessians against JAX, against differences, and against what books say."""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ops.cases import CASES, Case
from rewrite.evaluate import AsItStands

import chainrule as cr
from chainrule.calculus.jacobian import DIAGONAL, diagonal, diagonal_of, hessians, identity, jacobians
from chainrule.face.graph import Graph
from chainrule.graph.dims import symbol
from chainrule.graph.errors import GraphError, MissingRule, NamingError, NoDerivative
from chainrule.graph.node import REAL, Node, Op, leaf, walk
from chainrule.rewrite.readable import readable

CLOSE = {"rtol": 1e-9, "atol": 1e-11}


# Every operation in every form --------------------------------------------------------------------------------------


def differentiable(case: Case) -> bool:
    return bool(case.real) and case.build(**case.leaves()).kind == REAL


EACH = [(k, name) for k, case in enumerate(CASES) if differentiable(case) for name in case.real]
ONE_OF_EACH = list({CASES[k].op: k for k, _ in reversed(EACH)}.values())


@cache
def computed() -> tuple[dict[tuple[int, str], np.ndarray], dict[tuple[int, str, str], np.ndarray]]:
    """The Jacobian of every case in every real input, and the Hessians of Σy², by one program."""
    inputs: dict[str, Node] = {}
    arrays: dict[str, np.ndarray] = {}
    first: dict[tuple[int, str], Node] = {}
    second: dict[tuple[int, str, str], Node] = {}
    for k in dict.fromkeys(k for k, _ in EACH):
        case = CASES[k]
        leaves, values = case.leaves(prefix=f"c{k}_"), case.arrays(k)
        y, wrt = case.build(**leaves), [leaves[name] for name in case.real]
        for name, J in zip(case.real, jacobians(y, wrt)):
            assert J.shape == y.shape + leaves[name].shape
            first[k, name] = J
        found = hessians(cr.sum(y * y), wrt)
        second |= {(k, a, b): found[leaves[a], leaves[b]] for a in case.real for b in case.real}
        inputs |= {n.attr("name"): n for n in leaves.values()}
        arrays |= {f"c{k}_{name}": a for name, a in values.items()}
    results = cr.compile(Graph("cases", inputs, (*first.values(), *second.values())))(**arrays)
    return dict(zip(first, results)), dict(zip(second, results[len(first) :]))


@cache
def by_jax() -> dict[tuple[int, str], Any]:
    def every(split: dict[int, tuple[Any, Any]]) -> Any:
        return {
            k: jax.jacobian(lambda real, k=k, rest=rest: CASES[k].oracle(jnp, **real, **rest))(real)
            for k, (real, rest) in split.items()
        }

    split = {}
    for k in ONE_OF_EACH:
        values = CASES[k].arrays(k)
        split[k] = {n: values[n] for n in CASES[k].real}, {n: v for n, v in values.items() if n not in CASES[k].real}
    answers = jitted(every)(split)
    return {(k, n): J for k, found in answers.items() for n, J in found.items()}


def jitted(f: Any) -> Any:
    """`f` in float64, compiled quickly."""

    def run(*args: Any) -> Any:
        with jax.enable_x64(True):
            return jax.jit(f, compiler_options={"xla_backend_optimization_level": 0})(*args)

    return run


def by_differences(f: Any, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    J = np.zeros(np.shape(f(x)) + x.shape)
    for i in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[i] = h
        J[(..., *i)] = (f(x + step) - f(x - step)) / (2 * h)
    return J


@pytest.mark.parametrize("k, name", EACH, ids=[f"{CASES[k].op}-{k}-{name}" for k, name in EACH])
def test_every_jacobian_agrees_with_differences(k: int, name: str):
    case, values = CASES[k], CASES[k].arrays(k)
    if case.op == "stop_gradient":
        pytest.skip("differences see what stop_gradient hides")
    expected = by_differences(lambda x: np.asarray(case.oracle(np, **(values | {name: x})), float), values[name])
    np.testing.assert_allclose(computed()[0][k, name], expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("k", ONE_OF_EACH, ids=[CASES[k].op for k in ONE_OF_EACH])
def test_every_operation_agrees_with_jax(k: int):
    for name in CASES[k].real:
        np.testing.assert_allclose(computed()[0][k, name], by_jax()[k, name], **CLOSE)


@pytest.mark.parametrize("k", dict.fromkeys(k for k, _ in EACH))
def test_every_hessian_agrees_with_differences_of_the_gradient(k: int):
    case, values = CASES[k], CASES[k].arrays(k)
    if case.op == "stop_gradient":
        pytest.skip("differences see what stop_gradient hides")
    leaves = case.leaves()
    y = case.build(**leaves)
    gradient = cr.compile(cr.derive(Graph("f", leaves, (cr.sum(y * y),)), wrt=case.real))
    for b in case.real:
        for a in case.real:
            expected = by_differences(lambda x, a=a, b=b: gradient(**(values | {b: x}))[1][a], values[b])
            np.testing.assert_allclose(computed()[1][k, a, b], expected, rtol=1e-6, atol=1e-6)


# Networks -------------------------------------------------------------------------------------------------------------


def two_layer(x: "n", W1: "h n", W2: "m h", b: "h"):
    z = W1 @ x + b
    u = cr.sigmoid(z)
    yhat = W2 @ u
    return yhat


def mlp(X: "N d", W1: "d h", b1: "h", W2: "h k", b2: "k"):
    Z = X @ W1 + b1
    H = cr.tanh(Z)
    Y = cr.relu(H @ W2 + b2)
    return Y


def attention(X: "t d", Q: "d k", K: "d k", V: "d m"):
    S = (X @ Q) @ (X @ K).T / 3.0
    P = cr.softmax(S)
    O = P @ (X @ V)
    return O


def normalised(X: "n d", gamma: "d"):
    C = X - cr.mean(X, axis=1, keepdims=True)
    Y = gamma * C / cr.sqrt(cr.var(X, axis=1, keepdims=True) + 1e-3)
    return Y


def jax_two_layer(x, W1, W2, b):
    return W2 @ jax.nn.sigmoid(W1 @ x + b)


def jax_mlp(X, W1, b1, W2, b2):
    return jax.nn.relu(jnp.tanh(X @ W1 + b1) @ W2 + b2)


def jax_attention(X, Q, K, V):
    return jax.nn.softmax((X @ Q) @ (X @ K).T / 3.0) @ (X @ V)


def jax_normalised(X, gamma):
    C = X - X.mean(1, keepdims=True)
    return gamma * C / jnp.sqrt(X.var(1, keepdims=True) + 1e-3)


NETWORKS = [(two_layer, jax_two_layer), (mlp, jax_mlp), (attention, jax_attention), (normalised, jax_normalised)]
SMALL = {"n": 3, "h": 4, "m": 2, "d": 5, "k": 3, "N": 6, "t": 7}
OTHER = {"n": 5, "h": 2, "m": 6, "d": 3, "k": 4, "N": 2, "t": 3}


def arrays_for(g: Graph, sizes: dict[str, int], seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=[sizes[str(s)] for s in n.shape]) for name, n in g.inputs.items()}


@cache
def expected_jacobians(oracle: Any, f: Any, other: bool) -> Any:
    arrays = arrays_for(cr.trace(f), OTHER if other else SMALL)
    return jitted(jax.jacobian(oracle, argnums=tuple(range(len(arrays)))))(*arrays.values())


@pytest.mark.parametrize("engine", ["numpy", "xla"])
@pytest.mark.parametrize("f, oracle", NETWORKS, ids=[f.__name__ for f, _ in NETWORKS])
def test_networks(f: Any, oracle: Any, engine: str):
    g = cr.trace(f)
    found = cr.jacobian(g)
    assert list(found) == list(g.inputs)
    run = cr.compile(g.returning(*found.values()), engine=engine)
    for other in (False, True):  # one program, two bindings of its symbols
        arrays = arrays_for(g, OTHER if other else SMALL)
        expected = expected_jacobians(oracle, f, other)
        answers = run(**{k: v for k, v in arrays.items() if k in run.graph.inputs})
        for J, answer, want in zip(found.values(), answers, expected):
            assert answer.shape == want.shape and len(J.shape) == want.ndim
            np.testing.assert_allclose(answer, want, **CLOSE)


@pytest.mark.parametrize("f, oracle", NETWORKS, ids=[f.__name__ for f, _ in NETWORKS])
def test_hessians_of_networks(f: Any, oracle: Any):
    g = cr.trace(f)
    loss = g.returning(cr.sum(g.output**3))
    found = cr.hessian(loss)
    assert list(found) == [(a, b) for a in g.inputs for b in g.inputs]
    run = cr.compile(loss.returning(*found.values()))
    arrays = arrays_for(g, SMALL, seed=1)
    every = tuple(range(len(arrays)))
    expected = jitted(jax.hessian(lambda *xs: jnp.sum(oracle(*xs) ** 3), argnums=every))(*arrays.values())
    answers = dict(zip(found, run(**arrays)))
    for (a, b), answer in answers.items():
        want = expected[list(arrays).index(a)][list(arrays).index(b)]
        np.testing.assert_allclose(answer, want, rtol=1e-8, atol=1e-9)
        other = np.moveaxis(answers[b, a], range(arrays[b].ndim), range(-arrays[b].ndim, 0))
        np.testing.assert_allclose(answer, other, **CLOSE)  # symmetric


@pytest.mark.parametrize("name", ["z", "u", "yhat"])
def test_in_a_quantity_inside(name: str):
    g = cr.trace(two_layer)
    arrays = arrays_for(g, SMALL)
    J = cr.jacobian(g, name)
    run = cr.compile(g.returning(J))
    W1, W2, x, b = (arrays[k] for k in ("W1", "W2", "x", "b"))
    z = W1 @ x + b
    u = 1 / (1 + np.exp(-z))
    expected = {"z": W2 * (u * (1 - u)), "u": W2, "yhat": np.eye(2)}[name]
    np.testing.assert_allclose(run(**{k: arrays[k] for k in run.graph.inputs}), expected, **CLOSE)


def test_in_a_quantity_that_the_stable_laws_do_away_with():
    def loss(z: "k"):
        p = cr.softmax(z)
        L = -cr.sum(cr.log(p))
        return L

    g = cr.trace(loss)
    z = np.array([0.5, -1.0, 2.0])
    p = np.exp(z) / np.exp(z).sum()
    np.testing.assert_allclose(cr.compile(g.returning(cr.jacobian(g, "p")))(z=z), -1 / p, **CLOSE)
    np.testing.assert_allclose(cr.compile(g.returning(cr.hessian(g, "p")))(z=z), np.diag(1 / p**2), **CLOSE)
    both = cr.jacobian(g, ["z", "p"])  # the derivative in z goes through p all the same
    np.testing.assert_allclose(cr.compile(g.returning(*both.values()))(z=z)[0], 3 * p - 1, **CLOSE)


def test_small_programs():
    """What a person would have written: no identity matrix is filled in."""
    g = cr.trace(two_layer)
    z, u = g["z"], g["u"]
    assert cr.jacobian(g, "u") is g.inputs["W2"]
    assert cr.jacobian(g, "x") is (g.inputs["W2"] * u * (1 - u)) @ g.inputs["W1"]
    assert cr.jacobian(cr.trace(lambda z: cr.sin(z), z="k"), "z") is cr.diag(cr.cos(leaf("z", ("k",))))
    assert cr.jacobian(cr.trace(lambda x, A: A @ x, x="n", A="m n"), "x") is leaf("A", ("m", "n"))
    assert z in walk(cr.jacobian(g, "x"))


# As a book prints them ------------------------------------------------------------------------------------------------


def softmax(z: "k"):
    p = cr.softmax(z)
    return p


def sigmoid(z: "k"):
    u = cr.sigmoid(z)
    return u


def labelled(z: "k", y: "int[]"):
    p = cr.softmax(z)
    L = -cr.log(p[y])
    return L


def by_hand(z: "k", y: "int[]"):
    p = cr.exp(z) / cr.sum(cr.exp(z))
    L = -cr.log(p)[y]
    return L


def targets(z: "k", Y: "k"):
    p = cr.softmax(z)
    L = -cr.sum(Y * cr.log(p))
    return L


def two_log_terms(X: "N d", w: "d", y: "N"):
    p = cr.sigmoid(X @ w)
    return -cr.mean(y * cr.log(p) + (1 - y) * cr.log(1 - p))


P = "diag(p) - outer(p, p)"
S = "diag(softmax(z)) - outer(softmax(z), softmax(z))"
JACOBIANS: list[tuple[Any, str, str]] = [
    (softmax, "z", P),
    (sigmoid, "z", "diag(u ⊙ (1 - u))"),
    (lambda x, A: A @ x, "x", "A"),
    (lambda x, A: A @ cr.tanh(x), "x", "A @ diag(1 - tanh(x)²)"),
    (lambda x: cr.sin(x), "x", "diag(cos(x))"),
    (lambda x: cr.relu(x), "x", "diag(where(x > 0, 1.0, 0))"),
    (two_layer, "x", "W2 @ diag(u ⊙ (1 - u)) @ W1"),
    (lambda x, A: x @ A @ x, "x", "(A + Aᵀ) @ x"),
    (lambda x: cr.norm(x), "x", "x / norm(x)"),
]
HESSIANS: list[tuple[Any, str, str]] = [
    (labelled, "z", P),
    (by_hand, "z", P),
    (targets, "z", "sum(Y)·(diag(p) - outer(p, p))"),
    (lambda z, y: -cr.log_softmax(z)[y], "z", S),
    (lambda z, y: -cr.log(cr.softmax(z))[y], "z", S),
    (lambda z, y: cr.logsumexp(z) - z[y], "z", S),
    (lambda x, W, y: cr.sum((W @ x - y) ** 2), "x", "2·(Wᵀ @ W)"),
    (lambda x, W, y: (W @ x - y) @ (W @ x - y), "x", "2·(Wᵀ @ W)"),
    (lambda x, W, y: cr.mean((W @ x - y) ** 2), "x", "2·(Wᵀ @ W) / m"),
    (lambda x, W, y, t: cr.sum((W @ x - y) ** 2) + t * cr.sum(x**2), "x", "2·(Wᵀ @ W + t·eye(n))"),
    (lambda x, A: x @ A @ x, "x", "A + Aᵀ"),
    (lambda x: cr.norm(x), "x", "(eye(n) - outer(x, x) / norm(x)²) / norm(x)"),
    (lambda x: cr.sum(x**3), "x", "6·diag(x)"),
    (lambda x, W, y: cr.sum(cr.log(1 + cr.exp(-y * (W @ x)))), "x", "Wᵀ @ diag(y² ⊙ t1 ⊙ (1 - t1)) @ W"),
    (two_log_terms, "w", "(Xᵀ @ diag((1 - p) ⊙ p) @ X) / N"),
]
SHAPES = {"x": "n", "A": "n n", "W": "m n", "t": "", "z": "k"}


def traced(f: Any) -> Graph:
    names = [] if f.__annotations__ else f.__code__.co_varnames[: f.__code__.co_argcount]
    shapes = {k: ("int[]" if "z" in names else "m") if k == "y" else SHAPES[k] for k in names}
    return cr.trace(f, **shapes)


BOOK = [(cr.jacobian, *case) for case in JACOBIANS] + [(cr.hessian, *case) for case in HESSIANS]


@pytest.mark.parametrize(("of", "f", "name", "wanted"), BOOK, ids=[shown for *_, shown in BOOK])
def test_the_text_is_that_of_a_textbook(of: Any, f: Any, name: str, wanted: str):
    """What is read equals what the program computes, both as they stand."""
    g = traced(f)
    J = of(g, name)
    answer = g.returning(J)
    assert answer.text().splitlines()[-1] == f"output = {wanted}"
    read = readable([J], g.names)[J]
    arrays = arrays_for(g, SMALL, seed=3) | {k: np.array(1) for k, n in g.inputs.items() if n.kind != REAL}
    one, other, *_ = AsItStands([J, read, *g.inputs.values()])(arrays)
    np.testing.assert_allclose(other, one, rtol=1e-10, atol=1e-12)


def test_the_quantities_that_a_derivative_is_read_in_are_printed_and_its_program_stays_safe():
    g = cr.trace(by_hand)
    answer = g.returning(cr.hessian(g, "z"))
    assert answer.text() == "p = exp(z) / sum(exp(z))\noutput = diag(p) - outer(p, p)"
    assert r"p \, p^{\top}" in answer.latex()
    assert answer["p"] is g["p"]
    for z in ([1e4, 0.0, -1e4], [-1e4, -1e4, 1e4]):
        assert np.all(np.isfinite(cr.compile(answer)(z=z)))


def test_the_jacobian_of_a_normalised_vector():
    g = cr.trace(lambda x, e: (x - cr.mean(x)) / cr.sqrt(cr.mean((x - cr.mean(x)) ** 2) + e), x="n", e="")
    text = g.returning(cr.jacobian(g, "x")).text()
    assert text.endswith("(eye(n) - outer(x - mean(x), x - mean(x)) / (n·t1) - 1 / n) / sqrt(t1)")


# The softmax ----------------------------------------------------------------------------------------------------------


def test_the_hessian_of_cross_entropy_in_the_logits():
    def loss(z: "k", y: "k"):
        return -cr.sum(y * cr.log(cr.softmax(z)))

    g = cr.trace(loss)
    H = cr.compile(g.returning(cr.hessian(g, "z")))
    y = np.array([0.0, 1.0, 0.0, 0.0])
    z = np.array([0.3, -2.0, 1.0, 0.7])
    p = np.exp(z) / np.exp(z).sum()
    np.testing.assert_allclose(H(z=z, y=y), np.diag(p) - np.outer(p, p), **CLOSE)
    far = H(z=np.array([1e4, 0.0, -1e4, 1e4]), y=y)  # p = ½, 0, 0, ½
    expected = np.zeros((4, 4))
    expected[[0, 0, 3, 3], [0, 3, 0, 3]] = [0.25, -0.25, -0.25, 0.25]
    np.testing.assert_allclose(far, expected, atol=1e-15)


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_far_logits(engine: str):
    g = cr.trace(lambda z: cr.log(cr.softmax(z)), z="n k")
    J = cr.compile(g.returning(cr.jacobian(g, "z")), engine=engine)
    z = np.array([[1e4, 0.0, -1e4], [-1e4, 3.0, 3.0]])
    p = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    expected = np.einsum("ij,kl->ikjl", np.eye(2), np.eye(3)) - np.einsum("ij,il->ijl", np.eye(2), p)[:, None]
    np.testing.assert_allclose(J(z=z), expected, atol=1e-12)


# Kinks and choices ----------------------------------------------------------------------------------------------------


def at(f: Any, x: Any, of: Any = None) -> np.ndarray:
    g = cr.trace(lambda x: f(x), x=np.shape(x))
    return cr.compile(g.returning((of or cr.jacobian)(g, "x")))(x=x)


def test_kinks():
    np.testing.assert_array_equal(at(cr.relu, [-1.0, 0.0, 2.0]), np.diag([0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(at(cr.abs, [-1.0, 0.0, 2.0]), np.diag([-1.0, 0.0, 1.0]))
    np.testing.assert_array_equal(at(lambda x: cr.maximum(x, 1.0), [0.0, 1.0, 2.0]), np.diag([0.0, 0.5, 1.0]))
    tied = at(lambda x: cr.max(x, axis=1), [[2.0, 2.0, 1.0], [0.0, 1.0, 0.5]])
    np.testing.assert_array_equal(tied, [[[0.5, 0.5, 0.0], [0.0] * 3], [[0.0] * 3, [0.0, 1.0, 0.0]]])
    np.testing.assert_array_equal(at(cr.norm, [0.0, 0.0]), [0.0, 0.0])
    curved = lambda x: cr.sum(cr.relu(x) ** 2)
    np.testing.assert_array_equal(at(curved, [-1.0, 0.0, 2.0], cr.hessian), np.diag([0.0, 0.0, 2.0]))


def test_the_branch_not_taken_contributes_nothing():
    safe = lambda x: cr.where(x > 0, cr.sqrt(x), 0.0)
    np.testing.assert_array_equal(at(safe, [0.0, 4.0]), [[0.0, 0.0], [0.0, 0.25]])
    total = lambda x: cr.sum(cr.where(x > 0, x * cr.log(x), 0.0))
    np.testing.assert_array_equal(at(total, [0.0, 2.0], cr.hessian), [[0.0, 0.0], [0.0, 0.5]])
    mixed = lambda x: cr.eye(2) @ cr.where(x > 0, cr.log(x), 0.0) + cr.sum(x)
    np.testing.assert_array_equal(at(mixed, [0.0, 2.0]), [[1.0, 1.0], [1.0, 1.5]])


def test_an_infinite_slope_stays_in_its_column():
    np.testing.assert_array_equal(at(cr.sqrt, [0.0, 4.0]), [[np.inf, 0.0], [0.0, 0.25]])
    np.testing.assert_array_equal(at(cr.log, [[0.0, 4.0]])[0, :, 0], [[np.inf, 0.0], [0.0, 0.25]])


# Shapes ---------------------------------------------------------------------------------------------------------------


def test_a_scalar_has_its_gradient():
    g = cr.trace(lambda x, A: x @ A @ x, x="n", A="n n")
    assert cr.jacobian(g, "x").shape == (symbol("n"),)
    d = cr.compile(cr.derive(g))
    arrays = arrays_for(g, SMALL)
    J = cr.compile(g.returning(*cr.jacobian(g).values()))(**arrays)
    for one, (_, other) in zip(J, d(**arrays)[1].items()):
        np.testing.assert_allclose(one, other, **CLOSE)


def test_what_the_output_does_not_depend_on_is_zero():
    g = cr.trace(lambda x, y: cr.sin(x), x="n", y="m")
    J = cr.jacobian(g, "y")
    assert J.shape == (symbol("n"), symbol("m"))
    np.testing.assert_array_equal(cr.compile(g.returning(J))(x=[1.0, 2.0], y=[1.0, 2.0, 3.0]), np.zeros((2, 3)))
    H = cr.hessian(g.returning(cr.sum(g.output)), "x")
    assert H.shape == (symbol("n"), symbol("n"))
    constant = cr.trace(lambda x: cr.sum(2 * x), x="n")
    run = cr.compile(constant.returning(cr.hessian(constant, "x")))
    np.testing.assert_array_equal(run(x=[1.0, 2.0]), np.zeros((2, 2)))  # x tells n


def test_sizes_of_one():
    g = cr.trace(lambda x, y: x * y, x="n 1", y="m")
    arrays = {"x": np.array([[2.0], [3.0]]), "y": np.array([5.0, 7.0, 11.0])}
    expected = jitted(jax.jacobian(lambda x, y: x * y, argnums=(0, 1)))(*arrays.values())
    for name, want in zip("xy", expected):
        np.testing.assert_allclose(cr.compile(g.returning(cr.jacobian(g, name)))(**arrays), want, **CLOSE)
    np.testing.assert_array_equal(at(lambda x: cr.sum(x, axis=0, keepdims=True) * x, [2.0]), [[4.0]])


def test_third_derivatives():
    g = cr.trace(lambda x: cr.sum(x**4) + cr.sum(x) ** 3, x="n")
    H = g.returning(cr.hessian(g, "x"))
    T = cr.compile(H.returning(cr.jacobian(H, "x")))(x=[1.0, -2.0])
    np.testing.assert_allclose(T, 6.0 + np.array([[[24.0, 0], [0, 0]], [[0, 0], [0, -48.0]]]), **CLOSE)


def test_functions_and_shapes_are_accepted_as_derive_does():
    assert cr.jacobian(lambda x: x * x, "x", x="n").shape == (symbol("n"), symbol("n"))
    assert cr.jacobian(two_layer, ["W1"])["W1"].shape == tuple(map(symbol, "mhn"))
    assert cr.hessian(lambda x: x @ x, "x", x=(3,)).shape == (3, 3)


def test_a_deep_graph_needs_no_stack():
    def deep(x):
        for _ in range(1500):
            x = cr.sin(x)
        return x

    assert cr.jacobian(deep, "x", x="n").shape == (symbol("n"), symbol("n"))


# Laws of diagonal tensors ---------------------------------------------------------------------------------------------

V, U, A, B = leaf("v", ("n",)), leaf("u", ("n",)), leaf("A", ("n", "m")), leaf("B", ("m", "n"))
M, R = leaf("M", ("n", "m")), leaf("r", ("m",))
D, D2 = diagonal(V, V.shape), diagonal(M, M.shape)
I, I2 = identity(V.shape), identity(M.shape)
LEFT_SIDES = [
    D * U, U * D, I * U, D * 2.0, -D, -I, D + I, I - D, D - diagonal(U, U.shape), D / U, I / U, D / 3.0, D @ D,
    cr.where(U > 0, D, 0.0), cr.where(U > 0, 0.0, D), cr.xlogy(D, cr.exp(U)),
    I2 * M, D2 * R, R * D2, D2 / (1 + M * M), D2 + I2, D2 * D2, cr.where(M > 0, D2, 0.0),
    D @ A, B @ D, I @ A, D @ U, U @ D, cr.sum(D, axis=1), cr.sum(D, axis=1, keepdims=True), cr.sum(I, axis=1),
    cr.sum(D2, axis=(2, 3)), cr.sum(I2, axis=(2, 3)),
]  # fmt: skip
NOT_DIAGONAL = [
    D + U, 1.0 - D, U / D, cr.where(U > 0, D, 1.0), cr.where(D > 0, D, 0.0), D * cr.outer(U, V), cr.exp(D),
    cr.sum(D), cr.sum(D2, axis=3),
]  # fmt: skip


@pytest.mark.parametrize("left", LEFT_SIDES, ids=str)
def test_laws_of_diagonal_tensors(left: Node):
    right = DIAGONAL(left)
    assert right is not None and right.shape == left.shape and right.kind == left.kind
    g = Graph("law", {n.attr("name"): n for n in (V, U, A, B, M, R)}, (left, right))
    one, other = cr.compile(g)(**arrays_for(g, SMALL))
    np.testing.assert_allclose(one, other, **CLOSE)


@pytest.mark.parametrize("node", NOT_DIAGONAL, ids=str)
def test_what_is_not_diagonal_stays(node: Node):
    assert DIAGONAL(node) is None


def test_diagonal_of():
    assert diagonal_of(D) is V and diagonal_of(diagonal(-M, M.shape)).shape == M.shape
    assert diagonal_of(cr.eye("n")) is diagonal_of(I2)
    assert diagonal_of(A) is None and diagonal_of(cr.reshape(cr.eye(6), (3, 12))) is None


# Errors ---------------------------------------------------------------------------------------------------------------


def picked(x: "n", i: "int[m]"):
    y = x[i]
    return y


def test_errors():
    g = cr.trace(picked)
    with pytest.raises(NoDerivative, match="i is integer"):
        cr.jacobian(g, "i")
    with pytest.raises(NoDerivative, match="i is integer"):
        cr.hessian(g, ["x", "i"])
    with pytest.raises(NamingError, match="'w'"):
        cr.jacobian(g, "w")
    with pytest.raises(NamingError):
        cr.jacobian(g, [g.inputs["x"]])  # type: ignore[list-item]
    with pytest.raises(NoDerivative, match=r"\(m,\) real"):
        cr.hessian(g, "x")
    with pytest.raises(NoDerivative, match="is integer"):
        cr.jacobian(lambda x: cr.argmax(x), "x", x="n")
    with pytest.raises(NoDerivative, match="boolean"):
        cr.hessian(lambda x: cr.sum(x) > 0, "x", x="n")
    with pytest.raises(GraphError, match="2 outputs"):
        cr.jacobian(lambda x: (x, x * x), "x", x="n")
    assert set(cr.jacobian(g)) == {"x"}  # every real input


def test_second_derivatives_of_what_is_computed_from_another():
    g = cr.trace(two_layer)
    loss = g.returning(cr.sum(g.output**2))
    assert set(cr.hessian(loss, ["u"])) == {("u", "u")}
    with pytest.raises(NoDerivative, match=r"is computed from"):
        cr.hessian(loss, ["z", "u"])


def test_operations_without_a_derivative_or_a_rule():
    blind = Op("blind_square", shape=lambda x: x)
    with pytest.raises(NoDerivative, match="blind_square"):
        cr.jacobian(lambda x: blind(x), "x", x="n")
    closed = Op("closed_half", shape=lambda x: x, vjp=lambda g, y, x: [closed(g)])
    with pytest.raises(MissingRule, match=r"closed_half.*Jacobian"):
        cr.jacobian(lambda x: closed(x), "x", x="n")


def test_graphs_that_return_something_else():
    g = cr.trace(two_layer)
    only = g.returning(g["z"])
    assert list(only.inputs) == ["x", "W1", "b"] and only.output is g["z"] and only.updates == {}
    square = cr.trace(lambda x, y: x * x + 0 * y, x="n", y="n")
    assert list(square.returning(cr.jacobian(square, "y")).inputs) == ["x"]  # 0·I needs n, and takes it from x
    with pytest.raises(GraphError, match="q is no input"):
        g.returning(leaf("q", ("n",)))
    with pytest.raises(GraphError, match="at least one"):
        g.returning()
