"""A fingerprint of the code that can change an experiment's result, the same on every supported Python.

Covered: the experiment function, what it names in its own module, what that module does beside binding names, the
classes of its cases and settings, every module that these import, in turn, unless it is part of an installed, versioned
package, and the harness's seeds and sums.
What no reading can follow is named beside the fingerprint: modules of a computed name, files read at run time, compiled
code. Of installed packages the environment's record has the versions.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from repro import seeds
from repro.errors import UsageError
from repro.machine.imported import digest
from repro.machine.modules import Edge, Modules, digest_parts
from repro.machine.syntax import (
    EVERYTHING,
    Facts,
    Import,
    facts,
    is_text,
    normal_form,
    origins,
    text_of_module,
    tree_of,
)
from repro.runs import acting
from repro.runs.acting import DEFINITIONS, names_of
from repro.study import Study


@dataclass(frozen=True)
class Code:
    """The code behind an experiment. `files` begins with the experiment's own; `unfollowed` says what is not in it.

    `distributions` names the installed packages that it asks for by itself; `contents` has the digest of each source,
    by its path without links.
    """

    fingerprint: str
    files: tuple[Path, ...]
    owners: tuple[str, ...]
    unfollowed: tuple[str, ...]
    distributions: tuple[str, ...]
    contents: Mapping[str, str]


def fingerprint(function: Callable[..., Any]) -> str:
    """Return the SHA-256 (hex) of the code behind an experiment function, which must stand at the top of its module."""
    return code_of(function).fingerprint


def code_of(function: Callable[..., Any], modules: Modules | None = None) -> Code:
    """Return the code behind an experiment function; `modules` spares looking up again what another one reached."""
    home = sys.modules[function.__module__]
    modules = modules or Modules(home.__name__)
    studies = frozenset(name for name, value in vars(home).items() if isinstance(value, Study))
    body = _usable(modules.source(home.__name__), studies, *_imported(modules, home.__name__))
    _refuse_hidden(home, function, body)
    start = {(home.__name__, function.__name__), *_value_classes(home, studies, function, modules)}
    chosen: list[Top] = []

    def said(names: set[str]) -> list[Facts]:
        chosen[:] = _closure(body, names)
        return [top.facts for top in chosen]

    reached = modules.follow(start, home.__name__, said)
    others = sorted(reached.modules - {home.__name__})
    parts = modules.texts(others)
    parts[home.__name__] = f"[{', '.join(top.text for top in chosen if top.text)}]"
    parts[seeds.__name__] = text_of_module(Path(seeds.__file__).read_text("utf-8"))
    named = [name for name in (home.__name__, *others) if modules.files([name])]
    return Code(
        fingerprint=hashlib.sha256(digest_parts(parts).encode()).hexdigest(),
        files=tuple(path for name in named for path in modules.files([name])),
        owners=tuple(name.partition(".")[0] for name in named),
        unfollowed=tuple(sorted(reached.unfollowed)),
        distributions=tuple(sorted(reached.distributions)),
        contents={
            os.path.realpath(path): digest(modules.source(name)) for name in named for path in modules.files([name])
        },
    )


def codes(study: Study, names: Sequence[str]) -> dict[str, Code]:
    """Return the code of experiments of a study, each module looked up and read once."""
    shared: dict[str, Modules] = {}
    found = {}
    for name in names:
        function = study.experiments[name].function
        modules = shared.setdefault(function.__module__, Modules(function.__module__))
        found[name] = code_of(function, modules)
    return found


@dataclass(frozen=True)
class Top:
    """A statement at the top of a module: its JSON, what it binds or may alter, what it mentions, what it asks for.

    `acts` says that it does something which these names do not tell, and counts for every experiment.
    """

    node: ast.stmt
    text: str
    affected: frozenset[str]
    names: frozenset[str]
    facts: Facts
    acts: bool


def _refuse_hidden(home: ModuleType, function: Callable[..., Any], body: Sequence[Top]) -> None:
    """Raise UsageError for a function whose code cannot be read, as one that another function made."""
    tops = (top.node for top in body)
    if not any(isinstance(node, DEFINITIONS) and node.name == function.__qualname__ for node in tops):
        raise UsageError(
            f"{home.__name__}: experiment '{function.__qualname__}' is not defined by `def` at the top of its module, "
            "so a change of its code would go unseen; define it there"
        )


def _value_classes(
    home: ModuleType, studies: frozenset[str], function: Callable[..., Any], modules: Modules
) -> Iterator[Edge]:
    """Yield the classes of the experiment's cases and its study's settings, whose methods no import names."""
    for study in (getattr(home, name) for name in sorted(studies)):
        values = [case for made in study.experiments.values() if made.function is function for case in made.cases]
        for kind in {type(value) for value in [*values, *(profile.settings for profile in study.profiles.values())]}:
            if modules.find(kind.__module__).kind == "source":
                yield kind.__module__, kind.__qualname__.partition(".")[0]


def _imported(modules: Modules, home: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return the names that a module's imports bind to somebody's own code, and to that of installed packages.

    The third are those of own functions, as they are called here, that alter something of their module.
    """
    found: dict[str, set[str]] = {"own": set(), "installed": set()}
    altering: set[str] = set()
    for statement in tree_of(modules.source(home)).body:
        for single in _one_by_one(statement):
            if isinstance(single, acting.IMPORTS):
                asked, name = facts([single]).imports[0], acting.bound(single)
                kind = modules.whose(asked, home)
                if kind in found:
                    found[kind].add(name)
                if kind == "own":
                    altering.update(_altering(modules, asked, home, name))
    return frozenset(found["own"]), frozenset(found["installed"]), frozenset(altering)


def _altering(
    modules: Modules, asked: Import, by: str, name: str, met: tuple[tuple[str, str], ...] = ()
) -> Iterator[str]:
    """Yield the own functions that an import brings, as they are called by its name, whose call alters something."""
    module, thing = modules.asked(asked, by)
    altered = acting.effects(tree_of(modules.source(module)))
    if name == EVERYTHING:
        yield from altered
    elif thing == EVERYTHING:
        prefix = name if asked.name != EVERYTHING or name != module.partition(".")[0] else module
        yield from (f"{prefix}.{one}" for one in altered)
    elif thing in altered:
        yield name
    elif (module, thing) not in met:  # what a package only hands on
        for single in (one for top in tree_of(modules.source(module)).body for one in _one_by_one(top)):
            if isinstance(single, ast.ImportFrom) and acting.bound(single) == thing:
                yield from _altering(modules, facts([single]).imports[0], module, name, (*met, (module, thing)))


@functools.cache
def _usable(
    source: str, studies: frozenset[str], own: frozenset[str], installed: frozenset[str], altering: frozenset[str]
) -> tuple[Top, ...]:
    """Return a module's top statements without the studies' declarations and the decorators that mention a study."""
    usable: list[Top] = []
    tree, known = tree_of(source), origins(source)
    singles = [single for one in tree.body for single in _one_by_one(_undecorated(one, studies))]
    told = acting.Statements(tree, singles, studies, own, installed, altering)
    for single in singles:
        affected = told.affected(single)
        if studies.isdisjoint(affected):
            text = "" if is_text(single) else normal_form(single)
            names = frozenset(acting.looked_up(single))
            usable.append(Top(single, text, frozenset(affected), names, facts([single], known), told.acts(single)))
    return tuple(usable)


def _undecorated(statement: ast.stmt, studies: frozenset[str]) -> ast.stmt:
    """Return a definition without the decorators that mention a study; the tree itself stays as it is."""
    if not isinstance(statement, DEFINITIONS):
        return statement
    kept = [node for node in statement.decorator_list if studies.isdisjoint(names_of(node))]
    values = {**dict(ast.iter_fields(statement)), "decorator_list": kept}
    return type(statement)(**values)


def _one_by_one(statement: ast.stmt) -> list[ast.stmt]:
    """Return an import as one statement a name, so that a name imported for another experiment changes nothing."""
    if isinstance(statement, ast.ImportFrom):
        return [ast.ImportFrom(statement.module, [alias], statement.level) for alias in statement.names]
    return [ast.Import([alias]) for alias in statement.names] if isinstance(statement, ast.Import) else [statement]


def _closure(body: Sequence[Top], names: set[str]) -> list[Top]:
    """Return the statements that bind or alter one of the names, or a name that these mention, in source order.

    Those that act are among them, and what they mention in turn.
    """
    chosen: set[int] = set()
    wanted = set(names)
    while True:
        everything = EVERYTHING in wanted
        reached = {
            index for index, top in enumerate(body) if everything or top.acts or not wanted.isdisjoint(top.affected)
        }
        if reached == chosen:
            return [body[index] for index in sorted(chosen)]
        for index in reached - chosen:
            wanted |= body[index].names
        chosen = reached
