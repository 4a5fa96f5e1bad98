"""Chainrule: neural networks that show their work."""

from __future__ import annotations

__version__ = "0.1.0"

from .face.compiled import compile, value_and_grad
from .face.cost import Cost, cost
from .face.derivation import derive
from .face.graph import Graph, trace
from .graph.errors import ChainruleError
from .graph.node import Node, Op
from .ops.arithmetic import clip, equal, log, maximum, minimum, stop_gradient, where, xlogy
from .ops.elementary import (
    abs, cos, elu, erf, exp, expm1, gelu, leaky_relu, log1p, relu, sigmoid, sign, silu, sin, softplus, sqrt, square, tanh,
)  # fmt: skip
from .ops.indexing import arange, concatenate, one_hot, pad, stack, take
from .ops.linear import diag, dot, einsum, eye, matmul, outer, tr
from .ops.movement import broadcast_to, expand_dims, flip, reshape, squeeze, sum, swapaxes, transpose
from .ops.reduce import argmax, log_softmax, logsumexp, max, mean, min, norm, softmax, var

_SUBMODULES = ("data", "labs", "models", "optim", "plots")  # imported when first asked for: `cr.models`


def __getattr__(name: str):
    from importlib import import_module

    if name in _SUBMODULES:
        try:
            return import_module(f".{name}", __name__)
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES})
