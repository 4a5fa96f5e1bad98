"""A page of HTML that is complete in itself, and the pieces that reports are made of.

Mathematics is MathML, plots are SVG, images are data in it: no script, style sheet, font or picture is fetched.
It follows the reader's light or dark setting, and prints.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from ..graph.dims import latex as size_latex
from ..graph.node import Node
from ..views.derivation_cost import DerivationCost
from ..views.html import mathml
from .page_style import STYLE

Section = tuple[str, str, str]
"""Its id, its title and its content, in HTML."""


def document(title: str, kicker: str, sections: Sequence[Section], footer: str) -> str:
    """The whole page: `title`, `kicker` and `footer` are text, what the sections hold is HTML."""
    links = "".join(f'<li><a href="#{key}">{head}</a></li>' for key, head, _ in sections)
    body = "\n".join(
        f'<section id="{key}">\n<h2><span class="number">{k}</span>{head}</h2>\n{content}\n</section>'
        for k, (key, head, content) in enumerate(sections, 1)
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" '
        'content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        f'<header>\n<p class="kicker">{escape(kicker)}</p>\n<h1>{escape(title)}</h1>\n'
        f'<nav aria-label="Sections"><ol>{links}</ol></nav>\n</header>\n<main>\n{body}\n</main>\n'
        f"<footer>{escape(footer)}</footer>\n</body>\n</html>\n"
    )


def tiles(facts: Iterable[tuple[str, str]]) -> str:
    """Large numbers, each with the words that say what it is: (number, words)."""
    shown = "".join(f"<div><dt>{what}</dt><dd>{value}</dd></div>" for value, what in facts)
    return f'<dl class="tiles">{shown}</dl>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str, numeric: Sequence[int] = ()) -> str:
    """A table whose cells are HTML; numbers stand to the right."""
    cell = lambda k, text: f'<td class="num">{text}</td>' if k in numeric else f"<td>{text}</td>"
    head = "".join(f'<th scope="col"{" class=num" if k in numeric else ""}>{h}</th>' for k, h in enumerate(heads))
    body = "".join(f"<tr>{''.join(cell(k, c) for k, c in enumerate(row))}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def figure(picture: str, caption: str, kind: str = "") -> str:
    """A picture in SVG with words below it."""
    return f'<figure class="{kind}">{picture}<figcaption>{escape(caption)}</figcaption></figure>'


def folded(summary: str, content: str) -> str:
    """Content that opens when its summary, a text, is clicked."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def program(source: str, engine: str) -> str:
    """A program's text, folded."""
    lines = source.count("\n") + 1
    return folded(f"{lines} lines of Python for {engine}", f'<pre class="scroll"><code>{escape(source)}</code></pre>')


def percent(share: float) -> str:
    """
    >>> percent(0.97666)
    '97.67 %'
    """
    return f"{100 * share:.2f} %"


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(0.00023), duration(0.5), duration(75)
    ('230 µs', '500 ms', '1 min 15 s')
    """
    if seconds < 0.9995e-3:
        return f"{seconds * 1e6:.3g} µs"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 60 else f"{int(seconds // 60)} min {round(seconds % 60)} s"


def shape(n: Node) -> str:
    """A node's shape, as MathML."""
    return mathml(r" \times ".join(map(size_latex, n.shape))) if n.shape else "scalar"


def scientific(x: float) -> str:
    """
    >>> scientific(8.1e-07), scientific(0.0)
    ('8.1·10⁻⁷', '0')
    """
    if not x or not math.isfinite(x):
        return f"{x:g}"
    digits, _, exponent = f"{x:.1e}".partition("e")
    return f"{digits}·10{str(int(exponent)).translate(RAISED)}"


def number(x: float) -> str:
    """A number as people write it, to three digits.

    >>> number(0.25), number(0.0000312), number(float("nan"))
    ('0.25', '3.12·10⁻⁵', 'NaN')
    """
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    if not x or 1e-3 <= abs(x) < 1e5:
        return f"{float(x):.3g}" if abs(x) < 999.5 else f"{float(x):,.0f}"
    digits, _, exponent = f"{float(x):.2e}".partition("e")
    return f"{float(digits):g}·10{str(int(exponent)).translate(RAISED)}"


RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def cost_table(symbols: DerivationCost, numbers: DerivationCost) -> str:
    """What loss and gradients cost: counts as polynomials in the sizes, and in numbers."""
    rows = []
    for key, what in _COUNTS.items():
        cells: list[str] = [what]
        for polynomial, value in ((symbols.forward, numbers.forward), (symbols.backward, numbers.backward)):
            cells += [mathml(size_latex(getattr(polynomial, key))), f"{getattr(value, key):,}"]
        rows.append(cells)
    return table(["", "forward", "in this run", "backward", "in this run"], rows, "cost", numeric=(2, 4))


_COUNTS = {
    "multiplications": "multiplications", "additions": "additions", "comparisons": "comparisons",
    "special": "special functions", "macs": "MACs in matrix products", "flops": "FLOPs = 2·MACs",
}  # fmt: skip

__all__ = [
    "RAISED", "Section", "cost_table", "document", "duration", "figure", "folded", "number", "percent", "program",
    "scientific", "shape", "table", "tiles",
]  # fmt: skip
