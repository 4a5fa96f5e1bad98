"""`Cost`: counts of operations as polynomials in the sizes, which add up, take numbers for their sizes, and print."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any, Literal

from ..graph.dims import Dim, Shape, Size, substitute, sum_of, symbols_of
from ..graph.errors import GraphError, InputError
from .counters import Counters, counters
from .grid import Cell, Counted, Grid, Tabular

CONVENTION = "1 MAC = 1 multiplication + 1 addition; FLOPs = 2·MACs, those of matrix products and convolutions alone"
Part = Literal["forward", "backward"]


@dataclass(frozen=True)
class Cost(Tabular):
    """Counts: integers, or polynomials in the sizes. Costs add up: ``a + b``; ``3 * a`` is three times a.

    The cost of a graph knows its `.steps`, one for each named quantity; `.table()` prints them. `.conventions()` tells
    what other counters say of the same program. For these, `results` counts the entries that contractions answer, and
    `biases` the additions of a parameter to them; both are part of the additions and the MACs.

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
    1 MAC = 1 multiplication + 1 addition; FLOPs = 2·MACs, those of matrix products and convolutions alone
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
        """The counts at the given sizes; those not given stay symbols.

        Printed, polynomials stand beside their values; in the tables, values alone. Raises InputError for a name that
        is no size of the graph, and for a size that is no integer or below 1.
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
        return counters({"": self}, told([self]))

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

    name        z, as the graph calls it, or W[0] for a part of an input that is read part by part: a `Step`'s name
    quantity    what is computed: z, or its adjoint in the derivation's notation

    Work that has no name of its own stands with the first quantity that needs it. A quantity that the program gets
    round, such as P where log(softmax(z)) is computed in one go, is not `computed` and costs nothing. So the steps of a
    pass add up to what the pass costs, exactly.
    """

    name: str
    quantity: str
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
        found = {"name": self.name, "quantity": self.quantity, "pass": self.part, "shape": shape}
        return found | {"computed": self.computed} | self.cost.as_dict()


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


def checked(sizes: Mapping[str, int], known: Collection[str]) -> dict[str, int]:
    """Sizes by name: all of them among those `known`, and integers from 1. Raises InputError for others."""
    unknown = [name for name in sizes if name not in known]
    if unknown:
        there = f"the sizes are {', '.join(sorted(known))}" if known else "all sizes are numbers"
        raise InputError(f"there is no size called {', '.join(unknown)}: {there}")
    for name, s in sizes.items():
        if isinstance(s, bool) or not isinstance(s, Integral) or s < 1:
            raise InputError(f"the size {name} must be an integer, at least 1, not {s!r}")
    return {name: int(s) for name, s in sizes.items()}


def side_by_side(columns: Mapping[str, Cost], *notes: str) -> Grid:
    """Costs as columns, each under its title, and remarks below."""
    rows = [(label, *(c.counted(name) for c in columns.values())) for label, name in LABELS.items()]
    return Grid(("", *columns), tuple(rows), (*told(columns.values()), *notes))


def step_table(steps: Sequence[StepCost], totals: Mapping[str, Cost]) -> Grid:
    """Steps as rows, then totals, in polynomials or at sizes given in numbers; a column of zeros is left out."""

    def cell(c: Cost, name: str) -> Counted:
        return Counted(getattr(c, name), getattr(c, name))

    shown = [(label, name) for label, name in _STEP_LABELS.items() if any(getattr(c, name) for c in totals.values())]
    rows: list[tuple[Cell, ...]] = []
    for step in steps:
        counts = [cell(step.cost, name) if step.computed else "–" for _, name in shown]
        rows.append((step.quantity, step.shape, *counts))
    rows += [(title, "", *(cell(c, name) for _, name in shown)) for title, c in totals.items()]
    absent = ["–: the program gets round this quantity"] if any(not step.computed for step in steps) else []
    heads = ("", "shape", *(label for label, _ in shown))
    return Grid(heads, tuple(rows), (*told(totals.values()), *absent, CONVENTION))


def told(costs: Iterable[Cost]) -> list[str]:
    """At which sizes the costs are, in a line, if at any."""
    given = {name: s for c in costs for name, s in c.given.items()}
    return [f"at {', '.join(f'{name} = {s}' for name, s in sorted(given.items()))}"] if given else []


__all__ = ["CONVENTION", "LABELS", "Cost", "StepCost", "add_up", "checked", "side_by_side", "step_table", "told"]
