"""The verbs that list: studies, one study, this machine, the data sets, the stores."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

from repro import registry
from repro.errors import PASS, UsageError
from repro.study import Study, case_json
from repro.text import columns, paint, print_json


def list_studies(arguments: Namespace) -> int:
    """List the studies with their profiles."""
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
    study = registry.load(arguments.study)
    profiles = [
        {
            "profile": name,
            "runs": sum(1 for _ in study.select(name)) * chosen.replicates,
            "replicates": chosen.replicates,
            "data": chosen.data.name if chosen.data else "none",
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
        }
        for name, experiment in study.experiments.items()
    ]
    if arguments.json:
        return print_json({"study": study.name, "title": study.title, "profiles": profiles, "experiments": experiments})
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
    print(columns(["experiment", "cases", "fields", "what"], rows))
    return PASS


def _first_case(study: Study, experiment: str) -> str:
    return case_json(study.experiments[experiment].cases[0])


def _word(value: Any) -> Any:
    return ("yes" if value else "no") if isinstance(value, bool) else value


def doctor(arguments: Namespace) -> int:
    """Say what this machine can run: packages against the lock, device, data sets, goldens."""
    from repro import provenance

    environment, record = provenance.collect(None, device="cpu")
    sets = {chosen.name: chosen for chosen in _data_sets()}
    found = {"environment": environment, **record, "data": {name: _found(chosen) for name, chosen in sets.items()}}
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


def _data_sets() -> tuple[Any, ...]:
    """Return every data set that a profile of some study names, once each."""
    studies = [registry.load(name) for name in registry.names()]
    chosen = {
        profile.data.name: profile.data for study in studies for profile in study.profiles.values() if profile.data
    }
    return tuple(chosen[name] for name in sorted(chosen))


def _found(chosen: Any) -> str:
    from repro.data import status as data_status

    found = data_status(chosen)
    return found.state if not found.detail else f"{found.state}: {found.detail}"


def list_data(arguments: Namespace) -> int:
    """List the data sets, or find, fetch and verify one."""
    sets = {chosen.name: chosen for chosen in _data_sets()}
    if arguments.name:
        if arguments.name not in sets:
            raise UsageError(
                f"no data set '{arguments.name}'{registry.did_you_mean(arguments.name, [*sets])} "
                f"(data sets: {', '.join(sets)})"
            )
        arrays = sets[arguments.name].load()
        shapes = {name: f"{array.dtype} {'x'.join(map(str, array.shape))}" for name, array in arrays.items()}
        if arguments.json:
            return print_json({"data": arguments.name, "content": sets[arguments.name].content, "arrays": shapes})
        print(f"{arguments.name}: verified, content sha256 {sets[arguments.name].content}")
        print(columns(["array", "shape"], [[name, shape] for name, shape in shapes.items()]))
        return PASS
    rows = [
        {"data": name, "stands_in_for": chosen.stands_in_for, "found": _found(chosen), "title": chosen.title}
        for name, chosen in sets.items()
    ]
    if arguments.json:
        return print_json(rows)
    print(columns(["data", "stands in for", "found", "title"], [[*row.values()] for row in rows]))
    return PASS


def status(arguments: Namespace) -> int:
    """Say what the stores hold: runs finished, diverged, failed, and made by code that has changed since."""
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
    from repro.plan import identity
    from repro.runner import outdated
    from repro.store import Store

    rows = []
    for name in study.profiles:
        path = registry.results_path(study.name, name)
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
