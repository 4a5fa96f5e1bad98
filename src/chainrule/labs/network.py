"""The network of `chainrule lab mlp` as mathematics, and the graph of one step of its training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..face.graph import Graph, trace
from ..graph.node import Node
from ..ops.arithmetic import equal, log, where
from ..ops.indexing import one_hot
from ..ops.movement import sum as total
from ..ops.reduce import argmax, mean, softmax
from ..optim.sgd import SGD
from .settings import ACTIVATIONS, Settings

PARAMETERS = ("W1", "b1", "W2", "b2")
SIZES: dict[str, Any] = {"X": "n d", "y": "int[n]", "W1": "d h", "b1": "h", "W2": "h c", "b2": "c", "reg": ""}


def mlp(phi: Callable[[Node], Node]) -> Callable[..., Node]:
    """The loss of a network with one hidden layer, for its activation `phi`."""

    def mlp(X: Node, y: Node, W1: Node, b1: Node, W2: Node, b2: Node, reg: Node) -> Node:
        Z = X @ W1 + b1  # n h
        H = phi(Z)  # n h
        S = H @ W2 + b2  # n c: the logits
        P = softmax(S)  # n c
        Y = one_hot(y, S.shape[1])  # n c
        E = -total(Y * log(P)) / S.shape[0]
        R = reg / 2 * (total(W1**2) + total(W2**2))
        L = E + R
        return L

    return mlp


def loss_graph(activation: str) -> Graph:
    """The loss L in symbolic sizes: n rows of d features, h hidden neurons, c classes."""
    return trace(mlp(ACTIVATIONS[activation]), **SIZES)


def accuracy_of(graph: Graph) -> Node:
    """The share of the rows whose largest logit is their class's."""
    return mean(where(equal(argmax(graph["S"], axis=1), graph["y"]), 1.0, 0.0))


def step_graph(graph: Graph) -> Graph:
    """One step of gradient descent: loss, gradient norms and accuracy of the minibatch, and the updates."""
    step = SGD().step(graph, gradient_norms=True)
    accuracy = accuracy_of(graph)
    return replace(step, outputs=(*step.outputs, accuracy), names=step.names | {accuracy: "accuracy"})


def evaluation_graph(graph: Graph) -> Graph:
    """The loss on any rows, and the logits."""
    return graph.returning(graph["L"], graph["S"])


def first_parameters(settings: Settings, features: int, classes: int) -> dict[str, NDArray[np.float32]]:
    """W = sqrt(2/rows of W) · standard normal, b = 0, in float32, from ``numpy.random.default_rng(seed)``: W1, then W2.

    He, Zhang, Ren and Sun, Delving Deep into Rectifiers, ICCV 2015, section 2.2.
    """
    rng = np.random.default_rng(settings.seed)

    def weights(rows: int, columns: int) -> NDArray[np.float32]:
        return (np.sqrt(2 / rows) * rng.standard_normal((rows, columns))).astype(np.float32)

    return {
        "W1": weights(features, settings.hidden), "b1": np.zeros(settings.hidden, np.float32),
        "W2": weights(settings.hidden, classes), "b2": np.zeros(classes, np.float32),
    }  # fmt: skip
