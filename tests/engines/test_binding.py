"""Arrays meet the graph: what fits runs in one precision, what does not is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph.errors import GraphError, InputError


def loss(X: "n d", W: "d k", y: "int[n]", mask: "bool[n]"):
    P = cr.log_softmax(X @ W)
    return -cr.mean(cr.where(mask, P[cr.arange(X.shape[0]), y], 0.0))


def tail(x: "n", i: "int[k]"):
    return cr.sum(x[2:]) + cr.sum(cr.take(x, i)) + cr.sum(cr.one_hot(i, 4))


GIVEN: dict[str, Any] = {
    "X": np.ones((4, 3)),
    "W": np.ones((3, 2)),
    "y": np.array([0, 1, 1, 0]),
    "mask": np.ones(4, bool),
}
TAIL: dict[str, Any] = {"x": np.ones(5), "i": np.array([0, 3])}

WRONG = [
    (loss, {"y": None}, r"loss takes X \(n, d\), W \(d, k\), y \(n,\), mask \(n,\); missing: y"),
    (loss, {"z": np.ones(2)}, "unknown: z"),
    (loss, {"X": np.ones(4)}, r"X has shape \(4,\), 1 axis; loss takes X as \(n, d\)"),
    (loss, {"W": np.ones((5, 2))}, r"the size d is 3 in X \(n, d\) and 5 in W \(d, k\), which has shape \(5, 2\)"),
    (loss, {"y": np.zeros(4)}, r"y holds float64 and must hold integers; convert it: y.astype\(int\)"),
    (loss, {"mask": np.zeros(4, int)}, "mask holds int64 and must hold booleans"),
    (loss, {"y": np.array([0, 1, 2, 0])}, r"y\[2\] is 2; it indexes an axis and must lie in 0 … 1"),
    (loss, {"y": np.array([0, 1, -1, 0])}, r"y\[2\] is -1"),
    (loss, {"X": np.ones((0, 3)), "y": np.zeros(0, int), "mask": np.ones(0, bool)}, "axis 0 is empty"),
    (loss, {"X": "text"}, "X must be an array of numbers, and str 'text' is none"),
    (loss, {"X": [[1, 2], [3]]}, "X must be an array of numbers"),
    (loss, {"X": None, "W": None}, "missing: X, W"),
    (loss, {"X": np.ones((4, 3), complex)}, "X holds complex128; real numbers were expected"),
    (loss, {"X": np.full((4, 3), "a")}, "X holds <U1"),
    (tail, {"x": np.ones(2)}, "must be at least 1"),
    (tail, {"i": np.array([0, 4])}, "it names a class and must lie in 0 … 3"),
    (tail, {"i": np.array([0, 5])}, "must lie in 0 …"),
]


@pytest.mark.parametrize("engine", ["numpy", "xla"])
@pytest.mark.parametrize(("f", "change", "text"), WRONG)
def test_what_does_not_fit_is_refused(f, change: dict[str, Any], text: str, engine: str):
    given = (GIVEN if f is loss else TAIL) | change
    with pytest.raises(InputError, match=text):
        cr.compile(f, engine=engine)(**{k: v for k, v in given.items() if v is not None})


def test_slices_out_of_range_are_refused():
    run = cr.compile(cr.trace(lambda x: x[1:4], x="n"))
    assert run(x=np.arange(5.0)).tolist() == [1, 2, 3]
    with pytest.raises(InputError, match=r"with n = 3 the slice 1:4 of x lies outside its axis 0 of size 3"):
        run(x=np.arange(3.0))
    with pytest.raises(InputError, match="size"):
        cr.compile(cr.trace(lambda x: x[-4:], x="n"))(x=np.arange(3.0))


def test_fixed_sizes_are_checked():
    with pytest.raises(InputError, match=r"x has shape \(4,\) and must have \(3,\): axis 0 is 4"):
        cr.compile(cr.trace(lambda x: x * 2, x=(3,)))(x=np.ones(4))


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_arrays_of_other_makes(engine: str):
    """np.matrix would read * as the matrix product, and a masked array leave entries out."""
    run = cr.compile(cr.derive(lambda x: cr.sum(x * x * x), x="n n"), engine=engine)
    a = np.array([[1.0, 2], [3, 4]])
    for given in (np.matrix(a), a.astype(">f8"), memoryview(a), a.astype(">i4")):
        value, grads = run(x=given)
        assert float(value) == 100 and np.asarray(grads["x"]).tolist() == (3 * a**2).tolist()
    with pytest.raises(InputError, match=r"x is a masked array, and programs know no mask; fill it in: x.filled\(0\)"):
        run(x=np.ma.masked_array(a, a > 2))


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_tensors(engine: str):
    torch = pytest.importorskip("torch")
    f = lambda x: cr.sum(x * x)
    for run in (cr.compile(cr.derive(f, x="n"), engine=engine), cr.value_and_grad(f, engine=engine)):
        value, grads = run(x=torch.tensor([1.0, 2.0]))
        assert float(value) == 5 and str(value.dtype) == "float32" and grads["x"].tolist() == [2, 4]
        with pytest.raises(InputError, match=r"x cannot be read as an array: .*detach"):
            run(x=torch.tensor([1.0, 2.0], requires_grad=True))


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_one_precision_for_a_call(engine: str):
    run = cr.compile(cr.trace(lambda a, b: (a * b, cr.sum(a) * 0.1), a="n", b="n"), engine=engine)
    single, double = np.ones(2, "float32"), np.ones(2)
    cases: list[tuple[Any, Any, str]] = [
        (single, single, "float32"),
        (single, double, "float64"),
        (double, double, "float64"),
        ([1, 2], [1, 2], "float64"),
        (np.ones(2, int), np.ones(2, int), "float64"),
        (single, [1, 2], "float32"),
        (single, np.ones(2, int), "float32"),
    ]
    for a, b, wanted in cases:
        assert {str(r.dtype) for r in run(a=a, b=b)} == {wanted}, (a, b)


def test_a_precision_may_be_asked_for():
    f = cr.trace(lambda a: cr.sum(a) * 0.1, a="n")
    assert cr.compile(f, dtype="float32")(a=np.ones(2)).dtype == "float32"
    assert cr.compile(f, engine="xla", dtype="bfloat16")(a=np.ones(2)).dtype == "bfloat16"
    for dtype in ("bfloat16", "int32"):
        with pytest.raises(InputError, match="computes in float64, float32"):
            cr.compile(f, dtype=dtype)
    with pytest.raises(InputError, match="computes in float64 or float32, not in float16"):
        cr.compile(f)(a=np.ones(2, "float16"))
    with pytest.raises(GraphError, match="no engine 'torch'; there are numpy and xla"):
        cr.compile(f, engine="torch")
    labels = cr.trace(lambda i: cr.mean(cr.one_hot(i, 3)), i="int[n]")  # no real input says which
    assert cr.compile(labels)(i=np.array([0, 1])).dtype == "float64"
    for engine in ("numpy", "xla"):
        assert cr.compile(labels, engine=engine, dtype="float32")(i=np.array([0, 1])).dtype == "float32"


def test_no_gradient_at_all():
    value, grads = cr.compile(cr.derive(lambda x: cr.sum(x), wrt=[], x="n"))(x=[1.0, 2.0])
    assert value == 3 and grads == {}
