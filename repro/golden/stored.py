"""Where a golden lies and what it holds: rows, bands, their record and the twin as text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from repro.errors import CannotCompareError, IntegrityError
from repro.golden.bands import BANDS_SCHEMA, as_bands
from repro.machine.terminal import markdown_line
from repro.runs import table
from repro.study import words_of

METHOD = "two-stage-t/5"  # name of the rule that draws the bands; another rule gets another name


@dataclass(frozen=True)
class Golden:
    """The blessed rows of a study's profile, and one band for each metric of each case."""

    rows: pa.Table
    bands: pa.Table


def path_of(root: Path, study: str, profile: str) -> Path:
    """Return where a golden's rows lie below a project's root; the bands and the twin as text lie beside them."""
    return root / "golden" / study / f"{profile}.parquet"


def bands_path(path: Path) -> Path:
    """Return the bands table that belongs to a golden's rows."""
    return path.with_suffix(".bands.parquet")


def twin_path(path: Path) -> Path:
    """Return the twin as text of a golden's rows."""
    return path.with_suffix(".md")


def load(path: Path) -> Golden:
    """Read a golden; one that does not exist cannot be compared with (exit 3), half of one is corrupt (exit 6).

    Its rows were validated when they were written; that they are still those is what the digest in the bands says.
    """
    if not path.exists() and not bands_path(path).exists():
        raise CannotCompareError(f"{path}: no such golden; `repro bless` makes one from a table of results")
    half = missing_half(path)
    if half:
        raise IntegrityError(
            f"{half}: missing half of a golden; restore it from version control, or bless again if its first bless was "
            "cut short"
        )
    rows = table.read_file(path)
    record_of(rows.schema, path)
    return Golden(rows, read_bands(bands_path(path)))


def missing_half(path: Path) -> Path | None:
    """Return the file of a golden that is not there while the other is: of its rows, or of its bands."""
    missing = [half for half in (path, bands_path(path)) if not half.exists()]
    return missing[0] if len(missing) == 1 else None


def read_record(path: Path) -> dict[str, Any]:
    """Return a golden's own record of itself from the file of its rows or bands, whatever the columns are."""
    with table.opened(path, "part of a golden") as file:
        return record_of(file.schema_arrow, path)


def read_bands(path: Path) -> pa.Table:
    """Read a bands table and refuse a file that is not one, or of another rule (exit 6)."""
    with table.opened(path, "bands table") as file:
        method = record_of(file.schema_arrow, path).get("method", METHOD)
        if method != METHOD:
            raise IntegrityError(
                f"{path}: drawn by the rule '{method}', this version's is '{METHOD}'; bless the golden's rows again"
            )
        table.check_schema(file.schema_arrow, path, BANDS_SCHEMA)
        bands = file.read()
        table.hold_seal(bands, path)
        return bands


def metadata(some: pa.Table) -> dict[str, Any]:
    """Return the golden's own record of itself, {} where there is none."""
    return record_of(some.schema)


def record_of(schema: pa.Schema, where: Path | str = "golden") -> dict[str, Any]:
    """Return the record that a schema carries; an empty table of it would import pandas where that is installed."""
    return table.json_of(schema, b"repro.golden", where)


def twin(golden: Golden) -> str:
    """Return the golden as a text that a reviewer can read and compare."""
    text = heading(golden)
    lines, experiment = [], None
    names = words_of(golden.bands["case"].to_pylist())
    for line in as_bands(golden.bands):
        if line.experiment != experiment:
            experiment = line.experiment
            lines += ["", f"## {experiment}", ""]
            lines += ["| case | metric | unit | kind | n | diverged | mean | sd | run again outside of | sees |"]
            lines += ["|---|---|---|---|--:|--:|--:|--:|---|--:|"]
        band = "" if line.low is None else f"{number(line.low)} to {number(line.high)}"
        numbers = (f"{line.n0}", f"{line.k0}", number(line.mean), number(line.sd), band, number(line.detectable))
        lines.append(markdown_line((names[line.case], line.metric, line.unit, line.kind, *numbers)))
    return text + "\n".join(lines) + "\n"


def heading(golden: Golden) -> str:
    """Return the twin's first lines: what a golden's tables say of themselves, in words."""
    # Some columns alone, and no kernel of pyarrow's: a time as Python has it takes up pandas where that is installed.
    (study, profile), record = (golden.rows[name][0].as_py() for name in ("study", "profile")), metadata(golden.rows)
    environments = ", ".join(sorted(set(golden.rows["environment"].to_pylist())))
    head = [f"# Golden of {study}, profile {profile}", "", f"Reason: {record['reason']}", ""]
    head += [f"Blessed {record['blessed']} from commit {record['commit']}, environment {environments}.", ""]
    head += [f"Method {record['method']}, {record['alpha']:.2g} false alarms a check; {record['minimum_seeds']} seeds."]
    return "\n".join(head) + "\n"


def repeats(twin: Path, golden: Golden) -> bool:
    """Say whether a twin begins with what the golden's tables say of themselves."""
    try:
        return twin.read_text(encoding="utf-8").startswith(heading(golden))
    except (OSError, KeyError, TypeError, ValueError, IndexError):
        return False


def number(value: float | None) -> str:
    """Return a number to six digits, nothing for none."""
    return "" if value is None else f"{value:.6g}"
