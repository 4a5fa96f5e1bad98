"""A whole training in one figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .curves import draw_accuracy, draw_learning_rate, draw_loss, draw_norms, usual_ratio
from .series import legend_columns, legend_handles, series_styles
from .style import PAPER, figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Recorded(Protocol):
    """What is drawn: such as a `cr.train.History`."""

    parameters: list[str]
    epochs: list[dict[str, float]]

    def __len__(self) -> int: ...

    def __contains__(self, column: object) -> bool: ...

    def __getitem__(self, column: str) -> NDArray[Any]: ...

    def measured(self, column: str) -> tuple[NDArray[Any], NDArray[Any]]: ...

    def epoch(self, column: str) -> NDArray[Any]: ...


def training_figure(
    history: Recorded, steps_per_epoch: float | None = None, title: str = "", width: float = 11.0, panel: float = 2.9
) -> Figure:
    """Loss, accuracy where there is one, the norms of gradients, of weights and of updates, and the learning rate.

    history           a run's
    steps_per_epoch   how many steps an epoch has: x is counted in epochs; by default as many as the first has
    width, panel      of the figure, and the height of one of its panels, in inches

    Norms are drawn at the steps where they were measured. Of an accuracy that no epoch's end is known of, the steps'
    values are drawn. A curve that leaves the finite numbers ends there, and a line says at which step.

    >>> import numpy as np
    >>> from chainrule.train.history import History
    >>> history = History(["W1"])
    >>> fast = {"norm_dW1": np.ones(3), "norm_W1": np.ones(3), "ratio_W1": np.full(3, 0.1)}
    >>> history.add({"epoch": np.ones(3), "lr": np.full(3, 0.1), "loss": np.array([3.0, 2.0, 1.5])} | fast)
    >>> [axes.get_ylabel() for axes in training_figure(history, 3).axes][:2]
    ['loss', 'gradient norm ‖∂L/∂w‖']
    """
    each = steps_of_an_epoch(history) if steps_per_epoch is None else steps_per_epoch
    kinds = (("norm_d", gradient_label(history)), ("norm_", "weight norm ‖w‖"), ("ratio_", "update / weight ‖Δw‖/‖w‖"))
    panels: list[Callable[[Axes], Any]] = [lambda axes: draw_training_loss(axes, history, each)]
    if "accuracy" in history:
        panels.append(lambda axes: draw_training_accuracy(axes, history))
    measured = [(prefix, label) for prefix, label in kinds if norms_of(history, prefix)]
    panels += [lambda axes, of=of: _norms(axes, history, each, *of) for of in measured]
    panels.append(lambda axes: draw_learning_rate(axes, history["lr"], each))
    with styled():
        rows = (len(panels) + 1) // 2
        names = list(norms_of(history, "norm_d"))
        handles = legend_handles(names, series_styles(names))
        fig = figure(width, panel * rows + 0.4 * bool(title) + 0.3 * bool(handles))
        fig.set_facecolor(PAPER)
        fig.get_layout_engine().set(hspace=0.06, wspace=0.06)  # type: ignore[union-attr]
        grid = fig.add_gridspec(rows, 2)
        places = [grid[0, :], *(grid[k // 2, k % 2] for k in range(2, 2 * rows))]
        if len(panels) % 2 == 0:
            places = [grid[0, 0], grid[0, 1], *places[1:]]
        for draw, place in zip(panels, places):
            draw(fig.add_subplot(place))
        if title:
            fig.suptitle(title, fontsize=12)
        if handles:
            fig.legend(handles=handles, ncols=legend_columns(handles, width), loc="outside lower center")
    return fig


def steps_of_an_epoch(history: Recorded) -> int:
    """Steps of the first epoch, as far as it came; at least 1."""
    if history.epochs:
        return int(history.epochs[0]["step"])
    return max(1, len(history))


def gradient_label(history: Recorded) -> str:
    """‖∂J/∂w‖ where there are penalties, else ‖∂L/∂w‖."""
    return f"gradient norm ‖∂{'J' if 'objective' in history else 'L'}/∂w‖"


def norms_of(history: Recorded, prefix: str) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """Parameter -> (steps counted from 1, values) of the columns norm_dw, norm_w or ratio_w, where they were measured.

    Values that are not finite are left out: the ratio of a parameter that was 0 is infinite.
    """
    found = {}
    for name in history.parameters:
        if f"{prefix}{name}" not in history:
            continue
        steps, values = history.measured(f"{prefix}{name}")
        finite = np.isfinite(values)
        if finite.any():
            found[name] = steps[finite], values[finite]
    return found


def draw_training_loss(axes: Axes, history: Recorded, steps_per_epoch: float) -> None:
    """The loss of the steps, with the validation's where it is known."""
    draw_loss(axes, history["loss"], steps_per_epoch, of_epochs(history, "val_loss"))


def draw_training_accuracy(axes: Axes, history: Recorded) -> None:
    """The accuracy of the epochs; of a first epoch that was not finished, the mean of its steps."""
    train = of_epochs(history, "accuracy")
    if train is None:
        values = np.asarray(history["accuracy"], float)
        train = [float(values.mean())] if len(values) else []
    draw_accuracy(axes, train, of_epochs(history, "val_accuracy"))


def of_epochs(history: Recorded, column: str) -> NDArray[Any] | None:
    """A column of epochs; None where there is none."""
    return history.epoch(column) if history.epochs and column in history.epochs[0] else None


def _norms(axes: Axes, history: Recorded, steps_per_epoch: float, prefix: str, label: str) -> None:
    draw_norms(axes, norms_of(history, prefix), steps_per_epoch, label)
    if prefix == "ratio_":
        usual_ratio(axes)


__all__ = [
    "Recorded", "draw_training_accuracy", "draw_training_loss", "gradient_label", "norms_of", "of_epochs",
    "steps_of_an_epoch", "training_figure",
]  # fmt: skip
