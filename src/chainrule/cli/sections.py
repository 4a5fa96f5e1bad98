"""Tables under their titles, in each format."""

from __future__ import annotations

from collections.abc import Sequence

from ..views import markdown, tex
from ..views.grid import Grid
from ..views.page import page

Sections = Sequence[tuple[str, Grid]]


def written(title: str, sections: Sections, kind: str, whole: bool) -> str:
    """The tables as text, Markdown, a page of HTML, or LaTeX; `whole` makes a document of LaTeX."""
    if kind == "html":
        return page(title, [(name, f'<div class="scroll facts">{g.html()}</div>') for name, g in sections], "chainrule")
    if kind == "md":
        parts = [f"# {markdown.words(title)}", *(f"## {name}\n\n{markdown.grid(g)}" for name, g in sections)]
        return "\n\n".join(parts) + "\n"
    if kind == "latex":
        if whole:
            return tex.whole(title, [(name, tex.grid(g)) for name, g in sections])
        return "\n\n".join(g.latex() for _, g in sections)
    return "\n\n".join(f"{name}\n{g.text()}" for name, g in sections)


__all__ = ["written"]
