"""What code reads while it runs, by name and content: files and folders that Python opens, and what doors tell.

A name is `KIND:REST`. Each is looked at before it is read, once; what cannot be followed is said in words. Code that is
imported is read, too, unless it was followed before. A file that compiled code opens by itself is not seen: tables and
data sets, which are such, come through doors that tell of them. Nor is a file seen that is only asked for.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LISTED = frozenset({"os.listdir", "os.scandir"})
BEYOND = frozenset({
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty",
    "socket.connect", "sqlite3.connect",
})  # fmt: skip
SPAWNERS = frozenset({"multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver"})  # raise no event
OF_THE_MACHINE = ("/proc/", "/sys/", "/dev/")
IMPORTS = "<frozen importlib._bootstrap_external>"  # the file that the import system's own code says it is from


class Reads:
    """What was read, by name, each with what it was when it was looked at.

    `opened` is what Python opened, `told` what doors told of; `strange` is what no content stands for, in words.
    `covered` are folders whose files are known by other means, and `followed` says of code that is imported whether
    it is.
    """

    def __init__(
        self,
        look: Callable[[str], str],
        covered: Iterable[str] = (),
        followed: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._look, self._followed = look, followed
        self._covered = (*OF_THE_MACHINE, *(os.path.join(folder, "") for folder in covered))
        self._quiet = threading.local()  # what one thread looks at hides nothing that another opens
        self._spawners = SPAWNERS & sys.modules.keys()
        self.opened: dict[str, str] = {}
        self.told: dict[str, str] = {}
        self.strange: set[str] = set()

    def add(self, things: dict[str, str], names: Iterable[str]) -> None:
        """Look at things that are about to be read, the first time, and add them to what was opened or told."""
        with self.apart():
            things.update({name: self._look(name) for name in names if name not in things})

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Take no notice for a while of what is opened."""
        before, self._quiet.on = getattr(self._quiet, "on", False), True
        try:
            yield
        finally:
            self._quiet.on = before

    @property
    def spawned(self) -> bool:
        """Say whether processes may have been started that nothing is heard of."""
        return bool((SPAWNERS & sys.modules.keys()) - self._spawners)

    def hear(self, event: str, given: tuple[Any, ...], *, importing: bool = False) -> None:
        """Take notice of an event of the interpreter; the folders that imports look into are known by other means."""
        if getattr(self._quiet, "on", False) or (importing and event in LISTED):
            return
        if event in BEYOND:
            if not _looks_up_libraries(given):
                self.strange.add(event)
        elif event == "open" and _reads(*given[1:3]):
            self._opened("file", given[0], importing=importing)
        elif event in LISTED:
            self._opened("listing", os.getcwd() if not given or given[0] is None else given[0])

    def _opened(self, kind: str, given: object, *, importing: bool = False) -> None:
        if not isinstance(given, str | bytes | os.PathLike):
            return  # a number of what is open already
        path = os.path.abspath(os.fsdecode(given))
        if path.startswith(self._covered):
            return
        if path.endswith(".pyc"):
            with contextlib.suppress(ValueError):  # of one that stands alone
                path = importlib.util.source_from_cache(path)
        if importing and self._followed(path):
            return
        self.add(self.opened, [f"{kind}:{path}"])


def _reads(mode: object, flags: object) -> bool:
    """Say whether something is opened to be read."""
    if isinstance(mode, str):
        return "r" in mode or "+" in mode
    return not isinstance(flags, int) or not ((flags & os.O_ACCMODE) == os.O_WRONLY or flags & os.O_EXCL)


def _looks_up_libraries(given: tuple[Any, ...]) -> bool:
    """Say whether a program is what `ctypes` finds the system's libraries by."""
    return bool(given) and isinstance(given[0], str) and os.path.basename(given[0]) == "ldconfig"


_LISTENING: list[Reads] = []  # the one that takes notice; the interpreter lets no hook be taken away
_HOOKED: list[bool] = []


def _hook(event: str, given: tuple[Any, ...]) -> None:
    if not _LISTENING or not (event == "open" or event in LISTED or event in BEYOND):
        return
    _LISTENING[-1].hear(event, given, importing=sys._getframe(1).f_code.co_filename == IMPORTS)


@contextmanager
def recorded(reads: Reads) -> Iterator[Reads]:
    """Take notice of what is read meanwhile."""
    if not _HOOKED:
        _HOOKED.append(True)
        sys.addaudithook(_hook)
    _LISTENING.append(reads)
    try:
        yield reads
    finally:
        _LISTENING.remove(reads)


def about_to_read(*names: str) -> None:
    """Tell of things that are read next, whether they are there or not; a door's word, heard where somebody listens."""
    if _LISTENING:
        _LISTENING[-1].add(_LISTENING[-1].told, names)


def about_to_open(*paths: Path) -> None:
    """Tell of files that are sought and, if they are there, opened."""
    if _LISTENING:
        _LISTENING[-1].add(_LISTENING[-1].opened, [f"file:{os.path.abspath(path)}" for path in paths])


@contextmanager
def by_a_door(*names: str) -> Iterator[None]:
    """Tell of things and read them, and whatever else is opened meanwhile."""
    about_to_read(*names)
    if not _LISTENING:
        yield
        return
    with _LISTENING[-1].apart():
        yield
