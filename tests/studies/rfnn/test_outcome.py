"""What a training reports: the last epoch's network, whatever the best was."""

import pytest
import torch

from studies.rfnn import training
from studies.rfnn.model.network import AS_PUBLISHED, ControlCNN


def test_accuracy_and_loss_are_those_of_the_last_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([(91.0, 0.3), (95.0, 0.1), (93.0, 0.2)])
    monkeypatch.setattr(training, "evaluate", lambda *_: next(found))
    monkeypatch.setattr(training, "train_epoch", lambda *_, **__: None)
    images = training.Images(torch.zeros(4, 8, 8, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64), 16, 8)
    outcome = training.train(
        ControlCNN(3, 3, image_size=8), images, images,
        epochs=3, batch=2, learning_rate=0.001, switches=AS_PUBLISHED, seed=0,
    )  # fmt: skip
    assert (outcome.values["accuracy"], outcome.values["loss"]) == (93.0, 0.2)
    assert (outcome.values["best_accuracy"], outcome.values["best_epoch"]) == (95.0, 2.0)
    assert outcome.curves["accuracy"] == [91.0, 95.0, 93.0]
