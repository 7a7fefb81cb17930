"""What a bundle says of itself: an in-toto statement about a run's check, and an RO-Crate that lists the files.

https://github.com/in-toto/attestation (Statement v1, predicate test-result v0.1) and
https://www.researchobject.org/ro-crate (1.1, by the profile Process Run Crate 0.5), made by their own libraries.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from repro import __version__
from repro.errors import CANNOT_COMPARE, PASS, IntegrityError

STATEMENT, SIGNATURE, CRATE = "statement.json", "statement.json.sig", "ro-crate-metadata.json"
UNHASHED = (STATEMENT, SIGNATURE)  # the statement cannot hold its own hash; what signs it comes after it
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
VERSION = re.compile(r"[0-9]+(\.[0-9]+){0,3}[a-z0-9.+]{0,40}", re.ASCII)
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
MEDIA = {
    ".json": "application/json", ".jsonl": "application/jsonl", ".md": "text/markdown", ".cff": "application/yaml",
    ".parquet": "application/vnd.apache.parquet", ".toml": "application/toml", ".sig": "application/x-pem-file",
}  # fmt: skip

Files = Mapping[str, bytes]
Json = dict[str, Any]


def sha256(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def brief(error: Exception) -> str:
    """Return what another library says of an error, on one line of bounded length."""
    return textwrap.shorten(f"{type(error).__name__}: {error}", 200)


def dump(value: Any) -> bytes:
    """Return JSON as a bundle holds it: sorted, indented, ASCII, the same bytes for the same value."""
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode("ascii")


def load(content: bytes, name: str) -> Any:
    """Return what a bundle's JSON says. Raise IntegrityError for what two programs could read in two ways."""

    def once(pairs: list[tuple[str, Any]]) -> Json:
        if len({key for key, _ in pairs}) != len(pairs):
            raise ValueError("a key stands twice")
        return dict(pairs)

    def number(word: str) -> float:
        if not math.isfinite(float(word)):  # what is beyond the largest number, and NaN
            raise ValueError(f"{word} is no number")
        return float(word)

    try:
        text = content.decode("utf-8")
        return json.loads(text, object_pairs_hook=once, parse_float=number, parse_constant=number)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{name}: not readable as JSON ({brief(error)})") from error


# The statement


def result_of(check: Json) -> str:
    """Return the word of a test result for a check: WARNED where something could not be compared or is not settled."""
    if check["exit_code"] == PASS:
        return "WARNED" if check["counts"].get("suspicious") else "PASSED"
    return "WARNED" if check["exit_code"] == CANNOT_COMPARE else "FAILED"


def statement(files: Files, check: Json, inputs: Sequence[str]) -> bytes:
    """Return the statement that these files are the evidence of this check; `inputs` names what it was held to."""
    from google.protobuf.json_format import MessageToDict
    from in_toto_attestation.predicates.test_result.v0.test_result_pb2 import TestResult
    from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
    from in_toto_attestation.v1.statement import Statement

    described = {name: ResourceDescriptor(name, digest={"sha256": sha256(files[name])}).pb for name in sorted(files)}
    words = {
        "agrees": "passed_tests", "underpowered": "passed_tests", "suspicious": "warned_tests",
        "cannot compare": "warned_tests",
    }  # fmt: skip
    tests: dict[str, list[str]] = {"passed_tests": [], "warned_tests": [], "failed_tests": []}
    for finding in check["findings"]:
        name = " ".join(part for part in (finding["experiment"], finding["metric"], finding["case"]) if part)
        tests[words.get(finding["verdict"], "failed_tests")].append(name or "the table")
    for named in tests.values():
        named.sort()  # findings of one gravity stand by distances, whose last bits differ between machines
    predicate = TestResult(result=result_of(check), configuration=[described[name] for name in inputs], **tests)
    made = Statement(list(described.values()), PREDICATE, MessageToDict(predicate))
    made.validate()
    return dump(MessageToDict(made.pb))


def check_statement(files: Files) -> None:
    """Raise IntegrityError unless the statement is valid and its subjects are all files with the hashes they have."""
    from google.protobuf.json_format import ParseDict
    from in_toto_attestation.predicates.test_result.v0.test_result_pb2 import TestResult
    from in_toto_attestation.v1.statement import Statement
    from in_toto_attestation.v1.statement_pb2 import Statement as Message

    said = load(files[STATEMENT], STATEMENT)
    try:
        made = Statement.copy_from_pb(ParseDict(said, Message()))
        made.validate()
        ParseDict(said["predicate"], TestResult())
    except Exception as error:  # whatever the library meets in what a stranger wrote
        raise IntegrityError(f"{STATEMENT}: no valid in-toto statement of a test ({brief(error)})") from error
    if made.pb.predicate_type != PREDICATE:
        raise IntegrityError(f"{STATEMENT}: is about '{made.pb.predicate_type}', wanted {PREDICATE}")
    subjects = Counter(subject.name for subject in made.pb.subject)
    listed = set(files) - set(UNHASHED)
    if set(subjects) != listed or max(subjects.values()) > 1:
        odd = sorted({*(set(subjects) ^ listed), *(name for name, count in subjects.items() if count > 1)})
        raise IntegrityError(f"{STATEMENT}: does not speak of each file once: {', '.join(odd)}")
    for subject in made.pb.subject:
        if dict(subject.digest) != {"sha256": sha256(files[subject.name])}:
            raise IntegrityError(f"{subject.name}: is not the file that the statement speaks of (its SHA-256 differs)")


# The crate


def crate(files: Files, about: Json) -> bytes:
    """Return the RO-Crate's description: every file with its SHA-256, and the run that made the results.

    `about` holds name, description, published (when the newest run ended), licence (a file's name, or none), commits,
    images, inputs (what the run is held to) and the version of this tool that packed it.
    """
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    made = ROCrate(version="1.1")

    def entity(identifier: str, **facts: Any) -> ContextEntity:
        return made.add(
            ContextEntity(made, identifier, {("@type" if key == "type" else key): facts[key] for key in facts})
        )

    made.name, made.description, made.datePublished = about["name"], about["description"], about["published"]
    for name in sorted({*files, STATEMENT}):
        facts: Json = {"name": name, "encodingFormat": MEDIA.get("." + name.rpartition(".")[2], "text/plain")}
        if name != STATEMENT:
            facts |= {"sha256": sha256(files[name]), "contentSize": str(len(files[name]))}
        made.add_file(dest_path=name, properties=facts)
    unlicensed = "No licence came with these files; ask whoever made them."
    made.license = (
        made.dereference(about["licence"])
        if about["licence"]
        else entity("#no-licence", type="CreativeWork", name="no licence", description=unlicensed)
    )
    profile = entity(PROFILE, type="CreativeWork", name="Process Run Crate", version="0.5")
    made.root_dataset["conformsTo"] = profile
    tool = entity("#repro", type="SoftwareApplication", name="repro", softwareVersion=about["version"])
    tool["identifier"] = [*about["commits"], *about["images"]]
    run = entity("#run", type="CreateAction", name=about["name"], endTime=about["published"])
    run["description"] = about["description"]
    run["instrument"] = tool
    run["object"] = [made.dereference(name) for name in about["inputs"]]
    run["result"] = [made.dereference(name) for name in ("results.parquet", "check.json")]
    made.root_dataset["mentions"] = run
    return dump(made.metadata.generate())


def version_of(crate: Any) -> str:
    """Return which version of this tool a crate says that it was packed by, this one's where it says none."""
    graph = crate.get("@graph") if isinstance(crate, dict) else None
    tools = (
        [one for one in graph if isinstance(one, dict) and one.get("@id") == "#repro"]
        if isinstance(graph, list)
        else []
    )
    said = tools[0].get("softwareVersion") if tools else None
    return said if isinstance(said, str) and VERSION.fullmatch(said) else __version__
