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
    given: dict[str, str] = {}
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
        given[name] = taken[-1]
        for options, words in verbs:
            words.extend(taken if name in options else [])
    (_, run), (_, check) = verbs
    profile = [] if "--profile" in given else ["--profile", SMOKE]
    seeds = [] if {"--fresh", "--replicates", "--undecided"} & given.keys() else ["--fresh", "1"]
    replays = given.get("--profile", SMOKE) == SMOKE and not {"--no-confirm", "--replay"} & given.keys()
    return [*profile, *run, *seeds], [*profile, *check, *(["--replay"] if replays else [])]


def _options(verb: str) -> dict[str, argparse.Action]:
    """Return the options of a verb, by each of their names."""
    verbs = next(action.choices for action in parser(verb)._actions if isinstance(action.choices, dict))
    return dict(verbs[verb]._option_string_actions)


def asked(study: str, run: list[str]) -> argparse.Namespace:
    """Return the arguments of a reproduction's run as `repro run` reads them."""
    return parser("run").parse_args(["run", study, *run])


def device(study: str, run: list[str]) -> str:
    """Return the device that a run's arguments mean: the one named, otherwise the profile's."""
    chosen = asked(study, run)
    return str(chosen.device or registry.profile(registry.load(study), chosen.profile).device)


def intent(study: str, run: list[str]) -> str:
    """Return in one line what a reproduction will do, by the arguments of its run."""
    chosen = asked(study, run)
    declared = registry.load(study)
    wanted = case_filter(chosen.where)
    cases = [
        case
        for one, case in declared.select(chosen.profile)
        if one.name in (chosen.experiment or declared.experiments) and wanted(case)
    ]
    seeds = f"replicates {chosen.replicates}" if chosen.replicates else f"fresh seeds: {chosen.fresh}"
    count = f"{len(cases)} case{'s' * (len(cases) != 1)}"
    return (
        f"{study}, profile {chosen.profile}, on {device(study, run)}: {count}, {seeds}; "
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
