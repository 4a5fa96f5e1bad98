"""What a command says where a training ended before its time."""

from __future__ import annotations

import numpy as np

from ..train import Diverged, Run


def in_flags(error: Diverged, clip: bool = True) -> str:
    """What happened and where, with advice in the command's options.

    clip   whether the command has --clip-norm
    """
    if error.lr is None:
        return str(error)
    smaller = f"Try a smaller learning rate than {error.lr:g}, such as --lr {error.lr / 10:g}"
    return f"{error.what}. {smaller}{', or --clip-norm 1' if clip else ''}{_scale(error.run)}"


def _scale(run: Run) -> str:
    """What large targets of a regression have to do with it."""
    if run.data is None or not run.data.regression:
        return ""
    largest = float(np.abs(run.data.train.y).max())
    return "" if largest < 10 else f". The values to predict reach {largest:.3g}: scaled to about 1 they are easier"


__all__ = ["in_flags"]
