"""Costs divided among named quantities: by hand, and as sums that come out exactly whatever has a name."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import NETWORKS, classifier, one_output, two_layer

import chainrule as cr
from chainrule.graph.dims import symbol
from chainrule.graph.errors import GraphError
from chainrule.graph.node import LEAF, walk
from chainrule.views.counts import Cost
from chainrule.views.grid import Counted, Grid

n, d, h, k, m = map(symbol, "ndhkm")
DERIVED = [cr.derive(f) for f in NETWORKS]


def counts(steps) -> dict[str, Cost]:
    return {step.quantity: step.cost for step in steps}


# By hand -----------------------------------------------------------------------------------------------------------


def test_two_layers_step_by_step():
    steps = cr.derive(two_layer, wrt=["W1", "W2"]).cost.steps
    assert [(s.name, s.quantity, s.part, s.shape) for s in steps] == [
        ("z", "z", "forward", (h,)),
        ("u", "u", "forward", (h,)),
        ("yhat", "yhat", "forward", (m,)),
        ("L", "L", "forward", ()),
        ("yhat", "∂L/∂yhat", "backward", (m,)),
        ("W2", "∂L/∂W2", "backward", (m, h)),
        ("u", "∂L/∂u", "backward", (h,)),
        ("z", "∂L/∂z", "backward", (h,)),
        ("W1", "∂L/∂W1", "backward", (h, n)),
    ]
    assert counts(steps) == {
        "z": Cost(h * n, h * (n - 1), macs=h * n),
        "u": Cost(special=h),
        "yhat": Cost(m * h, m * (h - 1), macs=m * h),
        "L": Cost(m, m + (m - 1)),  # ŷ − y, its squares, their sum
        "∂L/∂yhat": Cost(m),  # 2(ŷ − y), of the difference that L made
        "∂L/∂u": Cost(h * m, h * (m - 1), macs=h * m),
        "∂L/∂z": Cost(2 * h, h),
        "∂L/∂W1": Cost(h * n, macs=h * n),
        "∂L/∂W2": Cost(m * h, macs=m * h),
    }


def test_a_quantity_that_the_program_gets_round_costs_nothing():
    def f(X: "n d", Y: "n k", W: "d k"):
        Z = X @ W
        P = cr.softmax(Z)
        L = -cr.sum(Y * cr.log(P))
        return L

    c = cr.derive(f, wrt="W").cost
    step = {s.quantity: s for s in c.steps}
    assert not step["P"].computed and step["P"].cost == Cost() and not step["∂L/∂P"].computed
    assert step["L"].computed and step["L"].cost.special != 0  # log softmax in one go
    assert step["∂L/∂Z"].cost.special == n * k  # P after all, from its logarithm
    assert "–" in str(c.table()) and "–: the program gets round this quantity" in str(c.table())
    assert sum(s.cost for s in c.forward.steps) == replace(c.forward, parameters=0)


def test_work_without_a_name_stands_with_the_first_that_needs_it():
    def f(x: "n", W: "m n"):
        a = cr.exp(W @ x)
        b = cr.sum(W @ x) + cr.sum(a)
        return b

    first, second = cr.cost(f).steps
    assert (first.name, first.cost.macs, first.cost.special) == ("a", n * m, m)
    assert (second.name, second.cost.macs, second.cost.additions) == ("b", 0, 2 * m - 1)


def test_one_node_with_two_names_is_paid_for_once():
    def f(x: "n"):
        p = cr.exp(x) / cr.sum(cr.exp(x))
        q = cr.softmax(x)
        return cr.sum(p * q)

    p, q, _ = cr.cost(f).steps
    assert (p.cost, q.cost) == (cr.cost(lambda x: cr.softmax(x), x="n"), Cost()) and q.computed


def test_states_are_steps():
    g = cr.trace(lambda x, w: cr.sum(x * w), x="n", w="n")
    g.updates["w"] = g["w"] - 0.1 * g["x"]
    assert counts(cr.cost(g).steps) == {"output": Cost(n, n - 1), "w ←": Cost(n, n)}


def test_a_gradient_in_a_quantity_inside():
    c = cr.derive(two_layer, wrt=["u"]).cost
    assert [s.quantity for s in c.backward.steps] == ["∂L/∂yhat", "∂L/∂u"]
    assert c.backward.macs == h * m


def test_an_input_that_the_loss_does_not_depend_on():
    c = cr.derive(lambda x, y: cr.sum(x**2), wrt=["x", "y"], x="n", y="n").cost
    assert counts(c.backward.steps)["∂L/∂y"] == Cost()


# As the derivation has them ----------------------------------------------------------------------------------------


def recurrent(W: "4 n n", U: "n d", x: "d", s: "n"):
    h = s
    for k in range(4):
        h = cr.tanh(W[k] @ h + U @ x)
    return cr.sum(h**2)


def stopped(x: "n", W: "n n", b: "n"):
    a = cr.stop_gradient(W @ x)
    c = cr.exp(a * b)
    unused = cr.sum(W)  # noqa: F841
    return cr.sum(c)


@pytest.mark.parametrize("f", [*NETWORKS, one_output, recurrent, stopped], ids=lambda f: f.__name__)
def test_the_steps_are_those_of_the_derivation(f):
    for asked in (None, ["W"] if f in (recurrent, stopped) else None):
        d = cr.derive(f, wrt=asked)
        assert [s.name for s in d.cost.backward.steps] == [s.name for s in d.steps]
        assert [s.shape for s in d.cost.backward.steps] == [d[s.name].shape for s in d.steps]


def test_the_parts_of_an_input_are_steps():
    steps = {s.quantity: s for s in cr.derive(recurrent, wrt="W").cost.backward.steps}
    assert steps["∂L/∂W[3]"].shape == (n, n) and steps["∂L/∂W[3]"].cost.macs == n * n
    assert list(steps)[-1] == "∂L/∂W" and steps["∂L/∂W"].cost.macs == 0


def test_the_adjoints_are_written_as_in_the_derivation():
    for notation, written in (("bar", ["ū", "z̄", "W̄1"]), ("delta", ["δ_u", "δ_z", "δ_W1"])):
        d = cr.derive(two_layer, wrt="W1", notation=notation)
        assert [s.quantity for s in d.cost.backward.steps][1:] == written
        assert all(s.text.startswith(f"{step.quantity} ") for s, step in zip(d.steps, d.cost.backward.steps))
        assert f"\n{written[0]} " in str(d.cost.table())


# Sums --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("derivation", DERIVED, ids=lambda d: d.graph.name)
def test_steps_add_up(derivation):
    c = derivation.cost
    for part in (c.forward, c.backward, cr.cost(derivation.graph)):
        total = sum(step.cost for step in part.steps)
        assert total == replace(part, parameters=0)
        assert (total.results, total.biases) == (part.results, part.biases)
    assert c.steps == c.forward.steps + c.backward.steps
    assert {s.part for s in c.backward.steps} == {"backward"}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_steps_add_up_whatever_has_a_name(data):
    derivation = data.draw(st.sampled_from(DERIVED))
    g = derivation.graph
    inside = [x for x in walk(g.output) if x.op is not LEAF and x.args]
    chosen = data.draw(st.lists(st.sampled_from(inside), unique=True))
    names = {x: name for x, name in g.names.items() if x.op is LEAF}
    named = replace(g, names=names | {x: f"q{j}" for j, x in enumerate(chosen)})
    wrt = data.draw(st.lists(st.sampled_from(derivation.wrt), unique=True, min_size=1))
    c = cr.derive(named, wrt=wrt).cost
    plain = cr.derive(g, wrt=wrt).cost
    assert (c.forward, c.backward) == (plain.forward, plain.backward)
    for part in (c.forward, c.backward):
        assert sum(step.cost for step in part.steps) == replace(part, parameters=0)


def test_steps_at_sizes():
    sizes = dict(n=3, h=5, m=2)
    c = cr.derive(two_layer, wrt=["W1", "W2"]).cost
    at = c.at(**sizes)
    assert counts(at.steps) == {name: cost.at(**sizes) for name, cost in counts(c.steps).items()}
    assert at.steps[0].shape == (5,)
    assert sum(s.cost for s in at.steps) == replace(at.total, parameters=0)


def test_a_table_at_sizes_holds_numbers_alone():
    c = cr.derive(two_layer, wrt=["W1", "W2"]).cost
    at = c.at(n=784, h=64, m=10)
    lines = str(at.table()).splitlines()
    assert lines[1].split() == ["z", "(64,)", "50,176", "50,112", "0", "50,176"]
    assert not any("·" in line for line in lines[:-1]) and "at h = 64, m = 10, n = 784" in lines
    assert "64·(m + 784)" in str(c.at(n=784, h=64).table())
    assert "·(" not in str(at.conventions()) and "at h = 64, m = 10, n = 784" in str(at.conventions())
    assert at.conventions().as_dict()["MACs"]["forward"] == {"polynomial": "h·(m + n)", "value": 50_816}


# Printing ----------------------------------------------------------------------------------------------------------


def test_polynomials_stand_beside_their_values():
    c = cr.derive(two_layer, wrt=["W1", "W2"]).cost
    text = str(c.at(n=784, h=64, m=10))
    assert "h·(m + n) = 50,816" in text and "h·(2·m + n) = 51,456" in text
    assert "\nat h = 64, m = 10, n = 784\n" in text
    assert "saved for the backward pass: 4·(h + m) = 296 bytes" in text
    assert "h·(m + n) = 64·m + 50,176" in str(c.at(n=784, h=64)).replace("64·(m + 784)", "64·m + 50,176")
    assert str(c.at(n=784).at(h=64, m=10)) == text
    assert "=" not in str(c.forward).replace("1 MAC = 1", "").replace("FLOPs = 2·MACs", "")
    assert "h·(3·m + 2·n) = 102,272" in str(c.at(n=784, h=64, m=10).total)


def test_the_table_has_a_row_for_each_step_and_the_sums():
    lines = str(cr.derive(two_layer, wrt=["W1", "W2"]).cost.table()).splitlines()
    assert lines[0].split() == ["shape", "multiplications", "additions", "special", "functions", "MACs"]
    assert [line.split()[0] for line in lines[1:13]] == [
        "z", "u", "yhat", "L", "∂L/∂yhat", "∂L/∂W2", "∂L/∂u", "∂L/∂z", "∂L/∂W1", "forward", "backward", "total",
    ]  # fmt: skip
    assert lines[1].split() == ["z", "(h,)", "n·h", "h·(n", "-", "1)", "0", "n·h"]
    with pytest.raises(GraphError, match="computed from others and has no steps"):
        (cr.cost(two_layer) + cr.cost(two_layer)).table()


def test_a_long_table_is_shortened():
    def deep(x: "n", w: "n"):
        u = x
        for _ in range(60):
            u = cr.tanh(w * u)
        return cr.sum(u)

    table = cr.cost(deep).table()
    assert len(str(table).splitlines()) == 1 + 20 + 1 + 20 + 1
    assert f"… {len(table.rows) - 40} rows; .text() shows all" in str(table)
    assert len(table.text().splitlines()) == 1 + len(table.rows) + 1


TABLES = [
    cr.cost(classifier),
    cr.cost(classifier).table(),
    cr.derive(classifier).cost,
    cr.derive(classifier).cost.at(n=5, d=4, h=3, k=2),
    cr.derive(classifier).cost.table(),
    cr.derive(classifier).cost.conventions(),
]


@pytest.mark.parametrize("table", TABLES, ids=lambda t: type(t).__name__)
def test_html_is_complete_in_itself(table):
    html = table._repr_html_()
    root = ElementTree.fromstring(html.replace("&nbsp;", " "))
    assert root.find(".//table") is not None and len(root.findall(".//tr")) >= 5
    assert not any(word in html for word in ("<script", "http", "<link", "src="))
    rows = [len(row) for row in root.findall(".//tr")]
    assert len(set(rows)) == 1


@pytest.mark.parametrize("table", TABLES, ids=lambda t: type(t).__name__)
def test_latex_is_an_array(table):
    latex = table._repr_latex_()
    assert latex.startswith("$$\n\\begin{array}{l") and latex.endswith("\\end{array}\n$$")
    assert latex.count("{") == latex.count("}")


def test_words_are_escaped():
    grid = Grid(("a_b", "<x>"), (("50% & \\more", Counted(n * h, n * h)),))
    assert r"\text{50\% \& \textbackslash more} & nh" in grid.latex() and r"\text{a\_b}" in grid.latex()
    assert "&lt;x&gt;" in grid.html() and "50% &amp; \\more" in grid.html()


def test_json():
    c = cr.derive(two_layer, wrt=["W1", "W2"]).cost
    facts = json.loads(json.dumps(c.as_dict()))
    assert facts["forward"]["macs"] == {"polynomial": "h·(m + n)", "value": None} and facts["sizes"] == {}
    last = facts["backward"]["steps"][-1]
    assert (last["name"], last["quantity"], last["pass"]) == ("W1", "∂L/∂W1", "backward")
    assert facts["forward"]["steps"][0]["name"] == "z" and facts["forward"]["steps"][0]["shape"] == ["h"]
    facts = json.loads(json.dumps(c.at(n=3, h=5, m=2).as_dict()))
    assert facts["total"]["macs"] == {"polynomial": "h·(3·m + 2·n)", "value": 60} and facts["sizes"]["h"] == 5
    assert facts["saved_bytes"] == {"polynomial": "4·(h + m)", "value": 28}
    assert facts["recomputed"]["macs"]["value"] == 25
    numbers = cr.cost(lambda x: cr.exp(x), x=3).as_dict()
    assert numbers["special"] == {"polynomial": None, "value": 3}
