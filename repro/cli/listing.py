"""The verbs that list: studies, one study, this machine, the data sets, the stores."""

from __future__ import annotations

from argparse import Namespace

from repro.cli import arguments as options
from repro.cli.arguments import Verbs, verb
from repro.errors import PASS, NothingSelectedError, ReproError, UsageError, did_you_mean
from repro.machine.terminal import answer, columns, paint, print_json, say

NOT_FOLLOWED = "not in the identity of its runs: "
TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from repro.cli.lacking import Machine
    from repro.data import DataSet, DataStatus
    from repro.study import Study


def arguments(verbs: Verbs) -> None:
    """Add the verbs and their options."""
    options.json(verb(verbs, "list", list_studies, "repro list", "repro list --json"))
    made = verb(verbs, "show", show_study, "repro show STUDY")
    options.study(made)
    options.json(made)
    options.json(verb(verbs, "doctor", doctor, "repro doctor", "repro doctor --json"))
    made = verb(verbs, "status", status, "repro status", "repro status STUDY --json")
    options.study(made, "one study; all without it", nargs="?")
    options.json(made)
    made = verb(verbs, "data", list_data, "repro data", "repro data NAME", "repro data NAME --remove")
    made.add_argument("name", nargs="?", help="one set, fetched or made if need be; all as they are without it")
    made.add_argument("--remove", action="store_true", help="remove what the user's cache holds of the set")
    options.json(made)


def list_studies(arguments: Namespace) -> int:
    """List the studies with their profiles; one that is broken is named and stops no other."""
    studies, code = _loaded()
    if not studies and not code:
        from repro import registry

        raise NothingSelectedError(f"no study: {registry.nowhere()}")
    if arguments.json:
        print_json(
            [
                {
                    "study": study.name,
                    "title": study.title,
                    "profiles": [*study.profiles],
                    "experiments": [*study.experiments],
                }
                for study in studies
            ]
        )
        return code
    rows = [
        [study.name, len(study.experiments), " ".join(study.profiles), study.title or study.name] for study in studies
    ]
    answer(columns(["study", "experiments", "profiles", "document"], rows))
    return code


def _loaded() -> tuple[list[Study], int]:
    """Return all studies but the broken ones, which are named, and the code of the first of those."""
    from repro import registry

    found, code = [], PASS
    for name in registry.names():
        try:
            found.append(registry.load(name))
        except ReproError as error:
            code = code or _named(error)
    return found, code


def _named(error: ReproError) -> int:
    """Say what is wrong with one of several, and return its code."""
    say(f"repro: {error}")
    return error.exit_code


def show_study(arguments: Namespace) -> int:
    """Show a study's profiles and experiments."""
    import json

    from repro import registry
    from repro.runs.fingerprint import codes

    study = registry.load(arguments.study)
    code = codes(study, [*study.experiments])
    profiles = [
        {
            "profile": name,
            "runs": sum(1 for _ in study.select(name)) * chosen.replicates,
            "replicates": chosen.replicates,
            "data": ", ".join(one.name for one in study.data_sets(name)) or "none",
            "device": chosen.device,
            "faithful": chosen.faithful,
            "cannot_answer": chosen.cannot_answer,
        }
        for name, chosen in study.profiles.items()
    ]
    experiments = [
        {
            "experiment": name,
            "cases": len(experiment.cases),
            "fields": [*json.loads(_first_case(study, name))],
            "metrics": [f"{metric.name} ({metric.unit})" for metric in experiment.metrics],
            "summary": experiment.summary,
            "code": code[name].fingerprint,
            "not_followed": [*code[name].unfollowed],
        }
        for name, experiment in study.experiments.items()
    ]
    if arguments.json:
        about = {"study": study.name, "title": study.title, "figures": [*study.figures]}
        return print_json({**about, "profiles": profiles, "experiments": experiments})
    answer(f"{paint(study.name, 'bold')}: {study.title}\n")
    keys = ["profile", "runs", "replicates", "data", "device", "faithful"]
    answer(columns(keys, [[_word(row[key]) for key in keys] for row in profiles]) + "\n")
    for row in profiles:
        if row["cannot_answer"]:
            answer(f"{row['profile']}: {row['cannot_answer']}")
    answer()
    rows = [
        [name, len(experiment.cases), " ".join(json.loads(_first_case(study, name))), experiment.summary]
        for name, experiment in study.experiments.items()
    ]
    answer(columns(["experiment", "cases", "fields", "what"], rows) + "\n")
    for text in sorted({text for one in code.values() for text in one.unfollowed}):
        answer(f"{NOT_FOLLOWED}{text}")
    if study.figures:
        answer(f"figures (`repro figures {study.name}`): {', '.join(study.figures)}")
    return PASS


def _first_case(study: Study, experiment: str) -> str:
    from repro.study import case_json

    return case_json(study.experiments[experiment].cases[0])


def _word(value: Any) -> Any:
    """Return a value as the table shows it: yes or no, and of many names the first."""
    if isinstance(value, str) and value.count(", ") > 1:
        return f"{value.partition(', ')[0]} and {value.count(', ')} more"
    return ("yes" if value else "no") if isinstance(value, bool) else value


def doctor(arguments: Namespace) -> int:
    """Say what is here, root, packages against the lock, device, data and engines, and what each profile lacks."""
    from repro.cli.lacking import Machine
    from repro.data import status as data_status
    from repro.machine import engine, root
    from repro.runs import provenance

    environment, record = provenance.collect(device="cpu")
    studies, code = _loaded()
    states = {name: (one, data_status(one)) for name, one in _data_sets(studies).items()}
    data = {name: _state(found) for name, (_, found) in states.items()}
    engines = {name: " ".join(engine.probe(name)).strip() for name in engine.ENGINES}
    chosen = root.find()
    place = {"folder": str(chosen.folder.resolve()), "because": chosen.because}
    found = {"root": place, "environment": environment, **record, "data": data, "containers": engines}
    profiles, broken = _profiles(studies, Machine(states, bool(record["gpu"]), chosen.folder))
    code = code or broken
    if arguments.json:
        print_json({**found, "profiles": profiles})
        return code
    for key, value in found.items():
        if isinstance(value, dict):
            answer(f"{key}:")
            for name, entry in value.items():
                answer(f"  {name:14} {entry}")
        else:
            answer(f"{key:16} {value}")
    if profiles:
        rows = [
            [one["study"], one["profile"], ", ".join(one["missing"]) or "nothing", one["command"]] for one in profiles
        ]
        answer("\n" + columns(["study", "profile", "missing", "mended by"], rows))
    return code


def _profiles(studies: Sequence[Study], machine: Machine) -> tuple[list[dict[str, Any]], int]:
    """Return what each profile lacks with the command that mends it, and the code of the first study that is broken."""
    from repro.cli.lacking import lacking

    rows, code = [], PASS
    for study in studies:
        for profile in study.profiles:
            try:
                missing, command = lacking(study, profile, machine)
            except ReproError as error:
                code = code or _named(error)
                break
            rows.append({"study": study.name, "profile": profile, "missing": missing, "command": command})
    return rows, code


def _data_sets(studies: Sequence[Study]) -> dict[str, DataSet]:
    """Return every data set that some study uses or offers, by name."""
    chosen = {one.name: one for study in studies for one in study.data_sets()}
    return {name: chosen[name] for name in sorted(chosen)}


def _state(found: DataStatus) -> str:
    return found.state if not found.detail else f"{found.state}: {found.detail}"


def list_data(arguments: Namespace) -> int:
    """List the data sets as they are; with a name, make or fetch that one and verify it, or remove it."""
    from repro.data import status as data_status

    studies, code = _loaded()
    sets = _data_sets(studies)
    if arguments.name:
        if arguments.name not in sets:
            raise UsageError(
                f"no data set '{arguments.name}'{did_you_mean(arguments.name, [*sets])} (data sets: {', '.join(sets)})"
            )
        return (_remove_data if arguments.remove else _load_data)(arguments, sets[arguments.name])
    if arguments.remove:
        raise UsageError(f"--remove: which data set? name one (data sets: {', '.join(sets)})")
    rows = [
        {
            "data": name,
            "stands_in_for": chosen.stands_in_for,
            "found": _state(data_status(chosen)),
            "title": chosen.title,
        }
        for name, chosen in sets.items()
    ]
    if arguments.json:
        print_json(rows)
    else:
        answer(columns(["data", "stands in for", "found", "title"], [[*row.values()] for row in rows]))
    return code


def _load_data(arguments: Namespace, chosen: DataSet) -> int:
    arrays = chosen.load()
    shapes = {name: f"{array.dtype} {'x'.join(map(str, array.shape))}" for name, array in arrays.items()}
    if arguments.json:
        return print_json({"data": chosen.name, "content": chosen.content, "arrays": shapes})
    answer(f"{chosen.name}: verified, content {chosen.pin}")
    answer(columns(["array", "shape"], [[name, shape] for name, shape in shapes.items()]))
    return PASS


def _remove_data(arguments: Namespace, chosen: DataSet) -> int:
    from repro.data import remove

    removed = [str(path) for path in remove(chosen)]
    if arguments.json:
        return print_json({"data": chosen.name, "removed": removed})
    answer(
        "\n".join(f"removed {path}" for path in removed) or f"{chosen.name}: the cache holds nothing of it to remove"
    )
    return PASS


def status(arguments: Namespace) -> int:
    """Say what the stores hold: runs finished, diverged, failed, and made by code that has changed since.

    So are imported ones, whose files may have changed.

    A study or a table that is broken is named and stops no other.
    """
    from repro import registry

    studies, code = ([registry.load(arguments.study)], PASS) if arguments.study else _loaded()
    rows = []
    for study in studies:
        for profile in study.profiles:
            try:
                rows += _store(study, profile)
            except ReproError as error:
                code = code or _named(error)
    if arguments.json:
        print_json(rows)
    elif rows:
        answer(columns([*rows[0]], [[*row.values()] for row in rows]))
    elif not code:
        answer(f"no results yet; `repro run {studies[0].name if studies else 'STUDY'}` makes some")
    return code


def _store(study: Study, profile: str) -> list[dict[str, Any]]:
    """Return what is kept of a profile, runs of ours on a row and imported ones on another; none where nothing is."""
    from repro.runs.pieces import there
    from repro.runs.plan import identity
    from repro.runs.runner import outdated
    from repro.runs.store import Store, results_path

    path = results_path(study.name, profile)
    imported = _imported(study, profile)
    if not there(path):
        return imported
    store = Store(path)
    statuses = store.runs.statuses()
    row = {
        "study": study.name,
        "profile": profile,
        "runs": sum(statuses.values()),
        **{key: statuses.get(key, 0) for key in ("ok", "nonfinite", "failed")},
        "outdated": int(outdated(store, identity(study, profile)).sum()),
        "made": "by us",
        "results": str(path),
    }
    return [row, *imported]


def _imported(study: Study, profile: str) -> list[dict[str, Any]]:
    """Return what was imported for a profile, on one row; those that did not finish are counted as failed."""
    from repro.outside.imported import path_of, read, said_of

    path = path_of(study.name, profile)
    if not path.exists():
        return []
    found = read(path)
    said, old = said_of(found.rows), found.outdated()
    row = {
        "study": study.name,
        "profile": profile,
        **{key: said[key] for key in ("runs", "ok", "nonfinite")},
        "failed": said["failed"] + said["unfinished"],
        "outdated": said_of([one for one in found.rows if one.reading in old])["runs"],
        "made": "imported",
        "results": str(path),
    }
    return [row]
