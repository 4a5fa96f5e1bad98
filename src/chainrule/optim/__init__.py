"""Update rules as graphs: the rule, the gradients and the loss compile into one program."""

from __future__ import annotations

from .adaptive import AdaGrad, Adam, AdamW, RMSProp
from .penalty import L1, L2, Penalty
from .rule import Rule
from .schedules import Constant, Cosine, Exponential, Power, Schedule, StepDecay, WarmUp
from .sgd import SGD

__all__ = [
    "SGD", "AdaGrad", "RMSProp", "Adam", "AdamW", "Rule",
    "L1", "L2", "Penalty",
    "Constant", "Exponential", "StepDecay", "Cosine", "Power", "WarmUp", "Schedule",
]  # fmt: skip
