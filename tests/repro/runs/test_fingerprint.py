"""The fingerprint of an experiment's code moves with the code that can change its result, and with nothing else."""

import ast
import hashlib
import importlib
import importlib.machinery
import itertools
import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from repro.errors import UsageError
from repro.machine import modules
from repro.machine.syntax import facts_of_module, normal_form
from repro.runs import fingerprint as module
from repro.runs import table
from repro.runs.fingerprint import Code, code_of, fingerprint
from tests.repro.conftest import RESULTS, Cli, toy_source, write_study
from tests.repro.support.laid import forget, lay

DECLARATION = '''
"""A study in a laboratory of its own."""
from dataclasses import dataclass
from repro.study import Study, Profile, grid
from .models import LAYERS, other_model
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
    return {"loss": HEIGHT * LAYERS * square(2) * (other_model or 1)}
'''
FILES = {
    "lab/__init__.py": "",
    "lab/common/__init__.py": "",
    "lab/common/maths.py": "def square(x):\n    return x * x\n",
    "lab/common/datasets.py": "SIZE = 10\n",
    "lab/other/__init__.py": "X = 1\n",
    "lab/toy/__init__.py": DECLARATION,
    "lab/toy/models.py": "LAYERS = 2\nother_model = None\n",
    "lab/toy/network.py": (
        "import json\nfrom lab.common import maths\nfrom . import HEIGHT\nfrom .deep import offset\n"
        "def score(value, table):\n    from mylib.train import RATE\n"
        "    return maths.square(value) + offset + HEIGHT + RATE\n"
    ),
    "lab/toy/deep.py": "import lab.other\noffset = 7\n",
    "mylib/__init__.py": "",
    "mylib/train.py": "def train():\n    from . import deep\nRATE = 0.1\n",
    "mylib/deep.py": "DEEP = 1\n",
    "mylib/unused.py": "X = 1\n",
}

Fingerprint = Callable[..., str]


@pytest.fixture
def fingerprint_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fingerprint:
    """Return a function: (path, old text, new text) to change, by experiment, in the laboratory -> fingerprint."""
    counter = itertools.count()

    def compute(*change: str, experiment: str = "accuracy", study: str = "lab.toy") -> str:
        root = tmp_path / str(next(counter))
        lay(root, FILES, change)
        forget(monkeypatch, "lab", "mylib")
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
        ("lab/toy/__init__.py", "import LAYERS, other_model", "import LAYERS"),
        ("lab/toy/models.py", "LAYERS = 2", "LAYERS = 3"),
        ("lab/common/datasets.py", "SIZE = 10", "SIZE = 11"),
        ("lab/common/maths.py", "x * x\n", "x * x  # squared\n"),
        ("mylib/unused.py", "X = 1", "X = 2"),
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
        ("lab/other/__init__.py", "X = 1", "X = 2"),
        ("mylib/train.py", "RATE = 0.1", "RATE = 0.05"),
        ("mylib/deep.py", "DEEP = 1", "DEEP = 2"),
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


@pytest.fixture
def reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Code]]:
    """Return a function: files of a folder on the path -> the code of `experiment` in its module `lone_study`."""
    monkeypatch.syspath_prepend(tmp_path)

    def read(files: dict[str, str]) -> Code:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        importlib.invalidate_caches()
        for cached in (modules._installations, modules._record, modules._listed):
            cached.cache_clear()
        sys.modules.pop("lone_study", None)
        return code_of(importlib.import_module("lone_study").experiment)

    yield read
    sys.modules.pop("lone_study", None)


GONE = "lone_study imports mylib.gone, which is not here"
LONE = "def experiment(case, run):\n    {}\n"
SITE = "site-packages/"
INSTALLED = {
    "lone_study.py": LONE.format("from mylib.train import RATE"),
    f"{SITE}mylib/__init__.py": "",
    f"{SITE}mylib/train.py": "RATE = 0.1\n",
    f"{SITE}mylib-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: mylib\nVersion: 1.0\n",
    f"{SITE}mylib-1.0.dist-info/RECORD": "mylib/__init__.py,,\nmylib/train.py,,\n",
}
HALVED = {f"{SITE}mylib/train.py": "RATE = 0.05\n"}
FROM_FOLDER = {f"{SITE}mylib-1.0.dist-info/direct_url.json": '{"url": "file:///mylib", "dir_info": {}}'}
FROM_COMMIT = {f"{SITE}mylib-1.0.dist-info/direct_url.json": '{"url": "https://example.invalid/a", "vcs_info": {}}'}
UNLISTED = {f"{SITE}mylib-1.0.dist-info/RECORD": "other/__init__.py,,\n"}


@pytest.mark.parametrize(
    ("how", "moves"),
    [({}, False), (FROM_COMMIT, False), (FROM_FOLDER, True), (UNLISTED, True)],
    ids=["by version", "by commit", "from a folder", "put there by hand"],
)
def test_a_library_counts_unless_it_is_installed_with_a_version(
    reach: Callable[..., Code], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, str], moves: bool
) -> None:
    monkeypatch.syspath_prepend(tmp_path / SITE)
    before = reach({**INSTALLED, **how})
    after = reach(HALVED)
    assert (before.fingerprint != after.fingerprint) is moves
    assert before.distributions == (() if moves else ("mylib",))
    assert any(path.name == "train.py" for path in before.files) is moves


def test_halving_a_rate_in_a_library_beside_the_study_makes_its_rows_outdated(project: Path, cli: Cli) -> None:
    source = toy_source().replace(
        "    draw = random", "    from mylib.train import RATE\n    assert RATE\n    draw = random"
    )
    write_study(project, "montecarlo", source)
    (project / "mylib").mkdir()
    (project / "mylib/train.py").write_text("RATE = 0.1\n")
    assert cli("run", "montecarlo", "--replicates", "1", "-q").returncode == 0
    assert json.loads(cli("status", "--json").stdout)[0]["outdated"] == 0
    (project / "mylib/train.py").write_text("RATE = 0.05\n")
    assert json.loads(cli("status", "--json").stdout)[0]["outdated"] == 6


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import importlib; importlib.import_module('my' + 'lib')", "lone_study loads code by import_module()"),
        ("return __import__(case.name)", "lone_study loads code by __import__()"),
        ("return exec(case.source)", "lone_study loads code by exec()"),
        ("return open('table.csv').read()", "lone_study reads a file by open()"),
        ("return case.path.open(mode='rb')", "lone_study reads a file by open()"),
        ("import numpy as np; return np.load('weights.npy')", "lone_study reads a file by np.load()"),
        ("import pandas as pd; return pd.read_csv('table.csv')", "lone_study reads a file by read_csv()"),
        ("import torch as th; return th.load('w.pt')", "lone_study reads a file by th.load()"),
        ("from torch import load; return load('w.pt')", "lone_study reads a file by load()"),
        ("import torch; return torch.jit.load('w.pt')", "lone_study reads a file by torch.jit.load()"),
        ("import configparser as c; return c.ConfigParser()", "lone_study reads a file by ConfigParser()"),
        ("return case.model.from_pretrained('w')", "lone_study reads a file by from_pretrained()"),
        ("import os; return os.environ['RATE']", "lone_study reads variables by os.environ"),
        ("from os import environ; return environ.get('RATE')", "lone_study reads variables by os.environ"),
        ("import os; return os.getenv('RATE')", "lone_study reads variables by getenv()"),
        ("import subprocess as s; return s.run(['./train'])", "lone_study runs a program by s.run()"),
        ("import pkgutil; return [*pkgutil.iter_modules(['p'])]", "lone_study loads code by iter_modules()"),
        ("import ctypes; ctypes.cdll.LoadLibrary('a.so')", "lone_study loads code by LoadLibrary()"),
        ("from mylib import fast", "mylib.fast is compiled"),
        ("try:\n        import mylib.gone\n    except ImportError: ...", GONE),
        ("import no_such_package_zz", "lone_study imports no_such_package_zz, which is not here"),
    ],
)
def test_what_cannot_be_followed_is_named(reach: Callable[..., Code], body: str, said: str) -> None:
    library = {"mylib/__init__.py": "", f"mylib/fast{importlib.machinery.EXTENSION_SUFFIXES[0]}": ""}
    assert reach({**library, "lone_study.py": LONE.format(body)}).unfollowed == (said,)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("from omegaconf import OmegaConf as C\nC.load('c.yml')", "reads a file by C.load()"),
        ("from safetensors.torch import load_file as read\nread('w')", "reads a file by load_file()"),
        ("import h5py\nh5py.File('w.h5')", "reads a file by h5py.File()"),
        ("from torch.utils import cpp_extension as c\nc.load('a', ['a.cpp'])", "reads a file by c.load()"),
    ],
)
def test_what_packages_that_need_not_be_here_bring_in_is_named(body: str, said: str) -> None:
    assert facts_of_module(body).loads == (said,)


@pytest.mark.parametrize(
    "body",
    [
        "import importlib; importlib.import_module('mylib.train')",
        "open('log.txt', 'w').write('x')",
        "case.model.eval(); case.load(); case.run(); return case.open_doors",
        "case.registry.load('a'); return case.File('b')",
        "import math, numpy",
    ],
)
def test_what_can_be_followed_is_not_named(reach: Callable[..., Code], body: str) -> None:
    files = {"mylib/__init__.py": "", "mylib/train.py": "RATE = 0.1\n", "lone_study.py": LONE.format(body)}
    assert reach(files).unfollowed == ()


def test_a_module_of_a_constant_name_is_followed(reach: Callable[..., Code]) -> None:
    body = "import importlib; importlib.import_module('mylib.train')"
    before = reach({"mylib/__init__.py": "", "mylib/train.py": "RATE = 0.1\n", "lone_study.py": LONE.format(body)})
    assert reach({"mylib/train.py": "RATE = 0.05\n"}).fingerprint != before.fingerprint


def test_show_names_what_is_not_in_the_identity(project: Path, cli: Cli) -> None:
    source = toy_source().replace("    draw = random", "    open('table.csv', 'a+')\n    draw = random")
    write_study(project, "montecarlo", source)
    said = "studies.montecarlo reads a file by open()"
    assert f"not in the identity of its runs: {said}\n" in cli("show", "montecarlo").stdout
    assert json.loads(cli("show", "montecarlo", "--json").stdout)["experiments"][0]["not_followed"] == [said]
    assert cli("run", "montecarlo", "--replicates", "1", "-q").returncode == 0
    records = table.environments(table.read(project / RESULTS))
    assert [record["unfollowed"] for record in records.values()] == [[said]]


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
    form = json.dumps(json.loads(normal_form(ast.parse(snippet))), separators=(",", ":"))
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
