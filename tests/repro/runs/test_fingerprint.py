"""The fingerprint of an experiment's code moves with the code that can change its result, and with nothing else."""

import ast
import hashlib
import importlib
import itertools
import json
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.errors import UsageError
from repro.runs import fingerprint as module
from repro.runs.fingerprint import fingerprint, normal_form

DECLARATION = '''
"""A study in a laboratory of its own."""
from dataclasses import dataclass
from repro.study import Study, Profile, grid
from .models import LAYERS, unused_model
from lab.common import datasets
from lab.common.maths import square

WIDTH = 3
HEIGHT = 4
TABLE = {}
TABLE["depth"] = 5
RATES = (0.1, 0.2)

@dataclass(frozen=True)
class Case:
    rate: float

    def halved(self):
        return self.rate / 2

@dataclass(frozen=True)
class Settings:
    epochs: int

    @property
    def steps(self):
        return self.epochs * 100

study = Study("toy", smoke=Profile(Settings(datasets.SIZE), replicates=3))

def helper(value):
    """Scale a value."""
    return value * WIDTH  # in pixels

@study.experiment(grid(Case, rate=RATES), metrics=("accuracy",))
def accuracy(case, run):
    """Test accuracy."""
    from .network import score
    return {"accuracy": helper(score(case.halved(), TABLE))}

@study.experiment(grid(Case, rate=RATES), metrics=("loss",))
def loss(case, run):
    return {"loss": HEIGHT * LAYERS * square(2)}
'''
FILES = {
    "lab/__init__.py": "",
    "lab/common/__init__.py": "",
    "lab/common/maths.py": "def square(x):\n    return x * x\n",
    "lab/common/datasets.py": "SIZE = 10\n",
    "lab/other/__init__.py": "X = 1\n",
    "lab/toy/__init__.py": DECLARATION,
    "lab/toy/models.py": "LAYERS = 2\nunused_model = None\n",
    "lab/toy/network.py": (
        "import json\nfrom lab.common import maths\nfrom . import HEIGHT\nfrom .deep import offset\n"
        "def score(value, table):\n    return maths.square(value) + offset + HEIGHT\n"
    ),
    "lab/toy/deep.py": "import lab.other\noffset = 7\n",
}

Fingerprint = Callable[..., str]


@pytest.fixture
def fingerprint_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fingerprint:
    """Return a function: (path, old text, new text) to change, by experiment, in the laboratory -> fingerprint."""
    monkeypatch.setattr(module, "SHARED", "lab.common")
    counter = itertools.count()

    def compute(*change: str, experiment: str = "accuracy", study: str = "lab.toy") -> str:
        files = dict(FILES)
        if change:
            path, old, new = change
            assert old in files[path]
            files[path] = files[path].replace(old, new)
        root = tmp_path / str(next(counter))
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        for name in [name for name in sys.modules if name.partition(".")[0] == "lab"]:
            monkeypatch.delitem(sys.modules, name)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(root)
            return fingerprint(getattr(importlib.import_module(study), experiment))

    return compute


def test_is_a_sha256_and_the_same_for_the_same_code(fingerprint_of: Fingerprint) -> None:
    assert fingerprint_of() == fingerprint_of()
    assert len(bytes.fromhex(fingerprint_of())) == 32


@pytest.mark.parametrize(
    "change",
    [
        ("lab/toy/__init__.py", "  # in pixels", ""),
        ("lab/toy/__init__.py", '"""Test accuracy."""', '"""Share of right answers."""'),
        ("lab/toy/__init__.py", '    """Scale a value."""\n', ""),
        ("lab/toy/__init__.py", '"""A study in a laboratory of its own."""', ""),
        ("lab/toy/__init__.py", "value * WIDTH", "(value*\n        WIDTH)"),
        ("lab/toy/__init__.py", "HEIGHT * LAYERS", "HEIGHT + LAYERS"),
        ("lab/toy/__init__.py", "RATES = (0.1, 0.2)", "RATES = (0.1, 0.2, 0.3)"),
        ("lab/toy/__init__.py", "replicates=3", "replicates=5"),
        ("lab/toy/__init__.py", 'metrics=("accuracy",)', 'metrics=("accuracy", "loss")'),
        ("lab/toy/__init__.py", "import LAYERS, unused_model", "import LAYERS"),
        ("lab/toy/models.py", "LAYERS = 2", "LAYERS = 3"),
        ("lab/common/datasets.py", "SIZE = 10", "SIZE = 11"),
        ("lab/other/__init__.py", "X = 1", "X = 2"),
        ("lab/common/maths.py", "x * x\n", "x * x  # squared\n"),
    ],
)
def test_stays_where_the_result_cannot_change(fingerprint_of: Fingerprint, change: tuple[str, str, str]) -> None:
    assert fingerprint_of(*change) == fingerprint_of()


@pytest.mark.parametrize(
    "change",
    [
        ("lab/toy/__init__.py", "WIDTH = 3", "WIDTH = 4"),
        ("lab/toy/__init__.py", "value * WIDTH", "value + WIDTH"),
        ("lab/toy/__init__.py", 'TABLE["depth"] = 5', 'TABLE["depth"] = 6'),
        ("lab/toy/__init__.py", "self.rate / 2", "self.rate / 3"),
        ("lab/toy/__init__.py", "self.epochs * 100", "self.epochs * 120"),
        ("lab/toy/__init__.py", "HEIGHT = 4", "HEIGHT = 5"),
        ("lab/toy/__init__.py", "case.halved()", "case.rate"),
        ("lab/toy/network.py", "maths.square(value)", "maths.square(value + 0)"),
        ("lab/toy/deep.py", "offset = 7", "offset = 8"),
        ("lab/common/maths.py", "x * x", "x ** 3"),
        ("lab/common/__init__.py", "", "import math\n"),
    ],
)
def test_moves_with_everything_that_can_change_the_result(
    fingerprint_of: Fingerprint, change: tuple[str, str, str]
) -> None:
    assert fingerprint_of(*change) != fingerprint_of()


def test_differs_between_experiments(fingerprint_of: Fingerprint) -> None:
    assert fingerprint_of(experiment="loss") != fingerprint_of(experiment="accuracy")


def test_covers_the_harness_seeds(fingerprint_of: Fingerprint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = fingerprint_of()
    changed = tmp_path / "seeds.py"
    changed.write_text(Path(module.seeds.__file__).read_text("utf-8").replace(">> 1", ">> 2"), encoding="utf-8")
    monkeypatch.setattr(module.seeds, "__file__", str(changed))
    assert fingerprint_of() != before


def test_outside_study_is_covered_by_its_whole_top_package(
    fingerprint_of: Fingerprint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the top package is not the one of the shared science, every module of it counts."""
    monkeypatch.setattr(module, "SHARED", "elsewhere.common")
    assert fingerprint_of("lab/other/__init__.py", "X = 1", "X = 2") != fingerprint_of()


def test_study_in_a_single_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lone_study.py").write_text("FACTOR = 2\ndef experiment(case, run):\n    return FACTOR\n")
    monkeypatch.syspath_prepend(tmp_path)
    lone = importlib.import_module("lone_study")
    monkeypatch.setitem(sys.modules, "lone_study", lone)
    before = fingerprint(lone.experiment)
    (tmp_path / "lone_study.py").write_text("FACTOR = 3\ndef experiment(case, run):\n    return FACTOR\n")
    assert fingerprint(lone.experiment) != before


def test_function_made_by_another_is_refused(fingerprint_of: Fingerprint) -> None:
    made = "def make():\n    def inner(case, run): ...\n    return inner\ninner = make()\n"
    with pytest.raises(UsageError, match=r"experiment 'make\.<locals>\.inner' is not defined by `def` at the top"):
        fingerprint_of("lab/toy/__init__.py", "WIDTH = 3\n", f"{made}WIDTH = 3\n", experiment="inner")


def test_import_without_source_is_refused(fingerprint_of: Fingerprint) -> None:
    with pytest.raises(UsageError, match=r"no Python source of lab\.toy\.missing"):
        fingerprint_of("lab/toy/__init__.py", "from .network import", "from .missing import")


def test_normal_form_is_the_same_on_every_python() -> None:
    """Pin the form of a snippet whose syntax tree differs between Python 3.11, 3.12 and 3.13."""
    snippet = textwrap.dedent(
        '''
        """Text."""
        @decorated(flag=True)
        def function(a: int, /, *rest, b=-1.5, **more) -> None:
            """Text."""
            x = f"{a:}{b!r:>{width}}" "tail" f"{a=}"
            return {**more, 'k': [y for y in rest if y is not None]}, ..., b"raw", u"old", 2j
        class Empty:
            """Text."""
        '''
    )
    form = json.dumps(normal_form(ast.parse(snippet)), separators=(",", ":"))
    assert "Text." not in form
    assert (
        hashlib.sha256(form.encode()).hexdigest() == "01db2510befd77245bd4f2fada6156e6acbebcf6642e912442b86e9c8026add9"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 'a'", "x = b'a'"),
        ("x = None", "x = ..."),
        ("x = a + b", "x = a - b"),
        ("x = a", "x = b"),
        ("f(a, b=c)", "f(a, c=c)"),
        ("x = f'{a}b'", "x = f'{a}c'"),
        ("x = f'{a:>3}'", "x = f'{a:>4}'"),
        ("x = []", "x = ()"),
        ("def f(a, b=1): ...", "def f(a, *, b=1): ..."),
    ],
)
def test_normal_form_tells_different_code_apart(one: str, other: str) -> None:
    assert normal_form(ast.parse(one)) != normal_form(ast.parse(other))
