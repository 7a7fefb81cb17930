"""The declaration: cases, profiles, and that reading it imports no torch."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from studies.filters2d import profiles, study
from studies.filters2d.cases import DENSITIES, GENERATORS, PUBLISHED_DENSITY, Channel, Generator, Inverse
from studies.filters2d.data.shapes import positions
from studies.filters2d.profiles import TRAININGS, WITHOUT_TRAINING

FOLDER = Path(profiles.__file__).parent


@pytest.mark.parametrize("name", study.experiments)
def test_every_experiment_names_its_section(name: str) -> None:
    assert study.experiments[name].summary.rstrip(".").endswith(")")
    assert "(section" in study.experiments[name].summary


def test_no_experiment_or_figure_has_the_name_of_a_module() -> None:
    """A module that is imported would take the function's place in the package."""
    modules = {path.stem for path in FOLDER.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert modules & {*study.experiments, *study.figures} == set()


def test_lists_of_experiments_are_complete() -> None:
    assert sorted((*WITHOUT_TRAINING, *TRAININGS)) == sorted(study.experiments)
    trained = {name for name, one in study.experiments.items() if not one.deterministic}
    assert trained == {*TRAININGS, "matched_filter"}


def test_smoke_holds_every_experiment_and_needs_no_data_from_elsewhere() -> None:
    found = Counter(experiment.name for experiment, _ in study.select("smoke"))
    assert set(found) == set(study.experiments)
    assert all(not data.files for data in study.data_sets("smoke"))


def test_the_published_density_is_that_of_10000_images_and_every_profile_has_it() -> None:
    assert pytest.approx(10_000 / positions(128), abs=5e-3) == PUBLISHED_DENSITY
    for name in study.profiles:
        cases = [case for experiment, case in study.select(name) if experiment.name == "square_or_rectangle"]
        assert PUBLISHED_DENSITY in {case.per_position for case in cases}
    smoke = [case for experiment, case in study.select("smoke") if experiment.name == "square_or_rectangle"]
    assert {case.per_position for case in smoke} == set(DENSITIES)


def test_only_paper_is_faithful_and_it_searches_the_notebooks_rates_on_its_data() -> None:
    assert [name for name, profile in study.profiles.items() if profile.faithful] == ["paper"]
    assert study.profiles["paper"].device == "cuda"
    assert {data.name for data in study.data_sets("paper")} == {"mnist", "cifar10"}
    assert len(profiles.WIDE) == 20
    assert (profiles.WIDE[0], profiles.WIDE[-1]) == pytest.approx((1e-6, 1e2))


def test_small_profiles_say_what_they_leave_open() -> None:
    for name in ("smoke", "lite"):
        assert "--profile paper" in study.profiles[name].cannot_answer


def test_each_case_has_its_data() -> None:
    of = profiles.data_of(*("digits", "pictures"))  # type: ignore[arg-type]
    assert of(Inverse("relu", "sgd")) == "pictures"
    assert of(Channel("relu", "sgd")) == "digits"
    found = {name: of(Generator(name)) for name in GENERATORS}
    assert [name for name, data in found.items() if data == "pictures"] == ["mosaic", "colour", "median"]
    assert [name for name, data in found.items() if data == "digits"] == ["channel"]


def test_reading_the_declaration_imports_neither_torch_nor_scikit_learn() -> None:
    program = (
        "import studies.filters2d, sys; print(sorted({'torch', 'sklearn', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
