"""The moment at which a run of `chainrule train` is known to begin."""

from __future__ import annotations

from collections.abc import Callable

from ..face.files import write_file
from ..graph.spelling import plural
from ..train import Callback, Run
from .config import Config


class Beginning(Callback):
    """Writes config.yaml, once nothing of what was asked for is wrong, and tells that the training begins.

    before   the seconds of training that a resumed run had already
    """

    def __init__(self, c: Config, stage: Callable[[str], None]):
        self.c, self._stage = c, stage
        self.before = 0.0

    def begin(self, run: Run) -> None:
        """Raises OutputError where it cannot be written."""
        self.before = run.seconds
        path = self.c.folder / "config.yaml"
        text = self.c.yaml()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_file(path, text)
        assert run.data is not None
        rows = plural(run.data.train.rows, "row")
        done = len(run.history)
        if run.epoch >= run.epochs or run.stopped:
            self._stage(f"{plural(run.epoch, 'epoch')} are done already; --epochs more goes further")
        elif done:
            self._stage(f"going on after step {done:,} (epoch {run.epoch + 1}) on {rows} with {run.engine}")
        else:
            self._stage(f"training {run.net!r} on {rows} with {run.engine}")


__all__ = ["Beginning"]
