"""Losses as people write them, at logits that overflow when they are computed as they stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import chainrule as cr

mpmath.mp.dps = 60
N, K = 3, 4
LOGITS = {
    "zero": np.zeros((N, K)),
    "moderate": np.array([[0.0, 1, -1, 0.5], [1, 1, 0, -1], [-1, 0, 1, 0]]),
    "36": np.array([[36.0, -36, 0, 1], [-36, 36, 36, 0], [0, -36, 1, 36]]),
    "1e3": np.array([[1e3, -1e3, 0, 36], [-1e3, 1e3, 1e3, 0], [0, -1, -1e3, 1e3]]),
    "1e4": np.array([[1e4, -1e4, 0, 36], [-1e4, 1e4, 9999, 0], [0, -1e4, -1e3, 1e4]]),
}
LABELS = np.array([1, 3, 0])
HARD = np.eye(K)[LABELS]
SOFT = np.array([[0.7, 0.1, 0.1, 0.1], [0.0, 0.5, 0.5, 0.0], [0.25, 0.25, 0.25, 0.25]])

# The oracle: 60 digits ----------------------------------------------------------------------------------------------


def exact(f: Callable[..., Any]) -> Callable[[np.ndarray], np.ndarray]:
    def of(x: np.ndarray) -> np.ndarray:
        return np.array([float(f(mpmath.mpf(float(v)))) for v in np.ravel(x)]).reshape(np.shape(x))

    return of


softplus = exact(lambda z: z + mpmath.log1p(mpmath.exp(-z)) if z > 0 else mpmath.log1p(mpmath.exp(z)))
sigmoid = exact(lambda z: 1 / (1 + mpmath.exp(-z)))


def log_softmax(Z: np.ndarray) -> np.ndarray:
    rows = []
    for z in Z:
        terms = [mpmath.mpf(float(v)) for v in z]
        top = max(terms)
        rest = mpmath.log(sum(mpmath.exp(t - top) for t in terms))
        rows.append([float(t - top - rest) for t in terms])
    return np.array(rows)


def run(
    f: Callable[..., Any], engine: str = "numpy", dtype: str | None = None, **inputs: Any
) -> tuple[float, dict[str, np.ndarray]]:
    """Value and gradients in whatever is real, of `f` traced with symbolic sizes."""
    graph = cr.trace(f)
    real = [k for k, n in graph.inputs.items() if n.kind == "real"]
    value, grads = cr.compile(cr.derive(graph, wrt=real), engine=engine, dtype=dtype)(**inputs)
    return float(value), {k: np.asarray(g, float) for k, g in grads.items()}


def close(got: Any, expected: Any, rtol: float = 1e-12, atol: float = 1e-14) -> None:
    assert np.all(np.isfinite(got))
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


# Softmax with cross-entropy -----------------------------------------------------------------------------------------


def direct(Z: "n k", Y: "n k"):
    return -cr.mean(cr.sum(Y * cr.log(cr.softmax(Z)), axis=1))


def named(Z: "n k", Y: "n k"):
    P = cr.softmax(Z, axis=1)
    logs = cr.log(P)
    losses = -cr.sum(Y * logs, axis=1)
    return cr.sum(losses) / Z.shape[0]


def by_hand(Z: "n k", Y: "n k"):
    P = cr.exp(Z) / cr.sum(cr.exp(Z), axis=1, keepdims=True)
    return -cr.sum(Y * cr.log(P)) / Z.shape[0]


def by_hand_new_axis(Z: "n k", Y: "n k"):
    E = cr.exp(Z)
    total = cr.sum(E, axis=1)
    P = E / total[:, None]
    return -cr.sum(Y * cr.log(P)) / Z.shape[0]


def by_hand_reshaped(Z: "n k", Y: "n k"):
    E = cr.exp(Z)
    P = E / cr.reshape(cr.sum(E, axis=1), (Z.shape[0], 1))
    return -cr.mean(cr.sum(cr.log(P) * Y, axis=1))


def shifted(Z: "n k", Y: "n k"):
    E = cr.exp(Z - cr.max(Z, axis=1, keepdims=True))
    P = E / cr.sum(E, axis=1, keepdims=True)
    return -cr.mean(cr.sum(Y * cr.log(P), axis=1))


def shifted_new_axis(Z: "n k", Y: "n k"):
    E = cr.exp(Z - cr.max(Z, axis=1)[:, None])
    P = E / cr.sum(E, axis=1)[:, None]
    return cr.mean(-cr.sum(Y * cr.log(P), axis=1))


def shifted_by_all(Z: "n k", Y: "n k"):
    E = cr.exp(Z - cr.max(Z))
    return -cr.mean(cr.sum(Y * cr.log(E / cr.sum(E, axis=1, keepdims=True)), axis=1))


def transposed(Z: "n k", Y: "n k"):
    E = cr.exp(Z.T)
    P = E / cr.sum(E, axis=0)
    return -cr.sum(Y.T * cr.log(P)) / Z.shape[0]


def transposed_back(Z: "n k", Y: "n k"):
    P = (cr.exp(Z).T / cr.sum(cr.exp(Z), axis=1)).T
    return -cr.sum(Y * cr.log(P)) / Z.shape[0]


def log_of_sum(Z: "n k", Y: "n k"):
    return cr.mean(cr.log(cr.sum(cr.exp(Z), axis=1)) * cr.sum(Y, axis=1) - cr.sum(Y * Z, axis=1))


def logs_subtracted(Z: "n k", Y: "n k"):
    logP = Z - cr.log(cr.sum(cr.exp(Z), axis=1))[:, None]
    return -cr.mean(cr.sum(Y * logP, axis=1))


def scaled_before(Z: "n k", Y: "n k"):
    return -cr.sum(cr.log(cr.softmax(Z)) / Z.shape[0] * Y)


def minus_inside(Z: "n k", Y: "n k"):
    return cr.mean(cr.sum(Y * (-cr.log(cr.softmax(Z))), axis=1))


def with_xlogy(Z: "n k", Y: "n k"):
    return -cr.mean(cr.sum(cr.xlogy(Y, cr.softmax(Z)), axis=1))


def by_einsum(Z: "n k", Y: "n k"):
    return -cr.einsum("nk,nk->", Y, cr.log(cr.softmax(Z))) / Z.shape[0]


def log_reciprocal(Z: "n k", Y: "n k"):
    return cr.mean(cr.sum(Y * cr.log(1 / cr.softmax(Z)), axis=1))


ENTROPIES = [
    direct,
    named,
    by_hand,
    by_hand_new_axis,
    by_hand_reshaped,
    shifted,
    shifted_new_axis,
    shifted_by_all,
    transposed,
    transposed_back,
    log_of_sum,
    logs_subtracted,
    scaled_before,
    minus_inside,
    with_xlogy,
    by_einsum,
    log_reciprocal,
]


@pytest.mark.parametrize("loss", ENTROPIES)
@pytest.mark.parametrize("targets", [HARD, SOFT], ids=["hard", "soft"])
def test_cross_entropy(loss: Callable[..., Any], targets: np.ndarray):
    for logits in LOGITS.values():
        value, grads = run(loss, Z=logits, Y=targets)
        L = log_softmax(logits)
        close(value, -np.sum(targets * L) / N)
        close(grads["Z"], (np.exp(L) - targets) / N, rtol=1e-11)


def mixture(Z: "n k", Y: "n k"):
    return -cr.mean(cr.log(cr.sum(Y * cr.softmax(Z), axis=1)))


def mixture_by_hand(Z: "n k", Y: "n k"):
    P = cr.exp(Z) / cr.sum(cr.exp(Z), axis=1, keepdims=True)
    q = cr.sum(P * Y, axis=1, keepdims=True)
    return -cr.mean(cr.log(q))


@pytest.mark.parametrize("loss", [mixture, mixture_by_hand])
@pytest.mark.parametrize("weights", [HARD, SOFT], ids=["hard", "soft"])
def test_log_of_a_weighted_sum_of_probabilities(loss: Callable[..., Any], weights: np.ndarray):
    """−log Σₖ yₖ pₖ = −log Σₖ e^(log yₖ + log pₖ), and its slope in z is p minus the shares of the terms."""
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights)
    for logits in LOGITS.values():
        value, grads = run(loss, Z=logits, Y=weights)
        L = log_softmax(logits)
        terms = L + log_weights
        most = terms.max(axis=1, keepdims=True)
        whole = most + np.log(np.exp(terms - most).sum(axis=1, keepdims=True))
        close(value, -whole.mean())
        close(grads["Z"], (np.exp(L) - np.exp(terms - whole)) / N, rtol=1e-11)


def test_a_dot_product_with_probabilities():
    def loss(z: "k", y: "k"):
        return -cr.log(y @ cr.softmax(z))

    for logits in LOGITS.values():
        value, grads = run(loss, z=logits[0], y=HARD[0])
        L = log_softmax(logits)[0]
        close(value, -L[HARD[0] == 1][0])
        close(grads["z"], np.exp(L) - HARD[0], rtol=1e-11)


def picked(Z: "n k", y: "int[n]"):
    P = cr.softmax(Z)
    return -cr.mean(cr.log(P[cr.arange(Z.shape[0]), y]))


def picked_by_hand(Z: "n k", y: "int[n]"):
    P = cr.exp(Z) / cr.sum(cr.exp(Z), axis=1)[:, None]
    return cr.mean(-cr.log(P[cr.arange(Z.shape[0]), y]))


def picked_by_one_hot(Z: "n k", y: "int[n]"):
    P = cr.softmax(Z)
    return -cr.mean(cr.log(cr.sum(cr.one_hot(y, Z.shape[1]) * P, axis=1)))


def one_hot_outside(Z: "n k", y: "int[n]"):
    return -cr.mean(cr.sum(cr.one_hot(y, Z.shape[1]) * cr.log(cr.softmax(Z)), axis=-1))


def one_hot_axis_kept(Z: "n k", y: "int[n]"):
    return -cr.mean(cr.log(cr.sum(cr.softmax(Z) * cr.one_hot(y, Z.shape[1]), axis=1, keepdims=True)))


@pytest.mark.parametrize("loss", [picked, picked_by_hand, picked_by_one_hot, one_hot_outside, one_hot_axis_kept])
def test_cross_entropy_with_integer_labels(loss: Callable[..., Any]):
    for logits in LOGITS.values():
        value, grads = run(loss, Z=logits, y=LABELS)
        L = log_softmax(logits)
        close(value, -np.mean(L[range(N), LABELS]))
        close(grads["Z"], (np.exp(L) - HARD) / N, rtol=1e-11)


def one_example(z: "k", y: "int[]"):
    p = cr.softmax(z)
    return -cr.log(p[y])


def one_example_fixed(z: "k", y: "int[]"):
    p = cr.exp(z) / cr.sum(cr.exp(z))
    return -cr.log(cr.one_hot(y, z.shape[0]) @ p)


def one_example_dot(z: "k", y: "int[]"):
    return -cr.one_hot(y, z.shape[0]) @ cr.log(cr.softmax(z))


@pytest.mark.parametrize("loss", [one_example, one_example_fixed, one_example_dot])
def test_cross_entropy_of_one_example(loss: Callable[..., Any]):
    for logits in LOGITS.values():
        for z, y in zip(logits, LABELS):
            value, grads = run(loss, z=z, y=y)
            L = log_softmax(z[None])[0]
            close(value, -L[y])
            close(grads["z"], np.exp(L) - np.eye(K)[y], rtol=1e-11)


# Sigmoid with cross-entropy -----------------------------------------------------------------------------------------

PROBABILITIES = {
    "sigmoid": cr.sigmoid,
    "1/(1+e^-z)": lambda z: 1 / (1 + cr.exp(-z)),
    "e^z/(1+e^z)": lambda z: cr.exp(z) / (1 + cr.exp(z)),
    "e^z/(e^z+1)": lambda z: cr.exp(z) / (cr.exp(z) + 1.0),
    "moved": lambda z: cr.sigmoid(z[:, None])[:, 0],
    "1-1/(1+e^z)": lambda z: 1 - 1 / (1 + cr.exp(z)),
}
SPELLINGS = {
    "log(1 - p)": lambda y, p: -(y * cr.log(p) + (1 - y) * cr.log(1 - p)),
    "log1p(-p)": lambda y, p: -y * cr.log(p) - (1 - y) * cr.log1p(-p),
    "q named": lambda y, p: (lambda q: -(cr.log(p) * y) + -(cr.log(q) * (1 - y)))(1 - p),
    "likelihood": lambda y, p: -cr.log(p**y * (1 - p) ** (1 - y)),
    "xlogy": lambda y, p: -cr.xlogy(y, p) - cr.xlogy(1 - y, 1 - p),
}
Z1 = np.array([0.0, 1, -1, 36, -36, 1e3, -1e3, 1e4, -1e4])


@pytest.mark.parametrize("p", PROBABILITIES)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_binary_cross_entropy(p: str, spelling: str):
    def loss(z: "n", y: "n"):
        yhat = PROBABILITIES[p](z)
        return cr.sum(SPELLINGS[spelling](y, yhat))

    for y in (np.zeros(9), np.ones(9), np.linspace(0, 1, 9), np.tile([0.0, 1, 1], 3)):
        value, grads = run(loss, z=Z1, y=y)
        close(value, np.sum(softplus(Z1) - y * Z1), rtol=1e-12)
        close(grads["z"], sigmoid(Z1) - y, rtol=1e-11)
        close(grads["y"], -Z1, rtol=1e-11, atol=1e-12)


def test_the_probability_of_a_boolean_label():
    def loss(z: "n", y: "bool[n]"):
        p = cr.sigmoid(z)
        return -cr.sum(cr.log(cr.where(y, p, 1 - p)))

    y = np.array([True, False, True] * 3)
    value, grads = run(loss, z=Z1, y=y)
    close(value, np.sum(softplus(np.where(y, -Z1, Z1))))
    close(grads["z"], sigmoid(Z1) - y, rtol=1e-11)


def test_intermediates_that_are_used_elsewhere_stay_safe():
    def f(Z: "n k", Y: "n k"):
        E = cr.exp(Z)
        P = E / cr.sum(E, axis=1, keepdims=True)
        L = -cr.mean(cr.sum(Y * cr.log(P), axis=1))
        return L, P, P * 2 + L

    for logits in LOGITS.values():
        L, P, both = cr.compile(cr.trace(f))(Z=logits, Y=HARD)
        expected = log_softmax(logits)
        close(L, -np.sum(HARD * expected) / N)
        close(P, np.exp(expected), atol=1e-300)
        close(both, 2 * np.exp(expected) + L)

    def g(Z: "n k", Y: "n k"):
        P = cr.exp(Z) / cr.sum(cr.exp(Z), axis=1, keepdims=True)
        return -cr.sum(Y * cr.log(P)) + cr.sum(P**2)

    for logits in LOGITS.values():
        value, grads = run(g, Z=logits, Y=HARD)
        p = np.exp(log_softmax(logits))
        close(value, -np.sum(HARD * log_softmax(logits)) + np.sum(p**2))
        close(grads["Z"], p - HARD + 2 * p * (p - np.sum(p * p, 1, keepdims=True)), rtol=1e-10)


# Other functions that overflow --------------------------------------------------------------------------------------

FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "log(1+e^x)": (
        lambda x: cr.log(1 + cr.exp(x)),
        lambda x: x + mpmath.log1p(mpmath.exp(-x)) if x > 0 else mpmath.log1p(mpmath.exp(x)),
    ),
    "log1p(e^x)": (
        lambda x: cr.log1p(cr.exp(x)),
        lambda x: x + mpmath.log1p(mpmath.exp(-x)) if x > 0 else mpmath.log1p(mpmath.exp(x)),
    ),
    "tanh": (lambda x: (cr.exp(x) - cr.exp(-x)) / (cr.exp(x) + cr.exp(-x)), mpmath.tanh),
    "tanh, doubled": (lambda x: (cr.exp(2 * x) - 1) / (cr.exp(2 * x) + 1), mpmath.tanh),
    "tanh, mirrored": (lambda x: (1 - cr.exp(-2 * x)) / (1 + cr.exp(-2 * x)), mpmath.tanh),
    "tanh by a sigmoid": (lambda x: 2 / (1 + cr.exp(-2 * x)) - 1, mpmath.tanh),
    "silu": (lambda x: x / (1 + cr.exp(-x)), lambda x: x / (1 + mpmath.exp(-x))),
    "slope of σ": (
        lambda x: cr.exp(-x) / (1 + cr.exp(-x)) ** 2,
        lambda x: mpmath.exp(-abs(x)) / (1 + mpmath.exp(-abs(x))) ** 2,
    ),
    "log(e^x + e^1)": (
        lambda x: cr.log(cr.exp(x) + cr.exp(cr.sum(x) * 0 + 1)),
        lambda x: max(x, 1) + mpmath.log1p(mpmath.exp(-abs(x - 1))),
    ),
    "two classes": (lambda x: cr.exp(x) / (cr.exp(x) + cr.exp(-x)), lambda x: 1 / (1 + mpmath.exp(-2 * x))),
    "log of a Gaussian": (
        lambda x: cr.log(0.5 * cr.exp(-(x**2) / 2) / 3),
        lambda x: mpmath.log(mpmath.mpf(1) / 6) - x**2 / 2,
    ),
    "√x²": (lambda x: cr.sqrt(x**2), abs),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_by_hand(name: str):
    f, oracle = FUNCTIONS[name]
    value, grads = run_vector(f)
    x = Z1[Z1 != 0]
    close(value, exact(oracle)(x), rtol=1e-12)
    slope = exact(lambda v: mpmath.diff(oracle, v, h=mpmath.mpf(10) ** -20))(x)
    close(grads, slope, rtol=1e-9)


def run_vector(f: Callable[..., Any]) -> tuple[np.ndarray, np.ndarray]:
    x = Z1[Z1 != 0]
    value = cr.compile(cr.trace(f, x="n"))(x=x)

    def total(x: "n"):
        return cr.sum(f(x))

    return value, run(total, x=x)[1]["x"]


def test_logsumexp_by_hand():
    def loss(Z: "n k"):
        return cr.sum(cr.log(cr.sum(cr.exp(Z), axis=1)) + cr.log(cr.mean(cr.exp(Z), axis=1)))

    for logits in LOGITS.values():
        value, grads = run(loss, Z=logits)
        L = log_softmax(logits)
        lse = (logits - L)[:, 0]
        close(value, np.sum(2 * lse - np.log(K)))
        close(grads["Z"], 2 * np.exp(L), rtol=1e-11)


def test_kl_divergence_with_zeros_and_extreme_logits():
    def apart(Y: "n k", Z: "n k"):
        return cr.sum(Y * (cr.log(Y) - cr.log(cr.softmax(Z))))

    def ratio(Y: "n k", Z: "n k"):
        return cr.sum(Y * cr.log(Y / cr.softmax(Z)))

    def reverse(Z: "n k", Y: "n k"):
        P = cr.softmax(Z)
        return cr.sum(P * cr.log(P / cr.softmax(Y)))

    for logits in LOGITS.values():
        L = log_softmax(logits)
        for Y in (HARD, SOFT):
            entropy = np.sum(Y * np.log(np.where(Y > 0, Y, 1)))
            for loss in (apart, ratio):
                graph = cr.trace(loss)
                value, grads = cr.compile(cr.derive(graph, wrt=["Z"]))(Y=Y, Z=logits)
                close(value, entropy - np.sum(Y * L))
                close(grads["Z"], np.exp(L) - Y, rtol=1e-11)
        value, grads = run(reverse, Z=logits, Y=logits[:, ::-1].copy())
        close(value, np.sum(np.exp(L) * (L - L[:, ::-1])), rtol=1e-11)
        close(np.sum(grads["Y"], 1), np.zeros(N), atol=1e-9)


ZEROS = {
    "Y log P": lambda Y, P: -cr.sum(Y * cr.log(P)),
    "divided": lambda Y, P: -cr.sum(Y * cr.log(P) / P.shape[0]) * P.shape[0],
    "scaled before": lambda Y, P: -cr.sum(cr.log(P) / P.shape[0] * Y) * P.shape[0],
    "scaled by a number": lambda Y, P: -cr.sum(Y * (2 * cr.log(P))) / 2,
    "minus inside": lambda Y, P: cr.sum(Y * -cr.log(P)),
    "minus and scale": lambda Y, P: cr.sum(-cr.log(P) / 2 * Y) * 2,
    "weighted": lambda Y, P: -cr.sum(2.0 * (Y * 0 + 1) * cr.log(P) * Y) / 2,
    "einsum": lambda Y, P: -cr.einsum("k,k->", Y, cr.log(P)),
    "dot": lambda Y, P: -(Y @ cr.log(P)),
    "dot, minus inside": lambda Y, P: Y @ -cr.log(P),
    "dot, the other way": lambda Y, P: -(cr.log(P) @ Y),
    "masked": lambda Y, P: -cr.sum(cr.where(Y > 0, Y * cr.log(P), 0)),
    "KL": lambda Y, P: cr.sum(Y * (cr.log(Y) - cr.log(P))) - cr.sum(Y * cr.log(Y)),
    "KL as a ratio": lambda Y, P: cr.sum(Y * cr.log(Y / P)) - cr.sum(cr.xlogy(Y, Y)),
}


@pytest.mark.parametrize("name", ZEROS)
def test_0_log_0_is_0(name: str):
    graph = cr.trace(lambda Y, P: ZEROS[name](Y, P), Y="k", P="k")
    Y, P = np.array([0.0, 0.5, 0.5, 0.0]), np.array([0.0, 0.25, 0.75, 0.0])
    value, grads = cr.compile(cr.derive(graph, wrt=["P"]))(Y=Y, P=P)
    close(value, -0.5 * np.log(0.25 * 0.75))
    close(grads["P"], [0, -2, -2 / 3, 0])


ROOTS = {
    "sum of squares": lambda x: cr.sqrt(cr.sum(x**2)),
    "products": lambda x: cr.sqrt(cr.sum(x * x)),
    "dot": lambda x: cr.sqrt(x @ x),
    "power": lambda x: cr.sum(x**2) ** 0.5,
    "mean": lambda x: cr.sqrt(cr.mean(x**2)) * cr.sqrt(x.shape[0]),
    "deviation": lambda x: cr.sqrt(cr.var(x)),
    "norm": lambda x: cr.norm(x),
    "rows": lambda x: cr.sum(cr.sqrt(cr.sum(x[None] ** 2, axis=1)[:, None])),
    "entries": lambda x: cr.sum(cr.sqrt(x**2)),
}


@pytest.mark.parametrize("name", ROOTS)
def test_the_gradient_of_a_length_is_0_at_0(name: str):
    graph = cr.trace(lambda x: ROOTS[name](x), x="n")
    value, grads = cr.compile(cr.derive(graph))(x=np.zeros(4))
    assert value == 0 and np.array_equal(grads["x"], np.zeros(4))
    if name not in ("deviation", "entries"):
        value, grads = cr.compile(cr.derive(graph))(x=np.array([3.0, 0, -4, 0]))
        close([value, *grads["x"]], [5, 0.6, 0, -0.8, 0])


def test_saturated_sigmoids_in_a_network():
    def net(X: "n d", y: "n", W: "d h", w: "h"):
        H = 1 / (1 + cr.exp(-(X @ W)))
        p = cr.sigmoid(H @ w)
        return -cr.mean(y * cr.log(p) + (1 - y) * cr.log(1 - p))

    X, W = np.array([[1.0, 0], [0, 1], [1, 1]]), np.array([[1e3, -1e3, 1], [36, -36, -1]])
    value, grads = run(net, X=X, y=np.array([1.0, 0, 1]), W=W, w=np.array([1e3, -1e3, 1e4]))
    assert np.isfinite(value) and all(np.all(np.isfinite(g)) for g in grads.values())


# Both engines, both precisions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["numpy", "xla"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_engines_and_precisions(engine: str, dtype: str):
    def everything(Z: "n k", Y: "n k", y: "int[n]"):
        E = cr.exp(Z)
        P = E / cr.sum(E, axis=1)[:, None]
        p = 1 / (1 + cr.exp(-Z))
        ce = -cr.sum(Y * cr.log(P)) - cr.sum(cr.log(P[cr.arange(Z.shape[0]), y]))
        bce = -cr.sum(Y * cr.log(p) + (1 - Y) * cr.log(1 - p))
        return ce + bce + cr.sum(cr.log(1 + cr.exp(Z))) + cr.sum((cr.exp(2 * Z) - 1) / (cr.exp(2 * Z) + 1))

    rtol = 1e-11 if dtype == "float64" else 2e-5
    run = cr.compile(cr.derive(everything, wrt=["Z"]), engine=engine)
    for logits in LOGITS.values():
        value, grads = run(Z=logits.astype(dtype), Y=HARD.astype(dtype), y=LABELS)
        L = log_softmax(logits)
        s, t = sigmoid(logits), exact(mpmath.tanh)(logits)
        expected = (
            -np.sum(HARD * L) * 2 + np.sum(softplus(logits) - HARD * logits) + np.sum(softplus(logits)) + np.sum(t)
        )
        close(value, expected, rtol=rtol)
        slope = exact(lambda z: mpmath.sech(z) ** 2)(logits)
        close(grads["Z"], 2 * (np.exp(L) - HARD) + (s - HARD) + s + slope, rtol=rtol, atol=rtol)
