"""The search itself, as data: what was kept at each step, and what was not."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..face.files import write_file
from ..graph.errors import InputError
from .chain import Trellis
from .model import Model, ask
from .pictures import search_svg, search_text
from .vocabulary import Vocabulary


@dataclass(frozen=True, eq=False)
class Step:
    """What was kept at step t, best first (by an exhaustive search: everything, parent by parent).

    parent       (K,), where the prefix w_1 … w_{t−1} stands in the step before; 0 at the first
    word         (K,), the number of w_t
    log_prob     (K,), log p(w_t | w_0 … w_{t−1})
    total        (K,), log p(w_1 … w_t | w_0)
    ended        (K,), whether w_t, or an earlier word, is `eos`; what has ended is carried along, unchanged
    ranks        (K,), its place in the order of ties
    group        (K,), which group of a diverse beam it belongs to
    pruned       the largest total among the extensions that were not kept; −inf where there are none
    extensions   how many were scored
    """

    parent: np.ndarray
    word: np.ndarray
    log_prob: np.ndarray
    total: np.ndarray
    ended: np.ndarray
    ranks: np.ndarray
    group: np.ndarray
    pruned: float
    extensions: int

    def __len__(self) -> int:
        return len(self.word)


def traced(steps: Sequence[Step], k: int, eos: int | None) -> tuple[int, ...]:
    """The numbers of the words that lead to the k-th of the last of the steps, up to `eos`."""
    words: list[int] = []
    for step in reversed(steps):
        words.append(int(step.word[k]))
        k = int(step.parent[k])
    words.reverse()
    return tuple(words if eos is None or eos not in words else words[: words.index(eos) + 1])


@dataclass(frozen=True)
class Departure:
    """Where a search lost a sequence that it might have found.

    step         t, at which w_1 … w_t was not kept
    prefix       the words w_1 … w_t
    total        log p(w_1 … w_t)
    worst_kept   the smallest total among those that were kept instead: of growing prefixes, or of ended sequences
    """

    step: int
    prefix: tuple[Any, ...]
    total: float
    worst_kept: float


@dataclass(frozen=True, eq=False)
class Search:
    """What every search tells.

    decoder      greedy, beam, sample, exhaustive, viterbi or k-best
    model        what was searched
    length       T
    calls        how often the model was asked, for many prefixes at a time
    extensions   how many pairs of a prefix and a next word of positive probability were scored
    exact        whether the first answer is known to be the most likely of the sequences that were asked for
    why          why it is, or need not be
    bound        no sequence that was asked for has a larger log-likelihood
    end          the number of the word that sequences were asked to end in; None: any
    """

    decoder: str
    model: Model
    length: int
    calls: int
    extensions: int
    exact: bool
    why: str
    bound: float
    end: int | None

    @property
    def vocabulary(self) -> Vocabulary:
        """The N words."""
        return self.model.vocabulary

    def svg(self, step: int | None = None) -> str:
        """A picture, an ``<svg>`` element: of a search over prefixes its tree, from left to right; of one over a
        trellis the trellis.

        step   show the search up to this step only, 0 its beginning. Everything stands where it stands in the whole
               picture, so that a page can show one step after the other; only where the search has so many steps that
               the middle ones are folded, the last ones up to `step` are shown instead

        What was dropped is pale and struck, the way to the best answer thick, a sequence that ended has a double
        border; δ, back-pointers and paths of a trellis likewise in form as well as in colour. Where there is too much
        to show, the rest is counted. Words appear with spaces as ␣ and ends of lines as ↵.

        For the branches that were not kept the model is asked again. Raises InputError for a step that the search did
        not make.
        """
        return search_svg(self, step)

    def text(self, step: int | None = None, colour: bool = False) -> str:
        """The same picture as text for a terminal: a tree by indentation, or a table of δ with the word before each.

        colour   with the codes for colours that terminals know
        """
        return search_text(self, step, colour)

    def draw(self, path: str | os.PathLike[str], step: int | None = None) -> Path:
        """Write the picture, whole or not at all: SVG, or text for a name that ends in .txt. Answers the path.

        Raises InputError for another ending, OutputError where the file cannot be written.
        """
        path = Path(path)
        writers = {".svg": self.svg, ".txt": self.text}
        writer = writers.get(path.suffix.lower())
        if writer is None:
            what = f"{path.name} ends in {path.suffix}" if path.suffix else f"{path.name} has no ending"
            raise InputError(f"pictures of a search are written as .svg, or as .txt for a terminal, and {what}")
        write_file(path, writer(step))
        return path

    def _repr_svg_(self) -> str:
        return self.svg()


@dataclass(frozen=True, eq=False)
class PrefixSearch(Search):
    """A search that extends prefixes: greedy, beam, sampling and exhaustive.

    steps            what was kept at t = 1, 2, …
    eos              the number of the word that ends a sequence; None: no word does
    length_penalty   α, where sequences were ranked by log p / T^α
    answers          where the sequences that were answered stand in the last step, best first; exhaustively the best

    It holds O(B T) numbers; the pictures ask the model once more for the branches that were not kept.

    >>> from chainrule.decode import Tree, beam_search
    >>> tree = Tree({"the": [-1.0, {"cat": -3.0}], "a": [-1.2, {"cat": -2.0, "dog": -2.5}]})
    >>> search = beam_search(tree, length=2, width=1)[0].search
    >>> search.pruned_at(["a", "cat"])
    Departure(step=1, prefix=('a',), total=-1.2, worst_kept=-1.0)
    >>> search.exact, search.bound
    (False, -1.2)
    """

    steps: tuple[Step, ...]
    eos: int | None
    length_penalty: float | None
    answers: tuple[int, ...]

    def prefix(self, t: int, k: int) -> tuple[int, ...]:
        """The numbers of w_1 … w_t of the k-th that was kept at step t, up to `eos`."""
        return traced(self.steps[:t], k, self.eos)

    def pruned_at(self, words: Iterable[Any]) -> Departure | None:
        """Where these words, at most T of them, were lost: the step at which their beginning was not kept, or after
        which it was given up since nothing it leads to could rank among the best. None where all of its beginnings
        were kept, whether it is among the answers or not.

        Raises NamingError for a word that is not in the vocabulary, InputError for what is no sequence of the search.
        """
        numbers = self.vocabulary.numbers(words)
        eos = self.eos if self.eos is not None else -1
        ended = eos in numbers
        if len(numbers) > self.length:
            raise InputError(f"the search is for at most {self.length} words")
        if eos in numbers[:-1]:
            raise InputError(f"nothing follows {self.vocabulary[eos]!r}, which ends a sequence")
        score, state, kept = 0.0, None, np.zeros(1, np.int64)
        for t, step in enumerate(self.steps, 1):
            if t <= len(numbers):
                rows, state = ask(self.model, numbers[None, : t - 1], state)
                score += float(rows[0, numbers[t - 1]])
            elif not ended:
                return None
            word = numbers[t - 1] if t <= len(numbers) else eos
            kept = np.flatnonzero((step.word == word) & (np.isin(step.parent, kept) if t > 1 else True))
            if not len(kept):
                return self._departure(t, numbers, score, bool(word == eos))
        return self._departure(t, numbers, score, True) if len(numbers) > len(self.steps) else None

    def _departure(self, t: int, numbers: np.ndarray, score: float, ended: bool) -> Departure:
        step = self.steps[t - 1]
        rivals = step.total[step.ended == ended]
        worst = float(rivals.min()) if len(rivals) else float(step.total.min(initial=np.inf))
        return Departure(t, self.vocabulary.words(numbers[:t]), score, worst)


@dataclass(frozen=True, eq=False)
class TrellisSearch(Search):
    """A search over the trellis: viterbi and k-best.

    trellis   its scores
    delta     (T, N), δ_t(j): the largest log-likelihood of the paths that end in w_t = j; of the k best (T, N, k)
    paths     the numbers of w_1 … w_T of each answer, best first
    eos       the number of the word that ends a sequence; None: no word does
    """

    trellis: Trellis
    delta: np.ndarray
    paths: tuple[np.ndarray, ...]
    eos: int | None

    @property
    def back_pointers(self) -> np.ndarray:
        """(T − 1, N): row t − 2 is a_t(j) = argmax_i δ_{t−1}(i) + log p(w_t = j | w_{t−1} = i), the smallest such i.

        They follow from δ, and are computed when asked for: a path needs one in each column.
        """
        best = self.delta if self.delta.ndim == 2 else self.delta[:, :, 0]
        rows = [(best[t - 2, :, None] + self.trellis.step(t)).argmax(axis=0) for t in range(2, self.length + 1)]
        return np.array(rows, np.int64).reshape(self.length - 1, len(self.vocabulary))


__all__ = ["Departure", "PrefixSearch", "Search", "Step", "TrellisSearch", "traced"]
