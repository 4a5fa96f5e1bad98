"""What `chainrule lab decoding` says of its searches and measurements: sentences that follow from what was found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ..decode import Departure
from ..decode import Sequence as Found
from ..plots.page import duration
from .decoding_exact import BEST, Agreement
from .decoding_scaling import CLEAR, Count, Selected, Sweep
from .decoding_tree import Answers

DECODERS = {"greedy": "greedy search", "beam": "beam search", "viterbi": "Viterbi's algorithm", "k-best": "k-best",
            "exhaustive": "exhaustive search"}  # fmt: skip


def log_p(x: float) -> str:
    """A log-likelihood, with a minus sign and at least one decimal.

    >>> log_p(-9.299999999), log_p(-4.0), log_p(-0.13337)
    ('−9.3', '−4.0', '−0.1334')
    """
    text = f"{x:.4g}".replace("-", "−")
    return text if set(".en") & set(text) else f"{text}.0"


def mean_log_p(x: float) -> str:
    """A log p per token, to three decimals.

    >>> mean_log_p(-0.13337)
    '−0.133'
    """
    return "–" if math.isnan(x) else f"{x:.3f}".replace("-", "−")


def raised(first: str) -> str:
    """A sentence's first letter as a capital."""
    return first[:1].upper() + first[1:]


def quoted(words: Iterable[object]) -> str:
    """
    >>> quoted(("a", "blue"))
    '“a blue”'
    """
    return f"“{' '.join(map(str, words))}”"


def listed(items: Sequence[str]) -> str:
    """
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def sizes(found: Mapping[str, int]) -> str:
    """Sizes as they are written in a table.

    >>> sizes({"N": 5000, "T": 30}).replace(chr(160), " ")
    'N = 5,000, T = 30'
    """
    return ", ".join(f"{name}\u00a0=\u00a0{value:,}" for name, value in found.items())


# The small tree


def in_short(a: Answers) -> str:
    """The three answers in one sentence."""
    found = {"greedy search finds": a.greedy, f"a beam of {a.width} finds": a.beam, "the likeliest sequence is": a.best}
    told = [f"{what} {quoted(s.words)} with log p = {log_p(s.log_likelihood)}" for what, s in found.items()]
    return f"Of one tree {listed(told)}."


def departures(a: Answers) -> list[str]:
    """At which step the beam lost what greedy search follows, and the beginning of the maximum, and to what."""
    lost = a.left(a.best)
    if lost is None:
        return [f"The beam of {a.width} keeps the beginning of the maximum to the end, and finds it."]
    worse = a.beam.log_likelihood < a.greedy.log_likelihood
    greedy = a.left(a.greedy) if worse else None
    text = []
    if greedy is not None:
        first = a.greedy.words[: greedy.step - 1]
        text.append(
            f"{kept(a, greedy.step)} With that it drops {_named(greedy)}, which greedy search follows to "
            f"{quoted(a.greedy.words)}, {log_p(a.greedy.log_likelihood)}: greedy search has "
            f"{quoted(first) if first else '<BOS>'} only, and what begins otherwise cannot push its words aside. All "
            f"that the beam is left with ends at {log_p(a.beam.log_likelihood)} or below: a prefix that is likelier so "
            "far need not lead to anything likelier."
        )
    elif not worse:
        text.append(f"The beam of {a.width} finds no less than greedy search.")
    same = greedy is not None and greedy.step == lost.step
    text.append(
        f"{'At the same step it drops' if same else f'{kept(a, lost.step)} It drops'} {_named(lost)}, the beginning "
        f"of the maximum {quoted(a.best.words)}, {log_p(a.best.log_likelihood)}: the worst that is kept has "
        f"{log_p(lost.worst_kept)}."
    )
    return text


def kept(a: Answers, t: int) -> str:
    """What the beam keeps at step t."""
    step = a.search.steps[t - 1]
    each = [
        f"{quoted(a.tree.vocabulary.words(a.search.prefix(t, k)))} ({log_p(float(step.total[k]))})"
        for k in range(len(step))
    ]
    return f"At step {t} the beam keeps {listed(each)}, the likeliest so far."


def _named(d: Departure) -> str:
    return f"{quoted(d.prefix)} ({log_p(d.total)})"


def known(a: Answers) -> str:
    """What the search itself can tell of its answer."""
    search, why = a.beam.search, a.beam.search.why.replace(" -", " −")
    if search.exact:
        return f"The search itself can tell that this is the maximum: {why}."
    return (
        f"What the search itself can tell, without knowing the maximum: `search.exact` is {search.exact}, for "
        f"{why}; and `search.bound` is {log_p(search.bound)}: the maximum lies between "
        f"{log_p(a.beam.log_likelihood)} and {log_p(search.bound)}."
    )


def sufficient(a: Answers) -> str:
    """Which width finds the maximum, and whether more is always better on the way there."""
    prefixes = max(len(s) for s in a.best.search.steps[:-1]) if len(a.best.words) > 1 else 1  # type: ignore[attr-defined]
    text = f"A width of {a.enough} would have sufficed, found by trying all from 1 on"
    if a.enough == prefixes:
        text += f": in this tree only the beam that keeps all {prefixes} prefixes of its length finds the maximum"
    text += "." if a.proved == a.enough else f", and from {a.proved} on the search can tell."
    falls = a.falls()
    if falls:
        widths = {id(s): w for w, s in a.by_width}
        told = [
            f"with {widths[id(wide)]} prefixes it finds {log_p(wide.log_likelihood)} and with {widths[id(narrow)]} it "
            f"found {log_p(narrow.log_likelihood)}"
            for narrow, wide in falls
        ]
        text += f" A wider beam need not find more: {listed(told)}."
    else:
        text += " Here each wider beam finds at least as much; that need not be so."
    return text


def title_of(found: Found) -> str:
    """A sequence with its log-likelihood."""
    return f"{quoted(found.words)}, log p = {log_p(found.log_likelihood)}"


# Exactness


def exactness(found: Sequence[Agreement]) -> str:
    """How often what must be the maximum was."""
    markov = [a for a in found if a.viterbi is not None]
    claims = [
        ("Viterbi's algorithm found the maximum", sum(a.viterbi or 0 for a in markov), markov),
        (f"k-best found the {BEST} likeliest in their order", sum(a.k_best or 0 for a in markov), markov),
        ("a beam of Nᵀ⁻¹ found the maximum", sum(a.full for a in found), list(found)),
    ]
    told = [f"{what} {_of(count, sum(a.models for a in of))}" for what, count, of in claims]
    apart = max(a.apart for a in found)
    wrong = any(count < sum(a.models for a in of) for _, count, of in claims)
    text = f"Against the enumeration of all sequences: {'; '.join(told)}. The log-likelihoods "
    text += "are the same to the last bit." if apart == 0 else f"differ by {apart:.2g} at most."
    return text + (" It should have been all: this is a mistake in the library." if wrong else "")


def _of(count: int, models: int) -> str:
    return f"in all {models:,} models" if count == models else f"in {count:,} of {models:,} models"


def misses(found: Sequence[Agreement]) -> str:
    """How often greedy search and narrow beams miss it, and by how much."""
    models = sum(a.models for a in found)
    parts = []
    for width, name in ((1, "Greedy search"), (4, "a beam of 4"), (16, "a beam of 16")):
        of = [a for a in found if width in a.gaps]
        if not of:
            continue
        gaps = np.concatenate([a.gaps[width] for a in of])
        missed = gaps[gaps > 1e-9]
        lost = f", by {missed.mean():.2g} nats in the mean and {missed.max():.2g} at most" if len(missed) else ""
        parts.append(f"{name} misses it in {_percent(len(missed) / len(gaps))} of them{lost}")
    worse = sum(a.worse_when_wider for a in found)
    fall = (
        f" In {worse} of the {models} models some beam finds less than a narrower one."
        if worse
        else " In none of the models a beam finds less than a narrower one."
    )
    return "; ".join(parts) + "." + fall


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"



# What it costs


def counted(found: Sequence[Count]) -> str:
    """Whether the counts are those of the formulas."""
    wrong = [c for c in found if c.counted != c.predicted]
    if not wrong:
        return f"All {len(found)} counts are exactly those of the formulas."
    return f"{len(wrong)} of {len(found)} counts are not those of the formulas: that is a mistake."


def chosen(s: Selected) -> str:
    """Selection beside sorting."""
    times = s.sorting / s.selection
    comparison = f"{times:.3g} times as long" if times > 1 else f"only {times:.2g} times as long"
    return (
        f"The {s.B} best of {s.B} · {s.N:,} extensions are found by selection in {duration(s.selection)}; to sort all "
        f"of them takes {duration(s.sorting)}, {comparison}"
        + (", and gives the same." if s.same else ", and gives others: that is a mistake.")
    )


def law(s: Sweep) -> str:
    """The exponent with its error, or the factor of each step."""
    f, error = s.law, "" if np.isnan(s.law.error) else f" ± {s.law.error:.2f}"
    if s.plan.expected is None:
        spread = "" if np.isnan(f.error) else f" ± {np.exp(f.exponent) * f.error:.2f}"
        return f"{np.exp(f.exponent):.2f}{spread}"
    return f"{f.exponent:.2f}{error}"


def agrees(s: Sweep) -> bool:
    """Whether the exponent is the predicted one: within two standard errors, or within a tenth."""
    return s.law.agrees(s.expected, 0.1)


def departs(s: Sweep) -> str:
    """Why a measured exponent is not the predicted one; empty where it is."""
    if agrees(s):
        return ""
    p, x, y = s.plan, s.x[s.clear], s.cost[s.clear]
    per_step = p.expected is None
    local = np.diff(np.log(y)) / (np.diff(x) if per_step else np.diff(np.log(x)))
    shown = (lambda v: f"{np.exp(v):.2g}") if per_step else (lambda v: f"{v:.2f}")
    what = "factor" if per_step else "exponent"
    name = f"{raised(DECODERS[p.decoder])}, {p.quantity} over {p.varies}"
    text = f"{name}: the {what} is {law(s)} and not {shown(s.expected)}."
    if s.law.exponent > s.expected:
        k = int(local.argmax())
        text += f" It is steepest from {p.varies} = {x[k]:,.0f} to {x[k + 1]:,.0f} ({shown(local[k])})"
        small, large = held(s, x[k]), held(s, x[k + 1])
        if p.quantity == "time" and large > small:
            text += (
                f", where what one step looks at grows from {_bytes(small)} to {_bytes(large)}: numbers that no longer "
                "fit into the processor's cache would explain it"
            )
        return text + "."
    text += f" Between the two smallest sizes it is {shown(local[0])}, between the two largest {shown(local[-1])}"
    if local[-1] > local[0]:
        text += ": what each call and each row costs beside the arithmetic still counts, and less the larger they are"
    net = s.net
    if p.quantity == "time" and net is not None and abs(net.exponent - s.expected) < abs(s.law.exponent - s.expected):
        text += (
            f". Without the {duration(s.floor)} that the same call takes at {p.varies} = {p.floor} it is "
            f"{shown(net.exponent)}"
        )
    return text + "."


def held(s: Sweep, value: float) -> float:
    """Bytes of the numbers that one step of the search looks at."""
    sizes = s.plan.sizes(int(value))
    N = sizes["N"]
    if s.plan.decoder == "beam":
        return 8.0 * sizes["B"] * N
    if s.plan.decoder == "exhaustive":
        return 8.0 * sizes["T"] * N ** sizes["T"]
    return 8.0 * N * N


def looked_at(found: Sequence[Sweep]) -> str:
    """The range of `held` over the sizes where N or B varies."""
    of = [held(s, x) for s in found if s.plan.varies in ("N", "B") for x in s.x]
    return f"{_bytes(min(of))} to {_bytes(max(of))}"


def _bytes(count: float) -> str:
    return f"{count / 1e6:.3g} MB" if count >= 1e6 else f"{count / 1e3:.3g} kB"


def fitted(found: Sequence[Sweep]) -> str:
    """What was left out of the fits."""
    times = [s for s in found if s.plan.quantity == "time"]
    left_out = [s for s in times if not s.clear.all()]
    text = (
        f"A point counts in a fit if it is at least {CLEAR:g} times what the same call costs at the smallest size, "
        "where what does not grow is all that there is."
    )
    if left_out:
        names = [
            f"{DECODERS[s.plan.decoder]} over {s.plan.varies} ({int((~s.clear).sum())} of {len(s.clear)})"
            for s in left_out
        ]
        text += f" Left out, and drawn hollow: {listed(names)}."
    few = [f"{DECODERS[s.plan.decoder]} over {s.plan.varies}" for s in times if not s.enough]
    if few:
        text += f" Too few such points, so that all count: {listed(few)}."
    return text


def space(s: Sweep) -> str:
    """Bytes for each of the numbers that are said to be held, at the largest size."""
    sizes = s.plan.sizes(s.plan.values[-1])
    per, what = {"viterbi": (sizes["N"] * sizes["T"], "N · T")}.get(s.plan.decoder, (0, ""))
    if s.plan.decoder == "beam":
        first = "T" if s.plan.varies == "T" else "N"
        grown = sizes[first] - s.plan.floor if s.plan.varies == "T" else sizes[first]
        per, what = sizes["B"] * grown, f"B · {first}"
    return f"{s.cost[-1] / per:.3g} bytes for each of the {what}"


__all__ = [
    "DECODERS", "agrees", "chosen", "counted", "departs", "departures", "exactness", "fitted", "held",
    "in_short", "kept", "known", "law", "listed", "log_p", "looked_at", "mean_log_p", "misses", "quoted", "raised",
    "sizes", "space", "sufficient", "title_of",
]  # fmt: skip
