"""Rows of the table, fair timing, and the step that all contestants share."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from inspect import Parameter, Signature
from pathlib import Path
from statistics import median
from typing import Any

SOURCES = Path(__file__).parents[1] / "src"
PAUSE = 0.05  # seconds between two contestants: thread pools spin for a while after their last task


@dataclass(frozen=True)
class Row:
    """One line of the table. `value` is None where the contestant is missing; `note` then says why."""

    benchmark: str
    what: str
    value: float | None = None
    unit: str = "x"
    below: float | None = None
    above: float | None = None
    note: str = ""

    @property
    def target(self) -> str:
        if self.below is not None:
            return f"< {self.below:g} {self.unit}"
        return f"> {self.above:g} {self.unit}" if self.above is not None else ""

    @property
    def verdict(self) -> str:
        if self.value is None or not self.target:
            return ""
        return "PASS" if (self.value < self.below if self.below is not None else self.value > self.above) else "FAIL"

    def as_json(self) -> dict[str, Any]:
        value = self.value if self.value is not None and math.isfinite(self.value) else None  # JSON has no infinity
        return asdict(self) | {"value": value, "target": self.target, "verdict": self.verdict}


def interleaved(contestants: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each contestant in each repeat: all of them once, then all again, each time in another order.

    A fixed order is unfair: whoever follows a contestant whose threads spin on is slowed down by them.
    """
    for run in contestants.values():
        run()  # compiles, fills caches
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    dice, names = random.Random(0), list(contestants)
    for _ in range(repeats):
        dice.shuffle(names)
        for name in names:
            time.sleep(PAUSE)
            start = time.perf_counter()
            contestants[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(seconds: Mapping[str, Sequence[float]], ours: str, theirs: str) -> tuple[float, str]:
    """The median over repeats of ours / theirs, and its quartiles in words."""
    ratios = sorted(a / b for a, b in zip(seconds[ours], seconds[theirs]))
    return median(ratios), f"quartiles {ratios[len(ratios) // 4]:.2f} … {ratios[-1 - len(ratios) // 4]:.2f}"


def per_step(seconds: Sequence[float], steps: int) -> str:
    return f"{1e6 * median(seconds) / steps:.0f} µs"


def child(file: str, *arguments: str, seconds: float | None = None) -> Any:
    """What a fresh Python that runs `file` with `arguments` prints last, as JSON."""
    paths = os.pathsep.join([str(SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])])
    command, scope = [sys.executable, file, *arguments], os.environ | {"PYTHONPATH": paths}
    done = subprocess.run(command, capture_output=True, text=True, env=scope, timeout=seconds)
    if done.returncode:
        raise RuntimeError(f"{Path(file).name} {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def peak_mb() -> float:
    """The largest resident size of this process so far.

    From Linux's own counter where there is one: getrusage also counts the process that started this one, up to exec.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def installed(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None


def taking(f: Callable[..., Any], names: Iterable[str]) -> Callable[..., Any]:
    """`f`, which takes `**anything`, as a function of parameters with these names: cr.trace asks for names."""
    f.__signature__ = Signature([Parameter(name, Parameter.KEYWORD_ONLY) for name in names])  # type: ignore[attr-defined]
    return f
