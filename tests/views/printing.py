"""What the tests of text and LaTeX share: random graphs of all sorts, and the way back from printed text to a graph."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import chainrule as cr
from chainrule.graph.dims import symbol
from chainrule.graph.errors import ChainruleError
from chainrule.graph.node import BOOLEAN, INTEGER, OPS, Node, constant, leaf, node, size_node
from chainrule.ops.convolution import conv2d_input, conv2d_kernel

N, M, K = symbol("n"), symbol("m"), symbol("k")

LEAVES = [
    leaf("s"),
    leaf("r"),
    leaf("x", ("n",)),
    leaf("y", ("n",)),
    leaf("z", ("m",)),
    leaf("A", ("n", "m")),
    leaf("B", ("m", "n")),
    leaf("C", ("n", "n")),
    leaf("W1", ("k", "n", "m")),
    leaf("X", (1, "n")),
    leaf("V", (5, 3)),
    leaf("i", ("n",), INTEGER),
    leaf("l", (), INTEGER),
    leaf("c", ("n",), BOOLEAN),
    leaf("q", (), BOOLEAN),
]
PLAIN = [
    2,
    3,
    0,
    1,
    -1,
    -3,
    2.0,
    0.5,
    -0.5,
    -0.0,
    1e-5,
    1e22,
    math.inf,
    -math.inf,
    math.nan,
    True,
    False,
    [1.0, -2.0],
    [[1, 2], [3, 4]],
    [True, False],
    N,
    2 * N,
    N + 1,
    N * M,
    N - 1,
    -N,
    N // 2,
    (N + 1) // 2 * 3,
    N**2,
]
START = [*LEAVES, *map(node, PLAIN)]


def op(name: str, **attrs: Any) -> Callable[..., Node]:
    """An operation as it stands, so that Python computes nothing on the way."""
    return lambda *args, **more: OPS[name](*args, **attrs, **more)


BINARY = [
    "add",
    "sub",
    "mul",
    "div",
    "matmul",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "equal",
    "logical_and",
    "logical_or",
    "maximum",
    "minimum",
    "xlogy",
    "xdivy",
    "outer",
]
UNARY = [
    "neg",
    "logical_not",
    "stop_gradient",
    "log",
    "exp",
    "expm1",
    "log1p",
    "sqrt",
    "abs",
    "sign",
    "sin",
    "cos",
    "tanh",
    "erf",
    "sigmoid",
    "softplus",
    "relu",
    "silu",
    "gelu",
    "gelu_tanh",
    "tr",
    "diag",
]
STEPS: list[Callable[..., Any]] = [
    *[lambda a, b, c, f=f: f(a, b) for f in map(op, BINARY * 3)],
    *[lambda a, b, c, f=f: f(a) for f in map(op, UNARY)],
    *[lambda a, b, c: a**b] * 3,  # as an operator, which makes whole numbers real where the power may be negative
    lambda a, b, c: OPS["where"](a, b, c),
    lambda a, b, c: OPS["clip"](a, b, c),
    lambda a, b, c: OPS["again"](a, b),
    lambda a, b, c: OPS["neg"](a),
    lambda a, b, c: a.T,
    lambda a, b, c: a.T,
    lambda a, b, c: cr.transpose(a, (0, 2, 1)),
    lambda a, b, c: OPS["transpose"](a, axes=(0, 1)[: a.ndim]),
    lambda a, b, c: cr.leaky_relu(a, 0.1),
    lambda a, b, c: cr.elu(a),
    lambda a, b, c: cr.elu(a, 0.5),
    *[
        lambda a, b, c, f=f, o=o: f(a, **o)
        for f in (cr.sum, cr.mean, cr.max, cr.min, cr.norm, cr.logsumexp)
        for o in ({}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 1)}, {"axis": (), "keepdims": False})
    ],
    lambda a, b, c: cr.var(a, axis=0, ddof=1),
    lambda a, b, c: cr.var(a, keepdims=True),
    *[lambda a, b, c, f=f, k=k: f(a, axis=k) for f in (cr.softmax, cr.log_softmax) for k in (-1, 0, (0, 1))],
    lambda a, b, c: cr.argmax(a, axis=0),
    lambda a, b, c: cr.broadcast_to(a, (2, *b.shape)),
    lambda a, b, c: cr.broadcast_to(a, b.shape),
    lambda a, b, c: OPS["broadcast_to"](a, shape=a.shape),
    lambda a, b, c: cr.reshape(a, -1),
    lambda a, b, c: cr.reshape(a, (1, *a.shape, 1)),
    lambda a, b, c: OPS["reshape"](a, shape=a.shape),
    lambda a, b, c: cr.expand_dims(a, 0),
    lambda a, b, c: cr.expand_dims(a, (0, -1)),
    lambda a, b, c: OPS["expand_dims"](a, axes=()),
    lambda a, b, c: cr.squeeze(a),
    lambda a, b, c: cr.squeeze(a, 0),
    lambda a, b, c: OPS["squeeze"](a, axes=()),
    lambda a, b, c: cr.flip(a),
    lambda a, b, c: cr.flip(a, 0),
    *[
        lambda a, b, c, k=k: a[k]
        for k in (
            0,
            -1,
            slice(1, None),
            slice(None, -1),
            (slice(None), 0),
            (..., slice(None, None, 2)),
            (0, slice(1, None)),
            slice(None, None, -1),
            (0, 0),
            slice(1, 3),
            (..., None),
            (slice(1, None, 2), -1),
            N - 2,
        )
    ],
    lambda a, b, c: OPS["slice"](a, start=(0,) * a.ndim, stop=a.shape, step=(1,) * a.ndim),
    lambda a, b, c: a[b],
    lambda a, b, c: a[b, c],
    lambda a, b, c: a[cr.arange(a.shape[0]), b],
    lambda a, b, c: OPS["gather"](a, b, c),
    lambda a, b, c: OPS["gather"](a, b),
    lambda a, b, c: cr.take(a, b, axis=1),
    lambda a, b, c: OPS["take"](a, b, axis=0),
    lambda a, b, c: OPS["put"](a, b, axis=0, size=N + 2),
    lambda a, b, c: OPS["scatter"](a, b, c, shape=(N, K)),
    lambda a, b, c: cr.pad(a, 1),
    lambda a, b, c: cr.pad(a, (0, 2)),
    lambda a, b, c: OPS["pad"](a, before=(1,) * a.ndim, after=(N,) * a.ndim, gap=(2,) * a.ndim),
    lambda a, b, c: cr.concatenate([a, b], axis=-1),
    lambda a, b, c: cr.concatenate([a, b, a]),
    lambda a, b, c: OPS["concatenate"](a, axis=0),
    lambda a, b, c: cr.stack([a, b], axis=-1),
    lambda a, b, c: cr.stack([a]),
    lambda a, b, c: cr.one_hot(a, N + 1),
    lambda a, b, c: cr.one_hot(a, 3),
    lambda a, b, c: cr.arange(a.shape[0]),
    lambda a, b, c: cr.eye(a.shape[-1]),
    lambda a, b, c: cr.einsum("ij->ji", a),
    lambda a, b, c: cr.einsum("ij,jk", a, b),
    lambda a, b, c: cr.einsum("i,i,i->", a, b, c),
]


def grown(steps: list[tuple[int, int, int, int]], start: list[Node] = START, ways: list[Any] = STEPS) -> Node:
    """A graph grown step by step: (which operation, on which three of what there is; counted from the newest)."""
    pool = list(start)
    for way, *places in steps:
        a, b, c = (pool[-1 - place % len(pool)] for place in places)
        try:
            pool.append(ways[way % len(ways)](a, b, c))
        except (ChainruleError, IndexError, TypeError):
            continue
    return pool[-1]


# The way back -------------------------------------------------------------------------------------------------------


def array(value: Any) -> Node:
    return value if isinstance(value, Node) else constant(value)


NAMES: dict[str, Any] = {
    **{name: getattr(cr, name) for name in dir(cr) if not name.startswith("_")},
    **{name: OPS[name] for name in ("again", "put", "scatter", "xdivy")},
    "conv2d_kernel": conv2d_kernel,
    "conv2d_input": conv2d_input,
    "array": array,
    "size": size_node,
    "op": SimpleNamespace(**OPS),
    "inf": math.inf,
    "nan": math.nan,
    "n": N,
    "m": M,
    "k": K,
    **{n.attr("name"): n for n in LEAVES},
}


def python(text: str) -> str:
    """Text with its six signs put back."""
    text = text.replace("⊙", "*").replace("·", "*").replace("ᵀ", ".T")
    text = re.sub("[⁰¹²³⁴-⁹]+", lambda found: "**" + "".join(str("⁰¹²³⁴⁵⁶⁷⁸⁹".index(c)) for c in found[0]), text)
    text = re.sub(r"/(\d+)⌋", r"//\1)", text).replace("⌊", "(")
    return re.sub(r"∂(\w+)/∂(\w+)", r"d_\1_\2", text)


def read(text: str, names: Mapping[str, Any] = NAMES) -> Node:
    return node(eval(python(text), {"__builtins__": {}}, dict(names)))


def read_lines(lines: str, names: Mapping[str, Any] = NAMES) -> Node:
    """Equations one after the other, the last one's value; or a single expression."""
    names = dict(names)
    value = None
    for line in lines.splitlines():
        left, equals, right = line.partition(" = ")
        if not equals or not python(left).isidentifier():
            return read(line, names)
        value = names[python(left)] = read(right, names)
    assert value is not None
    return value
