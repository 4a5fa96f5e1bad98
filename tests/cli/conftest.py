"""What the tests of commands share: a folder with a user's files in it, and the command run there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from commands import NET
from typer.testing import CliRunner

from chainrule.cli import app


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the user's net.py in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    return tmp_path


@pytest.fixture
def chainrule(here: Path) -> Callable:
    """Run the command: `chainrule("derive", "net.py:loss")`."""

    def run(*args: str, stdin: str | bytes | None = None):
        return CliRunner().invoke(app, list(args), input=stdin, prog_name="chainrule")

    return run
