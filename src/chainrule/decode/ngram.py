"""n-gram models: the next word given the last few, counted in a text."""

from __future__ import annotations

import copy
import math
from collections.abc import Hashable, Iterable, Iterator
from typing import Any

import numpy as np

from ..graph.errors import InputError, NamingError
from .asked import whole
from .chain import Trellis
from .errors import NotMarkov
from .grams import grams, smoothed
from .model import shown
from .smoothing import KneserNey, Smoothing
from .tokens import UNK, Beginnings, Level, Reader, frequent, read
from .vocabulary import Vocabulary

USUAL = KneserNey()
LARGEST = 1_000_000_000  # bytes of a trellis
LEAST = 1e-300  # of a probability: products of many small shares would become 0
_NAMES = {1: "a unigram model", 2: "a bigram model", 3: "a trigram model"}
_TRIED = 64  # contexts, in the search for one that shows that a model is not Markov
_APART = 1e-4  # relative difference of two probabilities that is worth being shown


class NGram:
    """p(w_t | w_0 … w_{t−1}) = p(w_t | w_{t−n+1} … w_{t−1}), estimated by counting: a model of order n.

    tokens       the words of a text, in order; a str is taken as its characters. `NGram.from_text` reads a text
    order        n ≥ 1: the next word is told from the n − 1 before it
    smoothing    `KneserNey()`, `WittenBell()` or `AddK(k)`. Each gives every word after every context a probability
                 above 0, and these sum to 1; what would be below 1e−300 becomes 1e−300
    vocabulary   the N words that can come. By default those of `tokens`, the commonest first. A token that is not in
                 it counts as "<unk>", if that is in it
    starts       the numbers of the tokens with which something begins, a paragraph, say; the first always does

    The beginning w_0 = <BOS> is no word: it is never predicted, and stands before the first word only, so that w_1 is
    told from (<BOS>), w_2 from (<BOS>, w_1). The tokens are counted as one running sequence, across `starts`; and on
    top of that, at each of `starts`, the n-grams that begin with <BOS>. With the first token alone as start, <BOS> was
    followed once, and by that word.

    Contexts are found by binary search among the sorted distinct n-grams, G of all lengths: memory O(G + N), a row of
    log p in O(N + n² log G), and no row is kept.

    Raises InputError: fewer than n tokens, no whole n ≥ 1, starts outside of the tokens. NamingError: a token that is
    not in the given vocabulary, where that has no "<unk>".

    >>> m = NGram("ababac")
    >>> m
    NGram of order 2 over 3 words: KneserNey(discount=None), counted in 6 tokens
    >>> scores, _ = m.log_probs(np.array([[0]]), None)      # after "a"
    >>> list(m.vocabulary), np.exp(scores) * 18             # p = 2/18, 11/18, 5/18
    (['a', 'b', 'c'], array([[ 2., 11.,  5.]]))
    """

    start: Any = None  # the word before the first; None: the beginning

    def __init__(
        self,
        tokens: Iterable[Hashable],
        order: int = 2,
        smoothing: Smoothing = USUAL,
        vocabulary: Vocabulary | Iterable[Hashable] | None = None,
        *,
        starts: Iterable[int] = (0,),
    ):
        self.order = whole("order", order)
        told = all(hasattr(smoothing, name) for name in ("shared", "backs_off", "continuation"))
        if not told or isinstance(smoothing, type):
            raise InputError(f"smoothing={smoothing!r} is none; write KneserNey(), WittenBell() or AddK(1.0), say")
        self.smoothing = smoothing
        try:
            words = list(tokens.tolist() if isinstance(tokens, np.ndarray) else tokens)
        except TypeError:
            raise InputError(f"the tokens are the words of a text, in a list, say, and not {tokens!r}") from None
        if len(words) < order:
            if not words:
                raise InputError("the text is empty: there are no words to count")
            many = "1 word" if len(words) == 1 else f"{len(words)} words"
            raise InputError(f"a text of {many} is too short for {self.noun}; it needs at least {order}")
        self._read: Reader | None = None
        try:
            own = frequent(words) if vocabulary is None else vocabulary
        except TypeError:
            raise InputError("the tokens must be hashable, such as strings or numbers") from None
        self.vocabulary = own if isinstance(own, Vocabulary) else Vocabulary(own)
        numbers = _numbered(self.vocabulary, words)
        self.counted = len(numbers)
        N = len(self.vocabulary)
        self._start = np.full(min(order - 1, 1), N)  # <BOS> has the number N
        seen = list(grams(numbers, _places(starts, len(numbers)), order, N))
        self._unigram, self._levels = smoothed(seen, smoothing, N)

    @classmethod
    def from_text(
        cls,
        text: str,
        order: int = 2,
        level: Level = "word",
        smoothing: Smoothing = USUAL,
        min_count: int = 1,
        max_words: int | None = None,
        *,
        lower: bool = False,
        beginnings: Beginnings = "paragraph",
        eos: str | None = None,
    ) -> NGram:
        """A model of a text's words and punctuation marks (`tokens.words`), or of its characters.

        level        "word", or "character": then spaces and line breaks are characters like others
        min_count    words that come less often become "<unk>"
        max_words    at most so many words are kept, the commonest; the others become "<unk>", one of them
        lower        small letters only
        beginnings   what <BOS> stands before: each "paragraph", after a blank line, or each "line"
        eos          a word to be put at the end of each of these, for decoders that end there; never "<unk>"

        A text given to `log_likelihood`, `perplexity` and `after` of this model is read in the same way.

        Raises InputError: a text without words or too short, options that are none.

        >>> m = NGram.from_text("the cat sat\\n\\nthe dog sat on the cat", order=3, min_count=2)
        >>> list(m.vocabulary)
        ['the', 'cat', 'sat', '<unk>']
        """
        reader = Reader(level, lower)
        tokens, starts = read(text, reader, beginnings, eos)
        words = frequent(tokens, min_count, max_words, eos)
        model = cls(tokens, order, smoothing, words, starts=starts)
        model._read = reader
        return model

    @property
    def noun(self) -> str:
        """What it is called in messages."""
        return _NAMES.get(self.order, f"an n-gram model of order {self.order}")

    def __repr__(self) -> str:
        return (
            f"NGram of order {self.order} over {len(self.vocabulary):,} words: {self.smoothing}, "
            f"counted in {self.counted:,} tokens"
        )

    def log_probs(self, prefixes: np.ndarray, state: Any) -> tuple[np.ndarray, None]:
        """log p(w_{t+1} | the last n − 1 of w_0 … w_t), (B, N): `Model.log_probs`. There is no state."""
        start = np.broadcast_to(self._start, (len(prefixes), len(self._start)))
        rows = self._rows(_last(np.concatenate([start, _last(prefixes, self.order - 1)], axis=1), self.order - 1))
        return np.log(rows, out=rows), None

    def after(self, words: Iterable[Hashable]) -> NGram:
        """The model given its first words: one that starts in their context.

        Raises NamingError for a word that is not in the vocabulary, where that has no "<unk>".

        >>> m = NGram("ababac")
        >>> round(math.exp(m.after("ba").log_likelihood("b")), 9), 11 / 18
        (0.611111111, 0.6111111111111112)
        """
        later, numbers = copy.copy(self), self._numbers(words)
        later._start = _last(np.concatenate([self._start, numbers])[None], self.order - 1)[0]
        later.start = self.vocabulary[int(numbers[-1])] if len(numbers) else self.start
        return later

    def log_likelihood(self, tokens: Iterable[Hashable]) -> float:
        """log p(w_1 … w_T | w_0) of these words, a natural logarithm: Σ_t log p(w_t | w_0 … w_{t−1}).

        Raises NamingError for a word that is not in the vocabulary, where that has no "<unk>".

        >>> round(math.exp(NGram("ababac").log_likelihood("ab")) * 108, 9)      # 5/6 · 11/18 = 55/108
        55.0
        """
        return float(np.log(self._each(self._numbers(tokens))).sum())

    def perplexity(self, tokens: Iterable[Hashable]) -> float:
        """exp(−log p(w_1 … w_T | w_0) / T): as uncertain as a choice among so many equally likely words.

        Raises InputError for no words; NamingError as `log_likelihood`.

        >>> m = NGram("ababac", order=1)                        # p = 1/2, 1/3, 1/6
        >>> round(m.perplexity("abc") ** 3, 9)
        36.0
        """
        numbers = self._numbers(tokens)
        if not len(numbers):
            raise InputError("the perplexity of no words is not defined; give at least one")
        return math.exp(-np.log(self._each(numbers)).mean())

    def trellis(self, length: int) -> Trellis:
        """What Viterbi's recursion needs, of a model of order 1 or 2: a matrix of N × N log-probabilities.

        One word needs no matrix, at any order. Raises NotMarkov for a higher order, with two contexts that show it;
        InputError where the matrix would take more than 10⁹ bytes.
        """
        N = len(self.vocabulary)
        first = self.log_probs(np.empty((1, 0), np.int64), None)[0][0]
        if whole("length", length) == 1:
            return Trellis(self.vocabulary, 1, first, np.empty((0, N, N)))
        if self.order > 2:
            raise NotMarkov(self._why_not_markov())
        if (size := 8 * N * N) > LARGEST:
            raise InputError(
                f"a trellis over {N:,} words needs {size:,} bytes for p(w_t | w_t-1), more than {LARGEST:,}; keep "
                f"fewer words (NGram.from_text with max_words={math.isqrt(LARGEST // 8)}, or a larger min_count), or "
                "use beam_search, which needs no matrix"
            )
        if self.order == 1:
            return Trellis(self.vocabulary, length, first, np.broadcast_to(first, (N, N)))
        (level,) = self._levels
        P = np.multiply.outer(level.rest[:N], self._base)
        row = np.repeat(np.arange(N), np.diff(level.begins[: N + 1]))
        P[row, level.words[: len(row)]] += level.shares[: len(row)]
        return Trellis(self.vocabulary, length, first, np.log(np.maximum(P, LEAST, out=P), out=P))

    def _numbers(self, words: Iterable[Hashable]) -> np.ndarray:
        if isinstance(words, str):
            if self._read is not None:
                words = self._read(words)
            elif words and any(len(str(word)) > 1 for word in self.vocabulary if word != UNK):
                raise NamingError(f"{words!r} is one text; give a list of words, such as {[self.vocabulary[0]]!r}")
        return _numbered(self.vocabulary, words)

    @property
    def _base(self) -> np.ndarray:
        """(N,): what the rest of a bigram's context is spread by."""
        N = len(self.vocabulary)
        return self._unigram if self.order == 1 or self.smoothing.backs_off else np.full(N, 1 / N)

    def _lengths(self, longest: int) -> range:
        """The lengths of the n-grams that tell p after a context of longest − 1 words, the longest first."""
        return range(longest, 1 if self.smoothing.backs_off else max(longest - 1, 1), -1)

    def _rows(self, contexts: np.ndarray) -> np.ndarray:
        """(B, N): p(· | context), of contexts (B, m) with m < n that may begin with <BOS>."""
        B, m = contexts.shape
        N = len(self.vocabulary)
        scale, added = np.ones(B), []
        for k in self._lengths(m + 1):
            level, found = self._levels[k - 2], self._find(contexts[:, m + 1 - k :])
            seen = np.flatnonzero(found >= 0)
            row, gram = level.followers(found[seen])
            row = seen[row]
            added.append((row * N + level.words[gram], level.shares[gram] * scale[row]))
            scale[seen] *= level.rest[found[seen]]
        P = np.multiply.outer(scale, self._base)
        flat = P.reshape(-1)
        for place, share in added:
            flat[place] += share  # an n-gram of this length comes once at most in a row
        return np.maximum(P, LEAST, out=P)

    def _find(self, words: np.ndarray) -> np.ndarray:
        """The numbers of m-grams, (B, m), among those seen; −1 where one was not."""
        found = words[:, 0]
        for j in range(1, words.shape[1]):
            found = self._levels[j - 1].find(found, words[:, j])
        return found

    def _each(self, numbers: np.ndarray) -> np.ndarray:
        """(T,): p(w_t | w_0 … w_{t−1}) of each of the words, without a row of N."""
        given, T = np.concatenate([self._start, numbers]), len(numbers)
        length = np.minimum(np.arange(len(given) - T, len(given)) + 1, self.order)  # of each word's longest n-gram
        p, contexts = self._base[numbers], given
        for k in range(2, min(self.order, len(given)) + 1):
            # at place i of `contexts`: the (k−1)-gram that begins there, and is the context of given[i + k − 1]
            level = self._levels[k - 2]
            grams = level.find(contexts[: len(given) - k + 1], given[k - 1 :])
            told = np.flatnonzero(length >= k if self.smoothing.backs_off else length == k)
            i = told + len(given) - T - k + 1
            context, gram = contexts[i], grams[i]
            p[told] *= np.where(context >= 0, level.rest[context], 1.0)
            p[told] += np.where(gram >= 0, level.shares[gram], 0.0)
            contexts = grams
        return np.maximum(p, LEAST)

    def _why_not_markov(self) -> str:
        told = f"{self.noun} is not Markov in its words"
        for context in self._contexts():
            others = np.concatenate([self._alike(context), self._changed(context)])
            p, q = self._rows(context[None])[0], self._rows(others)
            other, w = np.unravel_index(np.abs(q - p).argmax(), q.shape)
            if abs(q[other, w] - p[w]) > _APART * p[w]:
                one, two = shown(self.vocabulary, context), shown(self.vocabulary, others[other])
                word, last = self.vocabulary[int(w)], self.vocabulary[int(context[-1])]
                return (
                    f"{told}: p({word!r}) is {p[w]:.5g} after {one} and {q[other, w]:.5g} after {two}. Both end in "
                    f"{last!r}, so p(w_t | w_0..t-1) does not depend on w_{{t-1}} alone"
                )
        return f"{told}: p(w_t | w_0..t-1) is estimated from the last {self.order - 1} words, not from w_{{t-1}} alone"

    def _contexts(self) -> Iterator[np.ndarray]:
        """Contexts of n − 1 words that were seen, those with most followers first."""
        kinds = np.diff(self._levels[-1].begins)
        for number in np.argsort(-kinds, kind="stable")[:_TRIED]:
            context = self._spelt(int(number))
            if kinds[number] and context[0] < len(self.vocabulary):
                yield context

    def _alike(self, context: np.ndarray) -> np.ndarray:
        """Contexts with the same last word, among those with most followers."""
        alike = [other for other in self._contexts() if other[-1] == context[-1]]
        return np.array(alike[:8], np.int64).reshape(-1, len(context))

    def _changed(self, context: np.ndarray) -> np.ndarray:
        """The context with another word at one place before the last; it need not have been seen."""
        words, places = min(len(self.vocabulary), 5), len(context) - 1
        changed = np.tile(context, (places, words, 1))
        changed[np.arange(places), :, np.arange(places)] = np.arange(words)
        return changed.reshape(-1, len(context))

    def _spelt(self, number: int) -> np.ndarray:
        """The words of the (n−1)-gram with this number."""
        words = []
        for level in self._levels[-2::-1]:
            words.append(int(level.words[number]))
            number = int(level.keys[number]) // (len(self.vocabulary) + 1)
        return np.array([number, *reversed(words)])


def _numbered(vocabulary: Vocabulary, words: Iterable[Hashable]) -> np.ndarray:
    """The numbers of the words, (T,); "<unk>" stands for those that the vocabulary lacks. Raises NamingError."""
    known = {word: k for k, word in enumerate(vocabulary)}
    unknown = known.get(UNK, -1)
    try:
        words = list(words)
        found = np.fromiter((known.get(word, unknown) for word in words), np.int64, len(words))
    except TypeError:  # no words, or one that is not hashable
        return vocabulary.numbers(words)
    if len(found) and found.min() < 0:
        vocabulary.number(words[int(found.argmin())])
    return found


def _places(starts: Iterable[int], tokens: int) -> np.ndarray:
    """The starts, sorted, the first token's among them. Raises InputError."""
    try:
        given = np.array([0, *starts])
    except (TypeError, ValueError):
        given = np.empty(0)
    if given.dtype.kind not in "iu" or given.ndim != 1 or given.min() < 0 or given.max() >= tokens:
        raise InputError(f"starts are numbers of tokens, from 0 to {tokens - 1:,}, and they are {starts!r}"[:200])
    return np.unique(given)


def _last(rows: np.ndarray, columns: int) -> np.ndarray:
    """The last columns, all where there are fewer."""
    return rows[:, max(rows.shape[1] - columns, 0) :]


__all__ = ["NGram", "USUAL"]
