"""The ends of a symmetric matrix's spectrum, from its products with vectors alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .norms import norm

_KEPT = 50  # vectors in memory; then it starts again from the best one


@dataclass(frozen=True)
class Ends:
    """value ≈ the largest eigenvalue with its unit vector; `smallest`: the smallest Ritz value that was met.

    rounding   how far rounding may move any of the eigenvalues, about
    """

    value: float
    vector: Any
    smallest: float
    residual: float
    products: int
    converged: bool
    rounding: float


def largest(product: Callable[[Any], Any], start: Any, tolerance: float, products: int, rounding: float) -> Ends:
    """Lanczos' method with full reorthogonalisation: the best vector of the span of start, H start, H² start, …

    These are the iterates of the power iteration; of all of them together Lanczos takes the unit vector x with the
    largest xᵀ H x. So it needs no more products, and both ends of the spectrum stand apart: a negative eigenvalue of
    larger magnitude, which the power iteration would find instead, is in the way of neither.

    It stops when ‖H x − λ x‖ ≤ tolerance · |λ|, or where rounding, relative to the largest |λ|, allows no less.
    Lanczos 1950; Golub and Van Loan, Matrix Computations, chapter 10.1; Parlett, The Symmetric Eigenvalue Problem,
    chapter 13.

    >>> H = np.diag([3.0, 1.0, -7.0])
    >>> found = largest(lambda v: H @ v, np.ones(3), 1e-9, 20, 1e-15)
    >>> round(found.value, 9), round(found.smallest, 9), found.products
    (3.0, -7.0, 4)
    """
    x = start / np.linalg.norm(start)
    kept = np.empty((min(_KEPT, len(x), products), len(x)))
    used, smallest, scale = 0, math.inf, 0.0
    while True:
        Q, diagonal, beside = kept[:1], [], []
        Q[0] = x
        while True:
            w = product(Q[-1].copy())
            used += 1
            diagonal.append(float(Q[-1] @ w))
            for _ in range(2):  # once leaves rounding that the second time takes away
                w = w - Q.T @ (Q @ w)
            length = norm(w)
            values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
            value, scale = float(values[-1]), max(scale, float(np.abs(values).max()))
            smallest = min(smallest, float(values[0]))
            floor = rounding * scale
            residual = length * abs(float(vectors[-1, -1]))
            exhausted = length <= floor or len(Q) == len(x)
            done = exhausted or residual <= max(tolerance * abs(value), floor)
            if done or used >= products - 1 or len(Q) == len(kept):
                break
            beside.append(length)
            Q = kept[: len(Q) + 1]
            Q[-1] = w / length
        x = Q.T @ vectors[:, -1]
        x = x / np.linalg.norm(x)
        if done or used >= products - 1:
            break
    Hx = product(x)  # the residual as it is, not as the recurrence says
    value = float(x @ Hx)
    residual = norm(Hx - value * x)
    reached = residual <= max(2 * tolerance * abs(value), 10 * floor)
    return Ends(value, x, min(smallest, value), residual, used + 1, bool(done and reached), floor)


__all__ = ["Ends", "largest"]
