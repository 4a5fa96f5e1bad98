"""Chainrule beside its peers: the same work in the same run, as ratios.

python benchmarks/run.py                     all
python benchmarks/run.py mlp deep            those named
python benchmarks/run.py --json found.json   and the numbers as a file
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from measure import SOURCES, Row

BENCHMARKS = ("derive", "steps", "graph", "memory", "mlp", "training", "deep", "decoding")


def table(rows: Sequence[Row]) -> str:
    """The rows in columns: benchmark, what, value, target, verdict, note."""
    cells = [("", "", "", "target", "", "")]
    for r in rows:
        value = "not installed" if r.value is None else f"{r.value:.3g} {r.unit}"
        cells.append((r.benchmark, r.what, value.strip(), r.target.strip(), r.verdict, r.note))
    widths = [max(len(c[k]) for c in cells) for k in range(5)]
    return "\n".join("  ".join([*(x.ljust(w) for x, w in zip(c, widths)), c[5]]).rstrip() for c in cells)


def machine() -> dict[str, str | int]:
    """What the numbers were measured on."""
    found: dict[str, str | int] = {"python": platform.python_version(), "machine": platform.machine()}
    found["cpus"] = os.cpu_count() or 0
    for package in ("numpy", "jax", "torch", "transformers", "hmmlearn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    given = parser.parse_args(arguments)
    unknown = [n for n in given.names if n not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    sys.path.insert(0, str(SOURCES))
    rows: list[Row] = []
    for name in given.names or BENCHMARKS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += importlib.import_module(name).run()
    on = machine()
    print(", ".join(f"{k} {v}" for k, v in on.items()), table(rows), sep="\n\n")
    if given.json:
        everything = {"machine": on, "rows": [r.as_json() for r in rows]}
        given.json.write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    missed = [r for r in rows if r.verdict == "FAIL"]
    print(f"\n{len(missed)} of {sum(bool(r.verdict) for r in rows)} targets missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
