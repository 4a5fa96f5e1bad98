"""Where answers go, and what happens where they cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import everything, failed

import chainrule as cr
from chainrule.face import files

TEXT = ("derive", "L = sum(x**2)", "--sizes", "x: n")


@pytest.mark.parametrize(
    "out, message",
    [
        ("nosuch/a.md", "the folder nosuch does not exist"),
        ("net.py/a.md", "the folder net.py is a file"),
        (".", "it is a folder"),
    ],
)
def test_a_place_where_nothing_can_be(chainrule, here, out, message):
    failed(chainrule(*TEXT, "--out", out), 1, f"cannot write {out}", message)
    assert everything(here) == ["net.py"]


def test_it_is_noticed_before_the_work(chainrule, here):
    (here / "slow.py").write_text("raise SystemExit('this must not run')\n")
    failed(chainrule("derive", "slow.py:f", "--out", "nosuch/a.md"), 1, "cannot write")


def test_a_failure_leaves_what_was_there(chainrule, here, monkeypatch):
    (here / "a.md").write_text("of yesterday")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    failed(chainrule(*TEXT, "--out", "a.md"), 1, "cannot write a.md: No space left on device")
    assert everything(here) == ["a.md", "net.py"] and (here / "a.md").read_text() == "of yesterday"


def test_a_failed_derivation_writes_nothing(chainrule, here):
    assert chainrule("derive", "net.py:model", "--out", "a.md").exit_code == 1
    assert everything(here) == ["net.py"]


def test_dash_is_stdout(chainrule, here):
    assert chainrule(*TEXT, "--out", "-").stdout == chainrule(*TEXT).stdout
    assert everything(here) == ["net.py"]


def test_links_are_followed_and_permissions_kept(tmp_path):
    (tmp_path / "real.md").write_text("old")
    (tmp_path / "real.md").chmod(0o640)
    (tmp_path / "link.md").symlink_to("real.md")
    files.write_file(tmp_path / "link.md", "new")
    assert (tmp_path / "link.md").is_symlink() and (tmp_path / "real.md").read_text() == "new"
    assert (tmp_path / "real.md").stat().st_mode & 0o777 == 0o640 and everything(tmp_path) == ["link.md", "real.md"]


def test_a_name_of_the_longest_kind(tmp_path):
    name = "n" * 252 + ".md"
    files.write_file(tmp_path / name, "x")
    assert everything(tmp_path) == [name]


# As a process --------------------------------------------------------------------------------------------------------

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(cr.__file__).parents[1])}


def shell(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess:
    command = f"chainrule() {{ '{sys.executable}' -m chainrule \"$@\"; }}\n{script}"
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, timeout=60, env=ENVIRONMENT | variables
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_full_devices_and_a_reader_that_leaves(tmp_path):
    script = f"""
    chainrule {TEXT[0]} '{TEXT[1]}' --sizes 'x: n' >/dev/full; echo "full $?"
    chainrule {TEXT[0]} '{TEXT[1]}' --sizes 'x: n' --out /dev/full; echo "out $?"
    chainrule {TEXT[0]} '{TEXT[1]}' --sizes 'x: n' --out /dev/stdout | head -1; echo "pipe ${{PIPESTATUS[0]}}"
    chainrule {TEXT[0]} '{TEXT[1]}' --sizes 'x: n' --json | true; echo "gone ${{PIPESTATUS[0]}}"
    """
    done = shell(script, tmp_path)
    assert done.stdout.decode().splitlines() == ["full 1", "out 1", "L = sum(x²)", "pipe 0", "gone 1"]
    said = done.stderr.decode()
    assert "chainrule: cannot write to stdout: No space left on device" in said
    assert "chainrule: cannot write /dev/full: No space left on device" in said
    assert "Traceback" not in said and "Exception ignored" not in said and everything(tmp_path) == []


def test_a_terminal_without_the_signs(tmp_path):
    done = shell(f"chainrule {TEXT[0]} '{TEXT[1]}' --sizes 'x: n'", tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 1 and not done.stdout
    assert b"stdout is written in ascii" in done.stderr and b"PYTHONIOENCODING=utf-8" in done.stderr
