"""The programs of an estimator. They are made once for all sizes and kept, so that a grid search compiles few."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from itertools import pairwise
from operator import add
from typing import Any

from ..face.compiled import Compiled, compile
from ..face.graph import Graph
from ..graph.node import Node, leaf
from ..nn.containers import Sequential
from ..nn.layers import Dropout, Linear
from ..nn.losses import squared_error
from ..nn.module import Module
from ..ops.movement import sum as total
from ..optim.rule import Rule
from .settings import ACTIVATIONS

KEPT = 64  # programs of each kind


@dataclass(frozen=True)
class Architecture:
    """A network of dense layers but for the sizes of its layers."""

    hidden: int
    activation: str
    dropout: float

    def network(self, units: Any) -> Sequential:
        """The network whose layers have so many units, the inputs first; numbers, or symbols."""
        layers: list[Module] = []
        for here, (inputs, outputs) in enumerate(pairwise(units)):
            layers.append(Linear(inputs, outputs))
            if here == self.hidden:
                break
            if (activation := ACTIVATIONS[self.activation]) is not None:
                layers.append(activation)
            if self.dropout:
                layers.append(Dropout(self.dropout))
        return Sequential(*layers)

    @property
    def symbolic(self) -> Sequential:
        """The network for any sizes: d inputs, h1, h2, … hidden units, k outputs."""
        return self.network(("d", *(f"h{k}" for k in range(1, self.hidden + 1)), "k"))


@dataclass(frozen=True)
class Recipe:
    """Everything that a step's program depends on. Sizes, α, the learning rate and the weights are its inputs."""

    architecture: Architecture
    loss: str | Callable[..., Node]
    rule: Rule
    penalised: bool
    weighted: bool
    engine: str


def half_squared_error(yhat: Node, y: Node, sample_weight=None) -> Node:
    """1/2n Σᵢ ‖ŷᵢ − yᵢ‖²"""
    return squared_error(yhat, y, sample_weight) / 2


def step_program(recipe: Recipe) -> Compiled:
    """One update: of J, the loss with its penalty, or of L where the recipe has none."""
    try:
        hash(recipe)
    except TypeError:  # a rule that holds a list cannot be looked up
        return _made(recipe)
    return _kept(recipe)


def _made(recipe: Recipe) -> Compiled:
    loss = recipe.architecture.symbolic.loss_graph(recipe.loss, weighted=recipe.weighted)
    return compile(recipe.rule.step(penalised(loss) if recipe.penalised else loss), recipe.engine)


_kept = lru_cache(KEPT)(_made)


@lru_cache(KEPT)
def network_program(architecture: Architecture, engine: str) -> Compiled:
    """The scores of X."""
    return compile(architecture.symbolic.graph(), engine)


def penalised(loss: Graph) -> Graph:
    """J = L + α/(2 Σᵢ wᵢ) Σ ‖W‖² with the input alpha, where Σᵢ wᵢ = n if there are no weights.

    The divisor, which `cr.optim.L2` has not, is scikit-learn's.
    """
    alpha, weights = leaf("alpha"), loss.inputs.get("sample_weight")
    examples = loss.inputs["X"].shape[0] if weights is None else total(weights)
    squares = reduce(add, (total(w**2) for w in loss.parameters.values() if w.ndim > 1))
    J = loss.output + alpha * squares / (2 * examples)
    return replace(
        loss, outputs=(J,), names=loss.names | {J: "J"}, inputs=loss.inputs | {"alpha": alpha},
        roles=loss.roles | {"alpha": "data"},
    )  # fmt: skip


__all__ = ["Architecture", "Recipe", "half_squared_error", "network_program", "step_program"]
