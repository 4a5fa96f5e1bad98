"""Models of a real text, and what each decoder makes of them after the same prompts."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..data.texts import python_reference, text, tinyshakespeare
from ..decode import Model, NGram, Sequence, Trellis, Vocabulary, after, beam_search, greedy, sample, viterbi
from ..decode.tokens import UNK, words
from ..graph.errors import DataError
from ..train.environment import limited
from .decoding_settings import Settings
from .listener import Listener
from .next_character import NextCharacter, train
from .repetition import longest_repeated, repeated

Level = Literal["word", "character"]

NGRAMS: dict[Level, tuple[int, ...]] = {"word": (2, 3, 4), "character": (4, 8, 12)}
"""Of which lengths n the repeated n-grams are told; the last of them is the one that is drawn."""
WIDTHS = (4, 16, 64)
TOP_K: dict[Level, int] = {"word": 40, "character": 5}
TOP_P = 0.9
ORDER = 6  # of the n-gram model of characters
LIMIT = 1_200_000  # characters that are read of a longer text
PROMPT = 80  # characters, about
REAL = "the text itself"


@dataclass(frozen=True)
class Corpus:
    """A text, cut: the last tenth is held out.

    source   where it is from
    """

    train: str
    held: str
    source: str


@dataclass(frozen=True)
class Prompt:
    """A place in what was held out: the characters before it, and those that really follow."""

    text: str
    following: str


@dataclass(frozen=True, eq=False)
class Trained:
    """A model of the text.

    unit       what its words are
    model      to decode; never says "<unk>"
    nats       −log p per token of what was held out; `unigram` without any context, `uniform` log N
    tokens     how many of the text it learnt from
    """

    key: str
    title: str
    unit: Level
    model: Model
    tokens: int
    nats: float
    unigram: float
    uniform: float


@dataclass(frozen=True, eq=False)
class Output:
    """What one decoder made of one prompt; or what the text itself has there.

    per_token   log p per token under the model; of the text itself, of the tokens that the model knows
    exact       no sequence is likelier: it was proved
    """

    model: str
    unit: Level
    decoder: str
    prompt: int
    tokens: tuple[str, ...]
    per_token: float
    exact: bool
    seconds: float

    @property
    def text(self) -> str:
        """The tokens as one text."""
        return ("" if self.unit == "character" else " ").join(self.tokens)

    def repeated(self, n: int) -> float:
        """The share of its n-grams that came in it before."""
        return repeated(self.tokens, n)

    @property
    def repetition(self) -> float:
        """Of the longest n-grams that are told."""
        return self.repeated(NGRAMS[self.unit][-1])

    @property
    def longest(self) -> int:
        """Tokens of the longest stretch that comes twice."""
        return longest_repeated(self.tokens)


def load(settings: Settings, listener: Listener | None = None) -> Corpus:
    """The text, cut off after 1,200,000 characters. Raises DataError, which says what is wrong with it."""
    listener = listener or Listener()
    if settings.text == "python":
        found, source = python_reference(), "the Python Language Reference, as it comes with Python for `help`"
    elif settings.text == "tinyshakespeare":
        found = tinyshakespeare(settings.data_dir, progress=listener.download)
        source = "Tiny Shakespeare (github.com/karpathy/char-rnn)"
    else:
        found, source = text(settings.text), settings.text
    found = found[:LIMIT]
    cut = len(found) - len(found) // 10
    corpus = Corpus(found[:cut], found[cut:], source)
    prompts(corpus, settings)
    if max(Counter(words(corpus.train)).values(), default=0) < 2:
        raise DataError(f"{source}: no word comes twice, and there is nothing to learn from; give a longer text")
    return corpus


def prompts(corpus: Corpus, settings: Settings) -> list[Prompt]:
    """Places between words of what was held out, drawn by the seed, in the order of the text.

    Raises DataError where there are not enough.
    """
    sizes, held = settings.sizes, corpus.held
    room = sizes.characters
    while room < len(held) and len(words(held[-room:])) < sizes.words:
        room += sizes.characters
    ends = [m.start() for m in re.finditer(r"(?<=\S)(?=\s)", held) if PROMPT <= m.start() <= len(held) - room]
    if len(ends) < sizes.prompts or len(words(held[-room:])) < sizes.words:
        whole = len(corpus.train) + len(held)
        raise DataError(
            f"{corpus.source} is too short: it has {whole:,} characters, and its last tenth, {len(held):,}, must hold "
            f"{sizes.prompts} prompts with {sizes.words} words and {sizes.characters} characters after each; a few ten "
            "thousand will do"
        )
    chosen = np.sort(np.random.default_rng(settings.seed).choice(len(ends), sizes.prompts, replace=False))
    found = []
    for e in (ends[k] for k in chosen):
        begin = e - PROMPT + (space.end() if (space := re.search(r"\s+", held[e - PROMPT : e - 1])) else 0)
        found.append(Prompt(held[begin:e], held[e : e + max(room, sizes.characters)]))
    return found


# Models


def trained(corpus: Corpus, settings: Settings, listener: Listener) -> tuple[list[Trained], NextCharacter]:
    """A bigram and a trigram model of words, one of six characters, and a small network that reads ten."""
    listener.stage("counting words and characters")
    sizes, found = settings.sizes, []
    held_words = words(corpus.held)
    one = NGram.from_text(corpus.train, 1, min_count=2, max_words=sizes.vocabulary)
    for order, title in ((2, "bigram of words"), (3, "trigram of words")):
        counted = NGram.from_text(corpus.train, order, min_count=2, max_words=sizes.vocabulary)
        found.append(
            Trained(
                f"word-{order}", title, "word", Known(counted), counted.counted, _nats(counted, held_words),
                _nats(one, held_words), math.log(len(one.vocabulary)),
            )
        )  # fmt: skip
    alphabet = Vocabulary(sorted(set(corpus.train + corpus.held)))
    single, several = (NGram(corpus.train, order, vocabulary=alphabet) for order in (1, ORDER))
    unigram, uniform = _nats(single, corpus.held), math.log(len(alphabet))
    found.append(
        Trained(
            f"character-{ORDER}", f"{ORDER}-gram of characters", "character", several, several.counted,
            _nats(several, corpus.held), unigram, uniform,
        )
    )  # fmt: skip
    network = train(
        corpus.train + corpus.held, context=sizes.context, hidden=sizes.hidden, epochs=sizes.epochs,
        seed=settings.seed, engine=sizes.engine, listener=listener, limit=None,
    )  # fmt: skip
    found.append(
        Trained(
            "network", f"network over {network.context} characters", "character", network.model, len(corpus.train),
            network.validation_loss, unigram, uniform,
        )
    )  # fmt: skip
    return found, network


def _nats(model: NGram, tokens: Iterable[str]) -> float:
    found = counting(model, tokens)
    return -model.log_likelihood(found) / len(found) if found else math.nan


def counting(model: Model, tokens: Iterable[str]) -> list[str]:
    """The tokens that the model knows, and the others where it has "<unk>" for them; without rare words it has not.

    >>> counting(NGram("abab"), "abca")
    ['a', 'b', 'a']
    """
    return [token for token in tokens if token in model.vocabulary or UNK in model.vocabulary]


class Known:
    """An n-gram model that never says "<unk>": p(w | …, w ≠ <unk>). Without such a word it is the model itself.

    >>> m = Known(NGram.from_text("the cat sat, the cat ran, the dog sat", 2, min_count=2))
    >>> float(np.exp(m.log_probs(np.zeros((1, 0), int), None)[0]).sum().round(9)), m.vocabulary[-1]
    (1.0, '<unk>')
    """

    def __init__(self, base: NGram):
        self.base, self.vocabulary, self.noun = base, base.vocabulary, base.noun
        self.unknown = base.vocabulary.number(UNK) if UNK in base.vocabulary else None
        self._steps: list[NDArray[np.float64]] = []  # of the trellis, which all that follow this one share

    def log_probs(self, prefixes: NDArray[np.int64], state: Any) -> tuple[NDArray[np.float64], None]:
        """`Model.log_probs`."""
        return self._without(self.base.log_probs(prefixes, state)[0]), None

    def _without(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.unknown is not None:
            rows -= np.log1p(-np.exp(rows[:, self.unknown]))[:, None]
            rows[:, self.unknown] = -np.inf
        return rows

    def after(self, given: Iterable[Hashable]) -> Known:
        """The model given its first words; those that it does not know count as "<unk>"."""
        later = Known(self.base.after(given))
        later._steps = self._steps
        return later

    def trellis(self, length: int) -> Trellis:
        """What Viterbi's recursion needs. Raises NotMarkov above order 2."""
        first = self.log_probs(np.zeros((1, 0), np.int64), None)[0][0]
        if not self._steps:
            self._steps.append(self._without(np.array(self.base.trellis(2).steps)))
        return Trellis(self.vocabulary, length, first, self._steps[0])


# Decoding


def decoders(model: Trained, seed: int) -> dict[str, Callable[[Model, int], Sequence]]:
    """What each decoder is called -> how it is asked, for a model and a length."""
    top_k = TOP_K[model.unit]
    found: dict[str, Callable[[Model, int], Sequence]] = {"greedy": greedy}
    for width in WIDTHS:
        found[f"beam, {width}"] = lambda m, T, width=width: beam_search(m, T, width)[0]
    if model.key == "word-2":
        found["Viterbi"] = viterbi
    found["sampling"] = lambda m, T: sample(m, T, seed=seed)[0]
    found[f"top-k, {top_k}"] = lambda m, T: sample(m, T, seed=seed, top_k=top_k)[0]
    found[f"nucleus, {TOP_P:g}"] = lambda m, T: sample(m, T, seed=seed, top_p=TOP_P)[0]
    return found


SEARCHES = ("greedy", *(f"beam, {w}" for w in WIDTHS), "Viterbi")
"""The decoders that look for a likely sequence; the others draw one."""


def decoded(models: list[Trained], places: list[Prompt], settings: Settings, listener: Listener) -> list[Output]:
    """Every decoder on every model after every prompt, and beside them the text itself."""
    found = []
    with limited(1):  # the network's products for a few prefixes are too small to share among threads
        for m in models:
            listener.stage(f"decoding: {m.title}")
            for k, place in enumerate(places):
                found += _decoded(m, k, place, settings)
    return found


def _decoded(m: Trained, k: int, place: Prompt, settings: Settings) -> list[Output]:
    length = settings.sizes.words if m.unit == "word" else settings.sizes.characters
    read = words if m.unit == "word" else list
    given, found = after(m.model, counting(m.model, read(place.text))), []
    for name, decode in decoders(m, settings.seed + k).items():
        begun = time.perf_counter()
        s = decode(given, length)
        took = time.perf_counter() - begun
        found.append(Output(m.key, m.unit, name, k, s.words, s.log_likelihood / len(s.words), s.search.exact, took))
    real = tuple(read(place.following)[:length])
    return [*found, Output(m.key, m.unit, REAL, k, real, per_token(given, real), False, 0.0)]


def per_token(model: Model, tokens: Iterable[str]) -> float:
    """The mean log p of those of the tokens that the model can say, each given all before it."""
    known = [token if token in model.vocabulary else UNK for token in counting(model, tokens)]
    numbers = model.vocabulary.numbers(known)
    log_p = [float(model.log_probs(numbers[None, :t], None)[0][0, w]) for t, w in enumerate(numbers)]
    said = [x for x in log_p if x > -math.inf]
    return sum(said) / len(said) if said else math.nan


__all__ = [
    "Corpus", "Known", "LIMIT", "Level", "NGRAMS", "ORDER", "Output", "Prompt", "REAL", "SEARCHES", "TOP_K", "TOP_P",
    "Trained", "WIDTHS", "counting", "decoded", "decoders", "load", "per_token", "prompts", "trained",
]  # fmt: skip
