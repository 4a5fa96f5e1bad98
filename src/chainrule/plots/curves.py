"""How a training went: loss, accuracy and gradient norms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .style import BLUE, ORANGE, SERIES, figure, styled, whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BUCKETS = 240  # a curve of more points is drawn as mean, minimum and maximum of so many stretches
DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))  # so that colour is never the only difference


def loss_curves(
    loss: ArrayLike, steps_per_epoch: int, validation: ArrayLike | None = None, width: float = 6.4, height: float = 3.4
) -> Figure:
    """The loss of every step, as mean and range of stretches of steps, and the validation loss after each epoch."""
    with styled():
        fig = figure(width, height)
        axes = fig.add_subplot()
        x, mean, low, high = stretches(np.asarray(loss, float), steps_per_epoch)
        axes.fill_between(x, low, high, color=BLUE, alpha=0.22, linewidth=0)
        axes.plot(x, mean, color=BLUE, label="minibatches (line: mean, band: range)")
        if validation is not None:
            v = np.asarray(validation, float)
            axes.plot(np.arange(1, len(v) + 1), v, **_marked(ORANGE, len(v)), label="validation, after each epoch")
        axes.set_yscale("log")
        _plain_log(axes)
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss (nats per image)")
        whole_numbers(axes)
        axes.legend()
    return fig


def accuracy_curves(
    train: ArrayLike, validation: ArrayLike | None = None, width: float = 6.4, height: float = 3.4
) -> Figure:
    """Accuracies (0 to 1) of the epochs, in percent: on the minibatches as they came, and on validation rows."""
    with styled():
        fig = figure(width, height)
        axes = fig.add_subplot()
        t = 100 * np.asarray(train, float)
        epochs = np.arange(1, len(t) + 1)
        axes.plot(epochs, t, **_marked(BLUE, len(t), "s"), label="training, mean of the epoch's minibatches")
        lowest = t
        if validation is not None:
            v = 100 * np.asarray(validation, float)
            axes.plot(epochs, v, **_marked(ORANGE, len(v)), label="validation, after each epoch")
            lowest = np.minimum(t, v)
        if len(t) > 3:  # the first epochs would flatten all others
            axes.set_ylim(max(0.0, min(float(np.quantile(lowest, 0.08)), 99.0) - 1.0), 100.4)
        axes.set_xlabel("epoch")
        axes.set_ylabel("images right (%)")
        whole_numbers(axes)
        axes.legend(loc="lower right")
    return fig


def gradient_norms(
    norms: Mapping[str, ArrayLike], steps_per_epoch: int, width: float = 6.4, height: float = 3.4
) -> Figure:
    """The Frobenius norm of each parameter's gradient at every step: name -> values."""
    with styled():
        fig = figure(width, height)
        axes = fig.add_subplot()
        for k, (name, values) in enumerate(norms.items()):
            x, mean, low, high = stretches(np.asarray(values, float), steps_per_epoch)
            colour, dash = SERIES[k % len(SERIES)], DASHES[k % len(DASHES)]
            if (low > 0).all():
                axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
            axes.plot(x, mean, color=colour, linestyle=dash, label=name)
        if any((np.asarray(v) > 0).any() for v in norms.values()):
            axes.set_yscale("log")
            _plain_log(axes)
        axes.set_xlabel("epoch")
        axes.set_ylabel("gradient norm ‖∂L/∂w‖")
        whole_numbers(axes)
        axes.legend(ncols=len(norms), loc="upper center", bbox_to_anchor=(0.5, 1.14))
    return fig


def stretches(values: NDArray[Any], steps_per_epoch: int) -> Sequence[NDArray[Any]]:
    """(x in epochs, mean, minimum, maximum) of at most `BUCKETS` stretches of neighbouring steps.

    >>> x, mean, low, high = stretches(np.array([1.0, 2.0, 3.0]), 2)
    >>> x.tolist(), mean.tolist()
    ([0.5, 1.0, 1.5], [1.0, 2.0, 3.0])
    """
    parts = np.array_split(values, min(len(values), BUCKETS))
    ends = np.cumsum([len(p) for p in parts])
    x = (ends - (np.array([len(p) for p in parts]) - 1) / 2) / steps_per_epoch
    return x, *(np.array([f(p) for p in parts]) for f in (np.mean, np.min, np.max))


def _marked(colour: str, points: int, marker: str = "o") -> dict[str, Any]:
    return {
        "color": colour,
        "marker": marker,
        "markersize": 4 if points <= 60 else 0,
        "linestyle": "--" if marker == "o" else "-",
    }


def _plain_log(axes: Axes) -> None:
    """A logarithmic axis with numbers as people write them: 0.05, not 5·10⁻²."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.yaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0), numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
