"""An experiment whose function stands apart from its study: what the study's modules do is part of a run's identity."""

import importlib
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.runs.fingerprint import Code, codes
from tests.repro.conftest import Cli
from tests.repro.support.laid import forget, lay

APART = {  # the study, its cases and each experiment in a module of their own
    "apart/__init__.py": """
from repro.study import Profile, grid
from . import figures
from .cases import Case, Settings
from .declared import study
from .one import first
from .two import second

COLOURS = {}
COLOURS["a"] = 1
LEFT = 5
study.experiment(grid(Case, kind=("a",)), metrics=["v"], deterministic=True)(first)
study.experiment(grid(Case, kind=("a",)), metrics=["v"], deterministic=True)(second)
""",
    "apart/declared.py": """
from repro.study import Profile, Study
from .cases import Settings

study = Study("apart", smoke=Profile(Settings(n=1), replicates=3, cannot_answer="all"))
""",
    "apart/cases.py": """
from dataclasses import dataclass

@dataclass(frozen=True)
class Settings:
    n: int

    @property
    def steps(self):
        return self.n * 100

@dataclass(frozen=True)
class Case:
    kind: str

    @property
    def rate(self):
        return 0.5
""",
    "apart/figures.py": """
from .declared import study

@study.figure
def spread(rows):
    '''C.'''
    return 10
""",
    "apart/one.py": "RATE = 1\ndef first(case, run):\n    '''A.'''\n    return {'v': case.rate * RATE}\n",
    "apart/two.py": "def second(case, run):\n    '''B.'''\n    return {'v': 20}\n",
}
MOVES = {
    "a property of the cases": ("apart/cases.py", "return 0.5", "return 5.0"),
    "a property of the settings": ("apart/cases.py", "self.n * 100", "self.n * 10"),
    "what the function mentions": ("apart/one.py", "RATE = 1", "RATE = 5"),
    "the study's package sets": ("apart/__init__.py", "LEFT = 5", "from . import one\none.RATE = 5"),
    "the study's module sets": ("apart/declared.py", "study = ", "from . import one\none.RATE = 5\nstudy = "),
    "another experiment's module sets": ("apart/two.py", "def ", "from . import one\none.RATE = 5\ndef "),
}
STAYS = {
    "a declaration": ("apart/__init__.py", '["v"], deterministic=True)(first)', '["v", "w"])(first)'),
    "a value of the study's package": ("apart/__init__.py", "LEFT = 5", "LEFT = 6"),
    "a dict of the study's package": ("apart/__init__.py", '["a"] = 1', '["a"] = 2'),
    "a profile": ("apart/declared.py", "replicates=3", "replicates=5"),
    "another experiment": ("apart/two.py", "20", "30"),
    "a figure": ("apart/figures.py", "return 10", "return 11"),
}

CodeOf = Callable[..., Code]


@pytest.fixture
def code_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CodeOf:
    """Return a function: files, a change of one, experiment -> the code of the experiment of the study `apart`."""
    counter = itertools.count()

    def read(files: dict[str, str], change: tuple[str, str, str] | None = None, experiment: str = "first") -> Code:
        root = tmp_path / str(next(counter))
        lay(root, files, change or ())
        forget(monkeypatch, "apart")
        with monkeypatch.context() as patch:
            patch.syspath_prepend(root)
            return codes(importlib.import_module("apart").study, [experiment])[experiment]

    return read


@pytest.mark.parametrize("what", MOVES)
def test_moves_with_what_the_result_hangs_on(code_of: CodeOf, what: str) -> None:
    assert code_of(APART, MOVES[what]).fingerprint != code_of(APART).fingerprint


@pytest.mark.parametrize("what", STAYS)
def test_stays_where_the_result_cannot_change(code_of: CodeOf, what: str) -> None:
    assert code_of(APART, STAYS[what]).fingerprint == code_of(APART).fingerprint


MADE = """
from dataclasses import make_dataclass
from repro.study import Profile, Study
study = Study("apart", smoke=Profile(None, replicates=3))
named = make_dataclass("Case", ["kind"], frozen=True, namespace={"rate": property(lambda self: 0.5)})
@study.experiment([named("a")], metrics=["v"])
def first(case, run):
    return case.rate
"""


def test_a_class_that_is_made_counts_by_the_name_that_stands_for_it(code_of: CodeOf) -> None:
    before, after = (
        code_of({"apart/__init__.py": MADE}, change) for change in (None, ("apart/__init__.py", "0.5", "5.0"))
    )
    assert before.fingerprint != after.fingerprint
    assert before.unfollowed == after.unfollowed == ()


def test_a_class_without_a_name_is_named(code_of: CodeOf) -> None:
    text = MADE.replace("named = ", "made = [").replace("5)})", "5)})]").replace('[named("a")]', '[made[0]("a")]')
    (said,) = code_of({"apart/__init__.py": text}).unfollowed
    assert said == "apart makes Case, a class of cases or settings, that no name stands for"


def test_a_property_of_a_case_elsewhere_makes_rows_outdated(project: Path, cli: Cli) -> None:
    for path, text in APART.items():
        (project / "studies" / path).parent.mkdir(exist_ok=True)
        (project / "studies" / path).write_text(text)

    def outdated() -> int:
        (line,) = (one for one in json.loads(cli("status", "--json").stdout) if one["study"] == "apart")
        return int(line["outdated"])

    assert cli("run", "apart", "--replicates", "1", "-q").returncode == 0
    assert outdated() == 0
    (project / "studies/apart/cases.py").write_text(APART["apart/cases.py"].replace("return 0.5", "return 5.0"))
    assert outdated() == 2
