"""Text as words or as characters, and where something begins in it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ..graph.errors import InputError
from .asked import whole
from .vocabulary import Vocabulary

UNK = "<unk>"
"""The word that stands for all that are not in a vocabulary."""

Level = Literal["word", "character"]
Beginnings = Literal["paragraph", "line"]

_BREAKS = {
    "paragraph": re.compile(r"\n(?:[^\S\n]*\n)+"),  # one or more blank lines
    "line": re.compile(r"\n(?:[^\S\n]*\n)*"),
}


def words(text: str, *, lower: bool = False) -> list[str]:
    """The words and punctuation marks of a text, in order; white space only separates them.

    A word is letters and digits, with single apostrophes and hyphens inside: don't, well-known, 1st; an underscore
    counts as a letter, as in Python. A number keeps its points and commas: 3.14, 1,000. Any other sign is a word by
    itself, and several of one kind in a row are one: . , -- … `<unk>` and the like, letters in angle brackets, stay
    whole. Letters keep their case unless `lower`: a small text is counted better without, and reads better with it.

    Scripts that do not separate words by spaces (Chinese, Japanese, Thai) need characters instead.

    >>> words("He didn't pay 1,000 dollars -- so what?!")
    ['He', "didn't", 'pay', '1,000', 'dollars', '--', 'so', 'what', '?', '!']
    """
    text = text.lower() if lower else text
    return _words(text, _pattern(text))


def characters(text: str, *, lower: bool = False) -> list[str]:
    """The characters of a text (Unicode code points), spaces and line breaks among them.

    >>> characters("To be\\n", lower=True)
    ['t', 'o', ' ', 'b', 'e', '\\n']
    """
    return list(text.lower() if lower else text)


def _pattern(text: str) -> re.Pattern[str]:
    # \w has no combining marks (accents, vowel signs of Indian scripts), which belong to the letter before them.
    marks = "".join(sorted(sign for sign in set(text) if unicodedata.category(sign)[0] == "M"))
    letter = rf"[\w{marks}]"
    return re.compile(rf"<\w+>|\d+(?:[.,]\d+)+(?!{letter})|{letter}+(?:['’‐-]{letter}+)*|(\S)\1*")


def _words(text: str, pattern: re.Pattern[str]) -> list[str]:
    return [found[0] for found in pattern.finditer(text)]


@dataclass(frozen=True)
class Reader:
    """Text to tokens, always in the same way."""

    level: Level = "word"
    lower: bool = False

    def __post_init__(self) -> None:
        _one_of("level", self.level, "word", "character")

    def __call__(self, text: str) -> list[str]:
        read = words if self.level == "word" else characters
        return read(text, lower=self.lower)


class Tokens(NamedTuple):
    """The tokens of a text, and the numbers of those with which a paragraph (or line) begins."""

    tokens: list[str]
    starts: list[int]


def read(text: str, reader: Reader, beginnings: Beginnings = "paragraph", eos: str | None = None) -> Tokens:
    """The text's tokens; `eos`, if any, is put at the end of each paragraph (or line).

    Raises InputError: no text, or one without tokens; an `eos` that is a word of the text or not wanted.

    >>> read("Who is there?\\n\\nNay,\\nanswer me.", Reader("word"), eos="¶")
    Tokens(tokens=['Who', 'is', 'there', '?', '¶', 'Nay', ',', 'answer', 'me', '.', '¶'], starts=[0, 5])
    """
    _one_of("beginnings", beginnings, *_BREAKS)
    if not isinstance(text, str):
        raise InputError(f"the text is of type {type(text).__name__}; a str is needed")
    text, breaks = text.lower() if reader.lower else text, _BREAKS[beginnings]
    if reader.level == "character":
        if eos is not None:
            raise InputError("eos is for words; a text's own characters end it, so give the decoder eos='\\n'")
        starts = [0, *(end for m in breaks.finditer(text) if 0 < (end := m.end()) < len(text))]
        return Tokens(_some(list(text), text), starts)
    pattern, tokens, starts = _pattern(text), [], []
    for part in breaks.split(text):
        if found := _words(part, pattern):
            starts.append(len(tokens))
            tokens += found
            if eos is not None:
                tokens.append(eos)
    if eos is not None and tokens.count(eos) > len(starts):
        raise InputError(f"eos={eos!r} is a word of the text itself; choose one that is not")
    return Tokens(_some(tokens, text), starts)


def _some(tokens: list[str], text: str) -> list[str]:
    if not tokens:
        raise InputError("the text is empty" if not text else f"there is no word in the text {text[:20]!r}")
    return tokens


def frequent(
    tokens: Sequence[Hashable], min_count: int = 1, max_words: int | None = None, eos: Hashable | None = None
) -> Vocabulary:
    """The vocabulary of a text, the commonest word first; words that come equally often in their order in the text.

    min_count   rarer words are left out
    max_words   at most so many words, "<unk>" among them
    eos         is kept however rare, as the first

    "<unk>" is the last word if any was left out, or if it is itself in the text. Raises InputError: no word is left.

    >>> list(frequent("the cat and the dog and the owl".split(), min_count=2))
    ['the', 'and', '<unk>']
    """
    least = whole("min_count", min_count)
    most = None if max_words is None else whole("max_words", max_words, 2)
    counts = Counter(tokens)
    first = [] if eos is None else [eos]
    ranked = [word for word, _ in counts.most_common() if word not in (UNK, *first)]
    kept = first + [word for word in ranked if counts[word] >= least]
    if len(kept) == len(first):
        most_common = f", {ranked[0]!r}, comes {counts[ranked[0]]:,} times" if ranked else f" is {UNK!r} alone"
        raise InputError(f"min_count={min_count} leaves no word of the text; the commonest{most_common}")
    left_out = len(kept) < len(first) + len(ranked) or UNK in counts
    if most is not None and len(kept) + left_out > most:
        kept, left_out = kept[: most - 1], True
    return Vocabulary([*kept, UNK] if left_out else kept)


def _one_of(option: str, value: object, *allowed: str) -> None:
    if value not in allowed:
        raise InputError(f"{option}={value!r} is unknown; write {' or '.join(map(repr, allowed))}")


__all__ = ["Beginnings", "Level", "Reader", "Tokens", "UNK", "characters", "frequent", "read", "words"]
