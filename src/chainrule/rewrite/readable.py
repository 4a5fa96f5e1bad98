"""What was derived by machine, such as a Jacobian or a Hessian, in the form a reader wants and in given names.

Such a node is made to be computed: from the stable form of the graph, with guarded quotients and shared parts. It stays
so, and a program is made of it as it is. Only to be read is it tidied, and only what is read has fewer guards: x/‖x‖ is
printed where 0 at x = 0 is computed.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from ..graph.node import LEAF, Node, walk
from ..ops.arithmetic import DIV, MUL
from .engine import Rules, rewrite
from .expand import expand, primitives
from .exponentials import recognise
from .matrices import MATRIX_RULES, AsMatrices
from .stable import stabilise
from .tidy import tidy

_READABLE = 5_000  # nodes: nobody reads more, so it is printed as it is


def readable(roots: Iterable[Node], names: Mapping[Node, str]) -> dict[Node, Node]:
    """What each of `roots` becomes to be read, in the quantities that have `names`, which stay as they are."""
    roots = list(roots)
    named = [n for n in names if n.op is not LEAF]
    if not roots or len(walk(*roots, *names)) > _READABLE:
        return {r: r for r in roots}
    written = _other_forms(named, names)
    known = frozenset([*names, *written])

    found = {}
    for r in roots:
        short = tidy(r, known)
        matrices = _read(short, known)
        if matrices is not short:
            short = tidy(matrices, known)
        found[r] = rewrite([short], lambda n: None, written)[short]
    return found


def _read(root: Node, known: Container[Node]) -> Node:
    rules = Rules((), [((MUL, DIV), AsMatrices(known), None), *MATRIX_RULES])
    return rewrite([root], rules, {n: n for n in walk(root) if n in known})[root]


def _other_forms(named: list[Node], names: Mapping[Node, str]) -> dict[Node, Node]:
    """Other form of a named quantity -> the quantity as it was written: its stable form, or the softmax that it is."""
    if not named:
        return {}
    opened = expand(named, primitives(), "reading")
    stable = stabilise([opened[n] for n in named])
    recognised = recognise(named, names)
    other: dict[Node, Node] = {}
    for n in named:
        for m in (recognised[n], stable[opened[n]]):
            if m is not n and m.args and m not in names:
                other.setdefault(m, n)
    return other


__all__ = ["readable"]
