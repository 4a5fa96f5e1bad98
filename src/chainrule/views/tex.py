r"""A derivation as a LaTeX document that compiles as it stands: amsmath and amssymb are all it needs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from .grid import Grid
from .handout import Handout, Layers, latex_rows
from .steps import Step

PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{amsmath, amssymb}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.6ex}
"""

_MATHEMATICS = {
    "∂": r"\partial", "∇": r"\nabla", "Σ": r"\sum", "√": r"\sqrt{\,}", "∞": r"\infty", "−": "-", "·": r"\cdot",
    "×": r"\times", "±": r"\pm", "÷": r"\div", "⊙": r"\odot", "⟨": r"\langle", "⟩": r"\rangle", "‖": r"\|", "≤": r"\le",
    "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "→": r"\to", "←": r"\leftarrow", "↦": r"\mapsto", "∈": r"\in",
    "′": "'", "⌊": r"\lfloor", "⌋": r"\rfloor", "½": r"\tfrac12", "∧": r"\land", "∨": r"\lor", "¬": r"\lnot",
    "<": "<", ">": ">", "|": "|", "ε": r"\varepsilon", "ς": r"\varsigma", "𝟙": r"\mathbf{1}",
}  # fmt: skip
_TEXT = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "…": r"\dots{}", "–": "--", "“": "``", "”": "''",
}  # fmt: skip
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ˣⁿᵏⁱᵇᵃ", "0123456789+-xnkiba")) | {"ᵀ": r"\top "}
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ᵢⱼₖₙₘ", "0123456789+-ijknm"))
_ACCENTS = {"\u0302": r"\hat", "\u0303": r"\tilde", "\u0304": r"\bar", "\u0307": r"\dot"}
_RUN = re.compile(rf"[{''.join(_RAISED)}]+|[{''.join(_LOWERED)}]+|[^\W\d_][\u0300-\u036f]+|.", re.DOTALL)


def plain(text: str) -> str:
    r"""Words as LaTeX: signs of mathematics become commands, and nothing in them means anything else.

    >>> print(plain("y = A x, so the adjoint of A is ȳ xᵀ"))
    y = A x, so the adjoint of A is \ensuremath{\bar{y}} x\ensuremath{^{\top }}
    """
    found = "".join(_written(m[0]) for m in _RUN.finditer(_apart(text)))
    return found.replace(r"}\ensuremath{", " ")


def formula(latex: str) -> str:
    r"""LaTeX in ASCII: quantities may be called α."""
    return "".join(c if c.isascii() else _written(c) for c in latex)


def document(h: Handout, more: Sequence[tuple[str, str]] = ()) -> str:
    """The forward equations, each step with its reasons, and the conventions; and `more` titles, each with LaTeX."""
    backward = "\n\n".join(part for item in h.steps for part in _step(item))
    listed = "\n".join(rf"\item {plain(sentence)}" for sentence in h.conventions)
    sections = [
        ("Forward", _aligned(latex_rows(h.forward_in_latex))),
        ("Backward", backward),
        ("Conventions", f"\\begin{{itemize}}\n{listed}\n\\end{{itemize}}"),
        *((name, formula(_display(latex))) for name, latex in more),
    ]
    return whole(h.title, sections)


def whole(title: str, sections: Sequence[tuple[str, str]]) -> str:
    """A document of sections, each a title in words and LaTeX."""
    body = "\n\n".join(f"\\subsection*{{{plain(name)}}}\n\n{content}" for name, content in sections)
    head = rf"\section*{{{plain(title)}}}"
    return f"{PREAMBLE}\n\\begin{{document}}\n\n{head}\n\n{body}\n\n\\end{{document}}\n"


def grid(g: Grid) -> str:
    """A table of counts, its remarks below."""
    notes = r" \\ ".join(map(plain, g.notes))
    return formula(f"\\[\n{g.latex()}\n\\]") + (f"\n\n{{\\small {notes}}}" if notes else "")


def _apart(text: str) -> str:
    """Accents that TeX has no letter for as letter and mark: ȳ as y and ¯; é stays."""
    found = (unicodedata.normalize("NFD", c) for c in unicodedata.normalize("NFC", text))
    return "".join(d if d[1:] in _ACCENTS else unicodedata.normalize("NFC", d) for d in found)


def _written(run: str) -> str:
    first = run[0]
    if first in _RAISED:
        return rf"\ensuremath{{^{{{''.join(_RAISED[c] for c in run)}}}}}"
    if first in _LOWERED:
        return rf"\ensuremath{{_{{{''.join(_LOWERED[c] for c in run)}}}}}"
    if len(run) > 1:
        accented = _letter(first)
        for mark in run[1:]:
            accented = rf"{_ACCENTS.get(mark, chr(92) + 'bar')}{{{accented}}}"
        return rf"\ensuremath{{{accented}}}"
    if run in _TEXT:
        return _TEXT[run]
    letter = _MATHEMATICS.get(run) or _letter(run)
    return rf"\ensuremath{{{letter}}}" if letter != run or run in _MATHEMATICS else run


def _letter(c: str) -> str:
    r"""α as \alpha; Greek capitals that look Latin are those."""
    name = unicodedata.name(c, "")
    found = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", name)
    if c.isascii() or not found:
        return c
    word = {"LAMDA": "lambda", "FINAL SIGMA": "varsigma"}.get(found[2], found[2].lower())
    if found[1] == "SMALL":
        return word[0] if word == "omicron" else rf"\{word}"
    capital = word.capitalize()
    return rf"\{capital}" if capital in _CAPITALS else rf"\mathrm{{{_LATIN.get(capital, capital[0])}}}"


_CAPITALS = {"Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega"}
_LATIN = {"Eta": "H", "Rho": "P", "Chi": "X"}


def _aligned(rows: Sequence[tuple[str, str]]) -> str:
    lines = " \\\\\n".join(rf"{left} &= {right}" for left, right in rows)
    return f"\\begin{{align*}}\n{formula(lines)}\n\\end{{align*}}"


def _display(latex: str) -> str:
    """A formula on lines of its own; aligned lines may go on on the next page."""
    begin, end = "\\begin{aligned}", "\\end{aligned}"
    if latex.startswith(begin) and latex.endswith(end):
        return f"\\begin{{align*}}{latex.removeprefix(begin).removesuffix(end)}\\end{{align*}}"
    return f"\\[\n{latex}\n\\]"


def _step(item: Step | Layers) -> list[str]:
    if isinstance(item, Layers):
        return [rf"\textbf{{{plain(item.head)}:}}", *(part for s in item.steps for part in _step(s))]
    remarks = r" \\ ".join(plain(line) for line in item.remarks)
    return [_aligned(item.latex_rows), *([rf"{{\small {remarks}}}"] if remarks else [])]


__all__ = ["document", "formula", "grid", "plain", "whole"]
