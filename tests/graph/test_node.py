"""Nodes: unique, immutable, as deep as one likes, and clear about what they cannot do."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph.errors import GraphError, KindError, MissingRule, ShapeError
from chainrule.graph.node import OPS, Node, Op, constant, describe, leaf, node, value_of, walk
from chainrule.graph.table import Table
from chainrule.ops.axes import elementwise

x, W, y, c = leaf("x", ("n",)), leaf("W", ("h", "n")), leaf("y", ("n",), "integer"), leaf("c", ("n",), "boolean")
CONSTANTS = [1, 1.0, True, 0, 0.0, -0.0, False, float("nan"), float("inf"), 2**62]


def deep(length: int) -> Node:
    z = x
    for _ in range(length):
        z = cr.exp(z)
    return z


def test_building_the_same_thing_twice_gives_the_same_object():
    assert W @ x + 1 is W @ x + 1
    assert W @ x is not x @ W.T and x + 1 is not 1 + x
    assert leaf("x", ("n",)) is x and leaf("x", ("m",)) is not x and leaf("x", ("n",), "integer") is not x
    assert cr.sum(x, axis=0) is cr.sum(x) and cr.transpose(x) is x and cr.square(x) is x**2
    assert (x == x) is True and (x == W) is False and x in {x: 1}


def test_constants_stay_what_they_are():
    nodes = [constant(v) for v in CONSTANTS]
    assert len(set(nodes)) == len(CONSTANTS)
    assert all(constant(v) is n for v, n in zip(CONSTANTS, nodes))
    assert [repr(value_of(n)) for n in nodes] == [repr(v) for v in CONSTANTS]


def test_arrays_become_constants():
    a = np.array([[1.5, 2], [3, 4]])
    assert constant(a) is constant(a.tolist()) is constant(np.asfortranarray(a)) is constant(a.astype("float32"))
    assert constant(a).shape == (2, 2) and value_of(constant(a)) == a.tolist()
    assert constant(np.float32(1.5)) is constant(1.5) and constant(np.int8(3)) is constant(3) is not constant(3.0)
    assert constant(np.True_) is constant(True) and constant(range(3)) is constant([0, 1, 2])
    assert (a[0] + leaf("z", (2,))) is (constant(a[0]) + leaf("z", (2,)))
    assert a @ leaf("z", (2,)) is constant(a) @ leaf("z", (2,)) and np.float64(2) * x is constant(2.0) * x
    for wrong, text in [
        ([[1, 2], [3]], "differ in length"),
        ([], "no entries"),
        ("abc", "cannot use str"),
        (None, "cannot use NoneType"),
        ([1, "a"], "more than numbers"),
        (np.array([1j]), "real, integer or boolean"),
        (2**70, "64 bits"),
        ({1: 2}, "cannot use dict"),
        (b"abc", "cannot use bytes"),
        (np.datetime64(3, "s"), "cannot use datetime64"),
        (np.array(["2020"], "M8[D]"), "cannot use ndarray"),
    ]:
        with pytest.raises(KindError, match=text):
            constant(wrong)
    with pytest.raises(GraphError, match="make it an input"):
        constant(np.zeros((100, 100)))


@pytest.mark.parametrize("dtype", ["float16", "longdouble", ">f8", ">f4", "<f4"])
def test_constants_of_every_precision_and_byte_order(dtype: str):
    assert constant(np.array([0.5, -2], dtype)) is constant([0.5, -2.0])
    assert constant(np.dtype(dtype).type(0.5)) is constant(0.5)
    assert constant(np.array([3, -1], ">i4")) is constant([3, -1])


def test_numpy_functions_are_refused():
    """np.mean(x) would answer x, and np.dot multiply entry by entry: NumPy takes a node for a single object."""
    for wrong, text in [
        (lambda: np.exp(x), "np.exp computes with numbers, and x has none.*: take Chainrule's functions, .* cr.exp"),
        (lambda: np.mean(x), "such as cr.mean"),
        (lambda: np.dot(x, x), "np.dot computes with numbers"),
        (lambda: np.inner(x, x), "np.inner"),
        (lambda: np.average(x), "np.average"),
        (lambda: np.maximum(0, x), "such as cr.maximum"),
        (lambda: np.sum(x), "such as cr.sum"),
        (lambda: np.add.reduce(x), "np.add"),
        (lambda: np.asarray(x), "x is a quantity of the graph and no array"),
        (lambda: np.array([x, x]), "cr.stack"),
    ]:
        with pytest.raises(KindError, match=text):
            wrong()
    a = np.array([0.5, 2])
    z, b = leaf("z", (2,)), leaf("b", (2,), "boolean")
    assert a - z is constant(a) - z and a / z is constant(a) / z and a**z is constant(a) ** z
    assert a @ z is constant(a) @ z and np.float32(0.5) * z is 0.5 * z and (a > 1) & b is constant(a > 1) & b
    assert (a == z) is False and (a != z) is True
    with pytest.raises(AttributeError, match=r"a node has no attribute 'sum'; write cr.sum\(…\)"):
        x.sum()  # pyright: ignore[reportAttributeAccessIssue]


def test_sizes_with_fractions_are_numbers():
    n = x.shape[0]
    assert n**0.5 is node(n) ** 0.5 and 0.5 * n is 0.5 * node(n) and n * np.float32(0.5) is node(n) * 0.5
    assert n + 0.5 is node(n) + 0.5 and 0.5 - n is 0.5 - node(n) and 2.0**n is 2.0 ** node(n)
    run = cr.compile(cr.trace(lambda q: cr.sum(q) / q.shape[0] ** 0.5, q="d"))
    assert run(q=np.ones(4)) == 2


def test_threads_build_the_same_graph():
    def build(k: int) -> Node:
        z = leaf("threads", ("n",))
        for j in range(300):
            z = cr.tanh(z * j) + 1
        return z

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(build, range(16)))) == 1


def test_nodes_cannot_be_changed_or_copied():
    for name in ("shape", "anything"):
        with pytest.raises(AttributeError):
            setattr(x, name, 1)
    z = W @ x
    assert copy.copy(z) is z and copy.deepcopy({"z": [z]})["z"][0] is z
    assert pickle.loads(pickle.dumps((z, [z, cr.exp(z)])))[1][1] is cr.exp(z)


def test_deep_graphs_do_not_recurse():
    z = deep(100_000)
    assert len(walk(z)) == 100_001 and walk(z)[-1] is z
    assert copy.deepcopy(z) is z and pickle.loads(pickle.dumps(z)) is z
    del z  # nor does letting go of one


def test_nodes_travel_between_processes():
    z = cr.sum(cr.softmax(W @ x / x.shape[0])[1:], axis=0) + [1.0, 2.0][0]
    script = (
        "import sys, pickle, chainrule as cr\n"
        "z = pickle.loads(sys.stdin.buffer.read())\n"
        "assert z is pickle.loads(pickle.dumps(z))\n"
        "sys.stdout.buffer.write(pickle.dumps(cr.exp(z)))"
    )
    done = subprocess.run([sys.executable, "-c", script], input=pickle.dumps(z), capture_output=True, check=True)
    assert pickle.loads(done.stdout) is cr.exp(z)


def test_a_node_is_no_value():
    for wrong in (lambda: bool(x), lambda: x < x < x, lambda: x and x, lambda: not x, lambda: max(x[0], x[1])):
        with pytest.raises(GraphError, match=r"cr\.where"):
            wrong()
    with pytest.raises(ShapeError, match="symbolic size n"):
        iter(x)
    with pytest.raises(ShapeError, match="symbolic"):
        len(x)
    for wrong in (lambda: len(cr.sum(x)), lambda: iter(cr.sum(x))):
        with pytest.raises(TypeError, match="is a scalar"):
            wrong()
    v = leaf("v", (3, "n"))
    assert len(v) == 3 and [row.shape for row in v] == [x.shape] * 3 and list(v)[2] is v[2]
    with pytest.raises(TypeError):
        np.exp(x)


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (lambda: W @ W, ShapeError, r"W @ W: the inner sizes differ.*\n  in .*test_node.py:\d+: .*W @ W"),
        (
            lambda: x + leaf("y", ("m",)),
            ShapeError,
            r"x \+ y: the sizes m and n meet on axis -1.*x is \(n,\), y is \(m,\)",
        ),
        (lambda: cr.where(x, 1, 2), KindError, r"where\(x, 1, 2\): the condition must be boolean"),
        (lambda: ~y, KindError, r"y is \(n,\) integer"),
        (lambda: x[x], KindError, "positions must be integers"),
        (lambda: leaf("x y", ()), GraphError, "no name for a quantity"),
        (lambda: leaf("x", (cr.sum(W).shape or "n m",)), ShapeError, "a size"),
        (lambda: leaf("x", (x.shape[0] + 1,)), ShapeError, "bare symbols"),
        (lambda: leaf("x", (0,)), ShapeError, "at least 1"),
        (lambda: x + "1", KindError, "cannot use str '1'"),
        (lambda: Op("x y", shape=elementwise), GraphError, "identifier"),
        (lambda: Op("exp", shape=elementwise), GraphError, "already"),
        (lambda: Table("mine")[OPS["exp"]], MissingRule, "mine"),
    ],
)
def test_errors_are_in_the_users_terms(wrong, error, text: str):
    with pytest.raises(error, match=text):
        wrong()


def test_ones_own_operation_may_be_defined_again():
    for factor in (2.0, 3.0):
        op = Op("times_k", shape=elementwise, elementwise=True, meaning=lambda x, factor=factor: factor * x)
        run = cr.compile(cr.derive(lambda x, op=op: cr.sum(op(x)), x="n"))
        assert run(x=[1.0])[1]["x"] == [factor] and describe(op(x)) == "times_k(…)"
    del OPS["times_k"]


def test_gradients_through_a_meaning_count_each_path_once():
    op = Op("second", shape=elementwise, elementwise=True, meaning=lambda a, b: 0 * a + b)
    run = cr.compile(cr.derive(lambda x: cr.sum(op(x, x * x)), x="n"))
    assert run(x=[3.0])[1]["x"] == [6.0]
    del OPS["second"]
