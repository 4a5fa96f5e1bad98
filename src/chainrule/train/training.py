"""The loop: epochs of calls of many steps, what changes in them, and what is kept of it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import Split
from ..face.compiled import compile
from ..face.cost import cost
from ..graph.errors import InputError
from ..nn.criteria import Loss
from ..nn.module import Module
from .checkpoint import Checkpoint
from .evaluator import Evaluator
from .history import History
from .plan import Call, Plan
from .settings import Settings
from .step import training_step

Array = NDArray[Any]
CALL_FLOPS = 2e10  # of products in a call: a second or two, after which progress is shown and Ctrl-C is heard
CALL_STEPS = 1000


class NotFinite(Exception):
    """A number that is not finite came up in the call that started from `values`."""

    def __init__(self, values: dict[str, Array], call: Call, records: Mapping[str, Array]):
        self.values, self.call, self.records = values, call, records


class Training:
    """All that a run consists of: programs, data where the engine computes, the values that change, and the position.

    values       name -> array, of parameters, running statistics, and what the update rule keeps
    parameters   the names of those that are trained; statistics: of those that are running statistics
    done         steps done
    """

    def __init__(
        self, net: Module, loss: Loss, train: Split, validation: Split | None, settings: Settings,
        params: Mapping[str, Array] | None, weights: Array | None = None,
    ):  # fmt: skip
        self.net, self.loss, self.settings = net, loss, settings
        rule = settings.optimizer
        self.step = training_step(net, loss, rule, weights is not None)
        watched = self.step.with_norms()
        self.columns = watched.columns
        self.program = compile(self.step.graph, settings.engine, settings.dtype)
        self.watched = compile(watched.graph, settings.engine, settings.dtype)
        self.evaluator = Evaluator(net, loss, settings.engine, settings.dtype)
        self.noise = net.noise
        first = _started(net, params, settings)
        statistics = net.initial_state(settings.dtype)
        self.parameters, self.statistics = list(first), list(statistics)
        self.values: dict[str, Any] = first | statistics | rule.state(first)
        self.plan = Plan(
            train.rows, settings.batch_size, settings.seed, settings.drop_last, self._call_steps(),
            settings.norms_every, settings.checkpoint_every,
        )  # fmt: skip
        self.history = History(self.parameters)
        self.best: dict[str, Array] | None = None
        self.seconds = 0.0
        self._orders: dict[int, NDArray[np.int64]] = {}  # of one epoch
        self.data = {"X": self.program.place(train.X), "y": self.program.place(train.y)}
        if weights is not None:
            self.data["sample_weight"] = self.program.place(weights)
        self.validation = None if validation is None else Split(self.program.place(validation.X), validation.y)

    @property
    def done(self) -> int:
        """Steps done."""
        return len(self.history)

    def arrays(self, names: Sequence[str]) -> dict[str, Array]:
        """Copies of these values as NumPy arrays: an engine may use the memory of its own again."""
        return {k: np.array(self.values[k]) for k in names}

    def calls(self) -> list[Call]:
        """What is left of the present epoch; all of it at its start."""
        inside = self.done - len(self.history.epochs) * self.plan.steps
        return [c for c in self.plan.calls if c.start >= inside]

    def run(self, call: Call) -> None:
        """The steps of one call. Raises NotFinite."""
        begun = time.perf_counter()
        epoch = len(self.history.epochs) + 1
        before = self.arrays(list(self.values))
        try:
            records = self.stepped(call, epoch)
            if not all(np.isfinite(records[k]).all() for k in self.step.columns) or not self._finite():
                raise NotFinite(before, call, records)
            self.history.add(records)
        except BaseException:  # Ctrl-C too: values and history stay those of one step, and xla has used the memory up
            self.values = before
            raise
        self.seconds += time.perf_counter() - begun

    def stepped(self, call: Call, epoch: int) -> dict[str, Array]:
        """The steps of a call of `epoch`, from the values as they are: columns of the history."""
        order = self.plan.minibatches(self.order(epoch), call)
        first = (epoch - 1) * self.plan.steps + call.start
        rates = self.rates(first, epoch, len(order))
        every = self.settings.norms_every
        program, watch = (self.watched, None) if every == 1 else (self.program, (self.watched, every))
        self.values, found = program.steps(
            self.values, self.data, order, each={"lr": rates}, noise=self.noise, seed=self.settings.seed,
            first_step=first, watch=watch,
        )  # fmt: skip
        records = dict(zip(self.columns, found.values()))
        columns = {"epoch": np.full(len(order), epoch), "lr": rates}
        return columns | {k: v for k, v in records.items() if not k.startswith("change_")} | _ratios(records)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The order of the rows in an epoch, made once."""
        if epoch not in self._orders:
            self._orders = {epoch: self.plan.order(epoch)}
        return self._orders[epoch]

    def rates(self, first: int, epoch: int, count: int) -> Array:
        """The learning rate of each of `count` steps, of which the first has the number `first`, counted from 0."""
        schedule = self.settings.optimizer.schedule
        if schedule.per == "epoch":
            return np.full(count, schedule(epoch - 1))
        return np.array([schedule(k) for k in range(first, first + count)])

    def end_epoch(self) -> dict[str, float]:
        """Validate, and close the epoch: answers its row. Parameters that are the best so far are kept."""
        begun = time.perf_counter()
        found: dict[str, float] = {}
        if self.validation is not None:
            values = self.evaluator.evaluate(self.values, *self.validation)
            found = {f"val_{k}": v for k, v in values.items()}
        earlier = [v for row in self.history.epochs if not math.isnan(v := row["val_loss"])] if found else []
        self.seconds += time.perf_counter() - begun
        spent = self.seconds - sum(row["seconds"] for row in self.history.epochs)
        row = self.history.end_epoch(self.plan.steps, self.plan.sizes, found, spent)
        if found and found["val_loss"] < min(earlier, default=math.inf):
            self.best = self.arrays([*self.parameters, *self.statistics])
        return row

    def restore(self, found: Checkpoint) -> None:
        """Go back to where a checkpoint was written."""
        self.values = {k: found.tensors[k] for k in self.values}
        self.history = History(self.parameters)
        ratios = [f"ratio_{w}" for w in self.parameters]
        kept = ["epoch", "lr", *(k for k in self.columns if not k.startswith("change_")), *ratios]
        self.history.add({k: found.history[k] for k in kept})
        self.history.epochs = list(found.facts["epochs"])
        self.seconds = float(found.facts["seconds"])
        self.best = found.best and {k: found.best[k] for k in (*self.parameters, *self.statistics)}

    def _finite(self) -> bool:
        return all(np.isfinite(np.asarray(v)).all() for v in self.values.values())

    def _call_steps(self) -> int:
        counted = cost(replace(self.step.graph, updates={})).at(n=self.settings.batch_size)
        return max(1, min(CALL_STEPS, round(CALL_FLOPS / max(1, 3 * int(counted.flops)))))


def _started(net: Module, params: Mapping[str, Array] | None, settings: Settings) -> dict[str, Array]:
    """The first parameters: drawn, or those given. Raises InputError where they do not fit."""
    if params is None:
        return net.initial(settings.seed, settings.dtype)
    wanted = net.parameters
    if set(params) != set(wanted):
        raise InputError(f"params hold {', '.join(params)}; {net!r} has {', '.join(wanted)}")
    for k, shape in wanted.items():
        if np.shape(params[k]) != shape:
            raise InputError(f"params: {k} has shape {np.shape(params[k])}, and {shape} is needed")
    return {k: np.array(params[k], settings.dtype) for k in wanted}


def _ratios(records: Mapping[str, Array]) -> dict[str, Array]:
    """ratio_w = ‖Δw‖/‖w‖"""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {}
        for k, change in records.items():
            if k.startswith("change_"):
                w = k.removeprefix("change_")
                length = records[f"norm_{w}"]
                still = (change == 0) & (length == 0)  # 0/0: a parameter at 0 that stays there has not moved
                found[f"ratio_{w}"] = np.where(still, np.zeros_like(change), change / length)
        return found


__all__ = ["NotFinite", "Training"]
