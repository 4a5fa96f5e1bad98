r"""Repeated layers as one: equations that differ only in the number at the end of their names, z_1, z_2, …, W1, W2, …

Two items have the same form if they read the same once every number is written relative to the item's own. A block of
items that comes again with its number moved by one is a layer; three in a row are worth folding.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from .latex import LATEX
from .notation import Notation

_FEWEST = 3  # layers: two are shorter to read than to fold
_LONGEST = 40  # items in a layer

_NUMBERED = re.compile(r"(.*?\D)(_?)(\d+)(\]?)")


class Numbered(NamedTuple):
    """W12 as ("W", 12), in layer 12; in layer 6 where W counts two for each layer."""

    stem: str
    number: int
    layer: int


class Numbering:
    """The numbers at the end of names, and the letter that stands for one. `W1` and `W_1` in one graph differ in stem.

    A stem that has s times as many numbers as most others counts s for each layer: W1, W2 in the first, W3, W4 in the
    second.

    names     of all quantities
    taken     what the letter must not be: the symbols of sizes
    """

    def __init__(self, names: Collection[str], taken: Collection[str] = ()):
        self.letter = next(c for c in _letters() if c not in taken and c not in names)
        found = [m for n in names if (m := _NUMBERED.fullmatch(n))]
        plain = {m[1] + m[3] for m in found if not m[2]}
        self._apart = {m[1] for m in found if m[2] and m[1] + m[3] in plain}
        numbers: dict[str, set[int]] = {}
        for m in found:
            numbers.setdefault(self._stem(m), set()).add(int(m[3]))
        self._first = {stem: min(there) for stem, there in numbers.items()}
        counts = Counter(len(there) for there in numbers.values() if len(there) >= _FEWEST)
        usual = min(counts, key=lambda n: (-counts[n], n), default=0)
        self._stride = {
            stem: len(there) // usual if usual and len(there) % usual == 0 else 1 for stem, there in numbers.items()
        }

    def _stem(self, found: re.Match[str]) -> str:
        stem = found[1] + (found[2] if found[1] in self._apart else "")
        return stem.removesuffix("[")

    def of(self, name: str) -> Numbered | None:
        """W12, W_12 and the entry W[12] are each number 12 of W."""
        found = _NUMBERED.fullmatch(name)
        if found is None:
            return None
        stem, number = self._stem(found), int(found[3])
        first, stride = self._first.get(stem, number), self._stride.get(stem, 1)
        return Numbered(stem, number, (number - first) // stride + first)

    def relative(self, name: str, base: int, notation: Notation) -> str:
        """How `name` is written in layer k = `base`: h[k - 1] in text, h_{k-1} in LaTeX; without a number as it is."""
        found = self.of(name)
        if found is None:
            return notation.name(name)
        stride = self._stride.get(found.stem, 1)
        move = found.number - stride * base
        if notation is not LATEX:
            k = self.letter if stride == 1 else f"{stride}·{self.letter}"
            return f"{found.stem}[{k}{f' {chr(43) if move > 0 else chr(45)} {abs(move)}' if move else ''}]"
        k = self.letter if stride == 1 else f"{stride}{self.letter}"
        written, digits = notation.name(name), _NUMBERED.fullmatch(name)[3]  # type: ignore[index]
        at = written.rindex(digits)
        return f"{written[:at]}{k}{f'{move:+d}' if move else ''}{written[at + len(digits) :]}"


def _letters() -> Iterator[str]:
    """k, l, j, i, and then k′, k′′, …: there is always one that is free."""
    yield from "klji"
    for n in count(1):
        yield "k" + "′" * n


@dataclass(frozen=True)
class Repeat:
    """Items start, …, start + length·count − 1 are `count` layers of `length` items, numbered `first` to `last`."""

    start: int
    length: int
    count: int
    first: int
    last: int

    @property
    def stop(self) -> int:
        return self.start + self.length * self.count


def repeats(forms: Sequence[str], numbers: Sequence[int | None]) -> list[Repeat]:
    """The repeated blocks among items with these relative forms and numbers, from the left, longest first."""
    found: list[Repeat] = []
    at = 0
    runs = {p: _runs(forms, numbers, p) for p in range(1, min(_LONGEST, len(forms) // _FEWEST) + 1)}
    while at < len(forms):
        best = max((r for p in runs if (r := _at(at, p, runs[p], numbers))), key=_covered, default=None)
        if best is None:
            at += 1
            continue
        later = (_at(best.start + s, best.length, runs[best.length], numbers) for s in range(1, best.length))
        aligned = (r for r in later if r and r.count == best.count and _uniform(r, numbers))
        best = best if _uniform(best, numbers) else next(aligned, best)
        found.append(best)
        at = best.stop
    return found


def _uniform(r: Repeat, numbers: Sequence[int | None]) -> bool:
    """Whether all items of a layer have its number."""
    return len(set(numbers[r.start : r.start + r.length])) == 1


def _covered(r: Repeat) -> tuple[int, int]:
    return r.length * r.count, -r.length


def _runs(forms: Sequence[str], numbers: Sequence[int | None], p: int) -> list[int]:
    """For each place, how many items from there on come again p places later, moved by the same ±1."""
    runs = [0] * (len(forms) + 1)
    moved = [0] * (len(forms) + 1)
    for j in range(len(forms) - p - 1, -1, -1):
        a, b = numbers[j], numbers[j + p]
        if a is None or b is None or abs(b - a) != 1 or forms[j] != forms[j + p]:
            continue
        moved[j] = b - a
        runs[j] = 1 + (runs[j + 1] if moved[j + 1] == moved[j] else 0)
    return runs[: len(forms)]


def _at(at: int, p: int, runs: Sequence[int], numbers: Sequence[int | None]) -> Repeat | None:
    count = runs[at] // p + 1
    first = numbers[at]
    if count < _FEWEST or first is None:
        return None
    last = numbers[at + p * (count - 1)]
    return None if last is None else Repeat(at, p, count, first, last)
