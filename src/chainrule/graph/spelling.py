"""Words in our messages: the name that may have been meant, numbers of things, and signs that cannot be seen."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def meant(name: str, known: Iterable[str]) -> str:
    """``; did you mean `yhat`?`` where one of the known names is close to the one written, else nothing.

    >>> meant("yhta", ["x", "yhat"]), meant("w1", ["W1", "W2"]), meant("q", ["x"])
    ('; did you mean `yhat`?', '; did you mean `W1`?', '')
    """
    from difflib import get_close_matches

    known = list(dict.fromkeys(known))
    close = [k for k in known if k.casefold() == name.casefold()] or get_close_matches(name, known, n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def plural(count: int, one: str, many: str | None = None) -> str:
    """A number and what it counts.

    >>> plural(1, "step"), plural(1200, "step"), plural(2, "is", "are")
    ('1 step', '1,200 steps', '2 are')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def visible(text: str) -> str:
    r"""The text with what a terminal would obey written out; tabs and ends of lines stay.

    >>> print(visible("a\x1b[31m \u202e"))
    a\x1b[31m U+202E
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def _shown(c: str) -> str:
    kind = unicodedata.category(c)
    if kind == "Cc":
        return c if c in "\n\t" else f"\\x{ord(c):02x}"
    return f"U+{ord(c):04X}" if kind in ("Cf", "Cs", "Zl", "Zp") else c
