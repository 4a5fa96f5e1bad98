"""What a decoder answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .search import Search


@dataclass(frozen=True, eq=False)
class Sequence:
    """A sequence of words, how likely it is, and the search that found it.

    words               w_1 … w_T; the last is `eos` where the sequence was ended by it
    log_likelihood      log p(w_1 … w_T | w_0), a natural logarithm; never divided by anything
    length_normalised   log_likelihood / T^length_penalty, where a length penalty was asked for; else None
    finished            it ended with `eos`
    search              the whole search; all sequences of one call share it

    >>> from chainrule.decode import MarkovChain, viterbi
    >>> s = viterbi(MarkovChain([[0.6, 0.4], [0.1, 0.9]]), length=3)
    >>> print(s)
    1 1 1    log p = -1.127
    >>> s.calls, s.extensions
    (3, 10)
    """

    words: tuple[Any, ...]
    log_likelihood: float
    length_normalised: float | None
    finished: bool
    search: Search

    @property
    def calls(self) -> int:
        """How often the model was asked, for many prefixes at a time."""
        return self.search.calls

    @property
    def extensions(self) -> int:
        """How many pairs of a prefix and a next word of positive probability were scored."""
        return self.search.extensions

    @property
    def text(self) -> str:
        """The words as one text: characters without spaces between them."""
        return ("" if self.search.vocabulary.characters else " ").join(map(str, self.words))

    def __str__(self) -> str:
        normalised = "" if self.length_normalised is None else f", {self.length_normalised:.4g} normalised by length"
        return f"{self.text}    log p = {self.log_likelihood:.4g}{normalised}"

    def __repr__(self) -> str:
        return f"Sequence({self.words!r}, log_likelihood={self.log_likelihood:.6g})"


__all__ = ["Sequence"]
