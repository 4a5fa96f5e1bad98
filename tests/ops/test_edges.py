"""Where functions have kinks, poles, ties or overflow: what the documentation promises, on both engines."""

from __future__ import annotations

# ruff: noqa: E501  (a table: a case is a line)
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.calculus.differentiate import differentiate
from chainrule.face.graph import Graph
from chainrule.graph.errors import GraphError, InputError, KindError, ShapeError
from chainrule.graph.node import leaf
from chainrule.ops.elementary import RELU

inf, nan = np.inf, np.nan


def shared_log(x):
    s = cr.log(x)
    return cr.where(x > 0, s, 0.0) + cr.where(x > 1, 2 * s, 0.0)


def chain(x):
    h = cr.relu(x)
    h = cr.where(h > 0, cr.sqrt(h), h)
    return cr.where(x > 0, cr.log(h), 0.0)


# (what, f, inputs, f there or None, gradients of Σ f)
EDGES: list[tuple[str, Callable[..., Any], dict[str, Any], Any, dict[str, Any]]] = [
    ("relu'(0) = 0", cr.relu, {"x": [-1, 0, 2]}, [0, 0, 2], {"x": [0, 0, 1]}),
    ("leaky_relu'(0) = slope", lambda x: cr.leaky_relu(x, 0.1), {"x": [-1, 0, 2]}, [-0.1, 0, 2], {"x": [0.1, 0.1, 1]}),
    ("elu'(0) = α", lambda x: cr.elu(x, 2), {"x": [0, 2]}, [0, 2], {"x": [2, 1]}),
    ("elu does not overflow", cr.elu, {"x": [-1e4, 1e4]}, [-1, 1e4], {"x": [0, 1]}),
    ("|·|'(0) = 0", cr.abs, {"x": [-3, 0, 2]}, [3, 0, 2], {"x": [-1, 0, 1]}),
    ("sign' = 0", lambda x: cr.sign(x) * 5, {"x": [-3, 0, 2]}, [-5, 0, 5], {"x": [0, 0, 0]}),
    ("norm'(0) = 0", cr.norm, {"x": [0, 0]}, 0, {"x": [0, 0]}),
    ("norm, written out", lambda x: cr.sqrt(cr.sum(x**2)), {"x": [0, 0]}, 0, {"x": [0, 0]}),
    ("norm of one row of two", lambda x: cr.norm(x, axis=1), {"x": [[0, 0], [3, 4]]}, [0, 5], {"x": [[0, 0], [0.6, 0.8]]}),
    ("max shares ties", cr.max, {"x": [1, 3, 3, 2]}, 3, {"x": [0, 0.5, 0.5, 0]}),
    ("min shares ties", lambda x: cr.min(x, axis=0), {"x": [[1, 3], [1, 2]]}, [1, 2], {"x": [[0.5, 0], [0.5, 1]]}),
    ("maximum shares ties", cr.maximum, {"a": [1, 2, 3], "b": [1, 1, 4]}, [1, 2, 4], {"a": [0.5, 1, 0], "b": [0.5, 0, 1]}),
    ("minimum shares ties", cr.minimum, {"a": [1, 2, 3], "b": [1, 1, 4]}, [1, 1, 3], {"a": [0.5, 0, 1], "b": [0.5, 1, 0]}),
    ("maximum with itself", lambda x: cr.maximum(x, x), {"x": [1, 2]}, [1, 2], {"x": [1, 1]}),
    ("clip shares ties", lambda x: cr.clip(x, 0, 1), {"x": [-1, 0, 0.5, 1, 2]}, [0, 0, 0.5, 1, 1], {"x": [0, 0.5, 1, 0.5, 0]}),
    ("xlogy(0, 0) = 0", cr.xlogy, {"a": [0, 2], "p": [0, 1]}, [0, 0], {"p": [0, 2]}),
    ("0 log 0, written out", lambda y, p: y * cr.log(p), {"y": [0, 2], "p": [0, 1]}, [0, 0], {"p": [0, 2]}),
    ("a⁰ at 0", lambda x: x**0, {"x": [0, 2]}, [1, 1], {"x": [0, 0]}),
    ("a^b at 0", lambda a, b: a**b, {"a": [0, 0, 2], "b": [0, 2, 3]}, [1, 0, 8], {"a": [0, 0, 12], "b": [0, 0, 8 * np.log(2)]}),
    ("sigmoid far out", cr.sigmoid, {"x": [-1e3, 0, 1e3]}, [0, 0.5, 1], {"x": [0, 0.25, 0]}),
    ("sigmoid, written out", lambda x: 1 / (1 + cr.exp(-x)), {"x": [-1e3, 0, 1e3]}, [0, 0.5, 1], {"x": [0, 0.25, 0]}),
    ("log σ far out", lambda x: cr.log(cr.sigmoid(x)), {"x": [-1e4, 1e4]}, [-1e4, 0], {"x": [1, 0]}),
    ("softplus far out", cr.softplus, {"x": [-1e4, 0, 1e4]}, [0, np.log(2), 1e4], {"x": [0, 0.5, 1]}),
    ("tanh far out", cr.tanh, {"x": [-1e3, 1e3]}, [-1, 1], {"x": [0, 0]}),
    ("gelu far out", cr.gelu, {"x": [-1e4, 1e4]}, [0, 1e4], {"x": [0, 1]}),
    ("silu far out", cr.silu, {"x": [-1e4, 1e4]}, [0, 1e4], {"x": [0, 1]}),
    ("softmax of huge logits", lambda x: cr.softmax(x)[1], {"x": [-1e4, 1e4, 0]}, 1, {"x": [0, 0, 0]}),
    ("logsumexp of huge logits", cr.logsumexp, {"x": [-1e4, 1e4, 1e4]}, 1e4 + np.log(2), {"x": [0, 0.5, 0.5]}),
    ("log softmax of huge logits", lambda x: cr.log(cr.softmax(x))[0], {"x": [-1e4, 1e4]}, -2e4, {"x": [1, -1]}),
    ("log Σ exp of huge logits", lambda x: cr.log(cr.sum(cr.exp(x))), {"x": [-1e4, 1e4]}, 1e4, {"x": [0, 1]}),
    ("a masked logit", lambda x: cr.softmax(cr.where(x > 5, -inf, x)), {"x": [1, 1, 9]}, [0.5, 0.5, 0], {"x": [0, 0, 0]}),
    # the branch not taken
    ("log in a branch", lambda x: cr.where(x > 0, cr.log(x), 0.0), {"x": [0, -1, 2]}, [0, 0, np.log(2)], {"x": [0, 0, 0.5]}),
    ("the other branch", lambda x: cr.where(x <= 0, 0.0, cr.log(x)), {"x": [0, 2]}, [0, np.log(2)], {"x": [0, 0.5]}),
    ("two branches of one quantity", shared_log, {"x": [0, -1, 2]}, [0, 0, 3 * np.log(2)], {"x": [0, 0, 1.5]}),
    ("nested", lambda x: cr.where(x > 0, cr.where(x > 1, cr.sqrt(x - 1), 1 / x), x), {"x": [0, 0.5, 2]}, [0, 2, 1], {"x": [1, -4, 0.5]}),
    ("broadcast", lambda x: cr.where(cr.broadcast_to(x, (2, 2)) > 0, cr.log(x), 0.0), {"x": [0, 2]}, None, {"x": [0, 1]}),
    ("broadcast scalar", lambda x, s: cr.where(x > 0, x / s, 1.0), {"x": [-1, 0], "s": 0}, [1, 1], {"x": [0, 0], "s": 0}),
    ("reshaped", lambda x: cr.where(cr.reshape(x, (2, 2)) > 0, cr.reshape(cr.log(x), (2, 2)), 0.0).T, {"x": [0, 1, 2, -1]}, None, {"x": [0, 1, 0.5, 0]}),
    ("sliced", lambda x: cr.where(x[1:] > 0, cr.log(x)[1:], 0.0), {"x": [1, 0, 2]}, None, {"x": [0, 0, 0.5]}),
    ("summed", lambda x: cr.where(cr.sum(x) > 0, cr.sum(cr.log(x)), 0.0), {"x": [0, 0]}, 0, {"x": [0, 0]}),
    ("averaged", lambda x: cr.where(cr.sum(x) > 0, cr.mean(cr.sqrt(x)), 0.0), {"x": [0, 0]}, 0, {"x": [0, 0]}),
    ("by rows", lambda x: cr.where(cr.max(x, axis=1) > 0, cr.mean(1 / x, axis=1), 0.0), {"x": [[0, 0], [1, 2]]}, [0, 0.75], {"x": [[0, 0], [-0.5, -0.125]]}),
    ("a chain of relus", chain, {"x": [0, -1, 4]}, [0, 0, np.log(2)], {"x": [0, 0, 0.125]}),
    ("division by 0 in a branch", lambda x: cr.where(cr.equal(x, 0), 1.0, cr.sin(x) / x), {"x": [0]}, [1], {"x": [0]}),
    # NaN and infinities propagate
    ("NaN in", lambda x: cr.relu(x) + cr.maximum(x, 0) + cr.abs(x), {"x": [nan, 1]}, [nan, 3], {}),
    ("NaN in what a relu means", RELU.meaning, {"x": [nan, 0, 1]}, [nan, 0, 1], {}),
    ("NaN in a softmax", cr.softmax, {"x": [nan, 1]}, [nan, nan], {"x": [nan, nan]}),
    ("NaN in a maximum", cr.max, {"x": [nan, 1]}, nan, {}),
    ("NaN beside 0", cr.xlogy, {"a": [0], "p": [nan]}, [nan], {}),
    ("1/0", lambda x: 1 / x, {"x": [0, -0.0]}, [inf, -inf], {"x": [-inf, -inf]}),
    ("log 0", cr.log, {"x": [0, -1]}, [-inf, nan], {"x": [inf, -1]}),
    ("√0", cr.sqrt, {"x": [0, 4]}, [0, 2], {"x": [inf, 0.25]}),
    ("constants beyond Python's arithmetic", lambda x: x + 1 / cr.log(1.0) + cr.exp(1e3) - cr.sqrt(0.0), {"x": [1]}, [inf], {"x": [1]}),
    ("a size that leaves 0", lambda x: cr.var(x, ddof=1), {"x": [3]}, nan, {"x": [nan]}),
    # axes of size 1
    ("softmax of one", lambda x: cr.softmax(x), {"x": [[5], [1]]}, [[1], [1]], {"x": [[0], [0]]}),
    ("variance of one", lambda x: cr.var(x, axis=1), {"x": [[5], [1]]}, [0, 0], {"x": [[0], [0]]}),
    ("sums over ones", lambda x: cr.sum(x, axis=(0, 2)) + cr.max(x) + cr.mean(x, axis=0)[0, 0], {"x": [[[5]]]}, [15], {"x": [[[3]]]}),
    ("products of ones", lambda a, b: a @ b, {"a": [[2]], "b": [[3]]}, [[6]], {"a": [[3]], "b": [[2]]}),
]  # fmt: skip


@cache
def computed(engine: str) -> list[Any]:
    """Every edge in one program, so that XLA compiles once."""
    inputs, outputs, arrays = {}, [], {}
    for k, (_, f, at, _, _) in enumerate(EDGES):
        leaves = {name: leaf(f"e{k}_{name}", np.shape(a)) for name, a in at.items()}
        y = f(*leaves.values())
        made = differentiate(cr.sum(y), list(leaves.values()))
        outputs += [y, *made.gradients]
        inputs |= {n.attr("name"): n for n in leaves.values()}
        arrays |= {f"e{k}_{name}": np.asarray(a, "float64") for name, a in at.items()}
    answers = iter(cr.compile(Graph("edges", inputs, tuple(outputs)), engine=engine)(**arrays))
    return [(next(answers), {name: next(answers) for name in at}) for _, _, at, _, _ in EDGES]


@pytest.mark.parametrize("engine", ["numpy", "xla"])
@pytest.mark.parametrize("k", range(len(EDGES)), ids=[edge[0] for edge in EDGES])
def test_edges(k: int, engine: str):
    _, _, _, value, gradients = EDGES[k]
    found, slopes = computed(engine)[k]
    if value is not None:
        np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-300)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(slopes[name], gradient, rtol=1e-12, atol=1e-300)


TORCH = {
    "relu'(0) = 0": lambda torch, x: torch.relu(x),
    "leaky_relu'(0) = slope": lambda torch, x: torch.nn.functional.leaky_relu(x, 0.1),
    "elu'(0) = α": lambda torch, x: torch.nn.functional.elu(x, 2.0),
    "|·|'(0) = 0": lambda torch, x: torch.abs(x),
    "norm'(0) = 0": lambda torch, x: torch.linalg.norm(x),
    "max shares ties": lambda torch, x: torch.amax(x),
    "maximum shares ties": lambda torch, a, b: torch.maximum(a, b),
    "minimum shares ties": lambda torch, a, b: torch.minimum(a, b),
    "a^b at 0": lambda torch, a, b: a**b,
    "sigmoid far out": lambda torch, x: torch.sigmoid(x),
    "softplus far out": lambda torch, x: torch.nn.functional.softplus(x),
    "logsumexp of huge logits": lambda torch, x: torch.logsumexp(x, 0),
}


@pytest.mark.parametrize("what", TORCH)
def test_conventions_shared_with_torch(what: str):
    torch = pytest.importorskip("torch")
    k = next(k for k, edge in enumerate(EDGES) if edge[0] == what)
    _, _, at, value, gradients = EDGES[k]
    tensors = {name: torch.tensor(np.asarray(a, "float64"), requires_grad=True) for name, a in at.items()}
    y = TORCH[what](torch, **tensors)
    y.sum().backward()
    np.testing.assert_allclose(y.detach().numpy(), value, rtol=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(tensors[name].grad.numpy(), gradient, rtol=1e-12)


def test_a_derivative_in_a_computed_quantity_is_not_lost_to_a_law():
    def loss(z: "k", y: "k"):
        p = cr.softmax(z)
        L = -cr.sum(y * cr.log(p))
        return L

    run = cr.compile(cr.derive(loss, wrt=["p", "z"]))
    _, slopes = run(z=[0.1, 0.2, 0.3], y=[0.0, 1.0, 0.0])
    p = np.exp([0.1, 0.2, 0.3]) / np.exp([0.1, 0.2, 0.3]).sum()
    np.testing.assert_allclose(slopes["p"], [0, -1 / p[1], 0])
    np.testing.assert_allclose(slopes["z"], p - [0, 1, 0])


def test_whole_numbers_and_truths_count():
    def f(x: "n", i: "int[n]", c: "bool[n]"):
        return x * i**-1, c + c, cr.sqrt(i), c * c * i, -c, cr.sqrt(c), cr.max(c), c @ c, i / i, cr.where(c, i, x), cr.norm(i)

    i, c = np.array([1, 2, 4]), np.array([True, False, True])
    wanted = ([1, 0.5, 0.25], [2, 0, 2], [1, 2**0.5, 2], [1, 0, 4], [-1, 0, -1], [1, 0, 1], 1, 2, [1, 1, 1], [1, 1, 4], 21**0.5)
    for engine in ("numpy", "xla"):
        found = cr.compile(cr.trace(f), engine=engine)(x=np.ones(3, "float32"), i=i, c=c)
        for n, a, b in zip(cr.trace(f).outputs, found, wanted):
            np.testing.assert_allclose(a, b, rtol=1e-6)
            assert a.dtype == {"real": "float32", "integer": "int64"}[n.kind], n


EMPTY = leaf("x", ("n", 3))
REFUSED = [
    (lambda: cr.trace(lambda x: x, x=(0,)), ShapeError, "every size must be at least 1"),
    (lambda: cr.compile(cr.trace(lambda x: cr.sum(x), x="n"))(x=[]), InputError, "axis 0 is empty"),
    (lambda: EMPTY[:, 2:1], ShapeError, "is empty"),
    (lambda: EMPTY[:, 3], ShapeError, "out of range"),
    (lambda: EMPTY[0, 0, 0], ShapeError, "3 indices"),
    (lambda: EMPTY[True], KindError, "True and False cannot be indices"),
    (lambda: EMPTY[EMPTY > 0], KindError, "cr.where"),
    (lambda: EMPTY[1.5], KindError, "cannot be an index"),
    (lambda: EMPTY[:, ::0], ShapeError, "step cannot be 0"),
    (lambda: EMPTY[2:0:-1], ShapeError, "symbolic size"),
    (lambda: EMPTY + [], KindError, "no entries"),
    (lambda: EMPTY + cr.sum(EMPTY, axis=1), ShapeError, "meet on axis"),
    (lambda: EMPTY @ EMPTY, ShapeError, "the transpose of the"),
    (lambda: cr.einsum("ij,ij", EMPTY), ShapeError, "2 argument"),
    (lambda: cr.einsum("ij->ik", EMPTY), ShapeError, "must name indices"),
    (lambda: cr.einsum("i1->i", EMPTY), ShapeError, "indices are letters"),
    (lambda: cr.max(EMPTY, EMPTY), ShapeError, "maximum"),
    (lambda: cr.sum(EMPTY, axis=2), ShapeError, "axis 2 does not exist"),
    (lambda: cr.sum(EMPTY, axis=(0, -2)), ShapeError, "twice"),
    (lambda: cr.where(EMPTY, 1, 0), KindError, "must be boolean"),
    (lambda: cr.reshape(EMPTY, 7), ShapeError, "keeps their number"),
    (lambda: cr.reshape(EMPTY, (-1, 2)), ShapeError, "not divisible"),
    (lambda: cr.take(EMPTY, EMPTY), KindError, "positions must be integers"),
    (lambda: cr.leaky_relu(EMPTY, EMPTY), KindError, "known when the graph is built"),
    (lambda: (EMPTY > 0) & 1, KindError, "join conditions"),
    (lambda: cr.stack([]), ShapeError, "at least one array"),
    (lambda: cr.tr(EMPTY), ShapeError, "square"),
    (lambda: cr.pad(EMPTY, -1), ShapeError, "negative"),
    (lambda: cr.softmax(1.0, axis=()), ShapeError, "no axis"),
    (lambda: len(EMPTY), GraphError, "symbolic"),
]


@pytest.mark.parametrize("k", range(len(REFUSED)))
def test_what_makes_no_sense_is_refused(k: int):
    wrong, error, text = REFUSED[k]
    with pytest.raises(error, match=text):
        wrong()


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_whole_numbers_to_negative_powers(engine: str):
    """NumPy refuses them, and XLA answers 4611686018427387904 for 2 ** -2."""
    for f, expected in [
        (lambda i: 2**i, [2, 0.25, 8]),
        (lambda i: i ** np.int64(-1), [1, -0.5, 1 / 3]),
        (lambda i: i**i, [1, 0.25, 27]),
        (lambda i: i**-2, [1, 0.25, 1 / 9]),
        (lambda i: i**2, [1, 4, 9]),
    ]:
        run = cr.compile(cr.trace(f, i="int[n]"), engine=engine)
        np.testing.assert_allclose(np.asarray(run(i=np.array([1, -2, 3]))), expected)


def test_numbers_of_numpy_as_settings():
    x = leaf("x", ("n",))
    assert cr.elu(x, np.float32(0.5)) is cr.elu(x, 0.5) and cr.leaky_relu(x, np.int64(2)) is cr.leaky_relu(x, 2)
