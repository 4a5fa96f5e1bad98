"""What the decoded texts teach: whether what is likelier repeats itself more, and what the text itself does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .decoding_result import Result, Summary
from .decoding_text import NGRAMS, REAL, WIDTHS, Output, Trained
from .decoding_words import listed, mean_log_p

TOGETHER, LOOSELY = 0.5, 0.2  # from which correlations on


def correlation(outputs: Sequence[Output]) -> float:
    """Spearman's ρ of log p per token and the share of repeated n-grams; NaN where one of them is always the same."""
    from scipy.stats import rankdata

    likely, repeated = (rankdata(v) for v in zip(*((o.per_token, o.repetition) for o in outputs)))
    if np.ptp(likely) == 0 or np.ptp(repeated) == 0:
        return math.nan
    return float(np.corrcoef(likely, repeated)[0, 1])


def verdict(rho: float) -> str:
    """What a correlation says.

    >>> verdict(0.8), verdict(0.0), verdict(-0.4)
    ('together', 'unrelated', 'against')
    """
    if math.isnan(rho):
        return "unknown"
    if rho >= LOOSELY:
        return "together" if rho >= TOGETHER else "loosely"
    return "unrelated" if rho > -LOOSELY else "against"


def overall(r: Result) -> str:
    """The lesson over all models."""
    rhos = {m.title: correlation(r.made(m)) for m in r.models}
    kinds = [verdict(rho) for rho in rhos.values()]
    told = listed([f"{_signed(rho)} ({title})" for title, rho in rhos.items()])
    some = sum(k in ("together", "loosely") for k in kinds)
    if some == len(kinds):
        said = f"What a model finds likelier {'tends to repeat' if 'loosely' in kinds else 'repeats'} itself more"
        said += ", in every model" if len(kinds) > 1 else ""
    elif some:
        said = f"What a model finds likelier repeats itself more in {some} of {len(kinds)} models, not in the others"
    else:
        said = "What is likelier does not repeat itself more here"
    return (
        f"{said}: Spearman's correlation of log p per token and the share of repeated {_grams(r)} over all outputs is "
        f"{told}."
    )


def _signed(rho: float) -> str:
    return "not defined" if math.isnan(rho) else f"{rho:.2f}".replace("-", "−")


def _grams(r: Result) -> str:
    """The longest n-grams that are told, of words and of characters."""
    return " and ".join(dict.fromkeys(f"{_n(m)}-grams of {m.unit}s" for m in r.models))


def of_model(r: Result, m: Trained) -> str:
    """Searching and drawing beside the text itself, with one model."""
    found = [r.summary(m, d) for d in r.decoders(m)]
    real = r.summary(m, REAL)
    if math.isnan(real.per_token):
        return "The model knows none of the words that the text itself has there, and cannot be set beside it."
    likeliest = max(found, key=lambda s: s.per_token)
    text = (
        f"The text itself has a log p of {mean_log_p(real.per_token)} per {m.unit}, and "
        f"{_percent(real.repetition)} of its {_n(m)}-grams came before. "
    )
    text += _beside("The likeliest outputs", likeliest, real)
    nearest = min(found, key=lambda s: abs(s.repetition - real.repetition))
    closest = min(found, key=lambda s: abs(s.per_token - real.per_token))
    one = nearest.decoder == closest.decoder
    text += f" Nearest to the text's repetition is {nearest.decoder} ({_percent(nearest.repetition)})"
    text += (
        ", and it is nearest to its likelihood as well." if one
        else f", nearest to its likelihood {closest.decoder} ({mean_log_p(closest.per_token)})."
    )  # fmt: skip
    sampled = next((s for s in found if s.decoder == "sampling"), None)
    if sampled is not None and sampled.per_token > real.per_token:
        text += (
            f" Even what is drawn from p itself is likelier than the text ({mean_log_p(sampled.per_token)}): the text "
            "surprises the model more than the model's own words do."
        )
    return text


def _beside(what: str, s: Summary, real: Summary) -> str:
    likelier = s.per_token > real.per_token
    more = s.repetition > real.repetition
    also = "and" if likelier == more else "but"
    return (
        f"{what}, those of {s.decoder}, are {'likelier' if likelier else 'less likely'} ({mean_log_p(s.per_token)}) "
        f"{also} repeat {'more' if more else 'no more'} ({_percent(s.repetition)}, the longest repeated stretch "
        f"{s.longest:.3g} tokens and the text's {real.longest:.3g})."
    )


def widths(r: Result, m: Trained) -> str:
    """What becomes of likelihood and repetition as the beam grows, and how often a wider one finds less."""
    names = ["greedy", *(f"beam, {w}" for w in WIDTHS)]
    found = [r.summary(m, d) for d in names]
    likely, repeated = ([getattr(s, what) for s in found] for what in ("per_token", "repetition"))
    arrow = lambda values, shown: " → ".join(shown(v) for v in values)
    text = (
        f"From width 1 over {listed([str(w) for w in WIDTHS])} log p per {m.unit} goes {arrow(likely, mean_log_p)} in "
        f"the mean, and the repeated share {arrow(repeated, _percent)}."
    )
    each = np.array([[o.per_token for o in r.made(m, d)] for d in names])
    falls = int((np.diff(each, axis=0) < -1e-9).any(axis=0).sum())
    prompts = each.shape[1]
    text += (
        f" After {falls} of {prompts} prompts a wider beam found less than a narrower one."
        if falls
        else f" After none of the {prompts} prompts a wider beam found less."
    )
    if "Viterbi" in r.decoders(m):
        best = np.array([o.per_token for o in r.made(m, "Viterbi")])
        equal = int((each[-1] >= best - 1e-9).sum())
        text += (
            f" Viterbi's are the likeliest that there are; the beam of {WIDTHS[-1]} finds as likely ones after {equal} "
            f"of {prompts} prompts."
        )
    return text


def _n(m: Trained) -> int:
    return NGRAMS[m.unit][-1]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


__all__ = ["LOOSELY", "TOGETHER", "correlation", "of_model", "overall", "verdict", "widths"]
