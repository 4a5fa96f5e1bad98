"""Figures have what they should show; their SVG stands in a page."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.legend import Legend

import chainrule as cr
from chainrule.plots import accuracy_curves, examples_grid, gradient_norms, image_grid, loss_curves, svg
from chainrule.plots.images import _mosaic
from chainrule.plots.series import BUCKETS, stretches


def legend(fig) -> list[str]:
    return [text.get_text() for drawn in (*fig.legends, *fig.axes[0].findobj(Legend)) for text in drawn.get_texts()]


def test_the_mosaic_holds_every_column():
    W = np.arange(12 * 5, dtype=float).reshape(12, 5)
    mosaic, beside, above = _mosaic(W.T.reshape(5, 3, 4), 2)
    assert (beside, above) == (2, 3) and mosaic.shape == (3 * 4 - 1, 2 * 5 - 1)
    np.testing.assert_array_equal(mosaic[4:7, 5:9], W[:, 3].reshape(3, 4))
    assert np.isnan(mosaic[8:, 5:]).all()


def test_image_grid_is_public_and_symmetric():
    W = np.linspace(-1, 3, 64 * 6).reshape(64, 6)
    fig = cr.plots.image_grid(W, (8, 8))
    assert fig.axes[0].images[0].get_clim() == (-3.0, 3.0)
    assert fig.axes[1].get_ylabel() == "weight"
    assert image_grid(W).axes and image_grid(np.zeros((12, 1)), (2, 2, 3)).axes  # a square; channels; all zero


@pytest.mark.parametrize("W, shape", [(np.zeros((63, 2)), None), (np.zeros((64, 2)), (8, 7)), (np.zeros(64), (8, 8))])
def test_shapes_that_do_not_fit(W, shape):
    with pytest.raises(ValueError, match="shape"):
        image_grid(W, shape)


def test_axes_say_what_they_show():
    loss = loss_curves(np.geomspace(2, 0.1, 500), 100, [1.0, 0.5, 0.3, 0.2, 0.2]).axes[0]
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "loss (nats per image)")
    assert loss.get_yscale() == "log" and len(loss.get_legend().get_texts()) == 2
    right = accuracy_curves([0.5, 0.9], [0.6, 0.8]).axes[0]
    assert right.get_ylabel() == "images right (%)" and right.lines[0].get_ydata().tolist() == [50.0, 90.0]
    norms = gradient_norms({"a": [1.0, 2.0], "b": [0.0, 0.0]}, 1)
    assert legend(norms) == ["a", "b"]
    assert len({line.get_linestyle() for line in norms.axes[0].lines}) == 2


def test_long_runs_stay_small():
    values = np.random.default_rng(0).random(100_000) + 0.1
    x, mean, low, high = stretches(values, 1000)
    assert len(x) == BUCKETS and (low <= mean).all() and (mean <= high).all() and high.max() == values.max()
    assert len(svg(loss_curves(values, 1000), "loss", "A loss")) < 60_000


def test_svg_stands_in_a_page():
    figures = [loss_curves([1.0, 0.5], 1), examples_grid(np.eye(4), list("ab<d"), (2, 2))]
    texts = [svg(f, name, 'says "this" & that') for f, name in zip(figures, ("one", "two"))]
    ids = [i for text in texts for i in re.findall(r'\bid="([^"]+)"', text)]
    assert len(ids) == len(set(ids)) and all(i.startswith(("one-", "two-")) for i in ids)
    for text in texts:
        root = ElementTree.fromstring(text)
        assert root.get("aria-label") == 'says "this" & that'
        assert "http" not in text and "<metadata" not in text and "var(--ink, #1b1f24)" in text
        assert "DejaVu" not in text
    assert "data:image/png;base64," in texts[1]
    assert texts[0] == svg(loss_curves([1.0, 0.5], 1), "one", 'says "this" & that')


def test_no_window_manager_is_asked():
    loss_curves([1.0], 1)
    assert "matplotlib.pyplot" not in sys.modules
