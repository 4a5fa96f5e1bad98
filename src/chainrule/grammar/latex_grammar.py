r"""The grammar of formulas: brackets, scripts and the order of operations, LALR(1). What names mean comes after.

A product is chains joined by signs, a chain what stands side by side; which of these are functions, sums or factors is
seen once their names are known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .latex_tokens import Piece, pieces
from .source import Source

if TYPE_CHECKING:
    from lark import Lark, Tree

GRAMMAR = r"""
start: row (_NEWROW row)*
row: [EQ] [either]
?either: both (_OR both)*
?both: relation (_AND relation)*
?relation: sum ((EQ | INEQ) sum)*
?sum: (PLUS | MINUS)? product ((PLUS | MINUS) product)*
?product: chain (operator [MINUS] chain)*
operator: (ODOT | CDOT | TIMES | SLASH | STAR) script*
chain: factor+
?factor: _NOT factor                                        -> complement
       | atom script*
script: _SUB arg -> sub
      | _SUP arg -> sup
      | PRIME    -> prime
?arg: _LBRACE items _RBRACE
    | NUMBER | LETTER | WORD | COMMAND | PARTIAL
    | STYLE arg                                             -> styled
    | ACCENT arg                                            -> accented
items: [item] ((_COMMA | _SEMI) [item])*
?item: either
     | [either] _COLON [either] [_COLON either]             -> slice
     | [either] _TO [either]                                -> arrow
     | ODOT either                                          -> entrywise
?atom: NUMBER | LETTER | WORD | COMMAND | PARTIAL | DOTS
     | STYLE arg                                            -> styled
     | ACCENT arg                                           -> accented
     | FRAC arg arg                                         -> fraction
     | SQRT [_LBRACK either _RBRACK] arg                    -> root
     | _LBRACE either _RBRACE                               -> group
     | _LPAR items _RPAR                                    -> paren
     | _LBRACK items _RBRACK                                -> bracket
     | _LBAR either _RBAR                                   -> bars
     | _LNORM either _RNORM                                 -> norm
     | _LANGLE items _RANGLE                                -> inner
     | _LFLOOR either _RFLOOR                               -> floor
     | _LEVAL either _REVAL                                 -> evaluated
     | _BEGIN_MATRIX table _END_MATRIX                      -> matrix
     | _BEGIN_CASES table _END_CASES                        -> cases
table: cells (_NEWROW cells)*
cells: [either] (_AMP [either])*

%declare EQ INEQ PLUS MINUS ODOT CDOT TIMES SLASH STAR PRIME NUMBER LETTER WORD COMMAND PARTIAL DOTS STYLE ACCENT FRAC
%declare SQRT _NEWROW _OR _AND _NOT _SUB _SUP _LBRACE _RBRACE _COMMA _SEMI _COLON _TO _LBRACK _RBRACK _LPAR _RPAR
%declare _LBAR _RBAR _LNORM _RNORM _LANGLE _RANGLE _LFLOOR _RFLOOR _LEVAL _REVAL _BEGIN_MATRIX _END_MATRIX
%declare _BEGIN_CASES _END_CASES _AMP
"""
_KEPT = frozenset(
    ("EQ", "INEQ", "PLUS", "MINUS", "ODOT", "CDOT", "TIMES", "SLASH", "STAR", "PRIME", "NUMBER", "LETTER", "WORD",
     "COMMAND", "PARTIAL", "DOTS", "STYLE", "ACCENT", "FRAC", "SQRT")
)  # fmt: skip


@lru_cache(maxsize=1)
def _parser() -> Lark:
    from lark import Lark, Token  # 60 ms: only where LaTeX is read
    from lark.lexer import Lexer

    class Given(Lexer):
        """The tokens that `pieces` has found."""

        def __init__(self, conf: Any): ...

        def lex(self, data: Any) -> Iterator[Token]:
            for p in data:
                yield Token(p.kind if p.kind in _KEPT else f"_{p.kind}", p.value, p.start, end_pos=p.end)

    return Lark(GRAMMAR, parser="lalr", lexer=Given, propagate_positions=True, maybe_placeholders=True)


def tree(source: Source, names: Collection[str] = ()) -> Tree[Any]:
    """The formula as a tree of tokens; `names` are the words that stand for one quantity.

    Raises ParseError, with line and column, where it is none.
    """
    from lark import UnexpectedToken

    found = pieces(source, names)
    try:
        return _parser().parse(found)  # type: ignore[arg-type]
    except UnexpectedToken as error:
        kind = error.token.type.lstrip("_")
        if kind == "$END":
            open_ = _unclosed(found)
            if open_ is not None:
                raise source.error(open_.start, f"`{open_.value}` is never closed") from None
            raise source.error(len(source.text.rstrip()), "the formula breaks off here") from None
        raise source.error(error.token.start_pos or 0, _unexpected(kind, str(error.token))) from None


def _unexpected(kind: str, value: str) -> str:
    if kind in _CLOSING:
        return f"`{value}` closes no bracket that is open, or something is missing before it"
    if kind in ("SUB", "SUP"):
        return f"`{value}` stands before or after nothing"
    if kind == "SEMI":
        return r"`;` stands between arguments only: equations are separated by `\\`"
    if kind == "OTHER":
        return f"`{value}` has no meaning here"
    return f"`{value}` cannot stand here: something before it is missing or not finished"


_OPENING = frozenset(("LPAR", "LBRACK", "LBRACE", "LBAR", "LNORM", "LANGLE", "LFLOOR"))
_CLOSING = frozenset(("RPAR", "RBRACK", "RBRACE", "RBAR", "RNORM", "RANGLE", "RFLOOR"))


def _unclosed(found: list[Piece]) -> Piece | None:
    open_: list[Piece] = []
    for p in found:
        if p.kind in _OPENING:
            open_.append(p)
        elif p.kind in _CLOSING and open_:
            open_.pop()
    return open_[-1] if open_ else None


__all__ = ["GRAMMAR", "tree"]
