"""`chainrule lab optimizers`, as people use it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from commands import everything, failed
from typer.testing import CliRunner

from chainrule.cli import app
from chainrule.labs import optimizers

SHORT = ["lab", "optimizers", "--epochs", "1", "--batch-size", "350"]
PUBLISHED = "output for x = (1, 2, 3, 4, 5): (0.18360803, 0.40393062, 0.41246136)"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, list(args), prog_name="chainrule")


def test_it_prints_the_output_first_and_leaves_its_files(run, tmp_path):
    result = run(*SHORT)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(PUBLISHED) and "5-10-10-10-10-3, L = 5 layers with weights" in result.stdout
    assert everything(tmp_path / "out" / "optimizers") == sorted(optimizers.FILES)
    lines = [line for line in result.stdout.splitlines() if line.startswith(("SGD", "Momentum", "Nesterov"))]
    assert len(lines) == 6 and sum("L = 30" in line for line in lines) == 3
    assert "L = 5, Nesterov: 1 epochs" not in result.stdout and "L = 5, Nesterov" in result.stderr
    assert "\x1b" not in result.output


def test_json_is_all_there_is_on_stdout(run, tmp_path):
    result = run(*SHORT, "--json", "--out", "x", "--seed", "7")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["settings"]["seed"] == 7 and found["settings"]["momentum"] == 0.9
    assert sum(found["output"]["p"]) == pytest.approx(1) and found["network"]["layers"] == 5
    assert list(found["optimizers"]) == list(found["deep"]["optimizers"]) == ["sgd", "momentum", "nesterov"]
    assert len(found["deep"]["gradients"]["start"]["norm_dW"]) == 30
    assert all((tmp_path / path).is_file() for path in found["files"].values())


def test_data_of_ones_own(run, tmp_path):
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{'red' if a > b else 'blue'}" for a, b in rng.normal(size=(60, 2))]
    (tmp_path / "mine.csv").write_text("a,b,kind\n" + "\n".join(rows) + "\n")
    result = run("lab", "optimizers", "--data", "mine.csv", "--epochs", "1", "--batch-size", "20")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(PUBLISHED)
    assert "mine has 2 features and 2 classes: what is trained is 2-10-10-10-10-2" in result.stdout
    assert "--data mine.csv" in (tmp_path / "out" / "optimizers" / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    "args, messages",
    [
        (["--lr", "0"], ["'--lr'", "must be a positive number, and it is 0.0"]),
        (["--epochs", "0"], ["'--epochs'", "at least 1"]),
        (["--batch-size", "1051"], ["'--batch-size'", "1,050 rows"]),
        (["--seed", "4294967296"], ["'--seed'", "below 2^32"]),
        (["--data", "mine.xls"], ["'--data'", ".csv or .npz"]),
        (["--engine", "torch"], ["'--engine'", "'xla'"]),
    ],
)
def test_what_is_asked_for_wrongly(run, tmp_path, args, messages):
    failed(run("lab", "optimizers", *args), 2, "Try 'chainrule lab optimizers --help'.", *messages)
    assert everything(tmp_path) == []


def test_what_cannot_be_done_leaves_nothing(run, tmp_path):
    failed(run("lab", "optimizers", "--data", "none.csv"), 1, "none.csv: there is no such file")
    result = run(*SHORT, "--json", "--lr", "1e9", "--epochs", "5")
    failed(result, 1, "L = 5, SGD: training left the finite numbers", "try --lr 1e+08")
    assert everything(tmp_path) == []


def test_help(run):
    text = " ".join(run("lab", "optimizers", "--help").stdout.split())
    for option in ("--data", "--epochs", "--lr", "--batch-size", "--seed", "--engine", "--out", "--json"):
        assert f"{option} " in text
    assert "[default: 42]" in text and "[default: 1,500 rows of 5 features in 3 classes, always the same]" in text
    assert "optimizers" in run("lab", "--help").stdout
