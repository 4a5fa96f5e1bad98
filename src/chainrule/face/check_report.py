"""What a gradient check found, as records and as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from ..views.grid import Grid
from .numerical import entry_text
from .slopes import Kind

LISTED = 6  # kinks and wrong entries that the text lists one by one
_WORDS = {
    "several": "several kinks meet, ",
    "cusp": "infinite slope, ",
    "jump": "jump, ",
    "edge": "edge of the domain, ",
}
_HEADS = ("input", "shape", "compared", "relative error", "worst entry", "gradient", "differences", "")


@dataclass(frozen=True)
class Mismatch:
    """An entry of a gradient that is wrong."""

    entry: tuple[int, ...]
    analytic: float
    numeric: float
    relative_error: float


@dataclass(frozen=True)
class Kink:
    """A point where the loss has no derivative in one direction.

    entry         the entry that was moved; None for a random direction through many of them
    left, right   the slopes on either side (at the smallest step that tells, where they grow without end)
    analytic      the slope that the gradient gives
    kind          kink: two slopes; several: kinks that meet, whose valid slopes may add up beyond those two;
                  cusp: an infinite slope; jump: two values; edge: no values on one side
    ok            whether the gradient is a valid choice: between the two slopes, or the only one there is
    """

    input: str
    entry: tuple[int, ...] | None
    left: float
    right: float
    analytic: float
    kind: Kind = "kink"
    ok: bool = True

    def __str__(self) -> str:
        where = entry_text(self.input, self.entry) if self.entry is not None else f"{self.input}, a random direction"
        what = _WORDS.get(self.kind, "")
        slopes = f"slope {_number(self.left)} on the left, {_number(self.right)} on the right"
        return f"{where}: {what}{slopes}, the gradient says {_number(self.analytic)}{'' if self.ok else '  WRONG'}"


@dataclass(frozen=True)
class InputReport:
    """What was found for one input.

    relative_error              the largest that was found, |a − b| / max(10⁻⁸, |a| + |b|); valid kinks count as 0, and
                                where the differences drown in rounding at least 10⁶ times that divides. It may exceed
                                the tolerance, and the gradient be right, where rounding alone explains it
    entry, analytic, numeric    the worst entry, and the two values there
    entries, directions         how many single entries and how many random directions were compared
    wrong                       the entries that are wrong, as far as they were looked for
    """

    shape: tuple[int, ...]
    relative_error: float
    entry: tuple[int, ...]
    analytic: float
    numeric: float
    entries: int
    directions: int
    ok: bool
    wrong: tuple[Mismatch, ...] = ()

    @property
    def checked(self) -> str:
        count = math.prod(self.shape)
        if not self.directions:
            return f"{self.entries} of {count}" if self.entries < count else "every entry"
        return f"{self.entries} of {count}, {self.directions} directions"


@dataclass(frozen=True)
class GradientReport:
    """The outcome of `cr.check_gradients`; true if every gradient is right. Printed, it is a table.

    ok                   whether all agree
    max_relative_error   the largest of the inputs'
    inputs               name -> InputReport
    kinks                where the loss has no derivative: listed, and failed only if the gradient is no valid choice
    point                name -> array: where it was checked
    value                the loss there
    """

    inputs: Mapping[str, InputReport]
    kinks: Sequence[Kink]
    point: Mapping[str, Any]
    value: float
    tolerance: float
    name: str = "the gradient"
    about: str = ""
    notes: Sequence[str] = field(default=())

    @property
    def ok(self) -> bool:
        return all(r.ok for r in self.inputs.values())

    @property
    def max_relative_error(self) -> float:
        errors = [r.relative_error for r in self.inputs.values()]
        return math.nan if any(map(math.isnan, errors)) else max(errors, default=0.0)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        return str(self)

    @property
    def title(self) -> str:
        """The verdict, in a line."""
        wrong = self._wrong_inputs
        verdict = f"WRONG in {', '.join(wrong)}" if wrong else "right"
        return f"Gradients of {self.name}: {verdict}"

    @property
    def grid(self) -> Grid:
        """The table, with what else there is to say below it."""
        notes = (f"loss {_number(self.value)}{self.about}", *self.notes, *(line.strip() for line in self._findings()))
        return Grid(_HEADS, tuple(self._rows()), notes)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the verdict, the loss, the worst entry of each input, wrong entries and kinks."""
        keys = ("shape", "relative_error", "entry", "analytic", "numeric", "entries", "directions", "ok")
        inputs = {
            k: {key: getattr(r, key) for key in keys} | {"wrong": [vars(m) for m in r.wrong]}
            for k, r in self.inputs.items()
        }
        return {
            "name": self.name, "ok": self.ok, "max_relative_error": self.max_relative_error,
            "tolerance": self.tolerance, "loss": self.value, "inputs": inputs, "kinks": [vars(k) for k in self.kinks],
        }  # fmt: skip

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.title)}</p>{self.grid._repr_html_()}"

    def _repr_latex_(self) -> str:
        return self.grid._repr_latex_()

    @property
    def _wrong_inputs(self) -> list[str]:
        return [k for k, r in self.inputs.items() if not r.ok]

    def _rows(self) -> list[tuple[str, ...]]:
        rows = []
        for k, r in self.inputs.items():
            values = (entry_text(k, r.entry), _number(r.analytic), _number(r.numeric))
            remarks = ["kinks"] * any(kink.input == k for kink in self.kinks)
            remarks += ["within rounding"] * (r.relative_error > self.tolerance)
            verdict = ", ".join(remarks) if r.ok else "WRONG"
            rows.append((k, str(r.shape), r.checked, f"{r.relative_error:.1e}", *values, verdict))
        return rows

    def _lines(self) -> list[str]:
        lines = [self.title, f"  loss {_number(self.value)}{self.about}"]
        lines += [f"  {note}" for note in self.notes]
        rows = [_HEADS, *self._rows()]
        widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
        right = (3, 5, 6)
        for row in rows:
            cells = [cell.rjust(w) if c in right else cell.ljust(w) for c, (cell, w) in enumerate(zip(row, widths))]
            lines.append(("  " + "  ".join(cells)).rstrip())
        return lines + self._findings()

    def _findings(self) -> list[str]:
        """The wrong entries, and the kinks."""
        lines = [line for k in self._wrong_inputs for line in self._wrong(k)]
        if self.kinks:
            count = f"{len(self.kinks)} places" if len(self.kinks) > 1 else "1 place"
            lines.append(f"  The loss has no derivative at {count}:")
            ordered = sorted(self.kinks, key=lambda kink: kink.ok)
            lines += [f"    {kink}" for kink in ordered[:LISTED]]
            lines += [f"    and {len(ordered) - LISTED} more in .kinks"] * (len(ordered) > LISTED)
        return lines

    def _wrong(self, name: str) -> list[str]:
        found = self.inputs[name].wrong
        count = "1 wrong entry" if len(found) == 1 else f"{len(found)} wrong entries"
        sampled = " at least" if self.inputs[name].directions else ""
        lines = [f"  {name} has{sampled} {count}:"] if found else []
        for m in found[:LISTED]:
            values = f"the gradient says {_number(m.analytic)}, differences say {_number(m.numeric)}"
            lines.append(f"    {entry_text(name, m.entry)}: {values}")
        return lines + [f"    and {len(found) - LISTED} more in .inputs[{name!r}].wrong"] * (len(found) > LISTED)


def _number(x: float) -> str:
    return f"{x + 0.0:.7g}"  # without the sign of −0


__all__ = ["GradientReport", "InputReport", "Kink", "Mismatch"]
