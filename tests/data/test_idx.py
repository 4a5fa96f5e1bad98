"""Reading idx files: what was written comes back, and what is wrong is told."""

from __future__ import annotations

import gzip
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chainrule.data import read_idx
from chainrule.graph.errors import DataError

TYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5)


@settings(max_examples=80, deadline=None)
@given(
    array=st.sampled_from(TYPES).flatmap(lambda t: hnp.arrays(np.dtype(t), SHAPES)), suffix=st.sampled_from(["", ".gz"])
)
def test_what_was_written_comes_back(array: np.ndarray, suffix: str, write_idx, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / f"round_trip{suffix}"
    found = read_idx(write_idx(path, array))
    assert found.dtype == array.dtype and found.dtype.isnative
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()  # NaN's bits as well


def test_compression_is_told_by_content_not_by_name(tmp_path: Path, write_idx):
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    for name, other in (("a.gz", "a"), ("b", "b.gz")):
        write_idx(tmp_path / name, array).rename(tmp_path / other)
        assert np.array_equal(read_idx(str(tmp_path / other)), array)


def test_several_gzip_members_are_one_file(tmp_path: Path, write_idx):
    data = write_idx(tmp_path / "a", np.arange(50, dtype=np.int32)).read_bytes()
    (tmp_path / "a.gz").write_bytes(gzip.compress(data[:77]) + gzip.compress(data[77:]))
    assert read_idx(tmp_path / "a.gz").tolist() == list(range(50))


def test_what_compresses_well_is_read_too(tmp_path: Path, write_idx):
    found = read_idx(write_idx(tmp_path / "a.gz", np.zeros((300, 28, 28), np.uint8)))
    assert found.shape == (300, 28, 28) and not found.any()


def header(*dims: int, code: int = 8) -> bytes:
    return struct.pack(f">BBBB{len(dims)}I", 0, 0, code, len(dims), *dims)


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)  # without the time of day


SIX = header(2, 3) + bytes(range(6))
WRONG = [
    (b"", "is empty (0 bytes); an idx file starts with a header"),
    (packed(b""), "is not an idx file: there is nothing in it"),
    (b"\0\0\x08", "is not an idx file: it starts with the bytes 00 00 08; idx starts with 00 00, a type (08 uint8, "),
    (b"<!DOCTYPE html>", "starts with the bytes 3c 21 44 4f; it looks like a web page; idx starts with 00 00"),
    (header(3, code=0x0A) + bytes(3), "is not an idx file: it starts with the bytes 00 00 0a 01"),
    (b"\0\0\x08\xff" + bytes(1020), "its header announces 255 dimensions; up to 32 can be held"),
    (b"\0\0\x08\x03" + bytes(11), "ends within its header: 3 dimensions of 4 bytes each"),
    (SIX[:-2], "its header announces 2 × 3 of uint8 = 6 bytes, but only 4 follow; the file is not complete"),
    (
        packed(SIX[:-2]),
        "its header announces 2 × 3 of uint8 = 6 bytes, but only 4 follow; the file is not complete",
    ),
    (SIX + b"xyz", "2 × 3 of uint8 = 6 bytes, but 9 follow, 3 more; an idx file holds one array and ends there"),
    (packed(SIX + b"xyz"), "2 × 3 of uint8 = 6 bytes, but more bytes follow; an idx file holds one array"),
    (header(2**32 - 1, 2**32 - 1, 9, code=0x0E), "= 1,328,165,5"),
    (packed(header(2**32 - 1, 2**32 - 1, 9, code=0x0E) + bytes(99)), "but only 99 follow"),
    (
        packed(SIX)[:-3],
        "is cut short: it stops after {size} bytes, before gzip's end mark; copy or download it again",
    ),
    (packed(SIX)[:5], "is cut short: it stops after {size} bytes, before gzip's end mark"),
    (packed(SIX)[:-8] + b"\1\2\3\4" + packed(SIX)[-4:], "is corrupt (CRC check failed"),
    (packed(SIX)[:10] + b"\xff" * 30, "is corrupt ("),
    (packed(SIX) + b"junk", "is corrupt (Not a gzipped file"),
]


@pytest.mark.parametrize("content, message", WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "some-file"
    path.write_bytes(content)
    with pytest.raises(DataError) as told:
        read_idx(path)
    assert str(told.value).startswith(f"{path}: ") and message.format(size=len(content)) in str(told.value)


def test_no_rows_may_claim_no_room(tmp_path: Path):
    (tmp_path / "a").write_bytes(header(0, *[2**32 - 1] * 5))
    with pytest.raises(DataError, match="an array which cannot be held"):
        read_idx(tmp_path / "a")


def test_a_header_is_not_believed_before_the_file_is_counted(tmp_path: Path):
    """64 MiB of zeros compress to 64 KiB; a header that claims one byte more takes no 64 MiB of memory."""
    (tmp_path / "a.gz").write_bytes(gzip.compress(header((64 << 20) + 1) + bytes(64 << 20), 1))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="but only 67,108,864 follow"):
            read_idx(tmp_path / "a.gz")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_decoding_keeps_one_copy(tmp_path: Path, write_idx):
    array = np.random.default_rng(0).integers(0, 9, (8 << 20,), dtype=np.uint8)
    write_idx(tmp_path / "a", array)
    (tmp_path / "a.gz").write_bytes(gzip.compress((tmp_path / "a").read_bytes(), 1))
    for name in ("a", "a.gz"):
        tracemalloc.start()
        found = read_idx(tmp_path / name)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert np.array_equal(found, array)
        assert peak < array.nbytes + (4 << 20)


def test_no_such_file(tmp_path: Path):
    with pytest.raises(DataError, match=r"nothing: there is no such file; an idx file was expected"):
        read_idx(tmp_path / "nothing")


def test_a_folder(tmp_path: Path):
    with pytest.raises(DataError, match="is a folder; give the path of one idx file in it"):
        read_idx(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="is not a regular file"):
        read_idx(tmp_path / "pipe")


def test_unreadable(tmp_path: Path, write_idx, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(DataError, match=r"loop: cannot be read \("):
        read_idx(tmp_path / "loop")
    with pytest.raises(DataError, match=r"cannot be read \(.*null"):
        read_idx("a\0b")

    path = write_idx(tmp_path / "a", np.zeros(3, np.uint8))

    def refuse(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"a: cannot be read \(Permission denied\)"):
        read_idx(path)
