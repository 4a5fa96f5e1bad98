"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help='FILE.py:function, or a text such as "z = W @ x; L = sum(z**2)"; - reads the text from stdin.',
        show_default=False,
    ),
]
SizesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--sizes",
        metavar="SIZES",
        help='Shapes of the inputs, as in "x: n, W: h n", where annotations do not say them; numbers for sizes: n=100.',
        show_default=False,
    ),
]
Wrt = Annotated[
    list[str] | None,
    typer.Option(
        "--wrt",
        metavar="NAMES",
        help="What the gradients are taken in: W1,W2.  [default: every real input]",
        show_default=False,
    ),
]
At = Annotated[
    Path | None,
    typer.Option(
        "--at",
        metavar="FILE",
        help='Values of the inputs, as JSON: {"x": [1, 2], "W": [[1, 0], [0, 1]]}.',
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write to this file, whole or not at all.  [default: stdout]"),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json", help='Print one JSON object on stdout, and nothing else there; infinity is "inf" and no number "nan".'
    ),
]
Format = Annotated[
    Literal["text", "latex", "html", "md"] | None,
    typer.Option("--format", help="How it is written.  [default: as FILE of --out ends, or text]", show_default=False),
]
Engine = Annotated[Literal["numpy", "xla"], typer.Option("--engine", help="What computes.")]
Forward = Annotated[bool, typer.Option("--forward", help="The forward pass alone, without gradients.")]

__all__ = ["At", "Engine", "Format", "Forward", "Json", "Out", "SizesOption", "Target", "Wrt"]
