"""Decoders against the enumeration of all sequences, on random models small enough for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..decode import (
    ExhaustiveSearch,
    MarkovChain,
    Model,
    Sequence,
    Tree,
    beam_search,
    exhaustive,
    greedy,
    k_best,
    viterbi,
)

CHAIN, VARYING, TREE = "chain", "chain varying in time", "tree"
KINDS = {CHAIN: ((2, 9), (3, 6), (5, 5), (7, 4)), VARYING: ((3, 7), (6, 4)), TREE: ((2, 8), (3, 5), (5, 4))}
"""What is drawn at random: the kind of model -> its sizes, (N, T)."""
BEST = 5  # of k_best
NARROW = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)  # widths
ROUNDING = 1e-9  # two log-likelihoods that differ by less are one


@dataclass(frozen=True, eq=False)
class Agreement:
    """Random models of one kind and size, and how often each decoder found what the enumeration of all finds.

    models    how many
    viterbi   how often Viterbi's path and log-likelihood were those of the maximum; None: the models are not Markov
    k_best    how often the `BEST` likeliest were, in their order
    full      how often beam search with the width N^(T−1) was
    gaps      width B -> log p of the maximum less that of what beam search found, of each model; 1 is greedy search
    apart     the largest difference of two log-likelihoods that should be equal
    """

    kind: str
    N: int
    T: int
    models: int
    viterbi: int | None
    k_best: int | None
    full: int
    gaps: dict[int, NDArray[np.float64]]
    apart: float

    @property
    def sequences(self) -> int:
        """N^T."""
        return self.N**self.T

    def found(self, width: int) -> int:
        """How often beam search of this width found the maximum."""
        return int((self.gaps[width] <= ROUNDING).sum())

    @property
    def worse_when_wider(self) -> int:
        """For how many of the models some beam found less than a narrower one."""
        gaps = np.array(list(self.gaps.values()))  # (widths, models)
        return int((np.diff(gaps, axis=0) > ROUNDING).any(axis=0).sum())


def agreements(seed: int, models: int, kinds: dict[str, tuple[tuple[int, int], ...]] | None = None) -> list[Agreement]:
    """So many random models of each kind and size, decoded in every way.

    The rows of a chain, and the branches below each node of a tree, are uniform on the simplex of distributions.
    """
    sizes = [(kind, N, T) for kind, pairs in (kinds or KINDS).items() for N, T in pairs]
    dice = np.random.default_rng(seed)
    return [_agreement(kind, N, T, [random_model(kind, N, T, dice) for _ in range(models)]) for kind, N, T in sizes]


def random_model(kind: str, N: int, T: int, dice: np.random.Generator) -> Model:
    """A chain of N words, one that varies over T steps, or a whole tree of depth T with N branches at each node."""
    if kind == TREE:
        return Tree(_branches(N, T, dice))
    return MarkovChain(dice.dirichlet(np.ones(N), N if kind == CHAIN else (T, N)), start=0)


def _branches(N: int, T: int, dice: np.random.Generator) -> dict[int, Any]:
    log_p = np.log(dice.dirichlet(np.ones(N))).tolist()
    return {w: log_p[w] if T == 1 else (log_p[w], _branches(N, T - 1, dice)) for w in range(N)}


def widths(N: int, T: int) -> list[int]:
    """Small widths, and N^(T−1), with which nothing is lost.

    >>> widths(2, 4)
    [1, 2, 3, 4, 6, 8]
    """
    most = N ** (T - 1)
    return [*(width for width in NARROW if width < most), most]


def _agreement(kind: str, N: int, T: int, models: list[Model]) -> Agreement:
    all_widths, apart = widths(N, T), 0.0
    counts = {"viterbi": 0, "k_best": 0, "full": 0}
    gaps: dict[int, list[float]] = {B: [] for B in all_widths}

    def same(name: str, found: list[Sequence], wanted: list[Sequence]) -> None:
        nonlocal apart
        if [s.words for s in found] == [s.words for s in wanted]:
            counts[name] += 1
        apart = max([apart, *(abs(a.log_likelihood - b.log_likelihood) for a, b in zip(found, wanted))])

    for model in models:
        best = exhaustive(model, T)
        if kind != TREE:
            same("viterbi", [viterbi(model, T)], [best])
            assert isinstance(best.search, ExhaustiveSearch)
            same("k_best", k_best(model, T, BEST), best.search.best(BEST))
        for B in all_widths:
            found = greedy(model, T) if B == 1 else beam_search(model, T, B)[0]
            gaps[B].append(best.log_likelihood - found.log_likelihood)
        same("full", [found], [best])
    markov = kind != TREE
    return Agreement(
        kind, N, T, len(models), counts["viterbi"] if markov else None, counts["k_best"] if markov else None,
        counts["full"], {B: np.array(values) for B, values in gaps.items()}, apart,
    )  # fmt: skip


__all__ = [
    "BEST", "CHAIN", "KINDS", "NARROW", "ROUNDING", "TREE", "VARYING", "Agreement", "agreements", "random_model",
    "widths",
]  # fmt: skip
