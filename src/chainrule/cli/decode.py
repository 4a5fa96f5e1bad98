"""`chainrule decode`: the likeliest sequences of a model, by the decoder of one's choice."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .options import Json
from .output import Output, put

if TYPE_CHECKING:
    from ..decode import Sequence
    from .decode_model import Subject
    from .decode_request import Request

EXAMPLES = """
Find the likeliest sequences of words of a model, or draw some: a tree of log-probabilities, a Markov chain, a hidden
Markov model, or an n-gram model counted in a text.

\b
  chainrule decode tree.json --decoder beam --width 2 --length 3 --show
  chainrule decode tree.json --decoder viterbi --length 3 --json
  chainrule decode chain.json --decoder viterbi --length 5 --end rain --out trellis.svg
  chainrule decode hmm.json --observed "walk shop clean"           # the states behind these words
  chainrule decode --text corpus.txt --order 2 --prompt "the" --length 20 --decoder beam --width 5
  chainrule decode --text corpus.txt --characters --order 5 --decoder sample --temperature 0.8 --top-p 0.9 --count 3

\b
tree.json    {"a": -1.2, "the": [-0.9, {"red": -0.1}]}, natural logarithms; or tree.txt, indented: the -0.9
chain.json   {"words": ["dry", "rain"], "start": "dry", "P": [[0.9, 0.1], [0.4, 0.6]]}
hmm.json     {"initial": [...], "transition": [[...]], "emission": [[...]], "states": [...], "words": [...]}; with
             "observations": [...] its states behind these words

Sequences come best first, with the natural logarithm of their probability; then what the search cost, and whether the
maximum is proved.
"""


def command(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="A file, as below the examples; - is stdin.", show_default=False),
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Count an n-gram model in this text instead of a MODEL.", metavar="FILE")
    ] = None,
    order: Annotated[
        int | None,
        typer.Option(help="--text: told from the N - 1 words before.  [default: 2]", metavar="N"),
    ] = None,
    characters: Annotated[
        bool, typer.Option("--characters", help="--text: characters are its words.")
    ] = False,
    smoothing: Annotated[
        str | None,
        typer.Option(
            help="--text: kneser-ney, witten-bell or add-k; add-k=0.01 says what is added.  [default: kneser-ney]",
            metavar="NAME",
        ),
    ] = None,
    min_count: Annotated[
        int | None, typer.Option(help="--text: rarer words become <unk>.  [default: 1]", metavar="N")
    ] = None,
    max_words: Annotated[
        int | None, typer.Option(help="--text: the commonest words; the others become <unk>.", metavar="N")
    ] = None,
    normalise: Annotated[
        bool, typer.Option("--normalise", help="Tree: scale siblings to sum to 1, as sampling needs them.")
    ] = False,
    decoder: Annotated[
        Literal["greedy", "beam", "viterbi", "k-best", "exhaustive", "sample"] | None,
        typer.Option(help="[default: as the options say, else viterbi for chains and hidden states, beam otherwise]"),
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(
            help="Words in a sequence; with --eos at most.  [default: all that MODEL has; 10 where there is no end]",
            metavar="T",
        ),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="What comes before: words with spaces between, or characters.", metavar="WORDS")
    ] = None,
    observed: Annotated[
        str | None,
        typer.Option(help="Hidden Markov model: the words seen; the states are decoded.", metavar="WORDS"),
    ] = None,
    eos: Annotated[
        str | None,
        typer.Option(help="The word that ends a sequence; --text: <eos> ends paragraphs.", metavar="WORD"),
    ] = None,
    end: Annotated[
        str | None, typer.Option(help="viterbi, k-best, exhaustive: the last word must be this.", metavar="WORD")
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(help="beam: prefixes kept at each step.  [default: 5]", metavar="B"),
    ] = None,
    length_penalty: Annotated[float | None, typer.Option(help="beam: rank by log p / T^F.", metavar="F")] = None,
    groups: Annotated[
        int | None,
        typer.Option(help="beam: so many groups, kept diverse.  [default: 1]", metavar="N"),
    ] = None,
    diversity: Annotated[
        float | None,
        typer.Option(help="beam: price of a word that an earlier group chose.  [default: 0.5]", metavar="F"),
    ] = None,
    k: Annotated[
        int | None,
        typer.Option("--k", help="k-best, exhaustive: how many.  [default: 5]", metavar="K"),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(help="exhaustive: sequences that may be scored.  [default: 10,000,000]", metavar="N"),
    ] = None,
    count: Annotated[int | None, typer.Option(help="sample: how many.  [default: 1]", metavar="N")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="sample: below 1 sharper, above 1 flatter.  [default: 1]", metavar="F")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="sample: only the N likeliest words.", metavar="N")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="sample: only the likeliest words that reach this sum.", metavar="F")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="sample: decides what is drawn.  [default: 0]", metavar="N")] = None,
    show: Annotated[bool, typer.Option("--show", help="Show the search as a picture in text.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the picture to this file, .svg or .txt, whole or not at all.", metavar="FILE"),
    ] = None,
    json: Json = False,
) -> None:  # fmt: skip
    options = {name: value for name, value in locals().items() if value is not None}
    from .decode_model import read
    from .decode_request import check_ranges, requested, run

    check_ranges(options)
    output = Output(out, json)
    kind = output.kind(None, ("svg", "text"))
    show = show or (out is not None and output.path is None)  # --out -
    subject = read(options)
    request = requested(options, subject)
    _write(subject, request, run(request, subject), output, kind, show)


def _write(
    subject: Subject, request: Request, found: list[Sequence], output: Output, kind: str, show: bool
) -> None:
    from .decode_answer import facts, told

    search = found[0].search
    picture = "" if output.path is None else search.svg() if kind == "svg" else search.text()
    if output.as_json:
        shown = {"picture": search.text()} if show else {}
        output.write(picture, facts(subject, request, found) | shown)
        return
    answer = told(subject, request, found, search.text(colour=_colour()) if show else None)
    if output.path is not None:
        output.write(picture)
    put(answer)


def _colour() -> bool:
    """Whether stdout is a terminal that shows colours, and its user wants them (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


__all__ = ["EXAMPLES", "command"]
