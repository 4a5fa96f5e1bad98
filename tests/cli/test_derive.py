"""`chainrule derive`, as people use it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from commands import everything, failed

import chainrule as cr

TEXT = "z = W @ x; L = sum(z**2)"
SIZES = "x: n, W: h n"


def own() -> cr.Derivation:
    return cr.derive(cr.parse(TEXT, SIZES), wrt=["W"])


def test_a_file(chainrule):
    result = chainrule("derive", "net.py:loss", "--wrt", "W1,W2")
    assert result.exit_code == 0 and not result.stderr
    assert "∂L/∂z = ∂L/∂u · ∂u/∂z\n      = ∂L/∂u ⊙ u ⊙ (1 - u)\n    σ′ = σ(1 − σ)\n" in result.stdout
    assert "∂L/∂x" not in result.stdout.split("Conventions")[0]


def test_every_format_of_a_text_is_what_the_library_answers(chainrule):
    d = own()
    asked = {"text": d.text(), "latex": d.latex(), "md": d.markdown(), "html": d.html()}
    for kind, expected in asked.items():
        result = chainrule("derive", TEXT, "--sizes", SIZES, "--wrt", "W", "--format", kind)
        assert result.exit_code == 0 and result.stdout.rstrip("\n") == expected.rstrip("\n"), kind


def test_the_ending_of_the_file_decides(chainrule, here):
    d = own()
    asked = {"a.md": d.markdown(), "a.html": d.html(), "a.tex": d.tex(), "a.txt": d.text(), "a": d.text()}
    for name, expected in asked.items():
        result = chainrule("derive", TEXT, "--sizes", SIZES, "--wrt", "W", "--out", name)
        assert result.exit_code == 0 and not result.stdout and result.stderr == f"wrote {name}\n"
        assert (here / name).read_text("utf-8").rstrip("\n") == expected.rstrip("\n"), name
    assert everything(here) == ["a", "a.html", "a.md", "a.tex", "a.txt", "net.py"]


def test_a_format_overrules_the_ending(chainrule, here):
    assert chainrule("derive", TEXT, "--sizes", SIZES, "--out", "a.txt", "--format", "md").exit_code == 0
    assert chainrule("derive", TEXT, "--sizes", SIZES, "--out", "a.out", "--format", "md").exit_code == 0
    assert (here / "a.txt").read_text("utf-8").startswith("# The gradients of f\n")


def test_a_page_is_complete_in_itself(chainrule, here):
    (here / "at.json").write_text('{"x": [1, 2, 3], "W": [[1, 0, 1], [0, 2, 0]]}')
    page = chainrule("derive", TEXT, "--sizes", SIZES, "--at", "at.json", "--format", "html").stdout
    assert page.startswith("<!DOCTYPE html>") and "<math" in page and "<svg" in page
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|src=|href=", page)
    assert set(re.findall(r"https?://[^\"'\s<]*", page)) <= {"http://www.w3.org/2000/svg"}


def test_notation_and_repeated_options(chainrule):
    result = chainrule("derive", "net.py:loss", "--wrt", "W1", "--wrt", "W2", "--notation", "delta")
    assert "δ_W1 = " in result.stdout and "δ_W2 = " in result.stdout and "∂L/∂" not in result.stdout


def test_layers_fold_and_unfold(chainrule):
    layers = "; ".join(f"z{k} = W{k} @ h{k - 1}; h{k} = tanh(z{k})" for k in range(1, 6))
    sizes = "h0: n, " + ", ".join(f"W{k}: n n" for k in range(1, 6))
    text = f"{layers}; L = sum(h5**2)"
    folded = chainrule("derive", text, "--sizes", sizes).stdout
    unfolded = chainrule("derive", text, "--sizes", sizes, "--unfold").stdout
    assert "for k = " in folded and "for k = " not in unfolded and "∂L/∂z2 = " in unfolded


def test_numbers_at_a_point(chainrule, here):
    (here / "at.json").write_text('{"x": [1, 2], "W": [[3, 4]]}')
    args = ("derive", TEXT, "--sizes", SIZES, "--wrt", "W", "--at", "at.json")
    text = chainrule(*args).stdout
    assert re.search(r"z +W @ x +\[11\] +∂L/∂z = \[22\]", text) and "∂L/∂W = [22, 44]" in text
    assert (
        r"\frac{\partial L}{\partial z} = \begin{pmatrix} 22 \end{pmatrix}" in chainrule(*args, "--format", "md").stdout
    )
    found = json.loads(chainrule(*args, "--json").stdout)["at"]
    assert found["values"]["z"] == [11] and found["adjoints"]["W"] == [[22, 44]]


def test_sizes_as_numbers(chainrule):
    result = chainrule("derive", "net.py:loss", "--wrt", "W1", "--sizes", "n=3, h=4", "--json")
    inputs = json.loads(result.stdout)["inputs"]
    assert inputs["W1"] == {"shape": [4, 3], "kind": "real", "role": "parameter"}
    assert inputs["W2"]["shape"] == ["m", 4]


@pytest.mark.parametrize("sizes", ["x: n, W: h n", "W: h n; x: n", "x: 3, W: 4 3", "x: n, W: h n, n=3"])
def test_a_function_without_annotations(chainrule, sizes):
    result = chainrule("derive", "net.py:bare", "--sizes", sizes)
    assert result.exit_code == 0 and "z = W @ x" in result.stdout


def test_shapes_may_come_from_the_point(chainrule, here):
    (here / "at.json").write_text('{"x": [1, 2], "W": [[3, 4]]}')
    found = json.loads(chainrule("derive", "net.py:bare", "--at", "at.json", "--json").stdout)
    assert found["inputs"]["W"]["shape"] == [1, 2] and found["at"]["values"]["z"] == [11]


def test_json_is_all_there_is_on_stdout(chainrule, here):
    result = chainrule("derive", "net.py:loss", "--wrt", "W1", "--json", "--out", "steps.md")
    found = json.loads(result.stdout)
    assert found["file"] == "steps.md" and (here / "steps.md").exists()
    assert [s["name"] for s in found["steps"]] == ["yhat", "u", "z", "W1"]
    assert found["steps"][2]["reason"] == "σ′ = σ(1 − σ)" and found["steps"][2]["shape"] == ["h"]
    assert found["forward"][0] == {"name": "z", "expression": "W1 @ x", "shape": ["h"]}
    assert found["wrt"] == ["W1"] and found["notation"] == "partial" and found["conventions"]


def test_a_text_from_stdin_in_mathematical_signs(chainrule):
    result = chainrule(
        "derive", "-", "--sizes", "x: n, y: m, W₁: m n", "--wrt", "W₁", stdin="ŷ = W₁ @ x\nL = ‖ŷ − y‖²\n"
    )
    assert result.exit_code == 0 and "∂L/∂W1 = ∂L/∂ŷ · ∂ŷ/∂W1" in result.stdout


@pytest.mark.parametrize(
    "args, messages",
    [
        ((TEXT,), ["there is no quantity called `W`", "z = W @ x", "    ^"]),
        ((TEXT, "--sizes", "x: n, W: n h"), ["W @ x", "h", "n", "      ^"]),
        (("z = W @ x; L = sum(z**2", "--sizes", SIZES), ["`(` is never closed"]),
        (("L = sum(sigmod(x))", "--sizes", "x: n"), ["sigmod", "sigmoid"]),
        (("y = tanh(x)", "--sizes", "x: n"), ["the text gives y", "(n,)", "write sum(y)", "\n  y = tanh(x)\n  ^"]),
        (("z = 2·x\nz > 1", "--sizes", "x: n"), ["the text gives z > 1, which is boolean", "\n  z > 1\n  ^"]),
        (("x", "--sizes", "x: n"), ["the text gives x", "write sum(x)"]),
        (("L = sum(x\x1b[31m)", "--sizes", "x: n"), [r"`\x1b` has no meaning", r"L = sum(x\x1b[31m)"]),
        (("L = sum(x\u202e)", "--sizes", "x: n"), ["`U+202E` has no meaning", "L = sum(xU+202E)"]),
        (("net.py:model",), ["real scalar", "(h,)", "net.py"]),
        (("-",), ["no UTF-8"]),
    ],
)
def test_what_cannot_be_derived(chainrule, args, messages):
    failed(chainrule("derive", *args, stdin=b"\xff"), 1, *messages)


@pytest.mark.parametrize(
    "args, messages",
    [
        (("net.py:loss", "--wrt", "w1"), ["'--wrt'", "'w1'", "did you mean `W1`?", "x, y, W1, W2"]),
        (("net.py:loss", "--wrt", ""), ["'--wrt'"]),
        (("net.py:loss", "--notation", "dot"), ["'--notation'", '"bar"']),
        (("net.py:loss", "--format", "pdf"), ["'--format'", "'latex'"]),
        (("net.py:loss", "--sizes", "q=3"), ["'--sizes'", "no size called q", "h, m, n"]),
        (("net.py:loss", "--sizes", "n=0"), ["'--sizes'", "at least 1"]),
        (("net.py:loss", "--sizes", "n=1e3"), ["'--sizes'", "write n=1000"]),
        (("net.py:loss", "--sizes", "n=" + "9" * 5000), ["'--sizes'", "whole number"]),
        ((TEXT, "--sizes", "x: -1, W: h n"), ["'--sizes'", "at least 1", "     ^"]),
        ((TEXT, "--sizes", "x: n, W: m×n"), ["'--sizes'", '"m n"', "           ^"]),
        ((TEXT, "--sizes", "x: flt[n]\nW: h n"), ["'--sizes'", "not flt"]),
        ((TEXT, "--sizes", "x:(n,), W: h n"), ["'--sizes'", 'here "n"']),
        (("L = sum(x)", "--sizes", "x: n, y: int[n]", "--wrt", "y"), ["'--wrt'", "y is integer"]),
        (("L = sum(x)", "--sizes", "x: n", "--wrt", "Q"), ["'--wrt'", "the text has no quantity called 'Q'"]),
        ((TEXT, "--sizes", SIZES, "--out", "a.pdf"), ["'--out'", "ends in .pdf", ".txt, .tex, .html, .htm or .md"]),
        ((TEXT, "--sizes", SIZES, "--out", "a.svg"), ["'--out'", "ends in .svg"]),
        (("net.net",), ["'TARGET'", "FILE.py:function"]),
        (("net.py:loss", "--sizes", "n=two"), ["'--sizes'", "whole number", '"n: two"']),
        (("net.py:loss", "--sizes", "n 3"), ["'--sizes'", "`n 3` has no colon", "n=100"]),
        (("net.py:loss", "--sizes", "n=3", "--sizes", "n=4"), ["'--sizes'", "`n` is there twice"]),
        (("net.py:loss", "--sizes", "w1: 3 3"), ["'--sizes'", "no parameter called w1", "did you mean `W1`?"]),
        (("net.py:bare",), ["'--sizes'", "x, W", "def bare("]),
        (("net.py:g", "--sizes", "n=3"), ["'--sizes'", "graph already"]),
        ((), ["TARGET"]),
        (("",), ["the text is empty"]),
        (("-",), ["the text is empty"]),
    ],
)
def test_what_is_asked_for_wrongly(chainrule, here, args, messages):
    failed(chainrule("derive", *args, stdin=""), 2, "Try 'chainrule derive --help'.", *messages)
    assert everything(here) == ["net.py"]


def test_the_help_shows_examples(chainrule):
    for command in ("derive", "cost", "draw", "source", "check"):
        said = chainrule(command, "--help")
        assert said.exit_code == 0 and said.stdout.count(f"\n    chainrule {command} ") >= 3, command
        assert command in chainrule("--help").stdout


def test_latex_goes_into_a_document(chainrule, here):
    chainrule("derive", "net.py:loss", "--out", "steps.tex")
    said = Path(here / "steps.tex").read_text("utf-8")
    assert said.startswith("\\documentclass{article}") and said.isascii() and said.endswith("\\end{document}\n")
