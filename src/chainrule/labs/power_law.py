"""y = c · x^a, fitted by least squares to the logarithms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class PowerLaw:
    """y = factor · x^exponent.

    error   the standard error of the exponent; NaN for two points, which leave no residual
    """

    factor: float
    exponent: float
    error: float

    def __call__(self, x: ArrayLike) -> NDArray[np.float64]:
        return self.factor * np.asarray(x, float) ** self.exponent

    def agrees(self, expected: float, tolerance: float = 0.05) -> bool:
        """Whether the exponent lies within two standard errors of what is expected, or within the tolerance."""
        error = 0.0 if math.isnan(self.error) else self.error
        return abs(self.exponent - expected) <= max(2 * error, tolerance)


def power_law(x: ArrayLike, y: ArrayLike) -> PowerLaw:
    """The line through (log x, log y) with the least sum of squares; at least two different x, all above 0.

    >>> law = power_law([1, 2, 4, 8], [3, 12, 48, 192])
    >>> round(law.exponent, 9), round(law.factor, 9), round(law.error, 9)
    (2.0, 3.0, 0.0)
    """
    u, v = np.log(np.asarray(x, float)), np.log(np.asarray(y, float))
    deviations = u - u.mean()
    spread = float(deviations @ deviations)
    exponent = float(deviations @ v) / spread
    intercept = float(v.mean() - exponent * u.mean())
    residuals = v - intercept - exponent * u
    error = math.sqrt(float(residuals @ residuals) / (len(u) - 2) / spread) if len(u) > 2 else math.nan
    return PowerLaw(math.exp(intercept), exponent, error)


__all__ = ["PowerLaw", "power_law"]
