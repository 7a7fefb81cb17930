"""The arguments of `nox -s reproduce-STUDY`, shared out between `repro run` and `repro check`."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import io
import json

from repro import registry

CHECK_FLAGS = ("--no-confirm", "--replay", "--require-power")  # of a reproduction's arguments, the check's
CHECK_FILES = ("--junit-xml", "--sarif", "--markdown")

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from typing import Any


def verb_arguments(posargs: list[str]) -> tuple[list[str], list[str]]:
    """Return the arguments of `repro run` and `repro check`, which replays golden seeds in the smoke profile."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("--experiment", action="append", default=[])
    parser.add_argument("--results")
    parser.add_argument("--fresh")
    parser.add_argument("--replicates")
    for flag in CHECK_FLAGS:
        parser.add_argument(flag, action="store_const", const=flag)
    for form in CHECK_FILES:
        parser.add_argument(form)
    chosen, rest = parser.parse_known_args(posargs)
    both = ["--profile", chosen.profile]
    both += [argument for name in chosen.experiment for argument in ("--experiment", name)]
    both += ["--results", chosen.results] if chosen.results else []
    seeds = ["--replicates", chosen.replicates] if chosen.replicates else ["--fresh", chosen.fresh or "1"]
    asked = vars(chosen)
    checking = [flag for flag in CHECK_FLAGS if asked[flag[2:].replace("-", "_")]]
    checking += [word for form in CHECK_FILES if (path := asked[form[2:].replace("-", "_")]) for word in (form, path)]
    if chosen.profile == "smoke" and not {"--no-confirm", "--replay"} & set(checking):
        checking.append("--replay")
    return [*both, *seeds, *rest], [*both, *checking]


def intent(study: str, run: list[str]) -> str:
    """Return in one line what a reproduction will do, by the arguments of its run."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in ("--profile", "--fresh", "--replicates"):
        parser.add_argument(option)
    parser.add_argument("--experiment", action="append", default=[])
    chosen, _ = parser.parse_known_args(run)
    declared = registry.load(study)
    profile = registry.profile(declared, chosen.profile)
    cases = [
        one for one, _ in declared.select(chosen.profile) if one.name in (chosen.experiment or declared.experiments)
    ]
    seeds = f"replicates {chosen.replicates}" if chosen.replicates else f"fresh seeds: {chosen.fresh}"
    return (
        f"{study}, profile {chosen.profile}, on {profile.device}: {len(cases)} cases, {seeds}; "
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
