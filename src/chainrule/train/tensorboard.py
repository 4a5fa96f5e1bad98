"""A run's numbers as event files, for TensorBoard."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph.errors import ChainruleError, OutputError
from .callbacks import Callback

if TYPE_CHECKING:
    from .run import Run


class MissingPackage(ChainruleError, ImportError):
    """A package that Chainrule needs only for this is not installed."""


class TensorBoard(Callback):
    """Writes scalars of every step and every epoch into `folder`: ``tensorboard --logdir folder`` shows them.

    Tags of steps, counted from 1: train/loss, train/objective (with penalties), train/accuracy, learning rate, and at
    the steps where norms were measured gradient norm/W1, weight norm/W1, update to weight/W1 for each parameter. After
    each epoch, at the number of its last step: validation/loss, validation/accuracy, epoch.

    A run that is resumed goes on in the same folder: what was written of steps after its checkpoint is declared void by
    the format's own mark (a session that starts at a step), which TensorBoard honours, so that each step is shown once.
    So it is with a run that starts anew in the folder of another: that one's events are no longer shown. Each call
    of many steps is written when it is done, and is on the disk then.

    Needs the package tensorboardX: ``pip install 'chainrule[tensorboard]'``. Raises MissingPackage without it, and
    OutputError, once training begins, for a folder that cannot be written.

    >>> import chainrule as cr
    >>> board = cr.train.TensorBoard("runs/a")  # doctest: +SKIP
    >>> run = cr.fit(net, digits, callbacks=[board])  # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike[str]):
        try:
            import tensorboardX  # noqa: F401
        except ImportError:
            raise MissingPackage(
                "event files for TensorBoard are written with tensorboardX, which is not installed: "
                "pip install 'chainrule[tensorboard]'"
            ) from None
        self.folder = Path(folder)
        self._file: Any = None
        self._written = 0
        self._clock = 0.0

    def begin(self, run: Run) -> None:
        """Opens a new event file; of a resumed run it begins again with the last step, whose epoch may be missing."""
        from tensorboardX import RecordWriter

        Event, SessionLog, _ = _messages()
        done = len(run.history)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = RecordWriter(os.fspath(self.folder / _file_name(self.folder)))
        except OSError as why:
            raise OutputError(f"cannot write event files to {self.folder}: {why.strerror or why}") from None
        self._clock = time.time()
        self._written = max(0, done - 1)
        self._write(Event(wall_time=self._clock, file_version="brain.Event:2"))
        start = SessionLog(status=SessionLog.START)
        self._write(Event(wall_time=self._clock, step=max(1, done), session_log=start))
        self._steps(run)
        if run.history.epochs and run.history.epochs[-1]["step"] == done:
            self._epoch(run.history.epochs[-1])
        self._flush()

    def advance(self, run: Run, steps: int) -> None:
        """The steps that are new."""
        self._steps(run)
        self._flush()

    def epoch(self, run: Run) -> None:
        """What validation found."""
        self._epoch(run.history.epochs[-1])
        self._flush()

    def end(self, run: Run) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _steps(self, run: Run) -> None:
        """Every step that was not written yet, in one event each."""
        Event, _, Summary = _messages()
        columns = run.history.since(self._written)
        tagged = {tag: columns[k] for k, tag in tags(run.history.parameters).items() if k in columns}
        count = len(run.history) - self._written
        if not count or not tagged:
            return
        now = time.time()  # steps of a call have no times of their own: they are spread over the time that it took
        times = np.linspace(self._clock, now, count + 1)[1:].tolist()
        self._clock = now
        values = {tag: np.asarray(v, np.float64).tolist() for tag, v in tagged.items()}
        measured = {tag: (~np.isnan(tagged[tag])).tolist() for tag in values}
        for i, at in enumerate(times):
            scalars = [Summary.Value(tag=tag, simple_value=v[i]) for tag, v in values.items() if measured[tag][i]]
            self._write(Event(wall_time=at, step=self._written + i + 1, summary=Summary(value=scalars)))
        self._written += count

    def _epoch(self, row: Mapping[str, float]) -> None:
        Event, _, Summary = _messages()
        found = {tag: row[k] for k, tag in EPOCH_TAGS.items() if k in row}
        scalars = [Summary.Value(tag=tag, simple_value=float(v)) for tag, v in found.items()]
        self._write(Event(wall_time=time.time(), step=int(row["step"]), summary=Summary(value=scalars)))

    def _write(self, event: Any) -> None:
        try:
            self._file.write(event.SerializeToString())
        except OSError as why:
            raise OutputError(f"cannot write event files to {self.folder}: {why.strerror or why}") from None

    def _flush(self) -> None:
        try:
            self._file.flush()
        except OSError as why:
            raise OutputError(f"cannot write event files to {self.folder}: {why.strerror or why}") from None


EPOCH_TAGS = {"val_loss": "validation/loss", "val_accuracy": "validation/accuracy", "epoch": "epoch"}
_STEP_TAGS = {
    "loss": "train/loss", "objective": "train/objective", "accuracy": "train/accuracy", "lr": "learning rate",
}  # fmt: skip
_NORM_TAGS = {"norm_d": "gradient norm", "norm_": "weight norm", "ratio_": "update to weight"}


def tags(parameters: list[str]) -> dict[str, str]:
    """Column of the history's steps -> tag.

    >>> tags(["W1"])["norm_dW1"]
    'gradient norm/W1'
    """
    return _STEP_TAGS | {f"{prefix}{w}": f"{tag}/{w}" for w in parameters for prefix, tag in _NORM_TAGS.items()}


def _messages() -> tuple[Any, Any, Any]:
    """Event, SessionLog and Summary, the format's messages."""
    from tensorboardX.proto.event_pb2 import Event, SessionLog  # type: ignore[attr-defined]
    from tensorboardX.proto.summary_pb2 import Summary  # type: ignore[attr-defined]

    return Event, SessionLog, Summary


def _file_name(folder: Path) -> str:
    """events.out.tfevents.<seconds>.<host>, which sorts behind those that are there: TensorBoard reads by name."""
    numbers = [int(n) for p in folder.glob("events.out.tfevents.*") if (n := p.name.split(".")[3]).isdigit()]
    return f"events.out.tfevents.{max([int(time.time()), *(n + 1 for n in numbers)]):010d}.{socket.gethostname()}"


__all__ = ["MissingPackage", "TensorBoard", "tags"]
