"""Which runs would decide which claims of an audit, and what they cost: the order in which to make them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from repro import checkpoint, data, registry
from repro.audit.document import Audited
from repro.audit.paired import PAIR
from repro.golden import log
from repro.runs import store
from repro.runs.held import IDENTITY, RUN
from repro.runs.plan import estimate, identity, planned_runs
from repro.runs.planned import PlannedRun
from repro.runs.store import Store
from repro.runs.wanted import as_asked
from repro.study import Study

COMMAND = re.compile(r"`repro run ([^`]+)`")  # as evidence names what is missing
LONGEST = 10_000  # replicates that are looked at for free ones

Options = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Need:
    """Runs of one profile that would decide claims of one or several documents.

    `asked` chooses the cases, as options of `repro run`: one set of them, or several that all are needed. `runs` are
    those that are not there yet, `seconds` what they take one after the other, None where no earlier run tells.
    `lacking` names the data sets that are not on this machine.
    """

    study: str
    profile: str
    claims: tuple[str, ...]
    asked: tuple[str, ...]
    runs: tuple[PlannedRun, ...]
    seconds: float | None
    lacking: tuple[str, ...] = ()

    @property
    def an_hour(self) -> float | None:
        """Return how many claims an hour of one core decides."""
        return None if not self.seconds else 3600 * len(self.claims) / self.seconds

    @property
    def replicates(self) -> str:
        """Return the replicates of the runs as `repro run` takes them; those between that are there are not made."""
        numbers = sorted({run.replicate for run in self.runs})
        return f"{numbers[0]}-{numbers[-1]}"

    @property
    def commands(self) -> tuple[str, ...]:
        """Return the commands that make the runs."""
        start = f"repro run {self.study} --profile {self.profile}"
        return tuple(f"{start} {one} --replicates {self.replicates}" for one in self.asked)

    @property
    def record(self) -> dict[str, object]:
        """Return what is written of it for machines."""
        return {
            "claims": list(self.claims), "commands": list(self.commands), "runs": len(self.runs),
            "cpu_seconds": self.seconds, "claims_an_hour": self.an_hour, "lacking": list(self.lacking),
        }  # fmt: skip


class There:
    """The runs of a study's profile that are evidence already, and what earlier ones took."""

    def __init__(self, study: Study, profile: str) -> None:
        self.study, self.profile = study, profile
        wanted = identity(study, profile)
        self.done: set[tuple[str, str, int]] = set()
        self.seconds: dict[tuple[str, str], float] = {}
        kept = Store(store.results_path(study.name, profile))
        made = kept.done()
        self.seconds |= kept.runs.seconds()
        if log.there(registry.root(), study.name, profile):
            rows = log.blessed(registry.root(), study.name, profile).rows
            names = (*RUN, *IDENTITY, "wall_seconds")
            for row in zip(*(rows[name].to_pylist() for name in names), strict=True):
                made.setdefault(row[:3], row[3:6])
                self.seconds.setdefault(row[:2], row[6])
        for run, by in made.items():
            if wanted.made(run[0], run[1], by):
                self.done.add(run)
        self.seconds |= _begun(kept.unfinished, self.seconds)

    def missing(self, options: Options, more: int) -> list[PlannedRun]:
        """Return the first runs of each case that options choose which are not there, as many as are asked for."""
        numbers = options.get("replicates")
        wanted = range(int(numbers[0])) if numbers else range(LONGEST)
        found: dict[tuple[str, str], list[PlannedRun]] = {}
        for replicate in wanted:
            runs = planned_runs(
                self.study,
                self.profile,
                replicates=[replicate],
                experiments=options.get("experiment", ()),
                where=options.get("where", ()),
            )
            for run in runs:
                mine = found.setdefault(run.key[:2], [])
                if run.key not in self.done and len(mine) < self._enough(run.experiment, more):
                    mine.append(run)
            if not numbers and all(len(mine) >= self._enough(name, more) for (name, _), mine in found.items()):
                break
        return [run for mine in found.values() for run in mine]

    def _enough(self, experiment: str, more: int) -> int:
        """Return how many runs of a case are asked for: of one that no seed moves, one says all."""
        return 1 if self.study.experiments[experiment].deterministic else more


def _begun(folder: Path, known: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Return what runs that were cut off would take in all, by case, of cases that none has finished."""
    return {head.of: head.seconds / head.share for head in checkpoint.heads(folder) if head.of not in known}


def options_of(command: str) -> tuple[str, Options]:
    """Return the study that a command names, and its options, each as often as it stands there."""
    study, *rest = shlex.split(command)
    found: dict[str, list[str]] = {}
    for name, value in zip(rest[::2], rest[1::2], strict=True):
        found.setdefault(name.removeprefix("--"), []).append(value)
    return study, found


def _asked(one: Audited) -> list[tuple[str, Options]]:
    """Return what would decide a claim, from what its evidence says or else from its rows."""
    commands = [options_of(text) for text in COMMAND.findall(one.judgement.evidence)]
    if commands or not one.claim.rows:
        return commands
    asked = dict(one.claim.rows)
    study = str(asked.pop("study", one.claim.study))
    shared = {name: value for name, value in asked.items() if name not in PAIR}
    cells = [shared | dict(asked[side]) for side in PAIR if side in asked] or [shared]
    found: list[tuple[str, Options]] = []
    for cell in cells:
        where = [f"{name}={as_asked(value)}" for name, value in cell.items() if name not in ("experiment", "metric")]
        found.append((study, {"experiment": [str(cell["experiment"])], "where": where}))
    return found


def needs(audited: Iterable[Audited]) -> list[Need]:
    """Return what the claims that further runs would decide need, most claims an hour of a core first.

    Runs that a need shares with one before it are counted there alone, and so are claims that need no others. What
    costs nobody knows how much comes after it, most claims a run first, and last what asks for data that are not here.
    """
    groups: dict[tuple[str, str, tuple[str, ...]], tuple[list[str], int, list[Options]]] = {}
    for one in audited:
        if one.judgement.verdict != "inconclusive" or not one.judgement.more or not one.claim.counts:
            continue
        asked = _asked(one)
        if not asked:
            continue
        study = asked[0][0]
        profile = next((options["profile"][0] for _, options in asked if "profile" in options), "")
        profile = profile or next(name for name, it in registry.load(study).profiles.items() if it.faithful)
        words = tuple(dict.fromkeys(_words(options) for _, options in asked))
        claims, more, _ = groups.get((study, profile, words), ([], 0, []))
        groups[study, profile, words] = (
            [*claims, f"{one.claim.study}/{one.claim.id}"],
            max(more, one.judgement.more),
            [options for _, options in asked],
        )
    there = {key: There(registry.load(key[0]), key[1]) for key in {name[:2] for name in groups}}
    found = []
    for (study, profile, words), (claims, more, options) in groups.items():
        runs = {run.key: run for each in options for run in there[study, profile].missing(each, more)}
        need = Need(study, profile, tuple(claims), words, tuple(runs.values()), None)
        found.append(replace(need, lacking=_lacking(there[study, profile], need.runs)))
    return _ordered(found, there)


def _words(options: Options) -> str:
    return " ".join(
        f"--{name} {shlex.quote(value)}" for name in ("experiment", "where") for value in options.get(name, ())
    )


def _lacking(there: There, runs: Sequence[PlannedRun]) -> tuple[str, ...]:
    """Return the data sets of runs that are not on this machine."""
    profile = there.study.profiles[there.profile]
    cases = {run.key[:2]: there.study.experiments[run.experiment].cases[run.case_index] for run in runs}
    sets = {one.name: one for one in map(profile.data_of, cases.values()) if one is not None}
    return tuple(sorted(name for name, one in sets.items() if data.status(one).state == "absent"))


def _cost(runs: Sequence[PlannedRun], known: Mapping[tuple[str, str], float]) -> float | None:
    """Return what runs take one after the other, None where no run of an experiment of theirs tells."""
    return estimate(runs, known) if {run.experiment for run in runs} <= {name for name, _ in known} else None


def _ordered(found: Sequence[Need], there: Mapping[tuple[str, str], There]) -> list[Need]:
    """Return needs in the order in which they are worth most, each without the runs of those before it."""
    left = list(found)
    ordered: list[Need] = []
    made: set[tuple[str, str, tuple[str, str, int]]] = set()
    while left:
        now = []
        for need in left:
            rest = tuple(run for run in need.runs if (need.study, need.profile, run.key) not in made)
            if rest:
                now.append(replace(need, runs=rest, seconds=_cost(rest, there[need.study, need.profile].seconds)))
            elif ordered:
                ordered[-1] = replace(ordered[-1], claims=(*ordered[-1].claims, *need.claims))
        if not now:
            break
        left = now
        best = min(now, key=_place)
        left.remove(best)
        ordered.append(best)
        made |= {(best.study, best.profile, run.key) for run in best.runs}
    return ordered


def _place(need: Need) -> tuple[bool, bool, float]:
    """Return what needs are ordered by: claims an hour, claims a run where nobody knows how long those take."""
    worth = len(need.claims) / len(need.runs) if need.an_hour is None else need.an_hour
    return bool(need.lacking), need.seconds is None, -worth
