"""What training leaves: a row for each step as CSV, and the parameters as safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class History:
    """Every step's loss, accuracy and gradient norms, and what was found after every epoch.

    Loss and accuracy are those of the step's minibatch before its update.
    """

    def __init__(self, names: Sequence[str]):
        self.norms = [name for name in names if name.startswith("norm_")]
        self.epochs: list[dict[str, float]] = []
        self._parts: list[dict[str, NDArray[Any]]] = []
        self._steps = 0
        self._of_epoch: list[Mapping[str, NDArray[Any]]] = []

    def __len__(self) -> int:
        return self._steps

    def add(self, epoch: int, lr: float, records: Mapping[str, NDArray[Any]]) -> None:
        count = len(records["L"])
        self._parts.append(
            {
                "epoch": np.full(count, epoch),
                "lr": np.full(count, lr),
                "loss": records["L"],
                "accuracy": records["accuracy"],
            }
            | {k: records[k] for k in self.norms}
        )
        self._of_epoch.append(records)
        self._steps += count

    def end_epoch(self, val_loss: float, val_accuracy: float) -> None:
        loss, accuracy = (
            np.concatenate([part[k] for part in self._of_epoch]).mean(dtype=float) for k in ("L", "accuracy")
        )
        self._of_epoch.clear()
        self.epochs.append(
            {
                "epoch": len(self.epochs) + 1, "step": self._steps, "loss": float(loss), "accuracy": float(accuracy),
                "val_loss": val_loss, "val_accuracy": val_accuracy,
            }
        )  # fmt: skip

    def column(self, name: str) -> NDArray[Any]:
        """One value for each step: epoch, lr, loss, accuracy, or norm_dW1, …"""
        if len(self._parts) > 1:
            merged = {k: np.concatenate([part[k] for part in self._parts]) for k in self._parts[0]}
            self._parts = [merged]
        return self._parts[0][name]

    @property
    def header(self) -> list[str]:
        return ["epoch", "step", "lr", "loss", "accuracy", *self.norms, "val_loss", "val_accuracy"]

    def csv(self) -> str:
        """A row for each step; val_loss and val_accuracy in the last row of each epoch only."""
        ends = {int(e["step"]): f"{e['val_loss']:.7g},{e['val_accuracy']:.7g}" for e in self.epochs}
        columns = [self.column(k).tolist() for k in ("lr", "loss", "accuracy", *self.norms)]
        lines = [",".join(self.header)]
        for step, (epoch, *values) in enumerate(zip(self.column("epoch").tolist(), *columns), 1):
            lines.append(",".join([str(epoch), str(step), *(f"{v:.7g}" for v in values), ends.get(step, ",")]))
        return "\n".join(lines) + "\n"


def params_file(params: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> bytes:
    """The parameters in the safetensors format; the metadata hold the settings and the accuracies as JSON."""
    from safetensors.numpy import save

    kept = {k: facts[k] for k in ("lab", "version", "settings", "data", "accuracy")}
    metadata = {k: v if isinstance(v, str) else json.dumps(v) for k, v in kept.items()}
    return save(dict(params), metadata={"format": "np", **metadata})
