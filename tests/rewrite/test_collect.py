"""Sums of multiples, each quantity with one factor."""

from __future__ import annotations

import numpy as np
import pytest
from rewrite.evaluate import AsItStands, concrete

import chainrule as cr
from chainrule.graph.node import Node, leaf
from chainrule.rewrite.collect import collect
from chainrule.views.text import to_text

w, g, m, v = (leaf(name, ("n",)) for name in "wgmv")
lr, lam, rho, b1, eps, b, gb = (leaf(name) for name in ("lr", "lam", "rho", "b1", "eps", "b", "gb"))
NAMES = {n: n.attr("name") for n in (w, g, m, v, lr, lam, rho, b1, eps, b, gb)}
QUANTITIES = frozenset({w, g, m, v, b, gb})

CASES: list[tuple[Node, str]] = [
    (w - lr * (g + 2 * lam * w), "(1 - 2·lr·lam)·w - lr·g"),
    (w - lr * (g + lam * w), "(1 - lr·lam)·w - lr·g"),
    (w - 0.1 * (g + 2 * 0.01 * w), "0.998·w - 0.1·g"),
    (w - lr * g - lr * lam * w, "(1 - lr·lam)·w - lr·g"),
    ((1 - lr * lam) * w - lr * g, "(1 - lr·lam)·w - lr·g"),
    (w - lr * (g + lam * cr.sign(w)), "w - lr·(g + lam·sign(w))"),
    (w - lr * g, "w - lr·g"),
    (rho * v - lr * g, "rho·v - lr·g"),
    (w - lr * (g + rho * (rho * v + g)), "w - lr·(1 + rho)·g - lr·rho²·v"),
    (m + (1 - b1) * (g - m), "b1·m + (1 - b1)·g"),
    (b1 * m + (1 - b1) * g, "b1·m + (1 - b1)·g"),
    (b1 * v + (1 - b1) * g**2, "b1·v + (1 - b1)·g²"),
    (w - lr * (m / (cr.sqrt(v) + eps) + lam * w), "(1 - lr·lam)·w - lr·(m / (sqrt(v) + eps))"),
    (w - lr * (m / (cr.sqrt(v) + eps)), "w - lr·m / (sqrt(v) + eps)"),
    (b - lr * (gb + 2 * lam * b), "(1 - 2·lr·lam)·b - lr·gb"),
    (w + g - w, "g"),
    (-(w + g) - w, "-(2·w) - g"),
]


@pytest.mark.parametrize(("written", "wanted"), CASES, ids=[shown for _, shown in CASES])
def test_collecting(written: Node, wanted: str):
    found = collect(written, NAMES, QUANTITIES)
    assert to_text(found, NAMES) == wanted
    rng = np.random.default_rng(1)
    before, after, _ = AsItStands([written, found, w])(
        {k.attr("name"): rng.uniform(0.5, 2, concrete(k)) for k in NAMES}
    )
    np.testing.assert_allclose(after, before, rtol=1e-12)


def test_what_cancels_is_nothing_in_its_shape():
    found = collect(w - w + 0 * g, NAMES, QUANTITIES)
    assert found is cr.broadcast_to(0.0, ("n",))


def test_what_has_a_name_is_one_quantity():
    new = rho * v - lr * g
    assert collect(w + new, NAMES | {new: "v_new"}, QUANTITIES) is w + new
