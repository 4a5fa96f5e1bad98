"""Layers compute what PyTorch's do with the same weights: outputs, gradients, running statistics, evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")
nn = cr.nn
rng = np.random.default_rng(1)


def tensors(params: dict[str, Any]) -> dict[str, Any]:
    return {k: torch.tensor(v, requires_grad=True) for k, v in params.items()}


def test_batch_norm_over_steps_and_in_evaluation():
    net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm(5, momentum=0.2, eps=1e-4), nn.ReLU(), nn.Linear(5, 3))
    theirs = torch.nn.Sequential(
        torch.nn.Linear(4, 5), torch.nn.BatchNorm1d(5, eps=1e-4, momentum=0.2), torch.nn.ReLU(), torch.nn.Linear(5, 3)
    ).double()
    params = net.initial(1) | {"gamma1": rng.normal(size=5), "beta1": rng.normal(size=5), "b1": rng.normal(size=5)}
    with torch.no_grad():
        for layer, (w, b) in {0: ("W1", "b1"), 1: ("gamma1", "beta1"), 3: ("W2", "b2")}.items():
            theirs[layer].weight.copy_(torch.tensor(np.ascontiguousarray(params[w].T)))
            theirs[layer].bias.copy_(torch.tensor(params[b]))
    train, gradients, evaluate = cr.compile(net.loss_graph()), cr.compile(net.derive()), cr.compile(net.graph())
    state = net.initial_state()
    for _ in range(4):
        X, y = rng.normal(1.0, 2.0, (6, 4)), rng.integers(0, 3, 6)
        theirs.zero_grad()
        loss = torch.nn.functional.cross_entropy(theirs(torch.tensor(X)), torch.tensor(y))
        loss.backward()
        [value], state = train(X=X, y=y, **params, **state)
        again, found = gradients(X=X, y=y, **params)  # the loss reads no running statistics
        assert float(value) == float(again)
        np.testing.assert_allclose(value, loss.item(), rtol=1e-12)
        np.testing.assert_allclose(state["running_mean1"], theirs[1].running_mean, rtol=1e-12)
        np.testing.assert_allclose(state["running_var1"], theirs[1].running_var, rtol=1e-12)
        for layer, (w, b) in {0: ("W1", "b1"), 1: ("gamma1", "beta1"), 3: ("W2", "b2")}.items():
            np.testing.assert_allclose(found[w], np.asarray(theirs[layer].weight.grad).T, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(found[b], theirs[layer].bias.grad, rtol=1e-9, atol=1e-12)
    theirs.eval()
    wanted = theirs(torch.tensor(X)).detach()
    np.testing.assert_allclose(evaluate(X=X, **params, **state), wanted, rtol=1e-12)
    np.testing.assert_allclose(evaluate(X=X[:1], **params, **state), wanted[:1], rtol=1e-12)  # one example is enough


def test_layer_norm():
    net, theirs = nn.LayerNorm(5), torch.nn.LayerNorm(5).double()
    X, gamma, beta = rng.normal(2.0, 3.0, (4, 5)), rng.normal(size=5), rng.normal(size=5)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(gamma))
        theirs.bias.copy_(torch.tensor(beta))
    for training in (False, True):
        found = cr.compile(net.graph(training=training))(X=X, gamma1=gamma, beta1=beta)
        np.testing.assert_allclose(found, theirs(torch.tensor(X)).detach(), rtol=1e-12)


def test_weight_norm():
    net = nn.Linear(4, 3, weight_norm=True)
    params = net.initial(5)
    np.testing.assert_allclose(params["g1"], np.linalg.norm(params["V1"], axis=0))
    theirs = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(4, 3).double(), dim=0)
    params = {"V1": rng.normal(size=(4, 3)), "g1": rng.normal(size=3), "b1": rng.normal(size=3)}
    weight = theirs.parametrizations.weight
    with torch.no_grad():
        weight.original1.copy_(torch.tensor(np.ascontiguousarray(params["V1"].T)))
        weight.original0.copy_(torch.tensor(params["g1"][:, None]))
        theirs.bias.copy_(torch.tensor(params["b1"]))
    X, y = rng.normal(size=(6, 4)), rng.normal(size=(6, 3))
    loss = ((theirs(torch.tensor(X)) - torch.tensor(y)) ** 2).sum() / 6
    loss.backward()
    value, found = cr.compile(net.derive("squared_error"))(X=X, y=y, **params)
    np.testing.assert_allclose(value, loss.item(), rtol=1e-12)
    np.testing.assert_allclose(found["V1"], weight.original1.grad.T, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found["g1"], weight.original0.grad[:, 0], rtol=1e-9)


def test_flatten_dropout_and_residual():
    net = nn.Sequential(
        nn.Flatten(2, 3), nn.Residual(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 6)), nn.Dropout(0.5), nn.Linear(6, 3)
    )
    params, X = net.initial(3), rng.normal(size=(4, 2, 3))
    p, flat, mask = tensors(params), torch.tensor(X).flatten(1), net.draw_noise(4, seed=9)["M1"]
    R = flat + torch.tanh(flat @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
    for training, D in ((False, R), (True, R * torch.tensor(mask) / 0.5)):
        noise = {"M1": mask} if training else {}
        found = cr.compile(net.graph(training=training))(X=X, **params, **noise)
        np.testing.assert_allclose(found, (D @ p["W3"] + p["b3"]).detach(), rtol=1e-12)
