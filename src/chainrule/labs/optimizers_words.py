"""What `chainrule lab optimizers` says of its numbers: sentences that follow from what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..diagnose.norms import FAR_APART
from .layer_gradients import LayerGradients
from .optimizers_result import RHO, Training

UNRELATED = {"momentum": 1 / math.sqrt(1 - RHO**2), "nesterov": math.sqrt((1 + RHO) ** 2 + RHO**4 / (1 - RHO**2))}
"""How many times α‖g‖ a step is long (root mean square) when each gradient is independent of those before it.

v = Σ ρᵏ g₍t₋k₎ then has the mean square ‖g‖²/(1 − ρ²), and Nesterov's g + ρv = (1 + ρ) g + ρ² v₍t₋1₎.
"""
ALIKE = 1 / (1 - RHO)
"""The same when all gradients are equal: Σ ρᵏ, for both."""


LIMITS = {"sgd": 2.0, "momentum": 2 * (1 + RHO), "nesterov": 2 * (1 + RHO) / (1 + 2 * RHO)}
"""The largest αλ at which each is stable on a quadratic of curvature λ with its full gradient: |z| < 1 for the roots of
z² − (1 + ρ − αλ) z + ρ (momentum) and z² − (1 + ρ)(1 − αλ) z + ρ(1 − αλ) (Nesterov)."""


def speed(trainings: Mapping[str, Training]) -> str:
    """How low each gets, and how soon the others are where SGD ends."""
    sgd, *others = trainings.values()
    loss = sgd.column("train_loss")
    epochs, target = len(loss) - 1, loss[-1]
    text = f"SGD takes the training loss from {loss[0]:.3g} to {target:.3g} in {_epochs(epochs)}."
    if target >= loss[0]:
        text = f"SGD does not lower the training loss: {loss[0]:.3g} at first, {target:.3g} after {_epochs(epochs)}."
    for t in others:
        found = t.column("train_loss")
        there = np.flatnonzero(found[1:] <= target) + 1
        if len(there):
            times = f" ({epochs / there[0]:.2g} times as fast)" if there[0] < epochs else ""
            text += f" {t.title} is that low after {_epochs(int(there[0]))}{times} and ends at {found[-1]:.3g}."
        else:
            text += f" {t.title} never gets that low: it ends at {found[-1]:.3g}."
    return text


def steps(trainings: Mapping[str, Training]) -> str:
    """How much longer momentum makes the steps, between its two limits, and what that says of the gradients."""
    some = [t for t in trainings.values() if t.key != "sgd"]
    measured = " and ".join(f"{t.stretch:.2f} times with {t.title}" for t in some)
    shared = [(t.stretch**2 - UNRELATED[t.key] ** 2) / (ALIKE**2 - UNRELATED[t.key] ** 2) for t in some]
    if max(shared) < 0:
        meaning = "That is less than for unrelated gradients: they turn round so often that v cancels part of them."
    else:
        meaning = (
            "If a gradient is a part that stays and noise that does not, the part that stays is "
            f"{100 * max(shared):.2g} % of the mean ‖g‖² or less."
        )
        meaning += (
            " The noise, by far the larger part, makes the steps long; but what the gradients have in common is added "
            f"up {ALIKE:.0f} times over, and that is what lowers the loss."
            if max(shared) < 0.3
            else " So the gradients keep much of their direction, and v adds them up."
        )
    return (
        f"v is a sum of past gradients in which each counts {RHO:g} times as much as the next. Were they all equal, a "
        f"step would be 1/(1 − ρ) = {ALIKE:.0f} times α‖g‖ long; were they unrelated, "
        f"{UNRELATED['momentum']:.2f} times with Momentum and {UNRELATED['nesterov']:.2f} times with Nesterov (root "
        f"mean squares). Measured over all steps of the trainings below: {measured}. {meaning}"
    )


def growth(trainings: Mapping[str, Training]) -> str:
    """What becomes of ‖W_t‖₂, and how far the weights go."""
    runs = list(trainings.values())
    start = runs[0].norms[0]
    ends = ", ".join(f"{t.norms[-1]:.2f} with {t.title} ({_percent(t.norms[-1] / start - 1)})" for t in runs)
    far = ", ".join(f"{t.distance:.2f}" for t in runs)
    text = f"‖W₀‖₂ = {start:.2f} for all three. At the end ‖W_T‖₂ is {ends}. The weights are then {far} away from W₀."
    by_distance = sorted(runs, key=lambda t: t.distance)
    by_norm = sorted(runs, key=lambda t: t.norms[-1])
    if by_distance == by_norm and by_norm[0].norms[-1] > start:
        text += (
            " The farther, the larger: ‖W_T‖² = ‖W₀‖² + 2⟨W₀, W_T − W₀⟩ + ‖W_T − W₀‖², and the last term is "
            f"{_shares(runs)} of the growth of ‖W‖². It grows because larger weights make larger scores: for rows that "
            "are right already, the cross-entropy falls as the scores grow apart, and no penalty holds them back."
        )
    elif all(t.norms[-1] < start for t in runs):
        text += " The norm shrinks: the gradients point along the first weights more than away from them."
    return text


def paths(trainings: Mapping[str, Training]) -> str:
    """How direct the ways were."""
    told = [
        f"{t.title} goes {t.moves.sum():.3g} and ends {t.distance:.3g} from its start, {t.distance / t.moves.sum():.0%}"
        for t in trainings.values()
    ]
    return f"The way there is the sum of all ‖W₍t₊₁₎ − W_t‖₂: {'; '.join(told)}.".replace("%", " %")


def alike(trainings: Mapping[str, Training]) -> bool:
    """Whether the training losses of momentum and Nesterov stay within 5 % of each other."""
    a, b = (trainings[k].column("train_loss") for k in ("momentum", "nesterov"))
    return bool((np.abs(a - b) < 0.05 * np.maximum(a, b)).all())


def nesterov(trainings: Mapping[str, Training]) -> str:
    """How far apart the two kinds of momentum are."""
    t = trainings["momentum"]
    a, b = (trainings[k].column("train_loss") for k in ("momentum", "nesterov"))
    apart = np.abs(a - b)
    k = int(apart.argmax())
    if alike(trainings):
        return (
            f"Nesterov's and plain momentum hardly differ here: their training losses are never more than "
            f"{apart[k]:.2g} apart ({a[k]:.3g} and {b[k]:.3g} after epoch {k}). Along a direction of curvature λ, "
            "Nesterov's keeps ρ(1 − αλ) of the last step where momentum keeps ρ (Sutskever et al. 2013, theorem 2.1), "
            f"and at the end αλ is at most {t.lr * t.curvature:.2g}."
        )
    lower = "Nesterov's" if b[-1] < a[-1] else "plain momentum's"
    return (
        f"Nesterov's and plain momentum differ most after epoch {k}: a training loss of {b[k]:.3g} with Nesterov and "
        f"{a[k]:.3g} without. At the end {lower} is the lower one, {min(a[-1], b[-1]):.3g} against "
        f"{max(a[-1], b[-1]):.3g}."
    )


def unseen(trainings: Mapping[str, Training]) -> str:
    """What becomes of rows that were not trained on."""
    best = max(trainings.values(), key=lambda t: t.epochs[-1]["test_accuracy"])
    text = (
        f"On the test rows {best.title} is right most often at the end, in "
        f"{100 * best.epochs[-1]['test_accuracy']:.1f} %."
    )
    for t in trainings.values():
        loss = t.column("test_loss")
        k = int(loss.argmin())
        if loss[-1] > 1.05 * loss[k] and t.epochs[-1]["train_loss"] < t.epochs[k]["train_loss"]:
            text += (
                f" {t.title}'s test loss is lowest after epoch {k}, {loss[k]:.3g}, and rises to {loss[-1]:.3g} while "
                f"the training loss goes on to {t.epochs[-1]['train_loss']:.3g}: it overfits."
            )
    return text


# Thirty layers --------------------------------------------------------------------------------------------------------


def verdict(g: LayerGradients, when: str) -> str:
    """Vanishing, exploding or steady, with the numbers it follows from."""
    last, count, name = g.layers - 1, len(g.factors), g.report.verdict
    if name in ("zero", "not finite"):
        return f"{when} the gradient is {name}: nothing can be said of its way back."
    if not (np.isfinite(g.factors).all() and (g.factors > 0).all()):
        return f"{when} no gradient at all comes back to the lowest layers: on its way from h{_low(last)} it becomes 0."
    what = {
        "vanishing": f"the gradient vanishes, by our measure: less than 1/{FAR_APART:g} of it arrives",
        "exploding": f"the gradient explodes, by our measure: it arrives more than {FAR_APART:g} times as large",
        "steady": f"it neither vanishes (below 1/{FAR_APART:g}) nor explodes (above {FAR_APART:g})",
    }[name]
    return (
        f"{when}, on the way back from h{_low(last)} to h₁, the norm of the gradient is multiplied by {count} factors. "
        f"They lie between {g.factors.min():.3g} and {g.factors.max():.3g}; their geometric mean is "
        f"{g.mean_factor:.4g}, and {g.mean_factor:.4g}{_high(count)} = {g.ratio:.3g}: {what}."
    )


def parts(g: LayerGradients) -> str:
    """What of a layer's factor is due to W and what to ELU′, beside what He's variance is made for."""
    w, e = g.mean_matrix, g.mean_activation
    if not (w > 0 and e > 0):
        return ""
    through = (
        f"ELU lets more through than ReLU, since its slope for negative z is eᶻ, not 0: {e:.3g} here"
        if e > math.sqrt(0.5)
        else f"here even ELU lets less through, {e:.3g}, because more than half of the gradient meets units far below 0"
    )
    result = "grows" if w * e > 1.02 else "shrinks" if w * e < 0.98 else "keeps its size"
    side = "below" if w < 1.40 else "above" if w > 1.43 else "at"
    return (
        f"Each factor is a product of two, of what W_l does and of what ELU′ does; in the geometric mean {w:.4g} · "
        f"{e:.4g} = {w * e:.4g}. He's variance 2/in gives W the factor √2 = 1.41 on average over draws (in the root "
        f"mean square); the {len(g.matrix)} matrices drawn here are {side} it. It is made for ReLU, which blocks half "
        "of the units, a factor of 1/√2 = 0.71, so that both together give 1. "
        f"{through[0].upper()}{through[1:]}. So on its way back the gradient {result}."
    )


def weights(g: LayerGradients) -> str:
    """From the gradients of hidden layers to those of the weights: the last layer against the first."""
    first, last = g.weights[0], g.weights[-1]
    if not (np.isfinite(g.weights).all() and first > 0 and last > 0):
        return ""
    made_of = {
        "the gradient that arrives, ‖∂ℓ/∂z‖": g.received[0] / g.received[-1],
        "what the layer is given, ‖h‖": g.forward[0] / g.forward[-1],
        "how far the rows agree, c": g.alignment[0] / g.alignment[-1],
    }
    strongest = max(made_of, key=lambda k: abs(math.log(made_of[k])))
    told = ", ".join(f"{what} {value:.3g}" for what, value in made_of.items())
    return (
        f"The gradient of the weights is ‖∇ℓ in W_l‖ = c_l ‖∂ℓ/∂z_l‖ ‖h₍l₋₁₎‖ with a c_l in [0, 1]. In layer 1 it is "
        f"{first / last:.3g} times that of layer {g.layers}. As factors: {told}. The largest part is {strongest}. "
        f"Over all layers the largest ‖∇ℓ‖ is {g.weights.max() / g.weights.min():.3g} times the smallest: one α "
        "for all layers moves them that differently."
    )


def changed(start: LayerGradients, after: Mapping[str, LayerGradients]) -> str:
    """What training did to the factors, and through which of the two."""
    told = []
    for title, g in after.items():
        w, e = _log(g.mean_matrix / start.mean_matrix), _log(g.mean_activation / start.mean_activation)
        if not (math.isfinite(w) and math.isfinite(e)):
            told.append(f"After {title} no gradient comes back to the lowest layers.")
            continue
        if max(abs(w), abs(e)) < 0.01:
            told.append(f"After {title} both parts of the mean factor are what they were, within 1 %.")
            continue
        part, a, b = (
            ("W", start.mean_matrix, g.mean_matrix)
            if abs(w) > abs(e)
            else ("ELU′", start.mean_activation, g.mean_activation)
        )
        told.append(
            f"After {title} the mean factor is {g.mean_factor:.4g} ({g.report.verdict}), mostly through the part of "
            f"{part}, {a:.4g} before and {b:.4g} now."
        )
    return f"At the start the mean factor was {start.mean_factor:.4g}. " + " ".join(told)


def depth(shallow: Mapping[str, Training], deep: Mapping[str, Training]) -> str:
    """How thirty layers train beside five."""
    both = [(t, shallow[k]) for k, t in deep.items()]
    layers = both[0][0].layers, both[0][1].layers
    ends = ", ".join(f"{d.title} {d.epochs[-1]['train_loss']:.3g} ({s.epochs[-1]['train_loss']:.3g})" for d, s in both)
    text = f"Training losses at the end with L = {layers[0]}, and in brackets with L = {layers[1]}: {ends}."
    rises = ", ".join(f"{d.title} {_rises(d)} ({_rises(s)})" for d, s in both)
    text += f" Epochs in which it rose, of {len(both[0][0].epochs) - 1}: {rises}."
    sharp = ", ".join(f"{d.title} {d.lr * d.curvature:.2g} ({s.lr * s.curvature:.2g})" for d, s in both)
    limits = ", ".join(f"{LIMITS[d.key]:.3g} for {d.title}" for d, _ in both)
    text += (
        f" α times the largest curvature λmax at the end: {sharp}. On a quadratic, with the gradient of all rows, the "
        f"limit of stability is {limits}."
    )
    beyond = [d.title for d, _ in both if d.lr * d.curvature > LIMITS[d.key]]
    near = [d.title for d, _ in both if LIMITS[d.key] / 2 < d.lr * d.curvature <= LIMITS[d.key]]
    for titles, where in ((beyond, "beyond it"), (near, "within a factor of 2 of it")):
        if titles:
            verb = "are" if len(titles) > 1 else "is"
            text += f" {' and '.join(titles)} {verb} {where}: a smaller α would train this network more evenly."
    return text


def number(x: float) -> str:
    """A loss or a norm, with four decimals unless it has run away.

    >>> number(0.5), number(2.5e18)
    ('0.5000', '2.5e+18')
    """
    return f"{x:.4f}" if abs(x) < 1e4 else f"{x:.3g}"


def _log(x: float) -> float:
    return math.log(x) if x > 0 else math.nan


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"


def _rises(t: Training) -> int:
    return int((np.diff(t.column("train_loss")) > 0).sum())


def _shares(runs: Sequence[Training]) -> str:
    return ", ".join(f"{100 * t.distance**2 / (t.norms[-1] ** 2 - t.norms[0] ** 2):.0f} %" for t in runs)


def _percent(x: float) -> str:
    return f"{100 * x:+.1f} %".replace("-", "−")


def _low(k: int) -> str:
    return str(k).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def _high(k: int) -> str:
    return str(k).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


__all__ = [
    "ALIKE", "LIMITS", "UNRELATED", "alike", "changed", "depth", "growth", "nesterov", "number", "parts", "paths",
    "speed", "steps", "unseen", "verdict", "weights",
]  # fmt: skip
