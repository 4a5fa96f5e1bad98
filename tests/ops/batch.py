"""All cases in one graph: values, gradients and second derivatives, so that an engine compiles them once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ops.cases import CASES, Case

import chainrule as cr
from chainrule.calculus.reverse import gradients
from chainrule.face.graph import Graph
from chainrule.graph.dims import total
from chainrule.graph.node import REAL, Node
from chainrule.ops.indexing import arange


@dataclass
class Result:
    """What was computed for one case; derivatives are of Σ weights ⊙ y, and of Σ weights ⊙ gradient once more."""

    value: Any
    first: dict[str, Any]
    second: dict[str, Any]


def weights(y: Node) -> Node:
    """A cotangent without symmetries: sin 1, sin 2, …"""
    return cr.reshape(cr.sin(1 + arange(total(y.shape))), y.shape)


def weighted(y: Node) -> Node:
    return cr.sum(y * weights(y))


def graph_of(case: Case, prefix: str = "", symbolic: bool = True) -> tuple[dict[str, Node], Result]:
    leaves = case.leaves(symbolic, prefix)
    y = case.build(**leaves)
    made = Result(y, {}, {})
    if y.kind == REAL and case.real:
        wanted = [leaves[name] for name in case.real]
        made.first = dict(zip(case.real, gradients(weighted(y), wanted)))
        slope = sum(weighted(g) for g in made.first.values())
        made.second = dict(zip(case.real, gradients(slope, wanted)))
    return leaves, made


@cache
def graph(derivatives: tuple[int, ...] | None = None) -> tuple[Graph, list[Result]]:
    """Every case in one graph, with derivatives everywhere or of the cases given."""
    inputs: dict[str, Node] = {}
    made = []
    for k, case in enumerate(CASES):
        leaves, result = graph_of(case, f"c{k}_")
        inputs |= {f"c{k}_{name}": n for name, n in leaves.items()}
        made.append(result if derivatives is None or k in derivatives else Result(result.value, {}, {}))
    outputs = [n for r in made for n in (r.value, *r.first.values(), *r.second.values())]
    return Graph("cases", inputs, tuple(outputs)), made


def few(count: int) -> tuple[int, ...]:
    """The first cases of each operation: compiling them all for XLA takes a minute."""
    seen: dict[str, list[int]] = {}
    for k, case in enumerate(CASES):
        seen.setdefault(case.op, []).append(k)
    return tuple(sorted(k for ks in seen.values() for k in ks[:count]))


def sorted_back(answers: Any, made: list[Result]) -> list[Result]:
    answers = iter(answers)
    return [
        Result(next(answers), {k: next(answers) for k in r.first}, {k: next(answers) for k in r.second}) for r in made
    ]


@cache
def arrays(dtype: str = "float64") -> dict[str, np.ndarray]:
    return {f"c{k}_{name}": a for k, case in enumerate(CASES) for name, a in case.arrays(k, dtype).items()}


@cache
def program(engine: str, derivatives: tuple[int, ...] | None = None) -> Callable[..., Any]:
    return cr.compile(graph(derivatives)[0], engine=engine)


@cache
def computed(engine: str, dtype: str = "float64", derivatives: tuple[int, ...] | None = None) -> list[Result]:
    return sorted_back(program(engine, derivatives)(**arrays(dtype)), graph(derivatives)[1])


@cache
def by_jax(chosen: tuple[int, ...]) -> dict[int, Any]:
    """The oracles, differentiated by JAX."""
    every = {k: CASES[k].arrays(k) for k in chosen}
    made = graph()[1]
    with jax.enable_x64(True):
        return jax.jit(lambda every: {k: _by_jax(CASES[k], a, made[k]) for k, a in every.items()})(every)


def _by_jax(case: Case, a: dict[str, Any], r: Result) -> Any:
    y = case.oracle(jnp, **a)
    if not r.first:
        return y, {}, {}
    real = {k: a[k] for k in case.real}
    rest = {k: v for k, v in a.items() if k not in real}

    def weighted(x: Any) -> Any:
        return jnp.sum(x * jnp.sin(1.0 + jnp.arange(x.size)).reshape(x.shape))

    first: Callable[..., Any] = jax.grad(lambda real: weighted(case.oracle(jnp, **real, **rest)))
    second = jax.grad(lambda real: sum(map(weighted, first(real).values())))(real)
    return y, first(real), second
