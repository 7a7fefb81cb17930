"""The verb: where evidence comes from, what it prints and writes, and when it exits with what."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from repro import registry
from repro.audit import admitted, blessed, claims, document, evidence
from repro.audit.changes import changes as beside_blessed
from repro.audit.claims import Claim
from repro.audit.judges import JUDGES
from repro.audit.verdicts import Judgement, Runs
from repro.cli import judging
from repro.errors import DEVIATION, PASS, InfrastructureError, IntegrityError, NothingSelectedError, UsageError
from repro.runs.rows import Row
from repro.show import exports, pages
from repro.study import Metric, Profile, Study, case_json, grid
from tests.repro.support.evidence import row as evidence_row


@dataclass(frozen=True)
class Case:
    """The cases of the toy study."""

    a: int


CLAIM = Claim("toy", "it", "section 1", "count", "Something.", ("3",), 7, judge="count", compute="claims.three")


def toy(data: Any = None) -> Study:
    study = Study(
        "toy", smoke=Profile(None, data, cannot_answer="all"), paper=Profile(None, faithful=True),
    )  # fmt: skip

    @study.experiment(grid(Case, a=(1, 2)), metrics=("m", Metric("k")), deterministic=True)
    def fixed(case: Any, run: Any) -> dict[str, float]:
        """Count."""
        return {"m": 1.0, "k": 2.0}

    @study.experiment(grid(Case, a=(1, 2)), metrics=("m",))
    def drawn(case: Any, run: Any) -> dict[str, float]:
        """Draw."""
        return {"m": float(run.seed)}

    return study


def row(experiment: str, value: float, replicate: int, a: int = 1, status: str = "ok") -> Row:
    return evidence_row(experiment, "m", case_json(Case(a)), replicate, value, status=status)


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, list[Row]]:
    """Stand in for the rows of profiles that are evidence."""
    held: dict[str, list[Row]] = {}
    monkeypatch.setattr(registry, "root", lambda: tmp_path)

    def of(_study: Study, profile: str, experiment: str) -> admitted.Admitted:
        return admitted.Admitted([one for one in held.get(profile, []) if one.experiment == experiment])

    monkeypatch.setattr(admitted, "of", of)
    return held


def by_rows(judge: str = "count", **rows: Any) -> Claim:
    return Claim("toy", "it", "1", "count", "S.", ("1",), 7, judge=judge, rows=rows, margin=1.0)


class StandsIn:
    content, stands_in_for = "x", "real"


class TestEvidence:
    def test_a_figure_that_no_seed_moves_may_come_from_a_small_profile(self, tables: Any) -> None:
        tables["smoke"] = [row("fixed", 1.0, replicate) for replicate in range(3)]
        assert evidence.evidence_of(toy(), by_rows(experiment="fixed", metric="m", a=1)) == 1.0

    def test_one_that_a_stand_in_enters_may_not(self, tables: Any) -> None:
        tables["smoke"] = [row("fixed", 1.0, 0)]
        found = evidence.evidence_of(toy(StandsIn()), by_rows(experiment="fixed", metric="m", a=1))
        assert isinstance(found, evidence.Missing)

    def test_what_is_measured_may_not_come_from_a_small_profile_either(self, tables: Any) -> None:
        """A time, say: no seed moves the experiment, and the profile still decides how much of it was measured."""
        tables["smoke"] = [row("fixed", 1.0, replicate) for replicate in range(9)]
        found = evidence.evidence_of(toy(), by_rows("threshold", experiment="fixed", metric="m", a=1))
        assert isinstance(found, evidence.Missing)

    def test_what_is_drawn_comes_from_faithful_rows_only(self, tables: Any) -> None:
        asked = by_rows("interval", experiment="drawn", metric="m", a=1)
        tables["smoke"] = [row("drawn", 1.0, replicate) for replicate in range(9)]
        missing = evidence.evidence_of(toy(), asked)
        assert isinstance(missing, evidence.Missing)
        assert "repro run toy --profile paper --experiment drawn --where a=1" in missing.what
        tables["paper"] = [row("drawn", 1.0, 0), row("drawn", 2.0, 1), row("drawn", 9.0, 2, status="nonfinite")]
        assert evidence.evidence_of(toy(), asked) == Runs((1.0, 2.0), diverged=1)

    def test_nothing_found_is_inconclusive_and_says_what_is_missing(self, tables: Any) -> None:
        found = document.judge(toy(), by_rows("interval", experiment="drawn", metric="m", a=1))
        assert (found.verdict, found.more) == ("inconclusive", 5)

    @pytest.mark.parametrize(
        ("rows", "words"),
        [
            ({"experiment": "fixd", "metric": "m", "a": 1}, "no experiment 'fixd'; did you mean 'fixed'"),
            ({"experiment": "fixed", "metric": "mm", "a": 1}, "has no metric 'mm'"),
            ({"experiment": "fixed", "metric": "m", "a": 3}, "0 cases of 'fixed'"),
            ({"experiment": "fixed", "metric": "m"}, "2 cases of 'fixed'"),
            ({"experiment": "fixed", "metric": "m", "b": 1}, "0 cases of 'fixed'"),
        ],
    )
    def test_an_empty_or_unclear_selection_is_an_error_with_its_place(self, tables: Any, rows: Any, words: str) -> None:
        with pytest.raises(UsageError, match=words) as raised:
            document.judge(toy(), by_rows(**rows))
        assert "claims.toml:7: claim 'it'" in str(raised.value)

    def test_a_deterministic_figure_with_two_values_is_an_error(self, tables: Any) -> None:
        tables["smoke"] = [row("fixed", 1.0, 0), row("fixed", 2.0, 1)]
        with pytest.raises(UsageError, match="has 2 values"):
            document.judge(toy(), by_rows(experiment="fixed", metric="m", a=1))


class TestCompute:
    def computed(self, monkeypatch: pytest.MonkeyPatch, function: Any) -> Judgement:
        module = Namespace(three=function)
        monkeypatch.setattr(evidence.importlib, "import_module", lambda name: module)
        return document.judge(toy(), CLAIM)

    def test_a_function_of_the_study_gives_the_evidence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.computed(monkeypatch, lambda: 3).verdict == "reproduced"
        assert self.computed(monkeypatch, lambda: 4).verdict == "erratum"

    def test_one_that_raises_is_an_error_and_no_verdict(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken() -> int:
            raise ZeroDivisionError("by zero")

        with pytest.raises(UsageError, match=r"claims\.toml:7: claim 'it': judge 'count' fails: ZeroDivisionError"):
            self.computed(monkeypatch, broken)

    def test_one_that_is_not_there_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(evidence.importlib, "import_module", lambda name: Namespace())
        with pytest.raises(UsageError, match=r"studies/toy/: module 'claims' has no function 'three'"):
            document.judge(toy(), CLAIM)

    def test_a_module_that_is_not_there_is_named(self) -> None:
        with pytest.raises(UsageError, match="studies/toy/ has no module 'claims'"):
            document.judge(toy(), CLAIM)


def records(*verdicts: str) -> list[dict[str, Any]]:
    found = [
        document.Audited(
            Claim("toy", f"c{n}", "s", "count", "S | t.", ("3",), n + 1, judge="count"), Judgement(one, "e\nf"), 0.0
        )  # type: ignore[arg-type]
        for n, one in enumerate(verdicts)
    ]
    return [one.record for one in found]


def changes(root: Path, now: list[dict[str, Any]], *, studies: list[str], whole: bool) -> list[str]:
    """Return what an audit says of verdicts, held to those blessed below a root."""
    return [change.line for change in beside_blessed(blessed.held(root), now, studies=studies, whole=whole)]


class TestGolden:
    def test_changed_new_and_gone_verdicts_are_seen(self, tmp_path: Path) -> None:
        from repro.audit.blessed import bless_audit

        path = blessed.path_of(tmp_path)
        bless_audit(tmp_path, records("reproduced", "erratum"), reason="first", studies=["toy"])
        assert changes(tmp_path, records("reproduced", "erratum"), studies=["toy"], whole=True) == []
        assert changes(tmp_path, records("erratum", "erratum"), studies=["toy"], whole=True) == [
            "changed  toy c0: was reproduced, is erratum"
        ]
        assert changes(tmp_path, records("reproduced"), studies=["toy"], whole=True)[0].startswith("gone     toy c1")
        assert changes(tmp_path, records("reproduced"), studies=["toy"], whole=False) == []
        three = records("reproduced", "erratum", "inconclusive")
        assert changes(tmp_path, three, studies=["toy"], whole=True)[0].startswith("new      toy c2")
        assert "| toy | c1 | erratum |" in path.with_suffix(".md").read_text()

    def test_another_print_is_a_change(self, tmp_path: Path) -> None:
        from repro.audit.blessed import bless_audit

        now = records("reproduced")
        bless_audit(tmp_path, now, reason="first", studies=["toy"])
        now[0]["published"] = ["3.0"]
        assert "was published as 3, is 3.0" in changes(tmp_path, now, studies=["toy"], whole=True)[0]

    def test_a_reason_is_needed_and_other_studies_stay(self, tmp_path: Path) -> None:
        from repro.audit.blessed import bless_audit

        path = blessed.path_of(tmp_path)
        with pytest.raises(UsageError, match="the reason is empty"):
            bless_audit(tmp_path, records("reproduced"), reason=" ", studies=["toy"])
        other = [{**one, "study": "other"} for one in records("erratum")]
        bless_audit(tmp_path, other, reason="a", studies=["other"])
        bless_audit(tmp_path, records("reproduced"), reason="b", studies=["toy"])
        assert [row["study"] for row in blessed.read(path)] == ["other", "toy"]

    def test_a_file_that_is_no_table_of_verdicts_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "audit.parquet"
        path.write_bytes(b"nothing")
        with pytest.raises(IntegrityError, match="not a readable table of verdicts"):
            blessed.read(path)


class TestPage:
    def test_counts_of_blessed_verdicts_stand_between_the_marks(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from repro.audit.blessed import bless_audit

        monkeypatch.setattr(registry, "folder", lambda name: tmp_path / "studies" / name)
        bless_audit(tmp_path, records("reproduced", "erratum", "erratum"), reason="a", studies=["toy"])
        (tmp_path / "studies/toy").mkdir(parents=True)
        entry = (
            '[[claim]]\nid = "c{}"\nwhere = "s"\nkind = "count"\nstatement = "S."\npublished = "3"\nreason = "opinion"'
        )
        (tmp_path / "studies/toy/claims.toml").write_text("\n".join(entry.format(n) for n in range(3)))
        text = "before\n<!-- verdicts -->\nold\n<!-- /verdicts -->\nafter\n"
        made = pages.with_counts(text, tmp_path, "page.md")
        assert "| toy | 3 | 1 | 0 | 0 | 2 | 0 | 0 | 0 | 0 | 0 |" in made.splitlines()
        assert (made.startswith("before\n"), made.endswith("after\n"), "old" in made) == (True, True, False)
        assert pages.with_counts(made, tmp_path, "page.md") == made
        with pytest.raises(UsageError, match=r"page\.md: wanted one block"):
            pages.with_counts("nothing", tmp_path, "page.md")


class TestExports:
    def test_junit_counts_failures_and_what_is_undecided(self) -> None:
        found = records("reproduced", "erratum", "inconclusive")
        suite = ElementTree.fromstring(exports.junit(exports.of_claims(found, strict=True)))[0]
        assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
        assert suite[1][0].tag == "failure"

    def test_sarif_points_at_the_claim(self) -> None:
        items = exports.of_claims(records("reproduced", "erratum"), strict=True)
        run = json.loads(exports.sarif("repro audit", items))["runs"][0]
        assert [one["level"] for one in run["results"]] == ["error"]
        place = run["results"][0]["locations"][0]["physicalLocation"]
        assert place == {"artifactLocation": {"uri": "studies/toy/claims.toml"}, "region": {"startLine": 2}}

    def test_sarif_points_at_a_study_wherever_its_project_has_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package = tmp_path / "of-a-package" / "toy"
        for root, folder, uri in (
            (tmp_path, tmp_path / "toy", "toy/claims.toml"),
            (tmp_path / "a", package, "toy/claims.toml"),
        ):
            monkeypatch.setattr(registry, "root", lambda root=root: root)
            monkeypatch.setattr(registry, "folder", lambda _name, folder=folder: folder)
            assert [one.uri for one in exports.of_claims(records("erratum"))] == [uri]

    def test_markdown_keeps_a_claim_on_one_line(self) -> None:
        lines = exports.markdown(records("reproduced")).splitlines()
        assert lines[4] == "| c0 | s | 3 | e f | reproduced |"


class TestVerb:
    @pytest.fixture
    def given(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setattr(registry, "root", lambda: tmp_path)
        monkeypatch.setattr(registry, "load", lambda name: toy())
        monkeypatch.setattr(registry, "names", lambda: ["toy"])
        folder = tmp_path / "studies" / "toy"
        folder.mkdir(parents=True)
        (folder / "claims.toml").write_text(
            '[[claim]]\nid = "it"\nwhere = "1"\nkind = "count"\nstatement = "S."\npublished = "3"\njudge = "count"\n'
            'compute = "claims.three"\n'
        )
        answer = {"value": 3}
        monkeypatch.setattr(evidence.importlib, "import_module", lambda name: Namespace(three=lambda: answer["value"]))
        options: dict[str, Any] = {
            "study": None, "claim": [], "verdict": [], "strict": False, "bless": None, "json": False, "quiet": True,
            "anew": False,
            "junit_xml": None, "page": None, "codecheck": None, "document": None, "sarif": None, "markdown": None,
        }  # fmt: skip
        return lambda value=3, **changed: (
            answer.update(value=value),
            judging.audit(Namespace(**{**options, **changed})),
        )[1]

    def test_exit_codes(self, given: Any, capsys: pytest.CaptureFixture[str]) -> None:
        assert given() == PASS  # not blessed yet
        assert given(bless="first") == PASS
        assert given() == PASS
        assert given(value=4) == DEVIATION  # another verdict
        assert given(value=4, bless="it is wrong") == PASS
        assert given(value=4) == PASS  # contradicted, and known
        assert given(value=4, strict=True) == DEVIATION
        assert "erratum" in capsys.readouterr().out

    def test_a_document_that_no_claim_names_a_passage_of_is_noted(
        self, given: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "document.txt").write_text("Three.\n")
        assert given(document=tmp_path / "document.txt", quiet=False) == PASS
        assert "note: toy: no claim names 'lines', so none was held to" in capsys.readouterr().err

    def test_a_claim_in_full_and_one_that_is_not_there(self, given: Any, capsys: pytest.CaptureFixture[str]) -> None:
        given(bless="first")
        assert given(study="toy", claim=["it"]) == PASS
        assert "repro audit toy --claim it" in capsys.readouterr().out
        with pytest.raises(UsageError, match="has no claim 'that'"):
            given(study="toy", claim=["that"])
        with pytest.raises(UsageError, match="name the study"):
            given(claim=["it"])
        with pytest.raises(UsageError, match="leave out --claim"):
            given(study="toy", claim=["it"], bless="some")

    def test_codecheck_lists_the_figures_of_a_folder(self, given: Any, tmp_path: Path) -> None:
        import yaml

        study = toy()
        study.figures["one"] = lambda rows: None  # type: ignore[assignment,return-value]
        study.figures["one"].__doc__ = "A 'first': figure."
        folder = tmp_path / "figures"
        folder.mkdir()
        for name in ("one.csv", "one.md", "foreign.csv"):
            (folder / name).write_text("")
        path = exports.codecheck(folder, study, records("reproduced", "erratum", "erratum"))
        assert path.read_text().startswith("---\n")
        found = yaml.safe_load(path.read_text())
        assert [one["file"] for one in found["manifest"]] == ["one.csv", "one.md"]
        assert found["manifest"][0]["comment"] == "A 'first': figure. `repro figures toy one`"
        assert found["summary"] == "3 claims: 2 erratum, 1 reproduced."
        with pytest.raises(NothingSelectedError, match="no figure of toy"):
            exports.codecheck(tmp_path, study, [])
        with pytest.raises(UsageError, match="no such folder"):
            exports.codecheck(tmp_path / "gone", study, [])
        with pytest.raises(UsageError, match="name the study"):
            given(codecheck=folder)

    def test_a_file_that_cannot_be_written_is_one_line(self, given: Any, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(InfrastructureError, match="cannot be written"):
            given(markdown=tmp_path / "file" / "c.md")

    def test_strict_fails_in_a_report_where_it_fails(self, given: Any, tmp_path: Path) -> None:
        path = tmp_path / "a.xml"
        for options, code in (({"bless": "it is wrong"}, PASS), ({}, DEVIATION)):
            assert given(value=4, strict=True, junit_xml=path, **options) == code
            assert f'failures="{code}"' in path.read_text()

    def test_json_and_files(self, given: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        given(json=True, junit_xml=tmp_path / "a" / "b.xml", markdown=tmp_path / "c.md")
        assert json.loads(capsys.readouterr().out)[0]["verdict"] == "reproduced"
        assert (tmp_path / "a" / "b.xml").exists()
        assert (tmp_path / "c.md").exists()


def test_a_claim_alone_has_the_verdict_it_has_among_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two differences at p = 0.03 each are shown one by one and not together."""
    entries = tuple(
        Claim("toy", f"c{n}", "s", "value", "S.", ("3",), n + 1, judge="interval", margin=1) for n in (0, 1)
    )
    monkeypatch.setattr(registry, "load", lambda name: toy())
    monkeypatch.setattr(document, "claims_of", lambda name: entries)
    monkeypatch.setattr(document, "judge", lambda study, claim: Judgement("not reproduced", "far", p=0.03))
    assert [one.judgement.verdict for one in document.judge_study("toy")] == ["inconclusive"] * 2
    assert [one.judgement.verdict for one in document.judge_study("toy", ["c1"])] == ["inconclusive"]


def test_judges_and_claims_know_one_another() -> None:
    assert set(claims.NEEDS_MARGIN) < set(JUDGES)
