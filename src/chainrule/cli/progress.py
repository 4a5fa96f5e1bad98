"""How a run is going, on stderr: a bar on a terminal, a plain line for each epoch elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from ..labs.listener import Listener
from ..train import Run
from ..train.progress import Bar


class Lines(Listener):
    """A line for each stage, each file that comes in, and each epoch."""

    def __init__(self) -> None:
        self._file = ""

    def stage(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def download(self, file: str, done: int, total: int) -> None:
        if file != self._file:
            self._file = file
            self.stage(f"downloading {file}, {total / 1e6:.1f} MB")

    def epoch(self, run: Run) -> None:
        print(epoch_line(run), file=sys.stderr, flush=True)


class Terminal(Lines):
    """A line for each stage, and a bar with the loss, the validation and the time left for each training."""

    def __init__(self) -> None:
        super().__init__()
        self._bar = Bar()
        self._run: Run | None = None  # whose bar is shown

    def stage(self, text: str) -> None:
        self.close()
        super().stage(text)

    def begin(self, run: Run) -> None:
        self.close()
        self._run = run
        self._bar.begin(run)

    def advance(self, run: Run, steps: int) -> None:
        self._bar.advance(run, steps)

    def epoch(self, run: Run) -> None:
        self._bar.epoch(run)

    def end(self, run: Run) -> None:
        self.close()

    def close(self) -> None:
        """The bar that is shown stays as it is."""
        if self._run is not None:
            self._bar.end(self._run)
            self._run = None


class CourseLines(Lines):
    """The lines of the published exercise: the epoch's mean loss with its penalty, and the accuracy on all training and
    all validation images after it."""

    def __init__(self, out: TextIO):
        super().__init__()
        self._out = out

    def begin(self, run: Run) -> None:
        print(f"{run.net!r}", file=self._out, flush=True)

    def epoch(self, run: Run) -> None:
        row: dict[str, Any] = run.history.epochs[-1]
        train = run.evaluate(run.data.train)["accuracy"] if run.data is not None else row["accuracy"]
        print(
            f"Epoch {run.epoch}: loss {row.get('objective', row['loss']):.4f}, train_acc {train:.4f}, "
            f"val_acc {row['val_accuracy']:.4f}",
            file=self._out, flush=True,
        )  # fmt: skip


def epoch_line(run: Run) -> str:
    """The last epoch in one line: what it has of loss, accuracy and validation."""
    row, width = run.history.epochs[-1], len(str(run.epochs))
    words = [f"epoch {run.epoch:{width}}/{run.epochs}", f"loss {row['loss']:.4f}"]
    words += [f"accuracy {100 * row['accuracy']:6.2f} %"] if "accuracy" in row else []
    words += [f"validation loss {row['val_loss']:.4f}"] if "val_loss" in row else []
    words += [f"accuracy {100 * row['val_accuracy']:6.2f} %"] if "val_accuracy" in row else []
    return "  ".join([*words, f"{row['seconds']:.2f} s"])


@contextmanager
def progress() -> Iterator[Lines]:
    """A listener for stderr as it is."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    listener = Terminal()
    try:
        yield listener
    finally:
        listener.close()


__all__ = ["CourseLines", "Lines", "Terminal", "epoch_line", "progress"]
