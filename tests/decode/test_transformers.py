"""Greedy and beam search beside transformers' `generate`, on random GPT-2s; without transformers these tests skip."""

from __future__ import annotations

from typing import Any

import adapters
import numpy as np
import pytest

from chainrule.decode import after, beam_search, greedy

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

BEGIN, EOS = 0, 1
STOPPING = [False, True, "never"]
CLOSE = 1e-4  # they add up float32, we float64


def generate(network: Any, prompt: list[int], **options: Any) -> list[tuple[tuple[int, ...], float]]:
    """What theirs answers: the words after the prompt, up to an end, and their scores."""
    tokens = torch.tensor([[BEGIN, *prompt]])
    out = network.generate(
        tokens, attention_mask=torch.ones_like(tokens), do_sample=False, pad_token_id=BEGIN,
        return_dict_in_generate=True, output_scores=True, **options,
    )  # fmt: skip
    words = [until_end(row, options["eos_token_id"]) for row in out.sequences[:, tokens.shape[1] :].tolist()]
    return list(zip(words, out.sequences_scores.tolist() if options["num_beams"] > 1 else [0.0]))


def until_end(words: list[int], eos: int | None) -> tuple[int, ...]:
    return tuple(words[: words.index(eos) + 1] if eos in words else words)


@pytest.mark.parametrize("seed", range(3))
def test_greedy_is_theirs(seed):
    network = adapters.gpt2(seed)
    model, prompt = adapters.cached(network), [7, 20][:seed]
    ((words, _),) = generate(network, prompt, num_beams=1, max_new_tokens=12, eos_token_id=None)
    assert greedy(after(model, prompt), length=12).words == words and len(set(words)) > 2


@pytest.mark.parametrize("seed", range(3))
def test_greedy_ends_where_theirs_does(seed):
    """At the first step at which the likeliest word is the end, and not where the end was a likely second."""
    network = adapters.gpt2(seed)
    model = adapters.cached(network)
    never = greedy(model, length=12).words
    for eos in {never[4], *range(3)}:
        ((words, _),) = generate(network, [], num_beams=1, max_new_tokens=12, eos_token_id=eos)
        found = greedy(model, length=12, eos=eos)
        assert found.words == words == until_end(never, eos)
        assert found.finished == (eos in never)


@pytest.mark.parametrize("seed, width, length", [(0, 2, 13), (1, 5, 8), (2, 31, 4)])
def test_beam_search_is_theirs_where_nothing_ends(seed, width, length):
    """The same sequences in the same order. Their scores are log p / T^length_penalty, T the words after the prompt."""
    network = adapters.gpt2(seed)
    model, prompt = adapters.cached(network), [5, 28][:seed]
    options = dict(num_beams=width, num_return_sequences=width, max_new_tokens=length, eos_token_id=None)
    found = beam_search(after(model, prompt), length, width)
    for penalty, early_stopping in ((0.0, False), (1.0, "never")):
        theirs = generate(network, prompt, length_penalty=penalty, early_stopping=early_stopping, **options)
        assert [s.words for s in found] == [words for words, _ in theirs]
        expected = [s.log_likelihood / length**penalty for s in found]
        np.testing.assert_allclose([x for _, x in theirs], expected, atol=CLOSE)
    ranked = beam_search(after(model, prompt), length, width, length_penalty=1.0)
    np.testing.assert_allclose([s.length_normalised for s in ranked], [x for _, x in theirs], atol=CLOSE)


def both(seed: int, width: int, penalty: float, early_stopping: Any, length: int = 7) -> tuple[list[Any], np.ndarray]:
    """Ours, and the scores of theirs, on a network of 13 words, one of which ends a sequence."""
    network = adapters.gpt2(seed, words=13)
    ours = beam_search(adapters.cached(network), length, width, eos=EOS, length_penalty=penalty or None)
    theirs = generate(
        network, [], num_beams=width, num_return_sequences=width, max_new_tokens=length, eos_token_id=EOS,
        length_penalty=penalty, early_stopping=early_stopping,
    )  # fmt: skip
    return ours, np.array([x for _, x in theirs])


def scores_of(found: list[Any], penalty: float) -> np.ndarray:
    return np.array([s.length_normalised if penalty else s.log_likelihood for s in found])


@pytest.mark.parametrize("early_stopping", STOPPING)
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_with_an_end_ours_are_at_least_as_good(penalty, early_stopping):
    """The k-th of ours scores at least as much as the k-th of theirs, on every network.

    Both keep growing the B best extensions that do not end. What differs is which ended sequences are candidates:

    - Theirs takes an extension by eos only where it is among the B best of all B·N extensions of its step; any other is
      lost for good. Ours takes every one, and keeps the B best that have ended so far.
    - Theirs with early_stopping=True stops once B have ended, though what still grows may lead to better ones. With
      False it stops where the best that grows, divided by its *present* length to the power of the penalty, does not
      beat the worst that ended, which may be wrong for a positive penalty; "never" divides by the largest length. Ours
      stops where no continuation can rank among the best.
    - A penalty of 0 is our None: log p itself. Theirs is 1 by default.
    """
    for seed in (0, 5, 20):
        ours, theirs = both(seed, 4, penalty, early_stopping)
        found = scores_of(ours, penalty)
        assert len(found) == len(theirs) == 4
        assert (found >= theirs - CLOSE).all(), seed
        assert (np.diff(found) <= 0).all()


def test_an_end_that_is_not_among_the_best_of_its_step_is_lost_there():
    """Ours finds sequences that ended early and are a hundred times as likely as all of theirs."""
    ours, theirs = both(0, 4, 0.0, "never")
    assert ours[0].finished and ours[0].words[-1] == EOS
    assert ours[0].log_likelihood > theirs[0] + np.log(100)


@pytest.mark.parametrize("seed, early_stopping", [(5, True), (20, False)])
def test_stopping_too_early_loses_better_ones(seed, early_stopping):
    """What theirs misses it finds with "never"."""
    ours, early = both(seed, 4, 1.0, early_stopping)
    _, late = both(seed, 4, 1.0, "never")
    assert (scores_of(ours, 1.0) > early + 0.1).any()
    np.testing.assert_allclose(scores_of(ours, 1.0), late, atol=CLOSE)
