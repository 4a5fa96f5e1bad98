"""Programs for NumPy (and SciPy's special functions)."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..graph.table import Table
from ..ops import arithmetic as A
from ..ops import elementary as E
from ..ops import indexing as I
from ..ops import reduce as R
from ..ops.memory import AGAIN
from ..views.source import Dialect, Program, Rule
from .kernels import along, array_rules, convolution_rules, over
from .load import load
from .noise import Noise
from .numpy_convolution import conv2d, conv2d_input, conv2d_kernel, patches
from .watched import Watched

kernel = Table("numpy")


# Helpers: printed above the programs that use them ------------------------------------------------------------------


def softmax(x, axis):
    e = x - x.max(axis=axis, keepdims=True)  # the largest exponent is 0: no overflow
    np.exp(e, out=e)
    e /= e.sum(axis=axis, keepdims=True)
    return e


def log_softmax(x, axis):
    y = x - x.max(axis=axis, keepdims=True)
    y -= np.log(np.exp(y).sum(axis=axis, keepdims=True))
    return y


def logsumexp(x, axis=None, keepdims=False):
    m = x.max(axis=axis, keepdims=True)
    m = np.where(np.isfinite(m), m, 0)
    y = np.log(np.exp(x - m).sum(axis=axis, keepdims=True)) + m
    return y if keepdims else y.squeeze(axis)


def xdivy(a, p):
    zero = a == 0
    return np.where(zero, 0, a / np.where(zero, 1, p))


def one_hot(labels, classes, dtype):
    return (labels[..., None] == np.arange(classes)).astype(dtype)


def put(g, i, axis, shape):
    x = np.zeros(shape, g.dtype)
    np.add.at(x, (slice(None),) * axis + (i,), g)
    return x


def scatter(g, i, shape):
    x = np.zeros(shape, g.dtype)
    np.add.at(x, i, g)
    return x


def pad_between(x, before, after, gap):
    shape = [b + n + (n - 1) * k + a for n, b, a, k in zip(x.shape, before, after, gap)]
    y = np.zeros(shape, x.dtype)
    y[tuple(slice(b, s - a, k + 1) for b, a, k, s in zip(before, after, gap, shape))] = x
    return y


def special(function: str) -> Rule:
    return lambda p, n, *xs: f"{p.imported(function)}({', '.join(xs)})"


array_rules(kernel, "np", xdivy, pad_between)
kernel[AGAIN] = lambda p, n, x, after: x  # statements run in the order in which they stand
kernel[E.SIGMOID] = special("expit")
kernel[E.ERF] = special("erf")
kernel[A.XLOGY] = special("xlogy")
kernel[R.SOFTMAX] = lambda p, n, x: f"{p.helper(softmax)}({x}, axis={along(n)})"
kernel[R.LOG_SOFTMAX] = lambda p, n, x: f"{p.helper(log_softmax)}({x}, axis={along(n)})"
kernel[R.LOGSUMEXP] = lambda p, n, x: (
    f"{p.helper(logsumexp)}({', '.join(filter(None, (x, over(n.attr('axis'), n.args[0].ndim, n.attr('keepdims')))))})"
)
kernel[I.ONE_HOT] = lambda p, n, i: f"{p.helper(one_hot)}({i}, {p.size(n.attr('classes'))}, {p.dtype})"
kernel[I.PUT] = lambda p, n, g, i: f"{p.helper(put)}({g}, {i}, {n.attr('axis')}, {p.shape(n.shape)})"
kernel[I.SCATTER] = lambda p, n, g, *i: f"{p.helper(scatter)}({g}, ({', '.join(i)},), {p.shape(n.shape)})"

convolution_rules(kernel, conv2d, conv2d_kernel, conv2d_input, patches)


DIALECT = Dialect(
    "numpy",
    "np",
    {
        "math": "import math",
        "np": "import numpy as np",
        "erf": "from scipy.special import erf",
        "expit": "from scipy.special import expit",
        "xlogy": "from scipy.special import xlogy",
    },
    kernel,
    (softmax, log_softmax, logsumexp, xdivy, one_hot, put, scatter, pad_between, patches, conv2d, conv2d_kernel,
     conv2d_input),
    reuses_memory=True,
)


class NumpyEngine:
    """Runs printed programs on NumPy."""

    dialect = DIALECT
    precisions = ("float64", "float32")

    def load(self, program: Program) -> Callable[..., Any]:
        """The program as a function of arrays; infinities and NaN come without warnings, as IEEE 754 has them."""
        function = load(program)

        def run(*arrays: Any) -> Any:
            with np.errstate(all="ignore"):
                return function(*arrays)

        return run

    def place(self, array: Any) -> Any:
        return np.asarray(array)

    def peak_bytes(self, function: Callable[..., Any], arrays: Sequence[Any]) -> int:
        """The most that is allocated at a time in one call, results included."""
        running = tracemalloc.is_tracing()
        if not running:
            tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            function(*arrays)
            return tracemalloc.get_traced_memory()[1] - before
        finally:
            if not running:
                tracemalloc.stop()

    def steps(
        self,
        function: Callable[..., Any],
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
        """One update after another: step k sees the rows `order[k]` of `data`, `each[name][k]`, noise of first + k."""
        now = {k: np.array(v) for k, v in state.items()}
        fixed = dict(constants)
        further = watched.further if watched else 0
        kept: list[list[Any]] = [[] for _ in range(records + further)]
        unseen = (np.nan,) * further
        order = np.asarray(order)
        # every batch in the same memory: fresh memory costs a page fault for each 4 kB
        memory = {k: np.empty((order.shape[1], *v.shape[1:]), v.dtype) for k, v in data.items()}
        streams = {n.name: n.stream(seed, first, len(order)) for n in noise}
        for k, rows in enumerate(order):
            given = now | fixed
            for name, v in data.items():
                given[name] = np.take(v, rows, axis=0, out=memory[name], mode="clip")
            for name, v in each.items():
                given[name] = v[k]
            for name, drawn in streams.items():
                given[name] = next(drawn)
            arrays = [given[name] for name in inputs]
            if watched and k % watched.every == 0:
                results = watched.function(*arrays)
            else:
                results = function(*arrays)
                results = (*results[:records], *unseen, *results[records:]) if further else results
            for record, value in zip(kept, results):
                record.append(value)
            now = dict(zip(now, results[records + further :]))
        loss = np.result_type(*kept[0]) if further and kept[0] else None  # NaN alone would be float64
        return now, [np.array(r, loss if i >= records else None) for i, r in enumerate(kept)]


ENGINE = NumpyEngine()
