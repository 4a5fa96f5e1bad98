"""The figure of a run: what must be on it, whatever the run was."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.plots import save, training_figure
from chainrule.train.history import History

WITH = ["loss", "right (%)", "gradient norm ‖∂L/∂w‖", "weight norm ‖w‖", "update / weight ‖Δw‖/‖w‖", "learning rate"]


def history(steps=40, each=10, params=("W1", "b1", "W2"), accuracy=True, validation=True, every=5, ended=True):
    """A history as a training leaves it, every number of which is made up."""
    rng = np.random.default_rng(steps)
    found = History(params)
    for start in range(0, steps, each):
        count = min(each, steps - start)
        measured = np.arange(start, start + count) % every == 0
        part = {"epoch": np.full(count, start // each + 1), "lr": np.full(count, 0.1), "loss": rng.random(count) + 0.5}
        if accuracy:
            part["accuracy"] = rng.random(count)
        for w in params:
            for column in (f"norm_d{w}", f"norm_{w}", f"ratio_{w}"):
                part[column] = np.where(measured, rng.random(count) + 0.1, np.nan)
        found.add(part)
        if ended:
            known = {"val_loss": 0.7, **({"val_accuracy": 0.5} if accuracy else {})} if validation else {}
            found.end_epoch(count, np.full(count, 32), known, 0.1)
    return found


def labels(fig) -> list[str]:
    return [axes.get_ylabel() for axes in fig.axes]


def drawn(fig, label):
    """The points of each curve on the axes with that label."""
    axes = next(a for a in fig.axes if a.get_ylabel() == label)
    return [np.column_stack([line.get_xdata(), line.get_ydata()]) for line in axes.lines]


def legend(fig) -> list[str]:
    return [text.get_text() for found in fig.legends for text in found.get_texts()]


def test_everything_is_on_it(tmp_path):
    h = history()
    fig = training_figure(h, 10, "a title")
    assert labels(fig) == WITH and legend(fig) == ["W1", "b1", "W2"]
    steps, values = h.measured("norm_dW2")
    np.testing.assert_allclose(drawn(fig, WITH[2])[2], np.column_stack([steps / 10, values]))
    np.testing.assert_allclose(drawn(fig, "loss")[0], np.column_stack([np.arange(1, 41) / 10, h["loss"]]))
    np.testing.assert_allclose(drawn(fig, "loss")[1], np.column_stack([[1, 2, 3, 4], h.epoch("val_loss")]))
    np.testing.assert_allclose(drawn(fig, WITH[1])[0][:, 1], 100 * h.epoch("accuracy"))
    assert list(fig.axes[4].lines[-1].get_ydata()) == [1e-3, 1e-3]
    save(fig, tmp_path / "run.png")
    with Image.open(tmp_path / "run.png") as image:
        assert image.size == (1650, round(150 * fig.get_figheight())) and image.getpixel((2, 2))[:3] == (254, 254, 254)


@pytest.mark.parametrize(
    "options, shown",
    [
        ({"accuracy": False, "validation": False}, [WITH[0], *WITH[2:]]),
        ({"steps": 1, "each": 1}, WITH),
        ({"steps": 10}, WITH),
        ({"steps": 3, "ended": False}, WITH),
        ({"steps": 3, "ended": False, "every": 100}, WITH),
        ({"params": ()}, ["loss", "right (%)", "learning rate"]),
    ],
)
def test_whatever_the_run_was(options, shown, tmp_path):
    fig = training_figure(history(**options))
    assert labels(fig) == shown
    save(fig, tmp_path / "run.svg")
    assert (tmp_path / "run.svg").read_text().startswith("<?xml")


def test_sixty_parameters_have_a_short_legend():
    names = [f"{kind}{layer}" for layer in range(1, 31) for kind in "Wb"]
    fig = training_figure(history(params=names), 10)
    assert len(drawn(fig, WITH[2])) == 60
    assert legend(fig) == ["layer 1", "layer 8", "layer 15", "layer 23", "layer 30", "W", "b"]
    fig = training_figure(history(params=[f"vector {'x' * k}" for k in range(60)]), 10)
    assert len(legend(fig)) <= 8


@pytest.mark.filterwarnings("error")
def test_values_that_are_not_finite(tmp_path):
    h = history(steps=300, each=100, params=("W1",), ended=False)
    columns = h.since(0)
    columns["loss"][120:140] *= np.geomspace(1, 1e300, 20)
    columns["loss"][140:] = np.nan
    columns["norm_dW1"][141:] = np.inf
    columns["ratio_W1"][0] = np.inf  # away from 0
    fig = training_figure(h, 100)
    assert "not finite from step 141" in [text.get_text() for text in fig.axes[0].texts]
    points = drawn(fig, WITH[2])[0]
    assert np.isfinite(points).all() and points[-1, 0] <= 1.41
    assert drawn(fig, WITH[4])[0][0, 0] > 0.01
    save(fig, tmp_path / "run.pdf")
    nothing = history(steps=2, params=("W1",), ended=False)
    for column in nothing.columns[2:]:
        nothing[column][:] = np.nan
    save(training_figure(nothing, 2), tmp_path / "none.png")


def test_a_loss_below_zero_is_on_a_linear_scale():
    h = history()
    h.since(0)["loss"][:] -= 1
    assert training_figure(h, 10).axes[0].get_yscale() == "linear"


def test_penalties_make_it_J():
    h = History(["W1"])
    h.add({k: np.ones(2) for k in ("epoch", "lr", "loss", "objective", "norm_dW1", "norm_W1", "ratio_W1")})
    assert "gradient norm ‖∂J/∂w‖" in labels(training_figure(h, 2))


def test_of_a_run(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    run = cr.fit(cr.nn.Linear(3, 2), (X, X[:, :2]), "squared_error", epochs=2, batch_size=7)
    run.plot(tmp_path / "run.png")
    with Image.open(tmp_path / "run.png") as image:
        assert image.size[0] > 1000
    with pytest.raises(cr.OutputError):
        run.plot(tmp_path / "no such folder" / "run.png")
