"""Markdown: mathematics that GitHub leaves whole, words that mean nothing to it, and everything that the steps say."""

from __future__ import annotations

import re

import networks
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.views import markdown
from chainrule.views.grid import Counted, Grid


def softmax_loss(X: "n d", Y: "n k", W: "d k", b: "k"):
    S = X @ W + b
    P = cr.softmax(S, axis=1)
    L = -cr.mean(cr.sum(Y * cr.log(P), axis=1))
    return L


def blocks(text: str) -> list[str]:
    return re.findall(r"^\$\$\n(.*?)\n\$\$$", text, re.S | re.M)


@pytest.mark.parametrize("f", [softmax_loss, networks.two_layer])
def test_every_step_stands_there_with_its_reasons(f):
    d = cr.derive(f)
    said = d.markdown()
    assert len(blocks(said)) == 1 + len(d.steps)
    for step in d.steps:
        assert markdown.display(step.latex) in said
        for line in step.remarks:
            assert f"- {markdown.words(line)}\n" in said
    for sentence in d.conventions:
        assert f"- {markdown.words(sentence)}\n" in said


def test_nothing_that_github_spoils():
    for block in blocks(cr.derive(softmax_loss).markdown()):
        assert not re.search(r"\\[^a-zA-Z\\\n]", block)  # \, loses its backslash
        assert not re.search(r"\\\\(?!\n)", block)  # \\ only at the end of a line
        assert r"\operatorname" not in block and not re.search(r"[<>]", block) and "\n\n" not in block


def test_folded_layers_stand_once():
    layers = "; ".join(f"h{k} = tanh(W{k} @ h{k - 1})" for k in range(1, 7))
    sizes = "h0: n, " + ", ".join(f"W{k}: n n" for k in range(1, 7))
    d = cr.derive(cr.parse(f"{layers}; L = sum(h6**2)", sizes))
    assert "**for k = " in d.markdown() and "**for k = " not in d.markdown(unfold=True)
    assert len(blocks(d.markdown())) < len(blocks(d.markdown(unfold=True)))


def test_inputs_that_are_alike_share_a_row():
    said = cr.derive(cr.parse("L = sum((u + v) * w) + t", "u: n, v: n, w: n, t: , y: int[n]"), wrt="u").markdown()
    assert "| $u$, $v$ | $n$ | data |\n| $w$ | $n$ | parameter |\n| $t$ | scalar | data |" in said
    assert "| $y$ | $n$ | integer data |" in said


def test_numbers_at_a_point():
    d = cr.derive(cr.parse("L = sum(x**2)", "x: n"))
    assert "## At this point\n\n$$\n\\begin{aligned}" in d.markdown(at={"x": [1.0, 2.0]})


def test_a_table_of_counts():
    g = Grid(("", "a|b"), (("x_1", Counted(1000, 1000)), ("", (3, 4))), ("k < 2",))
    assert markdown.grid(g) == "|  | a\\|b |\n| --- | --- |\n| x\\_1 | $1{,}000$ |\n|  | (3, 4) |\n\nk \\< 2"


@given(st.text(alphabet="ab_*[]<>|$`~#\\ 1", max_size=20))
def test_words_come_back_when_the_backslashes_are_taken_away(text: str):
    assert re.sub(r"\\(.)", r"\1", markdown.words(text), flags=re.S) == text
