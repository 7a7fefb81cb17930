"""What other tools read of a check and an audit says what the exit code says, row by row and claim by claim."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from repro import registry
from repro.audit.changes import VerdictChange
from repro.audit.claims import Claim
from repro.audit.document import Audit, Audited
from repro.audit.verdicts import ERROR, VERDICTS, Judgement
from repro.errors import DEVIATION
from repro.golden import stored
from repro.golden.findings import GRAVITY, CheckResult, Finding, ordered
from repro.show import exports
from repro.show.exports import Item
from tests.repro.support.synthetic import golden_of, invented


def results_of(items: list[Item]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(exports.sarif("repro", items))["runs"][0]["results"]
    return found


def suites(items: list[Item]) -> dict[str, tuple[int, int, int]]:
    """Return failures, skipped and errors of each suite."""
    names = ("failures", "skipped", "errors")
    return {
        str(suite.get("name")): tuple(int(suite.get(name, "")) for name in names)  # type: ignore[misc]
        for suite in ElementTree.fromstring(exports.junit(items))
    }


def row(word: str, place: int = 0, **changed: Any) -> Finding:
    return Finding(word, "why", "noisy", f'{{"x":{place}}}', "loss", **changed)


class TestACheck:
    """A row is failed where it is why a check does not end with 0."""

    @pytest.mark.parametrize("power", [False, True])
    @pytest.mark.parametrize("word", GRAVITY)
    def test_every_form_and_the_exit_code_agree(self, word: str, power: bool) -> None:
        result = CheckResult(ordered([row("agrees"), row(word, 1)]))
        code = result.exit_code_with_power() if power else result.exit_code
        items = exports.of_findings("toy/smoke", "golden/toy/smoke.md", result.findings, power=power)
        failures, _, errors = suites(items)["toy/smoke"]
        assert (failures + errors > 0) == (code != 0)
        text = exports.check_markdown("toy/smoke", result, power=power)
        assert text.startswith(f"### toy/smoke: {'FAIL' if code else 'PASS'}: ")
        assert ("noisy | x=1 |" in text) == (code != 0 or word == "suspicious")
        assert code == 0 or [one["level"] for one in results_of(items)] in (["error"], ["warning"])

    def test_nothing_compared_is_no_empty_report(self) -> None:
        assert CheckResult(()).exit_code == 3
        assert suites(exports.of_findings("toy/smoke", "golden/toy/smoke.md", [])) == {"toy/smoke": (1, 0, 0)}

    @pytest.mark.parametrize(
        ("value", "mean", "said"),
        [(1.5, None, "value 1.5"), (None, 1.5, "golden 1.5"), (0.0, 0.0, "value 0, golden 0"), (None, None, "")],
    )
    def test_what_diverged_has_no_number(self, value: float | None, mean: float | None, said: str) -> None:
        """A golden of which every run diverged stood there as 0."""
        items = exports.of_findings("toy/smoke", "g.md", [row("changed", value=value, mean=mean)])
        assert items[0].detail == said
        assert results_of(items)[0]["message"]["text"] == f"noisy x=0 loss: why{f' ({said})' if said else ''}"

    def test_as_many_rows_are_shown_as_github_takes(self) -> None:
        for count in (300, 3000):
            result = CheckResult(ordered([row("deviates", place, score=float(place)) for place in range(count)]))
            text = exports.check_markdown("toy/smoke", result)
            shown = text.count("| deviates |")
            assert 300 <= shown <= count
            assert len(text.encode()) < 65_536
            assert f"| noisy | x={count - 1} |" in text  # the worst
            assert (f"\n{count - shown} more rows are in the other forms" in text) == (shown < count)

    def test_a_row_has_a_fingerprint_whatever_other_rows_are_found(self) -> None:
        some = [row("deviates"), row("deviates", 1), replace(row("corrupt", 1), text="twice"), Finding("corrupt", "a")]
        many = [*some[:1], *(row("deviates", place) for place in range(2, 9)), *some[1:]]
        alone, among = (results_of(exports.of_findings("toy/smoke", "g.md", one)) for one in (some, many))
        prints = [one["partialFingerprints"]["primaryLocationLineHash"] for one in among]
        assert len({*prints}) == len(many)
        assert {one["partialFingerprints"]["primaryLocationLineHash"] for one in alone} < {*prints}
        other = results_of(exports.of_findings("toy/paper", "g.md", some[:1]))
        assert other[0]["partialFingerprints"]["primaryLocationLineHash"] not in prints

    def test_a_row_is_found_in_the_twin(self, tmp_path: Path) -> None:
        golden = golden_of(invented())
        twin = tmp_path / "smoke.md"
        twin.write_text(stored.twin(golden))
        cells = [golden.bands[name].to_pylist() for name in ("experiment", "case", "metric")]
        found = [Finding("deviates", "low", *cell) for cell in zip(*cells, strict=True)]
        lines = twin.read_text().splitlines()
        items = exports.of_findings("invented/smoke", "g.md", found, lines=exports.lines_of(twin))
        assert len({item.line for item in items}) == len(items)
        for item, finding in zip(items, found, strict=True):
            assert f"| {finding.metric} |" in lines[item.line - 1]
        assert exports.lines_of(tmp_path / "gone.md") == {}

    def test_a_bar_in_a_name_parts_no_cells(self, tmp_path: Path) -> None:
        twin = tmp_path / "smoke.md"
        twin.write_text("## noisy\n\n| case | metric |\n|---|---|\n| a=x \\| y | loss | 1 |\n")
        finding = Finding("deviates", "low", "noisy", '{"a":"x | y"}', "loss")
        assert exports.of_findings("i/s", "g.md", [finding], lines=exports.lines_of(twin))[0].line == 5


def audited(name: str, verdict: str, **changed: Any) -> Audited:
    claim = Claim("toy", name, "s", "count", "S.", ("3",), 7, judge="count", **changed)
    return Audited(claim, Judgement(verdict, "4", code=2 if verdict == ERROR else 0), 0.0)  # type: ignore[arg-type]


class TestAnAudit:
    """A claim is failed where it is why an audit does not end with 0."""

    @pytest.mark.parametrize("strict", [False, True])
    @pytest.mark.parametrize("kind", ["", "changed", "new", "gone"])
    @pytest.mark.parametrize("changed", [{}, {"restates": "other"}, {"weight": "definition"}], ids=str)
    @pytest.mark.parametrize("verdict", [*VERDICTS, ERROR])
    def test_every_form_and_the_exit_code_agree(
        self, verdict: str, changed: dict[str, str], kind: str, strict: bool
    ) -> None:
        changes = (VerdictChange(kind, "toy", "it" if kind != "gone" else "went", "was otherwise"),) if kind else ()
        found = Audit((audited("it", verdict, **changed), audited("well", "reproduced")), changes)
        code = found.exit_code or (DEVIATION if strict and found.contradicted else 0)
        items = exports.of_claims(found.records, found.changed, strict=strict)
        failures, _, errors = suites(items)["toy"]
        assert (failures + errors > 0) == (code != 0)
        assert ("error" in [one["level"] for one in results_of(items)]) == (code != 0)
        text = exports.markdown(found.records, items)
        assert text.startswith("### FAIL: ") == (code != 0)
        for form in (exports.junit(items), exports.sarif("repro audit", items), text, json.dumps(found.records)):
            assert (f"{kind}: was otherwise" in form) == (bool(kind) and not (kind == "gone" and form.startswith("[")))

    def test_a_contradiction_that_is_known_is_told_and_fails_nothing(self) -> None:
        items = exports.of_claims(Audit((audited("it", "erratum"),), ()).records)
        case = ElementTree.fromstring(exports.junit(items))[0][0][0]
        assert (case.tag, case.get("message"), case.text) == ("skipped", "erratum: 4", "published: 3\nfound: 4")
        assert [one["level"] for one in results_of(items)] == ["warning"]

    def test_a_claim_that_no_text_can_hold_has_a_fingerprint(self) -> None:
        (item,) = exports.of_claims(Audit((audited("\ud800", "erratum"),), ()).records)
        assert len(exports.fingerprints([item])) == 1

    def test_claims_of_one_line_are_told_apart(self) -> None:
        found = Audit((audited("one", "erratum"), audited("two", "erratum")), ())
        prints = [one["partialFingerprints"] for one in results_of(exports.of_claims(found.records))]
        assert prints[0] != prints[1]


class TestPlaces:
    """Services look from the top of a repository, wherever the project lies below it."""

    @pytest.mark.parametrize("git", ["folder", "file", "none"])  # a file's is that of a worktree or a submodule
    def test_a_project_below_the_top(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, git: str) -> None:
        root = tmp_path / "papers"
        root.mkdir()
        if git == "folder":
            (tmp_path / ".git").mkdir()
        if git == "file":
            (tmp_path / ".git").write_text("gitdir: elsewhere\n")
        monkeypatch.setattr(registry, "root", lambda: root)
        above = "" if git == "none" else "papers/"
        assert exports.place(root / "golden/toy/smoke.md") == f"{above}golden/toy/smoke.md"
        monkeypatch.chdir(root)
        assert exports.place(Path("golden/toy/smoke.md")) == f"{above}golden/toy/smoke.md"
        monkeypatch.setattr(registry, "folder", lambda name: root / "studies" / name)
        (item,) = exports.of_claims(Audit((audited("it", "erratum"),), ()).records)
        assert item.uri == f"{above}studies/toy/claims.toml"

    def test_a_file_elsewhere_stands_where_it_is(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(registry, "root", lambda: tmp_path / "project")
        assert exports.place(tmp_path / "golden.md") == (tmp_path / "golden.md").as_posix()
