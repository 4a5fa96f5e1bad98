"""Losses as functions of nodes.

One convention for all: the mean over the examples of the sum over an example's outputs, a scalar,

    L = 1/n Σᵢ Σⱼ ℓ(sᵢⱼ, yᵢⱼ).

With one output, and for cross-entropy always, that is PyTorch's ``reduction="mean"``; with m outputs PyTorch's mean
over all entries is this divided by m. Every loss stays finite, and so does its gradient, for scores of any size.

With weights of the examples, `sample_weight` w (n,), the mean is weighted, as scikit-learn's:

    L = Σᵢ wᵢ Σⱼ ℓ(sᵢⱼ, yᵢⱼ) / Σᵢ wᵢ.

They are at least 0; a batch in which all of them are 0 has no mean, and L is NaN.
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
from ..ops.reduce import mean, softmax

# Functions of nodes --------------------------------------------------------------------------------------------------
# (sample_weight has no annotation: `cr.trace` would take it for sizes, and the parameter for an input.)


def squared_error(yhat: Any, y: Any, sample_weight=None) -> Node:
    """1/n Σᵢ ‖ŷᵢ − yᵢ‖², for ŷ and y of one shape (n, …). ∂: 2(ŷ − y)/n.

    PyTorch's ``MSELoss`` divides by all entries of ŷ, not by n alone; many books put ½ in front.

    >>> import chainrule as cr
    >>> loss = cr.compile(cr.trace(squared_error, yhat="n 2", y="n 2"))
    >>> float(loss(yhat=[[1.0, 2.0], [3.0, 5.0]], y=[[0.0, 0.0], [0.0, 0.0]]))
    19.5
    """
    yhat, y = _alike("squared_error", yhat, y)
    return _mean((yhat - y) ** 2, sample_weight)


def absolute_error(yhat: Any, y: Any, sample_weight=None) -> Node:
    """1/n Σᵢ ‖ŷᵢ − yᵢ‖₁, for ŷ and y of one shape (n, …). ∂: sign(ŷ − y)/n, and 0 at the kink, as PyTorch's ``L1Loss``.

    >>> import chainrule as cr
    >>> float(cr.compile(cr.trace(absolute_error, yhat="n 1", y="n 1"))(yhat=[[1.0], [5.0]], y=[[3.0], [5.0]]))
    1.0
    """
    yhat, y = _alike("absolute_error", yhat, y)
    return _mean(magnitude(yhat - y), sample_weight)


def huber(yhat: Any, y: Any, delta: float = 1.0, sample_weight=None) -> Node:
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
    return _mean(where(size <= delta, r**2 / 2, delta * (size - delta / 2)), sample_weight)


def cross_entropy(
    logits: Any, y: Any, weights: Any = None, smoothing: float = 0.0, sample_weight=None
) -> Node:
    """−1/n Σᵢ Σⱼ tᵢⱼ log pᵢⱼ with p = softmax(logits): how well scores predict classes. ∂ in the logits: (p − t)/n.

    logits      (n, c): scores, not probabilities
    y           labels, int[n], 0 … c − 1, then t = one_hot(y); or probabilities (n, c), then t = y
    weights     w (c,), one for each class: −Σᵢⱼ wⱼ tᵢⱼ log pᵢⱼ, divided by Σᵢ w[yᵢ] for labels and by n for
                probabilities; numbers or a node
    smoothing   ε from 0 to 1: t becomes (1 − ε) t + ε/c
    sample_weight   one for each example, which multiplies its term and its part of the divisor: with both kinds of
                weights and labels, −Σᵢⱼ sᵢ wⱼ tᵢⱼ log pᵢⱼ / Σᵢ sᵢ w[yᵢ]

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
        return -_sum(terms, sample_weight) / _examples(terms, sample_weight)
    return -_sum(terms, sample_weight) / _sum(one_hot(y, logits.shape[1]) * w, sample_weight)


def binary_cross_entropy(logits: Any, y: Any, sample_weight=None) -> Node:
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
    terms = y * log(p) + (1 - y) * log(1 - p)
    return -_sum(terms, sample_weight) / _examples(terms, sample_weight)


# Over the examples ---------------------------------------------------------------------------------------------------


def _mean(terms: Node, sample_weight: Any) -> Node:
    """1/n Σᵢ Σ tᵢ…, or with weights Σᵢ wᵢ Σ tᵢ… / Σᵢ wᵢ, for terms (n, …)."""
    return _sum(terms, sample_weight) / _examples(terms, sample_weight)


def _examples(terms: Node, sample_weight: Any) -> Any:
    """What a sum over the examples is divided by: n, or with weights Σᵢ wᵢ."""
    return terms.shape[0] if sample_weight is None else total(node(sample_weight))


def _sum(terms: Node, sample_weight: Any) -> Node:
    """Σᵢ Σ tᵢ…, or with weights Σᵢ wᵢ Σ tᵢ…"""
    if sample_weight is None:
        return total(terms)
    w = node(sample_weight)
    if w.shape != terms.shape[:1]:
        raise ShapeError(
            f"there must be a weight for each example, {shape_text(terms.shape[:1])}; sample_weight is "
            f"{shape_text(w.shape)}"
        )
    return total(w * total(terms, axis=tuple(range(1, terms.ndim))) if terms.ndim > 1 else w * terms)


def share_correct(correct: Node, sample_weight=None) -> Node:
    """The share of what is true among booleans (n, …), each example weighted: the accuracy."""
    if sample_weight is None:
        return mean(correct)
    each = mean(correct, axis=tuple(range(1, correct.ndim))) if correct.ndim > 1 else where(correct, 1, 0)
    return _mean(each, sample_weight)


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
