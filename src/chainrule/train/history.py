"""What a training leaves behind: a row for each step, and one for each epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.errors import NamingError

Array = NDArray[Any]
PER_EPOCH = ("loss", "objective", "accuracy")  # columns of steps whose means an epoch has
VALIDATION = ("val_loss", "val_accuracy")


class History:
    """What was recorded of every step and every epoch.

        history["loss"]                  an entry for each step; see `columns`
        history.measured("norm_dW1")     (step numbers, values): the norms are not taken at every step
        history.epochs                   a dict for each epoch
        history.epoch("val_loss")        an entry for each epoch

    Columns of steps: epoch (from 1), lr, loss (of the minibatch, before its update, without penalties), objective (the
    loss with its penalties, where there are any), accuracy (of that minibatch, where the loss knows classes), and for
    each parameter w norm_dw = ‖∂J/∂w‖ before clipping, norm_w = ‖w‖ before the update, ratio_w = ‖Δw‖/‖w‖ (Frobenius
    norms; NaN at steps where they were not measured; a ratio of inf is a step away from w = 0).

    Of epochs: epoch, step (how many are done), lr (the last), loss, objective, accuracy (means over the epoch's
    minibatches, weighted by their rows), val_loss, val_accuracy (of the validation rows after the epoch), seconds.
    """

    def __init__(self, parameters: Sequence[str] = ()):
        self.parameters = list(parameters)
        self.epochs: list[dict[str, float]] = []
        self._columns: dict[str, Array] = {}  # with room for further steps: joining parts would be quadratic
        self._steps = 0

    def __len__(self) -> int:
        return self._steps

    @property
    def columns(self) -> list[str]:
        """The names of the columns of steps."""
        return list(self._columns)

    def __getitem__(self, column: str) -> Array:
        """An entry for each step, a copy. Raises NamingError for an unknown column."""
        if not self._columns:
            return np.zeros(0)
        if column not in self._columns:
            raise NamingError(f"the history has no column {column!r} of steps; it has {', '.join(self.columns)}")
        return self._columns[column][: self._steps].copy()

    def __contains__(self, column: object) -> bool:
        return column in self._columns

    def measured(self, column: str) -> tuple[Array, Array]:
        """The steps, counted from 1, at which a norm was measured, and its values there."""
        values = self[column]
        known = np.flatnonzero(~np.isnan(values)) if len(values) else np.zeros(0, int)
        return known + 1, values[known]

    def epoch(self, column: str) -> Array:
        """An entry for each epoch. Raises NamingError for an unknown column."""
        if self.epochs and column not in self.epochs[0]:
            raise NamingError(f"the history has no column {column!r} of epochs; it has {', '.join(self.epochs[0])}")
        return np.array([row[column] for row in self.epochs])

    def add(self, records: Mapping[str, Array]) -> None:
        """Further steps: column -> an entry for each of them."""
        part = {k: np.asarray(v) for k, v in records.items()}
        done = self._steps + len(next(iter(part.values())))
        if not self._columns or done > len(next(iter(self._columns.values()))):
            room = {k: np.empty(max(done, 2 * self._steps), v.dtype) for k, v in part.items()}
            for k, v in self._columns.items():
                room[k][: self._steps] = v[: self._steps]
            self._columns = room
        for k, v in part.items():
            self._columns[k][self._steps : done] = v
        self._steps = done

    def since(self, step: int) -> dict[str, Array]:
        """The columns from a step on, counted from 0: views, to be read only."""
        return {k: v[step : self._steps] for k, v in self._columns.items()}

    def end_epoch(self, steps: int, rows: Array, found: Mapping[str, float], seconds: float) -> dict[str, float]:
        """Close an epoch of the last `steps` steps, whose minibatches had so many `rows`; answers its row."""
        last = self.since(len(self) - steps)
        means = {k: float(np.average(last[k].astype(float), weights=rows)) for k in PER_EPOCH if k in last}
        row = {"epoch": len(self.epochs) + 1, "step": len(self), "lr": float(last["lr"][-1])}
        self.epochs.append(row | means | dict(found) | {"seconds": seconds})
        return self.epochs[-1]

    @property
    def header(self) -> list[str]:
        """The columns of `csv`."""
        validation = [k for k in VALIDATION if self.epochs and k in self.epochs[0]]
        return ["epoch", "step", *(k for k in self.columns if k != "epoch"), *validation]

    def csv(self, start: int = 0) -> str:
        """A row for each step; what was not measured at a step is empty, and so are the validation's columns but for
        each epoch's last row. Numbers are written in full: they read back to the same ones.

        start   rows from a step on, counted from 0; without the header, unless that is the first one
        """
        return "".join(f"{line}\n" for line in self._lines(start))

    def _lines(self, start: int) -> Iterator[str]:
        columns = self.since(start)
        if not start:
            yield ",".join(self.header)
        if not columns:
            return
        validation = [k for k in VALIDATION if k in self.header]
        ends = {int(row["step"]): row for row in self.epochs if row["step"] > start}
        names = [k for k in self.columns if k != "epoch"]
        blank = [np.isnan(columns[k]) if k.startswith(("norm_", "ratio_")) else None for k in names]
        texts = [
            [short(v) if hide is None or not hide[i] else "" for i, v in enumerate(columns[k])]
            for k, hide in zip(names, blank)
        ]
        for i, epoch in enumerate(columns["epoch"].tolist()):
            step = start + i + 1
            after = [short(ends[step][k]) if step in ends else "" for k in validation]
            yield ",".join([str(epoch), str(step), *(column[i] for column in texts), *after])


def short(value: Any) -> str:
    """The fewest digits that read back to the same number of its own precision."""
    text = str(value)
    return text.removesuffix(".0")


__all__ = ["History", "short"]
