"""The checkpoints of a run: when they are written, and whether one is of this run."""

from __future__ import annotations

import os
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import Split
from ..face.files import write_file
from ..graph.errors import InputError, OutputError
from .checkpoint import Checkpoint, Checkpoints
from .environment import differences, environment
from .errors import CheckpointWarning, plural
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
        self.written = 0  # steps whose history is in a file
        self.facts = {
            "identity": training.settings.identity
            | {"net": _told(training.net), "loss": _told(training.loss), "data": _fingerprint(train, weights)},
            "environment": environment(training.settings.engine, threads),
            "metadata": metadata(training.net, training.loss),
        }

    def begin(self, resume: bool) -> None:
        """Make the folder, and go back to its last checkpoint. Raises OutputError, InputError, DataError."""
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
        self.run.stopped = found.facts["stopped"] if self.run.epochs <= found.facts["epochs_asked"] else None
        self.written = len(self.run.history)

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
                is_best=at_end and t.at_best,
            )  # fmt: skip
            self.written = t.done
            if at_end:
                write_file(self.checkpoints.folder / "history.csv", t.history.csv())
        except OutputError as why:
            warnings.warn(
                f"{why}; training goes on, and the checkpoint before is kept", CheckpointWarning, stacklevel=5
            )

    def _check(self, found: Checkpoint) -> None:
        before, now = found.facts["identity"], self.facts["identity"]
        told = {"net": "the network", "data": "the rows to train on"}
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


def _told(thing: Any) -> str:
    return repr(thing).split(" at 0x")[0]  # a function by its name, not by its place in memory


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 90 else f"{text[:89]}…"


def _fingerprint(train: Split, weights: Array | None) -> str:
    """Shape, type and checksum of the rows: those of another order or another scale are other rows."""
    given: list[Any] = [*train, *([] if weights is None else [weights])]
    return ", ".join(f"{a.dtype} {a.shape} {zlib.crc32(np.ascontiguousarray(a).data):08x}" for a in given)


__all__ = ["Keeper"]
