"""The declaration: cases, profiles, data of each case, and that reading it imports no torch."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from studies.dagnets import study
from studies.dagnets.cases import Kernel, Rule, Speed
from studies.dagnets.measured.filters import KERNELS
from studies.dagnets.measured.moments import RULES, STEEP
from studies.dagnets.model.networks import CLASSIFIERS
from studies.dagnets.model.resnets import BLOCKS


def selected(profile: str) -> Counter[str]:
    return Counter(experiment.name for experiment, _ in study.select(profile))


@pytest.mark.parametrize("name", study.experiments)
def test_every_experiment_names_its_section(name: str) -> None:
    assert "(section" in study.experiments[name].summary


def test_every_name_of_a_case_exists() -> None:
    def field(experiment: str, name: str) -> set[object]:
        return {getattr(case, name) for case in study.experiments[experiment].cases}

    assert field("edge_kernels", "kernel") == set(KERNELS)
    assert field("descent_rules", "rule") == set(RULES)
    assert field("descent_rules", "steep") == set(STEEP)
    assert field("architectures", "network") == set(CLASSIFIERS)
    assert field("residual_networks", "depth") == set(BLOCKS)
    assert {type(study.experiments[name].cases[0]) for name in ("edge_kernels", "descent_rules", "speed_ups")} == {
        Kernel, Rule, Speed,
    }  # fmt: skip


def test_smoke_needs_no_data_from_elsewhere() -> None:
    assert [data.name for data in study.data_sets("smoke")] == ["digits"]


def test_only_training_is_left_to_chance() -> None:
    chance = {name for name, experiment in study.experiments.items() if not experiment.deterministic}
    assert chance == {"training_listing", "batch_sizes", "cifar_curves"}


def test_paper_runs_everything_on_the_real_data() -> None:
    assert set(selected("paper")) == set(study.experiments)
    assert {data.name for data in study.data_sets("paper")} == {"mnist", "cifar10"}
    settings = study.profiles["paper"].settings
    assert (settings.mnist.epochs, settings.mnist.batch, settings.mnist.learning_rate) == (10, 100, 0.1)
    assert not settings.mnist.shuffled
    assert settings.cifar.reduced_after == 25


def test_lite_names_the_lossy_variant_as_one() -> None:
    (jpeg,) = [data for data in study.data_sets("lite") if data.name.startswith("cifar10")]
    assert jpeg.name == "cifar10-jpeg"
    assert jpeg.stands_in_for == "cifar10"
    assert "lossy" in jpeg.title


def test_reading_the_declaration_imports_nothing_that_computes_or_draws() -> None:
    heavy = {"torch", "numpy", "scipy", "sklearn", "matplotlib", "PIL"}
    program = f"import studies.dagnets, sys; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
