"""Derivatives from values alone, to hold others against: central differences, and how far two arrays are apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..graph.errors import InputError

SMALLEST = 1e-8
"""Below this sum of magnitudes a relative error is measured against this number instead: 0 has no relative error."""


def numerical_gradient(f: Callable[[Any], Any], array: Any, h: float = 1e-5) -> np.ndarray:
    """The gradient of `f` at `array` by central differences, entry by entry:

        ∂f/∂xₖ ≈ (f(x + h eₖ) − f(x − h eₖ)) / 2h

    f       array -> one number; a 0-d array or an array with one entry will do
    array   float64, any shape, 0-d too: the gradient has that shape. It is changed in place while `f` runs, so that `f`
            may also reach it by another way, and afterwards holds what it held, bit for bit, also when `f` raises. An
            array that cannot be written entry by entry (read-only, broadcast) and a list are copied for `f` instead.
    h       the step. Where x + h or x − h is rounded, the step actually taken divides.

    The error is about h²|f'''|/6 from cutting the series and ε|f|/h from rounding (ε = 2.2e-16), least near h = 6e-6:
    Nocedal and Wright, Numerical Optimization, 2nd ed., section 8.1. It takes two calls of `f` for each entry.

    Raises InputError for an array that is not float64 (differences of float32 keep two digits at best, integers cannot
    move by h), for a step that is lost in rounding, for an `f` that changes its argument or does not answer a number.

    >>> import numpy as np
    >>> x = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> numerical_gradient(lambda a: (a**3).sum(), x).round(6)
    array([[ 3., 12.],
           [27., 48.]])
    """
    x = _writable(array)
    if not (isinstance(h, (int, float, np.number)) and math.isfinite(h) and h > 0):
        raise InputError(f"the step h must be a positive number, not {h!r}")
    before = x.copy()
    gradient = np.zeros_like(before)
    checked = False
    try:
        for k in np.ndindex(x.shape):
            here = before[k]
            up, down = here + h, here - h
            if up <= here or down >= here:
                where = entry_text("the entry array", k)
                raise InputError(f"the step h = {h} is lost beside {where} = {here}; take a larger h")
            values = []
            for moved in (up, down):
                x[k] = moved
                values.append(number_of(f(x)))
                if not checked:
                    _check_untouched(x, before, k, moved)
                    checked = True
            x[k] = here
            gradient[k] = (values[0] - values[1]) / float(up - down)
    finally:
        x[...] = before
    return gradient


def relative_error(a: Any, b: Any) -> float:
    """How far two arrays are apart: the largest of |a − b| / max(10⁻⁸, |a| + |b|) over their entries.

    0 is perfect, 1 is hopeless (a wrong sign, or 0 against anything). Below 1e-7 two gradients in float64 agree; at
    1e-4 one of them is wrong, unless the point lies near a kink.

    `a` and `b` are arrays or numbers of one shape; no entries at all are 0 apart. NaN anywhere gives NaN. Equal
    infinities are 0 apart, any other infinity is infinitely far from anything. Raises InputError where the shapes
    differ, and for what is not numbers.

    >>> relative_error([1.0, 2.0], [1.0, 2.002])
    0.00049975...
    >>> relative_error(1.0, -1.0)
    1.0
    """
    first, second = (_numbers(v) for v in (a, b))
    if first.shape != second.shape:
        raise InputError(f"the arrays differ in shape, {first.shape} and {second.shape}, and so cannot be compared")
    if not first.size:
        return 0.0
    if np.isnan(first).any() or np.isnan(second).any():
        return math.nan
    first, second = first / 2, second / 2  # sums of the largest numbers would overflow
    infinite = np.isinf(first) | np.isinf(second)
    with np.errstate(invalid="ignore"):
        error = np.abs(first - second) / np.maximum(SMALLEST / 2, np.abs(first) + np.abs(second))
    return float(np.where(infinite, np.where(first == second, 0.0, np.inf), error).max())


def number_of(value: Any) -> float:
    """What a loss function answered, as a Python number.

    Raises InputError unless it is one real number.
    """
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):  # a node, a ragged list
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        if str(getattr(value, "dtype", "")) == "bfloat16" and getattr(value, "size", 0) == 1:
            return float(value)
        raise InputError(f"the function must answer a number, not {type(value).__name__}")
    if array.size != 1:
        raise InputError(f"the function must answer one number, not an array of shape {array.shape}; sum it")
    return float(array.reshape(()))


def entry_text(name: str, entry: tuple[int, ...] | None) -> str:
    """An entry as Python writes it.

    >>> entry_text("W", (0, 2)), entry_text("t", ())
    ('W[0, 2]', 't')
    """
    return f"{name}[{', '.join(map(str, entry))}]" if entry else name


def _writable(array: Any) -> np.ndarray:
    """`array` itself where each of its entries can be changed alone, else a copy."""
    x = array if isinstance(array, np.ndarray) else np.asarray(array)
    if x.dtype.kind != "f" or x.dtype.itemsize < 8:
        if x.dtype.kind not in "biuf":
            raise InputError(f"the array must hold float64, not {x.dtype}")
        why = "rounding would drown the differences" if x.dtype.kind == "f" else "they cannot move by a small step"
        raise InputError(f"the array holds {x.dtype} and must hold float64, for {why}; convert it: array.astype(float)")
    shared = any(step == 0 and count > 1 for step, count in zip(x.strides, x.shape))
    return x if x.flags.writeable and not shared else x.copy()


def _numbers(value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
        if array.dtype.kind in "biuf" or str(array.dtype) == "bfloat16":
            return array.astype(np.float64)
    except ValueError:
        pass
    raise InputError(f"relative_error compares arrays of real numbers, and {type(value).__name__} is none")


def _check_untouched(x: np.ndarray, before: np.ndarray, entry: tuple[int, ...], moved: Any) -> None:
    expected = before.copy()
    expected[entry] = moved
    if not np.array_equal(x, expected, equal_nan=True):
        raise InputError("the function changes the array it is given; let it work on a copy: lambda a: f(a.copy())")


__all__ = ["SMALLEST", "entry_text", "number_of", "numerical_gradient", "relative_error"]
