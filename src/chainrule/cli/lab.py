"""`chainrule lab`: experiments on real data, each with a report."""

from __future__ import annotations

import json as as_json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..graph.errors import ChainruleError
from . import lab_decoding, lab_optimizers

if TYPE_CHECKING:
    from ..labs.settings import Settings

lab = typer.Typer(help="Experiments on real data, each with a report.", no_args_is_help=True, rich_markup_mode=None)

EXAMPLES = """
Train a network with one hidden layer on real images, and show all of its work: the equations, the gradients derived
from them, what they cost, a numerical check, the training, and a diagnosis. The report is one page of HTML that needs
no network.

\b
  chainrule lab mlp                                      # handwritten digits, offline, in a few seconds
  chainrule lab mlp --data mnist --data-dir folder       # the four idx .gz files; without a folder: downloaded once
  chainrule lab mlp --hidden 32 --activation tanh --json
  chainrule lab mlp --data mnist --preset course         # a published exercise, its accuracies beside ours

It writes report.html, history.csv and params.safetensors, or none of them.
"""


@lab.callback()
def group() -> None:
    """Experiments on real data, each with a report."""


lab.command(
    "optimizers", help=lab_optimizers.EXAMPLES, short_help="SGD, momentum and Nesterov on a small deep network."
)(lab_optimizers.optimizers)
lab.command(
    "decoding", help=lab_decoding.EXAMPLES, short_help="Greedy, beam, Viterbi and exhaustive search, measured."
)(lab_decoding.decoding)


@lab.command("mlp", help=EXAMPLES, short_help="A network with one hidden layer on images of digits or clothes.")
def mlp(
    data: Annotated[
        Literal["digits", "mnist", "fashion-mnist"] | None,
        typer.Option(
            help="What to learn. digits comes with scikit-learn; the others are read or downloaded.  [default: digits; "
            "mnist with a preset]",
        ),
    ] = None,
    preset: Annotated[
        Literal["course"] | None,
        typer.Option(
            help="All numbers of a published exercise: MNIST, 784-64-10, sigmoid and ReLU. It trains both, unless "
            "--activation names one; other options change what they name."
        ),
    ] = None,
    hidden: Annotated[
        int | None,
        typer.Option(help="Neurons in the hidden layer.  [default: 64 for digits, 256 for the others]", metavar="N"),
    ] = None,
    activation: Annotated[
        Literal["relu", "sigmoid", "tanh", "elu"] | None,
        typer.Option(help="What the hidden layer does to each number.  [default: relu]"),
    ] = None,
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
        float | None,
        typer.Option(
            help="What each epoch multiplies the learning rate by.  [default: 0.95; 0.88 for fashion-mnist]",
            metavar="F",
        ),
    ] = None,
    reg: Annotated[
        float | None,
        typer.Option(help="Weight of the penalty reg/2 · (‖W1‖² + ‖W2‖²).  [default: 0.0001]", metavar="F"),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Images in a minibatch.  [default: 32; 64 for fashion-mnist]", metavar="N")
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
            data, preset, hidden, activation, epochs, lr, lr_decay, reg, batch_size, seed, engine,
            str(data_dir) if data_dir else None,
        )  # fmt: skip
        _run(settings, out, json)
    except SettingError as error:
        raise typer.BadParameter(error.problem, param_hint=f"'--{error.setting.replace('_', '-')}'") from None


def _run(settings: Settings, out: Path, json: bool) -> None:
    from ..labs import mlp
    from ..labs.course import course_facts
    from ..labs.files import OutputFolder
    from ..train import Diverged, Interrupted
    from .endings import in_flags
    from .progress import CourseLines, progress

    with OutputFolder(out, mlp.files(settings)) as folder, progress() as listener:
        listener = CourseLines(sys.stderr if json else sys.stdout) if settings.preset else listener
        try:
            results = mlp.run_all(settings, listener=listener)
        except Diverged as error:
            raise ChainruleError(in_flags(error, clip=False)) from error
        except Interrupted:  # what it says of a run in memory is of no use here
            raise KeyboardInterrupt from None
        listener.stage("writing the report")
        paths = mlp.save(results, folder)
    found = mlp.facts(results[-1])
    if settings.preset:
        found["course"] = course_facts(results)
    if json:
        names = {"report.html": "report", "history.csv": "history", "params.safetensors": "params"}
        files = {names.get(name, name): str(path) for name, path in paths.items()}
        print(as_json.dumps(found | {"files": files}, indent=2, ensure_ascii=False))
        return
    if settings.preset:
        _print_course(results)
    else:
        _print_result(found)
    for name, path in paths.items():
        print(f"{'report' if name == 'report.html' else '':15} {path}")


def _print_result(found: dict[str, Any]) -> None:
    accuracy, check = found["accuracy"], found["gradient_check"]
    print(f"test accuracy   {100 * accuracy['test']:.2f} % of {found['data']['rows']['test']:,} images")
    print(f"validation      {100 * accuracy['validation']:.2f} %, training {100 * accuracy['train']:.2f} %")
    print(f"gradients       right, largest relative error {check['max_relative_error']:.1e}")
    seconds, engine = found["seconds"]["train"], found["settings"]["engine"]
    print(f"training        {found['steps']:,} steps in {seconds:.1f} s on {engine}")


def _print_course(results: list[Any]) -> None:
    from ..labs.course import comparison, verdict

    print(f"\n{'':10}{'split':12}{'ours':>8}{'published':>12}")
    for line in comparison(results):
        print(f"{line.activation:10}{line.split:12}{line.ours:8.4f}{line.published:12.3f}")
    for result in results:
        print(f"\n{verdict(result)}")
    print("\nreg was read as reg/2 · (‖W1‖² + ‖W2‖²) and std as that of normal numbers; the report says why.\n")
