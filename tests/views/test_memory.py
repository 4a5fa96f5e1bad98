"""Results computed again instead of kept: what is executed, what is held, by hand and against the programs that run."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from counting import run_and_count
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import NETWORKS, two_layer

import chainrule as cr
from chainrule.graph.dims import symbol
from chainrule.graph.errors import GraphError, InputError, NamingError, ShapeError
from chainrule.graph.node import LEAF, walk
from chainrule.views.counts import Cost

n, d, h, m = map(symbol, "ndhm")
SIZES = dict(n=5, d=7, h=4, k=3, m=2)
COUNTS = ("multiplications", "additions", "comparisons", "special", "macs")
DERIVED = [cr.derive(f) for f in NETWORKS]


def chain(layers: int) -> cr.Derivation:
    """h[k] = tanh(h[k − 1] W[k]), the loss a sum of cubes."""
    weights = [f"W{k}" for k in range(1, layers + 1)]
    lines = [f"    h{k} = cr.tanh({f'h{k - 1}' if k > 1 else 'X'} @ W{k})" for k in range(1, layers + 1)]
    text = f"def chain(X, {', '.join(weights)}):\n" + "\n".join(lines) + f"\n    return cr.sum(h{layers} ** 3)\n"
    scope: dict = {"cr": cr}
    exec(text, scope)
    return cr.derive(cr.trace(scope["chain"], X="n d", **dict.fromkeys(weights, "d d")), wrt=weights)


def skipping(X: "n d", W1: "d d", W2: "d d", W3: "d d", s: "d"):
    h1 = cr.tanh(X @ W1)
    gate = cr.sigmoid(X * s)
    h2 = cr.tanh(h1 @ W2) * gate + h1
    h3 = cr.relu(h2 @ W3) * gate
    return cr.sum((h3 * h1) ** 2)


def recurrent(x: "t n", W: "h h", U: "h n", s: "h"):
    for step in range(4):
        s = cr.tanh(W @ s + U @ x[step % 2])
    return cr.sum(s**2)


def reshaped(X: "n d", W: "d h"):
    Z = X @ W
    R = cr.reshape(Z.T, (-1,))
    E = cr.exp(R)
    return cr.sum(E * R) / X.shape[0]


OTHERS = [chain(5), cr.derive(skipping), cr.derive(recurrent), cr.derive(reshaped)]
ALL = DERIVED + OTHERS


def computed(derivation: cr.Derivation) -> list[str]:
    """The quantities that can be kept."""
    passes = derivation.cost.passes
    ahead = set(walk(passes.value))
    return sorted(name for name, x in passes.quantities.items() if x in ahead and x.op is not LEAF)


def point(graph: cr.Graph, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes, found = SIZES | dict(t=6), {}
    for name, x in graph.inputs.items():
        shape = [sizes[str(s)] for s in x.shape]
        found[name] = rng.integers(0, 2, shape) if x.kind == "integer" else rng.uniform(-0.9, 0.9, shape)
    return found


# By hand -----------------------------------------------------------------------------------------------------------


def test_a_chain_computed_again():
    c = chain(6).cost
    assert c.saved_bytes() == 6 * 4 * n * d
    assert c.recomputed == Cost(6 * n * d * d, 6 * n * d * (d - 1), special=6 * n * d, macs=6 * n * d * d)
    none = c.recomputing()
    assert none.again == c.recomputed and none.kept_bytes() == 0
    two = c.recomputing(["h2", "h4"])
    assert two.kept_bytes() == 2 * 4 * n * d and two.kept_bytes(8) == 2 * 8 * n * d
    assert two.again.macs == 4 * n * d * d  # all but the checkpoints
    assert c.recomputing([f"h{k}" for k in range(1, 7)]).again == Cost()
    assert c.recomputing("h6").again.macs == 5 * n * d * d
    assert c.recomputing(["h2", "h2"]).again == c.recomputing(["h2"]).again


def test_the_end_of_the_forward_pass_is_not_computed_again():
    c = cr.derive(two_layer, wrt=["W1", "W2"]).cost
    # u, for σ′ and for ∂L/∂W2, and ŷ − y; but not the squares and their sum
    assert c.recomputed == Cost(h * n + m * h, h * (n - 1) + m * (h - 1) + m, special=h, macs=h * n + m * h)
    assert cr.derive(two_layer, wrt=["W2"]).cost.recomputing("u").again == Cost(m * h, m * (h - 1) + m, macs=m * h)


def test_what_a_later_segment_reads_is_kept_too():
    c = cr.derive(skipping).cost
    kept = c.recomputing(["h2"])
    assert kept.kept_bytes() == 3 * 4 * n * d  # h2; and h1 and gate, which h3 and the loss read past it
    assert kept.again.macs == 2 * n * d * d
    assert c.recomputing(["h1"]).kept_bytes() == 4 * n * d  # the gate can wait until h2 is computed again


def test_views_of_a_checkpoint_are_free():
    c = cr.derive(reshaped).cost
    for keep in ("Z", "R"):
        kept = c.recomputing(keep)
        assert kept.again == Cost(special=n * h) and kept.kept_bytes() == 4 * n * h


def test_an_input_cannot_be_kept():
    said = "keep: 'X' is not computed in the forward pass, it is an input, which is there anyway; it computes h1, h2"
    for use in (lambda d: d.cost.recomputing(["h1", "X"]), lambda d: cr.compile(d, keep="X")):
        with pytest.raises(NamingError, match=said):
            use(chain(3))


def test_nothing_to_compute_again():
    c = cr.derive(lambda x: cr.sum(x * x), x="n").cost
    assert c.recomputed == Cost() and c.recomputing().peak_bytes is not None
    assert str(c).endswith("computed again instead: nothing; see .recomputing(keep=[...])")


def test_names_that_cannot_be_kept():
    def f(X: "n d", Y: "n d"):
        P = cr.softmax(X)
        return -cr.sum(Y * cr.log(P))

    c = cr.derive(f, wrt="X").cost
    with pytest.raises(NamingError, match="keep: 'P' is not computed in the forward pass, the program gets round it"):
        c.recomputing(["P"])
    with pytest.raises(NamingError, match=r"keep: 'Q' is not computed .*, the graph has no such quantity; it computes"):
        c.recomputing(["Q"])
    with pytest.raises(NamingError, match="keep: 'Q'"):
        cr.compile(cr.derive(f), keep=["Q"])
    with pytest.raises(GraphError, match=r"keep= says what waits for a backward pass, and a graph has none"):
        cr.compile(f, keep=["P"])


def test_at_sizes():
    c = chain(4).cost.at(n=10, d=20)
    again = c.recomputing(["h2"])
    assert again.again.macs == c.recomputing("h2").again.macs == 3 * 10 * 400
    assert chain(4).cost.recomputing("h2").at(n=10, d=20) == again
    text = str(again)
    assert "3·n·d² = 12,000" in text and "again, keeping h2" in text and "4·n·d = 800" in text
    assert again.as_dict()["kept_bytes"] == {"polynomial": "4·n·d", "value": 800}
    assert "<table>" in again._repr_html_()
    with pytest.raises(ShapeError, match="the largest of several polynomials depends on d, n"):
        chain(4).cost.recomputing().peak_bytes()
    with pytest.raises(InputError, match="no size called q"):
        again.at(q=3)


# The programs that run ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("derivation", DERIVED, ids=lambda d: d.graph.name)
@pytest.mark.parametrize("every", [0, 1, 2, 3])
def test_what_is_counted_is_what_is_executed_again(derivation, every):
    names = computed(derivation)[::every] if every else []
    plain = run_and_count(derivation, SIZES)
    again = run_and_count(derivation, SIZES, keep=names)
    counted = derivation.cost.recomputing(names).again
    counted = counted.at(**{name: SIZES[name] for name in counted.symbols})
    for name in COUNTS:
        assert again[name] - plain[name] == getattr(counted, name), name


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_gradients_are_the_same(data):
    derivation = data.draw(st.sampled_from(ALL))
    names = data.draw(st.lists(st.sampled_from(computed(derivation)), unique=True))
    at = point(derivation.graph)
    value, gradients = cr.compile(derivation)(**at)
    other, others = cr.compile(derivation, keep=names)(**at)
    assert value == other
    for name in gradients:
        np.testing.assert_array_equal(gradients[name], others[name])
    for name, array in point(derivation.graph).items():
        np.testing.assert_array_equal(at[name], array)  # inputs are left alone


@pytest.mark.parametrize("derivation", OTHERS, ids=lambda d: d.graph.name)
def test_the_gradients_are_the_same_on_xla(derivation):
    at = point(derivation.graph)
    value, gradients = cr.compile(derivation)(**at)
    run = cr.compile(derivation, engine="xla", keep=computed(derivation)[1:2])
    assert "optimization_barrier" in run.source and "del " not in run.source
    other, others = run(**at)
    np.testing.assert_allclose(value, other, rtol=1e-12)
    for name in gradients:
        np.testing.assert_allclose(gradients[name], others[name], rtol=1e-10, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_result_is_computed_more_than_twice(data):
    derivation = data.draw(st.sampled_from(ALL))
    names = data.draw(st.lists(st.sampled_from(computed(derivation)), unique=True))
    c = derivation.cost
    found = c.recomputing(names)
    order = found.program.order
    assert len(set(order)) == len(order)
    place = {x: j for j, x in enumerate(order)}
    assert all(place[a] < place[x] for x in order for a in x.args)  # arguments first
    sizes = {name: 3 for name in c.forward.symbols | c.backward.symbols}
    at, again = c.at(**sizes), found.at(**{name: 3 for name in found.again.symbols})
    for name in COUNTS:
        assert getattr(again.again, name) <= getattr(at.recomputed, name) <= getattr(at.forward, name)


def test_a_program_that_computes_again_reads_like_one():
    text = cr.compile(chain(4), keep=["h2"]).source
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    third = [lines.index(line) for line in ("h3 = np.tanh(t3)", "del h3", "h3_again = np.tanh(t7)", "del h3_again")]
    second = [lines.index(line) for line in ("h2 = np.tanh(t2)", "dW3 = h2.T @ t10", "del h2")]
    assert third == sorted(third) and second == sorted(second) and "h2_again" not in text
    assert "del" not in cr.compile(chain(4)).source


# Memory ------------------------------------------------------------------------------------------------------------


def peak(run, at) -> int:
    run(**at)
    tracemalloc.start()
    try:
        run(**at)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("keep", [[], ["h4", "h8", "h12"], ["h8"], [f"h{k}" for k in range(1, 17)]], ids=len)
def test_the_peak_is_the_one_that_is_measured(keep):
    derivation, sizes = chain(16), dict(n=200, d=40)
    rng = np.random.default_rng(0)
    at = {k: rng.normal(size=(200 if k == "X" else 40, 40)) for k in derivation.graph.inputs}
    counted = derivation.cost.at(**sizes).recomputing(keep).peak_bytes(itemsize=8)
    measured = peak(cr.compile(derivation, keep=keep), at)
    a_layer = 8 * 200 * 40
    assert counted - a_layer <= measured < counted + a_layer / 2  # one array may be used again in place


def test_checkpoints_lower_the_peak():
    c = chain(25).cost.at(n=1000, d=10)
    layer = 4 * 1000 * 10
    whole, roots = c.recomputing().peak_bytes(), c.recomputing(["h5", "h10", "h15", "h20"]).peak_bytes()
    assert whole > 25 * layer
    assert roots < 13 * layer  # four checkpoints, five layers, and what the backward pass is at
