"""Values against NumPy, derivatives against central differences and against JAX, engine against engine."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from ops.batch import arrays, by_jax, computed, few, graph, graph_of, program, sorted_back
from ops.cases import CASES

import chainrule as cr
from chainrule.engines.numpy import DIALECT, ENGINE
from chainrule.face.graph import Graph
from chainrule.face.pipeline import lower
from chainrule.graph.node import OPS, REAL
from chainrule.views.source import print_program

LEAVES = {"leaf", "const", "size"}
EACH = pytest.mark.parametrize("k", range(len(CASES)), ids=[f"{case.op}-{k}" for k, case in enumerate(CASES)])
ON_XLA, IN_BRIEF = few(3), few(1)
DTYPES = {"integer": "int64", "boolean": "bool"}


@pytest.fixture(autouse=True, scope="module")
def quick_compilation():
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def close(found, wanted, tolerance: float = 1e-9) -> None:
    assert np.shape(found) == np.shape(wanted)
    np.testing.assert_allclose(np.asarray(found, "float64"), np.asarray(wanted, "float64"), tolerance, tolerance)


def weighted(y) -> float:
    return float(np.sum(y * np.sin(1.0 + np.arange(np.size(y))).reshape(np.shape(y))))


def test_every_operation_has_a_case():
    library = {name for name, op in OPS.items() if op.library}
    assert library - LEAVES - {case.op for case in CASES} == set()
    for case in CASES:
        nodes = graph_of(case)[1].value
        assert case.op in OPS and nodes is not None


@EACH
def test_value_is_that_of_numpy(k: int):
    close(computed("numpy")[k].value, CASES[k].oracle(np, **CASES[k].arrays(k)))


@EACH
def test_sizes_may_be_numbers(k: int):
    case, found = CASES[k], computed("numpy")[k]
    leaves, made = graph_of(case, symbolic=False)
    outputs = (made.value, *made.first.values(), *made.second.values())
    answers = cr.compile(Graph("concrete", leaves, outputs))(**case.arrays(k))
    for a, b in zip(
        answers if len(outputs) > 1 else [answers], (found.value, *found.first.values(), *found.second.values())
    ):
        close(a, b, 1e-10)


@EACH
def test_gradients_are_central_differences(k: int):
    case, found = CASES[k], computed("numpy")[k]
    at, step = case.arrays(k), 1e-6
    if case.op == "stop_gradient":
        return  # its derivative is not that of its value; JAX has the same operation
    for name, gradient in found.first.items():
        x = at[name]
        for place in np.ndindex(x.shape):
            kept = x[place]
            sides = []
            for x[place] in (kept + step, kept - step):
                sides.append(weighted(case.oracle(np, **at)))
            x[place] = kept
            close(gradient[place], (sides[0] - sides[1]) / (2 * step), 2e-7)


@pytest.mark.parametrize("seed", [1, 2])
def test_second_derivatives_are_central_differences_of_the_first(seed: int):
    rng, step = np.random.default_rng(seed), 1e-6
    at = arrays()
    along = {name: rng.normal(size=a.shape) for name, a in at.items() if a.dtype == np.float64}
    ahead, behind = (
        sorted_back(program("numpy")(**at | {k: at[k] + s * v for k, v in along.items()}), graph()[1])
        for s in (step, -step)
    )
    for k, (case, found) in enumerate(zip(CASES, computed("numpy"))):
        slope = sum(weighted(ahead[k].first[x]) - weighted(behind[k].first[x]) for x in case.real if found.first)
        second = sum(np.sum(found.second[x] * along[f"c{k}_{x}"]) for x in found.second)
        if case.op != "stop_gradient":
            assert second == pytest.approx(slope / (2 * step), rel=1e-5, abs=1e-5), (k, case)


@pytest.mark.parametrize("k", ON_XLA)
def test_derivatives_are_those_of_jax(k: int):
    found, (value, first, second) = computed("numpy")[k], by_jax(ON_XLA)[k]
    close(found.value, value)
    for name in found.first:
        close(found.first[name], first[name])
        close(found.second[name], second[name], 1e-8)


@EACH
def test_the_engines_agree(k: int):
    found, other = computed("numpy")[k], computed("xla", "float64", ON_XLA)[k]
    close(found.value, other.value)
    for name in other.first:
        close(found.first[name], other.first[name])
        close(found.second[name], other.second[name])


@EACH
def test_float32_stays_float32(k: int):
    made, exact = graph()[1][k], computed("numpy")[k]
    found = computed("numpy", "float32")[k]
    assert found.value.dtype == DTYPES.get(made.value.kind, "float32")
    close(found.value, exact.value, 2e-5)
    for name in found.first:
        assert found.first[name].dtype == found.second[name].dtype == "float32"
        close(found.first[name], exact.first[name], 2e-4)
        close(found.second[name], exact.second[name], 5e-3)


def test_float32_and_bfloat16_on_xla():
    made = graph(IN_BRIEF)[1]
    for dtype, tolerance in (("float32", 2e-4), ("bfloat16", 0.3)):
        chosen = {f"c{k}" for k in IN_BRIEF}
        outputs = [n for k in IN_BRIEF for n in (made[k].value, *made[k].first.values())]
        inputs = {name: n for name, n in graph()[0].inputs.items() if name.split("_")[0] in chosen}
        run = cr.compile(Graph("brief", inputs, tuple(outputs)), engine="xla", dtype=dtype)
        answers = iter(run(**{name: arrays("float32")[name] for name in inputs}))
        for k in IN_BRIEF:
            exact = computed("numpy")[k]
            for n, wanted in zip((made[k].value, *made[k].first.values()), (exact.value, *exact.first.values())):
                found = next(answers)
                assert found.dtype == DTYPES.get(n.kind, dtype), CASES[k]
                if dtype == "float32" or n.kind == REAL:
                    close(found, wanted, tolerance)


def test_every_kernel_is_its_meaning():
    """The same program with each operation that has a meaning opened to it, down to operations that have none."""
    whole, made = graph()
    simple = {op for op in DIALECT.kernel if op.meaning is None}
    low = lower(whole, None, simple, "numpy")
    opened = ENGINE.load(print_program("opened", list(whole.inputs.values()), low.outputs, DIALECT))
    answers = sorted_back(opened(*arrays().values()), made)
    for found, wanted in zip(answers, computed("numpy")):
        close(found.value, wanted.value)
        for name in wanted.first:
            close(found.first[name], wanted.first[name])
            close(found.second[name], wanted.second[name], 1e-8)


def test_no_law_changes_a_number():
    """The program as written, without stable and fast laws, answers the same."""
    whole, made = graph()
    written = ENGINE.load(print_program("written", list(whole.inputs.values()), [*_opened(whole)], DIALECT))
    for found, wanted in zip(sorted_back(written(*arrays().values()), made), computed("numpy")):
        close(found.value, wanted.value)
        for name in wanted.first:
            close(found.first[name], wanted.first[name])
            close(found.second[name], wanted.second[name], 1e-8)


def _opened(whole: Graph):
    from chainrule.rewrite.expand import expand

    became = expand(whole.outputs, DIALECT.kernel, "numpy")
    return [became[n] for n in whole.outputs]
