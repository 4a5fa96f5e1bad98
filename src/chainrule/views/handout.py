"""A derivation as a person would hand it in: the forward equations, the steps backwards, the conventions.

Repeated layers stand once, "for k = 30 … 2", unless they are unfolded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..graph.node import Node
from .folding import Numbering, Repeat, repeats
from .fragment import fragment
from .html import Row, equation_table
from .latex import LATEX
from .notation import Equation, Notation, plain
from .steps import Lines, Step, StepWriter, aligned_rows
from .text import TEXT

Input = tuple[str, Node, str]  # name as LaTeX, leaf, role


@dataclass(frozen=True)
class _Repeated:
    """Layers `first` to `last`, whose number is written `letter`."""

    letter: str
    first: int
    last: int

    @property
    def head(self) -> str:
        return f"for {self.letter} = {self.first} … {self.last}"


@dataclass(frozen=True)
class Layers(_Repeated):
    """Steps that repeat from layer to layer, written once.

    steps      one layer, its number written k
    unfolded   the same for every layer
    """

    steps: tuple[Step, ...]
    unfolded: tuple[Step, ...]

    @property
    def name(self) -> str:
        return ", ".join(s.name for s in self.steps)

    @property
    def text(self) -> str:
        return f"{self.head}:\n" + "\n".join(_indented(s.text) for s in self.steps)

    @property
    def latex_rows(self) -> list[tuple[str, str]]:
        return _qualified([row for s in self.steps for row in s.latex_rows], self)

    @property
    def latex(self) -> str:
        return aligned_rows(self.latex_rows)

    @property
    def reason(self) -> str:
        return "\n".join(dict.fromkeys(line for s in self.steps for line in s.reason.splitlines()))

    def __str__(self) -> str:
        return f"{self.head}:\n" + "\n".join(_indented(str(s)) for s in self.steps)

    def _repr_html_(self) -> str:
        return fragment([("", equation_table([Row(left, right) for left, right in self.latex_rows]))])

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"


@dataclass(frozen=True)
class RepeatedEquations(_Repeated):
    """Forward equations that repeat from layer to layer, written once."""

    equations: tuple[Equation, ...]

    def __str__(self) -> str:
        return f"{self.head}:\n" + "\n".join(_indented(str(e)) for e in self.equations)


@dataclass(frozen=True)
class Handout:
    """A whole derivation, ready to be written in any format."""

    title: str
    inputs: Sequence[Input]
    forward: Sequence[Equation | RepeatedEquations]
    forward_in_latex: Sequence[Equation | RepeatedEquations]
    steps: Sequence[Step | Layers]
    conventions: Sequence[str]

    def text(self) -> str:
        forward = "\n".join(map(str, self.forward))
        conventions = "\n".join(["Conventions", *self.conventions])
        return "\n\n".join(filter(None, [forward, *map(str, self.steps), conventions]))

    def latex(self) -> str:
        """Forward equations and steps as one `aligned` environment."""
        return aligned_rows(latex_rows([*self.forward_in_latex, *self.steps]))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _qualified(rows: list[tuple[str, str]], layers: _Repeated) -> list[tuple[str, str]]:
    """Rows, the last of which says for which k they hold."""
    left, right = rows[-1]
    return [*rows[:-1], (left, rf"{right} \qquad \text{{for }} {_range(layers)}")]


def _range(layers: _Repeated) -> str:
    return rf"{layers.letter} = {layers.first}, \dots, {layers.last}"


def folded_steps(writer: StepWriter, steps: Sequence[Step], numbering: Numbering) -> list[Step | Layers]:
    """The steps, repeated layers as one."""

    def relative(k: int, base: int, notation: Notation) -> Lines:
        return writer.relative(writer.quantities[k], base, numbering, notation)

    def reason(k: int, base: int) -> str:
        return writer.reason(writer.quantities[k], lambda n: numbering.relative(writer.names[n], base, TEXT))

    def form(k: int, base: int) -> str:
        return f"{relative(k, base, TEXT).text()}\n{reason(k, base)}\n{steps[k].given}"

    def layers(r: Repeat) -> Layers:
        one = []
        for k in range(r.start, r.start + r.length):
            name = numbering.relative(steps[k].name, r.first, TEXT)
            lines = [relative(k, r.first, notation) for notation in (TEXT, LATEX)]
            one.append(Step(name, steps[k].node, reason(k, r.first), steps[k].given, *lines))
        return Layers(numbering.letter, r.first, r.last, tuple(one), tuple(steps[r.start : r.stop]))

    names = [s.name if not s.written.before else "" for s in steps]
    return _folded(list(steps), names, numbering, form, layers)


def folded_equations(
    writer: StepWriter, equations: Sequence[Equation], notation: Notation, numbering: Numbering
) -> list[Equation | RepeatedEquations]:
    """The forward equations, repeated layers as one."""
    names = writer.names

    def relative(k: int, base: int) -> Equation:
        n = equations[k].node

        def label(m: Node) -> str | None:
            return numbering.relative(names[m], base, notation) if m in names and not plain(m) else None

        return notation.equation(label(n) or "", n, label, writer.letters)

    def layers(r: Repeat) -> RepeatedEquations:
        one = tuple(relative(k, r.first) for k in range(r.start, r.start + r.length))
        return RepeatedEquations(numbering.letter, r.first, r.last, one)

    named = [names.get(e.node, "") for e in equations]
    return _folded(list(equations), named, numbering, lambda k, base: str(relative(k, base)), layers)


def _folded(
    items: list, names: Sequence[str], numbering: Numbering, form: Callable[[int, int], str], layers: Callable
) -> list:
    numbered = [numbering.of(name) if name else None for name in names]
    forms = [form(k, n.layer) if n else "" for k, n in enumerate(numbered)]
    found, at = [], 0
    for r in repeats(forms, [n.layer if n else None for n in numbered]):
        found += [*items[at : r.start], layers(r)]
        at = r.stop
    return found + items[at:]


def latex_rows(items: Sequence[Equation | RepeatedEquations | Step | Layers]) -> list[tuple[str, str]]:
    """The rows of an `aligned` environment, two sides each."""
    rows: list[tuple[str, str]] = []
    for e in items:
        if isinstance(e, Equation):
            rows.append((e.name, e.expression))
        elif isinstance(e, RepeatedEquations):
            rows += _qualified([(x.name, x.expression) for x in e.equations], e)
        else:
            rows += e.latex_rows
    return rows


__all__ = ["Handout", "Input", "Layers", "RepeatedEquations", "folded_equations", "folded_steps", "latex_rows"]
