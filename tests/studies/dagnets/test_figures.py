"""The figures show what was computed, need no colour, and say what they lack."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

from repro.audit import evidence
from repro.errors import NothingSelectedError
from repro.study import Figure
from studies.dagnets import study
from studies.dagnets.figures import curves, happens, judged
from studies.dagnets.measured import moments
from studies.dagnets.published.items import PUBLISHED
from tests.studies.goldens import smoke

METRICS = (
    "train_loss", "loss", "train_error", "error", "train_log10_median", "train_log10_p90", "test_log10_median",
    "test_log10_p90",
)  # fmt: skip


def rows_of(experiment: str, **cases: Any) -> list[dict[str, Any]]:
    """Return result rows of two runs a case, whose curves fall from 4 to 1 or, in the second run, to 3."""
    (field, values), *_ = cases.items()
    found = []
    for value in values:
        for replicate, last in ((0, 1.0), (1, 3.0)):
            common = {
                "experiment": experiment,
                "case": json.dumps({field: value}),
                "replicate": replicate,
                "status": "ok",
            }
            found += [{**common, "metric": name, "value": last, "curve": [4.0, 2.0, last]} for name in METRICS]
            found += [
                {**common, "metric": f"best_{name}_epoch", "value": 3.0, "curve": None} for name in ("loss", "error")
            ]
    return found


FROM_GOLDEN = ("beside", "differing", "trainings")
MADE = [name for name in study.figures if name not in FROM_GOLDEN]
ROWS = [*rows_of("batch_sizes", batch=[10, 100, 1000]), *rows_of("cifar_curves", rate=["constant", "reduced"])]


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    return {name: study.figures[name](ROWS) for name in MADE}


def test_a_table_of_prints_has_every_item(figures: dict[str, Figure]) -> None:
    shown = figures["prints"]
    assert [(row[0], row[1]) for row in shown.rows] == [(item.topic, item.name) for item in PUBLISHED]
    assert f"47 of {len(PUBLISHED)} items" in shown.notes


def test_what_does_not_come_out_is_told_by_the_verdicts(figures: dict[str, Figure]) -> None:
    """An item whose claims hold is not listed, and one that is listed has the verdict that speaks against it."""
    apart = {row[1]: row for row in figures["prints"].rows if len(set(row[5].split(" of "))) > 1}
    assert set(apart) == set(judged.CLAIMS)
    blessed = evidence.verdicts("dagnets")
    verdicts = {item: {blessed[claim] for claim in claims} for item, claims in judged.CLAIMS.items()}
    against = {item for item, found in verdicts.items() if found != {"reproduced"}}
    shown = study.figures["differing"](smoke("dagnets").rows.to_pylist())
    assert {row[0].strip("`") for row in shown.rows} == against
    for row in shown.rows:
        item = row[0].strip("`")
        assert row[3:] == [apart[item][5], ", ".join(verdicts[item]), apart[item][7]]
    assert shown.notes.startswith("47 of 54 items come out to the letter")
    assert all(f"`{item}`" in shown.notes for item in apart if item not in against)


def test_verdicts_decide_what_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted faults: a claim that holds is contradicted, one that is contradicted holds, and an item has none."""
    known = dict(evidence.verdicts("dagnets"))
    planted = known | {"resnet-block64": "erratum", "googlenet-ratio": "reproduced"}
    monkeypatch.setattr(evidence, "verdicts", lambda _: planted)
    monkeypatch.delitem(judged.CLAIMS, "dense_memory")
    listed = {row[0]: row[4] for row in study.figures["differing"](smoke("dagnets").rows.to_pylist()).rows}
    assert (listed["`block`"], listed["`dense_memory`"]) == ("erratum", "no claim")
    assert "`googlenet_ratio`" not in listed


def test_an_item_that_no_longer_agrees_is_listed() -> None:
    """The planted fault: one of the parts that a golden row counts does not come out."""
    rows = smoke("dagnets").rows.to_pylist()
    for row in rows:
        if row["experiment"] == "printed_values" and "softmax" in row["case"] and row["metric"] == "equal":
            row["value"] -= 1
    listed = {row[0]: row[4] for row in study.figures["differing"](rows).rows}
    assert (listed["`softmax`"], listed["`log_softmax`"]) == ("no claim", "no claim")


def test_what_is_trained_is_summed_up_from_golden_rows() -> None:
    rows = smoke("dagnets").rows.to_pylist()
    made = study.figures["trainings"](rows)
    assert [row[:4] for row in made.rows] == [
        ["`training_listing`", "as listed", 20, 20],
        *(["`batch_sizes`", f"{batch} images an update", 5, 20] for batch in ("10", "100", "1,000")),
    ]
    errors = [row["value"] for row in rows if (row["experiment"], row["metric"]) == ("training_listing", "error")]
    mean, low, high = sum(errors) / 20, min(errors), max(errors)
    assert made.rows[0][4] == f"{mean:.3g} ({low:.3g} to {high:.3g})"


def test_runs_are_averaged_by_case(figures: dict[str, Figure]) -> None:
    assert [row[:3] for row in figures["batch_size_curves"].rows] == [[10, 2, 3], [100, 2, 3], [1000, 2, 3]]
    assert figures["batch_size_curves"].rows[0][3] == 2.0
    assert [row[0] for row in figures["cifar_plots"].rows] == ["constant", "reduced"]


@pytest.mark.parametrize("name", ["batch_size_curves", "cifar_plots"])
def test_without_runs_the_figure_says_which_command_makes_some(name: str) -> None:
    unfinished = [{**row, "status": "nonfinite"} for row in ROWS]
    for rows in ([], unfinished):
        with pytest.raises(NothingSelectedError, match="repro run dagnets"):
            study.figures[name](rows)


@pytest.mark.parametrize("name", [name for name in MADE if name != "prints"])
def test_pictures_have_named_axes_and_need_no_colour(name: str, figures: dict[str, Figure]) -> None:
    colors = pytest.importorskip("matplotlib.colors", reason="figures need matplotlib")
    from matplotlib.figure import Figure as Canvas

    canvas, draw = Canvas(), figures[name].draw
    assert draw is not None
    draw(canvas)
    canvas.draw_without_rendering()
    assert any(axes.get_xlabel() for axes in canvas.axes)
    assert any(axes.get_ylabel() for axes in canvas.axes)
    for axes in canvas.axes:
        inks = {colors.to_rgb(line.get_color()) for line in axes.get_lines()}
        assert all(len(set(ink)) == 1 for ink in inks)
        assert all(image.get_cmap().name == "gray" for image in axes.get_images())


def test_the_valley_is_the_paths(figures: dict[str, Figure]) -> None:
    ways = [row[3] for row in figures["valley"].rows]
    wanted = [moments.valley_figures(rule, steep)["way_across"] for steep in moments.STEEP for rule in moments.RULES]
    assert ways == wanted


def test_epochs_count_from_one() -> None:
    assert curves._epochs(curves.np.zeros(3)).tolist() == [1, 2, 3]


def test_each_wording_stands_beside_one_claim() -> None:
    public = {name for name, one in vars(happens).items() if inspect.isfunction(one) and not name.startswith("_")}
    named = [claim.happens for claim in evidence.claims_of("dagnets") if claim.happens]
    assert sorted(named) == sorted(f"figures.happens.{name}" for name in public)
