"""`g.at(...)`, `d.at(...)`: numbers pushed through a graph, and gradients pushed back."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..calculus.intermediate import every_adjoint
from ..engines.binding import Signature
from ..graph.errors import GraphError, NoDerivative
from ..graph.node import LEAF, Node, varying, walk
from ..views.adjoints import PARTIAL, AdjointNotation
from ..views.diagram import Subject, weights
from ..views.fragment import fragment
from ..views.html import mathml
from ..views.latex import LATEX
from ..views.notation import Notation
from ..views.source import print_program
from ..views.steps import aligned_rows
from ..views.text import TEXT
from .picture import as_dot, as_svg, save
from .pipeline import lower
from .shown import array_latex, shown

if TYPE_CHECKING:
    from .graph import Graph

_LONG = 16  # nodes: an expression of more gets a name, t1, t2, …


@dataclass(frozen=True, eq=False)
class Row:
    """One quantity at a point; `adjoint` is None where none was asked for or none flows.

    name      its name in the graph, or t1, t2, … where it has none and its expression is long; else None
    formula   how it is computed from the quantities before, as text; empty for an input
    """

    node: Node
    name: str | None
    formula: str
    value: Any
    adjoint: Any


class Point:
    """Every quantity of a graph at one point, and of a derivation every adjoint.

    `p["z"]` is the value of z, `p.adjoint("z")` is ∂L/∂z there; both take nodes too. `.rows` lists all quantities in
    order of computation, those without a name included. Prints as a table.
    """

    def __init__(self, graph: Graph, subject: Subject, arrays: Mapping[str, Any], notation: AdjointNotation = PARTIAL):
        self.graph, self._notation = graph, notation
        order = walk(*graph.inputs.values(), *subject.outputs)
        varies = varying(order)
        self._nodes = [n for n in order if n in varies or n in subject.outputs]
        self._labels = _with_names(self._nodes, subject.labels)
        back = [n for n in self._nodes if n in subject.flows]
        adjoints = every_adjoint(subject.outputs[0], back) if back else {}
        found = evaluate(graph, [*self._nodes, *adjoints.values()], arrays)
        self._values = {n: found[n] for n in self._nodes}
        self._adjoints = {n: found[m] for n, m in adjoints.items()}
        self.picture = replace(
            subject,
            labels=self._labels,
            values={n: shown(v) for n, v in self._values.items()},
            adjoints={n: shown(v) for n, v in self._adjoints.items()},
        )

    def __getitem__(self, name: str | Node) -> Any:
        """The value of a quantity, by name or by node, as an array. Raises NamingError for an unknown name."""
        return self._values[self._node(name)]

    def adjoint(self, name: str | Node) -> Any:
        """The derivative of the loss in a quantity, an array of its shape.

        Raises NoDerivative where none was derived, NamingError for an unknown name.
        """
        n = self._node(name)
        if n in self._adjoints:
            return self._adjoints[n]
        if not self.picture.flows:
            raise NoDerivative(f"this point has values alone; adjoints are in cr.derive({self.graph.name}).at(…)")
        raise NoDerivative(f"there is no adjoint of {self._labels.get(n, 'this quantity')} here: no path leads through")

    @property
    def values(self) -> dict[str, Any]:
        """Every named quantity and its value, in order of computation."""
        return {self._labels[n]: v for n, v in self._values.items() if n in self._labels}

    @property
    def adjoints(self) -> dict[str, Any]:
        """Every named quantity on the backward pass, and the loss's derivative in it."""
        return {self._labels[n]: v for n, v in self._adjoints.items() if n in self._labels}

    @cached_property
    def rows(self) -> list[Row]:
        """Every quantity, inputs first, then in order of computation."""
        return [
            Row(n, self._labels.get(n), formula, self._values[n], self._adjoints.get(n))
            for n, formula in self._formulas(TEXT)
        ]

    def text(self) -> str:
        """A table in columns: quantity, formula, value, adjoint."""
        table = [("quantity", "formula", ["value"], ["adjoint"])]
        for row, (_, called) in zip(self.rows, self._adjoint_names(TEXT)):
            value = list(shown(row.value).rows)
            back = [] if row.adjoint is None else list(shown(row.adjoint).rows)
            back = [f"{called} = {back[0]}", *(" " * len(f"{called} = ") + r for r in back[1:])] if back else []
            table.append((row.name or "", row.formula, value, back))
        if not self._adjoints:
            table = [(q, f, v, []) for q, f, v, _ in table]
        wide = [max(len(q) for q, _, _, _ in table), max(len(f) for _, f, _, _ in table)]
        wide.append(max(len(r) for _, _, v, _ in table for r in v))
        lines = []
        for name, formula, value, back in table:
            for k in range(max(len(value), len(back))):
                cells = (name, formula) if k == 0 else ("", "")
                cells += (value[k] if k < len(value) else "",)
                padded = "  ".join(cell.ljust(w) for cell, w in zip(cells, wide))
                lines.append(f"{padded}  {back[k] if k < len(back) else ''}".rstrip())
        return "\n".join(lines)

    def latex(self) -> str:
        """The same in LaTeX, an aligned line for each quantity."""
        return aligned_rows([_line(*cells) for cells in self._cells()])

    def draw(self, path: str | os.PathLike[str], fold: bool | None = None) -> Path:
        """Write the picture with these numbers in its boxes, as `Graph.draw` does. Answers the path."""
        return save(self.picture, path, fold)

    def svg(self, fold: bool | None = None) -> str:
        """The picture as an ``<svg>`` element."""
        return as_svg(self.picture, fold)

    def dot(self, fold: bool | None = None) -> str:
        """The picture as text for Graphviz."""
        return as_dot(self.picture, fold)

    def _repr_svg_(self) -> str:
        return self.svg()

    def _cells(self) -> list[list[str]]:
        """Quantity, formula, value and adjoint in LaTeX, a row each."""
        out = []
        for (n, formula), (_, called) in zip(self._formulas(LATEX), self._adjoint_names(LATEX)):
            name = LATEX.name(self._labels[n]) if n in self._labels else ""
            cells = [name, formula, f"= {array_latex(self._values[n])}"]
            if self._adjoints:
                cells.append(f"{called} = {array_latex(self._adjoints[n])}" if n in self._adjoints else "")
            out.append(cells)
        return out

    def _formulas(self, notation: Notation) -> list[tuple[Node, str]]:
        labels = {n: notation.name(name) for n, name in self._labels.items()}
        return [(n, "" if n.op is LEAF else notation.write(n, labels)) for n in self._nodes]

    def _adjoint_names(self, notation: Notation) -> list[tuple[Node, str]]:
        """What each adjoint is called; that of a quantity without a name by its expression."""
        labels = {n: notation.name(name) for n, name in self._labels.items()}
        loss = labels[self.picture.outputs[0]]
        brackets = notation.brackets
        found = []
        for n, formula in self._formulas(notation):
            quantity = labels.get(n) or f"{brackets[0]}{formula}{brackets[1]}"
            found.append((n, self._notation.label(loss, quantity, notation)))
        return found

    def _node(self, name: str | Node) -> Node:
        if isinstance(name, Node):
            if name not in self._values:
                raise GraphError(f"{name!r} is no quantity of {self.graph.name}")
            return name
        for n, known in self._labels.items():
            if known == name:
                return n
        return self.graph[name]

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def html(self) -> str:
        """The same as a table in HTML, with MathML."""
        heads = ["quantity", "formula", "value", "adjoint"][: 3 + bool(self._adjoints)]
        head = "".join(f"<th>{escape(h)}</th>" for h in heads)
        body = "".join(
            "<tr>" + "".join(f"<td>{mathml(cell) if cell else ''}</td>" for cell in cells) + "</tr>"
            for cells in self._cells()
        )
        return f'<div class="scroll facts"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'

    def _repr_html_(self) -> str:
        return fragment([("", self.html())])

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Point of {self.graph.name} at {', '.join(self.graph.inputs)}>"


def _line(name: str, formula: str, value: str, adjoint: str = "") -> tuple[str, str]:
    """Both sides of ``z = W x = (1, 2)ᵀ,  ∂L/∂z = …``."""
    right = f"{formula} {value}" if name and formula else value.removeprefix("= ")
    return name or formula, rf"{right}, \qquad {adjoint}" if adjoint else right


def _with_names(nodes: Sequence[Node], labels: Mapping[Node, str]) -> dict[Node, str]:
    """The labels, and t1, t2, … for what would make long expressions."""
    found = dict(labels)
    weight = weights((), found)
    taken = set(found.values())
    count = 0
    for n in nodes:
        weight[n] = 1 + sum([1 if a in found else weight.get(a, 1) for a in n.args])
        if n not in found and weight[n] > _LONG:
            count += 1
            while f"t{count}" in taken:
                count += 1
            found[n] = f"t{count}"
    return found


def evaluate(graph: Graph, nodes: Sequence[Node], arrays: Mapping[str, Any]) -> dict[Node, Any]:
    """The value of each node, by one program on NumPy. Raises InputError for arrays that do not fit the inputs."""
    from ..engines.numpy import ENGINE

    wanted = list(dict.fromkeys(nodes))
    inputs = list(graph.inputs.values())
    low = lower(replace(graph, outputs=tuple(wanted), updates={}), None, ENGINE.dialect.kernel, "numpy")
    program = print_program(graph.name, inputs, low.outputs, ENGINE.dialect)
    bound, _ = Signature(graph.called, inputs, low.outputs).bind(arrays, None, ENGINE.precisions)
    results = ENGINE.load(program)(*bound)
    results = (results,) if len(wanted) == 1 else results
    return {n: np.array(value) for n, value in zip(wanted, results)}


def given(point: Mapping[str, Any] | None, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays of a mapping and of keywords together."""
    if point is not None and not isinstance(point, Mapping):
        raise GraphError(f'a point is given by name, as in at(x=1) or at({{"x": 1}}), not as {type(point).__name__}')
    return {**(point or {}), **arrays}


__all__ = ["Point", "Row", "evaluate", "given"]
