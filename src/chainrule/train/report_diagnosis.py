"""What a report says of a network's health: gradients, units that are stuck, curvature and the step it allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnose import Curvature, GradientNorms, Saturation, gradient_norms, largest_eigenvalue, saturation
from ..face.graph import Graph
from ..face.shown import rounded
from ..graph.errors import ChainruleError
from ..optim.rule import Rule
from ..optim.sgd import SGD
from ..plots import norm_by_layer, svg
from ..plots.page import Section, figure, folded, number, table
from ..plots.training import Recorded, norms_of
from ..views.html import mathml
from ..views.latex import LATEX

MOST_PARAMETERS = 500_000
"""Of more the curvature is not computed unasked: a product H v then takes a tenth of a second or longer."""

_PRODUCTS, _TOLERANCE = 150, 1e-3  # three digits of λmax are enough to compare a step with
_ROWS_SHOWN = 14  # a longer table is folded
_MANY_STUCK = 0.1  # of the units: then it is marked
_PLOTTED_FROM = 3  # layers


def diagnosis_section(
    graph: Graph,
    point: Mapping[str, Any],
    rule: Rule | None = None,
    lr: float | None = None,
    history: Recorded | None = None,
    where: str = "",
) -> Section:
    """The section "Diagnosis" of a page: (id, title, HTML).

    graph     the loss, such as ``net.loss_graph(...)``
    point     name -> array for its inputs, the noise too; real arrays are taken in float64. Names that are no inputs of
              the graph are left out
    rule, lr  the update rule and its learning rate there, to be compared with the largest stable step
    history   the norms over time
    where     in words, what the point is: "at the last parameters, on 256 training rows"

    What cannot be computed there, for a missing input or numbers that are not finite, is said in its place.
    """
    at = {k: _float64(v) for k, v in point.items() if k in graph.inputs}
    parts = [
        _intro(where),
        _part("Gradients from layer to layer", lambda: _gradients(gradient_norms(graph, at), graph.loss_name)),
        _over_time(history) if history is not None else "",
        _part("Saturated and dead units", lambda: _units(saturation(graph, at))),
        _part("Curvature and the largest stable step", lambda: _curvature(graph, at, rule, lr)),
    ]
    return "diagnosis", "Diagnosis", "\n".join(filter(None, parts))


def stable_rate(rule: Rule, eigenvalue: float) -> tuple[float, str] | None:
    """The learning rate above which `rule` diverges along a direction of this curvature, and its formula in LaTeX.

    None for rules whose step depends on the gradients' size (Adam and its like): λmax alone decides nothing there.
    For a quadratic of curvature λ > 0: descent is stable below 2/λ, with momentum v ← ρv + g below 2(1 + ρ)/λ, with
    Nesterov's below 2(1 + ρ)/((1 + 2ρ)λ). Cohen, Kaur, Li, Kolter and Talwalkar, Gradient descent on neural networks
    typically occurs at the edge of stability, ICLR 2021, section 5 and appendix B.

    >>> import chainrule as cr
    >>> stable_rate(cr.optim.SGD(momentum=0.5), 4.0)[0]
    0.75
    """
    if type(rule) is not SGD:
        return None
    ρ = rule.momentum
    if not ρ:
        return 2 / eigenvalue, r"\frac{2}{\lambda_{\max}}"
    if rule.nesterov:
        return 2 * (1 + ρ) / ((1 + 2 * ρ) * eigenvalue), r"\frac{2 (1 + \rho)}{(1 + 2 \rho) \lambda_{\max}}"
    return 2 * (1 + ρ) / eigenvalue, r"\frac{2 (1 + \rho)}{\lambda_{\max}}"


def _float64(value: Any) -> Any:
    a = np.asarray(value)
    return a if a.dtype.kind in "biu" else a.astype(np.float64)


def _intro(where: str) -> str:
    return f"<p>Computed {escape(where)}, in float64. Norms are Frobenius norms.</p>" if where else ""


def _part(title: str, content: Callable[[], str]) -> str:
    try:
        found = content()
    except ChainruleError as error:
        found = f'<p class="note">This could not be computed: {escape(str(error))}.</p>'.replace("..", ".")
    return f"<h3>{title}</h3>\n{found}"


# Gradients ------------------------------------------------------------------------------------------------------------


_MEANING = {
    "vanishing": "The first layers learn slowly: a learning rate that suits the last layers hardly moves them.",
    "exploding": "A learning rate that suits the last layers moves the first ones far too much.",
    "steady": "One learning rate suits all layers.",
    "zero": "No gradient arrives at any layer: this is a stationary point, or all units are dead.",
    "not finite": "Some gradient is infinite or NaN at this point.",
    "too few layers": "The network has too few layers for the gradient to vanish or explode between them.",
}


def _gradients(found: GradientNorms, loss: str) -> str:
    kind = {"steady": "ok", "too few layers": ""}.get(found.verdict, "bad")
    head = f'<span class="{kind}">{found.verdict}</span>'
    told = f'<p class="verdict">Verdict: {head}.</p>\n<p>{_MEANING[found.verdict]}'
    if found.factors:
        first, last = _name(found.layers[0]), _name(found.layers[-1])
        told += (
            f" From {last} back to {first} the gradient's norm changes by the factor {number(found.ratio)}, by "
            f"{number(found.mean_factor)} a layer in the geometric mean; below 1/100 in all it counts as vanishing, "
            "above 100 as exploding"
        )
        told += "." if math.isfinite(found.ratio) else ", and 0/0 is neither."
    told += f" The loss here is {number(found.loss)}.</p>"
    rows = [
        (
            _name(k), q.role, "×".join(map(str, q.shape)) or "scalar", number(q.norm), number(q.gradient),
            number(found.factors[k]) if k in found.factors else "",
        )
        for k, q in found.quantities.items()
    ]  # fmt: skip
    gradient = mathml(rf"\left\| \frac{{\partial {LATEX.name(loss)}}}{{\partial v}} \right\|")
    heads = ["v", "role", "shape", mathml(r"\left\| v \right\|"), gradient, "factor"]
    if not found.factors:
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    shown = table(heads, rows, "norms", numeric=(2, 3, 4, 5))
    if len(rows) > _ROWS_SHOWN:
        shown = folded(f"{len(rows)} quantities, each with its norm and its gradient's", shown)
    note = (
        '<p class="note">The factor of a layer is its gradient\'s norm over that of the next layer: what the way back '
        "through the next layer does to it.</p>"
    )
    return f"{told}\n{_by_layer(found, loss)}{shown}\n{note if found.factors else ''}"


def _by_layer(found: GradientNorms, loss: str) -> str:
    if len(found.layers) < _PLOTTED_FROM:
        return ""
    norms = [found.quantities[k].gradient for k in found.layers]
    if not any(math.isfinite(x) and x > 0 for x in norms):
        return ""
    picture = norm_by_layer(norms, f"gradient norm ‖∂{loss}/∂h$_l$‖")
    words = f"Gradient norms of the {len(norms)} layers, from {rounded(norms[0])} in the first to {rounded(norms[-1])}"
    caption = "The gradient's norm at each hidden layer l, in forward order. A straight line is one factor a layer."
    return figure(svg(picture, "bylayer", words), caption)


def _over_time(history: Recorded) -> str:
    gradients, ratios = norms_of(history, "norm_d"), norms_of(history, "ratio_")
    if not gradients:
        return ""
    rows, changes = [], []
    for name, (_, values) in gradients.items():
        first, last, peak = float(values[0]), float(values[-1]), int(np.argmax(values))
        ratio = _late(ratios[name][1]) if name in ratios else math.nan
        change = last / first if first else math.nan
        changes.append(change)
        rows.append(
            (
                _name(name), number(first), f"{number(values[peak])}, step {int(gradients[name][0][peak]):,}",
                number(last), number(change) if first else "", number(ratio) if math.isfinite(ratio) else "",
            )
        )  # fmt: skip
    steps = next(iter(gradients.values()))[0]
    known = [c for c in changes if math.isfinite(c)]
    told = "<p>"
    if known and len(steps) > 1:
        told += (
            f"Between step {int(steps[0]):,} and step {int(steps[-1]):,}, the first and the last that were measured, "
            f"gradient norms changed by factors from {number(min(known))} to {number(max(known))}. "
        )
    told += f"{_updates(ratios)}</p>"
    heads = ["", "gradient at first", "largest", "at last", "last / first", "update / weight, late"]
    shown = table(heads, rows, "overtime", numeric=(1, 2, 3, 4, 5))
    if len(rows) > _ROWS_SHOWN:
        shown = folded(f"{len(rows)} parameters over time", shown)
    note = (
        '<p class="note">Gradients are those of minibatches, before clipping; "late" is the median of the last tenth '
        "of the measured steps.</p>"
    )
    return f"<h3>Gradients over time</h3>\n{told}\n{shown}\n{note}"


def _updates(ratios: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]) -> str:
    late = {k: _late(values) for k, (_, values) in ratios.items()}
    if not late:
        return ""
    low, high = min(late, key=lambda k: late[k]), max(late, key=lambda k: late[k])
    text = (
        f"At the end an update is between {number(late[low])} ({_name(low)}) and {number(late[high])} "
        f"({_name(high)}) of its weights' length; about 10⁻³ is usual"
    )
    if late[high] < 1e-5:
        return f"{text}, so these are very small: training has converged, or the learning rate is too low."
    if late[low] > 1e-1:
        return f"{text}, so these are very large: the learning rate is too high."
    return f"{text}."


def _late(values: NDArray[Any]) -> float:
    return float(np.median(values[-max(1, len(values) // 10) :]))


# Units ----------------------------------------------------------------------------------------------------------------


def _units(found: Saturation) -> str:
    if not found.activations:
        return "<p>The network has no sigmoid, tanh, relu or elu, so no unit of it can be saturated or dead.</p>"
    units, count = sum(a.units for a in found.activations.values()), len(found.stuck)
    grid = found.grid
    rows = [[_name(str(row[0])), *(escape(str(cell)) for cell in row[1:])] for row in grid.rows]
    heads = ["", "function", "entries that are", "units, for every row", "which"]
    shown = table(heads, rows, "units", numeric=(2, 3))
    if len(rows) > _ROWS_SHOWN:
        shown = folded(f"{len(rows)} activations", shown)
    if count:
        kind = "bad" if count / units > _MANY_STUCK else ""
        told = f'<span class="{kind}">{count:,} of {units:,} units</span> are saturated or dead for every row '
        told += "looked at: their weights get next to no gradient from these rows."
    else:
        told = f'<span class="ok">None of {units:,} units</span> is saturated or dead for every row looked at.'
    notes = "; ".join(map(escape, grid.notes))
    return f'<p>{told}</p>\n{shown}\n<p class="note">{notes}.</p>'


# Curvature ------------------------------------------------------------------------------------------------------------


def _curvature(graph: Graph, at: Mapping[str, Any], rule: Rule | None, lr: float | None) -> str:
    count = sum(np.size(at[k]) for k in graph.parameters if k in at)
    if count > MOST_PARAMETERS:
        return (
            f"<p>Not computed: the network has {count:,} parameters, and above {MOST_PARAMETERS:,} it takes long. "
            "<code>cr.diagnose.largest_eigenvalue</code> computes it when asked.</p>"
        )
    found = largest_eigenvalue(graph, at, tolerance=_TOLERANCE, products=_PRODUCTS)
    sign = "=" if found.converged else r"\geq"
    eigenvalue = rf"\lambda_{{\max}} {sign} {_latex(found.value)}"
    if not math.isfinite(found.largest_step):
        return (
            f"<p>The largest eigenvalue of the Hessian is {mathml(eigenvalue)}: no curvature is positive here, so it "
            f"limits no step.{_flat(found)}</p>"
        )
    other = "=" if found.converged else r"\leq"
    step = rf"\frac{{2}}{{\lambda_{{\max}}}} {other} {_latex(found.largest_step)}"
    text = (
        f"<p>The Hessian of the loss in all {found.parameters:,} parameters has the largest eigenvalue "
        f"{mathml(eigenvalue)}, so plain gradient descent on these rows is stable up to the step {mathml(step)}."
        f"{_compared(found, rule, lr)}</p>"
    )
    notes = [f"{found.products} products of the Hessian with a vector, residual {number(found.residual)}"]
    if not found.converged:
        notes.append(f"not converged to {found.tolerance:g}: the eigenvalue is a lower bound, the step an upper one")
    if found.negative_dominates:
        notes.append(f"the most negative curvature met is {number(found.smallest)}: there it goes on downhill")
    notes.append("at kinks, of relu for one, second derivatives count as 0; minibatches have Hessians of their own")
    told = "; ".join(notes)
    return f'{text}\n<p class="note">{told[0].upper()}{told[1:]}.</p>'


def _flat(found: Curvature) -> str:
    return "" if found.converged else " The search was not finished, so a positive one may have been missed."


def _compared(found: Curvature, rule: Rule | None, lr: float | None) -> str:
    if lr is None:
        return ""
    known = stable_rate(rule, found.value) if rule is not None else (found.largest_step, "")
    if known is None:
        return (
            f" The learning rate at the end was {number(lr)}; {escape(type(rule).__name__)} scales each entry of the "
            "step by the gradients it has seen, so the two do not compare."
        )
    limit, formula = known
    own = ""
    if isinstance(rule, SGD) and rule.momentum:
        what = "Nesterov's momentum" if rule.nesterov else "momentum"
        ρ = mathml(rf"\rho = {_latex(rule.momentum)}")
        own = f" With {what} {ρ} the limit is {mathml(formula)} = {number(limit)}."
    share = lr / limit
    if share > 1:
        return (
            f'{own} The learning rate at the end, {number(lr)}, is <span class="bad">{number(share)} times the '
            "largest stable step</span>: with all these rows in one batch, training would move away from this point."
        )
    near = " That is near the edge, where training with a fixed step tends to end." if share > 0.5 else ""
    part = f'<span class="ok">{100 * share:.3g} % of that</span>'
    return f"{own} The learning rate at the end, {number(lr)}, is {part}.{near}"


# Words ----------------------------------------------------------------------------------------------------------------


def _name(name: str) -> str:
    """A quantity: as mathematics where it has a name, else as the expression that it is."""
    if name.isidentifier():
        return mathml(LATEX.name(name))
    return f"<code>{escape(name)}</code>"


def _latex(x: float) -> str:
    if not x or 1e-3 <= abs(x) < 1e5:
        return f"{float(x):.3g}" if abs(x) < 999.5 else f"{float(x):.0f}"
    digits, _, exponent = f"{float(x):.2e}".partition("e")
    return rf"{float(digits):g} \cdot 10^{{{int(exponent)}}}"


__all__ = ["MOST_PARAMETERS", "diagnosis_section", "stable_rate"]
