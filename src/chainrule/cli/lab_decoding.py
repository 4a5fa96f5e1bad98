"""`chainrule lab decoding`: greedy, beam, Viterbi and exhaustive search beside each other."""

from __future__ import annotations

import json as as_json
import textwrap
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """
Set the decoders beside each other: a tree in which a beam of two finds less than greedy search, and why; exact ones
against the enumeration of all sequences; what each costs over the length, the words and the width, counted and
measured, beside the predictions; and what they make of a real text, with how likely that is and how much it repeats.

\b
  chainrule lab decoding                                 # the text of Python's own reference, offline; about a minute
  chainrule lab decoding --text tinyshakespeare          # from --data-dir or $CHAINRULE_DATA; else downloaded once
  chainrule lab decoding --text hamlet.txt --seed 1 --json

It writes report.html, scaling.csv and sequences.csv, or none of them.
"""


def decoding(
    text: Annotated[
        str,
        typer.Option(
            help="What the models of text learn: python, the Language Reference that comes with Python; "
            "tinyshakespeare; or a text file of your own.",
            metavar="NAME|FILE",
        ),
    ] = "python",
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder with tinyshakespeare.txt.  [default: $CHAINRULE_DATA, or a download]", metavar="DIR",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Decides the random models, the prompts, the network and what is drawn.", metavar="N")
    ] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the report and its files.", metavar="DIR")] = Path(
        "out/decoding"
    ),
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")
    ] = False,
) -> None:  # fmt: skip
    from ..labs.decoding_settings import Settings
    from ..labs.settings import SettingError

    try:
        _run(Settings(text, str(data_dir) if data_dir else None, seed), out, json)
    except SettingError as error:
        raise typer.BadParameter(error.problem, param_hint=f"'--{error.setting.replace('_', '-')}'") from None


def _run(settings, out: Path, json: bool) -> None:
    from ..labs import decoding
    from ..labs.files import OutputFolder
    from ..train import Interrupted
    from .output import plain
    from .progress import progress

    with OutputFolder(out, decoding.FILES) as folder, progress() as listener:
        try:
            result = decoding.run(settings, listener=listener)
        except Interrupted:  # what it says of a run in memory is of no use here
            raise KeyboardInterrupt from None
        listener.stage("writing the report")
        paths = decoding.save(result, folder)
    if json:
        found = plain(decoding.facts(result) | {"files": {k: str(p) for k, p in paths.items()}})
        print(as_json.dumps(found, indent=2, ensure_ascii=False))
        return
    _print(result)
    for name, path in paths.items():
        print(f"{'report' if name.endswith('html') else '':11} {path}")


def _print(result) -> None:
    from ..labs import decoding_lesson as lesson
    from ..labs import decoding_words as words
    from ..labs.decoding_text import REAL

    a = result.answers
    for name, found in ((f"beam of {a.width}", a.beam), ("greedy", a.greedy), ("maximum", a.best)):
        print(f"{name:11} {words.title_of(found)}")
    print(_filled("exactness", words.exactness(result.agreements)))
    print(_filled("counts", words.counted(result.counts)))
    print("\nexponents   measured          predicted")
    for s in result.sweeps:
        expected = f"{s.plan.fixed['N']} per step" if s.plan.expected is None else f"{s.plan.expected:g}"
        name = f"{s.plan.decoder}, {s.plan.quantity} over {s.plan.varies}"
        print(f"            {words.law(s):17} {expected:11} {name}")
    print(f"\n{'':28}{'log p per token':>16}{'repeated':>10}")
    for m in result.models:
        made = [result.summary(m, d) for d in (*result.decoders(m), REAL)]
        best = max(made[:-1], key=lambda s: s.per_token)
        for s in (best, made[-1]):
            title = m.title if s is best else ""
            print(f"{title:28}{words.mean_log_p(s.per_token):>16}{100 * s.repetition:>8.0f} %  {s.decoder}")
    print(f"\n{_filled('repetition', lesson.overall(result))}\n")


def _filled(name: str, text: str) -> str:
    """A text on several lines, beside its name."""
    return textwrap.fill(text, 110, initial_indent=f"{name:12}", subsequent_indent=" " * 12)


__all__ = ["EXAMPLES", "decoding"]
