"""What follows from a bundle's files is made again from them: the bands, the check, the statement, the crate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from repro.bundle import attest
from repro.errors import IntegrityError
from repro.golden.bands import Band, as_bands
from repro.golden.derive import hold
from repro.golden.rule import ALPHA
from repro.golden.stored import METHOD, Golden, metadata, twin
from repro.study import Experiment, Metric, Study

KINDS = ("band", "exact", "provisional", "diverges", "recorded")
READ = ("experiment", "case", "metric", "unit", "settings", "data", "n_test", "value", "status")  # to draw bands


def hold_bands(golden: Golden, name: str) -> None:
    """Raise IntegrityError unless a golden's bands are those of its rows.

    What only the study can say is taken from the bands: which metrics are judged and what change would be useful, and,
    as far as their rows bear it out, which are counted or on a grid and which experiments draw no random numbers.
    """
    record, lines = metadata(golden.bands), as_bands(golden.bands)
    minimum = record.get("minimum_seeds")
    if type(minimum) is not int or minimum < 1 or (record.get("method"), record.get("alpha")) != (METHOD, ALPHA):
        raise IntegrityError(f"{name}: says method, level or number of seeds otherwise than this version's rule")
    odd = sorted({line.kind for line in lines} - set(KINDS))
    if odd:
        raise IntegrityError(f"{name}: holds rows of the unknown kind '{odd[0]}' (known: {', '.join(KINDS)})")
    hold(Golden(golden.rows.select(READ), golden.bands), declared(lines, minimum, name), name)


def hold_twin(golden: Golden, text: bytes, name: str) -> None:
    """Raise IntegrityError unless a golden's twin says in words what its tables say."""
    if text != twin(golden).encode():
        raise IntegrityError(f"{name}: does not say what the golden's tables say")


def declared(lines: Sequence[Band], minimum: int, name: str) -> Study:
    """Return a study that declares what bands are drawn by, read from them. Raise IntegrityError for two answers."""
    metrics: dict[tuple[str, str], Metric] = {}
    kept: dict[tuple[str, str], list[Band]] = defaultdict(list)
    for line in lines:
        kept[line.experiment, line.metric].append(line)
    for key, mine in kept.items():
        # A grid that is not that of a row's own items is a declared one, and then so are all of the metric's.
        steps = {line.quantum for line in mine if line.quantum and not line.counted}
        grids = {line.quantum for line in mine if line.quantum} if steps else set()
        if len(grids) > 1 or len({(line.judged, line.useful) for line in mine}) > 1:
            raise IntegrityError(f"{name}: declares {' '.join(key)} in two ways")
        step, first = next(iter(steps), None), mine[-1]
        counted = step is None and any(line.counted for line in mine)
        metrics[key] = Metric(first.metric, first.unit, first.judged, counted, first.useful, step)
    its: dict[str, list[Metric]] = defaultdict(list)
    for (experiment, _), metric in metrics.items():
        its[experiment].append(metric)
    # No random numbers: a row is exact, or has a band from fewer runs than other experiments need.
    fixed = {line.experiment for line in lines if line.kind == "exact"}
    fixed |= {line.experiment for line in lines if line.kind in ("band", "diverges") and line.n0 < minimum}
    made = Study("declared")
    for experiment, found in its.items():
        fixes = experiment in fixed
        made.experiments[experiment] = Experiment(experiment, never, (), tuple(found), deterministic=fixes)
    return made


def never(case: Any, run: Any) -> dict[str, float]:
    """Refuse to be run: the code of a bundle's rows is not in it."""
    raise NotImplementedError(f"{case}, {run}")


def hold_statement(files: attest.Files, checked: attest.Json, inputs: Sequence[str]) -> None:
    """Raise IntegrityError unless the statement is, word for word, the one that these files come to."""
    subjects = {name: content for name, content in files.items() if name not in attest.UNHASHED}
    same(files, attest.STATEMENT, attest.statement(subjects, checked, inputs))


def hold_crate(files: attest.Files, about: attest.Json) -> None:
    """Raise IntegrityError unless the crate is, word for word, the one that these files come to.

    Which version of this tool packed them is the one thing that is taken from it.
    """
    said = attest.load(files[attest.CRATE], attest.CRATE)
    described = {name: content for name, content in files.items() if name not in (*attest.UNHASHED, attest.CRATE)}
    same(files, attest.CRATE, attest.crate(described, {**about, "version": attest.version_of(said)}))


def same(files: attest.Files, name: str, wanted: bytes) -> None:
    """Raise IntegrityError with the first place at which a description is not what it should be."""
    said, made = attest.load(files[name], name), attest.load(wanted, name)
    if attest.dump(said) != attest.dump(made):  # as texts: to Python 1, 1.0 and True are equal
        raise IntegrityError(f"{name}: not what these files come to, at {difference(said, made) or 'the top'}")


def difference(said: Any, made: Any) -> str:
    """Return the way to the first difference of two JSON values."""
    if isinstance(said, dict) and isinstance(made, dict):
        for key in sorted({*said, *made}):
            if key not in said or key not in made or attest.dump(said[key]) != attest.dump(made[key]):
                below = difference(said.get(key), made.get(key))
                return f"{key}.{below}" if below else str(key)
    if isinstance(said, list) and isinstance(made, list):
        for place, (one, other) in enumerate(zip(said, made, strict=False)):
            if attest.dump(one) != attest.dump(other):
                name = one.get("@id", place) if isinstance(one, dict) else place
                below = difference(one, other)
                return f"{name}.{below}" if below else str(name)
    return ""
