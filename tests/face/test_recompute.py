"""`cr.measure_recompute`: what it measures, checked where it can be foreseen."""

from __future__ import annotations

import json

import pytest

import chainrule as cr
from chainrule.graph.errors import GraphError, InputError, NamingError


def deep(X: "n d", W1: "d d", W2: "d d", W3: "d d", W4: "d d", W5: "d d", W6: "d d"):
    h1 = cr.tanh(X @ W1)
    h2 = cr.tanh(h1 @ W2)
    h3 = cr.tanh(h2 @ W3)
    h4 = cr.tanh(h3 @ W4)
    h5 = cr.tanh(h4 @ W5)
    h6 = cr.tanh(h5 @ W6)
    return cr.sum(h6**3)


D = cr.derive(deep, wrt=[f"W{k}" for k in range(1, 7)])


def test_on_numpy():
    r = cr.measure_recompute(D, keep=["h2", "h4"], n=300, d=10, repeats=2)
    assert r.difference == 0
    assert r.recomputed.peak_bytes < r.kept.peak_bytes < r.plain.peak_bytes
    layer = 4 * 300 * 10
    assert 6 * layer < r.kept.peak_bytes < 10 * layer and r.recomputed.peak_bytes < 7.5 * layer
    assert r.peak_ratio == r.recomputed.peak_bytes / r.kept.peak_bytes < 0.85
    assert min(r.plain.seconds, r.kept.seconds, r.recomputed.seconds) > 0
    assert r.ratio == r.recomputed.seconds / r.kept.seconds
    # 6 products forward, 11 backward, 4 again
    assert r.counted_ratio == 21 / 17 and r.counted.again.macs == 4 * 300 * 10 * 10
    assert r.plain.flops is None


def test_nothing_kept():
    r = cr.measure_recompute(D, n=300, d=10, repeats=1, dtype="float64")
    assert r.counted.kept_bytes() == 0 and r.difference == 0 and r.dtype == "float64"
    assert r.peak_ratio > 0.9  # the second forward pass holds what the first did not


def test_on_xla():
    r = cr.measure_recompute(D, keep="h3", engine="xla", n=30, d=10, repeats=1)
    assert r.difference < 1e-4
    assert r.plain.flops and r.recomputed.flops and r.recomputed.flops >= r.plain.flops
    assert "XLA counts" in str(r)


def test_the_table():
    r = cr.measure_recompute(D, keep=["h3"], n=20, d=5, repeats=1)
    text = str(r)
    assert [line.split("  ")[0] for line in text.splitlines()[1:4]] == [
        "cr.compile(d)",
        "letting go of each result",
        "keeping h3",
    ]
    assert "on numpy in float32 at d = 5, n = 20; gradients differ by 0 at most" in text
    assert "computed again: 5·n·d² = 2,500 multiplications" in text
    assert "<table>" in r._repr_html_()
    facts = json.loads(json.dumps(r.as_dict()))
    assert facts["programs"].keys() == {"cr.compile(d)", "letting go of each result", "keeping h3"}
    assert facts["counted"]["keep"] == ["h3"]


def test_without_products_there_is_no_ratio_of_macs():
    d = cr.derive(lambda x: cr.sum(cr.exp(x) ** 2), x=5)
    r = cr.measure_recompute(d, repeats=1)
    assert r.counted_ratio != r.counted_ratio and r.as_dict()["counted_ratio"] is None


def test_labels_lie_in_range():
    def classifier(X: "n d", y: "int[n]", W: "d k"):
        Z = X @ W
        return -cr.mean(cr.log(cr.softmax(Z))[cr.arange(X.shape[0]), y])

    r = cr.measure_recompute(cr.derive(classifier, wrt="W"), keep="Z", n=40, d=3, k=2, repeats=1)
    assert r.difference == 0


def test_errors():
    with pytest.raises(InputError, match="deep needs d=…, n=…; it was given n"):
        cr.measure_recompute(D, n=3)
    with pytest.raises(InputError, match="there is no size called q: the sizes are d, n"):
        cr.measure_recompute(D, n=3, d=2, q=1)
    with pytest.raises(InputError, match="there is no size called n: all sizes are numbers"):
        cr.measure_recompute(cr.derive(lambda x: cr.sum(x**2), x=3), n=3)
    with pytest.raises(InputError, match="the size d must be an integer, at least 1, not 0"):
        cr.measure_recompute(D, n=3, d=0)
    with pytest.raises(GraphError, match="takes a derivation"):
        cr.measure_recompute(deep, n=3, d=2)
    with pytest.raises(InputError, match="repeats must be at least 1, not 0"):
        cr.measure_recompute(D, n=3, d=2, repeats=0)
    with pytest.raises(NamingError, match="keep: 'h7'"):
        cr.measure_recompute(D, keep="h7", n=3, d=2)
    with pytest.raises(NamingError, match=r"keep: 'X' .* it is an input, which is there anyway"):
        cr.measure_recompute(D, keep="X", n=3, d=2)
