"""One analytic slope against differences along one line: right, wrong, or on a kink.

The differences are taken at steps h that are powers of two, so that x ± h is exact. What is known at a step:

    s₊ = (f(x + h) − f(x)) / h      s₋ = (f(x) − f(x − h)) / h      D = (s₊ + s₋) / 2

As h shrinks, at a smooth point both s₊ and s₋ tend to f'(x), with D ahead (error h²f'''/6); on a kink they tend to two
different numbers; at a jump one of them grows as 1/h.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np

from ..graph.errors import InputError
from .numerical import SMALLEST, relative_error

Kind = Literal["smooth", "kink", "several", "jump", "cusp", "edge"]
"""What lies at the point: no kink; two slopes; several kinks; two values; an infinite slope; an end of the domain."""

FIRST = 2.0**-17  # 7.6e-6, near the best step of a central difference
RATIO = 8.0
SHRINK = 5  # further steps down, to 2.3e-10; twice as many where the function has no value so far away
GROW = 3  # steps up, where rounding hides a small slope
EPSILON = float(np.finfo(np.float64).eps)
LEAST = EPSILON ** (2 / 3)  # 3.7e-11: the relative error of a central difference at its best step
DROWNED = 1e6  # a slope below so many times what rounding can do has no relative error of its own


@dataclass(frozen=True)
class Slope:
    """What one analytic slope was found to be.

    error   |a − D| / max(10⁻⁸, |a| + |D|), as `relative_error`; 0 for a valid slope on a kink. Along a direction the
            size of such a slope counts, and where the differences drown in rounding 10⁶ times that
    left, right   s₋ and s₊ at the smallest step that tells
    """

    analytic: float
    numeric: float
    error: float
    kind: Kind
    left: float
    right: float
    ok: bool


@dataclass
class Line:
    """The function along a line through the point: `move(t)` answers f(x + t v)."""

    move: Callable[[float], float]
    here: float  # f(x)
    noise: float  # how far rounding moves a value of f
    known: dict[float, Difference] = field(default_factory=dict)

    def at(self, h: float) -> Difference:
        if h not in self.known:
            self.known[h] = Difference(h, self.move(-h), self.here, self.move(h), self.noise)
        return self.known[h]


class Difference:
    """Three values of f around the point and what they say."""

    __slots__ = ("central", "change", "finite", "h", "jump", "left", "right", "rounding")

    def __init__(self, h: float, before: float, here: float, after: float, noise: float):
        self.h = h
        self.left, self.right = (here - before) / h, (after - here) / h
        self.central, self.jump = (after - before) / (2 * h), self.right - self.left
        self.finite = math.isfinite(self.left) and math.isfinite(self.right)
        values = [abs(v) for v in (before, here, after) if math.isfinite(v)]
        self.rounding = max(noise, 2 * EPSILON * max(values)) / h
        self.change = max(abs(after - here), abs(before - here)) if self.finite else math.inf

    @property
    def steepest(self) -> float:
        return max(abs(self.left), abs(self.right))

    @property
    def bent(self) -> bool:
        """Whether the two sides differ by more than a gentle curve and rounding explain."""
        return not self.finite or abs(self.jump) > 1e-4 * (abs(self.left) + abs(self.right)) + 8 * self.rounding


def judge(line: Line, analytic: float, tolerance: float, size: float = 0.0) -> Slope:
    """Whether `analytic` is the slope of the line at the point, or lies between the slopes of a kink there.

    A mismatch at the first step is confirmed at others, and by Richardson's extrapolation (64 D(h/8) − D(h)) / 63,
    before it counts. `size` is the size that a slope of this kind usually has, if it is known: a sum that happens to
    cancel cannot be asked to be right relative to itself. A kink nearby, at a distance above 1e-9 or so, is told from
    one at the point by steps that no longer reach it.
    """

    def scale(numeric: float) -> float:
        return max(SMALLEST, abs(analytic) + abs(numeric), size)

    def agrees(numeric: float, allowance: float = 0.0) -> bool:
        return abs(analytic - numeric) <= max(tolerance * scale(numeric), allowance)

    def confirms(numeric: float, d: Difference) -> bool:
        """Agrees, and not by chance: where rounding is large, only against a first step that saw something else."""
        told = max(tolerance * scale(numeric), abs(numeric - first.central) / 4 if first.finite else math.inf)
        return agrees(numeric) and d.rounding <= told

    def found(kind: Kind, d: Difference, numeric: float, ok: bool, allowance: float = 0.0) -> Slope:
        error = abs(analytic - numeric) / max(scale(numeric), DROWNED * allowance)
        return Slope(analytic, numeric, 0.0 if ok and kind in ("kink", "cusp") else error, kind, d.left, d.right, ok)

    first = line.at(FIRST)
    if not math.isfinite(analytic):
        numeric = next((v for v in (first.central, first.right, first.left) if math.isfinite(v)), math.nan)
        return Slope(analytic, numeric, relative_error(analytic, numeric), "smooth", first.left, first.right, False)
    if agrees(first.central) and not first.bent:
        return found("smooth", first, first.central, True)

    down = [d for d in _shrinking(line) if d.finite]
    if not down:
        return _at_an_edge(line, analytic, found, agrees)
    for d in down:  # the largest step at which the analytic slope is confirmed and nothing is in the way
        if confirms(d.central, d) and not d.bent:
            return found("smooth", d, d.central, True)

    kind, d = _shape(down)
    if kind == "kink" or kind == "cusp":
        previous = down[max(0, down.index(d) - 1)]
        slack = tolerance * scale(d.steepest) + 2 * d.rounding
        slack += 2 * max(abs(d.left - previous.left), abs(d.right - previous.right)) if kind == "kink" else 0.0
        low, high = min(d.left, d.right), max(d.left, d.right)
        numeric = d.central if agrees(d.central) else min(max(analytic, low), high)
        between = low - slack <= analytic <= high + slack
        return found(kind, d, numeric if between else d.central, between)
    if kind == "jump":
        return found(kind, d, d.central, False)

    up = [line.at(FIRST * RATIO**k) for k in range(GROW, 0, -1)]
    ladder = [d for d in [*up, *down] if d.finite]
    best, d, allowance = ladder[-1].central, ladder[-1], ladder[-1].rounding
    least = math.inf
    for big, small in pairwise(ladder):
        numeric = small.central + (small.central - big.central) / (RATIO**2 - 1)
        if confirms(numeric, small) and abs(numeric - small.central) <= 1e-2 * scale(numeric):
            return found("smooth", small, numeric, True)
        cut = abs(numeric - small.central)
        if cut + small.rounding < least:
            least, best, d = cut + small.rounding, numeric, small
            # A kink between the two steps would spoil the extrapolation by as much as it corrects
            allowance = 2 * small.rounding + min(cut, max(10 * tolerance * scale(numeric), first.rounding))
    # A kink that the smaller steps no longer reach, where rounding is what is left
    beyond = [d for d in down if not d.bent and abs(d.central - first.central) > 4 * d.rounding]
    quiet = next((d for d in beyond if agrees(d.central, d.rounding)), None)
    if quiet is not None and first.bent:
        return found("smooth", quiet, quiet.central, True, quiet.rounding)
    return found("smooth", d, best, agrees(best, allowance), allowance)


def check_tolerance(tolerance: float) -> None:
    """Raise InputError for a tolerance that differences in float64 cannot tell."""
    if not LEAST <= tolerance < 1:
        raise InputError(
            f"the tolerance {tolerance} is not between {LEAST:.1g} and 1: central differences in float64 are no closer "
            f"to a slope than about {LEAST:.1g} of it"
        )


def noise_of(move: Callable[[float], float]) -> float:
    """How far rounding moves f: from third differences of six values so close together that f is a parabola.

    The values lie on one side of the point, beside any kink or jump that is there. Moré and Wild, Estimating
    Computational Noise, SIAM J. Sci. Comput. 33 (2011), equation 2.3: σ² ≈ (k!)²/(2k)! · mean (Δᵏf)².
    """
    step = 2.0**-34  # 6e-11: too small to be bent, large enough for every intermediate to be rounded anew
    values = np.array([move(k * step) for k in range(1, 7)])
    if not np.isfinite(values).all():
        return 0.0
    return 3 * length(np.diff(values / 8, 3)) * 8 / math.sqrt(3 * 20)


def length(v: np.ndarray) -> float:
    """√Σv² without overflow."""
    largest = float(np.abs(v).max())
    return largest * float(np.linalg.norm(v / largest)) if 0 < largest < math.inf else largest


def _shrinking(line: Line) -> Iterator[Difference]:
    """The first step and smaller ones; further down where f had no value so far away, or has not settled."""
    seen, before = 0, None
    for k in range(2 * SHRINK + 1):
        d = line.at(FIRST / RATIO**k)
        seen += d.finite
        yield d
        settled = before is not None and (not d.bent or abs(d.jump - before.jump) <= 0.1 * abs(d.jump))
        if k >= SHRINK and seen > 2 and settled:
            return
        before = d


def _shape(down: list[Difference]) -> tuple[Kind, Difference]:
    """What the differences tend to as the step shrinks, and the smallest step that tells it from rounding."""
    largest = max(abs(d.jump) for d in down[:3])
    telling = [d for d in down if 16 * d.rounding < largest]
    if len(telling) > 1:
        before, last = telling[-2:]
        if last.bent and abs(last.jump) > 0.5 * abs(before.jump) and last.steepest < 1.5 * before.steepest:
            return "kink", last
    steep = [d for d in down if 8 * d.rounding < d.steepest]
    if len(steep) > 2:
        before, last = steep[-3], steep[-1]
        if last.change > 0.5 * before.change:
            return "jump", last
        if last.steepest > before.steepest * (before.h / last.h) ** 0.2:
            return "cusp", last
    return "smooth", down[0]


def _at_an_edge(line: Line, analytic: float, found: Callable[..., Slope], agrees: Callable[..., bool]) -> Slope:
    """f has values on one side at most: its one-sided slope is all there is to compare with."""
    steps = sorted(line.known.values(), key=lambda d: -d.h)
    for side in ("right", "left"):
        slopes = [(d, getattr(d, side)) for d in steps if math.isfinite(getattr(d, side))]
        if len(slopes) < 3:
            continue
        numeric, where, least = slopes[0][1], slopes[0][0], math.inf
        for (_, big), (d, small) in pairwise(slopes):
            better = small + (small - big) / (RATIO - 1)
            if agrees(better) or agrees(small):
                return found("edge", d, better if agrees(better) else small, True)
            if abs(better - small) + d.rounding < least:
                numeric, where, least = better, d, abs(better - small) + d.rounding
        return found("edge", where, numeric, agrees(numeric, where.rounding), where.rounding)
    return found("edge", steps[0], math.nan, False)


__all__ = ["Kind", "Line", "Slope", "check_tolerance", "judge", "length", "noise_of"]
