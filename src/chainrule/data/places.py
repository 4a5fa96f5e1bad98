"""Where a published data set's files are on this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..graph.errors import DataError

VARIABLE = "CHAINRULE_DATA"


def named_place(data_dir: str | os.PathLike[str] | None) -> tuple[Path, str] | None:
    """The folder that the caller named, and how: `data_dir`, else the variable CHAINRULE_DATA, else None."""
    if data_dir is not None:
        return _home(Path(data_dir)), f"data_dir={os.fspath(data_dir)!r}"
    if value := os.environ.get(VARIABLE):
        return _home(Path(value)), f"{VARIABLE}={value!r}"
    return None


def cache(name: str) -> Path:
    """``$XDG_CACHE_HOME/chainrule/<name>``, or ``~/.cache/chainrule/<name>``."""
    value = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(value) if os.path.isabs(value) else _home(Path("~/.cache"))  # the XDG standard ignores relative paths
    return root / "chainrule" / name


def find(names: Sequence[str], folders: Sequence[Path]) -> tuple[dict[str, Path], list[str]]:
    """The path of each of `names` in the first of `folders` that holds them all, and none missing;
    else the paths in the folder that holds the most, and the names that it lacks.

    A name ends in .gz; the uncompressed ``train-images-idx3-ubyte`` and ``train-images.idx3-ubyte`` count as well.
    """
    best: dict[str, Path] = {}
    for folder in folders:
        found: dict[str, Path] = {}
        for name in names:
            raw = name.removesuffix(".gz")
            for spelling in (name, raw, raw.replace("-idx", ".idx")):
                if os.path.exists(folder / spelling):
                    found[name] = folder / spelling
                    break
        if len(found) > len(best) or not best:
            best = found
        if len(best) == len(names):
            break
    return best, [name for name in names if name not in best]


def _home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as why:
        raise DataError(f"{path}: there is no home folder ({why}); pass data_dir= or set {VARIABLE}") from None
