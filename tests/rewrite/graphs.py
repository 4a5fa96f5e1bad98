"""Small random graphs for properties that hold of every rewriting."""

from __future__ import annotations

from hypothesis import strategies as st

import chainrule as cr
from chainrule.graph.errors import KindError, ShapeError
from chainrule.graph.node import OPS, REAL, Node, leaf, node, size_node

LEAVES = [
    leaf("X", ("n", "m")),
    leaf("Y", ("n", "m")),
    leaf("v", ("m",)),
    leaf("col", ("n", 1)),
    leaf("s"),
    leaf("t"),
    leaf("W", ("m", "h")),
    leaf("u", ("h",)),
]
NUMBERS = [node(2), node(0.5), node(-1), node(3.0), node(1), node(0.0), size_node("n"), size_node("m")]

UNARY = [
    lambda x: -x,
    cr.exp,
    cr.sigmoid,
    cr.tanh,
    cr.relu,
    cr.log,
    cr.softmax,
    lambda x: x**2,
    lambda x: x**3,
    lambda x: x.T,
    lambda x: cr.sum(x, axis=0),
    lambda x: cr.sum(x, axis=-1, keepdims=True),
    lambda x: cr.mean(x, axis=-1),
    cr.sum,
    lambda x: cr.mean(x, axis=0, keepdims=True),
    lambda x: x[:, None],
    lambda x: x[None],
    lambda x: cr.exp(x) / cr.sum(cr.exp(x)),
    lambda x: x - cr.mean(x, axis=0),
    lambda x: 1 - x,
    lambda x: cr.sqrt(cr.sum(x**2)),
    lambda x: cr.log(cr.softmax(x)),
    lambda x: cr.reshape(x, -1),
    lambda x: x[::-1],
    lambda x: cr.log(1 - cr.sigmoid(x)),
    lambda x: 1 / (1 + cr.exp(-x)),
    lambda x: cr.exp(x) / (1 + cr.exp(x)),
    lambda x: 3 * cr.norm(x) ** 2 * OPS["xdivy"](x, cr.norm(x)),
    lambda x: cr.norm(x, axis=-1, keepdims=True) * OPS["xdivy"](x, cr.norm(x, axis=-1, keepdims=True)),
    lambda x: (x - cr.mean(x)) / cr.sqrt(cr.var(x) + 1),
    lambda x: x / (2 * x.shape[0]) + cr.sum(x) / x.shape[0],
    lambda x: x[:, None] * x,
    lambda x: cr.diag(x),
    lambda x: x @ cr.eye(x.shape[-1]),
    lambda x: x @ cr.broadcast_to(1.0, (x.shape[-1],)),
]
BINARY = [
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y,
    lambda x, y: x / y,
    lambda x, y: x @ y,
    cr.outer,
    lambda x, y: cr.where(x > 0, x, y),
    lambda x, y: cr.where(y > 0, x * y, 0),
    lambda x, y: x * cr.log(y),
    cr.maximum,
    lambda x, y: x / y - y / x,
    lambda x, y: cr.xlogy(x, y),
    lambda x, y: x * (1 - x) / (x * y),
]


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    """Every node that was made, in order; the last is the root."""
    made: list[Node] = list(LEAVES)
    for _ in range(draw(st.integers(2, 9))):
        recent = st.sampled_from(made[-4:] + LEAVES)
        try:
            if draw(st.booleans()):
                new = draw(st.sampled_from(UNARY))(draw(recent))
            else:
                new = draw(st.sampled_from(BINARY))(
                    draw(recent), draw(st.one_of(recent, st.sampled_from(NUMBERS + LEAVES)))
                )
        except (ShapeError, KindError, TypeError, IndexError):
            continue
        if new.kind == REAL and new.ndim <= 3:
            made.append(new)
    return made
