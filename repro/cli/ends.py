"""How a verb ends: with the code it came to, or in one line and the code of what stopped it; never in a traceback."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import NoReturn

from repro import errors
from repro.machine import terminal
from repro.machine.foreign import described, place

VARIABLE = "REPRO_DEBUG"
SLOW_TO_LEAVE = "torch"  # whose libraries take down for half a second what they set up, in 200 MiB that nothing reads
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
# What a machine refuses that is in order otherwise: room, permission, handles, a whole disk.
REFUSED = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE,
    errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOLCK, errno.ENOTDIR, errno.EISDIR,
}  # fmt: skip


class Stopped(KeyboardInterrupt):
    """The process was asked to end by a signal other than Ctrl-C's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def end(
    verb: str,
    act: Callable[[], int],
    *,
    debug: bool = False,
    json: bool = False,
    unanswered: Callable[[int, str], None] = lambda _code, _text: None,
) -> int:
    """Do what a verb does and return the exit code; what stops it is one line on standard error.

    With `debug`, or REPRO_DEBUG set, the traceback stands before that line. With `json` a machine reads what is
    answered: it gets the error, too, where nothing was answered before. `unanswered` is told code and line, for others
    who read what a verb leaves.
    """
    with terminal.held_output() as output, stoppable() as asked:
        try:
            code = act()
            if asked:
                raise Stopped(asked[0])  # which code of a study caught
        except BaseException as error:  # the last resort: a traceback would end with 1, which means a deviation
            if debug or os.environ.get(VARIABLE):
                traceback.print_exc(file=sys.stderr)
            code, text = of(error)
            terminal.say(f"repro {verb}: {text}")
            if json and not output.used:
                terminal.print_json({"error": text, "exit_code": code})
            try:
                unanswered(code, text)
            except Exception as failed:
                if of(failed)[1] != text:
                    terminal.say(f"repro {verb}: {of(failed)[1]}")
        return output.ended(code)


@contextlib.contextmanager
def stoppable() -> Iterator[list[int]]:
    """Let the signals that end a process raise `Stopped`, but for those that somebody handles or ignores already.

    Yield those that came.
    """
    asked: list[int] = []

    def stop(number: int, _frame: object) -> None:
        asked.append(number)
        raise Stopped(number)

    taken = []
    if threading.current_thread() is threading.main_thread():
        taken = [number for number in ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, stop)
    try:
        yield asked
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def of(error: BaseException) -> tuple[int, str]:
    """Return the exit code of an error that nobody caught, and the line that is said of it."""
    if isinstance(error, errors.ReproError):
        return error.exit_code, str(error)
    if isinstance(error, Stopped):
        return 128 + error.number, f"ended by {signal.Signals(error.number).name}; finished runs are kept"
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


def leave(code: int) -> NoReturn:
    """End the process with a code, as Python does but for the memory, which the system takes back all at once.

    That is where libraries are loaded which would give theirs back piece by piece. Threads have ended before, and what
    was registered for the end has run.
    """
    if SLOW_TO_LEAVE not in sys.modules:
        raise SystemExit(code)
    threading._shutdown()  # type: ignore[attr-defined]  # as multiprocessing ends a process
    atexit._run_exitfuncs()
    terminal.flush()
    os._exit(code)
