"""Matrix algebra in tidied expressions, and Jacobians and Hessians read as products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rewrite.evaluate import AsItStands, concrete

import chainrule as cr
from chainrule.graph.node import OPS, Node, leaf, walk
from chainrule.rewrite.matrices import AsMatrices
from chainrule.rewrite.readable import readable
from chainrule.rewrite.tidy import tidy

A, B, Q, S = leaf("A", ("n", "m")), leaf("B", ("m", "k")), leaf("Q", ("k", "m")), leaf("S", ("m", "m"))
x, y, u, t = leaf("x", ("m",)), leaf("y", ("n",)), leaf("u", ("m",)), leaf("t")
NAMES = {n: n.attr("name") for n in (A, B, Q, S, x, y, u, t)}
NAMED = frozenset(NAMES)
I = cr.eye("m")


def ones(*shape: object) -> Node:
    return cr.broadcast_to(1.0, shape)


def same(left: Node, right: Node) -> None:
    assert (left.shape, left.kind) == (right.shape, right.kind)
    rng = np.random.default_rng(5)
    sizes = [A * 0, B * 0]  # tell n, m, k
    one, other, *_ = AsItStands([left, right, *sizes])({n.attr("name"): rng.normal(size=concrete(n)) for n in NAMES})
    np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


TIDIED: list[tuple[Node, Node]] = [
    (A @ I, A),
    (I @ B, B),
    (I @ x, x),
    (I.T, I),
    ((A @ B).T, B.T @ A.T),
    (cr.outer(x, y).T, cr.outer(y, x)),
    (cr.diag(x).T, cr.diag(x)),
    (x @ A.T, A @ x),
    (x @ S + S @ x, (S + S.T) @ x),
    (A @ ones("m"), cr.sum(A, axis=1)),
    (ones("n") @ A, cr.sum(A, axis=0)),
    (A @ ones("m", "k"), cr.broadcast_to(cr.sum(A, axis=1, keepdims=True), ("n", "k"))),
    (ones("k", "n") @ A, cr.broadcast_to(cr.sum(A, axis=0), ("k", "m"))),
    (cr.outer(ones("n"), x), cr.broadcast_to(x, ("n", "m"))),
    (cr.outer(y, ones("m")), cr.broadcast_to(y[:, None], ("n", "m"))),
    (cr.diag(cr.broadcast_to(t, ("m",))), t * I),
    (cr.diag(3 * x), 3 * cr.diag(x)),
    (cr.diag(cr.diag(x)), x),
    (y[:, None] * x, cr.outer(y, x)),
    (cr.sum(cr.outer(y, x), axis=1), y * cr.sum(x)),
    (cr.sum(cr.outer(y, x), axis=0), cr.sum(y) * x),
    (cr.sum(I, axis=1), ones("m")),
    (cr.sum(cr.diag(x), axis=0), x),
    (cr.sum(cr.diag(x), axis=1, keepdims=True), x[:, None]),
    (cr.sum(A.T, axis=1), cr.sum(A, axis=0)),
    (cr.sum(cr.broadcast_to(x, ("n", "m")), axis=1), cr.broadcast_to(cr.sum(x), ("n",))),
    (cr.mean(A, axis=1)[:, None], cr.mean(A, axis=1, keepdims=True)),
    (cr.einsum("ij,jk->ik", A, B), A @ B),
    (cr.einsum("ij,kj->ik", A, Q), A @ Q.T),
    (cr.einsum("ij,kj->ki", A, Q), Q @ A.T),
    (cr.einsum("ij,jk->ki", A, B), B.T @ A.T),
    (cr.einsum("ij,i->j", A, y), A.T @ y),
    (cr.einsum("ij,j->i", A, x), A @ x),
    (cr.einsum("j,ij->i", x, A), A @ x),
    (cr.einsum("i,i->", x, u), x @ u),
    (cr.einsum("i,j->ij", y, x), cr.outer(y, x)),
    (cr.einsum("i,j->ji", y, x), cr.outer(x, y)),
    (cr.einsum("ij->ji", A), A.T),
    (cr.einsum("ij->j", A), cr.sum(A, axis=0)),
]


@pytest.mark.parametrize(("written", "wanted"), TIDIED, ids=[str(k) for k in range(len(TIDIED))])
def test_matrix_algebra(written: Node, wanted: Node):
    same(written, wanted)
    assert tidy(written, NAMED) is tidy(wanted, NAMED)
    assert written.op.name != "einsum" or all(n.op.name != "einsum" for n in walk(tidy(written, NAMED)))


@pytest.mark.parametrize("spec", ["ij,ij->i", "ij,ij->ij", "ij,ij->"])
def test_contractions_that_are_no_matrix_products_stay(spec: str):
    n = cr.einsum(spec, A, A)
    assert any(m.op.name == "einsum" for m in walk(tidy(n, NAMED)))


def test_what_has_a_name_is_not_opened():
    V = A @ B
    assert tidy(V.T, NAMED | {V}) is V.T
    s = x * u
    assert AsMatrices(frozenset({s}))(A * s) is A @ cr.diag(s)


READ: list[tuple[Node, Node]] = [
    (y[:, None] * A, cr.diag(y) @ A),
    (A * x, A @ cr.diag(x)),
    (y[:, None] * A * x, cr.diag(y) @ A @ cr.diag(x)),
    (A * x * u, A @ cr.diag(x * u)),
    (A / cr.exp(x), A @ cr.diag(1 / cr.exp(x))),
    (I * x, cr.diag(x)),
    (t * I * x, t * cr.diag(x)),
    (x * (I - u[:, None]), cr.diag(x) - cr.outer(u, x)),
    (x[:, None] * (I + u * t), cr.diag(x) + t * cr.outer(x, u)),
]


@pytest.mark.parametrize(("written", "wanted"), READ, ids=[str(k) for k in range(len(READ))])
def test_products_entry_by_entry_are_read_as_matrices(written: Node, wanted: Node):
    same(written, wanted)
    assert readable([written], NAMES)[written] is wanted


@pytest.mark.parametrize("written", [A * A, t * A, A + x, x * (A.T @ A + u), A / A, x * u], ids=str)
def test_what_is_no_product_of_matrices_is_not_read_as_one(written: Node):
    assert AsMatrices(frozenset())(written) is None


def test_the_stable_form_of_a_named_quantity_is_read_as_that_quantity():
    z = leaf("z", ("m",))
    e = cr.exp(z)
    p = e / cr.sum(e)
    names = NAMES | {z: "z", p: "p"}
    found = readable([cr.exp(cr.log_softmax(z)) * 2], names)
    assert list(found.values()) == [2 * p]


def test_guards_go_only_where_it_is_read():
    g = cr.trace(lambda x: cr.norm(x), x="m")
    J: Any = cr.jacobian(g, "x")
    assert any(n.op is OPS["xdivy"] for n in walk(J))
    np.testing.assert_array_equal(cr.compile(g.returning(J))(x=[0.0, 0.0]), [0.0, 0.0])
    assert g.returning(J).text() == "output = x / norm(x)"
