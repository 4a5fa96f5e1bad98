"""How a run is going, on stderr: a bar on a terminal, a plain line for each epoch elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..labs.listener import EpochReport, Listener


class Lines(Listener):
    """A line for each stage and each epoch."""

    def __init__(self) -> None:
        self._file = ""

    def stage(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def download(self, file: str, done: int, total: int) -> None:
        if file != self._file:
            self._file = file
            self.stage(f"downloading {file}, {total / 1e6:.1f} MB")

    def epoch(self, report: EpochReport) -> None:
        print(epoch_line(report), file=sys.stderr, flush=True)


class Bar(Listener):
    """A bar with the loss, the validation accuracy and the time left."""

    def __init__(self, bar: Any):
        self._bar = bar
        self._task: Any = None
        self._found = ""

    def stage(self, text: str) -> None:
        self.end()
        self._task = self._bar.add_task(text, total=None, found="")

    def download(self, file: str, done: int, total: int) -> None:
        text = f"downloading {file}"
        if self._task is None or self._bar.tasks[-1].description != text:
            self.stage(text)
        self._bar.update(self._task, completed=done, total=total)

    def begin(self, steps: int) -> None:
        self._bar.update(self._task, total=steps)

    def advance(self, steps: int, loss: float) -> None:
        self._bar.update(self._task, advance=steps, found=f"loss {loss:.4f}{self._found}")

    def epoch(self, report: EpochReport) -> None:
        self._found = f", validation {100 * report.val_accuracy:.2f} %"
        self._bar.update(self._task, found=f"loss {report.loss:.4f}{self._found}")

    def end(self) -> None:
        """What was under way is complete."""
        if self._task is not None:
            done = self._bar.tasks[-1]
            self._bar.update(self._task, total=done.total or 1, completed=done.total or 1)


def epoch_line(r: EpochReport) -> str:
    width = len(str(r.epochs))
    return (
        f"epoch {r.epoch:{width}}/{r.epochs}  loss {r.loss:.4f}  accuracy {100 * r.accuracy:6.2f} %  "
        f"validation loss {r.val_loss:.4f}  accuracy {100 * r.val_accuracy:6.2f} %  {r.seconds:.2f} s"
    )


@contextmanager
def progress() -> Iterator[Listener]:
    """A listener for stderr as it is."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), BarColumn(bar_width=24),
        TextColumn("{task.fields[found]}"), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:
        listener = Bar(bar)
        yield listener
        listener.end()


__all__ = ["Bar", "Lines", "progress"]
