"""Every example in the README and in docs/ is run, and prints what the document says it prints."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(path: Path) -> None:
    """The python blocks of a document run in order, in one namespace; a text block right after one is its output."""
    scope: dict[str, object] = {"__name__": "__document__"}
    printed = ""
    for language, body in FENCE.findall(path.read_text(encoding="utf-8")):
        if language == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(body, str(path), "exec"), scope)
            printed = out.getvalue()
        elif language == "text" and lines(printed) != lines(body):
            sys.exit(f"{path.name} says\n{body}\nand its example prints\n{printed}")


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_examples(path: Path, tmp_path: Path):
    """In a Python of its own: a document may define operations, which are for good."""
    command = [sys.executable, "-W", "error", __file__, str(path)]
    scope = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=tmp_path, env=scope, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_documents_hold_examples():
    """A document whose fences were misspelt would pass by running nothing."""
    for path in DOCUMENTS:
        assert any(language == "python" for language, _ in FENCE.findall(path.read_text(encoding="utf-8"))), path.name


if __name__ == "__main__":
    run(Path(sys.argv[1]))
