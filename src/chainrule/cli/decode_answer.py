"""What `chainrule decode` answers: a table of sequences, or JSON."""

from __future__ import annotations

from typing import Any

from ..decode import Sequence
from ..graph.spelling import plural, visible
from .decode_model import Subject
from .decode_request import NAMES, Request


def told(subject: Subject, request: Request, found: list[Sequence], picture: str | None = None) -> str:
    """The sequences with their log p; below them what the search cost and proved, or the picture, which says it too."""
    heads, penalty = ["log p"], request.settings.get("length_penalty")
    if penalty is not None:
        heads.append(f"log p / T^{penalty:g}")
    numbers = [
        [_number(s.log_likelihood), *([_number(s.length_normalised)] if s.length_normalised is not None else [])]
        for s in found
    ]
    characters = found[0].search.vocabulary.characters
    given = f"after {_inline(subject.prompt, characters)}" if subject.prompt else ""
    lines = _remarks(subject, request)
    lines.append(_verdict(request, found[0]) if picture is None else f"\n{picture}" if lines else picture)
    if any("\n" in s.text.rstrip("\n") or len(s.text) > 100 for s in found):
        first = [f"{given}\n"] if given else []
        return "\n".join([*first, *(_block(heads, row, s) for row, s in zip(numbers, found)), *lines])
    widths = [max(len(head), *(len(row[c]) for row in numbers)) for c, head in enumerate(heads)]
    rows = [[*heads, given or "sequence"], *([*row, _inline(s.words, characters)] for row, s in zip(numbers, found))]
    table = ["   ".join([*(cell.rjust(w) for cell, w in zip(row, widths)), row[-1]]) for row in rows]
    return "\n".join([*table, "", *lines])


def _block(heads: list[str], numbers: list[str], s: Sequence) -> str:
    """A text of several lines, or a long one, below its numbers."""
    head = ", ".join(f"{name} = {number}" for name, number in zip(heads, numbers))
    text = "\n".join(f"  {line}".rstrip() for line in visible(s.text).split("\n"))
    return f"{head}\n{text}\n"


def _inline(words: tuple[Any, ...], characters: bool) -> str:
    """Words on one line; in quotation marks where blanks or signs that cannot be seen would be lost."""
    if characters:
        text = "".join(words)
        return text if text.isprintable() and " " not in text else repr(text)
    return " ".join(w if w and w.isprintable() and " " not in w else repr(w) for w in map(str, words))


def _number(value: float) -> str:
    """Four decimals; more where there would be none but zeros."""
    return f"{value:.3g}" if 0 < abs(value) < 1e-3 else f"{value + 0.0:.4f}"


def _remarks(subject: Subject, request: Request) -> list[str]:
    if subject.observed is None:
        return []
    return [f"log p is that of {_of(request)}; of the words alone it is {_number(subject.observed)}."]


def _of(request: Request) -> str:
    """What a log-likelihood of hidden states is of."""
    return "the states given the words" if request.decoder == "sample" else "states and words together"


def _verdict(request: Request, best: Sequence) -> str:
    """What the search cost, and whether it proved the maximum."""
    search = best.search
    many = f" of width {request.settings['width']}" if request.decoder == "beam" else ""
    cost = f"{NAMES[request.decoder]}{many}: {plural(search.calls, 'call')} of the model, "
    cost = f"{cost[0].upper()}{cost[1:]}{plural(search.extensions, 'extension')} scored"
    if request.decoder == "sample":
        verdict = "drawn at random, so that none need be the likeliest"
    elif search.exact:
        verdict = f"the maximum is proved: {search.why}"
    else:
        verdict = f"the maximum is not proved: {search.why}; no sequence has log p above {_number(search.bound)}"
    return f"{cost}; {verdict}."


def facts(subject: Subject, request: Request, found: list[Sequence]) -> dict[str, Any]:
    """What `--json` prints."""
    search = found[0].search
    of = {} if subject.observed is None else {"log_likelihood_of": _of(request)}
    return of | {
        "decoder": request.decoder,
        "length": request.length,
        "sequences": [
            {
                "words": s.words, "text": s.text, "log_likelihood": s.log_likelihood,
                "length_normalised": s.length_normalised, "finished": s.finished,
            }
            for s in found
        ],
        "calls": search.calls,
        "extensions": search.extensions,
        "exact": search.exact,
        "why": search.why,
        "bound": search.bound,
        "settings": {"prompt": subject.prompt} | request.settings,
        "model": {"kind": subject.kind, "words": len(search.vocabulary)} | subject.about,
    }  # fmt: skip


__all__ = ["facts", "told"]
