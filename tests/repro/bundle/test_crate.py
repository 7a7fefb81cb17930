"""The crate is what it says that it is: by the profile's own validator, without a network."""

import json
from pathlib import Path

import pytest

from repro.bundle import attest
from tests.repro.support.bundles import Files

SCHEMA = "http://schema.org/"
ELSEWHERE = {
    "conformsTo": "http://purl.org/dc/terms/conformsTo",
    "File": f"{SCHEMA}MediaObject",
    "sha256": "https://w3id.org/ro/terms/workflow-run#sha256",
}


def issues(files: Files, folder: Path) -> list[str]:
    """What the validator finds that a Process Run Crate must be and this one is not."""
    validator = pytest.importorskip(
        "rocrate_validator",
        reason="needs roc-validator 0.13, which brings 26 packages: pip install roc-validator==0.13.*",
    )
    services = pytest.importorskip("rocrate_validator.services")
    models = pytest.importorskip("rocrate_validator.models")
    assert validator
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    said = json.loads(files[attest.CRATE])
    types = [one["@type"] for one in said["@graph"]]
    words = {key for one in said["@graph"] for key in one if not key.startswith("@")}
    words |= {name for kind in types for name in (kind if isinstance(kind, list) else [kind])}
    # In place of the address that the context is fetched from.
    said["@context"] = {word: SCHEMA + word for word in sorted(words)} | ELSEWHERE
    (folder / attest.CRATE).write_text(json.dumps(said))
    settings = services.ValidationSettings(
        rocrate_uri=str(folder), profile_identifier="process-run-crate-0.5", offline=True,
        requirement_severity=models.Severity.REQUIRED,
    )  # fmt: skip
    return [f"{issue.check.identifier}: {issue.message}" for issue in services.validate(settings).get_issues()]


def test_the_profile_s_requirements_are_kept(packed: Files, tmp_path: Path) -> None:
    assert issues(packed, tmp_path) == []


@pytest.mark.parametrize(("entity", "field"), [("./", "conformsTo"), ("./", "license"), ("#run", "instrument")])
def test_the_validator_would_see_what_is_missing(entity: str, field: str, packed: Files, tmp_path: Path) -> None:
    said = json.loads(packed[attest.CRATE])
    del next(one for one in said["@graph"] if one["@id"] == entity)[field]
    assert issues({**packed, attest.CRATE: attest.dump(said)}, tmp_path)


def test_what_the_profile_requires(packed: Files) -> None:
    """The same in our own words, where the validator is not installed."""
    graph = {one["@id"]: one for one in json.loads(packed[attest.CRATE])["@graph"]}
    assert graph["ro-crate-metadata.json"]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert graph["./"]["conformsTo"] == {"@id": "https://w3id.org/ro/wfrun/process/0.5"}
    assert graph["https://w3id.org/ro/wfrun/process/0.5"]["@type"] == "CreativeWork"
    run = graph[graph["./"]["mentions"]["@id"]]
    assert run["@type"] == "CreateAction"
    assert graph[run["instrument"]["@id"]]["@type"] == "SoftwareApplication"
    assert {one["@id"] for one in run["object"] + run["result"]} <= set(packed)
    assert graph["./"]["license"]["@id"] in graph


def test_a_crate_without_a_licence_says_so(packed: Files) -> None:
    about = dict.fromkeys(("name", "description", "published", "version"), "x") | {
        "licence": "", "commits": [], "images": [], "inputs": [],
    }  # fmt: skip
    files = {name: content for name, content in packed.items() if name not in (*attest.UNHASHED, attest.CRATE)}
    graph = {one["@id"]: one for one in json.loads(attest.crate(files, about))["@graph"]}
    assert graph[graph["./"]["license"]["@id"]]["name"] == "no licence"
