"""`cr.derive`: the gradients of a traced loss, written in its named quantities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from ..calculus.derivation import adjoints_as_written
from ..calculus.reverse import check_differentiable
from ..graph.errors import NoDerivative
from ..graph.node import LEAF, REAL, Node, walk
from ..views.cost import DerivationCost
from ..views.latex import LATEX, aligned
from ..views.notation import Equation, Notation
from ..views.text import TEXT
from .cost import derivation_cost
from .graph import Graph, select, trace


class Derivation:
    """The backward pass of a scalar graph, derived from it as written. `d["W1"]` is ∂L/∂W1, tidied, as a node."""

    def __init__(self, graph: Graph, wrt: Sequence[str] | str | None):
        self.graph, self.wrt = graph, select(graph, wrt)
        bad = [k for k in self.wrt if graph[k].kind != REAL]
        if bad:
            raise NoDerivative(f"{bad[0]} is {graph[bad[0]].kind}; derivatives are taken in real quantities")
        check_differentiable(graph.output)  # a loss that is no real scalar is refused here

    @cached_property
    def adjoints(self) -> dict[Node, Node]:
        """Every node between the requested inputs and the loss, with its adjoint."""
        return adjoints_as_written(self.graph.output, [self.graph[k] for k in self.wrt], self.graph.names)

    def __getitem__(self, name: str) -> Node:
        """The adjoint of an input or a named quantity: a node of its shape, tidied.

        Raises NamingError for an unknown name, NoDerivative for a quantity that the derivation does not pass through.
        """
        n = self.graph[name]
        if n not in self.adjoints:
            why = "it is not among the inputs asked for" if n.op is LEAF else "no path leads through it to them"
            raise NoDerivative(f"there is no adjoint of {name} here: {why} (wrt = {', '.join(self.wrt)})")
        return self.adjoints[n]

    @property
    def gradients(self) -> dict[str, Node]:
        return {k: self[k] for k in self.wrt}

    @property
    def forward(self) -> list[Equation]:
        """The forward equations, as text."""
        return self._forward(TEXT, {})

    def _forward(self, notation: Notation, made: dict[Node, str]) -> list[Equation]:
        last = notation.name(self._loss)
        found = self.graph.equations(notation, made)
        return [replace(e, name=last) if e.node is self.graph.output else e for e in found]

    @property
    def _loss(self) -> str:
        """What the loss is called: L unless it, or something else, has that name."""
        g = self.graph
        return g.names[g.output] if g.output in g.names else g.labels[g.output] if "L" in g else "L"

    def equations(self, notation: Notation = TEXT) -> list[Equation]:
        """∂L/∂v = … for each named quantity v that the backward pass goes through, in order, and each input asked for.

        Right sides are written in the forward quantities and in the derivatives found before them.
        """
        g = self.graph
        loss = notation.name(self._loss)
        made: dict[Node, str] = {}
        self._forward(notation, made)  # whose names for long parts go on
        labels = {n: notation.name(name) for n, name in g.labels.items()}
        found: list[Equation] = []
        rows = [n for n in reversed(list(self.adjoints)) if n in g.names and n is not g.output]
        known = dict(labels)
        for n in sorted(rows, key=self._order.__getitem__):
            name = partial(loss, labels[n], notation is LATEX)
            found += notation.equations({self.adjoints[n]: name}, known, made)
            if self.adjoints[n].args:
                known.setdefault(self.adjoints[n], name)
        return found

    @cached_property
    def _order(self) -> dict[Node, int]:
        """Backward order: the loss first; of inputs, each right after the quantity that it feeds."""
        order = walk(self.graph.output)
        return {n: -k for k, n in enumerate(order)}

    def text(self) -> str:
        """Forward and backward equations as text, a line each. Each ∂L/∂v has the shape of v (denominator layout)."""
        return "\n".join([*map(str, self.forward), "", *map(str, self.equations())])

    def latex(self) -> str:
        """Forward and backward equations in LaTeX, aligned. Each ∂L/∂v has the shape of v (denominator layout)."""
        return aligned(self._forward(LATEX, {}) + self.equations(LATEX))

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    @cached_property
    def cost(self) -> DerivationCost:
        """What the program of loss and gradients costs: `.forward`, `.backward`, `.saved_bytes()`, `.at(n=100)`."""
        return derivation_cost(self.graph, self.wrt)

    def __repr__(self) -> str:
        return f"<Derivation of {self.graph.name} in {', '.join(self.wrt)}>"


def derive(target: Graph | Callable[..., Any], wrt: Sequence[str] | str | None = None, **shapes: Any) -> Derivation:
    """The derivation of ∂L/∂w for each w in `wrt` (every real input by default); L is the function's scalar result.

    `target` is a Graph, or a function as `cr.trace` takes it. Raises NoDerivative if the output is no real scalar.

    >>> import chainrule as cr
    >>> d = cr.derive(lambda w, x, y: (w @ x - y) ** 2, wrt=["w"], w="n", x="n", y="")
    >>> d["w"].shape
    (Dim(n),)
    """
    return Derivation(trace(target, **shapes) if not isinstance(target, Graph) else target, wrt)


def partial(loss: str, name: str, in_latex: bool) -> str:
    """∂L/∂z"""
    return rf"\frac{{\partial {loss}}}{{\partial {name}}}" if in_latex else f"∂{loss}/∂{name}"
