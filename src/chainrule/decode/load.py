"""A model from a file, by what the file holds."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from ..graph.errors import ChainruleError, DataError, InputError
from ..graph.spelling import meant, visible
from .chain import MarkovChain
from .hmm import HMM
from .model import Model
from .tree import Tree
from .tree_file import path_of, short

# In a tree a word has a number or a pair of a number and an object, never a list in a list.
_MATRIX = re.compile(r'"(?:P|transition|emission)"\s*:\s*\[\s*\[')
_SEEN = "observations"


def load(path: str | os.PathLike[str]) -> Model:
    """The model in a file: a Markov chain, a hidden Markov model, or a tree.

    A name that ends in .json, with an object of these keys:

    P                                   a `MarkovChain`: rows of numbers, or several such matrices, for one step each;
                                        with "start" or "initial", and "words"
    initial, transition, emission       an `HMM`; with "states" and "words". With "observations" too, the states behind
                                        them are the model: ``hmm.given(observations)``
    others                              a `Tree`, as `Tree.load` reads it. A word "P" is no matrix of numbers

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
    file = path_of(path)
    if not file.exists():
        raise DataError(f"{file}: there is no such file; a model was expected, as JSON or indented text")
    text = _text(file) if file.suffix.lower() == ".json" else ""
    if not _MATRIX.search(text):
        return Tree.load(file)
    held = _parsed(file, text)
    if not isinstance(held, dict) or not any(key in held for key in ("P", "transition", "emission")):
        return Tree.load(file)
    try:
        return _chain(held) if "P" in held else _hidden(held)
    except ChainruleError as why:
        raise DataError(f"{file}: {why}") from None


def _text(file: Path) -> str:
    """What the file holds; nothing where it cannot be read, which `Tree.load` explains."""
    try:
        return file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""


def _parsed(file: Path, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _once(file, pairs))
    except json.JSONDecodeError as why:
        said = why.msg[0].lower() + why.msg[1:]
        raise DataError(f"{file}: line {why.lineno}, column {why.colno}: is not JSON ({said})") from None
    except DataError:
        raise
    except RecursionError:
        raise DataError(f"{file}: has lists in lists too deep to read; matrices are lists of rows of numbers") from None
    except ValueError:  # a whole number of more than 4300 digits
        raise DataError(f"{file}: has a number too long to read") from None


def _once(file: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held: dict[str, Any] = {}
    for key, value in pairs:
        if key in held:
            raise DataError(f'{file}: "{visible(key)}" comes twice')
        held[key] = value
    return held


def _chain(held: dict[str, Any]) -> MarkovChain:
    _check_keys(held, "a Markov chain", ("P",), ("start", "initial", "words"))
    if "start" in held and "initial" in held:
        raise InputError('has "start", the word w_0, and "initial", the distribution of w_1; a chain begins in one way')
    _check_words(held, "words")
    if "start" in held and not _is_word(held["start"]):
        raise InputError(f'"start" is {short(held["start"])}, and it is a word: a text or a whole number')
    return MarkovChain(**held)


def _hidden(held: dict[str, Any]) -> Model:
    _check_keys(held, "a hidden Markov model", ("initial", "transition", "emission"), ("states", "words", _SEEN))
    for key in ("states", "words", _SEEN):
        _check_words(held, key)
    seen = held.pop(_SEEN, None)
    hmm = HMM(**held)
    return hmm if seen is None else hmm.given(seen)


def _check_keys(held: dict[str, Any], what: str, needed: tuple[str, ...], possible: tuple[str, ...]) -> None:
    quoted = lambda keys: ", ".join(f'"{key}"' for key in keys)
    for key in held:
        if key not in needed + possible:
            raise InputError(
                f'"{visible(key)}" is no key of {what}{meant(key, needed + possible)}; it has {quoted(needed)} and, if '
                f"wanted, {quoted(possible)}"
            )
    if missing := [key for key in needed if key not in held]:
        raise InputError(f"{quoted(missing)} missing; {what} has {quoted(needed)}")
    if empty := [key for key in held if held[key] is None]:
        raise InputError(f'"{empty[0]}" is null; leave it out, or say what it is')


def _check_words(held: dict[str, Any], key: str) -> None:
    """Where the key is there, a list of texts and whole numbers, or a text for a list of its characters."""
    words = held.get(key, [])
    if not isinstance(words, str | list):
        raise InputError(f'"{key}" is {short(words)}, and a list such as ["a", "b"] is needed')
    if odd := [word for word in words if not _is_word(word)]:
        raise InputError(f'"{key}" has {short(odd[0])} in it, and a word is a text or a whole number')


def _is_word(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


__all__ = ["load"]
