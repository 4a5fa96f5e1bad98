"""Membership in several collections at once, as `walk(stop=...)` asks for it; nothing is copied."""

from __future__ import annotations

from collections.abc import Collection, Container

from ..graph.node import Node


class Either:
    """In one of two collections, apart from some exceptions in the second."""

    def __init__(self, a: Collection[Node], b: Collection[Node], but_not: Collection[Node] = ()):
        self.a, self.b, self.but_not = a, b, but_not

    def __contains__(self, n: object) -> bool:
        return n in self.a or (n in self.b and n not in self.but_not)


class AllBut:
    """In a collection, but for one node."""

    def __init__(self, nodes: Container[object], but: Node):
        self.nodes, self.but = nodes, but

    def __contains__(self, n: object) -> bool:
        return n is not self.but and n in self.nodes


__all__ = ["AllBut", "Either"]
