"""Three decoders on one small tree, where a beam of two prefixes finds less than greedy search does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..decode import Departure, PrefixSearch, Sequence, Tree, beam_search, exhaustive, greedy

TREE: dict[str, Any] = {
    "the": [-1.0, {
        "red": [-3.0, {"circle": -5.1, "square": -5.3, "rectangle": -5.4, "ellipse": -5.6}],
        "green": [-3.4, {"circle": -5.0, "square": -5.2, "rectangle": -5.3, "ellipse": -5.5}],
        "blue": [-3.6, {"circle": -4.9, "square": -4.8, "rectangle": -5.0, "ellipse": -5.4}],
    }],
    "a": [-1.2, {
        "red": [-2.5, {"circle": -5.6, "square": -5.7, "rectangle": -5.9, "ellipse": -6.0}],
        "green": [-2.6, {"circle": -5.7, "square": -5.8, "rectangle": -6.1, "ellipse": -5.9}],
        "blue": [-3.5, {"circle": -4.2, "square": -3.5, "rectangle": -4.4, "ellipse": -4.6}],
    }],
}  # fmt: skip
"""log p of each branch. Siblings sum to less than 1: the rest belongs to words that are not shown."""

WIDTH = 2


@dataclass(frozen=True, eq=False)
class Answers:
    """What three decoders find in one tree.

    greedy, beam, best   of greedy search, of beam search with `width`, and of exhaustive search
    by_width             (width, what beam search finds with it), from 1 until the whole tree is kept
    """

    tree: Tree
    width: int
    greedy: Sequence
    beam: Sequence
    best: Sequence
    by_width: tuple[tuple[int, Sequence], ...]

    @property
    def search(self) -> PrefixSearch:
        """The beam's."""
        return search_of(self.beam)

    @property
    def enough(self) -> int:
        """The smallest width from which on every beam finds the maximum."""
        short = [width for width, found in self.by_width if found.log_likelihood < self.best.log_likelihood]
        return max(short, default=0) + 1

    @property
    def proved(self) -> int:
        """The smallest width at which the search itself can tell that it found the maximum."""
        return next(width for width, found in self.by_width if found.search.exact)

    def left(self, found: Sequence) -> Departure | None:
        """Where the beam dropped the beginning of another sequence; None where it kept it to the end."""
        return self.search.pruned_at(found.words)

    def falls(self) -> list[tuple[Sequence, Sequence]]:
        """Neighbouring widths of which the larger finds less: what both find."""
        found = [sequence for _, sequence in self.by_width]
        return [(a, b) for a, b in pairwise(found) if b.log_likelihood < a.log_likelihood]


def answers(branches: Mapping[str, Any] = TREE, width: int = WIDTH) -> Answers:
    """Search the tree in all three ways, and with every width.

    >>> found = answers()
    >>> [round(s.log_likelihood, 1) for s in (found.greedy, found.beam, found.best)]
    [-9.1, -9.3, -8.2]
    """
    tree = Tree(branches)
    length = tree.depth
    best = exhaustive(tree, length)
    most = max(len(step) for step in search_of(best).steps)
    by_width = []
    for w in range(1, most + 1):
        by_width.append((w, beam_search(tree, length, w)[0]))
        if w > width and by_width[-1][1].search.exact:
            break
    return Answers(tree, width, greedy(tree, length), beam_search(tree, length, width)[0], best, tuple(by_width))


def search_of(found: Sequence) -> PrefixSearch:
    """The search over prefixes that found it."""
    assert isinstance(found.search, PrefixSearch)
    return found.search


__all__ = ["Answers", "TREE", "WIDTH", "answers", "search_of"]
