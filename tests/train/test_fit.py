"""`cr.fit` against PyTorch's own loop and against a loop by hand, and what it refuses."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from learnable import blobs, everything

import chainrule as cr
from chainrule.graph.errors import DataError, GraphError, InputError, NamingError

X, y = blobs()
HELD = blobs(rows=31, seed=1)
NET = cr.nn.Sequential(cr.nn.Linear(5, 7), cr.nn.Tanh(), cr.nn.Linear(7, 3))


def small(net=NET, **options):
    options = {"optimizer": cr.optim.SGD(lr=0.1), "epochs": 3, "batch_size": 10, "seed": 2} | options
    return cr.fit(net, (X, y), **options)


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_a_run_is_that_of_pytorch(engine: str):
    torch = pytest.importorskip("torch")
    net = cr.nn.Sequential(cr.nn.Linear(5, 7), cr.nn.BatchNorm(7), cr.nn.Tanh(), cr.nn.Linear(7, 3))
    rule = cr.optim.SGD(lr=cr.optim.Exponential(0.1, gamma=0.5), momentum=0.9, nesterov=True)
    run = small(net, engine=engine, optimizer=rule, validation=HELD, norms_every=1)

    model = torch.nn.Sequential(
        torch.nn.Linear(5, 7), torch.nn.BatchNorm1d(7), torch.nn.Tanh(), torch.nn.Linear(7, 3)
    ).double()
    start = net.initial(2)
    with torch.no_grad():
        for layer, k in ((model[0], 1), (model[3], 2)):
            layer.weight.copy_(torch.from_numpy(start[f"W{k}"].T))
            layer.bias.zero_()
    sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.ExponentialLR(sgd, 0.5)
    images, labels = torch.from_numpy(X), torch.from_numpy(y)
    losses, norms, held = [], [], []
    for epoch in range(1, 4):
        order = np.random.default_rng((2, epoch)).permutation(len(X))
        model.train()
        for start_row in range(0, len(X), 10):
            rows = order[start_row : start_row + 10]
            loss = torch.nn.functional.cross_entropy(model(images[rows]), labels[rows])
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            losses.append(loss.item())
            norms.append(model[0].weight.grad.norm().item())
        schedule.step()
        model.eval()
        with torch.no_grad():
            held.append(torch.nn.functional.cross_entropy(model(torch.from_numpy(HELD[0])), torch.from_numpy(HELD[1])))
    np.testing.assert_allclose(run.history["loss"], losses, 1e-9)
    np.testing.assert_allclose(run.history["norm_dW1"], norms, 1e-8)
    np.testing.assert_allclose(run.history.epoch("val_loss"), held, 1e-9)
    np.testing.assert_allclose(run.params["W2"], model[3].weight.detach().numpy().T, 1e-8)
    np.testing.assert_allclose(run.state["running_var1"], model[1].running_var.numpy(), 1e-9)
    np.testing.assert_allclose(run.history["lr"], np.repeat([0.1, 0.05, 0.025], 10))
    np.testing.assert_allclose(run.scores(HELD[0]), model(torch.from_numpy(HELD[0])).detach().numpy(), 1e-8)


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_the_same_seed_is_the_same_run_bit_for_bit(engine: str):
    a, b = (small(everything(), engine=engine, optimizer=cr.optim.Adam(lr=0.01)) for _ in range(2))
    assert a.history.csv() == b.history.csv()
    for k, v in a.params.items():
        np.testing.assert_array_equal(v, b.params[k])
    other = small(everything(), engine=engine, optimizer=cr.optim.Adam(lr=0.01), seed=3)
    assert a.history.csv() != other.history.csv()


def test_engines_make_the_same_run():
    a, b = (small(everything(), engine=e, norms_every=4) for e in ("numpy", "xla"))
    assert a.history.columns == b.history.columns
    for k in a.history.columns:
        if k.endswith("b1"):  # a bias before a batch normalisation has no gradient: what is recorded is rounding
            continue
        np.testing.assert_allclose(a.history[k], b.history[k], 1e-8, 1e-10, err_msg=k)


def test_norms_are_those_of_the_parameters():
    run = small(norms_every=1, optimizer=cr.optim.SGD(lr=0.1, momentum=0.5), epochs=1)
    start = NET.initial(2)
    assert run.history["norm_W1"][0] == pytest.approx(np.linalg.norm(start["W1"]), rel=1e-12)
    _, grads = cr.compile(NET.derive())(
        X=X[(rows := np.random.default_rng((2, 1)).permutation(97)[:10])], y=y[rows], **start
    )
    assert run.history["norm_dW2"][0] == pytest.approx(np.linalg.norm(grads["W2"]), rel=1e-12)
    ratio = 0.1 * np.linalg.norm(grads["W1"]) / np.linalg.norm(start["W1"])  # the first step of momentum is SGD's
    assert run.history["ratio_W1"][0] == pytest.approx(ratio, rel=1e-9)
    assert run.history["ratio_b1"][0] == np.inf  # away from 0


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_norms_that_are_measured_seldom_change_nothing_else(engine: str):
    often, seldom = (small(norms_every=k, engine=engine) for k in (1, 4))
    np.testing.assert_allclose(often.history["loss"], seldom.history["loss"], 1e-12)
    steps, values = seldom.history.measured("norm_dW1")
    np.testing.assert_allclose(values, often.history["norm_dW1"][steps - 1], 1e-9)
    assert steps.tolist() == [1, 5, 9, 10, 11, 15, 19, 20, 21, 25, 29, 30]  # a call begins with a measured step


def test_columns_with_a_penalty():
    run = small(optimizer=cr.optim.SGD(lr=0.1, penalty=cr.optim.L2(0.5)), norms_every=1)
    lengths = run.history["norm_W1"] ** 2 + run.history["norm_W2"] ** 2
    np.testing.assert_allclose(run.history["objective"], run.history["loss"] + 0.5 * lengths, 1e-12)
    row = run.history.epochs[0]
    sizes = [10] * 9 + [7]
    assert row["objective"] == pytest.approx(np.average(run.history["objective"][:10], weights=sizes))
    assert row["accuracy"] == pytest.approx(np.average(run.history["accuracy"][:10], weights=sizes))


def test_weights_of_examples_are_repetitions():
    weights = np.random.default_rng(5).integers(0, 3, len(X))
    weighted = small(sample_weight=weights, batch_size=int((weights > 0).sum()), epochs=4)
    times = np.repeat(np.arange(len(X)), weights)
    repeated = cr.fit(
        NET, (X[times], y[times]), optimizer=cr.optim.SGD(lr=0.1), epochs=4, batch_size=len(times), seed=2
    )
    for k, v in weighted.params.items():
        np.testing.assert_allclose(v, repeated.params[k], 1e-9, 1e-12)


def test_regression_and_its_prediction():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(80, 5))
    targets = inputs @ np.array([1.0, -2.0, 0.5, 0.0, 3.0]) + 1
    run = cr.fit(
        cr.nn.Linear(5, 1), (inputs, targets), "squared_error", cr.optim.SGD(lr=0.05), epochs=60, batch_size=9,
        validation=(inputs[:11], targets[:11]),
    )  # fmt: skip
    np.testing.assert_allclose(run.predict(inputs)[:, 0], targets, 1e-3, 1e-3)
    assert set(run.evaluate((inputs, targets))) == {"loss"} and "accuracy" not in run.history
    assert run.best is not None and run.best.evaluate((inputs[:11], targets[:11]))["loss"] == min(
        run.history.epoch("val_loss")
    )
    with pytest.raises(InputError, match=r"no probabilities"):
        run.probabilities(inputs)


def test_classes_and_probabilities():
    run = small(epochs=20, validation=HELD)
    p = run.probabilities(HELD[0])
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(run.predict(HELD[0]), p.argmax(axis=1))
    found = run.evaluate(HELD)
    assert found["accuracy"] == np.mean(run.predict(HELD[0]) == HELD[1]) == run.history.epochs[-1]["val_accuracy"]
    assert found["loss"] == pytest.approx(-np.log(p[np.arange(31), HELD[1]]).mean())


def test_binary_cross_entropy_of_one_output():
    net = cr.nn.Linear(5, 1)
    run = cr.fit(net, (X, (y == 0).astype(int)), "binary_cross_entropy", epochs=30, batch_size=8)
    assert run.predict(X).shape == (97, 1) and run.evaluate((X, y == 0))["accuracy"] > 0.8


def test_one_row_in_one_minibatch():
    run = cr.fit(NET, (X[:1], y[:1]), epochs=2, batch_size=1)
    assert len(run.history) == 2 and run.history["loss"][1] < run.history["loss"][0]


def test_precision_is_that_of_the_data():
    assert small().params["W1"].dtype == np.float64
    assert cr.fit(NET, (X.astype(np.float32), y), epochs=1).params["W1"].dtype == np.float32
    assert small(dtype="float32", epochs=1).history["loss"].dtype == np.float32
    assert cr.fit(NET, ((X * 9).astype(int), y), epochs=1).params["W1"].dtype == np.float32


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_history_as_a_table(engine: str):
    run = small(validation=HELD, epochs=2, engine=engine)
    lines = run.history.csv().splitlines()
    header = lines[0].split(",")
    assert header[:5] == ["epoch", "step", "lr", "loss", "accuracy"] and header[-2:] == ["val_loss", "val_accuracy"]
    table = [dict(zip(header, line.split(","))) for line in lines[1:]]
    assert len(table) == 20 and {len(line.split(",")) for line in lines} == {len(header)}
    assert [row["val_loss"] != "" for row in table] == [k in (9, 19) for k in range(20)]
    assert [float(row["loss"]) for row in table] == run.history["loss"].tolist()
    assert table[1]["norm_dW1"] == ""
    with pytest.raises(NamingError, match=r"no column 'los' of steps"):
        run.history["los"]


class Recorder(cr.train.Callback):
    def __init__(self):
        self.heard = []

    def begin(self, run):
        self.heard.append(("begin", len(run.history)))

    def advance(self, run, steps):
        self.heard.append((steps, len(run.history)))

    def epoch(self, run):
        self.heard.append(("epoch", run.epoch))
        return run.epoch == 2

    def end(self, run):
        self.heard.append(("end", run.stopped is not None))


def test_callbacks_hear_everything_in_order_and_may_stop():
    recorder = Recorder()
    run = small(callbacks=[recorder], epochs=5)
    assert recorder.heard == [
        ("begin", 0), (9, 9), (1, 10), ("epoch", 1), (9, 19), (1, 20), ("epoch", 2), ("end", True)
    ]  # fmt: skip
    assert run.epoch == 2 and "epoch 2" in run.stopped


def test_early_stopping_waits_for_its_patience():
    run = small(
        epochs=60, validation=HELD, optimizer=cr.optim.SGD(lr=0.5), callbacks=[cr.train.EarlyStopping(patience=3)]
    )
    losses = run.history.epoch("val_loss")
    assert run.epoch < 60 and run.epoch == losses.argmin() + 1 + 3
    assert run.best.evaluate(HELD)["loss"] == losses.min()
    with pytest.raises(InputError, match=r"early stopping watches val_loss, and this run has loss, accuracy"):
        small(callbacks=[cr.train.EarlyStopping()])


def test_a_bar_on_a_terminal_alone(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    quiet, loud = io.StringIO(), Terminal()
    for stream in (quiet, loud):
        monkeypatch.setattr(sys, "stderr", stream)
        small(validation=HELD)
    assert quiet.getvalue() == ""
    assert "30/30" in loud.getvalue() and "validation" in loud.getvalue()


WRONG = [
    (dict(batch_size=98), InputError, "batch_size is 98, and there are 97 rows"),
    (dict(batch_size=0), InputError, "batch_size is 0"),
    (dict(epochs=1.5), InputError, "epochs is 1.5"),
    (dict(seed=-1), InputError, "seed is -1"),
    (dict(engine="cuda"), GraphError, "no engine 'cuda'; there are numpy and xla"),
    (dict(dtype="int32"), InputError, "computes in float64, float32, not in int32"),
    (dict(dtype="bfloat16", engine="xla"), InputError, "computes in float64, float32, not in bfloat16"),
    (dict(dtype="floaty"), InputError, "computes in float64, float32, not in floaty"),
    (dict(callbacks=[cr.train.EarlyStopping]), GraphError, "a callback is of cr.train.Callback, such as"),
    (dict(callbacks=cr.train.EarlyStopping()), GraphError, "callbacks is a list of them"),
    (dict(optimizer=cr.optim.SGD), GraphError, "SGD is a class"),
    (dict(optimizer="sgd"), GraphError, "an update rule such as"),
    (dict(loss="crossentropy"), GraphError, "no loss 'crossentropy'"),
    (dict(resume=True), InputError, "say which, out="),
    (dict(out=5), InputError, "out is the path of a folder"),
    (dict(checkpoint_every=5), InputError, "a folder is missing"),
    (dict(params={"W1": np.zeros((5, 7))}), InputError, "params hold W1; .* has W1, b1, W2, b2"),
    (
        dict(params=NET.initial(0) | {"W2": np.zeros((3, 7))}),
        InputError,
        r"W2 has shape \(3, 7\), and \(7, 3\) is needed",
    ),
    (dict(sample_weight=np.ones(96)), DataError, "sample_weight has shape"),
    (dict(sample_weight=-np.ones(97)), DataError, "at least 0"),
    (dict(validation=(X[:, :4], y)), DataError, "validation: a row of X has shape 4, and .* takes 5"),
]


@pytest.mark.parametrize("options, error, text", WRONG)
def test_what_is_asked_wrongly_is_said_before_the_first_step(options, error, text: str):
    with pytest.raises(error, match=text):
        small(**options)


@pytest.mark.parametrize(
    "data, text",
    [
        ((X, y.astype(float)), "train: y holds float64; labels are integers: write y.astype"),
        ((X, np.array(["a", "b", "c"])[y]), "labels are integers: write `class_names, y = np.unique"),
        ((X, y + 1), r"train: y\[\d+\] is 3; with 3 classes a label is one of 0 … 2"),
        ((X, y[:-1]), "97 rows but y has 96 labels"),
        ((np.where(X > 3, np.nan, X), y), "train: X holds .* NaN"),
        ((X[:0], y[:0]), "train: X is empty"),
        ((X[:, :4], y), "a row of X has shape 4"),
        (X, "a Dataset or a pair"),
    ],
)
def test_data_that_cannot_be_right_are_refused(data, text: str):
    with pytest.raises(DataError, match=text):
        cr.fit(NET, data)


def test_a_last_minibatch_that_is_too_small_for_a_layer_is_refused():
    with pytest.raises(InputError, match=r"the last minibatch of an epoch has 1 row, and BatchNorm.*or drop_last=True"):
        small(everything(), batch_size=32)
    with pytest.raises(InputError, match=r"a minibatch has 1 row, and .* choose another batch_size"):
        small(everything(), batch_size=1)
    assert small(everything(), batch_size=32, drop_last=True).steps_per_epoch == 3


def test_predictions_of_rows_of_another_width_are_refused():
    run = small(epochs=1)
    with pytest.raises(InputError, match=r"predict: X has shape \(4, 6\); .* takes \(rows, 5\)"):
        run.predict(np.zeros((4, 6)))


def test_functions_of_ones_own_as_layers_and_losses():
    def scaled(x, gain):
        return x * gain

    def quartic(yhat, t):
        return cr.mean((yhat - t) ** 4)

    net = cr.nn.Sequential(cr.nn.Function(scaled, takes=(5,), gain=((5,), cr.nn.Constant(1.0))), cr.nn.Linear(5, 2))
    run = cr.fit(net, (X, X[:, :2]), quartic, cr.optim.Adam(lr=0.05), epochs=15)
    assert run.history.epoch("loss")[-1] < 0.2 * run.history.epoch("loss")[0]


class Raises(cr.train.Callback):
    def __init__(self, where: str):
        self.where, self.ended = where, 0

    def begin(self, run):
        self.fail("begin")

    def epoch(self, run):
        self.fail("epoch")

    def end(self, run):
        self.ended += 1
        self.fail("end")

    def fail(self, here: str):
        if here == self.where:
            raise RuntimeError(here)


def test_every_callback_that_began_is_ended():
    first, last, never = Raises("no"), Raises("no"), Raises("begin")
    with pytest.raises(RuntimeError, match=r"end"):
        small(callbacks=[first, Raises("end"), last])
    assert first.ended == last.ended == 1
    with pytest.raises(RuntimeError, match=r"begin"):
        small(callbacks=[first, never])
    assert first.ended == 2 and never.ended == 0


def test_numpys_integers_are_numbers(tmp_path):
    run = small(
        epochs=np.int64(2), batch_size=np.int32(10), seed=np.uint8(2), norms_every=np.int64(3), drop_last=np.True_,
        checkpoint_every=np.int16(4), out=tmp_path,
    )  # fmt: skip
    assert (run.epoch, run.steps_per_epoch) == (2, 9)


def test_precision_of_numbers_in_another_order_of_bytes():
    torch = pytest.importorskip("torch")
    for rows, kind in ((X.astype(">f8"), "float64"), (X.astype(">f4"), "float32"), (X.astype("g"), "float64"),
                       (X.astype(np.float16), "float32"), (torch.from_numpy(X), "float64")):  # fmt: skip
        assert cr.fit(NET, (rows, y), epochs=1).params["W1"].dtype == kind


def test_numbers_too_large_for_the_precision_are_refused():
    with pytest.raises(DataError, match=r"X holds numbers beyond 3.4e\+38, the largest of float32"):
        cr.fit(NET, (X * 1e300, y), dtype="float32")


def test_targets_that_are_no_probabilities_are_refused():
    with pytest.raises(DataError, match=r"y\[\d+, 0\] is 2; BinaryCrossEntropy.* takes probabilities, from 0 to 1"):
        cr.fit(cr.nn.Linear(5, 1), (X, y), "binary_cross_entropy")


def test_the_best_parameters_are_handed_out_as_copies():
    run = small(validation=HELD)
    kept = run.best.params["W1"].copy()
    run.best.params["W1"][:] = 0
    np.testing.assert_array_equal(run.best.params["W1"], kept)


def test_a_loss_that_is_no_number_at_first_hides_no_better_one():
    waited = cr.train.EarlyStopping().waited
    assert waited([np.nan, 1.0, 0.5]) == 0 and waited([np.inf, np.nan, 0.5, 0.6]) == 1 and waited([np.nan] * 3) == 2
    net = cr.nn.Sequential(cr.nn.Function(lambda x, w: x * w, takes=(1,), w=((1,), cr.nn.Constant(4.0))))
    rows = np.ones((6, 1), np.float32)
    far = np.full((2, 1), 2e38, np.float32)  # w · 2e38 overflows until w has come down to 1.7

    def shifted(yhat, t):
        return cr.mean((yhat / 1e20 - t / 1e20) ** 2) + cr.mean((yhat - t) * 0.0 + (yhat - t) / 1e3)

    run = cr.fit(
        net, (rows, rows), shifted, cr.optim.SGD(lr=1000.0), epochs=4, batch_size=6, validation=(far, far)
    )  # fmt: skip
    losses = run.history.epoch("val_loss")
    assert np.isnan(losses[0]) and np.isfinite(losses[-1]) and run.best is not None
