"""The command `chainrule`.

Exit codes: 0 done; 1 it could not be done, or there is a bug of ours; 2 it was asked for wrongly; 130 interrupted.
What was asked for goes to stdout, everything else to stderr. What a command needs is imported when it runs, so that
``chainrule --help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from .lab import lab
from .root import Root

app = typer.Typer(
    name="chainrule",
    cls=Root,
    help="Neural networks that show their work.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.add_typer(lab, name="lab")


def _version(asked: bool) -> None:
    if asked:
        print(f"chainrule {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Neural networks that show their work."""


def main() -> None:
    """Run the command line, and exit with its code."""
    app(prog_name="chainrule")


__all__ = ["app", "main"]
