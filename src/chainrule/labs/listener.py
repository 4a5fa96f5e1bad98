"""What a lab tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochReport:
    """One epoch: means over its minibatches, and the validation rows after it."""

    epoch: int
    epochs: int
    lr: float
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


class Listener:
    """Is told how the run goes. This one keeps silent; a command overrides what it shows."""

    def stage(self, text: str) -> None:
        """A part of the work begins."""

    def download(self, file: str, done: int, total: int) -> None:
        """A file comes in: bytes so far, bytes in all."""

    def begin(self, steps: int) -> None:
        """Training begins; so many steps are ahead."""

    def advance(self, steps: int, loss: float) -> None:
        """So many more steps are done; the loss of the last."""

    def epoch(self, report: EpochReport) -> None:
        """An epoch is done."""
