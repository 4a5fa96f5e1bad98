"""Markov chains, and the trellis that Viterbi's recursion runs over."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..graph.errors import InputError
from .asked import whole
from .errors import NoSequence
from .model import array
from .vocabulary import Vocabulary

TOLERANCE = 1e-6  # of a row's sum: what is typed with seven digits, or comes from float32


@dataclass(frozen=True, eq=False)
class Trellis:
    """The scores of a Markov model over T steps.

    vocabulary   the N words
    length       T
    first        (N,), log p(w_1 = j | w_0)
    steps        (N, N), log p(w_t = j | w_{t−1} = i) at row i, the same at each step; or (T − 1, N, N), those leading
                 to w_2, w_3, …
    local        (T, N), what each w_t adds by itself; None: nothing

    A path w_1 … w_T scores first[w_1] + local[0, w_1] + Σ_{t≥2} (step(t)[w_{t−1}, w_t] + local[t − 1, w_t]).
    """

    vocabulary: Vocabulary
    length: int
    first: np.ndarray
    steps: np.ndarray
    local: np.ndarray | None = None

    def step(self, t: int) -> np.ndarray:
        """(N, N): what leads from w_{t−1} to w_t, t = 2 … T."""
        return self.steps if self.steps.ndim == 2 else self.steps[t - 2]

    def absorbing(self, eos: int) -> Trellis:
        """The same with no way out of `eos`, which follows itself with probability 1."""
        if self.local is not None:
            raise InputError("eos ends words that a model makes up; hidden states last as long as what was observed")
        steps = self.steps.copy()
        steps[..., eos, :] = -np.inf
        steps[..., eos, eos] = 0.0
        return replace(self, steps=steps)


class MarkovChain:
    """p(w_t | w_0 … w_{t−1}) = P[w_{t−1}, w_t]: the next word depends on the last one alone.

    P         (N, N), each row a distribution, ``P[i, j]`` = p(w_t = j | w_{t−1} = i). Or (T, N, N), varying in time:
              ``P[t − 1]`` leads from w_{t−1} to w_t. With `initial` there is no w_0, and ``P[t − 2]`` leads to w_t
    start     w_0, a word; by default the first of them
    initial   instead of `start`: p(w_1), (N,)
    words     the N words; by default the numbers 0 … N − 1

    Raises InputError for rows that do not sum to 1 (within 1e−6), for entries that are negative or no numbers, and for
    shapes that do not fit; NamingError for a start that is not among the words.

    >>> from chainrule.decode import MarkovChain, viterbi
    >>> m = MarkovChain([[0.6, 0.4], [0.1, 0.9]], start=0)
    >>> viterbi(m, length=3).words
    (1, 1, 1)
    """

    noun = "a Markov chain"

    def __init__(
        self,
        P: Any,
        start: Hashable = None,
        initial: Any = None,
        words: Iterable[Hashable] | None = None,
    ):
        P = numbers("P", P)
        if P.ndim not in (2, 3) or P.shape[-1] != P.shape[-2] or not P.size:
            raise InputError(f"P must have shape (N, N), or (T, N, N) where it varies in time; it has {P.shape}")
        n = P.shape[-1]
        self.vocabulary = Vocabulary(range(n) if words is None else words)
        if len(self.vocabulary) != n:
            raise InputError(f"there are {len(self.vocabulary)} words, and P of shape {P.shape} is one of {n}")
        rows = P.reshape(-1, n)
        check_distributions(rows, lambda r: self._row(r, n, P.ndim))
        with np.errstate(divide="ignore"):
            self.log_P = np.minimum(np.log(P), 0)  # above 0 by rounding at most
            if initial is None:
                first = 0 if start is None else self.vocabulary.number(start)
                self.start: Any = self.vocabulary[first]
                self.log_first = (self.log_P if P.ndim == 2 else self.log_P[0])[first]
                self._later = self.log_P if P.ndim == 2 else self.log_P[1:]
            else:
                if start is not None:
                    raise InputError("start is w_0, and initial is p(w_1) without it; a chain begins in one way")
                p = numbers("initial", initial)
                if p.shape != (n,):
                    raise InputError(f"initial must have shape ({n},), one probability a word; it has {p.shape}")
                check_distributions(p[None], lambda _: "initial")
                self.start, self.log_first, self._later = None, np.minimum(np.log(p), 0), self.log_P

    def _row(self, r: int, n: int, rank: int) -> str:
        named = "" if isinstance(self.vocabulary[0], int) else f" ({self.vocabulary[r % n]!r})"
        return f"row {r % n}{named} of P" + (f"[{r // n}]" if rank == 3 else "")

    def __repr__(self) -> str:
        varying = f", varying over {len(self.log_P)} steps" if self.log_P.ndim == 3 else ""
        begins = "" if self.start is None else f", from {self.start!r}"
        return f"MarkovChain of {len(self.vocabulary):,} words{begins}{varying}"

    @property
    def longest(self) -> int | None:
        """The longest sequence that a chain varying in time can make; None: any."""
        return None if self._later.ndim == 2 else len(self._later) + 1

    def _check_length(self, length: int) -> None:
        if self.longest is not None and length > self.longest:
            raise InputError(
                f"P of shape {self.log_P.shape} leads no further than w_{self.longest}, and the length is {length}"
            )

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[np.ndarray, None]:
        """The row of each prefix's last word: `Model.log_probs`."""
        t = prefixes.shape[1]
        if not t:
            return np.broadcast_to(self.log_first, (len(prefixes), len(self.vocabulary))), None
        self._check_length(t + 1)
        return self.log_step(t + 1)[prefixes[:, -1]], None

    def log_step(self, t: int) -> np.ndarray:
        """(N, N): what leads from w_{t−1} to w_t, t = 2, 3, …"""
        return self._later if self._later.ndim == 2 else self._later[t - 2]

    def after(self, words: Iterable[Hashable]) -> MarkovChain:
        """The chain given its first words: one that starts at the last of them.

        Raises NoSequence where these words cannot come.
        """
        given = self.vocabulary.numbers(words)
        if not len(given):
            return self
        self._check_length(len(given) + 1)
        score, last = self.log_first[given[0]], given[0]
        for t, w in enumerate(given[1:], 2):
            score, last = score + self.log_step(t)[last, w], w
        if score == -np.inf:
            raise NoSequence(f"the words {self.vocabulary.words(given)!r} have probability 0 in {self.noun}")
        later = MarkovChain.__new__(MarkovChain)
        later.vocabulary, later.start = self.vocabulary, self.vocabulary[last]
        later.log_P = self._later if self._later.ndim == 2 else self._later[len(given) - 1 :]
        later.log_first = self.log_step(len(given) + 1)[last]
        later._later = later.log_P if later.log_P.ndim == 2 else later.log_P[1:]
        return later

    def trellis(self, length: int) -> Trellis:
        """What Viterbi's recursion needs."""
        self._check_length(whole("length", length))
        steps = self._later if self._later.ndim == 2 else self._later[: length - 1]
        return Trellis(self.vocabulary, length, self.log_first, steps)


def numbers(name: str, values: Any) -> np.ndarray:
    """An array of finite numbers, float64. Raises InputError, which names the first that is not."""
    try:
        found = array(values)
    except InputError as why:
        raise InputError(f"{name} must be an array of numbers, with rows of one length") from why
    if found.dtype.kind != "f":
        raise InputError(f"{name} must be an array of numbers, with rows of one length")
    found = np.array(found, float)
    if not np.isfinite(found).all():
        where = tuple(int(k) for k in np.argwhere(~np.isfinite(found))[0])
        raise InputError(f"{name}{list(where)} is {found[where]}, and probabilities are finite numbers")
    return found


def check_distributions(rows: np.ndarray, named: Any) -> None:
    """Raises InputError unless each row is a distribution; `named(r)` says how row r is called."""
    if (rows < 0).any():
        r, j = np.argwhere(rows < 0)[0]
        raise InputError(f"{named(int(r))} has {rows[r, j]:g} at position {j}, and no probability is negative")
    with np.errstate(over="ignore"):
        sums = rows.sum(axis=1)
    off = np.abs(sums - 1)
    if (off > TOLERANCE).any():
        r = int(off.argmax())
        more = int((off > TOLERANCE).sum()) - 1
        others = f"; so {'does' if more == 1 else 'do'} {more} more" if more else ""
        raise InputError(
            f"{named(r)} sums to {sums[r]:.9g}, {off[r]:.3g} {'above' if sums[r] > 1 else 'below'} 1{others}; the "
            "probabilities of a distribution sum to 1"
        )


__all__ = ["MarkovChain", "TOLERANCE", "Trellis", "check_distributions", "numbers"]
