"""A program that takes another's place at some steps, to look closer: what every step would be too dear for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Watched(NamedTuple):
    """`function` runs at the steps 0, `every`, … of a call; `further` results stand behind the usual records."""

    function: Callable[..., Any]
    every: int
    further: int


__all__ = ["Watched"]
