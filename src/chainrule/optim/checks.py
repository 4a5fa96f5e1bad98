"""What numbers an update rule may be given."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isfinite
from numbers import Real
from typing import Any

from ..graph.errors import GraphError, NamingError


def positive(name: str, value: Any) -> None:
    """Raises GraphError unless the value is a finite number above 0."""
    if not _is_number(value) or not isfinite(value) or not value > 0:
        raise GraphError(f"{name} must be a positive number, not {value!r}")


def not_negative(name: str, value: Any) -> None:
    """Raises GraphError unless the value is a finite number, 0 or above."""
    if not _is_number(value) or not isfinite(value) or value < 0:
        raise GraphError(f"{name} must be a number and not negative; it is {value!r}")


def share(name: str, value: Any) -> None:
    """Raises GraphError unless the value lies in [0, 1): the share of the past that a mean keeps."""
    if not _is_number(value) or not 0 <= value < 1:
        raise GraphError(f"{name} must lie in [0, 1): 0 ≤ {name} < 1; it is {value!r}")


def at_least_one(name: str, value: Any) -> None:
    """Raises GraphError unless the value is an integer, 1 or above."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise GraphError(f"{name} must be an integer, 1 or above; it is {value!r}")


def listed(what: str, names: Sequence[str] | str, known: Collection[str]) -> list[str]:
    """`names` as a list. Raises NamingError where one is not `known`, or stands twice."""
    found = [names] if isinstance(names, str) else list(names)
    for k, name in enumerate(found):
        if name not in known:
            raise NamingError(f"{what}: there is no {name!r} among {', '.join(known)}")
        if name in found[:k]:
            raise NamingError(f"{what}: {name} is named twice")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


__all__ = ["at_least_one", "listed", "not_negative", "positive", "share"]
