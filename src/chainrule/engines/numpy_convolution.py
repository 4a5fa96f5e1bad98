"""Convolution in NumPy: functions that a program prints above itself.

What the kernel sees at each position is laid out as the rows of a matrix (im2col), so that BLAS does the work; the
last axes of a row, kernel width and channels, lie side by side in the image. The gradient in the image goes the other
way in kh·kw products: gathering its rows first and adding them up after took up to three times as long.
"""

from __future__ import annotations

import numpy as np


def patches(x, size, stride):
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=(-3, -2))  # ..., i, j, c, a, b
    return np.moveaxis(windows[..., :: stride[0], :: stride[1], :, :, :], -3, -1)  # ..., i, j, a, b, c


def conv2d(x, w, stride):
    return np.tensordot(patches(x, w.shape[:2], stride), w, axes=3)


def conv2d_kernel(x, g, size, stride):
    seen = patches(x, size, stride)
    a, b, c, o = *seen.shape[-3:], g.shape[-1]
    return (seen.reshape(-1, a * b * c).T @ g.reshape(-1, o)).reshape(a, b, c, o)


def conv2d_input(g, w, size, stride):
    (s, t), (i, j) = stride, g.shape[-3:-1]
    x = np.zeros((*g.shape[:-3], *size, w.shape[2]), g.dtype)
    for a in range(w.shape[0]):
        for b in range(w.shape[1]):
            x[..., a : a + s * i : s, b : b + t * j : t, :] += g @ w[a, b].T
    return x
