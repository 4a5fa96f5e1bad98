"""The command `chainrule`.

Exit codes: 0 done; 1 it could not be done, or there is a bug of ours; 2 it was asked for wrongly; 130 interrupted.
What was asked for goes to stdout, everything else to stderr. Labs, plots and JAX are imported when a command
needs them, so that ``chainrule --help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from . import check, cost, decode, derive, draw, source, train
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
app.command("derive", help=derive.EXAMPLES, short_help="The gradients of a loss, step by step.")(derive.command)
app.command("cost", help=cost.EXAMPLES, short_help="What a loss and its gradients cost.")(cost.command)
app.command("draw", help=draw.EXAMPLES, short_help="A picture of the computational graph.")(draw.command)
app.command("source", help=source.EXAMPLES, short_help="The readable program that computes them.")(source.command)
app.command("check", help=check.EXAMPLES, short_help="The gradients against differences of the loss.")(check.command)
app.command("decode", help=decode.EXAMPLES, short_help="The likeliest sequences of a model.")(decode.command)
app.command("train", help=train.EXAMPLES, short_help="Train a network, and resume it.")(train.command)
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
