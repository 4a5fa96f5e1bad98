"""`.draw`, `.svg`, `.dot` of graphs and derivations: files, endings, the backward pass, numbers at a point."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from networks import two_layer
from ops.cases import CASES

import chainrule as cr
from chainrule.graph.errors import GraphError, InputError, OutputError


def texts(svg: str) -> list[str]:
    root = ET.fromstring(svg)
    return ["".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text")]


def product(x: "", y: "", z: ""):
    q = x + y
    f = q * z
    return f


def test_draw_writes_what_the_ending_says(tmp_path):
    g = cr.trace(two_layer)
    assert g.draw(tmp_path / "graph.svg") == tmp_path / "graph.svg"
    assert (tmp_path / "graph.svg").read_text("utf-8") == g.svg() == g._repr_svg_()
    d = cr.derive(g)
    assert d.draw(str(tmp_path / "back.DOT")).read_text("utf-8") == d.dot()
    assert {p.name for p in tmp_path.iterdir()} == {"graph.svg", "back.DOT"}


@pytest.mark.parametrize("name", ["graph.png", "graph", "graph.svgz"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(GraphError, match=r"written as \.svg, or as \.dot"):
        cr.trace(two_layer).draw(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        cr.trace(two_layer).draw(tmp_path / "no" / "graph.svg")


def test_every_named_quantity_and_its_adjoint_appear():
    g = cr.trace(two_layer)
    assert {"x", "y", "W1", "W2", "z", "u", "ŷ", "L"} <= set(texts(g.svg()))
    shown = set(texts(cr.derive(g).svg()))
    assert {f"∂L/∂{k}" for k in ("x", "y", "W1", "W2", "z", "u", "ŷ", "L")} <= shown
    assert {"loss", "forward", "adjoint, backward"} <= shown


def test_only_what_leads_to_the_inputs_asked_for_has_an_adjoint():
    shown = texts(cr.derive(two_layer, wrt="W2").svg())
    assert {t for t in shown if t.startswith("∂")} == {"∂L/∂W2", "∂L/∂ŷ", "∂L/∂L"}


@pytest.mark.parametrize("notation, shown", [("bar", "z̄"), ("delta", "δz")])
def test_the_notation_of_adjoints_can_be_chosen(notation, shown):
    assert shown in texts(cr.derive(two_layer, notation=notation).svg())


def test_where_an_adjoint_is_stopped_no_arrow_comes_back():
    d = cr.derive(lambda x: x * cr.stop_gradient(x), x="")
    assert d.dot().count("style=dashed") == 1


def test_values_and_adjoints_at_a_point():
    shown = texts(cr.derive(product).svg(at=dict(x=-2, y=5, z=-4)))
    assert {"= −2", "= 5", "= −4", "= 3", "= −12"} <= set(shown)
    assert {"∂f/∂x = −4", "∂f/∂y = −4", "∂f/∂z = 3", "∂f/∂q = −4", "∂f/∂f = 1"} <= set(shown)
    forward = texts(cr.trace(product).svg(at=dict(x=-2, y=5, z=-4)))
    assert "= −12" in forward and not any("∂" in t for t in forward)


def test_small_arrays_are_written_out_and_large_ones_summarised():
    point = dict(x=np.arange(3.0), y=np.zeros(2), W1=np.arange(12.0).reshape(4, 3) / 8, W2=np.ones((2, 4)) / 3)
    shown = texts(cr.trace(two_layer).svg(at=point))
    assert "= [0, 1, 2]" in shown and "[0.375, 0.5, 0.625]" in shown and "4×3" in shown
    shown = texts(cr.trace(two_layer).svg(at=point | dict(W1=np.ones((4, 30)), x=np.linspace(-1, 1, 30))))
    assert "4×30, norm 10.95" in shown and "1 … 1" in shown and "−1 … 1" in shown


def test_a_point_that_does_not_fit_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="missing: z"):
        cr.trace(product).draw(tmp_path / "a.svg", at=dict(x=1, y=2))
    assert not list(tmp_path.iterdir())


def test_updates_are_drawn():
    g = cr.trace(two_layer)
    g.updates["W1"] = g["W1"] * 0.5
    assert "W1,new" in texts(g.svg()) and texts(g.svg(at=dict(x=[1], y=[1], W1=[[3]], W2=[[1]]))).count("= [1.5]") == 1


def test_folding_can_be_asked_for():
    g = cr.trace(two_layer)
    assert "W1 @ x" in texts(g.svg(fold=True)) and "@" in texts(g.svg(fold=False))
    d = cr.derive(g)
    assert {"∂L/∂z", "∂L/∂W1"} <= set(texts(d.svg(fold=True)))


@pytest.mark.parametrize("k", range(len(CASES)), ids=[f"{case.op}-{k}" for k, case in enumerate(CASES)])
def test_every_operation_is_drawn_with_its_value(k):
    case = CASES[k]
    leaves = case.leaves()
    g = cr.Graph("f", leaves, (case.build(**leaves),), {n: name for name, n in leaves.items()})
    drawn = g.at(case.arrays(k))
    ET.fromstring(drawn.svg())
    np.testing.assert_allclose(drawn[g.output], case.oracle(np, **case.arrays(k)), rtol=1e-6, atol=1e-8)


def test_pictures_of_several_outputs_mark_each():
    g = cr.trace(lambda x: (cr.tanh(x), cr.sum(x)), x="n")
    assert len(re.findall('stroke="#1a1a1a"', g.svg())) == 2 + 2  # two outputs, two strokes in the legend
