"""The command, as people use it: what it writes, prints and answers, and what it does when something is wrong."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import chainrule as cr
from chainrule.cli import app
from chainrule.labs import mlp

SHORT = ["lab", "mlp", "--hidden", "16", "--epochs", "2"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHAINRULE_DATA", raising=False)
    return lambda *args: CliRunner().invoke(app, list(args), prog_name="chainrule")


def everything(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def write_idx(path: Path, array: np.ndarray) -> None:
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes(), compresslevel=1, mtime=0))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """MNIST's four files with random images, learnable by their brightness; 300 are left to train on."""
    folder = tmp_path_factory.mktemp("written")
    rng = np.random.default_rng(0)
    for part, rows in (("train", 10_300), ("t10k", 100)):
        y = rng.integers(0, 10, rows)
        shade = rng.integers(0, 2, (rows, 1, 1)) + 23 * y[:, None, None]
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", np.broadcast_to(shade, (rows, 28, 28)))
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", y)
    return folder


@pytest.fixture
def idx(written, tmp_path):
    """A copy of them that a test may spoil."""
    return Path(shutil.copytree(written, tmp_path / "idx"))


def test_it_leaves_three_files_that_agree(run, tmp_path):
    result = run(*SHORT)
    assert result.exit_code == 0, result.stderr
    out = tmp_path / "out" / "mlp"
    assert everything(tmp_path) == ["out", "out/mlp", *(f"out/mlp/{n}" for n in sorted(mlp.FILES))]
    net = cr.load(out / "params.safetensors")
    W1, b1, W2, b2 = net.params.values()
    X, y = cr.data.digits(0).test
    said = net.evaluate((X, y))["accuracy"]
    assert np.mean((np.maximum(X @ W1 + b1, 0) @ W2 + b2).argmax(axis=1) == y) == pytest.approx(said)
    assert f"{100 * said:.2f} %" in result.stdout and f"{100 * said:.2f} %" in (out / "report.html").read_text("utf-8")
    lines = result.stderr.splitlines()
    assert [line.split("  ")[0] for line in lines if line.startswith("epoch")] == ["epoch 1/2", "epoch 2/2"]
    assert "\x1b" not in result.output


def test_json_is_all_there_is_on_stdout(run, tmp_path):
    result = run(*SHORT, "--json", "--out", "x")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["settings"]["hidden"] == 16 and found["settings"]["batch_size"] == 32
    assert 0.5 < found["accuracy"]["test"] <= 1 and found["gradient_check"]["ok"] is True
    assert found["parameters"] == 64 * 16 + 16 + 16 * 10 + 10 and found["steps"] == 76
    assert {"load", "check", "train", "evaluate", "total", "step"} <= set(found["seconds"])
    assert all((tmp_path / path).is_file() for path in found["files"].values())


def test_idx_files(run, idx, monkeypatch):
    monkeypatch.setenv("CHAINRULE_DATA", str(idx))
    args = "--data mnist --epochs 1 --engine numpy --hidden 8 --batch-size 50 --json"
    result = run("lab", "mlp", *args.split())
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["data"]["rows"] == {"train": 300, "validation": 10_000, "test": 100}


def test_the_published_exercise(run, idx, monkeypatch, tmp_path):
    monkeypatch.setenv("CHAINRULE_DATA", str(idx))
    args = ["lab", "mlp", "--data", "mnist", "--preset", "course", "--epochs", "2", "--engine", "numpy"]
    result = run(*args)
    assert result.exit_code == 0, result.stderr
    assert len(re.findall(r"^Epoch [12]: loss [\d.]+, train_acc 0\.\d{4}, val_acc 0\.\d{4}$", result.stdout, re.M)) == 4
    assert re.search(r"sigmoid +train +[\d.]+ +0\.877\n", result.stdout)
    assert re.search(r"relu +test +[\d.]+ +0\.964\n", result.stdout)
    out = tmp_path / "out" / "mlp"
    assert sorted(p.name for p in out.iterdir()) == sorted(mlp.files(mlp.Settings(preset="course")))
    for file, other in (("report.html", "report-sigmoid.html"), ("report-sigmoid.html", "report.html")):
        page = (out / file).read_text("utf-8")
        assert "The published exercise" in page and f'href="{other}"' in page
        assert "<td>test</td>" in page and "0.964" in page and "0.874" in page
    again = run(*args, "--activation", "sigmoid", "--json")
    assert again.exit_code == 0, again.stderr
    found = json.loads(again.stdout)
    assert list(found["course"]) == ["sigmoid"] and "Epoch 2: loss" in again.stderr
    assert found["course"]["sigmoid"]["accuracy"] == found["accuracy"]
    assert found["course"]["sigmoid"]["published"] == {"train": 0.877, "validation": 0.872, "test": 0.874}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "file, harm, message",
    [
        ("train-images-idx3-ubyte.gz", cut, "cut short"),
        ("t10k-images-idx3-ubyte.gz", spoil, "t10k-images-idx3-ubyte.gz"),
        ("t10k-labels-idx1-ubyte.gz", Path.unlink, "missing: t10k-labels-idx1-ubyte.gz"),
        ("train-labels-idx1-ubyte.gz", lambda p: p.write_text("<html>404"), "it looks like a web page"),
        ("train-labels-idx1-ubyte.gz", lambda p: write_idx(p, np.full(10_300, 77)), "the label of row 0 is 77"),
    ],
)
def test_files_that_are_no_data(run, idx, tmp_path, file, harm, message):
    harm(idx / file)
    before = everything(tmp_path)
    result = run("lab", "mlp", "--data", "mnist", "--data-dir", str(idx))
    failed(result, 1, message)
    assert everything(tmp_path) == before


def failed(result, code: int, *messages: str) -> None:
    assert result.exit_code == code, (result.output, result.exception)
    assert not result.stdout
    for message in messages:
        assert message in result.stderr
    assert "Traceback" not in result.output
    assert sum(line.startswith("chainrule: ") for line in result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "args, messages",
    [
        (["--data", "cifar"], ["'--data'", "cifar", "'fashion-mnist'"]),
        (["--activation", "gelu"], ["'--activation'", "'tanh'"]),
        (["--engine", "torch"], ["'--engine'", "'xla'"]),
        (["--lr", "0"], ["'--lr'", "must be a positive number, and it is 0.0"]),
        (["--lr", "-1"], ["'--lr'"]),
        (["--lr", "nan"], ["'--lr'", "nan"]),
        (["--lr", "inf"], ["'--lr'", "inf"]),
        (["--lr", "fast"], ["'--lr'"]),
        (["--lr-decay", "2"], ["'--lr-decay'"]),
        (["--reg", "-1"], ["'--reg'"]),
        (["--epochs", "0"], ["'--epochs'", "at least 1"]),
        (["--epochs", "1.5"], ["'--epochs'"]),
        (["--hidden", "0"], ["'--hidden'", "at least 1"]),
        (["--batch-size", "0"], ["'--batch-size'"]),
        (["--batch-size", "1198"], ["'--batch-size'", "1,197 rows"]),
        (["--seed", "-1"], ["'--seed'"]),
        (["--seed", str(2**32)], ["'--seed'", "below 2^32"]),
        (["--preset", "exam"], ["'--preset'", "course"]),
        (["--preset", "course", "--data", "digits"], ["'--preset'", "is an exercise on mnist"]),
        (["--frobnicate"], ["--frobnicate"]),
        (["extra"], ["extra"]),
        (["--out"], ["--out"]),
    ],
)
def test_what_is_asked_for_wrongly(run, tmp_path, args, messages):
    failed(run("lab", "mlp", *args), 2, "Try 'chainrule", "--help'.", *messages)
    assert everything(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_noticed_before_training(run, tmp_path):
    (tmp_path / "file").write_text("mine")
    result = run("lab", "mlp", "--out", "file")
    failed(result, 1, "cannot write to file")
    assert "training" not in result.stderr and everything(tmp_path) == ["file"]


def test_divergence(run, tmp_path):
    result = run(*SHORT, "--lr", "1e30")
    failed(result, 1, "the loss became", "at step", "in Z2 of Linear(16, 10), matmul answered", "--lr 1e+29")
    assert "--clip-norm" not in result.stderr and ".run" not in result.stderr
    assert everything(tmp_path) == []


def test_no_memory(run, tmp_path):
    failed(run("lab", "mlp", "--hidden", str(10**13)), 1, "memory")
    assert everything(tmp_path) == []


def test_interrupted_while_training(run, tmp_path, monkeypatch):
    (tmp_path / "out" / "mlp").mkdir(parents=True)
    (tmp_path / "out" / "mlp" / "report.html").write_text("of yesterday")
    calls = []

    def interrupt(*args):
        calls.append(args)
        raise KeyboardInterrupt

    monkeypatch.setattr("chainrule.train.training.Training.run", interrupt)
    failed(run(*SHORT), 130, "interrupted; nothing was written")
    assert calls and everything(tmp_path) == ["out", "out/mlp", "out/mlp/report.html"]


def test_a_bug_of_ours_is_shown_as_one(run, tmp_path, monkeypatch):
    monkeypatch.setattr(mlp, "rule", lambda recipe: 1 / 0)
    result = run(*SHORT)
    assert result.exit_code == 1 and "ZeroDivisionError" in result.stderr and "Please report it" in result.stderr
    assert everything(tmp_path) == []


def test_help_and_version(run):
    assert run("--version").stdout == f"chainrule {cr.__version__}\n"
    assert "lab" in run("--help").stdout and run("--help").exit_code == 0
    text = " ".join(run("lab", "mlp", "--help").stdout.split())
    for option in ("--data", "--hidden", "--activation", "--epochs", "--lr", "--reg", "--seed", "--engine", "--out",
                   "--json", "--batch-size", "--data-dir", "--preset"):  # fmt: skip
        assert f"{option} " in text
    assert "[default: 64 for digits, 256" in text and "[default: 40 for digits, 20 for" in text
    for args in ([], ["lab"]):
        result = run(*args)
        assert result.exit_code == 2 and result.stderr.startswith("Usage: chainrule")


# As a process --------------------------------------------------------------------------------------------------------


# The package that is under test here, wherever the process starts.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(cr.__file__).parents[1]), "TERM": "xterm", "COLUMNS": "100"}


def process(*args: str, cwd: Path, stderr: int = subprocess.PIPE):
    command = [sys.executable, "-m", "chainrule", *args]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=stderr, text=True, env=ENVIRONMENT)


def test_the_help_imports_nothing_heavy(tmp_path):
    script = (
        "import sys; from chainrule.cli import app\n"
        "try: app(['lab', 'mlp', '--help'])\n"
        "except SystemExit: pass\n"
        "print(*{m.partition('.')[0] for m in sys.modules}, file=sys.stderr)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
    assert done.returncode == 0 and not {"jax", "sklearn", "matplotlib", "scipy"} & set(done.stderr.split())


def test_ctrl_c(tmp_path):
    child = process("lab", "mlp", "--epochs", "1000000", cwd=tmp_path)
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith("epoch"):
            break
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130 and not out and "interrupted" in err and "Traceback" not in err
    assert everything(tmp_path) == []


def test_whoever_reads_may_leave(tmp_path):
    child = process(*SHORT, "--json", cwd=tmp_path)
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()
    with child.stderr:
        err = child.stderr.read()
    assert child.wait(60) == 1 and "Traceback" not in err and "Exception ignored" not in err


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals here")
def test_a_bar_on_a_terminal(tmp_path):
    master, slave = os.openpty()
    child = process(*SHORT, "--json", cwd=tmp_path, stderr=slave)
    os.close(slave)
    seen, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        try:
            seen += os.read(master, 4096)
        except OSError:
            break
    out, _ = child.communicate(timeout=60)
    os.close(master)
    assert child.returncode == 0 and json.loads(out)["steps"] == 76
    text = seen.decode()
    assert "training on 1,197 images" in text and "validation" in text and "epoch 1/2" not in text
