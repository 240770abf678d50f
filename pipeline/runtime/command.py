"""How a command ends: an expected error is one message, ctrl-C is code 130, anything else keeps its traceback.

A reader of standard output that has seen enough, as `| head`, ends it without a word and with code 141.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pipeline.runtime import escape
from pipeline.runtime.errors import CommandError, RuleError
from pipeline.runtime.interrupts import CLOSED_PIPE, INTERRUPTED, end_as_ctrl_c_does

EXPECTED: Mapping[type[Exception], int] = {OSError: 1, ValueError: 1, RuleError: 1, CommandError: 1}
GO_BACK = "put your changes into git stash and go back to all that the last commit records: make back"
WAY_BACK = f"The stage's last good outputs are as they were. Once this is mended, dvc repro goes on; or {GO_BACK}"
"""How a refusal of a stage ends."""


@contextmanager
def command(
    name: str, *, expected: Mapping[type[Exception], int] = EXPECTED, interrupted: str = "", advice: str = ""
) -> Iterator[None]:
    """Run the block as the command of this name.

    `expected` has the exit codes of the errors that are told as one message on standard error. SIGTERM and a closed
    terminal end the block as ctrl-C does; `interrupted` says what that leaves behind, `advice` is the last line after
    an expected error.

    >>> with command("prepare"):
    ...     raise ValueError("the table must have rows, found none")
    Traceback (most recent call last):
    SystemExit: 1
    """
    end_as_ctrl_c_does()
    try:
        yield
        if sys.stdout:  # a shell's >&- may have closed it
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
        sys.exit(CLOSED_PIPE)
    except KeyboardInterrupt:
        message, code = f"interrupted; {interrupted}" if interrupted else "interrupted", INTERRUPTED
    except tuple(expected) as error:
        message = f"{error}\n{advice}" if advice else str(error)
        code = next(code for kind, code in expected.items() if isinstance(error, kind))
    else:
        return
    print(f"{name}: {escape.terminal(message)}", file=sys.stderr)
    sys.exit(code)
