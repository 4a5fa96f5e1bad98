"""Fast laws: the same numbers with less work. Nothing here computes again what is shared elsewhere.

Scalars are combined before they meet an array, minus signs move to where a subtraction takes them in, and what the
backward pass writes for generality (· 1, + 0, a spread, a sum over what was spread) goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..graph.node import CONST, Node, constant, number, value_of
from ..ops.arithmetic import ADD, DIV, MUL, NEG, POW, SUB, WHERE
from ..ops.movement import SUM, stretch
from .engine import FiledRule, Rules, rewrite
from .pattern import Bindings, Law, attribute, unknown
from .sharing import SOURCES, share
from .spreads import SPREAD_RULES

a, b, c = unknown("a"), unknown("b"), unknown("c")
axis, keepdims = attribute("axis"), attribute("keepdims")


def _scaled(n: Node) -> bool:
    """An array and a scalar meet in `n`."""
    return bool(n.shape) and not all(x.shape for x in n.args)


def _scalar_scalar_array(found: Bindings) -> bool:
    return not found[a].shape and not found[b].shape and bool(found[c].shape)


def _array(u: object):
    return lambda found: bool(found[u].shape)


LAWS = [
    Law("double minus", NEG(-a), a),
    Law("plus minus", a + -b, a - b),
    Law("minus minus", a - -b, a + b),
    Law("zero minus", 0 - a, -a),
    Law("minus difference", -(a - b), b - a),
    Law("minus, out of a product", -a * b, -(a * b), when=_array(a)),
    Law("minus, out of a quotient", -a / b, -(a / b), when=_array(a)),
    Law("minus, out of a sum", SUM(-a, axis=axis, keepdims=keepdims), -SUM(a, axis=axis, keepdims=keepdims),
        at={"axis": (1,), "keepdims": False}),
    Law("power 1", a**1, a),
    Law("either way", WHERE(b > c, a, a), a),
    # scalars first
    Law("scalars of products", a * (b * c), (a * b) * c, when=_scalar_scalar_array, domain=(-100, 100),
        hint=_scaled),
    Law("scalars of a product and a quotient", a * (c / b), (a / b) * c, when=_scalar_scalar_array, domain=(1e-2, 100),
        hint=_scaled),
    Law("scalars of a quotient and a product", (a * c) / b, (a / b) * c, when=_scalar_scalar_array, domain=(1e-2, 100),
        hint=_scaled),
    Law("scalars of quotients", (c / a) / b, c / (a * b), when=_scalar_scalar_array, domain=(1e-2, 100),
        hint=_scaled),
    Law("minus on the scalar", a * -c, -a * c, when=lambda found: not found[a].shape and bool(found[c].shape),
        hint=_scaled),
]  # fmt: skip


def neutral(n: Node) -> Node | None:
    """a + 0, a − 0, a · 1, a / 1 → a"""
    x, y = n.args
    if n.op in (ADD, MUL) and number(x) is not None:
        x, y = y, x
    if number(y) != (0 if n.op in (ADD, SUB) else 1):
        return None
    return _like(x, n)


def _like(x: Node, n: Node) -> Node | None:
    if x.kind != n.kind:
        return None
    return stretch(x, n.shape)


def fold(n: Node) -> Node | None:
    """Arithmetic on numbers that are known; a number moves to the front of a product of scalars."""
    values = [number(x) for x in n.args]
    if None not in values and not any(isinstance(v, bool) for v in values):
        try:
            return constant(_COMPUTE[n.op](*values))
        except (ArithmeticError, TypeError, ValueError):
            return None  # 1/0 and the like are left for the program, which follows IEEE 754
    if n.op is MUL and not n.shape:
        k: Any = values[0]
        x, y = n.args
        if k is None:
            return y * x if values[1] is not None else None
        if y.op is MUL and number(y.args[0]) is not None:
            return (value_of(y.args[0]) * k) * y.args[1]
        if y.op is NEG:
            return -k * y.args[0]
        if y.op is DIV and number(y.args[0]) is not None:
            return (value_of(y.args[0]) * k) / y.args[1]
    if n.op is MUL and values == [None, None] and not n.shape:
        for x, y in (n.args, n.args[::-1]):
            if x.op is MUL and number(x.args[0]) is not None:
                return x.args[0] * (x.args[1] * y)
    if n.op is DIV and not n.shape and n.args[0].op is NEG:
        return -(n.args[0].args[0] / n.args[1])
    return None


def _power(x: float, k: float) -> float:
    return x**k if x > 0 or (isinstance(k, int) and k >= 0) else float(x) ** k


_COMPUTE = {
    ADD: lambda x, y: x + y,
    SUB: lambda x, y: x - y,
    MUL: lambda x, y: x * y,
    DIV: lambda x, y: x / y,
    NEG: lambda x: -x,
    POW: _power,
}

ARITHMETIC: list[FiledRule] = [
    ((ADD, SUB, MUL, DIV), neutral, (CONST,)),
    (tuple(_COMPUTE), fold, (CONST, MUL, NEG, DIV)),
]

FAST = Rules(LAWS, [*ARITHMETIC, *SPREAD_RULES])


def hasten(roots: Iterable[Node]) -> dict[Node, Node]:
    """What every node below `roots` becomes: the same numbers with less work."""
    roots = list(roots)
    done = rewrite(roots, FAST)
    if not any(m.op in SOURCES for m in done.values()):
        return done
    shared = share([done[r] for r in roots])
    return {n: shared.get(m, m) for n, m in done.items()}
