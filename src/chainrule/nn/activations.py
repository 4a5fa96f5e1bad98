"""Activations as modules: functions entry by entry, and the softmax."""

from __future__ import annotations

from dataclasses import dataclass

from ..graph.node import Node
from ..ops import elementary
from ..ops.reduce import softmax
from .builder import Builder
from .module import Module


class Activation(Module):
    """A function from features to as many features. A subclass defines `of`; the result is called H and a number."""

    def of(self, x: Node) -> Node:
        raise NotImplementedError(f"{type(self).__name__} does not say what it computes: define of(self, x)")

    def build(self, x: Node, here: Builder) -> Node:
        return here.named("H", self.of(x))


@dataclass(frozen=True, repr=False)
class ReLU(Activation):
    """x where x > 0, else 0; the derivative at 0 is 0. See `chainrule.relu`."""

    def of(self, x: Node) -> Node:
        return elementary.relu(x)


@dataclass(frozen=True, repr=False)
class LeakyReLU(Activation):
    """x where x > 0, else slope · x. The slope is PyTorch's ``negative_slope``; Keras' default is 0.3."""

    slope: float = 0.01

    def __post_init__(self) -> None:
        elementary._number("slope", self.slope)

    def of(self, x: Node) -> Node:
        return elementary.leaky_relu(x, self.slope)


@dataclass(frozen=True, repr=False)
class ELU(Activation):
    """x where x > 0, else α(eˣ − 1). Clevert, Unterthiner and Hochreiter 2016, equation 15."""

    alpha: float = 1.0

    def __post_init__(self) -> None:
        elementary._number("alpha", self.alpha)

    def of(self, x: Node) -> Node:
        return elementary.elu(x, self.alpha)


@dataclass(frozen=True, repr=False)
class Sigmoid(Activation):
    """1 / (1 + e⁻ˣ)."""

    def of(self, x: Node) -> Node:
        return elementary.sigmoid(x)


@dataclass(frozen=True, repr=False)
class Tanh(Activation):
    """tanh x."""

    def of(self, x: Node) -> Node:
        return elementary.tanh(x)


@dataclass(frozen=True, repr=False)
class GELU(Activation):
    """x Φ(x), exact as in PyTorch; `approximate` takes the tanh formula, as JAX does by default."""

    approximate: bool = False

    def of(self, x: Node) -> Node:
        return elementary.gelu(x, self.approximate)


@dataclass(frozen=True, repr=False)
class SiLU(Activation):
    """x σ(x), also called swish."""

    def of(self, x: Node) -> Node:
        return elementary.silu(x)


@dataclass(frozen=True, repr=False)
class Softplus(Activation):
    """ln(1 + eˣ)."""

    def of(self, x: Node) -> Node:
        return elementary.softplus(x)


@dataclass(frozen=True, repr=False)
class Softmax(Module):
    """eˣ / Σ eˣ over the last axis: probabilities.

    Not before the loss "cross_entropy", which applies it to the scores itself, and refuses it.
    """

    def build(self, x: Node, here: Builder) -> Node:
        return here.named("P", softmax(x))


__all__ = ["ELU", "GELU", "Activation", "LeakyReLU", "ReLU", "SiLU", "Sigmoid", "Softmax", "Softplus", "Tanh"]
