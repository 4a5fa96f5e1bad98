"""What a network's file says beside its arrays: the network and the loss, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.errors import DataError
from ..nn.criteria import Loss
from ..nn.described import describe, described
from ..nn.module import Module

Array = NDArray[Any]
KEY = "chainrule"


def metadata(net: Module, loss: Loss | None) -> dict[str, str]:
    """For a safetensors file. What cannot be told, since it holds a function, is null; its repr stands beside it."""
    told = {"version": version("chainrule"), "net": describe(net), "loss": describe(loss), "shown": repr(net)}
    return {KEY: json.dumps(told)}


def packed(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a safetensors file."""
    from safetensors.numpy import save

    return save({k: np.asarray(v, order="C") for k, v in tensors.items()}, metadata={"format": "np", **metadata})


def told(path: Any, header: Mapping[str, str] | None) -> tuple[Module | None, Loss | None, str]:
    """The network and the loss that a file tells of, each None where it could not, and the network's repr."""
    text = (header or {}).get(KEY)
    if text is None:
        return None, None, "a network that the file does not tell"
    try:
        found = json.loads(text)
        net, loss, shown = described(found["net"]), described(found["loss"]), str(found["shown"])
        if not isinstance(net, (Module, NoneType)) or not isinstance(loss, (Loss, NoneType)):
            raise DataError(f"it tells of {net!r} and {loss!r}, and not of a network and a loss")
        return net, loss, shown
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: what it says of its network cannot be read: {error}") from None


__all__ = ["metadata", "packed", "told"]
