"""A small neural network that predicts the next character of a text, as a model for `chainrule.decode`.

    trained = train(text)                                   # seconds
    trained.validation_loss                                 # nats per character
    beam_search(after(trained.model, "ROMEO:"), length=100, width=10)[0]

An embedding of the last k characters, hidden layers of rectifiers, and a logit for each character: Bengio, Ducharme,
Vincent and Janvin, A neural probabilistic language model, JMLR 2003, on characters. `cr.fit` trains it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..decode import Vocabulary
from ..decode.asked import real, whole
from ..graph.errors import DataError
from ..nn import Embedding, Flatten, Linear, Module, Normal, ReLU, Sequential
from ..optim import Adam
from ..optim.schedules import Cosine
from ..train import Run, Trained, fit
from .listener import Listener

SHORTEST = 20  # characters: a tenth is held out, and something must be left to learn from
BATCHES = 32, 1024
SHORT = 0.1  # of the rows see less than the whole context


@dataclass(frozen=True, eq=False)
class NextCharacter:
    """A network that was trained on a text, and what came of it.

    run               cr.fit's: history, parameters, `plot`, `report`, `save`
    vocabulary        the N characters of the text, sorted
    context           k: how many characters the network reads
    characters        how many of the text it was trained and judged on
    train_loss        nats per character over characters of the training part, evenly spread, as many as are held out
    validation_loss   nats per character over the last tenth, which was held out
    """

    run: Run
    vocabulary: Vocabulary
    context: int
    characters: int
    train_loss: float
    validation_loss: float

    @cached_property
    def model(self) -> CharacterModel:
        """What decoders take."""
        return CharacterModel(self.run, self.vocabulary, self.context)

    def __str__(self) -> str:
        return (
            f"{self.context} of {len(self.vocabulary)} characters to the next: {self.validation_loss:.3f} nats per "
            f"character held out, {self.train_loss:.3f} in training; {self.characters:,} characters, "
            f"{self.run.epoch} epochs, {self.run.seconds:.1f} s"
        )


class CharacterModel:
    """p(w_{t+1} | the last k characters): logits of the network, computed in float64 with NumPy, through log-softmax.

    network      what was trained, a `Run` or what `cr.load` answers: the layers of `network`
    vocabulary   its N characters
    context      k. What lies before a sequence's beginning is a start symbol, number N, which is no character

    It keeps no state: a prefix is read again, its last k characters alone. `viterbi` refuses it: it is a Markov chain
    of contexts, N^k of them, not of characters.

    >>> from chainrule.decode import beam_search
    >>> trained = train("abc" * 40, context=3, hidden=16, epochs=100, engine="numpy")
    >>> "".join(beam_search(trained.model.after("ab"), length=7, width=2)[0].words)
    'cabcabc'
    """

    noun = "a neural network"

    def __init__(self, network: Trained, vocabulary: Vocabulary, context: int):
        params = {k: v.astype(np.float64) for k, v in network.params.items()}
        self._network = Trained(network.net, network.loss, params, {})
        self.vocabulary, self.context = vocabulary, context
        self._before = np.full(context, len(vocabulary))

    def log_probs(self, prefixes: NDArray[np.int64], state: Any = None) -> tuple[NDArray[np.float64], None]:
        """(B, N): `chainrule.decode.Model.log_probs`. A row is the same, to rounding, whatever rows are beside it."""
        before = np.broadcast_to(self._before, (len(prefixes), self.context))
        logits = self._network.scores(np.concatenate([before, prefixes], axis=1)[:, -self.context :])
        logits = logits - logits.max(axis=1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), None

    def after(self, words: Iterable[Hashable]) -> CharacterModel:
        """The model of what follows these characters. Raises NamingError for one that the text did not have."""
        given = self.vocabulary.numbers(words)
        following = CharacterModel(self._network, self.vocabulary, self.context)
        following._before = np.concatenate([self._before, given])[-self.context :]
        return following

    def __repr__(self) -> str:
        return f"<{self._network.net!r} of the last {self.context} characters>"


def network(characters: int, context: int, hidden: Sequence[int], features: int) -> Module:
    """(n, context) numbers of characters to (n, characters) logits; number `characters` is the start symbol.

    >>> print(network(65, 8, [128], 16).graph().text())
    O1 = where(equal(reshape(X, (8·n,))[:, None], arange(66)), 1.0, 0.0)
    V1 = reshape(O1 @ E1, (n, 8, 16))
    F1 = reshape(V1, (n, 128))
    Z1 = F1 @ W1 + b1
    H1 = relu(Z1)
    Z2 = H1 @ W2 + b2
    """
    sizes = [context * features, *hidden]
    layers = [layer for a, b in pairwise(sizes) for layer in (Linear(a, b), ReLU())]
    table = Embedding(characters + 1, features, context, init=Normal(0.3))
    return Sequential(table, Flatten(context, features), *layers, Linear(sizes[-1], characters))


def train(
    text: str, context: int = 8, hidden: int | Sequence[int] = (256, 128), epochs: int = 3, seed: int = 0,
    engine: str = "xla", listener: Listener | None = None, *, features: int = 24, batch_size: int | None = None,
    lr: float = 6e-3, limit: int | None = 1_200_000,
) -> NextCharacter:  # fmt: skip
    """Train a network to predict each character of `text` from the `context` before it.

    context      k, how many characters it reads
    hidden       neurons of the hidden layer, or of several
    epochs       passes over the text; Adam's rate falls from `lr` to a fiftieth of it along a cosine meanwhile
    engine       "xla", or "numpy", which starts at once and is slower on a long text
    listener     is told how it goes
    features     of a character's embedding
    batch_size   by default a hundredth of the rows, from 32 to 1,024
    limit        a longer text is cut off after so many characters; None: never

    The defaults take about 20 seconds of processor time, less on two cores, for a million characters: of Shakespeare's
    plays to 1.68 nats per character held out, where counting pairs of characters gives 2.48.

    The last tenth of the text is held out to validate. So that the model knows how to begin, and to go on from few
    characters, one row in ten sees only the last j characters of its context, j drawn from 0 … k − 1, and start symbols
    before them; validation sees all. The same seed on the same engine and machine gives the same bits.

    Raises DataError for a text too short or of one character only, InputError for numbers that cannot be, and what
    `cr.fit` raises.

    >>> trained = train("the cat and the hat. " * 20, context=4, hidden=32, epochs=40, engine="numpy")
    >>> trained.validation_loss < 0.2
    True
    """
    for name, value in (("context", context), ("features", features), ("epochs", epochs)):
        whole(name, value)
    whole("seed", seed, 0)
    widths = [whole("hidden", width) for width in (hidden if isinstance(hidden, Iterable) else [hidden])]
    if limit is not None:
        whole("limit", limit, SHORTEST)
    text = _checked(text)[:limit]
    vocabulary = Vocabulary(sorted(set(text)))
    if len(vocabulary) < 2:
        raise DataError(f"the text has no other character than {text[0]!r}; there is nothing to predict")
    codes = vocabulary.numbers(text)
    X, cut = contexts(codes, context, len(vocabulary)), len(codes) - len(codes) // 10
    if batch_size is None:
        batch_size = int(np.clip(cut // 100, *BATCHES))
    batch = min(whole("batch_size", batch_size), cut)
    steps = -(-cut // batch) * epochs
    rate = Cosine(real("lr", lr, 0, above=True), steps=steps, end=lr / 50)
    if listener is not None:
        listener.stage(f"training on {cut:,} characters with {engine}")
    run = fit(
        network(len(vocabulary), context, widths, features),
        (shortened(X[:cut], len(vocabulary), seed), codes[:cut]), optimizer=Adam(lr=rate), epochs=epochs,
        batch_size=batch, seed=seed, engine=engine, validation=(X[cut:], codes[cut:]),
        callbacks=[] if listener is None else [listener], progress=None if listener is None else False,
    )  # fmt: skip
    seen = np.linspace(0, cut - 1, len(codes) - cut).astype(int)
    train_loss = run.evaluate((X[seen], codes[seen]))["loss"]
    return NextCharacter(run, vocabulary, context, len(text), train_loss, run.history.epochs[-1]["val_loss"])


def contexts(codes: NDArray[np.int64], context: int, start: int) -> NDArray[np.float32]:
    """(characters, context): the characters before each, with the start symbol before the first.

    >>> contexts(np.array([4, 5, 6]), context=2, start=9).tolist()
    [[9.0, 9.0], [9.0, 4.0], [4.0, 5.0]]
    """
    padded = np.concatenate([np.full(context, start), codes[:-1]]).astype(np.float32)
    return np.lib.stride_tricks.sliding_window_view(padded, context)


def shortened(X: NDArray[np.float32], start: int, seed: int) -> NDArray[np.float32]:
    """A copy in which one row in ten keeps only its last j characters, j from 0 … context − 1."""
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(rng.random(len(X)) < SHORT)
    kept = rng.integers(0, X.shape[1], len(rows))
    made = X.copy()
    made[rows] = np.where(np.arange(X.shape[1]) < X.shape[1] - kept[:, None], start, made[rows])
    return made


def _checked(text: Any) -> str:
    if not isinstance(text, str):
        raise DataError(f"the text is a str, and a {type(text).__name__} was given; of a file: Path(…).read_text()")
    if len(text) < SHORTEST:
        raise DataError(f"the text has {len(text)} characters, and at least {SHORTEST} are needed")
    return text


__all__ = ["CharacterModel", "NextCharacter", "contexts", "network", "shortened", "train"]
