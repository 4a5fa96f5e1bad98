"""`chainrule lab decoding`: greedy, beam, Viterbi and exhaustive search beside each other, measured and on real text.

    result = run(Settings(text="hamlet.txt"))
    save(result, "out/decoding")
"""

from __future__ import annotations

import time
from pathlib import Path

from .decoding_exact import agreements
from .decoding_report import html_page
from .decoding_result import Result, facts, scaling_csv, sequences_csv
from .decoding_scaling import counts, selected, sweeps
from .decoding_settings import Settings, Sizes
from .decoding_text import Corpus, decoded, load, prompts, trained
from .decoding_tree import answers
from .files import OutputFolder
from .listener import Listener
from .settings import SettingError

FILES = ("report.html", "scaling.csv", "sequences.csv")


def run(settings: Settings, corpus: Corpus | None = None, listener: Listener | None = None) -> Result:
    """Search, compare, measure and train. Nothing is written.

    corpus     as `load` answers it; loaded where it is not given
    listener   is told how it goes

    Raises DataError for a text that cannot be had or is too short.
    """
    begun = time.perf_counter()
    listener, sizes, seed = listener or Listener(), settings.sizes, settings.seed
    corpus = load(settings, listener) if corpus is None else corpus
    places = prompts(corpus, settings)
    listener.stage("searching a small tree, and random models beside the enumeration of all sequences")
    three, agreed = answers(), agreements(seed, sizes.models)
    listener.stage("counting what is scored")
    counted, chosen = counts(seed), selected(seed, sizes.repeats, sizes.divisor)
    measured = sweeps(seed, sizes.repeats, sizes.divisor, listener)
    models, network = trained(corpus, settings, listener)
    outputs = decoded(models, places, settings, listener)
    return Result(
        settings, three, agreed, counted, measured, chosen, corpus, models, network, places, outputs,
        time.perf_counter() - begun,
    )  # fmt: skip


def save(result: Result, out: str | Path | OutputFolder) -> dict[str, Path]:
    """Write report.html, scaling.csv and sequences.csv into the folder `out`, all or none: {name: path}.

    scaling.csv has a row for each count of extensions and each measured size, sequences.csv one for each decoded text.
    """
    if not isinstance(out, OutputFolder):
        with OutputFolder(out, FILES) as folder:
            return save(result, folder)
    return out.write(dict(zip(FILES, [html_page(result), scaling_csv(result), sequences_csv(result)])))


__all__ = ["FILES", "Result", "SettingError", "Settings", "Sizes", "facts", "load", "run", "save"]
