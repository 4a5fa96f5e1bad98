"""What can be proved about the sign of a quantity: which factors may be cancelled."""

from __future__ import annotations

from ..graph.dims import always_positive
from ..graph.node import CONST, SIZE, Node, number
from ..ops.arithmetic import ADD, DIV, MUL, POW
from ..ops.elementary import ABS, EXP, RELU, SIGMOID, SOFTPLUS, SQRT
from ..ops.indexing import GATHER, TAKE
from ..ops.movement import BROADCAST, EXPAND, RESHAPE, SQUEEZE, SUM, TRANSPOSE
from ..ops.reduce import MAX, MEAN, MIN, NORM, SOFTMAX

_POSITIVE = frozenset({EXP, SIGMOID, SOFTMAX, SOFTPLUS})
_NOT_NEGATIVE = frozenset({ABS, RELU, SQRT, NORM})
_LIKE_THEIR_ARGUMENT = frozenset({SUM, MEAN, MAX, MIN, EXPAND, BROADCAST, SQUEEZE, RESHAPE, TRANSPOSE, TAKE, GATHER})


def positive(n: Node, depth: int = 8) -> bool:
    """Whether every entry of `n` is provably > 0."""
    if n.op in _POSITIVE:
        return True
    if n.op is CONST:
        return (number(n) or 0) > 0
    if n.op is SIZE:
        return always_positive(n.attr("of"))
    if not depth:
        return False
    if n.op in _LIKE_THEIR_ARGUMENT:
        return positive(n.args[0], depth - 1)
    if n.op in (MUL, DIV):
        return all(positive(a, depth - 1) for a in n.args)
    if n.op is ADD:
        a, b = n.args
        return any(positive(x, depth - 1) and not_negative(y, depth - 1) for x, y in ((a, b), (b, a)))
    return n.op is POW and positive(n.args[0], depth - 1)


def not_negative(n: Node, depth: int = 8) -> bool:
    """Whether every entry of `n` is provably ≥ 0."""
    if n.op in _NOT_NEGATIVE or positive(n, depth):
        return True
    if n.op is POW:
        k = number(n.args[1])
        return isinstance(k, int) and k % 2 == 0 and k > 0
    return n.op in _LIKE_THEIR_ARGUMENT and depth > 0 and not_negative(n.args[0], depth - 1)


def below_one(n: Node) -> bool:
    """Whether every entry of `n` is provably < 1: a sigmoid. (A softmax over one entry is 1.)"""
    while n.op in _LIKE_THEIR_ARGUMENT and n.op not in (SUM,):
        n = n.args[0]
    return n.op is SIGMOID
