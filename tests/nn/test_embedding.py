"""An embedding is a look-up: its values, its gradient where words repeat, what it does with other numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import chainrule as cr
from chainrule.graph.errors import DataError, InputError, ShapeError

nn = cr.nn
WORDS, FEATURES, LENGTH = 7, 4, 3
EMBEDDING = nn.Embedding(WORDS, FEATURES, LENGTH)
NET = nn.Sequential(EMBEDDING, nn.Flatten(LENGTH, FEATURES), nn.Linear(12, 5), nn.Tanh(), nn.Linear(5, WORDS))
X = np.array([[0, 6, 0], [3, 3, 3], [5, 0, 2], [1, 2, 0], [6, 5, 3]])  # 0 and 3 repeat, 4 is missing
y = np.array([1, 6, 0, 2, 2])


@pytest.mark.parametrize("engine", ["numpy", "xla"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_looks_rows_up(engine: str, dtype: str):
    E = EMBEDDING.initial(3, dtype)["E1"]
    found = np.asarray(cr.compile(EMBEDDING.graph(), engine, dtype)(X=X.astype(dtype), E1=E))
    assert found.dtype == dtype and found.shape == (5, LENGTH, FEATURES)
    np.testing.assert_array_equal(found, E[X])


@given(hnp.arrays(np.int64, st.tuples(st.integers(1, 6), st.just(LENGTH)), elements=st.integers(0, WORDS - 1)))
@settings(max_examples=30, deadline=None)
def test_a_row_gets_what_comes_back_from_all_its_places(codes: Any):
    weights = np.random.default_rng(0).normal(size=(*codes.shape, FEATURES))

    def pulled(V: Any, target: Any) -> Any:
        return cr.sum(V * target)

    graph = EMBEDDING.loss_graph(pulled)
    _, gradients = cr.compile(cr.derive(graph, wrt="E1"))(X=codes, y=weights, **EMBEDDING.initial(1))
    wanted = np.zeros((WORDS, FEATURES))
    np.add.at(wanted, codes, weights)
    np.testing.assert_allclose(gradients["E1"], wanted, rtol=1e-12, atol=1e-12)


def test_gradients_are_those_of_differences():
    graph = NET.loss_graph()
    report = cr.check_gradients(graph, wrt=list(graph.parameters), at={"X": X.astype(float), "y": y, **NET.initial(2)})
    assert report.ok, report


def test_it_computes_what_pytorch_computes():
    torch = pytest.importorskip("torch")
    params = NET.initial(5)
    theirs = torch.nn.Embedding(WORDS, FEATURES).double()
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(params["E1"]))
    rest = {k: torch.tensor(v, requires_grad=True) for k, v in params.items() if k != "E1"}
    hidden = torch.tanh(theirs(torch.tensor(X)).flatten(1) @ rest["W1"] + rest["b1"])
    loss = torch.nn.functional.cross_entropy(hidden @ rest["W2"] + rest["b2"], torch.tensor(y))
    loss.backward()
    for engine in ("numpy", "xla"):
        value, gradients = cr.compile(NET.derive(), engine)(X=X.astype(float), y=y, **params)
        np.testing.assert_allclose(value, loss.item(), rtol=1e-12)
        np.testing.assert_allclose(gradients["E1"], theirs.weight.grad, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(gradients["W1"], rest["W1"].grad, rtol=1e-9, atol=1e-12)
    assert not gradients["E1"][4].any()


def test_numbers_that_no_row_has_give_zeros():
    E = EMBEDDING.initial()["E1"]
    found = cr.compile(EMBEDDING.graph())(X=[[-1, 2, 7], [0.5, 6, -0.0]], E1=E)
    assert not found[0, 0].any() and not found[0, 2].any() and not found[1, 0].any()
    np.testing.assert_array_equal(found[0, 1], E[2])
    np.testing.assert_array_equal(found[1, 2], E[0])


def test_it_starts_from_standard_normal_numbers_or_from_what_is_given():
    E = nn.Embedding(300, 40, 2).initial(1)["E1"]
    assert abs(E.mean()) < 0.03 and abs(E.std() - 1) < 0.03
    np.testing.assert_array_equal(nn.Embedding(*E.shape, 2, init=E).initial(9)["E1"], E)
    with pytest.raises(ShapeError, match=r"\(3, 2\), and \(4, 2\) is needed"):
        nn.Embedding(4, 2, 5, init=np.ones((3, 2))).graph()


def test_whole_numbers_train_as_they_are(tmp_path: Any):
    rule = cr.optim.Adam(lr=0.05)
    run = cr.fit(NET, (X, y), optimizer=rule, epochs=60, batch_size=5, progress=False)
    assert run.evaluate((X, y))["accuracy"] == 1 and run.params["E1"].dtype == np.float32
    floats = cr.fit(NET, (X.astype(np.float32), y), optimizer=rule, epochs=60, batch_size=5, progress=False)
    for k in run.params:
        np.testing.assert_array_equal(run.params[k], floats.params[k])
    np.testing.assert_array_equal(run.params["E1"][4], NET.initial(0, "float32")["E1"][4])  # never seen, never moved
    run.save(tmp_path / "net.safetensors")
    again = cr.load(tmp_path / "net.safetensors")
    assert again.net == NET
    np.testing.assert_array_equal(again.predict(X), run.predict(X))


def test_its_derivation_reads():
    net = nn.Sequential(nn.Embedding("N", "d", "k"), nn.Flatten("k", "d"))
    assert [str(e) for e in net.graph().equations()] == [
        "O1 = where(equal(reshape(X, (n·k,))[:, None], arange(N)), 1.0, 0.0)",
        "V1 = reshape(O1 @ E1, (n, k, d))",
        "F1 = reshape(V1, (n, d·k))",
    ]
    assert "∂L/∂E1 = O1ᵀ @ reshape(∂L/∂V1, (3·n, 4))" in map(str, NET.derive().equations())
    assert cr.cost(net.graph()).at(n=5, N=7, d=4, k=3).macs == 5 * 3 * 7 * 4


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: nn.Embedding(0, 4, 3), ShapeError, "Embedding: a size must be at least 1, and 0 is not"),
        (lambda: nn.Embedding(7, 4, 2.5), ShapeError, "Embedding: a size is an integer or a symbol"),
        (lambda: nn.Embedding(7, 4, 3, init=0.1), InputError, "starts from an initialiser"),
        (lambda: nn.Sequential(EMBEDDING, nn.Linear(12, 5)), ShapeError, r"takes \(n, 12\), and Embedding\(7, 4, 3\)"),
        (lambda: cr.fit(NET, (X[:, :2], y)), DataError, r"a row of X has shape 2, and .* takes 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(make: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        make()
