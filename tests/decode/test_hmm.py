"""Hidden Markov models, against sums over all paths and hmmlearn."""

from __future__ import annotations

import warnings
from itertools import product
from math import fsum, log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.decode.chain import MarkovChain
from chainrule.decode.errors import NoSequence, NotMarkov
from chainrule.decode.exhaustive import exhaustive
from chainrule.decode.hmm import HMM, HiddenPath
from chainrule.decode.k_best import k_best
from chainrule.decode.viterbi import viterbi
from chainrule.graph.errors import InputError, NamingError

S, N, T = 3, 4, 5


def distributions(rng: np.random.Generator, *shape: int, zeros: float = 0.0) -> np.ndarray:
    """Rows that sum to 1, some of their entries 0."""
    raw = rng.random(shape) * (rng.random(shape) >= zeros)
    raw[..., 0] += raw.sum(axis=-1) == 0
    return raw / raw.sum(axis=-1, keepdims=True)


def random_hmm(seed: int, states: int = S, words: int = N, zeros: float = 0.0) -> HMM:
    rng = np.random.default_rng(seed)
    return HMM(
        distributions(rng, states, zeros=zeros), distributions(rng, states, states, zeros=zeros),
        distributions(rng, states, words, zeros=zeros),
    )  # fmt: skip


def parameters(hmm: HMM) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.exp(hmm.log_initial), np.exp(hmm.log_transition), np.exp(hmm.log_emission)


def joint(hmm: HMM, z: tuple[int, ...], x: tuple[int, ...]) -> float:
    """p(z, x), from the definition."""
    p, P, E = parameters(hmm)
    value = p[z[0]] * E[z[0], x[0]]
    for t in range(1, len(x)):
        value *= P[z[t - 1], z[t]] * E[z[t], x[t]]
    return float(value)


def likelihood(hmm: HMM, x: tuple[int, ...]) -> float:
    """p(x): the sum over all S^T paths."""
    return fsum(joint(hmm, z, x) for z in product(range(len(hmm.states)), repeat=len(x))) if x else 1.0


def path_score(model, words: tuple[int, ...]) -> float:
    """The log-likelihood of words, factor by factor, the state carried along."""
    total, state = 0.0, None
    for t, w in enumerate(words):
        rows, state = model.log_probs(np.array(words[:t], np.int64).reshape(1, t), state)
        total += rows[0, w]
    return total


seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=20, deadline=None)

# The words.


@few
@given(seeds, st.sampled_from([0.0, 0.4]))
def test_log_probs_are_the_ratios_of_sums_over_all_paths(seed: int, zeros: float):
    hmm = random_hmm(seed, zeros=zeros)
    prefixes = np.array(list(product(range(N), repeat=2)))
    scores, state = hmm.log_probs(prefixes, None)
    assert scores.shape == (N**2, N) and state.shape == (N**2, S)
    for row, prefix in zip(scores, map(tuple, prefixes)):
        before = likelihood(hmm, prefix)
        wanted = [likelihood(hmm, (*prefix, w)) / before if before else 0.0 for w in range(N)]
        np.testing.assert_allclose(np.exp(row), wanted, rtol=1e-10, atol=0)
        assert before == 0 or abs(np.exp(row).sum() - 1) < 1e-12


@few
@given(seeds, st.sampled_from([0.0, 0.4]))
def test_the_carried_state_and_reading_from_scratch_agree(seed: int, zeros: float):
    hmm = random_hmm(seed, zeros=zeros)
    rng = np.random.default_rng(seed)
    prefixes, state = np.zeros((1, 0), np.int64), None
    for _ in range(T):
        scores, state = hmm.log_probs(prefixes, state)
        again, same = hmm.log_probs(prefixes, None)
        np.testing.assert_allclose(np.exp(scores), np.exp(again), rtol=1e-12, atol=0)
        np.testing.assert_allclose(np.exp(state), np.exp(same), rtol=1e-12, atol=0)
        rows = rng.integers(0, len(prefixes), 6)
        state = state[rows]
        prefixes = np.concatenate([prefixes[rows], rng.integers(0, N, (6, 1))], axis=1)


def test_after_words_of_probability_zero_nothing_can_come():
    hmm = HMM([1, 0], [[1, 0], [0.5, 0.5]], [[0.5, 0.5, 0], [0, 0, 1]])
    scores, state = hmm.log_probs(np.array([[2, 0], [0, 2], [0, 1]]), None)
    assert np.isneginf(scores[:2]).all() and np.isneginf(state[:2]).all()
    np.testing.assert_array_equal(np.exp(scores[2]), [0.5, 0.5, 0])
    again, _ = hmm.log_probs(np.array([[2, 0, 0]]), state[:1])
    assert np.isneginf(again).all()


@few
@given(seeds, st.lists(st.integers(0, N - 1), max_size=T), st.sampled_from([0.0, 0.4]))
def test_the_forward_procedure_sums_over_all_paths(seed: int, x: list[int], zeros: float):
    hmm = random_hmm(seed, zeros=zeros)
    np.testing.assert_allclose(np.exp(hmm.log_likelihood(x)), likelihood(hmm, tuple(x)), rtol=1e-10)
    np.testing.assert_allclose(np.exp(path_score(hmm, tuple(x))), likelihood(hmm, tuple(x)), rtol=1e-10)


@pytest.mark.parametrize("length", [1, 2, 4])
def test_probabilities_of_all_words_sum_to_one(length: int):
    hmm = random_hmm(5, zeros=0.3)
    total = fsum(np.exp(hmm.log_likelihood(x)) for x in product(range(N), repeat=length))
    assert abs(total - 1) < 1e-12


def test_ten_thousand_words_do_not_underflow():
    hmm = random_hmm(6, 5, 7)
    x = np.random.default_rng(7).integers(0, 7, 10_000)
    (p, P, E), scale = parameters(hmm), 0.0
    for word in x:  # scaled by hand
        p = p * E[:, word]
        scale += log(p.sum())
        p = p / p.sum() @ P
    assert hmm.log_likelihood(x) == pytest.approx(scale, rel=1e-12) and scale < -10_000


@pytest.mark.parametrize("tiny", [1e-150, 1e-300])
def test_what_is_possible_stays_so_however_improbable(tiny: float):
    """State 1 becomes tiny against state 0, below the smallest float64, and alone emits the last word."""
    hmm = HMM([1 - tiny, tiny], [[1, 0], [0, 1]], [[1, 0, 0], [tiny, 1 - 2 * tiny, tiny]])
    wanted = 4 * log(tiny)  # initial, and three times word 0
    assert hmm.log_likelihood([0, 0, 0, 1]) == pytest.approx(wanted, rel=1e-13)
    assert path_score(hmm, (0, 0, 0, 1)) == pytest.approx(wanted, rel=1e-13)
    scores, _ = hmm.log_probs(np.array([[0, 0, 0], [1, 0, 0]]), None)
    np.testing.assert_allclose(scores[:, 1], [3 * log(tiny) + log(tiny), log(1 - 2 * tiny)], rtol=1e-12, atol=1e-12)
    assert hmm.log_probs(np.array([[0, 0, 0, 1]]), None)[0][0, 1] == pytest.approx(0, abs=1e-12)


def test_words_given_first_make_a_hidden_markov_model_of_the_rest():
    hmm = random_hmm(8)
    x, y = (3, 1), (0, 2, 2)
    assert hmm.after(x).log_likelihood(y) == pytest.approx(hmm.log_likelihood(x + y) - hmm.log_likelihood(x))
    assert hmm.after([]) is hmm and hmm.log_likelihood([]) == 0
    with pytest.raises(NoSequence, match="t = 2"):
        HMM([1.0], [[1.0]], [[1.0, 0.0]]).after([0, 1])


def test_words_are_not_markov_and_the_error_says_what_is():
    with pytest.raises(NotMarkov, match=r"in a hidden Markov model x_t depends on all.*hmm\.given\(x\)"):
        random_hmm(0).trellis(3)
    with pytest.raises(NotMarkov, match=r"hmm\.given"):
        viterbi(random_hmm(0), 3)


# The states, given the words.


@few
@given(seeds, st.lists(st.integers(0, N - 1), min_size=1, max_size=T), st.sampled_from([0.0, 0.4]))
def test_a_path_scores_its_joint_probability_with_the_words(seed: int, x: list[int], zeros: float):
    hmm = random_hmm(seed, zeros=zeros)
    if not likelihood(hmm, tuple(x)):
        return
    path, posterior = hmm.given(x), hmm.posterior(x)
    p_x, total = likelihood(hmm, tuple(x)), []
    for z in product(range(S), repeat=len(x)):
        p = joint(hmm, z, tuple(x))
        assert np.exp(path_score(path, z)) == pytest.approx(p, rel=1e-10, abs=0)
        total.append(np.exp(path_score(posterior, z)) if p else 0.0)
        assert total[-1] == pytest.approx(p / p_x, rel=1e-10, abs=0)
        trellis, score = path.trellis(len(x)), 0.0
        for t, j in enumerate(z):
            score += trellis.first[j] if t == 0 else trellis.step(t + 1)[z[t - 1], j]
            score += trellis.local[t, j]
        assert np.exp(score) == pytest.approx(p, rel=1e-10, abs=0)
    assert fsum(total) == pytest.approx(1, abs=1e-12)


@few
@given(seeds, st.lists(st.integers(0, N - 1), min_size=1, max_size=T), st.sampled_from([0.0, 0.4]))
def test_the_posterior_is_a_markov_chain_of_distributions(seed: int, x: list[int], zeros: float):
    hmm = random_hmm(seed, zeros=zeros)
    if not likelihood(hmm, tuple(x)):
        return
    posterior = hmm.posterior(x)
    assert isinstance(posterior, MarkovChain) and posterior.longest == len(x)
    trellis = posterior.trellis(len(x))
    assert trellis.steps.shape == (len(x) - 1, S, S)
    np.testing.assert_allclose(np.exp(trellis.first).sum(), 1, rtol=1e-12)
    np.testing.assert_allclose(np.exp(trellis.steps).sum(axis=-1), np.ones((len(x) - 1, S)), rtol=1e-12)
    with pytest.raises(InputError, match=f"w_{len(x)}"):
        posterior.trellis(len(x) + 1)


@few
@given(seeds, st.lists(st.integers(0, N - 1), min_size=1, max_size=T))
def test_viterbi_exhaustive_and_brute_force_find_the_same_path(seed: int, x: list[int]):
    hmm = random_hmm(seed)
    ranked = sorted(product(range(S), repeat=len(x)), key=lambda z: -joint(hmm, z, tuple(x)))
    best, second = (joint(hmm, z, tuple(x)) for z in ranked[:2])
    for model, wanted in ((hmm.given(x), log(best)), (hmm.posterior(x), log(best) - hmm.log_likelihood(x))):
        for decoder in (viterbi, exhaustive):
            found = decoder(model, len(x))
            assert found.log_likelihood == pytest.approx(wanted, abs=1e-12)
            assert joint(hmm, found.words, tuple(x)) == pytest.approx(best, rel=1e-12)
            assert found.words == ranked[0] or second > best * (1 - 1e-9)  # tied: the same factors in another order


def test_a_state_from_which_the_words_cannot_come_keeps_its_row_in_the_posterior():
    """State 0 emits words 0 and 1 and stays; word 2 is state 1's alone."""
    hmm = HMM([0.5, 0.5], [[1, 0], [0.25, 0.75]], [[0.5, 0.5, 0], [0.5, 0, 0.5]])
    posterior = hmm.posterior([0, 2, 2])
    np.testing.assert_array_equal(np.exp(posterior.log_first), [0, 1])
    np.testing.assert_array_equal(np.exp(posterior.log_P), [[[1, 0], [0, 1]]] * 2)
    np.testing.assert_allclose(np.exp(hmm.posterior([0, 0]).log_P[0]), hmm_row(hmm), rtol=1e-14)


def hmm_row(hmm: HMM) -> np.ndarray:
    """p(z_2 | z_1, x_2 = 0)."""
    rows = np.exp(hmm.log_transition) * np.exp(hmm.log_emission[:, 0])
    return rows / rows.sum(axis=1, keepdims=True)


def test_fewer_states_than_words_may_be_asked_for_and_no_more():
    hmm = random_hmm(9)
    path = hmm.given([0, 3, 1])
    assert viterbi(path, 2).words == viterbi(hmm.given([0, 3]), 2).words
    for ask in (lambda: path.trellis(4), lambda: viterbi(path, 4), lambda: exhaustive(path, 4)):
        with pytest.raises(InputError, match=r"3 words were given.*at most 3"):
            ask()


def test_states_given_first_leave_a_path_of_the_rest():
    hmm = random_hmm(10)
    path = hmm.given([0, 3, 1, 1])
    rest = path.after([2, 0])
    assert isinstance(rest, HiddenPath) and path.after([]) is path
    assert path_score(path, (2, 0)) + path_score(rest, (1, 2)) == pytest.approx(path_score(path, (2, 0, 1, 2)))
    with pytest.raises(NoSequence, match=r"\(0, 1\) have probability 0.*t = 2"):
        HMM([1, 0], [[1, 0], [0, 1]], [[1.0], [1.0]]).given([0, 0, 0]).after([0, 1])


def test_a_posterior_keeps_probabilities_too_small_for_a_float64():
    tiny = 1e-200
    hmm = HMM([1 - tiny, tiny], [[1, 0], [0, 1]], [[1, 0], [tiny, 1 - tiny]])
    posterior = hmm.posterior([0, 0])  # p(z = 1, 1 | x) = tiny³
    assert path_score(posterior, (1, 1)) == pytest.approx(3 * log(tiny), rel=1e-13)


def test_a_posterior_larger_than_the_memory(monkeypatch: pytest.MonkeyPatch):
    empty_before = np.empty

    def empty(shape: Any, *others: Any):
        if shape == (3, S, S):
            raise MemoryError
        return empty_before(shape, *others)

    monkeypatch.setattr(np, "empty", empty)
    with pytest.raises(InputError, match=r"the posterior needs 216 bytes, \(T−1\)·S² numbers, more than the memory"):
        random_hmm(11).posterior([0, 1, 2, 3])


# hmmlearn as an oracle.


def peer(hmm: HMM):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("hmmlearn.hmm")
        theirs = module.CategoricalHMM(n_components=len(hmm.states), n_features=len(hmm.vocabulary))
    theirs.startprob_, theirs.transmat_, theirs.emissionprob_ = parameters(hmm)
    return theirs


@pytest.mark.parametrize("states, words, length", [(2, 3, 1), (3, 5, 8), (7, 4, 40), (5, 11, 300)])
def test_hmmlearn_agrees(states: int, words: int, length: int):
    hmm = random_hmm(states * length, states, words)
    x = np.random.default_rng(length).integers(0, words, length)
    theirs = peer(hmm)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score, path = theirs.decode(x[:, None], algorithm="viterbi")
        total, marginals = theirs.score(x[:, None]), theirs.predict_proba(x[:, None])
    found, second = k_best(hmm.given(x), length, 2)
    assert found.log_likelihood > second.log_likelihood + 1e-9  # not tied
    assert found.words == viterbi(hmm.given(x), length).words == tuple(path.tolist())
    assert found.log_likelihood == pytest.approx(score, rel=1e-12)
    assert hmm.log_likelihood(x) == pytest.approx(total, rel=1e-12)
    posterior = hmm.posterior(x)
    ours = [np.exp(posterior.log_first)]
    for t in range(2, length + 1):
        ours.append(ours[-1] @ np.exp(posterior.log_step(t)))
    np.testing.assert_allclose(ours, marginals, atol=1e-10)


def test_hmmlearn_differs_in_ties_and_where_nothing_is_possible():
    uniform = HMM([0.25] * 4, [[0.25] * 4] * 4, [[0.5, 0.5]] * 4)
    x = np.array([0, 1, 1])
    assert viterbi(uniform.given(x), 3).words == (0, 0, 0)
    assert peer(uniform).decode(x[:, None])[1].tolist() == [3, 3, 0]
    stuck = HMM([1.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.5, 0.5]])
    assert peer(stuck).decode(x[:, None])[0] == -np.inf == stuck.log_likelihood(x)
    with pytest.raises(NoSequence):
        stuck.given(x)


# What cannot be.

NAMED = dict(states=["rainy", "sunny"], words=["walk", "shop", "clean"])


def stuck() -> HMM:
    return HMM([1, 0], [[1, 0], [0.5, 0.5]], [[0.5, 0.5, 0], [0, 0.2, 0.8]], **NAMED)


@pytest.mark.parametrize("name", ["given", "posterior", "after"])
@pytest.mark.parametrize(
    "x, where, why",
    [
        (["clean", "walk"], "t = 1", "only 'sunny' can emit 'clean', the word seen there, and at the beginning only"),
        (["walk", "clean"], "t = 2", "after the one before it only 'rainy' can come"),
        (["walk", "shop", "walk", "clean", "walk"], "t = 4", "after the 3 before it only 'rainy' can come"),
    ],
)
def test_impossible_words_are_told_with_the_first_t(name: str, x: list[str], where: str, why: str):
    with pytest.raises(NoSequence, match=f"no state can be at {where}: .*{why}"):
        getattr(stuck(), name)(x)
    assert stuck().log_likelihood(x) == -np.inf


def test_states_that_do_not_emit_what_was_seen_lead_nowhere():
    """From "b" one could get to "c", but x_1 is emitted by "a" alone."""
    hmm = HMM([0.5, 0.5, 0], [[1, 0, 0], [0, 0, 1], [0, 0, 1]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "abc")
    with pytest.raises(NoSequence, match=r"t = 2: only 'c' can emit 2, .*after the one before it only 'a' can come"):
        hmm.given([0, 2])
    assert viterbi(hmm.given([1, 2]), 2).words == ("b", "c")


def test_a_word_that_no_state_emits():
    hmm = HMM([0.5, 0.5], np.eye(2), [[1, 0, 0], [0.5, 0, 0.5]], **NAMED)
    with pytest.raises(NoSequence, match="no state can be at t = 2: none emits 'shop'"):
        hmm.given(["walk", "shop"])


def test_many_states_are_not_all_told():
    hmm = HMM([1, *[0] * 8], np.eye(9), [[1, 0], *[[0, 1]] * 8])
    with pytest.raises(NoSequence, match=r"only 1, 2, 3, 4, 5 and 3 more can emit 1"):
        hmm.given([1])


def test_unknown_words_and_no_words():
    for ask in (stuck().given, stuck().posterior, stuck().log_likelihood, stuck().after):
        with pytest.raises(NamingError, match="did you mean `walk`"):
            ask(["shop", "wlak"])
        with pytest.raises(InputError, match=r"shape \(2, 1\).*one sequence"):
            ask(np.array([["walk"], ["shop"]]))
    with pytest.raises(InputError, match="no words were given"):
        stuck().given([])


@pytest.mark.parametrize(
    "initial, transition, emission, names, wrong",
    [
        ([0.5, 0.5], np.eye(3), np.eye(3), {}, r"\(2,\), \(3, 3\) and \(3, 3\)"),
        ([0.5, 0.5], [[0.5, 0.5]], np.eye(2), {}, r"\(2,\), \(1, 2\) and \(2, 2\)"),
        ([0.5, 0.5], np.eye(2), np.eye(3), {}, r"\(2,\), \(2, 2\) and \(3, 3\)"),
        ([0.5, 0.5], np.eye(2), [0.5, 0.5], {}, r"\(2,\), \(2, 2\) and \(2,\)"),
        ([], np.eye(0), np.zeros((0, 3)), {}, r"\(0,\)"),
        (1.0, 1.0, 1.0, {}, r"\(\), \(\) and \(\)"),
        ([0.5, 0.4], np.eye(2), np.eye(2), {}, "initial sums to 0.9, 0.1 below 1"),
        ([0.5, 0.5], [[1, 0], [0.5, 0.6]], np.eye(2), {}, "row 1 of transition sums to 1.1, 0.1 above 1"),
        ([0.5, 0.5], np.eye(2), [[1, 0], [0.2, 0.7]], {"states": "ab"}, r"row 1 \('b'\) of emission sums to 0.9"),
        ([0.5, 0.5], np.eye(2), [[1, 0], [1.2, -0.2]], {}, "row 1 of emission has -0.2 at position 1"),
        ([0.5, np.nan], np.eye(2), np.eye(2), {}, r"initial\[1\] is nan"),
        ([0.5, 0.5], [[1, 0], [1]], np.eye(2), {}, "transition must be an array of numbers"),
        ([0.5, 0.5], np.eye(2), np.eye(2), {"states": "abc"}, "3 states.*one of 2"),
        ([0.5, 0.5], np.eye(2), np.eye(2), {"words": "a"}, "1 words.*one of 2"),
        ([0.5, 0.5], np.eye(2), np.eye(2), {"words": "aa"}, "'a' comes twice"),
    ],
)
def test_what_is_no_model(initial, transition, emission, names, wrong):
    with pytest.raises(InputError, match=wrong):
        HMM(initial, transition, emission, **names)
