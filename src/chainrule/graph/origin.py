"""Which frames are the user's: the line that built a node, the names a function gives its values."""

from __future__ import annotations

import functools
import linecache
import os
import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple, Protocol

_PACKAGE = Path(__file__).parents[1]
_LAYERS = ("graph", "ops", "rewrite", "calculus", "views", "grammar", "engines", "face", "optim", "nn", "train")
_MACHINERY = tuple(f"{_PACKAGE / layer}{os.sep}" for layer in _LAYERS)
_ours: dict[str, bool] = {}  # by file: code objects would be kept alive, and equal ones may stand in two files


class Origin(Protocol):
    """Where a node was built; `str` ends an error message with it."""

    @property
    def file(self) -> str: ...

    @property
    def line(self) -> int: ...


class UserLine(NamedTuple):
    """A line of a user's Python file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"\n  in {line_text(self.file, self.line)}"


def is_library(code: CodeType) -> bool:
    """Whether `code` is Chainrule's machinery. Its networks (models, labs) are traced like anyone's."""
    known = _ours.get(code.co_filename)
    if known is None:
        known = _ours[code.co_filename] = code.co_filename.startswith(_MACHINERY)
    return known


def user_frame(frame: FrameType | None, base: FrameType | None = None) -> FrameType | None:
    """The innermost frame outside Chainrule, from `frame` outwards; None where `base` comes first."""
    while frame is not None and frame is not base and is_library(frame.f_code):
        frame = frame.f_back
    return None if frame is base else frame


def line_text(file: str, line: int) -> str:
    """``file.py:12: z = W1 @ x``"""
    code = linecache.getline(file, line).strip()
    return f"{file}:{line}" + (f": {code}" if code else "")


def failing_line(error: BaseException) -> str:
    """The user's line that `error` came out of, the last before Chainrule's own, as text; empty outside any."""
    found, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        ours = is_library(code) or code.co_filename == functools.__file__  # n > m comes by way of total_ordering
        if ours and found:
            break
        if not ours:
            found = "in " + line_text(code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    return found


def calling_line() -> str:
    """The user's line that is being executed, as text; empty outside any."""
    frame = user_frame(sys._getframe(1))
    return "" if frame is None else "in " + line_text(frame.f_code.co_filename, frame.f_lineno)
