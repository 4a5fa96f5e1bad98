"""Where the answer of a command goes: stdout, or a file that is written whole or not at all."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from ..face.files import check_writable, write_file
from ..graph.errors import OutputError
from ..graph.spelling import visible

DOCUMENTS = ("text", "latex", "html", "md")
_ENDINGS = {
    ".txt": "text", ".tex": "latex", ".html": "html", ".htm": "html", ".md": "md", ".svg": "svg", ".dot": "dot",
    ".py": "python",
}  # fmt: skip


class Output:
    """Made before the work starts, so that a file that cannot be written is noticed then.

    as_json   the facts go to stdout as JSON, and the content only to a file that was asked for
    """

    def __init__(self, path: Path | None, as_json: bool = False):
        self.path = None if path is None or str(path) == "-" else path
        self.as_json = as_json
        if self.path is not None:
            check_writable(self.path)

    @property
    def wants_content(self) -> bool:
        return self.path is not None or not self.as_json

    def kind(self, asked: str | None, kinds: Sequence[str]) -> str:
        """The format: as asked for, or as the file's name ends, or the first of those that there are.

        Raises BadParameter for a file whose name ends otherwise, unless the format is asked for.
        """
        if asked is not None or self.path is None or not self.path.suffix:
            return asked or kinds[0]
        kind = _ENDINGS.get(self.path.suffix.lower(), "")
        if kind not in kinds:
            *most, last = [ending for ending, k in _ENDINGS.items() if k in kinds]
            fitting = f"{', '.join(most)} or {last}" if most else last
            what = f"{self.path.name} ends in {self.path.suffix}; this command writes {fitting}"
            raise typer.BadParameter(what, param_hint="'--out'")
        return kind

    def write(self, content: str, facts: Mapping[str, Any] | None = None) -> None:
        """Deliver the content; `facts` are what `--json` prints."""
        if self.path is not None:
            write_file(self.path, content if content.endswith("\n") else content + "\n")
            print(f"wrote {visible(str(self.path))}", file=sys.stderr)
        if self.as_json:
            found = {**(facts or {}), **({"file": str(self.path)} if self.path is not None else {})}
            put(json.dumps(plain(found), indent=2, ensure_ascii=False, allow_nan=False))
        elif self.path is None:
            put(content)


def put(text: str) -> None:
    """Print on stdout, whatever its encoding."""
    try:
        print(text, end="" if text.endswith("\n") else "\n", flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to stdout: {error.strerror or error}") from None
    except UnicodeEncodeError as error:
        sign = error.object[error.start]
        raise OutputError(
            f"stdout is written in {error.encoding}, which has no sign {sign!a}; write to a file with --out, or "
            "set PYTHONIOENCODING=utf-8"
        ) from None


def plain(value: Any) -> Any:
    """What JSON can hold: sizes as numbers or text, arrays as lists, and "nan", "inf", "-inf", which JSON has not."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


__all__ = ["DOCUMENTS", "Output", "plain", "put"]
