"""The tree of a search as text for a terminal: a line for each branch, below the one that it extends."""

from __future__ import annotations

import math
from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from ...graph.spelling import plural
from .branches import Branch, Branches
from .columns import at_step, meanings, name, units, verdict, work
from .growing import branches
from .words import Numbers, cells, clipped, loose, padded, short, tied

if TYPE_CHECKING:
    from ..search import PrefixSearch

WIDE = 100  # columns of the terminal
BOLD, DIM, GREEN, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[1;32m", "\x1b[0m"


class _Line(NamedTuple):
    left: str
    log_prob: str = ""
    total: str = ""
    ranked: str = ""
    fate: str = ""
    style: str = ""


def tree_text(search: PrefixSearch, step: int | None = None, colour: bool = False) -> str:
    """The picture of a search over prefixes, as text: `Search.text`."""
    tree = branches(search, step, columns=9)
    number = Numbers(v for b in tree.root.walk() for v in (b.log_prob, b.total))
    head = _Line("", units(search)[0], "total", "" if search.length_penalty is None else "ranked")
    lines = [head, _Line(tree.root.word, style=BOLD), *_below(search, tree, tree.root, "", number)]
    left, *widths = (max(cells(line[k]) for line in lines) for k in range(4))
    out = []
    for line in lines:
        columns = [f"{words:>{w}}" for words, w in zip(line[1:4], widths) if w]
        shown = "  ".join([padded(line.left, max(left, 12)), *columns, line.fate]).rstrip()
        out.append(f"{line.style}{shown}{PLAIN}" if colour and line.style else shown)
    below = [*_steps(search, tree, number), "", *_legend(search, tree), ""]
    return "\n".join([*_head(search, tree, number), "", *out, "", *below])


def _below(search: PrefixSearch, tree: Branches, parent: Branch, indent: str, number: Numbers) -> Iterator[_Line]:
    children = [c for c in parent.children if c.t <= tree.step]
    rest = parent.rest and parent.t < tree.step
    for k, branch in enumerate(children):
        last = k == len(children) - 1 and not rest
        gap = f"┄{branch.skipped}┄" if branch.skipped else "─"
        word = clipped(branch.word)
        left = f"{indent}{'└' if last else '├'}{gap}{_mark(tree, branch)} {word}"
        style = GREEN if tree.on(branch) == 1 else DIM if branch.out else ""
        words = tree.fate(branch) if _worth(search, tree, branch) else ""
        ranked = "" if branch.ranked is None else short(branch.ranked)
        yield _Line(left, number(branch.log_prob), number(branch.total), ranked, words, style)
        yield from _below(search, tree, branch, f"{indent}{' ' if last else '│'}  ", number)
    if rest:
        best = f"≤ {number(parent.hidden[2])}" if parent.hidden[2] > -math.inf else ""
        yield _Line(f"{indent}└─  {tree.rest(parent)}", "", best, style=DIM)


def _worth(search: PrefixSearch, tree: Branches, branch: Branch) -> bool:
    """Whether what became of it is not plain from the lines below it."""
    if search.decoder == "sample":
        return branch.kept
    alone = branch.lost is None or branch.ended or not branch.children
    return not branch.kept or tree.rank(branch) > 0 or bool(branch.groups) or (alone and bool(tree.fate(branch)))


def _mark(tree: Branches, branch: Branch) -> str:
    if branch.out:
        return "×"
    return "★" if tree.on(branch) == 1 else "■" if branch.ended else "●"


def _head(search: PrefixSearch, tree: Branches, number: Numbers) -> list[str]:
    title = f"{name(search)}, N = {plural(len(search.vocabulary), *units(search))}, T = {search.length}"
    if not tree.over:
        return [f"{title}, up to t = {tree.step} of {len(search.steps)}"]
    out = [f"{title}: {work(search)}"]
    if tree.best:
        out.append(f"★ {tree.best[0]}    {tree.answer(number)}")
    return [line for words in [*out, verdict(search, number)] for line in folded(words)]


def folded(words: str) -> list[str]:
    """A sentence on lines that a terminal of 100 columns has room for."""
    return [loose(line) for line in wrap(tied(words), WIDE, subsequent_indent="  ")]


def _steps(search: PrefixSearch, tree: Branches, number: Numbers) -> list[str]:
    out = []
    for column in tree.columns:
        if column.span.first > tree.step:
            break
        told = column.told(search.decoder) if not column.span.folded else "left out"
        best = "what was dropped is at most" if column.bounded else "the best that was dropped:"
        dropped = f"; {best} {number(column.dropped)}" if column.dropped > -math.inf else ""
        out.append(f"{at_step(search, column.span)}: {told}{dropped}")
    return out


def _legend(search: PrefixSearch, tree: Branches) -> list[str]:
    shown = [b for b in tree.shown() if b.t]
    most = max((b.skipped for b in shown), default=0)
    signs = [
        ("★ the way to the best", any(tree.on(b) == 1 for b in shown)),
        (f"● {tree.held}", any(_mark(tree, b) == "●" for b in shown)),
        (f"■ {tree.held}, ended", any(_mark(tree, b) == "■" for b in shown)),
        (f"× {tree.lost}", any(b.out for b in shown)),
        (f"┄{most}┄ {plural(most, *units(search))} left out", most > 0),
    ]
    marks = "   ".join(words for words, there in signs if there)
    return [*([marks] if marks else []), "   ".join(meanings(search))]


__all__ = ["DIM", "GREEN", "PLAIN", "WIDE", "folded", "tree_text"]
