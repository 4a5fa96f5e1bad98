"""Laws in the graph's own language: the two sides are written with the operations themselves, over unknowns.

    a, axis = unknown("a"), attribute("axis")
    Law("log of a softmax", LOG(SOFTMAX(a, axis=axis)), LOG_SOFTMAX(a, axis=axis))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..graph.node import Expression, Node, Op, node, number


class Pattern(Expression):
    """An operation applied to patterns; nothing is checked until it is filled in."""

    def __init__(self, op: Op | None, args: tuple[Any, ...] = (), attrs: dict[str, Any] | None = None, name: str = ""):
        self.op, self.args, self.attrs, self.name = op, args, attrs or {}, name

    def apply(self, op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> Pattern:
        return Pattern(op, args, attrs)


@dataclass(frozen=True)
class Attribute:
    """An unknown axis, shape, ...: stands for whatever the matched node has there."""

    name: str


def unknown(name: str) -> Any:
    """Stands for any node in a law, the same one wherever it occurs."""
    return Pattern(None, name=name)


def attribute(name: str) -> Any:
    """Stands for any axis, shape, ... in a law, the same one wherever it occurs."""
    return Attribute(name)


Bindings = dict[Any, Any]


@dataclass(frozen=True)
class Law:
    """left → right, for all values of the unknowns for which `when` holds.

    `at` gives the tests an example of each attribute, `domain` the interval on which the equation is claimed.
    `hint` is a condition that `when` implies and that is read off the node at once, so that most nodes are not matched.
    """

    name: str
    left: Any
    right: Any
    when: Callable[[Bindings], bool] = lambda found: True
    at: dict[str, Any] = field(default_factory=dict)
    domain: tuple[float, float] = (-1e4, 1e4)
    hint: Callable[[Node], bool] | None = None

    def apply(self, n: Node) -> Node | None:
        """The right side for `n`, or None where the left does not match or the shape would change."""
        if self.hint is not None and not self.hint(n):
            return None
        for found in match(self.left, n, {}):
            if self.when(found):
                right = fill(self.right, found)
                if right.shape == n.shape and right.kind == n.kind:
                    return right
        return None


def match(pattern: Any, n: Node, found: Bindings) -> Iterator[Bindings]:
    """Every way in which `n` is an instance of `pattern`, both orders tried where the operation commutes."""
    if type(pattern) is Node:
        if n is pattern or (number(n) is not None and number(n) == number(pattern)):
            yield found
        return
    if pattern.op is None:
        known = found.get(pattern)
        if known is None:
            yield {**found, pattern: n}
        elif known is n:
            yield found
        return
    if n.op is not pattern.op or len(n.args) != len(pattern.args):
        return
    for key, value in n.attrs:
        wanted = pattern.attrs[key]
        if isinstance(wanted, Attribute):
            if found.get(wanted, value) != value:
                return
            found = {**found, wanted: value}
        elif wanted != value:
            return
    if len(n.args) == 1:
        yield from match(pattern.args[0], n.args[0], found)
        return
    orders = [n.args, n.args[::-1]] if n.op.commutes and n.args[0] is not n.args[1] else [n.args]
    for args in orders:
        yield from _match_all(pattern.args, args, found)


def _match_all(patterns: tuple[Any, ...], args: tuple[Node, ...], found: Bindings) -> Iterator[Bindings]:
    if not patterns:
        yield found
        return
    for more in match(patterns[0], args[0], found):
        yield from _match_all(patterns[1:], args[1:], more)


def fill(pattern: Any, found: Bindings) -> Node:
    """The pattern with its unknowns replaced by what was found."""
    if type(pattern) is not Pattern:
        return node(pattern)
    if pattern.op is None:
        return found[pattern]
    attrs = {k: found[v] if isinstance(v, Attribute) else v for k, v in pattern.attrs.items()}
    return pattern.op(*[fill(a, found) for a in pattern.args], **attrs)
