"""Selection: the best extensions without sorting them all, ties and mistakes; vocabularies."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import InputError, NamingError
from chainrule.decode import MarkovChain, Vocabulary, beam_search, exhaustive, greedy, viterbi
from chainrule.decode.model import ask, select
from chainrule.decode.selection import CHUNK, best_extensions, in_order, kth_largest, tie_ranks


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


class Given:
    """A model that answers what it is given."""

    noun = "a made model"

    def __init__(self, answer, words):
        self.answer, self.vocabulary = answer, Vocabulary(words)

    def log_probs(self, prefixes, state):
        return self.answer, None


@pytest.mark.parametrize("value, shown", [(np.nan, "nan"), (np.inf, "inf"), (0.2, "0.2: a probability of 1.22")])
@pytest.mark.parametrize("column", [0, CHUNK - 1, CHUNK, 2 * CHUNK + 3])
def test_scores_that_are_none_are_named(value, shown, column):
    scores = np.full((3, 2 * CHUNK + 7), -1.0)
    scores[1, column] = value
    with pytest.raises(InputError, match=f'a made model gave {column} after "7 {column}": .* it is {shown}$'):
        ask(Given(scores, range(scores.shape[1])), np.array([[1, 2], [7, column], [0, 0]]), None)


def test_what_rounding_put_above_one_becomes_one():
    """Then each further word can only cost, on which the proofs rest."""
    scores, _ = ask(Given(np.array([[3e-7, -20.0]], np.float32), "ab"), np.zeros((1, 0), int), None)
    assert scores.tolist() == [[0.0, -20.0]]
    chain = MarkovChain([[1, 0], [0, 1.0000009]], initial=[0.5000002, 0.5])
    assert chain.log_P.max() == 0.0 and greedy(chain, 3).words == exhaustive(chain, 3).words == (0, 0, 0)
    sure = MarkovChain([[0, 1.0000009, 0], [0, 1.0000009, 0], [0, 0, 1]], initial=[0, 0.5, 0.5000002])
    assert beam_search(sure, 5, 1, eos=2)[0].words == viterbi(sure, 5, eos=2).words


@pytest.mark.parametrize("answer, part", [
    (np.ma.masked_array([[-1.0, -2.0]], mask=[[True, False]]), "a masked array hides"),
    ([[-1.0], [-1.0, -2.0]], "must be an array, with rows of one length"),
    ([["a", "b"]], "real numbers are needed"),
])  # fmt: skip
def test_answers_that_are_none(answer, part):
    with pytest.raises(InputError, match=part):
        ask(Given(answer, "ab"), np.zeros((1, 0), int), None)


@pytest.mark.parametrize("kind", [np.float16, np.int64, jnp.bfloat16])
def test_other_kinds_of_numbers(kind):
    scores, _ = ask(Given(jnp.array([[0, -2]], kind) if kind is jnp.bfloat16 else np.array([[0, -2]], kind), "ab"),
                    np.zeros((1, 0), int), None)  # fmt: skip
    assert scores.tolist() == [[0.0, -2.0]] and scores.dtype in (np.float32, np.float64)


def test_all_ties_are_selected_and_not_sorted():
    found = best_extensions(np.full((3, 5000), -1.0), np.zeros(3), np.array([2, 0, 1]), 4)
    assert list(zip(found.columns, found.rows)) == [(0, 1), (0, 2), (0, 0), (1, 1)] and found.rest == -1.0


def test_the_order_of_ties():
    totals, words, ranks = np.array([-1.0, -2.0, -1.0, -1.0]), np.array([2, 0, 1, 1]), np.array([0, 1, 3, 2])
    assert in_order(totals, words, ranks, 3).tolist() == [3, 2, 0]
    assert tie_ranks(np.array([2, 0, 2, 1]), np.array([3, 1, 0, 2])).tolist() == [3, 0, 2, 1]


@settings(deadline=None)
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
    with pytest.raises(NamingError, match="'cat' is one text"):
        Vocabulary(["the", "a", "cat"]).numbers("cat")
    with pytest.raises(NamingError, match="3 is not in the vocabulary of 5 words, the numbers 5 to 9"):
        Vocabulary(range(5, 10)).number(3)
    for words in ([["a"]], 5):
        with pytest.raises(InputError, match="hashable words"):
            Vocabulary(words)
    with pytest.raises(InputError, match=r"a list of words is needed, such as .*, and not None"):
        v.numbers(None)
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
    assert select(object(), {"n": 3, "name": "x"}, rows) == {"n": 3, "name": "x"}
    with pytest.raises(InputError, match="a part of the model's state, a set, has no row"):
        select(object(), ({1, 2},), rows)
    with pytest.raises(InputError, match="a part of the model's state, a ndarray, has no row"):
        select(object(), keep, np.array([2]))
