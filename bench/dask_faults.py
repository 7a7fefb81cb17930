"""Hurt a Dask cluster as machines are hurt, round after round. Prints Markdown, ends with 1 where a table differs.

A round is one study of 1,200 runs on a cluster of this machine: a scheduler and five workers, of which one has not the
data and one another version of this program, both being refused; of the others one is killed and started again, one
loses its network for 30 seconds, one the room on its disk. Then the scheduler is killed, and the command given again on
a new one. The table has to be that of a sequential run in all but times and attempts. The network is cut in a network
namespace and the disk is a small tmpfs, which only root may make; without that these two faults are left out, and said.
Usage: python bench/dask_faults.py [--rounds 20] [--kills 2]
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from repro.runs import pieces  # noqa: E402
from tests.repro.support.loopback import HOST, QUICK, Loopback  # noqa: E402

NEAR, FAR = "near.parquet", "far.parquet"
APART = ["wall_seconds", "finished", "attempts"]
REPLICATES = 200  # of six cases
CUT_S = 30.0
SPACE = "repro-cut"
OURS, THEIRS = "10.213.77.1", "10.213.77.2"
ROOM = "4m"
STUDY = '''"""A study of a number in a file, whose runs wait a tenth of a second."""
import time
from dataclasses import dataclass
import numpy as np
from repro.data import DataSet, content_hash
from repro.study import Profile, Study

def read(folder):
    return {"x": np.loadtxt(folder / "one.txt", ndmin=1)}

one = DataSet("one", "A number", content_hash({"x": np.array([2.0])}), read, {"one.txt": "DIGEST"})

@dataclass(frozen=True)
class Case:
    power: int

study = Study("hurt", retries=4, smoke=Profile(None, one, 2, 2, cannot_answer="anything"))

@study.experiment(tuple(map(Case, range(6))), metrics=("sum",))
def total(case, run):
    """A power and a draw."""
    time.sleep(SECONDS)
    draw = np.random.default_rng(run.seed).normal()
    return {"sum": float(run.dataset.load()["x"][0] ** case.power + draw)}
'''


def row(*cells: object) -> None:
    """Print a row of a table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def line(folder: Path, results: str, *words: str) -> list[str]:
    """Return the command that makes the runs."""
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from repro.cli.main import main; sys.exit(main())"
    wanted = ("--replicates", str(REPLICATES), "--results", str(folder / results))
    return [sys.executable, "-c", start, "run", "hurt", *wanted, *words]


def prepared(folder: Path) -> dict[str, str]:
    """Write the study, its data, and what the refused workers have; return the variables of a good machine."""
    content = b"2\n"
    (folder / "data").mkdir()
    (folder / "data" / "one.txt").write_bytes(content)
    (folder / "empty").mkdir()
    shutil.copytree(ROOT / "repro", folder / "old" / "repro", ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "old" / "repro" / "seeds.py").open("a") as of:
        of.write("OLD = 1\n")
    (folder / "studies" / "hurt").mkdir(parents=True)
    write(folder)
    return {"REPRO_DATA_DIR": str(folder / "data"), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}


def write(folder: Path) -> None:
    """Write the study; how long its runs wait is read from the environment, which is no part of its code."""
    digest = hashlib.sha256((folder / "data" / "one.txt").read_bytes()).hexdigest()
    text = STUDY.replace("DIGEST", digest).replace("SECONDS", 'float(os.environ.get("WAIT_S", "0"))')
    (folder / "studies" / "hurt" / "__init__.py").write_text(text.replace("import time\n", "import os, time\n"))


def root(*words: str) -> bool:
    """Do what only root may, and say whether it was done."""
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


@contextlib.contextmanager
def namespace() -> Iterator[bool]:
    """Make a network namespace with a wire to this one; yield whether that was allowed."""
    made = bool(shutil.which("ip")) and root("ip", "netns", "add", SPACE)
    made = made and root("ip", "link", "add", "repro-a", "type", "veth", "peer", "name", "repro-b", "netns", SPACE)
    inside = ("ip", "-n", SPACE)
    for words in (
        ("ip", "addr", "add", f"{OURS}/24", "dev", "repro-a"), ("ip", "link", "set", "repro-a", "up"),
        (*inside, "addr", "add", f"{THEIRS}/24", "dev", "repro-b"), (*inside, "link", "set", "repro-b", "up"),
        (*inside, "link", "set", "lo", "up"),
    ):  # fmt: skip
        made = made and root(*words)
    try:
        yield made
    finally:
        root("ip", "netns", "del", SPACE)


@contextlib.contextmanager
def disk(folder: Path) -> Iterator[Path | None]:
    """Mount a small disk; yield its folder, None where that is not allowed."""
    place = folder / "disk"
    place.mkdir(exist_ok=True)
    made = root("mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(place))
    try:
        yield place if made else None
    finally:
        if made:
            root("umount", "-l", str(place))


def fill(place: Path) -> None:
    """Write until a disk is full."""
    with (place / "full").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"0" * 4096)


class Round:
    """One cluster, and what happens to it."""

    def __init__(self, folder: Path, good: dict[str, str], host: str) -> None:
        self.folder = folder
        self.good = {**good, "WAIT_S": "0.1"}
        self.host = host
        self.done = Counter[str]()

    def client(self, there: Loopback) -> subprocess.Popen[str]:
        """Start the command."""
        words = line(self.folder, FAR, "--engine", there.engine)
        environment = {**os.environ, **QUICK, **self.good}
        return subprocess.Popen(
            words, cwd=self.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def kept(self) -> int:
        """Return how many runs are kept."""
        path = self.folder / FAR
        return pieces.read(path, ["replicate"]).num_rows if pieces.there(path) else 0

    def wait(self, process: subprocess.Popen[str], more: int) -> None:
        """Wait until some more runs are kept, or the command has ended."""
        wanted = self.kept() + more
        while process.poll() is None and self.kept() < wanted:
            time.sleep(0.2)

    def hurt(self, space: bool, small: Path | None, kills: int) -> str:
        """Do all that is done to a cluster; return what the command said."""
        there = Loopback(self.folder, self.host)
        try:
            process = self.client(there)
            killed = there.worker(**self.good)
            there.worker(**{**self.good, "REPRO_DATA_DIR": str(self.folder / "empty")})
            there.worker((self.folder / "old",), **self.good)
            if small:
                there.worker(**self.good, TMPDIR=str(small), DASK_TEMPORARY_DIRECTORY=str(small))
            if space:
                there.worker(inside=("ip", "netns", "exec", SPACE), host=THEIRS, **self.good)
            self.wait(process, 30)
            for _ in range(kills):
                killed.kill()
                killed = there.worker(**self.good)
                self.done["workers killed"] += 1
                self.wait(process, 30)
            if small:
                fill(small)
                self.done["disks filled"] += 1
                self.wait(process, 30)
            if space and process.poll() is None:
                self.done["networks cut"] += root("ip", "link", "set", "repro-a", "down")
                time.sleep(CUT_S)
                root("ip", "link", "set", "repro-a", "up")
            self.wait(process, 10)
            self.done["schedulers killed"] += process.poll() is None
            there.scheduler.kill()
            said = process.communicate(timeout=300)[1]
        finally:
            there.end()
        if small:
            (small / "full").unlink(missing_ok=True)
        return said

    def again(self) -> int:
        """Give the command again, on a new cluster; return its exit code."""
        there = Loopback(self.folder, self.host)
        try:
            there.worker(**self.good)
            there.worker(**self.good)
            process = self.client(there)
            process.communicate(timeout=600)
            return process.returncode
        finally:
            there.end()


def main() -> None:
    """Hurt clusters round after round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--kills", type=int, default=2, help="of a worker, in each round")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        good = prepared(folder)
        near = line(folder, NEAR, "-q", "--jobs", "1")
        subprocess.run(near, cwd=folder, env={**os.environ, **good}, check=True, stdout=subprocess.DEVNULL)
        wanted = pieces.read(folder / NEAR).drop_columns(APART)
        space = stack.enter_context(namespace())
        print("### Rounds of faults, each against the table of a sequential run\n")
        if not space:
            print("Left out: the cut network, since no network namespace may be made here.\n")
        row("round", "what was done", "kept when it ended", "attempts", "refused", "the same table")
        row("--:", "---", "--:", "---", "--:", "---")
        for number in range(1, chosen.rounds + 1):
            with disk(folder) as small:
                if small is None and number == 1:
                    print("Left out: the full disk, since nothing may be mounted here.\n")
                one = Round(folder, good, OURS if space else HOST)
                said = one.hurt(space, small, chosen.kills)
            kept = one.kept()
            code = one.again()
            found = pieces.read(folder / FAR)
            attempts = dict(sorted(Counter(found["attempts"].to_pylist()).items()))
            same = code == 0 and found.drop_columns(APART).equals(wanted)
            did = ", ".join(f"{count} {what}" for what, count in one.done.items())
            row(number, did, kept, attempts, said.count("is refused"), "yes" if same else "NO")
            if not same:
                raise SystemExit(f"a difference, exit code {code}: {said[-2000:]}")
            (folder / FAR).unlink()


if __name__ == "__main__":
    main()
