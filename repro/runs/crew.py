"""Processes that make runs: started as they are needed, asked in order, and put away when they die."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections import deque
from collections.abc import Iterator
from typing import Any

from repro.runs.planned import PlannedRun
from repro.runs.worker import Report, serve

GRACE_S = 5.0  # for a process that has closed its connection to be gone
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@contextlib.contextmanager
def asking_for(threads: int) -> Iterator[None]:
    """Ask the numerical libraries of processes that start meanwhile for so many threads.

    They read it when they are imported, which in a process of ours is before the first line of it runs.
    """
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class Crew:
    """Worker processes by the connections to them, started as they are needed; none outlives the crew."""

    def __init__(self, most: int, threads: int = 1) -> None:
        self.most, self.threads = most, threads  # processes, and threads that each may use
        self.orders: dict[Any, deque[PlannedRun]] = {}  # what each was asked for and has not answered, in order
        self.members: dict[Any, tuple[Any, Any]] = {}  # process, and the line whose end tells it that we are gone

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for process, _line in self.members.values():
            process.kill()
        for worker in list(self.members):
            self._dismiss(worker)

    @property
    def busy(self) -> list[Any]:
        """Return the connections to workers that have something to answer."""
        return [worker for worker, orders in self.orders.items() if orders]

    def free(self, at_once: int) -> Any | None:
        """Return the connection to the worker that holds the fewest orders, a new one before any holds two.

        None where all hold `at_once`.
        """
        least = min(self.orders, key=lambda worker: len(self.orders[worker]), default=None)
        if least is None or (self.orders[least] and len(self.orders) < self.most):
            least = self._hired()
            self.orders[least] = deque()
        return least if len(self.orders[least]) < at_once else None

    def answers(self, worker: Any) -> tuple[list[tuple[PlannedRun, Report]], bool]:
        """Return the runs that a worker has made, one at least where it lives, and whether it has died."""
        made: list[tuple[PlannedRun, Report]] = []
        try:
            while self.orders[worker] and (not made or worker.poll()):
                made.append((self.orders[worker][0], worker.recv()))
                self.orders[worker].popleft()
        except (EOFError, OSError):  # at a message's beginning, or within one
            return made, True
        return made, False

    def buried(self, worker: Any) -> tuple[deque[PlannedRun], str]:
        """Put away a worker whose connection has ended; return what it did not answer, and how it ended."""
        code = self._dismiss(worker)
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        return self.orders.pop(worker), f"its process ended without a word ({how}), as it does when memory runs out"

    def _hired(self) -> Any:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        line, watched = context.Pipe()
        process = context.Process(target=serve, args=(there, watched), daemon=True)
        with asking_for(self.threads):
            process.start()
        there.close()
        watched.close()
        self.members[here] = (process, line)
        return here

    def _dismiss(self, worker: Any) -> int | None:
        process, line = self.members.pop(worker)
        process.join(GRACE_S)  # what ends by itself leaves its own code
        process.kill()
        process.join()
        worker.close()
        line.close()
        code: int | None = process.exitcode
        return code
