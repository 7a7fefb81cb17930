"""The verbs that list: studies, one study, this machine, the data sets, the stores."""

from __future__ import annotations

from argparse import Namespace

from repro.cli import arguments as options
from repro.cli.arguments import Verbs, verb
from repro.errors import PASS, UsageError, did_you_mean
from repro.machine.terminal import columns, paint, print_json

NOT_FOLLOWED = "not in the identity of its runs: "
TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from typing import Any

    from repro.data import DataSet
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
    """List the studies with their profiles."""
    from repro import registry

    studies = [registry.load(name) for name in registry.names()]
    if arguments.json:
        return print_json(
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
    rows = [
        [study.name, len(study.experiments), " ".join(study.profiles), study.title or study.name] for study in studies
    ]
    print(columns(["study", "experiments", "profiles", "document"], rows))
    return PASS


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
    print(f"{paint(study.name, 'bold')}: {study.title}\n")
    keys = ["profile", "runs", "replicates", "data", "device", "faithful"]
    print(columns(keys, [[_word(row[key]) for key in keys] for row in profiles]) + "\n")
    for row in profiles:
        if row["cannot_answer"]:
            print(f"{row['profile']}: {row['cannot_answer']}")
    print()
    rows = [
        [name, len(experiment.cases), " ".join(json.loads(_first_case(study, name))), experiment.summary]
        for name, experiment in study.experiments.items()
    ]
    print(columns(["experiment", "cases", "fields", "what"], rows) + "\n")
    for text in sorted({text for one in code.values() for text in one.unfollowed}):
        print(f"{NOT_FOLLOWED}{text}")
    if study.figures:
        print(f"figures (`repro figures {study.name}`): {', '.join(study.figures)}")
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
    """Say what this machine can run: packages against the lock, device, data sets, container engines."""
    from repro.machine import engine
    from repro.runs import provenance

    environment, record = provenance.collect(device="cpu")
    sets = {chosen.name: chosen for chosen in _data_sets()}
    data = {name: _found(chosen) for name, chosen in sets.items()}
    engines = {name: " ".join(engine.probe(name)).strip() for name in engine.ENGINES}
    found = {"environment": environment, **record, "data": data, "containers": engines}
    if arguments.json:
        return print_json(found)
    for key, value in found.items():
        if isinstance(value, dict):
            print(f"{key}:")
            for name, entry in value.items():
                print(f"  {name:14} {entry}")
        else:
            print(f"{key:16} {value}")
    return PASS


def _data_sets() -> tuple[DataSet, ...]:
    """Return every data set that some study uses or offers, once each."""
    from repro import registry

    studies = [registry.load(name) for name in registry.names()]
    chosen = {one.name: one for study in studies for one in study.data_sets()}
    return tuple(chosen[name] for name in sorted(chosen))


def _found(chosen: DataSet) -> str:
    from repro.data import status as data_status

    found = data_status(chosen)
    return found.state if not found.detail else f"{found.state}: {found.detail}"


def list_data(arguments: Namespace) -> int:
    """List the data sets as they are; with a name, make or fetch that one and verify it, or remove it."""
    sets = {chosen.name: chosen for chosen in _data_sets()}
    if arguments.name:
        if arguments.name not in sets:
            raise UsageError(
                f"no data set '{arguments.name}'{did_you_mean(arguments.name, [*sets])} (data sets: {', '.join(sets)})"
            )
        return (_remove_data if arguments.remove else _load_data)(arguments, sets[arguments.name])
    if arguments.remove:
        raise UsageError(f"--remove: which data set? name one (data sets: {', '.join(sets)})")
    rows = [
        {"data": name, "stands_in_for": chosen.stands_in_for, "found": _found(chosen), "title": chosen.title}
        for name, chosen in sets.items()
    ]
    if arguments.json:
        return print_json(rows)
    print(columns(["data", "stands in for", "found", "title"], [[*row.values()] for row in rows]))
    return PASS


def _load_data(arguments: Namespace, chosen: DataSet) -> int:
    arrays = chosen.load()
    shapes = {name: f"{array.dtype} {'x'.join(map(str, array.shape))}" for name, array in arrays.items()}
    if arguments.json:
        return print_json({"data": chosen.name, "content": chosen.content, "arrays": shapes})
    print(f"{chosen.name}: verified, content {chosen.pin}")
    print(columns(["array", "shape"], [[name, shape] for name, shape in shapes.items()]))
    return PASS


def _remove_data(arguments: Namespace, chosen: DataSet) -> int:
    from repro.data import remove

    removed = [str(path) for path in remove(chosen)]
    if arguments.json:
        return print_json({"data": chosen.name, "removed": removed})
    print("\n".join(f"removed {path}" for path in removed) or f"{chosen.name}: the cache holds nothing of it to remove")
    return PASS


def status(arguments: Namespace) -> int:
    """Say what the stores hold: runs finished, diverged, failed, and made by code that has changed since."""
    from repro import registry

    wanted = [arguments.study] if arguments.study else registry.names()
    rows = [row for name in wanted for row in _stores(registry.load(name))]
    if arguments.json:
        return print_json(rows)
    if not rows:
        print(f"no results yet; `repro run {wanted[0] if wanted else 'STUDY'}` makes some")
        return PASS
    print(columns([*rows[0]], [[*row.values()] for row in rows]))
    return PASS


def _stores(study: Study) -> list[dict[str, Any]]:
    from repro.runs.plan import identity
    from repro.runs.runner import outdated
    from repro.runs.store import Store, results_path

    rows = []
    for name in study.profiles:
        path = results_path(study.name, name)
        if not path.exists():
            continue
        store = Store(path)
        statuses = store.statuses()
        rows.append(
            {
                "study": study.name,
                "profile": name,
                "runs": sum(statuses.values()),
                **{key: statuses.get(key, 0) for key in ("ok", "nonfinite", "failed")},
                "outdated": len(outdated(store, identity(study, name))),
                "results": str(path),
            }
        )
    return rows
