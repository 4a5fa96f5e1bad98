"""The report of `chainrule lab decoding`: one page of HTML that needs nothing else."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from html import escape

import numpy as np

from .. import __version__
from ..graph.spelling import visible
from ..plots import svg
from ..plots.page import Section, document, duration, figure, folded, table, tiles
from ..views.html import Row, equation_table
from . import decoding_lesson as lesson
from . import decoding_plots as plots
from . import decoding_words as words
from .decoding_exact import BEST
from .decoding_result import Result
from .decoding_scaling import Sweep
from .decoding_settings import TEXTS
from .decoding_tables import made_by, marked_text, measures
from .decoding_text import NGRAMS, REAL, TOP_P, Trained


def html_page(result: Result) -> str:
    """The whole page."""
    sections = [
        _overview(result), _answers(result), _exactness(result), _cost(result), _text(result), _again(result),
    ]  # fmt: skip
    footer = f"Made by Chainrule {__version__}. This page is complete in itself: it fetches nothing."
    return document("Decoding: what is found, what it costs", "chainrule lab decoding", sections, footer)


def _overview(r: Result) -> Section:
    a, models = r.answers, sum(g.models for g in r.agreements)
    exact = sum(g.full for g in r.agreements)
    agreed = sum(map(words.agrees, r.sweeps))
    likeliest = max((r.summary(m, d) for m in r.models[-1:] for d in r.decoders(m)), key=lambda s: s.per_token)
    real = r.summary(r.models[-1], REAL)
    log_p = [words.log_p(s.log_likelihood) for s in (a.greedy, a.beam, a.best)]
    facts = [
        (
            f"{log_p[1]} / {log_p[2]}",
            f"log p that a beam of {a.width} finds, and the maximum; greedy search finds {log_p[0]}",
        ),
        (f"{exact:,} of {models:,}", "random models whose maximum a beam of N<sup>T−1</sup> found"),
        (f"{agreed} of {len(r.sweeps)}", "measured exponents of time and memory as predicted"),
        (
            f"{100 * likeliest.repetition:.0f} % / {100 * real.repetition:.0f} %",
            f"repeated: the likeliest texts of the {r.models[-1].title}, and the text itself",
        ),
    ]
    text = paragraphs(
        "A model gives p(w₁ … w_T | w₀) = ∏ p(w_t | w₀ … w₍t₋₁₎), and decoding asks for the likeliest w₁ … w_T of its "
        f"Nᵀ sequences. {words.in_short(a)} Below: why; that the exact decoders are exact; what each costs, counted "
        "and measured; and what becomes of real text.",
        lesson.overall(r),
    )
    return "overview", "In short", f"{text}\n{tiles(facts)}"


# The small tree -------------------------------------------------------------------------------------------------------


def _answers(r: Result) -> Section:
    a = r.answers
    pictures = [
        _picture(a.greedy.search.svg(), f"Greedy search finds {words.title_of(a.greedy)}."),
        *(
            _picture(
                a.beam.search.svg(step=t),
                words.kept(a, t) + (f" It finds {words.title_of(a.beam)}." if t == len(a.search.steps) else ""),
            )
            for t in range(1, len(a.search.steps) + 1)
        ),
        _picture(a.best.search.svg(), f"All sequences: the likeliest is {words.title_of(a.best)}."),
    ]
    greedy, *steps, best = pictures
    text = (
        paragraphs(
            f"A tree of {len(a.tree.vocabulary)} words and depth {a.tree.depth}, with log p at each branch. Siblings "
            "sum to less than 1: the rest belongs to words that are not shown. Greedy search takes the likeliest next "
            f"word each time; beam search keeps the {a.width} likeliest prefixes; the enumeration of all finds the "
            "maximum."
        )
        + greedy
        + "".join(steps)
        + best
        + "<h3>Where the beam loses it</h3>\n"
        + paragraphs(*words.departures(a), words.known(a))
        + "<h3>A wider beam</h3>\n"
        + figure(
            svg(
                plots.found_by_width(a), "widths",
                "log p that beam search finds by width: "
                + ", ".join(f"{w}: {words.log_p(s.log_likelihood)}" for w, s in a.by_width),
            ),
            "The log-likelihood that beam search finds with each width, beside that of greedy search and the maximum.",
        )
        + paragraphs(words.sufficient(a))
    )  # fmt: skip
    return "answers", "Three decoders, three answers", text


def _picture(drawn: str, caption: str) -> str:
    """A picture of a search, which brings its own ground and scrolls by itself on a narrow page."""
    drawn = drawn.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)
    return figure(f'<div class="scroll">{drawn}</div>', caption, "wide")


# Exactness ------------------------------------------------------------------------------------------------------------


def _exactness(r: Result) -> Section:
    def count(found: int | None, of: int) -> str:
        return "–" if found is None else f"{found} of {of}"

    rows = []
    for g in r.agreements:
        gaps = g.gaps[1]
        missed = gaps[gaps > 1e-9]
        rows.append([
            g.kind, f"{g.N}", f"{g.T}", f"{g.sequences:,}", count(g.viterbi, g.models), count(g.k_best, g.models),
            count(g.full, g.models), count(g.found(1), g.models),
            f"{missed.mean():.2f}" if len(missed) else "–",
            *(count(g.found(B), g.models) if B in g.gaps else "–" for B in (4, 16)),
        ])  # fmt: skip
    heads = ["", "N", "T", "N<sup>T</sup>", "Viterbi", f"{BEST} best", "beam N<sup>T−1</sup>", "greedy", "short by",
             "beam 4", "beam 16"]  # fmt: skip
    caption = (
        f"How often each decoder finds what the enumeration of all Nᵀ sequences finds, on {r.agreements[0].models} "
        "random models of each kind. Trees are not Markov, so Viterbi and k-best do not apply. “short by”: nats that "
        "greedy search lacks in the mean where it misses."
    )
    text = (
        paragraphs(
            "The rows of each chain, and the branches below each node of each tree, are drawn uniformly from all "
            "distributions over N words. Everything is enumerated and compared: words, and log-likelihoods."
        )
        + captioned(table(heads, rows, "exact", numeric=tuple(range(1, 11))), caption)
        + paragraphs(words.exactness(r.agreements))
        + '<div class="plots">'
        + figure(
            svg(plots.share_found(r.agreements), "found", "Share of models whose maximum is found, by width"),
            "In how many of the random models beam search finds the maximum, of all sizes of each kind; width 1 is "
            "greedy search.",
        )
        + figure(
            svg(plots.mean_gap(r.agreements), "gap", "Mean log p below the maximum, by width"),
            "By how many nats what it finds falls short of the maximum, in the mean over all models.",
        )
        + "</div>\n"
        + paragraphs(words.misses(r.agreements))
    )
    return "exactness", "Exactness", text


# Cost -----------------------------------------------------------------------------------------------------------------

_PREDICTED = [
    Row(r"\text{exhaustive}", r"O(N^{T})", ("time and space",)),
    Row(
        r"\text{Viterbi}", r"O(T N^{2})\ \text{time},\ O(T N)\ \text{space}",
        ("δ alone is kept; pointers are found along the path",),
    ),
    Row(
        r"\text{beam}", r"O(T B N)\ \text{time},\ O(B N + B T)\ \text{space}",
        ("by selection; sorting would take T B N log(B N)",),
    ),
    Row(
        r"k\text{-best}", r"O(T (N^{2} + N k^{2}))\ \text{time},\ O(T N k)\ \text{space}",
        ("k of the predecessors matter, each with k ranks",),
    ),
]  # fmt: skip


def _cost(r: Result) -> Section:
    rows = [
        [
            words.DECODERS[c.decoder], words.sizes(c.sizes), _formula(c.formula),
            f"{c.predicted:,}", f"{c.counted:,}",
        ]
        for c in r.counts
    ]  # fmt: skip
    times = [s for s in r.sweeps if s.plan.quantity == "time"]
    memory = [s for s in r.sweeps if s.plan.quantity == "memory"]
    text = (
        equation_table(_PREDICTED)
        + "<h3>Extensions, counted</h3>\n"
        + captioned(
            table(["", "sizes", "formula", "predicted", "counted"], rows, "counts", numeric=(3, 4)),
            "Pairs of a prefix and a next word that were scored, where every word can follow every word: what the "
            "formula says, and what each search counted.",
        )
        + paragraphs(words.counted(r.counts), words.chosen(r.selected))
        + "<h3>Time</h3>\n"
        + paragraphs(
            "Processor time of the process, all its threads together: what else the machine does counts little. Each "
            "point is a median of several runs, with a thin line from quartile to quartile; the sizes take turns. "
            f"Where N or B varies, one step of the search looks at {words.looked_at(times)}, so that most sizes lie "
            "beyond a processor's cache. Beam search asks a model that looks its "
            "answers up, so that the time is that of the search. The exponents are slopes of least squares through "
            "the logarithms, with standard errors."
        )
        + _laws(times)
        + paragraphs(words.fitted(times), *map(words.departs, times))
        + _plots(times)
        + "<h3>Memory</h3>\n"
        + paragraphs(
            "The most that was held at a time beside the model, traced by tracemalloc, less what the same call holds "
            "at the smallest size."
        )
        + _laws(memory)
        + paragraphs(
            "At the largest sizes that is " + "; ".join(f"{words.space(s)} ({words.DECODERS[s.plan.decoder]} over "
            f"{s.plan.varies})" for s in memory) + ". A number of double precision has 8.", *map(words.departs, memory),
        )
        + _plots(memory)
    )  # fmt: skip
    return "cost", "What it costs", text


def _formula(text: str) -> str:
    """A formula of a count with exponents and indices raised and lowered."""
    text = re.sub(r"\^\(([^)]*)\)|\^(\w)", lambda m: f"<sup>{m[1] or m[2]}</sup>", escape(text))
    return f'<span style="white-space: nowrap">{text.replace("Σ_t", "Σ<sub>t</sub>")}</span>'


def _laws(found: Sequence[Sweep]) -> str:
    rows = []
    for s in found:
        p = s.plan
        predicted = f"{p.fixed['N']} per step" if p.expected is None else f"{p.expected:g}"
        used = s.x[s.clear]
        rows.append([
            words.DECODERS[p.decoder], p.varies, words.sizes(p.fixed),
            f"{used[0]:,.0f}\u00a0–\u00a0{used[-1]:,.0f}", predicted, words.law(s),
            "yes" if words.agrees(s) else "no, see below",
        ])  # fmt: skip
    heads = ["", "over", "at", "from – to", "predicted", "measured", "agrees"]
    quantity = "times" if found[0].plan.quantity == "time" else "memory"
    factor = "; of exhaustive search the factor for each further word" if quantity == "times" else ""
    return captioned(
        table(heads, rows, "laws", numeric=(4, 5)),
        f"Exponents of the {quantity} over each size{factor}. They agree if they lie within two standard errors or "
        "within 0.1.",
    )


def _plots(found: Sequence[Sweep]) -> str:
    return (
        '<div class="plots">'
        + "".join(
            figure(
                svg(
                    plots.scaling(s), f"scaling-{s.plan.quantity}-{s.plan.decoder}-{s.plan.varies}",
                    f"{s.plan.quantity} of {s.plan.decoder} over {s.plan.varies}: measured {words.law(s)}",
                ),
                f"{words.raised(words.DECODERS[s.plan.decoder])}: {s.plan.quantity} over {s.plan.varies}, with "
                + f"{words.sizes(s.plan.fixed)}.",
            )
            for s in found
        )
        + "</div>\n"
    )  # fmt: skip


# Real text ------------------------------------------------------------------------------------------------------------


def _text(r: Result) -> Section:
    c, sizes = r.corpus, r.settings.sizes
    rows = [
        [
            m.title, f"{m.tokens:,}", f"{len(m.model.vocabulary):,}", f"{m.uniform:.3f}", f"{m.unigram:.3f}",
            f"{m.nats:.3f}", f"{np.exp(m.nats):,.3g}",
        ]
        for m in r.models
    ]  # fmt: skip
    heads = ["", "tokens", "N", "uniform", "unigram", "the model", "perplexity"]
    text = (
        paragraphs(
            f"The text is {_source(r)}: {len(c.train) + len(c.held):,} characters, of which the last tenth is held "
            "out. The models of words and of characters count n-grams, smoothed by Kneser and Ney's method; words that "
            "come once only, and those beyond the commonest "
            f"{sizes.vocabulary:,}, count as `<unk>`, which no decoder may say. The network was trained by `cr.fit` in "
            f"{duration(r.network.run.seconds)} and reads {r.network.context} characters.",
        )
        + captioned(
            table(heads, rows, "models", numeric=(1, 2, 3, 4, 5, 6)),
            "Nats per token of the held-out text: with nothing known (log N), with the shares of the tokens alone, and "
            "with the model; perplexity is that of the model.",
        )
        + figure(
            svg(plots.nats(r), "nats", "Nats per held-out token of each model"), "The same, drawn. Lower is better."
        )
        + paragraphs(
            f"From the same {len(r.prompts)} prompts of the held-out text each decoder goes on for {sizes.words} words "
            f"or {sizes.characters} characters. Greedy and beam search and Viterbi look for what is likely; sampling "
            "draws each next word from p, from the k likeliest (top-k) or from the likeliest that together reach "
            f"{TOP_P:g} (nucleus). Beside them stands what the text itself has there. An n-gram is repeated if the "
            "same output had it before; the longest repeated stretch comes twice."
        )
        + paragraphs(lesson.overall(r))
        + "".join(_model(r, m) for m in r.models)
        + '<p class="note">Holtzman, Buys, Du, Forbes and Choi, The curious case of neural text degeneration, ICLR '
        "2020; Fan, Lewis and Dauphin, ACL 2018 (top-k); Kneser and Ney, ICASSP 1995; Bengio, Ducharme, Vincent and "
        "Janvin, JMLR 2003.</p>"
    )
    return "text", "Real text", text


def _model(r: Result, m: Trained) -> str:
    others, n = len(r.prompts) - 1, NGRAMS[m.unit][-1]
    shown = lambda k: made_by(r, m, k)
    tinted = f"What belongs to a repeated {n}-gram is tinted, but for where it comes first."
    caption = lambda k: f"After “…{marked_text(r.prompts[k].text)}”. {tinted}"
    return (
        f"<h3>{escape(m.title[0].upper() + m.title[1:])}</h3>\n"
        + captioned(*measures(r, m))
        + figure(
            svg(
                plots.likely_and_repeated(r, m), f"repeated-{m.key}",
                f"log p per {m.unit} and share of repeated n-grams of each decoder",
            ),
            f"{m.title[0].upper()}{m.title[1:]}: each small point an output, each large one the mean of a decoder.",
        )
        + paragraphs(lesson.of_model(r, m), lesson.widths(r, m))
        + captioned(shown(0), caption(0))
        + (
            folded(
                f"The outputs after the other {others} prompts",
                "".join(captioned(shown(k), caption(k)) for k in range(1, len(r.prompts))),
            )
            if others
            else ""
        )
    )  # fmt: skip


# Again ----------------------------------------------------------------------------------------------------------------


def _again(r: Result) -> Section:
    settings = [
        (escape(k), escape(str(v))) for k, v in r.settings.as_dict().items() if v is not None and k != "sizes"
    ]
    settings += [(f"sizes: {escape(k)}", escape(str(v))) for k, v in r.settings.as_dict()["sizes"].items()]
    settings += [
        ("Chainrule", escape(__version__)), ("NumPy", np.__version__), ("Python", platform.python_version()),
        ("seconds", f"{r.seconds:.3g}"),
    ]  # fmt: skip
    text = (
        "<p>The same seed on the same machine gives the same searches, counts and texts, bit for bit; times "
        "differ:</p>\n"
        f'<pre class="scroll"><code>{escape(r.settings.command())}</code></pre>\n'
        "<p>Beside this page lie <code>scaling.csv</code> (a row for each count and each measured size) and "
        "<code>sequences.csv</code> (a row for each decoded text, with its measures).</p>\n"
        + captioned(table(["setting", "value"], settings, "settings"), "All settings and versions of this run.")
    )
    return "again", "Run it again", text


def captioned(content: str, caption: str) -> str:
    """A table with its caption below it, which does not scroll away with a wide table."""
    return figure(content, caption, "wide")


def paragraphs(*texts: str) -> str:
    """Plain texts as paragraphs, without the empty ones; what stands between ` and ` as code."""
    return "\n".join(f"<p>{_marked(escape(t, quote=False))}</p>" for t in texts if t) + "\n"


def _source(r: Result) -> str:
    """Where the text is from; a path as code, in which nothing is mathematics."""
    source = r.corpus.source
    return source if r.settings.text in TEXTS else f"`{visible(source).replace('`', chr(39))}`"


def _marked(text: str) -> str:
    parts = re.split("`([^`]*)`", text)
    return "".join(f"<code>{part}</code>" if k % 2 else _lowered(part) for k, part in enumerate(parts))


def _lowered(text: str) -> str:
    text = text.replace("₍t₋₁₎", "<sub>t−1</sub>").replace("w_T", "w<sub>T</sub>").replace("w_t", "w<sub>t</sub>")
    return re.sub("[₀-₉]+", lambda m: f"<sub>{m[0].translate(_DIGITS)}</sub>", text)


_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


__all__ = ["captioned", "html_page", "paragraphs"]
