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
        (with_(w1=[1]), ["loss has no input called w1", "did you mean W1?", "x, y, W1, W2"]),
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
