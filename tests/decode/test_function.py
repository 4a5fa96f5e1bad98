"""Functions as models: networks of ours, of JAX and of PyTorch, as the document shows them."""

from __future__ import annotations

from typing import Any

import adapters
import numpy as np
import pytest
from decoding import everything

from chainrule import InputError
from chainrule.decode import Function, after, beam_search, exhaustive, greedy

BEGIN = np.zeros((1, 0), np.int64)


def follow(model: Any, words: Any) -> float:
    """The log-likelihood of these words, each prefix read from scratch."""
    numbers = np.asarray(words, np.int64)
    return float(sum(model.log_probs(numbers[None, :t], None)[0][0, w] for t, w in enumerate(numbers)))


def copies(state: Any) -> Any:
    return tuple(map(copies, state)) if isinstance(state, tuple) else np.asarray(state).copy()


def same(a: Any, b: Any) -> bool:
    return all(map(same, a, b)) if isinstance(a, tuple) else bool((np.asarray(a) == b).all())


class Watched:
    """A model whose states must stay as they were answered, and whose rows do not depend on their neighbours."""

    def __init__(self, model: Any):
        self.model, self.vocabulary, self.states = model, model.vocabulary, []

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        before = None if state is None else copies(state)
        answer, after_it = self.model.log_probs(prefixes, state)
        assert state is None or same(before, state)
        scratch, _ = self.model.log_probs(prefixes, None)
        np.testing.assert_allclose(answer, scratch, atol=2e-5)
        self.states.append((after_it, copies(after_it)))
        return answer, after_it


def recurrent() -> Function:
    return adapters.scope_of(adapters.example("jax.numpy"), np=np, beam_search=beam_search)["recurrent"]


def test_a_function_of_jax_carries_its_state():
    model = Watched(recurrent())
    found = beam_search(model, length=4, width=5)
    assert [len(now) for now, _ in model.states] == [1, 5, 5, 5]
    assert all(same(before, now) for now, before in model.states)
    for s in found:
        assert s.log_likelihood == pytest.approx(follow(model.model, s.words), abs=1e-4)
    assert len({s.words for s in found}) == 5


def test_a_function_of_jax_by_brute_force():
    model = recurrent()
    best = exhaustive(model, length=3)
    total, words = everything(model, 3)[0]
    assert best.words == words and best.log_likelihood == pytest.approx(total, abs=1e-4)
    assert beam_search(model, 3, 7**2)[0].words == words


def test_a_function_of_jax_reads_a_given_beginning():
    model, given = recurrent(), [6, 2, 2]
    total = follow(model, given)
    for s in beam_search(after(model, given), length=3, width=4):
        assert s.log_likelihood == pytest.approx(follow(model, [*given, *s.words]) - total, abs=1e-4)


def test_a_network_of_ours(capsys):
    text = adapters.example("cr.fit")
    scope = adapters.scope_of(text, np=np, beam_search=beam_search, greedy=greedy, after=after)
    assert capsys.readouterr().out.splitlines() == ["the cat sat on the mat .", "lay by the door ."]
    network, run, words = scope["network"], scope["run"], scope["words"]
    np.testing.assert_allclose(np.exp(network.log_probs(BEGIN, None)[0]), run.probabilities([[-1, -1]]), rtol=1e-5)
    last = [[words.index("cat"), words.index("sat")], [words.index("by"), words.index("the")]]
    longer = np.array([[5, *last[0]], [0, *last[1]]])
    np.testing.assert_allclose(np.exp(network.log_probs(longer, None)[0]), run.probabilities(last), rtol=1e-5)
    best = exhaustive(after(network, ["the"]), length=2)
    assert best.words == ("cat", "sat")
    assert best.log_likelihood == pytest.approx(beam_search(after(network, ["the"]), 2, 10)[0].log_likelihood, abs=1e-5)


@pytest.fixture(scope="module")
def gpt2() -> Any:
    pytest.importorskip("transformers")
    pytest.importorskip("torch")
    return adapters.gpt2(0)


def by_torch(network: Any, words: Any) -> float:
    """log p(words | 0) by one pass over all of them, in float64."""
    import torch

    tokens = torch.tensor([[0, *words]])
    with torch.no_grad():
        scores = network.double()(tokens).logits[0, :-1].log_softmax(-1)
        network.float()
    return float(scores[range(len(words)), tokens[0, 1:]].sum())


def test_a_gpt2_with_and_without_its_cache(gpt2):
    kept, again = beam_search(adapters.cached(gpt2), 9, 6), beam_search(adapters.uncached(gpt2), 9, 6)
    assert [s.words for s in kept] == [s.words for s in again]
    assert len({s.words for s in kept}) == 6
    for s in (*kept, *again):
        assert s.log_likelihood == pytest.approx(by_torch(gpt2, s.words), abs=1e-4)


def test_the_cache_is_a_state_like_any_other(gpt2):
    model = Watched(adapters.cached(gpt2))
    beam_search(model, length=7, width=5)
    assert all(same(before, now) for now, before in model.states)
    keys, values = model.states[-1][0][1]  # of the second layer: rows, heads, words read, numbers
    assert keys.shape == values.shape == (5, 3, 7, 4)


def test_with_the_cache_one_word_is_read_at_a_time(gpt2, monkeypatch):
    read, forward = [], gpt2.forward

    def watched(tokens, **named):
        read.append(tuple(tokens.shape))
        return forward(tokens, **named)

    monkeypatch.setattr(gpt2, "forward", watched)
    beam_search(adapters.cached(gpt2), length=4, width=3)
    assert read == [(1, 1), (3, 1), (3, 1), (3, 1)]
    read.clear()
    beam_search(adapters.uncached(gpt2), length=4, width=3)
    assert read == [(1, 1), (3, 2), (3, 3), (3, 4)]


@pytest.mark.parametrize("make", [adapters.cached, adapters.uncached])
def test_a_gpt2_goes_on_from_a_prompt(gpt2, make):
    prompt = [17, 4, 9]
    before = by_torch(gpt2, prompt)
    for s in beam_search(after(make(gpt2), prompt), length=5, width=3):
        assert s.log_likelihood == pytest.approx(by_torch(gpt2, [*prompt, *s.words]) - before, abs=1e-4)


def test_a_prompt_in_place_of_the_beginning(gpt2):
    """A network that knows no <BOS>: the prompt is what stands for w_0."""
    import torch

    prompt = [0, 17, 4]

    @torch.no_grad()
    def next_word(prefixes):
        return gpt2(torch.as_tensor(np.insert(prefixes, [0] * len(prompt), prompt, axis=1))).logits[:, -1]

    found = beam_search(Function(next_word, range(29), logits=True), length=5, width=3)
    expected = beam_search(after(adapters.cached(gpt2), prompt[1:]), length=5, width=3)
    assert [s.words for s in found] == [s.words for s in expected]


def test_a_function_without_a_state_is_called_with_prefixes_alone():
    seen = []

    def f(prefixes, temperature=1.0):
        seen.append(prefixes.shape)
        return np.zeros((len(prefixes), 3)) / temperature

    assert greedy(Function(f, "abc", logits=True), length=3).log_likelihood == pytest.approx(3 * np.log(1 / 3))
    assert seen == [(1, 0), (1, 1), (1, 2)]


def test_logits_may_be_large_and_words_impossible():
    scores, _ = Function(lambda p: np.array([[1e4, -np.inf, 1e4, -1e4]]), range(4), logits=True).log_probs(BEGIN, None)
    np.testing.assert_allclose(scores, [[-np.log(2), -np.inf, -np.log(2), -2e4 - np.log(2)]])


def test_an_adapter_is_short():
    """What makes a network a model, from the function's first line to its last, is at most ten lines."""
    for containing in ("DynamicCache", "jax.numpy", "cr.fit", "gpt2(torch.as_tensor("):
        lines = adapters.example(containing).splitlines()
        first = next(k for k, line in enumerate(lines) if line.startswith(("@", "def ")))
        body = [line for line in lines[first:] if line.startswith(("@", "def ", " "))]
        assert 3 <= len(body) <= 10, containing


def test_whole_numbers_are_logits_and_probabilities_too():
    found = greedy(Function(lambda p: np.array([[0, -1, 0]] * len(p)), "abc", logits=True), 3)
    assert found.log_likelihood == pytest.approx(-3 * np.log(2 + np.exp(-1)))
    with pytest.raises(InputError, match="the words after <BOS> sum to 3, 2 above 1; for logits give"):
        greedy(Function(lambda p: np.zeros((len(p), 3), int), "abc"), 2)


def test_half_precision_over_many_words():
    model = Function(lambda p: np.zeros((len(p), 100_000), np.float16), range(100_000), logits=True)
    assert greedy(model, 2).log_likelihood == pytest.approx(-2 * np.log(1e5), rel=1e-5)


def with_state(prefixes, state=None):
    return np.log(np.full((len(prefixes), 2), 0.5)), prefixes


def halves(prefixes):
    return np.log(np.full((len(prefixes), 2), 0.5))


@pytest.mark.parametrize("f, part", [
    (lambda prefixes, state: halves(prefixes), r"must answer a pair .*, and it answered a ndarray"),
    (lambda prefixes: (halves(prefixes), None), r"must answer an array \(B, N\), and .* a tuple"),
    (lambda: 0, "f takes no arguments"), (5, "f is a function of prefixes, and not int"),
])  # fmt: skip
def test_functions_that_are_none(f, part):
    with pytest.raises(InputError, match=part):
        greedy(Function(f, "ab"), 2)


def test_a_state_may_be_left_out():
    assert greedy(Function(with_state, "ab"), 3).words == ("a", "a", "a")
    once = Function(lambda prefixes, temperature=2.0: np.log(np.full((len(prefixes), 2), 0.5)), "ab")
    assert greedy(once, 2).words == ("a", "a")
