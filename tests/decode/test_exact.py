"""What each decoder is, proved by brute force: exact ones find the maximum, and a beam wide enough does."""

from __future__ import annotations

import numpy as np
import pytest
from decoding import Counting, History, chain, everything
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.decode import NoSequence, beam_search, exhaustive, greedy, viterbi

SEEDS = st.integers(0, 10**6)
SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4))
SPARSE = st.sampled_from([0.0, 0.3, 0.6])


@settings(deadline=None, max_examples=60)
@given(SIZES, SEEDS, SPARSE, st.booleans(), st.sampled_from([0, 2]), st.booleans())
def test_viterbi_beam_and_exhaustive_find_the_maximum_of_a_chain(sizes, seed, sparse, varying, levels, ends):
    n, length = sizes
    model = chain(n, seed, sparse, length if varying else None, levels)
    eos = n - 1 if ends else None
    expected = everything(model, length, eos)
    wide = beam_search(model, length, n ** (length - 1), eos=eos)
    all_of_them = exhaustive(model, length, eos=eos).search.best(len(expected) + 3)
    assert [(s.log_likelihood, s.words) for s in all_of_them] == expected
    assert [(s.log_likelihood, s.words) for s in wide] == expected[: n ** (length - 1)]
    assert wide[0].search.exact and wide[0].search.bound == expected[0][0]
    found = viterbi(model, length, eos=eos)
    assert (found.log_likelihood, found.words) == expected[0]
    assert found.finished == (eos is not None and found.words[-1] == eos)


@settings(deadline=None, max_examples=60)
@given(SIZES, SEEDS, SPARSE, st.integers(1, 5), st.booleans())
def test_beams_on_a_model_that_is_not_markov(sizes, seed, sparse, width, ends):
    n, length = sizes
    model, eos = History(n, seed, sparse), n - 1 if ends else None
    expected = everything(model, length, eos)
    if not expected:
        with pytest.raises(NoSequence):
            exhaustive(model, length, eos=eos)
        with pytest.raises(NoSequence):
            beam_search(model, length, n**length, eos=eos)
        return
    assert exhaustive(model, length, eos=eos).words == expected[0][1]
    wide = beam_search(model, length, n ** (length - 1), eos=eos)
    assert [(s.log_likelihood, s.words) for s in wide] == expected[: n ** (length - 1)]
    try:
        narrow = beam_search(model, length, width, eos=eos)
    except NoSequence:
        return
    assert narrow == sorted(narrow, key=lambda s: -s.log_likelihood) and len(narrow) <= width
    assert {(s.log_likelihood, s.words) for s in narrow} <= set(expected)
    search = narrow[0].search
    assert search.bound >= expected[0][0]
    assert not search.exact or narrow[0].log_likelihood == expected[0][0]


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 4), st.integers(1, 4), SEEDS, st.integers(1, 4))
def test_a_beam_by_the_book(n, length, seed, width):
    """Without eos: keep the best of all extensions, said in five lines."""
    model = History(n, seed)
    kept = [(0.0, ())]
    for _ in range(length):
        grown = [(-total - x, (w, *reversed(p)), (*p, w)) for total, p in kept for w, x in enumerate(model.row(p))]
        kept = [(-cost, prefix) for cost, _, prefix in sorted(grown)[:width]]
    found = beam_search(model, length, width)
    assert [s.words for s in found] == [p for _, p in kept]
    np.testing.assert_allclose([s.log_likelihood for s in found], [total for total, _ in kept], rtol=1e-12)
    assert greedy(model, length).words == beam_search(model, length, 1)[0].words


@pytest.mark.parametrize("decode", [
    lambda m: greedy(m, 4), lambda m: beam_search(m, 4, 3), lambda m: beam_search(m, 4, 5, eos=1),
    lambda m: beam_search(m, 4, 6, groups=3, eos=2), lambda m: exhaustive(m, 4), lambda m: exhaustive(m, 4, eos=0),
])  # fmt: skip
def test_states_go_with_their_prefixes_and_calls_are_counted(decode):
    model = Counting(History(3, 5))
    found = decode(model)
    search = (found[0] if isinstance(found, list) else found).search
    assert search.calls == model.calls <= 4
    assert search.extensions == 3 * model.rows


def test_counts_as_predicted():
    n, length, width = 4, 5, 3
    model = chain(n, 7)
    assert exhaustive(model, length).extensions == sum(n**t for t in range(1, length + 1))
    assert exhaustive(model, length).search.sequences == n**length
    assert viterbi(model, length).extensions == n + (length - 1) * n * n
    assert beam_search(model, length, width)[0].extensions == n + (length - 1) * width * n
    assert greedy(model, length).extensions == n * length


def test_ties_are_ordered_by_the_last_word_then_the_one_before():
    model = chain(3, 0, levels=1)  # all transitions alike
    best = exhaustive(model, 2).search.best(9)
    assert [s.words for s in best] == [(i, j) for j in range(3) for i in range(3)]
    assert viterbi(model, 2).words == (0, 0)
    assert [s.words for s in beam_search(model, 2, 2)] == [(0, 0), (1, 0)]
