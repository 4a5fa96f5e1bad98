"""Arrays meet the graph: symbols take their sizes, every shape is verified, and one precision is chosen for a call."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..graph.constants import short
from ..graph.dims import Dim, Size, evaluate, shape_text, symbols_of
from ..graph.errors import InputError
from ..graph.node import BOOLEAN, INTEGER, LEAF, REAL, Node, describe, walk
from ..ops.indexing import GATHER, ONE_HOT, SLICE, TAKE

FLOATS = ("bfloat16", "float16", "float32", "float64")


class Signature:
    """What a program expects of its arrays. Made once for a graph, asked at every call."""

    def __init__(
        self, name: str, inputs: Sequence[Node], outputs: Sequence[Node], needs: Sequence[tuple[Size, str]] = ()
    ):
        self.name, self.inputs, self.needs = name, {n.attr("name"): n for n in inputs}, needs
        order = walk(*outputs)
        symbolic = [n for n in order if n.op is not LEAF and any(isinstance(s, Dim) for s in n.shape)]
        self.derived = list({n.shape: n for n in reversed(symbolic)}.values())[::-1]  # the first of each shape
        self.slices = [n for n in order if n.op is SLICE and _is_symbolic(n)]
        self.positions = [use for n in order for use in _positions(n)]
        self._fitted: dict[tuple[tuple[int, ...], ...], dict[str, int]] = {}

    def bind(
        self, arrays: Mapping[str, Any], dtype: str | None, supported: Sequence[str]
    ) -> tuple[list[Any], dict[str, int]]:
        """The arrays in the program's order and precision, and the value of every symbol.

        Raises InputError, in the inputs' names and shapes, for whatever does not fit.
        """
        self.check_names(arrays)
        given = {k: as_array(k, v) for k, v in arrays.items()}
        sizes = self.sizes({k: tuple(v.shape) for k, v in given.items()})
        kind = precision({k: given[k] for k, n in self.inputs.items() if n.kind == REAL}, arrays, dtype, supported)
        bound = [converted(k, given[k], n.kind, kind) for k, n in self.inputs.items()]
        self.check_positions(dict(zip(self.inputs, bound)), sizes)
        return bound, sizes

    def sizes(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
        """The value of every symbol, from the arrays' shapes. Shapes that fitted before are not verified again."""
        key = tuple(shapes[name] for name in self.inputs)
        found = self._fitted.get(key)
        if found is None:
            found = self._solved(shapes)
            if len(self._fitted) >= 256:
                self._fitted.clear()
            self._fitted[key] = found
        return found

    def implied(self, name: str, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
        """The shape of the input `name`, from the shapes of others. Raises InputError where they leave a size open."""
        sizes: dict[str, int] = {}
        for other, shape in shapes.items():
            self._check_axes(other, shape)
            sizes |= {str(s): got for s, got in zip(self.inputs[other].shape, shape)}
        wanted = self.inputs[name].shape
        unknown = sorted(symbols_of(wanted) - set(sizes))
        if unknown:
            raise InputError(f"the size {unknown[0]} of {name} {shape_text(wanted)} is that of no other input")
        return tuple(evaluate(s, sizes) for s in wanted)

    def _check_axes(self, name: str, shape: tuple[int, ...]) -> None:
        n = self.inputs[name]
        if len(shape) != n.ndim:
            axes = "1 axis" if len(shape) == 1 else f"{len(shape)} axes"
            raise InputError(f"{name} has shape {shape}, {axes}; {self.name} takes {name} as {shape_text(n.shape)}")

    def _solved(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
        sizes: dict[str, int] = {}
        source: dict[str, str] = {}
        for name, n in self.inputs.items():
            shape = shapes[name]
            self._check_axes(name, shape)
            for axis, (expected, got) in enumerate(zip(n.shape, shape)):
                if got < 1:
                    raise InputError(
                        f"{name} has shape {shape}: axis {axis} is empty, and every size must be at least 1"
                    )
                if isinstance(expected, int):
                    if got != expected:
                        raise InputError(
                            f"{name} has shape {shape} and must have {shape_text(n.shape)}: axis {axis} is {got}"
                        )
                    continue
                symbol = str(expected)
                if sizes.setdefault(symbol, got) != got:
                    raise InputError(
                        f"the size {symbol} is {sizes[symbol]} in {source[symbol]} "
                        f"{shape_text(self.inputs[source[symbol]].shape)} "
                        f"and {got} in {name} {shape_text(n.shape)}, which has shape {shape}"
                    )
                source.setdefault(symbol, name)
        self._check_derived(sizes)
        return sizes

    def check_positions(self, arrays: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
        """Integers that index must lie inside: XLA would otherwise answer without a word."""
        for name, size, what in self.positions:
            if name not in arrays:
                continue
            values, count = np.asarray(arrays[name]), evaluate(size, sizes)
            low, high = values.min(), values.max()
            if low < 0 or high >= count:
                bad = np.argwhere((values < 0) | (values >= count))[0]
                place = "" if not values.ndim else f"[{', '.join(map(str, bad))}]"
                raise InputError(f"{name}{place} is {values[tuple(bad)]}; {what} and must lie in 0 … {count - 1}")

    def check_names(self, arrays: Mapping[str, Any]) -> None:
        """Every input is there and nothing else. Raises InputError."""
        missing = [k for k in self.inputs if k not in arrays]
        unknown = [k for k in arrays if k not in self.inputs]
        if missing or unknown:
            parts = [f"{self.name} takes {', '.join(f'{k} {shape_text(n.shape)}' for k, n in self.inputs.items())}"]
            parts += [f"missing: {', '.join(missing)}"] * bool(missing) + [f"unknown: {', '.join(unknown)}"] * bool(
                unknown
            )
            raise InputError("; ".join(parts))

    def _check_derived(self, sizes: Mapping[str, int]) -> None:
        for needed, why in self.needs:
            if evaluate(needed, sizes) < 1:
                raise InputError(f"{_with(sizes)} {self.name} cannot run: {why}")
        for n in self.derived:
            shape = tuple(evaluate(s, sizes) for s in n.shape)
            if min(shape) < 1:
                raise InputError(
                    f"{_with(sizes)} {describe(n)} {shape_text(n.shape)} would have shape {shape}; "
                    f"sizes must be at least 1"
                )
        for n in self.slices:
            for axis, (start, stop, size) in enumerate(zip(n.attr("start"), n.attr("stop"), n.args[0].shape)):
                a, b, c = (evaluate(s, sizes) for s in (start, stop, size))
                if not 0 <= a < b <= c:
                    raise InputError(
                        f"{_with(sizes)} the slice {a}:{b} of {describe(n.args[0])} lies outside its axis {axis} "
                        f"of size {c}"
                    )


def precision(real: Mapping[str, Any], given: Mapping[str, Any], dtype: str | None, supported: Sequence[str]) -> str:
    """The floating-point type of a call: `dtype` if asked for, else the widest among the arrays given, else float64."""
    if dtype is None:
        found = {str(a.dtype) for k, a in real.items() if str(a.dtype) in FLOATS and hasattr(given[k], "dtype")}
        dtype = max(found, key=FLOATS.index) if found else "float64"
        if found == {"bfloat16", "float16"}:
            dtype = "float32"
    if dtype not in supported:
        raise InputError(
            f"this engine computes in {' or '.join(supported)}, not in {dtype}; pass dtype={supported[0]!r} or convert"
        )
    return dtype


def as_array(name: str, value: Any) -> Any:
    """An array whose operators are NumPy's or JAX's: a matrix, a tensor or a table would multiply in its own way."""
    if isinstance(value, np.ma.MaskedArray):
        raise InputError(f"{name} is a masked array, and programs know no mask; fill it in: {name}.filled(0)")
    if isinstance(value, np.generic) or (type(value) is np.ndarray and value.dtype.isnative) or _is_jax(value):
        return value
    try:
        array = np.asarray(value)
        if array.dtype.kind in "iuf" and not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
    except RuntimeError as error:  # a tensor of PyTorch that records gradients, or on a device
        raise InputError(f"{name} cannot be read as an array: {error}") from None
    except (TypeError, ValueError):
        array = np.asarray(None)
    if hasattr(value, "dtype") and array.dtype != object:
        return array
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} must be an array of numbers, and {type(value).__name__} {short(value)} is none")
    return array


def _is_jax(value: Any) -> bool:
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.Array)


def converted(name: str, array: Any, kind: str, dtype: str) -> Any:
    """An array as an input of that kind takes it, reals in the precision `dtype`. Raises InputError."""
    found = str(array.dtype)
    is_float, is_bool = found in FLOATS, found == "bool"
    is_int = np.dtype(array.dtype).kind in "iu"
    if not (is_float or is_bool or is_int):
        raise InputError(f"{name} holds {found}; {kind} numbers were expected")
    if kind == REAL:
        return array if found == dtype else _cast(array, dtype)
    if kind == INTEGER and not is_int:
        raise InputError(f"{name} holds {found} and must hold integers; convert it: {name}.astype(int)")
    if kind == BOOLEAN and not is_bool:
        raise InputError(
            f"{name} holds {found} and must hold booleans; compare first, or convert it: {name}.astype(bool)"
        )
    return array


def _cast(array: Any, dtype: str) -> Any:
    if dtype == "bfloat16":
        import ml_dtypes

        return np.asarray(array).astype(ml_dtypes.bfloat16) if isinstance(array, np.ndarray) else array.astype(dtype)
    with np.errstate(over="ignore"):  # as in the programs, infinities come without warnings
        return array.astype(dtype)


def _positions(n: Node) -> list[tuple[str, Any, str]]:
    """(input, bound, what it does) for inputs that index an axis directly."""
    if n.op is TAKE:
        uses = [(n.args[1], n.args[0].shape[n.attr("axis")], "it indexes an axis")]
    elif n.op is GATHER:
        uses = [(i, n.args[0].shape[k], "it indexes an axis") for k, i in enumerate(n.args[1:])]
    elif n.op is ONE_HOT:
        uses = [(n.args[0], n.attr("classes"), "it names a class")]
    else:
        return []
    return [(i.attr("name"), size, what) for i, size, what in uses if i.op is LEAF]


def _is_symbolic(n: Node) -> bool:
    return any(isinstance(s, Dim) for s in (*n.attr("start"), *n.attr("stop"), *n.args[0].shape))


def _with(sizes: Mapping[str, int]) -> str:
    return f"with {', '.join(f'{k} = {v}' for k, v in sorted(sizes.items()))}"
