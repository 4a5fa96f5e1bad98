"""What decoding costs: counted and timed over T, N, B and k, and set beside the predictions."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..decode import MarkovChain, Model, Vocabulary, beam_search, exhaustive, greedy, k_best, viterbi
from ..decode.selection import best_extensions
from .listener import Listener
from .power_law import PowerLaw, power_law

ROWS = 16  # of the table that the beam's model looks its answers up in
CLEAR = 5.0  # a point counts in a fit if it is so many times what the same call costs at the smallest size
FEWEST = 3  # points of a fit
SHORT = 0.01  # seconds
BUDGET, MOST = 0.5, 5  # short sweeps are repeated for so many seconds, at most so many times as often as asked

Sizes = dict[str, int]


@dataclass(frozen=True)
class Plan:
    """One size is varied, the others stay.

    decoder    viterbi, beam, k-best or exhaustive
    quantity   time (seconds) or memory (bytes, at the peak)
    varies     T, N, B or k
    values     of that, from small to large
    fixed      the other sizes
    expected   the predicted exponent; None: the cost is multiplied by N with each step of T
    floor      the smallest value of what varies, where what is left of the cost is what does not grow with it
    """

    decoder: str
    quantity: str
    varies: str
    values: tuple[int, ...]
    fixed: Sizes
    expected: float | None
    floor: int = 1

    def sizes(self, value: int) -> Sizes:
        """All sizes, with this one of what varies."""
        return {**self.fixed, self.varies: value}

    def smaller(self, divisor: int) -> Plan:
        """The same with every size divided, for a quick try."""
        if self.expected is None:
            return replace(self, values=self.values[:-3] if divisor > 1 else self.values)
        if divisor == 1:
            return self
        values = [self.floor]
        for v in self.values:
            values.append(max(v // divisor, values[-1] + 1))
        return replace(self, values=tuple(values[1:]), fixed={k: max(v // divisor, 3) for k, v in self.fixed.items()})


# Where N or B varies, all sizes are beyond the processor's cache, for on the way out of it times grow faster. Viterbi's
# are too short, or have too few states, for a shortcut that leaves most of the N² sums out (decode.max_plus).
PLANS = (
    Plan("viterbi", "time", "T", (20, 40, 80, 160, 320, 640), {"N": 300}, 1),
    Plan("viterbi", "time", "N", (2263, 2691, 3200, 3805), {"T": 8}, 2, floor=2),
    Plan("beam", "time", "T", (8, 16, 32, 64, 128), {"N": 8_000, "B": 32}, 1),
    Plan("beam", "time", "N", (128_000, 181_000, 256_000, 362_000, 512_000), {"T": 3, "B": 32}, 1, floor=2),
    Plan("beam", "time", "B", (256, 362, 512, 724, 1024), {"T": 4, "N": 12_000}, 1),
    Plan("k-best", "time", "T", (10, 20, 40, 80, 160), {"N": 100, "k": 8}, 1),
    Plan("k-best", "time", "N", (1600, 1902, 2263, 2691, 3200), {"T": 4, "k": 4}, 2, floor=2),
    Plan("k-best", "time", "k", (64, 91, 128, 181, 256), {"T": 5, "N": 256}, 2),
    Plan("exhaustive", "time", "T", tuple(range(4, 13)), {"N": 3}, None),
    Plan("viterbi", "memory", "T", (500, 1000, 2000, 4000, 8000), {"N": 50}, 1),
    Plan("viterbi", "memory", "N", (25, 50, 100, 200), {"T": 4000}, 1, floor=2),
    Plan("beam", "memory", "T", (50, 100, 200, 400, 800), {"N": 64, "B": 128}, 1, floor=3),
    Plan("beam", "memory", "N", (16_000, 32_000, 64_000, 128_000), {"T": 4, "B": 32}, 1, floor=2),
    Plan("beam", "memory", "B", (16, 32, 64, 128, 256), {"T": 6, "N": 20_000}, 1),
)


@dataclass(frozen=True, eq=False)
class Sweep:
    """What was measured: the median of several runs at each size, and their quartiles.

    floor   the cost at the smallest size, `plan.floor`
    """

    plan: Plan
    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    floor: float

    @property
    def cost(self) -> NDArray[np.float64]:
        """What is fitted: seconds; or bytes, less those of the smallest size."""
        return self.median - self.floor if self.plan.quantity == "memory" else self.median

    @property
    def clear(self) -> NDArray[np.bool_]:
        """Which points stand well above the floor, and count in the fit; all where these would be too few."""
        if self.plan.quantity == "memory":
            return np.ones(len(self.median), bool)
        above = self.median >= CLEAR * self.floor
        return above if above.sum() >= FEWEST else np.ones(len(above), bool)

    @property
    def enough(self) -> bool:
        """Whether all points of the fit stand well above the floor."""
        return bool((self.median >= CLEAR * self.floor)[self.clear].all())

    @property
    def x(self) -> NDArray[np.float64]:
        """The sizes."""
        return np.array(self.plan.values, float)

    @property
    def law(self) -> PowerLaw:
        """cost = c · size^exponent, fitted to the clear points; of an exhaustive search c · exp(exponent · T)."""
        x = self.x if self.plan.expected is not None else np.exp(self.x)
        return power_law(x[self.clear], self.cost[self.clear])

    @property
    def expected(self) -> float:
        """The predicted exponent of `law`."""
        return np.log(self.plan.fixed["N"]) if self.plan.expected is None else self.plan.expected

    @property
    def net(self) -> PowerLaw | None:
        """The same of what is above the floor."""
        x = self.x if self.plan.expected is not None else np.exp(self.x)
        rest = self.median[self.clear] - self.floor
        return power_law(x[self.clear], rest) if (rest > 0).all() else None


@dataclass(frozen=True)
class Count:
    """How many extensions a decoder scored, and how many the formula says."""

    decoder: str
    sizes: Sizes
    formula: str
    counted: int
    predicted: int


@dataclass(frozen=True)
class Selected:
    """Seconds that finding the B best of B · N takes, by selection and by sorting all of them."""

    B: int
    N: int
    selection: float
    sorting: float
    same: bool


class Lookup:
    """p(w_t | w_{t−1}) is one of a few rows: as quick a model as there is, with as many words as one likes.

    >>> Lookup(5, np.random.default_rng(0)).log_probs(np.array([[3], [4]]), None)[0].shape
    (2, 5)
    """

    noun = "a table of rows"

    def __init__(self, N: int, dice: np.random.Generator, rows: int = ROWS):
        p = dice.exponential(size=(rows, N))
        self.vocabulary, self.rows = Vocabulary(range(N)), rows
        self._log_p = np.log(p / p.sum(axis=1, keepdims=True))
        self.room: NDArray[np.float64] | None = None  # where answers are written; None: into an array of their own

    def log_probs(self, prefixes: NDArray[np.int64], state: Any) -> tuple[NDArray[np.float64], None]:
        """A copy of the row of each last word."""
        if not prefixes.shape[1]:
            return np.repeat(self._log_p[:1], len(prefixes), axis=0), None
        rows = prefixes[:, -1] % self.rows
        if self.room is None or len(self.room) < len(rows):
            return self._log_p[rows], None
        return np.take(self._log_p, rows, axis=0, out=self.room[: len(rows)], mode="clip"), None


def model(decoder: str, N: int, seed: int) -> Model:
    """The model of N words that this decoder is measured on."""
    dice = np.random.default_rng(seed)
    if decoder in ("beam", "greedy"):
        return Lookup(N, dice)
    p = dice.exponential(size=(N, N))
    p /= p.sum(axis=1, keepdims=True)
    return MarkovChain(p)


def call(decoder: str, m: Model, sizes: Sizes) -> Callable[[], Any]:
    """The decoder with these sizes, to be called."""
    T = sizes["T"]
    calls: dict[str, Callable[[], Any]] = {
        "greedy": lambda: greedy(m, T),
        "beam": lambda: beam_search(m, T, sizes["B"])[0],
        "viterbi": lambda: viterbi(m, T),
        "k-best": lambda: k_best(m, T, sizes["k"])[0],
        "exhaustive": lambda: exhaustive(m, T),
    }
    return calls[decoder]


# Counts


def predicted(decoder: str, sizes: Sizes) -> tuple[str, int]:
    """How many extensions are scored where every word can follow every word: the formula, and its value.

    Of k-best, those of rank 1 (as Viterbi's), and the other ranks of the min(k, N) predecessors that are looked at.

    >>> predicted("exhaustive", {"N": 4, "T": 3}), predicted("beam", {"N": 4, "T": 3, "B": 2})
    (('N + N² + … + N^T', 84), ('Σ_t min(B, N^(t−1)) · N', 20))
    """
    N, T = sizes["N"], sizes["T"]
    if decoder == "exhaustive":
        return "N + N² + … + N^T", sum(N**t for t in range(1, T + 1))
    if decoder == "greedy":
        return "T · N", T * N
    if decoder == "beam":
        return "Σ_t min(B, N^(t−1)) · N", sum(min(sizes["B"], N ** (t - 1)) * N for t in range(1, T + 1))
    viterbi_count = N + (T - 1) * N * N
    if decoder == "viterbi":
        return "N + (T − 1) · N²", viterbi_count
    most = min(sizes["k"], N ** (T - 1))
    more = sum(N * min(most, N) * (min(most, N ** (t - 2)) - 1) for t in range(2, T + 1))
    return "N + (T − 1) · N² + Σ_t N · min(k, N) · (min(k, N^(t−2)) − 1)", viterbi_count + more


COUNTED: tuple[tuple[str, Sizes], ...] = (
    ("exhaustive", {"N": 4, "T": 9}), ("exhaustive", {"N": 7, "T": 5}), ("greedy", {"N": 5000, "T": 30}),
    ("beam", {"N": 5000, "T": 30, "B": 16}), ("beam", {"N": 6, "T": 20, "B": 100}), ("viterbi", {"N": 50, "T": 400}),
    ("viterbi", {"N": 500, "T": 7}), ("k-best", {"N": 50, "T": 40, "k": 12}), ("k-best", {"N": 5, "T": 30, "k": 40}),
)  # fmt: skip


def counts(seed: int) -> list[Count]:
    """Each decoder's own count beside the formula."""
    found = []
    for decoder, sizes in COUNTED:
        answer = call(decoder, model(decoder, sizes["N"], seed), sizes)()
        formula, value = predicted(decoder, sizes)
        found.append(Count(decoder, sizes, formula, answer.extensions, value))
    return found


# Times and memory


def sweeps(seed: int, repeats: int, divisor: int = 1, listener: Listener | None = None) -> list[Sweep]:
    """All that is planned, measured."""
    listener = listener or Listener()
    found = []
    for plan in PLANS:
        plan = plan.smaller(divisor)
        over = f"{plan.varies} = {plan.values[0]:,} … {plan.values[-1]:,}"
        listener.stage(f"measuring the {plan.quantity} of {plan.decoder}, {over}")
        found.append(measured(plan, seed, repeats))
    return found


def measured(plan: Plan, seed: int, repeats: int) -> Sweep:
    """Every size in turn, again and again, so that what else the machine does falls on all of them alike."""
    values = (plan.floor, *plan.values)
    models = {N: model(plan.decoder, N, seed) for N in {plan.sizes(v)["N"] for v in values}}
    if plan.decoder == "beam" and plan.quantity == "time":  # the search's time, and not that of getting new memory
        room = np.empty(max(plan.sizes(v)["B"] * plan.sizes(v)["N"] for v in values))
        for N, m in models.items():
            cast(Lookup, m).room = room[: len(room) // N * N].reshape(-1, N)
    calls = [call(plan.decoder, models[plan.sizes(v)["N"]], plan.sizes(v)) for v in values]
    for f in calls:
        f()  # what is loaded or set up once
    if plan.quantity == "memory":
        rows = np.array([[peak(f) for f in calls]], float)
    else:
        rows = [[warm_seconds(f) for f in calls] for _ in range(repeats)]
        while len(rows) < MOST * repeats and np.sum(rows) < BUDGET:
            rows.append([warm_seconds(f) for f in calls])
        rows = np.array(rows)
    floor, *medians = np.median(rows, axis=0)
    low, high = np.quantile(rows[:, 1:], (0.25, 0.75), axis=0)
    return Sweep(plan, np.array(medians), low, high, float(floor))


def seconds(f: Callable[[], Any]) -> float:
    """How long one call takes."""
    begun = time.process_time()
    f()
    return time.process_time() - begun


def warm_seconds(f: Callable[[], Any]) -> float:
    """The same, where what a short call needs is not still to be fetched into the cache after a long one."""
    first = seconds(f)
    return first if first > SHORT else seconds(f)


def peak(f: Callable[[], Any]) -> int:
    """The most bytes that one call held at a time, beyond what was there."""
    own = not tracemalloc.is_tracing()
    if own:
        tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        answer = f()
        most = tracemalloc.get_traced_memory()[1] - before
        del answer
        return most
    finally:
        if own:
            tracemalloc.stop()


def selected(seed: int, repeats: int, divisor: int = 1) -> Selected:
    """The B best extensions of one step, by the decoder's selection and by sorting all B · N."""
    B, N = 64, max(50_000 // divisor, 100)
    dice = np.random.default_rng(seed)
    scores, totals, ranks = np.log(dice.random((B, N))), -dice.random(B), np.arange(B)

    def by_selection() -> NDArray[np.float64]:
        return best_extensions(scores, totals, ranks, B).totals

    def by_sorting() -> NDArray[np.float64]:
        return np.sort((scores + totals[:, None]).ravel())[::-1][:B]

    same = bool((by_selection() == by_sorting()).all())
    times = [[seconds(by_selection), seconds(by_sorting)] for _ in range(repeats)]
    selection, sorting = np.median(times, axis=0)
    return Selected(B, N, float(selection), float(sorting), same)


__all__ = [
    "CLEAR", "COUNTED", "Count", "Lookup", "PLANS", "Plan", "Selected", "Sizes", "Sweep", "call", "counts", "measured",
    "model", "peak", "predicted", "seconds", "selected", "sweeps",
]  # fmt: skip
