"""Where a number that is not finite came from: the step, the layer, and the first operation whose result it was.

The call in which it came up is run again from its start up to that step, and there every node of the step's program is
computed and looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..face.compiled import engine_named
from ..face.graph import Graph
from ..face.pipeline import Lowered, lower
from ..graph.node import CONST, LEAF, SIZE, Node, walk
from ..graph.spelling import plural
from ..views.source import print_program
from ..views.text import TEXT
from .errors import Diverged
from .plan import Call
from .run import Run
from .training import NotFinite, Training

Array = NDArray[Any]


def diverged(run: Run, training: Training, found: NotFinite) -> Diverged:
    """The error that says what happened; the training is back at the start of the call in which it did."""
    epoch = len(training.history.epochs) + 1
    first = (epoch - 1) * training.plan.steps + found.call.start
    records = {k: found.records[k] for k in training.step.columns}
    bad = ~np.logical_and.reduce([np.isfinite(v) for v in records.values()])
    shown = int(bad.argmax()) if bad.any() else len(bad)  # a record shows it, or the values do after the last step
    k = _last_finite(training, found, shown, epoch)
    cause = _cause(training, _at(training, found, k, epoch))
    training.values = found.values
    step, lr = first + k, float(found.records["lr"][k])
    if cause is None:
        cause = "it could not be found again when the steps were repeated", "", "", True
    where, layer, operation, rated = cause
    if shown < len(bad):
        column = next(name for name, v in records.items() if not np.isfinite(v[shown]))
        seen = f"the {column} became {records[column][shown]:g} at step {first + shown + 1:,}"
    else:
        seen = f"a parameter or a running statistic is no longer finite after step {step + 1:,}"
    what = f"{seen} (epoch {epoch}). First number that is not finite: in step {step + 1:,}, {where}"
    rate = lr if rated or step > 0 else None
    return Diverged(what, _advice(run, rate), rate, step + 1, epoch, layer, operation, run)


def _last_finite(training: Training, found: NotFinite, shown: int, epoch: int) -> int:
    """The last step of the call, up to `shown`, that begins with finite values: the one that spoils something.

    Mostly that is `shown`, or the step before. But an infinite bias before a ReLU, or an infinite running statistic,
    may be there for long before a loss shows it.
    """

    def finite(k: int) -> bool:
        _repeat(training, found, k, epoch)
        return all(np.isfinite(np.asarray(v)).all() for v in training.values.values())

    if shown < len(found.records["loss"]) and finite(shown):
        return shown
    low, high, k = 0, shown, shown - 1
    while high - low > 1:
        low, high = (k, high) if finite(k) else (low, k)
        k = (low + high) // 2
    return low


def _repeat(training: Training, found: NotFinite, k: int, epoch: int) -> None:
    """The first k steps of the call, from its start."""
    training.values = {name: np.array(v) for name, v in found.values.items()}
    if k:
        training.stepped(Call(found.call.start, found.call.start + k), epoch)


def _at(training: Training, found: NotFinite, k: int, epoch: int) -> dict[str, Any]:
    """The step's inputs at the step k of the call."""
    _repeat(training, found, k, epoch)
    rows = training.plan.minibatches(training.order(epoch), found.call)[k]
    number = (epoch - 1) * training.plan.steps + found.call.start + k
    given = {name: np.array(v) for name, v in training.values.items()}
    given |= {name: np.asarray(v)[rows] for name, v in training.data.items()}
    with np.errstate(over="ignore"):
        given["lr"] = np.asarray(training.rates(number, epoch, 1)[0], training.settings.dtype)
    return given | training.net.draw_noise(len(rows), training.settings.seed, number)


def _cause(training: Training, arrays: Mapping[str, Any]) -> tuple[str, str, str, bool] | None:
    """(in words, layer, operation, whether the learning rate goes into it) of the first operation with a result that
    is not finite, on the way to a result of the step that is not; None where all results are finite."""
    graph, settings = training.step.graph, training.settings
    engine = engine_named(settings.engine)
    low = lower(graph, None, engine.dialect.kernel, settings.engine)
    nodes = [n for n in walk(*low.outputs) if n.op not in (CONST, SIZE)]
    inputs = list(graph.inputs.values())
    program = print_program("every_node", inputs, nodes, engine.dialect, precision=settings.dtype)
    values = engine.load(program)(*(arrays[k] for k in graph.inputs))
    finite = {n: bool(np.isfinite(np.asarray(v)).all()) for n, v in zip(nodes, values)}
    sick = next((n for n in low.outputs if not finite[n]), None)
    if sick is None:
        return None
    place = {n: k for k, n in enumerate(nodes)}
    while before := [a for a in sick.args if not finite.get(a, True)]:
        sick = min(before, key=place.__getitem__)
    named, name = _quantity(graph, low, sick, nodes)
    name = sick.attr("name") if sick.op is LEAF else name
    module = training.net.layers.get(name)
    layer = f"{name} of {module!r}" if module is not None else name
    written = TEXT.write(sick, {n: q for q, n in named.items() if n is not sick})
    written = written if len(written) <= 60 else f"{sick.op.name}(…)"
    if sick.op is LEAF:
        return f"the input {name} itself holds it", layer, name, name == "lr"
    kind = "nan" if np.isnan(np.asarray(values[place[sick]])).any() else "inf"
    largest = max(
        (float(np.max(np.abs(np.asarray(values[place[a]], float)))) for a in sick.args if a in place), default=0.0
    )
    words = f"in {layer}, {sick.op.name} answered {kind}: {written}, where the largest argument is ±{largest:.3g}"
    return words, layer, sick.op.name, graph.inputs["lr"] in walk(sick)


def _quantity(graph: Graph, low: Lowered, sick: Node, nodes: list[Node]) -> tuple[dict[str, Node], str]:
    """Names of the program's nodes, and the name of the first named quantity that `sick` is or goes into."""
    named: dict[str, Node] = {}
    for n, name in graph.names.items():
        m = low.final.get(low.became[n]) if n in low.became else None
        if m is not None and m not in named.values():
            named[name] = m
    of = {n: name for name, n in named.items()}
    above = {sick}
    for n in nodes[nodes.index(sick) :]:
        if n is sick or any(a in above for a in n.args):
            above.add(n)
            if n in of:
                return named, of[n]
    return named, "the loss"


def _advice(run: Run, lr: float | None) -> str:
    if lr is None:
        return "No update was made before it: it is the network, the loss or the data, not the learning rate"
    are = "is" if run.epoch == 1 else "are"
    kept = f"; the {plural(run.epoch, 'epoch')} before it {are} in the error's .run" if run.epoch else ""
    return f"The learning rate was {lr:g}; a smaller one, such as {lr / 10:g}, or clip_norm=1 may help{kept}"


__all__ = ["diverged"]
