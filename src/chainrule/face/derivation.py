"""`cr.derive`: the gradients of a traced loss, written in its named quantities."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from ..calculus.derivation import Backward
from ..graph.errors import NoDerivative
from ..graph.node import LEAF, Node
from ..rewrite.stacks import entries
from ..views import markdown, tex
from ..views.adjoints import adjoint_notation
from ..views.conventions import conventions
from ..views.diagram import Subject
from ..views.folding import Numbering
from ..views.fragment import fragment
from ..views.handout import Handout, Layers, RepeatedEquations, folded_equations, folded_steps
from ..views.latex import LATEX
from ..views.notation import Equation, Notation
from ..views.order import backward_order
from ..views.page import derivation_sections, page
from ..views.steps import Step, StepWriter
from ..views.text import TEXT
from .cost import DerivationCost, derivation_cost
from .graph import Graph, select, trace
from .loss import check_loss
from .picture import Drawable, backward_picture
from .point import Point, given

_POINT = "At this point"


class Derivation(Drawable):
    """The backward pass of a scalar graph, derived from it as written. `d["W1"]` is ∂L/∂W1, tidied, as a node."""

    def __init__(self, graph: Graph, wrt: Sequence[str] | str | None, notation: str = "partial"):
        self.graph, self.wrt, self.notation = graph, select(graph, wrt), adjoint_notation(notation)
        check_loss(graph, self.wrt)

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
        last = notation.name(self.graph.loss_name)
        found = self.graph.equations(notation, made)
        return [replace(e, name=last) if e.node is self.graph.output else e for e in found]

    @cached_property
    def _quantities(self) -> list[Node]:
        """What gets a step, in backward order."""
        return backward_order(self.graph.output, [self.graph[k] for k in self.wrt], self._names)

    @cached_property
    def _writer(self) -> StepWriter:
        return StepWriter(self._backward, self._names, self.graph.loss_name, self._quantities, self.notation)

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
        return Numbering(self._names.values(), self.graph.symbols)

    @cached_property
    def folded(self) -> list[Step | Layers]:
        """The steps, those that repeat from layer to layer written once: "for k = 30 … 2", in h[k], W[k + 1], …

        Layers are folded where three or more in a row have the same form, in names that end in a number. Each fold has
        .steps (one layer), .unfolded (all), .first, .last, .text, .latex and .reason.
        """
        return folded_steps(self._writer, self.steps, self._numbering)

    def _forward_folded(self, notation: Notation) -> list[Equation | RepeatedEquations]:
        return folded_equations(self._writer, self._forward(notation, {}), notation, self._numbering)

    def equations(self, notation: Notation = TEXT) -> list[Equation]:
        """∂L/∂v = … for each step, the results alone.

        Right sides are written in the forward quantities and in the derivatives of what is computed from them.
        """
        made: dict[Node, str] = {}
        self._forward(notation, made)  # whose names for long parts go on
        labels = {n: notation.name(name) for n, name in (self._names | self.graph.labels).items()}
        loss = notation.name(self.graph.loss_name)
        called = {n: self.notation.label(loss, labels[n], notation) for n in self._quantities}
        found: list[Equation] = []
        for n in self._quantities:
            read = {adjoint: called[m] for adjoint, m in self._writer.read[n].items()}
            found += notation.equations({self.adjoints[n]: called[n]}, ChainMap(read, labels), made)
        return found

    @cached_property
    def conventions(self) -> list[str]:
        """What the steps take for granted: layout, signs, derivatives at kinks. A sentence each."""
        return conventions(self._writer, self.steps)

    def text(self, unfold: bool = False, at: Mapping[str, Any] | None = None) -> str:
        """The forward equations, the steps backwards with their reasons, and the conventions, as text.

        Repeated layers stand once, unless `unfold`. With `at`, {name: array}, the numbers at that point follow. For the
        results alone, a line each, see `equations`.
        """
        return self.handout(unfold).text() + ("" if at is None else f"\n\n{_POINT}\n{self.at(at)}")

    def latex(self, unfold: bool = False) -> str:
        """The forward equations and the steps backwards in LaTeX, aligned; repeated layers once, unless `unfold`."""
        return self.handout(unfold).latex()

    def tex(self, unfold: bool = False, at: Mapping[str, Any] | None = None) -> str:
        """All that `text` holds as a LaTeX document that compiles as it stands, with amsmath and amssymb alone."""
        return tex.document(self.handout(unfold), self._numbers(at))

    def markdown(self, unfold: bool = False, at: Mapping[str, Any] | None = None) -> str:
        """All that `text` holds as Markdown, with the mathematics between $$, for GitHub and Jupyter."""
        return markdown.document(self.handout(unfold), self._numbers(at))

    def html(self, unfold: bool = False, at: Mapping[str, Any] | None = None) -> str:
        """All that `text` holds as a page of HTML that is complete in itself, with the picture and the cost.

        Mathematics is MathML and pictures are SVG: no script, nothing fetched from the network.
        """
        handout = self.handout(unfold)
        what, *rest = derivation_sections(handout)
        sections = [what, ("The graph", f"<figure>{self.svg()}</figure>"), *rest]
        if at is not None:
            point = self.at(at)
            sections.append((_POINT, f"<figure>{point.svg()}</figure>\n{point.html()}"))
        sections.append(("Cost", f'<div class="scroll facts">{self.cost.grid.html()}</div>'))
        return page(handout.title, sections, "chainrule derive")

    def handout(self, unfold: bool = False) -> Handout:
        """What the written forms have in common: inputs, forward equations, steps and conventions, for a page."""
        g, title = self.graph, f"The gradients of {self.graph.name}"
        inputs = [(LATEX.name(k), n, g.roles[k]) for k, n in g.inputs.items()]
        if unfold:
            return Handout(title, inputs, self.forward, self._forward(LATEX, {}), self.steps, self.conventions)
        forward, in_latex = self._forward_folded(TEXT), self._forward_folded(LATEX)
        return Handout(title, inputs, forward, in_latex, self.folded, self.conventions)

    def _numbers(self, at: Mapping[str, Any] | None) -> list[tuple[str, str]]:
        return [] if at is None else [(_POINT, self.at(at).latex())]

    def _repr_html_(self) -> str:
        return fragment(derivation_sections(self.handout())[1:])

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    @cached_property
    def cost(self) -> DerivationCost:
        """What the program of loss and gradients costs: `.forward`, `.backward`, `.saved_bytes()`, `.at(n=100)`."""
        return derivation_cost(self.graph, self.wrt, self.notation)

    def at(self, point: Mapping[str, Any] | None = None, /, **arrays: Any) -> Point:
        """Every quantity's value and adjoint at a point: numbers pushed forward, gradients back, as one does by hand.

        Quantities without a name are listed too. Every adjoint is the derivative of the loss in that quantity, right
        also where the program computes in another, safer way. Raises InputError for arrays that do not fit.

        >>> import chainrule as cr
        >>> def f(x: "", y: "", z: ""):
        ...     q = x + y
        ...     f = q * z
        ...     return f
        >>> p = cr.derive(f).at(x=-2, y=5, z=-4)
        >>> print(p)
        quantity  formula  value  adjoint
        x                  -2     ∂f/∂x = -4
        y                  5      ∂f/∂y = -4
        z                  -4     ∂f/∂z = 3
        q         x + y    3      ∂f/∂q = -4
        f         q·z      -12    ∂f/∂f = 1
        >>> float(p["q"]), float(p.adjoint("q"))
        (3.0, -4.0)
        """
        return Point(self.graph, self._picture(None), given(point, arrays), self.notation)

    def _picture(self, at: Mapping[str, Any] | None) -> Subject:
        labels = self._names | self.graph.labels | {self.graph.output: self.graph.loss_name}
        return backward_picture(self, labels) if at is None else self.at(at).picture

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
