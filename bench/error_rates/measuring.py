"""The measurement: false alarms and power in simulated worlds, on real seeds and on planted mistakes, for every rule.

Everything is kept below results/error-rates/ as it comes, so that the same command goes on where it was stopped.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.error_rates import baselines, elsewhere, planting, worlds
from bench.error_rates.catalogue import DEFECTS, Defect
from repro import registry
from repro.golden import stored
from repro.golden.rule import CONFIRMING_FEW
from repro.machine.syntax import normal_form

ROOT = planting.ROOT
KEPT = ROOT / "results" / "error-rates"
SIZES = ((5, 1), (10, 1), (20, 1), (10, 3))  # golden seeds, new runs
MAIN_SIZES = SIZES[:2]  # of the worlds that real seeds of others led to, so that the whole takes no longer
WIDE, ONE_ROW = "magnitudes", ("one row, 3 sd", "one row, 5 sd", "one row, 8 sd")
FIRST_WORLDS = tuple(name for name in worlds.WORLDS if name not in (WIDE, "equal-modes", "coarse"))
ELSEWHERE = ((5, 1, 0.0), (5, 3, 0.0), (10, 1, 0.0), (5, 1, 3.0), (5, 1, 5.0), (10, 1, 3.0), (10, 1, 5.0))  # and shifts
STUDIES = tuple(sorted(path.parent.name for path in ROOT.glob("studies/*/claims.toml")))
# What a check rests on: the rule and what weighs rows, what makes them, and what a study declares. Not how it is shown.
CHECKING = ("repro/golden", "repro/runs", "repro/stats.py", "repro/study.py", "repro/seeds.py")
BANK_SIZES = (5, 10, 15)  # golden seeds; a check takes five to seven more of twenty
ROLES = 3  # of a seed: golden, new, confirming
BLOCK = 250  # tables of one task
JOBS = 2

Json = dict[str, Any]


def identity(*names: str) -> str:
    """Return the hash of the files that a measurement hangs on: these, or those below these folders.

    What is only said in a module, its comments and docstrings, does not count.
    """
    hasher = hashlib.sha256()
    for name in names:
        for path in sorted([ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*")):
            if path.suffix in (".py", ".parquet", ".toml", ".csv"):
                hasher.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + content(path))
    return hasher.hexdigest()[:16]


@functools.cache
def content(path: Path) -> bytes:
    """Return what counts of a file."""
    return normal_form(ast.parse(path.read_bytes())).encode() if path.suffix == ".py" else path.read_bytes()


RULES = ("repro/golden/rule.py", "bench/error_rates/baselines.py")


class Kept:
    """Answers by name, in a file of one line each; those of other code are made again."""

    def __init__(self, name: str, made_by: Callable[[str], str]) -> None:
        self.path = KEPT / f"{name}.jsonl"
        self.made_by = made_by  # from a name to the identity of what its answer hangs on

    def make(self, names: Sequence[str], run: Callable[[list[str]], Iterable[tuple[str, Json]]]) -> dict[str, Json]:
        """Return the answers by name; `run` makes those that are missing, and may stop early."""
        identities = {name: self.made_by(name) for name in names}
        lines = self.path.read_text("utf-8").splitlines() if self.path.exists() else []
        records = [json.loads(line) for line in lines]
        found = {one["name"]: one["answer"] for one in records if identities.get(one["name"]) == one["code"]}
        KEPT.mkdir(parents=True, exist_ok=True)
        for name, answer in run([name for name in names if name not in found]):
            found[name] = answer
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"name": name, "code": identities[name], "answer": answer}) + "\n")
            print(f"[{len(found)}/{len(names)}] {name}", file=sys.stderr, flush=True)
        return {name: found[name] for name in names if name in found}


# Worlds


def block(world: str, n0: int, n1: int, tables: int, seed: int, defect: str) -> Json:
    """Check a block of tables of a world by every rule; return counts."""
    random = np.random.default_rng([seed, n0, n1, *world.encode(), *defect.encode()])
    change = worlds.DEFECTS[defect] if defect else None
    counts: Json = dict.fromkeys(("tables", "any", "row", "shift", "dispersion", "diverged", "reruns"), 0)
    counts |= dict.fromkeys(baselines.RULES, 0)
    for _ in range(tables):
        made = worlds.made(worlds.WORLDS[world], random, worlds.ROWS, n0, n1, change)
        alarms = worlds.check(made)
        counts["tables"] += 1
        for name in ("any", "row", "shift", "dispersion", "diverged", "reruns"):
            counts[name] += int(getattr(alarms, name))
        for name, rule in baselines.RULES.items():
            counts[name] += int(baselines.alarms(rule, made.golden, made.new))
    return counts


def block_of(arguments: tuple[str, tuple[str, int, int, int, int, str]]) -> tuple[str, Json]:
    """Return a named block, for a pool of processes."""
    return arguments[0], block(*arguments[1])


def simulate(tables: int, power_tables: int, sizes: Sequence[tuple[int, int]] = SIZES) -> Json:
    """Return counts of alarms by world and size, without and with simulated defects."""
    made_by = identity(*RULES, "bench/error_rates/worlds.py")
    kept = Kept("worlds", lambda _: made_by)
    wanted: dict[str, tuple[str, int, int, int, int, str]] = {}
    for n0, n1 in sizes:
        for world in worlds.WORLDS if (n0, n1) in MAIN_SIZES else FIRST_WORLDS:
            for number in range(max(tables // BLOCK, 1)):
                wanted[f"{world} {n0} {n1} {number}"] = (world, n0, n1, min(BLOCK, tables), number, "")
        for defect in worlds.DEFECTS:
            if power_tables:
                wanted[f"{defect} {n0} {n1} {power_tables}"] = ("unequal", n0, n1, power_tables, 0, defect)
        for defect in ONE_ROW if power_tables and (n0, n1) in MAIN_SIZES else ():
            wanted[f"{WIDE}: {defect} {n0} {n1} {power_tables}"] = (WIDE, n0, n1, power_tables, 0, defect)

    def run(missing: list[str]) -> Iterable[tuple[str, Json]]:
        with ProcessPoolExecutor(JOBS) as pool:
            yield from pool.map(block_of, [(name, wanted[name]) for name in missing])

    found = kept.make([*wanted], run)
    summed: Json = {"false": {}, "power": {}, "wide": {}}
    for name, counts in found.items():
        world, n0, n1, _, _, defect = wanted[name]
        part, key = ("wide" if world == WIDE else "power", defect) if defect else ("false", world)
        into = summed[part].setdefault(f"{n0} {n1}", {}).setdefault(key, {})
        for what, count in counts.items():
            into[what] = into.get(what, 0) + count
    return summed


# Real seeds


def resampled(study: str, n0: int, checks: int, seed: int) -> Json:
    """Draw goldens of n0 seeds and checks from a smoke golden's own seeds, and check them by every rule.

    A seed is drawn for a whole replicate of an experiment, so that what hangs together stays so, and for one role.
    """
    from repro.golden import bless
    from repro.golden.check import check

    held = stored.load(stored.path_of(ROOT, study, "smoke"))
    declared = registry.load(study)
    stochastic = [name for name, one in declared.experiments.items() if not one.deterministic]
    rows = held.rows.filter(np.isin(held.rows["experiment"].to_pylist(), stochastic))
    experiment, number = np.array(rows["experiment"].to_pylist()), np.array(rows["replicate"].to_pylist())
    places = [np.flatnonzero(experiment == name) for name in np.unique(experiment)]
    random = np.random.default_rng([seed, n0, *study.encode()])
    counts: Json = {"checks": 0, "any": 0, **dict.fromkeys(baselines.RULES, 0)}
    for _ in range(checks):
        part = np.full(len(number), ROLES)
        for mine in places:
            drawn = random.permutation(np.unique(number[mine]))
            order = {replicate: place for place, replicate in enumerate(drawn.tolist())}
            part[mine] = np.searchsorted(
                [n0, n0 + 1, n0 + 1 + CONFIRMING_FEW], [order[i] for i in number[mine]], "right"
            )
        old, new, again = (rows.filter(part == role).combine_chunks() for role in range(ROLES))
        again = renumbered(again, 1000)
        now = bless.assemble(old, declared, minimum_seeds=2, reason="resampled", now=bless.datetime.now(bless.UTC))
        result = check(new, now.rows, now.bands, reruns=again)
        counts["checks"] += 1
        counts["any"] += int(result.counts["deviates"] > 0)
        arrays = baselines.table_of(planting.values_of(now, old, new))
        for name, rule in baselines.RULES.items():
            counts[name] += int(baselines.alarms(rule, *arrays))
    return counts


def renumbered(some: Any, first: int) -> Any:
    """Return rows whose replicates follow one another from `first`, as those of runs made to confirm."""
    import pyarrow as pa

    order = {old: first + place for place, old in enumerate(sorted(set(some["replicate"].to_pylist())))}
    column = pa.array([order[old] for old in some["replicate"].to_pylist()], pa.int32())
    return some.set_column(some.schema.get_field_index("replicate"), some.schema.field("replicate"), column)


def resampled_of(arguments: tuple[str, tuple[str, int, int, int]]) -> tuple[str, Json]:
    """Return a named answer, for a pool of processes."""
    return arguments[0], resampled(*arguments[1])


def banks(checks: int, blocks: int = 4) -> Json:
    """Return counts of alarms on resampled real seeds, by study and golden size."""
    ours = ("bench/error_rates/measuring.py", "bench/error_rates/baselines.py")
    made_by = {study: identity(*CHECKING, *ours, f"golden/{study}") for study in STUDIES}
    kept = Kept("banks", lambda name: made_by[name.split()[0]])
    wanted = {
        f"{study} {n0} {number}": (study, n0, max(checks // blocks, 1), number)
        for study in STUDIES
        for n0 in BANK_SIZES
        for number in range(blocks)
    }

    def run(missing: list[str]) -> Iterable[tuple[str, Json]]:
        with ProcessPoolExecutor(JOBS) as pool:
            yield from pool.map(resampled_of, [(name, wanted[name]) for name in missing])

    summed: Json = {}
    for name, counts in kept.make([*wanted], run).items():
        study, n0, *_ = wanted[name]
        into = summed.setdefault(study, {}).setdefault(str(n0), {})
        for what, count in counts.items():
            into[what] = into.get(what, 0) + count
    return summed


# Real seeds of others


def elsewhere_of(arguments: tuple[str, tuple[str, int, int, float, int, int]]) -> tuple[str, Json]:
    """Return a named block, for a pool of processes."""
    return arguments[0], elsewhere.block(*arguments[1])


def others(tables: int, power_tables: int) -> Json | None:
    """Return counts of alarms on seeds that are not ours, by kind of golden and size; None where they are not here."""
    if not elsewhere.path().is_file():
        print(f"no real-seeds/{elsewhere.path().name} in the folder of real data: not measured again", file=sys.stderr)
        return None
    ours = (*RULES, "bench/error_rates/worlds.py", "bench/error_rates/elsewhere.py")
    made_by = f"{identity(*ours)} {hashlib.sha256(elsewhere.path().read_bytes()).hexdigest()[:16]}"
    wanted = {}
    for kind in elsewhere.KINDS:
        for n0, n1, shift in ELSEWHERE:
            count = power_tables if shift else tables
            for number in range(max(count // BLOCK, 1)):
                wanted[f"{kind} {n0} {n1} {shift:g} {number}"] = (kind, n0, n1, shift, min(BLOCK, count), number)

    def run(missing: list[str]) -> Iterable[tuple[str, Json]]:
        with ProcessPoolExecutor(JOBS) as pool:
            yield from pool.map(elsewhere_of, [(name, wanted[name]) for name in missing])

    summed: Json = {}
    for name, counts in Kept("elsewhere", lambda _: made_by).make([*wanted], run).items():
        kind, n0, n1, shift, *_ = wanted[name]
        into = summed.setdefault(kind, {}).setdefault(f"{n0} {n1} {shift:g}", {})
        for what, count in counts.items():
            into[what] = into.get(what, 0) + count
    return summed


# Planted mistakes


def plant(defects: Sequence[Defect] = DEFECTS, seconds: float = float("inf")) -> dict[str, Json]:
    """Return what became of each planted mistake; none is begun after so many seconds, and those are left out."""
    started = time.monotonic()
    by_name = {defect.name: defect for defect in defects}

    def made_by(name: str) -> str:
        defect = by_name[name]
        own = (f"studies/{defect.study}", "studies/common", f"golden/{defect.study}")
        code = identity(*CHECKING, *own, *defect.tests, "bench/error_rates/planting.py")
        return f"{code} {hashlib.sha256(repr(defect).encode()).hexdigest()[:16]}"

    def one(name: str) -> tuple[str, Json | None]:
        late = time.monotonic() - started > seconds
        return name, None if late else asdict(planting.tried(by_name[name]))

    def run(missing: list[str]) -> Iterable[tuple[str, Json]]:
        with ThreadPoolExecutor(JOBS) as pool:
            yield from ((name, answer) for name, answer in pool.map(one, missing) if answer is not None)

    return Kept("defects", made_by).make([*by_name], run)
