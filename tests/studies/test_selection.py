"""Images and labels of the test choose nothing: drawn anew, they move the test's own metrics alone, to the bit.

No weight after any update, no network that is evaluated, no checkpoint that is restored, no other metric or curve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from repro import registry
from repro.study import Outcome
from studies.filters2d.training import search
from studies.rbf.training import fitting
from studies.sesn.training import mnist
from tests.studies import trainings
from tests.studies.trainings import UNTRAINED, WITHOUT_SEED, every_training, made, stochastic, watched

CLASSIFIED = {"error", "loss", "log10_loss"}
OF_THE_TEST: Mapping[str, set[str]] = {
    "rfnn": {"accuracy", "loss", "log10_loss", "best_accuracy", "best_epoch"},
    "rbf": {*CLASSIFIED, "neighbour_error"},
    "sesn": CLASSIFIED,
    "dagnets": {*CLASSIFIED, "best_loss_epoch", "best_error_epoch", "test_log10_median", "test_log10_p90"},
    "filters2d": {
        "mse",
        "log10_mse",
        "linear_mse",
        "log10_ratio",
        "batch_error",
        "error",
        "lowest_error",
        "batch_mse",
        "explained",
        "variance",
        "box_mse",
        "log10_over_box",
        "identity_mse",
    },
}
ASKED = ("batch_error", "mse", "accuracy", "error")  # the first that there is: it has to hang on the labels
OF_THE_CLOCK = {"seconds_per_image"}
DRAWS = (1, 2)

Trace = tuple[list[tuple[str, str]], Outcome]


def traced(study: str, name: str, relabelled: int | None = None) -> Trace:
    """Make a run and return what was seen of its weights, and its outcome."""
    seen: list[tuple[str, str]] = []
    with watched(lambda what, weights: seen.append((what, trainings.digest(weights)))):
        outcome = made(study, name, relabelled=relabelled)
    return seen, outcome


def free(study: str, name: str) -> set[str]:
    """Return the metrics that another test, or the clock, may move."""
    return set() if (study, name) in WITHOUT_SEED else OF_THE_TEST[study] | OF_THE_CLOCK


def moved(free: set[str], one: Trace, other: Trace) -> list[str]:
    """Return what differs between two runs and is no figure of the test."""
    (seen, outcome), (also_seen, another) = one, other
    found = ["weights"] if seen != also_seen else []
    for kind in ("values", "curves"):
        mine, others = getattr(outcome, kind), getattr(another, kind)
        assert mine.keys() == others.keys()
        found += [f"{kind}: {name}" for name in mine if name not in free and mine[name] != others[name]]
    return found


@every_training
def test_images_and_labels_of_the_test_choose_nothing(study: str, name: str) -> None:
    plain = traced(study, name)
    assert plain[1].status == "ok"
    assert "update" in dict(plain[0])
    others = [traced(study, name, relabelled) for relabelled in DRAWS]
    assert [moved(free(study, name), plain, other) for other in others] == [[]] * len(DRAWS)
    asked = next((metric for metric in ASKED if metric in free(study, name) & {*plain[1].values}), None)
    values = {outcome.values[asked] for _, outcome in (plain, *others)} if asked else {0, 1}
    assert len(values) > 1, f"other labels left {asked} as it was: nothing was asked"


@pytest.mark.parametrize(("study", "name"), stochastic())
def test_what_is_left_out_trains_nothing(study: str, name: str) -> None:
    if (study, name) in UNTRAINED:
        assert "update" not in dict(traced(study, name)[0])


def test_every_metric_of_the_test_is_one() -> None:
    for study, metrics in OF_THE_TEST.items():
        known = {metric.name for one in registry.load(study).experiments.values() for metric in one.metrics}
        assert metrics <= known
    assert set(OF_THE_TEST) == set(registry.names())


# The checks can fail


def checkpoint_by_the_test(patch: pytest.MonkeyPatch) -> None:
    parts_of = fitting.parts_of

    def mixed(run: Any) -> fitting.Parts:
        parts = parts_of(run)
        return fitting.Parts(parts.train, parts.test, parts.test, parts.inputs)

    patch.setattr("studies.rbf.measured.trained.parts_of", mixed)


def validation_by_the_test(patch: pytest.MonkeyPatch) -> None:
    resident = mnist.resident

    def mixed(run: Any, *parts: str, classes: int) -> Any:
        train, _, test = resident(run, *parts, classes=classes)
        return train, test, test

    patch.setattr(mnist, "resident", mixed)


def candidate_by_the_test(patch: pytest.MonkeyPatch) -> None:
    train = search._train

    def tested(one: search.Candidate, problem: search.Problem, *rest: Any) -> None:
        train(one, problem, *rest)
        one.losses[-1] = search.squared_error(one.network, problem.test)

    patch.setattr(search, "_train", tested)


@pytest.mark.parametrize(
    ("plant", "study", "name"),
    [
        (checkpoint_by_the_test, "rbf", "learning_rates"),
        (validation_by_the_test, "sesn", "plain_cnn"),
        (candidate_by_the_test, "filters2d", "colour_matrix"),
    ],
)
def test_a_planted_choice_by_the_test_is_found(
    plant: Callable[[pytest.MonkeyPatch], None], study: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    plain = traced(study, name)
    assert any(moved(free(study, name), plain, traced(study, name, relabelled)) for relabelled in DRAWS)
