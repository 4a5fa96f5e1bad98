"""One concern, one table: a view or an engine is a `Table` of rules and a walk over the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import MissingRule

if TYPE_CHECKING:
    from .node import Op


class Table(dict["Op", Any]):
    """Rules of one concern, one for each operation it knows.

    >>> @text(SIGMOID)                                  # doctest: +SKIP
    ... def rule(node, x): ...
    """

    def __init__(self, title: str):
        super().__init__()
        self.title = title

    def __call__(self, *ops: Op) -> Callable[[Any], Any]:
        """``@latex(SIGMOID)`` files the decorated rule under each of `ops`."""

        def file(rule: Any) -> Any:
            for op in ops:
                self[op] = rule
            return rule

        return file

    def __setitem__(self, op: Op, rule: Any) -> None:
        if op in self:
            raise MissingRule(f"the table {self.title!r} already has a rule for `{op.name}`")
        super().__setitem__(op, rule)

    def __missing__(self, op: Op) -> Any:
        raise MissingRule(
            f"the table {self.title!r} has no rule for the operation `{op.name}`; "
            f"file one: {self.title}[{op.name.upper()}] = ..."
        )
