"""What names stand for where code runs, as far as its text tells."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from repro.machine.syntax import Import

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
Value = ast.expr | Definition | Import | None  # None: what cannot be told


@dataclass(frozen=True)
class Scope:
    """What names stand for where code runs; `above` is the module's, or that around a class. `owner` has the method."""

    names: Mapping[str, Sequence[Value]]
    above: Scope | None = None
    owner: ast.ClassDef | None = None

    def find(self, name: str) -> tuple[Sequence[Value], Scope | None]:
        """Return all that a name may stand for, and where it is bound; nothing for one of Python's own."""
        if name in self.names:
            return self.names[name], self
        return self.above.find(name) if self.above else ((), None)


def bindings(statements: Iterable[ast.stmt]) -> dict[str, list[Value]]:
    """Return all that each name may stand for that statements bind."""
    found: dict[str, list[Value]] = {}
    told: set[ast.AST] = set()
    for node in (node for statement in statements for node in run(statement)):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    told.add(target)
                    found.setdefault(target.id, []).extend([node.value] if node.value else [])
        elif isinstance(node, ast.AugAssign):
            told.add(node.target)  # which is altered
        elif isinstance(node, IMPORTS):
            for name, _, asked in imports(node):
                found.setdefault(name, []).append(asked)
        elif node not in told and not isinstance(node, ast.alias):
            for name in binds(node):
                found.setdefault(name, []).append(node if isinstance(node, DEFINITIONS) else None)
    return found


def imports(node: ast.Import | ast.ImportFrom) -> list[tuple[str, Import, Import]]:
    """Return by name what an import brings in, and what the name then stands for: of `import a.b` it is `a`."""
    if isinstance(node, ast.ImportFrom):
        asked = [Import(node.module or "", alias.name, node.level) for alias in node.names]
        return [(alias.asname or alias.name, one, one) for alias, one in zip(node.names, asked, strict=True)]
    tops = [alias.name if alias.asname else alias.name.partition(".")[0] for alias in node.names]
    return [(alias.asname or top, Import(alias.name), Import(top)) for alias, top in zip(node.names, tops, strict=True)]


def run(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs when a statement does: the insides of functions do not."""
    yield node
    if not isinstance(node, (*DEFINITIONS, ast.Lambda)):
        for child in ast.iter_child_nodes(node):
            yield from run(child)


def binds(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node binds or removes by itself."""
    if isinstance(node, DEFINITIONS):
        yield node.name
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    elif isinstance(node, ast.Name):
        yield from [] if isinstance(node.ctx, ast.Load) else [node.id]
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        yield from filter(None, [node.name])
    elif isinstance(node, ast.MatchMapping):
        yield from filter(None, [node.rest])


def bases(statement: ast.AST) -> list[ast.expr]:
    """Return what a class is below: its bases, and what its keywords name."""
    if not isinstance(statement, ast.ClassDef):
        return []
    return [*statement.bases, *(word.value for word in statement.keywords)]


def parameters(arguments: ast.arguments) -> list[str]:
    """Return the names that a function is given."""
    return [each.arg for each in ast.walk(arguments) if isinstance(each, ast.arg)]


def root(node: ast.AST) -> str:
    """Return the name that an expression begins with, as `a` in `a.b[0](1).c`; empty for any other."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def names_of(node: ast.AST) -> set[str]:
    """Return the names that stand in a tree."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
