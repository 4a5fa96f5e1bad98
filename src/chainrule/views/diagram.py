"""What a picture of a graph shows: boxes for inputs and operations, arrows for the quantities that pass between them.

Numbers and sizes stand inside the operation that uses them, □ in the place of what arrives by an arrow. Arrows reach an
operation in the order of its arguments. Folded, each named quantity is one box with its equation, and a parameter that
a single box uses stands inside it. An input that is used far apart is drawn again there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ..graph.dims import Shape, shape_text
from ..graph.node import LEAF, Node, Op, varying, walk
from ..ops import convolution as C
from ..ops import elementary as E
from ..ops import linear as L
from ..ops import reduce as R
from ..ops.indexing import SLICE
from ..ops.movement import SQUEEZE
from .notation import plain
from .runs import Names, Run, Runs, name_runs
from .text import TEXT

MANY = 60
"""Boxes: a picture of more is folded, unless it is said to be not."""


class Shown(NamedTuple):
    """Numbers as they are to be shown: the shape of the array and its rows as text."""

    shape: tuple[int, ...]
    rows: Sequence[str]


@dataclass(frozen=True)
class Subject:
    """What is to be drawn.

    inputs    name -> leaf, those included that nothing uses
    labels    node -> its name, the outputs included
    roles     input name -> data, parameter, state or noise
    flows     node -> those of its arguments to which it passes an adjoint back; empty without a backward pass
    adjoint   how the adjoint is written, from the names of the loss and the quantity
    values, adjoints   at a point
    """

    title: str  # what the function is called
    inputs: Mapping[str, Node]
    outputs: Sequence[Node]
    labels: Mapping[Node, str]
    roles: Mapping[str, str]
    flows: Mapping[Node, Collection[Node]] = field(default_factory=dict)
    adjoint: Callable[[str, str], str] | None = None
    values: Mapping[Node, Shown] = field(default_factory=dict)
    adjoints: Mapping[Node, Shown] = field(default_factory=dict)


class Line(NamedTuple):
    """A line of a box; its style is name, sign, formula, parameter, value or adjoint."""

    runs: Runs
    style: str


@dataclass(frozen=True)
class Box:
    """role: data, parameter, state, noise, constant, product, activation or operation."""

    node: Node
    role: str
    lines: tuple[Line, ...]
    told: str  # the equation and the shape in words, for a tooltip
    size: Runs  # what stands on its arrows
    ordered: bool  # arrows must arrive in the order of the arguments
    output: str = ""  # "loss", "output", or nothing
    again: bool = False  # an input that has a box elsewhere too


class Edge(NamedTuple):
    """An arrow from one box to another, by their places; `back` where an adjoint comes back along it."""

    source: int
    target: int
    back: bool


@dataclass(frozen=True)
class Diagram:
    title: str
    described: str
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    backward: bool
    numbers: bool


def diagram(subject: Subject, fold: bool | None = None) -> Diagram:
    """The boxes and arrows of `subject`; folded if there would be more than 60 boxes and folding makes them fewer."""
    if fold is not None:
        return _Drawing(subject, fold).diagram()
    whole = _Drawing(subject, False)
    if len(whole.drawn) <= MANY:
        return whole.diagram()
    folded = _Drawing(subject, True)
    return (folded if len(folded.drawn) < len(whole.drawn) else whole).diagram()


class _Drawing:
    def __init__(self, subject: Subject, fold: bool):
        self.subject, self.fold = subject, fold
        self.names = Names()
        self.labels = dict(subject.labels)
        order = walk(*subject.inputs.values(), *subject.outputs)
        self.weight = weights(order, self.labels)
        self.varies = varying(order)
        self.through = {} if fold else _first_steps(order, self.labels)
        drawn = self._equations() if fold else [n for n in order if self._has_box(n)]
        among = set(drawn)
        self.sources = {n: self._sources(n, among) for n in drawn}
        self.inside = self._inside(drawn) if fold else {}
        hidden = {leaf for leaves in self.inside.values() for leaf in leaves}
        self.drawn = [n for n in drawn if n not in hidden]
        self.tokens = {n: self.names(label) for n, label in self.labels.items()}

    def _has_box(self, n: Node) -> bool:
        """Constants stand inside the operation that uses them, unless they are large."""
        if n in self.through:
            return False
        if n in self.varies or n in self.subject.outputs:
            return True
        return self.weight[n] > 8 or (bool(n.shape) and len(TEXT.write(n, {})) > 12)

    def _equations(self) -> list[Node]:
        """Inputs, and the quantities that the forward equations name; long parts have names of their own there."""
        s = self.subject
        inputs = {n: name for n, name in s.labels.items() if n.op is LEAF}
        computed = {n: s.labels[n] for n in walk(*s.outputs) if n in s.labels and n not in inputs}
        made: dict[Node, str] = {}
        found = TEXT.equations(computed, inputs, made)
        self.labels |= made
        return [*s.inputs.values(), *(e.node for e in found if not plain(e.node) or e.node in s.outputs)]

    def _sources(self, n: Node, drawn: Collection[Node]) -> list[Node]:
        """Where the arrows into n come from, in the order of the arguments; x·x has two."""
        if not self.fold:
            return [a for a in (self.through.get(a, a) for a in n.args) if a in drawn]
        return [m for m in walk(*n.args, stop=drawn) if m in drawn]

    def _inside(self, drawn: Sequence[Node]) -> dict[Node, list[Node]]:
        """The parameters that a single box uses, by that box."""
        users: dict[Node, list[Node]] = {}
        for n in drawn:
            for a in self.sources[n]:
                users.setdefault(a, []).append(n)
        found: dict[Node, list[Node]] = {}
        for name, leaf in self.subject.inputs.items():
            only = users.get(leaf, [])
            if self.subject.roles.get(name) == "parameter" and len(only) == 1 and leaf not in self.subject.outputs:
                found.setdefault(only[0], []).append(leaf)
        return found

    # Boxes and arrows ------------------------------------------------------------------------------------------------

    def diagram(self) -> Diagram:
        s = self.subject
        place = {n: k for k, n in enumerate(self.drawn)}
        far = self._far_apart()
        boxes = [self._box(n) for n in self.drawn]
        edges: list[Edge] = []
        used: set[Node] = set()
        for n in self.drawn:
            back = self._receivers(n)
            again: dict[Node, int] = {}
            for a in self.sources[n]:
                if a in far and a in used:
                    again[a] = len(boxes)
                    boxes.append(_repeated(boxes[place[a]]))
                if a in place:
                    edges.append(Edge(again.get(a, place[a]), place[n], a in back))
            used.update(self.sources[n])
        return Diagram(s.title, self._described(), tuple(boxes), tuple(edges), bool(s.flows), bool(s.values))

    def _far_apart(self) -> set[Node]:
        """The inputs that are used so far apart that their arrows would fill the picture: drawn where they are used."""
        left: dict[Node, int] = {}  # how many ranks there are still to come
        uses: dict[Node, list[int]] = {}
        for n in reversed(self.drawn):
            for a in dict.fromkeys(self.sources[n]):
                left[a] = max(left.get(a, 0), 1 + left.get(n, 0))
                uses.setdefault(a, []).append(left.get(n, 0))
        return {n for n, at in uses.items() if n.op is LEAF and len(at) * max(at) - sum(at) > _FAR}

    def _receivers(self, n: Node) -> set[Node]:
        """The boxes that get an adjoint from box n."""
        found: set[Node] = set()
        stack = [n]
        while stack:
            for a in self.subject.flows.get(stack.pop(), ()):
                if a not in found:
                    found.add(a)
                    if a not in self.sources:
                        stack.append(a)
        return found

    def _box(self, n: Node) -> Box:
        s = self.subject
        lines: list[Line] = []
        named = n in self.labels
        if named:
            lines.append(Line(self.names.runs(self.tokens[n]), "name"))
        expression = self._written(n)
        if expression and not (named and self.names.spelled(expression) == self.labels[n]):  # X[0] says it all
            style = "formula" if self.fold and named else "sign"
            lines.append(Line(self.names.runs(expression if style == "formula" else sign(expression)), style))
        inside = self.inside.get(n, [])
        for leaf in inside:
            size = size_runs(self._shape(leaf))
            gap = (Run(" "),) if size else ()
            lines.append(Line((*self.names.runs(self.tokens[leaf]), *gap, *size), "parameter"))
        for q in (n, *inside):
            lines += self._numbers(q, q is not n)
        for q in (n, *inside):
            lines += self._adjoint(q)
        output = "" if n not in s.outputs else "loss" if s.flows else "output"
        return Box(
            n, self._role(n), tuple(lines), self._told(n), size_runs(self._shape(n)), self._is_ordered(n), output
        )

    def _written(self, n: Node) -> str:
        """What the box does with what arrives: names stand for that if the picture is folded, □ if not."""
        if n.op is LEAF:
            return ""
        return TEXT.write(n, self.tokens if self.fold else {a: BLANK for a in self.sources[n]})

    def _numbers(self, n: Node, inner: bool) -> list[Line]:
        shown = self.subject.values.get(n)
        if shown is None:
            return []
        first = (*self.names.runs(self.tokens[n]), Run(" ")) if inner else ()
        return _rows(first, shown.rows, "value")

    def _adjoint(self, n: Node) -> list[Line]:
        s = self.subject
        if s.adjoint is None or n not in s.flows:
            return []
        shown = s.adjoints.get(n)
        if n not in self.labels and shown is None:
            return []
        label = self.names.runs(s.adjoint(self.tokens[s.outputs[0]], self._called(n)))
        return [Line(label, "adjoint")] if shown is None else _rows((*label, Run(" ")), shown.rows, "adjoint")

    def _is_ordered(self, n: Node) -> bool:
        """Whether a reader must see which argument is which."""
        return not self.fold and not n.op.commutes and len(set(n.args)) > 1

    def _called(self, n: Node) -> str:
        """A quantity without a name is called by its expression, if that is short."""
        if n in self.labels:
            return self.tokens[n]
        expression = TEXT.write(n, self.tokens) if self.weight[n] <= 8 else ""
        return f"({expression})" if 0 < len(expression) <= 16 else BLANK

    def _role(self, n: Node) -> str:
        if n.op is LEAF:
            return self.subject.roles.get(n.attr("name"), "data")
        if n not in self.varies:
            return "constant"
        if self.fold:
            return "operation"
        return "product" if n.op in PRODUCTS else "activation" if n.op in ACTIVATIONS else "operation"

    def _shape(self, n: Node) -> Shape:
        shown = self.subject.values.get(n)
        return n.shape if shown is None else shown.shape

    def _told(self, n: Node) -> str:
        """W1, a parameter of shape (h, n); z = W1 @ x, of shape (h)"""
        shape = f"of shape {shape_text(self._shape(n))}" if n.shape else "a scalar"
        if n.op is LEAF:
            return f"{n.attr('name')}: {self._role(n)}, {shape}"
        left = f"{self.labels[n]} = " if n in self.labels else ""
        expression = self._written(n) if self.weight[n] > _LONGEST else TEXT.write(n, self.tokens)
        expression = self.names.spelled(expression)
        return f"{left}{expression if len(expression) <= 200 else expression[:199] + '…'}, {shape}"

    def _described(self) -> str:
        s = self.subject
        computed = [self.labels.get(n, "a quantity") for n in s.outputs]
        parts = [f"The computational graph of {', '.join(dict.fromkeys(computed))} from {', '.join(s.inputs)}."]
        parts.append("Arrows enter an operation in the order of its arguments; beside them stand the sizes.")
        if self._far_apart():
            parts.append("Inputs that are used far apart are drawn again there, with a dashed border.")
        if s.flows:
            parts.append("Dashed arrows show the backward pass: what receives an adjoint from where.")
        return " ".join(parts)


def _repeated(box: Box) -> Box:
    told = f"{box.told}; drawn again where it is used"
    return replace(box, lines=box.lines[:1], told=told, output="", again=True)


_FAR = 60  # ranks that the arrows from one input pass, in all


def weights(order: Iterable[Node], labels: Container[Node]) -> dict[Node, int]:
    """How many nodes the expression of each node has, written in those that have labels."""
    found: dict[Node, int] = {}
    for n in order:
        found[n] = 1 + sum([1 if a in labels else found[a] for a in n.args])
    return found


def _first_steps(order: Iterable[Node], labels: Container[Node]) -> dict[Node, Node]:
    """x[0] is a slice without its axis, one operation to a reader. Such slices, with what they are taken of."""
    users: dict[Node, set[Op]] = {}
    for n in order:
        for a in n.args:
            users.setdefault(a, set()).add(n.op)
    return {n: n.args[0] for n, ops in users.items() if n.op is SLICE and n not in labels and ops == {SQUEEZE}}


_LONGEST = 60


def _rows(first: Runs, rows: Sequence[str], style: str) -> list[Line]:
    """``name = number`` on a line, an array of several rows below the sign."""
    numbers = [Run(row.replace("-", "−")) for row in rows]
    if len(rows) == 1:
        return [Line((*first, Run("= "), *numbers), style)]
    head = [Line((*first, Run("=")), style)] if first else []
    return [*head, *(Line((row,), style) for row in numbers)]


BLANK = "□"
PRODUCTS = frozenset({L.MATMUL, L.OUTER, L.EINSUM, C.CONV})
ACTIVATIONS = frozenset(
    (E.SIGMOID, E.TANH, E.RELU, E.LEAKY_RELU, E.ELU, E.GELU, E.GELU_TANH, E.SILU, E.SOFTPLUS, R.SOFTMAX, R.LOG_SOFTMAX)
)
_SIGNS = {
    "sigmoid": "σ", "relu": "ReLU", "elu": "ELU", "leaky_relu": "leaky ReLU", "gelu": "GELU", "silu": "SiLU",
    "sum": "Σ", "log_softmax": "log softmax", "broadcast_to": "broadcast", "one_hot": "one-hot",
    "logsumexp": "log Σ exp", "sqrt": "√",
}  # fmt: skip
_INFIX = re.compile(rf"{BLANK} ?(\S+?) ?{BLANK}")
_CALL = re.compile(rf"(?:op\.)?(\w+)\(\[?{BLANK}(?:, {BLANK})*\]?((?:, \w+=[^{BLANK}]+)*)\)")
_SHAPED = re.compile(rf"(reshape|broadcast_to)\({BLANK}, .*\)")


def sign(expression: str) -> str:
    """What an operation with blanks for its arguments is called in a picture.

    >>> sign("□ @ □"), sign("□·□"), sign("sigmoid(□)"), sign("sum(□, axis=0)"), sign("2·□"), sign("maximum(□, 0)")
    ('@', '×', 'σ', 'Σ axis=0', '2·□', 'maximum(□, 0)')
    """
    if found := _INFIX.fullmatch(expression):
        return "×" if found[1] == "·" else found[1]
    if found := _SHAPED.fullmatch(expression):
        return _SIGNS.get(found[1], found[1])
    if found := _CALL.fullmatch(expression):
        return _SIGNS.get(found[1], found[1]) + found[2].replace(",", "", 1)
    return expression


def size_runs(shape: Shape) -> Runs:
    """n×d, and nothing for a scalar."""
    runs: list[Run] = []
    for k, s in enumerate(shape):
        shown = str(s)
        enclosed = f"({shown})" if " " in shown and len(shape) > 1 else shown
        name = name_runs(shown) if shown.isidentifier() else (Run(enclosed),)
        runs += [*([Run("×")] if k else []), *name]
    return tuple(runs)


__all__ = ["BLANK", "MANY", "Box", "Diagram", "Edge", "Line", "Shown", "Subject", "diagram", "sign", "size_runs"]
