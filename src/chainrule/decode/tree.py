"""A model written out: a tree of log-probabilities."""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from ..graph.errors import InputError
from .asked import whole
from .chain import TOLERANCE, Trellis
from .errors import NoSequence, NotMarkov
from .tree_file import Row, below, called, fault, joined, model_in, rows_of_mapping, rows_of_text, short, text_of
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
    start: Any = None  # the word before the first; None: the beginning

    def __init__(self, branches: Mapping[Any, Any]):
        self._build(list(rows_of_mapping(branches)))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Tree:
        """The tree in a file, in UTF-8: JSON where the name ends in .json, else indented text.

        JSON            {"a": -0.5, "the": [-1.0, {"red": -0.1}]}: a number, or a pair of it and the branches below
        indented text   as `parse` takes it

        Raises DataError, which names the file, where it cannot be read or the tree is at fault: with the words on the
        way, and in indented text the line.

        >>> import tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "tree.json")
        ...     _ = file.write_text('{"a": -0.5, "the": [-1.0, {"red": -0.1}]}')
        ...     print(Tree.load(file).text(), end="")
        a -0.5
        the -1.0
          red -0.1
        """
        return model_in(path, cls, cls.parse)

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
        tree = cls.__new__(cls)
        tree._build(list(rows_of_text(text)))
        return tree

    def _build(self, rows: list[Row]) -> None:
        if not rows:
            raise fault("a tree needs at least one branch, a word and its log-probability")
        values = [_number(row.log_p) for row in rows]
        log_p = np.minimum(np.array(values, float), 0)  # NaN where there is no number
        last, above = {0: -1}, []  # the last row of each depth so far, and the row above each; the root is −1
        for i, row in enumerate(rows):
            above.append(last[row.depth - 1])
            last[row.depth] = i
        # Breadth first is by depth, and within one as written. The branches below a node are then neighbours.
        order = np.argsort([row.depth for row in rows], kind="stable")
        node = np.zeros(len(rows) + 1, np.int64)  # the node of each row; at −1 the root
        node[order] = np.arange(1, len(rows) + 1)
        numbers: dict[Hashable, int] = {}
        words = [numbers.setdefault(rows[i].word, len(numbers)) for i in order.tolist()]
        parents = node[above]
        self._fill(Vocabulary(numbers), np.array(words, np.int64), log_p[order], parents[order])
        for row, value, parent in zip(rows, values, parents):
            if value is None or not value <= _ROUNDING:
                raise fault(f"{below(self._path(parent))}log p({called(row.word)}) is {_wrong(row, value)}", row.line)
        self._check_siblings([rows[i].line for i in order.tolist()])

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

    def _check_siblings(self, lines: list[int | None]) -> None:
        if len(twice := np.flatnonzero(self._keys[1:] == self._keys[:-1])):
            first, second = min((int(self._order[k]) + 1, int(self._order[k + 1]) + 1) for k in twice)
            before = f", first in line {lines[first - 1]}" if lines[first - 1] else ""
            raise fault(
                f'{below(self._path(self._parent[first]))}the word "{called(self._named(first))}" has two '
                f"branches{before}; siblings are different words",
                lines[second - 1],
            )
        parents, starts = np.unique(self._parent[1:-1], return_index=True)
        sums = np.add.reduceat(np.exp(self._log_p[1:-1]), starts)
        if (over := sums > 1 + TOLERANCE).any():
            node, total = parents[over.argmax()], float(sums[over.argmax()])
            low, high = self._range(node)
            advice = "the next word is one of them, so that 1 is the most"
            if abs(np.sum(10 ** self._log_p[low:high]) - 1) < 0.01:
                advice = "as logarithms to the base 10 they would sum to 1: multiply them by 2.302585"
            raise fault(
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
        words, n = len(self.vocabulary), len(self)
        return f"Tree of {words:,} word{'s' * (words > 1)}: depth {self.depth:,}, {n:,} branch{'es' * (n > 1)}"

    def text(self) -> str:
        """The tree as indented text, which `parse` and `load` read back: the same branches in the same order.

        Words are written as `str` gives them. Raises InputError for one that could not be read back, because it is
        empty or goes over lines, say.

        >>> print(Tree({"the": (-1.0, {"red": -0.1}), "a": -1.2}).text(), end="")
        the -1.0
          red -0.1
        a -1.2
        """
        rows, waiting = [], [(1, k) for k in reversed(range(*self._range(0)))]
        while waiting:
            depth, node = waiting.pop()
            rows.append((depth, self._named(node), float(self._log_p[node])))
            waiting += [(depth + 1, k) for k in reversed(range(*self._range(node)))]
        return text_of(rows)

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
        for _ in range(min(length - 1, self.depth)):  # below the deepest branches there are none
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
        below_it = self._with(self._word[kept], self._log_p[kept], places[self._parent[kept]])
        below_it.start = self._named(node)
        return below_it

    def normalised(self) -> Tree:
        """The tree with each set of siblings scaled to sum to 1, as sampling needs them: log p − log Σ exp(log p).

        Where all siblings are impossible they stay so.

        >>> print(Tree({"the": -1.0, "a": -1.0}).normalised().text(), end="")
        the -0.6931471805599453
        a -0.6931471805599453
        """
        log_p, owners = self._log_p[1:-1], self._parent[1:-1]
        _, starts, counts = np.unique(owners, return_index=True, return_counts=True)
        sums = np.repeat(np.logaddexp.reduceat(log_p, starts), counts)
        return self._with(self._word[1:-1], log_p - np.where(sums > -np.inf, sums, 0), owners)

    def _with(self, words: np.ndarray, log_p: np.ndarray, parents: np.ndarray) -> Tree:
        tree = type(self).__new__(type(self))
        tree._fill(self.vocabulary, words, log_p, parents)
        return tree

    def trellis(self, length: int) -> Trellis:
        """What Viterbi's recursion needs, where the tree is Markov: p(w_t | w_0 … w_{t−1}) depends on t and w_{t−1}.

        Every prefix of positive probability is looked at: two of one length that end in the same word must have the
        same branches, with log-probabilities within 1e−9. The trellis varies in time; where no prefix of t − 1 words
        ends in w_{t−1}, its rows are −inf.

        Raises NotMarkov, with two prefixes that differ; NoSequence where the tree ends before; InputError where the
        trellis, (length − 1) N² numbers, is larger than the memory.

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
        levels = []
        for t in range(1, length + 1):
            branches = self._below(nodes)[1]
            branches = branches[self._log_p[branches] > -np.inf]
            if not len(branches):
                what = f"no sequence of length {length} has a positive probability"
                raise NoSequence(f"{what}: the tree ends after {t - 1} word{'' if t == 2 else 's'}")
            levels.append((nodes, branches))
            nodes = branches
        found = [self._alike(t, *level) for t, level in enumerate(levels[1:], 2)]
        try:
            steps = np.full((length - 1, n, n), -np.inf)
        except MemoryError:
            size = f"{8 * (length - 1) * n * n:,} bytes, (T−1)·N² numbers"
            raise InputError(f"a trellis needs {size}, more than the memory holds; beam_search needs none") from None
        for step, branches in zip(steps, found):
            step[self._word[self._parent[branches]], self._word[branches]] = self._log_p[branches]
        return Trellis(self.vocabulary, length, first[0], steps)

    def _alike(self, t: int, nodes: np.ndarray, branches: np.ndarray) -> np.ndarray:
        """One branch for each pair (w_{t−1}, w_t), where all nodes of the word w_{t−1} have the same branches."""
        n, log_p = len(self.vocabulary), self._log_p[branches]
        pairs = self._word[self._parent[branches]] * n + self._word[branches]
        pairs, first, of, counts = np.unique(pairs, return_index=True, return_inverse=True, return_counts=True)
        differ = counts < np.bincount(self._word[nodes], minlength=n)[pairs // n]
        differ[of[np.abs(log_p - log_p[first[of]]) > SAME]] = True
        if differ.any():
            last, word = divmod(int(pairs[differ.argmax()]), n)
            raise self._not_markov(t, word, nodes[self._word[nodes] == last])
        return branches[first]

    def _not_markov(self, t: int, word: int, nodes: np.ndarray) -> NotMarkov:
        """The error that shows two of these nodes, after which the word is the likeliest and the least likely."""
        log_p = self._log_p[self._next(nodes, np.array(word))]
        ends, log = [log_p.argmax(), log_p.argmin()], ""
        shown = [f"{math.exp(log_p[k]):.4g}" for k in ends]
        if shown[0] == shown[1]:  # too near each other, or to 0
            log, shown = "log ", [str(log_p[k]) for k in ends]
        name, paths = called(self.vocabulary[word]), [joined(self._path(nodes[k])) for k in ends]
        told = ", and ".join(f"{log}p({name} | {path}) = {p}" for path, p in zip(paths, shown))
        missing = " (no branch)" if log_p.min() == -np.inf else ""
        return NotMarkov(f"{told}{missing}: p(w_{t} | w_0..w_{t - 1}) does not depend on w_{t - 1} alone")


# From what a person wrote to numbers


def _number(value: Any) -> float | None:
    if type(value) is float:
        return value
    if getattr(value, "shape", None) == ():  # NumPy's scalars, and arrays and tensors of one number
        value = value.item()
    try:
        return float(value) if isinstance(value, Real) and not isinstance(value, bool) else None
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf if value == abs(value) else -math.inf


def _wrong(row: Row, value: float | None) -> str:
    shown = short(row.log_p)
    if value is None:
        left_out = "; leave out what is missing" if row.log_p is None else ""
        return f"{shown}, and not a number; a log-probability is a number of at most 0{left_out}"
    if not math.isfinite(value):
        return f"{shown}; a log-probability is a number of at most 0, and −inf for what is impossible"
    if value <= 1:
        log = f"{math.log(value):.4g}".replace("-", "−")
        return f"{shown}, above 0; it looks like a probability, and its natural logarithm is {log}"
    return f"{shown}, above 0, which would be a probability above 1; is the minus sign missing?"


def _listed(names: list[str]) -> str:
    """Names, and how many more there are."""
    if len(names) > 5:
        return ", ".join(names[:4]) + f" and {len(names) - 4:,} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


__all__ = ["SAME", "Tree"]
