"""Sizes against Python's own integers: whatever a `Dim` says has to hold at every point."""

from __future__ import annotations

import copy
import doctest
import operator
import pickle
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.graph import dims
from chainrule.graph.dims import (
    Dim,
    Size,
    divide_exactly,
    evaluate,
    latex,
    python,
    shape_text,
    size,
    substitute,
    sum_of,
    symbol,
    symbols_of,
    total,
)
from chainrule.graph.errors import ShapeError

SYMBOLS: list[Any] = [symbol(name) for name in ("n", "d", "h", "H", "W")]  # Any: much below is wrong on purpose
n, d, h, H, W = SYMBOLS
NAMES = ["n", "d", "h", "hid"]

points = st.lists(st.integers(-40, 40), min_size=4, max_size=4, unique=True).map(
    lambda v: dict(zip(NAMES, v, strict=True))
)
atoms = st.one_of(st.integers(-6, 6), st.sampled_from(NAMES).map(symbol))


def grown(parts: st.SearchStrategy[Size]) -> st.SearchStrategy[Size]:
    binary = st.builds(
        lambda f, p, q: f(p, q), st.sampled_from([operator.add, operator.sub, operator.mul]), parts, parts
    )
    return st.one_of(binary, st.builds(lambda p, k: p // k, parts, st.integers(1, 6)))


sizes = st.recursive(atoms, grown, max_leaves=6)
divisors = st.integers(-9, 9).filter(bool)


@given(sizes, sizes, sizes)
def test_ring_laws_hold_structurally(p: Size, q: Size, r: Size):
    assert p + q == q + p and (p + q) + r == p + (q + r)
    assert p * q == q * p and (p * q) * r == p * (q * r) and p * (q + r) == p * q + p * r
    assert p - q == p + -q == -(q - p) and p - p == 0 and p + 0 == p * 1 == p and p * 0 == 0
    assert hash(p * (q + r)) == hash(p * q + p * r)


@given(sizes, sizes, points, st.integers(0, 4))
def test_arithmetic_is_that_of_integers(p: Size, q: Size, at: dict[str, int], k: int):
    x, y = evaluate(p, at), evaluate(q, at)
    assert evaluate(p + q, at) == x + y
    assert evaluate(p - q, at) == x - y
    assert evaluate(p * q, at) == x * y
    assert evaluate(p**k, at) == x**k
    assert evaluate(sum_of([p, q, k, p]), at) == x + y + k + x == evaluate(p + q + k + p, at)
    assert evaluate(total((p, k, q)), at) == x * k * y


@given(sizes, divisors, divisors, points)
def test_floors_are_those_of_integers(p: Size, a: int, b: int, at: dict[str, int]):
    x = evaluate(p, at)
    assert evaluate(p // a, at) == x // a
    assert evaluate(p % a, at) == x % a
    assert evaluate((p // a + b) // b, at) == (x // a + b) // b
    assert evaluate((p + p // a) // b, at) == (x + x // a) // b
    assert evaluate((symbol("n") * 3 + p // a) // b, at) == (at["n"] * 3 + x // a) // b


@given(sizes, sizes, st.integers(1, 12), st.integers(1, 12), st.integers(-30, 30))
def test_floors_have_a_normal_form(p: Size, q: Size, a: int, b: int, c: int):
    assert (p + a * q) // a == p // a + q
    assert (b * p + c) // (a * b) == (p + c // b) // a
    assert p // -a == -p // a
    assert (p // a) * a + p % a == p
    if not any("⌊" in str(x) for x in (p, q)):
        assert (p // a + c) // b == (p + a * c) // (a * b)


@given(sizes, sizes)
def test_exact_division_undoes_multiplication(p: Size, q: Size):
    if q != 0:
        assert divide_exactly(p * q, q) == p


@given(sizes, sizes)
def test_exact_division_never_rounds(p: Size, q: Size):
    if q != 0:
        try:
            assert divide_exactly(p, q) * q == p
        except ShapeError as error:
            assert str(error) == f"the size {p} is not divisible by {q}"


@given(sizes, points)
def test_python_text_evaluates_to_the_size(p: Size, at: dict[str, int]):
    assert eval(python(p), {}, at) == evaluate(p, at)
    assert eval(f"5 - ({python(p)})", {}, at) == 5 - evaluate(p, at)


@given(sizes, sizes)
def test_equal_sizes_and_no_others_print_alike(p: Size, q: Size):
    assert (p == q) == (str(p) == str(q)) == (python(p) == python(q)) == (latex(p) == latex(q))


@given(sizes, sizes, points)
def test_substitution_commutes_with_evaluation(p: Size, q: Size, at: dict[str, int]):
    assert evaluate(substitute(p, {"n": q}), at) == evaluate(p, at | {"n": evaluate(q, at)})
    assert substitute(p, {}) == p
    assert substitute(p, at) == evaluate(p, at)
    assert type(substitute(p, at)) is int


@given(sizes)
def test_copies_are_equal(p: Size):
    for q in (copy.copy(p), copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert q == p and hash(q) == hash(p) and str(q) == str(p)
    assert symbols_of((p,)) == symbols_of((pickle.loads(pickle.dumps(p)),))


@given(sizes)
def test_a_dim_is_never_constant_and_never_holds_a_zero(p: Size):
    assert type(p) is int or (isinstance(p, Dim) and p != 0 and all(p._terms.values()) and set(p._terms) != {()})


@given(sizes, st.integers(-3, 3))
def test_sizes_are_ordered_where_their_difference_is_constant(p: Size, c: int):
    q = p + c
    assert (p < q, p <= q, p > q, p >= q) == (c > 0, c >= 0, c < 0, c <= 0)


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
@pytest.mark.parametrize("other", [h, 3])
def test_other_orderings_raise(compare, other: Size):
    for pair in ((n, other), (other, n)):
        with pytest.raises(
            ShapeError, match=r"cannot order the sizes \w+ and \w+: which is larger depends on (h, )?n\. Give"
        ):
            compare(*pair)


def test_convolution_sizes_meet():
    assert (H - 3) // 2 + 1 == (H - 1) // 2
    assert (H + 2 * 1 - 3) // 2 + 1 == (H + 1) // 2
    assert (2 * H - 2) // 2 + 1 == H
    assert (H // 2) // 3 == H // 6 == (2 * H + 1) // 12
    assert ((H - 1) // 2 - 1) // 2 + 1 == (H + 1) // 4
    assert (H // 2 + W) // 2 == (H + 2 * W) // 4
    assert 7 * H // 7 == H and (7 * H + 6) // 7 == H
    assert (n * H + 5) // 5 == n * H // 5 + 1


def test_numbers_are_plain_integers():
    for x in (n - n, n * 0, n**0, (n + 3) - n, (4 * n + 2 - 4 * n) // 2, n // n, n % 1, (2 * n + 7) % 2, 0 // n):
        assert type(x) is int
    assert (n + 3) - n == 3 and (2 * n + 7) % 2 == 1 and 0 // n == 0
    assert type(total((2, 3))) is int and total(()) == 1 and sum_of([]) == 0


def test_equality_is_structural():
    assert n == symbol("n") and n != h and n != 1 and n != "n"
    assert len({n, symbol("n"), n + 0, n + h, h + n, 3}) == 3
    assert {(n, 3): "shape"}[symbol("n"), 3] == "shape"


def test_symbols_inside_floors_count():
    assert ((n * H - 1) // 2 + d).symbols == {"n", "H", "d"}
    assert symbols_of((n, 3, d // 2)) == {"n", "d"} and symbols_of((2,)) == symbols_of(()) == frozenset()


def test_size_takes_what_is_one():
    assert size(3) == 3 and size(-1) == -1 and size("n") == n and size(n) is n
    assert type(size(np.int32(3))) is int and size(np.int32(3)) == 3
    wrongs: list[Any] = [2.0, None, [n], np.float64(1)]
    for wrong in wrongs:
        with pytest.raises(ShapeError, match="a size is an integer, a name such as"):
            size(wrong)


def test_symbols_have_names():
    assert symbol("ñ") == symbol("n\N{COMBINING TILDE}") and symbol("\N{MICRO SIGN}") == symbol("μ")
    assert str(symbol("in") * symbol("out")) == "in·out"
    wrongs: list[Any] = ["", "2n", "n d", "n·d", "n-1", 3]
    for wrong in wrongs:
        with pytest.raises(ShapeError, match="the name of a size has to be an identifier such as n, hid or d_1, not"):
            symbol(wrong)


def test_numpy_integers_become_ours():
    for x in (n + np.int64(3), np.int64(3) + n, n * np.int64(3), np.int64(3) * n, np.int64(3) - n, n // np.int64(3)):
        assert isinstance(x, Dim) and all(type(c) is int for c in x._terms.values())
    assert n != np.int64(3) and np.int64(3) != n
    assert evaluate(n**3, {"n": cast(int, np.int32(10_000))}) == 10**12


@pytest.mark.parametrize("wrong", [lambda: n + "x", lambda: n - None, lambda: n // "n", lambda: n**h, lambda: n < "n"])
def test_other_types_are_refused(wrong):
    with pytest.raises(TypeError):
        wrong()


def test_others_may_take_over():
    class Other:
        def __radd__(self, _):
            return "taken"

        __rsub__ = __rmul__ = __rfloordiv__ = __rmod__ = __gt__ = __radd__

    for f in (operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod, operator.lt):
        assert f(n, Other()) == "taken"


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda: (n * h + 1) // h, "the size n·h + 1 is not divisible by h"),
        (lambda: 12 // n, "the size 12 is not divisible by n"),
        (lambda: divide_exactly(n, 2), "the size n is not divisible by 2"),
        (lambda: divide_exactly(7, 2), "the size 7 is not divisible by 2"),
        (lambda: divide_exactly(n, 0), "cannot divide the size n by 0"),
        (lambda: n // 0, "cannot divide the size n by 0"),
        (lambda: n % 0, "cannot divide the size n by 0"),
        (lambda: n // (h - h), "cannot divide the size n by 0"),
        (lambda: (n + 1) ** -1, "a size has no negative powers: (n + 1) ** -1"),
        (lambda: evaluate(n * h, {"n": 3}), "the size n·h needs a value for h; given: n = 3"),
        (lambda: evaluate(n // 2, {}), "the size ⌊n/2⌋ needs a value for n; given: no sizes"),
        (lambda: evaluate(n, {"n": cast(int, 2.5)}), "the size n has to be an integer, not 2.5"),
    ],
)
def test_errors_name_the_sizes(wrong, text: str):
    with pytest.raises(ShapeError) as error:
        wrong()
    assert str(error.value) == text


@pytest.mark.parametrize("use", [int, operator.index, range, float, "abc".__getitem__, lambda x: np.zeros((x, 2))])
def test_a_symbolic_size_is_no_integer(use):
    with pytest.raises(ShapeError, match="the size n - 1 is symbolic: it is an integer only once arrays are given"):
        use(n - 1)


def test_sizes_cannot_be_changed():
    for name in ("symbols", "anything"):
        with pytest.raises(AttributeError):
            setattr(n, name, 1)


@pytest.mark.parametrize(
    ("p", "text", "code", "tex"),
    [
        (3, "3", "3", "3"),
        (2 * n * h + 3, "2·n·h + 3", "2*n*h + 3", "2nh + 3"),
        (n - 1, "n - 1", "n - 1", "n - 1"),
        (1 - n, "1 - n", "1 - n", "1 - n"),
        (n - h, "n - h", "n - h", "n - h"),
        (-n, "-n", "-n", "-n"),
        (-2 * n - 1, "-2·n - 1", "-2*n - 1", "-2n - 1"),
        (n**2 + n + h**12, "h¹² + n² + n", "h**12 + n**2 + n", "h^{12} + n^{2} + n"),
        (h + d + n * d, "n·d + d + h", "n*d + d + h", "nd + d + h"),
        ((H - 1) // 2, "⌊(H - 1)/2⌋", "(H - 1)//2", r"\left\lfloor \frac{H - 1}{2} \right\rfloor"),
        ((H + 1) // 2, "⌊(H + 1)/2⌋", "(H + 1)//2", r"\left\lfloor \frac{H + 1}{2} \right\rfloor"),
        (H // 2 - 1, "⌊H/2⌋ - 1", "H//2 - 1", r"\left\lfloor \frac{H}{2} \right\rfloor - 1"),
        (H // 2 + 1, "⌊H/2⌋ + 1", "H//2 + 1", r"\left\lfloor \frac{H}{2} \right\rfloor + 1"),
        (n * h // 4, "⌊n·h/4⌋", "n*h//4", r"\left\lfloor \frac{nh}{4} \right\rfloor"),
        (n * (H // 2), "n·⌊H/2⌋", "n*(H//2)", r"n\left\lfloor \frac{H}{2} \right\rfloor"),
        (n - H // 2, "n - ⌊H/2⌋", "n - H//2", r"n - \left\lfloor \frac{H}{2} \right\rfloor"),
        (-(H // 2), "-⌊H/2⌋", "-(H//2)", r"-\left\lfloor \frac{H}{2} \right\rfloor"),
        ((H // 2) ** 2, "⌊H/2⌋²", "(H//2)**2", r"\left\lfloor \frac{H}{2} \right\rfloor^{2}"),
        (2 * symbol("hid") * n, "2·n·hid", "2*n*hid", r"2\,n\,\mathrm{hid}"),
        (symbol("h1") * symbol("d_in"), "d_in·h1", "d_in*h1", r"\mathrm{d\_in}\,h_{1}"),
    ],
)
def test_printing(p: Size, text: str, code: str, tex: str):
    assert (str(p), python(p), latex(p)) == (text, code, tex)


def test_printing_of_the_rest():
    assert repr(n - 1) == "Dim(n - 1)" and f"{n - 1:>7}" == "  n - 1"
    assert [shape_text(s) for s in [(), (n,), (n, d), (3, n + 1)]] == ["()", "(n,)", "(n, d)", "(3, n + 1)"]


def test_examples():
    assert doctest.testmod(dims).failed == 0
