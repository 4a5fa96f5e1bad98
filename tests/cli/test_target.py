"""TARGET: a user's file, with whatever may be wrong in it."""

from __future__ import annotations

import sys

import pytest
from commands import everything, failed

ONE = 'import chainrule as cr\n\n\ndef loss(x: "n"):\n    return cr.sum(x ** 2)\n'


def write(folder, name: str, content: str | bytes) -> None:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


BAD = {
    "a syntax error": ('import chainrule as cr\ndef f(x: "n":\n    pass\n', ["line 2: SyntaxError", "^"]),
    "an indentation": ("def f(x):\nreturn x\n", ["line 2: IndentationError"]),
    "a missing module": ("import nosuchthing\n", ["line 1: ModuleNotFoundError: No module named 'nosuchthing'"]),
    "an error at import": ("x = 1\ny = x / 0\n", ["line 2: ZeroDivisionError: division by zero", "y = x / 0"]),
    "the end of Python": ("import sys\nsys.exit(3)\n", ["line 2: SystemExit", "exit(3)"]),
    "Windows-1252": (b's = "caf\xe9"\n', ["is no UTF-8 text", "coding: cp1252"]),
    "null bytes": (b"a\0b", ["null bytes"]),
    "an error in the function": (
        'import chainrule as cr\ndef f(x: "n"):\n    k = [1][2]\n    return x\n', ["line 3: IndexError", "k = [1][2]"],
    ),
    "a wrong argument": (
        'import chainrule as cr\ndef f(x: "n"):\n    return cr.sum(x, axes=1)\n', ["line 3: TypeError", "axes"],
    ),
    "no end": ('def f(x: "n"):\n    return f(x)\n', ["line 2: RecursionError"]),
    "nothing returned": ('def f(x: "n"):\n    z = x\n', ["returned None"]),
    "shapes that clash": (
        'import chainrule as cr\ndef f(x: "n", W: "n h"):\n    z = W @ x\n    return cr.sum(z)\n',
        ["W @ x", "h", "n", "wrong.py:3", "z = W @ x"],
    ),
    "a vector": (
        'import chainrule as cr\ndef f(x: "n"):\n    z = cr.exp(x)\n    return z\n', ["z", "real scalar", "wrong.py:3"],
    ),
    "no derivative": (
        'import chainrule as cr\nmystery = cr.Op("mystery", shape=lambda s: s)\ndef f(x: "n"):\n    z = mystery(x)\n'
        "    return cr.sum(z)\n",
        ["`mystery` has no derivative", "wrong.py:4", "stop_gradient"],
    ),
    "a free number of names": (
        'import chainrule as cr\ndef f(x, **Ws):\n    return cr.sum(x)\n', ["**Ws", "cannot be traced"],
    ),
    "a free number of arguments": (
        'import chainrule as cr\ndef f(*xs):\n    return cr.sum(xs[0])\n', ["*xs", "plain name"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_in_the_file_is_told_with_its_line(chainrule, here, what):
    content, messages = BAD[what]
    write(here, "wrong.py", content)
    before = everything(here)
    failed(chainrule("derive", "wrong.py:f"), 1, *messages)
    assert everything(here) == before


def test_an_error_in_a_module_that_the_file_imports(chainrule, here):
    write(here, "wrong.py", "import helper_of_wrong\n")
    write(here, "helper_of_wrong.py", "a = 1\nb = [\n")
    failed(chainrule("derive", "wrong.py:f"), 1, "helper_of_wrong.py, line 2: SyntaxError")


@pytest.mark.parametrize(
    "target, messages",
    [
        ("net.py:los", ["nothing called 'los'", "did you mean `loss`?", "loss, model, bare, g"]),
        ("net.py", ["say which function", "net.py:loss"]),
        ("net.py:", ["say which function"]),
        ("nett.py:loss", ["nett.py does not exist", "did you mean `net.py`?"]),
        ("nosuch/net.py:loss", ["nosuch/net.py does not exist"]),
        ("net:loss", ["neither FILE.py:function nor a text"]),
        ("net.py:cr", ["of type module"]),
        ("net.py:__file__", ["nothing called '__file__'"]),
        ("empty.py:loss", ["no function"]),
        ("odd.py:Net", ["a class"]),
        ("odd.py:width", ["of type int"]),
        (".", ["neither"]),
        ("no\x1b[31msuch\u202e.py:f", [r"the file no\x1b[31msuchU+202E.py does not exist"]),
        ("net.loss", ["neither FILE.py:function nor a text"]),
    ],
)
def test_a_target_that_is_none(chainrule, here, target, messages):
    write(here, "empty.py", "")
    write(here, "odd.py", "width = 3\nclass Net: ...\n")
    failed(chainrule("source", target), 2, "'TARGET'", *messages)


def test_graphs_and_what_has_one(chainrule, here):
    more = "\nd = cr.derive(g)\nnet = cr.models.TwoLayerMLP(4, 3, 2, std=0.1, seed=0)\n"
    write(here, "more.py", (here / "net.py").read_text() + more)
    for name in ("g", "d", "net"):
        assert chainrule("source", f"more.py:{name}").exit_code == 0, name


def test_a_file_elsewhere_that_imports_its_neighbour(chainrule, here, monkeypatch):
    folder = here / "deep er"
    folder.mkdir()
    write(folder, "neighbour_of_net.py", "import chainrule as cr\nsquare = lambda v: v ** 2\n")
    write(
        folder, "net.py", 'from neighbour_of_net import cr, square\ndef loss(x: "n"):\n    return cr.sum(square(x))\n'
    )
    before = everything(here)
    path, modules = list(sys.path), set(sys.modules)
    for target in ("deep er/net.py:loss", f"{folder}/net.py:loss"):
        assert "∂L/∂x = 2·x" in chainrule("derive", target).stdout
    assert sys.path == path and set(sys.modules) - modules <= {"neighbour_of_net"}
    assert everything(here) == before  # no __pycache__ either


def test_what_the_file_prints_goes_to_stderr(chainrule, here):
    write(here, "chatty.py", "print('hello')\n" + ONE.replace("    return", "    print('again')\n    return"))
    result = chainrule("source", "chatty.py:loss")
    assert result.stderr == "hello\nagain\n" and result.stdout.startswith("import numpy")


def test_an_encoding_that_the_file_names(chainrule, here):
    write(here, "old.py", b'# coding: cp1252\ns = "caf\xe9"\n' + ONE.encode())
    assert chainrule("source", "old.py:loss").exit_code == 0


def test_later_annotations(chainrule, here):
    write(here, "late.py", "from __future__ import annotations\n" + ONE)
    assert chainrule("source", "late.py:loss", "--sizes", "n=3").exit_code == 0


def test_a_bug_of_ours_is_shown_as_one(chainrule, here, monkeypatch):
    write(here, "one.py", ONE)
    monkeypatch.setattr("chainrule.cli.source.Compiled", lambda *a: 1 / 0)
    result = chainrule("source", "one.py:loss")
    assert result.exit_code == 1 and "ZeroDivisionError" in result.stderr and "Please report it" in result.stderr
