"""Where a number that is not finite came from: the step, the layer, the operation."""

from __future__ import annotations

import numpy as np
import pytest
from learnable import blobs

import chainrule as cr
from chainrule.train import Diverged

X, y = blobs()
ENGINES = ["numpy", "xla"]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_first_operation_is_found(engine: str):
    """exp overflows once its argument has grown beyond 709: which step that is, is counted by hand."""

    def boom(x, w):
        return cr.exp(w * x)

    net = cr.nn.Sequential(cr.nn.Function(boom, takes=(1,), w=((1,), cr.nn.Constant(100.0))), cr.nn.Linear(1, 1))
    grow = lambda yhat, t: -cr.mean(yhat) * 0 - cr.mean(yhat / yhat * 1.0) * 0 + cr.mean(cr.log(yhat))
    inputs = np.ones((6, 1))
    # d mean(log(W2 exp(w) + b2)) / dw = 1 while b2 = 0, so w falls by lr a step; ascending with a negative sign
    up = lambda yhat, t: -cr.mean(cr.log(yhat**2))
    with pytest.raises(Diverged) as caught:
        cr.fit(net, (inputs, inputs), up, cr.optim.SGD(lr=100.0), epochs=9, batch_size=6, engine=engine, norms_every=3)
    error = caught.value
    assert error.operation in {"exp", "pow", "square", "mul", "matmul"} and error.epoch == error.step
    assert f"step {error.step}" in str(error) and "The learning rate was 100; a smaller one, such as 10" in str(error)
    assert np.isfinite(error.run.params["w1"]).all()
    assert grow is not None


@pytest.mark.parametrize("engine", ENGINES)
def test_a_division_by_zero_in_a_layer(engine: str):
    net = cr.nn.Sequential(cr.nn.Linear(5, 4), cr.nn.Function(lambda x: 1 / (x - x), takes=(4,)), cr.nn.Linear(4, 3))
    with pytest.raises(Diverged, match=r"step 1 .*in H1 of Function.*div answered inf") as caught:
        cr.fit(net, (X, y), engine=engine)
    assert (caught.value.step, caught.value.operation) == (1, "div")
    assert "No update was made before it" in str(caught.value)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("norms_every", [1, 4])
def test_the_step_is_the_one_that_a_loop_finds(engine: str, norms_every: int):
    """Squared error with too large a rate: the weights grow by a factor a step until float32 ends."""
    inputs, targets = X.astype(np.float32), X[:, :2].astype(np.float32)
    net, rule = cr.nn.Linear(5, 2), cr.optim.SGD(lr=50.0)
    with pytest.raises(Diverged) as caught:
        cr.fit(
            net,
            (inputs, targets),
            "squared_error",
            rule,
            epochs=50,
            batch_size=97,
            engine=engine,
            norms_every=norms_every,
        )

    W, b = net.initial(0, "float32")["W1"], np.zeros(2, np.float32)
    step = 0
    with np.errstate(all="ignore"):
        while True:
            order = np.random.default_rng((0, step + 1)).permutation(97)
            r = inputs[order] @ W + b - targets[order]
            step += 1
            if not np.isfinite((r**2).sum()):
                break
            W, b = W - np.float32(50) * (2 / 97 * inputs[order].T @ r), b - np.float32(50) * (2 / 97 * r.sum(axis=0))
            if not (np.isfinite(W).all() and np.isfinite(b).all()):
                break
    assert abs(caught.value.step - step) <= 1 and caught.value.epoch == caught.value.step
    assert caught.value.run.epoch == caught.value.epoch - 1


def test_masked_infinities_are_not_blamed():
    """log(0) in the branch that is not taken is no fault; the later division is."""

    def masked(x):
        return cr.where(x > 0, cr.log(cr.maximum(x, 0.0)), 0.0) / (x[0, 0] - x[0, 0])

    net = cr.nn.Sequential(cr.nn.Function(masked, takes=(5,)), cr.nn.Linear(5, 3))
    with pytest.raises(Diverged, match=r"div answered"):
        cr.fit(net, (X, y))


def test_finished_epochs_stay_on_disk(tmp_path):
    inputs = X.astype(np.float32)
    with pytest.raises(Diverged, match=r"epochs before it are in the error's .run"):
        cr.fit(
            cr.nn.Linear(5, 5),
            (inputs, inputs),
            "squared_error",
            cr.optim.SGD(lr=50.0),
            epochs=50,
            batch_size=97,
            out=tmp_path,
        )
    assert cr.load(tmp_path).params["W1"].shape == (5, 5)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_statistic_is_found_in_the_step_that_spoilt_it(engine: str):
    """No loss shows it: the rows with the large numbers are met at step 3, and all after it stay finite."""
    rows = np.random.default_rng(0).normal(size=(80, 5)).astype(np.float32)
    third = np.random.default_rng((0, 1)).permutation(80)[20]
    rows[third] = 1e30  # its square is no float32
    net = cr.nn.Sequential(cr.nn.BatchNorm(5), cr.nn.Linear(5, 3))
    with pytest.raises(Diverged, match=r"a running statistic is no longer finite after step 3 .epoch 1") as caught:
        cr.fit(net, (rows, np.arange(80) % 3), epochs=1, batch_size=10, engine=engine, norms_every=1)
    assert caught.value.step == 3 and "BatchNorm(5)" in caught.value.layer and caught.value.operation == "pow"


def test_the_column_that_shows_it_is_named():
    with pytest.raises(Diverged, match=r"the objective became inf at step 1 .*, not the learning rate"):
        cr.fit(cr.nn.Linear(5, 3), (X.astype(np.float32), y), optimizer=cr.optim.SGD(penalty=cr.optim.L2(3e38)))


@pytest.mark.parametrize("rate", [3e38, 1e39])
def test_a_rate_that_overflows_in_the_first_update_is_blamed(rate: float):
    with pytest.raises(Diverged, match=rf"in step 1, .*The learning rate was {rate:g}".replace("+", r"\+")):
        cr.fit(cr.nn.Linear(5, 3), (X.astype(np.float32), y), optimizer=cr.optim.Adam(lr=rate))
