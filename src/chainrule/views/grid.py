"""Tables of counts: one table, printed as text, as HTML without scripts and as LaTeX."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple, Protocol

from ..graph.dims import Dim, Shape, Size, shape_text
from ..graph.dims import latex as size_latex
from ..graph.factors import factored
from .fragment import fragment
from .html import mathml

_MANY_SYMBOLS = 30  # factoring more takes long, and nobody reads it
_MANY_ROWS = 40  # `str` shows as many; `.text()` shows them all


class Counted(NamedTuple):
    """A count as a polynomial in the sizes, and what that is at the sizes given."""

    polynomial: Size
    value: Size

    def text(self) -> str:
        shown = size_text(self.value)
        return shown if not self._both else f"{size_text(self.polynomial)} = {shown}"

    def latex(self) -> str:
        shown = _latex(self.value)
        return shown if not self._both else f"{_latex(self.polynomial)} = {shown}"

    def as_dict(self) -> dict[str, Any]:
        value = None if isinstance(self.value, Dim) else self.value
        return {"polynomial": size_text(self.polynomial) if isinstance(self.polynomial, Dim) else None, "value": value}

    @property
    def _both(self) -> bool:
        return isinstance(self.polynomial, Dim) and self.polynomial != self.value


Cell = str | Counted | Shape
"""Words, a count, or the shape of a quantity."""


@dataclass(frozen=True)
class Grid:
    """A table: a head for each column, rows of cells, and remarks below. `str` shortens a long one, `text()` does not.

    >>> print(Grid(("", "MACs"), (("forward", Counted(1000, 1000)),), ("1 MAC = 1 multiplication + 1 addition",)))
             MACs
    forward  1,000
    1 MAC = 1 multiplication + 1 addition
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text(_MANY_ROWS)

    def text(self, most: int | None = None) -> str:
        """The columns aligned; of more than `most` rows, the first and the last, and how many stand between."""
        rows = [[_text(cell) for cell in row] for row in self.rows]
        if most is not None and len(rows) > most:
            left_out = len(rows) - most
            gap = [f"… {left_out} rows; .text() shows all", *[""] * (len(self.heads) - 1)]
            rows = [*rows[: most // 2], gap, *rows[len(rows) - (most - most // 2) :]]
        lines = [*([list(self.heads)] if any(self.heads) else []), *rows]
        widths = [max(map(len, column)) for column in zip(*lines)]
        aligned = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip() for line in lines]
        return "\n".join([*aligned, *self.notes])

    def html(self) -> str:
        """A table in HTML with the formulas as MathML: it needs no script, no style sheet and no network."""
        heads = "".join(f"<th>{escape(head)}</th>" for head in self.heads)
        rows = ["".join(f"<td>{_html(cell)}</td>" for cell in row) for row in self.rows]
        head = f"<thead><tr>{heads}</tr></thead>" if any(self.heads) else ""
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return f'<div class="cost"><table>{head}<tbody>{body}</tbody></table>{notes}</div>'

    def latex(self) -> str:
        r"""The table as ``\begin{array}``; words stand in ``\text``."""
        lines = [r" & ".join(rf"\text{{{_escaped(head)}}}" for head in self.heads)] if any(self.heads) else []
        lines += [" & ".join(_latex_cell(cell) for cell in row) for row in self.rows]
        columns = "l" * len(self.heads)
        joined = " \\\\\n".join(lines)
        return f"\\begin{{array}}{{{columns}}}\n{joined}\n\\end{{array}}"

    def _repr_html_(self) -> str:
        return fragment([("", f'<div class="scroll facts">{self.html()}</div>')])

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


class Tabular(Protocol):
    """What has a table prints as that table, here and in notebooks."""

    @property
    def grid(self) -> Grid: ...

    def __str__(self) -> str:
        return str(self.grid)

    def _repr_html_(self) -> str:
        return self.grid._repr_html_()

    def _repr_latex_(self) -> str:
        return self.grid._repr_latex_()


def size_text(s: Size) -> str:
    """A size as text: with thousands apart, or factored."""
    if not isinstance(s, Dim):
        return f"{s:,}"
    return factored(s) if len(s.symbols) <= _MANY_SYMBOLS else str(s)


def _latex(s: Size) -> str:
    if not isinstance(s, Dim):
        return f"{s:,}".replace(",", r"{,}")
    return factored(s, in_latex=True) if len(s.symbols) <= _MANY_SYMBOLS else size_latex(s)


def _text(cell: Cell) -> str:
    if isinstance(cell, Counted):
        return cell.text()
    return cell if isinstance(cell, str) else shape_text(cell)


def _html(cell: Cell) -> str:
    if isinstance(cell, Counted):
        if not isinstance(cell.polynomial, Dim):
            return size_text(cell.value)
        value = "" if isinstance(cell.value, Dim) else f" = {cell.value:,}"
        return mathml(_latex(cell.polynomial if value else cell.value)) + value
    return escape(_text(cell))


def _latex_cell(cell: Cell) -> str:
    return cell.latex() if isinstance(cell, Counted) else rf"\text{{{_escaped(_text(cell))}}}"


def _escaped(words: str) -> str:
    words = words.replace("\\", r"\textbackslash ")
    for sign in "&%$#_{}":
        words = words.replace(sign, "\\" + sign)
    return words


__all__ = ["Cell", "Counted", "Grid", "Tabular", "size_text"]
