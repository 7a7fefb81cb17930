"""Run one step of every experiment of every faithful profile on device "cuda" on a machine that has none.

Usage: python -m bench.devices [STUDY ...]   a table experiment by experiment; exit 1 where one is not right
       python -m bench.devices --why-not     say why this machine cannot, or nothing

It finds what a GPU refuses, a tensor or a generator on another device, and what makes it wait in every step. What it
does not show stands in docs/adding-a-study.md.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from repro import registry
from repro.errors import DEVIATION, PASS, InfrastructureError, NothingSelectedError, ReproError
from repro.machine import terminal
from repro.study import case_words

PROJECT = Path(__file__).resolve().parents[2]
LOCK = PROJECT / "containers" / "lock" / "cuda.txt"
STUB = Path(__file__).with_name("stub.c")
HEADERS = ("study", "profile", "experiment", "cases", "updates", "taken up", "on cuda")

Case = dict[str, Any]  # as `inside.judged` returns it


def pinned() -> str:
    """Return the version of torch that the lock pins."""
    found = re.search(r"^torch==(\S+)", LOCK.read_text("utf-8"), re.MULTILINE)
    assert found, f"{LOCK} pins no torch"
    return found[1]


def why_not() -> str:
    """Return why nothing can be said here, an empty text where it can."""
    wanted = pinned()
    try:
        found = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return "torch is not installed; `nox -s environment` installs it"
    version, _, build = found.partition("+")
    if version != wanted:
        return f"made for the locked torch {wanted}, and {found} is installed; install the lock"
    if sys.platform != "linux" or build == "cpu":
        mend = "; set REPRO_TORCH=cuda" if sys.platform == "linux" else ""
        return f"needs torch's CUDA build for Linux, and {found} for {sys.platform} is installed{mend}"
    if shutil.which("gcc") is None:
        return "no gcc to compile bench/devices/stub.c with; install it"
    return ""


@contextlib.contextmanager
def stub() -> Iterator[Path]:
    """Compile the GPU that does nothing. Raise InfrastructureError where that fails."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "libcuda.so.1")
        line = ["gcc", "-shared", "-fPIC", f"-Wl,-soname,{library.name}", "-o", str(library), str(STUB)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise InfrastructureError(f"gcc cannot compile {STUB.relative_to(PROJECT)}: {reason}; see why")
        yield library


def cases(studies: Sequence[str]) -> Iterator[Case]:
    """Yield what is found of each case, from a process that the stub is loaded into.

    Raise InfrastructureError where that process does not come to its end.
    """
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(PROJECT), *([before] if before else [])])
    line = [sys.executable, "-W", "ignore", "-m", "bench.devices.inside", *studies]
    with stub() as library:
        added = {"LD_PRELOAD": str(library), "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        with subprocess.Popen(line, env={**os.environ, **added}, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for text in process.stdout:
                yield json.loads(text)
        if process.returncode:
            raise InfrastructureError(f"{' '.join(line[3:])} ended with code {process.returncode}; see what it said")


def word(some: Iterable[Case]) -> str:
    """Return what an experiment's cases come to."""
    if any(one["wrong"] for one in some):
        return "wrong"
    return "not run" if any(one["failed"] for one in some) else "right"


def table(found: Sequence[Case]) -> str:
    """Return the table, one line an experiment."""
    experiments: dict[tuple[str, str, str], list[Case]] = {}
    for one in found:
        experiments.setdefault((one["study"], one["profile"], one["experiment"]), []).append(one)
    rows = [
        (*names, len(some), " and ".join(map(str, some[0]["updates"])), some[0]["taken_up"], word(some))
        for names, some in experiments.items()
    ]
    return terminal.columns(HEADERS, rows)


def faults(found: Sequence[Case]) -> list[str]:
    """Return what is wrong, where, once for each experiment, with the first of the cases that show it."""
    shown: dict[tuple[str, str, str], list[str]] = {}
    for one in found:
        told = [f"{where}: {what}" for what, where in one["wrong"]] + ([one["failed"]] if one["failed"] else [])
        for text in told:
            shown.setdefault((one["study"], one["experiment"], text), []).append(case_words(one["case"]))
    return [
        f"{study} {experiment}: {text} ({len(some)} case{'s' * (len(some) > 1)}, such as {some[0]})"
        for (study, experiment, text), some in shown.items()
    ]


def judge(studies: Sequence[str]) -> int:
    """Judge studies, all of them without a name, and return the exit code."""
    for name in studies:
        registry.load(name)  # an unknown name is answered before anything is compiled
    found = []
    for one in cases(studies or registry.names()):
        found.append(one)
        terminal.say(f"{one['study']} {one['experiment']} {case_words(one['case'])}: {word([one])}")
    return tell(found)


def tell(found: Sequence[Case]) -> int:
    """Print the table and what is wrong; return the exit code. Raise NothingSelectedError where nothing was judged."""
    if not found:
        raise NothingSelectedError("no study has a faithful profile, so nothing was judged; declare one")
    terminal.answer(table(found))
    for text in faults(found):
        terminal.answer(text)
    bad = sum(word([one]) != "right" for one in found)
    count = f"{len(found)} case{'s' * (len(found) > 1)}"
    terminal.answer(f"{count}, {bad} not right on cuda" if bad else f"{count}, all right on cuda")
    return DEVIATION if bad else PASS


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the arguments and do it."""
    parser = argparse.ArgumentParser(prog="python -m bench.devices", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("studies", nargs="*", metavar="STUDY")
    parser.add_argument("--why-not", action="store_true", help="say why this machine cannot, or nothing")
    chosen = parser.parse_args(arguments)
    reason = why_not()
    if chosen.why_not:
        terminal.answer(reason)
        return PASS
    try:
        if reason:
            raise InfrastructureError(f"not run: {reason}")
        return judge(chosen.studies)
    except ReproError as error:
        terminal.say(f"devices: {error}")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
