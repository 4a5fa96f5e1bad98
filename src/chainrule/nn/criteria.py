"""Losses with their options, and by name, for `Module.loss_graph`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.errors import GraphError, InputError
from ..graph.node import INTEGER, REAL, Kind, Node, node
from ..ops.arithmetic import equal
from ..ops.elementary import SIGMOID, sigmoid
from ..ops.indexing import one_hot
from ..ops.reduce import LOG_SOFTMAX, SOFTMAX, argmax, softmax
from .losses import (
    absolute_error,
    binary_cross_entropy,
    check_positive,
    check_share,
    class_weights,
    cross_entropy,
    huber,
    share_correct,
    squared_error,
    targets,
)


class Loss:
    """A loss with its options, for `Module.loss_graph`: called with the output and y it answers a scalar node.

    One's own is a subclass with a method ``__call__(self, output, y)``, or ``__call__(self, output, y,
    sample_weight=None)`` if examples can be weighted.
    """

    def target(self, output: Node) -> tuple[tuple[Any, ...], Kind]:
        """Shape and kind of the y that belongs to a network's output."""
        return output.shape, REAL

    def quantities(self, output: Node, y: Node) -> dict[str, Node]:
        """What the derivation calls by a name on the way from the output to the loss."""
        return {}

    def metrics(self, output: Node, y: Node, sample_weight: Node | None = None) -> dict[str, Node]:
        """What is recorded beside the loss, scalars by name: {"accuracy": node} where outputs are classes."""
        return {}

    @property
    def weighs(self) -> bool:
        """Whether examples can be weighted: whether it has a parameter called sample_weight."""
        return _takes_weights(self.__call__)

    def __call__(self, output: Node, y: Node, sample_weight: Node | None = None) -> Node:
        raise NotImplementedError(f"{type(self).__name__} does not say what it computes: define __call__(self, S, y)")

    # Arrays -----------------------------------------------------------------------------------------------------------

    def predict(self, S: Any) -> NDArray[Any]:
        """What the network's output S, an array, says about y: classes, int64, for (binary) cross-entropy; else S.

        >>> import chainrule as cr
        >>> cr.nn.CrossEntropy().predict([[0.1, 0.7, 0.2], [2.0, 1.0, 2.0]])
        array([1, 0])
        """
        return np.asarray(S)

    def predict_probabilities(self, S: Any) -> NDArray[Any]:
        """The probabilities of the classes that the network's output S stands for, in the shape and precision of S.

        Raises InputError where the loss gives the output no such meaning.

        >>> import chainrule as cr
        >>> cr.nn.BinaryCrossEntropy().predict_probabilities([[0.0], [800.0]])
        array([[0.5],
               [1. ]])
        """
        raise InputError(f"{self!r} gives no probabilities; CrossEntropy and BinaryCrossEntropy do")


@dataclass(frozen=True)
class SquaredError(Loss):
    """`squared_error`, by name "squared_error"."""

    def __call__(self, output: Node, y: Node, sample_weight: Node | None = None) -> Node:
        return squared_error(output, y, sample_weight)


@dataclass(frozen=True)
class AbsoluteError(Loss):
    """`absolute_error`, by name "absolute_error"."""

    def __call__(self, output: Node, y: Node, sample_weight: Node | None = None) -> Node:
        return absolute_error(output, y, sample_weight)


@dataclass(frozen=True)
class Huber(Loss):
    """`huber`, by name "huber" with δ = 1."""

    delta: float = 1.0

    def __post_init__(self) -> None:
        check_positive("delta", self.delta)

    def __call__(self, output: Node, y: Node, sample_weight: Node | None = None) -> Node:
        return huber(output, y, self.delta, sample_weight)


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

    def metrics(self, output: Node, y: Node, sample_weight: Node | None = None) -> dict[str, Node]:
        """The share of examples whose largest score, the first of ties, is that of y, or of its largest probability."""
        labels = argmax(y, axis=1) if self.probabilities else y
        return {"accuracy": share_correct(equal(argmax(output, axis=1), labels), sample_weight)}

    def predict(self, S: Any) -> NDArray[Any]:
        """The class with the largest score, the first of ties: int64, (n,) for S (n, c)."""
        return np.asarray(S).argmax(axis=1)

    def predict_probabilities(self, S: Any) -> NDArray[Any]:
        """softmax(S), (n, c)."""
        from scipy.special import softmax

        return softmax(np.asarray(S), axis=1)

    def __call__(self, output: Node, y: Node, sample_weight: Node | None = None) -> Node:
        _refuse(output, (SOFTMAX, LOG_SOFTMAX), "cross_entropy applies the softmax itself")
        return cross_entropy(output, y, self.weights, self.smoothing, sample_weight)


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """`binary_cross_entropy` of the network's output, by name "binary_cross_entropy"."""

    def quantities(self, output: Node, y: Node) -> dict[str, Node]:
        return {"P": sigmoid(output)}

    def metrics(self, output: Node, y: Node, sample_weight: Node | None = None) -> dict[str, Node]:
        """The share of entries, over all examples and outputs, where p > 1/2 just when y > 1/2."""
        return {"accuracy": share_correct(equal(output > 0, y > 0.5), sample_weight)}

    def predict(self, S: Any) -> NDArray[Any]:
        """1 where S > 0, so p > 1/2, and 0 elsewhere: int64, in the shape of S."""
        return (np.asarray(S) > 0).astype(np.int64)

    def predict_probabilities(self, S: Any) -> NDArray[Any]:
        """σ(S), the probability of 1, in the shape of S."""
        from scipy.special import expit

        return expit(np.asarray(S))

    def __call__(self, output: Node, y: Node, sample_weight: Node | None = None) -> Node:
        _refuse(output, (SIGMOID,), "binary_cross_entropy applies the sigmoid itself")
        return binary_cross_entropy(output, y, sample_weight)


@dataclass(frozen=True)
class Custom(Loss):
    """A function of the output and of y, both of one shape, and of sample_weight if it has such a parameter."""

    function: Callable[..., Node]

    @property
    def weighs(self) -> bool:
        return _takes_weights(self.function)

    def __call__(self, output: Node, y: Node, sample_weight: Node | None = None) -> Node:
        return node(self.function(output, y, **({} if sample_weight is None else {"sample_weight": sample_weight})))


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


def _takes_weights(loss: Callable[..., Any]) -> bool:
    return "sample_weight" in inspect.signature(loss).parameters


def _refuse(output: Node, ops: Sequence[Any], why: str) -> None:
    if output.op in ops:
        raise GraphError(f"{why}, and the network ends in {output.op.name}: leave its last layer out")


__all__ = [
    "LOSSES", "AbsoluteError", "BinaryCrossEntropy", "CrossEntropy", "Huber", "Loss", "SquaredError", "loss_named",
]  # fmt: skip
