"""A diagram in DOT, the language of Graphviz."""

from __future__ import annotations

import re

from .diagram import Box, Diagram
from .runs import plain

_STYLE = {
    "data": 'shape=box, style=filled, fillcolor="#e4eff9"',
    "parameter": 'shape=box, style=filled, fillcolor="#fcefd5"',
    "state": 'shape=box, style=filled, fillcolor="#ececf4"',
    "noise": 'shape=box, style="filled,dashed", fillcolor="#f3f3f3"',
    "constant": 'shape=box, style=filled, fillcolor="#f3f3f3"',
    "product": 'shape=box, style="rounded,filled", fillcolor="#efeaf8"',
    "activation": 'shape=box, style="rounded,filled", fillcolor="#e3f4ed"',
    "operation": 'shape=box, style="rounded,filled", fillcolor="#ffffff"',
}


def dot(drawn: Diagram) -> str:
    """The diagram as text for Graphviz: boxes n0, n1, … with the lines that the SVG shows, sizes on the edges.

    >>> from chainrule.graph.node import leaf
    >>> from chainrule.views.diagram import Subject, diagram
    >>> x = leaf("x", ("n",))
    >>> print(dot(diagram(Subject("f", {"x": x}, (x,), {x: "x"}, {"x": "data"}))), end="")
    digraph "f" {
      rankdir=TB;
      node [fontname="Times"];
      edge [fontname="Times", fontsize=11];
      n0 [label="x", tooltip="x: data, of shape (n,)", shape=box, style=filled, fillcolor="#e4eff9", peripheries=2];
    }
    """
    lines = [f"digraph {quoted(drawn.title)} {{", "  rankdir=TB;", '  node [fontname="Times"];']
    lines.append('  edge [fontname="Times", fontsize=11];')
    for k, box in enumerate(drawn.boxes):
        lines.append(f"  n{k} [{_attributes(box)}];")
    for source, target, back in drawn.edges:
        lines.append(f"  n{source} -> n{target} [label={quoted(plain(drawn.boxes[source].size))}];")
        if back:
            lines.append(f'  n{target} -> n{source} [style=dashed, color="#b03a00", constraint=false];')
    return "\n".join([*lines, "}\n"])


def _attributes(box: Box) -> str:
    label = "\n".join(plain(line.runs) for line in box.lines)
    border = ", peripheries=2" if box.output else ""
    return f"label={quoted(label)}, tooltip={quoted(box.told)}, {_STYLE.get(box.role, _STYLE['operation'])}{border}"


def quoted(text: str) -> str:
    r"""A string of DOT; what Graphviz would read as an escape stands for itself.

    >>> quoted('say "a\\n"')
    '"say \\"a\\\\n\\""'
    """
    text = re.sub(r"[^\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "�", text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


__all__ = ["dot", "quoted"]
