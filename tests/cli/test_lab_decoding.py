"""`chainrule lab decoding`, as people use it, with small sizes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from commands import everything, failed
from typer.testing import CliRunner

from chainrule.cli import app
from chainrule.labs import decoding

TINY = decoding.Sizes(
    models=1, repeats=1, divisor=200, prompts=1, words=6, characters=20, vocabulary=40, context=2, hidden=(4,),
    epochs=1, engine="numpy",
)  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call the command in an empty folder, with small experiments."""
    whole = decoding.run
    monkeypatch.setattr(decoding, "run", lambda s, listener: whole(replace(s, sizes=TINY), listener=listener))
    monkeypatch.delenv("CHAINRULE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, ["lab", "decoding", *args], prog_name="chainrule")


@pytest.fixture
def mine(tmp_path):
    dice = np.random.default_rng(1)
    words = ["the", "cat", "saw", "a", "dog", "and", "ran", "."]
    (tmp_path / "mine.txt").write_text(" ".join(dice.choice(words, 2500)), encoding="utf-8")
    return "mine.txt"


def test_it_prints_a_summary_and_leaves_its_files(run, mine, tmp_path):
    result = run("--text", mine)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "beam of 2   “a red circle”, log p = −9.3" and "“a blue square”, log p = −8.2" in lines[2]
    assert "All 9 counts are exactly those of the formulas." in result.stdout
    assert sum("time over" in line or "memory over" in line for line in lines) == 14
    assert "the text itself" in result.stdout and "Spearman" in result.stdout
    assert everything(tmp_path / "out" / "decoding") == sorted(decoding.FILES)
    assert "measuring the time of viterbi" in result.stderr and "measuring" not in result.stdout
    assert "--text mine.txt" in (tmp_path / "out" / "decoding" / "report.html").read_text("utf-8")
    assert "\x1b" not in result.output


def test_json_is_all_there_is_on_stdout(run, mine, tmp_path):
    result = run("--text", mine, "--json", "--out", "x", "--seed", "7")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["settings"]["seed"] == 7 and found["lab"] == "decoding" and found["text"]["source"] == "mine.txt"
    assert found["tree"]["maximum"]["words"] == ["a", "blue", "square"] and found["tree"]["maximum"]["exact"]
    assert all((tmp_path / path).is_file() for path in found["files"].values()) and len(found["files"]) == 3


@pytest.mark.parametrize(
    "args, messages",
    [
        (["--seed", "-1"], ["'--seed'", "from 0 to 4294967295"]),
        (["--data-dir", "."], ["'--data-dir'", "where tinyshakespeare is looked for"]),
        (["--text", ""], ["'--text'", "python, tinyshakespeare or the path of a text file"]),
    ],
)
def test_what_is_asked_for_wrongly(run, tmp_path, args, messages):
    failed(run(*args), 2, "Try 'chainrule lab decoding --help'.", *messages)
    assert everything(tmp_path) == []


def test_what_cannot_be_done_leaves_nothing(run, tmp_path):
    failed(run("--text", "none.txt"), 1, "none.txt")
    failed(run("--text", "tinyshakespeare", "--data-dir", "."), 1, "Tiny Shakespeare was not found", "looked in")
    (tmp_path / "short.txt").write_text("too short", encoding="utf-8")
    failed(run("--text", "short.txt"), 1, "short.txt is too short: it has 9 characters")
    assert everything(tmp_path) == ["short.txt"]


def test_help(run):
    text = " ".join(run("--help").stdout.split())
    for option in ("--text", "--data-dir", "--seed", "--out", "--json"):
        assert f"{option} " in text
    assert "[default: python]" in text and "[default: $CHAINRULE_DATA, or a download]" in text
    assert "decoding" in CliRunner().invoke(app, ["lab", "--help"]).stdout
