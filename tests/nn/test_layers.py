"""Layers and networks of them: names, gradients, modules of one's own, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import chainrule as cr
from chainrule.graph.errors import GraphError, InputError, ShapeError
from chainrule.graph.node import Node

nn = cr.nn
rng = np.random.default_rng(0)

ACTIVATIONS: dict[Any, Callable[[Any], Any]] = {
    nn.ReLU(): jax.nn.relu,
    nn.LeakyReLU(0.2): lambda x: jax.nn.leaky_relu(x, 0.2),
    nn.ELU(): jax.nn.elu,
    nn.ELU(0.7): lambda x: jax.nn.elu(x, 0.7),
    nn.Sigmoid(): jax.nn.sigmoid,
    nn.Tanh(): jnp.tanh,
    nn.GELU(): lambda x: jax.nn.gelu(x, approximate=False),
    nn.GELU(approximate=True): lambda x: jax.nn.gelu(x, approximate=True),
    nn.SiLU(): jax.nn.silu,
    nn.Softplus(): jax.nn.softplus,
    nn.Softmax(): jax.nn.softmax,
}


def highway(x: Node, W: Node, b: Node) -> Node:
    T = cr.sigmoid(x @ W + b)
    return T * cr.tanh(x) + (1 - T) * x


NETWORKS = [
    nn.Linear(4, 3),
    nn.Linear(4, 3, bias=False),
    nn.Linear(4, 3, weight_norm=True),
    nn.Sequential(nn.Flatten(2, 3), nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3)),
    nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Dropout(0.4), nn.Linear(6, 3)),
    nn.Sequential(nn.Linear(4, 6), nn.BatchNorm(6), nn.ELU(), nn.Linear(6, 3)),
    nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.GELU(), nn.Linear(6, 3)),
    nn.Sequential(nn.Residual(nn.Linear(4, 6), nn.Softplus(), nn.Linear(6, 4)), nn.SiLU(), nn.Linear(4, 3)),
    nn.Sequential(nn.Function(highway, takes=4, W=(4, 4), b=(4,)), nn.LeakyReLU(), nn.Linear(4, 3)),
]


@pytest.mark.parametrize("net", NETWORKS, ids=str)
def test_gradients_are_those_of_differences(net: Any):
    graph = net.loss_graph()
    report = cr.check_gradients(graph, wrt=[*graph.parameters, "X"], seed=3)
    assert report.ok, report


@pytest.mark.parametrize("net", [NETWORKS[2], NETWORKS[4], NETWORKS[5]], ids=str)
def test_both_engines_take_the_same_step(net: Any):
    X, y = rng.normal(size=(7, 4)), np.array([0, 2, 1, 1, 0, 2, 2])
    given = {"X": X, "y": y, **net.initial(4), **net.initial_state(), **net.draw_noise(7, seed=4, step=2)}
    here, there = (cr.compile(net.loss_graph(), engine=engine)(**given) for engine in ("numpy", "xla"))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), here, there)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_activations_are_those_of_jax(activation: Any):
    net = nn.Sequential(nn.Linear(4, 5), activation, nn.Linear(5, 3))
    params, X, y = net.initial(2), rng.normal(size=(7, 4)), np.array([0, 2, 1, 1, 0, 2, 2])

    def loss(p: dict[str, Any]) -> Any:
        S = ACTIVATIONS[activation](X @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
        return -jnp.mean(jax.nn.log_softmax(S)[jnp.arange(7), y])

    with jax.enable_x64(True):
        wanted, gradients = jax.jit(jax.value_and_grad(loss))(params)
    value, found = cr.compile(net.derive())(X=X, y=y, **params)
    np.testing.assert_allclose(value, wanted, rtol=1e-12)
    for k in params:
        np.testing.assert_allclose(found[k], gradients[k], rtol=1e-9, atol=1e-12)


def test_parameters_are_numbered_in_order():
    net = nn.Sequential(
        nn.Linear(4, 3, bias=False), nn.BatchNorm(3), nn.Residual(nn.Linear(3, 3), nn.LayerNorm(3)),
        nn.Linear(3, 2, weight_norm=True), nn.Function(highway, W=(2, 2), b=(2,)),
    )  # fmt: skip
    assert list(net.parameters) == [
        "W1", "gamma1", "beta1", "W2", "b1", "gamma2", "beta2", "V1", "g1", "b2", "W4", "b3",
    ]  # fmt: skip
    assert list(net.initial_state()) == ["running_mean1", "running_var1"]
    assert net.parameters == {k: a.shape for k, a in net.initial().items()}
    for training in (False, True):
        roles = net.graph(training=training).roles
        assert [k for k, role in roles.items() if role == "parameter"] == list(net.parameters)
    assert list(nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10)).parameters) == ["W1", "b1", "W2", "b2"]


def test_a_module_put_in_twice_is_two_layers():
    block = nn.Linear(3, 3)
    assert list(nn.Sequential(block, nn.ReLU(), block).parameters) == ["W1", "b1", "W2", "b2"]


def test_modules_are_values():
    assert nn.Sequential(nn.Linear(3, 4), nn.ReLU()) == nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    assert nn.Linear(3, 4) != nn.Linear(4, 3)
    with pytest.raises(AttributeError):
        nn.Linear(3, 4).inputs = 5  # type: ignore[misc]
    shown = nn.Sequential(nn.Flatten(2, 2), nn.Linear(4, 3, bias=False), nn.Dropout(), nn.Dropout(0.1), nn.ELU(alpha=2))
    written = "Sequential(Flatten(2, 2), Linear(4, 3, bias=False), Dropout(), Dropout(p=0.1), ELU(alpha=2))"
    assert repr(shown) == written and eval(written, {k: getattr(nn, k) for k in nn.__all__}) == shown


def test_sizes_may_be_symbols():
    net = nn.Sequential(nn.Linear("d", "h"), nn.ReLU(), nn.Linear("h", "c"))
    counted = cr.cost(net.graph()).at(n=100, d=784, h=64, c=10)
    numbered = cr.cost(nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10)).graph()).at(n=100)
    assert counted.multiplications == numbered.multiplications > 0 and counted.parameters == 784 * 64 + 64 + 650
    assert net.derive()["W1"].shape == net.graph().inputs["W1"].shape
    with pytest.raises(ShapeError, match=r"W1 has the shape \(d, h\): give sizes as numbers"):
        net.initial()


# Modules of one's own -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Centred(nn.Module):
    """Subtracts the running mean: a state, two graphs, and a module inside."""

    features: int

    @property
    def takes(self) -> tuple[int, ...]:
        return (self.features,)

    def build(self, x: Node, here: Any) -> Node:
        m = here.state("m", (self.features,), nn.Zeros())
        if here.training:
            now = cr.mean(x, axis=0)
            here.update(m, 0.5 * m + 0.5 * now)
            m = now
        return here.apply(nn.Linear(self.features, 2), x - m)


def test_a_module_with_a_state():
    net = nn.Sequential(Centred(3), nn.Tanh())
    X, params, state = rng.normal(size=(5, 3)), net.initial(), net.initial_state()
    out, new = cr.compile(net.graph(training=True))(X=X, **params, **state)
    np.testing.assert_allclose(new["m1"], X.mean(axis=0) / 2)
    np.testing.assert_allclose(out[0], np.tanh((X - X.mean(axis=0)) @ params["W1"]), rtol=1e-12)
    out = cr.compile(net.graph())(X=X, **params, **new)
    np.testing.assert_allclose(out, np.tanh((X - new["m1"]) @ params["W1"]), rtol=1e-12)
    assert "now" in net.graph(training=True) and repr(Centred(3)) == "Centred(3)"


def test_a_function_keeps_its_variables_names():
    net = nn.Sequential(*[nn.Function(highway, takes=4, W=(4, 4), b=np.full(4, -2.0))] * 2)
    assert net.graph().text() == (
        "T_1 = sigmoid(X @ W1 + b1)\nH1 = T_1 ⊙ tanh(X) + (1 - T_1) ⊙ X\n"
        "T_2 = sigmoid(H1 @ W2 + b2)\nH2 = T_2 ⊙ tanh(H1) + (1 - T_2) ⊙ H1"
    )
    assert set(net.initial()["b2"]) == {-2.0}


# What is refused ------------------------------------------------------------------------------------------------------

WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: nn.Sequential(nn.Linear(784, 64), nn.Linear(32, 10)),
        ShapeError,
        r"Linear\(32, 10\) takes \(n, 32\), and Linear\(784, 64\) before it gives \(n, 64\)",
    ),
    (
        lambda: nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Dropout(), nn.BatchNorm(10)),
        ShapeError,
        r"BatchNorm\(10\) takes \(n, 10\), and Linear\(784, 64\) before it gives \(n, 64\)",
    ),
    (
        lambda: nn.Sequential(nn.Linear(4, 3), nn.Flatten(3, 1)),
        ShapeError,
        r"Flatten\(3, 1\) takes \(n, 3, 1\), and Linear\(4, 3\) before it gives \(n, 3\)",
    ),
    (lambda: nn.Residual(nn.Linear(4, 3)), ShapeError, r"gives?, \(n, 3\), to what they take, \(n, 4\)"),
    (lambda: nn.ReLU().graph(), ShapeError, r"ReLU\(\) does not say what shape an example has"),
    (lambda: nn.Linear(0, 3), ShapeError, "Linear: a size must be at least 1, and 0 is not"),
    (lambda: nn.Linear(2.0, 3), ShapeError, "Linear: a size is an integer or a symbol such as 'h', not 2.0"),
    (lambda: nn.Linear("n", 3), ShapeError, "n is the size of a batch"),
    (lambda: nn.Linear("d h", 3).graph(), ShapeError, "d h"),
    (lambda: nn.Dropout(1.0), InputError, "p is 1.0, the probability to drop; it must be at least 0 and below 1"),
    (lambda: nn.Dropout(-0.1), InputError, "p is -0.1"),
    (lambda: nn.Dropout(float("nan")), InputError, "p is nan"),
    (lambda: nn.BatchNorm(3, momentum=1.5), InputError, "BatchNorm: momentum is 1.5; it must be a number from 0 to 1"),
    (lambda: nn.BatchNorm(3, eps=0), InputError, "BatchNorm: eps is 0; it must be a number above 0"),
    (lambda: nn.Sequential(), GraphError, "at least one module"),
    (lambda: nn.Sequential(nn.ReLU), GraphError, r"ReLU is a class; make one: ReLU\(\)"),
    (lambda: nn.Sequential(cr.relu), GraphError, r"nn.Function\(relu, …\)"),
    (lambda: nn.Function(highway, W=(4, 4)), GraphError, "missing a required argument: 'b'"),
    (lambda: nn.Function(highway, W=(4, 4), b=4, c=3), GraphError, "unexpected keyword argument 'c'"),
    (lambda: nn.Function(lambda x: None, takes=3).graph(), Exception, "None"),
    (lambda: nn.Linear(4, 3, init=nn.He), InputError, r"He is a class; make one: He\(\)"),
    (lambda: nn.Linear(4, 3, init="he"), InputError, "not from 'he'"),
    (lambda: nn.Linear(4, 3, init=np.ones((3, 4))).graph(), ShapeError, "give its transpose"),
    (lambda: nn.Linear(4, 3, bias=np.ones(4)).graph(), ShapeError, r"has shape \(4,\), and \(3,\) is needed"),
    (lambda: nn.Linear(4, 3, bias=nn.He()).graph(), ShapeError, r"He\(slope=0.0\) draws weights, of shape \(in, out\)"),
]


@pytest.mark.parametrize(("wrong", "error", "text"), WRONG)
def test_what_cannot_be_is_refused(wrong: Callable[[], Any], error: type[Exception], text: str):
    with pytest.raises(error, match=text):
        wrong()


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_batch_norm_refuses_one_example_in_training(engine: str):
    net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm(5))
    one = {"X": np.ones((1, 4)), "y": np.array([0]), **net.initial()}
    refused = r"with n = 1 network_loss cannot run: BatchNorm\(5\) needs a batch of two examples or more in training"
    with pytest.raises(InputError, match=refused):
        cr.compile(net.loss_graph(), engine=engine)(**one, **net.initial_state())
    with pytest.raises(InputError, match=refused):
        cr.compile(net.derive(), engine=engine)(**one)


def test_arrays_of_another_rank_are_refused():
    run = cr.compile(nn.Linear(4, 3).graph())
    with pytest.raises(InputError, match=r"X has shape \(4,\), 1 axis; network takes X as \(n, 4\)"):
        run(X=np.ones(4), **nn.Linear(4, 3).initial())
    with pytest.raises(InputError, match=r"X has shape \(2, 5\) and must have \(n, 4\)"):
        run(X=np.ones((2, 5)), **nn.Linear(4, 3).initial())


def test_names_of_a_network_do_not_depend_on_what_its_caller_holds():
    net = cr.nn.Sequential(cr.nn.Linear(5, 4), cr.nn.ReLU(), cr.nn.Function(cr.tanh))
    mine = net.graph()["H1"]
    assert net.graph()["H1"] is mine and net.layers["H1"] == cr.nn.ReLU()
