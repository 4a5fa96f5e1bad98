r"""LaTeX documents: ASCII, balanced, and nothing beyond amsmath and amssymb. No TeX is needed to test them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.views import tex

VIEWS = Path(tex.__file__).parent


def balanced(text: str) -> bool:
    """Braces pair up, and environments nest."""
    plain = re.sub(r"\\[\\{}]", "", text)
    depth = 0
    for sign in re.findall(r"[{}]", plain):
        depth += 1 if sign == "{" else -1
        if depth < 0:
            return False
    open_ones: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{([a-z*]+)\}", text):
        if kind == "begin":
            open_ones.append(name)
        elif not open_ones or open_ones.pop() != name:
            return False
    return depth == 0 and not open_ones


def test_a_document():
    d = cr.derive(cr.parse("ŷ = W @ x_1 + β; L = ‖ŷ − y‖² + λ·sum(W**2)", "x_1: n, y: m, W: m n, β: m, λ: "), wrt="W")
    said = d.tex()
    assert said.isascii() and balanced(said) and said.count("\\begin{align*}") == 1 + len(d.steps)
    assert said.startswith("\\documentclass{article}") and said.endswith("\\end{document}\n")
    assert set(re.findall(r"\\usepackage(?:\[\w+\])?\{(.*?)\}", said)) == {"fontenc", "amsmath, amssymb"}
    assert r"\lambda" in said and r"\beta" in said and r"\widehat{y}" in said
    assert not re.search(r"(?<!\\)[&#%]", re.sub(r"(?s)\\begin\{(align\*|array)\}.*?\\end\{\1\}", "", said))


def test_a_document_with_numbers():
    d = cr.derive(cr.parse("L = sum(x**2)", "x: n"))
    said = d.tex(at={"x": [1.0, 2.0]})
    assert r"\subsection*{At this point}" in said and balanced(said) and said.isascii()
    numbers = said.partition(r"\subsection*{At this point}")[2]
    assert numbers.count("\\begin{align*}\n") == 1 and "array" not in numbers and r"\allowdisplaybreaks" in said
    assert numbers.count(" &= ") == 3 and r"L &= \left\| x \right\|^{2} = 5, \qquad" in numbers


@pytest.mark.parametrize("file", ["reasons", "conventions", "assumptions", "folding", "handout", "counts", "counters"])
def test_every_sign_that_our_sentences_use_is_known(file: str):
    tree = ast.parse((VIEWS / f"{file}.py").read_text("utf-8"))
    strings = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    for said in strings:
        written = tex.plain(said)
        assert written.isascii() and balanced(written), said


@pytest.mark.parametrize(
    "said, expected",
    [
        ("50 % of a_b & c#1", r"50 \% of a\_b \& c\#1"),
        ("σ′ = σ(1 − σ)", r"\ensuremath{\sigma '} = \ensuremath{\sigma}(1 \ensuremath{-} \ensuremath{\sigma})"),
        ("xᵀ A⁻¹ z₁₂", r"x\ensuremath{^{\top }} A\ensuremath{^{-1}} z\ensuremath{_{12}}"),
        ("ȳ, ŷ", r"\ensuremath{\bar{y}}, \ensuremath{\hat{y}}"),
        ("Z\u0304, W\u0304₁", r"\ensuremath{\bar{Z}}, \ensuremath{\bar{W} _{1}}"),
        ("{x} \\ ~ ^", r"\{x\} \textbackslash{} \textasciitilde{} \textasciicircum{}"),
        ("Ω Α Η", r"\ensuremath{\Omega} \ensuremath{\mathrm{A}} \ensuremath{\mathrm{H}}"),
        ("δ̄", r"\ensuremath{\bar{\delta}}"),
    ],
)  # fmt: skip
def test_words(said: str, expected: str):
    assert tex.plain(said) == expected and balanced(expected)
