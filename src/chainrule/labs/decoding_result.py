"""What a run of `chainrule lab decoding` found, and its files in CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import __version__
from .decoding_exact import Agreement
from .decoding_scaling import Count, Selected, Sweep
from .decoding_settings import Settings
from .decoding_text import NGRAMS, REAL, SEARCHES, Corpus, Output, Prompt, Trained
from .decoding_tree import Answers
from .next_character import NextCharacter

LENGTHS = sorted({n for lengths in NGRAMS.values() for n in lengths})


@dataclass(frozen=True, eq=False)
class Result:
    """All that a run of the lab found.

    answers        of the small tree
    agreements     of random models, for each kind and size
    counts         of scored extensions
    sweeps         times and memory over sizes; `selected` selection beside sorting
    models         of the text; `network` is the training of the last
    outputs        of every decoder, model and prompt
    """

    settings: Settings
    answers: Answers
    agreements: list[Agreement]
    counts: list[Count]
    sweeps: list[Sweep]
    selected: Selected
    corpus: Corpus
    models: list[Trained]
    network: NextCharacter
    prompts: list[Prompt]
    outputs: list[Output]
    seconds: float

    def made(self, model: Trained, decoder: str | None = None) -> list[Output]:
        """What was decoded from a model, by one decoder or by all; without the text itself, unless it is asked for."""
        return [
            o for o in self.outputs
            if o.model == model.key and (o.decoder == decoder if decoder is not None else o.decoder != REAL)
        ]  # fmt: skip

    def decoders(self, model: Trained) -> list[str]:
        """The names of the decoders that this model was decoded with."""
        return list(dict.fromkeys(o.decoder for o in self.made(model)))

    def summary(self, model: Trained, decoder: str) -> Summary:
        """The means over the prompts."""
        return Summary.of(self.made(model, decoder))


@dataclass(frozen=True)
class Summary:
    """Means over the prompts.

    repeated   n -> share of the n-grams that came before, of the lengths that are told for the model's tokens
    """

    decoder: str
    per_token: float
    repeated: dict[int, float]
    longest: float
    seconds: float

    @classmethod
    def of(cls, outputs: Sequence[Output]) -> Summary:
        """Of the outputs of one decoder."""
        first = outputs[0]
        mean = lambda values: float(np.mean(list(values)))
        return cls(
            first.decoder, mean(o.per_token for o in outputs),
            {n: mean(o.repeated(n) for o in outputs) for n in NGRAMS[first.unit]}, mean(o.longest for o in outputs),
            mean(o.seconds for o in outputs),
        )  # fmt: skip

    @property
    def repetition(self) -> float:
        """Of the longest of these n-grams."""
        return list(self.repeated.values())[-1]

    @property
    def searches(self) -> bool:
        """Whether it looks for a likely sequence, and does not draw one."""
        return self.decoder in SEARCHES


def scaling_csv(result: Result) -> str:
    """A row for each count and each measured size: sizes, what was measured, and what was predicted."""
    head = ["decoder", "quantity", "varies", "N", "T", "B", "k", "measured", "low", "high", "in_fit", "predicted",
            "exponent", "standard_error"]  # fmt: skip
    rows: list[list[Any]] = []
    for c in result.counts:
        rows.append([c.decoder, "extensions", "", *_sizes(c.sizes), c.counted, "", "", "", c.predicted, "", ""])
    for s in result.sweeps:
        law, p = s.law, s.plan
        for k, value in enumerate(p.values):
            numbers = [s.median[k], s.low[k], s.high[k]]
            rows.append(
                [p.decoder, p.quantity, p.varies, *_sizes(p.sizes(value)), *map(float, numbers), int(s.clear[k]),
                 s.expected, law.exponent, law.error]
            )  # fmt: skip
    return _csv(head, rows)


def _sizes(sizes: dict[str, int]) -> list[Any]:
    return [sizes.get(name, "") for name in ("N", "T", "B", "k")]


def sequences_csv(result: Result) -> str:
    """A row for each output of a decoder, and for what the text itself has there."""
    head = ["model", "decoder", "prompt", "tokens", "log_likelihood_per_token", *(f"repeated_{n}" for n in LENGTHS),
            "longest_repeated", "exact", "seconds", "prompt_text", "text"]  # fmt: skip
    rows = [
        [o.model, o.decoder, o.prompt, len(o.tokens), o.per_token, *(o.repeated(n) for n in LENGTHS), o.longest,
         int(o.exact), round(o.seconds, 6), result.prompts[o.prompt].text, o.text]
        for o in result.outputs
    ]  # fmt: skip
    return _csv(head, rows)


def _csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([[repr(float(v)) if isinstance(v, float) else v for v in row] for row in rows])
    return out.getvalue()


def facts(result: Result) -> dict[str, Any]:
    """The run in plain numbers and words: what `--json` prints, but for the files."""
    a = result.answers
    told = lambda s: {"words": list(s.words), "log_likelihood": s.log_likelihood, "exact": s.search.exact}
    return {
        "lab": "decoding",
        "version": __version__,
        "settings": result.settings.as_dict(),
        "tree": {
            "greedy": told(a.greedy), "beam": told(a.beam) | {"width": a.width, "bound": a.beam.search.bound},
            "maximum": told(a.best), "width_that_suffices": a.enough,
            "by_width": {w: s.log_likelihood for w, s in a.by_width},
        },
        "exactness": [
            {"kind": g.kind, "N": g.N, "T": g.T, "models": g.models, "viterbi": g.viterbi, "k_best": g.k_best,
             "full_beam": g.full, "found_by_width": {B: g.found(B) for B in g.gaps},
             "mean_gap_by_width": {B: float(v.mean()) for B, v in g.gaps.items()}, "largest_difference": g.apart}
            for g in result.agreements
        ],
        "extensions": [
            {"decoder": c.decoder, **c.sizes, "counted": c.counted, "predicted": c.predicted} for c in result.counts
        ],
        "scaling": [
            {"decoder": s.plan.decoder, "quantity": s.plan.quantity, "varies": s.plan.varies, "fixed": s.plan.fixed,
             "values": list(s.plan.values), "measured": s.median.tolist(), "in_fit": s.clear.tolist(),
             "predicted_exponent": float(s.expected), "exponent": s.law.exponent, "standard_error": s.law.error}
            for s in result.sweeps
        ],
        "selection": {"B": result.selected.B, "N": result.selected.N, "seconds": result.selected.selection,
                      "seconds_of_sorting": result.selected.sorting},
        "text": {
            "source": result.corpus.source, "characters": len(result.corpus.train) + len(result.corpus.held),
            "models": [
                {"key": m.key, "title": m.title, "unit": m.unit, "words": len(m.model.vocabulary), "tokens": m.tokens,
                 "nats_per_token": m.nats, "unigram": m.unigram, "uniform": m.uniform}
                | {"decoders": {d: _measures(result.summary(m, d)) for d in (*result.decoders(m), REAL)}}
                for m in result.models
            ],
        },
        "seconds": round(result.seconds, 3),
    }  # fmt: skip


def _measures(s: Summary) -> dict[str, Any]:
    return {"log_likelihood_per_token": s.per_token, "repeated": s.repeated, "longest_repeated": s.longest}


__all__ = ["LENGTHS", "Result", "Summary", "facts", "scaling_csv", "sequences_csv"]
