"""Several curves in one figure: their colours and dashes, their legend, their axes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .style import BLUE, INK, ORANGE, PURPLE, SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

BUCKETS = 240  # a curve of more points is drawn as mean, minimum and maximum of so many stretches
DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))  # so that colour is never the only difference
NAMED = 8  # a legend names so many curves; of more, some layers and the kinds of parameters
_LAYERS_NAMED = 5
_LARGEST = 1e200
_BANDS = 16  # of more curves, bands would cover each other


class Stretches(NamedTuple):
    """Neighbouring values taken together: where they lie, their mean, the least and the greatest of them."""

    x: NDArray[Any]
    mean: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]


def stretches(values: ArrayLike, steps_per_epoch: float, at: ArrayLike | None = None) -> Stretches:
    """At most `BUCKETS` stretches of neighbouring values; x in epochs. What is not finite counts as missing.

    at   the step of each value, counted from 1; by default every step has one

    >>> x, mean, low, high = stretches([1.0, 2.0, 3.0], 2)
    >>> x.tolist(), mean.tolist()
    ([0.5, 1.0, 1.5], [1.0, 2.0, 3.0])
    >>> stretches([4.0, 5.0], 10, at=[10, 20]).x.tolist()
    [1.0, 2.0]
    """
    y = drawable(values)
    steps = np.arange(1, len(y) + 1) if at is None else np.asarray(at, float)
    if not len(y):
        return Stretches(*(np.zeros(0),) * 4)
    count = min(len(y), BUCKETS)
    x = np.array([part.mean() for part in np.array_split(steps, count)]) / steps_per_epoch
    parts = [part[np.isfinite(part)] for part in np.array_split(y, count)]
    of = lambda f: np.array([f(part) if len(part) else math.nan for part in parts])
    return Stretches(x, of(np.mean), of(np.min), of(np.max))


def drawable(values: ArrayLike) -> NDArray[Any]:
    """Values no larger than 10²⁰⁰: a run that diverges comes to the largest floats, beyond which an axis would go."""
    y = np.asarray(values, float)
    return np.where(np.isfinite(y), np.clip(y, -_LARGEST, _LARGEST), y)


def series_styles(names: Sequence[str]) -> list[dict[str, Any]]:
    """Colour and dash for each curve. Names that end in a number go by it: W1 and b1 share a colour, W1 and W2 a dash.

    >>> [style["color"] for style in series_styles(["W1", "b1", "W2"])]
    ['#0072b2', '#0072b2', '#d55e00']
    """
    if len(names) < 2 or not all(map(_parts, names)) or len({_kind(n) for n in names}) == 1:
        if len(names) <= NAMED:
            return [
                {"color": SERIES[k % len(SERIES)], "linestyle": DASHES[(k + k // len(SERIES)) % len(DASHES)]}
                for k in range(len(names))
            ]
        return [{"color": c, "linestyle": "-"} for c in _shades(len(names))]
    kinds = list(dict.fromkeys(map(_kind, names)))
    layers = sorted({_layer(n) for n in names})
    shades = list(SERIES[: len(layers)]) if len(layers) <= len(SERIES) else _shades(len(layers))
    return [
        {"color": shades[layers.index(_layer(n))], "linestyle": DASHES[kinds.index(_kind(n)) % len(DASHES)]}
        for n in names
    ]


def _parts(name: str) -> re.Match[str] | None:
    return re.fullmatch(r"(.*\D)(\d+)", name)


def _kind(name: str) -> str:
    found = _parts(name)
    return found[1] if found else name


def _layer(name: str) -> int:
    found = _parts(name)
    return int(found[2]) if found else 0


def _shades(count: int) -> list[str]:
    """So many colours from blue over purple to orange, none of them too dark or too light for either page."""
    anchors = np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in (BLUE, PURPLE, ORANGE)], float)
    at = np.linspace(0, 2, count)
    mixed = np.column_stack([np.interp(at, [0, 1, 2], anchors[:, k]) for k in range(3)])
    return ["#" + "".join(f"{round(v):02x}" for v in row) for row in mixed]


def legend_handles(names: Sequence[str], styles: Sequence[Mapping[str, Any]]) -> list[Line2D]:
    """An entry for each curve; of more than `NAMED` curves, a few layers and each kind of parameter."""
    from matplotlib.lines import Line2D

    line = lambda label, **style: Line2D([], [], label=label, **style)
    if len(names) <= NAMED:
        return [line(name, **style) for name, style in zip(names, styles)]
    if not all(map(_parts, names)):
        return [line(names[k], **styles[k]) for k in _spread(len(names), NAMED - 1)]
    of_layer = {_layer(n): style["color"] for n, style in zip(names, styles)}
    layers = sorted(of_layer)
    shown = [layers[k] for k in _spread(len(layers), _LAYERS_NAMED)]
    kinds = {_kind(n): style["linestyle"] for n, style in zip(names, styles)}
    several = len(kinds) > 1
    found = [
        line(f"layer {k}" if several else f"{next(iter(kinds))}{k}", color=of_layer[k], linestyle="-") for k in shown
    ]
    if several:
        found += [line(kind, color=INK, linestyle=dash) for kind, dash in list(kinds.items())[: NAMED - 2]]
    return found


def legend_columns(handles: Sequence[Line2D], width: float) -> int:
    """How many entries of a legend fit beside each other in so many inches; rows are about equally long."""
    longest = max((len(str(h.get_label())) for h in handles), default=1)
    most = max(1, int(width / (0.75 + 0.08 * longest)))
    rows = math.ceil(len(handles) / most)
    return math.ceil(len(handles) / rows) if rows else 1


def _spread(count: int, most: int) -> list[int]:
    """At most `most` of 0 … count − 1, evenly, with both ends."""
    return sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))


def draw_series(
    axes: Axes, curves: Mapping[str, Stretches], styles: Sequence[Mapping[str, Any]], log: bool = True
) -> None:
    """Each curve as a line, with its range as a band. With `log` the scale is, where any value is positive."""
    many = len(curves) > NAMED
    positive = log and any((c.low > 0).any() for c in curves.values())
    for (name, c), style in zip(curves.items(), styles):
        band = len(curves) <= _BANDS and (c.high > c.low).any()
        if band and not (positive and (c.low <= 0).any()):
            axes.fill_between(c.x, c.low, c.high, color=style["color"], alpha=0.12, linewidth=0)
        mean = np.where(c.mean > 0, c.mean, np.nan) if positive else c.mean
        points = int(np.isfinite(mean).sum())
        marker = {"marker": "o", "markersize": 4} if points == 1 else {}
        axes.plot(c.x, mean, label=name, linewidth=1.1 if many else 1.8, **style, **marker)
    if positive:
        axes.set_yscale("log")
        plain_log(axes)


def plain_log(axes: Axes) -> None:
    """A logarithmic axis with numbers as people write them: 0.05, not 5·10⁻²; powers of ten where it spans many."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

    low, high = axes.get_ylim()
    decades = math.log10(high) - math.log10(low) if low > 0 and high > 0 else 1.0
    if decades < 0.3:
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_minor_locator(NullLocator())
    elif decades <= 3:
        subs = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if decades < 1 else (1.0, 2.0, 5.0) if decades < 2.2 else (1.0, 3.0)
        axes.yaxis.set_major_locator(LogLocator(10, subs=subs, numticks=12))
    else:
        axes.yaxis.set_major_locator(LogLocator(10, numticks=7))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: power(v)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def plain_numbers(axes: Axes) -> None:
    """A linear axis with numbers as people write them."""
    from matplotlib.ticker import FuncFormatter

    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: power(v)))


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power(x: float) -> str:
    """A number at an axis.

    >>> power(0.05), power(1e-6), power(3e7), power(0.0)
    ('0.05', '10⁻⁶', '3·10⁷', '0')
    """
    if not x or not math.isfinite(x) or 1e-3 <= abs(x) < 99_999.5:
        return f"{x:g}"
    digits, _, exponent = f"{x:.2e}".partition("e")
    raised = f"10{str(int(exponent)).translate(_RAISED)}"
    short = f"{float(digits):g}"
    return raised if short == "1" else f"{short}·{raised}"


def mark_not_finite(axes: Axes, values: ArrayLike, steps_per_epoch: float) -> None:
    """A dotted line where a curve leaves the finite numbers for good, with the step."""
    y = np.asarray(values, float)
    if not len(y) or np.isfinite(y[-1]):
        return
    finite = np.flatnonzero(np.isfinite(y))
    first = int(finite[-1]) + 2 if len(finite) else 1  # counted from 1
    x = first / steps_per_epoch
    axes.axvline(x, color=INK, linestyle=":", linewidth=1.2)
    axes.annotate(
        f"not finite from step {first:,}", (x, 0.97), xycoords=("data", "axes fraction"), ha="right", va="top",
        xytext=(-5, 0), textcoords="offset points", fontsize=9,
    )  # fmt: skip


__all__ = [
    "BUCKETS", "DASHES", "NAMED", "Stretches", "draw_series", "drawable", "legend_columns",
    "legend_handles", "mark_not_finite", "plain_log", "plain_numbers", "power", "series_styles", "stretches",
]  # fmt: skip
