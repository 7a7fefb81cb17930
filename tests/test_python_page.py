"""docs/python.md is true: its code runs and prints what it says, and nothing that `import repro` gives is left out."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import repro
from repro import data, errors, study
from repro.audit import evidence
from repro.audit.document import Audited
from repro.audit.verdicts import Judgement
from repro.golden.findings import WORDS, Finding
from repro.outside.ask import Answer, Result
from repro.runs import table
from repro.runs.runner import Summary
from tests.repro.conftest import BLESS, make_committed
from tests.repro.support.forked import command
from tests.sources import PROJECT

PAGE = (PROJECT / "docs/python.md").read_text()
EXAMPLE = re.compile(r"```python\n(?P<code>.*?)```(?:\n\n```text\n(?P<printed>.*?)```)?", re.S)
AREA = "import math\n\n\ndef covered():\n    return math.pi / 4\n"

# Read from its arguments and not from standard input: the processes that make runs import the main program's file.
RUN_EXAMPLES = """
import contextlib, io, json, sys
project, *examples = sys.argv[1:]
sys.path.insert(0, project)
printed, space = [], {"__name__": "__main__"}
for code in examples:
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(compile(code, "docs/python.md", "exec"), space)
    printed.append(output.getvalue())
print(json.dumps(printed))
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy project of docs/adding-a-study.md with its golden of ten seeds and its claim, and no results."""
    folder = tmp_path_factory.mktemp("small")
    make_committed(folder)
    for arguments in (("run", "montecarlo", "--replicates", "10", "-q"), BLESS):
        subprocess.run(command(*arguments), cwd=folder, check=True, capture_output=True)
    shutil.rmtree(folder / "results")
    claim = re.search(r"```toml\n(.*?)```", (PROJECT / "docs/adding-a-study.md").read_text(), re.S)
    assert claim, "docs/adding-a-study.md shows no claim"
    (folder / "studies/montecarlo/claims.toml").write_text(claim[1])
    (folder / "studies/montecarlo/claims.py").write_text(AREA)
    return folder


def printed_by(examples: list[str], folder: Path) -> list[str]:
    """Return what each of some examples prints, run in order and in one namespace."""
    line = [sys.executable, "-c", RUN_EXAMPLES, str(PROJECT), *examples]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_examples_print_what_the_page_says(small: Path) -> None:
    examples = [found.groupdict() for found in EXAMPLE.finditer(PAGE)]
    assert len(examples) >= 6
    assert len(examples) == PAGE.count("```python")
    printed = printed_by([example["code"] for example in examples], small)
    assert printed == [example["printed"] or "" for example in examples]


def test_an_example_that_fails_is_seen(small: Path) -> None:
    with pytest.raises(AssertionError, match="UsageError: no study 'montecarol'"):
        printed_by(["import repro", "repro.results('montecarol')"], small)


def test_a_script_asks_below_its_guard(small: Path) -> None:
    script = small / "ask.py"
    script.write_text(
        f"import sys\nsys.path.insert(0, {str(PROJECT)!r})\nimport repro\n\nif __name__ == '__main__':\n"
        "    print(repro.run('montecarlo', replicates=1, results='results/script.parquet').summary.finished)\n"
    )
    done = subprocess.run([sys.executable, script], cwd=small, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "6\n"


# Everything public stands on the page


def unnamed(names: list[str], page: str) -> list[str]:
    """Return the names that a page does not give in code, alone or at the end of a dotted name."""
    return [name for name in names if not re.search(rf"`(?:\w+\.)*{re.escape(name)}(?:`|\()", page)]


def fields_of(kind: type[Any]) -> list[str]:
    """Return the fields of a dataclass and its public properties and methods."""
    own = [name for name, _ in inspect.getmembers(kind) if not name.startswith("_")]
    return list(dict.fromkeys([*(one.name for one in dataclasses.fields(kind)), *own]))


def arguments_of(function: Callable[..., Any]) -> list[str]:
    return [*inspect.signature(function).parameters]


def defined_in(module: ModuleType) -> list[str]:
    """Return the public functions and classes that a module defines itself."""
    return [
        name
        for name, found in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(found) or inspect.isfunction(found))
        and found.__module__ == module.__name__
    ]


PUBLIC = {
    "repro": [f"repro.{name}" for name in repro.__all__],
    "arguments of run": arguments_of(repro.run),
    "arguments of check": arguments_of(repro.check),
    "Made": fields_of(repro.Made),
    "Summary": fields_of(Summary),
    "CheckResult": fields_of(repro.CheckResult),
    "Finding": fields_of(Finding),
    "words": [*WORDS],
    "Audit": fields_of(repro.Audit),
    "arguments of judge": arguments_of(repro.judge),
    "Asked": fields_of(repro.Asked),
    "Answer": fields_of(Answer),
    "Result": fields_of(Result),
    "Audited": [name for name in fields_of(Audited) if name != "record"],
    "Judgement": fields_of(Judgement),
    "columns": list(table.SCHEMA.names),
    "errors": [name for name in defined_in(errors) if name != "did_you_mean"],
    "repro.study": defined_in(study),
    "repro.data": defined_in(data),
}


@pytest.mark.parametrize("what", PUBLIC)
def test_every_public_name_is_on_the_page(what: str) -> None:
    assert PUBLIC[what]
    assert unnamed(PUBLIC[what], PAGE) == []


def test_every_name_of_the_claims_one_door_is_on_the_audit_s_page() -> None:
    page = (PROJECT / "docs/audit.md").read_text()
    assert [name for name in evidence.__all__ if not re.search(rf"`{name}(?:`|\()", page)] == []


def test_nothing_else_is_reachable_from_the_package() -> None:
    script = "import repro; print(*[name for name in dir(repro) if not name.startswith('_')])"
    listed = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert set(listed.stdout.split()) - {"annotations", "TYPE_CHECKING"} == set(repro.__all__)
    assert [name for name in repro.__all__ if not callable(getattr(repro, name))] == []


def test_a_name_that_the_page_leaves_out_is_seen() -> None:
    assert unnamed(["repro.run", "run", "walks", "repro.bless"], PAGE) == ["walks", "repro.bless"]


def test_the_wing_of_the_audit_is_the_question_whatever_was_imported() -> None:
    script = (
        "import repro\nassert callable(repro.audit)\nfrom repro.audit import evidence\nassert callable(repro.audit)\n"
        "import repro.audit.claims\nassert callable(repro.audit)\nassert repro.audit.evidence is evidence\n"
        "from repro import audit\nassert audit is repro.audit\n"
        "import sys\nassert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=PROJECT, check=True)


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'repro' has no attribute 'chekc'"):
        repro.chekc  # noqa: B018
