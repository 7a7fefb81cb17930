"""What a reader is told of a bundle that holds together; a stranger's words in it are made plain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from repro.audit import blessed, claims
from repro.audit.judges import JUDGES
from repro.audit.verdicts import NOT_OURS
from repro.bundle import attest
from repro.bundle.pack import PINS
from repro.bundle.words import plain
from repro.golden import log, stored
from repro.machine.terminal import counted
from repro.outside.imported import NOTHING, Imports
from repro.runs import table

SHOWN = 5  # of environments and commits; how many more there are is said

Facts = dict[str, Any]


@dataclass(frozen=True)
class Tables:
    """What a bundle's verified files say."""

    results: pa.Table
    reruns: pa.Table | None
    golden: stored.Golden
    study: str
    profile: str
    imports: Imports = NOTHING


@dataclass(frozen=True)
class Trusted:
    """A log that did not come with the bundle, empty where there is none, and whether the bundle must be held to it."""

    content: bytes
    asked: bool


def of(root: Path, files: attest.Files, found: Tables, ours: Trusted) -> Facts:
    """Return what a reader wants to know of a bundle that holds together."""
    rows, what = found.results, plain(f"{found.study}/{found.profile}")
    runs = set(zip(*(rows[name].to_pylist() for name in ("experiment", "case", "replicate")), strict=True))
    commits = few([plain(one) for one in sorted(set(rows["commit"].to_pylist())) if one], ", ")
    records = [words_of(name, record, files) for name, record in table.environments(rows).items()]
    lines = {
        "run": f"{what}: {rows.num_rows} rows of {len(runs)} runs, "
        f"the last of {pc.max(rows['finished']).as_py():%Y-%m-%d %H:%M} UTC, commit {commits or 'unknown'}",
        "environment": few(records, "; "),
        "golden": of_the_log(root, f"{found.study}/{found.profile}", ours),
        "bands": of_the_bands(found.golden),
    }
    if found.imports.rows:
        lines["imported"] = words_of_imports(found.imports)
    path = claims.path_of(root, found.study)
    if path.exists():
        count = len(claims.load(path, found.study, JUDGES))
        verdicts = blessed.held(root)
        counts = Counter(plain(row["verdict"]) for row in verdicts if row["study"] == found.study)
        said = few([f"{number} {verdict}" for verdict, number in counts.most_common()], ", ")
        lines["claims"] = f"{count}; blessed verdicts: {said or 'none'}"
    return lines


def words_of_imports(imports: Imports) -> str:
    """Say of imported rows what they are: nobody can make them again from what is in a bundle."""
    counts = Counter((plain(row.by), plain(row.file), row.digest) for row in imports.rows)
    said = [
        f"{number} from {file} by {tool} (SHA-256 {digest[:12]})" for (tool, file, digest), number in counts.items()
    ]
    files = few(said, "; ")
    return f"{len(imports.rows)} rows {NOT_OURS}, taken at their word: {files}"


def few(words: list[str], between: str) -> str:
    """Return the first of several words, and how many more there are."""
    more = [f"{len(words) - SHOWN} more"] if len(words) > SHOWN else []
    return between.join([*words[:SHOWN], *more])


def words_of(name: str, record: Mapping[str, Any], files: attest.Files) -> str:
    """Return an environment in a few words, with whether its lock is the bundle's."""
    image, lock = record["image"], record["lock"]
    where = f"image {plain(image['tree'])}" if image else "no image"
    content = files.get(PINS[0])
    same = content is not None and attest.sha256(content) == lock["sha256"]
    pins = "the lock in here" if same and lock["pinned"] else "not pinned by the lock in here"
    return f"{plain(name)} ({plain(record['device'])}, {where}, {pins})"


def of_the_log(root: Path, what: str, ours: Trusted) -> str:
    """Say when and by whom a golden was blessed, and whether a log that did not come with the bundle knows of it."""
    content = log.path_of(root).read_bytes()
    entry = log.newest(log.parse(content, log.NAME), what)
    assert entry is not None  # `log.hold` has seen it
    said = f"blessed {entry['when']} by {plain(entry['who'])}"
    whose = "the one given" if ours.asked else "this project's"
    if not ours.content:
        return f"{said}; there is no log here to hold it to (--log FILE)"
    if content.startswith(ours.content) and content != ours.content:
        return f"{said}; its log goes on where {whose} ends"
    if not ours.content.startswith(content):
        return f"{said}; its log is not {whose}"
    later = log.newest(log.parse(ours.content, log.NAME), what)
    since = (
        "" if later is None or later["number"] == entry["number"] else f", which has blessed {plain(what)} again since"
    )
    return f"{said}; its log is {whose}{since}"


def of_the_bands(golden: stored.Golden) -> str:
    """Say what the bands that were drawn again are, and of how many rows it is for the study to say what they are."""
    counts = Counter(golden.bands["kind"].to_pylist())
    words = counted({kind: counts[kind] for kind in sorted(counts)})
    taken = "; that these are not judged is its word" if counts["recorded"] else ""
    return f"drawn again from {golden.rows.num_rows} golden rows: {words}{taken}"
