"""How a training can end before its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..graph.errors import ChainruleError

if TYPE_CHECKING:
    from .run import Run


class Diverged(ChainruleError):
    """Training left the finite numbers.

    what          the message without its advice
    lr            the learning rate of the step, where a smaller one may help; None where no update was made before
    step, epoch   where, counted from 1
    layer         the named quantity in whose computation it happened, and the module that it belongs to
    operation     the operation whose result was the first that is not finite, though its arguments were
    run           the run as it was before the call of steps in which it happened; its checkpoints are kept
    """

    def __init__(
        self, what: str, advice: str, lr: float | None, step: int, epoch: int, layer: str, operation: str, run: Run
    ):
        super().__init__(f"{what}. {advice}")
        self.what, self.lr = what, lr
        self.step, self.epoch, self.layer, self.operation, self.run = step, epoch, layer, operation, run


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a training. `run` is what was reached; the message says how to go on."""

    def __init__(self, message: str, run: Run):
        super().__init__(message)
        self.run = run


class CheckpointWarning(UserWarning):
    """A checkpoint is damaged, cannot be written, or was written elsewhere than where it is resumed."""


__all__ = ["CheckpointWarning", "Diverged", "Interrupted"]
