"""`cr.derive`: the gradients of a traced loss, written in its named quantities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from ..calculus.derivation import Backward
from ..calculus.reverse import check_differentiable
from ..graph.dims import symbols_of
from ..graph.errors import NoDerivative
from ..graph.node import LEAF, REAL, Node
from ..rewrite.stacks import entries
from ..views.adjoints import adjoint_notation
from ..views.conventions import conventions
from ..views.cost import DerivationCost
from ..views.folding import Numbering
from ..views.handout import Layers, RepeatedEquations, folded_equations, folded_steps, latex_rows
from ..views.latex import LATEX
from ..views.notation import Equation, Notation
from ..views.page import Section, forward_table, fragment, inputs_table, listed, page, step_table
from ..views.steps import Step, StepWriter, aligned_rows, backward_order
from ..views.text import TEXT
from .cost import derivation_cost
from .graph import Graph, select, trace


class Derivation:
    """The backward pass of a scalar graph, derived from it as written. `d["W1"]` is ∂L/∂W1, tidied, as a node."""

    def __init__(self, graph: Graph, wrt: Sequence[str] | str | None, notation: str = "partial"):
        self.graph, self.wrt, self.notation = graph, select(graph, wrt), adjoint_notation(notation)
        bad = [k for k in self.wrt if graph[k].kind != REAL]
        if bad:
            raise NoDerivative(f"{bad[0]} is {graph[bad[0]].kind}; derivatives are taken in real quantities")
        check_differentiable(graph.output)  # a loss that is no real scalar is refused here

    @cached_property
    def _backward(self) -> Backward:
        g = self.graph
        return Backward(g.output, [g[k] for k in self.wrt], self._names)

    @cached_property
    def _names(self) -> dict[Node, str]:
        """The graph's names, and W[0], W[1], … for the parts of an input that is read part by part."""
        return self.graph.names | entries([self.graph.output], self.graph.names)

    @property
    def adjoints(self) -> dict[Node, Node]:
        """Every node between the requested inputs and the loss, with its adjoint."""
        return self._backward.adjoints

    def __getitem__(self, name: str) -> Node:
        """The adjoint of an input, of a part W[0] of it, or of a named quantity: a node of its shape, tidied.

        Raises NamingError for an unknown name, NoDerivative for a quantity that the derivation does not pass through.
        """
        n = next((n for n, known in self._names.items() if known == name), None)
        n = self.graph[name] if n is None else n
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

    @cached_property
    def _quantities(self) -> list[Node]:
        """What gets a step, in backward order."""
        return backward_order(self._backward, self._names)

    @cached_property
    def _writer(self) -> StepWriter:
        return StepWriter(self._backward, self._names, self._loss, self._quantities, self.notation)

    @cached_property
    def steps(self) -> list[Step]:
        """One step for each named quantity on the way and each input asked for, in backward order.

        A step has .name .node .text .latex and .reason; its text shows the chain rule from whatever is computed from
        the quantity (a sum where that is several), the local derivatives put in, and the tidy result.

        >>> import chainrule as cr
        >>> def f(x: "n", y: "", w: "n"):
        ...     a = cr.sigmoid(w @ x)
        ...     return (a - y) ** 2
        >>> for step in cr.derive(f, wrt="w").steps:
        ...     print(step)
        ∂L/∂a = 2·(a - y)
            (x²)′ = 2x
        ∂L/∂w = ∂L/∂a · ∂a/∂w
              = ∂L/∂a·a·(1 - a)·x
            σ′ = σ(1 − σ)
            y = aᵀ b, so the adjoint of a is ȳ·b
        """
        made_in_text: dict[Node, str] = {}
        made_in_latex: dict[Node, str] = {}
        self._forward(TEXT, made_in_text)
        self._forward(LATEX, made_in_latex)
        return self._writer.steps(made_in_text, made_in_latex)

    @cached_property
    def _numbering(self) -> Numbering:
        sizes = {s for n in self.graph.inputs.values() for s in symbols_of(n.shape)}
        return Numbering(self._names.values(), sizes)

    @cached_property
    def folded(self) -> list[Step | Layers]:
        """The steps, those that repeat from layer to layer written once: "for k = 30 … 2", in h[k], W[k + 1], …

        Layers are folded where three or more in a row have the same form, in names that end in a number. Each fold has
        .steps (one layer), .unfolded (all), .first, .last, .text, .latex and .reason.
        """
        return folded_steps(self._writer, self.steps, self._numbering)

    def _forward_folded(self, notation: Notation) -> list[Equation | RepeatedEquations]:
        names = self._writer.names
        return folded_equations(self._forward(notation, {}), names, notation, self._numbering)

    def equations(self, notation: Notation = TEXT) -> list[Equation]:
        """∂L/∂v = … for each step, the results alone.

        Right sides are written in the forward quantities and in the derivatives found before them.
        """
        made: dict[Node, str] = {}
        self._forward(notation, made)  # whose names for long parts go on
        labels = {n: notation.name(name) for n, name in (self._names | self.graph.labels).items()}
        loss = notation.name(self._loss)
        found: list[Equation] = []
        for n in self._quantities:
            name = self.notation.label(loss, labels[n], notation)
            found += notation.equations({self.adjoints[n]: name}, labels, made)
            if self.adjoints[n].args:
                labels.setdefault(self.adjoints[n], name)
        return found

    @cached_property
    def conventions(self) -> list[str]:
        """What the steps take for granted: layout, signs, derivatives at kinks. A sentence each."""
        return conventions(self._writer)

    def text(self, unfold: bool = False) -> str:
        """The forward equations, the steps backwards with their reasons, and the conventions, as text.

        Repeated layers stand once, unless `unfold`. For the results alone, a line each, see `equations`.
        """
        forward = self.forward if unfold else self._forward_folded(TEXT)
        steps = self.steps if unfold else self.folded
        return "\n\n".join(filter(None, [
            "\n".join(map(str, forward)), *map(str, steps), "\n".join(["Conventions", *self.conventions]),
        ]))

    def latex(self, unfold: bool = False) -> str:
        """The forward equations and the steps backwards in LaTeX, aligned; repeated layers once, unless `unfold`."""
        forward = self._forward(LATEX, {}) if unfold else self._forward_folded(LATEX)
        return aligned_rows(latex_rows([*forward, *(self.steps if unfold else self.folded)]))

    def html(self, unfold: bool = False) -> str:
        """A page of HTML, complete in itself: inputs, forward equations, steps with reasons, conventions.

        Mathematics is MathML and the picture SVG: no script, nothing fetched from the network.
        """
        return page(f"The gradients of {self.graph.name}", self._sections(unfold), "chainrule derive")

    def _sections(self, unfold: bool) -> list[Section]:
        g = self.graph
        forward = self._forward(LATEX, {}) if unfold else self._forward_folded(LATEX)
        inputs = [(LATEX.name(k), n, g.roles[k]) for k, n in g.inputs.items()]
        return [
            ("What goes in", inputs_table(inputs)),
            ("Forward", forward_table(forward)),
            ("Backward", step_table(self.steps if unfold else self.folded)),
            ("Conventions", listed(self.conventions)),
        ]

    def _repr_html_(self) -> str:
        return fragment(self._sections(unfold=False)[1:])

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    @cached_property
    def cost(self) -> DerivationCost:
        """What the program of loss and gradients costs: `.forward`, `.backward`, `.saved_bytes()`, `.at(n=100)`."""
        return derivation_cost(self.graph, self.wrt)

    def __repr__(self) -> str:
        return f"<Derivation of {self.graph.name} in {', '.join(self.wrt)}>"


def derive(
    target: Graph | Callable[..., Any], wrt: Sequence[str] | str | None = None, notation: str = "partial", **shapes: Any
) -> Derivation:
    """The derivation of ∂L/∂w for each w in `wrt` (every real input by default); L is the function's scalar result.

    `notation` says how adjoints are written: "partial" ∂L/∂z, "bar" z̄, "delta" δ_z (those signs themselves will do).
    `target` is a Graph, or a function as `cr.trace` takes it. Raises NoDerivative if the output is no real scalar.

    >>> import chainrule as cr
    >>> d = cr.derive(lambda w, x, y: (w @ x - y) ** 2, wrt=["w"], w="n", x="n", y="")
    >>> d["w"].shape
    (Dim(n),)
    """
    return Derivation(trace(target, **shapes) if not isinstance(target, Graph) else target, wrt, notation)
