"""An exhibit is computed from a table's rows, says which, and is written with the same bytes each time."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from repro import exhibits
from repro.errors import UsageError
from repro.study import Exhibit, Profile, Study
from repro.text import columns

from .conftest import PROJECT, Cli, command, commit, toy_source, write_study
from .test_cli import loaded_by

EXHIBITS = '''

from repro.errors import NothingSelectedError
from repro.study import Exhibit


@study.exhibit
def spread(rows):
    """Mean and largest distance from pi, by shape."""
    if not rows:
        raise NothingSelectedError("spread: no rows; `repro run montecarlo` makes some")
    found = {}
    for row in rows:
        if row["metric"] == "pi":
            shape = "disc" if "disc" in row["case"] else "sphere"
            found.setdefault(shape, []).append(abs(row["value"] - math.pi))

    def draw(figure):
        axes = figure.subplots()
        axes.bar([*found], [max(values) for values in found.values()])
        axes.set_ylabel("largest distance")

    lines = [[shape, len(values), sum(values) / len(values), None] for shape, values in found.items()]
    return Exhibit(["shape|kind", "runs", "mean", "gap"], lines, notes="Distances are absolute.", draw=draw)


@study.exhibit
def counted(rows):
    """How many rows there are."""
    return Exhibit(["rows"], [[len(rows)]])
'''


@pytest.fixture
def shown(project: Path) -> Path:
    """The toy study with two exhibits."""
    write_study(project, "montecarlo", toy_source() + EXHIBITS)
    return project


def test_exhibits_are_listed_with_their_docstrings(shown: Path, cli: Cli) -> None:
    listed = cli("exhibit", "montecarlo")
    assert [line.split("  ")[0] for line in listed.stdout.splitlines()] == ["exhibit", "spread", "counted"]
    assert "Mean and largest distance from pi, by shape." in listed.stdout
    assert json.loads(cli("exhibit", "montecarlo", "--json").stdout)[1] == {
        "exhibit": "counted",
        "what": "How many rows there are.",
    }
    assert "exhibits (`repro exhibit montecarlo`): spread, counted" in cli("show", "montecarlo").stdout
    for arguments in (["exhibit", "montecarlo"], ["exhibit", "montecarlo", "counted"]):
        assert loaded_by(shown, arguments) == []


def test_the_exhibit_of_the_page_works(project: Path, cli: Cli) -> None:
    page = (PROJECT / "docs/adding-a-study.md").read_text()
    _, exhibit = re.findall(r"```python\n(.*?)```", page, re.S)
    write_study(project, "montecarlo", toy_source() + exhibit)
    assert cli("exhibit", "montecarlo").stdout in (PROJECT / "docs/tutorial.md").read_text()
    assert cli("exhibit", "montecarlo", "spread").returncode == 5
    assert cli("run", "montecarlo", "-q").returncode == 0
    assert cli("exhibit", "montecarlo", "spread", "--out", "figures").returncode == 0
    assert len([*(project / "figures").iterdir()]) == 3


def test_a_study_without_exhibits_says_so(cli: Cli) -> None:
    assert cli("exhibit", "montecarlo").stdout == "study 'montecarlo' has no exhibits\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["spraed"], 2, "no exhibit 'spraed'; did you mean 'spread'? (exhibits: spread, counted)"),
        (["spread", "--profile", "smok"], 2, "did you mean 'smoke'?"),
        (["--out", "figures"], 2, "which exhibit? name one (exhibits: spread, counted)"),
        (["spread", "--results", "none.parquet"], 5, "none.parquet: no such table"),
    ],
)
def test_a_mistake_is_one_line(shown: Path, cli: Cli, arguments: list[str], code: int, said: str) -> None:
    done = cli("exhibit", "montecarlo", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_a_table_the_rows_are_none(shown: Path, cli: Cli) -> None:
    none = cli("exhibit", "montecarlo", "counted")
    assert none.stdout == "rows\n   0\n"
    assert "no result table and no golden: computed from no rows" in none.stderr
    refused = cli("exhibit", "montecarlo", "spread")
    assert refused.returncode == 5
    assert "spread: no rows" in refused.stderr


def test_rows_come_from_the_table_named_or_the_store_or_the_golden(shown: Path, cli: Cli) -> None:
    commit(shown)
    (shown / ".gitignore").write_text("/results/\n__pycache__/\n")
    subprocess.run(["git", "add", "."], cwd=shown, check=True)
    commit(shown)
    assert cli("run", "montecarlo", "--replicates", "10", "-q").returncode == 0
    assert cli("bless", "montecarlo", "--reason", "first").returncode == 0
    assert cli("run", "montecarlo", "--replicates", "2", "-q", "--results", "two.parquet").returncode == 0

    def counted(*more: str) -> tuple[str, str]:
        done = cli("exhibit", "montecarlo", "counted", *more)
        return done.stdout.split()[-1], done.stderr

    assert counted("--results", "two.parquet") == ("24", "computed from two.parquet\n")
    assert counted() == ("120", "computed from results/montecarlo/smoke.parquet\n")
    assert counted("-q") == ("120", "")
    (shown / "results/montecarlo/smoke.parquet").unlink()
    assert counted() == ("120", "computed from golden/montecarlo/smoke.parquet\n")
    foreign = cli("exhibit", "montecarlo", "counted", "--profile", "paper", "--results", "two.parquet")
    assert foreign.returncode == 2
    assert "two.parquet: the rows are of montecarlo/smoke; wanted montecarlo/paper" in foreign.stderr


def test_the_table_is_printed_and_written_with_its_figure(shown: Path, cli: Cli) -> None:
    assert cli("run", "montecarlo", "-q").returncode == 0
    done = cli("exhibit", "montecarlo", "spread", "--out", "figures")
    assert done.returncode == 0
    assert re.match(r"shape\|kind  runs +mean  gap\ndisc           9  0\.\d+", done.stdout), done.stdout
    assert done.stdout.endswith("\n\nDistances are absolute.\n")
    assert [line for line in done.stderr.splitlines() if line.startswith("wrote")] == [
        f"wrote figures/spread.{kind}" for kind in ("md", "svg", "png")
    ]
    page = (shown / "figures/spread.md").read_text()
    assert page.startswith(
        "# spread\n\nMean and largest distance from pi, by shape.\n\n| shape\\|kind | runs | mean | gap |"
    )
    assert "| --- | --: | --: | --- |" in page
    assert "![spread](spread.svg)" in page
    assert "Made by `repro exhibit montecarlo spread`, from 36 result rows." in page
    assert (shown / "figures/spread.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(cli("exhibit", "montecarlo", "spread", "--json").stdout)["rows"][0][0] == "disc"


def test_an_exhibit_without_a_figure_needs_no_matplotlib(shown: Path, cli: Cli) -> None:
    assert loaded_by(shown, ["exhibit", "montecarlo", "counted", "--out", "figures"]) == []
    assert [path.name for path in (shown / "figures").iterdir()] == ["counted.md"]


def test_two_processes_write_the_same_bytes_whatever_the_user_s_settings(shown: Path) -> None:
    assert subprocess.run(command("run", "montecarlo", "-q"), cwd=shown, check=False).returncode == 0
    (shown / "loud").mkdir()
    (shown / "loud/matplotlibrc").write_text("figure.facecolor: red\nsvg.hashsalt: other\nfont.size: 30\n")
    written = []
    for number, extra in enumerate(({}, {"PYTHONHASHSEED": "1", "SOURCE_DATE_EPOCH": "7", "MATPLOTLIBRC": "loud"})):
        out = shown / f"out-{number}"
        run = command("exhibit", "montecarlo", "spread", "-q", "--out", str(out))
        assert subprocess.run(run, cwd=shown, env={**os.environ, **extra}, check=False).returncode == 0
        written.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert written[0] == written[1]
    assert {
        name: b"Date" in content or b"Matplotlib" in content for name, content in written[0].items()
    } == dict.fromkeys(("spread.md", "spread.svg", "spread.png"), False)


def made(folder: Path, value: float) -> dict[str, bytes]:
    def draw(figure) -> None:
        figure.subplots().plot([0, 1], [0, value])

    shown = Exhibit(["x"], [[value]], draw=draw)
    study = Study("toy", smoke=Profile(None))
    study.exhibits["line"] = lambda rows: shown
    return {path.name: path.read_bytes() for path in exhibits.write(folder, study, "line", shown, "hand")}


def test_another_value_gives_other_bytes(tmp_path: Path) -> None:
    one, again, other = (made(tmp_path / name, value) for name, value in (("a", 1.0), ("b", 1.0), ("c", 1.5)))
    assert one == again
    assert {name: one[name] != other[name] for name in one} == {"line.md": True, "line.svg": True, "line.png": True}


def test_a_date_or_chance_in_the_bytes_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: matplotlib as it comes stamps a date and salts its identifiers by chance."""
    monkeypatch.setattr(exhibits, "FORMATS", {"svg": {}, "png": {}})
    monkeypatch.setattr(exhibits, "FIGURE", {})
    one = made(tmp_path / "a", 1.0)
    assert b"<dc:date>" in one["line.svg"]
    assert b"Matplotlib" in one["line.png"]


def test_drawing_leaves_the_settings_as_they_were(tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    made(tmp_path, 1.0)
    assert dict(matplotlib.rcParams) == before
    assert (
        "matplotlib.pyplot"
        not in subprocess.run(
            [
                sys.executable,
                "-c",
                f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from pathlib import Path\n"
                f"from tests.repro.test_exhibits import made; made(Path({str(tmp_path)!r}), 1.0)\n"
                "print(*[name for name in sys.modules if name.startswith('matplotlib.p')])",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
    )


@pytest.mark.parametrize(
    ("headers", "rows", "said"),
    [(["a"], [[1], [1, 2]], "1 headers, and row 1 has 2 cells"), ([], [], "0 headers, and a table needs some")],
)
def test_a_table_that_is_none_is_refused(headers: list[str], rows: list[list[int]], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Exhibit(headers, rows)


def test_an_exhibit_is_declared_once() -> None:
    study = Study("toy", smoke=Profile(None))

    @study.exhibit
    def table(rows):
        """A table."""
        return Exhibit(["x"], [])

    with pytest.raises(UsageError, match="declares exhibit 'table' twice"):
        study.exhibit(table)


def test_what_is_no_exhibit_is_refused(shown: Path, cli: Cli) -> None:
    write_study(shown, "montecarlo", toy_source() + EXHIBITS.replace('Exhibit(["rows"], [[len(rows)]])', "len(rows)"))
    refused = cli("exhibit", "montecarlo", "counted", "-q")
    assert refused.returncode == 2
    assert "exhibit 'counted' of study 'montecarlo' returned int; return a repro.study.Exhibit" in refused.stderr


def test_numbers_stand_to_the_right_with_gaps_between_them() -> None:
    assert columns(["a", "b"], [["x", 1.0], ["yy", None]], show=exhibits.shown) == "a   b\nx   1\nyy"
    assert exhibits.shown(math.pi) == "3.14159"
    assert exhibits.markdown("n", "w", Exhibit(["a\nb"], [["x|y"]]), "hand").splitlines()[4:7] == [
        "| a b |",
        "| --- |",
        "| x\\|y |",
    ]
