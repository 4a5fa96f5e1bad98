"""Derivations of networks read as those of the same network written by hand."""

from __future__ import annotations

import pytest

import chainrule as cr

nn = cr.nn


def equations(derivation: cr.Derivation) -> list[str]:
    return [str(e) for e in derivation.equations()]


def by_hand(X: "n d", y: "int[n]", W1: "d h", b1: "h", W2: "h c", b2: "c"):
    Z1 = X @ W1 + b1
    H1 = cr.relu(Z1)
    Z2 = H1 @ W2 + b2
    P = cr.softmax(Z2)
    Y = cr.one_hot(y, Z2.shape[1])
    L = -cr.sum(Y * cr.log(P)) / X.shape[0]
    return L


def test_a_perceptron_is_the_one_written_by_hand():
    d = nn.Sequential(nn.Linear("d", "h"), nn.ReLU(), nn.Linear("h", "c")).derive(loss="cross_entropy")
    hand = cr.derive(by_hand, wrt=d.wrt)
    assert d.wrt == ["W1", "b1", "W2", "b2"]
    assert d.graph.output is hand.graph.output and d.graph.text() == hand.graph.text()
    assert d.text() == hand.text()
    assert "∂L/∂Z2 = (P - Y) / n" in equations(d)


def test_with_dropout():
    net = nn.Sequential(nn.Linear("d", "h"), nn.ReLU(), nn.Dropout(0.5), nn.Linear("h", "c"))
    d = net.derive()
    assert d.graph.roles["M1"] == "noise" and d.graph.inputs["M1"].kind == "boolean"
    assert "D1 = M1 ⊙ H1 / 0.5" in d.graph.text()
    assert "∂L/∂H1 = 2·∂L/∂D1 ⊙ M1" in equations(d)


def test_with_batch_norm():
    d = nn.Sequential(nn.Linear("d", "h", bias=False), nn.BatchNorm("h"), nn.Tanh(), nn.Linear("h", "c")).derive()
    assert not [k for k, role in d.graph.roles.items() if role == "state"] and not d.graph.updates
    found = equations(d)
    for line in (
        "∂L/∂gamma1 = sum(∂L/∂N1 ⊙ Xhat1, axis=0)", "∂L/∂beta1 = sum(∂L/∂N1, axis=0)",
        "∂L/∂Xhat1 = ∂L/∂N1 ⊙ gamma1", "∂L/∂W1 = Xᵀ @ ∂L/∂Z1",
    ):  # fmt: skip
        assert line in found
    assert {line.partition(" = ")[0] for line in found} >= {"∂L/∂var1", "∂L/∂mu1", "∂L/∂Z1"}


def test_a_bias_before_batch_norm_has_no_gradient():
    d = nn.Sequential(nn.Linear("d", "h"), nn.BatchNorm("h"), nn.Tanh()).derive("squared_error")
    assert "∂L/∂b1 = broadcast_to(0.0, (h,))" in equations(d)


def test_with_residual_blocks():
    block = nn.Residual(nn.Linear("h", "h"), nn.ReLU(), nn.Linear("h", "h"))
    d = nn.Sequential(nn.Linear("d", "h"), block, block, nn.Linear("h", "c")).derive()
    found = equations(d)
    assert "R1 = Z1 + Z3" in d.graph.text()
    assert "∂L/∂R1 = ∂L/∂R2 + ∂L/∂Z4 @ W4ᵀ" in found and "∂L/∂Z1 = ∂L/∂R1 + ∂L/∂Z2 @ W2ᵀ" in found


@pytest.mark.parametrize("extra", [[], [nn.Dropout(0.5)]], ids=str)
def test_thirty_layers_are_written_once(extra: list):
    hidden = [m for _ in range(28) for m in (nn.Linear(10, 10), nn.ELU(), *extra)]
    net = nn.Sequential(nn.Linear(5, 10), nn.ELU(), *extra, *hidden, nn.Linear(10, 3))
    text = net.derive().text()
    assert "for k = 1 … 29:" in text and "for k = 30 … 2:" in text
    assert "∂L/∂W[k] = ∂L/∂Z[k] · ∂Z[k]/∂W[k]" in text and "∂L/∂W17" not in text


def test_it_prints_everywhere():
    d = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm(3), nn.ReLU(), nn.Dropout(0.1), nn.Linear(3, 2)).derive()
    assert r"\hat{X}_{1}" in d.latex() and "<svg" in d.svg() and "Xhat1" in d.markdown() + d.text()
    assert cr.parse(nn.Linear("d", "h").graph().text(), sizes="X: n d, W1: d h, b1: h").output is not None
    source = cr.compile(d).source
    assert "def network_loss_and_gradients(X, y, W1, b1, gamma1, beta1, W2, b2, M1):" in source


def test_other_notations_and_inputs():
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
    d = net.derive("squared_error", wrt="X", notation="delta")
    assert list(d.gradients) == ["X"] and "δ_Z2 = 2·(Z2 - y) / n" in d.text()
