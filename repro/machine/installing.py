"""Install a set of locked packages into an environment, every file checked by its hash; what is cut off goes on.

`nox -s environment` runs it with nox's Python, so that the standard library is enough.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from repro.errors import INTERRUPTED, InfrastructureError, IntegrityError, ReproError
from repro.machine import cache, files, sets
from repro.machine.growth import Growth
from repro.machine.image import fault

UNFINISHED = "unfinished.txt"  # there while an installation lasts: the set that it is of
LOG = "install.log"
TEMPORARY = "tmp"
RATE = "installing.json"  # in the user's cache: how quick the last installation here was
TORCH = "torch"
TOGETHER = 20  # packages that are installed at once; torch and each of CUDA's are alone, being large
# What commands import, and a program that imports what is there of it; torchvision's compiled part may be of another
# build than torch, and only studies know what to do then.
IMPORTED = ("torch", "scipy.stats", "scipy.signal", "sklearn.datasets", "pyarrow.parquet", "pytest")
IMPORT = (
    "import importlib.util, sys; [importlib.import_module(name) for name in sys.argv[1:] "
    "if importlib.util.find_spec(name.partition('.')[0])]"
)


@dataclass(frozen=True)
class Installation:
    """An environment's folder, the project's, the installer by nox's word, and the Python that it is made from.

    `version` is that Python's, as "3.11".
    """

    folder: Path
    root: Path
    backend: str
    interpreter: str
    version: str

    @property
    def python(self) -> Path:
        """Return the environment's Python."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def line(self) -> list[str]:
        """Return how a command of the installer begins: pip's, or uv's with the same words.

        Not all is compiled beforehand, as uv does by itself: most of it is never imported. `warm` compiles the rest.
        """
        if self.backend == "uv":
            return [uv(), "pip", "install", "--python", str(self.python)]
        quiet = ["--disable-pip-version-check", "--progress-bar", "off"]
        return [str(self.python), "-m", "pip", "install", *quiet, "--no-compile"]

    def variables(self) -> dict[str, str]:
        """Return the installer's environment, with room of its own for what it fetches."""
        room = str(self.folder / TEMPORARY)
        return {**os.environ, **certificates(), "TMPDIR": room, "TMP": room, "TEMP": room, "PYTHONUNBUFFERED": "1"}


def certificates() -> dict[str, str]:
    """Return the environment in which uv trusts the system's certificates, as pip does; the user's choice stays.

    The second name is the one of older versions.
    """
    return {name: os.environ.get(name, "1") for name in ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS")}


def uv() -> str:
    """Return the program uv. Raise InfrastructureError where there is none."""
    found = shutil.which("uv", path=os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)]))
    if found is None:
        raise InfrastructureError("nox uses uv, which is not on PATH; put it there, or call nox with -db virtualenv")
    return found


def say(text: str) -> None:
    """Tell the user, on standard error."""
    print(f"environment: {text}", file=sys.stderr, flush=True)


def install(into: Installation, *, goldens: bool) -> sets.Packages:
    """Bring an environment to the set that REPRO_TORCH and the machine mean, and return it.

    What was installed from the locks as they are stays; an installation that was cut off goes on.
    """
    order, why = sets.candidates(into.version, goldens=goldens)
    if cache.busy(into.folder):
        say("another installation goes on here; waiting for its end")
    with cache.alone(into.folder):
        there = sets.installed(into.root, into.folder)
        order = _from(into, order, sets.GOLDENS if goldens else sets.UNIVERSAL)
        if there in order and not begun(into) and not unfit(into):
            return there
        for number, one in enumerate(order):
            said = f"{one.what}, as {why} ({sets.CHOICE}={sets.choice()})"
            reason = _install(into, one, said, doubtful=number + 1 < len(order))
            if not reason:
                break
            why = f"{why} and {reason}"
        return one


def _from(into: Installation, order: tuple[sets.Packages, ...], whole: sets.Packages) -> tuple[sets.Packages, ...]:
    """Return the sets from the one that is there, or was begun: those before it could not be had.

    One with CUDA stays where nobody named another, though there be no device.
    """
    name = begun(into) or sets.stamped(into.folder)[1]
    if name == whole.name and sets.choice() == "auto":
        return (whole,)
    names = [one.name for one in order]
    return order[names.index(name) :] if name in names else order


def _install(into: Installation, one: sets.Packages, said: str, *, doubtful: bool) -> str:
    """Install a set and the project, and return "", or why it cannot be had where that is `doubtful`."""
    again = ready(into, one)
    there = present(into.folder)
    parts = chunks(into.root, one, there)
    fresh = bool(parts) and all(name != TORCH for name, _ in there)  # a new environment holds something of a set, too
    say(f"{'going on with' if again else 'installing'} {said}{costs(one) if fresh else ''}")
    with Growth(into.folder, one.disk * 1_000_000 if one.sizes else 0, into.folder / LOG) as growth:
        for chunk in parts:
            reason = _fetch(into, growth, chunk, doubtful=doubtful)
            if reason:
                (into.folder / UNFINISHED).unlink()
                return reason
        project = ["--no-deps", "--no-build-isolation", "-e", "."] if one.locks else ["-e", ".[tests]"]
        _fetch(into, growth, Chunk("the project", ""), project=project)
        warm(into, growth)
        seconds = growth.seconds
    shutil.rmtree(into.folder / TEMPORARY)
    files.write(into.folder / sets.STAMP, sets.stamp(into.root, one))
    (into.folder / UNFINISHED).unlink()
    if fresh:
        keep_rate(one, seconds)
    say(f"installed {one.what} in {seconds:.0f} s")
    return ""


def warm(into: Installation, growth: Growth) -> None:
    """Compile what commands import, by importing it once: where PYTHONDONTWRITEBYTECODE is set, none of them would.

    Raise InfrastructureError where something of it cannot be imported: the environment would serve for nothing.
    """
    variables = {name: value for name, value in into.variables().items() if name != "PYTHONDONTWRITEBYTECODE"}
    code, said = growth.run([str(into.python), "-c", IMPORT, *IMPORTED], variables, "what is imported", into.root)
    if code:
        growth.clear()
        raise InfrastructureError(f"what was installed cannot be imported: {fault(said.splitlines())}")


def costs(one: sets.Packages) -> str:
    """Return what a set costs, by what was measured and by the last installation here; empty where nobody knows."""
    if not one.sizes:
        return ""
    rate = kept_rate()
    return f": {one.sizes}" + (f", about {one.disk / rate:.0f} s by the last installation here" if rate else "")


def keep_rate(one: sets.Packages, seconds: float) -> None:
    """Keep how many megabytes a second this installation came to, where that can be known and kept."""
    folder = cache.folder()
    if folder is not None and one.sizes and seconds > 0 and cache.can_write(folder):
        files.write(folder / RATE, json.dumps({"megabytes_a_second": one.disk / seconds}))


def kept_rate() -> float:
    """Return megabytes a second of the last installation here, 0 where none is kept."""
    path = (cache.folder() or Path("/nonexistent")) / RATE
    try:
        return max(0.0, float(json.loads(path.read_text("utf-8"))["megabytes_a_second"]))
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


# The environment


def begun(into: Installation) -> str:
    """Return the name of the set whose installation was cut off, empty where none was."""
    mark = into.folder / UNFINISHED
    return mark.read_text("utf-8").strip() if mark.is_file() else ""


def ready(into: Installation, one: sets.Packages) -> bool:
    """Make an environment fit to be installed into, and say whether it goes on with an installation of this set.

    One without the Python that is wanted, or with another set, is made anew; of what was cut off, packages that are
    not whole are forgotten, to be installed again.
    """
    again = begun(into)
    reason = unfit(into) or _other(again or sets.stamped(into.folder)[1], one)
    if reason:
        make(into, reason)
        again = ""
    (into.folder / sets.STAMP).unlink(missing_ok=True)
    (into.folder / UNFINISHED).write_text(f"{one.name}\n", "utf-8")
    shutil.rmtree(into.folder / TEMPORARY, ignore_errors=True)
    (into.folder / TEMPORARY).mkdir()
    (into.folder / LOG).unlink(missing_ok=True)
    for folder in broken(into.folder) if again else ():
        shutil.rmtree(folder)
    return bool(again)


def _other(name: str, one: sets.Packages) -> str:
    return "" if name in ("", one.name) else f"it holds the set '{name}', and '{one.name}' is wanted"


def unfit(into: Installation) -> str:
    """Return why the environment's Python is not the one that is wanted, an empty text where it is."""
    try:
        line = [str(into.python), "-c", "import sys; print('{}.{}'.format(*sys.version_info))"]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
    except OSError:
        return "it has no Python"
    found = done.stdout.strip()
    if done.returncode:
        return "its Python does not start"
    return "" if found == into.version else f"it holds Python {found}, and {into.version} is wanted"


def make(into: Installation, reason: str) -> None:
    """Make the environment anew, empty, and say why. Raise InfrastructureError where that fails."""
    say(f"making {into.folder.name} anew: {reason}")
    shutil.rmtree(into.folder, ignore_errors=True)
    line = [uv(), "venv"] if into.backend == "uv" else [sys.executable, "-m", "virtualenv", "--no-periodic-update"]
    done = subprocess.run(
        [*line, "-p", into.interpreter, str(into.folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = fault(f"{done.stdout}\n{done.stderr}".splitlines())
        raise InfrastructureError(f"{into.folder}: cannot be made ({said}); remove it")


def records(folder: Path) -> list[Path]:
    """Return the records of an environment's packages, on Linux and macOS or on Windows."""
    return sorted(
        [*folder.glob("lib/python*/site-packages/*.dist-info"), *folder.glob("Lib/site-packages/*.dist-info")]
    )


def present(folder: Path) -> set[tuple[str, str]]:
    """Return name and version of each package of an environment, the name as a lock has it."""
    named = (record.name.removesuffix(".dist-info").partition("-") for record in records(folder))
    return {(name.lower().replace("_", "-"), version) for name, _, version in named}


def broken(folder: Path) -> Iterator[Path]:
    """Yield the records of packages that an installer did not finish: without a list, or with a file not as listed."""
    for record in records(folder):
        if not (record / "RECORD").is_file() or not _whole(record):
            yield record


def _whole(record: Path) -> bool:
    with (record / "RECORD").open(encoding="utf-8", newline="") as listed:
        for name, _, length in csv.reader(listed):
            path = record.parent / name
            if length and (not path.is_file() or path.stat().st_size != int(length)):
                return False
    return True


# What is installed at once


@dataclass(frozen=True)
class Chunk:
    """Pins with their hashes, as a lock has them, and their name."""

    name: str
    text: str


def chunks(root: Path, one: sets.Packages, there: Collection[tuple[str, str]] = ()) -> list[Chunk]:
    """Return a set's pins in parts, torch first, but for those that are `there`: what is installed stays installed."""
    entries: dict[str, str] = {}  # by pin and marker: tools and packages pin some alike
    for lock in one.files:
        for found in sets.ENTRY.finditer((root / lock).read_text("utf-8")):
            if found.groups() not in there:
                entries.setdefault(found[0].partition("\\")[0], found[0])
    torch = [text for pin, text in entries.items() if pin.startswith("torch==")]
    large = [pin for pin in entries if sets.CUDA.fullmatch(pin.partition("==")[0])]
    small = [text for pin, text in entries.items() if pin not in large and text not in torch]
    parts = [small[start : start + TOGETHER] for start in range(0, len(small), TOGETHER)]
    return [
        *([Chunk(TORCH, "".join(torch))] if torch else []),
        *(Chunk(pin.partition("==")[0], entries[pin]) for pin in large),
        *(Chunk(f"packages {number} of {len(parts)}", "".join(part)) for number, part in enumerate(parts, 1)),
    ]


def _fetch(
    into: Installation, growth: Growth, chunk: Chunk, *, doubtful: bool = False, project: Sequence[str] = ()
) -> str:
    """Install a part, or the project, and return "", or why its torch cannot be had where that is `doubtful`.

    Raise IntegrityError for a file that is not the locked one, and InfrastructureError for any other failure.
    """
    words = list(project)
    if not words:
        pins = into.folder / TEMPORARY / "pins.txt"
        pins.write_text(chunk.text, "utf-8")
        words = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(pins)]
    code, said = growth.run([*into.line, *words], into.variables(), chunk.name, into.root)
    if not code:
        return ""
    growth.clear()
    if doubtful and (reason := sets.lack(said)):
        return reason
    log = into.folder / LOG
    if any(word in said for word in sets.MISMATCH):
        raise IntegrityError(f"{chunk.name}: a file is not the one whose hash the lock holds; {log} has the names")
    raise InfrastructureError(
        f"{chunk.name}: the installer ended with {code}: {fault(said.splitlines())}; {log} has all it said"
    )


def _terminated(number: int, _frame: object) -> NoReturn:
    """End as an error does, so that the installer is ended too; nox sends this soon after it was interrupted."""
    raise SystemExit(128 + number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Install what `nox -s environment` asks for, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m repro.machine.installing", description=__doc__)
    parser.add_argument("folder", type=Path, help="the environment")
    parser.add_argument("--backend", choices=["virtualenv", "venv", "uv"], default="virtualenv", help="as nox has it")
    parser.add_argument("--interpreter", default=sys.executable, help="what the environment is made from")
    parser.add_argument("--goldens", action="store_true", help="the goldens' lock is for this machine")
    said = parser.parse_args(arguments)
    root = Path(__file__).resolve().parents[2]
    version = "3.11" if said.goldens else "{}.{}".format(*sys.version_info)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        into = Installation(said.folder.absolute(), root, said.backend, said.interpreter, version)
        install(into, goldens=said.goldens)
    except ReproError as error:
        say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        say("cut off; the same command goes on from here")
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
