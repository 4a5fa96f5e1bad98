"""What text and LaTeX share: forms with a strength, and the walk that puts them together.

A rule turns a node into a `Form`: strings, and slots for arguments. A slot says how strongly its argument must bind to
stand there without parentheses; parentheses come from this and from nothing else. The walk keeps its own stack, so
that depth costs nothing, and a long expression is cut into equations with names of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..graph.node import CONST, LEAF, SIZE, Node, Op

# how strongly a form binds
CHOICE, SUM, PRODUCT, MATRIX_PRODUCT, MINUS, POWER, ATOM = 0, 10, 20, 21, 30, 40, 100


@dataclass(frozen=True)
class Slot:
    """An argument's place: bare if it binds at least as `least`, or exactly as `same` (the left side of a chain)."""

    node: Node
    least: int = CHOICE
    same: int = -1

    def bare(self, strength: int) -> bool:
        return strength >= self.least or strength == self.same


@dataclass(frozen=True)
class Form:
    strength: int
    parts: tuple[str | Slot, ...]


Rule = Callable[[Node], Form]


def form(strength: int, *parts: str | Slot) -> Form:
    return Form(strength, parts)


def infix(sign: str, strength: int) -> Rule:
    """A chain from the left: a + b + c is (a + b) + c, and a + (b + c) keeps its parentheses."""
    tighter = MINUS if strength >= PRODUCT else strength + 1
    return lambda n: form(strength, Slot(n.args[0], tighter, strength), sign, Slot(n.args[1], tighter + (tighter == MINUS)))


def comma(nodes: Iterable[Node]) -> Iterator[str | Slot]:
    for k, a in enumerate(nodes):
        if k:
            yield ", "
        yield Slot(a)


@dataclass(frozen=True)
class Equation:
    """``name = expression``, the name and the expression each as text; `node` is what they stand for."""

    name: str
    expression: str
    node: Node

    def __str__(self) -> str:
        return f"{self.name} = {self.expression}"


class Notation:
    """A way of writing graphs: a table of rules, how names look, and which parentheses to use."""

    def __init__(self, rules: Mapping[Op, Rule], default: Rule, name: Callable[[str], str], brackets: tuple[str, str]):
        self.rules, self.default, self.name, self.brackets = rules, default, name, brackets

    def form(self, n: Node) -> Form:
        return self.rules[n.op](n) if n.op in self.rules else self.default(n)

    def write(self, root: Node, labels: Mapping[Node, str]) -> str:
        """`root` as an expression in the labelled nodes; its own label is not used."""
        out: list[str] = []
        stack: list[Any] = [self.form(root)]
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                out.append(item)
            elif isinstance(item, Form):
                stack.extend(reversed(item.parts))
            elif item.node in labels:
                label = labels[item.node]
                stack.append(label if item.bare(label_strength(label)) else "".join((self.brackets[0], label, self.brackets[1])))
            else:
                inner = self.form(item.node)
                if item.bare(inner.strength):
                    stack.append(inner)
                else:
                    stack.extend((self.brackets[1], inner, self.brackets[0]))
        return "".join(out)

    def equations(self, roots: Mapping[Node, str], labels: Mapping[Node, str]) -> list[Equation]:
        """One equation for every root, in order of computation, in terms of the labelled nodes.

        What would become too long, or is long and used in several places, gets an equation and a name t1, t2, … of
        its own. A root that is labelled otherwise too equals that label.
        """
        named = dict(labels) | dict(roots)
        order = _down_to(roots, labels)
        taken, weight = {*named.values(), *labels.values()}, {}
        uses: dict[Node, int] = {}
        for n in order:
            for a in n.args:
                uses[a] = uses.get(a, 0) + 1
        listed: list[Node] = []
        count = 0
        for n in order:
            if n.op is LEAF or n.op is CONST or n.op is SIZE or (n in labels and n not in roots):
                weight[n] = 1
                continue
            weight[n] = 1 + sum(weight[a] for a in n.args)
            if n not in named and (weight[n] > _LONG or (uses.get(n, 0) > 1 and weight[n] > _SHARED)):
                count += 1
                while self.name(f"t{count}") in taken:
                    count += 1
                named[n] = self.name(f"t{count}")
            if n in named:
                weight[n] = 1
                if n in roots or n not in labels:
                    listed.append(n)
        shown = {n: label for n, label in named.items() if n.op not in (CONST, SIZE)}
        listed += [r for r in roots if r not in weight or not r.args]
        same = {n: label for n, label in labels.items() if n in roots and roots[n] != label}
        return [Equation(named[n], same[n] if n in same else self.write(n, shown), n) for n in dict.fromkeys(listed)]


_LONG, _SHARED = 60, 6


def _down_to(roots: Iterable[Node], labels: Mapping[Node, str]) -> list[Node]:
    """The nodes below the roots in order of computation, and nothing below a labelled one that is no root."""
    roots = dict.fromkeys(roots)
    done: dict[Node, None] = {}
    stack = list(reversed(roots))
    while stack:
        n = stack[-1]
        todo = [] if n in done or (n in labels and n not in roots) else [a for a in n.args if a not in done]
        if todo:
            stack.extend(reversed(todo))
        else:
            done.setdefault(n)
            stack.pop()
    return list(done)


def label_strength(label: str) -> int:
    """A derivative's label is a fraction: no power or transpose is set on it without parentheses."""
    return POWER - 1 if "∂" in label or "\\partial" in label else ATOM
