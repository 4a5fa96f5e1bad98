"""Gradient clipping: by the norm of all gradients together, and entry by entry. NaN stays NaN."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any

from ..graph.node import Node
from ..ops.arithmetic import clip, minimum
from ..ops.elementary import sqrt
from ..ops.movement import sum as total


def global_norm(gradients: Iterable[Node]) -> Node:
    """‖∂J/∂θ‖ = √Σ g², over every entry of every gradient."""
    return sqrt(reduce(add, [total(g**2) for g in gradients]))


def by_norm(g: Node, length: Node, c: Any) -> Node:
    """min(1, c/‖∂J/∂θ‖) g"""
    return minimum(1, c / length) * g


def by_value(g: Node, c: Any) -> Node:
    """min(max(g, −c), c)"""
    return clip(g, -c, c)


__all__ = ["by_norm", "by_value", "global_norm"]
