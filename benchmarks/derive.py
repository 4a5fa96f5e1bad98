"""The gradients of a two-layer network with softmax and cross-entropy, the first time in a fresh process."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from statistics import median

from measure import Row, child

REPEATS = 15


def mlp(X: "n d", Y: "n k", W1: "d h", b1: "h", W2: "h k", b2: "k"):
    import chainrule as cr

    z = X @ W1 + b1
    u = cr.relu(z)
    a = u @ W2 + b2
    P = cr.softmax(a)
    L = -cr.sum(Y * cr.log(P)) / X.shape[0]
    return L


def first_time() -> dict[str, object]:
    start = time.perf_counter()
    import chainrule as cr

    imported = time.perf_counter()
    d = cr.derive(mlp)
    gradients = [d[name] for name in (*d.graph.inputs, *d.graph.names.values()) if name != "Y"]
    derived = time.perf_counter()
    assert all(g.shape is not None for g in gradients)
    heavy = [m for m in ("jax", "torch", "sympy", "matplotlib", "sklearn") if m in sys.modules]
    return {"import": imported - start, "derive": derived - imported, "heavy": heavy}


def import_only() -> dict[str, object]:
    start = time.perf_counter()
    import chainrule  # noqa: F401

    return {"import": time.perf_counter() - start, "jax": "jax" in sys.modules}


def run() -> Iterator[Row]:
    child(__file__, "first")  # writes the .pyc files
    firsts = [child(__file__, "first") for _ in range(REPEATS)]
    imports = [child(__file__, "import") for _ in range(REPEATS)]
    milliseconds = sorted(1e3 * f["derive"] for f in firsts)
    loaded = ", ".join(firsts[0]["heavy"]) or "numpy only"
    spread = f"best {milliseconds[0]:.1f}, worst {milliseconds[-1]:.1f}; loaded by then: {loaded}"
    yield Row("derive", "all gradients of an MLP, first time", median(milliseconds), "ms", below=15, note=spread)
    yield Row("derive", "import chainrule", median(i["import"] for i in imports), "s", below=0.3)
    jax = sum(i["jax"] for i in imports)
    yield Row("derive", "imports that loaded JAX", jax, "of them", below=1)


if __name__ == "__main__":
    print(json.dumps({"first": first_time, "import": import_only}[sys.argv[1]]()))
