"""Several trainings beside each other, and a gradient from layer to layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from .series import draw_series, drawable, legend_columns, legend_handles, plain_log, series_styles, stretches
from .style import INK, figure, styled, whole_numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKED = 60


def norms_of_runs(
    norms: Mapping[str, ArrayLike], label: str = "weight norm ‖W‖", width: float = 6.4, height: float = 3.4
) -> Figure:
    """A norm of each run at every iteration: the run's name -> values, on one linear scale.

    >>> axes = norms_of_runs({"SGD": [1.0, 1.1, 1.3], "momentum": [1.0, 1.2, 1.9]}).axes[0]
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['SGD', 'momentum']
    """
    with styled():
        fig = figure(width, height)
        axes = fig.add_subplot()
        names = list(norms)
        styles = series_styles(names)
        draw_series(axes, {k: stretches(v, 1) for k, v in norms.items()}, styles, log=False)
        axes.set_xlabel("iteration")
        axes.set_ylabel(label)
        whole_numbers(axes)
        axes.legend(handles=legend_handles(names, styles))
    return fig


def comparison_curves(
    train: Mapping[str, ArrayLike],
    test: Mapping[str, ArrayLike] | None = None,
    quantity: Literal["loss", "accuracy"] = "loss",
    width: float = 6.4,
    height: float = 3.4,
) -> Figure:
    """The loss or the accuracy of several runs after each epoch: the run's name -> values.

    train, test   solid and dashed, in the run's colour; accuracies (0 to 1) are shown in percent
    quantity      what the values are; losses are on a logarithmic scale where all are positive

    >>> fig = comparison_curves({"SGD": [0.9, 0.5], "momentum": [0.8, 0.2]}, {"SGD": [1, 0.7], "momentum": [1, 0.6]})
    >>> [text.get_text() for text in fig.legends[0].get_texts()]
    ['SGD', 'momentum', 'training', 'test']
    """
    from matplotlib.lines import Line2D

    scale = 100 if quantity == "accuracy" else 1
    with styled():
        fig = figure(width, height)
        axes = fig.add_subplot()
        names = [*train, *(k for k in test or {} if k not in train)]
        colours = {k: style["color"] for k, style in zip(names, series_styles(names))}
        drawn = []
        for values_of, dash in ((train, "-"), (test or {}, (0, (4, 1.5)))):
            for name, values in values_of.items():
                y = scale * drawable(values)
                drawn.append(y[np.isfinite(y)])
                mark = {"marker": "o", "markersize": 3.5} if len(y) <= _MARKED else {}
                axes.plot(np.arange(1, len(y) + 1), y, color=colours[name], linestyle=dash, **mark)
        known = np.concatenate(drawn) if drawn else np.zeros(0)
        if quantity == "loss" and len(known) and (known > 0).all():
            axes.set_yscale("log")
            plain_log(axes)
        axes.set_xlabel("epoch")
        axes.set_ylabel("right (%)" if quantity == "accuracy" else "loss")
        whole_numbers(axes)
        handles = [Line2D([], [], color=colours[k], label=k) for k in names]
        if test:
            handles += [
                Line2D([], [], color=INK, linestyle="-", label="training"),
                Line2D([], [], color=INK, linestyle=(0, (4, 1.5)), label="test"),
            ]
        fig.legend(handles=handles, ncols=legend_columns(handles, width), loc="outside upper center")
    return fig


def norm_by_layer(
    norms: Sequence[float] | Mapping[str, Sequence[float]],
    label: str = "gradient norm ‖∇$_{W_l}$ ℓ‖",
    width: float = 6.4,
    height: float = 3.4,
) -> Figure:
    """A norm against the number l of the layer, from 1, on a logarithmic scale; of one network, or name -> norms.

    A norm of 0 has no place on that scale: the layers that have it are named at the lower edge.

    >>> norm_by_layer([1e-6, 1e-4, 1e-2]).axes[0].get_yscale()
    'log'
    """
    curves = dict(norms) if isinstance(norms, Mapping) else {"": norms}
    with styled():
        fig = figure(width, height)
        axes = fig.add_subplot()
        zero: list[int] = []
        for (name, values), style in zip(curves.items(), series_styles(list(curves))):
            y = drawable(values)
            zero += (np.flatnonzero(y == 0) + 1).tolist()
            y = np.where(np.isfinite(y) & (y > 0), y, np.nan)
            size = 4.5 if len(y) <= _MARKED else 0
            axes.plot(np.arange(1, len(y) + 1), y, marker="o", markersize=size, label=name, **style)
        if any(len(line.get_ydata()) and np.isfinite(line.get_ydata()).any() for line in axes.lines):  # type: ignore
            axes.set_yscale("log")
            plain_log(axes)
        if zero:
            axes.annotate(
                f"0 in {_layers(sorted(set(zero)))}", (0.01, 0.02), xycoords="axes fraction", fontsize=9, va="bottom"
            )
        axes.set_xlabel("layer l")
        axes.set_ylabel(label)
        whole_numbers(axes)
        if any(curves):
            axes.legend()
    return fig


def _layers(numbers: Sequence[int]) -> str:
    """
    >>> _layers([3]), _layers([1, 2, 5])
    ('layer 3', 'layers 1, 2, 5')
    """
    shown = ", ".join(map(str, numbers[:8])) + (" …" if len(numbers) > 8 else "")
    return f"layer {shown}" if len(numbers) == 1 else f"layers {shown}"


__all__ = ["comparison_curves", "norm_by_layer", "norms_of_runs"]
