"""HTML that brings its own style, to stand in a page, or in a notebook among other things."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

Section = tuple[str, str]  # title, HTML

# Notebooks stripe tables and set them flush right, with rules that only `!important` overrules.
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
.chainrule tr, .chainrule tr:hover { background: none !important; }
.chainrule td, .chainrule th { text-align: left !important; }
.chainrule td.left { text-align: right !important; padding-left: 0.5rem; }
.chainrule .why { color: var(--soft); font-size: 0.82rem; line-height: 1.45; padding-left: 2rem; white-space: normal;
  min-width: 17rem; max-width: 30rem; }
.chainrule .below .why { padding: 0.1rem 0.35rem 0.5rem; }
.chainrule .narrow { display: none; }
@media (max-width: 56rem) { .chainrule .side { display: none; } .chainrule .narrow { display: table-row; } }
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


def fragment(sections: Iterable[Section], before: str = "", after: str = "") -> str:
    """Sections to stand inside another document, with their style."""
    body = "".join((f"<h2>{escape(title)}</h2>\n" if title else "") + f"{content}\n" for title, content in sections)
    return f'<div class="chainrule">\n<style>\n{STYLE}</style>\n{before}{body}{after}</div>\n'


__all__ = ["Section", "fragment"]
