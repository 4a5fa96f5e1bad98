"""Texts: a file of one's own, Tiny Shakespeare from a folder or a server on this machine, Python's own reference."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from chainrule import data
from chainrule.data import python_reference, text, texts, tinyshakespeare
from chainrule.data.download import RemoteFile
from chainrule.graph.errors import DataError

PLAY = "First Citizen:\nBefore we proceed any further, hear me speak — ß.\n"
BODY = PLAY.encode()


@pytest.fixture
def shakespeare(site, no_place: Path, monkeypatch: pytest.MonkeyPatch):
    """PLAY as if it were the published file, on the mirrors /one/ and /two/ of `site`."""
    monkeypatch.setattr(texts, "SHAKESPEARE", RemoteFile("input.txt", len(BODY), hashlib.sha256(BODY).hexdigest()))
    monkeypatch.setattr(texts, "MIRRORS", (site.url("one"), site.url("two")))
    site.put("/one/input.txt", BODY)
    site.put("/two/input.txt", BODY)
    return site


@pytest.fixture
def kept(no_place: Path) -> Path:
    return no_place.parent / "tinyshakespeare"


def test_they_are_public():
    assert {"text", "tinyshakespeare", "python_reference"} <= set(data.__all__)
    assert callable(data.text)  # the function: no module has its name


# --- text


def test_line_ends_and_the_byte_order_mark(tmp_path: Path):
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n\n\xe2\x80\x94")
    assert text(file) == text(str(file)) == "one\ntwo\nthree\n\n—"


@pytest.mark.parametrize(
    "content, where",
    [
        (b"\xff", "byte 0 (line 1) is 0xff, invalid start byte"),
        (b"one\ntwo\nthr\xe9e\n", "byte 11 (line 3) is 0xe9, invalid continuation byte"),
        (b"a\n\xe2\x80", "byte 2 (line 2) is 0xe2, unexpected end of data"),
        (b"\n" * 1234 + b"\xc3(", "byte 1,234 (line 1,235) is 0xc3, invalid continuation byte"),
    ],
)
def test_what_is_not_utf_8_is_said_with_its_place(tmp_path: Path, content: bytes, where: str):
    file = tmp_path / "latin.txt"
    file.write_bytes(content)
    with pytest.raises(DataError) as told:
        text(file)
    assert str(told.value) == f"{file}: is not UTF-8: {where}; save it as UTF-8"
    assert told.value.__suppress_context__


def test_no_file_an_empty_one_and_a_folder(tmp_path: Path):
    with pytest.raises(DataError, match=r"missing.txt: there is no such file; a text file was expected"):
        text(tmp_path / "missing.txt")
    (tmp_path / "empty.txt").touch()
    with pytest.raises(DataError, match=r"empty.txt: is empty \(0 bytes\); a text file holds characters"):
        text(tmp_path / "empty.txt")
    with pytest.raises(DataError, match="is a folder; give the path of one text file in it"):
        text(tmp_path)


# --- Tiny Shakespeare


def test_it_is_downloaded_once(shakespeare, kept: Path):
    told: list[tuple[str, int, int]] = []
    assert tinyshakespeare(progress=lambda *what: told.append(what)) == PLAY
    assert told[-1] == ("input.txt", len(BODY), len(BODY))
    assert tinyshakespeare() == tinyshakespeare(download=False) == PLAY
    assert shakespeare.asked == ["/one/input.txt"]
    assert [path.name for path in kept.iterdir()] == ["input.txt"]


def test_a_bad_copy_is_taken_from_the_second_mirror(shakespeare):
    shakespeare.put("/one/input.txt", BODY[:-1] + b"?")
    assert tinyshakespeare() == PLAY
    assert shakespeare.asked == ["/one/input.txt", "/two/input.txt"]


def test_a_copy_that_went_bad_is_downloaded_again(shakespeare, kept: Path):
    tinyshakespeare()
    (kept / "input.txt").write_bytes(BODY[:-3])
    assert tinyshakespeare() == PLAY
    assert len(shakespeare.asked) == 2


@pytest.mark.parametrize("where", ["tinyshakespeare.txt", "input.txt", "text/tinyshakespeare.txt",
                                   "tinyshakespeare/input.txt"])  # fmt: skip
@pytest.mark.parametrize("named", ["argument", "variable"])
def test_it_is_found_in_a_folder(shakespeare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, named: str):
    folder = tmp_path / "mine"
    (folder / where).parent.mkdir(parents=True)
    (folder / where).write_bytes(BODY)
    if where != "input.txt":
        (folder / "input.txt").write_text("an input of another program")  # passed over
    if named == "variable":
        monkeypatch.setenv("CHAINRULE_DATA", str(folder))
    assert (tinyshakespeare(folder) if named == "argument" else tinyshakespeare()) == PLAY
    assert shakespeare.asked == []


def test_another_text_in_the_folder_is_named(shakespeare, tmp_path: Path):
    (tmp_path / "tinyshakespeare.txt").write_text("Arma virumque cano")
    with pytest.raises(DataError) as told:
        tinyshakespeare(tmp_path)
    lines = str(told.value).splitlines()
    assert lines[0] == "Tiny Shakespeare was not found."
    assert lines[1].startswith(f"looked in: {tmp_path}; ")
    assert lines[2].startswith(f"{tmp_path / 'tinyshakespeare.txt'}: is another text, or damaged: its SHA-256 is not ")
    assert lines[3] == f"data_dir={str(tmp_path)!r} was asked for, so nothing was downloaded."
    assert lines[4].startswith("What to do: put tinyshakespeare.txt in a folder, and pass it as data_dir= or set ")
    assert len(lines) == 5 and shakespeare.asked == []


def test_no_network_and_no_download(shakespeare, kept: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(DataError, match=r"looked in: .*tinyshakespeare\ndownload=False was asked for, so nothing was"):
        tinyshakespeare(download=False)
    assert shakespeare.asked == [] and not kept.exists()
    monkeypatch.setattr(texts, "MIRRORS", ("http://127.0.0.1:1/a/",))
    with pytest.raises(DataError, match=r"input.txt could not be downloaded:\n  http://127.0.0.1:1/a/input.txt: "):
        tinyshakespeare()


def test_the_published_facts(real_data: Path):
    assert texts.MIRRORS[0].split("/")[5] == "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"  # a commit, not a branch
    file = real_data / "text" / "tinyshakespeare.txt"
    if not file.is_file():
        pytest.skip(f"{file} is not there")
    found = tinyshakespeare(real_data)
    assert len(found) == texts.SHAKESPEARE.size == 1_115_394 and len(set(found)) == 65
    assert found.startswith("First Citizen:\nBefore we proceed") and found == text(file)


# --- Python's reference


def test_pythons_reference_is_english_in_paragraphs():
    found = python_reference()
    assert found == python_reference() and found.endswith("\n") and not found.endswith("\n\n")
    assert 200_000 < len(found) < 2_000_000
    assert found.lower().count(" the ") > 2_000
    assert found.index('The "assert" statement') < found.index('The "while" statement')  # in the order of topics
    assert found.count("\n\n") > 1_000


def test_a_python_without_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(DataError, match=r"installed without pydoc_data.topics.*chainrule.data.text"):
        python_reference()
