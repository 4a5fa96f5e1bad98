"""How decoding can fail."""

from __future__ import annotations

from ..graph.errors import InputError


class NotMarkov(InputError):
    """Viterbi's recursion was asked of a model whose p(w_t | w_0..t-1) depends on more than w_{t-1}."""


class NoSequence(InputError):
    """No sequence that was asked for has a positive probability, or the search lost all of them."""


class TooMany(InputError):
    """More sequences than an exhaustive search is allowed to score."""


__all__ = ["NoSequence", "NotMarkov", "TooMany"]
