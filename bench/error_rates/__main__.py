"""Measure how often the check is wrong, and write the tables of docs/error-rates.md.

Usage: python -m bench.error_rates               everything but clean checks, and the page
       python -m bench.error_rates --short       a few minutes of it, and exit 1 where a bound is broken
       python -m bench.error_rates --clean 299   unchanged code run again, and the page; --seconds S ends it early
       python -m bench.error_rates --judges      the judges of the audit alone, and the page
       python -m bench.error_rates --mistakes    planted mistakes alone, those longest untried first, and the page
       python -m bench.error_rates --page        the page from what was measured
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import time
from typing import Any

from bench.error_rates import baselines, clean, documents, measuring, page, prints
from bench.error_rates.catalogue import DEFECTS
from bench.error_rates.planting import ROOT
from repro.audit.verdicts import LEVEL
from repro.golden import rule
from repro.machine import files, git

MEASURED = ROOT / "bench" / "error_rates" / "measured.json"
PAGE = ROOT / "docs" / "error-rates.md"
TABLES, POWER_TABLES, CHECKS, DOCUMENTS = 1250, 250, 800, 200
OTHERS, POWER_OTHERS = 1000, 250  # tables of real seeds of others
PRINTS = 500  # tables printed from their own runs
SHORT = ("hermite-recurrence", "adam-bias", "transpose", "crop", "width", "leak")


def with_rules(found: dict[str, Any]) -> dict[str, Any]:
    """Return what became of planted mistakes, with every rule's answer in place of the values it was got from."""
    told = {}
    for name, one in found.items():
        values = one.pop("values")
        answers = {}
        if values:
            arrays = baselines.table_of(values)
            answers = {title: baselines.alarms(some, *arrays) for title, some in baselines.RULES.items()}
            answers[page.OURS] = bool(page.caught(one, ("golden rows", "whole table")))
        told[name] = {**one, "rules": answers}
    return told


def known() -> dict[str, Any]:
    """Return what was measured before."""
    return {
        "at": {},
        "clean": {},
        "elsewhere": {},
        "documents": {},
        **(json.loads(MEASURED.read_text("utf-8")) if MEASURED.exists() else {}),
    }


@functools.cache
def commit() -> str:
    """Return the commit that is measured, as it was before anything was written."""
    return git.commit(ROOT)


def write(**parts: Any) -> None:
    """Keep what was measured, and of which commit, and write the page."""
    before = known()
    measured = {**before, **parts, "at": {**before["at"], **dict.fromkeys(parts, commit())}}
    files.write(MEASURED, json.dumps(measured, indent=1, sort_keys=True) + "\n")
    if {"worlds", "banks", "defects"} <= measured.keys():
        files.write(PAGE, page.rewritten(PAGE.read_text("utf-8"), measured))


def tried(seconds: float) -> dict[str, Any]:
    """Plant mistakes and return all that is known, with the commit it is of.

    Those that were never tried come first, then those of which no commit is known, for where the time is short.
    """
    before = known().get("defects", {})

    def known_of(name: str) -> int:
        return (name in before) + ("at" in before.get(name, {}))

    found = with_rules(measuring.plant(sorted(DEFECTS, key=lambda defect: known_of(defect.name)), seconds))
    return {**before, **{name: {**one, "at": commit()} for name, one in found.items()}}


def short() -> int:
    """Measure a little and hold it to the promise; print each bound."""
    from scipy.stats import binom

    broken = []
    found = measuring.simulate(500, 0, sizes=((10, 1),))["false"]["10 1"]
    for world, counts in found.items():
        chance = float(binom.sf(counts["any"] - 1, counts["tables"], rule.ALPHA))
        print(f"{world}: {counts['any']} alarms in {counts['tables']} tables, chance of as many at 1 %: {chance:.3f}")
        broken += [world] if chance < 1e-3 else []
    for world, counts in documents.measured(40).items():
        alarms = counts[documents.OURS]["accused"]
        chance = float(binom.sf(alarms - 1, counts["documents"], LEVEL))
        print(f"{world}: {alarms} of {counts['documents']} documents accused, chance of as many at 5 %: {chance:.3f}")
        broken += [world] if chance < 1e-3 else []
    made = prints.counted(100)["whole"]["all"]
    print(f"prints: {made['accused']} of {made['tables']} tables accused that were made of their runs")
    broken += ["prints"] if made["accused"] else []
    for name, one in measuring.plant([defect for defect in DEFECTS if defect.name in SHORT]).items():
        layers = page.caught(one)
        print(f"{name}: found by {', '.join(layers) or 'nothing'}")
        broken += [] if layers else [name]
    print(f"{'FAIL: ' + ', '.join(broken) if broken else 'PASS'}")
    return 1 if broken else 0


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--clean", type=int, metavar="N")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--judges", action="store_true")
    parser.add_argument("--mistakes", action="store_true")
    parser.add_argument("--page", action="store_true")
    chosen = parser.parse_args()
    if chosen.short:
        return short()
    if chosen.clean:
        write(clean=clean.clean(chosen.clean, known()["clean"], commit(), chosen.seconds))
    elif chosen.judges:
        write(documents=documents.measured(DOCUMENTS), prints=prints.counted(PRINTS))
    elif chosen.mistakes:
        write(defects=tried(chosen.seconds))
    elif chosen.page:
        write()
    else:
        start = time.monotonic()
        write(documents=documents.measured(DOCUMENTS), prints=prints.counted(PRINTS))
        write(worlds=measuring.simulate(TABLES, POWER_TABLES))
        if others := measuring.others(OTHERS, POWER_OTHERS):
            write(elsewhere=others)
        write(banks=measuring.banks(CHECKS))
        write(defects=tried(chosen.seconds))
        print(f"measured in {(time.monotonic() - start) / 60:.0f} min", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
