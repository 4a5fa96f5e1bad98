"""Convolution and its gradients against loops, PyTorch, JAX and SciPy; how they print, and what they cost."""

from __future__ import annotations

import itertools
import re
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from views.printing import NAMES, read

import chainrule as cr
from chainrule.calculus.reverse import adjoints, gradients
from chainrule.engines import numpy_convolution as on_numpy
from chainrule.engines import xla_convolution as on_xla
from chainrule.face.graph import Graph
from chainrule.graph.dims import symbol
from chainrule.graph.errors import InputError, ShapeError
from chainrule.graph.node import OPS, Node, leaf
from chainrule.ops.convolution import conv2d_input, conv2d_kernel
from chainrule.views.latex import LATEX
from chainrule.views.text import to_text

SETTINGS = [  # image, kernel, stride, padding
    ((2, 7, 6, 3), (3, 2, 3, 4), 1, 0),
    ((2, 8, 6, 3), (3, 3, 3, 4), 2, 0),  # a row and a column left over
    ((3, 9, 11, 2), (2, 4, 2, 5), 3, 1),
    ((2, 5, 6, 3), (1, 1, 3, 4), 2, 0),  # pixels that no position covers
    ((2, 4, 5, 3), (4, 5, 3, 2), 1, 0),  # one position
    ((6, 7, 2), (2, 3, 2, 4), 1, 2),  # one image
    ((2, 5, 6, 1), (3, 3, 1, 1), 2, "valid"),
]


@pytest.fixture(autouse=True, scope="module")
def quick_compilation():
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


GIVEN = pytest.mark.parametrize("x, w, stride, padding", SETTINGS)


def arrays(*shapes: tuple[int, ...], seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def convolution(stride: Any, padding: Any, *shapes: tuple[int, ...]) -> Graph:
    return cr.trace(lambda x, w: cr.conv2d(x, w, stride, padding), x=shapes[0], w=shapes[1])


def with_gradients(stride: Any, padding: Any, *shapes: tuple[int, ...]) -> Any:
    """Σ g y, and its gradients in x and w, as a function of (x, w, g)."""
    y = convolution(stride, padding, *shapes).output.shape
    x, w = shapes
    d = cr.derive(lambda x, w, g: cr.sum(g * cr.conv2d(x, w, stride, padding)), ["x", "w"], x=x, w=w, g=y)
    return cr.compile(d)


# Values --------------------------------------------------------------------------------------------------------------


def by_loops(x: np.ndarray, w: np.ndarray, g: np.ndarray | None, s: int, t: int) -> tuple[np.ndarray, ...]:
    """y, and ∂x and ∂w for a cotangent g, one product after another."""
    kh, kw, _, o = w.shape
    i, j = len(range(0, x.shape[-3] - kh + 1, s)), len(range(0, x.shape[-2] - kw + 1, t))
    y = np.zeros((*x.shape[:-3], i, j, o))
    g = np.ones_like(y) if g is None else g
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for n in np.ndindex(x.shape[:-3]):
        for k, l, a, b in itertools.product(range(i), range(j), range(kh), range(kw)):
            pixel = (*n, s * k + a, t * l + b)
            y[(*n, k, l)] += x[pixel] @ w[a, b]
            dx[pixel] += w[a, b] @ g[(*n, k, l)]
            dw[a, b] += np.outer(x[pixel], g[(*n, k, l)])
    return y, dx, dw


sizes = st.integers(1, 3)


@settings(max_examples=40, deadline=None)
@given(st.lists(sizes, max_size=2), st.tuples(sizes, sizes), st.tuples(st.integers(0, 4), st.integers(0, 4)),
       st.tuples(sizes, sizes), sizes, sizes)  # fmt: skip
def test_both_engines_do_what_loops_do(lead, kernel, more, stride, c, o):
    x, w = arrays((*lead, kernel[0] + more[0], kernel[1] + more[1], c), (*kernel, c, o))
    y, _, _ = by_loops(x, w, None, *stride)
    (g,) = arrays(y.shape, seed=1)
    _, dx, dw = by_loops(x, w, g, *stride)
    value, grads = with_gradients(stride, 0, x.shape, w.shape)(x=x, w=w, g=g)
    assert value == pytest.approx(np.sum(y * g))
    np.testing.assert_allclose(grads["x"], dx, 1e-12, 1e-12)
    np.testing.assert_allclose(grads["w"], dw, 1e-12, 1e-12)
    np.testing.assert_allclose(on_numpy.conv2d(x, w, stride), y, 1e-12, 1e-12)
    # T(x, w, g) in each of its slots
    assert np.sum(dx * x) == pytest.approx(np.sum(dw * w)) == pytest.approx(np.sum(y * g))


@GIVEN
def test_as_pytorch(x, w, stride, padding):
    torch = pytest.importorskip("torch")
    X, W = arrays(x, w)
    images = torch.tensor(X).movedim(-1, -3).requires_grad_()
    kernel = torch.tensor(W).permute(3, 2, 0, 1).requires_grad_()
    y = torch.nn.functional.conv2d(images, kernel, stride=stride, padding=padding)
    found = cr.compile(convolution(stride, padding, x, w))(x=X, w=W)
    np.testing.assert_allclose(found, y.detach().movedim(-3, -1), 1e-12, 1e-12)
    (G,) = arrays(found.shape, seed=1)
    y.backward(torch.tensor(G).movedim(-1, -3))
    _, grads = with_gradients(stride, padding, x, w)(x=X, w=W, g=G)
    np.testing.assert_allclose(grads["x"], images.grad.movedim(-3, -1), 1e-12, 1e-12)
    np.testing.assert_allclose(grads["w"], kernel.grad.permute(2, 3, 1, 0), 1e-12, 1e-12)


def by_jax(x: Any, w: Any, stride: Any, padding: Any) -> Any:
    form = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, w, stride, padding, dimension_numbers=form)


@pytest.mark.parametrize("stride, kernel", [((1, 2), (3, 4)), ((2, 2), (3, 2)), ((3, 2), (5, 3)), ((3, 1), (2, 1))])
def test_same_padding_is_that_of_xla(stride, kernel):
    if stride[0] > kernel[0]:
        h, w = 7, 6  # numbers: how far the last position reaches is known
        program = cr.compile(convolution(stride, "same", (2, h, w, 3), (*kernel, 3, 2)))
        images = [(h, w)]
    else:  # one program for all sizes
        program = cr.compile(convolution(stride, "same", (2, "h", "w", 3), (*kernel, 3, 2)))
        images = [(6, 5), (7, 6), (1, 2)]
    for size in images:
        X, W = arrays((2, *size, 3), (*kernel, 3, 2))
        with jax.enable_x64(True):
            expected = by_jax(X, W, stride, "SAME")
        found = program(x=X, w=W)
        assert found.shape[1:3] == tuple(-(-s // t) for s, t in zip(size, stride))
        np.testing.assert_allclose(found, expected, 1e-10, 1e-12)


def test_it_is_a_cross_correlation():
    X, W = arrays((7, 6), (3, 2))
    found = cr.compile(convolution(1, 0, (7, 6, 1), (3, 2, 1, 1)))(x=X[..., None], w=W[..., None, None])
    np.testing.assert_allclose(found[..., 0], scipy.signal.correlate2d(X, W, "valid"), 1e-12)
    np.testing.assert_allclose(found[..., 0], scipy.signal.convolve2d(X, W[::-1, ::-1], "valid"), 1e-12)


def test_whole_numbers_stay_whole():
    X = np.arange(24).reshape(4, 3, 2)
    W = np.array([1, -2, 3, 1]).reshape(2, 1, 2, 1)
    for kind, engine in itertools.product(("int[2 1 2 1]", "2 1 2 1"), ("numpy", "xla")):
        f = cr.compile(cr.trace(lambda x, w: cr.conv2d(x, w), x="int[4 3 2]", w=kind), engine=engine)
        found = np.asarray(f(x=X, w=W if kind[0] == "i" else W * 0.5))
        assert found.dtype == ("int64" if kind[0] == "i" else "float64")
        np.testing.assert_allclose(found, by_loops(X * 1.0, W * 1.0, None, 1, 1)[0] * (1 if kind[0] == "i" else 0.5))


@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_xla_in_every_precision(stride):
    X, W = arrays((2, 8, 7, 3), (3, 2, 3, 4))
    with jax.enable_x64(True):
        y = on_xla.conv2d(jnp.array(X), jnp.array(W), stride)
        (G,) = arrays(y.shape, seed=1)
        exact = by_loops(X, W, G, *stride)
        for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-5), ("bfloat16", 0.3)):
            x, w, g = (jnp.array(a, dtype) for a in (X, W, G))
            found = (
                on_xla.conv2d(x, w, stride),
                on_xla.conv2d_input(g, w, X.shape[1:3], stride),
                on_xla.conv2d_kernel(x, g, W.shape[:2], stride),
            )
            for a, b in zip(found, exact):
                assert a.dtype == dtype
                np.testing.assert_allclose(np.asarray(a, "float64"), b, tolerance, tolerance)


# Derivatives ---------------------------------------------------------------------------------------------------------


def net(X: "n h w c", K: "3 2 c k", b: "k", V: "2 2 k o"):
    Z = cr.conv2d(X, K, stride=2, padding=1) + b
    U = cr.tanh(Z)
    Y = cr.conv2d(U, V)
    L = cr.mean(Y**2)
    return L


def net_by_jax(X, K, b, V):
    Z = by_jax(X, K, (2, 2), ((1, 1), (1, 1))) + b
    return jnp.mean(by_jax(jnp.tanh(Z), V, (1, 1), "VALID") ** 2)


@cache
def slopes_by_jax():
    with jax.enable_x64(True):
        return jax.jit(jax.value_and_grad(lambda at: net_by_jax(**at)))(POINT)


POINT = dict(zip("XKbV", arrays((2, 6, 5, 3), (3, 2, 3, 4), (4,), (2, 2, 4, 1))))


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_a_network_derives_runs_and_checks(engine):
    value, grads = cr.compile(cr.derive(net), engine=engine)(**POINT)
    expected, slopes = slopes_by_jax()
    assert value == pytest.approx(float(expected))
    for name in POINT:
        np.testing.assert_allclose(grads[name], slopes[name], 1e-9, 1e-12)
    assert cr.check_gradients(net, at=POINT, engine=engine).ok


def test_hessian_vector_products():
    g = cr.trace(net)
    inputs = list(g.inputs.values())
    along = [leaf(f"v{n.attr('name')}", n.shape) for n in inputs]
    first = gradients(g.output, inputs)
    slope = sum(cr.sum(f * v) for f, v in zip(first, along))
    second = gradients(slope, inputs)
    names = {n.attr("name"): n for n in (*inputs, *along)}
    vectors = dict(zip(POINT, arrays(*(a.shape for a in POINT.values()), seed=1)))
    found = cr.compile(Graph("hvp", names, tuple(second)))(**POINT, **{f"v{k}": v for k, v in vectors.items()})
    with jax.enable_x64(True):
        gradient = jax.grad(lambda at: net_by_jax(**at))
        _, expected = jax.jit(lambda at, v: jax.jvp(gradient, (at,), (v,)))(POINT, vectors)
    for name, h in zip(POINT, found):
        np.testing.assert_allclose(h, expected[name], 1e-8, 1e-12)


def test_the_derivation_is_written_in_the_three_of_them():
    d = cr.derive(net)
    assert [d[k].op.name for k in ("V", "U", "K", "b")] == ["conv2d_kernel", "conv2d_input", "conv2d_kernel", "sum"]
    assert d["b"].attr("axis") == (0, 1, 2) and d["b"].args[0] is d["Z"]
    assert d["V"].args == (cr.trace(net)["U"], d["Y"])


def test_factors_come_out():
    d = cr.derive(lambda X, K: cr.sum(3 * cr.conv2d(-2 * X, K)), X="n h w c", K="3 3 c o")
    assert to_text(d["K"]) == "-(6·conv2d_kernel(X, broadcast_to(1.0, (n, h - 2, w - 2, o))))"
    assert r"X_{m,p+i,q+j,k} \, \left[\mathbf{1}_{" in d.latex()  # which tells how far the sums go


@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (3, 2)])
def test_each_derivative_is_one_of_the_others(stride):
    x, w = leaf("x", ("n", 7, 9, "c")), leaf("v", (3, 2, "c", "o"))
    y = cr.conv2d(x, w, stride)
    g, h, k = leaf("g", y.shape), cr.sin(x), cr.sin(w)

    def pulled(y: Node, cotangent: Node, *wrt: Node) -> list[Node]:
        found = adjoints(y, cotangent, wrt)
        return [found[n] for n in wrt]

    dx, dw = pulled(y, g, x, w)
    assert (dx, dw) == (conv2d_input(g, w, (7, 9), stride), conv2d_kernel(x, g, (3, 2), stride))
    assert pulled(dx, h, g, w) == [cr.conv2d(h, w, stride), conv2d_kernel(h, g, (3, 2), stride)]
    assert pulled(dw, k, x, g) == [conv2d_input(g, k, (7, 9), stride), cr.conv2d(x, k, stride)]


# Sizes and errors ----------------------------------------------------------------------------------------------------

N, H, W_ = symbol("n"), symbol("h"), symbol("w")
X, K = leaf("X", ("n", "h", "w", 3)), leaf("K", (3, 3, 3, "o"))


@pytest.mark.parametrize("options, rows, columns", [
    ({}, H - 2, W_ - 2),
    ({"stride": 2}, (H - 1) // 2, (W_ - 1) // 2),
    ({"stride": (3, 1)}, H // 3, W_ - 2),
    ({"padding": 1}, H, W_),
    ({"padding": "same"}, H, W_),
    ({"padding": "same", "stride": 2}, (H + 1) // 2, (W_ + 1) // 2),
    ({"padding": (0, 2)}, H - 2, W_ + 2),
    ({"padding": ((1, 2), (0, 1)), "stride": 3}, (H + 3) // 3, (W_ + 1) // 3),
    ({"padding": (symbol("p"), 0)}, H + 2 * symbol("p") - 2, W_ - 2),
])  # fmt: skip
def test_symbolic_sizes(options, rows, columns):
    assert cr.conv2d(X, K, **options).shape == (N, rows, columns, symbol("o"))


def test_a_symbolic_kernel():
    y = cr.conv2d(X, leaf("V", ("a", "b", 3, 2)), padding="same")
    assert y.shape == (N, H, W_, 2)
    images, kernel = arrays((2, 5, 6, 3), (4, 3, 3, 2))
    program = cr.compile(cr.trace(lambda x, v: cr.conv2d(x, v, padding="same"), x="n h w 3", v="a b 3 2"))
    with jax.enable_x64(True):
        np.testing.assert_allclose(program(x=images, v=kernel), by_jax(images, kernel, (1, 1), "SAME"), 1e-10, 1e-12)


def test_no_padding_is_no_operation():
    assert cr.conv2d(X, K) is cr.conv2d(X, K, (1, 1), "valid") is cr.conv2d(X, K, padding=((0, 0), (0, 0)))


@pytest.mark.parametrize("x, w, options, said", [
    ((5, 4), (3, 3, 1, 2), {}, r"at least 3 axes, \(…, height, width, channels\), and has 2.*x is \(5, 4\)"),
    ((9, 5, 4, 3), (3, 3, 3), {}, r"kernel needs 4 axes, \(height, width, channels in, channels out\), and has 3"),
    ((9, 5, 4, 3), (3, 3, 4, 2), {}, r"the channels differ: 3 in the image .* and 4 in the kernel"),
    ((9, 3, 5, 4), (2, 2, 3, 2), {}, r"channels in front needs cr.transpose\(x, \(0, 2, 3, 1\)\)"),
    ((3, 5, 4), (2, 2, 3, 2), {"padding": 1}, r"channels in front needs cr.transpose\(x, \(1, 2, 0\)\)"),
    ((9, 8, 7, 3), (16, 3, 5, 5), {}, r"cr.transpose\(w, \(2, 3, 1, 0\)\)"),
    ((5, 4, 3), (3, 6, 3, 2), {}, r"kernel, 3 × 6, is larger than the image, 5 × 4; pad"),
    ((5, 4, 3), (3, 6, 3, 2), {"padding": (0, 1), "stride": 0}, "stride is an integer of at least 1"),
    ((5, 4, 3), (3, 3, 3, 2), {"stride": 1.5}, "stride is an integer"),
    ((5, 4, 3), (3, 3, 3, 2), {"stride": (1, 2, 3)}, "one for height and one for width"),
    ((5, 4, 3), (3, 3, 3, 2), {"padding": "full"}, 'can be "same" or "valid", not \'full\''),
    ((5, 4, 3), (3, 3, 3, 2), {"padding": -1}, "cannot be negative"),
    ((5, 4, 3), (3, 3, 3, 2), {"padding": ((1, 2, 3), 1)}, "padding is an integer"),
    (("h", 4, 3), (1, 3, 3, 2), {"padding": "same", "stride": 2}, "depends on whether the size h leaves a rest"),
])  # fmt: skip
def test_what_does_not_fit_is_said(x, w, options, said):
    with pytest.raises(ShapeError, match=said):
        cr.conv2d(leaf("x", x), leaf("w", w), **options)


@pytest.mark.parametrize("build, said", [
    (lambda: conv2d_kernel(X, leaf("g", (2, 3, 3, 1)), (3, 3)), "leading axes, those of the batch, differ"),
    (lambda: conv2d_kernel(X, leaf("g", (3, 3)), (3, 3)), "the cotangent of the output needs at least 3 axes"),
    (lambda: conv2d_kernel(leaf("x", (6, 5, 1)), leaf("g", (3, 3, 1)), (3, 3)), "4 × 3 positions .* has 3 × 3"),
    (lambda: conv2d_input(leaf("g", (4, 3, 2)), leaf("w", (3, 3, 1, 5))), "2 in the output's cotangent and 5"),
    (lambda: conv2d_input(leaf("g", (4, 3, 2)), leaf("w", (3, 3, 1, 2)), (7, 5)), "5 × 3 positions .* has 4 × 3"),
    (lambda: conv2d_input(leaf("g", (4, 3, 2)), leaf("w", (3, 3, 1, 2)), 7), "size is the height and the width"),
])  # fmt: skip
def test_gradients_that_do_not_fit_are_refused(build, said):
    with pytest.raises(ShapeError, match=said):
        build()


def test_an_image_that_is_too_small_when_it_comes():
    f = cr.compile(cr.trace(lambda x, w: cr.conv2d(x, w, 2), x="h w 1", w="a b 1 2"))
    with pytest.raises(InputError, match=r"h = 2, w = 5.*sizes must be at least 1"):
        f(x=np.zeros((2, 5, 1)), w=np.zeros((3, 3, 1, 2)))


# Programs ------------------------------------------------------------------------------------------------------------


def test_programs_stand_alone_and_leave_their_arguments():
    run = cr.compile(cr.derive(net))
    scope: dict[str, Any] = {}
    exec(run.source, scope)
    kept = {k: v.copy() for k, v in POINT.items()}
    results = scope["net_and_gradients"](**POINT)
    value, grads = run(**POINT)
    assert results[0] == value
    for (name, g), again in zip(grads.items(), results[1:]):
        np.testing.assert_array_equal(g, again)
        np.testing.assert_array_equal(POINT[name], kept[name])


def test_a_result_may_be_added_to_in_place():
    f = cr.compile(cr.trace(lambda x, w: cr.conv2d(x, w) + cr.conv2d(x, w)[::-1], x="5 4 1", w="1 1 1 1"))
    (x,) = arrays((5, 4, 1))
    np.testing.assert_allclose(f(x=x, w=np.ones((1, 1, 1, 1))), x + x[::-1])


# Cost ----------------------------------------------------------------------------------------------------------------


def test_the_cost_of_a_layer():
    c = cr.cost(cr.trace(lambda X, W, b: cr.conv2d(X, W) + b, X=(48, 64, 10), W=(3, 3, 10, 20), b=(20,)))
    assert (c.multiplications, c.additions, c.parameters) == (5_133_600, 5_133_600, 1_820)
    assert (c.macs, c.flops, c.special, c.comparisons) == (5_133_600, 10_267_200, 0, 0)
    g = cr.trace(lambda X, W: cr.conv2d(X, W), X=(48, 64, 10), W=(3, 3, 10, 20))
    assert cr.cost(g).additions == 5_076_560 and g.output.shape == (46, 62, 20)


@pytest.mark.parametrize("stride, kernel", [((1, 1), (3, 2)), ((2, 3), (3, 2)), ((3, 2), (1, 4))])
def test_gradients_cost_the_products_that_they_add_up(stride, kernel):
    x, w = (2, 8, 9, 3), (*kernel, 3, 4)
    y, reached, _ = by_loops(np.ones(x), np.ones(w), None, *stride)
    products = y.size * kernel[0] * kernel[1] * 3
    for wrt, results in (("w", np.prod(w)), ("x", np.count_nonzero(reached))):
        d = cr.derive(lambda x, w, g: cr.sum(g * cr.conv2d(x, w, stride)), [wrt], x=x, w=w, g=y.shape)
        cost = d.cost
        assert cost.backward.macs == cost.forward.macs == products
        assert cost.backward.additions == products - results


# Text and LaTeX ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("build, text", [
    (lambda x, w: cr.conv2d(x, w), "conv2d(x, v)"),
    (lambda x, w: cr.conv2d(x, w, stride=2), "conv2d(x, v, stride=2)"),
    (lambda x, w: cr.conv2d(x, w, (2, 1), 1), "conv2d(x, v, stride=(2, 1), padding=1)"),
    (lambda x, w: cr.conv2d(x, w, padding=(0, 2)), "conv2d(x, v, padding=(0, 2))"),
    (lambda x, w: cr.conv2d(x, w, padding=((1, 2), (0, 1))), "conv2d(x, v, padding=((1, 2), (0, 1)))"),
    (lambda x, w: cr.conv2d(x, w, 2, "same"), 'conv2d(x, v, stride=2, padding="same")'),
    (lambda x, w: cr.conv2d(cr.pad(x, 1)[..., 1:4], w), None),
    (lambda x, w: cr.conv2d(cr.pad(x, 1), cr.pad(w, 1)), None),
    (lambda x, w: cr.conv2d(x, cr.conv2d(w, w[:1, :1])), "conv2d(x, conv2d(v, v[:1, :1]))"),
    (lambda x, w: conv2d_kernel(x, cr.conv2d(x, w)), "conv2d_kernel(x, conv2d(x, v))"),
    (lambda x, w: conv2d_kernel(x, cr.conv2d(x, w, 2), (3, 3), 2),
     "conv2d_kernel(x, conv2d(x, v, stride=2), size=(3, 3), stride=2)"),
    (lambda x, w: conv2d_input(x, w), None),
    (lambda x, w: conv2d_input(cr.conv2d(x, w), w), "conv2d_input(conv2d(x, v), v)"),
    (lambda x, w: conv2d_input(cr.conv2d(x, w, 2), w, x.shape[1:3], 2),
     "conv2d_input(conv2d(x, v, stride=2), v, size=(h, w), stride=2)"),
])  # fmt: skip
def test_text_round_trips(build, text):
    x, v = leaf("x", ("n", "h", "w", 3)), leaf("v", (3, 3, 3, 3))
    n = build(x, v)
    assert text is None or to_text(n) == text
    assert read(to_text(n), NAMES | {"x": x, "v": v, "h": H, "w": W_}) is n


def test_a_padded_image_with_a_name_is_told_by_its_name():
    def f(x: "h w 1", w: "3 3 1 o"):
        around = cr.pad(x, ((1, 1), (1, 1), (0, 0)))
        y = cr.conv2d(around, w)
        return y

    assert cr.trace(f).text().splitlines()[-1] == "y = conv2d(around, w)"


def entries(n: Node, **values: np.ndarray) -> np.ndarray:
    """What the printed sum says, entry by entry: a reader of its own."""
    (equation,) = LATEX.equations({n: "Y"}, {})
    factor = r"([A-Z])(?:_\{([^}]*)\})?"
    found = re.fullmatch(rf"(?:\\sum_\{{([^}}]*)\}} )?{factor} \\, {factor}", equation.expression)
    assert found, equation.expression
    below, *factors = found.groups()
    free = _indices(equation.name[3:-1])
    at = {k: iter(_indices(below or "")) for k, below in zip(factors[::2], factors[1::2])}
    index = {k: [next(at[k]) if s > 1 else "0" for s in values[k].shape] for k in at}
    shape = iter(free)
    own = [next(shape) if s > 1 else "0" for s in n.shape]
    ranges = dict(zip(own, n.shape)) | {i: s for k in at for i, s in zip(index[k], values[k].shape) if i.isalpha()}
    ranges.pop("0", None)
    conditions = [c.split("=") for c in (below or "").replace(r"\,", "").split(",") if "=" in c]
    result = np.zeros(n.shape)
    for place in itertools.product(*map(range, ranges.values())):
        where = dict(zip(ranges, place)) | {"0": 0}
        if all(_index(a, where) == _index(b, where) for a, b in conditions):
            product = np.prod([values[k][tuple(_index(i, where) for i in index[k])] for k in at])
            result[tuple(where[i] for i in own)] += product
    return result


def _indices(below: str) -> list[str]:
    return below.split(",") if re.search(r"[,+\d]", below) else list(below)


def _index(text: str, where: dict[str, int]) -> int:
    """2i+a"""
    terms = [re.fullmatch(r"(\d*)([a-z]?)", term) for term in text.replace(r"\,", "").split("+")]
    return sum(int(t[1] or (1 if t[2] else 0)) * (where[t[2]] if t[2] else 1) for t in terms if t)


@pytest.mark.parametrize("lead, size, kernel, stride, c, o", [
    ((2,), (4, 5), (3, 2), (1, 1), 3, 2),
    ((2,), (6, 5), (3, 2), (2, 3), 2, 3),
    ((), (5, 4), (1, 1), (1, 1), 2, 3),
    ((2, 3), (4, 3), (1, 2), (3, 1), 1, 2),
    ((), (3, 4), (3, 4), (1, 2), 2, 1),
    ((1,), (1, 5), (1, 2), (1, 2), 1, 1),
])  # fmt: skip
def test_latex_says_what_is_computed(lead, size, kernel, stride, c, o):
    X, W = arrays((*lead, *size, c), (*kernel, c, o))
    y, _, _ = by_loops(X, W, None, *stride)
    (G,) = arrays(y.shape, seed=1)
    _, dx, dw = by_loops(X, W, G, *stride)
    x, w, g = leaf("X", X.shape), leaf("W", W.shape), leaf("G", G.shape)
    np.testing.assert_allclose(entries(cr.conv2d(x, w, stride), X=X, W=W), y, 1e-10, 1e-10)
    np.testing.assert_allclose(entries(conv2d_input(g, w, size, stride), G=G, W=W), dx, 1e-10, 1e-10)
    np.testing.assert_allclose(entries(conv2d_kernel(x, g, kernel, stride), X=X, G=G), dw, 1e-10, 1e-10)


def test_a_convolution_inside_another_is_a_star():
    y = cr.conv2d(cr.conv2d(X, K, 2), leaf("V", (2, 2, "o", 1)), (1, 3))
    (equation,) = LATEX.equations({y: "Y"}, {})
    assert equation.name == "Y_{ijk}"
    assert equation.expression == r"\sum_{l,m,p} \left[X \star_{2} K\right]_{i,j+l,3k+m,p} \, V_{lmp}"
    whole = OPS["conv2d_input"](y, leaf("V", (2, 2, "o", 1)), size=y.args[0].shape[1:3], stride=(1, 3))
    shown = LATEX.equations({cr.conv2d(whole, leaf("U", (1, 2, "o", 1))): "Y"}, {})[0].expression
    assert shown.startswith(r"\sum_{")
