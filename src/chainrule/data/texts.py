"""Texts to count words in: a file of one's own, a published corpus, and one that every Python brings along."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ..graph.errors import DataError
from .download import Progress, RemoteFile, fetch
from .files import size_of
from .places import VARIABLE, cache, named_place

SHAKESPEARE = RemoteFile("input.txt", 1_115_394, "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed")
"""The file as published."""

MIRRORS: tuple[str, ...] = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/",
)
"""Base URLs, asked in turn. What they send is believed only if its SHA-256 is that of `SHAKESPEARE`."""

_NAME = "tinyshakespeare"
_SPELLINGS = (f"{_NAME}.txt", SHAKESPEARE.name)


def text(path: str | os.PathLike[str]) -> str:
    """The text of a UTF-8 file. Line ends of any system become "\\n"; a byte order mark at the beginning is left out.

    Raises `DataError`: there is no such file, it is empty, or it is not UTF-8 (with the byte and the line).

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "hamlet.txt")
    ...     _ = file.write_bytes(b"Who\\xe2\\x80\\x99s there?\\r\\n")
    ...     text(file)
    'Who’s there?\\n'
    """
    path = Path(path)
    size_of(path, "a text file", "holds characters")
    try:
        content = path.read_bytes()
    except OSError as why:
        raise DataError(f"{path}: cannot be read ({why.strerror})") from None
    return _decoded(content, path)


def tinyshakespeare(
    data_dir: str | os.PathLike[str] | None = None,
    *,
    download: bool = True,
    timeout: float = 30.0,
    progress: Progress | None = None,
) -> str:
    """40,000 lines from Shakespeare's plays: 1,115,394 characters, 65 different ones; speeches apart by blank lines.

    data_dir   a folder with tinyshakespeare.txt (or input.txt, as it was published), or with a sub-folder ``text`` or
               ``tinyshakespeare`` that has it. Without it the folder that the environment variable CHAINRULE_DATA
               names; without that the user's cache (``~/.cache/chainrule/tinyshakespeare``), into which it is
               downloaded (1.1 MB) unless ``download=False``
    timeout    seconds, for each wait on the network
    progress   called as progress(file name, bytes so far, bytes in all) while downloading

    The file is believed by its SHA-256 alone. Raises `DataError`: it is not there and cannot be had, or is another.

    Source: A. Karpathy, https://github.com/karpathy/char-rnn, commit 6f9487a (MIT licence; the plays are in the public
    domain).

    >>> tinyshakespeare()[:14]                              # doctest: +SKIP
    'First Citizen:'
    """
    place = named_place(data_dir)
    if place:
        folder, how = place
        folders, why = (folder, folder / "text", folder / _NAME), f"{how} was asked for, so nothing was downloaded."
    else:
        folders, why = (cache(_NAME),), "download=False was asked for, so nothing was downloaded."
    found, others = _search(folders)
    if found is None and not place and download:
        try:
            fetch([SHAKESPEARE], MIRRORS, folders[0], timeout=timeout, progress=progress)
            found, others = _search(folders)
        except DataError as failed:
            why = str(failed)
    if found is None:
        wrong = (f"{other}: is another text, or damaged: its SHA-256 is not {SHAKESPEARE.sha256}\n" for other in others)
        raise DataError(
            f"Tiny Shakespeare was not found.\nlooked in: {'; '.join(map(str, folders))}\n{''.join(wrong)}{why}\n"
            f"What to do: put {_SPELLINGS[0]} in a folder, and pass it as data_dir= or set the environment variable "
            f"{VARIABLE} to it. chainrule.data.text reads any other text."
        )
    return found


def _search(folders: Sequence[Path]) -> tuple[str | None, list[Path]]:
    """The text, if it is in one of the folders; and the files of its name that are not it."""
    others = []
    for path in (folder / name for folder in folders for name in _SPELLINGS):
        if path.is_file():
            try:
                content = path.read_bytes()
            except OSError as why:
                raise DataError(f"{path}: cannot be read ({why.strerror})") from None
            if hashlib.sha256(content).hexdigest() == SHAKESPEARE.sha256:
                return _decoded(content, path), []
            others.append(path)
    return None, others


def python_reference() -> str:
    """The Python Language Reference as it comes with Python itself, for `help`: English prose with some code, about
    half a million characters.

    The topics are in the order of their names, each in its lines and paragraphs, with a blank line between two. Nothing
    is downloaded. The text differs between versions of Python, and whatever is counted in it with it.

    Raises `DataError` where this Python was installed without it.

    >>> from chainrule.data import python_reference
    >>> "Assert statements are a convenient way to insert debugging assertions" in python_reference()
    True
    """
    try:
        topics: dict[str, str] = import_module("pydoc_data.topics").topics
    except ImportError:
        raise DataError(
            "this Python was installed without pydoc_data.topics, the text of its language reference; another "
            "text can be read with chainrule.data.text(path)"
        ) from None
    return "\n\n".join(topics[name].strip("\n") for name in sorted(topics)) + "\n"


def _decoded(content: bytes, path: Path) -> str:
    try:
        found = content.decode("utf-8")
    except UnicodeDecodeError as why:
        line = content.count(b"\n", 0, why.start) + 1
        raise DataError(
            f"{path}: is not UTF-8: byte {why.start:,} (line {line:,}) is 0x{content[why.start]:02x}, {why.reason}; "
            "save it as UTF-8"
        ) from None
    return found.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


__all__ = ["MIRRORS", "SHAKESPEARE", "python_reference", "text", "tinyshakespeare"]
