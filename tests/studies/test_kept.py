"""What is kept of a study knows every module that its evidence rests on."""

from __future__ import annotations

import functools
import itertools
import os
from pathlib import Path

import pytest

from repro import registry
from repro.audit import document
from repro.runs import unchanged
from tests.sources import PROJECT, STUDIES, module_of

EVIDENCE = sorted({*PROJECT.glob("studies/*/claims/*.py"), *PROJECT.glob("studies/*/claims.py")})
now = functools.cache(lambda: unchanged.Now({}))


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)


def changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> unchanged.Now:
    """Return what there is where one file has another content."""
    real = unchanged.file
    monkeypatch.setattr(unchanged, "file", lambda name: "another" if name == os.path.abspath(path) else real(name))
    return unchanged.Now({})


@pytest.mark.parametrize("path", EVIDENCE, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_a_change_of_a_module_of_claims_is_seen(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"code:{module_of(path).removesuffix('.__init__')}"
    before = now().of(name)
    assert before
    assert changed(path, monkeypatch).of(name) not in ("", before)


@pytest.mark.parametrize("study", STUDIES)
def test_all_code_of_a_study_can_be_followed(study: str) -> None:
    """What could not be would be judged anew each time."""
    package = registry.package(study)
    modules = {one.compute.rpartition(".")[0] for one in document.claims_of(study) if one.compute}
    assert all(now().of(f"code:{package}.{module}") for module in modules)


def test_a_claim_of_one_module_does_not_know_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that work on one chapter leaves the others' verdicts where they are."""
    one, other = next(
        pair for pair in itertools.pairwise(EVIDENCE)
        if pair[0].parent == pair[1].parent and not any(path.stem in ("__init__", "evidence") for path in pair)
    )  # fmt: skip
    name = f"code:{module_of(other)}"
    assert changed(one, monkeypatch).of(name) == now().of(name)
