"""A faithful profile is what its document says: every setting, case and experiment, held to studies/NAME/protocol.toml.

An entry gives the place in the document (`where`, `says`), or says why the value is ours (`ours`). Profile and protocol
are compared in both directions, so that neither holds anything of which the other knows nothing.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from repro import registry
from repro.study import Profile, Study
from tests.sources import PROJECT, STUDIES

Protocol = Mapping[str, list[dict[str, Any]]]
Kept = tuple[tuple[str, Any], ...]  # the fields of a case, in order

KEYS = {"setting": {"values"}, "experiment": {"name", "cases", "data"}}
SERIES = {"from", "to", "steps"}
EQUAL = 1e-9  # relative: a series is computed here and there


def read(study: str) -> Protocol:
    return tomllib.loads((PROJECT / "studies" / study / "protocol.toml").read_text())


def faithful(study: Study) -> list[tuple[str, Profile]]:
    return [(name, profile) for name, profile in study.profiles.items() if profile.faithful]


# Reading both sides


def written(value: Any) -> Any:
    """Return a value as it is written: a series in equal ratios as its members, of which `first` may keep some."""
    if not isinstance(value, dict):
        return value
    ratio = (value["to"] / value["from"]) ** (1 / (value["steps"] - 1))
    return [value["from"] * ratio**step for step in range(value.get("first", value["steps"]))]


def leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the settings of an entry by dotted name."""
    for name, value in values.items():
        if isinstance(value, dict) and not set(value) >= SERIES:
            yield from leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", written(value)


def fields(settings: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what a profile sets by dotted name."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            yield from fields(value, f"{above}{field.name}.")
        else:
            yield f"{above}{field.name}", value


def same(one: Any, other: Any) -> bool:
    """Say whether two values are equal and of one kind; real numbers up to rounding."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=EQUAL)
    return type(one) is type(other) and one == other


def cases_of(entry: Mapping[str, Any]) -> Iterator[tuple[str, Kept, str]]:
    """Yield experiment, case and name of the data of an entry: every combination of its fields."""
    names, columns = entry["cases"].keys(), [written(column) for column in entry["cases"].values()]
    for values in itertools.product(*columns):
        case = dict(zip(names, values, strict=True))
        yield entry["name"], tuple(case.items()), entry["data"].format(**case)


def planned(study: Study, profile: str) -> Iterator[tuple[str, Kept, str]]:
    """Yield the same of what a profile runs."""
    for experiment, case in study.select(profile):
        data = study.profiles[profile].data_of(case)
        kept = tuple((field.name, getattr(case, field.name)) for field in dataclasses.fields(case))
        yield experiment.name, kept, data.name if data else ""


# The checks


def badly_entered(protocol: Protocol) -> list[str]:
    """Find entries with other keys, and those that give no place and no reason, or both."""
    found = [f"no kind of entry: {kind}" for kind in set(protocol) - set(KEYS)]
    for kind, keys in KEYS.items():
        for number, entry in enumerate(protocol[kind], 1):
            place = set(entry) - keys
            if keys - set(entry) or place not in ({"where", "says"}, {"ours"}) or not all(entry[key] for key in place):
                found.append(f"{kind} {number}: wanted {sorted(keys)} with where and says, or with ours")
    return found


def differing_settings(protocol: Protocol, study: Study, profile: str) -> list[str]:
    """Find settings that are not as entered, not entered, entered twice, or entered and not there."""
    entered = [leaf for entry in protocol["setting"] for leaf in leaves(entry["values"])]
    known, there = dict(entered), dict(fields(study.profiles[profile].settings))
    twice = {name for name, _ in entered if [one for one, _ in entered].count(name) > 1}
    found = [f"{name}: entered twice" for name in sorted(twice)]
    found += [f"{name} = {there[name]}: no entry" for name in there if name not in known]
    found += [f"{name}: an entry of nothing" for name in known if name not in there]
    return found + [
        f"{name}: {there[name]}, and the document {known[name]}"
        for name in there
        if name in known and not same(known[name], there[name])
    ]


def differing_cases(protocol: Protocol, study: Study, profile: str) -> list[str]:
    """Find runs of a profile that no entry has, runs that it leaves out, and those that are entered twice."""
    wanted = [run for entry in protocol["experiment"] for run in cases_of(entry)]
    there = list(planned(study, profile))
    left = list(wanted)
    found = []
    for run in there:
        match = next((one for one in left if alike(one, run)), None)
        if match is None:
            found.append(f"no entry: {run}")
        else:
            left.remove(match)
    return found + [f"not run, or entered twice: {run}" for run in left]


def alike(one: tuple[str, Kept, str], other: tuple[str, Kept, str]) -> bool:
    """Say whether two runs are the same: experiment, data, and the fields of the case whatever their order."""
    mine, others = dict(one[1]), dict(other[1])
    return (
        (one[0], one[2]) == (other[0], other[2])
        and mine.keys() == others.keys()
        and all(same(mine[name], others[name]) for name in mine)
    )


# The studies hold to them


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_has_a_faithful_profile_and_a_protocol_with_places(name: str) -> None:
    assert len(faithful(registry.load(name))) == 1
    assert badly_entered(read(name)) == []


@pytest.mark.parametrize("check", [differing_settings, differing_cases])
@pytest.mark.parametrize("name", STUDIES)
def test_a_faithful_profile_is_what_its_document_says(
    name: str, check: Callable[[Protocol, Study, str], list[str]]
) -> None:
    study = registry.load(name)
    for profile, _ in faithful(study):
        assert check(read(name), study, profile) == []


@pytest.mark.parametrize("name", STUDIES)
def test_every_setting_is_held(name: str) -> None:
    """Whatever one value is changed to, it is found: none is left out by the way it is compared."""
    study = registry.load(name)
    ((profile, held),) = faithful(study)
    for path, value in fields(held.settings):
        changed = planted_study(study, profile, settings=replaced(held.settings, path.split("."), other(value)))
        found = differing_settings(read(name), changed, profile)
        assert len(found) == 1, path
        assert found[0].startswith(f"{path}: "), path


@pytest.mark.parametrize("name", STUDIES)
def test_every_case_is_held(name: str) -> None:
    """Without one of its cases, or with one of them on other data, an experiment is not the document's."""
    study, protocol = registry.load(name), read(name)
    ((profile, _),) = faithful(study)
    runs = list(planned(study, profile))
    for number in (0, len(runs) // 2, len(runs) - 1):
        less, moved = list(runs), list(runs)
        name_there, case, data = less.pop(number)
        moved[number] = (name_there, case, f"{data}-10k")
        for planned_runs, lines in ((less, 1), (moved, 2)):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(f"{__name__}.planned", lambda *_, runs=planned_runs: iter(runs))
                assert len(differing_cases(protocol, study, profile)) == lines


# The checks can fail


def other(value: Any) -> Any:
    """Return another value of the same kind, as little different as a slip would make it."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value}s"
    if isinstance(value, tuple):
        return (*value[:-1], other(value[-1])) if value else (1.0,)
    return value + 1 if isinstance(value, int) else value * 1.01


def replaced(settings: Any, path: list[str], value: Any) -> Any:
    """Return settings with one value replaced, by its path."""
    name, *rest = path
    new = replaced(getattr(settings, name), rest, value) if rest else value
    return dataclasses.replace(settings, **{name: new})


def planted_study(study: Study, profile: str, **changes: Any) -> Study:
    """Return a study whose profile is changed, with the same experiments."""
    changed = Study(study.name, **{**study.profiles, profile: dataclasses.replace(study.profiles[profile], **changes)})
    changed.experiments = dict(study.experiments)
    return changed


def test_an_experiment_without_an_entry_is_found() -> None:
    study = registry.load("sesn")
    more = planted_study(study, "paper", experiments={**(study.profiles["paper"].experiments or {}), "scaling": {}})
    (found,) = differing_cases(read("sesn"), more, "paper")
    assert found.startswith("no entry: ('scaling'")
    fewer = planted_study(study, "paper", experiments={"scaled_mnist": {}, "plain_cnn": {}, "stl10": {}})
    assert "published_data" in " ".join(differing_cases(read("sesn"), fewer, "paper"))


@pytest.mark.parametrize(
    "entry",
    [
        {"values": {"epochs": 1}},
        {"values": {"epochs": 1}, "where": "section 1"},
        {"values": {"epochs": 1}, "where": "section 1", "says": ""},
        {"values": {"epochs": 1}, "where": "section 1", "says": "one", "ours": "not said"},
        {"values": {"epochs": 1}, "ours": "not said", "note": "more"},
        {"ours": "not said"},
    ],
)
def test_an_entry_without_its_place_or_reason_is_found(entry: dict[str, Any]) -> None:
    sound = {"values": {"epochs": 1}, "ours": "not said"}
    assert len(badly_entered({"setting": [entry], "experiment": []})) == 1
    assert badly_entered({"setting": [sound], "experiment": []}) == []


def test_an_entry_of_nothing_and_one_made_twice_are_found() -> None:
    study, protocol = registry.load("rbf"), read("rbf")
    extra = {**protocol, "setting": [*protocol["setting"], {"values": {"momentum": 0.9}, "ours": "one"}]}
    assert differing_settings(extra, study, "paper") == ["momentum: an entry of nothing"]
    for kind, check in (("setting", differing_settings), ("experiment", differing_cases)):
        (found, *_) = check({**protocol, kind: [*protocol[kind], protocol[kind][0]]}, study, "paper")
        assert "twice" in found


@pytest.mark.parametrize(("one", "two"), [(1, True), (1, 1.0), (0.1, 0.1001), ("a", "b"), ([1], [1, 2]), ((), (0.1,))])
def test_values_of_another_kind_differ(one: Any, two: Any) -> None:
    assert same(one, one)
    assert not same(one, two)
