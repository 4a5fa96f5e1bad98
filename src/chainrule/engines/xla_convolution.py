"""Convolution in XLA: functions that a program prints above itself.

Each is the one convolution that XLA has. For the gradients batch and channels change places, a stride becomes a
dilation, and rows that the last position left over are cut off or padded. Leading axes become one batch, and back.
"""

from __future__ import annotations

import jax
from jax import numpy as jnp


def conv2d(x, w, stride):
    images = x.reshape(-1, *x.shape[-3:])
    y = jax.lax.conv_general_dilated(images, w, stride, "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y.reshape(*x.shape[:-3], *y.shape[1:])


def conv2d_kernel(x, g, size, stride):
    images, slopes = x.reshape(-1, *x.shape[-3:]), g.reshape(-1, *g.shape[-3:])
    rest = [(0, k + (i - 1) * s - h) for h, k, i, s in zip(x.shape[-3:-1], size, g.shape[-3:-1], stride)]
    return jax.lax.conv_general_dilated(
        images, slopes, (1, 1), rest, rhs_dilation=stride, dimension_numbers=("CHWN", "IHWO", "HWNC")
    )


def conv2d_input(g, w, size, stride):
    slopes, flipped = g.reshape(-1, *g.shape[-3:]), jnp.flip(w, (0, 1))
    around = [(k - 1, h - (i - 1) * s - 1) for h, k, i, s in zip(size, w.shape[:2], g.shape[-3:-1], stride)]
    x = jax.lax.conv_general_dilated(
        slopes, flipped, (1, 1), around, lhs_dilation=stride, dimension_numbers=("NHWC", "HWOI", "NHWC")
    )
    return x.reshape(*g.shape[:-3], *x.shape[1:])
