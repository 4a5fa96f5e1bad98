"""What a run of `chainrule lab mlp` found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..data import Dataset
from ..face.check_report import GradientReport
from ..face.derivation import Derivation
from ..train import Run
from .settings import Settings


@dataclass(frozen=True)
class Score:
    """How the network does on one split: the loss without its penalty, and the share of rows right."""

    loss: float
    accuracy: float
    rows: int


@dataclass(frozen=True)
class Result:
    """All that a run of the lab found.

    run           cr.fit's: history, parameters, the network that answers
    data          what it learned from
    derivation    the loss and its gradients, in symbolic sizes
    sizes         the symbols' values: n of a minibatch, d, h, c
    check         the gradient check
    scores        train, validation, test -> Score, with the last parameters
    confusion     (classes, classes): row the true class, column the predicted, counts of test rows
    mistakes      some misclassified test rows: (X, true, predicted); first those that the network was surest of
    seconds       how long each part took
    """

    settings: Settings
    run: Run
    data: Dataset
    derivation: Derivation
    sizes: dict[str, int]
    check: GradientReport
    scores: dict[str, Score]
    confusion: NDArray[np.int64]
    mistakes: tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]
    seconds: dict[str, float] = field(default_factory=dict)


def facts(result: Result) -> dict[str, Any]:
    """The run in plain numbers and words: what `--json` prints, but for the files."""
    check, cost, data = result.check, result.derivation.cost.at(**result.sizes), result.data
    scores = result.scores.items()
    return {
        "lab": "mlp",
        "version": __version__,
        "settings": result.settings.as_dict(),
        "data": {
            "name": data.name, "rows": {k: s.rows for k, s in scores}, "features": result.sizes["d"],
            "classes": data.classes, "source": data.source,
        },
        "parameters": cost.parameters,
        "accuracy": {k: s.accuracy for k, s in scores},
        "loss": {k: s.loss for k, s in scores},
        "gradient_check": {"ok": check.ok, "max_relative_error": check.max_relative_error, "kinks": len(check.kinks)},
        "steps": len(result.run.history),
        "step_cost": {
            "macs_forward": cost.forward.macs,
            "macs_backward": cost.backward.macs,
            "flops": cost.total.flops,
        },
        "seconds": {k: round(v, 6) for k, v in result.seconds.items()},
    }  # fmt: skip


__all__ = ["Result", "Score", "facts"]
