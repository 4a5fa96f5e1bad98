"""What the picture of a search over prefixes shows, as data: a tree of what was kept, and of what was not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .columns import Span
from .words import Numbers, short


@dataclass(eq=False)
class Branch:
    """A prefix w_1 … w_t, by its last word.

    t          0 at the root, which is w_0
    column     where it stands in `Branches.columns`, from 1; 0 at the root
    log_prob   log p(w_t | w_0 … w_{t−1})
    total      log p(w_1 … w_t)
    kept       whether the search kept it
    ended      whether w_t ends the sequence
    lost       the step at which nothing was left of it, though it was kept at first; None: it was there at the end
    rank       1 where it is the best answer, 2 the next, …; 0 where it is none. What was drawn has no ranks
    on         the best rank of the answers that begin with it; 0: none does
    times      how often it is held: by samples
    groups     the groups of a diverse beam that hold it
    skipped    how many words between its parent and this one are not shown
    hidden     of its extensions, how many were kept, and how many not, that are not shown; and the best of the latter.
               Before steps that are folded: how many that begin with it were kept after these, and are not shown
    excluded   whether it ends in another word than was asked for
    ranked     log p / T^α of a whole sequence, where sequences are ranked by that
    """

    t: int
    column: int
    word: str
    prefix: str
    log_prob: float
    total: float
    kept: bool = True
    ended: bool = False
    lost: int | None = None
    rank: int = 0
    on: int = 0
    times: int = 1
    groups: tuple[int, ...] = ()
    skipped: int = 0
    hidden: tuple[int, int, float] = (0, 0, -np.inf)
    excluded: bool = False
    ranked: float | None = None
    children: list[Branch] = field(default_factory=list)

    @property
    def rest(self) -> bool:
        """Whether some of its extensions are not shown."""
        return self.hidden[0] + self.hidden[1] > 0

    @property
    def out(self) -> bool:
        """Whether it cannot become an answer: it was not kept, or does not end as was asked for."""
        return self.excluded or not self.kept

    @property
    def whole(self) -> str:
        """The prefix with its last word, with spaces between words."""
        return f"{self.prefix} {self.word}" if self.prefix else self.word

    def walk(self) -> Iterator[Branch]:
        """This and all below, a parent before its children."""
        yield self
        for child in self.children:
            yield from child.walk()


class Column(NamedTuple):
    """What happened at a step, or at the steps that are folded.

    kept, ended   how many prefixes were kept that grow on, and how many that end here
    distinct      how many of them differ
    of            how many extensions were scored
    dropped       the best total among those that were not kept; −inf where there are none
    bounded       whether `dropped` is a bound only, as of several groups
    """

    span: Span
    kept: int
    ended: int
    distinct: int
    of: int
    dropped: float
    bounded: bool

    def told(self, decoder: str) -> str:
        """How many were kept, of how many."""
        everything = self.kept + self.ended
        if decoder == "sample":
            return f"drew {everything:,}" + (f", {self.distinct:,} distinct" if self.distinct < everything else "")
        what = f"kept {self.kept:,} of {self.of:,}" if decoder != "exhaustive" else f"scored {self.of:,}"
        return what + (f", {self.ended:,} ended" if self.ended else "")


@dataclass(eq=False)
class Branches:
    """The tree, and the columns it stands in.

    columns   one for each step, some of them folded; all that the search will have, to step T
    step      up to which the tree is meant to be shown
    steps     how many the search made
    early     whether it ended before T words, for nothing that was still growing could become an answer
    decoder   whose tree it is
    best      the words of the best answer, its log-likelihood, and log p / T^α where that ranks; None of samples, and
              of a part
    end       the word that was asked for as the last
    """

    root: Branch
    columns: tuple[Column, ...]
    step: int
    steps: int
    early: bool
    decoder: str
    best: tuple[str, float, float | None] | None
    end: str

    @property
    def over(self) -> bool:
        """Whether it is shown to the end of the search."""
        return self.step == self.steps

    def rank(self, branch: Branch) -> int:
        """Its rank among the answers, which only the end of the search shows."""
        return branch.rank if self.over else 0

    def on(self, branch: Branch) -> int:
        """The best rank of the answers that begin with it, likewise."""
        return branch.on if self.over else 0

    @property
    def held(self) -> str:
        """What a branch is that the search has."""
        return {"sample": "drawn", "exhaustive": "scored"}.get(self.decoder, "kept")

    @property
    def lost(self) -> str:
        """What a branch is that it has not."""
        other = f"excluded, for it does not end in {self.end}"
        return {"sample": "not drawn", "exhaustive": other}.get(self.decoder, "dropped")

    def answer(self, number: Numbers) -> str:
        """How likely the best answer is."""
        _, total, ranked = self.best or ("", -np.inf, None)
        by = "" if ranked is None else f", ranked by log p / T^α = {short(ranked)}"
        return f"log p = {number(total)}{by}"

    def fate(self, branch: Branch) -> str:
        """What became of a prefix, as far as the picture goes."""
        if not branch.kept:
            return self.lost if self.decoder == "sample" else f"{self.lost} at t = {branch.t}"
        parts = []
        if self.decoder == "sample":
            parts.append(f"drawn {branch.times:,} times" if branch.times > 1 else "drawn once")
        if rank := self.rank(branch):
            parts.append("the best" if rank == 1 else f"number {rank}")
        if branch.groups:
            parts.append(f"group{'s' if len(branch.groups) > 1 else ''} {', '.join(map(str, branch.groups))}")
        if branch.ended:
            parts.append("ended")
        if branch.excluded:
            parts.append("excluded")
        if branch.lost is not None and branch.lost <= self.step:
            parts.append(f"{'dropped' if branch.ended else 'nothing left of it'} at t = {branch.lost}")
        if self.given_up(branch):
            parts.append("given up")
        return ", ".join(parts)

    def rest(self, branch: Branch) -> str:
        """How many of its extensions are not shown."""
        kept, dropped, _ = branch.hidden
        if (fold := self.columns[branch.column].span).folded:
            return f"… {kept:,} more {self.held} at t = {fold.last + 1}"
        if self.decoder == "exhaustive" or not kept:
            return f"… {kept + dropped:,} more"
        return f"… {kept:,} more {self.held}" + (f", {dropped:,} {self.lost}" if dropped else "")

    def gone(self, branch: Branch, at_end: bool) -> bool:
        """Whether nothing is left of it, now or at the end of the search, which nothing behind it shows."""
        step = self.steps if at_end else self.step
        return branch.lost is not None and branch.lost <= step and not branch.rest and not branch.children

    def given_up(self, branch: Branch) -> bool:
        """Whether the search ended while this was still growing."""
        return self.early and branch.kept and not branch.ended and branch.t == self.steps

    def shown(self) -> Iterator[Branch]:
        """The branches up to the step."""
        return (b for b in self.root.walk() if b.t <= self.step)


def by_column(tree: Iterable[Branch]) -> dict[int, list[Branch]]:
    """The branches of each column."""
    found: dict[int, list[Branch]] = defaultdict(list)
    for branch in tree:
        found[branch.column].append(branch)
    return found


__all__ = ["Branch", "Branches", "Column", "by_column"]
