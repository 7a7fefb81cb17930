"""What a run records of its curves, and that no aggregate of the measured and training rooms is left unheld."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest

from tests.sources import PROJECT
from tests.studies.trainings import made

LAST = {"rfnn": {"accuracy", "loss"}, "dagnets": {"error", "loss", "train_error", "train_loss", "test_log10_p90"}}
BEST = {
    "rfnn": [("best_accuracy", "accuracy", max), ("best_epoch", "accuracy", max)],
    "dagnets": [("best_loss_epoch", "loss", min), ("best_error_epoch", "error", min)],
    **{
        study: [(name, "validation_error", min) for name in ("validation_error", "best_epoch")]
        for study in ("rbf", "sesn")
    },
}


@pytest.mark.parametrize(
    ("study", "name"),
    [
        ("rfnn", "scale_grid"),
        ("rbf", "learning_rates"),
        ("sesn", "plain_cnn"),
        ("sesn", "stl10"),
        ("dagnets", "cifar_curves"),
        ("filters2d", "colour_matrix"),
        ("filters2d", "circle_or_square"),
    ],
)
def test_what_a_run_records_is_what_its_curves_say(study: str, name: str) -> None:
    found = made(study, name)
    values, curves = found.values, found.curves
    for metric in LAST.get(study, {"train_loss"}):
        assert values[metric] == curves[metric][-1]
    for metric, curve, choose in BEST.get(study, []):
        if metric not in values:  # the last network of STL-10 is tested
            assert name == "stl10"
            continue
        best = choose(curves[curve])
        assert values[metric] == (curves[curve].index(best) + 1 if metric.endswith("epoch") else best)
    for metric, value in values.items():
        base = metric.removeprefix("log10_")
        if base != metric and base in values:
            assert value == pytest.approx(math.log10(values[base]))


# None is left out


AGGREGATES = {"mean", "std", "var", "median", "quantile", "stdev", "pstdev", "fmean", "corrcoef"}
HELD = {  # by test_aggregates.py
    "studies/common/shown.py": {"shown_figures"},
    "studies/dagnets/training.py": {"followed"},
    "studies/dagnets/measured/speed.py": {"measure"},
    "studies/filters2d/measured/blobs.py": {"topology_values"},
    "studies/filters2d/measured/outlines.py": {"error"},
    "studies/filters2d/measured/sequences.py": {"run_smoother"},
    "studies/filters2d/measured/transforms.py": {"correlation", "median_values"},
    "studies/rbf/measured/neighbours.py": {"share_inside"},
    "studies/sesn/measured/averages.py": {"mean", "deviation"},
}
# No seed moves these, and all of them are judged: golden rows hold them to their last digit.
JUDGED = {
    "studies/dagnets/measured/laws.py": {"partial_sums_are_unbiased", "average_before_the_last_layer"},
    "studies/dagnets/measured/shown.py": {"part_figures"},
    "studies/filters2d/measured/filters.py": {"approximation_figures"},
    "studies/filters2d/measured/inputs.py": {"shown_figures"},
    "studies/filters2d/measured/outlines.py": {"mode_figures"},
    "studies/filters2d/measured/transforms.py": {"degrade"},  # a median filter of images
    "studies/rbf/measured/fixed.py": {"activation_figures"},
    "studies/sesn/measured/equivariance.py": {"basis_figures"},
    "studies/sesn/measured/probes.py": {"transform_statistics"},
    "studies/sesn/measured/reanalysis.py": {"sample", "realisation_effect", "average"},
    "studies/sesn/measured/scaling.py": {"scaling_figures"},
    "studies/sesn/measured/shown.py": {"shown_figures"},
}
JUDGED_BY_SEEDS = {"studies/rfnn/measured/start.py": {"start"}}  # every metric of it has a band


def aggregating(path: Path) -> set[str]:
    """Return the functions of a module that take a mean, a deviation or a quantile."""
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    return {
        function.name
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in AGGREGATES
    }


def test_every_aggregate_is_held_or_judged() -> None:
    rooms = ("*/measured/**/*.py", "*/training/**/*.py", "*/training.py", "common/shown.py")
    paths = [path for room in rooms for path in (PROJECT / "studies").glob(room)]
    found = {path.relative_to(PROJECT).as_posix(): aggregating(path) for path in paths}
    wanted = {
        path: HELD.get(path, set()) | JUDGED.get(path, set()) | JUDGED_BY_SEEDS.get(path, set())
        for path in {*HELD, *JUDGED, *JUDGED_BY_SEEDS}
    }
    assert {path: names for path, names in found.items() if names} == wanted


def test_an_aggregate_that_is_new_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "rates.py"
    path.write_text("def spread(x):\n    return x.std()\n\n\ndef first(x):\n    return x[0]\n")
    assert aggregating(path) == {"spread"}
