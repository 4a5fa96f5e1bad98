"""An estimator's epochs: minibatches in a given order, through one compiled program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from ..face.compiled import Compiled
from ..train.evaluator import ROWS
from ..train.plan import Plan
from .settings import Rate

Array = NDArray[Any]
DENSE = 2**24  # entries of a sparse X that are written out at a time, where a minibatch is not more


@dataclass
class Epochs:
    """The examples, and the program that learns from them.

    X          (n, d), dense or in sparse rows
    columns    what belongs to each example beside X, by the program's names: y, sample_weight
    batch      examples of a minibatch; an epoch's last one may have fewer
    constants  the program's inputs that stay as they are: alpha
    noise      name -> the probability of True, drawn from `seed` and the number of the step
    """

    program: Compiled
    X: Any
    columns: Mapping[str, Array]
    batch: int
    constants: Mapping[str, Any]
    noise: Mapping[str, float]
    seed: int

    def __post_init__(self) -> None:
        if not issparse(self.X):
            placed = {"X": self.X, **self.columns}
            self._placed = {k: self.program.place(v) for k, v in placed.items()}
        rows, features = self.X.shape
        most = max(1, DENSE // (self.batch * features)) if issparse(self.X) else rows
        self._plan = Plan(rows, self.batch, self.seed, call=most)

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self._plan.steps

    def run(
        self, state: Mapping[str, Any], order: NDArray[np.int64], rate: Rate, epoch: int, first: int
    ) -> tuple[dict[str, Array], float]:
        """An epoch that sees the examples in `order`: the new state, and the mean of what was minimised.

        epoch, first   the numbers of the epoch and of its first step, from 0
        """
        summed = 0.0
        for call in self._plan.calls:
            rows = self._plan.minibatches(order, call)
            count, size = rows.shape
            data, seen = self._seen(rows)
            rates = np.array(rate.of_steps(epoch, first, count))
            state, records = self.program.steps(
                state, data, seen, each={"lr": rates}, noise=self.noise, seed=self.seed, first_step=first,
                **self.constants,
            )  # fmt: skip
            losses = next(iter(records.values()))
            summed += size * float(np.asarray(losses, np.float64).sum())
            first += count
        return {k: np.asarray(v) for k, v in state.items()}, summed / len(order)

    def _seen(self, rows: NDArray[np.int64]) -> tuple[dict[str, Any], NDArray[np.int64]]:
        """The arrays that hold these rows, and where in them."""
        if not issparse(self.X):
            return self._placed, rows
        flat = rows.ravel()
        data = {"X": self.X[flat].toarray()} | {k: v[flat] for k, v in self.columns.items()}
        return data, np.arange(rows.size).reshape(rows.shape)


def scores(program: Compiled, X: Any, parameters: Mapping[str, Array]) -> Array:
    """The network's output for the rows of X, dense or in sparse rows, a block of rows at a time."""
    most = max(1, min(ROWS, DENSE // X.shape[1])) if issparse(X) else ROWS
    blocks = (X[start : start + most] for start in range(0, X.shape[0], most))
    parts = [np.asarray(program(X=b.toarray() if issparse(b) else b, **parameters)) for b in blocks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


__all__ = ["Epochs", "scores"]
