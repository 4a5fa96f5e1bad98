"""Programs for XLA, through JAX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..graph.table import Table
from ..ops import arithmetic as A
from ..ops import elementary as E
from ..ops import indexing as I
from ..ops import reduce as R
from ..ops.memory import AGAIN
from ..views.source import Dialect, Program
from .kernels import along, array_rules, convolution_rules, over
from .load import load
from .noise import Noise
from .watched import Watched
from .xla_convolution import conv2d, conv2d_input, conv2d_kernel

kernel = Table("xla")


# Helpers: printed above the programs that use them ------------------------------------------------------------------


def xdivy(a, p):
    zero = a == 0
    return jnp.where(zero, 0, a / jnp.where(zero, 1, p))


def pad_between(x, before, after, gap):
    shape = [b + n + (n - 1) * k + a for n, b, a, k in zip(x.shape, before, after, gap)]
    at = tuple(slice(b, s - a, k + 1) for b, a, k, s in zip(before, after, gap, shape))
    return jnp.zeros(shape, x.dtype).at[at].set(x)


def nn(function: str):
    """A function of jax.nn or jax.scipy, given its arguments after the array's."""
    return lambda p, n, *xs: f"{p.imported('jax')}.{function}({', '.join(xs)})"


array_rules(kernel, "jnp", xdivy, pad_between)
# XLA, which orders its work itself, would otherwise find that x is computed already and keep it
kernel[AGAIN] = lambda p, n, x, after: f"{p.imported('jax')}.lax.optimization_barrier(({x}, {after}))[0]"
kernel[E.SIGMOID] = nn("nn.sigmoid")
kernel[E.ERF] = nn("scipy.special.erf")
kernel[A.XLOGY] = nn("scipy.special.xlogy")
kernel[R.SOFTMAX] = lambda p, n, x: f"{p.imported('jax')}.nn.softmax({x}, axis={along(n)})"
kernel[R.LOG_SOFTMAX] = lambda p, n, x: f"{p.imported('jax')}.nn.log_softmax({x}, axis={along(n)})"
kernel[R.LOGSUMEXP] = lambda p, n, x: (
    f"{p.imported('jax')}.nn.logsumexp("
    f"{', '.join(filter(None, (x, over(n.attr('axis'), n.args[0].ndim, n.attr('keepdims')))))})"
)
kernel[I.ONE_HOT] = lambda p, n, i: f"{p.imported('jax')}.nn.one_hot({i}, {p.size(n.attr('classes'))}, dtype={p.dtype})"
kernel[I.PUT] = lambda p, n, g, i: f"jnp.zeros({p.shape(n.shape)}, {g}.dtype).at[{':, ' * n.attr('axis')}{i}].add({g})"
kernel[I.SCATTER] = lambda p, n, g, *i: f"jnp.zeros({p.shape(n.shape)}, {g}.dtype).at[{', '.join(i)}].add({g})"

convolution_rules(kernel, conv2d, conv2d_kernel, conv2d_input, library="jax")


DIALECT = Dialect(
    "xla",
    "jnp",
    {"math": "import math", "jax": "import jax", "jnp": "import jax.numpy as jnp"},
    kernel,
    (xdivy, pad_between, conv2d, conv2d_kernel, conv2d_input),
    reuses_memory=False,
)


class Jitted:
    """A program as a function of arrays, compiled at its first call, and the loops that were made of it."""

    def __init__(self, function: Callable[..., Any]):
        self._plain, self._compiled = function, jax.jit(function)
        self._loops: dict[tuple[Any, ...], Callable[..., Any]] = {}

    def __call__(self, *arrays: Any) -> Any:
        with jax.enable_x64(True):
            return self._compiled(*arrays)

    def plan(self, *arrays: Any) -> Any:
        """What XLA makes of the program at these arrays, with its own analyses of cost and memory."""
        with jax.enable_x64(True):
            return self._compiled.lower(*arrays).compile()

    def loop(
        self,
        inputs: tuple[str, ...],
        updated: tuple[str, ...],
        records: int,
        noise: tuple[Noise, ...],
        watched: Watched | None,
    ) -> Callable[..., Any]:
        """`_scan` over the program; `updated` names the states, and `records` results come before the new ones."""
        plain = watched._replace(function=watched.function._plain) if watched else None  # type: ignore[attr-defined]
        key = inputs, updated, records, noise, plain
        if key not in self._loops:
            self._loops[key] = jax.jit(partial(_scan, self._plain, *key), donate_argnums=0)
        return self._loops[key]


class XlaEngine:
    """Runs printed programs through `jax.jit`. 64-bit types are on for the time of a call: float64 stays float64."""

    dialect = DIALECT
    precisions = ("float64", "float32", "bfloat16")

    def load(self, program: Program) -> Jitted:
        return Jitted(load(program))

    def place(self, array: Any) -> Any:
        """The array on the device; on a CPU without a copy where its memory allows."""
        with jax.enable_x64(True):
            return jax.device_put(array)

    def peak_bytes(self, function: Jitted, arrays: Sequence[Any]) -> int:
        """What XLA plans for the results and the temporaries of one call."""
        found = function.plan(*arrays).memory_analysis()
        return found.temp_size_in_bytes + found.output_size_in_bytes

    def flops(self, function: Jitted, shapes: Sequence[tuple[tuple[int, ...], str]]) -> int:
        """What XLA counts in the program it makes for arrays of these shapes and types."""
        with jax.enable_x64(True):
            arrays = [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in shapes]
        found = function.plan(*arrays).cost_analysis() or {}
        return round(found.get("flops", 0))

    def steps(
        self,
        function: Jitted,
        inputs: Sequence[str],
        records: int,
        state: Mapping[str, Any],
        data: Mapping[str, Any],
        order: Any,
        constants: Mapping[str, Any],
        each: Mapping[str, Any],
        noise: Sequence[Noise],
        seed: int,
        first: int,
        watched: Watched | None,
    ) -> tuple[dict[str, Any], list[Any]]:
        """All updates in one call: a scan over `order` with the data on the device and the state's buffers donated.

        Step k sees the rows `order[k]` of `data`, `each[name][k]`, and noise of the step first + k.
        """
        loop = function.loop(tuple(inputs), tuple(state), records, tuple(noise), watched)
        with jax.enable_x64(True):
            own = {k: v if isinstance(v, jax.Array) else jnp.array(v) for k, v in state.items()}
            start = np.uint32(seed), np.uint32(first)  # traced: another seed needs no other program
            now, kept = loop(own, dict(constants), dict(data), jnp.asarray(order), dict(each), start)
            return now, [np.asarray(k) for k in kept]


def _scan(
    function: Callable[..., Any], inputs: tuple[str, ...], updated: tuple[str, ...], records: int,
    noise: tuple[Noise, ...], watched: Watched | None, state: Any, constants: Any, data: Any, order: Any, each: Any,
    start: Any,
):  # fmt: skip
    """`updated` names the states in the order of the program's results: JAX hands dictionaries back sorted by key.

    Steps that are watched begin groups of steps, each a scan in a scan: a condition in every step would copy the state.
    """

    seed, first = start
    numbers = first + jnp.arange(len(order), dtype=np.uint32) if noise else None

    def step(function: Callable[..., Any], records: int, state: Any, now: Any) -> Any:
        rows, each, number = now
        batch = {k: jnp.take(v, rows, axis=0, mode="clip") for k, v in data.items()}
        drawn = {n.name: n.at(jnp, seed, number) for n in noise}
        given = state | constants | batch | each | drawn
        results = function(*[given[k] for k in inputs])
        return dict(zip(updated, results[records:])), results[:records]

    every_step = partial(step, function, records)
    if watched is None:
        return jax.lax.scan(every_step, state, (order, each, numbers))

    def group(state: Any, now: Any) -> Any:
        head, rest = jax.tree.map(lambda a: a[0], now), jax.tree.map(lambda a: a[1:], now)
        state, seen = step(watched.function, records + watched.further, state, head)
        state, kept = jax.lax.scan(every_step, state, rest)
        joined = [jnp.concatenate([a[None], b]) for a, b in zip(seen, kept)]
        return state, (joined, seen[records:])

    whole = len(order) // watched.every
    cut = whole * watched.every
    groups, last = (
        jax.tree.map(f, (order, each, numbers))
        for f in (lambda a: a[:cut].reshape(whole, watched.every, *a.shape[1:]), lambda a: a[cut:])
    )
    state, (kept, seen) = jax.lax.scan(group, state, groups)
    kept = [a.reshape(cut, *a.shape[2:]) for a in kept]
    if cut < len(order):
        state, (rest, more) = group(state, last)
        kept = [jnp.concatenate([a, b]) for a, b in zip(kept, rest)]
        seen = [jnp.concatenate([a, b[None]]) for a, b in zip(seen, more)]
    unseen = [jnp.full((len(order), *a.shape[1:]), jnp.nan, a.dtype) for a in seen]
    return state, [*kept, *(a.at[:: watched.every].set(b) for a, b in zip(unseen, seen))]


ENGINE = XlaEngine()
