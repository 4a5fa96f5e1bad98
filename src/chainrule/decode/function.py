"""Any function of prefixes as a model: a trained network, of ours or of another library."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import numpy as np

from ..graph.errors import InputError
from .model import array, shown, unlike_one
from .vocabulary import Vocabulary

CACHED = 1 << 16  # numbers


class Function:
    """A model of a function f that answers, for B prefixes, (B, N) log-probabilities of the next word.

    f        called with `prefixes`, (B, t) int64, the numbers of w_1 … w_t; t = 0 at the beginning. One whose second
             argument must be given, or is called `state`, is given the state that it answered for these prefixes
             without their last word, None where there is none, and answers a pair (log-probabilities, state). Arrays
             of JAX and PyTorch will do, in the state too
    words    the N words
    logits   f answers logits: log-softmax is taken of them

    Raises InputError, when it is decoded, for rows whose probabilities do not sum to 1 (within 1e−3).

    >>> from chainrule.decode import Function, greedy
    >>> def repeat(prefixes):
    ...     t = prefixes.shape[1]
    ...     return np.log([[0.2, 0.8]] * len(prefixes)) if t == 0 else np.log([[0.3, 0.7], [0.6, 0.4]])[prefixes[:, -1]]
    >>> greedy(Function(repeat, ["a", "b"]), length=3).words
    ('b', 'a', 'b')
    """

    noun = "a function of the prefix"

    def __init__(self, f: Callable[..., Any], words: Iterable[Hashable], logits: bool = False):
        self.f, self.vocabulary, self.logits = f, Vocabulary(words), logits
        self._stateful = _takes_state(f)

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        """What f answers, normalised or checked: `Model.log_probs`."""
        answer = self.f(prefixes, state) if self._stateful else self.f(prefixes)
        pair = isinstance(answer, tuple) and len(answer) == 2
        if self._stateful != pair:
            wanted = "f(prefixes, state) must answer a pair (log-probabilities, state)"
            wanted = wanted if self._stateful else "f(prefixes) must answer an array (B, N)"
            raise InputError(f"{wanted}, and it answered a {type(answer).__name__}")
        scores, state = array(answer[0] if pair else answer), answer[1] if pair else None
        if scores.dtype.kind != "f" or scores.shape != (len(prefixes), len(self.vocabulary)):
            return scores, state  # its shape is complained of by whoever asked
        if self.logits:
            return self._normalised(scores, prefixes), state
        self._check(scores, prefixes)
        return scores, state

    def _normalised(self, logits: np.ndarray, prefixes: np.ndarray) -> np.ndarray:
        largest = logits.max(axis=1, keepdims=True)
        if not np.isfinite(largest).all():
            row = int(np.flatnonzero(~np.isfinite(largest[:, 0]))[0])
            raise InputError(
                f"the largest logit after {shown(self.vocabulary, prefixes[row])} is {largest[row, 0]:g}, and it must "
                "be a finite number"
            )
        with np.errstate(over="ignore"):  # a logit that far below is −inf
            scores = logits - largest
        scores -= np.log(_sums(scores))[:, None]
        return scores

    def _check(self, scores: np.ndarray, prefixes: np.ndarray) -> None:
        with np.errstate(over="ignore"):
            problem = unlike_one(self, prefixes, _sums(scores))
        if problem:
            raise InputError(f"{problem}; for logits give Function(f, words, logits=True)")


def _sums(scores: np.ndarray) -> np.ndarray:
    """Σ_n exp(scores[b, n]), (B,), a few rows at a time: they stay in the processor's cache."""
    rows = max(1, CACHED // scores.shape[1])
    sums = np.empty(len(scores), scores.dtype)
    for b in range(0, len(scores), rows):
        np.exp(scores[b : b + rows]).sum(axis=1, out=sums[b : b + rows])
    return sums


def _takes_state(f: Callable[..., Any]) -> bool:
    """Whether f has a second argument that must be given, or one called `state`. Raises InputError for no argument."""
    if not callable(f):
        raise InputError(f"f is a function of prefixes, and not {type(f).__name__}")
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):  # compiled functions
        return False
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if not places and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise InputError("f takes no arguments, and it is called with the prefixes")
    return len(places) > 1 and (places[1].default is places[1].empty or places[1].name == "state")


__all__ = ["Function"]
