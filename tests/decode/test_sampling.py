"""Drawing sequences: from the model's own distribution, and from one that is cut off or sharpened."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from decoding import Counting, History, chain, everything

from chainrule import InputError
from chainrule.decode import Function, MarkovChain, NoSequence, greedy, sample
from chainrule.decode.sampling import draw


def frequencies(model, length, **options) -> Counter:
    drawn = sample(model, length, count=20_000, seed=3, **options)
    return Counter(s.words for s in drawn)


def test_sequences_come_as_often_as_they_are_likely():
    model, length = History(3, 2), 3
    found = frequencies(model, length, eos=1)
    for total, words in everything(model, length, eos=1):
        p = np.exp(total)
        assert found[words] / 20_000 == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / 20_000) + 1e-9)
    assert sum(found.values()) == 20_000


def test_likelihoods_are_the_models_and_ends_are_marked():
    model = Counting(History(4, 8))
    for s in sample(model, 5, count=50, eos=2, temperature=0.5, seed=7):
        expected = sum(model.model.row(s.words[:t])[w] for t, w in enumerate(s.words))
        assert s.log_likelihood == pytest.approx(expected)
        assert s.finished == (s.words[-1] == 2) and (s.finished or len(s.words) == 5)
        assert 2 not in s.words[:-1] and not s.search.exact


def test_temperature():
    model = MarkovChain([[0.1, 0.2, 0.7]] * 3)
    found = frequencies(model, 1, temperature=2.0)
    expected = np.sqrt([0.1, 0.2, 0.7]) / np.sqrt([0.1, 0.2, 0.7]).sum()
    np.testing.assert_allclose([found[(k,)] / 20_000 for k in range(3)], expected, atol=0.02)
    assert {s.words for s in sample(model, 4, count=50, temperature=1e-3)} == {greedy(model, 4).words}


@pytest.mark.parametrize("options, kept", [
    (dict(top_k=1), {2}), (dict(top_k=2), {1, 2}), (dict(top_k=9), {0, 1, 2, 3}), (dict(top_p=0.4), {2}),
    (dict(top_p=0.41), {1, 2}), (dict(top_p=0.7), {1, 2}), (dict(top_p=0.9), {0, 1, 2}),
    (dict(top_p=1.0), {0, 1, 2, 3}),
    (dict(top_k=3, top_p=0.5), {1, 2}), (dict(top_p=1e-9), {2}),
])  # fmt: skip
def test_what_is_cut_off(options, kept):
    """p = 0.2, 0.3, 0.4, 0.1."""
    p = np.tile([0.2, 0.3, 0.4, 0.1], (4000, 1))
    words = draw(np.log(p), 1.0, options.get("top_k"), options.get("top_p"), np.random.default_rng(0))
    assert set(words.tolist()) == kept
    share = np.bincount(words, minlength=4) / 4000
    rest = np.where(np.isin(np.arange(4), list(kept)), p[0], 0)
    np.testing.assert_allclose(share, rest / rest.sum(), atol=0.04)


def test_ties_at_a_cut_go_to_the_smaller_number():
    words = draw(np.log(np.full((500, 4), 0.25)), 1.0, 2, None, np.random.default_rng(0))
    assert set(words.tolist()) == {0, 1}


def test_the_same_seed_draws_the_same():
    model = chain(5, 4)
    words = [s.words for s in sample(model, 6, count=8, seed=1)]
    assert words == [s.words for s in sample(model, 6, count=8, seed=1)]
    assert words != [s.words for s in sample(model, 6, count=8, seed=2)]


def test_a_high_temperature_raises_what_is_next_to_impossible():
    unlikely = Function(lambda p: np.tile([0.0, -800.0], (len(p), 1)), "ab", logits=True)
    found = Counter(s.words[0] for s in sample(unlikely, 1, count=2000, temperature=1000.0))
    assert found["b"] / 2000 == pytest.approx(np.exp(-0.8) / (1 + np.exp(-0.8)), abs=0.05)


def test_sequences_come_in_the_order_in_which_they_were_drawn():
    """Those that ended and those that did not keep their places: words that tell which is which."""
    first = iter([[0, 1, 2, 3]])

    class Told:
        vocabulary = chain(5, 0).vocabulary

        def log_probs(self, prefixes, state):
            rows = np.full((len(prefixes), 5), -np.inf)
            if not prefixes.shape[1]:
                rows[np.arange(4), next(first)] = 0.0
            else:  # odd ones end at once, even ones go on with themselves
                last = prefixes[:, 0]
                rows[np.arange(len(last)), np.where((last % 2 == 1) | (prefixes.shape[1] > 1), 4, last)] = 0.0
            return rows, None

    assert [s.words for s in sample(Told(), 4, count=4, eos=4)] == [(0, 0, 4), (1, 4), (2, 2, 4), (3, 4)]


@pytest.mark.parametrize("temperature", [1e-309, 1e-20, 1e300])
def test_impossible_words_are_never_drawn_at_any_temperature(temperature):
    drawn = sample(MarkovChain([[0, 0.3, 0.7]] * 3), 2, count=200, temperature=temperature)
    assert {w for s in drawn for w in s.words} == ({2} if temperature < 1 else {1, 2})


def test_impossible_words_are_never_drawn():
    model = MarkovChain([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 0.0, 1.0]])
    for s in sample(model, 6, count=300, temperature=3.0):
        assert np.isfinite(s.log_likelihood)


@pytest.mark.parametrize("options, part", [
    (dict(temperature=0), "temperature must be a finite number above 0, and it is 0"),
    (dict(temperature=float("inf")), "temperature must be"),
    (dict(top_k=0), "top_k must be a whole number of at least 1"),
    (dict(top_p=0.0), "top_p must be a finite number above 0 and at most 1"), (dict(top_p=1.5), "top_p must be"),
    (dict(count=0), "count must be"), (dict(seed=-1), "seed must be a whole number of at least 0"),
    (dict(length=0), "length must be"),
])  # fmt: skip
def test_what_cannot_be_asked(options, part):
    with pytest.raises(InputError, match=part):
        sample(**(dict(model=chain(3, 0), length=4) | options))


def test_a_row_that_is_no_distribution():
    class Half:
        vocabulary = Function(lambda p: p, "ab").vocabulary
        noun = "half a model"

        def log_probs(self, prefixes, state):
            return np.log(np.full((len(prefixes), 2), [0.25, 0.25] if prefixes.shape[1] else [0.5, 0.5])), None

    with pytest.raises(InputError, match=r"half a model gives the words after '[ab]' sum to 0.5, 0.5 below 1"):
        sample(Half(), 2)
    assert len(sample(Half(), 1)) == 1

    class Nothing(Half):
        def log_probs(self, prefixes, state):
            return np.full((len(prefixes), 2), -np.inf), None

    with pytest.raises(NoSequence, match="has no next word after <BOS>"):
        sample(Nothing(), 1)
