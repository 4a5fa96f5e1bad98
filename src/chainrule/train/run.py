"""A training under way or done: the network with its parameters, its history, and what was asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import Dataset
from ..face.files import write_file
from ..face.graph import Graph
from ..optim.rule import Rule
from ..plots import save, training_figure
from .history import History
from .report import html_page
from .trained import Trained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .training import Training

Array = NDArray[Any]


class Run(Trained):
    """What `cr.fit` answers; while it trains, what callbacks see. It is a `Trained`: predict, evaluate, save.

    history      a row for each step and each epoch: `History`
    best         the network after the epoch with the smallest val_loss; None without validation rows
    params       the parameters after the last step
    epoch        how many epochs are done; `epochs` were asked for, and `stopped` tells why they did not all come
    data         the Dataset, or None where a pair (X, y) was given
    seconds      of training, those before a resume included
    """

    def __init__(self, training: Training, data: Dataset | None):
        super().__init__(training.net, training.loss, {}, {}, training.settings.engine, training.evaluator)
        self._training = training
        self.data = data
        self.stopped: str | None = None

    @property
    def params(self) -> dict[str, Array]:
        """The parameters by name, copied from where the engine computes."""
        return self._training.arrays(self._training.parameters)

    @property
    def state(self) -> dict[str, Array]:
        """The running statistics by name."""
        return self._training.arrays(self._training.statistics)

    @property
    def optimizer_state(self) -> dict[str, Array]:
        """What the update rule keeps, by name: v_W1, …"""
        t = self._training
        return t.arrays([k for k in t.values if k not in t.parameters and k not in t.statistics])

    @property
    def history(self) -> History:
        """What was recorded of steps and epochs."""
        return self._training.history

    @property
    def best(self) -> Trained | None:
        """The network as it was after the best epoch."""
        found = self._training.best
        if found is None:
            return None
        params, state = (
            {k: found[k].copy() for k in names} for names in (self._training.parameters, self._training.statistics)
        )
        return Trained(self.net, self.loss, params, state, self.engine, self._evaluator)

    @property
    def optimizer(self) -> Rule:
        """The update rule."""
        return self._training.settings.optimizer

    @property
    def epochs(self) -> int:
        """How many epochs were asked for."""
        return self._training.settings.epochs

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.history.epochs)

    @property
    def batch_size(self) -> int:
        """Examples in a minibatch."""
        return self._training.settings.batch_size

    @property
    def seed(self) -> int:
        """The seed of first parameters, order and noise."""
        return self._training.settings.seed

    @property
    def steps_per_epoch(self) -> int:
        """Minibatches in an epoch."""
        return self._training.plan.steps

    @property
    def seconds(self) -> float:
        """How long it trained."""
        return self._training.seconds

    @property
    def graph(self) -> Graph:
        """One step as a graph, with its updates."""
        return self._training.step.graph

    @property
    def loss_graph(self) -> Graph:
        """What was made small, as a graph: with penalties, and with the examples' weights where there are any."""
        weighted = "sample_weight" in self._training.data
        return self.net.loss_graph(self._training.loss, penalty=self.optimizer.penalties, weighted=weighted)

    @property
    def source(self) -> str:
        """The program of a step, exactly as it ran."""
        return self._training.program.source

    @property
    def monitors(self) -> list[str]:
        """The columns of an epoch that can be watched: losses and accuracies."""
        found = [k for k in ("loss", "objective", "accuracy") if k in self._training.step.columns]
        validated = self._training.validation is not None
        return [*found, *(f"val_{k}" for k in ("loss", "accuracy") if validated and k in found)]

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Curves of the loss, accuracies, norms and learning rate, written to `path` (.png, .svg, .pdf) if it is given.

        Raises OutputError where it cannot be written.
        """
        figure = training_figure(self.history, self.steps_per_epoch)
        if path is not None:
            save(figure, path)
        return figure

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write one page of HTML that shows the training and what can be diagnosed. Raises OutputError."""
        write_file(path, html_page(self))

    def __repr__(self) -> str:
        last = self.history.epochs[-1] if self.history.epochs else {}
        told = ", ".join(f"{k} {np.round(last[k], 4)}" for k in self.monitors if k in last)
        return f"<Run {self.epoch} of {self.epochs} epochs{': ' if told else ''}{told}>"


__all__ = ["Run"]
