"""The adjoint of every quantity of a graph, named or not, as a graph that computes it safely.

Stable laws may pass a quantity by: after them log(softmax(z)) never forms the softmax P, and an adjoint read off at P
would be that of another program. So adjoints are read off one stable backward pass where the laws have left everything
that a quantity goes into as it was; any other quantity gets a pass of its own, from a loss cut there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from ..graph.node import LEAF, REAL, Node, constant, walk
from ..rewrite.expand import expand, primitives
from ..rewrite.stable import stabilise
from .differentiate import differentiate
from .reverse import adjoints, pull


def passes_back(output: Node, wrt: Sequence[Node]) -> dict[Node, list[Node]]:
    """Every node on a way back from the output to `wrt`, with the arguments to which it passes an adjoint.

    What the output does not depend on is there too, and passes nothing.
    """
    asked = dict.fromkeys(wrt)
    active: set[Node] = {w for w in asked if w.kind == REAL}
    order = walk(output)
    for n in order:
        if n.kind == REAL and any(a in active for a in n.args):
            active.add(n)
    found: dict[Node, list[Node]] = {output: []} if output in active else {}
    for y in reversed(order):
        if y in found:
            # an adjoint of its own name: no input's has a space
            cotangent = LEAF(name=" adjoint", shape=y.shape, kind=REAL)
            found[y] = list(dict.fromkeys(a for a, _ in pull(y, cotangent, active)))
            for a in found[y]:
                found.setdefault(a, [])
    ways: dict[Node, list[Node]] = {}
    for n in order:  # where a derivative stops, as at cr.stop_gradient, nothing comes back
        through = [a for a in found.get(n, ()) if a in ways]
        if n in found and (through or n in asked or n is output):
            ways[n] = through
    return ways | {w: [] for w in asked if w not in ways}


def every_adjoint(output: Node, wanted: Collection[Node]) -> dict[Node, Node]:
    """∂output/∂n for each n of `wanted`: safe at large numbers too, whatever the stable laws make of n."""
    wanted = list(wanted)
    simple = primitives()
    opened = expand([output, *wanted], simple, "differentiating")
    stable = stabilise(opened.values())
    order = walk(output)
    kept = _kept(opened[output], stable)
    kept -= {m for m, count in Counter(opened[n] for n in order).items() if count > 1}
    for n in order:
        if n.op not in simple and n.args:  # what stands inside its meaning may stand elsewhere too
            ends = {opened[a] for a in n.args}
            kept -= {m for m in walk(opened[n], stop=ends) if m not in ends and m is not opened[n]}
    safe = [n for n in wanted if opened[n] in kept]
    targets = {stable[opened[n]] for n in safe}
    found = adjoints(stable[opened[output]], constant(1.0), targets)
    made = {n: found[stable[opened[n]]] for n in safe if stable[opened[n]] in found}
    rest = [n for n in wanted if n not in made]
    made |= zip(rest, differentiate(output, rest).gradients)
    return {n: made[n] for n in wanted}


def _kept(output: Node, stable: dict[Node, Node]) -> set[Node]:
    """The nodes whose adjoint is that of what they became: all that uses them has stayed as it was, and is kept too."""
    order = walk(output)
    users: dict[Node, set[Node]] = {n: set() for n in order}
    for y in order:
        for a in y.args:
            users[a].add(y)
    became: dict[Node, int] = {}
    for n in order:
        became[stable[n]] = became.get(stable[n], 0) + 1
    users_after: dict[Node, set[Node]] = {}
    for y in walk(stable[output]):
        for a in y.args:
            users_after.setdefault(a, set()).add(y)
    kept: set[Node] = set()
    for n in reversed(order):
        if became[stable[n]] > 1 or not all(y in kept and _stayed(y, stable) for y in users[n]):
            continue
        if users_after.get(stable[n], set()) == {stable[y] for y in users[n]}:
            kept.add(n)
    return kept


def _stayed(y: Node, stable: dict[Node, Node]) -> bool:
    now = stable[y]
    return now.op is y.op and now.attrs == y.attrs and now.args == tuple(stable[a] for a in y.args)


__all__ = ["every_adjoint", "passes_back"]
