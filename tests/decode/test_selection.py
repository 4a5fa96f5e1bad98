"""Selection: the best extensions without sorting them all, ties and mistakes; vocabularies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import InputError, NamingError
from chainrule.decode import Vocabulary
from chainrule.decode.model import select
from chainrule.decode.selection import CHUNK, BadScore, best_extensions, in_order, kth_largest, tie_ranks


@settings(deadline=None, max_examples=80)
@given(
    st.integers(1, 5), st.sampled_from([1, 2, 7, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5]),
    st.integers(1, 40), st.integers(0, 10**6),
    st.sampled_from([0, 2, 30]), st.sampled_from([0.0, 0.5, 0.99]), st.sampled_from(["f4", "f8"]),
)  # fmt: skip
def test_the_best_are_those_of_a_sort(b, n, k, seed, levels, impossible, kind):
    dice = np.random.default_rng(seed)
    scores = -(dice.integers(0, levels, (b, n)).astype(float) if levels else dice.exponential(size=(b, n)))
    scores[dice.random((b, n)) < impossible] = -np.inf
    scores = scores.astype(kind)
    totals, ranks = -dice.integers(0, 3, b).astype(float), dice.permutation(b)
    every = sorted(
        (-(float(scores[r, c]) + totals[r]), c, ranks[r], r)
        for r in range(b) for c in range(n) if scores[r, c] > -np.inf
    )  # fmt: skip
    found = best_extensions(scores, totals, ranks, k)
    assert list(zip(found.totals, found.columns, found.rows)) == [(-x, c, r) for x, c, _, r in every[:k]]
    assert found.rest == (-every[k][0] if len(every) > k else -np.inf)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.2])
@pytest.mark.parametrize("column", [0, CHUNK - 1, CHUNK, 2 * CHUNK + 3])
def test_scores_that_are_none_are_found(value, column):
    scores = np.full((3, 2 * CHUNK + 7), -1.0)
    scores[1, column] = value
    with pytest.raises(BadScore) as why:
        best_extensions(scores, np.zeros(3), np.arange(3), 2)
    assert (why.value.row, why.value.column) == (1, column)


def test_a_sure_word_in_float32_may_lie_a_little_above():
    scores = np.array([[3e-7, -20.0]], np.float32)
    assert best_extensions(scores, np.zeros(1), np.zeros(1, int), 1).columns[0] == 0


def test_the_order_of_ties():
    totals, words, ranks = np.array([-1.0, -2.0, -1.0, -1.0]), np.array([2, 0, 1, 1]), np.array([0, 1, 3, 2])
    assert in_order(totals, words, ranks, 3).tolist() == [3, 2, 0]
    assert tie_ranks(np.array([2, 0, 2, 1]), np.array([3, 1, 0, 2])).tolist() == [3, 0, 2, 1]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=9), st.integers(1, 12))
def test_kth_largest(values, k):
    assert kth_largest(np.array(values, float), k) == sorted(values, reverse=True)[min(k, len(values)) - 1]


def test_vocabularies():
    v = Vocabulary("abc")
    assert list(v.numbers("cab")) == [2, 0, 1] and v.words([1, 1]) == ("b", "b") and "a" in v and ["a"] not in v
    assert v == Vocabulary(["a", "b", "c"]) and v != Vocabulary("acb") and hash(v) == hash(Vocabulary("abc"))
    with pytest.raises(NamingError, match="'the' is one text, and a list of words is needed, such as"):
        Vocabulary(["the", "red"]).numbers("the")
    with pytest.raises(NamingError, match="'rde' is not in the vocabulary of 2 words; did you mean `red`"):
        Vocabulary(["the", "red"]).number("rde")
    with pytest.raises(NamingError, match=r"\['the'\] is not in the vocabulary"):
        Vocabulary(["the", "red"]).number(["the"])
    with pytest.raises(InputError, match="at least one word"):
        Vocabulary([])
    assert repr(Vocabulary(range(1000))) == "Vocabulary of 1,000 words: 0, 1, 2, 3, 4, 5, …"


def test_states_are_selected_row_by_row():
    rows, keep = np.array([1, 1, 0]), np.array([10, 20])
    state = {"a": keep, "b": (keep, [keep.reshape(2, 1)]), "c": None}
    found = select(object(), state, rows)
    assert found["a"].tolist() == [20, 20, 10] and found["b"][1][0].tolist() == [[20], [20], [10]]
    assert found["c"] is None
    assert keep.tolist() == [10, 20]
