"""The report of a run: well-formed, complete in itself, and saying what was found."""

from __future__ import annotations

import re

import numpy as np
import pytest
from page import Page

import chainrule as cr
from chainrule.train.report import call, html_page, last_point, written
from chainrule.train.report_diagnosis import diagnosis_section, stable_rate

SECTIONS = ["overview", "data", "network", "gradients", "rule", "cost", "training", "diagnosis", "weights", "results",
            "program", "again"]  # fmt: skip


def regression(**options):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(61, 5))
    net = cr.nn.Sequential(cr.nn.Linear(5, 7), cr.nn.Tanh(), cr.nn.Linear(7, 1))
    return cr.fit(net, (X, np.sin(X[:, :1])), "squared_error", batch_size=9, **{"epochs": 1} | options)


@pytest.fixture(scope="module")
def run():
    net = cr.nn.Sequential(
        cr.nn.Linear(64, 16), cr.nn.ReLU(), cr.nn.Dropout(0.2), cr.nn.Linear(16, 12), cr.nn.ReLU(), cr.nn.Linear(12, 10)
    )
    rule = cr.optim.SGD(cr.optim.Exponential(0.2), momentum=0.9, penalty=cr.optim.L2(1e-4), clip_norm=5.0)
    return cr.fit(net, cr.data.digits(), optimizer=rule, epochs=3, batch_size=50)


@pytest.fixture(scope="module")
def text(run):
    return html_page(run)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_it_is_well_formed(page):
    assert page.sections == SECTIONS
    assert [f"#{k}" for k in SECTIONS] == [str(attrs["href"]) for tag, attrs in page.tags if tag == "a"]
    assert len(page.ids) == len(set(page.ids))
    for _, attrs in page.tags:  # what is referred to is there
        for value in map(str, attrs.values()):
            for name in re.findall(r"url\(#([\w-]+)\)", value):
                assert name in page.ids


def test_it_needs_nothing_else(text, page):
    words = re.sub(r"base64,[^\"]*", "", text)
    assert "http:" not in words and "https:" not in words and "@import" not in words and "@font-face" not in words
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for _, attrs in page.tags:
        assert not any(k.startswith("on") for k in attrs)
        for key in ("src", "href", "data", "srcset"):
            assert str(attrs.get(key, "#")).startswith(("#", "data:image/png;base64,"))
    assert len(text) < 1_000_000


def test_pictures_have_words_for_those_who_cannot_see_them(page):
    pictures = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(pictures) == 8  # examples, six curves, weights; two hidden layers make no curve of layers
    assert all(attrs.get("role") == "img" and attrs.get("aria-label") for attrs in pictures)
    assert sum(tag == "figcaption" for tag, _ in page.tags) == len(pictures)


def test_it_says_what_was_found(run, page):
    accuracy = run.evaluate(run.data.test)["accuracy"]
    assert f"of 300 test rows right {100 * accuracy:.2f} %" in page.text
    assert "1,374 " in page.text  # parameters: 64·16 + 16 + 16·12 + 12 + 12·10 + 10
    assert "of 3 epochs, 72 steps" in page.text and "validation loss" in page.text.lower()
    assert "softmax" in page.text and "def " in page.text
    assert "SGD(lr=Exponential(lr=0.2), momentum=0.9, penalty=L2(lam=0.0001), clip_norm=5.0)" in page.text
    assert "\\" not in page.text.replace("\\n", ""), "LaTeX that was not converted"


def test_the_diagnosis_is_that_of_cr_diagnose(run, page):
    graph = run.loss_graph
    point = {k: v.astype(float) if v.dtype.kind == "f" else v for k, v in last_point(run, graph).items()}
    assert set(point) == {"X", "y", "M1", "W1", "b1", "W2", "b2", "W3", "b3"} and len(point["y"]) == 256
    norms = cr.diagnose.gradient_norms(graph, point)
    assert f"Verdict: {norms.verdict}" in page.text and f"by the factor {norms.ratio:.3g}" in page.text
    stuck = cr.diagnose.saturation(graph, point).stuck
    assert f"{len(stuck)} of 28 units" in page.text if stuck else "None of 28 units" in page.text
    curvature = cr.diagnose.largest_eigenvalue(graph, point)
    assert f"{curvature.value:.3g}" in page.text and f"{curvature.largest_step:.3g}" in page.text
    lr, limit = 0.2 * 0.95**2, 2 * 1.9 / curvature.value
    assert f"= {limit:.3g}. The learning rate at the end, {lr:.3g}, is" in page.text
    if lr < limit:
        assert f"{100 * lr / limit:.3g} % of that" in page.text
    assert "with one draw of dropout's noise" in page.text


def test_the_same_run_makes_the_same_page(run, text):
    assert html_page(run) == text


def test_it_can_be_repeated(run):
    lines = call(run)
    names: dict = {}
    exec(lines.replace("data = ...", "data = cr.data.digits()"), names)
    for k, w in run.params.items():
        np.testing.assert_array_equal(names["run"].params[k], w)


def test_regression_from_arrays_in_one_epoch():
    run = regression()
    page = Page(html_page(run))
    assert page.sections == [k for k in SECTIONS if k != "weights"]
    assert "61 rows to train on, given as arrays" in page.text and "accuracy" not in page.text.lower()
    assert "at the last parameters, on all 61 training rows" in page.text
    assert "training loss, on 61 rows" in page.text


def test_with_weights_of_examples_and_validation():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(13, 5))
    run = regression(sample_weight=rng.random(61), validation=(X, X[:, :1]), norms_every=1)
    assert "sample_weight" in run.loss_graph.inputs
    page = Page(html_page(run))
    assert "and 13 to validate" in page.text and "validation loss, on 13 rows" in page.text
    assert "could not be computed" not in page.text
    assert "validation=validation, sample_weight=..." in call(run)


def test_other_rules_are_not_compared_with_the_largest_step():
    page = Page(html_page(regression(optimizer=cr.optim.Adam(0.01))))
    assert "Adam scales each entry" in page.text


def test_batch_normalisation_and_many_layers():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(40, 6)), rng.integers(0, 3, 40)
    layers = [m for _ in range(5) for m in (cr.nn.Linear(6, 6), cr.nn.Sigmoid())]
    net = cr.nn.Sequential(*layers, cr.nn.BatchNorm(6), cr.nn.Linear(6, 3))
    page = Page(html_page(cr.fit(net, (X, y), epochs=1, batch_size=8)))
    assert "Gradient norms of the 5 layers" in [a.get("aria-label", "")[:30] for t, a in page.tags if t == "svg"]
    assert "for k = " in page.text and "could not be computed" not in page.text


def test_a_run_that_diverged_has_a_page():
    with pytest.raises(cr.train.Diverged) as raised, np.errstate(all="ignore"):
        regression(optimizer=cr.optim.SGD(lr=1e9), epochs=4)
    page = Page(html_page(raised.value.run))
    assert "training" in page.sections and "diagnosis" in page.sections


def test_numbers_that_are_not_finite_are_said_to_be_so():
    graph = cr.nn.Sequential(cr.nn.Linear(3, 4), cr.nn.Tanh(), cr.nn.Linear(4, 2)).loss_graph()
    point = cr.nn.Sequential(cr.nn.Linear(3, 4), cr.nn.Tanh(), cr.nn.Linear(4, 2)).initial()
    point = point | {"W1": np.full((3, 4), np.nan), "X": np.ones((5, 3)), "y": np.zeros(5, int)}
    _, _, text = diagnosis_section(graph, point, cr.optim.SGD(0.1), 0.1)
    words = Page(text).text
    assert "Verdict: not finite" in words and "This could not be computed: the Hessian" in words


def test_what_is_missing_is_named():
    net = cr.nn.Sequential(cr.nn.Linear(3, 4), cr.nn.ReLU(), cr.nn.Dropout(), cr.nn.Linear(4, 2))
    point = net.initial() | {"X": np.ones((5, 3)), "y": np.zeros(5, int)}
    _, _, text = diagnosis_section(net.loss_graph(), point)
    assert "This could not be computed" in text and "M1" in text


def test_large_networks_are_left_alone():
    net = cr.nn.Sequential(cr.nn.Linear(1000, 501), cr.nn.Linear(501, 2))
    _, _, text = diagnosis_section(net.loss_graph(), net.initial() | {"X": np.ones((2, 1000)), "y": np.zeros(2, int)})
    assert "Not computed: the network has 502,505 parameters" in text


@pytest.mark.parametrize(
    "rule", [cr.optim.SGD(), *(cr.optim.SGD(momentum=ρ, nesterov=n) for ρ in (0.3, 0.9) for n in (False, True))]
)
def test_the_largest_stable_rate_is_where_descent_on_a_quadratic_turns(rule):
    """w² · 3/2 from w = 1: below the limit the steps shrink, above it they grow."""
    found = stable_rate(rule, 3.0)
    assert found is not None
    for factor, grows in ((0.995, False), (1.005, True)):
        w, v = 1.0, 0.0
        for _ in range(6000):
            made = rule.update(w, 3 * w, factor * found[0], **({"v": v, "ρ": rule.momentum} if rule.momentum else {}))
            w, v = made["w"], made.get("v", 0.0)
            if abs(w) > 1e6:
                break
        assert (abs(w) > 1) == grows
    assert stable_rate(cr.optim.Adam(), 3.0) is None


def test_what_is_written_reads_back():
    for value in (
        cr.optim.SGD(0.01), cr.optim.AdamW(lr=cr.optim.Cosine(0.1, steps=7), weight_decay=0.3, clip_value=1.5),
        cr.optim.SGD(penalty=[cr.optim.L1(0.1), cr.optim.L2(0.2)]), cr.nn.CrossEntropy(smoothing=0.1),
    ):  # fmt: skip
        assert eval(written(value), {**vars(cr.optim), **vars(cr.nn)}) == value
