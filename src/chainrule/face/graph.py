"""`Graph`: a traced function, its inputs, outputs and the names it gave its quantities."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..grammar.sizes import parse_sizes
from ..grammar.source import TextOrigin
from ..graph.collector import no_collection
from ..graph.dims import Size, shape_text, symbols_of
from ..graph.errors import ChainruleError, GraphError, NamingError, ShapeError
from ..graph.node import LEAF, REAL, Node, leaf, node, walk
from ..graph.origin import Origin, failing_line
from ..graph.spelling import meant
from ..graph.trace import Naming, Tracer
from ..rewrite.engine import rewrite
from ..rewrite.readable import readable
from ..views.adjoints import derivative
from ..views.diagram import Subject
from ..views.latex import LATEX, aligned
from ..views.notation import Equation, Notation
from ..views.page import forward_table, fragment
from ..views.text import TEXT
from ..views.updates import gradient_symbols, split_loss, update_equations
from .picture import Drawable, forward_picture
from .point import Point, given

ROLES = ("data", "parameter", "state", "noise")
_PARAMETER = re.compile(r"(W|w|U|K|b|bias|weight|kernel|theta|gamma|beta)(_?\w{0,2}|_\w+|\d\w*)")


@dataclass(eq=False)
class Graph(Drawable):
    """A computation as a graph. Made by `cr.trace`.

    inputs    name -> leaf, in the function's order
    outputs   the nodes the function returned
    names     node -> the name the function gave it
    roles     input name -> data, parameter, state or noise
    updates   state or parameter name -> the node that replaces it after a step
    gradients parameter name -> the node in the updates that is the loss's derivative in it
    derived   outputs that no one wrote, such as a Jacobian: they are tidied where they are printed, and only there
    needs     (size, why): a size that must come out at 1 or more, else the graph cannot run
    """

    name: str
    inputs: dict[str, Node]
    outputs: tuple[Node, ...]
    names: dict[Node, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    updates: dict[str, Node] = field(default_factory=dict)
    written: dict[str, list[Node]] = field(default_factory=dict, repr=False)
    origins: dict[Node, Origin] = field(default_factory=dict, repr=False)
    gradients: dict[str, Node] = field(default_factory=dict, repr=False)
    derived: frozenset[Node] = field(default=frozenset(), repr=False)
    needs: tuple[tuple[Size, str], ...] = field(default=(), repr=False)

    @property
    def output(self) -> Node:
        """The one output; raises GraphError where there are several."""
        if len(self.outputs) != 1:
            raise GraphError(f"{self.name} has {len(self.outputs)} outputs; ask for `.outputs`")
        return self.outputs[0]

    @property
    def called(self) -> str:
        """What messages call it: by its name, or "the text" that it was read from."""
        return "the text" if isinstance(next(iter(self.origins.values()), None), TextOrigin) else self.name

    @property
    def parameters(self) -> dict[str, Node]:
        return {k: n for k, n in self.inputs.items() if self.roles.get(k) == "parameter"}

    @property
    def symbols(self) -> frozenset[str]:
        """The names of the sizes that its inputs leave open."""
        return symbols_of(s for n in self.inputs.values() for s in n.shape)

    @property
    def loss_name(self) -> str:
        """What the output is called as a loss: L unless it, or something else, has that name."""
        return self.labels[self.output] if self.output in self.names or "L" in self else "L"

    def __getitem__(self, name: str) -> Node:
        """The quantity the function called `name`.

        Raises NamingError if there is none, or if the name was used again: then h_1, h_2, … name its values in order.
        """
        if name in self.inputs:
            return self.inputs[name]
        for n, known in self.names.items():
            if known == name:
                return n
        values = list(dict.fromkeys(self.written.get(name, ())))
        if len(values) == 1:
            return values[0]
        if values:
            called = ", ".join(self.names[n] for n in values)
            raise NamingError(f"{name} names {len(values)} quantities of {self.called}: {called}")
        known_names = [*self.inputs, *(n for n in self.names.values() if n not in self.inputs)]
        there = f"it has {', '.join(known_names)}{meant(name, known_names)}"
        raise NamingError(f"{self.called} has no quantity called {name!r}; {there}")

    @property
    def labels(self) -> dict[Node, str]:
        """What each named quantity is called, the outputs included."""
        found = {n: name for n, name in self.names.items()}
        for n in self.outputs:
            found.setdefault(n, self._called(n))
        return found

    def _called(self, output: Node) -> str:
        """What an output without a name of its own is called."""
        return "output" if len(self.outputs) == 1 else f"output_{self.outputs.index(output) + 1}"

    def _alias(self) -> str:
        """What the output is called besides, where it is an input: by the last name that was given to it alone."""
        names = [name for name, nodes in self.written.items() if set(nodes) == {self.output} and name not in self]
        return names[-1] if names else self._called(self.output)

    def equations(self, notation: Notation = TEXT, made: dict[Node, str] | None = None) -> list[Equation]:
        """The forward equations, one for each named quantity, in order of computation.

        Long parts without a name get one, t1, t2, …; `made` is given these, for equations that follow. Outputs that
        were derived are tidied; one that is an input has a line, L = t. Updates come last, as w ← …, in terms of the
        loss's gradient.
        """
        made = {} if made is None else made
        names = self.labels
        if self.updates:
            names = {n: name for n, name in names.items() if n not in self.updates.values()}
            if self.gradients and self.outputs[0] not in self.names and "L" not in self:
                names[self.outputs[0]] = "L"
        split = split_loss(self.outputs[0], [self.inputs[k] for k in self.gradients], names) if self.updates else None
        if split is not None:
            names.setdefault(split.data, split.name)
        labels = {n: notation.name(name) for n, name in names.items()}
        read = readable(self.derived, self.names) | self._with_gradients(labels, notation)
        inputs = {n: label for n, label in labels.items() if n.op is LEAF}
        roots = [*self.outputs, split.data] if split is not None else self.outputs
        order = walk(*[read.get(n, n) for n in roots])
        computed = {n: labels[n] for n in order if n in labels and n not in inputs and n not in read}
        found = notation.equations(computed, inputs, made)
        if len(self.outputs) == 1 and self.output.op is LEAF and self.output not in read:
            found.append(Equation(notation.name(self._alias()), labels[self.output], self.output))
        for n, shown in read.items():
            others = {m: label for m, label in labels.items() if m is not n or n.op is LEAF}
            own = notation.name(self._called(n)) if n.op is LEAF else labels[n]
            found += notation.equations({shown: own}, others, made)
        if split is not None:
            found += update_equations(split, self.updates, self.gradients, self.inputs, names, notation, made)
        return found

    def _with_gradients(self, labels: dict[Node, str], notation: Notation) -> dict[Node, Node]:
        """Outputs that read the loss's gradients, written with ∂L/∂w, which is added to `labels`."""
        if not self.gradients:
            return {}
        symbols = gradient_symbols(self.gradients, self.inputs)
        instead = {self.gradients[k]: symbol for k, symbol in symbols.items()}
        for name, symbol in symbols.items():
            labels[symbol] = derivative(labels[self.outputs[0]], notation.name(name), notation)
        done = rewrite(self.outputs[1:], lambda n: None, instead)
        return {n: done[n] for n in self.outputs[1:] if done[n] is not n}

    def text(self) -> str:
        """The forward equations as text, a line each."""
        return "\n".join(map(str, self.equations()))

    def latex(self) -> str:
        """The forward equations in LaTeX, aligned."""
        return aligned(self.equations(LATEX))

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def _repr_html_(self) -> str:
        """The equations and the picture, in MathML and SVG: a notebook shows them without script or network."""
        return fragment([("", forward_table(self.equations(LATEX))), ("", f"<figure>{self.svg()}</figure>")])

    def returning(self, *nodes: Node) -> Graph:
        """The graph with other outputs, such as a gradient or a Jacobian, to compile, to count or to print.

        Of the inputs it keeps those that `nodes` are computed from, and those that alone tell a size they need.
        Raises GraphError for a node that is not computed from this graph's inputs.

        >>> import chainrule as cr
        >>> g = cr.trace(lambda x, A: x @ A @ x, x="n", A="n n")
        >>> cr.compile(g.returning(cr.jacobian(g, "x")))(x=[1., 0.], A=[[1., 2.], [0., 3.]])
        array([2., 2.])
        """
        if not nodes:
            raise GraphError("returning() needs at least one node to return")
        order = walk(*nodes)
        leaves = {n: n.attr("name") for n in order if n.op is LEAF}
        strangers = [name for n, name in leaves.items() if self.inputs.get(name) is not n]
        if strangers:
            raise GraphError(f"{', '.join(strangers)} is no input of {self.name}; it has {', '.join(self.inputs)}")
        unknown = set(symbols_of(_sizes(order))) - symbols_of(s for n in leaves for s in n.shape)
        kept = {}
        for name, n in self.inputs.items():
            if n in leaves or unknown & symbols_of(n.shape):
                kept[name] = n
                unknown -= symbols_of(n.shape)
        reached = {*order, *kept.values()}
        written = {*walk(*self.outputs, *self.names)} - self.derived
        derived = frozenset(n for n in nodes if n not in written or n.op is LEAF)  # ∂(A x)/∂x = A
        if derived:  # they may be read in any quantity that the inputs kept determine
            reached |= _determined(walk(*self.names), kept.values())
        names = {n: name for n, name in self.names.items() if n in reached}
        roles = {k: role for k, role in self.roles.items() if k in kept}
        return replace(
            self, inputs=kept, outputs=nodes, names=names, roles=roles, updates={}, gradients={}, derived=derived
        )

    def at(self, point: Mapping[str, Any] | None = None, /, **arrays: Any) -> Point:
        """Every quantity's value at a point, given as a mapping, by keywords, or both; the adjoints: `Derivation.at`.

        Raises InputError, in the inputs' names and sizes, for arrays that do not fit.

        >>> import chainrule as cr
        >>> def f(x: "", y: "", z: ""):
        ...     q = x + y
        ...     return q * z
        >>> p = cr.trace(f).at(x=-2, y=5, z=-4)
        >>> print(p)
        quantity  formula  value
        x                  -2
        y                  5
        z                  -4
        q         x + y    3
        output    q·z      -12
        >>> float(p["q"])
        3.0
        """
        return Point(self, forward_picture(self), given(point, arrays))

    def _picture(self, at: Mapping[str, Any] | None) -> Subject:
        return forward_picture(self) if at is None else self.at(at).picture

    def __contains__(self, name: object) -> bool:
        return name in self.inputs or name in self.names.values()

    def __repr__(self) -> str:
        inputs = ", ".join(f"{k} {shape_text(n.shape)}" for k, n in self.inputs.items())
        outputs = ", ".join(f"{self.names.get(n, 'output')} {shape_text(n.shape)}" for n in self.outputs)
        return f"<Graph {self.name}: {inputs} → {outputs}, {len(walk(*self.outputs))} nodes>"


def trace(f: Callable[..., Any] | Graph, /, *, roles: Mapping[str, str] | None = None, **shapes: Any) -> Graph:
    """Call `f` on symbols and keep the graph it builds, with the function's own variable names.

    Sizes come from the annotations (``x: "n"``, ``W: "h n"``, ``y: "int[n]"``, ``mask: "bool[n k]"``, ``t: ""`` for a
    scalar) or from keywords: ``cr.trace(f, x=(3,), W=("h", 3), y="int[n]")``. A parameter with a default and no sizes
    keeps its default. Roles of inputs: a name such as W1, b, w_out, gamma is a parameter, any other is data;
    ``roles={"x": "parameter"}`` says otherwise.

    Raises ShapeError where sizes are missing, malformed or do not fit, GraphError for what cannot be traced.

    >>> import chainrule as cr
    >>> def energy(x: "n", A: "n n"):  # doctest: +SKIP
    ...     return x @ A @ x
    >>> g = cr.trace(lambda x, A: x @ A @ x, x="n", A="n n")
    >>> g.inputs["A"].shape, g.output.shape
    ((Dim(n), Dim(n)), ())
    """
    if isinstance(f, Graph):
        return f
    if not callable(f):
        raise GraphError(f"cr.trace takes a function of named quantities, not {type(f).__name__}")
    inputs, defaults = _inputs(f, shapes)
    with no_collection(), Tracer() as tracer:
        try:
            returned = f(**inputs, **defaults)
        except ChainruleError as error:
            where = failing_line(error)
            if where and len(error.args) == 1 and "\n  in " not in str(error):
                error.args = (f"{error}\n  {where}",)
            raise
    return assembled(_name(f), inputs, returned, tracer, roles or {})


def assembled(name: str, inputs: dict[str, Node], returned: Any, naming: Naming, roles: Mapping[str, str]) -> Graph:
    """The graph of a function that was called, or of a text that was read."""
    outputs = _outputs(name, returned)
    reachable = walk(*outputs, *inputs.values())
    names, written = naming.names(reachable)
    names |= {n: name for name, n in inputs.items()}
    origins = {n: naming.origins[n] for n in reachable if n in naming.origins}
    return Graph(name, inputs, outputs, names, _roles(inputs, roles), {}, written, origins)


def _inputs(f: Callable[..., Any], shapes: Mapping[str, Any]) -> tuple[dict[str, Node], dict[str, Any]]:
    parameters = inspect.signature(f).parameters
    unknown = [name for name in shapes if name not in parameters]
    if unknown:
        raise ShapeError(f"{_name(f)} has no parameter called {', '.join(unknown)}; it has {', '.join(parameters)}")
    for p in parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.POSITIONAL_ONLY):
            raise GraphError(
                f"{_name(f)}: the parameter {p} cannot be traced; give each quantity a plain name of its own"
            )
    inputs, defaults = {}, {}
    for name, p in parameters.items():
        spec = shapes.get(name, p.annotation)
        if name in shapes or isinstance(spec, str):
            inputs[name] = declared(name, spec)
        elif p.default is not p.empty:
            defaults[name] = p.default
        else:
            raise ShapeError(
                f'the sizes of {name} are not known: annotate it, as in def {_name(f)}({name}: "n d"), '
                f'or give them here, as in cr.trace({_name(f)}, {name}=("n", "d"))'
            )
    return inputs, defaults


def declared(name: str, spec: Any) -> Node:
    """The input called `name`, its sizes given as text or as a tuple."""
    if isinstance(spec, str):
        shape, kind = parse_sizes(spec, name)
        return leaf(name, shape, kind)
    return leaf(name, spec if isinstance(spec, (tuple, list)) else (spec,))


def _outputs(name: str, returned: Any) -> tuple[Node, ...]:
    values = returned if isinstance(returned, (tuple, list)) else (returned,)
    if not values or any(v is None for v in values):
        raise GraphError(f"{name} returned {returned!r}; it must return what it computed")
    if isinstance(returned, dict):
        raise GraphError(f"{name} returned a dictionary; return one quantity or a tuple of them")
    return tuple(node(v) for v in values)


def _determined(order: Sequence[Node], inputs: Iterable[Node]) -> set[Node]:
    """Those of the nodes, given in order of computation, that are computed from `inputs` alone."""
    found = set(inputs)
    for n in order:
        if n.op is not LEAF and all(a in found for a in n.args):
            found.add(n)
    return found


def _sizes(order: Sequence[Node]) -> list[Any]:
    """Every size in the shapes and the attributes of the nodes."""
    sizes: list[Any] = []
    for n in order:
        for value in (n.shape, *(v for _, v in n.attrs)):
            sizes += value if isinstance(value, tuple) else (value,)
    return sizes


def _roles(inputs: Mapping[str, Node], given: Mapping[str, str]) -> dict[str, str]:
    for name, role in given.items():
        if name not in inputs:
            raise NamingError(f"roles: there is no input called {name!r}; the inputs are {', '.join(inputs)}")
        if role not in ROLES:
            raise GraphError(f"roles: {name} cannot be {role!r}; a role is one of {', '.join(ROLES)}")
    usual = {k: "parameter" if n.kind == REAL and _PARAMETER.fullmatch(k) else "data" for k, n in inputs.items()}
    return usual | dict(given)


def _name(f: Any) -> str:
    name = getattr(f, "__name__", type(f).__name__)
    return name if name.isidentifier() else "f"


def select(graph: Graph, wrt: Sequence[str] | str | None) -> list[str]:
    """The names of the inputs to differentiate in: those given, or every real input."""
    if wrt is None:
        return [k for k, n in graph.inputs.items() if n.kind == REAL]
    names = [wrt] if isinstance(wrt, str) else list(wrt)
    for name in names:
        if not isinstance(name, str):
            raise NamingError(f'wrt takes names, as in wrt=["W1"], not {name!r}')
        graph[name]
    return names


__all__ = ["ROLES", "Graph", "assembled", "declared", "select", "trace"]
