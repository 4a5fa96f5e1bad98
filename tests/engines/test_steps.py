"""Many updates in one call: both engines do what a loop in NumPy does, and leave what they were given alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.calculus.reverse import gradients
from chainrule.engines.noise import Noise, bernoulli
from chainrule.face.compiled import Compiled
from chainrule.face.graph import Graph
from chainrule.graph.errors import GraphError, InputError
from chainrule.graph.node import leaf

X, y = np.linspace(-1, 1, 24).reshape(8, 3), np.array([0, 1, 1, 0, 1, 0, 0, 1])
ORDER = np.array([[0, 1], [2, 3], [7, 6], [5, 5]])


def descent() -> Graph:
    inputs = {
        "X": leaf("X", ("n", "d")),
        "y": leaf("y", ("n",), "integer"),
        "W": leaf("W", ("d", "k")),
        "b": leaf("b", ("k",)),
        "lr": leaf("lr"),
    }
    logits = inputs["X"] @ inputs["W"] + inputs["b"]
    L = -cr.mean(cr.log_softmax(logits)[cr.arange(inputs["X"].shape[0]), inputs["y"]])
    dW, db = gradients(L, [inputs["W"], inputs["b"]])
    updates = {"W": inputs["W"] - inputs["lr"] * dW, "b": inputs["b"] - inputs["lr"] * db}
    return Graph("descent", inputs, (L,), {L: "L"}, {}, updates)


def by_hand(W: np.ndarray, b: np.ndarray, lr: float) -> tuple[np.ndarray, np.ndarray, list[float]]:
    losses = []
    for rows in ORDER:
        logits = X[rows] @ W + b
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        losses.append(-np.log(p[np.arange(2), y[rows]]).mean())
        delta = (p - np.eye(2)[y[rows]]) / 2
        W, b = W - lr * X[rows].T @ delta, b - lr * delta.sum(0)
    return W, b, losses


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_steps_are_those_of_a_loop(engine: str, dtype: str):
    run = cr.compile(descent(), engine=engine)
    state = {"b": np.zeros(2, dtype), "W": np.linspace(-1, 1, 6).reshape(3, 2).astype(dtype)}
    kept = {k: v.copy() for k, v in state.items()}
    data = {"X": X.astype(dtype), "y": y}
    now, record = run.steps(state, data, ORDER, lr=0.5)
    W, b, losses = by_hand(kept["W"], kept["b"], 0.5)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(now["W"], W, tolerance)
    np.testing.assert_allclose(now["b"], b, tolerance, tolerance)
    np.testing.assert_allclose(record["L"], losses, tolerance)
    assert {str(a.dtype) for a in (now["W"], now["b"], record["L"])} == {dtype}
    for k, v in state.items():
        np.testing.assert_array_equal(v, kept[k])
    np.testing.assert_array_equal(data["X"], X.astype(dtype))
    again, _ = run.steps(now, data, ORDER, lr=0.5)  # goes on from what it answered
    np.testing.assert_allclose(again["W"], by_hand(W, b, 0.5)[0], tolerance, tolerance)


def test_what_does_not_fit_is_refused():
    run = cr.compile(descent())
    state, data = {"W": np.zeros((3, 2)), "b": np.zeros(2)}, {"X": X, "y": y}
    for wrong, text in [
        (lambda: run.steps({"W": state["W"]}, data, ORDER, lr=0.1), "the state must hold W, b"),
        (lambda: run.steps(state, data | {"y": y[:5]}, ORDER, lr=0.1), "differ in length"),
        (lambda: run.steps(state, data, ORDER + 5, lr=0.1), "the order names row 12"),
        (lambda: run.steps(state, data | {"y": y + 1}, ORDER, lr=0.1), "must lie in 0 … 1"),
        (lambda: run.steps(state, data, ORDER), "missing: lr"),
    ]:
        with pytest.raises(InputError, match=text):
            wrong()
    with pytest.raises(GraphError, match="no updates"):
        cr.compile(cr.trace(lambda x: x, x="n")).steps({}, {}, ORDER)


# Noise and inputs that change from step to step ----------------------------------------------------------------------

SEED, FIRST, RATES = 5, 7, [0.5, 0.25, 0.125, 0.4]


def dropping(engine: str) -> Compiled:
    """Two masks, of which one is as wide as the data and one as the batch is long, with shares 0.6 and 0.3 of True."""

    def loss(X: "n d", N: "bool[n]", M: "bool[n d]", y: "int[n]", W: "d k"):
        logits = cr.where(M, X, 0.0) / 0.6 @ W
        L = -cr.mean(cr.log_softmax(logits)[cr.arange(X.shape[0]), y] * N)
        mask = cr.where(M, 1.0, 0.0)
        other = cr.where(N, 1.0, 0.0)
        return L, mask, other

    g = cr.trace(loss, roles={"M": "noise", "N": "noise"})
    lr, (dW,) = leaf("lr"), gradients(g.outputs[0], [g["W"]])
    return cr.compile(replace(g, inputs=g.inputs | {"lr": lr}, updates={"W": g["W"] - lr * dW}), engine=engine)


def start(dtype: str = "float64") -> dict[str, np.ndarray]:
    return {"W": np.linspace(-1, 1, 6).reshape(3, 2).astype(dtype)}


def data_in(dtype: str) -> dict[str, np.ndarray]:
    return {"X": X.astype(dtype), "y": y}


NOISE = {"M": 0.6, "N": 0.3}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_noise_and_rates_are_those_of_a_loop_that_calls_the_program(engine: str, dtype: str):
    run, state, losses = dropping(engine), start(dtype), []
    masks: dict[str, list[np.ndarray]] = {"M": [], "N": []}
    for k, rows in enumerate(ORDER):
        drawn = {
            "N": bernoulli(np, SEED, FIRST + k, 0, (2,), 0.3),
            "M": bernoulli(np, SEED, FIRST + k, 1, (2, 3), 0.6),
        }
        lr = np.asarray(RATES[k], dtype)
        (L, _, _), state = run(X=X[rows].astype(dtype), y=y[rows], lr=lr, **drawn, **state)
        losses.append(float(L))
        for name, mask in drawn.items():
            masks[name].append(mask)
    each = {"lr": np.array(RATES)}  # float64, as a schedule gives them
    now, record = run.steps(start(dtype), data_in(dtype), ORDER, each=each, noise=NOISE, seed=SEED, first_step=FIRST)
    np.testing.assert_array_equal(record["mask"], masks["M"])
    np.testing.assert_array_equal(record["other"], masks["N"])
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(now["W"], state["W"], tolerance, tolerance)
    np.testing.assert_allclose(record["L"], losses, tolerance, tolerance)
    assert {str(a.dtype) for a in (now["W"], *record.values())} == {dtype}
    if engine == "numpy":
        np.testing.assert_array_equal(now["W"], state["W"])


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_a_run_cut_into_calls_draws_what_it_draws_in_one(engine: str):
    run, order = dropping(engine), np.concatenate([ORDER, ORDER[::-1]])
    rates, data = np.linspace(0.1, 0.5, 8), {k: run.place(v) for k, v in data_in("float32").items()}
    whole, record = run.steps(start("float32"), data, order, each={"lr": rates}, noise=NOISE, seed=2)
    state, parts = start("float32"), []
    for a, b in [(0, 3), (3, 4), (4, 8)]:  # on xla each call but the first donates the last one's buffers
        state, part = run.steps(state, data, order[a:b], each={"lr": rates[a:b]}, noise=NOISE, seed=2, first_step=a)
        parts.append(part)
    for name in ("mask", "other"):
        np.testing.assert_array_equal(np.concatenate([p[name] for p in parts]), record[name])
    np.testing.assert_allclose(np.concatenate([p["L"] for p in parts]), record["L"], 1e-5)
    np.testing.assert_allclose(state["W"], whole["W"], 1e-5)
    other, another = (run.steps(start(), data_in("float64"), order, each={"lr": rates}, noise=NOISE, seed=s)[1]
                      for s in (3, 2**32 - 1))  # fmt: skip
    assert (record["mask"] != other["mask"]).any() and (other["mask"] != another["mask"]).any()
    assert (record["mask"][0] != record["mask"][1]).any()


@pytest.mark.parametrize("shape", [(), (7,), (100, 64), (300, 200)])
def test_noise_drawn_in_blocks_is_that_of_each_step(shape: tuple[int, ...]):
    first = 2**32 - 12
    stream = Noise("M", 3, shape, 0.25).stream(9, first, 12)
    for k, mask in enumerate(stream):
        assert mask.shape == shape
        np.testing.assert_array_equal(mask, bernoulli(np, 9, first + k, 3, shape, 0.25))
    assert k == 11


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_a_network_drops_what_it_draws(engine: str):
    net = cr.nn.Sequential(cr.nn.Linear(3, 6), cr.nn.Dropout(0.4), cr.nn.Linear(6, 2), cr.nn.Dropout(0.1))
    rule = cr.optim.Adam()
    run = cr.compile(rule.step(net.loss_graph("cross_entropy", training=True)), engine=engine)
    first = net.initial(seed=1) | rule.state(net.initial(seed=1))
    data = {"X": X, "y": y}
    now, record = run.steps(first, data, ORDER, each={"lr": RATES}, noise=net.noise, seed=4)
    state, losses = first, []
    for k, rows in enumerate(ORDER):
        (L,), state = run(X=X[rows], y=y[rows], lr=np.float64(RATES[k]), **net.draw_noise(2, seed=4, step=k), **state)
        losses.append(float(L))
    np.testing.assert_allclose(record["L"], losses, 1e-11)
    for name, value in state.items():
        np.testing.assert_allclose(now[name], value, 1e-9, 1e-12)


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_any_input_may_change_at_each_step(engine: str):
    """Masks of one's own in place of noise, labels as integers, and the counter of the noise that remains."""
    run, state = dropping(engine), start()
    M = np.random.default_rng(0).random((4, 2, 3)) < 0.5
    each = {"M": M, "y": y[ORDER], "lr": RATES, "X": X[ORDER].tolist()}
    now, record = run.steps(state, {}, ORDER, each=each, noise={"N": 0.3}, seed=SEED)
    np.testing.assert_array_equal(record["mask"], M)
    np.testing.assert_array_equal(record["other"], [bernoulli(np, SEED, k, 0, (2,), 0.3) for k in range(4)])
    whole, _ = run.steps(start(), data_in("float64"), ORDER, each={"M": M, "lr": RATES}, noise={"N": 0.3}, seed=SEED)
    np.testing.assert_allclose(now["W"], whole["W"], 1e-13)
    none, empty = run.steps(start(), data_in("float64"), ORDER[:0], each={"lr": []}, noise=NOISE)
    np.testing.assert_array_equal(none["W"], start()["W"])
    assert len(empty["L"]) == 0


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_rates_are_reals_where_the_first_state_is_an_integer(engine: str):
    k, w, lr = leaf("k", (), "integer"), leaf("w", ("n",)), leaf("lr")
    g = Graph("counted", {"k": k, "w": w, "lr": lr}, (cr.sum(w),), updates={"k": k + 1, "w": w - lr})
    state = {"k": np.zeros((), int), "w": np.ones(2, np.float32)}
    run, none = cr.compile(g, engine=engine), np.zeros((2, 0), int)
    for given in ({"each": {"lr": [0.25, 0.25]}}, {"lr": 0.25}):
        now, _ = run.steps(state, {}, none, **given)
        assert int(now["k"]) == 2 and str(now["w"].dtype) == "float32"
        np.testing.assert_array_equal(now["w"], [0.5, 0.5])


def test_noise_and_changing_inputs_that_do_not_fit_are_refused():
    run, data, r = dropping("numpy"), data_in("float64"), {"lr": RATES}

    def steps(each: Any = r, noise: Any = NOISE, order: Any = ORDER, **more: Any) -> None:
        run.steps(start(), data, order, each=each, noise=noise, **more)

    for wrong, text in [
        (lambda: steps(noise=None), r"N, M of loss is noise.*noise=\{'N': 0.5, 'M': 0.5\}"),
        (lambda: steps(noise={"M": 0.5}), "N of loss is noise, and nothing says how to draw it"),
        (lambda: steps(noise=NOISE | {"Q": 0.5}), "noise holds Q; .* whose role is noise: N, M"),
        (lambda: steps(noise=NOISE | {"M": 1.5}), "an entry of M is True is 1.5"),
        (lambda: steps(noise=NOISE | {"M": True}), "an entry of M is True is True"),
        (lambda: steps(noise=0.5), r"noise holds values by name, as in noise=\{name: value\}; it is 0.5"),
        (lambda: steps(np.ones(4)), "each holds values by name"),
        (lambda: steps(seed=-1), "seed is -1"),
        (lambda: steps(seed=2**32), "seed is 4294967296"),
        (lambda: steps(first_step=0.5), "first_step is 0.5"),
        (lambda: steps(first_step=2**32 - 3), "4 steps from first_step = 4294967293 on run over"),
        (lambda: steps({"lr": RATES[:3]}), "each has 3 entries for lr, and the order has 4 steps"),
        (lambda: steps({"lr": 0.5}), "every step, and one for lr; give it as lr=0.5"),
        (lambda: steps({}), "missing: lr"),
        (lambda: steps(r | {"rate": RATES}), "each holds rate; loss takes X, N, M, y, W, lr"),
        (lambda: steps(r | {"X": np.ones((4, 2, 3))}), "X is given twice: in data and in each"),
        (lambda: steps(lr=0.5), "lr is given twice: in each and in the constants"),
        (lambda: steps({"lr": np.ones((4, 2))}), "lr has shape"),
        (lambda: steps({"lr": ["a"] * 4}), "lr must be an array of numbers"),
        (lambda: steps(r | {"M": np.ones((4, 2, 3))}, {"N": 0.3}), "M holds float64 and must hold booleans"),
        (lambda: steps(r | {"M": np.ones((4, 2, 5), bool)}, {"N": 0.3}), "the size d is 3 in X .* and 5 in M"),
    ]:
        with pytest.raises(InputError, match=text):
            wrong()
    data = {"X": X[:, 0], "y": y}
    with pytest.raises(InputError, match=r"X has shape \(2,\), 1 axis"):
        steps()
    run = cr.compile(replace(run.graph, roles=run.graph.roles | {"X": "noise"}))
    data = {"y": y}
    with pytest.raises(InputError, match="X holds real numbers, and only booleans are drawn"):
        steps(noise=NOISE | {"X": 0.5})
    mask = leaf("M", ("q",), "boolean")
    w = leaf("w")
    g = Graph("lone", {"w": w, "M": mask}, (w,), roles={"M": "noise"}, updates={"w": w + cr.sum(mask * w)})
    with pytest.raises(InputError, match=r"the size q of M \(q,\) is that of no other input"):
        cr.compile(g).steps({"w": np.ones(())}, {}, np.zeros((2, 0), int), noise={"M": 0.5})


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("engine", ["numpy", "xla"])
@pytest.mark.parametrize("every", [1, 2, 3, 4, 9])
def test_watched_steps_look_closer_and_change_nothing(engine: str, dtype: str, every: int):
    graph = descent()
    dW = graph.updates["W"] - graph.inputs["W"]
    closer = replace(graph, outputs=(*graph.outputs, cr.norm(dW)), names={cr.norm(dW): "moved", graph.output: "L"})
    plain, watched = (cr.compile(g, engine=engine) for g in (graph, closer))
    state = {"W": np.linspace(-1, 1, 6).reshape(3, 2).astype(dtype), "b": np.zeros(2, dtype)}
    data = {"X": X.astype(dtype), "y": y}
    fresh = lambda: {k: v.copy() for k, v in state.items()}
    run = lambda program, **options: program.steps(fresh(), data, ORDER, lr=0.5, **options)
    (now, record), (_, all_of_it), (bare, _) = run(plain, watch=(watched, every)), run(watched), run(plain)
    assert list(record) == ["L", "moved"] and record["moved"].dtype == dtype
    seen = np.arange(len(ORDER)) % every == 0
    np.testing.assert_allclose(record["moved"][seen], all_of_it["moved"][seen], 1e-5 if dtype == "float32" else 1e-12)
    assert np.isnan(record["moved"][~seen]).all() and record["L"].shape == (len(ORDER),)
    for k in state:
        np.testing.assert_allclose(now[k], bare[k], 1e-5 if dtype == "float32" else 1e-12, 1e-6)


def test_what_cannot_watch_is_refused():
    run, state = cr.compile(descent()), {"W": np.zeros((3, 2)), "b": np.zeros(2)}
    other = cr.compile(replace(descent(), updates={"W": descent().updates["W"]}))
    with pytest.raises(GraphError, match="watch takes a program of descent with further outputs, for numpy"):
        run.steps(state, {"X": X, "y": y}, ORDER, lr=0.1, watch=(other, 2))
    with pytest.raises(GraphError, match="for numpy without dtype="):
        run.steps(state, {"X": X, "y": y}, ORDER, lr=0.1, watch=(cr.compile(descent(), dtype="float32"), 2))
    with pytest.raises(InputError, match="every k-th step"):
        run.steps(state, {"X": X, "y": y}, ORDER, lr=0.1, watch=(run, 0))
