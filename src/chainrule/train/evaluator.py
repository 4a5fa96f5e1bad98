"""A network in evaluation: its output for rows of X, and what the loss makes of that."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.arrays import check_features
from ..face.compiled import Compiled, compile
from ..graph.errors import InputError
from ..nn.criteria import Loss
from ..nn.module import Module
from .step import Step, score_loss
from .targets import targets_for

Array = NDArray[Any]
ROWS = 10_000  # examples that go through the network at a time


class Evaluator:
    """The programs that a network is evaluated with; it holds no parameters."""

    def __init__(self, net: Module, loss: Loss | None, engine: str, dtype: str):
        self.net, self.loss, self.engine, self.dtype = net, loss, engine, dtype
        self.graph = net.graph()

    @cached_property
    def _program(self) -> Compiled:
        return compile(self.graph, self.engine, self.dtype)

    @property
    def _known_loss(self) -> Loss:
        if self.loss is None:
            raise InputError("the loss is not known, as it is a function of one's own: cr.load(path, loss=…)")
        return self.loss

    @cached_property
    def _judge(self) -> tuple[Step, Compiled]:
        step = score_loss(self.graph.output, self._known_loss)
        return step, compile(step.graph, "numpy", "float64")  # a mean over many rows, once an epoch

    def scores(self, values: Mapping[str, Any], X: Any) -> Array:
        """The network's output (rows, …) for X (rows, …), whose arrays are placed or not."""
        used = {k: values[k] for k in self.graph.inputs if k != "X"}
        parts = [self._program(X=X[start : start + ROWS], **used) for start in range(0, len(X), ROWS)]
        return np.asarray(parts[0]) if len(parts) == 1 else np.concatenate([np.asarray(p) for p in parts])

    def judged(self, S: Array, y: Array) -> dict[str, float]:
        """The loss of all rows together, and its metrics, by name."""
        step, program = self._judge
        found = program(S=np.asarray(S), y=np.asarray(y))
        values = found if isinstance(found, (tuple, list)) else (found,)
        return {k: float(v) for k, v in zip(step.columns, values)}

    def evaluate(self, values: Mapping[str, Any], X: Any, y: Any) -> dict[str, float]:
        """As `judged`, of the scores of X."""
        return self.judged(self.scores(values, X), y)

    def features(self, X: Any, name: str = "predict") -> Array:
        """X checked and in the network's precision. Raises DataError, InputError."""
        found = check_features(X, name, ndim=None)
        takes = tuple(self.graph.inputs["X"].shape[1:])
        if found.shape[1:] != takes:
            raise InputError(
                f"{name}: X has shape {found.shape}; {self.net!r} takes (rows, {', '.join(map(str, takes))})"
            )
        return found.astype(self.dtype, copy=False)

    def targets(self, y: Any, rows: int, name: str) -> Array:
        """y as the loss takes it. Raises DataError."""
        return targets_for(self.graph.output, self._known_loss, y, rows, self.dtype, name)


__all__ = ["ROWS", "Evaluator"]
