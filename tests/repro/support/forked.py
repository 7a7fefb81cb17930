"""`repro` in a process of its own that is forked of one which has imported what verbs import.

A test of the command line needs a process's ends: its exit code, its two outputs, its folder and its variables. It does
not need numpy and pyarrow read anew, which is most of what a verb of a small project takes.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.sources import PROJECT

PRELOADED = "tests.repro.support.preloaded"
AT_START = (  # read when Python or a library begins
    "PYTHON", "LD_", "OMP_", "MKL_", "ARROW_", "MALLOC_", "GLIBC_", "MPL", "MATPLOTLIB",
)  # fmt: skip
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as a test that calls `repro` here does to all after it
VARIABLES = dict(os.environ)
FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload([PRELOADED])


def command(*arguments: str) -> list[str]:
    """Return the command line of a verb, for the interpreter of the tests and this project's code."""
    return [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from repro.cli.main import main; sys.exit(main())",
        *arguments,
    ]


def repro(
    arguments: Sequence[str], folder: Path, env: Mapping[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a verb in a folder and return the finished process, as `subprocess.run` does."""
    line, variables = command(*arguments), dict(os.environ if env is None else env)
    changed = {name for name in {*variables, *VARIABLES} if variables.get(name) != VARIABLES.get(name)}
    if any(name.startswith(AT_START) for name in changed):
        return subprocess.run(
            line, cwd=folder, env=variables, capture_output=True, text=True, timeout=timeout, check=False
        )
    with tempfile.TemporaryDirectory() as place:
        said, complained = Path(place, "stdout"), Path(place, "stderr")
        process = FORKING.Process(target=_become, args=(line[2:], folder, variables, said, complained))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(line, timeout, said.read_text(), complained.read_text())
        return subprocess.CompletedProcess(line, process.exitcode, said.read_text(), complained.read_text())


def _become(argv: Sequence[str], folder: Path, variables: Mapping[str, str], said: Path, complained: Path) -> None:
    """Be the command line in this process."""
    for number, path in ((1, said), (2, complained)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv[:], sys.path[:0] = ["-c", *argv[1:]], [str(PROJECT), ""]
    from repro.cli.main import main

    sys.exit(main())
