"""A Dask cluster of this machine's loopback address: its scheduler and workers are processes that a test may kill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.sources import PROJECT

START_S = 60.0
HOST = "127.0.0.1"
QUICK = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"}  # for an address that does not answer


class Loopback:
    """A scheduler and its workers, which run in the folder of a project; none outlives the context `cluster`."""

    def __init__(self, project: Path, host: str = HOST) -> None:
        self.project = project
        self.host = host
        self.said = project / "scheduler.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.said.unlink(missing_ok=True)
        self.scheduler = self.start("scheduler", "--host", host, "--port", "0", "--scheduler-file", str(self.said))
        end = time.monotonic() + START_S
        while not (self.said.exists() and self.said.read_text().endswith("}")) and time.monotonic() < end:
            time.sleep(0.05)
        self.address = str(json.loads(self.said.read_text())["address"])

    def start(
        self, *words: str, path: tuple[Path, ...] = (PROJECT,), inside: tuple[str, ...] = (), **variables: str
    ) -> subprocess.Popen[bytes]:
        """Start one of Dask's commands, `inside` another one."""
        environment = {**os.environ, **QUICK, "PYTHONPATH": os.pathsep.join(map(str, path)), **variables}
        line = [*inside, sys.executable, "-m", "dask", *words, "--no-dashboard"]
        with (self.project / "dask.log").open("ab") as log:
            process = subprocess.Popen(line, cwd=self.project, env=environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def worker(
        self,
        path: tuple[Path, ...] = (PROJECT,),
        *,
        resources: str = "",
        host: str = "",
        inside: tuple[str, ...] = (),
        **variables: str,
    ) -> subprocess.Popen[bytes]:
        """Start a worker of one thread, without a nanny that would start it anew."""
        words = ["--nthreads", "1", "--no-nanny", "--memory-limit", "0", "--host", host or self.host]
        words += ["--resources", resources] if resources else []
        return self.start("worker", self.address, *words, path=path, inside=inside, **variables)

    def joined(self, workers: int) -> None:
        """Wait until so many workers have told their log that the scheduler knows them."""
        log, end = self.project / "dask.log", time.monotonic() + START_S
        while log.read_text().count("Registered to:") < workers and time.monotonic() < end:
            time.sleep(0.05)
        assert log.read_text().count("Registered to:") >= workers, "not all workers came"

    @property
    def engine(self) -> str:
        """Return the cluster as `--engine` takes it."""
        return f"dask={self.address}"

    def end(self) -> None:
        """End all processes."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def cluster(project: Path, workers: int = 0, variables: Mapping[str, str] | None = None) -> Iterator[Loopback]:
    """Yield a cluster of a scheduler and some workers."""
    made = Loopback(project)
    try:
        for _ in range(workers):
            made.worker(**(variables or {}))
        yield made
    finally:
        made.end()
