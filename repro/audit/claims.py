"""What a document says, claim by claim: the file `claims.toml` beside a study, refused where it is not right."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from repro.errors import IntegrityError, UsageError
from repro.machine import files
from repro.machine.terminal import escape

Kind = Literal["exact", "count", "formula", "value", "mean-and-deviation", "order", "bound", "qualitative"]
# Why a claim has no judge: no computation answers it; it is about other people's work; the document leaves out what is
# needed; the data or the machine is out of reach; we could judge it and have not built that yet.
Reason = Literal["opinion", "literature", "unpublished", "out-of-reach", "not-built"]
KINDS: tuple[str, ...] = get_args(Kind)
REASONS: tuple[str, ...] = get_args(Reason)
REQUIRED = ("id", "where", "kind", "statement", "published")
OPTIONAL = (
    "unit", "runs", "images", "margin", "tolerance", "depends", "judge", "rows", "compute", "reason", "note",
    "headline", "happens",
)  # fmt: skip
MOST = 1e15  # no number of a claim reaches it
NEEDS_MARGIN = ("interval", "samples", "order")
HEADER = re.compile(r"\s*\[\[\s*claim\s*\]\]\s*(#.*)?$")
FUNCTION = re.compile(r"[a-z]\w*(\.[a-z]\w*)+", re.ASCII)
IDENTIFIER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Claim:
    """One thing that a document says.

    `published` holds the value as printed, or several; trailing zeros are its rounding unit. `judge` names what decides
    and `rows` or `compute` where its evidence comes from: an experiment's rows, or a function by its dotted name inside
    the study. A claim without a judge has a `reason`. `margin` is the difference that would not matter, declared before
    any run, in the claim's unit; `runs` and `images` say how many the document used. A `headline` is what the report's
    first screen says of it; `happens` names a function that words what result rows come to, whatever data they are of
    (`studies.common.beside`). `line` is its place in the file.
    """

    study: str
    id: str
    where: str
    kind: str
    statement: str
    published: tuple[str, ...]
    line: int
    unit: str = "1"
    runs: int | None = None
    images: int | None = None
    margin: float | None = None
    tolerance: float = 1e-9
    depends: tuple[str, ...] = ()
    judge: str = ""
    rows: Mapping[str, Any] = field(default_factory=dict, hash=False)
    compute: str = ""
    reason: str = ""
    note: str = ""
    headline: str = ""
    happens: str = ""

    @property
    def value(self) -> str:
        """Return what is published, as one text."""
        return "; ".join(self.published)


def path_of(root: Path, study: str) -> Path:
    """Return where a study's claims stand below a project's root."""
    return root / "studies" / study / "claims.toml"


def load(path: Path, study: str, judges: Mapping[str, Any]) -> tuple[Claim, ...]:
    """Read a study's claims; `judges` are the known ones by name.

    Raise UsageError that names file, line and claim for an unknown or missing key, a value of the wrong type, a
    repeated id, a claim with no judge and no reason, or with both.
    """
    text, entries = _entries(path)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if HEADER.match(line)]
    if not entries or len(lines) != len(entries):
        raise UsageError(
            f"{path}: wanted [[claim]] tables, each on a line of its own, got {len(entries)}; see the docs"
        )
    found = [_claim(entry, study, f"{path}:{line}", line, judges) for entry, line in zip(entries, lines, strict=True)]
    seen: dict[str, int] = {}
    for claim in found:
        if claim.id in seen:
            raise UsageError(
                f"{path}:{claim.line}: claim '{claim.id}' stands at line {seen[claim.id]} already; rename one"
            )
        seen[claim.id] = claim.line
    for claim in found:
        for other in claim.depends:
            if other not in seen or other == claim.id:
                what = "itself" if other == claim.id else f"'{other}', which is no claim here"
                raise UsageError(f"{path}:{claim.line}: claim '{claim.id}' depends on {what}")
    return tuple(found)


def _entries(path: Path) -> tuple[str, list[Any]]:
    """Return a file of claims as text, and the claims in it as TOML has them."""
    if not files.there(path):
        raise UsageError(f"{path}: no such file; a study that is audited has its claims there")
    text = files.read_text(path, "file of claims", "mend it there")
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError is of TOML, and of whole numbers without end
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise IntegrityError(f"{path}: not readable as TOML ({reason}); mend it there") from error
    strange = sorted(set(found) - {"claim"})
    entries = found.get("claim", [])
    if strange or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        got = f"'{strange[0]}' beside them" if strange else f"claim = {entries!r:.40}"
        raise UsageError(f"{path}: wanted [[claim]] tables and nothing else, got {got}; see the docs")
    return text, entries


def _claim(entry: Mapping[str, Any], study: str, where: str, line: int, judges: Mapping[str, Any]) -> Claim:
    name = f"{where}: claim '{entry.get('id', '?')}'"
    unknown = sorted(set(entry) - {*REQUIRED, *OPTIONAL})
    missing = [key for key in REQUIRED if key not in entry]
    if unknown or missing:
        faults = [f"has the unknown key '{key}'" for key in unknown] + [f"lacks '{key}'" for key in missing]
        raise UsageError(f"{name} {', '.join(faults)} (keys: {', '.join((*REQUIRED, *OPTIONAL))})")
    for fault in _faults(entry, judges):
        raise UsageError(f"{name} {fault}")
    published = entry["published"]
    given = {key: entry[key] for key in OPTIONAL if key in entry and key != "depends"}
    return Claim(
        study=study,
        line=line,
        published=tuple(published) if isinstance(published, list) else (published,),
        depends=tuple(entry.get("depends", ())),
        **{key: entry[key] for key in ("id", "where", "kind", "statement")},
        **given,
    )


def _texts(value: Any) -> Iterator[str]:
    """Return every text in a claim, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for item in value.items() for part in item for text in _texts(part))
    elif isinstance(value, list):
        yield from (text for part in value for text in _texts(part))


def _faults(entry: Mapping[str, Any], judges: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a claim whose keys are known."""
    faults = []
    texts = ("id", "where", "kind", "statement", "unit", "judge", "compute", "reason", "note", "headline", "happens")
    faults += [f"'{key}' is {entry[key]!r}, wanted a text" for key in texts if not isinstance(entry.get(key, ""), str)]
    published = entry["published"] if isinstance(entry["published"], list) else [entry["published"]]
    if not published or not all(isinstance(one, str) and one for one in published):
        faults.append(f"'published' is {entry['published']!r}, wanted a text as printed, in quotes, or a list of such")
    numbers = {"runs": int, "images": int, "margin": (int, float), "tolerance": (int, float)}
    for key, kind in numbers.items():
        value = entry.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, kind) or not 0 < value < MOST:  # type: ignore[arg-type]
            faults.append(f"'{key}' is {value!r}, wanted a number above 0{', a whole one' if kind is int else ''}")
    depends = entry.get("depends", [])
    if not isinstance(depends, list) or not all(isinstance(one, str) for one in depends):
        faults.append(f"'depends' is {depends!r}, wanted a list of ids")
    if not isinstance(entry.get("rows", {}), dict):
        faults.append(f"'rows' is {entry['rows']!r}, wanted a table of experiment, metric and fields")
    said = [text for text in _texts(entry) if escape(text) != text]
    faults += [f"holds {text!r:.60}, where a character cannot be seen; leave it out" for text in said]
    if faults:
        return faults
    if not IDENTIFIER.fullmatch(entry["id"]):
        faults.append("wants an id of small letters, digits and single hyphens")
    if entry["kind"] not in KINDS:
        faults.append(f"is of the unknown kind '{entry['kind']}' (kinds: {', '.join(KINDS)})")
    judge, reason = entry.get("judge", ""), entry.get("reason", "")
    if bool(judge) == bool(reason):
        faults.append("wants either a judge or a reason why there is none")
    elif reason and reason not in REASONS:
        faults.append(f"has the unknown reason '{reason}' (reasons: {', '.join(REASONS)})")
    elif judge and judge not in judges:
        faults.append(f"names the unknown judge '{judge}' (judges: {', '.join(judges)})")
    elif judge and bool(entry.get("rows")) == bool(entry.get("compute")):
        faults.append("wants its evidence either from 'rows' or by 'compute'")
    elif judge in NEEDS_MARGIN and "margin" not in entry:
        faults.append(f"is judged by '{judge}' and lacks the 'margin' that is declared before any run")
    for key in ("compute", "happens"):
        if entry.get(key) and not FUNCTION.fullmatch(entry[key]):
            faults.append(f"has '{entry[key]}' for '{key}', wanted MODULE.FUNCTION of the study")
    if judge and entry.get("rows") and not {"experiment", "metric"} <= set(entry["rows"]):
        faults.append("wants 'experiment' and 'metric' in its 'rows'")
    return faults
