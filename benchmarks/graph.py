"""Graphs of 100,000 nodes: built, differentiated in every input, printed. No recursion, and memory within bounds."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from measure import Row, child, peak_mb, taking

NODES, PAIRS, REPEATS = 100_000, 100, 3


def chain(cr: Any) -> Any:
    """h ← tanh(wₖ ⊙ h + bₖ), 33,333 times: as deep as it is long."""

    def f(x, **w):
        h = x
        for k in range(NODES // 3):
            h = cr.tanh(w[f"w{k % PAIRS}"] * h + w[f"b{k % PAIRS}"])
        L = cr.sum(h)
        return L

    names = ["x", *(f"{kind}{k}" for k in range(PAIRS) for kind in "wb")]
    return cr.trace(taking(f, names), **dict.fromkeys(names, "n"))


def wide(cr: Any) -> Any:
    """Σ sin(k x + c), a term at a time: each with names that the next one uses again, x met by every one."""

    def f(x: "n", c: "n"):
        total = x
        for k in range(1, NODES // 5 + 1):
            angle = float(k) * x + c
            term = cr.sin(angle)
            total = total + term
        L = cr.sum(total)
        return L

    return cr.trace(f)


def measured(shape: str) -> dict[str, float]:
    import chainrule as cr

    def lap(what: str) -> None:
        nonlocal last
        now = time.perf_counter()
        found[what], last = now - last, now
        found[f"{what}, MB"] = peak_mb() - base

    base, found, last = peak_mb(), {}, time.perf_counter()
    g = {"chain": chain, "wide": wide}[shape](cr)
    lap("trace")
    run = cr.compile(cr.derive(g))
    source = run.source
    lap("compile")
    d = cr.derive(g)
    gradients = d.gradients
    lap("derive")
    assert len(gradients) == len(g.inputs)
    found["nodes"] = len(g.names) - len(g.inputs)
    found["lines"] = source.count("\n")
    return found


def run() -> Iterator[Row]:
    for shape in ("chain", "wide"):
        runs = [child(__file__, shape) for _ in range(REPEATS)]
        mid = {k: median(r[k] for r in runs) for k in runs[0]}
        note = f"trace {mid['trace']:.1f} s, compile {mid['compile']:.1f} s; a program of {mid['lines']:,.0f} lines"
        yield Row("graph", f"{shape} of {NODES:,} nodes: trace to source", mid["trace"] + mid["compile"], "s", below=10, note=note)
        yield Row("graph", f"{shape}: memory over the import", mid["compile, MB"], "MB", below=500)
        yield Row("graph", f"{shape}: its tidied gradients", mid["derive"], "s", note=f"{mid['derive, MB']:.0f} MB by then")


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
