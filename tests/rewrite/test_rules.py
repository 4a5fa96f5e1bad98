"""Rewriting as a whole keeps values, shapes and kinds, and ends with nothing left to do; the rules that are no laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from rewrite.evaluate import AsItStands, concrete
from rewrite.graphs import LEAVES, graphs

import chainrule as cr
from chainrule.graph.errors import InternalError
from chainrule.graph.node import OPS, Node, leaf, node, walk
from chainrule.ops.indexing import arange
from chainrule.ops.movement import BROADCAST, EXPAND
from chainrule.rewrite.engine import Rules, rewrite
from chainrule.rewrite.fast import FAST
from chainrule.rewrite.pattern import Law, match, unknown
from chainrule.rewrite.stable import STABLE
from chainrule.rewrite.tidy_laws import TIDY

SETS = {"stable": STABLE, "fast": FAST, "tidy": TIDY}
X, v, s, col, i = (
    leaf("X", ("n", "m")),
    leaf("v", ("m",)),
    leaf("s"),
    leaf("col", ("n", 1)),
    leaf("i", ("n",), "integer"),
)
k, mask, B = leaf("k", (), "integer"), leaf("mask", ("m",), "boolean"), leaf("B", ("k", "n", "m"))
hot, rows, e = cr.one_hot(i, "m"), arange("n"), cr.exp(X)
P = cr.softmax(X)


def spread(x: Node, *shape: object) -> Node:
    return cr.broadcast_to(x, shape)


STABLE_CASES = {
    "softmax, keepdims": (e / cr.sum(e, 1, keepdims=True), P),
    "softmax, new axis": (e / cr.sum(e, 1)[:, None], P),
    "softmax, reshaped": (e / cr.reshape(cr.sum(e, 1), ("n", 1)), P),
    "softmax of columns": (e / cr.sum(e, 0), cr.softmax(X, 0)),
    "softmax, spread": (e / spread(cr.sum(e, 1, keepdims=True), "n", "m"), P),
    "softmax, both transposed": (e.T / cr.sum(e.T, 0), P.T),
    "softmax, transposed against a sum": (e.T / cr.sum(e, 1), P.T),
    "softmax, twice transposed": ((e.T / cr.sum(e, 1)).T, P.T.T),
    "softmax of all": (e / cr.sum(e), cr.softmax(X, (0, 1))),
    "softmax of a batch": (cr.exp(B) / cr.sum(cr.exp(B), 1)[:, None, :], cr.softmax(B, 1)),
    "softmax, shifted": (cr.exp(X - cr.max(X)) / cr.sum(cr.exp(X - cr.max(X)), 1, keepdims=True), P),
    "softmax, rows shifted": (
        cr.exp(X - cr.max(X, 1)[:, None]) / cr.sum(cr.exp(X - cr.max(X, 1)[:, None]), 1)[:, None],
        P,
    ),
    "log of a picked softmax": (cr.log(P[rows, i]), cr.log_softmax(X)[rows, i]),
    "log of one entry": (cr.log(cr.softmax(v)[1]), cr.log_softmax(v)[1]),
    "log of 1 − p, moved": (cr.log(1 - cr.sigmoid(col)[:, 0]), (-cr.softplus(col))[:, 0]),
    "log of a mean of exponentials": (cr.log(cr.mean(e, 1)), cr.logsumexp(X, 1) - cr.log(X.shape[1])),
    "log of a moved sum": (cr.log(cr.sum(e, 1)[:, None]), cr.logsumexp(X, 1)[:, None]),
    "log of a sum of moved exponentials": (cr.log(cr.sum(e.T, 0)), cr.logsumexp(X.T, 0)),
    "log of a choice": (
        cr.log(cr.where(mask, cr.sigmoid(v), 1 - cr.sigmoid(v))),
        cr.where(mask, -cr.softplus(-v), -cr.softplus(v)),
    ),
    "log-softmax, new axis": (X - cr.logsumexp(X, 1)[:, None], cr.log_softmax(X)),
    "log-softmax of columns": (X - cr.logsumexp(X, 0), cr.log_softmax(X, 0)),
    "picked by a sum": (cr.sum(hot * X, 1), X[rows, i]),
    "picked by a sum, axis kept": (cr.sum(X * hot, 1, keepdims=True), X[rows, i][:, None]),
    "picked by a product": (cr.one_hot(k, "m") @ v, OPS["gather"](v, k)),
    "root of a mean": (cr.sqrt(cr.mean(X**2, 1)), cr.norm(X, axis=1) / cr.sqrt(X.shape[1])),
    "root, moved": (cr.sqrt(cr.sum(X * X, 1)[:, None]), cr.norm(X, axis=1)[:, None]),
    "contracted": (cr.einsum("ij,ij->i", X, cr.log(e + 1)), None),
}
FAST_CASES = {
    "a + 0": (X + 0.0, X),
    "a · 1": (1 * X, X),
    "a / 1": (X / 1, X),
    "an integer times 1.0 is real": (i * 1.0, i * 1.0),
    "numbers meet": (node(2) * (node(3) * s), 6 * s),
    "a quotient of numbers": (node(1) / node(4) * s, 0.25 * s),
    "a spread beside an array": (spread(v, "n", "m") * X, v * X),
    "two spreads": (spread(v, "n", "m") + spread(s, "n", "m"), spread(v + s, "n", "m")),
    "a column and a row, spread": (spread(v, "n", "m") * spread(col, "n", "m"), v * col),
    "a sum of a spread": (cr.sum(spread(v, "n", "m"), 0), v * X.shape[0]),
    "a sum of a spread, axis kept": (
        cr.sum(spread(col, "n", "m"), 1, keepdims=True),
        (cr.squeeze(col, 1) * X.shape[1])[:, None],
    ),
    "a sum of a spread boolean": (cr.sum(spread(mask, "n", "m"), 0), mask * X.shape[0]),
    "a transposed spread": (spread(s, "n", "m").T, spread(s, "m", "n")),
    "a squeezed spread": (cr.squeeze(spread(s, 1)), s),
    "a reshaped spread": (cr.reshape(spread(s, 1), ()), s),
    "twice transposed": (cr.transpose(cr.transpose(B, (1, 2, 0)), (2, 0, 1)), B),
    "twice reshaped": (cr.reshape(cr.reshape(X, -1), ("m", "n")), cr.reshape(X, ("m", "n"))),
    "no axes": (cr.sum(X, ()), X),
    "there and back": (cr.squeeze(v[:, None], 1), v),
    "spread twice": (spread(spread(v, 1, "m"), "n", "m"), spread(v, "n", "m")),
    "1 / 0 is left to the program": (node(1) / node(0) * s, None),
    "a root of a negative number": (node(-2.0) ** node(0.5) * s, None),
    "a negative power of an integer": (node(2.0) ** node(-1) * s, 0.5 * s),
    "a number too large": (node(2**62) * node(4) * i, None),
}
CASES = [("stable", n, *c) for n, c in STABLE_CASES.items()] + [("fast", n, *c) for n, c in FAST_CASES.items()]


def point(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = {n.attr("name"): rng.uniform(-2, 2, concrete(n)) for n in [*LEAVES, X, v, s, col, B]}
    return found | {"i": np.array([2, 0, 3]), "k": np.array(1), "mask": np.array([True, False, True, False])}


def same_values(before: list[Node], after: list[Node], seed: int = 0, rtol: float = 1e-9) -> None:
    """Each of `after` equals its original wherever that is finite."""
    sizes = [LEAVES[0] * 0, LEAVES[6] * 0]  # tell n, m, h
    results = AsItStands([*before, *after, *sizes])(point(seed))
    for a, b, x, y in zip(before, after, results, results[len(before) :]):
        assert (a.shape, a.kind) == (b.shape, b.kind)
        finite = np.isfinite(x)
        scale = np.max(np.abs(x[finite]), initial=1)
        np.testing.assert_allclose(y[finite], x[finite], rtol=rtol, atol=1e-11 * scale, err_msg=f"{a!r} -> {b!r}")


@pytest.mark.parametrize(("title", "name", "root", "expected"), CASES, ids=[f"{t}: {n}" for t, n, *_ in CASES])
def test_a_rule(title: str, name: str, root: Node, expected: Node | None):
    made = rewrite([root], SETS[title])[root]
    assert expected is None or made is rewrite([expected], SETS[title])[expected]
    if name != "a number too large":
        same_values([root], [made])


NOT_A_SOFTMAX = {
    "rows over columns": e / cr.sum(e, 0)[None] * 1 + 0 * X / cr.sum(cr.exp(leaf("Z", ("m", "m"))), 1),
    "a square divided by its row sums along the wrong axis": cr.exp(leaf("Q", ("m", "m")))
    / cr.sum(cr.exp(leaf("Q", ("m", "m"))), 1),
    "other exponents": e / cr.sum(cr.exp(2 * X), 1, keepdims=True),
    "a shift that differs along the axis": cr.softmax(X - v, 1),
    "a shift of another rank": cr.softmax(B - cr.max(X, 1, keepdims=True), 1),
}


@pytest.mark.parametrize("name", NOT_A_SOFTMAX)
def test_what_only_looks_like_a_softmax_stays(name: str):
    root = NOT_A_SOFTMAX[name]
    made = rewrite([root], STABLE)[root]
    more = {"Z": np.random.default_rng(1).normal(size=(4, 4)), "Q": np.random.default_rng(2).normal(size=(4, 4))}
    x, y, *_ = AsItStands([root, made, X, v])(point() | more)
    np.testing.assert_allclose(y, x, rtol=1e-12)
    if name != "rows over columns":
        assert made is root


@settings(max_examples=60, deadline=None, derandomize=True)
@given(graphs())
def test_every_set_keeps_values_shapes_and_kinds_and_ends(made: list[Node]):
    stable = rewrite(made, STABLE)
    before, after = list(made), [stable[n] for n in made]
    assert all(rewrite([n], STABLE)[n] is n for n in after)
    fast = rewrite(after, FAST)
    assert all(rewrite([fast[n]], FAST)[fast[n]] is fast[n] for n in after)
    same_values(before * 2, after + [fast[n] for n in after])


def test_matching_tries_both_orders_and_shared_nodes():
    a, b = unknown("a"), unknown("b")
    assert len(list(match(a * b, v * s, {}))) == 2
    assert len(list(match(a * a, v * v, {}))) == 1
    assert len(list(match(a * b, v * v, {}))) == 1
    assert not list(match(a * a, v * s, {}))
    assert [found[b] for found in match(a * (a + b), v * (s + v), {})] == [s]
    assert [found[b] for found in match((a + b) * a, v * (s + v), {})] == [s]
    assert list(match(1 - a, 1.0 - v, {})) and not list(match(1 - a, 2 - v, {}))


def test_a_circle_is_a_bug_of_ours():
    a, b = unknown("a"), unknown("b")
    circle = Rules([Law("there", a - b, a + -b), Law("back", a + -b, a - b)])
    with pytest.raises(InternalError, match="circle"):
        rewrite([v - s], circle)


def test_a_law_that_changes_the_shape_does_not_apply():
    a, b = unknown("a"), unknown("b")
    law = Law("", a * b, a)
    assert law.apply(s * v) is v  # with a = v, the order in which the shape is kept
    assert law.apply(v * col) is None


def test_deep_graphs_need_no_recursion():
    deep = s
    for _ in range(12_000):
        deep = cr.tanh(deep * 1.0 + 0.0) * v[0]
    assert len(walk(deep)) > 36_000
    fast = rewrite([deep], FAST)[deep]
    assert len(walk(fast)) < 25_000
    assert rewrite([fast], STABLE)[fast] is fast


def test_a_wide_graph_is_rewritten_once():
    n = X
    for _ in range(200):  # 2²⁰⁰ paths
        n = n * 1.0 + n / 1
    assert len(walk(rewrite([n], FAST)[n])) <= 202


def test_the_seed_of_the_backward_pass_is_seen_through():
    spread_one = BROADCAST(EXPAND(BROADCAST(1.0, shape=(1,)), axes=(0,)), shape=X.shape)
    assert rewrite([spread_one * X], FAST)[spread_one * X] is X
    total = cr.sum(X * spread_one)
    assert rewrite([total], FAST)[total] is cr.sum(X)
