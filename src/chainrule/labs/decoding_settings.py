"""What a person chooses for `chainrule lab decoding`, and how large its experiments are."""

from __future__ import annotations

import dataclasses
import shlex
from dataclasses import dataclass, field
from typing import Any

from .settings import LARGEST_SEED, SettingError

TEXTS = ("python", "tinyshakespeare")


@dataclass(frozen=True)
class Sizes:
    """How large the experiments are. The usual sizes take about a minute.

    models       random models of each kind and size, on which decoders are set beside the enumeration of all sequences
    repeats      how often each time is measured, at least
    divisor      all sizes of the measurements are divided by it
    prompts      places in the held-out text after which is decoded
    words        of a decoded sequence; `characters` of one of characters
    vocabulary   at most so many words
    context      characters that the network reads; `hidden` its layers, `epochs` and `engine` of its training
    """

    models: int = 30
    repeats: int = 7
    divisor: int = 1
    prompts: int = 8
    words: int = 60
    characters: int = 240
    vocabulary: int = 4000
    context: int = 10
    hidden: tuple[int, ...] = (256, 128)
    epochs: int = 5
    engine: str = "xla"


@dataclass(frozen=True)
class Settings:
    """The settings of `chainrule lab decoding`, with the same names and defaults.

    text       python (the Language Reference that every Python brings), tinyshakespeare, or the path of a text file
    data_dir   the folder that tinyshakespeare.txt is in; by default the one in $CHAINRULE_DATA, else it is downloaded
    seed       of the random models, the prompts, the network and what is sampled
    sizes      how large everything is; no option of the command

    Raises SettingError.
    """

    text: str = "python"
    data_dir: str | None = None
    seed: int = 0
    sizes: Sizes = field(default_factory=Sizes)

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed <= LARGEST_SEED:
            raise SettingError("seed", f"must be a whole number from 0 to {LARGEST_SEED}, and it is {self.seed!r}")
        if not self.text:
            raise SettingError("text", f"takes {', '.join(TEXTS)} or the path of a text file, and it is empty")
        if self.data_dir is not None and self.text != "tinyshakespeare":
            raise SettingError("data_dir", f"is where tinyshakespeare is looked for, and the text is {self.text}")

    def as_dict(self) -> dict[str, Any]:
        """Name -> value, the sizes as a dictionary of theirs."""
        return dataclasses.asdict(self)

    def command(self) -> str:
        """The command that repeats the run: what differs from the defaults."""
        words = ["chainrule lab decoding"]
        for name in ("text", "data_dir", "seed"):
            value = getattr(self, name)
            if value != getattr(type(self), name):
                words.append(f"--{name.replace('_', '-')} {shlex.quote(str(value))}")
        return " ".join(words)


__all__ = ["Settings", "Sizes", "TEXTS"]
