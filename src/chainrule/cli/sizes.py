"""`--sizes`: the shapes of quantities, and numbers for symbols: "x: n, W1: h n, n=100"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import typer

from ..grammar.sizes import parse_sizes
from ..grammar.sizes import read_sizes as read
from ..grammar.source import Source
from ..graph.errors import GraphError
from ..graph.spelling import meant

HINT = "'--sizes'"
_KINDS = {"integer": "int", "boolean": "bool", "real": "real"}


@dataclass(frozen=True)
class Sizes:
    """shapes: name -> "real[h n]", as an annotation would give it; numbers: symbol -> its number."""

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
            found[name] = as_spec([self.numbers.get(str(s), s) for s in sizes], kind)
        check_known(self.numbers, met)
        return found


def read_sizes(texts: Sequence[str] | None) -> Sizes:
    """What all `--sizes` say together."""
    try:
        found = read(Source("\n".join(texts or ())), numbers=True)
    except GraphError as error:
        raise wrong(str(error)) from None
    return Sizes({name: as_spec(n.shape, n.kind) for name, n in found.inputs.items()}, found.numbers)


def as_spec(shape: Iterable[object], kind: str) -> str:
    """Sizes and a kind as an annotation gives them.

    >>> as_spec(["n", 3], "integer")
    'int[n 3]'
    """
    return f"{_KINDS[kind]}[{' '.join(map(str, shape))}]"


def check_known(numbers: Iterable[str], symbols: Iterable[str]) -> None:
    """Every number must be for a symbol that there is."""
    known = sorted(symbols)
    for name in numbers:
        if name not in known:
            there = f"the sizes are {', '.join(known)}" if known else "all sizes are numbers already"
            raise wrong(f"there is no size called {name}; {there}{meant(name, known)}")


def wrong(message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint=HINT)


__all__ = ["Sizes", "as_spec", "check_known", "read_sizes", "wrong"]
