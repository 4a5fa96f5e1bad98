r"""A derivation as Markdown, with its mathematics between ``$$``, as GitHub, Jupyter and most editors show it.

GitHub reads Markdown before mathematics: of a backslash and a sign (``\,`` ``\|``) it drops the backslash, and it
refuses ``\operatorname``. So signs are written as words (``\thinspace``, ``\Vert``), which mean the same everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from ..graph.dims import latex as size_latex
from ..graph.dims import shape_text
from ..graph.node import Node
from .grid import Cell, Counted, Grid
from .handout import Handout, Input, Layers, latex_rows
from .steps import Step, aligned_rows

_WORDS = {
    r"\,": r"\thinspace ", r"\:": r"\medspace ", r"\;": r"\thickspace ", r"\!": r"\negthinspace ",
    r"\{": r"\lbrace ", r"\}": r"\rbrace ", r"\|": r"\Vert ", r"\operatorname{": r"\mathrm{", "<": r"\lt ",
    ">": r"\gt ", r"\\ ": "\\\\\n",
}  # fmt: skip
_SIGNS = re.compile("|".join(re.escape(sign) for sign in _WORDS))
_MARKED = re.compile(r"([\\`*_\[\]<>|#$~])")


def mathematics(latex: str) -> str:
    r"""LaTeX that survives Markdown.

    >>> print(mathematics(r"\left\| W \, x \right\|^{2}"))
    \left\Vert W \thinspace x \right\Vert ^{2}
    """
    found = _SIGNS.sub(lambda m: _WORDS[m[0]], latex)
    return re.sub(r"(\\[a-zA-Z]+) +(?=[ \n]|$)", r"\1", found, flags=re.M)


def words(text: str) -> str:
    r"""Plain words, none of whose signs mean anything to Markdown.

    >>> print(words("h_1 * 2"))
    h\_1 \* 2
    """
    return _MARKED.sub(r"\\\1", text)


def display(latex: str) -> str:
    """A formula on lines of its own."""
    return f"$$\n{mathematics(latex)}\n$$"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, of cells that are Markdown already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def grid(g: Grid) -> str:
    """A table of counts, its remarks below."""
    shown = table([words(head) for head in g.heads], [[_cell(c) for c in row] for row in g.rows])
    return "\n\n".join([shown, *map(words, g.notes)])


def _cell(cell: Cell) -> str:
    if isinstance(cell, Counted):
        return f"${mathematics(cell.latex())}$"
    return words(cell if isinstance(cell, str) else shape_text(cell))


def document(h: Handout, more: Sequence[tuple[str, str]] = ()) -> str:
    """The whole derivation: what goes in, the forward equations, each step with its reasons, the conventions.

    `more` are further titles, each with LaTeX to stand below it.
    """
    forward = display(aligned_rows(latex_rows(h.forward_in_latex)))
    parts = [f"# {words(h.title)}", inputs_table(h.inputs), "## Forward", forward]
    parts += ["## Backward", *(part for item in h.steps for part in _step(item))]
    parts += ["## Conventions", "\n".join(f"- {words(sentence)}" for sentence in h.conventions)]
    parts += [f"## {words(name)}\n\n{display(latex)}" for name, latex in more]
    return "\n\n".join(parts) + "\n"


def inputs_table(inputs: Sequence[Input]) -> str:
    """Names, shapes and roles; inputs that follow each other and are alike share a row."""
    rows = []
    for (shape, role), alike in groupby(inputs, key=lambda i: (_shape(i[1]), _role(i))):
        names = [f"${mathematics(name)}$" for name, _, _ in alike]
        rows.append((", ".join(names), shape, role))
    return table(("input", "shape", "role"), rows)


def _shape(n: Node) -> str:
    sizes = r" \times ".join(map(size_latex, n.shape))
    return f"${mathematics(sizes)}$" if sizes else "scalar"


def _role(i: Input) -> str:
    _, n, role = i
    return role if n.kind == "real" else f"{n.kind} {role}"


def _step(item: Step | Layers) -> list[str]:
    if isinstance(item, Layers):
        return [f"**{words(item.head)}:**", *(part for s in item.steps for part in _step(s))]
    remarks = "\n".join(f"- {words(line)}" for line in item.remarks)
    return [display(item.latex), *([remarks] if remarks else [])]


__all__ = ["display", "document", "grid", "inputs_table", "mathematics", "table", "words"]
