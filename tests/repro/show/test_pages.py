"""The tables of a page are what golden rows come to, and a page that cannot be made anew stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from repro.errors import InfrastructureError, IntegrityError, UsageError
from repro.machine import files
from repro.show import pages
from tests.repro.conftest import Cli, commit, toy_source, write_study
from tests.repro.show.test_figures import FIGURES

BLOCK = "<!-- table: montecarlo smoke counted -->\n{}\n<!-- /table -->"
PAGE = f"# A page\n\nBefore.\n\n{BLOCK.format('old')}\n\nAfter.\n"
MADE = "\n| rows |\n| --: |\n| 120 |\n\nFrom the golden rows of montecarlo, profile smoke.\n"


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        pages.blocks(text, "page.md")
    return str(caught.value)


class TestBlocks:
    def test_they_are_found_in_order_with_their_lines(self) -> None:
        text = PAGE + "\n  <!--table:  other lite  some -->\n<!--/table-->"
        found = [(one.where, one.last, one.study, one.profile, one.figure) for one in pages.blocks(text, "page.md")]
        assert found == [
            ("page.md, line 5", 7, "montecarlo", "smoke", "counted"),
            ("page.md, line 11", 12, "other", "lite", "some"),
        ]

    def test_a_listing_shows_blocks_and_holds_none(self) -> None:
        assert pages.blocks(f"```\n{PAGE}```\n~~~html\n<!-- /table -->\n~~~\n", "page.md") == []

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (PAGE.replace("<!-- /table -->", ""), "page.md, line 5: the table 'montecarlo smoke counted' does not end"),
            (
                BLOCK.partition("{")[0] + BLOCK.format(""),
                "page.md, line 2: a table begins before the one of line 1 ends; put <!-- /table --> between them",
            ),
            ("one\n<!-- /table -->", "page.md, line 2: a table ends here and none began"),
            ("<!-- table: montecarlo smoke -->", "page.md, line 1: a table names STUDY PROFILE FIGURE, got 'montec"),
            ("<!-- table: -->", "line 1: a table names STUDY PROFILE FIGURE, got 'nothing'; write <!-- table: STUDY"),
        ],
    )
    def test_a_mistake_is_one_line_with_its_place(self, text: str, said: str) -> None:
        assert said in refusal(text)
        assert "\n" not in refusal(text)

    def test_every_block_is_written_and_the_rest_stays(self) -> None:
        text = f"a\n{BLOCK.format('x')}\nb\n{BLOCK.format('')}\nc\n"
        counted = iter("21")  # from below, so that line numbers stay true
        made = pages.rewritten(text, "page.md", lambda block: f"new {next(counted)}\n{block.first}")
        wanted = [BLOCK.format(f"\nnew {number}\n{line}\n") for number, line in ((1, 2), (2, 6))]
        assert made == f"a\n{wanted[0]}\nb\n{wanted[1]}\nc\n"
        counted = iter("21")
        assert pages.rewritten(text, "page.md", lambda block: None) == text

    def test_writing_twice_is_writing_once(self) -> None:
        once = pages.rewritten(PAGE, "page.md", lambda block: "| a |")
        assert pages.rewritten(once, "page.md", lambda block: "| a |") == once


class TestFiles:
    def test_a_page_is_replaced_and_keeps_its_permissions(self, tmp_path: Path) -> None:
        page = tmp_path / "page.md"
        page.write_text("old")
        page.chmod(0o640)
        files.write(page, "neu: ü")
        assert (pages.read(page), page.stat().st_mode & 0o777) == ("neu: ü", 0o640)
        assert [*tmp_path.iterdir()] == [page]

    def test_a_page_that_cannot_be_replaced_stays(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        page = tmp_path / "page.md"
        page.write_text("old")

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        with pytest.raises(
            InfrastructureError, match=r"page\.md: cannot be written \(No space left on device\), and is as it was"
        ):
            files.write(page, "new")
        assert page.read_text() == "old"
        assert [*tmp_path.iterdir()] == [page]

    def test_no_page_and_no_text_are_told_apart(self, tmp_path: Path) -> None:
        for path in (tmp_path / "none.md", tmp_path):
            with pytest.raises(UsageError, match="no such page; wanted a Markdown file with blocks"):
                pages.read(path)
        (tmp_path / "page.md").write_bytes(b"ab\xff")
        with pytest.raises(IntegrityError, match="not UTF-8 at byte 2"):
            pages.read(tmp_path / "page.md")


@pytest.fixture(scope="module")
def blessed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a golden of the toy study, smoke, ten seeds, and of its log."""
    import subprocess

    from tests.repro.support.forked import command

    folder = tmp_path_factory.mktemp("blessed")
    write_study(folder, "montecarlo", toy_source() + FIGURES)
    (folder / ".gitignore").write_text("/results/\n__pycache__/\n")
    commit(folder)
    for arguments in (["run", "montecarlo", "--replicates", "10", "-q"], ["bless", "montecarlo", "--reason", "first"]):
        assert subprocess.run(command(*arguments), cwd=folder, check=False).returncode == 0
    golden = folder / "golden"
    return {path.relative_to(golden).as_posix(): path.read_bytes() for path in golden.rglob("*") if path.is_file()}


@pytest.fixture
def documented(project: Path, blessed: dict[str, bytes]) -> Path:
    """The toy study with its figures, its golden, and a page."""
    write_study(project, "montecarlo", toy_source() + FIGURES)
    (project / "golden/montecarlo").mkdir(parents=True)
    for name, content in blessed.items():
        (project / "golden" / name).write_bytes(content)
    (project / "page.md").write_text(PAGE)
    return project


class TestVerb:
    def test_a_page_is_written_from_golden_rows(self, documented: Path, cli: Cli) -> None:
        done = cli("figures", "montecarlo", "--page", "page.md")
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == "page.md: 1 table of montecarlo written\n"
        assert (documented / "page.md").read_text() == PAGE.replace("old", MADE)
        again = cli("figures", "montecarlo", "--page", "page.md", "--json")
        assert json.loads(again.stdout) == {
            "page": "page.md",
            "study": "montecarlo",
            "changed": False,
            "tables": [{"line": 5, "profile": "smoke", "figure": "counted"}],
        }

    def test_the_store_is_not_looked_at(self, documented: Path, cli: Cli) -> None:
        assert cli("run", "montecarlo", "--replicates", "1", "-q").returncode == 0
        assert "computed from results" in cli("figures", "montecarlo", "counted").stderr
        assert cli("figures", "montecarlo", "--page", "page.md", "-q").returncode == 0
        assert (documented / "page.md").read_text() == PAGE.replace("old", MADE)

    def test_a_changed_digit_is_set_right(self, documented: Path, cli: Cli) -> None:
        (documented / "page.md").write_text(PAGE.replace("old", MADE.replace("120", "121")))
        assert cli("figures", "montecarlo", "--page", "page.md").stderr.endswith("written\n")
        assert (documented / "page.md").read_text() == PAGE.replace("old", MADE)

    def test_notes_stand_below_the_table(self, documented: Path, cli: Cli) -> None:
        (documented / "page.md").write_text(BLOCK.replace("counted", "spread").format(""))
        assert cli("figures", "montecarlo", "--page", "page.md").returncode == 0
        text = (documented / "page.md").read_text()
        assert "|\n\nDistances are absolute.\n\nFrom the golden rows of montecarlo" in text

    def test_another_study_s_tables_are_left_alone(self, documented: Path, cli: Cli) -> None:
        write_study(documented, "second", toy_source().replace('"montecarlo"', '"second"'))
        other = BLOCK.replace("montecarlo", "second").format("as it was")
        (documented / "page.md").write_text(f"{other}\n{PAGE}")
        assert cli("figures", "montecarlo", "--page", "page.md").returncode == 0
        assert (documented / "page.md").read_text() == f"{other}\n{PAGE.replace('old', MADE)}"

    @pytest.mark.parametrize(
        ("text", "arguments", "code", "said"),
        [
            (PAGE.replace("counted", "countde"), [], 2, "line 5: study 'montecarlo' has no figure 'countde'; did you"),
            (
                PAGE.replace("smoke", "smok"),
                [],
                2,
                "page.md, line 5: study 'montecarlo' has no profile 'smok'; did you",
            ),
            (
                f"{PAGE}{BLOCK.replace('montecarlo', 'montecalro').format('')}",
                [],
                2,
                "page.md, line 10: no study 'montecalro'; did you mean 'montecarlo'? (studies: montecarlo)",
            ),
            (PAGE.replace("<!-- /table -->", ""), [], 2, "page.md, line 5: the table 'montecarlo smoke counted' does"),
            (PAGE.replace("smoke", "paper"), [], 3, "page.md, line 5: golden/montecarlo/paper.parquet: no such golden"),
            ("# No table\n", [], 5, "page.md: no table of study 'montecarlo' on this page; write <!-- table: STUDY"),
            (PAGE, ["counted"], 2, "the rows are the golden's; leave out FIGURE"),
            (PAGE, ["--out", "there", "--profile", "paper"], 2, "leave out --out, --profile"),
            (PAGE, ["--results", "some.parquet"], 2, "leave out --results"),
        ],
    )
    def test_a_mistake_is_one_line_and_the_page_stays(
        self, documented: Path, cli: Cli, text: str, arguments: list[str], code: int, said: str
    ) -> None:
        (documented / "page.md").write_text(text)
        before = sorted(path.name for path in documented.iterdir())
        done = cli("figures", "montecarlo", *arguments, "--page", "page.md")
        assert (done.returncode, done.stdout) == (code, "")
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert (documented / "page.md").read_text() == text
        assert sorted(path.name for path in documented.iterdir() if path.name != "__pycache__") == before

    def test_a_page_that_is_missing_is_said(self, documented: Path, cli: Cli) -> None:
        done = cli("figures", "montecarlo", "--page", "gone.md")
        assert done.returncode == 2
        assert done.stderr.startswith("repro figures: gone.md: no such page; wanted a Markdown file")
        assert not (documented / "gone.md").exists()

    def test_golden_rows_that_were_touched_are_refused(self, documented: Path, cli: Cli) -> None:
        import pyarrow.parquet as pq

        from repro.runs import table

        path = documented / "golden/montecarlo/smoke.parquet"
        table.write_file(path, pq.read_table(path).slice(1))
        done = cli("figures", "montecarlo", "--page", "page.md")
        assert done.returncode == 6
        assert "page.md, line 5: golden of montecarlo/smoke: its rows are not what was blessed in line 1" in done.stderr
        assert (documented / "page.md").read_text() == PAGE

    def test_a_figure_that_needs_other_rows_is_said(self, documented: Path, cli: Cli) -> None:
        source = FIGURES.replace("if not rows:", "if rows:")
        write_study(documented, "montecarlo", toy_source() + source)
        (documented / "page.md").write_text(PAGE.replace("counted", "spread"))
        done = cli("figures", "montecarlo", "--page", "page.md")
        assert done.returncode == 5
        assert "page.md, line 5: spread: no rows; `repro run montecarlo` makes some" in done.stderr
