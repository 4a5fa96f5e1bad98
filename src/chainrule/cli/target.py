"""TARGET: what a command works on, FILE.py:function or a text, as a graph.

The user's file runs as a module under a private name, with its folder on sys.path; what it prints goes to stderr, and
what goes wrong in it is told with its file and line, and without our traceback.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import typer

from ..face.graph import Graph, trace
from ..face.parse import parse
from ..grammar.text import names_read
from ..graph.errors import ChainruleError, NamingError
from ..graph.node import REAL
from ..graph.origin import is_library
from ..graph.spelling import meant
from .sizes import Sizes, as_spec
from .sizes import wrong as wrong_sizes
from .stdin import stdin_bytes

HINT = "'TARGET'"
_FILE = re.compile(r"\s*(?P<file>[^\n]*\.py)(?::(?P<name>[^\n:]*))?\s*")
_DOTTED = re.compile(r"[^\W\d][\w-]*\.(?!T$|shape$)[^\W\d]\w*")  # net.loss, and not x.T or 0.5
_MODULE = "chainrule_target"


class TargetError(ChainruleError):
    """Something went wrong in the user's file."""


def load(target: str, sizes: Sizes, values: Mapping[str, Any] | None = None, symbols: bool = False) -> Graph:
    """The graph that TARGET stands for.

    values    where sizes are not known otherwise, they are those of these arrays
    symbols   keep the symbols of sizes, even those that `sizes` gives numbers for
    """
    found = _FILE.fullmatch(target)
    if found:
        return _from_file(Path(found["file"]), (found["name"] or "").strip(), sizes, values or {}, symbols)
    return _from_text(_text(target), sizes, values or {}, symbols)


@contextmanager
def opened(target: str, hint: str) -> Iterator[Any]:
    """What FILE.py:name is, a network or a function that makes one, for as long as the block uses it.

    What goes wrong in the user's file meanwhile is told with its line.

    hint   the option that gave the target
    """
    found = _FILE.fullmatch(target)
    if not found:
        raise typer.BadParameter(f"{target!r} is not FILE.py:name", param_hint=hint)
    path = Path(found["file"])
    _check_file(path, hint)
    with _running(path) as module:
        yield _named(module, path, (found["name"] or "").strip(), hint, networks=True)


def select_inputs(graph: Graph, names: Sequence[str] | None) -> list[str] | None:
    """What `--wrt` names; None where it is not given."""
    if names is None or not names:
        return None
    wanted = [unicodedata.normalize("NFKC", w.strip()) for text in names for w in text.split(",")]
    for name in wanted:
        try:
            kind = graph[name].kind
        except NamingError as error:
            raise typer.BadParameter(str(error), param_hint="'--wrt'") from None
        if kind != REAL:
            what = f"{name} is {kind}, and gradients are taken in real quantities"
            raise typer.BadParameter(what, param_hint="'--wrt'")
    return list(dict.fromkeys(wanted))


def differentiable(graph: Graph, names: Sequence[str] | None, forward: bool) -> bool:
    """Whether gradients are wanted: where they are asked for, or not declined and there are any."""
    if forward and names is not None:
        raise typer.BadParameter("the forward pass has no gradients; leave out this or --forward", param_hint="'--wrt'")
    scalar = len(graph.outputs) == 1 and not graph.output.shape and graph.output.kind == REAL
    return names is not None or (not forward and scalar and any(n.kind == REAL for n in graph.inputs.values()))


# A text ------------------------------------------------------------------------------------------------------------


def _text(target: str) -> str:
    if target != "-":
        plain = re.fullmatch(r"[\w./\\-]+(:\w*)?", target)
        if plain and (":" in target or "/" in target or _DOTTED.fullmatch(target) or Path(target).exists()):
            raise typer.BadParameter(
                f'{target} is neither FILE.py:function nor a text such as "z = W @ x; L = sum(z**2)"', param_hint=HINT
            )
        return target
    try:
        return stdin_bytes(HINT).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ChainruleError(f"what was read from stdin is no UTF-8 text, at byte {error.start}") from None


def _from_text(text: str, sizes: Sizes, values: Mapping[str, Any], symbols: bool) -> Graph:
    if not text.strip():
        raise typer.BadParameter(
            'the text is empty; write equations such as "z = W @ x; L = sum(z**2)"', param_hint=HINT
        )
    read = names_read(text, {*values, *sizes.shapes})
    shapes = {name: _of(a) for name, a in values.items() if name in read} | sizes.shapes
    if not symbols:
        shapes = sizes.put_in(shapes)
    return parse(text, sizes=shapes)


# A file ------------------------------------------------------------------------------------------------------------


def _from_file(path: Path, name: str, sizes: Sizes, values: Mapping[str, Any], symbols: bool) -> Graph:
    _check_file(path, HINT)
    with _running(path) as module:
        found = _named(module, path, name)
        graph = found if isinstance(found, Graph) else getattr(found, "graph", None)
        if isinstance(graph, Graph):
            if sizes.shapes or (sizes.numbers and not symbols):
                raise wrong_sizes(f"{path.name}:{name} is a graph already, and its sizes are decided in {path.name}")
            return graph
        if not callable(found) or inspect.isclass(found):
            what = "a class" if inspect.isclass(found) else f"of type {type(found).__name__}"
            raise typer.BadParameter(f"{name} in {path.name} is {what}; name a function or a Graph", param_hint=HINT)
        return _traced(found, path, sizes, values, symbols)


def _check_file(path: Path, hint: str) -> None:
    if not path.is_file():
        near = [p.name for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
        what = "is a folder" if path.is_dir() else "does not exist"
        raise typer.BadParameter(f"the file {path} {what}{meant(path.name, near)}", param_hint=hint)


def _named(module: ModuleType, path: Path, name: str, hint: str = HINT, networks: bool = False) -> Any:
    if name in vars(module) and not name.startswith("__"):
        return vars(module)[name]
    there = _offered(module, networks)
    what = "network" if networks else "function"
    if not there:
        advice = "write one, such as net = cr.nn.Sequential(…)" if networks else "write the network as one"
        raise typer.BadParameter(f"{path.name} has no {what}; {advice}", param_hint=hint)
    has = f"it has {', '.join(there)}"
    if not name:
        raise typer.BadParameter(f"say which {what} of {path.name}: {path}:{there[0]}; {has}", param_hint=hint)
    raise typer.BadParameter(f"{path.name} has nothing called {name!r}; {has}{meant(name, there)}", param_hint=hint)


def _offered(module: ModuleType, networks: bool) -> list[str]:
    """The functions that the file itself makes, as written, and its networks, or else its graphs."""

    def own(value: Any) -> bool:
        if inspect.isfunction(value):
            return value.__module__ == module.__name__
        if networks:
            return hasattr(value, "loss_graph") and not inspect.isclass(value)
        return isinstance(value, Graph) or isinstance(getattr(value, "graph", None), Graph)

    return [name for name, value in vars(module).items() if not name.startswith("_") and own(value)]


def _traced(f: Callable[..., Any], path: Path, sizes: Sizes, values: Mapping[str, Any], symbols: bool) -> Graph:
    parameters = inspect.signature(f).parameters
    called = getattr(f, "__name__", type(f).__name__)
    for name in sizes.shapes:
        if name not in parameters:
            there = f"it has {', '.join(parameters)}{meant(name, parameters)}"
            raise wrong_sizes(f"{called} has no parameter called {name}; {there}")
    shapes = {name: p.annotation for name, p in parameters.items() if isinstance(p.annotation, str)}
    given: dict[str, Any] = {
        name: _of(a) for name, a in values.items() if name in parameters and name not in shapes
    } | sizes.shapes
    shapes |= given
    missing = [name for name, p in parameters.items() if name not in shapes and p.default is p.empty]
    if missing and not any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values()):
        example = ", ".join(f"{name}: ..." for name in missing)
        raise wrong_sizes(
            f"the sizes of {', '.join(missing)} are not known: annotate the function in {path.name}, as in "
            f'def {called}({missing[0]}: "n d"), or give them here, as in --sizes "{example}"'
        )
    if sizes.numbers and not symbols:
        given = sizes.put_in(shapes)
    return trace(f, **given)


def _of(array: Any) -> str:
    """An array's shape as an annotation. Lists of whole numbers are real ones, unless they are said to be integers."""
    return as_spec(array.shape, "boolean" if array.dtype.kind == "b" else REAL)


@contextmanager
def _running(path: Path) -> Iterator[ModuleType]:
    """The file as a module, for as long as its functions are called."""
    before, writes = list(sys.path), sys.dont_write_bytecode
    spec = importlib.util.spec_from_file_location(_MODULE, path.resolve())
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[_MODULE] = module
    sys.dont_write_bytecode = True
    try:
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
            yield module
    except (ChainruleError, typer.BadParameter, KeyboardInterrupt, MemoryError):
        raise
    except SyntaxError as error:
        raise TargetError(_syntax(error, path)) from None
    except BaseException as error:
        where = _last_line(error)
        if where is None:
            raise
        raise TargetError(where) from None
    finally:
        sys.path[:], sys.dont_write_bytecode = before, writes
        sys.modules.pop(_MODULE, None)


def _syntax(error: SyntaxError, path: Path) -> str:
    file = Path(error.filename).name if error.filename else path.name
    if "codec can't decode" in str(error.msg) or "encoding problem" in str(error.msg):
        return (
            f"{file} is no UTF-8 text: {error.msg}. Save it as UTF-8, or name its encoding in its first line: "
            "# coding: cp1252"
        )
    where = f"{file}, line {error.lineno}" if error.lineno else file
    code = (error.text or "").rstrip("\n")
    message = f"{where}: {type(error).__name__}: {error.msg}"
    if not code.strip():
        return message
    indent = len(code) - len(code.lstrip())
    caret = f"\n    {' ' * max(0, (error.offset or 1) - 1 - indent)}^" if error.offset else ""
    return f"{message}\n    {code.strip()}{caret}"


def _last_line(error: BaseException) -> str | None:
    """What went wrong, with the innermost line of the user's; None if the error came through no code of theirs."""
    frames = traceback.extract_tb(error.__traceback__)
    walked = list(traceback.walk_tb(error.__traceback__))
    mine = [k for k, (frame, _) in enumerate(walked) if _users(frame.f_code.co_filename)]
    if not mine:
        return None
    last = frames[mine[-1]]
    said = str(error) if not isinstance(error, SystemExit) else f"the file ends Python: exit({error.code!r})"
    message = f"{Path(last.filename).name}, line {last.lineno}: {type(error).__name__}: {said}".rstrip(": ")
    if last.line:
        message += f"\n    {last.line}"
    if is_library(walked[-1][0].f_code):
        message += "\nIf that call is right, this is a bug in Chainrule: please report it."
    return message


def _users(file: str) -> bool:
    """Whether the file is neither Chainrule's, Python's nor an installed package's."""
    if file.startswith("<"):
        return False
    path = Path(file)
    ours = Path(__file__).parents[1]
    return ours not in path.parents and not _INSTALLED.intersection(path.parts) and _PYTHON not in path.parents


_INSTALLED = {"site-packages", "dist-packages"}
_PYTHON = Path(traceback.__file__).parent


__all__ = ["TargetError", "differentiable", "load", "select_inputs"]
