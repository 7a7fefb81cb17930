"""Code that is edited while runs are made, or since a session imported it: no row is of other code than it says."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from repro.runs import table
from tests.repro.conftest import RESULTS, Cli, write_study
from tests.repro.support.forked import command
from tests.sources import PROJECT

EDITED = '''"""A study whose second case imports a module that is edited before."""
import time
from dataclasses import dataclass
from pathlib import Path
from repro.study import Profile, Study

@dataclass(frozen=True)
class Case:
    name: str

study = Study("montecarlo", smoke=Profile(None, replicates=1, cannot_answer="anything"))

@study.experiment((Case("a"), Case("b")), metrics=("x",))
def train(case, run):
    """As the other module has it."""
    if case.name == "a":
        Path("begun").touch()
        while not Path("edited").exists():
            time.sleep(0.02)
        return {"x": 1.0}
    from .second import RATE
    return {"x": RATE}
'''


@pytest.mark.parametrize(
    ("text", "code", "said", "kept"),
    [
        ("RATE = 0.9\n", 7, "second.py: edited while runs were made; what was made before is kept", [1.0, 0.9]),
        ("RATE = 0.1  # a comment\n", 0, "", [1.0, 0.1]),
    ],
)
def test_what_is_edited_while_runs_are_made_gives_no_row_of_the_code_before(
    project: Path, cli: Cli, text: str, code: int, said: str, kept: list[float]
) -> None:
    """A module that is imported late was another one than the row's hash and commit said."""
    write_study(project, "montecarlo", EDITED)
    second = project / "studies/montecarlo/second.py"
    second.write_text("RATE = 0.1\n")
    process = subprocess.Popen(
        command("run", "montecarlo", "-q", "--jobs", "1"), cwd=project, stderr=subprocess.PIPE, text=True
    )
    while not (project / "begun").exists():
        assert process.poll() is None
        time.sleep(0.02)
    second.write_text(text)
    (project / "edited").touch()
    _, complained = process.communicate(timeout=120)
    assert process.returncode == code, complained
    assert said in complained
    assert table.read(project / RESULTS)["value"].to_pylist() == kept[: 1 if code else 2]
    assert cli("run", "montecarlo", "-q", "--jobs", "1").returncode == 0
    assert sorted(table.read(project / RESULTS)["value"].to_pylist(), reverse=True) == kept


TAKEN_UP = EDITED.replace('metrics=("x",)', 'metrics=("x",), resumes=True').replace(
    "import time", "import json, time", 1
)
TAKEN_UP = TAKEN_UP.replace(
    '    return {"x": RATE}',
    """    kept = run.checkpoint.load()
    start, x = json.loads(kept) if kept else (0, 0.0)
    for step in range(start, 2):
        x += RATE
        run.checkpoint.keep(json.dumps([step + 1, x]).encode())
    return {"x": x}""",
)


def test_what_edited_code_trained_is_taken_up_by_no_other(project: Path, cli: Cli) -> None:
    """The state of a run that was stopped for an edit was that of the edited code, under the name of the other."""
    write_study(project, "montecarlo", TAKEN_UP)
    second = project / "studies/montecarlo/second.py"
    second.write_text("RATE = 0.25\n")
    process = subprocess.Popen(command("run", "montecarlo", "-q", "--jobs", "1"), cwd=project, stderr=subprocess.PIPE)
    while not (project / "begun").exists():
        assert process.poll() is None
        time.sleep(0.02)
    second.write_text("RATE = 8.0\n")
    (project / "edited").touch()
    process.communicate(timeout=120)
    assert process.returncode == 7
    second.write_text("RATE = 0.25\n")
    done = cli("run", "montecarlo", "--jobs", "1")
    assert (done.returncode, "taken up" in done.stdout) == (0, False)
    assert sorted(table.read(project / RESULTS)["value"].to_pylist()) == [0.5, 1.0]


SESSION = """
import pathlib, sys
sys.path.insert(0, {project!r})
import repro
from repro.runs.plan import planned_runs
from repro.runs.worker import Order, execute
from repro.study import settings_json
from repro import registry
from repro.errors import UsageError

study = registry.load("montecarlo")
(run, *_) = planned_runs(study, "smoke", replicates=[0])
settings = settings_json(study.profiles["smoke"].settings)
for one, other in ((run.__class__(run.experiment, '{{"count":1}}', 0, 0, 1, 0.0), settings), (run, '{{"scale":7}}')):
    report = execute(Order("montecarlo", "smoke", other, one, "cpu"))
    print(report.status, report.stop)
path = pathlib.Path("studies/montecarlo/__init__.py")
path.write_text(path.read_text().replace("scale=1)", "scale=7)"))
try:
    repro.run("montecarlo")
except UsageError as error:
    print(error)
"""


def test_a_session_never_takes_what_it_has_in_memory_for_what_lies_there(project: Path) -> None:
    """Cases were taken by their place in a file that had been edited, and rows written under another one's name."""
    line = [sys.executable, "-c", SESSION.format(project=str(PROJECT))]
    done = subprocess.run(line, cwd=project, capture_output=True, text=True, check=True)
    first, second, edited = done.stdout.splitlines()
    for one in (first, second):
        assert one.startswith("failed (7, ")
        assert "was edited while runs of it were made: estimate " in one
    assert "studies/montecarlo/__init__.py: written since this process imported it; begin a new one" in edited
