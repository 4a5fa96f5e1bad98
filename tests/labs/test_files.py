"""Files that appear together or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chainrule.graph.errors import ChainruleError, OutputError
from chainrule.labs.files import OutputFolder

NAMES = ["a.txt", "b.bin"]


def everything(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def test_all_of_them(tmp_path):
    out = tmp_path / "x" / "y"
    with OutputFolder(out, NAMES) as folder:
        assert everything(out) == []
        paths = folder.write({"a.txt": "naïve", "b.bin": b"\0\1"})
    assert everything(out) == NAMES and paths == {n: out / n for n in NAMES}
    assert (out / "a.txt").read_text("utf-8") == "naïve" and (out / "b.bin").read_bytes() == b"\0\1"
    assert os.stat(out / "a.txt").st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_nothing(tmp_path, error):
    with pytest.raises(error), OutputFolder(tmp_path / "x" / "y", NAMES):
        raise error
    assert everything(tmp_path) == []


def test_a_failure_leaves_what_was_there(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(ValueError), OutputFolder(tmp_path, NAMES):
        raise ValueError
    assert everything(tmp_path) == ["a.txt"] and (tmp_path / "a.txt").read_text() == "old"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_while_writing_leaves_nothing(tmp_path, monkeypatch, error):
    (tmp_path / "a.txt").write_text("old")
    calls = []

    def fsync(handle):
        calls.append(handle)
        if len(calls) == 2:
            raise error

    monkeypatch.setattr(os, "fsync", fsync)
    expected = OutputError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught, OutputFolder(tmp_path, NAMES) as folder:
        folder.write({"a.txt": "new", "b.bin": b"new"})
    assert everything(tmp_path) == ["a.txt"] and (tmp_path / "a.txt").read_text() == "old"
    if expected is OutputError:
        assert "No space left on device" in str(caught.value) and isinstance(caught.value, ChainruleError)


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match=f"cannot write to {path}"), OutputFolder(path, NAMES):
            pytest.fail("it was entered")
    (tmp_path / "dir" / "a.txt").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"a\.txt is a folder"), OutputFolder(tmp_path / "dir", NAMES):
        pytest.fail("it was entered")
    assert everything(tmp_path) == ["dir", "dir/a.txt", "file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    for path in (tmp_path, tmp_path / "new"):
        with pytest.raises(OutputError, match="Permission denied"), OutputFolder(path, NAMES):
            pytest.fail("it was entered")
    tmp_path.chmod(0o700)
