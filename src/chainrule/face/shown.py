"""Arrays as a reader wants them: small ones as rounded numbers, larger ones as their norm and range."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..views.diagram import Shown
from ..views.forms import number_latex

_DIGITS = 4
_VECTOR, _MATRIX = 6, 4  # entries of a vector, rows and columns of a matrix, that are written out


def shown(array: Any) -> Shown:
    """The array for a picture or a line of text.

    >>> shown(np.array([[1.0, -0.25], [1 / 3, 2e-7]])).rows
    ['[1, -0.25]', '[0.3333, 2e-07]']
    """
    a = np.asarray(array)
    if not a.ndim:
        return Shown((), [rounded(a[()])])
    if _is_small(a):
        return Shown(a.shape, [f"[{', '.join(map(rounded, row))}]" for row in np.atleast_2d(a)])
    if a.dtype.kind == "b":
        return Shown(a.shape, [f"{np.count_nonzero(a)} of {a.size} true"])
    shape = "×".join(map(str, a.shape))
    return Shown(a.shape, [f"{shape}, norm {rounded(_norm(a))}", f"{rounded(a.min())} … {rounded(a.max())}"])


def array_latex(array: Any) -> str:
    """The array in LaTeX; a vector is a column, written as a row transposed."""
    a = np.asarray(array)
    if not a.ndim:
        return _latex(a[()])
    if _is_small(a):
        rows = r" \\ ".join(" & ".join(map(_latex, row)) for row in np.atleast_2d(a))
        return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}" + (r"^{\top}" if a.ndim == 1 else "")
    shape = r" \times ".join(map(str, a.shape))
    if a.dtype.kind == "b":
        return rf"\mathrm{{true}}:\; {np.count_nonzero(a)} \,/\, {a.size}"
    return rf"{shape},\; \left\| \cdot \right\| = {_latex(_norm(a))},\; {_latex(a.min())} \ldots {_latex(a.max())}"


def rounded(x: Any) -> str:
    """A number to four digits, integers and truth values in full; never −0."""
    if isinstance(x, (bool, np.bool_, int, np.integer)):
        return str(x)
    text = f"{float(x):.{_DIGITS}g}"
    return "0" if text == "-0" else text


def _is_small(a: Any) -> bool:
    return (a.ndim == 1 and a.size <= _VECTOR) or (a.ndim == 2 and max(a.shape) <= _MATRIX)


def _norm(a: Any) -> float:
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.sum(np.square(a, dtype=np.float64))))


def _latex(x: Any) -> str:
    if isinstance(x, (bool, np.bool_)):
        return number_latex(bool(x))
    if isinstance(x, (int, np.integer)):
        return number_latex(int(x))
    near = float(rounded(x))
    return "0" if near == 0 else number_latex(near)  # a real 0 would be 0.0


__all__ = ["array_latex", "rounded", "shown"]
