"""What is told how a training goes, and may end it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..graph.errors import InputError

if TYPE_CHECKING:
    from .run import Run


class Callback:
    """Is told how a training goes; a subclass overrides what it wants to hear.

    Steps run many at a time, so `advance` comes after each call, not after each step. `run.history`, `run.params` and
    all else of the `Run` are up to date in each of these.

    >>> import chainrule as cr
    >>> class Print(cr.train.Callback):
    ...     def epoch(self, run):
    ...         print(run.epoch, len(run.history), run.history.epochs[-1]["val_accuracy"] > 0.3)
    >>> net = cr.nn.Sequential(cr.nn.Linear(64, 16), cr.nn.ReLU(), cr.nn.Linear(16, 10))
    >>> run = cr.fit(net, cr.data.digits(), optimizer=cr.optim.SGD(lr=0.5), epochs=2, callbacks=[Print()])
    1 38 True
    2 76 True
    """

    def begin(self, run: Run) -> None:
        """Training begins, or goes on from a checkpoint."""

    def advance(self, run: Run, steps: int) -> None:
        """So many more steps are done."""

    def epoch(self, run: Run) -> bool | None:
        """An epoch is done, and its validation. Answering True ends the training. Its checkpoint is written then."""

    def end(self, run: Run) -> None:
        """Training is over, however it came to that."""


@dataclass(frozen=True)
class EarlyStopping(Callback):
    """Ends a training whose `monitor` has not become better for `patience` epochs.

    patience    epochs without a better value
    min_delta   by how much a value must be better than the best one before to count
    monitor     a column of `History.epochs`; of losses the smaller is better, of accuracies the larger

    What it knows it reads off the history, so that a resumed run stops where the undisturbed one does. Parameters stay
    those of the last epoch; those of the best are in `run.best`. (Keras' has patience 0, and PyTorch Lightning's 3.)

    Source: Prechelt, Early stopping – but when?, 1998, the class UP.
    """

    patience: int = 10
    min_delta: float = 0.0
    monitor: str = "val_loss"

    def __post_init__(self) -> None:
        if isinstance(self.patience, bool) or not isinstance(self.patience, int) or self.patience < 1:
            raise InputError(f"patience is {self.patience!r}; it must be a number of epochs, an int of at least 1")
        if not isinstance(self.min_delta, (int, float)) or not 0 <= self.min_delta < np.inf:
            raise InputError(f"min_delta is {self.min_delta!r}; it must be a finite number of at least 0")

    def begin(self, run: Run) -> None:
        """Raises InputError where the training will not know what is monitored."""
        if self.monitor not in run.monitors:
            raise InputError(f"early stopping watches {self.monitor}, and this run has {', '.join(run.monitors)}")

    def epoch(self, run: Run) -> bool:
        """Whether patience is at its end."""
        return self.waited(run.history.epoch(self.monitor).tolist()) >= self.patience

    def waited(self, values: list[float]) -> int:
        """How many epochs ago the value last became better.

        >>> EarlyStopping(min_delta=0.1).waited([1.0, 0.8, 0.75, 0.9])
        2
        """
        sign, best, since = (-1 if self.monitor.endswith("accuracy") else 1), np.inf, -1
        for value in values:
            better = sign * value < best - self.min_delta  # which NaN is not
            best, since = (sign * value, 0) if better else (best, since + 1)
        return since


__all__ = ["Callback", "EarlyStopping"]
