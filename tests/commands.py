"""What the tests of commands share: a user's file, and what a failure looks like."""

from __future__ import annotations

from pathlib import Path

NET = """
import chainrule as cr


def loss(x: "n", y: "m", W1: "h n", W2: "m h"):
    z = W1 @ x
    u = cr.sigmoid(z)
    yhat = W2 @ u
    L = cr.sum((yhat - y) ** 2)
    return L


def model(x: "n", W1: "h n"):
    return cr.tanh(W1 @ x)


def bare(x, W):
    z = W @ x
    return cr.sum(z)


g = cr.trace(loss)
"""


def everything(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def failed(result, code: int, *messages: str) -> None:
    """It said what is wrong, in one message on stderr, and showed no traceback."""
    assert result.exit_code == code, (result.output, result.exception)
    assert not result.stdout
    for message in messages:
        assert message in result.stderr, result.stderr
    assert "Traceback" not in result.output
    assert sum(line.startswith("chainrule: ") for line in result.stderr.splitlines()) == 1
