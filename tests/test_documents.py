"""Every example in the README and in docs/ is run, and prints what the document says it prints."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_examples(path: Path, monkeypatch, tmp_path):
    """The python blocks of a document run in order, in one namespace; a text block right after one is its output."""
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {"__name__": "__document__"}
    blocks = FENCE.findall(path.read_text(encoding="utf-8"))
    printed = ""
    for language, body in blocks:
        if language == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(body, str(path), "exec"), scope)
            printed = out.getvalue()
        elif language == "text":
            assert [line.rstrip() for line in printed.splitlines()] == [line.rstrip() for line in body.splitlines()]


def test_documents_hold_examples():
    """A document whose fences were misspelt would pass by running nothing."""
    for path in DOCUMENTS:
        assert any(language == "python" for language, _ in FENCE.findall(path.read_text(encoding="utf-8"))), path.name
