"""What is asked of a decoder, checked before it starts."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

from ..graph.errors import InputError
from .model import Model


def whole(name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least `least`. Raises InputError."""
    number = getattr(value, "__index__", None)
    if number is None or isinstance(value, bool) or number() < least:
        raise InputError(f"{name} must be a whole number of at least {least}, and it is {value!r}")
    return number()


def real(name: str, value: Any, least: float, most: float = math.inf, above: bool = False) -> float:
    """A finite number of at least `least` (or above it) and at most `most`. Raises InputError."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or value > most or value < least or (above and value == least):
        bounds = f"above {least:g}" if above else f"of at least {least:g}" if least > -math.inf else ""
        bounds += f" and at most {most:g}" if most < math.inf else ""
        raise InputError(f"{name} must be a finite number{' ' if bounds else ''}{bounds}, and it is {value!r}")
    return float(value)


def word(model: Model, value: Hashable | None) -> int | None:
    """The number of a word that may be left out. Raises NamingError for one that is not in the vocabulary."""
    return None if value is None else model.vocabulary.number(value)


__all__ = ["real", "whole", "word"]
