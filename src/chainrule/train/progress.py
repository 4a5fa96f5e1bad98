"""A bar with the loss and the time left, on a terminal."""

from __future__ import annotations

import sys
from typing import Any

from .callbacks import Callback
from .run import Run


class Bar(Callback):
    """One bar for the whole training, on stderr."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def begin(self, run: Run) -> None:
        """The bar appears; after a resume it begins where the run goes on."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (  # as much as a terminal of 80 columns shows
            TextColumn("{task.description}"), BarColumn(bar_width=10), MofNCompleteColumn(),
            TextColumn("{task.fields[found]}"), TextColumn("left"), TimeRemainingColumn(),
        )  # fmt: skip
        self._bar = Progress(*columns, console=Console(stderr=True))
        self._bar.start()
        total = run.epochs * run.steps_per_epoch
        self._task = self._bar.add_task("training", total=total, completed=len(run.history), found="")

    def advance(self, run: Run, steps: int) -> None:
        """The loss of the last step."""
        self._bar.update(self._task, advance=steps, found=told(run))

    def epoch(self, run: Run) -> None:
        """The epoch's validation."""
        self._bar.update(self._task, description=f"epoch {run.epoch}/{run.epochs}", found=told(run))

    def end(self, run: Run) -> None:
        """The bar stays as it is."""
        if self._bar is not None:
            self._bar.stop()


def told(run: Run) -> str:
    """The last loss, and what the last validation found, in a few words."""
    steps = len(run.history)
    words = f"loss {run.history.since(steps - 1)['loss'][0]:.4f}" if steps else ""
    last = run.history.epochs[-1] if run.history.epochs else {}
    if "val_accuracy" in last:
        return f"{words}, validation {100 * last['val_accuracy']:.1f} %"
    return f"{words}, validation {last['val_loss']:.4f}" if "val_loss" in last else words


def shown(asked: bool | None) -> bool:
    """Whether a bar is to be shown: as asked, or if stderr is a terminal."""
    return sys.stderr.isatty() if asked is None else asked


__all__ = ["Bar", "shown", "told"]
