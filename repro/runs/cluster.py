"""A Dask cluster to make runs on: one of this machine's own processes, or any that is there already."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from repro.errors import InfrastructureError, UsageError
from repro.machine import extras
from repro.runs import remote

if TYPE_CHECKING:
    from distributed import Client

NAME = "dask"
WAITS = "distributed.comm.timeouts.connect"  # Dask's own setting: so long for a server to answer
GPU = "GPU"  # the resource of which a worker has one for each device
ADDRESS = re.compile(r"[a-z]+://[^\s/]+:[0-9]{1,5}/?")
VISIBLE = "CUDA_VISIBLE_DEVICES"
SILENT = logging.CRITICAL + 1  # Dask's own words on what comes and goes; what matters is said in one line


@dataclass(frozen=True)
class Cluster:
    """Where runs are made: a cluster's address, None for one of this machine; `record` admits other machines.

    `jobs` is how many runs this machine was asked to make at once, None where nobody said.
    """

    address: str | None = None
    record: bool = False
    jobs: int | None = None


def engine(text: str | None, others: str | None, jobs: int | None) -> Cluster | None:
    """Read 'dask' or 'dask=ADDRESS'; None, or 'processes', is no cluster. Raise UsageError for anything else."""
    name, given, address = (text or "processes").partition("=")
    if name == "processes" and not given:
        if others:
            raise UsageError(f"--other-workers {others}: there are none without --engine {NAME}=ADDRESS")
        return None
    if name != NAME or (given and not ADDRESS.fullmatch(address)):
        raise UsageError(
            f"--engine {text}: wanted processes, {NAME}, or {NAME}=ADDRESS as {NAME}=tcp://HOST:PORT, which "
            "`dask scheduler` prints when it starts"
        )
    if given and jobs is not None:
        raise UsageError(f"--jobs {jobs}: a cluster's processes are its workers' threads; start as many of these")
    if others and not given:
        raise UsageError(
            f"--other-workers {others}: the workers of --engine {NAME} are this machine's; name an address"
        )
    return Cluster(address or None, others == "record", jobs)


@contextlib.contextmanager
def opened(chosen: Cluster, jobs: int, gpus: int, per_device: int) -> Iterator[Client]:
    """Yield a client of a cluster, one that this command starts being gone at the end.

    That is of one worker a process, `jobs` of them, or on GPUs of one a device, for `per_device` runs each.
    Raise InfrastructureError where dask is not installed, or nothing at an address answers as a scheduler does.
    """
    extras.require(NAME)
    import distributed  # which sets its loggers up, so that they are silenced after

    for name in [*logging.root.manager.loggerDict]:  # some of them have a level of their own
        if name.partition(".")[0] in (distributed.__name__, "tornado", "asyncio"):
            logging.getLogger(name).setLevel(SILENT)
    with _connected(chosen.address) if chosen.address else _started(jobs, gpus, per_device) as client:
        yield client


@contextlib.contextmanager
def _connected(address: str) -> Iterator[Client]:
    import distributed

    what = f"--engine {NAME}={address}"
    _hold_scheduler(address, what)
    try:
        client = distributed.Client(address, timeout=patience(), set_as_default=False, name="repro")
    except (OSError, ValueError, TypeError) as error:
        raise InfrastructureError(f"{what}: the scheduler does not take us as its client ({_first(error)})") from error
    try:
        its = client.get_versions()["scheduler"]["packages"]["distributed"]
        if its != distributed.__version__:
            raise InfrastructureError(
                f"{what}: the scheduler is of distributed {its}, and {distributed.__version__} is installed here; "
                "install one version on all machines"
            )
        yield client
    finally:
        with contextlib.suppress(Exception):  # a scheduler that is gone leaves nothing to close
            client.close(timeout=patience())


def _hold_scheduler(address: str, what: str) -> None:
    """Raise InfrastructureError where what answers at an address is no scheduler, or nothing does."""
    try:
        kind = asyncio.run(asyncio.wait_for(_kind(address), patience()))
    except Exception as error:  # whatever answers there may say anything
        raise InfrastructureError(
            f"{what}: no scheduler answers there ({_first(error)}); is it the address that `dask scheduler` printed, "
            "and is that running, of the same version, and reachable from here?"
        ) from error
    if kind != "Scheduler":
        raise InfrastructureError(
            f"{what}: a {kind} answers there, wanted a scheduler; `dask scheduler` prints its own"
        )


async def _kind(address: str) -> str:
    """Return what a server calls itself."""
    from distributed import Security
    from distributed.core import rpc

    arguments = Security().get_connection_args("client")
    async with rpc(address, timeout=patience(), connection_args=arguments) as server:
        return str((await server.identity())["type"])


@contextlib.contextmanager
def _started(jobs: int, gpus: int, per_device: int) -> Iterator[Client]:
    """Yield a client of a cluster of this machine's processes: of one thread each, or on a GPU of one for each run."""
    import distributed

    scheduler = {"cls": distributed.Scheduler, "options": {"host": "127.0.0.1", "dashboard_address": None}}
    quiet = {"silence_logs": SILENT, "dashboard_address": None, "preload": [remote.__name__]}
    options = {**quiet, "memory_limit": 0, "host": "127.0.0.1", "nthreads": 1}
    workers = [options] * jobs
    if gpus:
        devices = os.environ[VISIBLE].split(",") if os.environ.get(VISIBLE) else [*map(str, range(gpus))]
        used = devices[: -(-jobs // per_device)]
        workers = [_on(device, options, min(jobs, per_device)) for device in used]
    spec = {place: {"cls": distributed.Nanny, "options": one} for place, one in enumerate(workers)}
    with contextlib.ExitStack() as opened:
        with _held_back():
            try:
                cluster = distributed.SpecCluster(workers=spec, scheduler=scheduler, silence_logs=SILENT)
            except (RuntimeError, OSError, TimeoutError) as error:
                raise InfrastructureError(
                    f"--engine {NAME}: its processes do not start ({_first(error)}); fewer --jobs?"
                ) from error
            opened.enter_context(cluster)
        client = distributed.Client(cluster, timeout=patience(), set_as_default=False, name="repro")
        yield opened.enter_context(client)


@contextlib.contextmanager
def _held_back() -> Iterator[None]:
    """Let Ctrl-C wait until this is over: Dask's start loses it, or leaves half a cluster.

    The processes that it starts get it all the same, and may say so in words of their own.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _on(device: str, options: Mapping[str, Any], runs: int) -> dict[str, Any]:
    return {**options, "nthreads": runs, "resources": {GPU: 1}, "env": {VISIBLE: device}}


def patience() -> float:
    """Return the seconds that a server is given to answer."""
    import dask

    return float(dask.utils.parse_timedelta(dask.config.get(WAITS)))


def _first(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
