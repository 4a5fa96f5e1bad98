"""Files from the network: verified before they get their name, and never half-written."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..graph.errors import DataError

Progress = Callable[[str, int, int], None]
"""Called as ``progress(file name, bytes so far, bytes in all)`` while a file comes in."""

_CHUNK = 1 << 16


class RemoteFile(NamedTuple):
    """A file as its publisher made it."""

    name: str
    size: int  # bytes
    sha256: str


def fetch(
    files: Sequence[RemoteFile],
    mirrors: Sequence[str],
    folder: Path,
    *,
    timeout: float = 30.0,
    progress: Progress | None = None,
) -> None:
    """Download `files` into `folder`, each from the first of `mirrors` (base URLs) that delivers it whole.

    A file is written under a temporary name, and renamed once its SHA-256 is right: whoever sees its name sees the
    whole file, also when the process dies or two download at once. `timeout` is in seconds, for each wait on the
    network. A mirror that failed is asked last for the next file.

    Raises `DataError` with what each mirror answered.
    """
    # 30 ms to import: only when something is downloaded
    from http.client import HTTPException
    from urllib.error import HTTPError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as why:
        raise DataError(f"the folder {folder} cannot be made ({why.strerror})") from None
    turn = list(mirrors)
    for file in files:
        answers: list[str] = []
        for mirror in tuple(turn):
            url = mirror.rstrip("/") + "/" + file.name
            try:
                _fetch(file, url, folder, timeout, progress)
                break
            except (OSError, HTTPException, DataError) as why:  # URLError and time-outs are OSErrors
                answers.append(f"{url}: {why}")
                if isinstance(why, HTTPError):
                    why.close()
                turn.remove(mirror)
                turn.append(mirror)
        else:
            raise DataError(
                "\n  ".join([f"{file.name} could not be downloaded:", *(answers or ["no mirror is known"])])
            )


def _fetch(file: RemoteFile, url: str, folder: Path, timeout: float, progress: Progress | None) -> None:
    from urllib.request import Request, urlopen

    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{file.name}.", suffix=".part")
    try:
        digest, done = hashlib.sha256(), 0
        request = Request(url, headers={"User-Agent": "chainrule"})
        with open(handle, "wb") as out, urlopen(request, timeout=timeout) as response:
            while done <= file.size and (chunk := response.read(_CHUNK)):
                out.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                if progress:
                    progress(file.name, min(done, file.size), file.size)
        if done != file.size:
            raise DataError(f"sent {'more than' if done > file.size else f'only {done:,} of'} {file.size:,} bytes")
        if digest.hexdigest() != file.sha256:
            raise DataError(f"sent a file with SHA-256 {digest.hexdigest()}, where {file.sha256} is the published one")
        os.replace(temporary, folder / file.name)
    finally:
        Path(temporary).unlink(missing_ok=True)
