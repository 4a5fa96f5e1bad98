"""What other counters say: each of their numbers from ours, and ResNet-34's."""

from __future__ import annotations

import pytest

import chainrule as cr
from chainrule.graph.dims import symbol
from chainrule.graph.errors import InputError, NamingError
from chainrule.views.counters import Counters

n, d, h, k = map(symbol, "ndhk")
IMAGE = dict(X=(48, 64, 10), W=(3, 3, 10, 20), b=20)


def patches(x, rows: int, columns: int, stride: int = 1):
    """What a kernel of (rows, columns) sees at each position of x (…, height, width, channels), side by side."""
    height, width = (int(s) for s in x.shape[-3:-1])
    seen = [
        x[..., i : height - rows + i + 1 : stride, j : width - columns + j + 1 : stride, :]
        for i in range(rows)
        for j in range(columns)
    ]
    return cr.concatenate(seen, axis=-1)


def convolution(X, W, b):
    rows, columns, into, out = (int(s) for s in W.shape)
    return patches(X, rows, columns) @ cr.reshape(W, (rows * columns * into, out)) + b


def test_four_counters_of_one_convolution():
    c = cr.cost(convolution, **IMAGE)
    table = c.conventions()
    assert c.biases == c.results == 46 * 62 * 20 == 57_040
    assert table["MACs"] == c.macs == 5_133_600
    assert table["MACs + biases"] == c.macs + c.biases == 5_190_640
    assert table["FLOPs"] == c.flops == 2 * c.macs == 10_267_200
    assert table["FLOPs + biases"] == c.flops + c.biases == 10_324_240
    assert table["FLOPs, k − 1 additions"] + c.biases == c.multiplications + c.additions == 10_267_200
    assert table["operations"] == c.multiplications + c.additions
    text = str(table)
    for number in ("5,133,600", "5,190,640", "10,267,200", "10,324,240"):
        assert number in text


def test_the_operation_and_its_patches_are_counted_alike():
    whole = cr.cost(lambda X, W, b: cr.conv2d(X, W) + b, X=(1, 48, 64, 10), W=(3, 3, 10, 20), b=20)
    apart = cr.cost(convolution, **IMAGE)
    assert whole == apart and (whole.results, whole.biases) == (apart.results, apart.biases)


def test_biases_are_parameters_added_to_contractions():
    def biases(f, **shapes):
        return cr.cost(f, **shapes).biases

    layer = dict(X="n d", W="d h", b="h")
    assert biases(lambda X, W, b: X @ W + b, **layer) == biases(lambda X, W, b: b + X @ W, **layer) == n * h
    assert biases(lambda X, W, b: cr.reshape((X @ W).T, (-1,)) + 2.0, **layer) == 0
    assert biases(lambda X, W, b: cr.tanh(X @ W) + b, **layer) == 0  # no bias of the product
    assert biases(lambda x, W, b: W @ x + b, x="d", W="h d", b="h") == h
    assert biases(lambda x, W: W @ x + x, x="d", W="d d") == 0  # x is data: a way round the layer
    assert biases(lambda X, W, c: X @ W + c, X="n d", W="d h", c="h") == 0
    assert cr.derive(lambda X, W, b: cr.sum(X @ W + b), wrt=["W", "b"], **layer).cost.forward.biases == n * h


@pytest.mark.parametrize(
    "f",
    [
        lambda W, x, U, h, b: W @ x + U @ h + b,
        lambda W, x, U, h, b: W @ x + b + U @ h,
        lambda W, x, U, h, b: b + W @ x + U @ h,
        lambda W, x, U, h, b: W @ x + (U @ h + b),
        lambda W, x, U, h, b: (W @ x - h) + b,
        lambda W, x, U, h, b: h + b + W @ x,
        lambda W, x, U, h, b: cr.reshape(W @ x, (-1, 1))[:, 0] + U @ h + b,
    ],
)
def test_a_bias_is_one_wherever_it_stands_in_the_sum(f):
    shapes = dict(W="n n", x="n", U="n n", h="n", b="n")
    for whole in (f, lambda W, x, U, h, b: cr.sum(cr.tanh(f(W, x, U, h, b)))):
        c = cr.cost(whole, **shapes)
        assert c.biases == n and c.conventions()["MACs + biases"] == c.macs + n
    parts = cr.cost(lambda W, x, U, h, b: cr.tanh(x + b) + cr.tanh(W @ h), **shapes)
    assert parts.biases == 0  # no term of that sum is a product


def test_two_biases_are_two():
    shapes = dict(W="h d", x="d", b1="h", b2="h")
    assert cr.cost(lambda W, x, b1, b2: W @ x + b1 + b2, **shapes).biases == 2 * h
    assert cr.cost(lambda W, x, b1, b2: b1 + b2 + W @ x, **shapes).biases == 2 * h


def test_polynomials():
    table = cr.cost(lambda X, W, b: X @ W + b, X="n d", W="d h", b="h").conventions()
    assert table["FLOPs, k − 1 additions"] == n * h * (2 * d - 1)
    assert table["MACs + biases"] == n * h * (d + 1)
    with pytest.raises(NamingError, match="there is no convention 'MAC'; there are multiplications, "):
        table["MAC"]


def test_training_is_not_three_times_the_forward_pass():
    def deep(X, Y, W1, W2):
        return cr.mean((cr.tanh(X @ W1) @ W2 - Y) ** 2)

    c = cr.derive(deep, wrt=["W1", "W2"], X="n d", Y="n k", W1="d h", W2="h k").cost
    flops = c.conventions()["FLOPs"]
    assert list(flops) == ["forward", "backward", "total"]
    assert c.conventions()["rule of thumb"] == {"total": 3 * flops["forward"]}["total"]
    assert 3 * flops["forward"] - flops["total"] == 2 * n * d * h  # the gradient of the data
    assert "rule of thumb" in str(c.conventions()) and "rule of thumb" in c.at(n=2).conventions()._repr_html_()


def test_who_counts_what_is_told_where_it_holds():
    table = cr.cost(lambda X, W: X @ W, X="n d", W="d h").conventions()
    told = {row.name: row.used_by for row in table.rows}
    assert "forward" in told["MACs"] and "forward" in told["MACs + biases"]  # fvcore and ptflops have no backward pass
    assert "mv, dot and outer" in str(table) and "5 for each entry of a softmax" in str(table)
    assert "5 for each entry of a softmax" in table._repr_html_()


def test_what_pytorch_counts():
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    def counted(f, *shapes: tuple[int, ...]) -> int:
        arrays = [torch.ones(shape, requires_grad=True) for shape in shapes]
        with FlopCounterMode(display=False) as mode:
            f(*arrays).sum().backward()
        return mode.get_total_flops()

    def flops(f, **shapes) -> int:
        return cr.derive(lambda A, B: cr.sum(f(A, B)), **shapes).cost.total.flops

    matrices = dict(A=(3, 4), B=(4, 5))
    assert counted(lambda A, B: A @ B, *matrices.values()) == flops(lambda A, B: A @ B, **matrices) == 6 * 3 * 4 * 5
    assert counted(lambda A, x: A @ x, (3, 4), (4,)) == 0 < flops(lambda A, B: A @ B, A=(3, 4), B=4)
    assert counted(lambda x, y: x @ y, (4,), (4,)) == 0
    assert counted(torch.outer, (3,), (4,)) == 0


# XLA's own count ---------------------------------------------------------------------------------------------------


def test_xla_counts_near_our_flops():
    g = cr.trace(lambda X, W, b: cr.tanh(X @ W + b), X="n d", W="d h", b="h")
    table = cr.compare_counts(g, n=10, d=20, h=30)
    assert isinstance(table, Counters)
    assert table["XLA"] == table["FLOPs + biases"] == 12_300  # and the 300 tanh apart
    assert "at d = 20, h = 30, n = 10" in str(table)


def test_xla_keeps_to_no_bound():
    outer = cr.compare_counts(cr.trace(lambda x, y: cr.outer(x, y), x="n", y="m"), n=30, m=40)
    assert outer["XLA"] == 30 * 40 == outer["FLOPs"] // 2

    def layers(X: "N d", Y: "N C", W: "d h", V: "h C"):
        return cr.sum((cr.relu(X @ W) @ V - Y) ** 2)

    wide = cr.compare_counts(cr.derive(layers, wrt=["W", "V"]), N=32, d=784, h=100, C=10)
    assert wide["XLA"] > wide["operations"]["total"]


def test_xla_counts_a_derivation():
    d = cr.derive(lambda X, W: cr.sum(X @ W), wrt="W", X="n d", W="d h")
    found = cr.compare_counts(d, n=10, d=20, h=30)
    assert found["XLA"] > 0 and found.rows[-1].answers.keys() == {"total"}


def test_xla_needs_every_size():
    g = cr.trace(lambda X, W: X @ W, X="n d", W="d h")
    with pytest.raises(InputError, match=r"needs d=…, h=…, n=…; it was given n"):
        cr.compare_counts(g, n=3)
    assert cr.compare_counts(cr.trace(lambda X, W: X @ W, X=(2, 3), W=(3, 5)))["XLA"] == 60


# ResNet-34 ---------------------------------------------------------------------------------------------------------

STAGES = [(64, 3), (128, 4), (256, 6), (512, 3)]  # channels, blocks; He, Zhang, Ren, Sun 2016, table 1


def resnet34() -> cr.Graph:
    """The cost of a network is that of its shapes: batch norm as a scale and a shift, one image, a sum as the loss."""
    shapes = {"X": (1, 224, 224, 3)}
    weights: list[str] = []

    def weight(*shape: int) -> str:
        weights.append(f"W{len(weights)}")
        shapes[weights[-1]] = shape
        return weights[-1]

    blocks = []  # (convolutions as (weight, gamma, beta, stride), the way round)
    into, stem = 64, (weight(7, 7, 3, 64), weight(64), weight(64), 2)
    for stage, (out, count) in enumerate(STAGES):
        for block in range(count):
            stride = 2 if stage and not block else 1
            first = weight(3, 3, into, out), weight(out), weight(out), stride
            second = weight(3, 3, out, out), weight(out), weight(out), 1
            short = (weight(1, 1, into, out), weight(out), weight(out), stride) if into != out else None
            blocks.append((first, second, short))
            into = out
    last = weight(512, 1000), weight(1000)

    def f(X, **W):
        def layer(x, kernel, gamma, beta, stride):
            rows, columns, into, out = (int(s) for s in W[kernel].shape)
            seen = patches(cr.pad(x, [(0, 0), (rows // 2,) * 2, (columns // 2,) * 2, (0, 0)]), rows, columns, stride)
            return (seen @ cr.reshape(W[kernel], (rows * columns * into, out))) * W[gamma] + W[beta]

        x = cr.relu(layer(X, *stem))
        x = x[:, ::2, ::2, :]  # where the largest of nine is taken: the same shape
        for first, second, short in blocks:
            y = layer(cr.relu(layer(x, *first)), *second)
            x = cr.relu(y + (x if short is None else layer(x, *short)))
        return cr.sum(cr.mean(x, axis=(1, 2)) @ W[last[0]] + W[last[1]])

    scope: dict = {"f": f}
    exec(f"def resnet34({', '.join(shapes)}): return f({', '.join(f'{k}={k}' for k in shapes)})", scope)
    return cr.trace(scope["resnet34"], **shapes)


def test_resnet34():
    g = resnet34()
    c = cr.derive(g, wrt=[k for k in g.inputs if k != "X"]).cost
    assert c.parameters == 21_797_672
    assert c.forward.flops == 7_327_522_816
    assert c.total.flops == 21_746_540_544
    assert round(c.ratio, 3) == 1.968
    first = 112 * 112 * 64 * 7 * 7 * 3
    assert c.backward.macs == 2 * c.forward.macs - first  # nobody needs the gradient of the image
    table = c.conventions()
    assert table["FLOPs"]["total"] == 21_746_540_544 and table["rule of thumb"] == 3 * 7_327_522_816
