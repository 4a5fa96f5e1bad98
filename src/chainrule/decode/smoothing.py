"""How a model that counts treats what it has not seen: smoothing, as records.

A smoothing shares out the probability after each context h of a model that counts:

    p(w | h) = share(h w) + rest(h) · p(w | h')

share(h w) is 0 unless w was seen after h; rest(h) is what is left, and goes to the words by the next coarser
distribution: by the context h' that has one word less, then the next, at last uniformly (`backs_off`), or at once
uniformly. After a context that was never seen, rest(h) = 1. So it is a distribution after any context.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np

from ..graph.errors import InputError
from .asked import real


@dataclass(frozen=True, eq=False)
class Counts:
    """The distinct n-grams h w of one length, and how often each came.

    counts     (G,)
    contexts   (G,), the number of each one's context h
    words      N

    >>> c = Counts(np.array([2, 1, 4]), np.array([0, 0, 2]), words=5)
    >>> c.sums, c.kinds
    (array([3, 0, 4]), array([2, 0, 1]))
    """

    counts: np.ndarray
    contexts: np.ndarray
    words: int

    @cached_property
    def sums(self) -> np.ndarray:
        """c(h ·) = Σ_w c(h w) of each context, in whole numbers."""
        return np.bincount(self.contexts, self.counts).astype(np.int64)

    @cached_property
    def kinds(self) -> np.ndarray:
        """N₁₊(h ·): how many different words came after each context."""
        return np.bincount(self.contexts)


class Smoothing(Protocol):
    """What `NGram` asks of a smoothing; one of your own has the same.

    backs_off      the rest is spread by the next shorter context; otherwise uniformly
    continuation   n-grams shorter than the model's order are counted by how many different words they came after, and
                   not by how often they came
    """

    backs_off: ClassVar[bool]
    continuation: ClassVar[bool]

    def shared(self, counts: Counts) -> tuple[np.ndarray, np.ndarray]:
        """share(h w) of each n-gram, (G,), and rest(h) of each context that was seen, (contexts,).

        The shares after h and rest(h) sum to 1. What is answered for a number that no context has does not count.
        """
        ...


@dataclass(frozen=True)
class AddK:
    """k is added to each count:  p(w | h) = (c(h w) + k) / (c(h ·) + k N).

    Laplace's rule is k = 1, Lidstone's any k > 0. After a context that was never seen all words are alike.

    Lidstone 1920; Chen and Goodman, An empirical study of smoothing techniques for language modeling, Computer Speech
    and Language 13, 1999, section 2.1, which finds it poor: with N words and c(h ·) ≪ k N nearly all of the
    probability is spread uniformly.

    Raises InputError unless 0 < k ≤ 1e100.

    >>> AddK(0.5).shared(Counts(np.array([2, 1]), np.array([0, 0]), words=4))
    (array([0.4, 0.2]), array([0.4]))
    """

    k: float = 1.0
    backs_off: ClassVar[bool] = False
    continuation: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if isinstance(self.k, int | float) and self.k == 0:
            raise InputError(
                "k = 0 leaves every word impossible that was not seen after its context, and after a context that was "
                "not seen no distribution at all (0/0); k must be above 0, such as 1 or 0.01"
            )
        real("k", self.k, 0.0, 1e100, above=True)

    def shared(self, counts: Counts) -> tuple[np.ndarray, np.ndarray]:
        """c(h w) / (c(h ·) + k N), and k N / (c(h ·) + k N)."""
        added = self.k * counts.words
        whole = counts.sums + added
        return counts.counts / whole[counts.contexts], added / whole


@dataclass(frozen=True)
class KneserNey:
    """Interpolated Kneser–Ney: D is taken off each count, and goes to the words that come after many contexts.

        p_k(w | h) = (c_k(h w) − D_k) / c_k(h ·)  +  D_k N₁₊(h ·) / c_k(h ·) · p_{k−1}(w | h'),    p_0(w) = 1 / N

    for contexts h of k − 1 words; the first term is 0 where h w was not seen. c_n, of the n-grams of the model's order,
    counts how often they came; c_k for k < n counts the different words that stood before: c_k(g) = N₁₊(· g). An n-gram
    that begins with <BOS> has nothing before it and keeps its count (Heafield et al., ACL 2013, section 3.2).

    discount   0 < D < 1, the same for all lengths. None: D_k = n₁ / (n₁ + 2 n₂), where n₁ and n₂ of the n-grams of
               length k have c_k = 1 and c_k = 2. Where one of these is 0, as in small or repetitive texts, the estimate
               would be 0 (nothing left for unseen words) or 1 (nothing left of n-grams seen once); D_k is then 1/2

    Kneser and Ney, Improved backing-off for m-gram language modeling, ICASSP 1995; Ney, Essen and Kneser, Computer
    Speech and Language 8, 1994 (the estimate of D); Chen and Goodman, Computer Speech and Language 13, 1999, sections
    2.6 and 2.7 (interpolated, as here). Other programs differ: SRILM and KenLM estimate three discounts, for n-grams
    seen once, twice and more often; NLTK's is 0.1 unless given.

    Raises InputError for a discount outside of its bounds.

    >>> KneserNey(0.5).shared(Counts(np.array([2, 1, 1]), np.array([0, 0, 1]), words=4))
    (array([0.5..., 0.1666..., 0.5...]), array([0.3333..., 0.5...]))
    """

    discount: float | None = None
    backs_off: ClassVar[bool] = True
    continuation: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.discount is not None and real("discount", self.discount, 0.0, 1.0, above=True) == 1:
            raise InputError("discount = 1 leaves nothing of an n-gram that was seen once; it must be below 1")

    def shared(self, counts: Counts) -> tuple[np.ndarray, np.ndarray]:
        """(c(h w) − D) / c(h ·), and D N₁₊(h ·) / c(h ·)."""
        D = estimated_discount(counts.counts) if self.discount is None else self.discount
        whole = np.maximum(counts.sums, 1)
        return (counts.counts - D) / whole[counts.contexts], D * counts.kinds / whole


@dataclass(frozen=True)
class WittenBell:
    """The more different words came after a context, the more likely is a new one:

        p_k(w | h) = (c(h w) + N₁₊(h ·) p_{k−1}(w | h')) / (c(h ·) + N₁₊(h ·)),    p_0(w) = 1 / N

    with c how often an n-gram came, at all lengths. Witten and Bell, IEEE Transactions on Information Theory 37, 1991
    (method C); Chen and Goodman, Computer Speech and Language 13, 1999, section 2.5.

    >>> WittenBell().shared(Counts(np.array([2, 1]), np.array([0, 0]), words=4))
    (array([0.4, 0.2]), array([0.4]))
    """

    backs_off: ClassVar[bool] = True
    continuation: ClassVar[bool] = False

    def shared(self, counts: Counts) -> tuple[np.ndarray, np.ndarray]:
        """c(h w) / (c(h ·) + N₁₊(h ·)), and N₁₊(h ·) / (c(h ·) + N₁₊(h ·))."""
        whole = np.maximum(counts.sums + counts.kinds, 1)
        return counts.counts / whole[counts.contexts], counts.kinds / whole


def estimated_discount(counts: np.ndarray) -> float:
    """n₁ / (n₁ + 2 n₂) of counts of which n₁ are 1 and n₂ are 2; 1/2 where either is 0.

    >>> estimated_discount(np.array([1, 1, 2, 5]))
    0.5
    """
    n1, n2 = int((counts == 1).sum()), int((counts == 2).sum())
    return n1 / (n1 + 2 * n2) if n1 and n2 else 0.5


__all__ = ["AddK", "Counts", "KneserNey", "Smoothing", "WittenBell", "estimated_discount"]
