"""What a command says where a training ended before its time."""

from __future__ import annotations

import numpy as np

from ..train import Diverged, Run


def in_flags(error: Diverged, clip: bool = True) -> str:
    """What happened and where, with advice in the command's options.

    clip   whether the command has --clip-norm
    """
    what, separator, _ = str(error).partition(" The learning rate was ")
    if not separator:
        return what
    history = error.run.history
    lr = float(history["lr"][-1]) if len(history) else error.run.optimizer.schedule(0)
    smaller = f"Try a smaller learning rate than {lr:g}, such as --lr {lr / 10:g}"
    return f"{what} {smaller}{', or --clip-norm 1' if clip else ''}{_scale(error.run)}"


def _scale(run: Run) -> str:
    """What large targets of a regression have to do with it."""
    if run.data is None or not run.data.regression:
        return ""
    largest = float(np.abs(run.data.train.y).max())
    return "" if largest < 10 else f". The values to predict reach {largest:.3g}: scaled to about 1 they are easier"


__all__ = ["in_flags"]
