"""What comes in on stdin."""

from __future__ import annotations

import sys

import typer


def stdin_bytes(hint: str) -> bytes:
    """All of it. Raises BadParameter, at the parameter that said `-`, where stdin is closed."""
    if sys.stdin is None or sys.stdin.closed:
        raise typer.BadParameter("- reads stdin, and stdin is closed", param_hint=hint)
    return sys.stdin.buffer.read()


__all__ = ["stdin_bytes"]
