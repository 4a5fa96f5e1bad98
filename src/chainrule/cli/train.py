"""`chainrule train`: a network of one's own choice, from options or a file in YAML; interrupted and resumed."""

from __future__ import annotations

import json as as_json
import shlex
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..graph.errors import ChainruleError, InputError, OutputError
from ..graph.spelling import visible
from .config import Config, Value, flagged, read_file, resolved
from .root import Halted

if TYPE_CHECKING:
    from ..train import Run

EXAMPLES = """
Train a network: layers, loss, update rule and data by options, or by a file in YAML that has them as keys. Options go
before the file, and one that names another optimizer or other data drops the file's learning rate, or target, with it.
A run that was interrupted, or killed, goes on from its last checkpoint, bit for bit.

\b
  chainrule train --hidden 64,32 --dropout 0.2 --optimizer adam --schedule cosine
  chainrule train --data mnist --hidden 128 --engine xla --out runs/a
  chainrule train --data houses.csv --target price --optimizer adam --lr 0.1 --early-stopping 10
  chainrule train --net net.py:deep --data mine.npz      # a network of cr.nn in a file of your own
  chainrule train config.yaml --epochs 5
  chainrule train runs/a/config.yaml --resume            # go on; with --epochs 40, for longer

\b
config.yaml:
  data: digits
  hidden: [64, 32]
  optimizer: adam
  epochs: 20

Paths are relative to the folder where the command runs. DIR holds the checkpoints and config.yaml, with every setting,
from the start; at the end net.safetensors and best.safetensors, for cr.load, history.csv, run.png and report.html.
"""

_LAST, _BEST = "net.safetensors", "best.safetensors"


def command(
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="A file in YAML.", show_default=False)
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="digits, mnist, fashion-mnist, or a .csv or .npz file of your own.  [default: digits]", metavar="DATA"
        ),
    ] = None,
    data_dir: Annotated[
        str | None,
        typer.Option(help="Folder of MNIST's files.  [default: $CHAINRULE_DATA, or a download]", metavar="DIR"),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="CSV: the column to learn, a name or an index.  [default: the last]", metavar="COLUMN"),
    ] = None,
    regression: Annotated[
        bool | None,
        typer.Option(
            "--regression/--classes",
            help="A file's targets are values, or classes.  [default: text and whole numbers are classes]",
            show_default=False,
        ),
    ] = None,
    standardize: Annotated[
        bool | None,
        typer.Option(
            "--standardize/--no-standardize",
            help="Give each feature of a file mean 0 and variance 1.  [default: standardize]", show_default=False,
        ),
    ] = None,
    net: Annotated[
        str | None,
        typer.Option(help="FILE.py:name, a network of cr.nn or a function that answers one.", metavar="NET"),
    ] = None,
    hidden: Annotated[
        str | None, typer.Option(help="Sizes of the hidden layers: 64,32; or none.  [default: 64]", metavar="N,N")
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(
            help="relu, leaky_relu, elu, gelu, silu, softplus, sigmoid or tanh.  [default: relu]", metavar="NAME"
        ),
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(help="Share of hidden neurons dropped.  [default: 0]", metavar="F")
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            help="cross_entropy, binary_cross_entropy, squared_error, absolute_error or huber.  [default: "
            "cross_entropy for classes, squared_error for values]",
            metavar="NAME",
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(help="sgd, adagrad, rmsprop, adam or adamw.  [default: sgd]", metavar="NAME"),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(help="Learning rate.  [default: 0.1; adagrad 0.01; the others 0.001]", metavar="F"),
    ] = None,
    momentum: Annotated[float | None, typer.Option(help="Of sgd.  [default: 0]", metavar="F")] = None,
    nesterov: Annotated[
        bool | None, typer.Option("--nesterov/--no-nesterov", help="Nesterov's momentum.", show_default=False)
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(help="constant, exponential or cosine (to 0 at the end).  [default: constant]", metavar="NAME"),
    ] = None,
    lr_decay: Annotated[
        float | None, typer.Option(help="exponential: the factor of each epoch.  [default: 0.95]", metavar="F")
    ] = None,
    l2: Annotated[
        float | None, typer.Option("--l2", help="Penalty λ‖w‖² in the loss, not of biases.", metavar="F")
    ] = None,
    l1: Annotated[
        float | None, typer.Option("--l1", help="Penalty λ Σ|w| in the loss, not of biases.", metavar="F")
    ] = None,
    weight_decay: Annotated[
        float | None,
        typer.Option(help="λ of λw in the gradient; adamw's is decoupled.  [default: 0; adamw 0.01]", metavar="F"),
    ] = None,
    clip_norm: Annotated[
        float | None, typer.Option(help="The bound of the norm of all gradients.", metavar="F")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the rows.  [default: 20]", metavar="N")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows in a minibatch.  [default: 32]", metavar="N")] = None,
    drop_last: Annotated[
        bool | None,
        typer.Option(
            "--drop-last/--keep-last", help="Leave out an epoch's smaller last minibatch.", show_default=False
        ),
    ] = None,
    early_stopping: Annotated[
        int | None, typer.Option(help="Stop after so many epochs without a better validation loss.", metavar="N")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Decides split, first weights, order and dropout.  [default: 0]", metavar="N"),
    ] = None,
    engine: Annotated[
        Literal["numpy", "xla"] | None, typer.Option(help="What computes.  [default: numpy]")
    ] = None,
    dtype: Annotated[
        Literal["float32", "float64"] | None, typer.Option(help="The precision.  [default: float32]")
    ] = None,
    checkpoint_every: Annotated[
        int | None, typer.Option(help="Checkpoints every so many steps, besides each epoch's end.", metavar="N")
    ] = None,
    tensorboard: Annotated[
        bool | None,
        typer.Option("--tensorboard/--no-tensorboard", help="Event files in DIR/tensorboard.", show_default=False),
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="Folder of the run.  [default: out/train]", metavar="DIR")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in DIR; without any, begin.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")
    ] = False,
) -> None:  # fmt: skip
    options = {
        k: Value(v, flagged(k))
        for k, v in locals().items()
        if v is not None and k not in ("config", "resume", "json")
    }
    c = _settings(config, options, resume)
    if not resume:
        _refuse(c)
    with _plain_warnings():
        run, seconds = _trained(c, resume)
        found, paths = _written(c, run)
    if json:
        print(as_json.dumps(found | {"files": {k: str(p) for k, p in paths.items()}}, indent=2, ensure_ascii=False))
        return
    _print(c, run, found, paths, seconds)


def _settings(file: Path | None, options: dict[str, Value], resume: bool) -> Config:
    """Those of the file, with the options before them; resumed without a file, those that the run was begun with."""
    given = {} if file is None else _without(read_file(file), options)
    c = resolved(given | options)
    kept = c.folder / "config.yaml"
    if resume and file is None and kept.is_file():
        return resolved(_without(read_file(kept), options) | options)
    return c


_BELONG = {
    "optimizer": ("lr", "momentum", "nesterov", "weight_decay"), "schedule": ("lr_decay",),
    "data": ("data_dir", "target", "regression", "standardize"),
}  # fmt: skip
"""What a file says of its optimizer, and so on, is not meant for another one."""


def _without(given: dict[str, Value], options: dict[str, Value]) -> dict[str, Value]:
    """The file's values, but for those that belong to what an option replaces by something else."""
    dropped = {
        name
        for k, names in _BELONG.items()
        if k in options and options[k].value != given.get(k, options[k]).value
        for name in names
    }
    layers = {"hidden", "activation", "dropout"}
    if "net" in options:  # a network of one's own stands in place of layers, and the other way round
        dropped |= layers
    elif layers & set(options):
        dropped.add("net")
    return {k: v for k, v in given.items() if k not in dropped}


def _refuse(c: Config) -> None:
    """Raises OutputError where the folder holds a run already."""
    steps = _kept(c)
    if not steps and not (c.folder / _LAST).exists():
        return
    what = f"the checkpoints of a run, the last one after {steps[0]:,} steps" if steps else f"a run, {_LAST}"
    raise OutputError(
        f"{c.folder} holds {what}. To go on with it: --resume. To begin anew: another folder with --out, or remove "
        "this one"
    )


def _kept(c: Config) -> list[int]:
    """After how many steps the run in the folder has checkpoints, the last one first."""
    from ..train.checkpoint import Checkpoints

    return Checkpoints(_checkpoints(c)).steps()


def _checkpoints(c: Config) -> Path:
    return c.folder / "checkpoints"


def _again(c: Config) -> str:
    """The command that goes on with the run."""
    return f"chainrule train {shlex.quote(str(c.folder / 'config.yaml'))} --resume"


# The training ---------------------------------------------------------------------------------------------------------


def _trained(c: Config, resume: bool) -> tuple[Run, float]:
    """The run, and the seconds of training that it had before."""
    from ..train import Diverged
    from .endings import in_flags

    try:
        return _fit(c, resume)
    except Diverged as error:
        kept = _kept(c)
        stays = f". The checkpoint of step {kept[0]:,} stays in {_checkpoints(c)}" if kept else ""
        raise ChainruleError(f"{in_flags(error)}{stays}") from error
    except KeyboardInterrupt:
        kept = _kept(c)
        if not kept:
            raise Halted("interrupted before the first checkpoint; the same command begins anew") from None
        raise Halted(
            f"interrupted; {_checkpoints(c)} holds step {kept[0]:,}. This goes on from there:\n  {_again(c)}"
        ) from None


def _fit(c: Config, resume: bool) -> tuple[Run, float]:
    from ..train import EarlyStopping, TensorBoard, fit
    from .beginning import Beginning
    from .build import dataset, loss_of, network, optimizer
    from .progress import progress
    from .target import opened

    source = nullcontext() if c.net is None else opened(c.net, flagged("net"))
    with source as own, progress() as listener:
        listener.stage(f"reading {c.data}")
        data = dataset(c, listener)
        net = network(c, data, own)
        if resume and not _kept(c):
            listener.stage(f"no checkpoint in {_checkpoints(c)}: beginning")
        beginning = Beginning(c, listener.stage)
        stopping = [] if c.early_stopping is None else [EarlyStopping(c.early_stopping)]
        boards = [TensorBoard(c.folder / "tensorboard")] if c.tensorboard else []
        try:
            run = fit(
                net, data, loss=loss_of(c, data), optimizer=optimizer(c, data.train.rows), epochs=c.epochs,
                batch_size=c.batch_size, seed=c.seed, engine=c.engine, dtype=c.dtype, drop_last=c.drop_last,
                out=_checkpoints(c), resume=resume, checkpoint_every=c.checkpoint_every, progress=False,
                callbacks=[*stopping, beginning, *boards, listener],
            )  # fmt: skip
        except InputError as error:
            raise _said_otherwise(error, c) from None
        return run, beginning.before


def _said_otherwise(error: InputError, c: Config) -> InputError:
    text = str(error).replace("choose another batch_size", "choose another --batch-size")
    text = text.replace("or drop_last=True", "or --drop-last")
    if "is a checkpoint of another run" not in text:
        return type(error)(text)
    changed = _changed(c)
    if changed:
        text = f"the run in {c.folder} was begun with other settings: {'; '.join(changed)}"
    return type(error)(f"{text}. With its own settings {_again(c)} goes on; to begin anew choose another --out")


def _changed(c: Config) -> list[str]:
    """In what the settings differ from those that the run in the folder was begun with, as far as it matters."""
    kept = c.folder / "config.yaml"
    if not kept.is_file():
        return []
    try:
        before, now = asdict(resolved(read_file(kept))), asdict(c)
    except typer.BadParameter:
        return []
    free = {"out", "data_dir", "early_stopping", "tensorboard", *(["epochs"] if c.schedule != "cosine" else [])}
    return [f"{k} {before[k]}, now {v}" for k, v in now.items() if k not in free and before[k] != v]


# The files ------------------------------------------------------------------------------------------------------------


def _written(c: Config, run: Run) -> tuple[dict[str, Any], dict[str, Path]]:
    """What was found, and the files it was written to."""
    from ..face.files import write_file

    print("writing the report", file=sys.stderr, flush=True)
    paths = {"config": c.folder / "config.yaml", "checkpoints": _checkpoints(c)}
    if c.tensorboard:
        paths["tensorboard"] = c.folder / "tensorboard"
    best = run.best
    try:
        run.save(_file(paths, "net", c.folder / _LAST))
        if best is not None:
            best.save(_file(paths, "best", c.folder / _BEST))
        write_file(_file(paths, "history", c.folder / "history.csv"), run.history.csv())
        run.plot(_file(paths, "plot", c.folder / "run.png"))
        run.report(_file(paths, "report", c.folder / "report.html"))
        return _facts(c, run, best), paths
    except OutputError as error:
        raise OutputError(f"{error}. {_rest(c)}") from None
    except KeyboardInterrupt:
        raise Halted(f"interrupted after the training. {_rest(c)}") from None


def _rest(c: Config) -> str:
    kept = _kept(c)
    stays = f"The checkpoint of step {kept[0]:,} stays in {_checkpoints(c)}" if kept else "There is no checkpoint"
    return f"{stays}; from there this goes on, and writes the rest:\n  {_again(c)}"


def _file(paths: dict[str, Path], name: str, path: Path) -> Path:
    paths[name] = path
    return path


def _facts(c: Config, run: Run, best: Any) -> dict[str, Any]:
    import numpy as np

    from .. import __version__
    from .output import plain

    data = run.data
    assert data is not None
    scores = {k: getattr(data, k) for k in ("train", "validation", "test")}
    found: dict[str, Any] = {
        "command": "train", "version": __version__, "settings": asdict(c), "net": repr(run.net),
        "parameters": sum(w.size for w in run.params.values()),
        "data": {
            "name": data.name, "rows": {k: split.rows for k, split in scores.items()},
            "features": int(data.train.X[0].size), "classes": data.classes, "source": data.source,
        },
        "epochs": run.epoch, "steps": len(run.history), "stopped": run.stopped, "seconds": round(run.seconds, 3),
        "scores": {k: run.evaluate(split) for k, split in scores.items() if split.rows},
    }  # fmt: skip
    if best is not None:
        known = {k: getattr(data, k) for k in ("validation", "test") if getattr(data, k).rows}
        found["best"] = {
            "epoch": 1 + int(np.nanargmin(run.history.epoch("val_loss"))),
            "scores": {k: best.evaluate(split) for k, split in known.items()},
        }
    return plain(found)


def _print(c: Config, run: Run, found: dict[str, Any], paths: dict[str, Path], before: float) -> None:
    for split, score in reversed(found["scores"].items()):
        print(f"{split:14} {_told(score)}, {found['data']['rows'][split]:,} rows")
    best = found.get("best")
    if best is not None and best["epoch"] != run.epoch:
        told = ", ".join(f"{k} {_told(score)}" for k, score in best["scores"].items())
        print(f"{'best epoch':14} {best['epoch']}: {told}")
    more = f", {before:.1f} s of them before it was resumed" if before else ""
    print(f"{'trained':14} {found['steps']:,} steps, {run.epoch} epochs, in {run.seconds:.1f} s on {c.engine}{more}")
    if run.stopped:
        print(f"{'stopped early':14} {visible(run.stopped)}")
    for name in ("report", "net", "best", "history", "plot", "config", "checkpoints", "tensorboard"):
        if name in paths:
            print(f"{name:14} {visible(str(paths[name]))}")
    if c.standardize:
        from .build import reading

        print(f"{'new rows':14} {visible(reading(c))}")


def _told(score: dict[str, float]) -> str:
    loss = f"loss {score['loss']:.4g}"
    return f"{100 * score['accuracy']:.2f} % right, {loss}" if "accuracy" in score else loss


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """What is warned of meanwhile, of checkpoints, is a line on stderr."""
    from ..train import CheckpointWarning

    with warnings.catch_warnings():
        warnings.simplefilter("always", CheckpointWarning)
        usual = warnings.showwarning

        def show(message: Any, category: Any, *place: Any, **more: Any) -> None:
            if issubclass(category, CheckpointWarning):
                print(f"warning: {visible(str(message))}", file=sys.stderr, flush=True)
            else:
                usual(message, category, *place, **more)

        warnings.showwarning = show
        yield


__all__ = ["EXAMPLES", "command"]
