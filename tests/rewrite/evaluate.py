"""Graphs evaluated exactly as they stand: no law is applied on the way to NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.engines.load import load
from chainrule.engines.numpy import DIALECT
from chainrule.graph.dims import Dim, evaluate
from chainrule.graph.node import LEAF, Node, walk
from chainrule.rewrite.expand import expand
from chainrule.views.source import print_program

SIZES = {"n": 3, "m": 4, "k": 2, "h": 5}


def concrete(n: Node, sizes: Mapping[str, int] = SIZES) -> tuple[int, ...]:
    return tuple(evaluate(s, sizes) if isinstance(s, Dim) else s for s in n.shape)


class AsItStands:
    """The nodes as one function of {leaf name: array}; `extended` computes in long doubles where every kernel can."""

    def __init__(self, nodes: Sequence[Node]):
        opened = expand(nodes, DIALECT.kernel, "numpy")
        roots = [opened[n] for n in nodes]
        self.leaves = [n for n in walk(*nodes) if n.op is LEAF]
        self.function = load(print_program("as_it_stands", self.leaves, roots, DIALECT))

    def __call__(self, values: Mapping[str, Any], extended: bool = False) -> list[np.ndarray]:
        given = [np.asarray(values[n.attr("name")]) for n in self.leaves]
        if extended:
            given = [a.astype(np.longdouble) if a.dtype.kind == "f" else a for a in given]
        with np.errstate(all="ignore"):
            return [np.asarray(r) for r in self.function(*given)]


def evaluated(nodes: Sequence[Node], values: Mapping[str, Any], extended: bool = False) -> list[np.ndarray]:
    found = AsItStands([*nodes, nodes[0]])(values, extended)  # two results at least: a single one is no tuple
    return found[:-1]
