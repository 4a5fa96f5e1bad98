"""One program as different counters count it. They disagree by a factor of 2 on one layer, and rarely say why.

Every row is a formula in our own counts. For a convolution of X (48, 64, 10) with W (3, 3, 10, 20) and a bias, whose
result is (46, 62, 20), four counters in use answer four numbers, and each of them is right about something:

    5,133,600   MACs                   46·62·20 results, each the sum of 3·3·10 products
    5,190,640   MACs + biases          and 46·62·20 additions of a bias
   10,267,200   2·MACs                 each MAC a multiplication and an addition
   10,324,240   2·MACs + biases        and the additions of the bias once more

The third is right by luck: the first product of a sum is added to nothing, which makes k − 1 additions of k products,
and the bias, not counted, is the one that is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..graph.dims import Size
from ..graph.errors import NamingError
from .grid import Cell, Counted, Grid, Tabular

if TYPE_CHECKING:
    from .counts import Cost

_CONVENTIONS: dict[str, tuple[str, str, Callable[[Cost], Size]]] = {
    "multiplications": ("×, squares too", "Chainrule", lambda c: c.multiplications),
    "additions": ("+ and −", "Chainrule", lambda c: c.additions),
    "comparisons": ("<, max, relu", "Chainrule", lambda c: c.comparisons),
    "special functions": ("÷, √, exp, σ, …: one each", "Chainrule", lambda c: c.special),
    "operations": (
        "the four above", "Chainrule", lambda c: c.multiplications + c.additions + c.comparisons + c.special,
    ),
    "MACs": ("products in contractions", "Chainrule; fvcore as FLOPs, forward", lambda c: c.macs),
    "MACs + biases": ("MACs + additions of a bias", "ptflops, early THOP, forward", lambda c: c.macs + c.biases),
    "FLOPs": ("2·MACs", "Chainrule; PyTorch's FlopCounterMode", lambda c: c.flops),
    "FLOPs, k − 1 additions": ("2·MACs − results", "numerical analysis: nm(2k − 1)", lambda c: c.flops - c.results),
    "FLOPs + biases": ("2·MACs + additions of a bias", "TensorFlow's profiler", lambda c: c.flops + c.biases),
}  # fmt: skip

_NOTES = (
    "other counters are quoted for products of matrices, convolutions, and biases where these are counted; beyond them",
    "PyTorch's FlopCounterMode counts nothing for mv, dot and outer, such as W @ x with a vector x,",
    "and TensorFlow's profiler counts most other operations too, such as 5 for each entry of a softmax",
)


@dataclass(frozen=True)
class Counter:
    """One convention: what it counts, who counts so, and its answer for each column (forward, backward, ...)."""

    name: str
    formula: str
    used_by: str
    answers: Mapping[str, Counted]


@dataclass(frozen=True)
class Counters(Tabular):
    """A table of conventions. ``table["MACs"]`` is a number, or for a derivation {"forward": …, "backward": …, …}.

    >>> import chainrule as cr
    >>> c = cr.cost(lambda X, W, b: X @ W + b, X=(46 * 62, 90), W=(90, 20), b=20).conventions()
    >>> c["MACs"], c["MACs + biases"], c["FLOPs"], c["FLOPs + biases"]
    (5133600, 5190640, 10267200, 10324240)
    >>> c["FLOPs, k − 1 additions"]
    10210160
    """

    rows: tuple[Counter, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Any:
        """The answer of the convention `name`. Raises NamingError for an unknown one."""
        for row in self.rows:
            if row.name == name:
                values = {column: counted.value for column, counted in row.answers.items()}
                return values if len(values) > 1 else next(iter(values.values()))
        raise NamingError(f"there is no convention {name!r}; there are {', '.join(row.name for row in self.rows)}")

    def including(self, name: str, formula: str, used_by: str, answers: Mapping[str, Counted]) -> Counters:
        """The table with one more row, such as what a program measured; columns not in `answers` stay empty."""
        return replace(self, rows=(*self.rows, Counter(name, formula, used_by, answers)))

    @property
    def grid(self) -> Grid:
        """The table as rows of cells: polynomials, or at sizes given in numbers."""
        columns = list(self.rows[0].answers)
        rows: list[tuple[Cell, ...]] = []
        for row in self.rows:
            answers = {k: Counted(counted.value, counted.value) for k, counted in row.answers.items()}
            rows.append((row.name, row.formula, row.used_by, *[answers.get(k, "") for k in columns]))
        return Grid(("", "what is counted", "counted so by", *columns), tuple(rows), self.notes)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: by the name of the convention, what it counts and its answers."""
        return {
            row.name: {"formula": row.formula, "used_by": row.used_by}
            | {column: counted.as_dict() for column, counted in row.answers.items()}
            for row in self.rows
        }


def counters(columns: Mapping[str, Cost], notes: Iterable[str] = ()) -> Counters:
    """The conventions for each of the costs, with remarks."""
    rows = []
    for name, (formula, used_by, of) in _CONVENTIONS.items():
        answers = {title: Counted(of(c.symbolic or c), of(c)) for title, c in columns.items()}
        rows.append(Counter(name, formula, used_by, answers))
    return Counters(tuple(rows), (*notes, *_NOTES))


__all__ = ["Counter", "Counters", "counters"]
