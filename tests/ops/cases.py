"""Every operation of the registry, used in every way its attributes allow, beside the same thing in NumPy.

A case's `oracle` is written for an array library `np`: NumPy checks the values, jax.numpy the derivatives. Sizes are
symbols, pairwise distinct and never 1 unless broadcasting is the point.
"""

from __future__ import annotations

# ruff: noqa: E501  (a table: a case is a line)
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy
import scipy.special

import chainrule as cr
from chainrule.grammar.sizes import parse_sizes
from chainrule.graph.dims import evaluate
from chainrule.graph.node import OPS, REAL, Node, leaf

SIZES = {"n": 3, "m": 4, "k": 2, "h": 5}


@dataclass(frozen=True)
class Case:
    op: str  # the name of the operation that the case is about
    build: Callable[..., Node]
    oracle: Callable[..., Any]
    inputs: Mapping[str, str]  # name -> sizes, as in an annotation
    within: tuple[float, float] = (-2.0, 2.0)  # where real inputs are drawn from
    at: Mapping[str, Any] = field(default_factory=dict)  # inputs whose values are given: positions, labels, masks
    kinks: bool = False  # not differentiable everywhere

    def leaves(self, symbolic: bool = True, prefix: str = "") -> dict[str, Node]:
        found = {}
        for name, spec in self.inputs.items():
            shape, kind = parse_sizes(spec, name)
            found[name] = leaf(prefix + name, shape if symbolic else concrete(shape), kind)
        return found

    def arrays(self, seed: int = 0, dtype: str = "float64") -> dict[str, numpy.ndarray]:
        rng = numpy.random.default_rng(seed)
        found = {}
        for name, spec in self.inputs.items():
            shape, kind = parse_sizes(spec, name)
            drawn = rng.uniform(*self.within, concrete(shape)).astype(dtype)
            found[name] = numpy.array(self.at[name]) if name in self.at else drawn
            assert found[name].shape == concrete(shape) and (kind == REAL or name in self.at)
        return found

    @property
    def real(self) -> list[str]:
        return [name for name, spec in self.inputs.items() if parse_sizes(spec, name)[1] == REAL]


def concrete(shape: Any) -> tuple[int, ...]:
    return tuple(SIZES[s] if isinstance(s, str) else evaluate(s, SIZES) for s in shape)


CASES: list[Case] = []


def case(
    op: str,
    build: Callable[..., Node],
    oracle: Callable[..., Any],
    within: tuple[float, float] = (-2.0, 2.0),
    at: Mapping[str, Any] | None = None,
    kinks: bool = False,
    **inputs: str,
) -> None:
    CASES.append(Case(op, build, oracle, inputs, within, at or {}, kinks))


def special(np: Any) -> Any:
    return scipy.special if np is numpy else jax.scipy.special


def sigmoid(np: Any, x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def apply(name: str, *args: Any, **attrs: Any) -> Node:
    """An operation that only derivatives build."""
    return OPS[name](*args, **attrs)


POSITIVE = (0.5, 2.0)
ROWS = {"i": [2, 0, 2, 1]}  # m positions among n rows, one of them twice
TWO_D = {"i": [[2, 0], [2, 1], [0, 2]]}  # (n, k) positions
MASK = {"c": [[True, False, True, True], [False, False, True, False], [True, True, False, False]]}

# Arithmetic, broadcast in every way -----------------------------------------------------------------------------------

BROADCASTS = [("n m", "n m"), ("n m", "m"), ("n 1", "m"), ("m", "n m"), ("n m", ""), ("", "n m"), ("", ""), ("n 1", "1 m"), ("k n 1", "n m")]
for _a, _b in BROADCASTS:
    case("add", lambda a, b: a + b, lambda np, a, b: a + b, a=_a, b=_b)
    case("sub", lambda a, b: a - b, lambda np, a, b: a - b, a=_a, b=_b)
    case("mul", lambda a, b: a * b, lambda np, a, b: a * b, a=_a, b=_b)
    case("div", lambda a, b: a / b, lambda np, a, b: a / b, POSITIVE, a=_a, b=_b)
    case("pow", lambda a, b: a**b, lambda np, a, b: a**b, POSITIVE, a=_a, b=_b)
for _a, _b in [("n m", "n m"), ("n 1", "m"), ("", "n")]:
    case("maximum", cr.maximum, lambda np, a, b: np.maximum(a, b), kinks=True, a=_a, b=_b)
    case("minimum", cr.minimum, lambda np, a, b: np.minimum(a, b), kinks=True, a=_a, b=_b)
    case("less", lambda a, b: a < b, lambda np, a, b: a < b, a=_a, b=_b)
    case("less_equal", lambda a, b: a <= b, lambda np, a, b: a <= b, a=_a, b=_b)
    case("greater", lambda a, b: a > b, lambda np, a, b: a > b, a=_a, b=_b)
    case("greater_equal", lambda a, b: a >= b, lambda np, a, b: a >= b, a=_a, b=_b)
    case("xlogy", cr.xlogy, lambda np, a, p: a * np.log(p), POSITIVE, a=_a, p=_b)
    case("xdivy", lambda a, p: apply("xdivy", a, p), lambda np, a, p: a / p, POSITIVE, a=_a, p=_b)
for _k in (0, 1, 2, 3, -1, 0.5, -1.5):
    case("pow", lambda a, k=_k: a**k, lambda np, a, k=_k: a**k, POSITIVE, a="n m")
case("pow", lambda a: a**3, lambda np, a: a**3, a="n")  # negative bases too
case("pow", lambda b: 2.0**b, lambda np, b: 2.0**b, b="n m")
case("pow", lambda a, k: a**k, lambda np, a, k: a**k, at={"k": [0, 2, 1]}, a="m n", k="int[n]")
case("add", lambda a: 1 + a + 2.5, lambda np, a: a + 3.5, a="n")
case("sub", lambda a: 1 - (a - 2), lambda np, a: 3 - a, a="n")
case("sub", lambda a: a * 2 - a - a * a, lambda np, a: a - a * a, a="n")
case("mul", lambda a: 3 * a * -2 * a, lambda np, a: -6 * a * a, a="n m")
case("mul", lambda a: a * [1.0, -2.0, 0.5], lambda np, a: a * np.array([1.0, -2.0, 0.5]), a="m 3")
case("div", lambda a: 1 / (2 / a) / 3, lambda np, a: a / 6, POSITIVE, a="n")
case("div", lambda a: a / a.shape[0], lambda np, a: a / 3, a="n m")
case("neg", lambda a: -a, lambda np, a: -a, a="n m")
case("neg", lambda a: -(0 - a), lambda np, a: a, a="")
case("equal", cr.equal, lambda np, a, b: a == b, at={"a": [0, 1, 2, 1], "b": [[0], [1], [1]]}, a="int[m]", b="int[n 1]")
case("equal", lambda a: cr.equal(a, a), lambda np, a: a == a, a="n")
case("logical_and", lambda c: c & ~c | c, lambda np, c: c, at=MASK, c="bool[n m]")
case("logical_and", lambda a: (a > 0) & (a < 1), lambda np, a: (a > 0) & (a < 1), a="n m")
case("logical_or", lambda a, b: (a > 0) | (b < 0), lambda np, a, b: (a > 0) | (b < 0), a="n 1", b="m")
case("logical_not", lambda c: ~c, lambda np, c: ~c, at=MASK, c="bool[n m]")
case("where", lambda c, a, b: cr.where(c, a, b), lambda np, c, a, b: np.where(c, a, b), at=MASK, c="bool[n m]", a="n m", b="m")
case("where", lambda c, a, b: cr.where(c, a, b), lambda np, c, a, b: np.where(c, a, b), at={"c": [True, False, True, True]}, c="bool[m]", a="n m", b="")
case("where", lambda c, a, b: cr.where(c, a, b), lambda np, c, a, b: np.where(c, a, b), at={"c": True}, c="bool[]", a="n 1", b="m")
case("where", lambda a: cr.where(a > 0, a, a * a), lambda np, a: np.where(a > 0, a, a * a), kinks=True, a="n m")
case("where", lambda a: cr.where(a > 0, 2, -1.5), lambda np, a: np.where(a > 0, 2.0, -1.5), kinks=True, a="n m")
case("where", lambda a: cr.where(a > 0, 1, 0) * a, lambda np, a: np.maximum(a, 0), kinks=True, a="n m")
for _lo, _hi in [("", ""), ("m", "n 1"), ("n m", "")]:
    case("clip", lambda x, a, b: cr.clip(x, a - 2, b + 2), lambda np, x, a, b: np.minimum(np.maximum(x, a - 2), b + 2), (-1, 1), kinks=True, x="n m", a=_lo, b=_hi)
case("clip", lambda x: cr.clip(x, -1, 0.5), lambda np, x: np.clip(x, -1, 0.5), kinks=True, x="n m")
case("clip", lambda x: cr.clip(x, 0) + cr.clip(x, max=1), lambda np, x: np.maximum(x, 0) + np.minimum(x, 1), kinks=True, x="n m")
case("stop_gradient", lambda x: x * cr.stop_gradient(x), lambda np, x: x * (x if np is numpy else jax.lax.stop_gradient(x)), x="n m")
case("again", lambda x, y: y * apply("again", x * x, y), lambda np, x, y: y * x * x, x="n m", y="m")
case("log", cr.log, lambda np, x: np.log(x), POSITIVE, x="n m")
case("log", lambda x: cr.log(1 - cr.sigmoid(x)), lambda np, x: np.log(1 - sigmoid(np, x)), x="n")
case("xlogy", lambda a: cr.xlogy(a, a), lambda np, a: a * np.log(a), POSITIVE, a="n")

# Functions of one argument ----------------------------------------------------------------------------------------------

for _shape in ("n m", ""):
    case("exp", cr.exp, lambda np, x: np.exp(x), x=_shape)
    case("expm1", cr.expm1, lambda np, x: np.expm1(x), x=_shape)
    case("log1p", cr.log1p, lambda np, x: np.log1p(x), POSITIVE, x=_shape)
    case("sqrt", cr.sqrt, lambda np, x: np.sqrt(x), POSITIVE, x=_shape)
    case("abs", cr.abs, lambda np, x: np.abs(x), kinks=True, x=_shape)
    case("sign", cr.sign, lambda np, x: np.sign(x), kinks=True, x=_shape)
    case("sin", cr.sin, lambda np, x: np.sin(x), x=_shape)
    case("cos", cr.cos, lambda np, x: np.cos(x), x=_shape)
    case("tanh", cr.tanh, lambda np, x: np.tanh(x), x=_shape)
    case("erf", cr.erf, lambda np, x: special(np).erf(x), x=_shape)
    case("sigmoid", cr.sigmoid, sigmoid, x=_shape)
    case("softplus", cr.softplus, lambda np, x: np.log(1 + np.exp(x)), x=_shape)
    case("relu", cr.relu, lambda np, x: np.where(x > 0, x, 0), kinks=True, x=_shape)
    case("leaky_relu", lambda x: cr.leaky_relu(x, 0.2), lambda np, x: np.where(x > 0, x, 0.2 * x), kinks=True, x=_shape)
    case("elu", lambda x: cr.elu(x, 1.7), lambda np, x: np.where(x > 0, x, 1.7 * (np.exp(x) - 1)), kinks=True, x=_shape)
    case("silu", cr.silu, lambda np, x: x * sigmoid(np, x), x=_shape)
    case("gelu", cr.gelu, lambda np, x: x * 0.5 * (1 + special(np).erf(x / np.sqrt(2.0))), x=_shape)
    case("gelu_tanh", lambda x: cr.gelu(x, approximate=True), lambda np, x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))), x=_shape)
case("abs", lambda x: abs(x), lambda np, x: np.abs(x), kinks=True, x="n")

# Reductions -------------------------------------------------------------------------------------------------------------

for _axis in (None, 0, -1, (0, 2), (2, 1), ()):
    for _keep in (False, True):
        _o = {"axis": _axis, "keepdims": _keep}
        case("sum", lambda x, o=_o: cr.sum(x, **o), lambda np, x, o=_o: np.sum(x, **o), x="n m k")
        case("mean", lambda x, o=_o: cr.mean(x, **o), lambda np, x, o=_o: np.mean(x, **o), x="n m k")
        if _axis == ():
            continue
        case("var", lambda x, o=_o: cr.var(x, **o), lambda np, x, o=_o: np.var(x, **o), x="n m k")
        case("max", lambda x, o=_o: cr.max(x, **o), lambda np, x, o=_o: np.max(x, **o), kinks=True, x="n m k")
        case("min", lambda x, o=_o: cr.min(x, **o), lambda np, x, o=_o: np.min(x, **o), kinks=True, x="n m k")
        case("norm", lambda x, o=_o: cr.norm(x, **o), lambda np, x, o=_o: np.sqrt(np.sum(x * x, **o)), kinks=True, x="n m k")
        case("logsumexp", lambda x, o=_o: cr.logsumexp(x, **o), lambda np, x, o=_o: np.log(np.sum(np.exp(x), **o)), x="n m k")
for _axis in (0, 1, -1, (0, 1), (1, 2)):
    case("softmax", lambda x, a=_axis: cr.softmax(x, a), lambda np, x, a=_axis: np.exp(x) / np.sum(np.exp(x), axis=a, keepdims=True), x="n m k")
    case("log_softmax", lambda x, a=_axis: cr.log_softmax(x, a), lambda np, x, a=_axis: x - np.log(np.sum(np.exp(x), axis=a, keepdims=True)), x="n m k")
case("softmax", cr.softmax, lambda np, x: np.exp(x) / np.sum(np.exp(x)), x="n")
case("var", lambda x: cr.var(x, axis=1, ddof=1), lambda np, x: np.var(x, axis=1, ddof=1), x="n m")
case("var", lambda x: cr.var(x, axis=(0, 1), ddof=2, keepdims=True), lambda np, x: np.var(x, axis=(0, 1), ddof=2, keepdims=True), x="n m")
for _axis in (0, 1, -1):
    case("argmax", lambda x, a=_axis: cr.argmax(x, a), lambda np, x, a=_axis: np.argmax(x, a), x="n m k")
case("sum", lambda x: cr.sum(x), lambda np, x: np.sum(x), x="")
case("sum", lambda c: cr.sum(c, axis=0), lambda np, c: np.sum(c, axis=0), at=MASK, c="bool[n m]")
case("sum", lambda x: cr.sum(cr.where(x > 0, 1, 0)), lambda np, x: np.sum(x > 0), x="n m")
case("mean", lambda c: cr.mean(c, axis=1), lambda np, c: np.mean(c, axis=1), at=MASK, c="bool[n m]")
case("mean", lambda i: cr.mean(i), lambda np, i: np.mean(np.array(i)), at=TWO_D, i="int[n k]")
case("norm", cr.norm, lambda np, x: np.sqrt(np.sum(x**2)), kinks=True, x="n")

# Moving entries ---------------------------------------------------------------------------------------------------------

case("broadcast_to", lambda x, y: cr.broadcast_to(x, (y.shape[0], x.shape[0])) + y, lambda np, x, y: x + y, x="m", y="n 1")
case("broadcast_to", lambda x, y: cr.broadcast_to(x, y.shape) * y, lambda np, x, y: x * y, x="n 1 k", y="n m k")
case("broadcast_to", lambda x, y: cr.broadcast_to(x, y.shape), lambda np, x, y: np.broadcast_to(x, (3, 4)), x="", y="n m")
case("expand_dims", lambda x: cr.expand_dims(x, 0), lambda np, x: np.expand_dims(x, 0), x="n m")
case("expand_dims", lambda x: cr.expand_dims(x, (0, 2, -1)), lambda np, x: np.expand_dims(x, (0, 2, -1)), x="n m")
case("expand_dims", lambda x: x[:, None] * x[None, :], lambda np, x: x[:, None] * x[None, :], x="n")
case("expand_dims", lambda x: x[None], lambda np, x: x[None], x="")
case("squeeze", lambda x: cr.squeeze(x), lambda np, x: np.squeeze(x), x="1 n 1 m")
case("squeeze", lambda x: cr.squeeze(x, (2,)) * cr.squeeze(x, 0), lambda np, x: np.squeeze(x, 2) * np.squeeze(x, 0), x="1 n 1 m")
case("reshape", lambda x: cr.reshape(x, (x.shape[1], -1)), lambda np, x: np.reshape(x, (4, 6)), x="n m k")
case("reshape", lambda x: cr.reshape(x, -1), lambda np, x: np.reshape(x, -1), x="n m")
case("reshape", lambda x: cr.reshape(x, (x.shape[1], x.shape[0])), lambda np, x: np.reshape(x, (4, 3)), x="n m")
case("reshape", lambda x: cr.reshape(x, (1, 1)), lambda np, x: np.reshape(x, (1, 1)), x="")
case("reshape", lambda x: cr.reshape(x, ()), lambda np, x: np.reshape(x, ()), x="1 1")
case("transpose", lambda x: x.T, lambda np, x: x.T, x="n m")
case("transpose", lambda x: x.T, lambda np, x: x.T, x="n m k")
case("transpose", lambda x: cr.transpose(x, (1, 2, 0)), lambda np, x: np.transpose(x, (1, 2, 0)), x="n m k")
case("transpose", lambda x: cr.transpose(x, (-1, 0, 1)), lambda np, x: np.transpose(x, (-1, 0, 1)), x="n m k")
case("transpose", lambda x: cr.swapaxes(x, -1, -2) * x[0, 0, 0], lambda np, x: np.swapaxes(x, -1, -2) * x[0, 0, 0], x="n m k")
for _axis in (None, 0, (0, 2)):
    case("flip", lambda x, a=_axis: cr.flip(x, a), lambda np, x, a=_axis: np.flip(x, a), x="n m k")

# Contractions -----------------------------------------------------------------------------------------------------------

for _a, _b in [
    ("n", "n"), ("n m", "m"), ("n", "n m"), ("n m", "m k"), ("k n m", "m h"), ("n m", "k m h"), ("k n m", "k m h"), ("k 1 n m", "h m k"),
    ("1 n m", "k m h"), ("k n m", "1 m h"), ("k n m", "m"), ("n", "k n m"), ("h k n m", "m"), ("n", "h k n m"), ("k 1 n m", "1 h m 2"),
]:  # fmt: skip
    case("matmul", lambda a, b: a @ b, lambda np, a, b: a @ b, a=_a, b=_b)
case("matmul", lambda x, A: x @ A @ x, lambda np, x, A: x @ A @ x, x="n", A="n n")
case("matmul", lambda A: A @ A.T @ A, lambda np, A: A @ A.T @ A, A="n m")
case("matmul", lambda A, i: A @ i, lambda np, A, i: A @ i, at=ROWS, A="n m", i="int[m]")
case("matmul", lambda a, b: cr.dot(a, b) * cr.dot(a[0], b[1]), lambda np, a, b: a @ b * a[0] * b[1], a="n", b="n")
case("outer", cr.outer, lambda np, a, b: np.outer(a, b), a="n", b="m")
case("outer", lambda a: cr.outer(a, a), lambda np, a: np.outer(a, a), a="n")
case("tr", cr.tr, lambda np, x: np.trace(x), x="n n")
case("tr", lambda x: cr.tr(x.T @ x), lambda np, x: np.trace(x.T @ x), x="n m")
case("diag", cr.diag, lambda np, x: np.diag(x), x="n")
case("diag", cr.diag, lambda np, x: np.diag(x), x="n n")
case("diag", lambda x: cr.diag(x) + x, lambda np, x: np.diag(x) + x, x="n n")
case("eye", lambda x: x * cr.eye(x.shape[0]) + cr.eye(x.shape[1]), lambda np, x: x * np.eye(3) + np.eye(3), x="n n")
for _spec, _inputs in [
    ("ij,jk->ik", ("n m", "m k")), ("ij,jk->ki", ("n m", "m k")), ("ij,jk", ("n m", "m k")), ("ba", ("n m",)), ("ij->", ("n m",)),
    ("ij->i", ("n m",)), ("ij,ij->", ("n m", "n m")), ("i,j->ij", ("n", "m")), ("i,j->j", ("n", "m")), ("ii->i", ("n n",)), ("ii", ("n n",)),
    ("ii,ij->j", ("n n", "n m")), ("iij->ij", ("n n m",)), ("iij,jk->k", ("n n m", "m k")), ("iii->i", ("n n n",)), ("iijj->ij", ("n n m m",)),
    ("ij,jk,kl->il", ("n m", "m k", "k h")), ("ij,ik,il->jkl", ("n m", "n k", "n h")), ("bij,bjk->bik", ("k n m", "k m h")),
    ("...ij,jk->...ik", ("k n m", "m h")), ("...i,...i->...", ("k n m", "m")), ("...ij->...ji", ("h k n m",)), ("...i,i", ("n m k", "k")),
    ("...,...", ("n m", "m")), (" i j , j -> i ", ("n m", "m")), ("ij->ji", ("n m",)), ("ij->ij", ("n m",)), (",i->i", ("", "n")), ("->", ("",)),
]:  # fmt: skip
    case(
        "einsum",
        lambda *xs, s=_spec, **named: cr.einsum(s, *xs, *named.values()),
        lambda np, s=_spec, **named: np.einsum(s, *named.values()),
        **{f"x{_k}": _sizes for _k, _sizes in enumerate(_inputs)},
    )
case("einsum", lambda x: cr.einsum("ij,ij->i", x, x), lambda np, x: np.sum(x * x, 1), x="n m")
case("einsum", lambda x: cr.einsum("ij->ji", x) + 1, lambda np, x: x.T + 1, x="n m")
case("einsum", lambda x, i: cr.einsum("ij,j->i", x, i), lambda np, x, i: x @ i, at=ROWS, x="n m", i="int[m]")

# Convolutions ---------------------------------------------------------------------------------------------------------------


def hits(size: int, kernel: int, stride: int) -> numpy.ndarray:
    """[a, p, i] is 1 where offset a of the kernel in its position i lies on pixel p."""
    a, p, i = numpy.ogrid[:kernel, :size, : (size - kernel) // stride + 1]
    return (stride * i + a == p).astype("float64")


def correlated(np: Any, spec: str, size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], *args: Any) -> Any:
    """Σ x[n,p,q,c] w[a,b,c,o] g[n,i,j,o] over s·i + a = p and t·j + b = q, without one of the three."""
    rows, columns = map(hits, size, kernel, stride)
    return np.einsum(f"api,bqj,{spec}", rows, columns, *args)


def convolved(np: Any, x: Any, w: Any, stride: tuple[int, int] = (1, 1)) -> Any:
    return correlated(np, "...pqc,abco->...ijo", x.shape[-3:-1], w.shape[:2], stride, x, w)


def batch(x: Any) -> Any:
    return x.reshape((-1, *x.shape[-3:]))


for _x, _w, _s in [
    ("k h m 2", "n 2 2 3", (1, 1)), ("h m 2", "2 n 2 3", (2, 2)), ("2 7 h 1", "k n 1 k", (3, 2)), ("h m 2", "h m 2 n", (1, 3)), ("h m k", "1 1 k n", (1, 1)),
    ("h m 1", "1 1 1 n", (3, 2)), ("k 2 m n 1", "k k 1 2", (2, 1)), ("1 1 n", "1 1 n k", (1, 1)),
]:  # fmt: skip
    case("conv2d", lambda x, w, s=_s: cr.conv2d(x, w, s), lambda np, x, w, s=_s: convolved(np, x, w, s), x=_x, w=_w)
for _s, _padding, _around in [(1, 1, ((1, 1), (1, 1))), (2, "same", ((1, 1), (0, 1))), (1, (0, 2), ((0, 0), (2, 2))), ((1, 3), ((1, 2), (0, 1)), ((1, 2), (0, 1)))]:
    case(
        "conv2d",
        lambda x, w, s=_s, p=_padding: cr.conv2d(x, w, s, p),
        lambda np, x, w, s=_s, a=_around: convolved(np, np.pad(x, (*a, (0, 0))), w, s if isinstance(s, tuple) else (s, s)),
        x="h m 2", w="3 3 2 k",
    )  # fmt: skip
case("conv2d", lambda x, w: cr.conv2d(cr.tanh(cr.conv2d(x, w)), w, 2), lambda np, x, w: convolved(np, np.tanh(convolved(np, x, w)), w, (2, 2)), x="h m 2", w="2 2 2 2")
for _x, _g, _size, _s in [("k 5 4 2", "k 3 3 n", (3, 2), (1, 1)), ("6 5 2", "2 2 k", (3, 2), (2, 2)), ("n 5 4 1", "n 1 4 k", (4, 1), (2, 1))]:
    case(
        "conv2d_kernel",
        lambda x, g, z=_size, s=_s: apply("conv2d_kernel", x, g, size=z, stride=s),
        lambda np, x, g, z=_size, s=_s: correlated(np, "npqc,nijo->abco", x.shape[-3:-1], z, s, batch(x), batch(g)),
        x=_x, g=_g,
    )  # fmt: skip
for _g, _w, _size, _s in [("k 3 3 n", "3 2 2 n", (5, 4), (1, 1)), ("2 2 k", "3 2 2 k", (6, 5), (2, 2)), ("n 2 4 k", "1 1 1 k", (4, 4), (3, 1))]:
    case(
        "conv2d_input",
        lambda g, w, z=_size, s=_s: apply("conv2d_input", g, w, size=z, stride=s),
        lambda np, g, w, z=_size, s=_s: correlated(np, "...ijo,abco->...pqc", z, w.shape[:2], s, g, w),
        g=_g, w=_w,
    )  # fmt: skip

# Selecting and putting back -----------------------------------------------------------------------------------------------

for _index in (
    numpy.s_[0], numpy.s_[-1], numpy.s_[1:], numpy.s_[:-1], numpy.s_[:, 1], numpy.s_[:, -1], numpy.s_[..., 0], numpy.s_[0, 1, 1], numpy.s_[:, 1:3],
    numpy.s_[:, ::2], numpy.s_[:, 1::2], numpy.s_[::-1], numpy.s_[:, ::-1, ::-1], numpy.s_[:, ::-2], numpy.s_[None, :, 0], numpy.s_[:, None, 1:, None],
    numpy.s_[0, None, ..., None], numpy.s_[...], numpy.s_[:], numpy.s_[:, 0, None],
):  # fmt: skip
    case("slice", lambda x, i=_index: x[i], lambda np, x, i=_index: x[i], x="n m k")
for _index in (numpy.s_[3:0:-1], numpy.s_[-1:0:-2], numpy.s_[2::-1], numpy.s_[-3:-1], numpy.s_[1:100], numpy.s_[-100:2], numpy.s_[:1:-1], numpy.s_[4:1:-3]):
    case("slice", lambda x, i=_index: x[i] * x[i], lambda np, x, i=_index: x[i] * x[i], x="5 m")
case("slice", lambda x: x[1:] - x[:-1], lambda np, x: x[1:] - x[:-1], x="h")
case("slice", lambda x: x[x.shape[0] - 2], lambda np, x: x[1], x="n m")
for _width in (1, (1, 2), ((0, 2), (1, 0))):
    case("pad", lambda x, w=_width: cr.pad(x, w), lambda np, x, w=_width: np.pad(x, w), x="n m")
for _gap in ((1, 0), (2, 1)):
    case(
        "pad",
        lambda x, g=_gap: apply("pad", x, before=(1, 0), after=(0, 2), gap=g),
        lambda np, x, g=_gap: between(np, x, g),
        x="n m",
    )


def between(np: Any, x: Any, gap: tuple[int, int]) -> Any:
    """`x` with `gap` zeros between its rows and columns, one row before and two columns after."""
    rows = np.kron(np.eye(3), np.eye(1 + gap[0])[:, :1])[: 3 + 2 * gap[0]]
    columns = np.kron(np.eye(4), np.eye(1 + gap[1])[:1])[:, : 4 + 3 * gap[1]]
    return np.pad(rows @ x @ columns, ((1, 0), (0, 2)))


case("take", lambda x, i: cr.take(x, i, axis=0), lambda np, x, i: np.take(x, i, axis=0), at=ROWS, x="n k", i="int[m]")
case("take", lambda x, i: cr.take(x, i, axis=1), lambda np, x, i: np.take(x, i, axis=1), at=TWO_D, x="m n h", i="int[n k]")
case("take", lambda x, i: cr.take(x, i), lambda np, x, i: np.take(np.reshape(x, -1), i), at=ROWS, x="n h", i="int[m]")
case("take", lambda x, i: x[:, i], lambda np, x, i: x[:, i], at=ROWS, x="k n", i="int[m]")
case("take", lambda x, i: x[i], lambda np, x, i: x[i], at={"i": 2}, x="n m", i="int[]")
case("take", lambda x: x[[2, 0, 2]], lambda np, x: x[np.array([2, 0, 2])], x="3 m")
case("take", lambda i, j: i[j], lambda np, i, j: np.array(i)[j], at={"i": [7, 8, 9], "j": ROWS["i"]}, i="int[n]", j="int[m]")
case("put", lambda g, i: apply("put", g, i, axis=0, size=3), lambda np, g, i: np.eye(3)[i].T @ g, at=ROWS, g="m k", i="int[m]")
case("put", lambda g, i: apply("put", g, i, axis=1, size=3), lambda np, g, i: np.einsum("hnkm,nkr->hrm", g, np.eye(3)[i]), at=TWO_D, g="h n k m", i="int[n k]")
case("gather", lambda x, i, j: x[i, j], lambda np, x, i, j: x[i, j], at=ROWS | {"j": [0, 1, 0, 1]}, x="n k h", i="int[m]", j="int[m]")
case("gather", lambda x, y: x[cr.arange(x.shape[0]), y], lambda np, x, y: x[np.arange(3), y], at={"y": [3, 3, 0]}, x="n m", y="int[n]")
case("gather", lambda x, i, j: x[i, j], lambda np, x, i, j: x[i, j], at={"i": [[0], [2], [2]], "j": [1, 0]}, x="n m", i="int[n 1]", j="int[k]")
case("scatter", lambda g, i, j: apply("scatter", g, i, j, shape=(3, 2)), lambda np, g, i, j: np.einsum("m,mr,mc->rc", g, np.eye(3)[i], np.eye(2)[j]), at=ROWS | {"j": [0, 1, 0, 1]}, g="m", i="int[m]", j="int[m]")
for _axis in (0, -1):
    case("concatenate", lambda a, b, x=_axis: cr.concatenate([a, b, a], x), lambda np, a, b, x=_axis: np.concatenate([a, b, a], x), a="n m", b="n m")
    case("stack", lambda a, b, x=_axis: cr.stack([a, b, a * b], x), lambda np, a, b, x=_axis: np.stack([a, b, a * b], x), a="n m", b="n m")
case("concatenate", lambda a, b: cr.concatenate([a, b], axis=1), lambda np, a, b: np.concatenate([a, b], 1), a="n m", b="n k")
case("concatenate", lambda a, i: cr.concatenate([a, i]), lambda np, a, i: np.concatenate([a, i]), at=ROWS, a="n", i="int[m]")
case("concatenate", lambda a: cr.concatenate([a, cr.eye(a.shape[1])]), lambda np, a: np.concatenate([a, np.eye(3)]), a="m n")
case("stack", lambda a, b: cr.stack([a, b, 2.0]), lambda np, a, b: np.stack([a, b, 2.0]), a="", b="")
case("one_hot", lambda i, x: cr.one_hot(i, x.shape[0]) @ x, lambda np, i, x: np.eye(3)[i] @ x, at=ROWS, i="int[m]", x="n k")
case("one_hot", lambda i: cr.one_hot(i, 4), lambda np, i: np.eye(4)[i], at=TWO_D, i="int[n k]")
case("arange", lambda x: x * cr.arange(x.shape[0]), lambda np, x: x * np.arange(3), x="n")
case("arange", lambda: cr.arange(4), lambda np: np.arange(4))
