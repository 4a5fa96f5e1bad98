"""Pictures of searches, as SVG and as text: what they show, that they can be read, and that they stay small."""

from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
from decoding import Counting, History, chain
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.decode import (
    HMM,
    MarkovChain,
    Search,
    Tree,
    after,
    beam_search,
    exhaustive,
    greedy,
    sample,
    viterbi,
)
from chainrule.decode.k_best import k_best
from chainrule.decode.pictures.branches import Branch
from chainrule.decode.pictures.columns import spans
from chainrule.decode.pictures.growing import branches
from chainrule.decode.pictures.ink import wrapped
from chainrule.decode.pictures.trellis import TrellisPicture
from chainrule.decode.pictures.words import cells, clipped, padded, short, spelled
from chainrule.graph.errors import InputError, OutputError
from chainrule.views.runs import Run, width

SHAPES = ["circle", "square", "rectangle", "ellipse"]
LEAVES = {
    ("the", "red"): [-5.1, -5.3, -5.4, -5.6], ("the", "green"): [-5.0, -5.2, -5.3, -5.5],
    ("the", "blue"): [-4.9, -4.8, -5.0, -5.4], ("a", "red"): [-5.6, -5.7, -5.9, -6.0],
    ("a", "green"): [-5.7, -5.8, -6.1, -5.9], ("a", "blue"): [-4.2, -3.5, -4.4, -4.6],
}  # fmt: skip
COLOURS = {"the": (-1.0, [-3.0, -3.4, -3.6]), "a": (-1.2, [-2.5, -2.6, -3.5])}
STANDARD = Tree({
    article: (p, {
        colour: (q, dict(zip(SHAPES, LEAVES[article, colour]))) for colour, q in zip(["red", "green", "blue"], below)
    })
    for article, (p, below) in COLOURS.items()
})  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WEATHER = MarkovChain(
    [[0.6, 0.3, 0.1], [0.4, 0.4, 0.2], [0.0, 0.5, 0.5]], start="rain", words=["sun", "rain", "snow"]
)  # fmt: skip

HIDDEN = HMM(
    [0.6, 0.4], [[0.7, 0.3], [0.4, 0.6]], [[0.1, 0.4, 0.5], [0.6, 0.3, 0.1]],
    states=["rainy", "sunny"], words=["walk", "shop", "clean"],
).given(["walk", "shop", "clean", "clean"])  # fmt: skip


def letters(n: int = 26, seed: int = 3) -> MarkovChain:
    return MarkovChain(np.random.default_rng(seed).dirichlet(np.ones(n) * 0.5, n), start="a", words=LETTERS[:n])


def sentences(seed: int = 4) -> MarkovChain:
    words = ["I", "you", "see", "like", "cats", "dogs", "</s>"]
    P = np.random.default_rng(seed).dirichlet(np.ones(7) * 0.7, 7)
    return MarkovChain(P, initial=[0.3, 0.3, 0.1, 0.1, 0.1, 0.1, 0], words=words)


EXAMPLES: dict[str, Any] = {
    "standard": lambda: beam_search(STANDARD, 3, 2)[0].search,
    "greedy": lambda: greedy(STANDARD, 3).search,
    "exhaustive": lambda: exhaustive(STANDARD, 3).search,
    "wide": lambda: beam_search(letters(), 6, 4)[0].search,
    "long": lambda: beam_search(letters(), 30, 3)[0].search,
    "ended": lambda: beam_search(sentences(), 5, 3, eos="</s>")[0].search,
    "penalty": lambda: beam_search(sentences(), 12, 3, eos="</s>", length_penalty=1.0)[0].search,
    "groups": lambda: beam_search(sentences(), 4, 4, groups=2)[0].search,
    "sample": lambda: sample(sentences(), 4, count=12, eos="</s>")[0].search,
    "trellis": lambda: viterbi(WEATHER, 5).search,
    "trellis 60 × 40": lambda: viterbi(chain(60, 5), 40).search,
    "k best": lambda: k_best(WEATHER, 5, 3)[0].search,
    "k best of 60": lambda: k_best(chain(60, 5), 6, 5)[0].search,
    "ends": lambda: viterbi(sentences(), 4, eos="</s>").search,
    "fold of 5": lambda: viterbi(chain(5, 2), 20).search,
    "fold of 30": lambda: viterbi(chain(30, 2), 20).search,
    "fold of the k best": lambda: k_best(chain(5, 2), 30, 3)[0].search,
    "folded beam": lambda: beam_search(chain(30, 2), 18, 10)[0].search,
    "asked end": lambda: viterbi(WEATHER, 5, end="rain").search,
    "asked end of all": lambda: exhaustive(STANDARD, 3, end="ellipse").search,
    "hidden": lambda: viterbi(HIDDEN, 4, end="rainy").search,
    "hidden beam": lambda: beam_search(HIDDEN, 4, 2)[0].search,
}  # fmt: skip


@pytest.fixture(scope="module", params=list(EXAMPLES))
def example(request: pytest.FixtureRequest) -> Search:
    return EXAMPLES[request.param]()


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg.encode("utf-8"))


def texts(svg: str) -> list[tuple[str, float, float, float, float]]:
    """Each text with its box: left, top, right, bottom; legends and sentences too."""
    found = []

    def visit(element: ET.Element, dx: float, dy: float) -> None:
        moved = re.fullmatch(r"translate\((\S+) (\S+)\)", element.get("transform", ""))
        if moved:
            dx, dy = dx + float(moved[1]), dy + float(moved[2])
        if element.tag.endswith("}text"):
            lowered = ("_" * bool(e.get("font-size")) + (e.text or "") for e in element)
            words, size = "".join([element.text or "", *lowered]), float(element.get("font-size", 0))
            w, x, y = width([Run(words)], size) / 1.1, float(element.get("x", 0)) + dx, float(element.get("y", 0)) + dy
            x -= {"middle": w / 2, "end": w}.get(element.get("text-anchor", "start"), 0)
            found.append((words, x, y - 0.7 * size, x + w, y + 0.2 * size))
        for child in element:
            visit(child, dx, dy)

    visit(parsed(svg), 0.0, 0.0)
    return found


def names(svg: str) -> list[str]:
    return [words for words, *_ in texts(svg)]


def said(svg: str) -> str:
    """All its texts in a row: a sentence is there whole, on however many lines it stands."""
    return " ".join(names(svg))


def points(d: str) -> list[tuple[float, float]]:
    """Points along a path of M, L, H and C, no farther apart than 2."""
    found: list[tuple[float, float]] = []
    at = np.zeros(2)
    for letter, rest in re.findall("([MLHC])([^MLHC]*)", d):
        numbers = [float(x) for x in rest.split()]
        ends = np.array([(numbers[0], at[1])] if letter == "H" else [*zip(numbers[::2], numbers[1::2])])
        if letter != "M":
            corners = np.array([at, *ends])
            u = np.linspace(0, 1, 2 + int(np.abs(np.diff(corners, axis=0)).sum() / 2))[:, None]
            n = len(corners) - 1
            curve = sum(math.comb(n, k) * u**k * (1 - u) ** (n - k) * corner for k, corner in enumerate(corners))
            found += map(tuple, np.asarray(curve).tolist())
        at = ends[-1]
    return found


# What can be said of every picture


def test_no_text_stands_on_another_nor_outside(example: Search):
    svg = example.svg()
    view = [float(x) for x in parsed(svg).get("viewBox", "").split()]
    boxes = texts(svg)
    for words, left, top, right, bottom in boxes:
        assert min(left, top) >= 0 and right <= view[2] and bottom <= view[3], words
    strokes = [e.get("d", "") for e in parsed(svg).findall("{*}path") + parsed(svg).findall("{*}g/{*}path")]
    for x in (float(x) for d in strokes for x in re.findall(r"[ML](\d\S*) ", d)):
        assert 0 <= x <= view[2]
    for (a, *one), (b, *other) in itertools.combinations(boxes, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, f"{a!r} at {one} stands on {b!r} at {other}"


def test_no_line_runs_over_a_text(example: Search):
    """What is drawn later lies above: no line comes after a text that it crosses."""
    lines: list[tuple[float, float]] = []
    for element in reversed([e for e in parsed(example.svg()).iter() if e.tag.endswith(("}path", "}text"))]):
        if (d := element.get("d")) is not None:
            lines += points(d) if not set(d) & set("lZ") and not d.startswith("M-") else []  # crosses, stars, legends
        elif lines and element.get("x") != "0":
            (_, left, top, right, bottom) = texts(f"<svg>{ET.tostring(element, encoding='unicode')}</svg>")[0]
            x, y = np.array(lines).T
            assert not ((left < x) & (x < right) & (top < y) & (y < bottom)).any(), element.text
    assert len(lines) > 100


def test_no_box_stands_on_another_nor_on_a_text(example: Search):
    svg = example.svg()
    found = []
    for rect in parsed(svg).findall("{*}rect[@stroke]") + parsed(svg).findall("{*}g/{*}rect[@stroke]"):
        x, y, w, h = (float(rect.get(name, 0)) for name in ("x", "y", "width", "height"))
        if y > 40 and h > 19 and w > 24:  # of a node, and not of the legend, nor the inner one of two
            found.append((x, y, x + w, y + h))
    assert len(found) > 3
    for one, other in itertools.combinations(found, 2):
        inside = one[0] < other[0] and other[2] < one[2] and one[1] < other[1] and other[3] < one[3]
        assert inside or one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
    for words, left, top, right, bottom in texts(svg):
        for box in found:
            inside = box[0] <= left and right <= box[2] and box[1] <= top and bottom <= box[3]
            assert inside or right <= box[0] or box[2] <= left or bottom <= box[1] or box[3] <= top, (words, top, box)


def test_the_check_of_overlaps_can_fail():
    svg = EXAMPLES["standard"]().svg()
    at = texts(svg)
    moved = svg.replace(">circle<", ">a circle that is very, very, very wide<")
    assert len(texts(moved)) == len(at)
    with pytest.raises(AssertionError):
        test_no_text_stands_on_another_nor_outside(type("Search", (), {"svg": lambda _: moved})())  # type: ignore[arg-type]


def test_a_picture_is_one_that_any_page_can_hold(example: Search):
    root = parsed(example.svg())
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and root.get("role") == "img"
    assert [child.tag.split("}")[1] for child in root][:3] == ["title", "desc", "rect"]
    assert not any(e.tag.endswith(("script", "style", "image")) or e.get("id") for e in root.iter())


def test_a_picture_stays_small(example: Search):
    w, h = (float(parsed(example.svg()).get(side, 0)) for side in ("width", "height"))
    assert 100 < w < 2100 and 100 < h < 1500
    lines = example.text().splitlines()
    assert len(lines) < 110 and max(map(cells, lines)) <= 100


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_same_search_gives_the_same_bytes(name: str):
    one, other = EXAMPLES[name](), EXAMPLES[name]()
    assert one.svg() == one.svg() == other.svg() == one._repr_svg_()
    assert one.text() == other.text()


def test_every_step_can_be_shown(example: Search):
    steps = len(example.steps) if hasattr(example, "steps") else example.length  # type: ignore[attr-defined]
    for step in range(steps + 1):
        svg, text = example.svg(step), example.text(step)
        parsed(svg)
        over = step == steps and example.decoder != "sample"
        assert ("★" in text) == over and (over or not re.search("; the best|#b03a00", svg))
    assert example.svg(steps) == example.svg() and example.text(steps) == example.text()
    for wrong in (steps + 1, -1, 1.5, True):
        with pytest.raises(InputError, match="step must be"):
            example.svg(wrong)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="step must be"):
            example.text(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["standard", "wide", "ended", "groups", "sample", "trellis", "k best"])
def test_a_step_stands_where_it_stands_in_the_whole(name: str):
    search = EXAMPLES[name]()
    whole = search.svg()
    size = parsed(whole).get("viewBox")
    place = {(words, x, y) for words, x, y, *_ in texts(whole)}
    for step in range(1, len(search.steps) if hasattr(search, "steps") else search.length):
        part = search.svg(step)
        assert parsed(part).get("viewBox") == size
        legend = min(y for words, _, y, *_ in texts(part) if "up to t" in words)
        drawn = {(words, x, y) for words, x, y, *_ in texts(part) if y < legend}
        assert len(drawn) > 3 and drawn <= place


def test_colour_is_extra(example: Search):
    plain = example.text()
    assert plain.endswith("\n") and "\x1b" not in plain
    coloured = example.text(colour=True)
    assert "\x1b[" in coloured and re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


# Trees


def walked(search: Any, step: int | None = None) -> list[Branch]:
    return [b for b in branches(search, step).shown() if b.t]


def test_the_standard_tree():
    search = EXAMPLES["standard"]()
    found = walked(search)
    assert len(found) == 2 + 6 + 8 and not any(b.rest for b in found)
    kept = {b.whole: (b.total, b.rank, b.on) for b in found if b.kept}
    assert {w: (round(total, 9), rank, on) for w, (total, rank, on) in kept.items()} == {
        "the": (-1.0, 0, 0), "a": (-1.2, 0, 1), "a red": (-3.7, 0, 1), "a green": (-3.8, 0, 0),
        "a red circle": (-9.3, 1, 1), "a red square": (-9.4, 2, 2),
    }  # fmt: skip
    text = search.text()
    assert "★ a red circle    log p = −9.3\n" in text
    assert "t = 2: kept 2 of 6; the best that was dropped: −4.0\n" in text
    assert re.search(r"│  ├─× red +−3\.0   −4\.0  dropped at t = 2\n", text)
    assert re.search(r"   │  ├─★ circle +−5\.6   −9\.3  the best\n", text)
    svg = search.svg()
    assert svg.count('text-decoration="line-through"') == 4 + 6
    assert {"kept 2 of 6", "best dropped −4.0", "best dropped −9.5", "−9.3"} <= set(names(svg))
    assert "<title>a blue: log p(blue | &lt;BOS&gt; a) = −3.5, in all −4.7; dropped at t = 2</title>" in svg
    assert "kept 2 of 8, best dropped −9.5." in svg  # in the description


def test_greedy_and_exhaustive_search_of_the_standard_tree():
    one = EXAMPLES["greedy"]().text()
    assert "★ the red circle    log p = −9.1\n" in one and "× a " in one and "kept 1 of 4" in one
    everything = EXAMPLES["exhaustive"]()
    assert len(walked(everything)) == 2 + 6 + 24 and all(b.kept for b in walked(everything))
    text = everything.text()
    assert "★ a blue square    log p = −8.2\nThis is the maximum: every sequence was scored." in text
    assert "×" not in text and "● scored" in text


def test_exhaustive_search_marks_the_best_that_ends_as_asked():
    search: Any = EXAMPLES["asked end of all"]()
    text, svg = search.text(), search.svg()
    assert "★ a blue ellipse    log p = −9.3\n" in text
    best = next(b for b in walked(search) if b.rank == 1)
    assert best.word == "ellipse" and best.total == pytest.approx(-9.3)
    assert "This is the maximum of those that end in 'ellipse': every sequence was scored." in text
    assert "the maximum of those that end in 'ellipse'" in said(svg)
    assert {b.word for b in walked(search) if b.t == 3 and not b.excluded} == {"ellipse"}
    assert re.search(r"× square +−3\.5   −8\.2  excluded\n", text) and text.count("  excluded\n") == 18
    assert svg.count('text-decoration="line-through"') == 18
    for shown in (text, said(svg)):
        assert "excluded, for it does not end in 'ellipse'" in shown
    assert "excluded" not in EXAMPLES["exhaustive"]().text() + EXAMPLES["exhaustive"]().svg()


def test_what_ended_early_is_excluded_where_another_end_was_asked_for():
    search: Any = exhaustive(sentences(), 3, eos="</s>", end="cats").search
    found = [b for b in walked(search) if b.ended]
    assert found and all(b.excluded for b in found) and min(b.t for b in found) < 3
    assert not any(b.excluded for b in walked(exhaustive(sentences(), 3, eos="</s>", end="</s>").search) if b.ended)


def test_a_tree_of_hidden_states_tells_what_its_numbers_are():
    search = EXAMPLES["hidden beam"]()
    text, svg = search.text(), search.svg()
    for shown in (text, said(svg)):
        assert "log p(z_t, x_t | z_t−1)" in shown and "log p(z_1 … z_t, x_1 … x_t)" in shown
        assert "w_t" not in shown and "word" not in shown and "x_3 = clean" in shown
    assert "N = 2 states" in text and "t = 2, x_2 = shop: kept 2 of 4" in text
    assert "sunny rainy: log p(rainy, shop | &lt;BOS&gt; sunny) = −1.83" in svg


def test_a_tree_begins_in_the_word_that_the_model_was_given():
    search = beam_search(after(STANDARD, ["the"]), 2, 2)[0].search
    assert "\nthe\n├─★ red" in search.text() and "w_0 = the" in search.text()
    assert "the" in names(search.svg()) and "w_0 = the." in said(search.svg())
    assert "<BOS>" not in search.text() + said(search.svg())
    assert "w_0 = <BOS>." in said(EXAMPLES["standard"]().svg())


def test_what_a_length_penalty_ranks_by_is_shown():
    search: Any = EXAMPLES["penalty"]()
    found = walked(search)
    assert all((b.ranked is not None) == (b.ended or b.t == 12) for b in found)
    assert all(b.ranked == pytest.approx(b.total / b.t) for b in found if b.ranked is not None)
    places = [b.ranked or 0 for b in sorted(found, key=lambda b: b.rank) if b.rank]
    assert len(places) == 3 and places == sorted(places, reverse=True)
    text, svg = search.text(), search.svg()
    best = short(places[0])
    assert f"ranked by log p / T^α = {best}\n" in text and "ranked: by log p / T^α, α = 1" in text
    assert re.search(rf"★ </s> +−1\.06 +−2\.82 +{best}  the best, ended\n", text)
    assert f"−2.82 ({best})" in names(svg) and "log p / T^α, α = 1" in said(svg)
    assert "T^α" not in EXAMPLES["ended"]().text() + EXAMPLES["ended"]().svg()


def test_what_is_hidden_behind_a_fold_is_counted():
    """Of what was kept at the step behind it: what begins with a shown prefix before it is shown or counted there."""
    for search in (EXAMPLES["folded beam"](), EXAMPLES["long"](), EXAMPLES["penalty"]()):
        tree = branches(search)  # type: ignore[arg-type]
        fold = next(c.span for c in tree.columns if c.span.folded)
        first, last, words = fold.first - 1, fold.last + 1, search.vocabulary
        step = search.steps[last - 1]  # type: ignore[attr-defined]
        kept = [tuple(map(str, words.words(search.prefix(last, k)))) for k in range(len(step))]  # type: ignore[attr-defined]
        for b in (b for b in tree.root.walk() if b.t == first and b.kept and not b.ended):
            behind = sum(prefix[:first] == tuple(b.whole.split()) for prefix in kept)
            shown = sum(c.kept and (c.t == last or c.ended) for c in b.children)
            assert behind == shown + b.hidden[0]
            assert (behind == 0) == (b.lost is not None and b.lost <= last) == tree.gone(b, True)


def test_a_folded_beam_says_what_it_does_not_show():
    search = EXAMPLES["folded beam"]()
    svg = names(search.svg())
    assert "… 4 more kept at t = 16" in svg and "11 steps left out" in svg
    assert {"× 5", "× 6", "× 8", "nothing left of it at t = 6"} <= set(svg)
    assert "… 4 more kept at t = 15" in search.text()  # which has a column more


def test_the_legend_explains_marks_that_are_there():
    shown = names(EXAMPLES["ended"]().svg())
    mark = next(w for w in shown if re.fullmatch(r"× \d", w))
    assert f"ended, and dropped at t = {mark[2:]}" in shown
    assert shown.count(mark) >= 2 and not any("at t = 4" in w for w in shown if "× 4" not in shown)


def test_a_tree_up_to_a_step():
    found = walked(EXAMPLES["standard"](), 2)
    assert [b.t for b in found].count(2) == 6 and max(b.t for b in found) == 2
    assert walked(EXAMPLES["standard"](), 0) == []
    text = EXAMPLES["standard"]().text(2)
    assert "up to t = 2 of 3" in text and "circle" not in text and "log p = " not in text.split("word")[0]


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 7), st.integers(1, 4), st.integers(1, 5), st.sampled_from([0.0, 0.3]), st.integers(0, 10**6))
def test_what_is_shown_kept_or_counted_is_everything(n: int, length: int, width: int, sparse: float, seed: int):
    """Of each prefix that was extended: shown branches and counted ones are all possible words, with the model's own
    numbers; and the best that was dropped is where the search says that it was."""
    model = History(n, seed, sparse)
    if not np.isfinite(model.row(())).any():
        return
    try:
        search: Any = beam_search(model, length, width)[0].search
    except InputError:
        return
    root = branches(search).root
    number = {str(k): k for k in range(n)}
    best: dict[int, float] = {}
    for branch in root.walk():
        prefix = tuple(number[w] for w in branch.whole.split()) if branch.t else ()
        if branch.t:
            row = model.row(prefix[:-1])
            assert branch.log_prob == pytest.approx(row[prefix[-1]])
            assert branch.total == pytest.approx(sum(model.row(prefix[:t])[w] for t, w in enumerate(prefix)))
            held = range(len(search.steps[branch.t - 1]))
            assert branch.kept == (prefix in {search.prefix(branch.t, k) for k in held})
        if branch.kept and branch.t < length:
            possible = int(np.isfinite(model.row(prefix)).sum())
            assert len(branch.children) + branch.hidden[0] + branch.hidden[1] == possible
            assert branch.hidden[1] != 1  # it would have been as short to show it
            lost = [c.total for c in branch.children if not c.kept] + [branch.hidden[2]]
            best[branch.t + 1] = max(best.get(branch.t + 1, -math.inf), *lost)
        else:
            assert not branch.children and not branch.rest
    for t, step in enumerate(search.steps, 1):
        assert best[t] == pytest.approx(step.pruned)


def test_the_model_is_asked_as_the_search_asked_it():
    """A batch for each step, with the states of the prefixes: `Counting` checks them."""
    model = Counting(chain(5, 2))
    search = beam_search(model, 6, 3)[0].search
    assert model.calls == 6
    search.svg()
    assert model.calls == 12 and model.rows == 2 * (1 + 5 * 3)


def test_a_large_vocabulary_is_counted():
    model = chain(2000, 1)
    search = beam_search(model, 4, 5)[0].search
    text = search.text()
    assert re.search(r"… 1,99\d more +≤ −", text) and len(text.splitlines()) < 100
    assert max(map(cells, text.splitlines())) <= 100
    assert len(parsed(search.svg()).findall(".//{*}text")) < 400


def test_a_wide_beam_shows_its_best():
    search: Any = beam_search(letters(), 5, 200)[0].search
    tree = branches(search)
    found = [b for b in tree.root.walk() if b.t]
    assert [b.rank for b in found if b.rank == 1] == [1]
    assert 10 < len(found) < 120
    assert any(b.hidden[0] for b in tree.root.walk())  # some that were kept are counted only
    assert re.search(r"… \d+ more kept", search.text())


def test_a_long_search_is_folded():
    search: Any = EXAMPLES["long"]()
    tree = branches(search)
    assert [str(c.span) for c in tree.columns] == [
        "t = 1", "t = 2", "t = 3", "t = 4", "t = 5 … 27", "t = 28", "t = 29", "t = 30",
    ]  # fmt: skip
    over = [b for b in tree.root.walk() if b.skipped]
    assert over and all((b.t, b.skipped) == (28, 23) for b in over)
    assert re.search(r"└┄22┄● \w +\S+ +\S+\n", search.text()) and "┄22┄ 22 words left out" in search.text()
    part = branches(search, 12)
    assert part.columns[-1].span.first == 12 and max(b.t for b in part.root.walk()) == 12


def test_what_ends_inside_a_fold_is_shown():
    """The best sequence, a b a b . of 15 steps, ends at a step that is folded."""
    P = np.zeros((15, 3, 3))
    P[:] = [[0.1, 0.9, 0], [0.9, 0.1, 0], [0, 0, 1]]
    P[4, 1] = [0.15, 0.05, 0.8]
    search: Any = beam_search(MarkovChain(P, start="b", words=["a", "b", "."]), 15, 2, eos=".")[0].search
    assert len(search.steps) == 15
    tree = branches(search)
    best = next(b for b in tree.root.walk() if b.rank == 1)
    assert (best.word, best.t, best.ended) == (".", 5, True)
    assert str(tree.columns[best.column - 1].span).startswith("t = 5 … ")
    assert re.search(r"└?├?─★ \. .* the best, ended\n", search.text())
    parsed(search.svg())


def test_a_long_answer_is_cut_in_the_middle():
    search = greedy(letters(), 500).search
    svg, text = search.svg(), search.text()
    assert len(svg) < 60_000 and re.search(r"★ \w{40} … \w{40}\s+log p = −", text)


def test_what_ended_is_marked():
    search: Any = EXAMPLES["ended"]()
    found = walked(search)
    ended = [b for b in found if b.ended and b.kept]
    assert ended and {b.word for b in ended} == {"</s>"} and not any(b.children for b in ended)
    out = [b for b in ended if b.lost]
    assert out and all(b.lost and b.t < b.lost <= 5 for b in out)
    svg = search.svg()
    assert f"× {out[0].lost}" in names(svg) and "ended" in names(svg)
    boxes = [e for e in parsed(svg).iter() if e.tag.endswith("}g") and len(e.findall("{*}rect")) == 2]
    assert len(boxes) == len(ended) + 1  # and the legend
    assert re.search(r"■ </s> .* ended, dropped at t = \d", search.text())


def test_a_search_that_ends_early_gives_the_rest_up():
    model = MarkovChain([[0.1, 0.2, 0.7], [0.3, 0.3, 0.4], [0, 0, 1]], words=["x", "y", "."])
    search: Any = beam_search(model, 9, 2, eos=".")[0].search
    assert len(search.steps) < 9
    given_up = [b for b in walked(search) if branches(search).given_up(b)]
    assert "given up" in search.text() and "given up" in names(search.svg())
    assert not given_up or all(not b.rank for b in given_up)


def test_what_several_groups_keep_stands_there_once():
    search: Any = EXAMPLES["groups"]()
    found = walked(search)
    assert len({b.whole for b in found}) == len(found)
    assert any(b.groups == (1, 2) for b in found) and any(b.groups == (2,) for b in found)
    assert "groups 1, 2" in search.text() and "g1 g2" in names(search.svg())


def test_samples_are_counted():
    model = MarkovChain([[0.9, 0.1], [0.5, 0.5]], words="ab")
    search: Any = sample(model, 2, count=50, seed=3)[0].search
    drawn = {b.whole: b.times for b in walked(search) if b.kept}
    assert drawn["a"] + drawn["b"] == 50 and not any(b.rank or b.on for b in walked(search))
    assert sum(times for w, times in drawn.items() if len(w) == 3) == 50
    assert f"drawn {drawn['a']} times" in search.text() and "drew 50, 2 distinct" in search.text()
    assert f"×{drawn['a']}" in " ".join(names(search.svg()))


def test_answers_that_a_search_names_come_first():
    search: Any = EXAMPLES["penalty"]()
    best = next(b for b in walked(search) if b.rank == 1).whole
    last = search.steps[-1]
    worst = int(np.argmin(np.where(last.ended, last.total, 0)))
    object.__setattr__(search, "answers", (worst, 0))
    marked = {b.rank: b.whole for b in walked(search) if b.rank}
    assert marked[1] != best and marked[1].endswith("</s>")
    assert len(marked) == 2 and not marked[2].endswith("</s>")
    wide: Any = beam_search(letters(), 5, 200)[0].search
    object.__setattr__(wide, "answers", (199,))
    assert [b.total for b in walked(wide) if b.rank] == [wide.steps[-1].total[199]]


# Trellises


def test_the_trellis_of_three_words():
    search: Any = EXAMPLES["trellis"]()
    text = search.text()
    assert "★ sun sun sun sun sun    log p = −2.96\n" in text
    assert re.search(r"\nsun +★ −0\.92 +★ −1\.43 ←sun +★ −1\.94 ←sun", text)
    assert re.search(r"\nrain +−0\.92 +−1\.83 ←rain +−2\.63 ←sun", text)
    svg = search.svg()
    assert names(svg).count("−0.51") == 4 and names(svg).count("−0.69") >= 4  # every way has its score
    assert "0.00" not in names(svg) and "−∞" not in names(svg)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from([0.0, 0.4]), st.integers(0, 10**6))
def test_ways_are_those_of_the_search(n: int, length: int, sparse: float, seed: int):
    """Pointers are the search's own; each word that can be reached has one, its score takes δ there; what is impossible
    is no way; the path takes one way at each step."""
    search: Any = viterbi(chain(n, seed, sparse), length).search
    picture = TrellisPicture(search)
    for t in range(1, length + 1):
        ways = list(picture.ways(t))
        assert all(w.score > -math.inf for w in ways)
        reached = search.delta[t - 1] > -np.inf
        assert sorted(w.j for w in ways if w.pointer) == np.flatnonzero(reached).tolist()
        if t > 1:
            assert all(search.back_pointers[t - 2, w.j] == w.i for w in ways if w.pointer)
        for w in ways:
            before = 0.0 if t == 1 else search.delta[t - 2, w.i]
            assert before + w.score <= search.delta[t - 1, w.j] + 1e-12
            assert not w.pointer or before + w.score == pytest.approx(search.delta[t - 1, w.j])
        on = [w for w in ways if 1 in w.paths]
        assert [(w.j, w.pointer) for w in on] == [(search.paths[0][t - 1], True)]
    assert picture.total(search.paths[0]) == pytest.approx(search.delta[-1].max())


def test_what_is_impossible_is_absent():
    P = [[0.5, 0.5, 0], [0, 0, 1], [0, 0, 1]]
    search: Any = viterbi(MarkovChain(P, words=["x", "y", "z"]), 3).search
    svg, text = search.svg(), search.text()
    assert names(svg).count("−∞") == 1 and "cannot be reached" in names(svg) and "−∞" in text
    assert svg.count('stroke-dasharray="3 3"') == 2  # z at t = 1, and the legend
    assert "an end: nothing else follows" in names(svg)
    arrows = re.findall(r'<path d="M\S+ \S+L\S+ \S+M', svg)
    assert len(arrows) == 2 + 3 + 3 + 1


def test_an_ended_path_is_told_and_drawn_up_to_its_end():
    words = viterbi(sentences(), 4, eos="</s>", end="</s>")
    search: Any = words.search
    text, svg = search.text(), search.svg()
    assert f"★ {words.text}    log p" in text and len(words.words) == 2
    assert "</s> </s>" not in text and "0.00" not in names(svg)
    assert re.search(r"\n</s> +−∞ +★ −2\.26 ←I +−2\.26 ←</s> +−2\.26 ←</s>\n", text)
    picture = TrellisPicture(search)
    assert picture.ends == [2] and [picture.on(t, 6) for t in (2, 3, 4)] == [(1,), (), ()]
    assert svg.count('stroke-width="3.4"') == 2 + 1  # and the legend
    star, node = re.findall(r'<path d="M(\S+) [^"]*Z"', svg), re.findall(r'<rect x="(\S+)"[^>]*stroke-width="2.4"', svg)
    assert len(star) == 1 and float(node[-1]) < float(star[0]) < float(node[-1]) + 100  # beside the node at t = 2
    several: Any = k_best(sentences(), 5, 4, eos="</s>")[0].search
    assert TrellisPicture(several).ends == [2, 3, 3, 4]


def test_a_path_that_ends_in_a_fold_is_drawn_to_the_step_behind_it():
    P = np.zeros((20, 3, 3))
    P[:] = [[0.1, 0.9, 0], [0.9, 0.1, 0], [0, 0, 1]]
    P[8] = [0, 0, 1]
    search: Any = viterbi(MarkovChain(P, start="a", words=["a", "b", "."]), 20, eos=".").search
    assert TrellisPicture(search).ends == [18] and "★ babababa.    log p" in search.text()
    assert search.svg().count('stroke-dasharray="1.5 6"') == 1


def test_ends_that_were_not_asked_for_are_excluded():
    search = EXAMPLES["asked end"]()
    text, svg = search.text(), search.svg()
    assert "This is the maximum of those that end in 'rain':" in text
    assert "This is the maximum of those that end in 'rain':" in said(svg)
    assert re.search(r"\nsun .* × −2\.96 ←sun\n", text) and re.search(r"\nrain .* ★ −3\.65 ←sun\n", text)
    assert text.count("×") == 2 + 1 and svg.count("line-through") == 2 + 1  # and the legends
    for shown in (text, said(svg)):
        assert "excluded, for it does not end in 'rain'" in shown
    assert "excluded" not in search.text(4) + said(search.svg(4)) + EXAMPLES["trellis"]().text()


def test_a_trellis_of_hidden_states_tells_what_its_numbers_are():
    search = EXAMPLES["hidden"]()
    text, svg = search.text(), search.svg()
    assert "N = 2 states" in text and re.search(r"\nx_t +walk +shop +clean +clean\n", text) and "z_0 = <BOS>" in text
    assert "the largest log p(z_1 … z_t, x_1 … x_t) of the paths to j at t" in text
    assert "In each node: the state, and δ, the largest log p(z_1 … z_t, x_1 … x_t)" in said(svg)
    assert "Beside a way: log p(z_t, x_t | z_t−1)." in said(svg)
    assert {f"x_{t} = {x}" for t, x in enumerate(["walk", "shop", "clean", "clean"], 1)} <= set(names(svg))
    assert "w_" not in text + said(svg)
    assert "maximum of those that end in 'rainy'" in text
    assert "x_" not in EXAMPLES["trellis"]().text() + said(EXAMPLES["trellis"]().svg())
    later = viterbi(HIDDEN.after(["sunny", "rainy"]), 2).search
    assert re.search(r"\nx_t +clean +clean\n", later.text()) and "z_0 = rainy" in later.text()


def test_one_word_is_not_words():
    model = MarkovChain([[1.0]], words=["on"])
    assert "N = 1 word, T = 2" in viterbi(model, 2).search.text()
    assert "N = 1 word, T = 2" in greedy(model, 2).search.text()


def test_the_k_best_have_strokes_of_their_own():
    search: Any = EXAMPLES["k best"]()
    svg = search.svg()
    for dashes in ("9 4", "2 3"):
        assert svg.count(f'stroke-dasharray="{dashes}"') == 5 + 1  # and the legend
    strokes = re.findall(r'<path d="(M[^"]*)" fill="none" stroke="\S+" stroke-width="(?:3.4|2.6)"', svg)
    assert len(strokes) == 3 * (5 + 1) and len({d for d in strokes if d != "M-15 0H15"}) == 3 * 5
    assert {"1: sun sun sun sun sun, −2.96", "3: sun sun sun sun rain, −3.65"} <= set(names(svg))
    text = search.text()
    assert "● 2. rain sun sun sun sun    log p = −3.37" in text
    assert "←i: the word before on the best path to j; other paths are listed above" in text
    nine = k_best(WEATHER, 5, 9)
    listed = [f"{k}. {found.text}    log p" for k, found in enumerate(nine, 1)]
    assert len(listed) == 9 and all(line in nine[0].search.text() for line in listed)


def test_a_large_trellis_leaves_out_and_says_so():
    search: Any = EXAMPLES["trellis 60 × 40"]()
    picture = TrellisPicture(search)
    assert len(picture.words) == 12 and {int(search.paths[0][t - 1]) for t in picture.open} <= set(picture.words)
    svg, text = " ".join(names(search.svg())), search.text()
    assert "Of 60 words 12 are shown" in svg and "t = 5 … 37" in svg
    assert "words are left out" in text and re.search(r"t = \d+ … \d+: left out", text)
    assert len(names(search.svg())) < 400
    many: Any = k_best(chain(60, 5), 6, 40)[0].search
    assert len(TrellisPicture(many).paths) <= 5
    assert re.search(r"\d+ further paths not shown", " ".join(names(many.svg()))) and "and 30 more" in many.text()


# Words and files


def test_every_word_can_be_seen():
    words = ["<b>", "a & b", "\n", "\t", " ", "", "\x1b[2J", "\u202e", "\ud800", "\ufffe", "👩", "\u0301", "'\"", "赤"]
    n = len(words)
    model = MarkovChain(np.full((n, n), 1 / n), start="<b>", words=words)
    searches: list[Any] = [s.search for s in (greedy(model, 2), viterbi(model, 2), *beam_search(model, 2, n))]
    for search in searches:
        svg, text = search.svg(), search.text()
        parsed(svg)
        text.encode("utf-8")
        assert "\x1b" not in text and "\u202e" not in text and "\t" not in text
    shown = set(names(greedy(model, 1).search.svg()))
    assert {"<b>", "a␣&␣b", "↵", "⇥", "␣", '""', "\\x1b[2J", "U+202E", "U+D800", "U+FFFE", "◌́", "赤"} <= shown


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(max_size=8), min_size=2, max_size=5, unique=True), st.integers(0, 10**6), st.data())
def test_pictures_of_any_words_are_xml(words: list[str], seed: int, data: st.DataObject):
    n = len(words)
    P = np.random.default_rng(seed).dirichlet(np.ones(n), n)
    model = MarkovChain(P, start=words[0], words=words)
    eos = data.draw(st.sampled_from([None, words[-1]]))
    searches: list[Any] = [
        greedy(model, 3, eos=eos).search, beam_search(model, 4, 2, eos=eos)[0].search,
        sample(model, 3, count=3, eos=eos)[0].search, viterbi(model, 4, eos=eos).search,
        exhaustive(model, 2, eos=eos).search,
    ]  # fmt: skip
    for search in searches:
        step = data.draw(st.integers(0, len(search.steps) if hasattr(search, "steps") else search.length))
        for at in (None, step):
            assert parsed(search.svg(at)).tag.endswith("svg")
            assert search.text(at).encode("utf-8").count(b"\x1b") == 0


@settings(deadline=None, max_examples=25)
@given(st.recursive(
    st.floats(-5, -2), max_leaves=12,
    extend=lambda below: st.dictionaries(st.text("ab<& ", min_size=1, max_size=3), below, min_size=1, max_size=3),
))  # fmt: skip
def test_pictures_of_any_tree_are_xml(made: Any):
    def tree(below: Any) -> Any:
        return {w: (-2.0, tree(b)) if isinstance(b, dict) else b for w, b in below.items()}

    model = Tree(tree(made) if isinstance(made, dict) else {"a": made})
    for length in range(1, model.depth + 1):
        search: Any = exhaustive(model, length).search
        assert search.text().count("●") + search.text().count("★") >= length and parsed(search.svg()) is not None


def test_draw_writes_the_picture_whole_or_not_at_all(tmp_path: Any):
    search = EXAMPLES["standard"]()
    assert search.draw(tmp_path / "tree.svg") == tmp_path / "tree.svg"
    assert (tmp_path / "tree.svg").read_text(encoding="utf-8") == search.svg()
    search.draw(str(tmp_path / "tree.TXT"), step=2)
    assert (tmp_path / "tree.TXT").read_text(encoding="utf-8") == search.text(2)
    with pytest.raises(InputError, match=r"written as \.svg, or as \.txt for a terminal, and tree\.png ends in \.png"):
        search.draw(tmp_path / "tree.png")
    with pytest.raises(InputError, match="tree has no ending"):
        search.draw(tmp_path / "tree")
    with pytest.raises(OutputError, match="does not exist"):
        search.draw(tmp_path / "none" / "tree.svg")
    with pytest.raises(InputError, match="step must be at most 3"):
        search.draw(tmp_path / "other.svg", step=4)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tree.TXT", "tree.svg"]


def test_widths_of_a_terminal():
    assert cells("a赤e\u0301") == 4 and padded("赤", 3) == "赤 "
    assert clipped("abcdef", 4) == "abc…" and clipped("赤赤赤", 4) == "赤…" and clipped("abcd", 4) == "abcd"
    assert spelled((1, 2)) == "(1,␣2)"


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(3, 12))
def test_spans_cover_all_steps_once(length: int, most: int):
    found = spans(length, most)
    assert len(found) <= most and sum(s.folded for s in found) <= 1
    assert [t for s in found for t in range(s.first, s.last + 1)] == list(range(1, length + 1))


@settings(deadline=None)
@given(st.text("ab  ", max_size=60), st.floats(20, 200))
def test_wrapped_lines_keep_every_word(words: str, room: float):
    lines = wrapped(words, room, 14)
    assert "log p(w_1 … w_t) = −1" in wrapped(f"{words} log p(w_1 … w_t) = −1 {words}", 160, 14)
    assert all(width([Run(line)], 14) <= room for line in lines)
    if all(width([Run(word)], 14) <= room for word in words.split(" ")):
        assert " ".join(lines) == words.strip() or " ".join(lines).split() == words.split()
