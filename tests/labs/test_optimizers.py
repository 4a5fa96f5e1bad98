"""The optimizers' experiment: its network against plain NumPy, its trainings by hand, words that fit numbers."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph.errors import ChainruleError, DataError
from chainrule.labs import deep_elu, optimizers
from chainrule.labs import optimizers_words as words
from chainrule.labs.layer_gradients import layer_gradients
from chainrule.labs.listener import Listener
from chainrule.labs.optimizers import Settings
from chainrule.labs.optimizers_report import html_page
from chainrule.labs.optimizers_result import RHO, Training, rule
from chainrule.labs.settings import SettingError

SHORT = Settings(epochs=2, batch_size=150)


@pytest.fixture(scope="module")
def data():
    return optimizers.load(SHORT)


@pytest.fixture(scope="module")
def result(data):
    return optimizers.run(SHORT, data)


def elu(z):
    return np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1)


def by_hand(layers, x, seed=42, features=5, classes=3):
    """The exercise as it is posed, with NumPy's global generator put back afterwards."""
    kept = np.random.get_state()
    try:
        np.random.seed(seed)
        h, n_in = np.asarray(x, float), features
        for layer in range(1, layers + 1):
            n_out = classes if layer == layers else 10
            z = (np.random.randn(n_out, n_in) * np.sqrt(2 / n_in)) @ h + np.zeros(n_out)
            h, n_in = elu(z), n_out
        return np.exp(z) / np.exp(z).sum()
    finally:
        np.random.set_state(kept)


# The network ----------------------------------------------------------------------------------------------------------


def test_the_published_output():
    p = deep_elu.output(5)
    np.testing.assert_allclose(p, [0.18360803, 0.40393062, 0.41246136], atol=5e-9)
    np.testing.assert_allclose(p, by_hand(5, [1, 2, 3, 4, 5]), rtol=1e-13)
    np.testing.assert_allclose(deep_elu.output(6, seed=3), by_hand(6, [1, 2, 3, 4, 5], seed=3), rtol=1e-12)


def test_the_program_in_the_report_prints_it():
    kept, out = np.random.get_state(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            exec(deep_elu.program(5), {})
    finally:
        np.random.set_state(kept)
    assert out.getvalue().strip() == "[0.18360803 0.40393062 0.41246136]"


def test_L_counts_the_matrices():
    for layers in (5, 30):
        net = deep_elu.network(layers)
        shapes = [s for k, s in net.parameters.items() if k.startswith("W")]
        assert len(shapes) == layers and shapes[0] == (5, 10) and shapes[-1] == (10, 3)
        assert set(shapes[1:-1]) == {(10, 10)}
        start = net.initial()
        assert all((a == 0).all() for k, a in start.items() if k.startswith("b"))
        assert start["W1"].T.tobytes() == (np.random.RandomState(42).randn(10, 5) * np.sqrt(2 / 5)).tobytes()


def test_every_quantity_on_the_way():
    found = deep_elu.values(4, x=(0.3, -1.0, 2.0, 0.0, -0.5))
    assert list(found) == ["Z1", "H1", "Z2", "H2", "Z3", "H3", "Z4", "P"]
    for l in (1, 2, 3):
        np.testing.assert_allclose(found[f"H{l}"], elu(found[f"Z{l}"]), rtol=1e-13)
    np.testing.assert_allclose(found["P"], by_hand(4, [0.3, -1.0, 2.0, 0.0, -0.5]), rtol=1e-12)


# Gradients by layer ---------------------------------------------------------------------------------------------------


def test_layer_gradients_by_hand():
    rng = np.random.default_rng(1)
    layers, n = 7, 23
    X, y = rng.normal(size=(n, 5)), rng.integers(0, 3, n)
    net = deep_elu.network(layers)
    params = {k: v + 0.01 * rng.normal(size=v.shape) for k, v in net.initial().items()}
    found = layer_gradients(net, params, X, y)
    h, z = [X], []
    for l in range(1, layers + 1):
        z.append(h[-1] @ params[f"W{l}"] + params[f"b{l}"])
        h.append(elu(z[-1]))
    P = np.exp(z[-1]) / np.exp(z[-1]).sum(axis=1, keepdims=True)
    delta, of_h = (P - np.eye(3)[y]) / n, 0.0
    for l in range(layers, 0, -1):
        gradient = h[l - 1].T @ delta
        assert found.weights[l - 1] == pytest.approx(np.linalg.norm(gradient))
        assert found.forward[l - 1] == pytest.approx(np.linalg.norm(h[l - 1]))
        if l == 1:
            break
        back = delta @ params[f"W{l}"].T
        if l < layers:
            above = np.linalg.norm(delta)  # ‖∂ℓ/∂z_l‖
            assert found.matrix[l - 2] == pytest.approx(np.linalg.norm(back) / above)
            assert found.activation[l - 2] == pytest.approx(above / of_h)
            assert found.factors[l - 2] == pytest.approx(np.linalg.norm(back) / of_h)
        of_h = np.linalg.norm(back)
        delta = back * np.where(z[l - 2] > 0, 1, np.exp(z[l - 2]))
    assert found.mean_factor == pytest.approx(found.mean_matrix * found.mean_activation)
    assert found.ratio == pytest.approx(np.prod(found.factors))
    assert ((found.alignment > 0) & (found.alignment <= 1)).all()


# The trainings --------------------------------------------------------------------------------------------------------


def test_all_start_alike_and_see_the_same_rows(result):
    runs = list(result.trainings.values())
    assert [t.title for t in runs] == ["SGD", "Momentum", "Nesterov"]
    assert len({t.history["loss"][0] for t in runs}) == 1
    for t in runs:
        assert t.norms[0] == pytest.approx(np.sqrt(sum(np.sum(t.start[f"W{l}"] ** 2) for l in range(1, 6))))
    for t, other in zip(runs[1:], runs):
        assert all(t.start[k].tobytes() == other.start[k].tobytes() for k in t.start)


def test_norms_steps_and_ways(result):
    for t in result.trainings.values():
        steps = 2 * 7
        assert len(t.history) == steps and len(t.norms) == steps + 1 and len(t.moves) == steps
        assert t.norms[-1] == pytest.approx(np.linalg.norm(np.concatenate([t.params[w].ravel() for w in t.weights])))
        assert t.distance <= t.moves.sum()
        assert t.spectral("W2") == pytest.approx(np.linalg.svd(t.params["W2"])[1][0])
    sgd = result.trainings["sgd"]
    np.testing.assert_allclose(sgd.moves, sgd.lr * sgd.gradients, rtol=1e-6)
    assert sgd.stretch == pytest.approx(1, rel=1e-6)
    first = result.trainings["nesterov"]
    assert first.moves[0] == pytest.approx((1 + RHO) * sgd.moves[0], rel=1e-6)  # v is 0 before


def test_one_step_by_hand(data):
    """One minibatch of all rows: the gradient of the whole loss, with each rule."""
    s = Settings(epochs=2, batch_size=data.train.rows, lr=0.1)
    net = deep_elu.network(5)
    g = cr.compile(net.derive())
    X, y = data.train
    for key in ("sgd", "momentum", "nesterov"):
        t = optimizers._train(s, 5, key, data, Listener())
        p, v = net.initial(), dict.fromkeys(net.parameters, 0.0)
        for _ in range(2):
            _, grads = g(X=X, y=y, **p)
            for k, d in grads.items():
                v[k] = RHO * v[k] + d
                p[k] = p[k] - 0.1 * (d if key == "sgd" else v[k] if key == "momentum" else d + RHO * v[k])
        for k in p:
            np.testing.assert_allclose(t.params[k], p[k], rtol=1e-8, atol=1e-10)


def test_epochs_are_scored_on_all_rows(result, data):
    t = result.trainings["momentum"]
    assert [row["epoch"] for row in t.epochs] == [0, 1, 2]
    net = deep_elu.network(5)
    for params, row in ((t.start, t.epochs[0]), (t.params, t.epochs[-1])):
        for name in ("train", "test"):
            X, y = getattr(data, name)
            S = cr.compile(net.graph())(X=X, **params)
            assert row[f"{name}_accuracy"] == pytest.approx(np.mean(S.argmax(axis=1) == y))
            log_p = S - np.log(np.exp(S).sum(axis=1, keepdims=True))
            assert row[f"{name}_loss"] == pytest.approx(-log_p[np.arange(len(y)), y].mean())


def test_a_seed_fixes_every_bit(result, data):
    for before in (result.trainings["nesterov"], result.deep["momentum"]):
        again = optimizers._train(SHORT, before.layers, before.key, data, Listener())
        assert again.history.csv() == before.history.csv() and again.curvature == before.curvature
        assert all(again.params[k].tobytes() == a.tobytes() for k, a in before.params.items())
    other = optimizers._train(replace(SHORT, seed=1), 5, "sgd", data, Listener())
    assert other.history["loss"][0] != result.trainings["sgd"].history["loss"][0]


def test_the_data_are_always_the_same():
    a, b = optimizers.load(SHORT), optimizers.load(replace(SHORT, seed=7))
    assert a.train.X.tobytes() == b.train.X.tobytes() and a.train.X.shape == (1050, 5) and a.test.rows == 450
    assert a.classes == 3 and a.train.X.dtype == np.float64
    np.testing.assert_allclose(a.train.X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(a.train.X.std(axis=0), 1)


def test_data_of_another_size(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4))
    np.savez(tmp_path / "mine.npz", X=X, y=(X[:, 0] > 0).astype(int))
    s = Settings(data=str(tmp_path / "mine.npz"), epochs=1, batch_size=9)
    found = optimizers.run(s)
    assert found.net(5).parameters["W1"] == (4, 10) and found.net(5).parameters["W5"] == (10, 2)
    assert not found.published and (found.output == deep_elu.output(5)).all()
    assert "The data here have 4 features and 2 classes" in html_page(found)
    facts = optimizers.facts(found)
    assert facts["network"]["sizes"] == [4, 10, 10, 10, 10, 2] and facts["output"]["sizes"] == [5, 10, 10, 10, 10, 3]
    assert facts["data"]["rows"] == {"train": 63, "test": 27}


@pytest.mark.parametrize(
    "changes, setting",
    [
        ({"epochs": 0}, "epochs"), ({"lr": 0}, "lr"), ({"lr": float("nan")}, "lr"), ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"), ({"batch_size": 0}, "batch_size"), ({"engine": "torch"}, "engine"),
        ({"data": "x.txt"}, "data"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be(changes, setting):
    with pytest.raises(SettingError) as caught:
        replace(SHORT, **changes)
    assert caught.value.setting == setting


def test_data_that_cannot_be(tmp_path, data):
    np.savez(tmp_path / "one.npz", X=np.arange(40.0).reshape(20, 2), y=np.zeros(20, int))
    with pytest.raises(DataError, match="one class"):
        optimizers.load(Settings(data=str(tmp_path / "one.npz"), batch_size=4))
    with pytest.raises(SettingError, match="1,050 rows"):
        optimizers.run(replace(SHORT, batch_size=1051), data)


def test_a_learning_rate_that_is_too_large(data):
    with pytest.raises(ChainruleError, match=r"L = 5, SGD: .* at step \d+ \(epoch 1\).* try --lr 5"):
        optimizers.run(replace(SHORT, lr=50.0), data)


# Words ----------------------------------------------------------------------------------------------------------------


def amplified(nesterov: bool, gradients) -> float:
    """How long momentum's steps are beside α‖g‖, on a given sequence of gradients."""
    v, moves = 0.0, []
    for g in gradients:
        v = RHO * v + g
        moves.append(g + RHO * v if nesterov else v)
    return float(np.sqrt(np.mean(np.square(moves)) / np.mean(np.square(gradients))))


@pytest.mark.parametrize("key", ["momentum", "nesterov"])
def test_the_limits_of_a_step(key):
    noise = np.random.default_rng(0).normal(size=(200_000, 1))
    assert amplified(key == "nesterov", noise) == pytest.approx(words.UNRELATED[key], rel=0.02)
    assert amplified(key == "nesterov", np.ones((5000, 1))) == pytest.approx(words.ALIKE, rel=0.01)


@pytest.mark.parametrize("key", ["sgd", "momentum", "nesterov"])
def test_the_limits_of_stability(key):
    """On w²/2, whose curvature is 1, with the rule's own graph."""
    g = cr.trace(lambda w: cr.sum(w**2) / 2, w=(1,))
    for share, stays in ((0.99, True), (1.01, False)):
        lr = share * words.LIMITS[key]
        r = rule(key, lr)
        first = {"w": np.ones(1)}
        state, _ = cr.compile(r.step(g, ["w"])).steps(first | r.state(first), {}, np.zeros((3000, 0), int), lr=lr)
        assert bool(abs(state["w"][0]) < 1) is stays


def made_up(key, losses, tests=None, norms=(2.0, 2.5), stretch=1.0) -> Training:
    """A training of one layer of which only the numbers exist."""
    tests = losses if tests is None else tests
    rows = [
        {"epoch": k, "train_loss": a, "test_loss": b, "train_accuracy": 0.5, "test_accuracy": 0.5}
        for k, (a, b) in enumerate(zip(losses, tests))
    ]
    history = cr.train.History(["W1"])
    ones = np.ones(4)
    lr = 0.1
    history.add({"norm_W1": norms[0] * ones, "norm_dW1": ones, "ratio_W1": lr * stretch / norms[0] * ones})
    start, params = ({"W1": np.array([[x]])} for x in norms)
    title = {"sgd": "SGD", "momentum": "Momentum", "nesterov": "Nesterov"}[key]
    return Training(key, title, lr, 1, history, start, params, rows, 0.3, 0.0)


def three(sgd, momentum, nesterov, **more):
    return {k: made_up(k, v, **more) for k, v in (("sgd", sgd), ("momentum", momentum), ("nesterov", nesterov))}


def test_words_on_speed():
    text = words.speed(three([2, 1.5, 1, 0.8], [2, 0.8, 0.5, 0.3], [2, 1.9, 1.8, 1.7]))
    assert "from 2 to 0.8 in 3 epochs" in text
    assert "Momentum is that low after 1 epoch (3 times as fast) and ends at 0.3" in text
    assert "Nesterov never gets that low: it ends at 1.7" in text
    assert "does not lower the training loss: 1 at first, 3 after" in words.speed(three([1, 3], [1, 2], [1, 2]))


@pytest.mark.parametrize(
    "stretch, said",
    [(1.5, "turn round"), (2.8, "The noise, by far the larger part"), (9.0, "keep much of their direction")],
)
def test_words_on_steps(stretch, said):
    text = words.steps(three([1, 1], [1, 1], [1, 1], stretch=stretch))
    assert said in text and f"{stretch:.2f} times with Momentum" in text
    assert sum(s in text for s in ("turn round", "The noise", "keep much")) == 1


def test_words_on_norms():
    grown = three([1, 1], [1, 1], [1, 1], norms=(2.0, 3.0))
    text = words.growth(grown)
    assert "‖W₀‖₂ = 2.00" in text and "3.00 with SGD (+50.0 %)" in text and "The farther, the larger" in text
    assert "20 %, 20 %, 20 %" in text  # 1² of 3² − 2²
    assert "The norm shrinks" in words.growth(three([1, 1], [1, 1], [1, 1], norms=(2.0, 1.0)))


def test_words_on_nesterov_and_unseen_rows():
    near = three([1, 1], [1, 0.50], [1, 0.51])
    assert words.alike(near) and "hardly differ" in words.nesterov(near) and "0.03" in words.nesterov(near)
    far = three([1, 1], [1, 0.9], [1, 0.2])
    assert "differ most after epoch 1" in words.nesterov(far) and "Nesterov's is the lower one" in words.nesterov(far)
    text = words.unseen(three([1, 0.5, 0.2], [1, 0.5, 0.2], [1, 0.5, 0.2], tests=[1, 0.6, 0.9]))
    assert "lowest after epoch 1, 0.6, and rises to 0.9" in text and "overfits" in text
    assert "overfits" not in words.unseen(near)


@pytest.mark.parametrize("scale, said", [(0.3, "vanishing"), (1.0, "steady"), (3.0, "exploding")])
def test_words_on_the_way_back_follow_from_the_factors(scale, said):
    rng = np.random.default_rng(0)
    net = deep_elu.network(12)
    params = {k: scale * a if k[0] == "W" else a for k, a in net.initial().items()}
    g = layer_gradients(net, params, rng.normal(size=(31, 5)), rng.integers(0, 3, 31))
    text = words.verdict(g, "Here")
    assert g.report.verdict == said and f"{g.mean_factor:.4g}¹⁰ = {g.ratio:.3g}" in text and "multiplied by 10" in text
    assert {"vanishing": "vanishes", "steady": "neither", "exploding": "explodes"}[said] in text
    parts = words.parts(g)
    assert f"{g.mean_matrix:.4g} · {g.mean_activation:.4g}" in parts
    assert ("the gradient shrinks" in parts) == (g.mean_factor < 0.98)
    assert ("the gradient grows" in parts) == (g.mean_factor > 1.02)
    told = words.changed(g, {"SGD": g})
    assert f"At the start the mean factor was {g.mean_factor:.4g}." in told and "within 1 %" in told
    assert f"{g.weights[0] / g.weights[-1]:.3g} times that of layer 12" in words.weights(g)


def test_words_where_no_gradient_comes_back():
    net = deep_elu.network(5)
    zero = {k: np.zeros_like(a) for k, a in net.initial().items()}
    X, y = np.ones((4, 5)), np.array([0, 1, 2, 0])
    g = layer_gradients(net, zero, X, y)
    assert "zero" in words.verdict(g, "Here") and words.parts(g) == "" and words.weights(g) == ""
    some = layer_gradients(net, net.initial() | {"W3": zero["W3"]}, X, y)  # nothing passes layer 3
    assert "becomes 0" in words.verdict(some, "Here")
    usual = layer_gradients(net, net.initial(), X, y)
    assert "After SGD no gradient comes back" in words.changed(usual, {"SGD": some})


def test_a_run_that_went_astray_is_reported_too(result, data):
    """After momentum no gradient passes layer 9, and with Nesterov λmax is huge: the page says so and holds no NaN."""
    params = result.deep["momentum"].params
    none = layer_gradients(result.net(30), params | {"W9": np.zeros_like(params["W9"])}, *data.train)
    deep = {k: replace(t, curvature=1e9 if k == "nesterov" else 0.0) for k, t in result.deep.items()}
    page = html_page(replace(result, after=result.after | {"momentum": none}, deep=deep))
    text = re.sub(r"<style.*?</style>|<svg.*?</svg>|<[^>]*>", " ", page, flags=re.S)
    assert "nan" not in text.lower().split()
    assert "After Momentum no gradient comes back" in text and "Nesterov is beyond it" in text


# Report and files -----------------------------------------------------------------------------------------------------


def test_files(result, tmp_path):
    paths = optimizers.save(result, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(optimizers.FILES)
    for key, t in result.trainings.items():
        rows = list(csv.DictReader(io.StringIO(paths[f"history-{key}.csv"].read_text("utf-8"))))
        assert len(rows) == 14 and float(rows[3]["norm_W5"]) == pytest.approx(t.layer_norms("W5")[3])
    rows = list(csv.DictReader(io.StringIO(paths["gradients.csv"].read_text("utf-8"))))
    assert [int(r["layer"]) for r in rows] == list(range(1, 31))
    assert float(rows[6]["start"]) == result.at_start.weights[6]
    assert float(rows[29]["nesterov"]) == result.after["nesterov"].weights[29]


def test_the_report(result):
    text = html_page(result)
    assert "p = (0.18360803, 0.40393062, 0.41246136)" in text and "(0.01158557, 0.40535973, 0.58305470)" in text
    assert "for k = 30 … 2" in text and text.count("<svg") >= 6
    assert text.count("&#x02190;") == 5  # w; v, w; v, w
    assert not set("₍₎₋`") & set(text) and "<sub>t+1</sub>" in text
    assert "\\" not in re.sub(r"<(style|pre).*?</\1>", "", text, flags=re.S), "LaTeX that was not converted"
    words_only = re.sub(r"base64,[^\"]*", "", text)
    assert "http:" not in words_only and "https:" not in words_only and "<script" not in text
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for t in result.trainings.values():
        assert f"{t.epochs[-1]['train_loss']:.4f}" in text
    assert f"{result.at_start.mean_factor:.4g}" in text and result.at_start.report.verdict in text
    assert "nan" not in re.sub(r"<[^>]*>", "", text).split()
