"""Any function of prefixes as a model: a trained network, of ours or of another library."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import numpy as np

from ..graph.errors import InputError
from .model import shown
from .vocabulary import Vocabulary

TOLERANCE = 1e-3  # of a row's sum: log-softmax in float32, over many words


class Function:
    """A model of a function f that answers, for B prefixes, (B, N) log-probabilities of the next word.

    f        called with `prefixes`, (B, t) int64, the numbers of w_1 … w_t; t = 0 at the beginning. One that takes a
             second argument is given the state that it answered for these prefixes without their last word, None where
             there is none, and answers a pair (log-probabilities, state). Arrays of JAX and PyTorch will do, in the
             state too
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
        self.stateful = _arguments(f) > 1

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        """What f answers, normalised or checked: `Model.log_probs`."""
        answer, state = self.f(prefixes, state) if self.stateful else (self.f(prefixes), None)
        scores = np.asarray(answer)
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
        scores = logits - largest
        sums = np.exp(scores).sum(axis=1, keepdims=True)
        scores -= np.log(sums)
        return scores

    def _check(self, scores: np.ndarray, prefixes: np.ndarray) -> None:
        with np.errstate(over="ignore"):
            sums = np.exp(scores).sum(axis=1, dtype=float)
        off = np.abs(sums - 1)
        if (off > TOLERANCE).any():  # NaN is left to the decoder, which names the word
            row = int(np.nanargmax(off))
            raise InputError(
                f"the probabilities of the words after {shown(self.vocabulary, prefixes[row])} sum to {sums[row]:.6g}, "
                f"{off[row]:.3g} {'above' if sums[row] > 1 else 'below'} 1; for logits give Function(f, words, "
                "logits=True)"
            )


def _arguments(f: Callable[..., Any]) -> int:
    """How many positional arguments f must be given."""
    needed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):  # compiled functions
        return 1
    return sum(p.kind in needed and p.default is p.empty for p in parameters)


__all__ = ["Function"]
