"""Several files that appear in a folder together, whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from ..face.files import write_files
from ..graph.errors import OutputError


class OutputFolder:
    """A folder that is known to be writable before the work starts, and gets its files when the work is done.

        with OutputFolder("out/mlp", ["report.html", "history.csv"]) as folder:
            ...                                     # hours of work
            folder.write({"report.html": page, "history.csv": table})

    Entering makes the folder and tries to write in it. `write` writes every file under a temporary name beside its own,
    and renames them once all are whole. If the block is left by an error or by Ctrl-C before that, nothing of this run
    stays: no temporary file, and no folder that was made for it. Files of an earlier run stay until they are replaced.

    Raises OutputError, which names the folder or the file and what is wrong with it.
    """

    def __init__(self, path: str | os.PathLike[str], names: Sequence[str]):
        self.path, self.names = Path(path), list(names)
        self._made: list[Path] = []

    def __enter__(self) -> OutputFolder:
        try:
            self._make()
            for name in self.names:
                if (self.path / name).is_dir():
                    raise OutputError(
                        f"{self.path / name} is a folder, and a file of that name is to be written; move it away"
                    )
            probe = self._temporary("probe")
            try:
                probe.write_bytes(b"\0")
            finally:
                probe.unlink(missing_ok=True)
        except OSError as why:
            self._undo()
            raise why if isinstance(why, OutputError) else self._error(why) from None
        except BaseException:
            self._undo()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, where: TracebackType | None
    ) -> None:
        if kind is not None:
            self._undo()

    def write(self, files: Mapping[str, str | bytes]) -> dict[str, Path]:
        """Write all `files` (text as UTF-8), then give each its name: {name: path}."""
        paths = {name: self.path / name for name in files}
        try:
            write_files({paths[name]: content for name, content in files.items()})
        except OSError as why:
            raise self._error(why) from None
        return paths

    def _make(self) -> None:
        missing: list[Path] = []
        folder = self.path
        while not folder.exists() and folder != folder.parent:
            missing.append(folder)
            folder = folder.parent
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            self._made.append(folder)
        if not self.path.is_dir():
            raise OutputError(
                f"cannot write to {self.path}: it is a file, and a folder is needed; choose another --out"
            )

    def _undo(self) -> None:
        for folder in reversed(self._made):
            try:
                folder.rmdir()  # only if it is empty
            except OSError:
                break
        self._made.clear()

    def _temporary(self, name: str) -> Path:
        return self.path / f".{name}.{os.getpid()}.part"

    def _error(self, why: OSError) -> OutputError:
        return OutputError(f"cannot write to {self.path}: {why.strerror or why}; choose another folder with --out")


__all__ = ["OutputFolder"]
