"""Plots: matplotlib figures without windows, and SVG for a page of HTML.

Colours are Okabe and Ito's, which colour-blind people tell apart (https://jfly.uni-koeln.de/color/, 2008).
"""

from .curves import accuracy_curves, gradient_norms, loss_curves
from .images import examples_grid, image_grid
from .style import svg

__all__ = ["accuracy_curves", "examples_grid", "gradient_norms", "image_grid", "loss_curves", "svg"]
