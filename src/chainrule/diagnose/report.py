"""What every report has in common: a title, a table, and numbers for JSON."""

from __future__ import annotations

from abc import ABC, abstractmethod
from html import escape
from typing import Any

from ..views.grid import Grid


class Report(ABC):
    """A verdict in a line, and the table that it rests on. Printed, and in a notebook, it is both."""

    @property
    @abstractmethod
    def title(self) -> str:
        """The verdict, in a line."""

    @property
    @abstractmethod
    def grid(self) -> Grid:
        """The table, with the remarks below it."""

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """For JSON: the verdict and the numbers."""

    def text(self) -> str:
        """The verdict and the whole table, as text."""
        return f"{self.title}\n{self.grid.text()}"

    def __str__(self) -> str:
        return f"{self.title}\n{self.grid}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.title)}</p>{self.grid._repr_html_()}"


__all__ = ["Report"]
