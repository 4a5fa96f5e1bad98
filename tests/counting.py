"""Arrays that count what is computed with them, to hold the counted costs against what programs really do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod

import numpy as np

import chainrule as cr

COUNTED = {
    "multiplications": "multiply square",
    "additions": "add subtract",
    "comparisons": "maximum minimum less less_equal greater greater_equal equal sign",
    "special": "divide exp expm1 log log1p sqrt sin cos tanh logaddexp expit erf xlogy",
}
CONCERN = {ufunc: name for name, ufuncs in COUNTED.items() for ufunc in ufuncs.split()}


class Counting(np.ndarray):
    """An array that counts what is computed with it."""

    seen: Counter

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        plain = [x.view(np.ndarray) if isinstance(x, Counting) else x for x in inputs]
        if out is not None:
            kwargs["out"] = tuple(x.view(np.ndarray) if isinstance(x, Counting) else x for x in out)
        result = getattr(ufunc, method)(*plain, **kwargs)
        size = np.size(plain[2] if method == "at" else result)
        if method == "reduce":
            size = np.size(plain[0]) - size
        if ufunc is np.matmul:
            inner = np.shape(plain[0])[-1]
            self.seen.update(multiplications=size * inner, additions=size * (inner - 1), macs=size * inner)
        elif ufunc is np.power:
            self.seen["multiplications"] += size * {2: 1, 3: 2}[int(plain[1])]
        elif ufunc.__name__ in CONCERN:
            self.seen[CONCERN[ufunc.__name__]] += size
        return out[0] if out is not None else counting(result, self.seen) if result is not None else None

    def __array_function__(self, function, types, args, kwargs):
        plain = [x.view(np.ndarray) if isinstance(x, Counting) else x for x in args]
        if function is np.einsum:
            (left, right), out = args[0].split("->")[0].split(","), args[0].split("->")[1]
            letters = dict(zip(left + right, plain[1].shape + plain[2].shape))
            work, size = prod(letters.values()), prod(letters[c] for c in out)
            macs = 0 if set(letters) in (set(left), set(right)) and size == work else work
            self.seen.update(multiplications=work, additions=work - size, macs=macs)
        elif function is np.outer:
            self.seen.update(multiplications=plain[0].size * plain[1].size, macs=plain[0].size * plain[1].size)
        else:
            return super().__array_function__(function, types, args, kwargs)
        return counting(function(*plain, **kwargs), self.seen)

    def __array_finalize__(self, origin):
        self.seen = getattr(origin, "seen", None)


def counting(x, seen: Counter) -> Counting:
    new = np.asarray(x).view(Counting)
    new.seen = seen
    return new


class CountingNumpy:
    """NumPy, whose functions answer arrays that count."""

    def __init__(self, seen: Counter):
        self.seen = seen

    def __getattr__(self, name: str):
        function = getattr(np, name)
        if isinstance(function, (np.ufunc, type)) or not callable(function):
            return function
        return lambda *args, **kwargs: counting(function(*args, **kwargs), self.seen)


def run_and_count(target, sizes: dict[str, int], keep: Sequence[str] | None = None) -> Counter:
    """What one run of the program that `target` compiles to really does, by kind of operation."""
    compiled, seen = cr.compile(target, keep=keep), Counter()
    g, rng, namespace = compiled.graph, np.random.default_rng(0), {}
    exec(compiled.source, namespace)
    values = []
    namespace["np"] = CountingNumpy(seen)
    for x in g.inputs.values():
        shape = [sizes.get(str(s), s) for s in x.shape]
        array = rng.integers(0, 2, shape) if x.kind == "integer" else rng.uniform(0.1, 0.9, shape)
        values.append(counting(array, seen))
    namespace[compiled.program.function](*values)
    return seen
