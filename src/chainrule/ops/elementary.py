"""Functions of one argument, entry by entry. The equation beside each is its derivative."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from ..graph.errors import KindError
from ..graph.node import OPERATORS, Node, Op, promote
from .arithmetic import WHERE
from .axes import elementwise


def _pulled(x: Node, g: Node, below: Any) -> Node:
    """The cotangent through a function that is the identity above 0; `below` elsewhere."""
    return WHERE(x > 0, g, below)


EXP = Op("exp", shape=elementwise, elementwise=True, vjp=lambda g, y, x: [g * y])                       # e^x
EXPM1 = Op("expm1", shape=elementwise, elementwise=True, vjp=lambda g, y, x: [g * EXP(x)])              # e^x
LOG1P = Op("log1p", shape=elementwise, elementwise=True, vjp=lambda g, y, x: [g / (1 + x)])             # 1 / (1 + x)
SQRT = Op("sqrt", shape=elementwise, elementwise=True, vjp=lambda g, y, x: [g / (2 * y)])               # 1 / (2√x)
ABS = Op("abs", shape=elementwise, kind=promote, elementwise=True, vjp=lambda g, y, x: [g * SIGN(x)])   # sign x
SIGN = Op("sign", shape=elementwise, kind=promote, elementwise=True, vjp=lambda g, y, x: [None])        # 0
SIN = Op("sin", shape=elementwise, elementwise=True, vjp=lambda g, y, x: [g * COS(x)])                  # cos x
COS = Op("cos", shape=elementwise, elementwise=True, vjp=lambda g, y, x: [-(g * SIN(x))])               # −sin x
TANH = Op("tanh", shape=elementwise, elementwise=True, vjp=lambda g, y, x: [g * (1 - y**2)])            # 1 − tanh²
ERF = Op("erf", shape=elementwise, elementwise=True,
         vjp=lambda g, y, x: [g * (2 / math.sqrt(math.pi) * EXP(-(x**2)))])                             # 2/√π e^−x²
SIGMOID = Op("sigmoid", shape=elementwise, elementwise=True, vjp=lambda g, y, x: [g * y * (1 - y)],     # σ (1 − σ)
             meaning=lambda x: 1 / (1 + EXP(-x)))
SOFTPLUS = Op("softplus", shape=elementwise, elementwise=True, vjp=lambda g, y, x: [g * SIGMOID(x)],    # σ
              meaning=lambda x: LOG1P(EXP(x)))
RELU = Op("relu", shape=elementwise, kind=promote, elementwise=True,
          vjp=lambda g, y, x: [_pulled(x, g, 0)],                                                       # [x > 0]
          meaning=lambda x: WHERE(x <= 0, 0, x))  # NaN stays NaN, as in the kernels: where(x > 0, x, 0) would hide it
LEAKY_RELU = Op("leaky_relu", shape=elementwise, elementwise=True,
                vjp=lambda g, y, x, *, slope: [_pulled(x, g, slope * g)],                               # 1 or slope
                meaning=lambda x, *, slope: WHERE(x > 0, x, slope * x))
ELU = Op("elu", shape=elementwise, elementwise=True,
         vjp=lambda g, y, x, *, alpha: [_pulled(x, g, g * (y + alpha))],                                # 1 or α e^x
         meaning=lambda x, *, alpha: WHERE(x > 0, x, alpha * EXPM1(x)))
SILU = Op("silu", shape=elementwise, elementwise=True, meaning=lambda x: x * SIGMOID(x))
GELU = Op("gelu", shape=elementwise, elementwise=True, meaning=lambda x: x * (1 + ERF(x / math.sqrt(2))) / 2)
GELU_TANH = Op("gelu_tanh", shape=elementwise, elementwise=True,
               meaning=lambda x: x * (1 + TANH(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2)

OPERATORS["abs"] = ABS


def exp(x: Any) -> Node:
    """e^x. ∂: e^x."""
    return EXP(x)


def expm1(x: Any) -> Node:
    """e^x − 1 without cancellation near 0. ∂: e^x."""
    return EXPM1(x)


def log1p(x: Any) -> Node:
    """ln(1 + x) without cancellation near 0. ∂: 1 / (1 + x)."""
    return LOG1P(x)


def sqrt(x: Any) -> Node:
    """√x. ∂: 1 / (2√x), infinite at 0; for the length of a vector write `norm`, whose derivative at 0 is 0."""
    return SQRT(x)


def abs(x: Any) -> Node:
    """|x|. ∂: sign(x), and 0 at 0."""
    return ABS(x)


def sign(x: Any) -> Node:
    """−1, 0 or 1. ∂: 0 everywhere."""
    return SIGN(x)


def sin(x: Any) -> Node:
    """sin x, in radians. ∂: cos x."""
    return SIN(x)


def cos(x: Any) -> Node:
    """cos x, in radians. ∂: −sin x."""
    return COS(x)


def tanh(x: Any) -> Node:
    """tanh x. ∂: 1 − tanh²x."""
    return TANH(x)


def erf(x: Any) -> Node:
    """The error function 2/√π ∫₀ˣ e^−t² dt. ∂: 2/√π e^−x²."""
    return ERF(x)


def sigmoid(x: Any) -> Node:
    """σ(x) = 1 / (1 + e^−x), computed without overflow. ∂: σ(1 − σ).

    >>> import chainrule as cr
    >>> cr.compile(cr.trace(lambda x: cr.sigmoid(x), x=(3,)))(x=[-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """
    return SIGMOID(x)


def softplus(x: Any) -> Node:
    """ln(1 + e^x), computed without overflow. ∂: σ(x)."""
    return SOFTPLUS(x)


def relu(x: Any) -> Node:
    """x where x > 0, else 0. ∂: 1 where x > 0, else 0; at the kink x = 0 it is 0 (as PyTorch and JAX).

    >>> import chainrule as cr
    >>> print(cr.derive(lambda x: cr.sum(cr.relu(x)), x="n").equations()[0])
    ∂L/∂x = where(x > 0, 1.0, 0)
    """
    return RELU(x)


def leaky_relu(x: Any, slope: float = 0.01) -> Node:
    """x where x > 0, else slope · x. ∂ at 0: the slope (as PyTorch's ``negative_slope``)."""
    return LEAKY_RELU(x, slope=_number("slope", slope))


def elu(x: Any, alpha: float = 1.0) -> Node:
    """x where x > 0, else α(e^x − 1). ∂: 1 or α e^x (α at 0). Clevert, Unterthiner and Hochreiter 2016, eq. 15."""
    return ELU(x, alpha=_number("alpha", alpha))


def silu(x: Any) -> Node:
    """x σ(x), also called swish. ∂: that of its meaning, σ + x σ(1 − σ). Elfwing, Uchibe and Doya 2018."""
    return SILU(x)


def gelu(x: Any, approximate: bool = False) -> Node:
    """x Φ(x) with the normal distribution's Φ; `approximate` uses the tanh formula. Hendrycks and Gimpel 2016.

    Exact by default, as PyTorch; JAX's default is the approximation. ∂: that of its meaning, Φ(x) + x Φ′(x) when exact.
    """
    return (GELU_TANH if approximate else GELU)(x)


def square(x: Any) -> Node:
    """x², the same node as ``x ** 2``. ∂: 2x."""
    return OPERATORS["pow"](x, 2)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise KindError(f"{name} must be a number known when the graph is built, not {value!r}")
    return float(value)
