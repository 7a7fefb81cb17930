"""The statements at the top of a module: what they bind and mention, and which count whoever asks for a name.

A list of methods may be filled by a decorator, a rate set through a second name, by a function that is called once, by
a module that is imported for something else. Whoever reads only the names that an experiment mentions never comes upon
these. So a statement acts, unless all it does is known: to bind names, or to alter what one of the module's names alone
stands for.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeGuard

from repro.machine.modules import Edge, Modules
from repro.machine.syntax import EVERYTHING, Facts, Import, facts, is_text, normal_form, origins, tree_of
from repro.runs.bound import DEFINITIONS, IMPORTS, bases, binds, imports, names_of, root, run
from repro.runs.effects import READING, Condition, Done, Effects, declares, effects
from repro.study import Study

BY_TEXT = frozenset({"globals", "vars"})  # calls without arguments that give a module's names as texts
SUBCLASSES = "__subclasses__"  # which are there without being named
SPEAKING = frozenset({"logging", "warnings", "matplotlib", "seaborn", "plotly", "rich", "tqdm"})  # they move no number
COMPUTING = frozenset({
    "abc", "cmath", "collections", "copy", "csv", "dataclasses", "datetime", "enum", "fractions", "functools",
    "itertools", "json", "math", "numbers", "pathlib", "re", "repro", "statistics", "string", "textwrap", "time",
    "tomllib", "types", "typing", "typing_extensions",
})  # packages whose functions only answer  # fmt: skip
MAKING = frozenset({
    "arange", "array", "cpu_count", "default_rng", "device", "empty", "eye", "full", "geomspace", "getenv",
    "is_available", "linspace", "logspace", "ones", "tensor", "zeros",
})  # functions that only answer, in whichever package they lie  # fmt: skip
OF_ONE_NUMBER = frozenset({"sqrt", "exp", "log", "log2", "log10", "sin", "cos", "tan", "tanh"})  # or of one array
ALIASES = frozenset({"cast"})  # functions whose answer may be what they were given
CALLING = frozenset({
    "accumulate", "dropwhile", "filterfalse", "groupby", "reduce", "starmap", "takewhile",
})  # functions that call what they are given, whatever that is  # fmt: skip


@dataclass(frozen=True)
class Top:
    """A statement at the top of a module: its JSON, what it binds or alters alone, what it mentions, what it asks for.

    `done` says what else it does. One that `declares` binds a study, which no looking for all names is after.
    """

    node: ast.stmt
    text: str
    affected: frozenset[str]
    names: frozenset[str]
    facts: Facts
    done: Done | None
    declares: bool = False


class Acting:
    """Which statements act in `homes`, the modules that are read by statement: the experiment's own, and its study's.

    `declaring` are the modules of the study's experiments and figures, which are imported to declare these.
    """

    def __init__(self, modules: Modules, homes: Collection[str], declaring: Collection[str]) -> None:
        self.modules, self.homes, self._declaring = modules, homes, declaring
        self._tops: dict[str, list[tuple[Top, bool]]] = {}
        self._harmless: set[tuple[str, Condition]] = set()

    def tops(self, home: str) -> list[tuple[Top, bool]]:
        """Return a module's top statements without the study's declarations, each with whether it acts."""
        if home not in self._tops:
            source = self.modules.source(home)
            singles = [each for one in tree_of(source).body if isinstance(one, IMPORTS) for each in imports(one)]
            kinds = {name: self.modules.whose(asked, home) for name, asked, _ in singles}
            installed = frozenset(name for name, kind in kinds.items() if kind == "installed")
            found = _tops(source, _studies(home), installed)
            self._tops[home] = [(top, self._acts(top, home)) for top in found]
        return self._tops[home]

    def _acts(self, top: Top, home: str) -> bool:
        """Say whether a statement acts; so does an import of own code that is not named: others may come upon it."""
        if top.done is None or not self._holds(home, top.done.needs):
            return True
        mentioned = _mentioned(self.modules.source(home))
        return any(
            self.modules.whose(asked, home) == "own"
            and (name == EVERYTHING or name not in mentioned)
            and self.modules.asked(asked, home)[0] not in self._declaring
            for node in run(top.node)
            if isinstance(node, IMPORTS)
            for name, asked, _ in imports(node)
        )

    def _holds(self, module: str, needs: Collection[Condition]) -> bool:
        """Say whether all conditions hold in a module, and those that they hang on."""
        met: set[tuple[str, Condition]] = set()
        open_ = [(module, need) for need in needs]
        while open_:
            one = open_.pop()
            if one in met or one in self._harmless:
                continue
            met.add(one)
            further = self._further(*one)
            if further is None:
                return False
            open_ += further
        self._harmless |= met
        return True

    def _further(self, module: str, need: Condition) -> list[tuple[str, Condition]] | None:
        """Return what a condition hangs on, None where it does not hold."""
        if need.asked is None:
            return _in(module, self._effects(module).of_call(need.name))
        if self.modules.whose(need.asked, module) != "own":
            return [] if _answers(need) else None
        if need.what == "import":
            return self._imported(need.asked, module)
        if need.what in ("new", "store", "foreign"):
            return None
        found = self._find(module, need.asked, need.name, ())
        if found is None:
            return None
        where, name, rest = found
        values = self._effects(where).scope.names.get(name, [])
        if need.what == "given" and not any(isinstance(value, DEFINITIONS) for value in values):
            return []
        if rest:
            return _in(where, self._effects(where).of_new(name)) if rest in READING else None
        return _in(where, self._effects(where).of_call(name))

    def _imported(self, asked: Import, by: str) -> list[tuple[str, Condition]] | None:
        """Return what must hold for an import to bind names alone: of the module, and of the packages above it."""
        module = self.modules.asked(asked, by)[0]
        found: list[tuple[str, Condition]] = []
        for each in (module.rsplit(".", depth)[0] for depth in range(module.count(".") + 1)):
            kind = self.modules.find(each).kind
            if each in self.homes or kind in ("folder", "absent"):
                continue
            further = _in(each, self._effects(each).of_import) if kind == "source" else None
            if further is None:
                return None
            found += further
        return found

    def _find(self, module: str, asked: Import, rest: str, met: tuple[Edge, ...]) -> tuple[str, str, str] | None:
        """Return the own module, the name in it, empty for the module itself, and the attributes that are meant."""
        where, thing = self.modules.asked(asked, module)
        while thing == EVERYTHING and rest:
            first, _, after = rest.partition(".")
            if self.modules.find(f"{where}.{first}").kind == "absent":
                thing, rest = first, after
            else:
                where, rest = f"{where}.{first}", after
        if thing == EVERYTHING or (where, thing) in met:
            return (where, "", "") if thing == EVERYTHING else None
        values = self._effects(where).scope.names.get(thing, [])
        if not values:  # then a star may bring it
            own = [star for star in self._effects(where).stars if self.modules.whose(star, where) == "own"]
            asks = [Import(star.module, thing, star.level) for star in own]
            ways = [way for one in asks if (way := self._find(where, one, rest, (*met, (where, thing))))]
            return ways[0] if len(ways) == 1 else None
        if len(values) == 1 and isinstance(values[0], Import):
            return self._find(where, values[0], rest, (*met, (where, thing)))
        return where, thing, rest

    def _effects(self, module: str) -> Effects:
        return effects(self.modules.source(module), _studies(module))


def _in(module: str, done: Done | None) -> list[tuple[str, Condition]] | None:
    return None if done is None else [(module, need) for need in done.needs]


def _answers(need: Condition) -> bool:
    """Say whether a condition holds of what a package offers: by its own functions, a package may be altered, too."""
    assert need.asked is not None
    parts = [*need.asked.module.split("."), *([need.asked.name] if need.asked.name != EVERYTHING else [])]
    parts += need.name.split(".") if need.name else []
    top, last = parts[0], parts[-1]
    if need.what == "store":
        return top in SPEAKING
    if need.what not in ("call", "new"):
        return True
    if top in SPEAKING | COMPUTING or last.lstrip("_")[:1].isupper():
        return last not in CALLING and (need.what == "call" or last not in ALIASES)
    if last in MAKING or (last in OF_ONE_NUMBER and need.given == 1):
        return need.given >= 0
    return need.what == "call" and last in READING


def _studies(module: str) -> frozenset[str]:
    """Return the names that stand for studies in a module; of one that is not imported, none."""
    return frozenset(name for name, value in vars(sys.modules.get(module, sys)).items() if isinstance(value, Study))


@functools.cache
def _mentioned(source: str) -> frozenset[str]:
    """Return the names that a module mentions, and those that it says it offers to others."""
    tree = tree_of(source)
    exported = [node for one in tree.body if "__all__" in names_of(one) for node in ast.walk(one)]
    texts = {node.value for node in exported if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return frozenset(names_of(tree) | texts)


@functools.cache
def _tops(source: str, studies: frozenset[str], installed: frozenset[str]) -> tuple[Top, ...]:
    """Return a module's top statements without the studies' declarations, and what these are given beside them."""
    tree, known, told = tree_of(source), origins(source), effects(source, studies)
    defined, mentioned = {one.name for one in tree.body if isinstance(one, DEFINITIONS)}, _mentioned(source)
    found = []
    for statement in tree.body:
        kept, given = _undeclared(statement, studies)
        for one in (*given, *kept):
            bound = {name for node in run(one) for name in binds(node)} if one not in given else set()
            is_study = _binds_a_study(one, studies)
            done = Done(frozenset(), frozenset()) if is_study else told.of([one])
            affected = bound | (done.alters if done else frozenset())
            if isinstance(one, DEFINITIONS):
                above = {*map(root, bases(one))}
                affected |= above & defined  # which may keep the class in a list, or be asked for it
                if one.name not in mentioned:  # nobody can come upon it but by a package's list
                    affected |= {*above, *map(root, one.decorator_list)} & installed
            text = "" if is_text(one) else normal_form(one)
            names = frozenset(looked_up(one))
            found.append(
                Top(one, text, frozenset(affected), names, facts([one], known), done, is_study or one in given)
            )
    return tuple(found)


def _undeclared(statement: ast.stmt, studies: frozenset[str]) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """Return a statement without what declares on a study, and what that is given; the tree itself stays as it is."""
    declared: list[ast.expr] = []
    kept = _one_by_one(statement)
    if isinstance(statement, DEFINITIONS):
        declared = [one for one in statement.decorator_list if declares(one, studies)]
        left = [one for one in statement.decorator_list if one not in declared]
        kept = [type(statement)(**{**dict(ast.iter_fields(statement)), "decorator_list": left})]
    elif isinstance(statement, ast.Expr) and declares(statement.value, studies):
        declared, kept = [statement.value], []
    elif _binds_a_study(statement, studies):
        declared = [statement.value]
    given: list[ast.expr] = []
    while declared:
        node = declared.pop()
        if isinstance(node, ast.Call):
            given += [*node.args, *(word.value for word in node.keywords)]
            declared.append(node.func)
    return kept, [ast.Expr(one) for one in given]


def _binds_a_study(statement: ast.stmt, studies: frozenset[str]) -> TypeGuard[ast.Assign]:
    """Say whether a statement is `study = Study(...)`."""
    return isinstance(statement, ast.Assign) and all(
        isinstance(target, ast.Name) and target.id in studies for target in statement.targets
    )


def _one_by_one(statement: ast.stmt) -> list[ast.stmt]:
    """Return an import as one statement a name, so that a name imported for another experiment changes nothing."""
    if isinstance(statement, ast.ImportFrom):
        return [ast.ImportFrom(statement.module, [alias], statement.level) for alias in statement.names]
    return [ast.Import([alias]) for alias in statement.names] if isinstance(statement, ast.Import) else [statement]


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
