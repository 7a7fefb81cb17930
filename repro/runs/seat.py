"""A process of its own for the runs that a Dask worker is asked for: one thread, the code as it lies there now.

Orders and answers travel by its standard input and output. It ends when its input does, so that none outlives the
worker, and a run that kills its process kills no worker.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

from repro.machine import imported
from repro.runs import caches, memory
from repro.runs.crew import THREAD_VARIABLES
from repro.runs.worker import describe, print_to_standard_error

GRACE_S = 5.0  # for a process that has closed its output to be gone
LINE = (sys.executable, "-m", "repro.runs.seat")


class SeatLost(Exception):
    """The process ended while it was asked; the text says how."""


class CannotAnswer(Exception):
    """What was asked raised an error there; the text is its."""


class Seat:
    """A process that makes runs one after the other."""

    def __init__(self) -> None:
        path = os.pathsep.join(one for one in sys.path if one)
        environment = {**os.environ, "PYTHONPATH": path} | dict.fromkeys(THREAD_VARIABLES, "1")
        self._process = subprocess.Popen(LINE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def ask(self, act: Callable[[Any], Any], argument: Any) -> Any:
        """Return what a function of a module answers there.

        Raise CannotAnswer for its error, SeatLost where the process ends instead.
        """
        assert self._process.stdin
        assert self._process.stdout
        try:
            pickle.dump((act, argument), self._process.stdin)
            self._process.stdin.flush()
            answer, fault = pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise SeatLost(self._ended()) from error
        if fault:
            raise CannotAnswer(fault)
        return answer

    @property
    def closed(self) -> bool:
        """Say whether the process has ended, or was ended."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with contextlib.suppress(OSError):  # an order that it never read
                    stream.close()

    def _ended(self) -> str:
        try:
            code = self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            return "its process answered what is no answer"
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return f"its process ended without a word ({how}), as it does when memory runs out"


def serve() -> None:
    """Answer what standard input asks until it ends, on what was standard output; prints go to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the client, whose end ends the worker's and ours
    answers = os.fdopen(os.dup(1), "wb")
    print_to_standard_error()
    memory.keep_freed()
    caches.keep_out()
    imported.note()
    asked: queue.SimpleQueue[tuple[Callable[[Any], Any], Any]] = queue.SimpleQueue()
    threading.Thread(target=_take, args=(sys.stdin.buffer, asked), daemon=True).start()
    while True:
        act, argument = asked.get()
        try:
            answer = act(argument), ""
        except Exception as error:  # whatever it is, it is the client's to know
            answer = None, describe(error)
        pickle.dump(answer, answers)
        answers.flush()


def _take(orders: BinaryIO, asked: queue.SimpleQueue[tuple[Callable[[Any], Any], Any]]) -> None:
    """Read what is asked; end the process at once, amid a run too, when nobody can ask any more."""
    try:
        while True:
            asked.put(pickle.load(orders))
    except (EOFError, OSError):
        os._exit(0)


if __name__ == "__main__":
    serve()
