"""Where training starts: how a parameter is drawn. Weights are ``(in, out)``, kernels ``(…, in, out)``.

Each parameter has a stream of its own, decided by the seed and the parameter's name: a layer that is added at the end
changes no other layer's numbers, and neither does another initialiser elsewhere. The draws are NumPy's, so they are the
same whichever engine goes on from them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.dims import shape_text
from ..graph.errors import InputError, ShapeError

Array = NDArray[np.float64]


class Initialiser:
    """Draws a parameter's first value. A subclass defines `draw`."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], drawn: Mapping[str, Array]) -> Array:
        """An array of `shape`. `drawn` holds the parameters before it, by name."""
        raise NotImplementedError

    def check(self, shape: tuple[Any, ...]) -> None:
        """Raises ShapeError for a shape that it cannot fill; sizes may be symbols."""


@dataclass(frozen=True)
class Zeros(Initialiser):
    """0 everywhere. Usual for biases; for weights it leaves all neurons of a layer alike."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], drawn: Mapping[str, Array]) -> Array:
        return np.zeros(shape)


@dataclass(frozen=True)
class Constant(Initialiser):
    """`value` everywhere."""

    value: float

    def __post_init__(self) -> None:
        _finite("value", self.value)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], drawn: Mapping[str, Array]) -> Array:
        return np.full(shape, float(self.value))


@dataclass(frozen=True)
class Normal(Initialiser):
    """w ~ N(0, std²)."""

    std: float = 0.01

    def __post_init__(self) -> None:
        _positive("std", self.std)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], drawn: Mapping[str, Array]) -> Array:
        return self.std * rng.standard_normal(shape)


@dataclass(frozen=True)
class He(Initialiser):
    """w ~ N(0, 2 / ((1 + slope²) · in)): a layer of rectifiers then passes variance on as it came, forwards.

    slope   that of the rectifier below 0: 0 for ReLU, the leak for LeakyReLU

    Source: He, Zhang, Ren and Sun, Delving Deep into Rectifiers, ICCV 2015, equations 10 and 15. The same as PyTorch's
    ``kaiming_normal_(w, a=slope)``. It is not what PyTorch's Linear starts with: that is uniform within ±1/√in, with a
    variance of 1 / (3 in), for the biases too.

    >>> w = draw(He(), "W1", (400, 300), seed=0)
    >>> round(float(w.std() * (400 / 2) ** 0.5), 2)
    1.0
    """

    slope: float = 0.0

    def __post_init__(self) -> None:
        _finite("slope", self.slope)

    def check(self, shape: tuple[Any, ...]) -> None:
        _fans(self, shape)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], drawn: Mapping[str, Array]) -> Array:
        inputs, _ = _fans(self, shape)
        return math.sqrt(2 / ((1 + self.slope**2) * inputs)) * rng.standard_normal(shape)


@dataclass(frozen=True)
class Glorot(Initialiser):
    """w ~ U(−a, a) with a = gain · √(6 / (in + out)), hence variance gain² · 2 / (in + out).

    gain    1 for tanh as in the paper; PyTorch's ``calculate_gain`` recommends 5/3 for tanh

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010,
    equation 16. The same as PyTorch's ``xavier_uniform_`` and Keras' ``glorot_uniform``, which is Keras' default.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        _positive("gain", self.gain)

    def check(self, shape: tuple[Any, ...]) -> None:
        _fans(self, shape)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], drawn: Mapping[str, Array]) -> Array:
        return self.gain * math.sqrt(6 / sum(_fans(self, shape))) * rng.uniform(-1.0, 1.0, shape)


@dataclass(frozen=True)
class Orthogonal(Initialiser):
    """gain · Q, where the columns of Q (in, out) are orthonormal, or its rows where in < out: QᵀQ = I or QQᵀ = I.

    Q is that of a matrix of normal numbers, with the signs that make it uniform over such matrices. Further axes in
    front are counted to `in`, as a convolution's kernel has them.

    Source: Saxe, McClelland and Ganguli, Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks, ICLR 2014; the signs: Mezzadri, How to generate random matrices from the classical compact groups, 2007.
    PyTorch's ``orthogonal_`` is the same for its (out, in).
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        _positive("gain", self.gain)

    def check(self, shape: tuple[Any, ...]) -> None:
        _fans(self, shape)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], drawn: Mapping[str, Array]) -> Array:
        _fans(self, shape)
        rows, columns = prod(shape[:-1]), shape[-1]
        Q, R = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        Q = Q * np.where(np.diag(R) < 0, -1.0, 1.0)
        return self.gain * (Q if rows >= columns else Q.T).reshape(shape)


@dataclass(frozen=True, eq=False)
class Given(Initialiser):
    """An array that is there already, copied. A layer takes such an array as it is: ``Linear(5, 3, init=W)``.

    >>> np.random.seed(42)
    >>> W = np.random.randn(10, 5) * np.sqrt(2 / 5)  # (out, in), as y = W x has it: hence W.T for X @ W
    >>> draw(Given(W.T), "W1", (5, 10)).shape
    (5, 10)
    """

    array: Array

    def __post_init__(self) -> None:
        try:
            array = np.array(self.array, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(f"a parameter starts from an array of numbers, not from {self.array!r}") from None
        array.flags.writeable = False
        object.__setattr__(self, "array", array)

    def check(self, shape: tuple[Any, ...]) -> None:
        if tuple(shape) != self.array.shape:
            turned = len(shape) == 2 and self.array.T.shape == tuple(shape)
            hint = ": weights are (in, out) here, so give its transpose" if turned else ""
            raise ShapeError(f"the array given has shape {self.array.shape}, and {shape_text(shape)} is needed{hint}")

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], drawn: Mapping[str, Array]) -> Array:
        self.check(shape)
        return self.array.copy()

    def __repr__(self) -> str:
        return f"an array {self.array.shape}"


@dataclass(frozen=True)
class ColumnNorms(Initialiser):
    """‖v‖ for every column v of the parameter `of`: with these a weight norm begins with W = V."""

    of: str

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], drawn: Mapping[str, Array]) -> Array:
        return np.linalg.norm(drawn[self.of], axis=0)


def initialiser(given: Any) -> Initialiser:
    """What draws a parameter: an initialiser as it is, an array as `Given`. Raises InputError for anything else."""
    if isinstance(given, Initialiser):
        return given
    if isinstance(given, type) and issubclass(given, Initialiser):
        raise InputError(f"{given.__name__} is a class; make one: {given.__name__}()")
    if given is None or isinstance(given, (str, bool, Real)):
        raise InputError(
            f"a parameter starts from an initialiser, such as nn.He() or nn.Constant(0.1), or from an array, "
            f"not from {given!r}"
        )
    array: Any = given
    return Given(array)


def draw(
    how: Initialiser, name: str, shape: tuple[int, ...], seed: int = 0, drawn: Mapping[str, Array] | None = None
) -> Array:
    """The first value of the parameter `name`, in float64: a function of seed, name and shape alone.

    Raises InputError for a seed that is no integer of at least 0, ShapeError for a shape that cannot be filled.
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise InputError(f"seed is {seed!r}; it must be an integer of at least 0")
    stream = np.random.SeedSequence(int(seed), spawn_key=tuple(name.encode()))
    return how.draw(np.random.Generator(np.random.Philox(stream)), shape, drawn or {})


def _fans(how: Initialiser, shape: tuple[Any, ...]) -> tuple[Any, Any]:
    """How many numbers enter one output, and how many outputs one input enters."""
    if len(shape) < 2:
        raise ShapeError(
            f"{how!r} draws weights, of shape (in, out); {shape_text(shape)} has no such axes: take Zeros, Constant "
            f"or Normal"
        )
    *field, inputs, outputs = shape
    return prod(field) * inputs, prod(field) * outputs


def _finite(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise InputError(f"{name} is {value!r}; it must be a finite number")


def _positive(name: str, value: Any) -> None:
    _finite(name, value)
    if value <= 0:
        raise InputError(f"{name} is {value!r}; it must be above 0")


__all__ = [
    "ColumnNorms", "Constant", "Given", "Glorot", "He", "Initialiser", "Normal", "Orthogonal", "Zeros", "draw",
    "initialiser",
]  # fmt: skip
