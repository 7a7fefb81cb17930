"""A bundle is read in a process of its own, with bounds on memory and time: whatever it does there, this one says so.

The other process is this module, run. It is asked by one line of JSON, says that it is ready, and answers by another.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE
from typing import Any

from repro.errors import InfrastructureError, IntegrityError, ReproError, UsageError

MEMORY_BYTES = 2**30  # of address space, libraries included; what is in memory is less than that
SECONDS = 30
READY = "ready"
# One thread and one arena each, lest a machine of many cores spend the memory on stacks before anything is read.
ALONE = {
    "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1",
}  # fmt: skip
# What a verification imports late, imported before the bounds are set.
LATE = (
    "google.protobuf.json_format", "in_toto_attestation.predicates.test_result.v0.test_result_pb2",
    "in_toto_attestation.v1.statement", "rocrate.rocrate", "scipy.special", "scipy.optimize",
)  # fmt: skip
KINDS: dict[int, type[ReproError]] = {one.exit_code: one for one in (IntegrityError, InfrastructureError, UsageError)}

Answer = dict[str, Any]


def answer(bundle: Path, signers: Path | None = None, log: Path | None = None) -> Answer:
    """Return what a bundle holds, in words, read in another process. Raise ReproError with why it is not believed."""
    asked = json.dumps([os.fspath(bundle), signers and os.fspath(signers), log and os.fspath(log)])
    home = Path(__file__).resolve().parents[2]  # so that no module in the current folder stands before ours
    known = os.pathsep.join([str(home), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-P", "-m", "repro.bundle.apart"]
    # What a process that is ended leaves lies in this folder.
    with tempfile.TemporaryDirectory() as folder:
        variables = {**os.environ, **ALONE, "PYTHONPATH": known, "TMPDIR": folder}
        with subprocess.Popen(
            command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=variables, start_new_session=True
        ) as child:
            try:
                said, complaint = child.communicate(asked.encode(), timeout=SECONDS)
            except subprocess.TimeoutExpired as error:
                raise IntegrityError(f"{bundle}: refused: takes more than {SECONDS} s to read") from error
            finally:
                end(child)
    return understood(bundle, said.decode("utf-8", "replace"), complaint.decode("utf-8", "replace"), child.returncode)


def end(child: subprocess.Popen[bytes]) -> None:
    """End a process, and what it started, if it runs still."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)


def understood(bundle: Path, said: str, complaint: str, code: int) -> Answer:
    """Return the facts that a process answered. Raise what it raised, or why there is no answer."""
    ready, _, rest = said.partition("\n")
    if ready != READY:
        last = complaint.strip().rpartition("\n")[2]
        raise InfrastructureError(f"{bundle}: the process that would read it did not start ({last or f'exit {code}'})")
    try:
        facts, fault, kind = json.loads(rest)
    except ValueError as error:
        how = f"signal {-code}" if code < 0 else f"exit {code}"
        raise IntegrityError(f"{bundle}: refused: reading it ended the process that read it ({how})") from error
    return told(facts, fault, kind)


def told(facts: Answer | None, fault: str, kind: int) -> Answer:
    """Return facts. Raise the error of a fault, by its exit code."""
    if facts is None:
        raise KINDS.get(kind, IntegrityError)(fault)
    return facts


def read(bundle: Path, signers: Path | None, log: Path | None) -> tuple[Answer | None, str, int]:
    """Return what a bundle holds, or what is wrong and the exit code of that."""
    from repro.bundle.unpack import contents
    from repro.bundle.verify import believed, trusted
    from repro.bundle.words import LINE, plain

    try:
        ours = trusted(log)
        files = contents(bundle)
        try:
            return believed(files, signers, ours), "", 0
        except (UsageError, InfrastructureError):
            raise  # about the list of signers or this machine, not about the bundle
        except ReproError as error:
            raise IntegrityError(f"{bundle}: refused: {error}") from error
    except ReproError as error:
        return None, plain(error, LINE), error.exit_code
    except Exception as error:  # whatever a stranger's file makes a reader do
        # A system call that finds no memory says so otherwise than Python does.
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return None, f"{plain(bundle)}: refused: takes more than {MEMORY_BYTES} bytes of memory to read", 6
        return None, plain(f"{bundle}: refused: cannot be read ({type(error).__name__}: {error})", LINE), 6


def main() -> None:
    """Answer one question."""
    bundle, signers, log = (name and Path(name) for name in json.loads(sys.stdin.read()))
    import pyarrow as pa

    for name in ("repro.bundle.verify", *LATE):
        importlib.import_module(name)
    pa.set_cpu_count(1)
    if sys.platform == "linux":  # elsewhere the bound is not kept, or would end what is there already
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(READY, flush=True)
    print(json.dumps(read(bundle, signers, log)), flush=True)


if __name__ == "__main__":
    main()
