"""What statements at the top of a module bind and alter, and which of them do something that no name tells.

A list of methods may be filled by a decorator, by a function that is called once, by a module that is imported for
nothing else. Whoever reads only the names that an experiment mentions never comes upon these.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence

from repro.machine.syntax import EVERYTHING, dotted

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
BY_TEXT = frozenset({"globals", "vars"})  # calls without arguments that give a module's names as texts
SUBCLASSES = "__subclasses__"  # which are there without being named
NOTHING = "_"  # a name for what is not used


class Statements:
    """What the names of a module's statements tell; an import is one statement a name.

    `own` are names of imports that are bound to somebody's own code, `installed` to that of installed packages,
    `studies` those of studies; `altering` are own functions of other modules whose call alters something there.
    """

    def __init__(
        self,
        tree: ast.Module,
        singles: Sequence[ast.stmt],
        studies: frozenset[str],
        own: frozenset[str],
        installed: frozenset[str],
        altering: frozenset[str] = frozenset(),
    ) -> None:
        blocks = [one for one in singles if not isinstance(one, (*DEFINITIONS, *IMPORTS))]
        within = {name for one in blocks for node in _run(one) if isinstance(node, IMPORTS) for name in _bound(node)}
        self.studies, self.own, self.installed = studies, own | within, installed  # nobody looked whose those are
        self.altering = altering
        self.mentioned = names_of(tree) | _exported(tree)
        self.imported = {bound(one) for one in singles if isinstance(one, IMPORTS)} | within
        self.defined = {one.name for one in singles if isinstance(one, DEFINITIONS)}
        stored = {name for one in blocks for name in _stored(one)}
        self.variables = stored - self.imported - self.defined
        self._effects = effects(tree)

    def affected(self, statement: ast.stmt) -> set[str]:
        """Return the names that a top statement binds or may alter; a bare call may alter whatever it mentions."""
        if isinstance(statement, DEFINITIONS):
            above = {*map(root, _bases(statement))}
            kept = above & self.defined  # which may keep the class in a list, or be asked for it
            if statement.name not in self.mentioned:  # nobody can come upon it but by a package's list
                kept |= {*above, *map(root, statement.decorator_list)} & self.installed
            decorators = {*map(root, statement.decorator_list)}
            return {statement.name} | kept | self._done(above | decorators) | self._within(statement)
        affected = names_of(statement) if isinstance(statement, ast.Expr) else set()
        for node in ast.walk(statement):
            if isinstance(node, DEFINITIONS):
                affected.add(node.name)
            elif isinstance(node, ast.alias):
                affected.add(node.asname or node.name.partition(".")[0])
            elif isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
                affected |= names_of(node)
            elif isinstance(node, ast.Call):
                affected |= self._altered(node) | self._done({root(node.func)})
        return affected

    def _done(self, called: set[str]) -> set[str]:
        """Return what own functions alter when called, also as decorators, and classes when one is below."""
        return {name for one in called & self.defined for name in self._effects.get(one, ())}

    def _within(self, statement: ast.stmt) -> set[str]:
        """Return what the body of a class alters beside the class."""
        nodes = [node for one in statement.body for node in _run(one)] if isinstance(statement, ast.ClassDef) else []
        called = {root(node.func) for node in nodes if isinstance(node, ast.Call)}
        given = {name for node in nodes if isinstance(node, ast.Call) for name in self._altered(node)}
        return self._done(called) | given | {name for node in nodes for name in _part_set(node)} & self.variables

    def _altered(self, call: ast.Call) -> set[str]:
        """Return the module's variables that a call may alter: its own object, and what own code is given."""
        given = {root(call.func)} if isinstance(call.func, ast.Attribute) else set()
        if root(call.func) in self.own | self.defined:
            given |= {root(one) for one in (*call.args, *(word.value for word in call.keywords))}
        return given & self.variables

    def acts(self, statement: ast.stmt) -> bool:
        """Say whether a top statement does something beside binding and altering names that it says."""
        if isinstance(statement, ast.If) and "__name__" in names_of(statement.test):
            return False  # a script's part, which no import runs
        return any(map(self._does, _run(statement)))

    def _does(self, node: ast.AST) -> bool:
        if isinstance(node, DEFINITIONS):
            decorated = {*map(root, node.decorator_list)} & (self.own | self.defined | self.variables)
            return bool(decorated or {*map(root, _bases(node))} & self.own)
        if isinstance(node, IMPORTS):
            return any(name == EVERYTHING or name in self.own - self.mentioned for name in _bound(node))
        if isinstance(node, ast.Call) and dotted(node.func) in self.altering:
            return True
        if isinstance(node, ast.Expr):
            return _calls(node) and self.studies.isdisjoint(names_of(node))
        if isinstance(node, ast.Assign) and all(
            isinstance(one, ast.Name) and one.id == NOTHING for one in node.targets
        ):
            return _calls(node)
        stores = isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)
        return stores and isinstance(node, ast.Attribute | ast.Subscript) and root(node) in self.imported


@functools.cache
def effects(tree: ast.Module) -> dict[str, frozenset[str]]:
    """Return by function or class of a module the names of the module that it may alter when it is called.

    It says `global`, sets a part of what a name stands for, calls a method of a variable, or calls another that does.
    Of a class that is what its methods do that Python calls by itself.
    """
    own = {one.name: one for one in tree.body if isinstance(one, DEFINITIONS)}
    variables = {name for one in tree.body if not isinstance(one, (*DEFINITIONS, *IMPORTS)) for name in _stored(one)}
    direct, calls = {}, {}
    for name, definition in own.items():
        nodes = [node for part in _called_by_python(definition) for node in ast.walk(part)]
        outer = {each for node in nodes if isinstance(node, ast.Global) for each in node.names}
        within = {node.arg for node in nodes if isinstance(node, ast.arg)} | {
            node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        parts = {each for node in nodes for each in _part_set(node)}
        asked = [node.func for node in nodes if isinstance(node, ast.Call)]
        methods = {root(each) for each in asked if isinstance(each, ast.Attribute)} & variables
        direct[name] = outer | (parts | methods) - within
        calls[name] = {*map(root, asked)}.union(map(root, _bases(definition))) & own.keys()
    while True:
        before = dict(direct)
        for name, called in calls.items():
            direct[name] = direct[name].union(*(direct[one] for one in called))
        if direct == before:
            return {name: frozenset(found) for name, found in direct.items() if found}


def _called_by_python(definition: ast.stmt) -> list[ast.stmt]:
    """Return what runs when a name is called, or a class is below it: of a class, its methods of two underscores."""
    if not isinstance(definition, ast.ClassDef):
        return [definition]
    return [one for one in definition.body if isinstance(one, DEFINITIONS) and one.name.startswith("__")]


def _part_set(node: ast.AST) -> set[str]:
    """Return the name of whose object a node sets or removes a part."""
    stores = isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)
    return {root(node)} - {""} if stores and isinstance(node, ast.Attribute | ast.Subscript) else set()


def looked_up(statement: ast.stmt) -> set[str]:
    """Return the names that a statement mentions, all of them where it looks for some by their texts."""
    found = names_of(statement)
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            looks = node.func.id in BY_TEXT and not node.args
        else:
            looks = isinstance(node, ast.Attribute) and (
                node.attr == SUBCLASSES or (node.attr == "modules" and root(node) == "sys")
            )
        if looks:
            found.add(EVERYTHING)
    return found


def bound(statement: ast.stmt) -> str:
    """Return the name that an import of one thing binds."""
    assert isinstance(statement, IMPORTS)
    (name,) = _bound(statement)
    return name


def _bound(statement: ast.Import | ast.ImportFrom) -> list[str]:
    return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]


def root(node: ast.AST) -> str:
    """Return the name that an expression begins with, as `a` in `a.b[0](1).c`; empty for any other."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def names_of(node: ast.AST) -> set[str]:
    """Return the names that stand in a tree."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _bases(statement: ast.stmt) -> list[ast.expr]:
    """Return what a class is below: its bases, and what its keywords name."""
    if not isinstance(statement, ast.ClassDef):
        return []
    return [*statement.bases, *(word.value for word in statement.keywords)]


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs when a statement does: the insides of functions do not."""
    yield node
    if not isinstance(node, (*DEFINITIONS, ast.Lambda)):
        for child in ast.iter_child_nodes(node):
            yield from _run(child)


def _calls(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Call) for each in ast.walk(node))


def _stored(statement: ast.stmt) -> set[str]:
    return {node.id for node in _run(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _exported(tree: ast.Module) -> set[str]:
    """Return the names that a module says it offers to others."""
    return {
        node.value
        for one in tree.body
        if "__all__" in names_of(one)
        for node in ast.walk(one)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
