"""Chainrule: neural networks that show their work.

    import chainrule as cr

    def two_layer(x: "n", y: "m", W1: "h n", W2: "m h"):
        u = cr.sigmoid(W1 @ x)
        return cr.sum((W2 @ u - y) ** 2)

    d = cr.derive(two_layer, wrt=["W1", "W2"])
    print(d.text())
    value, grads = cr.compile(d)(x=x, y=y, W1=W1, W2=W2)
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from .face.checks import check_gradients
from .face.compiled import Compiled, compile, value_and_grad
from .face.cost import Cost, cost
from .face.counted import compare_counts
from .face.derivation import Derivation, derive
from .face.graph import Graph, trace
from .face.jacobian import hessian, jacobian
from .face.numerical import numerical_gradient, relative_error
from .face.parse import parse
from .face.parse_latex import parse_latex
from .face.point import Point
from .face.recompute import measure_recompute
from .graph.errors import (
    ChainruleError,
    DataError,
    GraphError,
    InputError,
    InternalError,
    KindError,
    MissingRule,
    NamingError,
    NoDerivative,
    OutputError,
    ParseError,
    ShapeError,
)
from .graph.node import Node, Op
from .ops.arithmetic import clip, equal, log, maximum, minimum, stop_gradient, where, xlogy
from .ops.convolution import conv2d
from .ops.elementary import (
    abs,
    cos,
    elu,
    erf,
    exp,
    expm1,
    gelu,
    leaky_relu,
    log1p,
    relu,
    sigmoid,
    sign,
    silu,
    sin,
    softplus,
    sqrt,
    square,
    tanh,
)
from .ops.indexing import arange, concatenate, one_hot, pad, stack, take
from .ops.linear import diag, dot, einsum, eye, matmul, outer, tr
from .ops.movement import broadcast_to, expand_dims, flip, reshape, squeeze, sum, swapaxes, transpose
from .ops.reduce import argmax, log_softmax, logsumexp, max, mean, min, norm, softmax, var

__version__ = "0.1.0"

# `from chainrule import *` does not touch the builtins: abs, compile, max, min and sum are left out.
__all__ = [
    "ChainruleError", "Compiled", "Cost", "DataError", "Derivation", "Graph", "GraphError", "InputError",
    "InternalError", "KindError", "MissingRule", "NamingError", "NoDerivative", "Node", "Op", "OutputError",
    "ParseError", "Point", "ShapeError", "arange", "argmax", "broadcast_to", "check_gradients", "clip",
    "compare_counts", "concatenate", "conv2d", "cos", "cost", "derive", "diag", "dot", "einsum", "elu", "equal", "erf",
    "exp", "expand_dims", "expm1", "eye", "fit", "flip", "gelu", "hessian", "jacobian", "leaky_relu", "load", "log",
    "log1p", "log_softmax", "logsumexp", "matmul", "maximum", "mean", "measure_recompute", "minimum", "norm",
    "numerical_gradient", "one_hot", "outer", "pad", "parse", "parse_latex", "relative_error", "relu", "reshape",
    "sigmoid", "sign", "silu", "sin", "softmax", "softplus", "sqrt", "square", "squeeze", "stack", "stop_gradient",
    "swapaxes", "take", "tanh", "tr", "trace", "transpose", "value_and_grad", "var", "where", "xlogy",
]  # fmt: skip

if _TYPE_CHECKING:
    from .train.fit import fit
    from .train.load import load

# Imported when first asked for: `cr.models`, and `cr.fit`, which brings all of them.
_LATER = {"fit": "train", "load": "train"}
_SUBMODULES = ("data", "decode", "diagnose", "labs", "models", "nn", "optim", "plots", "sklearn", "train")


def __getattr__(name: str) -> _Any:
    if name in _SUBMODULES:
        return _import_module(f".{name}", __name__)
    if name in _LATER:
        return getattr(_import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES, *_LATER})


_OF_BUILTIN_NAME = (abs, compile, max, min, sum)  # public as cr.abs, …, though not in __all__
