"""The rules of the house that a reader of the sources can hold: layers, names, sizes, docstrings.

Every check is a function from source text to the places that break its rule, and is shown one planted mistake.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sources import PROJECT, STUDIES, STUDY_CODE, circles, imports, module_of, name_of, package_of

# From the top down: a wing imports from those to its right only, and from the front door. `show` and `bundle` are
# strangers to one another.
WINGS = ("cli", "pytest_plugin", "api", "show", "bundle", "audit", "golden", "outside", "runs", "scaffold")
STRANGERS = {frozenset({"show", "bundle"}), frozenset({"api", "show"}), frozenset({"api", "bundle"})}
DOOR = (
    "registry",
    "faults",
    "study",
    "checkpoint",
    "data",
    "stats",
    "printed",
    "machine",
    "errors",
    "seeds",
)  # top down, too
FLOORS = (*WINGS, *DOOR)
FOREIGN = {"torch", "torchvision", "sklearn", "pandas", "studies"}  # never in the harness
HEAVY = {
    "scipy",
    "tqdm",
    "matplotlib",
    "rocrate",
    "in_toto_attestation",
    "google",
    "jinja2",
    "markupsafe",
    "dask",
    "distributed",
}  # in the harness inside functions only: listings must stay quick
MODULE_LINES = 400
FUNCTION_LINES = 60

HARNESS = sorted((PROJECT / "repro").rglob("*.py"))
EVERYTHING = [
    *HARNESS,
    *STUDY_CODE,
    *sorted((PROJECT / "tests").rglob("*.py")),
    *sorted((PROJECT / "bench").rglob("*.py")),
    PROJECT / "noxfile.py",
]
every_file = pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
harness_file = pytest.mark.parametrize("path", HARNESS, ids=name_of)
study_file = pytest.mark.parametrize("path", STUDY_CODE, ids=name_of)
library_file = pytest.mark.parametrize("path", [*HARNESS, *STUDY_CODE], ids=name_of)


# The checks


def foreign_imports(source: str, package: str = "repro") -> list[str]:
    """Find imports the harness must not have, and heavy ones at its modules' top."""
    never = [entry for entry in imports(source, package, typing=True) if entry[0].split(".")[0] in FOREIGN]
    top = [entry for entry in imports(source, package, functions=False) if entry[0].split(".")[0] in HEAVY]
    return [f"line {line}: imports {name}" for name, line in [*never, *top]]


def wing_of(module: str) -> str:
    """Return the wing, or the room of the front door, that a dotted module of the harness stands in."""
    wing = module.split(".")[1] if "." in module else "__init__"
    assert wing in (*FLOORS, "__init__", "__main__"), f"{module} stands in no wing; give it one"
    return wing


def upward_imports(source: str, module: str) -> list[str]:
    """Find imports of a harness module from a higher wing, or from one that its own is a stranger to."""
    here, found = wing_of(module), []
    for name, line in imports(source, module.rpartition(".")[0]):
        if name == "repro" or not name.startswith("repro."):
            continue
        there = name.split(".")[1]
        if there not in FLOORS:  # a name of the package itself, as `from repro import __version__`
            continue
        known = here in FLOORS
        if known and here != there and FLOORS.index(there) < FLOORS.index(here):
            found.append(f"line {line}: imports repro.{there}, which is above {here}")
        elif frozenset({here, there}) in STRANGERS:
            found.append(f"line {line}: imports repro.{there}, a stranger to {here}")
    return found


def beyond_the_standard_library(source: str) -> list[str]:
    """Find what `repro.machine` imports at its top beside the standard library, itself and `repro.errors`.

    Nox imports it before anything is installed.
    """
    own = ("repro.machine", "repro.errors")
    return [
        f"line {line}: imports {name}"
        for name, line in imports(source, "repro.machine", functions=False)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith(own)
    ]


def foreign_studies(source: str, package: str) -> list[str]:
    """Find imports of another study than the package's own; studies.common is for all and imports none."""
    own = {package.split(".")[1], "common"}
    found = []
    for name, line in imports(source, package, typing=True):
        parts = name.split(".")
        if parts[0] == "studies" and (len(parts) == 1 or parts[1] not in own):
            found.append(f"line {line}: imports {name}")
    return found


def names_of_studies(source: str, studies: list[str]) -> list[str]:
    """Find a study's name as a word, or as a part of an identifier."""
    words = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(map(re.escape, studies))})(?![A-Za-z0-9])")
    return [
        f"line {number}: names {match[1]}"
        for number, line in enumerate(source.splitlines(), 1)
        for match in words.finditer(line)
    ]


def long_module(source: str) -> list[str]:
    """Find a module above the limit of lines."""
    lines = len(source.splitlines())
    return [f"{lines} lines, {MODULE_LINES} allowed"] if lines > MODULE_LINES else []


def long_functions(source: str) -> list[str]:
    """Find functions above the limit of lines."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                found.append(f"line {node.lineno}: {node.name} has {lines} lines, {FUNCTION_LINES} allowed")
    return found


def imports_of_nothing(source: str, package: str = "tests") -> list[str]:
    """Find imports from modules of ours that do not exist, which only running the file would tell."""
    found = []
    for name, line in imports(source, package, typing=True):
        parts = name.split(".")
        if parts[0] in ("repro", "studies", "tests"):
            places = [PROJECT.joinpath(*parts), PROJECT.joinpath(*parts[:-1])]
            if not any(place.is_dir() or place.with_suffix(".py").is_file() for place in places):
                found.append(f"line {line}: imports {name}")
    return found


def swallowed_errors(source: str) -> list[str]:
    """Find `except:` without a type, and handlers that do nothing."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            idle = all(isinstance(step, ast.Pass) or is_ellipsis(step) for step in node.body)
            if node.type is None or idle:
                found.append(f"line {node.lineno}: {'an idle' if idle else 'a bare'} except")
    return found


def is_ellipsis(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...


def missing_docstrings(source: str) -> list[str]:
    """Find public functions, classes and methods without a docstring; what a function holds is not public."""
    Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

    def below(node: ast.Module | ast.ClassDef) -> Iterator[str]:
        for child in node.body:
            if isinstance(child, Definition) and not child.name.startswith("_"):
                if not ast.get_docstring(child):
                    yield f"line {child.lineno}: {child.name} has no docstring"
                if isinstance(child, ast.ClassDef):
                    yield from below(child)

    return list(below(ast.parse(source)))


def unfinished(source: str) -> list[str]:
    """Find notes to oneself."""
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    return [
        f"line {number}: {match[1]}"
        for number, line in enumerate(source.splitlines(), 1)
        for match in marks.finditer(line)
    ]


# The project holds to them


@harness_file
def test_harness_imports_nothing_foreign(path: Path) -> None:
    assert foreign_imports(path.read_text(), package_of(path)) == []


@harness_file
def test_imports_point_down(path: Path) -> None:
    assert upward_imports(path.read_text(), module_of(path)) == []


def test_no_circle() -> None:
    assert circles({module_of(path): path.read_text() for path in HARNESS}) == []


@pytest.mark.parametrize("path", sorted((PROJECT / "repro/machine").glob("*.py")), ids=name_of)
def test_the_machine_needs_nothing_installed(path: Path) -> None:
    assert beyond_the_standard_library(path.read_text()) == []


@study_file
def test_no_study_imports_another(path: Path) -> None:
    assert foreign_studies(path.read_text(), package_of(path)) == []


@harness_file
def test_harness_names_no_study(path: Path) -> None:
    assert STUDIES
    assert names_of_studies(path.read_text(), STUDIES) == []


@every_file
def test_modules_and_functions_are_short(path: Path) -> None:
    source = path.read_text()
    assert long_module(source) + long_functions(source) == []


@every_file
def test_no_error_is_swallowed(path: Path) -> None:
    assert swallowed_errors(path.read_text()) == []


@every_file
def test_what_is_imported_exists(path: Path) -> None:
    assert imports_of_nothing(path.read_text(), package_of(path)) == []


@library_file
def test_public_things_have_docstrings(path: Path) -> None:
    assert missing_docstrings(path.read_text()) == []


@every_file
def test_nothing_is_left_unfinished(path: Path) -> None:
    assert unfinished(path.read_text()) == []


# The checks can fail


LONG_BODY = "    pass\n" * FUNCTION_LINES


@pytest.mark.parametrize(
    ("check", "planted", "sound"),
    [
        (foreign_imports, "def f():\n    import torch.nn\n", "import numpy\n"),
        (foreign_imports, "if TYPE_CHECKING:\n    import pandas\n", "import torchless\n"),
        (foreign_imports, "from studies.common import hermite\n", "from repro import study\n"),
        (foreign_imports, "from scipy import special\n", "def f():\n    from scipy import special\n"),
        (foreign_imports, "import matplotlib\n", "def f():\n    import matplotlib\n"),
        (
            foreign_imports,
            "try:\n    import tqdm\nfinally:\n    x = 1\n",
            "class A:\n    def f(self):\n        import tqdm\n",
        ),
        (
            lambda source: upward_imports(source, "repro.runs.table"),
            "from repro.golden.check import check\n",
            "from repro.errors import PASS\n",
        ),
        (
            lambda source: upward_imports(source, "repro.golden.check"),
            "from .. import audit\n",
            "from . import bands\n",
        ),
        (
            lambda source: upward_imports(source, "repro.runs.table"),
            "def f():\n    import repro.cli.main\n",
            "import reprotable\n",
        ),
        (
            lambda source: upward_imports(source, "repro.bundle.pack"),
            "from repro.show import pages\n",
            "from repro.audit import claims\n",
        ),
        (
            lambda source: upward_imports(source, "repro.study"),
            "from repro import registry\n",
            "if TYPE_CHECKING:\n    from repro import registry\n",
        ),
        (
            lambda source: circles({"repro.a": source, "repro.b": "from repro.a import x\n"}),
            "def f():\n    from repro import b\n",
            "from repro import c\n",
        ),
        (beyond_the_standard_library, "import numpy\n", "import os\ndef f():\n    import numpy\n"),
        (lambda source: foreign_studies(source, "studies.a"), "from studies.b import x\n", "from studies.a import x\n"),
        (
            lambda source: foreign_studies(source, "studies.a"),
            "from studies import b\n",
            "from studies import common\n",
        ),
        (lambda source: foreign_studies(source, "studies.a"), "from ..b import x\n", "from ..common import x\n"),
        (lambda source: foreign_studies(source, "studies.common"), "import studies.a\n", "from . import hermite\n"),
        (lambda source: names_of_studies(source, ["abc"]), "x = 'see abc.'\n", "x = 'abcd'\n"),
        (lambda source: names_of_studies(source, ["abc"]), "read_abc = 1\n", "fabc = 1\n"),
        (long_module, "x = 1\n" * (MODULE_LINES + 1), "x = 1\n" * MODULE_LINES),
        (long_functions, "def f():\n" + LONG_BODY, "def f():\n" + LONG_BODY[9:]),
        (imports_of_nothing, "from studies.gone.module import x\n", "from repro.study import Study\n"),
        (swallowed_errors, "try:\n    f()\nexcept:\n    g()\n", "try:\n    f()\nexcept OSError:\n    g()\n"),
        (swallowed_errors, "try:\n    f()\nexcept OSError:\n    pass\n", "try:\n    f()\nfinally:\n    pass\n"),
        (missing_docstrings, "def f():\n    return 1\n", "def f():\n    'Return 1.'\n    return 1\n"),
        (
            missing_docstrings,
            "class A:\n    'An A.'\n    def f(self): ...\n",
            "class A:\n    'An A.'\n    def _f(self): ...\n",
        ),
        (unfinished, "x = 1  # TO" + "DO: more\n", "TODOS = 1\n"),
    ],
)
def test_checks_find_what_is_planted(check: Callable[[str], list[str]], planted: str, sound: str) -> None:
    assert len(check(planted)) == 1
    assert check(sound) == []


def test_a_module_without_a_wing_is_found() -> None:
    with pytest.raises(AssertionError, match=r"repro\.newcomer\.x stands in no wing"):
        wing_of("repro.newcomer.x")
