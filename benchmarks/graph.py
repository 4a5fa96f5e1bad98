"""Graphs of 100,000 nodes: built, differentiated in every input, printed. No recursion, and memory within bounds."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from statistics import median
from subprocess import TimeoutExpired
from typing import Any

from measure import Row, child, peak_mb, taking

NODES, PAIRS, REPEATS, LIMIT = 100_000, 100, 3, 120


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


def measured(shape: str, goal: str) -> dict[str, float]:
    """Seconds and memory from nothing to a program's text, or to every gradient as a derivation shows it."""
    import chainrule as cr

    base, start = peak_mb(), time.perf_counter()
    g = {"chain": chain, "wide": wide}[shape](cr)
    traced = time.perf_counter()
    d = cr.derive(g)
    found: dict[str, float] = {"trace": traced - start}
    if goal == "source":
        found["lines"] = cr.compile(d).source.count("\n")
    else:
        assert len(d.gradients) == len(g.inputs)
    return found | {"all": time.perf_counter() - start, "MB": peak_mb() - base}


def run() -> Iterator[Row]:
    for shape in ("chain", "wide"):
        for goal, what, most in (
            ("source", "traced, differentiated, printed", 10),
            ("tidy", "all gradients tidied", None),
        ):
            title = f"{shape} of {NODES:,} nodes: {what}"
            try:
                runs = [child(__file__, shape, goal, seconds=LIMIT) for _ in range(REPEATS if goal == "source" else 1)]
            except TimeoutExpired:
                yield Row("graph", title, math.inf, "s", below=most, note=f"given up after {LIMIT} s")
                continue
            mid = {k: median(r[k] for r in runs) for k in runs[0]}
            lines = f", {mid['lines']:,.0f} lines" if "lines" in mid else ""
            note = f"{mid['MB']:.0f} MB over the import, trace {mid['trace']:.1f} s{lines}"
            yield Row("graph", title, mid["all"], "s", below=most, note=note)
            if most:
                yield Row("graph", f"{shape}: memory over the import", mid["MB"], "MB", below=500)


if __name__ == "__main__":
    print(json.dumps(measured(*sys.argv[1:3])))
