"""The project's sources as tests read them: what a file is called, what it imports, and circles of imports."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator, Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
STUDY_CODE = sorted((PROJECT / "studies").rglob("*.py"))
STUDIES = sorted(path.parent.name for path in PROJECT.glob("studies/*/__init__.py") if path.parent.name != "common")

Imported = tuple[str, int]  # dotted name, line


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def package_of(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).parent.parts)


def module_of(path: Path) -> str:
    """Return a file's dotted name; a package is named by its folder, its file by `__init__` below it."""
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts)


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


def circles(sources: Mapping[str, str]) -> list[str]:
    """Find modules that import one another in a circle; `sources` are texts by dotted name."""
    arrows = {
        module: {
            target
            for name, _ in imports(source, module.rpartition(".")[0])
            for target in (name, name.rpartition(".")[0])
            if target in sources and target != module
        }
        for module, source in sources.items()
    }
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        return [" > ".join(error.args[1])]
    return []
