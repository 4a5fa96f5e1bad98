"""What `chainrule decode` is asked for: which decoder, with which of the options that are its own; and its run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from ..decode import NotMarkov, Sequence, beam_search, exhaustive, greedy, k_best, sample, viterbi
from ..decode.asked import real
from ..decode.exhaustive import LIMIT
from ..graph.errors import ChainruleError, InputError

if TYPE_CHECKING:
    from .decode_model import Subject

NAMES = {
    "greedy": "greedy search", "beam": "beam search", "viterbi": "Viterbi's algorithm", "k-best": "the k-best search",
    "exhaustive": "exhaustive search", "sample": "sampling",
}  # fmt: skip

_OWNERS: dict[str, tuple[str, ...]] = {
    "width": ("beam",), "length_penalty": ("beam",), "groups": ("beam",), "diversity": ("beam",),
    "k": ("k-best", "exhaustive"), "end": ("viterbi", "k-best", "exhaustive"), "limit": ("exhaustive",),
    "count": ("sample",), "temperature": ("sample",), "top_k": ("sample",), "top_p": ("sample",), "seed": ("sample",),
}  # fmt: skip
"""The decoders to which an option belongs; those of all are not among them."""

_POSSESSIVE = {
    "beam": "beam search's", "viterbi": "viterbi's", "k-best": "k-best's", "exhaustive": "exhaustive search's",
    "sample": "sampling's",
}  # fmt: skip

_USUAL: dict[str, dict[str, Any]] = {
    "greedy": {}, "beam": {"length_penalty": None, "groups": 1, "diversity": None}, "viterbi": {"end": None},
    "k-best": {"k": 5, "end": None}, "exhaustive": {"k": 5, "end": None, "limit": LIMIT},
    "sample": {"count": 1, "temperature": 1.0, "top_k": None, "top_p": None, "seed": 0},
}  # fmt: skip

_MANY = {"beam": "width", "k-best": "k", "exhaustive": "k", "sample": "count"}
"""The option that says how many sequences a decoder finds."""


@dataclass(frozen=True)
class Request:
    """A decoder and its settings, those that were given and the usual ones."""

    decoder: str
    length: int
    settings: dict[str, Any]


def requested(options: Mapping[str, Any], subject: Subject) -> Request:
    """The decoder, and what it is asked. Raises BadParameter for an option that is not its own, or cannot be."""
    own = [name for name in options if name in _OWNERS]
    decoder = options.get("decoder") or _implied(own, subject)
    for name in own:
        if decoder not in _OWNERS[name]:
            raise _refused(name, decoder)
    given = {name: options[name] for name in own}
    given |= {name: subject.word(options[name], flag(name)) for name in ("eos", "end") if name in options}
    if decoder == "beam":
        given["width"] = _width(given)
    length = options.get("length") or subject.length
    if subject.observed is not None and length > subject.length:
        raise wrong("length", f"there is a state behind each word that was observed, {subject.length} to be decoded")
    return Request(decoder, length, {"eos": None} | _USUAL[decoder] | given)


def _implied(own: list[str], subject: Subject) -> str:
    """The decoder that has all of these options, the usual one if it is among them."""
    exact = ["viterbi", "k-best", "exhaustive"] if subject.bigram else ["exhaustive"]
    order = [*exact, "beam", "sample"] if subject.markov else ["beam", "sample", *exact]
    fitting = [decoder for decoder in order if all(decoder in _OWNERS[name] for name in own)]
    if fitting:
        return fitting[0]
    one = own[0]
    other = next((name for name in own if not set(_OWNERS[name]) & set(_OWNERS[one])), own[-1])
    raise wrong(
        other, f"it is {_owners(other)}, and {_plain(one)} is {_owners(one)}; no decoder has both, so leave out one"
    )


def _refused(name: str, decoder: str) -> typer.BadParameter:
    instead = ""
    if name in _MANY.values():
        many = _MANY.get(decoder)
        instead = f". There {_plain(many)} says how many" if many else ". It finds one sequence"
        instead += "; --decoder k-best finds more" if decoder == "viterbi" else ""
    elif name == "end":
        instead = ". A word that ends a sequence early is given as --eos"
    return wrong(name, f"it is {_owners(name)}; with --decoder {decoder} it has no meaning{instead}")


def _owners(name: str) -> str:
    """Whose an option is."""
    *most, last = [_POSSESSIVE[decoder] for decoder in _OWNERS[name]]
    return f"{', '.join(most)} and {last}" if most else last


_MOST = 10**9
_WHOLE = {
    "order": (1, 1000), "min_count": (1, _MOST), "max_words": (2, _MOST), "length": (1, _MOST), "width": (1, _MOST),
    "groups": (1, _MOST), "k": (1, _MOST), "limit": (1, 10**18), "count": (1, _MOST), "top_k": (1, _MOST),
    "seed": (0, 10**18),
}  # fmt: skip
_REAL: dict[str, tuple[float, float, bool, str]] = {
    "temperature": (0, math.inf, True, "; towards 0 sampling becomes --decoder greedy"),
    "top_p": (0, 1, True, ""), "length_penalty": (-10, 10, False, ""), "diversity": (0, math.inf, False, ""),
}  # fmt: skip


def check_ranges(options: Mapping[str, Any]) -> None:
    """Raises BadParameter for a number that is too small or too large, whatever it is used for."""
    for name, (least, most) in _WHOLE.items():
        value = options.get(name, least)
        if not least <= value <= most:
            far = f"at least {least}" if value < least else f"at most {most:,}"
            raise wrong(name, f"it must be {far}, and it is {value:,}")
    for name, (least, most, above, advice) in _REAL.items():
        try:
            if name in options:
                real("it", options[name], least, most, above)
        except InputError as error:
            raise wrong(name, f"{error}{advice if options[name] == 0 else ''}") from None


def _width(given: Mapping[str, Any]) -> int:
    """The width of the beam: as given, or 5, or the next multiple of the groups."""
    groups = given.get("groups", 1)
    width = given.get("width", -(-5 // groups) * groups)
    if width % groups:
        near = max(width - width % groups, groups)
        raise wrong("groups", f"{width} prefixes do not make {groups} equal groups; with --width {near} they do")
    if "diversity" in given and groups == 1:
        raise wrong("diversity", "it is the price between groups, and there is one group; --groups 2 makes two")
    return width


def run(request: Request, subject: Subject) -> list[Sequence]:
    """The sequences, best first; drawn ones as they were drawn. Errors advise in options, not in Python."""
    model, length, rest = subject.model, request.length, dict(request.settings)
    try:
        if request.decoder == "greedy":
            return [greedy(model, length, **rest)]
        if request.decoder == "beam":
            return beam_search(model, length, **rest)
        if request.decoder == "viterbi":
            return [viterbi(model, length, **rest)]
        if request.decoder == "k-best":
            return k_best(model, length, **rest)
        if request.decoder == "exhaustive":
            shown = rest.pop("k")
            search: Any = exhaustive(model, length, **rest).search
            return search.best(shown)
        return sample(subject.to_draw, length, **rest)
    except NotMarkov as error:
        raise NotMarkov(_not_markov(request, subject) or in_flags(str(error))) from None
    except ChainruleError as error:
        error.args = (in_flags(str(error)),)
        raise


def _not_markov(request: Request, subject: Subject) -> str | None:
    """The model's own reason, with the decoders that serve."""
    try:
        subject.model.trellis(request.length)
    except NotMarkov as why:
        orders = "; a text counted with --order 2 is such a model" if "order" in subject.about else ""
        n, every = len(subject.model.vocabulary), ""
        if request.length * math.log10(n) <= math.log10(LIMIT):
            every = f"; --decoder exhaustive scores every sequence, up to {n}^{request.length} of them"
        return (
            f"--decoder {request.decoder} needs a model in which p(w_t | w_0..t-1) depends on w_{{t-1}} alone, and "
            f"{why}. --decoder beam takes any model, and need not find the maximum{every}{orders}"
        )
    return None


_IN_FLAGS = [
    (r"\bNGram\.from_text with ", ""), (r"\bbeam_search\b", "--decoder beam"),
    (r"\bviterbi finds\b", "--decoder viterbi finds"),
    (r"a larger limit\b=?", "a larger --limit"), (r"a larger width\b", "a larger --width"),
    (r"\bmax_words=(\d+)", r"--max-words \1"), (r"\bmin_count=(\d+)", r"--min-count \1"),
    (r"a larger min_count\b", "a larger --min-count"), (r"\bmax_words\b", "--max-words"), (r"\beos=", "--eos "),
    (r"none goes beyond w_([1-9]\d*)$", r"none goes beyond w_\1; --length \1 is the most"),
    (r"take tree\.normalised\(\)", "--normalise scales those of a tree"),
]  # fmt: skip
"""Advice in Python, and in options."""


def in_flags(message: str) -> str:
    """The message with its advice in the command's options."""
    for python, option in _IN_FLAGS:
        message = re.sub(python, option, message)
    return message


def flag(name: str) -> str:
    """An option's name, as it is said where it was given."""
    return f"'{_plain(name)}'"


def _plain(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def wrong(name: str, problem: str) -> typer.BadParameter:
    """What is wrong with an option, as typer tells it."""
    return typer.BadParameter(problem, param_hint=flag(name))


__all__ = ["NAMES", "Request", "check_ranges", "flag", "in_flags", "requested", "run", "wrong"]
