"""The rules of the house that a reader of the sources can hold: layers, names, sizes, docstrings.

Every check is a function from source text to the places that break its rule, and is shown one planted mistake.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# From the top down: a module imports from lower layers only.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("report",),
    ("listing", "running", "comparing", "figures", "audit", "verify"),
    ("bundle",),
    ("confirming",),
    ("runner", "bless", "merge", "diff"),
    ("worker", "golden", "judging"),
    ("plan", "measuring", "history", "whole", "derive"),
    ("evidence", "provenance", "store", "arithmetic", "audit_golden", "exports"),
    ("bands", "findings", "verdicts", "pages"),
    ("claims", "tabular", "image"),
    ("stats", "table", "data", "registry", "fingerprint", "text", "printed", "container"),
    ("unpack", "signature", "attest", "files"),
    ("study", "seeds", "cache", "treehash", "rule"),
    ("errors", "__init__"),
)
FOREIGN = {"torch", "torchvision", "sklearn", "pandas", "studies"}  # never in the harness
HEAVY = {
    "scipy",
    "tqdm",
    "matplotlib",
    "rocrate",
    "in_toto_attestation",
    "google",
}  # in the harness inside functions only: listings must stay quick
MODULE_LINES = 400
FUNCTION_LINES = 60

HARNESS = sorted((ROOT / "repro").rglob("*.py"))
STUDY_CODE = sorted((ROOT / "studies").rglob("*.py"))
EVERYTHING = [
    *HARNESS,
    *STUDY_CODE,
    *sorted((ROOT / "tests").rglob("*.py")),
    *sorted((ROOT / "bench").rglob("*.py")),
    ROOT / "noxfile.py",
]
STUDIES = sorted(path.parent.name for path in ROOT.glob("studies/*/__init__.py") if path.parent.name != "common")

Imported = tuple[str, int]  # dotted name, line


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


every_file = pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
harness_file = pytest.mark.parametrize("path", HARNESS, ids=name_of)
study_file = pytest.mark.parametrize("path", STUDY_CODE, ids=name_of)
library_file = pytest.mark.parametrize("path", [*HARNESS, *STUDY_CODE], ids=name_of)


# Reading imports


def is_typing_only(node: ast.AST) -> bool:
    """Say whether a statement is `if TYPE_CHECKING:`, whose body never runs."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def walk(node: ast.AST, *, typing: bool, functions: bool) -> Iterator[ast.AST]:
    """Yield a node and what is below it, leaving out typing-only blocks or the bodies of functions as asked."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not typing and is_typing_only(child):
            continue
        if not functions and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        yield from walk(child, typing=typing, functions=functions)


def imports(source: str, package: str, *, typing: bool = False, functions: bool = True) -> list[Imported]:
    """Return every imported name in full: `from a import b` counts as a.b. `package` resolves relative imports."""
    found: list[Imported] = []
    for node in walk(ast.parse(source), typing=typing, functions=functions):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found += [(f"{base}.{alias.name}", node.lineno) for alias in node.names]
    return found


def package_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).parent.parts)


# The checks


def foreign_imports(source: str, package: str = "repro") -> list[str]:
    """Find imports the harness must not have, and heavy ones at its modules' top."""
    never = [entry for entry in imports(source, package, typing=True) if entry[0].split(".")[0] in FOREIGN]
    top = [entry for entry in imports(source, package, functions=False) if entry[0].split(".")[0] in HEAVY]
    return [f"line {line}: imports {name}" for name, line in [*never, *top]]


def layer_of(module: str) -> int:
    """Return the number of a harness module's layer, 0 on top."""
    found = [number for number, layer in enumerate(LAYERS) if module in layer]
    assert len(found) == 1, f"repro/{module}.py stands in {len(found)} layers; give it one place in LAYERS"
    return found[0]


def upward_imports(source: str, module: str) -> list[str]:
    """Find imports from a harness module's own layer or a higher one."""
    modules = {name for layer in LAYERS for name in layer}
    found = []
    for name, line in imports(source, "repro"):
        parts = name.split(".")
        if parts[0] == "repro":
            target = parts[1] if len(parts) > 1 and parts[1] in modules else "__init__"
            if layer_of(target) <= layer_of(module):
                found.append(f"line {line}: imports repro.{target}, which is not below {module}")
    return found


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
            places = [ROOT.joinpath(*parts), ROOT.joinpath(*parts[:-1])]
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
    assert upward_imports(path.read_text(), path.stem) == []


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
            lambda source: upward_imports(source, "table"),
            "from repro.cli import main\n",
            "from repro.errors import PASS\n",
        ),
        (lambda source: upward_imports(source, "table"), "from . import stats\n", "from . import errors\n"),
        (lambda source: upward_imports(source, "table"), "def f():\n    import repro.table\n", "import reprotable\n"),
        (
            lambda source: upward_imports(source, "study"),
            "from repro import data\n",
            "if TYPE_CHECKING:\n    from repro import data\n",
        ),
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


def test_a_module_without_a_layer_is_found() -> None:
    with pytest.raises(AssertionError, match=r"repro/newcomer\.py stands in 0 layers"):
        layer_of("newcomer")
