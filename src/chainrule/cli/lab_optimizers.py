"""`chainrule lab optimizers`: SGD, momentum and Nesterov on one small deep network."""

from __future__ import annotations

import json as as_json
from pathlib import Path
from typing import Annotated, Literal

import typer

EXAMPLES = """
Train a network of 5 layers, 10 wide, with ELU, by SGD, momentum and Nesterov (ρ = 0.9) from the same weights, and show
how the loss, the accuracy and the length of the weights go; then see how the gradient comes back through 30 layers.
First it prints the untrained network's output for x = (1, 2, 3, 4, 5).

\b
  chainrule lab optimizers                               # 5 features, 3 classes, made with a fixed seed
  chainrule lab optimizers --data mine.csv               # the last column is the class
  chainrule lab optimizers --lr 0.002 --epochs 100 --json

It writes report.html, history-sgd.csv, history-momentum.csv, history-nesterov.csv and gradients.csv, or none of them.
"""


def optimizers(
    data: Annotated[
        Path | None,
        typer.Option(
            help="A .csv (the last column is the class) or .npz file (X and y) of your own.  [default: 1,500 rows of 5 "
            "features in 3 classes, always the same]",
            metavar="FILE", show_default=False,
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the training rows.", metavar="N")] = 40,
    lr: Annotated[float, typer.Option(help="Learning rate, the same for all three.", metavar="F")] = 0.005,
    batch_size: Annotated[int, typer.Option(help="Rows in a minibatch.", metavar="N")] = 32,
    seed: Annotated[
        int,
        typer.Option(
            help="Decides the first weights, the order of rows, and the split of --data. 42 is the exercise's.",
            metavar="N",
        ),
    ] = 42,
    engine: Annotated[Literal["numpy", "xla"], typer.Option(help="What computes.")] = "numpy",
    out: Annotated[Path, typer.Option(help="Folder for the report and its files.", metavar="DIR")] = Path(
        "out/optimizers"
    ),
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")
    ] = False,
) -> None:  # fmt: skip
    from ..labs.optimizers_result import Settings
    from ..labs.settings import SettingError

    try:
        _run(Settings(str(data) if data else None, epochs, lr, batch_size, seed, engine), out, json)
    except SettingError as error:
        raise typer.BadParameter(error.problem, param_hint=f"'--{error.setting.replace('_', '-')}'") from None


def _run(settings, out: Path, json: bool) -> None:
    from ..labs import optimizers
    from ..labs.files import OutputFolder
    from ..labs.optimizers_words import number
    from .progress import progress

    with OutputFolder(out, optimizers.FILES) as folder:
        data = optimizers.load(settings)
        if not json:
            _print_output(settings, data)
        with progress() as listener:
            result = optimizers.run(settings, data, listener)
            listener.stage("writing the report")
            paths = optimizers.save(result, folder)
    facts = optimizers.facts(result)
    if json:
        print(as_json.dumps(facts | {"files": {k: str(p) for k, p in paths.items()}}, indent=2, ensure_ascii=False))
        return
    start = number(result.trainings["sgd"].norms[0])
    print(f"\n{'':16}train loss     right   test loss     right   ‖W‖₂ from {start} to")
    for layers, found in ((5, result.trainings), (30, result.deep)):
        for t in found.values():
            e = t.epochs[-1]
            name = t.title if layers == 5 else f"{t.title}, L = 30"
            norm = f"   {number(t.norms[-1])}" if layers == 5 else ""
            print(
                f"{name:16}{number(e['train_loss']):>10}{100 * e['train_accuracy']:8.2f} %"
                f"{number(e['test_loss']):>12}{100 * e['test_accuracy']:8.2f} %{norm}"
            )
    g = result.at_start
    print(
        f"\ngradient, L = 30  {g.report.verdict} at the start: {g.mean_factor:.3f} a layer on its way back, by W "
        f"{g.mean_matrix:.3f} and by ELU′ {g.mean_activation:.3f}"
    )
    for name, path in paths.items():
        print(f"{'report' if name.endswith('html') else '':17} {path}")


def _print_output(settings, data) -> None:
    from ..labs import deep_elu

    readings = {deep_elu.LAYERS: "L = 5 layers with weights", deep_elu.LAYERS + 1: "if the 5 are hidden layers"}
    for layers, reading in readings.items():
        p = ", ".join(f"{v:.8f}" for v in deep_elu.output(layers, settings.seed))
        shape = "-".join(map(str, deep_elu.sizes(layers)))
        print(f"output for x = (1, 2, 3, 4, 5): ({p})  of the untrained {shape}, {reading}", flush=True)
    features = data.train.X.shape[1]
    if (features, data.classes) != (deep_elu.FEATURES, deep_elu.CLASSES):
        trained = "-".join(map(str, deep_elu.sizes(deep_elu.LAYERS, features, data.classes)))
        print(
            f"{data.name} has {features} features and {data.classes} classes: what is trained is {trained}, and the "
            "output above is of the published 5 features and 3 classes",
            flush=True,
        )


__all__ = ["EXAMPLES", "optimizers"]
