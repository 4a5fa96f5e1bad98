"""The names a traced function gives its values, and that tracing leaves nothing behind."""

# ruff: noqa: E501  (a table)

import gc
import sys

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph import node
from chainrule.graph.errors import GraphError, NamingError, ShapeError


def helper(a):
    inner = cr.exp(a)
    return inner + 1


def names(f, **shapes) -> dict:
    g = cr.trace(f, **shapes)
    return {name: str(n) for n, name in g.names.items() if n.op is not node.LEAF}


def plain(x: "n", W: "h n"):
    z = W @ x
    u = cr.sigmoid(z)
    L = cr.sum(u**2)
    return L


def nested(x: "n"):
    z = helper(x)
    return cr.sum(z)


def loop(h: "n"):
    for _ in range(3):
        h = cr.tanh(h)
    return cr.sum(h)


def one_line(x: "n"):
    h = cr.tanh(x)
    h = cr.exp(h)
    h = cr.sin(h)
    return h


def taken(x: "n"):
    h_1 = cr.cos(x)
    h = cr.tanh(h_1)
    h = cr.exp(h)
    return h


def comprehension(x: "n"):
    parts = [cr.exp(x * k) for k in range(1, 3)]
    s = sum(parts)
    return s


def input_again(x: "n"):
    x = cr.exp(x)
    x = x + 1
    return x


def closure(x: "n"):
    def layer(a):
        t = cr.tanh(a)
        return t * 2

    z = layer(x)
    f = lambda q: cr.sin(q) + 1
    y = f(z)
    return y


def aliased(x: "n"):
    first = cr.exp(x)
    second = first
    return second * 2


def unpacked(x: "2"):
    a, b = x
    p, q = cr.exp(a), cr.exp(b)
    return p * q


@pytest.mark.parametrize(
    ("f", "wanted"),
    [
        (plain, ["z", "u", "L"]), (nested, ["inner", "z"]), (loop, ["h_1", "h_2", "h_3"]), (one_line, ["h_1", "h_2", "h_3"]),
        (taken, ["h_1", "h_2", "h_3"]), (comprehension, ["s"]), (input_again, ["x_1", "x_2"]), (closure, ["t", "z", "q", "y"]),
        (aliased, ["first"]), (unpacked, ["a", "b", "p", "q"]),
    ],
)  # fmt: skip
def test_names_are_the_functions_own(f, wanted: list[str]):
    found = names(f)
    assert set(wanted) - {"q"} <= set(found), found
    assert len(found) == len(set(found))


def test_a_quantity_is_found_by_its_name():
    g = cr.trace(plain)
    assert g["z"] is g.inputs["W"] @ g.inputs["x"] and g["L"] is g.output and "u" in g and "v" not in g
    assert cr.trace(aliased)["second"] is cr.trace(aliased)["first"]
    assert cr.trace(input_again)["x"] is cr.trace(input_again).inputs["x"]
    h = cr.trace(loop)
    assert h["h_3"] is cr.tanh(h["h_2"]) and h["h"] is h.inputs["h"]
    with pytest.raises(NamingError, match="h names 3 quantities of one_line: h_1, h_2, h_3"):
        cr.trace(one_line)["h"]
    with pytest.raises(NamingError, match="no quantity called 'v'; it has x, W, z, u, L"):
        g["v"]


def test_annotations_may_be_quoted_twice():
    scope = {"cr": cr}
    exec("from __future__ import annotations\ndef f(x: 'n d', y: 'int[n]'):\n    return cr.sum(x)", scope)
    g = cr.trace(scope["f"])
    assert g.inputs["x"].ndim == 2 and g.inputs["y"].kind == "integer"


@pytest.mark.parametrize("install", ["settrace", "setprofile"])
def test_debuggers_and_profilers_go_on_working(install: str):
    seen = []

    def watch(frame, event, argument):
        seen.append(event)
        frame.f_locals  # noqa: B018  as a debugger does
        return watch

    before = getattr(sys, install.replace("set", "get"))()
    getattr(sys, install)(watch)
    try:
        found = names(loop), names(one_line), names(plain)
        assert getattr(sys, install.replace("set", "get"))() is watch
    finally:
        getattr(sys, install)(before)
    assert seen and found == (names(loop), names(one_line), names(plain))


def test_an_exception_leaves_no_tracer_behind():
    def broken(x: "n"):
        z = cr.exp(x)
        raise ZeroDivisionError(z)

    with pytest.raises(ZeroDivisionError):
        cr.trace(broken)
    assert getattr(node._local, "tracer", None) is None
    with pytest.raises(ShapeError, match=r"z \+ W: the sizes"):
        cr.trace(wrong_sizes)
    assert getattr(node._local, "tracer", None) is None and list(names(plain)) == ["z", "u", "L"]


def wrong_sizes(x: "n", W: "h m"):
    z = cr.exp(x)
    return z + W


def test_shape_errors_say_names_shapes_and_line():
    with pytest.raises(ShapeError) as error:
        cr.trace(wrong_sizes)
    text = str(error.value)
    assert "z is (n,), W is (h, m)" in text and "test_trace.py" in text and text.endswith("return z + W")


def test_frames_are_let_go():
    class Held:
        pass

    def f(x: "n"):
        held = Held()
        z = cr.exp(x)
        return z if held else x

    g = cr.trace(f)
    gc.collect()
    assert not [o for o in gc.get_objects() if type(o) is Held] and "z" in g


def test_a_tracing_inside_a_tracing_keeps_to_itself():
    def outer(x: "n"):
        inner = cr.trace(plain)
        z = cr.exp(x)
        assert set(inner.names.values()) == {"z", "u", "L", "x", "W"}
        return z

    assert list(names(outer)) == ["z"]


def test_roles():
    def f(x: "n", W1: "n", b: "n", gamma: "n", w_out: "n", y: "int[n]", bias: "n"):
        return cr.sum(x + W1 + b + gamma + w_out + y + bias)

    assert [k for k, role in cr.trace(f).roles.items() if role == "parameter"] == ["W1", "b", "gamma", "w_out", "bias"]
    assert list(cr.trace(f, roles={"x": "parameter", "b": "data"}).parameters) == ["x", "W1", "gamma", "w_out", "bias"]
    with pytest.raises(NamingError, match="no input called 'z'"):
        cr.trace(f, roles={"z": "data"})
    with pytest.raises(GraphError, match="a role is one of"):
        cr.trace(f, roles={"x": "guest"})


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (lambda: cr.trace(lambda x: x), ShapeError, "the sizes of x are not known"),
        (lambda: cr.trace(lambda x: x, y=(3,)), ShapeError, "no parameter called y"),
        (lambda: cr.trace(lambda *x: x), GraphError, "cannot be traced"),
        (lambda: cr.trace(lambda x: None, x="n"), GraphError, "must return"),
        (lambda: cr.trace(lambda x: {"a": x}, x="n"), GraphError, "dictionary"),
        (lambda: cr.trace(lambda x: x, x="n*d"), ShapeError, "write them with spaces"),
        (lambda: cr.trace(lambda x: x, x=(0,)), ShapeError, "at least 1"),
        (lambda: cr.trace(3), GraphError, "takes a function"),
    ],
)
def test_what_cannot_be_traced_is_refused(wrong, error, text: str):
    with pytest.raises(error, match=text):
        wrong()


def test_defaults_and_plain_returns():
    g = cr.trace(lambda x, k=2: x * k, x="n")
    assert cr.compile(g)(x=[1.0, 2.0]).tolist() == [2.0, 4.0]
    assert cr.compile(cr.trace(lambda x: (x, 3.0, x[0]), x="n"))(x=np.array([1.0]))[1] == 3.0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: cr.sum(x, axis=5), lambda x: x[0, 1, 2], lambda x: x["a"], lambda x: cr.reshape(x, (3, -1)),
        lambda x: cr.transpose(x, (0, 0)), lambda x: cr.concatenate([x, x[0]]), lambda x: x * None, lambda x: x[3:1],
        lambda x: 1 if x.shape[0] > x.shape[1] else 0, lambda x: x if x > 0 else -x, lambda x: np.exp(x),
        lambda x: cr.one_hot(cr.argmax(x), 0), lambda x: x @ x,
    ],
)  # fmt: skip
def test_every_error_names_the_line(wrong):
    with pytest.raises(cr.GraphError, match=r"(?s)^[^\n]+\n  in .*test_trace.py:\d+: [^\n]*lambda x[^\n]*$"):
        cr.trace(wrong, x="n d")


def test_a_lone_quote_is_no_size():
    for spec in ("'", '"', "'n"):
        with pytest.raises(ShapeError, match="gives no sizes for x"):
            cr.trace(lambda x: x, x=spec)
