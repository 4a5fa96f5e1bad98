"""Losses with their options, and by name, for `Module.loss_graph`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..graph.errors import GraphError
from ..graph.node import INTEGER, REAL, Kind, Node, node
from ..ops.elementary import SIGMOID, sigmoid
from ..ops.indexing import one_hot
from ..ops.reduce import LOG_SOFTMAX, SOFTMAX, softmax
from .losses import (
    absolute_error,
    binary_cross_entropy,
    check_positive,
    check_share,
    class_weights,
    cross_entropy,
    huber,
    squared_error,
    targets,
)


class Loss:
    """A loss with its options, for `Module.loss_graph`: called with the output and y it answers a scalar node."""

    def target(self, output: Node) -> tuple[tuple[Any, ...], Kind]:
        """Shape and kind of the y that belongs to a network's output."""
        return output.shape, REAL

    def quantities(self, output: Node, y: Node) -> dict[str, Node]:
        """What the derivation calls by a name on the way from the output to the loss."""
        return {}

    def __call__(self, output: Node, y: Node) -> Node:
        raise NotImplementedError(f"{type(self).__name__} does not say what it computes: define __call__(self, S, y)")


@dataclass(frozen=True)
class SquaredError(Loss):
    """`squared_error`, by name "squared_error"."""

    def __call__(self, output: Node, y: Node) -> Node:
        return squared_error(output, y)


@dataclass(frozen=True)
class AbsoluteError(Loss):
    """`absolute_error`, by name "absolute_error"."""

    def __call__(self, output: Node, y: Node) -> Node:
        return absolute_error(output, y)


@dataclass(frozen=True)
class Huber(Loss):
    """`huber`, by name "huber" with δ = 1."""

    delta: float = 1.0

    def __post_init__(self) -> None:
        check_positive("delta", self.delta)

    def __call__(self, output: Node, y: Node) -> Node:
        return huber(output, y, self.delta)


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """`cross_entropy` of the network's output, by name "cross_entropy" with labels as targets and no options.

    weights         one number for each class
    smoothing       ε from 0 to 1
    probabilities   y is (n, c), such as rows of `one_hot`, instead of labels int[n]

    >>> import chainrule as cr
    >>> net = cr.nn.Linear(5, 3)
    >>> net.loss_graph(cr.nn.CrossEntropy(probabilities=True)).inputs["y"]
    <y (n, 3)>
    """

    weights: tuple[float, ...] | None = None
    smoothing: float = 0.0
    probabilities: bool = False

    def __post_init__(self) -> None:
        check_share("smoothing", self.smoothing)
        if self.weights is not None:
            object.__setattr__(self, "weights", class_weights(self.weights))

    def target(self, output: Node) -> tuple[tuple[Any, ...], Kind]:
        return (output.shape, REAL) if self.probabilities else (output.shape[:1], INTEGER)

    def quantities(self, output: Node, y: Node) -> dict[str, Node]:
        found = {"P": softmax(output)}
        if not self.probabilities:
            found["Y"] = one_hot(y, output.shape[1])
        if self.smoothing:
            found["T"] = targets(output, y, self.smoothing)
        return found

    def __call__(self, output: Node, y: Node) -> Node:
        _refuse(output, (SOFTMAX, LOG_SOFTMAX), "cross_entropy applies the softmax itself")
        return cross_entropy(output, y, self.weights, self.smoothing)


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """`binary_cross_entropy` of the network's output, by name "binary_cross_entropy"."""

    def quantities(self, output: Node, y: Node) -> dict[str, Node]:
        return {"P": sigmoid(output)}

    def __call__(self, output: Node, y: Node) -> Node:
        _refuse(output, (SIGMOID,), "binary_cross_entropy applies the sigmoid itself")
        return binary_cross_entropy(output, y)


@dataclass(frozen=True)
class Custom(Loss):
    """A function of the output and of y, both of one shape."""

    function: Callable[[Node, Node], Node]

    def __call__(self, output: Node, y: Node) -> Node:
        return node(self.function(output, y))


LOSSES: dict[str, Loss] = {
    "cross_entropy": CrossEntropy(),
    "binary_cross_entropy": BinaryCrossEntropy(),
    "squared_error": SquaredError(),
    "absolute_error": AbsoluteError(),
    "huber": Huber(),
}


def loss_named(loss: Any) -> Loss:
    """The loss that is meant: by name, with options, or a function. Raises GraphError for anything else."""
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, type) and issubclass(loss, Loss):
        raise GraphError(f"{loss.__name__} is a class; make one: {loss.__name__}()")
    if isinstance(loss, str) and loss in LOSSES:
        return LOSSES[loss]
    by_function = {squared_error: "squared_error", absolute_error: "absolute_error", huber: "huber",
                   cross_entropy: "cross_entropy", binary_cross_entropy: "binary_cross_entropy"}  # fmt: skip
    if callable(loss):
        function: Any = loss
        return LOSSES[by_function[function]] if function in by_function else Custom(function)
    raise GraphError(f"there is no loss {loss!r}; there are {', '.join(LOSSES)}, or a function of output and y")


def _refuse(output: Node, ops: Sequence[Any], why: str) -> None:
    if output.op in ops:
        raise GraphError(f"{why}, and the network ends in {output.op.name}: leave its last layer out")


__all__ = [
    "LOSSES", "AbsoluteError", "BinaryCrossEntropy", "CrossEntropy", "Huber", "Loss", "SquaredError", "loss_named",
]  # fmt: skip
