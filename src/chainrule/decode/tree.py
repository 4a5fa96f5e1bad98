"""A model written out: a tree of log-probabilities."""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from ..graph.errors import InputError
from .asked import whole
from .chain import TOLERANCE, Trellis
from .errors import NoSequence, NotMarkov
from .tree_file import (
    Row,
    Source,
    below,
    called,
    joined,
    path_of,
    rows_of_file,
    rows_of_mapping,
    rows_of_text,
    short,
    text_of,
)
from .vocabulary import Vocabulary

SAME = 1e-9  # how far apart two log-probabilities may be that a Markov model gives as one
_ROUNDING = 1e-12  # above 0: the logarithm of a sum of probabilities that is 1 but for rounding


class Tree:
    """p(w_1 … w_T | <BOS>) = Π_t p(w_t | w_1 … w_{t−1}), each factor a branch of a tree.

    branches   {word: log p} where the tree ends, {word: (log p, {…})} where it goes on; a list of two does as well.
               log p = log p(word | <BOS> and the words on the way to it), a natural logarithm

    A branch that is missing is impossible: its words have log p = −inf, and so has every word after a prefix that ends
    or leaves the tree. Siblings may sum to less than 1, the rest being words that are not shown; `normalised` scales
    them. A branch of log p = −inf is the same as one that is missing, whatever stands below it.

    The vocabulary has the words in the order in which they first appear, level by level. A tree of n branches takes
    O(n) memory, at any depth; finding the next words after B prefixes takes O(B log n + B N).

    Raises InputError, which names the words on the way, for a log-probability that is above 0, NaN, infinite or no
    number, for siblings that sum to more than 1 (within 1e−6), and for a tree without branches or without an end.

    >>> from chainrule.decode import Tree, exhaustive, greedy
    >>> tree = Tree({"a": (-0.5, {"red": -2.0, "blue": -1.9}), "the": (-1.0, {"red": -0.1})})
    >>> tree
    Tree of 4 words: depth 2, 5 branches
    >>> greedy(tree, 2).words, exhaustive(tree, 2).words
    (('a', 'blue'), ('the', 'red'))
    """

    noun, proper = "a tree", "tree.normalised()"

    def __init__(self, branches: Mapping[Any, Any]):
        source = Source()
        self._build(list(rows_of_mapping(branches, source)), source)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Tree:
        """The tree in a file, in UTF-8: JSON where the name ends in .json, else indented text.

        JSON            {"a": -0.5, "the": [-1.0, {"red": -0.1}]}: a number, or a pair of it and the branches below
        indented text   as `parse` takes it

        Raises DataError, which names the file and the line, where the tree is at fault or cannot be read.

        >>> import tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "tree.json")
        ...     _ = file.write_text('{"a": -0.5, "the": [-1.0, {"red": -0.1}]}')
        ...     print(Tree.load(file).text(), end="")
        a -0.5
        the -1.0
          red -0.1
        """
        file = path_of(path)
        return cls._of(rows_of_file(file), Source(file))

    @classmethod
    def parse(cls, text: str) -> Tree:
        """The tree in indented text: a line "word number" a branch, and those below it indented further.

        A word may have spaces in it: the number is what stands last. Lines are indented by spaces or by tabs, as far as
        one likes; − may stand for -, and -inf for what is impossible. Blank lines, and lines that begin with #, do not
        count.

        Raises InputError, which names the line, for those faults and for a word that its siblings have too.

        >>> Tree.parse('''
        ... the −1.0
        ...     red −0.1
        ... ''').log_probs(np.array([[0]]), None)[0].tolist()
        [[-inf, -0.1]]
        """
        if not isinstance(text, str):
            raise InputError(f"parse takes a text of lines such as 'the -1.2', and not {type(text).__name__}")
        source = Source()
        return cls._of(list(rows_of_text(text, source)), source)

    @classmethod
    def _of(cls, rows: list[Row], source: Source) -> Tree:
        tree = cls.__new__(cls)
        tree._build(rows, source)
        return tree

    def _build(self, rows: list[Row], source: Source) -> None:
        if not rows:
            raise source.fault("a tree needs at least one branch, a word and its log-probability")
        values = _log_probabilities(rows, source)
        depths = np.array([row.depth for row in rows])
        # Breadth first is by depth, and within one as written. The branches below a node are then neighbours.
        order = np.argsort(depths, kind="stable")
        node = np.zeros(len(rows) + 1, np.int64)  # the node of each row; at −1 the root
        node[order] = np.arange(1, len(rows) + 1)
        numbers: dict[Hashable, int] = {}
        words = [numbers.setdefault(rows[i].word, len(numbers)) for i in order.tolist()]
        parents = node[_parents(depths.tolist())][order]
        self._fill(Vocabulary(numbers), np.array(words, np.int64), values[order], parents)
        self._check_siblings(source, [rows[i].line for i in order.tolist()])

    def _fill(self, vocabulary: Vocabulary, words: np.ndarray, log_p: np.ndarray, parents: np.ndarray) -> None:
        """The arrays, from those of the n branches, breadth first.

        Node 0 is the root, nodes 1 … n are the branches, and node n + 1 is where prefixes are that left the tree. The
        branches below node k are the nodes start[k] … start[k + 1] − 1.
        """
        n = len(words)
        self.vocabulary = vocabulary
        self._outside = n + 1
        self._word = np.concatenate([[-1], words, [-1]])
        self._log_p = np.concatenate([[0.0], log_p, [-np.inf]])
        self._parent = np.concatenate([[-1], parents, [-1]])
        self._start = np.searchsorted(parents, np.arange(n + 3)) + 1
        keys = parents * len(vocabulary) + words  # of the pairs (node, next word), to find the branch by
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._depth, first = 0, 1  # the first node that is deeper
        while first <= n:
            self._depth, first = self._depth + 1, int(self._start[first])

    def _check_siblings(self, source: Source, lines: list[int | None]) -> None:
        if len(twice := np.flatnonzero(self._keys[1:] == self._keys[:-1])):
            first, second = min((int(self._order[k]) + 1, int(self._order[k + 1]) + 1) for k in twice)
            before = f", first in line {lines[first - 1]}" if lines[first - 1] else ""
            raise source.fault(
                f'{below(self._path(self._parent[first]))}the word "{called(self._named(first))}" has two '
                f"branches{before}; siblings are different words",
                lines[second - 1],
            )
        parents = np.unique(self._parent[1:-1])
        sums = np.add.reduceat(np.exp(self._log_p[1:-1]), self._start[parents] - 1)
        if (over := sums > 1 + TOLERANCE).any():
            node, total = parents[over.argmax()], float(sums[over.argmax()])
            low, high = self._range(node)
            tens = float(np.sum(np.exp(self._log_p[low:high] * math.log(10))))
            advice = "the next word is one of them, so that 1 is the most"
            if abs(tens - 1) < 0.01:
                advice = "as logarithms to the base 10 they would sum to 1: multiply them by 2.302585"
            raise source.fault(
                f"{below(self._path(node))}the probabilities of {_listed(self._names(node))} sum to {total:.9g}, "
                f"{total - 1:.3g} above 1; {advice}",
                lines[low - 1],
            )

    # What it holds

    @property
    def depth(self) -> int:
        """The number of words on the longest way through the tree."""
        return self._depth

    def __len__(self) -> int:
        """The number of branches."""
        return self._outside - 1

    def __repr__(self) -> str:
        words, branches = len(self.vocabulary), len(self)
        return (
            f"Tree of {words:,} word{'s' if words > 1 else ''}: depth {self.depth:,}, "
            f"{branches:,} branch{'es' if branches > 1 else ''}"
        )

    def text(self) -> str:
        """The tree as indented text, which `parse` and `load` read back: the same branches in the same order.

        Words are written as `str` gives them. Raises InputError for one that could not be read back, because it is
        empty or goes over lines, say.

        >>> print(Tree({"the": (-1.0, {"red": -0.1}), "a": -1.2}).text(), end="")
        the -1.0
          red -0.1
        a -1.2
        """
        return text_of(self._written())

    def _written(self) -> Iterator[tuple[int, Hashable, float]]:
        waiting = [(1, k) for k in reversed(range(*self._range(0)))]
        while waiting:
            depth, node = waiting.pop()
            yield depth, self._named(node), float(self._log_p[node])
            waiting += [(depth + 1, k) for k in reversed(range(*self._range(node)))]

    def _range(self, node: Any) -> tuple[int, int]:
        """The branches below a node: from the first of these nodes up to the second."""
        return int(self._start[node]), int(self._start[node + 1])

    def _named(self, node: Any) -> Hashable:
        return self.vocabulary[int(self._word[node])]

    def _names(self, node: Any) -> list[str]:
        return [called(self._named(k)) for k in range(*self._range(node))]

    def _path(self, node: Any) -> list[Hashable]:
        """The words from the root to a node."""
        words = []
        while node > 0:
            words.append(self._named(node))
            node = self._parent[node]
        return words[::-1]

    # The model

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[np.ndarray, np.ndarray]:
        """The branches after each prefix, (B, N); the state is their nodes, (B,): `Model.log_probs`."""
        if prefixes.size and (prefixes.min() < 0 or prefixes.max() >= len(self.vocabulary)):
            raise InputError(f"a prefix has the numbers of words, 0 to {len(self.vocabulary) - 1}, and no others")
        nodes, later = state, prefixes[:, -1:]
        if state is None:
            nodes, later = np.zeros(len(prefixes), np.int64), prefixes
        for words in later.T:
            nodes = self._next(nodes, words)
        rows = np.full((len(prefixes), len(self.vocabulary)), -np.inf)
        owners, branches = self._below(nodes)
        rows[owners, self._word[branches]] = self._log_p[branches]
        return rows, nodes

    def _next(self, nodes: np.ndarray, words: np.ndarray) -> np.ndarray:
        """The node that each node's branch of this word leads to."""
        keys = nodes * len(self.vocabulary) + words
        at = np.minimum(np.searchsorted(self._keys, keys), len(self) - 1)
        found = np.where(self._keys[at] == keys, self._order[at] + 1, self._outside)
        return np.where(self._log_p[found] > -np.inf, found, self._outside)

    def _below(self, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All branches below the nodes, and the place in `nodes` of the one that each is below."""
        starts, counts = self._start[nodes], self._start[nodes + 1] - self._start[nodes]
        owners = np.repeat(np.arange(len(nodes)), counts)
        first = np.cumsum(counts) - counts  # of each node's in what is answered
        return owners, np.arange(len(owners)) + (starts - first)[owners]

    def sequences(self, length: int) -> int:
        """How many ways of so many words there are through the tree, the impossible ones included."""
        low, high = self._range(0)
        for _ in range(length - 1):
            low, high = int(self._start[low]), int(self._start[high])
        return high - low

    def after(self, words: Iterable[Hashable]) -> Tree:
        """The subtree below these words, with the same vocabulary: `chainrule.decode.after`.

        Raises NoSequence where there is no such branch, or nothing below it; NamingError for a word that is nowhere in
        the tree.

        >>> Tree({"the": (-1.0, {"red": -0.1}), "a": -1.2}).after(["the"]).text()
        'red -0.1\\n'
        """
        node = 0
        for number in self.vocabulary.numbers(words):
            child = int(self._next(np.array([node]), number)[0])
            if child == self._outside:
                names = self._names(node)
                there = f"there {'are' if len(names) > 1 else 'is'} {_listed(names)}" if names else "the tree ends here"
                raise NoSequence(
                    f"{below(self._path(node)) or 'at the root of the tree, '}there is no branch "
                    f'"{called(self.vocabulary[number])}" of positive probability; {there}'
                )
            node = child
        if node == 0:
            return self
        (low, high), ranges = self._range(node), []
        while low < high:  # the descendants of one depth are neighbours too
            ranges.append(np.arange(low, high))
            low, high = int(self._start[low]), int(self._start[high])
        if not ranges:
            raise NoSequence(f'the tree ends with "{joined(self._path(node))}": it has no branch below')
        kept = np.concatenate(ranges)
        places = np.zeros(self._outside, np.int64)  # the node itself becomes the root, 0
        places[kept] = np.arange(1, len(kept) + 1)
        return self._with(self._word[kept], self._log_p[kept], places[self._parent[kept]])

    def normalised(self) -> Tree:
        """The tree with each set of siblings scaled to sum to 1, as sampling needs them: log p − log Σ exp(log p).

        Where all siblings are impossible they stay so.

        >>> print(Tree({"the": -1.0, "a": -1.0}).normalised().text(), end="")
        the -0.6931471805599453
        a -0.6931471805599453
        """
        log_p, owners = self._log_p[1:-1], self._parent[1:-1]
        starts = self._start[np.unique(owners)] - 1
        counts = np.diff(np.append(starts, len(log_p)))
        largest = np.repeat(np.maximum.reduceat(log_p, starts), counts)
        shifted = log_p - np.where(largest > -np.inf, largest, 0.0)
        with np.errstate(divide="ignore"):
            sums = np.repeat(np.log(np.add.reduceat(np.exp(shifted), starts)), counts)
        return self._with(self._word[1:-1], shifted - np.where(sums > -np.inf, sums, 0.0), owners)

    def _with(self, words: np.ndarray, log_p: np.ndarray, parents: np.ndarray) -> Tree:
        tree = type(self).__new__(type(self))
        tree._fill(self.vocabulary, words, log_p, parents)
        return tree

    def trellis(self, length: int) -> Trellis:
        """What Viterbi's recursion needs, where the tree is Markov: p(w_t | w_0 … w_{t−1}) depends on t and w_{t−1}.

        Every prefix of positive probability is looked at: two of one length that end in the same word must have the
        same branches, with log-probabilities within 1e−9. The trellis varies in time; where no prefix of t − 1 words
        ends in w_{t−1}, and beyond the depth, its rows are −inf.

        Raises NotMarkov, with two prefixes that differ.

        >>> tree = Tree({"a": (-0.5, {"red": -2.0}), "the": (-1.0, {"red": (-0.1, {"cat": -0.2})})})
        >>> tree.trellis(2).step(2)[[0, 1], 2].tolist()
        [-2.0, -0.1]
        >>> tree.trellis(3)
        Traceback (most recent call last):
        chainrule.decode.errors.NotMarkov: p(cat | the red) = 0.8187, and p(cat | a red) = 0 (no branch):
        p(w_3 | w_0..w_2) does not depend on w_2 alone
        """
        n, length = len(self.vocabulary), whole("length", length)
        first, nodes = self.log_probs(np.zeros((1, 0), np.int64), None)
        parts = []
        for t in range(1, min(length, self.depth) + 1):
            owners, branches = self._below(nodes)
            possible = self._log_p[branches] > -np.inf
            owners, branches = owners[possible], branches[possible]
            if t > 1:
                kept = self._alike(t, nodes, owners, branches)
                parts.append((t - 2, nodes[owners[kept]], branches[kept]))
            nodes = branches
        steps = np.full((length - 1, n, n), -np.inf)
        for step, before, now in parts:
            steps[step, self._word[before], self._word[now]] = self._log_p[now]
        return Trellis(self.vocabulary, length, first[0], steps)

    def _alike(self, t: int, nodes: np.ndarray, owners: np.ndarray, branches: np.ndarray) -> np.ndarray:
        """Which branches are below the first node of their last word, if all other nodes of that word have the same."""
        _, first, group = np.unique(self._word[nodes], return_index=True, return_inverse=True)
        models = first[group]  # the place of the first node of the same word
        twins = self._next(nodes[models[owners]], self._word[branches])
        differ = ~(np.abs(self._log_p[twins] - self._log_p[branches]) <= SAME)
        if differ.any():
            k = differ.argmax()
            raise self._not_markov(t, self._word[branches[k]], nodes[models[owners[k]]], nodes[owners[k]])
        counts = np.bincount(owners, minlength=len(nodes))
        if (fewer := counts < counts[models]).any():
            k = fewer.argmax()
            words = self._word[branches[owners == models[k]]]
            lacking = self._next(np.repeat(nodes[k], len(words)), words) == self._outside
            raise self._not_markov(t, words[lacking.argmax()], nodes[models[k]], nodes[k])
        return models[owners] == owners

    def _not_markov(self, t: int, word: Any, one: Any, other: Any) -> NotMarkov:
        """The error that shows a word's probability after two prefixes, given by their nodes."""
        found = zip(self._log_p[self._next(np.array([one, other]), word)].tolist(), (one, other))
        (a, one), (b, other) = sorted(found, reverse=True)
        log, shown = ("log ", lambda x: x) if a < -700 else ("", math.exp)  # e^-700 is near the least float
        digits = next(d for d in range(4, 18) if f"{shown(a):.{d}g}" != f"{shown(b):.{d}g}")
        first, second = (
            f"{log}p({called(self.vocabulary[word])} | {joined(self._path(node))}) = {shown(x):.{digits}g}"
            for x, node in ((a, one), (b, other))
        )
        missing = " (no branch)" if b == -math.inf else ""
        return NotMarkov(
            f"{first}, and {second}{missing}: p(w_{t} | w_0..w_{t - 1}) does not depend on w_{t - 1} alone"
        )


# From what a person wrote to numbers


def _parents(depths: list[int]) -> list[int]:
    """The row of each row's parent; −1 at the root."""
    last = [-1]  # the last row of each depth so far
    parents = []
    for row, depth in enumerate(depths):
        del last[depth:]
        parents.append(last[depth - 1])
        last.append(row)
    return parents


def _log_probabilities(rows: Sequence[Row], source: Source) -> np.ndarray:
    values = []
    for k, row in enumerate(rows):
        value = _number(row.log_p)
        if value is None or not value <= _ROUNDING:
            raise source.fault(_wrong(_way(rows, k), row, value), row.line)
        values.append(min(value, 0.0))
    return np.array(values)


def _number(value: Any) -> float | None:
    if type(value) is float:
        return value
    if isinstance(value, bool | np.bool_):
        return None
    scalar = isinstance(value, Real) or (getattr(value, "shape", None) == () and value.dtype.kind in "fiu")
    try:
        return float(value) if scalar else None
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf if value == abs(value) else -math.inf


def _way(rows: Sequence[Row], k: int) -> list[Hashable]:
    """The words above a row."""
    words, depth = [], rows[k].depth
    for row in reversed(rows[:k]):
        if row.depth < depth:
            words.append(row.word)
            depth = row.depth
    return words[::-1]


def _wrong(way: list[Hashable], row: Row, value: float | None) -> str:
    start = f"{below(way)}log p({called(row.word)}) is {short(row.log_p)}"
    if value is None:
        left_out = "; leave out what is missing" if row.log_p is None else ""
        return f"{start}, and not a number; a log-probability is a number of at most 0{left_out}"
    if not math.isfinite(value):
        return f"{start}; a log-probability is a number of at most 0, and −inf for what is impossible"
    if value <= 1:
        log = f"{math.log(value):.4g}".replace("-", "−")
        return f"{start}, above 0; it looks like a probability, and its natural logarithm is {log}"
    return f"{start}, above 0, which would be a probability above 1; is the minus sign missing?"


def _listed(names: list[str]) -> str:
    """Names, and how many more there are."""
    if len(names) > 5:
        return ", ".join(names[:4]) + f" and {len(names) - 4:,} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


__all__ = ["SAME", "Tree"]
