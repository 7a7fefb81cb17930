"""Hand runs to the workers of a Dask cluster: whom to trust, what each holds, what is begun again when one is lost."""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from repro.errors import InfrastructureError
from repro.machine import terminal
from repro.runs import remote
from repro.runs.cluster import GPU
from repro.runs.facts import Question, Said, facts, other_machine, other_study, shown
from repro.runs.planned import PlannedRun
from repro.runs.worker import Order, Report

if TYPE_CHECKING:
    from distributed import Client, Future

POLL_S = 0.5  # between two looks at who is there, or so long that they take a twentieth of the time
POLL_SHARE = 0.05
FETCH_S = 2.0  # for an answer to come; all others wait meanwhile, and it is asked for again
NOBODY_S = 60.0  # without a worker, after which there will be none
TASK_S = 0.2  # of runs, at most, are handed out as one task
MOST_IN_TASK = 64
AHEAD_S = 1.0  # runs of less wait at their worker, one task beside each that is made
PLENTY = 4  # runs in the queue for each that can be made at once: longer ones wait at their worker, too
MOST_LOST = 10  # times that workers are lost, no run finished between: further ones would be lost too


@dataclass(eq=False)
class _Member:
    """A worker. `process` is empty until it has said who it is, `slots` is how many runs it makes at once."""

    address: str
    slots: int
    resources: Mapping[str, float]
    process: str = ""
    refused: bool = False
    record: Mapping[str, Any] | None = None
    tasks: list[_Task] = field(default_factory=list)


@dataclass(eq=False)
class _Task:
    """What a worker was asked for: runs, or who it is where there are none."""

    member: _Member
    runs: list[PlannedRun]
    future: Future | None = None


@dataclass(frozen=True)
class Work:
    """Runs to make and what becomes of them.

    `order` makes the order of a run, `fits` says whether one may be begun, `left` how many seconds there are. `keep`
    takes what was made, `lose` a run that is not made again.
    """

    todo: Sequence[PlannedRun]
    device: str
    retries: int
    per_device: int
    order: Callable[[PlannedRun], Order]
    fits: Callable[[PlannedRun], bool]
    left: Callable[[], float]
    keep: Callable[[Sequence[tuple[PlannedRun, Report]]], None]
    lose: Callable[[PlannedRun, str], None]


@contextlib.contextmanager
def _noted() -> Iterator[list[int]]:
    """Note interruptions while this lasts, for whoever looks: raised at any moment, one within Dask's own code is lost.

    Python lets the main thread alone do so; in another one none arrives.
    """
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    before = signal.signal(signal.SIGINT, lambda number, _frame: seen.append(number))
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


def _key() -> str:
    """Return a key that no task has had.

    Dask answers a key that is still held with what it holds, and what is cancelled is every task of that key: another
    client's, and one submitted before the scheduler has said that the first is cancelled.
    """
    return f"{remote.__name__}-{uuid.uuid4().hex}"


class Spread:
    """The runs of one request on one cluster; the client alone keeps what comes of them.

    `asked` is what each worker has to say of itself first, None where all are this command's own. Workers whose code
    or data are not the client's are never given runs; those of other packages or another kind of machine are where
    `record` asks for it, and their rows carry their own environment.
    """

    def __init__(self, client: Client, work: Work, asked: Question | None, *, record: bool) -> None:
        self.client = client
        self.work = work
        self.asked = asked
        self.record = record
        self.here: Said | None = facts(replace(asked, sets=())) if asked else None
        self.name = uuid.uuid4().hex  # of this client's processes at the workers
        self.queue = deque(work.todo)
        self.begun = Counter[tuple[str, str, int]]()  # attempts that ended with the machine's fault
        self.pace: dict[tuple[str, str], float] = {}  # the seconds of a case's last run
        self.members: dict[str, _Member] = {}
        self.done: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self.lost_in_a_row = 0
        self.seen = time.monotonic()  # when a worker was there that may be given runs
        self.polled, self.poll_s = float("-inf"), 0.0

    def run(self) -> int:
        """Make the runs until all are made or lost, or the budget ends; return how many were neither.

        Raise InfrastructureError where the scheduler is gone, or no worker is there, or all are refused.
        """
        try:
            with _noted() as interrupted:
                self._make(interrupted)
        finally:
            self._put_away()
        return len(self.queue) + self._held()

    def _make(self, interrupted: Sequence[int]) -> None:
        while self.queue or self._held():
            if interrupted:
                raise KeyboardInterrupt
            self._poll()
            self._hand_out()
            if not self._held() and self.queue and not self.work.fits(self.queue[0]):
                break
            if self.work.left() <= 0:
                break
            self._take(min(POLL_S, max(self.work.left(), 0.0)))

    def _held(self) -> int:
        return sum(len(task.runs) for one in self.members.values() for task in one.tasks)

    def _poll(self, *, at_once: bool = False) -> None:
        """See which workers are there, now and then, or at once."""
        now = time.monotonic()
        if not at_once and now - self.polled < max(POLL_S, self.poll_s / POLL_SHARE):
            return
        try:
            there = self.client.scheduler_info(n_workers=-1)["workers"]
        except Exception as error:  # whatever a connection that ends raises
            raise self._gone() from error
        if self.client.status != "running":
            raise self._gone()
        self.polled, self.poll_s = time.monotonic(), time.monotonic() - now
        for address in [one for one in self.members if one not in there]:
            self._lost(self.members[address], "its worker is gone")
        for address, said in there.items():
            if address not in self.members:
                self._hire(_Member(address, max(1, said["nthreads"]), said.get("resources") or {}))
        self._hold_anybody()

    def _hold_anybody(self) -> None:
        usable = [one for one in self.members.values() if not one.refused]
        if usable:
            self.seen = time.monotonic()
        elif self.members:
            raise InfrastructureError(
                f"none of {len(self.members)} workers can be given runs, for the reasons above; what was finished is "
                "kept"
            )
        elif time.monotonic() - self.seen > NOBODY_S:
            raise InfrastructureError(
                f"no worker was there for {NOBODY_S:.0f} s; start one with `dask worker "
                f"{self.client.scheduler.address}` in the project's folder; what was finished is kept"
            )

    def _hire(self, member: _Member) -> None:
        """Ask a worker who it is."""
        self.members[member.address] = member
        if self.work.device == "cuda" and not member.resources.get(GPU):
            self._refuse(member, f"it offers no resource {GPU} (`dask worker --resources {GPU}=1`)")
            return
        task = _Task(member, [])
        if self.asked:
            self._submit(task, remote.ask, self.name, facts, self.asked)
        else:
            self._submit(task, remote.process)

    def _submit(self, task: _Task, act: Callable[..., Any], *arguments: Any) -> None:
        resources = {GPU: 1 / self.work.per_device} if task.runs and self.work.device == "cuda" else None
        task.member.tasks.append(task)
        task.future = self.client.submit(
            act, *arguments, key=_key(), retries=0, workers=[task.member.address], allow_other_workers=False,
            resources=resources,
        )  # fmt: skip
        task.future.add_done_callback(lambda _future: self.done.put(task))

    def _hand_out(self) -> None:
        """Give each worker what it may hold, those that hold least first."""
        ready = [one for one in self.members.values() if one.process and not one.refused]
        slots = sum(self._slots(one) for one in ready)
        for ahead in (0, 1):
            for member in ready:
                while self.queue and self.work.fits(self.queue[0]) and self._free(member, ahead, slots):
                    runs = self._batch(slots)
                    orders = [*map(self.work.order, runs)]
                    self._submit(_Task(member, runs), remote.make, self.name, member.process, orders)

    def _slots(self, member: _Member) -> int:
        """Return how many runs a worker makes at once: a process a thread, and on GPUs as many as fit."""
        if self.work.device != "cuda":
            return member.slots
        return max(1, min(member.slots, int(member.resources[GPU] * self.work.per_device)))

    def _free(self, member: _Member, ahead: int, slots: int) -> bool:
        """Say whether a worker may be given one more task.

        One waits there where runs are short, or where so many are left that nobody will be idle for it.
        """
        short = self.pace.get(self.queue[0].key[:2], AHEAD_S) < AHEAD_S or len(self.queue) >= PLENTY * slots
        more = ahead and short and self.work.left() == float("inf")
        return len(member.tasks) < self._slots(member) * (2 if more else 1)

    def _batch(self, slots: int) -> list[PlannedRun]:
        """Take the runs of a task from the queue: several of a moment, and alone any that was begun before.

        Alone are those of a case that nobody has run as well, which may take hours.
        """
        first = self.queue.popleft()
        runs, seconds = [first], self.pace.get(first.key[:2], TASK_S)
        most = min(MOST_IN_TASK, 1 + len(self.queue) // (2 * slots))
        if self.begun[first.key] or self.work.left() < float("inf"):
            return runs
        while self.queue and len(runs) < most and not self.begun[self.queue[0].key]:
            seconds += self.pace.get(self.queue[0].key[:2], TASK_S)
            if seconds > TASK_S:
                break
            runs.append(self.queue.popleft())
        return runs

    def _take(self, seconds: float) -> None:
        """Wait for tasks that end, and take what they made."""
        ended: list[_Task] = []
        with contextlib.suppress(queue.Empty):
            ended.append(self.done.get(timeout=seconds))
            while True:
                ended.append(self.done.get_nowait())
        made: list[tuple[PlannedRun, Report]] = []
        for task in ended:
            if task in task.member.tasks:  # else it was given up when its worker was lost
                made += self._ended(task)
        if made:
            self.lost_in_a_row = 0
            self.pace |= {run.key[:2]: report.wall_seconds for run, report in made}
            self.work.keep(made)

    def _ended(self, task: _Task) -> list[tuple[PlannedRun, Report]]:
        """Return what a task made, its runs that were not made being in the queue again."""
        assert task.future
        member = task.member
        if task.future.status not in ("finished", "error"):  # as when the scheduler ends, or the worker with the answer
            self._poll(at_once=True)
            if task in member.tasks:
                self._lost(member, "its task was cancelled")
            return []
        try:
            answer = task.future.result(timeout=FETCH_S)
        except TimeoutError:  # its worker took the answer with it, or is slow: one of the next looks tells
            self.done.put(task)
            return []
        except Exception as error:  # whatever a worker fails with that lacks what it needs
            self._poll(at_once=True)
            if task in member.tasks:
                self._failed(task, error)
            return []
        if not task.runs:
            member.tasks.remove(task)
            self._meet(member, answer)
            return []
        if answer.stranger:
            self._lost(member, "its worker was started anew")
            return []
        member.tasks.remove(task)
        return self._made(task, answer)

    def _failed(self, task: _Task, error: Exception) -> None:
        """Refuse a worker that could not begin a task, or let go of one that died so often that Dask gave it up."""
        if type(error).__name__ == "KilledWorker":
            self._lost(task.member, "its worker died")
            return
        task.member.tasks.remove(task)
        self.queue.extendleft(reversed(task.runs))
        self._refuse(task.member, f"it fails before it makes a run ({terminal.escape(str(error))})")

    def _made(self, task: _Task, answer: remote.Ended) -> list[tuple[PlannedRun, Report]]:
        kept = []
        rest = deque(task.runs)
        for report in answer.reports:
            run = rest.popleft()
            if report.machine and self._again(run):
                continue
            attempts = self.begun[run.key] + (not report.machine)
            kept.append((run, replace(report, record=task.member.record, attempts=attempts)))
        if answer.lost:
            run = rest.popleft()
            if not self._again(run):
                self.work.lose(run, answer.lost)
            self._count_lost(run, answer.lost)
        self.queue.extendleft(reversed(rest))
        return kept

    def _again(self, run: PlannedRun) -> bool:
        """Count an attempt that the machine ended, and queue the run again unless that was the last one."""
        self.begun[run.key] += 1
        if self.begun[run.key] > self.work.retries:
            return False
        self.queue.appendleft(run)
        return True

    def _lost(self, member: _Member, why: str) -> None:
        """Let go of a worker. What it was making is begun again as often as the study says, what waited there too."""
        del self.members[member.address]
        making = self._slots(member) if member.process else 0
        for place, task in reversed([*enumerate([task for task in member.tasks if task.runs])]):
            if place >= making:
                self.queue.extendleft(reversed(task.runs))
                continue
            for run in reversed(task.runs):
                if not self._again(run):
                    self.work.lose(run, why)
            self._count_lost(task.runs[0], why)
        self.client.cancel([task.future for task in member.tasks if task.future])
        member.tasks.clear()

    def _count_lost(self, run: PlannedRun, why: str) -> None:
        self.lost_in_a_row += 1
        if self.lost_in_a_row >= MOST_LOST * max(1, len(self.members)):
            raise InfrastructureError(
                f"{self.lost_in_a_row} runs were lost one after the other, the last {run.experiment} {run.case} "
                f"replicate {run.replicate}: {why}; what was finished is kept: run again"
            )

    def _meet(self, member: _Member, answer: Any) -> None:
        """Admit a worker that has said who it is, or refuse it, naming what differs."""
        if not self.asked or not self.here:
            member.process = answer
            return
        process, there = answer
        strange, other = other_study(there, self.here), other_machine(there, self.here)
        if strange or (other and not self.record):
            hint = "" if strange else "; --other-workers record takes it as a kind of machine of its own"
            self._refuse(member, f"{shown(strange + other)}{hint}")
            return
        if other:
            terminal.say(f"repro run: worker {member.address} is recorded as its own kind of machine: {shown(other)}")
        member.process, member.record = process, there.record

    def _refuse(self, member: _Member, why: str) -> None:
        terminal.say(f"repro run: worker {member.address} is refused: {why}")
        member.refused = True

    def _gone(self) -> InfrastructureError:
        return InfrastructureError(
            "the scheduler is gone; what was finished is kept: start it again, and the same command goes on from here"
        )

    def _put_away(self) -> None:
        """Let go of what is still asked for, and end this client's processes at the workers."""
        with contextlib.suppress(Exception):  # a cluster that is gone has none
            futures = [task.future for one in self.members.values() for task in one.tasks if task.future]
            self.client.cancel(futures)
            taken = [one.address for one in self.members.values() if one.process]
            if self.client.status == "running" and self.asked and taken:
                self.client.run(remote.close, self.name, workers=taken, on_error="ignore")
