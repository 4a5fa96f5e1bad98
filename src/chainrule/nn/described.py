"""Networks and losses as plain data, for a file, and back. Nothing in a file is executed."""

from __future__ import annotations

from dataclasses import fields
from numbers import Integral, Real
from typing import Any

from ..graph.errors import DataError, GraphError
from . import activations, containers, criteria, initialisers, layers, normalise
from .containers import Sequential
from .initialisers import Given, Initialiser
from .layers import Flatten
from .module import Module

_KNOWN: dict[str, type] = {
    name: kind
    for home in (activations, containers, criteria, initialisers, layers, normalise)
    for name, kind in vars(home).items()
    if isinstance(kind, type) and name in home.__all__ and hasattr(kind, "__dataclass_fields__")
}
_PLAIN = (bool, int, float, str, type(None))


def describe(thing: Any) -> Any:
    """A module, a loss or an initialiser as JSON's objects; None where it holds what a file cannot, such as a function.

    >>> import chainrule as cr
    >>> describe(cr.nn.Sequential(cr.nn.Linear(4, 3, init=cr.nn.Glorot()), cr.nn.Dropout(0.2)))["modules"][1]
    {'type': 'Dropout', 'p': 0.2}
    """
    if isinstance(thing, _PLAIN):
        return thing
    if isinstance(thing, (Integral, Real)):  # NumPy's
        return int(thing) if isinstance(thing, Integral) else float(thing)
    if isinstance(thing, tuple):
        parts = [describe(t) for t in thing]
        return None if any(p is None for p in parts) else parts
    if _KNOWN.get(type(thing).__name__) is not type(thing):
        return None
    found: dict[str, Any] = {"type": type(thing).__name__}
    for f in fields(thing):
        value = getattr(thing, f.name)
        if isinstance(value, Given):  # an array to start from: what became of it is in the file
            continue
        told = describe(value if isinstance(value, (*_PLAIN, Real, tuple, Initialiser, Module)) else str(value))
        if told is None and value is not None:
            return None
        found[f.name] = told
    return found


def described(told: Any) -> Any:
    """What `describe` told. Raises DataError for what it cannot have."""
    if isinstance(told, list):
        return tuple(described(t) for t in told)
    if not isinstance(told, dict):
        return told
    kind = _KNOWN.get(told.get("type", ""))
    if kind is None:
        raise DataError(f"there is no layer, loss or initialiser {told.get('type')!r} in this version of Chainrule")
    options = {k: described(v) for k, v in told.items() if k != "type"}
    try:
        if issubclass(kind, Sequential):
            return kind(*options["modules"])
        return kind(*options["shape"]) if kind is Flatten else kind(**options)
    except (TypeError, KeyError, GraphError) as error:
        raise DataError(f"{kind.__name__} cannot be made from {options}: {error}") from None


__all__ = ["describe", "described"]
