"""Viterbi's recursion, Markov chains and their mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from decoding import History, chain

from chainrule import InputError, NamingError
from chainrule.decode import (
    Function,
    MarkovChain,
    NoSequence,
    NotMarkov,
    TooMany,
    after,
    exhaustive,
    k_best,
    log_likelihood,
    viterbi,
)
from chainrule.decode.max_plus import LARGE, LONG, PATIENCE, MaxPlus
from chainrule.decode.search import TrellisSearch


def textbook(model: MarkovChain, length: int):
    """δ and a in loops."""
    n = len(model.vocabulary)
    delta, pointers = [model.log_first.copy()], []
    for t in range(2, length + 1):
        step, now, back = model.log_step(t), np.empty(n), np.empty(n, int)
        for j in range(n):
            sums = [delta[-1][i] + step[i, j] for i in range(n)]
            back[j] = int(np.argmax(sums))
            now[j] = sums[back[j]]
        delta.append(now)
        pointers.append(back)
    return np.array(delta), np.array(pointers).reshape(length - 1, n)


@pytest.mark.parametrize(
    "n, length, steps, sparse", [(7, 5, None, 0.0), (5, 6, 6, 0.4), (3, 1, None, 0.0), (1, 4, None, 0)]
)
def test_delta_and_pointers_are_those_of_the_textbook(n, length, steps, sparse):
    model = chain(n, 3, sparse, steps)
    found = viterbi(model, length)
    delta, pointers = textbook(model, length)
    assert isinstance(found.search, TrellisSearch)
    np.testing.assert_array_equal(found.search.delta, delta)
    np.testing.assert_array_equal(found.search.back_pointers, pointers)
    assert found.log_likelihood == delta[-1].max()
    path = [int(delta[-1].argmax())]
    for back in pointers[::-1]:
        path.insert(0, int(back[path[0]]))
    assert found.words == tuple(path)
    np.testing.assert_array_equal(found.search.paths[0], path)


@pytest.mark.parametrize("n, length", [(399, 6), (701, 6), (LARGE, LONG)])
def test_blocks_change_nothing(n, length):
    model = chain(n, 1, 0.2)
    found = viterbi(model, length)
    d = model.log_first
    for t in range(1, length):
        d = (d[:, None] + model.log_P).max(axis=0)
        np.testing.assert_array_equal(found.search.delta[t], d)


@pytest.mark.parametrize("spread, given_up", [(0.1, False), (0.5, False), (1000.0, True)])
def test_the_likeliest_predecessors_settle_what_they_can_and_no_more(spread, given_up):
    """Any d, not only those of a recursion: with a large spread the likeliest predecessors decide nothing."""
    dice = np.random.default_rng(4)
    model = chain(LARGE, 2, 0.1)
    largest, out = MaxPlus(model.trellis(LONG)), np.empty(LARGE)
    assert largest.likeliest is not None
    for _ in range(PATIENCE):
        d = spread * dice.normal(size=LARGE)
        d[dice.random(LARGE) < 0.1] = -np.inf
        largest(d, 2, out)
        np.testing.assert_array_equal(out, (d[:, None] + model.log_P).max(axis=0))
    assert (largest.likeliest is None) == given_up
    largest(np.full(LARGE, -np.inf), 2, out)
    assert (out == -np.inf).all()


def test_a_tie_that_rounding_makes_is_a_tie_like_others():
    """0 0 0 1 and 1 0 0 1: their beginnings are not equally likely, and in floats they are in the end."""
    model = MarkovChain([[0.6, 0.4], [0.9, 0.1]])
    assert viterbi(model, 4, end=1).words == exhaustive(model, 4, end=1).words == k_best(model, 4, 1, end=1)[0].words


def test_a_word_to_end_in():
    model = chain(4, 11)
    for end in range(4):
        expected = next(s for s in exhaustive(model, 4).search.best(256) if s.words[-1] == end)
        found = viterbi(model, 4, end=end)
        assert (found.words, found.log_likelihood) == (expected.words, expected.log_likelihood)
        assert exhaustive(model, 4, end=end).words == expected.words


def test_the_likelihood_of_given_words():
    model = chain(4, 3, 0.3)
    for s in exhaustive(model, 3).search.best(99):
        assert log_likelihood(model, s.words) == s.log_likelihood
    found = {s.words for s in exhaustive(model, 3).search.best(99)}
    assert log_likelihood(model, next(w for w in np.ndindex(4, 4, 4) if w not in found)) == -np.inf
    assert log_likelihood(model, []) == 0.0


def test_an_end_that_cannot_be_reached():
    P = [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    model = MarkovChain(P, words=["rain", "sun", "snow"], start="rain")
    with pytest.raises(NoSequence, match=r"of length 5 .* ends in 'snow'; w_5 can be 'rain', 'sun'"):
        viterbi(model, 5, end="snow")
    with pytest.raises(NoSequence, match="ends in 'snow'"):
        exhaustive(model, 5, end="snow")
    with pytest.raises(NamingError, match="'fog' is not in the vocabulary"):
        viterbi(model, 5, end="fog")


def test_extensions_are_those_that_can_be():
    model = MarkovChain([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert viterbi(model, 3).extensions == 2 + 3 + 3
    assert viterbi(MarkovChain(np.exp([model.log_P] * 3)), 3).extensions == 8


def test_counts_with_an_end_are_those_of_an_exhaustive_search_of_states():
    model = MarkovChain([[0.5, 0.5], [0.4, 0.6]])
    assert viterbi(model, 4, eos=1).extensions == exhaustive(model, 4, eos=1).extensions == 8
    early = Function(lambda p: np.log(np.full((len(p), 2), [0.5, 0.5])), ["e", "x"])
    assert exhaustive(early, 3, eos="e").calls == 3


def test_a_chain_of_large_spread_stays_finite():
    model = MarkovChain([[1 - 1e-300, 1e-300], [1e-300, 1 - 1e-300]])
    assert viterbi(model, 2000).log_likelihood == 0.0
    assert viterbi(model, 2000, end=1).log_likelihood == pytest.approx(np.log(1e-300))


def test_varying_in_time():
    P = np.stack([[[0.1, 0.9], [0.5, 0.5]], [[0.8, 0.2], [0.3, 0.7]], [[0.4, 0.6], [0.9, 0.1]]])
    found = viterbi(MarkovChain(P, start=0), 3)
    assert found.words == (1, 1, 0) and found.log_likelihood == pytest.approx(np.log(0.9 * 0.7 * 0.9))
    begun = MarkovChain(P, initial=[0.25, 0.75])
    assert viterbi(begun, 4).log_likelihood == pytest.approx(exhaustive(begun, 4).log_likelihood)
    assert begun.longest == 4 and MarkovChain(P).longest == 3
    with pytest.raises(InputError, match=r"P of shape \(3, 2, 2\) leads no further than w_3, and the length is 4"):
        viterbi(MarkovChain(P), 4)
    with pytest.raises(InputError, match="no further than w_3"):
        exhaustive(MarkovChain(P), 4)


@pytest.mark.parametrize("given", [[1], [1, 0], [0, 0, 1]])
@pytest.mark.parametrize("varying", [None, 6])
def test_a_given_beginning(given, varying):
    model = chain(3, 5, 0.0, varying)
    rest = viterbi(after(model, given), 3)
    everything = exhaustive(model, len(given) + 3).search.best(3**6)
    best = next(s for s in everything if s.words[: len(given)] == tuple(given))
    assert rest.words == best.words[len(given) :]


def test_a_beginning_that_cannot_be():
    model = MarkovChain([[0.0, 1.0], [1.0, 0.0]], words="ab")
    with pytest.raises(NoSequence, match="probability 0 in a Markov chain"):
        after(model, "aa")


def test_others_than_markov_models_are_refused_with_what_can_serve():
    with pytest.raises(NotMarkov) as why:
        viterbi(Function(lambda p: np.log(np.full((len(p), 3), 1 / 3)), "abc"), 4)
    text = str(why.value)
    assert "p(w_t | w_0..t-1) depends on w_{t-1} alone" in text and "a function of the prefix" in text
    assert "beam_search(model, 4, width)" in text and "3^4 = 81 sequences" in text
    with pytest.raises(NotMarkov, match="a made model answers for whole prefixes"):
        viterbi(History(2, 0), 60)


def test_the_guard_says_the_number_first():
    calls = []
    model = Function(lambda p: calls.append(1) or np.log(np.full((len(p), 3), 1 / 3)), "abc")
    with pytest.raises(TooMany, match=r"would score 3\^15 = 14,348,907 sequences, and the limit is 10,000,000"):
        exhaustive(model, 15)
    with pytest.raises(TooMany, match=r"3\^80 = about 10\^38 sequences"):
        exhaustive(model, 80)
    with pytest.raises(TooMany, match="limit is 26"):
        exhaustive(model, 3, limit=26)
    assert not calls and exhaustive(model, 3, limit=27).log_likelihood == pytest.approx(3 * np.log(1 / 3))


@pytest.mark.parametrize("P, more, part", [
    ([[0.5, 0.4], [0.5, 0.5]], {}, "row 0 of P sums to 0.9, 0.1 below 1"),
    ([[0.5, 0.5], [0.7, 0.5]], {}, "row 1 of P sums to 1.2, 0.2 above 1"),
    ([[0.5, 0.4], [0.7, 0.5]], {}, "row 1 of P .*; so does 1 more"),
    ([[0.5, 0.5], [0.7, 0.5]], dict(words=["rain", "sun"]), r"row 1 \('sun'\) of P sums to"),
    ([[[1, 0], [0, 1]], [[1, 0], [0.25, 0.5]]], {}, r"row 1 of P\[1\] sums to 0.75"),
    ([[1.5, -0.5], [0.5, 0.5]], {}, "row 0 of P has -0.5 at position 1"),
    ([[1e308, 1e308], [0, 1]], {}, "row 0 of P sums to inf"),
    ([[float("nan"), 1.0], [0.5, 0.5]], {}, r"P\[0, 0\] is nan"),
    ([[0.5, 0.5], [0.5, float("inf")]], {}, r"P\[1, 1\] is inf"),
    ([[0.5, 0.5]], {}, r"must have shape \(N, N\)"),
    ([0.5, 0.5], {}, r"must have shape \(N, N\)"),
    ([], {}, r"must have shape \(N, N\)"),
    ([[0.5, 0.5], [1.0]], {}, "must be an array of numbers, with rows of one length"),
    ([["a", "b"], ["c", "d"]], {}, "must be an array of numbers"),
    (np.eye(2), dict(words=["a"]), "there are 1 words, and P of shape"),
    (np.eye(2), dict(words=["a", "a"]), "the word 'a' comes twice"),
    (np.eye(2), dict(initial=[0.5, 0.6]), "initial sums to 1.1"),
    (np.eye(2), dict(initial=[1.0]), r"initial must have shape \(2,\)"),
])  # fmt: skip
def test_matrices_that_are_none(P, more, part):
    with pytest.raises(InputError, match=part):
        MarkovChain(P, **more)


def test_a_start_that_is_no_word():
    with pytest.raises(NamingError, match="7 is not in the vocabulary of 2 words, the numbers 0 to 1"):
        MarkovChain(np.eye(2), start=7)
    with pytest.raises(NamingError, match="'rian' is not in the vocabulary of 2 words; did you mean `rain`"):
        MarkovChain(np.eye(2), start="rian", words=["rain", "sun"])
    assert MarkovChain(np.eye(2), words=["rain", "sun"]).start == "rain" and MarkovChain(np.eye(2)).start == 0
    with pytest.raises(NamingError):
        MarkovChain(np.eye(2), start=np.array([1, 2]))
    with pytest.raises(InputError, match="a chain begins in one way"):
        MarkovChain(np.eye(2), start=0, initial=[1.0, 0.0])


def test_rows_of_float32_are_accepted():
    P = np.random.default_rng(0).dirichlet(np.ones(50), 50).astype(np.float32)
    assert viterbi(MarkovChain(P), 3).log_likelihood < 0


@pytest.mark.parametrize("length", [0, -1, 2.0, True, None, "3"])
def test_lengths_that_are_none(length):
    for decode in (viterbi, exhaustive):
        with pytest.raises(InputError, match="length must be a whole number of at least 1"):
            decode(chain(2, 0), length)
