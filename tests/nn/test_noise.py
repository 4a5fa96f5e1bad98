"""Noise is a function of (seed, step, position): JAX's own cipher agrees, and so do the engines, bit by bit."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.extend.random import threefry_2x32

import chainrule as cr
from chainrule.engines.noise import bernoulli, threefry
from chainrule.graph.errors import InputError

WORD = st.integers(0, 2**32 - 1)
nn = cr.nn


@pytest.mark.parametrize(
    ("key", "counter", "wanted"),  # the source's own test vectors, kat_vectors of Random123
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((2**32 - 1, 2**32 - 1), (2**32 - 1, 2**32 - 1), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_the_published_vectors(key: tuple[int, int], counter: tuple[int, int], wanted: tuple[int, int]):
    assert tuple(int(word[0]) for word in threefry(np, key, counter)) == wanted


@settings(max_examples=20, deadline=None)
@given(WORD, WORD, st.lists(WORD, min_size=8, max_size=8))
def test_the_cipher_is_that_of_jax(k0: int, k1: int, words: list[int]):
    plain = np.array(words, np.uint32)
    theirs = threefry_2x32(jnp.array([k0, k1], jnp.uint32), jnp.asarray(plain))
    ours = np.concatenate(threefry(np, (k0, k1), (plain[:4], plain[4:])))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("shape", [(1,), (7, 3), (2, 3, 5), (64, 10)])
@pytest.mark.parametrize("x64", [False, True])
def test_both_libraries_draw_the_same_bits(shape: tuple[int, ...], x64: bool):
    with jax.enable_x64(x64):
        on_device = jax.jit(lambda seed, step: bernoulli(jnp, seed, step, 2, shape, 0.7))(11, 5)
    here = bernoulli(np, 11, 5, 2, shape, 0.7)
    assert here.dtype == bool and here.shape == shape
    np.testing.assert_array_equal(np.asarray(on_device), here)


def test_in_a_loop_on_the_device_each_step_is_that_step():
    _, drawn = jax.lax.scan(lambda c, step: (c, bernoulli(jnp, 3, step, 0, (4, 6), 0.5)), 0, jnp.arange(9))
    for step in range(9):
        np.testing.assert_array_equal(np.asarray(drawn[step]), bernoulli(np, 3, step, 0, (4, 6), 0.5))


def test_seed_step_and_position_each_decide():
    base = bernoulli(np, 0, 0, 0, (500,), 0.5)
    np.testing.assert_array_equal(base, bernoulli(np, 0, 0, 0, (500,), 0.5))
    for other in [(1, 0, 0), (0, 1, 0), (0, 0, 1)]:
        agree = float(np.mean(base == bernoulli(np, *other, (500,), 0.5)))
        assert 0.4 < agree < 0.6, other


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.8, 1.0])
def test_the_frequency(keep: float):
    mean = bernoulli(np, 4, 2, 0, (400, 250), keep).mean()
    assert abs(mean - keep) <= 4 * np.sqrt(keep * (1 - keep) / 100_000)


def test_the_masks_of_a_network():
    net = nn.Sequential(nn.Linear(4, 50), nn.Dropout(0.25), nn.Linear(50, 30), nn.Dropout(0.5), nn.Linear(30, 2))
    assert net.noise == {"M1": 0.75, "M2": 0.5}
    masks = net.draw_noise(batch=20, seed=1, step=3)
    assert {k: v.shape for k, v in masks.items()} == {"M1": (20, 50), "M2": (20, 30)}
    for position, (k, keep) in enumerate(net.noise.items()):
        np.testing.assert_array_equal(masks[k], bernoulli(jnp, 1, 3, position, masks[k].shape, keep))
    assert nn.Sequential(nn.Linear(4, 3), nn.ReLU()).draw_noise(batch=5) == {}


def test_dropout_keeps_the_mean_and_drops_exactly():
    net = nn.Sequential(nn.Dropout(0.3), nn.Linear(40, 40, init=np.eye(40), bias=False))
    run = cr.compile(net.graph(training=True))
    X, W = np.random.default_rng(0).normal(2.0, 1.0, (50, 40)), np.eye(40)
    outputs = [run(X=X, W1=W, **net.draw_noise(50, seed=0, step=step)) for step in range(200)]
    assert np.abs(np.mean(outputs, axis=0) - X).max() < 6 * np.abs(X).max() * np.sqrt(0.3 / 0.7 / 200)
    assert abs(np.mean(outputs) - X.mean()) < 0.02
    mask = net.draw_noise(50, seed=0, step=0)["M1"]
    np.testing.assert_allclose(outputs[0], np.where(mask, X / 0.7, 0.0), rtol=1e-14)
    np.testing.assert_array_equal(cr.compile(net.graph())(X=X, W1=W), X)  # evaluation: nothing is dropped


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"batch": 2.5}, {"seed": -1}, {"seed": 2**32}, {"step": True}])
def test_what_is_no_seed_is_refused(wrong: dict):
    with pytest.raises(InputError, match=f"{next(iter(wrong))} is .*; it must be an integer from"):
        nn.Sequential(nn.Linear(4, 3), nn.Dropout()).draw_noise(**{"batch": 2} | wrong)
