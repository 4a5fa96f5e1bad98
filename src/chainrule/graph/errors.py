"""Every error a user can meet.

* ChainruleError
  * GraphError        the graph cannot be built, named or read as asked
    x ShapeError      two sizes that had to agree do not
    x KindError       a real, an integer or a boolean quantity stands where another kind belongs
    x NamingError     a name that is unknown, taken, or means several quantities
    x ParseError      a text that cannot be read; knows its .line and .column
  * MissingRule       a table has no rule for an operation, nor a meaning to fall back on
  * NoDerivative      a derivative was asked for where none is defined
  * InputError        arrays handed to a program do not fit the graph
  * DataError         a file or an array of data is not what it should be
  * OutputError       a folder or a file that cannot be written
  x InternalError     a bug in Chainrule, not in the user's program
"""

from __future__ import annotations


class ChainruleError(Exception):
    """Whatever Chainrule raises on purpose."""


class GraphError(ChainruleError): ...


class ShapeError(GraphError, ValueError): ...


class KindError(GraphError, TypeError): ...


class NamingError(GraphError, LookupError): ...


class ParseError(GraphError):
    def __init__(self, what: str, line: int = 1, column: int = 1):
        super().__init__(what)
        self.line, self.column = line, column


class MissingRule(ChainruleError, NotImplementedError): ...


class NoDerivative(ChainruleError, ValueError): ...


class InputError(ChainruleError, ValueError): ...


class DataError(ChainruleError, ValueError): ...


class OutputError(ChainruleError, OSError): ...


class InternalError(ChainruleError, AssertionError):
    def __init__(self, what: str):
        super().__init__(f"this is a bug in Chainrule, not in your program: {what}")
