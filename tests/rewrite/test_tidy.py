"""Tidying is an equation: whatever the graph and whatever has a name, the tidied node is the same quantity."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rewrite.evaluate import AsItStands, concrete
from rewrite.graphs import LEAVES, graphs

import chainrule as cr
from chainrule.graph.node import OPS, Node, leaf, node, walk
from chainrule.rewrite.rational import Algebra, Poly, Rational
from chainrule.rewrite.tidy import tidy
from chainrule.views.text import to_text

# On random graphs ---------------------------------------------------------------------------------------------------


def values(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {n.attr("name"): rng.uniform(-2, 2, concrete(n)) for n in LEAVES}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(graphs(), st.data())
def test_tidying_keeps_the_values(made: list[Node], data: st.DataObject):
    root = made[-1]
    named = frozenset(data.draw(st.sets(st.sampled_from(made)))) | frozenset(LEAVES)
    new = tidy(root, named)
    assert (new.shape, new.kind) == (root.shape, root.kind)
    sizes = [LEAVES[0] * 0, LEAVES[6] * 0]  # tell n, m, h
    program = AsItStands([root, new, *sizes])
    for seed in (1, 2):
        before, after, *_ = program(values(seed))
        both = np.isfinite(before) & np.isfinite(after)
        scale = np.max(np.abs(before[both]), initial=1)
        np.testing.assert_allclose(
            after[both], before[both], rtol=1e-7, atol=1e-7 * scale, err_msg=f"{to_text(root)} -> {to_text(new)}"
        )


@settings(max_examples=50, deadline=None, derandomize=True)
@given(graphs())
def test_what_has_a_name_keeps_it(made: list[Node]):
    named = frozenset(made[:-1])
    below = set(walk(tidy(made[-1], named)))
    assert all(n in named or n.op.name != "leaf" for n in below)


# What cancels and what stays ----------------------------------------------------------------------------------------

x, y, s, v = leaf("x", ("n",)), leaf("y", ("n",)), leaf("s"), leaf("v", ("n",))
sigma, e, p = cr.sigmoid(x), cr.exp(x), cr.softmax(x)
N = x.shape[0]
length, xdivy = cr.norm(x), OPS["xdivy"]
NAMES = frozenset({x, y, s, v})


def tidied(n: Node, *named: Node) -> Node:
    return tidy(n, NAMES | frozenset(named))


SAME: list[tuple[Any, Any]] = [
    (sigma * y / sigma, y),
    ((1 - sigma) * y / (1 - sigma), y),
    (y * e / e, y),
    (p * y / p, y),
    (y * N / N, y),
    (y / N * N * 2, 2 * y),
    ((sigma - sigma**2) / (1 - sigma), sigma),
    (-y / sigma + (1 - y) / (1 - sigma), (sigma - y) / (sigma * (1 - sigma))),
    ((-y / sigma + (1 - y) / (1 - sigma)) * sigma * (1 - sigma), sigma - y),
    (x - x + y, y),
    (2 * x + 3 * x, 5 * x),
    (x / 2 + x / 2, x),
    (x * 0.5 - x / 2 + s, s + 0 * x),
    ((x + y) ** 2 - (x - y) ** 2, 4 * x * y),
    (-1 * -x, x),
    (x - (x - y), y),
    (cr.sum(p), cr.sum(p) * 0 + 1),
    (cr.sum(2 * x), 2 * cr.sum(x)),
    (cr.sum(s * x / N), s * cr.sum(x) / N),
    (cr.sum(x - cr.mean(x)), cr.sum(x) * 0),
    ((x * cr.sum(y)) / cr.sum(y) - x * cr.sum(y) / cr.sum(y), 0 * x),
    (e / cr.sum(e), p),
    (cr.exp(x - cr.logsumexp(x)), p),
    (cr.exp(cr.log_softmax(x)), p),
    (cr.where(x > 0, y, 0) + cr.where(~(x > 0), v, 0), cr.where(x > 0, y, v)),
    (2 * x / (2 * N), x / N),
    (node(2) * N * y, (2 * x.shape[0]) * y),
    (x * y / x**2, y / x),
    (s * x / s**4, x / s**3),
    (2 * length * xdivy(x, length), 2 * x),
    (3 * length**2 * xdivy(x, length), 3 * length * x),
    (y * e / (1 + e), y * sigma),
    (y / (1 + e), y * cr.sigmoid(-x)),
    (cr.where(node(0) < x, y, v), cr.where(x > 0, y, v)),
    (cr.where(cr.maximum(x, -1) < 1, y, v), cr.where(x < 1, y, v)),
    (cr.mean(x, keepdims=True) * y, cr.mean(x) * y),
    (1.0 * (x + y), x + y),
]


@pytest.mark.parametrize(("written", "wanted"), SAME, ids=[to_text(a) for a, _ in SAME])
def test_what_cancels(written: Node, wanted: Node):
    assert tidied(written) is tidied(wanted)
    point = {"x": np.array([0.5, -0.3, 2.0]), "y": np.array([1.0, 2, 3]), "v": np.array([-1.0, 4, 2]), "s": 0.7}
    before, after, _ = AsItStands([written, tidied(written), sum(NAMES, cr.sum(x))])(point)
    np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-14)


def test_a_length_times_a_unit_vector_is_right_at_0_too():
    product = length * xdivy(x, length)
    assert tidied(product) is x
    assert not AsItStands([product, x])({"x": np.zeros(3)})[0].any()


# Sums of quotients ---------------------------------------------------------------------------------------------------

sigma_of_x = cr.sqrt(cr.var(x) + s)
xhat = (x - cr.mean(x)) / sigma_of_x
GATHERED = [
    (
        y / sigma_of_x - cr.sum(y * xhat) * (x - cr.mean(x)) / (N * (cr.var(x) + s)) - cr.sum(y) / (N * sigma_of_x),
        "(y - mean(y ⊙ xhat)·xhat - mean(y)) / sqrt(var(x) + s)",
    ),
    (y / s + v / N, "y / s + v / n"),
]


@pytest.mark.parametrize(("written", "wanted"), GATHERED, ids=[shown for _, shown in GATHERED])
def test_what_quotients_share_comes_to_the_front(written: Node, wanted: str):
    names = {n: n.attr("name") for n in (x, y, s, v)} | {xhat: "xhat"}
    found = tidy(written, frozenset(names))
    assert to_text(found, names) == wanted
    point = {"x": np.array([0.5, -0.3, 2.0]), "y": np.array([1.0, 2, 3]), "v": np.array([-1.0, 4, 2]), "s": 0.7}
    before, after, _ = AsItStands([written, found, sum(NAMES, cr.sum(x))])(point)
    np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-14)


STAYS = {
    "x/x": x / x,
    "(x² − 1)/(x − 1)": (x**2 - 1) / (x - 1),
    "(1 − softmax)/(1 − softmax)": (1 - p) * y / (1 - p),
    "Σx/Σx": cr.sum(x) / cr.sum(x) * y,
    "tanh/tanh": cr.tanh(x) / cr.tanh(x),
    "relu/relu": cr.relu(x) / cr.relu(x),
    "(x − y)/(y − x)": (x - y) / (y - x),
    "a square": x**2 * y / x**2,
    "a size that may be 0": (x.shape[0] - 1) * y / node(x.shape[0] - 1),
    "a length that is no argument's": cr.norm(y) * xdivy(x, cr.norm(y)),
}


@pytest.mark.parametrize("name", STAYS)
def test_a_factor_that_may_be_0_is_not_cancelled(name: str):
    new = tidied(STAYS[name])
    assert any(n.op.name == "div" for n in walk(new)), to_text(new)


def test_a_minus_sign_and_a_transpose_that_belong_to_names_stay():
    minus = -(x / 2)
    assert tidied(minus * y, minus) is minus * y
    Q, K = leaf("Q", ("n", "d")), leaf("K", ("m", "d"))
    assert tidy((Q @ K.T).T, frozenset({Q, K})) is K @ Q.T


# Rational functions -------------------------------------------------------------------------------------------------

A, B, C = (Rational(1, {k: 1}, {}) for k in range(3))
ONE = Rational(1, {}, {})
algebra = Algebra(lambda f: True)
cautious = Algebra(lambda f: False)


def value(r: Rational, at: tuple[float, ...]) -> float:
    def factor(f: Any) -> float:
        if isinstance(f, Poly):
            return sum(float(c) * np.prod([at[a] ** k for a, k in m]) for m, c in f.terms.items())
        return at[f]

    top = np.prod([factor(f) ** k for f, k in r.above.items()])
    return float(r.coefficient) * top / np.prod([factor(f) ** k for f, k in r.below.items()])


@st.composite
def rationals(draw: st.DrawFn) -> tuple[Rational, Callable[[tuple[float, ...]], float]]:
    """A rational function, and the same thing in floats."""
    number = st.one_of(st.integers(-3, 3), st.sampled_from([Fraction(1, 3), Fraction(-5, 2), 0.5, 1.5]))
    k = draw(st.integers(0, 2))
    made: tuple[Rational, Any] = ((A, B, C)[k], lambda at: at[k])
    for _ in range(draw(st.integers(0, 4))):
        j, c, (r, f) = draw(st.integers(0, 2)), draw(number), made
        step = draw(st.sampled_from(["add", "scale", "times", "over", "minus", "square"]))
        if step == "add":
            made = algebra.add(r, Rational(c, {j: 1}, {})), lambda at, f=f, c=c, j=j: f(at) + float(c) * at[j]
        elif step == "scale":
            made = algebra.multiply(r, Rational(c, {}, {})), lambda at, f=f, c=c: f(at) * float(c)
        elif step == "times":
            made = algebra.multiply(r, algebra.add((A, B, C)[j], ONE)), lambda at, f=f, j=j: f(at) * (at[j] + 1)
        elif step == "over":
            made = algebra.divide(r, algebra.add((A, B, C)[j], ONE)), lambda at, f=f, j=j: f(at) / (at[j] + 1)  # type: ignore[assignment]
        elif step == "minus":
            made = algebra.add(ONE, r.negated()), lambda at, f=f: 1 - f(at)
        elif len(r.above) < 3:
            made = algebra.power(r, 2), lambda at, f=f: f(at) ** 2
    return made


AT = (0.7, 1.3, 2.1)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(rationals(), rationals())
def test_the_algebra_computes(first: Any, second: Any):
    (r, f), (q, g) = first, second
    close = lambda got, want: np.testing.assert_allclose(value(got, AT), want, rtol=1e-9, atol=1e-9)
    close(r, f(AT))
    close(algebra.add(r, q), f(AT) + g(AT))
    close(algebra.multiply(r, q), f(AT) * g(AT))
    close(algebra.add(r, r.negated()), 0)
    if abs(g(AT)) > 1e-6:
        quotient = algebra.divide(r, q)
        assert quotient is not None
        close(quotient, f(AT) / g(AT))
    close(algebra.multiply(algebra.add(r, q), A), f(AT) * AT[0] + g(AT) * AT[0])


def test_numbers_stay_exact():
    third = Rational(Fraction(1, 3), {}, {})
    assert algebra.add(third, algebra.add(third, third)).coefficient == 1
    assert algebra.divide(ONE, Rational(3, {}, {})).coefficient == Fraction(1, 3)  # type: ignore[union-attr]
    assert algebra.divide(ONE, Rational(0.3, {}, {})).coefficient == 1 / 0.3  # type: ignore[union-attr]
    assert algebra.divide(A, Rational(0, {}, {})) is None
    assert algebra.add(A, A.negated()).coefficient == 0


def test_exact_division_and_content():
    square = algebra.add(algebra.multiply(A, A), algebra.multiply(B, B).negated())
    difference = algebra.add(A, B.negated())
    total = algebra.divide(square, difference)
    assert total is not None and value(total, AT) == pytest.approx(AT[0] + AT[1])
    common = algebra.add(
        algebra.multiply(A, Rational(4, {1: 1}, {})), Rational(6, {0: 2}, {})
    )  # 4ab + 6a² = 2a(2b + 3a)
    assert common.coefficient == 2 and common.above[0] == 1
    kept = cautious.divide(A, A)
    assert kept is not None and kept.below == {0: 1}


def test_sums_of_many_terms_stay_readable_and_fast():
    many = x
    for k in range(40):
        many = many * (x + k) / (y + k) + sigma / (x - k)
    assert len(to_text(tidied(many), {n: n.attr("name") for n in NAMES})) < 20_000
    long = x
    for k in range(300):
        long = long + leaf(f"x{k}", ("n",))
    assert tidied(long).shape == x.shape


@pytest.mark.parametrize("keepdims", [False, True])
def test_shares_of_exponentials_add_up_to_one(keepdims: bool):
    Z, c = leaf("Z", ("n", "m")), leaf("c", ("n", "m"), "boolean")
    E = cr.exp(Z)
    P = E / cr.sum(E, axis=1, keepdims=True)
    named = {Z, E, P, *P.args}
    assert to_text(tidy(cr.sum(P, axis=1, keepdims=keepdims), named)) == (
        "broadcast_to(1.0, (n, 1))" if keepdims else "broadcast_to(1.0, (n,))"
    )
    other = E / cr.sum(E, axis=0, keepdims=True)
    assert "sum(" in to_text(tidy(cr.sum(other, axis=1), {Z, E}))
    nothing = cr.where(c, cr.broadcast_to(0.0, Z.shape), 0)
    assert to_text(tidy(nothing, {Z, c})) == "broadcast_to(0.0, (n, m))"
