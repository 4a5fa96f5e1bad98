"""How a training went: loss, accuracy, learning rate, and the norms of gradients, weights and updates.

Each figure is drawn by a function of its axes, so that several of them can share one figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .series import (
    draw_series,
    drawable,
    legend_columns,
    legend_handles,
    mark_not_finite,
    plain_log,
    plain_numbers,
    series_styles,
    stretches,
)
from .style import BLUE, INK, ORANGE, figure, styled, whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = ArrayLike | tuple[ArrayLike, ArrayLike]
"""Values of every step, or (steps counted from 1, values) where only some steps have one."""

USUAL_UPDATE = 1e-3
"""How long an update is beside its weights where a learning rate suits: a rule of thumb, no law."""

_MARKED = 60  # up to so many epochs each has its mark


def loss_curves(
    loss: ArrayLike, steps_per_epoch: int, validation: ArrayLike | None = None, width: float = 6.4, height: float = 3.4,
    label: str = "loss (nats per image)",
) -> Figure:  # fmt: skip
    """The loss of every step, as mean and range of stretches of steps, and the validation loss after each epoch."""
    with styled():
        fig = figure(width, height)
        draw_loss(fig.add_subplot(), loss, steps_per_epoch, validation, label)
    return fig


def accuracy_curves(
    train: ArrayLike, validation: ArrayLike | None = None, width: float = 6.4, height: float = 3.4,
    label: str = "images right (%)",
) -> Figure:  # fmt: skip
    """Accuracies (0 to 1) of the epochs, in percent: on the minibatches as they came, and on validation rows."""
    with styled():
        fig = figure(width, height)
        draw_accuracy(fig.add_subplot(), train, validation, label)
    return fig


def gradient_norms(
    norms: Mapping[str, Curve], steps_per_epoch: float, width: float = 6.4, height: float = 3.4
) -> Figure:
    """The Frobenius norm of each parameter's gradient at every step: name -> values, or (steps, values)."""
    return norm_curves(norms, steps_per_epoch, "gradient norm ‖∂L/∂w‖", width, height)


def norm_curves(
    norms: Mapping[str, Curve], steps_per_epoch: float, label: str, width: float = 6.4, height: float = 3.4
) -> Figure:
    """One curve for each parameter, on a logarithmic scale: name -> values, or (steps, values)."""
    with styled():
        fig = figure(width, height)
        _with_legend_above(fig.add_subplot(), norms, steps_per_epoch, label)
    return fig


def update_ratios(
    ratios: Mapping[str, Curve], steps_per_epoch: float, width: float = 6.4, height: float = 3.4
) -> Figure:
    """‖Δw‖/‖w‖ of each parameter, on a logarithmic scale, with a line at the usual 10⁻³."""
    with styled():
        fig = figure(width, height)
        axes = fig.add_subplot()
        _with_legend_above(axes, ratios, steps_per_epoch, "update / weight ‖Δw‖/‖w‖")
        usual_ratio(axes)
    return fig


def learning_rate(lr: ArrayLike, steps_per_epoch: float, width: float = 6.4, height: float = 3.4) -> Figure:
    """The learning rate of every step."""
    with styled():
        fig = figure(width, height)
        draw_learning_rate(fig.add_subplot(), lr, steps_per_epoch)
    return fig


# On given axes --------------------------------------------------------------------------------------------------------


def draw_loss(
    axes: Axes, loss: ArrayLike, steps_per_epoch: float, validation: ArrayLike | None = None, label: str = "loss"
) -> None:
    """As `loss_curves`, on these axes. The scale is logarithmic unless a loss is 0 or less."""
    y = np.asarray(loss, float)
    x, mean, low, high = stretches(y, steps_per_epoch)
    single = {"marker": "o", "markersize": 4} if np.isfinite(mean).sum() == 1 else {}
    axes.fill_between(x, low, high, color=BLUE, alpha=0.22, linewidth=0)
    name = "minibatches (line: mean, band: range)" if len(y) > len(x) else "minibatches"
    axes.plot(x, mean, color=BLUE, label=name, **single)
    v = np.zeros(0) if validation is None else drawable(validation)
    if len(v):
        axes.plot(np.arange(1, len(v) + 1), v, **_marked(ORANGE, len(v)), label="validation, after each epoch")
    known = np.concatenate([mean, low, v])
    known = known[np.isfinite(known)]
    if len(known) and (known > 0).all():
        axes.set_yscale("log")
        plain_log(axes)
    mark_not_finite(axes, y, steps_per_epoch)
    _epochs(axes, len(y) / steps_per_epoch)
    axes.set_ylabel(label)
    axes.legend()


def draw_accuracy(
    axes: Axes, train: ArrayLike, validation: ArrayLike | None = None, label: str = "right (%)"
) -> None:
    """As `accuracy_curves`, on these axes."""
    t = 100 * np.asarray(train, float)
    axes.plot(np.arange(1, len(t) + 1), t, **_marked(BLUE, len(t), "s"), label="training, mean of the minibatches")
    lowest = t
    v = np.zeros(0) if validation is None else 100 * np.asarray(validation, float)
    if len(v):
        axes.plot(np.arange(1, len(v) + 1), v, **_marked(ORANGE, len(v)), label="validation, after each epoch")
        lowest = np.concatenate([t, v])
    lowest = lowest[np.isfinite(lowest)]
    if len(t) > 3 and len(lowest):  # the first epochs would flatten all others
        axes.set_ylim(max(0.0, min(float(np.quantile(lowest, 0.08)), 99.0) - 1.0), 100.4)
    _epochs(axes, max(len(t), len(v)))
    axes.set_ylabel(label)
    axes.legend(loc="lower right" if len(t) > 3 else "best")


def draw_norms(
    axes: Axes, norms: Mapping[str, Curve], steps_per_epoch: float, label: str
) -> tuple[list[str], list[dict[str, Any]]]:
    """As `norm_curves`, on these axes and without a legend. Answers what one is made from: the names and styles."""
    curves = {}
    for name, values in norms.items():
        steps, y = values if isinstance(values, tuple) else (None, values)
        curves[name] = stretches(y, steps_per_epoch, steps)
    names = list(curves)
    styles = series_styles(names)
    draw_series(axes, curves, styles)
    _epochs(axes, max((float(c.x[-1]) for c in curves.values() if len(c.x)), default=1.0))
    axes.set_ylabel(label)
    return names, styles


def usual_ratio(axes: Axes) -> None:
    """A line at an update of a thousandth of the weights."""
    axes.axhline(USUAL_UPDATE, color=INK, linestyle=":", linewidth=1.2)
    axes.annotate(
        "10⁻³", (1, USUAL_UPDATE), xycoords=("axes fraction", "data"), xytext=(3, 0), textcoords="offset points",
        ha="left", va="center", fontsize=9,
    )  # fmt: skip
    if axes.get_yscale() == "log":
        plain_log(axes)


def draw_learning_rate(axes: Axes, lr: ArrayLike, steps_per_epoch: float) -> None:
    """As `learning_rate`, on these axes: from 0 on."""
    y = np.asarray(lr, float)
    x = np.arange(1, len(y) + 1) / steps_per_epoch
    changed = np.flatnonzero(np.diff(y)) if len(y) else np.zeros(0, int)
    if len(changed) < len(y) // 4:  # in steps: only the corners
        keep = np.unique(np.concatenate([[0], changed, changed + 1, [len(y) - 1]])) if len(y) else changed
        x, y = x[keep], y[keep]
    elif len(y) > 2000:
        keep = np.unique(np.linspace(0, len(y) - 1, 2000).astype(int))
        x, y = x[keep], y[keep]
    axes.plot(x, y, color=BLUE, **({"marker": "o", "markersize": 4} if len(np.unique(x)) == 1 else {}))
    finite = y[np.isfinite(y)]
    top = float(finite.max()) if len(finite) else 1.0
    axes.set_ylim(0, 1.08 * top if top > 0 else 1.0)
    plain_numbers(axes)
    _epochs(axes, float(x[-1]) if len(x) else 1.0)
    axes.set_ylabel("learning rate")


# Pieces ---------------------------------------------------------------------------------------------------------------


def _with_legend_above(axes: Axes, norms: Mapping[str, Curve], steps_per_epoch: float, label: str) -> None:
    names, styles = draw_norms(axes, norms, steps_per_epoch, label)
    handles = legend_handles(names, styles)
    if handles:
        columns = legend_columns(handles, axes.figure.get_figwidth())  # type: ignore[union-attr]
        axes.figure.legend(handles=handles, ncols=columns, loc="outside upper center")


def _epochs(axes: Axes, count: float) -> None:
    """The x axis, for so many epochs."""
    axes.set_xlabel("epoch")
    axes.set_xlim(0, 1.03 * count if count > 0 else 1.0)
    if count >= 2:
        whole_numbers(axes)


def _marked(colour: str, points: int, marker: str = "o") -> dict[str, Any]:
    return {
        "color": colour,
        "marker": marker,
        "markersize": 4 if points <= _MARKED else 0,
        "linestyle": "--" if marker == "o" else "-",
    }
