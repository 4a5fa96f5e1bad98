"""The report of `chainrule lab mlp`: one page of HTML that needs nothing else.

Mathematics is MathML, plots are SVG, images are data in it: no script, style sheet, font or picture is fetched.
It follows the reader's light or dark setting, and prints.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from ..face.check_report import Kink
from ..face.numerical import entry_text
from ..graph.dims import Size
from ..graph.dims import latex as size_latex
from ..optim.printed import equations
from ..plots import accuracy_curves, comparison_curves, examples_grid, image_grid, loss_curves, norm_curves, svg
from ..plots.page import (
    Section,
    cost_table,
    document,
    duration,
    figure,
    number,
    percent,
    program,
    scientific,
    shape,
    table,
    tiles,
)  # fmt: skip
from ..plots.training import norms_of
from ..train.report import last_point
from ..train.report_diagnosis import diagnosis_section
from ..views.counts import CONVENTION
from ..views.forms import number_latex
from ..views.html import Row, equation_table, mathml
from ..views.latex import LATEX
from .course import OVER_SEEDS, READINGS, comparison, verdict
from .network import network
from .result import Result, facts

MEANINGS = {
    "X": "a minibatch of images, one a row, pixels {pixels}",
    "y": "the class of each image, 0 … c − 1",
    "W1": "weights of the hidden layer",
    "b1": "biases of the hidden layer",
    "W2": "weights of the output layer",
    "b2": "biases of the output layer",
}
QUANTITIES = {
    "Y": "the classes as rows of zeros with a single one",
    "Z1": "what the hidden layer receives",
    "H1": "what the hidden layer answers: {activation}, entry by entry",
    "Z2": "scores, the logits",
    "P": "probabilities: each row is positive and sums to 1",
    "L": "cross-entropy, the mean over the n images",
    "J": "what training makes small: the loss, and a penalty that keeps weights small (not biases)",
}
NEURONS_SHOWN, EXAMPLES = 144, 30


def html_page(result: Result, beside: Sequence[Result] = ()) -> str:
    """The whole page; `beside` are the results, this one among them, that a published exercise is compared with."""
    known = facts(result)
    sections = [
        _overview(result, known), *([_exercise(result, beside or [result])] if result.settings.preset else []),
        _data(result), _network(result), _gradients(result), _cost(result, known), _check(result), _rule(result),
        _training(result), _diagnosis(result), _weights(result), _test(result), _program(result),
        _again(result, known),
    ]  # fmt: skip
    return document(
        f"A network on {result.data.name}, with its work shown", "chainrule lab mlp", sections,
        f"Made by Chainrule {known['version']}. This page is complete in itself: it fetches nothing.",
    )  # fmt: skip


def _overview(r: Result, known: dict[str, Any]) -> Section:
    s, scores = r.settings.recipe, r.scores
    numbers = [
        (percent(scores["test"].accuracy), f"of {scores['test'].rows:,} test images right"),
        (f"{known['parameters']:,}", "parameters"),
        (scientific(r.check.max_relative_error), "largest relative error of a gradient"),
        (duration(r.seconds["train"]), f"for {known['steps']:,} steps on {s.engine}"),
    ]
    text = (
        f"<p>One hidden layer of {s.hidden} neurons ({s.activation}) learns to tell {r.data.classes} classes of "
        "images apart. This page shows all of it: the equations, the gradients derived from them, what they cost, "
        "the check that they are right, and how the training went.</p>"
    )
    return "overview", "In short", f"{text}\n{tiles(numbers)}"


def _exercise(r: Result, beside: Sequence[Result]) -> Section:
    lines = comparison(beside)
    rows = [
        (escape(x.activation), x.split, f"{x.ours:.4f}", f"{x.published:.3f}", f"{x.ours - x.published:+.4f}")
        for x in lines
    ]
    s = r.settings.recipe
    told = "".join(f"<p>{escape(verdict(other))}</p>" for other in beside)
    files = {other.settings.recipe.activation: "report.html" for other in beside[-1:]}
    files |= {k: f"report-{k}.html" for other in beside[:-1] if (k := other.settings.recipe.activation)}
    links = [f'<a href="{file}">{k}</a>' for k, file in files.items() if k != s.activation]
    more = f"<p>This page shows {s.activation}; the other network has its own: {', '.join(links)}.</p>" if links else ""
    curves = {
        f"{o.settings.recipe.activation}, {words}": o.run.history.epoch(k)
        for o in beside
        for words, k in (("training", "accuracy"), ("validation", "val_accuracy"))
    }
    picture = svg(comparison_curves(curves, quantity="accuracy"), "exercise", "Accuracy by epoch of each network")
    heads = ["", "split", "ours", "published", "difference"]
    text = (
        "<p>A published exercise with every number given: images of 0 … 255 minus the mean image of the training "
        f"images, all 70,000 permuted and split anew, {s.hidden} hidden neurons, minibatches of {s.batch_size}, "
        f"{s.epochs} epochs, a learning rate of {s.lr:g} that each epoch multiplies by {s.lr_decay:g}, reg {s.reg:g}, "
        f"std {s.std:g}. Final accuracies beside the published ones:</p>\n"
        f"{table(heads, rows, 'published', numeric=(2, 3, 4))}\n{told}{more}\n"
        f"{figure(picture, 'Accuracy after each epoch: on the minibatches as they came, and in validation.')}\n"
        f"<h3>What the exercise leaves open</h3>\n{_readings()}\n<h3>Where this network starts</h3>\n{_start(r)}"
    )
    return "exercise", "The published exercise", text


def _readings() -> str:
    cell = lambda values: " / ".join(f"{v:.3f}" for v in values)
    rows = [(escape(r.words), cell(r.sigmoid), cell(r.relu)) for r in READINGS]
    low, high = OVER_SEEDS["sigmoid"][2:]
    return (
        "<p>Whether the penalty is reg · ‖W‖² or half of it, and what std is, was measured: the first line below ends "
        "nearest to the published numbers, and it is what this preset does. The cross-entropy is a mean over the "
        "minibatch, biases start at 0 and are not penalised.</p>\n"
        f"{table(['', 'sigmoid', 'ReLU'], rows, 'readings', numeric=(1, 2))}\n"
        '<p class="note">Training / validation / test accuracy, each the mean of the seeds 0, 1 and 2. The sigmoid '
        f"network depends much on its first weights: over the seeds 0 … 19 its test accuracy lies between {low} and "
        f"{high}.</p>"
    )


def _start(r: Result) -> str:
    """How large the hidden layer's inputs are at the first weights, measured on some training images."""
    params = r.run.net.initial(r.settings.seed)
    Z = np.abs(r.data.train.X[:_LOOKED_AT].astype(np.float64) @ params["W1"] + params["b1"])
    flat = float(np.mean(Z > _FLAT))
    _, norms = r.run.history.measured("norm_W1")
    shrunk = f"here from {mathml(_NORM)} = {number(norms[0])} to {number(norms[-1])}"
    effect = {
        "sigmoid": "A sigmoid is flat there: its first layer learns next to nothing until the penalty has shrunk these "
        f"weights, {shrunk}.",
        "relu": f"A ReLU is not flat there. The penalty shrinks these weights, {shrunk}.",
    }.get(r.settings.recipe.activation, "")
    return (
        f"<p>With pixels up to 255 and these first weights, what a hidden neuron receives is large: on "
        f"{_LOOKED_AT:,} training images |{mathml('Z_{1}')}| is {number(float(np.median(Z)))} in the median, and above "
        f"{_FLAT} in {percent(flat)} of all entries. {effect}</p>"
    )


_LOOKED_AT, _FLAT = 1000, 5  # σ′(5) = 0.0066
_NORM = r"\left\| W_{1} \right\|"


def _data(r: Result) -> Section:
    data, rows = r.data, {k: s.rows for k, s in r.scores.items()}
    text = (
        f"<p>{escape(data.source)}. {rows['train']:,} images to train on, {rows['validation']:,} to validate, "
        f"{rows['test']:,} to test; no image is in two of these. Pixels are {_pixels(r)}.</p>"
    )
    if data.image_shape:
        captions = [data.class_names[k] for k in data.train.y[:EXAMPLES]]
        images = data.inverse_transform(data.train.X[:EXAMPLES])
        grid = examples_grid(images, captions, data.image_shape)
        picture = svg(grid, "examples", "Training images with their labels")
        text += figure(picture, f"The first {len(captions)} training images and their classes.")
    return "data", "The data", text


def _pixels(r: Result) -> str:
    if r.settings.recipe.raw:
        return "as they are, 0 … 255, minus the mean training image"
    return "scaled to [0, 1]" if r.data.image_shape else "as given"


def _network(r: Result) -> Section:
    g = r.derivation.graph
    pixels = _pixels(r)
    inputs = [
        (
            mathml(LATEX.name(k)),
            shape(n),
            f"{n.kind} {g.roles[k]}" if n.kind != "real" else g.roles[k],
            MEANINGS.get(k, "").format(pixels=pixels),
        )
        for k, n in g.inputs.items()
    ]
    sizes = ", ".join(f"{mathml(k)} = {v:,}" for k, v in r.sizes.items())
    quantities = {LATEX.name(g.names[e.node]): g.names[e.node] for e in g.equations(LATEX) if e.node in g.names}
    rows = []
    for e in g.equations(LATEX):
        about = QUANTITIES.get(quantities.get(e.name, ""), "").format(activation=r.settings.recipe.activation)
        rows.append(Row(e.name, e.expression, (shape(e.node), escape(about))))
    text = (
        f"<p>What goes in. Sizes are symbols; in this run {sizes} (of a minibatch, of an image, of the hidden layer, "
        f"of the classes).</p>\n{table(['', 'shape', 'role', 'meaning'], inputs, 'inputs')}\n<p>The forward pass of "
        f"<code>{escape(repr(network(r.settings.recipe, *list(r.sizes.values())[1:])))}</code>, traced as its layers "
        f"build it:</p>\n{equation_table(rows)}\n"
        '<p class="note">⊙ multiplies entry by entry; signs side by side are matrix products. Biases are added to '
        "every row.</p>"
    )
    return "network", "The network", text


def _gradients(r: Result) -> Section:
    rows = [Row(e.name, _plain(e.expression), (shape(e.node),)) for e in r.derivation.equations(LATEX)]
    sums = mathml(r"\textstyle \sum_{i} \left[A\right]_{i,:}")
    relu = r.settings.recipe.activation == "relu"
    indicator = f" {mathml(_INDICATOR)} is 1 where Z1 is positive and 0 elsewhere." if relu else ""
    text = (
        "<p>The chain rule, from the loss back to the parameters. Each line uses the lines above it; nothing here was "
        f"written by hand: it was derived from the equations of the forward pass.</p>\n{equation_table(rows)}\n"
        '<p class="note">A gradient has the shape of what it is the gradient of (denominator layout). '
        f"{sums} are the sums of A's columns.{indicator} That softmax and cross-entropy end in P − Y uses that each "
        "row of Y sums to 1.</p>"
    )
    return "gradients", "The gradients", text


_INDICATOR = r"\mathbb{1}\left[Z_{1} > 0\right]"


def _cost(r: Result, known: dict[str, Any]) -> Section:
    symbols, numbers = r.derivation.cost, r.derivation.cost.at(**r.sizes)
    saved = numbers.saved_bytes()
    step = r.seconds["step"]
    flops = float(known["step_cost"]["flops"])
    rate = f"{flops / step / 1e9:.2g} GFLOP/s"
    engine = r.settings.recipe.engine
    speed = f"{duration(step)} on {engine}, validation included: {flops:,.0f} FLOPs in matrix products, {rate}"
    text = (
        f"<p>One step on a minibatch, counted in the program that runs. The backward pass needs {numbers.ratio:.3g} "
        "times the products of the forward pass, not twice as many: nobody asks for the gradient of the images.</p>\n"
        f"{cost_table(symbols, numbers)}\n"
        f"<p>{known['parameters']:,} parameters: {_size(symbols.parameters)}. {saved:,} bytes of intermediate results "
        f"wait for the backward pass: {_size(symbols.saved_bytes())}. A step took {speed}. The whole training: "
        f"{scientific(flops * known['steps'])} FLOPs.</p>\n"
        f'<p class="note">{escape(CONVENTION)}. Additions count subtractions too; special functions are divisions, '
        "roots, exponentials and logarithms, one each.</p>"
    )
    return "cost", "What a step costs", text


def _check(r: Result) -> Section:
    report, loss = r.check, r.derivation.graph.loss_name
    rows = [
        (
            mathml(rf"\frac{{\partial {loss}}}{{\partial {LATEX.name(k)}}}"), "×".join(map(str, i.shape)), i.checked,
            scientific(i.relative_error), f"<code>{entry_text(k, i.entry)}</code>",
            f"{i.analytic:.9g}", f"{i.numeric:.9g}",
            '<span class="ok">right</span>' if i.ok else '<span class="bad">WRONG</span>',
        )
        for k, i in report.inputs.items()
    ]  # fmt: skip
    heads = ["", "shape", "compared", "relative error", "worst entry", "derived", "differences", ""]
    n = len(report.point["y"])
    formula = mathml(r"\frac{\left|a - b\right|}{\max\left(10^{-8}, \left|a\right| + \left|b\right|\right)}")
    text = (
        "<p>Before training, the program's gradients (a) were held against central differences of the loss (b) in "
        f"float64, at the first weights and the first {n} training images. Largest relative error {formula} = "
        f"<strong>{scientific(report.max_relative_error)}</strong>; {scientific(report.tolerance)} is allowed.</p>\n"
        f"{table(heads, rows, 'check', numeric=(3, 5, 6))}\n{_kinks(report.kinks)}"
    )
    return "check", "Are the gradients right?", text


def _kinks(kinks: Sequence[Kink]) -> str:
    if not kinks:
        return '<p class="note">No kink lies at this point: the loss is smooth in every direction tried.</p>'
    lines = "".join(f"<li>{escape(str(k))}</li>" for k in kinks[:6])
    more = f"<li>and {len(kinks) - 6} more</li>" if len(kinks) > 6 else ""
    places = f"{len(kinks)} places" if len(kinks) > 1 else "one place"
    text = f"<p>The loss has no derivative at {places}, where any slope between the two is right:</p>"
    return f"{text}<ul>{lines}{more}</ul>"


def _rule(r: Result) -> Section:
    rule, s = r.run.optimizer, r.settings.recipe
    rows = [Row(e.name, e.expression, sign=r"\leftarrow" if e.assigns else "=") for e in equations(rule, LATEX)]
    factor = mathml(rf"\lambda = {number_latex(s.reg / 2)}")
    penalty = f", and {factor} is half of reg, as the penalty is reg/2 times the sum of squared weights"
    text = (
        f"<p>After each minibatch, for each weight w (a bias has no term in λ):</p>\n{equation_table(rows)}\n<p>where "
        f"{mathml(rule.schedule.latex())} for the epoch k = 0, 1, …{penalty if s.reg else ''}. The same equations are "
        "compiled, with the loss and its gradients, into the program that ran.</p>"
    )
    return "rule", "The update rule", text


def _training(r: Result) -> Section:
    s, history, each = r.settings.recipe, r.run.history, r.run.steps_per_epoch
    loss = loss_curves(history["loss"], each, history.epoch("val_loss"))
    accuracy = accuracy_curves(history.epoch("accuracy"), history.epoch("val_accuracy"))
    of = r.derivation.graph.loss_name
    norms = {f"∂{of}/∂{k}": v for k, v in norms_of(history, "norm_d").items()}
    last = history.epochs[-1]
    plots = [
        figure(
            svg(loss, "loss", f"Loss by epoch, at last {last['loss']:.3g}, in validation {last['val_loss']:.3g}"),
            "The loss, without its penalty. The line is the mean of neighbouring minibatches, the band their range.",
        ),
        figure(
            svg(accuracy, "accuracy", f"Accuracy by epoch, at last {percent(last['val_accuracy'])} in validation"),
            "Images classified right. Training accuracy is measured on each minibatch before its update.",
        ),
        figure(
            svg(
                norm_curves(norms, each, "gradient norm", width=10.2, height=3.2), "norms",
                "Frobenius norms of the four gradients by epoch",
            ),
            "The length of each gradient (Frobenius norm), at every tenth step.", "wide",
        ),
    ]  # fmt: skip
    plural = "epoch" if s.epochs == 1 else "epochs"
    left = s.batch_size - (each * s.batch_size - r.data.train.rows)
    smaller = f", the last of which has {left}" if left != s.batch_size else ""
    text = (
        f"<p>{s.epochs} {plural} of {each:,} minibatches of {s.batch_size} images{smaller}. Each epoch has its own "
        f"order of the images.</p>\n"
        f'<div class="plots">{"".join(plots)}</div>'
    )
    return "training", "The training", text


def _diagnosis(r: Result) -> Section:
    graph = r.run.loss_graph
    point = last_point(r.run, graph)
    where = f"at the last parameters, on {len(point['y'])} training images drawn with the run's seed"
    return diagnosis_section(graph, point, r.run.optimizer, float(r.run.history["lr"][-1]), r.run.history, where)


def _weights(r: Result) -> Section:
    W1, image_shape = r.run.params["W1"], r.data.image_shape
    if not image_shape:
        return "weights", "What the hidden layer looks for", "<p>A row of these data is no image.</p>"
    strongest = np.argsort(-np.linalg.norm(W1, axis=0), kind="stable")
    W, which = W1[:, strongest[:NEURONS_SHOWN]], "one for each neuron, the longest first"
    if W1.shape[1] > NEURONS_SHOWN:
        which = f"the {NEURONS_SHOWN} longest of {W1.shape[1]}"
    picture = svg(image_grid(W, image_shape, width=8.4), "weights", f"The columns of W1 as {W.shape[1]} small images")
    text = (
        f"<p>Each column of {mathml('W_{1}')} has one weight for each pixel, so it can be looked at as an image: ink "
        "on red pixels drives the neuron up, ink on blue pixels drives it down.</p>\n"
        + figure(picture, f"First-layer weights, {which}; all on one scale.", "wide")
    )
    return "weights", "What the hidden layer looks for", text


def _test(r: Result) -> Section:
    names = r.data.class_names
    rows = [(k.capitalize(), percent(s.accuracy), f"{s.loss:.4f}", f"{s.rows:,}") for k, s in r.scores.items()]
    top = max(1, int(r.confusion.max()))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    lines = []
    for k, counts in enumerate(r.confusion):
        cells = []
        for j, count in enumerate(counts.tolist()):
            mark = "hit" if j == k else "miss"
            strength = (
                0
                if not count
                else 12 + round(68 * count / top)
                if j == k
                else 22 + round(60 * min(1.0, count / (0.05 * counts.sum())))
            )
            cells.append(f'<td class="{mark}" style="--s:{strength}%">{count or "·"}</td>')
        right = f'<td class="sum">{percent(counts[k] / max(1, counts.sum()))}</td>'
        lines.append(f'<tr><th scope="row">{escape(names[k])}</th>{"".join(cells)}{right}</tr>')
    matrix = (
        '<div class="scroll"><table class="confusion"><caption>Test images by true class (rows) and answered class '
        f"(columns)</caption><thead><tr><th></th>{head}<th "
        f'scope="col">right</th></tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )
    text = (
        f"<p>With the last weights; the loss is without its penalty.</p>\n"
        f"{table(['', 'accuracy', 'loss', 'images'], rows, 'scores', numeric=(1, 2, 3))}\n{matrix}"
    )
    X, true, said = r.mistakes
    if len(true) and r.data.image_shape:
        captions = [f"{names[a]}, not {names[b]}" for a, b in zip(true, said)]
        wide = max(map(len, captions)) > 12
        if wide:
            captions = [f"{names[a]},\nnot {names[b]}" for a, b in zip(true, said)]
        images = r.data.inverse_transform(X)
        grid = examples_grid(images, captions, r.data.image_shape, columns=6 if wide else 10, width=8.4)
        text += figure(
            svg(grid, "mistakes", "Misclassified test images"),
            f"{len(true)} test images that the network got wrong, the most confident first: what it is, and what it "
            "was taken for.",
            "wide",
        )
    return "test", "The test", text


def _program(r: Result) -> Section:
    text = (
        "<p>The program that ran, printed from the graph: one step, with its loss, gradients and updates.</p>\n"
        f"{program(r.run.source, r.settings.recipe.engine)}"
    )
    return "program", "The program", text


def _again(r: Result, known: dict[str, Any]) -> Section:
    settings = [(escape(k), escape(str(v))) for k, v in r.settings.as_dict().items() if v not in (None, False)]
    settings += [
        ("Chainrule", escape(known["version"])),
        ("NumPy", np.__version__),
        ("Python", platform.python_version()),
    ]
    settings += [(f"seconds: {k}", f"{v:.3g}") for k, v in r.seconds.items()]
    text = (
        f"<p>The same seed on the same engine and machine gives the same weights, bit for bit:</p>\n"
        f'<pre class="scroll"><code>{escape(r.settings.command())}</code></pre>\n'
        f"<p>Beside this page lie <code>history.csv</code> (a row for each step) and <code>params.safetensors</code> "
        f"(the network with W1, b1, W2, b2; <code>cr.load</code> reads it).</p>\n"
        f"{table(['setting', 'value'], settings, 'settings')}"
    )
    return "again", "Run it again", text


# Pieces ---------------------------------------------------------------------------------------------------------------


def _plain(latex: str) -> str:
    """1, where the derivation has the real number 1.0."""
    return latex.removesuffix(".0") if latex.removesuffix(".0").isdecimal() else latex


def _size(s: Size) -> str:
    return mathml(size_latex(s))
