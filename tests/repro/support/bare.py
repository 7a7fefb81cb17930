"""Play a stranger's first minutes with the interpreter that runs this, which has the distribution and no checkout.

`nox -s distribution` builds the wheel, installs it into an empty environment and runs this there.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.sources import PROJECT

NOT_THERE = ("torch", "torchvision", "sklearn", "pandas", "matplotlib", "rocrate", "studies")
TURNS = (  # arguments of `repro`, exit code, what is said
    ("--version", 0, "(distribution repro-papers)"),
    ("list", 0, "montecarlo"),
    ("run montecarlo --replicates 10 -q", 0, "60 runs made"),
    ("bless montecarlo --reason first", 0, "first golden of this profile"),
    ("run montecarlo --fresh 1 -q", 0, "6 runs made"),
    ("check montecarlo", 0, "PASS: 12 agrees"),
    ("audit", 5, "no study has claims"),
    ("doctor", 0, "torch          None"),
    ("report", 7, "pip install 'repro-papers[report]'"),
    ("bundle montecarlo", 7, "pip install 'repro-papers[bundle]'"),
)


def said(*line: str, code: int = 0) -> str:
    """Return what a command prints; it has to end with `code`."""
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "REPRO_DATA_DIR")}
    done = subprocess.run(line, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == code, (line, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def make_project() -> None:
    """Make the current folder a repository with the study of docs/adding-a-study.md."""
    found = re.search(r"```python\n(.*?)```", (PROJECT / "docs/adding-a-study.md").read_text(), re.S)
    assert found
    Path("studies/montecarlo").mkdir(parents=True)
    Path("studies/montecarlo/__init__.py").write_text(found[1])
    Path(".gitignore").write_text("/results/\n__pycache__/\n.pytest_cache/\n")
    for name, value in (("NAME", "Test"), ("EMAIL", "test@example.invalid")):
        os.environ[f"GIT_AUTHOR_{name}"] = os.environ[f"GIT_COMMITTER_{name}"] = value
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "state"]):
        said("git", *arguments)


def main() -> None:
    """Play it, and fail where something is not as a stranger was told."""
    there = [name for name in NOT_THERE if importlib.util.find_spec(name)]
    assert not there, f"no bare environment: {there}"
    spec = importlib.util.find_spec("repro")
    assert spec is not None
    assert not Path(str(spec.origin)).is_relative_to(PROJECT / "repro"), spec.origin
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_project()
        program = str(Path(sys.executable).with_name("repro"))
        for arguments, code, wanted in TURNS:
            text = said(program, *arguments.split(), code=code)
            assert wanted in text, (arguments, text)
        assert "13 passed" in said(sys.executable, "-m", "pytest", "--repro", "montecarlo", "-q")
        os.chdir("/")
    print(f"{len(TURNS) + 1} turns as told, on Python {sys.version.partition(' ')[0]}")


if __name__ == "__main__":
    main()
