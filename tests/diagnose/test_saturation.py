"""Saturated and dead units, by construction."""

from __future__ import annotations

import json

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph.errors import InputError


def relus(X: "n d", W: "d h", b: "h"):
    H = cr.relu(X @ W + b)
    return H


def test_dead_relus_are_named():
    X = np.random.default_rng(0).standard_normal((20, 3))
    b = np.array([0.0, -100.0, 100.0, -100.0])
    report = cr.diagnose.saturation(relus, {"X": X, "W": np.full((3, 4), 0.1), "b": b})
    assert report.stuck == ["H[1]", "H[3]"]
    a = report.activations["H"]
    assert a.stuck_share == 0.5 and a.units == 4 and a.axis == 1
    H = np.maximum(X @ np.full((3, 4), 0.1) + b, 0)
    assert a.share == pytest.approx(np.mean(H == 0))
    assert "2 of 4 units" in report.title and "H[1], H[3]" in report.text()


@pytest.mark.parametrize(
    "function, inside, outside",
    [
        (cr.sigmoid, np.log(0.98 / 0.02), np.log(0.995 / 0.005)),
        (cr.tanh, np.arctanh(0.98), np.arctanh(0.995)),
    ],
)
def test_saturation_starts_one_percent_from_the_limits(function, inside, outside):
    def f(x: "n d"):
        u = function(x)
        return u

    report = cr.diagnose.saturation(f, {"x": [[inside, outside, -outside], [-inside, -outside, 0.0]]})
    a = report.activations["u"]
    assert a.share == pytest.approx(0.5) and a.stuck == (1,)


def test_elu_saturates_below_alone_and_leaky_relu_never():
    def f(x: "n d"):
        u = cr.elu(x, 2.0)
        v = cr.leaky_relu(u)
        return v

    report = cr.diagnose.saturation(f, {"x": [[-10.0, 10.0, -1.0]]})
    assert report.stuck == ["u[0]"] and list(report.activations) == ["u"]


def test_units_lie_along_the_axis_that_parameters_have():
    def columns(W: "h d", X: "d n"):
        u = cr.relu(W @ X)
        return u

    report = cr.diagnose.saturation(columns, {"W": np.array([[1.0], [-1.0]]), "X": np.ones((1, 5))})
    assert report.activations["u"].axis == 0 and report.stuck == ["u[1]"]

    def channels(X: "n 4 4 1", W: "3 3 1 2"):
        u = cr.relu(cr.conv2d(X, W))
        return u

    W = np.stack([np.ones((3, 3, 1)), -np.ones((3, 3, 1))], -1)
    assert cr.diagnose.saturation(channels, {"X": np.ones((5, 4, 4, 1)), "W": W}).stuck == ["u[1]"]


def test_a_scalar_a_vector_and_nothing():
    scalar = cr.diagnose.saturation(cr.trace(lambda x: cr.tanh(x), x=""), {"x": 9.0})
    assert [a.stuck for a in scalar.activations.values()] == [(0,)]
    vector = cr.diagnose.saturation(cr.trace(lambda x: cr.relu(x), x="n"), {"x": [-1.0, 2.0]})
    assert len(vector.stuck) == 1
    none = cr.diagnose.saturation(cr.trace(lambda x: cr.exp(x), x="n"), {"x": [-1.0, 2.0]})
    assert none.stuck == [] and "no sigmoid" in none.text() and "<table" in none._repr_html_()


def test_nan_is_not_saturated():
    report = cr.diagnose.saturation(cr.trace(lambda x: cr.tanh(x), x="n"), {"x": [np.nan, np.nan]})
    assert report.stuck == []


def test_a_network_in_training_and_many_units():
    net = cr.nn.Sequential(cr.nn.Linear(3, 12), cr.nn.ReLU(), cr.nn.Dropout(0.5), cr.nn.Linear(12, 2))
    point = net.initial() | net.draw_noise(4) | {"X": np.ones((4, 3)), "y": np.array([0, 1, 0, 1])}
    point["b1"] = np.full(12, -100.0)
    report = cr.diagnose.saturation(net.loss_graph(), point)
    assert len(report.stuck) == 12 and "and 4 more" in report.text()
    assert json.loads(json.dumps(report.as_dict()))["activations"][0]["share"] == 1.0


def test_arrays_that_do_not_fit_are_told():
    with pytest.raises(InputError, match="missing: b"):
        cr.diagnose.saturation(relus, {"X": np.ones((1, 2)), "W": np.ones((2, 2))})
