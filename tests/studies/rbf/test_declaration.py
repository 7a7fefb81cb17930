"""The declaration: cases, profiles, and that reading it imports no torch."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import studies.rbf as package
from studies.rbf import study
from studies.rbf.cases import ADVISED, CHOICES, RECIPES, Choice, Recipe


@pytest.mark.parametrize("name", study.experiments)
def test_every_experiment_names_its_source(name: str) -> None:
    assert any(source in study.experiments[name].summary for source in ("Task 1", "Task 2", "slides)"))


def test_no_experiment_or_figure_has_the_name_of_a_module() -> None:
    """A module that is imported would take the function's place in the package."""
    modules = {path.stem for path in Path(str(package.__file__)).parent.iterdir() if path.suffix in ("", ".py")}
    assert {"cases", "model"} <= modules
    assert modules & {*study.experiments, *study.figures} == set()


def test_every_profile_trains_at_the_advised_rate_for_the_suggested_epochs() -> None:
    for name, profile in study.profiles.items():
        recipes = [case for experiment, case in study.select(name) if experiment.name == "learning_rates"]
        assert ADVISED in recipes
        assert len(recipes) >= 4
        assert profile.settings.epochs >= 100


def test_the_advised_recipe_is_the_documents() -> None:
    assert Recipe("sgd", 1e-4) == ADVISED
    assert len(set(RECIPES)) == len(RECIPES)


def test_an_open_choice_changes_one_thing() -> None:
    plain = Choice()
    assert CHOICES[0] == plain
    for choice in CHOICES[1:]:
        changed = [name for name in ("start", "activation", "kernel") if getattr(choice, name) != getattr(plain, name)]
        assert len(changed) == 1


def test_smoke_holds_every_experiment_and_needs_no_data_from_elsewhere() -> None:
    found = Counter(experiment.name for experiment, _ in study.select("smoke"))
    assert found == {name: len(experiment.cases) for name, experiment in study.experiments.items()}
    assert all(not data.files for data in study.data_sets("smoke"))


def test_only_paper_is_faithful_and_it_trains_on_mnist() -> None:
    assert [name for name, profile in study.profiles.items() if profile.faithful] == ["paper"]
    paper = study.profiles["paper"]
    assert (paper.device, paper.settings.channels) == ("cuda", (32, 32))
    assert [data.name for data in study.data_sets("paper")] == ["mnist"]


def test_small_profiles_say_what_they_leave_open() -> None:
    for name in ("smoke", "lite"):
        assert "--profile paper" in study.profiles[name].cannot_answer


def test_reading_the_declaration_imports_neither_torch_nor_scikit_learn() -> None:
    program = "import studies.rbf, sys; print(sorted({'torch', 'sklearn', 'scipy', 'matplotlib'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
