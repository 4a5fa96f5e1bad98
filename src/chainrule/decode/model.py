"""What every decoder asks of a model, and how it asks.

    class Bigram:
        vocabulary = Vocabulary(["a", "b"])

        def log_probs(self, prefixes, state):
            return self.log_P[prefixes[:, -1]] if prefixes.shape[1] else self.log_first[None], None

A model that would compute a prefix again and again answers a state with its numbers, and gets back the state of the
prefixes that live on.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Protocol, cast

import numpy as np

from ..graph.errors import InputError
from .vocabulary import Vocabulary


class Model(Protocol):
    """p(w_1 … w_T | w_0 = <BOS>) = Π_t p(w_t | w_0 … w_{t−1}), a factor at a time.

    vocabulary   the N words
    log_probs    the next word after each of B prefixes

    It may also have ``select(state, rows)``, ``after(words)``, ``trellis(length)`` where it is Markov,
    ``sequences(length)``, the largest number of sequences that it can make, ``noun``, what it is called in messages,
    and ``proper``, what to draw from where its log-probabilities are no distribution.
    """

    vocabulary: Vocabulary

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[Any, Any]:
        """log p(w_{t+1} | w_0 … w_t), natural logarithms, (B, N); and the state of these prefixes, or None.

        prefixes   (B, t), the numbers of w_1 … w_t; (1, 0) at the beginning. w_0 is the model's own affair
        state      None: read the prefixes from scratch. Otherwise what this method answered for ``prefixes[:, :-1]``,
                   its rows selected

        −inf marks an impossible word; NaN and +inf are mistakes.
        """
        ...


def ask(model: Model, prefixes: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
    """What the model answers, as an array. Raises InputError where its shape or kind is wrong.

    NaN and values above 0 are not looked for here: that is a pass over B × N numbers, which `best_extensions` makes
    anyway.
    """
    answer = model.log_probs(prefixes, state)
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise InputError(f"log_probs of {noun(model)} must answer (log-probabilities, state), the state possibly None")
    scores, wanted = np.asarray(answer[0]), (len(prefixes), len(model.vocabulary))
    if scores.dtype.kind not in "fiu":
        raise InputError(f"log_probs of {noun(model)} answered {scores.dtype}, and real numbers are needed")
    if scores.shape != wanted:
        raise InputError(
            f"log_probs of {noun(model)} answered shape {scores.shape} for {wanted[0]} prefixes and {wanted[1]} words; "
            f"it must be {wanted}"
        )
    return scores if scores.dtype.kind == "f" else scores.astype(float), answer[1]


def select(model: Model, state: Any, rows: np.ndarray) -> Any:
    """The state of those prefixes alone, in that order; a row may come several times. The old state stays as it was.

    Arrays are indexed by `rows`, and so are those in tuples, lists and dictionaries; a model's own `select` goes first.
    """
    own = getattr(model, "select", None)
    if state is None:
        return None
    return own(state, rows) if own is not None else _rows_of(state, rows)


def _rows_of(state: Any, rows: np.ndarray) -> Any:
    if isinstance(state, tuple | list):
        parts = [_rows_of(part, rows) for part in state]
        return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)
    if isinstance(state, dict):
        return {name: _rows_of(part, rows) for name, part in state.items()}
    return None if state is None else state[rows]


def after(model: Model, words: Iterable[Hashable]) -> Model:
    """The model given that the sequence began with these words: its w_1 follows the last of them.

    Raises NamingError for a word that is not in the vocabulary.

    >>> from chainrule.decode import MarkovChain, after, greedy
    >>> rain = MarkovChain([[0.9, 0.1], [0.4, 0.6]], start="dry", words=["dry", "wet"])
    >>> greedy(after(rain, ["wet"]), 3).words
    ('wet', 'wet', 'wet')
    """
    own = getattr(model, "after", None)
    if own is not None:
        return own(words)
    numbers = model.vocabulary.numbers(words)
    return _After(model, numbers) if len(numbers) else model


class _After:
    def __init__(self, model: Model, given: np.ndarray):
        self.model, self.given = model, given
        self.vocabulary, self.noun = model.vocabulary, noun(model)

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[Any, Any]:
        given = np.broadcast_to(self.given, (len(prefixes), len(self.given)))
        return self.model.log_probs(np.concatenate([given, prefixes], axis=1), state)

    def select(self, state: Any, rows: np.ndarray) -> Any:
        return select(self.model, state, rows)


def noun(model: Model) -> str:
    """What the model is called in a message: a tree, a Markov chain, …"""
    return cast(str, getattr(model, "noun", f"the model {type(model).__name__}"))


def shown(vocabulary: Vocabulary, numbers: Iterable[int]) -> str:
    """A prefix as it is written in a message: its words, or <BOS> where it has none."""
    words = vocabulary.words(numbers)
    if not words:
        return "<BOS>"
    if all(isinstance(w, str) and len(w) == 1 for w in words):
        return repr("".join(words))
    return f'"{" ".join(map(str, words))}"'


__all__ = ["Model", "after", "ask", "noun", "select", "shown"]
