"""Central differences and the relative error: oracles, odd arrays, what is restored, what is refused."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays

import chainrule as cr
from chainrule.graph.errors import InputError

some = st.floats(-3, 3, allow_nan=False)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, array_shapes(min_dims=0, max_dims=3, max_side=4), elements=some))
def test_the_gradient_of_a_known_function(x):
    found = cr.numerical_gradient(lambda a: np.sum(np.sin(a) * np.exp(a / 2)), x)
    expected = np.exp(x / 2) * (np.cos(x) + np.sin(x) / 2)
    assert found.shape == x.shape and found.dtype == np.float64
    assert np.allclose(found, expected, rtol=1e-7, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, array_shapes(min_dims=0, max_dims=3, max_side=4), elements=st.floats(width=64)))
def test_the_array_is_restored_bit_for_bit(x):
    before = x.tobytes()
    try:
        cr.numerical_gradient(lambda a: 0.0, x)
    except InputError as error:
        assert "is lost" in str(error)  # beside numbers above 1e11, and infinity
    assert x.tobytes() == before


def test_nan_payloads_and_negative_zeros_survive():
    x = np.array([0x7FF8DEADBEEF0001, 0x8000000000000000, 0x0000000000000001], np.uint64).view(np.float64)
    before = x.tobytes()
    assert np.isnan(cr.numerical_gradient(lambda a: a.sum(), x)).all()
    assert x.tobytes() == before


@pytest.mark.parametrize("calls", [1, 2, 5])
def test_the_array_is_restored_when_the_function_raises(calls):
    x = np.array([[0.1, -0.0], [1e300 * 0, 7.0]])
    before, seen = x.tobytes(), []

    def f(a):
        seen.append(a.copy())
        if len(seen) == calls:
            raise RuntimeError("stop")
        return a.sum()

    with pytest.raises(RuntimeError, match="stop"):
        cr.numerical_gradient(f, x)
    assert len(seen) == calls and x.tobytes() == before


def test_the_function_may_reach_the_array_by_another_way():
    params = {"W": np.array([[1.0, 2.0], [3.0, 4.0]])}
    found = cr.numerical_gradient(lambda _: float((params["W"] ** 3).sum()), params["W"])
    assert np.allclose(found, 3 * params["W"] ** 2)


def test_views_are_changed_in_place_and_copies_stand_in_for_what_cannot_be():
    whole = np.arange(24.0).reshape(4, 6)
    before = whole.copy()
    part = whole[::2, ::-3].T
    assert np.allclose(cr.numerical_gradient(lambda _: (whole**2).sum() / 2, part), part)
    assert (whole == before).all()

    frozen = np.arange(3.0)
    frozen.flags.writeable = False
    assert np.allclose(cr.numerical_gradient(lambda a: (a**2).sum() / 2, frozen), frozen)

    with np.errstate(all="raise"):
        repeated = np.lib.stride_tricks.as_strided(np.ones(1), (3,), (0,))
        assert np.allclose(cr.numerical_gradient(lambda a: a[0] + 2 * a[1], repeated), [1, 2, 0])
    assert np.allclose(cr.numerical_gradient(lambda a: a[0] * a[1], [2.0, 5.0]), [5, 2])
    assert cr.numerical_gradient(lambda a: a**2, np.array(3.0)) == pytest.approx(6)
    assert cr.numerical_gradient(lambda a: a.sum(), np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("wrap", [float, np.float64, np.asarray, lambda v: np.array([[v]]), np.float32, int])
def test_whatever_is_one_number_is_an_answer(wrap):
    assert cr.numerical_gradient(lambda a: wrap(a[0] * 0), np.ones(2)).tolist() == [0, 0]


@pytest.mark.parametrize(
    "answer, words",
    [
        (np.ones(2), r"one number, not an array of shape \(2,\); sum it"),
        (None, "a number, not NoneType"),
        ("1.0", "a number, not str"),
        (1j, "a number, not complex"),
        ([[1.0], [1.0, 2.0]], "a number, not list"),
    ],
)
def test_other_answers_are_refused(answer, words):
    x = np.ones(3)
    with pytest.raises(InputError, match=words):
        cr.numerical_gradient(lambda a: answer, x)
    assert (x == 1).all()


@pytest.mark.parametrize(
    "array, words",
    [
        (np.ones(2, np.float32), "float32 and must hold float64, for rounding would drown"),
        (np.ones(2, np.float16), "float16"),
        (np.arange(3), r"int64 .*they cannot move by a small step; convert it: array.astype\(float\)"),
        ([1, 2], "int64"),
        (np.ones(2, bool), "bool"),
        (np.ones(2, complex), "not complex128"),
        (np.array(["a"]), "must hold float64"),
    ],
)
def test_other_arrays_are_refused(array, words):
    with pytest.raises(InputError, match=words):
        cr.numerical_gradient(lambda a: 0.0, array)


def test_a_function_that_changes_its_argument_is_refused_and_undone():
    x = np.array([1.0, 2.0])

    def f(a):
        a *= 2
        return a.sum()

    with pytest.raises(InputError, match="changes the array it is given"):
        cr.numerical_gradient(f, x)
    assert x.tolist() == [1, 2]


@pytest.mark.parametrize("h", [0, -1e-5, math.nan, math.inf, "small"])
def test_steps_that_are_none(h):
    with pytest.raises(InputError, match="positive number"):
        cr.numerical_gradient(lambda a: 0.0, np.ones(1), h=h)


def test_a_step_that_rounding_loses():
    with pytest.raises(InputError, match=r"h = 1e-05 is lost beside the entry array\[1\] = 1e\+17"):
        cr.numerical_gradient(lambda a: a.sum(), np.array([1.0, 1e17]))
    # rounded, but not lost: the step taken is the one divided by
    assert cr.numerical_gradient(lambda a: 3 * a, np.array(1e9)) == pytest.approx(3, rel=1e-9)


def test_infinities_and_nan_are_not_hidden():
    found = cr.numerical_gradient(lambda a: math.inf if a[0] > 1 else a[1], np.array([1.0, 2.0]))
    assert found[0] == math.inf and found[1] == pytest.approx(1)


# The relative error -------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_relative_error_is_the_formula(data):
    shape = data.draw(array_shapes(min_dims=0, max_dims=2, max_side=4))
    a, b = (data.draw(arrays(np.float64, shape, elements=st.floats(-1e6, 1e6))) for _ in range(2))
    expected = np.max(np.abs(a - b) / np.maximum(1e-8, np.abs(a) + np.abs(b)))
    assert cr.relative_error(a, b) == pytest.approx(expected, rel=1e-12)
    assert cr.relative_error(a, b) == cr.relative_error(b, a) <= 1 + 1e-15
    assert cr.relative_error(a, a) == 0


@pytest.mark.parametrize(
    "a, b, expected",
    [
        (1.0, 1.0, 0),
        (1.0, -1.0, 1),
        (0.0, 1e-9, 0.1),
        (0.0, 0.0, 0),
        (1, 3, 0.5),
        (1.7e308, -1.7e308, 1),
        (math.inf, math.inf, 0),
        (math.inf, -math.inf, math.inf),
        (math.inf, 1.0, math.inf),
        (0.0, -math.inf, math.inf),
        ([math.inf, 1.0], [math.inf, 3.0], 0.5),
        ([1.0, 5.0], np.array([1.0, 5.0], np.float32), 0),
        ([], [], 0),
    ],
)
def test_relative_errors(a, b, expected):
    assert cr.relative_error(a, b) == pytest.approx(expected)


@pytest.mark.parametrize("a, b", [(math.nan, 1.0), (math.nan, math.nan), ([math.inf, math.nan], [1.0, 1.0])])
def test_nan_is_never_hidden(a, b):
    assert math.isnan(cr.relative_error(a, b)) and math.isnan(cr.relative_error(b, a))


@pytest.mark.parametrize(
    "a, b, words",
    [
        (np.ones(3), np.ones((3, 1)), r"differ in shape, \(3,\) and \(3, 1\)"),
        (np.ones(3), 1.0, "differ in shape"),
        ("x", 1.0, "str is none"),
        ([1j], [1j], "real numbers"),
        ([[1.0], [1.0, 2.0]], 1.0, "list is none"),
    ],
)
def test_what_cannot_be_compared(a, b, words):
    with pytest.raises(InputError, match=words):
        cr.relative_error(a, b)
