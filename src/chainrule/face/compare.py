"""Gradients against differences of the function itself, whoever made them: which input is wrong, and in which entry."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..graph.errors import InputError
from .check_report import GradientReport, InputReport, Kink, Mismatch
from .numerical import number_of, relative_error
from .slopes import Line, Slope, check_tolerance, judge, length, noise_of

ENTRIES = 100  # an input of so many entries is checked entry by entry
DIRECTIONS = 12  # a larger one in so many random directions,
SAMPLES = 20  # and in so many single entries
NEARBY = 8  # points close by at which kinks are looked for
LOCATED = 5  # wrong entries that the directions are followed to


def compare(
    f: Callable[..., Any],
    gradients: Mapping[str, Any],
    point: Mapping[str, Any],
    *,
    tolerance: float = 1e-6,
    seed: int = 0,
    name: str = "the gradient",
    around: Callable[..., Mapping[str, Any]] | None = None,
) -> GradientReport:
    """Hold `gradients` of `f` at `point` against central differences.

        ∂f/∂xₖ  against  (f(x + h eₖ) − f(x − h eₖ)) / 2h,    ⟨∇f, v⟩  against  (f(x + h v) − f(x − h v)) / 2h

    f           called as f(**point), answers one number; it sees float64 copies of the real arrays, moved in place
    gradients   name -> array of that input's shape; the inputs named here are checked
    point       name -> array
    around      computes such gradients at other points, called as f is. Where several kinks meet, the gradient may lie
                outside the two slopes and still follow the rules; with `around` such places are told from errors

    An input of up to 100 entries is checked entry by entry with h ≈ 10⁻⁵ max(1, |x|). A larger one is checked in 20
    single entries and in 12 random directions v of ±max(1, |x|): a direction that disagrees is halved until the wrong
    entry is found. So an entry that is off by more than about 2 · `tolerance` times the gradient's length ‖∇f‖ is found
    and named. Kinks are told from errors by one-sided differences; see `slopes.judge`. Slopes below about 10⁻¹⁰ |f|
    drown in rounding: 0 and 10⁻¹² |f| are alike.

    Nocedal and Wright, Numerical Optimization, 2nd ed., section 8.1. Raises InputError where names or shapes do not fit
    and where f is not finite at the point.

    >>> import numpy as np
    >>> wrong = {"x": np.array([2.0, 4.0, 6.5])}  # it should be 2x
    >>> report = compare(lambda x: (x**2).sum(), wrong, {"x": np.array([1.0, 2.0, 3.0])})
    >>> report.ok, report.inputs["x"].entry, round(report.inputs["x"].numeric, 6)
    (False, (2,), 6.0)
    """
    check_tolerance(tolerance)
    given = {k: np.asarray(a) for k, a in point.items()}
    _check_fit(gradients, given)
    real = {k for k, a in given.items() if a.dtype.kind == "f" or k in gradients}
    own = {k: np.array(a, np.float64 if k in real else None, order="C") for k, a in given.items()}
    evaluate = lambda: number_of(f(**own))
    value = evaluate()
    if not math.isfinite(value):
        raise InputError(
            f"the loss is {value} at this point, and differences of it say nothing; give {', '.join(gradients)} "
            f"where it is finite, for instance positive numbers for a logarithm"
        )
    rng = np.random.default_rng(seed)
    kinks: list[Kink] = []
    inputs = {}
    for k, g in gradients.items():
        analytic = np.array(g, np.float64)  # a copy: a gradient may share the memory of what is moved
        inputs[k] = _Checker(k, own[k], analytic, evaluate, value, tolerance, rng, kinks, own, around).report()
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
    own: Mapping[str, np.ndarray]
    around: Callable[..., Mapping[str, Any]] | None

    def report(self) -> InputReport:
        self.flat, self.gradient = self.x.reshape(-1), self.analytic.reshape(-1).copy()
        # Powers of two, so that x + h · scale is exact
        size = np.abs(np.where(np.isfinite(self.flat), self.flat, 0.0))
        self.scale = 2.0 ** np.ceil(np.log2(np.maximum(1.0, size)))
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
        if not s.ok and self._kinks_meet(k, k + 1, step, s):
            s = replace(s, kind="several", ok=True, error=0.0)
        s = _divided(s, float(step[0]))
        if s.kind != "smooth":
            self.kinks.append(Kink(self.name, self._place(k), s.left, s.right, s.analytic, s.kind, s.ok))
        if not s.ok:
            error = relative_error(s.analytic, s.numeric)
            self.wrong[k] = Mismatch(self._place(k), s.analytic, s.numeric, error)
            s = replace(s, error=max(error, self.tolerance * (1 + 1e-9)) if not math.isnan(error) else error)
            if math.isfinite(s.numeric):
                self.gradient[k] = s.numeric  # the directions go on from there
        if self.worst is None or _worse(s.error, self.worst[0]) or self._tells_more(s):
            self.worst = s.error, k, s
        return s

    def _tells_more(self, s: Slope) -> bool:
        """An entry where the two values can be compared goes before one on a kink."""
        assert self.worst is not None
        return s.error == self.worst[0] and s.kind == "smooth" and self.worst[2].kind != "smooth"

    def direction(self) -> bool:
        """Compare the slope in a random direction; where it disagrees, find the entry. False where that is in vain."""
        if len(self.wrong) >= LOCATED:
            return True
        signs = self._signs()
        s = self._along(0, self.flat.size, signs)
        if not s.ok and self._kinks_meet(0, self.flat.size, signs, s):
            s = replace(s, kind="several", ok=True, error=0.0)
        if s.kind != "smooth":
            self._list_kink(signs, s)
        while not s.ok and len(self.wrong) < LOCATED:
            k = self._follow(signs, lambda half: not half.ok)
            if k is None:  # several kinks at once, each with a valid slope of its own
                self._list_kink(signs, s)
                return True
            here = Slope(0.0, 0.0, 0.0, "smooth", 0.0, 0.0, True) if k in self.wrong else self.entry(k)
            if here.ok:
                if here.kind == "smooth":
                    self._note(s.error)
                return here.kind != "smooth"
            s = self._along(0, self.flat.size, signs)
        if s.ok:
            self._note(s.error)
        return True

    def _note(self, error: float) -> None:
        """A direction's error counts as an input's, beside the worst entry."""
        assert self.worst is not None
        if _worse(error, self.worst[0]):
            self.worst = error, *self.worst[1:]

    def _list_kink(self, signs: np.ndarray, s: Slope) -> None:
        """Name one entry that lies on a kink, unless some are known: there may be thousands."""
        if any(kink.input == self.name for kink in self.kinks):
            return
        k = self._follow(signs, lambda half: half.kind != "smooth")
        if k is None or self.entry(k).kind == "smooth":
            self.kinks.append(Kink(self.name, None, s.left, s.right, s.analytic, s.kind, s.ok))

    def _follow(self, signs: np.ndarray, wanted: Callable[[Slope], bool]) -> int | None:
        """An entry that makes a direction what it is, by halving; None if both halves are right and on a kink."""
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
        return judge(line, float(parts.sum()), self.tolerance, 2 * length(parts))

    def _kinks_meet(self, low: int, high: int, v: np.ndarray, s: Slope) -> bool:
        """Whether a slope that disagrees does so because several kinks meet at the point.

        At x = 0 the function Σₙ cₙ relu(wₙ x) has the slopes Σ_{cₙ wₙ x > 0} cₙ wₙ on either side, and the sum of the
        valid choices 0 need not lie between them. It is so if the gradients at points close by take more values than
        the two slopes (a single kink gives just these), reach about as far as this one, and are right at a point
        further away. See Bolte and Pauwels, Conservative set valued fields, Mathematical Programming 188 (2021).
        """
        if self.around is None or s.kind not in ("kink", "smooth") or not math.isfinite(s.analytic):
            return False
        slopes = []
        for k in range(NEARBY):
            with self._moved(2.0**-23):
                slopes.append(self._slope_here(low, high, v))
            if k == 3 and np.ptp(slopes) <= 1e-4 * np.abs(slopes).max():
                return False
        spread = float(np.ptp(slopes))
        near = 1e-4 * (abs(s.left) + abs(s.right) + spread)
        several = any(min(abs(a - s.left), abs(a - s.right)) > near for a in slopes)
        if not several or not spread > near or abs(s.analytic - float(np.mean(slopes))) > 10 * spread:
            return False
        with self._moved(2.0**-10):
            value, analytic = self.evaluate(), self._slope_here(low, high, v)
            if not math.isfinite(value):
                return False
            size = 2 * length(self.gradient[low:high] * v)
            return judge(Line(self._mover(low, high, v), value, self.noise), analytic, self.tolerance, size).ok

    def _slope_here(self, low: int, high: int, v: np.ndarray) -> float:
        assert self.around is not None
        g = np.asarray(self.around(**self.own)[self.name], np.float64).reshape(-1)
        return float((g[low:high] * v).sum())

    @contextmanager
    def _moved(self, by: float) -> Iterator[None]:
        """All real inputs moved at random, by so much beside their scale."""
        real = {k: a for k, a in self.own.items() if a.dtype == np.float64}
        before = {k: a.copy() for k, a in real.items()}
        try:
            for a in real.values():
                a += by * np.maximum(1.0, np.abs(a)) * self.rng.uniform(-1, 1, a.shape)
            yield
        finally:
            for k, a in real.items():
                a[...] = before[k]

    def _mover(self, low: int, high: int, v: np.ndarray) -> Callable[[float], float]:
        """t -> f at the point with the entries from `low` to `high` moved by t v."""
        part = self.flat[low:high]
        before = part.copy()

        def move(t: float) -> float:
            np.multiply(v, t, out=part)
            np.add(part, before, out=part)
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
    return (math.isnan(a) and not math.isnan(b)) or a > b


__all__ = ["compare"]
