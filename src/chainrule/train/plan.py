"""In what order an epoch sees the examples, and into which calls of many steps it is cut.

Both are functions of the settings alone, so that a run that goes on from a checkpoint makes the calls that the
undisturbed one makes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Call:
    """Steps `start` to `stop` of an epoch in one call; then a checkpoint, or not."""

    start: int
    stop: int
    checkpoint: bool = False


@dataclass(frozen=True)
class Plan:
    """How `rows` examples become steps.

    batch            rows of a minibatch; an epoch's last one holds what is left, unless `drop_last`
    call             the most steps of a call
    group            calls are whole multiples of so many steps where they can be, and are not longer than `call` by it
    checkpoint_every checkpoints within an epoch, besides that at its end: at multiples of so many steps
    """

    rows: int
    batch: int
    seed: int
    drop_last: bool = False
    call: int = 1000
    group: int = 1
    checkpoint_every: int | None = None

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.rows // self.batch if self.drop_last else math.ceil(self.rows / self.batch)

    @property
    def calls(self) -> list[Call]:
        """The calls of an epoch. A last, smaller minibatch is a call of its own: its arrays have another shape.

        >>> Plan(rows=95, batch=10, seed=0, checkpoint_every=4).calls
        [Call(start=0, stop=4, checkpoint=True), Call(start=4, stop=8, checkpoint=True), \
Call(start=8, stop=9, checkpoint=False), Call(start=9, stop=10, checkpoint=True)]
        """
        whole, every = self.rows // self.batch, self.checkpoint_every or self.steps
        ends = [*range(every, whole, every), *([whole] if whole else []), *([self.steps] if self.steps > whole else [])]
        found: list[Call] = []
        start = 0
        for end in ends:
            length = math.ceil((end - start) / math.ceil((end - start) / self.call))
            if self.group <= self.call:
                length = math.ceil(length / self.group) * self.group
            cuts = [*range(start + length, end, length), end]
            found += [Call(a, b) for a, b in zip([start, *cuts], cuts)]
            if end % every == 0 or end == self.steps:
                found[-1] = Call(found[-1].start, end, checkpoint=True)
            start = end
        return found

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The order of the rows in an epoch, counted from 1: a permutation decided by the seed and the epoch."""
        return np.random.default_rng((self.seed, epoch)).permutation(self.rows)

    def minibatches(self, order: NDArray[np.int64], call: Call) -> NDArray[np.int64]:
        """(steps, rows of a minibatch): which examples each step of the call sees."""
        taken = order[call.start * self.batch : call.stop * self.batch]
        return taken.reshape(call.stop - call.start, -1)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many examples each step of an epoch sees."""
        found = np.full(self.steps, self.batch)
        if self.steps * self.batch > self.rows:
            found[-1] = self.rows - (self.steps - 1) * self.batch
        return found


__all__ = ["Call", "Plan"]
