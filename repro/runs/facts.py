"""What a worker says of itself before it is given runs, and in what that differs from the client."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import repro
from repro import data, registry
from repro.runs import provenance
from repro.runs.plan import identity
from repro.runs.table import MACHINE

SHOWN = 5  # differences that a line names
SOFTWARE = ("python", "system")  # of an environment's record, beside its packages
ENGINE = ("dask", "distributed")


@dataclass(frozen=True)
class Question:
    """What a worker is asked to describe: a study's profile, the names of its data sets that runs read, a device."""

    study: str
    profile: str
    sets: tuple[str, ...]
    device: str


@dataclass(frozen=True)
class Said:
    """What decides whether runs made somewhere are the ones that are wanted.

    `harness` is the SHA-256 of this program's own code, `code` that of each experiment's; `data` says of each set that
    is not here whole, and with its pinned content, what is wrong. `record` is the environment's.
    """

    harness: str
    settings: str
    code: Mapping[str, str]
    contents: Mapping[tuple[str, str], str]
    data: Mapping[str, str]
    engine: Mapping[str, str | None]
    record: Mapping[str, Any]


def facts(asked: Question) -> Said:
    """Return what is so in this process; every file of the data is read and held to its digest."""
    study = registry.load(asked.study)
    wanted, sets = identity(study, asked.profile), study.data_sets(asked.profile)
    states = [data.status(one) for one in sets if one.name in asked.sets]
    off = {one.name: f"{one.state} ({one.detail})" for one in states if one.state in ("absent", "altered")}
    _, record = provenance.collect(sets, device=asked.device, used=wanted.distributions, unfollowed=wanted.unfollowed)
    engine = {name: _version(name) for name in ENGINE}
    return Said(harness(), wanted.settings, wanted.code, wanted.data, off, engine, record)


def harness() -> str:
    """Return the SHA-256 of this program's own code."""
    folder = Path(repro.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def other_study(there: Said, here: Said) -> list[str]:
    """Return in what code and data of a worker are not the client's: its runs would be none of these."""
    found = ["repro's own code"] if there.harness != here.harness else []
    changed = sorted(name for name in here.code if there.code.get(name) != here.code[name])
    found += [f"the code of {', '.join(changed)}"] if changed else []
    found += ["the profile's settings"] if there.settings != here.settings else []
    if not changed and dict(there.contents) != dict(here.contents):
        found.append("which data the cases are of")
    return found + [f"data {name}: {state}" for name, state in sorted(there.data.items())]


def other_machine(there: Said, here: Said) -> list[str]:
    """Return in what packages and kind of machine of a worker are not the client's: its runs are another stratum."""
    found = []
    for kind in ("packages", "engine"):
        mine, its = ((one.record["packages"] if kind == "packages" else one.engine) for one in (here, there))
        names = sorted(name for name in {*mine, *its} if mine.get(name) != its.get(name))
        found += [f"{name} {its.get(name) or 'not installed'} for {mine.get(name) or 'none'} here" for name in names]
    for name in (*SOFTWARE, *MACHINE):
        mine, its = here.record.get(name), there.record.get(name)
        found += [f"{name} {_words(its)} for {_words(mine)} here"] if mine != its else []
    return found


def shown(differences: Sequence[str]) -> str:
    """Return differences in one line."""
    more = f" and {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
    return f"{'; '.join(differences[:SHOWN])}{more}"


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_words, value)) or "none"
    return " ".join(map(str, value.values())) if isinstance(value, Mapping) else str(value)
