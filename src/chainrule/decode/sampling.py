"""Sequences drawn at random, from the model's distribution or from a sharper one."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from ..graph.errors import InputError
from .asked import asked, real, whole
from .errors import NoSequence
from .model import Model, noun, shown, unlike_one
from .prefixes import Frontier, search_of, sequences, whole_step
from .search import Step
from .sequence import Sequence


def sample(
    model: Model,
    length: int,
    *,
    count: int = 1,
    seed: int = 0,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    eos: Hashable | None = None,
) -> list[Sequence]:
    """`count` sequences drawn word by word from q(w_t) ∝ p(w_t | w_0 … w_{t−1})^(1/temperature), cut off as asked.

    length        T, at least 1; with `eos` the largest length
    count         how many, independent of each other, in the order in which they were drawn
    seed          the same seed draws the same words
    temperature   above 0; below 1 sharper, above 1 flatter; towards 0 it becomes greedy search
    top_k         only the k likeliest words (Fan et al. 2018, arXiv:1805.04833, §5.4)
    top_p         only the likeliest words that together reach this probability: the nucleus (Holtzman et al. 2020,
                  arXiv:1904.09751, §3.1); after temperature and top_k, as transformers does
    eos           the word that ends a sequence

    Ties at a cut: the word with the smaller number stays. log_likelihood is that of the model, not of q. Raises
    InputError for what cannot be asked, and for a row that does not sum to 1, for then it is not known what to draw.

    >>> from chainrule.decode import MarkovChain, sample
    >>> m = MarkovChain([[0.6, 0.4], [0.1, 0.9]])
    >>> [s.words for s in sample(m, length=3, count=2, seed=1)]
    [(0, 0, 0), (1, 1, 1)]
    """
    length, eos_number = asked(model, length, eos)
    count = whole("count", count)
    temperature = real("temperature", temperature, 0, above=True)
    top_k = None if top_k is None else whole("top_k", top_k)
    top_p = None if top_p is None else real("top_p", top_p, 0, 1, above=True)
    dice = np.random.default_rng(whole("seed", seed, 0))
    try:
        frontier, steps = Frontier.beginning(count), []
    except (MemoryError, ValueError):
        raise InputError(f"{count:,} sequences at a time are more than the memory holds") from None
    while len(steps) < length and len(frontier):
        scores, state = frontier.ask(model)
        check_sums(model, frontier.prefixes, scores)
        words = draw(scores, temperature, top_k, top_p, dice)
        step = whole_step(frontier, np.arange(len(words)), words, scores, steps[-1] if steps else None, eos_number)
        steps.append(step)
        growing = np.flatnonzero(~step.ended[: len(words)])
        if len(steps) < length:
            frontier = frontier.grown(model, step, growing, growing, state)
    proof, order = (False, "it was drawn at random", 0.0), tuple(_drawn_order(steps, count).tolist())
    search = search_of("sample", model, length, steps, proof, eos_number, order)
    return sequences(search, search.answers)


def check_sums(model: Model, prefixes: np.ndarray, scores: np.ndarray) -> None:
    """Raises InputError for rows that are no distributions, NoSequence for dead ends."""
    sums = np.exp(scores.astype(float)).sum(axis=1)
    if not sums.all():
        where = shown(model.vocabulary, prefixes[int(sums.argmin())])
        raise NoSequence(f"{noun(model)} has no next word after {where}, and the sequence is to be longer")
    if problem := unlike_one(model, prefixes, sums):
        proper = getattr(model, "proper", None)
        raise InputError(
            f"{problem}; to draw words the whole distribution is needed" + (f": take {proper}" if proper else "")
        )


def draw(
    scores: np.ndarray, temperature: float, top_k: int | None, top_p: float | None, dice: np.random.Generator
) -> np.ndarray:
    """The number of a word for each row of log-probabilities, (B, N)."""
    with np.errstate(over="ignore"):
        p = np.exp((scores.astype(float) - scores.max(axis=1, keepdims=True)) / temperature)
    if top_k is not None or top_p is not None:
        order = np.argsort(-p, axis=1, kind="stable")
        sorted_p = np.take_along_axis(p, order, axis=1)
        if top_k is not None:
            sorted_p[:, top_k:] = 0
        if top_p is not None:
            reached = np.cumsum(sorted_p, axis=1) / sorted_p.sum(axis=1, keepdims=True)
            before = np.concatenate([np.zeros((len(p), 1)), reached[:, :-1]], axis=1)
            sorted_p[before >= top_p] = 0  # those before it suffice
        p = np.zeros_like(p)
        np.put_along_axis(p, order, sorted_p, axis=1)
    upto = np.cumsum(p, axis=1)
    at = dice.random(len(p))[:, None] * upto[:, -1:]
    return (upto <= at).sum(axis=1)


def _drawn_order(steps: list[Step], count: int) -> np.ndarray:
    """Where each of the sequences stands in the last step: what ended moved to the back."""
    at = np.arange(count)
    for step in steps[1:]:
        place = np.empty(len(step), np.int64)
        place[step.parent] = np.arange(len(step))  # each prefix lives on exactly once
        at = place[at]
    return at


__all__ = ["check_sums", "draw", "sample"]
