"""Sizes as products: what is written multiplies out to the size, and the products that costs are made of are found."""

from __future__ import annotations

import time
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.graph.dims import Dim, Size, evaluate, symbol, total
from chainrule.graph.factors import factored, factors

SYMBOLS: list[Any] = [symbol(name) for name in "NCFHWKabmndh"]
N, C, F, H, W, K, a, b, m, n, d, h = SYMBOLS

linear = st.builds(
    lambda k, u, v, c: k * symbol(u) + c * symbol(v) + c - 1,
    st.integers(1, 3), st.sampled_from("ndh"), st.sampled_from("ndh"), st.integers(-3, 3),
)  # fmt: skip
others = st.one_of(st.integers(-3, 3).filter(bool), st.sampled_from([n, d, h, (n - 1) // 2]))
products = st.lists(st.one_of(linear, others), min_size=1, max_size=4)
sums = st.builds(lambda p, q: total(p) + total(q), products, products)
points = st.fixed_dictionaries({name: st.integers(-9, 9) for name in "ndh"})


def as_python(text: str) -> str:
    for k, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹"):
        text = text.replace(sign, f"**{k}")
    return text.replace("·", "*").replace("⌊", "(").replace("⌋", ")").replace("/", "//")


@given(st.one_of(products.map(total), sums), points)
def test_what_is_written_is_the_size(p: Size, at: dict[str, int]):
    assert eval(as_python(factored(p)), {}, at) == evaluate(p, at)


@given(st.one_of(products.map(total), sums))
def test_factors_multiply_to_the_size(p: Size):
    if isinstance(p, Dim):
        common, found = factors(p)
        assert common * total(found) == p
        assert not isinstance(common, Dim) or len(common._terms) == 1
        assert all(len(s._terms) > 1 for s in found)


@given(st.lists(st.sampled_from([H - 2, W - 2, 9 * C + 1, n - 1, d + h, H - a + 1]), min_size=1, unique=True))
def test_sums_in_their_own_symbols_are_all_found(parts: list[Dim]):
    common, found = factors(6 * N * total(parts))
    assert common == 6 * N and sorted(map(str, found)) == sorted(map(str, parts))


FACTORED = [
    (2 * n * h * d + n * h, "n·h·(2·d + 1)"),
    (4 * n * n + 2 * n, "2·n·(2·n + 1)"),
    (-n - 1, "-(n + 1)"),
    (-2 * n - 2, "-2·(n + 1)"),
    (6 * n * h, "6·n·h"),
    (n + 1, "n + 1"),
    (n * ((H - 1) // 2), "n·⌊(H - 1)/2⌋"),
    (12, "12"),
    # convolutions
    (9 * C * F * N * (H - 2) * (W - 2), "9·N·C·F·(H - 2)·(W - 2)"),
    (N * F * (9 * C - 1) * (H - 2) * (W - 2), "N·F·(9·C - 1)·(H - 2)·(W - 2)"),
    (9 * N * (H - 2) ** 2, "9·N·(H - 2)²"),
    (15 * N * (H - 2) * (H - 4), "15·N·(H - 2)·(H - 4)"),
    (N * a * a * (H - a + 1) * (W - a + 1), "N·a²·(H - a + 1)·(W - a + 1)"),
    (N * a * a * (H - a + 1) ** 2, "N·a²·(H - a + 1)²"),
    (N * ((H - 3) // 2 + 1) * ((W - 3) // 2 + 1), "N·⌊(H - 1)/2⌋·⌊(W - 1)/2⌋"),
    ((2 * H - 3) * (W - 2), "(2·H - 3)·(W - 2)"),
    ((n * h + 1) * (d + m), "(d + m)·(n·h + 1)"),
    # sums of such
    (N * F * (9 * C + 1) * (H - 2) * (W - 2) - 1, "N·F·(9·C + 1)·(H - 2)·(W - 2) - 1"),
    (N * C * (9 * F * (H - 2) * (W - 2) - H * W), "N·C·(9·F·(H - 2)·(W - 2) - H·W)"),
    (18 * N * F * (H - 2) * (W - 2) - F * (9 * C + 1), "F·(18·N·(H - 2)·(W - 2) - (9·C + 1))"),
    # no products of sums: as they were
    (h * m + n * h - h + m - 1, "h·m + n·h - h + m - 1"),
    (3 * h * m + 2 * n * h + 2 * h + 2 * m, "3·h·m + 2·n·h + 2·h + 2·m"),
    (n * n + n + 1, "n² + n + 1"),
]


@pytest.mark.parametrize(("p", "text"), FACTORED, ids=[text for _, text in FACTORED])
def test_factoring(p: Size, text: str):
    assert factored(p) == text


def test_latex():
    assert factored(9 * N * C * (H - 2) ** 2 * (W - 2), in_latex=True) == "9NC(H - 2)^{2}(W - 2)"
    assert factored(symbol("hid") * (n - 1), in_latex=True) == r"\mathrm{hid}\,(n - 1)"


def test_many_terms_take_no_time():
    names = [symbol(f"d{k}") for k in range(30)]
    dense = sum(x * y for x, y in combinations(names, 2)) + sum(x * x for x in names)
    chain = n * sum(x * y for x, y in pairwise(names)) + sum(names) - 1
    for p in (dense, chain, chain * (n - 2)):
        start = time.perf_counter()
        factored(p)
        assert time.perf_counter() - start < 0.5
