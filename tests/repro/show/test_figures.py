"""A figure is computed from a table's rows, says which, and is written with the same bytes each time."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from repro.errors import UsageError
from repro.machine.terminal import columns
from repro.show import figures, tabular
from repro.study import Figure, Profile, Study
from tests.repro.cli.test_main import loaded_by
from tests.repro.conftest import Cli, commit, toy_source, write_study
from tests.repro.support.forked import command
from tests.sources import PROJECT

TABLES = ("md", "csv", "tex")  # of every figure
FILES = (*TABLES, "svg", "png")  # of one that draws

FIGURES = '''

from repro.errors import NothingSelectedError
from repro.study import Figure

@study.figure
def spread(rows):
    """Mean and largest distance from pi, by shape."""
    if not rows:
        raise NothingSelectedError("spread: no rows; `repro run montecarlo` makes some")
    found = {}
    for row in rows:
        if row["metric"] == "pi":
            shape = "disc" if "disc" in row["case"] else "sphere"
            found.setdefault(shape, []).append(abs(row["value"] - math.pi))

    def draw(canvas):
        axes = canvas.subplots()
        axes.bar([*found], [max(values) for values in found.values()])
        axes.set_ylabel("largest distance")

    lines = [[shape, len(values), sum(values) / len(values), None] for shape, values in found.items()]
    return Figure(["shape|kind", "runs", "mean", "gap"], lines, notes="Distances are absolute.", draw=draw)


@study.figure
def counted(rows):
    """How many rows there are."""
    return Figure(["rows"], [[len(rows)]])
'''


@pytest.fixture
def shown(project: Path) -> Path:
    """The toy study with two figures."""
    write_study(project, "montecarlo", toy_source() + FIGURES)
    return project


def test_figures_are_listed_with_their_docstrings(shown: Path, cli: Cli) -> None:
    listed = cli("figures", "montecarlo")
    assert [line.split("  ")[0] for line in listed.stdout.splitlines()] == ["figure", "spread", "counted"]
    assert "Mean and largest distance from pi, by shape." in listed.stdout
    assert json.loads(cli("figures", "montecarlo", "--json").stdout)[1] == {
        "figure": "counted",
        "what": "How many rows there are.",
    }
    assert "figures (`repro figures montecarlo`): spread, counted" in cli("show", "montecarlo").stdout
    assert json.loads(cli("show", "montecarlo", "--json").stdout)["figures"] == ["spread", "counted"]
    for arguments in (["figures", "montecarlo"], ["figures", "montecarlo", "counted"]):
        assert loaded_by(shown, arguments) == []


def test_the_figure_of_the_page_works(project: Path, cli: Cli) -> None:
    page = (PROJECT / "docs/adding-a-study.md").read_text()
    figure = re.findall(r"```python\n(.*?)```", page.partition("\n## Figures\n")[2], re.S)[0]
    write_study(project, "montecarlo", toy_source() + figure)
    assert cli("figures", "montecarlo").stdout in (PROJECT / "docs/tutorial.md").read_text()
    assert cli("figures", "montecarlo", "spread").returncode == 5
    assert cli("run", "montecarlo", "-q").returncode == 0
    assert cli("figures", "montecarlo", "spread", "--out", "figures").returncode == 0
    assert len([*(project / "figures").iterdir()]) == len(FILES)


def test_a_study_without_figures_says_so(project: Path, cli: Cli) -> None:
    assert cli("figures", "montecarlo").stdout == "study 'montecarlo' has no figures\n"
    nothing = cli("figures", "montecarlo", "--out", "figures")
    assert (nothing.returncode, nothing.stdout) == (5, "")
    assert nothing.stderr == "repro figures: study 'montecarlo' has no figures to write to figures\n"
    assert not (project / "figures").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["spraed"], 2, "no figure 'spraed'; did you mean 'spread'? (figures: spread, counted)"),
        (["spread", "--profile", "smok"], 2, "did you mean 'smoke'?"),
        (["--results", "none.parquet"], 2, "which figure? name one, or all by --out FOLDER (figures: spread, counted)"),
        (["--results", "none.parquet", "--out", "figures"], 5, "none.parquet: no such table"),
        (["spread", "--results", "none.parquet"], 5, "none.parquet: no such table"),
    ],
)
def test_a_mistake_is_one_line(shown: Path, cli: Cli, arguments: list[str], code: int, said: str) -> None:
    done = cli("figures", "montecarlo", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_a_table_the_rows_are_none(shown: Path, cli: Cli) -> None:
    none = cli("figures", "montecarlo", "counted")
    assert none.stdout == "rows\n   0\n"
    assert "no result table and no golden: computed from no rows" in none.stderr
    refused = cli("figures", "montecarlo", "spread")
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
        done = cli("figures", "montecarlo", "counted", *more)
        return done.stdout.split()[-1], done.stderr

    assert counted("--results", "two.parquet") == ("24", "computed from two.parquet\n")
    assert counted() == ("120", "computed from results/montecarlo/smoke.parquet\n")
    assert counted("-q") == ("120", "")
    (shown / "results/montecarlo/smoke.parquet").unlink()
    assert counted() == ("120", "computed from golden/montecarlo/smoke.parquet\n")
    foreign = cli("figures", "montecarlo", "counted", "--profile", "paper", "--results", "two.parquet")
    assert foreign.returncode == 2
    assert "two.parquet: the rows are of montecarlo/smoke; wanted montecarlo/paper" in foreign.stderr


def test_a_figure_says_where_its_rows_are_of_other_code(shown: Path, cli: Cli) -> None:
    """Printed, written, and for machines; while the code is the rows', nothing is said."""
    assert cli("run", "montecarlo", "-q").returncode == 0
    assert "other code" not in cli("figures", "montecarlo", "counted").stdout
    source = shown / "studies/montecarlo/__init__.py"
    before = source.read_text()
    source.write_text(before.replace("2 * dimensions", "3 * dimensions"))
    assert source.read_text() != before
    note = "Of the 18 runs in these rows 18 are of other code, settings, data or units than are here"
    done = cli("figures", "montecarlo", "counted", "--out", "figures")
    assert (done.returncode, note in done.stdout) == (0, True)
    assert note in (shown / "figures/counted.md").read_text()
    assert note in json.loads(cli("figures", "montecarlo", "counted", "--json").stdout)["notes"]
    assert cli("figures", "montecarlo", "--out", "all").returncode == 0
    assert note in (shown / "all/spread.md").read_text()


def test_the_table_is_printed_and_written_with_its_picture(shown: Path, cli: Cli) -> None:
    assert cli("run", "montecarlo", "-q").returncode == 0
    done = cli("figures", "montecarlo", "spread", "--out", "figures")
    assert done.returncode == 0
    assert re.match(r"shape\|kind  runs +mean  gap\ndisc           9  0\.\d+", done.stdout), done.stdout
    assert done.stdout.endswith("\n\nDistances are absolute.\n")
    assert [line for line in done.stderr.splitlines() if line.startswith("wrote")] == [
        f"wrote figures/spread.{kind}" for kind in FILES
    ]
    page = (shown / "figures/spread.md").read_text()
    assert page.startswith(
        "# spread\n\nMean and largest distance from pi, by shape.\n\n| shape\\|kind | runs | mean | gap |"
    )
    assert "| --- | --: | --: | --- |" in page
    assert "![spread](spread.svg)" in page
    assert "Made by `repro figures montecarlo spread`, from 36 result rows." in page
    assert (shown / "figures/spread.png").read_bytes().startswith(b"\x89PNG")
    one = json.loads(cli("figures", "montecarlo", "spread", "--json").stdout)
    assert (one["figure"], one["rows"][0][0], one["written"]) == ("spread", "disc", [])


def test_a_figure_without_a_picture_needs_no_matplotlib(shown: Path, cli: Cli) -> None:
    assert loaded_by(shown, ["figures", "montecarlo", "counted", "--out", "figures"]) == []
    assert sorted(path.name for path in (shown / "figures").iterdir()) == [f"counted.{kind}" for kind in sorted(TABLES)]


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_all_figures_are_made_as_each_alone(shown: Path, cli: Cli) -> None:
    assert cli("run", "montecarlo", "-q", "--results", "some.parquet").returncode == 0
    for name in ("spread", "counted"):
        assert cli("figures", "montecarlo", name, "--results", "some.parquet", "--out", "each").returncode == 0
    done = cli("figures", "montecarlo", "--results", "some.parquet", "--out", "all")
    names = [*(f"spread.{kind}" for kind in FILES), *(f"counted.{kind}" for kind in TABLES)]
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == ["computed from some.parquet", *(f"wrote all/{name}" for name in names)]
    assert written(shown / "all") == written(shown / "each")
    assert sorted(written(shown / "all")) == sorted(names)
    printed = cli("figures", "montecarlo", "--results", "some.parquet", "--out", "all", "--json")
    found = json.loads(printed.stdout)
    assert [(one["figure"], len(one["written"])) for one in found] == [("spread", len(FILES)), ("counted", len(TABLES))]
    assert printed.stderr == "computed from some.parquet\n"


def test_a_figure_that_needs_rows_stops_no_other(shown: Path, cli: Cli) -> None:
    more = """

from repro.errors import InfrastructureError


@study.figure
def elsewhere(rows):
    \"\"\"What another machine could show.\"\"\"
    raise InfrastructureError("elsewhere: no such machine here; ask for one")


@study.figure
def last(rows):
    \"\"\"The last.\"\"\"
    return Figure(["x"], [[1]])
"""
    write_study(shown, "montecarlo", toy_source() + FIGURES + more)
    done = cli("figures", "montecarlo", "-q", "--out", "figures")
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.splitlines() == [
        "repro figures: figure 'spread' is not made: spread: no rows; `repro run montecarlo` makes some",
        "repro figures: figure 'elsewhere' is not made: elsewhere: no such machine here; ask for one",
    ]
    assert sorted(written(shown / "figures")) == [
        f"{name}.{kind}" for name in ("counted", "last") for kind in sorted(TABLES)
    ]
    printed = cli("figures", "montecarlo", "-q", "--out", "figures", "--json")
    assert printed.returncode == 5
    assert [one["figure"] for one in json.loads(printed.stdout)] == ["counted", "last"]


def test_what_is_no_figure_stops_no_other(shown: Path, cli: Cli) -> None:
    broken = FIGURES.replace(
        'raise NothingSelectedError("spread: no rows; `repro run montecarlo` makes some")', "return 7"
    )
    write_study(shown, "montecarlo", toy_source() + broken)
    done = cli("figures", "montecarlo", "-q", "--out", "figures")
    assert done.returncode == 2
    assert "figure 'spread' of study 'montecarlo' returned int" in done.stderr
    assert sorted(written(shown / "figures")) == [f"counted.{kind}" for kind in sorted(TABLES)]


def test_a_mistake_in_a_figure_s_code_is_not_passed_over(shown: Path, cli: Cli) -> None:
    """The planted fault: it is named with its place and ends the verb with its code, whatever else was made."""
    faulty = FIGURES.replace(
        'raise NothingSelectedError("spread: no rows; `repro run montecarlo` makes some")', "rows[0]"
    )
    write_study(shown, "montecarlo", toy_source() + faulty)
    done = cli("figures", "montecarlo", "-q", "--out", "figures")
    assert done.returncode == 2
    assert "study 'montecarlo': IndexError: list index out of range (studies/montecarlo/__init__.py:" in done.stderr


def test_two_processes_write_the_same_bytes_whatever_the_user_s_settings(shown: Path) -> None:
    assert subprocess.run(command("run", "montecarlo", "-q"), cwd=shown, check=False).returncode == 0
    (shown / "loud").mkdir()
    (shown / "loud/matplotlibrc").write_text("figure.facecolor: red\nsvg.hashsalt: other\nfont.size: 30\n")
    sets = []
    for number, extra in enumerate(({}, {"PYTHONHASHSEED": "1", "SOURCE_DATE_EPOCH": "7", "MATPLOTLIBRC": "loud"})):
        out = shown / f"out-{number}"
        run = command("figures", "montecarlo", "spread", "-q", "--out", str(out))
        assert subprocess.run(run, cwd=shown, env={**os.environ, **extra}, check=False).returncode == 0
        sets.append(written(out))
    assert sets[0] == sets[1]
    assert {name: b"Date" in content or b"Matplotlib" in content for name, content in sets[0].items()} == dict.fromkeys(
        [f"spread.{kind}" for kind in FILES], False
    )


def made(folder: Path, value: float) -> dict[str, bytes]:
    def draw(canvas) -> None:
        canvas.subplots().plot([0, 1], [0, value])

    shown = Figure(["x"], [[value]], draw=draw)
    study = Study("toy", smoke=Profile(None))
    study.figures["line"] = lambda rows: shown
    return {path.name: path.read_bytes() for path in figures.write(folder, study, "line", shown, "hand")}


def test_another_value_gives_other_bytes(tmp_path: Path) -> None:
    one, again, other = (made(tmp_path / name, value) for name, value in (("a", 1.0), ("b", 1.0), ("c", 1.5)))
    assert one == again
    assert {name: one[name] != other[name] for name in one} == {f"line.{kind}": True for kind in FILES}


def test_a_date_or_chance_in_the_bytes_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: matplotlib as it comes stamps a date and salts its identifiers by chance."""
    monkeypatch.setattr(figures, "FORMATS", {"svg": {}, "png": {}})
    monkeypatch.setattr(figures, "STYLE", {})
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
                f"from tests.repro.show.test_figures import made; made(Path({str(tmp_path)!r}), 1.0)\n"
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
        Figure(headers, rows)


def test_a_figure_is_declared_once() -> None:
    study = Study("toy", smoke=Profile(None))

    @study.figure
    def table(rows):
        """A table."""
        return Figure(["x"], [])

    with pytest.raises(UsageError, match="declares figure 'table' twice"):
        study.figure(table)


def test_what_is_no_figure_is_refused(shown: Path, cli: Cli) -> None:
    write_study(shown, "montecarlo", toy_source() + FIGURES.replace('Figure(["rows"], [[len(rows)]])', "len(rows)"))
    refused = cli("figures", "montecarlo", "counted", "-q")
    assert refused.returncode == 2
    assert "figure 'counted' of study 'montecarlo' returned int; return a repro.study.Figure" in refused.stderr


def test_numbers_stand_to_the_right_with_gaps_between_them() -> None:
    assert columns(["a", "b"], [["x", 1.0], ["yy", None]], show=tabular.shown) == "a   b\nx   1\nyy"
    assert tabular.shown(math.pi) == "3.14159"
    assert figures.markdown("n", "w", Figure(["a\nb"], [["x|y"]]), "hand").splitlines()[4:7] == [
        "| a b |",
        "| --- |",
        "| x\\|y |",
    ]


def test_a_folder_that_cannot_be_written_to_is_named(shown: Path, cli: Cli) -> None:
    (shown / "taken").write_text("a file")
    done = cli("figures", "montecarlo", "counted", "--out", "taken")
    assert done.returncode == 7
    assert "--out taken: cannot write counted.md there (File exists)" in done.stderr
    assert "Traceback" not in done.stderr
