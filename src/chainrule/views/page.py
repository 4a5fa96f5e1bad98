"""A derivation as a page of HTML that is complete in itself: MathML and SVG, no script, nothing fetched.

Everything stands in a ``<div class="chainrule">`` that brings its own style, so that a notebook can show it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ..graph.node import Node
from .forms import sizes
from .fragment import Section, fragment
from .handout import Handout, Input, Layers, RepeatedEquations
from .html import mathml
from .notation import Equation
from .steps import Step

_PAGE_STYLE = """\
:root { color-scheme: light dark; }
html { background: #fefefe; }
@media (prefers-color-scheme: dark) { html { background: #14171a; } }
@media print { html { background: #fff; } }
body { max-width: 64rem; margin: 0 auto; padding: 2.2rem 1.25rem 4rem; }
"""


def page(title: str, sections: Iterable[Section], kicker: str = "") -> str:
    """A whole document."""
    head = f'<p class="kicker">{escape(kicker)}</p>\n' if kicker else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_PAGE_STYLE}</style>\n</head>\n<body>\n"
        + fragment(sections, f"{head}<h1>{escape(title)}</h1>\n", "<footer>Made by Chainrule.</footer>\n")
        + "</body>\n</html>\n"
    )


def derivation_sections(h: Handout) -> list[Section]:
    """Inputs, forward equations, steps, conventions."""
    return [
        ("What goes in", inputs_table(h.inputs)),
        ("Forward", forward_table(h.forward_in_latex)),
        ("Backward", step_table(h.steps)),
        ("Conventions", listed(h.conventions)),
    ]


def forward_table(items: Sequence[Equation | RepeatedEquations]) -> str:
    """Forward equations with the shapes of what they define."""
    rows = []
    for e in items:
        if isinstance(e, Equation):
            rows.append(_row(e.name, e.expression, _shape(e.node), sign=r"\leftarrow" if e.assigns else "="))
        else:
            rows.append(_head(e.head))
            rows += [_row(x.name, x.expression, _shape(x.node), "layer") for x in e.equations]
    return _table(rows)


def step_table(items: Sequence[Step | Layers]) -> str:
    """The steps, each line below the one before, reasons at the side."""
    rows: list[str] = []
    for item in items:
        if isinstance(item, Step):
            rows += _step(item)
        else:
            rows.append(_head(item.head))
            for s in item.steps:
                rows += _step(s, "layer")
    folds = [item for item in items if isinstance(item, Layers)]
    shown = "".join(
        f"<details><summary>{escape(f.head)}, every layer</summary>{step_table(f.unfolded)}</details>" for f in folds
    )
    return _table(rows) + shown


def inputs_table(inputs: Sequence[Input]) -> str:
    """What goes in: names as LaTeX, leaves, roles. Inputs that are alike share a row."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name, n, role in inputs:
        what = role if n.kind == "real" else f"{n.kind} {role}"
        alike.setdefault((_shape(n) or "scalar", what), []).append(name)
    rows = "".join(
        f"<tr><td>{_names(names)}</td><td>{shape}</td><td>{escape(role)}</td></tr>"
        for (shape, role), names in alike.items()
    )
    return (
        '<div class="scroll"><table class="facts"><thead><tr><th>input</th><th>shape</th><th>role</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _names(names: list[str]) -> str:
    shown = names if len(names) <= _MANY_NAMES else [*names[:2], r"\dots", names[-1]]
    return mathml(r",\; ".join(shown))


_MANY_NAMES = 8


def listed(sentences: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(s)}</li>" for s in sentences) + "</ul>"


def _step(s: Step, kind: str = "") -> list[str]:
    """The reason stands at the side; below, where a line is long or the window narrow."""
    lines = s.latex_rows
    why = "<br/>".join(escape(line) for line in s.remarks)
    long = max(len(right) for _, right in lines) > _LONG
    found = []
    for k, (left, right) in enumerate(lines):
        side = "" if k or long else f'<td class="why side" rowspan="{len(lines)}">{why}</td>'
        classes = " ".join(filter(None, [kind, "first" if k == 0 else ""]))
        found.append(f'<tr class="{classes}">{_sides(left, right)}{side}</tr>')
    below = "below" if long else "below narrow"
    return [*found, f'<tr class="{kind} {below}"><td></td><td></td><td class="why">{why}</td></tr>']


_LONG = 180  # characters of LaTeX: what fits beside a reason


def _row(left: str, right: str, shape: str, kind: str = "", sign: str = "=") -> str:
    return f'<tr class="{kind}">{_sides(left, right, sign)}<td class="why">{shape}</td></tr>'


def _sides(left: str, right: str, sign: str = "=") -> str:
    shown = mathml(r"\displaystyle " + left) if left else ""
    right = mathml(r"\displaystyle " + right)
    return f'<td class="left">{shown}</td><td>{mathml(sign)}</td><td>{right}</td>'


def _head(text: str) -> str:
    return f'<tr><td class="head" colspan="4">{escape(text)}</td></tr>'


def _table(rows: Iterable[str]) -> str:
    return f'<div class="scroll"><table><tbody>{"".join(rows)}</tbody></table></div>'


def _shape(n: Node) -> str:
    return mathml(sizes(n.shape)) if n.shape else ""


__all__ = ["Section", "forward_table", "fragment", "inputs_table", "listed", "page", "step_table"]
