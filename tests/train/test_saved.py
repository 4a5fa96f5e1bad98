"""Networks in files: what is written is read back, and nothing else is believed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from learnable import blobs, everything
from safetensors.numpy import load_file, save_file

import chainrule as cr
from chainrule.graph.errors import DataError, GraphError, InputError
from chainrule.nn.described import describe, described

X, y = blobs()
NETS = [
    everything(),
    cr.nn.Linear(5, 3, bias=False, init=cr.nn.Glorot(gain=2.0), weight_norm=True),
    cr.nn.Sequential(
        cr.nn.Flatten(2, 4), cr.nn.Residual(cr.nn.Linear(8, 8), cr.nn.GELU(True)), cr.nn.LayerNorm(8, eps=1e-3)
    ),
    cr.nn.Sequential(cr.nn.Linear("d", "h", bias=cr.nn.Constant(0.5)), cr.nn.LeakyReLU(0.2), cr.nn.Softmax()),
]


@pytest.mark.parametrize("net", NETS, ids=repr)
def test_a_network_is_told_and_made_again(net):
    again = described(json.loads(json.dumps(describe(net))))
    assert again == net and repr(again) == repr(net)
    assert again.graph(training=True).text() == net.graph(training=True).text()


@pytest.mark.parametrize(
    "loss", [cr.nn.CrossEntropy((1.0, 2.0, 0.5), 0.1), cr.nn.Huber(0.3), cr.nn.BinaryCrossEntropy()]
)
def test_a_loss_is_told_and_made_again(loss):
    assert described(json.loads(json.dumps(describe(loss)))) == loss


def test_what_a_file_cannot_hold_is_none():
    assert describe(cr.nn.Sequential(cr.nn.Function(lambda x: x, takes=(3,)), cr.nn.Linear(3, 2))) is None
    with pytest.raises(DataError, match=r"no layer, loss or initialiser 'System'"):
        described({"type": "System", "command": "true"})


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_saved_and_loaded(tmp_path: Path, engine: str):
    run = cr.fit(everything(), (X, y), cr.nn.CrossEntropy(smoothing=0.1), epochs=2, engine=engine, batch_size=20)
    run.save(path := tmp_path / "net.safetensors")
    again = cr.load(path)
    assert again.net == run.net and again.loss == run.loss
    np.testing.assert_allclose(again.scores(X), run.scores(X), 1e-10)
    assert again.evaluate((X, y)) == pytest.approx(run.evaluate((X, y)))
    assert set(load_file(path)) == {"W1", "b1", "gamma1", "beta1", "W2", "b2", "running_mean1", "running_var1"}


def test_checkpoints_are_networks_too(tmp_path: Path):
    run = cr.fit(everything(), (X, y), validation=blobs(31, seed=1), epochs=3, batch_size=20, out=tmp_path)
    for given in (tmp_path, sorted(tmp_path.glob("step-*.safetensors"))[-1]):
        np.testing.assert_array_equal(cr.load(given).params["W1"], run.params["W1"])
    np.testing.assert_array_equal(cr.load(tmp_path, which="best").params["W1"], run.best.params["W1"])


def test_a_network_with_a_function_is_given_again(tmp_path: Path):
    net = cr.nn.Sequential(cr.nn.Function(lambda x: x**2, takes=(5,)), cr.nn.Linear(5, 3))
    own = lambda S, t: cr.nn.squared_error(S, t)
    run = cr.fit(net, (X, X[:, :3]), own, cr.optim.SGD(lr=1e-3), epochs=1)
    run.save(path := tmp_path / "net.safetensors")
    with pytest.raises(DataError, match=r"cannot hold whole: give it, cr.load"):
        cr.load(path)
    again = cr.load(path, net=net)
    np.testing.assert_array_equal(again.scores(X), run.scores(X))
    with pytest.raises(InputError, match=r"loss is not known"):
        again.evaluate((X, X[:, :3]))
    assert cr.load(path, net=net, loss=own).evaluate((X, X[:, :3])) == run.evaluate((X, X[:, :3]))


def test_files_that_cannot_be_read_are_named(tmp_path: Path):
    run = cr.fit(cr.nn.Linear(5, 3), (X, y), epochs=1)
    run.save(path := tmp_path / "net.safetensors")
    with pytest.raises(DataError, match=r"another network than Linear.5, 4.*: W1 is .5, 3., not"):
        cr.load(path, net=cr.nn.Linear(5, 4))
    with pytest.raises(DataError, match=r"b1 .* is missing|W1 .* is missing"):
        save_file({"W1": np.zeros((5, 3))}, tmp_path / "half.safetensors")
        cr.load(tmp_path / "half.safetensors", net=cr.nn.Linear(5, 3))
    with pytest.raises(DataError, match=r"a network that the file does not tell"):
        cr.load(tmp_path / "half.safetensors")
    with pytest.raises(DataError, match=r"there is no such file"):
        cr.load(tmp_path / "none.safetensors")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match=r"no whole safetensors file"):
        cr.load(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no checkpoint"):
        cr.load(tmp_path / "empty")


def test_sizes_that_numpy_counted(tmp_path: Path):
    net = cr.nn.Sequential(cr.nn.Linear(np.int64(5), np.int32(7)), cr.nn.Tanh(), cr.nn.Linear(7, y.max() + 1))
    run = cr.fit(net, (X, y), cr.nn.CrossEntropy(smoothing=np.float64(0.1)), epochs=1)
    run.save(path := tmp_path / "net.safetensors")
    np.testing.assert_array_equal(cr.load(path).scores(X), run.scores(X))
    assert cr.load(path).loss == run.loss


LINEAR = describe(cr.nn.Linear(5, 3))
DEEP = '{"type": "Sequential", "modules": ['


@pytest.mark.parametrize(
    "net, text",
    [
        ('"abc"', "'abc' and None, and not of a network and a loss"),
        ('{"type": "CrossEntropy"}', "not of a network and a loss"),
        ('{"type": "Sequential", "modules": []}', "cannot be made from"),
        (f"{DEEP * 2000}{json.dumps(LINEAR)}{']}' * 2000}", "recursion"),
        (f"{DEEP * 300}{json.dumps(LINEAR)}{']}' * 300}", "recursion|holds the parameters"),
        ("[" * 100_000, "recursion"),
    ],
    ids=["text", "loss", "empty", "deep", "deep network", "brackets"],
)
def test_what_a_file_says_is_not_believed(tmp_path: Path, net: str, text: str):
    told = f'{{"net": {net}, "loss": null, "shown": "?"}}'
    save_file({"W1": np.zeros((5, 4)), "b1": np.zeros(4)}, path := tmp_path / "x.safetensors", {"chainrule": told})
    with pytest.raises(DataError, match=text) as caught:
        cr.load(path)
    assert str(path) in str(caught.value)


def test_arrays_that_are_no_parameters_are_refused(tmp_path: Path):
    net = cr.nn.Linear(5, 3)
    save_file({"W1": np.zeros((5, 3), np.int64), "b1": np.zeros(3)}, path := tmp_path / "x.safetensors")
    with pytest.raises(DataError, match=r"W1 holds int64, not float32 or float64"):
        cr.load(path, net=net)
    header = b'{"W1":{"dtype":"BF16","shape":[5,3],"data_offsets":[0,30]}}'
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(30))
    with pytest.raises(DataError, match=r"bfloat16"):
        cr.load(path, net=net)
    with pytest.raises(GraphError, match=r"net is a network of cr.nn"):
        cr.load(path, net="Linear")


def test_a_network_is_read_without_the_history(tmp_path: Path):
    run = cr.fit(everything(), (X, y), validation=blobs(31, seed=1), epochs=2, batch_size=20, out=tmp_path)
    for path in tmp_path.glob("history-*"):
        path.unlink()
    np.testing.assert_array_equal(cr.load(tmp_path, which="best").params["W1"], run.best.params["W1"])
    for path in tmp_path.glob("best-*"):
        path.unlink()
    np.testing.assert_array_equal(cr.load(tmp_path).params["W1"], run.params["W1"])
    with pytest.raises(DataError, match=r"best-.* cannot be read"):
        cr.load(tmp_path, which="best")
