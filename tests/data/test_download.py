"""Downloading from a server on this machine: whole and verified, or an error and nothing left behind."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from chainrule.data import facts, mnist
from chainrule.graph.errors import DataError

FIRST = facts.NAMES[0]


def load(**options):
    return mnist(validation=7, timeout=5, **options)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_files_come_from_the_first_mirror_once(published, no_place: Path):
    told: list[tuple[str, int, int]] = []
    data = load(progress=lambda *what: told.append(what))
    assert data.train.rows == 30 and str(no_place) in data.source
    assert published.asked == [f"/one/{name}" for name in facts.NAMES]
    assert left_in(no_place) == sorted(facts.NAMES)
    for file in facts.FILES["mnist"]:
        assert [what[1:] for what in told if what[0] == file.name][-1] == (file.size, file.size)
    assert all(0 < done <= size for _, done, size in told)

    again = load(download=False)
    assert len(published.asked) == 4  # nothing was asked for anew
    assert np.array_equal(again.train.X, data.train.X)


def test_only_what_is_missing_is_downloaded(published, no_place: Path):
    load()
    (no_place / FIRST).unlink()
    published.asked.clear()
    load()
    assert published.asked == [f"/one/{FIRST}"]


def test_a_dead_first_mirror_is_asked_last_from_then_on(published, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as taken:  # bound, not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        monkeypatch.setitem(facts.MIRRORS, "mnist", (dead, published.url("two")))
        assert load().train.rows == 30
    assert published.asked == [f"/two/{name}" for name in facts.NAMES]


def spoil(site, kind: str) -> str:
    """Make /one/'s first file bad; what the error says about it."""
    body = site.pages[f"/one/{FIRST}"][2]
    if kind == "404":
        site.put(f"/one/{FIRST}", b"", status=404)
        return f"/one/{FIRST}: HTTP Error 404: Not Found"
    if kind == "checksum":
        site.put(f"/one/{FIRST}", body[:-1] + bytes([body[-1] ^ 1]))
        return "sent a file with SHA-256 "
    if kind == "truncated":
        site.put(f"/one/{FIRST}", body[:1000], promised=len(body))
        return "1,000 of " if sys.version_info < (3, 14) else ""  # a newer http.client may notice it first
    if kind == "page":
        site.put(f"/one/{FIRST}", b"<html>Please log in</html>")
        return f"sent only 26 of {len(body):,} bytes"
    site.put(f"/one/{FIRST}", body + bytes(1 << 18))
    return f"sent more than {len(body):,} bytes"


KINDS = ["404", "checksum", "truncated", "page", "endless"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_file_is_taken_from_the_second_mirror(published, no_place: Path, kind: str):
    spoil(published, kind)
    assert load().train.rows == 30
    assert published.asked == [f"/one/{FIRST}", *(f"/two/{name}" for name in facts.NAMES)]
    assert left_in(no_place) == sorted(facts.NAMES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_file_and_no_other_mirror(published, no_place: Path, monkeypatch: pytest.MonkeyPatch, kind: str):
    monkeypatch.setitem(facts.MIRRORS, "mnist", (published.url("one"),))
    message = spoil(published, kind)
    with pytest.raises(DataError) as told:
        load()
    assert message in str(told.value) and f"{FIRST} could not be downloaded" in str(told.value)
    assert left_in(no_place) == []


def test_more_than_was_promised_is_not_read_to_its_end(published, monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    monkeypatch.setitem(facts.MIRRORS, "mnist", (published.url("one"),))
    published.put(f"/one/{FIRST}", bytes(8 << 20))
    with pytest.raises(DataError, match="sent more than"):
        load(progress=lambda name, done, size: told.append(name))
    assert len(told) == 1


def test_an_interrupt_leaves_nothing_half_written(published, no_place: Path):
    def interrupt(name: str, done: int, size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(progress=interrupt)
    assert left_in(no_place) == []


def test_no_network_is_one_clear_error(published, no_place: Path, monkeypatch: pytest.MonkeyPatch):
    load()
    for name in facts.NAMES[:2]:
        (no_place / name).unlink()
    monkeypatch.setitem(facts.MIRRORS, "mnist", ("http://127.0.0.1:1/a/", "http://127.0.0.1:1/b/"))
    with pytest.raises(DataError) as told:
        load()
    text = str(told.value)
    assert text.startswith("MNIST was not found.\nmissing: train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz\n")
    assert f"looked in: {no_place}\n" in text
    assert f"/a/{FIRST}: <urlopen error" in text and f"/b/{FIRST}: <urlopen error" in text
    assert "put the four files train-images-idx3-ubyte.gz, " in text
    assert "pass it as data_dir= or set the environment variable CHAINRULE_DATA to it" in text
    assert told.value.__suppress_context__


def test_no_mirror_and_no_download(published, no_place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(facts.MIRRORS, "mnist", ())
    with pytest.raises(DataError, match="no mirror is known"):
        load()
    no_place.rmdir()
    with pytest.raises(DataError, match=r"mnist \(not there\)\ndownload=False was asked for"):
        load(download=False)
    assert published.asked == []


def test_a_cache_that_cannot_be_made(published, no_place: Path):
    no_place.parents[1].write_text("a file where the folder should be")
    with pytest.raises(DataError, match="cannot be made"):
        load()


def test_a_file_in_the_cache_that_went_bad(published, no_place: Path):
    load()
    (no_place / FIRST).write_bytes((no_place / FIRST).read_bytes()[:-9])
    with pytest.raises(DataError, match=f"is cut short.*; delete {no_place} and it will be downloaded again"):
        load()


def test_a_mirror_that_does_not_answer_is_not_waited_for_long(published, monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and says nothing
        monkeypatch.setitem(facts.MIRRORS, "mnist", (f"http://127.0.0.1:{silent.getsockname()[1]}/",))
        with pytest.raises(DataError, match="timed out"):
            mnist(timeout=0.1)
