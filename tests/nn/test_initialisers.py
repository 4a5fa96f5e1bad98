"""Initialisers: their distributions, a stream for each parameter, and arrays that are there already."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph.errors import InputError, ShapeError
from chainrule.nn.initialisers import draw

nn = cr.nn


@pytest.mark.parametrize(
    ("how", "std"),
    [
        (nn.He(), (2 / 300) ** 0.5),
        (nn.He(slope=0.5), (2 / (1.25 * 300)) ** 0.5),
        (nn.Glorot(), (2 / 500) ** 0.5),
        (nn.Glorot(gain=5 / 3), 5 / 3 * (2 / 500) ** 0.5),
        (nn.Normal(0.1), 0.1),
        (nn.Orthogonal(2.0), 2 / 300**0.5),
    ],
)
def test_means_and_deviations(how: Any, std: float):
    w = draw(how, "W1", (300, 200), 3)
    assert w.shape == (300, 200) and w.dtype == np.float64
    assert abs(w.mean()) < 5 * std / w.size**0.5 and abs(w.std() / std - 1) < 0.015
    shape = ((w / std) ** 4).mean()  # 3 for a normal distribution, 9/5 for a uniform one
    assert abs(shape - (1.8 if isinstance(how, nn.Glorot) else 3.0)) < 0.1
    if isinstance(how, nn.Glorot):
        assert np.abs(w).max() <= std * 3**0.5


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (5, 5), (3, 2, 4, 9), (6, 1)])
def test_orthogonal(shape: tuple[int, ...]):
    Q = draw(nn.Orthogonal(1.5), "W1", shape, 0).reshape(-1, shape[-1]) / 1.5
    small = Q.T @ Q if len(Q) >= shape[-1] else Q @ Q.T
    np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-13)


def test_fans_of_kernels():
    w = draw(nn.He(), "W1", (3, 3, 40, 60), 0)  # (kh, kw, in, out)
    assert abs(w.std() / (2 / 360) ** 0.5 - 1) < 0.02


def test_the_stream_is_decided_by_seed_and_name():
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    longer = nn.Sequential(*net, nn.ReLU(), nn.Linear(2, 5))
    other = nn.Sequential(nn.Linear(4, 3, init=nn.Glorot()), nn.ReLU(), nn.Linear(3, 2))
    a, b, c = net.initial(7), longer.initial(7), other.initial(7)
    for k in a:
        np.testing.assert_array_equal(a[k], b[k])
        assert (k == "W1") != np.array_equal(a[k], c[k])
    for seed in (0, 8):
        assert not np.array_equal(net.initial(seed)["W1"], a["W1"])
    again = net.initial(7)
    assert all(np.array_equal(a[k], again[k]) for k in a)
    assert not np.array_equal(draw(nn.Normal(), "W1", (3,), 1), draw(nn.Normal(), "W2", (3,), 1))


def test_precisions_are_roundings_of_one_draw():
    net = nn.Linear(5, 4, bias=nn.Normal(1.0))
    wide = net.initial(1)
    for dtype in ("float32", "float16", np.float32, "bfloat16"):
        narrow = net.initial(1, dtype)  # type: ignore[arg-type]
        for k, a in wide.items():
            assert str(narrow[k].dtype) == (dtype if isinstance(dtype, str) else "float32")
            np.testing.assert_array_equal(narrow[k], a.astype(narrow[k].dtype))
    assert nn.BatchNorm(3).initial_state("float32")["running_var1"].dtype == np.float32
    with pytest.raises(InputError, match="dtype is 'int32'"):
        net.initial(0, "int32")
    for seed in (-1, 1.5, True, None):
        with pytest.raises(InputError, match="it must be an integer of at least 0"):
            net.initial(seed)  # type: ignore[arg-type]


def test_the_draws_stay_what_they_are():
    w = draw(nn.He(), "W1", (2, 3), 0)
    np.testing.assert_allclose(
        w,
        [[-0.07741683379228223, -0.31388766627911036, -0.5682284929732005],
         [-0.504601898889579, -0.7261690707358999, -0.37181403109783423]],
        rtol=1e-12,
    )  # fmt: skip


def test_arrays_of_ones_own():
    np.random.seed(42)
    sizes = (5, 10, 10, 3)
    weights = [np.random.randn(out, into) * np.sqrt(2 / into) for into, out in pairwise(sizes)]
    layers = [nn.Linear(w.shape[1], w.shape[0], init=w.T) for w in weights]
    net = nn.Sequential(*[m for layer in layers for m in (layer, nn.ELU())][:-1], nn.Softmax())
    params = net.initial()
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    h = x
    for w in weights[:-1]:
        z = w @ h
        h = np.where(z > 0, z, np.expm1(z))
    wanted = np.exp(weights[-1] @ h)
    np.testing.assert_allclose(cr.compile(net.graph())(X=x[None], **params)[0], wanted / wanted.sum(), rtol=1e-12)
    weights[0][0, 0] = 99.0  # the layer has its own copy, and hands out new ones
    assert params["W1"][0, 0] != 99.0 and net.initial()["W1"] is not net.initial()["W1"]
    params["W1"][0, 0] = 98.0
    assert net.initial()["W1"][0, 0] not in (98.0, 99.0)


def test_what_cannot_be_is_refused():
    for wrong, text in [
        (lambda: nn.Normal(0.0), "std is 0.0; it must be above 0"),
        (lambda: nn.Constant(float("inf")), "value is inf; it must be a finite number"),
        (lambda: nn.Glorot(-1), "gain is -1"),
        (lambda: nn.Given([[1.0], [1.0, 2.0]]), "an array of numbers"),
    ]:
        with pytest.raises(InputError, match=text):
            wrong()
    with pytest.raises(ShapeError, match=r"Glorot\(gain=1.0\) draws weights"):
        draw(nn.Glorot(), "b", (3,))
