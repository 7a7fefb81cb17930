"""What code does when it runs, beside binding names: what it alters, and what must hold of others for that to be all.

Told of one module's text, by what is known to do no more than answer: displays, operators, most of Python's own
functions, functions of the module that do no more themselves. Whatever is not known so may do anything.
"""

from __future__ import annotations

import ast
import builtins
import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace

from repro.machine.syntax import EVERYTHING, Import, dotted, tree_of
from repro.runs.bound import (
    DEFINITIONS,
    IMPORTS,
    Definition,
    Function,
    Scope,
    Value,
    bases,
    bindings,
    imports,
    names_of,
    parameters,
    root,
    run,
)

DECLARING = frozenset({"experiment", "figure", "figures_from"})  # what is called of a study to declare something
NOT_RUN = frozenset({"__name__ == '__main__'", "TYPE_CHECKING", "typing.TYPE_CHECKING"})  # tests that no import passes
NEW = (
    ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Lambda,
)  # expressions that stand for nothing that was there before  # fmt: skip
FIXED = (ast.Constant, ast.UnaryOp, ast.BinOp, ast.Tuple, ast.operator, ast.unaryop, ast.expr_context)
COPIES = frozenset({
    "list", "dict", "set", "tuple", "frozenset", "sorted", "bytearray", "bytes", "str", "int", "float", "bool",
    "complex", "len", "range", "abs", "round", "repr", "format",
})  # functions of Python's own whose answer is new, too  # fmt: skip
ALTERING = frozenset({
    "exec", "eval", "compile", "setattr", "delattr", "next", "iter", "input", "breakpoint", "__import__",
})  # those that do more than answer  # fmt: skip
ANSWERING = frozenset(dir(builtins)) - ALTERING
OF_TEXTS = frozenset(name for name in dir(str) if not name.startswith("_")) - {"count", "index"}
READING = OF_TEXTS | {"count", "index", "items", "keys", "values", "get", "copy", "fromkeys", "from_bytes"}
HOLDING = frozenset(
    {"partial", "cache", "lru_cache", "wraps", "Study", "Profile", "Metric", "DataSet"}
)  # calls nothing
OF_A_PROPERTY = frozenset({"setter", "getter", "deleter"})
OF_A_CLASS = frozenset({"__new__", "__init_subclass__", "__class_getitem__"})  # methods whose first argument is not new
SELF = ast.Constant("self")  # what it is of other methods of two underscores, which Python calls by itself


@dataclass(frozen=True)
class Condition:
    """What must hold of a name, so that code which mentions it does nothing else.

    Of `what`: "call", a call of it only answers; "new", with something that was not there before; "given", so does one
    by whoever is given it; "decorator" and "base", it may stand above a definition or a class; "import", what it brings
    only binds its own names; "store", its parts may be set; "foreign", it is no own code. `name` stands in the module
    itself where nothing is `asked` of another, and is what follows the import's name elsewhere. `given` is how many
    arguments a call gives in order, -1 where it says where to put the answer.
    """

    what: str
    name: str
    asked: Import | None = None
    given: int = 0


@dataclass(frozen=True)
class Done:
    """What code does: the variables of its module that it alters, and what must hold for that to be all."""

    alters: frozenset[str]
    needs: frozenset[Condition]


class _UnknownError(Exception):
    """Code that may do anything."""


class Effects:
    """A module's text: what its statements do, and calls of its functions and classes. None is what may be anything."""

    def __init__(self, tree: ast.Module, studies: frozenset[str]) -> None:
        self._tree, self._studies = tree, studies
        self.scope = Scope(bindings(tree.body))
        asked = [one for node in run(tree) if isinstance(node, ast.ImportFrom) for _, one, _ in imports(node)]
        self.stars = [one for one in asked if one.name == EVERYTHING]
        self._calls: dict[str, Done | None] = {}

    def of(self, statements: Iterable[ast.AST]) -> Done | None:
        """Return what statements at the top do when they run."""
        runs = _Runs(self._studies, self.scope)
        try:
            runs.all(statements, self.scope)
        except _UnknownError:
            return None
        return Done(frozenset(runs.alters), frozenset(runs.needs))

    @functools.cached_property
    def of_import(self) -> Done | None:
        """Return what the module does when it is imported."""
        return self.of(self._tree.body)

    def of_call(self, name: str) -> Done | None:
        """Return what a call of a function or class at the top does, also as a decorator, or as a base of a class."""
        if name not in self._calls:
            runs = _Runs(self._studies, self.scope, inner=True)
            try:
                for value in self.scope.names.get(name, [None]):
                    runs.definition(value)
                self._calls[name] = Done(frozenset(), frozenset(runs.needs))
            except _UnknownError:
                self._calls[name] = None
        return self._calls[name]

    def of_new(self, name: str) -> Done | None:
        """Return what must hold for a variable of the top to stand for something of its own."""
        needs = _Runs(self._studies, self.scope).of_its_own(name, self.scope)
        return None if needs is None else Done(frozenset(), frozenset(needs))


@functools.cache
def effects(source: str, studies: frozenset[str]) -> Effects:
    """Return the effects of a module in which some names stand for studies."""
    return Effects(tree_of(source), studies)


def declares(node: ast.AST, studies: frozenset[str]) -> bool:
    """Say whether an expression declares an experiment or figures on a study, or is a decorator that does."""
    while isinstance(node, ast.Call):
        node = node.func
    return isinstance(node, ast.Attribute) and node.attr in DECLARING and dotted(node.value) in studies


class _Runs:
    """Code as it runs, node by node: gathers what it alters and needs, and raises _UnknownError.

    The `inner` of a function may alter what is its own alone.
    """

    def __init__(self, studies: frozenset[str], module: Scope, *, inner: bool = False) -> None:
        self._studies, self._module, self._inner = studies, module, inner
        self._met: set[ast.AST] = set()
        self.alters: set[str] = set()
        self.needs: set[Condition] = set()

    def all(self, nodes: Iterable[ast.AST], scope: Scope) -> None:
        """Run several one after another."""
        for node in nodes:
            self._run(node, scope)

    def _run(self, node: ast.AST, scope: Scope) -> None:
        """Run one statement or expression."""
        if isinstance(node, DEFINITIONS):
            self._define(node, scope)
        elif isinstance(node, ast.Lambda):
            self._run(node.args, scope)
        elif isinstance(node, IMPORTS):
            self.needs |= {Condition("import", "", asked) for _, asked, _ in imports(node)}
        elif isinstance(node, ast.Global | ast.Nonlocal):
            raise _UnknownError
        elif isinstance(node, ast.Call):
            self._call(node, scope)
        elif isinstance(node, ast.If) and ast.unparse(node.test) in NOT_RUN:
            self.all(node.orelse, scope)
        else:
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                self._alter(node.target, scope)
            elif isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
                self._alter(node.value, scope)
            self.all(ast.iter_child_nodes(node), scope)

    def _define(self, node: Definition, scope: Scope) -> None:
        """Run the definition of a function, or of a class with its inside."""
        for decorator in node.decorator_list:
            self._decorate(decorator, scope)
        if not isinstance(node, ast.ClassDef):
            self.all([node.args, *([node.returns] if node.returns else [])], scope)
            return
        for base in bases(node):
            self._run(base, scope)
            self.needs |= {replace(need, what="foreign") for need in self._others(root(base), scope)}
            if scope.find(root(base))[0] and not self._others(root(base), scope):
                self._own(base, scope)
        self.all(node.body, Scope(bindings(node.body), scope))

    def _decorate(self, node: ast.expr, scope: Scope) -> None:
        """Run a decorator; an own one with arguments is not followed."""
        inner = node.func if isinstance(node, ast.Call) else node
        if isinstance(node, ast.Call):
            self.all([*node.args, *node.keywords], scope)
        if declares(node, self._studies) or (isinstance(inner, ast.Attribute) and inner.attr in OF_A_PROPERTY):
            return
        others = self._others(dotted(inner), scope)
        self.needs |= {replace(need, what="foreign" if inner is not node else "decorator") for need in others}
        if not others and scope.find(root(inner))[0]:
            if isinstance(inner, ast.Attribute):
                self._alter(inner.value, scope)
            else:
                self._own(node, scope)
        elif not others and root(inner) not in ANSWERING:
            raise _UnknownError

    def definition(self, node: Value) -> None:
        """Run the inside of a function, or what Python runs of a class by itself."""
        if not isinstance(node, DEFINITIONS):
            raise _UnknownError
        for decorator in node.decorator_list:  # an own one may have put another thing in its place
            others = self._others(root(decorator), self._module)
            self.needs |= {replace(need, what="foreign") for need in others}
            if not others and (self._module.find(root(decorator))[0] or root(decorator) not in ANSWERING):
                raise _UnknownError
        for base in bases(node):
            others = self._others(dotted(base) or root(base), self._module)
            self.needs |= {replace(need, what="base") for need in others}
            if not others and self._module.find(root(base))[0]:
                self._own(base, self._module)
        if not isinstance(node, ast.ClassDef):
            self._body(node)
            return
        for one in node.body:
            if isinstance(one, Function) and one.name.startswith("__") and one.name != "__call__":
                self._body(one, node)

    def _body(self, node: Function, owner: ast.ClassDef | None = None) -> None:
        if node in self._met:
            return
        self._met.add(node)
        names, given = bindings(node.body), parameters(node.args)
        for name in given:
            names[name] = [*names.get(name, ()), None]
        if owner and given and node.name not in OF_A_CLASS and not node.decorator_list:
            names[given[0]][-1] = SELF
        self.all(node.body, Scope(names, self._module, owner))

    def _call(self, node: ast.Call, scope: Scope) -> None:
        self.all([*node.args, *node.keywords], scope)
        if not declares(node, self._studies):
            self._called(node.func, scope, node)
        elif isinstance(node.func, ast.Call):
            self._call(node.func, scope)

    def _called(self, function: ast.expr, scope: Scope, node: ast.Call | None = None) -> None:
        """Run the call of what an expression stands for; without a node nobody sees what it is given."""
        others = self._others(dotted(function), scope)
        if others:
            given = len(node.args) + any(isinstance(each, ast.Starred) for each in node.args) if node else 1
            given = -1 if node and any(word.arg == "out" for word in node.keywords) else given
            self.needs |= {replace(need, given=given) for need in others}
            self._give(node, scope)
        elif isinstance(function, ast.Lambda):
            names: dict[str, list[Value]] = {name: [None] for name in parameters(function.args)}
            self._run(function.body, Scope(names, scope, scope.owner))
        elif isinstance(function, ast.Attribute):
            self._method(function, scope, node)
        elif isinstance(function, ast.Name) and not scope.find(function.id)[0]:
            self._of_python(function.id, scope, node)
        else:
            self._own(function, scope)

    def _own(self, function: ast.expr, scope: Scope) -> None:
        """Run the call of a function or class at the module's top by its name."""
        values, where = scope.find(function.id) if isinstance(function, ast.Name) else ((), None)
        if where is not self._module or not all(isinstance(value, DEFINITIONS) for value in values):
            raise _UnknownError
        self.needs.add(Condition("call", dotted(function)))

    def _of_python(self, name: str, scope: Scope, node: ast.Call | None) -> None:
        """Run one of Python's own functions, and what it calls of what it is given."""
        first = node.args[:1] if node else []
        if name not in ANSWERING and not (name == "next" and first and isinstance(first[0], ast.GeneratorExp)):
            raise _UnknownError
        calls = [*first] if name in ("map", "filter") else []
        calls += [word.value for word in node.keywords if word.arg == "key"] if node else []
        for each in calls:
            if not isinstance(each, ast.Constant):
                self._called(each, scope)
        if name == "type" and node and len(node.args) > 1:
            self._give(node, scope)

    def _method(self, function: ast.Attribute, scope: Scope, node: ast.Call | None) -> None:
        """Run a method: of the new object itself, of one of Python's types, or of what nobody else has."""
        of, name = function.value, function.attr
        values = scope.find(root(of))[0]
        if isinstance(of, ast.Name) and SELF in values:
            methods = [one for one in scope.owner.body if getattr(one, "name", "") == name] if scope.owner else []
            if not methods or not all(isinstance(one, Function) and not one.decorator_list for one in methods):
                raise _UnknownError
            for one in methods:
                assert isinstance(one, Function)
                self._body(one, scope.owner)
        elif isinstance(of, ast.Name) and not values:
            sets = dotted(function) == "object.__setattr__" and node and SELF in scope.find(root(node.args[0]))[0]
            if not sets and name not in READING:
                raise _UnknownError
        elif isinstance(of, ast.Name) and values == [None] and name in OF_TEXTS:
            return
        elif isinstance(of, ast.Name) and name not in READING:
            self._alter(of, scope)
        elif not (scope.owner and isinstance(of, ast.Call) and dotted(of.func) == "super" and name.startswith("__")):
            needs = self.of_its_own(of.id, scope) if isinstance(of, ast.Name) else self._newness(of, scope)
            if needs is None:
                raise _UnknownError
            self.needs |= needs
            self._run(of, scope)

    def _give(self, node: ast.Call | None, scope: Scope) -> None:
        """Run what a call may call of what it is given."""
        if node is None or dotted(node.func).rpartition(".")[2] in HOLDING:
            return
        for each in (each for one in (*node.args, *node.keywords) for each in ast.walk(one)):
            if isinstance(each, ast.Lambda):
                self._called(each, scope)
            elif isinstance(each, ast.Name | ast.Attribute):
                self.needs |= {replace(need, what="given") for need in self._others(dotted(each), scope)}
                if any(isinstance(value, DEFINITIONS) for value in scope.find(dotted(each))[0]):
                    self._own(each, scope)

    def _alter(self, what: ast.expr, scope: Scope) -> None:
        """Set a part of a thing, or call a method that may: of what a name stands for, and nothing else does."""
        needs = self.of_its_own(what.id, scope) if isinstance(what, ast.Name) else None
        if needs is None:
            needs = {replace(need, what="store") for need in self._others(dotted(what), scope)}
            if not needs:
                raise _UnknownError
        elif scope.find(dotted(what))[1] is self._module:
            if self._inner:
                raise _UnknownError
            self.alters.add(dotted(what))
        self.needs |= needs

    def of_its_own(self, name: str, scope: Scope) -> set[Condition] | None:
        """Return what must hold for a name to stand for what nothing else does, None where that is not so."""
        values, where = scope.find(name)
        found = [self._newness(value, where or scope) if isinstance(value, ast.expr) else None for value in values]
        return None if None in found or not found else {need for part in found for need in part or ()}

    def _newness(self, node: ast.expr, scope: Scope) -> set[Condition] | None:
        """Return what must hold for an expression to stand for what was not there before, None where that is not so."""
        if isinstance(node, NEW):
            return set()
        if isinstance(node, ast.Attribute | ast.Subscript):  # of something that was made with all it holds
            return self._newness(node.value, scope) if isinstance(node.value, ast.Attribute | ast.Call) else None
        if isinstance(node, ast.IfExp):
            found = [self._newness(one, scope) for one in (node.body, node.orelse)]
            return None if None in found else {need for part in found for need in part or ()}
        if not isinstance(node, ast.Call):
            return None
        others = {replace(need, what="new") for need in self._others(dotted(node.func), scope)}
        if not others and isinstance(node.func, ast.Name):
            return set() if not scope.find(node.func.id)[0] and node.func.id in COPIES else None
        if not others and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call | ast.Constant):
            return self._newness(node.func.value, scope)
        for name in {name for one in (*node.args, *node.keywords) for name in names_of(one)}:
            values, parts = scope.find(name)[0], self._others(name, scope)
            if not parts and not all(_is_fixed(value) for value in values):
                return None
            others |= {replace(need, what="foreign") for need in parts}
        return others or None

    def _others(self, name: str, scope: Scope) -> set[Condition]:
        """Return calls of what a dotted name brings from other modules, none where it may stand for anything else."""
        first, _, rest = name.partition(".")
        values = scope.find(first)[0]
        asked = [value for value in values if isinstance(value, Import)]
        return {Condition("call", rest, one) for one in asked} if len(asked) == len(values) else set()


def _is_fixed(value: Value) -> bool:
    """Say whether a value is a number or a text, or a tuple of some."""
    return isinstance(value, ast.AST) and all(isinstance(node, FIXED) for node in ast.walk(value))
