"""Which steps of a search a picture shows, and the sentences that go with it: what trees and trellises share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ...graph.errors import InputError
from ...graph.spelling import plural
from ..asked import whole
from .words import Numbers, clipped, spelled

if TYPE_CHECKING:
    from ..search import PrefixSearch, Search

_NAMES = {
    "greedy": "greedy search", "beam": "beam search", "sample": "sampling", "exhaustive": "exhaustive search",
    "viterbi": "Viterbi's algorithm", "k-best": "the k likeliest paths",
}  # fmt: skip


class Span(NamedTuple):
    """A column: step t, or the steps first … last that are folded into one."""

    first: int
    last: int

    @property
    def folded(self) -> bool:
        """Whether it is several steps; one step is never folded."""
        return self.first < self.last

    def __str__(self) -> str:
        return f"t = {self.first} … {self.last}" if self.folded else f"t = {self.first}"


def spans(length: int, most: int) -> tuple[Span, ...]:
    """The steps 1 … length in at most so many columns: the middle ones are folded where there are more.

    >>> [str(s) for s in spans(9, 5)]
    ['t = 1', 't = 2', 't = 3 … 7', 't = 8', 't = 9']
    """
    if length <= most:
        return tuple(Span(t, t) for t in range(1, length + 1))
    front = most // 2
    back = most - 1 - front
    ends = range(length - back + 1, length + 1)
    return (*(Span(t, t) for t in range(1, front + 1)), Span(front + 1, length - back), *(Span(t, t) for t in ends))


def asked_step(step: int | None, steps: int) -> int:
    """The step up to which a picture is asked for. Raises InputError for one that the search did not make."""
    if step is None:
        return steps
    if whole("step", step, 0) > steps:
        raise InputError(f"step must be at most {steps}, for the search made {plural(steps, 'step')}; it is {step}")
    return int(step)


def beginning(search: Search) -> str:
    """w_0, where the model says which word that is."""
    start = getattr(search.model, "start", None)
    return "<BOS>" if start is None else spelled(start)


def origin(search: Search) -> str:
    """w_0 = the word, or z_0 of hidden states."""
    return f"{'z' if units(search)[1] == 'states' else 'w'}_0 = {beginning(search)}"


def units(search: Search) -> tuple[str, str]:
    """What sequences are made of, one and many: words, or what the model says."""
    many = getattr(search.model, "unit", "words")
    return many.removesuffix("s"), many


def factor(search: Search) -> str:
    """What the scores of a model are: those that a word adds."""
    return getattr(search.model, "factor", "log p(w_t | w_0 … w_t−1)")


def product(search: Search) -> str:
    """What their sum is."""
    return getattr(search.model, "product", "log p(w_1 … w_t)")


def seen(search: Search, t: int) -> str:
    """x_t, where states stand behind words that are known."""
    observed = getattr(search.model, "observed", ())
    return spelled(observed[t - 1]) if 1 <= t <= len(observed) else ""


def meanings(search: PrefixSearch) -> list[str]:
    """What the numbers of a tree are."""
    out = [f"{units(search)[0]}: {factor(search)}", f"total: {product(search)}"]
    if search.length_penalty is not None:
        out.append(f"ranked: by log p / T^α, α = {search.length_penalty:g}")
    return out if getattr(search.model, "start", None) is None else [*out, origin(search)]


def ranked(search: PrefixSearch, total: float, t: int) -> float | None:
    """log p / T^α of a sequence of t words, where sequences were ranked by that."""
    return None if search.length_penalty is None else total / t**search.length_penalty


def at_step(search: Search, span: Span) -> str:
    """A column's step, with the word that was observed there."""
    observed = "" if span.folded else seen(search, span.first)
    return f"{span}, x_{span.first} = {clipped(observed)}" if observed else str(span)


def asked_end(search: Search) -> str:
    """The word that sequences were asked to end in."""
    return "" if search.end is None else f"'{spelled(search.vocabulary[search.end])}'"


def name(search: Search) -> str:
    """What the search is called."""
    return _NAMES.get(search.decoder, search.decoder)


def work(search: Search) -> str:
    """What it cost."""
    calls, extensions = plural(search.calls, "call"), plural(search.extensions, "extension")
    return f"{calls} of the model, {extensions} scored"


def verdict(search: Search, number: Numbers) -> str:
    """Whether the answer is the maximum, and why."""
    if search.decoder == "sample":
        return "Drawn at random: likelier words come more often, and the likeliest sequence need not be among them."
    why = re.sub(r"-(?=\d)", "−", search.why)
    if search.exact:
        among = "" if search.end is None else f" of those that end in {asked_end(search)}"
        return f"This is the maximum{among}: {why}."
    bound = "" if search.bound >= 0 else f" No sequence has a log p above {number(search.bound)}."
    return f"Not proved to be the maximum: {why}.{bound}"


__all__ = [
    "Span", "asked_end", "asked_step", "at_step", "beginning", "factor", "meanings", "name", "origin",
    "product", "ranked", "seen", "spans", "units", "verdict", "work",
]  # fmt: skip
