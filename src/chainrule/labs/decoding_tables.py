"""Tables of decoded texts: their measures, and the texts themselves with what is repeated in them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from html import escape
from itertools import groupby

from ..graph.spelling import visible
from ..plots.page import table
from .decoding_result import Result
from .decoding_text import NGRAMS, REAL, Output, Trained
from .decoding_words import mean_log_p

TINT = "background: color-mix(in srgb, var(--orange) 24%, transparent)"


def measures(r: Result, m: Trained) -> tuple[str, str]:
    """The table of a model's decoders, and its caption."""
    lengths = NGRAMS[m.unit]
    rows = []
    for name in (*r.decoders(m), REAL):
        s = r.summary(m, name)
        title = f"<strong>{name}</strong>" if name == REAL else name
        rows.append([title, mean_log_p(s.per_token), *(f"{100 * v:.0f} %" for v in s.repeated.values()),
                     f"{s.longest:.1f}"])  # fmt: skip
    heads = ["", f"log p per {m.unit}", *(f"n = {n}" for n in lengths), "longest"]
    caption = (
        f"{m.title[0].upper()}{m.title[1:]}: log p per {m.unit}, the share of n-grams of {m.unit}s that came before in "
        f"the same output, and {m.unit}s of its longest repeated stretch; means over {len(r.prompts)} prompts."
    )
    if m.unit == "word":
        caption += " Of the text itself log p is that of the words that the model knows."
    return table(heads, rows, "measures", numeric=tuple(range(1, len(heads)))), caption


def made_by(r: Result, m: Trained, prompt: int) -> str:
    """What each decoder made of one prompt, as a table."""
    rows = [
        [f'<span style="white-space: nowrap">{o.decoder}</span>', shown(o)]
        for name in (*r.decoders(m), REAL)
        for o in r.made(m, name)
        if o.prompt == prompt
    ]
    return table(["", "output"], rows, "outputs")


def shown(o: Output) -> str:
    """An output with what is repeated in it tinted; line breaks as ↵."""
    gap = "" if o.unit == "character" else " "
    parts = []
    for repeated, run in groupby(zip(o.tokens, comes_again(o.tokens, NGRAMS[o.unit][-1])), key=lambda pair: pair[1]):
        text = escape(gap.join(visible(token).replace("\n", "↵") for token, _ in run))
        parts.append(f'<span style="{TINT}">{text}</span>' if repeated else text)
    return f'<span style="white-space: pre-wrap; overflow-wrap: anywhere"><code>{gap.join(parts)}</code></span>'


def comes_again(tokens: Sequence[Hashable], n: int) -> list[bool]:
    """Whether each token belongs to an n-gram that came before.

    >>> comes_again("abcabd", 2)
    [False, False, False, True, True, False]
    """
    seen, again = set(), [False] * len(tokens)
    for k in range(len(tokens) - n + 1):
        gram = tuple(tokens[k : k + n])
        if gram in seen:
            again[k : k + n] = [True] * n
        seen.add(gram)
    return again


def marked_text(text: str) -> str:
    """A prompt on one line."""
    return visible(text).replace("\n", "↵")


__all__ = ["comes_again", "made_by", "marked_text", "measures", "shown"]
