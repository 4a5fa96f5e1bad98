"""Gradients against differences of the function itself, whoever made them: which input is wrong, and in which entry."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..graph.errors import InputError
from .check_report import GradientReport, InputReport, Kink, Mismatch
from .numerical import entry_text, number_of, relative_error
from .slopes import Line, Slope, judge, noise_of

ENTRIES = 100  # an input of so many entries is checked entry by entry
DIRECTIONS = 12  # a larger one in so many random directions,
SAMPLES = 20  # and in so many single entries
LOCATED = 5  # wrong entries that the directions are followed to


def compare(
    f: Callable[..., Any],
    gradients: Mapping[str, Any],
    point: Mapping[str, Any],
    *,
    tolerance: float = 1e-6,
    seed: int = 0,
    name: str = "the gradient",
) -> GradientReport:
    """Hold `gradients` of `f` at `point` against central differences.

        ∂f/∂xₖ  against  (f(x + h eₖ) − f(x − h eₖ)) / 2h,    ⟨∇f, v⟩  against  (f(x + h v) − f(x − h v)) / 2h

    f           called as f(**point), answers one number; it sees float64 copies of the point's real arrays, moved in place
    gradients   name -> array of that input's shape; the inputs named here are checked
    point       name -> array

    An input of up to 100 entries is checked entry by entry with h ≈ 10⁻⁵ max(1, |x|). A larger one is checked in 20 single
    entries and in 12 random directions v of ±max(1, |x|): a direction that disagrees is halved until the wrong entry is
    found. So any entry that is off by more than about `tolerance` times the gradient's length ‖∇f‖ is found and named. Kinks are told from errors by
    one-sided differences; see `slopes.judge`. Below about 10⁻¹⁰ |f| rounding hides a slope, and 0 and 10⁻¹² are alike.

    Nocedal and Wright, Numerical Optimization, 2nd ed., section 8.1. Raises InputError where names or shapes do not fit
    and where f is not finite at the point.

    >>> import numpy as np
    >>> wrong = {"x": np.array([2.0, 4.0, 6.5])}  # it should be 2x
    >>> report = compare(lambda x: (x**2).sum(), wrong, {"x": np.array([1.0, 2.0, 3.0])})
    >>> report.ok, report.inputs["x"].entry, round(report.inputs["x"].numeric, 6)
    (False, (2,), 6.0)
    """
    given = {k: np.asarray(a) for k, a in point.items()}
    _check_fit(gradients, given)
    own = {k: np.array(a, np.float64 if a.dtype.kind == "f" or k in gradients else None) for k, a in given.items()}
    evaluate = lambda: number_of(f(**own))
    value = evaluate()
    if not math.isfinite(value):
        raise InputError(
            f"the loss is {value} at this point, and differences of it say nothing; give a point where it is finite, "
            f"as in at={{{next(iter(gradients), 'x')!r}: ...}}, for instance positive numbers where a logarithm is taken"
        )
    rng = np.random.default_rng(seed)
    kinks: list[Kink] = []
    inputs = {}
    for k, g in gradients.items():
        analytic = np.array(g, np.float64)  # a copy: a gradient may share the memory of what is moved
        inputs[k] = _Checker(k, own[k], analytic, evaluate, value, tolerance, rng, kinks).report()
    return GradientReport(inputs, kinks, {k: np.array(a) for k, a in given.items()}, value, tolerance, name)


def _check_fit(gradients: Mapping[str, Any], point: Mapping[str, np.ndarray]) -> None:
    for k, g in gradients.items():
        if k not in point:
            raise InputError(f"there is a gradient of {k}, and the point has no {k}; it has {', '.join(point)}")
        if np.shape(g) != point[k].shape:
            raise InputError(f"the gradient of {k} has shape {np.shape(g)}, and {k} has shape {point[k].shape}")


@dataclass
class _Checker:
    """The check of one input. `x` is what `evaluate` sees; it is moved in place and put back."""

    name: str
    x: np.ndarray
    analytic: np.ndarray
    evaluate: Callable[[], float]
    value: float
    tolerance: float
    rng: np.random.Generator
    kinks: list[Kink]

    def report(self) -> InputReport:
        self.x = self.x if self.x.flags.c_contiguous else np.ascontiguousarray(self.x)
        self.flat, self.gradient = self.x.reshape(-1), self.analytic.reshape(-1).copy()
        # Powers of two, so that x + h · scale is exact
        self.scale = 2.0 ** np.ceil(np.log2(np.maximum(1.0, np.abs(self.flat))))
        self.wrong: dict[int, Mismatch] = {}
        self.worst: tuple[float, int, Slope] | None = None
        self.noise = noise_of(self._mover(0, self.flat.size, self._signs()))
        infinite = np.flatnonzero(~np.isfinite(self.gradient))
        sampled = self._sample(infinite)
        for k in sampled:
            self.entry(int(k))
        directions = DIRECTIONS if self.flat.size > ENTRIES and not infinite.size else 0
        agree = all([self.direction() for _ in range(directions)])
        error, k, slope = self.worst or (0.0, 0, Slope(0.0, 0.0, 0.0, "smooth", 0.0, 0.0, True))
        return InputReport(
            self.x.shape, error, self._place(k), slope.analytic, slope.numeric, len(sampled), directions,
            agree and not self.wrong, tuple(self.wrong.values()),
        )  # fmt: skip

    def entry(self, k: int) -> Slope:
        """Compare one entry, and write down what was found."""
        step = np.array([self.scale[k]])
        line = Line(self._mover(k, k + 1, step), self.value, self.noise)
        s = judge(line, float(self.gradient[k] * step[0]), self.tolerance)
        s = _divided(s, float(step[0]))
        if s.kind != "smooth":
            self.kinks.append(Kink(self.name, self._place(k), s.left, s.right, s.analytic, s.kind, s.ok))
        if not s.ok:
            error = relative_error(s.analytic, s.numeric)
            self.wrong[k] = Mismatch(self._place(k), s.analytic, s.numeric, error)
            s = replace(s, error=max(error, self.tolerance * (1 + 1e-9)) if not math.isnan(error) else error)
            if math.isfinite(s.numeric):
                self.gradient[k] = s.numeric  # the directions go on from there
        if self.worst is None or _worse(s.error, self.worst[0]):
            self.worst = s.error, k, s
        return s

    def direction(self) -> bool:
        """Compare the slope in a random direction; where it disagrees, find the entry. False where that is in vain."""
        signs = self._signs()
        s = self._along(0, self.flat.size, signs)
        if s.kind != "smooth":
            k = self._follow(signs, lambda half: half.kind != "smooth")
            if k is None:
                self.kinks.append(Kink(self.name, None, s.left, s.right, s.analytic, s.kind, s.ok))
            elif all(kink.entry != self._place(k) or kink.input != self.name for kink in self.kinks):
                self.entry(k)
        while not s.ok and len(self.wrong) < LOCATED:
            k = self._follow(signs, lambda half: not half.ok)
            if k is None:  # several kinks at once, each with a valid slope of its own
                return True
            if k in self.wrong or self.entry(k).ok:
                return self._failed(s)
            s = self._along(0, self.flat.size, signs)
        return s.ok or bool(self.wrong) or self._failed(s)

    def _failed(self, s: Slope) -> bool:
        """A direction is wrong, and no single entry is: small errors all over."""
        if self.worst is None or _worse(s.error, self.worst[0]):
            self.worst = s.error, self.worst[1] if self.worst else 0, self.worst[2] if self.worst else s
        return False

    def _follow(self, signs: np.ndarray, wanted: Callable[[Slope], bool]) -> int | None:
        """The entry that makes a direction disagree, by halving; None if the halves are innocent and a kink explains it."""
        low, high = 0, self.flat.size
        while high - low > 1:
            middle = (low + high) // 2
            halves = [(a, b, self._along(a, b, signs)) for a, b in ((low, middle), (middle, high))]
            if not any(wanted(s) for *_, s in halves) and any(s.kind != "smooth" for *_, s in halves):
                return None
            low, high, _ = max(halves, key=lambda half: (wanted(half[2]), abs(half[2].analytic - half[2].numeric)))
        return low

    def _along(self, low: int, high: int, signs: np.ndarray) -> Slope:
        """The slope when the entries from `low` to `high` move together."""
        v = signs[low:high]
        parts = self.gradient[low:high] * v
        line = Line(self._mover(low, high, v), self.value, self.noise)
        return judge(line, float(parts.sum()), self.tolerance, 2 * float(np.linalg.norm(parts)))

    def _mover(self, low: int, high: int, v: np.ndarray) -> Callable[[float], float]:
        """t -> f at the point with the entries from `low` to `high` moved by t v."""
        part = self.flat[low:high]
        before = part.copy()

        def move(t: float) -> float:
            np.multiply(v, t, out=part)
            part += before
            try:
                return self.evaluate()
            finally:
                part[:] = before

        return move

    def _signs(self) -> np.ndarray:
        return self.rng.choice([-1.0, 1.0], self.flat.size) * self.scale

    def _sample(self, infinite: np.ndarray) -> list[int]:
        """The entries to compare one by one: all, or the largest, any that is not finite, and a random few."""
        if self.flat.size <= ENTRIES:
            return list(range(self.flat.size))
        chosen = [*infinite[:LOCATED].tolist(), int(np.argmax(np.abs(np.nan_to_num(self.gradient))))]
        chosen += self.rng.choice(self.flat.size, SAMPLES, replace=False).tolist()
        return list(dict.fromkeys(chosen))[:SAMPLES]

    def _place(self, k: int) -> tuple[int, ...]:
        return tuple(int(i) for i in np.unravel_index(k, self.x.shape)) if self.x.shape else ()


def _divided(s: Slope, by: float) -> Slope:
    """A slope along s · eₖ as one along eₖ."""
    return replace(s, analytic=s.analytic / by, numeric=s.numeric / by, left=s.left / by, right=s.right / by)


def _worse(a: float, b: float) -> bool:
    return math.isnan(a) and not math.isnan(b) or a > b


__all__ = ["compare", "entry_text"]
