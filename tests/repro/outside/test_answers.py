"""One question, the real logs of each tool, one answer: the values that were handed to the logger, by seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.outside.ask import Ask, answer
from tests.repro.support.run_logs import CURVE, real

TRAINED = {"run": [f"out/seed-{seed}" for seed in CURVE]}  # and not the one that diverged


@pytest.mark.parametrize(
    ("place", "ask"),
    [
        ("lightning-2.6.6/logs", Ask("val_acc", epoch="last")),
        ("mlflow-3.17.2/file-store", Ask("val/acc", epoch="last")),
        ("sacred-0.8.7", Ask("val_acc", epoch="last")),
        ("tensorboard-2.21.0/torch", Ask("val/acc", epoch="last", seed_from="name")),
        ("tensorboard-2.21.0/tf2", Ask("val/acc", epoch="last", seed_from="name")),
        ("wandb-0.31.0", Ask("val_acc", epoch="last")),
        ("transformers-5.24.0", Ask("eval_accuracy", TRAINED, epoch="last", seed_from="name")),
        ("transformers-4.57.1", Ask("eval_accuracy", TRAINED, epoch="last", seed_from="name")),
        ("optuna-5.0.0", Ask("value", {"seed": ["1", "2", "3"]}, across=("net",))),
        ("hydra-1.3.8", Ask("val_acc", {"lr": ["0.1"]}, epoch="best:val_acc")),
    ],
)
def test_every_tool_s_log_answers_with_the_true_values(place: str, ask: Ask, shared: Path) -> None:
    found = answer(real(shared, place), ask)
    assert [one.seed for one in found.finite] == [*CURVE]
    assert [one.value for one in found.finite] == pytest.approx([last for _, last in CURVE.values()], rel=2**-23)
    assert [one.state for one in found.lost] == ["failed"] * len(found.lost)
