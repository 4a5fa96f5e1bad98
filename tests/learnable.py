"""Small data that a network can learn, and a network with everything that changes from step to step."""

from __future__ import annotations

import numpy as np

import chainrule as cr


def blobs(rows: int = 97, features: int = 5, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Classes around corners of a cube, in float64."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, rows)
    return rng.normal(size=(rows, features)) + 2.0 * np.eye(classes, features)[y], y


def everything() -> cr.nn.Sequential:
    """Parameters, running statistics and noise."""
    return cr.nn.Sequential(
        cr.nn.Linear(5, 7), cr.nn.BatchNorm(7), cr.nn.ReLU(), cr.nn.Dropout(0.3), cr.nn.Linear(7, 3)
    )
