"""What a Dask worker does for a client: say what it is, make runs in processes of its own, put these away."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from repro.runs.seat import Seat, SeatLost
from repro.runs.worker import Order, Report, execute

PROCESS = uuid.uuid4().hex  # this one: a worker that was started anew under an old address is another
FORGOTTEN_S = 600.0  # without a word of a client, after which its idle processes end


@dataclass(frozen=True)
class Ended:
    """What became of the orders of a task: a report for each that was made, in order.

    `lost` says how the process of the next one ended; `stranger` that another process than the one meant was asked.
    """

    reports: tuple[Report, ...] = ()
    lost: str = ""
    stranger: bool = False


@dataclass
class _Mine:
    """One client's processes here."""

    idle: list[Seat] = field(default_factory=list)
    busy: set[Seat] = field(default_factory=set)
    used: float = field(default_factory=time.monotonic)


class _Seats:
    """Processes by the client whose runs they make: none makes another's, whose code may be another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[str, _Mine] = {}

    @contextlib.contextmanager
    def taken(self, client: str) -> Iterator[Seat]:
        """Lend a process that nobody uses, a new one where there is none; it is kept unless it was lost."""
        self.forget()
        with self._lock:
            mine = self._of.setdefault(client, _Mine())
            seat = mine.idle.pop() if mine.idle else Seat()
            mine.busy.add(seat)
        try:
            yield seat
        except BaseException:
            seat.close()
            raise
        finally:
            with self._lock:
                mine.busy.discard(seat)
                mine.used = time.monotonic()
                stays = not seat.closed and self._of.get(client) is mine
                mine.idle += [seat] * stays
            if not stays:
                seat.close()

    def close(self, client: str) -> None:
        """End all processes of a client, those that make a run too."""
        with self._lock:
            mine = self._of.pop(client, _Mine())
        for seat in (*mine.idle, *mine.busy):
            seat.close()

    def forget(self) -> None:
        """End the idle processes of clients that did not ask for long: they may have been killed."""
        with self._lock:
            old = [name for name, one in self._of.items() if not one.busy and time.monotonic() - one.used > FORGOTTEN_S]
        for name in old:
            self.close(name)


_SEATS = _Seats()


def dask_setup(_worker: Any) -> None:
    """Leave Ctrl-C to the client that started this worker and ends it in order; Dask calls this of what it preloads."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def process() -> str:
    """Return what names this process."""
    return PROCESS


def ask(client: str, act: Callable[[Any], Any], argument: Any) -> tuple[str, Any]:
    """Return (this process, what a function answers in a process of the client's own here)."""
    with _SEATS.taken(client) as seat:
        return PROCESS, seat.ask(act, argument)


def make(client: str, worker: str, orders: Sequence[Order]) -> Ended:
    """Make runs one after the other, in a process that makes nothing else meanwhile.

    One that ends, or that is out of memory or has a GPU's error, is put away, and what was to follow is the client's.
    """
    if worker != PROCESS:
        return Ended(stranger=True)
    reports: list[Report] = []
    try:
        with _SEATS.taken(client) as seat:
            for order in orders:
                reports.append(seat.ask(execute, order))
                if reports[-1].machine:
                    seat.close()
                    break
    except SeatLost as error:
        return Ended(tuple(reports), lost=str(error))
    return Ended(tuple(reports))


def close(client: str) -> None:
    """End all processes of a client here."""
    _SEATS.close(client)
