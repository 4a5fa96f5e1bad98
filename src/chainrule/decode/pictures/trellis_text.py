"""The trellis of Viterbi's algorithm as text for a terminal: a table of δ, with the word before in each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...graph.spelling import plural
from .columns import asked_end, name, origin, product, seen, units, verdict, work
from .tree_text import DIM, GREEN, PLAIN, WIDE, folded
from .trellis import TrellisPicture
from .words import Numbers, cells, clipped, padded, spelled

if TYPE_CHECKING:
    from ..search import TrellisSearch

_LONGEST = 12


def trellis_text(search: TrellisSearch, step: int | None = None, colour: bool = False) -> str:
    """The picture of a search over a trellis, as text: `Search.text`."""
    for columns in range(10, 2, -1):
        table = _Table(search, TrellisPicture(search, step, columns, 20))
        if table.width <= WIDE:
            break
    return table.text(colour)


class _Table:
    def __init__(self, search: TrellisSearch, trellis: TrellisPicture):
        self.search, self.trellis = search, trellis
        self.number = Numbers(float(trellis.delta[t - 1, j]) for t in trellis.open for j in trellis.words)
        self.names = {j: clipped(spelled(search.vocabulary[j]), _LONGEST) for j in trellis.words}
        self.seen = [clipped(seen(search, t), _LONGEST) for t in trellis.open]
        self.head = max([cells(w) for w in [*self.names.values(), "x_t" if any(self.seen) else ""]])
        rows = [[self._cell(t, j) for t in trellis.open] for j in trellis.words]
        self.deltas = [max(cells(row[k][1]) for row in rows) for k in range(len(trellis.open))]
        froms = [max(cells(row[k][2]) for row in rows) for k in range(len(trellis.open))]
        heads = [str(span) for span in trellis.columns if not span.folded]
        self.widths = [
            max(2 + d + 1 + f, cells(h), cells(x)) for d, f, h, x in zip(self.deltas, froms, heads, self.seen)
        ]
        folds = len(trellis.columns) - len(trellis.open)
        self.width = self.head + sum(w + 3 for w in self.widths) + 4 * folds

    def _cell(self, t: int, j: int) -> tuple[str, str, str]:
        """Its mark, δ, and the word before."""
        on = self.trellis.on(t, j)
        mark = "★" if 1 in on else "●" if on else "×" if self.trellis.excluded(t, j) else " "
        before = self.trellis.pointer(t, j)
        back = "" if before is None else f"←{clipped(spelled(self.search.vocabulary[before]), _LONGEST)}"
        return mark, self.number(float(self.trellis.delta[t - 1, j])), back

    def text(self, colour: bool) -> str:
        columns = [span for span in self.trellis.columns if not self.trellis.hidden(span)]
        out = [self._row("", [str(span) if not span.folded else "…" for span in columns])]
        if any(self.seen):
            observed = iter(self.seen)
            out.append(self._row("x_t", ["…" if span.folded else next(observed) for span in columns]))
        for j in self.trellis.words:
            shown, k = [], 0
            for span in columns:
                if span.folded:
                    shown.append("…")
                    continue
                mark, delta, back = self._cell(span.first, j)
                cell = f"{mark} {delta:>{self.deltas[k]}} {back}".rstrip()
                style = GREEN if mark == "★" else DIM if mark == "×" or delta == "−∞" else ""
                space = " " * (self.widths[k] - cells(cell))
                shown.append(f"{style}{cell}{PLAIN}{space}" if colour and style else cell + space)
                k += 1
            out.append(self._row(self.names[j], shown))
        return "\n".join([*self._heading(), "", *out, "", *self._below(), ""])

    def _row(self, head: str, shown: list[str]) -> str:
        parts, k = [padded(head, self.head)], 0
        for cell in shown:
            parts.append(cell if cell == "…" or "\x1b" in cell else padded(cell, self.widths[k]))
            k += cell != "…"
        return "   ".join(parts).rstrip()

    def _heading(self) -> list[str]:
        trellis = self.trellis
        title = f"{name(self.search)}, N = {plural(trellis.n, *units(self.search))}, T = {trellis.trellis.length}"
        if not trellis.over:
            return [f"{title}, up to t = {trellis.step}"]
        told = [f"{title}: {work(self.search)}", *self._paths(), verdict(self.search, self.number)]
        return [line for words in told for line in folded(words)]

    def _paths(self) -> list[str]:
        paths = self.search.paths[:10]
        several = len(self.search.paths) > 1
        out = []
        for rank, path in enumerate(paths, 1):
            mark = "★" if rank == 1 else "●" if rank <= len(self.trellis.paths) else " "
            number = f"{rank}. " if several else ""
            out.append(f"{mark} {number}{self.trellis.listed(path)}    log p = {self.number(self.trellis.total(path))}")
        if len(self.search.paths) > len(paths):
            out.append(f"  and {len(self.search.paths) - len(paths):,} more")
        return out

    def _below(self) -> list[str]:
        marks = "★ the best path   " if self.trellis.over else ""
        if self.trellis.over and len(self.trellis.paths) > 1:
            marks += "● another   "
        if self.trellis.over and any(self.trellis.excluded(self.trellis.trellis.length, j) for j in self.trellis.words):
            marks += f"× excluded, for it does not end in {asked_end(self.search)}   "
        out = [f"{marks}{origin(self.search)}"]
        out.append(f"In row j: δ_t(j), the largest {product(self.search)} of the paths to j at t")
        more = "; other paths are listed above" if len(self.search.paths) > 1 else ""
        out.append(f"←i: the {units(self.search)[0]} before on the best path to j{more}")
        for span in self.trellis.columns:
            if span.folded and not self.trellis.hidden(span):
                out.append(f"{span}: left out")
        if self.trellis.more_words:
            one, many = units(self.search)
            out.append(f"{plural(self.trellis.more_words, f'{one} is', f'{many} are')} left out")
        return out


__all__ = ["trellis_text"]
