"""One epoch on 60,000 images: how much memory beyond the import, when the data are 188 MB of float32."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from measure import Row, child, installed, peak_mb

REPEATS = 3
ROWS, PIXELS, BATCH = 60_000, 784, 100
DATA_MB = ROWS * PIXELS * 4 / 2**20
REAL = Path(os.environ.get("CHAINRULE_DATA", Path(__file__).parents[2] / "shared" / "data"))


def measured(engine: str) -> dict[str, float | str]:
    import numpy as np
    from mlp import NAMES, network

    import chainrule as cr
    import chainrule.data

    cr.compile(cr.trace(lambda x: x + 1, x=""), engine=engine)(x=1.0)  # the engine's own import and start
    base = peak_mb()
    if (REAL / "mnist").is_dir():
        X, y = cr.data.mnist(REAL, validation=0).train
        what = "MNIST"
    else:
        what, random = "synthetic", np.random.default_rng(0)
        raw, labels = random.integers(0, 256, (ROWS, PIXELS), np.uint8), random.integers(0, 10, ROWS)
        X, y = cr.data.from_arrays(raw, labels, validation=0, test=0, classes=10).train
    loaded = peak_mb() - base
    random = np.random.default_rng(0)
    shapes = {"W1": (PIXELS, 64), "b1": (64,), "W2": (64, 10), "b2": (10,)}
    state = {k: np.float32(0.05) * random.standard_normal(shapes[k], np.float32) for k in NAMES}
    program = cr.compile(cr.optim.SGD(weight_decay=1e-4).step(cr.trace(network)), engine=engine)
    order = random.permutation(len(X)).reshape(-1, BATCH)
    data = {"X": program.place(X), "y": program.place(y)}
    placed = peak_mb() - base
    state, records = program.steps(state, data, order, lr=np.float32(0.1))
    peak, last, aligned = peak_mb() - base, float(records["L"][-1]), X.ctypes.data % 64 == 0
    return {"data": what, "loaded": loaded, "placed": placed, "peak": peak, "last loss": last, "aligned": aligned}


def run() -> Iterator[Row]:
    for engine in ("numpy", "xla"):
        what, most = f"{engine} engine, an epoch over the import", DATA_MB + 300
        if engine == "xla" and not installed("jax"):
            yield Row("memory", what, None, "MB", below=most, note="jax is not installed")
            continue
        runs = [child(__file__, engine) for _ in range(REPEATS)]
        mid = {k: median(r[k] for r in runs) for k in ("loaded", "placed", "peak")}
        at = "at" if runs[0]["aligned"] else "not at"
        so_far = f"loaded {mid['loaded']:.0f}, placed {mid['placed']:.0f} MB"
        note = f"{runs[0]['data']}; {so_far}; X lies {at} a multiple of 64"
        yield Row("memory", what, mid["peak"], "MB", below=round(most), note=note)


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
