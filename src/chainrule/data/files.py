"""One file that a person named: is there something in it to read?"""

from __future__ import annotations

import stat
from pathlib import Path

from ..graph.errors import DataError


def size_of(path: Path, kind: str, content: str) -> int:
    """Bytes on disk of a regular file that is not empty; else a `DataError` that says what was expected.

    kind      what the file should be, with its article: "an idx file"
    content   how such a file begins, or what it holds: "starts with a header"
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; {kind} was expected") from None
    except (OSError, ValueError) as why:  # ValueError: a NUL in the name
        raise DataError(f"{path}: cannot be read ({why})") from None
    if stat.S_ISDIR(found.st_mode):
        raise DataError(f"{path}: is a folder; give the path of one {kind.partition(' ')[2]} in it")
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path}: is not a regular file; give the path of {kind}")
    if not found.st_size:
        raise DataError(f"{path}: is empty (0 bytes); {kind} {content}")
    return found.st_size
