"""The plots of `chainrule lab decoding`: what widths find, what sizes cost, and how likely what repeats itself is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..plots.series import plain_log, series_styles
from ..plots.style import BLUE, GREEN, INK, ORANGE, PURPLE, figure, styled, whole_numbers
from .decoding_exact import NARROW, ROUNDING, Agreement
from .decoding_result import Result
from .decoding_scaling import Sweep
from .decoding_text import NGRAMS, REAL, Output, Trained
from .decoding_tree import Answers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = 4.9, 3.3  # inches, two beside each other on a page
UNITS = {"time": (1e3, "ms of processor time"), "memory": (1e-6, "MB")}
MARKS = {"greedy": "v", "beam, 4": "s", "beam, 16": "D", "beam, 64": "o", "Viterbi": "*"}
DRAWN = ("^", "P", "X")


def found_by_width(a: Answers) -> Figure:
    """The log-likelihood that beam search finds, against its width."""
    with styled():
        fig = figure(*SIZE)
        axes = fig.add_subplot()
        widths, found = zip(*((w, s.log_likelihood) for w, s in a.by_width))
        axes.axhline(a.best.log_likelihood, color=GREEN, linestyle="--", linewidth=1.4, label="the maximum")
        axes.axhline(a.greedy.log_likelihood, color=ORANGE, linestyle=":", linewidth=1.6, label="greedy search")
        axes.plot(widths, found, color=BLUE, marker="o", markersize=6, label="beam search")
        axes.set_xlabel("width B")
        axes.set_ylabel("log p of what is found")
        whole_numbers(axes)
        fig.legend(ncols=3, loc="outside upper center")
    return fig


def share_found(agreements: Sequence[Agreement]) -> Figure:
    """In how many of the random models of each kind beams find the maximum, against their width."""
    return _by_width(agreements, lambda gaps: 100 * float((gaps <= ROUNDING).mean()), "maximum found (% of models)")


def mean_gap(agreements: Sequence[Agreement]) -> Figure:
    """By how many nats beams fall short of it in the mean."""
    return _by_width(agreements, lambda gaps: float(gaps.mean()), "mean log p below the maximum")


def _by_width(
    agreements: Sequence[Agreement], value: Callable[[NDArray[np.float64]], float], label: str
) -> Figure:
    kinds = list(dict.fromkeys(a.kind for a in agreements))
    with styled():
        fig = figure(*SIZE)
        axes = fig.add_subplot()
        widths = [B for B in NARROW if any(B in a.gaps for a in agreements)]
        for kind, style in zip(kinds, series_styles(kinds)):
            of = [a for a in agreements if a.kind == kind]
            # A beam wider than N^(T−1) is one of N^(T−1).
            gaps = [np.concatenate([a.gaps[B] if B in a.gaps else a.gaps[max(a.gaps)] for a in of]) for B in widths]
            axes.plot(widths, list(map(value, gaps)), label=kind, marker="o", markersize=4.5, **style)
        axes.set_xscale("log", base=2)
        _sizes(axes, [B for B in widths if B & (B - 1) == 0])
        axes.set_xlabel("width B")
        axes.set_ylabel(label)
        fig.legend(ncols=len(kinds), loc="outside upper center")
    return fig


def scaling(s: Sweep) -> Figure:
    """A cost against a size: points, the fitted law, and the predicted slope through the middle of the points."""
    per_step = s.plan.expected is None
    scale, unit = UNITS[s.plan.quantity]
    x, cost, law = s.x, s.cost * scale, s.law
    with styled():
        fig = figure(*SIZE)
        axes = fig.add_subplot()
        clear = s.clear
        first, last = float(x[clear][0]), float(x[clear][-1])
        fine = np.linspace(first, last, 60) if per_step else np.geomspace(first, last, 60)
        moved = np.exp if per_step else (lambda v: v)
        middle = np.exp(np.log(cost[clear]).mean() - s.expected * np.log(moved(x[clear])).mean())
        label = (lambda e: f"× {np.exp(e):.3g} a step") if per_step else (lambda e: f"exponent {e:.3g}")
        axes.plot(fine, middle * moved(fine) ** s.expected, color=ORANGE, linestyle=(0, (5, 2)), linewidth=2.2,
                  label=f"predicted: {label(s.expected)}")  # fmt: skip
        axes.plot(fine, scale * law(moved(fine)), color=BLUE, linewidth=1.4, label=f"fitted: {label(law.exponent)}")
        if s.plan.quantity == "time":
            axes.vlines(x, s.low * scale, s.high * scale, color=INK, linewidth=0.8)
        for mask, filled in ((clear, INK), (~clear, "none")):
            axes.plot(x[mask], cost[mask], "o", color=INK, markerfacecolor=filled, markersize=5, linestyle="none")
        axes.set_yscale("log")
        plain_log(axes)
        if not per_step:
            axes.set_xscale("log")
            _sizes(axes, [int(v) for v in s.plan.values])
        axes.set_xlabel(s.plan.varies)
        axes.set_ylabel(unit)
        fig.legend(ncols=2, loc="outside upper center")
    return fig


def _sizes(axes: Axes, values: Sequence[int]) -> None:
    """Ticks of a logarithmic x axis at these values, as many as there is room for."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    room = 7 if len(f"{values[-1]:,}") < 6 else 5
    step = -(-len(values) // room)
    axes.xaxis.set_major_locator(FixedLocator(list(values)[::step]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}"))


def likely_and_repeated(r: Result, m: Trained) -> Figure:
    """Every output of a model: log p per token and the share of repeated n-grams; the means of each decoder larger."""
    n = NGRAMS[m.unit][-1]
    with styled():
        fig = figure(SIZE[0], SIZE[1] + 0.7)
        axes = fig.add_subplot()
        drawn = 0
        for name in r.decoders(m):
            searches = r.summary(m, name).searches
            marker = MARKS.get(name) or DRAWN[drawn % len(DRAWN)]
            drawn += not searches
            colour = PURPLE if name == "Viterbi" else BLUE if searches else ORANGE
            _points(axes, r.made(m, name), colour, marker, name)
        _points(axes, r.made(m, REAL), GREEN, "h", REAL)
        axes.set_ylim(-4, 104)
        axes.set_xlabel(f"log p per {m.unit}")
        axes.set_ylabel(f"repeated {n}-grams (%)")
        fig.legend(ncols=3, loc="outside upper center", fontsize=8.5)
    return fig


def _points(axes: Axes, outputs: Sequence[Output], colour: str, marker: str, name: str) -> None:
    x, y = [o.per_token for o in outputs], [100 * o.repetition for o in outputs]
    axes.plot(x, y, linestyle="none", marker=marker, markersize=3.2, color=colour, alpha=0.45)
    axes.plot(
        np.mean(x), np.mean(y), linestyle="none", marker=marker, markersize=9, color=colour, markeredgecolor=INK,
        markeredgewidth=0.8, label=name, zorder=5,
    )  # fmt: skip


def nats(r: Result) -> Figure:
    """Nats per token of what was held out, with each model and with less knowledge."""
    with styled():
        fig = figure(SIZE[0] + 1.2, 2.6)
        axes = fig.add_subplot()
        y = np.arange(len(r.models))[::-1]
        looks = {"uniform": (INK, "D"), "unigram": (ORANGE, "s"), "nats": (BLUE, "o")}
        for name, (colour, marker) in looks.items():
            values, label = [getattr(m, name) for m in r.models], "the model" if name == "nats" else name
            axes.plot(values, y, linestyle="none", marker=marker, markersize=7, color=colour, label=label)
        axes.set_yticks(y, [m.title for m in r.models])
        axes.set_xlim(left=0)
        axes.set_xlabel("nats per token, held out")
        fig.legend(ncols=3, loc="outside upper center")
    return fig


__all__ = ["found_by_width", "likely_and_repeated", "mean_gap", "nats", "scaling", "share_found"]
