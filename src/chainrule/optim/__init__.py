"""Update rules as graphs: the rule, the gradients and the loss compile into one program."""

from __future__ import annotations

from .sgd import SGD

__all__ = ["SGD"]
