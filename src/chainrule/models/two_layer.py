"""The two-layer network of the course assignment, its backward pass derived from the graph instead of by hand."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.arrays import check_classification, check_features
from ..data.rows import blocks
from ..face.compiled import Compiled
from ..face.graph import Graph
from ..graph.errors import DataError, InputError
from ..graph.node import INTEGER, Node, leaf
from ..ops import elementary
from ..ops.indexing import one_hot
from ..ops.movement import sum as total
from ..ops.reduce import log_softmax, mean

Array = NDArray[np.float64]
PARAMETERS = ("W1", "b1", "W2", "b2")

ACTIVATIONS: dict[str, Callable[[Node], Node]] = {
    name: function
    for name, function in inspect.getmembers(elementary, inspect.isfunction)
    if function.__module__ == elementary.__name__ and not name.startswith("_")
} | {"identity": lambda z: z}
"""What may stand between the two layers: every function of one argument that works entry by entry."""


class Programs(NamedTuple):
    """What a network runs. Sizes are symbols, so that one set serves every network with the same activation."""

    graph: Graph  # the loss
    scores: Compiled
    loss_and_gradients: Compiled


@cache
def programs(activation: str) -> Programs:
    """The network's graph and its programs on NumPy, made once for each activation."""
    X, y = leaf("X", ("n", "d")), leaf("y", ("n",), INTEGER)
    W1, b1 = leaf("W1", ("d", "h")), leaf("b1", ("h",))
    W2, b2 = leaf("W2", ("h", "c")), leaf("b2", ("c",))
    reg = leaf("reg")

    Z = X @ W1 + b1  # (n, h)
    H = ACTIVATIONS[activation](Z)  # (n, h)
    S = H @ W2 + b2  # (n, c)
    logP = log_softmax(S, axis=1)  # (n, c)
    data_loss = -mean(total(one_hot(y, S.shape[1]) * logP, axis=1))
    penalty = reg / 2 * (total(W1**2) + total(W2**2))
    L = data_loss + penalty

    names = {H: "H", Z: "Z", S: "S", logP: "logP", data_loss: "data_loss", penalty: "penalty", L: "L"}
    weights = {n.attr("name"): n for n in (W1, b1, W2, b2)}
    inputs = {"X": X, "y": y, **weights, "reg": reg}
    roles = {k: "parameter" if k in weights else "data" for k in inputs}
    loss = Graph("two_layer_mlp", inputs, (L,), names | {n: k for k, n in inputs.items()}, roles)
    forward = Graph("scores", {"X": X, **weights}, (S,), loss.names, {k: roles[k] for k in ("X", *weights)})
    return Programs(
        loss, Compiled(forward, "numpy", "float64", None), Compiled(loss, "numpy", "float64", list(PARAMETERS))
    )


class TwoLayerMLP:
    """A fully connected network with one hidden layer and softmax cross-entropy, as in the course assignment.

        Z = X W₁ + b₁,  H = φ(Z),  S = H W₂ + b₂                              S are the scores
        L = −1/N Σₙ log softmax(Sₙ)[yₙ] + reg/2 · (‖W₁‖² + ‖W₂‖²)             biases are not regularised

    Shapes: X (N, D), y (N,), W1 (D, H), b1 (H,), W2 (H, C), b2 (C,), S (N, C). Everything is computed in float64.

    input_size, hidden_size, num_classes   D, H and C
    activation   φ: "relu", "sigmoid", "tanh", "elu", "leaky_relu", "softplus", "silu", "gelu", "identity", or any other
                 function of `chainrule.ops.elementary`, with that function's own default options
    std          weights are std · (standard normal), biases 0
    seed         None: W1, then W2, are drawn from NumPy's global generator (``np.random.seed(0)`` decides them);
                 a number: the same draws from ``np.random.RandomState(seed)``, the global one is left alone

    `params` is a dict of plain arrays W1, b1, W2, b2, to be replaced or edited at will between calls. No backward pass
    is written here: it is derived from `graph`, and `source` is the program that runs.

    Raises InputError for sizes, an activation or options that make no network.

    Source: Stanford CS231n, assignment 1 (two-layer network). Its versions differ: some penalise with reg · ‖W‖²,
    without the half, and draw batches with replacement; here each epoch is a permutation. Libraries differ in the
    penalty as well: PyTorch's ``weight_decay`` reaches biases too, Keras' ``L2`` has no half, scikit-learn's ``alpha``
    is divided by the number of rows.

    >>> import numpy as np
    >>> np.random.seed(0)
    >>> net = TwoLayerMLP(4, 10, 3, activation="sigmoid", std=0.1)
    >>> np.random.seed(1)
    >>> X, y = 10 * np.random.randn(5, 4), [0, 1, 2, 2, 1]
    >>> net.loss(X).shape
    (5, 3)
    >>> loss, grads = net.loss(X, y, reg=0.1)
    >>> round(loss, 12), grads["W1"].shape
    (1.182247980394, (4, 10))
    >>> history = net.train(X, y, X, y, learning_rate=0.1, num_epochs=50, batch_size=5)
    >>> history["val_acc_history"][-1], net.predict(X)
    (1.0, array([0, 1, 2, 2, 1]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_classes: int,
        activation: str = "relu",
        std: float = 1e-4,
        seed: int | None = None,
    ):
        D = self.input_size = _count("input_size", input_size)
        H = self.hidden_size = _count("hidden_size", hidden_size)
        C = self.num_classes = _count("num_classes", num_classes)
        if not isinstance(activation, str) or activation not in ACTIVATIONS:
            raise InputError(f"there is no activation {activation!r}; it is one of {', '.join(sorted(ACTIVATIONS))}")
        self.activation = activation
        std = _number("std", std)
        randn = np.random.randn if seed is None else _generator(seed).randn
        self.params: dict[str, Array] = {"W1": std * randn(D, H), "b1": np.zeros(H)}
        self.params |= {"W2": std * randn(H, C), "b2": np.zeros(C)}

    @property
    def graph(self) -> Graph:
        """The loss as a graph in symbolic sizes n, d, h, c: for `cr.derive`, `cr.cost` and to draw."""
        return programs(self.activation).graph

    @property
    def source(self) -> str:
        """The program that computes the loss and its gradients: exactly what runs."""
        return programs(self.activation).loss_and_gradients.source

    @overload
    def loss(self, X: ArrayLike, y: None = None, reg: float = 0.0) -> Array: ...
    @overload
    def loss(self, X: ArrayLike, y: ArrayLike, reg: float = 0.0) -> tuple[float, dict[str, Array]]: ...
    def loss(
        self, X: ArrayLike, y: ArrayLike | None = None, reg: float = 0.0
    ) -> Array | tuple[float, dict[str, Array]]:
        """The scores S (N, C) if no `y` is given; with `y`, the loss L and its gradients {"W1": (D, H), "b1": …}.

        X     (N, D), real numbers; y (N,), integers 0 … C − 1; neither is modified, and every answer is a new array
        reg   the weight of the penalty, at least 0

        Raises DataError for an X or a y that cannot be right (shape, NaN, a label that is no class), InputError for a
        `reg` or for parameters that do not fit.
        """
        params, strength = self._checked_params(), _number("reg", reg)
        run = programs(self.activation)
        if y is None:
            return run.scores(X=_features(X, params, "loss"), **params)
        X, y = _examples(X, y, params, "loss")
        value, grads = run.loss_and_gradients(X=X, y=y, **params, reg=strength)
        return float(value), grads

    def train(
        self,
        X: ArrayLike,
        y: ArrayLike,
        X_val: ArrayLike,
        y_val: ArrayLike,
        learning_rate: float = 1e-3,
        learning_rate_decay: float = 0.95,
        reg: float = 1e-5,
        num_epochs: int = 10,
        batch_size: int = 200,
        verbose: bool = False,
    ) -> dict[str, list[float]]:
        """Minibatch gradient descent: w ← w − learning_rate · ∂L/∂w, for every parameter and every minibatch.

        It starts with ``np.random.seed(1)``. An epoch draws one ``np.random.permutation(N)`` and takes
        max(N // batch_size, 1) consecutive slices of it; what remains is dropped, and a batch is never larger than the
        set. After each epoch the learning rate is multiplied by `learning_rate_decay`. New arrays take the place of
        those in `params`.

        Answers lists of floats:

        loss_history             L of each minibatch, before its update
        grad_magnitude_history   ‖∂L/∂W₁‖ (Frobenius, with the penalty's share) of each update
        train_acc_history        after each epoch, the accuracy on its last minibatch
        val_acc_history          after each epoch, the accuracy on all of X_val

        `verbose` prints a line an epoch: ``Epoch 3: loss 0.512345, train_acc 0.870000, val_acc 0.861200``, where the
        loss is the last update's. A learning rate that is too large ends in nan in the histories, without warnings.

        Raises DataError for examples that cannot be right, InputError for options or parameters that do not fit; all
        before the first update.
        """
        params = self._checked_params()
        rate, decay = _number("learning_rate", learning_rate), _number("learning_rate_decay", learning_rate_decay)
        strength = _number("reg", reg)
        epochs, batch = _count("num_epochs", num_epochs, least=0), _count("batch_size", batch_size)
        X, y = _examples(X, y, params, "train")
        X_val, y_val = _examples(X_val, y_val, params, "train, X_val and y_val")

        N = len(X)
        batch = min(batch, N)
        step = programs(self.activation).loss_and_gradients
        losses, magnitudes, train_accuracies, val_accuracies = [], [], [], []
        np.random.seed(1)
        for epoch in range(1, epochs + 1):
            order = np.random.permutation(N)
            for start in range(0, N - batch + 1, batch):
                rows = order[start : start + batch]
                X_batch, y_batch = X[rows], y[rows]
                loss, grads = step(X=X_batch, y=y_batch, **params, reg=strength)
                losses.append(float(loss))
                with np.errstate(over="ignore", invalid="ignore"):
                    magnitudes.append(float(np.linalg.norm(grads["W1"])))
                    params = _descend(params, grads, rate)
                self.params.update(params)
            train_accuracies.append(self._accuracy(params, X_batch, y_batch))
            val_accuracies.append(self._accuracy(params, X_val, y_val))
            if verbose:
                print(
                    f"Epoch {epoch}: loss {losses[-1]:.6f}, "
                    f"train_acc {train_accuracies[-1]:.6f}, val_acc {val_accuracies[-1]:.6f}"
                )
            rate *= decay
        return {
            "loss_history": losses,
            "grad_magnitude_history": magnitudes,
            "train_acc_history": train_accuracies,
            "val_acc_history": val_accuracies,
        }

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """The class of the largest score of each row: (N,) integers 0 … C − 1, the first of ties. Raises as `loss`."""
        params = self._checked_params()
        return self._labels(params, _features(X, params, "predict"))

    def __repr__(self) -> str:
        return f"TwoLayerMLP({self.input_size}, {self.hidden_size}, {self.num_classes}, activation={self.activation!r})"

    def _labels(self, params: Mapping[str, Array], X: NDArray[Any]) -> NDArray[np.int64]:
        """Block by block, so that X in another precision is never converted as a whole."""
        scores = programs(self.activation).scores
        return np.concatenate([scores(X=X[rows], **params).argmax(axis=1) for rows in blocks(len(X))])

    def _accuracy(self, params: Mapping[str, Array], X: NDArray[Any], y: NDArray[Any]) -> float:
        return float(np.mean(self._labels(params, X) == y))

    def _checked_params(self) -> dict[str, Array]:
        """The parameters as the user left them, as float64."""
        missing = [k for k in PARAMETERS if k not in self.params]
        if missing:
            raise InputError(f"params has no {', '.join(missing)}; it must hold {', '.join(PARAMETERS)}")
        found = {}
        for k in PARAMETERS:
            try:
                found[k] = np.asarray(self.params[k], dtype=np.float64)
            except (TypeError, ValueError):
                kind = type(self.params[k]).__name__
                raise InputError(f"params[{k!r}] must be an array of numbers, and this {kind} is none") from None
        W1, b1, W2, b2 = (found[k].shape for k in PARAMETERS)
        if not (len(W1) == len(W2) == 2 and W1[1:] == b1 == W2[:1] and W2[1:] == b2):
            shapes = ", ".join(f"{k} {a.shape}" for k, a in found.items())
            raise InputError(f"params: {shapes} do not fit together; W1 (D, H), b1 (H,), W2 (H, C), b2 (C,) would")
        return found


# The step -----------------------------------------------------------------------------------------------------------


def _descend(params: Mapping[str, Array], grads: dict[str, Array], rate: float) -> dict[str, Array]:
    """w − rate · ∂L/∂w, in the gradients' own memory: whoever holds the old parameters keeps them."""
    for k, g in grads.items():
        g *= -rate
        g += params[k]
    return grads


# What is given, checked ----------------------------------------------------------------------------------------------


def _examples(
    X: ArrayLike, y: ArrayLike, params: Mapping[str, Array], name: str
) -> tuple[NDArray[Any], NDArray[np.integer[Any]]]:
    features, labels = check_classification(X, y, params["W2"].shape[1], name)
    _check_width(features, params, name)
    return features, labels


def _features(X: ArrayLike, params: Mapping[str, Array], name: str) -> NDArray[Any]:
    features = check_features(X, name)
    _check_width(features, params, name)
    return features


def _check_width(X: NDArray[Any], params: Mapping[str, Array], name: str) -> None:
    D = len(params["W1"])
    if X.shape[1] != D:
        raise DataError(
            f"{name}: X has shape {X.shape}, {X.shape[1]} features a row, and W1 {params['W1'].shape} takes {D}: "
            f"X must be (N, {D})"
        )


def _count(name: str, value: Any, least: int = 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} is {value!r}; it must be a whole number, an int of at least {least}")
    return int(value)


def _number(name: str, value: Any) -> float:
    if isinstance(value, np.ndarray) and not value.shape:
        value = value[()]
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not real or not math.isfinite(value) or value < 0:
        raise InputError(f"{name} is {value!r}; it must be a finite number of at least 0")
    return float(value)


def _generator(seed: Any) -> np.random.RandomState:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise InputError(f"seed is {seed!r}; it must be an int from 0 to 2**32 - 1, or None for the global generator")
    return np.random.RandomState(int(seed))
