"""Pictures of graphs, derivations and points: what `.draw`, `.svg` and `.dot` delegate to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..calculus.intermediate import passes_back
from ..graph.errors import GraphError
from ..graph.node import Node
from ..views.diagram import Subject, diagram
from ..views.dot import dot
from ..views.svg import svg
from .files import write_file

if TYPE_CHECKING:
    from .derivation import Derivation
    from .graph import Graph

_WRITERS = {".svg": svg, ".dot": dot}


def save(subject: Subject, path: str | os.PathLike[str], fold: bool | None) -> Path:
    """Write the picture as the ending of `path` says, whole or not at all. Answers the path.

    Raises GraphError for an ending other than .svg and .dot, OutputError where the file cannot be written.
    """
    path = Path(path)
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        what = f"{path.name} ends in {path.suffix}" if path.suffix else f"{path.name} has no ending"
        raise GraphError(f"pictures are written as .svg, or as .dot for Graphviz, and {what}")
    write_file(path, writer(diagram(subject, fold)))
    return path


def as_svg(subject: Subject, fold: bool | None) -> str:
    """The picture as an ``<svg>`` element."""
    return svg(diagram(subject, fold))


def as_dot(subject: Subject, fold: bool | None) -> str:
    """The picture for Graphviz."""
    return dot(diagram(subject, fold))


class Drawable:
    """What can be drawn, with numbers at a point or without."""

    def draw(self, path: str | os.PathLike[str], fold: bool | None = None, at: Mapping[str, Any] | None = None) -> Path:
        """Write a picture of the computational graph: SVG, or DOT for a name that ends in .dot. Answers the path.

        Every operation is a box. Data and parameters have sharp corners, matrix products and activations colours of
        their own, outputs a double border; sizes stand on the arrows, numbers inside the operation that uses them. Of
        a derivation, dashed arrows lead back from each quantity to those that receive its adjoint, and ∂L/∂z stands in
        the box of each z on the way.

        fold   True draws one box for each named quantity, with its equation and the parameters that it alone uses;
               False one for each operation. By default a picture of more than 60 boxes is folded.
        at     {name: array} for every input: values, and of a derivation adjoints, stand in the boxes, small arrays as
               rounded numbers, larger ones as their norm and range.

        A picture too wide for a page runs downwards, and a long one goes on in further columns. Unlike pictures of
        other tools it needs no installed `dot`, and its SVG no script and no font.
        Raises GraphError for another ending, OutputError where the file cannot be written (it is written whole or not
        at all), InputError for arrays that do not fit.
        """
        return save(self._picture(at), path, fold)

    def svg(self, fold: bool | None = None, at: Mapping[str, Any] | None = None) -> str:
        """The picture that `draw` writes, as an ``<svg>`` element for a page."""
        return as_svg(self._picture(at), fold)

    def dot(self, fold: bool | None = None, at: Mapping[str, Any] | None = None) -> str:
        """The picture that `draw` writes, as text for Graphviz."""
        return as_dot(self._picture(at), fold)

    def _repr_svg_(self) -> str:
        return self.svg()

    def _picture(self, at: Mapping[str, Any] | None) -> Subject:
        raise NotImplementedError


def forward_picture(graph: Graph) -> Subject:
    """What a picture of the graph shows; where it has updates, these too."""
    labels = graph.labels
    for name, n in graph.updates.items():
        labels.setdefault(n, f"{name}_new")
    outputs = tuple(dict.fromkeys((*graph.outputs, *graph.updates.values())))
    return Subject(graph.name, graph.inputs, outputs, labels, graph.roles)


def backward_picture(derivation: Derivation, labels: Mapping[Node, str]) -> Subject:
    """What a picture of the derivation shows; the loss has its name among the labels."""
    graph = derivation.graph
    flows = passes_back(graph.output, [graph[w] for w in derivation.wrt])
    return Subject(graph.name, graph.inputs, (graph.output,), labels, graph.roles, flows, derivation.notation.in_text)


__all__ = ["Drawable", "as_dot", "as_svg", "backward_picture", "forward_picture", "save"]
