"""Beam search: ends, length penalties, groups, early stops, mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from decoding import Counting, History, chain, everything
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import InputError, NamingError
from chainrule.decode import (
    Function,
    MarkovChain,
    NoSequence,
    NotMarkov,
    Tree,
    after,
    beam_search,
    exhaustive,
    greedy,
    sample,
    viterbi,
)

SEEDS = st.integers(0, 10**6)


def weather() -> MarkovChain:
    return MarkovChain([[0.0, 0.4, 0.6], [0.1, 0.9, 0.0], [1.0, 0.0, 0.0]], words=["home", "dry", "wet"], start="home")


def test_the_answer_is_whole():
    first, second = beam_search(weather(), length=3, width=2)
    assert (first.words, second.words) == (("wet", "home", "wet"), ("dry", "dry", "dry"))
    assert first.log_likelihood == pytest.approx(np.log(0.6 * 1 * 0.6), rel=1e-12)
    assert second.log_likelihood == pytest.approx(np.log(0.4 * 0.9 * 0.9), rel=1e-12)
    assert first.length_normalised is None and not first.finished
    assert (first.calls, first.extensions) == (3, 2 + (2 + 1) + (2 + 2))
    assert str(first) == "wet home wet    log p = -1.022"
    assert first.search is second.search and first.search.exact
    np.testing.assert_array_equal(first.search.steps[1].total, np.log([0.6, 0.4 * 0.9]))
    assert [first.search.prefix(2, k) for k in (0, 1)] == [(2, 0), (1, 1)]


@settings(deadline=None, max_examples=40)
@given(
    st.integers(2, 3), st.integers(1, 4), SEEDS, st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]), st.sampled_from([0, 0.4])
)  # fmt: skip
def test_a_wide_beam_ranks_by_the_normalised_likelihood(n, length, seed, penalty, sparse):
    model = History(n, seed, sparse)
    expected = sorted((-total / len(words) ** penalty, words) for total, words in everything(model, length, eos=0))
    width = n**length
    if not expected:
        with pytest.raises(NoSequence):
            beam_search(model, length, width, eos=0, length_penalty=penalty)
        return
    found = beam_search(model, length, width, eos=0, length_penalty=penalty)
    np.testing.assert_allclose([s.length_normalised for s in found], [-x for x, _ in expected], rtol=1e-12)
    assert {s.words for s in found} == {words for _, words in expected}
    for s in found:
        assert s.length_normalised == pytest.approx(s.log_likelihood / len(s.words) ** penalty)
    most = max(s.log_likelihood for s in found)
    assert found[0].search.exact == (found[0].log_likelihood == most) and found[0].search.bound == most
    assert found[0].search.exact or "ranked by log p / T^" in found[0].search.why


@settings(deadline=None, max_examples=80)
@given(
    st.integers(2, 4), SEEDS, st.integers(1, 4), st.sampled_from([None, -1.0, 0.0, 1.0, 2.0]),
    st.sampled_from([0, 1, 2]),
)  # fmt: skip
def test_stopping_early_loses_nothing(n, seed, width, penalty, levels):
    """A search that goes on to the end, though it can only find worse, answers the same, tied ones too."""
    model, length = History(n, seed, levels=levels), 5
    found = beam_search(model, length, width, eos=1, length_penalty=penalty)
    by_hand = slow_beam(model, length, width, 1, penalty or 0.0)
    np.testing.assert_allclose([s.log_likelihood for s in found], [total for _, total, _ in by_hand], rtol=1e-12)
    assert [s.words for s in found] == [words for *_, words in by_hand]


def slow_beam(model, length, width, eos, penalty):
    """Beam search with a pool of finished sequences, in lists, to the very end."""
    order = lambda f: (-f[0], tuple(reversed((*f[-1], *[eos] * (length - len(f[-1]))))))
    growing, pool = [(0.0, ())], []
    for t in range(1, length + 1):
        grown = [(total + x, (*p, w)) for total, p in growing for w, x in enumerate(model.row(p)) if x > -np.inf]
        pool += [(total / t**penalty, total, words) for total, words in grown if words[-1] == eos]
        pool = sorted(pool, key=order)[:width]
        growing = sorted((g for g in grown if g[1][-1] != eos), key=order)[:width]
    pool += [(total / length**penalty, total, words) for total, words in growing]
    return sorted(pool, key=order)[:width]


def test_what_is_given_up_with_eos_counts_in_the_bound():
    tree = Tree({"a": (-3.0, {"b": -0.1}), "c": (-2.0, {"b": -0.1}), ".": -1.0})
    search = beam_search(tree, 3, 1, eos=".")[0].search
    assert search.exact and search.why.startswith("nothing that was dropped was likelier")
    assert greedy(MarkovChain([[0.9, 0.1], [0.4, 0.6]]), 50, eos=0).search.why.startswith("nothing that was dropped")
    lost = beam_search(tree, 2, 1, eos=".")[0].search.pruned_at(["c", "b"])
    assert (lost.step, lost.total, lost.worst_kept) == (1, -2.0, -1.0)
    ends = Tree({"a": (-0.5, {"b": -0.1}), ".": -1.0})
    with pytest.raises(NoSequence, match="what greedy search chose ends before w_3"):
        greedy(ends, 3, eos=".")


def test_it_stops_once_nothing_can_change():
    sure = Counting(MarkovChain([[0.98, 0.02], [0.5, 0.5]]))
    found = beam_search(sure, length=50, width=1, eos=0)
    assert found[0].words == (0,) and found[0].finished and sure.calls == 1 and found[0].search.exact


@pytest.mark.parametrize("seed", range(20))
def test_greedy_ends_when_the_end_is_the_likeliest_word(seed):
    model, words, total = History(3, seed), (), 0.0
    while len(words) < 6 and (not words or words[-1] != 1):
        row = model.row(words)
        words, total = (*words, int(row.argmax())), total + row.max()
    found = greedy(model, 6, eos=1)
    assert (found.words, found.finished) == (words, words[-1] == 1)
    assert found.log_likelihood == pytest.approx(total)
    best = everything(model, 6, eos=1)[0][0]
    assert found.search.bound >= best and (not found.search.exact or total == pytest.approx(best))


def test_groups_differ_where_one_beam_does_not():
    model = MarkovChain(np.array([[0.4, 0.3, 0.2, 0.1]] * 4))
    plain = beam_search(model, 3, 4)
    diverse = beam_search(model, 3, 4, groups=4, diversity=5.0)
    assert {s.words[0] for s in plain} == {0, 1}
    assert {s.words[0] for s in diverse} == {0, 1, 2, 3}
    assert [s.words for s in diverse] == [(k, k, k) for k in range(4)]
    for s in diverse:  # the price is in no likelihood
        assert s.log_likelihood == pytest.approx(sum(np.log([0.4, 0.3, 0.2, 0.1])[list(s.words)]))


def test_groups_by_the_book():
    """Group by group, each paying for the words of those before it (Vijayakumar et al. 2018, algorithm 1)."""
    model, length, groups, each, price = History(5, 3), 4, 3, 2, 0.8
    beams = [[(0.0, ())] for _ in range(groups)]
    for _ in range(length):
        chosen = np.zeros(5)
        for g in range(groups):
            grown = [
                (total + x - price * chosen[w], total + x, (*p, w))
                for total, p in beams[g] for w, x in enumerate(model.row(p))
            ]  # fmt: skip
            best = sorted(grown, key=lambda c: -c[0])[:each]
            beams[g] = [(total, words) for _, total, words in best]
            for _, _, words in best:
                chosen[words[-1]] += 1
    expected = sorted({(-total, words) for beam in beams for total, words in beam})
    found = beam_search(model, length, groups * each, groups=groups, diversity=price)
    np.testing.assert_allclose([s.log_likelihood for s in found], [-x for x, _ in expected], rtol=1e-12)
    assert [s.words for s in found] == [words for _, words in expected]


def test_what_several_groups_find_comes_once():
    found = beam_search(MarkovChain([[0.9, 0.1], [0.2, 0.8]]), 3, 2, groups=2, diversity=0.0)
    assert [s.words for s in found] == [(0, 0, 0)]


def test_where_a_sequence_was_lost():
    search = greedy(weather(), 3).search
    lost = search.pruned_at(["dry", "dry", "dry"])
    assert (lost.step, lost.prefix) == (1, ("dry",))
    assert (lost.total, lost.worst_kept) == pytest.approx((np.log(0.4), np.log(0.6)))
    assert search.pruned_at(["wet", "home", "wet"]) is None
    later = search.pruned_at(["wet", "home", "dry"])
    assert (later.step, later.worst_kept) == (3, pytest.approx(np.log(0.36)))


def test_sequences_lost_to_eos_to_copies_and_to_an_early_stop():
    tree = Tree({"a": (-1.0, {"b": (-0.1, {"c": -0.1})}), ".": -0.9, "b": (-1.5, {".": -0.1})})
    search = beam_search(tree, 3, 1, eos=".")[0].search
    assert len(search.steps) == 1 and search.exact and search.pruned_at(["."]) is None
    given_up = search.pruned_at(["a", "b", "c"])
    assert (given_up.step, given_up.prefix, given_up.total) == (1, ("a",), -1.0)
    with pytest.raises(InputError, match="at most 3 words"):
        search.pruned_at(["a", "b", "c", "a"])
    with pytest.raises(InputError, match=r"nothing follows '.'"):
        search.pruned_at([".", "a"])
    later = Tree({".": -1.2, "a": (-0.5, {".": -0.9, "b": (-0.6, {"c": -1.0})})})
    search = beam_search(later, 3, 1, eos=".")[0].search
    lost = search.pruned_at(["a", "."])
    assert (lost.step, lost.worst_kept) == (2, -1.2) and lost.total == pytest.approx(-1.4)
    assert search.steps[1].pruned == pytest.approx(-1.4)
    drawn = sample(MarkovChain([[0.7, 0.3], [0.6, 0.4]]), 4, count=6, seed=3)
    assert [drawn[0].search.pruned_at(s.words) for s in drawn] == [None] * 6


@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 4), st.integers(1, 4), SEEDS, st.integers(1, 4), st.sampled_from([1, 2, 3]),
    st.sampled_from([None, -1.0, 1.0]), st.booleans(), st.sampled_from([0.0, 0.3, 5.0]),
)  # fmt: skip
def test_nothing_exceeds_the_bound_and_proofs_hold(n, length, seed, each, groups, penalty, ends, price):
    model, eos = History(n, seed), 0 if ends else None
    most = everything(model, length, eos)[0][0]
    options = dict(groups=groups, diversity=price) if groups > 1 else {}
    found = beam_search(model, length, each * groups, eos=eos, length_penalty=penalty, **options)
    search = found[0].search
    assert most <= search.bound <= 0 and max(s.log_likelihood for s in found) <= search.bound
    assert not search.exact or found[0].log_likelihood == most
    assert len({s.words for s in found}) == len(found)
    for s in found:
        assert search.pruned_at(s.words) is None


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 4), SEEDS, st.integers(1, 3), st.sampled_from([1, 2, 3]), st.sampled_from([0.0, 0.3, 5.0]))
def test_the_best_that_was_dropped_is_told(n, seed, each, groups, price):
    model = History(n, seed)
    options = dict(groups=groups, diversity=price) if groups > 1 else {}
    search = beam_search(model, 4, each * groups, **options)[0].search
    for t, step in enumerate(search.steps, 1):
        before = search.steps[t - 2] if t > 1 else None
        dropped = []
        for g in range(groups):
            kept = {(int(p), int(w)) for p, w in zip(step.parent[step.group == g], step.word[step.group == g])}
            parents = [0] if before is None else np.flatnonzero(before.group == g)
            for k in parents:
                total = 0.0 if before is None else before.total[k]
                row = model.row(search.prefix(t - 1, k) if before is not None else ())
                dropped += [total + x for w, x in enumerate(row) if (k, w) not in kept]
        assert step.pruned == pytest.approx(max(dropped, default=-np.inf))


def test_a_length_that_no_branch_has_is_said_to_be_so():
    tree = Tree({"a": (-1.0, {"b": -1.0}), "c": (-1.5, {"b": -1.0})})
    for decode in (lambda: greedy(tree, 9), lambda: beam_search(tree, 9, 1), lambda: exhaustive(tree, 9)):
        with pytest.raises(NoSequence, match="no sequence of length 9 has a positive probability in a tree: none"):
            decode()


def test_a_price_hides_no_bad_score():
    class Wrong(History):
        def row(self, prefix):
            return np.array([-0.5, 0.3, -2.0])

    with pytest.raises(InputError, match=r"a probability of 1.35"):
        beam_search(Wrong(3, 0), 2, 4, groups=2, diversity=2.5)


def test_groups_that_find_the_same_leave_room_for_others():
    found = beam_search(MarkovChain([[0.5, 0.3, 0.2]] * 3), 3, 4, groups=2, diversity=0, eos=2)
    assert len(found) == 4 and len({s.words for s in found}) == 4


def test_the_example_of_the_protocol_can_be_sampled_and_searched_in_groups():
    class Bigram:
        vocabulary, log_P = chain(3, 0).vocabulary, chain(3, 0).log_P

        def log_probs(self, prefixes, state):
            last = prefixes[:, -1] if prefixes.shape[1] else np.zeros(len(prefixes), int)
            return self.log_P[last], None

    assert len(sample(Bigram(), 3, count=2)) == 2 and len(beam_search(Bigram(), 3, 2, groups=2)) == 2
    with pytest.raises(NotMarkov, match=r"has no after\(words\) of its own"):
        viterbi(after(Bigram(), [1]), 3)


def test_a_given_beginning():
    model, given = History(4, 9), [2, 0, 1]
    found = greedy(after(model, given), 3).words
    words = list(given)
    for _ in range(3):
        words.append(int(model.row(tuple(words)).argmax()))
    assert found == tuple(words[3:])
    stateful = Counting(model)
    assert beam_search(after(stateful, given), 3, 2)[0].log_likelihood == pytest.approx(
        beam_search(after(model, given), 3, 2)[0].log_likelihood
    )
    assert after(model, []) is model


@pytest.mark.parametrize("values, part", [
    (dict(width=0), "width must be a whole number of at least 1, and it is 0"),
    (dict(width=2.0), "width must be a whole number"),
    (dict(width=True), "width must be a whole number"),
    (dict(length=0), "length must be a whole number of at least 1, and it is 0"),
    (dict(length=-3), "and it is -3"),
    (dict(groups=3), "2 prefixes do not make 3 equal groups"),
    (dict(groups=2, diversity=-1), "diversity must be a finite number of at least 0"),
    (dict(diversity=1.0), "there is one group"),
    (dict(length_penalty=float("nan")), "length_penalty must be a finite number"),
    (dict(length_penalty=11), "at least -10 and at most 10"), (dict(width=np.array([1, 2])), "width must be"),
    (dict(model=5), "a model has log_probs"), (dict(model=lambda p: p), "Function.f, words. makes a model"),
    (dict(length_penalty="long"), "length_penalty must be a finite number"),
])  # fmt: skip
def test_what_cannot_be_asked(values, part):
    with pytest.raises(InputError, match=part):
        beam_search(**(dict(model=weather(), length=3, width=2) | values))


def test_an_end_that_is_no_word():
    with pytest.raises(NamingError, match="'day' is not in the vocabulary of 3 words; did you mean `dry`"):
        beam_search(weather(), 3, 2, eos="day")


def scores(change) -> Function:
    def f(prefixes):
        rows = np.log(np.full((len(prefixes), 3), 1 / 3))
        return change(rows, prefixes.shape[1])

    return Function(f, ["a", "bee", "c"])


def put(value, at=1):
    def change(rows, t):
        if t == at:
            rows[0, 1] = value
        return rows

    return change


@pytest.mark.parametrize("change, part", [
    (put(np.nan), "gave 'bee' after \"a\": a log-probability is a number of at most 0, and it is nan"),
    (put(np.inf), "sum to inf"),
    (put(0.5), "after \"a\" sum to 2.31"),
    (put(-np.inf, 0), "the words after <BOS> sum to 0.666667, 0.333 below 1"),
    (lambda rows, t: rows[:, :2], r"answered shape \(1, 2\) for 1 prefixes and 3 words; it must be \(1, 3\)"),
    (lambda rows, t: rows.astype(complex), "answered complex128, and real numbers are needed"),
])  # fmt: skip
def test_a_model_that_is_wrong_is_told_so(change, part):
    model = scores(change)
    with pytest.raises(InputError, match=part):
        greedy(model, 3)


def test_a_score_above_one_is_named():
    class Wrong:
        vocabulary = chain(3, 0).vocabulary

        def log_probs(self, prefixes, state):
            return np.where(prefixes.shape[1] == 1, [[-1.0, 0.7, -2.0]], [[-1.0, -1.0, -1.0]]), None

    with pytest.raises(InputError, match=r'the model Wrong gave 1 after "0": .* it is 0.7: a probability of 2.01'):
        beam_search(Wrong(), 2, 1)


def test_dead_ends():
    nowhere = Dead()
    with pytest.raises(NoSequence, match="greedy search chose ends before w_2, and the length is 3"):
        greedy(nowhere, 3)
    with pytest.raises(NoSequence, match=r"all that a beam of 1 kept ends before w_2.*a larger width"):
        beam_search(nowhere, 3, 1)
    assert beam_search(nowhere, 3, 2)[0].words == ("on", "on", "on")
    assert not beam_search(nowhere, 1, 1)[0].finished
    with pytest.raises(NoSequence, match=r"no sequence of length 4 has a positive probability.*none goes beyond w_3"):
        beam_search(nowhere, 4, 9)


class Dead:
    """The likelier first word leads nowhere, and nothing is longer than three words."""

    noun = "a made model"
    vocabulary = type(chain(2, 0).vocabulary)(["stop", "on"])

    def log_probs(self, prefixes, state):
        rows = np.log(np.full((len(prefixes), 2), [0.6, 0.4]))
        if prefixes.shape[1]:
            rows[:] = -np.inf
            rows[(prefixes[:, -1] == 1) & (prefixes.shape[1] < 3), 1] = 0.0
        return rows, None


def test_one_word_and_one_step():
    one = MarkovChain([[1.0]])
    assert [s.words for s in beam_search(one, 4, 3)] == [(0, 0, 0, 0)]
    assert beam_search(one, 4, 3)[0].log_likelihood == 0.0
    assert [s.words for s in beam_search(weather(), 1, 5)] == [("wet",), ("dry",)]
