"""What holds of the update rules by themselves: states, precision, names, clipping, penalties, errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.graph.errors import GraphError, InputError, NamingError
from chainrule.optim import L1, L2, SGD, AdaGrad, Adam, AdamW, Constant, Exponential, Penalty, RMSProp, Rule

from .problems import PROBLEMS

ALL = [SGD(), SGD(momentum=0.9), SGD(momentum=0.9, nesterov=True), AdaGrad(), RMSProp(), Adam(), AdamW()]
NAMED = pytest.mark.parametrize("rule", ALL, ids=lambda r: type(r).__name__ + "+" * len(r.numbers))


def mlp(X: "n p", W1: "p h", b1: "h", W2: "h"):
    L = cr.mean(cr.tanh(X @ W1 + b1) @ W2)
    return L


GRAPH = cr.trace(mlp)


def a_step(rule: Rule, engine: str = "numpy", lr: float = 0.1, **instead: Any) -> dict[str, Any]:
    """The parameters after one step from a fixed point."""
    rng = np.random.default_rng(0)
    shapes = {"X": (6, 5), "W1": (5, 4), "b1": (4,), "W2": (4,)}
    point = {k: rng.normal(size=s) for k, s in shapes.items()} | instead
    state = rule.state({k: point[k] for k in GRAPH.parameters})
    _, new = cr.compile(rule.step(GRAPH), engine)(**point, **state, lr=lr)
    return {k: np.asarray(new[k]) for k in GRAPH.parameters}


def assert_same(a: dict[str, Any], b: dict[str, Any], rtol: float = 0.0) -> None:
    assert a.keys() == b.keys()
    for k in a:
        np.testing.assert_allclose(a[k], b[k], rtol=rtol, err_msg=k)


# The state ------------------------------------------------------------------------------------------------------------


def test_names_roles_and_order_of_the_state():
    step = Adam().step(GRAPH)
    states = ["step", "m_W1", "v_W1", "m_b1", "v_b1", "m_W2", "v_W2"]
    assert list(step.inputs) == ["X", "W1", "b1", "W2", "lr", *states]
    assert {k for k, role in step.roles.items() if role == "state"} == set(states)
    assert step.roles["W1"] == "parameter" and step.roles["lr"] == "data"
    assert set(step.updates) == {*states, "W1", "b1", "W2"}
    assert step.inputs["m_W1"].shape == step.inputs["W1"].shape and step.inputs["step"].shape == ()
    assert SGD(momentum=0.9).step(GRAPH, ["W2"]).updates.keys() == {"v_W2", "W2"}


@NAMED
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_state_matches_the_step_and_the_parameters(rule: Rule, dtype: str):
    parameters = {k: np.ones((3, 2), dtype) for k in ("W1", "b1", "W2")}
    state = rule.state(parameters)
    assert state.keys() == rule.step(GRAPH).updates.keys() - parameters.keys()
    assert all(v.dtype == dtype and not v.any() for v in state.values())
    assert all(v.shape == (() if k == "step" else (3, 2)) for k, v in state.items())


@NAMED
@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_float32_stays_float32(rule: Rule, engine: str):
    problem = PROBLEMS["network"]
    rule = replace(rule, clip_norm=0.5, weight_decay=0.01, penalty=L1(0.01))
    state, records = problem.run(rule, engine, 0.01, "float32")
    assert {str(v.dtype) for v in [*state.values(), *records.values()]} == {"float32"}
    exact, _ = problem.run(rule, "numpy", 0.01)
    for k in problem.parameters:
        np.testing.assert_allclose(state[k], exact[k], atol=2e-3)


def test_the_state_from_lists_and_for_other_kinds():
    assert SGD(momentum=0.5).state({"w": [1.0, 2.0]})["v_w"].tolist() == [0.0, 0.0]
    assert SGD(momentum=0.5).state({}) == {} == Adam().state({})
    with pytest.raises(InputError, match="W holds int64; a parameter that is trained is real"):
        Adam().state({"W": np.arange(3)})
    with pytest.raises(InputError, match="float16 cannot count the steps of Adam"):
        Adam().state({"W": np.ones(2, "float16")})


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_many_steps_are_one_step_again_and_again(engine: str):
    problem, rule = PROBLEMS["network"], AdamW(clip_norm=0.3)
    state, records = problem.run(rule, engine, 0.01)
    assert state["step"] == len(problem.order) == len(records["L"])
    program = cr.compile(rule.step(problem.graph), engine)
    now = problem.parameters | rule.state(problem.parameters)
    for k, rows in enumerate(problem.order):
        (loss,), now = program(**now, **{n: v[rows] for n, v in problem.data.items()}, lr=0.01)
        np.testing.assert_allclose(loss, records["L"][k], rtol=1e-9)
    for k in state:
        np.testing.assert_allclose(now[k], state[k], rtol=1e-9, atol=1e-12)


def test_updates_of_the_loss_are_kept():
    loss = replace(GRAPH, updates={"mu": 0.9 * cr.mean(GRAPH["X"], axis=0)})
    assert set(SGD().step(loss).updates) == {"mu", "W1", "b1", "W2"}


# One rule as another --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_rules_that_are_others(engine: str):
    assert_same(a_step(SGD(momentum=0.0), engine), a_step(SGD(), engine))
    assert_same(a_step(AdamW(weight_decay=0.0), engine), a_step(Adam(), engine))
    assert_same(a_step(SGD(momentum=0.9), engine), a_step(SGD(), engine), 1e-15)  # the first step: v is the gradient


def test_without_momentum_or_decay_the_program_is_the_same():
    def source(rule: Rule) -> str:
        return cr.compile(rule.step(GRAPH)).source

    assert source(SGD(momentum=0.0)) == source(SGD()) == source(SGD(penalty=L2(0.0)))
    assert source(AdamW(weight_decay=0.0)) == source(Adam())


@settings(max_examples=15, deadline=None)
@given(λ=st.floats(1e-3, 1.0), momentum=st.sampled_from([0.0, 0.7]))
def test_weight_decay_and_penalty(λ: float, momentum: float):
    """weight_decay is λ/2 ‖w‖², the penalty λ‖w‖²; the biases have neither."""
    decayed = SGD(momentum=momentum, weight_decay=2 * λ)
    penalised = SGD(momentum=momentum, penalty=L2(λ))
    assert_same(a_step(decayed), a_step(penalised), 1e-12)
    plain, mine = a_step(SGD(momentum=momentum)), a_step(penalised)
    rng = np.random.default_rng(0)
    _, W1 = rng.normal(size=(6, 5)), rng.normal(size=(5, 4))
    np.testing.assert_allclose(mine["W1"], plain["W1"] - 0.1 * 2 * λ * W1, rtol=1e-12)
    assert np.array_equal(mine["b1"], plain["b1"]) and np.array_equal(mine["W2"], plain["W2"])


def test_decoupled_decay_does_not_enter_the_means():
    coupled, decoupled = Adam(weight_decay=0.3), AdamW(weight_decay=0.3)
    for rule, same in ((decoupled, True), (coupled, False)):
        state, plain = (PROBLEMS["network"].run(r, "numpy", 1e-9)[0] for r in (rule, Adam()))
        assert np.allclose(state["m_W1"], plain["m_W1"], atol=1e-6) is same


@pytest.mark.parametrize("rule", [RMSProp(eps=0.0), Adam(eps=0.0), AdaGrad(eps=0.0)], ids=lambda r: type(r).__name__)
@settings(max_examples=10, deadline=None)
@given(factor=st.floats(1e-3, 1e3))
def test_adaptive_rules_do_not_see_the_scale_of_the_loss(rule: Rule, factor: float):
    scaled = cr.trace(lambda X, W, k: k * cr.sum(cr.tanh(X @ W)), X="n p", W="p q", k="")
    rng = np.random.default_rng(1)
    X, W = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
    run, order = cr.compile(rule.step(scaled)), np.tile(np.arange(4), (5, 1))
    ends = [run.steps({"W": W} | rule.state({"W": W}), {"X": X}, order, k=k, lr=0.1)[0]["W"] for k in (1.0, factor)]
    np.testing.assert_allclose(*ends, rtol=1e-9)
    assert abs(ends[0] - W).min() > 1e-3


def test_the_first_step_of_adam_has_the_length_of_the_rate():
    before, after = a_step(SGD(), lr=1e-300), a_step(Adam(eps=0.0), lr=0.1)
    np.testing.assert_allclose(abs(after["W1"] - before["W1"]), 0.1)


# Penalties ------------------------------------------------------------------------------------------------------------


def test_the_output_is_the_penalised_loss():
    problem = PROBLEMS["network"]
    w = problem.parameters
    step = SGD(penalty=[L2(0.3), L1(0.2, ["W1", "b1"])]).step(problem.graph)
    (J,), _ = cr.compile(step)(**w, **problem.data, lr=0.1)
    L = problem.loss(np.tanh, problem.data, w)
    extra = 0.3 * ((w["W1"] ** 2).sum() + (w["W2"] ** 2).sum()) + 0.2 * (abs(w["W1"]).sum() + abs(w["b1"]).sum())
    np.testing.assert_allclose(J, L + extra)
    assert step.names[step.outputs[0]] == "J"


def test_the_gradient_of_a_penalty():
    for penalty, gradient in ((L2(0.3, "b1"), lambda b: 0.6 * b), (L1(0.3, ["b1"]), lambda b: 0.3 * np.sign(b))):
        b = np.array([0.0, -2.0, 0.5, 3.0])
        plain, mine = a_step(SGD(), b1=b), a_step(SGD(penalty=penalty), b1=b)
        np.testing.assert_allclose(plain["b1"] - mine["b1"], 0.1 * gradient(b), atol=1e-15)
        assert np.array_equal(plain["W1"], mine["W1"])


def test_a_penalty_of_ones_own():
    @dataclass(frozen=True)
    class Smooth(Penalty):
        def of(self, w: Any) -> Any:
            return cr.sum((w[1:] - w[:-1]) ** 2)

    assert SGD(penalty=Smooth(0.1)).step(GRAPH).text().splitlines()[-3].startswith("W1 ←")


def test_names_of_a_loss_that_has_a_J_already():
    def taken(x: "n", W: "n n", J: ""):
        L = J * cr.sum(W @ x)
        return L

    assert "objective = L + 0.5·sum(W²)" in SGD(penalty=L2(0.5)).step(cr.trace(taken)).text()


# Clipping -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bound", [{"clip_norm": 1e30}, {"clip_value": 1e30}])
@NAMED
def test_a_huge_bound_changes_nothing(rule: Rule, bound: dict[str, float]):
    assert_same(a_step(replace(rule, **bound)), a_step(rule))


@settings(max_examples=20, deadline=None)
@given(c=st.floats(1e-3, 2.0))
def test_the_step_is_no_longer_than_the_bound(c: float):
    before, plain = a_step(SGD(), lr=1e-300), a_step(SGD(), lr=1.0)
    clipped = a_step(SGD(clip_norm=c), lr=1.0)

    def length(w: dict[str, Any]) -> float:
        return float(np.sqrt(sum(((w[k] - before[k]) ** 2).sum() for k in w)))

    np.testing.assert_allclose(length(clipped), min(c, length(plain)), rtol=1e-9)
    share = min(1, c / length(plain))
    assert_same({k: clipped[k] - before[k] for k in plain}, {k: share * (plain[k] - before[k]) for k in plain}, 1e-7)
    by_value = a_step(SGD(clip_value=c), lr=1.0)
    for k in plain:
        np.testing.assert_allclose(by_value[k] - before[k], np.clip(plain[k] - before[k], -c, c), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("bound", [{"clip_norm": 0.1}, {"clip_value": 0.1}])
@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_clipping_does_not_hide_nan(engine: str, bound: dict[str, float]):
    X = np.ones((6, 5))
    X[2, 3] = np.nan
    found = a_step(SGD(**bound), engine, X=X)
    assert np.isnan(found["W1"]).any() and np.isnan(found["W2"]).all()


def test_a_zero_gradient_is_clipped_to_zero():
    found = a_step(SGD(clip_norm=0.1), W2=np.zeros(4), X=np.zeros((6, 5)), b1=np.zeros(4))
    assert np.array_equal(found["W2"], np.zeros(4))


def test_norms_are_those_before_clipping():
    problem = PROBLEMS["network"]
    plain, clipped = (problem.run(r, "numpy", 1e-9)[1] for r in (SGD(), SGD(clip_norm=1e-3)))
    assert list(clipped) == ["L", "norm_dW1", "norm_db1", "norm_dW2", "norm_db2"]
    np.testing.assert_allclose(plain["norm_dW1"], clipped["norm_dW1"], rtol=1e-6)


# Errors ---------------------------------------------------------------------------------------------------------------

WRONG: list[tuple[Any, str]] = [
    (lambda: SGD(lr=0), "the learning rate lr must be a positive number, not 0"),
    (lambda: SGD(lr=-0.1), "must be a positive number, not -0.1"),
    (lambda: SGD(lr=float("nan")), "must be a positive number, not nan"),
    (lambda: SGD(lr=float("inf")), "must be a positive number, not inf"),
    (lambda: SGD(lr="0.1"), "must be a positive number, not '0.1'"),  # type: ignore[arg-type]
    (lambda: SGD(lr=True), "must be a positive number, not True"),
    (lambda: SGD(momentum=1.0), r"momentum must lie in \[0, 1\)"),
    (lambda: SGD(momentum=-0.1), r"momentum must lie in \[0, 1\)"),
    (lambda: SGD(nesterov=True), "give momentum=0.9 too"),
    (lambda: SGD(weight_decay=-1), "weight_decay must be a number and not negative; it is -1"),
    (lambda: Adam(betas=(0.9, 1.0)), r"betas\[1\] must lie in \[0, 1\)"),
    (lambda: Adam(betas=(float("nan"), 0.9)), r"betas\[0\] must lie in \[0, 1\)"),
    (lambda: Adam(betas=0.9), "betas are two numbers"),  # type: ignore[arg-type]
    (lambda: Adam(eps=-1e-8), "eps must be a number and not negative"),
    (lambda: RMSProp(rho=1.5), r"rho must lie in \[0, 1\)"),
    (lambda: AdaGrad(eps=None), "eps must be a number"),  # type: ignore[arg-type]
    (lambda: SGD(clip_norm=0), "clip_norm must be a positive number"),
    (lambda: SGD(clip_norm=1, clip_value=1), "give clip_norm or clip_value"),
    (lambda: SGD(penalty=0.1), "penalty takes L2"),  # type: ignore[arg-type]
    (lambda: SGD(penalty=[0.1]), "penalty takes L2"),  # type: ignore[list-item]
    (lambda: L2(-0.1), "lam must be a number and not negative"),
    (lambda: SGD().step(GRAPH, ["W9"]), "parameters: there is no 'W9' among X, W1, b1, W2"),
    (lambda: SGD().step(GRAPH, ["W1", "W1"]), "W1 is named twice"),
    (lambda: SGD().step(GRAPH, []), "mlp has no parameters to update"),
    (lambda: SGD(weight_decay=0.1, decay=["w1"]).step(GRAPH), "decay: there is no 'w1' among W1, b1, W2"),
    (lambda: SGD(penalty=L2(0.1, ["X"])).step(GRAPH), "the penalty: there is no 'X' among W1"),
    (lambda: SGD().step(cr.trace(lambda w, lr: cr.sum(w) * lr, w="n", lr="")), "a quantity called lr"),
    (lambda: Adam().step(cr.trace(lambda w, step: cr.sum(w) * step, w="n", step="")), "a quantity called step"),
    (lambda: SGD(momentum=0.9).step(cr.trace(lambda w, v_w: cr.sum(w * v_w), w="n", v_w="n")), "a quantity called v_w"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=[message for _, message in WRONG])
def test_errors(wrong: Any, message: str):
    with pytest.raises(GraphError, match=message):
        wrong()


def test_an_unknown_name_is_a_naming_error():
    with pytest.raises(NamingError):
        SGD().step(GRAPH, ["W9"])


def test_a_rule_is_a_value():
    assert Adam() == Adam() != Adam(lr=0.1) and hash(SGD(0.1)) == hash(SGD(lr=0.1))
    assert SGD(0.1).schedule == Constant(0.1)
    assert SGD(Exponential(0.1)).schedule == Exponential(0.1)
    with pytest.raises(AttributeError):
        SGD().lr = 3.0  # type: ignore[misc]
