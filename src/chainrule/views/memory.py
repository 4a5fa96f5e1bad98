"""The memory that a backward pass needs: what waits for it, or what it costs to compute that again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..calculus.checkpoints import Checkpointed
from ..graph.dims import Dim, Size, substitute, sum_of, symbols_of
from ..graph.errors import ShapeError
from ..graph.node import BOOLEAN, CONST, INTEGER, LEAF, SIZE, Kind, Node, entries, varying
from ..ops.memory import AGAIN, VIEWS, array_of
from .cost import Tally
from .counts import CONVENTION, LABELS, Cost, checked
from .grid import Counted, Grid, Tabular

FLOAT32 = 4
"""Bytes of a real number, unless another `itemsize` is given."""


def saved(order: Sequence[Node], forward: Collection[Node]) -> dict[Kind, Size]:
    """How many entries of each kind the rest of a program reads of what its forward part computed.

    Not counted: inputs, and what depends on none (constants, `eye`). A view stands for the array it looks into.
    """
    computed = varying(order)
    back = (n for n in order if n not in forward)
    read = (array_of(a) for n in back for a in n.args if a in forward and a in computed)
    return entries_of(n for n in dict.fromkeys(read) if n.op is not LEAF)


def entries_of(nodes: Iterable[Node]) -> dict[Kind, Size]:
    """How many entries the nodes have, by kind."""
    found: dict[Kind, list[Size]] = {}
    for n in nodes:
        found.setdefault(n.kind, []).append(entries(n))
    return {kind: sum_of(sizes) for kind, sizes in found.items()}


def bytes_of(held: Mapping[Kind, Size], itemsize: int = FLOAT32) -> Size:
    """The bytes of so many entries: `itemsize` for a real number, 1 for a boolean, 8 for an integer."""
    return sum_of({BOOLEAN: 1, INTEGER: 8}.get(kind, itemsize) * s for kind, s in held.items())


@dataclass(frozen=True)
class Recomputation(Tabular):
    """The backward pass that keeps the checkpoints in `keep` and computes all other results of the forward pass again.

    again       what is executed a second time: the price
    kept        entries that wait for the backward pass: the checkpoints, and what a later segment reads past one
    """

    keep: tuple[str, ...]
    again: Cost
    kept: Mapping[Kind, Size]
    program: Checkpointed = field(compare=False, repr=False)
    symbolic: Recomputation | None = field(default=None, compare=False, repr=False)

    def kept_bytes(self, itemsize: int = FLOAT32) -> Size:
        """What waits for the backward pass, in bytes; inputs and parameters, which are there anyway, not counted."""
        return bytes_of(self.kept, itemsize)

    def peak_bytes(self, itemsize: int = FLOAT32) -> int:
        """The most that the program holds at a time, in bytes, without inputs: each result until it was read last.

        It takes no account of memory used again in place (which makes it less) and of what a single operation uses
        inside (more): `cr.measure_recompute` measures. Raises ShapeError while sizes are symbols.
        """
        return peak_bytes(self.program.order, self.program.passes.outputs, self.again.given, itemsize)

    def at(self, **sizes: int) -> Recomputation:
        """The counts at the given sizes; those not given stay symbols. Raises InputError for sizes that do not fit."""
        return self.with_sizes(checked(sizes, self.again.symbols | symbols_of(self.kept.values())))

    def with_sizes(self, sizes: Mapping[str, Size]) -> Recomputation:
        """The counts at sizes that were checked."""
        kept: dict[Kind, Size] = {kind: substitute(s, sizes) for kind, s in self.kept.items()}
        return Recomputation(self.keep, self.again.with_sizes(sizes), kept, self.program, self.symbolic or self)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"keep": list(self.keep), "again": self.again.as_dict(), "kept_bytes": self._kept.as_dict()}

    @property
    def _kept(self) -> Counted:
        return Counted((self.symbolic or self).kept_bytes(), self.kept_bytes())

    @property
    def grid(self) -> Grid:
        """The table as rows of cells."""
        kept = ", ".join(self.keep) or "nothing"
        rows = [(label, self.again.counted(name)) for label, name in LABELS.items() if name != "parameters"]
        rows.append(("bytes kept, at 4 for each real number", self._kept))
        return Grid(("", f"again, keeping {kept}"), tuple(rows), (CONVENTION,))


def recomputation(keep: Sequence[str], program: Checkpointed, sizes: frozenset[str]) -> Recomputation:
    """The price and the memory of a program with checkpoints, counted."""
    repeated = set(program.again.values())
    again = Tally(program.order)(n for n in program.order if n in repeated)
    return Recomputation(tuple(keep), again.of_graph(sizes), entries_of(program.kept), program)


def peak_bytes(order: Sequence[Node], outputs: Iterable[Node], sizes: Mapping[str, Size], itemsize: int) -> int:
    """The most bytes that are held at a time when the nodes are computed in this order, each until it was read last."""
    last = dict.fromkeys(map(array_of, outputs), len(order))
    for k in range(len(order) - 1, -1, -1):
        n = order[k]
        for a in n.args[:1] if n.op is AGAIN else n.args:
            array = array_of(a)
            at = last.get(array_of(n), k) if n.op in VIEWS else k
            last[array] = max(last.get(array, 0), at)
    leaving: dict[int, list[int]] = {}
    held = most = 0
    for k, n in enumerate(order):
        if n.op not in VIEWS and n.op not in (LEAF, CONST, SIZE):
            size = _number(bytes_of(entries_of([n]), itemsize), sizes)
            held += size
            leaving.setdefault(last.get(n, k), []).append(size)
        most = max(most, held)
        held -= sum(leaving.get(k, ()))
    return most


def _number(s: Size, sizes: Mapping[str, Size]) -> int:
    s = substitute(s, sizes)
    if isinstance(s, Dim):
        names = ", ".join(sorted(s.symbols))
        raise ShapeError(f"the largest of several polynomials depends on {names}: give numbers with .at({names}=...)")
    return s


__all__ = ["FLOAT32", "Recomputation", "bytes_of", "entries_of", "peak_bytes", "recomputation", "saved"]
