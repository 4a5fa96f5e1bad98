"""Units that have stopped to learn: saturated sigmoids and tanhs, and rectified units that are dead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..face.graph import Graph, trace
from ..face.point import evaluate
from ..face.shown import rounded
from ..graph.node import Node, Op, walk
from ..ops.elementary import ELU, RELU, SIGMOID, TANH
from ..views.grid import Grid
from .norms import distinct
from .quantities import Target, arrays_of
from .report import Report

NEAR = 0.01
"""How near to its limit an activation counts as saturated: within 1 %."""

_NAMED = 8  # units that a row of the table names

_FLAT: dict[Op, tuple[Callable[[Any, Node], Any], str]] = {
    SIGMOID: (lambda a, n: (a < NEAR) | (a > 1 - NEAR), "below 0.01 or above 0.99, where σ′ < 0.01"),
    TANH: (lambda a, n: abs(a) > 1 - NEAR, "beyond ±0.99, where tanh′ < 0.02"),
    ELU: (lambda a, n: a < -(1 - NEAR) * n.attr("alpha"), "below −0.99 α, where elu′ < 0.01 α"),
    RELU: (lambda a, n: a <= 0, "0, where relu′ = 0"),
}  # activation -> (the entries that pass on next to no gradient, in words)


@dataclass(frozen=True)
class Activation:
    """One activation quantity.

    share    the share of its entries, units times examples, that are saturated (for relu: zero)
    units    how many units it has
    stuck    the units that are saturated for every example, by their number; of relu the dead ones
    axis     the axis of the array along which the units lie
    """

    name: str
    function: str
    share: float
    units: int
    stuck: tuple[int, ...]
    axis: int

    @property
    def stuck_share(self) -> float:
        """The share of units that are saturated for every example."""
        return len(self.stuck) / self.units

    @property
    def stuck_names(self) -> list[str]:
        """H1[3] for the unit 3 of H1."""
        return [f"{self.name}[{k}]" for k in self.stuck]


@dataclass(frozen=True)
class Saturation(Report):
    """Saturated and dead units at a point; made by `cr.diagnose.saturation`.

    activations   name -> Activation, in forward order
    """

    activations: Mapping[str, Activation]
    name: str = "the graph"

    @property
    def stuck(self) -> list[str]:
        """Every unit that is saturated or dead for the whole batch, as H1[3]."""
        return [unit for a in self.activations.values() for unit in a.stuck_names]

    @property
    def title(self) -> str:
        """How many units are saturated or dead for the whole batch."""
        units = sum(a.units for a in self.activations.values())
        if not units:
            return f"Saturation in {self.name}: it has no sigmoid, tanh, relu or elu"
        count = len(self.stuck)
        return f"Saturation in {self.name}: {count} of {units} units saturated or dead for every example"

    @property
    def grid(self) -> Grid:
        """A row for each activation, its stuck units by name."""
        rows = []
        for k, a in self.activations.items():
            named = ", ".join(a.stuck_names[:_NAMED])
            more = f" and {len(a.stuck) - _NAMED} more" if len(a.stuck) > _NAMED else ""
            rows.append((k, a.function, _percent(a.share), f"{len(a.stuck)} of {a.units}", named + more))
        used = {a.function for a in self.activations.values()}
        notes = tuple(
            f"{op.name}: an entry counts if it is {words}" for op, (_, words) in _FLAT.items() if op.name in used
        )
        return Grid(("quantity", "function", "entries", "units, every example", "which"), tuple(rows), notes)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: shares and stuck units of each activation."""
        return {
            "name": self.name, "near": NEAR,
            "activations": [
                {"name": a.name, "function": a.function, "share": a.share, "units": a.units, "stuck": list(a.stuck)}
                for a in self.activations.values()
            ],
        }  # fmt: skip


def saturation(target: Target, point: Mapping[str, Any]) -> Saturation:
    """For each activation the share of its entries that are saturated, and the units that are so for every example.

    target   a Graph, such as ``net.loss_graph(...)`` or ``net.graph()``, or a function as `cr.trace` takes it
    point    name -> array for the inputs of the graph

    A sigmoid or tanh counts as saturated within 1 % of its limits, an elu of −α, below; a relu that is zero for the
    whole batch is dead: no gradient reaches its weights from this batch. Units lie along the last axis whose size is
    that of some axis of a parameter, else along the last axis; all other axes are examples (of a convolution places
    too). NaN is not saturated. Only `cr.relu` and its like are known, not ``cr.maximum(x, 0)``.

    Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010,
    section 3; Maas, Hannun and Ng, Rectifier nonlinearities improve neural network acoustic models, 2013.

    Raises InputError for arrays that do not fit.

    >>> import chainrule as cr
    >>> net = cr.trace(lambda X, W: cr.relu(X @ W), X="n d", W="d h")
    >>> report = cr.diagnose.saturation(net, dict(X=[[1., 0.], [0., 1.]], W=[[1., -1.], [-1., -1.]]))
    >>> report.stuck
    ['relu(X @ W)[1]']
    """
    whole = trace(target)
    graph = whole.returning(*whole.outputs)
    arrays = arrays_of(whole, graph, point)
    nodes = [n for n in walk(*graph.outputs) if n.op in _FLAT]
    if not nodes:
        return Saturation({}, graph.name)
    names = distinct(graph, nodes)
    with np.errstate(all="ignore"):
        found = evaluate(graph, nodes, arrays)
    activations = {names[n]: _activation(graph, n, names[n], found[n]) for n in nodes}
    return Saturation(activations, graph.name)


def _activation(graph: Graph, n: Node, name: str, value: Any) -> Activation:
    flat = np.atleast_1d(_FLAT[n.op][0](value, n))
    axis = _units_axis(graph, n)
    others = tuple(k for k in range(flat.ndim) if k != axis)
    stuck = np.flatnonzero(flat.all(axis=others))
    return Activation(name, n.op.name, float(flat.mean()), flat.shape[axis], tuple(map(int, stuck)), axis)


def _units_axis(graph: Graph, n: Node) -> int:
    sizes = {s for p in graph.parameters.values() for s in p.shape}
    ours = [k for k, s in enumerate(n.shape) if s in sizes]
    return ours[-1] if ours else max(n.ndim - 1, 0)


def _percent(share: float) -> str:
    return f"{rounded(100 * share)} %"


__all__ = ["NEAR", "Activation", "Saturation", "saturation"]
