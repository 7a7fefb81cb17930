"""The project's commands. `nox -l` lists them; one environment, installed once, serves them all."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).resolve().parent))

from repro.cli.reproducing import device, first_look, intent, verb_arguments
from repro.errors import InfrastructureError, ReproError
from repro.machine import cache, git, image, installing, recipes, sets
from repro.machine import engine as container

nox.needs_version = ">=2025.2.9"  # the first with `requires`
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["lint", "types", "tests"]

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / sets.FOLDER
STUDIES = sorted(path.parent.name for path in ROOT.glob("studies/*/__init__.py") if path.parent.name != "common")
COMPILE = ["uv", "pip", "compile", "--python-version", "3.11"]
HASHED = ["--generate-hashes", "--no-annotate"]


def locked_python() -> str | None:
    """Return the Python that the goldens' lock is made for, or None where there is none."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    if sys.version_info[:2] == (3, 11):
        return sys.executable
    found = shutil.which("python3.11")
    # A version manager's shim can be on PATH without a Python behind it.
    works = found is not None and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0
    return found if works else None


PYTHON = locked_python()


@nox.session(python=PYTHON, default=False)
def environment(session: nox.Session) -> None:
    """Install the locked packages and the project; every other session asks for it."""
    line = ["-m", "repro.machine.installing", str(ROOT / session.env_dir), "--backend", session.venv_backend]
    line += ["--interpreter", PYTHON or sys.executable, *(["--goldens"] if PYTHON else [])]
    session.run_install(sys.executable, *line, env={"PYTHONPATH": str(ROOT)}, external=True, log=False)


def python(
    session: nox.Session,
    *arguments: str,
    threads: int | None = None,
    variables: dict[str, str] | None = None,
    silent: bool = False,
) -> str:
    """Run the environment's Python; `threads` limits the numerical libraries. Return what a `silent` one printed."""
    program = (
        ROOT / session.env_dir.parent / "environment" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    )
    limit = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    said = session.run(str(program), *arguments, env={**limit, **(variables or {})}, external=True, silent=silent)
    return said if isinstance(said, str) else ""


shared_session = functools.partial(nox.session, venv_backend="none", requires=["environment"])


@shared_session()
def tests(session: nox.Session) -> None:
    """Run the test suite; arguments after -- go to pytest."""
    suite(session)


@shared_session(default=False)
def coverage(session: nox.Session) -> None:
    """Run the test suite and report which lines and branches it reaches, which takes longer."""
    suite(session, "--cov", "--cov-report=term")


def suite(session: nox.Session, *options: str) -> None:
    """Run pytest on two processes of one thread each."""
    # Read by the hundreds of processes that tests start; held to the source's digest, since tests edit copies.
    compiled = ["compileall", "-q", "--invalidation-mode", "checked-hash", "repro", "studies"]
    python(session, "-m", *compiled, variables={"PYTHONDONTWRITEBYTECODE": ""})
    python(session, "-m", "pytest", "-n", "2", *options, *session.posargs, threads=1)


@shared_session()
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    python(session, "-m", "ruff", "check", ".")
    python(session, "-m", "ruff", "format", "--check", ".")


@shared_session()
def types(session: nox.Session) -> None:
    """Check the harness's types, strictly."""
    python(session, "-m", "mypy")


@shared_session(default=False)
def audit(session: nox.Session) -> None:
    """Judge the documents: a verdict for each claim; arguments after -- go to `repro audit`."""
    python(session, "-m", "repro", "audit", *session.posargs, threads=1)


@shared_session(default=False)
def report(session: nox.Session) -> None:
    """Write every verdict and what it rests on as report.html; arguments after -- go to `repro report`."""
    python(session, "-m", "repro", "report", *session.posargs, threads=1)


@shared_session(default=False)
def bench(session: nox.Session) -> None:
    """Run every benchmark and print its table; arguments after -- go to each."""
    scripts = sorted(ROOT.glob("bench/*.py"))
    if not scripts:
        session.error("no benchmark: bench/ holds no .py file")
    for script in scripts:
        python(session, str(script.relative_to(ROOT)), *session.posargs)


@shared_session(name="error-rates", default=False)
def error_rates(session: nox.Session) -> None:
    """Measure how often the check is wrong; -- --short for a few minutes of it, -- --clean 299 for real runs."""
    python(session, "-m", "bench.error_rates", *session.posargs, threads=1)


@shared_session(default=False)
def devices(session: nox.Session) -> None:
    """Run one step of every faithful experiment on device "cuda" without a GPU; arguments after -- name studies."""
    if reason := python(session, "-m", "bench.devices", "--why-not", silent=True).strip():
        session.skip(reason)
    python(session, "-m", "bench.devices", *session.posargs, threads=1)


@nox.session(python=["3.11", "3.12", "3.13", "3.14"], default=False)
def distribution(session: nox.Session) -> None:
    """Build both distributions, install the wheel into an empty environment, play a first use of it there."""
    out = Path(session.create_tmp())
    session.install("build", env=installing.certificates())
    for old in out.glob("*.whl"):
        old.unlink()
    session.run("python", "-m", "build", "--outdir", str(out), str(ROOT), silent=True)
    (wheel,) = out.glob("*.whl")
    bare = out / "bare"
    session.run("python", "-m", "venv", "--clear", str(bare))
    place = bare / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    session.run(str(place), "-m", "pip", "install", "--quiet", str(wheel), "pytest", external=True)
    session.run(str(place), str(ROOT / "tests/repro/support/bare.py"), external=True)


@nox.session(python=PYTHON, default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation's site below results/site; a warning or a link that leads nowhere is an error."""
    lock = LOCK / "docs.txt"
    session.install("--require-hashes", "--only-binary", ":all:", "-r", str(lock), env=installing.certificates())
    out = ROOT / "results" / "site"
    shutil.rmtree(out, ignore_errors=True)  # a page that is gone would still be read
    session.chdir(ROOT)
    session.run(
        "sphinx-build", "--quiet", "-c", "docs", "-d", session.create_tmp(), "-E", "-W", "--keep-going", ".", str(out)
    )
    session.log(f"the first page is {out / 'index.html'}")


@nox.session(default=False)
def relock(session: nox.Session) -> None:
    """Compile every lock again; -- --upgrade moves its pins."""
    session.install("uv", env=installing.certificates())
    session.chdir(LOCK)
    one = ["--python-platform", sets.PLATFORMS["linux", "x86_64"]]
    for platforms, name, source, held in (
        (one, "cuda", "requirements", ()),
        (one, "tools", "tools", ("cuda",)),
        (one, "small", "small", ("cuda",)),
        (["--universal"], "universal", "universal", ("cuda", "tools")),
        (["--universal"], "universal-tools", "tools", ("universal", "tools")),
        (["--universal"], "docs", "docs", ("cuda", "tools")),
    ):
        constraints = [word for other in held for word in ("-c", f"{other}.txt")]
        line = [*COMPILE, *platforms, *HASHED, *constraints, f"{source}.in", "-o", f"{name}.txt"]
        session.run(*line, *session.posargs, env=installing.certificates(), silent=True)
    with one_line(session):
        sets.derive(LOCK)


@nox.session(name="locks", default=False, requires=["environment"])
def dry_runs(session: nox.Session) -> None:
    """Resolve the universal set for every platform and Python, without installing it; needs the package index."""
    session.install("uv", env=installing.certificates())
    uv = str(Path(session.bin) / "uv")
    python(session, "-m", "pytest", "tests/test_locks.py", *session.posargs, variables={"REPRO_UV": uv})


@contextlib.contextmanager
def one_line(session: nox.Session) -> Iterator[None]:
    """End the session with the harness's one line where it cannot go on.

    Where an engine was asked for by its name, nox ends too, with the error's own exit code; its own are 0 and 1 alone.
    """
    try:
        yield
    except ReproError as error:
        if not container.named():
            session.error(str(error))
        session.warn(str(error))
        raise SystemExit(error.exit_code) from None


Run = Callable[[Sequence[str]], None]  # the arguments of one `repro` command


def inside(session: nox.Session, engine: container.Engine, said: str, *, gpu: bool, results: Path) -> Run | None:
    """Return what runs a `repro` command in the container, the image built if need be; the session says `said`.

    Where no image can be had and no engine was asked for by its name it says why instead, and None is returned.
    """
    data = os.environ.get("REPRO_DATA_DIR")
    place = container.Place(ROOT, results, Path(data).resolve() if data else None, cache.folder())
    try:
        ready, built = image.chosen(engine, ROOT, gpu=gpu)
        place.prepare()
    except InfrastructureError as error:
        if container.named():
            raise
        session.log(container.without(f"no container by {engine} ({error})"))
        return None
    session.log(said)
    session.log(f"image {built.name}: id {built.id[:12]}, tree hash {built.tree}")
    if gpu:
        container.assert_cuda(ready, built, place)
    found = {git.COMMIT_OUTSIDE: git.commit(ROOT)}

    def run(arguments: Sequence[str]) -> None:
        line = ["python", "-m", "repro", *arguments]
        line = container.command(ready, built, line, place, gpu=gpu, variables=found)
        session.run(*line, env=ready.variables(), external=True)

    return run


def outside(session: nox.Session) -> Run:
    """Return what runs a `repro` command in nox's own environment, installed if need be."""
    session.run(sys.executable, "-m", "nox", "--session", "environment", external=True)
    used = {"REPRO_ENGINE_USED": "none"}
    return lambda arguments: python(session, "-m", "repro", *arguments, variables=used)


def reproduce(session: nox.Session, study: str) -> None:
    """Run a study with seeds its golden does not hold, then compare the two; in the container where one can start.

    Where nothing else was asked for and nothing has been run, one cell is judged before the others are run.
    """
    with one_line(session):
        run, check = verb_arguments(session.posargs)
        session.log(intent(study, run))
        engine, said = container.choose()
        if engine and "--results" in check:
            session.error("--results: a container writes below results/ only; leave it out, or set REPRO_ENGINE=none")
        gpu, repro = device(study, run) == "cuda", None
        if engine:
            repro = inside(session, engine, said, gpu=gpu, results=ROOT / "results")
        else:
            session.log(said)
        repro = repro or outside(session)
        if not session.posargs and not list((ROOT / "results" / study).glob("smoke.*")):
            cell = first_look(study, "smoke")
            session.log("first one cell, for a verdict at once; the others follow")
            repro(["run", study, *run, *cell, "--quiet"])
            repro(["check", study, *cell, "--no-confirm"])
        repro(["run", study, *run])
        repro(["check", study, *check])


def add_reproduction(study: str) -> None:
    """Make the session `reproduce-<study>`."""

    def session(session: nox.Session) -> None:
        reproduce(session, study)

    session.__doc__ = f"Run {study} with fresh seeds and compare with its golden; arguments after -- go to the run."
    nox.session(name=f"reproduce-{study}", tags=["reproduce"], default=False, venv_backend="none")(session)


for name in STUDIES:
    add_reproduction(name)


@nox.session(name="image", venv_backend="none", default=False)
def build_image(session: nox.Session) -> None:
    """Build the pinned image, or find it built, and say what it is; -- cuda, cpu and small name a lock."""
    with one_line(session):
        engine, said = container.choose()
        session.log(said)
        if engine is None:
            session.error("no engine to build with; install podman or docker")
        for lock in session.posargs or [""]:
            ready, built = image.ensure(engine, recipes.recipe(ROOT, lock)) if lock else image.chosen(engine, ROOT)
            session.log(f"image {built.name}, by {ready}: id {built.id}, digest {built.digest or 'none'}")
            session.log(f"tree hash {built.tree}")


# Runs a command line tool of the mounted environment with the image's Python, whose own packages stay as they are.
TOOL = (
    "import importlib, sys; sys.path.insert(0, sys.argv.pop(1)); module, function = sys.argv.pop(1).split(':'); "
    "sys.exit(getattr(importlib.import_module(module), function)())"
)


@shared_session(default=False)
def sbom(session: nox.Session) -> None:
    """List the parts of the image as CycloneDX, its Python packages and Debian's, below results/sbom."""
    with one_line(session):
        engine, said = container.choose()
        session.log(said)
        if engine is None:
            session.error("no engine to look into the image with; install podman or docker")
        ready, built = image.chosen(engine, ROOT)
        place = container.Place(ROOT, ROOT / "results")
        (ROOT / "results" / "sbom").mkdir(parents=True, exist_ok=True)
        place.prepare()
    when = datetime.fromtimestamp(int(recipes.recipe(ROOT).epoch), UTC).isoformat()
    number = str(uuid.uuid5(uuid.NAMESPACE_OID, built.tree))  # the same image gives the same list
    out = f"{container.RESULTS}/sbom"
    listed = ["cyclonedx_py._internal.cli:run", "environment", "--output-reproducible", "--output-format", "JSON"]
    packages = ["debsbom.cli:main", "generate", "-t", "cdx", "-r", "/", "--timestamp", when]
    packages += ["--cdx-serialnumber", number, "-o", f"{out}/debian"]
    tools = f"{container.PROJECT}/.nox/environment/lib/python3.11/site-packages"
    for arguments in ([*listed, "-o", f"{out}/python.cdx.json", "/opt/repro/bin/python"], packages):
        line = ["python", "-c", TOOL, tools, *arguments]
        line = container.command(ready, built, line, place, variables={"PYTHONPATH": ""})
        session.run(*line, env=ready.variables(), external=True)


@shared_session(default=False)
def containers(session: nox.Session) -> None:
    """Test what only a container shows: isolation, pins, the same results inside and outside."""
    python(session, "-m", "pytest", "-m", "container", *session.posargs, threads=1)
