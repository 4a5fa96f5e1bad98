"""Decoding: Viterbi over 1,000 states and 1,000 steps, and a beam of 10 over 50,000 words for 64 steps.

What a decoder costs is what it adds to its model: a pass over the scores at the least. All agree on the answer before
they are timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import wraps
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
from measure import Row, installed, interleaved, per_step, ratio
from scipy.special import log_softmax

from chainrule.decode import Function, MarkovChain, Vocabulary, beam_search, max_plus, selection, viterbi
from chainrule.decode import beam as beam_module

STATES, STEPS, VITERBI_REPEATS = 1000, 1000, 5
WORDS, WIDTH, LENGTH, HIDDEN, BEAM_REPEATS = 50_000, 10, 64, 256, 11
GPT2 = {"vocab_size": 50_257, "n_embd": 8, "n_layer": 1, "n_head": 1, "n_positions": 128}
Path = tuple[list[int], float]  # the words and their log-likelihood


def chain() -> MarkovChain:
    P = np.random.default_rng(0).random((STATES, STATES))
    return MarkovChain(P / P.sum(axis=1, keepdims=True))


def by_viterbi(model: MarkovChain) -> Callable[[], Path]:
    def run() -> Path:
        found = viterbi(model, STEPS)
        return list(found.words), found.log_likelihood

    return run


def by_all(model: MarkovChain) -> Callable[[], Path]:
    """Ours with N² sums at each step, none of them left out."""

    def run() -> Path:
        with patch.object(max_plus, "LARGE", STATES + 1):
            return by_viterbi(model)()

    return run


def by_loop(model: MarkovChain) -> Callable[[], Path]:
    """The recursion as it is written in textbooks, on whole arrays."""
    A, first = model.log_P, model.log_first

    def run() -> Path:
        delta, pointers, columns = first, np.empty((STEPS - 1, STATES), np.int64), np.arange(STATES)
        for t in range(STEPS - 1):
            sums = delta[:, None] + A
            pointers[t] = sums.argmax(axis=0)
            delta = sums[pointers[t], columns]
        path = [int(delta.argmax())]
        for row in pointers[::-1]:
            path.append(int(row[path[-1]]))
        return path[::-1], float(delta.max())

    return run


def by_hmmlearn(model: MarkovChain) -> Callable[[], Path]:
    """The C++ that CategoricalHMM.decode calls, without what surrounds it; what each state emits costs nothing here."""
    from hmmlearn import _hmmc

    first, P, emitted = np.exp(model.log_first), np.exp(model.log_P), np.zeros((STEPS, STATES))

    def run() -> Path:
        total, path = _hmmc.viterbi(first, P, emitted)
        return path.tolist(), total

    return run


def one_pass(model: MarkovChain) -> Callable[[], None]:
    """The N × N scores read once a step, by a reduction."""
    return lambda: [model.log_P.max(axis=1) for _ in range(STEPS)] and None


def one_copy(model: MarkovChain) -> Callable[[], None]:
    there = np.empty_like(model.log_P)
    return lambda: [np.copyto(there, model.log_P) for _ in range(STEPS)] and None


def exact() -> Iterator[Row]:
    model = chain()
    contestants = {"ours": by_viterbi(model), "all": by_all(model), "loop": by_loop(model)}
    if installed("hmmlearn"):
        contestants["hmmlearn"] = by_hmmlearn(model)
    worst = same_total(model, {name: run() for name, run in contestants.items()})
    everyone = contestants | {"pass": one_pass(model), "copy": one_copy(model)}
    seconds = interleaved(everyone, VITERBI_REPEATS)
    what = f"Viterbi, {STATES:,} states and steps / "
    yield against(seconds, "ours", "pass", STEPS, what + "one pass over the scores a step", below=2)
    yield against(seconds, "ours", "hmmlearn", STEPS, what + "hmmlearn's C++", below=1)
    yield against(seconds, "ours", "loop", STEPS, what + "the recursion on whole NumPy arrays", below=1)
    yield against(seconds, "all", "pass", STEPS, what + "one pass, with all N² sums at each step")
    yield against(seconds, "all", "hmmlearn", STEPS, what + "hmmlearn's C++, with all N² sums at each step")
    yield against(seconds, "ours", "copy", STEPS, what + "np.copyto of the scores a step")
    yield Row("decoding", "largest difference of log-likelihoods, Viterbi", worst, "", below=1e-6)


def same_total(model: MarkovChain, found: dict[str, Path]) -> float:
    """The largest difference between what was claimed, what the path scores, and ours.

    The paths themselves may differ: with the same matrix at every step, one that takes the same steps in another order
    is as likely.
    """
    expected = found["ours"][1]
    claimed = [total for _, total in found.values()]
    scored = [model.log_first[w[0]] + model.log_P[w[:-1], w[1:]].sum() for w, _ in found.values()]
    return max(abs(total - expected) for total in [*claimed, *scored])


class Timed:
    """A model whose own time is counted."""

    def __init__(self, model: Any):
        self.model, self.vocabulary, self.seconds = model, model.vocabulary, 0.0

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[Any, Any]:
        begun = time.perf_counter()
        answer = self.model.log_probs(prefixes, state)
        self.seconds += time.perf_counter() - begun
        return answer


class Table:
    """Log-probabilities that are looked up: a model that costs nothing."""

    def __init__(self, log_p: np.ndarray):
        self.log_p, self.vocabulary = log_p, Vocabulary(range(log_p.shape[2]))

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[np.ndarray, None]:
        return self.log_p[prefixes.shape[1], : len(prefixes)], None


def logits() -> np.ndarray:
    return 3 * np.random.default_rng(0).standard_normal((LENGTH, WIDTH, WORDS), np.float32)


def softmax_of(given: np.ndarray) -> Function:
    """The softmax alone: logits of each step and each prefix, computed before."""
    return Function(lambda prefixes: given[prefixes.shape[1], : len(prefixes)], range(WORDS), logits=True)


def output_layer() -> Function:
    """An output layer and its softmax: h, a vector for each last word, and h W."""
    dice = np.random.default_rng(0)
    E = dice.standard_normal((WORDS + 1, HIDDEN), np.float32)
    W = dice.standard_normal((HIDDEN, WORDS), np.float32) * np.float32(HIDDEN**-0.5)

    def next_word(prefixes: np.ndarray) -> np.ndarray:
        return E[prefixes[:, -1] if prefixes.shape[1] else np.full(len(prefixes), WORDS)] @ W

    return Function(next_word, range(WORDS), logits=True)


def by_whole_array(model: Any, first: Callable[[np.ndarray, int], np.ndarray]) -> Callable[[], list[Path]]:
    """Beam search with all B·N totals in one array, and `first(totals, B)` of them kept."""

    def run() -> list[Path]:
        prefixes, totals = np.zeros((1, 0), np.int64), np.zeros(1)
        for _ in range(LENGTH):
            scores, _ = model.log_probs(prefixes, None)
            sums = (totals[:, None] + scores).ravel()
            kept = first(sums, WIDTH)
            prefixes, totals = np.column_stack([prefixes[kept // WORDS], kept % WORDS]), sums[kept]
        return list(zip(prefixes.tolist(), totals.tolist()))

    return run


def by_sorting(sums: np.ndarray, k: int) -> np.ndarray:
    return np.argsort(-sums)[:k]


def by_partition(sums: np.ndarray, k: int) -> np.ndarray:
    kept = np.argpartition(sums, len(sums) - k)[len(sums) - k :]
    return kept[np.argsort(-sums[kept])]


def by_beam(model: Any) -> Callable[[], list[Path]]:
    return lambda: [(list(s.words), s.log_likelihood) for s in beam_search(model, LENGTH, WIDTH)]


def shares(model: Any) -> tuple[float, float, str]:
    """What parts of a search, in per cent, are selection, and all that is not its model's: medians, and in words."""
    timed, selecting, found = Timed(model), [0.0], []

    @wraps(selection.best_extensions)
    def select(*arguments: Any) -> Any:
        begun = time.perf_counter()
        best = selection.best_extensions(*arguments)
        selecting[0] += time.perf_counter() - begun
        return best

    search = by_beam(timed)
    with patch.object(beam_module, "best_extensions", select):
        search()
        for _ in range(BEAM_REPEATS):
            timed.seconds, selecting[0], begun = 0.0, 0.0, time.perf_counter()
            search()
            total = time.perf_counter() - begun
            own = total - timed.seconds
            found.append((selecting[0] / total, own / total, selecting[0], own, timed.seconds))
    part, all_own, *times = zip(*found)
    selected, own, models = (per_step(t, LENGTH) for t in times)
    note = f"{selected} a step, all of the search {own}, and the model {models}"
    return 100 * median(part), 100 * median(all_own), note


def beam() -> Iterator[Row]:
    given = logits()
    table = Table(log_softmax(given, axis=2))
    contestants = {
        "ours": by_beam(table), "argsort": by_whole_array(table, by_sorting),
        "argpartition": by_whole_array(table, by_partition),
    }  # fmt: skip
    worst = agree({name: run() for name, run in contestants.items()})
    what = f"beam of {WIDTH} over {WORDS:,} words beside "
    for name, model, target in (
        ("a softmax", softmax_of(given), 20),
        (f"an output layer of {HIDDEN} × N and a softmax", output_layer(), 20),
        ("ready log-probabilities", table, None),
    ):
        selected, own, note = shares(model)
        yield Row("decoding", f"{what}{name}: share of selection", selected, "%", below=target, note=note)
        yield Row("decoding", f"{what}{name}: share of all that is not the model's", own, "%")
    seconds = interleaved(contestants, BEAM_REPEATS)
    for name in ("argsort", "argpartition"):
        yield against(seconds, "ours", name, LENGTH, f"beam on ready log-probabilities / np.{name} of B·N", below=1)
    yield Row("decoding", "largest difference of log-likelihoods, beam", worst, "", below=1e-3)


def transformer() -> Iterator[Row]:
    """The same tiny GPT-2 with its key-value cache, searched by us and by its own `generate`.

    PyTorch has as many threads as it takes; what theirs does outside of the network is PyTorch too, what ours does is
    NumPy with one thread.
    """
    rows = ("outside of the network", "in all")
    what = "beam on a tiny GPT-2 / transformers' generate, "
    if not (installed("torch") and installed("transformers")):
        for row, target in zip(rows, (1, None)):
            yield Row("decoding", what + row, note="not installed", below=target)
        return
    ours, theirs, inside = searches()
    worst = agree({"ours": ours(), "transformers": theirs()})
    spent: dict[str, list[float]] = {"ours": [], "transformers": []}

    def counted(name: str, search: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            inside[0] = 0.0
            search()
            spent[name].append(inside[0])

        return run

    everyone = {"ours": ours, "transformers": theirs}
    seconds = interleaved({name: counted(name, run) for name, run in everyone.items()}, BEAM_REPEATS)
    outside = {name: [a - b for a, b in zip(seconds[name], spent[name][1:])] for name in everyone}
    yield against(outside, "ours", "transformers", LENGTH, what + rows[0], below=1)
    yield against(seconds, "ours", "transformers", LENGTH, what + rows[1])
    yield Row("decoding", "largest difference of log-likelihoods, GPT-2", worst, "", below=1e-3)


def searches() -> tuple[Callable[[], list[Path]], Callable[[], list[Path]], list[float]]:
    """Ours and theirs, and where the seconds inside of the network's forward pass are counted."""
    import torch
    from transformers import DynamicCache, GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    gpt2 = GPT2LMHeadModel(GPT2Config(**GPT2, initializer_range=0.4, bos_token_id=0, eos_token_id=0)).eval()
    forward, inside = gpt2.forward, [0.0]

    @wraps(forward)
    def timed(*arguments: Any, **named: Any) -> Any:
        begun = time.perf_counter()
        answer = forward(*arguments, **named)
        inside[0] += time.perf_counter() - begun
        return answer

    gpt2.forward = timed

    @torch.no_grad()
    def next_word(prefixes: np.ndarray, cache: Any) -> tuple[Any, Any]:
        tokens = torch.as_tensor(np.insert(prefixes, 0, 0, axis=1))
        out = gpt2(tokens if cache is None else tokens[:, -1:], cache=DynamicCache(cache), use_cache=True)
        return out.logits[:, -1], tuple((k, v) for k, v, _ in out.cache)

    begin = torch.zeros((1, 1), dtype=torch.int64)

    def theirs() -> list[Path]:
        out = gpt2.generate(
            begin, attention_mask=torch.ones_like(begin), do_sample=False, num_beams=WIDTH, num_return_sequences=WIDTH,
            max_new_tokens=LENGTH, eos_token_id=None, pad_token_id=0, length_penalty=0.0, output_scores=True,
            return_dict_in_generate=True,
        )  # fmt: skip
        return list(zip(out.sequences[:, 1:].tolist(), out.sequences_scores.tolist()))

    return by_beam(Function(next_word, range(GPT2["vocab_size"]), logits=True)), theirs, inside


def agree(found: dict[str, list[Path]]) -> float:
    """The largest difference of log-likelihoods. Raises AssertionError where the sequences are not the same."""
    (first, expected), *others = found.items()
    worst = 0.0
    for name, paths in others:
        assert [words for words, _ in paths] == [words for words, _ in expected], f"{name} finds others than {first}"
        worst = max(worst, *(abs(a - b) for (_, a), (_, b) in zip(paths, expected)))
    return worst


def against(seconds: dict[str, list[float]], ours: str, theirs: str, steps: int, what: str, **target: float) -> Row:
    if theirs not in seconds:
        return Row("decoding", what, note="not installed", **target)
    value, spread = ratio(seconds, ours, theirs)
    times = f"{per_step(seconds[ours], steps)} / {per_step(seconds[theirs], steps)} a step"
    return Row("decoding", what, value, note=f"{times}; {spread}", **target)


def run() -> Iterator[Row]:
    yield from exact()
    yield from beam()
    yield from transformer()


if __name__ == "__main__":
    for row in run():
        print(row)
