"""What a module builds with: it hands out named parameters, states and noise, and remembers them for the graph."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..face.graph import Graph, assembled
from ..graph.collector import no_collection
from ..graph.dims import Size, shape_text, size, symbols_of
from ..graph.errors import GraphError, NamingError, ShapeError
from ..graph.node import BOOLEAN, REAL, Kind, Node, leaf
from ..graph.trace import Tracer
from .initialisers import Initialiser, initialiser

if TYPE_CHECKING:
    from .module import Module

BATCH = "n"
"""The size of a batch: the first axis of all that is computed from data."""

_OURS = -1  # a name given here goes before those of the variables in a function of one's own, whose depth is 0 or more


class Builder:
    """One graph of a network while its modules build it.

    training   whether it is the graph to train with: dropout drops, batch normalisation looks at the batch

    A module asks for what it needs as it builds, so that the graph's leaves are named in order: W1, b1, W2, …
    """

    def __init__(self, training: bool):
        self.training = training
        self.inputs: dict[str, Node] = {}
        self.starts: dict[str, Initialiser] = {}  # of parameters and states
        self.keep: dict[str, float] = {}  # noise -> the probability of True
        self.roles: dict[str, str] = {}
        self._updates: dict[str, Node] = {}
        self._needs: list[tuple[Size, str]] = []
        self._quantities: dict[Node, str] = {}
        self._fixed: dict[Node, str] = {}
        self._within: list[Module] = []
        self.makers: dict[Node, Module] = {}  # of parameters and named quantities
        self._tracer = Tracer()

    # What a module asks for -------------------------------------------------------------------------------------------

    def parameter(self, stem: str, shape: Sequence[Any], start: Any) -> Node:
        """A parameter called `stem` and the next number: W1, W2, …

        start   an initialiser or an array; see `chainrule.nn.initialisers`
        """
        return self._started(stem, shape, start, "parameter")

    def state(self, stem: str, shape: Sequence[Any], start: Any) -> Node:
        """What is remembered from step to step and is not trained: a running mean. See `update`."""
        return self._started(stem, shape, start, "state")

    def noise(self, stem: str, shape: Sequence[Any], probability: float) -> Node:
        """Booleans drawn anew at each step, each true with `probability`."""
        made = self.leaf(self._next(stem), shape, "noise", BOOLEAN)
        self.keep[made.attr("name")] = probability
        return made

    def update(self, state: Node, new: Node) -> None:
        """`new` takes the place of `state` after a step."""
        name = state.attr("name")
        if self.roles.get(name) != "state":
            raise GraphError(f"{name} is no state, so no update may replace it; make it one with here.state(…)")
        self._updates[name] = new

    def require(self, needed: Size, why: str) -> None:
        """The graph runs only for batches that make the size `needed` 1 or more; `why` is the message otherwise."""
        self._needs.append((needed, why))

    def named(self, stem: str, quantity: Node) -> Node:
        """`quantity`, which the derivation will call `stem` and a number, unless it has a name."""
        if self._tracer.name_of(quantity) is None:
            self._quantities.setdefault(quantity, stem)
        return self._made(quantity)

    def weight(self, stem: str, quantity: Node) -> Node:
        """As `named`, for what stands in a parameter's place: it takes a number among the parameters."""
        self._fixed[quantity] = self._next(stem)
        return self._made(quantity)

    def apply(self, module: Module, x: Node, before: str = "") -> Node:
        """What `module` makes of `x`. Raises ShapeError where it cannot take it.

        before   what gave `x`, for the message
        """
        if module.takes is not None and tuple(x.shape[1:]) != tuple(module.takes):
            given = f"{before} gives {shape_text(x.shape)}" if before else f"it is given {shape_text(x.shape)}"
            raise ShapeError(f"{module!r} takes {shape_text((size(BATCH), *module.takes))}, and {given}")
        self._within.append(module)
        made = module.build(x, self)
        self._within.pop()
        if not isinstance(made, Node):
            raise GraphError(f"{module!r} must build a node of the graph, and it answered {made!r}")
        return made

    # The graph --------------------------------------------------------------------------------------------------------

    def leaf(self, name: str, shape: Sequence[Any], role: str, kind: Kind = REAL) -> Node:
        """An input of the graph, under this very name."""
        if name in self.inputs:
            raise NamingError(f"there is an input called {name} already; choose another name")
        self.inputs[name] = made = leaf(name, shape, kind)
        self.roles[name] = role
        return self._made(made)

    def __enter__(self) -> Builder:
        self._calm = no_collection()
        self._calm.__enter__()
        self._tracer.begin(sys._getframe(1))
        return self

    def __exit__(self, *error: Any) -> None:
        self._tracer.__exit__(*error)
        self._calm.__exit__(*error)

    def graph(
        self, name: str, output: Node, names: Mapping[str, Node], beside: Mapping[str, Node] | None = None
    ) -> Graph:
        """What was built, as a graph; `names` are names without a number, such as L.

        beside   further names, of quantities that the output is not computed from
        """
        beside = beside or {}
        names = {**names, **beside}
        for called, n in names.items():
            self._tracer.gave(n, called, _OURS)
        taken = {*self.inputs, *self._fixed.values(), *names}
        for n, called in self._fixed.items():
            self._tracer.gave(n, called, _OURS)
        used: dict[str, int] = {}
        for n, stem in self._quantities.items():
            self._tracer.gave(n, _fresh(stem, taken, used), _OURS)
        order = sorted(self.inputs, key=lambda k: ("data", "parameter", "state", "noise").index(self.roles[k]))
        inputs = {k: self.inputs[k] for k in order}
        outputs = (output, *beside.values())
        made = assembled(name, inputs, outputs, self._tracer, {k: self.roles[k] for k in order})
        return replace(made, outputs=outputs[:1], updates=dict(self._updates), needs=tuple(self._needs))

    def _started(self, stem: str, shape: Sequence[Any], start: Any, role: str) -> Node:
        name = self._next(stem)
        sizes = tuple(size(s) for s in shape)
        if BATCH in symbols_of(sizes):
            raise ShapeError(f"{name} cannot depend on {BATCH}, which is the size of a batch; choose another letter")
        how = initialiser(start)
        how.check(sizes)
        self.starts[name] = how
        return self.leaf(name, sizes, role)

    def _made(self, n: Node) -> Node:
        if self._within:
            self.makers.setdefault(n, self._within[-1])
        return n

    def _next(self, stem: str) -> str:
        return _fresh(stem, {*self.inputs, *self._fixed.values()}, {})


def _fresh(stem: str, taken: set[str], used: dict[str, int]) -> str:
    """The stem and the first free number from 1 on; a number at the end of the stem gives way to it."""
    stem = re.sub(r"_?\d+$", "", stem)
    if not stem:
        raise GraphError("a quantity's name needs more than a number, which is added to it")
    k = used.get(stem, 0) + 1
    while f"{stem}{k}" in taken:
        k += 1
    used[stem] = k
    taken.add(f"{stem}{k}")
    return f"{stem}{k}"


__all__ = ["BATCH", "Builder"]
