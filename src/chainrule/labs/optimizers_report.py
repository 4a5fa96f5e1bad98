"""The report of `chainrule lab optimizers`: one page of HTML that needs nothing else."""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np

from .. import __version__
from ..face.derivation import Derivation
from ..optim.printed import equations
from ..plots import comparison_curves, norm_by_layer, norms_of_runs, svg
from ..plots.page import Section, document, figure, folded, percent, table, tiles
from ..views.html import Row, equation_table, mathml
from ..views.latex import LATEX
from . import optimizers_words as words
from .deep_elu import DEEP, INPUT, LAYERS, SEED, WIDTH, program, sizes, values
from .optimizers_plots import factors_by_layer, layer_norm_curves
from .optimizers_result import RHO, RULES, Result, rule


def html_page(result: Result) -> str:
    """The whole page."""
    sections = [
        _overview(result), _network(result), _data(result), _rules(result), _training(result), _weights(result),
        _deep(result), _again(result),
    ]  # fmt: skip
    footer = f"Made by Chainrule {__version__}. This page is complete in itself: it fetches nothing."
    return document("Three optimizers on a deep ELU network", "chainrule lab optimizers", sections, footer)


def _overview(r: Result) -> Section:
    facts = [(f"{100 * t.epochs[-1]['test_accuracy']:.1f} %", f"{t.title}: test rows right") for t in
             r.trainings.values()]  # fmt: skip
    facts.append((f"{r.at_start.mean_factor:.3g}", f"mean factor a layer of the gradient, L = {DEEP}, at the start"))
    text = paragraphs(
        f"A network of {LAYERS} layers is trained with plain SGD, with momentum and with Nesterov's, ρ = {RHO:g}, from "
        "the same first weights, on the same minibatches in the same order, with the same learning rate α = "
        f"{r.settings.lr:g}. Then one of {DEEP} layers shows what becomes of a gradient on its way back.",
        f"Untrained, the one of {LAYERS} layers answers x = {_listed(INPUT, 'g')} with p = {_listed(r.output, '.8f')}.",
    )
    return "overview", "In short", f"{text}\n{tiles(facts)}"


# The network ----------------------------------------------------------------------------------------------------------


def _network(r: Result) -> Section:
    seed = r.settings.seed
    text = (
        "<p>Every layer is a matrix, a bias and a function of each entry; the last has the softmax in its place:</p>\n"
        + equation_table(
            [
                Row("h_{0}", "x"),
                Row("h_{l}", r"\operatorname{ELU}\left(W_{l} h_{l-1} + b_{l}\right)", (f"l = 1, …, L − 1; {_ELU}",)),
                Row("p", r"\operatorname{softmax}\left(W_{L} h_{L-1} + b_{L}\right)"),
            ]
        )
        + paragraphs(
            f"L counts the layers that have weights, W₁ … W_L, which is how the gradients in W_l are numbered too. L = "
            f"{LAYERS} is {LAYERS - 1} hidden layers of {WIDTH} units and an output layer: "
            f"{' – '.join(map(str, sizes(LAYERS)))}.",
            f"The first weights are `numpy.random.randn(out, in) * sqrt(2/in)`, drawn layer by layer after "
            f"`numpy.random.seed({seed})`; the biases are 0.",
        )
        + f"<p>For x = {_listed(INPUT, 'g')} the untrained network answers <strong>p = {_listed(r.output, '.8f')}"
        "</strong>.</p>\n"
        + paragraphs(
            f"Whoever counts {LAYERS} hidden layers and the output layer besides, {LAYERS + 1} matrices, gets "
            f"{_listed(r.deeper, '.8f')} from the same seed."
            + ("" if seed == SEED else f" The published exercise has the seed {SEED}.")
            + _other_size(r)
        )
        + folded("The same in plain NumPy", f'<pre class="scroll"><code>{escape(program(LAYERS, seed))}</code></pre>')
        + folded("Every quantity on the way, for this x", _values(seed))
        + folded(
            f"The equations as they are trained, on n rows at a time, L = {LAYERS}", _forward(r, LAYERS)
        )
    )  # fmt: skip
    return "network", "The network", text


_ELU = "ELU is z where z &gt; 0, else e<sup>z</sup> − 1"


def _listed(numbers: Iterable[float], how: str) -> str:
    return f"({', '.join(format(v, how) for v in numbers)})"


def _other_size(r: Result) -> str:
    if r.published:
        return ""
    return (
        f" That is the published network with {len(INPUT)} inputs and {len(r.output)} outputs. The data here have "
        f"{r.features} features and {r.data.classes} classes; what is trained below is "
        f"{' – '.join(map(str, sizes(LAYERS, r.features, r.data.classes)))}, from the same seed."
    )


def _values(seed: int) -> str:
    rows = [
        (mathml(LATEX.name(name)), f"<code>{', '.join(f'{v:.4f}' for v in a).replace('-', '−')}</code>")
        for name, a in values(LAYERS, seed).items()
    ]
    return table(["", "entries"], rows, "values")


def _forward(r: Result, layers: int) -> str:
    rows = [Row(e.name, e.expression) for e in r.net(layers).loss_graph().equations(LATEX)]
    return equation_table(rows) + (
        '<p class="note">An example is a row here, so that each W is the transpose of the one above, and Z = H W + b. '
        "The loss takes the softmax itself.</p>"
    )


def _data(r: Result) -> Section:
    d = r.data
    text = paragraphs(
        f"{d.train.rows:,} rows to train on and {d.test.rows:,} to test with, of {r.features} features in {d.classes} "
        f"classes: {_source(r)}. Each feature has mean 0 and variance 1 on the training rows.",
        f"Every epoch goes through the training rows in an order of its own, in minibatches of "
        f"{r.settings.batch_size}.",
    )
    return "data", "The data", text


def _source(r: Result) -> str:
    """With what is a call of Python as code."""
    first, word, call = r.data.source.partition("made by ")
    return f"{first}{word}`{call}`" if call and r.settings.data is None else r.data.source


# The rules and the trainings ------------------------------------------------------------------------------------------


def _rules(r: Result) -> Section:
    printed = [
        equation_table(
            [
                Row(e.name, e.expression, sign=r"\leftarrow" if e.assigns else "=")
                for e in equations(rule(key, r.settings.lr), LATEX)
            ]
        )
        for key in RULES
    ]
    text = (
        "<p>What a step does to each weight w, printed from the graphs that ran; v is 0 at first.</p>\n"
        f"{table(list(RULES.values()), [printed], 'rules')}\n"
        + paragraphs(f"α = {r.settings.lr:g} and ρ = {RHO:g}. " + words.steps(r.trainings), words.nesterov(r.trainings))
        + '<p class="note">Robbins and Monro 1951; Polyak 1964; Nesterov 1983 in the form of Sutskever, Martens, Dahl '
        "and Hinton, ICML 2013.</p>"
    )
    return "rules", "The three rules", text


def _training(r: Result) -> Section:
    rows = []
    for t in r.trainings.values():
        cells = [t.title]
        for split in ("train", "test"):
            cells += [words.number(t.epochs[-1][f"{split}_loss"]), percent(t.epochs[-1][f"{split}_accuracy"])]
        rows.append([*cells, f"{t.lr * t.curvature:.2g}", f"{words.LIMITS[t.key]:.3g}"])
    heads = ["", "train loss", "right", "test loss", "right", "α λ<sub>max</sub>", "limit"]
    curves: dict[str, Any] = {}
    for what in ("loss", "accuracy"):
        train, test = (
            {t.title: t.column(f"{split}_{what}")[1:] for t in r.trainings.values()} for split in ("train", "test")
        )
        curves[what] = comparison_curves(train, test, quantity=what)
    told = lambda k: ", ".join(f"{t.title} {t.epochs[-1][k]:.3g}" for t in r.trainings.values())
    text = (
        f"<p>After {r.settings.epochs} epochs, {len(r.trainings['sgd'].history):,} steps each:</p>\n"
        f"{table(heads, rows, 'scores', numeric=(1, 2, 3, 4, 5, 6))}\n"
        '<p class="note">Losses are mean cross-entropies in nats. λ<sub>max</sub> is the largest eigenvalue of the '
        "Hessian over the training rows; on a quadratic, αλ beyond the limit diverges.</p>\n"
        '<div class="plots">'
        + figure(
            svg(curves["loss"], "loss", f"Train and test loss by epoch; train loss at last: {told('train_loss')}"),
            "Loss after each epoch, on all training rows (solid) and all test rows (dashed)."
            + (" Momentum's curves lie under Nesterov's." if words.alike(r.trainings) else ""),
        )
        + figure(
            svg(curves["accuracy"], "accuracy", f"Accuracy by epoch; on test at last: {told('test_accuracy')}"),
            "Rows classified right after each epoch.",
        )
        + "</div>\n"
        + paragraphs(words.speed(r.trainings), words.unseen(r.trainings))
    )
    return "training", "The training", text


def _weights(r: Result) -> Section:
    runs = list(r.trainings.values())
    rows = [
        [
            t.title, *map(words.number, (t.norms[0], t.norms[-1], t.distance, t.moves.sum())), f"{t.stretch:.2f}",
        ]
        for t in runs
    ]  # fmt: skip
    heads = ["", "‖W₀‖₂", "‖W_T‖₂", "‖W_T − W₀‖₂", "length of the way", "step over α‖g‖"]
    heads = [h.replace("_T", "<sub>T</sub>") for h in heads]
    each = [
        [
            str(l), *(words.number(float(np.linalg.norm(p[w]))) for p in (runs[0].start, *(t.params for t in runs))),
            *(words.number(x) for x in (runs[0].spectral(w, runs[0].start), *(t.spectral(w) for t in runs))),
        ]
        for l, w in enumerate(runs[0].weights, 1)
    ]  # fmt: skip
    titles = [t.title for t in runs]
    ends = ", ".join(f"{t.title} {t.norms[-1]:.3g}" for t in runs)
    text = (
        "<p>‖W<sub>t</sub>‖₂ is the length of all weights W₁, …, W₅ together as one vector after iteration t, without "
        "the biases.</p>\n"
        + figure(
            svg(
                norms_of_runs({t.title: t.norms[1:] for t in runs}, "‖Wₜ‖₂, all weights", width=10.2, height=3.4),
                "norms", f"Norm of all weights by iteration, from {runs[0].norms[0]:.3g}; at last: {ends}",
            ),
            "The norm of the weights after each iteration.", "wide",
        )
        + table(heads, rows, "norms", numeric=(1, 2, 3, 4, 5))
        + paragraphs(words.growth(r.trainings), words.paths(r.trainings))
        + figure(
            svg(layer_norm_curves(runs), "layers", "Norm of the weights of each layer over that of its start"),
            "The same for each layer, over its value at the start.", "wide",
        )
        + folded(
            "Each layer's norms: of the entries (Frobenius), and of the matrix (its largest singular value)",
            table(
                ["layer", "‖W‖ at first", *titles, "σ<sub>max</sub> at first", *titles], each, "each",
                numeric=tuple(range(1, 9)),
            ),
        )
    )  # fmt: skip
    return "weights", "What becomes of the weights", text


# Thirty layers --------------------------------------------------------------------------------------------------------


def _deep(r: Result) -> Section:
    start, after = r.at_start, {RULES[k]: g for k, g in r.after.items()}
    all_of = {"at the start": start} | {f"after {title}": g for title, g in after.items()}
    rows = [
        [
            when, g.report.verdict, *(_known(x, ".4g") for x in (g.mean_factor, g.mean_matrix, g.mean_activation)),
            *(_known(x, ".3g") for x in (g.ratio, _over(g.weights[0], g.weights[-1]), g.report.loss)),
        ]
        for when, g in all_of.items()
    ]  # fmt: skip
    heads = ["", "verdict", "mean factor", "by W", "by ELU′", "h₂₉ to h₁", "∇ in W₁ over W₃₀", "loss ℓ"]
    derivation = r.net(DEEP).derive()
    text = (
        f"<p>The same network with L = {DEEP}: {DEEP - 1} hidden layers and the output layer. ℓ is the mean "
        f"cross-entropy over all {r.data.train.rows:,} training rows; norms are Frobenius norms.</p>\n"
        + folded(f"The derivation, for k = {DEEP} … 2 at once", _derived(derivation))
        + figure(
            svg(
                norm_by_layer({k: g.weights.tolist() for k, g in all_of.items()}, width=10.2, height=4.0),
                "by-layer", f"Norm of the gradient in the weights of each of the {DEEP} layers, at the start and after "
                "each training",
            ),
            "The gradient in the weights of layer l, before training and after each.", "wide",
        )
        + "<h3>Why: the factors, layer by layer</h3>\n"
        + equation_table([_FACTORS])
        + figure(
            svg(
                factors_by_layer(start), "factors",
                f"Factor of each layer at the start; the geometric mean is {start.mean_factor:.3g}",
            ),
            "What each layer does to the gradient's norm on the way back, at the start. Above 1 it grows.", "wide",
        )
        + paragraphs(words.verdict(start, "At the start"), words.parts(start), words.weights(start))
        + table(heads, rows, "deep", numeric=(2, 3, 4, 5, 6, 7))
        + paragraphs(words.changed(start, after), words.depth(r.trainings, r.deep))
        + '<p class="note">He, Zhang, Ren and Sun, ICCV 2015; Clevert, Unterthiner and Hochreiter, ICLR 2016; Bengio, '
        "Simard and Frasconi 1994.</p>"
    )  # fmt: skip
    return "deep", f"{DEEP} layers", text


def _known(x: float, how: str) -> str:
    return "–" if math.isnan(x) else format(x, how)


def _over(a: float, b: float) -> float:
    return a / b if b else math.nan


_NORM = r"\left\lVert \frac{{\partial \ell}}{{\partial {}_{{{}}}}} \right\rVert"
_OF_H, _OF_Z, _BEFORE = (_NORM.format(*of) for of in (("h", "l"), ("z", "l"), ("h", "l-1")))
_FACTORS = Row(
    rf"\frac{{{_BEFORE}}}{{{_OF_H}}}",
    rf"\frac{{{_OF_Z}}}{{{_OF_H}}} \cdot \frac{{{_BEFORE}}}{{{_OF_Z}}}",
    ("the first by ELU′, the second by W; l = 2, …, L − 1",),
)


def _derived(d: Derivation) -> str:
    """Forward equations and steps, repeated layers once."""
    return d._repr_html_()


# Again ----------------------------------------------------------------------------------------------------------------


def _again(r: Result) -> Section:
    settings = [(escape(k), escape(str(v))) for k, v in r.settings.as_dict().items() if v is not None]
    settings += [
        ("momentum ρ", f"{RHO:g}"), ("Chainrule", escape(__version__)), ("NumPy", np.__version__),
        ("Python", platform.python_version()), ("seconds", f"{r.seconds:.3g}"),
    ]  # fmt: skip
    text = (
        "<p>The same seed on the same engine and machine gives the same numbers, bit for bit:</p>\n"
        f'<pre class="scroll"><code>{escape(r.settings.command())}</code></pre>\n'
        "<p>Beside this page lie <code>history-sgd.csv</code>, <code>history-momentum.csv</code> and "
        "<code>history-nesterov.csv</code> (a row for each step of L = 5, with the norms of each parameter, gradient "
        "and change) and <code>gradients.csv</code> (a row for each layer of L = 30).</p>\n"
        f"{table(['setting', 'value'], settings, 'settings')}"
    )
    return "again", "Run it again", text


def paragraphs(*texts: str) -> str:
    """Plain texts as paragraphs, without the empty ones."""
    return "\n".join(f"<p>{_marked(escape(t))}</p>" for t in _filled(texts)) + "\n"


def _filled(texts: Iterable[str]) -> list[str]:
    return [t for t in texts if t]


def _marked(text: str) -> str:
    """Indices and exponents as HTML has them, and what stands between ` and ` as code."""
    text = text.replace("₍t₊₁₎", "<sub>t+1</sub>").replace("₍l₋₁₎", "<sub>l−1</sub>")
    for letter in ("T", "l", "t", "L"):
        for base in ("W", "h", "z", "c"):
            text = text.replace(f"{base}_{letter}", f"{base}<sub>{letter}</sub>")
    text = re.sub("[₀-₉]+", lambda m: f"<sub>{m[0].translate(_DIGITS)}</sub>", text)
    text = re.sub("[⁰¹²³⁴-⁹]{2,}", lambda m: f"<sup>{m[0].translate(_DIGITS)}</sup>", text)
    text = re.sub("`([^`]*)`", r"<code>\1</code>", text)
    return text


_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹", 2 * "0123456789")


__all__ = ["html_page"]
