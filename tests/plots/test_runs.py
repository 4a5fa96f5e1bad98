"""Several runs in one figure; a gradient from layer to layer; colours and legends of many curves."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.plots import comparison_curves, gradient_norms, learning_rate, norm_by_layer, norms_of_runs, save
from chainrule.plots.series import DASHES, legend_handles, series_styles

RUNS = {"SGD": [0.9, 0.5, 0.4], "momentum": [0.8, 0.2, 0.1], "Nesterov": [0.7, 0.2, 0.05]}


def entries(fig) -> list[str]:
    found = [*fig.legends, *(a.get_legend() for a in fig.axes if a.get_legend())]
    return [text.get_text() for legend in found for text in legend.get_texts()]


def test_each_run_has_its_curve_over_iterations():
    fig = norms_of_runs(RUNS)
    axes = fig.axes[0]
    assert entries(fig) == list(RUNS) and axes.get_xlabel() == "iteration" and axes.get_yscale() == "linear"
    for line, values in zip(axes.lines, RUNS.values()):
        assert line.get_xdata().tolist() == [1, 2, 3] and line.get_ydata().tolist() == values
    assert len({(line.get_color(), str(line.get_linestyle())) for line in axes.lines}) == 3


def test_training_is_solid_and_test_dashed_in_the_run_s_colour():
    fig = comparison_curves(RUNS, {k: [v + 0.1 for v in values] for k, values in RUNS.items()})
    assert entries(fig) == [*RUNS, "training", "test"]
    lines = fig.axes[0].lines
    assert [a.get_color() for a in lines[:3]] == [b.get_color() for b in lines[3:]]
    assert {a.get_linestyle() for a in lines[:3]} == {"-"} and {b.get_linestyle() for b in lines[3:]} == {"--"}
    assert fig.axes[0].get_yscale() == "log"


def test_accuracies_are_in_percent_and_losses_below_zero_linear():
    accuracy = comparison_curves({"SGD": [0.5, 0.9]}, quantity="accuracy").axes[0]
    assert accuracy.lines[0].get_ydata().tolist() == [50, 90] and accuracy.get_ylabel() == "right (%)"
    assert comparison_curves({"SGD": [0.5, -0.9]}).axes[0].get_yscale() == "linear"
    assert comparison_curves({"SGD": [np.nan, np.inf, 0.2]}).axes[0].get_yscale() == "log"


def test_layers_count_from_one():
    norms = np.geomspace(1e-9, 1, 30)
    axes = norm_by_layer(norms).axes[0]
    assert axes.get_yscale() == "log" and axes.get_xlabel() == "layer l"
    np.testing.assert_allclose(axes.lines[0].get_xdata(), np.arange(1, 31))
    np.testing.assert_allclose(axes.lines[0].get_ydata(), norms)


def test_layers_without_a_gradient_are_named():
    fig = norm_by_layer({"sigmoid": [0.0, 0.0, 0.1], "relu": [0.1, 0.2, 0.3]})
    assert entries(fig) == ["sigmoid", "relu"]
    assert [t.get_text() for t in fig.axes[0].texts] == ["0 in layers 1, 2"]
    assert norm_by_layer([0.0, np.nan]).axes[0].get_yscale() == "linear"


def test_weights_and_biases_of_a_layer_share_a_colour():
    names = ["W1", "b1", "W2", "b2"]
    W1, b1, W2, b2 = series_styles(names)
    assert W1["color"] == b1["color"] != W2["color"] == b2["color"]
    assert W1["linestyle"] == W2["linestyle"] == DASHES[0] != b1["linestyle"] == b2["linestyle"]


@pytest.mark.parametrize("count", [1, 2, 5, 8, 9, 60])
@pytest.mark.parametrize("form", ["W{}", "run {}x", "{}"])
def test_curves_differ_and_legends_stay_short(count, form):
    names = [form.format(k + 1) for k in range(count)]
    styles = series_styles(names)
    assert len({(s["color"], str(s["linestyle"])) for s in styles}) == count
    handles = legend_handles(names, styles)
    assert len(handles) == min(count, len(handles)) <= 8
    assert handles[0].get_label() in (names[0], "layer 1")


def test_norms_that_were_measured_now_and_then():
    line = gradient_norms({"W1": ([1, 11, 21], [3.0, 2.0, 1.0])}, 10).axes[0].lines[0]
    assert line.get_xdata().tolist() == [0.1, 1.1, 2.1] and line.get_ydata().tolist() == [3, 2, 1]


def test_a_stair_of_rates_keeps_its_corners():
    line = learning_rate(np.repeat([0.1, 0.01], 500), 100).axes[0].lines[0]
    assert line.get_xdata().tolist() == [0.01, 5.0, 5.01, 10.0] and line.get_ydata().tolist() == [0.1, 0.1, 0.01, 0.01]


def test_figures_are_written_whole_and_alike(tmp_path):
    for name in ("a.png", "a.svg", "a.pdf"):
        save(norm_by_layer([1.0, 2.0]), tmp_path / name)
        first = (tmp_path / name).read_bytes()
        save(norm_by_layer([1.0, 2.0]), tmp_path / name)
        assert (tmp_path / name).read_bytes() == first
    with pytest.raises(cr.OutputError, match=r"png, svg, pdf; name it a\.png"):
        save(norm_by_layer([1.0, 2.0]), tmp_path / "a.tiff")
    with pytest.raises(cr.OutputError, match="does not exist"):
        save(norm_by_layer([1.0, 2.0]), tmp_path / "none" / "a.png")
