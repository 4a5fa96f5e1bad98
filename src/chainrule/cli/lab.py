"""`chainrule lab`: experiments on real data, each with a report."""

from __future__ import annotations

import json as as_json
from pathlib import Path
from typing import Annotated, Literal

import typer

from . import lab_optimizers

lab = typer.Typer(help="Experiments on real data, each with a report.", no_args_is_help=True, rich_markup_mode=None)

EXAMPLES = """
Train a network with one hidden layer on real images, and show all of its work: the equations, the gradients derived
from them, what they cost, a numerical check, and the training. The report is one page of HTML that needs no network.

\b
  chainrule lab mlp                                      # handwritten digits, offline, in a few seconds
  chainrule lab mlp --data mnist --data-dir folder       # the four idx .gz files; without a folder: downloaded once
  chainrule lab mlp --hidden 32 --activation tanh --json

It writes report.html, history.csv and params.safetensors, or none of them.
"""


@lab.callback()
def group() -> None:
    """Experiments on real data, each with a report."""


lab.command(
    "optimizers", help=lab_optimizers.EXAMPLES, short_help="SGD, momentum and Nesterov on a small deep network."
)(lab_optimizers.optimizers)


@lab.command("mlp", help=EXAMPLES, short_help="A network with one hidden layer on images of digits or clothes.")
def mlp(
    data: Annotated[
        Literal["digits", "mnist", "fashion-mnist"],
        typer.Option(help="What to learn. digits comes with scikit-learn; the others are read or downloaded."),
    ] = "digits",
    hidden: Annotated[int, typer.Option(help="Neurons in the hidden layer.", metavar="N")] = 64,
    activation: Annotated[
        Literal["relu", "sigmoid", "tanh", "elu"], typer.Option(help="What the hidden layer does to each number.")
    ] = "relu",
    epochs: Annotated[
        int | None,
        typer.Option(help="Passes over the training images.  [default: 40 for digits, 20 for the others]", metavar="N"),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(
            help="Learning rate of the first epoch.  [default: 0.5 for digits, 0.3 for mnist, 0.2 for fashion-mnist]",
            metavar="F",
        ),
    ] = None,
    lr_decay: Annotated[
        float, typer.Option(help="What each epoch multiplies the learning rate by.", metavar="F")
    ] = 0.95,
    reg: Annotated[float, typer.Option(help="Weight of the penalty reg/2 · (‖W1‖² + ‖W2‖²).", metavar="F")] = 1e-4,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Images in a minibatch.  [default: 32 for digits, 64 for the others]", metavar="N"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides split, first weights and order of images.", metavar="N")] = 0,
    engine: Annotated[
        Literal["numpy", "xla"] | None,
        typer.Option(help="What computes.  [default: numpy for digits, xla for the others]"),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder with the idx .gz files.  [default: $CHAINRULE_DATA, or a download]", metavar="DIR"),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the report and its files.", metavar="DIR")] = Path("out/mlp"),
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")
    ] = False,
) -> None:
    from ..labs.settings import SettingError, Settings

    try:
        settings = Settings(
            data,
            hidden,
            activation,
            epochs,
            lr,
            lr_decay,
            reg,
            batch_size,
            seed,
            engine,
            str(data_dir) if data_dir else None,
        )
        _run(settings, out, json)
    except SettingError as error:
        raise typer.BadParameter(error.problem, param_hint=f"'--{error.setting.replace('_', '-')}'") from None


def _run(settings, out: Path, json: bool) -> None:
    from ..labs import mlp
    from ..labs.files import OutputFolder
    from .progress import progress

    with OutputFolder(out, mlp.FILES) as folder, progress() as listener:
        result = mlp.run(settings, listener=listener)
        listener.stage("writing the report")
        paths = mlp.save(result, folder)
    facts = mlp.facts(result)
    if json:
        files = {"report": paths["report.html"], "history": paths["history.csv"], "params": paths["params.safetensors"]}
        print(as_json.dumps(facts | {"files": {k: str(p) for k, p in files.items()}}, indent=2, ensure_ascii=False))
        return
    accuracy, check = facts["accuracy"], facts["gradient_check"]
    print(f"test accuracy   {100 * accuracy['test']:.2f} % of {facts['data']['rows']['test']:,} images")
    print(f"validation      {100 * accuracy['validation']:.2f} %, training {100 * accuracy['train']:.2f} %")
    print(f"gradients       right, largest relative error {check['max_relative_error']:.1e}")
    print(f"training        {facts['steps']:,} steps in {facts['seconds']['train']:.1f} s on {settings.engine}")
    for name, path in paths.items():
        print(f"{'report' if name.endswith('html') else '':15} {path}")
