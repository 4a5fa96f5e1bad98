"""Mathematics as MathML, which browsers show without scripts, fonts or a network.

latex2mathml does the conversion. It is adapted where browsers need it otherwise: names of functions are one upright
word without the space of an operator, the indicator 𝟙 is a character of its own (MathML Core knows no double-struck
style), and formulas in a page of HTML need no namespace.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import NamedTuple


class Row(NamedTuple):
    """One line of a derivation: LaTeX left of the sign, the sign, LaTeX right of it, and remarks in HTML."""

    left: str
    right: str
    remarks: tuple[str, ...] = ()
    sign: str = "="


def mathml(latex: str, block: bool = False) -> str:
    """One formula as a ``<math>`` element.

    >>> print(mathml(r"W_{1}"))
    <math><msub><mi>W</mi><mn>1</mn></msub></math>
    """
    from latex2mathml.converter import convert  # 30 ms: only when a page is made

    found = convert(_prepared(latex))
    body = found[found.index(">") + 1 : -len("</math>")]
    display = ' display="block"' if block else ""
    return f"<math{display}>{_adapted(body)}</math>"


def equation_table(rows: Sequence[Row], caption: str = "") -> str:
    """Equations below each other, aligned at their signs, each with its remarks. Wide formulas scroll by themselves."""
    lines = []
    for left, right, remarks, sign in rows:
        cells = (("left", r"\displaystyle " + left), ("sign", sign), ("right", r"\displaystyle " + right))
        mathematics = [f'<td class="{k}">{mathml(x)}</td>' for k, x in cells]
        lines.append("".join(["<tr>", *mathematics, *(f'<td class="remark">{r}</td>' for r in remarks), "</tr>"]))
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll"><table class="equations">{said}<tbody>{"".join(lines)}</tbody></table></div>'


def _prepared(latex: str) -> str:
    r"""LaTeX that the converter gets right: ``\operatorname{one\,hot}`` and ``\mathrm{reg}`` as upright words."""
    latex = (
        latex.replace(r"\mathbb{1}", r"\text{𝟙}")
        .replace(r"\left\lVert", r"\left\|")
        .replace(r"\right\rVert", r"\right\|")
    )
    latex = re.sub(r"\\begin\{pmatrix\}.*?\\end\{pmatrix\}", r"{\g<0>}", latex, flags=re.DOTALL)  # one base of a power
    return re.sub(r"\\operatorname\{", r"\\mathrm{", latex)


_LETTER = re.compile(r'(?:<mi mathvariant="normal">[^<]*</mi>){2,}')
_WORD = re.compile(r"<mo>([A-Za-z]{2,})</mo>")
_SINGLE = re.compile(r"<mrow>(<m([ino])(?: [^<>]*)?>[^<]*</m\2>)</mrow>")


def _adapted(body: str) -> str:
    body = _LETTER.sub(lambda m: f"<mi>{re.sub('<[^>]*>', '', m[0])}</mi>", body)
    body = _WORD.sub(r"<mi>\1</mi>", body)
    body = body.replace("<mtext>𝟙</mtext>", "<mi>𝟙</mi>").replace("<mo />", "")
    body = body.replace("<mi>&#x022A4;</mi>", "<mo>&#x022A4;</mo>")
    while (shorter := _SINGLE.sub(r"\1", body)) != body:
        body = shorter
    whole = re.fullmatch(r"<mrow>((?:(?!</?mrow).)*)</mrow>", body, re.S)
    return whole[1] if whole else body


__all__ = ["Row", "equation_table", "mathml"]
