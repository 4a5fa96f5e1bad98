"""Derivations with their steps written in text and LaTeX, and drawn, each the first time in a fresh process."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from derive import mlp
from measure import Row, child, installed, taking

REPEATS = 5
TARGETS = {"mlp": 0.03, "deep": 0.5, "residual": 2.0}
WHAT = {
    "mlp": "steps and tidy form of a two-layer softmax MLP",
    "deep": "… of 30 ELU layers",
    "residual": "… of 120 layers in 60 residual blocks",
}


def deep(cr: Any, layers: int = 30) -> Any:
    """h ← elu(Wₖ h + bₖ)"""

    def f(x, y, **w):
        h = x
        for k in range(1, layers + 1):
            z = w[f"W{k}"] @ h + w[f"b{k}"]
            h = cr.elu(z)
        L = cr.sum((h - y) ** 2)
        return L

    shapes = {"x": "d", "y": "d"}
    for k in range(1, layers + 1):
        shapes |= {f"W{k}": "d d", f"b{k}": "d"}
    return cr.trace(taking(f, shapes), **shapes)


def residual(cr: Any, blocks: int = 60) -> Any:
    """h ← relu(h + V relu(W h + b) + c), then softmax and cross-entropy: matrix products stand in for convolutions."""

    def f(X, Y, W0, **w):
        h = X
        for k in range(1, blocks + 1):
            a = h @ w[f"W{k}"] + w[f"b{k}"]
            r = cr.relu(a)
            s = r @ w[f"V{k}"] + w[f"c{k}"]
            h = cr.relu(h + s)
        S = h @ W0
        P = cr.softmax(S)
        L = -cr.sum(Y * cr.log(P)) / X.shape[0]
        return L

    shapes = {"X": "n d", "Y": "n m", "W0": "d m"}
    for k in range(1, blocks + 1):
        shapes |= {f"W{k}": "d d", f"b{k}": "d", f"V{k}": "d d", f"c{k}": "d"}
    return cr.trace(taking(f, shapes), **shapes)


def timed(name: str) -> dict[str, float]:
    import chainrule as cr

    graph = {"mlp": lambda: cr.trace(mlp), "deep": lambda: deep(cr), "residual": lambda: residual(cr)}[name]()
    start = time.perf_counter()
    d = cr.derive(graph)
    steps = d.steps
    written = [s.text + s.latex + s.reason for s in steps]
    done = time.perf_counter()
    d.text()
    folded = time.perf_counter()
    assert len(written) == len(steps)
    return {"seconds": done - start, "steps": len(steps), "folds": folded - done}


def drawn() -> dict[str, float]:
    """A residual network of some 500 nodes, every operation drawn."""
    import chainrule as cr
    from chainrule.graph.node import walk

    graph = residual(cr, 44)
    start = time.perf_counter()
    picture = graph.svg(fold=False)
    return {"seconds": time.perf_counter() - start, "nodes": len(walk(graph.output)), "bytes": len(picture)}


def jax_trace() -> dict[str, float]:
    """What JAX takes to trace the gradient of the same network: it has neither names nor steps to tell."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    def loss(X, Y, W1, b1, W2, b2):
        P = jax.nn.softmax(jax.nn.relu(X @ W1 + b1) @ W2 + b2)
        return -jnp.sum(Y * jnp.log(P)) / X.shape[0]

    n, d, h, k = 100, 20, 30, 10
    values = [np.zeros(s, "float32") for s in ((n, d), (n, k), (d, h), (h,), (h, k), (k,))]
    start = time.perf_counter()
    jax.make_jaxpr(jax.grad(loss, argnums=(2, 3, 4, 5)))(*values)
    return {"seconds": time.perf_counter() - start}


def run() -> Iterator[Row]:
    child(__file__, "mlp")  # writes the .pyc files
    for name, most in TARGETS.items():
        found = [child(__file__, name) for _ in range(REPEATS)]
        seconds = median(f["seconds"] for f in found)
        note = f"{found[0]['steps']} steps; folded and printed in {1e3 * median(f['folds'] for f in found):.1f} ms more"
        yield Row("steps", WHAT[name], 1e3 * seconds, "ms", below=1e3 * most, note=note)
        if name == "mlp" and installed("jax"):
            theirs = median(child(__file__, "jax")["seconds"] for _ in range(REPEATS))
            note = "tracing the gradient alone, first time: no names, no steps"
            yield Row("steps", "… over jax.make_jaxpr(jax.grad)", seconds / theirs, note=note)
    found = [child(__file__, "drawn") for _ in range(REPEATS)]
    note = f"{found[0]['nodes']} nodes, {found[0]['bytes'] / 1e3:.0f} kB of SVG"
    yield Row("steps", "drawing", median(f["seconds"] for f in found), "s", below=1, note=note)


if __name__ == "__main__":
    what = sys.argv[1]
    print(json.dumps({"drawn": drawn, "jax": jax_trace}[what]() if what in ("drawn", "jax") else timed(what)))
