"""The layers of the source: every import points strictly downwards, or stays in its own folder.

The imports are read from the syntax tree, wherever they stand: at the top, under TYPE_CHECKING, in a function, or in a
call of `import_module`. Chainrule's own modules are imported inside a function only where something is chosen at run
time (an engine, a command, a public name), never "to avoid a cycle".
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

PACKAGE = "chainrule"
ROOT = Path(__file__).parents[1] / "src" / PACKAGE
FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))

LAYERS = [
    ["graph"],
    ["ops"],
    ["rewrite"],
    ["calculus"],
    ["views"],
    ["grammar"],
    ["engines"],
    ["face"],
    ["optim"],
    ["nn"],
    ["data", "decode", "diagnose", "plots"],
    ["train"],
    ["models", "sklearn"],
    ["labs"],
    ["cli"],
    ["__main__"],
]
RANK = {unit: rank for rank, units in enumerate(LAYERS) for unit in units}

ABSTRACT = {"graph", "ops", "rewrite", "calculus", "views", "grammar"}  # know no arrays
ENGINES = ("numpy", "xla")  # a file or folder of engines/ belongs to the engine that its name begins with
USERS = {"labs", "cli", "__main__"}  # may use the public names, `import chainrule as cr`, as a user does
HEAVY = {"jax", "jaxlib", "sympy", "matplotlib", "sklearn", "scipy", "typer", "rich", "lark"}  # not at once
MAX_LINES = 500


@dataclass(frozen=True)
class Import:
    line: int
    target: tuple[str, ...]  # ("chainrule", "graph", "node", "Node"), ("jax", "numpy"); () where computed at run time
    in_function: bool
    for_types: bool


class Reader(ast.NodeVisitor):
    """Collects the imports of one module, with relative ones made absolute."""

    def __init__(self, path: PurePosixPath):
        self.package = (PACKAGE, *path.parent.parts)
        self.imports: list[Import] = []
        self.functions = self.type_blocks = 0

    def add(self, node: ast.AST, *target: str) -> None:
        self.imports.append(Import(node.lineno, target, self.functions > 0, self.type_blocks > 0))  # type: ignore

    def absolute(self, level: int, name: str | None) -> tuple[str, ...]:
        base = self.package[: len(self.package) - level + 1] if level else ()
        return (*base, *(name.split(".") if name else ()))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.add(node, *alias.name.split("."))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self.add(node, *self.absolute(node.level, node.module), alias.name)

    def visit_Call(self, node: ast.Call) -> None:
        called = getattr(node.func, "id", getattr(node.func, "attr", None))
        if called in ("import_module", "__import__"):
            name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            if isinstance(name, str):
                bare = name.lstrip(".")
                self.add(node, *self.absolute(len(name) - len(bare), bare))
            else:
                self.add(node)
        self.generic_visit(node)

    def visit_function(self, node: ast.AST) -> None:
        self.functions += 1
        self.generic_visit(node)
        self.functions -= 1

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = visit_function

    def visit_If(self, node: ast.If) -> None:
        for_types = getattr(node.test, "id", getattr(node.test, "attr", None)) == "TYPE_CHECKING"
        self.type_blocks += for_types
        for child in node.body:
            self.visit(child)
        self.type_blocks -= for_types
        self.visit(node.test)
        for child in node.orelse:
            self.visit(child)


def engine_of(parts: tuple[str, ...]) -> str | None:
    """The engine to which a module of engines/ belongs: `("engines", "xla_loop")` to xla."""
    if len(parts) < 2 or parts[0] != "engines":
        return None
    return next((engine for engine in ENGINES if parts[1].startswith(engine)), None)


def complaints(file: str, source: str) -> list[str]:
    """What is wrong with the module `file` (its path inside the package), in words."""
    path = PurePosixPath(file)
    unit = path.parts[0].removesuffix(".py")
    reader = Reader(path)
    reader.visit(ast.parse(source))
    found = [f"{file}:{i.line}: {what}" for i in reader.imports for what in problems(path, unit, i)]
    if unit != "__init__" and unit not in RANK:
        found.append(f"{file}: `{unit}` has no layer; give it one in {Path(__file__).name}")
    if (lines := len(source.splitlines())) > MAX_LINES:
        found.append(f"{file}: {lines} lines, above {MAX_LINES}")
    return found


def problems(path: PurePosixPath, unit: str, found: Import) -> Iterator[str]:
    if not found.target:
        if unit not in {"__init__", "face", "cli"}:
            yield "imports a module whose name is computed"
        return
    if found.target[-1] == "*":
        yield "star import"
    if found.target[0] == PACKAGE:
        yield from own_problems(path, unit, found)
    else:
        yield from foreign_problems(path, unit, found)


def own_problems(path: PurePosixPath, unit: str, found: Import) -> Iterator[str]:
    target = found.target[1] if found.target[1:] and found.target[1] in RANK else "__init__"
    if found.in_function and unit not in {"__init__", "cli"} and (unit, target) != ("face", "engines"):
        yield f"imports {dotted(found)} inside a function"
    if unit == "__init__" or unit not in RANK:
        return
    if target == "__init__":
        if unit not in USERS:
            yield f"{unit} imports {dotted(found)} from the package itself, which lies above it"
    elif target != unit and RANK[target] >= RANK[unit]:
        yield f"{unit} imports {target}, which is not below it"
    elif unit == target == "engines":
        mine = engine_of(tuple(part.removesuffix(".py") for part in path.parts))
        theirs = engine_of(found.target[1:])
        if theirs not in (None, mine) and (path.name, theirs) != ("__init__.py", "numpy"):
            yield f"{mine or 'what the engines share'} imports the engine {theirs}"


def foreign_problems(path: PurePosixPath, unit: str, found: Import) -> Iterator[str]:
    library = found.target[0]
    if library in {"jax", "jaxlib"}:
        if engine_of(tuple(path.parts)) != "xla":
            yield f"imports {library} outside engines/xla*.py"
    elif unit in ABSTRACT and library in {"numpy", "scipy"}:
        yield f"{unit} imports {library}"
    elif unit in ABSTRACT and library == "sympy" and not (found.in_function or found.for_types):
        yield f"{unit} imports sympy at the top: import it in the function that needs it"


def dotted(found: Import) -> str:
    return ".".join(found.target)


@pytest.mark.parametrize("file", FILES)
def test_every_module_keeps_to_its_layer(file: str):
    found = complaints(file, (ROOT / file).read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


def test_there_are_modules_to_check():
    assert "__init__.py" in FILES


def test_importing_the_package_is_light():
    script = f"import sys, {PACKAGE}; assert {PACKAGE}.__file__; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert PACKAGE in loaded
    assert not loaded & HEAVY


# The checker itself: what it must report, and what it must let pass.

BAD = [
    ("graph/node.py", "from ..ops import add", "graph imports ops, which is not below it"),
    ("graph/node.py", "from chainrule.ops import add", "graph imports ops, which is not below it"),
    ("graph/node.py", "import chainrule.ops.shape as s", "graph imports ops, which is not below it"),
    ("graph/node.py", "from .. import ops", "graph imports ops, which is not below it"),
    ("graph/node.py", "from .. import trace", "from the package itself"),
    ("graph/node.py", "import chainrule", "from the package itself"),
    ("graph/sub/deep.py", "from ...face import Graph", "graph imports face"),
    ("ops/a.py", "if TYPE_CHECKING:\n    from ..face import Graph", "ops imports face"),
    ("ops/a.py", "try:\n    from ..nn import Linear\nexcept ImportError: ...", "ops imports nn"),
    ("ops/a.py", "class A:\n    from ..nn import Linear", "ops imports nn"),
    ("ops/a.py", "import_module('..nn', __package__)", "ops imports nn"),
    ("ops/a.py", "import_module(f'chainrule.{name}')", "a module whose name is computed"),
    ("rewrite/a.py", "from ..calculus import reverse", "rewrite imports calculus"),
    ("data/a.py", "from ..plots import curve", "data imports plots"),
    ("plots.py", "from .diagnose import spectrum", "plots imports diagnose"),
    ("sklearn.py", "from .models import mlp", "sklearn imports models"),
    ("labs/a.py", "from ..cli import main", "labs imports cli"),
    ("ops/a.py", "from ..graph.node import *", "star import"),
    ("ops/a.py", "def f():\n    from ..graph import Node", "inside a function"),
    ("ops/a.py", "async def f():\n    from . import b", "inside a function"),
    ("face/a.py", "def f():\n    from . import b", "inside a function"),
    ("labs/a.py", "def f():\n    import chainrule as cr", "inside a function"),
    ("graph/a.py", "import numpy as np", "graph imports numpy"),
    ("views/a.py", "def f():\n    import numpy.linalg", "views imports numpy"),
    ("rewrite/a.py", "from sympy import symbols", "sympy at the top"),
    ("train/a.py", "def f():\n    import jax.numpy as jnp", "imports jax outside"),
    ("__init__.py", "import jax", "imports jax outside"),
    ("engines/numpy.py", "from jax import jit", "imports jax outside"),
    ("engines/numpy.py", "from .xla import run", "numpy imports the engine xla"),
    ("engines/xla_loop.py", "from chainrule.engines.numpy import run", "xla imports the engine numpy"),
    ("engines/xla/loop.py", "from .. import numpy_kernels", "xla imports the engine numpy"),
    ("engines/loop.py", "from . import numpy", "share imports the engine numpy"),
    ("engines/__init__.py", "from . import xla", "share imports the engine xla"),
    ("misc/a.py", "", "`misc` has no layer"),
    ("ops/a.py", "x = 1\n" * (MAX_LINES + 1), "501 lines"),
]

GOOD = [
    ("graph/node.py", "import math\nfrom . import sizes\nfrom .errors import ShapeError"),
    ("calculus/a.py", "from ..rewrite import laws\nfrom chainrule.ops import add\nimport chainrule.graph"),
    ("rewrite/a.py", "if TYPE_CHECKING:\n    import sympy\ndef f():\n    from sympy import ring"),
    ("engines/numpy.py", "import numpy as np\nfrom .base import Engine\nfrom ..views import source"),
    ("engines/xla_loop.py", "import jax\nfrom .xla import kernels"),
    ("engines/xla/loop.py", "from jax import lax\nfrom . import kernels"),
    ("face/compile.py", "def f():\n    from ..engines import xla"),
    ("face/compile.py", "def f(name):\n    return import_module(f'chainrule.engines.{name}')"),
    ("labs/a.py", "import chainrule as cr"),
    ("cli/__init__.py", "def f():\n    from ..labs import mlp"),
    ("__init__.py", "from .face import trace\ndef __getattr__(name):\n    from .train import fit"),
    ("ops/a.py", "x = 1\n" * MAX_LINES),
]


@pytest.mark.parametrize("file, source, complaint", BAD)
def test_the_checker_reports(file: str, source: str, complaint: str):
    found = complaints(file, source)
    assert len(found) == 1 and complaint in found[0], found


@pytest.mark.parametrize("file, source", GOOD)
def test_the_checker_lets_pass(file: str, source: str):
    assert complaints(file, source) == []
