"""Which profiles' runs can answer a claim; without random numbers, that hangs on data and settings alone."""

from __future__ import annotations

import ast
import functools
from collections.abc import Sequence
from typing import Any

from repro import registry
from repro.errors import UsageError
from repro.machine.syntax import tree_of
from repro.runs.bound import names_of
from repro.runs.fingerprint import codes
from repro.study import Experiment, Study, settings_json

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
OF_PROFILE = {"settings", "profile"}  # what a run has of its profile
WHOLE = {"astuple", "attrgetter", "vars", "__dict__"}  # with which it can be taken whole


def profiles_for(study: Study, experiment: Experiment, case: Any, *, measured: bool) -> list[str]:
    """Return the profiles whose rows can answer a claim, the faithful ones first; only these where it is `measured`.

    What no seed moves is the same in another one where no stand-in's data enter, and no settings that are others there.
    """
    able = [name for name, profile in study.profiles.items() if profile.faithful]
    if measured or not experiment.deterministic:
        return able
    published = {settings_json(study.profiles[name].settings) for name in able}
    for name, profile in study.profiles.items():
        data = profile.data_of(case)
        if name in able or (data is not None and data.stands_in_for):
            continue
        if settings_json(profile.settings) in published or not may_read_settings(study, experiment.name):
            able.append(name)
    return able


def refuse_unable(study: Study, profile: str, experiment: Experiment, cases: Sequence[Any]) -> None:
    """Raise UsageError for a profile that is none, or whose runs of some of these cases can answer no claim."""
    declared = registry.profile(study, profile)
    for case in cases:
        able = profiles_for(study, experiment, case, measured=not experiment.deterministic)
        if profile in able:
            continue
        data = declared.data_of(case)
        besides = ", and its settings may enter" if experiment.deterministic else ""
        if data is not None and data.stands_in_for:
            besides = f", and its data '{data.name}' stand in for {data.stands_in_for}"
        raise UsageError(
            f"runs of '{experiment.name}' in profile '{profile}' of study '{study.name}' answer no claim: it is not "
            f"faithful{besides}; ask for those of {' or '.join(able) or 'one that is, and declare it'}"
        )


@functools.lru_cache(maxsize=512)
def may_read_settings(study: Study, experiment: str) -> bool:
    """Say whether an experiment's code may read its run's settings.

    Where the function gives its run to nobody, its own lines tell. Elsewhere every mention below the modules that it
    reaches counts, those of the study's other experiments left out that are not mentioned there.
    """
    function = study.experiments[experiment].function.__name__
    files = [path for path in codes(study, [experiment])[experiment].files if path.suffix == ".py"]
    home, *others = (tree_of(path.read_text("utf-8")) for path in files)
    own = next(one for one in home.body if isinstance(one, FUNCTIONS) and one.name == function)
    names = [one.arg for one in (*own.args.posonlyargs, *own.args.args)]
    if len(names) < 2:
        return True  # as of *args
    run = names[1]
    attributes = [node for node in ast.walk(own) if isinstance(node, ast.Attribute)]
    alone = sum(isinstance(node, ast.Name) and node.id == run for node in ast.walk(own))
    asked = [node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id == run]
    if len(asked) == alone:
        return not OF_PROFILE.isdisjoint(asked)
    siblings = {one.function.__name__ for one in study.experiments.values()} - {function}
    left = {one.name: one for one in home.body if isinstance(one, FUNCTIONS) and one.name in siblings}
    rest = [*others, *(one for one in home.body if one not in left.values())]
    while called := {name for one in rest for name in names_of(one) if name in left}:
        rest += [left.pop(name) for name in called]
    return any(_mentions(node) for tree in rest for node in ast.walk(tree))


def _mentions(node: ast.AST) -> bool:
    """Say whether a node is `.settings` or `.profile`, in a pattern too, or the text, or takes all of a thing."""
    if isinstance(node, ast.MatchClass):
        return bool(node.patterns) or not OF_PROFILE.isdisjoint(node.kwd_attrs)
    if isinstance(node, ast.Name):
        return node.id in WHOLE
    if isinstance(node, ast.Attribute):
        return node.attr in OF_PROFILE | WHOLE
    return isinstance(node, ast.Constant) and node.value in OF_PROFILE
