"""What is asked of a decoder, checked before it starts."""

from __future__ import annotations

import math
import operator
from collections.abc import Hashable
from numbers import Real
from typing import Any

from ..graph.errors import InputError
from .model import Model
from .vocabulary import Vocabulary


def asked(model: Model, length: Any, eos: Hashable | None) -> tuple[int, int | None]:
    """The length, and the number of the word that ends a sequence. Raises InputError and NamingError."""
    answers = callable(getattr(model, "log_probs", None)) or callable(getattr(model, "trellis", None))
    if not answers or not isinstance(getattr(model, "vocabulary", None), Vocabulary):
        raise InputError(
            f"a model has log_probs(prefixes, state) and a Vocabulary, and a {type(model).__name__} was given; "
            "Function(f, words) makes a model of a function"
        )
    return whole("length", length), word(model, eos)


def whole(name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least `least`. Raises InputError."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise InputError(f"{name} must be a whole number of at least {least}, and it is {value!r}")
    return number


def real(name: str, value: Any, least: float, most: float = math.inf, above: bool = False) -> float:
    """A finite number of at least `least` (or above it) and at most `most`. Raises InputError."""
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or not least <= number <= most or (above and number == least):
        bounds = f"above {least:g}" if above else f"of at least {least:g}" if least > -math.inf else ""
        bounds += f" and at most {most:g}" if most < math.inf else ""
        raise InputError(f"{name} must be a finite number{' ' if bounds else ''}{bounds}, and it is {value!r}")
    return number


def word(model: Model, value: Hashable | None) -> int | None:
    """The number of a word that may be left out. Raises NamingError for one that is not in the vocabulary."""
    return None if value is None else model.vocabulary.number(value)


__all__ = ["asked", "real", "whole", "word"]
