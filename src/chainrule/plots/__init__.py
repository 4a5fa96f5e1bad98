"""Plots: matplotlib figures without windows, and SVG for a page of HTML.

Colours are Okabe and Ito's, which colour-blind people tell apart (https://jfly.uni-koeln.de/color/, 2008).
"""

from .curves import accuracy_curves, gradient_norms, learning_rate, loss_curves, norm_curves, update_ratios
from .images import examples_grid, image_grid
from .runs import comparison_curves, norm_by_layer, norms_of_runs
from .style import save, svg
from .training import training_figure

__all__ = [
    "accuracy_curves", "comparison_curves", "examples_grid", "gradient_norms", "image_grid", "learning_rate",
    "loss_curves", "norm_by_layer", "norm_curves", "norms_of_runs", "save", "svg", "training_figure", "update_ratios",
]  # fmt: skip
