"""The report: well-formed, complete in itself, and saying what was found."""

from __future__ import annotations

import re

import numpy as np
import pytest
from page import Page

from chainrule.data import from_arrays
from chainrule.labs import mlp
from chainrule.labs.report import html_page, percent, scientific
from chainrule.labs.settings import Settings


@pytest.fixture(scope="module")
def result():
    return mlp.run(Settings(hidden=16, epochs=2, engine="numpy"))


@pytest.fixture(scope="module")
def text(result):
    return html_page(result)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_it_is_well_formed(page):
    assert len(page.ids) == len(set(page.ids))
    heads = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert heads == ["overview", "data", "network", "gradients", "cost", "check", "rule", "training",
                     "diagnosis", "weights", "test", "program", "again"]  # fmt: skip
    links = [str(attrs["href"]) for tag, attrs in page.tags if tag == "a"]
    assert [f"#{k}" for k in heads] == links
    for _, attrs in page.tags:  # what is referred to is there
        for value in map(str, attrs.values()):
            for target in re.findall(r"^#([\w-]+)$|url\(#([\w-]+)\)", value):
                name = target[0] or target[1]
                assert name in page.ids or re.fullmatch("[0-9a-f]{6}", name)


def test_it_needs_nothing_else(text, page):
    words = re.sub(r"base64,[^\"]*", "", text)
    assert "http:" not in words and "https:" not in words and "//" not in words
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for tag, attrs in page.tags:
        assert not any(k.startswith("on") for k in attrs)
        for key in ("src", "href", "data", "srcset"):
            assert str(attrs.get(key, "#")).startswith(("#", "data:image/png;base64,")), (tag, attrs[key])
    assert "@import" not in text and "@font-face" not in text
    assert len(text.encode()) < 2_000_000


def test_pictures_have_words_for_those_who_cannot_see_them(page):
    pictures = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(pictures) >= 5
    assert all(attrs.get("role") == "img" and attrs.get("aria-label") for attrs in pictures)
    assert sum(tag == "figcaption" for tag, _ in page.tags) == len(pictures)


def test_it_says_what_was_found(result, page):
    scores = result.scores
    assert f"of 300 test images right {percent(scores['test'].accuracy)}" in page.text
    assert scientific(result.check.max_relative_error) in page.text
    assert "1,210" in page.text  # parameters: 64·16 + 16 + 16·10 + 10
    assert "chainrule lab mlp --hidden 16 --epochs 2" in page.text
    assert "softmax" in page.text and "denominator layout" in page.text
    assert "def network_loss_step(X, y, W1, b1, W2, b2, lr):" in page.text


def test_every_formula_is_there(page):
    count = sum(tag == "math" for tag, _ in page.tags)
    assert count > 80
    assert "\\" not in page.text.replace("\\n", ""), "LaTeX that was not converted"


def test_data_that_are_no_images():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    data = from_arrays(X, (X[:, 0] > 0).astype(int), name="<b>&\"'", class_names=["<no>", "yes & so"])
    result = mlp.run(Settings(hidden=3, epochs=1, engine="numpy"), data)
    found = html_page(result)
    Page(found)
    assert "<b>&" not in found and "<no>" not in found and "&lt;no&gt;" in found


def test_sharp_numbers():
    assert scientific(8.13e-7) == "8.1·10⁻⁷" and scientific(0.0) == "0" and scientific(float("nan")) == "nan"
    assert percent(0.97666) == "97.67 %"
