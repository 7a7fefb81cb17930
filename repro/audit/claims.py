"""What a document says, claim by claim: the file `claims.toml` beside a study, refused where it is not right."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from repro.errors import IntegrityError, UsageError
from repro.machine import files
from repro.machine.terminal import escape
from repro.outside import cells

Kind = Literal["exact", "count", "formula", "value", "mean-and-deviation", "order", "bound", "qualitative"]
# Why a claim has no judge: no computation answers it; it is about other people's work; the document leaves out what is
# needed; the data or the machine is out of reach; we could judge it and have not built that yet.
Reason = Literal["opinion", "literature", "unpublished", "out-of-reach", "not-built"]
# What changes if the claim is wrong: what the document concludes, a number in it, or nothing but the letters; nothing
# can where the evidence was written from the document, so that it holds by definition.
Weight = Literal["conclusion", "number", "slip", "definition"]
# What a contradiction comes from where it is not the author's error: the text as it reached us, another version of a
# tool, or a protocol: what the number hangs on is another in ours, by choice or since the document leaves it open.
Cause = Literal["transcription", "version", "protocol"]
# What stands behind the ± of a published value: a standard deviation, a standard error, half of a 95 % confidence
# interval, two standard deviations, or nobody knows.
Spread = Literal["sd", "se", "ci95", "2sd", "unknown"]
# How the digits behind the last printed one went: a document that says nothing of it may have cut all of them off.
Shortened = Literal["rounded", "cut"]
KINDS: tuple[str, ...] = get_args(Kind)
REASONS: tuple[str, ...] = get_args(Reason)
WEIGHTS: tuple[str, ...] = get_args(Weight)
CAUSES: tuple[str, ...] = get_args(Cause)
SPREADS: tuple[str, ...] = get_args(Spread)
SHORTENED: tuple[str, ...] = get_args(Shortened)
CHOICES = {
    "kind": KINDS, "reason": REASONS, "weight": WEIGHTS, "cause": CAUSES, "spread": SPREADS, "shortened": SHORTENED,
}  # fmt: skip
REQUIRED = ("id", "where", "kind", "statement", "published")
OPTIONAL = (
    "unit", "runs", "images", "spread", "shortened", "margin", "tolerance", "depends", "restates", "judge", "rows",
    "compute", "reason", "weight", "cause", "note", "headline", "happens", "lines", "digest", "elsewhere",
)  # fmt: skip
TEXTS = (
    "id", "where", "kind", "statement", "unit", "spread", "shortened", "judge", "compute", "restates", "reason",
    "weight", "cause", "note", "headline", "happens", "lines", "digest", "elsewhere",
)  # fmt: skip
NAME = "claims.toml"
MOST = 1e15  # no number of a claim reaches it
NEEDS_MARGIN = ("interval", "samples", "order")
HEADER = re.compile(r"\s*\[\[\s*claim\s*\]\]\s*(#.*)?$")
FUNCTION = re.compile(r"[a-z]\w*(\.[a-z]\w*)+", re.ASCII)
IDENTIFIER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LINES = re.compile(r"[1-9]\d{0,8}(-[1-9]\d{0,8})?(, [1-9]\d{0,8}(-[1-9]\d{0,8})?)*", re.ASCII)
DIGEST = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Source:
    """What a document is called and where it can be read, as its file of claims says under [document]."""

    title: str = ""
    link: str = ""


@dataclass(frozen=True)
class Claim:
    """One thing that a document says.

    `published` holds the value as printed, or several; trailing zeros are its rounding unit. `judge` names what decides
    and `rows` or `compute` where its evidence comes from: an experiment's rows, or a function by its dotted name inside
    the study. A claim without a judge has a `reason`. `margin` is the difference that would not matter, declared before
    any run, in the claim's unit; `runs` and `images` say how many the document used. A `headline` is what the report's
    first screen says of it; `happens` names a function that words what result rows come to, whatever data they are of
    (`studies.common.beside`). `line` is its place in the file.

    `lines` of the document hold its passage, and `digest` is that of their text (`repro.audit.passages`); a claim that
    is not the document's own says `elsewhere` where it stands. `restates` is the claim that it says again. `weight`
    says what changes if it is wrong, `cause` what a contradiction comes from where not from the author, `spread` what
    the ± of a published value is, `shortened` how its further digits went.
    """

    study: str
    id: str
    where: str
    kind: str
    statement: str
    published: tuple[str, ...]
    line: int
    unit: str = ""  # as stated; "" where the claim states none, which is no percentage and no fraction yet
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
    spread: str = "unknown"
    shortened: str = "rounded"
    restates: str = ""
    weight: str = "number"
    cause: str = ""
    lines: str = ""
    digest: str = ""
    elsewhere: str = ""

    @property
    def counts(self) -> bool:
        """Say whether the claim is a finding of its own: neither another one again nor true by definition."""
        return not self.restates and self.weight != "definition"

    @property
    def value(self) -> str:
        """Return what is published, as one text."""
        return "; ".join(self.published)

    @property
    def value_in_unit(self) -> str:
        """Return what is published with its unit, if it has one."""
        return self.value if self.unit in ("", "1") else f"{self.value} {self.unit}"


def path_of(root: Path, study: str) -> Path:
    """Return where a study's claims stand below a project's root."""
    return root / "studies" / study / NAME


def claims_file(study: str) -> Path:
    """Return where a study's claims stand: beside its declaration, in this project or in a package of its own."""
    from repro import registry  # here, since a claim without a study asks for none of it

    return registry.folder(study) / NAME


def load(path: Path, study: str, judges: Collection[str]) -> tuple[Claim, ...]:
    """Read a study's claims, parsed once for each text; `judges` are the names of the known ones.

    Raise UsageError that names file, line and claim for an unknown or missing key, a value of the wrong type, a
    repeated id, a claim with no judge and no reason, or with both.
    """
    return _loaded(path, _text(path), study, tuple(judges))


@functools.lru_cache(maxsize=16)
def _loaded(path: Path, text: str, study: str, judges: Collection[str]) -> tuple[Claim, ...]:
    entries = _entries(path, text)
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
    _hold_references(path, found)
    return tuple(found)


def source_of(path: Path) -> Source:
    """Return what a file of claims says of its document; empty texts where it says nothing."""
    return Source(**_parsed(path, _text(path)).get("document", {}))


def _hold_references(path: Path, found: Sequence[Claim]) -> None:
    """Raise UsageError where a claim names another that is none, itself, or one that restates another itself."""
    by_id = {claim.id: claim for claim in found}
    for claim in found:
        named = [("depends on", other) for other in claim.depends] + [("restates", claim.restates)] * bool(
            claim.restates
        )
        for verb, other in named:
            what = "itself" if other == claim.id else f"'{other}', which is no claim here" if other not in by_id else ""
            if not what and verb == "restates" and by_id[other].restates:
                what = f"'{other}', which restates '{by_id[other].restates}'; name that one"
            if what:
                raise UsageError(f"{path}:{claim.line}: claim '{claim.id}' {verb} {what}")


def _entries(path: Path, text: str) -> list[Any]:
    """Return the claims in a file of claims as TOML has them."""
    found = _parsed(path, text)
    strange = sorted(set(found) - {"claim", "document"})
    entries = found.get("claim", [])
    if strange or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        got = f"'{strange[0]}' beside them" if strange else f"claim = {entries!r:.40}"
        raise UsageError(f"{path}: wanted [[claim]] tables and [document], nothing else, got {got}; see the docs")
    about = found.get("document", {})
    if (
        not isinstance(about, dict)
        or set(about) - {"title", "link"}
        or not all(isinstance(x, str) for x in about.values())
    ):
        raise UsageError(f"{path}: [document] is {about!r:.60}, wanted texts 'title' and 'link'")
    return entries


def _text(path: Path) -> str:
    """Return a file of claims as text."""
    if not files.there(path):
        raise UsageError(f"{path}: no such file; a study that is audited has its claims there")
    return files.read_text(path, "file of claims", "mend it there")


def _parsed(path: Path, text: str) -> dict[str, Any]:
    """Return a file of claims as TOML has it."""
    import tomllib

    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError is of TOML, and of whole numbers without end
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise IntegrityError(f"{path}: not readable as TOML ({reason}); mend it there") from error
    return found


def _claim(entry: Mapping[str, Any], study: str, where: str, line: int, judges: Collection[str]) -> Claim:
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
    given |= {"unit": cells.unit(entry["unit"])} if "unit" in entry else {}
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


def _backwards(lines: str) -> bool:
    """Say whether some lines end before they begin, as "14-12" does."""
    ends = [part.split("-") for part in lines.split(", ") if "-" in part]
    return any(int(last) < int(first) for first, last in ends)


def _faults(entry: Mapping[str, Any], judges: Collection[str]) -> list[str]:
    """Return what is wrong with a claim whose keys are known."""
    faults = []
    faults += [f"'{key}' is {entry[key]!r}, wanted a text" for key in TEXTS if not isinstance(entry.get(key, ""), str)]
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
    for key, choices in CHOICES.items():
        if entry.get(key) and entry[key] not in choices:
            faults.append(f"has the unknown {key} '{entry[key]}' ({key}: {', '.join(choices)})")
    if entry.get("lines") and not LINES.fullmatch(entry["lines"]):
        faults.append(f"has '{entry['lines']}' for 'lines', wanted numbers as in '12' or '12-14, 20'")
    elif _backwards(entry.get("lines", "")):
        faults.append(f"has '{entry['lines']}' for 'lines', where the first comes before the last; turn them round")
    if entry.get("digest") and not (DIGEST.fullmatch(entry["digest"]) and entry.get("lines")):
        faults.append(f"has '{entry['digest']}' for 'digest', wanted sixteen hexadecimal digits, and 'lines' beside it")
    if entry.get("lines") and entry.get("elsewhere"):
        faults.append("stands in 'lines' of the document and 'elsewhere'; leave out one of them")
    judge, reason = entry.get("judge", ""), entry.get("reason", "")
    if bool(judge) == bool(reason):
        faults.append("wants either a judge or a reason why there is none")
    elif judge and judge not in judges:
        faults.append(f"names the unknown judge '{judge}' (judges: {', '.join(judges)})")
    elif judge and bool(entry.get("rows")) == bool(entry.get("compute")):
        faults.append("wants its evidence either from 'rows' or by 'compute'")
    elif judge not in ("", "printed") and entry.get("shortened", "rounded") != "rounded":
        faults.append(f"is judged by '{judge}', which takes prints for rounded; 'shortened' is for the judge 'printed'")
    elif judge in NEEDS_MARGIN and "margin" not in entry:
        faults.append(f"is judged by '{judge}' and lacks the 'margin' that is declared before any run")
    for key in ("compute", "happens"):
        if entry.get(key) and not FUNCTION.fullmatch(entry[key]):
            faults.append(f"has '{entry[key]}' for '{key}', wanted MODULE.FUNCTION of the study")
    if judge and entry.get("rows") and not {"experiment", "metric"} <= set(entry["rows"]):
        faults.append("wants 'experiment' and 'metric' in its 'rows'")
    return faults
