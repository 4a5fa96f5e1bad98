"""The words that sequences are made of, and their numbers."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..graph.errors import InputError, NamingError
from ..graph.spelling import meant


class Vocabulary:
    """N distinct words, numbered 0 … N − 1 in the given order.

    words   hashable: strings, mostly; `range(N)` for numbers that stand for themselves

    Raises InputError for no words, and for a word that comes twice.

    >>> v = Vocabulary(["the", "red", "circle"])
    >>> v.number("red"), v.words([0, 2]), len(v)
    (1, ('the', 'circle'), 3)
    """

    def __init__(self, words: Iterable[Hashable]):
        try:
            self._words: Sequence[Any] = words if isinstance(words, range) else tuple(words)
            self._numbers = {word: k for k, word in enumerate(self._words)}
        except TypeError:
            raise InputError(f"a vocabulary is made of hashable words, such as texts; {words!r:.60} is not") from None
        if not self._words:
            raise InputError("a vocabulary needs at least one word")
        if len(self._numbers) < len(self._words):
            first = next(w for k, w in enumerate(self._words) if self._numbers[w] != k)
            raise InputError(f"the word {first!r} comes twice in the vocabulary")

    def __len__(self) -> int:
        return len(self._words)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._words)

    def __getitem__(self, k: int) -> Any:
        return self._words[k]

    def __contains__(self, word: object) -> bool:
        try:
            return word in self._numbers
        except TypeError:  # it is not hashable
            return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self._words))

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self._words[:6])) + (", …" if len(self) > 6 else "")
        return f"Vocabulary of {len(self):,} words: {shown}"

    @cached_property
    def characters(self) -> bool:
        """Whether all words are single characters: then texts are written without spaces between them."""
        return all(isinstance(w, str) and len(w) == 1 for w in self._words)

    def number(self, word: Hashable) -> int:
        """The number of a word. Raises NamingError for one that is not in the vocabulary."""
        try:
            return self._numbers[word]
        except (KeyError, TypeError):
            raise NamingError(self._unknown(word)) from None

    def numbers(self, words: Iterable[Hashable]) -> np.ndarray:
        """The numbers of several words, (n,) int64; a text is taken as its characters, where the words are those.

        Raises NamingError for a word that is not in the vocabulary.
        """
        if isinstance(words, str) and words and not self.characters:
            raise NamingError(f"{words!r} is one text, and a list of words is needed, such as {[self._words[0]]!r}")
        if not isinstance(words, Iterable):
            raise InputError(f"a list of words is needed, such as {[self._words[0]]!r}, and not {words!r}")
        return np.array([self.number(word) for word in words], np.int64)

    def words(self, numbers: Iterable[int]) -> tuple[Any, ...]:
        """The words with these numbers."""
        return tuple(self._words[k] for k in numbers)

    def _unknown(self, word: object) -> str:
        what = f"{word!r} is not in the vocabulary of {len(self):,} words"
        if isinstance(self._words, range):
            return f"{what}, the numbers {self._words[0]} to {self._words[-1]}"
        near = meant(word, [w for w in self._words if isinstance(w, str)]) if isinstance(word, str) else ""
        if near:
            return what + near
        shown = ", ".join(map(repr, self._words[:5]))
        return f"{what}: {shown}{', …' if len(self) > 5 else ''}"


__all__ = ["Vocabulary"]
