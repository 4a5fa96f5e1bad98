"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from ..graph.errors import OutputError

Content = str | bytes


def write_files(files: Mapping[Path, Content]) -> None:
    """Write all the files (text as UTF-8) under temporary names beside their own, then give each its name.

    A link is followed, and a file that is there already keeps its permissions. What is no file, such as /dev/stdout or
    a pipe, is written to as it stands. Raises OSError; then none of the files has changed, and no temporary one stays.
    """
    staged: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            data = content.encode("utf-8") if isinstance(content, str) else content
            if path.exists() and not path.is_file() and not path.is_dir():
                path.write_bytes(data)
                continue
            place = Path(os.path.realpath(path))
            temporary = staged[place] = place.with_name(f".{secrets.token_hex(6)}.part")
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if place.exists():
                os.chmod(temporary, place.stat().st_mode & 0o777)
        for place, temporary in staged.items():
            os.replace(temporary, place)
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise OutputError where no file of that name can be: said before the work starts."""
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; name a file in it")
    if not path.parent.is_dir():
        what = "is a file" if path.parent.exists() else "does not exist"
        raise OutputError(f"cannot write {path}: the folder {path.parent} {what}")
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(f"cannot write {path}: it may not be changed")


def write_file(path: str | os.PathLike[str], content: Content) -> None:
    """Write one file, whole or not at all. Raises OutputError, which names it and says what is wrong."""
    check_writable(path)
    try:
        write_files({Path(path): content})
    except OSError as why:
        raise OutputError(f"cannot write {path}: {why.strerror or why}") from None


__all__ = ["check_writable", "write_file", "write_files"]
