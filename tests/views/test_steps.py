"""The steps of a derivation: every line of every step is true, and they read as a person would write them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import one_output, two_layer
from rewrite.evaluate import evaluated

import chainrule as cr
from chainrule.graph.dims import Dim, evaluate
from chainrule.graph.errors import NamingError
from chainrule.graph.node import BOOLEAN, INTEGER, Node
from chainrule.ops.axes import elementwise
from chainrule.rewrite.engine import rewrite
from chainrule.views.latex import LATEX
from chainrule.views.reasons import reason

SIZES = {"n": 5, "m": 4, "h": 3, "d": 6, "c": 2, "k": 7, "t": 4, "s": 3}


def softmax_mlp(X: "n d", Y: "n c", W1: "d h", b1: "h", W2: "h c", b2: "c"):
    Z = X @ W1 + b1
    H = cr.relu(Z)
    S = H @ W2 + b2
    P = cr.softmax(S)
    L = -cr.sum(Y * cr.log(P)) / X.shape[0]
    return L


def integer_labels(X: "n d", y: "int[n]", W: "d c", b: "c"):
    P = cr.softmax(X @ W + b)
    L = -cr.mean(cr.log(P[cr.arange(X.shape[0]), y]))
    return L


def ridge(x: "n", y: "m", W: "m n", lam: ""):
    r = W @ x - y
    L = cr.sum(r**2) + lam * cr.sum(W**2)
    return L


def attention(Q: "t d", K: "s d", V: "s h", T: "t h"):
    S = Q @ K.T / cr.sqrt(Q.shape[1])
    A = cr.softmax(S)
    O = A @ V
    L = cr.sum((O - T) ** 2) / 2
    return L


def layer_norm(X: "n d", gamma: "d", beta: "d", T: "n d"):
    mu = cr.mean(X, axis=1, keepdims=True)
    s = cr.sqrt(cr.var(X, axis=1, keepdims=True) + 1e-5)
    xhat = (X - mu) / s
    Y = gamma * xhat + beta
    L = cr.mean((Y - T) ** 2)
    return L


def fan_out(x: "n", w: "n"):
    a = w * x
    b = w + x
    L = cr.sum(a * b) + cr.sum(cr.abs(a))
    return L


def recurrent(x: "n", y: "n", W: "5 n n", b: "5 n"):
    h = x
    for k in range(5):
        h = cr.tanh(W[k] @ h + b[k])
    L = cr.sum((h - y) ** 2)
    return L


def by_hand(v: "n", X: "m n"):
    e = cr.exp(X @ v)
    p = e / cr.sum(e)
    L = cr.log(p[0]) + cr.norm(v) * cr.max(p)
    return L


def residual(x: "n d", y: "n d", W1: "d h", V1: "h d", W2: "d h", V2: "h d", W3: "d h", V3: "h d"):
    h = x
    for W, V in ((W1, V1), (W2, V2), (W3, V3)):
        a = cr.relu(h @ W)
        h = h + a @ V
    L = cr.mean((h - y) ** 2)
    return L


FUNCTIONS = [
    two_layer, one_output, softmax_mlp, integer_labels, ridge, attention, layer_norm, fan_out, recurrent, by_hand,
    residual,
]  # fmt: skip
EACH = pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)


def point(g: cr.Graph, seed: int = 3) -> dict[str, Any]:
    """Numbers for the inputs; the rows of what could be probabilities add up to 1."""
    rng = np.random.default_rng(seed)
    values = {}
    for name, leaf in g.inputs.items():
        shape = tuple(evaluate(s, SIZES) if isinstance(s, Dim) else s for s in leaf.shape)
        if leaf.kind == INTEGER:
            values[name] = rng.integers(0, SIZES["c"], shape)
        elif leaf.kind == BOOLEAN:
            values[name] = rng.integers(0, 2, shape) == 1
        else:
            values[name] = rng.normal(size=shape)
    if "Y" in values:
        values["Y"] = np.abs(values["Y"]) / np.abs(values["Y"]).sum(-1, keepdims=True)
    return values


@EACH
def test_every_line_of_every_step_is_the_gradient(f):
    d = cr.derive(f)
    writer, values = d._writer, point(d.graph)
    stand_for = {leaf: d.adjoints[n] for leaf, n in writer.stand_ins.items()}
    wanted: list[Node] = []
    lines: list[Node] = []
    for n in writer.quantities:
        for line in writer.lines[n]:
            if line.node is not None:
                lines.append(rewrite([line.node], stand_for.get)[line.node])
                wanted.append(d.adjoints[n])
    assert len(lines) >= len(d.steps)
    found = evaluated([*wanted, *lines], values)
    for node, a, b in zip(lines, found, found[len(lines) :]):
        np.testing.assert_allclose(np.broadcast_to(b, a.shape), a, rtol=1e-9, atol=1e-12, err_msg=str(node))


@EACH
def test_the_steps_compute_what_the_program_computes(f):
    d = cr.derive(f)
    values = point(d.graph)
    found = evaluated([s.node for s in d.steps if s.name in d.wrt], values)
    _, grads = cr.compile(d)(**values)
    for step, a in zip([s for s in d.steps if s.name in d.wrt], found):
        np.testing.assert_allclose(a, grads[step.name], rtol=1e-9, atol=1e-12, err_msg=step.name)


@EACH
def test_one_step_for_each_named_quantity_on_the_way_and_each_input_asked_for(f):
    d = cr.derive(f)
    names = [s.name for s in d.steps]
    assert len(set(names)) == len(names)
    assert set(d.wrt) <= set(names)
    passed = {name for n, name in d.graph.names.items() if n in d.adjoints and n is not d.graph.output}
    assert passed <= set(names)
    assert {n.split("[")[0] for n in set(names) - passed} <= set(d.wrt)  # parts of inputs: W[0], W[1], …
    for step in d.steps:
        assert step.node is d[step.name]
        assert step.reason and not step.reason.endswith(".")
        assert f"∂{d.graph.loss_name}/∂{step.name} = " in step.text
        assert step.latex.startswith("\\begin{aligned}\n") and rf"\partial {LATEX.name(step.name)}}} &= " in step.latex


@EACH
def test_an_adjoint_is_found_before_it_is_used(f):
    d = cr.derive(f)
    found: set[Node] = set()
    for n in d._writer.quantities:
        consumers = [c.consumer for c in d._writer.parts[n] if c.cotangent in d._writer.stand_ins]
        assert found.issuperset(consumers)
        found.add(n)


def test_the_two_layer_network_step_by_step():
    shown = "\n\n".join(map(str, cr.derive(two_layer, wrt=["W1", "W2"]).steps))
    assert shown == """\
∂L/∂yhat = 2·(yhat - y)
    a sum hands its adjoint to every summand
    (x²)′ = 2x

∂L/∂W2 = ∂L/∂yhat · ∂yhat/∂W2
       = outer(∂L/∂yhat, u)
    y = A x, so the adjoint of A is ȳ xᵀ

∂L/∂u = ∂L/∂yhat · ∂yhat/∂u
      = W2ᵀ @ ∂L/∂yhat
    y = A x, so the adjoint of x is Aᵀ ȳ

∂L/∂z = ∂L/∂u · ∂u/∂z
      = ∂L/∂u ⊙ u ⊙ (1 - u)
    σ′ = σ(1 − σ)

∂L/∂W1 = ∂L/∂z · ∂z/∂W1
       = outer(∂L/∂z, x)
    y = A x, so the adjoint of A is ȳ xᵀ"""


def step(f, name: str, **options: Any) -> str:
    return next(s.text for s in cr.derive(f, **options).steps if s.name == name)


def test_what_cancels_is_put_in_first():
    lines = step(one_output, "a2").splitlines()
    assert lines[0] == "∂J/∂a2 = ∂J/∂yhat · ∂yhat/∂a2"
    assert lines[1] == "       = ∂J/∂yhat·yhat·(1 - yhat)"
    assert "yhat - y" in lines[2] and "∂J" not in lines[2]
    assert lines[3] == "       = yhat - y"


def test_softmax_with_cross_entropy_ends_in_P_minus_Y_and_says_what_that_takes():
    d = cr.derive(softmax_mlp)
    s = next(s for s in d.steps if s.name == "S")
    assert s.text.splitlines()[-1].strip() == "= (P - Y) / n"
    assert s.given == "if each row of Y sums to 1"
    assert "the last line: if each row of Y sums to 1" in str(s)
    # the node itself is right for every Y
    values = point(d.graph) | {"Y": np.random.default_rng(5).normal(size=(5, 2))}
    (found,) = evaluated([d["b2"]], values)
    np.testing.assert_allclose(found, cr.compile(d)(**values)[1]["b2"])
    assert [s.name for s in d.steps if s.given] == ["S"]  # what follows is written in ∂L/∂S


def test_the_assumption_names_what_it_is_about():
    def vector(z: "k", y: "k"):
        return -cr.sum(y * cr.log_softmax(z))

    def columns(Z: "k n", Y: "k n"):
        return -cr.sum(Y * cr.log_softmax(Z, axis=0))

    (s,) = cr.derive(vector, "z").steps
    assert s.text.splitlines()[-1].strip() == "= softmax(z) - y" and s.given == "if the entries of y sum to 1"
    (s,) = cr.derive(columns, "Z").steps
    assert s.given == "if each column of Y sums to 1"


def test_fan_out_is_a_sum():
    assert step(fan_out, "w").splitlines()[0] == "∂L/∂w = ∂L/∂b · ∂b/∂w + ∂L/∂a · ∂a/∂w"
    reasons = next(s.reason for s in cr.derive(fan_out).steps if s.name == "w")
    assert reasons.startswith("w is used in b and a, so their contributions add up")


def test_what_the_loss_reads_itself_is_a_derivative_at_fixed_others():
    assert step(ridge, "W").splitlines()[0] == "∂L/∂W = ∂L/∂r · ∂r/∂W + (∂L/∂W at fixed r)"
    latex = next(s.latex for s in cr.derive(ridge).steps if s.name == "W")
    assert r"\left.\frac{\partial L}{\partial W}\right|_{r}" in latex


def test_broadcasting_is_a_reason():
    reasons = {s.name: s.reason for s in cr.derive(softmax_mlp).steps}
    assert reasons["b1"] == "b1 was broadcast over n rows, so its adjoint sums over them"

    def scaled(x: "n m", s: ""):
        return cr.sum(cr.exp(s * x))

    assert "s stands in all (n, m) entries, so its adjoint sums over them" in cr.derive(scaled, "s").steps[0].reason


@pytest.mark.parametrize(
    ("notation", "text", "latex"),
    [("partial", "∂L/∂z", r"\frac{\partial L}{\partial z}"), ("∂L/∂z", "∂L/∂z", r"\frac{\partial L}{\partial z}"),
     ("bar", "z̄", r"\overline{z}"), ("z̄", "z̄", r"\overline{z}"), ("delta", "δ_z", r"\delta_{z}"),
     ("δ", "δ_z", r"\delta_{z}")],
)  # fmt: skip
def test_the_notation_of_adjoints_can_be_chosen(notation: str, text: str, latex: str):
    d = cr.derive(two_layer, wrt="W1", notation=notation)
    z = next(s for s in d.steps if s.name == "z")
    assert z.text.startswith(f"{text} = ")
    assert f"{latex} &= " in z.latex and latex in d.latex() and text in d.text()
    assert any(str(e).startswith(f"{text} = ") for e in d.equations())
    if not text.startswith("∂"):
        assert "∂L" not in d.text()


def test_an_unknown_notation_is_told_what_there_is():
    with pytest.raises(NamingError, match=r'no notation \'nabla\'.*"partial".*"bar".*"delta"'):
        cr.derive(two_layer, notation="nabla")


def test_the_bar_stands_on_the_first_letter():
    d = cr.derive(two_layer, wrt="W1", notation="bar")
    assert [s.text.split(" =")[0] for s in d.steps] == ["ȳhat", "ū", "z̄", "W̄1"]
    assert r"\overline{\hat{y}}" in d.latex()


def test_an_input_that_is_the_loss_and_one_that_is_not_used():
    (s,) = cr.derive(lambda x: x, x="").steps
    assert s.text == "∂x/∂x = 1.0" and s.reason == "x itself"
    (s,) = cr.derive(lambda x, y: x * 2, "y", x="", y="n").steps
    assert s.reason == "L does not depend on y"
    (s,) = [s for s in cr.derive(lambda x, c: cr.stop_gradient(x) * c, x="", c="").steps if s.name == "x"]
    assert s.reason == "L does not depend on x"


def test_the_parts_of_an_input_have_steps_and_the_input_is_their_stack():
    d = cr.derive(lambda x: x[0] * x[1] + cr.sin(x[0]), x=(2,))
    assert [s.text for s in d.steps] == [
        "∂L/∂x[0] = cos(x[0]) + x[1]",
        "∂L/∂x[1] = x[0]",
        "∂L/∂x = stack([∂L/∂x[0], ∂L/∂x[1]], axis=0)",
    ]
    np.testing.assert_allclose(evaluated([d["x"]], {"x": np.array([2.0, 3.0])})[0], [np.cos(2) + 3, 2])
    assert d["x[1]"] is d.graph["x"][0]
    assert r"\frac{\partial L}{\partial x\left[0\right]}" in d.latex()


def test_an_adjoint_is_written_in_those_of_its_own_consumers():
    def mean_of_three(x1: "n", x2: "n", W: "m n", y: "m"):
        z1 = cr.tanh(W @ x1)
        z2 = cr.tanh(W @ x2)
        m = (z1 + z2) / 2
        L = cr.sum(cr.exp(m - y))
        return L

    assert step(mean_of_three, "z1").splitlines()[-1].strip() == "= ∂L/∂m / 2"
    assert step(mean_of_three, "z2").splitlines()[-1].strip() == "= ∂L/∂m / 2"  # the same node as ∂L/∂z1
    assert "∂L/∂z2" in step(mean_of_three, "x2") and "∂L/∂z1" not in step(mean_of_three, "x2")


def test_what_was_recognised_is_said():
    def neuron(w: "n", x: "n"):
        z = w @ x
        p = 1 / (1 + cr.exp(-z))
        return -cr.log(p)

    z = next(s for s in cr.derive(neuron, "w").steps if s.name == "z")
    assert z.reason == "p is sigmoid(z)\nσ′ = σ(1 − σ)"


def test_what_was_recognised_in_layer_after_layer_keeps_its_names():
    def deep(x: "n", W1: "n n", W2: "n n", W3: "n n"):
        h = x
        for W in (W1, W2, W3):
            z = W @ h
            h = 1 / (1 + cr.exp(-z))
        return cr.sum(h**2)

    z = next(s for s in cr.derive(deep).steps if s.name == "z_3")
    assert z.text == "∂L/∂z_3 = ∂L/∂h_3 · ∂h_3/∂z_3\n        = ∂L/∂h_3 ⊙ h_3 ⊙ (1 - h_3)"
    assert z.reason == "h_3 is sigmoid(z_3)\nσ′ = σ(1 − σ)"


def test_a_part_that_comes_to_nothing_is_said_and_not_written():
    def centred(X: "n d", T: "n d"):
        mu = cr.mean(X, axis=0)
        v = cr.mean((X - mu) ** 2, axis=0)
        Xhat = (X - mu) / cr.sqrt(v + 1e-5)
        return cr.sum((Xhat - T) ** 2)

    mu = next(s for s in cr.derive(centred, "X").steps if s.name == "mu")
    assert "what comes through v cancels out" in mu.reason
    assert "0.0" not in mu.text and len(mu.text.splitlines()) == 2


def test_numbers_put_in_are_no_news():
    def f(W: "m n", x: "n", lam: ""):
        data = cr.sum((W @ x) ** 2)
        reg = lam * cr.sum(W**2)
        return data + reg

    assert step(f, "W").splitlines()[1:] == [
        "      = 2·∂L/∂reg·lam·W + 2·∂L/∂data·outer(W @ x, x)",
        "      = 2·(lam·W + outer(W @ x, x))",
    ]


def test_a_sum_is_not_expanded_into_something_longer():
    def rnn(x0: "n", x1: "n", W: "h n", U: "h h", b: "h", h0: "h"):
        h = h0
        for x in (x0, x1):
            h = cr.tanh(W @ x + U @ h + b)
        return cr.sum(h**2)

    assert step(rnn, "b").endswith("∂L/∂h_1 ⊙ (1 - h_1²)") and "⊙ h_1²" not in step(rnn, "b")


def test_reasons_of_products_with_a_batch():
    def f(X: "b t d", w: "d", G: "b t"):
        return cr.sum((X @ w) * G)

    reasons = {s.name: s.reason for s in cr.derive(f, ["X", "w"]).steps}
    assert "y = A x, so the adjoint of x is Aᵀ ȳ, summed over the batch" in reasons["w"]
    assert "y = A x, so the adjoint of A is ȳ xᵀ, for each matrix of the batch" in reasons["X"]


def test_targets_may_be_computed_from_the_data():
    def smoothed(Z: "n c", Y: "n c", eps: ""):
        P = cr.softmax(Z)
        T = (1 - eps) * Y + eps / Z.shape[1]
        return -cr.sum(T * cr.log(P)) / Z.shape[0]

    Z = next(s for s in cr.derive(smoothed, "Z").steps if s.name == "Z")
    assert Z.text.splitlines()[-1].strip() == "= (P - T) / n" and Z.given == "if each row of T sums to 1"


def test_a_softmax_by_hand_with_named_parts_ends_in_P_minus_Y():
    def by_parts(Z: "n c", y: "int[n]"):
        E = cr.exp(Z)
        S = cr.sum(E, axis=1, keepdims=True)
        P = E / S
        return -cr.mean(cr.log(P[cr.arange(Z.shape[0]), y]))

    assert [line.strip() for line in step(by_parts, "Z").splitlines()[1:]] == [
        "= ∂L/∂E ⊙ E",
        "= (-(one_hot(y, c) / (n·P)) / S + 1 / (n·S)) ⊙ E",
        "= (P - one_hot(y, c)) / n",
    ]
    assert step(by_parts, "S").splitlines()[-1].strip() == "= 1 / (n·S)"


def test_the_kinks_inside_a_meaning_are_conventions_too():
    hard = cr.Op(
        "steps_hard", shape=elementwise, elementwise=True, meaning=lambda x: x * cr.clip(x + 3, 0, 6) / 6
    )
    assert any("clip: ½ on a bound" in c for c in cr.derive(lambda x: cr.sum(hard(x)), x="n").conventions)


# Folding -----------------------------------------------------------------------------------------------------------


def chain(layers: int) -> cr.Graph:
    """A network as a person would write it without a loop."""
    scope: dict[str, Any] = {"cr": cr}
    weights = ", ".join(f"W{k}: 'd d'" for k in range(1, layers + 1))
    source = [f"def chain(x: 'd', y: 'd', {weights}):", "    h = x"]
    for k in range(1, layers + 1):
        source += [f"    z = W{k} @ h", "    h = cr.tanh(z)"]
    source += ["    L = cr.sum((h - y) ** 2)", "    return L"]
    exec("\n".join(source), scope)
    return cr.trace(scope["chain"])


def test_thirty_layers_are_one_step():
    d = cr.derive(chain(30))
    folds = [s for s in d.folded if not isinstance(s, type(d.steps[0]))]
    (fold,) = folds
    assert (fold.first, fold.last) == (30, 2)
    assert [s.name for s in fold.steps] == ["z[k]", "W[k]", "h[k - 1]"]
    assert len(fold.unfolded) == 29 * 3
    assert "for k = 30 … 2:" in d.text() and "for k = 2 … 30:" in d.text()
    assert "∂L/∂h[k - 1] = ∂L/∂z[k] · ∂z[k]/∂h[k - 1]\n                 = W[k]ᵀ @ ∂L/∂z[k]" in d.text()
    assert r"\qquad \text{for } k = 30, \dots, 2" in d.latex()
    assert r"\frac{\partial L}{\partial h_{(k-1)}}" in d.latex()
    assert len(d.text()) < 4000 < len(d.text(unfold=True))


def test_folded_and_unfolded_hold_the_same_steps():
    d = cr.derive(chain(6))
    flat = [s for item in d.folded for s in (item.unfolded if hasattr(item, "unfolded") else [item])]
    assert flat == d.steps
    text = d.text(unfold=True)
    assert all(s.text in text for s in d.steps) and "for k" not in text


def test_a_fold_says_of_each_layer_what_its_step_says():
    d = cr.derive(chain(5))
    (fold,) = (s for s in d.folded if hasattr(s, "unfolded"))
    for k, s in zip(range(fold.first, fold.last - 1, -1), range(0, len(fold.unfolded), len(fold.steps))):
        for general, special in zip(fold.steps, fold.unfolded[s : s + len(fold.steps)]):
            filled = general.text
            for stem, joint in (("W", ""), ("z", "_"), ("h", "_")):
                for number, written in ((k - 1, "k - 1"), (k, "k")):
                    filled = filled.replace(f"{stem}[{written}]", f"{stem}{joint}{number}")
            assert filled.split() == special.text.split()


def test_a_layer_of_another_form_is_not_folded_in():
    def f(x: "d", W1: "d d", W2: "d d", W3: "d d", W4: "d d", W5: "d d", W6: "d d", W7: "d d"):
        h = x
        for W in (W1, W2, W3):
            h = cr.tanh(W @ h)
        h = cr.relu(W4 @ h)
        for W in (W5, W6, W7):
            h = cr.tanh(W @ h)
        return cr.sum(h)

    d = cr.derive(f)
    for item in d.folded:
        if hasattr(item, "unfolded"):
            assert "relu" not in item.reason and 4 not in range(item.last, item.first + 1)


def test_two_layers_are_not_folded_and_stacked_weights_are():
    assert "for k" not in cr.derive(chain(2)).text()
    text = cr.derive(recurrent, ["W", "b"]).text()
    assert "h[k] = tanh(W[k - 1] @ h[k - 1] + b[k - 1])" in text
    assert "∂L/∂W = stack([∂L/∂W[0], ∂L/∂W[1], ∂L/∂W[2], ∂L/∂W[3], ∂L/∂W[4]], axis=0)" in text


def test_weights_may_count_several_for_each_layer():
    def blocks(x: "d", y: "d", W1: "h d", W2: "d h", W3: "h d", W4: "d h", W5: "h d", W6: "d h", W7: "h d", W8: "d h"):
        h = x
        for A, B in ((W1, W2), (W3, W4), (W5, W6), (W7, W8)):
            a = cr.tanh(A @ h)
            h = h + B @ a
        return cr.sum((h - y) ** 2)

    d = cr.derive(blocks)
    text, unfolded = d.text(), d.text(unfold=True)
    assert "a[k] = tanh(W[2·k - 1] @ h[k - 1])" in text and "for k = 4 … 2:" in text
    assert "∂L/∂W[2·k] = ∂L/∂h[k] · ∂h[k]/∂W[2·k]\n               = outer(∂L/∂h[k], a[k])" in text
    assert "∂L/∂W6 = ∂L/∂h_3 · ∂h_3/∂W6\n       = outer(∂L/∂h_3, a_3)" in unfolded
    assert r"W_{2k-1} \, h_{(k-1)}" in d.latex()


def test_the_letter_of_a_layer_is_one_that_is_free():
    def f(x: "k", y: "k", W1: "k k", W2: "k k", W3: "k k", W4: "k k"):
        h = x
        for W in (W1, W2, W3, W4):
            h = cr.tanh(W @ h)
        return cr.sum((h - y) ** 2)

    assert "for l = 4 … 2:" in cr.derive(f).text()


# The whole ---------------------------------------------------------------------------------------------------------


def test_conventions_are_said_once_and_only_those_that_matter():
    said = "\n".join(cr.derive(softmax_mlp).conventions)
    assert "denominator layout" in said and "relu′(0) = 0" in said and "norm" not in said
    text = cr.derive(softmax_mlp).text()
    assert text.count("denominator layout") == text.count("relu′(0) = 0") == 1
    assert "kinks" not in "\n".join(cr.derive(two_layer).conventions)
    assert "share the adjoint equally among ties" in "\n".join(cr.derive(by_hand).conventions)


def test_the_page_is_complete_in_itself():
    from xml.etree import ElementTree

    page = cr.derive(softmax_mlp).html()
    assert page.startswith("<!DOCTYPE html>") and "<script" not in page
    body = page[page.index("<body>") : page.index("</body>") + len("</body>")]
    tree = ElementTree.fromstring(body.replace("&nbsp;", " "))
    assert sum(1 for _ in tree.iter("math")) > 30
    links = [v for e in tree.iter() for k, v in e.attrib.items() if k in ("src", "href") and not v.startswith("#")]
    assert not links and "url(" not in page and "@import" not in page
    fragment = cr.derive(softmax_mlp)._repr_html_()
    assert "<html" not in fragment and "<math" in fragment and "<style>" in fragment


def test_latex_is_one_aligned_environment_with_balanced_braces():
    latex = cr.derive(softmax_mlp).latex()
    assert latex.startswith("\\begin{aligned}") and latex.endswith("\\end{aligned}")
    plain = latex.replace("\\{", "").replace("\\}", "")
    assert plain.count("{") == plain.count("}")
    assert LATEX.name("b1") in latex


def test_a_users_operation_has_a_reason_from_its_own_derivative():
    swish = cr.Op(
        "steps_swish", shape=elementwise, elementwise=True,
        vjp=lambda g, y, x: [g * (y + cr.sigmoid(x) * (1 - y))], meaning=lambda x: x * cr.sigmoid(x),
    )  # fmt: skip
    (s,) = cr.derive(lambda x: cr.sum(swish(x)), x="n").steps
    assert "y = steps_swish(x), so the adjoint of x is ȳ ⊙ (y + sigmoid(x) ⊙ (1 - y))" in s.reason
    mish = cr.Op("steps_mish", shape=elementwise, elementwise=True, meaning=lambda x: x * cr.tanh(cr.softplus(x)))
    (s,) = cr.derive(lambda x: cr.sum(mish(x)), x="n").steps
    assert "y = steps_mish(x) means x ⊙ tanh(softplus(x)), which is derived" in s.reason
    reason[mish] = lambda y, k: "(mish x)′ is found by the product rule"
    (s,) = cr.derive(lambda x: cr.sum(mish(x * 1.5)), x="n").steps
    assert "(mish x)′ is found by the product rule" in s.reason
