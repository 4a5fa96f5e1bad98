"""The k likeliest paths, in order, against every sequence there is."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from decoding import History, chain, everything
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.decode.backwards import _least
from chainrule.decode.chain import MarkovChain, Trellis
from chainrule.decode.errors import NoSequence, NotMarkov
from chainrule.decode.exhaustive import exhaustive
from chainrule.decode.hmm import HMM
from chainrule.decode.k_best import k_best
from chainrule.decode.search import TrellisSearch
from chainrule.decode.viterbi import viterbi
from chainrule.decode.vocabulary import Vocabulary
from chainrule.graph.errors import InputError, NamingError

SEEDS = st.integers(0, 10**6)
SPARSE = st.sampled_from([0.0, 0.3, 0.6])
few = settings(deadline=None, max_examples=200)


def pairs(found) -> list[tuple[float, tuple[int, ...]]]:
    return [(s.log_likelihood, s.words) for s in found]


class Given:
    """A Markov model that is a trellis."""

    noun = "a trellis"

    def __init__(self, trellis: Trellis):
        self.vocabulary, self._trellis = trellis.vocabulary, trellis

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[Any, Any]:
        raise NotImplementedError

    def trellis(self, length: int) -> Trellis:
        return self._trellis


def every_path(trellis: Trellis) -> list[tuple[float, tuple[int, ...]]]:
    """All paths of positive probability, added up from the left, in the order of ties."""
    found = []
    for path in product(range(len(trellis.vocabulary)), repeat=trellis.length):
        total = 0.0
        for t, word in enumerate(path, 1):
            total += trellis.first[word] if t == 1 else trellis.step(t)[path[t - 2], word]
            if trellis.local is not None:
                total += trellis.local[t - 1, word]
        if total > -np.inf:
            found.append((float(total), path))
    return sorted(found, key=lambda f: (-f[0], f[1][::-1]))


@few
@given(
    st.integers(1, 4), st.integers(1, 5), st.integers(1, 30), SEEDS, SPARSE, st.booleans(), st.integers(0, 3),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_it_is_the_head_of_all_sequences_ties_included(n, length, k, seed, sparse, varying, levels, ends, fixed):
    """Few levels of probability make many ties: those of equal sums, and those that rounding makes."""
    model = chain(n, seed, sparse, length if varying else None, levels)
    eos, end = n - 1 if ends else None, 0 if fixed else None
    expected = everything(model, length, eos)
    if fixed:
        expected = [f for f in expected if (*f[1], *[eos] * length)[length - 1] == end]
    if not expected:
        with pytest.raises(NoSequence):
            k_best(model, length, k, eos=eos, end=end)
        return
    found = k_best(model, length, k, eos=eos, end=end)
    assert pairs(found) == expected[:k]
    assert pairs(found) == pairs(exhaustive(model, length, eos=eos, end=end).search.best(k))
    assert [s.finished for s in found] == [ends and s.words[-1] == eos for s in found]


@few
@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 30), SEEDS, SPARSE, st.booleans())
def test_scores_of_any_size_and_scores_of_words_by_themselves(n, length, k, seed, sparse, varying):
    """Trellises of whole numbers and tenths of very different sizes, where sums are rounded and meet."""
    dice = np.random.default_rng(seed)

    def scores(*shape: int) -> np.ndarray:
        drawn = -dice.integers(0, 4, shape) * dice.choice([0.1, 0.3, 1.0, 1e-16, 1e16], shape)
        return np.where(dice.random(shape) < sparse, -np.inf, drawn)

    trellis = Trellis(
        Vocabulary(range(n)), length, scores(n), scores(length - 1, n, n) if varying else scores(n, n),
        scores(length, n) if seed % 2 else None,
    )  # fmt: skip
    expected = every_path(trellis)
    if not expected:
        with pytest.raises(NoSequence):
            k_best(Given(trellis), length, k)
        return
    assert pairs(k_best(Given(trellis), length, k)) == expected[:k]


def test_uniform_probabilities_are_all_tied():
    found = k_best(MarkovChain(np.full((3, 3), 1 / 3)), 4, 11)
    assert [s.words[::-1] for s in found] == list(product(range(3), repeat=4))[:11]
    assert len({s.log_likelihood for s in found}) == 1


def test_prefixes_that_are_tied_only_once_rounded():
    """log 0.4 + log 0.9 > 2 log 0.6 as floats, and with log 0.6 added twice they are equal: 0 0 0 0 goes first."""
    model = MarkovChain([[0.6, 0.4], [0.9, 0.1]], start=0)
    found = k_best(model, 4, 3)
    assert pairs(found) == pairs(exhaustive(model, 4).search.best(3))
    if found[1].log_likelihood == found[2].log_likelihood:  # as NumPy's logarithm is here
        assert [s.words for s in found] == [(1, 0, 1, 0), (0, 0, 0, 0), (1, 0, 0, 0)]


@settings(deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(-1e3, 0), st.sampled_from([1.0, 1e-9, 1e-300, 1e200]))
def test_the_least_float_that_reaches_a_bound(bound: float, added: float, scale: float):
    bound, added = bound * scale, added * scale
    x = _least(np.array([[bound]]), np.array([added]))[0, 0]
    assert x + added >= bound and np.nextafter(x, -np.inf) + added < bound


@pytest.mark.parametrize("n, length, k", [(7, 90, 3), (40, 12, 17), (3, 300, 25), (70, 5, 200)])
def test_larger_ones_are_in_order_distinct_and_begin_with_viterbis(n: int, length: int, k: int):
    model = chain(n, n + k, sparse=0.2)
    found = k_best(model, length, k)
    assert len(found) == k == len({s.words for s in found})
    assert found[0].words == viterbi(model, length).words
    totals = [s.log_likelihood for s in found]
    assert all(a >= b for a, b in pairwise(totals))
    for s in found:
        numbers = np.array([0, *s.words])
        assert s.log_likelihood == pytest.approx(model.log_P[numbers[:-1], numbers[1:]].sum(), rel=1e-12)
    assert pairs(k_best(model, length, k + 5))[:k] == pairs(found)


def test_the_hidden_states_behind_words():
    hmm = HMM([0.6, 0.4], [[0.7, 0.3], [0.4, 0.6]], [[0.1, 0.4, 0.5], [0.6, 0.3, 0.1]])
    path = hmm.given([0, 1, 2, 0])
    found = k_best(path, 4, 50)
    assert pairs(found) == every_path(path.trellis(4)) and len(found) == 16
    assert np.exp([s.log_likelihood for s in found]).sum() == pytest.approx(np.exp(hmm.log_likelihood([0, 1, 2, 0])))
    with pytest.raises(InputError, match="eos ends words"):
        k_best(path, 4, 2, eos=1)


def test_all_share_one_search():
    model = MarkovChain([[0.5, 0.5, 0], [0, 0.4, 0.6], [0.3, 0, 0.7]], words="abc")
    found = k_best(model, 3, 4)
    search = found[0].search
    assert isinstance(search, TrellisSearch) and all(s.search is search for s in found)
    assert search.decoder == "k-best" and search.exact and search.bound == found[0].log_likelihood and search.calls == 3
    assert [model.vocabulary.words(p) for p in search.paths] == [s.words for s in found]
    for t in range(1, 4):  # δ_t(j) is what the k best prefixes of t words that end in j have
        totals = everything(model, t)
        for j in range(3):
            best = [total for total, words in totals if words[-1] == j][:4]
            assert search.delta[t - 1, j].tolist() == best + [-np.inf] * (4 - len(best))
    # w_2 extends a and b, each in one way; to w_3: a has 1 prefix, b 2, c 1, and each can be followed by 2
    assert search.extensions == 2 + 4 + 8
    np.testing.assert_array_equal(search.back_pointers, viterbi(model, 3).search.back_pointers)


@few
@given(st.integers(2, 4), st.integers(1, 5), SEEDS, SPARSE, st.booleans())
def test_with_all_kept_as_many_extensions_are_scored_as_there_are_prefixes_and_words(n, length, seed, sparse, varying):
    """None of them goes on from eos."""
    model = chain(n, seed, sparse, length if varying else None)
    for eos in (None, n - 1):
        every = exhaustive(model, length, eos=eos)
        assert k_best(model, length, 10**4, eos=eos)[0].extensions == every.extensions


def test_more_than_there_are():
    model = MarkovChain([[0.5, 0.5], [0.0, 1.0]])
    assert pairs(k_best(model, 2, 10**9)) == everything(model, 2)
    assert [s.words for s in k_best(model, 2, 9, end=1)] == [(1, 1), (0, 1)]


def test_what_cannot_be_asked():
    model = MarkovChain([[0.5, 0.5], [0.0, 1.0]], words=["dry", "wet"])
    for k in (0, -1, 1.5, True, None):
        with pytest.raises(InputError, match="k must be a whole number of at least 1"):
            k_best(model, 3, k)  # type: ignore
    with pytest.raises(InputError, match="length must be a whole number"):
        k_best(model, 0, 3)
    with pytest.raises(NamingError, match="'damp' is not in the vocabulary"):
        k_best(model, 3, 2, end="damp")
    with pytest.raises(NoSequence, match="ends in 'dry'"):
        k_best(MarkovChain([[0, 1], [0, 1]], words=["dry", "wet"]), 3, 2, end="dry")
    with pytest.raises(NotMarkov, match="k_best needs a model"):
        k_best(History(3, 1), 3, 2)
    with pytest.raises(InputError, match="a smaller k"):
        k_best(model, 64, 10**14)
