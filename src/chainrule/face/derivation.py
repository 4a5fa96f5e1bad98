"""`cr.derive`: the gradients of a traced loss, written in its named quantities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from ..calculus.derivation import adjoints_as_written
from ..graph.errors import NoDerivative
from ..graph.node import LEAF, REAL, Node
from .graph import Graph, select, trace


class Derivation:
    """The backward pass of a scalar graph, derived from it as written. `d["W1"]` is ∂L/∂W1, tidied, as a node."""

    def __init__(self, graph: Graph, wrt: Sequence[str] | str | None):
        self.graph, self.wrt = graph, select(graph, wrt)
        bad = [k for k in self.wrt if graph[k].kind != REAL]
        if bad:
            raise NoDerivative(f"{bad[0]} is {graph[bad[0]].kind}; derivatives are taken in real quantities")
        self.adjoints  # noqa: B018  a loss that is no real scalar is refused here

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
