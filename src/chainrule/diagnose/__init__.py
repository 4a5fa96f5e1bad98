"""What is wrong with a network at a point: gradients that vanish or explode, units that are stuck, steps too large."""

from __future__ import annotations

from .curvature import Curvature, largest_eigenvalue
from .norms import GradientNorms, gradient_norms
from .saturation import Saturation, saturation

__all__ = ["Curvature", "GradientNorms", "Saturation", "gradient_norms", "largest_eigenvalue", "saturation"]
