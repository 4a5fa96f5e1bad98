"""The network of `chainrule lab mlp`, and the rule that trains it."""

from __future__ import annotations

from typing import Any

from ..nn import ELU, Activation, He, Linear, Normal, ReLU, Sequential, Sigmoid, Tanh
from ..optim import L2, SGD
from ..optim.schedules import Exponential
from .settings import Recipe

PARAMETERS = ("W1", "b1", "W2", "b2")
LAYERS: dict[str, Activation] = {"relu": ReLU(), "sigmoid": Sigmoid(), "tanh": Tanh(), "elu": ELU()}


def network(recipe: Recipe, d: Any = "d", h: Any = "h", c: Any = "c") -> Sequential:
    """One hidden layer: d features, h hidden neurons, c classes, each a number or a symbol.

    Weights start from He's normal numbers (Delving Deep into Rectifiers, ICCV 2015, section 2.2), or from those of the
    recipe's `std`; biases from 0.
    """
    init = He() if recipe.std is None else Normal(recipe.std)
    return Sequential(Linear(d, h, init=init), LAYERS[recipe.activation], Linear(h, c, init=init))


def rule(recipe: Recipe) -> SGD:
    """Gradient descent with a rate that each epoch lowers, and the penalty reg/2 · (‖W1‖² + ‖W2‖²)."""
    penalty = L2(recipe.reg / 2) if recipe.reg else ()
    return SGD(lr=Exponential(recipe.lr, gamma=recipe.lr_decay), penalty=penalty)


__all__ = ["LAYERS", "PARAMETERS", "network", "rule"]
