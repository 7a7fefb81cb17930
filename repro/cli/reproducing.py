"""The arguments of `nox -s reproduce-STUDY`, shared out between `repro run` and `repro check`."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import io
import json

from repro import registry
from repro.cli.main import parser
from repro.errors import UsageError, did_you_mean
from repro.runs.wanted import case_filter

SMOKE = "smoke"
TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from typing import Any


def verb_arguments(posargs: list[str]) -> tuple[list[str], list[str]]:
    """Return the arguments of `repro run` and `repro check`, which replays golden seeds in the smoke profile.

    What both verbs take goes to both. Raise UsageError for what neither takes, and for an option without its value.
    """
    verbs = [(_options(verb), list[str]()) for verb in ("run", "check")]
    known = {name: action for options, _ in verbs for name, action in options.items()}
    asked: dict[str, str] = {}
    left = list(posargs)
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if name not in known:
            raise UsageError(
                f"{word}: neither `repro run` nor `repro check` takes it{did_you_mean(name, [*known])}"
                " (`nox -s reproduce-STUDY -- OPTIONS`)"
            )
        taken = [name]
        if known[name].nargs != 0:
            if not (equals or left):
                raise UsageError(
                    f"{name}: wanted a value behind it; `repro run --help` or `repro check --help` says more"
                )
            taken.append(value if equals else left.pop(0))
        asked[name] = taken[-1]
        for options, words in verbs:
            words.extend(taken if name in options else [])
    (_, run), (_, check) = verbs
    profile = [] if "--profile" in asked else ["--profile", SMOKE]
    seeds = [] if {"--fresh", "--replicates", "--undecided"} & asked.keys() else ["--fresh", "1"]
    replays = asked.get("--profile", SMOKE) == SMOKE and not {"--no-confirm", "--replay"} & asked.keys()
    return [*profile, *run, *seeds], [*profile, *check, *(["--replay"] if replays else [])]


def _options(verb: str) -> dict[str, argparse.Action]:
    """Return the options of a verb, by each of their names."""
    verbs = next(action.choices for action in parser(verb)._actions if isinstance(action.choices, dict))
    return dict(verbs[verb]._option_string_actions)


def intent(study: str, run: list[str]) -> str:
    """Return in one line what a reproduction will do, by the arguments of its run."""
    reader = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in ("--profile", "--fresh", "--replicates"):
        reader.add_argument(option)
    for option in ("--experiment", "--where"):
        reader.add_argument(option, action="append", default=[])
    chosen, _ = reader.parse_known_args(run)
    declared = registry.load(study)
    profile, wanted = registry.profile(declared, chosen.profile), case_filter(chosen.where)
    cases = [
        case
        for one, case in declared.select(chosen.profile)
        if one.name in (chosen.experiment or declared.experiments) and wanted(case)
    ]
    seeds = f"replicates {chosen.replicates}" if chosen.replicates else f"fresh seeds: {chosen.fresh}"
    return (
        f"{study}, profile {chosen.profile}, on {profile.device}: {len(cases)} case{'s' * (len(cases) != 1)}, {seeds}; "
        f"then a comparison with golden/{study}/{chosen.profile}.md"
    )


def first_look(study: str, profile: str) -> list[str]:
    """Return the arguments that select one cell of a study, for a verdict before all is run.

    It is one of those that draw random numbers, where there are any, and none at the corner of a grid: the first third.
    """
    pairs = list(registry.load(study).select(profile))
    drawn = [(one, case) for one, case in pairs if not one.deterministic] or pairs
    experiment, case = drawn[len(drawn) // 3]
    fields = dataclasses.asdict(case)
    where = [word for name, value in fields.items() for word in ("--where", f"{name}={_filter(value)}")]
    return ["--experiment", experiment.name, *where]


def _filter(value: Any) -> str:
    """Return a value of a case as --where reads it."""
    text = (
        repr(value) if isinstance(value, float) else json.dumps(value) if isinstance(value, bool | None) else str(value)
    )
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow([text])
    return written.getvalue()
