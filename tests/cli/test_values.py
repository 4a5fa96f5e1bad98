"""`--at values.json`: what is wrong with the values is told by name."""

from __future__ import annotations

import json

import pytest
from commands import failed

RIGHT = {"x": [1, 2], "y": [0.5], "W1": [[1, 0], [0, 1], [1, 1]], "W2": [[1, 2, 3]]}


def with_(**changes: object) -> str:
    return json.dumps(RIGHT | changes)


@pytest.mark.parametrize(
    "content, messages",
    [
        ("", ["line 1, column 1", "no JSON"]),
        ('{"x": [1, 2}', ["line 1, column 12", "no JSON"]),
        ("[1, 2]", ["one JSON object", "a list"]),
        ('{"x": [NaN]}', ["NaN is no number"]),
        ('{"x": -Infinity}', ["Infinity is no number"]),
        ('{"x": 1e999}', ["x holds a number that is too large"]),
        ('{"x": ' + "9" * 400 + "}", ["x holds a number that is too large"]),
        ('{"x": 1, "x": 2}', ["x is given twice"]),
        ('{"x": ' + "[" * 100_000, ["without end"]),
        (with_(x="one"), ["x holds the text 'one'"]),
        (with_(x=[1, None]), ["x[1] holds null"]),
        (with_(x={"a": 1}), ["x holds an object"]),
        (with_(x=[[1, 2], [3]]), ["x is ragged", "x[1] is of shape (1,)"]),
        (with_(x=[1, [2]]), ["x is ragged", "x[0] is a number"]),
        (with_(w1=[1]), ["loss has no input called w1", "did you mean `W1`?", "x, y, W1, W2"]),
        ('{"x": [1, 2]}', ["no value for y, W1, W2"]),
        (with_(x=1), ["x has shape ()", "(n,)"]),
        (with_(x=[1, 2, 3]), ["the size n is 3 in x (n,) and 2 in W1"]),
        (with_(x=[]), ["x has shape (0,)", "at least 1"]),
    ],
)
@pytest.mark.parametrize("command", ["derive", "draw"])
def test_values_that_are_wrong(chainrule, here, command, content, messages):
    (here / "at.json").write_text(content)
    failed(chainrule(command, "net.py:loss", "--at", "at.json"), 1, *messages)


def test_values_that_are_right(chainrule, here):
    (here / "at.json").write_bytes(b"\xef\xbb\xbf" + with_(x=[True, 2.5], y=[2**70]).encode())  # as Windows writes it
    found = json.loads(chainrule("derive", "net.py:loss", "--at", "at.json", "--json").stdout)
    assert found["at"]["values"]["x"] == [1, 2.5] and found["at"]["values"]["z"] == [1, 2.5, 3.5]
    assert found["at"]["values"]["y"] == [2.0**70]


def test_integers_stay_integers(chainrule, here):
    (here / "at.json").write_text('{"X": [[1, 2], [3, 4]], "y": [0, 1]}')
    args = ("L = sum(take(X, y, axis=1))", "--sizes", "X: n d, y: int[k]", "--wrt", "X")
    found = json.loads(chainrule("derive", *args, "--at", "at.json", "--json").stdout)
    assert found["at"]["values"]["y"] == [0, 1] and found["at"]["adjoints"]["X"] == [[1, 1], [1, 1]]


def test_no_file_and_no_text(chainrule, here):
    failed(chainrule("derive", "net.py:loss", "--at", "nosuch.json"), 2, "'--at'", "nosuch.json does not exist")
    failed(chainrule("derive", "net.py:loss", "--at", "."), 2, "'--at'", "is a folder")
    (here / "at.json").write_bytes(b'{"x": "\xe9"}')
    failed(chainrule("derive", "net.py:loss", "--at", "at.json"), 1, "at.json", "no UTF-8 text")


TEXT = "z = W @ x; L = sum(z**2)"


@pytest.mark.parametrize("sizes", [("--sizes", "x: n, W: h n"), ("--sizes", "x: 2"), ()])
def test_a_name_that_a_text_does_not_read_is_told(chainrule, here, sizes):
    (here / "at.json").write_text('{"x": [1, 2], "W": [[1, 2]], "Q": 1}')
    failed(chainrule("derive", TEXT, *sizes, "--at", "at.json"), 1, "at.json: the text has no input called Q; it has")
    (here / "at.json").write_text('{"x": [1, 2], "W": [[1, 2]], "z": [3]}')
    failed(chainrule("derive", TEXT, *sizes, "--at", "at.json"), 1, "at.json: the text has no input called z")
    (here / "at.json").write_text('{"x": [1, 2], "W": [[1, 2]]}')
    assert chainrule("derive", TEXT, *sizes, "--at", "at.json").exit_code == 0


@pytest.mark.parametrize("command", ["derive", "check", "draw"])
def test_what_does_not_fit_is_told_with_the_file(chainrule, here, command):
    asked = (command, "z = W @ x[y]; L = sum(where(c, z, 0))", "--sizes", "x: n, W: h k, y: int[k], c: bool[h]")
    right = {"x": [1, 2, 3], "W": [[1, 2]], "y": [0, 2], "c": [True]}
    for wrong, message in [
        ({"W": [[1, 2, 3]]}, "at.json: the size k is 3 in W (h, k) and 2 in y (k,)"),
        ({"W": [1, 2]}, "at.json: W has shape (2,), 1 axis; the text takes W as (h, k)"),
        ({"y": [0.5, 2]}, "at.json: y must hold integers, written without a decimal point"),
        ({"c": [1]}, "at.json: c must hold true and false"),
        ({"y": [0, 3]}, "at.json: y[1] is 3; it indexes an axis and must lie in 0 … 2"),
    ]:
        (here / "at.json").write_text(json.dumps(right | wrong))
        failed(chainrule(*asked, "--at", "at.json"), 1, message)
    (here / "at.json").write_text(json.dumps(right))
    assert chainrule(*asked, "--at", "at.json").exit_code == 0
