"""From printed text to a function. Tracebacks and debuggers show the program's own lines."""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Callable
from typing import Any

from ..views.source import Program

_numbers = itertools.count(1)


def load(program: Program) -> Callable[..., Any]:
    """The function that `program.text` defines: exactly that text, compiled. Its lines live as long as it does."""
    file = f"<chainrule {program.function} #{next(_numbers)}>"
    linecache.cache[file] = (len(program.text), None, program.text.splitlines(keepends=True), file)
    scope: dict[str, Any] = {"__name__": "chainrule_program"}
    exec(compile(program.text, file, "exec"), scope)
    function = scope[program.function]
    weakref.finalize(function, linecache.cache.pop, file, None).atexit = False
    return function
