"""Costs against counts by hand, against the program's own operations counted while it runs, and against themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from counting import run_and_count
from networks import NETWORKS, assorted, two_layer

import chainrule as cr
from chainrule.engines import numpy as numpy_engine
from chainrule.engines import xla as xla_engine
from chainrule.graph.dims import symbol
from chainrule.graph.errors import GraphError, InputError, MissingRule, ShapeError
from chainrule.graph.node import CONST, LEAF, OPS, SIZE, Op, leaf, walk
from chainrule.views.cost import Cost, count
from chainrule.views.cost import cost as rules

n, d, h, k, m = map(symbol, "ndhkm")


SIZES = [dict(n=5, d=7, h=4, k=3, m=2), dict(n=2, d=3, h=11, k=6, m=13)]


def sizes_of(g: cr.Graph, sizes: dict[str, int]) -> dict[str, int]:
    return {name: sizes[name] for name in sorted(cr.cost(g).symbols)}


# By hand -----------------------------------------------------------------------------------------------------------


def test_two_layer_forward():
    c = cr.cost(two_layer)
    assert c.multiplications == h * n + m * h + m  # W1 x, W2 u, the squares
    assert c.additions == h * (n - 1) + m * (h - 1) + m + (m - 1)  # the products' sums, ŷ − y, Σ
    assert (c.comparisons, c.special) == (0, h)
    assert c.macs == h * n + m * h and c.flops == 2 * c.macs
    assert c.parameters == h * n + m * h


def test_two_layer_backward():
    back = cr.derive(two_layer, wrt=["W1", "W2"]).cost.backward
    # 2(ŷ − y); its product with uᵀ; W2ᵀ times it; ⊙ u ⊙ (1 − u); the product with xᵀ
    assert back.multiplications == m + m * h + h * m + 2 * h + h * n
    assert back.additions == h * (m - 1) + h
    assert (back.comparisons, back.special, back.parameters) == (0, 0, 0)
    assert back.macs == 2 * m * h + h * n


def test_a_gradient_nobody_asked_for_is_not_counted():
    everything = cr.derive(two_layer).cost.backward
    some = cr.derive(two_layer, wrt=["W1", "W2"]).cost.backward
    assert everything.macs - some.macs == n * h  # W1ᵀ ∂L/∂z
    last = cr.derive(two_layer, wrt=["W2"]).cost
    assert last.backward.multiplications == m + m * h
    assert last.parameters == m * h
    assert last.forward == replace(cr.cost(two_layer), parameters=m * h)


def test_saved_for_the_backward_pass():
    saved = cr.derive(two_layer, wrt=["W1", "W2"]).cost.saved_bytes
    assert saved() == 4 * (h + m)  # u and ŷ − y
    assert saved(itemsize=8) == 8 * (h + m)
    assert cr.derive(two_layer, wrt=["W2"]).cost.saved_bytes() == 4 * (h + m)
    # an array and its views are one array; inputs and parameters are none; `t > 0` is made in the backward pass
    c = cr.derive(lambda X, W: cr.sum(cr.tanh(X @ W).T @ X), wrt=["W"], X="n d", W="d h").cost
    assert c.saved_bytes() == 4 * n * h
    assert cr.derive(lambda x: cr.sum(x * x), x="n").cost.saved_bytes() == 0
    # a condition that the forward pass computed takes a byte an entry
    chosen = cr.derive(lambda x: cr.sum(cr.where(x > 0, cr.exp(x), x)), x="n").cost
    assert chosen.saved == {"boolean": n, "real": n}
    assert chosen.saved_bytes() == 5 * n and chosen.at(n=10).saved_bytes(8) == 90


def test_convolution_as_a_product_of_patches():
    shapes = dict(X=(46 * 62, 90), W=(90, 20))
    bare = cr.cost(lambda X, W: X @ W, **shapes)
    assert (bare.multiplications, bare.additions, bare.macs) == (5_133_600, 5_076_560, 5_133_600)
    c = cr.cost(lambda X, W, b: X @ W + b, b=(20,), **shapes)
    assert (c.multiplications, c.additions, c.parameters) == (5_133_600, 5_133_600, 1_820)
    assert c.flops == 10_267_200


x_n, x_nd = dict(x="n"), dict(x="n d")
N, ND = n, n * d
EXPECTED = [
    # function, shapes, multiplications, additions, comparisons, special
    (lambda x: x**2, x_nd, ND, 0, 0, 0),
    (lambda x: x**3, x_nd, 2 * ND, 0, 0, 0),
    (lambda x: x**8, x_nd, 3 * ND, 0, 0, 0),
    (lambda x: x**10, x_nd, 4 * ND, 0, 0, 0),
    (lambda x: x**4.0, x_nd, 2 * ND, 0, 0, 0),
    (lambda x: x**0.5, x_nd, 0, 0, 0, ND),
    (lambda x: x**-1, x_nd, 0, 0, 0, ND),
    (lambda x: x**1, x_nd, 0, 0, 0, 0),
    (lambda x: 2**x, x_nd, 0, 0, 0, ND),
    (lambda x: -x, x_nd, 0, 0, 0, 0),
    (lambda x: 3 * x, x_nd, ND, 0, 0, 0),
    (lambda x: 2 / cr.sqrt(x.shape[0]) * x, x_nd, ND, 0, 0, 0),  # 2/√n is a number
    (lambda x: x / 3, x_nd, 0, 0, 0, ND),
    (lambda x: 1 - x, x_nd, 0, ND, 0, 0),
    (lambda x, b: x + b, dict(x="n d", b="d"), 0, ND, 0, 0),
    (lambda x: cr.sum(x), x_nd, 0, ND - 1, 0, 0),
    (lambda x: cr.sum(x, axis=0), x_nd, 0, ND - d, 0, 0),
    (lambda x: cr.mean(x, axis=1), x_nd, 0, ND - n, 0, n),
    (lambda x: cr.max(x, axis=1, keepdims=True), x_nd, 0, 0, ND - n, 0),
    (lambda x: cr.argmax(x, axis=0), x_nd, 0, 0, ND - d, 0),
    (lambda x: cr.norm(x, axis=1), x_nd, ND, ND - n, 0, n),
    (lambda x: cr.softmax(x), x_nd, 0, ND + (ND - n), ND - n, 2 * ND),
    (lambda x: cr.log_softmax(x), x_nd, 0, 2 * ND + (ND - n), ND - n, ND + n),
    (lambda x: cr.logsumexp(x), x_nd, 0, ND + (ND - 1) + 1, ND - 1, ND + 1),
    (lambda x: cr.log(cr.sum(cr.exp(x), axis=1)), x_nd, 0, 2 * ND, ND - n, ND + n),  # runs as a logsumexp
    (lambda x: cr.relu(x), x_nd, 0, 0, ND, 0),
    (lambda x: cr.leaky_relu(x), x_nd, ND, 0, ND, 0),
    (lambda x: cr.elu(x), x_nd, 0, 0, ND, ND),
    (lambda x: cr.elu(x, 0.5), x_nd, ND, 0, ND, ND),
    (lambda x: cr.silu(x), x_nd, ND, 0, 0, ND),
    (lambda x: cr.clip(x, 0, 1), x_nd, 0, 0, 2 * ND, 0),
    (lambda x: cr.abs(x), x_nd, 0, 0, 0, 0),
    (lambda x: cr.sign(x), x_nd, 0, 0, ND, 0),
    (lambda x: cr.where((x > 0) & (x < 1), x, 0), x_nd, 0, 0, 2 * ND, 0),
    (lambda x, y: cr.xlogy(x, y), dict(x="n", y="n"), N, 0, 0, N),
    (lambda x: cr.reshape(cr.flip(x.T), (-1,))[3:], x_nd, 0, 0, 0, 0),
    (lambda x: cr.stack([cr.pad(x, 1), cr.pad(x, 1)]), x_nd, 0, 0, 0, 0),
    (lambda x, i: cr.take(x, i), dict(x="n", i="int[m]"), 0, 0, 0, 0),
    (lambda x, y: x @ y, dict(x="n", y="n"), N, N - 1, 0, 0),
    (lambda x, y: x @ y, dict(x="m n h", y="h k"), m * n * h * k, m * n * k * (h - 1), 0, 0),
    (lambda x, y: cr.outer(x, y), dict(x="n", y="m"), n * m, 0, 0, 0),
    (lambda x: cr.tr(x), dict(x="n n"), 0, N - 1, 0, 0),
    (lambda x: cr.einsum("nd->d", x), x_nd, 0, ND - d, 0, 0),
    (lambda x: cr.einsum("nn->", x), dict(x="n n"), 0, N - 1, 0, 0),
    (lambda x, y: cr.einsum("nd,dh->nh", x, y), dict(x="n d", y="d h"), ND * h, n * h * (d - 1), 0, 0),
    (lambda x, y: cr.einsum("i,j,ij->", x, y, cr.outer(x, y)), dict(x="n", y="m"), 2 * n * m + m, n * m - 1, 0, 0),
]


@pytest.mark.parametrize("f, shapes, multiplications, additions, comparisons, special", EXPECTED)
def test_one_operation(f, shapes, multiplications, additions, comparisons, special):
    c = cr.cost(f, **shapes)
    assert (c.multiplications, c.additions) == (multiplications, additions)
    assert (c.comparisons, c.special) == (comparisons, special)


def test_macs_are_those_of_contractions():
    assert cr.cost(lambda x, y: cr.outer(x, y) * 2, x="n", y="m").macs == n * m
    assert cr.cost(lambda x, y: cr.sum(x * y), x="n", y="n").macs == 0
    assert cr.cost(lambda x: cr.einsum("nd->d", x), x="n d").macs == 0
    assert cr.cost(lambda x, y: cr.einsum("nd,n->nd", x, y), x="n d", y="n").macs == 0
    assert cr.cost(lambda x, y: cr.einsum("n,d->nd", x, y), x="n", y="d").macs == n * d
    assert cr.cost(lambda x, y: cr.einsum("nd,nd->n", x, y), x="n d", y="n d").macs == n * d
    chain = cr.cost(lambda x, y, z: cr.einsum("ij,jk,kl->il", x, y, z), x="n d", y="d h", z="h k")
    assert chain.macs == n * h * (d + k)


def test_putting_back_adds():
    back = cr.derive(lambda x, i: cr.sum(cr.exp(x[i])), x="n", i="int[m]").cost.backward
    assert (back.additions, back.multiplications) == (m, 0)


def test_what_is_shared_is_counted_once():
    assert cr.cost(lambda x: cr.exp(x) + cr.exp(x), x="n").special == n
    g = cr.trace(lambda x: (cr.exp(x), cr.sum(cr.exp(x))), x="n")  # two outputs
    assert (cr.cost(g).special, cr.cost(g).additions) == (n, n - 1)


def test_updates_are_part_of_the_program():
    g = cr.trace(lambda x, w: cr.sum(x * w), x="n", w="n")
    g.updates["w"] = g["w"] - 0.1 * g["x"]
    assert cr.cost(g).multiplications == 2 * n and cr.cost(g).additions == (n - 1) + n


# The program that runs ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("f", NETWORKS)
def test_the_program_does_what_was_counted(f):
    sizes = SIZES[0]
    g = cr.trace(f)
    derivation = cr.derive(f)
    for target, counted in ((g, cr.cost(g)), (derivation, derivation.cost.total)):
        seen, numbers = run_and_count(target, sizes), counted.at(**sizes_of(g, sizes))
        for name in ("multiplications", "additions", "comparisons", "special", "macs"):
            if (f, target, name) != (assorted, derivation, "comparisons"):  # guards against 0/0 are not counted
                assert seen[name] == getattr(numbers, name), name


@pytest.mark.parametrize("f", NETWORKS)
def test_the_forward_part_is_the_program_of_the_loss_alone(f):
    forward = cr.derive(f).cost.forward
    assert forward == replace(cr.cost(f), parameters=forward.parameters)  # the parameters are those asked for


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("f", NETWORKS)
def test_sizes_may_be_given_before_or_after(f, sizes):
    g = cr.trace(f)
    kinds = {"integer": "int[{}]", "boolean": "bool[{}]", "real": "{}"}
    numbers = {name: " ".join(str(sizes.get(str(s), s)) for s in x.shape) for name, x in g.inputs.items()}
    shapes = {name: kinds[x.kind].format(numbers[name]) for name, x in g.inputs.items()}
    now, later = sizes_of(g, sizes), cr.trace(f, **shapes)
    assert cr.cost(g).at(**now) == cr.cost(later)
    assert cr.derive(g).cost.at(**now) == cr.derive(later).cost


def test_backward_is_twice_forward_less_the_gradient_of_the_data():
    def deep(X, Y, W1, W2, W3):
        return cr.mean((cr.tanh(cr.tanh(X @ W1) @ W2) @ W3 - Y) ** 2)

    shapes = dict(X="n d", Y="n k", W1="d h", W2="h m", W3="m k")
    c = cr.derive(deep, wrt=["W1", "W2", "W3"], **shapes).cost
    assert c.backward.macs == 2 * c.forward.macs - n * d * h
    assert cr.derive(deep, **shapes).cost.backward.macs == 2 * c.forward.macs
    at = c.at(n=50, d=2, h=300, m=200, k=10)
    assert at.ratio == 2 - 2 * 300 / (2 * 300 + 300 * 200 + 200 * 10)
    assert cr.derive(deep, wrt=[*"XY", "W1", "W2", "W3"], **shapes).cost.at(n=5, d=2, h=3, m=4, k=6).ratio == 2


# The object --------------------------------------------------------------------------------------------------------


def test_costs_add_up():
    a, b = cr.cost(lambda x: cr.exp(x) + 1, x="n"), cr.cost(lambda x, W: W @ x, x="n", W="m n")
    both = a + b
    assert both == sum([a, b]) == Cost(n * m, n * m - m + n, 0, n, n * m, n * m)
    assert 3 * a == a + a + a and n * a == Cost(0, n * n, 0, n * n)
    assert both.at(n=3, m=2).additions == 7
    total = cr.derive(two_layer, wrt=["W1", "W2"]).cost.total
    assert total.parameters == cr.cost(two_layer).parameters


def test_some_sizes_at_a_time():
    c = cr.cost(two_layer)
    assert c.at(h=4).macs == 4 * n + 4 * m
    assert c.at(h=4).at(n=3, m=2) == c.at(n=3, h=4, m=2)
    d_cost = cr.derive(two_layer, wrt=["W2"]).cost
    assert d_cost.backward.at(n=3, h=4, m=2).macs == 8  # n is a size of the network, though nothing here depends on it
    assert d_cost.at(h=4).at(n=3, m=2) == d_cost.at(n=3, h=4, m=2)


def test_errors_say_what_is_meant():
    c = cr.cost(two_layer)
    with pytest.raises(InputError, match="no size called q: the sizes are h, m, n"):
        c.at(n=3, q=2)
    with pytest.raises(InputError, match="no size called h: all sizes are numbers"):
        c.at(n=3, h=2, m=1).at(h=4)
    for wrong in (0, -1, 2.5, True, "d"):
        with pytest.raises(InputError, match=f"the size n must be an integer, at least 1, not {wrong!r}"):
            c.at(n=wrong)
    assert type(c.at(n=np.int64(3), h=2, m=1).macs) is int
    derivation = cr.derive(two_layer)
    with pytest.raises(GraphError, match=r"d\.cost"):
        cr.cost(derivation)
    with pytest.raises(GraphError, match=r"cr\.cost\(g\)\.at\(n="):
        cr.cost(cr.trace(two_layer), n=3)
    with pytest.raises(ShapeError, match=r"depends on h, m, n: ask d\.cost\.at\(h="):
        _ = derivation.cost.ratio
    with pytest.raises(GraphError, match="no matrix product and no convolution"):
        _ = cr.derive(lambda x: cr.sum(x**2), x=3).cost.ratio


def test_text():
    text = str(cr.derive(two_layer, wrt=["W1", "W2"]).cost)
    lines = text.splitlines()
    assert lines[0].split() == ["forward", "backward"]
    assert lines[5].split("  ")[0] == "MACs" and "h·(m + n)" in lines[5] and "h·(2·m + n)" in lines[5]
    assert "1 MAC = 1 multiplication + 1 addition; FLOPs = 2·MACs" in text
    assert lines[-2] == "saved for the backward pass: 4·(h + m) bytes, at 4 for each real number"
    again = "h·(m + n) multiplications, h·(m + n - 1) additions, h special functions"
    assert lines[-1] == f"computed again instead: {again}; see .recomputing(keep=[...])"
    starts = {line.index(cell) for line, cell in zip(lines[:2], ("backward", "2·h·m"))}
    assert len(starts) == 1  # aligned


# The table ---------------------------------------------------------------------------------------------------------


def test_every_operation_with_a_kernel_has_a_rule_and_no_other():
    own = {op for op in rules if op.shape.__module__.startswith("chainrule.")} - {LEAF, CONST, SIZE}
    for engine in (numpy_engine, xla_engine):
        assert own == {op for op in engine.kernel if op.shape.__module__.startswith("chainrule.")} - {LEAF, CONST, SIZE}


def test_an_operation_of_ones_own():
    cube = Op("cost_test_cube", shape=lambda x: x, elementwise=True, meaning=lambda x: x * x * x)
    strange = Op("cost_test_strange", shape=lambda x: x, elementwise=True, vjp=lambda g, y, x: [g])
    try:
        assert cr.cost(lambda x: cube(x), x="n").multiplications == 2 * n
        rules[cube] = lambda node: Cost(special=n)
        assert cr.cost(lambda x: cube(x), x="n").special == (n if cube.vjp else 0)
        with pytest.raises(MissingRule, match=r"no rule for the operation `cost_test_strange`"):
            cr.cost(lambda x: strange(x), x="n")
        rules[strange] = lambda node: Cost(special=n)
        assert cr.cost(lambda x: strange(x), x="n").special == n
    finally:
        for op in (cube, strange):
            rules.pop(op, None)
            del OPS[op.name]


def test_large_graphs():
    y = x = leaf("x", ("n", "d"))
    for j in range(10_000):
        y = cr.tanh(y + j % 7) * x
    c = count(walk(y))
    assert (c.multiplications, c.additions, c.special) == (10_000 * n * d,) * 3
