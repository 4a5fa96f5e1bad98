"""Pictures: what is drawn, that nothing overlaps, and that SVG and DOT are well formed whatever the names are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from networks import two_layer
from rewrite.graphs import graphs

import chainrule as cr
from chainrule.graph.node import LEAF, OPS, Node, Op, leaf, walk
from chainrule.views.columns import Columns, Wire
from chainrule.views.diagram import MANY, Diagram, Subject, diagram, sign
from chainrule.views.dot import dot, quoted
from chainrule.views.layout import APART, Arrow, Extent, in_order, place
from chainrule.views.runs import Names, Run, name_runs, plain, shortened, width
from chainrule.views.svg import svg

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def subject(*outputs: Node, labels: dict[Node, str] | None = None, roles: dict[str, str] | None = None) -> Subject:
    inputs = {n.attr("name"): n for n in walk(*outputs) if n.op is LEAF}
    named = {n: name for name, n in inputs.items()}
    return Subject("f", inputs, outputs, named | (labels or {}), roles or dict.fromkeys(inputs, "data"))


def pictured(g: cr.Graph, fold: bool | None = False) -> Diagram:
    return diagram(Subject(g.name, g.inputs, g.outputs, g.labels, g.roles), fold)


def lines(drawn: Diagram) -> list[list[str]]:
    return [[plain(line.runs) for line in box.lines] for box in drawn.boxes]


def arrows(drawn: Diagram) -> set[tuple[str, str]]:
    shown = [" ".join(box) for box in lines(drawn)]
    return {(shown[e.source], shown[e.target]) for e in drawn.edges}


# What is drawn ------------------------------------------------------------------------------------------------------


def test_every_operation_is_a_box_with_its_name_and_sign():
    drawn = pictured(cr.trace(two_layer))
    assert lines(drawn) == [
        ["x"], ["y"], ["W₁"], ["W₂"], ["z", "@"], ["u", "σ"], ["ŷ", "@"], ["−"], ["□²"], ["L", "Σ"],
    ]  # fmt: skip
    assert [box.role for box in drawn.boxes] == [
        "data", "data", "parameter", "parameter", "product", "activation", "product", *["operation"] * 3
    ]  # fmt: skip
    assert [box.output for box in drawn.boxes] == [""] * 9 + ["output"]
    assert [plain(box.size) for box in drawn.boxes] == ["n", "m", "h×n", "m×h", "h", "h", "m", "m", "m", ""]
    assert arrows(drawn) == {
        ("W₁", "z @"), ("x", "z @"), ("z @", "u σ"), ("W₂", "ŷ @"), ("u σ", "ŷ @"), ("ŷ @", "−"), ("y", "−"),
        ("−", "□²"), ("□²", "L Σ"),
    }  # fmt: skip


def test_folded_each_named_quantity_is_a_box_with_its_equation_and_its_own_parameters():
    drawn = pictured(cr.trace(two_layer), fold=True)
    assert lines(drawn) == [
        ["x"], ["y"], ["z", "W₁ @ x", "W₁ h×n"], ["u", "sigmoid(z)"], ["ŷ", "W₂ @ u", "W₂ m×h"], ["L", "sum((ŷ − y)²)"],
    ]  # fmt: skip
    assert {(e.source, e.target) for e in drawn.edges} == {(0, 2), (2, 3), (3, 4), (4, 5), (1, 5)}


def test_a_parameter_that_two_boxes_use_keeps_its_box():
    def tied(x: "n", W: "n n"):
        h = W @ x
        return W @ h

    assert ["W"] in lines(pictured(cr.trace(tied), fold=True))


def test_large_pictures_are_folded_unless_they_are_said_not_to_be():
    source = ", ".join(f"W{k}: 'n n'" for k in range(MANY))
    body = "".join(f"    h = cr.tanh(W{k} @ h)\n" for k in range(MANY))
    scope = {"cr": cr}
    exec(f"def deep(x: 'n', {source}):\n    h = x\n{body}    return h\n", scope)
    g = cr.trace(scope["deep"])
    assert len(pictured(g, None).boxes) == 1 + MANY < len(pictured(g, False).boxes) == 1 + 3 * MANY
    assert len(pictured(cr.trace(two_layer), None).boxes) == 10


def test_numbers_and_sizes_stand_inside_the_operation():
    drawn = pictured(cr.trace(lambda x: cr.maximum(2 * x, 0) / x.shape[0], x="n"))
    assert lines(drawn) == [["x"], ["2·□"], ["maximum(□, 0)"], ["output", "□ / n"]]


def test_a_large_constant_has_a_box():
    drawn = pictured(cr.trace(lambda x: x + [1.0, 2.0, 3.0, 4.5, 5.5], x=(5,)))
    assert [box.role for box in drawn.boxes] == ["data", "constant", "operation"]


def test_what_is_used_twice_arrives_twice():
    drawn = pictured(cr.trace(lambda x: x * x, x="n"))
    assert [(e.source, e.target) for e in drawn.edges] == [(0, 1), (0, 1)]


def test_an_entry_of_an_array_is_one_operation():
    drawn = pictured(cr.trace(lambda x: x[1] * 2, x="n d"))
    assert [box[-1] for box in lines(drawn)] == ["x", "□[1]", "□·2"]


def test_leaves_as_outputs_and_unused_inputs_are_drawn():
    x, t = leaf("x", ("n",)), leaf("t")
    drawn = diagram(Subject("f", {"x": x, "t": t}, (x,), {x: "x", t: "t"}, {"x": "data", "t": "noise"}))
    assert [(box.role, box.output) for box in drawn.boxes] == [("data", "output"), ("noise", "")]
    assert not drawn.edges


def test_an_input_that_is_used_far_apart_is_drawn_again():
    def recurrent(x: "n", W: "n n"):
        h = x
        for _ in range(20):
            h = cr.tanh(W @ h)
        return h

    drawn = pictured(cr.trace(recurrent))
    weights = [box for box in drawn.boxes if plain(box.lines[0].runs) == "W"]
    assert len(weights) == 20 and [box.again for box in weights] == [False] + [True] * 19
    assert len({e.source for e in drawn.edges if drawn.boxes[e.source] in weights}) == 20


def test_a_graph_without_names_does_not_grow_with_its_paths():
    g = cr.trace(lambda x: _doubled(x, 200), x="n")
    assert len(svg(pictured(g, False))) < 1_000_000 and len(svg(pictured(g, True))) < 1_000_000


def _doubled(x: Node, times: int) -> Node:
    made = [x]
    for _ in range(times):
        made.append(cr.tanh(made[-1]) + cr.sin(made[-1]))
    return made[-1]


@pytest.mark.parametrize(
    "expression, shown",
    [("□ @ □", "@"), ("□ - □", "-"), ("□ ⊙ □", "⊙"), ("-□", "-□"), ("tanh(□)", "tanh"), ("□ᵀ", "□ᵀ"),
     ("2.0·□", "2.0·□"), ("reshape(□, (n, 6))", "reshape"), ("concatenate([□, □], axis=1)", "concatenate axis=1"),
     ("op.mine(□)", "mine"), ("where(□, □, 0)", "where(□, □, 0)"),
     ("mean(□, axis=0, keepdims=True)", "mean axis=0, keepdims=True")],
)  # fmt: skip
def test_signs(expression: str, shown: str):
    assert sign(expression) == shown


def test_an_operation_of_ones_own_is_drawn_by_its_name():
    mine = Op("twice_over", shape=lambda x: x, meaning=lambda x: 2 * x, elementwise=True)
    try:
        assert lines(pictured(cr.trace(lambda x: mine(x), x="n")))[1] == ["output", "twice_over"]
    finally:
        OPS.pop("twice_over")


# Where it stands ----------------------------------------------------------------------------------------------------


@st.composite
def nets(draw: st.DrawFn) -> tuple[list[Extent], list[Arrow]]:
    count = draw(st.integers(1, 25))
    sizes = st.floats(20, 200)
    extents = [Extent(draw(sizes), draw(sizes), draw(st.sampled_from([0.0, 15.0]))) for _ in range(count)]
    made = []
    for target in range(1, count):
        for source in draw(st.lists(st.integers(0, target - 1), max_size=4)):
            made.append(Arrow(source, target, draw(st.booleans())))
    return extents, made


@settings(max_examples=60, deadline=None)
@given(nets())
def test_nothing_overlaps(net: tuple[list[Extent], list[Arrow]]):
    extents, made = net
    layout = place(extents, made)
    spans = [
        (p.along - e.along / 2, p.along + e.along / 2, p.across - e.across / 2, p.across + e.across / 2)
        for p, e in zip(layout.places, extents)
    ]
    for a, b in combinations(spans, 2):
        along = min(a[1], b[1]) - max(a[0], b[0])
        across = min(a[3], b[3]) - max(a[2], b[2])
        assert along <= 1e-6 or across <= -APART + 1e-6
    for arrow, route in zip(made, layout.routes):
        assert layout.places[arrow.source].along < layout.places[arrow.target].along
        for begin, end, across in route[1:-1]:  # where it passes a rank, there is no box
            for s in spans:
                if s[0] < end and s[1] > begin:
                    assert across <= s[2] + 1e-6 or across >= s[3] - 1e-6
        source, target = spans[arrow.source], spans[arrow.target]
        assert route[0][0] == pytest.approx(source[1]) and source[2] <= route[0][2] <= source[3]
        assert route[-1][1] == pytest.approx(target[0])
        for a, b in pairwise(route):
            assert a[1] < b[0] + 1e-6  # always onward


def test_arguments_arrive_in_their_order():
    layout = place([Extent(20, 60)] * 3, [Arrow(1, 2, True), Arrow(0, 2, True)])
    assert layout.routes[0][-1][2] < layout.routes[1][-1][2]
    assert layout.places[1].across < layout.places[0].across  # and so that they do not cross


def test_long_pictures_are_cut_into_columns():
    count = 60
    layout = place([Extent(40, 80)] * count, [Arrow(k, k + 1, False) for k in range(count - 1)])
    wires = [Wire((k, 0, False), a[1:], (b[0], b[2])) for k, (a, b) in enumerate(layout.routes)]
    page = Columns(layout, 1500.0, wires)
    assert 2 < len(page.columns) < 6 and page.width < 2.5 * page.height
    spots = [page.point(*p) for p in layout.places]
    for (x, y), (u, v) in combinations(spots, 2):
        assert abs(x - u) >= 80 or abs(y - v) >= 40
    ways = [way for w in wires if (way := page.detour(w.key, w.leaves, w.enters))]
    assert len(ways) == len(page.columns) - 1
    for corners in ways:
        assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(corners))
        assert all(0 <= x <= page.width and 0 <= y <= page.height for x, y in corners)


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0.01, 9), st.floats(0, 30)), min_size=1, max_size=12))
def test_places_in_order_are_the_nearest_ones(items: list[tuple[float, float, float]]):
    wanted, weights = [w for w, _, _ in items], [w for _, w, _ in items]
    steps = [sum(s for _, _, s in items[1 : k + 1]) for k in range(len(items))]
    found = in_order(wanted, weights, steps)
    for k in range(1, len(found)):
        assert found[k] - found[k - 1] >= steps[k] - steps[k - 1] - 1e-6
    # the optimum: moving any run of items that move together changes the weighted squares for the worse
    total = sum(w * (x - t) ** 2 for x, t, w in zip(found, wanted, weights))
    for shift in (-0.01, 0.01):
        moved = [x + shift for x in found]
        assert sum(w * (x - t) ** 2 for x, t, w in zip(moved, wanted, weights)) >= total - 1e-9


# SVG ----------------------------------------------------------------------------------------------------------------


def boxes_of(text: str) -> list[tuple[float, float, float, float]]:
    found = []
    for group in ET.fromstring(text).iter(f"{SVG}g"):
        if group.find(f"{SVG}title") is not None:
            r = group.find(f"{SVG}rect")
            x, y, w, h = (float(r.get(k)) for k in ("x", "y", "width", "height"))
            found.append((x, x + w, y, y + h))
    return found


@settings(max_examples=30, deadline=None)
@given(graphs(), st.booleans())
def test_random_graphs_are_drawn_whole(made: list[Node], fold: bool):
    drawn = diagram(subject(made[-1], labels={made[-1]: "root"}), fold)
    text = svg(drawn)
    root = ET.fromstring(text)
    assert root.get("role") == "img" and root.find(f"{SVG}title").text == "f"
    wide, high = float(root.get("width")), float(root.get("height"))
    spans = boxes_of(text)
    assert len(spans) == len(drawn.boxes)
    for a, b in combinations(spans, 2):
        assert min(a[1], b[1]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[2], b[2])
    assert all(min(a, c) >= 0 and b <= wide and d <= high for a, b, c, d in spans)
    assert_dot(dot(drawn), drawn)


def test_texts_fit_their_boxes():
    g = cr.trace(two_layer)
    text = svg(pictured(g, True))
    for group in ET.fromstring(text).iter(f"{SVG}g"):
        if group.find(f"{SVG}title") is None:
            continue
        wide = float(group.find(f"{SVG}rect").get("width"))
        for line in group.iter(f"{SVG}text"):
            runs = [Run("".join(line.itertext()))]
            assert width(runs, float(line.get("font-size"))) <= wide + 12


def test_the_picture_is_self_contained_and_has_its_own_ground():
    text = cr.derive(two_layer).svg()
    assert not re.search(r"<script|<style|href|url\(|id=|class=|font-face", text)
    first = ET.fromstring(text).find(f"{SVG}rect")
    assert first.get("fill") == "#ffffff" and first.get("width") == ET.fromstring(text).get("width")


HOSTILE = ['<script>alert("1")</script>', "a&b", "]]>", "-->", "\x00\x1b[31m", 'x" onload="y', "\ud800", "ﬁ 漢字 ŷ̂"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_text(name: str):
    x = leaf("x", ("n",))
    y = cr.tanh(x)
    hostile = Subject(name, {"x": x}, (y,), {x: name, y: name + "2"}, {"x": name})
    for fold in (False, True):
        drawn = diagram(hostile, fold)
        text = svg(drawn)
        root = ET.fromstring(text.encode("utf-8"))
        assert {e.tag.removeprefix(SVG) for e in root.iter()} <= {
            "svg", "title", "desc", "rect", "g", "path", "text", "tspan"
        }  # fmt: skip
        assert all(not key.startswith("on") for e in root.iter() for key in e.attrib)
        assert_dot(dot(drawn), drawn)


def test_the_same_graph_gives_the_same_picture_in_every_process():
    script = (
        "import sys; sys.path.insert(0, 'tests'); import chainrule as cr; from networks import two_layer; "
        "d = cr.derive(two_layer); sys.stdout.buffer.write((d.svg() + d.dot()).encode())"
    )
    d = cr.derive(two_layer)
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=120, env=env, cwd=ROOT)
    assert run.returncode == 0, run.stderr.decode()
    assert run.stdout.decode() == d.svg() + d.dot()


# DOT ----------------------------------------------------------------------------------------------------------------

_STRING = r'"(?:[^"\\]|\\.)*"'
_ATTRIBUTE = rf"\w+=(?:{_STRING}|[\w.]+)"
_LIST = rf"\[{_ATTRIBUTE}(?:, {_ATTRIBUTE})*\]"
_STATEMENT = re.compile(rf"  (?:rankdir=TB|(?:node|edge|n(\d+)) {_LIST}|n(\d+) -> n(\d+) {_LIST});")


def assert_dot(text: str, drawn: Diagram) -> None:
    first, *statements, last, empty = text.split("\n")
    assert re.fullmatch(rf"digraph {_STRING} {{", first) and (last, empty) == ("}", "")
    read = [_STATEMENT.fullmatch(s) for s in statements]
    assert all(read), [s for s, m in zip(statements, read) if m is None]
    assert {int(m[1]) for m in read if m[1]} == set(range(len(drawn.boxes)))
    assert {(int(m[2]), int(m[3])) for m in read if m[2]} >= {(e.source, e.target) for e in drawn.edges}


def test_dot_strings_stand_for_themselves():
    assert quoted('a"b\\n\nc') == '"a\\"b\\\\n\\nc"'


def test_dot_shows_the_backward_pass_dashed():
    text = cr.derive(two_layer, wrt="W1").dot()
    assert text.count("style=dashed") == 6 and "∂L/∂W₁" in text and "∂L/∂W₂" not in text


# Names and widths ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, shown",
    [("W1", "W₁"), ("yhat", "ŷ"), ("yhat2", "ŷ₂"), ("sigma", "σ"), ("lambda_", "λ__"), ("x_t", "x_t"), ("_x", "_x"),
     ("logits", "logits"), ("h_12", "h₁₂"), ("W[3]", "W[3]"), ("hat", "hat"), ("w_0_1", "w_0,1")],
)  # fmt: skip
def test_names_as_they_are_printed(name: str, shown: str):
    assert plain(name_runs(name)) == shown


def test_names_that_would_look_alike_are_told_apart():
    assert plain(name_runs("W_1", {"W1", "W_1"})) == "W_(1)"


def test_expressions_are_set_with_names_accents_and_powers():
    names = Names()
    W, y = names("W1"), names("yhat")
    assert plain(names.runs(f"{W} @ {y}ᵀ - 2.0")) == "W₁ @ ŷᵀ − 2"
    assert plain(names.runs(f"{W}\u0304")) == "W\u0304₁"
    assert names.runs(f"δ_{W}")[1] == Run("W1", -1)
    assert plain(names.runs("□ / size(d)**0.5")) == "□ / d^0.5"
    assert names.spelled(f"{W} + {y}") == "W1 + yhat"


def test_long_lines_are_shortened():
    long = (Run("W", italic=True), Run("1", -1), Run(" @ x + b" * 40))
    cut = shortened(long, 120, 13)
    assert width(cut, 13) <= 120 and cut[-1].text == "…" and shortened(long[:2], 120, 13) == long[:2]
