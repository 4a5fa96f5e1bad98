"""Watching a Python function build a graph: its own variable names, and the line of each operation.

Every operation call tells the tracer, which then compares the locals of the calling frame with what it saw before; so a
variable that is assigned again is caught between the two assignments. What is assigned last is read once the frame is
left, for a frame keeps its locals as long as someone holds it. No trace or profile function is set: debuggers,
coverage and profilers go on working.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FrameType

from .node import LEAF, Node, set_tracer
from .origin import Origin, UserLine, is_library, user_frame


class Naming:
    """The names that nodes are given one after the other, and the lines that they come from."""

    def __init__(self) -> None:
        self.origins: dict[Node, Origin] = {}
        self._found: dict[Node, list[tuple[int, int, str]]] = {}  # node -> (depth, order, name)
        self._order = 0

    def gave(self, node: Node, name: str, depth: int = 0) -> None:
        """`name` was given to `node`, in a function called `depth` calls below the outermost."""
        self._order += 1
        self._found.setdefault(node, []).append((depth, self._order, name))

    def name_of(self, node: Node) -> str | None:
        """The name `node` has so far: that of the outermost frame, the first there."""
        if node.op is LEAF:
            return node.attr("name")
        found = self._found.get(node)
        return min(found)[2] if found else None

    def names(self, reachable: Iterable[Node]) -> tuple[dict[Node, str], dict[str, list[Node]]]:
        """One name for each named node of `reachable`, and the nodes that each written name ever stood for."""
        reachable = list(reachable)
        inputs = {n.attr("name"): n for n in reachable if n.op is LEAF}
        chosen: dict[str, list[tuple[int, Node]]] = {}
        written: dict[str, list[Node]] = {}
        for n in reachable:
            found = self._found.get(n, [])
            for _, _, name in sorted(found):
                written.setdefault(name, []).append(n)
            if found and n.op is not LEAF:
                _, order, name = min(found)
                chosen.setdefault(name, []).append((order, n))
        names: dict[Node, str] = {n: name for name, n in inputs.items()}
        taken = set(inputs) | {name for name, uses in chosen.items() if len(uses) == 1}
        for name, uses in chosen.items():
            if len(uses) == 1 and name not in inputs:
                names[uses[0][1]] = name
                continue
            k = 0
            for _, n in sorted(uses, key=lambda use: use[0]):
                k += 1
                while f"{name}_{k}" in taken:
                    k += 1
                names[n] = f"{name}_{k}"
                taken.add(names[n])
        return names, written


class Tracer(Naming):
    """Use as a context manager around the call of the traced function."""

    def __init__(self) -> None:
        super().__init__()
        self._live: dict[FrameType, tuple[int, dict[str, Node]]] = {}  # frame -> depth, locals as last seen
        self._top: FrameType | None = None

    def __enter__(self) -> Tracer:
        return self.begin(sys._getframe(1))

    def begin(self, base: FrameType) -> Tracer:
        """Watch what is called from the frame `base`; what that frame and its callers hold has other names already."""
        self._base = base
        self._previous = set_tracer(self)
        return self

    def __exit__(self, *_: object) -> None:
        set_tracer(self._previous)
        for frame in list(self._live):
            self._leave(frame)
        self._top = self._base = None

    def saw(self, node: Node) -> None:
        """An operation was called and answered `node`."""
        frame = user_frame(sys._getframe(2), self._base)
        if frame is None:
            return
        if frame is not self._top:
            self._enter(frame)
        self._read(frame)
        if node not in self.origins:
            self.origins[node] = UserLine(frame.f_code.co_filename, frame.f_lineno)

    def name_of(self, node: Node) -> str | None:
        """The name `node` has so far, that of the line being executed included."""
        if self._top is not None:
            self._read(self._top)
        return super().name_of(node)

    def _enter(self, frame: FrameType) -> None:
        """`frame` is the caller now: read its callers anew, and let go of the frames that have been left."""
        frames: list[FrameType] = []
        f: FrameType | None = frame
        while f is not None and f is not self._base:
            if not is_library(f.f_code):
                frames.append(f)
            f = f.f_back
        current = set(frames)
        for old in [f for f in self._live if f not in current]:
            self._leave(old)
        for depth, f in enumerate(reversed(frames)):
            self._live.setdefault(f, (depth, {}))
            self._read(f)
        self._top = frame

    def _leave(self, frame: FrameType) -> None:
        self._read(frame)
        del self._live[frame]

    def _read(self, frame: FrameType) -> None:
        if frame not in self._live:
            return
        depth, seen = self._live[frame]
        for name, value in frame.f_locals.items():
            if type(value) is Node and seen.get(name) is not value and name.isidentifier():
                seen[name] = value
                self.gave(value, name, depth)
