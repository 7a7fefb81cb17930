"""What each profile lacks on this machine, and the one command that mends it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from repro.data import FOLDER_VARIABLE, DataSet, DataStatus
from repro.machine import cache
from repro.machine.modules import Modules
from repro.machine.syntax import EVERYTHING
from repro.study import Study

UNIVERSAL = Path("containers", "lock", "universal.txt")
DISTRIBUTIONS = {"PIL": "pillow", "cv2": "opencv-python", "sklearn": "scikit-learn", "yaml": "pyyaml"}  # by import
NOT_READY = ("absent", "altered")  # states of data that no run can mend by itself


@dataclass(frozen=True)
class Machine:
    """What this machine has: data sets by name, each with its state, and whether there is a GPU."""

    data: Mapping[str, tuple[DataSet, DataStatus]]
    gpu: bool
    root: Path


def lacking(study: Study, profile: str, machine: Machine) -> tuple[list[str], str]:
    """Return what a profile lacks, and the command that mends it, empty where nothing is missing.

    Raise UsageError where the study imports a module of its own that is not there.
    """
    packages = missing_packages(study, profile)
    missing, commands = [], []
    if packages:
        missing.append(f"package{'s' * (len(packages) > 1)} {' '.join(packages)}")
        commands.append(installation(machine.root, packages))
    for chosen, state in _missing_data(study, profile, machine, packages):
        by_hand = state.state == "absent" and bool(chosen.files) and chosen.download is None
        detail = f"FOLDER/{next(iter(chosen.files))}" if by_hand else state.state
        missing.append(f"data {chosen.name} ({detail})")
        commands.append(f"export {FOLDER_VARIABLE}=FOLDER" if by_hand else _mended(chosen, state))
    if study.profiles[profile].device == "cuda" and not machine.gpu:
        missing.append("an NVIDIA GPU")
        commands.append(f"repro run {study.name} --profile {profile} --device cpu")
    return missing, " && ".join(commands)


def missing_packages(study: Study, profile: str) -> list[str]:
    """Return the packages that a profile's code imports and that are not installed, without importing any."""
    homes = {experiment.function.__module__ for experiment, _ in study.select(profile)}
    reached = [Modules(home).follow([(home, EVERYTHING)]) for home in sorted(homes)]
    return sorted({name for one in reached for name in one.absent})


def installation(root: Path, packages: Iterable[str]) -> str:
    """Return the command that installs packages, from the project's lock for any platform where it has one."""
    lock = root / UNIVERSAL
    if lock.is_file():
        return f"python -m pip install --require-hashes -r {os.path.relpath(lock)}"
    return f"python -m pip install {' '.join(DISTRIBUTIONS.get(name, name) for name in packages)}"


def _missing_data(
    study: Study, profile: str, machine: Machine, packages: list[str]
) -> Iterable[tuple[DataSet, DataStatus]]:
    """Yield one data set for each group of files that is not there, made ones last.

    What comes with a package comes with its installation.
    """
    seen = set()
    for wanted in study.data_sets(profile):
        files = tuple(sorted(wanted.files))
        if machine.data[wanted.name][1].state not in NOT_READY or (packages and not files) or (files in seen):
            continue
        same = [pair for pair in machine.data.values() if files and tuple(sorted(pair[0].files)) == files]
        bad = [pair for pair in same if pair[1].state in NOT_READY]
        yield min(bad or [machine.data[wanted.name]], key=lambda pair: pair[0].generated)
        seen |= {files} if files else set()


def _mended(chosen: DataSet, state: DataStatus) -> str:
    """Return the command that fetches or makes a set, or removes what the user's cache holds of an altered one."""
    kept = cache.folder()
    if state.state == "altered" and kept is not None and Path(state.where).is_relative_to(kept):
        return f"repro data {chosen.name} --remove"  # it is fetched or made anew when it is asked for
    return f"repro data {chosen.name}"
