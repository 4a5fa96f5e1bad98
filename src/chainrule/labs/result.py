"""What a run of `chainrule lab mlp` found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..data import Split
from ..face.check_report import GradientReport
from ..face.derivation import Derivation
from ..face.graph import Graph
from .history import History
from .settings import Settings


@dataclass(frozen=True)
class Score:
    """How the network does on one split."""

    loss: float
    accuracy: float
    rows: int


@dataclass(frozen=True)
class Result:
    """All that a run of the lab found.

    graph, derivation   the loss and its gradients, in symbolic sizes
    step                the graph of one training step: what ran, with its updates
    source              that step's program, as it ran
    sizes               the symbols' values: n of a minibatch, d, h, c
    check               the gradient check
    history             what every step and every epoch left
    params              W1, b1, W2, b2 as NumPy arrays in float32
    scores              train, validation, test -> Score, of the final parameters
    confusion           (classes, classes): row the true class, column the predicted, counts of test rows
    examples            some training rows and their labels
    mistakes            some misclassified test rows: (X, true, predicted); first those that the network was surest of
    seconds             how long each part took
    """

    settings: Settings
    data: dict[str, Any]
    graph: Graph
    derivation: Derivation
    step: Graph
    source: str
    sizes: dict[str, int]
    check: GradientReport
    history: History
    params: dict[str, NDArray[np.float32]]
    scores: dict[str, Score]
    confusion: NDArray[np.int64]
    examples: Split
    mistakes: tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]
    seconds: dict[str, float] = field(default_factory=dict)


def facts(result: Result) -> dict[str, Any]:
    """The run in plain numbers and words: what `--json` prints, but for the files."""
    check, cost = result.check, result.derivation.cost.at(**result.sizes)
    scores = result.scores.items()
    return {
        "lab": "mlp",
        "version": __version__,
        "settings": result.settings.as_dict(),
        "data": {k: result.data[k] for k in ("name", "rows", "features", "classes", "source")},
        "parameters": cost.parameters,
        "accuracy": {k: s.accuracy for k, s in scores},
        "loss": {k: s.loss for k, s in scores},
        "gradient_check": {"ok": check.ok, "max_relative_error": check.max_relative_error, "kinks": len(check.kinks)},
        "steps": len(result.history),
        "step_cost": {
            "macs_forward": cost.forward.macs,
            "macs_backward": cost.backward.macs,
            "flops": cost.total.flops,
        },
        "seconds": {k: round(v, 4) for k, v in result.seconds.items()},
    }
