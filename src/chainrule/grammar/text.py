"""Statement after statement: each builds a value and gives it a name, as a Python function would."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..graph.errors import GraphError
from ..graph.node import Node, node, set_tracer
from ..graph.trace import Naming
from .evaluate import Expression
from .scan import Scanner, Statement
from .signs import normal, reserved
from .source import Source


@dataclass
class Reading:
    """What a text says.

    values    name -> what the text last gave this name to: a quantity, a number, a size or a shape
    result    the value of the last statement; a tuple of them after ``return a, b``
    naming    the names of the quantities in the order in which they got them
    """

    values: dict[str, Any]
    result: Any
    naming: Naming


def read_text(text: str, quantities: Mapping[str, Node], sizes: Collection[str] = ()) -> Reading:
    """Read statements about known quantities; `sizes` are the symbols that stand for sizes.

    Raises ParseError where the text cannot be understood, ShapeError and KindError where an operation does not fit;
    each shows the line, with a caret below the place.

    >>> from chainrule.graph.node import leaf
    >>> x, dx = leaf("x", ("n",)), leaf("dx", ("n",))
    >>> read_text("2·∂L/∂x ⊙ x²", {"x": x, "∂L/∂x": dx}).result is 2 * dx * x**2
    True
    """
    return _Reader(Source(text), quantities, sizes).read()


def names_read(text: str, known: Collection[str] = ()) -> set[str]:
    """The names that a text reads before it gives them a value, those of its functions among them.

    >>> sorted(names_read("z = W @ x; L = sum(z**2)"))
    ['W', 'sum', 'x']
    """
    found: set[str] = set()
    made: set[str] = set()
    for statement in Scanner(Source(text), known).statements():
        found |= {*statement.spelling.values()} - made
        made |= {statement.target.text} if statement.target is not None else set()
    return found


class _Reader:
    def __init__(self, source: Source, quantities: Mapping[str, Node], sizes: Collection[str]):
        self.source, self.sizes = source, dict.fromkeys(sizes)
        self.given = {normal(name): quantity for name, quantity in quantities.items()}
        self.values: dict[str, Any] = dict(self.given)
        self.naming = Naming()
        for name, quantity in self.given.items():
            self.naming.gave(quantity, plain_name(name))

    def read(self) -> Reading:
        """Builds everything; complaints of operations use the text's own names meanwhile."""
        statements = list(Scanner(self.source, {*self.given, *self.sizes}).statements())
        if not statements:
            raise self.source.error(0, "the text is empty: it should say what to compute, as in z = W @ x")
        self._check(statements)
        self.later = self._targets(statements)
        previous, result = set_tracer(self), None
        try:
            for statement in statements:
                result = self._run(statement)
            self._check_result(result)
        finally:
            set_tracer(previous)
        return Reading(self.values, result, self.naming)

    def _check(self, statements: list[Statement]) -> None:
        """Only the last statement may be without a name; inputs and numbers keep theirs."""
        for s in statements[:-1]:
            if s.returns:
                raise self.source.error(s.start, "`return` ends the text: nothing may follow it")
            if s.target is None:
                raise self.source.error(
                    s.start, "this value gets no name, and only the last statement can do without: write name = …"
                )
        last = statements[-1]
        signed = self.source.text[last.start] in "+-−" and last.target is None
        if len(statements) > 1 and signed and self.source.begins_line(last.start):
            raise self.source.error(
                last.start,
                "does this line go on from the one before? Then put brackets around both; if it is the result, "
                "write return before it",
            )
        for s in statements:
            if s.target is not None and s.target.text in self.given:
                what = f"`{s.target.text}` is an input and keeps its value: give this one another name"
                raise self.source.error(s.target.start, what)
            if s.target is not None and reserved(s.target.text):
                raise self.source.error(s.target.start, f"`{s.target.text}` cannot be the name of a quantity")

    def _targets(self, statements: list[Statement]) -> dict[str, int]:
        """The line on which each name first gets a value."""
        found: dict[str, int] = {}
        for s in statements:
            if s.target is not None:
                found.setdefault(s.target.text, self.source.place(s.start)[0])
        return found

    def _run(self, statement: Statement) -> Any:
        self.statement = statement
        value = Expression(self.source, statement, self.values, self.sizes, self.later).value()
        if statement.target is not None:
            name = statement.target.text
            if isinstance(value, Node) and self.values.get(name) is not value:
                self.naming.gave(value, plain_name(name))
            self.values[name] = value
        return value

    def _check_result(self, value: Any) -> None:
        parts = value if isinstance(value, (list, tuple)) else [value]
        try:
            if not parts or any(part is None for part in parts):
                raise GraphError("the text must end in a value")
            for part in parts:
                self.naming.origins.setdefault(node(part), self.source.origin(self.statement.start))
        except GraphError as error:
            raise self.source.pointing(self.statement.start, error) from None

    # A tracer hears of every operation that is called.

    def saw(self, node: Node) -> None:
        if node not in self.naming.origins:
            self.naming.origins[node] = self.source.origin(self.statement.start)

    def name_of(self, node: Node) -> str | None:
        return self.naming.name_of(node)


def plain_name(name: str) -> str:
    """A name for Python: a quantity that the text calls ∂L/∂x is dL_dx in a graph and in its programs."""
    return name.replace("/", "_").replace("∂", "d") if name.startswith("∂") else name
