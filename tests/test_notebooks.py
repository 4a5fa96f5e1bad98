"""The notebooks under examples/ run, show what they promise, and survive conversion to static HTML.

They are committed with their outputs, so that they can be read where nothing runs. To renew these:
``jupyter nbconvert --to notebook --execute --inplace examples/*.ipynb``.
"""

from __future__ import annotations

import os
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

import chainrule as cr

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
TWO, THREE = {"msup", "msub", "mfrac", "mover", "munder", "mroot"}, {"msubsup", "munderover"}


def outputs(notebook) -> Iterator[dict]:
    for cell in notebook.cells:
        yield from cell.get("outputs", ())


def shown(notebook, kind: str) -> list[str]:
    return [o["data"][kind] for o in outputs(notebook) if kind in o.get("data", {})]


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda p: p.stem)
def path(request) -> Path:
    return request.param


@pytest.fixture(scope="module")
def executed(path, tmp_path_factory):
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    env = os.environ | {"PYTHONPATH": str(Path(cr.__file__).parents[1]), "PYTHONWARNINGS": "ignore"}
    env["IPYTHONDIR"] = str(tmp_path_factory.mktemp("ipython"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the kernel's client
        NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute(env=env)
    return notebook


def test_there_are_notebooks():
    assert [p.stem for p in NOTEBOOKS] == ["two-layer-network"]


def test_it_runs_and_shows_mathematics_and_pictures(executed):
    assert not [o for o in outputs(executed) if o.output_type == "error" or o.get("name") == "stderr"]
    assert len(shown(executed, "text/html")) >= 8 and shown(executed, "image/svg+xml")
    assert len(re.findall("<math", "".join(shown(executed, "text/html")))) > 100


def test_the_committed_outputs_are_those_of_this_source(path, executed):
    committed = nbformat.read(path, as_version=4)
    nbformat.validate(committed)
    kinds = [[(o.output_type, sorted(o.get("data", ()))) for o in c.get("outputs", ())] for c in committed.cells]
    assert kinds == [[(o.output_type, sorted(o.get("data", ()))) for o in c.get("outputs", ())] for c in executed.cells]
    said = [o.text for o in outputs(committed) if o.output_type == "stream"][:-1]  # the last one holds an accuracy
    assert said == [o.text for o in outputs(executed) if o.output_type == "stream"][:-1]


def test_nothing_needs_a_script_or_the_network(executed):
    for kind in ("text/html", "image/svg+xml"):
        for content in shown(executed, kind):
            assert not re.search(r"<script|<link|<iframe|@import|url\(|\bsrc=|\bhref=|\bon\w+=", content)
            assert set(re.findall(r"https?://[^\"'\s<]*", content)) <= {"http://www.w3.org/2000/svg"}
    for o in outputs(executed):  # LaTeX needs MathJax, which converted pages fetch: so it never stands alone
        data = o.get("data", {})
        assert "text/latex" not in data or "text/html" in data


def test_formulas_are_well_formed(executed):
    for formula in re.findall(r"<math.*?</math>", "".join(shown(executed, "text/html")), re.S):
        for element in ET.fromstring(formula).iter():
            expected = 2 if element.tag in TWO else 3 if element.tag in THREE else None
            assert expected in (None, len(element)), formula


def test_it_survives_conversion_to_static_html(executed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nbconvert
        from nbconvert import HTMLExporter

        page, _ = HTMLExporter().from_notebook_node(executed)
    formulas = "".join(shown(executed, "text/html")).count("<math")
    assert page.count("<math") == formulas and page.count("<svg") + page.count("data:image/svg+xml;") >= 2
    assert "&lt;math" not in page and "$$" not in re.sub(r"(?s)<script.*?</script>", "", page)
