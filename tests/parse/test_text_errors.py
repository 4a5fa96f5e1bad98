"""Texts that cannot be read: one clear message, the line, and a caret below the column; never anything else."""

from __future__ import annotations

import inspect
import pickle
import re
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.grammar.signs import name_end

SIZES = "x: n, y: m, W: m n, i: int[n], c: bool[n], s: "


def refused(text: str, sizes: Any = SIZES) -> cr.GraphError:
    with pytest.raises(cr.GraphError) as error:
        cr.parse(text, sizes=sizes)
    return error.value


# The text with the caret before the character that it must stand under, and what must be said.
ERRORS = [
    # names
    ("yhat = W @ x; L = sum((^yhta - y)**2)", "there is no quantity called `yhta`; did you mean `yhat`?"),
    ("z = W @ x\nL = sum(^Z)", "no quantity called `Z`; did you mean `z`?"),
    ("W @ x + ^b", 'no quantity called `b`; give its sizes if it is an input, as in "b: n"'),
    ("u = tanh(^z); z = W @ x", "`z` is used before it gets its value"),
    ("u = tanh(^z)\nz = W @ x", "`z` is used before it gets its value on line 2"),
    ("h = tanh(^h)", "`h` is used before it gets its value"),
    ("z = ^sigmod(x)", "no function called `sigmod`; did you mean `sigmoid`?"),
    ("^f(x)", "no function called `f`"),
    ("x + ^exp", "`exp` is a function: write exp(…)"),
    ("^y(x)", "`y` is a quantity and no function: write `@`"),
    ("^n(x)", "`n` is a size and no function"),
    ("^∂L/∂z ⊙ x", "no quantity called `∂L/∂z`"),
    ("reshape(x, (^q, 1))", "no size called `q`; the sizes are n, m"),
    ("reshape(x, (^s, 1))", "`s` is a quantity, and a size belongs here, such as 3 or n"),
    ("^x = tanh(x)", "`x` is an input and keeps its value"),
    ("^inf = tanh(x)", "`inf` cannot be the name of a quantity"),
    # signs that are missing, or too many
    ("2^x", "no sign stands between 2 and x: write 2·x or 2*x"),
    ("2·x + 3^sum(x)", "between 3 and sum: write 3·sum"),
    ("2^(x)", "between 2 and (: write 2·(…"),
    ("W ^x", "no sign stands between W and x: write `@` for a matrix product, `*`, · or ⊙"),
    ("(x)^(x)", "no sign stands before ("),
    ("sigmoid ^x", "`sigmoid` is a function: write sigmoid(…)"),
    ("sin²^(x)", "write f(x)² for a power"),
    ("|x| |x^|", "`|` has nothing on its right"),
    ("z = W ^@", "`@` has nothing on its right"),
    ("z = ^⊙ x", "`⊙` has nothing on its left"),
    ("x + ^* x", "`*` has nothing on its left"),
    ("^ᵀ", "`ᵀ` has nothing on its left"),
    ("sum(x,^, x)", "`,` has nothing on its left"),
    ("sum(^*x)", "nothing is unpacked"),
    ("sum(x, ^**x)", "nothing is unpacked"),
    ("z = ^", "a value is missing"),
    ("return^", "a value is missing"),
    # brackets
    ("z = ^(W @ x\nu = sigmoid(z)", "`(` is never closed"),
    ("z = ^(W @ x +\nu = sigmoid(z)", "`(` is never closed"),
    ("z = sum^(x, axis=0", "`(` is never closed"),
    ("^(x]", "`(` is never closed; `]` stands in its place"),
    ("^‖x", "`‖` is never closed"),
    ("sum(^‖x)‖", "`‖` is never closed; `)` stands in its place"),
    ("x^)", "`)` closes a bracket that was never opened"),
    ("x^[]", "`[` has nothing on its right"),
    (f"{'(' * 100}^{'(' * 1900}x{')' * 2000}", "more than 100 brackets are open here"),
    # what Python has and a text has not
    ("^lambda a: a", "functions are not defined here"),
    ("[a ^for a in x]", "write out what is repeated"),
    ("x ^if x > 0 else y", "write where(condition, a, b)"),
    ("^if x:\n  y", "write where(condition, a, b)"),
    ("^import os", "nothing is imported here"),
    ("^while x", "write out what is repeated"),
    ("c ^and c", "write `&` or ∧"),
    ("c ^or c", "write `|` or ∨"),
    ("^not c", "write `~` or ¬"),
    ("x ^is y", "write equal(a, b)"),
    ("^class x", "a word of Python's"),
    ("x ^== y", "write equal(a, b)"),
    ("x ^!= y", "~equal(a, b)"),
    ("(x ^= y)", "`=` gives a value its name"),
    ("a = b ^= x", "`=` gives a value its name"),
    ("0 < x ^< 1", "comparisons do not chain: write (a < b) & (b < c)"),
    ("x^^2", "write x**2 or x²"),
    ("x ^% 2", "no remainder"),
    ("h ^+= x", "write h = h + x"),
    ("(z ^:= x)", "`:=` has no meaning here"),
    ("z^: n = x", "`:` stands between the bounds of a slice"),
    ("^{x}", "use parentheses"),
    ("x^' @ y'", "write xᵀ or x.T for a transpose"),
    ('^"abc"', "a string can only be an argument"),
    ('^"a" + x', "a string can only be an argument"),
    ("^'a", "quotation mark is never closed"),
    ("x^.sum()", "quantities have no functions of their own: write sum(…)"),
    ("x^.real", "a quantity has .T and .shape"),
    ("x^.mean", "write mean(…)"),
    ("^__import__('os')", "no function called `__import__`"),
    ("__import__('os')^.system('true')", "quantities have no functions of their own"),
    ("x^.__class__", "`.__class__` has no meaning here"),
    ("cr^.os(x)", "quantities have no functions of their own"),
    ("^open('file')", "no function called `open`"),
    ("^op.less(x, y)", "no operation is called as op.less"),
    ("^op.leaf(x)", "no operation is called as op.leaf"),
    ("^(x, y) = 3", "on the left of `=` stands one name"),
    ("^a, b = x", "on the left of `=` stands one name"),
    ("^f(x) = 3", "on the left of `=` stands one name"),
    ("^= 3", "`=` has no name on its left"),
    # statements
    ("^x + 1; y", "this value gets no name"),
    ("^return x; y", "`return` ends the text"),
    ("z = x\n^- s", "does this line go on from the one before?"),
    ("^", "the text is empty"),
    ("^  # nothing\n", "the text is empty"),
    # mathematics that says two things, or nothing
    ("^√x²", "√(x²) or (√x)²"),
    ("^√(x)²", "√(x²) or (√x)²"),
    ("W^⁻¹", "no inverse of a matrix"),
    ("x^ⁿ", "`ⁿ` has no meaning here"),
    ("^∇x", "∂L/∂x"),
    ("w ^← x", "a name of its own"),
    ("^⌊x⌋", "⌊…⌋ is for sizes that are divided"),
    ("x ^// 2", "`//` divides sizes"),
    ("reshape(x, (n ^/ 2, 2))", "sizes are divided with ⌊n/2⌋"),
    ("x ^$ y", "`$` has no meaning here"),
    ("^⌈n/2⌉", "round up with ⌊(n + 1)/2⌋"),
    ("Σᵢ ^xᵢ²", "a sum has no index here: write sum(…) or Σ(…), as in sum(x²)"),
    ("∑^ᵢ xᵢ²", "a sum has no index here"),
    ("^½ ‖x‖²", "`½` has no meaning here: write 0.5"),
    ("s ^⅔", "write (2/3)"),
    ("0.5 ^||x||²", "write ·‖…‖ or norm(…) for a length"),
    ("s · ^1e400", "this number is too large"),
    ("x ^\x1b[31m", r"`\x1b` has no meaning here"),
    ("x ^\u202e", "`U+202E` has no meaning here"),
    # numbers
    ("1 ^/ 0", "division by zero"),
    ("2 ^** 100000000", "too large"),
    ("(n + 1)^²⁰⁰⁰", "too large"),
    ("9 ^** 9**5", "too large"),
    ("2.0 ^** 10000", "too large"),
    ("^" + "9" * 5000, "too many digits"),
    ("[1, 2] ^* 3", "write array([1, 2])"),
    ("x.shape ^+ 1", "write array([1, 2])"),
    ("^~True", "turns a condition around"),
    ("1 ^& 2", "join conditions"),
    # calls
    ("^sum(x, axs=0)", "unexpected keyword argument 'axs'; it is sum(x, axis=None, keepdims=False)"),
    ("^sigmoid(x, x)", "too many positional arguments; it is sigmoid(x)"),
    ("^xdivy(x)", "it takes 2 arguments, and has 1"),
    ("^op.transpose(W)", "missing 1 required keyword-only argument: 'axes'"),
]


def place_of(text: str) -> tuple[str, int]:
    """The text without the mark, and the mark's place; ^^ is the mark before a ^."""
    at = text.index("^")
    return text[:at] + text[at + 1 :], at


@pytest.mark.parametrize("marked, told", ERRORS, ids=[text[:30] for text, _ in ERRORS])
def test_one_message_and_a_caret(marked: str, told: str):
    text, at = place_of(marked)
    error = refused(text)
    assert isinstance(error, cr.ParseError)
    message, shown, caret = str(error).rsplit("\n", 2)
    line = text.count("\n", 0, at)
    assert told in message and "\n" not in message
    assert (error.line, error.column) == (line + 1, at - text.rfind("\n", 0, at))
    if len(text) < 100 and text.replace("\n", "").replace("\t", "").isprintable():
        assert shown == "  " + text.split("\n")[line]
        assert caret.partition("^")[0] == " " * (1 + error.column)
    assert (f"(line {error.line}, column {error.column})" in caret) == ("\n" in text.strip())


OPERATIONS = [
    ("z = tanh(y)\nu = W ^@ z", cr.ShapeError, "W @ z: the inner sizes differ: n"),
    ("x ^+ y", cr.ShapeError, "x + y: the sizes m and n meet"),
    ("x + 2·(s ⊙ x ^+ y)", cr.ShapeError, "the sizes m and n meet"),
    ("^max(x, x)", cr.ShapeError, "write cr.maximum(a, b)"),
    ("sum(^softmax(x, axis=1))", cr.ShapeError, "axis 1 does not exist"),
    ("x^[s]", cr.KindError, "positions must be integers"),
    ("x^[1.5]", cr.KindError, "1.5 cannot be an index"),
    ("c ^& x > 1", cr.KindError, "join conditions; compare first"),
    ("c ∧ x > 1 ^∨ x", cr.KindError, "join conditions; compare first"),
    ("s ^@ x", cr.ShapeError, "`@` multiplies vectors and matrices"),
    ("y^[0, 0]", cr.ShapeError, "2 indices for an array with 1 axis, (m,)"),
    ("s^[0]", cr.ShapeError, "1 index for a scalar, which has no entries"),
    ("^sum(x, axis=3)", cr.ShapeError, "axis 3 does not exist: there is 1 axis"),
    ("^reshape(x, (m,))", cr.ShapeError, "has n entries and (m,) has m"),
    ("x ^+ 99999999999999999999", cr.KindError, "does not fit into 64 bits"),
    ("^array([[1], [1, 2]])", cr.KindError, "differ in length"),
]


@pytest.mark.parametrize("marked, kind, told", OPERATIONS, ids=[text for text, *_ in OPERATIONS])
def test_an_operation_that_does_not_fit_points_at_itself(marked: str, kind: type, told: str):
    text, at = place_of(marked)
    error = refused(text)
    message, shown, caret = str(error).rsplit("\n", 2)
    line = text.count("\n", 0, at)
    assert type(error) is kind and told in message and "\n" not in message and __file__ not in message
    assert shown == "  " + text.split("\n")[line]
    assert caret.index("^") == 2 + at - (text.rfind("\n", 0, at) + 1)


def test_the_example_of_the_documentation():
    assert str(refused("yhat = W @ x; L = sum((yhta - y)**2)")) == (
        "there is no quantity called `yhta`; did you mean `yhat`?\n"
        "  yhat = W @ x; L = sum((yhta - y)**2)\n"
        "                         ^"
    )


def test_the_caret_counts_what_a_terminal_shows():
    assert str(refused("z\u0304 = x; z\u0304 + q")).endswith("\n  z\u0304 = x; z\u0304 + q\n             ^")
    assert str(refused("\tx + q")).endswith("\n  \tx + q\n  \t    ^")
    assert str(refused("重 = x; 重 + q")).endswith("\n               ^")
    long = refused("x + " * 100 + "q" + " + x" * 100)
    _, shown, caret = str(long).rsplit("\n", 2)
    assert len(shown) < 120 and shown[caret.index("^")] == "q"


SIZE_ERRORS = [
    ("x: n, ^W h n", "`W h n` has no colon"),
    ("X: N, ^d", "sizes are separated by blanks, as in W: h n"),
    ("x: n, ^2x: n", "`2x` is no name for an input"),
    ("^inf: n", "`inf` is no name for an input"),
    ("^: n", "is no name for an input"),
    ("x: n, ^x: m", "`x` is there twice"),
    ("y: m\n  x: ^n*d", "'n*d' gives no sizes for x"),
    ("x: ^0", "every size must be at least 1"),
    ("x: ^(h, n)", 'gives no sizes for x: write them with spaces between, here "h n"'),
    ("x:^(n,)", 'here "n"'),
    ("W: ^m×n", 'here "m n"'),
    ("x: ^-1", "every size must be at least 1"),
    ("x: ^flt[n]", "the kinds are real, int and bool"),
    ("x: ^99999999999999999999", "at most 18 digits"),
    ("^x=n", 'a shape is written "x: n"'),
    ("x: ^int[n", "gives no sizes"),
]


@pytest.mark.parametrize("marked, told", SIZE_ERRORS, ids=[text for text, _ in SIZE_ERRORS])
def test_sizes_that_are_wrong(marked: str, told: str):
    text, at = place_of(marked)
    message, _, caret = str(refused("x", text)).rsplit("\n", 2)
    assert told in message and caret.index("^") == 2 + at - (text.rfind("\n", 0, at) + 1)


@pytest.mark.parametrize(
    "text, sizes, told",
    [
        ("x", 3, "sizes are given as in"),
        ("x", {"x y": "n"}, "'x y' is no name"),
        ("x", {3: "n"}, "3 is no name"),
        ("x", {"W1": "n", "W₁": "n"}, "is there twice"),
        ("x", {"x": "n*d"}, "gives no sizes for x"),
        (cr.sum, "x: n", "cr.parse reads a text, not function"),
        (b"x", "x: n", "reads a text, not bytes"),
        ("...", "", "cannot use ellipsis"),
        ("None", "", "must end in a value"),
        ("()", "", "must end in a value"),
    ],
)
def test_arguments_that_are_wrong(text: Any, sizes: Any, told: str):
    assert told in str(refused(text, sizes))


def test_errors_leave_no_tracer_behind():
    refused("z = x; W @ z @ z")
    assert cr.trace(lambda x: cr.exp(x), x="n").origins


# Size ---------------------------------------------------------------------------------------------------------------


def test_long_texts():
    g = cr.parse("h = x\n" + "h = tanh(h)\n" * 10_000, sizes="x: n")
    assert len(g.names) == 10_001 and g["h_10000"] is g.output
    assert cr.parse("; ".join(["h = x"] + ["h = h + x"] * 2000), sizes="x: n").output.shape
    assert cr.parse(" + ".join(["x"] * 2000), sizes="x: n").output.ndim == 1
    assert cr.parse("tanh(" * 100 + "x" + ")" * 100, sizes="x: n").output.ndim == 1


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["x"] * 20_000), "-" * 20_000 + "x", "x" + "**x" * 20_000, "x" + "ᵀ" * 20_000, "x" + "[0]" * 20_000,
        "~" * 800 + "c", "tanh(" * 2000 + "x" + ")" * 2000,
    ],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_deep_texts_are_refused(text: str):
    error = refused(text)
    assert "names of their own" in str(error) or "a name of its own" in str(error)


def test_a_caller_deep_in_the_stack_gets_a_clear_error():
    def below(k: int) -> Any:
        return below(k - 1) if k else cr.parse("tanh(" * 90 + "x" + ")" * 90, sizes="x: n")

    depth = len(inspect.stack())
    with pytest.raises(cr.ParseError, match="nested too deeply"):
        below(sys.getrecursionlimit() - depth - 60)


WORDS = [
    "x", "y", "W", "s", "i", "c", "n", "h", "2", "0.5", "3", "+", "-", "*", "/", "**", "@", "⊙", "·", "−", "(", ")",
    "[", "]", ",", ":", ";", "\n", "=", "==", "<", "≤", "&", "|", "~", "∧", "≠", "ᵀ", "²", "⁻¹", ".T", ".shape", "√",
    "‖", "||", "|", "⌊", "⌋", "σ(", "sum(", "exp(", "reshape(", "softmax(", "norm(", "size(", "array(", "op.transpose(",
    "op.gather(", "einsum(", "where(", "one_hot(", "axis=", "axes=", "z", "u", "L", "return", "lambda", "if", "∂L/∂x",
    "∞", "None", "True", "...", "'ij->ji'", "'a", "#", "ŷ", "W₁", "ⁿ", "//", "%", "max(", "concatenate([", "take(",
    "pad(", "put(", "scatter(",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=10), st.sampled_from(["", " "]))
def test_any_text_gives_a_graph_or_a_clear_error(words: list[str], between: str):
    text = between.join(words)
    try:
        g = cr.parse(text, sizes=SIZES)
    except cr.GraphError as error:
        assert re.search(r"\n  .*\n\s*\^", str(error)), text
    else:
        assert repr(g)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12))
def test_any_characters_give_a_graph_or_a_clear_error(text: str):
    for given_text, sizes in ((text, SIZES), ("x", text), (f"x + {text}", "x: n")):
        try:
            cr.parse(given_text, sizes=sizes)
        except cr.GraphError as error:
            assert "^" in str(error)


def test_names_are_those_of_python_without_superscripts():
    for c in map(chr, [*range(0x80, 0x3000), 0x1D431, 0x10400]):
        if f"a{c}".isidentifier() and c not in "·\u0387":
            superscript = unicodedata.decomposition(c).startswith("<super>")
            assert name_end(f"a{c}", 0) == (1 if superscript else 2), c
    assert name_end("z\u0304ᵀ", 0) == 2 and name_end("W₁²", 0) == 2 and name_end("2x", 0) == 0


def test_an_error_travels_between_processes():
    error = pickle.loads(pickle.dumps(refused("z = x\nz + q")))
    assert type(error) is cr.ParseError and (error.line, error.column) == (2, 5) and "`q`" in str(error)
