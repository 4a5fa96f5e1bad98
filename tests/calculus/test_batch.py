"""Every operation for many inputs at once, against NumPy at one place after another."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from ops.cases import CASES, SIZES, Case

import chainrule as cr
from chainrule.calculus.batch import batch, batching
from chainrule.face.graph import Graph
from chainrule.graph.dims import symbol
from chainrule.graph.errors import MissingRule, ShapeError
from chainrule.graph.node import OPS, Node, Op, leaf

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


def test_every_operation_has_a_case():
    own = {op for op in OPS.values() if any(a.isupper() for a in ()) or _ours(op)}
    missing = sorted(op.name for op in own if op.name not in {c.op for c in CASES})
    assert not missing, f"add to tests/ops/cases.py, and where needed to calculus/batch.py: {missing}"


def _ours(op: Op) -> bool:
    """Defined by a module of chainrule.ops, with arguments."""
    import sys

    return op.name not in ("leaf", "const", "size") and any(
        value is op for name, module in sys.modules.items() if name.startswith("chainrule.ops.") for value in vars(module).values()
    )


def test_every_operation_can_be_batched():
    ready = [op for op in OPS.values() if _ours(op) and (op in batching or op.elementwise or op.meaning)]
    without_arguments = {"eye", "arange"}
    assert {op.name for op in OPS.values() if _ours(op)} - {op.name for op in ready} == without_arguments
