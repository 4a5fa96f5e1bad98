"""A derivation as a page of HTML that is complete in itself: MathML and SVG, no script, nothing fetched.

Everything stands in a ``<div class="chainrule">`` that brings its own style, so that a notebook can show it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ..graph.dims import latex as size_latex
from ..graph.node import Node
from .handout import Layers, RepeatedEquations
from .html import mathml
from .notation import Equation
from .steps import Step

Section = tuple[str, str]  # title, HTML

STYLE = """\
.chainrule { --ink: #1b1f24; --soft: #57606a; --line: #d0d4d9; --tint: #f4f5f7; --link: #0b5cad; color: var(--ink);
  font: 16px/1.55 Charter, "Bitstream Charter", Cambria, Georgia, serif; }
@media (prefers-color-scheme: dark) { .chainrule { --ink: #e6e8eb; --soft: #a3abb5; --line: #3b424a;
  --tint: #1e2226; --link: #7ab8f5; } }
.chainrule h1, .chainrule h2, .chainrule th, .chainrule .kicker, .chainrule caption, .chainrule figcaption,
.chainrule summary, .chainrule .head, .chainrule .why { font-family: system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif; }
.chainrule h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 1rem; letter-spacing: -0.01em; }
.chainrule h2 { font-size: 1.15rem; margin: 2rem 0 0.6rem; padding-top: 0.7rem; border-top: 1px solid var(--line); }
.chainrule .kicker { color: var(--soft); margin: 0 0 0.3rem; font-size: 0.85rem; }
.chainrule p, .chainrule li { max-width: 46rem; }
.chainrule .scroll { overflow-x: auto; max-width: 100%; }
.chainrule table { border-collapse: collapse; margin: 0.6rem 0; font-size: 0.95rem; color: inherit; background: none; }
.chainrule td, .chainrule th { padding: 0.3rem 0.35rem; text-align: left; vertical-align: middle; white-space: nowrap;
  background: none; border: 0; }
.chainrule th { color: var(--soft); font-size: 0.8rem; font-weight: 600; padding-right: 1.4rem; }
.chainrule .facts td { padding-right: 1.4rem; }
.chainrule .left { text-align: right; padding-left: 0.5rem; }
.chainrule .why { color: var(--soft); font-size: 0.82rem; line-height: 1.45; padding-left: 2rem; white-space: normal;
  min-width: 17rem; max-width: 30rem; }
.chainrule .first td { padding-top: 1rem; }
.chainrule .head { color: var(--soft); font-size: 0.85rem; padding-top: 1.3rem; }
.chainrule .layer td:first-child { border-left: 3px solid var(--line); padding-left: 0.9rem; }
.chainrule math { font-size: 1.06em; font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math",
  "DejaVu Math TeX Gyre", math; }
.chainrule mtd { text-align: left; padding: 0.15em 0.4em; }
.chainrule figure { margin: 1rem 0; overflow-x: auto; }
.chainrule figure svg { max-width: 100%; height: auto; }
.chainrule pre { background: var(--tint); padding: 0.9rem 1rem; border-radius: 8px; font-size: 0.82rem;
  line-height: 1.45; overflow-x: auto; }
.chainrule summary { cursor: pointer; font-size: 0.88rem; color: var(--link); margin: 0.6rem 0; }
.chainrule footer { color: var(--soft); font-size: 0.82rem; margin-top: 2.5rem; border-top: 1px solid var(--line);
  padding-top: 0.8rem; }
@media print { .chainrule { --ink: #000; --soft: #444; --line: #bbb; --tint: #f4f4f4; font-size: 11pt; }
  .chainrule tr, .chainrule figure { break-inside: avoid; } }
"""

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


def fragment(sections: Iterable[Section], before: str = "", after: str = "") -> str:
    """Sections to stand inside another document, with their style."""
    body = "".join((f"<h2>{escape(title)}</h2>\n" if title else "") + f"{content}\n" for title, content in sections)
    return f'<div class="chainrule">\n<style>\n{STYLE}</style>\n{before}{body}{after}</div>\n'


def forward_table(items: Sequence[Equation | RepeatedEquations]) -> str:
    """Forward equations with the shapes of what they define."""
    rows = []
    for e in items:
        if isinstance(e, Equation):
            rows.append(_row(e.name, e.expression, _shape(e.node)))
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


def inputs_table(inputs: Sequence[tuple[str, Node, str]]) -> str:
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
    lines = s.latex_rows
    why = "<br/>".join(escape(line) for line in s.remarks)
    found = []
    for k, (left, right) in enumerate(lines):
        side = f'<td class="why" rowspan="{len(lines)}">{why}</td>' if k == 0 else ""
        classes = " ".join(filter(None, [kind, "first" if k == 0 else ""]))
        found.append(f'<tr class="{classes}">{_sides(left, right)}{side}</tr>')
    return found


def _row(left: str, right: str, shape: str, kind: str = "") -> str:
    return f'<tr class="{kind}">{_sides(left, right)}<td class="why">{shape}</td></tr>'


def _sides(left: str, right: str) -> str:
    shown = mathml(r"\displaystyle " + left) if left else ""
    right = mathml(r"\displaystyle " + right)
    return f'<td class="left">{shown}</td><td>{mathml("=")}</td><td>{right}</td>'


def _head(text: str) -> str:
    return f'<tr><td class="head" colspan="4">{escape(text)}</td></tr>'


def _table(rows: Iterable[str]) -> str:
    return f'<div class="scroll"><table><tbody>{"".join(rows)}</tbody></table></div>'


def _shape(n: Node) -> str:
    return mathml(r" \times ".join(map(size_latex, n.shape))) if n.shape else ""


__all__ = ["Section", "forward_table", "fragment", "inputs_table", "listed", "page", "step_table"]
