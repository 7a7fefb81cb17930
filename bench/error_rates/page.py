"""The tables of docs/error-rates.md, made from what was measured."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from bench.error_rates import baselines, documents, planting, prints, worlds
from bench.error_rates.catalogue import DEFECTS

Json = Mapping[str, Any]
BLOCK = re.compile(r"(<!-- measured: (?P<name>[a-z-]+) -->\n).*?(<!-- /measured -->)", re.S)
OURS = "repro check"


def interval(count: int, trials: int) -> tuple[float, float]:
    """Return Clopper and Pearson's 95 % interval of a rate."""
    from scipy.stats import binomtest

    found = binomtest(count, trials).proportion_ci(method="exact")
    return float(found.low), float(found.high)


def at_most(count: int, trials: int) -> float:
    """Return Clopper and Pearson's upper bound of a rate, right with a confidence of 95 %."""
    from scipy.stats import binomtest

    return float(binomtest(count, trials, alternative="less").proportion_ci(method="exact").high)


def percent(count: int, trials: int, *, bounds: bool = False) -> str:
    """Return a rate in percent, with its interval if asked."""
    if not trials:
        return ""
    digits = 2 if bounds else 0 if count in (0, trials) or trials < 500 else 1
    text = f"{100 * count / trials:.{digits}f} %"
    if bounds:
        low, high = interval(count, trials)
        text += f" ({100 * low:.2f} to {100 * high:.2f})"
    return text


def grid(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Return a Markdown table, all but the first columns to the right."""
    marks = ["---"] * left + ["--:"] * (len(head) - left)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, marks, *rows))


def by_number(size: str) -> list[int]:
    """Return what sizes are sorted by."""
    return [int(word) for word in size.split()]


def size_words(size: str) -> str:
    """Return golden seeds and new runs as a heading."""
    n0, n1 = size.split()
    return f"{n0} seeds, {n1} new"


def false_alarms(measured: Json) -> str:
    """Return how often unchanged code alarms, by world and size."""
    found = measured["worlds"]["false"]
    sizes = sorted(found, key=by_number)
    rows = [
        [worlds.WORLDS[world].title, *(rate(found[size].get(world), bounds=True) for size in sizes)]
        for world in worlds.WORLDS
        if world in found[sizes[0]]
    ]
    again = [
        f"{sum(one['reruns'] for one in found[size].values()) / sum(one['tables'] for one in found[size].values()):.1f}"
        for size in sizes
    ]
    return grid(["world", *map(size_words, sizes)], [*rows, ["runs made again, a check", *again]])


def rate(counts: Mapping[str, int] | None, *, bounds: bool = False) -> str:
    """Return the share of tables that alarmed, nothing where none was checked."""
    return percent(counts["any"], counts["tables"], bounds=bounds) if counts else ""


def power(measured: Json) -> str:
    """Return how often a simulated change is found, by size; last where variances span magnitudes."""
    found, wide = measured["worlds"]["power"], measured["worlds"].get("wide", {})
    sizes = sorted(found, key=by_number)
    rows = [[defect, *(rate(found[size][defect]) for size in sizes)] for defect in worlds.DEFECTS]
    names = dict.fromkeys(name for size in sizes for name in wide.get(size, {}))
    rows += [
        [f"{name}, variances over magnitudes", *(rate(wide.get(size, {}).get(name)) for size in sizes)]
        for name in names
    ]
    return grid(["change", *map(size_words, sizes)], rows)


def others(measured: Json) -> str:
    """Return how often checks of others' seeds alarm, of unchanged code and where one row moved."""
    found = measured["elsewhere"]
    if not found:
        return "Not measured yet: the data are not part of the project."
    sizes = dict.fromkeys(size for one in found.values() for size in one)
    kinds = {kind: one for kind, one in found.items() if any(counts["tables"] for counts in one.values())}
    rows = [[kind, *(rate(one.get(size), bounds=size.endswith(" 0")) for size in sizes)] for kind, one in kinds.items()]
    head = []
    for size in sizes:
        n0, n1, shift = size.split()
        head.append(size_words(f"{n0} {n1}") + (f": {shift} sd found" if shift != "0" else ""))
    return grid(["golden", *head], rows)


def real_seeds(measured: Json) -> str:
    """Return how often checks of resampled real seeds alarm."""
    found = measured["banks"]
    sizes = sorted(next(iter(found.values())), key=by_number)
    rows = [
        [study, *(percent(one[n0]["any"], one[n0]["checks"], bounds=True) for n0 in sizes)]
        for study, one in found.items()
    ]
    return grid(["study", *(f"goldens of {n0} seeds" for n0 in sizes)], rows)


def clean_checks(measured: Json) -> str:
    """Return what came of unchanged code that was run again, by the rule that checked it."""
    found: dict[str, dict[str, list[Json]]] = {}
    for name, one in measured["clean"].items():
        rule, study, _ = name.split()
        found.setdefault(rule, {}).setdefault(study, []).append(one)
    if not found:
        return "None was made yet."
    rows, texts = [], []
    for rule, studies in sorted(found.items(), reverse=True):
        every = [one for some in studies.values() for one in some]
        for name, some in [*sorted(studies.items()), ("all", every)]:
            alarms = sum(one["exit"] != 0 for one in some)
            rows.append([rule, name, str(len(some)), str(alarms), f"{fmean(one['reruns'] for one in some):.1f}"])
        high = 100 * at_most(alarms, len(every))
        text = (
            f"By {rule}, with {alarms} alarms in {len(every)} checks the rate is below {high:.1f} % with a confidence"
        )
        alarmed = [(study, one) for study, some in studies.items() for one in some if one["exit"]]
        words = [f"the check of {study} ended with {one['exit']}: {_first_odd(one)}" for study, one in alarmed]
        texts.append(f"{text} of 95 %." + f" Of the alarms, {'; '.join(words)}." * bool(words))
    heads = ["rule", "study", "checks", "alarms", "runs made again, a check"]
    return "\n\n".join([grid(heads, rows, left=2), *texts])


def _first_odd(one: Json) -> str:
    """Return where the first odd finding of a check is, and what it says."""
    experiment, case, metric, text = one["odd"][0]
    return f"{experiment} `{case}`, {metric}, {text}"


def caught(one: Json, layers: Sequence[str] = planting.LAYERS) -> list[str]:
    """Return the layers that found a planted mistake, the cheapest first."""
    return [layer for layer in layers if one["caught"].get(layer)]


def layers(measured: Json) -> str:
    """Return how many planted mistakes each layer finds, alone."""
    found = measured["defects"]
    groups = [
        *((layer, (layer,)) for layer in planting.LAYERS),
        ("tests: property and unit", ("property", "unit")),
        ("runs: integrity, replay, rows, table", ("integrity", "replay", "golden rows", "whole table")),
        ("fresh seeds alone: rows, table", ("golden rows", "whole table")),
        ("all", planting.LAYERS),
    ]
    rows = []
    for name, some in groups:
        tried = [one for one in found.values() if any(layer in one["caught"] for layer in some)]
        count = sum(bool(caught(one, some)) for one in tried)
        low, high = interval(count, len(tried)) if tried else (0.0, 1.0)
        rows.append([name, f"{count} of {len(tried)}", f"{100 * low:.0f} to {100 * high:.0f} %"])
    return grid(["layer", "found", "95 % interval"], rows)


def mistakes(measured: Json) -> str:
    """Return each planted mistake with the layers that found it, and the seconds of the first."""
    found, rows = measured["defects"], []
    for defect in DEFECTS:
        one = found.get(defect.name)
        if one is None:
            continue
        names = caught(one)
        first = f"{one['seconds'].get(names[0], 0.0):.0f}" if names else ""
        rows.append([defect.name, defect.study, defect.what, ", ".join(names) or "**none**", first])
    return grid(["mistake", "study", "what", "found by", "seconds"], rows, left=4)


def side_by_side(measured: Json) -> str:
    """Return false alarms and detection of every rule on the same tables and mistakes."""
    false, banks = measured["worlds"]["false"]["10 1"], measured["banks"]
    changes, planted = measured["worlds"]["power"]["10 1"], measured["defects"].values()
    rows = []
    for name in (OURS, *baselines.RULES):
        key = "any" if name == OURS else name
        cells = [
            percent(false[world][key], false[world]["tables"])
            for world in ("unequal", "skewed", "outlying", "diverging")
        ]
        cells.append(
            percent(sum(one["10"][key] for one in banks.values()), sum(one["10"]["checks"] for one in banks.values()))
        )
        cells += [
            percent(changes[what][key], changes[what]["tables"]) for what in ("one row, 5 sd", "all rows, 0.6 sd")
        ]
        judged = [one for one in planted if one["rules"]]
        found = sum(one["rules"][name] for one in judged)
        rows.append([name, *cells, f"{found} of {len(judged)}"])
    head = [
        "rule",
        "unequal",
        "skewed",
        "outliers",
        "diverging",
        "real seeds",
        "one row, 5 sd",
        "all rows, 0.6 sd",
        "planted",
    ]
    return grid(head, rows)


def in_order(found: Json, names: Iterable[str]) -> list[tuple[str, Json]]:
    """Return what was found under these names in their order, whatever the order it was kept in."""
    return [(name, found[name]) for name in names if found.get(name)]


def judges(measured: Json) -> str:
    """Return how many simulated documents are accused wrongly, by world, and what every rule finds."""
    found = measured["documents"]
    if not found:
        return "Not measured yet."
    rows = []
    for world, one in in_order(found, documents.WORLDS):
        ours, true = one[documents.OURS], one["true"]
        rows.append([documents.WORLDS[world].title, percent(ours["accused"], one["documents"], bounds=True),
                     percent(ours["found"], one["false"]), percent(ours["reproduced"], true)])  # fmt: skip
    return grid(
        ["what documents print", "documents accused wrongly", "false claims accused", "true ones reproduced"], rows
    )


def judges_beside(measured: Json) -> str:
    """Return the share of documents that each rule accuses wrongly, and of false claims that it accuses."""
    found = measured["documents"]
    if not found:
        return "Not measured yet."
    rows = [
        [
            documents.WORLDS[world].title,
            *(
                f"{percent(one[rule]['accused'], one['documents'])}, {percent(one[rule]['found'], one['false'])}"
                for rule in documents.RULES
            ),
        ]
        for world, one in in_order(found, documents.WORLDS)
    ]
    return grid(["what documents print", *documents.RULES], rows)


def made_of(measured: Json) -> str:
    """Return how often true prints are accused and changed ones seen, by how fine their runs are."""
    found = measured.get("prints")
    if not found:
        return "Not measured yet."
    lines = dict(in_order(found["cells"], prints.FINENESS))
    fine = [one for name, one in lines.items() if name in prints.FINER]
    lines["finer than the print, together"] = {key: sum(one.get(key, 0) for one in fine) for one in fine for key in one}
    rows = []
    for name, one in lines.items():
        cells = one["cells"]

        def share(key: str, one: Json = one, cells: int = cells, *, bounds: bool = False) -> str:
            return percent(one.get(key, 0), cells, bounds=bounds)

        rows.append([
            name, str(cells), share("true: erratum", bounds=True), share("true: inconclusive"),
            share("mean: erratum", bounds=True), share("spread: erratum"),
            share("samples, true: not reproduced"),
            share("samples, true: reproduced"), share("samples, mean: not reproduced"),
        ])  # fmt: skip
    whole = found["whole"]["all"]
    head = [
        "runs", "cells", "accused", "cannot tell", "changed mean seen", "changed spread seen", "`samples`: accused",
        "reproduced", "changed mean seen",
    ]  # fmt: skip
    text = (
        f"Of {whole['tables']} tables {whole['accused']} had a cell accused; the reading that it was printed under was "
        f"among those found in {whole['readable']}, and the only one in {whole['alone']}."
    )
    return grid(head, rows) + "\n\n" + text


PARTS = {
    "worlds": "simulated worlds", "banks": "real seeds of ours", "elsewhere": "seeds of others",
    "clean": "unchanged code", "documents": "judges, simulated", "prints": "judges, printed tables",
}  # fmt: skip
EARLIER = "2d8d4cb1 or before"  # when commits were not kept yet


def short(commit: str) -> str:
    """Return a commit in eight digits, and that its tree was dirty where it was."""
    digits, mark, _ = commit.partition("+")
    return commit if commit == EARLIER else f"`{digits[:8]}`{mark and ', dirty'}"


def commits(measured: Json) -> str:
    """Return which commit each part was last measured at, planted mistakes counted by theirs."""
    at = measured.get("at", {})
    rows = [[words, short(at.get(part, EARLIER))] for part, words in PARTS.items() if measured.get(part)]
    found = Counter(short(one.get("at", EARLIER)) for one in measured["defects"].values())
    rows += [[f"planted mistakes, {count} of {len(DEFECTS)}", commit] for commit, count in sorted(found.items())]
    return grid(["part", "commit"], rows, left=2)


TABLES = {
    "false-alarms": false_alarms, "power": power, "real-seeds": real_seeds, "others": others,
    "clean-checks": clean_checks, "layers": layers, "mistakes": mistakes, "side-by-side": side_by_side,
    "judges": judges, "judges-beside": judges_beside, "made-of": made_of, "commits": commits,
}  # fmt: skip


def rewritten(text: str, measured: Json) -> str:
    """Return a page with its measured tables made anew."""

    def table(block: re.Match[str]) -> str:
        return f"{block[1]}\n{TABLES[block['name']](measured)}\n\n{block[3]}"

    return BLOCK.sub(table, text)
