"""How a verb ends: with the code it came to, or in one line and the code of what stopped it; never in a traceback."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable

from repro import errors
from repro.machine import terminal
from repro.machine.foreign import described, place

VARIABLE = "REPRO_DEBUG"
# What a machine refuses that is in order otherwise: room, permission, handles, a whole disk.
REFUSED = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE,
    errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOLCK, errno.ENOTDIR, errno.EISDIR,
}  # fmt: skip


def end(verb: str, act: Callable[[], int], *, debug: bool = False) -> int:
    """Do what a verb does and return the exit code; what stops it is one line on standard error.

    With `debug`, or REPRO_DEBUG set, the traceback stands before that line.
    """
    with terminal.held_output() as output:
        try:
            code = act()
        except BaseException as error:  # the last resort: a traceback would end with 1, which means a deviation
            if debug or os.environ.get(VARIABLE):
                traceback.print_exc(file=sys.stderr)
            code, text = of(error)
            terminal.say(f"repro {verb}: {text}")
        return output.ended(code)


def of(error: BaseException) -> tuple[int, str]:
    """Return the exit code of an error that nobody caught, and the line that is said of it."""
    if isinstance(error, errors.ReproError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt):
        return errors.INTERRUPTED, "interrupted; finished runs are kept"
    what = f"{described(error)} ({place(error)})"
    if isinstance(error, SystemExit):
        return errors.USAGE, f"{what}: code of a study ended the program; let it raise an error in place of that"
    if isinstance(error, MemoryError):
        return errors.INFRASTRUCTURE, f"{what}: no memory is left; what was finished is kept, run again with more"
    if isinstance(error, OSError) and error.errno in REFUSED:
        step = "make room, allow it or name another place; what was finished is kept"
        return errors.INFRASTRUCTURE, f"{error.filename or 'a file'}: {error.strerror}; {step} ({place(error)})"
    return errors.SOFTWARE, f"{what}: no verdict; mend it if it is the study's, report it otherwise (--debug says more)"
