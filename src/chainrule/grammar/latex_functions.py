r"""The functions of formulas: \exp, \operatorname{softmax}, and those that take a setting below their name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from ..graph.errors import GraphError, ShapeError
from ..graph.node import OPS, Node, Op
from ..ops import arithmetic as A
from ..ops import elementary as E
from ..ops import indexing as I
from ..ops import linear as L
from ..ops import movement as M
from ..ops import reduce as R
from . import functions
from .latex_values import Value, elementwise, whole

ENTRYWISE: dict[str, Callable[..., Node]] = {
    "exp": E.EXP, "log": A.LOG, "ln": A.LOG, "sin": E.SIN, "cos": E.COS, "tanh": E.TANH, "sigma": E.SIGMOID,
    "sigmoid": E.SIGMOID, "relu": E.RELU, "silu": E.SILU, "swish": E.SILU, "gelu": E.GELU, "gelu_{\\tanh}": E.GELU_TANH,
    "expm1": E.EXPM1, "log1p": E.LOG1P, "sign": E.SIGN, "sgn": E.SIGN, "erf": E.ERF, "softplus": E.SOFTPLUS,
    "abs": E.ABS, "sqrt": E.SQRT, "max": A.MAXIMUM, "min": A.MINIMUM, "maximum": A.MAXIMUM, "minimum": A.MINIMUM,
    "clip": A.CLIP, "xlogy": A.XLOGY, "xdivy": A.XDIVY, "stop_gradient": A.STOP, "elu": lambda x: E.elu(x),
}  # fmt: skip
"""By the word in small letters. All but max and min, which may have more, take as many arguments as their operation."""

REDUCTIONS: dict[str, Callable[..., Node]] = {
    "max": lambda x, axes: R.max(x, axes), "min": lambda x, axes: R.min(x, axes),
    "mean": lambda x, axes: R.mean(x, axes), "var": lambda x, axes, ddof=0: R.var(x, axes, ddof=ddof),
    "norm": lambda x, axes: R.norm(x, axis=axes), "sum": lambda x, axes: M.sum(x, axes),
    "logsumexp": lambda x, axes: R.logsumexp(x, axes),
}  # fmt: skip
r"""What may have indices below: \max_{i} x_{ij}, \operatorname{mean}_{i}, …"""

ALONG: dict[str, Callable[..., Node]] = {
    "softmax": R.softmax, "log softmax": R.log_softmax, "logsoftmax": R.log_softmax, "log_softmax": R.log_softmax,
}  # fmt: skip

WHOLE: dict[str, Callable[..., Node]] = {
    "tr": L.tr, "trace": L.tr, "diag": L.diag, "matmul": L.matmul, "norm": lambda x: R.norm(x),
    "mean": lambda x: R.mean(x), "sum": lambda x: M.sum(x), "var": lambda x: R.var(x),
}  # fmt: skip
"""Functions of arrays, without a setting."""

WITH_SIZES: dict[str, Callable[..., Node]] = {
    "broadcast": lambda sizes, x: M.broadcast_to(x, sizes),
    "reshape": lambda sizes, x: M.reshape(x, sizes),
    "squeeze": lambda sizes, x: M.reshape(x, sizes),
    "one hot": lambda sizes, i: I.one_hot(i, *sizes),
    "arange": lambda sizes: I.arange(*sizes),
    "eye": lambda sizes: L.eye(*sizes),
}
r"""With sizes below: \operatorname{reshape}_{n \times 3}."""

WITH_NUMBER: dict[str, Callable[..., Node]] = {
    "elu": lambda k, x: E.elu(x, k),
    "leaky relu": lambda k, x: E.leaky_relu(x, k),
    "concat": lambda k, *xs: I.concatenate(xs, k),
    "stack": lambda k, *xs: I.stack(xs, k),
}
r"""With a number below: \operatorname{concat}_{0}."""


def known(word: str) -> str | None:
    """The word as the tables have it; None where no function is called so."""
    small = word.lower()
    if any(small in table for table in (ENTRYWISE, ALONG, WHOLE, WITH_SIZES, WITH_NUMBER, _OTHERS)):
        return small
    return word if operation(word) is not None else None


_OTHERS = frozenset(("array", "einsum", "pad", "size"))


def operation(word: str) -> Op | None:
    """The operation of this name, a user's own included, for ``name_{key=value}(arguments)``."""
    found = functions.operation(word)
    return OPS[word] if found is not None else None


def missing(op: Op, settings: Collection[str]) -> str | None:
    """A setting that an operation needs and does not get."""
    for rule in (op.shape, op.meaning):
        if rule is not None:
            taken = inspect.signature(rule).parameters.values()
            needed = (p.name for p in taken if p.kind is p.KEYWORD_ONLY and p.default is p.empty)
            return next((name for name in needed if name not in settings), None)
    return None


def check(word: str, f: Callable[..., Any], args: Sequence[Value]) -> None:
    """Raises GraphError where a function takes another number of arguments."""
    f = f.func if isinstance(f, partial) and isinstance(f.func, Op) else f
    taken = [] if isinstance(f, Op) else list(inspect.signature(f).parameters.values())
    many = any(p.kind is p.VAR_POSITIONAL for p in taken)
    placed = [p for p in taken if p.kind is p.POSITIONAL_OR_KEYWORD]
    most = functions.arity(f) if isinstance(f, Op) else None if many else len(placed)
    least = 1 if most is None else most - sum(p.default is not p.empty for p in placed)
    if len(args) < least or (most is not None and len(args) > most):
        wanted = least if most is None else most
        raise GraphError(f"{word} takes {wanted} argument{'s' * (wanted != 1)}, and has {len(args)}")


def of_entries(word: str, f: Callable[..., Node], args: list[Value]) -> Value:
    if word in ("max", "min", "maximum", "minimum"):
        if len(args) < 2:
            raise ShapeError(rf"\{word[:3]} takes two arguments, or an index below: \{word[:3]}_{{i}} x_{{i}}")
        out = args[0]
        for a in args[1:]:
            out = elementwise(f, out, a)
        return out
    check(word, f, args)
    return elementwise(f, *args) if len(args) > 1 else args[0].applied(f)


def of_arrays(word: str, f: Callable[..., Node], args: list[Value]) -> Value:
    check(word, f, args)
    args = [whole(a) for a in args]
    if any(a.letters for a in args):
        raise ShapeError(f"{word} takes whole arrays, without indices")
    return Value(f(*[a.node for a in args]))


__all__ = [
    "ALONG", "ENTRYWISE", "REDUCTIONS", "WHOLE", "WITH_NUMBER", "WITH_SIZES", "check", "known", "missing",
    "of_arrays", "of_entries", "operation",
]  # fmt: skip
