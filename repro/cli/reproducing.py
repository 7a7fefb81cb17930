"""The arguments of `nox -s reproduce-STUDY`, shared out between `repro run` and `repro check`."""

from __future__ import annotations

import argparse

CHECK_FLAGS = ("--no-confirm", "--replay", "--require-power")  # of a reproduction's arguments, the check's
CHECK_FILES = ("--junit-xml", "--sarif", "--markdown")


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
