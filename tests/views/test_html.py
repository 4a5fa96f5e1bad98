"""MathML of the LaTeX that our printers write."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

import chainrule as cr
from chainrule.views.html import Row, equation_table, mathml
from chainrule.views.latex import LATEX


@pytest.mark.parametrize(
    "latex, expected",
    [
        (r"\operatorname{relu}\left(Z\right)", "<mi>relu</mi><mrow>"),
        (
            r"\operatorname{one\,hot}_{c}",
            '<msub><mrow><mi>one</mi><mspace width="0.167em" /><mi>hot</mi></mrow><mi>c</mi></msub>',
        ),
        (r"\mathrm{data\_loss}", "<mi>data&#x0005F;loss</mi>"),
        (r"\max\left(a\right)", "<mi>max</mi>"),
        (r"\mathbb{1}\left[Z > 0\right]", "<mi>𝟙</mi>"),
        (r"\left\lVert W \right\rVert_F^2", "&#x02016;"),
        (r"W_{1}^{\top}", "&#x022A4;"),
        (r"\left\lvert x \right\rvert", "|"),
    ],
)
def test_what_browsers_need(latex, expected):
    found = mathml(latex)
    assert expected in found or expected in ElementTree.tostring(ElementTree.fromstring(found), "unicode")
    assert "xmlns" not in found and "<mo />" not in found and "mathvariant" not in found


def test_a_table_of_equations():
    g = cr.trace(lambda W, x: cr.sum(cr.sigmoid(W @ x) ** 2), W="h n", x="n")
    rows = [*(Row(e.name, e.expression) for e in g.equations(LATEX)), Row("W", "W - g", ("a step",), r"\leftarrow")]
    root = ElementTree.fromstring(equation_table(rows, "Equations & updates"))
    cells = [["".join(td.itertext()) for td in tr] for tr in root.iter("tr")]
    assert cells[-1] == ["W", "←", "W−g", "a step"] and root.find(".//caption").text == "Equations & updates"  # type: ignore
    assert all(row[1] == "=" for row in cells[:-1])


def test_block():
    assert mathml("x", block=True) == '<math display="block"><mi>x</mi></math>'
