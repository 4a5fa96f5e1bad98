"""`cr.measure_recompute`: what keeping less for the backward pass saves in memory and takes in time, measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from ..engines.binding import Signature
from ..graph.errors import GraphError, InputError
from ..views.counts import Cost
from ..views.grid import Cell, Grid, Tabular
from ..views.memory import Recomputation
from .checks import draw_point
from .compiled import Compiled, shapes_at
from .derivation import Derivation

_LEAST_SECONDS = 2e-3  # a timing takes at least as long, so that the clock is fine enough


@dataclass(frozen=True)
class Measured:
    """One program, run.

    seconds     of one call: the median of several
    peak_bytes  the most memory that a call held beyond its arguments: on numpy what NumPy allocated, on xla what XLA
                plans for results and temporaries
    flops       on xla: what XLA counts in the program that it makes
    """

    name: str
    seconds: float
    peak_bytes: int
    flops: int | None = None


@dataclass(frozen=True)
class RecomputeReport(Tabular):
    """Three programs that answer the same loss and gradients, timed at one point; `str` is a table.

    plain       `cr.compile(d)`: every result stays until the program returns
    kept        nothing is computed again, and each result goes once it was read last
    recomputed  `cr.compile(d, keep=keep)`: the checkpoints wait for the backward pass, the rest is computed again
    counted     what that costs and leaves in memory, as `d.cost.recomputing(keep)` counts it
    difference  the largest relative error between the gradients of the programs
    """

    plain: Measured
    kept: Measured
    recomputed: Measured
    counted: Recomputation
    forward_and_backward: Cost
    difference: float
    engine: str
    dtype: str

    @property
    def ratio(self) -> float:
        """The time of the program that computes again, as a multiple of the one that keeps everything."""
        return self.recomputed.seconds / self.kept.seconds

    @property
    def counted_ratio(self) -> float:
        """The same in MACs; NaN where there are none."""
        macs: Any = self.forward_and_backward.macs
        again: Any = self.counted.again.macs
        return (macs + again) / macs if macs else float("nan")

    @property
    def peak_ratio(self) -> float:
        """The peak memory of the program that computes again, as a part of that of the one that keeps everything."""
        return self.recomputed.peak_bytes / self.kept.peak_bytes if self.kept.peak_bytes else float("nan")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        programs = {
            m.name: {"seconds": m.seconds, "peak_bytes": m.peak_bytes, "flops": m.flops} for m in self._programs
        }
        counted = self.counted_ratio
        return {
            "engine": self.engine, "dtype": self.dtype, "programs": programs, "time_ratio": self.ratio,
            "counted_ratio": counted if counted == counted else None, "peak_ratio": self.peak_ratio,
            "difference": self.difference, "counted": self.counted.as_dict(),
        }  # fmt: skip

    @property
    def _programs(self) -> tuple[Measured, ...]:
        return self.plain, self.kept, self.recomputed

    @property
    def grid(self) -> Grid:
        """The table as rows of cells."""
        rows: list[tuple[Cell, ...]] = []
        for m in self._programs:
            relative = f"{m.seconds / self.kept.seconds:.2f}", f"{m.peak_bytes / max(1, self.kept.peak_bytes):.2f}"
            rows.append((m.name, f"{1e3 * m.seconds:.3g} ms", relative[0], f"{m.peak_bytes:,}", relative[1]))
        sizes = ", ".join(f"{k} = {v}" for k, v in sorted(self.counted.again.given.items()))
        at = f" at {sizes}" if sizes else ""
        again = f"computed again: {self.counted.again.words()}"
        notes: tuple[str, ...] = (
            f"on {self.engine} in {self.dtype}{at}; gradients differ by {self.difference:.1g} at most",
            f"{again}; counted in MACs, {self.counted_ratio:.2f} times the work",
        )
        if self.recomputed.flops is not None and self.kept.flops:
            notes += (f"XLA counts {self.recomputed.flops / self.kept.flops:.2f} times the work in what it makes",)
        return Grid(("", "time", "ratio", "peak bytes", "ratio"), tuple(rows), notes)


def measure_recompute(
    derivation: Derivation,
    keep: Sequence[str] | str = (),
    engine: str = "numpy",
    dtype: str = "float32",
    repeats: int = 7,
    seed: int = 0,
    **sizes: int,
) -> RecomputeReport:
    """What it saves in memory and takes in time to keep only the quantities in `keep` for the backward pass.

    derivation  of the loss
    keep        the checkpoints, by name; none, and everything is computed again
    engine      "numpy" or "xla"
    dtype       of the real inputs, which are standard normal numbers; integers lie within the axis they index
    repeats     timings of each program, in turns; the median counts
    sizes       a number for each symbol: ``measure_recompute(d, n=100, d=784)``

    On numpy, peak memory is what `tracemalloc` sees NumPy allocate during a call, in which temporaries inside one
    operation count. With no checkpoint the peak hardly falls: the second forward pass holds what the first did not.
    Checkpoints about every √L layers are where it does.

    On xla it is what XLA plans for results and temporaries. XLA orders its work itself; barriers tell it not to merge
    the second computation with the first, as `jax.checkpoint` does. On CPUs it drops them, and then merges some of what
    was to be computed again and plans no less memory: the table shows how much work XLA counts.

    Raises InputError for sizes that are missing, unknown or below 1, NamingError for a name in `keep` that the forward
    pass does not compute, an input for one. Source: Chen, Xu, Zhang, Guestrin 2016, "Training Deep Nets with
    Sublinear Memory Cost". `jax.checkpoint` and `torch.utils.checkpoint` take functions, whose inside is computed
    again; here the checkpoints are named, and what a later segment reads past one is kept as well.

    >>> import chainrule as cr
    >>> def deep(x: "n", W1: "n n", W2: "n n", W3: "n n"):
    ...     h1 = cr.tanh(W1 @ x)
    ...     h2 = cr.tanh(W2 @ h1)
    ...     return cr.sum(cr.tanh(W3 @ h2))
    >>> report = cr.measure_recompute(cr.derive(deep), keep=["h1"], n=20, repeats=1)
    >>> report.difference, report.counted.again.macs, round(report.counted_ratio, 2)
    (0.0, 800, 1.22)
    """
    if not isinstance(derivation, Derivation):
        raise GraphError("measure_recompute takes a derivation: cr.measure_recompute(cr.derive(f), ...)")
    graph = derivation.graph
    names = [keep] if isinstance(keep, str) else list(keep)
    if repeats < 1:
        raise InputError(f"repeats must be at least 1, not {repeats}")
    shapes = shapes_at(graph, sizes)
    counted = derivation.cost.at(**sizes) if sizes else derivation.cost
    made = [
        Compiled(graph, engine, dtype, derivation.wrt),
        Compiled(graph, engine, dtype, derivation.wrt, let_go=True),
        Compiled(graph, engine, dtype, derivation.wrt, keep=names),
    ]
    signature = Signature(graph.name, list(graph.inputs.values()), made[0].program.outputs)
    signature.sizes(shapes)
    point = draw_point(graph, signature, {}, sizes, np.random.default_rng(seed))
    arrays = {k: made[0].place(a.astype(dtype) if a.dtype.kind == "f" else a) for k, a in point.items()}
    answers = [program(**arrays)[1] for program in made]
    seconds = _timed([_call(program, arrays) for program in made], repeats)
    kept = f"keeping {', '.join(names)}" if names else "computing everything again"
    titles = ("cr.compile(d)", "letting go of each result", kept)
    plain, whole, again = [
        Measured(t, s, program.peak_bytes(**arrays), program.flops(**sizes) if engine == "xla" else None)
        for t, s, program in zip(titles, seconds, made)
    ]
    apart = max((_apart(answers[0][k], other[k]) for other in answers[1:] for k in answers[0]), default=0.0)
    return RecomputeReport(plain, whole, again, counted.recomputing(names), counted.total, apart, engine, dtype)


def _call(program: Compiled, arrays: Mapping[str, Any]) -> Callable[[], None]:
    def call() -> None:
        value, gradients = program(**arrays)
        for result in (value, *gradients.values()):
            wait = getattr(result, "block_until_ready", None)  # an array of JAX may be on its way
            if wait is not None:
                wait()

    return call


def _timed(calls: Sequence[Callable[[], None]], repeats: int) -> list[float]:
    """The median seconds of each call; they take turns, so that what disturbs the machine disturbs all of them."""
    often = []
    for call in calls:
        start = time.perf_counter()
        call()
        often.append(max(1, round(_LEAST_SECONDS / max(time.perf_counter() - start, 1e-9))))
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, times, seconds in zip(calls, often, found):
            start = time.perf_counter()
            for _ in range(times):
                call()
            seconds.append((time.perf_counter() - start) / times)
    return [median(seconds) for seconds in found]


def _apart(a: Any, b: Any) -> float:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(np.max(np.abs(a - b) / np.maximum(1e-8, np.abs(a) + np.abs(b))))


__all__ = ["Measured", "RecomputeReport", "measure_recompute"]
