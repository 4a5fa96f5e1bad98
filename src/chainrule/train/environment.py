"""Where a run is computed: what must be the same for the same numbers, bit for bit."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

SMALL_PRODUCT = 100_000  # entries of a hidden layer's minibatch


def environment(engine: str, threads: int | None) -> dict[str, Any]:
    """Versions, machine and threads, as they are written beside a checkpoint."""
    packages = {"python": platform.python_version()}
    for package in ("chainrule", "numpy", "scipy", *(("jax", "jaxlib") if engine == "xla" else ())):
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            packages[package] = "unknown"
    machine = f"{platform.system()} {platform.machine()} {_processor()}".strip()
    return {"versions": packages, "machine": machine, "threads": threads or _threads(engine)}


def _processor() -> str:
    """The processor's name: libraries choose their instructions, and so the order of additions, by it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _threads(engine: str) -> int:
    if engine == "numpy":
        from threadpoolctl import threadpool_info

        return max((pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"), default=1)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def differences(there: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """In words, in what two environments differ.

    >>> differences({"versions": {"numpy": "2.4"}, "threads": 2}, {"versions": {"numpy": "2.5"}, "threads": 2})
    ['numpy 2.4, now 2.5']
    """
    flat = [{**e.get("versions", {}), **{k: v for k, v in e.items() if k != "versions"}} for e in (there, here)]
    return [f"{k} {flat[0].get(k)}, now {v}" for k, v in flat[1].items() if flat[0].get(k) != v]


def blas_threads(engine: str, entries: int) -> int | None:
    """How many threads NumPy's matrix products should have: one where a hidden layer's minibatch has few `entries`.

    Measured on two cores: a step 784-64-10 on 64 images takes 0.58 ms with one thread, and 2.6 to 6 ms with two when
    another program runs, because they wait for each other. XLA has threads of its own. None: as many as there are.
    """
    return 1 if engine == "numpy" and entries < SMALL_PRODUCT else None


@contextmanager
def limited(threads: int | None) -> Iterator[None]:
    """NumPy's matrix products with so many threads, for the time of the block."""
    if threads is None:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(threads, user_api="blas"):
        yield


__all__ = ["blas_threads", "differences", "environment", "limited"]
