"""Each rule prints as a book gives it, from the equations that run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import chainrule as cr
from chainrule.optim import L1, L2, SGD, AdaGrad, Adam, AdamW, RMSProp, Rule

ADAM = "m ← β1·m + (1 - β1)·{g}\nv ← β2·v + (1 - β2)·{g2}\nm̂ = m / (1 - β1**t)\nv̂ = v / (1 - β2**t)\n"

CASES: list[tuple[Rule, str]] = [
    (SGD(), "w ← w - α·∂L/∂w"),
    (SGD(penalty=L2(0.1)), "J = L + λ·sum(w²)\nw ← (1 - 2·α·λ)·w - α·∂L/∂w"),
    (SGD(weight_decay=0.1), "w ← (1 - α·λ)·w - α·∂L/∂w"),
    (SGD(penalty=L1(0.1)), "J = L + λ·sum(abs(w))\nw ← w - α·(∂L/∂w + λ·sign(w))"),
    (SGD(momentum=0.9), "v ← ρ·v + ∂L/∂w\nw ← w - α·v"),
    (SGD(momentum=0.9, penalty=L2(0.1)), "J = L + λ·sum(w²)\ng = ∂L/∂w + 2·λ·w\nv ← ρ·v + g\nw ← w - α·v"),
    (SGD(momentum=0.9, nesterov=True, weight_decay=0.1), "g = ∂L/∂w + λ·w\nv ← ρ·v + g\nw ← w - α·(g + ρ·v)"),
    (SGD(clip_norm=1), "g = minimum(1, c / norm(∂L/∂θ))·∂L/∂w\nw ← w - α·g"),
    (
        SGD(clip_norm=1, penalty=L2(0.1), weight_decay=0.2),
        "J = L + λ1·sum(w²)\ng = minimum(1, c / norm(∂J/∂θ))·∂J/∂w + λ2·w\nw ← w - α·g",
    ),
    (AdaGrad(), "s ← s + (∂L/∂w)²\nw ← w - α·∂L/∂w / (sqrt(s) + ε)"),
    (RMSProp(clip_value=1), "g = clip(∂L/∂w, -c, c)\ns ← ρ·s + (1 - ρ)·g²\nw ← w - α·g / (sqrt(s) + ε)"),
    (Adam(), "t ← t + 1\n" + ADAM.format(g="∂L/∂w", g2="(∂L/∂w)²") + "w ← w - α·m̂ / (sqrt(v̂) + ε)"),
    (
        Adam(weight_decay=0.1),
        "t ← t + 1\ng = ∂L/∂w + λ·w\n" + ADAM.format(g="g", g2="g²") + "w ← w - α·m̂ / (sqrt(v̂) + ε)",
    ),
    (AdamW(), "t ← t + 1\n" + ADAM.format(g="∂L/∂w", g2="(∂L/∂w)²") + "w ← (1 - α·λ)·w - α·m̂ / (sqrt(v̂) + ε)"),
]


@pytest.mark.parametrize(("rule", "wanted"), CASES, ids=[text.splitlines()[-1] for _, text in CASES])
def test_as_text(rule: Rule, wanted: str):
    assert rule.text() == wanted


@pytest.mark.parametrize(("rule", "wanted"), CASES, ids=[text.splitlines()[-1] for _, text in CASES])
def test_in_latex(rule: Rule, wanted: str):
    latex = rule.latex()
    assert latex.isascii(), "pdflatex knows no Greek letters but its own commands"
    assert latex.count("&") == len(wanted.splitlines())
    assert latex.count(r"\leftarrow") == wanted.count("←")
    assert latex in rule._repr_latex_()


def test_latex_of_the_rules_with_l2_and_of_adam():
    assert r"w &\leftarrow \left(1 - 2 \, \alpha \cdot \lambda\right) \cdot w" in SGD(penalty=L2(1.0)).latex()
    assert r"w &\leftarrow \left(1 - \alpha \cdot \lambda\right) \cdot w" in SGD(weight_decay=1.0).latex()
    assert r"\hat{m} &= \frac{m}{1 - \beta_{1}^{t}}" in Adam().latex()


def test_a_rule_that_reads_an_old_value_after_it_was_replaced():
    """Nesterov's of 1983: the old v may not be printed as the new one."""

    @dataclass(frozen=True)
    class Extrapolated(Rule):
        kept = ("v",)  # type: ignore[assignment]

        def update(self, w: Any, g: Any, α: Any, v: Any) -> dict[str, Any]:
            new = w - α * g
            return {"v": new, "w": new + 0.5 * (new - v)}

    assert Extrapolated().text() == "v ← w - α·∂L/∂w\nw ← 1.5·w - 1.5·α·∂L/∂w - 0.5·v"


def test_a_step_of_adam_on_a_graph():
    def loss(X: "n p", W: "p q"):
        return cr.sum(cr.tanh(X @ W))

    lines = AdamW(weight_decay=0.1).step(cr.trace(loss)).text().splitlines()
    assert lines[1:] == [
        "step ← step + 1",
        "m_W ← 0.9·m_W + 0.1·∂L/∂W",
        "v_W ← 0.999·v_W + 0.001·(∂L/∂W)²",
        "W ← (1 - 0.1·lr)·W - lr·m_W / ((1 - 0.9**step)·(sqrt(v_W / (1 - 0.999**step)) + 1e-08))",
    ]
