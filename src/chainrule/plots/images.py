"""Rows of a matrix as small images in a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .style import INK, figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def image_grid(
    W: ArrayLike,
    shape: tuple[int, ...] | None = None,
    columns: int | None = None,
    width: float = 6.4,
    label: str = "weight",
) -> Figure:
    """Each column of W (pixels, neurons) as an image: what makes that neuron answer.

    W         such as the first layer's weights, (pixels, neurons)
    shape     (height, width) of an image, or (height, width, channels); a square by default
    columns   images in a row of the grid
    width     of the figure, in inches

    All images share one scale, symmetric around 0: blue is negative, white 0, red positive. Weights of images with
    channels are shown as their mean over the channels. Raises ValueError where the shape does not hold the pixels.

    >>> fig = image_grid(np.random.default_rng(0).normal(size=(64, 12)), (8, 8))
    """
    W = np.asarray(W, float)
    if W.ndim != 2 or not W.size:
        raise ValueError(f"W must be (pixels, neurons), and it has shape {W.shape}")
    images = _images(W.T, shape)
    mosaic, beside, rows = _mosaic(images, columns)
    limit = float(np.abs(W).max()) or 1.0
    with styled():
        fig = figure(width, width * rows / beside * 0.86 * images.shape[1] / images.shape[2] + 0.2)
        axes = fig.add_subplot()
        shown = axes.imshow(mosaic, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="none")
        _bare(axes)
        bar = fig.colorbar(shown, ax=axes, shrink=0.8, label=label)
        bar.outline.set_visible(False)
    return fig


def examples_grid(
    X: ArrayLike, captions: Sequence[str], shape: tuple[int, ...] | None = None, columns: int = 10, width: float = 6.4
) -> Figure:
    """Rows of X (images, pixels) as grey or colour images with a caption below each; `width` is that of a full row."""
    images = _images(np.asarray(X, float), shape, keep_channels=True)
    count = len(images)
    rows = math.ceil(count / columns)
    with styled():
        fig = figure(
            width * min(count, columns) / columns,
            rows * (width / columns * images.shape[1] / images.shape[2] + 0.24) + 0.1,
        )
        low, high = float(images.min()), float(images.max())
        for k, (image, caption) in enumerate(zip(images, captions)):
            axes = fig.add_subplot(rows, min(count, columns), k + 1)
            axes.imshow(image, cmap="gray_r", vmin=low, vmax=high, interpolation="none")
            axes.set_xlabel(caption, fontsize=9, labelpad=2, color=INK)
            _bare(axes)
    return fig


def _images(rows: NDArray[Any], shape: tuple[int, ...] | None, keep_channels: bool = False) -> NDArray[Any]:
    pixels = rows.shape[1]
    side = math.isqrt(pixels)
    shape = (side, side) if shape is None else tuple(shape)
    if len(shape) not in (2, 3) or math.prod(shape) != pixels:
        raise ValueError(f"{pixels} pixels do not make an image of shape {tuple(shape)}; give shape=(height, width)")
    images = rows.reshape(-1, *shape)
    if images.ndim == 4 and not (keep_channels and shape[-1] in (3, 4)):
        images = images.mean(axis=3)
    return images


def _mosaic(images: NDArray[Any], columns: int | None) -> tuple[NDArray[Any], int, int]:
    """One array with a gap between images, and how many images are side by side and above each other."""
    count, height, width = images.shape
    beside = columns or min(count, max(1, round(math.sqrt(count * 2.0))))
    rows = math.ceil(count / beside)
    gap = max(1, height // 14)
    mosaic = np.full((rows * (height + gap) - gap, beside * (width + gap) - gap), np.nan)
    for k, image in enumerate(images):
        top, left = k // beside * (height + gap), k % beside * (width + gap)
        mosaic[top : top + height, left : left + width] = image
    return mosaic, beside, rows


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
