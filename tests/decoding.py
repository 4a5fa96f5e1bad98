"""Models and brute force that the tests of decoding share."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from chainrule.decode import MarkovChain, Vocabulary


class History:
    """A made model in which every word depends on the whole prefix; log-probabilities drawn once, by the prefix.

    sparse   the share of words that are impossible
    """

    noun = "a made model"

    def __init__(self, n: int, seed: int, sparse: float = 0.0, levels: int = 0):
        self.vocabulary, self.seed, self.sparse, self.levels = Vocabulary(range(n)), seed, sparse, levels

    def row(self, prefix: tuple[int, ...]) -> np.ndarray:
        dice = np.random.default_rng([self.seed, len(prefix), *prefix])
        n = len(self.vocabulary)
        p = dice.integers(1, self.levels + 1, n).astype(float) if self.levels else dice.exponential(size=n)
        p[dice.random(n) < self.sparse] = 0
        with np.errstate(divide="ignore"):
            return np.log(p / p.sum()) if p.any() else np.full(n, -np.inf)

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[np.ndarray, None]:
        return np.array([self.row(tuple(map(int, prefix))) for prefix in prefixes]), None


class Counting:
    """Checks how it is asked: the state that comes back must be that of the prefixes without their last word."""

    def __init__(self, model: Any):
        self.model, self.vocabulary, self.calls, self.rows = model, model.vocabulary, 0, 0

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        self.calls, self.rows = self.calls + 1, self.rows + len(prefixes)
        if prefixes.shape[1] and not (state is None and self.calls == 1):  # a given beginning is read from scratch
            np.testing.assert_array_equal(state["read"], prefixes[:, :-1])
            assert [len(k) for k in state["parts"]] == [len(prefixes)] * 2
        state = {"read": prefixes.copy(), "parts": [prefixes, (prefixes,)[0]]}
        return self.model.log_probs(prefixes, None)[0], state


def chain(n: int, seed: int, sparse: float = 0.0, steps: int | None = None, levels: int = 0) -> MarkovChain:
    """A random chain from its word 0, where `sparse` of the transitions are impossible."""
    dice = np.random.default_rng(seed)
    shape = (n, n) if steps is None else (steps, n, n)
    P = dice.integers(1, levels + 1, shape).astype(float) if levels else dice.exponential(size=shape)
    P[dice.random(shape) < sparse] = 0
    P[..., 0] += ~P.any(axis=-1)
    return MarkovChain(P / P.sum(axis=-1, keepdims=True))


def everything(model: Any, length: int, eos: int | None = None) -> list[tuple[float, tuple[int, ...]]]:
    """All outcomes of positive probability with their log-likelihoods, by brute force, in the order of the library:
    larger first, then by the last word, the one before it and so on, where what has ended is filled up with eos."""
    found = []

    def follow(prefix: tuple[int, ...], total: float) -> None:
        if len(prefix) == length or (prefix and prefix[-1] == eos):
            found.append((total, prefix))
            return
        row = np.asarray(model.log_probs(np.array([prefix], np.int64).reshape(1, -1), None)[0])[0]
        for word, score in enumerate(row):
            if score > -np.inf:
                follow((*prefix, word), total + float(score))

    follow((), 0.0)
    pad = lambda words: tuple(reversed((*words, *itertools.repeat(eos, length - len(words)))))
    return sorted(found, key=lambda f: (-f[0], pad(f[1])))
