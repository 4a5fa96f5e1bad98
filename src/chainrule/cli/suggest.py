"""A name that may have been meant."""

from __future__ import annotations

from collections.abc import Iterable


def suggestion(name: str, known: Iterable[str]) -> str:
    """`, did you mean W1?`, or nothing.

    >>> suggestion("los", ["loss", "model"])
    ', did you mean loss?'
    """
    from difflib import get_close_matches

    names = list(known)
    close = get_close_matches(name, names, 1) or [k for k in names if k.lower() == name.lower()]
    return f", did you mean {close[0]}?" if close else ""


__all__ = ["suggestion"]
