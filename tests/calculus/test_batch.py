"""Every operation for many inputs at once, against NumPy at one place after another."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
from ops.cases import CASES, Case

import chainrule as cr
from chainrule.calculus.batch import batch, batching
from chainrule.face.graph import Graph
from chainrule.graph.dims import symbol
from chainrule.graph.errors import MissingRule, ShapeError
from chainrule.graph.node import Node, Op, leaf

PREFIX = {"p": 6, "q": 7}
SHAPE = tuple(map(symbol, PREFIX))
PLACES = [(0, 0), (5, 6), (2, 4), (3, 1)]


def subsets(case: Case) -> list[tuple[str, ...]]:
    """The inputs that differ from place to place: each alone, and all."""
    every = tuple(case.inputs)
    return list(dict.fromkeys([*((name,) for name in every), every])) if every else []


def varied(a: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An array for each place: the entries of `a` in another order, which keeps positions and labels valid."""
    flat = np.stack([rng.permutation(a.reshape(-1)) for _ in range(PREFIX["p"] * PREFIX["q"])])
    return flat.reshape(*PREFIX.values(), *a.shape)


@cache
def computed() -> dict[tuple[int, tuple[str, ...]], tuple[Node, Any, list[Any]]]:
    """(case, inputs batched) -> the node, its value, and what NumPy computes at each of PLACES. One program for all."""
    inputs: dict[str, Node] = {}
    arrays: dict[str, np.ndarray] = {}
    asked: dict[Any, tuple[Node, list[Any]]] = {}
    for k, case in enumerate(CASES):
        leaves, values = case.leaves(prefix=f"c{k}_"), case.arrays(k)
        y = case.build(**leaves)
        rng = np.random.default_rng(k)
        for names in subsets(case):
            tag = f"{k}_{'_'.join(names)}"
            many = {n: leaf(f"many_{tag}_{n}", (*SHAPE, *leaves[n].shape), leaves[n].kind) for n in names}
            given = {n: varied(values[n], rng) for n in names}
            [answer] = batch([y], {leaves[n]: many[n] for n in names}, SHAPE)
            inputs |= {n.attr("name"): n for n in (*many.values(), *leaves.values())}
            arrays |= {many[n].attr("name"): given[n] for n in names} | {f"c{k}_{n}": v for n, v in values.items()}
            there = [case.oracle(np, **(values | {n: given[n][at] for n in names})) for at in PLACES]
            asked[k, names] = answer, there
    sizes = leaf("sizes", SHAPE)  # tells p and q where only positions do
    graph = Graph("batched", {**inputs, "sizes": sizes}, tuple(answer for answer, _ in asked.values()))
    results = cr.compile(graph)(**arrays, sizes=np.zeros(tuple(PREFIX.values())))
    return {key: (answer, r, there) for (key, (answer, there)), r in zip(asked.items(), results)}


EACH = [(k, names) for k, case in enumerate(CASES) for names in subsets(case)]


@pytest.mark.parametrize("key", EACH, ids=[f"{CASES[k].op}-{k}-{'+'.join(names)}" for k, names in EACH])
def test_a_batch_is_the_operation_at_each_place(key: tuple[int, tuple[str, ...]]):
    node, value, there = computed()[key]
    assert node.shape[:2] == SHAPE
    assert value.shape[:2] == tuple(PREFIX.values())
    for at, expected in zip(PLACES, there):
        np.testing.assert_allclose(value[at], expected, rtol=1e-11, atol=1e-13)


def ours() -> set[Op]:
    """The operations that modules of chainrule.ops define; a test elsewhere may have added its own to OPS."""
    modules = [module for name, module in sys.modules.items() if name.startswith("chainrule.ops.")]
    return {value for module in modules for value in vars(module).values() if isinstance(value, Op)}


def test_every_operation_has_a_case():
    missing = sorted({op.name for op in ours()} - {case.op for case in CASES} - {"leaf", "const", "size"})
    assert not missing, f"add to tests/ops/cases.py: {missing}"


def test_every_operation_can_be_batched():
    ready = {op.name for op in ours() if op in batching or op.elementwise or op.meaning}
    without_arguments = {"leaf", "const", "size", "eye", "arange"}
    missing = sorted({op.name for op in ours()} - ready - without_arguments)
    assert not missing, f"add a rule to calculus/batch.py: {missing}"


def test_what_does_not_depend_on_the_batch_stays():
    x, W = leaf("x", ("n",)), leaf("W", ("m", "n"))
    inner = cr.tanh(W)
    [y] = batch([inner @ x], {x: leaf("X", ("p", "n"))}, (symbol("p"),))
    assert y.op.name == "matmul"
    assert y.args[1].args[0] is inner  # X tanh(W)ᵀ: one product
    [same] = batch([inner], {x: leaf("X", ("p", "n"))}, (symbol("p"),))
    assert same.op.name == "broadcast_to" and same.args[0] is inner


def test_an_empty_prefix_substitutes():
    x, y = leaf("x", ("n",)), leaf("y", ("n",))
    assert batch([cr.sum(x * x)], {x: y}, ()) == [cr.sum(y * y)]


def test_a_deep_graph_needs_no_stack():
    x = leaf("x", ("n",))
    y = x
    for _ in range(5000):
        y = cr.sin(y)
    assert batch([y], {x: leaf("X", ("p", "n"))}, (symbol("p"),))[0].shape == (symbol("p"), symbol("n"))


def test_an_operation_of_ones_own_takes_its_meaning_or_a_rule():
    x, many, prefix = leaf("x", ("n",)), leaf("X", ("p", "n")), (symbol("p"),)
    twice = Op("twice_the_sum", shape=lambda x: (), meaning=lambda x: 2 * cr.sum(x))
    assert batch([twice(x)], {x: many}, prefix) == [2 * cr.sum(many, axis=1)]
    opaque = Op("opaque_sum", shape=lambda x: (), vjp=lambda g, y, x: [g + 0 * x])
    with pytest.raises(MissingRule, match=r"opaque_sum.*many inputs at once"):
        batch([opaque(x)], {x: many}, prefix)
    batching[opaque] = lambda n, prefix, x: cr.sum(x, axis=tuple(range(len(prefix), x.ndim)))
    assert batch([opaque(x)], {x: many}, prefix) == [cr.sum(many, axis=1)]
    del batching[opaque]


def test_a_replacement_must_fit():
    x = leaf("x", ("n",))
    with pytest.raises(ShapeError, match=r"must be \(p, n\)"):
        batch([x], {x: leaf("X", ("n", "p"))}, (symbol("p"),))


def test_einsum_runs_out_of_letters():
    x = leaf("x", (2,) * 50)
    y = cr.einsum("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX->a", x)
    with pytest.raises(ShapeError, match="no letters left"):
        batch([y], {x: leaf("X", (3, 3, 3) + (2,) * 50)}, (3, 3, 3))
