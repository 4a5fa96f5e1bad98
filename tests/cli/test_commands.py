"""`chainrule cost`, `draw`, `source` and `check`, as people use them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from commands import everything, failed

import chainrule as cr

CONV = "Y = X @ W + b"
CONV_SIZES = "X: p d, W: d k, b: k"


# Cost ----------------------------------------------------------------------------------------------------------------


def test_cost_of_both_passes(chainrule):
    found = json.loads(
        chainrule("cost", "net.py:loss", "--wrt", "W1,W2", "--sizes", "n=784,h=64,m=10", "--json").stdout
    )
    assert found["forward"]["macs"] == {"polynomial": "h·(m + n)", "value": 64 * 794}
    assert found["backward"]["macs"]["value"] == 784 * 64 + 2 * 640
    text = chainrule("cost", "net.py:loss", "--wrt", "W1,W2", "--sizes", "n=784,h=64,m=10").stdout
    assert "In total" in text and "h·(m + n) = 50,816" in text and "∂L/∂W1" in text and "FlopCounterMode" in text


def test_cost_of_a_function_without_gradients(chainrule):
    found = json.loads(chainrule("cost", CONV, "--sizes", CONV_SIZES, "--sizes", "p=2852, d=90, k=20", "--json").stdout)
    assert found["multiplications"]["value"] == found["additions"]["value"] == 5_133_600
    assert found["parameters"]["value"] == 1820 and "backward" not in found
    alone = json.loads(chainrule("cost", "net.py:loss", "--forward", "--json").stdout)
    assert alone["macs"] == {"polynomial": "h·(m + n)", "value": None}


@pytest.mark.parametrize(
    "name, sign", [("a.md", "| --- |"), ("a.html", "<math"), ("a.tex", r"\begin{array}"), ("a.txt", "MACs ")]
)
def test_cost_in_every_format(chainrule, here, name, sign):
    assert chainrule("cost", "net.py:loss", "--out", name).exit_code == 0
    said = (here / name).read_text("utf-8")
    assert said.count(sign) >= 3 and (name != "a.tex" or said.isascii())


def test_cost_asked_for_wrongly(chainrule):
    failed(
        chainrule("cost", "net.py:loss", "--sizes", "q=3"), 2, "'--sizes'", "no size called q; the sizes are h, m, n"
    )
    failed(chainrule("cost", "net.py:loss", "--forward", "--wrt", "W1"), 2, "'--wrt'", "--forward")
    failed(chainrule("cost", "net.py:model", "--wrt", "W1"), 1, "real scalar")


# Draw ----------------------------------------------------------------------------------------------------------------


def test_a_picture(chainrule, here):
    assert chainrule("draw", "net.py:loss", "--wrt", "W1", "--out", "a.svg").exit_code == 0
    picture = (here / "a.svg").read_text("utf-8")
    ET.fromstring(picture)
    assert picture.rstrip() == cr.derive(cr.parse("z = W1 @ x; u = σ(z); yhat = W2 @ u; L = sum((yhat - y)**2)",
        "x: n, y: m, W1: h n, W2: m h"), wrt=["W1"]).svg().replace("<title>f<", "<title>loss<").rstrip()  # fmt: skip
    forward = chainrule("draw", "net.py:loss", "--forward").stdout
    assert forward.startswith("<svg") and "∂" in picture and "∂" not in forward


def test_a_picture_for_graphviz(chainrule, here):
    for args in (("--format", "dot"), ("--format", "dot", "--fold"), ("--out", "a.dot")):
        result = chainrule("draw", "net.py:model", *args)
        said = result.stdout or (here / "a.dot").read_text("utf-8")
        assert result.exit_code == 0 and said.startswith("digraph")


def test_values_and_gradients_on_the_picture(chainrule, here):
    (here / "at.json").write_text('{"x": [1, 2], "W": [[3, 4]]}')
    args = ("draw", "z = W @ x; L = sum(z**2)", "--sizes", "x: n, W: h n", "--at", "at.json")
    assert "[11]" in chainrule(*args).stdout and "[22, 44]" in chainrule(*args).stdout
    assert "[11]" in chainrule(*args, "--forward").stdout and "[22, 44]" not in chainrule(*args, "--forward").stdout
    found = json.loads(chainrule(*args, "--json").stdout)
    assert found["picture"].startswith("<svg") and found["gradients"] == ["x", "W"]


# Source --------------------------------------------------------------------------------------------------------------


def test_a_program_that_runs_where_it_is_pasted(chainrule, here):
    assert chainrule("source", "net.py:loss", "--wrt", "W1,W2", "--out", "program.py").exit_code == 0
    text, scope = (here / "program.py").read_text("utf-8"), {}
    exec(compile(text, "program.py", "exec"), scope)
    rng = np.random.default_rng(0)
    x, y, W1, W2 = rng.normal(size=3), rng.normal(size=2), rng.normal(size=(4, 3)), rng.normal(size=(2, 4))
    value, dW1, _ = scope["loss_and_gradients"](x, y, W1, W2)
    assert value == pytest.approx(np.sum((W2 @ (1 / (1 + np.exp(-W1 @ x))) - y) ** 2)) and dW1.shape == (4, 3)


def test_programs_of_each_kind(chainrule):
    assert "import jax" in chainrule("source", "net.py:loss", "--engine", "xla").stdout
    assert "def model(x, W1):" in chainrule("source", "net.py:model").stdout
    found = json.loads(chainrule("source", "net.py:loss", "--wrt", "W1", "--json").stdout)
    assert found["gradients"] == ["W1"] and found["function"] == "loss_and_gradients"
    forward = json.loads(chainrule("source", "net.py:loss", "--forward", "--json").stdout)
    assert forward["gradients"] == [] and "return L\n" in forward["source"]


# Check ---------------------------------------------------------------------------------------------------------------

WRONG = """
import chainrule as cr
twice = cr.Op("twice", shape=lambda s: s, meaning=lambda a: 2 * a, vjp=lambda g, y, a: (3 * g,))
def loss(x: "n", w: "n"):
    return cr.sum(twice(x) * w)
"""


def test_right_gradients(chainrule, here):
    result = chainrule("check", "net.py:loss", "--sizes", "n=3,h=5", "--wrt", "W1")
    assert result.exit_code == 0 and result.stdout.startswith("Gradients of loss: right\n") and "h = 5" in result.stdout
    (here / "at.json").write_text('{"x": [1, 2, 3, 4]}')
    found = json.loads(chainrule("check", "net.py:loss", "--at", "at.json", "--json").stdout)
    assert found["ok"] is True and found["inputs"]["W1"]["shape"][1] == 4 and found["max_relative_error"] < 1e-6


@pytest.mark.parametrize("kind", ["text", "md", "html", "latex"])
def test_wrong_gradients_fail(chainrule, here, kind):
    (here / "wrong.py").write_text(WRONG)
    result = chainrule("check", "wrong.py:loss", "--format", kind)
    assert result.exit_code == 1 and "WRONG" in result.stdout and "Traceback" not in result.output
    found = chainrule("check", "wrong.py:loss", "--json")
    assert found.exit_code == 1 and json.loads(found.stdout)["inputs"]["x"]["ok"] is False


def test_kinks_do_not_fail(chainrule, here):
    (here / "at.json").write_text('{"x": [0, 1]}')
    result = chainrule("check", "L = sum(relu(x))", "--sizes", "x: n", "--at", "at.json")
    assert result.exit_code == 0 and "no derivative at 1 place" in result.stdout


def test_checks_that_cannot_be_made(chainrule, here):
    (here / "at.json").write_text('{"x": [-1, 1]}')
    failed(chainrule("check", "L = sum(log(x))", "--sizes", "x: n", "--at", "at.json"), 1, "nan")
    failed(chainrule("check", "L = sum(x)", "--sizes", "x: int[n]"), 1)
    failed(chainrule("check", "net.py:loss", "--sizes", "q=1"), 2, "no size called q")
    failed(chainrule("check", "net.py:loss", "--tolerance", "0"), 2, "'--tolerance'")
    failed(chainrule("check", "net.py:loss", "--seed", "-1"), 2, "'--seed'")
    assert everything(here) == ["at.json", "net.py"]


def test_the_error_that_is_printed_does_not_depend_on_the_tolerance(chainrule):
    args = ("check", "L = sum(x**3)", "--sizes", "x: n", "--json")
    errors = [json.loads(chainrule(*args, "--tolerance", t).stdout)["max_relative_error"] for t in ("1e-6", "1e-3")]
    assert errors[0] == errors[1] > 1e-13
    for tolerance in ("1e-14", "1e-30", "nan", "1"):
        failed(chainrule(*args, "--tolerance", tolerance), 2, "'--tolerance'", "not between 4e-11 and 1")


def test_sizes_that_do_not_fit_are_named(chainrule):
    sizes = "X: N H W c, K: 3 3 c k, H=2, W=2"
    failed(
        chainrule("check", "Y = conv2d(X, K); L = sum(Y**2)", "--sizes", sizes), 1,
        "the sizes given, H = 2 and W = 2, do not fit, whatever N, c, k are", "conv2d(…)",
    )  # fmt: skip


@pytest.mark.parametrize(
    "command, name, endings",
    [
        ("draw", "a.png", ".svg or .dot"),
        ("draw", "a.html", ".svg or .dot"),
        ("cost", "a.svg", ".txt, .tex, .html, .htm or .md"),
        ("check", "a.json", ".htm or .md"),
        ("source", "a.svg", ".py"),
    ],
)
def test_a_file_that_a_command_does_not_write(chainrule, here, command, name, endings):
    failed(chainrule(command, "net.py:loss", "--out", name), 2, "'--out'", f"{name} ends in ", f"{endings}\n")
    assert everything(here) == ["net.py"]


def test_numbers_that_json_has_not(chainrule, here):
    (here / "at.json").write_text('{"x": [0.0, 1.0]}')
    args = ("derive", "z = log(x); w = z - z; v = -z; L = sum(z)", "--sizes", "x: n", "--at", "at.json", "--json")
    values = json.loads(chainrule(*args).stdout)["at"]["values"]
    assert values["z"] == ["-inf", 0.0] and values["L"] == "-inf"
