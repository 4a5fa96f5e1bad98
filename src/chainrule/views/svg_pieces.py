"""What all pictures in SVG share: the look, coordinates, safe texts, and the frame."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

FONT = "'Times New Roman', Times, 'Liberation Serif', 'STIX Two Text', serif"
INK, LINE, ACCENT, QUIET = "#1a1a1a", "#3d4653", "#b03a00", "#5a6472"

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def safe(text: str) -> str:
    """Text as XML may hold it."""
    return escape(_FORBIDDEN.sub("�", text))


def coordinate(x: float) -> str:
    """A coordinate, to a tenth.

    >>> coordinate(2.04), coordinate(-0.01), coordinate(3.25)
    ('2', '0', '3.2')
    """
    shown = f"{x:.1f}".removesuffix(".0")
    return "0" if shown == "-0" else shown


def framed(content: Iterable[str], width: float, height: float, title: str, described: str) -> str:
    """The whole ``<svg>`` element, on its own white ground, with what a screen reader says."""
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}">',
        f"<title>{safe(title)}</title>",
        f"<desc>{safe(described)}</desc>",
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="6" fill="#ffffff"/>',
        *content,
        "</svg>\n",
    ])  # fmt: skip


__all__ = ["ACCENT", "FONT", "INK", "LINE", "QUIET", "coordinate", "framed", "safe"]
