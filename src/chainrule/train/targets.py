"""y as a loss takes it: labels that name an output of the network each, or numbers for each of its outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.arrays import check_labels
from ..graph.dims import shape_text
from ..graph.errors import DataError
from ..graph.node import INTEGER, Node
from ..nn.criteria import BinaryCrossEntropy, CrossEntropy, Loss

Array = NDArray[Any]


def targets_for(output: Node, loss: Loss, y: Any, rows: int, dtype: str, name: str) -> Array:
    """y checked and converted: int64 labels (rows,), or numbers of the shape of the network's output in `dtype`.

    Numbers (rows,) are taken for (rows, 1) where the network has one output. Raises DataError that begins with `name`.
    """
    shape, kind = loss.target(output)
    if kind == INTEGER:
        labels = check_labels(y, int(output.shape[1]), name)
        if len(labels) != rows:
            raise DataError(f"{name}: X has {rows:,} rows but y has {len(labels):,} labels; each row needs one label")
        return labels.astype(np.int64, copy=False)
    values = np.asarray(y)
    if values.dtype.kind not in "biuf":
        what = "text" if values.dtype.kind in "USO" else str(values.dtype)
        raise DataError(f"{name}: y holds {what}; {loss!r} compares numbers {shape_text(shape)}")
    if values.ndim == 1 and tuple(shape[1:]) == (1,):
        values = values[:, None]
    if values.shape != (rows, *shape[1:]):
        raise DataError(
            f"{name}: y has shape {values.shape}; {loss!r} needs a number for each of the network's outputs, "
            f"{(rows, *shape[1:])}"
        )
    with np.errstate(over="ignore"):
        values = values.astype(dtype)
    if not np.isfinite(values).all():
        at = tuple(map(int, np.argwhere(~np.isfinite(values))[0]))
        raise DataError(f"{name}: y{list(at)} is {values[at]}; every target must be a finite number")
    if isinstance(loss, (BinaryCrossEntropy, CrossEntropy)) and ((values < 0) | (values > 1)).any():
        at = tuple(map(int, np.argwhere((values < 0) | (values > 1))[0]))
        raise DataError(f"{name}: y{list(at)} is {values[at]:g}; {loss!r} takes probabilities, from 0 to 1")
    return values


__all__ = ["targets_for"]
