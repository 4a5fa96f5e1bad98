"""The plots that only `chainrule lab optimizers` has: weights of each layer, and what makes a layer's factor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..plots.series import legend_handles, plain_log, series_styles
from ..plots.style import INK, figure, styled
from .layer_gradients import LayerGradients
from .optimizers_result import Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def layer_norm_curves(trainings: Sequence[Training], width: float = 10.2, height: float = 2.8) -> Figure:
    """‖W_l‖ of each layer at every iteration, over that of its start: a panel for each layer."""
    with styled():
        fig = figure(width, height)
        names = trainings[0].weights
        styles = series_styles([t.title for t in trainings])
        panels = fig.subplots(1, len(names), sharey=True, squeeze=False)[0]
        for l, (axes, name) in enumerate(zip(panels, names), 1):
            for t, style in zip(trainings, styles):
                norms = t.layer_norms(name)
                axes.plot(np.arange(len(norms)), norms / norms[0], linewidth=1.4, **style)
            axes.set_title(f"layer {l}")
            axes.set_xlabel("iteration")
            axes.locator_params(axis="x", nbins=3)
        panels[0].set_ylabel("‖W‖ over its start")
        handles = legend_handles([t.title for t in trainings], styles)
        fig.legend(handles=handles, ncols=len(handles), loc="outside upper center")
    return fig


def factors_by_layer(found: LayerGradients, width: float = 10.2, height: float = 3.2) -> Figure:
    """What each layer l multiplies the gradient's norm by on its way back, and the two factors that make it."""
    parts = {"by W": found.matrix, "by ELU′": found.activation}
    with styled():
        fig = figure(width, height)
        axes = fig.add_subplot()
        l = np.arange(2, found.layers)
        for (label, values), style in zip(parts.items(), series_styles(list(parts))):
            axes.plot(l, values, linewidth=1.4, marker="o", markersize=3, label=label, **style)
        axes.plot(l, found.factors, color=INK, marker="o", markersize=4.5, label="both: the layer's factor")
        axes.axhline(1, color=INK, linewidth=0.8)
        if all((c > 0).all() for c in (*parts.values(), found.factors)):
            axes.set_yscale("log")
            plain_log(axes)
        axes.set_xlabel("layer l")
        axes.set_ylabel("factor of the norm")
        fig.legend(ncols=3, loc="outside upper center")
    return fig


__all__ = ["factors_by_layer", "layer_norm_curves"]
