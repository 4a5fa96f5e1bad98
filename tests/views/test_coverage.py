"""Operations × tables: an operation that is missing in one of them is a failure here. And a user's own operation."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines.numpy import kernel as numpy_kernel
from chainrule.engines.xla import kernel as xla_kernel
from chainrule.graph.errors import GraphError, MissingRule
from chainrule.graph.node import CONST, LEAF, OPS, SIZE, Op
from chainrule.graph.table import Table
from chainrule.views.cost import Cost
from chainrule.views.cost import cost as cost_table
from chainrule.views.latex import latex, to_latex
from chainrule.views.notation import ATOM, Slot, form
from chainrule.views.text import text, to_text

LIBRARY = [op for op in OPS.values() if op.library and op not in (LEAF, CONST, SIZE)]
WITHOUT_DERIVATIVE = {
    "boolean results": {
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "equal",
        "logical_and",
        "logical_or",
        "logical_not",
    },
    "integer results": {"argmax"},
    "no arguments": {"arange", "eye"},
}
EACH = pytest.mark.parametrize("op", LIBRARY, ids=str)


@EACH
@pytest.mark.parametrize("table", [text, latex], ids=lambda table: table.title)
def test_every_operation_is_written_by_a_rule(op: Op, table: Table):
    assert op in table


@pytest.mark.parametrize("op", [LEAF, CONST, SIZE], ids=str)
def test_leaves_are_written_too(op: Op):
    assert op in text and op in latex and op in cost_table


@EACH
@pytest.mark.parametrize("table", [cost_table, numpy_kernel, xla_kernel], ids=lambda table: table.title)
def test_every_operation_has_a_rule_or_a_meaning(op: Op, table: Table):
    assert op in table or op.meaning is not None


@EACH
def test_every_operation_has_a_derivative_or_is_known_to_have_none(op: Op):
    known = op.vjp is not None or op.meaning is not None
    assert known != any(op.name in names for names in WITHOUT_DERIVATIVE.values())


def test_what_has_no_derivative_is_still_there():
    assert set().union(*WITHOUT_DERIVATIVE.values()) <= {op.name for op in LIBRARY}


def test_tables_hold_nothing_but_operations():
    for table in (text, latex, cost_table, numpy_kernel, xla_kernel):
        assert all(isinstance(op, Op) and OPS[op.name] is op for op in table)


def test_a_table_takes_one_rule_for_an_operation():
    for table in (text, latex, cost_table, numpy_kernel, xla_kernel):
        with pytest.raises(MissingRule, match="already has a rule for `exp`"):
            table[OPS["exp"]] = lambda n: None


def test_a_name_of_the_library_is_taken():
    with pytest.raises(GraphError, match="already"):
        Op("softmax", shape=lambda x: x)


# A user's own operation ----------------------------------------------------------------------------------------------

X = np.array([0.5, -1.0, 2.0])


def _by_hand(beta: float) -> tuple[np.ndarray, np.ndarray]:
    sigma = 1 / (1 + np.exp(-beta * X))
    return X * sigma, sigma + beta * X * sigma * (1 - sigma)


def _swish(name: str, **more):
    return cr.Op(name, shape=lambda x, *, beta: x, elementwise=True, **more)


def _check(op: Op, beta: float) -> None:
    g = cr.trace(lambda x, w: cr.sum(op(x, beta=beta) * w), x="n", w="n")
    d = cr.derive(g)
    value, slope = _by_hand(beta)
    w = np.array([1.0, 2.0, 3.0])
    for engine in ("numpy", "xla"):
        found, grads = cr.compile(d, engine=engine)(x=X, w=w)
        np.testing.assert_allclose(found, (value * w).sum(), rtol=1e-12)
        np.testing.assert_allclose(grads["x"], slope * w, rtol=1e-12)
        np.testing.assert_allclose(grads["w"], value, rtol=1e-12)
    assert cr.check_gradients(g, sizes={"n": 3}).ok


def test_an_operation_with_a_meaning_alone():
    op = _swish("coverage_swish", meaning=lambda x, *, beta: x * cr.sigmoid(beta * x))
    _check(op, 1.5)
    n = op(cr.trace(lambda x: x + 1, x="n").inputs["x"], beta=1.5)
    assert to_text(n) == "coverage_swish(x, beta=1.5)"
    assert to_latex(n) == r"\operatorname{coverage\_swish}_{\mathrm{beta}=1.5}\left(x\right)"
    assert cr.cost(cr.trace(lambda x: op(x, beta=1.5), x="n")).at(n=10).special == 10


def test_an_operation_with_rules_of_its_own_in_every_table():
    op = _swish(
        "coverage_gated",
        vjp=lambda g, y, x, *, beta: [g * (cr.sigmoid(beta * x) + beta * y * (1 - cr.sigmoid(beta * x)))],
    )
    text[op] = lambda n: form(ATOM, f"gated[{n.attr('beta')}](", Slot(n.args[0]), ")")
    latex[op] = lambda n: form(ATOM, rf"\operatorname{{gated}}_{{{n.attr('beta')}}}\left(", Slot(n.args[0]), r"\right)")
    cost_table[op] = lambda n: Cost(multiplications=n.shape[0], special=n.shape[0])
    for table, np_name in ((numpy_kernel, "np"), (xla_kernel, "jnp")):
        table[op] = lambda p, n, x, np_name=np_name: f"{x} / (1 + {np_name}.exp(-{n.attr('beta')!r} * {x}))"
    _check(op, 0.5)
    g = cr.trace(lambda x: op(x + 1, beta=0.5) * 2, x="n")
    assert g.text() == "output = gated[0.5](x + 1)·2"
    assert r"\operatorname{gated}_{0.5}\left(x + 1\right) \cdot 2" in g.latex()
    counted = cr.cost(g).at(n=10)
    assert (counted.special, counted.multiplications, counted.additions) == (10, 20, 10)
    assert "/ (1 + np.exp(-0.5 * " in cr.compile(g).source
    with pytest.raises(MissingRule, match="already"):
        text[op] = lambda n: form(ATOM, "again")


def test_an_operation_called_like_a_public_function_is_told_apart():
    op = cr.Op("square", shape=lambda x: x, meaning=lambda x: x * x)
    try:
        n = op(cr.trace(lambda x: x + 1, x="n").inputs["x"])
        assert to_text(n) == "op.square(x)"
    finally:
        del OPS["square"]


def test_an_operation_with_neither_says_what_is_missing():
    op = cr.Op("coverage_nothing", shape=lambda x: x)
    g = cr.trace(lambda x: cr.sum(op(x)), x="n")
    assert g.text() == "output = sum(coverage_nothing(x))"
    with pytest.raises(MissingRule, match="no kernel for the operation `coverage_nothing`"):
        cr.compile(g)
    with pytest.raises(cr.ChainruleError):
        cr.derive(g)["x"]
