"""Runs on Dask clusters of the loopback address: whatever ends there, the table is the one of a sequential run."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from repro.runs import pieces, table
from tests.repro.conftest import RESULTS, Cli, toy_source, write_study
from tests.repro.support.forked import command
from tests.repro.support.loopback import QUICK, cluster
from tests.sources import PROJECT

pytest.importorskip("distributed", reason="dask is not installed: the extra `dask` brings it")

SLOW = toy_source().replace("    draw = random", "    import time; time.sleep(0.03)\n    draw = random")
APART = ("wall_seconds", "finished", "attempts")  # what may differ


def found(path: Path) -> pa.Table:
    """Return a table without times and attempts."""
    return pieces.read(path).drop_columns(list(APART))


def workers_of(parent: int) -> list[int]:
    """Return the processes of a cluster of this machine, which one of its parent's threads started."""
    lists = [path.read_text().split() for path in Path(f"/proc/{parent}/task").glob("*/children")]
    children = [int(child) for some in lists for child in some]
    return [one for one in children if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


@contextmanager
def running(project: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Make runs into `far.parquet`, of which some are there when this yields."""
    line = command("run", "montecarlo", "--results", "far.parquet", *arguments)
    process = subprocess.Popen(
        line, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stderr
        for text in process.stderr:
            if text.startswith("[") and " so far" not in text:
                break
        yield process
    finally:
        process.kill()
        process.wait()


class TestFaults:
    """Whatever ends, the run ends or goes on later with the table of a sequential one."""

    def test_a_killed_worker_of_this_machine(self, project: Path, cli: Cli) -> None:
        """Its run is begun again, with the same seed, and its row says so."""
        write_study(project, "montecarlo", SLOW)
        with running(project, "--engine", "dask", "--jobs", "2", "--replicates", "12") as process:
            os.kill(workers_of(process.pid)[0], signal.SIGKILL)
            _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert cli("run", "montecarlo", "--replicates", "12", "-q", "--results", "near.parquet").returncode == 0
        assert found(project / "far.parquet").equals(found(project / "near.parquet"))
        attempts = pieces.read(project / "far.parquet")["attempts"].to_pylist()
        assert set(attempts) == {1, 2}, said
        assert set(pieces.read(project / "near.parquet")["attempts"].to_pylist()) == {1}

    def test_a_killed_worker_and_a_killed_scheduler(self, project: Path, cli: Cli) -> None:
        """Without its scheduler a run ends with 7, all that was finished being kept, and goes on without it."""
        write_study(project, "montecarlo", SLOW)
        with (
            cluster(project, workers=2) as there,
            running(project, "--engine", there.engine, "--replicates", "20") as process,
        ):
            there.processes[1].kill()
            time.sleep(1.0)
            there.scheduler.kill()
            _, said = process.communicate(timeout=120)
        assert process.returncode == 7, said
        assert "the scheduler is gone; what was finished is kept" in said.splitlines()[-1]
        assert "distributed." not in said  # Dask says it in lines of its own
        kept = pieces.read(project / "far.parquet").num_rows // 2
        assert 0 < kept < 120
        again = cli("run", "montecarlo", "--replicates", "20", "-q", "--results", "far.parquet")
        assert f"{120 - kept} runs made, {kept} were there already" in again.stdout, again.stderr
        assert cli("run", "montecarlo", "--replicates", "20", "-q", "--results", "near.parquet").returncode == 0
        assert found(project / "far.parquet").equals(found(project / "near.parquet"))

    def test_an_interruption_ends_all_processes_in_one_line(self, project: Path) -> None:
        write_study(project, "montecarlo", SLOW)
        with running(project, "--engine", "dask", "--jobs", "1", "--replicates", "60") as process:
            workers = workers_of(process.pid)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            _, said = process.communicate(timeout=120)
        assert process.returncode == 130, said
        assert [line for line in said.splitlines() if not line.startswith("[")] == [
            "repro run: interrupted; finished runs are kept"
        ]
        assert workers
        assert not [one for one in workers if Path(f"/proc/{one}").exists()]
        assert pieces.read(project / "far.parquet").num_rows

    def test_an_interruption_while_the_cluster_starts_is_not_lost(self, project: Path) -> None:
        line = command("run", "montecarlo", "--engine", "dask", "--jobs", "2", "--replicates", "60")
        process = subprocess.Popen(
            line, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        workers = wait_for(lambda: workers_of(process.pid), bool)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 130, said
        assert "repro run: interrupted; finished runs are kept" in said.splitlines()
        assert not [one for one in workers if Path(f"/proc/{one}").exists()]

    @pytest.mark.parametrize("listening", [True, False])
    def test_an_address_that_is_no_scheduler(self, project: Path, cli: Cli, listening: bool) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            if not listening:
                server.close()
            done = cli("run", "montecarlo", "--engine", f"dask=tcp://127.0.0.1:{port}", env={**os.environ, **QUICK})
        assert done.returncode == 7
        *signs, line = done.stderr.splitlines()
        assert all(one.endswith(" s so far") for one in signs)  # that the command lives
        assert line.startswith(f"repro run: --engine dask=tcp://127.0.0.1:{port}: no scheduler answers there (")

    def test_a_worker_in_place_of_the_scheduler_or_without_the_gpu_that_is_asked_for(
        self, project: Path, cli: Cli
    ) -> None:
        with cluster(project) as there:
            port = there.address.rpartition(":")[2]
            worker = there.worker()
            listening = worker_port(worker.pid, int(port))
            done = cli("run", "montecarlo", "--engine", f"dask=tcp://127.0.0.1:{listening}")
            alone = cli("run", "montecarlo", "--engine", there.engine, "--device", "cuda")
            there.worker(resources="GPU=1")
            there.joined(2)
            made = cli("run", "montecarlo", "--engine", there.engine, "--device", "cuda", "-q")
        assert done.returncode == 7
        assert "a Worker answers there, wanted a scheduler" in done.stderr
        assert alone.returncode == 7
        assert "is refused: it offers no resource GPU" in alone.stderr
        assert "is refused: it offers no resource GPU" in made.stderr
        assert set(pieces.read(project / RESULTS)["device"].to_pylist()) == {"cuda"}


def worker_port(process: int, scheduler: int) -> int:
    """Return the port that a worker listens on."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        sockets = {line.split()[9]: int(line.split()[1].rpartition(":")[2], 16) for line in lines if " 0A " in line}
        for one in Path(f"/proc/{process}/fd").iterdir():
            try:
                name = os.readlink(one)
            except OSError:
                continue
            if name.startswith("socket:[") and sockets.get(name[8:-1], scheduler) != scheduler:
                return sockets[name[8:-1]]
        time.sleep(0.1)
    raise AssertionError("the worker listens nowhere")


WITH_DATA = '''"""A study of three numbers that lie in a file."""
from dataclasses import dataclass
import numpy as np
from repro.data import DataSet, content_hash
from repro.study import Profile, Study

def read(folder):
    return {"x": np.loadtxt(folder / "three.txt")}

three = DataSet("three", "Three numbers", content_hash({"x": np.array([1.0, 2.0, 4.0])}), read, {"three.txt": "DIGEST"})

@dataclass(frozen=True)
class Case:
    power: int

study = Study("montecarlo", smoke=Profile(None, three, 2, 2, cannot_answer="anything"))

@study.experiment(tuple(map(Case, (1, 2, 3))), metrics=("sum",))
def total(case, run):
    """The sum of powers."""
    draw = np.random.default_rng(run.seed).normal()
    return {"sum": float((run.dataset.load()["x"] ** case.power).sum() + draw)}
'''


def test_workers_that_differ_are_refused_or_recorded(project: Path, cli: Cli, tmp_path_factory: Any) -> None:
    """One line each says in what; those of other packages are taken where that is asked for, as their own stratum."""
    apart = tmp_path_factory.mktemp("apart")
    (apart / "data").mkdir()
    (apart / "data" / "three.txt").write_text("1\n2\n4\n")
    digest = hashlib.sha256(b"1\n2\n4\n").hexdigest()
    write_study(project, "montecarlo", WITH_DATA.replace("DIGEST", digest))
    (apart / "empty").mkdir()
    (apart / "other" / "scikit_learn-0.0.1.dist-info").mkdir(parents=True)
    (apart / "other" / "scikit_learn-0.0.1.dist-info" / "METADATA").write_text("Name: scikit-learn\nVersion: 0.0.1\n")
    shutil.copytree(PROJECT / "repro", apart / "old" / "repro", ignore=shutil.ignore_patterns("__pycache__"))
    (apart / "old" / "repro" / "seeds.py").open("a").write("OLD = 1\n")
    data = {"REPRO_DATA_DIR": str(apart / "data")}
    environment = {**os.environ, **data}
    arguments = ("run", "montecarlo", "-q", "--results")
    with cluster(project) as there:
        there.worker(REPRO_DATA_DIR=str(apart / "empty"), XDG_CACHE_HOME=str(apart / "empty"))
        there.worker((apart / "old",), **data)
        there.worker((apart / "other", PROJECT), **data)
        far = (*arguments, "far.parquet", "--engine", there.engine)
        there.joined(3)
        refused = cli(*far, env=environment)
        assert refused.returncode == 7
        assert refused.stderr.splitlines()[-1].startswith("repro run: none of 3 workers can be given runs")
        lines = "\n".join(sorted(refused.stderr.splitlines()))
        assert "is refused: data three: absent" in lines
        assert "is refused: repro's own code" in lines
        assert "is refused: scikit-learn 0.0.1 for " in lines
        recorded = cli(*far, "--other-workers", "record", env=environment)
        assert recorded.returncode == 0, recorded.stderr
        assert "is recorded as its own kind of machine: scikit-learn 0.0.1 for " in recorded.stderr
        there.worker(**data)
        good = (*arguments, "good.parquet", "--engine", there.engine)
        there.joined(4)
        made = cli(*good, env=environment)
        # Those that differ are still there; the runs may be made before each of them has said who it is.
        assert made.returncode == 0, made.stderr
    assert cli(*arguments, "near.parquet", env=environment).returncode == 0
    near = found(project / "near.parquet")
    assert found(project / "good.parquet").equals(near)
    own = pieces.read(project / "far.parquet")
    (record,) = table.environments(own).values()
    assert record["packages"]["scikit-learn"] == "0.0.1"
    assert found(project / "far.parquet").drop_columns("environment").equals(near.drop_columns("environment"))


def wait_for(act: Any, good: Any) -> Any:
    """Do something until it is as wanted, since workers come when they are ready."""
    end = time.monotonic() + 60
    while not good(done := act()) and time.monotonic() < end:
        time.sleep(0.5)
    return done


TROUBLE = '''"""A study whose machine fails it, or that fails by itself."""
import os
from dataclasses import dataclass
from pathlib import Path
from repro.study import Profile, Study

@dataclass(frozen=True)
class Case:
    what: str

study = Study("montecarlo", retries=1, smoke=Profile(None, cannot_answer="anything"))

@study.experiment(tuple(map(Case, ("fine", "memory", "cuda", "death", "fault", "nan"))), metrics=("x",))
def trouble(case, run):
    """What happens, and how often."""
    with Path(f"{case.what}.begun").open("a") as begun:
        begun.write(f"{run.seed}\\n")
    first = Path(f"{case.what}.begun").read_text().count("\\n") == 1
    if case.what == "memory" and first: raise MemoryError
    if case.what == "cuda": raise RuntimeError("CUDA error: an illegal memory access was encountered")
    if case.what == "death": os._exit(9)
    if case.what == "fault": raise ValueError("out of range")
    return {"x": float("nan") if case.what == "nan" else float(run.seed % 7)}
'''


def test_what_the_machine_ends_is_begun_again_as_often_as_the_study_says(project: Path, cli: Cli) -> None:
    """With the same seed; what the study's own code does wrong is not, and no number comes of a failure."""
    write_study(project, "montecarlo", TROUBLE)
    done = cli("run", "montecarlo", "--engine", "dask", "--jobs", "1", "-q", "--results", "far.parquet")
    assert done.returncode == 7, done.stderr
    begun = {path.stem: path.read_text().split() for path in project.glob("*.begun")}
    assert {what: len(seeds) for what, seeds in begun.items()} == {
        "fine": 1, "memory": 2, "cuda": 2, "death": 2, "fault": 1, "nan": 1,
    }  # fmt: skip
    assert all(len(set(seeds)) == 1 for seeds in begun.values())
    rows = pieces.read(project / "far.parquet").to_pylist()
    said = {row["case"][9:-2]: (row["status"], row["attempts"]) for row in rows}
    assert said == {
        "fine": ("ok", 1), "memory": ("ok", 2), "cuda": ("failed", 2), "fault": ("failed", 1), "nan": ("nonfinite", 1),
    }  # fmt: skip
    assert "with exit code 9" in done.stderr  # the run that is not kept
