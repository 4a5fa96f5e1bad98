"""A neural next-character model: what it learns, what it answers as a model for decoders, what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.decode import NotMarkov, Vocabulary, after, beam_search, exhaustive, greedy, sample, viterbi
from chainrule.graph.errors import DataError, InputError, NamingError
from chainrule.labs import next_character
from chainrule.labs.listener import Listener
from chainrule.labs.next_character import CharacterModel, contexts, shortened, train

PERIOD = "one two three. "
N = 9  # different characters
FAST: dict[str, Any] = {"context": 4, "hidden": (24, 16), "features": 5, "epochs": 60, "engine": "numpy"}


@pytest.fixture(scope="module")
def periodic():
    return train(PERIOD * 40, **FAST)


def by_hand(params: dict[str, Any], codes: list[int]) -> Any:
    """log p of the next character after these numbers, from the equations."""
    H = np.concatenate([params["E1"][c] for c in codes]).astype(float)
    for k in (1, 2):
        H = np.maximum(H @ params[f"W{k}"] + params[f"b{k}"], 0)
    logits = H @ params["W3"] + params["b3"]
    return logits - np.log(np.exp(logits).sum())


def test_a_periodic_text_is_learned(periodic: Any):
    assert periodic.validation_loss < 0.01 and periodic.train_loss < 0.1
    assert list(periodic.vocabulary) == sorted(set(PERIOD)) and periodic.characters == 40 * len(PERIOD)
    found = greedy(after(periodic.model, PERIOD[:6]), 2 * len(PERIOD))
    assert "".join(found.words) == (PERIOD * 3)[6:][: 2 * len(PERIOD)]
    assert found.log_likelihood > -0.2
    assert "4 of 9 characters to the next" in str(periodic) and "0.0" in str(periodic)


def test_the_losses_are_nats_per_character(periodic: Any):
    text, v = PERIOD * 40, periodic.vocabulary
    cut = len(text) - len(text) // 10
    params = periodic.run.params
    lost = [-by_hand(params, list(v.numbers(text[t - 4 : t])))[v.number(text[t])] for t in range(cut, len(text))]
    assert periodic.validation_loss == pytest.approx(np.mean(lost), rel=1e-3)
    assert periodic.validation_loss == periodic.run.history.epochs[-1]["val_loss"]


def test_minibatches_are_a_hundredth_of_the_rows():
    for characters, batch in ((22, 20), (66, 32), (4000, 36)):  # of which nine tenths train; but 32 at least
        run = train("ab" * (characters // 2), context=1, hidden=2, epochs=1, engine="numpy").run
        assert run.batch_size == batch and run.steps_per_epoch == -(-(characters - characters // 10) // batch)


@pytest.mark.parametrize("length", range(8))
def test_any_prefix_has_a_distribution(periodic: Any, length: int):
    prefixes = np.random.default_rng(length).integers(0, len(periodic.vocabulary), (7, length))
    log_p, state = periodic.model.log_probs(prefixes, None)
    assert log_p.shape == (7, N) and log_p.dtype == np.float64 and state is None
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, rtol=1e-12)
    for row, found in zip(prefixes, log_p):
        seen = ([N] * 4 + list(row))[-4:]  # what a short prefix lacks is the start symbol, number N
        np.testing.assert_allclose(found, by_hand(periodic.run.params, seen), rtol=1e-9, atol=1e-9)


def test_only_the_context_counts(periodic: Any):
    model, v = periodic.model, periodic.vocabulary
    long, short = v.numbers("ree. one tw"), v.numbers("e tw")
    a, b = (model.log_probs(x[None], None)[0] for x in (long, short))
    np.testing.assert_array_equal(a, b)
    for given in ("", "o", "wo t", "one two t"):
        for rest in ("", "h", "hree."):
            left = model.after(given).log_probs(v.numbers(rest)[None], None)[0]
            np.testing.assert_array_equal(left, model.log_probs(v.numbers(given + rest)[None], None)[0])
    twice = model.after("on").after("e")
    np.testing.assert_array_equal(
        twice.log_probs(np.zeros((1, 0), int))[0], model.after("one").log_probs(np.zeros((1, 0), int))[0]
    )


def test_decoders_take_it():
    model = train("abbcacbab" * 30, context=2, hidden=8, epochs=10, engine="numpy").model
    best = exhaustive(model, 5)
    assert beam_search(model, 5, width=3**4)[0].words == best.words
    assert greedy(model, 5).log_likelihood <= best.log_likelihood + 1e-12
    assert sample(model, 5, seed=3)[0].words == sample(model, 5, seed=3)[0].words
    with pytest.raises(NotMarkov):
        viterbi(model, 5)


def test_the_same_seed_gives_the_same_bits():
    settings = FAST | {"epochs": 2}
    a, b, c = (train(PERIOD * 20, **settings, seed=seed) for seed in (5, 5, 6))
    for k, v in a.run.params.items():
        np.testing.assert_array_equal(v, b.run.params[k])
    assert (a.train_loss, a.validation_loss) == (b.train_loss, b.validation_loss) != (c.train_loss, c.validation_loss)


def test_the_engines_agree():
    settings = FAST | {"hidden": 8, "epochs": 3, "batch_size": 45}
    here, there = (train(PERIOD * 10, **settings | {"engine": engine}) for engine in ("numpy", "xla"))
    assert here.validation_loss == pytest.approx(there.validation_loss, rel=1e-4)
    prefixes = np.array([[1, 5, 0]])
    np.testing.assert_allclose(here.model.log_probs(prefixes)[0], there.model.log_probs(prefixes)[0], rtol=1e-3)


def test_rows_are_the_characters_before_each():
    codes = np.array([4, 0, 3, 3, 1])
    X = contexts(codes, 3, start=9)
    np.testing.assert_array_equal(X, [[9, 9, 9], [9, 9, 4], [9, 4, 0], [4, 0, 3], [0, 3, 3]])
    many = contexts(np.arange(1, 8001) % 5, 4, start=5)
    short = shortened(many, 5, seed=2)
    lost = (short != many).sum(axis=1)[4:]
    assert 0.08 < (lost > 0).mean() < 0.12
    assert np.ptp(np.bincount(lost)[1:]) < 100 and lost.max() == 4  # 1 to 4 are lost, about 200 times each
    changed = short != many
    assert (short[changed] == 5).all() and (np.diff(changed[4:].astype(int), axis=1) <= 0).all()  # the oldest go first
    np.testing.assert_array_equal(short, shortened(many, 5, seed=2))


def test_a_long_text_is_cut_off():
    found = train("ab" * 50 + "c" * 100, **FAST | {"epochs": 1}, limit=90)
    assert found.characters == 90 and list(found.vocabulary) == ["a", "b"]


def test_a_saved_network_is_a_model_again(periodic: Any, tmp_path: Path):
    periodic.run.save(tmp_path / "net.safetensors")
    model = CharacterModel(cr.load(tmp_path / "net.safetensors"), Vocabulary(sorted(set(PERIOD))), 4)
    prefixes = np.array([[0, 3, 7, 2, 2]])
    np.testing.assert_array_equal(model.log_probs(prefixes)[0], periodic.model.log_probs(prefixes)[0])


def test_a_listener_hears_of_it():
    class Heard(Listener):
        def __init__(self) -> None:
            self.stages: list[str] = []
            self.epochs = 0

        def stage(self, text: str) -> None:
            self.stages.append(text)

        def epoch(self, run: Any) -> None:
            self.epochs += 1

    heard = Heard()
    train(PERIOD * 10, **FAST | {"epochs": 3}, listener=heard)
    assert heard.stages == ["training on 135 characters with numpy"] and heard.epochs == 3


@pytest.mark.parametrize(
    "text, options, error, message",
    [
        ("short", {}, DataError, "the text has 5 characters, and at least 20 are needed"),
        (["a", "b"] * 30, {}, DataError, "the text is a str, and a list was given"),
        ("a" * 99, {}, DataError, "no other character than 'a'"),
        (PERIOD * 9, {"context": 0}, InputError, "context must be a whole number of at least 1, and it is 0"),
        (PERIOD * 9, {"hidden": (8, 0)}, InputError, "hidden must be a whole number of at least 1, and it is 0"),
        (PERIOD * 9, {"hidden": 8.5}, InputError, "hidden must be a whole number of at least 1, and it is 8.5"),
        (PERIOD * 9, {"epochs": 0}, InputError, "epochs must be"),
        (PERIOD * 9, {"batch_size": 0}, InputError, "batch_size must be"),
        (PERIOD * 9, {"seed": -1}, InputError, "seed must be"),
        (PERIOD * 9, {"limit": 19}, InputError, "limit must be a whole number of at least 20, and it is 19"),
        (PERIOD * 9, {"lr": 0.0}, InputError, "lr must be a finite number above 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(text: Any, options: dict[str, Any], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        next_character.train(text, **FAST | options)


def test_a_character_that_the_text_lacks_is_named(periodic: Any):
    with pytest.raises(NamingError, match="'Z' is not in the vocabulary of 9 words"):
        periodic.model.after("tZ")
