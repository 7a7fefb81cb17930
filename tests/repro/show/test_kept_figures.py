"""A figure of the report is made once, and again as soon as its code or its rows changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from repro.errors import InfrastructureError
from repro.show.figures import Drawn, pictures
from repro.study import Figure
from tests.repro.cli.test_judging import CLAIM
from tests.repro.conftest import Cli

FIGURES = '''

import os

from repro.study import Figure


@study.figure
def counted(rows):
    """How many rows there are."""
    with open(os.environ["ASKED"], "a") as file:
        file.write("counted\\n")

    def draw(canvas):
        canvas.subplots().plot([1, 2])

    return Figure(["rows", "of them"], [[len(rows), None], ["some", 0.5]], "Notes.", draw)


@study.figure
def never(rows):
    """What cannot be made."""
    from repro.errors import NothingSelectedError

    with open(os.environ["ASKED"], "a") as file:
        file.write("never\\n")
    raise NothingSelectedError("never: no rows of it")
'''


@pytest.fixture
def drawn(blessed: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The blessed project, whose study has a figure and one that cannot be made."""
    monkeypatch.setenv("ASKED", str(tmp_path_factory.mktemp("outside") / "asked.txt"))
    study = blessed / "studies/montecarlo"
    (study / "claims.toml").write_text(CLAIM)
    (study / "__init__.py").write_text((study / "__init__.py").read_text() + FIGURES)
    return blessed


def report(project: Path, cli: Cli) -> tuple[list[str], bytes]:
    """Write the report, and return which figures were made, and the file."""
    said = Path(os.environ["ASKED"])
    said.unlink(missing_ok=True)
    done = cli("report", "-q")
    assert done.returncode == 0, done.stderr
    return said.read_text().split() if said.exists() else [], (project / "report.html").read_bytes()


def test_a_figure_is_made_once_and_why_one_cannot_be_is_asked_again(drawn: Path, cli: Cli) -> None:
    first, page = report(drawn, cli)
    again, same = report(drawn, cli)
    assert (first, again) == (["counted", "never"], ["never"])
    assert b"data:image/svg" in page
    assert page == same


def test_a_figure_of_other_code_is_made_again(drawn: Path, cli: Cli) -> None:
    report(drawn, cli)
    path = drawn / "studies/montecarlo/__init__.py"
    path.write_text(path.read_text().replace("[1, 2]", "[2, 1]"))
    assert report(drawn, cli)[0] == ["counted", "never"]


def test_a_figure_of_touched_rows_is_refused_as_ever(drawn: Path, cli: Cli) -> None:
    report(drawn, cli)
    path = drawn / "golden/montecarlo/smoke.md"
    path.write_text(f"{path.read_text()}Changed.\n")
    assert cli("report", "-q").returncode == 6


def test_a_kept_picture_is_not_drawn_on_another_canvas() -> None:
    kept = Figure(["a"], [[1]], draw=Drawn({"svg": b"<svg/>"}))
    assert pictures(kept, "a", ["svg"]) == {"svg": b"<svg/>"}
    with pytest.raises(InfrastructureError, match="kept as svg cannot be drawn"):
        Drawn({"svg": b"<svg/>"})(None)
