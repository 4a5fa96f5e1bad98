"""Pictures of a search: SVG for a page, text for a terminal. They take the search as data, and ask its model again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from .tree_svg import tree_svg
from .tree_text import tree_text
from .trellis_svg import trellis_svg
from .trellis_text import trellis_text

if TYPE_CHECKING:
    from ..search import Search


def search_svg(search: Search, step: int | None = None) -> str:
    """The search as an ``<svg>`` element: a tree from left to right, or a trellis.

    step   show it up to this step only; everything stands in the same place as in the whole picture, where the search
           is short enough for that

    >>> from chainrule.decode import Tree, greedy
    >>> search_svg(greedy(Tree({"a": -1.0, "b": -1.5}), 1).search).count("line-through")
    1
    """
    return tree_svg(cast(Any, search), step) if hasattr(search, "steps") else trellis_svg(cast(Any, search), step)


def search_text(search: Search, step: int | None = None, colour: bool = False) -> str:
    """The search as text: a tree by indentation, or a table of δ. `colour` adds the codes that terminals know.

    >>> from chainrule.decode import Tree, greedy
    >>> print(search_text(greedy(Tree({"a": -1.0, "b": -1.5}), 1).search))
    greedy search, N = 2 words, T = 1: 1 call of the model, 2 extensions scored
    ★ a    log p = −1.0
    ...
    <BOS>
    ├─★ a         −1.0   −1.0  the best
    └─× b         −1.5   −1.5  dropped at t = 1
    ...
    """
    shown = tree_text if hasattr(search, "steps") else trellis_text
    return shown(cast(Any, search), step, colour)


__all__ = ["search_svg", "search_text"]
