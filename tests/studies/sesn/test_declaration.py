"""The declaration: cases, profiles, data of each case, and that reading it imports no torch."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from studies.sesn import study
from studies.sesn.cases import COLUMNS, REALISATIONS, STEERABLE
from studies.sesn.data.scaled import SCALED_MNIST, SCALED_MNIST_SMALL
from studies.sesn.model.mnist import ARCHITECTURES
from studies.sesn.published.table import TABLE_1


def selected(profile: str) -> Counter[str]:
    return Counter(experiment.name for experiment, _ in study.select(profile))


@pytest.mark.parametrize("name", study.experiments)
def test_every_experiment_names_its_source(name: str) -> None:
    summary = study.experiments[name].summary
    assert any(source in summary for source in ("Table 1", "section)", "(ours"))


def test_every_model_of_a_case_exists() -> None:
    cases = [case for experiment in ("scaled_mnist", "plain_cnn") for case in study.experiments[experiment].cases]
    assert {case.model for case in cases} == set(ARCHITECTURES)


def test_paper_makes_the_96_runs_of_table_1() -> None:
    cases = [case for experiment, case in study.select("paper") if experiment.name == "scaled_mnist"]
    assert len(cases) == 8 * 2 * 6
    assert {case.model for case in cases} == set(STEERABLE)
    assert study.profiles["paper"].faithful


def test_paper_follows_the_protocol() -> None:
    mnist, stl10 = study.profiles["paper"].settings.mnist, study.profiles["paper"].settings.stl10
    assert (mnist.epochs, mnist.batch, mnist.learning_rate, mnist.steps) == (60, 128, 0.01, (20, 40))
    assert (stl10.epochs, stl10.batch, stl10.learning_rate, stl10.widen) == (1000, 128, 0.1, 8)
    assert stl10.steps == (300, 400, 600, 800)


def test_each_realisation_runs_on_its_own_data() -> None:
    for profile, sets in (("paper", SCALED_MNIST), ("lite", SCALED_MNIST_SMALL)):
        found = {
            case.realisation: study.profiles[profile].data_of(case)
            for experiment, case in study.select(profile)
            if experiment.name == "scaled_mnist"
        }
        assert found == dict(enumerate(sets))


def test_no_case_of_a_small_profile_reads_the_published_images_but_to_check_them() -> None:
    for profile in ("smoke", "lite"):
        for experiment, case in study.select(profile):
            data = study.profiles[profile].data_of(case)
            if data is not None and data.name in {one.name for one in SCALED_MNIST}:
                assert experiment.name == "published_data"


def test_small_profiles_hold_every_small_network_with_and_without_augmentation() -> None:
    count = selected("smoke")
    assert (count["scaled_mnist"], count["plain_cnn"]) == (4, 2)
    count = selected("lite")
    assert (count["scaled_mnist"], count["plain_cnn"], count["published_data"]) == (6, 6, len(REALISATIONS))


def test_smoke_needs_no_data_from_elsewhere() -> None:
    assert all(not data.files for data in study.data_sets("smoke"))


def test_columns_are_those_of_the_printed_table() -> None:
    assert tuple(column.name for column in TABLE_1) == COLUMNS


def test_costs_rank_the_networks() -> None:
    cost = study.experiments["scaled_mnist"].cost
    assert cost is not None
    costs = {case.model: cost(case) for case in study.experiments["scaled_mnist"].cases}
    assert max(costs, key=costs.__getitem__).startswith(("vector_56", "scalar_56"))


def test_reading_the_declaration_imports_neither_torch_nor_scikit_learn() -> None:
    program = "import studies.sesn, sys; print(sorted({'torch', 'sklearn', 'scipy', 'PIL'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
