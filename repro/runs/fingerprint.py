"""A fingerprint of the code that can change an experiment's result, the same on every supported Python.

Covered: the experiment function, what it names in its own module, the classes of its cases and settings, the modules
of the study's package and of `studies.common` that these import, in turn, and the harness's seeds. Not covered:
installed packages (the environment's record has them), tables read at run time, modules imported by a computed name.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from repro import seeds
from repro.errors import UsageError
from repro.study import Study

SHARED = "studies.common"
EVERYTHING = "*"
SKIPPED_FIELDS = frozenset({"ctx", "type_comment", "kind", "type_params", "type_ignores"})
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

Edge = tuple[str, str]  # (module, name in it): one thing that an import statement asks for


def fingerprint(function: Callable[..., Any]) -> str:
    """Return the SHA-256 (hex) of the code behind an experiment function, which must stand at the top of its module."""
    home = sys.modules[function.__module__]
    statements, modules = _reach(home, function)
    parts = {name: _normal_module(_source(name)) for name in modules}
    parts[home.__name__] = normal_form(statements)
    parts[seeds.__name__] = _normal_module(Path(seeds.__file__).read_text("utf-8"))
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def normal_form(node: Any) -> Any:
    """Return a syntax tree as nested lists: class names and fields that hold something; no positions, no docstrings.

    Empty fields go because each Python version adds some, and adjacent texts inside an f-string are joined because
    3.12 splits them elsewhere than 3.11.
    """
    if isinstance(node, list):
        return [normal_form(item) for item in node if not _is_text(item)]
    if not isinstance(node, ast.AST):
        return [type(node).__name__, repr(node)]
    fields = dict(ast.iter_fields(node))
    if isinstance(node, ast.JoinedStr):
        fields["values"] = _joined(node.values)
    if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
        fields["format_spec"] = node.format_spec if _joined(node.format_spec.values) else None
    kept = {name: value for name, value in fields.items() if name not in SKIPPED_FIELDS and value not in (None, [])}
    return [type(node).__name__, *([name, normal_form(kept[name])] for name in sorted(kept))]


def _is_text(node: Any) -> bool:
    """Return whether a node is a docstring, or any other text that stands alone as a statement and does nothing."""
    return isinstance(node, ast.Expr) and _text_of(node.value) is not None


def _joined(values: Iterable[ast.expr]) -> list[ast.expr]:
    """Return an f-string's parts with adjacent texts joined and empty ones dropped."""
    joined: list[ast.expr] = []
    for value in values:
        text, last = _text_of(value), _text_of(joined[-1]) if joined else None
        if text is not None and last is not None:
            joined[-1] = ast.Constant(last + text)
        elif text != "":
            joined.append(value)
    return joined


def _text_of(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


@functools.cache
def _tree(source: str) -> ast.Module:
    """Return the parsed source; callers only read it."""
    return ast.parse(source)


@functools.cache
def _normal_module(source: str) -> Any:
    return normal_form(_tree(source))


def _reach(home: ModuleType, function: Callable[..., Any]) -> tuple[list[ast.stmt], set[str]]:
    """Return the statements of the home module and the other modules that the function depends on."""
    studies = {name for name, value in vars(home).items() if isinstance(value, Study)}
    body = _usable_statements(_source(home.__name__), studies)
    if not any(isinstance(statement, DEFINITIONS) and statement.name == function.__qualname__ for statement in body):
        raise UsageError(
            f"{home.__name__}: experiment '{function.__qualname__}' is not defined by `def` at the top of its module, "
            "so a change of its code would go unseen; define it there"
        )
    edges = {(home.__name__, function.__name__), *_value_classes(home, studies, function)}
    while True:
        statements = _closure(body, {name for module, name in edges if module == home.__name__})
        modules = {module for module, _ in edges if module != home.__name__}
        found = set(_edges(_imports(statements), home.__name__, home.__name__))
        for module in modules:
            found |= set(_edges(_module_imports(_source(module)), module, home.__name__))
        if found <= edges:
            return statements, modules
        edges |= found


def _value_classes(home: ModuleType, studies: set[str], function: Callable[..., Any]) -> Iterator[Edge]:
    """Yield the classes of the experiment's cases and its study's settings, whose methods no import names."""
    for study in (getattr(home, name) for name in sorted(studies)):
        values = [case for made in study.experiments.values() if made.function is function for case in made.cases]
        for kind in {type(value) for value in [*values, *(profile.settings for profile in study.profiles.values())]}:
            if kind.__module__ == home.__name__ or _in_scope(kind.__module__, home.__name__):
                yield kind.__module__, kind.__qualname__.partition(".")[0]


def _usable_statements(source: str, studies: set[str]) -> list[ast.stmt]:
    """Return a module's top statements without the studies' declarations and the decorators that mention a study."""
    usable: list[ast.stmt] = []
    for statement in ast.parse(source).body:
        if isinstance(statement, DEFINITIONS):
            kept = [node for node in statement.decorator_list if studies.isdisjoint(_names(node))]
            statement.decorator_list = kept
        for single in _one_by_one(statement):
            if studies.isdisjoint(_affected(single)):
                usable.append(single)
    return usable


def _one_by_one(statement: ast.stmt) -> list[ast.stmt]:
    """Return an import as one statement a name, so that a name imported for another experiment changes nothing."""
    if isinstance(statement, ast.ImportFrom):
        return [ast.ImportFrom(statement.module, [alias], statement.level) for alias in statement.names]
    return [ast.Import([alias]) for alias in statement.names] if isinstance(statement, ast.Import) else [statement]


def _closure(body: Sequence[ast.stmt], names: set[str]) -> list[ast.stmt]:
    """Return the statements that bind or alter one of the names, or a name that these mention, in source order."""
    chosen: set[int] = set()
    while True:
        reached = {
            index
            for index, statement in enumerate(body)
            if EVERYTHING in names or not names.isdisjoint(_affected(statement))
        }
        if reached == chosen:
            return [body[index] for index in sorted(chosen)]
        chosen = reached
        names = names.union(*(_names(body[index]) for index in chosen))


def _affected(statement: ast.stmt) -> set[str]:
    """Return the names that a top statement binds or may alter; a bare call may alter whatever it mentions."""
    if isinstance(statement, DEFINITIONS):
        return {statement.name}
    affected = _names(statement) if isinstance(statement, ast.Expr) else set()
    for node in ast.walk(statement):
        if isinstance(node, DEFINITIONS):
            affected.add(node.name)
        elif isinstance(node, ast.alias):
            affected.add(node.asname or node.name.partition(".")[0])
        elif isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            affected |= _names(node)
    return affected


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _imports(statements: Iterable[ast.stmt]) -> tuple[ast.Import | ast.ImportFrom, ...]:
    nodes = (node for statement in statements for node in ast.walk(statement))
    return tuple(node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))


@functools.cache
def _module_imports(source: str) -> tuple[ast.Import | ast.ImportFrom, ...]:
    return _imports(_tree(source).body)


def _edges(imports: Iterable[ast.Import | ast.ImportFrom], module: str, home: str) -> Iterator[Edge]:
    """Yield what a module's import statements ask of modules in scope."""
    for node in imports:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                yield from _asked(_absolute(node, module), alias.name, home)
            else:
                yield from _asked(alias.name, EVERYTHING, home)


def _asked(module: str, name: str, home: str) -> Iterator[Edge]:
    """Yield the module (or the submodule that `name` is) and the packages above it, all of which run when imported."""
    if _in_scope(module, home) and _file(module) is None:
        raise UsageError(f"{home}: no Python source of {module}, which it imports; a change of it would go unseen")
    if name != EVERYTHING and _in_scope(f"{module}.{name}", home) and _file(f"{module}.{name}") is not None:
        module, name = f"{module}.{name}", EVERYTHING
    if _in_scope(module, home):
        yield module, name
    for depth in range(1, module.count(".") + 1):
        package = module.rsplit(".", depth)[0]
        if package != home and _in_scope(package, home):
            yield package, EVERYTHING


def _absolute(node: ast.ImportFrom, module: str) -> str:
    path = _file(module)
    is_package = path is not None and path.stem == "__init__"
    up = node.level - is_package
    base = module.rsplit(".", up)[0] if up > 0 else module
    return ".".join(filter(None, (base, node.module))) if node.level else node.module or ""


def _in_scope(module: str, home: str) -> bool:
    """Return whether a module is science: of the study's own package, or shared between studies."""
    top, _, rest = home.partition(".")
    inside = SHARED.startswith(f"{top}.")
    packages = (f"{top}.{rest.partition('.')[0]}", SHARED) if inside else (top,)
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _file(module: str) -> Path | None:
    """Return the source file of a module next to its imported top package; a package without one is a folder."""
    top, *rest = module.split(".")
    if not rest and not hasattr(sys.modules[top], "__path__"):
        return Path(str(sys.modules[top].__file__))
    for folder in sys.modules[top].__path__:
        path = Path(folder, *rest)
        if path.is_dir():
            return path / "__init__.py" if (path / "__init__.py").is_file() else path
        if path.with_name(f"{path.name}.py").is_file():
            return path.with_name(f"{path.name}.py")
    return None


def _source(module: str) -> str:
    path = _file(module)
    return path.read_text("utf-8") if path is not None and path.is_file() else ""
