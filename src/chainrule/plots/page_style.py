"""The style sheet of a page: serif text, one column, light and dark, and on paper."""

from __future__ import annotations

STYLE = """\
:root { --ink: #1b1f24; --soft: #57606a; --line: #d0d4d9; --paper: #fefefe; --tint: #f4f5f7; --link: #0b5cad;
  --blue: #0072b2; --orange: #d55e00; --green: #009e73; --purple: #cc79a7; --good: #0b6e4f; --wrong: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #a3abb5; --line: #3b424a; --paper: #14171a;
  --tint: #1e2226; --link: #7ab8f5; --blue: #56b4e9; --orange: #ff9d5c; --green: #4fd1a5; --purple: #e3a5c7;
  --good: #5fd3a8; --wrong: #ff8a80; } }
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink);
  font: 17px/1.55 Charter, "Bitstream Charter", Cambria, Georgia, serif; }
body { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1, h2, h3, th, dt, nav, .kicker, figcaption, footer, caption, .note, .tiles dd, summary {
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 1rem; letter-spacing: -0.01em; }
h2 { font-size: 1.3rem; margin: 3rem 0 0.8rem; padding-top: 0.9rem; border-top: 1px solid var(--line); }
.number { color: var(--soft); font-weight: 400; margin-right: 0.6em; }
.kicker { color: var(--soft); margin: 0 0 0.3rem; font-size: 0.85rem; letter-spacing: 0.02em; }
p { margin: 0.7rem 0; max-width: 46rem; }
a { color: var(--link); }
nav ol { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem;
  font-size: 0.85rem; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
.note, footer { color: var(--soft); font-size: 0.83rem; line-height: 1.6; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 0.8rem; margin: 1.4rem 0 0; }
.tiles div { background: var(--tint); border-radius: 8px; padding: 0.9rem 1rem; display: flex;
  flex-direction: column-reverse; justify-content: flex-end; }
.tiles dt { color: var(--soft); font-size: 0.82rem; line-height: 1.35; }
.tiles dd { margin: 0 0 0.15rem; font-size: 1.55rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; margin: 0.9rem 0; font-size: 0.92rem; }
th { text-align: left; font-size: 0.78rem; font-weight: 600; color: var(--soft); }
th, td { padding: 0.28rem 1.1rem 0.28rem 0; vertical-align: baseline; }
thead th { border-bottom: 1px solid var(--line); white-space: nowrap; }
tbody tr + tr td, tbody tr + tr th { border-top: 1px solid var(--tint); }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
caption { text-align: left; color: var(--soft); font-size: 0.83rem; padding-bottom: 0.4rem; }
math { font-size: 1.06em;
  font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", "DejaVu Math TeX Gyre", math; }
mtd { text-align: left; padding: 0.15em 0.4em; }
.equations { margin: 1rem 0; }
.equations td { border: 0; padding: 0.42rem 0.3rem; vertical-align: middle; white-space: nowrap; }
.equations .left { text-align: right; padding-left: 0.6rem; }
.equations .remark { padding-left: 1.8rem; color: var(--soft); font-size: 0.86rem; }
.cost td { white-space: nowrap; }
.steps td { border: 0 !important; padding: 0.3rem 0.35rem; vertical-align: middle; white-space: nowrap; }
.steps td.left { text-align: right; padding-left: 0.5rem; }
.steps .why { color: var(--soft); font-size: 0.82rem; line-height: 1.45; padding-left: 2rem; white-space: normal;
  min-width: 17rem; max-width: 30rem; }
.steps .below .why { padding: 0.1rem 0.35rem 0.5rem; }
.steps .narrow { display: none; }
@media (max-width: 56rem) { .steps .side { display: none; } .steps .narrow { display: table-row; } }
.steps .first td { padding-top: 1rem; }
.steps .head { color: var(--soft); font-size: 0.85rem; padding-top: 1.3rem; }
.steps .layer td:first-child { border-left: 3px solid var(--line) !important; padding-left: 0.9rem; }
.verdict { font-weight: 600; }
h3 { font-size: 1.02rem; margin: 1.9rem 0 0.4rem; }
.ok { color: var(--good); } .bad { color: var(--wrong); font-weight: 700; }
figure { margin: 1.2rem 0; max-width: 42rem; }
figure.wide { max-width: 54rem; }
figcaption { color: var(--soft); font-size: 0.83rem; margin-top: 0.4rem; line-height: 1.45; }
.plot { width: 100%; height: auto; display: block; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(25rem, 1fr)); gap: 0.4rem 2rem; }
.plots figure { margin: 0.8rem 0; }
.plots .wide { grid-column: 1 / -1; max-width: none; }
.confusion { font-variant-numeric: tabular-nums; font-size: 0.85rem; }
.confusion td, .confusion thead th { text-align: center; padding: 0.22rem 0.3rem; min-width: 2.5rem; }
.confusion tbody th { text-align: right; padding-right: 0.7rem; white-space: nowrap; }
.confusion .hit { background: color-mix(in srgb, var(--blue) var(--s), transparent); }
.confusion .miss { background: color-mix(in srgb, var(--orange) var(--s), transparent); }
.confusion .sum { padding-left: 0.9rem; color: var(--soft); text-align: right; white-space: nowrap; }
pre { background: var(--tint); padding: 0.9rem 1rem; border-radius: 8px; font-size: 0.8rem; line-height: 1.45; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.92em; }
summary { cursor: pointer; font-size: 0.92rem; color: var(--link); }
@media (max-width: 34rem) { .plots { grid-template-columns: 1fr; } html { font-size: 16px; } }
@media print { :root { --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --tint: #f4f4f4; --blue: #0072b2;
  --orange: #d55e00; --green: #009e73; --purple: #cc79a7; } html { font-size: 11pt; } body { max-width: none;
  padding: 0; }
  nav, details { display: none; } h2 { break-after: avoid;
  } figure, .equations tr, .confusion { break-inside: avoid; } }
"""

__all__ = ["STYLE"]
