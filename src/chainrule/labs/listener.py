"""What a lab tells while it runs."""

from __future__ import annotations

from ..train import Callback


class Listener(Callback):
    """Is told how a lab goes; as a callback of `cr.fit` it is told how a training goes, too.

    This one keeps silent; a command overrides what it shows.
    """

    def stage(self, text: str) -> None:
        """A part of the work begins."""

    def download(self, file: str, done: int, total: int) -> None:
        """A file comes in: bytes so far, bytes in all."""


__all__ = ["Listener"]
