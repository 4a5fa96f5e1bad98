"""Where the boxes of a picture stand and how its arrows run.

Boxes stand in ranks, every arrow leads to a later rank. Ranks and the order in each are fast-sugiyama's; it knows no
sizes, so the places across are found here: each box is drawn towards its neighbours, and within a rank the order and
the distances hold exactly (an isotonic regression). An arrow that passes a rank has a place of its own there, so none
runs through a box.

Coordinates are (along, across): along the direction in which arrows run, and across it. A picture reads from left to
right, or downwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import NamedTuple

from ..graph.errors import InternalError

APART = 22.0  # between boxes of a rank
_PASSING = 14.0  # the room of an arrow that passes a rank
_BETWEEN = 36.0  # the least distance between ranks
_PORT = 16.0  # between arrows that reach one box
_SWEEPS = 24
_SLACK = 0.3  # how much a passing place keeps to the line of its arrow, in what a box does


class Extent(NamedTuple):
    """A box as it is to be placed: its lengths along and across, and the room that its label needs behind it."""

    along: float
    across: float
    label: float = 0.0


class Arrow(NamedTuple):
    """From box to box; `ordered` where it must arrive in its turn among the arrows of its target."""

    source: int
    target: int
    ordered: bool


class Place(NamedTuple):
    """The centre of a box."""

    along: float
    across: float


@dataclass(frozen=True)
class Layout:
    """Places of the boxes; for each arrow the ranks that it passes, as (enters, leaves, across), its ends included."""

    places: tuple[Place, ...]
    routes: tuple[tuple[tuple[float, float, float], ...], ...]
    ranks: tuple[tuple[float, float], ...]  # where each begins and ends, along
    sides: tuple[tuple[float, float], ...]  # and across
    length: float
    breadth: float


def place(extents: Sequence[Extent], arrows: Sequence[Arrow]) -> Layout:
    """Places for boxes and routes for arrows. Nothing overlaps."""
    if not extents:
        return Layout((), (), (), (), 0.0, 0.0)
    return _Placing(extents, arrows).layout()


class _Placing:
    """Items 0, 1, … are the boxes; those after them the places where arrows pass a rank."""

    def __init__(self, extents: Sequence[Extent], arrows: Sequence[Arrow]):
        self.arrows = arrows
        arriving: dict[int, list[int]] = {}
        for k, arrow in enumerate(arrows):
            arriving.setdefault(arrow.target, []).append(k)
        self.arriving = arriving
        self.extents = [
            e._replace(across=max(e.across, _PORT * len(arriving.get(k, ())))) for k, e in enumerate(extents)
        ]
        self.rank: list[int] = [0] * len(extents)
        self.layers: list[list[int]] = []
        self.chains: dict[tuple[int, int], list[int]] = {}
        self._order()
        self._untangle()
        self.across = self._spread()

    def _order(self) -> None:
        """Ranks, the order in each, and through which passing places the arrows run."""
        pairs = sorted({(a.source, a.target) for a in self.arrows})
        shift = 0.0
        put: list[tuple[int, float, int]] = []  # (rank, across, item)
        for part in _parts(len(self.extents), pairs):
            at, onward = _sugiyama(part, pairs)
            put += [(at[item][0], shift + at[item][1], item) for item in part]
            for pair in [pair for pair in pairs if pair[0] in at]:
                self.chains[pair] = []
                for passed in _passed(pair, onward):
                    put.append((at[passed][0], shift + at[passed][1], len(self.rank)))
                    self.chains[pair].append(len(self.rank))
                    self.rank.append(0)
            shift += max(x for _, x in at.values()) + 1.0
        self.layers = [[] for _ in range(1 + max(rank for rank, _, _ in put))]
        for rank, _, item in sorted(put):
            self.rank[item] = rank
            self.layers[rank].append(item)

    def _untangle(self) -> None:
        """Neighbours change places where fewer arrows cross then, the order of arguments included."""
        before: list[list[tuple[int, float]]] = [[] for _ in self.rank]
        after: list[list[tuple[int, float]]] = [[] for _ in self.rank]
        for target, arriving in self.arriving.items():
            turn = {self.arrows[k].source: j for j, k in reversed(list(enumerate(arriving)))}
            ordered = any(self.arrows[k].ordered for k in arriving)
            for source, j in turn.items():
                path = [source, *self.chains[source, target], target]
                for a, b in pairwise(path):
                    end = 0.5 * j / len(arriving) if b == target and ordered else 0.0
                    after[a].append((b, end))
                    before[b].append((a, 0.0))
        slot = self.slot = {item: k for layer in self.layers for k, item in enumerate(layer)}
        for _ in range(4):
            changed = False
            for layer in self.layers:
                for k in range(len(layer) - 1):
                    a, b = layer[k], layer[k + 1]
                    now = _crossings(after[a], after[b], slot) + _crossings(before[a], before[b], slot)
                    then = _crossings(after[b], after[a], slot) + _crossings(before[b], before[a], slot)
                    if then < now:
                        layer[k], layer[k + 1] = b, a
                        slot[a], slot[b] = k + 1, k
                        changed = True
            if not changed:
                break

    # Across ----------------------------------------------------------------------------------------------------------

    def _half(self, item: int) -> float:
        return (self.extents[item].across if item < len(self.extents) else _PASSING) / 2

    def _spread(self) -> list[float]:
        """Places across: every item near its neighbours, in order and without overlap."""
        before: list[list[tuple[int, float]]] = [[] for _ in self.rank]
        after: list[list[tuple[int, float]]] = [[] for _ in self.rank]
        behind = self._longest_ways()
        for (source, target), chain in self.chains.items():
            # what has come the longest way goes on straight, the rest stands beside it
            longest = behind[source] + 1 == behind[target]
            direct = min(1.0, (behind[target] / 5) ** 2) if longest else 0.01
            path = [source, *chain, target]
            for a, b in pairwise(path):
                after[a].append((b, direct if a == source else _SLACK))
                before[b].append((a, direct if b == target else _SLACK))
        across = [0.0] * len(self.rank)
        steps = [self._steps(layer) for layer in self.layers]
        for layer, step in zip(self.layers, steps):
            start = -(step[-1] / 2)
            for item, s in zip(layer, step):
                across[item] = start + s
        both = [a + b for a, b in zip(before, after)]
        for sweep in range(_SWEEPS):
            last = sweep >= _SWEEPS // 2
            downwards = sweep % 2 == 0
            pulls = both if last else before if downwards else after
            for k in range(len(self.layers)) if downwards else range(len(self.layers) - 1, -1, -1):
                layer = self.layers[k]
                wanted, weights = [], []
                for item in layer:
                    near = pulls[item]
                    weight = sum([w for _, w in near])
                    wanted.append(sum([w * across[j] for j, w in near]) / weight if weight else across[item])
                    weights.append(weight or 0.01)
                for item, x in zip(layer, in_order(wanted, weights, steps[k])):
                    across[item] = x
        self._straighten(across)
        least = min(across[i] - self._half(i) for i in range(len(across)))
        return [x - least for x in across]

    def _longest_ways(self) -> list[int]:
        """How many arrows there are on the longest way to each box."""
        behind = [0] * len(self.extents)
        for source, target in sorted(self.chains, key=lambda pair: self.rank[pair[0]]):
            behind[target] = max(behind[target], behind[source] + 1)
        return behind

    def _straighten(self, across: list[float]) -> None:
        """Long arrows run straight through as many ranks as there is room for."""
        for chain in self.chains.values():
            run: list[int] = []
            low, high = -inf, inf
            for item, (a, b) in zip(chain, map(lambda i: self._room(i, across), chain)):
                if run and (max(low, a) > min(high, b)):
                    _line_up(run, low, high, across)
                    run, low, high = [], -inf, inf
                run.append(item)
                low, high = max(low, a), min(high, b)
            if run:
                _line_up(run, low, high, across)

    def _room(self, item: int, across: Sequence[float]) -> tuple[float, float]:
        """From where to where an item can move within its rank."""
        layer = self.layers[self.rank[item]]
        k = self.slot[item]
        half = self._half(item)
        low = across[layer[k - 1]] + self._half(layer[k - 1]) + half if k else -inf
        high = across[layer[k + 1]] - self._half(layer[k + 1]) - half if k + 1 < len(layer) else inf
        for n in (k - 1, k + 1):
            if 0 <= n < len(layer) and layer[n] < len(self.extents):
                low, high = (low + APART / 2, high) if n < k else (low, high - APART / 2)
        return low, high

    def _steps(self, layer: Sequence[int]) -> list[float]:
        """How far each item must stand behind the first one."""
        steps = [0.0]
        for a, b in pairwise(layer):
            boxes = (a < len(self.extents)) + (b < len(self.extents))
            steps.append(steps[-1] + self._half(a) + self._half(b) + (0.0, APART / 2, APART)[boxes])
        return steps

    # Along -----------------------------------------------------------------------------------------------------------

    def layout(self) -> Layout:
        ranks: list[tuple[float, float]] = []
        starts = self._gaps()
        at = 0.0
        for layer, gap in zip(self.layers, starts):
            length = max([self.extents[i].along for i in layer if i < len(self.extents)], default=0.0)
            ranks.append((at, at + length))
            at += length + gap
        places = []
        for i in range(len(self.extents)):
            begin, end = ranks[self.rank[i]]
            places.append(Place((begin + end) / 2, self.across[i]))
        ports = self._ports()
        routes = []
        for k, (source, target, _) in enumerate(self.arrows):
            out = places[source].along + self.extents[source].along / 2
            into = places[target].along - self.extents[target].along / 2
            begin, end = ranks[self.rank[source]][1], ranks[self.rank[target]][0]
            label = self.extents[source].label
            middle = [(*ranks[self.rank[i]], self.across[i]) for i in self.chains[source, target]]
            routes.append(
                ((out, begin + label, self.across[source]), *middle, (end, into, self.across[target] + ports[k]))
            )
        breadth = max(self.across[i] + self._half(i) for i in range(len(self.across)))
        sides = [
            (min(self.across[i] - self._half(i) for i in layer), max(self.across[i] + self._half(i) for i in layer))
            for layer in self.layers
        ]
        return Layout(tuple(places), tuple(routes), tuple(ranks), tuple(sides), ranks[-1][1], breadth)

    def _gaps(self) -> list[float]:
        """The distance behind each rank: room for labels, and for arrows that run far across."""
        labels = [0.0] * len(self.layers)
        far = [0.0] * len(self.layers)
        for (source, target), chain in self.chains.items():
            labels[self.rank[source]] = max(labels[self.rank[source]], self.extents[source].label)
            path = [source, *chain, target]
            for a, b in pairwise(path):
                far[self.rank[a]] = max(far[self.rank[a]], abs(self.across[a] - self.across[b]))
        return [label + min(_BETWEEN + 0.12 * f, 3 * _BETWEEN) for label, f in zip(labels, far)]

    def _ports(self) -> list[float]:
        """Where each arrow arrives, from the middle of its target: in the order of the arguments if that matters."""
        ports = [0.0] * len(self.arrows)
        for target, arriving in self.arriving.items():
            if not any(self.arrows[k].ordered for k in arriving):
                arriving = sorted(arriving, key=lambda k: self._comes_from(k))
            step = min(1.6 * _PORT, self.extents[target].across * 0.8 / len(arriving))
            for place, k in enumerate(arriving):
                ports[k] = (place - (len(arriving) - 1) / 2) * step
        return ports

    def _comes_from(self, k: int) -> float:
        source, target, _ = self.arrows[k]
        chain = self.chains[source, target]
        return self.across[chain[-1] if chain else source]


def _line_up(run: Sequence[int], low: float, high: float, across: list[float]) -> None:
    middle = sum(across[i] for i in run) / len(run)
    for i in run:
        across[i] = min(max(middle, low), high)


def _crossings(first: Sequence[tuple[int, float]], second: Sequence[tuple[int, float]], slot: Mapping[int, int]) -> int:
    """How many of the arrows of two neighbours cross: those of the first that end behind one of the second."""
    ends = [slot[j] + end for j, end in first]
    others = [slot[j] + end for j, end in second]
    return sum([a > b for a in ends for b in others])


def in_order(wanted: Sequence[float], weights: Sequence[float], steps: Sequence[float]) -> list[float]:
    """The x nearest to `wanted` in weighted squares with x[k] − x[j] ≥ steps[k] − steps[j] for all j < k.

    Pool adjacent violators: neighbours that would come too near move as one block.

    >>> in_order([0.0, 0.0, 9.0], [1.0, 1.0, 1.0], [0.0, 2.0, 4.0])
    [-1.0, 1.0, 9.0]
    """
    blocks: list[list[float]] = []  # mean, weight, count
    for want, weight, step in zip(wanted, weights, steps):
        blocks.append([want - step, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, w, count = blocks.pop()
            other = blocks[-1]
            total = other[1] + w
            blocks[-1] = [(other[0] * other[1] + mean * w) / total, total, other[2] + count]
    means = [mean for mean, _, count in blocks for _ in range(int(count))]
    return [mean + step for mean, step in zip(means, steps)]


def _parts(count: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The connected parts."""
    near: list[list[int]] = [[] for _ in range(count)]
    for a, b in pairs:
        near[a].append(b)
        near[b].append(a)
    parts: list[list[int]] = []
    seen: set[int] = set()
    for start in range(count):
        if start not in seen:
            part = [start]
            seen.add(start)
            for item in part:
                new = [n for n in near[item] if n not in seen]
                seen.update(new)
                part += new
            parts.append(sorted(part))
    return parts


Positions = dict[int, tuple[int, float]]


def _sugiyama(part: Sequence[int], pairs: Sequence[tuple[int, int]]) -> tuple[Positions, dict[int, list[int]]]:
    """(rank, across) of every item of a connected part, and where its links lead.

    Places where an arrow passes a rank are items below 0.
    """
    if len(part) == 1:
        return {part[0]: (0, 0.0)}, {}
    from fast_sugiyama import from_edges  # an extension: only when something is drawn

    # numbered densely, for the numbers that it gives to passing places are free only then
    number = {item: k for k, item in enumerate(part)}
    own = [(number[a], number[b]) for a, b in pairs if a in number]
    ((positions, _, _, links),) = from_edges(own, vertex_spacing=1, minimum_length=1, dummy_vertices=True)

    def item(k: int) -> int:
        return part[k] if k < len(part) else -k

    top = max(y for _, (_, y) in positions)
    at = {item(k): (round(top - y), x) for k, (x, y) in positions}  # type: ignore[arg-type]
    onward: dict[int, list[int]] = {}
    for a, b in links or ():
        onward.setdefault(item(a), []).append(item(b))  # type: ignore[arg-type]
    return at, onward


def _passed(pair: tuple[int, int], onward: dict[int, list[int]]) -> list[int]:
    """The passing places between the two boxes of an arrow."""
    for item in onward[pair[0]]:
        chain = []
        while item < 0:
            chain.append(item)
            (item,) = onward[item]
        if item == pair[1]:
            return chain
    raise InternalError(f"the layout lost the arrow from box {pair[0]} to box {pair[1]}")


__all__ = ["APART", "Arrow", "Extent", "Layout", "Place", "in_order", "place"]
