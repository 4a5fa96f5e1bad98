"""Losses as functions of nodes.

One convention for all: the mean over the examples of the sum over an example's outputs, a scalar,

    L = 1/n Σᵢ Σⱼ ℓ(sᵢⱼ, yᵢⱼ).

With one output, and for cross-entropy always, that is PyTorch's ``reduction="mean"``; with m outputs PyTorch's mean
over all entries is this divided by m. Every loss stays finite, and so does its gradient, for scores of any size.
"""

from __future__ import annotations

import math
from typing import Any

from ..graph.dims import shape_text
from ..graph.errors import InputError, KindError, ShapeError
from ..graph.node import INTEGER, REAL, Node, node, size_node
from ..ops.arithmetic import log, where
from ..ops.elementary import abs as magnitude
from ..ops.elementary import sigmoid
from ..ops.indexing import one_hot
from ..ops.movement import sum as total
from ..ops.reduce import softmax

# Functions of nodes --------------------------------------------------------------------------------------------------


def squared_error(yhat: Any, y: Any) -> Node:
    """1/n Σᵢ ‖ŷᵢ − yᵢ‖², for ŷ and y of one shape (n, …). ∂: 2(ŷ − y)/n.

    PyTorch's ``MSELoss`` divides by all entries of ŷ, not by n alone; many books put ½ in front.

    >>> import chainrule as cr
    >>> loss = cr.compile(cr.trace(squared_error, yhat="n 2", y="n 2"))
    >>> float(loss(yhat=[[1.0, 2.0], [3.0, 5.0]], y=[[0.0, 0.0], [0.0, 0.0]]))
    19.5
    """
    yhat, y = _alike("squared_error", yhat, y)
    return total((yhat - y) ** 2) / yhat.shape[0]


def absolute_error(yhat: Any, y: Any) -> Node:
    """1/n Σᵢ ‖ŷᵢ − yᵢ‖₁, for ŷ and y of one shape (n, …). ∂: sign(ŷ − y)/n, and 0 at the kink, as PyTorch's ``L1Loss``.

    >>> import chainrule as cr
    >>> float(cr.compile(cr.trace(absolute_error, yhat="n 1", y="n 1"))(yhat=[[1.0], [5.0]], y=[[3.0], [5.0]]))
    1.0
    """
    yhat, y = _alike("absolute_error", yhat, y)
    return total(magnitude(yhat - y)) / yhat.shape[0]


def huber(yhat: Any, y: Any, delta: float = 1.0) -> Node:
    """1/n Σᵢⱼ h(ŷᵢⱼ − yᵢⱼ) with h(r) = r²/2 where |r| ≤ δ, and δ(|r| − δ/2) beyond. ∂: r/n, then ±δ/n.

    Source: Huber, Robust estimation of a location parameter, 1964. The same h as PyTorch's ``HuberLoss``; its
    ``SmoothL1Loss`` is h/δ.

    >>> import chainrule as cr
    >>> loss = cr.trace(lambda yhat, y: huber(yhat, y, delta=1.0), yhat="n 1", y="n 1")
    >>> float(cr.compile(loss)(yhat=[[0.5], [4.0]], y=[[0.0], [0.0]]))
    1.8125
    """
    check_positive("delta", delta)
    yhat, y = _alike("huber", yhat, y)
    r = yhat - y
    size = magnitude(r)
    return total(where(size <= delta, r**2 / 2, delta * (size - delta / 2))) / yhat.shape[0]


def cross_entropy(logits: Any, y: Any, weights: Any = None, smoothing: float = 0.0) -> Node:
    """−1/n Σᵢ Σⱼ tᵢⱼ log pᵢⱼ with p = softmax(logits): how well scores predict classes. ∂ in the logits: (p − t)/n.

    logits      (n, c): scores, not probabilities
    y           labels, int[n], 0 … c − 1, then t = one_hot(y); or probabilities (n, c), then t = y
    weights     w (c,), one for each class: −Σᵢⱼ wⱼ tᵢⱼ log pᵢⱼ, divided by Σᵢ w[yᵢ] for labels and by n for
                probabilities; numbers or a node
    smoothing   ε from 0 to 1: t becomes (1 − ε) t + ε/c

    Equal to PyTorch's ``CrossEntropyLoss`` in all of these. Label smoothing: Szegedy, Vanhoucke, Ioffe, Shlens and
    Wojna, Rethinking the Inception architecture, CVPR 2016, section 7.

    Raises ShapeError, KindError where logits, y and weights do not fit one another.

    >>> import chainrule as cr
    >>> loss = cr.compile(cr.trace(lambda S, y: cross_entropy(S, y, weights=[1.0, 3.0, 1.0]), S="n 3", y="int[n]"))
    >>> round(float(loss(S=[[0.0, 0.0, 0.0], [1e4, 0.0, 0.0]], y=[1, 2])), 4)  # (3 log 3 + 10⁴) / (3 + 1)
    2500.824
    """
    logits, y = _scores(logits, y, "cross_entropy")
    t, w = targets(logits, y, smoothing), None if weights is None else _weights(logits, weights)
    terms = t * log(softmax(logits)) if w is None else w * t * log(softmax(logits))
    if w is None or y.kind == REAL:
        return -total(terms) / logits.shape[0]
    return -total(terms) / total(one_hot(y, logits.shape[1]) * w)


def binary_cross_entropy(logits: Any, y: Any) -> Node:
    """−1/n Σᵢⱼ (yᵢⱼ log pᵢⱼ + (1 − yᵢⱼ) log(1 − pᵢⱼ)) with p = σ(logits). ∂ in the logits: (p − y)/n.

    logits and y are of one shape (n, …); y is from 0 to 1. With one output equal to PyTorch's ``BCEWithLogitsLoss``,
    with m outputs m times that.

    >>> import chainrule as cr
    >>> loss = cr.compile(cr.trace(binary_cross_entropy, logits="n 1", y="n 1"))
    >>> float(loss(logits=[[1e4], [-1e4]], y=[[1.0], [1.0]]))
    5000.0
    """
    logits, y = _alike("binary_cross_entropy", logits, y)
    p = sigmoid(logits)
    return -total(y * log(p) + (1 - y) * log(1 - p)) / logits.shape[0]


# What is given, checked ----------------------------------------------------------------------------------------------


def _alike(name: str, yhat: Any, y: Any) -> tuple[Node, Node]:
    yhat, y = node(yhat), node(y)
    if yhat.shape != y.shape or not yhat.ndim:
        raise ShapeError(
            f"{name} compares arrays of one shape (n, …); the first is {shape_text(yhat.shape)}, the second "
            f"{shape_text(y.shape)}"
        )
    return yhat, y


def _scores(logits: Any, y: Any, name: str) -> tuple[Node, Node]:
    logits, y = node(logits), node(y)
    if logits.ndim != 2:
        raise ShapeError(f"{name} takes scores (n, c), a row for each example; these are {shape_text(logits.shape)}")
    wanted = logits.shape[:1] if y.kind == INTEGER else logits.shape
    if y.kind not in (INTEGER, REAL) or y.shape != wanted:
        raise (ShapeError if y.kind in (INTEGER, REAL) else KindError)(
            f"{name} of scores {shape_text(logits.shape)} takes labels, integers {shape_text(logits.shape[:1])}, or "
            f"probabilities {shape_text(logits.shape)}; y is {y.kind} {shape_text(y.shape)}"
        )
    return logits, y


def targets(logits: Node, y: Node, smoothing: float) -> Node:
    check_share("smoothing", smoothing)
    t = one_hot(y, logits.shape[1]) if y.kind == INTEGER else y
    return (1 - smoothing) * t + smoothing / size_node(logits.shape[1]) if smoothing else t


def _weights(logits: Node, weights: Any) -> Node:
    w = weights if isinstance(weights, Node) else node(list(class_weights(weights)))
    if w.shape != logits.shape[1:]:
        raise ShapeError(
            f"there must be a weight for each class, {shape_text(logits.shape[1:])}; the weights are "
            f"{shape_text(w.shape)}"
        )
    return w


def class_weights(weights: Any) -> tuple[float, ...]:
    try:
        found = tuple(float(w) for w in weights)
    except (TypeError, ValueError):
        raise InputError(f"weights are {weights!r}; they must be numbers, one for each class") from None
    if not found or not all(math.isfinite(w) and w >= 0 for w in found) or not any(found):
        raise InputError(f"weights are {found}; they must be finite, at least 0, and not all 0")
    return found


def check_share(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise InputError(f"{name} is {value!r}; it must be a number from 0 to 1")


def check_positive(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise InputError(f"{name} is {value!r}; it must be a number above 0")


__all__ = ["absolute_error", "binary_cross_entropy", "cross_entropy", "huber", "squared_error"]
