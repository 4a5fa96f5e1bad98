"""Where the answer of a command goes: stdout, or a file that is written whole or not at all."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..face.files import OutputError, check_writable, write_file

DOCUMENTS = ("text", "latex", "html", "md")
_ENDINGS = {".txt": "text", ".tex": "latex", ".html": "html", ".htm": "html", ".md": "md", ".svg": "svg", ".dot": "dot"}


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
        """The format: as asked for, or as the file's name ends, or the first of those that there are."""
        ending = _ENDINGS.get(self.path.suffix.lower()) if self.path is not None else None
        return asked or (ending if ending is not None and ending in kinds else kinds[0])

    def write(self, content: str, facts: Mapping[str, Any] | None = None) -> None:
        """Deliver the content; `facts` are what `--json` prints."""
        if self.path is not None:
            write_file(self.path, content if content.endswith("\n") else content + "\n")
            print(f"wrote {self.path}", file=sys.stderr)
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
    """What JSON can hold: sizes as numbers or text, arrays as lists, and null for what is no finite number."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


__all__ = ["DOCUMENTS", "Output", "plain", "put"]
