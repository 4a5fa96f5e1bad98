"""What the picture of a search over a trellis shows, as data: words, steps, and the ways between them.

δ_t(j) is the best log-likelihood of the paths that end in w_t = j, and its back-pointer the word before. Where there
are too many words, those on the paths are shown, those that the most back-pointers lead to, and those with the best δ.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .columns import Span, asked_step, spans
from .words import listed, spelled

if TYPE_CHECKING:
    from ..search import TrellisSearch

MOST = 12  # words that are shown
ALL_SCORES = 4  # words up to which every way has its score beside it
ALL_WAYS = 6  # words up to which ways are drawn that no back-pointer takes
LARGEST = 2000  # words up to which all back-pointers are counted
PATHS = 5


class Way(NamedTuple):
    """From w_{t−1} = i to w_t = j, and its score; at t = 1 from w_0, i = −1.

    pointer   whether it is the back-pointer of j
    paths     the ranks of the paths that take it, 1 the best
    """

    t: int
    i: int
    j: int
    score: float
    pointer: bool
    paths: tuple[int, ...]


class TrellisPicture:
    """The part of a trellis that is shown.

    words     their numbers, in the order of the vocabulary
    columns   the steps 1 … T, the middle ones perhaps folded
    delta     (T, N), δ_t(j), the best
    paths     those shown, best first; without an end while the search is not over
    ends      the step at which each is shown to end: T, or where `eos` comes, or where that can first be seen
    step      up to which it is meant to be shown
    over      whether that is T
    """

    def __init__(self, search: TrellisSearch, step: int | None = None, columns: int = 8, words: int = MOST):
        self.search, self.trellis = search, search.trellis
        length = self.trellis.length
        self.step = asked_step(step, length)
        self.over = self.step == length
        self.columns = spans(length if length <= columns else max(self.step, 1), columns)
        self.delta = search.delta if search.delta.ndim == 2 else search.delta[:, :, 0]
        self.open = [span.first for span in self.columns if not span.folded]
        self.n = len(search.vocabulary)
        self.paths = self._shown_paths(words + words // 3)
        self.ends = [self._end(path) for path in self.paths]
        self.words = self._words(words)

    def _shown_paths(self, most: int) -> list[np.ndarray]:
        """The first paths, as many as pass through so few words."""
        words: set[int] = set()
        for k, path in enumerate(self.search.paths[:PATHS]):
            words |= {int(path[t - 1]) for t in self.open}
            if k and len(words) > most:
                return list(self.search.paths[:k])
        return list(self.search.paths[:PATHS])

    def _end(self, path: np.ndarray) -> int:
        ended = np.flatnonzero(path == self.search.eos) if self.search.eos is not None else path[:0]
        return min((t for t in self.open if len(ended) and t > ended[0]), default=self.trellis.length)

    def _words(self, most: int) -> list[int]:
        if self.n <= most:
            return list(range(self.n))
        wanted = list(dict.fromkeys(int(path[t - 1]) for path in self.paths for t in self.open))
        most = max(most, len(wanted))
        if self.n <= LARGEST:
            pointers = [self._pointers(t) for t in self.open if t > 1]
            pointed = np.bincount(np.concatenate([*pointers, np.zeros(0, np.int64)]), minlength=self.n)
            wanted += np.argsort(-pointed, kind="stable")[: most // 2 if pointers else 0].tolist()
        for rank in range(most):
            for t in reversed(self.open):
                wanted.append(int(np.argsort(-self.delta[t - 1], kind="stable")[rank]))
        return sorted(list(dict.fromkeys(wanted))[:most])

    def _pointers(self, t: int) -> np.ndarray:
        """a_t(j) for every j, by the recursion."""
        return (self.delta[t - 2, :, None] + self.trellis.step(t)).argmax(axis=0)

    def pointer(self, t: int, j: int) -> int | None:
        """a_t(j): the word before w_t = j on the best way there; None where there is no way, and at t = 1."""
        if t == 1 or self.delta[t - 1, j] == -np.inf:
            return None
        return int((self.delta[t - 2] + self.trellis.step(t)[:, j]).argmax())

    def score(self, t: int, i: int, j: int) -> float:
        """What a way adds to the log-likelihood."""
        own = self.trellis.first[j] if t == 1 else self.trellis.step(t)[i, j]
        return float(own if self.trellis.local is None else own + self.trellis.local[t - 1, j])

    def on(self, t: int, j: int) -> tuple[int, ...]:
        """The ranks of the paths through w_t = j."""
        paths = zip(self.paths, self.ends) if self.over else ()
        return tuple(r for r, (path, end) in enumerate(paths, 1) if t <= end and path[t - 1] == j)

    def excluded(self, t: int, j: int) -> bool:
        """Whether w_t = j ends in another word than was asked for."""
        return self.search.end not in (None, j) and t == self.trellis.length and self.delta[t - 1, j] > -np.inf

    def listed(self, path: np.ndarray) -> str:
        """A path in words, up to an end that it stays in."""
        eos = self.search.eos
        ends = [t for t, j in enumerate(path[:-1], 1) if j == eos or self.absorbing(int(j))]
        words = self.search.vocabulary.words(path[: ends[0]] if ends else path)
        stays = f" (then {spelled(words[-1])} alone)" if ends and eos is None else ""
        return listed(words, self.search.vocabulary.characters) + stays

    @property
    def more_paths(self) -> int:
        """How many paths there are that are not shown."""
        return len(self.search.paths) - len(self.paths)

    @property
    def more_words(self) -> int:
        """How many words there are that are not shown."""
        return self.n - len(self.words)

    def ways(self, t: int) -> Iterator[Way]:
        """The ways of positive probability to the words shown, from those shown at t − 1."""
        before = [-1] if t == 1 else self.words
        for j in self.words:
            pointer = -1 if t == 1 and self.delta[0, j] > -np.inf else self.pointer(t, j)
            for i in before:
                if t > 1 and self.delta[t - 2, i] == -np.inf:
                    continue
                score, both = self.score(t, i, j), set(self.on(t, j))
                if score == -np.inf:
                    continue
                paths = tuple(sorted(both & set(self.on(t - 1, i)) if t > 1 else both))
                yield Way(t, i, j, score, pointer == i, paths)

    def total(self, path: np.ndarray) -> float:
        """The log-likelihood of a path."""
        return sum(self.score(t, int(path[t - 2]) if t > 1 else -1, int(j)) for t, j in enumerate(path, 1))

    def absorbing(self, j: int) -> bool:
        """Whether nothing but j itself can follow j, for certain: an end."""
        if self.trellis.length == 1 or self.trellis.local is not None:
            return False
        rows = np.atleast_2d(self.trellis.steps[..., j, :])
        return bool((rows[:, j] == 0).all() and (np.delete(rows, j, axis=1) == -np.inf).all() and self.n > 1)

    def hidden(self, span: Span) -> bool:
        """Whether the column lies behind the step."""
        return span.first > self.step


__all__ = ["ALL_SCORES", "ALL_WAYS", "PATHS", "TrellisPicture", "Way"]
