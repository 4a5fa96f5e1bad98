"""One look for every plot, and a figure as SVG that follows a page's light or dark colours."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..face.files import check_writable, write_file
from ..graph.errors import OutputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, PAPER = "#1b1f24", "#d0d4d9", "#fefefe"
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
SERIES = (BLUE, ORANGE, GREEN, PURPLE)
VARIABLES = {
    INK: "--ink", FAINT: "--line", PAPER: "--paper",
    BLUE: "--blue", ORANGE: "--orange", GREEN: "--green", PURPLE: "--purple",
}  # fmt: skip
"""What a colour is called in the page's style sheet; a page that does not know the name shows the colour itself."""

_RC: dict[Any, Any] = {
    "axes.edgecolor": INK, "axes.labelcolor": INK, "axes.titlecolor": INK, "text.color": INK, "xtick.color": INK,
    "ytick.color": INK, "grid.color": FAINT, "axes.facecolor": "none",
    "figure.facecolor": "none", "savefig.facecolor": "none", "axes.grid": True,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "grid.linewidth": 0.6,
    "font.family": "sans-serif", "font.size": 10, "axes.titlesize": 11, "legend.facecolor": PAPER,
    "legend.edgecolor": "none", "legend.framealpha": 0.75, "lines.linewidth": 1.8,
    "svg.fonttype": "none", "svg.image_inline": True, "path.simplify": True, "path.simplify_threshold": 0.3,
}  # fmt: skip


@contextmanager
def styled() -> Iterator[None]:
    """matplotlib's settings for our plots, for the time of the block."""
    import matplotlib

    with matplotlib.rc_context(_RC):
        yield


def figure(width: float, height: float) -> Figure:
    """A figure of so many inches, that no window manager knows of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def whole_numbers(axes: Axes) -> None:
    """Ticks of the x axis at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True, min_n_ticks=1))


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the figure as a PNG, SVG or PDF, as the file's name ends; whole or not at all, at 150 dots an inch.

    Raises OutputError for another ending, and where the file cannot be written.
    """
    import matplotlib

    kind = os.path.splitext(path)[1].lower().removeprefix(".")
    if kind not in _KINDS:
        raise OutputError(f"cannot write {path}: a figure is written as {', '.join(_KINDS)}; name it {_named(path)}")
    check_writable(path)
    out = io.BytesIO()
    metadata = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}}[kind]
    with styled(), matplotlib.rc_context({"svg.hashsalt": "chainrule"}):
        figure.savefig(out, format=kind, dpi=150, metadata=metadata, facecolor=PAPER)
    write_file(path, out.getvalue())


_KINDS = ("png", "svg", "pdf")


def _named(path: str | os.PathLike[str]) -> str:
    return os.path.splitext(os.path.basename(path))[0] + ".png"


def svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an SVG element to stand in a page of HTML.

    name          prefixes every id in it, so that several figures share a page
    description   what a screen reader says

    Nothing in it refers to another file: text is in the reader's sans-serif font, images are data. Our colours are
    written as ``var(--ink, #1b1f24)``, so that a page can change them.
    """
    from html import escape

    import matplotlib

    out = io.StringIO()
    with styled(), matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.S)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'(url\(#|href="#)([^)"]+)', rf"\1{name}-\2", text)
    text = text.replace("xlink:href", "href")
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable}, {colour})")
    text = re.sub(r"(font: [^;\"']*|font-family: )'[^;\"]*", r"\1sans-serif", text)  # the reader's, not a list of ours
    text = re.sub(r">\s+<(?!/text|tspan)", "><", text)
    box = re.search(r'viewBox="[^"]+"', text)
    wide = round(figure.get_figwidth() * 96)  # a plot may shrink on a narrow page, but never grows
    head = (
        f'<svg {box[0] if box else ""} role="img" aria-label="{escape(description, quote=True)}" class="plot" '
        f'style="max-width: {wide}px">'
    )
    return head + text[text.index(">") + 1 :].strip()
