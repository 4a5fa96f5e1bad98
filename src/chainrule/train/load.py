"""`cr.load`: a network from a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..graph.dims import shape_text
from ..graph.errors import DataError, GraphError, InputError
from ..nn.criteria import loss_named
from ..nn.module import Module
from .checkpoint import Checkpoints
from .saved import told
from .trained import Trained


def load(
    path: str | os.PathLike[str], net: Module | None = None, loss: Any = None, *,
    which: Literal["last", "best"] = "last", engine: str = "numpy",
) -> Trained:  # fmt: skip
    """The network that `run.save` wrote, or that a checkpoint holds, with its parameters.

    path     a safetensors file, or a folder of checkpoints, of which the last whole one is read
    net      the network, where the file cannot tell it: its layers hold a function, or another program wrote the file
    loss     likewise
    which    of a folder: the parameters after the "last" checkpoint's step, or after the "best" epoch until then
    engine   that computes predictions

    Nothing in a file is executed. Raises DataError, naming the file, for what is missing, damaged, or of another
    architecture than `net`.

    >>> import chainrule as cr, tempfile
    >>> net = cr.nn.Sequential(cr.nn.Linear(64, 16), cr.nn.ReLU(), cr.nn.Linear(16, 10))
    >>> run = cr.fit(net, cr.data.digits(), optimizer=cr.optim.SGD(lr=0.5), epochs=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run.save(f"{folder}/net.safetensors")
    ...     again = cr.load(f"{folder}/net.safetensors")
    >>> X, y = cr.data.digits().test
    >>> bool((again.predict(X) == run.predict(X)).all()), again.net == net
    (True, True)
    """
    place = Path(path)
    if which not in ("last", "best"):
        raise InputError(f'which is "last" or "best", not {which!r}')
    tensors, header = _folder(place, which) if place.is_dir() else _file(place)
    found, found_loss, shown = told(place, header)
    if net is not None and not isinstance(net, Module):
        raise GraphError(f"net is a network of cr.nn, such as cr.nn.Sequential(…), not {net!r}")
    chosen = net if net is not None else found
    if chosen is None:
        raise DataError(f"{place} holds {shown}, which a file cannot hold whole: give it, cr.load(path, net=…)")
    _check(place, chosen, tensors)
    graph = chosen.graph()
    params = {k: tensors[k] for k in graph.parameters}
    state = {k: tensors[k] for k, role in graph.roles.items() if role == "state"}
    return Trained(chosen, found_loss if loss is None else loss_named(loss), params, state, engine)


def _folder(folder: Path, which: str) -> tuple[dict[str, Any], dict[str, str]]:
    found = Checkpoints(folder).latest([which])
    if found is None:
        raise DataError(f"{folder} holds no checkpoint; give a file such as net.safetensors")
    if which == "best" and found.best is None:
        raise DataError(f"{found.path} knows no best epoch: the run had no validation rows")
    return found.best if which == "best" and found.best else found.tensors, found.facts["metadata"]


def _file(path: Path) -> tuple[dict[str, Any], dict[str, str] | None]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            return {k: file.get_tensor(k) for k in file.keys()}, file.metadata()  # noqa: SIM118
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except TypeError as why:  # bfloat16, say, which NumPy has not
        raise DataError(f"{path} holds numbers that NumPy has not: {why}; convert them to float32") from None
    except (SafetensorError, OSError, ValueError) as why:
        raise DataError(f"{path} is no whole safetensors file: {why}") from None


def _check(path: Path, net: Module, tensors: dict[str, Any]) -> None:
    graph = net.graph()
    wanted = {k: tuple(n.shape) for k, n in graph.inputs.items() if graph.roles[k] in ("parameter", "state")}
    problems = [f"{k} {shape_text(s)} is missing" for k, s in wanted.items() if k not in tensors]
    problems += [
        f"{k} holds {tensors[k].dtype}, not float32 or float64"
        for k in wanted
        if k in tensors and str(tensors[k].dtype) not in ("float32", "float64")
    ]
    problems += [
        f"{k} is {np.shape(tensors[k])}, not {shape_text(s)}"
        for k, s in wanted.items()
        if k in tensors and np.shape(tensors[k]) != s
    ]
    if problems:
        raise DataError(f"{path} holds the parameters of another network than {net!r}: {'; '.join(problems)}")


__all__ = ["load"]
