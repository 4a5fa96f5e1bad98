"""What every decoder asks of a model, and how it asks.

    class Bigram:
        vocabulary = Vocabulary(["a", "b"])

        def log_probs(self, prefixes, state):
            last = prefixes[:, -1] if prefixes.shape[1] else np.zeros(len(prefixes), int)
            return self.log_P[last], None

A model that would compute a prefix again and again answers a state with its numbers, and gets back the state of the
prefixes that live on.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from typing import Any, NoReturn, Protocol, cast

import numpy as np

from ..graph.errors import InputError
from .errors import NotMarkov
from .vocabulary import Vocabulary

ABOVE = 1e-4  # how far a float32's log-probability of a sure word may lie above 0
SUM_TOLERANCE = 1e-3  # of a row's sum: log-softmax in float32, over many words


class Model(Protocol):
    """p(w_1 … w_T | w_0 = <BOS>) = Π_t p(w_t | w_0 … w_{t−1}), a factor at a time.

    vocabulary   the N words
    log_probs    the next word after each of B prefixes

    It may also have ``select(state, rows)``, ``after(words)``, ``trellis(length)`` where it is Markov,
    ``sequences(length)``, the largest number of sequences that it can make, ``noun``, what it is called in messages,
    ``proper``, what to draw from where its log-probabilities are no distribution, and for pictures ``start``, the word
    before the first, and ``unit``, ``factor`` and ``product``, what its words, scores and totals are.
    """

    vocabulary: Vocabulary

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[Any, Any]:
        """log p(w_{t+1} | w_0 … w_t), natural logarithms, (B, N); and the state of these prefixes, or None.

        prefixes   (B, t), the numbers of w_1 … w_t; (B, 0) at the beginning. w_0 is the model's own affair
        state      None: read the prefixes from scratch. Otherwise what this method answered for ``prefixes[:, :-1]``,
                   its rows selected

        −inf marks an impossible word; NaN and +inf are mistakes.
        """
        ...


def ask(model: Model, prefixes: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
    """What the model answers, as an array of log-probabilities.

    Raises InputError where its shape is wrong, and for NaN and a log-probability above 0, with the prefix and the word.
    One that rounding put above 0, by less than 1e−4, becomes 0: then each further word can only cost.
    """
    answer = model.log_probs(prefixes, state)
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise InputError(f"log_probs of {noun(model)} must answer (log-probabilities, state), the state possibly None")
    scores, wanted = array(answer[0]), (len(prefixes), len(model.vocabulary))
    if scores.dtype.kind != "f":
        raise InputError(f"log_probs of {noun(model)} answered {scores.dtype}, and real numbers are needed")
    if scores.shape != wanted:
        raise InputError(
            f"log_probs of {noun(model)} answered shape {scores.shape} for {wanted[0]} prefixes and {wanted[1]} words; "
            f"it must be {wanted}"
        )
    if not scores.max(initial=-np.inf) <= 0:  # NaN is not
        _check(model, prefixes, scores)
        scores = np.minimum(scores, 0)
    return scores, answer[1]


def _check(model: Model, prefixes: np.ndarray, scores: np.ndarray) -> None:
    wrong = ~(scores <= ABOVE)
    if wrong.any():
        b, n = map(int, np.argwhere(wrong)[0])
        value = float(scores[b, n])
        p = f": a probability of {math.exp(value):.3g}" if 0 < value < 50 else ""
        raise InputError(
            f"{noun(model)} gave {model.vocabulary[n]!r} after {shown(model.vocabulary, prefixes[b])}: a "
            f"log-probability is a number of at most 0, and it is {value:g}{p}"
        )


def unlike_one(model: Model, prefixes: np.ndarray, sums: np.ndarray) -> str:
    """Where the probabilities of the next word do not sum to 1, and by how much; nothing where all do."""
    off = np.abs(sums - 1)
    if not (off > SUM_TOLERANCE).any():  # NaN is left to `ask`, which names the word
        return ""
    r = int(np.nanargmax(off))
    return (
        f"the probabilities that {noun(model)} gives the words after {shown(model.vocabulary, prefixes[r])} sum to "
        f"{sums[r]:.6g}, {off[r]:.3g} {'above' if sums[r] > 1 else 'below'} 1"
    )


def array(values: Any) -> np.ndarray:
    """An array of another library's tensor, too: whole numbers as float64, 16-bit floats as float32.

    Raises InputError for what is no array.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise InputError("a masked array hides some of its numbers; .filled(-np.inf) makes those words impossible")
    detach = getattr(values, "detach", None)  # PyTorch's tensors with a gradient, or elsewhere than in main memory
    if detach is not None:
        values = detach().cpu()
        values = values.float() if values.element_size() == 2 and values.is_floating_point() else values
    try:
        found = np.asarray(values)
    except ValueError as why:
        raise InputError(f"what a model answers must be an array, with rows of one length ({why})") from None
    if found.dtype.name in ("bfloat16", "float16"):
        return found.astype(np.float32)
    return found.astype(float) if found.dtype.kind in "iu" else found


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
    if state is None or isinstance(state, int | float | str):
        return state
    try:
        return state[rows]
    except (TypeError, IndexError, KeyError) as why:
        raise InputError(
            f"a part of the model's state, a {type(state).__name__}, has no row for each prefix ({why}); a model with "
            "such a state needs select(state, rows)"
        ) from None


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
        self.start = model.vocabulary[int(given[-1])]

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[Any, Any]:
        given = np.broadcast_to(self.given, (len(prefixes), len(self.given)))
        return self.model.log_probs(np.concatenate([given, prefixes], axis=1), state)

    def select(self, state: Any, rows: np.ndarray) -> Any:
        return select(self.model, state, rows)

    def trellis(self, length: int) -> NoReturn:
        raise NotMarkov(f"{self.noun} has no after(words) of its own, which would say what follows these words")


def log_likelihood(model: Model, words: Iterable[Hashable]) -> float:
    """log p(w_1 … w_T | w_0) of given words, Σ_t log p(w_t | w_0 … w_{t−1}); −inf where they cannot come.

    Raises NamingError for a word that is not in the vocabulary.

    >>> from chainrule.decode import MarkovChain, log_likelihood
    >>> round(log_likelihood(MarkovChain([[0.6, 0.4], [0.1, 0.9]]), [0, 1, 1]), 6)    # log(0.6 · 0.4 · 0.9)
    -1.532477
    """
    numbers, state, total = model.vocabulary.numbers(words), None, 0.0
    for t, word in enumerate(numbers):
        scores, state = ask(model, numbers[None, :t], state)
        total += float(scores[0, word])
        if total == -math.inf:
            break
    return total


def noun(model: Model) -> str:
    """What the model is called in a message: a tree, a Markov chain, …"""
    return cast(str, getattr(model, "noun", f"the model {type(model).__name__}"))


def shown(vocabulary: Vocabulary, numbers: Iterable[int]) -> str:
    """A prefix as it is written in a message: its words, or <BOS> where it has none."""
    words = vocabulary.words(numbers)
    if not words:
        return "<BOS>"
    if vocabulary.characters:
        return repr("".join(words))
    return f'"{" ".join(map(str, words))}"'


__all__ = ["Model", "after", "array", "ask", "log_likelihood", "noun", "select", "shown", "unlike_one"]
