"""Hidden Markov models: what they emit, and the states behind it."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from copy import copy
from typing import Any, NoReturn

import numpy as np

from ..graph.errors import InputError
from .asked import whole
from .chain import MarkovChain, Trellis, check_distributions, numbers
from .errors import NoSequence, NotMarkov
from .vocabulary import Vocabulary

_UNDERFLOW = 1e-280  # a sum above it lacks no digit for terms too small for a float64, one below it may


class HMM:
    """A hidden Markov model: states z_t that follow a Markov chain, and words x_t of which each depends on z_t alone.

        p(z_1 … z_T, x_1 … x_T) = Π_t p(z_t | z_{t−1}) p(x_t | z_t)

    initial      (S,), p(z_1)
    transition   (S, S), each row a distribution, ``transition[i, j]`` = p(z_t = j | z_{t−1} = i)
    emission     (S, N), each row a distribution, ``emission[j, n]`` = p(x_t = n | z_t = j)
    states       the S states; by default the numbers 0 … S − 1
    words        the N words; by default the numbers 0 … N − 1

    It is a model of the words, p(x_1 … x_T), which are not Markov: greedy, beam, exhaustive search and sampling make
    words up. `given` is a model of the states, the words being known, and `posterior` another: these are Markov.

    L. R. Rabiner, A tutorial on hidden Markov models and selected applications in speech recognition, Proceedings of
    the IEEE 77(2), 1989: π, A and B there are initial, transition and emission here. hmmlearn's CategoricalHMM calls
    them startprob_, transmat_ and emissionprob_.

    Raises InputError for shapes that do not fit and for rows that are no distributions, as `MarkovChain` does.

    >>> from chainrule.decode import HMM, viterbi
    >>> weather = HMM(
    ...     [0.6, 0.4], [[0.7, 0.3], [0.4, 0.6]], [[0.1, 0.4, 0.5], [0.6, 0.3, 0.1]],
    ...     states=["rainy", "sunny"], words=["walk", "shop", "clean"],
    ... )
    >>> seen = ["walk", "shop", "clean"]
    >>> round(weather.log_likelihood(seen), 4)
    -3.3929
    >>> viterbi(weather.given(seen), length=3).words
    ('sunny', 'rainy', 'rainy')
    """

    noun = "a hidden Markov model"
    start: Any = None  # the word before the first; None: the beginning

    def __init__(
        self,
        initial: Any,
        transition: Any,
        emission: Any,
        states: Iterable[Hashable] | None = None,
        words: Iterable[Hashable] | None = None,
    ):
        p, P, E = numbers("initial", initial), numbers("transition", transition), numbers("emission", emission)
        s = len(P) if P.ndim else 0
        if p.shape != (s,) or P.shape != (s, s) or E.ndim != 2 or len(E) != s or not E.size:
            raise InputError(
                "initial, transition and emission must have shapes (S,), (S, S) and (S, N) for S states and N words; "
                f"they have {p.shape}, {P.shape} and {E.shape}"
            )
        n = E.shape[1]
        self.states = Vocabulary(range(s) if states is None else states)
        self.vocabulary = Vocabulary(range(n) if words is None else words)
        if len(self.states) != s:
            raise InputError(f"there are {len(self.states)} states, and transition of shape {P.shape} is one of {s}")
        if len(self.vocabulary) != n:
            raise InputError(f"there are {len(self.vocabulary)} words, and emission of shape {E.shape} is one of {n}")
        check_distributions(p[None], lambda _: "initial")
        for name, rows in (("transition", P), ("emission", E)):
            check_distributions(rows, lambda r, name=name: self._row(r, name))
        self._P, self._E = P, E
        with np.errstate(divide="ignore"):
            self.log_initial, self.log_transition, self.log_emission = (
                np.minimum(np.log(q), 0) for q in (p, P, E)
            )

    def _row(self, r: int, name: str) -> str:
        state = self.states[r]
        return f"row {r} of {name}" if isinstance(state, int) else f"row {r} ({state!r}) of {name}"

    def __repr__(self) -> str:
        return f"HMM of {len(self.states):,} states and {len(self.vocabulary):,} words"

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[np.ndarray, np.ndarray]:
        """log p(x_{t+1} | x_1 … x_t) = log Σ_j p(z_{t+1} = j | x_1 … x_t) p(x_{t+1} | j): `Model.log_probs`.

        The state that is carried is log p(z_{t+1} | x_1 … x_t), (B, S): the forward filter of the last step, put
        through the transition. After words of probability 0 all is −inf, this and the next word.

        Time O(B S (S + N)) a step.
        """
        if state is None:
            state = np.broadcast_to(self.log_initial, (len(prefixes), len(self.states)))
            for x in prefixes.T:
                state = self._forward(state, x)[0]
        elif prefixes.shape[1]:
            state = self._forward(state, prefixes[:, -1])[0]
        return _mixture(state, self._E, self.log_emission), state

    def _forward(self, expected: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One step of the forward procedure for B sequences: Rabiner's (20), each step scaled as in his section V.A.

        expected   (B, S), log p(z_t | x_1 … x_{t−1})
        x          (B,), the words x_t

        Answers log p(z_{t+1} | x_1 … x_t), (B, S), and log p(x_t | x_1 … x_{t−1}), (B, 1).
        """
        joint = expected + self.log_emission.T[x]
        scale = _log_sum(joint)
        filtered = joint - np.where(scale > -np.inf, scale, 0.0)
        return _mixture(filtered, self._P, self.log_transition), scale

    def log_likelihood(self, x: Iterable[Hashable]) -> float:
        """log p(x_1 … x_T), by the forward procedure (Rabiner, sections III.A and V.A); −inf where x is impossible.

        Time O(T S²). Raises NamingError for a word that is not in the vocabulary. hmmlearn: ``score``.

        >>> HMM([1.0, 0.0], [[0.5, 0.5], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]).log_likelihood([0, 1, 0])
        -inf
        """
        expected, total = self.log_initial[None], 0.0
        for word in self._observed(x):
            expected, scale = self._forward(expected, word[None])
            total += float(scale[0, 0])
            if total == -np.inf:
                break
        return total

    def given(self, x: Iterable[Hashable]) -> HiddenPath:
        """The states behind the words x_1 … x_T: a Markov model whose sequences are z_1 … z_T, see `HiddenPath`.

        Raises NoSequence where x is impossible, with the first t at which there is no state to be in; InputError where
        x is empty; NamingError for a word that is not in the vocabulary.

        >>> from chainrule.decode import exhaustive, viterbi
        >>> coin = HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], [[0.5, 0.5], [0.9, 0.1]], ["fair", "bent"], "HT")
        >>> viterbi(coin.given("HHH"), 3).words
        ('bent', 'bent', 'bent')
        """
        return HiddenPath(self, self._possible(self._observed(x)))

    def posterior(self, x: Iterable[Hashable]) -> MarkovChain:
        """p(z_1 … z_T | x_1 … x_T), a Markov chain over the states that varies in time, to sample from.

        With β_t(i) = p(x_{t+1} … x_T | z_t = i), the backward procedure (Rabiner, section III.A, (23) to (25)), it has

            p(z_1 = j | x)               = p(j) p(x_1 | j) β_1(j) / p(x)
            p(z_t = j | z_{t−1} = i, x)  = p(j | i) p(x_t | j) β_t(j) / β_{t−1}(i)

        so that its log-likelihoods are those of ``given(x)`` less log p(x). A row i that cannot be, as no state after i
        emits what was seen, keeps the transition's row: nothing leads there.

        Time and memory O(T S²). Raises what `given` raises, and InputError where the memory is too small. hmmlearn
        answers p(z_t | x) alone, each t by itself, in ``predict_proba``; that is no distribution over paths.

        >>> from chainrule.decode import sample
        >>> coin = HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], [[0.5, 0.5], [1.0, 0.0]], ["fair", "bent"], "HT")
        >>> path = sample(coin.posterior("HTH"), 3, seed=1)[0]
        >>> path.words[1]
        'fair'
        """
        given = self._possible(self._observed(x))
        shape = (len(given) - 1, *self.log_transition.shape)
        try:
            steps = np.empty(shape)
        except (MemoryError, ValueError):
            raise InputError(
                f"the posterior needs {8 * math.prod(shape):,} bytes, (T−1)·S² numbers, more than the memory holds; "
                "viterbi and k_best on given(x) need no such matrices"
            ) from None
        seen = self.log_emission.T[given]  # (T, S)
        ahead = np.zeros(len(self.states))  # log β_t
        for t in range(len(seen) - 1, 0, -1):
            joint = self.log_transition + (seen[t] + ahead)  # its rows are z_{t−1}
            sums = _log_sum(joint)
            possible = sums > -np.inf
            steps[t - 1] = np.where(possible, joint - np.where(possible, sums, 0.0), self.log_transition)
            ahead = sums[:, 0]
        first = self.log_initial + seen[0] + ahead
        return _Posterior(self.states, first - _log_sum(first[None])[0], steps)

    def after(self, words: Iterable[Hashable]) -> HMM:
        """The model given its first words: a hidden Markov model that begins in p(z_{t+1} | x_1 … x_t).

        Raises what `given` raises.

        >>> coin = HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], [[0.5, 0.5], [1.0, 0.0]], ["fair", "bent"], "HT")
        >>> coin.after("T").log_initial.round(4)
        array([-0.1054, -2.3026])
        """
        given = self._observed(words)
        if not len(given):
            return self
        expected = self.log_initial[None]
        for x in self._possible(given):
            expected = self._forward(expected, x[None])[0]
        return self._from(expected[0], self.vocabulary[int(given[-1])])

    def _from(self, log_initial: np.ndarray, start: Any) -> HMM:
        later = copy(self)
        later.log_initial, later.start = log_initial, start
        return later

    def trellis(self, length: int) -> NoReturn:
        """Raises NotMarkov: the words are not, the states are."""
        raise NotMarkov(
            f"in {self.noun} x_t depends on all the words before it, through the hidden state; what is Markov is the "
            "states, once the words are known: hand over hmm.given(x)"
        )

    def _observed(self, x: Iterable[Hashable]) -> np.ndarray:
        """The numbers of the words x, (T,)."""
        if isinstance(x, np.ndarray) and x.ndim != 1:
            raise InputError(f"the words have shape {x.shape}, and they are one sequence, of shape (T,)")
        return self.vocabulary.numbers(x)

    def _possible(self, given: np.ndarray) -> np.ndarray:
        """The words again, for which there is a path of states of positive probability."""
        if not len(given):
            raise InputError("no words were given, and the states are those behind at least one")
        leads = self._P > 0
        reached = np.asarray(self.log_initial > -np.inf)
        for t, word in enumerate(given, 1):
            emits = np.asarray(self._E[:, word] > 0)
            if not (reached & emits).any():
                raise NoSequence(self._impossible(t, self.vocabulary[word], reached, emits))
            reached = np.asarray(leads[reached & emits].any(axis=0))
        return given

    def _impossible(self, t: int, word: Any, reached: np.ndarray, emits: np.ndarray) -> str:
        if not emits.any():
            return f"no state can be at t = {t}: none emits {word!r}"
        before = f"after the {t - 1} before it" if t > 2 else "after the one before it" if t > 1 else "at the beginning"
        return (
            f"no state can be at t = {t}: only {self._several(emits)} can emit {word!r}, the word seen there, and "
            f"{before} only {self._several(reached)} can come"
        )

    def _several(self, which: np.ndarray) -> str:
        named = [repr(self.states[int(j)]) for j in np.flatnonzero(which)]
        return ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "")


class HiddenPath:
    """The states of a hidden Markov model behind words x_1 … x_T that are known; made by `HMM.given`.

    Its words are the states, and z_t scores log p(z_t, x_t | z_{t−1}). So a path's log-likelihood is that of path and
    words together, log p(z_1 … z_T, x_1 … x_T), which is what hmmlearn's ``decode`` answers; less ``log_likelihood(x)``
    of the model it is log p(z | x). Scores of z_t do not sum to 1: draw samples from `HMM.posterior` instead.

    Viterbi's algorithm on it is Rabiner's (section III.B). hmmlearn differs from `viterbi` in ties: it takes the last
    state smallest and every state before it largest. For words that are impossible it answers a path and −inf.
    Its ``decode(algorithm="map")`` finds the best z_t for each t by itself, and adds probabilities, not logarithms.

    >>> from chainrule.decode import HMM, beam_search
    >>> hmm = HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], [[0.8, 0.2], [0.3, 0.7]], states=["low", "high"], words="ab")
    >>> path = hmm.given("abb")
    >>> path
    HiddenPath of 2 states behind 3 words
    >>> beam_search(path, 3, width=2)[0].words
    ('high', 'high', 'high')
    """

    noun, proper = "a hidden Markov model given its words", "hmm.posterior(x)"
    unit, factor, product = "states", "log p(z_t, x_t | z_t−1)", "log p(z_1 … z_t, x_1 … x_t)"

    def __init__(self, hmm: HMM, x: np.ndarray, start: Any = None):
        self.hmm, self.vocabulary, self.start, self._x = hmm, hmm.states, start, x
        self.local = hmm.log_emission.T[x]  # (T, S), log p(x_t | z_t)

    @property
    def observed(self) -> tuple[Any, ...]:
        """The words x_1 … x_T."""
        return self.hmm.vocabulary.words(self._x)

    def __repr__(self) -> str:
        return f"HiddenPath of {len(self.vocabulary):,} states behind {len(self._x):,} words"

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[np.ndarray, None]:
        """log p(z_{t+1}, x_{t+1} | z_t), for z_1 … z_t of each row: `Model.log_probs`, but for the sum of a row."""
        t = prefixes.shape[1]
        self._check_length(t + 1)
        if not t:
            return np.broadcast_to(self.hmm.log_initial + self.local[0], (len(prefixes), len(self.vocabulary))), None
        return self.hmm.log_transition[prefixes[:, -1]] + self.local[t], None

    def after(self, words: Iterable[Hashable]) -> HiddenPath:
        """The states that follow when the first ones are these. Raises NoSequence where they cannot be."""
        states = self.vocabulary.numbers(words)
        if not len(states):
            return self
        self._check_length(len(states) + 1)
        scores = [self.log_probs(states[None, :t], None)[0][0, z] for t, z in enumerate(states)]
        if -np.inf in scores:
            named, at = self.vocabulary.words(states), scores.index(-np.inf) + 1
            raise NoSequence(f"the states {named!r} have probability 0 behind the words given, from t = {at} on")
        later = self.hmm._from(self.hmm.log_transition[states[-1]], self.hmm.start)
        return HiddenPath(later, self._x[len(states) :], self.vocabulary[int(states[-1])])

    def trellis(self, length: int) -> Trellis:
        """What Viterbi's recursion needs; the first `length` of the words count. Raises InputError beyond the last."""
        self._check_length(whole("length", length))
        return Trellis(
            self.vocabulary, length, self.hmm.log_initial, self.hmm.log_transition, local=self.local[:length]
        )

    def _check_length(self, length: int) -> None:
        if length > (most := len(self._x)):
            given = "1 word was" if most == 1 else f"{most} words were"
            raise InputError(f"{given} given, so there is no state at t = {most + 1}; the length is at most {most}")


class _Posterior(MarkovChain):
    """p(z | x), of logarithms, as some are of numbers too small for a float64."""

    noun, unit = "the posterior of a hidden Markov model", "states"

    def __init__(self, states: Vocabulary, first: np.ndarray, steps: np.ndarray):
        self.vocabulary, self.start, self.log_first = states, None, first
        self.log_P = self._later = steps


def _mixture(log_weights: np.ndarray, rows: np.ndarray, log_rows: np.ndarray) -> np.ndarray:
    """log Σ_i exp(log_weights[b, i]) rows[i, j], (B, M); −inf only where the sum has no term above 0.

    A product of matrices. A sum so small that terms of it have underflowed is taken again, from the logarithms.
    """
    top = log_weights.max(axis=1, keepdims=True)
    top = np.where(top > -np.inf, top, 0.0)
    with np.errstate(divide="ignore", under="ignore"):
        sums = np.exp(log_weights - top) @ rows
        mixed = np.log(sums) + top
    low = sums < _UNDERFLOW
    if low.any():
        low &= (log_weights > -np.inf).astype(float) @ (rows > 0) > 0  # the others are 0 for good
        for j in np.flatnonzero(low.any(axis=0)):
            mixed[low[:, j], j] = _log_sum(log_weights[low[:, j]] + log_rows[:, j])[:, 0]
    return mixed


def _log_sum(scores: np.ndarray) -> np.ndarray:
    """log Σ_j exp(scores[b, j]), (B, 1)."""
    top = scores.max(axis=1, keepdims=True)
    top = np.where(top > -np.inf, top, 0.0)
    with np.errstate(divide="ignore", under="ignore"):
        return np.log(np.exp(scores - top).sum(axis=1, keepdims=True)) + top


__all__ = ["HMM", "HiddenPath"]
