"""The checkpoints of a run: when they are written, and whether one is of this run."""

from __future__ import annotations

import os
import re
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import Split
from ..face.files import write_files
from ..graph.errors import InputError, OutputError
from ..graph.spelling import plural
from .callbacks import Callback
from .checkpoint import Checkpoint, Checkpoints
from .environment import differences, environment
from .errors import CheckpointWarning
from .run import Run
from .saved import metadata
from .training import Training

Array = NDArray[Any]


class Keeper:
    """Writes the checkpoints of a run, and goes back to the last one."""

    def __init__(
        self, folder: Path, run: Run, training: Training, train: Split, weights: Array | None, threads: int | None
    ):
        self.run, self.training, self.checkpoints = run, training, Checkpoints(folder)
        self.written = 0  # steps whose history is in a checkpoint
        self.tabled = 0  # steps that this process has written into history.csv
        self.best: dict[str, Array] | None = None  # of the last checkpoint
        judged = training.validation
        self.facts = {
            "identity": {k: _told(v) if k == "optimizer" else v for k, v in training.settings.identity.items()}
            | {"net": _told(repr(training.net)), "loss": _told(repr(training.loss))}
            | {"data": _fingerprint(train, weights), "validation": judged and _fingerprint(judged, None)},
            "environment": environment(training.settings.engine, threads),
            "metadata": metadata(training.net, training.loss),
        }

    def begin(self, resume: bool, callbacks: Sequence[Callback]) -> None:
        """Make the folder, and go back to its last checkpoint. Raises OutputError, InputError, DataError.

        A run that a callback ended stays so, unless it is asked for more epochs and without that callback.
        """
        folder = self.checkpoints.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as why:
            raise OutputError(f"cannot make the folder {folder}: {why.strerror or why}") from None
        if not os.access(folder, os.W_OK):
            raise OutputError(f"cannot write to {folder}; choose another folder")
        if not resume:
            if steps := self.checkpoints.steps():
                raise OutputError(
                    f"{folder} holds a run of {plural(steps[0], 'step')}: resume=True goes on with it; to begin anew, "
                    f"remove it or choose another folder"
                )
            return
        found = self.checkpoints.latest()
        if found is None:
            return
        self._check(found)
        self.training.restore(found)
        self.best = self.training.best
        stopped = found.facts["stopped"]
        again = any((stopped or "").startswith(f"{c!r} after epoch") for c in callbacks)
        self.run.stopped = stopped if again or self.run.epochs <= found.facts["epochs_asked"] else None
        self.written = len(self.run.history)
        if self.run.history.epochs:  # the process before may have ended between a checkpoint and its table
            self._table()

    def save(self) -> None:
        """A checkpoint of now, and history.csv; where it cannot be written, a warning."""
        t = self.training
        facts = self.facts | {
            "step": t.done, "epochs": t.history.epochs, "epochs_asked": t.settings.epochs, "seconds": t.seconds,
            "stopped": self.run.stopped,
        }  # fmt: skip
        at_end = t.done == len(t.history.epochs) * t.plan.steps
        try:
            self.checkpoints.save(
                t.done, t.arrays(list(t.values)), t.history.since(self.written), facts, self.facts["metadata"],
                best=None if t.best is self.best else t.best,
            )  # fmt: skip
            self.written, self.best = t.done, t.best
        except OutputError as why:
            warnings.warn(
                f"{why}; training goes on, and the checkpoint before is kept", CheckpointWarning, stacklevel=5
            )
            return
        if at_end:
            self._table()

    def _table(self) -> None:
        """history.csv: its new rows, or all of it where this process has not written it yet."""
        path, history = self.checkpoints.folder / "history.csv", self.run.history
        try:
            if self.tabled and path.exists():
                with open(path, "a", encoding="utf-8", newline="") as file:
                    file.write(history.csv(self.tabled))
            else:
                write_files({path: history.csv()})
            self.tabled = len(history)
        except OSError as why:
            self.tabled = 0
            warnings.warn(
                f"cannot write {path}: {why.strerror or why}; training goes on", CheckpointWarning, stacklevel=6
            )

    def _check(self, found: Checkpoint) -> None:
        before, now = found.facts["identity"], self.facts["identity"]
        told = {"net": "the network", "data": "the rows to train on", "validation": "the rows to validate on"}
        differ = [k for k in now if before.get(k) != now[k]]
        if differ:
            lines = [f"{told.get(k, k)}: {_short(before.get(k))} there, {_short(now[k])} now" for k in differ]
            raise InputError(f"{found.path} is a checkpoint of another run. {'; '.join(lines)}")
        if told_apart := differences(found.facts["environment"], self.facts["environment"]):
            warnings.warn(
                f"{found.path} was written elsewhere, so the numbers may differ in their last bits: "
                f"{', '.join(told_apart)}",
                CheckpointWarning, stacklevel=5,
            )  # fmt: skip


def _told(shown: str) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", shown)  # a function by its name, not by its place in memory


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 90 else f"{text[:89]}…"


def _fingerprint(rows: Split, weights: Array | None) -> str:
    """Shape, type and checksum of the rows: those of another order or another scale are other rows."""
    given = [np.ascontiguousarray(a) for a in (*rows, *([] if weights is None else [weights]))]
    return ", ".join(f"{a.dtype} {a.shape} {zlib.crc32(a.data):08x}" for a in given)


__all__ = ["Keeper"]
