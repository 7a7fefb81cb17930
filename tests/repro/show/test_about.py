"""What a report is told of its making, and that it can be made for any study with claims."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from repro.machine.root import VARIABLE
from repro.show import about
from tests.repro.conftest import Cli, toy_source, write_study
from tests.repro.show.test_figures import FIGURES

CLAIMS = """[document]
title = "An invented document"
link = "https://example.invalid/"

[[claim]]
id = "view"
where = "p. 1"
kind = "qualitative"
statement = "It is beautiful."
published = "beautiful"
reason = "opinion"
"""
RECORD = {
    "python": "CPython 3.11.7", "system": "Linux", "machine": "x86_64", "cpu": "a processor", "device": "cpu",
    "threads": 2, "gpu": [{"name": "a card"}], "packages": {"numpy": "2.0", "torch": None, "repro": "1"}, "image": None,
}  # fmt: skip
GOLDEN = Path("golden/montecarlo/smoke.parquet")


@pytest.fixture
def audited(project: Path) -> Path:
    """The toy study with figures and a claim, without results."""
    write_study(project, "montecarlo", toy_source() + FIGURES)
    (project / "studies/montecarlo/claims.toml").write_text(CLAIMS)
    return project


def test_a_study_without_a_golden_has_a_report_that_says_so(audited: Path, cli: Cli) -> None:
    done = cli("report", "montecarlo")
    assert (done.returncode, done.stdout) == (0, "")
    page = (audited / "report.html").read_text()
    assert "There is no golden yet, so no rows." in page  # of the figure that needs none
    assert "Not made: spread: no rows" in page
    assert '<a href="https://example.invalid/" rel="noreferrer">An invented document</a>' in page
    assert "unknown: there is no git here" in page


def test_a_study_without_a_smoke_profile_has_a_report(audited: Path, cli: Cli) -> None:
    source = (audited / "studies/montecarlo/__init__.py").read_text()
    (audited / "studies/montecarlo/__init__.py").write_text(source.replace("smoke=", "small=", 1))
    assert cli("report").returncode == 0


def test_golden_and_results_tell_their_runs_days_commits_and_machines(
    blessed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study(blessed, "montecarlo", toy_source())
    (blessed / "studies/montecarlo/claims.toml").write_text(CLAIMS)
    monkeypatch.setenv(VARIABLE, str(blessed))
    golden, results = about.batches(blessed, "montecarlo")
    assert (golden.golden, results.golden) == (True, False)
    assert golden.runs == 10 * results.runs > 0
    assert len(golden.first) == len("2026-01-02")
    assert golden.first <= golden.last
    assert [len(one) for one in golden.commits] == [12]
    assert golden.machines[0].startswith("CPython 3.")
    (blessed / "results/montecarlo/smoke.parquet").write_bytes(b"nothing")
    _, results = about.batches(blessed, "montecarlo")
    assert "not a readable" in results.fault


def test_a_golden_that_is_not_what_was_blessed_ends_the_report(blessed: Path, cli: Cli) -> None:
    (blessed / "studies/montecarlo/claims.toml").write_text(CLAIMS)
    shutil.copy(blessed / GOLDEN, blessed / GOLDEN.with_suffix(".bands.parquet"))
    assert cli("report", "--without-figures").returncode == 6
    assert not (blessed / "report.html").exists()


def test_a_machine_is_told_by_what_moves_numbers() -> None:
    assert about.machine(RECORD) == "CPython 3.11.7 on Linux x86_64, a processor, 2 threads, numpy 2.0"
    assert "a card" in about.machine({**RECORD, "device": "cuda"})
    assert about.machine({**RECORD, "image": {"id": "x"}}).endswith(", in a container")
    assert about.machine({}) == "no record of the environment"


def test_each_of_several_commits_is_cut() -> None:
    both = f"{'a' * 40}+dirty; mylib {'b' * 40}"
    assert about.short(both) == f"{'a' * 12}+dirty; mylib {'b' * 12}"
