"""Every law of every set is an equation: both sides are computed as they stand, and so are their gradients.

Wherever the left side is finite the right side must equal it; of tidy's laws, which nothing computes with, that is
asked where both are defined.

The left side is computed in extended precision, so that the cancellation that a law cures is not held against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from rewrite.evaluate import AsItStands, concrete

import chainrule as cr
from chainrule.calculus.reverse import gradients
from chainrule.graph.dims import total
from chainrule.graph.errors import NoDerivative, ShapeError
from chainrule.graph.node import BOOLEAN, INTEGER, LEAF, REAL, Node, leaf, node, walk
from chainrule.ops.indexing import arange
from chainrule.rewrite import exponentials, fast, stable, tidy_laws
from chainrule.rewrite.pattern import Attribute, Law, Pattern, fill

SETS = {"exponentials": exponentials.LAWS, "stable": stable.LAWS, "fast": fast.LAWS, "tidy": tidy_laws.LAWS}
LAWS = list({id(law): (title, law) for title, laws in SETS.items() for law in laws}.values())
IDS = [f"{title}: {law.name}" for title, law in LAWS]
SHAPES: list[tuple[int, ...]] = [(), (4,), (3, 4), (3, 1), (1, 4), (2, 3, 4), (4, 4)]
AXES = [(1,), (0,), (0, 1), (2,), (1, 2), ()]


def parts(pattern: Any) -> Iterator[Any]:
    """The unknowns and attributes of a pattern."""
    if isinstance(pattern, Pattern):
        if pattern.op is None:
            yield pattern
        for x in (*pattern.args, *pattern.attrs.values()):
            yield from parts(x)
    elif isinstance(pattern, Attribute):
        yield pattern


def fillings(name: str) -> list[Node]:
    """What an unknown may be: leaves of every shape and kind, numbers, sizes, and what some conditions ask for."""
    plain = [leaf(f"{name}{k}", shape) for k, shape in enumerate(SHAPES)]
    row = plain[2]
    others = [leaf(f"{name}_int", (3, 4), INTEGER), leaf(f"{name}_bool", (4,), BOOLEAN)]
    others += [node(2.5), node(-2), node([1.0, 2.0, 0.5, 3.0]), row[:, :1]]
    small = row / 1000  # what conditions ask for must not itself overflow or cancel
    return plain + others + [cr.exp(small), cr.sigmoid(small[0]), 1 - cr.sigmoid(small), cr.softmax(small), row.T]


def settings(law: Law, attributes: list[Attribute]) -> Iterator[dict[Any, Any]]:
    choices = []
    for attribute in attributes:
        known = [law.at[attribute.name]]
        more = [True, False] if isinstance(known[0], bool) else AXES
        choices.append(known + [x for x in more if x not in known])
    for chosen in product(*choices):
        yield dict(zip(attributes, chosen))


def instances(law: Law, most: int = 60) -> list[tuple[Node, Node]]:
    """(left, right) for unknowns of many shapes and kinds for which the law says something."""
    found = list(dict.fromkeys([*parts(law.left), *parts(law.right)]))
    unknowns = [u for u in found if isinstance(u, Pattern)]
    attributes = [u for u in found if isinstance(u, Attribute)]
    combinations = list(product(*[fillings(u.name) for u in unknowns]))
    combinations = [combinations[k] for k in np.random.default_rng(0).permutation(len(combinations))[:1500]]
    made: dict[Node, Node] = {}
    seen: dict[Any, int] = {}
    for setting in settings(law, attributes):
        for nodes in combinations:
            try:
                left = fill(law.left, dict(zip(unknowns, nodes)) | setting)
            except (ShapeError, TypeError, RuntimeError):  # RuntimeError: an axis that does not exist
                continue
            if left.op is not law.left.op or not sensible(left):
                continue
            right = law.apply(left)
            kind = (tuple(x.op for x in nodes), tuple(x.ndim for x in nodes), *setting.values())
            if right is not None and seen.get(kind, 0) < 1:
                made[left], seen[kind] = right, seen.get(kind, 0) + 1
    keys = list(made)
    keep = keys if len(keys) <= most else [keys[k] for k in np.linspace(0, len(keys) - 1, most).astype(int)]
    return [(left, made[left]) for left in keep]


def sensible(n: Node) -> bool:
    """Axes that exist, and no negative integer power of an integer, which NumPy refuses."""
    for x in walk(n):
        axis = dict(x.attrs).get("axis", ())
        if any(k >= x.args[0].ndim for k in axis) or (x.op.name == "softmax" and not axis):
            return False
        if dict(x.attrs).get("axes", True) == ():
            return False
        if x.op.name == "pow" and x.kind == INTEGER:
            return False
    return True


def values(law: Law, leaves: list[Node], way: int) -> dict[str, np.ndarray]:
    """Random points, then more and more of the edges, zeros, the tiny and the large."""
    low, high = law.domain
    rng = np.random.default_rng(way)
    special = [low, high, 0.0, 1e-8, -1e-8, 1.0, -1.0, 36.0, -36.0, 1e3, -1e3, 0.5]
    special = [x for x in special if low <= x <= high]
    found = {}
    for n in leaves:
        shape = concrete(n)
        if n.kind == BOOLEAN:
            found[n.attr("name")] = rng.random(shape) < 0.5
            continue
        drawn = rng.uniform(low, high, shape) if way == 0 else rng.choice(special, shape)
        if way == 1:
            drawn = np.where(rng.random(shape) < 0.5, rng.uniform(max(low, -2), min(high, 2), shape), drawn)
        found[n.attr("name")] = np.clip(drawn, -9, 9).astype(int) if n.kind == INTEGER else drawn
    return found


def weighted(y: Node) -> Node:
    return cr.sum(y * cr.reshape(cr.sin(1 + arange(total(y.shape))), y.shape))


def slopes(left: Node, right: Node) -> list[tuple[Node, Node]]:
    """The gradients of both sides in every real leaf."""
    wanted = [n for n in walk(left) if n.op is LEAF and n.kind == REAL]
    if left.kind != REAL or not wanted:
        return []
    try:
        return list(zip(gradients(weighted(left), wanted), gradients(weighted(right), wanted)))
    except NoDerivative:
        return []


def agree(left: np.ndarray, right: np.ndarray, what: str, terms: float = 1, both: bool = False) -> None:
    assert left.shape == right.shape, what
    finite = np.isfinite(left) & (np.abs(left) < 1e290) & (np.isfinite(right) | (not both))
    expected, got = np.asarray(left[finite], float), right[finite]
    scale = max(terms, np.max(np.abs(expected), initial=0))  # sums may cancel: no better than their largest terms
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-13 * scale, err_msg=what)


def check(pairs: list[tuple[Node, Node]], law: Law, ways: int = 4) -> None:
    lefts = AsItStands([x for x, _ in pairs] * 2)
    rights = AsItStands([y for _, y in pairs] * 2)
    for way in range(ways):
        point = values(law, list(dict.fromkeys(lefts.leaves + rights.leaves)), way)
        try:
            expected = lefts(point, extended=True)
        except TypeError:  # SciPy's xlogy knows no long doubles
            expected = lefts(point)
        for (left, right), x, y in zip(pairs, expected, rights(point)):
            assert (left.shape, left.kind) == (right.shape, right.kind)
            products = any(n.op.name == "matmul" for n in walk(left))
            largest = max(map(abs, law.domain)) ** 2 if products else 1
            agree(x, y, f"{law.name}: {left!r} -> {right!r}", largest, both=law in tidy_laws.LAWS)


@pytest.mark.parametrize("law", [law for _, law in LAWS], ids=IDS)
def test_a_law_is_an_equation(law: Law):
    found = instances(law)
    assert found, "no choice of the unknowns meets the law's condition"
    check(found, law)


@pytest.mark.parametrize("law", [law for _, law in LAWS], ids=IDS)
def test_a_law_keeps_the_gradients(law: Law):
    pairs = [pair for left, right in instances(law, 16) for pair in slopes(left, right)]
    if pairs:
        check(pairs, law)
