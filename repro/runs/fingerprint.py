"""A fingerprint of the code that can change an experiment's result, the same on every supported Python.

Covered: the experiment function, what it names in its own module, what that module, its study's and the packages above
do beside binding names, the classes of its cases and settings, every module that these import, in turn, unless it is
part of an installed, versioned package, and the harness's seeds and sums.
What no reading can follow is named beside the fingerprint: modules of a computed name, files read at run time, compiled
code. Of installed packages the environment's record has the versions.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro import seeds
from repro.errors import UsageError
from repro.machine.imported import digest
from repro.machine.modules import ABOVE, Edge, Modules, digest_parts
from repro.machine.syntax import EVERYTHING, Facts, text_of_module
from repro.runs.acting import Acting, Top
from repro.runs.bound import DEFINITIONS
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


def code_of(function: Callable[..., Any], study: Study | None = None, acting: Acting | None = None) -> Code:
    """Return the code behind an experiment function of a study; `acting` spares reading again what another one reached.

    Without a study it is the one that has the experiment in the function's module, if there is any.
    """
    home = function.__module__
    study = study or _study_of(function)
    acting = acting or _acting(home, study)
    modules, bodies = acting.modules, {name: acting.tops(name) for name in acting.homes}
    _refuse_hidden(function, bodies[home])
    chosen: dict[str, list[Top]] = {}

    def said(module: str, names: set[str]) -> list[Facts]:
        chosen[module] = _closure(bodies[module], names)
        return [top.facts for top in chosen[module]]

    classes, unread = _value_classes(function, study, acting)
    start = {(home, function.__name__), *((name, ABOVE) for name in acting.homes), *classes}
    reached = modules.follow(start, acting.homes, said)
    others = sorted(reached.modules - {home})
    parts = modules.texts(name for name in others if name not in bodies)
    for name, tops in chosen.items():
        parts[name] = f"[{', '.join(top.text for top in tops if top.text)}]"
    parts[seeds.__name__] = text_of_module(Path(seeds.__file__).read_text("utf-8"))
    named = [name for name in (home, *others) if modules.files([name])]
    return Code(
        fingerprint=hashlib.sha256(digest_parts(parts).encode()).hexdigest(),
        files=tuple(path for name in named for path in modules.files([name])),
        owners=tuple(name.partition(".")[0] for name in named),
        unfollowed=tuple(sorted(reached.unfollowed | unread)),
        distributions=tuple(sorted(reached.distributions)),
        contents={
            os.path.realpath(path): digest(modules.source(name)) for name in named for path in modules.files([name])
        },
    )


def codes(study: Study, names: Sequence[str]) -> dict[str, Code]:
    """Return the code of experiments of a study, each module looked up and read once."""
    shared: dict[str, Acting] = {}
    found = {}
    for name in names:
        function = study.experiments[name].function
        if function.__module__ not in shared:
            shared[function.__module__] = _acting(function.__module__, study)
        found[name] = code_of(function, study, shared[function.__module__])
    return found


def _study_of(function: Callable[..., Any]) -> Study | None:
    """Return the study of a function's module that has it as an experiment."""
    studies = [value for value in vars(sys.modules[function.__module__]).values() if isinstance(value, Study)]
    return next((one for one in studies if any(made.function is function for made in one.experiments.values())), None)


def _acting(home: str, study: Study | None) -> Acting:
    """Return what acts for experiments of a module: there, where their study is made, and in packages above."""
    modules = Modules(home)
    places = dict.fromkeys([home, *_above(home), *([study.module, *_above(study.module)] if study else [])])
    homes = [name for name in places if name == home or modules.find(name).kind == "source"]
    made = [*(one.function for one in study.experiments.values()), *study.figures.values()] if study else []
    return Acting(modules, homes, {one.__module__ for one in made})


def _above(module: str) -> list[str]:
    """Return the packages that a module lies in, which run before it does."""
    return [module.rsplit(".", depth)[0] for depth in range(1, module.count(".") + 1)]


def _refuse_hidden(function: Callable[..., Any], body: Sequence[tuple[Top, bool]]) -> None:
    """Raise UsageError for a function whose code cannot be read, as one that another function made."""
    tops = (top.node for top, _ in body)
    if not any(isinstance(node, DEFINITIONS) and node.name == function.__qualname__ for node in tops):
        raise UsageError(
            f"{function.__module__}: experiment '{function.__qualname__}' is not defined by `def` at the top of its "
            "module, so a change of its code would go unseen; define it there"
        )


def _value_classes(
    function: Callable[..., Any], study: Study | None, acting: Acting
) -> tuple[set[Edge], frozenset[str]]:
    """Return the classes of the experiment's cases and its study's settings, whose methods no import names.

    The second are those, in words, that no name stands for where they could be read.
    """
    if study is None:
        return set(), frozenset()
    values = [case for made in study.experiments.values() if made.function is function for case in made.cases]
    kinds = {type(value) for value in [*values, *(profile.settings for profile in study.profiles.values())]}
    found: set[Edge] = set()
    unread: set[str] = set()
    for kind in kinds:
        module, _, name = f"{kind.__module__}:{kind.__qualname__}".partition(":")
        named = [
            (home, one) for home in acting.homes for one, value in vars(sys.modules[home]).items() if value is kind
        ]
        places = [(module, name.partition(".")[0])] if _stands(kind) else named
        own = {place for place in places if acting.modules.find(place[0]).kind in ("source", "compiled")}
        found |= own
        if not places and module != object.__module__:
            unread.add(f"{study.module} makes {name}, a class of cases or settings, that no name stands for")
    return found, frozenset(unread)


def _stands(kind: type) -> bool:
    """Say whether a class is what its name stands for in its module."""
    found: Any = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is kind


def _closure(body: Sequence[tuple[Top, bool]], names: set[str]) -> list[Top]:
    """Return the statements that bind or alter one of the names, or a name that these mention, in source order.

    Those that act are among them, and what they mention in turn.
    """
    chosen: set[int] = set()
    wanted = set(names)
    while True:
        everything = EVERYTHING in wanted
        reached = {
            index
            for index, (top, acts) in enumerate(body)
            if acts or not wanted.isdisjoint(top.affected) or (everything and not top.declares)
        }
        if reached == chosen:
            return [body[index][0] for index in sorted(chosen)]
        for index in reached - chosen:
            wanted |= body[index][0].names
        chosen = reached
