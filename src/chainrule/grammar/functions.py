"""The functions that a text may call: the public ones, and every operation as it stands, a user's own included."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..graph.node import CONST, LEAF, OPS, SIZE, Node, Op, node, size_node
from ..ops import arithmetic as A
from ..ops import convolution as C
from ..ops import elementary as E
from ..ops import indexing as I
from ..ops import linear as L
from ..ops import movement as M
from ..ops import reduce as R


@dataclass(frozen=True)
class Function:
    """What a name calls. `sizes` are the arguments, by place and by name, in which n is the size n."""

    name: str
    call: Callable[..., Any]
    sizes: frozenset[int | str] = frozenset()

    def takes_sizes(self, argument: int | str) -> bool:
        """Whether an argument holds sizes: all settings of an operation as it stands do."""
        return argument in self.sizes or (isinstance(self.call, Op) and isinstance(argument, str))

    def misfit(self, args: Sequence[Any], settings: dict[str, Any]) -> str | None:
        """Why a call with these arguments does not fit; None if it does."""
        if isinstance(self.call, Op):
            wanted = arity(self.call)
            if wanted is None or wanted == len(args):
                return None
            return f"it takes {wanted} argument{'s' * (wanted != 1)}, and has {len(args)}"
        signature = inspect.signature(self.call)
        try:
            signature.bind(*args, **settings)
        except TypeError as error:
            taken = ", ".join(str(p.replace(annotation=p.empty)) for p in signature.parameters.values())
            return f"{error}; it is {self.name}({taken})"
        return None


def array(value: Any) -> Node:
    """A number or a nested list of numbers as a quantity, where arithmetic would compute with it: array(2) < x."""
    return node(value)


def size(n: Any) -> Node:
    """A size as a quantity: size(n)."""
    return size_node(n)


_HOLDING_SIZES: dict[Callable[..., Any], frozenset[int | str]] = {
    size: frozenset({0, "n"}),
    I.arange: frozenset({0, "n"}),
    L.eye: frozenset({0, "n"}),
    I.one_hot: frozenset({1, "num_classes"}),
    M.reshape: frozenset({1, "shape"}),
    M.broadcast_to: frozenset({1, "shape"}),
    I.pad: frozenset({1, "pad_width"}),
    C.conv2d: frozenset({3, "padding"}),
    C.conv2d_kernel: frozenset({2, "size"}),
    C.conv2d_input: frozenset({2, "size"}),
}

_KNOWN = (
    array, size, C.conv2d, C.conv2d_kernel, C.conv2d_input,
    A.clip, A.equal, A.log, A.maximum, A.minimum, A.stop_gradient, A.where, A.xlogy,
    E.abs, E.cos, E.elu, E.erf, E.exp, E.expm1, E.gelu, E.leaky_relu, E.log1p, E.relu, E.sigmoid, E.sign, E.silu, E.sin,
    E.softplus, E.sqrt, E.square, E.tanh,
    I.arange, I.concatenate, I.one_hot, I.pad, I.stack, I.take,
    L.diag, L.dot, L.einsum, L.eye, L.matmul, L.outer, L.tr,
    M.broadcast_to, M.expand_dims, M.flip, M.reshape, M.squeeze, M.sum, M.swapaxes, M.transpose,
    R.argmax, R.log_softmax, R.logsumexp, R.max, R.mean, R.min, R.norm, R.softmax, R.var,
)  # fmt: skip
_ALSO_CALLED = {"σ": "sigmoid", "ln": "log", "Σ": "sum", "∑": "sum", "trace": "tr"}

FUNCTIONS = {f.__name__: Function(f.__name__, f, _HOLDING_SIZES.get(f, frozenset())) for f in _KNOWN}
FUNCTIONS |= {also: FUNCTIONS[name] for also, name in _ALSO_CALLED.items()}


def function(name: str) -> Function | None:
    """What `name` calls: a public function, or an operation that has none, such as one that a user defined."""
    return FUNCTIONS.get(name) or operation(name)


def operation(name: str) -> Function | None:
    """What ``op.name`` calls: the operation as it stands. None for comparisons and their kin, which have signs."""
    op = OPS.get(name)
    if op is None or op in (LEAF, CONST, SIZE) or (op.library and op.elementwise and arity(op) is None):
        return None
    return Function(name, op)


def names() -> list[str]:
    """Every name that can be called."""
    return [*FUNCTIONS, *(name for name, op in OPS.items() if not op.library)]


def arity(op: Op) -> int | None:
    """How many arguments an operation takes, as far as its rules tell."""
    for rule, more in ((op.shape, 0), (op.meaning, 0), (op.vjp, 2)):  # a derivative's rule has g and y before them
        if rule is None:
            continue
        taken = inspect.signature(rule).parameters.values()
        if all(p.kind is not p.VAR_POSITIONAL for p in taken):
            return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in taken) - more
    return None
