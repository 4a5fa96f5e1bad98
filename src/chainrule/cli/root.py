"""From errors to messages and exit codes, in one place."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

from ..graph.errors import ChainruleError, InternalError
from ..graph.spelling import visible

FAILED, WRONG, INTERRUPTED = 1, 2, 130


class Halted(ChainruleError):
    """The work was interrupted, and there is more to say of it than that nothing was written."""


class Root(TyperGroup):
    """The group of all commands. It exits with 0, 1, 2 or 130, and shows a traceback only for a bug of ours."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        run = super().main
        code = exit_code(lambda: run(*args, standalone_mode=False, **extra))
        if standalone_mode:
            sys.exit(code)
        return code


def exit_code(command: Callable[[], Any]) -> int:
    """Run the command; whatever goes wrong becomes one message on stderr and a code."""
    try:
        answer = command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        answer = INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except typer.Abort:
        return say("stopped", FAILED)
    except InternalError as error:
        return bug(error)
    except Halted as error:
        return say(str(error), INTERRUPTED)
    except ChainruleError as error:
        return say(str(error), FAILED)
    except MemoryError as error:
        return say(f"there is not enough memory: {error or 'a smaller --hidden or --batch-size needs less'}", FAILED)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
        return say(what, FAILED)
    except Exception as error:
        usage = getattr(error, "format_message", None)  # typer's usage errors
        return say_usage(error, usage()) if usage else bug(error)
    if answer == INTERRUPTED:
        return say("interrupted; nothing was written", INTERRUPTED)
    return answer if isinstance(answer, int) else 0


def say(message: str, code: int) -> int:
    """Tell what went wrong, on stderr; answers the exit code."""
    print(f"chainrule: {visible(message)}", file=sys.stderr)
    return code


def say_usage(error: Any, message: str) -> int:
    """Tell what was asked for wrongly, or show the help; answers the exit code."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "chainrule"
    if "Usage:" in message:  # no arguments at all: the help
        print(context.get_help() if context is not None else message, file=sys.stderr)
        return WRONG
    message = message.replace("Value error, ", "")  # pydantic's words
    return say(f"{message}\nTry '{path} --help'.", WRONG)


def bug(error: BaseException) -> int:
    """Show where our own code failed, and ask for a report; answers the exit code."""
    traceback.print_exception(error, file=sys.stderr)
    return say(
        "this is a bug in Chainrule, not in what you asked for. Please report it, with the lines above and the "
        "command.",
        FAILED,
    )
