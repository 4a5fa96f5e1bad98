"""`Cost`: counts of operations as polynomials in the sizes, which add up, take numbers for their sizes, and print."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..graph.dims import Dim, Shape, Size, size, substitute, sum_of, symbols_of
from ..graph.errors import GraphError, ShapeError
from .counters import Counters, counters
from .grid import Cell, Counted, Grid

CONVENTION = "1 MAC = 1 multiplication + 1 addition; FLOPs = 2·MACs, those of matrix products alone"
Part = Literal["forward", "backward"]


@dataclass(frozen=True)
class Cost:
    """Counts: integers, or polynomials in the sizes. Costs add up: ``a + b``; ``3 * a`` is three times a.

    The cost of a graph knows its `.steps`, one for each named quantity; `.table()` prints them. `.conventions()` tells
    what other counters say of the same program. For these, `results` counts the entries that contractions answer, and
    `biases` the additions of an input to them; both are part of the additions and the MACs.

    >>> import chainrule as cr
    >>> layer = cr.cost(cr.trace(lambda X, W, b: cr.relu(X @ W + b), X="n d", W="d h", b="h"))
    >>> layer.multiplications, layer.additions, layer.at(n=100, d=784, h=64).flops
    (Dim(n·d·h), Dim(n·d·h), 10035200)
    >>> print(layer)
    multiplications    n·d·h
    additions          n·d·h
    comparisons        n·h
    special functions  0
    MACs               n·d·h
    FLOPs              2·n·d·h
    parameters         h·(d + 1)
    1 MAC = 1 multiplication + 1 addition; FLOPs = 2·MACs, those of matrix products alone
    """

    multiplications: Size = 0
    additions: Size = 0
    comparisons: Size = 0
    special: Size = 0
    macs: Size = 0
    parameters: Size = 0
    results: Size = field(default=0, compare=False, repr=False)
    biases: Size = field(default=0, compare=False, repr=False)
    sizes: frozenset[str] = field(default=frozenset(), compare=False, repr=False)  # the graph's, counted on or not
    steps: tuple[StepCost, ...] = field(default=(), compare=False, repr=False)
    symbolic: Cost | None = field(default=None, compare=False, repr=False)  # what `.at` was asked of
    given: Mapping[str, Size] = field(default_factory=dict, compare=False, repr=False)  # what it was told

    @property
    def flops(self) -> Size:
        """2·MACs: the multiplications and additions of contractions, and of nothing else."""
        return 2 * self.macs

    @property
    def symbols(self) -> frozenset[str]:
        """The names of the sizes that are still to be given."""
        return self.sizes | symbols_of(self._counts)

    def at(self, **sizes: int) -> Cost:
        """The counts at the given sizes; those not given stay symbols. Printed, polynomials stand beside their values.

        Raises ShapeError for a name that is no size of the graph, and for a size below 1.
        """
        return self.with_sizes(checked(sizes, self.symbols))

    def with_sizes(self, sizes: Mapping[str, Size]) -> Cost:
        """The counts at sizes that were checked."""
        return Cost(
            *(substitute(x, sizes) for x in self._counts),
            sizes=self.sizes - set(sizes),
            steps=tuple([step.with_sizes(sizes) for step in self.steps]),
            symbolic=self.symbolic or self,
            given={**self.given, **sizes},
        )

    def of_graph(self, sizes: frozenset[str], parameters: Size = 0, steps: Sequence[StepCost] = ()) -> Cost:
        """The same counts, told what graph they are of: its sizes, its parameters, its steps."""
        return replace(self, sizes=sizes, parameters=parameters, steps=tuple(steps))

    def counted(self, name: str) -> Counted:
        """The count called `name`, such as "macs": the polynomial, and its value at the sizes given."""
        return Counted(getattr(self.symbolic or self, name), getattr(self, name))

    def table(self) -> Grid:
        """What each named quantity costs, a row each; see `StepCost`.

        Raises GraphError for a cost that was not counted in a graph, but computed from others.
        """
        if not self.steps:
            raise GraphError("this cost was computed from others and has no steps; ask cr.cost(g).table()")
        return step_table(self.steps, {"total": self})

    def conventions(self) -> Counters:
        """What other counters say of the same program: MACs, FLOPs, biases counted or not; see `Counters`."""
        return counters({"": self})

    def words(self) -> str:
        """The four counts in words, those that are not 0: "n·h multiplications, h special functions"."""
        labels = list(LABELS.items())[:4]
        said = [f"{self.counted(name).text()} {label}" for label, name in labels if getattr(self, name) != 0]
        return ", ".join(said) or "nothing"

    def as_dict(self) -> dict[str, Any]:
        """For JSON: for each count {"polynomial": text or None, "value": number or None}; and the steps."""
        found: dict[str, Any] = {name: self.counted(name).as_dict() for name in LABELS.values()}
        return found | ({"steps": [step.as_dict() for step in self.steps]} if self.steps else {})

    def __add__(self, other: Cost) -> Cost:
        return add_up([(1, self), (1, other)]) if isinstance(other, Cost) else NotImplemented

    def __radd__(self, other: object) -> Cost:
        return self if other == 0 else NotImplemented  # so that `sum(costs)` works

    def __mul__(self, times: Size) -> Cost:
        return add_up([(times, self)]) if isinstance(times, (int, Dim)) else NotImplemented

    __rmul__ = __mul__

    def __str__(self) -> str:
        return str(self.grid)

    def _repr_html_(self) -> str:
        return self.grid._repr_html_()

    def _repr_latex_(self) -> str:
        return self.grid._repr_latex_()

    @property
    def grid(self) -> Grid:
        """The counts as a table."""
        return side_by_side({"": self}, CONVENTION)

    @property
    def _counts(self) -> tuple[Size, ...]:
        return tuple(getattr(self, name) for name in _FIELDS)


@dataclass(frozen=True)
class StepCost:
    """What computing one quantity adds to the program: a named quantity forward, or an adjoint such as ∂L/∂z backward.

    Work that has no name of its own stands with the first quantity that needs it. A quantity that the program gets
    round, such as P where log(softmax(z)) is computed in one go, is not `computed` and costs nothing. So the steps of a
    pass add up to what the pass costs, exactly.
    """

    name: str  # z, ∂L/∂z
    quantity: str  # z
    part: Part
    shape: Shape
    cost: Cost
    computed: bool = True

    def with_sizes(self, sizes: Mapping[str, Size]) -> StepCost:
        """The same step at sizes that were checked."""
        return replace(
            self, shape=tuple(substitute(s, sizes) for s in self.shape), cost=self.cost.with_sizes(sizes)
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        shape = [s if isinstance(s, int) else str(s) for s in self.shape]
        return {"name": self.name, "pass": self.part, "shape": shape, "computed": self.computed} | self.cost.as_dict()


_FIELDS = ("multiplications", "additions", "comparisons", "special", "macs", "parameters", "results", "biases")

LABELS = {
    "multiplications": "multiplications", "additions": "additions", "comparisons": "comparisons",
    "special functions": "special", "MACs": "macs", "FLOPs": "flops", "parameters": "parameters",
}  # fmt: skip
_STEP_LABELS = {label: name for label, name in LABELS.items() if name not in ("flops", "parameters")}


def add_up(costs: Sequence[tuple[Size, Cost]]) -> Cost:
    """Σ k·cost, in time linear in all the terms."""
    counts = [sum_of(k * getattr(c, name) for k, c in costs if getattr(c, name) != 0) for name in _FIELDS]
    sizes = frozenset().union(*(c.sizes for _, c in costs))
    if all(c.symbolic is None for _, c in costs):
        return Cost(*counts, sizes=sizes)
    given = {name: s for _, c in costs for name, s in c.given.items()}
    return Cost(*counts, sizes=sizes, symbolic=add_up([(k, c.symbolic or c) for k, c in costs]), given=given)


def checked(sizes: Mapping[str, int], known: Collection[str]) -> dict[str, Size]:
    """Sizes by name, every one of them among those `known` and at least 1."""
    unknown = [name for name in sizes if name not in known]
    if unknown:
        there = f"the sizes of this cost are {', '.join(sorted(known))}" if known else "this cost holds numbers alone"
        raise ShapeError(f"there is no size called {', '.join(unknown)}: {there}")
    values = {name: size(s) for name, s in sizes.items()}
    for name, s in values.items():
        if isinstance(s, int) and s < 1:
            raise ShapeError(f"the size {name} must be at least 1, not {s}")
    return values


def side_by_side(columns: Mapping[str, Cost], *notes: str) -> Grid:
    """Costs as columns, each under its title, and remarks below."""
    rows = [(label, *(c.counted(name) for c in columns.values())) for label, name in LABELS.items()]
    return Grid(("", *columns), tuple(rows), (*_told(columns.values()), *notes))


def step_table(steps: Sequence[StepCost], totals: Mapping[str, Cost]) -> Grid:
    """Steps as rows, then totals; a column in which all is 0 is left out."""
    shown = [(label, name) for label, name in _STEP_LABELS.items() if any(getattr(c, name) for c in totals.values())]
    rows: list[tuple[Cell, ...]] = []
    for step in steps:
        counts = [step.cost.counted(name) if step.computed else "–" for _, name in shown]
        rows.append((step.name, step.shape, *counts))
    rows += [(title, "", *(c.counted(name) for _, name in shown)) for title, c in totals.items()]
    absent = ["–: the program gets round this quantity"] if any(not step.computed for step in steps) else []
    heads = ("", "shape", *(label for label, _ in shown))
    return Grid(heads, tuple(rows), (*_told(totals.values()), *absent, CONVENTION))


def _told(costs: Sequence[Cost] | Any) -> list[str]:
    given = {name: s for c in costs for name, s in c.given.items()}
    return [f"at {', '.join(f'{name} = {s}' for name, s in sorted(given.items()))}"] if given else []


__all__ = ["CONVENTION", "Cost", "StepCost", "add_up", "checked", "side_by_side", "step_table"]
