"""What text and LaTeX share: forms with a strength, and the walk that puts them together.

A rule turns a node into a `Form`: strings, and slots for arguments. A slot says how strongly its argument must bind to
stand there without parentheses, whether it may begin with a minus sign, and whether it may end in an open sum;
parentheses come from this and from nothing else. The walk keeps its own stack, so that depth costs nothing, and a long
expression is cut into equations with names of their own.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..graph.dims import Size
from ..graph.node import CONST, LEAF, SIZE, Node, Op

# How strongly a form binds. BIG is Σ, max, …: what follows would be read as summed too. A CONDITION is bare only where
# conditions stand; a QUOTIENT is a division on one line.
CONDITION, CHOICE, COMPARISON, OR, AND, SUM = -1, 0, 1, 3, 5, 10
QUOTIENT, PRODUCT, MATRIX_PRODUCT, BIG, MINUS, FRACTION, LABEL, POWER, TRANSPOSED, TIGHT, ATOM = (
    19, 20, 21, 22, 30, 31, 39, 40, 41, 42, 100,
)  # fmt: skip


class Slot(NamedTuple):
    """An argument's place: bare if it binds at least as `least`, or exactly as one of `also`."""

    node: Any  # a node, or what a notation of its own makes of one
    least: int = CHOICE
    also: tuple[int, ...] = ()
    unsigned: bool = False  # no minus sign may open it, as after another sign
    closed: bool = False  # no Σ may end it, as before a further factor

    def bare(self, strength: int) -> bool:
        return strength >= self.least or strength in self.also


class Form(NamedTuple):
    strength: int
    parts: tuple[str | Slot, ...]
    through: tuple[Node, ...] = ()  # arguments that this form opens: if one has a name, `otherwise` is used
    otherwise: Callable[[], Form] | None = None
    only: int | None = None  # the strength of the names that count; any if None


Rule = Callable[[Node], Form]
Labels = Callable[[Node], str | None]


def form(
    strength: int,
    *parts: str | Slot,
    through: tuple[Node, ...] = (),
    otherwise: Callable[[], Form] | None = None,
    only: int | None = None,
) -> Form:
    return Form(strength, parts, through, otherwise, only)


def comma(nodes: Iterable[Node]) -> Iterator[str | Slot]:
    for k, a in enumerate(nodes):
        if k:
            yield ", "
        yield Slot(a)


def plain(n: Node) -> bool:
    """A number or a size: what stands for itself, and never has a name."""
    return n.op is SIZE or (n.op is CONST and not n.shape)


@dataclass(frozen=True)
class Equation:
    """``name = expression``, the name and the expression each as text; `node` is what they stand for.

    Where it `assigns` it is an update, ``name ← expression``: the quantity's value after a step.
    """

    name: str
    expression: str
    node: Node
    assigns: bool = False

    def __str__(self) -> str:
        return f"{self.name} {'←' if self.assigns else '='} {self.expression}"


class Notation:
    """A way of writing graphs.

    rules      a rule for each operation; `default` writes any other
    name       how a quantity's name looks, one to one
    brackets   which parentheses to use
    symbol     how the symbol of a size looks
    quoted     how a size is written where a quantity has the name of one of its symbols
    """

    def __init__(
        self,
        rules: Mapping[Op, Rule],
        default: Rule,
        name: Callable[[str], str],
        brackets: tuple[str, str],
        symbol: Callable[[str], str],
        quoted: Callable[[Size], str],
    ):
        self.rules, self.default, self.name, self.brackets = rules, default, name, brackets
        self.symbol, self.quoted = symbol, quoted

    def form(self, n: Node, label: Labels = lambda n: None) -> Form:
        """How `n` is written where the nodes that `label` names are."""
        found = self.rules[n.op](n) if n.op in self.rules else self.default(n)
        while found.otherwise is not None:
            names = [name for name in map(label, found.through) if name is not None]
            if not any(found.only is None or label_strength(name) == found.only for name in names):
                break
            found = found.otherwise()
        return found

    def write(self, root: Node, labels: Mapping[Node, str]) -> str:
        """`root` as an expression in the labelled nodes; its own label is not used."""
        return self.expression(root, labels.get)

    def expression(self, root: Node, label: Labels) -> str:
        """`root` in the nodes that `label` names; its own label is not used."""
        return self._write(root, lambda n: None if plain(n) else label(n))

    def _write(self, root: Any, label: Labels) -> str:
        out: list[str] = []
        top = self.form(root, label)
        stack: list[Any] = [top] if top.strength >= CHOICE else [self.brackets[1], top, self.brackets[0]]
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                out.append(item)
            elif isinstance(item, Form):
                stack.extend(reversed(item.parts))
            else:
                inner = self._inner(item, label)
                leaks = (item.unsigned and self._signed(inner, label)) or (item.closed and self._open(inner, label))
                if leaks or not item.bare(inner.strength):
                    stack.extend((self.brackets[1], inner, self.brackets[0]))
                else:
                    stack.append(inner)
        return "".join(out)

    def _inner(self, slot: Slot, label: Labels) -> Form:
        named = label(slot.node)
        return self.form(slot.node, label) if named is None else form(label_strength(named), named)

    def _signed(self, f: Form, label: Labels) -> bool:
        """Whether a minus sign opens the form."""
        while True:
            first = next(filter(None, f.parts))
            if isinstance(first, str):
                return first.startswith("-")
            f = self._inner(first, label)
            if not first.bare(f.strength):
                return False

    def _open(self, f: Form, label: Labels) -> bool:
        """Whether a Σ, a maximum, … ends the form, so that a further factor would be read as part of it."""
        while f.strength != BIG:
            last = next(filter(None, reversed(f.parts)))
            if isinstance(last, str):
                return False
            f = self._inner(last, label)
            if not last.bare(f.strength):
                return False
        return True

    def equations(
        self, roots: Mapping[Node, str], labels: Mapping[Node, str], made: dict[Node, str] | None = None
    ) -> list[Equation]:
        """One equation for every root, in order of computation, in terms of the labelled nodes.

        What would become too long, or is long and used in several places, gets an equation and a name t1, t2, … of
        its own; `made` keeps these from one call to the next. A root that is labelled otherwise too equals that label.
        """
        made = {} if made is None else made
        order = _down_to(roots, ChainMap(made, labels) if made else labels)  # type: ignore[arg-type]
        apart = self.apart(order, lambda n: n in roots or n in labels or n in made or n.op is LEAF, roots)
        view = self.letters_in_view(order, labels, roots)
        visible = {self.name(n.attr("name")) for n in order if n.op is LEAF}
        sizes = self._clashes(order, visible, labels, roots)

        def label(n: Node) -> str | None:
            if n.op is SIZE or n.op is CONST:
                return sizes.get(n)
            return roots.get(n) or made.get(n) or labels.get(n)

        uses: dict[Node, int] = {}
        for n in order:
            for a in n.args:
                uses[a] = uses.get(a, 0) + 1
        weight: dict[Node, int] = {}
        listed: list[Node] = []
        taken: set[str] = set()
        count = 0
        for n in order:
            weight[n] = 1
            if n not in roots and (n in labels or n in made or n.op is LEAF or n.op is CONST or n.op is SIZE):
                continue
            if n in roots:
                listed.append(n)
                continue
            heavy = 1 + sum(weight[a] for a in n.args)
            if n not in apart and heavy <= _LONG and (uses.get(n, 0) < 2 or heavy <= _SHARED):
                weight[n] = heavy
                continue
            taken = taken or {*labels.values(), *roots.values(), *made.values(), *visible, *self._symbols(order)}
            count = max(count, len(made)) + 1
            while self.name(f"t{count}") in taken:
                count += 1
            made[n] = self.name(f"t{count}")
            taken.add(made[n])
            listed.append(n)
        found = []
        for n in listed:
            own = roots[n] if n in roots else made[n]
            other = labels.get(n) if n in roots else None
            same = Equation(own, other, n) if other is not None and other != own else None
            found.append(same or self.equation(own, n, label, view))
        return found

    def equation(self, own: str, n: Node, label: Labels, view: frozenset[str] = frozenset()) -> Equation:
        """``own = n``; `view` holds the letters that mean something elsewhere."""
        return Equation(own, self._write(n, label), n)

    def apart(self, order: Sequence[Node], named: Callable[[Node], bool], roots: Container[Node]) -> Collection[Node]:
        """What gets an equation of its own for another reason than its length."""
        return ()

    def letters_in_view(
        self, order: Sequence[Node], labels: Mapping[Node, str], roots: Mapping[Node, str]
    ) -> frozenset[str]:
        """Letters that no index may have."""
        return frozenset()

    def _symbols(self, order: Iterable[Node]) -> set[str]:
        return {self.symbol(name) for n in order if n.op is SIZE for name in n.attr("of").symbols}

    def _clashes(
        self, order: list[Node], visible: set[str], labels: Mapping[Node, str], roots: Mapping[Node, str]
    ) -> dict[Node, str]:
        """The sizes used as values that would be read as quantities: ``def f(x: "n", n: "")``."""
        sizes = [n for n in order if n.op is SIZE]
        if not sizes:
            return {}
        names = {*visible, *labels.values(), *roots.values()}
        return {
            n: self.quoted(n.attr("of")) for n in sizes if any(self.symbol(s) in names for s in n.attr("of").symbols)
        }


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


def names_below(root: Node, label: Labels) -> list[Node]:
    """The nodes below `root`, and nothing below a labelled one but for the root itself."""
    seen, queue = {root}, [root]
    for n in queue:
        if n is root or label(n) is None:
            fresh = [a for a in n.args if a not in seen]
            seen.update(fresh)
            queue += dict.fromkeys(fresh)
    return queue


def label_strength(label: str) -> int:
    """A derivative's label is a fraction: no power or transpose is set on it without parentheses."""
    return LABEL if "∂" in label or "\\partial" in label else ATOM
