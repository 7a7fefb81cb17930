"""The declaration: experiments, cases, profiles, and that reading it imports no torch."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from repro.seeds import derive_seed
from repro.study import Outcome, Run, case_json, settings_json
from studies.common.datasets import DIGITS, MNIST, MNIST_10K
from studies.rfnn import study
from studies.rfnn.cases import SCALES, Kernels, Pair, Start

GRIDS = ("scale_grid", "upscaled", "without_bias", "upscaled_without_bias", "normalised")


def test_scales_are_those_of_equation_4_4() -> None:
    assert pytest.approx([0.5, 0.7071, 1, 1.4142, 2], abs=1e-4) == SCALES
    assert (SCALES[0], SCALES[2], SCALES[4]) == (0.5, 1.0, 2.0)


def test_experiments_have_the_cells_of_chapter_4() -> None:
    cells = {name: len(experiment.cases) for name, experiment in study.experiments.items()}
    assert cells == {"cnn_baseline": 16, **dict.fromkeys(GRIDS, 50), "start_of_training": 100}


@pytest.mark.parametrize("name", study.experiments)
def test_every_experiment_names_its_source(name: str) -> None:
    assert "section 4." in study.experiments[name].summary or "(ours" in study.experiments[name].summary


@pytest.mark.parametrize("name", ["cnn_baseline", *GRIDS])
def test_accuracy_and_the_logarithm_of_the_loss_are_judged(name: str) -> None:
    metrics = {metric.name: metric for metric in study.experiments[name].metrics}
    assert list(metrics) == ["accuracy", "loss", "log10_loss", "best_accuracy", "best_epoch"]
    assert [metric.name for metric in metrics.values() if metric.judged] == ["accuracy", "log10_loss"]
    assert [metric.name for metric in metrics.values() if metric.counted] == ["accuracy", "best_accuracy"]
    assert [metric.unit for metric in metrics.values()] == ["%", "nats", "log10 nats", "%", "epoch"]


def test_costs_rank_the_cases() -> None:
    def cost(name: str, case: object) -> float:
        function = study.experiments[name].cost
        assert function is not None
        return function(case)

    assert cost("cnn_baseline", Kernels(9, 9)) > cost("cnn_baseline", Kernels(3, 3))
    listed, described = (Pair(reading, 1.0, 1.0) for reading in ("as_listed", "as_described"))  # type: ignore[arg-type]
    assert cost("upscaled", listed) > cost("scale_grid", described) > cost("scale_grid", listed)


class TestProfiles:
    def selected(self, profile: str) -> dict[str, int]:
        count: dict[str, int] = {}
        for experiment, _ in study.select(profile):
            count[experiment.name] = count.get(experiment.name, 0) + 1
        return count

    def test_smoke_is_both_readings_of_the_scale_grid_on_digits(self) -> None:
        assert self.selected("smoke") == {"scale_grid": 50}
        assert study.profiles["smoke"].data is DIGITS

    def test_lite_is_the_listed_reading_on_a_sixth_of_mnist(self) -> None:
        assert self.selected("lite") == {"cnn_baseline": 16, "scale_grid": 25, "without_bias": 25}
        assert all(getattr(case, "reading", "as_listed") == "as_listed" for _, case in study.select("lite"))
        assert study.profiles["lite"].data is MNIST_10K
        assert 10_000 // study.profiles["lite"].settings.batch == pytest.approx(60_000 // 500, rel=0.2)

    def test_paper_is_the_protocol_of_section_4_2(self) -> None:
        profile = study.profiles["paper"]
        assert settings_json(profile.settings) == (
            '{"batch":500,"control_epochs":30,"epochs":20,"gain":"uniform","image_size":28,"learning_rate":0.001}'
        )
        assert set(self.selected("paper")) == set(study.experiments)
        assert (profile.data, profile.device, profile.replicates, profile.golden_seeds) == (MNIST, "cuda", 5, 5)

    def test_the_paper_alone_answers_claims(self) -> None:
        assert [name for name, profile in study.profiles.items() if profile.faithful] == ["paper"]
        for name in ("smoke", "lite"):
            text = study.profiles[name].cannot_answer
            assert "--profile paper" in text
            assert "\n" not in text


def run(experiment: str, case: object, replicate: int, profile: str = "smoke") -> object:
    """Make one run of a single epoch."""
    declared, text = study.profiles[profile], case_json(case)
    seed = derive_seed(study.name, experiment, text, replicate)
    settings = dataclasses.replace(declared.settings, epochs=1)
    made = Run(study.name, experiment, profile, text, replicate, seed, settings, declared.data)
    return study.experiments[experiment].function(case, made)


def test_same_replicate_same_outcome_and_the_next_another() -> None:
    case = Pair("as_listed", 1.0, 0.5)
    outcome = run("scale_grid", case, 0)
    assert isinstance(outcome, Outcome)
    assert outcome.status == "ok"
    assert set(outcome.values) == {metric.name for metric in study.experiments["scale_grid"].metrics}
    assert outcome.n_test == 360
    assert outcome.values["accuracy"] > 70
    assert outcome == run("scale_grid", case, 0)
    other = run("scale_grid", case, 1)
    assert isinstance(other, Outcome)
    assert outcome.curves["loss"] != other.curves["loss"]


def test_start_of_training_returns_its_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studies.rfnn.measured.start.IMAGES", 5)
    monkeypatch.setattr("studies.rfnn.measured.start.ITERATIONS", 1)
    values = run("start_of_training", Start("as_listed", 2.0, 2.0, "raw"), 0)
    assert isinstance(values, dict)
    assert set(values) == {metric.name for metric in study.experiments["start_of_training"].metrics}


def imported(statement: str) -> set[str]:
    """Return which heavy packages a fresh interpreter has imported after a statement."""
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split()) & {"torch", "torchvision", "sklearn", "scipy"}


def test_reading_the_declaration_imports_no_torch() -> None:
    assert imported("import studies.rfnn") == set()
    assert "torch" in imported("import studies.rfnn.model.network")
