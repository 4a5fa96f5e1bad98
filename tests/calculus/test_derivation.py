"""Derivations as a strict teacher wants to see them; they compute the compiled gradient and the difference quotient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from networks import one_output, two_layer

import chainrule as cr
from chainrule.face.graph import Graph
from chainrule.graph.node import walk

SIZES = {"n": 5, "m": 4, "h": 3, "d": 6, "c": 2, "k": 7, "e": 8, "d0": 3, "d1": 4, "d2": 5, "d3": 6, "d4": 2}


TWO_LAYER = """
∂L/∂y = 2·(y - yhat)
∂L/∂yhat = 2·(yhat - y)
∂L/∂u = W2ᵀ @ ∂L/∂yhat
∂L/∂z = ∂L/∂u ⊙ u ⊙ (1 - u)
∂L/∂x = W1ᵀ @ ∂L/∂z
∂L/∂W1 = outer(∂L/∂z, x)
∂L/∂W2 = outer(∂L/∂yhat, u)
"""


ONE_OUTPUT = """
∂J/∂yhat = (yhat - y) / ((1 - yhat)·yhat)
∂J/∂a2 = yhat - y
∂J/∂b2 = ∂J/∂a2
∂J/∂a1 = ∂J/∂a2·w2
∂J/∂z1 = ∂J/∂a1 ⊙ a1 ⊙ (1 - a1)
∂J/∂b1 = ∂J/∂z1
∂J/∂x = W1ᵀ @ ∂J/∂z1
∂J/∂W1 = outer(∂J/∂z1, x)
∂J/∂w2 = ∂J/∂a2·a1
∂J/∂y = log(1 - yhat) - log(yhat)
"""


def sigmoid_by_hand(x: "n", y: "", w: "n"):
    z = w @ x
    p = 1 / (1 + cr.exp(-z))
    J = -(y * cr.log(p) + (1 - y) * cr.log(1 - p))
    return J


SIGMOID_BY_HAND = """
∂J/∂p = (p - y) / ((1 - p)·p)
∂J/∂z = p - y
∂J/∂x = ∂J/∂z·w
∂J/∂w = ∂J/∂z·x
∂J/∂y = log(1 - p) - log(p)
"""


def softmax_mlp(X: "n d", Y: "n c", W1: "d h", b1: "h", W2: "h c", b2: "c"):
    Z = X @ W1 + b1
    H = cr.relu(Z)
    S = H @ W2 + b2
    P = cr.softmax(S)
    L = -cr.mean(cr.sum(Y * cr.log(P), axis=1))
    return L


SOFTMAX_MLP = """
∂L/∂P = -(Y / (n·P))
∂L/∂S = (P ⊙ sum(Y, axis=1, keepdims=True) - Y) / n
∂L/∂b2 = sum(∂L/∂S, axis=0)
∂L/∂W2 = Hᵀ @ ∂L/∂S
∂L/∂H = ∂L/∂S @ W2ᵀ
∂L/∂Z = where(Z > 0, ∂L/∂H, 0)
∂L/∂b1 = sum(∂L/∂Z, axis=0)
∂L/∂W1 = Xᵀ @ ∂L/∂Z
∂L/∂X = ∂L/∂Z @ W1ᵀ
∂L/∂Y = -(log(P) / n)
"""


def integer_labels(X: "n d", y: "int[n]", W: "d c", b: "c"):
    S = X @ W + b
    P = cr.softmax(S)
    L = -cr.mean(cr.log(P[cr.arange(X.shape[0]), y]))
    return L


INTEGER_LABELS = """
∂L/∂P = -(one_hot(y, c) / (n·P))
∂L/∂S = (P - one_hot(y, c)) / n
∂L/∂b = sum(∂L/∂S, axis=0)
∂L/∂W = Xᵀ @ ∂L/∂S
∂L/∂X = ∂L/∂S @ Wᵀ
"""


def softmax_by_hand(X: "n d", y: "int[n]", W: "d c"):
    S = X @ W
    P = cr.exp(S) / cr.sum(cr.exp(S), axis=1)[:, None]
    L = -cr.mean(cr.log(P[cr.arange(X.shape[0]), y]))
    return L


SOFTMAX_BY_HAND = """
∂L/∂P = -(one_hot(y, c) / (n·P))
∂L/∂S = (P - one_hot(y, c)) / n
∂L/∂W = Xᵀ @ ∂L/∂S
∂L/∂X = ∂L/∂S @ Wᵀ
"""


def log_softmax(X: "n d", y: "int[n]", W: "d c"):
    S = X @ W
    L = -cr.mean(cr.log_softmax(S)[cr.arange(X.shape[0]), y])
    return L


LOG_SOFTMAX = """
∂L/∂S = (softmax(S) - one_hot(y, c)) / n
∂L/∂W = Xᵀ @ ∂L/∂S
∂L/∂X = ∂L/∂S @ Wᵀ
"""


def ridge(W: "m n", x: "n", y: "m", lam: ""):
    return cr.sum((W @ x - y) ** 2) + lam * cr.sum(W**2)


RIDGE = """
∂L/∂lam = sum(W²)
∂L/∂y = 2·(y - W @ x)
∂L/∂x = 2·(Wᵀ @ (W @ x - y))
∂L/∂W = 2·(lam·W + outer(W @ x - y, x))
"""


def log_sum_exp(v: "n"):
    return cr.log(cr.sum(cr.exp(v)))


def quadratic(v: "n", t: "n"):
    return v @ (v * t)


def sum_of_tanh(X: "n d", v: "d"):
    return cr.sum(cr.tanh(X @ v))


def trace_plus_one(A: "n n"):
    return cr.tr(A) + 1


def mean_squares(X: "n d", y: "n", w: "d", b: ""):
    yhat = X @ w + b
    e = yhat - y
    L = cr.mean(e**2)
    return L


MEAN_SQUARES = """
∂L/∂e = 2·e / n
∂L/∂y = -∂L/∂e
∂L/∂yhat = ∂L/∂e
∂L/∂b = sum(∂L/∂yhat)
∂L/∂w = Xᵀ @ ∂L/∂yhat
∂L/∂X = outer(∂L/∂yhat, w)
"""


def layer_norm(x: "d", g: "d", b: "d", t: "d"):
    mu = cr.mean(x)
    v = cr.mean((x - mu) ** 2)
    s = cr.sqrt(v + 1e-5)
    xhat = (x - mu) / s
    y = g * xhat + b
    L = cr.sum((y - t) ** 2) / 2
    return L


LAYER_NORM = """
∂L/∂t = t - y
∂L/∂y = y - t
∂L/∂b = ∂L/∂y
∂L/∂xhat = ∂L/∂y ⊙ g
∂L/∂s = -(sum(∂L/∂xhat ⊙ xhat) / s)
∂L/∂v = ∂L/∂s / (2·s)
∂L/∂mu = -(sum(∂L/∂xhat) / s)
∂L/∂x = (∂L/∂xhat - mean(∂L/∂xhat ⊙ xhat)·xhat - mean(∂L/∂xhat)) / s
∂L/∂g = ∂L/∂y ⊙ xhat
"""


def batch_norm(X: "n d", gamma: "d", beta: "d", T: "n d"):
    mu = cr.mean(X, axis=0)
    v = cr.var(X, axis=0)
    Xhat = (X - mu) / cr.sqrt(v + 1e-5)
    Y = gamma * Xhat + beta
    L = cr.sum((Y - T) ** 2) / 2
    return L


BATCH_NORM = """
∂L/∂T = T - Y
∂L/∂Y = Y - T
∂L/∂beta = sum(∂L/∂Y, axis=0)
∂L/∂Xhat = ∂L/∂Y ⊙ gamma
∂L/∂v = -(sum(∂L/∂Xhat ⊙ Xhat, axis=0) / (2·(v + 1e-05)))
∂L/∂mu = -(sum(∂L/∂Xhat, axis=0) / sqrt(v + 1e-05))
∂L/∂X = ∂L/∂Xhat / sqrt(v + 1e-05) + 2·∂L/∂v ⊙ (X - mu) / n + ∂L/∂mu / n
∂L/∂gamma = sum(∂L/∂Y ⊙ Xhat, axis=0)
"""


def attention(Q: "n d", K: "m d", V: "m e", T: "n e"):
    S = Q @ K.T / cr.sqrt(Q.shape[1])
    A = cr.softmax(S)
    O = A @ V
    L = cr.sum((O - T) ** 2) / 2
    return L


ATTENTION = """
∂L/∂T = T - O
∂L/∂O = O - T
∂L/∂V = Aᵀ @ ∂L/∂O
∂L/∂A = ∂L/∂O @ Vᵀ
∂L/∂S = A ⊙ (∂L/∂A - sum(∂L/∂A ⊙ A, axis=1, keepdims=True))
∂L/∂K = ((∂L/∂S)ᵀ @ Q) / sqrt(d)
∂L/∂Q = (∂L/∂S @ K) / sqrt(d)
"""


def gate(x: "n", h: "k", c: "k", Wf: "k n", bf: "k", Wi: "k n", Wg: "k n", Wo: "k n"):
    f = cr.sigmoid(Wf @ x + bf)
    i = cr.sigmoid(Wi @ x)
    g = cr.tanh(Wg @ x)
    o = cr.sigmoid(Wo @ x)
    new = f * c + i * g
    L = cr.sum((o * cr.tanh(new) - h) ** 2)
    return L


def deep(x: "d0", y: "d4", W1: "d1 d0", W2: "d2 d1", W3: "d3 d2", W4: "d4 d3"):
    h = cr.tanh(W1 @ x)
    h = cr.tanh(W2 @ h)
    h = cr.tanh(W3 @ h)
    yhat = W4 @ h
    L = cr.sum((yhat - y) ** 2) / 2
    return L


DEEP = """
∂L/∂y = y - yhat
∂L/∂yhat = yhat - y
∂L/∂h_3 = W4ᵀ @ ∂L/∂yhat
∂L/∂h_2 = W3ᵀ @ (∂L/∂h_3 ⊙ (1 - h_3²))
∂L/∂h_1 = W2ᵀ @ (∂L/∂h_2 ⊙ (1 - h_2²))
∂L/∂x = W1ᵀ @ (∂L/∂h_1 ⊙ (1 - h_1²))
∂L/∂W1 = outer(∂L/∂h_1 ⊙ (1 - h_1²), x)
∂L/∂W2 = outer(∂L/∂h_2 ⊙ (1 - h_2²), h_1)
∂L/∂W3 = outer(∂L/∂h_3 ⊙ (1 - h_3²), h_2)
∂L/∂W4 = outer(∂L/∂yhat, h_3)
"""


def normalised(x: "d", w: "d"):
    u = x / cr.norm(x)
    L = w @ u
    return L


def huber(x: "n", y: "n", w: "n"):
    e = w * x - y
    L = cr.sum(cr.where(cr.abs(e) < 1, e**2 / 2, cr.abs(e) - 0.5))
    return L


HUBER = """
∂L/∂e = where(abs(e) < 1, e, sign(e))
∂L/∂y = -∂L/∂e
∂L/∂x = ∂L/∂e ⊙ w
∂L/∂w = ∂L/∂e ⊙ x
"""


def largest(x: "n", W: "m n"):
    z = W @ x
    L = cr.max(z)
    return L


LARGEST = """
∂L/∂z = where(equal(z, L), 1 / sum(where(equal(z, L), 1.0, 0.0)), 0)
∂L/∂x = Wᵀ @ ∂L/∂z
∂L/∂W = outer(∂L/∂z, x)
"""

TEXTS: list[tuple[Callable[..., Any], str]] = [
    (two_layer, TWO_LAYER),
    (one_output, ONE_OUTPUT),
    (sigmoid_by_hand, SIGMOID_BY_HAND),
    (softmax_mlp, SOFTMAX_MLP),
    (integer_labels, INTEGER_LABELS),
    (softmax_by_hand, SOFTMAX_BY_HAND),
    (log_softmax, LOG_SOFTMAX),
    (ridge, RIDGE),
    (log_sum_exp, "∂L/∂v = softmax(v)"),
    (quadratic, "∂L/∂t = v²\n∂L/∂v = 2·v ⊙ t"),
    (sum_of_tanh, "∂L/∂v = Xᵀ @ (1 - tanh(X @ v)²)\n∂L/∂X = outer(1 - tanh(X @ v)², v)"),
    (trace_plus_one, "∂L/∂A = eye(n)"),
    (mean_squares, MEAN_SQUARES),
    (layer_norm, LAYER_NORM),
    (batch_norm, BATCH_NORM),
    (attention, ATTENTION),
    (deep, DEEP),
    (huber, HUBER),
    (largest, LARGEST),
]


@pytest.mark.parametrize(("f", "wanted"), TEXTS, ids=[f.__name__ for f, _ in TEXTS])
def test_the_text_is_that_of_a_textbook(f: Callable[..., Any], wanted: str):
    assert sorted(map(str, cr.derive(f).equations())) == sorted(wanted.strip().splitlines())


def test_only_what_was_asked_for_is_derived():
    d = cr.derive(two_layer, wrt=["W2"])
    assert [str(e) for e in d.equations()] == ["∂L/∂yhat = 2·(yhat - y)", "∂L/∂W2 = outer(∂L/∂yhat, u)"]


def test_written_out_parts_with_names_are_derived_as_written():
    def f(z: "n", y: "int[]"):
        e = cr.exp(z)
        total = cr.sum(e)
        p = e / total
        L = -cr.log(p[y])
        return L

    d = cr.derive(f)
    assert {"e", "total", "p"} <= {d.graph.names[n] for n in d.adjoints if n in d.graph.names}


def test_an_adjoint_is_given_in_terms_of_what_was_written():
    d = cr.derive(softmax_by_hand)
    assert d.graph["P"] in walk(d["S"]) and d.graph["P"].op.name == "div"


# What the derivations compute ----------------------------------------------------------------------------------------


def arrays(graph: Graph, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = {}
    for name, n in graph.inputs.items():
        shape = tuple(SIZES[str(size)] if not isinstance(size, int) else size for size in n.shape)
        drawn = rng.normal(size=shape) if n.kind == "real" else rng.integers(0, 2, size=shape)
        found[name] = np.abs(drawn) / 3 if name in ("y", "Y", "lam") and n.kind == "real" else drawn
    return found


def bce_batch(X: "n d", y: "n", w: "d", b: ""):
    z = X @ w + b
    p = cr.exp(z) / (1 + cr.exp(z))
    return -cr.mean(y * cr.log(p) + (1 - y) * cr.log(1 - p))


def layer_norm_batch(X: "n d", g: "d", b: "d", T: "n d"):
    mu = cr.mean(X, axis=1, keepdims=True)
    s = cr.sqrt(cr.var(X, axis=1, keepdims=True) + 1e-5)
    Xhat = (X - mu) / s
    return cr.sum((g * Xhat + b - T) ** 2) / 2


def hinge(X: "n d", y: "n", w: "d"):
    m = y * (X @ w)
    return cr.mean(cr.maximum(0, 1 - m)) + 0.1 * cr.sum(cr.abs(w))


def gelu_net(X: "n d", W: "d h", T: "n h"):
    H = cr.gelu(X @ W) + cr.silu(X @ W) + cr.elu(X @ W) + cr.softplus(X @ W)
    return cr.mean((H - T) ** 2)


def kl(Z: "n c", T: "n c"):
    P, Q = cr.softmax(Z), cr.softmax(T)
    return cr.sum(P * (cr.log(P) - cr.log(Q))) / Z.shape[0]


def by_einsum(Q: "n d", K: "m d", V: "m e"):
    A = cr.softmax(cr.einsum("nd,md->nm", Q, K))
    return cr.sum(cr.einsum("nm,me->ne", A, V) ** 2)


NETWORKS = [f for f, _ in TEXTS] + [
    gate, normalised, bce_batch, layer_norm_batch, hinge, gelu_net, kl, by_einsum,
]  # fmt: skip


@pytest.mark.parametrize("f", NETWORKS)
def test_a_derivation_equals_the_program_and_the_difference_quotient(f: Callable[..., Any]):
    d = cr.derive(f)
    graph = d.graph
    point = arrays(graph, 3)
    value, grads = cr.compile(d)(**point)
    forward = cr.compile(graph)
    np.testing.assert_allclose(forward(**point), value, rtol=1e-12)
    for name, node in d.gradients.items():
        other = graph.returning(node)
        written = cr.compile(other)(**{k: point[k] for k in other.inputs})
        np.testing.assert_allclose(written, grads[name], rtol=1e-9, atol=1e-11, err_msg=name)
        direction = np.random.default_rng(7).normal(size=np.shape(point[name]))
        ahead, behind = (forward(**point | {name: point[name] + h * direction}) for h in (1e-6, -1e-6))
        np.testing.assert_allclose((ahead - behind) / 2e-6, np.sum(grads[name] * direction), rtol=1e-5, atol=1e-7)
