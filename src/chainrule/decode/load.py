"""A model from a file, by what the file holds."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from ..graph.errors import InputError
from ..graph.spelling import meant, visible
from .chain import MarkovChain
from .hmm import HMM
from .model import Model
from .tree import Tree
from .tree_file import Pairs, model_in, short

_HIDDEN = ("initial", "transition", "emission")
_SEEN = "observations"


def load(path: str | os.PathLike[str]) -> Model:
    """The model in a file: a Markov chain, a hidden Markov model, or a tree.

    A name that ends in .json, with an object of these keys:

    P                                   a `MarkovChain`: rows of numbers, or several such matrices, for one step each;
                                        with "start" or "initial", and "words"
    initial, transition, emission       an `HMM`; with "states" and "words". With "observations" too, the states behind
                                        them are the model: ``hmm.given(observations)``
    others                              a `Tree`, as `Tree.load` reads it. Its words may be called so: none has an array

    A name that ends otherwise: a tree in indented text.

    Raises DataError, which names the file, where it cannot be read, lacks a key or has one too many, and where its
    numbers are no such model.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "rain.json")
    ...     _ = file.write_text('{"P": [[0.9, 0.1], [0.4, 0.6]], "start": "dry", "words": ["dry", "wet"]}')
    ...     load(file)
    MarkovChain of 2 words, from 'dry'
    """
    return model_in(path, _model, Tree.parse)


def _model(value: Any) -> Model:
    """The model that JSON describes, told by its arrays."""
    arrays = _arrays(value)
    if "P" in arrays:
        return _chain(_checked(value, "a Markov chain", ("P",), ("start", "initial", "words")))
    if "transition" in arrays or "emission" in arrays:
        return _hidden(_checked(value, "a hidden Markov model", _HIDDEN, ("states", "words", _SEEN)))
    for key, rows in arrays.items():
        if key == "initial" or any(isinstance(row, list) for row in rows):
            raise InputError(
                f'"{visible(key)}" is an array of numbers, and a tree has none; the matrix of a Markov chain is called '
                '"P", and a hidden Markov model has "initial", "transition" and "emission"'
            )
    return Tree(value)


def _arrays(value: Any) -> dict[str, list[Any]]:
    """What the keys hold that are lists of numbers, or of lists. In each list of a tree there is an object."""
    pairs = value if isinstance(value, Pairs) else []
    return {k: v for k, v in pairs if isinstance(v, list) and not any(isinstance(x, Pairs) for x in [v, *v])}


def _chain(held: dict[str, Any]) -> MarkovChain:
    if "start" in held and not _is_word(held["start"]):
        raise InputError(f'"start" is {short(held["start"])}, and it is a word: a text or a whole number')
    return MarkovChain(**held)


def _hidden(held: dict[str, Any]) -> Model:
    seen = held.pop(_SEEN, None)
    hmm = HMM(**held)
    return hmm if seen is None else hmm.given(seen)


def _checked(pairs: Pairs, what: str, needed: tuple[str, ...], possible: tuple[str, ...]) -> dict[str, Any]:
    """What each key holds. Raises InputError where the keys are not those of such a model."""
    quoted = lambda keys: ", ".join(f'"{key}"' for key in keys)
    for key, times in Counter(key for key, _ in pairs).items():
        if key not in needed + possible:
            raise InputError(
                f'"{visible(key)}" is no key of {what}{meant(key, needed + possible)}; it has {quoted(needed)} and, if '
                f"wanted, {quoted(possible)}"
            )
        if times > 1:
            raise InputError(f'"{key}" comes twice')
    held = dict(pairs)
    if missing := [key for key in needed if key not in held]:
        raise InputError(f"{quoted(missing)} missing; {what} has {quoted(needed)}")
    for key, value in held.items():
        if value is None:
            raise InputError(f'"{key}" is null; leave it out, or say what it is')
        if key in ("states", "words", _SEEN):
            _check_words(key, value)
    return held


def _check_words(key: str, words: Any) -> None:
    """That these are texts and whole numbers in a list, or a text for a list of its characters."""
    if not isinstance(words, str | list) or isinstance(words, Pairs):
        raise InputError(f'"{key}" is {short(words)}, and a list such as ["a", "b"] is needed')
    if odd := [word for word in words if not _is_word(word)]:
        raise InputError(f'"{key}" has {short(odd[0])} in it, and a word is a text or a whole number')


def _is_word(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


__all__ = ["load"]
