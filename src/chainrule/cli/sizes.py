"""`--sizes`: the shapes of quantities, and numbers for symbols: "x: n, W1: h n, n=100"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import typer

from ..face.graph import parse_sizes

HINT = "'--sizes'"
_ENTRY = re.compile(r"[,;](?![^\[]*\])")  # int[n, k] is one entry
_KINDS = {"integer": "int", "boolean": "bool", "real": "real"}


@dataclass(frozen=True)
class Sizes:
    """shapes: name -> "h n", as an annotation would give it; numbers: symbol -> its number."""

    shapes: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.shapes or self.numbers)

    def put_in(self, specs: Mapping[str, str]) -> dict[str, str]:
        """The specs with the numbers in place of their symbols."""
        found, met = {}, set()
        for name, spec in specs.items():
            sizes, kind = parse_sizes(spec, name)
            met.update(s for s in sizes if isinstance(s, str))
            found[name] = f"{_KINDS[kind]}[{' '.join(str(self.numbers.get(str(s), s)) for s in sizes)}]"
        check_known(self.numbers, met)
        return found


def read_sizes(texts: Sequence[str] | None) -> Sizes:
    """What all `--sizes` say together."""
    found = Sizes()
    for entry in (e.strip() for text in texts or () for e in _ENTRY.split(text)):
        if not entry:
            continue
        name, sign, value = (part.strip() for part in (*re.split("([:=])", entry, maxsplit=1), "", "")[:3])
        name = unicodedata.normalize("NFKC", name)  # as Python reads it: W₁ is W1
        if not sign or not name or (sign == "=" and not name.isidentifier()):
            raise wrong(f'{entry!r} is neither a shape, as in "W1: h n", nor a number for a size, as in n=100')
        known: dict = found.shapes if sign == ":" else found.numbers
        if name in known:
            raise wrong(f"{name} is given twice")
        known[name] = value if sign == ":" else _number(name, value)
    return found


def _number(name: str, value: str) -> int:
    if not value.replace("_", "").isdecimal() or int(value) < 1:
        raise wrong(f'{name}={value}: a size is a whole number, at least 1; a shape is written "{name}: {value}"')
    return int(value)


def check_known(numbers: Iterable[str], symbols: Iterable[str]) -> None:
    """Every number must be for a symbol that there is."""
    known = sorted(symbols)
    for name in numbers:
        if name not in known:
            there = f"the sizes are {', '.join(known)}" if known else "all sizes are numbers already"
            raise wrong(f"there is no size called {name}; {there}")


def wrong(message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint=HINT)


__all__ = ["Sizes", "check_known", "read_sizes", "wrong"]
