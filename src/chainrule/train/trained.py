"""A network with its parameters: it answers, is judged, and is saved."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..face.files import write_file
from ..graph.errors import InputError
from ..nn.criteria import Loss
from ..nn.module import Module
from .evaluator import Evaluator
from .saved import metadata, packed

Array = NDArray[Any]


class Trained:
    """A network, its loss, and its parameters as NumPy arrays. `cr.load` answers one, and so is every `Run`.

    net, loss   the description of the network, and of its loss (None where a file could not hold it)
    params      name -> array
    state       name -> array: running statistics of batch normalisation; empty for most networks

    Rows of X are in the network's shape, (rows, …); everything is computed in evaluation mode, without dropout, and in
    the precision of the parameters.
    """

    def __init__(
        self, net: Module, loss: Loss | None, params: Mapping[str, Array], state: Mapping[str, Array],
        engine: str = "numpy", evaluator: Evaluator | None = None,
    ):  # fmt: skip
        self.net, self.loss, self.engine = net, loss, engine
        self._params, self._state = dict(params), dict(state)
        dtype = str(np.result_type(*self._params.values())) if self._params else "float64"
        self._evaluator = evaluator or Evaluator(net, loss, engine, dtype)

    @property
    def params(self) -> dict[str, Array]:
        """The parameters by name."""
        return self._params

    @property
    def state(self) -> dict[str, Array]:
        """The running statistics by name."""
        return self._state

    def scores(self, X: Any) -> Array:
        """The network's output for X (rows, …): logits of a classifier, values of a regression.

        Raises DataError for an X that cannot be right, InputError for one of another shape.
        """
        return self._evaluator.scores({**self.params, **self.state}, self._evaluator.features(X))

    def predict(self, X: Any) -> Array:
        """What the loss takes the output for: classes, int64, for (binary) cross-entropy, and values else.

        cross-entropy: the class of the largest score, the first of ties, (rows,); binary cross-entropy: 1 where the
        probability is above ½, (rows, outputs). Raises as `scores`.
        """
        S = self.scores(X)
        return S if self.loss is None else self.loss.predict(S)

    def probabilities(self, X: Any) -> Array:
        """softmax or σ of the scores, (rows, outputs). Raises InputError for a loss without probabilities."""
        S = self.scores(X)
        return self._known("probabilities").predict_probabilities(S)

    def evaluate(self, data: Any) -> dict[str, float]:
        """{"loss": …, "accuracy": …} over all rows of (X, y); accuracy for the two cross-entropies alone.

        The loss is the data's, without penalties. Raises DataError, InputError for data that do not fit.
        """
        X, y = data
        features = self._evaluator.features(X, "evaluate")
        targets = self._evaluator.targets(y, len(features), "evaluate")
        return self._evaluator.evaluate({**self.params, **self.state}, features, targets)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write network and parameters as safetensors, whole or not at all; `cr.load` reads it.

        Keys are the names of the parameters, W1 b1 …, and of running statistics; weights are (in, out). Raises
        OutputError.
        """
        write_file(path, packed({**self.params, **self.state}, metadata(self.net, self.loss)))

    def _known(self, what: str) -> Loss:
        if self.loss is None:
            raise InputError(
                f"{what} depend on the loss, a function that the file could not hold: cr.load(path, loss=…)"
            )
        return self.loss

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.net!r}>"


__all__ = ["Trained"]
